//! That nobody finds out who and what there is.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use portolan::identity::PasswordHash;
use serde_json::{Value, json};

use crate::harness::{Answer, Client, Harness, TEAM, digest};

/// What an answer tells: everything but the date.
fn told(answer: &Answer) -> String {
    let mut headers: Vec<String> = answer.headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
    headers.retain(|line| !line.starts_with("date:"));
    headers.sort();
    format!("{} {headers:?} {}", answer.status, String::from_utf8_lossy(&answer.body))
}

/// Users of every kind that there is. The password of each is `secret-` and the name.
fn users() -> String {
    let mut text = "credentials:\n  root: {type: plain, pass: secret-root, admin: true}\n".to_owned();
    for number in 0..4 {
        let argon2 = PasswordHash::create(&format!("secret-argon2-{number}")).unwrap();
        let bcrypt = bcrypt::hash(format!("secret-bcrypt-{number}"), 8).unwrap();
        text += &format!("  argon2-{number}: {{type: argon2, pass: '{}'}}\n", argon2.as_entry());
        text += &format!("  bcrypt-{number}: {{type: bcrypt, pass: '{bcrypt}'}}\n");
        text += &format!("  plain-{number}: {{type: plain, pass: secret-plain-{number}}}\n");
        text += &format!("  disabled-{number}: {{type: plain, pass: secret-disabled-{number}, enabled: false}}\n");
        text += &format!("  expired-{number}: {{type: plain, pass: secret-expired-{number}, expires: 2001-01-01}}\n");
    }
    text
}

/// In Harbor, and others since, a name that exists was answered otherwise than one that does not: in its
/// status, in its words, or only where the account was locked.
#[tokio::test]
async fn harbor_cve_2020_13794_users_are_told_by_the_answer() {
    let server = Harness::start(TEAM);
    server.write("credentials.yaml", &users()).await;
    // Each name once only, as repeated failures of one name are slowed, whether it exists or not.
    for (number, path) in ["/v2/", "/v2/_catalog", "/v2/team/app/manifests/v1", "/token"].into_iter().enumerate() {
        let kinds = ["nobody", "argon2", "bcrypt", "plain"];
        let wrong = kinds.map(|kind| server.password(&format!("{kind}-{number}"), "wrong"));
        let right = ["disabled", "expired"].map(|kind| server.user(&format!("{kind}-{number}")));
        let answers = join_all(wrong.iter().chain(&right).map(|client| client.get(path))).await;
        for answer in &answers {
            assert_eq!(answer.status, 401, "{answer:?}");
            assert_eq!(told(answer), told(&answers[0]), "{path}");
        }
        // Names that nobody can have are names like others.
        let names = ["/readers", "*", "", "-", "ä", "root ", "ROOT"];
        let impossible = names.map(|name| server.password(name, "secret-root"));
        for answer in join_all(impossible.iter().map(|client| client.get(path))).await {
            assert_eq!(told(&answer), told(&answers[0]), "{path}");
        }
    }
    let form = async |name: &str, password: &str| {
        let fields = [("grant_type", "password"), ("username", name), ("password", password)];
        told(&server.anonymous().send(server.anonymous().request("POST", "/token").form(&fields)).await)
    };
    let nobody = form("nobody-9", "wrong").await;
    for name in ["argon2-3", "bcrypt-3", "plain-3"] {
        assert_eq!(form(name, "wrong-too").await, nobody, "{name}");
    }
    assert_eq!(form("disabled-3", "secret-disabled-3").await, nobody);
}

