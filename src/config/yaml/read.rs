//! Reads YAML text into the tree. The only file that knows the YAML library.

use std::collections::HashMap;

use granit_parser::{ErrorKind, Event, Marker, Parser, ScalarStyle, Span as EventSpan, Tag};

use super::anchors::Anchors;
use super::{DEPTH_MAX, Node, Scalar, ScalarType, Value, plain, scalar};
use crate::diagnostic::Span;

/// What became of a text.
#[derive(Debug)]
pub struct Document<'t> {
    /// The value; `None` where there is none. With a problem that stops the reading, what was read up to
    /// there.
    pub root: Option<Node<'t>>,
    /// Whether the text was read to its end.
    pub complete: bool,
    /// The byte up to which it was read: nothing is known of what stands behind.
    pub read: usize,
    /// All that is wrong, in the order in which it was found.
    pub problems: Vec<Problem>,
}

/// Something that is wrong with the YAML.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// What.
    pub kind: ProblemKind,
    /// Where.
    pub span: Span,
}

/// What can be wrong.
#[derive(Debug, Clone, PartialEq)]
pub enum ProblemKind {
    /// The text is no YAML, with the reason.
    Syntax(String),
    /// A key, or what reads as one, within a text.
    KeyInText,
    /// A character that YAML does not allow, such as an escape character of a terminal.
    ControlCharacter,
    /// A tab where only blanks may stand.
    Tab,
    /// More than [`DEPTH_MAX`] lists and mappings in one another.
    TooDeep,
    /// Aliases stand for more than [`super::ALIAS_NODES_MAX`] nodes or [`super::ALIAS_BYTES_MAX`] of text.
    TooManyAliases,
    /// An alias of the node that it is in.
    AliasInItself,
    /// An alias without an anchor. Without its name, which could be an unquoted password.
    UnknownAlias,
    /// An unquoted `*`.
    UnquotedStar,
    /// A tag other than `!!str`.
    Tag,
    /// A key that is a list or a mapping.
    ComplexKey,
    /// A key stands twice.
    DuplicateKey {
        /// The key.
        key: String,
        /// Where it stands first.
        first: Span,
    },
    /// A second document.
    SeveralDocuments,
}

/// A list or mapping that is not yet complete.
struct Frame<'t> {
    anchor: usize,
    start: usize,
    line: u32,
    flow: bool,
    content: Content<'t>,
}

enum Content<'t> {
    Sequence(Vec<Node<'t>>),
    Mapping { pairs: Vec<(Node<'t>, Node<'t>)>, key: Option<Node<'t>> },
}

struct Builder<'t> {
    text: &'t str,
    stack: Vec<Frame<'t>>,
    anchors: Anchors<'t>,
    root: Option<Node<'t>>,
    read: usize,
    problems: Vec<Problem>,
}

/// Reads a text. Never fails and never panics: what is wrong is told in the result.
pub fn read(text: &str) -> Document<'_> {
    match plain::read(text) {
        Some(root) => Document { root: Some(root), complete: true, read: text.len(), problems: Vec::new() },
        None => read_any(text),
    }
}

/// Reads a text with the library.
pub(super) fn read_any(text: &str) -> Document<'_> {
    let mut builder =
        Builder { text, stack: Vec::new(), anchors: Anchors::default(), root: None, read: 0, problems: Vec::new() };
    // One more than we allow, so that it is we who say that the nesting is too deep.
    let options = granit_parser::options! {
        emit_unresolved_aliases: true,
        emit_comments: false,
        flow_nesting_limit: DEPTH_MAX + 1,
        block_nesting_limit: DEPTH_MAX + 1,
    };
    let mut complete = true;
    for event in Parser::new_from_str_with_options(text, options) {
        let step = match event {
            Ok((event, span)) => builder.take(event, span),
            Err(error) => Err(builder.syntax(error.kind(), error.marker())),
        };
        if let Err(problem) = step {
            builder.problems.extend(problem);
            complete = false;
            break;
        }
    }
    while let Some(frame) = builder.stack.pop() {
        // All that can be wrong with it is that aliases stand for too much, which is told once at most.
        let _ = builder.close(frame, None);
    }
    let read = if complete { text.len() } else { builder.read };
    Document { root: builder.root, complete, read, problems: builder.problems }
}

