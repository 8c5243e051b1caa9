//! Diagnostics for machines.

use serde::Serialize;

use crate::diagnostic::{Diagnostic, Label};

use super::{Index, Paths, Sources, Summary, index, may_lack_warnings, positions, safe_json};

#[derive(Serialize)]
struct Report<'a> {
    diagnostics: Vec<Entry<'a>>,
    summary: Counts,
}

#[derive(Serialize)]
struct Counts {
    errors: usize,
    warnings: usize,
    timely: usize,
    files: usize,
    /// Whether warnings may be missing, because files with errors could not be looked at.
    may_lack_warnings: bool,
}

#[derive(Serialize)]
struct Entry<'a> {
    code: &'a str,
    severity: &'a str,
    timely: bool,
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
/// place. All four are `null` for a file as a whole. `file` is below the configuration folder, `path` below
/// the repository or the folder in which the command runs.
#[derive(Serialize)]
struct Spot<'a> {
    file: &'a str,
    path: String,
    line: Option<usize>,
    column: Option<usize>,
    end_line: Option<usize>,
    end_column: Option<usize>,
}

impl<'a> Spot<'a> {
    fn of(label: &'a Label, index: &Index<'_>, paths: &Paths) -> Self {
        let position = positions(&label.place, index);
        Self {
            file: &label.place.file,
            path: paths.of(&label.place.file),
            line: position.map(|(start, _)| start.line),
            column: position.map(|(start, _)| start.column),
            end_line: position.map(|(_, end)| end.line),
            end_column: position.map(|(_, end)| end.column),
        }
    }
}

impl<'a> Entry<'a> {
    fn of(found: &'a Diagnostic, index: &Index<'_>, paths: &Paths) -> Self {
        let related = |label: &'a Label| Related { message: &label.text, place: Spot::of(label, index, paths) };
        Self {
            code: found.code,
            severity: found.severity.as_str(),
            timely: found.timely,
            message: &found.message,
            place: Spot::of(&found.primary, index, paths),
            help: found.help.as_deref(),
            related: found.secondary.iter().map(related).collect(),
        }
    }
}

/// Renders all diagnostics and the summary as one JSON object.
pub(in crate::cli) fn json(diagnostics: &[Diagnostic], sources: &Sources, summary: Summary, paths: &Paths) -> String {
    let index = index(diagnostics, sources);
    let Summary { errors, warnings, timely, files } = summary;
    let report = Report {
        diagnostics: diagnostics.iter().map(|found| Entry::of(found, &index, paths)).collect(),
        summary: Counts { errors, warnings, timely, files, may_lack_warnings: may_lack_warnings(diagnostics) },
    };
    // Strings and numbers always serialize.
    safe_json(&serde_json::to_string_pretty(&report).unwrap_or_default())
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
            timely: false,
            message: "the key `é\u{9b}` stands twice".to_owned(),
            primary: Label { place: place("a.yaml", Some(Span { start: 6, end: 8 })), text: String::new() },
            secondary: vec![Label { place: place("b.yaml", None), text: "first".to_owned() }],
            help: Some("remove one".to_owned()),
            left_out: 0,
        };
        let sources = [("a.yaml".into(), "é: 1\né: 2\n".into())].into();
        let paths = Paths::new("config/");
        let text = json(std::slice::from_ref(&found), &sources, Summary::of(std::slice::from_ref(&found), 2), &paths);
        assert!(!text.contains('\u{9b}'));
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            value,
            serde_json::json!({
                "diagnostics": [{
                    "code": "duplicate-key", "severity": "error", "timely": false, "message": "the key `é\u{9b}` stands twice",
                    "file": "a.yaml", "path": "config/a.yaml", "line": 2, "column": 1, "end_line": 2, "end_column": 2,
                    "help": "remove one",
                    "related": [{
                        "message": "first", "file": "b.yaml", "path": "config/b.yaml",
                        "line": null, "column": null, "end_line": null, "end_column": null,
                    }],
                }],
                "summary": {"errors": 1, "warnings": 0, "timely": 0, "files": 2, "may_lack_warnings": true},
            })
        );
    }
}
