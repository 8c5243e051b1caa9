//! Uploads on an object store.
//!
//! No writer can be kept out of an upload there. What each one brings is an object of its own, and counts when its
//! record is in the chain. The last record says how the upload ended: final, or cancelled.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use object_store::PutPayload;

use super::error::blocking;
use super::object_stream::ObjectStream;
use super::part::{MultipartRecord, PartWriter};
use super::pointer::{Location, Part, Pointer};
use super::remote::{Remote, random};
use super::upload::{Acquired, Running, UploadWriter, WriterData};
use super::upload_chain::{Chain, now};
use super::upload_record::{Session, Step, VERSION, from_json};
use super::{Key, StorageError, Store};
use crate::oci::{Algorithm, Digest, Hasher, ImageName, UploadId};

/// From as many parts a small blob is put together; of more it stays in parts.
const GATHER_MAX: usize = 64;

/// How often a cancel looks again that was overtaken.
const CANCEL_ATTEMPTS: usize = 20;

/// How long finishing may take from its record to its end.
const FINISH_WITHIN: Duration = Duration::from_secs(5 * 60);

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
        UploadWriter::new(image, id, WriterData::Objects(Tail { parts, before: None }), hasher, 0)
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
        let data = WriterData::Objects(Tail { parts, before: Some(chain) });
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
    async fn all_parts(&self, id: UploadId, tail: &mut Tail) -> Result<Option<Vec<Part>>, StorageError> {
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

    /// Makes the bytes of an upload, whose digest was checked, a blob. `false` where somebody else has gone on with
    /// the upload or ended it. The session is left for [`Store::tidy_upload`].
    pub(super) async fn publish_in_objects(
        &self,
        remote: &Arc<Remote>,
        image: &ImageName,
        id: UploadId,
        mut tail: Tail,
        (start, size): (u64, u64),
        digest: &Digest,
    ) -> Result<bool, StorageError> {
        let small = if start == 0 { tail.parts.whole() } else { None };
        if let Some(bytes) = small {
            tail.parts.clear();
            return self.publish_small(remote, image, id, tail, bytes, digest).await;
        }
        let Some(parts) = self.all_parts(id, &mut tail).await? else { return Ok(false) };
        let published = async {
            let Some(since) = self.seal(id, start, digest, &parts, size).await? else { return Ok(None) };
            self.link_blob(image, digest).await?;
            self.place(remote, digest, &parts, since).await?;
            // Of several who finish the same, the parts of one are taken.
            Ok(Some(self.pointer(digest).await?.map(|pointer| pointer.parts).unwrap_or_default()))
        };
        match published.await {
            Ok(None) => Ok(false),
            Ok(Some(taken)) => {
                tail.parts.keep(|part| taken.contains(part));
                Ok(true)
            }
            Err(error) => {
                // Nobody knows how far it came. Whoever cleans up does.
                tail.parts.keep(|_| true);
                Err(error)
            }
        }
    }

    /// Publishes a blob that is still in memory. It is put to its place first: without a link it shows nothing, and
    /// whoever finishes again after a crash finds it.
    async fn publish_small(
        &self,
        remote: &Arc<Remote>,
        image: &ImageName,
        id: UploadId,
        tail: Tail,
        bytes: PutPayload,
        digest: &Digest,
    ) -> Result<bool, StorageError> {
        let (key, size) = (Key::blob(digest), bytes.content_length() as u64);
        if tail.before.is_none() {
            self.link_blob(image, digest).await?;
            return remote.put(&key, bytes).await.map(|()| true);
        }
        remote.put(&key, bytes.clone()).await?;
        if self.seal(id, 0, digest, &[], size).await?.is_none() {
            return Ok(false);
        }
        self.link_blob(image, digest).await?;
        if self.objects.size(&key).await? != Some(size) {
            // Collected as garbage, before there was a link.
            remote.put(&key, bytes).await?;
        }
        Ok(true)
    }

    /// Makes the record after which nobody can add to an upload, and gives the time since when it counts. `None`
    /// where the upload went on or ended meanwhile.
    async fn seal(
        &self,
        id: UploadId,
        place: u64,
        digest: &Digest,
        parts: &[Part],
        size: u64,
    ) -> Result<Option<Instant>, StorageError> {
        let since = Instant::now();
        let step = Step::Final {
            version: VERSION,
            at: now(),
            digest: digest.to_string(),
            parts: parts.to_vec(),
            size,
            random: random(),
        };
        if !self.make_step(id, place, &step).await? {
            // Somebody may be finishing the same, or have been killed over it.
            let is_same = match self.step(id, place).await? {
                Some(Step::Final { digest: other, at, .. }) => other == digest.to_string() && is_fresh(at),
                _ => false,
            };
            if !is_same {
                return Ok(None);
            }
        }
        Ok(Some(since))
    }

    /// Makes parts a blob, unless it is there already.
    async fn place(
        &self,
        remote: &Arc<Remote>,
        digest: &Digest,
        parts: &[Part],
        since: Instant,
    ) -> Result<(), StorageError> {
        let pointer = Pointer::new(parts.to_vec());
        if self.is_whole(digest, pointer.size).await? {
            return Ok(());
        }
        if since.elapsed() > FINISH_WITHIN {
            return Err(StorageError::Slow("finishing an upload"));
        }
        let is_small = pointer.size <= remote.sizes.piece as u64;
        let placed = match parts {
            [only] if is_small => remote.copy(&only.key, &Key::blob(digest)).await,
            _ if is_small && parts.len() <= GATHER_MAX => self.gather(remote, parts, digest).await,
            _ => self.point(digest, &pointer).await,
        };
        match placed {
            // Somebody else may have finished the same, and cleaned up.
            Err(error) if error.is_not_found() => match self.is_whole(digest, pointer.size).await? {
                true => Ok(()),
                false => Err(error),
            },
            result => result,
        }
    }

    /// Puts a blob together from several small objects.
    async fn gather(&self, remote: &Arc<Remote>, parts: &[Part], digest: &Digest) -> Result<(), StorageError> {
        let location = Location::of(parts.to_vec());
        let mut stream = ObjectStream::begin(Arc::clone(remote), &location, 0, location.size).await?;
        let mut bytes = BytesMut::new();
        while let Some((piece, rest)) = stream.step().await {
            bytes.extend_from_slice(&piece?);
            stream = rest;
        }
        remote.put(&Key::blob(digest), Bytes::from(bytes).into()).await
    }

    /// Goes on with finishing an upload where somebody else was killed over it. `None` where that is not so; `false`
    /// where it was to become another blob, or cannot any more.
    pub(super) async fn finish_in_objects(
        &self,
        remote: &Arc<Remote>,
        image: &ImageName,
        id: UploadId,
        digest: &Digest,
    ) -> Result<bool, StorageError> {
        let Some(chain) = self.whole_chain(id).await? else { return Ok(false) };
        let Some(Step::Final { at, digest: sealed, parts, size, .. }) = &chain.last else { return Ok(false) };
        if *sealed != digest.to_string() || !is_fresh(*at) {
            return Ok(false);
        }
        self.link_blob(image, digest).await?;
        if parts.is_empty() {
            return self.is_whole(digest, *size).await;
        }
        self.place(remote, digest, parts, Instant::now()).await?;
        Ok(true)
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

/// Whether finishing may still go on.
fn is_fresh(at: u64) -> bool {
    now().saturating_sub(at) < FINISH_WITHIN.as_secs()
}

/// Whether nobody can be at work on finishing any more.
fn is_abandoned(at: u64) -> bool {
    now().saturating_sub(at) > ABANDONED_AFTER.as_secs()
}
