//! What somebody may do at a moment, as it is to be read: each right once, and the rules that give it.

use std::fmt;

use jiff::Timestamp;

use super::coverage::NamePattern;
use super::{Access, Action, ActionSet, Grant, ImageGlob, Repository, Rule, Snapshot, TagGlob, What, Who};
use crate::identity::{End, Subject, User};
use crate::oci::{ImageName, Tag};

/// Whose rights.
#[derive(Debug, Clone, Copy)]
pub enum Holder<'a> {
    /// Nobody signed in.
    Anonymous,
    /// Anybody who is signed in and has no grants of their own.
    SignedIn,
    /// A user.
    User(&'a User),
    /// A user whom the configuration does not know: nothing is allowed.
    Unknown,
}

impl<'a> Holder<'a> {
    /// The holder for a subject, as a snapshot knows it.
    pub fn of(snapshot: &'a Snapshot, subject: &Subject) -> Self {
        match subject.user_name() {
            None => Self::Anonymous,
            Some(name) => snapshot.user(name.as_str()).map_or(Self::Unknown, |user| Self::User(user)),
        }
    }

    /// Whether a grant to somebody is one to this holder.
    pub fn is(self, who: &Who) -> bool {
        match (who, self) {
            (_, Self::Unknown) => false,
            (Who::Anyone, _) => true,
            (Who::SignedIn, holder) => !matches!(holder, Self::Anonymous),
            (Who::Group(group), Self::User(user)) => user.groups.contains(group),
            (Who::User(name), Self::User(user)) => user.name == *name,
            (Who::Group(_) | Who::User(_), Self::Anonymous | Self::SignedIn) => false,
        }
    }

    /// The user, where it is one.
    pub fn user(self) -> Option<&'a User> {
        match self {
            Self::User(user) => Some(user),
            Self::Anonymous | Self::SignedIn | Self::Unknown => None,
        }
    }

    /// Whether the holder has any rights at a moment: an unknown, disabled or expired user has none.
    pub fn is_active(self, now: Timestamp) -> bool {
        match self {
            Self::User(user) => user.is_active(now),
            Self::Anonymous | Self::SignedIn => true,
            Self::Unknown => false,
        }
    }
}

/// By what somebody has a right.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Through {
    /// The user is an admin.
    Admin,
    /// The repository has no permissions section.
    NoSection,
    /// A grant to these.
    Grant(Who),
}

impl fmt::Display for Through {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Admin => f.write_str("(admin)"),
            Self::NoSection => f.write_str("(no permissions section)"),
            Self::Grant(who) => who.fmt(f),
        }
    }
}

/// What somebody may do in a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Right {
    /// The images, below the repository's prefix.
    pub images: ImageGlob,
    /// The tags; `None` for all, and for what concerns no tag.
    pub tags: Option<TagGlob>,
    /// The actions. Who may overwrite may push, too.
    pub actions: ActionSet,
    /// Whether all images may be seen in the catalog, also those that may not be pulled.
    pub catalog: bool,
    /// Whether it is only the right to sign in.
    pub sign_in: bool,
    /// Until when: the end of the grant, or of the user.
    pub until: Option<End>,
    /// By what.
    pub through: Through,
    /// Where that is written.
    pub rules: Vec<Rule>,
}

impl Right {
    fn everything(through: Through, until: Option<End>, rule: Rule) -> Self {
        let (images, actions) = (ImageGlob::everything(), ActionSet::ALL);
        Self { images, tags: None, actions, catalog: false, sign_in: false, until, through, rules: vec![rule] }
    }

    /// Whether it is an admin's.
    pub fn is_admin(&self) -> bool {
        self.through == Through::Admin
    }

    /// What can be done, in words.
    pub fn words(&self) -> Vec<&'static str> {
        let actions = self.actions.iter().map(Action::as_str);
        actions.chain(self.catalog.then_some("catalog")).chain(self.sign_in.then_some("sign-in")).collect()
    }

    /// The pattern of the whole names of the images; `None` where there cannot be any.
    pub fn names(&self, repository: &Repository) -> Option<NamePattern> {
        NamePattern::new(&repository.prefix, &self.images)
    }

    fn goes_with(&self, other: &Self) -> bool {
        self.images == other.images
            && self.tags == other.tags
            && self.until == other.until
            && self.through == other.through
            && self.sign_in == other.sign_in
    }
}

