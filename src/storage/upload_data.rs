//! The bytes of a running upload, held by one writer at a time.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

use super::folders::{Folders, is_absent};
use super::{Key, StorageError};
use crate::oci::{Algorithm, Digest, Hasher, ImageName, UploadId};

/// How much is read at once where bytes have to be hashed again.
const REHASH_BYTES: usize = 512 * 1024;

/// Where the bytes of running uploads are.
#[derive(Debug, Clone)]
pub(super) enum UploadRoom {
    /// In files.
    Files(Arc<Folders>),
    /// In memory.
    Memory(Arc<MemoryUploads>),
}

/// The bytes of all uploads of a storage in memory.
#[derive(Debug, Default)]
pub(super) struct MemoryUploads(Mutex<HashMap<UploadId, Arc<tokio::sync::Mutex<Vec<u8>>>>>);

/// What came of taking hold of an upload's bytes.
#[derive(Debug)]
pub(super) enum Hold {
    /// They are ours until this is dropped.
    Held(UploadData),
    /// Another writer has them.
    Busy,
    /// There are none, though there were.
    Gone,
}

/// The bytes of one upload, held exclusively.
#[derive(Debug)]
pub(super) enum UploadData {
    /// A file, under an exclusive lock that ends with its handle, also when the process is killed.
    File { file: File, path: PathBuf },
    /// Memory.
    Memory { bytes: OwnedMutexGuard<Vec<u8>> },
}

impl UploadRoom {
    /// Makes the place for a new upload's bytes. Nowhere else is it made: whoever finds none knows that
    /// the upload has ended.
    ///
    /// Nothing is synced before bytes are acknowledged: if a power cut takes the place away, nothing that
    /// was promised is lost with it.
    pub(super) fn make(&self, image: &ImageName, id: UploadId) -> Result<(), StorageError> {
        match self {
            Self::Files(folders) => make_file(folders, image, id),
            Self::Memory(uploads) => {
                uploads.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::default());
                Ok(())
            }
        }
    }

    /// Takes hold of an upload's bytes.
    pub(super) fn hold(&self, image: &ImageName, id: UploadId) -> Result<Hold, StorageError> {
        match self {
            Self::Files(folders) => hold_file(folders, image, id),
            Self::Memory(uploads) => {
                let find = || uploads.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
                let Some(bytes) = find() else { return Ok(Hold::Gone) };
                let Ok(held) = Arc::clone(&bytes).try_lock_owned() else { return Ok(Hold::Busy) };
                // As with files: it may have been made a blob before it was ours.
                if !find().is_some_and(|there| Arc::ptr_eq(&there, &bytes)) {
                    return Ok(Hold::Gone);
                }
                Ok(Hold::Held(UploadData::Memory { bytes: held }))
            }
        }
    }

    /// Removes an upload's bytes, and the place for them.
    pub(super) fn remove(&self, image: &ImageName, id: UploadId) -> Result<(), StorageError> {
        match self {
            Self::Files(folders) => {
                let data = Key::upload_data(image, id);
                folders.discard(&data)?;
                folders.discard(&Key::upload_started_at(image, id))?;
                data.parent().map_or(Ok(()), |folder| folders.remove_empty(&folder))
            }
            Self::Memory(uploads) => {
                uploads.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
                Ok(())
            }
        }
    }
}

fn make_file(folders: &Folders, image: &ImageName, id: UploadId) -> Result<(), StorageError> {
    let path = folders.path(&Key::upload_data(image, id));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| StorageError::io(folder, error))?;
    }
    let started_at = folders.path(&Key::upload_started_at(image, id));
    std::fs::write(&started_at, jiff::Timestamp::now().to_string())
        .map_err(|error| StorageError::io(&started_at, error))?;
    File::create_new(&path).map(|_| ()).map_err(|error| StorageError::io(&path, error))
}

fn hold_file(folders: &Folders, image: &ImageName, id: UploadId) -> Result<Hold, StorageError> {
    let path = folders.path(&Key::upload_data(image, id));
    let fail = |error| StorageError::io(&path, error);
    let file = OpenOptions::new().read(true).write(true).open(&path);
    let file = match file {
        Err(error) if is_absent(&error) => return Ok(Hold::Gone),
        result => result.map_err(fail)?,
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(Hold::Busy),
        Err(TryLockError::Error(error)) => return Err(fail(error)),
    }
    // Between opening and locking, another writer may have finished: what we hold would then be a blob.
    if !is_still_at(&file, &path).map_err(fail)? {
        return Ok(Hold::Gone);
    }
    Ok(Hold::Held(UploadData::File { file, path }))
}

/// Whether a file is what lies at a path.
pub(super) fn is_still_at(file: &File, path: &Path) -> std::io::Result<bool> {
    let held = file.metadata()?;
    match std::fs::metadata(path) {
        Ok(there) => Ok(there.dev() == held.dev() && there.ino() == held.ino()),
        Err(error) if is_absent(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

impl UploadData {
    /// Adds bytes at the end.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        match self {
            Self::File { file, path } => file.write_all(bytes).map_err(|error| StorageError::io(path, error)),
            Self::Memory { bytes: held } => {
                held.extend_from_slice(bytes);
                Ok(())
            }
        }
    }

    /// Drops all but the first `length` bytes, which must be there.
    pub(super) fn cut(&mut self, length: u64) -> Result<(), StorageError> {
        let (place, found) = match self {
            Self::File { file, path } => {
                let metadata = file.metadata().map_err(|error| StorageError::io(path, error))?;
                (path.display().to_string(), metadata.len())
            }
            Self::Memory { bytes } => ("upload in memory".to_owned(), bytes.len() as u64),
        };
        if found < length {
            let why = format!("{length} bytes were acknowledged, but only {found} are there");
            return Err(StorageError::Damaged { key: place, why });
        }
        match self {
            Self::File { file, path } => file
                .set_len(length)
                .and_then(|()| file.seek(SeekFrom::Start(length)))
                .map(|_| ())
                .map_err(|error| StorageError::io(path, error)),
            Self::Memory { bytes } => {
                // It fits: so many bytes are in memory.
                bytes.truncate(length as usize);
                Ok(())
            }
        }
    }

    /// Makes sure that the bytes are on disk, and that they can be found there.
    pub(super) fn sync(&self, room: &UploadRoom, key: &Key) -> Result<(), StorageError> {
        if let Self::File { file, path } = self {
            file.sync_data().map_err(|error| StorageError::io(path, error))?;
        }
        match room {
            UploadRoom::Files(folders) => folders.settle(key),
            UploadRoom::Memory(_) => Ok(()),
        }
    }

    /// The digest of all bytes, read again.
    pub(super) fn rehash(&mut self, algorithm: Algorithm) -> Result<Digest, StorageError> {
        let mut hasher = Hasher::new(algorithm);
        match self {
            Self::Memory { bytes } => hasher.update(bytes),
            Self::File { file, path } => {
                let fail = |error| StorageError::io(path, error);
                let mut piece = vec![0; REHASH_BYTES];
                file.seek(SeekFrom::Start(0)).map_err(fail)?;
                loop {
                    match file.read(&mut piece).map_err(fail)? {
                        0 => break,
                        count => hasher.update(&piece[..count]),
                    }
                }
            }
        }
        Ok(hasher.finish())
    }
}
