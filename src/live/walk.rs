//! Lists a configuration folder: which files matter, and where they are.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirEntry, FileType, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::config::side_by_side;

use super::StartError;
use super::read::{
    Folders, Found, Listing, MAX_DEPTH, MAX_FILES, MAX_LINKS, Stamp, folder_error, is_top_file, is_yaml_file, plain,
};

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
                Some(name) if is_top_file(name) => {
                    let name = name.into();
                    self.file(entry, None, name)?;
                }
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
        let entries = self.entries(&folder.path)?;
        // The system finds a file faster by its folder than by its whole path.
        let looked_at = side_by_side(&entries, |entry| {
            let shown: Arc<str> = format!("{name}/{}", entry.name.to_string_lossy()).into();
            let is_ours = entry.kind.is_file() && is_yaml_file(&entry.name);
            (shown, is_ours.then(|| entry.entry.metadata().map(|meta| stamp_of_file(&meta))))
        });
        for (entry, (shown, stamp)) in entries.into_iter().zip(looked_at) {
            let leads_to_folder = || fs::metadata(&entry.path).is_ok_and(|meta| meta.is_dir());
            let is_folder = if entry.kind.is_symlink() { leads_to_folder() } else { entry.kind.is_dir() };
            let yaml = is_yaml_file(&entry.name);
            if is_folder && is_of_repositories(name) {
                self.repositories(&entry, &shown)?;
            } else if is_folder {
                self.folder(&entry, &shown)?;
            } else if yaml && entry.name.to_str().is_none() {
                self.insert(shown, Found::Unreadable { why: "its name is not UTF-8".to_owned() })?;
            } else if yaml {
                self.file(entry, stamp, shown)?;
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

    /// Lists a file, of which is given what [`stamp_of_file`] says where it was looked at already.
    fn file(
        &mut self,
        entry: Entry,
        known: Option<io::Result<Option<Stamp>>>,
        name: Arc<str>,
    ) -> Result<(), StartError> {
        self.note_link(&entry);
        let Entry { path, kind, .. } = entry;
        let found = match known.unwrap_or_else(|| fs::metadata(&path).map(|meta| stamp_of_file(&meta))) {
            Ok(Some(stamp)) => Found::File { path, stamp, is_link: kind.is_symlink() },
            // Opening a pipe or a device could wait for ever.
            Ok(None) => Found::Unreadable { why: "it is not a regular file".to_owned() },
            // Removed since the folder was read: the next listing shows it.
            Err(_) if fs::symlink_metadata(&path).is_err() => return Ok(()),
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

/// The stamp of a regular file; `None` of all else.
fn stamp_of_file(meta: &Metadata) -> Option<Stamp> {
    meta.is_file().then(|| Stamp::of(meta))
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

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::config::{Content, FILE_MAX_BYTES};

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
