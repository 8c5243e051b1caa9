//! Bad bodies: wrong ranges and lengths, bodies that end too early, too late or never, clients that go
//! away, and manifests that try to break their reader.

use std::time::Duration;

use portolan::oci::MediaType;
use portolan::server::Limits;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::bad::{Stand, is_clear, read, request};
use crate::harness::{Client, digest, manifest, manifest_with};

const MANIFEST: &str = "/v2/team/app/manifests/v2";
const MANIFEST_MAX: usize = 4 * 1024 * 1024;

fn impatient() -> Limits {
    Limits {
        body_idle: Duration::from_millis(300),
        small_body: Duration::from_secs(1),
        head: Duration::from_millis(500),
        ..Limits::default()
    }
}

/// Begins an upload that stands at byte 4.
async fn begin(jane: &Client) -> String {
    let upload = jane.post("/v2/team/app/blobs/uploads/").await.is(202).header("location").to_owned();
    jane.upload("PATCH", &upload, &[("content-range", "0-3")], "0123").await.is(202);
    upload
}

/// The upload still stands at byte 4, and becomes the blob that it was meant to be. A writer whose
/// client has just gone away may need a moment to let go.
async fn goes_on(jane: &Client, upload: &str) {
    assert_eq!(jane.get(upload).await.is(204).header("range"), "0-3");
    for _ in 0..100 {
        let answer = jane.upload("PATCH", upload, &[("content-range", "4-7")], "4567").await;
        if answer.status == 416 {
            assert_eq!(answer.header("range"), "0-3");
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        }
        assert_eq!(answer.is(202).header("range"), "0-7");
        let finish = format!("{upload}?digest={}", digest("0123456789"));
        jane.upload("PUT", &finish, &[("content-range", "8-9")], "89").await.is(201);
        let blob = jane.get(&format!("/v2/team/app/blobs/{}", digest("0123456789"))).await.is(200);
        assert_eq!(&blob.body[..], b"0123456789");
        return;
    }
    panic!("the upload stays locked");
}

#[tokio::test]
async fn bad_content_ranges_leave_the_upload_where_it_stands() {
    let stand = Stand::new().await;
    let jane = stand.jane();
    let upload = begin(&jane).await;
    let finish = format!("{upload}?digest={}", digest("0123456789"));
    for (range, status) in [
        ("6-11", 416),
        ("0-5", 416),
        ("3-8", 416),
        ("9-4", 416),
        ("18446744073709551614-18446744073709551615", 416),
        ("4-8", 400),
        ("4-10", 400),
        ("4-18446744073709551615", 400),
        ("4-99999999999999999999", 400),
        ("-", 400),
        ("4-", 400),
        ("-9", 400),
        ("4", 400),
        ("a-b", 400),
        ("4-9,10-11", 400),
        ("4 - 9", 400),
        ("0x4-0x9", 400),
        ("+4-9", 400),
        ("lines 4-9/10", 400),
        ("bytes */10", 400),
        ("4-9-", 400),
    ] {
        for (method, path) in [("PATCH", &upload), ("PUT", &finish)] {
            let answer = jane.upload(method, path, &[("content-range", range)], "456789").await;
            assert_eq!(answer.status, status, "{method} {range}: {answer:?}");
            is_clear(&answer, range);
            if status == 416 {
                assert_eq!((answer.header("range"), answer.header("location")), ("0-3", upload.as_str()), "{range}");
            }
            assert_eq!(jane.get(&upload).await.is(204).header("range"), "0-3", "{method} {range}");
        }
    }
    let line = format!("PATCH {upload} HTTP/1.1");
    let odd = request(&line, "Content-Range: \u{e9}\r\nContent-Length: 1\r\n", "x");
    stand.send(odd, false).await.clear("Content-Range that is not ASCII");
    goes_on(&jane, &upload).await;
    stand.unharmed().await;
}

