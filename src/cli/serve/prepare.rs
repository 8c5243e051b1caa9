//! What a configuration needs before it can be in force: logging, storages, certificates.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::runtime::Handle;

use crate::config::{Model, StorageDefinition, Tls};
use crate::registry::{Registry, StoreOptions};
use crate::server::{Certificate, Certificates};

use super::log;

/// Everything that was made ready, and what is needed to make more so.
pub(super) struct Prepared {
    folder: PathBuf,
    data: PathBuf,
    registry: Arc<Registry>,
    runtime: Handle,
    log: OnceLock<Option<log::Level>>,
    certificates: Mutex<Option<Loaded>>,
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
        Self { folder, data, registry, runtime, log: OnceLock::new(), certificates: Mutex::new(None) }
    }

    /// Makes ready what a configuration needs. What an earlier one needed stays open: requests that began
    /// with it may still run.
    pub(super) fn prepare(&self, model: &Model) -> Result<(), String> {
        let settings = &model.settings;
        let log = self.log.get_or_init(|| log::start(settings.log_format, settings.log_level));
        for (key, definition) in &model.storages {
            let options = match definition {
                StorageDefinition::Fs { path } => StoreOptions::Fs { root: self.data.join(path) },
                StorageDefinition::Memory => StoreOptions::Memory,
            };
            let opened = self.runtime.block_on(self.registry.open(key, options));
            opened.map_err(|error| format!("cannot open a storage: {error}"))?;
        }
        if let Some(tls) = &settings.tls {
            self.load_certificate(tls)?;
        }
        if let Some(log) = log {
            // Fails only where the subscriber is gone, and with it all logging.
            let _ = log.reload(log::targets(settings.log_level));
        }
        Ok(())
    }

    /// The certificates to serve TLS with, if the configuration asked for it.
    pub(super) fn certificates(&self) -> Option<Arc<Certificates>> {
        let loaded = self.certificates.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.as_ref().map(|loaded| Arc::clone(&loaded.certificates))
    }

    /// Reads the certificate again if its files changed; `true` if it did.
    pub(super) fn refresh_certificate(&self, tls: &Tls) -> Result<bool, String> {
        let files = self.stamps(tls);
        let loaded = self.certificates.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = loaded.as_ref().is_some_and(|loaded| loaded.files != files);
        drop(loaded);
        if changed { self.load_certificate(tls).map(|()| true) } else { Ok(false) }
    }

    fn load_certificate(&self, tls: &Tls) -> Result<(), String> {
        let files = self.stamps(tls);
        let certificate = Certificate::load(&self.folder.join(&tls.certificate), &self.folder.join(&tls.key))
            .map_err(|error| format!("cannot use the certificate: {error}"))?;
        let mut loaded = self.certificates.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *loaded {
            Some(loaded) => {
                loaded.certificates.replace(certificate);
                loaded.files = files;
            }
            None => *loaded = Some(Loaded { certificates: Arc::new(Certificates::new(certificate)), files }),
        }
        Ok(())
    }

    fn stamps(&self, tls: &Tls) -> Vec<Stamp> {
        let stamp = |path: &PathBuf| {
            let meta = fs::metadata(self.folder.join(path)).ok()?;
            Some((meta.dev(), meta.ino(), meta.size(), meta.mtime(), meta.mtime_nsec()))
        };
        vec![stamp(&tls.certificate), stamp(&tls.key)]
    }
}
