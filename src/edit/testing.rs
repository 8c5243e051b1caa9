//! A small folder to change, and what a plan makes of it, for the tests of this room.

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;

use super::{Folder, Plan, Refused};
use crate::config::{Content, Text, Tree};
use crate::identity::PasswordHash;

/// The password of all users.
pub(super) const PASSWORD: &str = "Harbour-2025";
/// The moment of all tests.
pub(super) const NOW: &str = "2026-11-22T17:30:00Z";

static HASH: LazyLock<String> = LazyLock::new(|| PasswordHash::create(PASSWORD).unwrap().as_entry().to_owned());

pub(super) const CREDENTIALS: &str = "\
credentials:
  # the administrator
  admin:
    type: argon2
    pass: HASH
    email: admin@example.com
    admin: true                  # may do everything

  jane:
    type: argon2
    pass: HASH
    email: jane@example.com
    groups: [devs, ops]
  # robots

  ci:
    type: argon2
    pass: HASH
    description: pushes from CI
";

const FILES: [(&str, &str); 6] = [
    ("credentials.yaml", CREDENTIALS),
    (
        "repos/library.yaml",
        "\
repo:
  type: docker
  permissions:
    '/*': [read]
    jane:
      - write                    # she keeps it in order
    ci:
      - write
      - read
",
    ),
    (
        "repos/team.yaml",
        "\
repo:
  type: docker
  permissions:
    /devs: [read, write]
    ci:
      - repository:app:v*:push   # releases
      - {allow: delete, until: 2026-12-24, because: cleaning up}
      - {allow: write, until: 2026-11-01}
",
    ),
    ("repos/solo.yaml", "repo:\n  type: docker\n  permissions:\n    ci: [read]\n"),
    ("repos/open.yaml", "repo:\n  type: docker\n"),
    ("tests/access.yaml", "tests:\n  - as: jane\n    can: push\n    image: library/alpine:v1\n"),
];

/// A folder of these files, in which `HASH` stands for a password's hash.
pub(super) fn folder(files: &[(&str, &str)]) -> Folder {
    let content = |text: &str| Content::Text(Text::new(text.replace("HASH", &HASH)));
    let files = files.iter().map(|(path, text)| (Arc::from(*path), content(text))).collect();
    Folder::new(Tree { files }, now())
}

/// A company's folder.
pub(super) fn company() -> Folder {
    folder(&FILES)
}

/// The same with other files, or another text of some.
pub(super) fn company_with(files: &[(&str, &str)]) -> Folder {
    let others = FILES.iter().filter(|(path, _)| files.iter().all(|(other, _)| other != path));
    folder(&others.chain(files).copied().collect::<Vec<_>>())
}

pub(super) fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// The folder after a change.
pub(super) fn after(folder: &Folder, plan: &Plan) -> Folder {
    let mut tree = folder.tree.clone();
    for (path, change) in &plan.files {
        match &change.after {
            Some(text) => drop(tree.files.insert(Arc::clone(path), Content::Text(Text::new(Arc::clone(text))))),
            None => drop(tree.files.remove(path)),
        }
    }
    Folder::new(tree, folder.now)
}

/// What changes, line by line; hashes are called `HASH`, or `NEW` where they are new.
pub(super) fn diff(plan: &Plan) -> String {
    let mut diff = String::new();
    for (path, change) in &plan.files {
        let lines = |text: &Option<Arc<str>>| -> Vec<String> {
            text.as_deref().unwrap_or_default().lines().map(masked).collect()
        };
        let (before, after) = (lines(&change.before), lines(&change.after));
        let word = match (&change.before, &change.after) {
            (None, _) => " (new)",
            (_, None) => " (gone)",
            _ => "",
        };
        let _ = writeln!(diff, "{path}{word}");
        // The longest lines that both have in the same order.
        let (rows, columns) = (before.len(), after.len());
        let mut common = vec![vec![0_usize; columns + 1]; rows + 1];
        for row in (0..rows).rev() {
            for column in (0..columns).rev() {
                common[row][column] = match before[row] == after[column] {
                    true => common[row + 1][column + 1] + 1,
                    false => common[row + 1][column].max(common[row][column + 1]),
                };
            }
        }
        let (mut row, mut column) = (0, 0);
        while row < rows || column < columns {
            if row < rows && column < columns && before[row] == after[column] {
                (row, column) = (row + 1, column + 1);
            } else if row < rows && (column == columns || common[row + 1][column] >= common[row][column + 1]) {
                let _ = writeln!(diff, "-{}", before[row]);
                row += 1;
            } else {
                let _ = writeln!(diff, "+{}", after[column]);
                column += 1;
            }
        }
    }
    diff
}

fn masked(line: &str) -> String {
    let line = line.replace(&*HASH, "HASH");
    match line.find("$argon2id$") {
        Some(at) => line[..at].to_owned() + "NEW",
        None => line,
    }
}

/// Why something is refused, with the problems that are shown and what to do.
pub(super) fn why(refused: Refused) -> String {
    let mut why = refused.to_string();
    for found in refused.problems().into_iter().flat_map(|problems| &problems.diagnostics) {
        let _ = write!(why, "\n{}: {}", found.primary.place.file, found.message);
    }
    why + "\nhint: " + refused.hint()
}

/// Words of a request.
pub(super) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
