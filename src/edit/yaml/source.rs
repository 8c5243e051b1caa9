//! A text that is to be changed, and the way to a place in it.

use super::layout::{Entry, Extent, Form, Odd, block_entries, extent, flow_entries};
use super::lines::{behind_dashes, byte, opens_line};
use super::refused::{Refused, shown};
use crate::config::{self, Marks, Node};

/// A text that was read.
pub(super) struct Source<'t> {
    pub text: &'t str,
    pub root: Option<Node<'t>>,
    pub marks: Marks,
    /// The line break that the text uses.
    pub newline: &'static str,
}

/// A mapping or list, and where its entries stand.
pub(super) struct Level<'s, 't> {
    pub node: &'s Node<'t>,
    pub place: Extent,
    pub entries: Vec<Entry>,
    /// Whether a comma stands behind the last entry.
    pub has_comma: bool,
    /// Of the keys or dashes, where they stand one below the other.
    pub column: usize,
}

/// A step on the way down to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step<'p> {
    /// To the value of a key.
    Key(&'p str),
    /// To an item of a list.
    Item(usize),
}

impl<'p> Step<'p> {
    /// The key, if it is one.
    pub(super) fn key(self) -> Option<&'p str> {
        match self {
            Self::Key(key) => Some(key),
            Self::Item(_) => None,
        }
    }
}

/// The last key of some steps, which a message names.
fn last_key<'p>(steps: &[Step<'p>]) -> &'p str {
    steps.iter().rev().find_map(|step| step.key()).unwrap_or_default()
}

/// The first key of some steps.
fn first_key<'p>(steps: &[Step<'p>]) -> &'p str {
    steps.iter().find_map(|step| step.key()).unwrap_or_default()
}

/// What is known of a path.
pub(super) struct Found<'s, 't, 'p> {
    /// The mappings and lists on the way, each with the position of the entry that the way takes.
    pub levels: Vec<(Level<'s, 't>, usize)>,
    /// The value at the end of what was found; `None` in a text without content.
    pub node: Option<&'s Node<'t>>,
    pub place: Extent,
    /// The keys that were not found.
    pub rest: &'p [Step<'p>],
    pub path: &'p [Step<'p>],
}

impl<'t> Source<'t> {
    /// Reads a text.
    pub(super) fn read(text: &'t str) -> Result<Self, Refused> {
        let root = config::read_whole(text).map_err(Refused::Unreadable)?;
        let has_marks = text.contains(['#', '&']);
        let marks = if has_marks { config::marks(text) } else { Marks::default() };
        // A line break of old computers, which is one in YAML as well.
        let lone = text.match_indices('\r').find(|(at, _)| byte(text, at + 1) != Some(b'\n'));
        let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let source = Self { text, root, marks, newline };
        lone.map_or(Ok(()), |(at, _)| Err(source.odd(Odd(at))))?;
        Ok(source)
    }

