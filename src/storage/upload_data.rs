//! The bytes of a running upload, held by one writer at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, IoSlice, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use bytes::Bytes;

use super::folders::{Folders, is_absent};
use super::remote::Remote;
use super::{Key, StorageError};
use crate::oci::{Algorithm, Digest, Hasher, ImageName, UploadId};

/// How much is read at once where bytes have to be hashed again.
const REHASH_BYTES: usize = 512 * 1024;

/// After so many bytes, those before them are sent to the disk, in bytes.
const AHEAD_BYTES: u64 = 32 * 1024 * 1024;

/// At most so many bytes of an upload are synced together with what others wrote.
const TOGETHER_MAX_BYTES: u64 = 4 * 1024 * 1024;

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
    pub(super) file: Arc<File>,
    pub(super) path: PathBuf,
    ahead: Ahead,
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
    let file = Arc::new(file);
    Ok(Hold::Held(UploadData { ahead: Ahead::new(&file), file, path }))
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
    pub(super) fn append(&mut self, pieces: &[Bytes]) -> Result<(), StorageError> {
        let written = write_all(&self.file, pieces);
        written.and_then(|count| self.ahead.written(count)).map_err(|error| StorageError::io(&self.path, error))
    }

    /// Drops all but the first `length` bytes, which must be there.
    pub(super) fn cut(&mut self, length: u64) -> Result<(), StorageError> {
        let fail = |error| StorageError::io(&self.path, error);
        let found = self.file.metadata().map_err(fail)?.len();
        if found < length {
            let why = format!("{length} bytes were acknowledged, but only {found} are there");
            return Err(StorageError::Damaged { key: self.path.display().to_string(), why });
        }
        let mut file = &*self.file;
        file.set_len(length).and_then(|()| file.seek(SeekFrom::Start(length))).map(|_| ()).map_err(fail)
    }

    /// Makes sure that the bytes are on disk, the contents of another file, where one is given, and the entries of
    /// keys.
    pub(super) fn sync(
        &mut self,
        folders: &Folders,
        other: Option<(&File, &Path)>,
        entries: &[&Key],
    ) -> Result<(), StorageError> {
        let fail = |error| StorageError::io(&self.path, error);
        // A failure is told once, to whoever asks first: both have to be asked.
        self.ahead.end().map_err(fail)?;
        let ours = match self.ahead.unsent {
            ..=TOGETHER_MAX_BYTES => Some((&*self.file, &*self.path)),
            // Nobody else is to wait for so much.
            _ => self.file.sync_data().map(|()| None).map_err(fail)?,
        };
        folders.sync(&ours.into_iter().chain(other).collect::<Vec<_>>(), entries)
    }

    /// The digest of all bytes, read again.
    pub(super) fn rehash(&mut self, algorithm: Algorithm) -> Result<Digest, StorageError> {
        let mut hasher = Hasher::new(algorithm);
        let fail = |error| StorageError::io(&self.path, error);
        let mut piece = vec![0; REHASH_BYTES];
        let mut file = &*self.file;
        file.seek(SeekFrom::Start(0)).map_err(fail)?;
        loop {
            match file.read(&mut piece).map_err(fail)? {
                0 => return Ok(hasher.finish()),
                count => hasher.update(&piece[..count]),
            }
        }
    }
}

/// Writes pieces one after another; returns how many bytes that were.
fn write_all(mut file: &File, pieces: &[Bytes]) -> std::io::Result<u64> {
    let mut slices: Vec<IoSlice<'_>> =
        pieces.iter().filter(|piece| !piece.is_empty()).map(|piece| IoSlice::new(piece)).collect();
    let mut rest = slices.as_mut_slice();
    let mut written = 0;
    while !rest.is_empty() {
        match file.write_vectored(rest) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => {
                written += count as u64;
                IoSlice::advance_slices(&mut rest, count);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(written)
}

/// Sends bytes to the disk while more of them arrive, so that few are left when all have to be there.
#[derive(Debug)]
struct Ahead {
    file: Arc<File>,
    unsent: u64,
    running: Option<JoinHandle<std::io::Result<()>>>,
}

impl Ahead {
    fn new(file: &Arc<File>) -> Self {
        Self { file: Arc::clone(file), unsent: 0, running: None }
    }

    /// Takes note of bytes that were written. Fails where earlier ones could not be sent.
    fn written(&mut self, count: u64) -> std::io::Result<()> {
        self.unsent += count;
        if self.unsent < AHEAD_BYTES || self.running.as_ref().is_some_and(|running| !running.is_finished()) {
            return Ok(());
        }
        self.end()?;
        let file = Arc::clone(&self.file);
        // Without a thread all bytes are sent at the end.
        self.running = std::thread::Builder::new().name("early-sync".to_owned()).spawn(move || file.sync_data()).ok();
        self.unsent = 0;
        Ok(())
    }

    /// Waits until nothing is being sent.
    fn end(&mut self) -> std::io::Result<()> {
        let Some(running) = self.running.take() else { return Ok(()) };
        running.join().unwrap_or_else(|_| Err(std::io::Error::other("the thread that syncs an upload panicked")))
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        // The file stays open until its bytes are sent; the lock must not.
        if self.running.as_ref().is_some_and(|running| !running.is_finished()) {
            let _ = self.file.unlock();
        }
    }
}
