//! The answer to a question of access, and what there is to say about it.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cli::render::{Answer, Passage};
use crate::identity::{End, Subject};
use crate::oci::{ImageName, Tag};
use crate::policy::{Action, Grant, Holder, Refusal, Repository, Right, Rule, TagGlob, What, can, missing, rights_on};

use super::entry::{passage, written};
use super::rows::rule_json;
use super::{Loaded, nearest, nearest_user};

/// So many grants to others are shown.
const OTHERS_MAX: usize = 3;

/// What is asked.
pub(super) struct Asked {
    /// `None` for anonymous.
    pub(super) user: Option<String>,
    pub(super) action: Action,
    pub(super) image: ImageName,
    pub(super) tag: Option<Tag>,
    pub(super) at: Timestamp,
}

/// What there is to say.
pub(super) struct Found {
    pub(super) rule: Result<Rule, (&'static str, String)>,
    repository: Option<Arc<Repository>>,
    /// The grant whose rule it is.
    deciding: Option<Grant>,
    /// Grants that are near, with why they do not allow it.
    near: Vec<(&'static str, Grant)>,
    /// The rights on the image.
    rights: Vec<Right>,
    notes: Vec<(&'static str, String)>,
}

impl Asked {
    fn subject(&self) -> String {
        self.user.as_ref().map_or_else(|| "anonymous".to_owned(), |user| format!("`{user}`"))
    }

    fn object(&self) -> String {
        self.tag.as_ref().map_or_else(|| format!("`{}`", self.image), |tag| format!("`{}:{tag}`", self.image))
    }

    /// Asks, and looks for what is near where the answer is no.
    pub(super) fn answer(&self, loaded: &Loaded) -> Found {
        let snapshot = loaded.snapshot();
        let repository = snapshot.repository_of(&self.image).cloned();
        let mut found =
            Found { rule: Ok(Rule::Public), repository, deciding: None, near: vec![], rights: vec![], notes: vec![] };
        let subject = match &self.user {
            None => Subject::Anonymous,
            Some(name) => match snapshot.user(name) {
                Some(user) => Subject::User(Arc::clone(user)),
                None => {
                    found.rule = Err(("unknown-user", format!("there is no user `{name}`")));
                    found.notes.extend(match nearest_user(snapshot, name) {
                        _ if name == "anonymous" => {
                            Some(("help", "`--anonymous` asks for whoever is not signed in".to_owned()))
                        }
                        near => near.map(|near| ("help", format!("did you mean `{near}`?"))),
                    });
                    return found;
                }
            },
        };
        let holder = Holder::of(snapshot, &subject);
        found.rights = rights_on(snapshot, holder, &self.image, self.at);
        let question = (&self.image, self.tag.as_ref());
        match can(snapshot, &subject, self.action, question, self.at) {
            Ok(rule) => {
                found.deciding = self.deciding(&found, holder, &rule);
                found.rule = Ok(rule);
                self.limits(&mut found);
            }
            Err(refusal) => {
                found.rule = Err(self.reason(refusal, loaded, holder, &mut found));
                if refusal == Refusal::NoGrant {
                    let missing = missing(snapshot, holder, self.action, question, self.at);
                    found.near.extend(missing.ended.into_iter().map(|near| ("ended", near)));
                    found.near.extend(missing.other_tags.into_iter().map(|near| ("other-tags", near)));
                    let more = missing.to_others.len().saturating_sub(OTHERS_MAX);
                    found.near.extend(missing.to_others.into_iter().take(OTHERS_MAX).map(|near| ("others", near)));
                    if more > 0 {
                        found.notes.push(("note", format!("{more} more grants to others would allow it")));
                    }
                }
            }
        }
        found
    }

    /// The grant that a rule stands for: on one line there may be several.
    fn deciding(&self, found: &Found, holder: Holder<'_>, rule: &Rule) -> Option<Grant> {
        let repository = found.repository.as_ref()?;
        let relative = self.image.relative_to(&repository.prefix)?;
        let decides = |grant: &&Grant| {
            let on_tag = grant.what.tags().is_none_or(|glob| self.tag.as_ref().is_none_or(|tag| glob.matches(tag)));
            let holds = holder.is(&grant.who) && grant.holds_at(self.at);
            grant.rule == *rule && holds && on_tag && grant.what.allows(self.action, relative)
        };
        repository.access.grants().find(decides).cloned()
    }

    /// Says what a yes does not say.
    fn limits(&self, found: &mut Found) {
        let Some(repository) = &found.repository else { return };
        let is_admin = found.rights.iter().any(Right::is_admin);
        let immutable = if is_admin { &[] } else { repository.immutable_tags.as_slice() };
        let deciding: Vec<&Right> = found.rights.iter().filter(|right| right.actions.contains(self.action)).collect();
        let list = |globs: &mut dyn Iterator<Item = &TagGlob>| {
            globs.map(|glob| format!("`{glob}`")).collect::<Vec<_>>().join(", ")
        };
        match &self.tag {
            None if self.action != Action::Pull => {
                if deciding.iter().all(|right| right.tags.is_some()) {
                    let globs = list(&mut deciding.iter().filter_map(|right| right.tags.as_ref()));
                    found.notes.push(("note", format!("only tags that match {globs}")));
                }
                if !immutable.is_empty() {
                    let globs = list(&mut immutable.iter());
                    found.notes.push((
                        "note",
                        format!("tags that match {globs} are immutable: they can be created, and then stay"),
                    ));
                }
            }
            Some(tag) if self.action == Action::Push && immutable.iter().any(|glob| glob.matches_immutable(tag)) => {
                found.notes.push(("note", format!("`{tag}` is immutable: once it is there it stays")));
            }
            _ => {}
        }
    }

    /// Why not: a word for machines, and a sentence.
    fn reason(
        &self,
        refusal: Refusal,
        loaded: &Loaded,
        holder: Holder<'_>,
        found: &mut Found,
    ) -> (&'static str, String) {
        let snapshot = loaded.snapshot();
        let file = found.repository.as_ref().map(|repository| Arc::clone(&repository.file)).unwrap_or_default();
        let mut help = |text: String| found.notes.push(("help", text));
        match refusal {
            Refusal::NoRepository => {
                let prefixes = snapshot.repositories().iter().map(|repository| &*repository.prefix);
                if let Some(near) = nearest(self.image.as_str(), prefixes) {
                    help(format!("the nearest repository has the prefix `{near}`"));
                }
                ("no-repository", format!("no repository serves `{}`", self.image))
            }
            Refusal::Closed => {
                help("`portolan check` says what is wrong".to_owned());
                ("closed", format!("`{file}` does not compile, which closes its repository"))
            }
            Refusal::Inactive => match holder.user() {
                Some(user) if !user.enabled => ("disabled", format!("{} is disabled", self.subject())),
                Some(user) => {
                    let end = user.expires.map(End::at).unwrap_or_default();
                    ("expired", format!("{} expired {end}", self.subject()))
                }
                None => ("unknown-user", format!("there is no user {}", self.subject())),
            },
            Refusal::Immutable => {
                help("only an admin can overwrite or delete such a tag".to_owned());
                let globs = found.repository.iter().flat_map(|repository| &repository.immutable_tags);
                let globs: Vec<String> = globs
                    .filter(|glob| self.tag.as_ref().is_none_or(|tag| glob.matches_immutable(tag)))
                    .map(|glob| format!("`{glob}`"))
                    .collect();
                ("immutable", format!("`{file}` makes tags that match {} immutable", globs.join(", ")))
            }
            Refusal::NoGrant => {
                let may = |action: &Action| found.rights.iter().any(|right| right.actions.contains(*action));
                let instead: Vec<&str> = Action::ALL.into_iter().filter(may).map(Action::as_str).collect();
                let of = format!("no grant in `{file}` allows it");
                match instead.as_slice() {
                    [] => ("no-grant", format!("{of}, nor anything else, to {}", self.subject())),
                    some => ("no-grant", format!("{of}; {} may {}", self.subject(), some.join(", "))),
                }
            }
        }
    }
}

impl Found {
    /// For people.
    pub(super) fn shown<'c>(&'c self, loaded: &'c Loaded, asked: &Asked) -> Answer<'c> {
        let (subject, object, action) = (asked.subject(), asked.object(), asked.action.as_str());
        let mut notes = self.notes.clone();
        let mut passages: Vec<Passage<'c>> = Vec::new();
        let title = match &self.rule {
            Ok(rule) => {
                if let Some(grant) = &self.deciding {
                    let until = grant.until.map(|end| format!(", until {end}")).unwrap_or_default();
                    let label = format!("granted to `{}`{until}", grant.who);
                    passages.extend(passage(&loaded.compiled, rule, |what| *what == grant.what, label));
                }
                match rule {
                    Rule::Admin => notes.insert(0, ("note", format!("{subject} is an admin"))),
                    Rule::NoSection { file } => {
                        let text = format!("`{file}` has no `permissions`: everybody may do everything");
                        notes.insert(0, ("note", text));
                    }
                    Rule::Entry { .. } | Rule::Public => {}
                }
                format!("{subject} may {action} {object}")
            }
            Err((_, why)) => {
                notes.insert(0, ("note", why.clone()));
                for (kind, near) in &self.near {
                    let label = match (*kind, near.until, near.what.tags()) {
                        ("ended", Some(end), _) => format!("ended {}", end.at()),
                        ("other-tags", _, Some(glob)) => format!("only tags that match `{glob}`"),
                        _ => format!("granted to `{}`", near.who),
                    };
                    passages.extend(passage(&loaded.compiled, &near.rule, |what| *what == near.what, label));
                }
                format!("{subject} may not {action} {object}")
            }
        };
        let word = if self.rule.is_ok() { ("yes", true) } else { ("no", false) };
        Answer { word, title, passages, notes }
    }

    /// For machines.
    pub(super) fn json(&self, loaded: &Loaded, asked: &Asked) -> Value {
        let near = self.near.iter().map(|(kind, near)| {
            json!({
                "kind": kind,
                "who": near.who.to_string(),
                "tags": near.what.tags().map(TagGlob::as_str),
                "until": near.until.map(|end| end.to_string()),
                "rule": rule_of(loaded, &near.rule, Some(&near.what)),
            })
        });
        let deciding = self.deciding.as_ref();
        json!({
            "allowed": self.rule.is_ok(),
            "user": asked.user,
            "action": asked.action.as_str(),
            "image": asked.image.as_str(),
            "tag": asked.tag.as_ref().map(Tag::as_str),
            "at": asked.at.to_string(),
            "repository": self.repository.as_ref().map(|repository| repository.name.to_string()),
            "rule": self.rule.as_ref().ok().map(|rule| rule_of(loaded, rule, deciding.map(|grant| &grant.what))),
            "through": deciding.map(|grant| grant.who.to_string()),
            "until": deciding.and_then(|grant| grant.until).map(|end| end.to_string()),
            "reason": self.rule.as_ref().err().map(|(word, _)| word),
            "message": self.rule.as_ref().err().map(|(_, text)| text),
            "notes": self.notes.iter().map(|(_, text)| text).collect::<Vec<_>>(),
            "near": near.collect::<Vec<_>>(),
        })
    }
}

/// A rule for machines, with the entry as it is written.
fn rule_of(loaded: &Loaded, rule: &Rule, what: Option<&What>) -> Value {
    let mut value = rule_json(rule);
    if let Some(entry) = written(&loaded.compiled, rule, |found| Some(found) == what) {
        value["entry"] = entry.into();
    }
    value
}
