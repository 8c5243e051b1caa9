//! A folder changes, and what is in force follows.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::CWD;
use tempfile::TempDir;

use super::*;

/// Below the interval at which the folder is looked at in any case.
const SOON: Duration = Duration::from_secs(30);

const REPOSITORY: &str = "repo:\n  type: docker\n  storage: default\n  permissions: {}\n";

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn folder() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "registry.yaml", "reload: {interval: 60s}\n");
    write(dir.path(), "credentials.yaml", "credentials:\n  jane: {type: plain, pass: Harbour-2026}\n");
    write(dir.path(), "repos/a.yaml", REPOSITORY);
    dir
}

fn start(folder: &Path) -> Arc<Live> {
    Live::start(folder, Box::new(|_| Ok(()))).unwrap()
}

/// What git says to a command that it carries out as Jane Doe.
fn git(folder: &Path, arguments: &[&str]) -> String {
    let who = ["-c", "user.name=Jane Doe", "-c", "user.email=jane@example.com", "-c", "gc.auto=0"];
    let done = std::process::Command::new("git").arg("-C").arg(folder).args(who).args(arguments).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

fn names(live: &Live) -> Vec<String> {
    live.current().model.snapshot.repositories().iter().map(|repository| repository.name.to_string()).collect()
}

#[track_caller]
fn soon(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < SOON, "not soon: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_change_is_published_with_a_new_generation() {
    let dir = folder();
    let live = start(dir.path());
    let generations = live.subscribe();
    assert_eq!((live.current().generation, names(&live)), (1, vec!["a".to_owned()]));
    write(dir.path(), "repos/b.yaml", REPOSITORY);
    soon("a new file", || names(&live) == ["a", "b"]);
    soon("its announcement", || *generations.borrow() == 2);
    fs::remove_file(dir.path().join("repos/a.yaml")).unwrap();
    soon("a removed file", || names(&live) == ["b"]);
    assert_eq!(live.reload(), live.current().generation);
    assert_eq!(live.current().generation, 3);
}

#[test]
fn folders_that_come_go_and_come_back_are_watched() {
    let dir = folder();
    let live = start(dir.path());
    for _ in 0..3 {
        write(dir.path(), "repos/team/deep/x.yaml", REPOSITORY);
        soon("a file in new folders", || names(&live).contains(&"team/deep/x".to_owned()));
        write(dir.path(), "repos/team/deep/y.yaml", REPOSITORY);
        soon("another one", || names(&live).contains(&"team/deep/y".to_owned()));
        soon("both complete", || !live.current().compiled.has_errors());
        fs::remove_dir_all(dir.path().join("repos/team")).unwrap();
        soon("their end", || names(&live) == ["a"]);
    }
    fs::rename(dir.path().join("repos"), dir.path().join("elsewhere")).unwrap();
    soon("nothing left", || names(&live).is_empty());
    fs::rename(dir.path().join("elsewhere"), dir.path().join("repos")).unwrap();
    soon("all back", || names(&live) == ["a"]);
    write(dir.path(), "repos/b.yaml", REPOSITORY);
    soon("a change in what came back", || names(&live) == ["a", "b"]);
}

#[test]
fn a_mount_that_is_swapped_by_a_symbolic_link_is_followed() {
    let dir = tempfile::tempdir().unwrap();
    for (version, name) in [("..1", "one"), ("..2", "two")] {
        write(dir.path(), &format!("{version}/credentials.yaml"), "credentials: {}\n");
        write(dir.path(), &format!("{version}/{name}.yaml"), REPOSITORY);
        symlink(format!("../..data/{name}.yaml"), dir.path().join(format!("{name}.yaml"))).unwrap();
    }
    symlink("..1", dir.path().join("..data")).unwrap();
    symlink("..data/credentials.yaml", dir.path().join("credentials.yaml")).unwrap();
    symlink("..data", dir.path().join("repos")).unwrap();
    let live = start(dir.path());
    assert!(names(&live).contains(&"one".to_owned()));
    symlink("..2", dir.path().join("..data_tmp")).unwrap();
    fs::rename(dir.path().join("..data_tmp"), dir.path().join("..data")).unwrap();
    let began = Instant::now();
    soon("the other version", || {
        let now = live.current();
        let has = |name: &str| now.compiled.sources.contains_key(name);
        has("repos/two.yaml") && !has("repos/one.yaml")
    });
    assert!(began.elapsed() < Duration::from_millis(1800), "what a link leads to is put in place with the link");
}

#[test]
fn a_configuration_reached_through_a_link_is_followed_to_its_next_version() {
    let dir = tempfile::tempdir().unwrap();
    for (version, name) in [("v1", "one"), ("v2", "two")] {
        write(dir.path(), &format!("{version}/credentials.yaml"), "credentials: {}\n");
        write(dir.path(), &format!("{version}/repos/{name}.yaml"), REPOSITORY);
    }
    symlink("v1", dir.path().join("current")).unwrap();
    let live = start(&dir.path().join("current"));
    assert_eq!(names(&live), ["one"]);
    symlink("v2", dir.path().join("next")).unwrap();
    fs::rename(dir.path().join("next"), dir.path().join("current")).unwrap();
    let began = Instant::now();
    soon("the next version", || names(&live) == ["two"] && !live.current().compiled.has_errors());
    assert!(began.elapsed() < Duration::from_millis(1800), "what a link leads to is put in place with the link");
}

#[test]
fn a_burst_is_one_change_or_few() {
    let dir = folder();
    let live = start(dir.path());
    for number in 0..200 {
        write(dir.path(), &format!("repos/burst/r{number}.yaml"), REPOSITORY);
    }
    soon("all of them", || names(&live).len() == 201 && !live.current().compiled.has_errors());
    let generation = live.current().generation;
    assert!(generation < 20, "{generation} generations");
}

#[test]
fn a_broken_repository_keeps_its_last_good_version() {
    let dir = folder();
    let live = start(dir.path());
    write(dir.path(), "repos/a.yaml", "repo: {type: dokcer}\n");
    soon("the diagnostic", || live.current().compiled.has_errors());
    assert_eq!(names(&live), ["a"]);
    assert!(live.current().compiled.held.contains_key("repos/a.yaml"));
    write(dir.path(), "repos/a.yaml", REPOSITORY);
    soon("the mend", || !live.current().compiled.has_errors());
}

#[test]
fn what_cannot_be_prepared_is_not_published_and_is_tried_again() {
    let dir = folder();
    let (broken, tries) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let prepare = {
        let (broken, tries) = (Arc::clone(&broken), Arc::clone(&tries));
        move |_: &Model| {
            tries.fetch_add(1, Ordering::SeqCst);
            if broken.load(Ordering::SeqCst) { Err("the disk is gone".to_owned()) } else { Ok(()) }
        }
    };
    let live = Live::start(dir.path(), Box::new(prepare)).unwrap();
    broken.store(true, Ordering::SeqCst);
    write(dir.path(), "repos/b.yaml", REPOSITORY);
    soon("the problem", || live.problem().is_some_and(|problem| problem.message == "the disk is gone"));
    assert_eq!((live.current().generation, names(&live)), (1, vec!["a".to_owned()]));
    broken.store(false, Ordering::SeqCst);
    assert_eq!(live.reload(), 2);
    assert!(live.problem().is_none());
    let before = tries.load(Ordering::SeqCst);
    assert_eq!(live.reload(), 2);
    assert_eq!(tries.load(Ordering::SeqCst), before, "nothing changed, and nothing is prepared");
}

#[test]
fn a_folder_that_disappears_changes_nothing() {
    let dir = folder();
    let moved = dir.path().with_extension("moved");
    let live = start(dir.path());
    fs::rename(dir.path(), &moved).unwrap();
    soon("the problem", || live.problem().is_some());
    assert_eq!((live.current().generation, names(&live)), (1, vec!["a".to_owned()]));
    write(&moved, "repos/b.yaml", REPOSITORY);
    fs::rename(&moved, dir.path()).unwrap();
    soon("what came back", || names(&live) == ["a", "b"]);
    assert!(live.problem().is_none());
}

#[test]
fn polling_notices_too() {
    let dir = folder();
    write(dir.path(), "registry.yaml", "reload: {mode: poll, interval: 1s}\n");
    let live = start(dir.path());
    write(dir.path(), "repos/b.yaml", REPOSITORY);
    soon("a new file", || names(&live) == ["a", "b"]);
}

#[test]
fn a_start_without_a_configuration_says_why() {
    let dir = folder();
    write(dir.path(), "credentials.yaml", "credentials: [");
    let result = Live::start(dir.path(), Box::new(|_| Ok(())));
    assert!(matches!(result, Err(StartError::Invalid(compiled)) if compiled.has_errors()));
    let result = Live::start(&dir.path().join("missing"), Box::new(|_| Ok(())));
    assert!(matches!(result, Err(StartError::Folder { .. })));
}

/// A repository that everyone may pull from.
const OPEN: &str = "repo:\n  type: docker\n  storage: default\n  permissions:\n    \"**\":\n      \"*\": [read]\n";

#[test]
fn half_a_file_is_not_in_force_and_the_rest_of_the_folder_is() {
    let dir = folder();
    let in_force =
        "credentials:\n  jane: {type: plain, pass: Harbour-2026}\n  joe: {type: plain, pass: Lighthouse-9}\n";
    write(dir.path(), "credentials.yaml", in_force);
    let live = start(dir.path());
    let text = |live: &Live, name: &str| live.current().compiled.sources.get(name).map(ToString::to_string);

    let mut halves = Vec::new();
    for (name, half) in
        [("credentials.yaml", "credentials:\n  jane: {type: plain, pass: Harbour-2026}\n"), ("repos/new.yaml", OPEN)]
    {
        let mut file = fs::File::create(dir.path().join(name)).unwrap();
        file.write_all(half.as_bytes()).unwrap();
        halves.push(file);
    }
    fs::remove_file(dir.path().join("repos/a.yaml")).unwrap();
    soon("the removal, at once", || !names(&live).contains(&"a".to_owned()));
    // Longer than a file without events is waited for.
    let until = Instant::now() + Duration::from_millis(2_500);
    while Instant::now() < until {
        assert_eq!(text(&live, "credentials.yaml").as_deref(), Some(in_force));
        assert_eq!(text(&live, "repos/new.yaml"), None);
        assert_eq!(live.reload(), live.current().generation);
        std::thread::sleep(Duration::from_millis(20));
    }
    let why = live.current().compiled.diagnostics.iter().any(|found| found.message.contains("still being written"));
    assert!(why, "{:?}", live.current().compiled.diagnostics);

    let mut credentials = halves.remove(0);
    credentials.write_all(b"  joe: {type: plain, pass: Lighthouse-9, enabled: false}\n").unwrap();
    drop(credentials);
    drop(halves);
    soon("the whole of it", || text(&live, "credentials.yaml").is_some_and(|text| text.ends_with("enabled: false}\n")));
    soon("the new one", || text(&live, "repos/new.yaml").as_deref() == Some(OPEN));
}

#[test]
fn a_normal_save_is_in_force_at_once() {
    let dir = folder();
    let live = start(dir.path());
    // Far below the age from which a file counts as complete without events.
    let at_once = |what: &str, text: &str| {
        let began = Instant::now();
        soon(what, || live.current().compiled.sources.get("repos/a.yaml").is_some_and(|now| now.contains(text)));
        assert!(began.elapsed() < Duration::from_millis(1800), "{what}: {:?}", began.elapsed());
    };
    let path = dir.path().join("repos/a.yaml");
    fs::write(&path, format!("{REPOSITORY}# written over\n")).unwrap();
    at_once("written over", "written over");
    fs::write(dir.path().join("repos/.a.tmp"), format!("{REPOSITORY}# renamed\n")).unwrap();
    fs::rename(dir.path().join("repos/.a.tmp"), &path).unwrap();
    at_once("renamed", "renamed");
    fs::remove_file(&path).unwrap();
    fs::write(&path, format!("{REPOSITORY}# as git does\n")).unwrap();
    at_once("removed and created", "as git does");
    fs::rename(&path, dir.path().join("repos/a.yaml~")).unwrap();
    fs::write(&path, format!("{REPOSITORY}# as vim does\n")).unwrap();
    at_once("moved aside and created", "as vim does");
    fs::write(dir.path().join("repos/.a.tmp"), format!("{REPOSITORY}# exchanged\n")).unwrap();
    let exchange = rustix::fs::RenameFlags::EXCHANGE;
    let done = rustix::fs::renameat_with(CWD, dir.path().join("repos/.a.tmp"), CWD, &path, exchange);
    // Not every file system can.
    if done.is_ok() {
        at_once("exchanged with another file", "exchanged");
    }
}

#[test]
fn polling_takes_no_half_file() {
    let dir = folder();
    write(dir.path(), "registry.yaml", "reload: {mode: poll, interval: 1s}\n");
    let live = start(dir.path());
    let text = |name: &str| live.current().compiled.sources.get(name).map(ToString::to_string);
    let mut file = fs::File::create(dir.path().join("repos/b.yaml")).unwrap();
    for line in OPEN.lines() {
        file.write_all(format!("{line}\n").as_bytes()).unwrap();
        live.reload();
        assert_eq!(text("repos/b.yaml"), None);
        std::thread::sleep(Duration::from_millis(400));
    }
    drop(file);
    soon("the whole file", || text("repos/b.yaml").as_deref() == Some(OPEN));
}

#[test]
fn what_editors_leave_beside_a_file_does_not_count() {
    let dir = folder();
    let live = start(dir.path());
    let path = dir.path().join("repos/a.yaml");
    // Emacs, vim, and a backup by hand.
    symlink("jane@host.1:2", dir.path().join("repos/.#a.yaml")).unwrap();
    for name in ["#a.yaml#", ".a.yaml.swp", "4913", "a.yaml~", "a.yaml.bak", "a.yaml.orig"] {
        fs::write(dir.path().join("repos").join(name), "nonsense: [").unwrap();
    }
    let edit = "s/permissions: {}/permissions: {jane: [read]}/";
    let done = std::process::Command::new("sed").args(["-i", edit]).arg(&path).status().unwrap();
    assert!(done.success());
    soon("the edit of `sed -i`", || live.current().compiled.sources["repos/a.yaml"].contains("jane"));
    assert_eq!(live.reload(), live.current().generation);
    let now = live.current();
    assert_eq!((names(&live), now.compiled.has_errors(), now.generation), (vec!["a".to_owned()], false, 2));
}

/// As many files are checked out; ten thousand with `PORTOLAN_FILES=10000`.
fn checkout_files() -> usize {
    std::env::var("PORTOLAN_FILES").ok().and_then(|files| files.parse().ok()).unwrap_or(1_000)
}

#[test]
fn a_checkout_of_many_files_is_followed_to_its_end_and_no_half_file_is_taken() {
    let dir = folder();
    write(dir.path(), "registry.yaml", "reload: {interval: 1s}\n");
    let git = |arguments: &[&str]| git(dir.path(), arguments);
    let text = |number: usize, version: &str| {
        let lines: String = (0..20).map(|line| format!("    user-{number}-{line}-{version}: [read]\n")).collect();
        REPOSITORY.replace(" {}", "") + &lines
    };
    git(&["init", "-q"]);
    let mut commits = Vec::new();
    for version in ["old", "new"] {
        for number in 0..checkout_files() {
            // Some are there in one version only.
            let is_gone = number % 10 == if version == "old" { 1 } else { 2 };
            let name = format!("repos/r{number}.yaml");
            match is_gone {
                true => drop(fs::remove_file(dir.path().join(name))),
                false => write(dir.path(), &name, &text(number, version)),
            }
        }
        git(&["add", "-A"]);
        git(&["commit", "-q", "-m", version]);
        commits.push(git(&["rev-parse", "HEAD"]));
    }
    git(&["checkout", "-q", &commits[0]]);
    let live = start(dir.path());
    let is_all = |now: &Published, version: &str, gone: usize| {
        (0..checkout_files()).all(|number| {
            let found = now.compiled.sources.get(format!("repos/r{number}.yaml").as_str());
            found.map(|found| &**found) == (number % 10 != gone).then(|| text(number, version)).as_deref()
        })
    };
    assert!(is_all(&live.current(), "old", 1));
    for (commit, version, gone) in [(1, "new", 2), (0, "old", 1), (1, "new", 2)] {
        let generation = live.current().generation;
        std::thread::scope(|scope| {
            let checkout = scope.spawn(|| git(&["checkout", "-q", &commits[commit]]));
            let mut looked_at = generation;
            loop {
                let is_done = checkout.is_finished();
                let now = live.current();
                if std::mem::replace(&mut looked_at, now.generation) != now.generation {
                    for number in 0..checkout_files() {
                        if let Some(found) = now.compiled.sources.get(format!("repos/r{number}.yaml").as_str()) {
                            assert!(
                                **found == text(number, "old") || **found == text(number, "new"),
                                "half a file: {found}"
                            );
                        }
                    }
                }
                if is_done {
                    break;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let began = Instant::now();
        while !is_all(&live.current(), version, gone) || live.current().commit.as_deref() != Some(&*commits[commit]) {
            assert!(began.elapsed() < Duration::from_secs(60), "{version}: {:?}", live.current().commit);
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(!live.current().compiled.has_errors(), "{:?}", live.current().compiled.diagnostics.first());
    }
}

#[test]
fn a_commit_that_changes_no_file_is_told_too() {
    let dir = folder();
    write(dir.path(), "registry.yaml", "reload: {interval: 1s}\n");
    let git = |arguments: &[&str]| git(dir.path(), arguments);
    git(&["init", "-q"]);
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "first"]);
    let live = start(dir.path());
    let first = git(&["rev-parse", "HEAD"]);
    soon("the commit", || live.current().commit.as_deref() == Some(&*first));
    git(&["commit", "-q", "--allow-empty", "-m", "second"]);
    let second = git(&["rev-parse", "HEAD"]);
    soon("the next commit", || live.current().commit.as_deref() == Some(&*second));
    assert_eq!(live.current().generation, 1);
}

#[test]
fn what_is_not_committed_is_not_told_as_the_commit() {
    let dir = folder();
    write(dir.path(), "registry.yaml", "reload: {interval: 1s}\n");
    let git = |arguments: &[&str]| git(dir.path(), arguments);
    git(&["init", "-q"]);
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "first"]);
    let live = start(dir.path());
    let first = git(&["rev-parse", "HEAD"]);
    soon("the commit", || live.current().commit.as_deref() == Some(&*first));
    write(dir.path(), "repos/new.yaml", REPOSITORY);
    soon("the new file", || live.current().generation == 2 && live.current().commit.is_some());
    assert_eq!(live.current().commit, Some(format!("{first}-dirty")));
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "second"]);
    let second = git(&["rev-parse", "HEAD"]);
    soon("the next commit", || live.current().commit.as_deref() == Some(&*second));
    assert_eq!(live.current().generation, 2);
}

