//! Diagnostics as workflow commands, which GitHub shows beside the lines of a change.

use std::fmt::Write as _;

use crate::diagnostic::{Diagnostic, Label};

use super::{Index, Paths, Sources, index, positions, visible};

/// Renders one command a line.
pub(in crate::cli) fn github(diagnostics: &[Diagnostic], sources: &Sources, paths: &Paths) -> String {
    let index = index(diagnostics, sources);
    let mut text = String::new();
    for found in diagnostics {
        let place = &found.primary.place;
        let mut properties = vec![("file", visible(&paths.of(&place.file)))];
        if let Some((start, end)) = positions(place, &index) {
            properties.push(("line", start.line.to_string()));
            properties.push(("endLine", end.line.to_string()));
            // Columns count only within one line.
            if start.line == end.line {
                properties.push(("col", start.column.to_string()));
                properties.push(("endColumn", end.column.to_string()));
            }
        }
        properties.push(("title", found.code.to_owned()));
        let properties: Vec<_> = properties.iter().map(|(name, value)| format!("{name}={}", property(value))).collect();
        // Writing to a text cannot fail.
        let _ = writeln!(
            text,
            "::{} {}::{}",
            found.severity.as_str(),
            properties.join(","),
            escaped(&message(found, &index, paths))
        );
    }
    text
}

/// All that is to be said, in lines.
fn message(found: &Diagnostic, index: &Index<'_>, paths: &Paths) -> String {
    let mut lines = vec![visible(&found.message)];
    if !found.primary.text.is_empty() {
        lines.push(visible(&found.primary.text));
    }
    lines.extend(found.secondary.iter().map(|label| other(label, index, paths)));
    lines.extend(found.help.iter().map(|help| format!("help: {}", visible(help))));
    lines.join("\n")
}

/// Another place that takes part.
fn other(label: &Label, index: &Index<'_>, paths: &Paths) -> String {
    let position = positions(&label.place, index).map(|(start, _)| format!(":{}:{}", start.line, start.column));
    let place = format!("{}{}", paths.of(&label.place.file), position.unwrap_or_default());
    let text = if label.text.is_empty() { "see also" } else { &label.text };
    visible(&format!("{text}: {place}"))
}

/// What may stand behind the second `::`.
fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// What may stand as the value of a property.
fn property(text: &str) -> String {
    escaped(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Place, Severity, Span};

    #[test]
    fn what_would_end_a_property_or_a_line_is_escaped() {
        let place = |file: &str, span| Place { file: file.into(), span };
        let found = Diagnostic {
            code: "duplicate-key",
            severity: Severity::Warning,
            timely: false,
            message: "100% é: a,b\nc".to_owned(),
            primary: Label { place: place("a,b:c.yaml", Some(Span { start: 6, end: 8 })), text: String::new() },
            secondary: vec![Label {
                place: place("a,b:c.yaml", Some(Span { start: 0, end: 8 })),
                text: "first".into(),
            }],
            help: Some("remove one".to_owned()),
            left_out: 0,
        };
        let whole = Diagnostic { primary: Label { place: place("x.yaml", None), text: "y".into() }, ..found.clone() };
        let lines = Diagnostic { primary: found.secondary[0].clone(), secondary: vec![], help: None, ..found.clone() };
        let sources = [("a,b:c.yaml".into(), "é: 1\né: 2\n".into())].into();
        assert_eq!(
            github(&[found, whole, lines], &sources, &Paths::new("config/")),
            "::warning file=config/a%2Cb%3Ac.yaml,line=2,endLine=2,col=1,endColumn=2,title=duplicate-key\
             ::100%25 é: a,b\\u{a}c%0Afirst: config/a,b:c.yaml:1:1%0Ahelp: remove one\n\
             ::warning file=config/x.yaml,title=duplicate-key\
             ::100%25 é: a,b\\u{a}c%0Ay%0Afirst: config/a,b:c.yaml:1:1%0Ahelp: remove one\n\
             ::warning file=config/a%2Cb%3Ac.yaml,line=1,endLine=2,title=duplicate-key::100%25 é: a,b\\u{a}c%0Afirst\n"
        );
    }
}
