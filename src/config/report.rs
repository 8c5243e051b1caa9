//! Collects what is wrong with one file.

use std::sync::Arc;

use super::codes::Code;
use crate::diagnostic::{Diagnostic, Label, Place, Severity, Span};

/// What is wrong with a file, and where it holds secrets.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) file: Arc<str>,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Where secrets stand, or may stand by mistake.
    pub(super) secrets: Vec<Span>,
    /// What is known to be no secret: keys, and values that are of the right kind.
    pub(super) open: Vec<Span>,
    /// Whether nothing else may be shown, because the file is one that holds secrets.
    pub(super) guarded: bool,
}

impl Report {
    pub(super) fn new(file: &Arc<str>) -> Self {
        Self { file: Arc::clone(file), diagnostics: Vec::new(), secrets: Vec::new(), open: Vec::new(), guarded: false }
    }

    /// Adds a problem at a place of the file, or with the file as a whole.
    pub(super) fn add(
        &mut self,
        code: &'static Code,
        span: impl Into<Option<Span>>,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        let place = self.place(span);
        self.diagnostics.push(diagnostic(code, place, message));
        let last = self.diagnostics.len() - 1;
        &mut self.diagnostics[last]
    }

    /// A place in the file.
    pub(super) fn place(&self, span: impl Into<Option<Span>>) -> Place {
        Place { file: Arc::clone(&self.file), span: span.into() }
    }

    pub(super) fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

/// A problem of a kind at a place.
pub(super) fn diagnostic(code: &'static Code, place: Place, message: impl Into<String>) -> Diagnostic {
    Diagnostic {
        code: code.code,
        severity: code.severity,
        message: message.into(),
        primary: Label { place, text: String::new() },
        secondary: Vec::new(),
        help: None,
    }
}

/// The candidate that was probably meant.
pub(super) fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    // Longer words cannot be near anything, and would cost time.
    if word.len() > 64 {
        return None;
    }
    let lower = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.chars().count().max(lower.chars().count()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `a`, `b` or `c`.
pub(super) fn one_of<'c>(words: impl IntoIterator<Item = &'c str>) -> String {
    let words: Vec<_> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// Whether a text looks like a key or another word, and not like a password or the hash of one.
pub(super) fn is_word(text: &str) -> bool {
    text.len() <= 32 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
}

/// A text of the file for a message: short, and without control characters.
pub(super) fn shown(text: &str) -> String {
    let short: String = text.chars().take(60).flat_map(char::escape_debug).collect();
    if text.chars().nth(60).is_some() { format!("{short}…") } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proposes_only_what_is_near() {
        let keys = ["permissions", "prefix", "port", "type"];
        assert_eq!(nearest("permisions", keys), Some("permissions"));
        assert_eq!(nearest("Prefix", keys), Some("prefix"));
        assert_eq!(nearest("prot", keys), Some("port"));
        assert_eq!(nearest("storage", keys), None);
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(shown("a\nb"), "a\\nb");
        assert_eq!(shown(&"x".repeat(61)).chars().count(), 61);
    }
}
