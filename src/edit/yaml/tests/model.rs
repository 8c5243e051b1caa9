//! Random texts in random styles, random changes, and a model that knows what must come of them.

use proptest::prelude::*;

use super::super::tree::Tree;
use super::super::{Change, Value, apply};
use super::sort;
use crate::config;

/// Random numbers, and names that are given once.
struct Source {
    state: u64,
    names: usize,
}

impl Source {
    fn below(&mut self, end: usize) -> usize {
        // Marsaglia's xorshift.
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state % 1_000_003).unwrap() % end
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn name(&mut self, first: char) -> String {
        self.names += 1;
        format!("{first}{}x", self.names)
    }

    fn text(&mut self) -> String {
        let name = self.name('v');
        match self.below(12) {
            0 => format!("{name}: x"),
            1 => format!("*{name}"),
            2 => format!("{name} # ü"),
            3 => format!("{name}\nmore"),
            4 => format!("it's {name}"),
            5 => format!("-{name}, x"),
            _ => name,
        }
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.below(if depth == 0 { 3 } else { 8 }) {
            0 | 1 => Value::Text(self.text()),
            2 => Value::Boolean(self.one_in(2)),
            3 | 4 => {
                let count = self.below(4);
                let depth = if self.one_in(3) { depth - 1 } else { 0 };
                Value::List((0..count).map(|_| self.value(depth)).collect())
            }
            _ => self.mapping(depth - 1),
        }
    }

    fn mapping(&mut self, depth: usize) -> Value {
        let count = self.below(5);
        Value::Mapping((0..count).map(|_| (self.name('k'), self.value(depth))).collect())
    }
}

/// A text that is being written in a style of its own.
struct Writer<'s> {
    source: &'s mut Source,
    text: String,
    newline: &'static str,
    step: usize,
    dash: usize,
    is_spaced: bool,
    comments: bool,
}

impl Writer<'_> {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push_str(self.newline);
    }

    fn quoted(&mut self, text: &str) -> String {
        let is_word = text.chars().all(char::is_alphanumeric);
        match self.source.below(4) {
            0 if !text.contains('\n') => format!("'{}'", text.replace('\'', "''")),
            1 | 2 if is_word => text.to_owned(),
            _ => format!("\"{}\"", text.replace('\n', "\\n")),
        }
    }

    fn flow(&mut self, value: &Value) -> String {
        match value {
            Value::Text(text) => self.quoted(text),
            Value::Boolean(boolean) => boolean.to_string(),
            Value::List(items) => {
                let items: Vec<_> = items.iter().map(|item| self.flow(item)).collect();
                format!("[{}]", items.join(", "))
            }
            Value::Mapping(pairs) if pairs.is_empty() => "{}".to_owned(),
            Value::Mapping(pairs) => {
                let pairs: Vec<_> = pairs.iter().map(|(key, value)| format!("{key}: {}", self.flow(value))).collect();
                format!("{{ {} }}", pairs.join(", "))
            }
        }
    }

    /// What follows a colon or a dash, to the end of the last line. Whatever belongs to it tells its path.
    fn behind(&mut self, head: &str, value: &Value, column: usize, path: &str) {
        let comment = if self.comments && self.source.one_in(4) { format!("  # of {path}") } else { String::new() };
        let is_item = head.ends_with('-');
        let is_block = !self.source.one_in(3);
        match value {
            Value::Text(text) if text.contains('\n') && !is_item && self.source.one_in(2) => {
                self.line(&format!("{head} |-{comment}"));
                for part in text.split('\n') {
                    self.line(&format!("{}{part}", " ".repeat(column + self.step)));
                }
            }
            Value::Mapping(pairs) if !pairs.is_empty() && is_block && !is_item => {
                self.line(&format!("{head}{comment}"));
                self.block(pairs, column + self.step, path);
            }
            Value::List(items) if !items.is_empty() && is_block && !is_item => {
                self.line(&format!("{head}{comment}"));
                let dashes = column + self.dash;
                for (position, item) in items.iter().enumerate() {
                    let path = format!("{path}{position}/");
                    self.above(dashes, &path);
                    self.behind(&format!("{}-", " ".repeat(dashes)), item, dashes, &path);
                }
            }
            Value::List(items) if !items.is_empty() && self.source.one_in(3) => {
                self.line(&format!("{head} [{comment}"));
                let last = items.len() - 1;
                for (position, item) in items.iter().enumerate() {
                    let path = format!("{path}{position}/");
                    self.above(column + self.step, &path);
                    let comma = if position < last || self.source.one_in(2) { "," } else { "" };
                    let comment =
                        if self.comments && self.source.one_in(4) { format!(" # of {path}") } else { String::new() };
                    let item = self.flow(item);
                    self.line(&format!("{}{item}{comma}{comment}", " ".repeat(column + self.step)));
                }
                self.line(&format!("{}]", " ".repeat(column + 1)));
            }
            _ => {
                let value = self.flow(value);
                self.line(&format!("{head} {value}{comment}"));
            }
        }
    }

    fn above(&mut self, column: usize, path: &str) {
        if self.comments && self.source.one_in(4) {
            self.line(&format!("{}# of {path}", " ".repeat(column)));
        }
    }

    fn block(&mut self, pairs: &[(String, Value)], column: usize, path: &str) {
        for (position, (key, value)) in pairs.iter().enumerate() {
            if self.comments && self.source.one_in(8) {
                self.line(&format!("{}# section in {path}", " ".repeat(column)));
                self.line("");
            } else if self.is_spaced && position > 0 {
                self.line("");
            }
            let path = format!("{path}{key}/");
            self.above(column, &path);
            let name = if self.source.one_in(6) { format!("'{key}'") } else { key.clone() };
            self.behind(&format!("{}{name}:", " ".repeat(column)), value, column, &path);
        }
        if self.comments && self.source.one_in(4) {
            let words = ["section in", "k1x: section in", "TODO section in"][self.source.below(3)];
            self.line(&format!("{}# {words} {path}", " ".repeat(column)));
        }
    }
}

