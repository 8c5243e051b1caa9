//! One immutable picture of who may do what.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::standing::Standing;
use super::{Access, TagGlob};
use crate::identity::User;
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
    users: HashMap<Arc<str>, Arc<User>>,
    repositories: Vec<Arc<Repository>>,
    by_prefix: HashMap<Arc<str>, Arc<Repository>>,
    standing: Standing,
}

impl Snapshot {
    /// Puts a snapshot together. Of two users of one name, or two repositories of one prefix, the
    /// first counts; the configuration compiler reports such conflicts before.
    pub fn new(users: impl IntoIterator<Item = User>, repositories: impl IntoIterator<Item = Repository>) -> Self {
        let mut snapshot = Self::default();
        for user in users {
            snapshot.users.entry(user.name.as_str().into()).or_insert_with(|| Arc::new(user));
        }
        for repository in repositories {
            let repository = Arc::new(repository);
            if let Entry::Vacant(free) = snapshot.by_prefix.entry(Arc::clone(&repository.prefix)) {
                snapshot.standing.add(&repository);
                free.insert(Arc::clone(&repository));
            }
            snapshot.repositories.push(repository);
        }
        snapshot
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
    pub(super) fn repository_at(&self, prefix: &str) -> Option<&Arc<Repository>> {
        self.by_prefix.get(prefix)
    }

    /// The rule of a grant, in any repository, that still holds for a user (`None`: anonymous).
    pub(super) fn any_grant(&self, user: Option<&User>, now: Timestamp) -> Option<&Rule> {
        self.standing.any_grant(user, now)
    }
}