    /// The line of a byte, from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        config::line_column(self.text, at).0
    }

    /// Whether a comment begins between two places.
    pub(super) fn has_comment(&self, start: usize, end: usize) -> bool {
        let next = self.marks.comments.partition_point(|comment| comment.start < start);
        self.marks.comments.get(next).is_some_and(|comment| comment.start < end)
    }

    pub(super) fn odd(&self, odd: Odd) -> Refused {
        Refused::Unusual { line: self.line(odd.0) }
    }

    /// The entries of a mapping or list that has some.
    pub(super) fn open<'s>(&self, node: &'s Node<'t>, place: Extent) -> Result<Level<'s, 't>, Refused> {
        let text = self.text;
        let (entries, has_comma) = match place.form {
            Form::Flow => flow_entries(text, node).map_err(|odd| self.odd(odd))?,
            _ => (block_entries(text, place.start, node).map_err(|odd| self.odd(odd))?, false),
        };
        let mut column = 0;
        if place.form != Form::Flow {
            for (position, entry) in entries.iter().enumerate() {
                let start = opens_line(text, entry.start);
                let start = start.or_else(|| behind_dashes(text, entry.start).filter(|_| position == 0));
                let start = start.ok_or_else(|| self.odd(Odd(entry.start)))?;
                column = entry.start - start;
            }
        }
        Ok(Level { node, place, entries, has_comma, column })
    }

    /// Goes down a path as far as its keys are there.
    pub(super) fn find<'s, 'p>(&'s self, path: &'p [Step<'p>]) -> Result<Found<'s, 't, 'p>, Refused> {
        if path.is_empty() {
            return Err(Refused::NoPath);
        }
        let mut node = self.root.as_ref();
        let mut place = self.root_place()?;
        let mut levels = Vec::new();
        for (depth, step) in path.iter().enumerate() {
            let (above, rest) = path.split_at(depth);
            if depth > 0 {
                self.must_be_own(last_key(above), &place)?;
            }
            let position = match step {
                Step::Key(key) => self.position(node, key)?,
                Step::Item(position) => Some(self.item(node, *position, &place, last_key(above))?),
            };
            let (Some(position), Some(parent)) = (position, node) else {
                // An item can only be in a list that is there.
                return match rest.iter().any(|step| step.key().is_none()) {
                    true => Err(Refused::Missing { line: self.line(place.start), key: shown(first_key(rest)) }),
                    false => Ok(Found { levels, node, place, rest, path }),
                };
            };
            let level = self.open(parent, place)?;
            place = level.entries.get(position).map(|entry| entry.value).ok_or(Refused::NoPath)?;
            node = member(parent, position);
            levels.push((level, position));
        }
        Ok(Found { levels, node, place, rest: &[], path })
    }

    /// The position of a key in a mapping; `None` where there is no such key or no mapping.
    fn position(&self, node: Option<&Node<'t>>, key: &str) -> Result<Option<usize>, Refused> {
        let pairs = node.and_then(Node::pairs).unwrap_or_default();
        if let Some((merge, _)) = pairs.iter().find(|(key, _)| key.text() == Some("<<")) {
            return Err(Refused::Merge { line: self.line(merge.span.start) });
        }
        Ok(pairs.iter().position(|(name, _)| name.text() == Some(key)))
    }

    /// The position of an item, which must be there.
    fn item(&self, node: Option<&Node<'t>>, position: usize, place: &Extent, key: &str) -> Result<usize, Refused> {
        let line = self.line(place.start);
        let Some(items) = node.and_then(Node::items) else {
            let found = node.map_or("nothing", Node::describe);
            return Err(Refused::Kind { line, key: shown(key), found, wanted: "a list" });
        };
        if position < items.len() { Ok(position) } else { Err(Refused::NoItem { line, key: shown(key) }) }
    }

    fn root_place(&self) -> Result<Extent, Refused> {
        let Some(root) = &self.root else {
            return Ok(Extent { form: Form::Nothing, properties: None, after: 0, start: 0, end: 0 });
        };
        let start = root.span.start;
        // Before the first key may stand marks of the document.
        extent(self.text, start, root, false).map_err(|odd| self.odd(odd))
    }

    /// Refuses a value that stands elsewhere, or whose anchor is repeated elsewhere.
    pub(super) fn must_be_own(&self, key: &str, place: &Extent) -> Result<(), Refused> {
        if place.form == Form::Alias {
            return Err(Refused::Alias { line: self.line(place.start), key: shown(key) });
        }
        place.properties.map_or(Ok(()), |start| self.must_not_be_repeated(key, start, place.start))
    }

    /// Refuses a piece of the text with an anchor that an alias repeats outside of the piece.
    pub(super) fn must_not_be_repeated(&self, key: &str, start: usize, end: usize) -> Result<(), Refused> {
        let inside = |at: usize| (start..end).contains(&at);
        for (id, anchor) in self.marks.anchors.iter().filter(|(_, anchor)| inside(anchor.start)) {
            let repeats = |(alias, place): &&(usize, crate::diagnostic::Span)| alias == id && !inside(place.start);
            if let Some((_, alias)) = self.marks.aliases.iter().find(repeats) {
                let (line, alias) = (self.line(anchor.start), self.line(alias.start));
                return Err(Refused::Anchor { line, key: shown(key), alias });
            }
        }
        Ok(())
    }
}

impl Found<'_, '_, '_> {
    /// The last key that was found, or else the first that was not.
    pub(super) fn key(&self) -> &str {
        last_key(self.path.get(..self.levels.len().max(1)).unwrap_or_default())
    }
}

/// The value at a position of a mapping or list.
pub(super) fn member<'s, 't>(node: &'s Node<'t>, position: usize) -> Option<&'s Node<'t>> {
    match &node.value {
        config::Value::Scalar(_) => None,
        config::Value::Sequence(items) => items.get(position),
        config::Value::Mapping(pairs) => pairs.get(position).map(|(_, value)| value),
    }
}
