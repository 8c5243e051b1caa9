//! Where the files of a change really are, and which are not to be changed from here.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::cli::render::Paths;
use crate::cli::{Exit, Failure};
use crate::config::{CREDENTIALS_FILES, Tree};
use crate::edit::FileChange;

use super::Halt;

/// A configuration folder that is to be changed.
#[derive(Debug)]
pub(super) struct Root {
    /// Its real path.
    pub(super) path: PathBuf,
    /// How people named it.
    pub(super) paths: Paths,
}

/// A file of a change.
#[derive(Debug)]
pub(super) struct Target {
    /// The path below the folder.
    pub(super) name: Arc<str>,
    /// The path as people named it.
    pub(super) shown: String,
    /// The real path, with no link in it.
    pub(super) path: PathBuf,
    pub(super) change: FileChange,
}

/// The link by which the system that mounts configurations into containers swaps them.
const MOUNTED: &str = "..data";

impl Root {
    pub(super) fn open(folder: &Path) -> Result<Self, Failure> {
        let paths = Paths::as_named(folder);
        let path = folder.canonicalize().map_err(|error| {
            Failure::new(format!("cannot read the configuration folder `{}`: {error}", folder.display()))
        })?;
        if is_mounted(&path) || path.join(MOUNTED).symlink_metadata().is_ok() {
            return Err(mounted(&folder.display().to_string()));
        }
        Ok(Self { path, paths })
    }

    /// Finds the files, and refuses what is not ours to change.
    pub(super) fn targets(&self, files: &BTreeMap<Arc<str>, FileChange>, tree: &Tree) -> Result<Vec<Target>, Halt> {
        let mut targets = Vec::new();
        for (name, change) in files.iter().filter(|(_, change)| change.before != change.after) {
            let shown = self.paths.of(name);
            let path = match change.before {
                Some(_) => self.existing(name, &shown, change.after.is_none())?,
                None => self.fresh(name, &shown)?,
            };
            targets.push(Target { name: Arc::clone(name), shown, path, change: change.clone() });
        }
        self.refuse_second_names(&targets, tree)?;
        // Whoever is killed between two files can repeat a deletion only as long as the user is there.
        let length = |text: &Option<Arc<str>>| text.as_ref().map_or(0, |text| text.len());
        let goes = |target: &Target| {
            let (before, after) = (length(&target.change.before), length(&target.change.after));
            CREDENTIALS_FILES.contains(&&*target.name) && after < before
        };
        targets.sort_by_key(goes);
        Ok(targets)
    }

    /// A secret that is written where the server reads would be taken for a part of the configuration.
    pub(super) fn refuse_configuration(&self, file: &Path, tree: &Tree) -> Result<(), Failure> {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let is_yaml = file.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
        let Ok(folder) = folder.canonicalize() else { return Ok(()) };
        // Links may lead the server to folders that lie elsewhere.
        let parents: HashSet<&Path> = tree.files.keys().filter_map(|name| Path::new(&**name).parent()).collect();
        let mut read = parents.into_iter().filter_map(|parent| self.path.join(parent).canonicalize().ok());
        if is_yaml && (folder.starts_with(&self.path) || read.any(|read| folder.starts_with(read))) {
            let why = format!("`{}` would be a file of the configuration", file.display());
            return Err(refused(why, "name a file outside of the folder for the secret"));
        }
        Ok(())
    }

