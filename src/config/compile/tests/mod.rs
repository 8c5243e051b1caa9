//! Small folders in, problems out.

mod access_tests;
mod in_force;
mod places;
mod secrets;

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
