//! Reads the files of a configuration folder, once it is listed.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::config::{Content, FILE_MAX_BYTES, Tree, side_by_side};

use super::StartError;

/// A larger file is not read.
pub(super) const MAX_FILE_BYTES: u64 = FILE_MAX_BYTES as u64;
/// More than this in all files together is not read.
pub(super) const MAX_TREE_BYTES: u64 = 256 << 20;
/// A folder with more files is refused.
pub(super) const MAX_FILES: usize = 100_000;
/// Folders below folders; image names allow no more than half of it.
pub(super) const MAX_DEPTH: usize = 256;
/// As many symbolic links the system itself follows in one path.
pub(super) const MAX_LINKS: usize = 40;

/// Stems of the files at the top of the folder.
pub(super) const TOP_FILES: [&str; 5] = ["registry", "credentials", "_credentials", "storages", "_storages"];

/// What tells that a file is not the one, or not the content, that was seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    pub(super) fn of(meta: &Metadata) -> Self {
        Self {
            device: meta.dev(),
            inode: meta.ino(),
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }
    }

    /// Whether it is younger than `seconds` at the clock's `now` (seconds since 1970): another change may
    /// then have left the same stamp.
    pub(super) fn is_fresh(&self, now: i64, seconds: i64) -> bool {
        self.modified.0.max(self.changed.0) >= now - seconds
    }

    /// Whether the file holds nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.size == 0
    }

    /// When the content was last written; 1970 for times that make no sense.
    pub(super) fn modified(&self) -> SystemTime {
        let (Ok(seconds), Ok(nanos)) = (u64::try_from(self.modified.0), u32::try_from(self.modified.1)) else {
            return UNIX_EPOCH;
        };
        UNIX_EPOCH.checked_add(Duration::new(seconds, nanos.min(999_999_999))).unwrap_or(UNIX_EPOCH)
    }
}

/// A file that matters, before it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// A regular file, perhaps by way of a symbolic link.
    File { path: PathBuf, stamp: Stamp, is_link: bool },
    /// Something that bears the name of a file that matters and cannot be read.
    Unreadable { why: String },
}

/// The real paths of the folders whose changes matter. `Some` names the only entries that count there:
/// symbolic links on the way to the tree, and what they lead to.
pub(super) type Folders = BTreeMap<PathBuf, Option<BTreeSet<OsString>>>;

/// The folder's files, not read yet. Two equal listings mean that nothing changed between them, as far
/// as file systems can tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Listing {
    pub(super) files: BTreeMap<Arc<str>, Found>,
    pub(super) folders: Folders,
    /// The folders of the tree by their real paths: the beginning of their files' names, and the path by
    /// which they were reached. `None` for one that was reached twice.
    pub(super) places: BTreeMap<PathBuf, Option<(String, PathBuf)>>,
    /// Whether a symbolic link leads to any part of the tree.
    pub(super) has_links: bool,
    /// Folders below `repos` that cannot be read, and why.
    pub(super) unreadable: BTreeMap<Arc<str>, String>,
}

impl Listing {
    /// Where to watch for changes.
    pub(super) fn folders(&self) -> &Folders {
        &self.folders
    }

    /// Folders that cannot be read, by their names, and why.
    pub(super) fn unreadable(&self) -> impl Iterator<Item = (&Arc<str>, &String)> {
        self.unreadable.iter()
    }

    /// The error where a folder cannot be read: nobody knows what it holds.
    pub(super) fn require_whole(&self, root: &Path) -> Result<(), StartError> {
        match self.unreadable.first_key_value() {
            Some((name, why)) => Err(folder_error(root, format!("`{name}`: {why}"))),
            None => Ok(()),
        }
    }

    /// Whether a file changed within `seconds` before the clock's `now` (seconds since 1970): another
    /// change may then have left the same stamp.
    pub(super) fn is_fresh(&self, now: i64, seconds: i64) -> bool {
        self.files.values().any(|found| match found {
            Found::File { stamp, .. } => stamp.is_fresh(now, seconds),
            Found::Unreadable { .. } => false,
        })
    }

