//! Access tests. What is wrong with them is told, and changes nothing of what is enforced.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::access_test::{AccessTest, Claim, TestImage, Written};
use super::super::codes;
use super::super::files::{self, Kind};
use super::super::model::Model;
use super::super::report::{Report, nearest, shown};
use super::super::shape::TESTS;
use super::super::yaml::{Node, Value};
use super::{Compiler, read, texts};
use crate::diagnostic::Span;
use crate::identity::{ANONYMOUS, UserName, moment};
use crate::oci::{ImageName, Tag};
use crate::policy::{Action, Snapshot};

/// After as many problems in a file, what was probably meant is not looked for any more: each search goes
/// through all users or repositories.
const PROPOSALS_MAX: usize = 50;

/// One test asks no more questions: lists of users and images multiply.
const QUESTIONS_MAX: usize = 10_000;

impl Compiler<'_> {
    /// Compiles all access tests; those of a file with errors are left out.
    pub(super) fn access_tests(&mut self, model: Option<&Model>) -> Vec<AccessTest> {
        let snapshot = model.map(|model| &*model.snapshot);
        let paths = self.texts.of(Kind::Tests);
        let mut stems: BTreeMap<&str, &Arc<str>> = BTreeMap::new();
        let mut tests = Vec::new();
        for path in &paths {
            if let Some(first) = stems.insert(files::stem(path), path) {
                self.reports.push(texts::twice(first, path));
                continue;
            }
            let Some(text) = self.texts.text(path) else { continue };
            let mut report = Report::new(path).for_lints(self.lint_at.is_some());
            let compiled = compile(&text, snapshot, &mut report);
            if !report.has_errors() {
                tests.extend(compiled);
            }
            self.reports.push(report);
        }
        tests
    }
}

/// Compiles a file of tests. Without a snapshot, users and images are not looked up.
fn compile(text: &str, snapshot: Option<&Snapshot>, report: &mut Report) -> Vec<AccessTest> {
    let file = read::read(text, &TESTS, report);
    let entries = file.root.as_ref().and_then(|root| root.get("tests")).and_then(Node::items).unwrap_or_default();
    entries.iter().filter_map(|entry| test(entry, snapshot, report)).collect()
}

fn test(entry: &Node<'_>, snapshot: Option<&Snapshot>, report: &mut Report) -> Option<AccessTest> {
    entry.pairs()?;
    let subjects: Vec<_> =
        each(entry.get("as")).filter_map(|node| written(node, subject(node, snapshot, report))).collect();
    let mut claims = Vec::new();
    for (key, allowed) in [("can", true), ("cannot", false)] {
        let actions = each(entry.get(key)).filter_map(|node| written(node, action(node)));
        claims.extend(actions.map(|found| Written { value: Claim { action: found.value, allowed }, span: found.span }));
    }
    let images: Vec<_> =
        each(entry.get("image")).filter_map(|node| written(node, image(node, snapshot, report))).collect();
    let at = entry.get("at").and_then(|node| at(node, report));
    let questions = subjects.len().saturating_mul(claims.len()).saturating_mul(images.len());
    if questions > QUESTIONS_MAX {
        report
            .add(codes::OUT_OF_RANGE, entry.span, format!("this test asks {questions} questions"))
            .help(format!("one test may ask {QUESTIONS_MAX}: split its lists"));
        return None;
    }
    contradictions(&claims, report);
    Some(AccessTest { file: Arc::clone(&report.file), subjects, claims, images, at })
}

/// The items of a list; a value that is none counts as its only item.
fn each<'n, 't>(node: Option<&'n Node<'t>>) -> impl Iterator<Item = &'n Node<'t>> {
    node.into_iter().flat_map(|node| match &node.value {
        Value::Sequence(items) => items.as_slice(),
        Value::Scalar(_) | Value::Mapping(_) => std::slice::from_ref(node),
    })
}

fn written<T>(node: &Node<'_>, value: Option<T>) -> Option<Written<T>> {
    value.map(|value| Written { value, span: node.span })
}

