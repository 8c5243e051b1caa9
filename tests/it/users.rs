//! `portolan user` and `portolan repository`, as people and pipelines run them, on real folders and git repositories.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, XattrFlags, flock, getxattr, setxattr};
use serde_json::Value;
use tempfile::TempDir;

/// A password that no output may hold.
const SECRET: &str = "S3cr3t-of-all";

const CREDENTIALS: &str = "\
# Who is who. Ask jane.
credentials:
  # the administrators
  root: {type: plain, pass: S3cr3t-of-all, admin: true}

  jane:
    type: plain
    pass: S3cr3t-of-all   # to be changed
    email: jane@example.com
    groups: [devs]        # and nothing else
  mark: {type: plain, pass: S3cr3t-of-all, groups: [devs, leads]}
  ci:
    type: plain
    pass: S3cr3t-of-all
    description: pushes   # quickly
";

const TEAM: &str = "\
# The team's images.
repo:
  type: docker
  permissions:
    /devs: [read]       # for all of them
    jane:
      - write           # INC-1
    ci:
      - read
      - write
";

const OTHER: &str = "repo:\n  type: docker\n  permissions:\n    ci: [read]\n";

const FILES: &[(&str, &str)] =
    &[("credentials.yaml", CREDENTIALS), ("repos/team.yaml", TEAM), ("repos/other.yaml", OTHER)];

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap()
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    files.iter().for_each(|(name, text)| write(folder.path(), name, text));
    folder
}

fn portolan(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portolan"));
    command.args(words).env("PORTOLAN_CONFIG", folder).env("NO_COLOR", "1").current_dir(folder);
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "EMAIL"] {
        command.env_remove(name);
    }
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("HOME", "/nonexistent").env("XDG_CONFIG_HOME", "/nonexistent");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn finished(child: Child, words: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let (out, err) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    for text in [&out, &err] {
        assert!(!text.contains(SECRET) && !text.contains("$argon2") && !text.contains("panicked"), "{words:?}: {text}");
    }
    (status.code().unwrap(), out, err)
}

/// Runs a command, and gives its exit code, what it prints, and what it says on stderr.
#[track_caller]
fn run(folder: &Path, words: &[&str]) -> (i32, String, String) {
    finished(portolan(folder, words).spawn().unwrap(), words)
}

/// The same, with something on stdin.
#[track_caller]
fn run_with(folder: &Path, words: &[&str], stdin: &str) -> (i32, String, String) {
    let mut child = portolan(folder, words).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    finished(child, words)
}

#[track_caller]
fn done(folder: &Path, words: &[&str]) -> String {
    let (code, out, err) = run(folder, words);
    assert_eq!(code, 0, "{words:?}: {out}{err}");
    out
}

#[track_caller]
fn json(folder: &Path, words: &[&str]) -> Value {
    let out = done(folder, &[words, &["--format", "json"]].concat());
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
}

#[track_caller]
fn can(folder: &Path, user: &str, action: &str, image: &str) -> bool {
    run(folder, &["access", "can", user, action, image]).0 == 0
}

/// Every file below a folder with its bytes, its mode and its modification, hidden ones as well; git's own left out.
fn all(folder: &Path) -> BTreeMap<String, (Vec<u8>, u32, i64)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
        let meta = fs::symlink_metadata(&path).unwrap();
        if meta.is_dir() && name != ".git" {
            found.extend(all(&path).into_iter().map(|(below, text)| (format!("{name}/{below}"), text)));
        } else if !meta.is_dir() {
            found.insert(name, (fs::read(&path).unwrap_or_default(), meta.mode(), meta.mtime_nsec()));
        }
    }
    found
}

/// The lines that a text lost and the lines that it gained, where all others are as they were and in their order.
fn difference(before: &str, after: &str) -> (Vec<String>, Vec<String>) {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let start = old.iter().zip(&new).take_while(|(one, other)| one == other).count();
    let rest = old.len().min(new.len()) - start;
    let end = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(one, other)| one == other).count();
    let part = |lines: &[&str]| lines[start..lines.len() - end].iter().map(|line| (*line).to_owned()).collect();
    (part(&old), part(&new))
}

fn git(folder: &Path, words: &[&str]) -> String {
    let who = ["-c", "user.name=Setup", "-c", "user.email=setup@example.com", "-c", "init.defaultBranch=main"];
    let done = Command::new("git").arg("-C").arg(folder).args(who).args(words).output().unwrap();
    assert!(done.status.success(), "{words:?}: {done:?}");
    String::from_utf8(done.stdout).unwrap().trim_end().to_owned()
}

/// A git repository with an author, in which a folder is committed.
fn repository(top: &Path) {
    git(top, &["init", "-q"]);
    git(top, &["config", "user.name", "Rita Example"]);
    git(top, &["config", "user.email", "rita@example.com"]);
    git(top, &["add", "-A"]);
    git(top, &["commit", "-qm", "As it was"]);
}

