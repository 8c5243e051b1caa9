//! `portolan completions`: scripts with which shells complete commands, options, and the names of the folder.
//!
//! A script asks this very program for what may follow. Names come from files that others may have written, so that
//! only those are offered which no shell reads as anything but a name.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::CompletionCandidate;
use clap_complete::env::{CompleteEnv, Shells};
use jiff::Timestamp;

use crate::edit::Folder;
use crate::live;

use super::{Arguments, Exit, Failure, output};

/// Set by the scripts when they ask.
const VARIABLE: &str = "PORTOLAN_COMPLETE";
/// The command that is completed, and that answers.
const PROGRAM: &str = "portolan";

#[derive(Debug, Args)]
pub(super) struct CompletionsArguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
    Elvish,
    Powershell,
}

pub(super) fn run(arguments: &CompletionsArguments) -> Result<Exit, Failure> {
    let name = match arguments.shell {
        Shell::Bash => "bash",
        Shell::Zsh => "zsh",
        Shell::Fish => "fish",
        Shell::Elvish => "elvish",
        Shell::Powershell => "powershell",
    };
    let mut script = Vec::new();
    let shells = Shells::builtins();
    let shell = shells.completer(name).ok_or_else(|| Failure::new(format!("`{name}` cannot be completed for")))?;
    shell
        .write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut script)
        .map_err(|error| Failure::new(format!("cannot make the script: {error}")))?;
    output::result(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}

/// Answers a script, where it is one that asks. `None`: it is not.
pub(super) fn answer(arguments: &[OsString]) -> Option<Exit> {
    std::env::var_os(VARIABLE)?;
    let here = std::env::current_dir().ok();
    let asked = CompleteEnv::with_factory(Arguments::command).var(VARIABLE).bin(PROGRAM).completer(PROGRAM);
    match asked.try_complete(arguments.iter().cloned(), here.as_deref()) {
        Ok(true) => Some(Exit::Done),
        Ok(false) => None,
        Err(error) => {
            // Nobody is left to be told where printing fails.
            let _ = error.print();
            Some(Exit::Usage)
        }
    }
}

/// The names of the users.
pub(super) fn users(current: &OsStr) -> Vec<CompletionCandidate> {
    offered(current, |folder| owned(folder.user_names(), ""))
}

/// The names of the groups, without a slash.
pub(super) fn groups(current: &OsStr) -> Vec<CompletionCandidate> {
    offered(current, |folder| owned(folder.group_names(), ""))
}

/// The names of the repositories.
pub(super) fn repositories(current: &OsStr) -> Vec<CompletionCandidate> {
    offered(current, |folder| owned(folder.repository_names(), ""))
}

/// The aliases of the storages.
pub(super) fn storages(current: &OsStr) -> Vec<CompletionCandidate> {
    offered(current, |folder| owned(folder.storage_names(), ""))
}

/// Users, and groups with their slash.
pub(super) fn subjects(current: &OsStr) -> Vec<CompletionCandidate> {
    offered(current, |folder| [owned(folder.user_names(), ""), owned(folder.group_names(), "/")].concat())
}

/// The words for what may be granted.
pub(super) fn operations(current: &OsStr) -> Vec<CompletionCandidate> {
    let words = ["read", "write", "delete"].into_iter();
    words.filter(|word| current.to_str().is_some_and(|typed| word.starts_with(typed))).map(Into::into).collect()
}

fn owned(names: Vec<&str>, before: &str) -> Vec<String> {
    names.into_iter().map(|name| format!("{before}{name}")).collect()
}

/// Those names of the folder that begin with what is typed. A folder that cannot be read has none.
fn offered(current: &OsStr, names: impl Fn(&Folder) -> Vec<String>) -> Vec<CompletionCandidate> {
    let (Some(current), Ok(tree)) = (current.to_str(), live::read(&folder(std::env::args_os()))) else {
        return Vec::new();
    };
    let names = names(&Folder::new(tree, Timestamp::now()));
    let fitting = names.into_iter().filter(|name| name.starts_with(current) && is_plain(name));
    fitting.map(CompletionCandidate::new).collect()
}

/// Whether a shell takes a text for nothing but itself.
fn is_plain(name: &str) -> bool {
    let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/' || c == '_');
    begins && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._@+-/".contains(&byte))
}

/// The folder that the typed command names, or that it would read.
fn folder(words: impl Iterator<Item = OsString>) -> PathBuf {
    let mut words = words.skip_while(|word| word != "--").skip(1);
    while let Some(word) = words.next() {
        if word == "--config" {
            return words.next().unwrap_or_default().into();
        }
        if let Some(folder) = word.to_str().and_then(|word| word.strip_prefix("--config=")) {
            return folder.into();
        }
    }
    std::env::var_os("PORTOLAN_CONFIG").filter(|folder| !folder.is_empty()).map_or_else(|| ".".into(), PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_offered() {
        for name in ["jane", "jane.doe+x@example.com", "team-a/backend", "/readers", "0_x"] {
            assert!(is_plain(name), "{name}");
        }
        for name in
            ["", "*", "/*", "-x", "a b", "$(id)", "`id`", "a;b", "a'b", "a\"b", "a\nb", "a\\b", "~x", "ä", "a|b", "!a"]
        {
            assert!(!is_plain(name), "{name}");
        }
    }

    #[test]
    fn the_folder_is_the_one_that_is_typed() {
        let of = |words: &[&str]| folder(words.iter().map(OsString::from));
        assert_eq!(of(&["portolan", "--", "portolan", "user", "show", "--config", "conf", ""]), PathBuf::from("conf"));
        assert_eq!(of(&["portolan", "--", "portolan", "user", "--config=a=b", ""]), PathBuf::from("a=b"));
    }
}