#[tokio::test]
async fn bad_lengths_leave_the_upload_where_it_stands() {
    let stand = Stand::with(impatient()).await;
    let jane = stand.jane();
    let upload = begin(&jane).await;
    let lines = [
        format!("PATCH {upload} HTTP/1.1"),
        format!("PUT {upload}?digest={} HTTP/1.1", digest("0123456789")),
        format!("POST /v2/team/app/blobs/uploads/?digest={} HTTP/1.1", digest("456789")),
        format!("PUT {MANIFEST} HTTP/1.1"),
    ];
    for line in &lines {
        for (what, headers, body, close) in [
            ("longer than the body, closed", "Content-Length: 1000\r\n", "456789", true),
            ("longer than the body, silent", "Content-Length: 1000\r\n", "456789", false),
            ("as long as nothing is", "Content-Length: 18446744073709551615\r\n", "456789", true),
            ("no body at all", "Content-Length: 6\r\n", "", true),
            ("chunks that break off", "Transfer-Encoding: chunked\r\n", "6\r\n456789\r\n", true),
            ("chunks that fall silent", "Transfer-Encoding: chunked\r\n", "6\r\n456789\r\n", false),
            ("a chunk that breaks off", "Transfer-Encoding: chunked\r\n", "ff\r\n456789", true),
            ("a chunk of garbage", "Transfer-Encoding: chunked\r\n", "6\r\n456789\r\nxyz\r\n\r\n", true),
        ] {
            let what = format!("{what}: {line}");
            let reply = stand.send(request(line, headers, body), close).await;
            // Whoever closed hears nothing; whoever waits is told.
            assert!(reply.status() < 500 && reply.answers() <= 1, "{what}: {reply:?}");
            assert!(!(200..300).contains(&reply.status()), "{what}: {reply:?}");
            if !close {
                assert_eq!(reply.clear(&what).status(), 408, "{what}");
            }
            assert_eq!(jane.get(&upload).await.is(204).header("range"), "0-3", "{what}");
        }
    }
    // What comes after a body that is longer than it was said to be is no request.
    let line = format!("POST /v2/team/app/blobs/uploads/?digest={} HTTP/1.1", digest("45"));
    let reply = stand.send(request(line, "Content-Length: 2\r\n", "456789"), false).await;
    assert_eq!((reply.status(), reply.answers()), (201, 1), "{reply:?}");
    jane.get(&format!("/v2/team/app/blobs/{}", digest("456789"))).await.is(404);
    jane.get(MANIFEST).await.is(404);
    goes_on(&jane, &upload).await;
    stand.unharmed().await;
}

