//! Lines and columns of a text, and pieces of it that are safe to show.

use std::borrow::Cow;
use std::ops::Range;

use crate::diagnostic::Span;

use super::steers;

/// A longer line is shown in part.
const MAX_SHOWN_BYTES: usize = 400;

/// A place as people count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    /// From 1.
    pub(super) line: usize,
    /// Characters, from 1.
    pub(super) column: usize,
}

/// A text whose lines can be found.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    text: Cow<'a, str>,
    /// Where each line begins.
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: impl Into<Cow<'a, str>>) -> Self {
        let text = text.into();
        // A byte order mark is nothing that people count.
        let first = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let starts = std::iter::once(first).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// A span that lies in the text, whatever was given.
    pub(super) fn clamp(&self, span: Span) -> Range<usize> {
        let start = self.text.floor_char_boundary(span.start.min(self.text.len())).max(self.line_start(0));
        let end = self.text.floor_char_boundary(span.end.min(self.text.len()));
        start..end.max(start)
    }

    fn line_index(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at).saturating_sub(1)
    }

    fn line_start(&self, index: usize) -> usize {
        self.starts.get(index).copied().unwrap_or(self.text.len())
    }

    fn position_at(&self, at: usize) -> Position {
        let index = self.line_index(at);
        let column = self.text[self.line_start(index)..at].chars().count() + 1;
        Position { line: index + 1, column }
    }

    /// Where a span begins and ends (the end is the first character that is not part of it).
    pub(super) fn positions(&self, span: Span) -> (Position, Position) {
        let Range { start, end } = self.clamp(span);
        (self.position_at(start), self.position_at(end))
    }

    /// The line in which a span begins, made safe to show, and the part of the span that lies in it.
    pub(super) fn excerpt(&self, span: Span) -> Excerpt {
        let Range { start, end } = self.clamp(span);
        let index = self.line_index(start);
        let begin = self.line_start(index);
        // Where the next line begins is known: a line of megabytes with many problems is not to be read
        // again for each.
        let next = self.starts.get(index + 1).map_or(self.text.len(), |next| next - 1);
        let line = self.text[begin..next.max(begin)].trim_end_matches('\r');
        let (start, end) = ((start - begin).min(line.len()), (end - begin).min(line.len()));
        // Long lines are cut on both sides of the span's beginning.
        let from = line.floor_char_boundary(start.saturating_sub(MAX_SHOWN_BYTES / 2));
        let to = line.floor_char_boundary((from + MAX_SHOWN_BYTES).min(line.len()));
        let (cut_before, cut_after) = (from > 0, to < line.len());
        let end = end.min(to);
        let mut shown = String::new();
        let mut marked = 0..0;
        if cut_before {
            shown.push('…');
        }
        for (at, c) in line[from..to].char_indices().map(|(at, c)| (from + at, c)) {
            if at == start {
                marked.start = shown.len();
            }
            if at == end {
                marked.end = shown.len();
            }
            if c == '\t' {
                shown.push(' ');
            } else if steers(c) {
                shown.extend(c.escape_unicode());
            } else {
                shown.push(c);
            }
        }
        if start >= to {
            marked.start = shown.len();
        }
        if end >= to {
            marked.end = shown.len();
        }
        if cut_after {
            shown.push('…');
        }
        Excerpt { line: index + 1, column: self.position_at(begin + start).column, text: shown, marked }
    }
}

/// One line of a text, safe to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Excerpt {
    /// From 1.
    pub(super) line: usize,
    /// Where the span begins in the line, in characters from 1.
    pub(super) column: usize,
    /// What is shown.
    pub(super) text: String,
    /// The marked bytes of `text`.
    pub(super) marked: Range<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let lines = Lines::new("é: 1\nkey: wért\n");
        let span = Span { start: 11, end: 16 };
        let (start, end) = lines.positions(span);
        assert_eq!((start, end), (Position { line: 2, column: 6 }, Position { line: 2, column: 10 }));
        assert_eq!(lines.excerpt(span), Excerpt { line: 2, column: 6, text: "key: wért".to_owned(), marked: 5..10 });
    }

    #[test]
    fn any_span_can_be_shown() {
        for text in ["", "\n", "\u{feff}", "\u{feff}a: 1\n", "é", "a\r\nb", "a\n\n", &"ü".repeat(1000)] {
            let lines = Lines::new(text);
            for start in 0..text.len() + 3 {
                for end in [0, start, start + 1, usize::MAX] {
                    let span = Span { start, end };
                    let excerpt = lines.excerpt(span);
                    assert!(excerpt.text.get(excerpt.marked.clone()).is_some(), "{text:?} {span:?} {excerpt:?}");
                    assert!(excerpt.text.len() < MAX_SHOWN_BYTES + 10);
                    lines.positions(span);
                }
            }
        }
    }

    #[test]
    fn escapes_what_steers_a_terminal() {
        let lines = Lines::new("a: \u{1b}]0;x\u{7} b");
        let excerpt = lines.excerpt(Span { start: 3, end: 8 });
        assert_eq!(excerpt.text, "a: \\u{1b}]0;x\\u{7} b");
        assert_eq!(&excerpt.text[excerpt.marked], "\\u{1b}]0;x");
    }
}
