//! Referrers: which manifests have a given one as their subject.
//!
//! The layout of the reference implementation has no place for them. An entry in an index of our own
//! is written before the manifest's own link, and believed only where that link exists. Where the data
//! came from elsewhere, the index is built from all manifests of the image when it is first needed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::{Deserialize, Serialize};

use super::{PARALLEL_READS, Page, Referrer, Registry, RegistryError, manifests};
use crate::oci::{Algorithm, Digest, ImageName, Manifest, Tag};
use crate::policy::PullPermit;
use crate::storage::{Key, StorageError, Store};

/// The form of an entry.
const VERSION: u32 = 1;

/// How long a request waits for an index that is being built.
const INDEX_DEADLINE: Duration = Duration::from_secs(10);

/// How many bytes of entries one page holds; one entry at least, however large it is.
const PAGE_BYTES: u64 = 4 * 1024 * 1024;

/// How many entries are read at the same time. Each may be as large as a manifest.
const PARALLEL_ENTRIES: usize = 2;

#[derive(Serialize, Deserialize)]
struct Entry {
    version: u32,
    media_type: String,
    size: u64,
    artifact_type: Option<String>,
    annotations: BTreeMap<String, String>,
}

impl Registry {
    /// The manifests after `last` whose subject is `digest`, ordered by their digests: as many as a page
    /// of bounded size holds.
    ///
    /// # Errors
    /// That of the storage; [`StorageError::Indexing`] where the answer will be there later.
    pub async fn referrers(
        &self,
        permit: &PullPermit,
        digest: &Digest,
        artifact_type: Option<&str>,
        last: Option<&Digest>,
    ) -> Result<Page<Referrer>, RegistryError> {
        let store = self.store(permit.storage())?;
        let image = permit.image();
        if !store.exists(&Key::referrers_complete(image)).await? {
            let (store, built) = (Arc::clone(&store), image.clone());
            // On its own: what takes too long for this request is there for the next.
            let index = tokio::spawn(async move { build(&store, &built).await });
            match tokio::time::timeout(INDEX_DEADLINE, index).await {
                Ok(done) => done.map_err(|error| StorageError::Stopped(error.to_string()))??,
                Err(_) => return Err(StorageError::Indexing(image.to_string()).into()),
            }
        }
        let mut candidates = in_fallback_tag(&store, image, digest).await?;
        candidates.extend(entered(&store, image, digest).await?);
        candidates.retain(|candidate| last.is_none_or(|last| candidate > last));
        let mut found = std::pin::pin!(
            stream::iter(candidates)
                .map(async |candidate| read(&store, image, digest, candidate).await)
                .buffered(PARALLEL_ENTRIES)
        );
        let mut page = Page { entries: Vec::new(), more: false };
        let mut page_bytes = 0;
        while let Some(read) = found.try_next().await? {
            let Some((referrer, bytes)) = read else { continue };
            if artifact_type.is_some() && referrer.artifact_type.as_deref() != artifact_type {
                continue;
            }
            page_bytes += bytes;
            if page_bytes > PAGE_BYTES && !page.entries.is_empty() {
                page.more = true;
                break;
            }
            page.entries.push(referrer);
        }
        Ok(page)
    }
}

/// Enters a manifest that is about to be pushed.
pub(super) async fn enter(
    store: &Store,
    image: &ImageName,
    digest: &Digest,
    manifest: &Manifest,
    size: u64,
) -> Result<(), StorageError> {
    let complete = Key::referrers_complete(image);
    if !store.exists(&complete).await? && !store.has_any(&Key::all_revisions(image)).await? {
        // The first manifest of the image: from here on every one passes through this function.
        store.put(&complete, VERSION.to_string().into()).await?;
    }
    write(store, image, digest, manifest, size).await
}

/// Removes the entry of a manifest that was removed.
pub(super) async fn forget(
    store: &Store,
    image: &ImageName,
    digest: &Digest,
    subject: &Digest,
) -> Result<(), StorageError> {
    let entry = Key::referrer(image, subject, digest);
    store.remove(&entry).await?;
    super::tags::remove_folders(store, &entry, 1).await
}

async fn write(
    store: &Store,
    image: &ImageName,
    digest: &Digest,
    manifest: &Manifest,
    size: u64,
) -> Result<(), StorageError> {
    let Some(subject) = &manifest.subject else { return Ok(()) };
    let key = Key::referrer(image, &subject.digest, digest);
    let entry = Entry {
        version: VERSION,
        media_type: manifest.media_type.as_str().to_owned(),
        size,
        artifact_type: manifest.artifact_type.clone(),
        annotations: manifest.annotations.clone(),
    };
    let json = serde_json::to_vec(&entry)
        .map_err(|error| StorageError::Damaged { key: key.to_string(), why: error.to_string() })?;
    store.put(&key, json.into()).await
}

