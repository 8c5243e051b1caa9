//! Finds the files of a folder and what each is for.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::Failure;
use crate::cli::import::report::Report;
use crate::cli::import::source;
use crate::config::{Node, read_foreign};

/// The deepest folder that is looked into.
const DEPTH_MAX: usize = 6;
/// More files than this are not read.
const FILES_MAX: usize = 100_000;

/// What a file is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// The users of the older generation.
    Credentials,
    /// The storages' aliases.
    Storages,
    /// A user of the newer generation.
    User(String),
    /// A role of the newer generation.
    Role(String),
    /// A repository.
    Repository(String),
    /// Artipie's own settings.
    Settings,
}

/// A file that was read.
#[derive(Debug)]
pub(super) struct Source {
    /// Path below the folder, for the report.
    pub(super) path: String,
    pub(super) kind: Kind,
    text: String,
}

impl Source {
    /// What it holds. A file that cannot be read is left out, and told.
    pub(super) fn root(&self, report: &mut Report) -> Option<Node<'_>> {
        match read_foreign(&self.text) {
            Ok(root) => Some(root),
            Err(error) => {
                let line = u32::try_from(error.line).unwrap_or(0);
                report.left_out(&self.path, line, format!("the file cannot be read: {}", error.message));
                None
            }
        }
    }

    /// What it holds.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn required_root(&self) -> Result<Node<'_>, Failure> {
        read_foreign(&self.text).map_err(|error| Failure::new(format!("cannot read `{}`: {error}", self.path)))
    }
}

/// Finds and reads the files, in the order of their paths.
pub(super) fn find(folder: &Path, report: &mut Report) -> Result<Vec<Source>, Failure> {
    let mut paths = BTreeSet::new();
    walk(folder, Path::new(""), &mut Vec::new(), &mut paths)?;
    // Where the parts of the configuration are kept apart, repositories are below `repo`.
    let has_repo_folder = paths.iter().any(|path| path.starts_with("repo"));
    let mut sources = Vec::new();
    for path in &paths {
        let shown = path.to_string_lossy().into_owned();
        let Some(kind) = kind(path, has_repo_folder) else { continue };
        if let Kind::Repository(name) = &kind
            && paths.contains(&path.with_extension("yaml"))
            && path.extension().is_some_and(|ending| ending == "yml")
        {
            report.left_out(&shown, 0, format!("`{name}` is there as `.yaml`, too, which was taken"));
            continue;
        }
        sources.push(Source { text: source::read(&folder.join(path))?, path: shown, kind });
    }
    Ok(sources)
}

/// Lists a folder. `above`: the real paths of the folders around it, into which links may lead back.
fn walk(folder: &Path, below: &Path, above: &mut Vec<PathBuf>, paths: &mut BTreeSet<PathBuf>) -> Result<(), Failure> {
    let here = folder.join(below);
    let failed = |error: std::io::Error| Failure::new(format!("cannot read `{}`: {error}", here.display()));
    let real = here.canonicalize().map_err(failed)?;
    if above.contains(&real) {
        return Ok(());
    }
    above.push(real);
    for entry in fs::read_dir(&here).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let Some(text) = name.to_str() else { continue };
        let path = below.join(text);
        if text.starts_with('.') {
            continue;
        }
        // A link that leads nowhere is no file.
        let Ok(meta) = fs::metadata(folder.join(&path)) else { continue };
        if meta.is_dir() {
            if path.components().count() < DEPTH_MAX {
                walk(folder, &path, above, paths)?;
            }
        } else if text.ends_with(".yaml") || text.ends_with(".yml") {
            if paths.len() >= FILES_MAX {
                return Err(Failure::new(format!("`{}` holds more than {FILES_MAX} files", folder.display())));
            }
            paths.insert(path);
        }
    }
    above.pop();
    Ok(())
}

fn kind(path: &Path, has_repo_folder: bool) -> Option<Kind> {
    let stem = path.file_stem()?.to_str()?;
    let above: Vec<&str> = path.parent()?.iter().filter_map(|part| part.to_str()).collect();
    let inner = |part: &str| match above.as_slice() {
        ["security", found, rest @ ..] | [found, rest @ ..] if *found == part => Some(rest.to_vec()),
        _ => None,
    };
    if let Some(rest) = inner("users") {
        return rest.is_empty().then(|| Kind::User(stem.to_owned()));
    }
    if let Some(rest) = inner("roles") {
        return Some(Kind::Role([rest.as_slice(), &[stem]].concat().join("/")));
    }
    let is_outer = above.is_empty() || above == ["repo"];
    match stem {
        "_credentials" => is_outer.then_some(Kind::Credentials),
        "_storages" if is_outer => Some(Kind::Storages),
        "artipie" if above.is_empty() => Some(Kind::Settings),
        _ if stem.starts_with('_') => None,
        _ => {
            let folders = match above.as_slice() {
                ["repo", rest @ ..] => rest,
                all if !has_repo_folder && all.first() != Some(&"security") => all,
                _ => return None,
            };
            Some(Kind::Repository([folders, &[stem]].concat().join("/")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_layouts_are_known() {
        let kind = |path: &str, has_repo: bool| kind(Path::new(path), has_repo);
        assert_eq!(kind("_credentials.yaml", false), Some(Kind::Credentials));
        assert_eq!(kind("repo/_storages.yml", true), Some(Kind::Storages));
        assert_eq!(kind("my-docker.yaml", false), Some(Kind::Repository("my-docker".to_owned())));
        assert_eq!(kind("repo/jane/app.yaml", true), Some(Kind::Repository("jane/app".to_owned())));
        assert_eq!(kind("security/users/jane.yml", true), Some(Kind::User("jane".to_owned())));
        assert_eq!(kind("roles/default/artipie.yaml", false), Some(Kind::Role("default/artipie".to_owned())));
        assert_eq!(kind("artipie.yml", true), Some(Kind::Settings));
        assert_eq!(kind("data/x.yaml", true), None);
        assert_eq!(kind("jane/_storages.yaml", false), None);
    }
}
