//! The storages of a configuration, opened for a command.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, stderr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::config::{Garbage, Model, StorageDefinition, compile};
use crate::policy::StorageKey;
use crate::registry::{Care, Progress, Registry, Rules, StorageError};

use super::At;
use crate::cli::{Exit, Failure, output, storages};

/// How often progress is shown.
const SHOW_EVERY: Duration = Duration::from_millis(200);

/// A storage that a command may open.
pub(super) type Choice = (StorageKey, StorageDefinition);

/// What a command needs to care for storages.
pub(super) struct Opened {
    folder: PathBuf,
    data: PathBuf,
    model: Arc<Model>,
    registry: Registry,
    runtime: tokio::runtime::Runtime,
}

impl Opened {
    /// Reads a configuration. Mistakes in a repository's file do no harm here.
    pub(super) fn at(at: &At) -> Result<Self, Failure> {
        let tree = at.folder.read()?;
        at.folder.require_files(&tree)?;
        let Some(model) = compile(&tree, None).model else {
            let failure = Failure::new("the configuration cannot be used").with_exit(Exit::No);
            return Err(failure.with_hint(format!("`portolan check {}` says why", at.folder.dir.display())));
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::new(format!("cannot start the async runtime: {error}")))?;
        let registry = Registry::new();
        registry.set_grace(model.settings.garbage.grace);
        Ok(Self { folder: at.folder.dir.clone(), data: at.data.clone(), model, registry, runtime })
    }

    /// How garbage is collected.
    pub(super) fn garbage(&self) -> Garbage {
        self.model.settings.garbage
    }

    /// A storage by its alias.
    pub(super) fn named(&self, name: &str) -> Result<Choice, Failure> {
        self.model.aliases.get(name).cloned().ok_or_else(|| {
            let names: Vec<&str> = self.model.aliases.keys().map(|name| &**name).collect();
            Failure::new(format!("there is no storage `{name}`"))
                .with_hint(format!("the storages are: {}", names.join(", ")))
                .with_exit(Exit::Usage)
        })
    }

    /// The storage of a name, or else all that repositories use, with what to call them.
    pub(super) fn chosen(&self, name: Option<&str>) -> Result<Vec<(String, Choice)>, Failure> {
        if let Some(name) = name {
            return Ok(vec![(name.to_owned(), self.named(name)?)]);
        }
        let aliases: BTreeMap<&StorageKey, &str> =
            self.model.aliases.iter().rev().map(|(name, (key, _))| (key, &**name)).collect();
        let called = |key: &StorageKey| aliases.get(key).map_or_else(|| key.0.to_string(), |name| (*name).to_owned());
        let used = self.model.storages.iter();
        Ok(used.map(|(key, definition)| (called(key), (key.clone(), definition.clone()))).collect())
    }

    /// Opens a storage.
    pub(super) fn care(&self, (key, definition): &Choice) -> Result<Care, Failure> {
        if *definition == StorageDefinition::Memory {
            return Err(Failure::new("a storage in memory is only there while its server runs").with_exit(Exit::Usage));
        }
        let options = storages::options(&self.folder, &self.data, definition).map_err(Failure::new)?;
        let failed = |error: StorageError| Failure::new(error.to_string());
        self.runtime.block_on(self.registry.open(key, options)).map_err(failed)?;
        Care::of(&self.registry, key, Rules::new(self.garbage().grace)).map_err(failed)
    }

    /// Does long work, and shows on a terminal how far it is.
    pub(super) fn run<T>(&self, work: impl AsyncFnOnce(Progress<'_>) -> Result<T, StorageError>) -> Result<T, Failure> {
        let is_shown = stderr().is_terminal();
        let last: Mutex<Option<Instant>> = Mutex::new(None);
        let progress = |what: &str, done: u64| {
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            if is_shown && last.is_none_or(|last| last.elapsed() >= SHOW_EVERY) {
                *last = Some(Instant::now());
                output::note(&format!("\r\u{1b}[K{done} {what}"));
            }
        };
        let result = self.runtime.block_on(work(&progress));
        if is_shown {
            output::note("\r\u{1b}[K");
        }
        result.map_err(|error| Failure::new(error.to_string()))
    }
}
