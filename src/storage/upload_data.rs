//! The bytes of a running upload, held by one writer at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::folders::{Folders, is_absent};
use super::remote::Remote;
use super::{Key, StorageError};
use crate::oci::{Algorithm, Digest, Hasher, ImageName, UploadId};

/// How much is read at once where bytes have to be hashed again.
const REHASH_BYTES: usize = 512 * 1024;

/// Where the bytes of running uploads are.
#[derive(Debug, Clone)]
pub(super) enum UploadRoom {
    /// In files, which are made, held and removed here.
    Files(Arc<Folders>),
    /// In objects.
    Objects(Arc<Remote>),
}

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

/// The bytes of one upload in a file, under an exclusive lock that ends with its handle, also when the process
/// is killed.
#[derive(Debug)]
pub(super) struct UploadData {
    pub(super) file: File,
    pub(super) path: PathBuf,
}

impl Folders {
    /// Makes the place for a new upload's bytes. Nowhere else is it made: whoever finds none knows that
    /// the upload has ended.
    ///
    /// Nothing is synced before bytes are acknowledged: if a power cut takes the place away, nothing that
    /// was promised is lost with it.
    pub(super) fn make_upload(&self, image: &ImageName, id: UploadId) -> Result<(), StorageError> {
        make_file(self, image, id)
    }

    /// Takes hold of an upload's bytes.
    pub(super) fn hold_upload(&self, image: &ImageName, id: UploadId) -> Result<Hold, StorageError> {
        hold_file(self, image, id)
    }

    /// Removes an upload's bytes, and the place for them.
    pub(super) fn remove_upload(&self, image: &ImageName, id: UploadId) -> Result<(), StorageError> {
        let data = Key::upload_data(image, id);
        self.discard(&data)?;
        self.discard(&Key::upload_started_at(image, id))?;
        data.parent().map_or(Ok(()), |folder| self.remove_empty(&folder))
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
    Ok(Hold::Held(UploadData { file, path }))
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
        self.file.write_all(bytes).map_err(|error| StorageError::io(&self.path, error))
    }

    /// Drops all but the first `length` bytes, which must be there.
    pub(super) fn cut(&mut self, length: u64) -> Result<(), StorageError> {
        let fail = |error| StorageError::io(&self.path, error);
        let found = self.file.metadata().map_err(fail)?.len();
        if found < length {
            let why = format!("{length} bytes were acknowledged, but only {found} are there");
            return Err(StorageError::Damaged { key: self.path.display().to_string(), why });
        }
        self.file.set_len(length).and_then(|()| self.file.seek(SeekFrom::Start(length))).map(|_| ()).map_err(fail)
    }

    /// Makes sure that the bytes are on disk, and that they can be found there.
    pub(super) fn sync(&self, folders: &Folders, key: &Key) -> Result<(), StorageError> {
        self.file.sync_data().map_err(|error| StorageError::io(&self.path, error))?;
        folders.settle(key)
    }

    /// The digest of all bytes, read again.
    pub(super) fn rehash(&mut self, algorithm: Algorithm) -> Result<Digest, StorageError> {
        let mut hasher = Hasher::new(algorithm);
        let fail = |error| StorageError::io(&self.path, error);
        let mut piece = vec![0; REHASH_BYTES];
        self.file.seek(SeekFrom::Start(0)).map_err(fail)?;
        loop {
            match self.file.read(&mut piece).map_err(fail)? {
                0 => return Ok(hasher.finish()),
                count => hasher.update(&piece[..count]),
            }
        }
    }
}
