//! `kill -9` in the middle of pushes: nothing that was acknowledged is lost, and nothing is served under
//! a digest that it does not have.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portolan::oci::{Algorithm, Digest, MediaType};
use reqwest::{Client, StatusCode};

/// What the server has acknowledged so far.
#[derive(Default)]
struct Acknowledged {
    blobs: Vec<Digest>,
    /// Tag and the digest of its manifest.
    tags: Vec<(String, Digest)>,
}

/// A small source of numbers that differ from run to run; the seed is printed for a failing one.
#[derive(Clone)]
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn bytes(&mut self, count: u64) -> Vec<u8> {
        (0..count.div_ceil(8)).flat_map(|_| self.below(u64::MAX).to_le_bytes()).collect()
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn configuration(folder: &Path) {
    std::fs::create_dir_all(folder.join("repos")).unwrap();
    std::fs::write(folder.join("credentials.yaml"), "credentials:\n  pusher: {type: plain, pass: secret-1}\n").unwrap();
    std::fs::write(
        folder.join("repos/crash.yaml"),
        "repo: {type: docker, storage: default, permissions: {pusher: ['*']}}\n",
    )
    .unwrap();
}

fn start(folder: &Path, port: u16) -> Child {
    // Another build of the program may be named, such as the release build.
    let portolan = std::env::var("PORTOLAN_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_portolan").to_owned());
    Command::new(portolan)
        .args(["serve", "config", "--data", "data", "--listen", &format!("127.0.0.1:{port}")])
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

async fn wait_until_ready(client: &Client, base: &str) {
    for _ in 0..500 {
        let answer = client.get(format!("{base}/-/ready")).send().await;
        if answer.is_ok_and(|answer| answer.status() == StatusCode::OK) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the server did not get ready after a crash");
}

/// One client's view: pushes until the server is gone.
struct Pusher {
    client: Client,
    image: String,
    random: Random,
    acknowledged: Arc<Mutex<Acknowledged>>,
}

impl Pusher {
    fn request(&self, method: reqwest::Method, url: &str) -> reqwest::RequestBuilder {
        self.client.request(method, url).basic_auth("pusher", Some("secret-1"))
    }

    /// Pushes images until a request fails, as it does once the server is killed.
    async fn push_until_killed(mut self, round: usize) {
        for number in 0.. {
            if self.push_image(&format!("r{round}-{number}")).await.is_none() {
                return;
            }
        }
    }

    async fn push_image(&mut self, tag: &str) -> Option<()> {
        let layer_size = [10, 5_000, 300_000, 2_000_000][self.random.below(4) as usize];
        let (layer, layer_len) = self.push_blob(layer_size).await?;
        let (config, config_len) = self.push_blob(200).await?;
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config}","size":{config_len}}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{layer}","size":{layer_len}}}]}}"#,
            MediaType::OCI_MANIFEST
        );
        let digest = Digest::of(Algorithm::Sha256, manifest.as_bytes());
        let url = format!("{}/manifests/{tag}", self.image);
        let put = self.request(reqwest::Method::PUT, &url).header("Content-Type", MediaType::OCI_MANIFEST);
        let answer = put.body(manifest).send().await.ok()?;
        assert_eq!(answer.status(), StatusCode::CREATED, "{:?}", answer.text().await);
        self.acknowledged.lock().unwrap().tags.push((tag.to_owned(), digest));
        Some(())
    }

    /// Pushes a blob in one chunk or in two.
    async fn push_blob(&mut self, size: u64) -> Option<(Digest, usize)> {
        let bytes = self.random.bytes(size);
        let digest = Digest::of(Algorithm::Sha256, &bytes);
        let length = bytes.len();
        let answer =
            self.request(reqwest::Method::POST, &format!("{}/blobs/uploads/", self.image)).send().await.ok()?;
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        let mut location = self.location(&answer);
        let split = self.random.below(length as u64 + 1) as usize;
        for chunk in [&bytes[..split], &bytes[split..]] {
            let patch = self.request(reqwest::Method::PATCH, &location);
            let patch = patch.header("Content-Type", "application/octet-stream").body(chunk.to_vec());
            let answer = patch.send().await.ok()?;
            assert_eq!(answer.status(), StatusCode::ACCEPTED, "{:?}", answer.text().await);
            location = self.location(&answer);
        }
        let separator = if location.contains('?') { '&' } else { '?' };
        let url = format!("{location}{separator}digest={digest}");
        let answer = self.request(reqwest::Method::PUT, &url).send().await.ok()?;
        assert_eq!(answer.status(), StatusCode::CREATED, "{:?}", answer.text().await);
        self.acknowledged.lock().unwrap().blobs.push(digest.clone());
        Some((digest, length))
    }

    fn location(&self, answer: &reqwest::Response) -> String {
        let location = answer.headers()["Location"].to_str().unwrap();
        answer.url().join(location).unwrap().to_string()
    }

    async fn body(&self, path: &str) -> (StatusCode, Vec<u8>) {
        let get = self.request(reqwest::Method::GET, &format!("{}/{path}", self.image));
        let answer = get.header("Accept", "*/*").send().await.unwrap();
        (answer.status(), answer.bytes().await.unwrap().to_vec())
    }

    /// Everything that was acknowledged from these positions on is there, and right.
    async fn verify_acknowledged(&self, blobs_from: usize, tags_from: usize) {
        let (blobs, tags) = {
            let known = self.acknowledged.lock().unwrap();
            (known.blobs[blobs_from..].to_vec(), known.tags[tags_from..].to_vec())
        };
        for digest in blobs {
            let (status, body) = self.body(&format!("blobs/{digest}")).await;
            assert_eq!(status, StatusCode::OK, "the acknowledged blob {digest} is lost");
            assert_eq!(Digest::of(Algorithm::Sha256, &body), digest, "a blob is served under a wrong digest");
        }
        for (tag, digest) in tags {
            let (status, body) = self.body(&format!("manifests/{tag}")).await;
            assert_eq!(status, StatusCode::OK, "the acknowledged tag {tag} is lost");
            assert_eq!(Digest::of(Algorithm::Sha256, &body), digest, "{tag} does not lead to what was pushed");
        }
    }

    /// Every tag that is listed, acknowledged or not, leads to an image that is whole.
    async fn verify_listed(&self) {
        let (status, body) = self.body("tags/list?n=1000").await;
        if status == StatusCode::NOT_FOUND {
            return;
        }
        let list: serde_json::Value = serde_json::from_slice(&body).unwrap();
        for tag in list["tags"].as_array().unwrap() {
            let tag = tag.as_str().unwrap();
            let (status, body) = self.body(&format!("manifests/{tag}")).await;
            assert_eq!(status, StatusCode::OK, "the listed tag {tag} has no manifest");
            let manifest: serde_json::Value = serde_json::from_slice(&body).unwrap();
            for target in [&manifest["config"], &manifest["layers"][0]] {
                let digest = Digest::parse(target["digest"].as_str().unwrap()).unwrap();
                let (status, body) = self.body(&format!("blobs/{digest}")).await;
                assert_eq!(status, StatusCode::OK, "{tag} names the blob {digest}, which is not there");
                assert_eq!(Digest::of(Algorithm::Sha256, &body), digest);
            }
        }
    }
}

