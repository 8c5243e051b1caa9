//! Who may do what by one configuration and not by another: differences in meaning, not in words.
//!
//! Two snapshots are compared by what they let each subject do with each image, tag by tag, and not by
//! how it is written. So order, synonyms, the splitting of grants, and whether a right comes by name or
//! through a group make no difference. A right that holds longer is a gain, too, even where nothing
//! differs today.
//!
//! A change names the grant that makes it, as a pattern of images and perhaps of tags. Everything that
//! is gained is covered by a change, and each change has an example of something that is. What the
//! search of [`super::coverage`] cannot decide is reported, and marked as undecided.
//!
//! Only what may differ is looked at: repositories whose grants or surroundings differ, and users whose
//! groups or state do.

mod accounts;
mod atoms;
mod compare;
mod pieces;

use jiff::Timestamp;

use super::coverage::{Example, Facet, NamePattern};
use super::{Rule, Snapshot, TagGlob, Through};
use crate::identity::{End, UserName};

/// Whose rights changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Whose {
    /// Nobody signed in.
    Anonymous,
    /// Anybody who is signed in, beyond what they had by grants of their own.
    SignedIn,
    /// A user, beyond what anybody who is signed in gained.
    User(UserName),
}

/// What became possible, or impossible.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doing {
    /// Signing in at all.
    SigningIn,
    /// This, with images.
    With(Vec<Facet>),
}

/// Why there is a change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Because {
    /// A grant, or the lack of one.
    Grant,
    /// On one side only, tags that match these are immutable.
    Immutable(Vec<String>),
    /// On one side only, the user exists.
    Existence,
    /// On one side only, the user is enabled and has not expired.
    Activity,
    /// On one side only, the user is an admin.
    Admin,
}

/// Something that one side allows and the other does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Whose right it is.
    pub whose: Whose,
    /// What.
    pub doing: Doing,
    /// With which images; `None` where it concerns none.
    pub images: Option<NamePattern>,
    /// Only at and below this prefix, where another repository has or had the rest.
    pub below: Option<String>,
    /// With which tags; `None` for all, and for what concerns no tag.
    pub tags: Option<TagGlob>,
    /// The tags that are immutable on this side, which overwriting and deleting do not reach.
    pub immutable: Vec<TagGlob>,
    /// The end of the right.
    pub until: Option<End>,
    /// Whether the right is there on both sides now, and only ends later on this one.
    pub only_longer: bool,
    /// Whether the other side allows some of it, too.
    pub in_part: bool,
    /// Whether the patterns were too difficult to compare, so that there may be no change.
    pub undecided: bool,
    /// Something that only this side allows: the first of what is done, with this.
    pub example: Example,
    /// Why.
    pub because: Because,
    /// By what the right is had on this side.
    pub through: Option<Through>,
    /// Where that is written, on this side.
    pub rule: Option<Rule>,
}

/// What differs between two configurations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// What the new one allows and the old one does not.
    pub gains: Vec<Change>,
    /// What the old one allows and the new one does not.
    pub losses: Vec<Change>,
}

/// Compares two configurations, from a moment on.
pub fn difference(old: &Snapshot, new: &Snapshot, at: Timestamp) -> Difference {
    Difference { gains: beyond(new, old, at), losses: beyond(old, new, at) }
}

/// What one configuration allows and another does not, by subject.
fn beyond(this: &Snapshot, other: &Snapshot, at: Timestamp) -> Vec<Change> {
    let mut changes = compare::changes(this, other, at);
    accounts::add(this, other, at, &mut changes);
    changes.sort_by(|one, two| order(one).cmp(&order(two)));
    changes.dedup();
    changes
}

type Order<'a> = (&'a Whose, &'a Option<NamePattern>, &'a Option<String>, Option<&'a str>, &'a Doing);

fn order(change: &Change) -> Order<'_> {
    (&change.whose, &change.images, &change.below, change.tags.as_ref().map(TagGlob::as_str), &change.doing)
}

#[cfg(test)]
mod tests;
