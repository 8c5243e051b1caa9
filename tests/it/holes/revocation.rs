//! Rights that end: with the next request, on the same connection, for a token issued before.

use reqwest::header::HeaderValue;

use super::{Line, basic, repository, token};
use crate::harness::{CREDENTIALS, Client, Harness, TEAM, TEAM_REPOSITORY, digest};

const TAGS: &str = "/v2/team/app/tags/list";
const SCOPES: &[&str] = &["repository:team/app:pull,push,delete", "registry:catalog:*"];

/// The ways of one user to be let in: a password and a token, each over a connection that stays open.
struct SignedIn {
    password: (Line, String),
    token: (Line, String),
}

impl SignedIn {
    async fn new(server: &Harness, user: &str) -> Self {
        let bearer = format!("Bearer {}", token(server, user, SCOPES).await);
        let basic = basic(user, &format!("secret-{user}"));
        Self { password: (Line::open(server).await, basic), token: (Line::open(server).await, bearer) }
    }

    #[track_caller]
    fn all(&mut self, path: &str, status: u16) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        let path = path.to_owned();
        async move {
            for (line, authorization) in [&mut self.password, &mut self.token] {
                assert_eq!(line.get(&path, authorization).await, status, "{caller} {path} {authorization}");
            }
        }
    }
}

async fn with_an_image() -> Harness {
    let server = Harness::start(TEAM);
    server.user("jane").push_image("team/app", "v1", "config").await;
    server
}

/// Distribution, as a cache, kept what it had shown once for those who may see it no more: what was
/// remembered was asked before the rights were.
#[tokio::test]
async fn distribution_cve_2026_35172_cached_after_revocation() {
    let server = with_an_image().await;
    let blob = format!("/v2/team/app/blobs/{}", digest("config"));
    let manifest = "/v2/team/app/manifests/v1";
    let (rita, bearer) = (server.user("rita"), server.bearer(&token(&server, "rita", SCOPES).await));
    let mut known = Vec::new();
    for path in [blob.as_str(), manifest] {
        let answer = rita.get(path).await.is(200);
        assert!(answer.header("cache-control").starts_with("private"), "{answer:?}");
        known.push((path, answer.headers["etag"].clone()));
    }
    let ask = async |client: &Client, method: &str, path: &str, etag: &HeaderValue| {
        let plain = client.send(client.request(method, path)).await.status.as_u16();
        let cached = client.send(client.request(method, path).header("if-none-match", etag)).await.status.as_u16();
        let part = client.send(client.request(method, path).header("range", "bytes=0-0")).await.status.as_u16();
        [plain, cached, part]
    };
    for (path, etag) in &known {
        for method in ["GET", "HEAD"] {
            for client in [&rita, &bearer] {
                let statuses = ask(client, method, path, etag).await;
                assert!(statuses.iter().all(|status| [200, 206, 304].contains(status)), "{method} {path} {statuses:?}");
            }
        }
    }
    server.write("repos/team.yaml", &repository("jane: [read, write, delete]")).await;
    for (path, etag) in &known {
        for method in ["GET", "HEAD"] {
            for client in [&rita, &bearer] {
                assert_eq!(ask(client, method, path, etag).await, [403; 3], "{method} {path}");
            }
            assert_eq!(ask(&server.anonymous(), method, path, etag).await, [401; 3], "{method} {path}");
        }
    }
    // Nor does what was deleted live on for those who have seen it.
    let jane = server.user("jane");
    jane.delete(&blob).await.is(202);
    jane.delete(manifest).await.is(202);
    for (path, etag) in &known {
        assert_eq!(ask(&jane, "GET", path, etag).await, [404; 3], "{path}");
        assert_eq!(ask(&jane, "HEAD", path, etag).await, [404; 3], "{path}");
    }
}

/// zot wrote a user's groups down when they signed in, and went on to believe them.
#[tokio::test]
async fn zot_ghsa_c9p4_xwr9_rfhx_removed_groups_grant() {
    let member =
        |groups: &str| CREDENTIALS.replace("pass: secret-rita", &format!("pass: secret-rita, groups: [{groups}]"));
    let server = with_an_image().await;
    server.write("repos/team.yaml", &repository("jane: [read], /readers: [read], /writers: [write]")).await;
    server.write("credentials.yaml", &member("readers, writers")).await;
    let mut rita = SignedIn::new(&server, "rita").await;
    rita.all(TAGS, 200).await;
    let start = "/v2/team/app/blobs/uploads/";
    server.user("rita").post(start).await.is(202);
    // One of two groups.
    server.write("credentials.yaml", &member("readers")).await;
    rita.all(TAGS, 200).await;
    server.user("rita").post(start).await.fails(403, "DENIED");
    let bearer = rita.token.1.strip_prefix("Bearer ").unwrap();
    server.bearer(bearer).post(start).await.fails(403, "DENIED");
    // The other; then the list itself; then a group that is only named like it.
    for groups in [member("writers"), CREDENTIALS.to_owned(), member("Readers, readers2, reader, jane")] {
        server.write("credentials.yaml", &groups).await;
        rita.all(TAGS, 403).await;
    }
    // The group stays, and its grant goes.
    server.write("credentials.yaml", &member("readers")).await;
    rita.all(TAGS, 200).await;
    server.write("repos/team.yaml", &repository("jane: [read], /writers: [write]")).await;
    rita.all(TAGS, 403).await;
}

