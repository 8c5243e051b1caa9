//! From bytes to lines and columns.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diagnostic::{Place, Span};

/// The line and the column of a byte, both from 1; the column counts characters. A byte beyond the end
/// counts as the end, one inside of a character as its beginning, and a byte order mark as nothing.
pub fn line_column(text: &str, byte: usize) -> (usize, usize) {
    let byte = text.floor_char_boundary(byte.min(text.len()));
    let head = text.get(..byte).unwrap_or_default();
    let line = head.bytes().filter(|b| *b == b'\n').count() + 1;
    let start = head.rfind('\n').map_or(0, |at| at + 1);
    let column = head.get(start..).unwrap_or_default().trim_start_matches('\u{feff}').chars().count() + 1;
    (line, column)
}

/// Lines and columns of many places. Of places that are asked for in their order, as problems are told, each
/// text is gone through once.
#[derive(Debug)]
pub struct Positions<'s> {
    sources: &'s BTreeMap<Arc<str>, Arc<str>>,
    /// The text of the last place, the byte, and its line and column.
    last: Option<(&'s Arc<str>, usize, (usize, usize))>,
}

impl<'s> Positions<'s> {
    /// In these texts.
    pub fn of(sources: &'s BTreeMap<Arc<str>, Arc<str>>) -> Self {
        Self { sources, last: None }
    }

    /// The line and the column where a place begins, as [`line_column`] gives them; `None` for whole files.
    pub fn find(&mut self, place: &Place) -> Option<(usize, usize)> {
        let text = self.sources.get(&place.file)?;
        let byte = place.span?.start;
        let byte = text.floor_char_boundary(byte.min(text.len()));
        let known = self.last.filter(|(last, at, _)| Arc::ptr_eq(last, text) && *at <= byte);
        let (from, position) = known.map_or((0, (1, 1)), |(_, at, position)| (at, position));
        let found = text.get(from..byte).unwrap_or_default().chars().fold(position, |(line, column), c| match c {
            '\n' => (line + 1, 1),
            '\u{feff}' if column == 1 => (line, column),
            _ => (line, column + 1),
        });
        self.last = Some((text, byte, found));
        Some(found)
    }
}

/// Where the lines of a text begin: for looking up many places of one text.
pub(super) struct Lines {
    starts: Vec<usize>,
    end: usize,
}

impl Lines {
    /// Goes through a text once.
    pub(super) fn of(text: &str) -> Self {
        let behind_breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { starts: std::iter::once(0).chain(behind_breaks).collect(), end: text.len() }
    }

    /// The first byte of the line that a byte is in, and the one behind its last; a line break is in the line
    /// that it ends.
    pub(super) fn around(&self, byte: usize) -> Span {
        let next = self.starts.partition_point(|start| *start <= byte);
        let start = next.checked_sub(1).and_then(|line| self.starts.get(line)).copied().unwrap_or_default();
        Span { start, end: self.starts.get(next).map_or(self.end, |next| next - 1).max(start) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_characters_from_one() {
        let text = "\u{feff}é: x\r\n  b: 1\n";
        assert_eq!(line_column(text, 3), (1, 1));
        assert_eq!(line_column(text, 5), (1, 2));
        assert_eq!(line_column(text, 12), (2, 3));
        assert_eq!(line_column(text, 4), (1, 1));
        assert_eq!(line_column(text, 999), (3, 1));
        assert_eq!(line_column("", 0), (1, 1));
    }
    #[test]
    fn a_place_has_a_line_around_it() {
        let text = "ab\n\nc";
        let lines = Lines::of(text);
        let all: Vec<_> = (0..=text.len()).map(|byte| lines.around(byte)).map(|line| (line.start, line.end)).collect();
        assert_eq!(all, [(0, 2), (0, 2), (0, 2), (3, 3), (4, 5), (4, 5)]);
        assert_eq!(lines.around(99), Span { start: 4, end: 5 });
        assert_eq!(Lines::of("").around(0), Span { start: 0, end: 0 });
    }
    #[test]
    fn many_places_are_found_as_one_is() {
        let text = "\u{feff}é: x\r\n  b: 1\n\nü\u{feff}ö";
        let (file, other): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        let sources = BTreeMap::from([(Arc::clone(&file), text.into()), (Arc::clone(&other), "x\ny".into())]);
        let mut positions = Positions::of(&sources);
        let place = |file: &Arc<str>, start| Place { file: Arc::clone(file), span: Some(Span { start, end: start }) };
        for byte in (0..text.len() + 2).chain([5, 3, 3]) {
            assert_eq!(positions.find(&place(&file, byte)), Some(line_column(text, byte)), "{byte}");
        }
        assert_eq!(positions.find(&place(&other, 2)), Some((2, 1)));
        assert_eq!(positions.find(&place(&file, 12)), Some((2, 3)));
        assert_eq!(positions.find(&Place { file, span: None }), None);
        // One line with very many places.
        let sources = BTreeMap::from([(Arc::clone(&other), "a".repeat(4 << 20).into())]);
        let mut positions = Positions::of(&sources);
        let began = std::time::Instant::now();
        for byte in (0..4 << 20).step_by(100) {
            assert_eq!(positions.find(&place(&other, byte)), Some((1, byte + 1)));
        }
        assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    }
}
