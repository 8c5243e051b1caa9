//! The records of an upload: whose it is, and what was acknowledged.

use serde::{Deserialize, Serialize};

use super::pointer::Part;
use super::upload_chain::now;
use super::{Key, StorageError};
use crate::oci::ImageName;

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

impl Session {
    /// One that begins now.
    pub(super) fn new(image: &ImageName, owner: Option<&str>) -> Self {
        Self { version: VERSION, image: image.to_string(), owner: owner.map(str::to_owned), started: now() }
    }
}

/// What was acknowledged, on a file system.
#[derive(Serialize, Deserialize)]
pub(super) struct Chunk {
    pub(super) version: u32,
    /// Position after the chunk's last byte.
    pub(super) end: u64,
    /// The SHA-256 state after all bytes up to there.
    pub(super) sha256: Vec<u8>,
}

/// A record in the chain of an upload on an object store. Each is made only if its place is empty, so that there is
/// one order of all that happened to the upload.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub(super) enum Step {
    /// A chunk was acknowledged.
    Chunk {
        version: u32,
        /// Position after the chunk's last byte.
        end: u64,
        /// The SHA-256 state after all bytes up to there.
        sha256: Vec<u8>,
        /// The objects that hold the chunk.
        parts: Vec<Part>,
    },
    /// All bytes are there, and their digest was checked. Nobody may add to them any more.
    Final {
        version: u32,
        /// Seconds since 1970.
        at: u64,
        digest: String,
        /// The objects that hold the blob; none where it was put to its final key before.
        parts: Vec<Part>,
        /// How many bytes the blob has.
        size: u64,
        /// Makes the record different from every other.
        random: String,
    },
    /// The upload was given up.
    Cancelled { version: u32, random: String },
}

impl Step {
    pub(super) fn version(&self) -> u32 {
        match self {
            Self::Chunk { version, .. } | Self::Final { version, .. } | Self::Cancelled { version, .. } => *version,
        }
    }
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
