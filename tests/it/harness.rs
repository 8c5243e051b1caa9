//! A server in this process, on a configuration folder that a test can change, and a small client.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use portolan::config::{FILE_MAX_BYTES, Model, StorageDefinition};
use portolan::identity::{Authenticator, AuthenticatorOptions};
use portolan::live::Live;
use portolan::oci::{Algorithm, Digest, MediaType};
use portolan::registry::{Registry, StoreOptions};
use portolan::server::{self, Limits, Options, ServeError, SigningKey};
use reqwest::header::{HeaderMap, HeaderName};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// Signs the tokens of every server here, so that tests can forge some.
pub const SIGNING_KEY: &[u8] = b"a key that is known to every test";

/// A team of users with different rights, and two repositories.
pub const TEAM: &[(&str, &str)] = &[
    ("storages.yaml", "storages:\n  default: {type: memory}\n"),
    ("credentials.yaml", CREDENTIALS),
    ("repos/team.yaml", TEAM_REPOSITORY),
    (
        "repos/public.yaml",
        "repo:\n  type: docker\n  storage: default\n  permissions:\n    \"*\": [read]\n    jane: [write]\n",
    ),
];

/// Users whose password is `secret-` and their name.
pub const CREDENTIALS: &str = "\
credentials:
  root: {type: plain, pass: secret-root, admin: true}
  jane: {type: plain, pass: secret-jane}
  rita: {type: plain, pass: secret-rita}
  carl: {type: plain, pass: secret-carl}
  nemo: {type: plain, pass: secret-nemo}
  gone: {type: plain, pass: secret-gone, enabled: false}
";

/// jane does everything, rita reads, carl creates tags, nobody else may do anything.
pub const TEAM_REPOSITORY: &str = "\
repo:
  type: docker
  storage: default
  permissions:
    jane: [read, write, delete]
    rita: [read]
    carl: [read, 'repository:**:push']
";

/// A running server.
pub struct Harness {
    folder: TempDir,
    live: Arc<Live>,
    pub address: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<Result<(), ServeError>>>,
    runtime: Option<Runtime>,
}

impl Harness {
    pub fn start(files: &[(&str, &str)]) -> Self {
        Self::with(files, Limits::default())
    }

    pub fn with(files: &[(&str, &str)], limits: Limits) -> Self {
        let server = Self::start_as_it_is(files, limits);
        let compiled = &server.live.current().compiled;
        assert!(!compiled.has_errors(), "{:#?}", compiled.diagnostics);
        server
    }

