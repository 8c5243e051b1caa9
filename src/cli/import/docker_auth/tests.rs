//! Nobody may do more than before: random rules, judged by a reading of their own.

use std::fmt::Write as _;
use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::*;

use crate::cli::import::report::Report;
use crate::cli::import::write;
use crate::config::{Content, Model, Tree, compile};
use crate::identity::Subject;
use crate::oci::{ImageName, Tag};
use crate::policy::{Action, ListCatalog, can, decide, may_see};

const HASH: &str = "$2y$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";
const USERS: [&str; 3] = ["jane", "mark", "ci.1"];
const IMAGES: [&str; 10] =
    ["app", "apps", "web", "team/app", "team/a/b", "team", "jane/x", "mark/x/y", "other/app", "ci.1/web"];
const ACCOUNTS: [Option<&str>; 9] = [
    None,
    Some("jane"),
    Some("mark"),
    Some(""),
    Some("*"),
    Some("/.+/"),
    Some("/^(jane|mark)$/"),
    Some("ja?e"),
    Some("[jm]*"),
];
const NAMES: [Option<&str>; 14] = [
    None,
    Some("app"),
    Some("app*"),
    Some("*"),
    Some("*/*"),
    Some("team/*"),
    Some("*/app"),
    Some("${account}/*"),
    Some("/.+/"),
    Some("/^team/.+$/"),
    Some("a?p"),
    Some("catalog"),
    Some("[a-m]*"),
    Some("/^(team|other)/app$/"),
];
const KINDS: [Option<&str>; 4] = [None, None, Some("repository"), Some("registry")];
const ACTIONS: [&[&str]; 7] =
    [&[], &["*"], &["pull"], &["pull", "push"], &["pull", "push", "delete"], &["delete"], &["push"]];

#[derive(Debug, Clone)]
struct Rule {
    account: Option<&'static str>,
    name: Option<&'static str>,
    kind: Option<&'static str>,
    actions: &'static [&'static str],
    /// Whether it depends on where the client is.
    has_address: bool,
}

fn rule() -> impl Strategy<Value = Rule> {
    let pick = proptest::sample::select::<Option<&str>>;
    let actions = proptest::sample::select(&ACTIONS[..]);
    (pick(&ACCOUNTS[..]), pick(&NAMES[..]), pick(&KINDS[..]), actions, proptest::bool::weighted(0.1))
        .prop_map(|(account, name, kind, actions, has_address)| Rule { account, name, kind, actions, has_address })
}

/// Whether a pattern matches, by its meaning: written for these patterns alone.
fn matches(pattern: Option<&str>, text: &str, account: &str) -> bool {
    let one = |text: &str| !text.contains('/');
    match pattern {
        None => true,
        Some("*") => one(text),
        Some("/.+/") => !text.is_empty(),
        Some("/^(jane|mark)$/") => text == "jane" || text == "mark",
        Some("/^(team|other)/app$/") => text == "team/app" || text == "other/app",
        Some("/^team/.+$/") => text.len() > 5 && text.starts_with("team/"),
        Some("ja?e") => text.len() == 4 && text.starts_with("ja") && text.ends_with('e'),
        Some("a?p") => text.len() == 3 && text.starts_with('a') && text.ends_with('p'),
        Some("[jm]*") => text.starts_with(['j', 'm']),
        Some("[a-m]*") => text.starts_with(|c: char| ('a'..='m').contains(&c)) && one(text),
        Some("app*") => text.starts_with("app") && one(text),
        Some("*/*") => text.split('/').count() == 2,
        Some("team/*") => text.strip_prefix("team/").is_some_and(one),
        Some("*/app") => text.strip_suffix("/app").is_some_and(one),
        Some("${account}/*") => text.strip_prefix(account).and_then(|rest| rest.strip_prefix('/')).is_some_and(one),
        Some(literal) => {
            assert!(!literal.contains(['*', '?', '[', '$']), "{literal}");
            text == literal
        }
    }
}

/// What the first rule that matches says. `is_near`: whether the client is where addresses say.
fn allowed(rules: &[Rule], account: &str, (kind, name): (&str, &str), action: &str, is_near: bool) -> bool {
    let found = rules.iter().find(|rule| {
        (is_near || !rule.has_address)
            && matches(rule.account, account, account)
            && matches(rule.kind, kind, account)
            && matches(rule.name, name, account)
    });
    found.is_some_and(|rule| rule.actions.contains(&action) || rule.actions == ["*"])
}

