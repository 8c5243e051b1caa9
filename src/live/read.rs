//! Reads a configuration folder: which files matter, where they are, and what they hold.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirEntry, File, FileType, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};
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
enum Found {
    /// A regular file.
    File { path: PathBuf, stamp: Stamp },
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
    files: BTreeMap<Arc<str>, Found>,
    folders: Folders,
    /// The folders of the tree by their real paths: the beginning of their files' names, and the path by
    /// which they were reached. `None` for one that was reached twice.
    places: BTreeMap<PathBuf, Option<(String, PathBuf)>>,
    /// Whether a symbolic link leads to any part of the tree.
    has_links: bool,
    /// Folders below `repos` that cannot be read, and why.
    unreadable: BTreeMap<Arc<str>, String>,
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
            Ok(meta) if meta.is_file() => Some(Found::File { stamp: Stamp::of(&meta), path: reached }),
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
            Found::File { path, stamp } => Some((path, *stamp)),
            Found::Unreadable { .. } => None,
        }
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
            Found::File { path, stamp } => {
                // What is larger than a file may be is not read.
                let size = if stamp.size > MAX_FILE_BYTES { 0 } else { stamp.size };
                if total.fetch_add(size, Ordering::Relaxed) > MAX_TREE_BYTES {
                    return (Content::TooLarge { bytes: stamp.size }, true);
                }
                known(name, *stamp).map_or_else(|| (read_file(path), true), |content| (content, false))
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

/// Reads one file, or says why not; never more than [`MAX_FILE_BYTES`] of it.
fn read_file(path: &Path) -> Content {
    let unreadable = |error: io::Error| Content::Unreadable { why: plain(&error) };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) => return unreadable(error),
    };
    let meta = match file.metadata() {
        Ok(meta) => meta,
        Err(error) => return unreadable(error),
    };
    if meta.len() > MAX_FILE_BYTES {
        return Content::TooLarge { bytes: meta.len() };
    }
    let mut bytes = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or_default() + 1);
    match file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes) {
        Ok(read) if read as u64 > MAX_FILE_BYTES => Content::TooLarge { bytes: read as u64 },
        Ok(_) => Content::of(bytes),
        Err(error) => unreadable(error),
    }
}

/// The folder cannot be listed.
#[derive(Debug)]
pub(super) struct NoListing {
    pub(super) error: StartError,
    /// Where to watch for it to become readable again.
    pub(super) folders: Folders,
}

/// Lists the files that matter.
pub(super) fn list(folder: &Path) -> Result<Listing, NoListing> {
    let mut walk = Walk { root: folder, listing: Listing::default(), above: Vec::new() };
    match walk.top() {
        Ok(()) => Ok(walk.listing),
        Err(error) => Err(NoListing { error, folders: walk.listing.folders }),
    }
}

pub(super) fn is_yaml(name: &str, stem: &str) -> bool {
    matches!(name.strip_prefix(stem), Some(".yaml" | ".yml"))
}

fn is_top_file(name: &str) -> bool {
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

/// An entry of a folder.
struct Entry {
    name: OsString,
    path: PathBuf,
    /// What it is, without following a link.
    kind: FileType,
    entry: DirEntry,
}

struct Walk<'a> {
    root: &'a Path,
    listing: Listing,
    /// Device and inode of the folders that are being read, outermost first.
    above: Vec<(u64, u64)>,
}

