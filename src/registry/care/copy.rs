//! Copying a storage into another one.

use futures_util::{StreamExt as _, TryStreamExt as _};

use super::{Care, PARALLEL, Progress};
use crate::oci::Digest;
use crate::storage::{Found, Key, Place, StorageError};

/// How many blobs are copied at the same time.
const PARALLEL_BLOBS: usize = 4;

/// What was copied.
#[derive(Debug, Default, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Copied {
    /// Blobs and manifests that were copied.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Blobs and manifests that were there already.
    pub skipped: u64,
    /// Links and records that were copied.
    pub links: u64,
    /// Blobs whose bytes have another digest: they were not copied, and `verify` tells more.
    pub damaged: Vec<String>,
}

enum Done {
    Copied(u64),
    Skipped,
    Damaged(Digest),
    Gone,
}

impl Care {
    /// Copies everything but running uploads into another storage: first all bytes, whose digests are
    /// verified, then the links, then the tags. What is there already is left out, so that it can be
    /// begun again.
    ///
    /// # Errors
    /// That of either storage.
    pub async fn copy_to(&self, target: &Self, progress: Progress<'_>) -> Result<Copied, StorageError> {
        let mut copied = Copied::default();
        let mut blobs = self
            .store
            .walk(&Key::blobs(), &[])
            .chain(self.store.walk(&Key::pointers(), &[]))
            .map(async |found| match Place::of(found?.key.as_str()) {
                Some(Place::Blob(digest) | Place::Pointer(digest)) => self.copy_blob(target, digest).await,
                _ => Ok(Done::Gone),
            })
            .buffer_unordered(PARALLEL_BLOBS);
        while let Some(done) = blobs.try_next().await? {
            match done {
                Done::Copied(bytes) => {
                    copied.blobs += 1;
                    copied.bytes += bytes;
                }
                Done::Skipped => copied.skipped += 1,
                Done::Damaged(digest) => copied.damaged.push(digest.to_string()),
                Done::Gone => {}
            }
            progress("blobs", copied.blobs + copied.skipped);
        }
        drop(blobs);
        // A tag is there only when its manifest is.
        for (folder, skip) in [
            (Key::images(""), ["_uploads", "_manifests/tags"].as_slice()),
            (Key::images(""), ["_uploads", "_layers", "_manifests/revisions"].as_slice()),
            (Key::own_images(), [].as_slice()),
        ] {
            let mut links = self
                .store
                .walk(&folder, skip)
                .map(async |found| self.copy_link(target, found?).await)
                .buffer_unordered(PARALLEL);
            while let Some(is_copied) = links.try_next().await? {
                copied.links += u64::from(is_copied);
                progress("links", copied.links);
            }
        }
        Ok(copied)
    }

    async fn copy_blob(&self, target: &Self, digest: Digest) -> Result<Done, StorageError> {
        let Some(blob) = self.store.open_blob(&digest).await? else { return Ok(Done::Gone) };
        let size = blob.size();
        if target.store.blob_size(&digest).await? == Some(size) {
            return Ok(Done::Skipped);
        }
        match target.store.write_blob(&digest, blob.read(0, size).await?).await? {
            true => Ok(Done::Copied(size)),
            false => Ok(Done::Damaged(digest)),
        }
    }

    async fn copy_link(&self, target: &Self, found: Found) -> Result<bool, StorageError> {
        if Place::of(found.key.as_str()).is_none() {
            return Ok(false);
        }
        let bytes = match self.store.get(&found.key).await {
            // Removed meanwhile.
            Err(error) if error.is_not_found() => return Ok(false),
            result => result?,
        };
        let there = match target.store.get(&found.key).await {
            Err(error) if error.is_not_found() => None,
            result => Some(result?),
        };
        if there.as_ref() == Some(&bytes) {
            return Ok(false);
        }
        target.store.put(&found.key, bytes).await?;
        Ok(true)
    }
}
