//! Bytes: keys, blobs, uploads, on a file system or in memory.
//!
//! Imports `oci`.

use std::path::PathBuf;

/// Which storage to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreOptions {
    /// A folder, made where it does not exist.
    Fs {
        /// The folder.
        root: PathBuf,
    },
    /// Memory, lost at exit.
    Memory,
}

/// What went wrong in a storage. The message is for the log, not for clients.
#[derive(Debug, thiserror::Error)]
#[error("storage: {0}")]
pub struct StorageError(pub String);
