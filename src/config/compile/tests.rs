//! Small folders in, problems out.

use std::fmt::Write as _;
use std::sync::Arc;

use proptest::prelude::*;

use super::super::tree::{Content, Tree};
use super::super::{Compiled, StorageDefinition};
use super::compile;
use crate::diagnostic::Severity;
use crate::oci::ImageName;
use crate::policy::{Access, Repository, Rule, What};

const GOOD: &str = "repo: {type: docker, storage: default, permissions: {}}\n";

fn tree(files: &[(&str, &str)]) -> Tree {
    let content = |text: &str| Content::Bytes(text.as_bytes().into());
    Tree { files: files.iter().map(|(path, text)| (Arc::from(*path), content(text))).collect() }
}

fn fresh(files: &[(&str, &str)]) -> Compiled {
    compile(&tree(files), None)
}

/// `file code \`text\`` for each problem, in order; the other places after `+`.
fn problems(compiled: &Compiled) -> Vec<String> {
    let mut lines = Vec::new();
    for diagnostic in &compiled.diagnostics {
        let mut line = format!("{} {}", diagnostic.primary.place.file, diagnostic.code);
        for (sign, label) in
            std::iter::once(("", &diagnostic.primary)).chain(diagnostic.secondary.iter().map(|l| ("+", l)))
        {
            if let Some(span) = label.place.span {
                let text = &compiled.sources[&label.place.file][span.start..span.end];
                write!(line, " {sign}`{text}`").unwrap();
            } else if !sign.is_empty() {
                write!(line, " {sign}{}", label.place.file).unwrap();
            }
        }
        lines.push(line);
    }
    lines
}

/// The repository that serves an image, and whether it is closed.
fn serves(compiled: &Compiled, image: &str) -> Option<(String, bool)> {
    let image = ImageName::parse(image).unwrap();
    let repository = compiled.model.as_ref()?.snapshot.repository_of(&image)?;
    Some((repository.file.to_string(), matches!(repository.access, Access::Closed)))
}

fn open(file: &str) -> Option<(String, bool)> {
    Some((file.to_owned(), false))
}

fn closed(file: &str) -> Option<(String, bool)> {
    Some((file.to_owned(), true))
}

fn repository<'c>(compiled: &'c Compiled, name: &str) -> &'c Arc<Repository> {
    compiled.model.as_ref().unwrap().snapshot.repositories().iter().find(|r| &*r.name == name).unwrap()
}

/// A repository file with these lines below `repo:`.
fn repo(lines: &str) -> String {
    format!("repo:\n  type: docker\n  storage: default\n{lines}")
}

#[test]
fn an_empty_folder_is_a_configuration() {
    let compiled = fresh(&[]);
    assert_eq!(problems(&compiled), [""; 0]);
    let model = compiled.model.unwrap();
    assert_eq!(model.settings, crate::config::Settings::default());
    assert!(!model.snapshot.has_users());
}

