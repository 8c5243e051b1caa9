//! Where the bytes of a blob are on an object store: at their final key, or where a pointer says.

use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::{Deserialize, Serialize};

use super::remote::Remote;
use super::upload_record::{VERSION, check_version, from_json, to_json};
use super::{Key, StorageError, Store};
use crate::oci::Digest;

/// How many parts are looked at at the same time.
const PARALLEL_HEADS: usize = 8;

/// An object that holds bytes of a blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "PartRecord", into = "PartRecord")]
pub struct Part {
    /// Where it is.
    pub key: Key,
    /// How many bytes it has.
    pub size: u64,
}

/// A part as it is written down.
#[derive(Serialize, Deserialize)]
struct PartRecord {
    key: String,
    size: u64,
}

impl From<Part> for PartRecord {
    fn from(part: Part) -> Self {
        Self { key: part.key.to_string(), size: part.size }
    }
}

impl TryFrom<PartRecord> for Part {
    type Error = &'static str;

    fn try_from(record: PartRecord) -> Result<Self, Self::Error> {
        let key = Key::parse_part(&record.key).ok_or("a part has a key that no part has")?;
        Ok(Self { key, size: record.size })
    }
}

/// Says of which parts a blob is made, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    version: u32,
    /// Size of the blob in bytes.
    pub size: u64,
    /// The parts. Their sizes make the blob's.
    pub parts: Vec<Part>,
}

impl Pointer {
    /// A pointer to parts.
    pub(super) fn new(parts: Vec<Part>) -> Self {
        Self { version: VERSION, size: parts.iter().map(|part| part.size).sum(), parts }
    }
}

/// The objects that hold a blob's bytes, in their order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Location {
    pub(super) size: u64,
    pub(super) parts: Vec<(Key, u64)>,
    /// Where all of it is instead, once the parts are gone; `None` where nobody brings it there.
    pub(super) settled: Option<Key>,
}

impl Location {
    /// That of parts.
    pub(super) fn of(parts: Vec<Part>) -> Self {
        Self {
            size: parts.iter().map(|part| part.size).sum(),
            parts: parts.into_iter().map(|part| (part.key, part.size)).collect(),
            settled: None,
        }
    }
}

impl Store {
    /// Reads the pointer to a blob's parts; `None` where there is none. On a file system there never is one.
    pub async fn pointer(&self, digest: &Digest) -> Result<Option<Pointer>, StorageError> {
        if self.objects.folders().is_some() {
            return Ok(None);
        }
        let key = Key::pointer(digest);
        let pointer: Pointer = match self.objects.get(&key).await {
            Err(error) if error.is_not_found() => return Ok(None),
            result => from_json(&key, &result?)?,
        };
        check_version(&key, pointer.version)?;
        let is_sound = pointer.parts.iter().try_fold(0_u64, |sum, part| sum.checked_add(part.size));
        if is_sound != Some(pointer.size) {
            let why = "the sizes of the parts do not make that of the blob".to_owned();
            return Err(StorageError::Damaged { key: key.to_string(), why });
        }
        Ok(Some(pointer))
    }

    /// Where a blob's bytes are, asked of the store; `None` where there are none.
    pub(super) async fn locate(&self, digest: &Digest) -> Result<Option<Location>, StorageError> {
        let key = Key::blob(digest);
        if let Some(size) = self.objects.size(&key).await? {
            return Ok(Some(Location { size, parts: vec![(key, size)], settled: None }));
        }
        if let Some(pointer) = self.pointer(digest).await? {
            return Ok(Some(Location { settled: Some(key), ..Location::of(pointer.parts) }));
        }
        // The bytes may have been brought to their final key, and the pointer removed, between the two.
        let size = self.objects.size(&key).await?;
        Ok(size.map(|size| Location { size, parts: vec![(key, size)], settled: None }))
    }

    /// Where a blob's bytes are, as it was known a moment ago, for reading them.
    pub(super) async fn locate_recently(
        &self,
        remote: &Remote,
        digest: &Digest,
    ) -> Result<Option<Arc<Location>>, StorageError> {
        if let Some(known) = remote.locations.get(digest) {
            return Ok(Some(known));
        }
        let found = self.locate(digest).await?.map(Arc::new);
        if let Some(found) = &found {
            remote.locations.insert(digest.clone(), Arc::clone(found));
        }
        Ok(found)
    }

    /// Whether a blob is there with all of its parts.
    pub(super) async fn is_whole(&self, digest: &Digest, size: u64) -> Result<bool, StorageError> {
        let location = match self.locate(digest).await {
            // What is damaged is written anew.
            Err(StorageError::Damaged { .. }) => return Ok(false),
            result => result?,
        };
        let Some(location) = location.filter(|location| location.size == size) else { return Ok(false) };
        if location.parts.len() == 1 && location.parts[0].0 == Key::blob(digest) {
            return Ok(true);
        }
        stream::iter(location.parts)
            .map(async |(key, size)| Ok(self.objects.size(&key).await? == Some(size)))
            .buffer_unordered(PARALLEL_HEADS)
            .try_all(async |is_there| is_there)
            .await
    }

    /// Makes parts a blob. Of several callers one wins, and the pointer is that of the winner.
    pub(super) async fn point(&self, digest: &Digest, pointer: &Pointer) -> Result<(), StorageError> {
        let key = Key::pointer(digest);
        let bytes = to_json(&key, pointer)?;
        if !self.objects.create(&key, bytes.clone()).await? && !self.is_whole(digest, pointer.size).await? {
            // What it says is wrong, or its parts are gone.
            self.objects.put(&key, bytes).await?;
        }
        Ok(())
    }
}
