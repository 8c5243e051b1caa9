//! `portolan test`: asks what the access tests of a configuration ask, and compares the answers.

mod failure;
mod json;
mod junit;
mod outcome;

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use crate::config::{Compiled, Content, Text, Tree, compile};
use crate::diagnostic::{Diagnostic, Severity, Span};
use crate::edit::Problems;
use crate::identity::moment;

use super::output::Colour;
use super::render::{self, Paths, Secrets, Summary, human_at};
use super::{Exit, Failure, Folder, output};
use failure::Explainer;
use outcome::{Outcome, Tally, judge};

/// The code of a test that fails.
const FAILED: &str = "test-failed";

#[derive(Debug, Args)]
pub(super) struct TestArguments {
    #[command(flatten)]
    folder: Folder,
    /// Only tests whose file or title holds this text, such as `payments` or `jane can`
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// When to judge the tests that name no moment: a date or an RFC 3339 time; now by default
    #[arg(long, value_name = "TIME", value_parser = moment)]
    at: Option<Timestamp>,
    /// How to print the results
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// When to use colour
    #[arg(long, value_enum, default_value_t = Colour::Auto)]
    color: Colour,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people: what failed, and why
    Human,
    /// One JSON object with every test
    Json,
    /// JUnit XML, a test for each question
    Junit,
}

pub(super) fn run(arguments: &TestArguments) -> Result<Exit, Failure> {
    let tree = arguments.folder.read()?;
    arguments.folder.require_files(&tree)?;
    let compiled = compile(&tree, None);
    let now = arguments.at.unwrap_or_else(Timestamp::now);
    let Some(model) = compiled.model.as_ref().filter(|_| !compiled.has_errors()) else {
        return refuse(arguments, &compiled);
    };
    let filter = arguments.filter.as_deref().unwrap_or_default();
    let outcomes: Vec<Outcome<'_>> = compiled
        .tests
        .iter()
        .flat_map(|test| judge(test, &model.snapshot, now))
        .filter(|o| o.matches(filter))
        .collect();
    if outcomes.is_empty() {
        return Err(none(arguments, &compiled).with_exit(Exit::No));
    }
    let tally = Tally::of(&outcomes);
    let sources = &compiled.sources;
    let mut explainer = Explainer::new(sources, &model.snapshot);
    let folder = &arguments.folder.dir;
    output::result(&match arguments.format {
        Format::Human => {
            let failed = outcomes.iter().filter(|outcome| !outcome.passed());
            let failed: Vec<Diagnostic> = failed.map(|outcome| explainer.explain(outcome)).collect();
            let colour = arguments.color.on(&io::stdout());
            human_at(&failed, sources, &explainer.hidden(), &Paths::as_named(folder), colour)
        }
        Format::Json => json::json(&outcomes, &mut explainer, tally, &Paths::in_repository(folder)) + "\n",
        Format::Junit => {
            let paths = Paths::in_repository(folder);
            let transcript = |outcome: &Outcome<'_>| {
                let found = [explainer.explain(outcome)];
                human_at(&found, sources, &explainer.hidden(), &paths, false)
            };
            junit::junit(&outcomes, &paths, transcript)
        }
    })?;
    output::note(&format!("{tally}\n"));
    Ok(if tally.failed == 0 { Exit::Done } else { Exit::No })
}

/// Explains those failures of access tests that are among some problems, and tells what is to be hidden of the files.
/// `None`: none of the problems is one.
pub(super) fn explained(problems: &Problems, now: Timestamp) -> Option<(Vec<Diagnostic>, Secrets)> {
    let known: HashSet<(&str, Option<Span>)> = problems
        .diagnostics
        .iter()
        .filter(|found| found.code == FAILED)
        .map(|found| (&*found.primary.place.file, found.primary.place.span))
        .collect();
    if known.is_empty() {
        return None;
    }
    let content = |(name, text): (&Arc<str>, &Arc<str>)| (Arc::clone(name), Content::Text(Text::new(Arc::clone(text))));
    let compiled = compile(&Tree { files: problems.sources.iter().map(content).collect() }, None);
    let model = compiled.model.as_ref()?;
    let mut explainer = Explainer::new(&compiled.sources, &model.snapshot);
    let outcomes = compiled.tests.iter().flat_map(|test| judge(test, &model.snapshot, now));
    let failed = outcomes.filter(|outcome| !outcome.passed());
    let is_known = |outcome: &Outcome<'_>| known.contains(&(&*outcome.test.file, Some(outcome.claim.span)));
    let explained: Vec<Diagnostic> =
        failed.filter(is_known).take(problems.diagnostics.len()).map(|outcome| explainer.explain(&outcome)).collect();
    (!explained.is_empty()).then(|| (explained, explainer.hidden()))
}

/// A configuration that the server would not take over as it is written is not tested.
fn refuse(arguments: &TestArguments, compiled: &Compiled) -> Result<Exit, Failure> {
    let errors: Vec<_> =
        compiled.diagnostics.iter().filter(|found| found.severity == Severity::Error).cloned().collect();
    let summary = Summary::of(&errors, compiled.sources.len());
    let (sources, secrets, folder) = (&compiled.sources, &compiled.secrets, &arguments.folder.dir);
    let in_repository = || Paths::in_repository(folder);
    output::result(&match arguments.format {
        Format::Human => {
            human_at(&errors, sources, secrets, &Paths::as_named(folder), arguments.color.on(&io::stdout()))
        }
        Format::Json => render::json(&errors, sources, summary, &in_repository()) + "\n",
        Format::Junit => render::junit(&errors, sources, secrets, &in_repository(), false),
    })?;
    output::note(&format!("{summary}: no test was run\n"));
    Ok(Exit::No)
}

/// Tests that are not there protect nothing, and a run of none is most likely a mistake.
fn none(arguments: &TestArguments, compiled: &Compiled) -> Failure {
    match &arguments.filter {
        Some(filter) if !compiled.tests.is_empty() => Failure::new(format!("no access test matches `{filter}`"))
            .with_hint("the text stands in a file's name, or in a title such as `jane can push library/alpine`"),
        _ => Failure::new(format!("`{}` has no access tests", arguments.folder.dir.display()))
            .with_hint("write some into `tests/access.yaml`; docs/access.md shows how"),
    }
}

#[cfg(test)]
mod tests;
