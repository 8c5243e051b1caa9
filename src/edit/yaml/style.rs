//! How a text is written: what new values look like is taken from their neighbours, then from the whole text.

use super::Value;
use super::lines::{byte, indentation};
use super::scalar::Quoting;
use super::source::{Found, Step};
use crate::config::{self, Node};

/// How many neighbours are looked at.
const NEIGHBOURS_MAX: usize = 64;

/// How new values of a text are written.
pub(super) struct Style<'s, 't> {
    pub text: &'t str,
    pub newline: &'static str,
    /// How much further in the keys of a mapping stand.
    pub step: usize,
    /// How much further in than its key the dashes of a list stand.
    pub dash: usize,
    /// With `'` where quotes are needed.
    single: bool,
    /// Whether quotes stand also where none are needed, if that is known.
    always: Option<bool>,
    /// Whether keys stand in quotes that they do not need.
    pub quoted_keys: bool,
    /// Values like the one that is written, the nearest last.
    like: Vec<&'s Node<'t>>,
}

impl<'s, 't> Style<'s, 't> {
    /// For a value at the end of a path: first the values of the same key beside its mapping count, then
    /// those of other keys in its mapping.
    pub(super) fn of(
        text: &'t str,
        newline: &'static str,
        root: Option<&'s Node<'t>>,
        found: &Found<'s, 't, '_>,
    ) -> Self {
        let mut chain: Vec<&Node<'t>> = found.levels.iter().map(|(level, _)| level.node).collect();
        if !found.rest.is_empty() {
            chain.extend(found.node.filter(|node| node.pairs().is_some_and(|pairs| !pairs.is_empty())));
        }
        // A key whose mapping has to be made has no neighbours, but its mapping has.
        let depth = chain.len();
        let quoted_keys = chain.last().and_then(|mapping| mapping.pairs()).is_some_and(are_quoted);
        let mut near = Vec::new();
        if let Some(mapping) = chain.last() {
            let own = depth.checked_sub(1).and_then(|at| found.path.get(at)).copied();
            let is_own = |(at, (key, _)): &(usize, (Option<&str>, _))| match own {
                Some(Step::Key(own)) => *key == Some(own),
                Some(Step::Item(own)) => *at == own,
                None => false,
            };
            near.extend(values(mapping).enumerate().filter(|value| !is_own(value)).map(|(_, (_, value))| value));
            let above = depth.checked_sub(2).and_then(|at| chain.get(at));
            if let (Some(key), Some(above)) = (own.and_then(Step::key), above) {
                near.extend(values(above).filter_map(|(_, value)| value.get(key)));
            }
        }
        let near = near.split_off(near.len().saturating_sub(NEIGHBOURS_MAX));
        let around = chain.last().copied();
        let step = around.and_then(|node| step(text, node)).or_else(|| root.and_then(|root| step(text, root)));
        let dash = around.and_then(|node| dash(text, node)).or_else(|| root.and_then(|root| dash(text, root)));
        let step = step.or(dash.filter(|dash| *dash > 0)).unwrap_or(2);
        let quote =
            near.iter().rev().find_map(|node| quote(text, node)).or_else(|| root.and_then(|root| quote(text, root)));
        Self {
            text,
            newline,
            step,
            dash: dash.unwrap_or(step),
            single: quote == Some(b'\''),
            always: None,
            quoted_keys,
            like: near,
        }
    }

    /// For the value of a key within a value of this style.
    pub(super) fn below(&self, key: &str) -> Self {
        self.with(self.like.iter().filter_map(|node| node.get(key)).collect())
    }

    /// For the items of a list of this style.
    pub(super) fn items(&self) -> Self {
        let items = self.like.iter().rev().filter_map(|node| node.items()).find(|items| !items.is_empty());
        self.with(items.unwrap_or_default().iter().collect())
    }

    /// With other neighbours.
    pub(super) fn with(&self, like: Vec<&'s Node<'t>>) -> Self {
        Self { like, ..*self }
    }

    /// With the quotes of a text that is replaced.
    pub(super) fn quoted_as(&self, node: &Node<'t>) -> Self {
        let quote = quote(self.text, node);
        let like = Self { single: quote.map_or(self.single, |quote| quote == b'\''), ..self.with(Vec::new()) };
        Self { always: Some(quote.is_some()), ..like }
    }

    /// Whether a value goes into brackets.
    pub(super) fn is_flow(&self, value: &Value) -> bool {
        let lists =
            || self.like.iter().filter_map(|node| Some((*node, node.items()?.len()))).filter(|(_, count)| *count > 0);
        let mappings = || self.like.iter().filter(|node| node.pairs().is_some_and(|pairs| !pairs.is_empty()));
        match value {
            Value::Text(_) | Value::Boolean(_) => true,
            Value::List(items) if items.is_empty() => true,
            Value::Mapping(pairs) if pairs.is_empty() => true,
            // As the list that is as long, the nearest of them.
            Value::List(items) => match lists().rev().min_by_key(|(_, count)| count.abs_diff(items.len())) {
                Some((node, _)) => is_flow(self.text, node),
                None => items.iter().all(|item| matches!(item, Value::Text(_) | Value::Boolean(_))),
            },
            Value::Mapping(_) => mappings().next().is_some() && mappings().all(|node| is_flow(self.text, node)),
        }
    }

