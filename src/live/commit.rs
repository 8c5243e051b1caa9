//! Which git commit a folder is at, asked of `git` itself.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::read::Stamp;

/// Longer is not waited.
const PATIENCE: Duration = Duration::from_secs(2);
/// Longer is not waited until git has looked at all files: meanwhile no change is taken.
const STATUS_PATIENCE: Duration = Duration::from_millis(500);
/// No more is read of what git says.
const ANSWER_MAX_BYTES: u64 = 4096;

/// What follows the name of a commit where the folder is not as the commit is; as `git describe` writes it.
const DIRTY: &str = "-dirty";

/// The files of a configuration, as patterns of git.
const FILES: &[&str] = &[
    ":(glob)registry.y*ml",
    ":(glob)credentials.y*ml",
    ":(glob)_credentials.y*ml",
    ":(glob)storages.y*ml",
    ":(glob)_storages.y*ml",
    ":(glob)repos/**/*.y*ml",
    ":(glob)tests/**/*.y*ml",
];

/// An older lock is not believed.
const LOCK_AGE: Duration = Duration::from_secs(60);

/// A commit and who made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Commit {
    /// The object name, hexadecimal; with `-dirty` behind it where the folder is not as this commit is.
    pub(super) id: String,
    /// The author's name; `None` where the folder is not as the commit is.
    pub(super) author: Option<String>,
}

/// What changes whenever another commit is checked out, without asking git: two equal marks mean the same
/// commit. `None` where the folder is no work tree.
pub(super) fn mark(folder: &Path) -> Option<Vec<Option<Stamp>>> {
    let git = git_folder(folder)?;
    let stamp = |name: &str| fs::metadata(git.join(name)).ok().map(|meta| Stamp::of(&meta));
    Some(["HEAD", "logs/HEAD", "refs/heads", "packed-refs"].map(stamp).to_vec())
}

/// Whether git writes the index of the work tree that a folder lies in, and with it perhaps its files.
pub(super) fn is_writing(folder: &Path) -> bool {
    let lock = git_folder(folder).and_then(|git| fs::metadata(git.join("index.lock")).ok());
    // One that a git left behind which died tells nothing.
    let age = lock.and_then(|lock| lock.modified().ok()?.elapsed().ok());
    age.is_some_and(|age| age < LOCK_AGE)
}

fn git_folder(folder: &Path) -> Option<PathBuf> {
    let folder = std::path::absolute(folder).ok()?;
    let dot_git = folder.ancestors().map(|above| above.join(".git")).find(|path| path.exists())?;
    // In a work tree of several, a file says where its part of the repository is.
    match fs::read_to_string(&dot_git) {
        Ok(text) => Some(dot_git.parent()?.join(text.strip_prefix("gitdir:")?.trim())),
        Err(_) => Some(dot_git),
    }
}

/// The commit that is checked out; `None` where the folder is no work tree, or git is missing or slow.
pub(super) fn head(folder: &Path) -> Option<Commit> {
    let log = ["-c", "log.showSignature=false", "log", "-1", "--no-color", "--format=%H%n%an"];
    let (is_done, text) = ask(folder, &log, PATIENCE)?;
    let mut lines = text.lines();
    let (id, author) = (lines.next()?, lines.next().unwrap_or_default());
    let is_id = id.len() >= 40 && id.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_done || !is_id {
        return None;
    }
    Some(match is_dirty(folder, id)? {
        // Nobody made what is there, as far as git knows.
        true => Commit { id: format!("{id}{DIRTY}"), author: None },
        false => Commit { id: id.to_owned(), author: Some(author.to_owned()) },
    })
}

/// Whether a file of the configuration is not as it is in the commit that is checked out; `None` where that
/// cannot be said in time, or another commit was checked out meanwhile.
fn is_dirty(folder: &Path, id: &str) -> Option<bool> {
    let status = [
        // A program that a repository names is not started.
        "-c",
        "core.fsmonitor=false",
        "status",
        "--porcelain=v2",
        "--branch",
        "--no-ahead-behind",
        "--untracked-files=all",
        // What is ignored is read all the same.
        "--ignored=traditional",
        "--",
    ];
    let (is_done, text) = ask(folder, &[&status[..], FILES].concat(), STATUS_PATIENCE)?;
    let is_same = text.lines().any(|line| line.strip_prefix("# branch.oid ") == Some(id));
    let is_dirty = text.lines().any(|line| !line.starts_with('#'));
    // Where there is much to tell, git ends before it has told all.
    (is_same && (is_done || is_dirty)).then_some(is_dirty)
}

