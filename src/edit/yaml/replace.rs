//! Another value under a key, or another item of a list.

use super::layout::{Entry, Form, Odd};
use super::lines::{line_end, line_start, tail};
use super::refused::{Refused, shown};
use super::source::{Level, Source, member};
use super::splice::Splices;
use super::style::Style;
use super::{Value, comments, remove, write};

/// Replaces the value of the entry at a position of a mapping or list.
pub(super) fn value(
    source: &Source<'_>,
    (level, position): (&Level<'_, '_>, usize),
    key: &str,
    value: &Value,
    style: &Style<'_, '_>,
    splices: &mut Splices,
) -> Result<(), Refused> {
    let text = source.text;
    let Some(entry) = level.entries.get(position) else { return Err(Refused::NoPath) };
    let old = entry.value;
    source.must_be_own(key, &old)?;
    if old.properties.is_some() {
        return Err(Refused::Properties { line: source.line(entry.start), key: shown(key) });
    }
    let node = member(level.node, position);
    if let Some(node) = node.filter(|node| old.form == Form::Block && is_emptied(node, value)) {
        // What others wrote around its entries stays.
        let inner = source.open(node, old)?;
        let is_gone = vec![true; inner.entries.len()];
        return remove::entries(source, &inner, &is_gone, false, splices).map_err(|odd| source.odd(odd));
    }
    // A list stays a list in brackets or in lines.
    let style = match node {
        Some(node) if is_alike(node, value) => &style.with(vec![node]),
        Some(node) if node.text().is_some() && matches!(value, Value::Text(_)) && old.form == Form::Scalar => {
            &style.quoted_as(node)
        }
        _ => style,
    };
    let is_item = level.node.items().is_some() && level.place.form != Form::Flow;
    if is_item && (old.form == Form::Block || !style.is_flow(value)) {
        item(source, level.column, entry, value, style, splices);
        return Ok(());
    }
    if level.place.form == Form::Flow || style.is_flow(value) {
        let written = write::inline(value, style, level.place.form == Form::Flow);
        return in_place(source, level, position, &written, splices);
    }
    // Lines below the key.
    let colon_end = line_end(text, entry.behind);
    let is_below = old.form != Form::Block && old.form != Form::Nothing && line_start(text, old.start) > colon_end;
    if is_below {
        return Err(source.odd(Odd(old.start)));
    }
    let further = match (old.form, value) {
        (Form::Block, _) if node.is_some_and(|node| is_alike(node, value)) => {
            old.start.saturating_sub(line_start(text, old.start))
        }
        (_, Value::List(_)) => level.column + style.dash,
        _ => level.column + style.step,
    };
    let lines = write::lines(value, style, further);
    let below = |splices: &mut Splices, at: usize, lines: String| {
        // Comments that are there already were not written for the new entries.
        if comments::would_be_taken(text, at, further) {
            splices.insert(at, source.newline);
        }
        splices.insert(at, lines);
    };
    match old.form {
        Form::Nothing => below(splices, tail(text, entry.behind, level.column), lines),
        Form::Block => splices.replace(colon_end, line_end(text, old.end), lines),
        Form::BlockScalar => {
            splices.delete(entry.behind, header_end(text, old.start));
            splices.replace(line_end(text, old.start), old.end.max(line_end(text, old.start)), lines);
        }
        Form::Scalar | Form::Flow | Form::Alias => {
            splices.delete(entry.behind, old.end);
            below(splices, tail(text, old.end, level.column), lines);
        }
    }
    Ok(())
}

/// Puts another item in place of one in a list by its indentation; the comments around it stay.
fn item(
    source: &Source<'_>,
    column: usize,
    entry: &Entry,
    value: &Value,
    style: &Style<'_, '_>,
    splices: &mut Splices,
) {
    let text = source.text;
    let old = entry.value;
    let is_short = style.is_flow(value) || old.form != Form::Block && !style.knows(value);
    let (first, rest) = if is_short {
        (write::inline(value, style, false), String::new())
    } else {
        let is_below = old.form == Form::Block && line_start(text, old.start) > line_end(text, entry.behind);
        let column = if is_below { old.start - line_start(text, old.start) } else { column + 2 };
        let lines = write::lines(value, style, column);
        let lines = lines.trim_start();
        let (first, rest) = lines.split_at(lines.find(source.newline).unwrap_or(lines.len()));
        (first.to_owned(), rest.to_owned())
    };
    match old.form {
        Form::Nothing => {
            splices.insert(entry.behind, format!(" {first}"));
            splices.insert(line_end(text, entry.behind), rest);
        }
        Form::Block => splices.replace(old.start, old.end, first + &rest),
        Form::BlockScalar => {
            splices.replace(old.start, header_end(text, old.start), first);
            let end = line_end(text, old.start);
            splices.replace(end, old.end.max(end), rest);
        }
        Form::Scalar | Form::Flow | Form::Alias => {
            splices.replace(old.start, old.end, first);
            splices.insert(line_end(text, old.end), rest);
        }
    }
}

/// Whether a value is a node's without any of its entries.
fn is_emptied(node: &crate::config::Node<'_>, value: &Value) -> bool {
    match value {
        Value::List(items) => items.is_empty() && node.items().is_some(),
        Value::Mapping(pairs) => pairs.is_empty() && node.pairs().is_some(),
        _ => false,
    }
}

/// Whether a value is of the same kind as a node which is not empty.
fn is_alike(node: &crate::config::Node<'_>, value: &Value) -> bool {
    match value {
        Value::List(items) => !items.is_empty() && node.items().is_some_and(|items| !items.is_empty()),
        Value::Mapping(pairs) => !pairs.is_empty() && node.pairs().is_some_and(|pairs| !pairs.is_empty()),
        _ => false,
    }
}

/// Puts a value of one line behind its key.
fn in_place(
    source: &Source<'_>,
    level: &Level<'_, '_>,
    position: usize,
    written: &str,
    splices: &mut Splices,
) -> Result<(), Refused> {
    let text = source.text;
    let Some(entry) = level.entries.get(position) else { return Err(Refused::NoPath) };
    let old = entry.value;
    match old.form {
        Form::Nothing => splices.insert(entry.behind, format!(" {written}")),
        Form::Scalar | Form::Flow | Form::Alias => splices.replace(old.start, old.end, written),
        Form::BlockScalar => {
            splices.replace(old.start, header_end(text, old.start), written);
            let end = line_end(text, old.start);
            splices.delete(end, old.end.max(end));
        }
        Form::Block => {
            splices.insert(entry.behind, format!(" {written}"));
            splices.delete(line_end(text, entry.behind), line_end(text, old.end));
        }
    }
    Ok(())
}

/// Behind the header of a text in lines of its own.
fn header_end(text: &str, start: usize) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    start + rest.find(char::is_whitespace).unwrap_or(rest.len())
}