    /// Whether a neighbour shows how a value is written.
    pub(super) fn knows(&self, value: &Value) -> bool {
        self.like.iter().any(|node| match value {
            Value::Text(_) | Value::Boolean(_) => node.text().is_some(),
            Value::List(_) => node.items().is_some_and(|items| !items.is_empty()),
            Value::Mapping(_) => node.pairs().is_some_and(|pairs| !pairs.is_empty()),
        })
    }

    /// How a text is quoted.
    pub(super) fn quoting(&self) -> Quoting {
        let texts = || {
            self.like.iter().filter_map(|node| match &node.value {
                config::Value::Scalar(scalar) if scalar.kind == config::ScalarType::String => Some((*node, scalar)),
                _ => None,
            })
        };
        let quotes = || texts().map(|(node, scalar)| (quote(self.text, node), scalar));
        let all = texts().next().is_some() && quotes().all(|(quote, _)| quote.is_some());
        let is_needless = |(_, scalar): (_, &config::Scalar<'_>)| super::scalar::can_be_plain(&scalar.text, true);
        let always = all && quotes().any(is_needless);
        Quoting { always: self.always.unwrap_or(always), single: self.single }
    }
}

/// The values of a mapping with their keys, or the items of a list.
fn values<'s, 't>(node: &'s Node<'t>) -> impl Iterator<Item = (Option<&'s str>, &'s Node<'t>)> {
    let pairs = node.pairs().unwrap_or_default().iter().map(|(key, value)| (key.text(), value));
    pairs.chain(node.items().unwrap_or_default().iter().map(|item| (None, item)))
}

/// Whether all keys stand in quotes, and some needlessly.
fn are_quoted(pairs: &[(Node<'_>, Node<'_>)]) -> bool {
    let mut is_needless = false;
    let all = pairs.iter().all(|(key, _)| match &key.value {
        config::Value::Scalar(scalar) if !scalar.plain => {
            is_needless |= super::scalar::can_be_plain(&scalar.text, true);
            true
        }
        _ => false,
    });
    all && is_needless
}

/// Whether a mapping or list is written in brackets.
pub(super) fn is_flow(text: &str, node: &Node<'_>) -> bool {
    match (byte(text, node.span.start), &node.value) {
        (Some(b'['), config::Value::Sequence(items)) => {
            // The place of a list that is not indented begins with its first item.
            items.first().is_none_or(|first| first.span.start != node.span.start)
        }
        (Some(b'{'), config::Value::Mapping(_)) => true,
        _ => false,
    }
}

/// The quote of a quoted text in a node.
fn quote(text: &str, node: &Node<'_>) -> Option<u8> {
    match &node.value {
        config::Value::Scalar(scalar) if scalar.plain => None,
        config::Value::Scalar(_) => byte(text, node.span.start).filter(|byte| matches!(byte, b'\'' | b'"')),
        config::Value::Sequence(items) => items.iter().find_map(|item| quote(text, item)),
        config::Value::Mapping(pairs) => {
            pairs.iter().find_map(|(key, value)| quote(text, key).or_else(|| quote(text, value)))
        }
    }
}

/// How much further in the keys of some mapping within a mapping stand.
fn step(text: &str, node: &Node<'_>) -> Option<usize> {
    children(text, node).find_map(|(key, value)| {
        let inner = value.pairs().and_then(<[_]>::first).filter(|_| !is_flow(text, value));
        let further = inner.and_then(|(inner, _)| column(text, inner)?.checked_sub(key?));
        further.filter(|step| *step > 0).or_else(|| step(text, value))
    })
}

/// How much further in the dashes of some list within a mapping stand.
fn dash(text: &str, node: &Node<'_>) -> Option<usize> {
    children(text, node).find_map(|(key, value)| {
        let list = value.items().filter(|items| !items.is_empty() && !is_flow(text, value));
        let further = list.and_then(|_| indentation(text, value.span.start).checked_sub(key?));
        further.or_else(|| dash(text, value))
    })
}

/// The values in a block mapping or list, with the columns of their keys.
fn children<'s, 't>(text: &str, node: &'s Node<'t>) -> impl Iterator<Item = (Option<usize>, &'s Node<'t>)> {
    let is_block = !is_flow(text, node);
    let pairs = node.pairs().filter(|_| is_block).unwrap_or_default();
    let items = node.items().filter(|_| is_block).unwrap_or_default();
    // An alias is not written here.
    let own = |value: &&Node<'_>| value.span.start >= node.span.start;
    let keyed = pairs.iter().filter(move |(_, value)| own(&value));
    let columns = |(key, value): &'s (Node<'t>, Node<'t>)| (column(text, key), value);
    keyed.map(columns).collect::<Vec<_>>().into_iter().chain(items.iter().map(|item| (None, item)))
}

/// The column of a key that opens its line, behind dashes at most.
fn column(text: &str, key: &Node<'_>) -> Option<usize> {
    let start = super::lines::line_start(text, key.span.start);
    let before = text.get(start..key.span.start)?;
    before.bytes().all(|byte| matches!(byte, b' ' | b'-')).then_some(before.len())
}