#[test]
fn every_command_changes_few_lines_and_takes_effect() {
    let dir = folder(FILES);
    let conf = dir.path();
    // words, stdin, the file, whether lines were taken away, and what holds afterwards: user, action, image, yes or no
    type Row =
        (&'static [&'static str], &'static str, &'static str, Option<(&'static str, &'static str, &'static str, bool)>);
    let rows: &[Row] = &[
        (
            &["user", "add", "rita", "--email", "rita@example.com", "--group", "devs"],
            "Harbour-2026\nignored\n",
            "credentials.yaml",
            Some(("rita", "pull", "team", true)),
        ),
        (&["user", "attach", "rita", "--push", "other"], "", "repos/other.yaml", Some(("rita", "push", "other", true))),
        (
            &["user", "attach", "rita", "--pull", "other"],
            "",
            "repos/other.yaml",
            Some(("rita", "push", "other", false)),
        ),
        (&["user", "detach", "rita", "other"], "", "repos/other.yaml", Some(("rita", "pull", "other", false))),
        (&["user", "edit", "rita", "--description", "sails", "--expires", "2099-12-31"], "", "credentials.yaml", None),
        (&["user", "edit", "rita", "--no-expiry", "--description", "", "--email", ""], "", "credentials.yaml", None),
        (&["user", "password", "rita"], "Lighthouse-7", "credentials.yaml", None),
        (&["user", "disable", "rita"], "", "credentials.yaml", Some(("rita", "pull", "team", false))),
        (&["user", "enable", "rita"], "", "credentials.yaml", Some(("rita", "pull", "team", true))),
        (&["user", "leave", "rita", "devs"], "", "credentials.yaml", Some(("rita", "pull", "team", false))),
        (&["user", "join", "rita", "/devs", "leads"], "", "credentials.yaml", Some(("rita", "pull", "team", true))),
        (&["user", "promote", "rita"], "", "credentials.yaml", Some(("rita", "delete", "other", true))),
        (&["user", "demote", "rita"], "", "credentials.yaml", Some(("rita", "delete", "other", false))),
        (
            &["repository", "grant", "other", "rita", "read", "delete"],
            "",
            "repos/other.yaml",
            Some(("rita", "delete", "other", true)),
        ),
        (
            &["repository", "revoke", "other", "rita", "delete"],
            "",
            "repos/other.yaml",
            Some(("rita", "delete", "other", false)),
        ),
        (&["repository", "revoke", "other", "rita"], "", "repos/other.yaml", Some(("rita", "pull", "other", false))),
    ];
    for (words, stdin, file, holds) in rows {
        let before = all(conf);
        let text = read(conf, file);
        let (code, out, err) = run_with(conf, words, stdin);
        assert_eq!(code, 0, "{words:?}: {out}{err}");
        assert!(out.contains(file) || err.contains(file), "{words:?} names what it changed: {out}{err}");
        let changed: Vec<String> = all(conf)
            .iter()
            .filter(|(name, what)| before.get(*name) != Some(what))
            .map(|(name, _)| name.clone())
            .collect();
        assert_eq!(changed, [*file], "{words:?}");
        let (lost, gained) = difference(&text, &read(conf, file));
        assert!(
            lost.len() <= 5 && gained.len() <= 5 && (!lost.is_empty() || !gained.is_empty()),
            "{lost:?} {gained:?}"
        );
        assert_eq!(run(conf, &["check", "."]).0, 0, "{words:?}: {}", read(conf, file));
        if let Some((user, action, image, expected)) = holds {
            assert_eq!(can(conf, user, action, image), *expected, "{words:?}: {}", read(conf, file));
        }
    }
    // What they were asked to do they undid: nobody's comment or formatting is gone.
    let rest = run(conf, &["user", "delete", "rita", "--yes"]);
    assert_eq!(rest.0, 0, "{rest:?}");
    assert_eq!(read(conf, "credentials.yaml"), CREDENTIALS);
    assert_eq!(read(conf, "repos/other.yaml"), OTHER);
    assert_eq!(read(conf, "repos/team.yaml"), TEAM);

    done(conf, &["repository", "add", "apps/web"]);
    assert!(read(conf, "repos/apps/web.yaml").contains("permissions: {}"));
    assert!(done(conf, &["repository", "list"]).contains("apps/web"));
    done(conf, &["repository", "delete", "apps/web", "--yes"]);
    assert!(conf.join("repos").exists() && !conf.join("repos/apps").exists());
}

#[test]
fn a_machine_gets_a_secret_once() {
    let dir = folder(FILES);
    let conf = dir.path();
    let (code, out, err) =
        run(conf, &["user", "add", "bot", "--generate", "--push", "team", "--pull", "other", "--expires", "90d"]);
    assert_eq!(code, 0, "{err}");
    let secret = out.trim_end();
    assert!(secret.starts_with("ptl_") && secret.len() >= 34 && out.lines().count() == 1, "the secret alone: {out}");
    assert!(!err.contains(secret), "{err}");
    let text = read(conf, "credentials.yaml");
    assert!(text.starts_with(CREDENTIALS) && text.contains("  bot:\n") && !text.contains(secret), "{text}");
    assert!(
        can(conf, "bot", "push", "team") && can(conf, "bot", "pull", "other") && !can(conf, "bot", "push", "other")
    );

    // Without a name one is made up, and everything is in the JSON.
    let made = json(conf, &["user", "add", "--generate", "--pull", "team"]);
    let (name, secret) = (made["secret"]["user"].as_str().unwrap(), made["secret"]["secret"].as_str().unwrap());
    assert!(secret.starts_with("ptl_") && can(conf, name, "pull", "team"), "{made}");
    assert_eq!(made["dry_run"], false);
    let shown = json(conf, &["user", "show", name]);
    assert_eq!((&shown["state"], &shown["secret"]["type"]), (&"active".into(), &"argon2".into()), "{shown}");

    // The secret goes nowhere: nothing was changed.
    let before = all(conf);
    let full = File::options().write(true).open("/dev/full").unwrap();
    let words = ["user", "rotate", "bot"];
    let (code, _, err) = finished(portolan(conf, &words).stdout(full).spawn().unwrap(), &words);
    assert_eq!(code, 3, "{err}");
    assert!(err.contains("put back"), "{err}");
    let text = |all: BTreeMap<String, (Vec<u8>, u32, i64)>| {
        all.into_iter().map(|(name, what)| (name, what.0)).collect::<Vec<_>>()
    };
    assert_eq!(text(all(conf)), text(before.clone()));

    assert!(!err.contains("changed credentials.yaml"), "nothing is told that is not so: {err}");
    // One that is closed is the null device for every program.
    for format in ["human", "json"] {
        let words = ["user", "rotate", "bot", "--format", format];
        let (code, _, err) = finished(portolan(conf, &words).stdout(Stdio::null()).spawn().unwrap(), &words);
        assert!(code == 3 && err.contains("--secret-file"), "{err}");
        assert_eq!(text(all(conf)), text(before.clone()));
    }

    let rotated = run(conf, &["user", "rotate", "bot", "--overlap", "24h"]);
    assert!(rotated.1.starts_with("ptl_") && read(conf, "credentials.yaml").contains("previous:"), "{rotated:?}");
    assert!(json(conf, &["user", "show", "bot"])["secret"]["previous_until"].is_string());
    run(conf, &["user", "rotate", "bot"]);
    assert!(!read(conf, "credentials.yaml").contains("previous:"));
}

#[test]
fn what_cannot_be_told_is_not_done() {
    let dir = folder(FILES);
    let conf = dir.path();
    repository(conf);
    let texts = || all(conf).into_iter().map(|(name, what)| (name, what.0)).collect::<Vec<_>>();
    let before = texts();
    let told_to_full = |words: &[&str]| {
        let full = File::options().write(true).open("/dev/full").unwrap();
        finished(portolan(conf, words).stdout(full).spawn().unwrap(), words)
    };
    for words in [
        &["user", "disable", "mark"][..],
        &["user", "disable", "mark", "--format", "json"],
        &["repository", "add", "deep/er/one"],
        &["user", "delete", "ci", "--yes"],
    ] {
        let (code, _, err) = told_to_full(words);
        assert!(code == 3 && err.contains("put back"), "{words:?}: {err}");
        assert_eq!(texts(), before, "{words:?}");
    }
    assert!(!conf.join("repos/deep").exists());
    // A commit is not undone, and that is said.
    let (code, _, err) = told_to_full(&["user", "disable", "mark", "--commit"]);
    assert!(code == 3 && err.contains("the change is committed as"), "{err}");
    assert_eq!(git(conf, &["status", "--porcelain"]), "");
    assert!(read(conf, "credentials.yaml").contains("enabled: false"));
    // A reader that has seen enough is none that fails.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let words = ["user", "enable", "mark"];
    let (code, _, err) = finished(portolan(conf, &words).stdout(writer).spawn().unwrap(), &words);
    assert!(code == 0 && texts() == before, "{err}");
}

#[test]
fn a_hook_finds_nothing_but_the_files() {
    let dir = folder(FILES);
    let conf = dir.path();
    repository(conf);
    let hook = conf.join(".git/hooks/pre-commit");
    let hook_does = |what: &str| {
        fs::write(&hook, format!("#!/bin/sh\n{what}\n")).unwrap();
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    };
    hook_does("ls -A . repos > .git/seen\ngit add -A");
    done(conf, &["user", "delete", "ci", "--yes", "--commit"]);
    let seen = fs::read_to_string(conf.join(".git/seen")).unwrap();
    assert!(seen.contains("credentials.yaml") && !seen.contains("portolan-"), "{seen}");
    assert_eq!(git(conf, &["show", "--format=", "--name-only", "HEAD"]).lines().count(), 3);

    // What somebody saves while the hook runs, and the hook refuses, stays.
    hook_does("echo '# theirs' > new && mv new credentials.yaml\nexit 1");
    let before = read(conf, "credentials.yaml");
    let (code, _, err) = run(conf, &["user", "disable", "mark", "--commit"]);
    assert!(code == 1 && err.contains("a hook refused") && err.contains("changed it meanwhile"), "{err}");
    assert_eq!(read(conf, "credentials.yaml"), "# theirs\n");
    let kept = all(conf).into_iter().find(|(name, _)| name.contains(".before-")).unwrap();
    assert_eq!(String::from_utf8(kept.1.0).unwrap(), before);
    assert!(err.contains(&kept.0), "{err}");

    // Whoever is told to end while a hook runs does not leave a secret that nobody has seen.
    fs::remove_file(conf.join(&kept.0)).unwrap();
    write(conf, "credentials.yaml", &before);
    hook_does("touch .git/runs\nsleep 1");
    let words = ["user", "rotate", "mark", "--commit"];
    let child = portolan(conf, &words).spawn().unwrap();
    let begun = Instant::now();
    while !conf.join(".git/runs").exists() && begun.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(10));
    }
    let pid = rustix::process::Pid::from_child(&child);
    for signal in [rustix::process::Signal::INT, rustix::process::Signal::TERM] {
        rustix::process::kill_process(pid, signal).unwrap();
    }
    let (code, out, err) = finished(child, &words);
    assert!(code == 0 && out.starts_with("ptl_") && err.contains("committed as"), "{err}");
    let before = read(conf, "credentials.yaml");

    // Where git itself fails, no hook is blamed.
    fs::remove_file(&hook).unwrap();
    write(conf, ".git/index.lock", "");
    let (code, _, err) = run(conf, &["user", "disable", "mark", "--commit"]);
    assert!(code == 3 && err.contains("index.lock") && !err.contains("hook"), "{err}");
    assert_eq!(read(conf, "credentials.yaml"), before);
}

