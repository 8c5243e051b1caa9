//! A machine that has nothing left: a full disk, and no more file descriptors.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use portolan::oci::MediaType;
use reqwest::{Client, Method, RequestBuilder, Response};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::harness::{digest, manifest};

/// The program, as a person starts it, under another one that limits it.
struct Program {
    child: Child,
    address: String,
    client: Client,
}

impl Program {
    async fn start(folder: &Path, limit: &[&str]) -> Self {
        fs::create_dir_all(folder.join("config/repos")).unwrap();
        fs::create_dir_all(folder.join("data")).unwrap();
        fs::write(folder.join("config/credentials.yaml"), "credentials: {jane: {type: plain, pass: secret}}\n")
            .unwrap();
        fs::write(folder.join("config/repos/team.yaml"), "repo: {type: docker, permissions: {jane: ['*']}}\n").unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let words = limit.iter().copied().chain([env!("CARGO_BIN_EXE_portolan")]);
        let words: Vec<&str> = words.chain(["serve", "config", "--data", "data", "--listen", &address]).collect();
        let mut command = Command::new(words[0]);
        let command = command.args(&words[1..]).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null());
        let program = Self { child: command.spawn().unwrap(), address, client: Client::new() };
        for _ in 0..500 {
            if program.send(program.request(Method::GET, "/-/ready")).await.is_some_and(|answer| answer.status() == 200)
            {
                return program;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the server does not get ready");
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("http://{}{path}", self.address));
        request.basic_auth("jane", Some("secret")).timeout(Duration::from_secs(20))
    }

    async fn send(&self, request: RequestBuilder) -> Option<Response> {
        request.send().await.ok()
    }

    async fn push_blob(&self, content: &[u8]) -> Response {
        let path = format!("/v2/team/app/blobs/uploads/?digest={}", digest(content));
        self.send(self.request(Method::POST, &path).body(content.to_vec())).await.unwrap()
    }

    async fn push_manifest(&self, tag: &str, manifest: &str) -> Response {
        let put = self.request(Method::PUT, &format!("/v2/team/app/manifests/{tag}"));
        self.send(put.header("content-type", MediaType::OCI_MANIFEST).body(manifest.to_owned())).await.unwrap()
    }

