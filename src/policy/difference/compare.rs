//! Grants compared, repository by repository and subject by subject.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use super::super::coverage::{Facet, NamePattern};
use super::super::{Access, ActionSet, ImageGlob, Rule, Snapshot, Through, What, Who};
use super::accounts::nothing_of;
use super::pieces::{Whole, cut};
use super::{Because, Change, Doing, Whose};
use crate::identity::{End, User, UserName};

/// What a side makes of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Base {
    /// Unknown, disabled or expired.
    Nobody,
    /// Has what is granted.
    Ordinary,
    /// May do everything.
    Admin,
}

impl Base {
    pub(super) fn of(snapshot: &Snapshot, name: &UserName, at: Timestamp) -> Self {
        match snapshot.user(name.as_str()) {
            Some(user) if !user.is_active(at) => Self::Nobody,
            Some(user) if user.admin => Self::Admin,
            Some(_) => Self::Ordinary,
            None => Self::Nobody,
        }
    }
}

/// A subject, as far as grants go. Subjects that are alike in all of this have the same rights.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Likeness {
    /// To whom the grants are made that this side has and only this subject, or its like, profits from.
    pub(super) own: BTreeSet<Who>,
    /// To whom the grants of the other side are made that count.
    pub(super) there: BTreeSet<Who>,
    /// What the other side makes of it.
    pub(super) base: Base,
    /// The end of the user.
    pub(super) expires: Option<End>,
}

/// All changes that grants make. Subjects that profit from several grants have a change for each.
pub(super) fn changes(this: &Snapshot, other: &Snapshot, at: Timestamp) -> Vec<Change> {
    let comparison = Comparison::new(this, other, at);
    let wholes = cut(this, other);
    let mut changes = Vec::new();
    for whole in &wholes {
        comparison.repository(whole, &mut changes);
    }
    comparison.new_admins(&wholes, &mut changes);
    changes
}

/// Two sides.
pub(super) struct Comparison<'a> {
    this: &'a Snapshot,
    other: &'a Snapshot,
    pub(super) at: Timestamp,
    /// The members of each group of this side who have what is granted, and no more.
    members: HashMap<&'a UserName, Vec<&'a User>>,
    /// The users who differ, by those to whom grants are made that count for them on one side only.
    moved: HashMap<Who, Vec<&'a User>>,
    pub(super) everything: What,
}

impl<'a> Comparison<'a> {
    fn new(this: &'a Snapshot, other: &'a Snapshot, at: Timestamp) -> Self {
        let mut members: HashMap<&UserName, Vec<&User>> = HashMap::new();
        let mut moved: HashMap<Who, Vec<&User>> = HashMap::new();
        for user in this.users().filter(|user| Base::of(this, &user.name, at) == Base::Ordinary) {
            let before = other.user(user.name.as_str());
            let is_new = Base::of(other, &user.name, at) == Base::Nobody;
            for group in &user.groups {
                members.entry(group).or_default().push(user);
                if is_new || !before.is_some_and(|before| before.groups.contains(group)) {
                    moved.entry(Who::Group(group.clone())).or_default().push(user);
                }
            }
            if is_new {
                moved.entry(Who::User(user.name.clone())).or_default().push(user);
            }
        }
        let (images, tags, actions) = (ImageGlob::everything(), None, ActionSet::ALL);
        Self { this, other, at, members, moved, everything: What::Images { images, tags, actions } }
    }

    fn repository(&self, whole: &Whole<'a>, changes: &mut Vec<Change>) {
        let mut found: HashMap<Likeness, Vec<Change>> = HashMap::new();
        let mut look = |whose: Whose, likeness: Likeness, changes: &mut Vec<Change>| {
            let alike = found.entry(likeness).or_insert_with_key(|likeness| self.of_likeness(whole, likeness));
            changes.extend(alike.iter().map(|change| Change { whose: whose.clone(), ..change.clone() }));
        };
        if !whole.is_same {
            let anyone = BTreeSet::from([Who::Anyone]);
            let signed_in = BTreeSet::from([Who::Anyone, Who::SignedIn]);
            let like =
                |who: BTreeSet<Who>| Likeness { own: who.clone(), there: who, base: Base::Ordinary, expires: None };
            look(Whose::Anonymous, like(anyone), changes);
            if self.this.has_users() {
                look(Whose::SignedIn, like(signed_in), changes);
            }
        }
        for user in self.users_of(whole) {
            look(Whose::User(user.name.clone()), self.likeness(whole, user), changes);
        }
    }

