//! Pushing a manifest.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{PARALLEL_READS, Pushed, Registry, RegistryError, StorageError, manifests, referrers, tags, uses};
use crate::oci::{Algorithm, BadManifest, Digest, ImageName, Manifest, MediaType};
use crate::policy::{ManifestPermit, TagMode};
use crate::storage::{Key, Store};

impl Registry {
    /// Stores a manifest and sets the permit's tags. `expected` is the digest of the request's path.
    ///
    /// # Errors
    /// Says what is wrong with the manifest, what it names that the image does not hold, or which tag
    /// exists and may not be replaced; nothing is written then.
    pub async fn put_manifest(
        &self,
        permit: &ManifestPermit,
        media_type: &MediaType,
        body: Bytes,
        expected: Option<&Digest>,
    ) -> Result<Pushed, RegistryError> {
        let store = self.store(permit.storage())?;
        let (writer, permit, media_type) = (Arc::clone(&store), permit.clone(), media_type.clone());
        let expected = expected.cloned();
        store.to_the_end(async move { put(&writer, &permit, &media_type, body, expected.as_ref()).await }).await?
    }
}

async fn put(
    store: &Store,
    permit: &ManifestPermit,
    media_type: &MediaType,
    body: Bytes,
    expected: Option<&Digest>,
) -> Result<Pushed, RegistryError> {
    let image = permit.image();
    let digest = Digest::of(expected.map_or(Algorithm::Sha256, Digest::algorithm), &body);
    if expected.is_some_and(|expected| *expected != digest) {
        return Err(RegistryError::DigestMismatch { actual: digest });
    }
    let manifest = understand(media_type, &body)?;
    let used = uses::of_manifest(&manifest, &digest);
    let claim = uses::claim(store, None, &used).await?;
    check_references(store, image, &manifest).await?;
    check_tags(store, permit, &digest).await?;

    let entries = referrers::entries(store, image, &digest, &manifest, body.len() as u64).await?;
    let revision = Key::revision(image, &digest);
    // The bytes are written also where they are already: what is there may be damaged, or not be on disk yet.
    let before = [(Key::blob(&digest), body)].into_iter().chain(entries).collect();
    store.put_in_order(vec![before, vec![(revision.clone(), digest.to_string().into())]]).await?;

    let mut set = Vec::new();
    for (tag, mode) in permit.tags() {
        if !set.contains(tag) && tags::set(store, image, tag, *mode, &digest).await? {
            set.push(tag.clone());
        }
    }
    // A delete may have removed it since, having seen no tag at it yet.
    if !store.exists(&revision).await? {
        store.set_link(&revision, &digest).await?;
    }
    if !claim.stands() {
        let again = uses::claim(store, None, &used).await?;
        check_references(store, image, &manifest).await?;
        if store.blob_size(&digest).await?.is_none() || !again.stands() {
            return Err(StorageError::Slow("writing a manifest").into());
        }
    }
    match permit.tags().first() {
        Some((tag, _)) if set.is_empty() => Err(RegistryError::TagExists(tag.clone())),
        _ => Ok(Pushed { digest, subject: manifest.subject.map(|subject| subject.digest), tags: set }),
    }
}

/// Reads a manifest, and makes sure that it will be understood in the same way from its bytes alone:
/// the layout has no place for a media type.
fn understand(media_type: &MediaType, body: &[u8]) -> Result<Manifest, BadManifest> {
    let manifest = Manifest::parse(media_type, body)?;
    match Manifest::sniff(body) {
        Some(sniffed) if sniffed == *media_type => Ok(manifest),
        sniffed => Err(BadManifest::MediaTypeMismatch {
            body: sniffed.map(|sniffed| sniffed.as_str().to_owned()).unwrap_or_default(),
            header: media_type.as_str().to_owned(),
        }),
    }
}

/// All that a manifest names must be in this image, whatever other images hold. What an index lists may
/// also be a blob: build caches list their layers there.
pub(super) async fn check_references(
    store: &Store,
    image: &ImageName,
    manifest: &Manifest,
) -> Result<(), RegistryError> {
    let blobs: BTreeSet<Digest> = manifest.required_blobs().map(|blob| blob.digest.clone()).collect();
    let children: BTreeSet<Digest> = manifest.child_digests();
    let blobs = stream::iter(blobs)
        .map(async |digest| match manifests::holds_blob(store, image, &digest).await? {
            true => Ok(()),
            false => Err(RegistryError::ManifestBlobUnknown(digest)),
        })
        .buffered(PARALLEL_READS)
        .try_collect::<()>();
    let children = stream::iter(children)
        .map(async |digest| {
            let is_held = store.exists(&Key::revision(image, &digest)).await?
                || manifests::holds_blob(store, image, &digest).await?;
            if is_held { Ok(()) } else { Err(RegistryError::ManifestChildUnknown(digest)) }
        })
        .buffered(PARALLEL_READS)
        .try_collect::<()>();
    blobs.await?;
    children.await
}

/// One tag that may not be set refuses the whole push, before anything is written.
async fn check_tags(store: &Store, permit: &ManifestPermit, digest: &Digest) -> Result<(), RegistryError> {
    for (tag, mode) in permit.tags() {
        if *mode == TagMode::CreateOnly
            && let Some(current) = store.link(&Key::tag_current(permit.image(), tag)).await?
            && current != *digest
        {
            return Err(RegistryError::TagExists(tag.clone()));
        }
    }
    Ok(())
}
