//! Care for a storage: collecting garbage, finding damages, counting, copying.
//!
//! An operator's act, without a user whose rights could be asked for. It has an entry of its own,
//! [`Care`], which the routes never use (a test of the rooms holds them to it).
//!
//! | file | its job |
//! | --- | --- |
//! | `digests` | a set of digests in little memory |
//! | `names` | what a manifest names |
//! | `alive` | which blobs are named by any manifest |
//! | `collect` | condemning what is not, and deleting it after the grace period |
//! | `reap` | deleting while others push |
//! | `untagged` | manifests that nothing leads to, where their removal is wanted |
//! | `uploads` | uploads that nobody finished |
//! | `verify`, `damage`, `mend` | everything that is not as it should be, and mending it |
//! | `usage`, `reindex`, `copy`, `settle` | counting, indexing, copying, giving back |

pub(super) mod alive;
pub(super) mod collect;
mod copy;
mod damage;
mod digests;
mod mend;
mod names;
pub(super) mod reap;
mod reindex;
mod settle;
mod untagged;
mod uploads;
mod usage;
mod verify;

use std::sync::Arc;
use std::time::Duration;

use super::{Registry, uses};
use crate::policy::StorageKey;
use crate::storage::{StorageError, Store};

pub use collect::{CareOptions, Collected};
pub use copy::Copied;
pub use damage::{Damage, Finding};
pub use reindex::Reindexed;
pub use settle::Settled;
pub use usage::{ImageUsage, Usage};
pub use verify::{Verified, VerifyOptions};

/// How many small reads run at the same time.
const PARALLEL: usize = 8;

/// How long a collector waits between marking blobs and looking at them, for stores that are not as
/// consistent as they should be.
const PAUSE: Duration = Duration::from_secs(2);

/// What all processes that work on a storage agree on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// How long unused blobs are kept.
    pub(super) grace: Duration,
    /// How old the trace of a use may be before the next use leaves another one.
    pub(super) hold: Duration,
    /// How long a collector waits between marking blobs and looking at them.
    pub(super) pause: Duration,
}

impl Rules {
    /// The rules where unused blobs are kept for `grace`.
    pub fn new(grace: Duration) -> Self {
        Self { grace, hold: uses::hold_of(grace), pause: PAUSE }
    }
}

/// The care for one storage.
#[derive(Debug)]
pub struct Care {
    store: Arc<Store>,
    rules: Rules,
}

impl Care {
    /// The care for a storage that is open.
    ///
    /// # Errors
    /// [`StorageError::Closed`] where it is not.
    pub fn of(registry: &Registry, storage: &StorageKey, rules: Rules) -> Result<Self, StorageError> {
        let store = registry.store(storage)?;
        let hold = rules.hold.max(store.hold_min());
        Ok(Self { store, rules: Rules { hold, ..rules } })
    }
}

/// Told how much was done of long work.
pub type Progress<'p> = &'p (dyn Fn(&str, u64) + Send + Sync);
