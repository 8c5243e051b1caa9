//! The program as operators use it: SIGHUP, `portolan status` and `portolan wait`.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

const REPOSITORY: &str = "repo: {type: docker, storage: default, permissions: {jane: [read]}}\n";

struct Program {
    folder: tempfile::TempDir,
    process: Child,
    url: String,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn portolan() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portolan"));
    command.env_remove("PORTOLAN_URL").env_remove("PORTOLAN_PASSWORD").stdin(Stdio::null());
    command
}

/// Writes a file that was not touched for long.
fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join("config").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
}

impl Program {
    /// Starts on a folder at which nobody looks by itself.
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "registry.yaml", "reload: {mode: poll, interval: 1h}\n");
        let credentials = "credentials:\n  root: {type: plain, pass: secret-root, admin: true}\n  jane: {type: plain, pass: x-secret}\n";
        write(folder.path(), "credentials.yaml", credentials);
        write(folder.path(), "storages.yaml", "storages:\n  default: {type: memory}\n");
        write(folder.path(), "repos/a.yaml", REPOSITORY);
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = portolan()
            .args(["serve", "config", "--data", "data", "--listen", &format!("127.0.0.1:{port}")])
            .current_dir(folder.path())
            .stderr(fs::File::create(folder.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let program = Self { folder, process, url: format!("http://127.0.0.1:{port}") };
        let done = program.ask(&["wait", "--generation", "1"]);
        assert_eq!(done.status.code(), Some(0), "{done:?}");
        program
    }

    /// Runs a command that asks this server.
    fn ask(&self, arguments: &[&str]) -> Output {
        portolan().args(arguments).arg(&self.url).env("PORTOLAN_PASSWORD", "secret-root").output().unwrap()
    }

    fn status(&self) -> Value {
        let done = self.ask(&["status", "--user", "root", "--format", "json"]);
        serde_json::from_slice(&done.stdout).unwrap_or_else(|error| panic!("{error}: {done:?}"))
    }

    fn hang_up(&self) {
        let done = Command::new("kill").args(["-HUP", &self.process.id().to_string()]).status().unwrap();
        assert!(done.success());
    }
}

#[test]
fn a_hangup_reloads_and_wait_tells_when_it_is_in_force() {
    let program = Program::start();
    write(program.folder.path(), "repos/b.yaml", REPOSITORY);
    let began = Instant::now();
    let done = program.ask(&["wait", "--generation", "2", "--timeout", "300ms"]);
    assert_eq!(done.status.code(), Some(1), "nobody looks: {done:?}");
    assert!(began.elapsed() >= Duration::from_millis(300));
    program.hang_up();
    let done = program.ask(&["wait", "--generation", "2", "--format", "json"]);
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    let status: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(status["generation"], 2);
    assert!(status.get("diagnostics").is_none(), "only an admin sees them");

    let hash = status["hash"].as_str().unwrap();
    let done = program.ask(&["wait", "--hash", hash]);
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    let log = fs::read_to_string(program.folder.path().join("log")).unwrap();
    assert!(log.contains(&format!("generation=2 hash={hash}")), "{log}");
}

#[test]
fn what_is_not_in_force_as_written_is_said_and_ends_with_1() {
    let program = Program::start();
    let done = program.ask(&["status"]);
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    let text = String::from_utf8(done.stdout).unwrap();
    assert!(text.starts_with("generation 1, in force since ") && text.ends_with("\nin force as written\n"), "{text}");

    write(program.folder.path(), "repos/a.yaml", "repo: {type: dokcer}\n");
    program.hang_up();
    assert_eq!(program.ask(&["wait", "--generation", "2"]).status.code(), Some(0));
    let status = program.status();
    assert_eq!(
        (status["errors"].as_u64(), status["held_files"][0].as_str()),
        (Some(1), Some("repos/a.yaml")),
        "{status}"
    );
    let done = program.ask(&["wait", "--hash", status["hash"].as_str().unwrap()]);
    assert_eq!(done.status.code(), Some(1), "the tree is there, and not as written: {done:?}");
    let done = program.ask(&["status", "--user", "root"]);
    let text = String::from_utf8(done.stdout).unwrap();
    assert_eq!(done.status.code(), Some(1));
    assert!(text.contains("not in force as written: 1 error\n  repos/a.yaml:1:14: "), "{text}");
}

