//! Upload sessions: a session record, a chain of records of what was acknowledged, and the bytes.
//!
//! A record is made only if there is none, and is named by where its chunk begins: of two writers that
//! continue from one position only one can be acknowledged. It holds where the chunk ends and the state
//! of the digest there, so that bytes are hashed once, and any process can go on after any other.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::error::blocking;
use super::key::UPLOAD_SESSION;
use super::upload_data::{Hold, UploadData, UploadRoom, is_still_at};
use super::upload_record::{Chunk, Session, VERSION, check_version, from_json, to_json};
use super::{Key, StorageError, Store};
use crate::oci::{Algorithm, Digest, Hasher, ImageName, UploadId};

/// What came of asking for an upload to write to.
#[derive(Debug)]
pub enum Acquired {
    /// No such session, or another owner's, or another image's.
    Unknown,
    /// Another writer is at work on it.
    Busy {
        /// How many bytes are acknowledged.
        offset: u64,
    },
    /// The session exists, but its bytes are no longer there: they were made a blob.
    Published,
    /// Here it is.
    Writer(UploadWriter),
}

/// An upload that is being written to, by nobody else at the same time.
#[derive(Debug)]
pub struct UploadWriter {
    image: ImageName,
    id: UploadId,
    data: UploadData,
    hasher: Running,
    acknowledged: u64,
    length: u64,
}

struct Running(Box<Hasher>);

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.algorithm().as_str())
    }
}

impl UploadWriter {
    /// How many bytes were acknowledged before.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// How many bytes there are with those that were not acknowledged yet.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Says that the digest of the whole is wanted under an algorithm. Only SHA-256 can go on from a
    /// chunk to the next.
    pub fn expect(&mut self, algorithm: Algorithm) {
        if self.length == 0 {
            self.hasher = Running(Box::new(Hasher::new(algorithm)));
        }
    }

    /// Adds bytes. Blocks.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        self.hasher.0.update(bytes);
        self.data.append(bytes)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// The digest of all bytes. Blocks where they have to be read again.
    pub fn digest(&mut self, algorithm: Algorithm) -> Result<Digest, StorageError> {
        if self.hasher.0.algorithm() == algorithm {
            Ok(Hasher::clone(&self.hasher.0).finish())
        } else {
            self.data.rehash(algorithm)
        }
    }
}

impl Store {
    /// Begins an upload session.
    pub async fn begin_upload(&self, image: &ImageName, owner: Option<&str>) -> Result<UploadId, StorageError> {
        let id = UploadId::random();
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let session = Session { version: VERSION, image: image.to_string(), owner: owner.map(str::to_owned), started };
        let key = Key::upload_session(id);
        self.objects.create(&key, to_json(&key, &session)?).await?;
        // After the record: a session without bytes expires, and bytes without a session would stay.
        let (room, image) = (self.uploads.clone(), image.clone());
        blocking(move || room.make(&image, id)).await?;
        Ok(id)
    }

    /// How many bytes of an upload are acknowledged; `None` where there is no such session, or it is
    /// another owner's or another image's.
    pub async fn upload_offset(
        &self,
        image: &ImageName,
        owner: Option<&str>,
        id: UploadId,
    ) -> Result<Option<u64>, StorageError> {
        if !self.owns_upload(image, owner, id).await? {
            return Ok(None);
        }
        Ok(Some(self.last_chunk(id).await?.map_or(0, |chunk| chunk.end)))
    }

