//! Everything that can be granted × everything that can be asked, as one table to be read in reviews.

use std::fmt::Write as _;
use std::sync::Arc;

use jiff::Timestamp;

use super::*;
use crate::identity::{Subject, User, UserName};
use crate::oci::{ImageName, Tag};

const GRANULAR: [&str; 19] = [
    "repository:app:pull",
    "repository:app:push",
    "repository:app:overwrite",
    "repository:app:delete",
    "repository:app:*",
    "repository:*:*",
    "repository:**:pull",
    "repository:.:*",
    "repository:ap*:pull",
    "repository:team/*:pull",
    "repository:team/**:pull",
    "repository:other:*",
    "repository:app:v*:push",
    "repository:app:v*:overwrite",
    "repository:app:v*:delete",
    "repository:app:v*:*",
    "repository:app:*:*",
    "registry:base:*",
    "registry:catalog:*",
];

/// One column: its heading, and the answer.
type Column = (&'static str, fn(&Asked<'_>) -> bool);

struct Asked<'a> {
    snapshot: &'a Arc<Snapshot>,
    jane: &'a Subject,
}

impl Asked<'_> {
    fn may<Q: Question>(&self, question: &Q) -> Option<Q::Permit> {
        decide(self.snapshot, self.jane, question, Timestamp::UNIX_EPOCH).ok()
    }

    fn pull(&self, name: &str) -> bool {
        self.may(&Pull(image(name))).is_some()
    }

    fn set(&self, name: &str) -> Option<TagMode> {
        let permit = self.may(&PutManifest { image: image("lib/app"), tags: vec![tag(name)] })?;
        permit.tags().first().map(|(_, mode)| *mode)
    }

    fn delete_at(&self, names: &[&str]) -> bool {
        let tags: Vec<_> = names.iter().map(|name| tag(name)).collect();
        self.may(&DeleteManifest(image("lib/app"))).is_some_and(|permit| permit.allows(&tags, &[]))
    }
}

fn image(name: &str) -> ImageName {
    ImageName::parse(name).unwrap()
}

fn tag(name: &str) -> Tag {
    Tag::parse(name).unwrap()
}

const COLUMNS: [Column; 20] = [
    ("sign in", |asked| asked.may(&SignIn).is_some()),
    ("pull lib", |asked| asked.pull("lib")),
    ("pull lib/app", |asked| asked.pull("lib/app")),
    ("pull lib/team", |asked| asked.pull("lib/team")),
    ("pull lib/team/x", |asked| asked.pull("lib/team/x")),
    ("head lib/app", |asked| asked.may(&Inspect(image("lib/app"))).is_some()),
    ("upload lib/app", |asked| asked.may(&Push(image("lib/app"))).is_some()),
    ("put @digest", |asked| asked.may(&PutManifest { image: image("lib/app"), tags: Vec::new() }).is_some()),
    ("create v1", |asked| asked.set("v1").is_some()),
    ("replace v1", |asked| asked.set("v1") == Some(TagMode::Replace)),
    ("create latest", |asked| asked.set("latest").is_some()),
    ("replace latest", |asked| asked.set("latest") == Some(TagMode::Replace)),
    ("put v1+latest", |asked| {
        asked.may(&PutManifest { image: image("lib/app"), tags: vec![tag("v1"), tag("latest")] }).is_some()
    }),
    ("delete :v1", |asked| asked.may(&DeleteTag { image: image("lib/app"), tag: tag("v1") }).is_some()),
    ("delete :latest", |asked| asked.may(&DeleteTag { image: image("lib/app"), tag: tag("latest") }).is_some()),
    ("delete @untagged", |asked| asked.delete_at(&[])),
    ("delete @v1", |asked| asked.delete_at(&["v1"])),
    ("delete @v1+latest", |asked| asked.delete_at(&["v1", "latest"])),
    ("delete blob", |asked| asked.may(&DeleteBlob(image("lib/app"))).is_some()),
    ("see lib/app", |asked| may_see(asked.snapshot, asked.jane, &image("lib/app"), Timestamp::UNIX_EPOCH)),
];

fn row(access: Access, immutable: &[&str], is_admin: bool) -> String {
    let jane = User {
        name: UserName::parse("jane").unwrap(),
        secrets: Vec::new(),
        groups: Default::default(),
        admin: is_admin,
        email: None,
        description: None,
        expires: None,
        enabled: true,
    };
    let repository = Repository {
        name: "lib".into(),
        file: "repos/lib.yaml".into(),
        prefix: "lib".into(),
        storage: StorageKey("default".into()),
        port: None,
        immutable_tags: immutable.iter().map(|glob| TagGlob::parse(glob).unwrap()).collect(),
        access,
    };
    let snapshot = Arc::new(Snapshot::new([jane], [repository]));
    let jane = Subject::User(Arc::clone(snapshot.user("jane").unwrap()));
    let asked = Asked { snapshot: &snapshot, jane: &jane };
    COLUMNS.iter().map(|(_, answer)| if answer(&asked) { " +" } else { " ." }).collect()
}

