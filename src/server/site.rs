//! What one listener serves: everything, or one repository on a port of its own.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use super::metrics::Metrics;
use super::tls::Certificates;
use super::token::Tokens;
use super::unavailable::Unavailable;
use crate::identity::Authenticator;
use crate::live::{Live, Published};
use crate::oci::{ImageName, Scope};
use crate::policy::{Question, Snapshot};
use crate::registry::Registry;

/// How long things may take.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How long running requests may go on after a shutdown began.
    pub drain: Duration,
    /// How long a client may send nothing while its body is awaited.
    pub body_idle: Duration,
    /// How long a manifest's or a form's body may take as a whole.
    pub small_body: Duration,
    /// How long a client may take for the head of a request.
    pub head: Duration,
    /// How long a client may take nothing of its answer. Kept on Linux.
    pub stalled: Duration,
    /// How long an idle connection stays open.
    pub keep_alive: Duration,
    /// After how long a request is judged again before its effect becomes visible.
    pub judged_again_after: Duration,
    /// After how long a port that could not be bound, or that ended by itself, is tried again.
    pub port_retry: Duration,
    /// Connections that one worker holds at the same time.
    pub connections_per_worker: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            drain: Duration::from_secs(25),
            body_idle: Duration::from_secs(30),
            small_body: Duration::from_secs(60),
            head: Duration::from_secs(10),
            stalled: Duration::from_secs(120),
            keep_alive: Duration::from_secs(75),
            judged_again_after: Duration::from_secs(5),
            port_retry: Duration::from_secs(10),
            connections_per_worker: 10_000,
        }
    }
}

/// What all listeners share.
pub(super) struct Core {
    pub live: Arc<Live>,
    pub registry: Arc<Registry>,
    pub authenticator: Arc<Authenticator>,
    pub tokens: Tokens,
    pub metrics: Metrics,
    pub limits: Limits,
    pub certificates: Option<Arc<Certificates>>,
    pub unavailable: Arc<Unavailable>,
}

/// One listener.
pub(super) struct Site {
    pub core: Arc<Core>,
    /// The repository's own port; `None` for the main listener.
    port: Option<u16>,
    /// The prefix of that repository in a generation, so that it is looked for once per generation.
    prefix: ArcSwap<(u64, Option<Arc<str>>)>,
}

impl Site {
    pub(super) fn new(core: Arc<Core>, port: Option<u16>) -> Self {
        Self { core, port, prefix: ArcSwap::from_pointee((0, None)) }
    }

    /// How names look through this listener; `None` where no repository has this port any more.
    pub(super) fn door(&self, published: &Published) -> Option<Door> {
        let Some(port) = self.port else {
            return Some(Door { port: None, prefix: None });
        };
        let known = self.prefix.load();
        let prefix = if known.0 == published.generation {
            known.1.clone()
        } else {
            let repositories = published.model.snapshot.repositories();
            let found = repositories.iter().find(|repository| repository.port == Some(port));
            let prefix = found.map(|repository| Arc::clone(&repository.prefix));
            self.prefix.store(Arc::new((published.generation, prefix.clone())));
            prefix
        };
        prefix.map(|prefix| Door { port: Some(port), prefix: Some(prefix) })
    }
}

/// How names look through a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Door {
    port: Option<u16>,
    /// Put before every name on a repository's own port.
    pub prefix: Option<Arc<str>>,
}

impl Door {
    /// The listener's name in tokens.
    pub(super) fn service(&self, public_url: Option<&str>) -> String {
        let host = public_url.and_then(|url| url.split_once("://")).map_or("portolan", |(_, host)| host);
        match self.port {
            None => host.to_owned(),
            Some(port) => format!("{host}:{port}"),
        }
    }

    /// Whether this is a repository's own port.
    pub(super) fn is_own_port(&self) -> bool {
        self.port.is_some()
    }

    /// Whether an image is reached through this listener: on a repository's own port, where that
    /// repository serves it and no other one with a longer prefix.
    pub(super) fn serves(&self, snapshot: &Snapshot, image: &ImageName) -> bool {
        let Some(prefix) = &self.prefix else { return true };
        snapshot.repository_of(image).is_some_and(|repository| repository.prefix == *prefix)
    }

    /// Whether a question is about something that is reached through this listener.
    pub(super) fn admits<Q: Question>(&self, snapshot: &Snapshot, question: &Q) -> bool {
        match question.scope() {
            Some(Scope::Repository(image, _)) => self.serves(snapshot, &image),
            Some(Scope::Catalog) | None => true,
        }
    }

    /// An image's name as clients of this listener write it.
    pub(super) fn shown(&self, image: &ImageName) -> String {
        let prefix = self.prefix.as_deref().unwrap_or_default();
        image.relative_to(prefix).unwrap_or(image.as_str()).to_owned()
    }

    /// The full name of an image that a client of this listener means.
    pub(super) fn full(&self, shown: &ImageName) -> Option<ImageName> {
        ImageName::below(self.prefix.as_deref().unwrap_or_default(), shown.as_str()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repositorys_port_is_a_service_and_a_name_space_of_its_own() {
        let main = Door { port: None, prefix: None };
        let own = Door { port: Some(5001), prefix: Some("library".into()) };
        assert_eq!(main.service(None), "portolan");
        assert_eq!(main.service(Some("https://reg.example:8443")), "reg.example:8443");
        assert_eq!(own.service(Some("https://reg.example")), "reg.example:5001");
        let image = ImageName::parse("library/alpine").unwrap();
        assert_eq!((main.shown(&image).as_str(), own.shown(&image).as_str()), ("library/alpine", "alpine"));
        assert_eq!(own.full(&ImageName::parse("alpine").unwrap()), Some(image));
    }
}
