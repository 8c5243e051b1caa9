//! `portolan wait`: until a running server enforces a configuration.

use std::time::{Duration, Instant};

use clap::Args;

use crate::config::parse_duration;

use super::remote::{Remote, Server, Status};
use super::status::{Format, human};
use super::{Exit, Failure, output};

/// How often the server is asked.
const PAUSE: Duration = Duration::from_millis(100);
/// Shorter beginnings of a commit's name may be those of another.
const COMMIT_MIN_CHARS: usize = 7;

#[derive(Debug, Args)]
pub(super) struct WaitArguments {
    #[command(flatten)]
    wanted: Wanted,
    #[command(flatten)]
    server: Server,
    /// How long to wait at most
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration)]
    timeout: Duration,
    /// How to print the status at the end
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// What is waited for.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Wanted {
    /// Until this generation, or a later one, is in force; a restarted server counts from 1 again
    #[arg(long, value_name = "NUMBER")]
    generation: Option<u64>,
    /// Until the folder with this content hash is in force as it is written
    #[arg(long, value_name = "HASH")]
    hash: Option<String>,
    /// Until the folder at this git commit is in force as it is written
    #[arg(long, value_name = "COMMIT", value_parser = commit)]
    commit: Option<String>,
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "write a whole number and its unit: `30s`, `5m`".to_owned())
}

fn commit(text: &str) -> Result<String, String> {
    let is_name = text.len() >= COMMIT_MIN_CHARS && text.bytes().all(|b| b.is_ascii_hexdigit());
    is_name.then(|| text.to_ascii_lowercase()).ok_or_else(|| "write at least 7 digits of the commit's name".to_owned())
}

/// What a status means for who waits.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Reached,
    /// It is there, and not as written: waiting longer does not help by itself.
    Deviates,
    NotYet,
}

impl Wanted {
    fn judge(&self, status: &Status) -> Verdict {
        let is_there = match self {
            Self { generation: Some(generation), .. } => return reached(status.generation >= *generation),
            Self { hash: Some(hash), .. } => status.hash == *hash,
            Self { commit: Some(wanted), .. } => {
                let is_it = |commit: &String| commit.starts_with(wanted.as_str());
                status.commit.as_ref().filter(|_| !status.is_dirty()).is_some_and(is_it)
            }
            Self { generation: None, hash: None, commit: None } => false,
        };
        match (is_there, status.in_force_as_written) {
            (true, false) => Verdict::Deviates,
            (is_there, _) => reached(is_there),
        }
    }

    /// What to say of a status that is still not the wanted one.
    fn why_late(&self, status: &Status) -> String {
        let why = match (&self.commit, &status.commit) {
            (Some(_), Some(commit)) if status.is_dirty() => format!(
                ": the server's folder is at `{commit}`, which means that files of the configuration are not as \
                 they were committed; look at `git status --ignored` there"
            ),
            (Some(_), None) => ": the server does not know at which commit its folder is".to_owned(),
            (Some(_), Some(commit)) => format!(": the server's folder is at `{commit}`"),
            (None, _) => String::new(),
        };
        format!("not in force in time{why}")
    }
}

fn reached(is_there: bool) -> Verdict {
    if is_there { Verdict::Reached } else { Verdict::NotYet }
}

pub(super) fn run(arguments: &WaitArguments) -> Result<Exit, Failure> {
    let remote = Remote::new(&arguments.server)?;
    let began = Instant::now();
    loop {
        let asked = remote.status(None);
        let is_late = began.elapsed() >= arguments.timeout;
        let answer = match asked {
            Ok(answer) => answer,
            // It may be restarting.
            Err(failure) if is_late => return Err(failure),
            Err(_) => {
                std::thread::sleep(PAUSE);
                continue;
            }
        };
        let status = Status::of(&answer).ok_or_else(|| Failure::new("the answer cannot be read"))?;
        let (exit, why) = match arguments.wanted.judge(&status) {
            Verdict::Reached => (Exit::Done, None),
            Verdict::Deviates => {
                let why = status.deviations().join(", ");
                (Exit::No, Some(format!("it is there, but not in force as written: {why}")))
            }
            Verdict::NotYet if is_late => (Exit::No, Some(arguments.wanted.why_late(&status))),
            Verdict::NotYet => {
                std::thread::sleep(PAUSE);
                continue;
            }
        };
        match arguments.format {
            Format::Human => output::result(&human(&status))?,
            Format::Json => output::result(&format!("{answer}\n"))?,
        }
        return match why {
            None => Ok(exit),
            Some(why) => Err(Failure::new(why).with_exit(exit)),
        };
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judge(wanted: &Wanted, as_written: bool) -> Verdict {
        let status = json!({
            "generation": 7, "hash": "aa", "commit": "c0ffee00aa", "since": "", "errors": u64::from(!as_written),
            "warnings": 0, "in_force_as_written": as_written, "reload_failed": null,
        });
        wanted.judge(&Status::of(&status).unwrap())
    }

    #[test]
    fn a_generation_is_reached_by_a_later_one_too() {
        for (generation, verdict) in [(6, Verdict::Reached), (7, Verdict::Reached), (8, Verdict::NotYet)] {
            let wanted = Wanted { generation: Some(generation), hash: None, commit: None };
            assert_eq!(judge(&wanted, true), verdict, "{generation}");
            assert_eq!(judge(&wanted, false), verdict, "{generation}");
        }
    }

    #[test]
    fn a_tree_is_reached_when_it_is_in_force_as_it_is_written() {
        let hash = |hash: &str| Wanted { generation: None, hash: Some(hash.to_owned()), commit: None };
        let commit = |commit: &str| Wanted { generation: None, hash: None, commit: Some(commit.to_owned()) };
        for (wanted, there) in
            [(hash("aa"), true), (hash("a"), false), (commit("c0ffee0"), true), (commit("c0ffee1"), false)]
        {
            let expected =
                if there { [Verdict::Reached, Verdict::Deviates] } else { [Verdict::NotYet, Verdict::NotYet] };
            assert_eq!([judge(&wanted, true), judge(&wanted, false)], expected, "{wanted:?}");
        }
    }

    #[test]
    fn a_commit_is_not_reached_by_a_folder_with_other_changes() {
        let wanted = Wanted { generation: None, hash: None, commit: Some("c0ffee0".to_owned()) };
        let mut status = json!({
            "generation": 7, "hash": "aa", "commit": "c0ffee00aa-dirty", "since": "", "errors": 0, "warnings": 0,
            "in_force_as_written": true, "reload_failed": null,
        });
        let dirty = Status::of(&status).unwrap();
        assert_eq!(wanted.judge(&dirty), Verdict::NotYet);
        let why = wanted.why_late(&dirty);
        assert!(why.starts_with("not in force in time: the server's folder is at `c0ffee00aa-dirty`, "), "{why}");
        status["commit"] = json!(null);
        assert!(wanted.why_late(&Status::of(&status).unwrap()).contains("does not know"));
        let other = Wanted { generation: None, hash: Some("bb".to_owned()), commit: None };
        assert_eq!(other.why_late(&dirty), "not in force in time");
    }

    #[test]
    fn short_names_of_commits_are_refused() {
        assert!(commit("c0ffee").is_err() && commit("HEAD-or-so").is_err());
        assert_eq!(commit("C0FFEE0").unwrap(), "c0ffee0");
    }
}
