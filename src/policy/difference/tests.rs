//! Differences compared with all decisions on a sample of subjects, images, tags and moments.

use std::sync::Arc;

use jiff::SignedDuration;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::*;
use super::*;
use crate::identity::{Subject, User};
use crate::oci::{ImageName, Tag};

const USERS: [&str; 3] = ["ann", "bob", "cy"];
/// Signed in, and nothing is granted to them by name.
const STRANGER: &str = "stranger";
const GROUPS: [&str; 2] = ["devs", "ops"];
const WHO: [&str; 7] = ["*", "/*", "/devs", "/ops", "ann", "bob", "cy"];
const PREFIXES: [&str; 3] = ["", "lib", "lib/in"];
const IMAGES: [&str; 10] =
    ["x", "xx", "x/y", "lib", "lib/x", "lib/x/y", "lib/in", "lib/in/x", "lib/in/x/y", "other/lib"];
const NAMES: [&str; 11] = ["*", "**", "x", "x/*", "x/**", "**/y", "*/y", "x*", ".", "in/x", "**/x"];
/// The last one is matched by `*t` and not protected by it.
const TAGS: [&str; 5] = ["v1", "v2", "latest", "sha256-ab", "sha256-t"];
const TAG_GLOBS: [&str; 5] = ["v*", "*", "v1", "sha256-*", "*t"];
const DAYS: i64 = 4;

#[derive(Debug, Clone, PartialEq)]
struct Entry {
    who: &'static str,
    allow: String,
    until: Option<i64>,
}

#[derive(Debug, Clone)]
struct Person {
    is_there: bool,
    groups: Vec<&'static str>,
    admin: bool,
    enabled: bool,
    expires: Option<i64>,
}

#[derive(Debug, Clone)]
enum Section {
    Missing,
    Closed,
    Open,
    Entries(Vec<Entry>),
}

#[derive(Debug, Clone)]
struct World {
    people: Vec<Person>,
    repositories: Vec<(Section, Vec<&'static str>)>,
}

fn moment(day: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * day)
}

fn end(day: i64) -> End {
    End::parse(&moment(day).to_string()).unwrap()
}

fn name(text: &str) -> UserName {
    UserName::parse(text).unwrap()
}

fn who(text: &str) -> Who {
    match text.strip_prefix('/') {
        _ if text == "*" => Who::Anyone,
        Some("*") => Who::SignedIn,
        Some(group) => Who::Group(name(group)),
        None => Who::User(name(text)),
    }
}

fn grants(entries: &[Entry]) -> Vec<Grant> {
    let mut grants = Vec::new();
    for (line, entry) in (1..).zip(entries) {
        for what in parse_permission(&entry.allow).unwrap() {
            let rule = Rule::Entry { file: "f".into(), line };
            grants.push(Grant { who: who(entry.who), what, until: entry.until.map(end), rule });
        }
    }
    grants
}

fn person(text: &str) -> User {
    let groups = std::collections::BTreeSet::new();
    let (admin, enabled) = (false, true);
    User { name: name(text), secrets: vec![], groups, admin, email: None, description: None, expires: None, enabled }
}

fn snapshot(users: Vec<User>, repositories: Vec<(&str, Access, Vec<TagGlob>)>) -> Arc<Snapshot> {
    let repositories = repositories.into_iter().map(|(prefix, access, immutable_tags)| Repository {
        name: prefix.into(),
        file: "f".into(),
        prefix: prefix.into(),
        storage: StorageKey("s".into()),
        port: None,
        immutable_tags,
        access,
    });
    Arc::new(Snapshot::new(users, repositories))
}

impl World {
    fn snapshot(&self) -> Arc<Snapshot> {
        let people = self.people.iter().zip(USERS).filter(|(person, _)| person.is_there);
        let users = people.map(|(of, text)| User {
            groups: of.groups.iter().map(|group| name(group)).collect(),
            admin: of.admin,
            expires: of.expires.map(end),
            enabled: of.enabled,
            ..person(text)
        });
        let users = users.chain([person(STRANGER)]).collect();
        let mut repositories = Vec::new();
        for ((section, immutable), prefix) in self.repositories.iter().zip(PREFIXES) {
            let access = match section {
                Section::Missing => continue,
                Section::Closed => Access::Closed,
                Section::Open => Access::Open(Rule::NoSection { file: "f".into() }),
                Section::Entries(entries) => Access::granted(grants(entries)),
            };
            let immutable = immutable.iter().map(|glob| TagGlob::parse(glob).unwrap()).collect();
            repositories.push((prefix, access, immutable));
        }
        snapshot(users, repositories)
    }
}

