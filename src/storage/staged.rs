//! Files that are written beside their places, synced, and then put there: what is at its place is whole.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;

use bytes::Bytes;

use super::folders::{Folders, MAKE_ATTEMPTS, is_absent};
use super::{Key, StorageError};

/// A file that is written, but not at its place yet. Dropped before, it is removed.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) file: File,
    pub(super) path: PathBuf,
    target: PathBuf,
    is_at_its_place: bool,
}

impl Staged {
    /// Puts it in its place; `false` where it must be new and there is one.
    pub(super) fn show(mut self, must_be_new: bool) -> Result<bool, StorageError> {
        let shown = match must_be_new {
            // Atomic, and never over what is there.
            true => std::fs::hard_link(&self.path, &self.target),
            false => std::fs::rename(&self.path, &self.target),
        };
        match shown {
            Ok(()) => {
                self.is_at_its_place = !must_be_new;
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists && must_be_new => Ok(false),
            Err(error) => Err(StorageError::io(&self.target, error)),
        }
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.is_at_its_place {
            // What stays behind is swept when its folder is removed.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Folders {
    /// Writes files, whether or not there are any. Whatever a power cut leaves of it, what is at its place is whole, and
    /// with a file of one group are all of those before. Everything is durable when it returns.
    pub(super) fn put_in_order(&self, groups: &[Vec<(Key, Bytes)>]) -> Result<(), StorageError> {
        let staged = groups.iter().flatten().map(|(key, bytes)| self.stage(key, bytes));
        let staged = staged.collect::<Result<Vec<_>, _>>()?;
        self.sync_staged(staged.iter())?;
        let mut staged = staged.into_iter();
        for group in groups {
            staged.by_ref().take(group.len()).try_for_each(|staged| staged.show(false).map(|_| ()))?;
            self.settle(&group.iter().map(|(key, _)| key).collect::<Vec<_>>())?;
        }
        Ok(())
    }

    /// Writes a file if there is none, and then also others, whether or not there are any; `false`, and only what was
    /// there, where there is one. What is there is durable in both cases when it returns.
    pub(super) fn create_with(&self, new: &(Key, Bytes), others: &[(Key, Bytes)]) -> Result<bool, StorageError> {
        let ours = self.stage(&new.0, &new.1)?;
        let staged = others.iter().map(|(key, bytes)| self.stage(key, bytes)).collect::<Result<Vec<_>, _>>()?;
        self.sync_staged([&ours].into_iter().chain(&staged))?;
        let is_written = ours.show(true)?;
        // Also where it was there already: whoever has written it may not have synced it yet.
        let mut keys = vec![&new.0];
        if is_written {
            staged.into_iter().try_for_each(|staged| staged.show(false).map(|_| ()))?;
            keys.extend(others.iter().map(|(key, _)| key));
        }
        self.settle(&keys)?;
        Ok(is_written)
    }

    fn sync_staged<'a>(&self, staged: impl Iterator<Item = &'a Staged>) -> Result<(), StorageError> {
        self.sync(&staged.map(|staged| (&staged.file, &*staged.path)).collect::<Vec<_>>(), &[])
    }

    /// Writes a new file of which nothing is promised yet: a power cut may take it away. [`Folders::promise`] makes
    /// it durable.
    pub(super) fn put_unpromised(&self, key: &Key, bytes: &[u8]) -> Result<bool, StorageError> {
        self.stage(key, bytes)?.show(true)
    }

    /// Writes a file under another name, beside the place where it is to be.
    pub(super) fn stage(&self, key: &Key, bytes: &[u8]) -> Result<Staged, StorageError> {
        let target = self.path(key);
        let mut attempt = 1;
        loop {
            let path = self.name_beside(&target);
            match File::create_new(&path) {
                Ok(file) => {
                    let mut staged = Staged { file, path, target, is_at_its_place: false };
                    let written = staged.file.write_all(bytes);
                    return written.map(|()| staged).map_err(|error| StorageError::io(&self.path(key), error));
                }
                // Another process may stage under the same name.
                Err(error) if error.kind() == ErrorKind::AlreadyExists && attempt < MAKE_ATTEMPTS => attempt += 1,
                // There is no folder yet, or whoever removes empty ones has hit it before something was put into it.
                Err(error) if is_absent(&error) && attempt < MAKE_ATTEMPTS => {
                    attempt += 1;
                    self.make_above(&target)?;
                }
                Err(error) => return Err(StorageError::io(&target, error)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::oci::{Algorithm, Digest};

    fn files_in(folder: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let (folders, mut files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
        files.extend(folders.iter().flat_map(|folder| files_in(folder)));
        files
    }

    #[test]
    fn what_is_written_together_is_whole_or_not_there_and_nothing_is_left_beside_it() {
        let root = tempfile::tempdir().unwrap();
        let folders = Folders::open(root.path()).unwrap();
        let [one, other, third] = [b"1", b"2", b"3"].map(|bytes| Key::blob(&Digest::of(Algorithm::Sha256, bytes)));
        let with = |key: &Key, bytes: &'static str| (key.clone(), Bytes::from_static(bytes.as_bytes()));
        let is = |key: &Key| std::fs::read_to_string(folders.path(key)).unwrap();

        folders.put_in_order(&[vec![with(&one, "a"), with(&other, "b")], vec![], vec![with(&third, "c")]]).unwrap();
        folders.put_in_order(&[vec![with(&one, "A")]]).unwrap();
        folders.put_in_order(&[]).unwrap();
        assert_eq!([is(&one), is(&other), is(&third)], ["A", "b", "c"]);

        assert!(!folders.create_with(&with(&one, "x"), &[with(&other, "x")]).unwrap());
        assert_eq!([is(&one), is(&other)], ["A", "b"]);
        assert!(folders.discard(&one).unwrap());
        assert!(folders.create_with(&with(&one, "y"), &[with(&other, "z")]).unwrap());
        assert_eq!([is(&one), is(&other)], ["y", "z"]);

        // Where one of them cannot be written, none is.
        let blocked = Key::blob(&Digest::of(Algorithm::Sha256, b"4"));
        let place = folders.path(&blocked);
        std::fs::create_dir_all(place.parent().unwrap().parent().unwrap()).unwrap();
        std::fs::write(place.parent().unwrap(), "a file where a folder belongs").unwrap();
        folders.put_in_order(&[vec![with(&one, "-")], vec![with(&blocked, "-")]]).unwrap_err();
        folders.create_with(&with(&blocked, "-"), &[with(&one, "-")]).unwrap_err();
        assert_eq!(is(&one), "y");
        assert_eq!(files_in(root.path()).len(), 4, "{:?}", files_in(root.path()));
    }
}
