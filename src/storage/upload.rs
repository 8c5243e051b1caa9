//! Upload sessions: a session record, a chain of records of what was acknowledged, and the bytes.
//!
//! A record is made only if there is none, and is named by where its chunk begins: of two writers that
//! continue from one position only one can be acknowledged. It holds where the chunk ends and the state
//! of the digest there, so that bytes are hashed once, and any process can go on after any other.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::error::blocking;
use super::folders::Folders;
use super::key::UPLOAD_SESSION;
use super::upload_chain::{Chain, now};
use super::upload_data::{Hold, UploadData, UploadRoom, is_still_at};
use super::upload_record::{Chunk, Session, Step, VERSION, check_version, from_json, to_json};
use super::upload_writer::{Running, WriterData};
use super::{Acquired, Key, StorageError, Store, UploadWriter};
use crate::oci::{Algorithm, Digest, Hasher, ImageName, UploadId};

impl Store {
    /// Begins an upload session.
    pub async fn begin_upload(&self, image: &ImageName, owner: Option<&str>) -> Result<UploadId, StorageError> {
        let id = UploadId::random();
        let key = Key::upload_session(id);
        // Nothing is promised before bytes are acknowledged.
        self.objects.create_unpromised(&key, to_json(&key, &Session::new(image, owner))?).await?;
        if let UploadRoom::Files(folders) = &self.uploads {
            // After the record: a session without bytes expires, and bytes without a session would stay.
            let (folders, image) = (Arc::clone(folders), image.clone());
            blocking(move || folders.make_upload(&image, id)).await?;
        }
        Ok(id)
    }

    /// Begins an upload whose bytes all come at once, and of which nobody else needs to know. It has to be published
    /// or cancelled.
    pub async fn begin_whole(&self, image: &ImageName, owner: Option<&str>) -> Result<UploadWriter, StorageError> {
        if let UploadRoom::Objects(remote) = &self.uploads {
            return Ok(self.whole_in_objects(remote, image, owner));
        }
        let id = self.begin_upload(image, owner).await?;
        match self.acquire_upload(image, owner, id).await? {
            Acquired::Writer(writer) => Ok(writer),
            Acquired::Busy { .. } | Acquired::Unknown | Acquired::Published => {
                Err(StorageError::NotFound { key: Key::upload(id).to_string() })
            }
        }
    }

    /// How many bytes of an upload are acknowledged; `None` where there is no such session, or it is
    /// another owner's or another image's.
    pub async fn upload_offset(
        &self,
        image: &ImageName,
        owner: Option<&str>,
        id: UploadId,
    ) -> Result<Option<u64>, StorageError> {
        if let UploadRoom::Objects(_) = &self.uploads {
            let chain = self.chain(image, owner, id).await?;
            let is_open =
                |chain: &_| !matches!(chain, Chain { last: Some(Step::Final { .. } | Step::Cancelled { .. }), .. });
            return Ok(chain.filter(is_open).map(|chain| chain.end()));
        }
        if !self.owns_upload(image, owner, id).await? {
            return Ok(None);
        }
        Ok(Some(self.last_chunk(id).await?.map_or(0, |chunk| chunk.end)))
    }

    /// Whether an upload is gone, or was cancelled.
    pub async fn has_upload_ended(&self, id: UploadId) -> Result<bool, StorageError> {
        if !self.has_session(id).await? {
            return Ok(true);
        }
        match &self.uploads {
            UploadRoom::Files(_) => Ok(false),
            UploadRoom::Objects(_) => {
                let chain = self.whole_chain(id).await?;
                Ok(chain.is_none_or(|chain| matches!(chain.last, Some(Step::Cancelled { .. }))))
            }
        }
    }

    /// Takes hold of an upload, to write to it.
    pub async fn acquire_upload(
        &self,
        image: &ImageName,
        owner: Option<&str>,
        id: UploadId,
    ) -> Result<Acquired, StorageError> {
        let folders = match &self.uploads {
            UploadRoom::Objects(remote) => return self.acquire_in_objects(remote, image, owner, id).await,
            UploadRoom::Files(folders) => folders,
        };
        if !self.owns_upload(image, owner, id).await? {
            return Ok(Acquired::Unknown);
        }
        let offset = self.last_chunk(id).await?.map_or(0, |chunk| chunk.end);
        let (held_folders, held_image) = (Arc::clone(folders), image.clone());
        let data = match blocking(move || held_folders.hold_upload(&held_image, id)).await? {
            Hold::Held(data) => data,
            Hold::Busy => return Ok(Acquired::Busy { offset }),
            Hold::Gone => return Ok(Acquired::Published),
        };
        // What was read before the bytes were ours may be old by now.
        if !self.owns_upload(image, owner, id).await? {
            remove_upload_data(folders, image, id).await?;
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
            Some(chunk) => Running::resume(id, &chunk.sha256)?,
        };
        Ok(Acquired::Writer(UploadWriter::new(image, id, WriterData::File(data), hasher, acknowledged)))
    }

