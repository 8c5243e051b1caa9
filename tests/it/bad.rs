//! What the tests of bad input share: a server with a good image and a begun upload, requests that no
//! client library would send, and a look at whether anything was harmed.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portolan::server::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{Answer, CREDENTIALS, Client, Harness, TEAM_REPOSITORY, digest};

/// The team on a file system, as in earnest.
const FILES: &[(&str, &str)] = &[
    ("storages.yaml", "storages:\n  default: {type: fs, path: images}\n"),
    ("credentials.yaml", CREDENTIALS),
    ("repos/team.yaml", TEAM_REPOSITORY),
    ("repos/public.yaml", "repo:\n  type: docker\n  permissions:\n    \"*\": [read]\n    jane: [write]\n"),
];

/// What the upload that was begun before has to become.
const BEGUN: &[u8] = b"begun before";
const FIRST: usize = 5;

/// The longest answer to a bad request that is still clear, in bytes.
const CLEAR_MAX_BYTES: usize = 8 * 1024;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// A server with one image `team/app:v1` and one upload that stands at byte 5.
pub struct Stand {
    pub server: Harness,
    manifest: String,
    upload: String,
}

impl Stand {
    pub async fn new() -> Self {
        Self::with(Limits::default()).await
    }

    pub async fn with(limits: Limits) -> Self {
        let server = Harness::with(FILES, limits);
        let jane = server.user("jane");
        let manifest = jane.push_image("team/app", "v1", "config").await;
        let upload = jane.post("/v2/team/app/blobs/uploads/").await.is(202).header("location").to_owned();
        jane.upload("PATCH", &upload, &[], &BEGUN[..FIRST]).await.is(202);
        Self { server, manifest, upload }
    }

    pub fn jane(&self) -> Client {
        self.server.user("jane")
    }

    /// The image still has all its bytes, nothing else came into it, and the upload goes on to its end.
    #[track_caller]
    pub fn unharmed(&self) -> impl Future<Output = ()> {
        let place = std::panic::Location::caller();
        async move {
            let jane = self.jane();
            let by_tag = jane.get("/v2/team/app/manifests/v1").await;
            assert_eq!(by_tag.status, 200, "{place}: {by_tag:?}");
            assert_eq!(by_tag.body, self.manifest, "{place}");
            let by_digest = jane.get(&format!("/v2/team/app/manifests/{}", digest(&self.manifest))).await.is(200);
            assert_eq!(digest(&by_digest.body), digest(&self.manifest), "{place}");
            let blob = jane.get(&format!("/v2/team/app/blobs/{}", digest("config"))).await.is(200);
            assert_eq!(&blob.body[..], b"config", "{place}");
            let tags = jane.get("/v2/team/app/tags/list").await.is(200).json();
            assert_eq!(tags["tags"], serde_json::json!(["v1"]), "{place}");
            let status = jane.get(&self.upload).await;
            assert_eq!((status.status.as_u16(), status.header("range")), (204, "0-4"), "{place}");
            let finish = format!("{}?digest={}", self.upload, digest(BEGUN));
            jane.upload("PUT", &finish, &[("content-range", "5-11")], &BEGUN[FIRST..]).await.is(201);
            let blob = jane.get(&format!("/v2/team/app/blobs/{}", digest(BEGUN))).await.is(200);
            assert_eq!(&blob.body[..], BEGUN, "{place}");
        }
    }

    /// Sends bytes as they are, closes the writing half if asked to, and reads to the end.
    pub async fn send(&self, request: impl AsRef<[u8]>, close: bool) -> Reply {
        let mut stream = TcpStream::connect(&self.server.address).await.unwrap();
        // A server that refuses early may close before everything is sent.
        let _ = stream.write_all(request.as_ref()).await;
        if close {
            let _ = stream.shutdown().await;
        }
        let mut heard = Vec::new();
        // An answer is all that is waited for; whoever closes then need not be waited for.
        while !heard.windows(4).any(|window| window == b"\r\n\r\n") {
            let more = tokio::time::timeout(PATIENCE, stream.read_buf(&mut heard)).await.expect("an answer");
            if !more.is_ok_and(|count| count > 0) {
                break;
            }
        }
        let _ = stream.shutdown().await;
        let Reply(rest) = read(stream).await;
        Reply(String::from_utf8_lossy(&heard).into_owned() + &rest)
    }

    /// Sends a request of jane's whose head is written as it stands, on a connection of its own.
    pub async fn request(&self, line: impl AsRef<[u8]>, headers: &str, body: impl AsRef<[u8]>) -> Reply {
        self.send(request(line, headers, body), false).await
    }
}

/// The bytes of a request of jane's.
pub fn request(line: impl AsRef<[u8]>, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let authorization = basic("jane", "secret-jane");
    let head = format!("Host: test\r\nAuthorization: {authorization}\r\nConnection: close\r\n{headers}\r\n");
    [line.as_ref(), b"\r\n", head.as_bytes(), body.as_ref()].concat()
}

/// The value of an `Authorization` header.
pub fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

/// Reads whatever comes until the server closes.
pub async fn read(mut stream: TcpStream) -> Reply {
    let mut bytes = Vec::new();
    // A reset after the answer is no news.
    let read = stream.read_to_end(&mut bytes);
    let _ = tokio::time::timeout(PATIENCE, read).await.expect("an answer");
    Reply(String::from_utf8_lossy(&bytes).into_owned())
}

/// What came back on a connection: one answer, several, or none.
#[derive(Debug)]
pub struct Reply(pub String);

impl Reply {
    /// The first answer's status; 0 where the connection was closed without one.
    pub fn status(&self) -> u16 {
        self.0.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    pub fn answers(&self) -> usize {
        self.0.matches("HTTP/1.1 ").count() + self.0.matches("HTTP/1.0 ").count()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let head = self.0.split("\r\n\r\n").next()?;
        let mut headers = head.lines().filter_map(|line| line.split_once(": "));
        headers.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The code of the specification's error body.
    pub fn code(&self) -> String {
        let body = self.0.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
        body["errors"][0]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// A 4xx with the specification's error body, and not too long to be clear.
    #[track_caller]
    pub fn clear(self, what: &str) -> Self {
        let what: String = what.chars().take(120).collect();
        assert!((400..500).contains(&self.status()), "{what}: {}", self.start());
        assert!(!self.code().is_empty(), "{what}: {}", self.start());
        assert!(self.0.len() <= CLEAR_MAX_BYTES, "{what}: {}", self.start());
        self
    }

    /// What is no HTTP has no endpoint that could answer it in the specification's words: 4xx, and the
    /// connection is closed.
    #[track_caller]
    pub fn refused(self, what: &str) -> Self {
        let what: String = what.chars().take(120).collect();
        assert!((400..500).contains(&self.status()), "{what}: {}", self.start());
        assert_eq!(self.answers(), 1, "{what}: {}", self.start());
        self
    }

    fn start(&self) -> String {
        self.0.chars().take(600).collect()
    }
}

/// The same of an answer that a client library read.
#[track_caller]
pub fn is_clear(answer: &Answer, what: &str) {
    let what: String = what.chars().take(120).collect();
    assert!(answer.status.is_client_error(), "{what}: {answer:?}");
    assert!(answer.body.len() <= CLEAR_MAX_BYTES, "{what}: {} bytes", answer.body.len());
    assert!(!answer.code().is_empty(), "{what}: {answer:?}");
}
