//! Bad credentials: headers, tokens, scopes and forms that are not what they should be.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::bad::{Stand, basic, is_clear};
use crate::harness::SIGNING_KEY;

const TAGS: &str = "/v2/team/app/tags/list";

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

fn decode(part: &str) -> Value {
    use base64::Engine as _;
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn part(value: &Value) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string())
}

#[tokio::test]
async fn bad_tokens_open_nothing() {
    let stand = Stand::new().await;
    let good = stand.jane().token("portolan", &["repository:team/app:pull"]).await.is(200).json();
    let good = good["token"].as_str().unwrap().to_owned();
    stand.server.bearer(&good).get(TAGS).await.is(200);
    let parts: Vec<&str> = good.split('.').collect();
    let (head, body, signature) = (parts[0], parts[1], parts[2]);
    let claims = decode(body);
    let sign = |claims: &Value| {
        encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(SIGNING_KEY)).unwrap()
    };
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        sign(&claims)
    };
    let without = |name: &str| {
        let mut claims = claims.clone();
        claims.as_object_mut().unwrap().remove(name);
        sign(&claims)
    };
    let algorithm = |name: &str| format!("{}.{body}.{signature}", part(&json!({"alg": name, "typ": "JWT"})));
    for (what, token) in [
        ("alg none", format!("{}.{body}.", part(&json!({"alg": "none"})))),
        ("alg None", format!("{}.{body}.", part(&json!({"alg": "None"})))),
        ("alg nOnE with a signature", algorithm("nOnE")),
        ("alg that is empty", algorithm("")),
        ("alg RS256", algorithm("RS256")),
        ("alg HS384", algorithm("HS384")),
        ("alg that is unknown", algorithm("HS1")),
        ("alg that is a list", format!("{}.{body}.{signature}", part(&json!({"alg": ["HS256"]})))),
        ("no alg", format!("{}.{body}.{signature}", part(&json!({"typ": "JWT"})))),
        ("other key", {
            let key = EncodingKey::from_secret(b"another key that is also long enough");
            encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap()
        }),
        ("empty key", encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(b"")).unwrap()),
        ("expired", with("exp", json!(now() - 1))),
        ("expired at the beginning of time", with("exp", json!(0))),
        ("expires before that", with("exp", json!(-1))),
        ("expires as a text", with("exp", json!("2999-01-01"))),
        ("never expires", without("exp")),
        ("not yet valid", with("nbf", json!(now() + 1000))),
        ("no beginning", without("nbf")),
        ("other service", with("aud", json!("elsewhere"))),
        ("no service", without("aud")),
        ("other issuer", with("iss", json!("elsewhere"))),
        ("no issuer", without("iss")),
        ("no subject", without("sub")),
        ("subject with a path", with("sub", json!("../jane"))),
        ("subject of another type", with("sub", json!({"name": "jane"}))),
        ("scopes of another type", with("scp", json!({"a": "b"}))),
        ("a scope of the wrong form", with("scp", json!(["repository:../x:pull"]))),
        ("no version", without("ver")),
        ("an empty version", with("ver", json!(""))),
        ("no body", format!("{head}..{signature}")),
        ("no signature", format!("{head}.{body}.")),
        ("two parts", format!("{head}.{body}")),
        ("four parts", format!("{good}.{signature}")),
        ("truncated", good[..good.len() - 1].to_owned()),
        ("truncated by half", good[..good.len() / 2].to_owned()),
        ("with padding", format!("{good}=")),
        ("with a space in it", good.replacen('.', ". ", 1)),
        ("only dots", "..".to_owned()),
        ("one dot", ".".to_owned()),
        ("100 KiB", "a".repeat(100 * 1024)),
        ("100 KiB of a body", format!("{head}.{}.{signature}", "A".repeat(100 * 1024))),
        ("100 KiB after a good one", format!("{good}{}", "A".repeat(100 * 1024))),
        ("many dots", ".".repeat(10_000)),
        ("a nest", format!("{head}.{}.{signature}", part(&json!("[".repeat(5000))))),
    ] {
        let answer = stand.server.bearer(&token).get(TAGS).await;
        is_clear(&answer, what);
        assert_eq!(answer.status, 401, "{what}");
        assert!(answer.header("www-authenticate").ends_with("error=\"invalid_token\""), "{what}: {answer:?}");
    }
    stand.unharmed().await;
}