    /// The digest of all bytes of an upload. They are read again where they came in several chunks and it is not
    /// SHA-256. `None` where the upload ends at this moment.
    pub async fn upload_digest(
        &self,
        mut writer: UploadWriter,
        algorithm: Algorithm,
    ) -> Result<Option<(UploadWriter, Digest)>, StorageError> {
        if writer.hasher.0.algorithm() == algorithm {
            let digest = Hasher::clone(&writer.hasher.0).finish();
            return Ok(Some((writer, digest)));
        }
        match (&mut writer.data, &self.uploads) {
            (WriterData::Objects(tail), UploadRoom::Objects(remote)) => {
                let digest = self.rehash_objects(remote, writer.id, tail, algorithm).await?;
                Ok(digest.map(|digest| (writer, digest)))
            }
            _ => {
                blocking(move || match &mut writer.data {
                    WriterData::File(data) => data.rehash(algorithm).map(|digest| Some((writer, digest))),
                    WriterData::Objects(_) => Ok(None),
                })
                .await
            }
        }
    }

    /// Acknowledges what was written: the bytes and the record of them are durable when it returns.
    /// `None` where another writer was faster.
    pub async fn acknowledge_upload(&self, writer: UploadWriter) -> Result<Option<u64>, StorageError> {
        let (start, end) = (writer.acknowledged, writer.length);
        if start == end {
            return Ok(Some(end));
        }
        let (image, id, sha256) = (writer.image, writer.id, writer.hasher.0.midstate());
        let (data, folders) = match (writer.data, &self.uploads) {
            (WriterData::Objects(tail), _) => {
                return self.acknowledge_in_objects(id, *tail, (start, end), sha256).await;
            }
            (WriterData::File(data), UploadRoom::Files(folders)) => (data, Arc::clone(folders)),
            (WriterData::File(_), UploadRoom::Objects(_)) => return Ok(None),
        };
        let chunk = Chunk { version: VERSION, end, sha256 };
        // The lock is kept until the record is there.
        let data = blocking(move || {
            let mut data = data;
            data.sync(&folders, None, &[&Key::upload_data(&image, id)])?;
            if start == 0 {
                folders.promise(&Key::upload_session(id))?;
            }
            Ok(data)
        })
        .await?;
        let key = Key::upload_chunk(id, start);
        let is_ours = self.objects.create(&key, to_json(&key, &chunk)?).await?;
        drop(data);
        Ok(is_ours.then_some(end))
    }

    /// Makes the bytes of an upload, whose digest was checked, a blob of the image, and ends the
    /// session. `false` where the bytes have vanished meanwhile.
    ///
    /// The link comes first: without bytes it shows nothing, and whoever repeats the request after a
    /// crash in between finds the link and the blob.
    pub async fn publish_upload(&self, writer: UploadWriter, digest: &Digest) -> Result<bool, StorageError> {
        let UploadWriter { image, id, data, acknowledged, length, .. } = writer;
        let (data, folders) = match (data, &self.uploads) {
            (WriterData::Objects(tail), UploadRoom::Objects(remote)) => {
                return self.publish_in_objects(remote, &image, id, *tail, (acknowledged, length), digest).await;
            }
            (WriterData::File(data), UploadRoom::Files(folders)) => (data, folders),
            _ => return Ok(false),
        };
        let (link, blob, to) = (Key::layer(&image, digest), Key::blob(digest), Arc::clone(folders));
        let linked = digest.to_string();
        let is_there = blocking(move || {
            let mut data = data;
            let staged = to.stage(&link, linked.as_bytes())?;
            data.sync(&to, Some((&staged.file, &staged.path)), &[])?;
            // As a blob it is new, however long ago its bytes came.
            data.file.set_modified(SystemTime::now()).map_err(|error| StorageError::io(&data.path, error))?;
            staged.show(false)?;
            let UploadData { file, path, .. } = data;
            // What is renamed is a path; what was checked is a file.
            if !is_still_at(&file, &path).map_err(|error| StorageError::io(&path, error))? {
                return Ok(false);
            }
            // Also where the blob is there already: these bytes were just checked, those may
            // have been damaged.
            let is_moved = to.move_into(&path, &blob);
            drop(file);
            to.settle(&[&blob, &link])?;
            is_moved
        })
        .await?;
        if is_there {
            self.end_upload(folders, &image, id).await?;
        }
        Ok(is_there)
    }