/// In Harbor a token for a repository went on to hold when that was deleted and another was made under
/// the same name, for other people.
#[tokio::test]
async fn harbor_22900_token_of_a_deleted_repository() {
    let server = with_an_image().await;
    let mut rita = SignedIn::new(&server, "rita").await;
    let mut jane = SignedIn::new(&server, "jane").await;
    rita.all(TAGS, 200).await;
    let bearer = server.bearer(jane.token.1.strip_prefix("Bearer ").unwrap());
    let session = bearer.post("/v2/team/app/blobs/uploads/").await.is(202).header("location").to_owned();
    server.remove("repos/team.yaml").await;
    rita.all(TAGS, 403).await;
    jane.all(TAGS, 403).await;
    // Made again, for somebody else.
    server.write("repos/team.yaml", &repository("carl: [read, write]")).await;
    rita.all(TAGS, 403).await;
    jane.all(TAGS, 403).await;
    for path in [TAGS, "/v2/team/app/manifests/v1", &format!("/v2/team/app/blobs/{}", digest("config")), &session] {
        bearer.get(path).await.fails(403, "DENIED");
    }
    bearer.upload("PATCH", &session, &[], "old").await.fails(403, "DENIED");
    bearer.post("/v2/team/app/blobs/uploads/").await.fails(403, "DENIED");
    bearer.push_manifest("team/app", "v1", "{}").await.fails(403, "DENIED");
    bearer.delete("/v2/team/app/manifests/v1").await.fails(403, "DENIED");
    server.user("carl").get(TAGS).await.is(200);
    // The same where nothing but a file's name made it another repository, and where it is nested now.
    server.write("repos/team.yaml", TEAM_REPOSITORY).await;
    rita.all(TAGS, 200).await;
    server.write("repos/team/app.yaml", &repository("carl: [read]")).await;
    rita.all(TAGS, 403).await;
}

/// In Harbor what an account was, when it signed in, held until it signed out: an admin who is none any
/// more, an account that is gone, a password that was changed because it was known to others.
#[tokio::test]
async fn harbor_session_store_demotion_ends_nothing() {
    let server = with_an_image().await;
    let mut root = SignedIn::new(&server, "root").await;
    root.all(TAGS, 200).await;
    let token = root.token.1.strip_prefix("Bearer ").unwrap().to_owned();
    let details = async |expected: bool| {
        for client in [server.user("root"), server.bearer(&token)] {
            let status = client.get("/-/status").await.is(200).json();
            assert_eq!(status.get("diagnostics").is_some(), expected);
        }
    };
    details(true).await;
    server.write("credentials.yaml", &CREDENTIALS.replace(", admin: true", "")).await;
    root.all(TAGS, 403).await;
    details(false).await;
    server.bearer(&token).delete("/v2/team/app/manifests/v1").await.fails(403, "DENIED");
    server.write("credentials.yaml", CREDENTIALS).await;
    root.all(TAGS, 200).await;
}

/// The same where the account went, or its password changed, or somebody else has its name now.
#[tokio::test]
async fn harbor_session_store_deletion_and_new_password_end_nothing() {
    let server = with_an_image().await;
    let mut rita = SignedIn::new(&server, "rita").await;
    let entry = "  rita: {type: plain, pass: secret-rita}\n";
    rita.all(TAGS, 200).await;
    // Deleted; disabled; expired; each ends what is signed in, also for what anybody may do.
    server.user("jane").push_image("public/app", "v1", "config").await;
    let changed = |to: &str| CREDENTIALS.replace(entry, to);
    for gone in [
        changed(""),
        changed("  rita: {type: plain, pass: secret-rita, enabled: false}\n"),
        changed("  rita: {type: plain, pass: secret-rita, expires: 2001-01-01}\n"),
    ] {
        server.write("credentials.yaml", &gone).await;
        rita.all("/v2/public/app/tags/list", 401).await;
        server.write("credentials.yaml", CREDENTIALS).await;
        rita.all(TAGS, 200).await;
    }
    // A new password, and another entry for another password; then another person under the same name.
    server.write("credentials.yaml", &changed("  rita: {type: plain, pass: fresh}\n")).await;
    rita.all(TAGS, 401).await;
    server.write("credentials.yaml", &changed("")).await;
    rita.all(TAGS, 401).await;
    let hash = portolan::identity::PasswordHash::create("another").unwrap();
    let another = format!("  rita: {{type: argon2, pass: '{}', admin: true}}\n", hash.as_entry());
    server.write("credentials.yaml", &changed(&another)).await;
    rita.all(TAGS, 401).await;
    server.password("rita", "another").get(TAGS).await.is(200);
    let bearer = rita.token.1.strip_prefix("Bearer ").unwrap();
    server.bearer(bearer).token("portolan", SCOPES).await.is(401);
}

/// angos judged a connection when it was opened: who was locked out meanwhile went on over it.
#[tokio::test]
async fn angos_revoked_user_goes_on_over_keep_alive() {
    let server = with_an_image().await;
    let mut line = Line::open(&server).await;
    let rita = basic("rita", "secret-rita");
    assert_eq!(line.get(TAGS, &rita).await, 200);
    server.write("repos/team.yaml", &TEAM_REPOSITORY.replace("    rita: [read]\n", "")).await;
    assert_eq!(line.get(TAGS, &rita).await, 403);
    server.write("repos/team.yaml", TEAM_REPOSITORY).await;
    assert_eq!(line.get(TAGS, &rita).await, 200);
    server.write("credentials.yaml", &CREDENTIALS.replace("secret-rita", "secret-rita, enabled: false")).await;
    assert_eq!(line.get(TAGS, &rita).await, 401);
    server.write("credentials.yaml", CREDENTIALS).await;
    assert_eq!(line.get(TAGS, &rita).await, 200);
    // A connection is nobody's: the next request on it is judged by what it brings along itself.
    assert_eq!(line.get(TAGS, &basic("nemo", "secret-nemo")).await, 403);
    assert_eq!(line.get(TAGS, "Basic").await, 401);
    assert_eq!(line.get(TAGS, &rita).await, 200);
}
