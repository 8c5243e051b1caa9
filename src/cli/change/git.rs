//! Commits of changed files: these and nothing else.

use std::collections::{BTreeSet, HashSet};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::cli::{Exit, Failure};

use super::place::{Root, Target};

/// What a hook is told of its repository, or what changes how paths are read.
const VARIABLES: [&str; 9] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_NAMESPACE",
    "GIT_LITERAL_PATHSPECS",
    "GIT_GLOB_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
];
/// How git ends where it is git that fails, and no hook.
const GIT_FAILED: i32 = 128;
/// So many lines are shown of what git or a hook has to say.
const LINES_MAX: usize = 20;

/// A work tree that can take a commit of some files.
#[derive(Debug)]
pub(super) struct Ready {
    /// The topmost folder.
    top: PathBuf,
    /// That of the configuration.
    folder: PathBuf,
    /// The files, below it.
    paths: Vec<PathBuf>,
    /// Those of them that are new.
    fresh: Vec<PathBuf>,
}

impl Ready {
    /// Finds out all that would keep git from committing the files, before anything is changed.
    pub(super) fn for_files(root: &Root, targets: &[Target]) -> Result<Self, Failure> {
        let top = top_of(&root.path)?;
        let folders: BTreeSet<&Path> = targets.iter().filter_map(|target| deepest(&target.path)).collect();
        if let Some(other) = folders.into_iter().find(|folder| top_of(folder).ok().as_ref() != Some(&top)) {
            return Err(refused(format!("`{}` belongs to another git repository", other.display()))
                .with_hint("leave out `--commit`, and commit there"));
        }
        for variable in ["GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT"] {
            run(&top, &["-c", "user.useConfigOnly=true", "var", variable]).map_err(|_| {
                Failure::new("git does not know who you are").with_hint(
                    "`git config user.name NAME` and `git config user.email ADDRESS` tell it; nothing was changed",
                )
            })?;
        }
        let below = |target: &Target| target.path.strip_prefix(&top).map(Path::to_path_buf).unwrap_or_default();
        let paths: Vec<PathBuf> = targets.iter().map(below).collect();
        let fresh = targets.iter().filter(|target| target.change.before.is_none()).map(below).collect();
        let ready = Self { top, folder: root.path.clone(), paths, fresh };
        ready.require_tracked(targets)?;
        ready.require_clean(targets)?;
        Ok(ready)
    }

    /// Files that git ignores, or whose changes it does not look for, cannot be committed.
    fn require_tracked(&self, targets: &[Target]) -> Result<(), Failure> {
        let mut asked = Vec::new();
        for path in &self.paths {
            asked.extend_from_slice(path.as_os_str().as_encoded_bytes());
            asked.push(0);
        }
        // It ends with 1 where none is.
        let ignored = output(command(&self.top).args(["check-ignore", "-z", "--stdin"]), &asked).map_err(not_run)?;
        if let Some(target) = self.first_of(targets, &paths_of(&ignored.stdout, 0)) {
            return Err(refused(format!("`{}` is ignored by git, so that it cannot be committed", target.shown))
                .with_hint("leave out `--commit`, or change `.gitignore`"));
        }
        let listed =
            output(command(&self.folder).args(["ls-files", "--full-name", "-v", "-z"]), &[]).map_err(not_run)?;
        let is_unseen = |entry: &&[u8]| entry.first().is_some_and(|tag| tag.is_ascii_lowercase() || *tag == b'S');
        let unseen: HashSet<&[u8]> =
            listed.stdout.split(|byte| *byte == 0).filter(is_unseen).filter_map(|entry| entry.get(2..)).collect();
        match self.first_of(targets, &unseen) {
            None => Ok(()),
            Some(target) => Err(refused(format!("git was told not to look for changes of `{}`", target.shown))
                .with_hint("`git update-index --no-assume-unchanged --no-skip-worktree FILE` ends that")),
        }
    }

    /// Changes that somebody else made to the files would become part of the commit.
    fn require_clean(&self, targets: &[Target]) -> Result<(), Failure> {
        let mut git = command(&self.folder);
        git.env("GIT_OPTIONAL_LOCKS", "0");
        git.args(["status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--", "."]);
        let status = output(&mut git, &[]).map_err(not_run)?;
        if !status.status.success() {
            return Err(Failure::new(format!("git cannot tell what changed: {}", said(&status))));
        }
        let changed = paths_of(&status.stdout, 3);
        let is_changed = |path: &&PathBuf| changed.contains(path.as_os_str().as_encoded_bytes());
        let named: Vec<String> = targets
            .iter()
            .zip(&self.paths)
            .filter(|(_, path)| is_changed(path))
            .map(|(target, _)| format!("`{}`", target.shown))
            .collect();
        if named.is_empty() {
            return Ok(());
        }
        let have = if named.len() == 1 { "has changes that are" } else { "have changes that are" };
        Err(refused(format!("{} {have} not committed, and that would become part of the commit", named.join(", ")))
            .with_hint("commit or stash them first, or leave out `--commit`"))
    }

