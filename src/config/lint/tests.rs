//! Small folders in, what is likely not meant out.

use std::fmt::Write as _;
use std::sync::Arc;

use jiff::Timestamp;

use super::super::tree::{Content, Tree};
use super::super::{Compiled, check, compile};

const CREDENTIALS: &str = "\
credentials:
  jane: {type: argon2, pass: HASH, groups: [readers]}
  mark: {type: argon2, pass: HASH, groups: [readers, ci]}
  bot: {type: argon2, pass: HASH}
  old: {type: argon2, pass: HASH, groups: [gone], enabled: false}
  late: {type: argon2, pass: HASH, expires: 2026-12-31}
  root: {type: argon2, pass: HASH, admin: true, email: root@example.com}
";

fn tree(files: &[(&str, &str)]) -> Tree {
    let hash = "'$argon2id$v=19$m=19456,t=2,p=1$Lc2pxjUKLVwAkgmaoBqbrQ$47L+ROxfN3Ap3egCHUMgW/+ssIMc+e3wmTDXw5b8+bM'";
    let content = |text: &str| Content::Bytes(text.replace("HASH", hash).as_bytes().into());
    Tree { files: files.iter().map(|(path, text)| (Arc::from(*path), content(text))).collect() }
}

fn at(day: &str) -> Timestamp {
    format!("{day}T00:00:00Z").parse().unwrap()
}

/// `code \`text\`` for each problem, in order; the other places after `+`.
fn problems(compiled: &Compiled) -> Vec<String> {
    let mut lines = Vec::new();
    for diagnostic in &compiled.diagnostics {
        let mut line = diagnostic.code.to_owned();
        let labels = std::iter::once(("", &diagnostic.primary)).chain(diagnostic.secondary.iter().map(|l| ("+", l)));
        for (sign, label) in labels {
            match label.place.span {
                Some(span) => {
                    write!(line, " {sign}`{}`", &compiled.sources[&label.place.file][span.start..span.end]).unwrap();
                }
                None => write!(line, " {sign}{}", label.place.file).unwrap(),
            }
        }
        lines.push(line);
    }
    lines
}

fn found(files: &[(&str, &str)], day: &str) -> Vec<String> {
    problems(&check(&tree(files), at(day)).compiled)
}

/// A repository with these lines below `permissions`, and some before it.
fn repository(before: &str, permissions: &str) -> String {
    let mut text = format!("repo:\n  type: docker\n{before}  permissions:\n");
    permissions.lines().for_each(|line| writeln!(text, "    {line}").unwrap());
    text
}

