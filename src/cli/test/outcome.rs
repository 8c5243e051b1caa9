//! What the policy says to each question of the access tests.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use crate::config::{ANONYMOUS, AccessTest, Claim, TestImage, Written};
use crate::identity::{Subject, UserName};
use crate::policy::{Refusal, Rule, Snapshot, can};

/// One question and its answer.
#[derive(Debug)]
pub(super) struct Outcome<'t> {
    /// Where the question comes from.
    pub(super) test: &'t AccessTest,
    /// Who asks; `None` is anonymous.
    pub(super) user: Option<&'t UserName>,
    pub(super) claim: &'t Written<Claim>,
    pub(super) image: &'t TestImage,
    /// When it was judged.
    pub(super) at: Timestamp,
    /// The deciding rule, or why there is none.
    pub(super) decision: Result<Rule, Refusal>,
}

/// Judges every question of a test.
pub(super) fn judge<'t>(
    test: &'t AccessTest,
    snapshot: &Arc<Snapshot>,
    now: Timestamp,
) -> impl Iterator<Item = Outcome<'t>> + use<'t> {
    let snapshot = Arc::clone(snapshot);
    let at = test.at.unwrap_or(now);
    let questions = test.subjects.iter().flat_map(move |subject| {
        let claims = test.claims.iter();
        claims.flat_map(move |claim| test.images.iter().map(move |image| (subject.value.as_ref(), claim, &image.value)))
    });
    questions.map(move |(user, claim, image)| {
        let decision = match user.map(|name| snapshot.user(name.as_str())) {
            None => Ok(Subject::Anonymous),
            Some(Some(user)) => Ok(Subject::User(Arc::clone(user))),
            // Compiling the tests has refused such names.
            Some(None) => Err(Refusal::Inactive),
        };
        let decision = decision
            .and_then(|subject| can(&snapshot, &subject, claim.value.action, (&image.name, image.tag.as_ref()), at));
        Outcome { test, user, claim, image, at, decision }
    })
}

impl Outcome<'_> {
    /// Whether the answer is the one that the test wants.
    pub(super) fn passed(&self) -> bool {
        self.decision.is_ok() == self.claim.value.allowed
    }

    /// Who asks, in the words of the test.
    pub(super) fn subject(&self) -> &str {
        self.user.map_or(ANONYMOUS, UserName::as_str)
    }

    /// What the test says, in one line.
    pub(super) fn title(&self) -> String {
        let Claim { action, allowed } = self.claim.value;
        let verb = if allowed { "can" } else { "cannot" };
        let at = self.test.at.map(|at| format!(" at {at}")).unwrap_or_default();
        format!("{} {verb} {} {}{at}", self.subject(), action.as_str(), self.image)
    }

    /// Whether the name of the file or the title holds a text.
    pub(super) fn matches(&self, filter: &str) -> bool {
        filter.is_empty() || self.test.file.contains(filter) || self.title().contains(filter)
    }
}

/// How many tests held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) passed: usize,
    pub(super) failed: usize,
    /// In how many files they stand.
    pub(super) files: usize,
}

impl Tally {
    pub(super) fn of<'o, 't: 'o>(outcomes: impl IntoIterator<Item = &'o Outcome<'t>>) -> Self {
        let (mut passed, mut failed, mut files) = (0, 0, BTreeSet::new());
        for outcome in outcomes {
            *(if outcome.passed() { &mut passed } else { &mut failed }) += 1;
            files.insert(&*outcome.test.file);
        }
        Self { passed, failed, files: files.len() }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { passed, failed, files } = *self;
        if failed > 0 {
            write!(f, "{failed} failed, ")?;
        }
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        write!(f, "{passed} test{} passed in {files} file{}", plural(passed), plural(files))
    }
}