impl<'t> Builder<'t> {
    /// Takes an event; an error stops the reading, and may have been reported before.
    fn take(&mut self, event: Event<'t>, span: EventSpan) -> Result<(), Option<Problem>> {
        let place = to_span(&span);
        let line = to_line(&span.start);
        match event {
            Event::DocumentStart(explicit, _) => {
                if self.root.is_some() {
                    let place = if explicit { place } else { Span { start: place.start, end: place.start } };
                    self.read = place.end;
                    return Err(Some(Problem { kind: ProblemKind::SeveralDocuments, span: place }));
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                let kind = match self.tag(tag.as_deref(), &span) {
                    TagKind::None if plain => scalar::resolve(&text),
                    TagKind::None | TagKind::Str => ScalarType::String,
                };
                let place = self.trimmed(place, style);
                self.read = place.end;
                let node = Node { span: place, line, value: Value::Scalar(Scalar { text, plain, kind }) };
                self.finish(node, anchor)?;
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.tag(tag.as_deref(), &span);
                let flow = style == granit_parser::StructureStyle::Flow;
                self.open(
                    Frame { anchor, start: place.start, line, flow, content: Content::Sequence(Vec::new()) },
                    place,
                )?;
            }
            Event::MappingStart(style, anchor, tag) => {
                self.tag(tag.as_deref(), &span);
                let flow = style == granit_parser::StructureStyle::Flow;
                let content = Content::Mapping { pairs: Vec::new(), key: None };
                self.open(Frame { anchor, start: place.start, line, flow, content }, place)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(frame) = self.stack.pop() {
                    self.close(frame, Some(place))?;
                }
            }
            Event::Alias(id) => match self.anchors.expand(id, self.stack.len()) {
                Ok(node) => self.put(node),
                Err(kind @ ProblemKind::AliasInItself) => {
                    self.problems.push(Problem { kind, span: place });
                    self.put(empty(place, line, ScalarType::Unknown));
                }
                Err(kind) => return Err(Some(Problem { kind, span: place })),
            },
            Event::UnresolvedAlias(name) => {
                // `*:` reads as an alias of the name `:`.
                let kind = if name == ":" { ProblemKind::UnquotedStar } else { ProblemKind::UnknownAlias };
                let is_star = kind == ProblemKind::UnquotedStar;
                self.read = if is_star { place.start + 1 } else { place.end };
                let place = if is_star { Span { start: place.start, end: place.start + 1 } } else { place };
                self.problems.push(Problem { kind, span: place });
                if is_star {
                    // What follows was meant as this key's value, and nothing fits any more.
                    return Err(None);
                }
                self.put(empty(place, line, ScalarType::Unknown));
            }
            Event::StreamStart | Event::StreamEnd | Event::DocumentEnd | Event::Anchor(..) | Event::Comment(..) => {}
            // A kind of event that a later version of the library may know: to leave it out could change
            // what the text means.
            _ => {
                return Err(Some(Problem {
                    kind: ProblemKind::Syntax("YAML that is not known here".to_owned()),
                    span: place,
                }));
            }
        }
        Ok(())
    }

    /// Judges a tag: only that of a text means anything here.
    fn tag(&mut self, tag: Option<&Tag>, span: &EventSpan) -> TagKind {
        let Some(tag) = tag else {
            return TagKind::None;
        };
        if !tag.is_yaml_core_schema() || tag.suffix() != "str" {
            let place = span.tag_span().as_ref().map_or_else(|| to_span(span), to_span);
            self.problems.push(Problem { kind: ProblemKind::Tag, span: place });
        }
        TagKind::Str
    }

    /// The place of a plain or quoted scalar is exact; that of a block scalar may hold the line breaks
    /// and blanks after it.
    fn trimmed(&self, place: Span, style: ScalarStyle) -> Span {
        if !matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
            return place;
        }
        let written = self.text.get(place.start..place.end).unwrap_or_default();
        Span { start: place.start, end: place.start + written.trim_end().len() }
    }

    fn open(&mut self, frame: Frame<'t>, place: Span) -> Result<(), Option<Problem>> {
        if self.stack.len() >= DEPTH_MAX {
            return Err(Some(Problem { kind: ProblemKind::TooDeep, span: place }));
        }
        self.stack.push(frame);
        Ok(())
    }

    /// Completes a list or mapping. Spans of the library's block collections reach to the next token, so
    /// that the end is that of the last child.
    fn close(&mut self, frame: Frame<'t>, end: Option<Span>) -> Result<(), Option<Problem>> {
        let Frame { anchor, start, line, flow, content } = frame;
        let last = match &content {
            Content::Sequence(items) => items.last().map(|item| item.span.end),
            Content::Mapping { pairs, key } => key
                .as_ref()
                .map(|key| key.span.end)
                .or(pairs.last().map(|(key, value)| value.span.end.max(key.span.end))),
        };
        let end = match end {
            Some(end) if flow => end.end,
            // An alias as the last child has the place of its definition, before the start.
            _ => last.unwrap_or(start).max(start),
        };
        let value = match content {
            Content::Sequence(items) => Value::Sequence(items),
            Content::Mapping { mut pairs, key } => {
                if let Some(key) = key {
                    let missing = empty(Span { start: key.span.end, end: key.span.end }, key.line, ScalarType::Unknown);
                    pairs.push((key, missing));
                }
                self.find_duplicates(&pairs);
                Value::Mapping(pairs)
            }
        };
        self.finish(Node { span: Span { start, end }, line, value }, anchor)
    }

