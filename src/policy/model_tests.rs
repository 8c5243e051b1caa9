//! Decisions compared with a naive model, written from the prose of the documentation: no index, no
//! early ends, every rule looked at.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::identity::{End, Subject, User, UserName};
use crate::oci::{ImageName, Tag};

const USERS: [&str; 3] = ["ann", "bob", "cy"];
const GROUPS: [&str; 2] = ["devs", "ops"];
const WHO: [&str; 7] = ["*", "/*", "/devs", "/ops", "ann", "bob", "cy"];
const PREFIXES: [&str; 3] = ["", "lib", "lib/in"];
const IMAGES: [&str; 8] = ["x", "x/y", "lib", "lib/x", "lib/x/y", "lib/in", "lib/in/x", "other/lib"];
const NAMES: [&str; 10] = ["*", "**", "x", "x/*", "x/**", "**/y", "*/y", "x*", ".", "in"];
const TAGS: [&str; 4] = ["v1", "v2", "latest", "sha256-ab"];
const TAG_GLOBS: [&str; 5] = ["v*", "*", "v1", "sha256-*", "*t"];
const WORDS: [&str; 4] = ["read", "push", "remove", "*"];

/// One entry as it is written, with the day on which it ends.
#[derive(Debug, Clone)]
struct Entry {
    who: &'static str,
    allow: String,
    until: Option<i64>,
}

#[derive(Debug, Clone)]
enum Section {
    Absent,
    Broken,
    Present(Vec<Entry>),
}

#[derive(Debug, Clone)]
struct Person {
    groups: Vec<&'static str>,
    admin: bool,
    enabled: bool,
    expires: Option<i64>,
}

