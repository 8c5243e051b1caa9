//! Who is granted anything at all, which is what signing in needs.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{Access, Repository, Rule, Who};
use crate::identity::{End, User, UserName};

/// The grant of each [`Who`] that holds the longest, from all repositories together.
#[derive(Debug, Default)]
pub(super) struct Standing {
    anyone: Option<Longest>,
    signed_in: Option<Longest>,
    groups: HashMap<UserName, Longest>,
    users: HashMap<UserName, Longest>,
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
    /// Takes in what a repository grants. An open one grants to anybody for ever.
    pub(super) fn add(&mut self, repository: &Repository) {
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

    /// The rule of a grant that a subject has anywhere.
    pub(super) fn any_grant(&self, user: Option<&User>, now: Timestamp) -> Option<&Rule> {
        let named = user.into_iter().flat_map(|user| {
            let own = self.users.get(&user.name);
            own.into_iter().chain(user.groups.iter().filter_map(|group| self.groups.get(group)))
        });
        let signed_in = self.signed_in.as_ref().filter(|_| user.is_some());
        let mut all = named.chain(signed_in).chain(&self.anyone);
        all.find(|longest| longest.holds_at(now)).map(|longest| &longest.rule)
    }
}

fn improve(slot: &mut Option<Longest>, until: Option<End>, rule: &Rule) {
    if slot.as_ref().is_none_or(|longest| longest.ends_before(until)) {
        *slot = Some(Longest { until, rule: rule.clone() });
    }
}

fn improve_named(slots: &mut HashMap<UserName, Longest>, name: &UserName, until: Option<End>, rule: &Rule) {
    match slots.get_mut(name) {
        Some(longest) if longest.ends_before(until) => *longest = Longest { until, rule: rule.clone() },
        Some(_) => {}
        None => drop(slots.insert(name.clone(), Longest { until, rule: rule.clone() })),
    }
}
