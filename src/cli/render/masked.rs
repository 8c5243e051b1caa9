//! A text whose secrets are replaced, and where its places are then.

use std::ops::Range;

use crate::diagnostic::Span;

use super::source::{Excerpt, Lines};

/// What stands for a secret, of whatever length.
const MASK: &str = "…";

/// A text to show lines of.
#[derive(Debug)]
pub(super) struct Masked<'a> {
    original: Lines<'a>,
    /// The same lines, with the secrets replaced.
    shown: Lines<'a>,
    /// What was replaced, in order, and where its mask begins.
    replaced: Vec<(Range<usize>, usize)>,
}

impl<'a> Masked<'a> {
    /// The secrets are in order and apart from one another.
    pub(super) fn new(text: &'a str, secrets: &[Span]) -> Self {
        let (shown, replaced) = replace(text, secrets);
        Self { original: Lines::new(text), shown: Lines::new(shown), replaced }
    }

    /// The line in which a span begins, and the part of the span that lies in it.
    pub(super) fn excerpt(&self, span: Span) -> Excerpt {
        let Range { start, end } = self.original.clamp(span);
        let before = self.replaced.partition_point(|(part, _)| part.start <= start);
        let shown_start = self.moved(before, start, false);
        let before = self.replaced.partition_point(|(part, _)| part.start < end);
        let shown_end = if start == end { shown_start } else { self.moved(before, end, true) };
        let excerpt = self.shown.excerpt(Span { start: shown_start, end: shown_end });
        Excerpt { column: self.original.positions(span).0.column, ..excerpt }
    }

    /// Where a byte is shown, with so many parts that begin before it. Inside of a secret it is an edge of the mask.
    fn moved(&self, parts_before: usize, at: usize, is_end: bool) -> usize {
        match parts_before.checked_sub(1).and_then(|last| self.replaced.get(last)) {
            None => at,
            Some((part, mask)) if at >= part.end => mask + MASK.len() + (at - part.end),
            Some((_, mask)) => mask + if is_end { MASK.len() } else { 0 },
        }
    }
}

/// A text whose secrets are replaced. It has as many lines as before.
pub(in crate::cli) fn masked(text: &str, secrets: &[Span]) -> String {
    replace(text, secrets).0
}

/// Replaces the secrets, and tells what was replaced and where its mask begins.
fn replace(text: &str, secrets: &[Span]) -> (String, Vec<(Range<usize>, usize)>) {
    let original = Lines::new(text);
    let mut shown = String::with_capacity(text.len());
    let mut replaced = Vec::new();
    let mut at = 0;
    for part in secrets.iter().flat_map(|secret| parts(text, original.clamp(*secret))) {
        shown.push_str(text.get(at..part.start).unwrap_or_default());
        at = part.end;
        replaced.push((part, shown.len()));
        shown.push_str(MASK);
    }
    shown.push_str(text.get(at..).unwrap_or_default());
    (shown, replaced)
}

/// The parts of a secret, one a line, without the blanks around it.
fn parts(text: &str, secret: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let mut at = secret.start;
    text.get(secret).unwrap_or_default().split_inclusive('\n').filter_map(move |line| {
        let start = at + (line.len() - line.trim_start().len());
        at += line.len();
        let part = line.trim();
        (!part.is_empty()).then_some(start..start + part.len())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The excerpt at the first `mark`, with the secrets replaced, as `line|marked`.
    fn excerpt(text: &str, secrets: &[&str], mark: &str) -> String {
        let span = |part: &str| text.find(part).map(|start| Span { start, end: start + part.len() }).unwrap();
        let secrets: Vec<_> = secrets.iter().map(|secret| span(secret)).collect();
        let Excerpt { text, marked, .. } = Masked::new(text, &secrets).excerpt(span(mark));
        format!("{text}|{}", &text[marked])
    }

    #[test]
    fn secrets_are_replaced_and_marks_move() {
        let text = "é: {pass: hünter2, emial: x, old: hunter3}\r\n";
        let secrets = ["hünter2", "hunter3"];
        let line = "é: {pass: …, emial: x, old: …}";
        for (mark, shown) in [
            ("é", "é"),
            ("emial", "emial"),
            ("hünter2", "…"),
            ("nter2", "…"),
            ("2, em", "…, em"),
            (": x, o", ": x, o"),
            ("r3}", "…}"),
        ] {
            assert_eq!(excerpt(text, &secrets, mark), format!("{line}|{shown}"));
        }
    }

    #[test]
    fn every_line_of_a_secret_is_replaced() {
        let text = "a: |\n  one\n\n\ttwo\r\nb: 1\n";
        let secret = ["one\n\n\ttwo"];
        assert_eq!(excerpt(text, &secret, "one"), "  …|…");
        assert_eq!(excerpt(text, &secret, "\t"), " …| ");
        assert_eq!(excerpt(text, &secret, "wo"), " …|…");
        assert_eq!(excerpt(text, &secret, "b"), "b: 1|b");
    }

    #[test]
    fn any_span_can_be_shown() {
        let text = "é: ab\n  cd\n";
        for (from, to) in [(0, 0), (0, 3), (1, 7), (3, 99), (5, 5), (50, 99)] {
            let masked = Masked::new(text, &[Span { start: from, end: to }]);
            for start in 0..text.len() + 2 {
                for end in start..text.len() + 2 {
                    let excerpt = masked.excerpt(Span { start, end });
                    assert!(
                        excerpt.text.get(excerpt.marked.clone()).is_some(),
                        "{from}..{to} {start}..{end} {excerpt:?}"
                    );
                }
            }
        }
    }
}