#[derive(Debug, Clone)]
struct World {
    people: Vec<Person>,
    repositories: Vec<(Section, Vec<&'static str>)>,
    day: i64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Is {
    Refused,
    Once,
    Freely,
}

impl World {
    fn person(&self, who: Option<usize>) -> Option<&Person> {
        who.map(|who| &self.people[who])
    }

    fn is_out(&self, who: Option<usize>) -> bool {
        self.person(who).is_some_and(|person| !person.enabled || person.expires.is_some_and(|end| self.day >= end))
    }

    fn is_admin(&self, who: Option<usize>) -> bool {
        self.person(who).is_some_and(|person| person.admin)
    }

    fn applies(&self, entry: &Entry, who: Option<usize>) -> bool {
        let to = match (entry.who, who) {
            ("*", _) => true,
            (_, None) => false,
            ("/*", Some(_)) => true,
            (to, Some(who)) => match to.strip_prefix('/') {
                Some(group) => self.people[who].groups.contains(&group),
                None => USERS[who] == to,
            },
        };
        to && entry.until.is_none_or(|end| self.day < end)
    }

    /// The repository of the longest prefix, and the image's name below it.
    fn find(&self, image: &str) -> Option<(usize, String)> {
        let mut found = None;
        for (at, _) in self.repositories.iter().enumerate() {
            let prefix = PREFIXES[at];
            if prefix.is_empty() {
                found = Some((at, image.to_owned()));
            } else if image == prefix {
                found = Some((at, String::new()));
            } else if let Some(rest) = image.strip_prefix(&format!("{prefix}/")) {
                found = Some((at, rest.to_owned()));
            }
        }
        found
    }

    /// Whether an action is allowed: on a tag, on any tag at all (`Some("")`), or on the whole image.
    fn allows(&self, who: Option<usize>, image: &str, action: &str, tag: Option<&str>) -> bool {
        let Some((at, relative)) = self.find(image) else { return false };
        if self.is_out(who) {
            return false;
        }
        match &self.repositories[at].0 {
            Section::Broken => false,
            _ if self.is_admin(who) => true,
            Section::Absent => true,
            Section::Present(entries) => entries
                .iter()
                .any(|entry| self.applies(entry, who) && entry_allows(&entry.allow, &relative, action, tag)),
        }
    }

    fn is_public(&self, image: &str) -> bool {
        let Some((at, relative)) = self.find(image) else { return false };
        match &self.repositories[at].0 {
            Section::Broken => false,
            Section::Absent => true,
            Section::Present(entries) => entries
                .iter()
                .filter(|entry| entry.until.is_none() && self.applies(entry, None))
                .any(|entry| entry_allows(&entry.allow, &relative, "pull", None)),
        }
    }

    fn immutable(&self, who: Option<usize>, image: &str) -> Vec<&'static str> {
        match self.find(image) {
            Some((at, _)) if !self.is_admin(who) => self.repositories[at].1.clone(),
            _ => Vec::new(),
        }
    }

    fn is_kept(&self, who: Option<usize>, image: &str, tag: &str) -> bool {
        self.immutable(who, image).iter().any(|glob| {
            stars(glob.as_bytes(), tag.as_bytes()) && (glob.starts_with("sha256-") || !tag.starts_with("sha256-"))
        })
    }

    fn may_push(&self, who: Option<usize>, image: &str) -> bool {
        ["push", "overwrite"].iter().any(|action| self.allows(who, image, action, Some("")))
    }

    fn set_tag(&self, who: Option<usize>, image: &str, tag: &str) -> Is {
        let overwrite = self.allows(who, image, "overwrite", Some(tag));
        match overwrite || self.allows(who, image, "push", Some(tag)) {
            false => Is::Refused,
            true if overwrite && !self.is_kept(who, image, tag) => Is::Freely,
            true => Is::Once,
        }
    }

    fn delete_manifest(&self, who: Option<usize>, image: &str, pointing: &[&str], reaching: &[&str]) -> bool {
        let whole = self.allows(who, image, "delete", None);
        let each = !pointing.is_empty() && pointing.iter().all(|tag| self.allows(who, image, "delete", Some(tag)));
        (whole || each) && !pointing.iter().chain(reaching).any(|tag| self.is_kept(who, image, tag))
    }

    fn sign_in(&self, who: Option<usize>) -> bool {
        let anything = |section: &Section| match section {
            Section::Absent => true,
            Section::Broken => false,
            Section::Present(entries) => entries.iter().any(|entry| self.applies(entry, who)),
        };
        !self.is_out(who) && (self.is_admin(who) || self.repositories.iter().any(|(section, _)| anything(section)))
    }

    fn sees(&self, who: Option<usize>, image: &str) -> bool {
        let Some((at, _)) = self.find(image) else { return false };
        let lists = match &self.repositories[at].0 {
            Section::Present(entries) => entries.iter().any(|entry| {
                self.applies(entry, who) && !self.is_out(who) && ["registry:catalog:*", "*"].contains(&&*entry.allow)
            }),
            _ => false,
        };
        lists || self.allows(who, image, "pull", None)
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        let file: Arc<str> = "repos/r.yaml".into();
        let users = self.people.iter().zip(USERS).map(|(person, name)| User {
            name: UserName::parse(name).unwrap(),
            secrets: Vec::new(),
            groups: person.groups.iter().map(|group| UserName::parse(group).unwrap()).collect(),
            admin: person.admin,
            email: None,
            description: None,
            expires: person.expires.map(end),
            enabled: person.enabled,
        });
        let repositories = self.repositories.iter().zip(PREFIXES).map(|((section, immutable), prefix)| Repository {
            name: prefix.into(),
            file: Arc::clone(&file),
            prefix: prefix.into(),
            storage: StorageKey("s".into()),
            port: None,
            immutable_tags: immutable.iter().map(|glob| TagGlob::parse(glob).unwrap()).collect(),
            access: match section {
                Section::Absent => Access::Open(Rule::NoSection { file: Arc::clone(&file) }),
                Section::Broken => Access::Closed,
                Section::Present(entries) => Access::granted(compile(entries, &file)),
            },
        });
        Arc::new(Snapshot::new(users, repositories))
    }
}

fn compile(entries: &[Entry], file: &Arc<str>) -> Vec<Grant> {
    let who = |text: &str| match text.strip_prefix('/') {
        _ if text == "*" => Who::Anyone,
        Some("*") => Who::SignedIn,
        Some(group) => Who::Group(UserName::parse(group).unwrap()),
        None => Who::User(UserName::parse(text).unwrap()),
    };
    let mut grants = Vec::new();
    for (line, entry) in (1..).zip(entries) {
        for what in parse_permission(&entry.allow).unwrap() {
            let rule = Rule::Entry { file: Arc::clone(file), line };
            grants.push(Grant { who: who(entry.who), what, until: entry.until.map(end), rule });
        }
    }
    grants
}

fn entry_allows(allow: &str, relative: &str, action: &str, tag: Option<&str>) -> bool {
    let parts: Vec<_> = allow.split(':').collect();
    match parts.as_slice() {
        ["*"] => true,
        ["read"] => action == "pull",
        ["push"] => action == "push" || action == "overwrite",
        ["remove"] => action == "delete",
        ["repository", name, what] => named(name, relative) && (*what == "*" || *what == action),
        ["repository", name, glob, what] => {
            let fits = tag.is_some_and(|tag| tag.is_empty() || stars(glob.as_bytes(), tag.as_bytes()));
            named(name, relative) && fits && action != "pull" && (*what == "*" || *what == action)
        }
        _ => false,
    }
}

fn named(glob: &str, relative: &str) -> bool {
    let components =
        |text: &str| text.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    match glob {
        "*" | "**" => true,
        "." => relative.is_empty(),
        _ => path(&components(glob), &components(relative)),
    }
}

fn path(glob: &[String], name: &[String]) -> bool {
    match (glob, name) {
        ([], []) => true,
        ([first, rest @ ..], _) if first == "**" => (0..=name.len()).any(|skip| path(rest, &name[skip..])),
        ([first, rest @ ..], [component, below @ ..]) => {
            stars(first.as_bytes(), component.as_bytes()) && path(rest, below)
        }
        _ => false,
    }
}

fn stars(glob: &[u8], text: &[u8]) -> bool {
    match (glob, text) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => (0..=text.len()).any(|skip| stars(rest, &text[skip..])),
        ([first, rest @ ..], [byte, below @ ..]) => first == byte && stars(rest, below),
        _ => false,
    }
}

