//! Where the entries of a mapping or list stand in the text, with all that belongs to them.
//!
//! The tree knows the places of values. This adds what lies between them: colons, dashes, commas, anchors, and
//! where an alias is written. Whatever is written in a way that is not known here is [`Odd`].

use super::lines::{Kind, behind_break, byte, kind, line_end, skip};
use crate::config::{Node, Value};

/// A place that is written in a way which is not known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Odd(pub usize);

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Not at all.
    Nothing,
    /// As an alias.
    Alias,
    /// A word or a quoted text.
    Scalar,
    /// A text in lines of its own, below a header.
    BlockScalar,
    /// In brackets.
    Flow,
    /// A mapping or list by its indentation.
    Block,
}

/// The place of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    /// How it is written.
    pub form: Form,
    /// Where its anchor or tag begins.
    pub properties: Option<usize>,
    /// Behind the colon or dash before it, or behind its anchor and tag.
    pub after: usize,
    /// Its first byte.
    pub start: usize,
    /// Behind its last byte. Of a text in lines of its own, behind its last line that is not blank.
    pub end: usize,
}

/// An entry of a mapping or list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// The first byte of the key, the dash or, within brackets, of the value.
    pub start: usize,
    /// Behind the key's colon, or the dash.
    pub behind: usize,
    /// The value.
    pub value: Extent,
}

impl Entry {
    /// Behind the last byte.
    pub(super) fn end(&self) -> usize {
        self.value.end.max(self.behind)
    }
}

/// The place of a value which is written somewhere from `cursor` on.
pub(super) fn extent(text: &str, cursor: usize, node: &Node<'_>, in_flow: bool) -> Result<Extent, Odd> {
    let first = skip(text, cursor);
    let is_scalar = matches!(&node.value, Value::Scalar(_));
    let is_plain = matches!(&node.value, Value::Scalar(scalar) if scalar.plain);
    let is_nothing = is_plain && node.span.start == node.span.end && byte(text, first) != Some(b'*');
    let is_same_line = !text.get(cursor..first).unwrap_or_default().contains('\n');
    if is_nothing && !(is_same_line && matches!(byte(text, first), Some(b'&' | b'!'))) {
        return Ok(Extent { form: Form::Nothing, properties: None, after: cursor, start: cursor, end: cursor });
    }
    let (mut start, mut after, mut properties) = (first, cursor, None);
    while matches!(byte(text, start), Some(b'&' | b'!')) {
        properties.get_or_insert(start);
        after = word_end(text, start, in_flow);
        start = skip(text, after);
        if is_nothing && text.get(after..start).unwrap_or_default().contains('\n') {
            break;
        }
    }
    if is_nothing {
        return Ok(Extent { form: Form::Nothing, properties, after, start: after, end: after });
    }
    let place = |form, end| Extent { form, properties, after, start, end };
    match byte(text, start) {
        Some(b'*') if node.span.start < start => Ok(place(Form::Alias, word_end(text, start, in_flow))),
        Some(b'|' | b'>') if is_scalar && !in_flow => {
            let header = word_end(text, start, false);
            let is_blank = node.text().is_none_or(|text| text.trim().is_empty());
            let end = if is_blank { header } else { node.span.end.max(header) };
            let keeps = text.get(start..header).is_some_and(|header| header.contains('+'));
            Ok(place(Form::BlockScalar, with_blanks(text, end, keeps)))
        }
        Some(b'[') if node.items().is_some() => Ok(place(Form::Flow, node.span.end)),
        Some(b'{') if node.pairs().is_some() => Ok(place(Form::Flow, node.span.end)),
        _ if is_scalar && node.span.start == start => Ok(place(Form::Scalar, node.span.end)),
        Some(_) if !is_scalar && !in_flow => {
            let last = block_entries(text, start, node)?.last().map(Entry::end);
            last.map(|end| place(Form::Block, end)).ok_or(Odd(start))
        }
        _ => Err(Odd(start)),
    }
}

/// The end of a text in lines of its own, with the blank lines below it that belong to it: those that it keeps by
/// its header, or that have blanks.
fn with_blanks(text: &str, end: usize, keeps: bool) -> usize {
    let mut last = end;
    let mut scanned = line_end(text, end);
    while let Some(start) = behind_break(text, scanned).filter(|start| kind(text, *start) == Kind::Blank) {
        scanned = line_end(text, start);
        // What follows the last line break is no line.
        if scanned > start || keeps && scanned < text.len() {
            last = scanned;
        }
    }
    last
}