    /// The file behind a name, which may be a link to it.
    fn existing(&self, name: &str, shown: &str, goes: bool) -> Result<PathBuf, Halt> {
        let named = self.path.join(name);
        let real = named.canonicalize().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Halt::Changed(shown.to_owned()),
            _ => Halt::Failed(Failure::new(format!("cannot read `{shown}`: {error}"))),
        })?;
        if fs::metadata(&real).is_ok_and(|meta| meta.nlink() > 1) {
            let why = format!("`{shown}` has a second name (a hard link), under which it would stay as it is");
            return Err(refused(why, "give it a file of its own: copy it, and move the copy over it").into());
        }
        if real == named {
            return Ok(real);
        }
        if is_mounted(&real) {
            return Err(mounted(shown).into());
        }
        if !real.starts_with(&self.path) {
            let why = format!("`{shown}` is a link to `{}`, which lies outside of the folder", real.display());
            return Err(refused(why, "change the file where it is, or put a file in the place of the link").into());
        }
        if goes {
            let why =
                format!("`{shown}` is reached by a symbolic link, and `{}` is not ours to delete", real.display());
            return Err(refused(why, "remove the link by hand, or the file, as is meant").into());
        }
        Ok(real)
    }

    /// The place of a file that is not there yet.
    fn fresh(&self, name: &str, shown: &str) -> Result<PathBuf, Halt> {
        let named = self.path.join(name);
        if let Ok(meta) = named.symlink_metadata() {
            if meta.is_symlink() && !named.exists() {
                let why = format!("`{shown}` is a link that leads nowhere");
                return Err(refused(why, "remove it, or let it lead to a file").into());
            }
            return Err(Halt::Changed(shown.to_owned()));
        }
        let around = named.ancestors().skip(1).find(|around| around.symlink_metadata().is_ok());
        let around = around.unwrap_or(&self.path);
        let real = around.canonicalize().map_err(|error| Failure::new(format!("cannot write `{shown}`: {error}")))?;
        if is_mounted(&real) {
            return Err(mounted(shown).into());
        }
        if !real.starts_with(&self.path) {
            let why = format!("`{shown}` would be written to `{}`, which lies outside of the folder", real.display());
            return Err(refused(why, "put a folder in the place of the link").into());
        }
        Ok(named.strip_prefix(around).map_or_else(|_| named.clone(), |rest| real.join(rest)))
    }

    /// A file with two names of the configuration would change under both, and only one was judged.
    fn refuse_second_names(&self, targets: &[Target], tree: &Tree) -> Result<(), Failure> {
        let mut names: HashMap<&Path, &Target> = HashMap::new();
        for target in targets {
            if let Some(other) = names.insert(&target.path, target) {
                return Err(two_names(&other.shown, &target.shown));
            }
        }
        let known: HashSet<&str> = targets.iter().map(|target| &*target.name).collect();
        let mut folders: HashMap<PathBuf, Option<PathBuf>> = HashMap::new();
        for name in tree.files.keys().filter(|name| !known.contains(&***name)) {
            let named = self.path.join(&**name);
            let (Some(parent), Some(last)) = (named.parent(), named.file_name()) else { continue };
            let folder = folders.entry(parent.to_owned()).or_insert_with(|| parent.canonicalize().ok());
            let Some(path) = folder.as_ref().map(|folder| folder.join(last)) else { continue };
            let is_link = fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_symlink());
            let real = if is_link { path.canonicalize().ok() } else { Some(path) };
            if let Some(target) = real.and_then(|real| names.get(real.as_path())) {
                return Err(two_names(&target.shown, &self.paths.of(name)));
            }
        }
        Ok(())
    }
}

/// Whether a path leads through what a mounted ConfigMap or Secret is made of.
fn is_mounted(path: &Path) -> bool {
    path.components().any(|part| matches!(part, Component::Normal(name) if name.as_encoded_bytes().starts_with(b"..")))
}

fn mounted(shown: &str) -> Failure {
    refused(
        format!("`{shown}` is mounted from a ConfigMap or Secret, and what is written there is lost"),
        "change the files that it is made of",
    )
}

fn two_names(one: &str, other: &str) -> Failure {
    refused(
        format!("`{one}` and `{other}` are one file, so that both would change"),
        "put a file of its own in the place of the link",
    )
}

fn refused(why: String, hint: &str) -> Failure {
    Failure::new(why).with_exit(Exit::No).with_hint(hint)
}
