//! Making an upload on an object store a blob.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use object_store::PutPayload;

use super::object_stream::ObjectStream;
use super::pointer::{Location, Part, Pointer};
use super::remote::{Remote, random};
use super::upload_chain::now;
use super::upload_objects::Tail;
use super::upload_record::{Step, VERSION};
use super::{Key, StorageError, Store};
use crate::oci::{Digest, ImageName, UploadId};

/// From as many parts a small blob is put together; of more it stays in parts.
const GATHER_MAX: usize = 64;

/// How long finishing may take from its record to its end.
const FINISH_WITHIN: Duration = Duration::from_secs(5 * 60);

impl Store {
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
            remote.put(&key, bytes).await?;
            remote.locations.invalidate(digest);
            return Ok(true);
        }
        remote.put(&key, bytes.clone()).await?;
        remote.locations.invalidate(digest);
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
            [only] if is_small => self.copy_part(remote, only, digest).await,
            _ if is_small && parts.len() <= GATHER_MAX => self.gather(remote, parts, digest).await,
            _ => self.point_alone(digest, &pointer).await,
        };
        // Where the blob was, there may have been less of it.
        remote.locations.invalidate(digest);
        match placed {
            // Somebody else may have finished the same, and cleaned up.
            Err(error) if error.is_not_found() => match self.is_whole(digest, pointer.size).await? {
                true => Ok(()),
                false => Err(error),
            },
            result => result,
        }
    }

    /// Copies a blob's only part to its final key, inside the store where the store does it.
    async fn copy_part(&self, remote: &Arc<Remote>, part: &Part, digest: &Digest) -> Result<(), StorageError> {
        let key = Key::blob(digest);
        remote.copy(&part.key, &key).await?;
        if self.objects.size(&key).await? == Some(part.size) {
            return Ok(());
        }
        // Stores have said that they copied, and had not.
        self.gather(remote, std::slice::from_ref(part), digest).await
    }

    /// Makes parts a blob, and removes what is in their way: bytes at the final key are looked at first, and those
    /// of another size are not the blob's.
    async fn point_alone(&self, digest: &Digest, pointer: &Pointer) -> Result<(), StorageError> {
        self.point(digest, pointer).await?;
        let key = Key::blob(digest);
        match self.objects.size(&key).await? {
            Some(size) if size != pointer.size => self.objects.discard(&key).await,
            _ => Ok(()),
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
}

/// Whether finishing may still go on.
fn is_fresh(at: u64) -> bool {
    now().saturating_sub(at) < FINISH_WITHIN.as_secs()
}