#[test]
fn a_refusal_shows_the_test_and_what_decides() {
    let dir = folder(FILES);
    let conf = dir.path();
    write(conf, "tests/access.yaml", "tests:\n  - as: mark\n    cannot: delete\n    image: team/x\n");
    let (code, _, err) = run(conf, &["repository", "grant", "team", "/leads", "delete"]);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("cannot: delete") && err.contains("repos/team.yaml:"), "{err}");
    write(conf, "tests/access.yaml", "tests:\n  - {as: mark, cannot: delete, image: team/x}\n");
    let (code, _, err) = run(conf, &["repository", "grant", "team", "mark", "delete"]);
    assert!(code == 1 && err.contains("this entry allows it, to `mark`"), "{err}");
}

#[test]
fn a_secret_file_is_new_and_its_owners() {
    let dir = folder(FILES);
    let elsewhere = tempfile::tempdir().unwrap();
    let (conf, path) = (dir.path(), elsewhere.path().join("secret"));
    let file = path.to_str().unwrap();
    let (code, out, err) = run(conf, &["user", "rotate", "ci", "--secret-file", file]);
    assert_eq!(code, 0, "{err}");
    let secret = fs::read_to_string(&path).unwrap();
    assert!(secret.starts_with("ptl_") && !out.contains(secret.trim()) && !err.contains(secret.trim()), "{out}{err}");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);

    // Neither a file nor a link nor a device nor the credentials themselves are written over.
    symlink(elsewhere.path().join("target"), elsewhere.path().join("link")).unwrap();
    let link = elsewhere.path().join("link");
    let inside = conf.join("repos/secret.yaml");
    for taken in
        [file, link.to_str().unwrap(), "/dev/null", "credentials.yaml", "./credentials.yaml", inside.to_str().unwrap()]
    {
        let before = all(conf);
        let (code, out, err) = run(conf, &["user", "rotate", "ci", "--secret-file", taken]);
        assert_eq!((code, out.as_str()), (1, ""), "{taken}: {err}");
        assert!(err.contains("hint: "), "{err}");
        assert_eq!(all(conf), before, "{taken}");
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), secret);
    assert!(!elsewhere.path().join("target").exists());
    let (code, _, err) = run(conf, &["user", "rotate", "ci", "--secret-file", file, "--dry-run"]);
    assert!(code == 1 && err.contains("there already"), "a dry run says so as well: {err}");
    let (code, _, err) = run(conf, &["user", "rotate", "ci", "--secret-file", "-"]);
    assert!(code == 2 && err.contains("stdout") && !conf.join("-").exists(), "{err}");
    // The server follows links to folders that lie elsewhere.
    let team = folder(&[("x.yaml", OTHER)]);
    symlink(team.path(), conf.join("repos/linked")).unwrap();
    for taken in [team.path().join("secret.yaml"), conf.join("repos/linked/secret.yml"), conf.join("new.yaml")] {
        let (code, _, err) = run(conf, &["user", "rotate", "ci", "--secret-file", taken.to_str().unwrap()]);
        assert!(code == 1 && err.contains("file of the configuration") && !taken.exists(), "{err}");
    }
    fs::remove_file(conf.join("repos/linked")).unwrap();
    // In a work tree it would be committed one day.
    repository(elsewhere.path());
    let tree = elsewhere.path().join("unseen");
    let (code, _, err) = run(conf, &["user", "rotate", "ci", "--secret-file", tree.to_str().unwrap()]);
    assert!(code == 0 && err.contains("git work tree"), "{err}");
    write(elsewhere.path(), ".gitignore", "*.secret\n");
    let ignored = elsewhere.path().join("ci.secret");
    let (code, _, err) = run(conf, &["user", "rotate", "ci", "--secret-file", ignored.to_str().unwrap()]);
    assert!(code == 0 && !err.contains("git work tree"), "{err}");

    // Where the change fails, the secret is of no use, and is removed again.
    let other = elsewhere.path().join("other");
    for words in [&["user", "rotate", "nobody"][..], &["user", "add", "jane", "--generate"]] {
        let (code, ..) = run(conf, &[words, &["--secret-file", other.to_str().unwrap()]].concat());
        assert!(code == 1 && !other.exists(), "{words:?}");
    }
}

