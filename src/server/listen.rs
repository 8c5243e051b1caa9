//! Listeners: the main one, and one for each repository with a port of its own.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::http::KeepAlive;
use actix_web::{App, HttpServer, web};
use futures_util::future::join_all;
#[cfg(target_os = "linux")]
use socket2::SockRef;
use tokio::task::JoinHandle;

use super::ServeError;
use super::handle::handle;
use super::site::{Core, Site};
use super::tls;
use super::unavailable::{Lack, Resource};
use crate::live::Published;

/// Threads of a repository's own port: such listeners may be many.
const OWN_PORT_WORKERS: usize = 1;
/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a connection is kept for the client to read a refusal while it is still sending.
const LINGER: Duration = Duration::from_secs(5);

/// Makes a server on a listener; it runs when it is polled.
pub(super) fn server(
    core: &Arc<Core>,
    port: Option<u16>,
    listener: TcpListener,
    workers: usize,
) -> Result<Server, ServeError> {
    bound_stalled_answers(&listener, core.limits.stalled);
    let site = web::Data::new(Site::new(Arc::clone(core), port));
    let limits = &core.limits;
    let server = HttpServer::new(move || App::new().app_data(site.clone()).default_service(web::to(handle)))
        .workers(workers)
        .disable_signals()
        .keep_alive(KeepAlive::Timeout(limits.keep_alive))
        .client_request_timeout(limits.head)
        .client_disconnect_timeout(LINGER)
        .tls_handshake_timeout(HANDSHAKE)
        .tcp_nodelay(true)
        .max_connections(limits.connections_per_worker)
        .shutdown_timeout(limits.drain.as_secs());
    let server = match &core.certificates {
        None => server.listen(listener),
        Some(certificates) => server.listen_rustls_0_23(listener, tls::config(certificates)?),
    };
    Ok(server.map_err(ServeError::Listen)?.run())
}

/// Ends connections whose client takes nothing of an answer for this long. Actix waits for such a
/// client without a bound, so the system is asked to; accepted connections inherit it.
#[cfg(target_os = "linux")]
fn bound_stalled_answers(listener: &TcpListener, limit: Duration) {
    if let Err(error) = SockRef::from(listener).set_tcp_user_timeout(Some(limit)) {
        tracing::warn!("clients that take nothing of their answer cannot be cut off: {error}");
    }
}

/// Other systems have no such option.
#[cfg(not(target_os = "linux"))]
fn bound_stalled_answers(_: &TcpListener, _: Duration) {}

/// One open port.
struct Port {
    handle: ServerHandle,
    /// Ends when the server does.
    running: JoinHandle<()>,
}

/// The open ports of repositories.
pub(super) struct Ports {
    core: Arc<Core>,
    /// The main address.
    main: SocketAddr,
    open: BTreeMap<u16, Port>,
    /// Ports that could not be bound, so that each failure is logged once.
    failed: BTreeMap<u16, Lack>,
}

impl Ports {
    pub(super) fn new(core: Arc<Core>, main: SocketAddr) -> Self {
        Self { core, main, open: BTreeMap::new(), failed: BTreeMap::new() }
    }

    /// Opens and closes ports so that they are those of a configuration, and says which cannot be had.
    pub(super) fn follow(&mut self, published: &Published) {
        let repositories = published.model.snapshot.repositories();
        let wanted: BTreeMap<u16, &Arc<str>> =
            repositories.iter().filter_map(|repository| Some((repository.port?, &repository.file))).collect();
        self.failed.retain(|port, _| wanted.contains_key(port));
        self.open.retain(|_, port| !port.running.is_finished());
        let closed: Vec<u16> = self.open.keys().filter(|port| !wanted.contains_key(port)).copied().collect();
        for port in closed {
            if let Some(open) = self.open.remove(&port) {
                tracing::info!(port, "closing a repository's port");
                tokio::spawn(open.handle.stop(true));
            }
        }
        for (port, file) in wanted {
            if self.open.contains_key(&port) {
                continue;
            }
            match self.open(port) {
                Ok(open) => {
                    tracing::info!(port, %file, "serving a repository on its own port");
                    self.failed.remove(&port);
                    self.open.insert(port, open);
                }
                Err(error) => {
                    let message = self.why_not(port, &error);
                    let lack = Lack { resource: Resource::Port, file: Some(Arc::clone(file)), message };
                    if self.failed.get(&port) != Some(&lack) {
                        tracing::error!(port, %file, "{}", lack.message);
                    }
                    self.failed.insert(port, lack);
                }
            }
        }
        self.core.unavailable.set(Resource::Port, self.failed.values().cloned().collect());
        self.core.unavailable.ports_tried(published.generation);
    }

    /// Why a port cannot be had, and what to do.
    fn why_not(&self, port: u16, error: &ServeError) -> String {
        let why = match error {
            _ if port == self.main.port() => {
                "it is the main port of this server; give the repository another one".to_owned()
            }
            ServeError::Listen(error) if error.kind() == ErrorKind::AddrInUse => {
                "something else listens there; give the repository another one, or stop what has it".to_owned()
            }
            ServeError::Listen(error) if error.kind() == ErrorKind::PermissionDenied => {
                "permission denied; choose one from 1024 on".to_owned()
            }
            other => other.to_string(),
        };
        format!("cannot serve this repository on port {port}: {why}")
    }

    fn open(&self, port: u16) -> Result<Port, ServeError> {
        let listener = TcpListener::bind(SocketAddr::new(self.main.ip(), port)).map_err(ServeError::Listen)?;
        let server = server(&self.core, Some(port), listener, OWN_PORT_WORKERS)?;
        let handle = server.handle();
        let running = tokio::spawn(async move {
            if let Err(error) = server.await {
                tracing::error!(port, "a repository's port failed: {error}");
            }
        });
        Ok(Port { handle, running })
    }

    /// Lets running requests end and closes all ports.
    pub(super) async fn close(self) {
        join_all(self.open.into_values().map(|port| port.handle.stop(true))).await;
    }
}