fn document(source: &mut Source) -> (Value, String) {
    let root = loop {
        match source.mapping(3) {
            Value::Mapping(pairs) if pairs.is_empty() => {}
            root => break root,
        }
    };
    let step = [2, 4, 3][source.below(3)];
    let dash = if source.one_in(2) { step } else { 0 };
    let newline = if source.one_in(4) { "\r\n" } else { "\n" };
    let (is_spaced, comments) = (source.one_in(2), !source.one_in(4));
    let mut writer = Writer { source, text: String::new(), newline, step, dash, is_spaced, comments };
    if writer.source.one_in(6) {
        writer.text.push('\u{feff}');
    }
    if writer.source.one_in(3) {
        writer.line("# yaml-language-server: $schema=x");
    }
    if let Value::Mapping(pairs) = &root {
        writer.block(pairs, 0, "/");
    }
    if writer.source.one_in(4) {
        writer.line("");
        writer.line("# the end");
    }
    let mut text = writer.text;
    if source.one_in(6) && !text.ends_with("\n\n") {
        text.truncate(text.trim_end_matches(['\r', '\n']).len());
    }
    (root, text)
}

/// Every path of a mapping's key, with the value.
fn paths(value: &Value, above: &[String], found: &mut Vec<(Vec<String>, Value)>) {
    let Value::Mapping(pairs) = value else { return };
    for (key, value) in pairs {
        let path = [above, std::slice::from_ref(key)].concat();
        found.push((path.clone(), value.clone()));
        paths(value, &path, found);
    }
}

fn random_change(source: &mut Source, root: &Value) -> Change {
    let mut all = Vec::new();
    paths(root, &[], &mut all);
    let (mut path, value) = all[source.below(all.len())].clone();
    match (source.below(5), &value) {
        (0, _) => Change::Remove { path },
        (1 | 2, Value::List(items)) if !items.is_empty() => {
            let positions = (0..items.len()).filter(|_| source.one_in(2)).collect();
            Change::RemoveItems { path, positions }
        }
        (3, Value::List(items)) if !items.is_empty() => {
            Change::set_item(path, source.below(items.len()), source.value(1))
        }
        (_, Value::List(_)) => {
            let items = (0..=source.below(2)).map(|_| source.value(1)).collect();
            Change::Append { path, items }
        }
        (1 | 2, Value::Mapping(_)) => {
            path.extend((0..=source.below(2)).map(|_| source.name('k')));
            Change::Set { path, value: source.value(2) }
        }
        _ => Change::Set { path, value: source.value(2) },
    }
}

/// The paths, as the comments tell them, to which all belongs that a change may take away.
fn touched(change: &Change) -> Vec<String> {
    let joined = |path: &[String]| format!("/{}/", path.join("/"));
    match change {
        Change::Set { path, .. } | Change::Remove { path } => vec![joined(path)],
        Change::Append { .. } => Vec::new(),
        Change::RemoveItems { path, positions } => {
            positions.iter().map(|position| format!("{}{position}/", joined(path))).collect()
        }
        Change::InItem { path, position, .. } => vec![format!("{}{position}/", joined(path))],
    }
}

