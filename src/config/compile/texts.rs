//! The texts of a folder, and what is wrong with files before they are read.

use std::sync::Arc;

use super::super::codes;
use super::super::files::{self, Kind};
use super::super::model::Compiled;
use super::super::position::line_column;
use super::super::report::Report;
use super::super::tree::{Content, Text, Tree};
use super::super::yaml::{FILE_MAX_BYTES, OTHER_FILE_MAX_BYTES};
use crate::diagnostic::Place;
use crate::policy::QuickMap;

/// The files that matter, with the texts of those that can be read.
#[derive(Default)]
pub(super) struct Texts {
    /// In the order of their paths.
    files: Vec<(Arc<str>, Option<Text>)>,
    /// Where each path is among them.
    index: QuickMap<Arc<str>, usize>,
}

impl Texts {
    /// Takes the texts of a tree, and reports what cannot be read.
    pub(super) fn read(tree: &Tree, in_force: Option<&Compiled>, reports: &mut Vec<Report>) -> Self {
        let mut files = Vec::with_capacity(tree.files.len());
        for (path, content) in &tree.files {
            if files::kind(path).is_none() {
                if let Content::Unreadable { why } = content {
                    let mut report = Report::new(path);
                    report
                        .add(codes::FILE_UNREADABLE, None, format!("the folder cannot be read: {why}"))
                        .help("see that the user who runs this may read it; what is in force of it stays");
                    reports.push(report);
                }
                continue;
            }
            let known = in_force.and_then(|compiled| compiled.text(path));
            let mut report = Report::new(path);
            files.push((Arc::clone(path), text(content, known, &mut report)));
            if !report.diagnostics.is_empty() {
                reports.push(report);
            }
        }
        let index = files.iter().enumerate().map(|(at, (path, _))| (Arc::clone(path), at)).collect();
        Self { files, index }
    }

    /// The text of a file that can be read.
    pub(super) fn text(&self, path: &str) -> Option<Arc<str>> {
        let (_, text) = self.files.get(*self.index.get(path)?)?;
        text.as_ref().map(|text| Arc::clone(text.text()))
    }

    /// The files of a kind.
    pub(super) fn of(&self, kind: Kind<'_>) -> Vec<Arc<str>> {
        self.files.iter().map(|(path, _)| path).filter(|path| files::kind(path) == Some(kind)).cloned().collect()
    }

    /// The name, the path and the text of each repository's file, in the order of the names.
    pub(super) fn repositories(&self) -> Vec<RepositoryFile> {
        let found = |(path, text): &(Arc<str>, Option<Text>)| {
            let Some(Kind::Repository(name)) = files::kind(path) else { return None };
            let text = text.as_ref().map(|text| Arc::clone(text.text()));
            Some(RepositoryFile { name: name.into(), path: Arc::clone(path), text })
        };
        let mut found: Vec<_> = self.files.iter().filter_map(found).collect();
        found.sort_by(|one, other| one.name.cmp(&other.name));
        found
    }

    /// All texts that can be read, in the order of their paths.
    pub(super) fn into_all(self) -> Vec<(Arc<str>, Text)> {
        self.files.into_iter().filter_map(|(path, text)| Some((path, text?))).collect()
    }
}

/// A repository's file.
pub(super) struct RepositoryFile {
    pub(super) name: Arc<str>,
    pub(super) path: Arc<str>,
    /// `None` where it cannot be read.
    pub(super) text: Option<Arc<str>>,
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

/// `known` is the text that the file had before: mostly, it still has it, and is then the same in memory.
fn text(content: &Content, known: Option<&Text>, report: &mut Report) -> Option<Text> {
    let most = max_bytes(&report.file);
    let same = |text: Text| known.filter(|known| **known == text).cloned().unwrap_or(text);
    match content {
        Content::Text(text) if text.text().len() <= most => return Some(same(text.clone())),
        Content::Bytes(bytes) if bytes.len() <= most => match std::str::from_utf8(bytes) {
            Ok(text) => return Some(same(Text::new(text))),
            Err(error) => {
                let valid = String::from_utf8_lossy(bytes.get(..error.valid_up_to()).unwrap_or_default());
                let (line, column) = line_column(&valid, valid.len());
                let message = format!("the file is not UTF-8: it cannot be read from {line}:{column} on");
                report
                    .add(codes::NOT_UTF8, None, message)
                    .help("save it as UTF-8: `iconv -f LATIN1 -t UTF-8 OLD > NEW`");
            }
        },
        Content::Text(text) => too_large(text.text().len() as u64, report),
        Content::Bytes(bytes) => too_large(bytes.len() as u64, report),
        Content::TooLarge { bytes } => too_large(*bytes, report),
        Content::Unreadable { why } => {
            report
                .add(codes::FILE_UNREADABLE, None, format!("the file cannot be read: {why}"))
                .help("see that it is a whole file, and that the user who runs this may read it");
        }
    }
    None
}

/// How large a file may be. Who may write a single repository's file need not be trusted with the time that more
/// would take.
pub(super) fn max_bytes(path: &str) -> usize {
    match files::kind(path) {
        Some(Kind::Credentials) => FILE_MAX_BYTES,
        _ => OTHER_FILE_MAX_BYTES,
    }
}

fn too_large(bytes: u64, report: &mut Report) {
    let most = max_bytes(&report.file);
    report
        .add(codes::FILE_TOO_LARGE, None, format!("the file has {bytes} bytes, and may have {most}"))
        .help("spread what it says over several files, or grant to groups instead of to each user");
}