fn moment(day: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * day)
}

fn end(day: i64) -> End {
    End::parse(&moment(day).to_string()).unwrap()
}

fn permission() -> impl Strategy<Value = String> {
    prop_oneof![
        select(WORDS.as_slice()).prop_map(str::to_owned),
        (select(NAMES.as_slice()), select(&["pull", "push", "overwrite", "delete", "*"][..]))
            .prop_map(|(name, action)| format!("repository:{name}:{action}")),
        (select(NAMES.as_slice()), select(TAG_GLOBS.as_slice()), select(&["push", "overwrite", "delete", "*"][..]))
            .prop_map(|(name, tag, action)| format!("repository:{name}:{tag}:{action}")),
        select(&["registry:base:*", "registry:catalog:*"][..]).prop_map(str::to_owned),
    ]
}

fn world() -> impl Strategy<Value = World> {
    let day = || prop::option::weighted(0.3, 0..4_i64);
    let entry =
        (select(WHO.as_slice()), permission(), day()).prop_map(|(who, allow, until)| Entry { who, allow, until });
    let section = prop_oneof![
        1 => Just(Section::Absent),
        1 => Just(Section::Broken),
        8 => prop::collection::vec(entry, 0..8).prop_map(Section::Present),
    ];
    let immutable = prop_oneof![
        2 => Just(Vec::new()),
        1 => prop::collection::vec(select(TAG_GLOBS.as_slice()), 1..3),
    ];
    let groups = prop::sample::subsequence(GROUPS.to_vec(), 0..=2);
    let person = (groups, prop::bool::weighted(0.1), prop::bool::weighted(0.9), day())
        .prop_map(|(groups, admin, enabled, expires)| Person { groups, admin, enabled, expires });
    (prop::collection::vec(person, 3), prop::collection::vec((section, immutable), 1..=3), 0..4_i64)
        .prop_map(|(people, repositories, day)| World { people, repositories, day })
}

fn tags(names: &[&str]) -> Vec<Tag> {
    names.iter().map(|name| Tag::parse(name).unwrap()).collect()
}

