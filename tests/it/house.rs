//! Holds the code to the table of rooms in `ARCHITECTURE.md`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

type Table = BTreeMap<String, Vec<String>>;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The rooms and what each may import, read from the architecture page.
fn table() -> Table {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let quoted = |cell: &str| -> Vec<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let mut table = Table::new();
    for row in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        assert_eq!(cells.len(), 3, "a row of the table has three cells: {row}");
        table.insert(quoted(cells[0])[0].clone(), quoted(cells[2]));
    }
    let rooms: Vec<String> = table.keys().cloned().collect();
    table.insert("cli".into(), rooms);
    table
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// Every source file below `src/`, with the room it belongs to.
fn files() -> Vec<(PathBuf, Option<String>)> {
    let src = root().join("src");
    let mut found = Vec::new();
    sources(&src, &mut found);
    found.sort();
    let room = |path: &PathBuf| {
        let first = path.strip_prefix(&src).unwrap().components().next().unwrap();
        let name = first.as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned();
        (!matches!(name.as_str(), "main" | "lib")).then_some(name)
    };
    found
        .into_iter()
        .map(|path| {
            let room = room(&path);
            (path, room)
        })
        .collect()
}

/// The rooms that a line of code names.
fn named<'a>(line: &'a str, table: &'a Table) -> impl Iterator<Item = &'a String> {
    table.keys().filter(move |room| {
        line.match_indices(&format!("crate::{room}"))
            .any(|(at, text)| !line[at + text.len()..].starts_with(|next: char| next.is_alphanumeric() || next == '_'))
    })
}

#[test]
fn no_room_imports_what_the_table_does_not_allow() {
    let table = table();
    let mut wrong = Vec::new();
    for (path, room) in files() {
        let Some(room) = room else { continue };
        let allowed = table.get(&room).unwrap_or_else(|| panic!("the table has no row for `{room}`"));
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("use crate::{"), "{}: name the room in each `use crate::`", path.display());
        let is_test_file = path.components().any(|part| part.as_os_str() == "tests") || path.ends_with("tests.rs");
        for (number, line) in text.lines().enumerate() {
            // A test module may import what it needs. One that is written out stands at the end.
            let opens_tests = line == "#[cfg(test)]"
                && text.lines().nth(number + 1).is_some_and(|next| next.starts_with("mod ") && next.ends_with('{'));
            if is_test_file || opens_tests {
                break;
            }
            if line.trim_start().starts_with("//") {
                continue;
            }
            for other in named(line, &table).filter(|other| **other != room && !allowed.contains(other)) {
                wrong.push(format!("{}:{}: `{room}` may not import `{other}`", path.display(), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_has_no_circle() {
    let table = table();
    // Take away rooms that import nothing that is left; a circle would remain.
    let mut left: Table = table
        .into_iter()
        .map(|(room, imports)| {
            let imports = imports.into_iter().filter(|other| *other != room).collect();
            (room, imports)
        })
        .collect();
    while let Some(free) = left.iter().find(|(_, imports)| imports.iter().all(|other| !left.contains_key(other))) {
        let free = free.0.clone();
        left.remove(&free);
    }
    assert!(left.is_empty(), "these rooms import each other: {:?}", left.keys());
}

#[test]
fn every_room_stands_in_the_table_and_every_row_is_a_room() {
    let rooms: std::collections::BTreeSet<String> = files().into_iter().filter_map(|(_, room)| room).collect();
    let rows: std::collections::BTreeSet<String> = table().into_keys().collect();
    assert_eq!(rooms, rows);
}

#[test]
fn every_file_says_what_it_is_for() {
    for (path, _) in files() {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//! "), "{} does not open with a line `//! …`", path.display());
    }
}

#[test]
fn no_room_reaches_out_through_super() {
    // As many `super::` as a file lies deep lead to the root of the crate, and from there to any room.
    let table = table();
    let src = root().join("src");
    for (path, room) in files() {
        let Some(room) = room else { continue };
        let depth = path.strip_prefix(&src).unwrap().components().count() - usize::from(path.ends_with("mod.rs"));
        let text = fs::read_to_string(&path).unwrap();
        for other in table.keys().filter(|other| **other != room) {
            let way = format!("{}{other}::", "super::".repeat(depth));
            assert!(!text.contains(&way), "{} names `{way}`", path.display());
        }
    }
}

#[test]
fn no_route_reaches_the_care_for_storages() {
    for (path, room) in files() {
        if room.as_deref() != Some("server") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let is_named =
            text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "Care" || word == "care");
        assert!(!is_named, "{} names the care for storages, which asks for no rights", path.display());
    }
}
