//! Tokens, and where clients are sent for them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::token;
use crate::harness::{Harness, SIGNING_KEY, TEAM};

const TAGS: &str = "/v2/team/app/tags/list";
const ATTACKERS_KEY: &[u8] = b"a key that the attacker has made by himself";

/// A token with this header, signed with HMAC-SHA-256 whatever the header says.
fn signed(header: &Value, claims: &Value, key: &[u8]) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(header), part(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

fn claims(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

/// Distribution checked a token's signature with a key that the token itself brought along in its
/// header: whoever made a key of their own was let in as anybody.
#[tokio::test]
async fn distribution_cve_2025_24976_token_chooses_its_key() {
    let server = Harness::start(TEAM);
    server.user("jane").push_image("team/app", "v1", "config").await;
    let good = claims(&token(&server, "rita", &["repository:team/app:pull"]).await);
    let control = signed(&json!({"alg": "HS256", "typ": "JWT"}), &good, SIGNING_KEY);
    server.bearer(&control).get(TAGS).await.is(200);

    let own = URL_SAFE_NO_PAD.encode(ATTACKERS_KEY);
    let x5c = json!(["MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA"]);
    for header in [
        json!({"alg": "HS256", "kid": "attacker"}),
        json!({"alg": "HS256", "kid": own}),
        json!({"alg": "HS256", "jwk": {"kty": "oct", "k": own, "alg": "HS256"}}),
        json!({"alg": "HS256", "kid": "a", "jwk": {"kty": "oct", "k": own, "kid": "a"}}),
        json!({"alg": "HS256", "jku": "http://127.0.0.1:9/keys.json"}),
        json!({"alg": "HS256", "x5c": x5c}),
        json!({"alg": "HS256", "x5u": "http://127.0.0.1:9/certificate.pem"}),
        json!({"alg": "RS256", "x5c": x5c}),
        json!({"alg": "RS256", "jwk": {"kty": "RSA", "n": own, "e": "AQAB"}}),
        json!({"alg": "ES256", "jwk": {"kty": "EC", "crv": "P-256", "x": own, "y": own}}),
        json!({"alg": "EdDSA", "jwk": {"kty": "OKP", "crv": "Ed25519", "x": own}}),
    ] {
        server.bearer(&signed(&header, &good, ATTACKERS_KEY)).get(TAGS).await.fails(401, "UNAUTHORIZED");
    }
    // A key that is a file which everybody knows to be empty.
    for kid in ["/dev/null", "../../../../dev/null", ""] {
        let empty = signed(&json!({"alg": "HS256", "kid": kid}), &good, b"");
        server.bearer(&empty).get(TAGS).await.fails(401, "UNAUTHORIZED");
    }
}

/// The same with the algorithm: none at all, or one under which our key means something else.
#[tokio::test]
async fn distribution_cve_2025_24976_token_chooses_its_algorithm() {
    let server = Harness::start(TEAM);
    server.user("jane").push_image("team/app", "v1", "config").await;
    let good = claims(&token(&server, "rita", &["repository:team/app:pull"]).await);
    for algorithm in ["none", "None", "NONE", "nOnE", "", "RS256", "PS256", "ES256", "EdDSA", "HS384", "HS512", "hs256"]
    {
        // With our own key, as where a public key is taken for a shared one; and without signature.
        let token = signed(&json!({"alg": algorithm, "typ": "JWT"}), &good, SIGNING_KEY);
        server.bearer(&token).get(TAGS).await.fails(401, "UNAUTHORIZED");
        let unsigned = &token[..=token.rfind('.').unwrap()];
        server.bearer(unsigned).get(TAGS).await.fails(401, "UNAUTHORIZED");
        server.bearer(unsigned.trim_end_matches('.')).get(TAGS).await.fails(401, "UNAUTHORIZED");
    }
    for header in [json!({}), json!({"alg": null}), json!({"alg": ["HS256"]}), json!([]), json!("HS256")] {
        server.bearer(&signed(&header, &good, SIGNING_KEY)).get(TAGS).await.fails(401, "UNAUTHORIZED");
    }
    // The claims under a signature that is somebody else's.
    let mut other = good.clone();
    other["sub"] = json!("root");
    let (ours, theirs) = (token(&server, "rita", &[]).await, signed(&json!({"alg": "HS256"}), &other, b"x"));
    let stolen = format!("{}.{}", &theirs[..theirs.rfind('.').unwrap()], ours.rsplit('.').next().unwrap());
    server.bearer(&stolen).get(TAGS).await.fails(401, "UNAUTHORIZED");
}

/// The lines of an answer that tell where to send credentials, and where to go on.
fn directions(answer: &str) -> Vec<String> {
    let head = answer.split("\r\n\r\n").next().unwrap();
    let is_direction = |line: &&str| {
        let name = line.split(':').next().unwrap().to_ascii_lowercase();
        ["www-authenticate", "location", "link"].contains(&name.as_str())
    };
    head.lines().filter(is_direction).map(str::to_owned).collect()
}

/// Distribution, as a cache, sent its credentials to whatever address an upstream's challenge named. Our
/// challenge must not be made to name a foreign one: not by whom the address is to be hidden from, and
/// not in a form that means something else to whoever reads it.
#[tokio::test]
async fn distribution_cve_2026_33540_realm_is_foreign() {
    let server = Harness::start(TEAM);
    let forged = "X-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: https\r\nForwarded: host=evil.example\r\n\
                  X-Original-Host: evil.example\r\nX-Forwarded-Server: evil.example\r\n";
    let ask = async |target: &str, host: &str, more: &str| {
        let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{more}Connection: close\r\n\r\n");
        server.raw(&request).await
    };
    let bad_hosts = [
        "evil.example\"",
        "evil.example/x",
        "evil.example?",
        "evil.example#",
        "x@evil.example",
        "evil.example, x",
        "evil.example:80:80",
        "evil.example:port",
        "evil.example\\",
        "[evil.example]",
        "evil.example x",
    ];

    // Without a public address: where the request was sent to, and in no other form than host[:port].
    let answer = ask("/v2/", "reg.example:5000", forged).await;
    assert_eq!(directions(&answer).len(), 1, "{answer}");
    assert!(answer.contains("realm=\"http://reg.example:5000/token\""), "{answer}");
    for host in bad_hosts {
        let answer = ask("/v2/", host, "").await;
        assert!(!directions(&answer).concat().contains("evil"), "{host}: {answer}");
    }

    // Behind a trusted proxy the same holds for what the proxy passes on.
    server.write("registry.yaml", "server: {trusted_proxies: [127.0.0.0/8]}\n").await;
    let answer = ask("/v2/", "inner", "X-Forwarded-Host: reg.example\r\nX-Forwarded-Proto: https\r\n").await;
    assert!(answer.contains("realm=\"https://reg.example/token\""), "{answer}");
    for host in bad_hosts.into_iter().filter(|host| !host.contains(',')) {
        let answer = ask("/v2/", "inner", &format!("X-Forwarded-Host: {host}\r\n")).await;
        assert!(!directions(&answer).concat().contains("evil"), "{host}: {answer}");
    }

    // With a public address nothing in a request has a say.
    server.write("registry.yaml", "server: {public_url: 'https://reg.example'}\n").await;
    for (target, host, more) in [
        ("/v2/", "evil.example", ""),
        ("/v2/team/app/tags/list", "evil.example", forged),
        ("http://evil.example/v2/", "evil.example", forged),
        ("/v2/team/app/manifests/v1?service=evil.example&realm=evil.example", "evil.example", forged),
        ("/token?service=reg.example", "evil.example", "Authorization: Basic eDp5\r\n"),
    ] {
        let answer = ask(target, host, more).await;
        let directions = directions(&answer).concat();
        assert!(directions.contains("Bearer realm=\"https://reg.example/token\",service=\"reg.example\""), "{answer}");
        assert!(!directions.contains("evil"), "{answer}");
    }
    // Where to go on with an upload is said without a host.
    let jane = server.user("jane");
    let start = jane.request("POST", "/v2/team/app/blobs/uploads/").header("host", "evil.example");
    let start = jane.send(start.header("x-forwarded-host", "evil.example")).await.is(202);
    assert!(start.header("location").starts_with("/v2/team/app/blobs/uploads/"), "{start:?}");
}
