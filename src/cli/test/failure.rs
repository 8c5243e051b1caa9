//! Why a test failed: the decision, and the rule that decided or the lack of one, each with its place.

use std::collections::HashMap;
use std::sync::Arc;

use crate::config::{CREDENTIALS_FILES, Places, line_column, test_failure};
use crate::diagnostic::{Diagnostic, Place, Span};
use crate::identity::Subject;
use crate::policy::{Action, Grant, Lack, Refusal, Repository, Rule, Snapshot, Who, near};

use super::super::render::{Secrets, Sources};
use super::outcome::Outcome;

/// As many grants are shown that come near to what was asked.
const NEAR_SHOWN: usize = 3;

/// Finds the places of what decided.
pub(super) struct Explainer<'c> {
    sources: &'c Sources,
    snapshot: &'c Snapshot,
    places: HashMap<Arc<str>, Places>,
}

impl<'c> Explainer<'c> {
    pub(super) fn new(sources: &'c Sources, snapshot: &'c Snapshot) -> Self {
        Self { sources, snapshot, places: HashMap::new() }
    }

    /// What is not to be shown of the files that were looked into.
    pub(super) fn hidden(&self) -> Secrets {
        self.places.iter().map(|(file, places)| (Arc::clone(file), places.hidden.clone())).collect()
    }

    /// The failure of a test, for people.
    pub(super) fn explain(&mut self, outcome: &Outcome<'_>) -> Diagnostic {
        let Outcome { test, claim, image, .. } = outcome;
        let action = claim.value.action.as_str();
        let at = test.at.map(|at| format!(" at {at}")).unwrap_or_default();
        let may = if outcome.decision.is_ok() { "may" } else { "may not" };
        let message = format!("`{}` {may} {action} `{image}`{at}", outcome.subject());
        let mut found = test_failure(self.place(&test.file, Some(claim.span)), message);
        found.note(format!("must be {}", if claim.value.allowed { "allowed" } else { "refused" }));
        match &outcome.decision {
            Ok(rule) => self.granted(rule, outcome, &mut found),
            Err(refusal) => self.refused(*refusal, outcome, &mut found),
        }
        found
    }

    /// Line and column of a byte in a file, from 1.
    pub(super) fn position(&self, file: &str, byte: usize) -> (usize, usize) {
        self.sources.get(file).map_or((1, 1), |text| line_column(text, byte))
    }

