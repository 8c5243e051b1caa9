//! `portolan status`: which configuration a running server enforces.

use clap::{Args, ValueEnum};

use super::remote::{Credentials, Remote, Server, Status};
use super::render::visible;
use super::{Exit, Failure, output};

#[derive(Debug, Args)]
pub(super) struct StatusArguments {
    #[command(flatten)]
    server: Server,
    /// Signs in as this admin, who is told what is wrong; the password comes from PORTOLAN_PASSWORD or stdin
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// The form of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Human,
    /// The server's answer, one JSON object
    Json,
}

pub(super) fn run(arguments: &StatusArguments) -> Result<Exit, Failure> {
    let credentials = arguments.user.as_deref().map(Credentials::read).transpose()?;
    let answer = Remote::new(&arguments.server)?.status(credentials.as_ref())?;
    let status = Status::of(&answer).ok_or_else(|| Failure::new("the answer cannot be read"))?;
    if let (Some(user), None) = (&arguments.user, answer.get("diagnostics")) {
        output::note(&format!("note: `{}` is no admin, and what is wrong is told to admins only\n", visible(user)));
    }
    match arguments.format {
        Format::Human => output::result(&human(&status))?,
        Format::Json => output::result(&format!("{answer}\n"))?,
    }
    Ok(if status.in_force_as_written { Exit::Done } else { Exit::No })
}

/// The status for people, with lines that end.
pub(super) fn human(status: &Status) -> String {
    let mut lines = vec![
        format!("generation {}, in force since {}", status.generation, status.since),
        format!("hash {}", status.hash),
    ];
    let note = if status.is_dirty() { ", with changes that are not committed" } else { "" };
    lines.extend(status.commit.as_ref().map(|commit| format!("commit {commit}{note}")));
    if status.warnings > 0 {
        lines.push(format!("warnings: {}", status.warnings));
    }
    match status.deviations() {
        deviations if deviations.is_empty() => lines.push("in force as written".to_owned()),
        deviations => lines.push(format!("not in force as written: {}", deviations.join(", "))),
    }
    lines.extend(status.problem.iter().map(|problem| format!("  {}", problem.message)));
    if !status.held_back_repositories.is_empty() {
        lines.push(format!("  held back: {}", status.held_back_repositories.join(", ")));
    }
    for lack in &status.unavailable_resources {
        let file = lack.file.as_ref().map(|file| format!("{file}: ")).unwrap_or_default();
        lines.push(format!("  {file}{}", lack.message));
    }
    for found in status.diagnostics.iter().filter(|found| found.severity == "error") {
        let place = [found.line, found.column].into_iter().flatten().map(|number| format!(":{number}"));
        let place: String = std::iter::once(found.file.clone()).chain(place).collect();
        lines.push(format!("  {place}: {} [{}]", found.message, found.code));
    }
    lines.iter().map(|line| visible(line) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn people_are_told_what_is_not_as_written() {
        let mut answer = json!({
            "generation": 7, "hash": "c0ffee", "commit": null, "since": "2026-11-22T10:00:00Z", "errors": 0, "warnings": 1,
            "held_back": {"users": 0, "repositories": 0}, "unavailable": {"ports": 0, "certificates": 0, "storages": 0},
            "reload_failed": null, "in_force_as_written": true,
        });
        let shown = human(&Status::of(&answer).unwrap());
        assert_eq!(
            shown,
            "generation 7, in force since 2026-11-22T10:00:00Z\nhash c0ffee\nwarnings: 1\nin force as written\n"
        );
        let more = json!({
            "commit": "c0ffee-dirty", "errors": 1, "held_back": {"users": 1, "repositories": 2}, "in_force_as_written": false,
            "held_back_repositories": ["a", "b"], "unavailable": {"ports": 2, "certificates": 1, "storages": 0},
            "unavailable_resources": [{"file": "repos/b.yaml", "message": "taken"}, {"file": null, "message": "gone"}],
            "diagnostics": [{"code": "x", "severity": "error", "message": "wrong", "file": "repos/a.yaml", "line": 2, "column": 3, "help": null}],
        });
        answer.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let shown = human(&Status::of(&answer).unwrap());
        assert!(shown.contains("\ncommit c0ffee-dirty, with changes that are not committed\n"), "{shown}");
        assert!(shown.ends_with(
            "not in force as written: 1 error, 1 user held back from removal, 2 repositories held back from removal, \
             2 ports that cannot be used, 1 certificate that cannot be used\n  \
             held back: a, b\n  repos/b.yaml: taken\n  gone\n  repos/a.yaml:2:3: wrong [x]\n"
        ), "{shown}");
    }
}