#[test]
fn secrets_for_docker_and_kubernetes() {
    let dir = folder(FILES);
    let conf = dir.path();
    let before = all(conf);
    let (code, out, err) = run(conf, &["user", "rotate", "ci", "--output", "docker"]);
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    assert!(err.contains("--registry") && all(conf) == before, "{err}");
    let out = done(conf, &["user", "rotate", "ci", "--output", "docker", "--registry", "localhost:5000"]);
    let config: Value = serde_json::from_str(&out).unwrap();
    assert!(config["auths"]["localhost:5000"]["auth"].is_string(), "{config}");
    write(conf, "registry.yaml", "server: {public_url: https://registry.example.com}\n");
    let out = done(conf, &["user", "rotate", "ci", "--output", "kubernetes", "--secret-name", "pull"]);
    assert!(out.contains("type: kubernetes.io/dockerconfigjson") && out.contains("name: \"pull\""), "{out}");
}

#[test]
fn what_is_refused_changes_nothing() {
    let dir = folder(FILES);
    let conf = dir.path();
    write(conf, "repos/open.yaml", "repo: {type: docker}\n");
    write(conf, "tests/access.yaml", "tests:\n  - {as: mark, cannot: push, image: team}\n");
    // words, stdin, the exit code, and what is said
    type Row = (&'static [&'static str], &'static str, i32, &'static str);
    let rows: &[Row] = &[
        (&["user", "add", "jane"], "Harbour-2026", 1, "already"),
        (&["user", "add", "Jane"], "Harbour-2026", 1, "jane"),
        (&["user", "add", "new", "--email", "JANE@example.com"], "Harbour-2026", 1, "e-mail"),
        (&["user", "add", "new"], "harbour", 1, "upper"),
        (&["user", "add", "Newcomer-2026"], "Newcomer-2026", 1, "name"),
        (&["user", "add", "new"], "", 1, "no password"),
        (&["user", "add", "*"], "Harbour-2026", 2, "name"),
        (&["user", "add"], "Harbour-2026", 2, "--generate"),
        (&["user", "add", "new", "--secret-file", "x"], "Harbour-2026", 2, "--generate"),
        (&["user", "add", "new", "--generate", "--push", "taem"], "", 1, "team"),
        (&["user", "add", "new", "--generate", "--expires", "soon"], "", 2, "soon"),
        (&["user", "password", "jane"], "S3cr3t-of-all", 1, "old"),
        (&["user", "password", "jnae"], "Harbour-2026", 1, "jane"),
        (&["user", "edit", "jane"], "", 2, "--expires"),
        (&["user", "edit", "jane", "--expires", "90d", "--no-expiry"], "", 2, "--no-expiry"),
        (&["user", "show", "jnae"], "", 1, "jane"),
        (&["user", "rotate", "ci", "--overlap", "long"], "", 2, "long"),
        (&["user", "leave", "jane", "dves"], "", 1, "devs"),
        (&["user", "detach", "jane", "other"], "", 1, "other"),
        (&["user", "attach", "jane", "--pull", "open"], "", 1, "permissions"),
        (&["user", "attach", "jane"], "", 2, "--push"),
        (&["user", "add", "--generate", "--push", "team", "ci-x"], "", 1, "stands before"),
        (&["user", "add", "new"], "Har\tbour-2026", 1, "control character"),
        (&["man", "nowhere/at/all"], "", 3, "nowhere"),
        (&["user", "demote", "root"], "", 1, "admin"),
        (&["user", "disable", "root"], "", 1, "admin"),
        (&["user", "edit", "mark", "--expires", "2020-01-01"], "", 2, "past"),
        (&["user", "edit", "root", "--expires", "90d"], "", 1, "admin"),
        (&["user", "delete", "root", "--yes"], "", 1, "admin"),
        (&["user", "delete", "jane", "ci"], "", 1, "--yes"),
        (&["user", "delete", "jane", "nobody", "--yes"], "", 1, "nobody"),
        (&["repository", "add", "team"], "", 1, "team"),
        (&["repository", "add", "Team"], "", 2, "Team"),
        (&["repository", "add", "new", "--storage", "cloud"], "", 1, "cloud"),
        (&["repository", "grant", "open", "jane", "read"], "", 1, "--close"),
        (&["repository", "grant", "team", "jane", "reed"], "", 2, "read"),
        (&["repository", "grant", "team", "jnae", "read"], "", 1, "jane"),
        (&["repository", "revoke", "team", "jnae"], "", 1, "jane"),
        (&["repository", "revoke", "team", "jane", "delete"], "", 1, "write"),
        (&["repository", "delete", "other"], "", 1, "--yes"),
        (&["repository", "delete", "taem", "--yes"], "", 1, "team"),
        // An access test holds before and would not afterwards.
        (&["repository", "grant", "team", "mark", "write"], "", 1, "access test"),
        (&["user", "promote", "mark"], "", 1, "access test"),
    ];
    let before = all(conf);
    for (words, stdin, expected, said) in rows {
        let (code, out, err) = run_with(conf, words, stdin);
        assert_eq!((code, out.as_str()), (*expected, ""), "{words:?}: {err}");
        assert!(err.contains(said), "{words:?} tells of `{said}`: {err}");
        assert_eq!(all(conf), before, "{words:?}");
    }
    // What only takes away is not held up, and the test that fails from now on is named.
    write(conf, "tests/access.yaml", "tests:\n  - {as: jane, can: push, image: team}\n");
    let (code, _, err) = run(conf, &["user", "disable", "jane"]);
    assert!(code == 0 && err.contains("tests/access.yaml:2") && err.contains("`portolan test`"), "{err}");
    let nothing = tempfile::tempdir().unwrap();
    assert_eq!(run(nothing.path(), &["user", "list"]).0, 3);
    let empty = portolan(conf, &["user", "list"]).env("PORTOLAN_CONFIG", "").output().unwrap();
    assert!(empty.status.code() == Some(2) && String::from_utf8(empty.stderr).unwrap().contains("`PORTOLAN_CONFIG`"));
    assert_eq!(run(conf, &["user", "list", "--config", "/nowhere/at/all"]).0, 3);
    // Links, anchors and merges cannot be edited without touching others.
    let shared = CREDENTIALS.replace("  ci:\n", "  ci: &machine\n") + "  two: *machine\n";
    write(conf, "credentials.yaml", &shared);
    let (code, _, err) = run(conf, &["user", "disable", "two"]);
    assert!(code == 1 && err.contains("credentials.yaml:"), "{err}");
    assert_eq!(read(conf, "credentials.yaml"), shared);
}

