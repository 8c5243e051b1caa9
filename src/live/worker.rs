//! The one thread that reloads: it waits for changes, reads, compiles, prepares and publishes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::config::{Compiled, Gone, Model, ReloadMode, Removals, compile, compile_keeping};
use crate::diagnostic::Severity;

use super::announce::set_problem;
use super::inbox::Inbox;
use super::notice::{Wake, Watches};
use super::read::Stamp;
use super::reading::{Reason, Seen};
use super::settle::Settling;
use super::walk::list;
use super::{Prepare, Published, Reloaded, Shared, StartError, commit};

/// After a change, as long must nothing change before the folder is read.
const QUIET: Duration = Duration::from_millis(5);
/// The same where more is to be awaited than the close of a file.
const QUIET_LONGER: Duration = Duration::from_millis(15);
/// Longer is not waited for quiet.
const PATIENCE: Duration = Duration::from_millis(50);
/// Where several repositories are gone, as long must nothing change before that is believed to be all.
const CALM: Duration = Duration::from_millis(250);
/// Longer is not waited for that.
const CALM_PATIENCE: Duration = Duration::from_secs(3);
/// How often it is looked whether the last request ended that was judged by an older configuration.
const RETIRE: Duration = Duration::from_secs(1);

/// What woke the thread, and who waits for what comes of it.
#[derive(Debug, Default)]
struct Batch {
    stop: bool,
    /// The paths of which something was told; `None` where more may have changed.
    paths: Option<BTreeSet<PathBuf>>,
    replies: Vec<SyncSender<Reloaded>>,
    /// The content hashes that are accepted.
    accept: Vec<String>,
}

pub(super) struct Worker {
    pub(super) folder: PathBuf,
    pub(super) prepare: Prepare,
    pub(super) wake: Sender<Wake>,
    pub(super) inbox: Inbox,
    pub(super) watches: Watches,
    pub(super) mode: ReloadMode,
    pub(super) seen: Option<Seen>,
    /// The content hash of what was read last.
    pub(super) hash: Option<String>,
    /// Older configurations that requests may still hold. They are let go of here, since that takes its
    /// time where they are large.
    pub(super) retired: Vec<Arc<Published>>,
    /// What told which commit was checked out when git was asked last.
    pub(super) mark: Option<Vec<Option<Stamp>>>,
    pub(super) settling: Settling,
    /// When a file that is still being written may be complete.
    pub(super) due: Option<Instant>,
    /// Files that are gone and kept for a while, with when they were first missed.
    pub(super) gone: BTreeMap<Arc<str>, Instant>,
}

impl Worker {
    pub(super) fn new(folder: PathBuf, prepare: Prepare, (wake, wakes): (Sender<Wake>, Receiver<Wake>)) -> Self {
        let inbox = Inbox::new(wakes);
        let (watches, settling) = (Watches::default(), Settling::default());
        let (mode, retired) = (ReloadMode::Watch, Vec::new());
        let (seen, hash, mark, due) = (None, None, None, None);
        let gone = BTreeMap::new();
        Self { folder, prepare, wake, inbox, watches, mode, seen, hash, retired, mark, settling, due, gone }
    }

