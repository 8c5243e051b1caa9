//! The results for machines.

use serde::Serialize;

use crate::policy::{Refusal, Rule};

use super::super::render::{Paths, safe_json};
use super::failure::Explainer;
use super::outcome::{Outcome, Tally};

#[derive(Serialize)]
struct Report<'a> {
    tests: Vec<Entry<'a>>,
    summary: Counts,
}

#[derive(Serialize)]
struct Counts {
    passed: usize,
    failed: usize,
    files: usize,
}

#[derive(Serialize)]
struct Entry<'a> {
    title: String,
    passed: bool,
    /// Where the action stands in the test.
    file: &'a str,
    /// The same below the repository.
    path: String,
    line: usize,
    column: usize,
    #[serde(rename = "as")]
    subject: &'a str,
    action: &'static str,
    image: &'a str,
    tag: Option<&'a str>,
    at: String,
    wanted: &'static str,
    decision: &'static str,
    /// Why it was refused.
    refusal: Option<&'static str>,
    /// What allowed it.
    rule: Option<Decider<'a>>,
}

#[derive(Serialize)]
struct Decider<'a> {
    kind: &'static str,
    file: Option<&'a str>,
    line: Option<u32>,
    text: Option<&'a str>,
}

/// Renders all results and their numbers as one JSON object.
pub(super) fn json(outcomes: &[Outcome<'_>], explainer: &mut Explainer<'_>, tally: Tally, paths: &Paths) -> String {
    let Tally { passed, failed, files } = tally;
    let tests = outcomes.iter().map(|outcome| entry(outcome, explainer, paths)).collect();
    let report = Report { tests, summary: Counts { passed, failed, files } };
    // Strings and numbers always serialize.
    safe_json(&serde_json::to_string_pretty(&report).unwrap_or_default())
}

fn entry<'a, 'c: 'a>(outcome: &'a Outcome<'_>, explainer: &mut Explainer<'c>, paths: &Paths) -> Entry<'a> {
    let word = |allowed| if allowed { "allowed" } else { "refused" };
    let (line, column) = explainer.position(&outcome.test.file, outcome.claim.span.start);
    Entry {
        title: outcome.title(),
        passed: outcome.passed(),
        file: &outcome.test.file,
        path: paths.of(&outcome.test.file),
        line,
        column,
        subject: outcome.subject(),
        action: outcome.claim.value.action.as_str(),
        image: outcome.image.name.as_str(),
        tag: outcome.image.tag.as_ref().map(|tag| tag.as_str()),
        at: outcome.at.to_string(),
        wanted: word(outcome.claim.value.allowed),
        decision: word(outcome.decision.is_ok()),
        refusal: outcome.decision.as_ref().err().map(|refusal| match refusal {
            Refusal::NoRepository => "no-repository",
            Refusal::Closed => "closed",
            Refusal::NoGrant => "no-grant",
            Refusal::Immutable => "immutable",
            Refusal::Inactive => "inactive",
        }),
        rule: outcome.decision.as_ref().ok().map(|rule| {
            let (kind, file, line) = match rule {
                Rule::Entry { file, line } => ("entry", Some(&**file), Some(*line)),
                Rule::NoSection { file } => ("no-section", Some(&**file), None),
                Rule::Admin => ("admin", None, None),
                Rule::Public => ("public", None, None),
            };
            Decider { kind, file, line, text: explainer.text(outcome) }
        }),
    }
}