#[test]
fn a_broken_folder_is_left_alone() {
    let dir = folder(FILES);
    let conf = dir.path();
    write(conf, "repos/team.yaml", "repo: {type: docker, permisions: {}}\n");
    let before = all(conf);
    for words in [&["user", "attach", "jane", "--pull", "team"][..], &["repository", "grant", "team", "jane", "read"]] {
        let (code, _, err) = run(conf, words);
        assert!(code == 1 && err.contains("portolan check") && err.contains("permisions"), "{words:?}: {err}");
        assert_eq!(all(conf), before);
    }
    // What has nothing to do with it can be changed.
    done(conf, &["user", "disable", "mark"]);
}

#[test]
fn a_dry_run_shows_a_diff_without_secrets() {
    let dir = folder(FILES);
    let conf = dir.path();
    let before = all(conf);
    let (code, out, err) = run(conf, &["user", "attach", "mark", "--push", "other", "--dry-run"]);
    assert_eq!(code, 0, "{err}");
    assert!(
        out.contains("+++ ") && out.contains("repos/other.yaml") && out.contains("+    mark: [read, write]"),
        "{out}"
    );
    assert!(err.contains("nothing was changed"), "{err}");
    let (_, out, err) = run(conf, &["user", "rotate", "jane", "--dry-run"]);
    assert!(out.contains("-    pass: …") && out.contains("+    pass: …") && !out.contains("ptl_"), "{out}");
    assert!(!err.contains("ptl_"), "{err}");
    let value = json(conf, &["user", "disable", "jane", "--dry-run"]);
    assert!(value["dry_run"] == true && value.get("commit") == Some(&Value::Null), "{value}");
    assert!(value["diff"].as_str().unwrap().contains("+    enabled: false"), "{value}");
    assert_eq!(value["files"][0]["path"], "credentials.yaml");
    // Whoever only looks is not asked.
    done(conf, &["user", "delete", "jane", "--dry-run"]);
    assert_eq!(all(conf), before);
}

#[test]
fn eight_at_once_lose_nothing() {
    let dir = folder(FILES);
    let conf = dir.path();
    let start = |number: usize| {
        let name = format!("bot-{number}");
        portolan(conf, &["user", "add", &name, "--generate", "--push", "team"]).spawn().unwrap()
    };
    let children: Vec<Child> = (0..8).map(start).collect();
    for child in children {
        let (code, _, err) = finished(child, &["user", "add"]);
        assert_eq!(code, 0, "{err}");
    }
    assert!(
        (0..8).all(|number| can(conf, &format!("bot-{number}"), "push", "team")),
        "{}",
        read(conf, "credentials.yaml")
    );
    assert!(read(conf, "credentials.yaml").starts_with(CREDENTIALS));
    assert!(all(conf).keys().all(|name| !name.contains(".portolan-")));
}

