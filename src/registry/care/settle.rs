//! Bringing the bytes of blobs to where the reference implementation looks for them.

use futures_util::{StreamExt as _, TryStreamExt as _};

use super::{Care, Progress};
use crate::oci::Digest;
use crate::storage::{Key, Place, StorageError};

/// How many blobs are brought there at the same time.
const PARALLEL_BLOBS: usize = 4;

/// What was done.
#[derive(Debug, Default, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Settled {
    /// Blobs that are at their final key now.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Blobs whose bytes are not all there, or have another digest: `verify` tells more.
    pub damaged: Vec<String>,
}

impl Care {
    /// Brings every blob to its final key whose bytes are where its upload left them. A file system has none.
    ///
    /// # Errors
    /// That of the storage.
    pub async fn settle(&self, progress: Progress<'_>) -> Result<Settled, StorageError> {
        let mut done = Settled::default();
        let mut settled = self
            .store
            .walk(&Key::pointers(), &[])
            .map(async |found| match Place::of(found?.key.as_str()) {
                Some(Place::Pointer(digest)) => self.settle_one(digest).await.map(Some),
                _ => Ok(None),
            })
            .buffer_unordered(PARALLEL_BLOBS);
        while let Some(one) = settled.try_next().await? {
            match one {
                Some(Ok(bytes)) => {
                    done.blobs += 1;
                    done.bytes += bytes;
                }
                Some(Err(digest)) => done.damaged.push(digest.to_string()),
                None => {}
            }
            progress("blobs", done.blobs);
        }
        Ok(done)
    }

    /// The bytes that were brought to their final key, or the digest of a blob that is damaged.
    async fn settle_one(&self, digest: Digest) -> Result<Result<u64, Digest>, StorageError> {
        let bytes = match self.store.settle_blob(&digest).await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(Err(digest)),
            Err(StorageError::Damaged { .. } | StorageError::NotFound { .. }) => return Ok(Err(digest)),
            Err(error) => return Err(error),
        };
        // Others may have just begun to read it where it was.
        tokio::time::sleep(self.rules.pause).await;
        self.store.forget_pointer(&digest).await?;
        Ok(Ok(bytes))
    }
}
