//! Entries that go, with the comments that are theirs and the blank lines that would be too many.

use super::comments::{self, Subjects};
use super::layout::{Entry, Form, Odd};
use super::lines::{
    Kind, behind_break, blanks_above, blanks_below, byte, count, end_above, head, kind, line_end, line_start,
    opens_line, skip, tail,
};
use super::source::{Level, Source};
use super::splice::Splices;

/// Takes entries of a mapping or list away, by their positions.
pub(super) fn entries(
    source: &Source<'_>,
    level: &Level<'_, '_>,
    is_gone: &[bool],
    is_root: bool,
    splices: &mut Splices,
) -> Result<(), Odd> {
    if level.place.form == Form::Flow {
        return in_flow(source, level, is_gone, splices);
    }
    let Some(first) = level.entries.first().filter(|first| opens_line(source.text, first.start).is_none()) else {
        in_block(source, level, is_gone, is_root, splices);
        return Ok(());
    };
    behind_a_dash(source, level, first, is_gone, splices)
}

/// Takes entries away whose first one stands behind a dash.
fn behind_a_dash(
    source: &Source<'_>,
    level: &Level<'_, '_>,
    first: &Entry,
    is_gone: &[bool],
    splices: &mut Splices,
) -> Result<(), Odd> {
    let Some(left) = is_gone.iter().position(|gone| !gone) else {
        let end = level.entries.last().map_or(first.end(), Entry::end);
        if source.has_comment(first.start, end) {
            return Err(Odd(first.start));
        }
        splices.replace(first.start, end, empty(level));
        return Ok(());
    };
    if let Some(next) = level.entries.get(left).filter(|_| left > 0) {
        if source.has_comment(first.start, next.start) {
            return Err(Odd(first.start));
        }
        splices.delete(first.start, next.start);
    }
    let mut is_gone = is_gone.to_vec();
    is_gone.iter_mut().take(left).for_each(|gone| *gone = false);
    in_block(source, level, &is_gone, false, splices);
    Ok(())
}

/// What stands in place of a mapping or list that has nothing left.
fn empty(level: &Level<'_, '_>) -> &'static str {
    if level.node.items().is_some() { "[]" } else { "{}" }
}

/// Whole lines: from the beginning of one to the beginning of another, or the end of the text.
#[derive(Debug, Clone, Copy)]
struct Lines {
    start: usize,
    end: usize,
}

/// Entries that go with nothing but blank lines between them.
struct Group {
    lines: Lines,
    /// The position of the first entry.
    from: usize,
    /// The position of the last entry.
    to: usize,
    /// Where blank lines above may begin.
    floor: usize,
}

fn in_block(source: &Source<'_>, level: &Level<'_, '_>, is_gone: &[bool], is_root: bool, splices: &mut Splices) {
    let text = source.text;
    let all = is_gone.iter().all(|gone| *gone);
    // Blank lines between what goes are as one with it.
    let mut groups: Vec<Group> = Vec::new();
    let top = if is_root { head(text) } else { level.place.after };
    let mut floor = top;
    let mut subjects = Subjects::new(level);
    let mut left: Option<&Entry> = None;
    for (position, entry) in level.entries.iter().enumerate() {
        if is_gone.get(position).is_some_and(|gone| *gone) {
            let line = opens_line(text, entry.start).unwrap_or(entry.start);
            let own = subjects.above(text, position, line, level.column, floor);
            own.others.iter().for_each(|(start, end)| splices.delete(*start, *end));
            let start = own.start;
            let last = if left.is_some_and(|left| may_end_in_a_text(text, left)) {
                tail(text, entry.end(), level.column)
            } else {
                comments::below(text, entry, level.entries.get(position + 1), level.column)
            };
            let end = behind_break(text, last).unwrap_or(text.len());
            match groups.last_mut() {
                Some(group) if blanks_below(text, group.lines.end) == start => {
                    group.lines.end = end;
                    group.to = position;
                }
                _ => groups.push(Group { lines: Lines { start, end }, from: position, to: position, floor }),
            }
        }
        if is_gone.get(position).is_none_or(|gone| !gone) {
            left = Some(entry);
        }
        // Blank lines may belong to a text.
        floor = entry.end() + 1;
    }
    for &Group { lines, from, to, floor } in &groups {
        let above = blanks_above(text, lines.start, floor);
        let below = blanks_below(text, lines.end);
        let is_last = to + 1 == level.entries.len();
        let is_first = from == 0 && above == lines.start && !has_comment_above(text, lines.start);
        let cut = if all && is_root && is_last {
            // Something comes in its place.
            lines
        } else if is_last && !is_comment_further_in(text, lines.end, level.column) {
            Lines { start: above, end: lines.end }
        } else if is_first || count(text, above, lines.start) >= count(text, lines.end, below) {
            Lines { start: lines.start, end: below }
        } else {
            Lines { start: above, end: lines.end }
        };
        cut_lines(text, cut, all && is_root && is_last, splices);
    }
    let empty = empty(level);
    match groups.last().filter(|_| all) {
        Some(Group { lines, .. }) if is_root => {
            let is_end = lacks_break(text) && lines.end == text.len();
            splices.insert(lines.start, format!("{empty}{}", if is_end { "" } else { source.newline }));
        }
        Some(_) => splices.insert(level.place.after, format!(" {empty}")),
        None => {}
    }
}