#[test]
fn removals_that_are_too_many_stay_until_they_are_accepted() {
    let dir = folder();
    for name in ["b", "c", "d"] {
        write(dir.path(), &format!("repos/{name}.yaml"), REPOSITORY);
    }
    let live = start(dir.path());
    fs::rename(dir.path().join("repos"), dir.path().join("elsewhere")).unwrap();
    soon("the report", || !live.current().compiled.held_back.is_empty());
    assert_eq!(names(&live), ["a", "b", "c", "d"]);
    assert_eq!(live.current().compiled.held.len(), 4);
    let other = live.reload_accepting(Some("0".repeat(64)));
    assert!(!other.is_new && names(&live).len() == 4);
    let accepted = live.reload_accepting(other.hash.clone());
    assert!(accepted.is_new && accepted.published.compiled.is_as_written() && names(&live).is_empty());
    assert_eq!(accepted.hash, other.hash);
    assert!(!live.reload_accepting(other.hash).is_new);
}

/// Who may read `a` and all below: nobody, where the file for it is in force, and anybody by the one around it.
fn is_open(live: &Live) -> bool {
    let image = crate::oci::ImageName::parse("a/secret").unwrap();
    let current = live.current();
    let repository = current.model.snapshot.repository_of(&image);
    repository.is_none_or(|repository| &*repository.prefix != "a")
}

