//! How much a reload takes away at once, and what of that is too much to be meant.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::policy::{Access, Repository, Snapshot};

/// Fewer repositories than these may all go at once: in a small folder that is an ordinary change.
const REPOSITORIES_LEAST: usize = 4;

/// What a folder's texts remove and a reload does not: an empty mount or a broken checkout looks just like it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removals {
    /// How many users are kept, and whether: never some of them.
    pub users: usize,
    /// The names of the repositories that are kept.
    pub repositories: BTreeSet<Arc<str>>,
}

impl Removals {
    /// What goes from what is in force to what would follow it.
    ///
    /// A repository is not gone where its file only has another name and the images keep theirs. One that is
    /// closed was not in force.
    pub fn between(in_force: &Snapshot, next: &Snapshot) -> Gone {
        let users = if next.has_users() { 0 } else { in_force.users().count() };
        // Both are in the order of the names, and mostly the same.
        let mut stays = next.repositories().iter().peekable();
        let mut before = 0;
        let mut gone = BTreeSet::new();
        for repository in in_force.repositories().iter().filter(|found| is_open(found)) {
            before += 1;
            while stays.next_if(|stays| stays.name < repository.name).is_some() {}
            let mut same_name = stays.clone().take_while(|stays| stays.name == repository.name);
            if !same_name.any(is_open) && !next.repository_at(&repository.prefix).is_some_and(is_open) {
                gone.insert(Arc::clone(&repository.name));
            }
        }
        Gone { users, repositories: gone, before }
    }

    /// Whether nothing is kept that the texts remove.
    pub fn is_empty(&self) -> bool {
        self.users == 0 && self.repositories.is_empty()
    }
}

/// What goes at once.
#[derive(Debug)]
pub struct Gone {
    users: usize,
    repositories: BTreeSet<Arc<str>>,
    /// How many repositories there were.
    before: usize,
}

impl Gone {
    /// Whether it is so much that more may follow, from somebody who removes one file after another.
    pub fn may_go_on(&self) -> bool {
        self.repositories.len() >= REPOSITORIES_LEAST
    }

    /// What of it is too much at once: all users, or more than half of at least four repositories. Nothing where
    /// it is not.
    pub fn too_many(self) -> Removals {
        let is_too_much = self.before >= REPOSITORIES_LEAST && self.repositories.len() * 2 > self.before;
        let repositories = if is_too_much { self.repositories } else { BTreeSet::new() };
        Removals { users: self.users, repositories }
    }
}