/// Each line: a file, its text, and the problems.
#[test]
fn tells_what_is_wrong_and_where() {
    let r = "repos/a.yaml";
    let c = "credentials.yaml";
    let s = "storages.yaml";
    let g = "registry.yaml";
    let perms = |entries: &str| repo(&format!("  permissions:\n{entries}"));
    let user = |lines: &str| format!("credentials:\n  jane:\n    type: plain\n    pass: x\n{lines}");
    let cases: Vec<(&str, String, &[&str])> = vec![
        // The shapes.
        (r, "repos: {}\n".into(), &["unknown-key `repos`"]),
        (r, "repo:\n".into(), &["wrong-type `repo`"]),
        (r, "- repo\n".into(), &["wrong-type `- repo`"]),
        (r, "".into(), &["empty-file"]),
        (r, "# only a comment\n".into(), &["empty-file"]),
        (r, "repo: {}\n".into(), &["missing-key `repo`"]),
        (r, repo("  permisions: {}\n"), &["unknown-key `permisions`"]),
        (r, repo("  port: '5001'\n  permissions: {}\n"), &["wrong-type `'5001'`"]),
        (r, repo("  port: 70000\n  permissions:\n"), &["out-of-range `70000`"]),
        (r, repo("  port: 5001\n  permissions: {}\n"), &[]),
        (r, repo("  prefix: 2024\n  permissions: {}\n"), &["wrong-type `2024`"]),
        (r, repo("  prefix:\n  permissions: {}\n"), &["wrong-type `prefix`"]),
        (r, repo("  prefix: A/b\n  permissions: {}\n"), &["bad-prefix `A/b`"]),
        (r, "repo: {type: dokcer, storage: default, permissions: {}}".into(), &["unknown-value `dokcer`"]),
        (r, "repo: {type: docker-proxy, storage: default, permissions: {}}".into(), &["repository-type-unsupported `docker-proxy`"]),
        (r, "repo: {type: docker, storage: defualt, permissions: {}}".into(), &["unknown-storage `defualt`"]),
        (r, "repo: {type: docker, storage: [], permissions: {}}".into(), &["wrong-type `[]`"]),
        (r, "repo: {type: docker, storage: {path: x}, permissions: {}}".into(), &["missing-key `storage`"]),
        (r, "repo: {type: docker, storage: {type: fs, path: ''}, permissions: {}}".into(), &["bad-path `''`"]),
        (r, repo("  immutable_tags: ['v*', 'a b']\n  permissions: {}\n"), &["bad-tag-pattern `'a b'`"]),
        ("repos/Team_A.yaml", repo("  permissions: {}\n"), &["bad-repository-name"]),
        ("repos/Team_A.yaml", repo("  prefix: team-a\n  permissions: {}\n"), &[]),
        (r, repo(""), &["no-permissions `repo`"]),
        // Permissions.
        (r, perms("    jane: [reed]\n"), &["unknown-operation `reed`"]),
        (r, perms("    jane: ['reed']\n"), &["unknown-operation `reed`"]),
        (r, perms("    jane: [repository:a:pul]\n"), &["bad-permission `pul`"]),
        (r, perms("    jane: [repository:a:v*:pull]\n"), &["tag-limited-pull `repository:a:v*:pull`"]),
        (r, perms("    jane: [repository:.:pull]\n"), &[]),
        (r, repo("  prefix: ''\n  permissions:\n    jane: [repository:.:pull]\n"), &["dot-without-prefix `repository:.:pull` +`''`"]),
        (r, perms("    '/': [read]\n    'a b': [read]\n"), &["bad-grantee `'/'`", "bad-grantee `'a b'`"]),
        (r, perms("    jane: read\n"), &["wrong-type `read`"]),
        (r, perms("    jane:\n"), &["wrong-type `jane`"]),
        (r, perms("    jane: [{allow: read, until: 9999-12-30}]\n"), &[]),
        (r, perms("    jane: [read, null]\n"), &["wrong-type `null`"]),
        (r, perms("    jane: [read, ~]\n"), &["wrong-type `~`"]),
        (r, "repo:\n  type: do\u{1b}cker\n".into(), &["yaml-syntax `\u{1b}`"]),
        (r, "repo:\n  type: \"do\u{1b}cker\"\n".into(), &["yaml-syntax `\u{1b}`"]),
        (r, perms("    jane: [[read]]\n"), &["wrong-type `[read]`"]),
        (r, perms("    jane: [{until: 2026-12-01}]\n"), &["missing-key `until`"]),
        (r, perms("    jane: [{allow: reed, until: soon, becuase: x}]\n"), &["unknown-operation `reed`", "bad-date `soon`", "unknown-key `becuase`"]),
        (r, perms("    *:\n      - read\n"), &["unquoted-star `*`"]),
        (r, perms("    jane:\n      - *\n"), &["unquoted-star `*`"]),
        (r, perms("    jane: &x [reed]\n    joe: *x\n"), &["unknown-operation `reed`"]),
        // YAML.
        (r, "repo: [\n".into(), &["yaml-syntax `[`"]),
        (r, "repo:\n\ttype: docker\n".into(), &["yaml-tab `\t`"]),
        (r, format!("{GOOD}---\n{GOOD}"), &["yaml-documents `---`"]),
        (r, repo("  permissions: {}\n  type: docker\n"), &["duplicate-key `type` +`type`"]),
        (r, repo("  permissions: !x {}\n"), &["yaml-tag `!x`"]),
        (r, repo("  permissions: {}\n  immutable_tags: [*-rc]\n"), &["yaml-alias `*-rc`"]),
        (r, repo("  permissions: {}\n  immutable_tags: &a [*a]\n"), &["yaml-alias `*a`"]),
        (r, repo("  permissions: {}\n  [a]: b\n"), &["yaml-key `[a]`"]),
        (r, repo("  permissions: {}\n  <<: {port: 1}\n"), &["unknown-key `<<`"]),
        (r, "[".repeat(100_000), &["yaml-too-deep `[`"]),
        (r, "- ".repeat(100_000), &["yaml-too-deep ``"]),
        (r, "repo: a\0b".into(), &["yaml-syntax `\0`"]),
        (r, "x".repeat((8 << 20) + 1), &["file-too-large"]),
        (r, format!("{GOOD}{}", "#".repeat((1 << 20) + 1 - GOOD.len())), &["file-too-large"]),
        (r, format!("{GOOD}{}", "#".repeat((1 << 20) - GOOD.len())), &[]),
        (c, format!("credentials: {{}}\n#{}", "x".repeat((1 << 20) + 1)), &[]),
        (c, "x".repeat((8 << 20) + 1), &["file-too-large"]),
        // Users.
        (c, "credentials: {}\n".into(), &[]),
        (c, "credentials:\n".into(), &["wrong-type `credentials`"]),
        (c, "credentials: {jane: {}}\n".into(), &["missing-key `jane`"]),
        (c, "credentials: {jane: {type: plain}}\n".into(), &["missing-key `jane`"]),
        (c, "credentials: {jane: {type: plain, pass: ''}}\n".into(), &["empty-password `''`"]),
        (c, "credentials: {jane: {type: plain, pass: }}\n".into(), &["wrong-type `pass`"]),
        (c, "credentials: {jane: {pass: 'plain:'}}\n".into(), &["empty-password `'plain:'`"]),
        (c, "credentials: {jane: {pass: 'plain:x'}}\n".into(), &["plain-password `'plain:x'`"]),
        (c, "credentials: {jane: {pass: x}}\n".into(), &["missing-key `pass`"]),
        (c, "credentials: {jane: {type: plain, pass: 123}}\n".into(), &["wrong-type `123`"]),
        (c, "credentials: {jane: {type: plain, pass: {env: X}}}\n".into(), &["secret-not-allowed `{env: X}`"]),
        (c, "credentials: {jane: {type: sha256, pass: xyz}}\n".into(), &["bad-hash `xyz`"]),
        (c, format!("credentials: {{jane: {{type: sha256, pass: {}}}}}\n", "a1".repeat(32)), &["unsalted-password"]),
        (c, "credentials: {jane: {type: bcrypt, pass: xyz}}\n".into(), &["bad-hash `xyz`"]),
        (c, "credentials: {jane: {type: argon2, pass: xyz}}\n".into(), &["bad-hash `xyz`"]),
        (c, "credentials: {jane: {type: argon2, pass: '$argon2id$v=19$m=4194304,t=1000,p=1$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'}}\n".into(), &["expensive-hash"]),
        (c, "credentials: {jane: {type: argon2, pass: '$argon2id$v=19$m=8192,t=1,p=1$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'}}\n".into(), &["weak-hash"]),
        (c, user("    emial: a@b\n"), &["plain-password `x`", "unknown-key `emial`"]),
        (c, user("    email: nobody\n"), &["plain-password `x`", "bad-email `nobody`"]),
        (c, user("    groups: [/readers, 'a b']\n"), &["plain-password `x`", "bad-group-name `/readers`", "bad-group-name `'a b'`"]),
        (c, user("    expires: soon\n"), &["plain-password `x`", "bad-date `soon`"]),
        (c, user("    expires: 9999-12-31\n"), &["plain-password `x`"]),
        (c, user("    enabled: 'false'\n"), &["plain-password `x`", "wrong-type `'false'`"]),
        (c, user("    previous: {type: plain, pass: y}\n"), &["plain-password `x`", "missing-key `previous`", "plain-password `y`"]),
        (c, "credentials:\n  '*': {type: plain, pass: x}\n  /a: {type: plain, pass: x}\n".into(), &["bad-user-name `'*'`", "plain-password `x`", "bad-user-name `/a`", "plain-password `x`"]),
        (c, "credentials:\n  a: {type: plain, pass: x, email: J@x.de}\n  b: {type: plain, pass: x, email: j@X.de}\n".into(), &["plain-password `x`", "plain-password `x`", "duplicate-email `j@X.de` +`J@x.de`"]),
        // Storages.
        (s, "storages: {}\n".into(), &[]),
        (s, "storages: {a: {type: fs, path: /a}, b: {type: fs, path: /a/b}}\n".into(), &["storage-overlap `/a/b` +`/a`"]),
        (s, "storages: {a: {type: fs, path: /a}, b: {type: fs, path: /a/}}\n".into(), &[]),
        (s, "storages: {a: {type: fs, path: /a, pth: x}}\n".into(), &["unknown-key `pth`"]),
        (s, "storages: {a: {type: s3, bucket: x, redirect: true}}\n".into(), &[]),
        (s, "storages: {a: {type: s3, bucket: a/b, region: '', endpoint: 's3.example.com', prefix: a//b}}\n".into(), &["bad-bucket `a/b`", "bad-bucket `''`", "bad-url `'s3.example.com'`", "bad-bucket `a//b`"]),
        (s, "storages: {a: {type: s3, bucket: x, prefix: p}, b: {type: s3, bucket: x, prefix: /p/}, c: {type: s3, bucket: y}, d: {type: s3, bucket: x, prefix: pq}}\n".into(), &[]),
        (s, "storages: {a: {type: s3, bucket: x, prefix: p}, b: {type: s3, bucket: 'x'}}\n".into(), &["storage-overlap `x` +`'x'`"]),
        (s, "storages: {a: {type: s3, bucket: x}, b: {type: s3, bucket: 'x', redirect: true}}\n".into(), &["storage-overlap `'x'` +`x`"]),
        (s, "storages: {a: {type: s3, bucket: x, credentials: {type: basic, accessKeyId: x, secretAccessKey: y}}}\n".into(), &["secret-in-place `y`"]),
        (s, "storages: {a: {type: s3, bucket: x, credentials: {type: basic, accessKeyId: '', secretAccessKey: {env: X}}}}\n".into(), &["bad-secret `''`"]),
        (s, "storages: {a: {type: gcs, bucket: x}}\n".into(), &["storage-unsupported `gcs`"]),
        (s, "storages: {a: {type: fss, path: x}}\n".into(), &["unknown-value `fss`"]),
        (s, "storages: {a: {type: s3, bucket: x, credentials: {type: basic, accessKeyId: x, secretAccessKey: {envv: x}}}}\n".into(), &["bad-secret `{envv: x}`"]),
        // Settings.
        (g, "server: {listen: localhost}\n".into(), &["bad-address `localhost`"]),
        (g, "server: {public_url: 'https://a/b'}\n".into(), &["bad-url `'https://a/b'`"]),
        (g, "server: {trusted_proxies: [10.0.0.0/8, 10.1.1.1, x]}\n".into(), &["bad-network `x`"]),
        (g, "server: {tls: {certificate: a}}\n".into(), &["missing-key `tls`"]),
        (g, "tokens: {ttl: 5}\n".into(), &["wrong-type `5`"]),
        (g, "tokens: {ttl: 5x}\n".into(), &["bad-duration `5x`"]),
        (g, "tokens: {ttl: 5s}\n".into(), &["out-of-range `5s`"]),
        (g, "tokens: {ttl: 24h}\nreload: {interval: 1h}\n".into(), &[]),
        (g, "tokens: {ttl: 25h}\nreload: {interval: 61m}\n".into(), &["out-of-range `25h`", "out-of-range `61m`"]),
        (g, "reload: {interval: 99ms}\n".into(), &["out-of-range `99ms`"]),
        (g, "tokens: {signing_key: geheim}\n".into(), &["secret-in-place `geheim`"]),
        (g, "tokens: {signing_key: {file: a, env: b}}\n".into(), &["bad-secret `{file: a, env: b}`"]),
        (g, "passwords: {min_length: 4}\n".into(), &["out-of-range `4`"]),
        (g, "reload: {mode: never}\nlog: {level: inof}\n".into(), &["unknown-value `never`", "unknown-value `inof`"]),
        (g, "mail: {}\n".into(), &["unknown-key `mail`"]),
    ];
    let mut wrong = String::new();
    for (file, text, expected) in cases {
        let compiled = fresh(&[(file, &text)]);
        let found = problems(&compiled);
        // Without a text, the code is enough.
        let is_it = |(found, expected): (&String, &&str)| {
            let expected = format!("{file} {expected}");
            if expected.ends_with('`') { *found == expected } else { found.starts_with(&expected) }
        };
        if found.len() != expected.len() || !found.iter().zip(expected).all(is_it) {
            let short: String = text.chars().take(200).collect();
            writeln!(wrong, "{short}\nfound {found:#?}\nexpected {expected:#?}\n").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_proposed_permission_is_whole() {
    let compiled = fresh(&[("repos/a.yaml", &repo("  permissions: {jane: ['repository:a:v*:pull']}\n"))]);
    assert_eq!(compiled.diagnostics[0].help.as_deref(), Some("did you mean `repository:a:pull`?"));
}

#[test]
fn bytes_that_are_no_text_are_told() {
    let mut tree = tree(&[("repos/a.yaml", GOOD)]);
    tree.files.insert("repos/b.yaml".into(), Content::Bytes([0xff, 0xfe, 0, 1].as_slice().into()));
    tree.files.insert("repos/c.yaml".into(), Content::TooLarge { bytes: 1 << 30 });
    tree.files.insert("repos/d.yaml".into(), Content::Unreadable { why: "permission denied".into() });
    let compiled = compile(&tree, None);
    assert_eq!(
        problems(&compiled),
        ["repos/b.yaml not-utf8", "repos/c.yaml file-too-large", "repos/d.yaml file-unreadable"]
    );
    assert_eq!(serves(&compiled, "a/x"), open("repos/a.yaml"));
    assert_eq!(serves(&compiled, "b/x"), closed("repos/b.yaml"));
}

#[test]
fn alias_bombs_do_not_go_off() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..30 {
        let previous = format!("*a{},", level - 1).repeat(10);
        writeln!(bomb, "a{level}: &a{level} [{previous}]").unwrap();
    }
    let compiled = fresh(&[("repos/a.yaml", &bomb)]);
    assert!(problems(&compiled).iter().any(|problem| problem.contains("yaml-aliases")), "{:?}", problems(&compiled));

    let nested = format!("{}[{}]", "&a [ ".repeat(0), "x,".repeat(10));
    let anchors: String =
        (0..60).map(|level| format!("&a{level} [")).collect::<String>() + &nested + &"x,".repeat(200_000);
    let compiled = fresh(&[("repos/a.yaml", &anchors)]);
    assert!(compiled.has_errors());
}

#[test]
fn aliases_share_permission_lists() {
    let text = repo("  permissions:\n    jane: &all\n      - read\n      - write\n    joe: *all\n");
    let compiled = fresh(&[("repos/a.yaml", &text)]);
    assert_eq!(problems(&compiled), [""; 0]);
    let grants: Vec<_> =
        repository(&compiled, "a").access.grants().map(|g| (format!("{:?}", g.who), g.rule.to_string())).collect();
    assert_eq!(grants[3].0, "User(UserName(joe))");
    assert_eq!(grants[3].1, "repos/a.yaml:7");
}

#[test]
fn all_forms_of_files_are_read() {
    let text = "\u{feff}repo:\r\n  type: docker\r\n  storage:\r\n    type: memory\r\n  prefix: ''\r\n  port: 5001\r\n  \
                immutable_tags: [\"v*\"]\r\n  permissions:\r\n    \"*\":\r\n    - download\r\n    /readers:\r\n    - \
                allow: \"*\"\r\n      until: 2026-12-01\r\n      because: x\r\n";
    let compiled = fresh(&[
        ("repos/team/app.yml", text),
        ("_credentials.yml", "credentials:\n  jane:\n    pass: \"plain:x\"\n    groups: [readers]\n    admin: true\n"),
        ("_storages.yaml", "storages: {default: {type: fs, path: ./x/}}\n"),
        (
            "registry.yml",
            "server: {listen: '0.0.0.0:80', public_url: 'https://r.example/'}\ntokens: {signing_key: {env: K}}\n",
        ),
        ("tests/a.yaml", "tests: [{as: jane, can: pull, image: any}]\n"),
        ("README.md", "\t"),
    ]);
    assert_eq!(problems(&compiled), ["_credentials.yml plain-password `\"plain:x\"`"]);
    let model = compiled.model.as_ref().unwrap();
    assert!(model.snapshot.user("jane").unwrap().admin);
    assert_eq!(model.settings.listen.unwrap().port(), 80);
    assert_eq!(model.settings.public_url.as_deref(), Some("https://r.example"));
    let repository = repository(&compiled, "team/app");
    assert_eq!((&*repository.prefix, repository.port, repository.immutable_tags.len()), ("", Some(5001), 1));
    assert_eq!(model.storages[&repository.storage], StorageDefinition::Memory);
    let grants: Vec<_> = repository.access.grants().collect();
    assert_eq!(grants[0].rule, Rule::Entry { file: "repos/team/app.yml".into(), line: 10 });
    assert!(grants[1].until.is_some() && matches!(grants[1].what, What::Images { .. }));
}

#[test]
fn equal_storages_are_one() {
    let in_place = "repo: {type: docker, storage: {type: fs, path: ./x/}, permissions: {}}\n";
    let compiled = fresh(&[
        ("repos/a.yaml", in_place),
        ("repos/b.yaml", "repo: {type: docker, storage: same, permissions: {}}\n"),
        ("storages.yaml", "storages: {same: {type: fs, path: x}, other: {type: memory}}\n"),
    ]);
    assert_eq!(problems(&compiled), [""; 0]);
    assert_eq!(compiled.model.unwrap().storages.len(), 1);
}

#[test]
fn in_place_storages_may_not_overlap() {
    let at = |path: &str| format!("repo: {{type: docker, storage: {{type: fs, path: {path}}}, permissions: {{}}}}\n");
    let (a, b) = (at("/x"), at("/x/y"));
    let compiled = fresh(&[("repos/a.yaml", &a), ("repos/b.yaml", &b)]);
    assert_eq!(problems(&compiled), ["repos/b.yaml storage-overlap `/x/y` +`/x`"]);
    assert_eq!(serves(&compiled, "a/i"), closed("repos/a.yaml"));
    assert_eq!(serves(&compiled, "b/i"), closed("repos/b.yaml"));
    // The one in force keeps its storage.
    let before = fresh(&[("repos/a.yaml", &a)]);
    let after = compile(&tree(&[("repos/a.yaml", &a), ("repos/b.yaml", &b)]), Some(&before));
    assert_eq!(serves(&after, "a/i"), open("repos/a.yaml"));
    assert_eq!(serves(&after, "b/i"), closed("repos/b.yaml"));
    // The default storage is the data folder itself.
    let inside = at("team");
    let compiled = fresh(&[("repos/a.yaml", GOOD), ("repos/b.yaml", &inside)]);
    assert_eq!(problems(&compiled), ["repos/b.yaml storage-overlap `team` +`default`"]);
    assert_eq!(serves(&compiled, "a/i"), open("repos/a.yaml"));
}

#[test]
fn a_file_under_two_names_is_told() {
    let compiled = fresh(&[
        ("credentials.yaml", "credentials: {}\n"),
        ("_credentials.yml", "credentials: {}\n"),
        ("repos/a.yaml", GOOD),
        ("repos/a.yml", GOOD),
    ]);
    assert_eq!(
        problems(&compiled),
        ["credentials.yaml file-twice +_credentials.yml", "repos/a.yml file-twice +repos/a.yaml"]
    );
    assert!(compiled.model.is_none());
    let before = fresh(&[("credentials.yaml", "credentials: {}\n"), ("repos/a.yml", GOOD)]);
    let both = tree(&[
        ("credentials.yaml", "credentials: {}\n"),
        ("_credentials.yml", "x"),
        ("repos/a.yaml", GOOD),
        ("repos/a.yml", GOOD),
    ]);
    let after = compile(&both, Some(&before));
    assert_eq!(serves(&after, "a/i"), open("repos/a.yml"));
    let again = compile(&both, Some(&after));
    assert_eq!(serves(&again, "a/i"), open("repos/a.yml"));
    assert!(again.enforced.contains_key("credentials.yaml"));
}

#[test]
fn two_repositories_cannot_have_one_prefix() {
    let library = repo("  prefix: library\n  permissions: {}\n");
    // The file of that name keeps it.
    let compiled = fresh(&[("repos/a.yaml", &library), ("repos/library.yaml", GOOD)]);
    assert_eq!(problems(&compiled), ["repos/library.yaml prefix-conflict +`library`"]);
    assert_eq!(serves(&compiled, "library/x"), open("repos/library.yaml"));
    assert_eq!(serves(&compiled, "a/x"), closed("repos/a.yaml"));
    // Where there is none, nobody has it.
    let compiled = fresh(&[("repos/a.yaml", &library), ("repos/b.yaml", &library), ("repos/c.yaml", GOOD)]);
    assert_eq!(problems(&compiled), ["repos/b.yaml prefix-conflict `library` +`library`"]);
    assert_eq!(serves(&compiled, "library/x"), closed("repos/a.yaml"));
    assert_eq!(serves(&compiled, "c/x"), open("repos/c.yaml"));
    // Who is in force keeps it, whatever the names say.
    let before = fresh(&[("repos/a.yaml", &library)]);
    let after = compile(&tree(&[("repos/a.yaml", &library), ("repos/library.yaml", GOOD)]), Some(&before));
    assert_eq!(serves(&after, "library/x"), open("repos/a.yaml"));
}

#[test]
fn nobody_takes_names_of_another_repository() {
    let inside = repo("  prefix: library/tools\n  permissions: {}\n");
    let both = [("repos/library.yaml", GOOD), ("repos/x.yaml", inside.as_str())];
    let compiled = fresh(&both);
    assert_eq!(problems(&compiled), ["repos/x.yaml foreign-prefix `library/tools` +repos/library.yaml"]);
    assert_eq!(serves(&compiled, "library/a"), open("repos/library.yaml"));
    assert_eq!(serves(&compiled, "library/tools/a"), closed("repos/x.yaml"));
    // The one in force loses nothing.
    let before = fresh(&both[..1]);
    let after = compile(&tree(&both), Some(&before));
    assert_eq!(serves(&after, "library/tools/a"), open("repos/library.yaml"));
    let before = fresh(&both[1..]);
    let after = compile(&tree(&both), Some(&before));
    assert_eq!(serves(&after, "library/tools/a"), open("repos/x.yaml"));
    assert_eq!(serves(&after, "library/a"), closed("repos/library.yaml"));
    // Below its own name, a repository may nest; and the empty prefix takes only what nobody claims.
    let all = repo("  prefix: ''\n  permissions: {}\n");
    let compiled = fresh(&[
        ("repos/library.yaml", GOOD),
        ("repos/library/tools.yaml", GOOD),
        ("repos/z.yaml", &all),
        ("repos/x.yaml", GOOD),
    ]);
    assert_eq!(problems(&compiled), [""; 0]);
    assert_eq!(serves(&compiled, "other/a"), open("repos/z.yaml"));
}

#[test]
fn what_is_held_back_keeps_its_names() {
    let core = repo("  prefix: team\n  permissions: {}\n");
    let moved = repo("  prefix: teams\n  permissions: {}\n  x: y\n");
    let evil = repo("  prefix: team/secret\n  permissions: {'*': ['*']}\n");
    let before = fresh(&[("repos/core.yaml", &core)]);
    let now = tree(&[("repos/core.yaml", &moved), ("repos/evil.yaml", &evil), ("repos/team/own.yaml", GOOD)]);
    let mut after = compile(&now, Some(&before));
    for _ in 0..2 {
        assert_eq!(
            problems(&after),
            ["repos/core.yaml unknown-key `x`", "repos/evil.yaml foreign-prefix `team/secret` +repos/core.yaml"]
        );
        assert_eq!(serves(&after, "team/secret/x"), open("repos/core.yaml"));
        assert_eq!(serves(&after, "team/own/x"), open("repos/team/own.yaml"));
        assert_eq!(serves(&after, "evil/x"), closed("repos/evil.yaml"));
        after = compile(&now, Some(&after));
    }
    // A broken file cannot close them, either.
    let evil_broken = format!("{evil}  x: y\n");
    let now = tree(&[("repos/core.yaml", &moved), ("repos/evil.yaml", &evil_broken)]);
    assert_eq!(serves(&compile(&now, Some(&before)), "team/secret/x"), open("repos/core.yaml"));
    // Who is refused and stays where it was is held back, too.
    let at = |prefix: &str| repo(&format!("  prefix: {prefix}\n  permissions: {{}}\n"));
    let before = fresh(&[("repos/a.yaml", &at("one")), ("repos/b.yaml", &at("two"))]);
    let now = tree(&[
        ("repos/a.yaml", &format!("{}  x: y\n", at("three"))),
        ("repos/b.yaml", &at("one/b")),
        ("repos/c.yaml", &at("two/c")),
    ]);
    let after = compile(&now, Some(&before));
    assert_eq!(serves(&after, "one/b/x"), open("repos/a.yaml"));
    assert_eq!(serves(&after, "two/c/x"), open("repos/b.yaml"));
}

#[test]
fn a_misspelt_key_loses_no_claim() {
    let all = repo("  prefix: ''\n  permissions: {'*': ['*']}\n");
    for broken in [
        "rpo: {prefix: private, type: docker, storage: default, permissions: {}}\n",
        "repo: {prefx: private, type: docker, storage: default, permissions: {}}\n",
        "repo: {'Prefix': other, 'prefixes': private, type: docker, storage: default, permissions: {}}\n",
        "repo: {prefix: other, prefix: private, type: docker, storage: default, permissions: {}}\n",
        "repo: {type: docker, storage: default, permissions: {}}\nprefix: private\n",
        "repo:\n  type: [\n  prefix: other\n  \"prefix\": private\n",
    ] {
        let now = tree(&[("repos/all.yaml", &all), ("repos/x.yaml", broken)]);
        for compiled in [compile(&now, None), compile(&now, Some(&fresh(&[("repos/all.yaml", &all)])))] {
            assert_eq!(serves(&compiled, "private/a"), closed("repos/x.yaml"), "{broken}");
            assert_eq!(serves(&compiled, "x/a"), closed("repos/x.yaml"), "{broken}");
            assert_eq!(serves(&compiled, "free/a"), open("repos/all.yaml"), "{broken}");
        }
    }
    // From who is in force, it takes nothing.
    let good = [("repos/good.yaml", repo("  prefix: team\n")), ("repos/all.yaml", all)];
    let good = good.each_ref().map(|(path, text)| (*path, text.as_str()));
    for claimed in ["team", "team/a", "''"] {
        let broken = format!("rpo: {{prefix: {claimed}, prefx: {claimed}, 'prefi': team/b}}\n");
        let after = compile(&tree(&[good[0], good[1], ("repos/x.yaml", &broken)]), Some(&fresh(&good)));
        for (image, file) in [("team/a/x", good[0].0), ("team/b/x", good[0].0), ("free/x", good[1].0)] {
            assert_eq!(serves(&after, image), open(file), "{claimed}");
        }
    }
}

#[test]
fn two_repositories_cannot_have_one_port() {
    let on_port = repo("  port: 5001\n  permissions: {}\n");
    let both = [("repos/a.yaml", on_port.as_str()), ("repos/b.yaml", on_port.as_str())];
    let compiled = fresh(&both);
    assert_eq!(problems(&compiled), ["repos/b.yaml port-conflict `5001` +`5001`"]);
    assert_eq!((serves(&compiled, "a/x"), serves(&compiled, "b/x")), (closed("repos/a.yaml"), closed("repos/b.yaml")));
    let before = fresh(&both[1..]);
    let after = compile(&tree(&both), Some(&before));
    assert_eq!((serves(&after, "a/x"), serves(&after, "b/x")), (closed("repos/a.yaml"), open("repos/b.yaml")));
}

#[test]
fn a_repository_cannot_have_the_configured_main_port() {
    let on_port = repo("  port: 5001\n  permissions: {}\n");
    let files = [("registry.yaml", "server: {listen: '0.0.0.0:5001'}\n"), ("repos/a.yaml", on_port.as_str())];
    let compiled = fresh(&files);
    assert_eq!(problems(&compiled), ["repos/a.yaml port-is-main `5001` +`'0.0.0.0:5001'`"]);
    assert_eq!(serves(&compiled, "a/x"), closed("repos/a.yaml"));
    // What was in force goes on, without the port.
    let after = compile(&tree(&files), Some(&fresh(&files[1..])));
    assert_eq!(serves(&after, "a/x"), open("repos/a.yaml"));
    assert_eq!(repository(&after, "a").port, None);
}

#[test]
fn a_repository_cannot_have_the_default_main_port() {
    let on_port = repo("  port: 5000\n  permissions: {}\n");
    let main = ["repos/a.yaml port-is-main `5000`"];
    assert_eq!(problems(&fresh(&[("repos/a.yaml", &on_port)])), main);
    let with = |settings| problems(&fresh(&[("registry.yaml", settings), ("repos/a.yaml", &on_port)]));
    assert_eq!(with("server: {}\n"), main);
    assert_eq!(with("server: {listen: '127.0.0.1:5001'}\n"), [""; 0]);
    assert_eq!(with("server: {listen: here}\n"), ["registry.yaml bad-address `here`"]);
}

#[test]
fn a_broken_repository_keeps_its_last_good_text() {
    let old = repo("  prefix: p\n  permissions:\n    jane: [read]\n");
    let before = fresh(&[("repos/a.yaml", &old), ("repos/b.yaml", GOOD)]);
    let broken = tree(&[("repos/a.yaml", "repo: {"), ("repos/b.yaml", &repo("  permissions: {joe: [read]}\n"))]);
    let mut now = compile(&broken, Some(&before));
    for _ in 0..2 {
        assert_eq!(serves(&now, "p/x"), open("repos/a.yaml"));
        assert_eq!(repository(&now, "a").access.grants().count(), 1);
        assert_eq!(repository(&now, "b").access.grants().count(), 1, "the rest goes on");
        assert_eq!(
            now.held.iter().map(|(path, text)| (&**path, &**text)).collect::<Vec<_>>(),
            [("repos/a.yaml", &*old)]
        );
        // And still so at the next reload.
        now = compile(&broken, Some(&now));
    }
    // A new file cannot take what is held.
    let thief = tree(&[("repos/a.yaml", "repo: {"), ("repos/p.yaml", GOOD)]);
    let after = compile(&thief, Some(&now));
    assert!(
        problems(&after).contains(&"repos/p.yaml prefix-conflict +repos/a.yaml".to_owned()),
        "{:?}",
        problems(&after)
    );
    assert_eq!(serves(&after, "p/x"), open("repos/a.yaml"));
    // A deleted file is no mistake.
    assert_eq!(serves(&compile(&tree(&[]), Some(&after)), "p/x"), None);
    // With no good version known it is closed, its prefix included.
    let start = fresh(&[("repos/a.yaml", "repo:\n  type: [\n  prefix: p/q # x\n"), ("repos/p.yaml", GOOD)]);
    assert_eq!(serves(&start, "p/q/x"), closed("repos/a.yaml"));
    assert_eq!(serves(&start, "a/x"), closed("repos/a.yaml"));
    assert_eq!(serves(&start, "p/x"), open("repos/p.yaml"));
    // What was closed has nothing to keep.
    let again = compile(&tree(&[("repos/a.yaml", "repo: {")]), Some(&start));
    assert_eq!(serves(&again, "a/x"), closed("repos/a.yaml"));
    assert!(again.held.is_empty());
}

#[test]
fn a_broken_single_file_keeps_its_last_good_text() {
    let good = [
        ("credentials.yaml", "credentials: {jane: {type: plain, pass: x}}\n"),
        ("storages.yaml", "storages: {default: {type: memory}}\n"),
        ("registry.yaml", "tokens: {ttl: 10m}\n"),
        ("repos/a.yaml", GOOD),
    ];
    let before = fresh(&good);
    assert!(before.model.is_some());
    for index in 0..3 {
        let mut files = good;
        files[index].1 = "oops: [";
        assert!(fresh(&files).model.is_none());
        let after = compile(&tree(&files), Some(&before));
        assert_eq!(after.held.len(), 1);
        let again = compile(&tree(&files), Some(&after));
        let (before, model) = (before.model.as_ref().unwrap(), again.model.as_ref().unwrap());
        assert!(model.snapshot.user("jane").is_some());
        assert_eq!(model.storages, before.storages);
        assert_eq!(model.settings, before.settings);
        assert_eq!(serves(&again, "a/x"), open("repos/a.yaml"));
    }
    // A first broken file changes nothing.
    let before = fresh(&[("repos/a.yaml", GOOD)]);
    let after = compile(&tree(&[("repos/a.yaml", GOOD), ("credentials.yaml", "x")]), Some(&before));
    assert!(after.model.is_some_and(|model| !model.snapshot.has_users()));
}

#[test]
fn a_storage_that_is_gone_stays_where_it_is_used() {
    let files = [
        ("repos/a.yaml", "repo: {type: docker, storage: fast, permissions: {}}\n"),
        ("storages.yaml", "storages: {fast: {type: memory}}\n"),
    ];
    let before = fresh(&files);
    let after = compile(&tree(&[files[0], ("storages.yaml", "storages: {}\n")]), Some(&before));
    assert_eq!(problems(&after), ["repos/a.yaml unknown-storage `fast`"]);
    assert_eq!(serves(&after, "a/x"), open("repos/a.yaml"));
    assert_eq!(after.model.unwrap().storages.len(), 1);
}

#[test]
fn secrets_are_never_shown() {
    let texts = [
        ("credentials.yaml", "credentials: {jane: {type: plain, pass: hunter2, emial: x}}\n"),
        ("credentials.yaml", "credentials:\n  jane:\n    passs: hunter2\n"),
        ("credentials.yaml", "credentials:\n  jane: hunter2\n"),
        ("credentials.yaml", "credentials:\n  jane: [hunter2]\n"),
        ("credentials.yaml", "credentials:\n  jane: {hunter2}\n"),
        ("credentials.yaml", "credentials:\n  jane:\n    pass: *hunter2\n"),
        ("credentials.yaml", "credentials:\n  jane:\n    pass: @hunter2\n"),
        ("credentials.yaml", "credentials:\n  jane:\n    pass:hunter2: x\n"),
        ("credentials.yaml", "credentials:\n  jane:\n    pass: 'hunter2\n"),
        ("credentials.yaml", "credentials:\n  jane:\n    type: sha256\n    pass: hunter2\n"),
        ("credentials.yaml", "credentials:\n  jane:\n    type: plain\n    pass: !x hunter2\n"),
        ("credentials.yaml", "credentials:\n  jane:\n    type: plain\n    pass: hunter2\n    pass: hunter2\n"),
        ("registry.yaml", "tokens:\n  signing_key: hunter2\n"),
        ("registry.yaml", "tokens:\n  signing_key: {value: hunter2}\n"),
        ("registry.yaml", "tokens:\n  signing_key: hunter2\n\tx: y"),
        (
            "storages.yaml",
            "storages:\n  a: {type: s3, bucket: b, credentials: {type: basic, accessKeyId: a, secretAccessKey: hunter2}}\n",
        ),
        ("storages.yaml", "storages:\n  a: {type: s3, bucket: b, secretKey: hunter2}\n"),
    ];
    for (file, text) in texts {
        let compiled = fresh(&[(file, text)]);
        assert!(!compiled.diagnostics.is_empty(), "{text}");
        for diagnostic in &compiled.diagnostics {
            let said = format!("{} {:?} {:?}", diagnostic.message, diagnostic.help, diagnostic.secondary);
            assert!(!said.contains("hunter2"), "{text}\n{said}");
        }
        let mut shown = text.to_owned();
        for span in compiled.secrets[file].iter().rev() {
            shown.replace_range(span.start..span.end, "…");
        }
        assert!(!shown.contains("hunter2"), "{text}\n{shown}");
    }
}

#[test]
fn all_problems_are_told_in_the_order_of_the_files() {
    let compiled = fresh(&[
        ("storages.yaml", "storages: {a: {type: x}}\n"),
        ("repos/b.yaml", "repo: {typ: docker, storage: a, permissions: {x: [reed]}}\n"),
        ("registry.yaml", "log: 5\n"),
    ]);
    assert_eq!(
        problems(&compiled),
        [
            "registry.yaml wrong-type `5`",
            "repos/b.yaml unknown-key `typ`",
            "repos/b.yaml unknown-operation `reed`",
            "storages.yaml unknown-value `x`",
        ]
    );
    assert!(compiled.diagnostics.iter().all(|diagnostic| diagnostic.severity == Severity::Error));
}

#[test]
fn the_hash_tells_folders_apart() {
    let hash = |files: &[(&str, &str)]| fresh(files).hash;
    assert_eq!(hash(&[("repos/a.yaml", GOOD)]), hash(&[("repos/a.yaml", GOOD)]));
    assert_ne!(hash(&[("repos/a.yaml", GOOD)]), hash(&[("repos/b.yaml", GOOD)]));
    assert_ne!(hash(&[("tests/a", "bc")]), hash(&[("tests/ab", "c")]));
    assert_eq!(hash(&[]).len(), 64);
}

#[test]
fn many_files_keep_their_order() {
    let files: Vec<_> =
        (0..500).map(|i| (format!("repos/r{i:03}.yaml"), repo(&format!("  port: {}\n", 6000 + i)))).collect();
    let compiled = fresh(&files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect::<Vec<_>>());
    assert_eq!(compiled.diagnostics.len(), 500);
    let model = compiled.model.unwrap();
    let repositories = model.snapshot.repositories();
    assert!(repositories.windows(2).all(|pair| pair[0].name < pair[1].name));
    assert!((0..500).all(|i| repositories[i].port == Some(6000 + i as u16)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Samples with anything put anywhere compile, or are told of; what is in force goes on.
    #[test]
    fn damaged_files_are_told_of(
        damages in prop::collection::vec((0..4usize, any::<prop::sample::Index>(), 0..12usize, "[a-z*&!'\"\\[\\]{}:, \n\t\u{0}é-]{0,3}"), 1..4),
    ) {
        let mut files = [
            ("credentials.yaml", include_str!("../../../tests/data/config/credentials.yaml").to_owned()),
            ("registry.yaml", include_str!("../../../tests/data/config/registry.yaml").to_owned()),
            ("repos/a.yaml", repo("  prefix: library\n  port: 5001\n  permissions: {jane: [read]}\n")),
            ("repos/b.yaml", include_str!("../../../tests/data/config/repository.yaml").replace("5001", "5002").replace("prefix: library", "prefix: b/c")),
        ];
        let folder = |files: &[(&str, String)]| tree(&files.iter().map(|(path, text)| (*path, text.as_str())).collect::<Vec<_>>());
        let before = compile(&folder(&files), None);
        prop_assert!(!before.has_errors(), "{:?}", problems(&before));
        for (file, at, removed, put) in damages {
            let text = &mut files[file].1;
            let start = text.floor_char_boundary(at.index(text.len() + 1));
            let end = text.floor_char_boundary((start + removed).min(text.len())).max(start);
            text.replace_range(start..end, &put);
        }
        let damaged = folder(&files);
        let at_start = compile(&damaged, None);
        prop_assert!(at_start.model.is_some() || at_start.has_errors());
        let after = compile(&damaged, Some(&before));
        prop_assert!(after.model.is_some());
        prop_assert_eq!(after.has_errors(), at_start.has_errors(), "{:?} {:?}", problems(&at_start), problems(&after));
        if !after.has_errors() {
            prop_assert!(after.held.is_empty());
        }
        // An unchanged folder changes nothing.
        let again = compile(&damaged, Some(&after));
        prop_assert_eq!(problems(&again), problems(&after));
        prop_assert_eq!(&again.held, &after.held);
    }
}

mod access_tests {
    use super::*;

    const USERS: (&str, &str) =
        ("credentials.yaml", "credentials: {jane: {pass: 'sha256:00'}, mark: {type: plain, pass: x}}\n");

    fn about_tests(text: &str) -> Vec<String> {
        let users = ("credentials.yaml", "credentials: {jane: {type: plain, pass: x}, mark: {type: plain, pass: x}}\n");
        let compiled = fresh(&[users, ("repos/library.yaml", GOOD), ("tests/a.yaml", text)]);
        let lines =
            problems(&compiled).into_iter().filter_map(|line| Some(line.strip_prefix("tests/a.yaml ")?.to_owned()));
        lines.collect()
    }

    #[test]
    fn good_ones_are_kept() {
        let text =
            "tests:\n  - {as: [jane, anonymous], can: pull, cannot: [push], image: library/a:v1, at: 2026-12-24}\n";
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

#[test]
fn very_many_claims_of_a_broken_file_close_what_is_new_around_them() {
    let claims = |count: usize, last: &str| {
        let each = (0..count).map(|number| format!("  prefix: other/name-{number}\n"));
        ("repos/broken.yaml", format!("repo: [\n{}  prefix: {last}\n", each.collect::<String>()))
    };
    let team = ("repos/team.yaml", GOOD);
    for (count, closes_all) in [(50, false), (101, true)] {
        let (path, text) = claims(count, "team/app");
        // Nothing was in force: the names are closed, or the repository around them.
        let compiled = fresh(&[team, (path, &text)]);
        assert_eq!(serves(&compiled, "team/app/x"), closed(if closes_all { "repos/team.yaml" } else { path }));
        let other = if closes_all { closed("repos/team.yaml") } else { open("repos/team.yaml") };
        assert_eq!(serves(&compiled, "team/other"), other);
        assert_eq!(serves(&compiled, "other/name-7"), closed(path));
        let told: Vec<_> = compiled.diagnostics.iter().map(|found| found.code).collect();
        let expected: &[&str] =
            if closes_all { &["bad-prefix", "yaml-syntax", "prefix-conflict"] } else { &["yaml-syntax"] };
        assert_eq!(told, expected);
        // From who was in force before, nobody takes anything.
        let before = fresh(&[team]);
        let compiled = compile(&tree(&[team, (path, &text)]), Some(&before));
        assert_eq!(serves(&compiled, "team/app/x"), open("repos/team.yaml"));
    }
    let (path, text) = claims(30_000, "team/app");
    let began = std::time::Instant::now();
    let compiled = fresh(&[
        ("repos/rest.yaml", "repo: {type: docker, storage: default, prefix: '', permissions: {}}\n"),
        (path, &text),
    ]);
    assert_eq!(serves(&compiled, "other/name-29999"), closed("repos/rest.yaml"));
    assert!(compiled.model.unwrap().snapshot.repositories().len() < 200);
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

#[test]
fn a_conflict_does_not_show_what_check_hides() {
    let held = "repo:\n  type: docker\n  prefix: shared # the key is 9q8kk7e43\n  port: 5001 # again 9q8kk7e43\n  \
                storage:\n    type: s3\n    bucket: b # and 9q8kk7e43\n    credentials: {type: basic, accessKeyId: AKIALEAK1, \
                secretAccessKey: {env: NAME}}\n  permissions: {}\n";
    let in_bucket =
        "{type: s3, bucket: b, prefix: x, credentials: {type: basic, accessKeyId: o, secretAccessKey: {env: NAME}}}";
    for (code, other) in [
        ("prefix-conflict", "repo: {type: docker, prefix: shared, storage: default, permissions: {}}\n".to_owned()),
        ("foreign-prefix", "repo: {type: docker, prefix: shared/a, storage: default, permissions: {}}\n".to_owned()),
        ("port-conflict", "repo: {type: docker, port: 5001, storage: default, permissions: {}}\n".to_owned()),
        ("storage-overlap", format!("repo: {{type: docker, storage: {in_bucket}, permissions: {{}}}}\n")),
    ] {
        let before = fresh(&[("repos/a.yaml", GOOD), ("repos/b.yaml", held)]);
        assert_eq!(before.secrets, [].into(), "{:?}", before.diagnostics);
        let tree = tree(&[("repos/a.yaml", &other), ("repos/b.yaml", held)]);
        let checked = super::check(&tree, jiff::Timestamp::UNIX_EPOCH).compiled;
        let hidden = checked.secrets.get("repos/b.yaml").unwrap();
        let shown = |span: &crate::diagnostic::Span| held[span.start..span.end].to_owned();
        assert_eq!(hidden.iter().filter(|span| shown(span).contains("9q8kk7e43")).count(), 3, "{hidden:?}");
        assert!(hidden.iter().any(|span| shown(span).contains("AKIALEAK1")), "{hidden:?}");
        for compiled in [compile(&tree, None), compile(&tree, Some(&before))] {
            assert!(compiled.diagnostics.iter().any(|found| found.code == code), "{:?}", compiled.diagnostics);
            assert_eq!(compiled.secrets.get("repos/b.yaml"), Some(hidden), "{code}");
        }
    }
}

#[test]
fn very_many_problems_of_a_file_are_counted() {
    let keys: String = (0..20_000).map(|number| format!("  k{number}: 1\n")).collect();
    let text = format!("repo:\n  type: docker\n  permissions: {{}}\n{keys}");
    let files = [("repos/a.yaml", &*text), ("repos/b.yaml", GOOD)];
    let compiled = fresh(&files);
    let count =
        |compiled: &Compiled| compiled.diagnostics.iter().map(crate::diagnostic::Diagnostic::count).sum::<usize>();
    assert_eq!((compiled.diagnostics.len(), count(&compiled)), (101, 20_000));
    let last = compiled.diagnostics.last().unwrap();
    assert_eq!((last.code, &*last.message), ("more-errors", "19900 more errors in this file"));
    // The same where the file did not change and what it came to is taken from before.
    assert_eq!(compile(&tree(&files), Some(&compiled)).diagnostics, compiled.diagnostics);

    let allowed = " # portolan: allow plain-password because it is a test";
    let users = |comment: &str| -> String {
        let line = |number| format!("  user-{number}: {{type: plain, pass: Harbour-2026}}{comment}\n");
        std::iter::once("credentials:\n".to_owned()).chain((0..150).map(line)).collect()
    };
    let check = |text: &str| super::check(&tree(&[("credentials.yaml", text)]), jiff::Timestamp::UNIX_EPOCH).compiled;
    let compiled = check(&users(""));
    assert_eq!((compiled.diagnostics.len(), count(&compiled)), (101, 150));
    assert_eq!(compiled.diagnostics.last().map(|last| (last.code, last.left_out)), Some(("more-warnings", 50)));
    // What comments allow is not counted.
    let compiled = check(&format!("{}  joe: {{type: plain, pass: Harbour-2026}}\n", users(allowed)));
    let told: Vec<_> = compiled.diagnostics.iter().map(|found| found.code).collect();
    assert_eq!(told, ["plain-password"]);
}

#[test]
fn a_secret_in_the_place_of_a_variable_is_not_repeated() {
    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPx";
    let storages = format!(
        "storages:\n  s:\n    type: s3\n    bucket: b\n    credentials:\n      type: basic\n      accessKeyId: {{env: KEY_ID}}\n      \
         secretAccessKey: {{env: {SECRET}}}\n"
    );
    let registry = format!("tokens: {{signing_key: {{env: '{SECRET}'}}}}\n");
    let tree = tree(&[("storages.yaml", &storages), ("registry.yaml", &registry), ("repos/a.yaml", GOOD)]);
    let mut checked = super::check(&tree, jiff::Timestamp::UNIX_EPOCH);
    checked.add_missing(|reference| Some(format!("{:?} is not set", reference.source)));
    let compiled = &checked.compiled;
    let codes: Vec<_> = compiled.diagnostics.iter().map(|found| found.code).collect();
    assert_eq!(codes, ["bad-secret", "missing-secret", "bad-secret"]);
    assert!(!format!("{:?} {:?}", compiled.diagnostics, checked.references).contains(SECRET));
    for (file, text) in [("registry.yaml", &registry), ("storages.yaml", &storages)] {
        let at = text.find(SECRET).unwrap();
        let hidden = &compiled.secrets[file];
        assert!(hidden.iter().any(|span| span.start <= at && at + SECRET.len() <= span.end), "{file}: {hidden:?}");
    }
}

#[test]
fn what_follows_a_lost_line_break_is_hidden() {
    const SECRET: &str = "9q8kk7e43abf56";
    let user = |lines: &str| ("credentials.yaml", format!("credentials:\n  jane:\n    type: plain\n    {lines}\n"));
    let until = format!("pass: x\n    previous: {{type: plain, pass: y, until: 2027-01-01 pass:{SECRET}}}");
    let bucket = |key: &str| format!("storages:\n  s:\n    type: s3\n    bucket: b\n    {key} pass:{SECRET}\n");
    let repository = format!("repo:\n  type: docker\n  prefix: a pass:{SECRET}\n  permissions: {{}}\n");
    for (file, text) in [
        user(&format!("expires: 2027-01-01 pass:{SECRET}")),
        user(&until),
        user(&format!("admin: true pass:{SECRET}")),
        user(&format!("enabled: true pass:{SECRET}")),
        user(&format!("groups: x pass:{SECRET}")),
        user(&format!("groups: [x pass:{SECRET}]")),
        user(&format!("email: a@b pass:{SECRET}")),
        ("credentials.yaml", format!("credentials:\n  jane: {{type: {SECRET}, pass: x}}\n")),
        ("credentials.yaml", format!("credentials:\n  jane: {{type: plain pass:{SECRET}}}\n")),
        ("registry.yaml", format!("tokens:\n  ttl: 5m signing_key:{SECRET}\n")),
        ("registry.yaml", format!("server:\n  listen: 0.0.0.0:5000 signing_key:{SECRET}\n")),
        ("registry.yaml", format!("server:\n  public_url: 'https://a signing_key:{SECRET}'\n")),
        ("registry.yaml", format!("log:\n  level: info signing_key:{SECRET}\n")),
        ("registry.yaml", format!("garbage:\n  every: 1d signing_key:{SECRET}\n")),
        ("storages.yaml", bucket("endpoint: https://a")),
        ("storages.yaml", bucket("region: eu")),
        ("storages.yaml", bucket("redirect: true")),
        ("repos/a.yaml", repository),
        ("repos/a.yaml", format!("repo:\n  type: docker\n  storage: a pass:{SECRET}\n  permissions: {{}}\n")),
        ("repos/a.yaml", format!("repo:\n  type: docker\n  permissions:\n    jane: [read pass:{SECRET}]\n")),
        ("repos/a.yaml", format!("repo:\n  type: docker\n  permissions:\n    jane pass:{SECRET}: [read]\n")),
        ("repos/a.yaml", format!("repo:\n  type: docker\n  immutable_tags: [v pass:{SECRET}]\n  permissions: {{}}\n")),
    ] {
        let compiled = fresh(&[(file, &text)]);
        let found: Vec<_> = compiled.diagnostics.iter().filter(|found| &*found.primary.place.file == file).collect();
        assert!(!found.is_empty() && !format!("{found:?}").contains(SECRET), "{text} {found:?}");
        let at = text.find(SECRET).unwrap();
        let hidden = &compiled.secrets[file];
        assert!(hidden.iter().any(|span| span.start <= at && at + SECRET.len() <= span.end), "{text}: {hidden:?}");
    }
    // What cannot be a secret is shown.
    for text in ["tokens: {ttl: 5x}\n", "log: {level: lout}\n"] {
        let compiled = fresh(&[("registry.yaml", text)]);
        assert_eq!((compiled.diagnostics.len(), &compiled.secrets["registry.yaml"]), (1, &Vec::new()), "{text}");
    }
}

#[test]
fn places_of_an_earlier_text_are_not_shown_in_the_present_one() {
    let registry = "# The first line of several.\n# The second.\nserver:\n  listen: '127.0.0.1:5001'\n";
    let storages = "# The first line of several.\n# The second.\nstorages:\n  default: {type: fs, path: x}\n";
    let repo = "repo: {type: docker, port: 5001, storage: {type: fs, path: x/y}, permissions: {}}\n";
    let before = fresh(&[("registry.yaml", registry), ("storages.yaml", storages), ("repos/a.yaml", GOOD)]);
    assert_eq!(problems(&before), [""; 0]);
    let others = |compiled: &Compiled| -> Vec<String> {
        let of_repository = compiled.diagnostics.iter().filter(|found| &*found.primary.place.file == "repos/b.yaml");
        let place = |found: &crate::diagnostic::Diagnostic| {
            let place = &found.secondary[0].place;
            format!("{} {} {}", found.code, place.file, place.span.is_some())
        };
        of_repository.map(place).collect()
    };
    let with = |registry, storages| {
        let files =
            [("registry.yaml", registry), ("storages.yaml", storages), ("repos/a.yaml", GOOD), ("repos/b.yaml", repo)];
        compile(&tree(&files), Some(&before))
    };
    let good = with(registry, storages);
    assert_eq!(others(&good), ["port-is-main registry.yaml true", "storage-overlap storages.yaml true"]);
    let broken = with("server: [\n", "storages: [\n");
    assert_eq!(others(&broken), ["port-is-main registry.yaml false", "storage-overlap storages.yaml false"]);
}
