//! What goes in and comes out.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::RegistryError;
use crate::oci::{Digest, MediaType, Tag, UploadId};
use crate::storage::{BlobReader, BlobStream};

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
    pub(super) reader: BlobReader,
}

impl Blob {
    /// Reads the bytes from `start` up to but not including `end`, both at most [`Blob::size`].
    ///
    /// # Errors
    /// The storage does not give them. (What fails later is in the stream.)
    pub async fn read(self, start: u64, end: u64) -> Result<BlobStream, RegistryError> {
        Ok(self.reader.read(start, end).await?)
    }

    /// A URL of the store under which the client can read the blob for a while, where the storage sends clients there.
    ///
    /// # Errors
    /// The keys to the store cannot be had.
    pub async fn url(&self) -> Result<Option<String>, RegistryError> {
        Ok(self.reader.url().await?)
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
