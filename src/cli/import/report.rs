//! What was not carried over, line by line.

use serde_json::{Value, json};

use crate::cli::render::visible;

/// What is longer is shortened in the middle: names are repeated as they were written, however long.
const LONGEST_CHARS: usize = 4_000;
/// So much remains at the beginning, and at the end, where the reason stands.
const KEPT_CHARS: usize = 400;

/// Something that is to be known of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Item {
    file: String,
    line: u32,
    what: String,
}

impl Item {
    fn place(&self) -> String {
        match self.line {
            0 => self.file.clone(),
            line => format!("{}:{line}", self.file),
        }
    }

    fn json(&self) -> Value {
        json!({ "file": self.file, "line": Some(self.line).filter(|line| *line > 0), "what": self.what })
    }
}

/// What is told of an import. Never holds a secret.
#[derive(Debug, Default)]
pub(super) struct Report {
    left_out: Vec<Item>,
    notes: Vec<Item>,
}

impl Report {
    /// Something cannot be said here and was left out. Line 0 is the whole file.
    pub(super) fn left_out(&mut self, file: &str, line: u32, what: impl Into<String>) {
        self.left_out.push(Item { file: file.to_owned(), line, what: shortened(what.into()) });
    }

    /// Something was carried over, and differs or is to be looked at.
    pub(super) fn note(&mut self, file: &str, line: u32, what: impl Into<String>) {
        self.notes.push(Item { file: file.to_owned(), line, what: shortened(what.into()) });
    }

    /// Whether something of a line was left out.
    pub(super) fn mentions(&self, file: &str, line: u32) -> bool {
        self.left_out.iter().any(|item| item.file == file && item.line == line)
    }

    /// Whether everything was carried over.
    pub(super) fn is_complete(&self) -> bool {
        self.left_out.is_empty()
    }

    /// The lines in order.
    pub(super) fn sorted(mut self) -> Self {
        let key = |item: &Item| (item.file.clone(), item.line);
        self.left_out.sort_by_key(key);
        self.notes.sort_by_key(key);
        self
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (word, items) in [("left out", &self.left_out), ("note", &self.notes)] {
            for item in items {
                text.push_str(&format!("{word}: {}: {}\n", visible(&item.place()), visible(&item.what)));
            }
        }
        text
    }

    /// For machines: what was left out, and the notes.
    pub(super) fn json(&self) -> (Value, Value) {
        let list = |items: &[Item]| items.iter().map(Item::json).collect::<Value>();
        (list(&self.left_out), list(&self.notes))
    }
}

fn shortened(what: String) -> String {
    if what.len() <= LONGEST_CHARS {
        return what;
    }
    let cut = |at: usize| what.char_indices().nth(at).map_or(what.len(), |(byte, _)| byte);
    let count = what.chars().count();
    let (begin, end) = (cut(KEPT_CHARS), cut(count.saturating_sub(KEPT_CHARS)));
    match (what.get(..begin), what.get(end.max(begin)..)) {
        (Some(begin), Some(end)) => format!("{begin}…{end}"),
        _ => what,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_end_is_shortened_and_the_reason_stays() {
        let mut report = Report::default();
        report.left_out("f", 1, format!("the user `{}`: too long", "ö".repeat(5 << 20)));
        report.note("f", 2, "short");
        let text = report.text();
        assert!(text.len() < 2_000 && text.contains("…öö") && text.contains("`: too long\n"), "{text}");
        assert!(report.json().0[0]["what"].as_str().is_some_and(|what| what.len() < 2_000));
    }
}