/// Behind the name of an anchor, tag or alias, or the header of a text in lines of its own.
fn word_end(text: &str, start: usize, in_flow: bool) -> usize {
    let is_end = |byte: u8| byte.is_ascii_whitespace() || in_flow && matches!(byte, b',' | b'[' | b']' | b'{' | b'}');
    let rest = text.as_bytes().get(start..).unwrap_or_default();
    start + rest.iter().position(|byte| is_end(*byte)).unwrap_or(rest.len())
}

/// The entries of a block mapping or list which begins somewhere from `cursor` on.
pub(super) fn block_entries(text: &str, cursor: usize, node: &Node<'_>) -> Result<Vec<Entry>, Odd> {
    let mut cursor = cursor;
    let mut entries = Vec::new();
    match &node.value {
        Value::Scalar(_) => return Err(Odd(cursor)),
        Value::Sequence(items) => {
            for item in items {
                let dash = skip(text, cursor);
                let is_dash = byte(text, dash) == Some(b'-')
                    && matches!(byte(text, dash + 1), None | Some(b' ' | b'\t' | b'\n' | b'\r'));
                if !is_dash {
                    return Err(Odd(dash));
                }
                let value = extent(text, dash + 1, item, false)?;
                entries.push(Entry { start: dash, behind: dash + 1, value });
                cursor = value.end;
            }
        }
        Value::Mapping(pairs) => {
            for (key, value) in pairs {
                if skip(text, cursor) != key.span.start {
                    return Err(Odd(skip(text, cursor)));
                }
                let behind = behind_colon(text, key.span.end, false).ok_or(Odd(key.span.start))?;
                let value = extent(text, behind, value, false)?;
                entries.push(Entry { start: key.span.start, behind, value });
                cursor = value.end;
            }
        }
    }
    Ok(entries)
}

/// Behind the colon after a key. Within brackets it may stand on another line.
fn behind_colon(text: &str, key_end: usize, in_flow: bool) -> Option<usize> {
    let mut at = key_end;
    if in_flow {
        at = skip(text, at);
    } else {
        while matches!(byte(text, at), Some(b' ' | b'\t')) {
            at += 1;
        }
    }
    (byte(text, at) == Some(b':')).then_some(at + 1)
}

/// The entries of a mapping or list in brackets, and whether a comma stands behind the last one.
pub(super) fn flow_entries(text: &str, node: &Node<'_>) -> Result<(Vec<Entry>, bool), Odd> {
    let mut cursor = node.span.start + 1;
    let mut entries = Vec::new();
    let mut has_comma = false;
    let mut one = |entry: Result<Entry, Odd>, has_more: bool| -> Result<usize, Odd> {
        let entry = entry?;
        let behind = skip(text, entry.end());
        entries.push(entry);
        match byte(text, behind) {
            Some(b',') => {
                has_comma = true;
                Ok(behind + 1)
            }
            Some(b']' | b'}') if !has_more => {
                has_comma = false;
                Ok(behind)
            }
            _ => Err(Odd(behind)),
        }
    };
    match &node.value {
        Value::Scalar(_) => return Err(Odd(cursor)),
        Value::Sequence(items) => {
            for (position, item) in items.iter().enumerate() {
                let value = extent(text, cursor, item, true);
                let entry = value.map(|value| {
                    let start = value.properties.unwrap_or(value.start);
                    Entry { start, behind: start, value }
                });
                cursor = one(entry, position + 1 < items.len())?;
            }
        }
        Value::Mapping(pairs) => {
            for (position, (key, value)) in pairs.iter().enumerate() {
                let start = skip(text, cursor);
                if start != key.span.start {
                    return Err(Odd(start));
                }
                let entry = match behind_colon(text, key.span.end, true) {
                    Some(behind) => extent(text, behind, value, true).map(|value| Entry { start, behind, value }),
                    None => Err(Odd(start)),
                };
                cursor = one(entry, position + 1 < pairs.len())?;
            }
        }
    }
    let is_end = skip(text, cursor) + 1 == node.span.end;
    if is_end { Ok((entries, has_comma)) } else { Err(Odd(cursor)) }
}