fn subject(node: &Node<'_>, snapshot: Option<&Snapshot>, report: &mut Report) -> Option<Option<UserName>> {
    let text = node.string()?;
    if text == ANONYMOUS {
        return Some(None);
    }
    let problem = |report: &mut Report, message: String, help: String| {
        report.add(codes::UNKNOWN_SUBJECT, node.span, message).help(help);
    };
    if matches!(text, "*" | "/*") || text.starts_with('/') {
        let help = match text {
            "*" => format!("name users, or `{ANONYMOUS}`"),
            "/*" => "name users".to_owned(),
            _ => "name a user of the group".to_owned(),
        };
        problem(report, format!("`{}` is nobody who could ask", shown(text)), help);
        return None;
    }
    let known = snapshot.is_none_or(|snapshot| snapshot.user(text).is_some());
    match UserName::parse(text) {
        Ok(name) if known => Some(Some(name)),
        _ => {
            let snapshot = snapshot.filter(|_| report.diagnostics.len() < PROPOSALS_MAX);
            let users = snapshot.into_iter().flat_map(Snapshot::users).map(|user| user.name.as_str());
            // Users come in no order, and two may be equally near.
            let mut users: Vec<_> = users.chain([ANONYMOUS]).collect();
            users.sort_unstable();
            let help = match nearest(text, users) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("name a user of credentials.yaml, or `{ANONYMOUS}`"),
            };
            problem(report, format!("there is no user `{}`", shown(text)), help);
            None
        }
    }
}

fn action(node: &Node<'_>) -> Option<Action> {
    node.string().and_then(Action::parse)
}

/// Tells of actions that one test wants both allowed and refused.
fn contradictions(claims: &[Written<Claim>], report: &mut Report) {
    let mut allowed: BTreeMap<Action, Span> = BTreeMap::new();
    for claim in claims.iter().filter(|claim| claim.value.allowed) {
        allowed.entry(claim.value.action).or_insert(claim.span);
    }
    for refused in claims.iter().filter(|claim| !claim.value.allowed) {
        if let Some(allowed) = allowed.get(&refused.value.action) {
            let place = report.place(*allowed);
            let message = format!("`{}` cannot be both allowed and refused", refused.value.action.as_str());
            report
                .add(codes::CONTRADICTORY_TEST, refused.span, message)
                .note("refused here")
                .also(place, "allowed here")
                .help("keep one of them, or write two tests");
        }
    }
}

fn image(node: &Node<'_>, snapshot: Option<&Snapshot>, report: &mut Report) -> Option<TestImage> {
    let text = node.string()?;
    match parse_image(text) {
        Err((message, help)) => {
            let form = "write the full name, such as `library/alpine`, and perhaps a tag: `library/alpine:3.22`";
            report.add(codes::BAD_TEST_IMAGE, node.span, message).help(help.unwrap_or_else(|| form.to_owned()));
            None
        }
        Ok(image) => {
            if snapshot.is_some_and(|snapshot| snapshot.repository_of(&image.name).is_none()) {
                unserved(&image, node.span, snapshot, report);
            }
            Some(image)
        }
    }
}

/// Reads `NAME` or `NAME:TAG`; otherwise gives what is wrong and what to do.
fn parse_image(text: &str) -> Result<TestImage, (String, Option<String>)> {
    if text.contains('@') {
        let message = "an image is named here by its name and perhaps a tag, not by a digest".to_owned();
        return Err((message, Some("leave `@…` out: without a tag, content by digest is meant".to_owned())));
    }
    let (name, tag) = match text.rsplit_once(':') {
        Some((_, rest)) if rest.contains('/') => {
            let help = "leave the host out: only the image's name belongs here".to_owned();
            return Err((format!("`{}` is no image name", shown(text)), Some(help)));
        }
        Some((name, tag)) => (name, Some(tag)),
        None => (text, None),
    };
    let name = ImageName::parse(name).map_err(|error| (format!("this is no image name: {error}"), None))?;
    let tag = tag.map(|tag| Tag::parse(tag).map_err(|error| (format!("this is no tag: {error}"), None))).transpose()?;
    Ok(TestImage { name, tag })
}

fn unserved(image: &TestImage, span: Span, snapshot: Option<&Snapshot>, report: &mut Report) {
    let snapshot = snapshot.filter(|_| report.diagnostics.len() < PROPOSALS_MAX);
    let prefixes = snapshot.into_iter().flat_map(Snapshot::repositories).map(|repository| &*repository.prefix);
    let first = image.name.as_str().split('/').next().unwrap_or_default();
    let diagnostic =
        report.add(codes::UNSERVED_IMAGE, span, format!("no repository serves the image `{}`", image.name));
    let near = nearest(first, prefixes.clone()).or_else(|| nearest(image.name.as_str(), prefixes));
    diagnostic.help(match near {
        Some(near) => format!("did you mean an image of `{near}`? Nobody can do anything with this one"),
        None => "nobody can do anything with it: every `cannot` holds, and no `can`".to_owned(),
    });
}

fn at(node: &Node<'_>, report: &mut Report) -> Option<jiff::Timestamp> {
    let found = moment(node.string()?);
    if let Err(error) = &found {
        report.add(codes::BAD_DATE, node.span, "this is neither a date nor a time").help(error.to_string());
    }
    found.ok()
}
