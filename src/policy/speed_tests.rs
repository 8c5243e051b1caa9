//! How long a decision takes in a large configuration. Means something in a release build only.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use super::{
    Access, Action, ActionSet, Grant, ImageGlob, Pull, Push, Question, Repository, Rule, SignIn, Snapshot, StorageKey,
    What, Who, decide,
};
use crate::identity::{Subject, User, UserName};
use crate::oci::ImageName;

const REPOSITORIES: usize = 10_000;
const USERS: usize = 10_000;
const ENTRIES: usize = 100;
/// Slower is too slow.
const LIMIT_NANOSECONDS: u128 = 1_000;

fn name(text: &str) -> UserName {
    UserName::parse(text).unwrap()
}

fn snapshot() -> Arc<Snapshot> {
    let users = (0..USERS).map(|number| User {
        name: name(&format!("user-{number}")),
        secrets: Vec::new(),
        groups: BTreeSet::from([name(&format!("team-{}", number % 200)), name("everyone")]),
        admin: false,
        email: None,
        description: None,
        expires: None,
        enabled: true,
    });
    let repositories = (0..REPOSITORIES).map(|number| {
        let file: Arc<str> = format!("repos/repo-{number}.yaml").into();
        let grants = (0..ENTRIES).map(|entry| {
            let who = match entry % 10 {
                0 => Who::Group(name(&format!("team-{}", (number + entry) % 200))),
                _ => Who::User(name(&format!("user-{}", (number * 7 + entry * 131) % USERS))),
            };
            let images = if entry % 4 == 0 { format!("app-{entry}/*") } else { "*".to_owned() };
            let actions = ActionSet::of(&[Action::Pull, Action::Push]);
            let what = What::Images { images: ImageGlob::parse(&images).unwrap(), tags: None, actions };
            Grant { who, what, until: None, rule: Rule::Entry { file: Arc::clone(&file), line: 1 } }
        });
        Repository {
            name: format!("repo-{number}").into(),
            prefix: format!("repo-{number}").into(),
            storage: StorageKey("memory".into()),
            port: None,
            immutable_tags: Vec::new(),
            access: Access::granted(grants.collect()),
            file: Arc::clone(&file),
        }
    });
    Arc::new(Snapshot::new(users, repositories))
}

fn measure<Q: Question>(what: &str, snapshot: &Arc<Snapshot>, asked: &[(Subject, Q)]) {
    let now = Timestamp::now();
    let began = Instant::now();
    let granted = asked.iter().filter(|(subject, question)| decide(snapshot, subject, question, now).is_ok()).count();
    let each = began.elapsed().as_nanos() / asked.len() as u128;
    println!("decision, {what}: {each} ns ({granted} of {} granted)", asked.len());
    assert!(granted > 0 && granted <= asked.len());
    assert!(each <= LIMIT_NANOSECONDS || cfg!(debug_assertions), "a decision takes {each} ns");
}

/// `cargo test --release --lib -- --ignored a_decision_takes --nocapture`
#[test]
#[ignore = "means something in a release build only"]
fn a_decision_takes_less_than_a_microsecond() {
    let snapshot = snapshot();
    let mut number = 1_u64;
    let mut random = |bound: usize| {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(number >> 33).unwrap() % bound
    };
    let mut subjects = Vec::new();
    let mut images = Vec::new();
    for _ in 0..100_000 {
        let user = snapshot.user(&format!("user-{}", random(USERS))).unwrap();
        subjects.push(Subject::User(Arc::clone(user)));
        images.push(ImageName::parse(&format!("repo-{}/app-{}/x", random(REPOSITORIES), random(ENTRIES))).unwrap());
    }
    let both = || subjects.iter().cloned().zip(&images);
    measure("pull", &snapshot, &both().map(|(subject, image)| (subject, Pull(image.clone()))).collect::<Vec<_>>());
    measure("push", &snapshot, &both().map(|(subject, image)| (subject, Push(image.clone()))).collect::<Vec<_>>());
    measure("sign-in", &snapshot, &subjects.iter().cloned().map(|subject| (subject, SignIn)).collect::<Vec<_>>());
}
