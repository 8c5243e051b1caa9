//! Lines of a text around the places of its values. What lies between two values holds blanks and comments
//! only, so that a line can be judged there by its first character.

/// What stands before everything else in some files.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// A line between two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing, or blanks.
    Blank,
    /// A comment, with its column from 0.
    Comment(usize),
    /// Something else, with its column.
    Content(usize),
}

/// The first byte that can belong to a line of the text.
pub(super) fn head(text: &str) -> usize {
    if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 }
}

pub(super) fn byte(text: &str, at: usize) -> Option<u8> {
    text.as_bytes().get(at).copied()
}

/// Where the line that a byte is in begins.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    before.rfind('\n').map_or(0, |at| at + 1).max(head(text)).min(at)
}

/// Where the line that a byte is in ends: before its line break.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let end = rest.find('\n').map_or(text.len(), |length| at + length);
    if end > at && end < text.len() && byte(text, end - 1) == Some(b'\r') { end - 1 } else { end }
}

/// The beginning of the line behind a line's end; `None` at the end of the text.
pub(super) fn behind_break(text: &str, end: usize) -> Option<usize> {
    match (byte(text, end), byte(text, end + 1)) {
        (Some(b'\n'), _) => Some(end + 1),
        (Some(b'\r'), Some(b'\n')) => Some(end + 2),
        _ => None,
    }
}

/// The end of the line above one that begins here: before its line break.
pub(super) fn end_above(text: &str, start: usize) -> Option<usize> {
    let end = start.checked_sub(1).filter(|end| byte(text, *end) == Some(b'\n'))?;
    Some(end.checked_sub(1).filter(|end| byte(text, *end) == Some(b'\r')).unwrap_or(end))
}

/// The beginning of the line, where only blanks stand before a byte.
pub(super) fn opens_line(text: &str, at: usize) -> Option<usize> {
    let mut start = at;
    while start > head(text) && byte(text, start - 1) == Some(b' ') {
        start -= 1;
    }
    (start == head(text) || byte(text, start - 1) == Some(b'\n')).then_some(start)
}

/// The column of the first character of the line that a byte is in.
pub(super) fn indentation(text: &str, at: usize) -> usize {
    let start = line_start(text, at);
    text.get(start..).unwrap_or_default().bytes().take_while(|byte| *byte == b' ').count()
}

/// What a line is that begins here.
pub(super) fn kind(text: &str, start: usize) -> Kind {
    let mut at = start;
    while matches!(byte(text, at), Some(b' ' | b'\t')) {
        at += 1;
    }
    match byte(text, at) {
        None | Some(b'\n' | b'\r') => Kind::Blank,
        Some(b'#') => Kind::Comment(at - start),
        Some(_) => Kind::Content(at - start),
    }
}

/// Behind blanks, line breaks and comments.
pub(super) fn skip(text: &str, from: usize) -> usize {
    let mut at = from;
    loop {
        match byte(text, at) {
            Some(b' ' | b'\t' | b'\n' | b'\r') => at += 1,
            Some(b'#') if at == 0 || matches!(byte(text, at - 1), Some(b' ' | b'\t' | b'\n')) || at == head(text) => {
                at = line_end(text, at);
            }
            _ => return at,
        }
    }
}

/// The end of what belongs to a value that ends here, as the end of a line: the comment behind it, and the
/// comments below it that stand further in than a column.
pub(super) fn tail(text: &str, end: usize, column: usize) -> usize {
    let mut last = line_end(text, end);
    let mut scanned = last;
    while let Some(start) = behind_break(text, scanned) {
        scanned = line_end(text, start);
        match kind(text, start) {
            Kind::Blank => {}
            Kind::Comment(at) if at > column => last = scanned,
            Kind::Comment(_) | Kind::Content(_) => break,
        }
    }
    last
}

/// The end of the line below which the next entry of a mapping or list goes, whose last value ends here:
/// behind comments that stand in its column or further in, unless they belong to what follows.
pub(super) fn append_at(text: &str, end: usize, column: usize) -> usize {
    let last = tail(text, end, column);
    let mut scanned = last;
    while let Some(start) = behind_break(text, scanned) {
        match kind(text, start) {
            Kind::Comment(at) if at >= column => scanned = line_end(text, start),
            Kind::Content(at) if at == column => return last,
            _ => break,
        }
    }
    scanned
}

/// The beginning of the first of the blank lines right above a line.
pub(super) fn blanks_above(text: &str, start: usize, floor: usize) -> usize {
    let mut first = start;
    while let Some(end) = end_above(text, first) {
        let above = line_start(text, end);
        if above < floor || kind(text, above) != Kind::Blank {
            break;
        }
        first = above;
    }
    first
}

/// The beginning of the line where only blanks and the dashes of a list stand before a byte.
pub(super) fn behind_dashes(text: &str, at: usize) -> Option<usize> {
    let start = line_start(text, at);
    let before = text.get(start..at)?;
    let is_dashes = before.ends_with(' ') && before.bytes().all(|byte| matches!(byte, b' ' | b'-'));
    // Three of them are a mark of the document.
    (is_dashes && !before.starts_with("---")).then_some(start)
}

/// Behind the blank lines that begin here.
pub(super) fn blanks_below(text: &str, start: usize) -> usize {
    let mut at = start;
    while at < text.len() && kind(text, at) == Kind::Blank {
        let end = line_end(text, at);
        match behind_break(text, end) {
            Some(next) => at = next,
            None => return end,
        }
    }
    at
}

/// How many lines lie between two beginnings of lines.
pub(super) fn count(text: &str, start: usize, end: usize) -> usize {
    text.get(start..end).unwrap_or_default().matches('\n').count()
}
