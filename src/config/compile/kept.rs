//! What the files of the configuration in force came to, so that a reload compiles only what changed.

use std::sync::Arc;

use super::repository::{Parsed, Surroundings};
use super::storages::Aliases;
use crate::diagnostic::{Diagnostic, Place};
use crate::policy::QuickMap;

/// What files came to, and what they were compiled against.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    aliases: Option<Aliases>,
    main_port: Option<(u16, Place)>,
    repositories: QuickMap<Arc<str>, Arc<KeptRepository>>,
    pub(super) credentials: Option<KeptCredentials>,
}

/// The text of the credentials, and what is wrong with it. The users are in the snapshot.
#[derive(Debug, Clone)]
pub(super) struct KeptCredentials {
    pub(super) text: Arc<str>,
    pub(super) told: Option<Told>,
}

/// What is wrong with a text by itself. Where the file holds secrets stands in the compile in force.
pub(super) type Told = Arc<[Diagnostic]>;

/// What the text of a repository came to.
#[derive(Debug)]
pub(super) struct KeptRepository {
    /// The same text in memory, not only an equal one.
    pub(super) text: Arc<str>,
    pub(super) parsed: Parsed,
    pub(super) told: Option<Told>,
}

impl Kept {
    /// Begins to keep what is compiled against these surroundings.
    pub(super) fn new(around: Surroundings<'_>) -> Self {
        let (aliases, main_port) = (around.aliases.cloned(), around.main_port.cloned());
        Self { aliases, main_port, repositories: QuickMap::default(), credentials: None }
    }

    /// Makes room for as many repositories.
    pub(super) fn reserve(&mut self, repositories: usize) {
        self.repositories.reserve(repositories);
    }

    /// What it was compiled against.
    pub(super) fn around(&self) -> Surroundings<'_> {
        Surroundings { aliases: self.aliases.as_ref(), main_port: self.main_port.as_ref(), lints: false }
    }

    /// Whether what is kept was compiled against the same surroundings.
    pub(super) fn fits(&self, around: Surroundings<'_>) -> bool {
        self.aliases.as_ref() == around.aliases && self.main_port.as_ref() == around.main_port
    }

    /// What a text came to, with what is wrong with it.
    pub(super) fn repository(&self, file: &str, text: &Arc<str>) -> Option<&Arc<KeptRepository>> {
        self.repositories.get(file).filter(|kept| Arc::ptr_eq(&kept.text, text))
    }

    /// Keeps what a text came to.
    pub(super) fn keep(&mut self, file: &Arc<str>, kept: Arc<KeptRepository>) {
        self.repositories.insert(Arc::clone(file), kept);
    }
}