/// And by the limit on guesses: where only names that exist can be locked, the lock tells that they do.
#[tokio::test]
async fn harbor_cve_2020_13794_users_are_told_by_the_limit() {
    let server = Harness::start(TEAM);
    server.write("credentials.yaml", &users()).await;
    let guesses = async |kind: &str| {
        let clients: Vec<Client> =
            (0..15).map(|guess| server.password(&format!("{kind}-0"), &format!("wrong-{guess}"))).collect();
        let answers = join_all(clients.iter().map(|client| client.get("/v2/"))).await;
        let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 429).collect();
        for answer in &refused {
            assert_eq!(answer.body.len(), refused[0].body.len(), "{answer:?}");
        }
        assert_eq!(answers.iter().filter(|answer| answer.status == 401).count() + refused.len(), 15);
        refused.len()
    };
    for kind in ["nobody", "argon2", "plain", "disabled"] {
        let refused = guesses(kind).await;
        assert!((3..=6).contains(&refused), "{kind}: {refused} of 15");
    }
}

async fn median(server: &Harness, kind: &str) -> Duration {
    let mut times = Vec::new();
    for number in 0..3 {
        let client = server.password(&format!("{kind}-{number}"), "wrong");
        let start = Instant::now();
        client.get("/v2/").await.is(401);
        times.push(start.elapsed());
    }
    times.sort();
    times[1]
}

/// The same by the time: no hash was computed for a name that did not exist, nor an expensive one where
/// the entry was a cheap one.
#[tokio::test]
async fn harbor_cve_2020_13794_users_are_told_by_the_time() {
    let server = Harness::start(TEAM);
    server.write("credentials.yaml", &users()).await;
    let unknown = median(&server, "nobody").await;
    for kind in ["argon2", "bcrypt", "plain", "disabled"] {
        let known = median(&server, kind).await;
        let difference = known.abs_diff(unknown);
        assert!(difference < Duration::from_millis(300), "{kind}: {known:?}, unknown: {unknown:?}");
    }
}

/// And images: one that exists and is hidden was answered otherwise than one that does not exist.
#[tokio::test]
async fn harbor_cve_2020_13794_hidden_images_are_told_by_the_answer() {
    let server = Harness::start(TEAM);
    server.write("repos/hidden.yaml", &super::repository("jane: [read]")).await;
    let image = server.user("root").push_image("hidden/app", "v1", "config").await;
    let (config, manifest) = (digest("config"), digest(&image));
    let requests = [
        ("GET", "manifests/v1".to_owned()),
        ("HEAD", "manifests/v1".to_owned()),
        ("PUT", "manifests/v1".to_owned()),
        ("DELETE", "manifests/v1".to_owned()),
        ("GET", format!("manifests/{manifest}")),
        ("DELETE", format!("manifests/{manifest}")),
        ("GET", format!("blobs/{config}")),
        ("HEAD", format!("blobs/{config}")),
        ("DELETE", format!("blobs/{config}")),
        ("GET", "tags/list".to_owned()),
        ("GET", format!("referrers/{manifest}")),
        ("POST", "blobs/uploads/".to_owned()),
        ("POST", format!("blobs/uploads/?mount={config}&from=hidden/app")),
    ];
    let pull = ["repository:hidden/app:pull", "repository:closed/app:pull", "repository:hidden/nix:pull"];
    let bearer = server.bearer(&super::token(&server, "rita", &pull).await);
    let clients: [Client; 4] = [server.anonymous(), server.user("rita"), server.user("nemo"), bearer];
    for client in &clients {
        for (method, rest) in &requests {
            let ask = async |name: &str| {
                let request = client.request(method, &format!("/v2/{name}/{rest}").replace("=hidden/app", "=public/x"));
                let answer = client.send(request).await;
                assert!([401, 403].contains(&answer.status.as_u16()), "{method} {name} {rest}: {answer:?}");
                told(&answer).replace(name, "NAME")
            };
            // A hidden image, one that does not exist beside it, and one in a repository that does not exist.
            let hidden = ask("hidden/app").await;
            assert_eq!(hidden, ask("hidden/nix").await, "{method} {rest}");
            assert_eq!(hidden, ask("closed/app").await, "{method} {rest}");
        }
    }
    // A token says as little.
    let reply = server.user("rita").token("portolan", &pull).await.is(200).json();
    let claims = reply["token"].as_str().unwrap().split('.').nth(1).unwrap().to_owned();
    let claims = URL_SAFE_NO_PAD.decode(claims).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["access"], json!([]));
}
