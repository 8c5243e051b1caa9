//! The use cases: pull, push, tag, referrers, delete. Takes permits, not users.
//!
//! Imports `policy`, `storage` and `oci`.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::Stream;

pub use crate::storage::{StorageError, StoreOptions};

use crate::oci::{BadManifest, ContentRange, Digest, ImageName, MediaType, Reference, Tag, UploadId};
use crate::policy::{
    CatalogPermit, DeleteBlobPermit, DeleteManifestPermit, DeleteTagPermit, ManifestPermit, MayInspect, MountPermit,
    PullPermit, PushPermit, StorageKey,
};

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

/// Asked after a body was received and before its effect becomes visible: is it still allowed?
pub type Confirm<'a> = &'a (dyn Fn() -> bool + Send + Sync);

/// A manifest as it is stored.
#[derive(Debug, Clone)]
pub struct StoredManifest {
    /// Its digest.
    pub digest: Digest,
    /// The media type it was pushed under.
    pub media_type: MediaType,
    /// The bytes.
    pub body: Bytes,
}

/// A blob that can be read.
#[derive(Debug)]
pub struct Blob {
    /// Size in bytes.
    pub size: u64,
}

/// The bytes of a blob, in pieces.
pub type BlobStream = std::pin::Pin<Box<dyn Stream<Item = Result<Bytes, StorageError>> + Send>>;

impl Blob {
    /// Reads the bytes from `start` up to but not including `end`, both at most [`Blob::size`].
    pub fn read(self, _start: u64, _end: u64) -> BlobStream {
        unimplemented!()
    }
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The entries, in order.
    pub entries: Vec<T>,
    /// Whether more follow.
    pub more: bool,
}

/// One entry of the referrers list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referrer {
    /// Media type of the referring manifest.
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Its artifact type.
    pub artifact_type: Option<String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

/// An upload session's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadStatus {
    /// Its identifier.
    pub id: UploadId,
    /// How many bytes are acknowledged.
    pub offset: u64,
}

/// What a push of a manifest did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The digest.
    pub digest: Digest,
    /// The subject, for `OCI-Subject`.
    pub subject: Option<Digest>,
    /// The tags that now point to the manifest, for `OCI-Tag`.
    pub tags: Vec<Tag>,
}

/// The registry: all storages that are open, and what can be done in them.
#[derive(Debug, Default)]
pub struct Registry {}

#[expect(unused_variables, reason = "signatures only, for now")]
impl Registry {
    /// A registry without storages.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens a storage under a key; one that is open already stays as it is.
    pub async fn open(&self, key: &StorageKey, options: StoreOptions) -> Result<(), StorageError> {
        unimplemented!()
    }

    /// Whether every open storage answers.
    pub async fn ready(&self) -> Result<(), StorageError> {
        unimplemented!()
    }

    /// Removes upload sessions that were begun longer ago than `age`; returns how many.
    pub async fn expire_uploads(&self, age: std::time::Duration) -> Result<usize, StorageError> {
        unimplemented!()
    }

    /// Reads a manifest.
    pub async fn manifest(
        &self,
        permit: &impl MayInspect,
        reference: &Reference,
    ) -> Result<StoredManifest, RegistryError> {
        unimplemented!()
    }

    /// Opens a blob for reading.
    pub async fn blob(&self, permit: &PullPermit, digest: &Digest) -> Result<Blob, RegistryError> {
        unimplemented!()
    }

    /// The size of a blob, if the image holds it.
    pub async fn blob_size(&self, permit: &impl MayInspect, digest: &Digest) -> Result<u64, RegistryError> {
        unimplemented!()
    }

    /// The tags after `last`, at most `limit`, in byte order.
    pub async fn tags(
        &self,
        permit: &PullPermit,
        limit: usize,
        last: Option<&str>,
    ) -> Result<Page<Tag>, RegistryError> {
        unimplemented!()
    }

    /// The manifests whose subject is `digest`.
    pub async fn referrers(
        &self,
        permit: &PullPermit,
        digest: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Referrer>, RegistryError> {
        unimplemented!()
    }

    /// The images after `last` that the permit shows, at most `limit`, in byte order.
    pub async fn catalog(
        &self,
        permit: &CatalogPermit,
        limit: usize,
        last: Option<&str>,
    ) -> Result<Page<ImageName>, RegistryError> {
        unimplemented!()
    }

    /// Begins an upload session.
    pub async fn start_upload(&self, permit: &PushPermit) -> Result<UploadStatus, RegistryError> {
        unimplemented!()
    }

    /// Where an upload session stands.
    pub async fn upload_status(&self, permit: &PushPermit, id: UploadId) -> Result<UploadStatus, RegistryError> {
        unimplemented!()
    }

    /// Receives the next bytes of an upload; durable when it returns.
    pub async fn append_upload<B>(
        &self,
        permit: &PushPermit,
        id: UploadId,
        range: Option<ContentRange>,
        body: B,
        confirm: Confirm<'_>,
    ) -> Result<UploadStatus, RegistryError>
    where
        B: Stream<Item = Result<Bytes, BodyError>> + Unpin,
    {
        unimplemented!()
    }

    /// Receives the last bytes of an upload (perhaps none), checks the digest and makes the blob part
    /// of the image; durable when it returns. A digest that does not match leaves the session as it was.
    pub async fn finish_upload<B>(
        &self,
        permit: &PushPermit,
        id: UploadId,
        range: Option<ContentRange>,
        body: B,
        digest: &Digest,
        confirm: Confirm<'_>,
    ) -> Result<(), RegistryError>
    where
        B: Stream<Item = Result<Bytes, BodyError>> + Unpin,
    {
        unimplemented!()
    }

    /// Receives a whole blob in one request.
    pub async fn upload_whole<B>(
        &self,
        permit: &PushPermit,
        digest: &Digest,
        body: B,
        confirm: Confirm<'_>,
    ) -> Result<(), RegistryError>
    where
        B: Stream<Item = Result<Bytes, BodyError>> + Unpin,
    {
        unimplemented!()
    }

    /// Ends an upload session and removes its bytes.
    pub async fn cancel_upload(&self, permit: &PushPermit, id: UploadId) -> Result<(), RegistryError> {
        unimplemented!()
    }

    /// Makes a blob of another image part of this one; `false` where that cannot be and an ordinary
    /// upload has to follow.
    pub async fn mount(&self, permit: &MountPermit, digest: &Digest) -> Result<bool, RegistryError> {
        unimplemented!()
    }

    /// Stores a manifest and sets the permit's tags. `expected` is the digest of the request's path.
    pub async fn put_manifest(
        &self,
        permit: &ManifestPermit,
        media_type: &MediaType,
        body: Bytes,
        expected: Option<&Digest>,
    ) -> Result<Pushed, RegistryError> {
        unimplemented!()
    }

    /// Removes the permit's tag.
    pub async fn delete_tag(&self, permit: &DeleteTagPermit) -> Result<(), RegistryError> {
        unimplemented!()
    }

    /// Removes a manifest and its tags.
    pub async fn delete_manifest(&self, permit: &DeleteManifestPermit, digest: &Digest) -> Result<(), RegistryError> {
        unimplemented!()
    }

    /// Removes a blob from the image.
    pub async fn delete_blob(&self, permit: &DeleteBlobPermit, digest: &Digest) -> Result<(), RegistryError> {
        unimplemented!()
    }
}
