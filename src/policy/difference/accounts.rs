//! What changes for users as such: who can sign in at all.

use jiff::Timestamp;

use super::super::coverage::Example;
use super::super::{Holder, Rule, Snapshot};
use super::compare::Base;
use super::{Because, Change, Doing, Whose};
use crate::identity::End;

/// Until when somebody can sign in: never, or to an end, or for ever.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum SignsIn {
    Never,
    Until(End),
    Always,
}

impl SignsIn {
    fn up_to(end: Option<End>) -> Self {
        end.map_or(Self::Always, Self::Until)
    }

    fn end(&self) -> Option<End> {
        match self {
            Self::Until(end) => Some(*end),
            Self::Never | Self::Always => None,
        }
    }

    /// Of a holder as the snapshot knows it, with the rule that lets it.
    fn of(snapshot: &Snapshot, holder: Holder<'_>, at: Timestamp) -> (Self, Option<Rule>) {
        if !holder.is_active(at) {
            return (Self::Never, None);
        }
        let expires = holder.user().and_then(|user| user.expires);
        if holder.user().is_some_and(|user| user.admin) {
            return (Self::up_to(expires), Some(Rule::Admin));
        }
        match snapshot.longest_grant(holder).filter(|(until, _)| !until.is_some_and(|end| end.is_past(at))) {
            Some((until, rule)) => (Self::up_to(until).min(Self::up_to(expires)), Some(rule.clone())),
            None => (Self::Never, None),
        }
    }
}

/// Adds who can sign in on this side only, or longer. Where that comes with another change of the same
/// subject, it goes without saying: any grant lets its holder sign in.
pub(super) fn add(this: &Snapshot, other: &Snapshot, at: Timestamp, changes: &mut Vec<Change>) {
    let mut found: Vec<Change> = Vec::new();
    let mut compare = |whose: Whose, here: Holder<'_>, there: Holder<'_>, because: Because| {
        let (here, rule) = SignsIn::of(this, here, at);
        let there = SignsIn::of(other, there, at).0;
        let only_longer = there != SignsIn::Never;
        let tells = |change: &Change| {
            let to_all = matches!(whose, Whose::User(_)) && change.whose == Whose::SignedIn;
            let as_long = SignsIn::up_to(change.until) >= here;
            (to_all || change.whose == whose) && as_long && (only_longer || !change.only_longer)
        };
        let goes_without_saying = || because == Because::Grant && changes.iter().chain(&found).any(tells);
        if here > there && !goes_without_saying() {
            let until = here.end();
            found.push(Change { only_longer, until, rule, because, ..nothing_of(whose) });
        }
    };
    compare(Whose::Anonymous, Holder::Anonymous, Holder::Anonymous, Because::Grant);
    if this.has_users() {
        compare(Whose::SignedIn, Holder::SignedIn, Holder::SignedIn, Because::Grant);
    }
    for user in this.users() {
        let before = other.user(user.name.as_str());
        let there = before.map_or(Holder::Unknown, |before| Holder::User(before));
        let because = match (before, Base::of(other, &user.name, at)) {
            (None, _) => Because::Existence,
            (Some(_), Base::Nobody) => Because::Activity,
            (Some(before), _) if before.expires != user.expires => Because::Activity,
            _ => Because::Grant,
        };
        compare(Whose::User(user.name.clone()), Holder::User(user), there, because);
    }
    changes.extend(found);
}

/// A change of somebody that concerns no image.
pub(super) fn nothing_of(whose: Whose) -> Change {
    Change {
        whose,
        doing: Doing::SigningIn,
        images: None,
        below: None,
        tags: None,
        immutable: Vec::new(),
        until: None,
        only_longer: false,
        in_part: false,
        undecided: false,
        example: Example::default(),
        because: Because::Grant,
        through: None,
        rule: None,
    }
}