#[test]
fn what_an_editor_writes_meanwhile_is_kept() {
    let dir = folder(FILES);
    let conf = dir.path();
    let lock = File::open(conf).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    let words = ["user", "disable", "mark"];
    let child = portolan(conf, &words).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    write(conf, "credentials.yaml", &(CREDENTIALS.to_owned() + "  late: {type: plain, pass: S3cr3t-of-all}\n"));
    drop(lock);
    let (code, _, err) = finished(child, &words);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("waiting for another command"), "{err}");
    let text = read(conf, "credentials.yaml");
    assert!(text.contains("  late:") && text.contains("enabled: false"), "{text}");

    // An editor that never stops loses nothing either, whoever wins.
    let stop = std::sync::atomic::AtomicBool::new(false);
    let path = conf.join("repos/team.yaml");
    let mut lines = 0;
    std::thread::scope(|scope| {
        let editor = scope.spawn(|| {
            let mut count = 0;
            let mut file = File::options().append(true).open(&path).unwrap();
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                // An editor that writes into the file itself, if it still is the one at its place.
                if file.metadata().unwrap().ino() != fs::metadata(&path).unwrap().ino() {
                    file = File::options().append(true).open(&path).unwrap();
                }
                file.write_all(b"# edited\n").unwrap();
                count += 1;
                std::thread::sleep(Duration::from_millis(7));
            }
            count
        });
        for operation in ["delete", "registry:catalog:*", "repository:x:pull", "repository:y:pull"] {
            let (code, _, err) = run(conf, &["repository", "grant", "team", "mark", operation]);
            assert!(code == 0 || code == 3 && err.contains("keeps changing"), "{err}");
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        lines = editor.join().unwrap();
    });
    let written = read(conf, "repos/team.yaml").matches("# edited\n").count();
    assert!(lines - written <= 1, "{written} of {lines} lines are left");
    assert_eq!(run(conf, &["check", "."]).0, 0);
}

#[test]
fn killed_at_any_moment_it_is_old_or_new() {
    let dir = folder(FILES);
    let conf = dir.path();
    done(conf, &["user", "disable", "mark"]);
    let disabled = read(conf, "credentials.yaml");
    done(conf, &["user", "enable", "mark"]);
    let enabled = read(conf, "credentials.yaml");
    let begun = Instant::now();
    done(conf, &["user", "disable", "mark"]);
    let whole = begun.elapsed();
    let mut both = [false; 2];
    // On a busy machine a command may take much longer than the first one: then later and later, until one was done.
    let late = (0..12_u32).map(|round| whole * 2_u32.pow(round));
    for (round, pause) in (0..40_u32).map(|round| whole * (round % 20 + 1) / 18).chain(late).enumerate() {
        if round >= 40 && both == [true, true] {
            break;
        }
        let word = if read(conf, "credentials.yaml") == disabled { "enable" } else { "disable" };
        let mut child = portolan(conf, &["user", word, "mark"]).spawn().unwrap();
        std::thread::sleep(pause);
        child.kill().unwrap();
        child.wait().unwrap();
        let text = read(conf, "credentials.yaml");
        assert!(text == disabled || text == enabled, "{text}");
        both[usize::from(text == enabled)] = true;
        assert_eq!(run(conf, &["check", "."]).0, 0);
    }
    assert_eq!(both, [true, true], "some were killed before and some after");
    // What was left is removed by the next one.
    let word = if read(conf, "credentials.yaml") == disabled { "enable" } else { "disable" };
    done(conf, &["user", word, "mark"]);
    assert!(all(conf).keys().all(|name| !name.contains(".portolan-")), "{:?}", all(conf).keys());
}

#[test]
fn links_are_written_through_and_files_keep_what_they_bear() {
    let dir = folder(&FILES[1..]);
    let conf = dir.path();
    write(conf, ".private/users.yaml", CREDENTIALS);
    symlink(".private/users.yaml", conf.join("credentials.yaml")).unwrap();
    let real = conf.join(".private/users.yaml");
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    let owned = std::os::unix::fs::chown(&real, Some(12345), Some(54321)).is_ok();
    let marked = setxattr(&real, "user.origin", b"vault", XattrFlags::empty()).is_ok();
    done(conf, &["user", "disable", "mark"]);
    assert!(fs::symlink_metadata(conf.join("credentials.yaml")).unwrap().is_symlink());
    let meta = fs::metadata(&real).unwrap();
    assert_eq!(meta.mode() & 0o7777, 0o640);
    if owned {
        assert_eq!((meta.uid(), meta.gid()), (12345, 54321));
    }
    if marked {
        let mut value = [0; 16];
        assert_eq!(getxattr(&real, "user.origin", &mut value[..]), Ok(5));
    }
    assert!(fs::read_to_string(&real).unwrap().contains("enabled: false"));

    // Outside of the folder, or through a mounted ConfigMap, nothing is written; a link's target is not deleted.
    let outside = folder(&[("apps.yaml", OTHER)]);
    symlink(outside.path().join("apps.yaml"), conf.join("repos/apps.yaml")).unwrap();
    symlink("../.private/lib.yaml", conf.join("repos/lib.yaml")).unwrap();
    write(conf, ".private/lib.yaml", "repo:\n  type: docker\n  permissions: {}\n");
    let before = all(conf);
    for (words, said) in [
        (&["repository", "grant", "apps", "jane", "read"][..], "outside of the folder"),
        (&["repository", "delete", "apps", "--yes"], "outside of the folder"),
        (&["repository", "delete", "lib", "--yes"], "symbolic link"),
    ] {
        let (code, _, err) = run(conf, words);
        assert!(code == 1 && err.contains(said) && err.contains("hint: "), "{words:?}: {err}");
        assert_eq!(all(conf), before);
    }
    assert_eq!(read(outside.path(), "apps.yaml"), OTHER);

    let mount = folder(&[("..2026/credentials.yaml", CREDENTIALS)]);
    symlink("..2026", mount.path().join("..data")).unwrap();
    symlink("..data/credentials.yaml", mount.path().join("credentials.yaml")).unwrap();
    let (code, _, err) = run(mount.path(), &["user", "disable", "mark"]);
    assert!(code == 1 && err.contains("ConfigMap"), "{err}");
    assert_eq!(read(mount.path(), "..2026/credentials.yaml"), CREDENTIALS);
}

