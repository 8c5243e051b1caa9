//! Which git commit a folder is at, asked of `git` itself.

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Longer is not waited.
const PATIENCE: Duration = Duration::from_secs(2);

/// A commit and who made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Commit {
    /// The object name, hexadecimal.
    pub(super) id: String,
    /// The author's name.
    pub(super) author: String,
}

/// The commit that is checked out; `None` where the folder is no work tree, or git is missing or slow.
pub(super) fn head(folder: &Path) -> Option<Commit> {
    let mut git = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(["-c", "log.showSignature=false", "log", "-1", "--no-color", "--format=%H%n%an"])
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let began = Instant::now();
    let status = loop {
        match git.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if began.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(2)),
            _ => {
                let _ = git.kill();
                let _ = git.wait();
                return None;
            }
        }
    };
    // Two short lines: they fit in the pipe, so that git could end without being read.
    let mut text = String::new();
    git.stdout.take()?.take(4096).read_to_string(&mut text).ok()?;
    let mut lines = text.lines();
    let (id, author) = (lines.next()?, lines.next().unwrap_or_default());
    let is_id = id.len() >= 40 && id.bytes().all(|b| b.is_ascii_hexdigit());
    (status.success() && is_id).then(|| Commit { id: id.to_owned(), author: author.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_commit_of_a_work_tree_and_of_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(head(dir.path()), None);
        let git = |args: &[&str]| {
            let done = Command::new("git").arg("-C").arg(dir.path()).args(args).output().unwrap();
            assert!(done.status.success(), "{done:?}");
        };
        git(&["init", "-q"]);
        assert_eq!(head(dir.path()), None);
        let who = ["-c", "user.name=Jane Doe", "-c", "user.email=jane@example.com"];
        git(&[&who[..], &["commit", "-q", "--allow-empty", "-m", "first"]].concat());
        let commit = head(dir.path()).unwrap();
        assert_eq!((commit.id.len(), commit.author.as_str()), (40, "Jane Doe"));
    }
}