fn text_of(rules: &[Rule], has_anonymous: bool) -> String {
    let mut text = "users:\n".to_owned();
    for user in USERS {
        let _ = writeln!(text, "  {user}: {{password: \"{HASH}\"}}");
    }
    if has_anonymous {
        text.push_str("  \"\": {}\n");
    }
    text.push_str(if rules.is_empty() { "acl: []\n" } else { "acl:\n" });
    for rule in rules {
        let key = |key: &str, value: Option<&str>| value.map(|value| format!("{key}: \"{value}\""));
        let address = rule.has_address.then(|| "ip: 10.0.0.0/8".to_owned());
        let parts = [key("account", rule.account), key("name", rule.name), key("type", rule.kind), address];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        let _ = writeln!(text, "  - match: {{{}}}\n    actions: {:?}", parts.join(", "), rule.actions);
    }
    text
}

fn imported(text: &str) -> (Arc<Model>, Report) {
    let mut report = Report::default();
    let draft = super::import(text, "acl.yml", "images", &mut report).unwrap();
    let files = write::files(&draft, false).into_iter().map(|file| (Arc::from(file.path), file.text));
    let files = files.map(|(path, text)| (path, Content::Bytes(text.as_bytes().into())));
    let compiled = compile(&Tree { files: files.collect() }, None);
    assert!(!compiled.has_errors(), "{:?}", compiled.diagnostics);
    (compiled.model.unwrap(), report)
}