#[test]
fn a_plan_that_fails_half_way_is_put_back() {
    if rustix::process::geteuid().is_root() {
        // Whoever may do everything is not kept out of a folder: tried with a folder that cannot be written at all.
        let dir = folder(FILES);
        let conf = dir.path();
        let immutable = Command::new("chattr").arg("+i").arg(conf.join("repos/other.yaml")).status();
        if !immutable.is_ok_and(|status| status.success()) {
            return;
        }
        let before = all(conf);
        let (code, _, err) = run(conf, &["user", "delete", "ci", "--yes"]);
        let after = all(conf);
        Command::new("chattr").arg("-i").arg(conf.join("repos/other.yaml")).status().unwrap();
        assert!(code == 3 && (err.contains("put back") || err.contains("nothing was changed")), "{err}");
        let texts = |all: BTreeMap<String, (Vec<u8>, u32, i64)>| {
            all.into_iter().map(|(name, what)| (name, what.0)).collect::<Vec<_>>()
        };
        assert_eq!(texts(after), texts(before), "{err}");
        return;
    }
    let dir = folder(FILES);
    let conf = dir.path();
    write(conf, "repos/x/deep.yaml", OTHER);
    fs::set_permissions(conf.join("repos/x"), fs::Permissions::from_mode(0o555)).unwrap();
    let before = all(conf);
    let (code, _, err) = run(conf, &["user", "delete", "ci", "--yes"]);
    assert!(code == 3 && err.contains("nothing was changed"), "{err}");
    assert_eq!(all(conf), before);
}

#[test]
fn a_commit_holds_just_the_changed_files() {
    let top = tempfile::tempdir().unwrap();
    let conf = top.path().join("deploy/[conf]*");
    FILES.iter().for_each(|(name, text)| write(&conf, name, text));
    write(top.path(), "README", "one\n");
    repository(top.path());
    write(top.path(), "README", "two\n");
    write(top.path(), "staged", "three\n");
    git(top.path(), &["add", "staged"]);
    write(&conf, "repos/draft.yaml", "repo:\n  type: docker\n  permissions: {}\n");
    let (code, out, err) = run(&conf, &["user", "delete", "ci", "--yes", "--commit"]);
    assert_eq!(code, 0, "{err}");
    let short = git(top.path(), &["rev-parse", "--short", "HEAD"]);
    assert!(out.contains(&format!("committed as {short}")), "{out}");
    assert_eq!(
        git(top.path(), &["show", "--format=%an <%ae>", "--name-only", "HEAD"]),
        "Rita Example <rita@example.com>\n\ndeploy/[conf]*/credentials.yaml\ndeploy/[conf]*/repos/other.yaml\n\
         deploy/[conf]*/repos/team.yaml"
    );
    let message = git(top.path(), &["log", "-1", "--format=%B"]);
    assert!(message.lines().next().unwrap().contains("ci") && message.contains("team"), "{message}");
    assert!(!message.contains(SECRET) && !message.contains("$argon2"));
    assert_eq!(
        git(top.path(), &["status", "--porcelain"]),
        " M README\nA  staged\n?? \"deploy/[conf]*/repos/draft.yaml\"".replace('"', ""),
    );

    // New files, and files that go; through a link to the folder as well.
    let link = top.path().join("link");
    symlink(&conf, &link).unwrap();
    let added = json(&link, &["repository", "add", "apps/web", "--commit"]);
    assert_eq!(added["commit"], git(top.path(), &["rev-parse", "--short", "HEAD"]));
    assert_eq!(added["files"][0]["change"], "created");
    done(&link, &["repository", "delete", "apps/web", "--yes", "--commit"]);
    assert_eq!(
        git(top.path(), &["show", "--format=", "--name-status", "HEAD"]),
        "D\tdeploy/[conf]*/repos/apps/web.yaml"
    );

    // What would be swept in is named, and nothing is changed.
    let text = read(&conf, "credentials.yaml");
    write(&conf, "credentials.yaml", &(text + "# mine\n"));
    let before = all(&conf);
    let (code, _, err) = run(&conf, &["user", "disable", "mark", "--commit"]);
    assert!(code == 1 && err.contains("credentials.yaml") && err.contains("not committed"), "{err}");
    let (code, _, err) = run(&conf, &["repository", "grant", "draft", "mark", "read", "--commit"]);
    assert!(code == 1 && err.contains("repos/draft.yaml"), "{err}");
    assert_eq!(all(&conf), before);
}

