//! Writing a blob that comes from elsewhere, and moving one aside.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{TryStreamExt as _, stream};
use object_store::MultipartUpload;

use super::error::blocking;
use super::folders::Folders;
use super::object_stream::ObjectStream;
use super::objects::object_error;
use super::pointer::Location;
use super::remote::Remote;
use super::upload_data::UploadRoom;
use super::{BlobStream, Key, StorageError, Store};
use crate::oci::{Digest, Hasher, UploadId};

/// The size of a part, in bytes: the least that S3 takes is 5 MiB, and at most 10,000 parts make 5 TiB
/// only with larger ones.
const PART_BYTES: usize = 8 * 1024 * 1024;
const PARTS_BEFORE_GROWTH: usize = 1000;

/// The largest object that a store copies by itself.
const COPY_MAX_BYTES: u64 = 5 * 1024 * 1024 * 1024;

impl Store {
    /// Writes a blob to its final key; durable when it returns. `false`, and nothing is written, where its
    /// bytes have another digest.
    pub async fn write_blob(&self, digest: &Digest, mut content: BlobStream) -> Result<bool, StorageError> {
        let mut target = Target::begin(self, Key::blob(digest)).await?;
        let mut hasher = Hasher::new(digest.algorithm());
        loop {
            match content.try_next().await {
                Ok(Some(piece)) => {
                    hasher.update(&piece);
                    target.write(piece).await?;
                }
                Ok(None) => break,
                Err(error) => {
                    target.abort().await;
                    return Err(error);
                }
            }
        }
        if hasher.finish() != *digest {
            target.abort().await;
            return Ok(false);
        }
        target.finish().await.map(|()| true)
    }

    /// Brings a blob's bytes to their final key, and gives their number; `None` where they have another digest.
    /// What is one object is copied by the store; what is several, or too large for that, passes through here.
    pub async fn settle_blob(&self, digest: &Digest) -> Result<Option<u64>, StorageError> {
        let (Some(pointer), UploadRoom::Objects(remote)) = (self.pointer(digest).await?, &self.uploads) else {
            return Ok(Some(0));
        };
        let blob = Key::blob(digest);
        if self.objects.size(&blob).await? == Some(pointer.size) {
            return Ok(Some(0));
        }
        if let [only] = pointer.parts.as_slice()
            && only.size <= COPY_MAX_BYTES
        {
            remote.copy(&only.key, &blob).await?;
            return Ok(Some(only.size));
        }
        let location = Arc::new(Location::of(pointer.parts));
        let content = remote_stream(remote, &location).await?;
        Ok(self.write_blob(digest, content).await?.then_some(pointer.size))
    }

    /// Removes the pointer and the parts of a blob whose bytes are at their final key.
    pub async fn forget_pointer(&self, digest: &Digest) -> Result<(), StorageError> {
        let Some(pointer) = self.pointer(digest).await? else { return Ok(()) };
        if self.objects.size(&Key::blob(digest)).await? != Some(pointer.size) {
            return Ok(());
        }
        self.objects.discard(&Key::pointer(digest)).await?;
        if let UploadRoom::Objects(remote) = &self.uploads {
            remote.locations.invalidate(digest);
        }
        for part in pointer.parts {
            self.objects.discard(&part.key).await?;
        }
        Ok(())
    }

    /// Copies a blob's bytes to where they are put aside, before [`Self::move_aside`], which must be done soon. On a
    /// file system there is nothing to do before.
    pub async fn copy_aside(&self, digest: &Digest, to: &Key) -> Result<(), StorageError> {
        let UploadRoom::Objects(remote) = &self.uploads else { return Ok(()) };
        let location = self.locate(digest).await?;
        let location = location.ok_or_else(|| StorageError::NotFound { key: Key::blob(digest).to_string() })?;
        let mut content = remote_stream(remote, &location).await?;
        let mut target = Target::begin(self, to.clone()).await?;
        loop {
            let piece = match content.try_next().await {
                Ok(Some(piece)) => piece,
                Ok(None) => return target.finish().await,
                Err(error) => {
                    target.abort().await;
                    return Err(error);
                }
            };
            target.write(piece).await?;
        }
    }

