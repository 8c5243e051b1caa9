//! Why a request could not be carried out.

use crate::oci::{BadManifest, Digest, Tag};
use crate::storage::StorageError;

/// Why a request could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The image does not hold the blob.
    #[error("the blob is not in this image")]
    BlobUnknown,
    /// The image does not hold the manifest or tag.
    #[error("the manifest is not in this image")]
    ManifestUnknown,
    /// Nothing was ever pushed to the image.
    #[error("the image does not exist")]
    NameUnknown,
    /// No such upload session, or another owner's, or another image's.
    #[error("the upload session does not exist")]
    UploadUnknown,
    /// A chunk does not begin where the upload stands, or another writer is at work on it.
    #[error("the upload stands at byte {offset}")]
    UploadOffset {
        /// How many bytes are acknowledged.
        offset: u64,
    },
    /// An upload has so many chunks that its records would become too long to be read.
    #[error("the upload has as many chunks as it can have; finish it with a PUT, or begin again with larger chunks")]
    UploadChunks,
    /// The body has more or fewer bytes than it was said to have.
    #[error("the body has {received} bytes instead of {announced}")]
    Size {
        /// What was announced.
        announced: u64,
        /// What came.
        received: u64,
    },
    /// The content has another digest.
    #[error("the content has the digest {actual}")]
    DigestMismatch {
        /// The digest of what was sent.
        actual: Digest,
    },
    /// The manifest cannot be accepted.
    #[error(transparent)]
    ManifestInvalid(#[from] BadManifest),
    /// The manifest names a blob that is not in the image.
    #[error("the blob {0} is not in this image")]
    ManifestBlobUnknown(Digest),
    /// The index names a manifest that is not in the image.
    #[error("the manifest {0} is not in this image")]
    ManifestChildUnknown(Digest),
    /// A tag exists and may not be replaced.
    #[error("the tag {0} exists and may not be replaced")]
    TagExists(Tag),
    /// Other tags stand in the way of a delete.
    #[error("the manifest has tags that may not be deleted")]
    TagsProtected,
    /// The subject lost the right while the body was received.
    #[error("the right was withdrawn while the body was received")]
    Withdrawn,
    /// The body could not be received.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Why a body could not be received.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The client sent nothing for too long.
    #[error("the client sent nothing for too long")]
    Idle,
    /// The connection broke, or the framing was wrong.
    #[error("the body broke off: {0}")]
    Broken(String),
}