/// Enters all manifests of an image, and notes that it was done.
async fn build(store: &Store, image: &ImageName) -> Result<(), StorageError> {
    let _one_at_a_time = store.indexing().await;
    let complete = Key::referrers_complete(image);
    if store.exists(&complete).await? {
        return Ok(());
    }
    index(store, image).await
}

/// Enters all manifests of an image anew.
pub(super) async fn rebuild(store: &Store, image: &ImageName) -> Result<(), StorageError> {
    let _one_at_a_time = store.indexing().await;
    index(store, image).await
}

async fn index(store: &Store, image: &ImageName) -> Result<(), StorageError> {
    let mut has_manifests = false;
    for algorithm in Algorithm::ALL {
        let names = store.list(&Key::revisions(image, algorithm)).await?.folders;
        let digests: Vec<Digest> = names.iter().filter_map(|hex| Digest::from_hex(algorithm, hex).ok()).collect();
        has_manifests |= !digests.is_empty();
        stream::iter(digests)
            .map(Ok)
            .try_for_each_concurrent(PARALLEL_READS, async |digest| {
                match manifests::understand(store, image, &digest).await {
                    Ok(Some((manifest, size))) => write(store, image, &digest, &manifest, size).await,
                    // What cannot be served is no referrer.
                    Ok(None) | Err(StorageError::Damaged { .. }) => Ok(()),
                    Err(error) => Err(error),
                }
            })
            .await?;
    }
    // An image without manifests gets its note with the first: reading makes nothing of nothing.
    if has_manifests { store.put(&Key::referrers_complete(image), VERSION.to_string().into()).await } else { Ok(()) }
}

/// The digests that have an entry under a subject.
async fn entered(store: &Store, image: &ImageName, subject: &Digest) -> Result<BTreeSet<Digest>, StorageError> {
    let names = store.list(&Key::referrers(image, subject)).await?.objects;
    let digest_of = |name: &String| {
        let (algorithm, hex) = name.split_once('-')?;
        Digest::from_hex(Algorithm::parse(algorithm)?, hex).ok()
    };
    Ok(names.iter().filter_map(digest_of).collect())
}

/// What clients listed in a tag while registries had no referrers API (OCI distribution specification
/// 1.1, "Referrers Tag Schema").
async fn in_fallback_tag(store: &Store, image: &ImageName, subject: &Digest) -> Result<BTreeSet<Digest>, StorageError> {
    let hex = subject.hex();
    let Ok(tag) = Tag::parse(&format!("{}-{}", subject.algorithm().as_str(), &hex[..hex.len().min(64)])) else {
        return Ok(BTreeSet::new());
    };
    let Some(index) = store.link(&Key::tag_current(image, &tag)).await? else { return Ok(BTreeSet::new()) };
    let index = manifests::understand(store, image, &index).await?;
    Ok(index.map(|(index, _)| index.child_digests()).unwrap_or_default())
}

/// Reads a referrer, from its entry or else from itself, with how many bytes were read; `None` where it
/// does not exist in the image.
async fn read(
    store: &Store,
    image: &ImageName,
    subject: &Digest,
    digest: Digest,
) -> Result<Option<(Referrer, u64)>, StorageError> {
    let key = Key::referrer(image, subject, &digest);
    let bytes = match store.get(&key).await {
        Err(error) if error.is_not_found() => {
            let found = manifests::understand(store, image, &digest).await?;
            return Ok(found.map(|(manifest, size)| (of_manifest(manifest, digest, size), size)));
        }
        result => result?,
    };
    if !store.exists(&Key::revision(image, &digest)).await? {
        return Ok(None);
    }
    let entry: Entry = serde_json::from_slice(&bytes)
        .map_err(|error| StorageError::Damaged { key: key.to_string(), why: error.to_string() })?;
    let referrer = Referrer {
        media_type: entry.media_type,
        digest,
        size: entry.size,
        artifact_type: entry.artifact_type,
        annotations: entry.annotations,
    };
    Ok(Some((referrer, bytes.len() as u64)))
}

fn of_manifest(manifest: Manifest, digest: Digest, size: u64) -> Referrer {
    Referrer {
        media_type: manifest.media_type.as_str().to_owned(),
        digest,
        size,
        artifact_type: manifest.artifact_type,
        annotations: manifest.annotations,
    }
}