impl Walk<'_> {
    fn top(&mut self) -> Result<(), StartError> {
        let top = std::path::absolute(self.root).map_err(|error| folder_error(self.root, plain(&error)))?;
        self.follow(&top);
        self.enter(&top, "")?;
        for entry in self.entries(&top)? {
            match entry.name.to_str() {
                Some("repos") => self.repositories(&entry, "repos")?,
                Some("tests") => self.tests(&entry)?,
                Some(name) if is_top_file(name) => self.file(&entry, name.into())?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Begins with a folder; `false` where it is one of those it lies in, by way of a symbolic link.
    fn enter(&mut self, path: &Path, name: &str) -> Result<bool, StartError> {
        let meta = fs::metadata(path).map_err(|error| self.error(path, &plain(&error)))?;
        if !meta.is_dir() {
            return Err(self.error(path, "it is not a folder"));
        }
        let id = (meta.dev(), meta.ino());
        if self.above.contains(&id) {
            return Ok(false);
        }
        if self.above.len() >= MAX_DEPTH {
            return Err(self.error(path, "its folders are nested too deep"));
        }
        self.above.push(id);
        let real = fs::canonicalize(path).map_err(|error| self.error(path, &plain(&error)))?;
        let place = (name.to_owned(), path.to_owned());
        self.listing.places.entry(real.clone()).and_modify(|twice| *twice = None).or_insert(Some(place));
        self.listing.folders.insert(real, None);
        Ok(true)
    }

    /// The entries of a folder that are not hidden.
    fn entries(&self, path: &Path) -> Result<Vec<Entry>, StartError> {
        let failed = |error: io::Error| self.error(path, &plain(&error));
        let mut entries = Vec::new();
        for entry in fs::read_dir(path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            if !name.as_encoded_bytes().starts_with(b".") {
                match entry.file_type() {
                    Ok(kind) => entries.push(Entry { path: path.join(&name), name, kind, entry }),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(failed(error)),
                }
            }
            if entries.len() > MAX_FILES {
                return Err(self.error(path, "it holds too many files"));
            }
        }
        Ok(entries)
    }

    /// Lists the YAML files of a folder. A folder that cannot be read is an error and not an empty one:
    /// nobody deleted what is in it.
    fn folder(&mut self, folder: &Entry, name: &str) -> Result<(), StartError> {
        self.note_link(folder);
        if !self.enter(&folder.path, name)? {
            return Ok(());
        }
        for entry in self.entries(&folder.path)? {
            let shown = format!("{name}/{}", entry.name.to_string_lossy());
            let leads_to_folder = || fs::metadata(&entry.path).is_ok_and(|meta| meta.is_dir());
            let is_folder = if entry.kind.is_symlink() { leads_to_folder() } else { entry.kind.is_dir() };
            let yaml = is_yaml_file(&entry.name);
            if is_folder && is_of_repositories(name) {
                self.repositories(&entry, &shown)?;
            } else if is_folder {
                self.folder(&entry, &shown)?;
            } else if yaml && entry.name.to_str().is_none() {
                self.insert(shown.into(), Found::Unreadable { why: "its name is not UTF-8".to_owned() })?;
            } else if yaml {
                self.file(&entry, shown.into())?;
            }
        }
        self.above.pop();
        Ok(())
    }

    /// Lists a folder of repositories. One that cannot be read is noted, and holds back nothing else.
    fn repositories(&mut self, folder: &Entry, name: &str) -> Result<(), StartError> {
        let depth = self.above.len();
        let Err(error) = self.folder(folder, name) else { return Ok(()) };
        self.above.truncate(depth);
        match error {
            StartError::Folder { why, .. } if self.listing.files.len() <= MAX_FILES => {
                let why = why.strip_prefix(&format!("`{name}`: ")).map(str::to_owned).unwrap_or(why);
                self.listing.unreadable.insert(name.into(), why);
                Ok(())
            }
            other => Err(other),
        }
    }

    /// Lists the access tests. Nothing that is enforced depends on them, so that a folder of theirs that
    /// cannot be read is one unreadable file, and holds back nothing else.
    fn tests(&mut self, folder: &Entry) -> Result<(), StartError> {
        let depth = self.above.len();
        let Err(error) = self.folder(folder, "tests") else { return Ok(()) };
        self.above.truncate(depth);
        let why = match error {
            StartError::Folder { why, .. } => why,
            other => other.to_string(),
        };
        self.insert("tests".into(), Found::Unreadable { why })
    }

    fn file(&mut self, entry: &Entry, name: Arc<str>) -> Result<(), StartError> {
        self.note_link(entry);
        let path = &entry.path;
        // The system finds a file faster by its folder than by its whole path.
        let meta = if entry.kind.is_file() { entry.entry.metadata() } else { fs::metadata(path) };
        let found = match meta {
            Ok(meta) if meta.is_file() => Found::File { path: path.clone(), stamp: Stamp::of(&meta) },
            // Opening a pipe or a device could wait for ever.
            Ok(_) => Found::Unreadable { why: "it is not a regular file".to_owned() },
            // Removed since the folder was read: the next listing shows it.
            Err(_) if fs::symlink_metadata(path).is_err() => return Ok(()),
            Err(error) => Found::Unreadable { why: plain(&error) },
        };
        self.insert(name, found)
    }

    fn insert(&mut self, name: Arc<str>, found: Found) -> Result<(), StartError> {
        self.listing.files.insert(name, found);
        if self.listing.files.len() > MAX_FILES {
            return Err(folder_error(self.root, "it holds too many files".to_owned()));
        }
        Ok(())
    }

    fn note_link(&mut self, entry: &Entry) {
        if entry.kind.is_symlink() {
            self.listing.has_links = true;
            self.follow(&entry.path);
        }
    }

    /// Notes every symbolic link on a path, and where the path ends, as things to watch.
    fn follow(&mut self, path: &Path) {
        let mut real = PathBuf::from("/");
        let mut rest: Vec<OsString> = parts(path);
        let mut links = 0;
        while let Some(part) = rest.pop() {
            if part == ".." {
                real.pop();
                continue;
            }
            let next = real.join(&part);
            match fs::read_link(&next) {
                Ok(target) if links < MAX_LINKS => {
                    links += 1;
                    self.watch_entry(&real, &part);
                    if target.is_absolute() {
                        real = PathBuf::from("/");
                    }
                    rest.extend(parts(&target));
                }
                _ => real = next,
            }
        }
        if let (Some(parent), Some(name)) = (real.parent(), real.file_name()) {
            self.watch_entry(parent, name);
        }
    }

    fn watch_entry(&mut self, folder: &Path, name: &OsStr) {
        let names = self.listing.folders.entry(folder.to_owned()).or_insert_with(|| Some(BTreeSet::new()));
        if let Some(names) = names {
            names.insert(name.to_owned());
        }
    }

    fn error(&self, path: &Path, why: &str) -> StartError {
        match path.strip_prefix(std::path::absolute(self.root).unwrap_or_default()) {
            Ok(below) if !below.as_os_str().is_empty() => {
                folder_error(self.root, format!("`{}`: {why}", below.display()))
            }
            _ => folder_error(self.root, why.to_owned()),
        }
    }
}

/// The parts of a path, last first, without the root and `.`.
fn parts(path: &Path) -> Vec<OsString> {
    let named = path.components().filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    let mut parts: Vec<OsString> = named.map(|part| part.as_os_str().to_owned()).collect();
    parts.reverse();
    parts
}

fn is_of_repositories(name: &str) -> bool {
    name == "repos" || name.starts_with("repos/")
}

fn folder_error(folder: &Path, why: String) -> StartError {
    StartError::Folder { folder: folder.to_owned(), why }
}

/// An error of the system in its own words, without the number.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let tree = super::super::read(folder).unwrap();
        tree.files.keys().map(|name| name.to_string()).collect()
    }

    fn write(folder: &Path, name: &str, text: &str) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn takes_the_files_that_matter_and_no_others() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "registry.yaml",
            "_credentials.yml",
            "storages.yaml",
            "repos/a.yaml",
            "repos/team/app/b.yml",
            "tests/x.yaml",
            "README.md",
            "other.yaml",
            "registry.yaml.bak",
            ".registry.yaml",
            "repos/.hidden.yaml",
            "repos/.git/config.yaml",
            "repos/README.md",
            "tests/deep/y.yaml",
            "data/repos/z.yaml",
        ] {
            write(dir.path(), name, "x: 1\n");
        }
        assert_eq!(
            names(dir.path()),
            [
                "_credentials.yml",
                "registry.yaml",
                "repos/a.yaml",
                "repos/team/app/b.yml",
                "storages.yaml",
                "tests/deep/y.yaml",
                "tests/x.yaml"
            ]
        );
    }

    #[test]
    fn tests_that_cannot_be_listed_hold_nothing_back() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "repos/a.yaml", "x: 1\n");
        write(dir.path(), "tests", "no folder\n");
        assert_eq!(names(dir.path()), ["repos/a.yaml", "tests"]);
        let tree = super::super::read(dir.path()).unwrap();
        assert!(matches!(&tree.files["tests"], Content::Unreadable { why } if why.contains("not a folder")));
    }

    #[test]
    fn follows_links_and_survives_circles() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "..v1/repos/a.yaml", "a: 1\n");
        write(dir.path(), "..v1/credentials.yaml", "c: 1\n");
        symlink("..v1", dir.path().join("..data")).unwrap();
        symlink("..data/repos", dir.path().join("repos")).unwrap();
        symlink("..data/credentials.yaml", dir.path().join("credentials.yaml")).unwrap();
        symlink(".", dir.path().join("..v1/repos/again")).unwrap();
        symlink("../..", dir.path().join("..v1/repos/up")).unwrap();
        symlink("self.yaml", dir.path().join("..v1/repos/self.yaml")).unwrap();
        assert_eq!(names(dir.path()), ["credentials.yaml", "repos/a.yaml", "repos/self.yaml"]);

        let listing = list(dir.path()).unwrap();
        let real = dir.path().canonicalize().unwrap();
        assert_eq!(listing.folders()[&real], None);
        assert_eq!(listing.folders()[&real.join("..v1/repos")], None);
        assert_eq!(listing.folders()[&real.join("..v1")], Some(["credentials.yaml".into(), "repos".into()].into()));
    }

    #[test]
    fn does_not_read_what_is_too_large_or_no_file() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "repos/fits.yaml", &"x".repeat(FILE_MAX_BYTES));
        let huge = File::create(dir.path().join("repos/huge.yaml")).unwrap();
        huge.set_len(1 << 30).unwrap();
        let pipe = dir.path().join("repos/pipe.yaml");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        symlink("/dev/zero", dir.path().join("repos/zero.yaml")).unwrap();
        symlink("nowhere", dir.path().join("repos/lost.yaml")).unwrap();

        let tree = super::super::read(dir.path()).unwrap();
        assert!(matches!(&tree.files["repos/fits.yaml"], Content::Text(text) if text.text().len() == FILE_MAX_BYTES));
        assert_eq!(tree.files["repos/huge.yaml"], Content::TooLarge { bytes: 1 << 30 });
        for name in ["repos/pipe.yaml", "repos/zero.yaml", "repos/lost.yaml"] {
            assert!(matches!(&tree.files[name], Content::Unreadable { .. }), "{name}");
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_and_not_an_empty_one() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(super::super::read(&dir.path().join("missing")), Err(StartError::Folder { .. })));
        symlink("nowhere", dir.path().join("repos")).unwrap();
        let error = super::super::read(dir.path()).unwrap_err().to_string();
        assert!(error.contains("`repos`: no such file or directory"), "{error}");
    }

    #[test]
    fn listings_differ_after_a_change() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "repos/a.yaml", "a: 1\n");
        let before = list(dir.path()).unwrap();
        assert_eq!(before, list(dir.path()).unwrap());
        write(dir.path(), "repos/new.yaml", "a: 1\n");
        assert_ne!(before, list(dir.path()).unwrap());
    }
}
