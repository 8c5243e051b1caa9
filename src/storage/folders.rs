//! The folders of a storage on a file system: made, synced and removed so that what was acknowledged
//! survives a power cut.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::disk::Disk;
use super::{Key, StorageError};

/// How many folders are remembered as durable, which bounds the memory for it to about 2 MiB.
const KNOWN_MAX: usize = 8192;

/// Files that another process may still be writing are left alone for so long.
const LEFTOVER_AGE: Duration = Duration::from_secs(3600);

/// How often folders are made of which one is removed meanwhile.
pub(super) const MAKE_ATTEMPTS: usize = 10;

/// A folder on a file system, and what is known of the folders in it.
#[derive(Debug)]
pub(super) struct Folders {
    root: PathBuf,
    disk: Disk,
    /// Folders whose own entry, and that of each folder above, is known to be on disk.
    known: Mutex<HashSet<PathBuf>>,
    /// For folders that were asked whether any file lies below them: one that was found, by its path from there.
    found: Mutex<HashMap<PathBuf, PathBuf>>,
    /// Removing a folder excludes finding out that it is durable.
    gate: RwLock<()>,
    /// The number of the next file that is written under another name.
    next_staged: AtomicU64,
}

impl Folders {
    /// Opens a folder, and makes it where it does not exist.
    pub(super) fn open(root: &Path) -> Result<Self, StorageError> {
        let refuse = |why: String| StorageError::Root { path: root.display().to_string(), why };
        let made: Vec<PathBuf> =
            root.ancestors().take_while(|folder| !folder.exists()).map(Path::to_path_buf).collect();
        std::fs::create_dir_all(root).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists | ErrorKind::NotADirectory => refuse("is not a folder".to_owned()),
            _ => refuse(format!("cannot be made: {error}")),
        })?;
        let root = root.canonicalize().map_err(|error| refuse(format!("cannot be opened: {error}")))?;
        let probe = root.join(format!(".portolan-probe-{}", uuid::Uuid::new_v4()));
        File::create(&probe)
            .and_then(|mut file| file.write_all(b"probe"))
            .map_err(|error| refuse(format!("cannot be written: {error}")))?;
        std::fs::remove_file(&probe).map_err(|error| StorageError::io(&probe, error))?;
        // Other processes may write here, too: they begin elsewhere.
        let next_staged = AtomicU64::new(RandomState::new().hash_one(std::process::id()) >> 1);
        let disk = Disk::of(&root).map_err(|error| StorageError::io(&root, error))?;
        let (known, found, gate) = (Mutex::default(), Mutex::default(), RwLock::default());
        let folders = Self { root, disk, known, found, gate, next_staged };
        for folder in made {
            let parent = folder.canonicalize().ok().and_then(|folder| folder.parent().map(Path::to_path_buf));
            if let Some(parent) = parent {
                sync_folder(&parent).map_err(|error| StorageError::io(&parent, error))?;
            }
        }
        Ok(folders)
    }

    /// Where a key lies.
    pub(super) fn path(&self, key: &Key) -> PathBuf {
        self.root.join(key.as_str())
    }

    /// The folder itself.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Makes a file that was put unpromised durable; it may be gone.
    pub(super) fn promise(&self, key: &Key) -> Result<(), StorageError> {
        let path = self.path(key);
        match File::open(&path) {
            Err(error) if is_absent(&error) => Ok(()),
            Err(error) => Err(StorageError::io(&path, error)),
            Ok(file) => self.sync(&[(&file, &path)], &[key]),
        }
    }

    /// Makes sure that the contents of files are on disk, and the entries of others with that of every folder above
    /// them.
    pub(super) fn sync(&self, contents: &[(&File, &Path)], entries: &[&Key]) -> Result<(), StorageError> {
        if contents.is_empty() && entries.is_empty() {
            return Ok(());
        }
        let paths: Vec<PathBuf> = entries.iter().map(|key| self.path(key)).collect();
        let parents = || paths.iter().map(|path| path.parent().unwrap_or(&self.root));
        let are_here = contents.iter().all(|(file, _)| file.metadata().is_ok_and(|found| self.disk.holds(&found)));
        if are_here && parents().all(|parent| self.is_here(parent)) && self.disk.sync() {
            return Ok(());
        }
        for (file, path) in contents {
            file.sync_data().map_err(|error| StorageError::io(path, error))?;
        }
        parents().try_for_each(|parent| {
            sync_if_there(parent)?;
            self.sync_above(parent)
        })
    }

    /// Makes sure that the entries of files, and of every folder above them, are on disk.
    pub(super) fn settle(&self, entries: &[&Key]) -> Result<(), StorageError> {
        self.sync(&[], entries)
    }

    /// Whether a sync of the disk makes the names in a folder durable.
    fn is_here(&self, folder: &Path) -> bool {
        match std::fs::metadata(folder) {
            Ok(found) => self.disk.holds(&found),
            // Removed by somebody else, with what lay in it.
            Err(error) => is_absent(&error),
        }
    }

    /// A name beside a file, under which it is written.
    pub(super) fn name_beside(&self, target: &Path) -> PathBuf {
        let mut name = target.as_os_str().to_owned();
        name.push(format!("#{}", self.next_staged.fetch_add(1, Ordering::Relaxed)));
        name.into()
    }

    /// Forgets a folder that another process has removed, and those above it that are gone with it.
    fn forget_missing(&self, folder: &Path) {
        for missing in folder.ancestors().take_while(|folder| *folder != self.root && !folder.exists()) {
            self.known().remove(missing);
        }
    }

    /// Makes the folder that a path lies in. Its name, and those above, are durable when [`Folders::settle`] returns.
    pub(super) fn make_above(&self, path: &Path) -> Result<(), StorageError> {
        let parent = path.parent().unwrap_or(&self.root);
        self.forget_missing(parent);
        let mut attempt = 1;
        loop {
            match std::fs::create_dir_all(parent) {
                Ok(()) => return Ok(()),
                // Whoever removes empty folders may hit one above before the next one is made in it.
                Err(error) if attempt < MAKE_ATTEMPTS && is_absent(&error) => attempt += 1,
                Err(error) => return Err(StorageError::io(parent, error)),
            }
        }
    }

    /// Moves a file to where a key lies; `false` where it is no longer at its old place. Its new name is durable when
    /// [`Folders::settle`] returns.
    pub(super) fn move_into(&self, from: &Path, key: &Key) -> Result<bool, StorageError> {
        let target = self.path(key);
        let mut attempt = 1;
        loop {
            self.make_above(&target)?;
            match std::fs::rename(from, &target) {
                Ok(()) => break,
                // Whoever removes empty folders, in another process, may hit the one that it is moved to.
                Err(error) if is_absent(&error) && from.exists() && attempt < MAKE_ATTEMPTS => attempt += 1,
                Err(error) if is_absent(&error) && !from.exists() => return Ok(false),
                Err(error) => return Err(StorageError::io(&target, error)),
            }
        }
        Ok(true)
    }

    /// Makes sure that a folder's own entry, and that of every folder above it, is on disk.
    fn sync_above(&self, folder: &Path) -> Result<(), StorageError> {
        let _gate = self.gate.read().unwrap_or_else(PoisonError::into_inner);
        let mut settled = Vec::new();
        let mut current = folder;
        while current != self.root && !self.known().contains(current) {
            let Some(parent) = current.parent() else { break };
            if !sync_if_there(parent)? {
                // Removed again by somebody else, with what lay in it.
                return Ok(());
            }
            settled.push(current.to_path_buf());
            current = parent;
        }
        if settled.is_empty() || !folder.exists() {
            return Ok(());
        }
        let mut known = self.known();
        if known.len() + settled.len() > KNOWN_MAX {
            known.clear();
        }
        known.extend(settled);
        Ok(())
    }

    /// Reads a file whole that has at most `max_bytes`.
    pub(super) fn read(&self, key: &Key, max_bytes: u64) -> Result<Bytes, StorageError> {
        let path = self.path(key);
        let file = match File::open(&path) {
            Err(error) if is_absent(&error) => return Err(StorageError::NotFound { key: key.to_string() }),
            result => result.map_err(|error| StorageError::io(&path, error))?,
        };
        let metadata = file.metadata().map_err(|error| StorageError::io(&path, error))?;
        if metadata.is_dir() {
            return Err(StorageError::NotFound { key: key.to_string() });
        }
        if metadata.len() > max_bytes {
            let why = format!("{} bytes are too many", metadata.len());
            return Err(StorageError::Damaged { key: key.to_string(), why });
        }
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default() + 1);
        file.take(max_bytes).read_to_end(&mut bytes).map_err(|error| StorageError::io(&path, error))?;
        Ok(bytes.into())
    }

    /// Removes a file for good; `false` where there is none.
    pub(super) fn remove(&self, key: &Key) -> Result<bool, StorageError> {
        let existed = self.discard(key)?;
        let path = self.path(key);
        let parent = path.parent().unwrap_or(&self.root);
        if existed && !(self.is_here(parent) && self.disk.sync()) {
            sync_if_there(parent)?;
        }
        Ok(existed)
    }

    /// Removes a file that does no harm if a power cut brings it back; `false` where there is none.
    pub(super) fn discard(&self, key: &Key) -> Result<bool, StorageError> {
        let path = self.path(key);
        match std::fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if is_absent(&error) => Ok(false),
            Err(error) => Err(StorageError::io(&path, error)),
        }
    }

    /// Removes a folder if it is empty; what a killed process left in it half written does not count.
    pub(super) fn remove_empty(&self, key: &Key) -> Result<(), StorageError> {
        let path = self.path(key);
        let _gate = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        let mut result = std::fs::remove_dir(&path);
        if result.as_ref().is_err_and(|error| error.kind() == ErrorKind::DirectoryNotEmpty) && sweep(&path) {
            result = std::fs::remove_dir(&path);
        }
        match result {
            Ok(()) => {
                self.known().remove(&path);
                Ok(())
            }
            Err(error) if is_absent(&error) || error.kind() == ErrorKind::DirectoryNotEmpty => Ok(()),
            Err(error) => Err(StorageError::io(&path, error)),
        }
    }

    /// The size of a file; `None` where there is none.
    pub(super) fn size(&self, key: &Key) -> Result<Option<u64>, StorageError> {
        let path = self.path(key);
        match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => Ok(Some(metadata.len())),
            Ok(_) => Ok(None),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(StorageError::io(&path, error)),
        }
    }

    /// Whether any file lies in a folder or below it. Ends with the first that is found.
    pub(super) fn has_any(&self, key: &Key) -> Result<bool, StorageError> {
        let folder = self.path(key);
        // A file that was found once is looked at first: mostly it is still there.
        let found = self.found().get(&folder).cloned();
        if found.is_some_and(|file| std::fs::symlink_metadata(folder.join(file)).is_ok_and(|found| !found.is_dir())) {
            return Ok(true);
        }
        let found = first_file(&folder)?;
        let mut memory = self.found();
        match found.as_deref().and_then(|file| file.strip_prefix(&folder).ok()) {
            Some(file) => {
                if memory.len() >= KNOWN_MAX {
                    memory.clear();
                }
                memory.insert(folder.clone(), file.to_path_buf());
            }
            None => {
                memory.remove(&folder);
            }
        }
        Ok(found.is_some())
    }

    fn found(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, PathBuf>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashSet<PathBuf>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file in a folder or below it; `None` where there is none.
fn first_file(folder: &Path) -> Result<Option<PathBuf>, StorageError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(StorageError::io(folder, error)),
    };
    for entry in entries {
        let entry = entry.map_err(|error| StorageError::io(folder, error))?;
        let kind = entry.file_type().map_err(|error| StorageError::io(folder, error))?;
        let path = entry.path();
        let found = match kind.is_dir() {
            true => first_file(&path)?,
            false => (!is_half_written(&path)).then_some(path),
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Syncs the entries of a folder to disk.
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Syncs the entries of a folder to disk; `false` where there is no such folder.
fn sync_if_there(folder: &Path) -> Result<bool, StorageError> {
    match sync_folder(folder) {
        Ok(()) => Ok(true),
        Err(error) if is_absent(&error) => Ok(false),
        Err(error) => Err(StorageError::io(folder, error)),
    }
}

/// Whether an error says that there is no such file or folder.
pub(super) fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// Removes what a killed process left half written in a folder; whether anything was removed.
pub(super) fn sweep(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return false;
    };
    let now = SystemTime::now();
    entries
        .flatten()
        .filter(|entry| {
            let age = entry.metadata().and_then(|metadata| metadata.modified()).map(|time| now.duration_since(time));
            is_half_written(&entry.path()) && matches!(age, Ok(Ok(age)) if age > LEFTOVER_AGE)
        })
        .filter(|entry| std::fs::remove_file(entry.path()).is_ok())
        .count()
        > 0
}

/// A file is written as `name#1`, or with another number, and then put in its place.
pub(super) fn is_half_written(path: &Path) -> bool {
    path.file_name()
        .and_then(|name| name.to_str())
        .and_then(|name| name.rsplit_once('#'))
        .is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::{Algorithm, Digest};

    #[test]
    fn a_folder_that_another_process_removed_is_made_again() {
        let root = tempfile::tempdir().unwrap();
        let (one, other) = (Folders::open(root.path()).unwrap(), Folders::open(root.path()).unwrap());
        let key = Key::blob(&Digest::of(Algorithm::Sha256, b""));
        let from = root.path().join("from");
        for _ in 0..2 {
            std::fs::write(&from, "x").unwrap();
            assert!(one.move_into(&from, &key).unwrap());
            one.settle(&[&key]).unwrap();
            assert!(!one.move_into(&from, &key).unwrap());
            assert!(other.discard(&key).unwrap());
            other.remove_empty(&key.parent().unwrap()).unwrap();
        }
    }
}
