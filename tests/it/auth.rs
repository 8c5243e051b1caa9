//! Who gets in: anonymous, HTTP Basic, tokens, and what ends them.

use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use portolan::server::Limits;
use serde_json::{Value, json};

use crate::harness::{CREDENTIALS, Harness, SIGNING_KEY, TEAM, TEAM_REPOSITORY, digest, manifest};

const SERVICE: &str = "portolan";
const TAGS: &str = "/v2/team/app/tags/list";

async fn with_an_image() -> Harness {
    let server = Harness::start(TEAM);
    server.user("jane").push_image("team/app", "v1", "config").await;
    server
}

async fn token(server: &Harness, user: &str, scopes: &[&str]) -> String {
    let answer = server.user(user).token(SERVICE, scopes).await.is(200).json();
    answer["token"].as_str().unwrap().to_owned()
}

pub fn claims(token: &str) -> Value {
    use base64::Engine as _;
    let body = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap()
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

#[tokio::test]
async fn the_base_tells_clients_how_to_sign_in() {
    let server = Harness::start(TEAM);
    let challenge = server.anonymous().get("/v2/").await.fails(401, "UNAUTHORIZED");
    let expected = format!("Bearer realm=\"http://{}/token\",service=\"portolan\"", server.address);
    assert_eq!(challenge.header("www-authenticate"), expected);
    assert_eq!(challenge.header("docker-distribution-api-version"), "registry/2.0");
    server.user("jane").get("/v2/").await.is(200);
    let anonymous = server.anonymous().token(SERVICE, &[]).await.is(200).json();
    server.bearer(anonymous["token"].as_str().unwrap()).get("/v2/").await.is(200);

    server.write("repos/public.yaml", "repo: {type: docker, storage: default, permissions: {jane: [read]}}\n").await;
    server.bearer(anonymous["token"].as_str().unwrap()).get("/v2/").await.is(401);
    server.user("nemo").get("/v2/").await.fails(403, "DENIED");
    server.user("root").get("/v2/").await.is(200);
}

#[tokio::test]
async fn the_address_of_the_token_endpoint_cannot_be_forged() {
    let server = Harness::start(TEAM);
    let forged = server.anonymous().request("GET", "/v2/").header("x-forwarded-host", "evil.example");
    let answer = server.anonymous().send(forged).await.is(401);
    assert!(!answer.header("www-authenticate").contains("evil"));
    let odd = server.raw("GET /v2/ HTTP/1.1\r\nHost: a\"b\r\nConnection: close\r\n\r\n").await;
    assert!(!odd.contains("a\"b"), "{odd}");
    let settings = "server: {public_url: 'https://reg.example'}\n";
    server.write("registry.yaml", settings).await;
    let answer = server.anonymous().get("/v2/").await.is(401);
    let expected = "Bearer realm=\"https://reg.example/token\",service=\"reg.example\"";
    assert_eq!(answer.header("www-authenticate"), expected);
}

#[tokio::test]
async fn what_is_presented_must_be_right() {
    let server = with_an_image().await;
    server.user("jane").push_image("public/app", "v1", "config").await;
    let public = "/v2/public/app/tags/list";
    server.anonymous().get(public).await.is(200);
    for client in
        [server.password("jane", "wrong"), server.password("nobody", "x"), server.user("gone"), server.password("", "")]
    {
        client.get(public).await.fails(401, "UNAUTHORIZED");
    }
    server.bearer("nonsense").get(public).await.fails(401, "UNAUTHORIZED");
    for value in ["Basic", "Basic !!", "Digest x", "Bearer", "x"] {
        let request = server.anonymous().request("GET", public).header("authorization", value);
        server.anonymous().send(request).await.fails(401, "UNAUTHORIZED");
    }
    let twice = server.user("jane").request("GET", public).header("authorization", "Bearer x");
    server.anonymous().send(twice).await.is(400);
}

#[tokio::test]
async fn missing_and_forbidden_repositories_look_alike() {
    let server = with_an_image().await;
    for client in [server.anonymous(), server.user("nemo")] {
        let hidden = client.get("/v2/team/app/manifests/v1").await;
        let missing = client.get("/v2/tear/app/manifests/v1").await;
        assert_eq!(hidden.status, missing.status);
        let text = |answer: &crate::harness::Answer| String::from_utf8(answer.body.to_vec()).unwrap();
        assert_eq!(text(&hidden), text(&missing).replace("tear", "team"));
    }
}

#[tokio::test]
async fn a_token_opens_what_was_asked_and_is_allowed() {
    let server = with_an_image().await;
    let refused = server.anonymous().get(TAGS).await.fails(401, "UNAUTHORIZED");
    assert!(refused.header("www-authenticate").ends_with("scope=\"repository:team/app:pull\""));
    let pull = token(&server, "rita", &["repository:team/app:pull"]).await;
    server.bearer(&pull).get(TAGS).await.is(200);
    // Not allowed, whatever is asked: 403. Allowed, but not asked: ask again.
    let all = token(&server, "rita", &["repository:team/app:*"]).await;
    assert_eq!(claims(&all)["access"], json!([{"type": "repository", "name": "team/app", "actions": ["pull"]}]));
    server.bearer(&all).post("/v2/team/app/blobs/uploads/").await.fails(403, "DENIED");
    let narrow = token(&server, "jane", &["repository:team/app:pull"]).await;
    let answer = server.bearer(&narrow).post("/v2/team/app/blobs/uploads/").await.fails(401, "UNAUTHORIZED");
    let challenge = answer.header("www-authenticate");
    assert!(challenge.contains("scope=\"repository:team/app:pull,push\""), "{challenge}");
    assert!(challenge.ends_with("error=\"insufficient_scope\""), "{challenge}");
    server.bearer(&narrow).get("/v2/team/other/tags/list").await.is(401);
    let wide = token(
        &server,
        "jane",
        &["repository:team/app:pull,push repository:team/other:pull", "repository:public/x:delete"],
    )
    .await;
    server.bearer(&wide).post("/v2/team/app/blobs/uploads/").await.is(202);
    server.bearer(&wide).delete("/v2/team/app/manifests/v1").await.is(401);
    server.bearer(&wide).get("/v2/_catalog").await.is(401);
    let catalog = token(&server, "jane", &["registry:catalog:*"]).await;
    server.bearer(&catalog).get("/v2/_catalog").await.is(200);
}

#[tokio::test]
async fn a_token_mounts_only_from_images_that_it_was_asked_to_pull() {
    let server = with_an_image().await;
    let narrow = token(&server, "jane", &["repository:team/new:pull,push"]).await;
    let mount = format!("/v2/team/new/blobs/uploads/?mount={}", digest("config"));
    // Told what its token lacks, a client spares the upload.
    let refused = server.bearer(&narrow).post(&format!("{mount}&from=team/app")).await.is(401);
    let challenge = refused.header("www-authenticate");
    assert!(challenge.contains(r#"scope="repository:team/new:pull,push repository:team/app:pull""#), "{challenge}");
    assert!(challenge.ends_with(r#"error="insufficient_scope""#), "{challenge}");
    server.bearer(&narrow).post(&mount).await.is(202);
    // What the user may not pull is an ordinary upload: the answer does not tell whether it exists.
    for hidden in ["hidden/app", "hidden/none"] {
        server.bearer(&narrow).post(&format!("{mount}&from={hidden}")).await.is(202);
    }
    let scopes = ["repository:team/new:pull,push", "repository:team/app:pull"];
    let wide = token(&server, "jane", &scopes).await;
    server.bearer(&wide).post(&format!("{mount}&from=team/app")).await.is(201);
    server.bearer(&wide).post(&mount).await.is(201);
}

#[tokio::test]
async fn a_look_needs_one_right_that_is_both_asked_and_allowed() {
    let server = with_an_image().await;
    let path = "/v2/team/app/manifests/v1";
    let push = token(&server, "rita", &["repository:team/app:push"]).await;
    server.bearer(&push).head(path).await.is(401);
    let pushers = TEAM_REPOSITORY.replace("carl: [read, ", "carl: [");
    server.write("repos/team.yaml", &pushers).await;
    let pull = token(&server, "carl", &["repository:team/app:pull"]).await;
    server.bearer(&pull).head(path).await.is(401);
    let push = token(&server, "carl", &["repository:team/app:push"]).await;
    server.bearer(&push).head(path).await.is(200);
}

#[tokio::test]
async fn an_admins_token_is_not_told_the_diagnostics() {
    let server = Harness::start(TEAM);
    let given = token(&server, "root", &["repository:team/app:pull"]).await;
    assert!(server.bearer(&given).get("/-/status").await.is(200).json().get("diagnostics").is_none());
    assert!(server.user("root").get("/-/status").await.is(200).json()["diagnostics"].is_array());
}

#[tokio::test]
async fn the_token_endpoint_answers_as_documented() {
    let server = Harness::start(TEAM);
    let reply = server.user("jane").token(SERVICE, &["repository:team/app:pull"]).await.is(200);
    assert_eq!(reply.header("cache-control"), "no-store");
    let reply = reply.json();
    assert_eq!(reply["token"], reply["access_token"]);
    assert_eq!(reply["expires_in"], 300);
    assert!(reply["issued_at"].as_str().unwrap().ends_with('Z'));
    assert!(reply.get("refresh_token").is_none());

    server.user("jane").token("elsewhere", &[]).await.is(400);
    for scope in ["nonsense", "repository:../x:pull", "repository:a:fly", "repository:A:pull"] {
        server.user("jane").token(SERVICE, &[scope]).await.is(400);
    }
    let many = vec!["repository:team/app:pull"; 500];
    server.user("jane").token(SERVICE, &many).await.is(400);
    // Short to ask for, long to tell.
    let stars = vec!["repository:team/a:*"; 200];
    server.user("jane").token(SERVICE, &stars).await.is(400);
    server.password("jane", "wrong").token(SERVICE, &[]).await.fails(401, "UNAUTHORIZED");
    server.user("gone").token(SERVICE, &[]).await.fails(401, "UNAUTHORIZED");
    let given = token(&server, "jane", &[]).await;
    server.bearer(&given).token(SERVICE, &[]).await.is(401);
}

#[tokio::test]
async fn a_form_gives_a_token_too() {
    let server = with_an_image().await;
    let post = |fields: &[(&str, &str)]| server.anonymous().request("POST", "/token").form(fields);
    let scope = ("scope", "repository:team/app:pull");
    let good =
        [("grant_type", "password"), ("username", "rita"), ("password", "secret-rita"), ("service", SERVICE), scope];
    let reply = server.anonymous().send(post(&good)).await.is(200).json();
    server.bearer(reply["access_token"].as_str().unwrap()).get(TAGS).await.is(200);
    let wrong = [("grant_type", "password"), ("username", "rita"), ("password", "wrong")];
    server.anonymous().send(post(&wrong)).await.fails(401, "UNAUTHORIZED");
    for user in [server.password("jane", "wrong"), server.bearer("x.y.z")] {
        user.send(user.request("POST", "/token").form(&good)).await.fails(401, "UNAUTHORIZED");
    }
    for fields in [
        &[("grant_type", "refresh_token"), ("refresh_token", "x")][..],
        &[("grant_type", "client_credentials")],
        &[("username", "rita"), ("password", "secret-rita")],
        &[("grant_type", "password"), ("username", "rita")],
    ] {
        server.anonymous().send(post(fields)).await.is(400);
    }
    server.anonymous().upload("POST", "/token", &[], vec![b'x'; 20_000]).await.is(413);
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    let server = with_an_image().await;
    let good = token(&server, "rita", &["repository:team/app:pull"]).await;
    let claims = claims(&good);
    let forge =
        |header: &Header, claims: &Value, key: &[u8]| encode(header, claims, &EncodingKey::from_secret(key)).unwrap();
    let changed = |name: &str, value: Value| {
        let mut changed = claims.clone();
        changed[name] = value;
        forge(&Header::new(Algorithm::HS256), &changed, SIGNING_KEY)
    };
    let same = forge(&Header::new(Algorithm::HS256), &claims, SIGNING_KEY);
    server.bearer(&same).get(TAGS).await.is(200);

    let mut own_key = Header::new(Algorithm::HS256);
    own_key.kid = Some("mine".to_owned());
    own_key.jku = Some("http://127.0.0.1:1/keys".to_owned());
    own_key.x5c = Some(vec!["AAAA".to_owned()]);
    let body = good.split('.').nth(1).unwrap();
    let bad = [
        ("other key", forge(&Header::new(Algorithm::HS256), &claims, b"another key that is also long enough")),
        ("other algorithm", forge(&Header::new(Algorithm::HS512), &claims, SIGNING_KEY)),
        ("own key", forge(&own_key, &claims, b"mine")),
        ("alg none", format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{body}.")),
        ("no signature", format!("{}.{body}.", good.split('.').next().unwrap())),
        ("expired", changed("exp", json!(now() - 1))),
        ("not yet", changed("nbf", json!(now() + 100))),
        ("other service", changed("aud", json!("elsewhere"))),
        ("other issuer", changed("iss", json!("elsewhere"))),
        ("other user", changed("sub", json!("jane"))),
        ("no user", changed("sub", json!("nobody"))),
        ("disabled user", changed("sub", json!("gone"))),
        ("other secret", changed("ver", json!("00"))),
        ("bad scope", changed("scp", json!(["nonsense"]))),
    ];
    for (what, token) in bad {
        let answer = server.bearer(&token).get(TAGS).await.is(401);
        let challenge = answer.header("www-authenticate");
        assert!(
            challenge.ends_with(",scope=\"repository:team/app:pull\",error=\"invalid_token\""),
            "{what}: {challenge}"
        );
    }
}

#[tokio::test]
async fn a_stranger_is_told_what_to_ask_for() {
    let server = with_an_image().await;
    let stranger = server.bearer("nonsense");
    let answers = [
        (server.password("jane", "wrong").get(TAGS).await, "repository:team/app:pull"),
        (stranger.get(TAGS).await, "repository:team/app:pull"),
        (stranger.head("/v2/team/app/manifests/v1").await, "repository:team/app:pull"),
        (stranger.post("/v2/team/app/blobs/uploads/").await, "repository:team/app:pull,push"),
        (stranger.delete("/v2/team/app/manifests/v1").await, "repository:team/app:delete"),
        (stranger.get("/v2/_catalog").await, "registry:catalog:*"),
    ];
    for (answer, scope) in answers {
        let answer = answer.is(401);
        let challenge = answer.header("www-authenticate");
        assert!(challenge.contains(&format!(",scope=\"{scope}\"")), "{challenge}");
    }
    let base = stranger.get("/v2/").await.is(401);
    assert!(!base.header("www-authenticate").contains("scope="), "{base:?}");
}

#[tokio::test]
async fn rights_end_with_the_next_request() {
    let server = with_an_image().await;
    // One connection each, kept alive over all changes.
    let (basic, scope) = (server.user("rita"), "repository:team/app:pull");
    let bearer = server.bearer(&token(&server, "rita", &[scope]).await);
    let both = async |status: u16| {
        basic.get(TAGS).await.is(status);
        bearer.get(TAGS).await.is(status);
    };
    both(200).await;
    server.write("repos/team.yaml", &TEAM_REPOSITORY.replace("    rita: [read]\n", "")).await;
    both(403).await;
    server.write("repos/team.yaml", TEAM_REPOSITORY).await;
    both(200).await;
    let by_group = TEAM_REPOSITORY.replace("rita:", "/readers:");
    server.write("repos/team.yaml", &by_group).await;
    both(403).await;
    let member = CREDENTIALS.replace("pass: secret-rita", "pass: secret-rita, groups: [readers]");
    server.write("credentials.yaml", &member).await;
    both(200).await;
    server.write("credentials.yaml", CREDENTIALS).await;
    both(403).await;
    server.write("repos/team.yaml", TEAM_REPOSITORY).await;
    server.write("credentials.yaml", &CREDENTIALS.replace("secret-rita", "secret-rita, enabled: false")).await;
    both(401).await;
    server.write("credentials.yaml", CREDENTIALS).await;
    both(200).await;
    server.write("credentials.yaml", &CREDENTIALS.replace("secret-rita", "changed")).await;
    both(401).await;
    server.password("rita", "changed").get(TAGS).await.is(200);
    server.remove("repos/team.yaml").await;
    server.password("rita", "changed").get(TAGS).await.is(403);
}

#[tokio::test]
async fn a_rotation_keeps_the_token_of_the_previous_secret() {
    let server = with_an_image().await;
    let old = token(&server, "rita", &["repository:team/app:pull"]).await;
    let rotated = |until: &str| {
        CREDENTIALS.replace(
            "{type: plain, pass: secret-rita}",
            &format!("{{type: plain, pass: fresh, previous: {{type: plain, pass: secret-rita, until: {until}}}}}"),
        )
    };
    server.write("credentials.yaml", &rotated("2999-01-01")).await;
    server.bearer(&old).get(TAGS).await.is(200);
    server.user("rita").get(TAGS).await.is(200);
    server.write("credentials.yaml", &rotated("2001-01-01")).await;
    server.bearer(&old).get(TAGS).await.is(401);
    server.user("rita").get(TAGS).await.is(401);
}

#[tokio::test]
async fn a_long_body_is_judged_again_before_its_effect() {
    let limits = Limits { judged_again_after: Duration::from_millis(100), ..Limits::default() };
    let server = Harness::with(TEAM, limits);
    let jane = server.user("jane");
    jane.push_blob("team/app", b"config").await.is(201);
    let content = b"slow".as_slice();
    let manifest = manifest("config");
    let manifest_body = manifest.clone().into_bytes();
    for (method, path, body) in [
        ("POST", format!("/v2/team/app/blobs/uploads/?digest={}", digest(content)), content.to_vec()),
        ("PUT", "/v2/team/app/manifests/v1".to_owned(), manifest_body),
    ] {
        let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Vec<u8>, std::io::Error>>(1);
        let stream = futures_util::stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|piece| (piece, receiver))
        });
        let request = jane.request(method, &path).body(reqwest::Body::wrap_stream(stream));
        let request = request.header("content-type", portolan::oci::MediaType::OCI_MANIFEST);
        let client = jane.clone();
        let upload = tokio::spawn(async move { client.send(request).await });
        sender.send(Ok(body[..1].to_vec())).await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        server.write("repos/team.yaml", &TEAM_REPOSITORY.replace("jane:", "root:")).await;
        sender.send(Ok(body[1..].to_vec())).await.unwrap();
        drop(sender);
        upload.await.unwrap().fails(403, "DENIED");
        server.write("repos/team.yaml", TEAM_REPOSITORY).await;
    }
    jane.head(&format!("/v2/team/app/blobs/{}", digest(content))).await.is(404);
    jane.get("/v2/team/app/manifests/v1").await.is(404);
}

#[tokio::test]
async fn a_form_that_took_long_is_judged_by_what_is_in_force_at_its_end() {
    let server = Harness::start(TEAM);
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Vec<u8>, std::io::Error>>(1);
    let stream = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    let client = server.anonymous();
    let request = client.request("POST", "/token").body(reqwest::Body::wrap_stream(stream));
    let asking = tokio::spawn(async move { client.send(request).await });
    sender.send(Ok(b"grant_type=password&username=rita".to_vec())).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    server.write("credentials.yaml", &CREDENTIALS.replace("pass: secret-rita", "pass: changed")).await;
    sender.send(Ok(b"&password=secret-rita".to_vec())).await.unwrap();
    drop(sender);
    asking.await.unwrap().fails(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn a_silent_body_ends_with_408() {
    let server = Harness::with(TEAM, Limits { body_idle: Duration::from_millis(200), ..Limits::default() });
    let basic = "amFuZTpzZWNyZXQtamFuZQ==";
    let path = format!("/v2/team/app/blobs/uploads/?digest={}", digest("x"));
    let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {basic}\r\nContent-Length: 99\r\n\r\n");
    let answer = server.raw(&format!("{head}begin")).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn a_body_that_nobody_wants_is_not_read_for_ever() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let server = Harness::start(TEAM);
    let mut stream = tokio::net::TcpStream::connect(&server.address).await.unwrap();
    stream.write_all(b"GET /-/live HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").await.unwrap();
    let (mut reading, mut writing) = stream.into_split();
    let sends = tokio::spawn(async move {
        while writing.write_all(b"4\r\nmore\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), reading.read_to_end(&mut answer)).await;
    read.expect("the connection ends").ok();
    assert!(answer.starts_with(b"HTTP/1.1 200"));
    sends.await.unwrap();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_client_that_takes_nothing_of_its_answer_is_cut_off() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let server = Harness::with(TEAM, Limits { stalled: Duration::from_secs(1), ..Limits::default() });
    let content = vec![7; 32 << 20];
    server.user("jane").push_blob("public/big", &content).await.is(201);
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(server.address.parse().unwrap()).await.unwrap();
    let request = format!("GET /v2/public/big/blobs/{} HTTP/1.1\r\nHost: x\r\n\r\n", digest(&content));
    stream.write_all(request.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(6)).await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
    let _ = read.expect("the connection ends");
    assert!(answer.len() < content.len(), "{}", answer.len());
}

#[tokio::test]
async fn guessing_is_slowed_and_locks_nobody_out() {
    let server = Harness::start(TEAM);
    let jane = server.user("jane");
    jane.get("/v2/").await.is(200);
    let mut last = None;
    for _ in 0..200 {
        let answer = server.password("jane", "wrong").get("/v2/").await;
        if answer.status == 429 {
            last = Some(answer);
            break;
        }
        assert_eq!(answer.status, 401);
    }
    let answer = last.expect("a 429 within 200 attempts").fails(429, "TOOMANYREQUESTS");
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
    jane.get("/v2/").await.is(200);
}

#[tokio::test]
async fn without_users_and_sections_everything_is_open() {
    let open = [
        ("storages.yaml", "storages: {default: {type: memory}}\n"),
        ("repos/lib.yaml", "repo: {type: docker, storage: default}\n"),
        ("credentials.yaml", "credentials: {}\n"),
    ];
    let server = Harness::start(&open);
    let anonymous = server.anonymous();
    anonymous.get("/v2/").await.is(200);
    anonymous.push_image("lib/app", "v1", "config").await;
    anonymous.get("/v2/lib/app/manifests/v1").await.is(200);
    anonymous.get("/v2/elsewhere/app/manifests/v1").await.is(401);
}