#[tokio::test]
async fn bad_authorization_headers_open_nothing() {
    let stand = Stand::new().await;
    let good = basic("jane", "secret-jane");
    let send = async |what: &str, header: &[u8]| {
        let head = format!("GET {TAGS} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n");
        stand.send([head.as_bytes(), header, b"\r\n"].concat(), false).await.clear(what)
    };
    for value in [
        "",
        " ",
        "Basic",
        "Basic ",
        "Basic =",
        "Basic !!!!",
        "Basic amFuZQ==",
        "Basic Og==",
        "Basic //8=",
        "Basic AAAA",
        "Basic amFuZTpzZWNyZXQtamFuZQ==garbage",
        "Basic amFuZTpzZWNyZXQtamFuZQ==, Bearer x",
        "Basic amFuZTpzZWNyZXQtamFu\tZQ==",
        "Bearer",
        "Bearer ",
        "Digest username=\"jane\"",
        "Negotiate AAAA",
        "jane:secret-jane",
        "Bearer Bearer x",
    ] {
        assert_eq!(send(value, format!("Authorization: {value}\r\n").as_bytes()).await.status(), 401, "{value:?}");
    }
    for (name, password) in [
        ("", ""),
        ("jane", ""),
        ("", "secret-jane"),
        ("jane\0", "secret-jane"),
        ("JANE", "secret-jane"),
        ("*", "*"),
        ("jane", "secret-jane\0"),
        ("../jane", "x"),
    ] {
        assert_eq!(send(name, format!("Authorization: {}\r\n", basic(name, password)).as_bytes()).await.status(), 401);
    }
    let long = basic("jane", &"x".repeat(90_000));
    assert_eq!(send("a long password", format!("Authorization: {long}\r\n").as_bytes()).await.status(), 401);
    let twice = format!("Authorization: {good}\r\nAuthorization: {good}\r\n");
    assert_eq!(send("two headers", twice.as_bytes()).await.status(), 400);
    let mixed = format!("Authorization: {good}\r\nauthorization: Bearer x\r\n");
    assert_eq!(send("two schemes", mixed.as_bytes()).await.status(), 400);
    for bytes in [
        &b"Authorization: Basic \xff\xfe\r\n"[..],
        b"Authorization: \xc3\xa9\r\n",
        b"Authorization: Bearer \x80.\x80\r\n",
    ] {
        assert_eq!(send("no ASCII", bytes).await.status(), 400);
    }
    stand.unharmed().await;
}

#[tokio::test]
async fn bad_scopes_give_no_token() {
    let stand = Stand::new().await;
    let jane = stand.jane();
    let long = format!("repository:{}:pull", "a".repeat(256));
    let longest = "x".repeat(60_000);
    for scope in [
        "x",
        ":",
        "::",
        ":::",
        "repository",
        "repository:",
        "repository:team/app",
        "repository::pull",
        "repository:../etc:pull",
        "repository:team/../public:pull",
        "repository:team/app:fly",
        "repository:team/app:pull,fly",
        "repository:team/app:PULL",
        "repository:TEAM/app:pull",
        "repository:team/app\0:pull",
        "repository:team%2Fapp:pull",
        "repository:*:pull",
        "repository:host:5000/team/app:pull",
        "registry:catalog:pull",
        "registry:*:*",
        "registry:catalog:*,pull",
        "admin:all:*",
        "repositor\u{fc}:team/app:pull",
        "repository:team/app:pull;push",
        &long,
        &longest,
    ] {
        let answer = jane.token("portolan", &[scope]).await;
        is_clear(&answer, scope);
        assert_eq!(answer.status, 400, "{scope}");
    }
    is_clear(&jane.token("portolan", &vec!["repository:team/app:pull"; 1000]).await, "a thousand scopes");
    for service in ["", "elsewhere", "portolan\0", "portolan:5001", &"p".repeat(10_000)] {
        is_clear(&jane.token(service, &[]).await, service);
    }
    stand.unharmed().await;
}

#[tokio::test]
async fn bad_forms_give_no_token() {
    let stand = Stand::new().await;
    let anonymous = stand.server.anonymous();
    let form = ("content-type", "application/x-www-form-urlencoded");
    for body in [
        &b""[..],
        b"&&&&",
        b"====",
        b"%",
        b"%zz=%zz",
        b"\xff\xfe\0",
        b"grant_type",
        b"grant_type=",
        b"grant_type=password&username=jane",
        b"grant_type=password&password=secret-jane",
        b"grant_type=password&username=&password=",
        b"grant_type=password&username=%00&password=%ff",
        b"grant_type=refresh_token&refresh_token=x",
        b"grant_type=authorization_code&code=x",
        b"grant_type=password&grant_type=refresh_token&username=jane&password=secret-jane",
        b"grant_type=password&username=jane&password=secret-jane&scope=repository:../x:pull",
        b"grant_type=password&username=jane&password=secret-jane&service=elsewhere",
        b"{\"grant_type\":\"password\",\"username\":\"jane\",\"password\":\"secret-jane\"}",
    ] {
        let what = String::from_utf8_lossy(body);
        let answer = anonymous.upload("POST", "/token", &[form], body).await;
        is_clear(&answer, &what);
        assert!(answer.json().get("token").is_none(), "{what}");
    }
    let large = format!("grant_type=password&username=jane&password=secret-jane&x={}", "x".repeat(20_000));
    is_clear(&anonymous.upload("POST", "/token", &[form], large).await.is(413), "too large");
    let many = "scope=repository:team/app:pull&".repeat(400);
    is_clear(&anonymous.upload("POST", "/token", &[form], many).await, "many fields");
    stand.unharmed().await;
}