    /// Puts a blob aside, by moving its file, or by removing the object or the pointer whose bytes were copied.
    pub async fn move_aside(&self, digest: &Digest, from: &Key, to: &Key) -> Result<(), StorageError> {
        let folders = match &self.uploads {
            UploadRoom::Files(folders) => Arc::clone(folders),
            UploadRoom::Objects(remote) => {
                self.objects.discard(from).await?;
                remote.locations.invalidate(digest);
                return Ok(());
            }
        };
        let (from, to) = (from.clone(), to.clone());
        blocking(move || {
            if !folders.move_into(&folders.path(&from), &to)? {
                return Err(StorageError::NotFound { key: from.to_string() });
            }
            folders.settle(&[&to, &from])
        })
        .await
    }
}

/// The bytes of several objects, one after another.
async fn remote_stream(remote: &Arc<Remote>, location: &Location) -> Result<BlobStream, StorageError> {
    let stream = ObjectStream::begin(Arc::clone(remote), location, 0, location.size).await?;
    Ok(Box::pin(stream::unfold(stream, ObjectStream::step)))
}

/// Where the bytes go before they are a blob.
enum Target {
    File { folders: Arc<Folders>, file: File, path: PathBuf, blob: Key },
    Parts { upload: Box<dyn MultipartUpload>, buffer: Vec<u8>, parts: usize, blob: Key },
}

impl Target {
    async fn begin(store: &Store, blob: Key) -> Result<Self, StorageError> {
        let folders = match &store.uploads {
            UploadRoom::Files(folders) => Arc::clone(folders),
            UploadRoom::Objects(remote) => {
                let upload = remote.begin_parts(&blob).await?;
                return Ok(Self::Parts { upload, buffer: Vec::new(), parts: 0, blob });
            }
        };
        // Named like what the object store leaves half written, so that it is removed like that.
        let path = folders.path(&Key::arriving(UploadId::random()));
        blocking(move || {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).map_err(|error| StorageError::io(folder, error))?;
            }
            let file = OpenOptions::new().write(true).create_new(true).open(&path);
            let file = file.map_err(|error| StorageError::io(&path, error))?;
            Ok(Self::File { folders, file, path, blob })
        })
        .await
    }

    async fn write(&mut self, piece: Bytes) -> Result<(), StorageError> {
        match self {
            Self::File { file, path, .. } => {
                let mut file = file.try_clone().map_err(|error| StorageError::io(path, error))?;
                let path = path.clone();
                blocking(move || file.write_all(&piece).map_err(|error| StorageError::io(&path, error))).await
            }
            Self::Parts { upload, buffer, parts, blob } => {
                buffer.extend_from_slice(&piece);
                if buffer.len() < PART_BYTES * (*parts / PARTS_BEFORE_GROWTH + 1) {
                    return Ok(());
                }
                *parts += 1;
                let part = std::mem::take(buffer);
                upload.put_part(part.into()).await.map_err(|error| object_error(blob, error))
            }
        }
    }

    async fn abort(self) {
        match self {
            Self::File { path, .. } => {
                // What cannot be removed now is removed when leftovers are.
                let _ =
                    blocking(move || std::fs::remove_file(&path).map_err(|error| StorageError::io(&path, error))).await;
            }
            Self::Parts { mut upload, .. } => {
                // The store's own rules for abandoned uploads see to the rest.
                let _ = upload.abort().await;
            }
        }
    }

    async fn finish(self) -> Result<(), StorageError> {
        match self {
            Self::File { folders, file, path, blob } => {
                blocking(move || {
                    file.sync_all().map_err(|error| StorageError::io(&path, error))?;
                    match folders.move_into(&path, &blob)? {
                        true => folders.settle(&[&blob]),
                        false => Err(StorageError::NotFound { key: path.display().to_string() }),
                    }
                })
                .await
            }
            Self::Parts { mut upload, buffer, parts, blob } => {
                if !buffer.is_empty() || parts == 0 {
                    upload.put_part(buffer.into()).await.map_err(|error| object_error(&blob, error))?;
                }
                upload.complete().await.map(|_| ()).map_err(|error| object_error(&blob, error))
            }
        }
    }
}