/// The earlier of two ends.
pub(super) fn earlier(one: Option<End>, other: Option<End>) -> Option<End> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// The rights of a holder in a repository, at a moment, in the order in which they are written.
pub fn rights_in(repository: &Repository, holder: Holder<'_>, now: Timestamp) -> Vec<Right> {
    if !holder.is_active(now) {
        return Vec::new();
    }
    let expires = holder.user().and_then(|user| user.expires);
    let grants = match &repository.access {
        Access::Closed => return Vec::new(),
        Access::Open(_) | Access::Granted(_) if holder.user().is_some_and(|user| user.admin) => {
            return vec![Right::everything(Through::Admin, expires, Rule::Admin)];
        }
        Access::Open(rule) => return vec![Right::everything(Through::NoSection, expires, rule.clone())],
        Access::Granted(grants) => grants,
    };
    let mut rights: Vec<Right> = Vec::new();
    for grant in grants.grants().filter(|grant| holder.is(&grant.who) && grant.holds_at(now)) {
        let through = Through::Grant(grant.who.clone());
        let mut right = Right::everything(through, earlier(grant.until, expires), grant.rule.clone());
        match &grant.what {
            What::Images { images, tags, actions } => {
                let pushes = actions.contains(Action::Overwrite);
                right.actions = if pushes { actions.with(Action::Push) } else { *actions };
                (right.images, right.tags) = (images.clone(), tags.clone());
            }
            What::Catalog => (right.actions, right.catalog) = (ActionSet::NONE, true),
            What::Base => (right.actions, right.sign_in) = (ActionSet::NONE, true),
        }
        match rights.iter_mut().find(|known| known.goes_with(&right)) {
            Some(known) => {
                known.actions = right.actions.iter().fold(known.actions, ActionSet::with);
                known.catalog |= right.catalog;
                known
                    .rules
                    .extend(right.rules.into_iter().filter(|rule| !known.rules.contains(rule)).collect::<Vec<_>>());
            }
            None => rights.push(right),
        }
    }
    // Any grant lets its holder sign in, and what may be pulled is seen.
    let grants_more = rights.iter().any(|right| !right.sign_in);
    rights.retain(|right| !(right.sign_in && grants_more));
    for right in &mut rights {
        right.catalog &= !(right.actions.contains(Action::Pull) && right.images.is_everything());
    }
    rights
}

/// The rights of a holder that count for an image.
pub fn rights_on(snapshot: &Snapshot, holder: Holder<'_>, image: &ImageName, now: Timestamp) -> Vec<Right> {
    let Some(repository) = snapshot.repository_of(image) else { return Vec::new() };
    let Some(relative) = image.relative_to(&repository.prefix) else { return Vec::new() };
    let mut rights = rights_in(repository, holder, now);
    rights.retain(|right| !right.sign_in && right.images.matches(relative));
    rights
}

/// Grants that are near to something that somebody cannot do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Missing {
    /// Those that allowed it to the same holder, and have ended.
    pub ended: Vec<Grant>,
    /// Those that allow it to the same holder on other tags of the image.
    pub other_tags: Vec<Grant>,
    /// Those that allow it to others.
    pub to_others: Vec<Grant>,
}

/// Looks for what is near to something that was refused for want of a grant.
pub fn missing(
    snapshot: &Snapshot,
    holder: Holder<'_>,
    action: Action,
    (image, tag): (&ImageName, Option<&Tag>),
    now: Timestamp,
) -> Missing {
    let mut missing = Missing::default();
    let Some(repository) = snapshot.repository_of(image) else { return missing };
    let Some(relative) = image.relative_to(&repository.prefix) else { return missing };
    for grant in repository.access.grants().filter(|grant| grant.what.allows(action, relative)) {
        let fits = grant.what.tags().is_none_or(|glob| tag.is_none_or(|tag| glob.matches(tag)));
        match (holder.is(&grant.who), grant.holds_at(now), fits) {
            (true, false, true) => missing.ended.push(grant.clone()),
            (true, true, false) => missing.other_tags.push(grant.clone()),
            (false, true, true) => missing.to_others.push(grant.clone()),
            _ => {}
        }
    }
    missing
}