#[test]
fn a_port_and_a_certificate_that_cannot_be_had_are_said_and_end_with_1() {
    let program = Program::start();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    write(program.folder.path(), "repos/a.yaml", &REPOSITORY.replace("docker,", &format!("docker, port: {port},")));
    let settings = "reload: {mode: poll, interval: 1h}\nserver: {tls: {certificate: no.pem, key: no.key}}\n";
    write(program.folder.path(), "registry.yaml", settings);
    program.hang_up();
    assert_eq!(program.ask(&["wait", "--generation", "2"]).status.code(), Some(0));
    let status = program.status();
    assert_eq!(status["in_force_as_written"], false, "{status}");
    let done = program.ask(&["status", "--user", "root"]);
    assert_eq!(done.status.code(), Some(1));
    let text = String::from_utf8(done.stdout).unwrap();
    let deviations = "not in force as written: 1 port that cannot be used, 1 certificate that cannot be used\n";
    let lines = [
        format!("{deviations}  repos/a.yaml: cannot serve this repository on port {port}: "),
        "  registry.yaml: cannot use the certificate: `config/no.pem`: ".to_owned(),
    ];
    assert!(lines.iter().all(|line| text.contains(line)), "{text}");
    let done = program.ask(&["wait", "--hash", status["hash"].as_str().unwrap()]);
    assert_eq!(done.status.code(), Some(1), "{done:?}");
    let text = String::from_utf8(done.stderr).unwrap();
    assert!(text.contains("not in force as written: 1 port that cannot be used, 1 cert"), "{text}");
    let log = fs::read_to_string(program.folder.path().join("log")).unwrap();
    assert!(log.contains(&format!("port {port}: ")) && log.contains("file=repos/a.yaml"), "{log}");
}

#[test]
fn wait_does_not_take_a_changed_folder_for_the_commit() {
    let program = Program::start();
    let git = |arguments: &[&str]| {
        let who = ["-c", "user.name=Jane Doe", "-c", "user.email=jane@example.com"];
        let mut command = Command::new("git");
        command.arg("-C").arg(program.folder.path().join("config")).args(who).args(arguments);
        let done = command.output().unwrap();
        assert!(done.status.success(), "{done:?}");
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    };
    git(&["init", "-q"]);
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "first"]);
    let commit = git(&["rev-parse", "HEAD"]);
    program.hang_up();
    let done = program.ask(&["wait", "--commit", &commit]);
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    write(program.folder.path(), "repos/a.yaml", &REPOSITORY.replace("read", "write"));
    program.hang_up();
    assert_eq!(program.ask(&["wait", "--generation", "2"]).status.code(), Some(0));
    let done = program.ask(&["wait", "--commit", &commit, "--timeout", "1s"]);
    assert_eq!(done.status.code(), Some(1), "{done:?}");
    let text = String::from_utf8(done.stderr).unwrap();
    assert!(text.contains(&format!("the server's folder is at `{commit}-dirty`")), "{text}");
    let log = fs::read_to_string(program.folder.path().join("log")).unwrap();
    let line = log.lines().find(|line| line.contains("generation=2") && line.contains("in force")).unwrap();
    assert!(line.contains(&format!("{commit}-dirty")) && !line.contains("Jane Doe"), "{line}");
    git(&["commit", "-qam", "second"]);
    let commit = git(&["rev-parse", "HEAD"]);
    program.hang_up();
    assert_eq!(program.ask(&["wait", "--commit", &commit]).status.code(), Some(0));
    let log = fs::read_to_string(program.folder.path().join("log")).unwrap();
    let line = log.lines().find(|line| line.contains(&commit)).unwrap();
    assert!(line.contains("is that of this commit") && line.contains("Jane Doe"), "{line}");
}