    /// The text of the entry that decided, where it was one.
    pub(super) fn text(&mut self, outcome: &Outcome<'_>) -> Option<&'c str> {
        let Ok(Rule::Entry { file, .. }) = &outcome.decision else { return None };
        let grant = self.deciding(outcome)?;
        let Span { start, end } = self.places(file)?.entry(grant)?;
        self.sources.get(file)?.get(start..end)
    }

    /// The grant that decided. A line may hold several, and several users may share one.
    fn deciding(&self, outcome: &Outcome<'_>) -> Option<&'c Grant> {
        let Ok(rule) = &outcome.decision else { return None };
        let user = outcome.user.and_then(|name| self.snapshot.user(name.as_str())).map(|user| &**user);
        let (image, action) = (outcome.image, outcome.claim.value.action);
        let repository = self.repository(outcome)?;
        let relative = image.name.relative_to(&repository.prefix)?;
        repository.access.grants().find(|grant| {
            let tags = grant.what.tags().zip(image.tag.as_ref());
            grant.rule == *rule
                && grant.who.includes(user)
                && grant.holds_at(outcome.at)
                && grant.what.allows(action, relative)
                && tags.is_none_or(|(glob, tag)| glob.matches(tag))
        })
    }

    fn granted(&mut self, rule: &Rule, outcome: &Outcome<'_>, found: &mut Diagnostic) {
        match rule {
            Rule::Entry { file, .. } => {
                let grant = self.deciding(outcome);
                let span = grant.and_then(|grant| self.places(file)?.entry(grant));
                let who = grant.map(|grant| format!(", {}", to(&grant.who))).unwrap_or_default();
                let place = self.place(file, span);
                found
                    .also(place, format!("this entry allows it{who}"))
                    .help("narrow or remove the entry, or mend the test");
            }
            Rule::NoSection { file } => {
                let span = self.places(file).and_then(|places| places.permissions);
                let place = self.place(file, span);
                found.also(place, "no `permissions` section: everybody may do everything");
                found.help("write a section that grants what is meant, or mend the test");
            }
            Rule::Admin => {
                self.user(outcome, ("admin", "an admin may do everything"), found);
                found.help("make the user no admin, or mend the test");
            }
            Rule::Public => {}
        }
    }

    fn refused(&mut self, refusal: Refusal, outcome: &Outcome<'_>, found: &mut Diagnostic) {
        let repository = self.repository(outcome);
        match (refusal, repository) {
            (Refusal::NoRepository, _) | (_, None) => {
                found.help("no repository serves this image: mend its name in the test, or add a repository");
            }
            (Refusal::Closed, Some(repository)) => {
                found
                    .also(self.place(&repository.file, None), "closed: this file does not compile")
                    .help("mend the file");
            }
            (Refusal::NoGrant, Some(repository)) => self.lacking(repository, outcome, found),
            (Refusal::Immutable, Some(repository)) => {
                let pattern = outcome.image.tag.as_ref();
                let pattern = pattern.and_then(|tag| self.places(&repository.file)?.immutable(tag));
                let place = self.place(&repository.file, pattern);
                found.also(place, "such a tag is written once, and then for admins alone");
                found.help("change the pattern, or mend the test");
            }
            (Refusal::Inactive, Some(_)) => {
                let user = outcome.user.and_then(|name| self.snapshot.user(name.as_str()));
                let why = match user {
                    Some(user) if !user.enabled => ("enabled", "this user is disabled"),
                    _ => ("expires", "this user has expired"),
                };
                self.user(outcome, why, found);
                found.help("let the user in again, or mend the test");
            }
        }
    }

    /// Shows the section in which a grant is missing, and the grants that come near.
    fn lacking(&mut self, repository: &Repository, outcome: &Outcome<'_>, found: &mut Diagnostic) {
        let user = outcome.user.and_then(|name| self.snapshot.user(name.as_str()));
        let subject = user.map_or(Subject::Anonymous, |user| Subject::User(Arc::clone(user)));
        let (action, image) = (outcome.claim.value.action, outcome.image);
        let nearest: Vec<(&Grant, Lack)> =
            near(self.snapshot, &subject, action, &image.name, image.tag.as_ref(), outcome.at);
        let file = &repository.file;
        let section = self.places(file).and_then(|places| places.permissions);
        let text = format!("nothing here allows `{}` to {}", outcome.subject(), action.as_str());
        found.also(self.place(file, section), text);
        let mut shown = Vec::new();
        for (grant, lack) in nearest {
            let Rule::Entry { file, .. } = &grant.rule else { continue };
            let span = self.places(file).and_then(|places| places.entry(grant));
            if shown.len() == NEAR_SHOWN || shown.contains(&span) {
                continue;
            }
            shown.push(span);
            let why = match lack {
                Lack::Ended(end) => format!("ended {}", end.at()),
                Lack::Tags(glob) => format!("only for tags `{}`", glob.as_str()),
                Lack::Images(glob) => format!("only for images `{}`", glob.as_str()),
                Lack::Actions(actions) => {
                    let words: Vec<_> = actions.iter().map(|action| format!("`{}`", action.as_str())).collect();
                    format!("allows {} only", words.join(", "))
                }
            };
            found.also(self.place(file, span), format!("{why}, {}", to(&grant.who)));
        }
        if let Some(grant) = wanted(repository, outcome) {
            found.help(format!("to allow it and no more, grant {grant}; or mend the test"));
        }
    }

    /// Shows a key of the asking user's entry.
    fn user(&mut self, outcome: &Outcome<'_>, (key, text): (&str, &str), found: &mut Diagnostic) {
        let Some(name) = outcome.user else { return };
        let Some((file, _)) = CREDENTIALS_FILES.into_iter().find_map(|file| self.sources.get_key_value(file)) else {
            return;
        };
        let span = self.places(file).and_then(|places| places.user(name.as_str(), key));
        let place = self.place(file, span);
        found.also(place, text);
    }

    fn repository(&self, outcome: &Outcome<'_>) -> Option<&'c Repository> {
        self.snapshot.repository_of(&outcome.image.name).map(|repository| &**repository)
    }

    /// A place, of whose file it is known from then on what may be shown.
    fn place(&mut self, file: &Arc<str>, span: Option<Span>) -> Place {
        self.places(file);
        Place { file: Arc::clone(file), span }
    }

    fn places(&mut self, file: &Arc<str>) -> Option<&Places> {
        let source = self.sources.get(file)?;
        Some(self.places.entry(Arc::clone(file)).or_insert_with(|| Places::of(file, source)))
    }
}

/// The least grant that would allow what was asked, as it is written in the repository's file.
fn wanted(repository: &Repository, outcome: &Outcome<'_>) -> Option<String> {
    let (action, image) = (outcome.claim.value.action, outcome.image);
    let relative = match image.name.relative_to(&repository.prefix)? {
        "" => ".",
        below => below,
    };
    // A pull cannot be limited to tags.
    let tag = image.tag.as_ref().filter(|_| action != Action::Pull);
    let tag = tag.map(|tag| format!("{tag}:")).unwrap_or_default();
    let who = outcome.user.map_or("\"*\"", |name| name.as_str());
    Some(format!("`{who}: [\"repository:{relative}:{tag}{}\"]`", action.as_str()))
}

/// To whom a grant is made, as it is written.
fn to(who: &Who) -> String {
    match who {
        Who::Anyone => "to anybody (`*`)".to_owned(),
        Who::SignedIn => "to anybody signed in (`/*`)".to_owned(),
        Who::Group(group) => format!("to the group `/{group}`"),
        Who::User(name) => format!("to `{name}`"),
    }
}
