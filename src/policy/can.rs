//! Whether somebody can do something, in the words of people: an action, an image, perhaps a tag.

use std::sync::Arc;

use jiff::Timestamp;

use super::coverage::{self, Search};
use super::rights::{Holder, rights_on};
use super::{
    Action, DeleteManifest, DeleteTag, Granted as _, Pull, Push, PutManifest, Refusal, Rule, Snapshot, TagGlob,
    TagMode, decide,
};
use crate::identity::Subject;
use crate::oci::{ImageName, Tag};

/// Whether a subject can take an action, and the rule that lets it. The answer is that of [`decide()`],
/// asked what a client would ask for that.
///
/// Without a tag it is whether the action can be taken at all: `push` with any tag or by digest,
/// `overwrite` on any tag, `delete` on any manifest. Pulling asks for no tag.
///
/// # Errors
/// The [`Refusal`], where it cannot.
pub fn can(
    snapshot: &Arc<Snapshot>,
    subject: &Subject,
    action: Action,
    (image, tag): (&ImageName, Option<&Tag>),
    now: Timestamp,
) -> Result<Rule, Refusal> {
    let put = |tag: &Tag| {
        let question = PutManifest { image: image.clone(), tags: vec![tag.clone()] };
        decide(snapshot, subject, &question, now)
    };
    let overwrite = |tag: &Tag| {
        let permit = put(tag)?;
        let is_immutable = || {
            let repository = snapshot.repository_of(image);
            repository.is_some_and(|found| found.immutable_tags.iter().any(|glob| glob.matches_immutable(tag)))
        };
        match permit.tags() {
            [(_, TagMode::Replace)] => Ok(permit.rule().clone()),
            _ if is_immutable() => Err(Refusal::Immutable),
            _ => Err(Refusal::NoGrant),
        }
    };
    match (action, tag) {
        (Action::Pull, _) => decide(snapshot, subject, &Pull(image.clone()), now).map(|permit| permit.rule().clone()),
        (Action::Push, None) => {
            decide(snapshot, subject, &Push(image.clone()), now).map(|permit| permit.rule().clone())
        }
        (Action::Push, Some(tag)) => put(tag).map(|permit| permit.rule().clone()),
        (Action::Overwrite, Some(tag)) => overwrite(tag),
        (Action::Overwrite, None) => {
            // Refused for what holds for all tags, if for anything.
            decide(snapshot, subject, &Push(image.clone()), now)?;
            let mut refusal = Refusal::NoGrant;
            for tag in replaceable(snapshot, subject, image, now) {
                match tag.ok_or(Refusal::Immutable).and_then(|tag| overwrite(&tag)) {
                    Ok(rule) => return Ok(rule),
                    Err(found) => refusal = found,
                }
            }
            Err(refusal)
        }
        (Action::Delete, Some(tag)) => {
            let question = DeleteTag { image: image.clone(), tag: tag.clone() };
            decide(snapshot, subject, &question, now).map(|permit| permit.rule().clone())
        }
        (Action::Delete, None) => {
            decide(snapshot, subject, &DeleteManifest(image.clone()), now).map(|permit| permit.rule().clone())
        }
    }
}

/// For each right to overwrite, a tag that it lets the subject replace, or `None` where the tags are
/// all immutable.
fn replaceable(snapshot: &Snapshot, subject: &Subject, image: &ImageName, now: Timestamp) -> Vec<Option<Tag>> {
    let holder = Holder::of(snapshot, subject);
    let Some(repository) = snapshot.repository_of(image) else { return Vec::new() };
    let rights = rights_on(snapshot, holder, image, now);
    let overwriting = rights.iter().filter(|right| right.actions.contains(Action::Overwrite));
    let one_of = |tags: Option<&TagGlob>, is_admin: bool| {
        let immutable = if is_admin { &[] } else { repository.immutable_tags.as_slice() };
        match coverage::unprotected_tag(tags, immutable) {
            Search::Found(tag) => Some(tag),
            Search::Nothing | Search::GaveUp => None,
        }
    };
    overwriting.map(|right| one_of(right.tags.as_ref(), right.is_admin())).collect()
}