/// Asks everything that can be asked about one image, and compares.
fn compare(world: &World, snapshot: &Arc<Snapshot>, who: Option<usize>, name: &str, pair: &[&str]) {
    let now = moment(world.day);
    let subject = match who {
        Some(who) => Subject::User(Arc::clone(snapshot.user(USERS[who]).unwrap())),
        None => Subject::Anonymous,
    };
    let image = ImageName::parse(name).unwrap();
    let case = format!("{who:?} {name} {pair:?}");

    let pull = decide(snapshot, &subject, &Pull(image.clone()), now);
    assert_eq!(pull.is_ok(), world.allows(who, name, "pull", None), "pull {case}");
    assert_eq!(may_pull(snapshot, &subject, &image, now), pull.is_ok());
    if let Ok(permit) = pull {
        assert_eq!(permit.is_public(), world.is_public(name), "public {case}");
    }
    let push = decide(snapshot, &subject, &Push(image.clone()), now);
    assert_eq!(push.is_ok(), world.may_push(who, name), "push {case}");
    let inspect = decide(snapshot, &subject, &Inspect(image.clone()), now);
    assert_eq!(inspect.is_ok(), world.allows(who, name, "pull", None) || world.may_push(who, name), "inspect {case}");
    assert_eq!(may_see(snapshot, &subject, &image, now), world.sees(who, name), "see {case}");

    let put = decide(snapshot, &subject, &PutManifest { image: image.clone(), tags: tags(pair) }, now);
    let expected: Vec<_> = pair.iter().map(|tag| world.set_tag(who, name, tag)).collect();
    let refused = !world.may_push(who, name) || expected.contains(&Is::Refused);
    assert_eq!(put.is_err(), refused, "put {case}");
    if let Ok(permit) = put {
        let modes = permit.tags().iter().map(|(_, mode)| match mode {
            TagMode::CreateOnly => Is::Once,
            TagMode::Replace => Is::Freely,
        });
        assert_eq!(modes.collect::<Vec<_>>(), expected, "put {case}");
    }
    for (tag, text) in tags(pair).into_iter().zip(pair) {
        let delete = decide(snapshot, &subject, &DeleteTag { image: image.clone(), tag }, now);
        let allowed = world.allows(who, name, "delete", Some(text)) && !world.is_kept(who, name, text);
        assert_eq!(delete.is_ok(), allowed, "delete tag {case}");
    }
    let manifest = decide(snapshot, &subject, &DeleteManifest(image.clone()), now);
    for (pointing, reaching) in [(pair, &[][..]), (&[], pair), (&pair[..1], pair), (&[], &[])] {
        let allowed = manifest.as_ref().is_ok_and(|permit| permit.allows(&tags(pointing), &tags(reaching)));
        assert_eq!(allowed, world.delete_manifest(who, name, pointing, reaching), "delete {pointing:?} {case}");
    }
    let blob = decide(snapshot, &subject, &DeleteBlob(image.clone()), now);
    let allowed = world.allows(who, name, "delete", None) && world.immutable(who, name).is_empty();
    assert_eq!(blob.is_ok(), allowed, "delete blob {case}");

    for other in IMAGES {
        let from = ImageName::parse(other).unwrap();
        let named = decide(snapshot, &subject, &Mount { image: image.clone(), from: Some(from.clone()) }, now);
        assert_eq!(named.is_ok(), world.may_push(who, name), "mount {other} {case}");
        if let Ok(permit) = named {
            assert_eq!(permit.source().is_some(), world.allows(who, other, "pull", None), "mount {other} {case}");
            assert!(!permit.may_search(&from) && permit.search_below().is_none());
        }
        if let Ok(permit) = decide(snapshot, &subject, &Mount { image: image.clone(), from: None }, now) {
            let here = world.find(name).map(|found| found.0) == world.find(other).map(|found| found.0);
            let allowed = here && world.allows(who, other, "pull", None);
            assert_eq!(permit.may_search(&from), allowed, "search {other} {case}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_decision_is_that_of_the_prose(world in world(), pair in prop::sample::subsequence(TAGS.to_vec(), 1..=3)) {
        let snapshot = world.snapshot();
        for who in [None, Some(0), Some(1), Some(2)] {
            for image in IMAGES {
                compare(&world, &snapshot, who, image, &pair);
            }
            let subject = match who {
                Some(who) => Subject::User(Arc::clone(snapshot.user(USERS[who]).unwrap())),
                None => Subject::Anonymous,
            };
            let now = moment(world.day);
            let sign_in = decide(&snapshot, &subject, &SignIn, now);
            prop_assert_eq!(sign_in.is_ok(), world.sign_in(who), "sign in {:?}", who);
            let list = decide(&snapshot, &subject, &ListCatalog { only: None }, now);
            let listed = if who.is_some() { !world.is_out(who) } else { world.sign_in(None) };
            prop_assert_eq!(list.is_ok(), listed, "list {:?}", who);
            if let Ok(permit) = list {
                for name in IMAGES {
                    let image = ImageName::parse(name).unwrap();
                    prop_assert_eq!(permit.shows(&image), world.sees(who, name), "shows {} {:?}", name, who);
                }
            }
        }
    }

    #[test]
    fn patterns_match_as_the_naive_ones_do(
        glob in "(\\*\\*/|\\*/|a/|a\\*/|\\*b/){0,4}(a|\\*|\\*\\*|a\\*|\\*a\\*b)",
        name in "((a|b|ab|ba|aab)/){0,4}(a|b|ab|aab)",
    ) {
        let parsed = ImageGlob::parse(&glob).unwrap();
        prop_assert_eq!(parsed.matches(&name), named(&glob, &name));
        prop_assert_eq!(parsed.matches(""), named(&glob, ""));
    }

    #[test]
    fn any_text_is_a_permission_or_an_error_that_points_into_it(text in "(repository|registry|re)?[:a-z*/.é\\x00]{0,20}") {
        if let Err(error) = parse_permission(&text) {
            prop_assert!(text.get(error.range.clone()).is_some(), "{:?}", error.range);
            prop_assert!(!error.to_string().contains('\0'));
        }
    }
}
