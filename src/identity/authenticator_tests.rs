//! The authenticator, tried by many at once.

use std::net::Ipv4Addr;

use futures_util::future::join_all;

use super::*;
use crate::identity::{End, Secret, UserName};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

fn options() -> AuthenticatorOptions {
    AuthenticatorOptions { quantum: Duration::from_millis(20), workers: 2, ..AuthenticatorOptions::default() }
}

fn user(name: &str, kind: HashKind, entry: &str) -> Arc<User> {
    let name = UserName::parse(name).unwrap();
    let secret = Secret::new(&name, PasswordHash::parse(kind, entry).unwrap(), None);
    Arc::new(User {
        name,
        secrets: vec![secret],
        groups: Default::default(),
        admin: false,
        email: None,
        description: None,
        expires: None,
        enabled: true,
    })
}

fn now() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

async fn try_password(
    authenticator: &Authenticator,
    user: &Arc<User>,
    password: &str,
    address: IpAddr,
) -> Result<SecretVersion, NotSignedIn> {
    authenticator.check(user.name.as_str(), Some(user), password, address, now()).await
}

#[tokio::test]
async fn a_success_is_remembered_and_dies_with_the_secret() {
    let authenticator = Authenticator::new(options());
    let jane = user("jane", HashKind::Bcrypt, &bcrypt::hash("right", 9).unwrap());
    let version = try_password(&authenticator, &jane, "right", HERE).await.unwrap();
    assert!(jane.has_secret(version, now()));
    let start = Instant::now();
    for _ in 0..100 {
        try_password(&authenticator, &jane, "right", HERE).await.unwrap();
    }
    assert!(start.elapsed() < Duration::from_millis(100), "{:?}", start.elapsed());

    let rotated = user("jane", HashKind::Plain, "other");
    assert_eq!(try_password(&authenticator, &rotated, "right", HERE).await, Err(NotSignedIn::Wrong));
    let namesake = user("john", HashKind::Plain, "other");
    assert_eq!(try_password(&authenticator, &namesake, "right", HERE).await, Err(NotSignedIn::Wrong));
}

#[tokio::test]
async fn who_is_locked_out_fails_also_where_remembered() {
    let authenticator = Authenticator::new(options());
    let jane = user("jane", HashKind::Plain, "right");
    try_password(&authenticator, &jane, "right", HERE).await.unwrap();
    let disabled = Arc::new(User { enabled: false, ..(*jane).clone() });
    assert_eq!(try_password(&authenticator, &disabled, "right", HERE).await, Err(NotSignedIn::Wrong));
    let expired = Arc::new(User { expires: Some(End::parse("2026-05-01").unwrap()), ..(*jane).clone() });
    assert_eq!(try_password(&authenticator, &expired, "right", HERE).await, Err(NotSignedIn::Wrong));
    let nobody = authenticator.check("nobody", None, "right", HERE, now()).await;
    assert_eq!(nobody, Err(NotSignedIn::Wrong));
}

#[tokio::test]
async fn a_previous_secret_holds_until_its_end() {
    let authenticator = Authenticator::new(options());
    let name = UserName::parse("ci").unwrap();
    let secret = |entry, until| Secret::new(&name, PasswordHash::parse(HashKind::Plain, entry).unwrap(), until);
    let ci = user("ci", HashKind::Plain, "new");
    let until = Some(End::parse("2026-06-01T12:00:00Z").unwrap());
    let ci = Arc::new(User { secrets: vec![secret("new", None), secret("old", until)], ..(*ci).clone() });
    assert_eq!(try_password(&authenticator, &ci, "old", HERE).await, Ok(ci.secrets[1].version()));
    assert_eq!(try_password(&authenticator, &ci, "new", HERE).await, Ok(ci.secrets[0].version()));
    let later = "2026-06-01T12:00:00Z".parse().unwrap();
    assert_eq!(authenticator.check("ci", Some(&ci), "old", HERE, later).await, Err(NotSignedIn::Wrong));
    assert!(authenticator.check("ci", Some(&ci), "new", HERE, later).await.is_ok());
}

#[tokio::test]
async fn a_flood_of_guesses_gets_no_more_tries_than_the_limit() {
    let authenticator = Authenticator::new(AuthenticatorOptions { quantum: Duration::ZERO, ..options() });
    let jane = user("jane", HashKind::Sha256, &"0".repeat(64));
    let guesses: Vec<String> = (0..100).map(|n| format!("guess{n}")).collect();
    let answers = join_all(guesses.iter().map(|guess| try_password(&authenticator, &jane, guess, HERE))).await;
    let wrong = answers.iter().filter(|answer| **answer == Err(NotSignedIn::Wrong)).count();
    assert!((10..=11).contains(&wrong), "{wrong} tries");
    assert!(answers.iter().all(|answer| *answer == Err(NotSignedIn::Wrong)
        || matches!(answer, Err(NotSignedIn::TooMany { retry_after }) if *retry_after > Duration::ZERO)));
}

