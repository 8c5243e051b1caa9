//! Diagnostics for machines.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;

use crate::diagnostic::{Diagnostic, Label};

use super::source::Lines;
use super::{Sources, Summary, steers};

#[derive(Serialize)]
struct Report<'a> {
    diagnostics: Vec<Entry<'a>>,
    summary: Counts,
}

#[derive(Serialize)]
struct Counts {
    errors: usize,
    warnings: usize,
    files: usize,
}

#[derive(Serialize)]
struct Entry<'a> {
    code: &'a str,
    severity: &'a str,
    message: &'a str,
    #[serde(flatten)]
    place: Spot<'a>,
    help: Option<&'a str>,
    related: Vec<Related<'a>>,
}

#[derive(Serialize)]
struct Related<'a> {
    message: &'a str,
    #[serde(flatten)]
    place: Spot<'a>,
}

/// Lines and columns count from 1, columns in characters; the end is the first character after the
/// place. All four are `null` for a file as a whole.
#[derive(Serialize)]
struct Spot<'a> {
    file: &'a str,
    line: Option<usize>,
    column: Option<usize>,
    end_line: Option<usize>,
    end_column: Option<usize>,
}

type Index<'a> = HashMap<&'a Arc<str>, Lines<'a>>;

impl<'a> Spot<'a> {
    fn of(label: &'a Label, index: &Index<'_>) -> Self {
        let position = index.get(&label.place.file).zip(label.place.span).map(|(lines, span)| lines.positions(span));
        Self {
            file: &label.place.file,
            line: position.map(|(start, _)| start.line),
            column: position.map(|(start, _)| start.column),
            end_line: position.map(|(_, end)| end.line),
            end_column: position.map(|(_, end)| end.column),
        }
    }
}

impl<'a> Entry<'a> {
    fn of(found: &'a Diagnostic, index: &Index<'_>) -> Self {
        let related = |label: &'a Label| Related { message: &label.text, place: Spot::of(label, index) };
        Self {
            code: found.code,
            severity: found.severity.as_str(),
            message: &found.message,
            place: Spot::of(&found.primary, index),
            help: found.help.as_deref(),
            related: found.secondary.iter().map(related).collect(),
        }
    }
}

/// Renders all diagnostics and the summary as one JSON object.
pub(in crate::cli) fn json(diagnostics: &[Diagnostic], sources: &Sources, summary: Summary) -> String {
    let index: Index<'_> = sources.iter().map(|(file, source)| (file, Lines::new(&**source))).collect();
    let Summary { errors, warnings, files } = summary;
    let report = Report {
        diagnostics: diagnostics.iter().map(|found| Entry::of(found, &index)).collect(),
        summary: Counts { errors, warnings, files },
    };
    // Strings and numbers always serialize.
    let text = serde_json::to_string_pretty(&report).unwrap_or_default();
    // JSON allows in strings what terminals do not: characters beyond ASCII that steer.
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && steers(c) { safe.push_str(&format!("\\u{:04x}", u32::from(c))) } else { safe.push(c) }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Place, Severity, Span};

    #[test]
    fn carries_all_facts() {
        let place = |file: &str, span| Place { file: file.into(), span };
        let found = Diagnostic {
            code: "duplicate-key",
            severity: Severity::Error,
            message: "the key `é\u{9b}` stands twice".to_owned(),
            primary: Label { place: place("a.yaml", Some(Span { start: 6, end: 8 })), text: String::new() },
            secondary: vec![Label { place: place("b.yaml", None), text: "first".to_owned() }],
            help: Some("remove one".to_owned()),
        };
        let sources = [("a.yaml".into(), "é: 1\né: 2\n".into())].into();
        let text = json(std::slice::from_ref(&found), &sources, Summary::of(std::slice::from_ref(&found), 2));
        assert!(!text.contains('\u{9b}'));
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            value,
            serde_json::json!({
                "diagnostics": [{
                    "code": "duplicate-key", "severity": "error", "message": "the key `é\u{9b}` stands twice",
                    "file": "a.yaml", "line": 2, "column": 1, "end_line": 2, "end_column": 2,
                    "help": "remove one",
                    "related": [{
                        "message": "first", "file": "b.yaml",
                        "line": null, "column": null, "end_line": null, "end_column": null,
                    }],
                }],
                "summary": {"errors": 1, "warnings": 0, "files": 2},
            })
        );
    }
}
