//! Diagnostics for people and for machines.

mod human;
mod json;
mod masked;
mod source;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Severity, Span};

pub(super) use human::human;
pub(super) use json::json;

/// The texts that diagnostics point into, by path.
pub(super) type Sources = BTreeMap<Arc<str>, Arc<str>>;

/// Where each text holds secrets, by path.
pub(super) type Secrets = BTreeMap<Arc<str>, Vec<Span>>;

/// How many problems there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) errors: usize,
    pub(super) warnings: usize,
    pub(super) files: usize,
}

impl Summary {
    pub(super) fn of(diagnostics: &[Diagnostic], files: usize) -> Self {
        let count = |severity| diagnostics.iter().filter(|found| found.severity == severity).count();
        Self { errors: count(Severity::Error), warnings: count(Severity::Warning), files }
    }
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
        write!(f, " in {} file{}", self.files, plural(self.files))
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

/// Whether a character does something else than to show itself.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod secret_tests;
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_counts_in_words() {
        let line = |errors, warnings, files| Summary { errors, warnings, files }.to_string();
        assert_eq!(line(3, 1, 12), "3 errors, 1 warning in 12 files");
        assert_eq!(line(1, 0, 1), "1 error in 1 file");
        assert_eq!(line(0, 2, 0), "2 warnings in 0 files");
        assert_eq!(line(0, 0, 4), "nothing wrong in 4 files");
    }

    #[test]
    fn nothing_steers_a_terminal() {
        assert_eq!(visible("a\u{1b}[2Jb\nc\u{9b}d\u{202e}é"), "a\\u{1b}[2Jb\\u{a}c\\u{9b}d\\u{202e}é");
    }
}