/// The comment of a line, and what it belongs to.
fn owner(line: &str) -> Option<(&str, &str)> {
    let at = line.rfind("# of ").or(line.find("# ").filter(|_| line.contains("section in ")))?;
    let comment = line.split_at(at).1;
    comment.split_once('/').map(|(_, path)| (comment, comment.split_at(comment.len() - path.len() - 1).1.trim_end()))
}

fn try_one(seed: u64) {
    let mut source = Source { state: seed | 1, names: 0 };
    let (root, text) = document(&mut source);
    let mut tree = Tree::of(config::read_whole(&text).unwrap().as_ref());
    assert_eq!(tree, Tree::from(&root), "{text}");
    let change = random_change(&mut source, &root);
    let context = format!("{text}\n{change:?}");
    let after = match apply(&text, std::slice::from_ref(&change)) {
        Ok(after) => after,
        Err(refused) => panic!("{refused}\n{context}"),
    };
    let context = format!("{context}\n{after}");
    tree.change(&change).unwrap();
    let mut read = Tree::of(config::read_whole(&after).unwrap().as_ref());
    sort(&mut tree);
    sort(&mut read);
    assert_eq!(read, tree, "{context}");
    // Line breaks are of one kind, and there is one at the end if there was one.
    assert!(text.contains("\r\n") == after.contains("\r\n") || !after.contains('\n'), "{context}");
    assert_eq!(after.matches('\r').count(), if text.contains('\r') { after.matches('\n').count() } else { 0 });
    assert_eq!(text.ends_with('\n'), after.ends_with('\n'), "{context}");
    // Nothing is gone but what belongs to the change.
    let touched = touched(&change);
    let is_touched = |path: &str| touched.iter().any(|touched| path.starts_with(touched));
    assert_eq!(text.starts_with('\u{feff}'), after.starts_with('\u{feff}'), "{context}");
    let bare = |text: &'_ str| text.trim_start_matches('\u{feff}').to_owned();
    let (text, after) = (bare(&text), bare(&after));
    let mut rest = after.lines();
    let names: Vec<&str> = names(&change);
    let gone = all_names(&root, &change);
    for line in text.lines() {
        let mut ahead = rest.clone();
        if ahead.any(|other| other == line) {
            // Blank lines may move, so that they do not lead the search astray.
            if !line.trim().is_empty() {
                rest = ahead;
            }
            continue;
        }
        if let Some((comment, owner)) = owner(line) {
            assert!(is_touched(owner) || after.contains(comment.trim_end()), "lost {line}\n{context}");
        }
        let is_named = names.iter().any(|name| line.contains(name));
        // A comma more or less.
        let is_comma = |other: &str| other.replace(',', "") == line.replace(',', "");
        let is_comma = after.lines().any(is_comma);
        let is_gone = gone.iter().any(|name| line.contains(name.as_str()));
        let is_bare = line.chars().all(|c| matches!(c, ' ' | ',' | '[' | ']' | '{' | '}' | '-'));
        assert!(
            is_named || is_comma || is_gone || is_bare || owner(line).is_some_and(|(_, path)| is_touched(path)),
            "touched {line}\n{context}"
        );
    }
    if let Change::Remove { .. } | Change::RemoveItems { .. } = change {
        let first = touched.first().filter(|_| matches!(change, Change::Remove { .. }));
        let left = first.and_then(|path| {
            let is_of = |line: &&str| owner(line).is_some_and(|(_, owner)| owner.starts_with(path.as_str()));
            after.lines().filter(|line| line.contains("# of ")).find(is_of)
        });
        assert_eq!(left, None, "{context}");
        assert!(after.lines().count() <= text.lines().count(), "{context}");
    }
    let doubled = |text: &str| text.replace('\r', "").matches("\n\n\n").count();
    assert!(doubled(&after) <= doubled(&text), "{context}");
    assert_eq!(apply(&after, &[]), Ok(after));
}

/// The keys of the path, whose lines may change: the last two, since the upper one may be left with `{}`.
fn names(change: &Change) -> Vec<&str> {
    let (Change::Set { path, .. }
    | Change::Remove { path }
    | Change::Append { path, .. }
    | Change::RemoveItems { path, .. }
    | Change::InItem { path, .. }) = change;
    path.iter().rev().take(3).map(String::as_str).collect()
}

