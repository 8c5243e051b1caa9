//! Manifests as they lie in the storage.

use super::{RegistryError, StoredManifest};
use crate::oci::{Digest, ImageName, Manifest};
use crate::storage::{Key, StorageError, Store};

/// Reads a manifest that exists in an image; `None` where it does not, whatever the shared blob
/// store holds.
pub(super) async fn read(
    store: &Store,
    image: &ImageName,
    digest: &Digest,
) -> Result<Option<StoredManifest>, StorageError> {
    if !store.exists(&Key::revision(image, digest)).await? {
        return Ok(None);
    }
    if let Some((media_type, body)) = store.known_manifest(digest) {
        return Ok(Some(StoredManifest { digest: digest.clone(), media_type, body }));
    }
    let key = Key::blob(digest);
    let body = match store.get(&key).await {
        Err(error) if error.is_not_found() => return Ok(None),
        result => result?,
    };
    let actual = Digest::of(digest.algorithm(), &body);
    if actual != *digest {
        return Err(StorageError::Damaged { key: key.to_string(), why: format!("its digest is {actual}") });
    }
    let Some(media_type) = Manifest::sniff(&body) else {
        return Err(StorageError::Damaged { key: key.to_string(), why: "it is no manifest".to_owned() });
    };
    store.keep_manifest(digest, &media_type, &body);
    Ok(Some(StoredManifest { digest: digest.clone(), media_type, body }))
}

/// Reads and understands a manifest that exists in an image. `None` also where older software let in
/// what is no manifest by today's rules, and so refers to nothing.
pub(super) async fn understand(
    store: &Store,
    image: &ImageName,
    digest: &Digest,
) -> Result<Option<(Manifest, u64)>, StorageError> {
    let stored = read(store, image, digest).await?;
    Ok(stored.and_then(|stored| {
        let size = stored.body.len() as u64;
        Manifest::parse(&stored.media_type, &stored.body).ok().map(|manifest| (manifest, size))
    }))
}

/// Whether an image holds a blob: it is linked there, and its bytes exist.
pub(super) async fn holds_blob(store: &Store, image: &ImageName, digest: &Digest) -> Result<bool, StorageError> {
    Ok(store.exists(&Key::layer(image, digest)).await? && store.blob_size(digest).await?.is_some())
}

/// Whether anything was ever pushed to an image and not deleted again.
pub(super) async fn image_exists(store: &Store, image: &ImageName) -> Result<bool, RegistryError> {
    Ok(store.has_any(&Key::all_revisions(image)).await? || store.has_any(&Key::tags(image)).await?)
}