    /// Looks again at one path of which something was told. `false` where that may not be all that changed,
    /// and the whole folder must be listed.
    pub(super) fn look_at(&mut self, path: &Path) -> bool {
        let (Some(parent), Some(entry)) = (path.parent(), path.file_name()) else { return false };
        let Some(Some((name, reached))) = self.places.get(parent) else { return false };
        let Some(entry) = entry.to_str().filter(|_| !self.has_links) else { return false };
        if entry.starts_with('.') {
            return true;
        }
        let is_top = name.is_empty();
        let name: Arc<str> = if is_top { entry.into() } else { format!("{name}/{entry}").into() };
        let reached = reached.join(entry);
        let found = match fs::symlink_metadata(&reached) {
            Ok(meta) if meta.is_file() => Some(Found::File { stamp: Stamp::of(&meta), path: reached, is_link: false }),
            Ok(_) => return false,
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(_) => return false,
        };
        let matters = if is_top { is_top_file(entry) } else { is_yaml_file(entry) };
        match found {
            None if is_top && matches!(entry, "repos" | "tests") => return false,
            None => drop(self.files.remove(&name)),
            Some(found) if matters => drop(self.files.insert(name, found)),
            Some(_) => return !(is_top && matches!(entry, "repos" | "tests")),
        }
        self.files.len() <= MAX_FILES
    }

    /// Whether the file at a path that [`Listing::look_at`] looked at is still as it was then.
    pub(super) fn is_still(&self, path: &Path) -> bool {
        let listed = self.name_of(path).and_then(|name| Some(self.file(&name)?.1));
        let now = fs::symlink_metadata(path).ok().map(|meta| Stamp::of(&meta));
        // What is hidden, or no file of ours, is not listed, and may come and go.
        listed == now || listed.is_none() && self.name_of(path).is_some_and(|name| !is_listed_name(&name))
    }

    /// Whether a listed file is still as it was when it was listed, and was read as a whole.
    pub(super) fn has_still(&self, name: &str, tree: &Tree) -> bool {
        let now = |path: &Path| fs::symlink_metadata(path).ok().map(|meta| Stamp::of(&meta));
        let is_whole = |stamp: Stamp| match tree.files.get(name) {
            Some(Content::Text(text)) => text.text().len() as u64 == stamp.size,
            Some(Content::Bytes(bytes)) => bytes.len() as u64 == stamp.size,
            _ => true,
        };
        self.file(name).is_some_and(|(path, stamp)| is_whole(stamp) && now(path) == Some(stamp))
    }

    /// The name of a file at a path that [`Listing::look_at`] looked at.
    pub(super) fn name_of(&self, path: &Path) -> Option<Arc<str>> {
        let (name, _) = self.places.get(path.parent()?)?.as_ref()?;
        let entry = path.file_name()?.to_str()?;
        Some(if name.is_empty() { entry.into() } else { format!("{name}/{entry}").into() })
    }

    /// Where a file is and what tells its content from others, if it can be read.
    pub(super) fn file(&self, name: &str) -> Option<(&Path, Stamp)> {
        match self.files.get(name)? {
            Found::File { path, stamp, .. } => Some((path, *stamp)),
            Found::Unreadable { .. } => None,
        }
    }

    /// Whether a listed file is reached by a symbolic link of its own.
    pub(super) fn is_link(&self, name: &str) -> bool {
        matches!(self.files.get(name), Some(Found::File { is_link: true, .. }))
    }

    /// What tells the content of each file, in the order of their names.
    pub(super) fn stamps(&self) -> impl Iterator<Item = Option<Stamp>> {
        self.files.values().map(|found| match found {
            Found::File { stamp, .. } => Some(*stamp),
            Found::Unreadable { .. } => None,
        })
    }

