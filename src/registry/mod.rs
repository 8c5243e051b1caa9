//! The use cases: pull, push, tag, referrers, delete. Takes permits, not users.
//!
//! Imports `policy`, `storage` and `oci`.

mod candidates;
mod care;
mod catalog;
mod delete;
mod error;
mod garbage;
mod known;
mod manifests;
mod model;
mod mount;
mod pull;
mod push;
mod referrers;
mod tags;
mod upload;
mod uses;
mod walk;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

pub use care::{
    Care, CareOptions, Collected, Copied, Damage, Finding, ImageUsage, Progress, Reindexed, Rules, Settled, Usage,
    Verified, VerifyOptions,
};
pub use error::{BodyError, RegistryError};
pub use garbage::{GarbageCounts, GarbageTally};
pub use model::{Blob, Page, Pushed, Referrer, StoredManifest, UploadStatus};

pub use crate::storage::{BlobStream, S3Keys, S3Options, StorageError, StoreOptions};

use crate::policy::StorageKey;
use crate::storage::Store;

/// Asked after a body was received and before its effect becomes visible: is it still allowed?
pub type Confirm<'a> = &'a (dyn Fn() -> bool + Send + Sync);

/// How many small reads of one request run at the same time.
const PARALLEL_READS: usize = 8;

/// The registry: all storages that are open, and what can be done in them.
#[derive(Debug, Default)]
pub struct Registry {
    stores: RwLock<HashMap<StorageKey, Arc<Store>>>,
    walks: catalog::CatalogWalks,
    known_referrers: known::KnownReferrers,
    hold: RwLock<Option<Duration>>,
    garbage: GarbageTally,
}

impl Registry {
    /// A registry without storages.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens a storage under a key; one that is open already stays as it is.
    ///
    /// # Errors
    /// Says what is wrong with the storage: that a folder is none or cannot be written, that a bucket cannot be
    /// reached or does not do what is needed.
    pub async fn open(&self, key: &StorageKey, options: StoreOptions) -> Result<(), StorageError> {
        if self.store(key).is_ok() {
            return Ok(());
        }
        let store = Arc::new(Store::open(options).await?);
        if let Some(hold) = *self.hold.read().unwrap_or_else(PoisonError::into_inner) {
            store.set_hold(hold);
        }
        self.stores.write().unwrap_or_else(PoisonError::into_inner).entry(key.clone()).or_insert(store);
        Ok(())
    }

    /// Says how long unused blobs are kept in all storages. Every process that works on a storage must say
    /// the same, save where all say 40 minutes or more.
    pub fn set_grace(&self, grace: Duration) {
        let hold = uses::hold_of(grace);
        *self.hold.write().unwrap_or_else(PoisonError::into_inner) = Some(hold);
        self.all().iter().for_each(|store| store.set_hold(hold));
    }

    /// What became of collecting garbage in this process.
    pub fn garbage(&self) -> &GarbageTally {
        &self.garbage
    }

    /// Whether a storage is open under a key.
    pub fn is_open(&self, key: &StorageKey) -> bool {
        self.store(key).is_ok()
    }

    /// Whether every one of these storages answers.
    ///
    /// # Errors
    /// The error of the first that does not; [`StorageError::Closed`] where it is not open.
    pub async fn ready(&self, keys: impl IntoIterator<Item = &StorageKey>) -> Result<(), StorageError> {
        for key in keys {
            self.store(key)?.ready().await?;
        }
        Ok(())
    }

    /// Removes upload sessions that were begun longer ago than `age`; returns how many. A storage that
    /// fails is logged, and does not keep the others.
    pub async fn expire_uploads(&self, age: Duration) -> usize {
        let mut removed = 0;
        for store in self.all() {
            match store.expire_uploads(age).await {
                Ok(count) => removed += count,
                Err(error) => tracing::error!(%error, "cannot remove uploads that were never finished"),
            }
        }
        removed
    }

    fn store(&self, key: &StorageKey) -> Result<Arc<Store>, StorageError> {
        let stores = self.stores.read().unwrap_or_else(PoisonError::into_inner);
        stores.get(key).cloned().ok_or_else(|| StorageError::Closed(key.0.to_string()))
    }

    fn all(&self) -> Vec<Arc<Store>> {
        self.stores.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

#[cfg(test)]
mod tests;
