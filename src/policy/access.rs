//! A repository's permissions section, compiled.

use super::{ActionSet, ImageGlob, Rule, TagGlob};
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

/// Who may do what in a repository.
#[derive(Debug, Clone)]
pub enum Access {
    /// No permissions section: everybody may do everything.
    Open(Rule),
    /// The repository's file does not compile and no good version is known: nobody may do anything.
    Closed,
    /// What the permissions section grants, and nothing else.
    Granted(Vec<Grant>),
}
