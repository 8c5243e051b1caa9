//! Edits of `tests/data/edit/`: each with the text before and after as one diff.
//!
//! A case begins with `## title`; then the changes, each behind `> `; then the lines of the text, behind a blank where
//! they stay, `-` where they go and `+` where they come. `␍` is a carriage return, `\` behind the last line tells
//! that it has no line break, and `!` is a refusal. `UPDATE_EDITS=1` writes what comes out.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::tree::Tree;
use super::{Change, Refused, Value, apply};
use crate::config;

mod model;
mod refusals;
mod wild;

impl<'de> serde::Deserialize<'de> for Value {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Value;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a value")
            }
            fn visit_str<E>(self, text: &str) -> Result<Value, E> {
                Ok(Value::Text(text.to_owned()))
            }
            fn visit_bool<E>(self, boolean: bool) -> Result<Value, E> {
                Ok(Value::Boolean(boolean))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Value::List(items))
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Value::Mapping(pairs))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// Reads `set a b = JSON`, `append a b = JSON`, `remove a b`, `remove-items a b = [0]`, and
/// `in 0 a b : set c = JSON` for a change in the first item of a list.
fn change(line: &str) -> Change {
    let (head, json) = line.split_once(" = ").unwrap_or((line, "null"));
    let mut words = head.split(' ');
    let verb = words.next().unwrap();
    let path = words.map(str::to_owned).collect();
    match verb {
        "in" => {
            let (position, rest) = line.split_once(' ').unwrap().1.split_once(' ').unwrap();
            let (list, within) = rest.split_once(" : ").unwrap();
            let path = list.split(' ').filter(|key| !key.is_empty()).map(str::to_owned).collect();
            let change = Box::new(change(within));
            Change::InItem { path, position: position.parse().unwrap(), change }
        }
        "set" => Change::Set { path, value: serde_json::from_str(json).expect(line) },
        "append" => Change::Append { path, items: serde_json::from_str(json).expect(line) },
        "remove" => Change::Remove { path },
        "remove-items" => Change::RemoveItems { path, positions: serde_json::from_str(json).expect(line) },
        _ => panic!("{line}"),
    }
}

/// The lines of a text as the cases write them.
fn shown(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(|line| line.replace('\r', "␍")).collect();
    match lines.last_mut() {
        Some(last) if !last.ends_with('\n') => last.push_str("\n\\"),
        _ => {}
    }
    lines.iter().map(|line| line.strip_suffix('\n').unwrap_or(line).to_owned()).collect()
}

fn diff(before: &str, after: &str) -> String {
    let (old, new) = (shown(before), shown(after));
    // The longest common subsequence of what is left from each place on.
    let mut longest = vec![vec![0_usize; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            longest[i][j] =
                if old[i] == new[j] { longest[i + 1][j + 1] + 1 } else { longest[i + 1][j].max(longest[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut diff) = (0, 0, String::new());
    let mut line = |mark: char, text: &str| {
        for part in text.split('\n') {
            writeln!(diff, "{}", if part == "\\" { part.to_owned() } else { format!("{mark}{part}") }).unwrap();
        }
    };
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            line(' ', &old[i]);
            (i, j) = (i + 1, j + 1);
        } else if i < old.len() && (j == new.len() || longest[i + 1][j] >= longest[i][j + 1]) {
            line('-', &old[i]);
            i += 1;
        } else {
            line('+', &new[j]);
            j += 1;
        }
    }
    diff
}

/// The text before, from the lines of a case.
fn before(lines: &[&str]) -> String {
    let mut text = String::new();
    let mut is_old = false;
    for line in lines {
        match line.strip_prefix([' ', '-']) {
            Some(line) => {
                text.push_str(&line.replace('␍', "\r"));
                text.push('\n');
                is_old = true;
            }
            None if *line == "\\" && is_old => {
                text.pop();
            }
            None => is_old = false,
        }
    }
    text
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/edit");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn edits_are_as_small_as_a_careful_person_makes_them() {
    let mut count = 0;
    for file in files() {
        let text = std::fs::read_to_string(&file).unwrap();
        let mut written = String::new();
        let (intro, cases) = text.split_once("\n## ").unwrap();
        written.push_str(intro);
        for case in cases.split("\n## ") {
            count += 1;
            let mut lines: Vec<&str> = case.split('\n').collect();
            let title = lines.remove(0);
            while lines.last().is_some_and(|line| line.is_empty()) {
                lines.pop();
            }
            let (changes, lines): (Vec<&str>, Vec<&str>) = lines.into_iter().partition(|line| line.starts_with("> "));
            let text = before(&lines);
            let list: Vec<Change> = changes.iter().map(|line| change(&line[2..])).collect();
            let outcome = apply(&text, &list);
            if let Ok(after) = &outcome {
                check(&text, after, &list, title);
            }
            let diff = match outcome {
                Ok(after) => diff(&text, &after),
                Err(refused) => format!("{}! {refused}\n", diff(&text, &text)),
            };
            write!(written, "\n## {title}\n{}\n{diff}", changes.join("\n")).unwrap();
        }
        if std::env::var_os("UPDATE_EDITS").is_some() {
            std::fs::write(&file, written).unwrap();
        } else {
            assert_eq!(text, written, "{}", file.display());
        }
    }
    assert!(count >= 70, "{count}");
}

/// Holds a text after changes against a model of them, and the changed lines against a second look at the text.
fn check(before: &str, after: &str, changes: &[Change], title: &str) {
    let mut tree = Tree::of(config::read_whole(before).unwrap().as_ref());
    for change in changes {
        tree.change(change).unwrap();
    }
    let mut read = Tree::of(config::read_whole(after).unwrap().as_ref());
    sort(&mut tree);
    sort(&mut read);
    assert_eq!(read, tree, "{title}");
    assert_eq!(apply(after, &[]).as_deref(), Ok(after), "{title}");
}

/// Puts keys in order: where a mapping becomes another one, they keep the order that they had.
fn sort(tree: &mut Tree) {
    match tree {
        Tree::Scalar(..) => {}
        Tree::List(items) => items.iter_mut().for_each(sort),
        Tree::Mapping(pairs) => {
            pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
            pairs.iter_mut().for_each(|(_, value)| sort(value));
        }
    }
}

#[test]
fn all_or_nothing() {
    let changes = [change("set a = \"2\""), change("remove b")];
    assert!(matches!(apply("a: 1\n", &changes), Err(Refused::Missing { line: 1, .. })));
}
