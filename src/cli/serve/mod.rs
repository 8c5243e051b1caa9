//! `portolan serve`: translates the settings into the options of the rooms, and runs the server.

mod fields;
mod lines;
mod log;
mod news;
mod opening;
mod prepare;
pub(super) mod tasks;

use std::fs;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::config::{CREDENTIALS_FILES, DEFAULT_LISTEN, Model, check};
use crate::identity::{Authenticator, AuthenticatorOptions};
use crate::live::{self, Live, StartError};
use crate::registry::Registry;
use crate::server::{self, SigningKey};
use clap::Args;
use jiff::Timestamp;

use self::news::News;
use self::prepare::Prepared;
use super::output::Colour;
use super::render::{Summary, human};
use super::{Exit, Failure, Folder, output, secret};

/// How long the end waits for what runs in the background.
const LAST_WORDS: Duration = Duration::from_secs(2);

#[derive(Debug, Args)]
pub(super) struct ServeArguments {
    #[command(flatten)]
    folder: Folder,
    /// The folder for data; storages with relative paths lie below it
    #[arg(long, value_name = "DIR", default_value = "data")]
    data: PathBuf,
    /// Where to listen; goes before `server.listen` (default: 127.0.0.1:5000)
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

pub(super) fn run(arguments: &ServeArguments) -> Result<Exit, Failure> {
    let folder = &arguments.folder.dir;
    arguments.folder.require_files(&arguments.folder.read()?)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("cannot start the async runtime: {error}")))?;
    let registry = Arc::new(Registry::new());
    let prepared = Arc::new(Prepared::new(folder, &arguments.data, Arc::clone(&registry), runtime.handle().clone()));
    let prepare = {
        let prepared = Arc::clone(&prepared);
        Box::new(move |model: &Model| prepared.prepare(model))
    };
    let live = match Live::start(folder, prepare) {
        Ok(live) => live,
        Err(error) => return start_failed(folder, error),
    };
    prepared.follow(&live);
    let settings = live.current().model.settings.clone();
    let signing_key = match &settings.signing_key {
        Some(source) => SigningKey::new(secret::signing_key(folder, source).map_err(|why| unprepared(folder, why))?),
        None => SigningKey::random(),
    };
    let signing_key = signing_key.map_err(|error| Failure::new(error.to_string()))?;
    let listener = bind(arguments.listen.or(settings.listen).unwrap_or(DEFAULT_LISTEN))?;
    warn_of_open_credentials(folder);

    let mut news = News::new(Arc::clone(&live));
    news.at_start(listener.local_addr().map_err(|error| Failure::new(error.to_string()))?);
    tasks::start(runtime.handle(), &live, &registry, &prepared, news);
    let options = server::Options {
        signing_key,
        authenticator: Arc::new(Authenticator::new(AuthenticatorOptions::default())),
        certificates: prepared.certificates(),
        unavailable: prepared.unavailable(),
        workers: None,
        limits: server::Limits::default(),
    };
    let ended = runtime.block_on(server::run(live, registry, listener, options, tasks::asked_to_stop()));
    // Whatever else runs was not asked for by anyone who still waits.
    runtime.shutdown_timeout(LAST_WORDS);
    ended.map_err(|error| Failure::new(error.to_string()))?;
    Ok(Exit::Done)
}

/// Tells of every secret and certificate that cannot be had, and where it is named. `why` is what was missed first.
fn unprepared(folder: &Path, why: String) -> Failure {
    // What is wrong with the folder by now is told where it is read next.
    if let Ok(tree) = live::read(folder) {
        let mut checked = check(&tree, Timestamp::now());
        checked.compiled.diagnostics.clear();
        secret::add_missing(folder, &mut checked);
        let compiled = &checked.compiled;
        let colour = Colour::Auto.on(&io::stderr());
        output::note(&human(&compiled.diagnostics, &compiled.sources, &compiled.secrets, colour));
    }
    Failure::new(why)
}

/// Tells why nothing can be served.
fn start_failed(folder: &Path, error: StartError) -> Result<Exit, Failure> {
    let compiled = match error {
        StartError::Invalid(compiled) => compiled,
        StartError::Prepare(why) => return Err(unprepared(folder, why)),
        error => return Err(Failure::new(error.to_string())),
    };
    let colour = Colour::Auto.on(&io::stderr());
    output::note(&human(&compiled.diagnostics, &compiled.sources, &compiled.secrets, colour));
    let summary = Summary::of(&compiled.diagnostics, compiled.sources.len());
    Err(Failure::new(format!("the configuration cannot be served: {summary}")).with_exit(Exit::No))
}

fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).map_err(|error| {
        let failure = |why: &str| Failure::new(format!("cannot listen on `{address}`: {why}"));
        match error.kind() {
            ErrorKind::AddrInUse => failure("the port is in use").with_hint("choose another with `--listen`"),
            ErrorKind::PermissionDenied => failure("permission denied").with_hint("choose a port from 1024 on"),
            _ => failure(&error.to_string()),
        }
    })
}

/// A git checkout may be readable for everybody, which is why `check` keeps silent about it.
fn warn_of_open_credentials(folder: &Path) {
    for name in CREDENTIALS_FILES {
        let Ok(meta) = fs::metadata(folder.join(name)) else { continue };
        if meta.permissions().mode() & 0o004 != 0 {
            tracing::warn!("`{name}` can be read by every user of this machine; `chmod o-r` it");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_said_to_be() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let failure = bind(taken.local_addr().unwrap()).unwrap_err();
        assert!(failure.message.ends_with("the port is in use"), "{}", failure.message);
    }
}