async fn crash_and_verify(rounds: usize) {
    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64 | 1;
    println!("seed {seed}");
    let mut random = Random(seed);
    let folder = tempfile::tempdir().unwrap();
    configuration(&folder.path().join("config"));
    let acknowledged: [Arc<Mutex<Acknowledged>>; 3] = Default::default();
    let mut checked = [(0, 0); 3];
    for round in 0..=rounds {
        let port = free_port();
        let base = format!("http://127.0.0.1:{port}");
        let client = Client::new();
        let mut server = start(folder.path(), port);
        wait_until_ready(&client, &base).await;
        let pusher = |which: usize, random: &mut Random| Pusher {
            client: client.clone(),
            image: format!("{base}/v2/crash/image-{which}"),
            random: Random(random.below(u64::MAX) | 1),
            acknowledged: Arc::clone(&acknowledged[which]),
        };
        for (which, from) in checked.iter_mut().enumerate() {
            // The last round looks at everything once more.
            let (blobs, tags) = if round == rounds { (0, 0) } else { *from };
            let reader = pusher(which, &mut random);
            reader.verify_acknowledged(blobs, tags).await;
            if round == rounds {
                reader.verify_listed().await;
            }
            let known = acknowledged[which].lock().unwrap();
            *from = (known.blobs.len(), known.tags.len());
        }
        let tasks: Vec<_> =
            (0..3).map(|which| tokio::spawn(pusher(which, &mut random).push_until_killed(round))).collect();
        tokio::time::sleep(Duration::from_millis(20 + random.below(500))).await;
        server.kill().unwrap();
        server.wait().unwrap();
        for task in tasks {
            task.await.unwrap();
        }
    }
    let count =
        |kind: fn(&Acknowledged) -> usize| acknowledged.iter().map(|known| kind(&known.lock().unwrap())).sum::<usize>();
    let (blobs, tags) = (count(|known| known.blobs.len()), count(|known| known.tags.len()));
    println!("{rounds} rounds, {blobs} blobs and {tags} tags acknowledged, none lost");
    assert!(tags > rounds / 4, "too few pushes were acknowledged ({tags}) for the test to mean anything");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_few_kill_9_lose_nothing_acknowledged() {
    crash_and_verify(4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: PORTOLAN_KILL_ROUNDS rounds, 200 unless told"]
async fn kill_9_many_times_loses_nothing_acknowledged() {
    let rounds = std::env::var("PORTOLAN_KILL_ROUNDS").ok().map_or(200, |rounds| rounds.parse().unwrap());
    crash_and_verify(rounds).await;
}
