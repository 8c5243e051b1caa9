//! Diagnostics for people and for machines.

mod github;
mod human;
mod json;
mod junit;
mod masked;
mod passage;
mod paths;
mod sarif;
mod source;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Place, Severity, Span};
use source::{Lines, Position};

pub(super) use github::github;
pub(super) use human::{human, human_at};
pub(super) use json::json;
pub(super) use junit::junit;
pub(super) use masked::masked;
pub(super) use passage::{Answer, Passage, answer};
pub(super) use paths::Paths;
pub(super) use sarif::sarif;

/// The texts that diagnostics point into, by path.
pub(super) type Sources = BTreeMap<Arc<str>, Arc<str>>;

/// Where each text holds secrets, by path.
pub(super) type Secrets = BTreeMap<Arc<str>, Vec<Span>>;

/// How many problems there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) errors: usize,
    pub(super) warnings: usize,
    /// Those of the warnings that depend on the day.
    pub(super) timely: usize,
    pub(super) files: usize,
}

impl Summary {
    pub(super) fn of(diagnostics: &[Diagnostic], files: usize) -> Self {
        let of = |is_of: &dyn Fn(&Diagnostic) -> bool| {
            diagnostics.iter().filter(|found| is_of(found)).map(Diagnostic::count).sum()
        };
        let count = |severity| of(&|found| found.severity == severity);
        let timely = of(&|found| found.timely);
        Self { errors: count(Severity::Error), warnings: count(Severity::Warning), timely, files }
    }
}

/// Whether warnings may be missing: what is likely not meant is looked for in what could be compiled. Errors in
/// these files do not hide any.
pub(super) fn may_lack_warnings(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|found| {
        let file = &found.primary.place.file;
        let is_apart = file.starts_with("registry.") || file.starts_with("tests") || found.code == "missing-secret";
        found.severity == Severity::Error && !is_apart
    })
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        match (self.errors, self.warnings) {
            (0, 0) => f.write_str("nothing wrong")?,
            (errors, 0) => write!(f, "{errors} error{}", plural(errors))?,
            (0, warnings) => write!(f, "{warnings} warning{}", plural(warnings))?,
            (errors, warnings) => {
                write!(f, "{errors} error{}, {warnings} warning{}", plural(errors), plural(warnings))?;
            }
        }
        write!(f, " in {} file{}", self.files, plural(self.files))?;
        match self.timely {
            0 => Ok(()),
            1 => f.write_str("; 1 depends on the day"),
            timely => write!(f, "; {timely} depend on the day"),
        }
    }
}

/// Makes characters that steer a terminal, or hide or reorder text, visible.
pub(super) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if steers(c) { shown.extend(c.escape_unicode()) } else { shown.push(c) }
    }
    shown
}

/// JSON for people and machines, with a line end.
pub(super) fn json_text(value: &serde_json::Value) -> String {
    safe_json(&format!("{value:#}\n"))
}

/// Whether a character does something else than to show itself, or is none.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// JSON allows in strings what terminals do not: characters beyond ASCII that steer.
pub(super) fn safe_json(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && steers(c) {
            safe.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            safe.push(c);
        }
    }
    safe
}

/// The lines of every text, by its path.
type Index<'a> = HashMap<&'a Arc<str>, Lines<'a>>;

/// The lines of the texts that diagnostics point into.
fn index<'a>(diagnostics: &[Diagnostic], sources: &'a Sources) -> Index<'a> {
    let labels = diagnostics.iter().flat_map(|found| std::iter::once(&found.primary).chain(&found.secondary));
    let mut index = HashMap::new();
    for label in labels {
        if let Some((file, source)) = sources.get_key_value(&label.place.file) {
            index.entry(file).or_insert_with(|| Lines::new(&**source));
        }
    }
    index
}

/// Where a place begins and ends; `None` for a file as a whole.
fn positions(place: &Place, index: &Index<'_>) -> Option<(Position, Position)> {
    Some(index.get(&place.file)?.positions(place.span?))
}

#[cfg(test)]
mod secret_tests;
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_counts_in_words() {
        let line = |errors, warnings, timely, files| Summary { errors, warnings, timely, files }.to_string();
        assert_eq!(line(3, 1, 0, 12), "3 errors, 1 warning in 12 files");
        assert_eq!(line(1, 0, 0, 1), "1 error in 1 file");
        assert_eq!(line(0, 2, 1, 0), "2 warnings in 0 files; 1 depends on the day");
        assert_eq!(line(0, 2, 2, 9), "2 warnings in 9 files; 2 depend on the day");
        assert_eq!(line(0, 0, 0, 4), "nothing wrong in 4 files");
    }

    #[test]
    fn errors_hide_warnings_where_they_stand_in_what_lints_need() {
        let lacks = |file: &str, code: &'static str, severity| {
            let place = Place { file: file.into(), span: None };
            let primary = crate::diagnostic::Label { place, text: String::new() };
            let message = String::new();
            let found = Diagnostic {
                code,
                severity,
                timely: false,
                message,
                primary,
                secondary: vec![],
                help: None,
                left_out: 0,
            };
            may_lack_warnings(&[found])
        };
        for file in ["repos/a.yaml", "credentials.yaml", "storages.yaml"] {
            assert!(lacks(file, "unknown-key", Severity::Error), "{file}");
            assert!(!lacks(file, "unknown-key", Severity::Warning) && !lacks(file, "missing-secret", Severity::Error));
        }
        for file in ["registry.yaml", "tests/a.yaml", "tests"] {
            assert!(!lacks(file, "unknown-key", Severity::Error), "{file}");
        }
    }

    #[test]
    fn nothing_steers_a_terminal() {
        assert_eq!(visible("a\u{1b}[2Jb\nc\u{9b}d\u{202e}é"), "a\\u{1b}[2Jb\\u{a}c\\u{9b}d\\u{202e}é");
    }
}