    /// Starts with a configuration that may have errors.
    pub fn start_as_it_is(files: &[(&str, &str)], limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (file, text) in files {
            put(folder.path(), file, text);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let registry = Arc::new(Registry::new());
        let prepare = {
            let (registry, handle) = (Arc::clone(&registry), runtime.handle().clone());
            let data = folder.path().join(".data");
            Box::new(move |model: &Model| {
                for (key, definition) in &model.storages {
                    let options = match definition {
                        StorageDefinition::Fs { path } => StoreOptions::Fs { root: data.join(path) },
                        StorageDefinition::Memory => StoreOptions::Memory,
                        StorageDefinition::S3(_) => return Err("no S3 server is started here".to_owned()),
                    };
                    handle.block_on(registry.open(key, options)).map_err(|error| error.to_string())?;
                }
                Ok(())
            })
        };
        let live = Live::start(folder.path(), prepare).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let options = Options {
            signing_key: SigningKey::new(SIGNING_KEY.to_vec()).unwrap(),
            authenticator: Arc::new(Authenticator::new(AuthenticatorOptions::default())),
            certificates: None,
            unavailable: Arc::default(),
            workers: Some(1),
            limits,
        };
        let (stop, stopped) = oneshot::channel();
        let (handle, served) = (runtime.handle().clone(), Arc::clone(&live));
        let thread = std::thread::spawn(move || {
            let shutdown = async move {
                let _ = stopped.await;
            };
            handle.block_on(server::run(served, registry, listener, options, shutdown))
        });
        Self { folder, live, address, stop: Some(stop), thread: Some(thread), runtime: Some(runtime) }
    }

    /// Changes a file of the configuration.
    pub fn put(&self, file: &str, text: &str) {
        put(self.folder.path(), file, text);
    }

    /// Removes a file of the configuration.
    pub fn unlink(&self, file: &str) {
        std::fs::remove_file(self.folder.path().join(file)).unwrap();
    }

    /// Changes a file of the configuration, and waits until it is in force.
    pub async fn write(&self, file: &str, text: &str) {
        self.put(file, text);
        self.settled().await;
        // On a busy machine, that the file is closed may be told later than that it is asked for.
        for _ in 0..50 {
            let compiled = Arc::clone(&self.live.current().compiled);
            if text.len() > FILE_MAX_BYTES || compiled.sources.get(file).is_some_and(|source| **source == *text) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            self.reload().await;
        }
        panic!("{file} is not taken");
    }

    /// Waits until no file is taken for one that is still being written.
    pub async fn settled(&self) {
        // A file in a folder that was made with it is known to be complete a little later only.
        for _ in 0..50 {
            self.reload().await;
            let compiled = Arc::clone(&self.live.current().compiled);
            if !compiled.diagnostics.iter().any(|problem| problem.message.contains("still being written")) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("a file is still not taken for complete");
    }

    /// Removes a file of the configuration, and waits until that is in force.
    pub async fn remove(&self, file: &str) {
        self.unlink(file);
        self.reload().await;
    }

    async fn reload(&self) {
        let live = Arc::clone(&self.live);
        tokio::task::spawn_blocking(move || live.reload()).await.unwrap();
    }

    /// Ends the server as a signal would, and waits for it.
    pub async fn shut_down(mut self) {
        let (stop, thread) = (self.stop.take().unwrap(), self.thread.take().unwrap());
        stop.send(()).unwrap();
        tokio::task::spawn_blocking(move || thread.join().unwrap()).await.unwrap().unwrap();
    }

    pub fn anonymous(&self) -> Client {
        Client::new(&self.address, Credentials::None)
    }

    /// A client with HTTP Basic.
    pub fn user(&self, name: &str) -> Client {
        Client::new(&self.address, Credentials::Basic(name.to_owned(), format!("secret-{name}")))
    }

    pub fn password(&self, name: &str, password: &str) -> Client {
        Client::new(&self.address, Credentials::Basic(name.to_owned(), password.to_owned()))
    }

    pub fn bearer(&self, token: &str) -> Client {
        Client::new(&self.address, Credentials::Bearer(token.to_owned()))
    }

    /// Sends bytes as they are and gives back the answer's first line and the rest.
    pub async fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        let _ = tokio::time::timeout(Duration::from_secs(10), read).await.expect("an answer within 10 s");
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The status of a GET (or another method) of a path that no client library would send.
    pub async fn raw_status(&self, method: &str, path: &str) -> u16 {
        let answer = self.raw(&format!("{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")).await;
        answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{answer}"))
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn put(folder: &Path, file: &str, text: &str) {
    let path = folder.join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[derive(Clone)]
enum Credentials {
    None,
    Basic(String, String),
    Bearer(String),
}

/// A client of one caller. Keeps its connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    credentials: Credentials,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// A header's value; `""` where it is missing.
    pub fn header(&self, name: &'static str) -> &str {
        self.headers.get(HeaderName::from_static(name)).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The code of the specification's error body.
    pub fn code(&self) -> String {
        self.json()["errors"][0]["code"].as_str().unwrap_or_default().to_owned()
    }

    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        self
    }

    #[track_caller]
    pub fn fails(self, status: u16, code: &str) -> Self {
        let answer = self.is(status);
        assert_eq!(answer.code(), code, "{answer:?}");
        answer
    }
}

impl Client {
    fn new(address: &str, credentials: Credentials) -> Self {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().unwrap();
        Self { http, base: format!("http://{address}"), credentials }
    }

    /// The same caller at another address, such as a repository's own port.
    pub fn at(&self, address: &str) -> Self {
        Self { base: format!("http://{address}"), ..self.clone() }
    }

    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        let request = self.http.request(Method::from_bytes(method.as_bytes()).unwrap(), url);
        match &self.credentials {
            Credentials::None => request,
            Credentials::Basic(name, password) => request.basic_auth(name, Some(password)),
            Credentials::Bearer(token) => request.bearer_auth(token),
        }
    }

    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        Answer { status, headers, body: answer.bytes().await.unwrap() }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path)).await
    }

    pub async fn head(&self, path: &str) -> Answer {
        self.send(self.request("HEAD", path)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request("DELETE", path)).await
    }

    pub async fn post(&self, path: &str) -> Answer {
        self.send(self.request("POST", path)).await
    }

    /// Sends a body.
    pub async fn upload(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
        let request =
            headers.iter().fold(self.request(method, path), |request, (name, value)| request.header(*name, *value));
        self.send(request.body(body.into())).await
    }

    /// Pushes a blob in one request.
    pub async fn push_blob(&self, image: &str, content: &[u8]) -> Answer {
        let path = format!("/v2/{image}/blobs/uploads/?digest={}", digest(content));
        self.upload("POST", &path, &[], content.to_vec()).await
    }

    /// Pushes a manifest under a tag or a digest.
    pub async fn push_manifest(&self, image: &str, reference: &str, manifest: &str) -> Answer {
        let path = format!("/v2/{image}/manifests/{reference}");
        self.upload("PUT", &path, &[("content-type", MediaType::OCI_MANIFEST)], manifest.to_owned()).await
    }

    /// Pushes a small image: its configuration and its manifest, which is given back.
    pub async fn push_image(&self, image: &str, tag: &str, content: &str) -> String {
        self.push_blob(image, content.as_bytes()).await.is(201);
        let manifest = manifest(content);
        self.push_manifest(image, tag, &manifest).await.is(201);
        manifest
    }

    /// Asks for a token.
    pub async fn token(&self, service: &str, scopes: &[&str]) -> Answer {
        let mut query = vec![("service", service)];
        query.extend(scopes.iter().map(|scope| ("scope", *scope)));
        self.send(self.request("GET", "/token").query(&query)).await
    }
}

/// The digest of a content.
pub fn digest(content: impl AsRef<[u8]>) -> String {
    Digest::of(Algorithm::Sha256, content.as_ref()).to_string()
}

/// A manifest whose configuration is a content.
pub fn manifest(content: &str) -> String {
    manifest_with(content, json!({}))
}

/// A manifest with more fields.
pub fn manifest_with(content: &str, more: Value) -> String {
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_MANIFEST,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": digest(content),
            "size": content.len(),
        },
        "layers": [],
    });
    manifest.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    manifest.to_string()
}
