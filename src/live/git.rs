//! Runs `git` and says in other words what it has against something.

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Git, for the repository that a folder lies in.
pub(super) fn command(folder: &Path) -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(folder);
    // A hook is told of its repository so. What counts is the one that the folder lies in.
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_NAMESPACE"] {
        git.env_remove(variable);
    }
    git.env("GIT_OPTIONAL_LOCKS", "0").env("GIT_TERMINAL_PROMPT", "0").env("GIT_NO_LAZY_FETCH", "1").env("LC_ALL", "C");
    git
}

/// What git prints, or the first line of what it has against it.
pub(super) fn run(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let mut git = command(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("`git` cannot be run: {error}"))?;
    // A line or two each: the one that is not read yet fits in its pipe.
    let (mut text, mut complaint) = (String::new(), String::new());
    let read = git.stdout.take().map(|stdout| stdout.take(1 << 16).read_to_string(&mut text));
    let complained = git.stderr.take().map(|stderr| stderr.take(1 << 16).read_to_string(&mut complaint));
    let status = git.wait().map_err(|error| format!("`git` cannot be run: {error}"))?;
    if status.success() && matches!(read, Some(Ok(_))) {
        return Ok(text);
    }
    let first = complained.and_then(|_| complaint.lines().next()).unwrap_or("`git` failed");
    Err(first.trim_start_matches("fatal: ").to_owned())
}

/// What git says of a revision, and what to do about it: for some of it, git has words that help nobody.
pub(super) fn explained(folder: &Path, why: String) -> (String, Option<String>) {
    let (why, hint) = match why {
        why if why.contains("dubious ownership") => {
            (why, "`git config --global --add safe.directory DIR` trusts a repository of another user")
        }
        why if why.contains("not a git repository") => (
            why,
            "a revision is looked up in the git repository of the configuration folder: give that with `--config`",
        ),
        why if why.contains("Needed a single revision") => {
            let is_shallow = run(folder, &["rev-parse", "--is-shallow-repository"]).is_ok_and(|text| text == "true\n");
            match is_shallow {
                true => (
                    "no such commit is here, and this clone is shallow".to_owned(),
                    "fetch more history: `fetch-depth: 0` of actions/checkout, `GIT_DEPTH: 0` of GitLab, or `git fetch \
                     --unshallow`",
                ),
                false => (
                    "no such branch, tag or commit is here".to_owned(),
                    "`git fetch` brings what only the remote has; a revision is looked up in the git repository of the \
                     configuration folder, which `--config` names",
                ),
            }
        }
        why => return (why, None),
    };
    (why, Some(hint.to_owned()))
}
