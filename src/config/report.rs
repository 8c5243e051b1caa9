//! Collects what is wrong with one file.

use std::sync::Arc;

use super::beyond::Beyond;
use super::codes::{self, Code};
use super::lint::Marks;
use super::model::SecretSource;
use super::yaml::Node;
use crate::diagnostic::{Diagnostic, Label, Place, Severity, Span};

/// Errors at what may be shown all the same: at keys, at what is right by itself, and at permissions, which are
/// looked at where they are refused.
const NO_REFUSAL: [&Code; 9] = [
    codes::MISSING_KEY,
    codes::STORAGE_OVERLAP,
    codes::DUPLICATE_KEY,
    codes::DUPLICATE_EMAIL,
    codes::BAD_USER_NAME,
    codes::UNKNOWN_OPERATION,
    codes::BAD_PERMISSION,
    codes::TAG_LIMITED_PULL,
    codes::DOT_WITHOUT_PREFIX,
];

/// What is wrong with a file, and where it holds secrets.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) file: Arc<str>,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// The errors that are no longer kept.
    beyond: Beyond,
    /// Where secrets stand, or may stand by mistake.
    pub(super) secrets: Vec<Span>,
    /// What is known to be no secret: keys, and values that are of the right kind. Added by [`Report::show`].
    pub(super) open: Vec<Span>,
    /// Whether that is noted only in a file that may hold secrets.
    is_sparing: bool,
    /// Whether any text of the file may be a URL with a user.
    may_have_user_info: bool,
    /// Where errors are. What is refused and does not look like a word may be a secret, whatever key it is of.
    pub(super) refused: Vec<Span>,
    /// Whether nothing else may be shown, because the file is one that holds secrets.
    pub(super) guarded: bool,
    /// Whether the text is an earlier one, so that its places are not those of the file as it is now.
    is_earlier: bool,
    /// Whether the whole file was compiled, so that it is known here where it holds secrets.
    pub(super) is_whole: bool,
    /// The secrets of the server itself, the key whose value each is, and where.
    pub(super) references: Vec<(SecretSource, String, Span)>,
    /// Where things stand, for lints; `None` where nobody will lint.
    pub(super) marks: Option<Box<Marks>>,
}

impl Report {
    pub(super) fn new(file: &Arc<str>) -> Self {
        Self {
            file: Arc::clone(file),
            diagnostics: Vec::new(),
            beyond: Beyond::default(),
            secrets: Vec::new(),
            open: Vec::new(),
            is_sparing: false,
            may_have_user_info: true,
            refused: Vec::new(),
            guarded: false,
            is_earlier: false,
            is_whole: false,
            references: Vec::new(),
            marks: None,
        }
    }

    /// Of an earlier text of a file: what takes part in a problem is the file as a whole.
    pub(super) fn of_earlier(file: &Arc<str>) -> Self {
        Self { is_earlier: true, ..Self::new(file) }
    }

    /// The same, for lints or not.
    pub(super) fn for_lints(mut self, wanted: bool) -> Self {
        self.marks = wanted.then(Box::default);
        self
    }

    /// The same, which does not note what is no secret as long as nothing is one. Most files have a hundred
    /// entries and nothing to hide; see [`Report::lacks_open`].
    pub(super) fn sparing(mut self) -> Self {
        self.is_sparing = true;
        self
    }

    /// Whether there are secrets after all, so that what is none should have been noted, too.
    pub(super) fn lacks_open(&self) -> bool {
        self.is_sparing && !self.guarded && !self.secrets.is_empty()
    }

    /// Notes what is no secret.
    pub(super) fn show(&mut self, spans: impl IntoIterator<Item = Span>) {
        if self.guarded || !self.is_sparing {
            self.open.extend(spans);
        }
    }

