//! Bad request lines and heads: names, tags, digests, queries, methods, versions and framing.

use crate::bad::{Stand, basic, is_clear, request};
use crate::harness::digest;

const NAMES: &[&str] = &[
    "",
    "/",
    ".",
    "..",
    "../..",
    "team/..",
    "team/../public/app",
    "team/./app",
    "%2e%2e",
    "%2E%2e/%2e%2E/etc",
    "team%2Fapp",
    "team%2fapp",
    "team%5capp",
    "team\\app",
    "%00",
    "team/app%00",
    "team/app%00.yaml",
    "%252e%252e",
    "team/%252e%252e/app",
    "team%252Fapp",
    "%zz",
    "%",
    "team/%2",
    "team/app%",
    "%u002e",
    "team//app",
    "/team/app",
    "team/app/",
    "team/app%0d%0aX-Header:%20y",
    "team/app%20",
    "team/%c3%a9",
    "%ff%fe",
    "%c0%ae%c0%ae",
    "TEAM/app",
    "_team",
    "-team",
    "team.",
    "te..am",
    "te___am",
    "team;a=b",
    "~root",
    "*",
    "team/{app}",
    "team:5000/app",
    "team@app",
    "..;/app",
];

const DIGESTS: &[&str] = &[
    "sha256",
    "sha256:",
    ":",
    ":abc",
    "sha256:abc",
    "sha256:zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
    "sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "SHA256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "sha256+b64:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "sha512:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "md5:d41d8cd98f00b204e9800998ecf8427e",
    "sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "sha256:..",
    "sha256:%2e%2e",
    "sha256:%00aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

/// Every kind of resource below an image, as method and what follows the name.
const RESOURCES: &[(&str, &str)] = &[
    ("GET", "/manifests/v1"),
    ("HEAD", "/manifests/v1"),
    ("PUT", "/manifests/v1"),
    ("DELETE", "/manifests/v1"),
    ("GET", "/blobs/sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
    ("DELETE", "/blobs/sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
    ("POST", "/blobs/uploads/"),
    ("PATCH", "/blobs/uploads/4f6f3c31-5d2b-4c6f-9f4e-0d9b0c1f2a3b"),
    ("GET", "/tags/list"),
    ("GET", "/referrers/sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
];

#[tokio::test]
async fn bad_names_are_refused_everywhere() {
    let stand = Stand::new().await;
    let long = "a".repeat(256);
    let many = "a/".repeat(200) + "a";
    for name in NAMES.iter().copied().chain([long.as_str(), many.as_str()]) {
        for (method, resource) in RESOURCES {
            let line = format!("{method} /v2/{name}{resource} HTTP/1.1");
            let reply = stand.request(&line, "Content-Length: 2\r\n", "{}").await;
            if *method == "HEAD" {
                assert!((400..500).contains(&reply.status()), "{line}: {reply:?}");
            } else {
                reply.clear(&line);
            }
        }
    }
    // The longest name is fine; the next is not.
    stand.jane().get(&format!("/v2/team/{}/tags/list", "a".repeat(250))).await.fails(404, "NAME_UNKNOWN");
    stand.jane().get(&format!("/v2/team/{}/tags/list", "a".repeat(251))).await.fails(400, "NAME_INVALID");
    // Not even a request line.
    for name in [&b"te am"[..], b"te\0am", b"te\ram", b"te\nam", b"te\x7fam", b"te\x01am"] {
        let line = [b"GET /v2/", name, b"/tags/list HTTP/1.1"].concat();
        stand.request(line, "", "").await.refused(&String::from_utf8_lossy(name));
    }
    for name in ["té".as_bytes(), b"\xff\xfe"] {
        let line = [b"GET /v2/", name, b"/tags/list HTTP/1.1"].concat();
        stand.request(line, "", "").await.refused(&String::from_utf8_lossy(name));
    }
    stand.unharmed().await;
}

#[tokio::test]
async fn bad_tags_are_refused() {
    let stand = Stand::new().await;
    let long = "a".repeat(129);
    for tag in ["", ".x", "-x", "..", "%2e%2e", "a%2Fb", "a%00", "a%20b", "a+b", "%zz", "é%", "a*", "a~1", &long] {
        for method in ["GET", "PUT", "DELETE"] {
            let line = format!("{method} /v2/team/app/manifests/{tag} HTTP/1.1");
            let reply = stand.request(&line, "Content-Length: 2\r\n", "{}").await;
            if tag.is_ascii() {
                reply.clear(&line)
            } else {
                reply.refused(&line)
            };
        }
    }
    stand.jane().get(&format!("/v2/team/app/manifests/{}", "a".repeat(128))).await.fails(404, "MANIFEST_UNKNOWN");
    stand.unharmed().await;
}

#[tokio::test]
async fn bad_digests_are_refused_everywhere() {
    let stand = Stand::new().await;
    let jane = stand.jane();
    let upload = jane.post("/v2/team/app/blobs/uploads/").await.is(202).header("location").to_owned();
    for bad in DIGESTS {
        for (method, target) in [
            ("GET", format!("/v2/team/app/blobs/{bad}")),
            ("DELETE", format!("/v2/team/app/blobs/{bad}")),
            ("GET", format!("/v2/team/app/referrers/{bad}")),
            ("POST", format!("/v2/team/app/blobs/uploads/?digest={bad}")),
            ("POST", format!("/v2/team/app/blobs/uploads/?mount={bad}&from=team/app")),
            ("PUT", format!("{upload}?digest={bad}")),
        ] {
            let line = format!("{method} {target} HTTP/1.1");
            stand.request(&line, "Content-Length: 2\r\n", "{}").await.clear(&line);
        }
        if bad.contains(':') {
            for method in ["GET", "PUT", "DELETE"] {
                let line = format!("{method} /v2/team/app/manifests/{bad} HTTP/1.1");
                stand.request(&line, "Content-Length: 2\r\n", "{}").await.clear(&line);
            }
        }
    }
    let wrong = format!("{upload}?digest={}", digest("something else"));
    jane.upload("PUT", &wrong, &[], "content").await.fails(400, "DIGEST_INVALID");
    let sha512 = format!("{upload}?digest=sha512:{}", "0".repeat(128));
    jane.upload("PUT", &sha512, &[], "content").await.fails(400, "DIGEST_INVALID");
    jane.upload("PUT", &upload, &[], "content").await.fails(400, "DIGEST_INVALID");
    jane.upload("PUT", &format!("{upload}?digest={}", digest("content")), &[], "content").await.is(201);
    let whole = format!("/v2/team/app/blobs/uploads/?digest={}", digest("something else"));
    jane.upload("POST", &whole, &[], "content").await.fails(400, "DIGEST_INVALID");
    jane.get(&format!("/v2/team/app/blobs/{}", digest("something else"))).await.is(404);
    stand.unharmed().await;
}

#[tokio::test]
async fn bad_upload_identifiers_are_not_found() {
    let stand = Stand::new().await;
    let id = "4f6f3c31-5d2b-4c6f-9f4e-0d9b0c1f2a3b";
    for bad in [id, &id.to_uppercase(), &id.replace('-', ""), "..", "%2e%2e", "x", &"a".repeat(5000), "{id}", "0"] {
        for method in ["GET", "PATCH", "PUT", "DELETE"] {
            let line = format!("{method} /v2/team/app/blobs/uploads/{bad}?digest={} HTTP/1.1", digest("x"));
            stand.request(&line, "Content-Length: 1\r\n", "x").await.clear(&line);
        }
    }
    stand.unharmed().await;
}

#[tokio::test]
async fn bad_queries_are_refused() {
    let stand = Stand::new().await;
    let jane = stand.jane();
    let mount = digest("config");
    let long = "a".repeat(513);
    let tags: String = (0..500).map(|number| format!("&tag=t{number}")).collect();
    for (method, target) in [
        ("GET", "/v2/_catalog?n=-1".to_owned()),
        ("GET", "/v2/_catalog?n=ten".to_owned()),
        ("GET", "/v2/_catalog?n=".to_owned()),
        ("GET", "/v2/_catalog?n=1.5".to_owned()),
        ("GET", "/v2/_catalog?n=0x10".to_owned()),
        ("GET", "/v2/_catalog?n=%00".to_owned()),
        ("GET", "/v2/_catalog?n=+5".to_owned()),
        ("GET", "/v2/team/app/tags/list?n=%EF%BC%95".to_owned()),
        ("GET", format!("/v2/team/app/tags/list?last={long}")),
        ("GET", format!("/v2/_catalog?last={long}")),
        ("POST", format!("/v2/team/app/blobs/uploads/?mount={mount}&from=../etc")),
        ("POST", format!("/v2/team/app/blobs/uploads/?mount={mount}&from=%2e%2e")),
        ("POST", format!("/v2/team/app/blobs/uploads/?mount={mount}&from=team%00app")),
        ("POST", format!("/v2/team/app/blobs/uploads/?mount={mount}&from=")),
        ("POST", "/v2/team/app/blobs/uploads/?mount=".to_owned()),
        ("POST", "/v2/team/app/blobs/uploads/?mount=garbage&from=team/app".to_owned()),
        ("POST", "/v2/team/app/blobs/uploads/?digest=".to_owned()),
        ("PUT", format!("/v2/team/app/manifests/{mount}?tag=")),
        ("PUT", format!("/v2/team/app/manifests/{mount}?tag=..")),
        ("PUT", format!("/v2/team/app/manifests/{mount}?tag=a%2Fb")),
        ("PUT", format!("/v2/team/app/manifests/{mount}?tag={}", "a".repeat(129))),
        ("PUT", format!("/v2/team/app/manifests/{mount}?x=y{tags}")),
    ] {
        let line = format!("{method} {target} HTTP/1.1");
        stand.request(&line, "Content-Length: 2\r\n", "{}").await.clear(&line);
    }
    // What cannot be taken at its word does no harm either.
    for target in [
        "/v2/_catalog?n=99999999999999999999999999",
        "/v2/_catalog?n=0&n=5",
        "/v2/_catalog?last=..%2F..%2Fetc",
        "/v2/_catalog?last=%00",
        "/v2/team/app/tags/list?last=../../_manifests",
        "/v2/team/app/tags/list?last=%ff",
        "/v2/team/app/tags/list?&&&=&=%zz",
        "/v2/team/app/tags/list?n=1&last=zzz",
    ] {
        let line = format!("GET {target} HTTP/1.1");
        let reply = stand.request(&line, "", "").await;
        assert!(reply.status() == 200 || !reply.clear(&line).code().is_empty());
    }
    let referrers = format!("/v2/team/app/referrers/{mount}?artifactType=%00{}", "x".repeat(10_000));
    let answer = jane.get(&referrers).await;
    assert!(answer.status.as_u16() < 500, "{answer:?}");
    stand.unharmed().await;
}

#[tokio::test]
async fn bad_lengths_of_heads_are_refused() {
    let stand = Stand::new().await;
    for length in [10_000, 60_000, 65_530, 70_000, 140_000, 2_000_000] {
        let text = "a".repeat(length);
        for line in [
            format!("GET /v2/{text}/tags/list HTTP/1.1"),
            format!("GET /v2/team/app/tags/list?last={text} HTTP/1.1"),
            format!("GET /{text} HTTP/1.1"),
            format!("{text} /v2/ HTTP/1.1"),
            format!("GET /v2/team/app/tags/list HTTP/{text}"),
        ] {
            stand.request(&line, "", "").await.refused(&format!("{length} {line}"));
        }
        let headers = format!("X-Long: {text}\r\n");
        let reply = stand.request("GET /v2/team/app/tags/list HTTP/1.1", &headers, "").await;
        assert!(reply.status() == 200 || reply.status() == 431, "{length}: {}", reply.status());
    }
    let many: String = (0..5000).map(|number| format!("X-{number}: y\r\n")).collect();
    stand.request("GET /v2/team/app/tags/list HTTP/1.1", &many, "").await.refused("5000 headers");
    stand.unharmed().await;
}

#[tokio::test]
async fn bad_methods_are_told_the_right_ones() {
    let stand = Stand::new().await;
    let blob = digest("config");
    let routes = [
        ("/v2/".to_owned(), "GET, HEAD"),
        ("/v2/_catalog".to_owned(), "GET, HEAD"),
        ("/v2/team/app/tags/list".to_owned(), "GET, HEAD"),
        (format!("/v2/team/app/referrers/{blob}"), "GET, HEAD"),
        ("/v2/team/app/manifests/v1".to_owned(), "GET, HEAD, PUT, DELETE"),
        (format!("/v2/team/app/blobs/{blob}"), "GET, HEAD, DELETE"),
        ("/v2/team/app/blobs/uploads/".to_owned(), "POST"),
        ("/v2/team/app/blobs/uploads/4f6f3c31-5d2b-4c6f-9f4e-0d9b0c1f2a3b".to_owned(), "GET, HEAD, PATCH, PUT, DELETE"),
        ("/token".to_owned(), "GET, POST"),
        ("/-/live".to_owned(), "GET, HEAD"),
        ("/-/ready".to_owned(), "GET, HEAD"),
        ("/-/status".to_owned(), "GET, HEAD"),
        ("/-/metrics".to_owned(), "GET, HEAD"),
    ];
    let methods = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE", "get", "Get", "GETT", "M-SEARCH",
    ];
    for (path, allowed) in &routes {
        for method in methods.iter().filter(|method| !allowed.split(", ").any(|allowed| allowed == **method)) {
            let line = format!("{method} {path} HTTP/1.1");
            let reply = stand.request(&line, "", "").await;
            assert_eq!((reply.status(), reply.header("allow")), (405, Some(*allowed)), "{line}: {reply:?}");
            if *method != "HEAD" {
                reply.clear(&line);
            }
        }
    }
    for line in
        ["OPTIONS * HTTP/1.1", "GET /v1/ HTTP/1.1", "GET / HTTP/1.1", "PATCH /-/ HTTP/1.1", "PUT /v2/x HTTP/1.1"]
    {
        stand.request(line, "", "").await.clear(line);
    }
    for line in ["CONNECT team:443 HTTP/1.1", "CONNECT /v2/ HTTP/1.1", "GET team HTTP/1.1", "G\u{e9}T /v2/ HTTP/1.1"] {
        stand.request(line, "", "").await.refused(line);
    }
    stand.unharmed().await;
}

#[tokio::test]
async fn bad_versions_of_http_are_refused() {
    let stand = Stand::new().await;
    let old = stand.request("GET /v2/team/app/tags/list HTTP/1.0", "", "").await;
    assert_eq!((old.status(), old.answers()), (200, 1));
    for version in
        ["HTTP/0.9", "HTTP/1.2", "HTTP/2.0", "HTTP/3", "HTTP/11", "HTTP", "http/1.1", "FTP/1.1", "", "HTTP/-1"]
    {
        stand.request(format!("GET /v2/ {version}"), "", "").await.refused(version);
    }
    for bytes in [
        &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03aaaaaaaa\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"GET\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"GET /v2/ HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /v2/ HTTP/1.1\r\n: no name\r\n\r\n",
        b"GET /v2/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /v2/ HTTP/1.1\r\n\r\n",
        b"GET /v2/ HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
    ] {
        stand.send(bytes, true).await.refused(&String::from_utf8_lossy(bytes));
    }
    // Neither the empty connection nor the unfinished head deserve an answer; they must not hang.
    for bytes in [&b""[..], b"\r\n", b"GET /v2/ HTTP/1.1\r\nHost: te"] {
        assert!(stand.send(bytes, true).await.status() < 500);
    }
    stand.unharmed().await;
}

#[tokio::test]
async fn bad_framing_smuggles_no_request() {
    let stand = Stand::new().await;
    let hidden = request("DELETE /v2/team/app/manifests/v1 HTTP/1.1", "Content-Length: 0\r\n", "");
    let hidden = String::from_utf8(hidden).unwrap();
    let length = hidden.len();
    let authorization = basic("jane", "secret-jane");
    for (what, headers, body) in [
        ("length and chunked", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n".to_owned(), "0\r\n\r\n"),
        ("chunked and length", format!("Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n"), "0\r\n\r\n"),
        ("two lengths", format!("Content-Length: 0\r\nContent-Length: {length}\r\n"), ""),
        ("two equal lengths", "Content-Length: 0\r\nContent-Length: 0\r\n".to_owned(), ""),
        ("list of lengths", format!("Content-Length: 0, {length}\r\n"), ""),
        ("negative length", "Content-Length: -1\r\n".to_owned(), ""),
        ("signed length", "Content-Length: +0\r\n".to_owned(), ""),
        ("hexadecimal length", "Content-Length: 0x0\r\n".to_owned(), ""),
        ("empty length", "Content-Length:\r\n".to_owned(), ""),
        ("huge length", "Content-Length: 99999999999999999999999\r\n".to_owned(), ""),
        ("space before the colon", "Transfer-Encoding : chunked\r\n".to_owned(), "0\r\n\r\n"),
        ("unknown encoding", "Transfer-Encoding: xchunked\r\n".to_owned(), "0\r\n\r\n"),
        ("two encodings", "Transfer-Encoding: chunked, identity\r\n".to_owned(), "0\r\n\r\n"),
        ("two encoding headers", "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n".to_owned(), "0\r\n\r\n"),
        ("encoding with a tab", "Transfer-Encoding:\x0bchunked\r\n".to_owned(), "0\r\n\r\n"),
        ("gzip", "Transfer-Encoding: gzip, chunked\r\n".to_owned(), "0\r\n\r\n"),
        ("folded header", "X: y\r\n Transfer-Encoding: chunked\r\n".to_owned(), "0\r\n\r\n"),
        ("chunk size is no number", "Transfer-Encoding: chunked\r\n".to_owned(), "zz\r\n\r\n"),
        ("negative chunk", "Transfer-Encoding: chunked\r\n".to_owned(), "-1\r\n\r\n"),
        ("overflowing chunk", "Transfer-Encoding: chunked\r\n".to_owned(), "fffffffffffffffff\r\n\r\n"),
        ("chunk without its end", "Transfer-Encoding: chunked\r\n".to_owned(), "1\r\nxx\r\n0\r\n\r\n"),
        ("prefixed chunk", "Transfer-Encoding: chunked\r\n".to_owned(), "0x0\r\n\r\n"),
    ] {
        let line = format!("POST /v2/team/app/blobs/uploads/?digest={} HTTP/1.1", digest(""));
        // The connection stays open, so that what is hidden could be taken for the next request.
        let head = format!("{line}\r\nHost: test\r\nAuthorization: {authorization}\r\n{headers}\r\n");
        let reply = stand.send(format!("{head}{body}{hidden}"), true).await;
        // Of chunks that are none, the connection may be closed without a word.
        if reply.status() != 0 || !headers.starts_with("Transfer-Encoding: chunked\r\n") {
            reply.refused(what);
        }
    }
    // An upgrade to something that does not exist here is no way around the framing either.
    let upgrade = format!(
        "PUT /v2/team/app/manifests/v2 HTTP/1.1\r\nHost: test\r\nAuthorization: {authorization}\r\n\
         Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n{hidden}"
    );
    stand.send(upgrade, true).await.refused("upgrade");
    stand.unharmed().await;
}

#[tokio::test]
async fn bad_conditions_and_ranges_do_no_harm() {
    let stand = Stand::new().await;
    let jane = stand.jane();
    let blob = format!("/v2/team/app/blobs/{}", digest("config"));
    let many = format!("bytes={}0-1", "0-0,".repeat(5000));
    for range in [
        "bytes=18446744073709551616-",
        "bytes=0-18446744073709551616",
        "bytes=-18446744073709551616",
        "bytes=--1",
        "bytes=1--2",
        "bytes=0-1,2-3",
        "bytes",
        "=0-1",
        &many,
    ] {
        let answer = jane.send(jane.request("GET", &blob).header("range", range)).await.is(200);
        assert_eq!(&answer.body[..], b"config");
    }
    for range in ["bytes=18446744073709551615-", "bytes=6-18446744073709551615", "bytes=-0", "bytes=5-1"] {
        let answer = jane.send(jane.request("GET", &blob).header("range", range)).await.is(416);
        is_clear(&answer, range);
    }
    for (name, value) in [
        ("if-none-match", "garbage"),
        ("if-none-match", "\"unclosed"),
        ("if-none-match", ",,,,W/W/W/"),
        ("if-none-match", "\"sha256:0\""),
        ("if-range", "garbage"),
        ("if-modified-since", "yesterday"),
        ("accept-encoding", "gzip;q=x, ,;"),
        ("expect", "the unexpected"),
        ("x-forwarded-for", "';drop table"),
        ("traceparent", "garbage"),
        ("x-request-id", "a b c"),
    ] {
        let answer = jane.send(jane.request("GET", &blob).header(name, value)).await.is(200);
        assert_eq!(&answer.body[..], b"config", "{name}: {value}");
    }
    for accept in ["garbage", "a/b/c", "*/*;q=nan;q=0", ";;;,,,", "application/json", "text/html;q=99999999999", "*"] {
        let answer = jane.send(jane.request("GET", "/v2/team/app/manifests/v1").header("accept", accept)).await;
        if answer.status != 200 {
            is_clear(&answer, accept);
        }
    }
    stand.unharmed().await;
}
