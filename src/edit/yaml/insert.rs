//! New entries behind the last one of a mapping or list, and the beginning of a document.

use super::comments;
use super::layout::{Entry, Form};
use super::lines::{Kind, append_at, behind_break, byte, end_above, kind, line_end, line_start, opens_line};
use super::source::{Level, Source};
use super::splice::Splices;

/// New entries as text, for brackets or for lines of their own.
pub(super) struct Pieces {
    pub texts: Vec<String>,
    /// Whether one of them takes several lines.
    pub are_long: bool,
}

/// Puts entries behind the last one of a mapping or list that has some.
pub(super) fn entries(source: &Source<'_>, level: &Level<'_, '_>, pieces: &Pieces, splices: &mut Splices) {
    if level.place.form == Form::Flow {
        in_flow(source, level, pieces, splices);
    } else {
        in_block(source, level, pieces, splices);
    }
}

fn in_block(source: &Source<'_>, level: &Level<'_, '_>, pieces: &Pieces, splices: &mut Splices) {
    let Some(last) = level.entries.last() else { return };
    let at = append_at(source.text, last.end(), level.column);
    let blank = if is_spaced(source.text, &level.entries, pieces.are_long) { source.newline } else { "" };
    let indent = " ".repeat(level.column);
    if blank.is_empty() && comments::would_be_taken(source.text, at, level.column) {
        splices.insert(at, source.newline);
    }
    let lines = pieces.texts.iter().map(|text| format!("{blank}{}{indent}{text}", source.newline));
    splices.insert(at, lines.collect::<String>());
}

/// Whether a blank line stands between entries: it does where the last of them are so apart.
fn is_spaced(text: &str, entries: &[Entry], is_long: bool) -> bool {
    let start = entries.len().saturating_sub(4);
    let last = entries.get(start..).unwrap_or_default();
    let mut gaps = last.windows(2).map(|pair| {
        let gap = text.get(pair[0].end()..pair[1].start).unwrap_or_default();
        // The first piece is the rest of a line, the last one the next key's indentation.
        let mut lines: Vec<&str> = gap.split('\n').skip(1).collect();
        lines.pop();
        lines.iter().any(|line| line.trim().is_empty())
    });
    is_long && last.len() > 1 && gaps.all(|is_apart| is_apart)
}

fn in_flow(source: &Source<'_>, level: &Level<'_, '_>, pieces: &Pieces, splices: &mut Splices) {
    let text = source.text;
    let Some(last) = level.entries.last() else { return };
    let start = opens_line(text, last.start).filter(|_| level.entries.len() == 1 || has_own_line(text, &level.entries));
    let Some(start) = start else {
        let gap = separator(text, &level.entries);
        let more: String = pieces.texts.iter().map(|piece| format!(",{gap}{piece}")).collect();
        return splices.insert(last.end(), more);
    };
    let indent = text.get(start..last.start).unwrap_or_default();
    let closing = level.place.end.saturating_sub(1);
    let end = line_end(text, last.end());
    let joined = pieces.texts.join(&format!(",{}{indent}", source.newline));
    if closing < end {
        // The bracket stands behind the last entry.
        return splices.insert(last.end(), format!(",{}{indent}{joined}", source.newline));
    }
    if !level.has_comma {
        splices.insert(last.end(), ",");
    }
    let comma = if level.has_comma { "," } else { "" };
    splices.insert(end, format!("{}{indent}{joined}{comma}", source.newline));
}

/// Whether the last two entries within brackets stand on lines of their own.
fn has_own_line(text: &str, entries: &[Entry]) -> bool {
    entries.iter().rev().take(2).all(|entry| opens_line(text, entry.start).is_some())
}

/// What stands behind a comma.
fn separator(text: &str, entries: &[Entry]) -> &'static str {
    let Some([before, last]) = entries.last_chunk() else { return " " };
    let gap = text.get(before.end()..last.start).unwrap_or_default();
    if gap == "," { "" } else { " " }
}

/// Begins the document of a text that has only comments, or nothing.
pub(super) fn document(source: &Source<'_>, lines: &str, splices: &mut Splices) {
    let text = source.text;
    let newline = source.newline;
    let lines = lines.strip_prefix(newline).unwrap_or(lines);
    let head = super::lines::head(text);
    if text.len() == head {
        return splices.insert(head, format!("{lines}{newline}"));
    }
    let has_break = behind_break(text, text.len() - 1).is_some();
    let last = if has_break { end_above(text, text.len()).unwrap_or_default() } else { text.len() };
    let is_comment = matches!(kind(text, line_start(text, last)), Kind::Comment(_));
    let blank = if is_comment { newline } else { "" };
    if has_break {
        splices.insert(text.len(), format!("{blank}{lines}{newline}"));
    } else if byte(text, last.saturating_sub(1)).is_some_and(|byte| byte == b' ') && text.trim().is_empty() {
        splices.replace(head, text.len(), format!("{lines}{newline}"));
    } else {
        splices.insert(text.len(), format!("{newline}{blank}{lines}"));
    }
}
