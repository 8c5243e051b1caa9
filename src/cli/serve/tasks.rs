//! What runs beside the server: signals, news of reloads, what became possible, uploads that nobody finished.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};

use crate::live::Live;
use crate::registry::Registry;

use super::news::News;
use super::prepare::Prepared;

/// Uploads that began longer ago are given up.
const UPLOAD_AGE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const UPLOAD_SWEEP: Duration = Duration::from_secs(60 * 60);

/// Starts everything that lasts as long as the server.
pub(super) fn start(
    runtime: &Handle,
    live: &Arc<Live>,
    registry: &Arc<Registry>,
    prepared: &Arc<Prepared>,
    news: News,
) {
    runtime.spawn(tell_news(Arc::clone(live), news));
    runtime.spawn(reload_on_hangup(Arc::clone(live)));
    runtime.spawn(mend(Arc::clone(live), Arc::clone(prepared)));
    runtime.spawn(expire_uploads(Arc::clone(registry)));
}

/// Ends when the process is asked to.
pub(super) async fn asked_to_stop() {
    tokio::select! {
        () = received(SignalKind::terminate()) => {}
        () = received(SignalKind::interrupt()) => {}
    }
}

async fn received(kind: SignalKind) {
    match listen(kind) {
        Some(mut signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

fn listen(kind: SignalKind) -> Option<Signal> {
    signal(kind).inspect_err(|error| tracing::warn!(%error, "a signal cannot be listened for")).ok()
}

async fn tell_news(live: Arc<Live>, mut news: News) {
    let mut generations = live.subscribe();
    while generations.changed().await.is_ok() {
        news.at_reload();
    }
}

async fn reload_on_hangup(live: Arc<Live>) {
    let Some(mut hangup) = listen(SignalKind::hangup()) else { return };
    while hangup.recv().await.is_some() {
        let live = Arc::clone(&live);
        // The log tells what came of it.
        let _ = tokio::task::spawn_blocking(move || live.reload()).await;
    }
}

/// Certificates are renewed, and disks mounted, without a change of the configuration.
async fn mend(live: Arc<Live>, prepared: Arc<Prepared>) {
    loop {
        let interval = live.current().model.settings.reload_interval;
        tokio::time::sleep(interval).await;
        let prepared = Arc::clone(&prepared);
        // Its log lines tell what came of it.
        let _ = tokio::task::spawn_blocking(move || prepared.mend()).await;
    }
}

async fn expire_uploads(registry: Arc<Registry>) {
    let mut ticks = interval(UPLOAD_SWEEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match registry.expire_uploads(UPLOAD_AGE).await {
            0 => {}
            removed => tracing::info!(removed, "removed uploads that were never finished"),
        }
    }
}
