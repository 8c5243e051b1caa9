//! Whether a folder is as good after a change as before.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::refused::{Problems, unfit};
use super::{Folder, Refused};
use crate::config::{
    ANONYMOUS, AccessTest, Claim, Compiled, Model, Positions, TestImage, Written, shown, test_failure,
};
use crate::diagnostic::{Diagnostic, Place, Severity};
use crate::identity::{Subject, User, UserName};
use crate::policy::difference::difference;
use crate::policy::{Snapshot, can};

/// The warning of an entry that adds nothing to another one.
const REDUNDANT_GRANT: &str = "redundant-grant";
/// As many failing tests are shown.
const FAILURES_MAX: usize = 20;
/// As many warnings are told.
const WARNINGS_MAX: usize = 10;

/// What a good change leads to.
pub(super) struct Good {
    pub(super) model: Arc<Model>,
    /// The warnings that it brings, each with its place.
    pub(super) warnings: Vec<String>,
}

/// Compares a folder with what it is to become.
///
/// # Errors
/// Where no admin is left, where there are new errors, or where an access test fails that held and the change gives
/// somebody more. What only takes rights away is not held up by a test: to lock somebody out must not wait.
pub(super) fn judge(before: &Folder, after: &Compiled) -> Result<Good, Refused> {
    let new = new_ones(&before.compiled.diagnostics, &after.diagnostics);
    let (errors, warnings): (Vec<_>, Vec<_>) = new.into_iter().partition(|found| found.severity == Severity::Error);
    let refused =
        |errors: Vec<&Diagnostic>| Refused::NewErrors(Problems::of(errors.into_iter().cloned().collect(), after));
    let model_before = before.model()?;
    let mut notes = Vec::new();
    if let Some(model) = &after.model {
        notes.extend(admins(&model_before.snapshot, &model.snapshot, before.now)?);
    }
    if !errors.is_empty() {
        return Err(refused(errors));
    }
    let Some(model) = &after.model else {
        return Err(refused(after.diagnostics.iter().filter(|found| found.severity == Severity::Error).collect()));
    };
    let failures = failures(after, &model_before.snapshot, &model.snapshot, before.now);
    if !failures.is_empty() {
        let only_takes = || difference(&model_before.snapshot, &model.snapshot, before.now).gains.is_empty();
        if failures.iter().any(|failure| !failure.is_loss) || !only_takes() {
            let failures = failures.into_iter().map(|failure| failure.diagnostic).take(FAILURES_MAX);
            return Err(Refused::Tests(Problems::of(failures.collect(), after)));
        }
        notes.extend(failing(&failures, after));
    }
    // What depends on the day, such as an end that is near, is just what was asked for.
    let warnings: Vec<_> = warnings.into_iter().filter(|found| !found.timely).collect();
    notes.extend(told(&warnings, after));
    Ok(Good { model: Arc::clone(model), warnings: notes })
}

/// A test that held, and would not any more.
struct Failure {
    diagnostic: Diagnostic,
    /// Whether it wants something to be allowed.
    is_loss: bool,
}

/// Tests that fail from now on, in one line each.
fn failing(failures: &[Failure], after: &Compiled) -> Vec<String> {
    let mut positions = Positions::of(&after.sources);
    let line = |Failure { diagnostic, .. }: &Failure| {
        let place = &diagnostic.primary.place;
        let line = positions.find(place).map(|(line, _)| format!(":{line}")).unwrap_or_default();
        format!("{}{line}: this access test fails from now on: {}", place.file, diagnostic.message)
    };
    let mut notes: Vec<String> = failures.iter().take(WARNINGS_MAX).map(line).collect();
    let more = failures.len().saturating_sub(WARNINGS_MAX);
    let more = if more > 0 { format!("and {more} more; ") } else { String::new() };
    notes.push(format!("{more}`portolan test` fails until the tests are changed, in CI as well"));
    notes
}

/// The problems that are there after a change and were not before. Their places may have moved.
fn new_ones<'d>(before: &[Diagnostic], after: &'d [Diagnostic]) -> Vec<&'d Diagnostic> {
    let mut known: HashMap<(&str, &str, &str), usize> = HashMap::new();
    for found in before {
        *known.entry((found.code, &found.primary.place.file, &found.message)).or_default() += 1;
    }
    let mut new = Vec::new();
    for found in after {
        match known.get_mut(&(found.code, &*found.primary.place.file, &*found.message)) {
            Some(count) if *count > 0 => *count -= 1,
            // What only counts others is none by itself.
            _ if found.left_out > 0 => {}
            _ => new.push(found),
        }
    }
    new
}

