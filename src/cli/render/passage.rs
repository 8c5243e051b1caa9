//! Lines of the configuration that an answer is made of, shown as diagnostics show theirs.

use std::fmt::Write as _;

use crate::diagnostic::Span;

use super::masked::Masked;
use super::visible;

/// A piece of a file, and what is to be said of it.
#[derive(Debug)]
pub(in crate::cli) struct Passage<'a> {
    /// The file, below the configuration folder.
    pub(in crate::cli) file: &'a str,
    /// Its text.
    pub(in crate::cli) source: &'a str,
    /// The piece.
    pub(in crate::cli) span: Span,
    /// What of the file is not shown, in order and apart from one another.
    pub(in crate::cli) hidden: Vec<Span>,
    /// What stands beside the underlined text.
    pub(in crate::cli) label: String,
}

/// An answer with the lines it rests on, and what else is to be said.
#[derive(Debug)]
pub(in crate::cli) struct Answer<'a> {
    /// `yes` or `no`, and whether it is good news.
    pub(in crate::cli) word: (&'static str, bool),
    /// The sentence.
    pub(in crate::cli) title: String,
    /// The lines.
    pub(in crate::cli) passages: Vec<Passage<'a>>,
    /// What is no line: a kind, such as `help`, and a sentence.
    pub(in crate::cli) notes: Vec<(&'static str, String)>,
}

/// Renders an answer for people.
pub(in crate::cli) fn answer(answer: &Answer<'_>, colour: bool) -> String {
    let paint = |style: &'static str| if colour { style } else { "" };
    let (bold, blue, plain) = (paint("\u{1b}[1m"), paint("\u{1b}[1;34m"), paint("\u{1b}[0m"));
    let verdict = paint(if answer.word.1 { "\u{1b}[1;32m" } else { "\u{1b}[1;31m" });
    let mut text = format!("{verdict}{}{plain}{bold}: {}{plain}\n", answer.word.0, visible(&answer.title));
    let shown: Vec<_> =
        answer.passages.iter().map(|one| Masked::new(one.source, &one.hidden).excerpt(one.span)).collect();
    let margin = shown.iter().map(|one| one.line.to_string().len()).max().unwrap_or(1);
    let blank = " ".repeat(margin);
    for (passage, excerpt) in answer.passages.iter().zip(&shown) {
        let place = format!("{}:{}:{}", visible(passage.file), excerpt.line, excerpt.column);
        let before = excerpt.text.get(..excerpt.marked.start).unwrap_or_default().chars().count();
        let marked = excerpt.text.get(excerpt.marked.clone()).unwrap_or_default().chars().count().max(1);
        let marks = format!("{}{verdict}{} {}", " ".repeat(before), "^".repeat(marked), visible(&passage.label));
        let _ = write!(
            text,
            "{blank}{blue}-->{plain} {place}\n{blank} {blue}|{plain}\n{blue}{:margin$} |{plain} {}\n{blank} {blue}|{plain} {}{plain}\n",
            excerpt.line,
            excerpt.text,
            marks.trim_end(),
        );
    }
    for (kind, note) in &answer.notes {
        let _ = writeln!(text, "{blank} {blue}={plain} {bold}{kind}{plain}: {}", visible(note));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_lines_and_hides_what_is_hidden() {
        let source = "repo:\n  s: geheim\n  permissions: {jane: [read]}\n";
        let span = |part: &str| source.find(part).map(|start| Span { start, end: start + part.len() }).unwrap();
        let shown = Answer {
            word: ("yes", true),
            title: "`jane` may pull `a\u{1b}`".to_owned(),
            passages: vec![Passage {
                file: "repos/a.yaml",
                source,
                span: span("read"),
                hidden: vec![span("geheim"), span("permissions")],
                label: "granted to `jane`".to_owned(),
            }],
            notes: vec![("help", "none".to_owned())],
        };
        assert_eq!(
            answer(&shown, false),
            "yes: `jane` may pull `a\\u{1b}`\n --> repos/a.yaml:3:24\n  |\n3 |   …: {jane: [read]}\n  |              ^^^^ granted to `jane`\n  = help: none\n"
        );
        assert!(answer(&shown, true).starts_with("\u{1b}[1;32myes\u{1b}[0m"));
    }
}