/// Something that can be tried.
#[derive(Debug, Clone, PartialEq)]
enum Try {
    SignIn,
    See,
    Pull,
    PushDigest,
    Push(String),
    Overwrite(String),
    DeleteTag(String),
    DeleteManifest(Vec<String>, Vec<String>),
    DeleteBlob,
}

fn tag(text: &str) -> Tag {
    Tag::parse(text).unwrap()
}

fn subject(snapshot: &Snapshot, other: &Snapshot, whose: &Whose) -> Subject {
    let of = |text: &str| {
        snapshot.user(text).or_else(|| other.user(text)).map_or_else(|| Arc::new(person(text)), Arc::clone)
    };
    match whose {
        Whose::Anonymous => Subject::Anonymous,
        Whose::SignedIn => Subject::User(of(STRANGER)),
        Whose::User(name) => Subject::User(of(name.as_str())),
    }
}

fn allowed(snapshot: &Arc<Snapshot>, subject: &Subject, image: &str, what: &Try, now: Timestamp) -> bool {
    let image = ImageName::parse(image).unwrap();
    let put = |tags: Vec<Tag>| decide(snapshot, subject, &PutManifest { image: image.clone(), tags }, now);
    let tags = |texts: &[String]| texts.iter().map(|text| tag(text)).collect::<Vec<_>>();
    match what {
        Try::SignIn => decide(snapshot, subject, &SignIn, now).is_ok(),
        Try::See => may_see(snapshot, subject, &image, now),
        Try::Pull => decide(snapshot, subject, &Pull(image), now).is_ok(),
        Try::PushDigest => put(vec![]).is_ok(),
        Try::Push(text) => put(vec![tag(text)]).is_ok(),
        Try::Overwrite(text) => put(vec![tag(text)]).is_ok_and(|permit| permit.tags()[0].1 == TagMode::Replace),
        Try::DeleteTag(text) => decide(snapshot, subject, &DeleteTag { image, tag: tag(text) }, now).is_ok(),
        Try::DeleteManifest(pointing, reaching) => decide(snapshot, subject, &DeleteManifest(image), now)
            .is_ok_and(|permit| permit.allows(&tags(pointing), &tags(reaching))),
        Try::DeleteBlob => decide(snapshot, subject, &DeleteBlob(image), now).is_ok(),
    }
}

fn tries(more_tags: &[&str]) -> Vec<Try> {
    let tags: Vec<String> = TAGS.iter().chain(more_tags).map(|tag| (*tag).to_owned()).collect();
    let mut tries = vec![Try::SignIn, Try::See, Try::Pull, Try::PushDigest, Try::DeleteBlob];
    tries.push(Try::DeleteManifest(vec![], vec![]));
    for one in &tags {
        tries.extend([Try::Push(one.clone()), Try::Overwrite(one.clone()), Try::DeleteTag(one.clone())]);
        for other in &tags {
            tries.push(Try::DeleteManifest(vec![one.clone()], vec![other.clone()]));
            tries.push(Try::DeleteManifest(vec![one.clone(), other.clone()], vec![]));
        }
        tries.push(Try::DeleteManifest(vec![], vec![one.clone()]));
    }
    tries
}

impl Try {
    fn facet(&self) -> Option<Facet> {
        match self {
            Self::SignIn => None,
            Self::See => Some(Facet::Catalog),
            Self::Pull => Some(Facet::Pull),
            Self::PushDigest | Self::Push(_) => Some(Facet::Push),
            Self::Overwrite(_) => Some(Facet::Overwrite),
            Self::DeleteTag(_) | Self::DeleteManifest(..) | Self::DeleteBlob => Some(Facet::Delete),
        }
    }

    fn tags(&self) -> Vec<Tag> {
        match self {
            Self::Push(text) | Self::Overwrite(text) | Self::DeleteTag(text) => vec![tag(text)],
            Self::DeleteManifest(one, two) => one.iter().chain(two).map(|text| tag(text)).collect(),
            Self::SignIn | Self::See | Self::Pull | Self::PushDigest | Self::DeleteBlob => vec![],
        }
    }
}

