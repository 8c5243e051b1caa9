//! The only room that knows HTTP: listeners, routes, the guard, tokens, one file per resource, health.
//!
//! Imports `registry`, `live`, `policy`, `identity`, `config`, `diagnostic` and `oci`.

mod answer;
mod base;
mod blobs;
mod body;
mod catalog;
mod challenge;
mod error;
mod exchange;
mod guard;
mod handle;
mod health;
mod listen;
mod lists;
mod manifests;
mod metrics;
mod origin;
mod record;
mod referrers;
mod reload;
mod route;
mod site;
mod tags;
mod tls;
mod token;
mod token_endpoint;
mod unavailable;
mod uploads;

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::num::NonZero;
use std::pin::pin;
use std::sync::Arc;

use listen::Ports;
use metrics::Metrics;
use site::Core;
use token::Tokens;

use crate::identity::Authenticator;
use crate::live::Live;
use crate::registry::Registry;

pub use route::OPERATIONS;
pub use site::Limits;
pub use tls::{Certificate, Certificates, TlsError};
pub use token::{BadSigningKey, SIGNING_KEY_MIN_BYTES, SigningKey};
pub use unavailable::{Lack, Resource, Unavailable};

/// What a server needs to know beside the configuration in force.
#[derive(Debug)]
pub struct Options {
    /// Signs tokens. All replicas must have the same.
    pub signing_key: SigningKey,
    /// Checks passwords.
    pub authenticator: Arc<Authenticator>,
    /// The certificate to serve TLS with, on every port; `None` for plain HTTP. Whoever reloads the
    /// files replaces it here.
    pub certificates: Option<Arc<Certificates>>,
    /// What of certificates and storages cannot be had; the server adds the ports.
    pub unavailable: Arc<Unavailable>,
    /// Threads of the main listener; `None` for one per core.
    pub workers: Option<usize>,
    /// How long things may take.
    pub limits: Limits,
}

/// Why a server does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen: {0}")]
    Listen(#[source] io::Error),
    /// The signing key cannot be used.
    #[error(transparent)]
    SigningKey(#[from] BadSigningKey),
    /// TLS cannot be set up.
    #[error("cannot serve TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The main listener ended by itself.
    #[error("the server stopped: {0}")]
    Stopped(#[source] io::Error),
}

/// Serves until `shutdown` is ready, then lets running requests end within the drain time.
///
/// Repositories' own ports are bound to the address of `listener`, and opened and closed as
/// configurations are published.
///
/// # Errors
/// [`ServeError`]. A repository's port that cannot be bound is no error: it is logged, stands in
/// the status, and is tried again.
pub async fn run(
    live: Arc<Live>,
    registry: Arc<Registry>,
    listener: TcpListener,
    options: Options,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let address = listener.local_addr().map_err(ServeError::Listen)?;
    let core = Arc::new(Core {
        live,
        registry,
        authenticator: options.authenticator,
        tokens: Tokens::new(&options.signing_key)?,
        metrics: Metrics::new(),
        limits: options.limits,
        certificates: options.certificates,
        unavailable: options.unavailable,
    });
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let main = listen::server(&core, None, listener, options.workers.unwrap_or(cores))?;
    let handle = main.handle();
    let mut main = tokio::spawn(main);
    let mut shutdown = pin!(shutdown);
    let mut publications = core.live.subscribe();
    let mut ports = Ports::new(Arc::clone(&core), address);
    let ended = loop {
        publications.borrow_and_update();
        ports.follow(&core.live.current());
        tokio::select! {
            () = &mut shutdown => break None,
            ended = &mut main => break Some(ended),
            () = publication(&mut publications) => {}
            // For ports that could not be bound, or that ended by themselves.
            () = tokio::time::sleep(core.limits.port_retry) => {}
        }
    };
    tokio::join!(ports.close(), handle.stop(true));
    let ended = match ended {
        Some(ended) => ended,
        None => main.await,
    };
    ended.map_err(io::Error::other).and_then(|ended| ended).map_err(ServeError::Stopped)
}

/// Waits for a publication; for ever where there can be none any more.
async fn publication(publications: &mut tokio::sync::watch::Receiver<u64>) {
    if publications.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
