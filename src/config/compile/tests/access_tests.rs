//! The compiling of access tests.

use super::*;

const USERS: (&str, &str) =
    ("credentials.yaml", "credentials: {jane: {pass: 'sha256:00'}, mark: {type: plain, pass: x}}\n");

fn about_tests(text: &str) -> Vec<String> {
    let users = ("credentials.yaml", "credentials: {jane: {type: plain, pass: x}, mark: {type: plain, pass: x}}\n");
    let compiled = fresh(&[users, ("repos/library.yaml", GOOD), ("tests/a.yaml", text)]);
    let lines = problems(&compiled).into_iter().filter_map(|line| Some(line.strip_prefix("tests/a.yaml ")?.to_owned()));
    lines.collect()
}

#[test]
fn good_ones_are_kept() {
    let text = "tests:\n  - {as: [jane, anonymous], can: pull, cannot: [push], image: library/a:v1, at: 2026-12-24}\n";
    assert_eq!(about_tests(text), Vec::<String>::new());
    let compiled = fresh(&[
        ("repos/library.yaml", GOOD),
        ("tests/deep/b.yml", "tests: [{as: anonymous, can: pull, image: library}]\n"),
    ]);
    assert_eq!(compiled.tests.len(), 1);
    assert_eq!(compiled.tests[0].images[0].value.to_string(), "library");
}

#[test]
fn mistakes_are_told() {
    for (entry, problem) in [
        ("{as: jame, can: pull, image: library}", "unknown-subject `jame`"),
        ("{as: /devs, can: pull, image: library}", "unknown-subject `/devs`"),
        ("{as: [jane, '*'], can: pull, image: library}", "unknown-subject `'*'`"),
        ("{as: jane, can: reed, image: library}", "unknown-value `reed`"),
        ("{as: jane, can: [], image: library}", "empty-list `[]`"),
        ("{as: jane, image: library}", "missing-key `as`"),
        ("{as: jane, can: pull, cannot: [push, pull], image: library}", "contradictory-test `pull` +`pull`"),
        ("{as: jane, can: pull, image: Library}", "bad-test-image `Library`"),
        ("{as: jane, can: pull, image: 'library:'}", "bad-test-image `'library:'`"),
        ("{as: jane, can: pull, image: 'localhost:5000/library'}", "bad-test-image `'localhost:5000/library'`"),
        ("{as: jane, can: pull, image: library@sha256:00}", "bad-test-image `library@sha256:00`"),
        ("{as: jane, can: pull, image: libary/a}", "unserved-image `libary/a`"),
        ("{as: jane, can: pull, image: library, at: soon}", "bad-date `soon`"),
        ("{as: jane, can: pull, image: library, on: 2026-12-24}", "unknown-key `on`"),
    ] {
        assert_eq!(about_tests(&format!("tests: [{entry}]\n")), [problem], "{entry}");
    }
    assert_eq!(about_tests("tests: []\n"), ["empty-list `[]`"]);
}

#[test]
fn the_help_proposes_what_is_near() {
    let help = |entry: &str| {
        let users = ("credentials.yaml", "credentials: {jane: {type: plain, pass: x}}\n");
        let text = format!("tests: [{entry}]\n");
        let compiled = fresh(&[users, ("repos/library.yaml", GOOD), ("tests/a.yaml", &text)]);
        let found = compiled.diagnostics.iter().find(|found| &*found.primary.place.file == "tests/a.yaml");
        found.and_then(|found| found.help.clone()).unwrap_or_default()
    };
    assert_eq!(help("{as: jnae, can: pull, image: library}"), "did you mean `jane`?");
    assert_eq!(help("{as: anonymus, can: pull, image: library}"), "did you mean `anonymous`?");
    assert_eq!(help("{as: jane, can: reed, image: library}"), "write `pull`, `push`, `overwrite` or `delete`");
    assert_eq!(help("{as: jane, can: write, image: library}"), "did you mean `push`?");
    assert_eq!(help("{as: jane, can: overwrit, image: library}"), "did you mean `overwrite`?");
    assert!(help("{as: jane, can: pull, image: libary/a}").starts_with("did you mean an image of `library`?"));
}

/// However broken, they hold nothing back and close nothing.
#[test]
fn broken_ones_change_nothing_that_is_enforced() {
    let good = fresh(&[USERS, ("repos/library.yaml", GOOD)]);
    let users = ("credentials.yaml", "credentials: {jane: {type: plain, pass: x}}\n");
    let before = compile(&tree(&[users, ("repos/library.yaml", GOOD)]), None);
    assert!(good.model.is_none() && before.model.is_some());
    let changed = "repo: {type: docker, permissions: {jane: [read]}}\n";
    for broken in ["tests: [", "", "- a", "tests: [{as: gone, can: pull, image: library}]"] {
        let files = [users, ("repos/library.yaml", changed), ("tests/a.yaml", broken)];
        let after = compile(&tree(&files), Some(&before));
        assert!(after.has_errors() && after.held.is_empty() && after.tests.is_empty(), "{broken}");
        let model = after.model.unwrap();
        assert_eq!(model.snapshot.repositories()[0].access.grants().count(), 1, "{broken}");
    }
}

#[test]
fn lists_cannot_multiply_without_bound() {
    let names = vec!["jane"; 200].join(", ");
    let images = vec!["library"; 51].join(", ");
    let text = format!("tests: [{{as: [{names}], can: pull, image: [{images}]}}]\n");
    assert!(about_tests(&text)[0].starts_with("out-of-range"));
}

#[test]
fn one_file_has_one_name() {
    let good = "tests: [{as: anonymous, can: pull, image: library}]\n";
    let compiled = fresh(&[("repos/library.yaml", GOOD), ("tests/a.yaml", good), ("tests/a.yml", good)]);
    assert_eq!(problems(&compiled), ["tests/a.yml file-twice +tests/a.yaml"]);
}

#[test]
fn a_test_with_very_many_words_takes_no_longer_than_its_text() {
    let many = |word: &str| format!("[{}]", vec![word; 30_000].join(", "));
    let test = |image: &str| format!("tests:\n  - {{as: jane, can: {0}, cannot: {0}, image: {image}}}\n", many("pull"));
    let began = std::time::Instant::now();
    let tests = |text: &str| {
        fresh(&[
            ("credentials.yaml", "credentials:\n  jane: {type: plain, pass: Harbour-2026}\n"),
            ("tests/a.yaml", text),
        ])
    };
    let codes = |text: &str| -> std::collections::BTreeSet<&str> {
        let compiled = tests(text);
        compiled
            .diagnostics
            .iter()
            .filter(|found| &*found.primary.place.file == "tests/a.yaml")
            .map(|d| d.code)
            .collect()
    };
    assert_eq!(codes(&test("a")), ["out-of-range", "unserved-image"].into());
    // Without an image it asks nothing.
    assert_eq!(codes(&test("A")), ["bad-test-image", "contradictory-test", "more-errors"].into());
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}