#[test]
fn what_git_would_refuse_is_told_before() {
    let dir = folder(FILES);
    let conf = dir.path();
    let words = ["user", "disable", "mark", "--commit"];
    let refused = |said: &str| {
        let before = all(conf);
        let (code, _, err) = run(conf, &words);
        assert!(code != 0 && code != 2 && err.contains(said) && err.contains("hint: "), "`{said}`: {err}");
        assert_eq!(all(conf), before, "{said}");
    };
    refused("not a git repository");
    repository(conf);
    git(conf, &["config", "--unset", "user.email"]);
    refused("who you are");
    git(conf, &["config", "user.email", "rita@example.com"]);
    write(conf, ".gitignore", "credentials.yaml\n");
    git(conf, &["rm", "-q", "--cached", "credentials.yaml"]);
    git(conf, &["add", ".gitignore"]);
    git(conf, &["commit", "-qm", "Keep the users out"]);
    refused("ignored");
    git(conf, &["rm", "-q", "-f", ".gitignore"]);
    git(conf, &["add", "-A"]);
    git(conf, &["commit", "-qm", "And back"]);
    git(conf, &["update-index", "--assume-unchanged", "credentials.yaml"]);
    refused("not to look");
    git(conf, &["update-index", "--no-assume-unchanged", "credentials.yaml"]);

    // A hook refuses: the files are put back, the secret file is gone, and git knows of nothing new.
    let hook = conf.join(".git/hooks/pre-commit");
    fs::write(&hook, "#!/bin/sh\necho 'two people must agree' >&2\nexit 1\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let texts = || all(conf).into_iter().map(|(name, what)| (name, what.0)).collect::<Vec<_>>();
    let before = texts();
    let elsewhere = tempfile::tempdir().unwrap();
    let secret = elsewhere.path().join("secret");
    for words in [
        &["user", "rotate", "ci", "--secret-file", secret.to_str().unwrap(), "--commit"][..],
        &["user", "rotate", "ci", "--commit"],
        &["repository", "add", "new/one", "--commit"],
        &["repository", "delete", "other", "--yes", "--commit"],
    ] {
        let (code, out, err) = run(conf, words);
        assert_eq!((code, out.as_str()), (1, ""), "{err}");
        assert!(err.contains("two people must agree") && err.contains("put back"), "{err}");
        assert_eq!(texts(), before, "{words:?}");
        assert_eq!(git(conf, &["status", "--porcelain"]), "", "{words:?}");
        assert!(!secret.exists() && !conf.join("repos/new").exists());
    }
    fs::remove_file(hook).unwrap();
    done(conf, &words);
    assert_eq!(git(conf, &["status", "--porcelain"]), "");
}

#[test]
fn lists_are_for_people_and_programs() {
    let dir = folder(FILES);
    let conf = dir.path();
    write(conf, "credentials.yaml", &(CREDENTIALS.to_owned() + "  idle: {type: plain, pass: S3cr3t-of-all}\n"));
    done(conf, &["user", "edit", "ci", "--expires", "10d"]);
    let names = |words: &[&str]| {
        let value = json(conf, &[&["user", "list"], words].concat());
        let users = value["users"].as_array().unwrap().iter();
        users.map(|user| user["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&[]), ["ci", "idle", "jane", "mark", "root"]);
    assert_eq!(names(&["--expiring", "30d"]), ["ci"]);
    assert_eq!(names(&["--expiring", "5d"]), Vec::<String>::new());
    assert_eq!(names(&["--unused"]), ["idle"]);
    assert_eq!(names(&["--group", "leads"]), ["mark"]);
    let (code, _, err) = run(conf, &["user", "list", "--group", "/laeds"]);
    assert!(code == 0 && err.contains("nobody is in the group `laeds`"), "{err}");
    let (code, _, err) = run(folder(&FILES[1..]).path(), &["user", "list"]);
    assert!(code == 0 && err.contains("no `credentials.yaml`"), "{err}");
    let csv = done(conf, &["user", "list", "--format", "csv"]);
    assert!(csv.starts_with("user,state,") && csv.contains("\nci,active,"), "{csv}");
    let markdown = done(conf, &["user", "list", "--format", "markdown"]);
    assert!(markdown.contains("| `ci` | active |"), "{markdown}");
    let table = done(conf, &["user", "list"]);
    assert!(table.lines().any(|line| line.starts_with("ci ") && line.contains("team: pull push overwrite")), "{table}");
    (0..8).for_each(|number| write(conf, &format!("repos/many-{number}.yaml"), OTHER));
    assert!(done(conf, &["user", "list"]).contains("and 5 more"));
    assert!(done(conf, &["user", "list", "--format", "csv"]).contains("many-7: pull"));
    (0..8).for_each(|number| fs::remove_file(conf.join(format!("repos/many-{number}.yaml"))).unwrap());
    let repositories = json(conf, &["repository", "list"]);
    assert_eq!(repositories["repositories"][1]["name"], "team");
    assert_eq!(repositories["repositories"][1]["access"], "granted");
    let shown = done(conf, &["user", "show", "jane"]);
    assert!(shown.contains("jane@example.com") && shown.contains("/devs"), "{shown}");
}

/// What a shell's script is answered for a word that is being typed.
fn completed(conf: &Path, shell: &str, words: &[&str]) -> String {
    let mut command = portolan(conf, &[]);
    command.args(["--", "portolan"]).args(words).env("PORTOLAN_COMPLETE", shell);
    command.env("_CLAP_COMPLETE_INDEX", words.len().to_string()).env("_CLAP_IFS", "\n");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn shells_are_offered_names_and_nothing_else() {
    let dir = folder(FILES);
    let conf = dir.path();
    for name in ["$(touch x)", "`id`", "a;b", "*", "a b", "-rf", "'", "\\", "ä"] {
        write(conf, &format!("repos/{name}.yaml"), OTHER);
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(done(conf, &["completions", shell]).contains("portolan"), "{shell}");
        let users = completed(conf, shell, &["user", "disable", ""]);
        for name in ["ci", "jane", "mark", "root"] {
            assert!(users.lines().any(|line| line.starts_with(name)), "{shell}: {users}");
        }
        let all = completed(conf, shell, &["repository", "delete", ""]);
        let names: Vec<&str> = all.lines().filter(|line| !line.starts_with('-')).collect();
        assert!(names.iter().any(|line| line.starts_with("team")), "{shell}: {all}");
        assert!(
            !all.contains("touch") && names.iter().all(|name| !name.contains(['`', ';', '*', 'ä'])),
            "{shell}: {all}"
        );
    }
    let other = folder(&[("credentials.yaml", "credentials:\n  zoe: {type: plain, pass: S3cr3t-of-all}\n")]);
    let named = completed(conf, "bash", &["user", "show", "--config", other.path().to_str().unwrap(), "z"]);
    assert_eq!(named.trim(), "zoe");
    assert_eq!(completed(conf, "bash", &["repository", "grant", "team", "/de"]).trim(), "/devs");
    assert_eq!(completed(conf, "bash", &["repository", "grant", "team", "jane", "re"]).trim(), "read");
    assert_eq!(completed(conf, "bash", &["user", "attach", "jane", "--pull", "te"]).trim(), "team");
}