impl Change {
    /// Whether it says of a subject, apart from whose it is, that something is possible with an image.
    fn tells(&self, image: &str, what: &Try) -> bool {
        let image = ImageName::parse(image).unwrap();
        let Doing::With(facets) = &self.doing else {
            return *what == Try::SignIn;
        };
        let Some(facet) = what.facet() else {
            return true;
        };
        // What may be pulled is seen, and is told once.
        let does = facets.contains(&facet) || facet == Facet::Catalog && facets.contains(&Facet::Pull);
        let here = self.images.as_ref().is_some_and(|images| images.matches(&image))
            && self.below.as_ref().is_none_or(|below| image.relative_to(below).is_some());
        let tags = what.tags();
        let on_tags =
            self.tags.as_ref().is_none_or(|glob| tags.iter().any(|tag| glob.matches(tag)) || *what == Try::PushDigest);
        let freed = match &self.because {
            Because::Immutable(globs) => {
                tags.is_empty()
                    || globs.iter().any(|glob| tags.iter().any(|tag| TagGlob::parse(glob).unwrap().matches(tag)))
            }
            _ => true,
        };
        does && here && on_tags && freed
    }
}

/// Everything that `this` allows and `other` does not is told, and everything that is told is true.
fn compare(this: &Arc<Snapshot>, other: &Arc<Snapshot>, day: i64, changes: &[Change]) {
    let at = moment(day);
    let moments: Vec<Timestamp> = (day..=DAYS).map(moment).collect();
    let all: Vec<Whose> = [Whose::Anonymous, Whose::SignedIn]
        .into_iter()
        .chain(USERS.iter().map(|user| Whose::User(name(user))))
        .collect();
    let gained = |whose: &Whose, image: &str, what: &Try, now: Timestamp| {
        let subject = subject(this, other, whose);
        allowed(this, &subject, image, what, now) && !allowed(other, &subject, image, what, now)
    };
    let probes = tries(&[]);
    for whose in &all {
        let (is_user, there) = match whose {
            Whose::User(name) => (true, other.user(name.as_str())),
            _ => (false, None),
        };
        for (image, what, now) in IMAGES
            .iter()
            .flat_map(|image| probes.iter().map(move |what| (image, what)))
            .flat_map(|(image, what)| moments.iter().map(move |now| (image, what, *now)))
        {
            // Who is an admin on both sides gains nothing by what there is for admins.
            let admin = |user: Option<&Arc<User>>| user.is_some_and(|user| user.admin && user.is_active(now));
            let is_always_admin = matches!(whose, Whose::User(name) if admin(this.user(name.as_str())) && admin(there) && *what != Try::SignIn);
            if is_always_admin || !gained(whose, image, what, now) {
                continue;
            }
            let told = changes.iter().any(|change| {
                let theirs = change.whose == *whose || (is_user && change.whose == Whose::SignedIn);
                theirs && (!change.only_longer || now > at) && change.tells(image, what)
            });
            // Who exists, or is active, on this side only may do what anybody who is signed in may. Who is
            // active longer keeps everything longer.
            let by_account = is_user
                && changes.iter().any(|change| {
                    let expired = !there.is_some_and(|there| there.is_active(now));
                    let by_all = allowed(this, &subject(this, other, &Whose::SignedIn), image, what, now);
                    change.whose == *whose
                        && change.doing == Doing::SigningIn
                        && expired
                        && (by_all || change.only_longer)
                });
            assert!(told || by_account, "not told: {whose:?} {image} {what:?} {now}\n{changes:#?}");
        }
    }
    for change in changes {
        assert!(!change.undecided, "{change:?}");
        let image = change.example.image.as_ref().map_or("x", ImageName::as_str);
        let more = change.example.tag.as_ref().map(Tag::as_str);
        if let (Because::Admin, None, Whose::User(name)) = (&change.because, &change.example.image, &change.whose) {
            let is_admin =
                |side: &Snapshot| side.user(name.as_str()).is_some_and(|user| user.admin && user.is_active(at));
            assert!(is_admin(this) && !is_admin(other), "not true: {change:#?}");
            continue;
        }
        let facet = match &change.doing {
            Doing::SigningIn => None,
            Doing::With(facets) => facets.first().copied(),
        };
        let moments = if change.only_longer { &moments[1..] } else { &moments[..1] };
        let is_true = tries(more.as_slice()).iter().any(|what| {
            let tags = what.tags();
            let fits = more.is_none_or(|more| tags.contains(&tag(more))) && what.facet() == facet;
            fits && moments.iter().any(|now| gained(&change.whose, image, what, *now))
        });
        assert!(is_true, "not true: {change:#?}");
    }
}

