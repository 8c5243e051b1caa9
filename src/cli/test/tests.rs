//! Small configurations in, transcripts out.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use super::super::run as portolan;
use super::*;
use crate::live;

const CREDENTIALS: &str = "credentials:\n  \
    root: {type: plain, pass: hunter-root, admin: true}\n  \
    jane: {type: plain, pass: hunter-jane, groups: [devs]}\n  \
    rita: {type: plain, pass: hunter-rita}\n  \
    carl: {type: plain, pass: hunter-carl}\n  \
    gone: {type: plain, pass: hunter-gone, enabled: false}\n  \
    late: {type: plain, pass: hunter-late, expires: 2026-06-30}\n  \
    nina: {type: plain, pass: hunter-nina}\n";

const REPOSITORY: &str = "repo:
  type: docker
  immutable_tags: [\"v*\"]
  permissions:
    \"/*\":
      - read
    /devs:
      - write
      - delete
    carl:
      - repository:app:rc-*:push
      - allow: repository:app:push
        until: 2026-12-01
    rita:
      - repository:tools/*:*
";

fn folder(tests: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("credentials.yaml", CREDENTIALS),
        ("repos/team.yaml", REPOSITORY),
        ("repos/line.yaml", "repo: {type: docker, permissions: {jane: [read, write], rita: [read, delete]}}\n"),
        ("repos/open.yaml", "repo: {type: docker}\n"),
        ("tests/access.yaml", tests),
    ] {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

fn compiled(dir: &TempDir) -> Compiled {
    let compiled = compile(&live::read(dir.path()).unwrap(), None);
    assert!(!compiled.has_errors(), "{:?}", compiled.diagnostics);
    compiled
}

/// What is shown of the tests that fail.
fn transcript(tests: &str) -> String {
    let compiled = compiled(&folder(tests));
    let snapshot = &compiled.model.as_ref().unwrap().snapshot;
    let mut explainer = Explainer::new(&compiled.sources, snapshot);
    let now = moment("2026-11-01").unwrap();
    let outcomes = compiled.tests.iter().flat_map(|test| judge(test, snapshot, now)).filter(|o| !o.passed());
    let failed: Vec<_> = outcomes.map(|outcome| explainer.explain(&outcome)).collect();
    render::human(&failed, &compiled.sources, &explainer.hidden(), false)
}

#[test]
fn what_holds_is_not_shown() {
    let text = transcript(
        "tests:
  - {as: root, can: [pull, push, overwrite, delete], image: [team/app, 'team/app:v1']}
  - {as: jane, can: [pull, push], cannot: [overwrite, delete], image: team/app:v1}
  - {as: jane, can: [pull, push, overwrite, delete], image: [team/app, 'team/app:edge']}
  - {as: [rita, carl], can: pull, cannot: [overwrite, delete], image: team/app:edge}
  - {as: rita, can: [push, overwrite, delete], image: team/tools/x:edge}
  - {as: carl, can: push, cannot: overwrite, image: [team/app:rc-1, team/app:v1, team/app]}
  - {as: carl, can: push, cannot: [overwrite, delete], image: team/app:rc-1, at: 2026-12-02}
  - {as: carl, cannot: push, image: team/app:v1, at: 2026-12-02}
  - {as: late, can: pull, image: team/app, at: 2026-06-30T23:59:59Z}
  - {as: late, cannot: pull, image: [team/app, open/app], at: 2026-07-01}
  - {as: [anonymous, gone], cannot: [pull, push, overwrite, delete], image: team}
  - {as: anonymous, can: [pull, push, overwrite, delete], image: open/app:v1}
",
    );
    assert_eq!(text, "");
}

#[test]
fn a_grant_that_decides_is_shown() {
    insta::assert_snapshot!(transcript("tests:\n  - as: [jane, anonymous]\n    cannot:\n      - push\n    image: team/app:edge\n"), @r##"
    error[test-failed]: `jane` may push `team/app:edge`
     --> tests/access.yaml:4:9
      |
    4 |       - push
      |         ^^^^ must be refused
      |
     ::: repos/team.yaml:8:9
      |
    8 |       - write
      |         ----- this entry allows it, to the group `/devs`
      |
      = help: narrow or remove the entry, or mend the test
    "##);
    insta::assert_snapshot!(transcript("tests: [{as: [root, anonymous], cannot: pull, image: open/app}]\n"), @r##"
    error[test-failed]: `root` may pull `open/app`
     --> tests/access.yaml:1:41
      |
    1 | tests: [{as: [root, anonymous], cannot: pull, image: open/app}]
      |                                         ^^^^ must be refused
      |
     ::: credentials.yaml:2:49
      |
    2 |   root: {type: plain, pass: …, admin: true}
      |                                       ---- an admin may do everything
      |
      = help: make the user no admin, or mend the test

    error[test-failed]: `anonymous` may pull `open/app`
     --> tests/access.yaml:1:41
      |
    1 | tests: [{as: [root, anonymous], cannot: pull, image: open/app}]
      |                                         ^^^^ must be refused
      |
     ::: repos/open.yaml:1:1
      |
    1 | repo: {type: docker}
      | ---- no `permissions` section: everybody may do everything
      |
      = help: write a section that grants what is meant, or mend the test
    "##);
}

/// A line may hold a whole section.
#[test]
fn the_one_of_several_entries_that_decides_is_shown() {
    let text =
        transcript("tests: [{as: jane, cannot: push, image: line/app:v1}, {as: rita, can: push, image: line/app}]\n");
    insta::assert_snapshot!(text, @r##"
    error[test-failed]: `jane` may push `line/app:v1`
     --> tests/access.yaml:1:28
      |
    1 | tests: [{as: jane, cannot: push, image: line/app:v1}, {as: rita, can: push, image: line/app}]
      |                            ^^^^ must be refused
      |
     ::: repos/line.yaml:1:49
      |
    1 | repo: {type: docker, permissions: {jane: [read, write], rita: [read, delete]}}
      |                                                 ----- this entry allows it, to `jane`
      |
      = help: narrow or remove the entry, or mend the test

    error[test-failed]: `rita` may not push `line/app`
     --> tests/access.yaml:1:71
      |
    1 | tests: [{as: jane, cannot: push, image: line/app:v1}, {as: rita, can: push, image: line/app}]
      |                                                                       ^^^^ must be allowed
      |
     ::: repos/line.yaml:1:22
      |
    1 | repo: {type: docker, permissions: {jane: [read, write], rita: [read, delete]}}
      |                      -----------                               ----  ------ allows `delete` only, to `rita`
      |                      |                                         |
      |                      |                                         allows `pull` only, to `rita`
      |                      nothing here allows `rita` to push
      |
      = help: to allow it and no more, grant `rita: ["repository:app:push"]`; or mend the test
    "##);
}

#[test]
fn the_lack_of_a_grant_is_shown_with_what_comes_near() {
    insta::assert_snapshot!(transcript("tests: [{as: carl, can: push, image: team/app:v1, at: 2026-12-24}]\n"), @r##"
    error[test-failed]: `carl` may not push `team/app:v1` at 2026-12-24T00:00:00Z
      --> tests/access.yaml:1:25
       |
     1 | tests: [{as: carl, can: push, image: team/app:v1, at: 2026-12-24}]
       |                         ^^^^ must be allowed
       |
      ::: repos/team.yaml:4:3
       |
     4 |   permissions:
       |   ----------- nothing here allows `carl` to push
       |
      ::: repos/team.yaml:12:9
       |
    12 |       - allow: repository:app:push
       |         -------------------------- ended at the end of 2026-12-01, to `carl`
       |
      ::: repos/team.yaml:11:9
       |
    11 |       - repository:app:rc-*:push
       |         ------------------------ only for tags `rc-*`, to `carl`
       |
      ::: repos/team.yaml:6:9
       |
     6 |       - read
       |         ---- allows `pull` only, to anybody signed in (`/*`)
       |
       = help: to allow it and no more, grant `carl: ["repository:app:v1:push"]`; or mend the test
    "##);
    insta::assert_snapshot!(transcript("tests: [{as: rita, can: delete, image: team/app:edge}]\n"), @r##"
    error[test-failed]: `rita` may not delete `team/app:edge`
      --> tests/access.yaml:1:25
       |
     1 | tests: [{as: rita, can: delete, image: team/app:edge}]
       |                         ^^^^^^ must be allowed
       |
      ::: repos/team.yaml:4:3
       |
     4 |   permissions:
       |   ----------- nothing here allows `rita` to delete
       |
      ::: repos/team.yaml:15:9
       |
    15 |       - repository:tools/*:*
       |         -------------------- only for images `tools/*`, to `rita`
       |
      ::: repos/team.yaml:6:9
       |
     6 |       - read
       |         ---- allows `pull` only, to anybody signed in (`/*`)
       |
       = help: to allow it and no more, grant `rita: ["repository:app:edge:delete"]`; or mend the test
    "##);
    insta::assert_snapshot!(transcript("tests: [{as: anonymous, can: pull, image: team/app}]\n"), @r##"
    error[test-failed]: `anonymous` may not pull `team/app`
     --> tests/access.yaml:1:30
      |
    1 | tests: [{as: anonymous, can: pull, image: team/app}]
      |                              ^^^^ must be allowed
      |
     ::: repos/team.yaml:4:3
      |
    4 |   permissions:
      |   ----------- nothing here allows `anonymous` to pull
      |
      = help: to allow it and no more, grant `"*": ["repository:app:pull"]`; or mend the test
    "##);
}

/// With the grant that the help proposes, and with no less, the test holds.
#[test]
fn the_proposed_grant_is_enough() {
    for (action, image) in [
        ("pull", "team/app:v1"),
        ("push", "team/app:v1"),
        ("push", "team/app"),
        ("overwrite", "team/app:edge"),
        ("overwrite", "team/deep/app"),
        ("delete", "team/app:edge"),
        ("delete", "team"),
    ] {
        for user in ["nina", "anonymous"].into_iter().filter(|user| action != "pull" || *user == "anonymous") {
            let test = format!("tests: [{{as: {user}, can: {action}, image: '{image}'}}]\n");
            let shown = transcript(&test);
            let proposed = shown.split("grant `").nth(1).and_then(|rest| rest.split('`').next()).unwrap();
            let dir = folder(&test);
            let with = format!("{REPOSITORY}    {proposed}\n");
            fs::write(dir.path().join("repos/team.yaml"), with).unwrap();
            let compiled = compiled(&dir);
            let snapshot = &compiled.model.as_ref().unwrap().snapshot;
            let held =
                compiled.tests.iter().flat_map(|test| judge(test, snapshot, Timestamp::now())).all(|o| o.passed());
            assert!(held, "{proposed} does not let {user} {action} {image}");
        }
    }
}

#[test]
fn what_else_refuses_is_shown() {
    insta::assert_snapshot!(transcript("tests: [{as: jane, can: overwrite, image: team/app:v1}]\n"), @r##"
    error[test-failed]: `jane` may not overwrite `team/app:v1`
     --> tests/access.yaml:1:25
      |
    1 | tests: [{as: jane, can: overwrite, image: team/app:v1}]
      |                         ^^^^^^^^^ must be allowed
      |
     ::: repos/team.yaml:3:20
      |
    3 |   immutable_tags: ["v*"]
      |                    ---- such a tag is written once, and then for admins alone
      |
      = help: change the pattern, or mend the test
    "##);
    insta::assert_snapshot!(transcript("tests: [{as: [gone, late], can: pull, image: team/app}]\n"), @r##"
    error[test-failed]: `gone` may not pull `team/app`
     --> tests/access.yaml:1:33
      |
    1 | tests: [{as: [gone, late], can: pull, image: team/app}]
      |                                 ^^^^ must be allowed
      |
     ::: credentials.yaml:6:51
      |
    6 |   gone: {type: plain, pass: …, enabled: false}
      |                                         ----- this user is disabled
      |
      = help: let the user in again, or mend the test

    error[test-failed]: `late` may not pull `team/app`
     --> tests/access.yaml:1:33
      |
    1 | tests: [{as: [gone, late], can: pull, image: team/app}]
      |                                 ^^^^ must be allowed
      |
     ::: credentials.yaml:7:51
      |
    7 |   late: {type: plain, pass: …, expires: 2026-06-30}
      |                                         ---------- this user has expired
      |
      = help: let the user in again, or mend the test
    "##);
    insta::assert_snapshot!(transcript("tests: [{as: root, can: pull, image: elsewhere/app}]\n"), @r##"
    error[test-failed]: `root` may not pull `elsewhere/app`
     --> tests/access.yaml:1:25
      |
    1 | tests: [{as: root, can: pull, image: elsewhere/app}]
      |                         ^^^^ must be allowed
      |
      = help: no repository serves this image: mend its name in the test, or add a repository
    "##);
}

#[test]
fn machines_get_every_fact() {
    let compiled =
        compiled(&folder("tests: [{as: jane, can: push, image: [team/app:v1, elsewhere], at: 2026-12-24}]\n"));
    let snapshot = &compiled.model.as_ref().unwrap().snapshot;
    let outcomes: Vec<_> = compiled.tests.iter().flat_map(|test| judge(test, snapshot, Timestamp::now())).collect();
    let mut explainer = Explainer::new(&compiled.sources, snapshot);
    let text = json::json(&outcomes, &mut explainer, Tally::of(&outcomes), &Paths::default());
    let value: Value = serde_json::from_str(&text).unwrap();
    let fact = |title, image, tag, decision, refusal, rule| {
        serde_json::json!({
            "title": title, "passed": decision == "allowed",
            "file": "tests/access.yaml", "path": "tests/access.yaml", "line": 1, "column": 25,
            "as": "jane", "action": "push", "image": image, "tag": tag, "at": "2026-12-24T00:00:00Z",
            "wanted": "allowed", "decision": decision, "refusal": refusal, "rule": rule,
        })
    };
    let rule = serde_json::json!({"kind": "entry", "file": "repos/team.yaml", "line": 8, "text": "write"});
    let none = Value::Null;
    assert_eq!(
        value,
        serde_json::json!({
            "tests": [
                fact("jane can push team/app:v1 at 2026-12-24T00:00:00Z", "team/app", "v1".into(), "allowed", none.clone(), rule),
                fact("jane can push elsewhere at 2026-12-24T00:00:00Z", "elsewhere", none.clone(), "refused", "no-repository".into(), none),
            ],
            "summary": {"passed": 1, "failed": 1, "files": 1},
        })
    );
}

#[test]
fn a_report_has_a_case_for_each_question() {
    let compiled = compiled(&folder(
        "tests: [{as: [jane, rita], can: pull, image: team/app}, {as: gone, can: pull, image: open}]\n",
    ));
    let snapshot = &compiled.model.as_ref().unwrap().snapshot;
    let outcomes: Vec<_> = compiled.tests.iter().flat_map(|test| judge(test, snapshot, Timestamp::now())).collect();
    let report = junit::junit(&outcomes, &Paths::default(), |outcome| format!("<{}> & more\n", outcome.title()));
    insta::assert_snapshot!(report, @r##"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="portolan test" tests="3" failures="1" errors="0" skipped="0" time="0">
      <testsuite name="tests/access.yaml" file="tests/access.yaml" tests="3" failures="1" errors="0" skipped="0" time="0">
        <testcase classname="tests/access.yaml" name="jane can pull team/app" file="tests/access.yaml" time="0"/>
        <testcase classname="tests/access.yaml" name="rita can pull team/app" file="tests/access.yaml" time="0"/>
        <testcase classname="tests/access.yaml" name="gone can pull open" file="tests/access.yaml" time="0">
          <failure type="test-failed" message="refused, and must be allowed">&lt;gone can pull open&gt; &amp; more</failure>
        </testcase>
      </testsuite>
    </testsuites>
    "##);
}

#[test]
fn the_exit_code_tells() {
    let run = |tests: &str, more: &[&str]| {
        let dir = folder(tests);
        let words = ["portolan", "test", dir.path().to_str().unwrap(), "--color", "never"];
        portolan(words.iter().chain(more).copied())
    };
    let good = "tests: [{as: jane, can: push, image: team/app}]\n";
    let mixed = "tests: [{as: jane, can: push, image: team/app}, {as: rita, can: push, image: team/app}]\n";
    assert_eq!(run(good, &[]), Exit::Done);
    assert_eq!(run(good, &["--format", "json"]), Exit::Done);
    assert_eq!(run(mixed, &["--format", "junit"]), Exit::No);
    assert_eq!(run(mixed, &[]), Exit::No);
    assert_eq!(run(mixed, &["--filter", "jane can"]), Exit::Done);
    assert_eq!(run(mixed, &["--filter", "tests/access"]), Exit::No);
    assert_eq!(run(mixed, &["--filter", "nobody"]), Exit::No);
    assert_eq!(run("tests: [{as: nobody, can: push, image: team/app}]\n", &[]), Exit::No);
    let late = "tests: [{as: late, can: pull, image: team/app}]\n";
    assert_eq!(run(late, &["--at", "2026-06-30"]), Exit::Done);
    assert_eq!(run(late, &["--at", "2026-07-01"]), Exit::No);
    assert_eq!(run(late, &["--at", "yesterday"]), Exit::Usage);
}

#[test]
fn the_numbers_are_told_in_words() {
    assert_eq!(Tally { passed: 1, failed: 0, files: 1 }.to_string(), "1 test passed in 1 file");
    assert_eq!(Tally { passed: 4, failed: 2, files: 3 }.to_string(), "2 failed, 4 tests passed in 3 files");
}
