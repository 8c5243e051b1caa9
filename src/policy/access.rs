//! A repository's permissions section, compiled.

use jiff::Timestamp;

use super::{ActionSet, GrantSet, ImageGlob, Rule, TagGlob};
use crate::identity::{End, UserName};

/// To whom a grant is made.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Who {
    /// `*`: anybody.
    Anyone,
    /// `/*`: anybody who is signed in.
    SignedIn,
    /// `/NAME`: everybody in the group.
    Group(UserName),
    /// One user.
    User(UserName),
}

/// What a grant allows.
///
/// An entry can allow several of these: `*` in the simple form is everything, so
/// [`What::Images`] with all actions on all images, [`What::Catalog`] and [`What::Base`], while
/// `repository:NAME:*` is [`What::Images`] alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Actions on matching images, perhaps limited to matching tags.
    Images {
        /// Which images, relative to the repository's prefix.
        images: ImageGlob,
        /// Which tags; `None` for all, and for what concerns no tag.
        tags: Option<TagGlob>,
        /// Which actions.
        actions: ActionSet,
    },
    /// `registry:base:*`: to sign in.
    Base,
    /// `registry:catalog:*`: to list all image names of the repository.
    Catalog,
}

/// One entry of a permissions section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// To whom.
    pub who: Who,
    /// What.
    pub what: What,
    /// Until when; `None` for ever.
    pub until: Option<End>,
    /// Where the entry stands.
    pub rule: Rule,
}

impl Grant {
    /// Whether its end has not come yet.
    pub fn holds_at(&self, now: Timestamp) -> bool {
        !self.until.is_some_and(|end| end.is_past(now))
    }
}

/// Who may do what in a repository.
#[derive(Debug, Clone)]
pub enum Access {
    /// No permissions section: everybody may do everything.
    Open(Rule),
    /// The repository's file does not compile and no good version is known: nobody may do anything.
    Closed,
    /// What the permissions section grants, and nothing else.
    Granted(GrantSet),
}

impl Access {
    /// What these grants allow, and nothing else.
    pub fn granted(grants: Vec<Grant>) -> Self {
        Self::Granted(GrantSet::new(grants))
    }

    /// The grants, in the order in which they are written; none where the repository is open or closed.
    pub fn grants(&self) -> impl Iterator<Item = &Grant> {
        match self {
            Self::Granted(set) => set.grants(),
            Self::Open(_) | Self::Closed => [].iter(),
        }
    }
}
