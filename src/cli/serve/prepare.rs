//! What a configuration needs before it can be in force: logging, storages, certificates.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::Handle;

use crate::config::{Model, StorageDefinition, Tls};
use crate::live::Live;
use crate::policy::StorageKey;
use crate::registry::Registry;
use crate::server::{Certificate, Certificates, Lack, Resource, TlsError, Unavailable};

use super::super::storages;
use super::log;
use super::opening::Opening;

/// As long a reload waits for a storage; rights may be withdrawn with it.
const PATIENCE: Duration = Duration::from_secs(2);

/// The names of the server's settings.
const SETTINGS: [&str; 2] = ["registry.yaml", "registry.yml"];

/// Everything that was made ready, and what is needed to make more so.
pub(super) struct Prepared {
    folder: PathBuf,
    data: PathBuf,
    registry: Arc<Registry>,
    runtime: Handle,
    log: OnceLock<Option<log::Level>>,
    opening: Opening,
    /// What the last configuration needs. Whoever works on the certificate keeps it locked, so that an
    /// older configuration's never follows a newer one's.
    needs: Mutex<Needs>,
    certificates: Mutex<Option<Loaded>>,
    /// What cannot be had, and was logged already.
    told: Mutex<Vec<Lack>>,
    /// The same, for the status.
    unavailable: Arc<Unavailable>,
    /// What is in force, once anything is.
    live: OnceLock<Weak<Live>>,
}

/// What a configuration needs.
#[derive(Default)]
struct Needs {
    storages: BTreeMap<StorageKey, StorageDefinition>,
    tls: Option<Tls>,
}

/// A certificate in force, and the files as they were when it was read.
struct Loaded {
    certificates: Arc<Certificates>,
    files: Vec<Stamp>,
}

type Stamp = Option<(u64, u64, u64, i64, i64)>;

impl Prepared {
    pub(super) fn new(folder: &Path, data: &Path, registry: Arc<Registry>, runtime: Handle) -> Self {
        let (folder, data) = (folder.to_owned(), data.to_owned());
        let opening = Opening::new(runtime.clone());
        let (log, needs, certificates, told) = (OnceLock::new(), Mutex::default(), Mutex::default(), Mutex::default());
        let (unavailable, live) = (Arc::default(), OnceLock::new());
        Self { folder, data, registry, runtime, log, opening, needs, certificates, told, unavailable, live }
    }

    /// Names what is in force in audit lines from now on.
    pub(super) fn follow(&self, live: &Arc<Live>) {
        // Whoever named one before has named the same.
        let _ = self.live.set(Arc::downgrade(live));
    }

    /// Makes ready what a configuration needs. At start, everything must be had. Later nothing is an
    /// error: a certificate or a storage that cannot be had must not keep rights from being withdrawn.
    pub(super) fn prepare(&self, model: &Model) -> Result<(), String> {
        let settings = &model.settings;
        let at_start = self.log.get().is_none();
        let log = self.log.get_or_init(|| log::start(settings.log_format, settings.log_level));
        if let Some(log) = log {
            // Fails only where the subscriber is gone, and with it all logging.
            let _ = log.reload(log::targets(settings.log_level));
        }
        self.registry.set_grace(settings.garbage.grace);
        let needs = Needs { storages: model.storages.clone(), tls: settings.tls.clone() };
        if at_start {
            let lacking: Vec<String> =
                self.make_ready(Some(needs), None).into_iter().map(|lack| lack.message).collect();
            return if lacking.is_empty() { Ok(()) } else { Err(lacking.join("; ")) };
        }
        let lacking = self.make_ready(Some(needs), Some(PATIENCE));
        self.tell(lacking);
        Ok(())
    }

    /// Tries again what is not ready, reads a certificate whose files changed, and logs each new problem.
    pub(super) fn mend(&self) {
        let lacking = self.make_ready(None, Some(PATIENCE));
        self.tell(lacking);
    }

