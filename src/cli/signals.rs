//! Signals that end the program: what is done before, and when they have to wait.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// What shells add to the number of the signal that ended a program.
const SIGNALLED: i32 = 128;

/// How many want the program not to end now.
static HOLDING: AtomicUsize = AtomicUsize::new(0);

/// Does something before a signal ends the program. From then on none of these ends it in another way.
pub(super) fn watch(last: impl Fn() + Send + 'static) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let entered = runtime.enter();
    let mut ending = signal(SignalKind::terminate())?;
    let mut hung_up = signal(SignalKind::hangup())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    drop(entered);
    std::thread::spawn(move || {
        loop {
            let kind = runtime.block_on(async {
                tokio::select! {
                    _ = ending.recv() => SignalKind::terminate(),
                    _ = hung_up.recv() => SignalKind::hangup(),
                    _ = interrupted.recv() => SignalKind::interrupt(),
                }
            });
            if HOLDING.load(Ordering::SeqCst) == 0 {
                last();
                std::process::exit(SIGNALLED + kind.as_raw_value());
            }
        }
    });
    Ok(())
}

/// As long as this lives, the program takes no notice of these signals: what it does is to be done wholly, or not.
#[derive(Debug)]
pub(super) struct Held(());

impl Held {
    pub(super) fn begin() -> io::Result<Self> {
        HOLDING.fetch_add(1, Ordering::SeqCst);
        let held = Self(());
        watch(|| {})?;
        Ok(held)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        HOLDING.fetch_sub(1, Ordering::SeqCst);
    }
}