    /// Every byte of what was acknowledged.
    async fn pulls(&self, path: &str, content: &[u8]) {
        let answer = self.send(self.request(Method::GET, path)).await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(answer.bytes().await.unwrap(), content, "{path}");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A small file system, for as long as this lives.
struct Disk(std::path::PathBuf);

impl Disk {
    /// `None` where this process may not mount one.
    fn new(at: &Path, size: &str) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let mut mount = Command::new("mount");
        let mount = mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(at).stderr(Stdio::null());
        mount.status().is_ok_and(|status| status.success()).then(|| Self(at.to_owned()))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test]
async fn bad_luck_with_a_full_disk_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let Some(_disk) = Disk::new(&folder.path().join("data"), "8m") else {
        println!("skipped: bad_luck_with_a_full_disk_loses_nothing needs the right to mount");
        return;
    };
    let server = Program::start(folder.path(), &[]).await;
    assert_eq!(server.push_blob(b"config").await.status(), 201);
    let image = manifest("config");
    assert_eq!(server.push_manifest("v1", &image).await.status(), 201);
    let start = server.send(server.request(Method::POST, "/v2/team/app/blobs/uploads/")).await.unwrap();
    let upload = start.headers()["location"].to_str().unwrap().to_owned();
    let first = vec![b'a'; 1 << 20];
    let patch = server.request(Method::PATCH, &upload).body(first.clone());
    assert_eq!(server.send(patch).await.unwrap().status(), 202);

    let filler = folder.path().join("data/filler");
    let room = |bytes: usize| {
        // What fits is written; the rest fails, as it has to.
        let _ = fs::write(&filler, vec![0; 16 << 20]);
        let size = fs::metadata(&filler).unwrap().len();
        fs::File::options().write(true).open(&filler).unwrap().set_len(size - bytes as u64).unwrap();
    };
    // No byte is left, then some: a push may fail at any of its steps.
    for left in [0, 4096, 8192, 16_384, 65_536, 600_000] {
        room(left);
        let content = vec![b'b'; 2 << 20];
        let refused = server.push_blob(&content).await;
        assert_eq!(refused.status(), 503, "{left}");
        assert!(refused.headers().contains_key("retry-after"));
        let body: serde_json::Value = refused.json().await.unwrap();
        assert_eq!(body["errors"][0]["code"], "UNAVAILABLE", "{body}");
        assert!(!body.to_string().contains("data/"), "the answer tells no paths: {body}");
        let patch = server.request(Method::PATCH, &upload).body(content.clone());
        assert_eq!(server.send(patch).await.unwrap().status(), 503, "{left}");
        let pushed = server.push_manifest("v2", &image).await.status();
        assert!(pushed == 503 || pushed == 201, "{left}: {pushed}");
        let status = server.send(server.request(Method::GET, &upload)).await.unwrap();
        assert_eq!(status.headers()["range"], format!("0-{}", first.len() - 1).as_str(), "{left}");
        server.pulls("/v2/team/app/manifests/v1", image.as_bytes()).await;
        server.pulls(&format!("/v2/team/app/blobs/{}", digest("config")), b"config").await;
        let missing = server.request(Method::GET, &format!("/v2/team/app/blobs/{}", digest(&content)));
        assert_eq!(server.send(missing).await.unwrap().status(), 404, "{left}");
    }
    fs::remove_file(&filler).unwrap();
    let whole = [first.as_slice(), b"the end"].concat();
    let finish = server.request(Method::PUT, &format!("{upload}?digest={}", digest(&whole))).body("the end");
    assert_eq!(server.send(finish).await.unwrap().status(), 201);
    server.pulls(&format!("/v2/team/app/blobs/{}", digest(&whole)), &whole).await;
    assert_eq!(server.push_blob(b"new").await.status(), 201);
    assert_eq!(server.push_manifest("v3", &image).await.status(), 201);
    server.pulls("/v2/team/app/manifests/v3", image.as_bytes()).await;
}

#[tokio::test]
async fn bad_luck_with_file_descriptors_is_survived() {
    let folder = tempfile::tempdir().unwrap();
    if Command::new("prlimit").arg("--version").stdout(Stdio::null()).status().is_err() {
        println!("skipped: bad_luck_with_file_descriptors_is_survived needs prlimit");
        return;
    }
    let mut server = Program::start(folder.path(), &["prlimit", "--nofile=64"]).await;
    assert_eq!(server.push_blob(b"config").await.status(), 201);
    let image = manifest("config");
    assert_eq!(server.push_manifest("v1", &image).await.status(), 201);
    let mut held = Vec::new();
    for _ in 0..200 {
        let mut stream = TcpStream::connect(&server.address).await.unwrap();
        let _ = stream.write_all(b"GET /v2/ HTTP/1.1\r\nHost: te").await;
        held.push(stream);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    // Whoever has a connection still gets an answer, be it that nothing can be opened now.
    if let Some(answer) = server.send(server.request(Method::GET, "/v2/team/app/manifests/v1")).await {
        assert!(answer.status() == 200 || answer.status() == 503, "{answer:?}");
    }
    assert!(server.child.try_wait().unwrap().is_none(), "the server died");
    drop(held);
    for attempt in 0.. {
        let again = Client::new().get(format!("http://{}/-/ready", server.address)).timeout(Duration::from_secs(2));
        if again.send().await.is_ok_and(|answer| answer.status() == 200) {
            break;
        }
        assert!(attempt < 60, "the server does not come back");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    server.pulls("/v2/team/app/manifests/v1", image.as_bytes()).await;
    assert_eq!(server.push_blob(b"new").await.status(), 201);
    assert_eq!(server.push_manifest("v2", &image).await.status(), 201);
}

#[test]
fn init_leaves_nothing_where_nobody_sees_the_password() {
    let dir = tempfile::tempdir().unwrap();
    let init = |folder: &str, stdout: Stdio| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portolan"));
        let output = command.args(["init", folder]).stdout(stdout).current_dir(dir.path()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let full = || Stdio::from(fs::File::options().write(true).open("/dev/full").unwrap());
    let (reader, gone) = std::io::pipe().unwrap();
    drop(reader);
    for (folder, stdout) in [("new/er", full()), (".", full()), ("new", Stdio::from(gone))] {
        let (code, err) = init(folder, stdout);
        assert_eq!(code, Some(3), "{err}");
        assert!(err.contains("cannot write the password to stdout") && err.contains("taken away"), "{err}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
    fs::create_dir(dir.path().join("mine")).unwrap();
    fs::write(dir.path().join("mine/.github"), "mine\n").unwrap();
    let (code, err) = init("mine", Stdio::null());
    assert!(code == Some(3) && err.contains(".github/workflows"), "{err}");
    assert_eq!(fs::read_dir(dir.path().join("mine")).unwrap().count(), 1);
    assert_eq!(fs::read_to_string(dir.path().join("mine/.github")).unwrap(), "mine\n");
    assert_eq!(init("new", Stdio::null()).0, Some(0));
}
