//! Who is granted anything at all, which is what signing in needs.

use std::sync::{Arc, OnceLock};

use jiff::Timestamp;

use super::{Access, Holder, QuickMap, Repository, Rule, Who};
use crate::identity::{End, User, UserName};

/// As many repositories share a table, roughly: few tables are looked into, and few grants are gone through
/// again where one repository changed.
const SHARE: usize = 256;

/// Which subjects are granted anything, in tables of some repositories each.
#[derive(Debug, Default)]
pub(super) struct Standing {
    shares: Vec<Arc<Share>>,
}

/// Some repositories, and what they grant together, which is found where it is first asked for: many millions of
/// grants would otherwise keep a new configuration from being in force.
#[derive(Debug)]
struct Share {
    repositories: Vec<Arc<Repository>>,
    grants: OnceLock<Grants>,
}

/// The grant of each [`Who`] that holds the longest.
#[derive(Debug, Default)]
struct Grants {
    anyone: Option<Longest>,
    signed_in: Option<Longest>,
    groups: QuickMap<UserName, Longest>,
    users: QuickMap<UserName, Longest>,
}

#[derive(Debug)]
struct Longest {
    until: Option<End>,
    rule: Rule,
}

impl Longest {
    fn holds_at(&self, now: Timestamp) -> bool {
        !self.until.is_some_and(|end| end.is_past(now))
    }

    /// Whether another end comes later; `None` never comes.
    fn ends_before(&self, other: Option<End>) -> bool {
        match (self.until, other) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(ours), Some(theirs)) => ours < theirs,
        }
    }
}

impl Standing {
    /// Takes in what repositories grant, after another standing, of which is used again what is the same.
    pub(super) fn following(before: &Self, repositories: Vec<Arc<Repository>>) -> Self {
        let count = (repositories.len() / SHARE).next_power_of_two();
        let mut shares = vec![Vec::new(); count];
        for repository in repositories {
            // By its prefix, so that what comes and goes moves no other one.
            let hash = repository.prefix.bytes().fold(0_usize, |hash, b| hash.wrapping_mul(31).wrapping_add(b.into()));
            shares[hash % count].push(repository);
        }
        let before = Some(before).filter(|before| before.shares.len() == count);
        let make = |(at, repositories): (usize, Vec<Arc<Repository>>)| {
            let same = before.and_then(|before| before.shares.get(at)).filter(|share| share.is_of(&repositories));
            same.map_or_else(|| Arc::new(Share::new(repositories)), Arc::clone)
        };
        Self { shares: shares.into_iter().enumerate().map(make).collect() }
    }

    /// Finds what was not asked for yet, so that nobody who signs in waits for it.
    pub(super) fn find_all(&self) {
        for share in &self.shares {
            share.grants();
        }
    }

    /// The same with other versions of some repositories, which have the same prefixes.
    pub(super) fn replacing(&self, changed: &[Arc<Repository>]) -> Self {
        let mut shares = self.shares.clone();
        for share in &mut shares {
            let newer = |old: &Arc<Repository>| changed.iter().find(|repository| repository.prefix == old.prefix);
            if share.repositories.iter().any(|old| newer(old).is_some()) {
                let repositories = share.repositories.iter().map(|old| Arc::clone(newer(old).unwrap_or(old)));
                *share = Arc::new(Share::new(repositories.collect()));
            }
        }
        Self { shares }
    }

    /// The rule of a grant that a subject has anywhere.
    pub(super) fn any_grant(&self, user: Option<&User>, now: Timestamp) -> Option<&Rule> {
        let holder = user.map_or(Holder::Anonymous, Holder::User);
        self.all(holder).find(|longest| longest.holds_at(now)).map(|longest| &longest.rule)
    }

    /// The grant that a holder has the longest: its end, and its rule.
    pub(super) fn longest(&self, holder: Holder<'_>) -> Option<(Option<End>, &Rule)> {
        let later = |one: &&Longest, other: &&Longest| match (one.until, other.until) {
            (Some(one), Some(other)) => one.cmp(&other),
            (one, other) => one.is_none().cmp(&other.is_none()),
        };
        self.all(holder).max_by(later).map(|longest| (longest.until, &longest.rule))
    }

    fn all<'s, 'u>(&'s self, holder: Holder<'u>) -> impl Iterator<Item = &'s Longest> {
        self.shares.iter().flat_map(move |share| share.all(holder))
    }
}

impl Share {
    fn new(repositories: Vec<Arc<Repository>>) -> Self {
        Self { repositories, grants: OnceLock::new() }
    }

    fn grants(&self) -> &Grants {
        self.grants.get_or_init(|| {
            let mut grants = Grants::default();
            self.repositories.iter().for_each(|repository| grants.add(repository));
            grants
        })
    }

    /// Whether it was made of just these, none of them changed.
    fn is_of(&self, repositories: &[Arc<Repository>]) -> bool {
        self.repositories.len() == repositories.len()
            && self.repositories.iter().zip(repositories).all(|(one, other)| Arc::ptr_eq(one, other))
    }

    fn all<'s, 'u>(&'s self, holder: Holder<'u>) -> impl Iterator<Item = &'s Longest> + use<'s, 'u> {
        self.grants().all(holder)
    }
}

impl Grants {
    /// Takes in what a repository grants. An open one grants to anybody for ever.
    fn add(&mut self, repository: &Repository) {
        if let Access::Open(rule) = &repository.access {
            improve(&mut self.anyone, None, rule);
        }
        for grant in repository.access.grants() {
            match &grant.who {
                Who::Anyone => improve(&mut self.anyone, grant.until, &grant.rule),
                Who::SignedIn => improve(&mut self.signed_in, grant.until, &grant.rule),
                Who::Group(name) => improve_named(&mut self.groups, name, grant.until, &grant.rule),
                Who::User(name) => improve_named(&mut self.users, name, grant.until, &grant.rule),
            }
        }
    }

    fn all<'s, 'u>(&'s self, holder: Holder<'u>) -> impl Iterator<Item = &'s Longest> + use<'s, 'u> {
        let named = holder.user().into_iter().flat_map(|user| {
            let own = self.users.get(&user.name);
            own.into_iter().chain(user.groups.iter().filter_map(|group| self.groups.get(group)))
        });
        let signed_in = self.signed_in.as_ref().filter(|_| !matches!(holder, Holder::Anonymous));
        named.chain(signed_in).chain(&self.anyone)
    }
}

fn improve(slot: &mut Option<Longest>, until: Option<End>, rule: &Rule) {
    if slot.as_ref().is_none_or(|longest| longest.ends_before(until)) {
        *slot = Some(Longest { until, rule: rule.clone() });
    }
}

fn improve_named(slots: &mut QuickMap<UserName, Longest>, name: &UserName, until: Option<End>, rule: &Rule) {
    match slots.get_mut(name) {
        Some(longest) if longest.ends_before(until) => *longest = Longest { until, rule: rule.clone() },
        Some(_) => {}
        None => drop(slots.insert(name.clone(), Longest { until, rule: rule.clone() })),
    }
}
