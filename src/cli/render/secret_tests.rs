//! Folders with mistakes beside secrets: what is shown, and that no secret is.

use std::fmt::Write as _;
use std::sync::Arc;

use proptest::prelude::*;

use super::{Paths, Summary, github, human, json, junit, sarif};
use crate::config::{Compiled, Content, Tree, check, compile};

fn tree(files: &[(&str, &str)]) -> Tree {
    let content = |text: &str| Content::Bytes(text.as_bytes().into());
    Tree { files: files.iter().map(|(path, text)| (Arc::from(*path), content(text))).collect() }
}

fn compiled(files: &[(&str, &str)]) -> Compiled {
    compile(&tree(files), None)
}

fn shown(path: &str, text: &str) -> String {
    let compiled = compiled(&[(path, text)]);
    human(&compiled.diagnostics, &compiled.sources, &compiled.secrets, false)
}

/// The first source line and its marks of each diagnostic.
fn lines(path: &str, text: &str) -> String {
    let mut lines = String::new();
    for block in shown(path, text).split("\n\n") {
        for line in block.lines().filter_map(|line| line.split_once("| ")).take(2) {
            writeln!(lines, "{}", line.1).unwrap();
        }
    }
    lines
}

#[test]
fn an_unknown_key_is_shown_without_its_value() {
    insta::assert_snapshot!(shown("repos/a.yaml", "repo:\n  type: docker\n  permissions: {}\n  bogus: 1 # one\n"),
        @r"
    error[unknown-key]: unknown key `bogus`
     --> repos/a.yaml:4:3
      |
    4 |   bogus: …
      |   ^^^^^
      |
      = help: known here: `type`, `storage`, `prefix`, `port`, `immutable_tags`, `permissions`
    "
    );
    insta::assert_snapshot!(
        shown("credentials.yaml", "credentials:\n  jane:\n    type: plain\n    pass: hunter2\n    grups: [a]\n"),
        @r"
    warning[plain-password]: this password stands in the file as it is
     --> credentials.yaml:4:11
      |
    4 |     pass: …
      |           ^
      |
      = help: `portolan hash` makes an entry of a password

    error[unknown-key]: unknown key `grups`
     --> credentials.yaml:5:5
      |
    5 |     grups: …
      |     ^^^^^
      |
      = help: did you mean `groups`?
    "
    );
}

