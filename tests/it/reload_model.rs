//! Load through random edits of the configuration, each answer compared with a model of it: no request is
//! judged by anything but one published generation, and none fails because of a reload.
//!
//! The server is the real program. Each request has a trace of its own, by which its log line tells the
//! generation; the audit lines tell which tree each generation is. The model knows which trees can be there at
//! any moment, what is in force after a sequence of trees, and what that means for a request.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use portolan::config::{Content, Text, Tree};
use reqwest::{Client, StatusCode};
use serde_json::Value;

use crate::harness::{digest, manifest};

const USERS: [&str; 4] = ["ann", "ben", "cem", "dora"];
const REPOSITORIES: usize = 8;
/// As long a change may take to be in force, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone)]
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }

    fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }
}

#[derive(Clone, PartialEq)]
struct User {
    password: usize,
    is_enabled: bool,
    is_in_group: bool,
}

#[derive(Clone, PartialEq)]
struct Repository {
    prefix: String,
    /// To whom, and whether more than reading.
    grants: BTreeMap<String, bool>,
}

/// What a file means.
#[derive(Clone, PartialEq)]
enum Meaning {
    Users(BTreeMap<String, User>),
    Repository(Repository),
    Broken,
}

/// A file's text and what it means; `None` for one that is still being written.
type File = Option<(String, Meaning)>;

fn credentials(users: &BTreeMap<String, User>) -> File {
    let mut text = "credentials:\n  root: {type: plain, pass: secret-root, admin: true}\n".to_owned();
    for (name, User { password, is_enabled, is_in_group }) in users {
        let groups = if *is_in_group { "[crew]" } else { "[]" };
        text += &format!(
            "  {name}: {{type: plain, pass: {name}-secret-{password}, enabled: {is_enabled}, groups: {groups}}}\n"
        );
    }
    Some((text, Meaning::Users(users.clone())))
}

fn repository(repository: &Repository) -> File {
    let mut text =
        format!("repo:\n  type: docker\n  storage: default\n  prefix: {}\n  permissions:\n", repository.prefix);
    for (to, writes) in &repository.grants {
        text += &format!("    \"{to}\": [{}]\n", if *writes { "read, write" } else { "read" });
    }
    if repository.grants.is_empty() {
        text = text.replace("permissions:\n", "permissions: {}\n");
    }
    Some((text, Meaning::Repository(repository.clone())))
}

/// What is in force.
#[derive(Clone)]
struct Force {
    users: BTreeMap<String, User>,
    has_users: bool,
    /// By name; `None` for one that is closed.
    repositories: BTreeMap<String, Option<Repository>>,
}

fn name_of(path: &str) -> Option<&str> {
    path.strip_prefix("repos/")?.strip_suffix(".yaml")
}