    /// Takes hold of an upload, to write to it.
    pub async fn acquire_upload(
        &self,
        image: &ImageName,
        owner: Option<&str>,
        id: UploadId,
    ) -> Result<Acquired, StorageError> {
        if !self.owns_upload(image, owner, id).await? {
            return Ok(Acquired::Unknown);
        }
        let offset = self.last_chunk(id).await?.map_or(0, |chunk| chunk.end);
        let (room, held_image) = (self.uploads.clone(), image.clone());
        let data = match blocking(move || room.hold(&held_image, id)).await? {
            Hold::Held(data) => data,
            Hold::Busy => return Ok(Acquired::Busy { offset }),
            Hold::Gone => return Ok(Acquired::Published),
        };
        // What was read before the bytes were ours may be old by now.
        if !self.owns_upload(image, owner, id).await? {
            self.remove_upload_data(image, id).await?;
            return Ok(Acquired::Unknown);
        }
        let chunk = self.last_chunk(id).await?;
        let acknowledged = chunk.as_ref().map_or(0, |chunk| chunk.end);
        let data = blocking(move || {
            let mut data = data;
            data.cut(acknowledged).map(|()| data)
        })
        .await?;
        let hasher = match chunk {
            None => Hasher::new(Algorithm::Sha256),
            Some(chunk) => Hasher::resume(Algorithm::Sha256, &chunk.sha256).ok_or_else(|| StorageError::Damaged {
                key: Key::upload(id).to_string(),
                why: "the state of the digest cannot be read".to_owned(),
            })?,
        };
        let image = image.clone();
        Ok(Acquired::Writer(UploadWriter {
            image,
            id,
            data,
            hasher: Running(Box::new(hasher)),
            acknowledged,
            length: acknowledged,
        }))
    }

    /// Acknowledges what was written: the bytes and the record of them are durable when it returns.
    /// `None` where another writer was faster.
    pub async fn acknowledge_upload(&self, writer: UploadWriter) -> Result<Option<u64>, StorageError> {
        let (start, end) = (writer.acknowledged, writer.length);
        if start == end {
            return Ok(Some(end));
        }
        let chunk = Chunk { version: VERSION, end, sha256: writer.hasher.0.midstate() };
        let (room, id) = (self.uploads.clone(), writer.id);
        // The lock is kept until the record is there.
        let writer = blocking(move || {
            writer.data.sync(&room, &Key::upload_data(&writer.image, writer.id))?;
            Ok(writer)
        })
        .await?;
        let key = Key::upload_chunk(id, start);
        let is_ours = self.objects.create(&key, to_json(&key, &chunk)?).await?;
        drop(writer);
        Ok(is_ours.then_some(end))
    }

    /// Makes the bytes of an upload, whose digest was checked, a blob of the image, and ends the
    /// session. `false` where the bytes have vanished meanwhile.
    ///
    /// The link comes first: without bytes it shows nothing, and whoever repeats the request after a
    /// crash in between finds the link and the blob.
    pub async fn publish_upload(&self, writer: UploadWriter, digest: &Digest) -> Result<bool, StorageError> {
        let (image, id) = (writer.image.clone(), writer.id);
        let (room, blob) = (self.uploads.clone(), Key::blob(digest));
        let writer = blocking(move || {
            if let UploadData::File { file, path } = &writer.data {
                file.sync_data().map_err(|error| StorageError::io(path, error))?;
                // As a blob it is new, however long ago its bytes came.
                file.set_modified(SystemTime::now()).map_err(|error| StorageError::io(path, error))?;
            }
            Ok(writer)
        })
        .await?;
        self.link_blob(&image, digest).await?;
        match (writer.data, room) {
            (UploadData::Memory { mut bytes }, room) => {
                let content = std::mem::take(&mut *bytes);
                self.objects.put(&blob, content.into()).await?;
                // While the bytes are still ours, so that nobody goes on with what is empty now.
                room.remove(&image, id)?;
            }
            (UploadData::File { file, path }, UploadRoom::Files(folders)) => {
                let is_there = blocking(move || {
                    // What is renamed is a path; what was checked is a file.
                    if !is_still_at(&file, &path).map_err(|error| StorageError::io(&path, error))? {
                        return Ok(false);
                    }
                    // Also where the blob is there already: these bytes were just checked, those may
                    // have been damaged.
                    folders.prepare(&blob)?;
                    let target = folders.path(&blob);
                    match std::fs::rename(&path, &target) {
                        Err(error) if super::folders::is_absent(&error) => return Ok(false),
                        result => result.map_err(|error| StorageError::io(&target, error))?,
                    }
                    drop(file);
                    folders.settle(&blob)?;
                    Ok(true)
                })
                .await?;
                if !is_there {
                    return Ok(false);
                }
            }
            (UploadData::File { .. }, UploadRoom::Memory(_)) => return Ok(false),
        }
        self.end_upload(&image, id).await?;
        Ok(true)
    }