/// Asks git; gives whether it succeeded, and the beginning of what it says. `None` where it is missing or slow.
fn ask(folder: &Path, arguments: &[&str], limit: Duration) -> Option<(bool, String)> {
    let mut git = super::git::command(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let out = git.stdout.take()?;
    let reader = std::thread::spawn(move || {
        let mut said = Vec::new();
        // What could not be read was not said.
        let _ = out.take(ANSWER_MAX_BYTES).read_to_end(&mut said);
        String::from_utf8_lossy(&said).into_owned()
    });
    let began = Instant::now();
    loop {
        match git.try_wait() {
            Ok(Some(status)) => return Some((status.success(), reader.join().ok()?)),
            Ok(None) if began.elapsed() < limit => std::thread::sleep(Duration::from_millis(2)),
            _ => {
                let _ = git.kill();
                let _ = git.wait();
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn knows_the_commit_of_a_work_tree_and_of_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!((head(dir.path()), mark(dir.path())), (None, None));
        let git = |args: &[&str]| {
            let done = Command::new("git").arg("-C").arg(dir.path()).args(args).output().unwrap();
            assert!(done.status.success(), "{done:?}");
        };
        git(&["init", "-q"]);
        assert_eq!(head(dir.path()), None);
        let who = ["-c", "user.name=Jane Doe", "-c", "user.email=jane@example.com"];
        git(&[&who[..], &["commit", "-q", "--allow-empty", "-m", "first"]].concat());
        let commit = head(dir.path()).unwrap();
        assert_eq!((commit.id.len(), commit.author.as_deref()), (40, Some("Jane Doe")));

        let (below, other) = (dir.path().join("below"), dir.path().join("other"));
        fs::create_dir(&below).unwrap();
        git(&["worktree", "add", "-q", "--detach", other.to_str().unwrap()]);
        let places = [dir.path(), &below, &other];
        let before = places.map(mark);
        assert_eq!(before, places.map(mark));
        assert!(before.iter().all(Option::is_some));
        git(&[&who[..], &["commit", "-q", "--allow-empty", "-m", "second"]].concat());
        let after = places.map(mark);
        assert!(before[0] != after[0] && before[1] != after[1] && before[2] == after[2]);
    }

    #[test]
    fn a_folder_that_is_not_as_its_commit_is_has_no_author() {
        let dir = tempfile::tempdir().unwrap();
        let conf = dir.path().join("conf");
        let git = |args: &[&str]| {
            let who = ["-c", "user.name=Jane Doe", "-c", "user.email=jane@example.com"];
            let done = Command::new("git").arg("-C").arg(dir.path()).args(who).args(args).output().unwrap();
            assert!(done.status.success(), "{done:?}");
        };
        let write = |name: &str, text: &str| {
            let path = conf.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        git(&["init", "-q"]);
        fs::write(dir.path().join(".gitignore"), "secret.yaml\nconf/data\n").unwrap();
        write("repos/a.yaml", "one");
        write("repos/team/b.yml", "one");
        git(&["add", "."]);
        git(&["commit", "-q", "-m", "first"]);
        let clean = head(&conf).unwrap();
        assert_eq!((clean.id.len(), clean.author.as_deref()), (40, Some("Jane Doe")));

        // What is no part of the configuration does not count.
        for other in ["../README.md", "other.yaml", "repos/notes.md", "data/blob", "data/repos/a.yaml"] {
            write(other, "other");
        }
        assert_eq!(head(&conf).as_ref(), Some(&clean));
        let dirty = Some(Commit { id: format!("{}-dirty", clean.id), author: None });
        let is_dirty_until = |what: &str, end: &dyn Fn()| {
            assert_eq!(head(&conf), dirty, "{what}");
            end();
            assert_eq!(head(&conf).as_ref(), Some(&clean), "{what}");
        };
        for name in [
            "registry.yaml",
            "_credentials.yml",
            "storages.yaml",
            "repos/new/c.yaml",
            "tests/a.yml",
            "repos/secret.yaml",
        ] {
            write(name, "new");
            is_dirty_until(name, &|| fs::remove_file(conf.join(name)).unwrap());
        }
        let restore = || git(&["checkout", "-q", "HEAD", "--", "conf/repos"]);
        write("repos/a.yaml", "two");
        is_dirty_until("changed", &restore);
        fs::remove_file(conf.join("repos/team/b.yml")).unwrap();
        is_dirty_until("removed", &restore);
        write("repos/a.yaml", "two");
        git(&["add", "."]);
        is_dirty_until("staged", &restore);
        // More than is read.
        for number in 0..300 {
            write(&format!("repos/a-name-of-some-length-{number}.yaml"), "new");
        }
        assert_eq!(head(&conf), dirty);
    }

    /// Prints how long git takes; as many files with `PORTOLAN_FILES`.
    #[test]
    #[ignore = "measures"]
    fn time_of_a_folder_of_many_files() {
        let dir = tempfile::tempdir().unwrap();
        let git = |args: &[&str]| {
            let who = ["-c", "user.name=Jane Doe", "-c", "user.email=jane@example.com"];
            let done = Command::new("git").arg("-C").arg(dir.path()).args(who).args(args).output().unwrap();
            assert!(done.status.success(), "{done:?}");
        };
        let files: usize = std::env::var("PORTOLAN_FILES").ok().and_then(|files| files.parse().ok()).unwrap_or(10_000);
        let write = |number: usize| fs::write(dir.path().join(format!("repos/r{number}.yaml")), "one").unwrap();
        fs::create_dir(dir.path().join("repos")).unwrap();
        (0..files).for_each(write);
        git(&["init", "-q"]);
        git(&["add", "."]);
        git(&["commit", "-q", "-m", "first"]);
        for what in ["as git knows them", "with other time stamps"] {
            for _ in 0..3 {
                let began = Instant::now();
                let commit = head(dir.path());
                println!("{files} files {what}: {:?}, {commit:?}", began.elapsed());
            }
            (0..files).for_each(write);
        }
    }
}