#[test]
fn an_unclosed_quote_hides_the_rest() {
    insta::assert_snapshot!(
        shown("credentials.yaml", "credentials:\n  jane: {type: plain, pass: 'hunter2, email: x}\n"),
        @r"
    error[yaml-syntax]: unclosed quote
     --> credentials.yaml:2:29
      |
    2 |   jane: {type: plain, pass…
      |                           ^
      |
      = help: look here and above for an unclosed quote or bracket, or an indentation that differs
    "
    );
    insta::assert_snapshot!(
        shown("credentials.yaml", "credentials:\n  jane:\n    type: plain\n     pass: hunter2\n"),
        @r"
    error[yaml-syntax]: no key can stand here: the text before it has not ended
     --> credentials.yaml:4:10
      |
    4 |      …
      |      ^
      |
      = help: indent keys alike, with a `: ` after each, and put a text that holds `: ` in quotes
    "
    );
    insta::assert_snapshot!(shown("credentials.yaml", "credentials:\n\tjane: {pass: hunter2}\n"), @r"
    error[yaml-tab]: a tab cannot be used here
     --> credentials.yaml:2:1
      |
    2 |  …
      | ^
      |
      = help: indent with spaces
    ");
}

#[test]
fn secrets_are_hidden_on_both_sides_of_what_is_marked() {
    insta::assert_snapshot!(
        lines("credentials.yaml", "credentials: {émile: {type: bcrypt, pass: 'hünter2', emial: hunter2, previous: {pass: hunter2}}} # hunter2\n"),
        @r"
    credentials: {émile: {type: bcrypt, pass: …, emial: …, previous: {pass: …}}} …
                  ^^^^^
    credentials: {émile: {type: bcrypt, pass: …, emial: …, previous: {pass: …}}} …
                                              ^
    credentials: {émile: {type: bcrypt, pass: …, emial: …, previous: {pass: …}}} …
                                                 ^^^^^
    credentials: {émile: {type: bcrypt, pass: …, emial: …, previous: {pass: …}}} …
                                                           ^^^^^^^^
    credentials: {émile: {type: bcrypt, pass: …, emial: …, previous: {pass: …}}} …
                                                                      ^^^^
    "
    );
}

#[test]
fn places_are_those_of_the_file() {
    let text = "credentials: {jane: {type: plain, pass: hunter2, emial: x}}\n";
    let place = format!("--> credentials.yaml:1:{}\n", text.find("emial").unwrap() + 1);
    assert!(shown("credentials.yaml", text).contains(&place));
}

#[test]
fn a_repository_hides_only_the_lines_of_what_is_unknown() {
    insta::assert_snapshot!(
                lines("repos/a.yaml", "repo:\n  type: docker\n  prefix: A # why\n  permisions: | # hunter2\n    hunter2\n"), @r"
    prefix: A # why
            ^
    permisions: | …
    ^^^^^^^^^^
    ");
}

#[test]
fn a_url_is_shown_without_its_user_and_password() {
    let bad = [
        ("registry.yaml", "server: {public_url: 'https://user:hunter2@x.org'} # hunter2\n"),
        ("registry.yaml", "server:\n  public_url: user:hunt@hunter2@x.org\n"),
        ("registry.yaml", "server: {public_url: \"https:\\/\\/user:hunter2@x.org\"}\n"),
        ("registry.yaml", "server: {listen: 'https://user:hunter2@x.org'}\n"),
        ("storages.yaml", "storages: {a: {type: s3, bucket: x, endpoint: https://user:hunter2@x.org/}}\n"),
        ("repos/a.yaml", "repo:\n  type: docker\n  storage: {type: s3, bucket: x, endpoint: http://u:hunter2@x.org}\n"),
    ];
    let mut all = String::new();
    for (path, text) in bad {
        let compiled = compiled(&[(path, text)]);
        let (paths, summary) = (Paths::default(), Summary::of(&compiled.diagnostics, 1));
        for shown in [
            human(&compiled.diagnostics, &compiled.sources, &compiled.secrets, false),
            json(&compiled.diagnostics, &compiled.sources, summary, &paths),
            sarif(&compiled.diagnostics, &compiled.sources, &paths),
            github(&compiled.diagnostics, &compiled.sources, &paths),
            junit(&compiled.diagnostics, &compiled.sources, &compiled.secrets, &paths, true),
        ] {
            assert!(shown.contains("bad-url") || shown.contains("bad-address"), "{shown}");
            assert!(!shown.contains("hunt"), "{shown}");
        }
        all.push_str(&lines(path, text));
    }
    insta::assert_snapshot!(all, @r"
    server: {public_url: …} …
                         ^
      public_url: …
                  ^
    server: {public_url: …}
                         ^
    server: {listen: …}
                     ^
    storages: {a: {type: s3, bucket: x, endpoint: …}}
                                                  ^
      storage: {type: s3, bucket: x, endpoint: http://…@x.org}
                                               ^^^^^^^^^^^^^^
    ");
}

const CREDENTIALS: &str = "\
# Rotated: hunter2!hunter2
credentials:
  jane:
    type: sha256
    pass: hunter2!hunter2!hunter2    # was hunter2!hunter2
    previous: {type: plain, pass: \"hunter2!: hunter2, {hunter2}\", until: 2026-12-01T00:00:00Z}
    email: jane@example.com
    groups: [readers, dev-leads]
  # portolan: allow plain-password because hunter2!hunter2 is known to all
  bob: {type: plain, pass: hunter2!hunter2!hunter2, groups: [readers], expires: 2027-06-30, email: bob@example.com}
  artipie:
    pass: 'plain:hunter2!hunter2!hunter2'
    description: \"machine, see: there\"
  folded:
    type: argon2
    pass: >-
      hunter2!hunter2
      hunter2!hunter2
    email: it's
    emial: x
";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// A credentials file with anything put anywhere, little taken away and lines moved shows no secret.
    #[test]
    fn no_damage_reveals_a_secret(
        damages in prop::collection::vec(
            (any::<prop::sample::Index>(), 0..3usize, "[a-z*&!|>#'\"\\[\\]{}:, \n\t?%@é-]{0,3}"), 1..5),
        moved in prop::option::of((any::<prop::sample::Index>(), any::<prop::sample::Index>())),
    ) {
        let mut lines: Vec<&str> = CREDENTIALS.split_inclusive('\n').collect();
        if let Some((from, to)) = moved {
            let line = lines.remove(from.index(lines.len()));
            lines.insert(to.index(lines.len()), line);
        }
        let mut text = lines.concat();
        for (at, removed, put) in damages {
            let start = text.floor_char_boundary(at.index(text.len() + 1));
            let end = text.floor_char_boundary((start + removed).min(text.len())).max(start);
            text.replace_range(start..end, &put);
        }
        let tree = tree(&[("credentials.yaml", &text)]);
        let compiled = check(&tree, jiff::Timestamp::UNIX_EPOCH).compiled;
        let shown = human(&compiled.diagnostics, &compiled.sources, &compiled.secrets, false);
        prop_assert!(!shown.contains("hunter2"), "{text}\n{shown}");
        let (paths, summary) = (Paths::default(), Summary::of(&compiled.diagnostics, 1));
        for machine in [
            json(&compiled.diagnostics, &compiled.sources, summary, &paths),
            sarif(&compiled.diagnostics, &compiled.sources, &paths),
            github(&compiled.diagnostics, &compiled.sources, &paths),
            junit(&compiled.diagnostics, &compiled.sources, &compiled.secrets, &paths, true),
        ] {
            prop_assert!(!machine.contains("hunter2"), "{text}\n{machine}");
        }
    }
}

#[test]
fn a_character_that_cannot_be_seen_is_shown_where_it_stands() {
    let text = shown("credentials.yaml", "credentials:\n  jane: {type: plain, pass: hun\u{1b}ter2}\n");
    assert!(text.contains("credentials.yaml:2:32\n") && text.contains("cannot be seen"), "{text}");
    assert!(!text.contains("hun") && !text.contains("ter2"), "{text}");
}