    /// The first of the files whose path is among these.
    fn first_of<'t>(&self, targets: &'t [Target], paths: &HashSet<&[u8]>) -> Option<&'t Target> {
        let is_one = |path: &PathBuf| paths.contains(path.as_os_str().as_encoded_bytes());
        targets.iter().zip(&self.paths).find(|(_, path)| is_one(path)).map(|(target, _)| target)
    }

    /// Commits the files, and tells the commit's short name. Where it fails, git is as it was.
    pub(super) fn commit(&self, message: &[String]) -> Result<String, Failure> {
        let intend = |what: &[&str]| {
            let mut git = command(&self.top);
            let done = output(git.args(what).arg("--").args(self.pathspecs(&self.fresh)), &[]);
            done.map_err(not_run).and_then(|done| match done.status.success() {
                true => Ok(()),
                false => Err(Failure::new(format!("git cannot take in a new file: {}", said(&done)))),
            })
        };
        // Git commits by name only what it knows.
        if !self.fresh.is_empty() {
            intend(&["add", "--intent-to-add"])?;
        }
        let mut git = command(&self.top);
        git.args(["commit", "--quiet", "--only", "--cleanup=whitespace", "--file=-", "--"]);
        let committed = output(git.args(self.pathspecs(&self.paths)), text(message).as_bytes());
        let failed = match committed {
            Ok(committed) if committed.status.success() => None,
            Ok(committed) if committed.status.code() == Some(GIT_FAILED) => {
                Some(Failure::new(format!("git cannot commit: {}", said(&committed))))
            }
            Ok(committed) if committed.status.code().is_none() => {
                Some(Failure::new("git was ended by a signal before it had committed"))
            }
            Ok(committed) => Some(refused(format!("a hook refused the commit: {}", said(&committed)))),
            Err(error) => Some(not_run(error)),
        };
        if let Some(failure) = failed {
            if !self.fresh.is_empty() {
                // What cannot be undone here is told by `git status`.
                let _ = intend(&["rm", "--cached", "--quiet", "--force", "--ignore-unmatch"]);
            }
            return Err(failure);
        }
        Ok(run(&self.top, &["rev-parse", "--short", "HEAD"]).unwrap_or_else(|_| "HEAD".to_owned()))
    }

    fn pathspecs(&self, paths: &[PathBuf]) -> Vec<std::ffi::OsString> {
        let spec = |path: &PathBuf| {
            let mut spec = std::ffi::OsString::from(":(top,literal)");
            spec.push(path);
            spec
        };
        paths.iter().map(spec).collect()
    }
}

/// Whether `git add` would take a file: it lies in a work tree, and is not ignored.
pub(super) fn would_take(file: &Path) -> bool {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Some(name) = file.file_name() else { return false };
    // It ends with 0 where the file is ignored, and with 128 where there is no work tree.
    let asked = output(command(folder).args(["check-ignore", "--quiet", "--"]).arg(name), &[]);
    asked.is_ok_and(|asked| asked.status.code() == Some(1))
}

/// A subject line, and below it what else is to be said.
fn text(message: &[String]) -> String {
    let (first, rest) = message.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
    match rest {
        [] => format!("{first}\n"),
        rest => format!("{first}\n\n{}\n", rest.join("\n")),
    }
}

/// The folder of a file, or the one around that is there.
fn deepest(path: &Path) -> Option<&Path> {
    path.ancestors().skip(1).find(|folder| folder.is_dir())
}

fn top_of(folder: &Path) -> Result<PathBuf, Failure> {
    let top = run(folder, &["rev-parse", "--show-toplevel"]).map_err(|why| {
        let failure = Failure::new(format!("`{}` cannot be committed to: {why}", folder.display()));
        if why.contains("dubious ownership") {
            return failure
                .with_hint("`git config --global --add safe.directory DIR` trusts the repository of another user");
        }
        failure.with_hint("`--commit` needs a configuration folder in a git work tree; nothing was changed")
    })?;
    Path::new(&top).canonicalize().map_err(|error| Failure::new(format!("cannot read `{top}`: {error}")))
}

/// Git, for the repository that a folder lies in.
fn command(folder: &Path) -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(folder);
    for variable in VARIABLES {
        git.env_remove(variable);
    }
    git.env("LC_ALL", "C");
    git
}

/// Runs it with something on stdin, and gives all that it prints.
fn output(git: &mut Command, stdin: &[u8]) -> io::Result<Output> {
    let mut child = git.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let pipe = child.stdin.take();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Git that ends before it has read everything has said why.
            let _ = pipe.map(|mut pipe| pipe.write_all(stdin));
        });
        child.wait_with_output()
    })
}

/// What git prints, without the line end, or what it has against it.
fn run(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = output(command(folder).args(arguments), &[]).map_err(|error| not_run(error).message)?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned()),
        false => Err(said(&output).lines().last().unwrap_or("`git` failed").trim_start_matches("fatal: ").to_owned()),
    }
}

/// The paths in what git prints, each behind so many bytes.
fn paths_of(printed: &[u8], behind: usize) -> HashSet<&[u8]> {
    printed.split(|byte| *byte == 0).filter_map(|entry| entry.get(behind..)).filter(|path| !path.is_empty()).collect()
}

fn said(output: &Output) -> String {
    let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat();
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let lines = lines.get(lines.len().saturating_sub(LINES_MAX)..).unwrap_or_default();
    if lines.is_empty() { "it does not say why".to_owned() } else { lines.join("; ") }
}

fn not_run(error: io::Error) -> Failure {
    Failure::new(format!("`git` cannot be run: {error}"))
}

fn refused(why: String) -> Failure {
    Failure::new(why).with_exit(Exit::No)
}