    /// Ends an upload session and removes its bytes. `None` where it is unknown, `Some(false)` where
    /// another writer is at work on it.
    pub async fn cancel_upload(
        &self,
        image: &ImageName,
        owner: Option<&str>,
        id: UploadId,
    ) -> Result<Option<bool>, StorageError> {
        match self.acquire_upload(image, owner, id).await? {
            Acquired::Unknown => Ok(None),
            Acquired::Busy { .. } => Ok(Some(false)),
            Acquired::Published => self.end_upload(image, id).await.map(|()| Some(true)),
            Acquired::Writer(mut writer) => {
                // The space is free at once, whatever comes between; the lock is kept to the end.
                let writer = blocking(move || writer.data.cut(0).map(|()| writer)).await?;
                self.end_upload(image, id).await?;
                drop(writer);
                Ok(Some(true))
            }
        }
    }

    /// Removes the sessions that were begun longer ago than `age`, but those at which somebody is at
    /// work; returns how many. A session that cannot be removed is logged, and does not keep the others.
    pub async fn expire_uploads(&self, age: Duration) -> Result<usize, StorageError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut removed = 0;
        for name in self.objects.list(&Key::uploads()).await?.folders {
            let Ok(id) = UploadId::parse(&name) else { continue };
            match self.expire_upload(id, now, age).await {
                Ok(is_removed) => removed += usize::from(is_removed),
                Err(error) => tracing::error!(upload = %id, %error, "cannot remove an upload that was never finished"),
            }
        }
        Ok(removed)
    }

    async fn expire_upload(&self, id: UploadId, now: Duration, age: Duration) -> Result<bool, StorageError> {
        let Some(session) = self.session(id).await? else {
            // Killed while it was being removed.
            return self.remove_records(id).await.map(|()| false);
        };
        let Ok(image) = ImageName::parse(&session.image) else { return Ok(false) };
        let is_old = now.saturating_sub(Duration::from_secs(session.started)) > age;
        Ok(is_old && self.cancel_upload(&image, session.owner.as_deref(), id).await? == Some(true))
    }

    async fn remove_upload_data(&self, image: &ImageName, id: UploadId) -> Result<(), StorageError> {
        let (room, image) = (self.uploads.clone(), image.clone());
        blocking(move || room.remove(&image, id)).await
    }

    async fn end_upload(&self, image: &ImageName, id: UploadId) -> Result<(), StorageError> {
        self.remove_records(id).await?;
        self.remove_upload_data(image, id).await
    }

    /// Removes the records of an upload, the session first: without it nobody can go on.
    async fn remove_records(&self, id: UploadId) -> Result<(), StorageError> {
        self.objects.discard(&Key::upload_session(id)).await?;
        for name in self.objects.list(&Key::upload(id)).await?.objects {
            if let Ok(start) = name.parse() {
                self.objects.discard(&Key::upload_chunk(id, start)).await?;
            }
        }
        self.objects.remove_empty(&Key::upload(id)).await
    }

    async fn session(&self, id: UploadId) -> Result<Option<Session>, StorageError> {
        let key = Key::upload_session(id);
        let session: Session = match self.objects.get(&key).await {
            Err(error) if error.is_not_found() => return Ok(None),
            result => from_json(&key, &result?)?,
        };
        check_version(&key, session.version)?;
        Ok(Some(session))
    }

    async fn owns_upload(&self, image: &ImageName, owner: Option<&str>, id: UploadId) -> Result<bool, StorageError> {
        let session = self.session(id).await?;
        Ok(session.is_some_and(|session| session.image == image.as_str() && session.owner.as_deref() == owner))
    }

    /// The record that was made last.
    async fn last_chunk(&self, id: UploadId) -> Result<Option<Chunk>, StorageError> {
        let names = self.objects.list(&Key::upload(id)).await?.objects;
        let Some(start) =
            names.iter().filter(|name| *name != UPLOAD_SESSION).filter_map(|name| name.parse().ok()).max()
        else {
            return Ok(None);
        };
        let key = Key::upload_chunk(id, start);
        let chunk: Chunk = match self.objects.get(&key).await {
            // The session was ended meanwhile.
            Err(error) if error.is_not_found() => return Ok(None),
            result => from_json(&key, &result?)?,
        };
        check_version(&key, chunk.version)?;
        Ok(Some(chunk))
    }
}
