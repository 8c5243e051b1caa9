//! The chain of an upload on an object store: records of which each is made only if its place is empty.

use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::future::try_join;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::key::{UPLOAD_MULTIPART, UPLOAD_SESSION};
use super::pointer::Part;
use super::upload_record::{Step, check_version, from_json, to_json};
use super::{Key, StorageError, Store};
use crate::oci::{ImageName, UploadId};

/// How many records are read or removed at the same time.
const PARALLEL_RECORDS: usize = 16;

/// What happened to an upload so far.
#[derive(Debug, Default)]
pub(super) struct Chain {
    /// Where its records are, in order.
    pub(super) places: Vec<u64>,
    /// The last record.
    pub(super) last: Option<Step>,
    /// Whether the session is there. It is removed before any record is, so that a record that was made while it is
    /// there has its true place.
    pub(super) has_session: bool,
    /// The names of the records of multipart uploads that run, or were left.
    pub(super) multiparts: Vec<String>,
}

impl Chain {
    /// How many bytes are acknowledged, which is also the place of the next record.
    pub(super) fn end(&self) -> u64 {
        match (&self.last, self.places.last()) {
            (Some(Step::Chunk { end, .. }), _) => *end,
            (Some(Step::Final { .. } | Step::Cancelled { .. }), Some(place)) => *place,
            _ => 0,
        }
    }
}

impl Store {
    /// The chain of an upload; `None` where there is no such session, or it is another owner's or another image's.
    pub(super) async fn chain(
        &self,
        image: &ImageName,
        owner: Option<&str>,
        id: UploadId,
    ) -> Result<Option<Chain>, StorageError> {
        let (is_owner, chain) = try_join(self.owns_upload(image, owner, id), self.whole_chain(id)).await?;
        // The session may have gone between the two.
        Ok(chain.filter(|chain| is_owner && chain.has_session))
    }

    /// The chain of an upload, whoever it belongs to; `None` where it ends at this moment.
    pub(super) async fn whole_chain(&self, id: UploadId) -> Result<Option<Chain>, StorageError> {
        let names = self.objects.list(&Key::upload(id)).await?.objects;
        let mut chain = Chain::default();
        for name in names {
            if let Ok(place) = name.parse() {
                chain.places.push(place);
            } else if name.starts_with(UPLOAD_MULTIPART) {
                chain.multiparts.push(name);
            } else if name == UPLOAD_SESSION {
                chain.has_session = true;
            } else {
                tracing::warn!(upload = %id, name, "something unknown lies among the records of an upload");
            }
        }
        chain.places.sort_unstable();
        if let Some(place) = chain.places.last() {
            chain.last = self.step(id, *place).await?;
            if chain.last.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(chain))
    }

    /// A record; `None` where its place is empty.
    pub(super) async fn step(&self, id: UploadId, place: u64) -> Result<Option<Step>, StorageError> {
        let key = Key::upload_chunk(id, place);
        let step: Step = match self.objects.get(&key).await {
            Err(error) if error.is_not_found() => return Ok(None),
            result => from_json(&key, &result?)?,
        };
        check_version(&key, step.version())?;
        Ok(Some(step))
    }

    /// Makes a record; `false` where its place is taken, or the upload has ended.
    pub(super) async fn make_step(&self, id: UploadId, place: u64, step: &Step) -> Result<bool, StorageError> {
        let key = Key::upload_chunk(id, place);
        if !self.objects.create(&key, to_json(&key, step)?).await? {
            return Ok(false);
        }
        if self.has_session(id).await? {
            return Ok(true);
        }
        // The place was taken once, by the record that ended the upload.
        self.objects.discard(&key).await?;
        Ok(false)
    }

    /// Whether there is a session, whoever it belongs to.
    pub(super) async fn has_session(&self, id: UploadId) -> Result<bool, StorageError> {
        Ok(self.objects.size(&Key::upload_session(id)).await?.is_some())
    }

    /// The objects that hold what was acknowledged, in order; `None` where the upload ends at this moment.
    pub(super) async fn acknowledged_parts(
        &self,
        id: UploadId,
        chain: &Chain,
    ) -> Result<Option<Vec<Part>>, StorageError> {
        let (last, before) = match (&chain.last, chain.places.split_last()) {
            (Some(Step::Chunk { parts, .. }), Some((_, before))) => (parts.as_slice(), before),
            _ => (&[][..], &[][..]),
        };
        let before: Vec<Option<Step>> = stream::iter(before.to_vec())
            .map(async |place| self.step(id, place).await)
            .buffered(PARALLEL_RECORDS)
            .try_collect()
            .await?;
        let mut all = Vec::new();
        for step in before {
            let Some(Step::Chunk { parts, .. }) = step else { return Ok(None) };
            all.extend(parts);
        }
        all.extend_from_slice(last);
        Ok(Some(all))
    }

    /// Removes the records of a chain, the last of them last: it says what may become of the rest.
    pub(super) async fn remove_chain(&self, id: UploadId, places: &[u64]) -> Result<(), StorageError> {
        let Some((last, before)) = places.split_last() else { return Ok(()) };
        stream::iter(before.to_vec())
            .map(async |place| self.objects.discard(&Key::upload_chunk(id, place)).await)
            .buffer_unordered(PARALLEL_RECORDS)
            .try_collect::<()>()
            .await?;
        self.objects.discard(&Key::upload_chunk(id, *last)).await
    }
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
