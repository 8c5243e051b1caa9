//! Referrers: which manifests have a given one as their subject.
//!
//! The layout of the reference implementation has no place for them. An entry in an index of our own
//! is written before the manifest's own link, and believed only where that link exists. Where the data
//! came from elsewhere, the index is built from all manifests of the image when it is first needed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::{Deserialize, Serialize};

use super::candidates::Candidates;
use super::known::Known;
use super::{PARALLEL_READS, Page, Referrer, Registry, RegistryError, manifests};
use crate::oci::{Algorithm, Digest, ImageName, Manifest};
use crate::policy::PullPermit;
use crate::storage::{Children, Key, StorageError, Store};

/// The form of an entry.
const VERSION: u32 = 1;

/// How long a request waits for an index that is being built.
const INDEX_DEADLINE: Duration = Duration::from_secs(10);

/// How many bytes of entries one page holds; one entry at least, however large it is.
const PAGE_BYTES: u64 = 4 * 1024 * 1024;

/// How many manifests are taken up together while an index is built.
const MANIFESTS_AT_ONCE: usize = 1000;

/// How many entries one page holds.
const PAGE_ENTRIES: usize = 1000;

/// How many entries one request reads at the same time.
const PARALLEL_ENTRIES: usize = 16;

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
        let mut page = Page { entries: Vec::new(), more: false };
        let mut page_bytes = 0;
        let mut candidates = Candidates::after(&store, image, digest, last).await?;
        loop {
            let digests = candidates.next().await?;
            if digests.is_empty() {
                return Ok(page);
            }
            let revisions = digests.iter().map(|candidate| Key::revision(image, candidate)).collect();
            let exist = store.which_exist(revisions).await?;
            let existing = digests.into_iter().zip(exist).filter_map(|(candidate, exists)| exists.then_some(candidate));
            let mut found = std::pin::pin!(
                stream::iter(existing)
                    .map(async |candidate| self.referrer(permit, &store, digest, candidate).await)
                    .buffered(PARALLEL_ENTRIES)
            );
            while let Some(known) = found.try_next().await? {
                let Some(known) = known else { continue };
                if artifact_type.is_some() && known.referrer.artifact_type.as_deref() != artifact_type {
                    continue;
                }
                page_bytes += known.bytes;
                let is_full = page.entries.len() == PAGE_ENTRIES || page_bytes > PAGE_BYTES;
                if is_full && !page.entries.is_empty() {
                    page.more = true;
                    return Ok(page);
                }
                page.entries.push(known.referrer.clone());
            }
        }
    }

    /// What a manifest of the image says of itself as a referrer; `None` where it is none.
    async fn referrer(
        &self,
        permit: &PullPermit,
        store: &Store,
        subject: &Digest,
        digest: Digest,
    ) -> Result<Option<Arc<Known>>, StorageError> {
        if let Some(known) = self.known_referrers.get(permit.storage(), &digest) {
            return Ok(Some(known));
        }
        let _one_of_few = self.known_referrers.turn().await?;
        let Some(known) = read(store, permit.image(), subject, digest).await?.map(Arc::new) else { return Ok(None) };
        self.known_referrers.keep(permit.storage(), &known);
        Ok(Some(known))
    }
}

/// Enters a manifest that is about to be there again, or in another storage.
pub(super) async fn enter(
    store: &Store,
    image: &ImageName,
    digest: &Digest,
    manifest: &Manifest,
    size: u64,
) -> Result<(), StorageError> {
    let entries = entries(store, image, digest, manifest, size).await?;
    store.put_in_order(vec![entries]).await
}

/// What is to be written before a manifest is there.
pub(super) async fn entries(
    store: &Store,
    image: &ImageName,
    digest: &Digest,
    manifest: &Manifest,
    size: u64,
) -> Result<Vec<(Key, Bytes)>, StorageError> {
    let mut entries = Vec::new();
    let complete = Key::referrers_complete(image);
    if !store.exists(&complete).await? && !store.has_any(&Key::all_revisions(image)).await? {
        // The first manifest of the image: from here on every one passes through this function.
        entries.push((complete, VERSION.to_string().into()));
    }
    entries.extend(entry(image, digest, manifest, size)?);
    Ok(entries)
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

/// The entry of a manifest, where it has a subject.
fn entry(
    image: &ImageName,
    digest: &Digest,
    manifest: &Manifest,
    size: u64,
) -> Result<Option<(Key, Bytes)>, StorageError> {
    let Some(subject) = &manifest.subject else { return Ok(None) };
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
    Ok(Some((key, json.into())))
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
        let folder = Key::revisions(image, algorithm);
        let mut after = None;
        loop {
            let names = store.names(&folder, Children::Folders, after.as_deref(), MANIFESTS_AT_ONCE).await?;
            let digests: Vec<Digest> =
                names.names.iter().filter_map(|hex| Digest::from_hex(algorithm, hex).ok()).collect();
            has_manifests |= !digests.is_empty();
            enter_all(store, image, digests).await?;
            after = names.names.into_iter().next_back();
            if !names.more || after.is_none() {
                break;
            }
        }
    }
    // An image without manifests gets its note with the first: reading makes nothing of nothing.
    if has_manifests { store.put(&Key::referrers_complete(image), VERSION.to_string().into()).await } else { Ok(()) }
}

async fn enter_all(store: &Store, image: &ImageName, digests: Vec<Digest>) -> Result<(), StorageError> {
    stream::iter(digests)
        .map(Ok)
        .try_for_each_concurrent(PARALLEL_READS, async |digest| {
            match manifests::understand(store, image, &digest).await {
                Ok(Some((manifest, size))) => match entry(image, &digest, &manifest, size)? {
                    Some((key, bytes)) => store.put(&key, bytes).await,
                    None => Ok(()),
                },
                // What cannot be served is no referrer.
                Ok(None) | Err(StorageError::Damaged { .. }) => Ok(()),
                Err(error) => Err(error),
            }
        })
        .await
}

/// Reads a referrer, from its entry or else from itself; `None` where there is neither. That it exists in
/// the image is known.
async fn read(
    store: &Store,
    image: &ImageName,
    subject: &Digest,
    digest: Digest,
) -> Result<Option<Known>, StorageError> {
    let key = Key::referrer(image, subject, &digest);
    let bytes = match store.get(&key).await {
        Err(error) if error.is_not_found() => {
            let found = manifests::understand(store, image, &digest).await?;
            return Ok(
                found.map(|(manifest, size)| Known { referrer: of_manifest(manifest, digest, size), bytes: size })
            );
        }
        result => result?,
    };
    let entry: Entry = serde_json::from_slice(&bytes)
        .map_err(|error| StorageError::Damaged { key: key.to_string(), why: error.to_string() })?;
    let referrer = Referrer {
        media_type: entry.media_type,
        digest,
        size: entry.size,
        artifact_type: entry.artifact_type,
        annotations: entry.annotations,
    };
    Ok(Some(Known { referrer, bytes: bytes.len() as u64 }))
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
