//! Uploads on an object store.
//!
//! No writer can be kept out of an upload there. What each one brings is an object of its own, and counts when its
//! record is in the chain. The last record says how the upload ended: final, or cancelled.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::error::blocking;
use super::object_stream::ObjectStream;
use super::part::{MultipartRecord, PartWriter};
use super::pointer::{Location, Part};
use super::remote::{Remote, random};
use super::upload_chain::{Chain, now};
use super::upload_record::{Session, Step, VERSION, from_json};
use super::upload_writer::{Acquired, Running, UploadWriter, WriterData};
use super::{Key, StorageError, Store};
use crate::oci::{Algorithm, Digest, Hasher, ImageName, UploadId};

/// How often a cancel looks again that was overtaken.
const CANCEL_ATTEMPTS: usize = 20;

/// After which time nobody can be at work on finishing any more, whatever the clocks of the machines say.
const ABANDONED_AFTER: Duration = Duration::from_secs(15 * 60);

/// What a writer on an object store holds.
#[derive(Debug)]
pub(super) struct Tail {
    pub(super) parts: PartWriter,
    /// What was there before; `None` where nobody else knows of the upload.
    pub(super) before: Option<Chain>,
}

impl Store {
    pub(super) fn whole_in_objects(
        &self,
        remote: &Arc<Remote>,
        image: &ImageName,
        owner: Option<&str>,
    ) -> UploadWriter {
        let id = UploadId::random();
        let session = Session::new(image, owner);
        let parts = PartWriter::new(self.objects.clone(), Arc::clone(remote), id, Some(session), 0);
        let hasher = Hasher::new(Algorithm::Sha256);
        UploadWriter::new(image, id, WriterData::Objects(Box::new(Tail { parts, before: None })), hasher, 0)
    }

    pub(super) async fn acquire_in_objects(
        &self,
        remote: &Arc<Remote>,
        image: &ImageName,
        owner: Option<&str>,
        id: UploadId,
    ) -> Result<Acquired, StorageError> {
        let Some(chain) = self.chain(image, owner, id).await? else { return Ok(Acquired::Unknown) };
        let hasher = match &chain.last {
            None => Hasher::new(Algorithm::Sha256),
            Some(Step::Cancelled { .. }) => return Ok(Acquired::Unknown),
            Some(Step::Final { .. }) => return Ok(Acquired::Published),
            Some(Step::Chunk { sha256, .. }) => Running::resume(id, sha256)?,
        };
        let end = chain.end();
        let parts = PartWriter::new(self.objects.clone(), Arc::clone(remote), id, None, end);
        let data = WriterData::Objects(Box::new(Tail { parts, before: Some(chain) }));
        Ok(Acquired::Writer(UploadWriter::new(image, id, data, hasher, end)))
    }

    pub(super) async fn acknowledge_in_objects(
        &self,
        id: UploadId,
        mut tail: Tail,
        (start, end): (u64, u64),
        sha256: Vec<u8>,
    ) -> Result<Option<u64>, StorageError> {
        let parts = tail.parts.finish().await?.to_vec();
        let made = self.make_step(id, start, &Step::Chunk { version: VERSION, end, sha256, parts }).await;
        if !matches!(made, Ok(false)) {
            // Also where nobody knows whether the record is there.
            tail.parts.keep(|_| true);
        }
        Ok(made?.then_some(end))
    }

    /// The digest of all bytes of an upload, read again.
    pub(super) async fn rehash_objects(
        &self,
        remote: &Arc<Remote>,
        id: UploadId,
        tail: &mut Tail,
        algorithm: Algorithm,
    ) -> Result<Option<Digest>, StorageError> {
        let Some(parts) = self.all_parts(id, tail).await? else { return Ok(None) };
        let location = Location::of(parts);
        let mut stream = ObjectStream::begin(Arc::clone(remote), &location, 0, location.size).await?;
        let mut hasher = Box::new(Hasher::new(algorithm));
        while let Some((bytes, rest)) = stream.step().await {
            let bytes = bytes?;
            hasher = blocking(move || {
                hasher.update(&bytes);
                Ok(hasher)
            })
            .await?;
            stream = rest;
        }
        Ok(Some(hasher.finish()))
    }