#[test]
fn a_file_that_moves_never_leaves_its_images_to_the_repository_around_it() {
    let dir = folder();
    write(
        dir.path(),
        "repos/all.yaml",
        "repo: {type: docker, storage: default, prefix: '', permissions: {'*': [read]}}\n",
    );
    write(dir.path(), "repos/a.yaml", "repo: {type: docker, storage: default, prefix: a, permissions: {}}\n");
    let live = start(dir.path());
    assert!(!is_open(&live));
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let mut looks = 0;
            while !stop.load(Ordering::SeqCst) {
                assert!(!is_open(&live), "open after {looks} looks: {:?}", live.current().compiled.sources.keys());
                looks += 1;
                std::thread::sleep(Duration::from_micros(200));
            }
        });
        for (from, to) in [("a", "deep/a"), ("deep/a", "b"), ("b", "deeper/still/a")] {
            let (from, to) = (format!("repos/{from}.yaml"), format!("repos/{to}.yaml"));
            fs::create_dir_all(dir.path().join(&to).parent().unwrap()).unwrap();
            let (old, new) = (dir.path().join(&from), dir.path().join(&to));
            // The new one is written, and not moved; git does it the other way round, with its lock.
            fs::write(new, fs::read_to_string(&old).unwrap()).unwrap();
            fs::remove_file(&old).unwrap();
            soon("the move", || {
                let sources = &live.current().compiled.sources;
                sources.contains_key(&*to) && !sources.contains_key(&*from) && !live.current().compiled.has_errors()
            });
        }
        stop.store(true, Ordering::SeqCst);
        watching.join().unwrap();
    });
}

