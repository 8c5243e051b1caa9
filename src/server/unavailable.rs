//! What the configuration in force names and the server cannot have: ports, certificates, storages.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch;

/// A kind of thing that a configuration needs beside its texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// A repository's own port.
    Port,
    /// The certificate of the server, with its key.
    Certificate,
    /// A storage.
    Storage,
}

impl Resource {
    /// All kinds.
    pub(super) const ALL: [Self; 3] = [Self::Port, Self::Certificate, Self::Storage];

    /// Several of them.
    pub(super) fn plural(self) -> &'static str {
        match self {
            Self::Port => "ports",
            Self::Certificate => "certificates",
            Self::Storage => "storages",
        }
    }
}

/// One thing that cannot be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    /// What it is.
    pub resource: Resource,
    /// The file that names it, where it is known.
    pub file: Option<Arc<str>>,
    /// What it is and why it cannot be had. Holds no secret.
    pub message: String,
}

/// What cannot be had now. Whoever looks after a kind of resource says each time what is lacking of it.
#[derive(Debug)]
pub struct Unavailable {
    lacking: RwLock<BTreeMap<Resource, Vec<Lack>>>,
    /// The last generation whose ports were opened, or tried.
    ports_of: watch::Sender<u64>,
}

impl Default for Unavailable {
    fn default() -> Self {
        Self { lacking: RwLock::default(), ports_of: watch::channel(0).0 }
    }
}

impl Unavailable {
    /// Says all that is lacking of a kind.
    pub fn set(&self, resource: Resource, lacking: Vec<Lack>) {
        self.lacking.write().unwrap_or_else(PoisonError::into_inner).insert(resource, lacking);
    }

    /// All that is lacking.
    pub(super) fn all(&self) -> Vec<Lack> {
        self.lacking.read().unwrap_or_else(PoisonError::into_inner).values().flatten().cloned().collect()
    }

    /// Says that it is known of which ports of a generation there is a lack.
    pub(super) fn ports_tried(&self, generation: u64) {
        self.ports_of.send_replace(generation);
    }

    /// Waits until the ports of a generation were tried, at most for `limit`.
    pub(super) async fn await_ports(&self, generation: u64, limit: Duration) {
        let mut ports_of = self.ports_of.subscribe();
        // Where nobody tries any more, the server is stopping.
        let _ = tokio::time::timeout(limit, ports_of.wait_for(|tried| *tried >= generation)).await;
    }
}