fn permission() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => select(&["read", "push", "remove", "*"][..]).prop_map(str::to_owned),
        4 => (select(NAMES.as_slice()), select(&["pull", "push", "overwrite", "delete", "*"][..]))
            .prop_map(|(name, action)| format!("repository:{name}:{action}")),
        4 => (select(NAMES.as_slice()), select(TAG_GLOBS.as_slice()), select(&["push", "overwrite", "delete", "*"][..]))
            .prop_map(|(name, tag, action)| format!("repository:{name}:{tag}:{action}")),
        1 => select(&["registry:base:*", "registry:catalog:*"][..]).prop_map(str::to_owned),
    ]
}

fn day() -> impl Strategy<Value = Option<i64>> {
    prop::option::weighted(0.3, 0..DAYS)
}

fn entry() -> impl Strategy<Value = Entry> {
    (select(WHO.as_slice()), permission(), day()).prop_map(|(who, allow, until)| Entry { who, allow, until })
}

fn section() -> impl Strategy<Value = Section> {
    prop_oneof![
        1 => Just(Section::Missing),
        1 => Just(Section::Closed),
        1 => Just(Section::Open),
        8 => prop::collection::vec(entry(), 0..7).prop_map(Section::Entries),
    ]
}

fn some_person() -> impl Strategy<Value = Person> {
    let groups = prop::sample::subsequence(GROUPS.to_vec(), 0..=2);
    let flags = (prop::bool::weighted(0.9), prop::bool::weighted(0.1), prop::bool::weighted(0.9));
    (groups, flags, day()).prop_map(|(groups, (is_there, admin, enabled), expires)| Person {
        is_there,
        groups,
        admin,
        enabled,
        expires,
    })
}

fn immutable() -> impl Strategy<Value = Vec<&'static str>> {
    prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(select(TAG_GLOBS.as_slice()), 1..3)]
}

fn world() -> impl Strategy<Value = World> {
    let repositories = prop::collection::vec((section(), immutable()), 1..=3);
    (prop::collection::vec(some_person(), 3), repositories)
        .prop_map(|(people, repositories)| World { people, repositories })
}

