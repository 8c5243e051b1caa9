//! What is remembered of referrers: what a manifest says of itself never changes.

use std::sync::Arc;

use moka::sync::Cache;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::Referrer;
use crate::oci::Digest;
use crate::policy::StorageKey;
use crate::storage::StorageError;

/// How much is remembered, in bytes.
const KNOWN_BYTES: u64 = 16 * 1024 * 1024;

/// How many entries are read at the same time by all requests together. Each may be as large as a
/// manifest.
const PARALLEL_READS: usize = 64;

/// About how much memory an entry takes beside its texts, in bytes.
const OVERHEAD_BYTES: usize = 400;

/// Referrers that were read, by storage and digest. Whether one exists in an image is not known from here.
#[derive(Debug)]
pub(super) struct KnownReferrers {
    known: Cache<(StorageKey, Digest), Arc<Known>>,
    reads: Semaphore,
}

/// A referrer that was read.
#[derive(Debug)]
pub(super) struct Known {
    /// What a list says of it.
    pub(super) referrer: Referrer,
    /// How many bytes that takes, about.
    pub(super) bytes: u64,
}

impl Default for KnownReferrers {
    fn default() -> Self {
        let weigh = |_: &(StorageKey, Digest), known: &Arc<Known>| {
            let bytes = usize::try_from(known.bytes).unwrap_or(usize::MAX);
            u32::try_from(bytes.saturating_add(OVERHEAD_BYTES)).unwrap_or(u32::MAX)
        };
        Self {
            known: Cache::builder().max_capacity(KNOWN_BYTES).weigher(weigh).build(),
            reads: Semaphore::new(PARALLEL_READS),
        }
    }
}

impl KnownReferrers {
    /// What is remembered of a referrer.
    pub(super) fn get(&self, storage: &StorageKey, digest: &Digest) -> Option<Arc<Known>> {
        self.known.get(&(storage.clone(), digest.clone()))
    }

    /// Remembers a referrer.
    pub(super) fn keep(&self, storage: &StorageKey, known: &Arc<Known>) {
        self.known.insert((storage.clone(), known.referrer.digest.clone()), Arc::clone(known));
    }

    /// Waits until one more may be read.
    pub(super) async fn turn(&self) -> Result<SemaphorePermit<'_>, StorageError> {
        self.reads.acquire().await.map_err(|error| StorageError::Stopped(error.to_string()))
    }
}