fn is_open(repository: &Arc<Repository>) -> bool {
    !matches!(repository.access, Access::Closed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::identity::{HashKind, PasswordHash, Secret, User, UserName};
    use crate::policy::{Rule, StorageKey};

    fn repository(name: &str, prefix: &str, is_closed: bool) -> Repository {
        let file: Arc<str> = format!("repos/{name}.yaml").into();
        let access = if is_closed { Access::Closed } else { Access::Open(Rule::NoSection { file: Arc::clone(&file) }) };
        Repository {
            name: name.into(),
            file,
            prefix: prefix.into(),
            storage: StorageKey("memory".into()),
            port: None,
            immutable_tags: Vec::new(),
            access,
        }
    }

    fn user(name: &str) -> User {
        let name = UserName::parse(name).unwrap();
        let hash = PasswordHash::parse(HashKind::Plain, "secret").unwrap();
        User {
            secrets: vec![Secret::new(&name, hash, None)],
            groups: BTreeSet::new(),
            admin: false,
            email: None,
            description: None,
            expires: None,
            enabled: false,
            name,
        }
    }

    /// Repositories of these names, with prefixes of their own where an `=` names one; `!` closes one.
    fn snapshot(users: &[&str], repositories: &[&str]) -> Snapshot {
        let repositories = repositories.iter().map(|text| {
            let (text, is_closed) = text.strip_prefix('!').map_or((*text, false), |text| (text, true));
            let (name, prefix) = text.split_once('=').unwrap_or((text, text));
            repository(name, prefix, is_closed)
        });
        let mut repositories: Vec<_> = repositories.collect();
        repositories.sort_by(|one, other| one.name.cmp(&other.name));
        Snapshot::new(users.iter().map(|name| user(name)), repositories)
    }

    #[track_caller]
    fn kept(before: &[&str], after: &[&str], kept: &[&str]) {
        let removals = Removals::between(&snapshot(&[], before), &snapshot(&[], after)).too_many();
        assert_eq!(removals.repositories.iter().map(|name| &**name).collect::<Vec<_>>(), kept);
    }

    #[test]
    fn all_users_never_go_at_once() {
        let users = |before: &[&str], after: &[&str]| {
            Removals::between(&snapshot(before, &[]), &snapshot(after, &[])).too_many().users
        };
        assert_eq!(users(&["jane", "joe"], &[]), 2);
        assert_eq!(users(&["jane"], &[]), 1);
        assert_eq!(users(&["jane", "joe"], &["joe"]), 0);
        assert_eq!(users(&["jane"], &["joe"]), 0, "whoever replaces all users means it");
        assert_eq!(users(&[], &[]), 0);
    }

    #[test]
    fn more_than_half_of_at_least_four_repositories_do_not_go_at_once() {
        kept(&["a", "b", "c", "d"], &["a", "b"], &[]);
        kept(&["a", "b", "c", "d"], &["a"], &["b", "c", "d"]);
        kept(&["a", "b", "c", "d"], &[], &["a", "b", "c", "d"]);
        kept(&["a", "b", "c"], &[], &[]);
        kept(&["a", "b", "c", "d", "e"], &["a", "b", "new", "newer"], &["c", "d", "e"]);
    }

    #[test]
    fn a_file_that_moves_or_gets_another_prefix_is_not_gone() {
        kept(&["a", "b", "c", "d"], &["x=a", "y=b", "z=c"], &[]);
        kept(&["a", "b", "c", "d"], &["a=x", "b=y", "c=z"], &[]);
        kept(&["a", "b", "c", "d"], &["x=y", "d"], &["a", "b", "c"]);
        // The name of one is no prefix of another.
        kept(&["a=1", "b=2", "c=3", "d=4"], &["x=a", "y=b", "z=c"], &["a", "b", "c", "d"]);
    }

    #[test]
    fn what_is_closed_was_not_in_force_and_takes_nobodys_place() {
        kept(&["!a", "!b", "!c", "d"], &[], &[]);
        kept(&["a", "b", "c", "d"], &["!x=a", "!y=b", "!z=c"], &["a", "b", "c", "d"]);
    }

    proptest! {
        #[test]
        fn keeps_all_that_goes_or_nothing(before in 0_usize..12, stays in proptest::collection::vec(any::<bool>(), 12), new in 0_usize..4) {
            let old: Vec<String> = (0..before).map(|number| format!("r{number}")).collect();
            let left: Vec<&String> = old.iter().zip(&stays).filter(|(_, stays)| **stays).map(|(name, _)| name).collect();
            let mut next: Vec<String> = left.iter().map(|name| (*name).clone()).collect();
            next.extend((0..new).map(|number| format!("new{number}")));
            let of = |names: &[String]| snapshot(&[], &names.iter().map(String::as_str).collect::<Vec<_>>());
            let gone: BTreeSet<Arc<str>> =
                old.iter().filter(|name| !left.contains(name)).map(|name| name.as_str().into()).collect();
            let removals = Removals::between(&of(&old), &of(&next)).too_many();
            let too_much = before >= 4 && gone.len() > before / 2;
            prop_assert_eq!(&removals.repositories, &if too_much { gone } else { BTreeSet::new() });
            // With what is kept, nothing more goes.
            next.extend(removals.repositories.iter().map(ToString::to_string));
            prop_assert!(Removals::between(&of(&old), &of(&next)).too_many().is_empty());
        }
    }
}
