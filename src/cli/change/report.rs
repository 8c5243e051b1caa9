//! What is told of a change.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _};
use std::path::Path;

use serde_json::{Value, json};

use crate::cli::render::{Paths, json_text, visible};
use crate::cli::{Failure, output};
use crate::edit::Plan;

use super::place::Target;
use super::{Format, diff};

/// A change that was made, or would be.
pub(super) struct Outcome<'a> {
    pub(super) plan: &'a Plan,
    pub(super) targets: &'a [Target],
    /// Where its secret went instead of stdout.
    pub(super) file: Option<&'a Path>,
}

impl Outcome<'_> {
    /// Tells what was done. A secret goes to stdout, and then everything else to stderr.
    pub(super) fn report(&self, format: Format, secret: Option<&str>, commit: Option<&str>) -> Result<(), Failure> {
        if format == Format::Json {
            let mut value = self.json(false);
            value["commit"] = json!(commit);
            if let (Some(made), Some(text)) = (&self.plan.secret, secret) {
                value["secret"] = json!({ "user": made.user, "secret": text.trim_end() });
            }
            return seen_or(&json_text(&value), secret.is_some());
        }
        let mut text = self.lines();
        for target in self.targets {
            let _ = writeln!(text, "{} {}", verb(target), visible(&target.shown));
        }
        if let Some(commit) = commit {
            let _ = writeln!(text, "committed as {}", visible(commit));
        }
        if let (Some(made), Some(file)) = (&self.plan.secret, self.file) {
            let _ =
                writeln!(text, "wrote the secret of `{}` to {}", visible(&made.user), visible(&file.to_string_lossy()));
        }
        match (secret, &self.plan.secret) {
            (Some(secret), Some(made)) if io::stdout().is_terminal() => {
                output::note(&format!("{text}\nthe secret of `{}`, shown only now:\n", visible(&made.user)));
                seen_or(secret, true)?;
            }
            // Whoever reads stdout has it first, or nothing was done that could be told.
            (Some(secret), Some(made)) => {
                seen_or(secret, true)?;
                output::note(&format!("{text}wrote the secret of `{}` to stdout\n", visible(&made.user)));
            }
            _ => output::result(&text)?,
        }
        self.tell_notes();
        Ok(())
    }

    /// Tells what would be done.
    pub(super) fn preview(&self, format: Format, colour: bool) -> Result<(), Failure> {
        if format == Format::Json {
            let mut value = self.json(true);
            value["diff"] = json!(diff::unified(self.targets, false));
            return output::result(&json_text(&value));
        }
        output::result(&diff::unified(self.targets, colour))?;
        let what = if self.targets.is_empty() { "" } else { "\nnothing was changed; this would be:\n" };
        output::note(&format!("{what}{}", self.lines()));
        self.tell_notes();
        Ok(())
    }

    fn lines(&self) -> String {
        let mut text = String::new();
        for (at, line) in self.plan.message.iter().enumerate() {
            let _ = writeln!(text, "{}{}", if at == 0 { "" } else { "  " }, visible(line));
        }
        text
    }

    fn tell_notes(&self) {
        for note in &self.plan.notes {
            output::note(&format!("note: {}\n", visible(note)));
        }
    }

    fn json(&self, is_dry_run: bool) -> Value {
        let (summary, access) = self.plan.message.split_first().map_or(("", &[][..]), |(one, rest)| (one, rest));
        let file = |target: &Target| json!({ "path": &*target.name, "change": verb(target) });
        json!({
            "dry_run": is_dry_run,
            "commit": null,
            "summary": summary,
            "details": access,
            "notes": self.plan.notes,
            "files": self.targets.iter().map(file).collect::<Vec<_>>(),
            "secret_file": self.plan.secret.as_ref().and(self.file).map(|file| file.display().to_string()),
        })
    }
}

/// What is asked before a plan is carried out.
pub(super) fn question(plan: &Plan, paths: &Paths) -> String {
    let mut text = String::new();
    for (name, change) in &plan.files {
        let verb = match (&change.before, &change.after) {
            (Some(_), Some(_)) => "changes",
            (None, _) => "creates",
            (_, None) => "deletes",
        };
        let _ = writeln!(text, "{verb} {}", visible(&paths.of(name)));
    }
    for note in &plan.notes {
        let _ = writeln!(text, "note: {}", visible(note));
    }
    for line in plan.message.iter().skip(1) {
        let _ = writeln!(text, "  {}", visible(line));
    }
    let first = plan.message.first().map(String::as_str).unwrap_or_default();
    let _ = write!(text, "{}: go ahead?", visible(first));
    text
}

fn verb(target: &Target) -> &'static str {
    match (&target.change.before, &target.change.after) {
        (Some(_), Some(_)) => "changed",
        (None, _) => "created",
        (_, None) => "deleted",
    }
}

/// Prints what is lost where nobody sees it, and must then count for nothing.
fn seen_or(text: &str, is_secret: bool) -> Result<(), Failure> {
    match is_secret {
        true => output::seen(text).map_err(|error| Failure::new(format!("cannot write the secret to stdout: {error}"))),
        false => output::result(text),
    }
}
