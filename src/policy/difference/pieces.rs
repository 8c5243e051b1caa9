//! Which images of a repository were whose on the other side.

use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::super::coverage::Prefixes;
use super::super::{Access, Grant, QuickMap, Repository, Snapshot, Who};
use crate::identity::User;

/// The grants of a repository by those to whom they are made, put together when they are asked for: there may be as
/// many as users, and each user asks.
#[derive(Debug, Default)]
pub(super) struct ByWho<'a>(OnceCell<QuickMap<&'a Who, Vec<(usize, &'a Grant)>>>);

impl<'a> ByWho<'a> {
    fn of(&self, repository: &'a Repository) -> &QuickMap<&'a Who, Vec<(usize, &'a Grant)>> {
        self.0.get_or_init(|| {
            let mut by_who: QuickMap<&Who, Vec<(usize, &Grant)>> = QuickMap::default();
            for (at, grant) in repository.access.grants().enumerate() {
                by_who.entry(&grant.who).or_default().push((at, grant));
            }
            by_who
        })
    }

    /// The grants to any of these, in the order in which they are written.
    pub(super) fn grants(&self, repository: &'a Repository, to: &BTreeSet<Who>) -> impl Iterator<Item = &'a Grant> {
        let by_who = self.of(repository);
        let mut found: Vec<_> = to.iter().filter_map(|who| by_who.get(who)).flatten().copied().collect();
        found.sort_unstable_by_key(|(at, _)| *at);
        found.into_iter().map(|(_, grant)| grant)
    }

    /// Adds as what a user is named here: by the own name, and by groups.
    pub(super) fn add_names(&self, repository: &'a Repository, user: &User, names: &mut BTreeSet<Who>) {
        let by_who = self.of(repository);
        let groups = user.groups.iter().cloned().map(Who::Group);
        names.extend([Who::User(user.name.clone())].into_iter().chain(groups).filter(|who| by_who.contains_key(who)));
    }
}

/// Images that one repository serves on this side, and one or none on the other.
#[derive(Debug)]
pub(super) struct Piece<'a> {
    /// The other side's repository.
    pub(super) other: Option<&'a Repository>,
    /// What that grants.
    pub(super) granted: ByWho<'a>,
    /// Where it begins inside of this side's names.
    pub(super) below: Option<&'a str>,
    /// Without these prefixes, in order.
    pub(super) without: Vec<&'a str>,
}

/// A repository of this side, with all its images.
#[derive(Debug)]
pub(super) struct Whole<'a> {
    pub(super) repository: &'a Repository,
    /// What it grants.
    pub(super) granted: ByWho<'a>,
    pub(super) pieces: Vec<Piece<'a>>,
    /// Whether all images were served by a repository with the same grants and immutable tags.
    pub(super) is_same: bool,
}

/// All repositories of this side, cut by those of the other.
pub(super) fn cut<'a>(this: &'a Snapshot, other: &'a Snapshot) -> Vec<Whole<'a>> {
    let (here, there) = (Prefixes::of(this), Prefixes::of(other));
    // The other side's repositories that begin inside of one of this side's.
    let mut inner: HashMap<&str, Vec<&Repository>> = HashMap::new();
    for repository in first_of_each_prefix(other) {
        if let Some(owner) = owner(this, &repository.prefix).filter(|owner| owner.prefix != repository.prefix) {
            inner.entry(&owner.prefix).or_default().push(repository);
        }
    }
    let whole = |repository: &'a Repository| {
        let prefix = &*repository.prefix;
        let outer = owner(other, prefix);
        let inner = inner.remove(prefix).unwrap_or_default();
        let is_same = inner.is_empty()
            && outer.is_some_and(|outer| {
                *outer.prefix == *prefix && outer.immutable_tags == repository.immutable_tags && same(repository, outer)
            });
        let without = |prefix: &str| {
            let mut without = [here.below(prefix), there.below(prefix)].concat();
            without.sort_unstable();
            without.dedup();
            without
        };
        let outer = Piece { other: outer, granted: ByWho::default(), below: None, without: without(prefix) };
        let inner = inner.into_iter().map(|inner| Piece {
            other: Some(inner),
            granted: ByWho::default(),
            below: Some(&*inner.prefix),
            without: without(&inner.prefix),
        });
        Whole { repository, granted: ByWho::default(), pieces: [outer].into_iter().chain(inner).collect(), is_same }
    };
    first_of_each_prefix(this).map(whole).collect()
}

/// The repositories that count: the first of each prefix.
fn first_of_each_prefix(snapshot: &Snapshot) -> impl Iterator<Item = &Repository> {
    let counts = |repository: &&Arc<Repository>| {
        snapshot.repository_at(&repository.prefix).is_some_and(|found| Arc::ptr_eq(found, repository))
    };
    snapshot.repositories().iter().filter(counts).map(|repository| &**repository)
}

/// The repository that serves the image named like a prefix.
fn owner<'a>(snapshot: &'a Snapshot, prefix: &str) -> Option<&'a Repository> {
    let mut next = Some(prefix);
    std::iter::from_fn(|| {
        let current = next?;
        next = match current.rfind('/') {
            Some(slash) => current.get(..slash),
            None if current.is_empty() => None,
            None => Some(""),
        };
        Some(current)
    })
    .find_map(|prefix| snapshot.repository_at(prefix))
    .map(|repository| &**repository)
}

/// Whether two repositories say the same in the same words, wherever it stands.
fn same(one: &Repository, other: &Repository) -> bool {
    let words = |grant: &Grant, of: &Grant| grant.who == of.who && grant.what == of.what && grant.until == of.until;
    match (&one.access, &other.access) {
        (Access::Open(_), Access::Open(_)) | (Access::Closed, Access::Closed) => true,
        (Access::Granted(one), Access::Granted(other)) => {
            let (one, other) = (one.grants(), other.grants());
            one.len() == other.len() && one.zip(other).all(|(one, other)| words(one, other))
        }
        _ => false,
    }
}