#[track_caller]
fn expect(cases: &[(&str, &[&str])]) {
    let mut wrong = String::new();
    for (permissions, expected) in cases {
        let found =
            found(&[("credentials.yaml", CREDENTIALS), ("repos/a.yaml", &repository("", permissions))], "2026-06-15");
        if found != *expected {
            writeln!(wrong, "{permissions}\nfound {found:#?}\nexpected {expected:#?}\n").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_grant_that_adds_nothing() {
    expect(&[
        ("jane: [read, r]", &["redundant-grant `r` +`read`"]),
        ("jane: [repository:x:pull, read]", &["redundant-grant `repository:x:pull` +`read`"]),
        ("jane: [read]\nbot: [read]", &[]),
        ("/readers: [read]\njane: [read]", &["redundant-grant `read` +`read`"]),
        ("/ci: [read]\njane: [read]", &[]),
        ("'*': [read]\n/readers: [repository:x:pull]", &["redundant-grant `repository:x:pull` +`read`"]),
        ("'*': [repository:x:pull]\n/readers: [read]", &[]),
        ("'*': [read]\n'/*': [read]", &["redundant-grant `read` +`read`"]),
        ("jane: ['*']", &[]),
        ("jane: ['*', registry:catalog:*]", &["redundant-grant `registry:catalog:*` +`'*'`"]),
        ("jane: [read, registry:catalog:*]", &["redundant-grant `registry:catalog:*` +`read`"]),
        ("jane: [repository:x:pull, registry:catalog:*]", &[]),
        ("jane: [registry:base:*]", &[]),
        ("jane: [registry:base:*, registry:base:*]", &["redundant-grant `registry:base:*` +`registry:base:*`"]),
        ("jane: [registry:base:*, repository:x:pull]", &["redundant-grant `registry:base:*` +`repository:x:pull`"]),
        (
            "jane: ['repository:x/*:pull', 'repository:x/**:pull']",
            &["redundant-grant `'repository:x/*:pull'` +`'repository:x/**:pull'`"],
        ),
        (
            "jane: ['repository:x/**:pull', repository:x:pull]",
            &["redundant-grant `repository:x:pull` +`'repository:x/**:pull'`"],
        ),
        (
            "jane: ['repository:*/x:pull', repository:y/x:pull, repository:x/y:pull]",
            &["redundant-grant `repository:y/x:pull` +`'repository:*/x:pull'`"],
        ),
        (
            "jane: [read, 'repository:x:v1*:overwrite', 'repository:x:v*:overwrite']",
            &["redundant-grant `'repository:x:v1*:overwrite'` +`'repository:x:v*:overwrite'`"],
        ),
        // Who may overwrite may push, and not the other way round.
        (
            "jane: [read, repository:x:overwrite, repository:x:push]",
            &["redundant-grant `repository:x:push` +`repository:x:overwrite`"],
        ),
        ("jane: [read, repository:x:v1:overwrite, repository:x:push]", &[]),
        // A limit to tags does not contain what concerns no tag.
        (
            "jane: [read, 'repository:x:*:delete', repository:x:delete]",
            &["redundant-grant `'repository:x:*:delete'` +`repository:x:delete`"],
        ),
        // Together they do, but none alone.
        ("jane: ['repository:x:*', repository:x:pull]", &["redundant-grant `repository:x:pull` +`'repository:x:*'`"]),
        // One that ends sooner does not contain the other.
        ("jane: [{allow: read, until: 2027-01-01}, read]", &["redundant-grant `read` +`read`"]),
        ("jane: [{allow: read, until: 2027-01-01}]\n'/*': [{allow: read, until: 2026-12-31}]", &[]),
        (
            "jane: [{allow: read, until: 2027-01-01}]\n'/*': [{allow: read, until: 2027-01-01}]",
            &["redundant-grant `read` +`read`"],
        ),
        ("root: [read, write]", &["redundant-grant `root` +`true`"]),
    ]);
}

#[test]
fn of_equal_grants_one_stays() {
    expect(&[("jane: [read, pull, r]", &["redundant-grant `pull` +`read`", "redundant-grant `r` +`read`"])]);
}

#[test]
fn somebody_pushes_and_cannot_pull() {
    expect(&[
        ("bot: [write]", &["push-without-pull `write` +`bot`"]),
        ("bot: [read, write]", &[]),
        ("bot: ['*']", &[]),
        ("bot: ['repository:x:*']", &[]),
        ("bot: ['repository:x:*:*']", &["push-without-pull `'repository:x:*:*'` +`bot`"]),
        ("'*': [read]\nbot: [write]", &[]),
        ("'/*': [read]\nbot: [write]", &[]),
        ("bot: [write, repository:x:pull]", &["push-without-pull `write` +`bot`"]),
        (
            "bot: [repository:x:push, repository:y:push, repository:x:pull]",
            &["push-without-pull `repository:y:push` +`bot`"],
        ),
        // Several grants together.
        ("bot: ['repository:**:push', repository:.:pull, 'repository:*/**:pull']", &[]),
        // All members of the group may pull in another way.
        ("/readers: [read]\n/ci: [write]", &[]),
        ("jane: [read]\n/readers: [write]", &["push-without-pull `write` +`/readers`"]),
        ("jane: [read]\nmark: [read]\n/readers: [write]", &[]),
        ("'/*': [write]", &["push-without-pull `write` +`'/*'`"]),
        ("'*': [read]\n'/*': [write]", &[]),
    ]);
}

#[test]
fn who_may_create_and_delete_may_overwrite() {
    let twice = |push: &str, delete: &str| format!("bot: [read, '{push}', '{delete}']");
    let case = |push, delete, immutable: &str| {
        let text = repository(immutable, &twice(push, delete));
        let found = found(&[("credentials.yaml", CREDENTIALS), ("repos/a.yaml", &text)], "2026-06-15");
        found.iter().filter(|line| line.starts_with("delete-with-push")).count()
    };
    for (push, delete, immutable, expected) in [
        ("repository:x:push", "repository:x:delete", "", 1),
        ("repository:x:push", "delete", "", 1),
        ("repository:*:push", "repository:x:v*:delete", "", 1),
        ("repository:x:push", "repository:y:delete", "", 0),
        ("repository:x:v1*:push", "repository:x:v2*:delete", "", 0),
        ("repository:x:v*:push", "repository:x:*1:delete", "", 1),
        ("write", "delete", "", 0),
        ("repository:x:overwrite", "delete", "", 0),
        ("repository:x:v*:push", "repository:x:v*:delete", "  immutable_tags: ['v*']\n", 0),
        ("repository:x:push", "repository:x:delete", "  immutable_tags: ['v*']\n", 1),
    ] {
        assert_eq!(case(push, delete, immutable), expected, "{push} {delete} {immutable}");
    }
    expect(&[
        ("bot: [read, repository:x:push]\njane: [read, delete]", &[]),
        ("bot: [read, repository:x:push]\n'/*': [delete]", &["delete-with-push `delete` +`repository:x:push`"]),
        // `mark` is in both groups, and told of once, in whatever order they stand.
        (
            "/ci: [repository:x:push, repository:x:pull]\n/readers: [delete]",
            &["delete-with-push `delete` +`repository:x:push`"],
        ),
        (
            "/readers: [delete, repository:y:delete]\n/ci: [repository:x:push, repository:x:pull]",
            &["delete-with-push `delete` +`repository:x:push`", "redundant-grant `repository:y:delete` +`delete`"],
        ),
        ("/ci: [repository:x:push, repository:x:pull]\n/readers: [delete, write, read]", &[]),
        (
            "/ci: [repository:x:push, repository:x:pull]\n/gone: [delete]\nmark: [read]",
            &["disabled-user `/gone` +`false`"],
        ),
        (
            "mark: [repository:x:push, repository:x:pull]\n/readers: [delete]",
            &["delete-with-push `delete` +`repository:x:push`"],
        ),
        (
            "bot: [read, repository:x:push, repository:x:delete, write]",
            &["redundant-grant `repository:x:push` +`write`"],
        ),
    ]);
}

#[test]
fn nobody_is_missed_where_users_are_not_known() {
    let text = repository("", "rita: [read]\n/ops: [read]\nold: [read]");
    let expected = ["unmatched-user `rita`", "unmatched-group `/ops`", "disabled-user `old` +`false`"];
    assert_eq!(found(&[("credentials.yaml", CREDENTIALS), ("repos/a.yaml", &text)], "2026-06-15"), expected);
    let broken = found(&[("credentials.yaml", "credentials: {x: }\n"), ("repos/a.yaml", &text)], "2026-06-15");
    assert_eq!(broken, ["wrong-type `x`"]);
    // Without a credentials file there is nobody.
    assert_eq!(found(&[("repos/a.yaml", &text)], "2026-06-15").len(), 3);
}

#[test]
fn the_day_decides() {
    let text = repository("", "late: [read, {allow: delete, until: 2026-12-31}]");
    let files = [("credentials.yaml", CREDENTIALS), ("repos/a.yaml", &*text)];
    assert_eq!(found(&files, "2026-06-15"), [""; 0]);
    assert_eq!(found(&files, "2026-12-17"), [""; 0]);
    assert_eq!(found(&files, "2026-12-18"), ["grant-ends `2026-12-31` +`delete`"]);
    let after = ["expired-user `late` +`2026-12-31`", "grant-ended `2026-12-31` +`delete`"];
    assert_eq!(found(&files, "2027-01-01"), after);
    assert!(check(&tree(&files), at("2027-01-01")).compiled.diagnostics.iter().all(|found| found.timely));
}

#[test]
fn nested_repositories_keep_their_names() {
    let outer = repository(
        "",
        "jane:\n  - repository:team:pull\n  - repository:team/x*:pull\n  - repository:te*:pull\n  - repository:a:pull",
    );
    let all = repository("  prefix: ''\n", "jane:\n  - repository:a/team/x:pull\n  - repository:b:pull\n  - read");
    let files = [
        ("credentials.yaml", CREDENTIALS),
        ("repos/a.yaml", &*outer),
        ("repos/a/team.yaml", "repo: {type: docker, permissions: {}}\n"),
        ("repos/all.yaml", &*all),
    ];
    let found = found(&files, "2026-06-15");
    let found: Vec<_> = found.iter().filter(|line| !line.starts_with("redundant")).collect();
    assert_eq!(
        found,
        [
            "unmatched-images `repository:team:pull` +repos/a/team.yaml",
            "unmatched-images `repository:team/x*:pull` +repos/a/team.yaml",
            "repeated-prefix `repository:a:pull`",
            "unmatched-images `repository:a/team/x:pull` +repos/a/team.yaml",
        ]
    );
}

#[test]
fn a_comment_allows_a_warning_at_its_place() {
    let text = "\
repo:
  type: docker
  permissions:
    # portolan: allow push-without-pull because it only mirrors
    # portolan: allow disabled-user because he is back on Monday
    old: [write]
    bot: [write] # portolan: allow push-without-pull because it only mirrors
    /ci:
      # portolan: allow grant-ends because we know
      - {allow: read, until: 2026-12-31}
";
    let files = [("credentials.yaml", CREDENTIALS), ("repos/a.yaml", text)];
    // A disabled user's pushing is not told of.
    let unused = "unused-allow `# portolan: allow push-without-pull because it only mirrors`";
    assert_eq!(found(&files, "2026-06-15"), [unused]);
    assert_eq!(found(&files, "2026-12-30"), [unused], "what depends on the day is allowed before it comes");
    // What the comment allows is over, and is not what is told.
    assert_eq!(
        found(&files, "2027-01-01"),
        [unused, "unused-allow `# portolan: allow grant-ends because we know`", "grant-ended `2026-12-31` +`read`",]
    );
    // Nothing is unused where something is broken.
    let broken = [files[0], files[1], ("registry.yaml", "x: 1\n")];
    assert_eq!(found(&broken, "2026-06-15"), ["unknown-key `x`"]);
}

#[test]
fn the_server_knows_the_comments_and_nothing_of_lints() {
    let plain = "credentials:\n  # portolan: allow plain-password because it is a test\n  x: {type: plain, pass: y}\n  z: {type: plain, pass: y}\n";
    let open = "# portolan: allow no-permissions because it is a test\nrepo: {type: docker}\n";
    let stale = repository("", "# portolan: allow push-without-pull because\nrita: [write]");
    let files = [("credentials.yaml", plain), ("repos/a.yaml", open), ("repos/b.yaml", &*stale)];
    assert_eq!(problems(&compile(&tree(&files), None)), ["plain-password `y`"]);
}

#[test]
fn a_group_that_nobody_can_use() {
    let credentials = "\
credentials:
  jo: {type: argon2, pass: HASH, groups: [off, mixed, past], enabled: false}
  past: {type: argon2, pass: HASH, groups: [past, mixed, some], expires: 2026-06-01}
  soon: {type: argon2, pass: HASH, groups: [later], expires: 2026-12-31}
  jane: {type: argon2, pass: HASH, groups: [some]}
";
    let case = |permissions: &str, day| {
        found(&[("credentials.yaml", credentials), ("repos/a.yaml", &repository("", permissions))], day)
    };
    assert_eq!(case("/off: [read]", "2026-06-15"), ["disabled-user `/off` +`false`"]);
    assert_eq!(case("/past: [read]", "2026-06-15"), ["expired-user `/past` +`2026-06-01`"]);
    assert_eq!(case("/past: [read]\n/some: [read]", "2026-05-15"), [""; 0]);
    assert_eq!(case("/some: [read]\n/later: [read]", "2026-06-15"), [""; 0]);
    let allowed = "# portolan: allow expired-user because they come every year\n/later: [read]";
    assert_eq!(case(allowed, "2026-06-15"), [""; 0], "it may come, so that the comment is not unused");
    assert_eq!(case(allowed, "2027-06-15"), [""; 0]);
}