/// The keys and texts in what a change replaces or removes.
fn all_names(root: &Value, change: &Change) -> Vec<String> {
    let (Change::Set { path, .. }
    | Change::Remove { path }
    | Change::Append { path, .. }
    | Change::RemoveItems { path, .. }
    | Change::InItem { path, .. }) = change;
    let mut all = Vec::new();
    paths(root, &[], &mut all);
    let mut found = Vec::new();
    match (all.into_iter().find(|(other, _)| other == path), change) {
        (Some((_, Value::List(items))), Change::RemoveItems { positions, .. }) => {
            positions.iter().for_each(|position| words(&items[*position], &mut found));
        }
        (Some((_, Value::List(items))), Change::InItem { position, .. }) => words(&items[*position], &mut found),
        (Some((_, value)), Change::Set { .. } | Change::Remove { .. }) => words(&value, &mut found),
        _ => {}
    }
    found
}

fn words(value: &Value, found: &mut Vec<String>) {
    match value {
        // Without the characters around the name, and the second line of a text that has two.
        Value::Text(text) => {
            found.extend(text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 1).map(str::to_owned))
        }
        Value::Boolean(boolean) => found.push(boolean.to_string()),
        Value::List(items) => items.iter().for_each(|item| words(item, found)),
        Value::Mapping(pairs) => pairs.iter().for_each(|(key, value)| {
            found.push(key.clone());
            words(value, found);
        }),
    }
}

/// What is added and removed again leaves nothing behind.
fn try_there_and_back(seed: u64) {
    let mut source = Source { state: seed | 1, names: 0 };
    let (root, text) = document(&mut source);
    let mut all = vec![(Vec::new(), root.clone())];
    paths(&root, &[], &mut all);
    all.retain(|(_, value)| match value {
        Value::List(items) => !items.is_empty(),
        Value::Mapping(pairs) => !pairs.is_empty(),
        _ => false,
    });
    let (path, value) = all.swap_remove(source.below(all.len()));
    let (there, back) = if let Value::List(items) = value {
        let position = items.len();
        let items = vec![source.value(1)];
        (Change::Append { path: path.clone(), items }, Change::RemoveItems { path, positions: vec![position] })
    } else {
        let path = [path, vec![source.name('k')]].concat();
        (Change::Set { path: path.clone(), value: source.value(2) }, Change::Remove { path })
    };
    let with = apply(&text, std::slice::from_ref(&there)).unwrap();
    assert_eq!(apply(&with, &[back]).as_deref(), Ok(text.as_str()), "{text}\n{there:?}\n{with}");
}

/// Changes that are made together, and the same one by one.
fn try_many(seed: u64) {
    let mut source = Source { state: seed | 1, names: 0 };
    let (root, text) = document(&mut source);
    let mut all = Vec::new();
    paths(&root, &[], &mut all);
    let beside = all[source.below(all.len())].0.clone();
    let above = &beside[..beside.len() - 1];
    let is_add = source.one_in(2);
    let mut changes = Vec::new();
    for (path, _) in all.iter().filter(|(path, _)| path.split_last().unwrap().1 == above) {
        if !source.one_in(2) {
            continue;
        }
        let new = [above, &[source.name('k')]].concat();
        changes.push(if is_add {
            Change::Set { path: new, value: source.value(2) }
        } else {
            Change::Remove { path: path.clone() }
        });
    }
    let together = apply(&text, &changes).unwrap_or_else(|refused| panic!("{refused}\n{text}\n{changes:?}"));
    let single = changes.iter().try_fold(text.clone(), |text, change| apply(&text, std::slice::from_ref(change)));
    let single = single.unwrap_or_else(|refused| panic!("{refused}\n{text}\n{changes:?}"));
    let tree = |text: &str| Tree::of(config::read_whole(text).unwrap().as_ref());
    assert_eq!(tree(&together), tree(&single), "{text}\n{changes:?}\n{together}");
    if is_add {
        // What was added first is a neighbour of what comes next, and may lend it its quotes.
        return;
    }
    // Blank lines may lie otherwise above what is left.
    let lines = |text: &str| -> Vec<String> {
        text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
    };
    assert_eq!(lines(&together), lines(&single), "{text}\n{changes:?}\n{together}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn random_changes_of_random_texts_are_what_the_model_says(seed: u64) {
        try_one(seed);
    }

    #[test]
    fn what_comes_and_goes_leaves_nothing_behind(seed: u64) {
        try_there_and_back(seed);
    }

    #[test]
    fn changes_come_to_the_same_together_and_one_by_one(seed: u64) {
        try_many(seed);
    }
}