#[tokio::test]
async fn bad_bodies_that_never_end_are_cut() {
    let stand = Stand::with(impatient()).await;
    for path in [MANIFEST, "/token"] {
        let method = if path == "/token" { "POST" } else { "PUT" };
        let mut stream = TcpStream::connect(&stand.server.address).await.unwrap();
        let head = request(format!("{method} {path} HTTP/1.1"), "Transfer-Encoding: chunked\r\n", "");
        stream.write_all(&head).await.unwrap();
        let chunk = [b"1000\r\n".as_slice(), &[b' '; 4096], b"\r\n"].concat();
        // What comes after the limit is thrown away for a while, so that the client can read the answer;
        // then the connection is closed, however much is still sent.
        let flood = async { while stream.write_all(&chunk).await.is_ok() {} };
        tokio::time::timeout(Duration::from_secs(15), flood).await.expect("the server stops reading");
        let reply = read(stream).await;
        assert!(reply.status() == 413 || reply.status() == 0, "{path}: {reply:?}");
    }
    // Falling silent after a refusal holds no connection either.
    for path in ["/v2/team/app/manifests/v2", "/v2/other/app/manifests/v2"] {
        let mut stream = TcpStream::connect(&stand.server.address).await.unwrap();
        let head = request(format!("PUT {path} HTTP/1.1"), "Transfer-Encoding: chunked\r\n", "");
        stream.write_all(&head).await.unwrap();
        let _ = stream.write_all(&[b"410000\r\n".as_slice(), &vec![b' '; 0x0041_0000]].concat()).await;
        assert!(matches!(read(stream).await.status(), 413 | 403), "{path}");
    }
    // Nor does a body that nobody asked for.
    for line in ["GET /-/live HTTP/1.1", "GET /v2/ HTTP/1.1", "POST /v2/team/app/blobs/uploads/ HTTP/1.1"] {
        let mut stream = TcpStream::connect(&stand.server.address).await.unwrap();
        stream.write_all(&request(line, "Transfer-Encoding: chunked\r\n", "5\r\nab")).await.unwrap();
        assert!(matches!(read(stream).await.status(), 200 | 202), "{line}");
    }
    // One byte now and then is not silence; the time for the whole ends it.
    let mut stream = TcpStream::connect(&stand.server.address).await.unwrap();
    stream.write_all(&request(format!("PUT {MANIFEST} HTTP/1.1"), "Content-Length: 1000\r\n", "")).await.unwrap();
    for _ in 0..12 {
        let _ = stream.write_all(b" ").await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(read(stream).await.clear("a slow manifest").status(), 408);
    // A head that never ends.
    let mut stream = TcpStream::connect(&stand.server.address).await.unwrap();
    stream.write_all(b"GET /v2/ HTTP/1.1\r\nHost: te").await.unwrap();
    assert_eq!(read(stream).await.refused("a slow head").status(), 408);
    stand.unharmed().await;
}

#[tokio::test]
async fn bad_connections_leave_everything_where_it_stood() {
    let stand = Stand::new().await;
    let jane = stand.jane();
    let upload = begin(&jane).await;
    let big = vec![b'x'; 3 << 20];
    jane.push_blob("team/app", &big).await.is(201);
    let half = &big[..big.len() / 2];
    let announced = format!("Content-Length: {}\r\n", big.len());
    for line in [
        format!("PATCH {upload} HTTP/1.1"),
        format!("PUT {upload}?digest={} HTTP/1.1", digest("0123456789")),
        format!("POST /v2/team/app/blobs/uploads/?digest={} HTTP/1.1", digest("456789")),
        format!("PUT {MANIFEST} HTTP/1.1"),
        format!("GET /v2/team/app/blobs/{} HTTP/1.1", digest(&big)),
    ] {
        for pause in [0, 20, 100] {
            let mut stream = TcpStream::connect(&stand.server.address).await.unwrap();
            let (headers, body) = if line.starts_with("GET") { ("", &[][..]) } else { (announced.as_str(), half) };
            let _ = stream.write_all(&request(&line, headers, body)).await;
            tokio::time::sleep(Duration::from_millis(pause)).await;
            // Every other time with a reset instead of an end.
            if pause == 20 {
                stream.set_zero_linger().unwrap();
            }
            drop(stream);
            assert_eq!(jane.get(&upload).await.is(204).header("range"), "0-3", "{line}");
        }
    }
    jane.get(MANIFEST).await.is(404);
    let blob = jane.get(&format!("/v2/team/app/blobs/{}", digest(&big))).await.is(200);
    assert_eq!(blob.body, big);
    goes_on(&jane, &upload).await;
    stand.unharmed().await;
}

#[tokio::test]
async fn bad_sizes_of_manifests_are_refused() {
    let stand = Stand::new().await;
    let jane = stand.jane();
    let good = manifest("config");
    let padded = |size: usize| format!("{good}{}", " ".repeat(size - good.len()));
    let largest = padded(MANIFEST_MAX);
    let reference = digest(&largest);
    jane.push_manifest("team/app", &reference, &largest).await.is(201);
    let pulled = jane.get(&format!("/v2/team/app/manifests/{reference}")).await.is(200);
    assert_eq!(digest(&pulled.body), reference);
    let larger = padded(MANIFEST_MAX + 1);
    let answer = jane.push_manifest("team/app", "v2", &larger).await.fails(413, "SIZE_INVALID");
    assert_eq!(answer.json()["errors"][0]["detail"]["max_bytes"], MANIFEST_MAX);
    let unannounced = |text: String| {
        let pieces: Vec<_> =
            text.as_bytes().chunks(100_000).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
        let body = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
        jane.request("PUT", MANIFEST).header("content-type", MediaType::OCI_MANIFEST).body(body)
    };
    jane.send(unannounced(larger)).await.fails(413, "SIZE_INVALID");
    jane.get(MANIFEST).await.is(404);
    jane.send(unannounced(largest)).await.is(201);
    jane.delete(MANIFEST).await.is(202);
    stand.unharmed().await;
}

#[tokio::test]
async fn bad_json_is_refused() {
    let stand = Stand::new().await;
    let jane = stand.jane();
    let good = manifest("config");
    let with = |field: &str| format!("{},{field}}}", good.strip_suffix('}').unwrap());
    let descriptor = json!({"mediaType": "a/b", "digest": digest("config"), "size": 6});
    let unknown = json!({"mediaType": "a/b", "digest": digest("nowhere"), "size": 6});
    let nested = |open: &str, close: &str| format!("{}1{}", open.repeat(500_000), close.repeat(500_000));
    let escapes = "\\u0041".repeat(600_000);
    let many = |target: &serde_json::Value, count| vec![target.to_string(); count].join(",");
    for (what, body) in [
        ("nothing", String::new()),
        ("a number", "1".to_owned()),
        ("null", "null".to_owned()),
        ("half of it", good[..good.len() / 2].to_owned()),
        ("two of them", format!("{good}{good}")),
        ("an array", format!("[{good}]")),
        ("arrays in arrays", "[".repeat(4_000_000)),
        ("a closed nest", nested("[", "]")),
        ("objects in objects", nested("{\"a\":", "}")),
        ("a nest for the configuration", with(&format!("\"config\":{}", nested("[", "]")))),
        ("the same key twice", with("\"schemaVersion\":2")),
        ("the configuration twice", with(&format!("\"config\":{descriptor}"))),
        ("layers twice", with("\"layers\":[]")),
        ("a huge number", good.replace("\"size\":6", &format!("\"size\":1{}", "0".repeat(1_000_000)))),
        ("a huge exponent", good.replace("\"size\":6", "\"size\":1e999999999")),
        ("a fraction", good.replace("\"size\":6", "\"size\":6.5")),
        ("a negative size", good.replace("\"size\":6", "\"size\":-6")),
        ("a size that is a text", good.replace("\"size\":6", "\"size\":\"6\"")),
        ("a huge version", good.replace("\"schemaVersion\":2", "\"schemaVersion\":2e0")),
        ("version 1", good.replace("\"schemaVersion\":2", "\"schemaVersion\":1")),
        ("a lone surrogate", with("\"artifactType\":\"\\ud800\"")),
        ("a raw NUL", with("\"artifactType\":\"\0\"")),
        ("an escape that is none", with("\"artifactType\":\"\\x41\"")),
        ("a media type of megabytes", good.replace(MediaType::OCI_MANIFEST, &escapes)),
        ("a text of megabytes for a number", with(&format!("\"subject\":{{\"size\":\"{escapes}\"}}"))),
        ("a text of megabytes for an object", with(&format!("\"subject\":\"{}\"", "x".repeat(3_000_000)))),
        ("a digest of megabytes", good.replace(&digest("config"), &format!("sha256:{}", "a".repeat(3_000_000)))),
        ("a digest with a path", good.replace(&digest("config"), "sha256:../../../../etc/passwd")),
        ("an escaped digest", good.replace("sha256:", "md5\\u003a")),
        ("an index in it", with(&format!("\"manifests\":[{descriptor}]"))),
        ("schema 1 in it", with("\"fsLayers\":[]")),
        ("layers that are no list", good.replace("\"layers\":[]", "\"layers\":{}")),
        ("a layer that is no descriptor", good.replace("\"layers\":[]", "\"layers\":[[]]")),
        (
            "ten thousand unknown layers",
            good.replace("\"layers\":[]", &format!("\"layers\":[{}]", many(&unknown, 10_000))),
        ),
        ("annotations of other types", with("\"annotations\":{\"a\":{\"b\":[]}}")),
        ("a comment", format!("/* */{good}")),
        ("a byte order mark", format!("\u{feff}{good}")),
    ] {
        let answer = jane.push_manifest("team/app", "v2", &body).await;
        is_clear(&answer, what);
        assert_eq!(answer.status, 400, "{what}: {answer:?}");
    }
    for (what, body) in
        [("UTF-16", &b"\xff\xfe{\0}\0"[..]), ("no UTF-8", b"{\"a\":\"\xc3\x28\"}"), ("gzip", b"\x1f\x8b\x08\0\0")]
    {
        let answer = jane.upload("PUT", MANIFEST, &[("content-type", MediaType::OCI_MANIFEST)], body).await.is(400);
        is_clear(&answer, what);
    }
    for content_type in ["", "garbage", "a/b/c", "application/json", "text/html;q=x", ";;", &"a/".repeat(200), "*/*"] {
        let answer = jane.upload("PUT", MANIFEST, &[("content-type", content_type)], good.clone()).await.is(400);
        is_clear(&answer, content_type);
    }
    jane.get(MANIFEST).await.is(404);
    // Much of what is allowed is only much.
    let wide = manifest_with("config", json!({"layers": vec![descriptor; 20_000]}));
    jane.push_manifest("team/app", "v2", &wide).await.is(201);
    let ignored = with(&format!("\"ignored\":{}", nested("[", "]")));
    jane.push_manifest("team/app", "v2", &ignored).await.is(201);
    let pulled = jane.get(MANIFEST).await.is(200);
    assert_eq!(pulled.body, ignored);
    jane.delete(MANIFEST).await.is(202);
    stand.unharmed().await;
}
