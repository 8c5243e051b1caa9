//! From changes to splices, and the proof that they did what was meant.

use std::collections::HashSet;

use super::insert::{self, Pieces};
use super::layout::Form;
use super::refused::{Refused, shown};
use super::source::{Found, Level, Source, Step};
use super::splice::Splices;
use super::style::Style;
use super::tree::Tree;
use super::{Change, Value, remove, replace, write};
use crate::config::Node;

/// Applies changes one after another, each to what the former gave; all or nothing.
///
/// # Errors
/// Where a change cannot be made without touching something else: the line, and what to do by hand.
pub fn apply(text: &str, changes: &[Change]) -> Result<String, Refused> {
    let mut changes = changes.to_vec();
    let mut current = text.to_owned();
    let mut expected: Option<Expected> = None;
    let mut done = 0;
    loop {
        let source = match (Source::read(&current), &expected) {
            (Err(_), Some(expected)) => return Err(Refused::Differs { line: expected.line }),
            (source, _) => source?,
        };
        let comments = source.marks.comments.iter().map(|span| (span.start, current.get(span.start..span.end)));
        let comments: Vec<_> = comments.map(|(at, comment)| (at, comment.unwrap_or_default().trim_end())).collect();
        let tree = match expected.take() {
            Some(expected) => {
                let is_meant = expected.tree.is(source.root.as_ref())
                    && expected.comments.iter().eq(comments.iter().map(|(_, comment)| comment));
                if !is_meant {
                    return Err(Refused::Differs { line: expected.line });
                }
                expected.tree
            }
            None => Tree::of(source.root.as_ref()),
        };
        while let Some(smaller) = changes.get(done).and_then(|change| tree.smaller(change)) {
            changes.splice(done..=done, smaller);
        }
        let Some(left) = changes.get(done..).filter(|left| !left.is_empty()) else { return Ok(current) };
        let mut splices = Splices::default();
        let taken = plan(&source, left, &mut splices)?;
        splices.sort().map_err(|at| Refused::Differs { line: source.line(at) })?;
        let line = source.line(splices.first());
        let mut meant = tree;
        for change in left.iter().take(taken) {
            meant.change(change).ok_or(Refused::Differs { line })?;
        }
        let deleted: Vec<_> = splices.deleted().collect();
        let is_kept = |at: usize| {
            let next = deleted.partition_point(|(start, _)| *start <= at);
            next.checked_sub(1).and_then(|next| deleted.get(next)).is_none_or(|(_, end)| *end <= at)
        };
        let kept = comments.into_iter().filter(|(at, _)| is_kept(*at)).map(|(_, comment)| comment.to_owned());
        expected = Some(Expected { tree: meant, comments: kept.collect(), line });
        done += taken;
        if !splices.is_empty() {
            let changed = splices.apply(&current);
            current = changed;
        }
    }
}

/// What a text must mean.
struct Expected {
    tree: Tree,
    comments: Vec<String>,
    /// The first line that was touched, before it was.
    line: usize,
}

/// Plans the first of the changes, and those after it that are made with it; tells how many they are.
fn plan(source: &Source<'_>, changes: &[Change], splices: &mut Splices) -> Result<usize, Refused> {
    let Some(first) = changes.first() else { return Ok(0) };
    let (path, change) = way(first);
    match change {
        Change::Set { value, .. } => set(source, &path, value, changes, splices),
        Change::Append { items, .. } => append(source, &path, items, splices),
        Change::Remove { .. } => remove_keys(source, &path, changes, splices),
        Change::RemoveItems { positions, .. } => remove_items(source, &path, positions, splices),
        // What it holds is what was given.
        Change::InItem { .. } => Err(Refused::NoPath),
    }
}

/// The way down to what is changed, through items of lists, and how that is changed.
fn way(change: &Change) -> (Vec<Step<'_>>, &Change) {
    let mut steps = Vec::new();
    let mut change = change;
    loop {
        let (Change::Set { path, .. }
        | Change::Remove { path }
        | Change::Append { path, .. }
        | Change::RemoveItems { path, .. }
        | Change::InItem { path, .. }) = change;
        steps.extend(path.iter().map(|key| Step::Key(key)));
        let Change::InItem { position, change: within, .. } = change else { return (steps, change) };
        steps.push(Step::Item(*position));
        change = within;
    }
}

fn style<'s, 't>(source: &'s Source<'t>, found: &Found<'s, 't, '_>) -> Style<'s, 't> {
    Style::of(source.text, source.newline, source.root.as_ref(), found)
}