    /// Loads the folder, tells the result, and reloads until it is told to stop.
    pub(super) fn run(mut self, started: &SyncSender<Result<Arc<Shared>, StartError>>) {
        let shared = match self.start() {
            Ok(shared) => shared,
            Err(error) => {
                let _ = started.send(Err(error));
                return;
            }
        };
        if started.send(Ok(Arc::clone(&shared))).is_err() {
            return;
        }
        self.announce(&shared);
        find_all(&shared);
        let mut next_look = Instant::now() + interval(&shared);
        loop {
            self.watches.complain();
            let mut wait = next_look.saturating_duration_since(Instant::now());
            self.retired.retain(|old| Arc::strong_count(old) > 1);
            if !self.retired.is_empty() {
                wait = wait.min(RETIRE);
            }
            let mut batch = Batch::default();
            let reason = match self.inbox.next(wait) {
                Ok(wake) => {
                    batch = self.gather(wake);
                    if batch.stop {
                        return;
                    }
                    match batch.paths.take() {
                        Some(paths) if batch.replies.is_empty() => Reason::Told(paths),
                        _ if batch.replies.is_empty() => Reason::Look,
                        _ => Reason::Asked,
                    }
                }
                Err(RecvTimeoutError::Timeout) if Instant::now() < next_look => continue,
                Err(RecvTimeoutError::Timeout) => {
                    next_look = Instant::now() + interval(&shared);
                    if !self.may_have_changed(&shared) {
                        // A pull moves the branch only after it wrote the files.
                        if commit::mark(&self.folder) != self.mark {
                            self.refresh_commit(&shared);
                        }
                        continue;
                    }
                    self.await_stillness(QUIET_LONGER, PATIENCE);
                    Reason::Look
                }
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let is_new = self.reload(&shared, reason, &batch.accept);
            if !is_new && commit::mark(&self.folder) != self.mark {
                self.refresh_commit(&shared);
            }
            if is_new {
                next_look = next_look.min(Instant::now() + interval(&shared));
            }
            if let Some(due) = self.due {
                next_look = next_look.min(due);
            }
            for reply in batch.replies {
                let problem = shared.problem.read().unwrap_or_else(PoisonError::into_inner).clone();
                let (published, hash) = (shared.current.load_full(), self.hash.clone());
                // Whoever asked may have gone.
                let _ = reply.send(Reloaded { published, is_new, hash, problem });
            }
        }
    }

    /// Takes in the changes that follow closely on one another.
    fn gather(&mut self, first: Wake) -> Batch {
        let deadline = Instant::now() + PATIENCE;
        let mut batch = Batch { paths: Some(BTreeSet::new()), ..Batch::default() };
        let mut next = Some(first);
        while let Some(wake) = next.take() {
            match wake {
                Wake::Stop => return Batch { stop: true, ..batch },
                Wake::Echo(_) => {}
                Wake::Reload { accept, reply } => {
                    batch.replies.push(reply);
                    batch.accept.extend(accept);
                }
                Wake::Changed(change) => {
                    if change.moved {
                        self.watches.renew();
                    }
                    if change.lost {
                        self.settling.lose_track();
                    }
                    match (&mut batch.paths, change.paths) {
                        (Some(known), Some(paths)) => known.extend(paths),
                        (known, _) => *known = None,
                    }
                    for (path, act) in change.acts {
                        self.settling.note(path, act, change.at, change.watcher);
                    }
                }
            }
            // What is gone may come back a moment later, as in a checkout; and who just wrote a file and asks
            // is to find it taken, which needs the news that it is closed.
            let is_simple = batch.paths.is_some() && batch.replies.is_empty();
            let quiet = if is_simple { QUIET } else { QUIET_LONGER };
            let wait = quiet.min(deadline.saturating_duration_since(Instant::now()));
            next = self.inbox.next(wait).ok();
        }
        batch
    }

    /// Waits until nothing changed for a while, by looking, where nothing tells of the next change.
    fn await_stillness(&self, pause: Duration, patience: Duration) {
        let deadline = Instant::now() + patience;
        let mut before = list(&self.folder).ok();
        while Instant::now() < deadline {
            std::thread::sleep(pause);
            let now = list(&self.folder).ok();
            if now == before {
                return;
            }
            before = now;
        }
    }

    fn start(&mut self) -> Result<Arc<Shared>, StartError> {
        let compiled = compile(&self.read(None, Reason::Asked)?, None);
        let Some(model) = compiled.model.clone() else {
            return Err(StartError::Invalid(Box::new(compiled)));
        };
        (self.prepare)(&model).map_err(StartError::Prepare)?;
        self.mode = model.settings.reload_mode;
        if self.mode == ReloadMode::Poll {
            self.watches.clear();
        }
        let published =
            Published { generation: 1, model, compiled: Arc::new(compiled), since: Timestamp::now(), commit: None };
        let (generations, _) = watch::channel(1);
        let (current, problem, failures) = (ArcSwap::from_pointee(published), RwLock::default(), RwLock::default());
        Ok(Arc::new(Shared { current, problem, failures, generations }))
    }

    /// Reads, compiles, prepares and publishes; `true` if something new is in force.
    fn reload(&mut self, shared: &Shared, reason: Reason, accept: &[String]) -> bool {
        let in_force = shared.current.load_full();
        // A fault in the compiler must not end the reloading, and with it the revoking of rights.
        let attempt = std::panic::AssertUnwindSafe(|| self.attempt(&in_force, reason, accept));
        let outcome = std::panic::catch_unwind(attempt)
            .unwrap_or_else(|_| Err("an internal error, see the log; please report it".to_owned()));
        match outcome {
            Ok(None) => {
                set_problem(shared, None);
                false
            }
            Ok(Some((model, compiled))) => {
                self.mode = model.settings.reload_mode;
                if self.mode == ReloadMode::Poll {
                    self.watches.clear();
                }
                let generation = in_force.generation + 1;
                let (compiled, since) = (Arc::new(compiled), Timestamp::now());
                let published = Published { generation, model, compiled, since, commit: None };
                shared.current.store(Arc::new(published));
                self.retired.push(in_force);
                set_problem(shared, None);
                shared.generations.send_replace(generation);
                self.announce(shared);
                find_all(shared);
                true
            }
            Err(message) => {
                set_problem(shared, Some(message));
                false
            }
        }
    }

    /// Reads, compiles and prepares; nothing if what is there is in force already.
    fn attempt(
        &mut self,
        in_force: &Published,
        reason: Reason,
        accept: &[String],
    ) -> Result<Option<(Arc<Model>, Compiled)>, String> {
        let before = &*in_force.compiled;
        let (mut reason, mut is_calm) = (reason, false);
        loop {
            let tree = self.read(Some(before), reason).map_err(|error| error.to_string())?;
            let is_accepted = self.hash.as_ref().is_some_and(|hash| accept.contains(hash));
            let is_in_force = self.hash.as_ref() == Some(&before.hash) && (before.held_back.is_empty() || !is_accepted);
            if is_in_force {
                return Ok(None);
            }
            let mut compiled = compile(&tree, Some(before));
            let next = compiled.model.as_ref().filter(|_| !is_accepted);
            let gone = next.map(|next| Removals::between(&in_force.model.snapshot, &next.snapshot));
            if !is_calm && gone.as_ref().is_some_and(Gone::may_go_on) {
                // Who removes much may not be done yet.
                self.await_stillness(CALM, CALM_PATIENCE);
                (reason, is_calm) = (Reason::Look, true);
                continue;
            }
            if let Some(held_back) = gone.map(Gone::too_many).filter(|removals| !removals.is_empty()) {
                compiled = compile_keeping(&tree, Some(before), held_back);
            }
            return self.prepared(compiled).map(Some);
        }
    }

    fn prepared(&self, compiled: Compiled) -> Result<(Arc<Model>, Compiled), String> {
        let Some(model) = compiled.model.clone() else {
            let first = compiled.diagnostics.iter().find(|found| found.severity == Severity::Error);
            let why =
                first.map_or_else(String::new, |first| format!(": {}: {}", first.primary.place.file, first.message));
            return Err(format!("the configuration cannot be enforced{why}"));
        };
        (self.prepare)(&model)?;
        Ok((model, compiled))
    }
}

/// Finds out what could wait until the configuration was in force. A fault in that must not end the reloading.
fn find_all(shared: &Shared) {
    let now = shared.current.load_full();
    let find = std::panic::AssertUnwindSafe(|| now.model.snapshot.find_all());
    // Whoever needs to know it asks again.
    let _ = std::panic::catch_unwind(find);
}

fn interval(shared: &Shared) -> Duration {
    // Bounded here as well: a look that never comes would leave a missed change unnoticed for ever.
    let wanted = shared.current.load().model.settings.reload_interval;
    wanted.clamp(Duration::from_millis(100), Duration::from_secs(3600))
}