fn lacks_break(text: &str) -> bool {
    byte(text, text.len().saturating_sub(1)) != Some(b'\n')
}

fn has_comment_above(text: &str, start: usize) -> bool {
    end_above(text, start).is_some_and(|end| matches!(kind(text, line_start(text, end)), Kind::Comment(_)))
}

/// Whether an entry may end in a text in lines of its own: a comment further in, right below, would be read as one
/// of them.
fn may_end_in_a_text(text: &str, entry: &Entry) -> bool {
    let entry = text.get(entry.start..entry.end()).unwrap_or_default();
    [" |", " >"].iter().any(|header| entry.contains(header))
}

/// Whether a line is a comment that stands further in than a column: without the blank line above it, it would
/// belong to what is left.
fn is_comment_further_in(text: &str, start: usize, column: usize) -> bool {
    matches!(kind(text, start), Kind::Comment(at) if at > column)
}

/// Takes lines away. Where the last line of the text has no line break, the one that becomes the last has none
/// either.
fn cut_lines(text: &str, lines: Lines, is_replaced: bool, splices: &mut Splices) {
    let lacks_break = lines.end == text.len() && lacks_break(text);
    let start = if lacks_break && !is_replaced { end_above(text, lines.start) } else { None };
    splices.delete(start.unwrap_or(lines.start), lines.end);
}

fn in_flow(source: &Source<'_>, level: &Level<'_, '_>, is_gone: &[bool], splices: &mut Splices) -> Result<(), Odd> {
    let gone = |position: usize| is_gone.get(position).is_some_and(|gone| *gone);
    let (open, close) = (level.place.start + 1, level.place.end - 1);
    if (0..level.entries.len()).all(gone) && !source.has_comment(open, close) {
        splices.delete(open, close);
        return Ok(());
    }
    let mut position = 0;
    while position < level.entries.len() {
        if !gone(position) {
            position += 1;
            continue;
        }
        let from = position;
        while gone(position) {
            position += 1;
        }
        let run = (from, level.entries.get(from..position).unwrap_or_default());
        let before = from.checked_sub(1).and_then(|at| level.entries.get(at));
        let next = level.entries.get(position);
        run_in_flow(source, level, run, (before, next), splices)?;
    }
    Ok(())
}

/// Takes neighbours within brackets away.
fn run_in_flow(
    source: &Source<'_>,
    level: &Level<'_, '_>,
    (from, run): (usize, &[Entry]),
    (before, next): (Option<&Entry>, Option<&Entry>),
    splices: &mut Splices,
) -> Result<(), Odd> {
    let text = source.text;
    let (Some(first), Some(last)) = (run.first(), run.last()) else { return Ok(()) };
    let comma = |entry: &Entry| {
        let at = skip(text, entry.end());
        (byte(text, at) == Some(b',')).then_some(at)
    };
    // A comma that would stand behind the last entry where none stood.
    let needless = if next.is_none() && !level.has_comma { before.and_then(comma) } else { None };
    let mut before_it = before;
    let mut subjects = Subjects::new(level);
    let own_lines: Option<Vec<Vec<Lines>>> = run
        .iter()
        .enumerate()
        .map(|(at, entry)| own_lines(text, level, (entry, from + at), before_it.replace(entry), &mut subjects))
        .collect();
    if let Some(own_lines) = own_lines {
        own_lines.iter().flatten().for_each(|lines| splices.delete(lines.start, lines.end));
        needless.into_iter().for_each(|comma| splices.delete(comma, comma + 1));
        return Ok(());
    }
    match (before, next) {
        (Some(before), _) if !source.has_comment(before.end(), last.end()) => splices.delete(before.end(), last.end()),
        // Of the comments between, one behind what goes may go with it.
        (_, Some(next)) if !source.has_comment(line_end(text, last.end()).min(next.start), next.start) => {
            splices.delete(first.start, next.start);
        }
        (Some(_), None) if !source.has_comment(first.start, last.end()) => {
            splices.delete(first.start, last.end());
            needless.into_iter().for_each(|comma| splices.delete(comma, comma + 1));
        }
        _ => return Err(Odd(first.start)),
    }
    Ok(())
}

/// The lines of an entry within brackets that shares them with nothing, with the comments above it.
fn own_lines(
    text: &str,
    level: &Level<'_, '_>,
    (entry, position): (&Entry, usize),
    before: Option<&Entry>,
    subjects: &mut Subjects<'_, '_, '_>,
) -> Option<Vec<Lines>> {
    let line = opens_line(text, entry.start)?;
    let behind = skip(text, entry.end());
    let end = if byte(text, behind) == Some(b',') { behind + 1 } else { entry.end() };
    let last = line_end(text, end);
    let rest = text.get(end..last)?.trim_start();
    if !(rest.is_empty() || rest.starts_with('#')) || last >= level.place.end {
        return None;
    }
    let floor = before.map_or(level.place.start + 1, Entry::end);
    let own = subjects.above(text, position, line, entry.start - line, floor);
    let mut lines: Vec<Lines> = own.others.iter().map(|(start, end)| Lines { start: *start, end: *end }).collect();
    lines.push(Lines { start: own.start, end: behind_break(text, last)? });
    Some(lines)
}