fn set(
    source: &Source<'_>,
    path: &[Step<'_>],
    value: &Value,
    changes: &[Change],
    splices: &mut Splices,
) -> Result<usize, Refused> {
    let found = source.find(path)?;
    let style = style(source, &found);
    let Some((first, below)) = found.rest.split_first() else {
        if !Tree::from(value).is(found.node) {
            put(source, &found, value, &style, splices)?;
        }
        return Ok(1);
    };
    let mapping = match found.node {
        Some(node) if node.pairs().is_some_and(|pairs| !pairs.is_empty()) => node,
        _ => {
            let value = Value::Mapping(vec![(name(*first), wrap(below, value))]);
            put(source, &found, &value, &style, splices)?;
            return Ok(1);
        }
    };
    // Other new keys of the same mapping come with it.
    let above = path.len() - found.rest.len();
    let mut new: Vec<(String, Value)> = vec![(name(*first), wrap(below, value))];
    let pairs = mapping.pairs().unwrap_or_default();
    let mut names: HashSet<String> = pairs.iter().filter_map(|(key, _)| key.text().map(str::to_owned)).collect();
    names.insert(name(*first));
    for change in changes.iter().skip(1) {
        let (other, Change::Set { value, .. }) = way(change) else { break };
        let Some((key, below)) = other.strip_prefix(path.get(..above).unwrap_or_default()).and_then(<[_]>::split_first)
        else {
            break;
        };
        let is_way = below.iter().all(|step| step.key().is_some());
        if !is_way || key.key().is_none_or(|key| !names.insert(key.to_owned())) {
            break;
        }
        new.push((name(*key), wrap(below, value)));
    }
    let level = source.open(mapping, found.place)?;
    let in_flow = level.place.form == Form::Flow;
    let write = |(key, value): &(String, Value)| {
        if in_flow {
            format!("{}: {}", write::key(key, &style, true), write::inline(value, &style, true))
        } else {
            write::pair(key, value, &style, level.column)
        }
    };
    let pieces = pieces(new.iter().map(write).collect());
    insert::entries(source, &level, &pieces, splices);
    Ok(new.len())
}

fn pieces(texts: Vec<String>) -> Pieces {
    let are_long = texts.iter().any(|text| text.contains('\n'));
    Pieces { texts, are_long }
}

/// A value below keys that are yet to be made.
fn wrap(keys: &[Step<'_>], value: &Value) -> Value {
    keys.iter().rev().fold(value.clone(), |value, key| Value::Mapping(vec![(name(*key), value)]))
}

fn name(step: Step<'_>) -> String {
    step.key().unwrap_or_default().to_owned()
}

/// Puts a value in place of what was found: of a value, or of the whole document where it has none.
fn put(
    source: &Source<'_>,
    found: &Found<'_, '_, '_>,
    value: &Value,
    style: &Style<'_, '_>,
    splices: &mut Splices,
) -> Result<(), Refused> {
    if !found.rest.is_empty() {
        must_be_empty(source, found, "a mapping")?;
    }
    let Some((level, position)) = found.levels.last() else {
        let lines = write::lines(value, style, 0);
        match found.place.form {
            Form::Nothing => insert::document(source, &lines, splices),
            _ => splices.replace(found.place.start, found.place.end, lines.trim_start()),
        }
        return Ok(());
    };
    let key = found.key();
    replace::value(source, (level, *position), key, value, style, splices)
}

/// Refuses to take something else for a mapping or list that is yet to be filled.
fn must_be_empty(source: &Source<'_>, found: &Found<'_, '_, '_>, wanted: &'static str) -> Result<(), Refused> {
    let Some(node) = found.node else { return Ok(()) };
    let is_empty_mapping = node.pairs().is_some_and(<[_]>::is_empty) && wanted == "a mapping";
    let is_empty_list = node.items().is_some_and(<[_]>::is_empty) && wanted == "a list";
    if node.is_null() || is_empty_mapping || is_empty_list {
        return Ok(());
    }
    let key = if found.levels.is_empty() { "the document".to_owned() } else { shown(found.key()) };
    Err(Refused::Kind { line: source.line(found.place.start), key, found: node.describe(), wanted })
}

fn append(source: &Source<'_>, path: &[Step<'_>], items: &[Value], splices: &mut Splices) -> Result<usize, Refused> {
    let found = source.find(path)?;
    let node = found.node.filter(|node| found.rest.is_empty() && node.items().is_some_and(|items| !items.is_empty()));
    let Some(node) = node else {
        if found.rest.is_empty() {
            must_be_empty(source, &found, "a list")?;
        }
        return set(source, path, &Value::List(items.to_vec()), &[], splices);
    };
    let level = list(source, &found, node)?;
    let style = style(source, &found).with(node.items().unwrap_or_default().iter().collect());
    let in_flow = level.place.form == Form::Flow;
    let write = |item: &Value| {
        if in_flow { write::inline(item, &style, true) } else { write::item(item, &style, level.column) }
    };
    if !items.is_empty() {
        insert::entries(source, &level, &pieces(items.iter().map(write).collect()), splices);
    }
    Ok(1)
}

/// The list that was found, which has items.
fn list<'s, 't>(source: &Source<'t>, found: &Found<'s, 't, '_>, node: &'s Node<'t>) -> Result<Level<'s, 't>, Refused> {
    source.must_be_own(found.key(), &found.place)?;
    source.open(node, found.place)
}

/// Refuses a path that was not found to its end.
fn must_be_there(source: &Source<'_>, found: &Found<'_, '_, '_>) -> Result<(), Refused> {
    let Some(missing) = found.rest.first() else { return Ok(()) };
    let above = found.levels.last().and_then(|(level, position)| level.entries.get(*position));
    let line = source.line(above.map_or(found.place.start, |entry| entry.start));
    Err(Refused::Missing { line, key: shown(missing.key().unwrap_or_default()) })
}

fn remove_keys(
    source: &Source<'_>,
    path: &[Step<'_>],
    changes: &[Change],
    splices: &mut Splices,
) -> Result<usize, Refused> {
    let found = source.find(path)?;
    must_be_there(source, &found)?;
    let Some((level, _)) = found.levels.last() else { return Err(Refused::NoPath) };
    let Some((Step::Key(key), above)) = path.split_last() else { return Err(Refused::NoPath) };
    // Other keys of the same mapping go with it.
    let mut names = HashSet::new();
    let beside = changes.iter().map_while(|change| match way(change) {
        (other, Change::Remove { .. }) => {
            other.split_last().filter(|(_, other)| *other == above).and_then(|(last, _)| last.key())
        }
        _ => None,
    });
    for name in beside {
        if !names.insert(name) {
            break;
        }
    }
    let pairs = level.node.pairs().unwrap_or_default();
    let mark = |names: &HashSet<&str>| -> Vec<bool> {
        pairs.iter().map(|(key, _)| key.text().is_some_and(|key| names.contains(key))).collect()
    };
    let mut is_gone = mark(&names);
    if is_gone.iter().filter(|gone| **gone).count() < names.len() {
        // One of the others is not there, and is refused in its turn.
        names.clear();
        names.insert(key);
        is_gone = mark(&names);
    }
    for ((entry, (key, _)), _) in level.entries.iter().zip(pairs).zip(&is_gone).filter(|(_, gone)| **gone) {
        source.must_not_be_repeated(key.text().unwrap_or_default(), entry.start, entry.end())?;
    }
    let is_root = found.levels.len() == 1;
    remove::entries(source, level, &is_gone, is_root, splices).map_err(|odd| source.odd(odd))?;
    Ok(names.len())
}

fn remove_items(
    source: &Source<'_>,
    path: &[Step<'_>],
    positions: &[usize],
    splices: &mut Splices,
) -> Result<usize, Refused> {
    let found = source.find(path)?;
    must_be_there(source, &found)?;
    let Some(node) = found.node.filter(|node| node.items().is_some()) else {
        let kind = found.node.map_or("nothing", Node::describe);
        let line = source.line(found.place.start);
        return Err(Refused::Kind { line, key: shown(found.key()), found: kind, wanted: "a list" });
    };
    let count = node.items().unwrap_or_default().len();
    if positions.iter().any(|position| *position >= count) {
        return Err(Refused::NoItem { line: source.line(found.place.start), key: shown(found.key()) });
    }
    if positions.is_empty() {
        return Ok(1);
    }
    let level = list(source, &found, node)?;
    let mut is_gone = vec![false; count];
    for position in positions {
        if let Some(gone) = is_gone.get_mut(*position) {
            *gone = true;
        }
    }
    for (entry, _) in level.entries.iter().zip(&is_gone).filter(|(_, gone)| **gone) {
        source.must_not_be_repeated(found.key(), entry.start, entry.end())?;
    }
    remove::entries(source, &level, &is_gone, false, splices).map_err(|odd| source.odd(odd))?;
    Ok(1)
}