#[test]
fn a_start_tells_of_every_secret_and_certificate_that_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let settings =
        "tokens: {signing_key: {env: PORTOLAN_TEST_NO_KEY}}\nserver: {tls: {certificate: no.pem, key: no.key}}\n";
    write(folder.path(), "registry.yaml", settings);
    let keys =
        "{type: basic, accessKeyId: {env: PORTOLAN_TEST_NO_ID}, secretAccessKey: {env: PORTOLAN_TEST_NO_SECRET}}";
    let bucket = format!("{{type: s3, bucket: images, endpoint: \"http://127.0.0.1:9\", credentials: {keys}}}");
    write(folder.path(), "storages.yaml", &format!("storages:\n  default: {bucket}\n"));
    write(folder.path(), "repos/a.yaml", REPOSITORY);
    let done = portolan().args(["serve", "config", "--data", "data"]).current_dir(folder.path()).output().unwrap();
    assert_eq!(done.status.code(), Some(3), "{done:?}");
    let serve = String::from_utf8(done.stderr).unwrap();
    let done = portolan().args(["check", "config", "--secrets"]).current_dir(folder.path()).output().unwrap();
    assert_eq!(done.status.code(), Some(1), "{done:?}");
    let check = String::from_utf8(done.stdout).unwrap();
    for (what, place) in [
        ("`PORTOLAN_TEST_NO_KEY` is not set", "registry.yaml:1:23"),
        ("no.pem`: ", "registry.yaml:2:29"),
        ("no.key`: ", "registry.yaml:2:42"),
        ("`PORTOLAN_TEST_NO_ID` is not set", "storages.yaml:2:"),
        ("`PORTOLAN_TEST_NO_SECRET` is not set", "storages.yaml:2:"),
    ] {
        for text in [&serve, &check] {
            let block = text.split("\n\n").find(|block| block.contains("[missing-secret]") && block.contains(what));
            assert!(block.is_some_and(|block| block.contains(place)), "{what} at {place}:\n{text}");
        }
    }
}

#[test]
fn a_server_that_cannot_be_asked_ends_with_3() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{free}");
    for arguments in [&["status"][..], &["wait", "--generation", "1", "--timeout", "100ms"]] {
        let done = portolan().args(arguments).arg(&url).output().unwrap();
        assert_eq!(done.status.code(), Some(3), "{done:?}");
        assert!(String::from_utf8(done.stderr).unwrap().contains("cannot ask"));
    }
    for url in ["127.0.0.1:5611", "localhost", "ftp://x.org", "root:secret@x.org"] {
        for arguments in [&["status"][..], &["wait", "--generation", "1"]] {
            let done = portolan().args(arguments).arg(url).output().unwrap();
            let err = String::from_utf8(done.stderr).unwrap();
            assert_eq!(done.status.code(), Some(2), "{err}");
            assert!(
                err.contains("`http://` nor `https://`") && err.contains("hint: ") && !err.contains("secret"),
                "{err}"
            );
        }
    }
    let program = Program::start();
    for (user, password, is_told) in [("jane", "x-secret", true), ("root", "secret-root", false)] {
        let mut command = portolan();
        let done = command.args(["status", "--user", user, &program.url]).env("PORTOLAN_PASSWORD", password).output();
        let done = done.unwrap();
        let err = String::from_utf8(done.stderr).unwrap();
        assert_eq!((done.status.code(), err.contains("`jane` is no admin")), (Some(0), is_told), "{err}");
    }
    let done =
        portolan().args(["status", "--user", "root", &program.url]).env("PORTOLAN_PASSWORD", "wrong").output().unwrap();
    assert_eq!(done.status.code(), Some(3), "{done:?}");
    let text = String::from_utf8(done.stderr).unwrap();
    assert!(text.contains("the name or the password is wrong") && !text.contains("PORTOLAN_PASSWORD"), "{text}");
    assert_eq!(portolan().args(["wait", &program.url]).output().unwrap().status.code(), Some(2));
}