impl Force {
    /// What is in force once a tree was published after this.
    fn after(&self, tree: &Files) -> Self {
        let mut next = Self { users: BTreeMap::new(), has_users: false, repositories: BTreeMap::new() };
        match tree.get("credentials.yaml") {
            Some(Some((_, Meaning::Users(users)))) => (next.users, next.has_users) = (users.clone(), true),
            Some(_) => (next.users, next.has_users) = (self.users.clone(), self.has_users),
            None => {}
        }
        for (path, file) in tree {
            let Some(name) = name_of(path) else { continue };
            let known = self.repositories.get(name).cloned().flatten();
            let repository = match file {
                Some((_, Meaning::Repository(repository))) => Some(repository.clone()),
                _ => known,
            };
            next.repositories.insert(name.to_owned(), repository);
        }
        // Whoever is in force with a prefix keeps it, and the other one gets nothing.
        let claims = next.repositories.clone();
        for (name, repository) in &mut next.repositories {
            let Some(prefix) = repository.as_ref().map(|repository| repository.prefix.clone()) else { continue };
            let others = || {
                claims.iter().filter(|(other, claim)| {
                    *other != name && claim.as_ref().is_some_and(|claim| claim.prefix == prefix)
                })
            };
            let holds = |name: &str| {
                self.repositories.get(name).is_some_and(|held| held.as_ref().is_some_and(|held| held.prefix == prefix))
            };
            if others().next().is_some() && !holds(name) {
                *repository = None;
            }
        }
        // All users, or more than half of at least four repositories, do not go at once.
        if self.has_users && !next.has_users {
            (next.users, next.has_users) = (self.users.clone(), true);
        }
        let open: Vec<_> = self.repositories.iter().filter_map(|(name, held)| Some((name, held.as_ref()?))).collect();
        let stays = |name: &String, held: &Repository| {
            let mut left = next.repositories.iter().filter_map(|(other, left)| Some((other, left.as_ref()?)));
            left.any(|(other, left)| other == name || left.prefix == held.prefix)
        };
        let gone: Vec<_> = open.iter().filter(|(name, held)| !stays(name, held)).collect();
        if open.len() >= 4 && gone.len() * 2 > open.len() {
            let kept: Vec<_> = gone.into_iter().map(|(name, held)| ((*name).clone(), Some((*held).clone()))).collect();
            next.repositories.extend(kept);
        }
        next
    }

    /// The status of the answer to a request.
    fn answer(&self, request: &Request) -> u16 {
        let user = match request.user {
            None => None,
            Some((name, password)) => match self.users.get(USERS[name]) {
                Some(user) if user.is_enabled && user.password == password => Some((USERS[name], user)),
                _ => return 401,
            },
        };
        let prefix = format!("r{}", request.repository);
        let repository = self.repositories.values().flatten().find(|repository| repository.prefix == prefix);
        let grants = repository.iter().flat_map(|repository| &repository.grants);
        let counts = |to: &str| match (to, user) {
            ("*", _) => true,
            ("/*", user) => user.is_some(),
            ("/crew", Some((_, user))) => user.is_in_group,
            (to, Some((name, _))) => to == name,
            (_, None) => false,
        };
        let is_granted = grants.into_iter().any(|(to, writes)| counts(to) && (*writes || !request.is_push));
        match (is_granted, user) {
            (true, _) if request.is_push => 201,
            (true, _) => 200,
            (false, Some(_)) => 403,
            (false, None) => 401,
        }
    }
}

type Files = BTreeMap<String, File>;

/// The content hash of a tree with the fixed files.
fn hash(files: &Files) -> String {
    let mut tree = Tree::default();
    for (path, text) in FIXED {
        tree.files.insert((*path).into(), Content::Text(Text::new(*text)));
    }
    for (path, file) in files {
        let content = match file {
            Some((text, _)) => Content::Text(Text::new(text.as_str())),
            None => Content::Unreadable { why: "it is still being written".to_owned() },
        };
        tree.files.insert(path.as_str().into(), content);
    }
    tree.hash()
}

const FIXED: &[(&str, &str)] = &[
    ("registry.yaml", "log: {format: json}\ntokens: {ttl: 1h}\n"),
    ("storages.yaml", "storages:\n  default: {type: memory}\n"),
];

#[derive(Debug, Clone)]
struct Request {
    /// Which user, with which of the two passwords; `None` for nobody.
    user: Option<(usize, usize)>,
    repository: usize,
    is_push: bool,
}

/// A request that was answered.
struct Answered {
    trace: u64,
    request: Request,
    status: u16,
    /// The generation that was known to be in force before it was sent.
    at_least: u64,
}