    /// The objects that hold all bytes of an upload; `None` where it ends at this moment.
    pub(super) async fn all_parts(&self, id: UploadId, tail: &mut Tail) -> Result<Option<Vec<Part>>, StorageError> {
        let mut parts = match &tail.before {
            None => Vec::new(),
            Some(chain) => match self.acknowledged_parts(id, chain).await? {
                Some(parts) => parts,
                None => return Ok(None),
            },
        };
        parts.extend_from_slice(tail.parts.finish().await?);
        Ok(Some(parts))
    }

    pub(super) async fn cancel_in_objects(
        &self,
        remote: &Arc<Remote>,
        image: &ImageName,
        owner: Option<&str>,
        id: UploadId,
    ) -> Result<Option<bool>, StorageError> {
        for _ in 0..CANCEL_ATTEMPTS {
            let Some(chain) = self.chain(image, owner, id).await? else { return Ok(None) };
            match chain.last {
                // Whoever cancels cleans up; where it was killed, the rest goes when sessions expire.
                Some(Step::Cancelled { .. }) => return Ok(None),
                Some(Step::Final { at, .. }) if !is_abandoned(at) => return Ok(Some(false)),
                Some(Step::Final { .. }) => return self.clean_upload(remote, id).await.map(|()| Some(true)),
                Some(Step::Chunk { .. }) | None => {}
            }
            let step = Step::Cancelled { version: VERSION, random: random() };
            if self.make_step(id, chain.end(), &step).await? {
                self.clean_upload(remote, id).await?;
                return Ok(Some(true));
            }
        }
        Ok(Some(false))
    }

    /// Removes a session that is too old, or what is left of one that has ended; whether it was one.
    pub(super) async fn expire_in_objects(
        &self,
        remote: &Arc<Remote>,
        id: UploadId,
        is_old: bool,
        session: Option<Session>,
    ) -> Result<bool, StorageError> {
        let Some(session) = session else { return self.clean_upload(remote, id).await.map(|()| false) };
        if !is_old {
            return Ok(false);
        }
        let Ok(image) = ImageName::parse(&session.image) else { return Ok(false) };
        let cancelled = self.cancel_in_objects(remote, &image, session.owner.as_deref(), id).await?;
        if cancelled.is_none() {
            self.clean_upload(remote, id).await?;
        }
        Ok(cancelled != Some(false))
    }

    /// Removes all that an upload leaves that has ended: what its blob is not made of, the session, multipart uploads
    /// that run, and then the records, the one that says how it ended last.
    pub(super) async fn clean_upload(&self, remote: &Arc<Remote>, id: UploadId) -> Result<(), StorageError> {
        let Some(chain) = self.whole_chain(id).await? else { return Ok(()) };
        // Without a session the record that is the last may be one that came too late, and says nothing of the parts.
        if chain.has_session && self.has_session(id).await? {
            self.remove_parts(id, &chain).await?;
        }
        self.objects.discard(&Key::upload_session(id)).await?;
        for name in &chain.multiparts {
            let record = Key::upload(id).join(name);
            match self.objects.get(&record).await {
                Ok(bytes) => {
                    let MultipartRecord { part, id: multipart, .. } = from_json(&record, &bytes)?;
                    if let Some(part) = Key::parse_part(&part) {
                        remote.abort(&part, &multipart).await?;
                    }
                    self.objects.discard(&record).await?;
                }
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        self.remove_chain(id, &chain.places).await
    }

    async fn remove_parts(&self, id: UploadId, chain: &Chain) -> Result<(), StorageError> {
        let kept: HashSet<Key> = match &chain.last {
            Some(Step::Final { digest, parts, .. }) => match Digest::parse(digest) {
                Ok(digest) if !parts.is_empty() => {
                    let pointer = self.pointer(&digest).await?;
                    pointer.into_iter().flat_map(|pointer| pointer.parts).map(|part| part.key).collect()
                }
                _ => HashSet::new(),
            },
            Some(Step::Cancelled { .. }) => HashSet::new(),
            // Somebody may still go on with it.
            Some(Step::Chunk { .. }) | None => return Ok(()),
        };
        let folder = Key::parts(id);
        for name in self.objects.list(&folder).await?.objects {
            let part = folder.join(&name);
            if !kept.contains(&part) {
                self.objects.discard(&part).await?;
            }
        }
        Ok(())
    }
}

/// Whether nobody can be at work on finishing any more.
fn is_abandoned(at: u64) -> bool {
    now().saturating_sub(at) > ABANDONED_AFTER.as_secs()
}