    /// Goes on with an upload that somebody began to publish and was killed over. `false` where there is nothing to
    /// go on with.
    pub async fn publish_again(&self, image: &ImageName, id: UploadId, digest: &Digest) -> Result<bool, StorageError> {
        match &self.uploads {
            UploadRoom::Objects(remote) => self.finish_in_objects(remote, image, id, digest).await,
            UploadRoom::Files(_) => Ok(false),
        }
    }

    /// Removes what an upload leaves that was published. Nobody has to wait for that.
    pub async fn tidy_upload(&self, id: UploadId) -> Result<(), StorageError> {
        match &self.uploads {
            UploadRoom::Objects(remote) => self.clean_upload(remote, id).await,
            UploadRoom::Files(_) => Ok(()),
        }
    }

    /// Ends an upload session and removes its bytes. `None` where it is unknown, `Some(false)` where
    /// another writer is at work on it.
    pub async fn cancel_upload(
        &self,
        image: &ImageName,
        owner: Option<&str>,
        id: UploadId,
    ) -> Result<Option<bool>, StorageError> {
        let folders = match &self.uploads {
            UploadRoom::Objects(remote) => return self.cancel_in_objects(remote, image, owner, id).await,
            UploadRoom::Files(folders) => folders,
        };
        match self.acquire_upload(image, owner, id).await? {
            Acquired::Unknown => Ok(None),
            Acquired::Busy { .. } => Ok(Some(false)),
            Acquired::Published => self.end_upload(folders, image, id).await.map(|()| Some(true)),
            Acquired::Writer(UploadWriter { data: WriterData::File(mut data), .. }) => {
                // The space is free at once, whatever comes between; the lock is kept to the end.
                let data = blocking(move || data.cut(0).map(|()| data)).await?;
                self.end_upload(folders, image, id).await?;
                drop(data);
                Ok(Some(true))
            }
            Acquired::Writer(_) => Ok(Some(false)),
        }
    }

    /// Removes the sessions that were begun longer ago than `age`, but those at which somebody is at
    /// work; returns how many. A session that cannot be removed is logged, and does not keep the others.
    pub async fn expire_uploads(&self, age: Duration) -> Result<usize, StorageError> {
        let now = now();
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

    async fn expire_upload(&self, id: UploadId, now: u64, age: Duration) -> Result<bool, StorageError> {
        let session = self.session(id).await?;
        let is_old = session.as_ref().is_some_and(|session| now.saturating_sub(session.started) > age.as_secs());
        if let UploadRoom::Objects(remote) = &self.uploads {
            return self.expire_in_objects(remote, id, is_old, session).await;
        }
        let Some(session) = session else { return self.remove_left(id).await.map(|()| false) };
        let Ok(image) = ImageName::parse(&session.image) else { return Ok(false) };
        Ok(is_old && self.cancel_upload(&image, session.owner.as_deref(), id).await? == Some(true))
    }

    async fn end_upload(&self, folders: &Arc<Folders>, image: &ImageName, id: UploadId) -> Result<(), StorageError> {
        self.remove_records(id).await?;
        remove_upload_data(folders, image, id).await
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

    /// Removes what is left of an upload whose removal was interrupted. It may as well be one that is just beginning:
    /// its folder is there before its session. So the records are listed first, which are made only while there is a
    /// session, and the session is asked for after them: where it is gone then, it does not come back.
    async fn remove_left(&self, id: UploadId) -> Result<(), StorageError> {
        let records = self.objects.list(&Key::upload(id)).await?.objects;
        if self.session(id).await?.is_some() {
            return Ok(());
        }
        for start in records.iter().filter_map(|name| name.parse().ok()) {
            self.objects.discard(&Key::upload_chunk(id, start)).await?;
        }
        self.objects.remove_empty(&Key::upload(id)).await
    }

    pub(super) async fn session(&self, id: UploadId) -> Result<Option<Session>, StorageError> {
        let key = Key::upload_session(id);
        let session: Session = match self.objects.get(&key).await {
            Err(error) if error.is_not_found() => return Ok(None),
            result => from_json(&key, &result?)?,
        };
        check_version(&key, session.version)?;
        Ok(Some(session))
    }

    pub(super) async fn owns_upload(
        &self,
        image: &ImageName,
        owner: Option<&str>,
        id: UploadId,
    ) -> Result<bool, StorageError> {
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

async fn remove_upload_data(folders: &Arc<Folders>, image: &ImageName, id: UploadId) -> Result<(), StorageError> {
    let (folders, image) = (Arc::clone(folders), image.clone());
    blocking(move || folders.remove_upload(&image, id)).await
}