fn subject(model: &Model, account: &str) -> Subject {
    model.snapshot.user(account).map_or(Subject::Anonymous, |user| Subject::User(Arc::clone(user)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nobody_gains_anything(rules in proptest::collection::vec(rule(), 0..5), has_anonymous: bool) {
        let (model, report) = imported(&text_of(&rules, has_anonymous));
        let now = Timestamp::UNIX_EPOCH;
        let tag = Tag::parse("v1").unwrap();
        for account in USERS.into_iter().chain([""]) {
            let subject = subject(&model, account);
            let is_possible = !account.is_empty() || has_anonymous;
            for name in IMAGES {
                let image = ImageName::parse(name).unwrap();
                for action in Action::ALL {
                    let word = if action == Action::Overwrite { "push" } else { action.as_str() };
                    // The registry asks for `pull` as well where somebody pushes.
                    let before = |is_near: bool| {
                        let is_allowed = |word| allowed(&rules, account, ("repository", name), word, is_near);
                        is_possible && is_allowed(word) && (word != "push" || is_allowed("pull"))
                    };
                    let now_may = can(&model.snapshot, &subject, action, (&image, Some(&tag)), now).is_ok();
                    prop_assert!(!now_may || before(true) && before(false), "{account} gains {word} on {name}");
                    if report.is_complete() {
                        prop_assert_eq!(now_may, before(false), "{} {} {}", account, word, name);
                    }
                }
            }
            // Who sees an image that may not be pulled has the catalog.
            let unseen = ImageName::parse("never/granted/zzz").unwrap();
            let pulls = can(&model.snapshot, &subject, Action::Pull, (&unseen, None), now).is_ok();
            let sees = decide(&model.snapshot, &subject, &ListCatalog { only: None }, now).is_ok()
                && may_see(&model.snapshot, &subject, &unseen, now);
            let before = |is_near| is_possible && allowed(&rules, account, ("registry", "catalog"), "*", is_near);
            prop_assert!(pulls || !sees || before(true) && before(false), "{account} gains the catalog");
            if report.is_complete() && !pulls {
                prop_assert_eq!(sees, before(false), "catalog of {}", account);
            }
        }
    }
}

#[test]
fn what_belongs_to_an_account_is_not_given_to_later_ones() {
    let text = format!(
        "users: {{jane: {{password: \"{HASH}\"}}}}\nacl:\n  - match: {{account: /.+/, name: \"${{account}}/*\"}}\n    \
         actions: [pull]\n  - match: {{account: /.+/}}\n    actions: [pull]\n"
    );
    let mut report = Report::default();
    let draft = super::import(&text, "acl.yml", "images", &mut report).unwrap();
    let sections = draft.repositories[0].permissions.as_ref().unwrap();
    let who: Vec<(&str, &str)> =
        sections.iter().map(|(who, entries)| (who.as_str(), entries[0].text.as_str())).collect();
    assert_eq!(who, [("/*", "read"), ("jane", "repository:jane/*:pull")]);
}

fn left_out(text: &str) -> String {
    imported(text).1.sorted().text()
}

#[test]
fn a_refusal_that_hides_a_part_leaves_the_later_rule_out() {
    let text = format!(
        "users: {{jane: {{password: \"{HASH}\"}}, mark: {{password: \"{HASH}\"}}}}\nacl:\n  - match: {{account: jane, \
         name: secret/*}}\n    actions: []\n  - match: {{}}\n    actions: [pull]\n"
    );
    let (model, report) = imported(&text);
    let told = report.sorted().text();
    assert!(told.contains("acl.yml:5: the rule {}: `pull` is left out for `jane`"), "{told}");
    assert!(told.contains("the rule in line 3 refuses before"), "{told}");
    let image = ImageName::parse("app").unwrap();
    let pulls = |name: &str| {
        can(&model.snapshot, &subject(&model, name), Action::Pull, (&image, None), Timestamp::UNIX_EPOCH).is_ok()
    };
    assert!(pulls("mark") && !pulls("jane"));
}

#[test]
fn what_cannot_be_carried_over_is_told() {
    let told = left_out(&format!(
        "users:\n  jane: {{password: \"{HASH}\"}}\n  guest: {{}}\n  \"a b\": {{password: \"{HASH}\"}}\n  cut: {{password: \
         $2y$geheim}}\nldap_auth: {{bind_password: geheim}}\nacl:\n  - match: {{ip: 127.0.0.1}}\n    actions: [\"*\"]\n  - \
         match: {{account: jane, labels: {{a: b}}}}\n    actions: [pull]\n  - match: {{account: nobody}}\n    actions: \
         [pull]\n  - match: {{account: jane}}\n    actions: [read]\n"
    ));
    for expected in [
        "acl.yml:3: the user `guest`",
        "acl.yml:4: the user `a b`",
        "acl.yml:5: the user `cut`",
        "acl.yml:6: `ldap_auth`",
        "acl.yml:8: the rule {ip: \"127.0.0.1\"}: it depends on the address",
        "acl.yml:10: the rule {account: \"jane\", labels: …}: it depends on `labels`",
        "acl.yml:12: the rule {account: \"nobody\"}: it is for none",
        "acl.yml:14: the rule {account: \"jane\"}: there is no action `read`",
    ] {
        assert!(told.contains(expected), "{expected}\n{told}");
    }
    assert!(!told.contains("geheim"), "{told}");
}

#[test]
fn what_cannot_be_said_is_named() {
    let told = left_out(&format!(
        "users: {{jane: {{password: \"{HASH}\"}}}}\nacl:\n  - match: {{account: \"[j]*\", name: app}}\n    actions: [pull]\n  \
         - match: {{account: jane, name: \"web?\"}}\n    actions: [pull]\n  - match: {{account: \"[j]*\", type: repository, \
         name: \"[a]\"}}\n    actions: [pull]\n"
    ));
    for expected in ["acl.yml:3", "its pattern for `account`", "its pattern for `name`", "`account` and `name`"] {
        assert!(told.contains(expected), "{expected}\n{told}");
    }
}

#[test]
fn what_is_never_reached_is_not_written() {
    let text = format!(
        "users: {{admin: {{password: \"{HASH}\"}}, jane: {{password: \"{HASH}\"}}}}\nacl:\n  - match: {{account: admin}}\n    \
         actions: [\"*\"]\n  - match: {{account: /.+/, name: \"${{account}}/*\"}}\n    actions: [\"*\"]\n  - match: {{account: \
         /.+/}}\n    actions: [pull]\n  - match: {{account: jane, name: app}}\n    actions: [pull, push]\n"
    );
    let mut report = Report::default();
    let draft = super::import(&text, "acl.yml", "images", &mut report).unwrap();
    let sections = draft.repositories[0].permissions.as_ref().unwrap();
    let written: Vec<(&str, Vec<&str>)> = sections
        .iter()
        .map(|(who, entries)| (who.as_str(), entries.iter().map(|entry| entry.text.as_str()).collect()))
        .collect();
    let expected = [("/*", vec!["read"]), ("admin", vec!["*"]), ("jane", vec!["repository:jane/*:*"])];
    assert_eq!(written, expected);
}
