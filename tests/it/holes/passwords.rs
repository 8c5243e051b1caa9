//! Passwords: which ones are accepted, and what checking them costs others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::future::join_all;
use portolan::identity::PasswordHash;
use portolan::live::{Live, StartError};

use crate::harness::{CREDENTIALS, Harness, TEAM};

/// Quay's bcrypt looked at 72 bytes only: of two long passwords that begin alike either let in.
#[tokio::test]
async fn quay_cve_2024_9683_bcrypt_cuts_passwords() {
    let server = Harness::start(TEAM);
    let (long, just) = ("p".repeat(100), "q".repeat(72));
    let entry = |name: &str, password: &str| {
        format!("  {name}: {{type: bcrypt, pass: '{}'}}\n", bcrypt::hash(password, 4).unwrap())
    };
    let credentials =
        format!("{CREDENTIALS}{}{}{}", entry("long", &long), entry("just", &just), entry("short", "short"));
    server.write("credentials.yaml", &credentials).await;
    server.write("repos/team.yaml", &super::repository("/*: [read]")).await;
    server.password("just", &just).get("/v2/").await.is(200);
    server.password("short", "short").get("/v2/").await.is(200);
    for (name, password) in [
        ("long", long.clone()),
        ("long", "p".repeat(73)),
        ("long", format!("{}{}", "p".repeat(72), "x".repeat(28))),
        ("just", format!("{just}x")),
        ("just", format!("{just}\0")),
        ("short", "short\0".to_owned()),
        ("short", "short\0more".to_owned()),
    ] {
        server.password(name, &password).get("/v2/").await.fails(401, "UNAUTHORIZED");
    }
    // An entry of another kind takes the whole of a long password, and no other.
    let hash = PasswordHash::create(&long).unwrap();
    let argon2 = format!("{CREDENTIALS}  long: {{type: argon2, pass: '{}'}}\n", hash.as_entry());
    server.write("credentials.yaml", &argon2).await;
    server.password("long", &long).get("/v2/").await.is(200);
    server.password("long", &format!("{}{}", "p".repeat(72), "x".repeat(28))).get("/v2/").await.is(401);
}

/// Entries of a credentials file that hold no password.
const WITHOUT: [&str; 10] = [
    "{}",
    "{type: plain}",
    "{type: plain, pass: ''}",
    "{type: plain, pass: }",
    "{type: plain, pass: null}",
    "{pass: 'plain:'}",
    "{pass: ''}",
    "{type: argon2, pass: ''}",
    "{type: sha256, pass: ''}",
    "{groups: [readers]}",
];

/// docker_auth took a user entry without a password for one that accepts any. Here it does not compile,
/// neither at a start nor at a reload, and lets in nobody.
#[tokio::test]
async fn docker_auth_entry_without_password_accepts_any() {
    let server = Harness::start(TEAM);
    server.write("repos/team.yaml", &super::repository("/*: [read]")).await;
    for (number, entry) in WITHOUT.into_iter().enumerate() {
        let name = format!("open-{number}");
        server.write("credentials.yaml", &format!("{CREDENTIALS}  {name}: {entry}\n")).await;
        let status = server.anonymous().get("/-/status").await.is(200).json();
        assert!(status["errors"].as_u64().unwrap() >= 1, "{entry}: {status}");
        let attempts = ["", "any", "null"].map(|password| server.password(&name, password));
        for answer in join_all(attempts.iter().map(|client| client.get("/v2/"))).await {
            answer.fails(401, "UNAUTHORIZED");
        }
        // Everybody else is let in as before.
        server.user("jane").get("/v2/").await.is(200);

        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("repos")).unwrap();
        std::fs::write(folder.path().join("repos/team.yaml"), super::repository("/*: [read]")).unwrap();
        std::fs::write(folder.path().join("credentials.yaml"), format!("credentials:\n  open: {entry}\n")).unwrap();
        let started = Live::start(folder.path(), Box::new(|_| Ok(())));
        assert!(matches!(started, Err(StartError::Invalid(_))), "{entry}");
    }
    // The hash of nothing is no password either.
    let of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let empty = format!(
        "{CREDENTIALS}  open: {{type: sha256, pass: {of_nothing}}}\n  bare: {{type: bcrypt, pass: '{}'}}\n",
        bcrypt::hash("", 4).unwrap()
    );
    server.write("credentials.yaml", &empty).await;
    for name in ["open", "bare"] {
        server.password(name, "").get("/v2/").await.fails(401, "UNAUTHORIZED");
    }
    // A hash is not its own password.
    server.password("open", of_nothing).get("/v2/").await.fails(401, "UNAUTHORIZED");
}

/// angos hashed passwords where it answered requests: while some people signed in, nobody was served.
#[tokio::test]
async fn angos_hashing_blocks_the_server() {
    let server = Harness::start(TEAM);
    let hash = PasswordHash::create("secret").unwrap();
    let entry = |number: usize| format!("  user-{number}: {{type: argon2, pass: '{}'}}\n", hash.as_entry());
    let users: String = (0..50).map(entry).collect();
    server.write("credentials.yaml", &format!("{CREDENTIALS}{users}")).await;
    let jane = server.user("jane");
    jane.push_image("public/app", "v1", "config").await;

    let (busy, pulls) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
    let puller = tokio::spawn({
        let (busy, pulls, anonymous) = (Arc::clone(&busy), Arc::clone(&pulls), server.anonymous());
        async move {
            while busy.load(Ordering::Relaxed) {
                anonymous.get("/v2/public/app/manifests/v1").await.is(200);
                jane.get("/v2/public/app/manifests/v1").await.is(200);
                pulls.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let started = std::time::Instant::now();
    let logins = (0..50).map(|number| {
        let client = server.password(&format!("user-{number}"), "secret");
        let (pulls, hidden) = (Arc::clone(&pulls), format!("/v2/team/app/manifests/{number}"));
        async move {
            client.get(&hidden).await.fails(403, "DENIED");
            pulls.load(Ordering::Relaxed)
        }
    });
    let seen = join_all(logins).await;
    let took = started.elapsed();
    busy.store(false, Ordering::Relaxed);
    puller.await.unwrap();
    // Fifty hashes take seconds; a pull takes milliseconds, and waits for none of them.
    let pulls = pulls.load(Ordering::Relaxed);
    assert!(pulls >= 25, "{pulls} pulls in {took:?}");
    let steps: std::collections::BTreeSet<usize> = seen.into_iter().collect();
    assert!(steps.len() >= 10, "pulls went on between logins, and not after all of them: {steps:?}");
}