    fn tell(&self, lacking: Vec<Lack>) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        for lack in lacking.iter().filter(|lack| !told.contains(lack)) {
            tracing::error!(file = lack.file.as_deref(), "{}", lack.message);
        }
        for resource in [Resource::Certificate, Resource::Storage] {
            let of_kind = lacking.iter().filter(|lack| lack.resource == resource).cloned().collect();
            self.unavailable.set(resource, of_kind);
        }
        *told = lacking;
    }

    /// What cannot be had of certificates and storages.
    pub(super) fn unavailable(&self) -> Arc<Unavailable> {
        Arc::clone(&self.unavailable)
    }

    /// Loads the certificate and opens storages, where that is not done yet: what a `new` configuration
    /// needs, or else the last. Returns what cannot be had. What an earlier configuration needed stays open:
    /// requests that began with it may still run.
    fn make_ready(&self, new: Option<Needs>, limit: Option<Duration>) -> Vec<Lack> {
        let mut needs = self.needs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(new) = new {
            *needs = new;
        }
        let certificate = needs.tls.as_ref().map_or(Ok(()), |tls| self.load_certificate(tls));
        let storages = needs.storages.iter().map(|(key, definition)| (key.clone(), self.opener(key, definition)));
        let storages = storages.collect();
        // Opening may take its time, and the next configuration must not wait for that.
        drop(needs);
        let storage = |message| Lack { resource: Resource::Storage, file: None, message };
        let mut lacking: Vec<Lack> = self.opening.open(storages, limit).into_iter().map(storage).collect();
        lacking.extend(certificate.err().map(|error| Lack {
            resource: Resource::Certificate,
            file: Some(self.settings_file().into()),
            message: format!("cannot use the certificate: {error}"),
        }));
        lacking
    }

    fn opener(
        &self,
        key: &StorageKey,
        definition: &StorageDefinition,
    ) -> impl FnOnce() -> Result<(), String> + Send + use<> {
        let (registry, runtime, key) = (Arc::clone(&self.registry), self.runtime.clone(), key.clone());
        // Keys are looked for again each time: they may have come since.
        let options = match registry.is_open(&key) {
            true => None,
            false => Some(storages::options(&self.folder, &self.data, definition)),
        };
        move || match options {
            None => Ok(()),
            Some(options) => runtime.block_on(registry.open(&key, options?)).map_err(|error| error.to_string()),
        }
    }

    /// The certificates to serve TLS with, if the configuration asked for it.
    pub(super) fn certificates(&self) -> Option<Arc<Certificates>> {
        let loaded = self.certificates.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.as_ref().map(|loaded| Arc::clone(&loaded.certificates))
    }

    /// Loads the certificate, if it is not the one that is loaded.
    fn load_certificate(&self, tls: &Tls) -> Result<(), TlsError> {
        let files = self.stamps(tls);
        let mut loaded = self.certificates.lock().unwrap_or_else(PoisonError::into_inner);
        if loaded.as_ref().is_some_and(|loaded| loaded.files == files) {
            return Ok(());
        }
        let certificate = Certificate::load(&self.folder.join(&tls.certificate), &self.folder.join(&tls.key))?;
        match &mut *loaded {
            Some(loaded) => {
                loaded.certificates.replace(certificate);
                loaded.files = files;
                let now = self.live.get().and_then(Weak::upgrade).map(|live| live.current());
                tracing::info!(
                    target: "audit",
                    event = "certificate",
                    generation = now.as_ref().map(|now| now.generation),
                    hash = now.as_ref().map(|now| now.compiled.hash.as_str()),
                    commit = now.as_ref().and_then(|now| now.commit.as_deref()),
                    "a new certificate is in force"
                );
            }
            None => *loaded = Some(Loaded { certificates: Arc::new(Certificates::new(certificate)), files }),
        }
        Ok(())
    }

    /// The file that names the certificate.
    fn settings_file(&self) -> &'static str {
        let is_there = |name: &&&str| self.folder.join(name).exists();
        SETTINGS.iter().find(is_there).unwrap_or(&SETTINGS[0])
    }

    fn stamps(&self, tls: &Tls) -> Vec<Stamp> {
        let stamp = |path: &PathBuf| {
            let meta = fs::metadata(self.folder.join(path)).ok()?;
            Some((meta.dev(), meta.ino(), meta.size(), meta.mtime(), meta.mtime_nsec()))
        };
        vec![stamp(&tls.certificate), stamp(&tls.key)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    fn model(path: &Path) -> Model {
        let definition = StorageDefinition::Fs { path: path.to_owned() };
        let storages = BTreeMap::from([(StorageKey(path.to_string_lossy().into()), definition)]);
        Model { snapshot: Arc::default(), storages, aliases: BTreeMap::new(), settings: Settings::default() }
    }

    #[test]
    fn a_storage_that_fails_stops_a_start_and_no_reload() {
        let dir = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let new = || Prepared::new(dir.path(), dir.path(), Arc::default(), runtime.handle().clone());
        fs::write(dir.path().join("taken"), "a file is no folder").unwrap();
        assert!(new().prepare(&model(Path::new("taken"))).is_err());

        let prepared = new();
        assert_eq!(prepared.prepare(&model(Path::new("good"))), Ok(()));
        assert_eq!(prepared.prepare(&model(Path::new("taken"))), Ok(()));
        assert_eq!(prepared.told.lock().unwrap().len(), 1);
        fs::remove_file(dir.path().join("taken")).unwrap();
        prepared.mend();
        assert!(prepared.told.lock().unwrap().is_empty());
    }
    #[test]
    fn what_is_tried_again_is_what_the_last_configuration_needs() {
        let dir = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let prepared = Prepared::new(dir.path(), dir.path(), Arc::default(), runtime.handle().clone());
        assert_eq!(prepared.prepare(&model(Path::new("good"))), Ok(()));
        for name in ["old.pem", "new.pem"] {
            let mut model = model(Path::new("good"));
            model.settings.tls = Some(Tls { certificate: name.into(), key: "key.pem".into() });
            assert_eq!(prepared.prepare(&model), Ok(()));
        }
        prepared.told.lock().unwrap().clear();
        // Before anything tells that the new configuration is published.
        prepared.mend();
        let told = prepared.told.lock().unwrap();
        assert!(matches!(&told[..], [lack] if lack.message.contains("new.pem")), "{told:?}");
    }
}