    fn find_duplicates(&mut self, pairs: &[(Node<'t>, Node<'t>)]) {
        let mut seen: HashMap<&str, Span> = HashMap::with_capacity(pairs.len());
        for (key, _) in pairs {
            let Some(text) = key.text() else {
                self.problems.push(Problem { kind: ProblemKind::ComplexKey, span: key.span });
                continue;
            };
            if let Some(first) = seen.get(text) {
                let kind = ProblemKind::DuplicateKey { key: text.to_owned(), first: *first };
                self.problems.push(Problem { kind, span: key.span });
            } else {
                seen.insert(text, key.span);
            }
        }
    }

    fn finish(&mut self, node: Node<'t>, anchor: usize) -> Result<(), Option<Problem>> {
        let defined = if anchor == 0 { Ok(()) } else { self.anchors.define(anchor, &node) };
        let span = node.span;
        self.put(node);
        defined.map_err(|kind| Some(Problem { kind, span }))
    }

    /// Puts a node where it belongs.
    fn put(&mut self, node: Node<'t>) {
        match self.stack.last_mut().map(|frame| &mut frame.content) {
            None => {
                if self.root.is_none() {
                    self.root = Some(node);
                }
            }
            Some(Content::Sequence(items)) => items.push(node),
            Some(Content::Mapping { pairs, key }) => match key.take() {
                None => *key = Some(node),
                Some(key) => {
                    let mut node = node;
                    if node.span.start == node.span.end {
                        // Where nothing is written, the library's place is that of the next token.
                        node.span = Span { start: key.span.end, end: key.span.end };
                        node.line = key.line;
                    }
                    pairs.push((key, node));
                }
            },
        }
    }

    /// What the library refuses, in our words where they are better.
    fn syntax(&mut self, kind: &ErrorKind, marker: &Marker) -> Option<Problem> {
        // Some marks of the library stand inside of a character.
        let start = self.text.floor_char_boundary(marker.byte_offset().unwrap_or(self.text.len()));
        let rest = self.text.get(start..).unwrap_or_default();
        let width = rest.chars().next().filter(|first| !matches!(first, '\r' | '\n')).map_or(0, char::len_utf8);
        let span = Span { start, end: start + width };
        let kind = match kind {
            ErrorKind::RecursionLimitExceeded => ProblemKind::TooDeep,
            ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabAtBlockScalarStart
            | ErrorKind::TabInIndentation
            | ErrorKind::TabInPlainScalar => {
                // The mark stands before the tab or behind it.
                let line_start = self.text.get(..start).and_then(|head| head.rfind('\n')).map_or(0, |at| at + 1);
                let tab = self.text.get(line_start..).and_then(|lines| lines.find('\t')).map(|at| line_start + at);
                let span = tab.map_or(span, |tab| Span { start: tab, end: tab + 1 });
                return Some(Problem { kind: ProblemKind::Tab, span });
            }
            ErrorKind::MissingAnchorOrAliasName if rest.starts_with('*') => {
                self.read = span.end;
                ProblemKind::UnquotedStar
            }
            ErrorKind::ExpectedBlockMappingKey => ProblemKind::Syntax(
                "expected a key here: this line fits neither the mapping above it nor the one around that".to_owned(),
            ),
            ErrorKind::MappingValueNotAllowed => ProblemKind::KeyInText,
            ErrorKind::InvalidColonPlacement => {
                ProblemKind::Syntax("a `:` cannot stand here: is a bracket or a quote before it not closed?".to_owned())
            }
            ErrorKind::UnexpectedCharacter { character: '\0' } => ProblemKind::Syntax("a NUL byte".to_owned()),
            ErrorKind::UnexpectedCharacter { character } if !is_printable(*character) => {
                // The mark stands at the beginning of the word that it is in.
                let behind = rest.char_indices().find(|(_, c)| !is_printable(*c));
                let span = behind.map_or(span, |(at, c)| Span { start: start + at, end: start + at + c.len_utf8() });
                return Some(Problem { kind: ProblemKind::ControlCharacter, span });
            }
            // Without the character, which could be one of a password.
            ErrorKind::UnexpectedCharacter { .. } => {
                ProblemKind::Syntax("this character cannot begin a value: the text must be quoted".to_owned())
            }
            other => ProblemKind::Syntax(other.to_string()),
        };
        Some(Problem { kind, span })
    }
}

/// Whether YAML allows a character at all (YAML 1.2.2, 5.1).
fn is_printable(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
}

/// What a tag says of a scalar's type.
enum TagKind {
    None,
    Str,
}

/// Stands where no value is written, or none could be read.
fn empty<'t>(span: Span, line: u32, kind: ScalarType) -> Node<'t> {
    let value = Value::Scalar(Scalar { text: "".into(), plain: true, kind });
    Node { span, line, value }
}

pub(super) fn to_span(span: &EventSpan) -> Span {
    let start = span.start.byte_offset().unwrap_or(0);
    Span { start, end: span.end.byte_offset().unwrap_or(start).max(start) }
}

fn to_line(marker: &Marker) -> u32 {
    u32::try_from(marker.line()).unwrap_or(u32::MAX)
}