    /// The users to whom a repository grants something that may be new to them.
    fn users_of(&self, whole: &Whole<'a>) -> Vec<&'a User> {
        let mut users: BTreeMap<&UserName, &User> = BTreeMap::new();
        let mut seen: BTreeSet<&Who> = BTreeSet::new();
        if whole.is_same && self.moved.is_empty() {
            return Vec::new();
        }
        for grant in whole.repository.access.grants().filter(|grant| seen.insert(&grant.who)) {
            let all: &[&User] = match &grant.who {
                who if whole.is_same => self.moved.get(who).map_or(&[], Vec::as_slice),
                Who::Group(group) => self.members.get(group).map_or(&[], Vec::as_slice),
                Who::User(name) => {
                    let user = self.this.user(name.as_str());
                    let user = user.filter(|user| Base::of(self.this, &user.name, self.at) == Base::Ordinary);
                    users.extend(user.map(|user| (&user.name, &**user)));
                    &[]
                }
                Who::Anyone | Who::SignedIn => &[],
            };
            users.extend(all.iter().map(|user| (&user.name, *user)));
        }
        users.into_values().collect()
    }

    fn likeness(&self, whole: &Whole<'a>, user: &User) -> Likeness {
        let (mut own, mut there) = (BTreeSet::new(), BTreeSet::from([Who::Anyone, Who::SignedIn]));
        whole.granted.add_names(whole.repository, user, &mut own);
        if let Some(before) = self.other.user(user.name.as_str()) {
            for piece in &whole.pieces {
                if let Some(other) = piece.other {
                    piece.granted.add_names(other, before, &mut there);
                }
            }
        }
        Likeness { own, there, base: Base::of(self.other, &user.name, self.at), expires: user.expires }
    }

    /// Who is an admin on this side only gains everything: one change for all repositories. It is told even
    /// where grants gave all of that, since what is added later is an admin's, too, and no change then.
    fn new_admins(&self, wholes: &[Whole<'a>], changes: &mut Vec<Change>) {
        for user in self.this.users().filter(|user| Base::of(self.this, &user.name, self.at) == Base::Admin) {
            let base = Base::of(self.other, &user.name, self.at);
            if base == Base::Admin {
                continue;
            }
            let mut gained: Vec<Change> = Vec::new();
            let mut facets: BTreeSet<Facet> = BTreeSet::new();
            let open = wholes.iter().filter(|whole| !matches!(whole.repository.access, Access::Closed));
            for whole in open {
                let like = Likeness { base, expires: None, ..self.likeness(whole, user) };
                let atom = self.all(whole.repository, Through::Admin, &Rule::Admin);
                for piece in &whole.pieces {
                    let (covers, immutable) = self.covers(piece, &like);
                    for change in self.of_atom(&atom, &[], piece, &covers, immutable) {
                        if let Doing::With(more) = &change.doing {
                            facets.extend(more);
                        }
                        gained.push(change);
                    }
                }
                if facets.len() + 1 >= Facet::ALL.len() && gained.iter().any(|change| !change.only_longer) {
                    break;
                }
            }
            let all = Change {
                through: Some(Through::Admin),
                rule: Some(Rule::Admin),
                ..nothing_of(Whose::User(user.name.clone()))
            };
            // What is gained today says it better than what only ends later.
            let first =
                gained.into_iter().min_by_key(|change| (change.only_longer, change.doing.clone())).unwrap_or(all);
            if facets.is_empty() {
                facets.extend(Facet::ALL.into_iter().filter(|facet| *facet != Facet::Catalog));
            }
            let shown = match &first.doing {
                Doing::With(facets) => facets.first().copied(),
                Doing::SigningIn => None,
            };
            let mut doing: Vec<Facet> = facets.into_iter().collect();
            doing.sort_by_key(|facet| Some(*facet) != shown);
            changes.push(Change {
                whose: Whose::User(user.name.clone()),
                doing: Doing::With(doing),
                images: Some(NamePattern::all_below("")),
                below: None,
                until: user.expires,
                in_part: base == Base::Ordinary,
                because: Because::Admin,
                ..first
            });
        }
    }
}
