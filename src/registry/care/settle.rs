//! Bringing the bytes of blobs to where the reference implementation looks for them.

use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _};
use tokio::time::{Instant, sleep};

use super::{Care, Progress};
use crate::oci::Digest;
use crate::storage::{Key, Place, StorageError, URL_LIFE};

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

impl Settled {
    /// How long it must be waited where servers serve the storage: as long as a URL that a client was given can be
    /// used, and a little more, since servers remember for a moment where a blob is, and clocks disagree.
    pub const WAIT: Duration = URL_LIFE.saturating_add(Duration::from_secs(60));
}

impl Care {
    /// Brings every blob to its final key whose bytes are where its upload left them. A file system has none.
    ///
    /// Their parts are removed after `wait`: servers may have sent clients to URLs of parts.
    ///
    /// # Errors
    /// That of the storage.
    pub async fn settle(&self, wait: Duration, progress: Progress<'_>) -> Result<Settled, StorageError> {
        let mut done = Settled::default();
        let mut whole = Vec::new();
        let mut settled = self
            .store
            .walk(&Key::pointers(), &[])
            .map(async |found| match Place::of(found?.key.as_str()) {
                Some(Place::Pointer(digest)) => self.settle_one(digest).await,
                _ => Ok(Outcome::Gone),
            })
            .buffer_unordered(PARALLEL_BLOBS);
        while let Some(one) = settled.try_next().await? {
            match one {
                Outcome::Whole(digest, bytes) => {
                    done.blobs += 1;
                    done.bytes += bytes;
                    whole.push(digest);
                }
                Outcome::Damaged(digest) => done.damaged.push(digest.to_string()),
                Outcome::Gone => {}
            }
            progress("blobs", done.blobs);
        }
        drop(settled);
        if !whole.is_empty() {
            sit_out(wait, progress).await;
        }
        for (number, digest) in whole.iter().enumerate() {
            self.store.forget_pointer(digest).await?;
            progress("blobs whose parts are removed", number as u64 + 1);
        }
        Ok(done)
    }

    async fn settle_one(&self, digest: Digest) -> Result<Outcome, StorageError> {
        match self.store.settle_blob(&digest).await {
            Ok(Some(bytes)) => Ok(Outcome::Whole(digest, bytes)),
            Ok(None) | Err(StorageError::Damaged { .. }) => Ok(Outcome::Damaged(digest)),
            Err(StorageError::NotFound { .. }) => match self.store.pointer(&digest).await? {
                Some(_) => Ok(Outcome::Damaged(digest)),
                None => Ok(Outcome::Gone),
            },
            Err(error) => Err(error),
        }
    }
}

/// What became of a blob.
enum Outcome {
    /// It is at its final key, to which so many bytes were brought now.
    Whole(Digest, u64),
    Damaged(Digest),
    /// It was deleted meanwhile.
    Gone,
}

async fn sit_out(wait: Duration, progress: Progress<'_>) {
    let begun = Instant::now();
    while let Some(left) = wait.checked_sub(begun.elapsed()).filter(|left| !left.is_zero()) {
        progress("seconds until downloads that have begun are over, and parts are removed", left.as_secs());
        sleep(left.min(Duration::from_secs(1))).await;
    }
}