#[tokio::test]
async fn nobody_can_lock_another_out() {
    let authenticator = Authenticator::new(AuthenticatorOptions { failures_per_name: 2, ..options() });
    let jane = user("jane", HashKind::Plain, "right");
    try_password(&authenticator, &jane, "right", HERE).await.unwrap();
    for guess in ["a", "b", "c"] {
        try_password(&authenticator, &jane, guess, HERE).await.unwrap_err();
    }
    assert!(matches!(try_password(&authenticator, &jane, "d", HERE).await, Err(NotSignedIn::TooMany { .. })));
    assert!(try_password(&authenticator, &jane, "right", HERE).await.is_ok(), "remembered");
    let fresh = user("jane", HashKind::Plain, "rotated");
    assert!(try_password(&authenticator, &fresh, "rotated", THERE).await.is_ok(), "from elsewhere");
}

#[tokio::test]
async fn many_right_logins_from_one_address_all_pass() {
    let authenticator = Authenticator::new(AuthenticatorOptions { failures_per_address: 5, ..options() });
    let users: Vec<_> = (0..200).map(|n| user(&format!("u{n}"), HashKind::Plain, "right")).collect();
    let answers = join_all(users.iter().map(|user| try_password(&authenticator, user, "right", HERE))).await;
    assert!(answers.iter().all(Result::is_ok));
}

#[tokio::test]
async fn an_address_that_guesses_many_names_is_refused() {
    let options = AuthenticatorOptions { failures_per_address: 5, quantum: Duration::ZERO, ..options() };
    let authenticator = Authenticator::new(options);
    let mut wrong = 0;
    for n in 0..20 {
        match authenticator.check(&format!("u{n}"), None, "guess", HERE, now()).await {
            Err(NotSignedIn::Wrong) => wrong += 1,
            answer => assert!(matches!(answer, Err(NotSignedIn::TooMany { .. }))),
        }
    }
    assert!((5..=6).contains(&wrong), "{wrong} tries");
    assert_eq!(authenticator.check("u", None, "guess", THERE, now()).await, Err(NotSignedIn::Wrong));
}

#[tokio::test]
async fn the_same_check_at_the_same_time_runs_once() {
    let options = AuthenticatorOptions { workers: 1, queue: 0, ..options() };
    let authenticator = Authenticator::new(options);
    let jane = user("jane", HashKind::Bcrypt, &bcrypt::hash("right", 8).unwrap());
    let answers = join_all((0..50).map(|_| try_password(&authenticator, &jane, "right", HERE))).await;
    assert!(answers.iter().all(Result::is_ok), "with one place, only a shared run lets all pass");
    assert!(authenticator.running.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_full_queue_refuses() {
    let authenticator = Authenticator::new(AuthenticatorOptions { workers: 1, queue: 1, ..options() });
    let entry = bcrypt::hash("right", 8).unwrap();
    let users: Vec<_> = (0..5).map(|n| user(&format!("u{n}"), HashKind::Bcrypt, &entry)).collect();
    let answers = join_all(users.iter().map(|user| try_password(&authenticator, user, "right", HERE))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 2);
    let refused = |answer: &&Result<_, _>| matches!(answer, Err(NotSignedIn::TooMany { .. }));
    assert_eq!(answers.iter().filter(refused).count(), 3);
}

#[tokio::test]
async fn failures_are_answered_on_the_quantum_and_ever_later() {
    let quantum = Duration::from_millis(200);
    let authenticator = Authenticator::new(AuthenticatorOptions { quantum, ..options() });
    let jane = user("jane", HashKind::Plain, "right");
    let mut times = Vec::new();
    for guess in ["a", "b", "c"] {
        let start = Instant::now();
        assert_eq!(try_password(&authenticator, &jane, guess, HERE).await, Err(NotSignedIn::Wrong));
        times.push(start.elapsed());
    }
    assert!(times[0] >= quantum && times[1] >= quantum && times[2] >= quantum * 2, "{times:?}");
}

#[tokio::test]
async fn an_unknown_user_costs_what_the_costliest_entry_costs() {
    let authenticator = Authenticator::new(options());
    let jane = user("jane", HashKind::Bcrypt, &bcrypt::hash("right", 11).unwrap());
    let start = Instant::now();
    try_password(&authenticator, &jane, "wrong", HERE).await.unwrap_err();
    let slow = start.elapsed();
    let start = Instant::now();
    authenticator.check("nobody", None, "wrong", HERE, now()).await.unwrap_err();
    assert!(start.elapsed() + options().quantum * 2 >= slow, "{:?} {slow:?}", start.elapsed());
}

#[tokio::test]
async fn an_address_without_tries_makes_no_more_counters() {
    let options = AuthenticatorOptions { failures_per_address: 2, quantum: Duration::ZERO, ..options() };
    let authenticator = Authenticator::new(options);
    for n in 0..20 {
        authenticator.check(&format!("u{n}"), None, "guess", HERE, now()).await.unwrap_err();
    }
    assert!(authenticator.brakes.len() <= 4, "{}", authenticator.brakes.len());
}