    /// Adds a problem at a place of the file, or with the file as a whole. After very many errors the further
    /// ones are only counted.
    pub(super) fn add(
        &mut self,
        code: &'static Code,
        span: impl Into<Option<Span>>,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        let found = diagnostic(code, self.place(span), message);
        if code.severity == Severity::Error && !NO_REFUSAL.contains(&code) {
            self.refused.extend(found.primary.place.span);
        }
        if self.beyond.takes(&found, &self.diagnostics) {
            return self.beyond.last.insert(found);
        }
        self.diagnostics.push(found);
        let last = self.diagnostics.len() - 1;
        &mut self.diagnostics[last]
    }

    /// Takes in what can be known of a whole text at once.
    pub(super) fn survey(&mut self, text: &str) {
        // An escape may stand for the character.
        self.may_have_user_info = text.contains('@') || text.contains('\\');
    }

    /// Hides the user and the password that a URL may hold before its host. `is_url` tells that the text is to
    /// be one, even where no scheme shows it.
    pub(super) fn hide_user_info(&mut self, node: &Node<'_>, is_url: bool) {
        let Some(text) = node.text().filter(|_| self.may_have_user_info) else { return };
        let Some(end) = text.rfind('@') else { return };
        let start = match text.find("://") {
            Some(at) if at < end => at + 3,
            _ if is_url => 0,
            _ => return,
        };
        // With quotes, the text begins one byte later; with escapes in it, nobody knows where what stands.
        let around = (node.span.end - node.span.start).checked_sub(text.len());
        let first = match around {
            Some(0) => node.span.start,
            Some(2) => node.span.start + 1,
            _ => return self.secrets.push(node.span),
        };
        self.secrets.push(Span { start: first + start, end: first + end });
    }

    /// Whether a message may repeat a text of the file.
    pub(super) fn may_repeat(&self, text: &str) -> bool {
        !self.guarded || is_word(text)
    }

    /// A place in the file.
    pub(super) fn place(&self, span: impl Into<Option<Span>>) -> Place {
        Place { file: Arc::clone(&self.file), span: span.into().filter(|_| !self.is_earlier) }
    }

    /// The same once more: of a file that did not change, it is known where it holds secrets.
    pub(super) fn again(file: &Arc<str>, diagnostics: &[Diagnostic]) -> Self {
        Self { diagnostics: diagnostics.to_vec(), ..Self::new(file) }
    }

    /// What is wrong, if anything is.
    pub(super) fn told(&self) -> Option<Arc<[Diagnostic]>> {
        let left_out = self.beyond.left_out(&self.file);
        (!self.diagnostics.is_empty()).then(|| self.diagnostics.iter().cloned().chain(left_out).collect())
    }

    /// Takes what is wrong out of the report.
    pub(super) fn take(&mut self) -> impl Iterator<Item = Diagnostic> + use<> {
        let left_out = self.beyond.left_out(&self.file);
        std::mem::take(&mut self.diagnostics).into_iter().chain(left_out)
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
        timely: code.timely,
        message: message.into(),
        primary: Label { place, text: String::new() },
        secondary: Vec::new(),
        help: None,
        left_out: 0,
    }
}

/// The candidate that was probably meant: the one that is most like a word, if any is like it.
pub fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    // Longer words cannot be near anything, and would cost time.
    if word.len() > 64 {
        return None;
    }
    let lower = word.to_lowercase();
    let length = lower.chars().count();
    let most = |candidate: &str| (candidate.chars().count().max(length) / 3).max(1);
    candidates
        .into_iter()
        // There may be ten thousand users; what differs much in length is not near, and need not be compared.
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= most(candidate))
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= most(candidate))
        // Users come in no order.
        .min_by_key(|(distance, candidate)| (*distance, *candidate))
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

/// Whether a text is a name that shells can give to an environment variable. Many keys and passwords are none.
pub(super) fn is_variable(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// A text for a message: short, and without control characters.
pub fn shown(text: &str) -> String {
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
        for names in [["marl", "mark"], ["mark", "marl"]] {
            assert_eq!(nearest("marx", names), Some("mark"), "the same, whatever the order");
        }
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(shown("a\nb"), "a\\nb");
        assert_eq!(shown(&"x".repeat(61)).chars().count(), 61);
    }
}