#[test]
fn what_git_removes_while_it_writes_goes_when_it_is_done() {
    let dir = folder();
    write(dir.path(), ".git/HEAD", "ref: refs/heads/main\n");
    let live = start(dir.path());
    let (old, new) = (dir.path().join("repos/a.yaml"), dir.path().join("repos/b.yaml"));
    write(dir.path(), ".git/index.lock", "");
    fs::remove_file(&old).unwrap();
    std::thread::sleep(Duration::from_millis(400));
    live.reload();
    assert_eq!(names(&live), ["a"], "git is not done");
    fs::write(new, REPOSITORY).unwrap();
    soon("what is new", || names(&live) == ["a", "b"]);
    fs::remove_file(dir.path().join(".git/index.lock")).unwrap();
    soon("what is gone", || names(&live) == ["b"]);
}

#[test]
fn a_folder_that_cannot_be_read_holds_back_nothing_else() {
    let dir = folder();
    let live = start(dir.path());
    fs::rename(dir.path().join("repos"), dir.path().join("away")).unwrap();
    symlink("nowhere", dir.path().join("repos")).unwrap();
    write(dir.path(), "credentials.yaml", "credentials:\n  joe: {type: plain, pass: Harbour-2026}\n");
    soon("other users", || live.current().model.snapshot.user("joe").is_some());
    let now = live.current();
    assert_eq!(names(&live), ["a"], "what is in force stays");
    assert!(now.model.snapshot.user("jane").is_none());
    let told: Vec<_> = now.compiled.diagnostics.iter().map(|found| found.message.as_str()).collect();
    assert!(told.iter().any(|told| told.contains("the folder cannot be read")), "{told:?}");
    fs::remove_file(dir.path().join("repos")).unwrap();
    fs::rename(dir.path().join("away"), dir.path().join("repos")).unwrap();
    soon("all as written", || live.current().compiled.is_as_written());
}

#[test]
fn repositories_that_go_one_after_another_are_counted_together() {
    let dir = folder();
    for number in 0..40 {
        write(dir.path(), &format!("repos/r{number:02}.yaml"), REPOSITORY);
    }
    let live = start(dir.path());
    for number in 0..40 {
        fs::remove_file(dir.path().join(format!("repos/r{number:02}.yaml"))).unwrap();
        std::thread::sleep(Duration::from_millis(10));
    }
    soon("all removals", || !live.current().compiled.held_back.is_empty());
    let kept = live.current().compiled.held_back.repositories.len();
    assert!(kept > 30, "{kept} of 40 are kept");
}