fn granted(text: &str) -> Access {
    let rule = Rule::Entry { file: "repos/lib.yaml".into(), line: 1 };
    let who = Who::User(UserName::parse("jane").unwrap());
    let grant = |what| Grant { who: who.clone(), what, until: None, rule: rule.clone() };
    Access::granted(parse_permission(text).unwrap().into_iter().map(grant).collect())
}

#[test]
fn everything_that_can_be_granted() {
    let mut table = String::new();
    for (at, (heading, _)) in COLUMNS.iter().enumerate() {
        writeln!(table, "{:30}{}{heading}", "", " |".repeat(at) + " ").unwrap();
    }
    let mut add = |label: &str, row: String| writeln!(table, "{label:30}{row}").unwrap();
    for text in OPERATION_WORDS.iter().chain(&GRANULAR) {
        add(text, row(granted(text), &[], false));
    }
    let open = || Access::Open(Rule::NoSection { file: "repos/lib.yaml".into() });
    add("(empty section)", row(Access::granted(Vec::new()), &[], false));
    add("(empty section), admin", row(Access::granted(Vec::new()), &[], true));
    add("(no section)", row(open(), &[], false));
    add("(broken file)", row(Access::Closed, &[], false));
    add("(broken file), admin", row(Access::Closed, &[], true));
    add("*, immutable v*", row(granted("*"), &["v*"], false));
    add("(no section), immutable v*", row(open(), &["v*"], false));
    add("admin, immutable v*", row(open(), &["v*"], true));
    let settings = || {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("../../tests/data");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings
    };
    settings().bind(|| insta::assert_snapshot!("permissions", table));
}

#[test]
fn a_bad_permission_says_what_where_and_what_was_meant() {
    for (text, wrong, suggestion, message) in [
        ("", "", None, "a permission cannot be empty"),
        ("raed", "raed", Some("read"), "unknown operation `raed`"),
        ("Read", "Read", Some("read"), "unknown operation `Read`"),
        ("overwrite", "overwrite", Some("write"), "unknown operation `overwrite`"),
        ("xyzzy", "xyzzy", None, "unknown operation `xyzzy`"),
        ("repo:app:pull", "repo", Some("repository"), "unknown scope `repo`"),
        ("repository:app", "repository:app", None, "malformed permission: write `repository:NAME:ACTION`"),
        (
            "repository:a:b:push:x",
            "repository:a:b:push:x",
            None,
            "malformed permission: write `repository:NAME:ACTION`",
        ),
        ("repository:app:pul", "pul", Some("pull"), "unknown action `pul`"),
        ("repository:app:read", "read", Some("pull"), "unknown action `read`"),
        ("repository:app:write", "write", Some("overwrite"), "unknown action `write`"),
        ("repository:App:pull", "App", None, "bad image name: `A` cannot stand"),
        ("repository::pull", "", None, "bad image name: a pattern cannot be empty"),
        ("repository:a**:pull", "a**", None, "bad image name: `**` stands for whole components"),
        ("repository:app:v?:push", "v?", None, "bad tag: `?` cannot stand"),
        (
            "repository:app:v*:pull",
            "repository:app:v*:pull",
            Some("repository:app:pull"),
            "`pull` cannot be limited to tags",
        ),
        ("registry:catlog:*", "catlog", Some("catalog"), "unknown registry permission `catlog`"),
        ("registry:catalog:pull", "pull", Some("*"), "malformed permission: write `registry:base:*`"),
        ("registry:catalog", "registry:catalog", None, "malformed permission: write `registry:base:*`"),
    ] {
        let error = parse_permission(text).unwrap_err();
        assert_eq!(&text[error.range.clone()], wrong, "{text}");
        assert_eq!(error.suggestion.as_deref(), suggestion, "{text}");
        assert!(error.to_string().starts_with(message), "{text}: {error}");
    }
}

#[test]
fn a_user_who_is_gone_has_no_rights_in_a_later_snapshot() {
    let open = || Repository {
        name: "lib".into(),
        file: "repos/lib.yaml".into(),
        prefix: "lib".into(),
        storage: StorageKey("default".into()),
        port: None,
        immutable_tags: Vec::new(),
        access: Access::Open(Rule::NoSection { file: "repos/lib.yaml".into() }),
    };
    let jane = User {
        name: UserName::parse("jane").unwrap(),
        secrets: Vec::new(),
        groups: Default::default(),
        admin: true,
        email: None,
        description: None,
        expires: None,
        enabled: true,
    };
    let before = Arc::new(Snapshot::new([jane], [open()]));
    let subject = Subject::User(Arc::clone(before.user("jane").unwrap()));
    let after = Arc::new(Snapshot::new([], [open()]));
    let question = Pull(image("lib/app"));
    assert!(decide(&before, &subject, &question, Timestamp::UNIX_EPOCH).is_ok());
    assert_eq!(decide(&after, &subject, &question, Timestamp::UNIX_EPOCH).err(), Some(Refusal::Inactive));
    assert_eq!(
        decide(&before, &subject, &Pull(image("elsewhere")), Timestamp::UNIX_EPOCH).err(),
        Some(Refusal::NoRepository),
        "an admin too"
    );
}