/// Warnings in one line each.
fn told(warnings: &[&Diagnostic], after: &Compiled) -> Vec<String> {
    let mut positions = Positions::of(&after.sources);
    let told = warnings.iter().take(WARNINGS_MAX).map(|found| {
        let place = &found.primary.place;
        let line = positions.find(place).map(|(line, _)| format!(":{line}")).unwrap_or_default();
        let help = found.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
        let which = entries(found, &mut positions, after).unwrap_or_default();
        format!("{}{line}: {}{which}{help} ({})", place.file, found.message, found.code)
    });
    let more = warnings.len().saturating_sub(WARNINGS_MAX);
    let more = (more > 0).then(|| format!("and {more} more warnings, which `portolan check` shows"));
    told.collect::<Vec<_>>().into_iter().chain(more).collect()
}

/// Which entry adds nothing to which, as they are written.
fn entries(found: &Diagnostic, positions: &mut Positions<'_>, after: &Compiled) -> Option<String> {
    if found.code != REDUNDANT_GRANT {
        return None;
    }
    let written = |place: &Place| {
        let span = place.span?;
        after.sources.get(&place.file)?.get(span.start..span.end)?.lines().next().map(str::trim_end)
    };
    let (own, other) = (&found.primary.place, &found.secondary.first()?.place);
    let (line, _) = positions.find(other)?;
    Some(format!(", `{}` by `{}` in line {line}", shown(written(own)?), shown(written(other)?)))
}

/// Somebody must be able to administer after the change, and without an end where somebody was before. Where all
/// admins end, and sooner than before, that is told.
fn admins(before: &Snapshot, after: &Snapshot, now: Timestamp) -> Result<Option<String>, Refused> {
    let is_admin = |user: &&Arc<User>| user.admin && user.is_active(now);
    let stays = |user: &&Arc<User>| is_admin(user) && user.expires.is_none();
    let any = |snapshot: &Snapshot| snapshot.users().any(|user| is_admin(&user));
    let any_staying = |snapshot: &Snapshot| snapshot.users().any(|user| stays(&user));
    let hint = "make another user an admin first: `portolan user promote NAME`";
    if any(before) && !any(after) {
        return Err(unfit("no admin who can sign in would be left", hint));
    }
    if any_staying(before) && !any_staying(after) {
        return Err(unfit("no admin would be left who does not expire", hint));
    }
    let last = |snapshot: &Snapshot| snapshot.users().filter(is_admin).filter_map(|user| user.expires).max();
    let last_end = last(after).filter(|end| !any_staying(after) && last(before).is_some_and(|before| *end < before));
    Ok(last_end.map(|end| format!("the last admin expires {}, sooner than before; {hint}", end.at())))
}

/// The access tests that held and would not any more.
fn failures(after: &Compiled, old: &Arc<Snapshot>, new: &Arc<Snapshot>, now: Timestamp) -> Vec<Failure> {
    let mut failed = Vec::new();
    for test in &after.tests {
        let at = test.at.unwrap_or(now);
        for (subject, claim, image) in questions(test) {
            let holds = |snapshot| holds(snapshot, subject, claim.value, image, at);
            if !holds(new) && holds(old) {
                let place = Place { file: Arc::clone(&test.file), span: Some(claim.span) };
                let diagnostic = failure(place, subject, claim.value, image, test.at);
                failed.push(Failure { diagnostic, is_loss: claim.value.allowed });
            }
        }
    }
    failed
}

type Question<'t> = (Option<&'t UserName>, &'t Written<Claim>, &'t TestImage);

fn questions(test: &AccessTest) -> impl Iterator<Item = Question<'_>> {
    test.subjects.iter().flat_map(move |subject| {
        let claims = test.claims.iter();
        claims.flat_map(move |claim| test.images.iter().map(move |image| (subject.value.as_ref(), claim, &image.value)))
    })
}

fn holds(snapshot: &Arc<Snapshot>, subject: Option<&UserName>, claim: Claim, image: &TestImage, at: Timestamp) -> bool {
    let subject = match subject.map(|name| snapshot.user(name.as_str())) {
        None => Some(Subject::Anonymous),
        Some(user) => user.map(|user| Subject::User(Arc::clone(user))),
    };
    let may = subject
        .is_some_and(|subject| can(snapshot, &subject, claim.action, (&image.name, image.tag.as_ref()), at).is_ok());
    may == claim.allowed
}

fn failure(
    place: Place,
    subject: Option<&UserName>,
    claim: Claim,
    image: &TestImage,
    at: Option<Timestamp>,
) -> Diagnostic {
    let subject = subject.map_or(ANONYMOUS, UserName::as_str);
    let may = if claim.allowed { "may no longer" } else { "may then" };
    let at = at.map(|at| format!(" at {at}")).unwrap_or_default();
    let mut found = test_failure(place, format!("`{subject}` {may} {} `{image}`{at}", claim.action.as_str()));
    found.note(format!("must be {}", if claim.allowed { "allowed" } else { "refused" }));
    found
}
