//! A repository's permissions section, compiled.

use std::fmt;

use jiff::Timestamp;

use super::{Action, ActionSet, GrantSet, ImageGlob, Rule, TagGlob};
use crate::identity::{End, User, UserName};

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

impl Who {
    /// Reads the key of a permissions section; `None` where it names nobody.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "*" => Some(Self::Anyone),
            "/*" => Some(Self::SignedIn),
            _ => match text.strip_prefix('/') {
                Some(group) => UserName::parse(group).ok().map(Self::Group),
                None => UserName::of_user(text).ok().map(Self::User),
            },
        }
    }

    /// Whether a grant to these is one to a user (`None`: anonymous).
    pub fn includes(&self, user: Option<&User>) -> bool {
        match self {
            Self::Anyone => true,
            Self::SignedIn => user.is_some(),
            Self::Group(group) => user.is_some_and(|user| user.groups.contains(group)),
            Self::User(name) => user.is_some_and(|user| user.name == *name),
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anyone => f.write_str("*"),
            Self::SignedIn => f.write_str("/*"),
            Self::Group(name) => write!(f, "/{name}"),
            Self::User(name) => name.fmt(f),
        }
    }
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

impl What {
    /// Whether it allows an action on an image, which is named relative to the prefix, for all tags or
    /// for some. Who may overwrite may push, too.
    pub fn allows(&self, action: Action, relative: &str) -> bool {
        match self {
            Self::Images { images, actions, .. } => {
                let pushes = action == Action::Push && actions.contains(Action::Overwrite);
                (actions.contains(action) || pushes) && images.matches(relative)
            }
            Self::Base | Self::Catalog => false,
        }
    }

    /// The tags to which it is limited.
    pub fn tags(&self) -> Option<&TagGlob> {
        match self {
            Self::Images { tags, .. } => tags.as_ref(),
            Self::Base | Self::Catalog => None,
        }
    }
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
