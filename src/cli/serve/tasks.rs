//! What runs beside the server: signals, news of reloads, what became possible, uploads that nobody finished.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};

use crate::live::Live;
use crate::registry::{Care, CareOptions, Registry, Rules, StorageError};

use super::news::News;
use super::prepare::Prepared;

/// Uploads that began longer ago are given up.
pub(in crate::cli) const UPLOAD_AGE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const UPLOAD_SWEEP: Duration = Duration::from_secs(60 * 60);

/// How often it is looked whether it is time to collect garbage.
const GARBAGE_LOOK: Duration = Duration::from_millis(500);

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
    runtime.spawn(collect_garbage(Arc::clone(live), Arc::clone(registry)));
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

/// Collects garbage as often as the configuration in force says. The first time comes somewhere within the
/// interval, and each pause is up to a tenth shorter, so that replicas do not all run at once.
async fn collect_garbage(live: Arc<Live>, registry: Arc<Registry>) {
    let mut last = Instant::now();
    let mut share = fraction();
    loop {
        tokio::time::sleep(GARBAGE_LOOK).await;
        let published = live.current();
        let garbage = published.model.settings.garbage;
        let Some(every) = garbage.every else { continue };
        if last.elapsed() < every.mul_f64(share) {
            continue;
        }
        for storage in published.model.storages.keys() {
            let options = CareOptions { grace: None, untagged: garbage.untagged, uploads: UPLOAD_AGE, dry_run: false };
            // That it is not open is told by whoever opens it.
            let Ok(care) = Care::of(&registry, storage, Rules::new(garbage.grace)) else { continue };
            let runtime = Handle::current();
            // A thread of its own: thousands of manifests are read and hashed.
            let collected =
                tokio::task::spawn_blocking(move || runtime.block_on(care.collect(&options, &|_, _| {}))).await;
            let collected = collected.unwrap_or_else(|error| Err(StorageError::Stopped(error.to_string())));
            match collected {
                Ok(collected) => {
                    registry.garbage().succeeded(&collected);
                    tracing::info!(
                        storage = %storage.0,
                        blobs = collected.blobs,
                        manifests = collected.manifests,
                        uploads = collected.uploads,
                        bytes = collected.bytes,
                        condemned = collected.condemned,
                        "collected garbage"
                    );
                }
                Err(error) => {
                    registry.garbage().failed();
                    tracing::error!(storage = %storage.0, %error, "cannot collect garbage; what was not deleted stays");
                }
            }
        }
        last = Instant::now();
        share = 0.9 + fraction() / 10.0;
    }
}

/// A number from 0 up to 1 that nobody knows before.
fn fraction() -> f64 {
    let mut byte = [0];
    // Where there is no chance, the middle will do.
    getrandom::fill(&mut byte).map_or(0.5, |()| f64::from(byte[0]) / 256.0)
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
