//! Changes of any text never panic; what they give means what was meant, and keeps the text around it.

#![no_main]

use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use portolan::config::{Node, read_foreign};
use portolan::edit::yaml::{Change, Value, apply};

/// A key or text that is often one of the document's own.
fn word(input: &mut Unstructured<'_>, text: &str) -> Result<String> {
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    if words.is_empty() || input.ratio(1, 4)? { input.arbitrary() } else { Ok((*input.choose(&words)?).to_owned()) }
}

fn path(input: &mut Unstructured<'_>, text: &str) -> Result<Vec<String>> {
    (0..input.int_in_range(0..=3)?).map(|_| word(input, text)).collect()
}

fn value(input: &mut Unstructured<'_>, text: &str, depth: u8) -> Result<Value> {
    Ok(match input.int_in_range(0..=if depth == 0 { 1 } else { 3 })? {
        0 => Value::Text(word(input, text)?),
        1 => Value::Boolean(input.arbitrary()?),
        2 => Value::List(values(input, text, depth - 1)?),
        _ => {
            let values = values(input, text, depth - 1)?;
            // A mapping has a key once.
            let key = |(number, value): (usize, Value)| Ok((format!("{number}{}", word(input, text)?), value));
            Value::Mapping(values.into_iter().enumerate().map(key).collect::<Result<_>>()?)
        }
    })
}

fn values(input: &mut Unstructured<'_>, text: &str, depth: u8) -> Result<Vec<Value>> {
    (0..input.int_in_range(0..=3)?).map(|_| value(input, text, depth)).collect()
}

fn change(input: &mut Unstructured<'_>, text: &str) -> Result<Change> {
    let path = path(input, text)?;
    Ok(match input.int_in_range(0..=4)? {
        0 => Change::Set { path, value: value(input, text, 2)? },
        1 => Change::Remove { path },
        2 => Change::Append { path, items: values(input, text, 2)? },
        3 => Change::RemoveItems { path, positions: input.arbitrary()? },
        _ => {
            let change = Box::new(change(input, text)?);
            Change::InItem { path, position: input.int_in_range(0..=3)?, change }
        }
    })
}

fn find<'n, 't>(root: &'n Node<'t>, path: &[String]) -> Option<&'n Node<'t>> {
    path.iter().try_fold(root, |node, key| node.get(key))
}

/// Whether a node is what was set; keys that were there keep their order.
fn is(node: &Node<'_>, value: &Value) -> bool {
    match value {
        Value::Text(text) => node.string() == Some(text.as_str()),
        Value::Boolean(boolean) => node.boolean() == Some(*boolean),
        Value::List(values) => node.items().is_some_and(|items| {
            items.len() == values.len() && items.iter().zip(values).all(|(item, value)| is(item, value))
        }),
        Value::Mapping(values) => node.pairs().is_some_and(|pairs| {
            pairs.len() == values.len()
                && values.iter().all(|(key, value)| node.get(key).is_some_and(|node| is(node, value)))
        }),
    }
}

/// Whether a change was made of what was under a node, if that is known.
fn is_done(root: &Node<'_>, old: Option<&Node<'_>>, change: &Change) -> bool {
    match change {
        Change::Set { path, value } => find(root, path).is_some_and(|node| is(node, value)),
        Change::Remove { path } => find(root, path).is_none(),
        Change::Append { path, items } => find(root, path).and_then(Node::items).is_some_and(|all| {
            all.len() >= items.len() && all.iter().rev().zip(items.iter().rev()).all(|(node, item)| is(node, item))
        }),
        Change::RemoveItems { path, positions } => {
            let count = |root: &Node<'_>| find(root, path).and_then(Node::items).map(<[_]>::len);
            let gone: std::collections::BTreeSet<_> = positions.iter().collect();
            old.and_then(count).zip(count(root)).is_some_and(|(old, new)| old == new + gone.len())
        }
        Change::InItem { path, position, change } => {
            let old = old.and_then(|old| find(old, path)?.items()?.get(*position));
            let new = find(root, path).and_then(|new| new.items()?.get(*position));
            new.is_some_and(|new| is_done(new, old, change))
        }
    }
}

fuzz_target!(|input: (&str, &[u8])| {
    let (text, rest) = input;
    let mut rest = Unstructured::new(rest);
    let Ok(change) = change(&mut rest, text) else { return };
    let Ok(after) = apply(text, std::slice::from_ref(&change)) else { return };
    let root = read_foreign(&after).unwrap_or_else(|bad| panic!("{bad}: {text:?} {change:?} {after:?}"));
    let old = read_foreign(text).ok();
    assert!(is_done(&root, old.as_ref(), &change), "{text:?} {change:?} {after:?}");
});
