//! Diagnostics for people, as rustc shows its own.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::config::side_by_side;
use crate::diagnostic::{Diagnostic, Label, Severity, Span};

use super::masked::Masked;
use super::source::Excerpt;
use super::{Paths, Secrets, Sources, visible};

/// Renders all diagnostics, each followed by an empty line.
///
/// In a file whose secrets are not known everything counts as one.
pub(in crate::cli) fn human(diagnostics: &[Diagnostic], sources: &Sources, secrets: &Secrets, colour: bool) -> String {
    human_at(diagnostics, sources, secrets, &Paths::default(), colour)
}

/// The same, with the paths of files as `paths` gives them.
pub(in crate::cli) fn human_at(
    diagnostics: &[Diagnostic],
    sources: &Sources,
    secrets: &Secrets,
    paths: &Paths,
    colour: bool,
) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let labels = diagnostics.iter().flat_map(|found| std::iter::once(&found.primary).chain(&found.secondary));
    let files: HashSet<&Arc<str>> = labels.map(|label| &label.place.file).collect();
    let files: Vec<_> = files.into_iter().filter_map(|file| Some((file, sources.get(file)?))).collect();
    let masked = side_by_side(&files, |(file, source)| {
        let hidden = secrets.get(*file).map_or(&[Span { start: 0, end: usize::MAX }][..], Vec::as_slice);
        Masked::new(source, hidden)
    });
    let lines: HashMap<_, _> = files.into_iter().map(|(file, _)| Arc::clone(file)).zip(masked).collect();
    let rendered = side_by_side(diagnostics, |diagnostic| {
        with_own_places(&renderer.render(&[group(diagnostic, &lines, paths)])) + "\n\n"
    });
    rendered.concat()
}

/// Ends a place; no text that is shown holds a control character.
const PLACE_END: char = '\u{1}';

/// Leaves out the line and column that the library puts behind each place: it counts in the line as it
/// is shown, without what is hidden or cut off.
fn with_own_places(rendered: &str) -> String {
    let mut parts = rendered.split(PLACE_END);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(part.trim_start_matches(|c: char| c == ':' || c.is_ascii_digit()));
    }
    text
}

fn group<'a>(diagnostic: &Diagnostic, lines: &HashMap<Arc<str>, Masked<'_>>, paths: &Paths) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(visible(&diagnostic.message)).id(diagnostic.code));
    let mut excerpts: Vec<(&str, Excerpt, AnnotationKind, String)> = Vec::new();
    let mut lineless = Vec::new();
    let labels = std::iter::once((&diagnostic.primary, AnnotationKind::Primary))
        .chain(diagnostic.secondary.iter().map(|label| (label, AnnotationKind::Context)));
    for (label, kind) in labels {
        match (lines.get(&label.place.file), label.place.span) {
            (Some(lines), Some(span)) => {
                excerpts.push((&label.place.file, lines.excerpt(span), kind, visible(&label.text)));
            }
            _ if std::ptr::eq(label, &diagnostic.primary) => group = bare(group, label, paths),
            _ => lineless.push(label),
        }
    }
    // Annotations of one line share its snippet.
    while !excerpts.is_empty() {
        let (file, line) = (excerpts[0].0, excerpts[0].1.line);
        let (same, others): (Vec<_>, _) = excerpts.into_iter().partition(|(f, e, ..)| *f == file && e.line == line);
        let fits = same.iter().all(|(_, excerpt, ..)| excerpt.text == same[0].1.text);
        let rounds: Vec<Vec<_>> = if fits { vec![same] } else { same.into_iter().map(|one| vec![one]).collect() };
        for round in rounds {
            let place = format!("{}:{line}:{}{PLACE_END}", visible(&paths.of(file)), round[0].1.column);
            let mut snippet = Snippet::source(round[0].1.text.clone()).path(place).line_start(line);
            for (_, excerpt, kind, label) in round {
                let annotation = kind.span(excerpt.marked);
                snippet = snippet.annotation(if label.is_empty() { annotation } else { annotation.label(label) });
            }
            group = group.element(snippet);
        }
        excerpts = others;
    }
    for label in lineless {
        group = bare(group, label, paths);
    }
    match &diagnostic.help {
        Some(help) => group.element(Level::HELP.message(visible(help))),
        None => group,
    }
}

