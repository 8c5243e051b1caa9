//! The records of an upload: whose it is, and what was acknowledged.

use serde::{Deserialize, Serialize};

use super::{Key, StorageError};

/// The form of the records. Increased whenever it changes, that of the digest's state included.
pub(super) const VERSION: u32 = 1;

/// Whose an upload is.
#[derive(Serialize, Deserialize)]
pub(super) struct Session {
    pub(super) version: u32,
    pub(super) image: String,
    pub(super) owner: Option<String>,
    /// Seconds since 1970.
    pub(super) started: u64,
}

/// What was acknowledged.
#[derive(Serialize, Deserialize)]
pub(super) struct Chunk {
    pub(super) version: u32,
    /// Position after the chunk's last byte.
    pub(super) end: u64,
    /// The SHA-256 state after all bytes up to there.
    pub(super) sha256: Vec<u8>,
}

/// Refuses a record of a form that is not understood.
pub(super) fn check_version(key: &Key, version: u32) -> Result<(), StorageError> {
    if version == VERSION {
        return Ok(());
    }
    let why = format!("it has the version {version}, and only {VERSION} is understood");
    Err(StorageError::Damaged { key: key.to_string(), why })
}

/// Writes a record.
pub(super) fn to_json<T: Serialize>(key: &Key, record: &T) -> Result<bytes::Bytes, StorageError> {
    let json = serde_json::to_vec(record);
    json.map(Into::into).map_err(|error| StorageError::Damaged { key: key.to_string(), why: error.to_string() })
}

/// Reads a record.
pub(super) fn from_json<T: for<'de> Deserialize<'de>>(key: &Key, bytes: &[u8]) -> Result<T, StorageError> {
    serde_json::from_slice(bytes)
        .map_err(|error| StorageError::Damaged { key: key.to_string(), why: error.to_string() })
}
