//! Writes what one request of an upload brings as objects, while it comes.

use std::sync::Arc;

use bytes::Bytes;
use object_store::multipart::PartId;
use object_store::{MultipartId, PutPayload};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::objects::{Objects, object_error};
use super::pointer::Part;
use super::remote::{Remote, random};
use super::upload_record::{Session, VERSION, to_json};
use super::{Key, StorageError};
use crate::oci::UploadId;

/// How many pieces are on their way at the same time, while one more is gathered.
const IN_FLIGHT: usize = 2;

/// A multipart upload that runs, written down so that whoever cleans up can end it.
#[derive(Serialize, Deserialize)]
pub(super) struct MultipartRecord {
    pub(super) version: u32,
    pub(super) part: String,
    pub(super) id: MultipartId,
}

/// Writes objects. What was written is removed when this is dropped, unless it was kept.
pub(super) struct PartWriter {
    objects: Objects,
    remote: Arc<Remote>,
    upload: UploadId,
    /// To be written before anything else is, where it is not there yet.
    session: Option<Session>,
    /// Position in the upload at which the next object begins.
    position: u64,
    buffer: Vec<Bytes>,
    buffered: usize,
    running: Option<Multipart>,
    /// The objects that are complete.
    parts: Vec<Part>,
}

struct Multipart {
    key: Key,
    record: Key,
    id: MultipartId,
    size: u64,
    sent: usize,
    in_flight: JoinSet<Result<(usize, PartId), object_store::Error>>,
    done: Vec<(usize, PartId)>,
}

impl PartWriter {
    /// A writer of bytes that begin at a position of an upload. A `session` that is given is not written before
    /// there is more than one piece.
    pub(super) fn new(
        objects: Objects,
        remote: Arc<Remote>,
        upload: UploadId,
        session: Option<Session>,
        position: u64,
    ) -> Self {
        let (buffer, parts) = (Vec::new(), Vec::new());
        Self { objects, remote, upload, session, position, buffer, buffered: 0, running: None, parts }
    }

    /// Adds bytes; waits where too many pieces are on their way.
    pub(super) async fn push(&mut self, bytes: Bytes) -> Result<(), StorageError> {
        self.buffered += bytes.len();
        self.buffer.push(bytes);
        while self.buffered > self.remote.sizes.piece {
            let piece = self.take(self.remote.sizes.piece);
            self.send(piece).await?;
        }
        Ok(())
    }

    /// The bytes, where all of them are still here: no more than a piece.
    pub(super) fn whole(&self) -> Option<PutPayload> {
        let is_whole = self.parts.is_empty() && self.running.is_none();
        is_whole.then(|| self.buffer.iter().cloned().collect())
    }

    /// Forgets the bytes that are still here.
    pub(super) fn clear(&mut self) {
        self.buffer.clear();
        self.buffered = 0;
    }

    /// Writes what is left. All bytes are in the objects then.
    pub(super) async fn finish(&mut self) -> Result<&[Part], StorageError> {
        if self.buffered > 0 {
            let rest = self.take(self.buffered);
            if self.running.is_some() {
                self.send(rest).await?;
            } else {
                self.begin_session().await?;
                let (key, size) = (Key::part(self.upload, self.position, &random()), rest.content_length() as u64);
                // Known before it is written: whatever comes of it, it is removed if it is not kept.
                self.parts.push(Part { key: key.clone(), size });
                self.remote.put(&key, rest).await?;
                self.position += size;
            }
        }
        self.complete().await?;
        Ok(&self.parts)
    }

    /// Leaves objects where they are, from now on somebody else's.
    pub(super) fn keep(mut self, is_kept: impl Fn(&Part) -> bool) {
        self.parts.retain(|part| !is_kept(part));
    }

    /// The first bytes of what is gathered.
    fn take(&mut self, length: usize) -> PutPayload {
        let mut wanted = length;
        let mut taken = Vec::new();
        let mut rest = Vec::new();
        for bytes in std::mem::take(&mut self.buffer) {
            if wanted >= bytes.len() {
                wanted -= bytes.len();
                taken.push(bytes);
            } else {
                let mut bytes = bytes;
                taken.push(bytes.split_to(wanted));
                wanted = 0;
                rest.push(bytes);
            }
        }
        self.buffer = rest;
        self.buffered -= length;
        taken.into_iter().collect()
    }

    async fn begin_session(&mut self) -> Result<(), StorageError> {
        if let Some(session) = &self.session {
            let key = Key::upload_session(self.upload);
            self.objects.create(&key, to_json(&key, session)?).await?;
            self.session = None;
        }
        Ok(())
    }

