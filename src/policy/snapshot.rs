//! One immutable picture of who may do what.

use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::standing::Standing;
use super::{Access, Holder, QuickMap, TagGlob};
use crate::identity::{End, User, UserName};
use crate::oci::ImageName;

/// Where the rule stands that decided.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Rule {
    /// The user is an admin.
    Admin,
    /// The repository has no permissions section, which opens it to everyone.
    NoSection {
        /// The repository's file.
        file: Arc<str>,
    },
    /// An entry of a permissions section.
    Entry {
        /// The repository's file, relative to the configuration folder.
        file: Arc<str>,
        /// Line of the entry, from 1.
        line: u32,
    },
    /// What holds for everyone: an endpoint that needs no grant.
    Public,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Admin => f.write_str("admin"),
            Self::NoSection { file } => write!(f, "{file} (no permissions section)"),
            Self::Entry { file, line } => write!(f, "{file}:{line}"),
            Self::Public => f.write_str("public"),
        }
    }
}

/// Which storage holds a repository's images: a canonical text of its definition, so that equal
/// definitions are one storage. Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StorageKey(pub Arc<str>);

/// One configured repository.
#[derive(Debug, Clone)]
pub struct Repository {
    /// Name: path of the file below `repos/`, without its ending.
    pub name: Arc<str>,
    /// The file, relative to the configuration folder.
    pub file: Arc<str>,
    /// Prefix of the images it serves; `""` takes every name that nobody else claims.
    pub prefix: Arc<str>,
    /// Where its images are.
    pub storage: StorageKey,
    /// A port on which this repository alone is served.
    pub port: Option<u16>,
    /// Tags that are never overwritten or deleted but by admins.
    pub immutable_tags: Vec<TagGlob>,
    /// Who may do what.
    pub access: Access,
}

/// All users and repositories at one moment. Built by compiling the configuration; never changed.
#[derive(Debug, Default)]
pub struct Snapshot {
    users: Arc<QuickMap<UserName, Arc<User>>>,
    repositories: Vec<Arc<Repository>>,
    by_prefix: QuickMap<Arc<str>, Arc<Repository>>,
    standing: Standing,
}

impl Snapshot {
    /// Puts a snapshot together. Of two users of one name, or two repositories of one prefix, the
    /// first counts; the configuration compiler reports such conflicts before.
    pub fn new(users: impl IntoIterator<Item = User>, repositories: impl IntoIterator<Item = Repository>) -> Self {
        let repositories = repositories.into_iter().map(Arc::new).collect();
        Self::following(&Self::default(), Some(users.into_iter().collect()), repositories)
    }

    /// The same after another one, of which is used again what did not change: all users where no `users` are
    /// given, and what is known of the same repositories.
    pub fn following(before: &Self, users: Option<Vec<User>>, repositories: Vec<Arc<Repository>>) -> Self {
        let users = users.map_or_else(
            || Arc::clone(&before.users),
            |users| {
                let mut by_name: QuickMap<UserName, Arc<User>> = QuickMap::default();
                for user in users {
                    by_name.entry(user.name.clone()).or_insert_with(|| Arc::new(user));
                }
                Arc::new(by_name)
            },
        );
        let mut by_prefix: QuickMap<Arc<str>, Arc<Repository>> = QuickMap::default();
        by_prefix.reserve(repositories.len());
        let mut reached = Vec::with_capacity(repositories.len());
        for repository in &repositories {
            if let Entry::Vacant(free) = by_prefix.entry(Arc::clone(&repository.prefix)) {
                reached.push(Arc::clone(repository));
                free.insert(Arc::clone(repository));
            }
        }
        let standing = Standing::following(&before.standing, reached);
        Self { users, repositories, by_prefix, standing }
    }

    /// The same with other versions of some repositories, each of which has the name and the prefix of one that
    /// is reached by it. `None` where that is not so.
    pub fn replacing(&self, changed: &[Arc<Repository>]) -> Option<Self> {
        let (mut repositories, mut by_prefix) = (self.repositories.clone(), self.by_prefix.clone());
        for repository in changed {
            let at = repositories.binary_search_by(|other| other.name.cmp(&repository.name)).ok()?;
            let reached = by_prefix.get_mut(&repository.prefix)?;
            if !Arc::ptr_eq(reached, &repositories[at]) {
                return None;
            }
            *reached = Arc::clone(repository);
            repositories[at] = Arc::clone(repository);
        }
        let standing = self.standing.replacing(changed);
        Some(Self { users: Arc::clone(&self.users), repositories, by_prefix, standing })
    }

    /// Finds out now what else is found where it is first asked for.
    pub fn find_all(&self) {
        self.standing.find_all();
    }

    /// The user of a name.
    pub fn user(&self, name: &str) -> Option<&Arc<User>> {
        self.users.get(name)
    }

    /// All users, in no order.
    pub fn users(&self) -> impl Iterator<Item = &Arc<User>> {
        self.users.values()
    }

    /// Whether any user exists, which makes `GET /v2/` ask for credentials.
    pub fn has_users(&self) -> bool {
        !self.users.is_empty()
    }

    /// All repositories, in the order of their names.
    pub fn repositories(&self) -> &[Arc<Repository>] {
        &self.repositories
    }

    /// The repository that serves an image: the one with the longest prefix.
    pub fn repository_of(&self, image: &ImageName) -> Option<&Arc<Repository>> {
        image.enclosing().find_map(|prefix| self.by_prefix.get(prefix))
    }

    /// The repository of exactly this prefix.
    pub fn repository_at(&self, prefix: &str) -> Option<&Arc<Repository>> {
        self.by_prefix.get(prefix)
    }

    /// The rule of a grant, in any repository, that still holds for a user (`None`: anonymous).
    pub(super) fn any_grant(&self, user: Option<&User>, now: Timestamp) -> Option<&Rule> {
        self.standing.any_grant(user, now)
    }

    /// The grant, in any repository, that a holder has the longest: its end and its rule.
    pub(super) fn longest_grant(&self, holder: Holder<'_>) -> Option<(Option<End>, &Rule)> {
        self.standing.longest(holder)
    }
}
