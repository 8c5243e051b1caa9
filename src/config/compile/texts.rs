//! The texts of a folder, and what is wrong with files before they are read.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::codes;
use super::super::files::{self, Kind};
use super::super::model::Compiled;
use super::super::report::Report;
use super::super::tree::{Content, Tree};
use super::super::yaml::FILE_MAX_BYTES;
use crate::diagnostic::Place;

/// The files that matter, with the texts of those that can be read.
pub(super) struct Texts {
    by_path: BTreeMap<Arc<str>, Option<Arc<str>>>,
}

impl Texts {
    /// Takes the texts of a tree, and reports what cannot be read.
    pub(super) fn read(tree: &Tree, in_force: Option<&Compiled>, reports: &mut Vec<Report>) -> Self {
        let mut by_path = BTreeMap::new();
        for (path, content) in &tree.files {
            if files::kind(path).is_none() {
                continue;
            }
            let known = in_force.and_then(|compiled| compiled.sources.get(path));
            let mut report = Report::new(path);
            by_path.insert(Arc::clone(path), text(content, known, &mut report));
            if !report.diagnostics.is_empty() {
                reports.push(report);
            }
        }
        Self { by_path }
    }

    /// The text of a file that can be read.
    pub(super) fn text(&self, path: &str) -> Option<Arc<str>> {
        self.by_path.get(path).cloned().flatten()
    }

    /// The files of a kind.
    pub(super) fn of(&self, kind: Kind<'_>) -> Vec<Arc<str>> {
        self.by_path.keys().filter(|path| files::kind(path) == Some(kind)).cloned().collect()
    }

    /// The files of each repository, by its name.
    pub(super) fn repositories(&self) -> BTreeMap<Arc<str>, Vec<Arc<str>>> {
        let mut by_name: BTreeMap<Arc<str>, Vec<Arc<str>>> = BTreeMap::new();
        for path in self.by_path.keys() {
            if let Some(Kind::Repository(name)) = files::kind(path) {
                by_name.entry(name.into()).or_default().push(Arc::clone(path));
            }
        }
        by_name
    }

    /// All texts that can be read.
    pub(super) fn into_sources(self) -> BTreeMap<Arc<str>, Arc<str>> {
        self.by_path.into_iter().filter_map(|(path, text)| Some((path, text?))).collect()
    }
}

/// Tells that a file exists under two names.
pub(super) fn twice(first: &Arc<str>, other: &Arc<str>) -> Report {
    let mut report = Report::new(other);
    report
        .add(codes::FILE_TWICE, None, format!("`{first}` and `{other}` are the same file under two names"))
        .help("keep one of them and remove the other")
        .also(Place { file: Arc::clone(first), span: None }, "the other one");
    report
}

/// `known` is the text that the file had before: mostly, it still has it.
fn text(content: &Content, known: Option<&Arc<str>>, report: &mut Report) -> Option<Arc<str>> {
    match content {
        Content::Bytes(bytes) if bytes.len() <= FILE_MAX_BYTES => {
            if let Some(known) = known.filter(|known| known.as_bytes() == &**bytes) {
                return Some(Arc::clone(known));
            }
            match std::str::from_utf8(bytes) {
                Ok(text) => return Some(text.into()),
                Err(error) => {
                    let message = format!("the file is not UTF-8: byte {} cannot be read", error.valid_up_to() + 1);
                    report.add(codes::NOT_UTF8, None, message).help("save it as UTF-8");
                }
            }
        }
        Content::Bytes(bytes) => too_large(bytes.len() as u64, report),
        Content::TooLarge { bytes } => too_large(*bytes, report),
        Content::Unreadable { why } => {
            report.add(codes::FILE_UNREADABLE, None, format!("the file cannot be read: {why}"));
        }
    }
    None
}

fn too_large(bytes: u64, report: &mut Report) {
    report.add(codes::FILE_TOO_LARGE, None, format!("the file has {bytes} bytes, and may have {FILE_MAX_BYTES}"));
}