    async fn begin(&mut self) -> Result<Multipart, StorageError> {
        self.begin_session().await?;
        let random = random();
        let (key, record) =
            (Key::part(self.upload, self.position, &random), Key::upload_multipart(self.upload, &random));
        let id = self.remote.multipart.create_multipart(&self.remote.path(&key)).await;
        let id = id.map_err(|error| object_error(&key, error))?;
        let multipart = Multipart { key, record, id, size: 0, sent: 0, in_flight: JoinSet::new(), done: Vec::new() };
        let text = MultipartRecord { version: VERSION, part: multipart.key.to_string(), id: multipart.id.clone() };
        let written = match to_json(&multipart.record, &text) {
            Ok(text) => self.objects.put(&multipart.record, text).await,
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            // Without a piece it costs nothing if this fails, too.
            let _ = self.remote.abort(&multipart.key, &multipart.id).await;
            return Err(error);
        }
        Ok(multipart)
    }

    async fn send(&mut self, piece: PutPayload) -> Result<(), StorageError> {
        if self.running.is_none() {
            self.running = Some(self.begin().await?);
        }
        let Some(running) = &mut self.running else { return Ok(()) };
        while running.in_flight.len() >= IN_FLIGHT {
            running.one().await?;
        }
        running.size += piece.content_length() as u64;
        let (index, remote, key, id) =
            (running.sent, Arc::clone(&self.remote), running.key.clone(), running.id.clone());
        running.sent += 1;
        running.in_flight.spawn(async move {
            let path = remote.path(&key);
            remote.multipart.put_part(&path, &id, index, piece).await.map(|part| (index, part))
        });
        if running.sent == self.remote.sizes.pieces {
            self.complete().await?;
        }
        Ok(())
    }

    /// Makes the pieces that were sent an object.
    async fn complete(&mut self) -> Result<(), StorageError> {
        let Some(running) = &mut self.running else { return Ok(()) };
        while !running.in_flight.is_empty() {
            running.one().await?;
        }
        running.done.sort_unstable_by_key(|(index, _)| *index);
        let pieces = running.done.iter().map(|(_, part)| PartId { content_id: part.content_id.clone() }).collect();
        let path = self.remote.path(&running.key);
        let completed = self.remote.completing.complete_multipart(&path, &running.id, pieces).await;
        if let Err(error) = completed {
            // It may have been carried out all the same, by the first of several tries.
            let found = self.objects.size(&running.key).await;
            if !matches!(found, Ok(Some(size)) if size == running.size) {
                return Err(object_error(&running.key, error));
            }
        }
        if let Some(running) = self.running.take() {
            self.position += running.size;
            self.parts.push(Part { key: running.key, size: running.size });
            // Whoever finds it later finds that there is nothing to end.
            if let Err(error) = self.objects.discard(&running.record).await {
                tracing::warn!(%error, "the record of a multipart upload stays until the upload has ended");
            }
        }
        Ok(())
    }
}

impl Multipart {
    /// Waits for one piece.
    async fn one(&mut self) -> Result<(), StorageError> {
        match self.in_flight.join_next().await {
            None => Ok(()),
            Some(Ok(Ok(piece))) => {
                self.done.push(piece);
                Ok(())
            }
            Some(Ok(Err(error))) => Err(object_error(&self.key, error)),
            Some(Err(error)) => Err(StorageError::Stopped(error.to_string())),
        }
    }
}

impl Drop for PartWriter {
    fn drop(&mut self) {
        let (running, parts) = (self.running.take(), std::mem::take(&mut self.parts));
        if running.is_none() && parts.is_empty() {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (objects, remote) = (self.objects.clone(), Arc::clone(&self.remote));
        runtime.spawn(async move {
            // What cannot be removed now is removed when the session has ended.
            if let Some(mut running) = running {
                // A piece that comes after the end would stay for ever, and one that was sent may still come.
                while running.in_flight.join_next().await.is_some() {}
                if remote.abort(&running.key, &running.id).await.is_ok() {
                    let _ = objects.discard(&running.record).await;
                }
                // Completing it may have failed after it was done.
                let _ = objects.discard(&running.key).await;
            }
            for part in parts {
                let _ = objects.discard(&part.key).await;
            }
        });
    }
}

impl std::fmt::Debug for PartWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PartWriter")
            .field("upload", &self.upload)
            .field("position", &self.position)
            .field("buffered", &self.buffered)
            .field("parts", &self.parts)
            .finish_non_exhaustive()
    }
}
