//! What a tree does not tell of a text: its comments, anchors and aliases. For changing texts.

use granit_parser::{Event, Parser};

use super::DEPTH_MAX;
use super::read::to_span;
use crate::diagnostic::Span;

/// The places that have no node of their own.
#[derive(Debug, Default)]
pub struct Marks {
    /// The comments, each from its `#` to the end of its line.
    pub comments: Vec<Span>,
    /// The anchors, each with its `&`, and a number that is the anchor's own.
    pub anchors: Vec<(usize, Span)>,
    /// The aliases, each with its `*`, and the number of the anchor that it repeats.
    pub aliases: Vec<(usize, Span)>,
}

/// The marks of a text, as far as it can be read.
pub fn marks(text: &str) -> Marks {
    let options = granit_parser::options! {
        emit_comments: true,
        emit_anchor_events: true,
        emit_unresolved_aliases: true,
        flow_nesting_limit: DEPTH_MAX + 1,
        block_nesting_limit: DEPTH_MAX + 1,
    };
    let mut marks = Marks::default();
    for (event, span) in Parser::new_from_str_with_options(text, options).map_while(Result::ok) {
        match event {
            Event::Comment(..) => marks.comments.push(to_span(&span)),
            Event::Anchor(id, _) => marks.anchors.push((id, to_span(&span))),
            Event::Alias(id) => marks.aliases.push((id, to_span(&span))),
            _ => {}
        }
    }
    marks
}