/// A file as a whole.
fn bare<'a>(group: Group<'a>, label: &Label, paths: &Paths) -> Group<'a> {
    let group = group.element(Origin::path(visible(&paths.of(&label.place.file))));
    if label.text.is_empty() { group } else { group.element(Level::NOTE.message(visible(&label.text))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Place;

    const SOURCE: &str = "repo:\n  type: docker\n  prefix: library\n  permisions: {}\n";

    fn label(file: &str, source: &str, part: &str, text: &str) -> Label {
        let span = source.find(part).map(|start| Span { start, end: start + part.len() });
        Label { place: Place { file: file.into(), span }, text: text.to_owned() }
    }

    fn unknown_key() -> Diagnostic {
        Diagnostic {
            code: "unknown-key",
            severity: Severity::Error,
            timely: false,
            message: "unknown key `permisions`".to_owned(),
            primary: label("repos/a.yaml", SOURCE, "permisions", ""),
            secondary: vec![],
            help: Some("did you mean `permissions`?".to_owned()),
            left_out: 0,
        }
    }

    fn sources() -> Sources {
        [("repos/a.yaml".into(), SOURCE.into()), ("repos/b.yaml".into(), SOURCE.into())].into()
    }

    /// No file holds any.
    fn no_secrets(sources: &Sources) -> Secrets {
        sources.keys().map(|file| (Arc::clone(file), Vec::new())).collect()
    }

    #[test]
    fn looks_like_rustc() {
        let text = human(&[unknown_key()], &sources(), &no_secrets(&sources()), false);
        insta::assert_snapshot!(text, @r"
        error[unknown-key]: unknown key `permisions`
         --> repos/a.yaml:4:3
          |
        4 |   permisions: {}
          |   ^^^^^^^^^^
          |
          = help: did you mean `permissions`?
        ");
    }

    #[test]
    fn shows_both_ends_of_a_conflict() {
        let conflict = Diagnostic {
            code: "same-prefix",
            severity: Severity::Warning,
            timely: false,
            message: "two repositories serve `library`".to_owned(),
            primary: label("repos/b.yaml", SOURCE, "library", "again here"),
            secondary: vec![
                label("repos/a.yaml", SOURCE, "library", "first here"),
                label("repos/b.yaml", SOURCE, "prefix", "this key"),
            ],
            help: None,
            left_out: 0,
        };
        let text = human(&[conflict], &sources(), &no_secrets(&sources()), false);
        insta::assert_snapshot!(text, @r"
        warning[same-prefix]: two repositories serve `library`
         --> repos/b.yaml:3:11
          |
        3 |   prefix: library
          |   ------  ^^^^^^^ again here
          |   |
          |   this key
          |
         ::: repos/a.yaml:3:11
          |
        3 |   prefix: library
          |           ------- first here
        ");
    }

    #[test]
    fn shows_nothing_where_secrets_are_not_known() {
        let text = human(&[unknown_key()], &sources(), &Secrets::new(), false);
        insta::assert_snapshot!(text, @r"
        error[unknown-key]: unknown key `permisions`
         --> repos/a.yaml:4:3
          |
        4 |   …
          |   ^
          |
          = help: did you mean `permissions`?
        ");
    }

    #[test]
    fn a_whole_file_and_an_unknown_file_have_no_lines() {
        let mut missing = unknown_key();
        missing.primary = label("nowhere.yaml", SOURCE, "not there", "");
        missing.help = None;
        let text = human(&[missing], &sources(), &no_secrets(&sources()), false);
        insta::assert_snapshot!(text, @r"
        error[unknown-key]: unknown key `permisions`
        --> nowhere.yaml
        ");
    }

    #[test]
    fn a_hostile_file_cannot_steer_the_terminal() {
        let source = "a\u{1b}[31m: \u{9b}2J\u{202e}b\r\n";
        let hostile = Diagnostic {
            message: "unknown key `a\u{1b}[31m`".to_owned(),
            primary: label("repos/\u{1b}[2J.yaml", source, "a\u{1b}[31m", "x\u{7}"),
            help: Some("not\u{8}".to_owned()),
            left_out: 0,
            ..unknown_key()
        };
        let sources = [("repos/\u{1b}[2J.yaml".into(), source.into())].into();
        let text = human(&[hostile], &sources, &no_secrets(&sources), false);
        assert!(text.chars().all(|c| c == '\n' || !super::super::steers(c)), "{text:?}");
    }
}