    /// Reads the files, but those whose content is `known` by name and stamp. Gives the names of those that
    /// were read, too.
    pub(super) fn load(
        &self,
        folder: &Path,
        known: impl Fn(&str, Stamp) -> Option<Content> + Sync,
    ) -> Result<(Tree, Vec<Arc<str>>), StartError> {
        let total = AtomicU64::new(0);
        let files: Vec<_> = self.files.iter().collect();
        let contents = side_by_side(&files, |(name, found)| match found {
            Found::Unreadable { why } => (Content::Unreadable { why: why.clone() }, false),
            Found::File { path, stamp, .. } => {
                // What is larger than a file may be is not read.
                let size = if stamp.size > MAX_FILE_BYTES { 0 } else { stamp.size };
                if total.fetch_add(size, Ordering::Relaxed) > MAX_TREE_BYTES {
                    return (Content::TooLarge { bytes: stamp.size }, true);
                }
                known(name, *stamp).map_or_else(|| (read_file(path, stamp.size), true), |content| (content, false))
            }
        });
        if total.into_inner() > MAX_TREE_BYTES {
            return Err(folder_error(folder, format!("its files hold more than {} MiB", MAX_TREE_BYTES >> 20)));
        }
        let names = files.iter().map(|(name, _)| Arc::clone(name));
        let read = names.clone().zip(&contents).filter_map(|(name, (_, is_read))| is_read.then_some(name)).collect();
        let contents = contents.into_iter().map(|(content, _)| content);
        Ok((Tree { files: names.zip(contents).collect() }, read))
    }
}

/// Reads one file, or says why not; never more than [`MAX_FILE_BYTES`] of it. It had `listed` bytes when it was
/// listed.
fn read_file(path: &Path, listed: u64) -> Content {
    let unreadable = |error: io::Error| Content::Unreadable { why: plain(&error) };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) => return unreadable(error),
    };
    if listed > MAX_FILE_BYTES {
        return Content::TooLarge { bytes: listed };
    }
    // Mostly it still has as many: then one call, which asks for one more, reads all of it.
    let expected = usize::try_from(listed).unwrap_or_default();
    let mut bytes = vec![0; expected + 1];
    match file.read(&mut bytes) {
        Ok(read) if read == expected => {
            bytes.truncate(read);
            return Content::of(bytes);
        }
        Ok(read) => bytes.truncate(read),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => bytes.clear(),
        Err(error) => return unreadable(error),
    }
    let more = (MAX_FILE_BYTES + 1).saturating_sub(bytes.len() as u64);
    match file.take(more).read_to_end(&mut bytes) {
        Ok(_) if bytes.len() as u64 > MAX_FILE_BYTES => Content::TooLarge { bytes: bytes.len() as u64 },
        Ok(_) => Content::of(bytes),
        Err(error) => unreadable(error),
    }
}

pub(super) fn is_yaml(name: &str, stem: &str) -> bool {
    matches!(name.strip_prefix(stem), Some(".yaml" | ".yml"))
}

pub(super) fn is_top_file(name: &str) -> bool {
    TOP_FILES.into_iter().any(|stem| is_yaml(name, stem))
}

/// Whether a file of this name below the folder would be listed.
fn is_listed_name(name: &str) -> bool {
    let (folder, entry) = name.rsplit_once('/').unwrap_or(("", name));
    !entry.starts_with('.') && if folder.is_empty() { is_top_file(entry) } else { is_yaml_file(entry) }
}

pub(super) fn is_yaml_file(name: impl AsRef<Path>) -> bool {
    name.as_ref().extension().is_some_and(|end| end == "yaml" || end == "yml")
}

pub(super) fn folder_error(folder: &Path, why: String) -> StartError {
    StartError::Folder { folder: folder.to_owned(), why }
}

/// An error of the system in its own words, without the number.
pub(super) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_it_is_now_however_large_it_was_when_it_was_listed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.yaml");
        let text = |length: usize| "x".repeat(length);
        for length in [0, 1, 5_000] {
            fs::write(&path, text(length)).unwrap();
            for listed in [0, 1, 4_999, 5_000, 5_001, MAX_FILE_BYTES] {
                assert_eq!(
                    read_file(&path, listed),
                    Content::of(text(length).into()),
                    "{length} bytes, {listed} listed"
                );
            }
        }
        fs::write(&path, text(FILE_MAX_BYTES + 1)).unwrap();
        for listed in [0, 5_000, MAX_FILE_BYTES, MAX_FILE_BYTES + 1] {
            assert_eq!(read_file(&path, listed), Content::TooLarge { bytes: MAX_FILE_BYTES + 1 }, "{listed} listed");
        }
    }
}