/// A world and another that differs in a few places.
fn edited() -> impl Strategy<Value = (World, World)> {
    #[derive(Debug, Clone)]
    enum Edit {
        Person(usize, Person),
        Section(usize, Section),
        Immutable(usize, Vec<&'static str>),
        Entry(usize, usize, Option<Entry>),
    }
    let edit = prop_oneof![
        1 => (0..3_usize, some_person()).prop_map(|(at, person)| Edit::Person(at, person)),
        1 => (0..3_usize, section()).prop_map(|(at, section)| Edit::Section(at, section)),
        1 => (0..3_usize, immutable()).prop_map(|(at, globs)| Edit::Immutable(at, globs)),
        4 => (0..3_usize, 0..7_usize, prop::option::weighted(0.7, entry())).prop_map(|(at, place, entry)| Edit::Entry(at, place, entry)),
    ];
    (world(), prop::collection::vec(edit, 0..4)).prop_map(|(old, edits)| {
        let mut new = old.clone();
        for edit in edits {
            match edit {
                Edit::Person(at, person) => new.people[at] = person,
                Edit::Section(at, section) => {
                    if let Some(slot) = new.repositories.get_mut(at) {
                        slot.0 = section
                    }
                }
                Edit::Immutable(at, globs) => {
                    if let Some(slot) = new.repositories.get_mut(at) {
                        slot.1 = globs
                    }
                }
                Edit::Entry(at, place, entry) => {
                    if let Some((Section::Entries(entries), _)) = new.repositories.get_mut(at) {
                        let place = place.min(entries.len());
                        if place < entries.len() {
                            entries.remove(place);
                        }
                        entries.splice(place..place, entry);
                    }
                }
            }
        }
        (old, new)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_difference_is_that_of_all_decisions((old, new) in edited(), day in 0..DAYS) {
        let (old, new) = (old.snapshot(), new.snapshot());
        let found = difference(&old, &new, moment(day));
        compare(&new, &old, day, &found.gains);
        compare(&old, &new, day, &found.losses);
    }

    #[test]
    fn rights_are_those_of_all_decisions(world in world(), day in 0..DAYS) {
        let snapshot = world.snapshot();
        let users = USERS.iter().map(|user| Whose::User(name(user)));
        for whose in [Whose::Anonymous, Whose::SignedIn].into_iter().chain(users) {
            IMAGES.iter().for_each(|image| compare_rights(&snapshot, &whose, image, moment(day)));
        }
    }

    #[test]
    fn other_words_for_the_same_are_no_difference(
        world in world(),
        day in 0..DAYS,
        turn in 0..8_usize,
    ) {
        let mut other = world.clone();
        for (section, immutable) in &mut other.repositories {
            immutable.reverse();
            if let Section::Entries(entries) = section {
                *entries = entries.iter().flat_map(in_other_words).collect();
                let turn = turn.min(entries.len());
                entries.rotate_left(turn);
                // Who is in a group of their own, alone, is meant by it.
                for entry in entries.iter_mut().filter(|entry| entry.who == "ann") {
                    entry.who = "/only-ann";
                }
            }
        }
        let person = &mut other.people[0];
        person.groups.push("only-ann");
        prop_assert_eq!(difference(&world.snapshot(), &other.snapshot(), moment(day)), Difference::default());
    }
}

/// Every right that is listed is one, and every one is listed; `can` says what the decisions say.
fn compare_rights(snapshot: &Arc<Snapshot>, whose: &Whose, image: &str, now: Timestamp) {
    let subject = subject(snapshot, snapshot, whose);
    let holder = Holder::of(snapshot, &subject);
    let name = ImageName::parse(image).unwrap();
    let rights = rights_on(snapshot, holder, &name, now);
    let is_kept = |text: &str| {
        let globs = snapshot.repository_of(&name).map(|found| found.immutable_tags.clone()).unwrap_or_default();
        !rights.iter().any(Right::is_admin) && globs.iter().any(|glob| glob.matches_immutable(&tag(text)))
    };
    let has = |action: Action, on: Option<&str>| {
        let fits = |right: &Right| match (&right.tags, on) {
            (None, _) => true,
            (Some(glob), Some(text)) => glob.matches(&tag(text)),
            (Some(_), None) => false,
        };
        rights.iter().any(|right| right.actions.contains(action) && fits(right))
    };
    let can_do = |action: Action, on: Option<&str>| {
        let on = on.map(tag);
        can(snapshot, &subject, action, (&name, on.as_ref()), now).is_ok()
    };
    let is = |what: Try| allowed(snapshot, &subject, image, &what, now);
    let case = format!("{whose:?} {image} {rights:#?}");
    assert_eq!(is(Try::Pull), has(Action::Pull, None), "{case}");
    assert_eq!(is(Try::Pull), can_do(Action::Pull, None), "{case}");
    assert_eq!(is(Try::PushDigest), can_do(Action::Push, None), "{case}");
    assert_eq!(is(Try::PushDigest), rights.iter().any(|right| right.actions.contains(Action::Push)), "{case}");
    assert_eq!(can_do(Action::Delete, None), decide(snapshot, &subject, &DeleteManifest(name.clone()), now).is_ok());
    for text in TAGS {
        let (push, overwrite) = (is(Try::Push(text.to_owned())), is(Try::Overwrite(text.to_owned())));
        assert_eq!(push, has(Action::Push, Some(text)), "{text} {case}");
        assert_eq!(push, can_do(Action::Push, Some(text)), "{text} {case}");
        assert_eq!(overwrite, has(Action::Overwrite, Some(text)) && !is_kept(text), "{text} {case}");
        assert_eq!(overwrite, can_do(Action::Overwrite, Some(text)), "{text} {case}");
        assert!(!overwrite || can_do(Action::Overwrite, None), "{text} {case}");
        let delete = is(Try::DeleteTag(text.to_owned()));
        assert_eq!(delete, has(Action::Delete, Some(text)) && !is_kept(text), "{text} {case}");
        assert_eq!(delete, can_do(Action::Delete, Some(text)), "{text} {case}");
    }
}

fn in_other_words(entry: &Entry) -> Vec<Entry> {
    let texts: Vec<String> = match entry.allow.as_str() {
        "read" => vec!["download".to_owned()],
        "push" => vec!["repository:**:push".to_owned(), "repository:*:overwrite".to_owned()],
        "*" => ["r", "w", "d", "registry:catalog:*"].map(str::to_owned).to_vec(),
        text => match text
            .strip_suffix(":*")
            .filter(|rest| rest.starts_with("repository:") && rest.matches(':').count() == 1)
        {
            Some(rest) => ["pull", "push", "overwrite", "delete"].map(|action| format!("{rest}:{action}")).to_vec(),
            None => vec![text.replace("repository:x/**:", "repository:x/**/**:")],
        },
    };
    texts.into_iter().map(|allow| Entry { allow, ..entry.clone() }).collect()
}

#[test]
fn an_admin_gains_nothing_by_a_repository_but_everything_by_becoming_one() {
    let at = moment(0);
    let jane = |admin| User { admin, ..person("jane") };
    let all = || Access::granted(grants(&[Entry { who: "*", allow: "*".to_owned(), until: None }]));
    let with = |admin, repositories| snapshot(vec![jane(admin)], repositories);
    let (one, two) = (
        vec![("a", Access::granted(vec![]), vec![])],
        vec![("a", Access::granted(vec![]), vec![]), ("b", Access::granted(vec![]), vec![])],
    );
    let more = difference(&with(true, one.clone()), &with(true, two), at);
    assert_eq!(more, Difference::default(), "a new repository, or another name of one");
    // Even where there is nothing that an admin could do more, today.
    for repositories in [one, vec![("a", all(), vec![])], vec![]] {
        let (user, admin) = (with(false, repositories.clone()), with(true, repositories));
        let (made, revoked) = (difference(&user, &admin, at), difference(&admin, &user, at));
        for changes in [&made.gains, &revoked.losses] {
            let of_admin: Vec<_> = changes.iter().filter(|change| change.because == Because::Admin).collect();
            assert_eq!(of_admin.len(), 1, "{changes:#?}");
            assert!(matches!(&of_admin[0].doing, Doing::With(facets) if facets.len() == 4), "{changes:#?}");
        }
        assert!(made.losses.is_empty() && revoked.gains.is_empty());
    }
}

#[test]
fn a_section_that_names_very_many_users_takes_no_longer_than_its_length() {
    let time = |count: usize| {
        let names: Vec<String> = (0..count).map(|number| format!("user-{number:05}")).collect();
        let of = |word: &str| {
            let what = parse_permission(word).unwrap().remove(0);
            let grant = |text: &String| Grant { who: who(text), what: what.clone(), until: None, rule: Rule::Public };
            let access = Access::granted(names.iter().map(grant).collect());
            snapshot(names.iter().map(|name| person(name)).collect(), vec![("a", access, Vec::new())])
        };
        let (old, new) = (of("read"), of("write"));
        let begun = std::time::Instant::now();
        let found = difference(&old, &new, moment(0));
        assert_eq!((found.gains.len(), found.losses.len()), (count, count));
        begun.elapsed()
    };
    let (few, many) = (time(500), time(5_000));
    // Ten times as much; a hundred times where each user looks at the grants of all.
    assert!(many < few * 40 + std::time::Duration::from_secs(1), "{few:?} {many:?}");
}

#[test]
fn who_is_no_admin_any_more_loses_today_what_was_granted_to_nobody_and_later_what_was_granted_for_a_time() {
    let jane = |admin| User { admin, ..person("jane") };
    let of = |admin, end| {
        let entry = Entry { who: "*", allow: "repository:*:pull".to_owned(), until: end };
        snapshot(vec![jane(admin)], vec![("", Access::granted(grants(&[entry])), vec![])])
    };
    let losses = difference(&of(true, Some(1)), &of(false, Some(1)), moment(0)).losses;
    let [change] = losses.as_slice() else { panic!("{losses:#?}") };
    assert!(!change.only_longer, "pushing is lost today: {change:#?}");
    // The first is what the example shows.
    assert_eq!(change.doing, Doing::With(vec![Facet::Push, Facet::Pull, Facet::Overwrite, Facet::Delete]));
    compare(&of(true, Some(1)), &of(false, Some(1)), 0, &losses);
}