struct Server {
    folder: tempfile::TempDir,
    process: Child,
    base: String,
    client: Client,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    async fn start(files: &Files) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("config");
        for (path, text) in FIXED {
            put(&config.join(path), text);
        }
        for (path, file) in files {
            put(&config.join(path), &file.as_ref().unwrap().0);
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let portolan = std::env::var("PORTOLAN_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_portolan").to_owned());
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let process = Command::new(portolan)
            .args(["serve", "config", "--data", "data", "--listen", &format!("127.0.0.1:{port}")])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let client = Client::builder().timeout(PATIENCE).build().unwrap();
        let server = Self { folder, process, base: format!("http://127.0.0.1:{port}"), client };
        let began = Instant::now();
        while server.client.get(format!("{}/-/ready", server.base)).send().await.is_err() {
            assert!(began.elapsed() < PATIENCE, "the server does not start");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        server
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("config").join(name)
    }

    /// Waits until the tree as it is now is the one that was read last; gives its generation.
    async fn settled(&self, files: &Files) -> u64 {
        let (wanted, began) = (hash(files), Instant::now());
        loop {
            let status = self.client.get(format!("{}/-/status", self.base)).send().await.unwrap();
            let status: Value = status.json().await.unwrap();
            if status["hash"] == wanted {
                return status["generation"].as_u64().unwrap();
            }
            assert!(began.elapsed() < PATIENCE, "not in force: {status}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn token(&self, user: &str, password: usize) -> String {
        let scopes = (0..REPOSITORIES).map(|number| ("scope", format!("repository:r{number}/app:pull,push")));
        let query: Vec<_> = [("service", "portolan".to_owned())].into_iter().chain(scopes).collect();
        let request = self.client.get(format!("{}/token", self.base)).query(&query);
        let answer = request.basic_auth(user, Some(format!("{user}-secret-{password}"))).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{user} {password}");
        answer.json::<Value>().await.unwrap()["token"].as_str().unwrap().to_owned()
    }

    /// The log lines.
    fn log(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.folder.path().join("log")).unwrap();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Asks for as long as it is wanted.
async fn load(
    server: Arc<Server>,
    tokens: Arc<BTreeMap<(usize, usize), String>>,
    mut random: Random,
    (next, known, stop): (Arc<AtomicU64>, Arc<AtomicU64>, Arc<AtomicBool>),
) -> Vec<Answered> {
    let mut answered = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        let user = (!random.one_in(8)).then(|| (random.below(USERS.len()), usize::from(random.one_in(4))));
        let request = Request { user, repository: random.below(REPOSITORIES), is_push: random.one_in(4) };
        let (trace, at_least) = (next.fetch_add(1, Ordering::SeqCst), known.load(Ordering::SeqCst));
        let image = format!("{}/v2/r{}/app", server.base, request.repository);
        let body = format!("blob {trace}");
        let sent = match request.is_push {
            true => server.client.post(format!("{image}/blobs/uploads/?digest={}", digest(&body))).body(body),
            false => server.client.get(format!("{image}/manifests/v1")),
        };
        let sent = sent.header("traceparent", format!("00-{trace:032x}-00f067aa0ba902b7-01"));
        let sent = match &request.user {
            Some(user) => sent.bearer_auth(&tokens[user]),
            None => sent,
        };
        let answer = sent.send().await.unwrap_or_else(|error| panic!("{request:?} fails: {error:?}"));
        let status = answer.status().as_u16();
        answer.bytes().await.unwrap_or_else(|error| panic!("the answer to {request:?} breaks off: {error:?}"));
        answered.push(Answered { trace, request, status, at_least });
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    answered
}

/// The edits, and all trees that were there.
struct Editor {
    server: Arc<Server>,
    random: Random,
    files: Files,
    /// Every tree that may have been read, by its hash.
    trees: BTreeMap<String, Files>,
}

/// What becomes of one path: what the file may be found to be on the way there, and what it is in the end.
type Change = (String, Vec<Option<File>>, Option<File>);

impl Editor {
    fn random_users(&mut self) -> BTreeMap<String, User> {
        let random = &mut self.random;
        let names: Vec<_> = USERS.iter().filter(|_| !random.one_in(6)).collect();
        let mut user = || User {
            password: usize::from(random.one_in(4)),
            is_enabled: !random.one_in(8),
            is_in_group: random.one_in(2),
        };
        names.into_iter().map(|name| ((*name).to_owned(), user())).collect()
    }

    fn random_repository(&mut self, number: usize) -> File {
        let random = &mut self.random;
        let mut grants = BTreeMap::new();
        for to in ["ann", "ben", "cem", "dora", "/crew", "/*", "*"] {
            if random.one_in(4) {
                grants.insert(to.to_owned(), random.one_in(2));
            }
        }
        repository(&Repository { prefix: format!("r{number}"), grants })
    }

    fn broken(&mut self, good: &str) -> File {
        let text = match self.random.below(4) {
            0 => format!("{good}  nonsense: [\n"),
            1 => good.replace("type:", "tpye:"),
            2 => good.replace("read]", "raed]") + "x: y\n",
            // Not empty: that counts only when it stays so.
            _ => "# Nothing\n".to_owned(),
        };
        Some((text, Meaning::Broken))
    }

    /// Writes a file in one of the ways in which people and programs do.
    fn write(&mut self, path: &str, file: &File) -> Vec<Option<File>> {
        let (target, text) = (self.server.path(path), &file.as_ref().unwrap().0);
        let beside = target.with_file_name(format!(".{}.tmp", target.file_name().unwrap().to_str().unwrap()));
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        let is_new = !self.files.contains_key(path);
        match self.random.below(4) {
            // Moved into place, as `sed -i` and VS Code do.
            0 => {
                fs::write(&beside, text).unwrap();
                fs::rename(&beside, &target).unwrap();
                // Where the news of the move is lost, with a watch that is made anew, a new file is waited for.
                if is_new { vec![Some(None)] } else { vec![] }
            }
            // The old one is moved aside, as vim does.
            1 if !is_new => {
                fs::rename(&target, target.with_extension("yaml~")).unwrap();
                fs::write(&target, text).unwrap();
                fs::remove_file(target.with_extension("yaml~")).unwrap();
                vec![None, Some(None)]
            }
            // Removed and written anew, as git does.
            2 if !is_new => {
                fs::remove_file(&target).unwrap();
                fs::write(&target, text).unwrap();
                vec![None, Some(None)]
            }
            // Written over.
            _ => {
                fs::write(&target, text).unwrap();
                if is_new { vec![Some(None)] } else { vec![] }
            }
        }
    }

    /// Changes one file, other than those that were changed.
    fn edit(&mut self, changed: &BTreeSet<usize>) -> (usize, Vec<Change>) {
        let number = loop {
            let number = self.random.below(REPOSITORIES + 2).min(REPOSITORIES);
            if !changed.contains(&number) {
                break number;
            }
        };
        if number == REPOSITORIES {
            let path = "credentials.yaml".to_owned();
            let users = self.random_users();
            let good = credentials(&users);
            let next = match self.random.below(8) {
                0 => self.broken(&good.as_ref().unwrap().0.replace("type:", "tpye:")),
                1 if self.files.contains_key(&path) => {
                    fs::remove_file(self.server.path(&path)).unwrap();
                    return (number, vec![(path, vec![], None)]);
                }
                _ => good,
            };
            let ways = self.write(&path, &next);
            return (number, vec![(path, ways, Some(next))]);
        }
        let places = [format!("repos/r{number}.yaml"), format!("repos/team/moved-r{number}.yaml")];
        let there = places.iter().position(|path| self.files.contains_key(path));
        let path = places[there.unwrap_or(0)].clone();
        match self.random.below(8) {
            0 if there.is_some() => {
                fs::remove_file(self.server.path(&path)).unwrap();
                (number, vec![(path, vec![], None)])
            }
            1 if there.is_some() => {
                let other = places[1 - there.unwrap()].clone();
                fs::create_dir_all(self.server.path(&other).parent().unwrap()).unwrap();
                fs::rename(self.server.path(&path), self.server.path(&other)).unwrap();
                let file = self.files[&path].clone();
                (number, vec![(path, vec![], None), (other, vec![Some(None)], Some(file))])
            }
            2 | 3 => {
                let good = self.random_repository(number);
                let next = self.broken(&good.unwrap().0);
                let ways = self.write(&path, &next);
                (number, vec![(path, ways, Some(next))])
            }
            _ => {
                let next = self.random_repository(number);
                let ways = self.write(&path, &next);
                (number, vec![(path, ways, Some(next))])
            }
        }
    }

    /// Takes the whole of `repos` away, and brings it back.
    async fn take_away(&mut self) -> u64 {
        let (there, away) = (self.server.path("repos"), self.server.folder.path().join("away"));
        fs::rename(&there, &away).unwrap();
        let (gone, all): (Files, Files) =
            self.files.clone().into_iter().partition(|(path, _)| path.starts_with("repos/"));
        self.trees.insert(hash(&all), all.clone());
        self.server.settled(&all).await;
        // Until no file is so young that it could be one that is still being written.
        tokio::time::sleep(Duration::from_millis(2_200)).await;
        fs::rename(&away, &there).unwrap();
        assert!(!gone.is_empty() || all == self.files);
        self.server.settled(&self.files).await
    }

    /// A few edits of different files, one after another, and what they come to.
    async fn edit_some(&mut self) -> (u64, usize) {
        if self.random.one_in(12) && self.server.path("repos").exists() {
            return (self.take_away().await, 2);
        }
        let count = 1 + self.random.below(4);
        let (mut changed, mut changes) = (BTreeSet::new(), Vec::new());
        for _ in 0..count {
            let (number, of_one) = self.edit(&changed);
            changed.insert(number);
            changes.extend(of_one);
            let pause = self.random.below(12) as u64;
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        // What was read may be anything between what each was before and what it is now.
        let mut trees = vec![self.files.clone()];
        for (path, ways, end) in &changes {
            let mut more = Vec::new();
            for tree in &trees {
                for state in ways.iter().chain([end]) {
                    let mut tree = tree.clone();
                    match state {
                        Some(file) => drop(tree.insert(path.clone(), file.clone())),
                        None => drop(tree.remove(path)),
                    }
                    more.push(tree);
                }
            }
            trees.extend(more);
        }
        self.trees.extend(trees.into_iter().map(|tree| (hash(&tree), tree)));
        for (path, _, end) in changes {
            match end {
                Some(file) => drop(self.files.insert(path, file)),
                None => drop(self.files.remove(&path)),
            }
        }
        (self.server.settled(&self.files).await, count)
    }
}

/// Compares every answer with what the model says of the generation that judged it.
fn compare(log: &[Value], editor: &Editor, first: &Force, answered: &[Answered]) {
    let mut force = BTreeMap::from([(0, first.clone())]);
    let mut judged = BTreeMap::new();
    for line in log {
        let generation = line["generation"].as_u64().unwrap_or_default();
        if line["event"] == "configuration" {
            let tree = editor.trees.get(line["hash"].as_str().unwrap());
            let tree = tree.unwrap_or_else(|| panic!("generation {generation} is of a tree that never was: {line}"));
            let (before, known) = force.last_key_value().unwrap();
            assert_eq!(*before + 1, generation, "every generation is told, in order");
            let next = known.after(tree);
            force.insert(generation, next);
        } else if line["target"] == "request" {
            judged.insert(line["trace"].as_str().unwrap().to_owned(), generation);
        }
    }
    let mut seen: BTreeMap<u16, usize> = BTreeMap::new();
    for Answered { trace, request, status, at_least } in answered {
        let generation = judged[&format!("{trace:032x}")];
        assert!(generation >= *at_least, "{request:?} was judged by {generation}, and {at_least} was in force before");
        let expected = force[&generation].answer(request);
        assert_eq!(*status, expected, "{request:?} by generation {generation}");
        *seen.entry(*status).or_default() += 1;
    }
    println!("{} generations, {} answers: {seen:?}", force.len() - 1, answered.len());
    for status in [200, 201, 401, 403] {
        assert!(seen.get(&status).is_some_and(|count| *count > 5), "too few {status}: {seen:?}");
    }
}

async fn edit_under_load(edits: usize) {
    let seed = std::env::var("PORTOLAN_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64 | 1);
    println!("seed {seed}: PORTOLAN_SEED={seed} repeats the edits");
    let user = |password| User { password, is_enabled: true, is_in_group: true };
    let all = |password| credentials(&USERS.iter().map(|name| ((*name).to_owned(), user(password))).collect());
    let grants = BTreeMap::from([("/crew".to_owned(), true)]);
    let mut files: Files = (0..REPOSITORIES)
        .map(|number| {
            (
                format!("repos/r{number}.yaml"),
                repository(&Repository { prefix: format!("r{number}"), grants: grants.clone() }),
            )
        })
        .collect();
    files.insert("credentials.yaml".to_owned(), all(0));
    let server = Arc::new(Server::start(&files).await);
    let mut editor = Editor {
        server: Arc::clone(&server),
        random: Random(seed),
        trees: BTreeMap::from([(hash(&files), files.clone())]),
        files,
    };

    let mut tokens = BTreeMap::new();
    for (number, name) in USERS.iter().enumerate() {
        tokens.insert((number, 0), server.token(name, 0).await);
    }
    let ann = &tokens[&(0, 0)];
    for number in 0..REPOSITORIES {
        let image = format!("{}/v2/r{number}/app", server.base);
        let blob = server
            .client
            .post(format!("{image}/blobs/uploads/?digest={}", digest("config")))
            .bearer_auth(ann)
            .body("config");
        assert_eq!(blob.send().await.unwrap().status(), 201);
        let push = server.client.put(format!("{image}/manifests/v1")).bearer_auth(ann).body(manifest("config"));
        let push = push.header("content-type", "application/vnd.oci.image.manifest.v1+json");
        assert_eq!(push.send().await.unwrap().status(), 201);
    }
    editor.files.insert("credentials.yaml".to_owned(), all(1));
    editor.trees.insert(hash(&editor.files), editor.files.clone());
    fs::write(server.path("credentials.yaml"), &all(1).unwrap().0).unwrap();
    let known = Arc::new(AtomicU64::new(server.settled(&editor.files).await));
    for (number, name) in USERS.iter().enumerate() {
        tokens.insert((number, 1), server.token(name, 1).await);
    }

    let (tokens, next, stop) = (Arc::new(tokens), Arc::new(AtomicU64::new(1)), Arc::new(AtomicBool::new(false)));
    let clients: Vec<_> = (0..4)
        .map(|client| {
            let random = Random(seed.rotate_left(7 * (client + 1)) | 1);
            let shared = (Arc::clone(&next), Arc::clone(&known), Arc::clone(&stop));
            tokio::spawn(load(Arc::clone(&server), Arc::clone(&tokens), random, shared))
        })
        .collect();
    let mut done = 0;
    while done < edits && clients.iter().all(|client| !client.is_finished()) {
        let (generation, count) = editor.edit_some().await;
        known.store(generation, Ordering::SeqCst);
        done += count;
    }
    stop.store(true, Ordering::SeqCst);
    let mut answered = Vec::new();
    for client in clients {
        answered.extend(client.await.unwrap());
    }
    // The last lines are written when their answers were.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let nothing = Force { users: BTreeMap::new(), has_users: false, repositories: BTreeMap::new() };
    compare(&server.log(), &editor, &nothing, &answered);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_judged_by_one_generation() {
    edit_under_load(60).await;
}

/// `cargo test --release --test it -- --ignored a_thousand_edits --nocapture`
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute or two"]
async fn a_thousand_edits_under_load() {
    edit_under_load(std::env::var("PORTOLAN_EDITS").ok().and_then(|edits| edits.parse().ok()).unwrap_or(1000)).await;
}
