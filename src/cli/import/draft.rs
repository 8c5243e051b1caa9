//! The configuration that an import makes, before it is written.

use std::collections::BTreeSet;

use crate::identity::{HashKind, UserName};

/// A configuration to be written.
#[derive(Debug)]
pub(super) struct Draft {
    /// From where it came, for the comment at the head of each file.
    pub(super) origin: String,
    pub(super) users: Vec<NewUser>,
    pub(super) repositories: Vec<NewRepository>,
    pub(super) storages: Vec<(String, Storage)>,
}

/// A user.
pub(super) struct NewUser {
    pub(super) name: UserName,
    pub(super) kind: HashKind,
    pub(super) pass: String,
    pub(super) email: Option<String>,
    pub(super) groups: BTreeSet<UserName>,
    pub(super) is_enabled: bool,
}

impl std::fmt::Debug for NewUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewUser({})", self.name)
    }
}

/// A repository.
#[derive(Debug)]
pub(super) struct NewRepository {
    /// The path of its file below `repos/`, without the ending.
    pub(super) name: String,
    pub(super) prefix: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) storage: Option<StorageOf>,
    /// `None`: no section, which opens it to everyone.
    pub(super) permissions: Option<Vec<(String, Vec<Entry>)>>,
}

/// An entry of a permissions section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) text: String,
    pub(super) comment: Option<String>,
}

/// Where a repository's images are.
#[derive(Debug)]
pub(super) enum StorageOf {
    Alias(String),
    InPlace(Storage),
}

/// A storage.
#[derive(Debug)]
pub(super) enum Storage {
    Fs { path: String },
    S3 { bucket: String, region: Option<String>, endpoint: Option<String>, keys: Option<KeyNames> },
}

/// The environment variables that will hold the keys to a bucket.
#[derive(Debug)]
pub(super) struct KeyNames {
    pub(super) id: String,
    pub(super) secret: String,
}

impl Draft {
    pub(super) fn new(origin: impl Into<String>) -> Self {
        Self { origin: origin.into(), users: Vec::new(), repositories: Vec::new(), storages: Vec::new() }
    }

    /// Whether there is nothing to be written.
    pub(super) fn is_empty(&self) -> bool {
        self.users.is_empty() && self.repositories.is_empty() && self.storages.is_empty()
    }
}

impl NewUser {
    pub(super) fn new(name: UserName, kind: HashKind, pass: &str) -> Self {
        Self { name, kind, pass: pass.to_owned(), email: None, groups: BTreeSet::new(), is_enabled: true }
    }
}

impl NewRepository {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), prefix: None, port: None, storage: None, permissions: None }
    }
}

impl Entry {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), comment: None }
    }
}
