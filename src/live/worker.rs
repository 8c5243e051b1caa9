//! The one thread that reloads: it waits for changes, reads, compiles, prepares and publishes.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::config::{Compiled, Content, Model, ReloadMode, Tree, compile};
use crate::diagnostic::Severity;

use super::notice::{Wake, Watches};
use super::read::{Folders, Listing, list};
use super::settle::{Moment, Settling};
use super::{Prepare, Problem, Published, Shared, StartError, commit};

/// After a change, as long must nothing change before the folder is read.
const QUIET: Duration = Duration::from_millis(15);
/// Longer is not waited for quiet.
const PATIENCE: Duration = Duration::from_millis(50);
/// As often is a folder read that changes while it is read; what came last then counts, and further
/// changes wake the thread again.
const ATTEMPTS: usize = 10;
/// A file that changed while it was read is read again after as long, unless its change is told before.
const AGAIN: Duration = Duration::from_millis(20);
/// Changes of a file within as many seconds may leave the same time stamp on a coarse file system.
const STAMP_SECONDS: i64 = 3;

pub(super) struct Worker {
    folder: PathBuf,
    prepare: Prepare,
    wake: Sender<Wake>,
    watches: Watches,
    mode: ReloadMode,
    /// What was there when the folder was last read, and whether a change since then could have gone
    /// unnoticed.
    seen: Option<(Listing, bool)>,
    settling: Settling,
    /// When a file that is still being written may be complete.
    due: Option<Instant>,
}

impl Worker {
    pub(super) fn new(folder: PathBuf, prepare: Prepare, wake: Sender<Wake>) -> Self {
        let (watches, settling) = (Watches::default(), Settling::default());
        Self { folder, prepare, wake, watches, mode: ReloadMode::Watch, seen: None, settling, due: None }
    }

    /// Loads the folder, tells the result, and reloads until it is told to stop.
    pub(super) fn run(mut self, wakes: &Receiver<Wake>, started: &SyncSender<Result<Arc<Shared>, StartError>>) {
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
        let mut next_look = Instant::now() + interval(&shared);
        // A pull moves the branch only after it wrote the files.
        let mut ask_commit = true;
        loop {
            self.watches.complain();
            let wait = next_look.saturating_duration_since(Instant::now());
            let mut replies = Vec::new();
            let look = match wakes.recv_timeout(wait) {
                Ok(wake) => {
                    if self.gather(wake, wakes, &mut replies) {
                        return;
                    }
                    false
                }
                Err(RecvTimeoutError::Timeout) => true,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if look {
                next_look = Instant::now() + interval(&shared);
                if std::mem::take(&mut ask_commit) {
                    self.refresh_commit(&shared);
                }
                if !self.may_have_changed(&shared) {
                    continue;
                }
                self.await_quiet();
            }
            if self.reload(&shared) {
                ask_commit = true;
                next_look = next_look.min(Instant::now() + interval(&shared));
            }
            if let Some(due) = self.due {
                next_look = next_look.min(due);
            }
            let generation = shared.current.load().generation;
            for reply in replies {
                let _ = reply.send(generation);
            }
        }
    }

    /// Takes in the changes that follow closely on one another; `true` to stop.
    fn gather(&mut self, first: Wake, wakes: &Receiver<Wake>, replies: &mut Vec<SyncSender<u64>>) -> bool {
        let deadline = Instant::now() + PATIENCE;
        let mut next = Some(first);
        while let Some(wake) = next.take() {
            match wake {
                Wake::Stop => return true,
                Wake::Reload(reply) => replies.push(reply),
                Wake::Changed(change) => {
                    if change.moved {
                        self.watches.renew();
                    }
                    if change.lost {
                        self.settling.lose_track();
                    }
                    for (path, act) in change.acts {
                        self.settling.note(path, act, change.at, change.watcher);
                    }
                }
            }
            let wait = QUIET.min(deadline.saturating_duration_since(Instant::now()));
            next = wakes.recv_timeout(wait).ok();
        }
        false
    }

    /// The same wait where a look found a change and nothing tells of the next one.
    fn await_quiet(&self) {
        let deadline = Instant::now() + PATIENCE;
        let mut before = list(&self.folder).ok();
        while Instant::now() < deadline {
            std::thread::sleep(QUIET);
            let now = list(&self.folder).ok();
            if now == before {
                return;
            }
            before = now;
        }
    }

    fn start(&mut self) -> Result<Arc<Shared>, StartError> {
        let compiled = compile(&self.read(None)?, None);
        let Some(model) = compiled.model.clone() else {
            return Err(StartError::Invalid(Box::new(compiled)));
        };
        (self.prepare)(&model).map_err(StartError::Prepare)?;
        self.mode = model.settings.reload_mode;
        if self.mode == ReloadMode::Poll {
            self.watches.clear();
        }
        let published = Published { generation: 1, model, compiled, since: Timestamp::now(), commit: None };
        let (generations, _) = watch::channel(1);
        Ok(Arc::new(Shared { current: ArcSwap::from_pointee(published), problem: RwLock::new(None), generations }))
    }

    /// Reads the folder until nothing changes while it is read, and watches what it consists of. Files
    /// that are not complete are replaced by what is in force.
    fn read(&mut self, in_force: Option<&Compiled>) -> Result<Tree, StartError> {
        (self.seen, self.due) = (None, None);
        let mut listing = self.list()?;
        let mut attempts = 1;
        loop {
            self.watch(listing.folders());
            let now = Moment::now();
            let mut tree = listing.load(&self.folder)?;
            let after = self.list()?;
            let same = after == listing;
            if same || attempts == ATTEMPTS {
                if let Some(in_force) = in_force {
                    self.settle(&mut tree, &listing, &after, in_force, now);
                }
                if same && self.due.is_none() {
                    let fresh = listing.is_fresh(Timestamp::now().as_second(), STAMP_SECONDS);
                    self.seen = Some((listing, fresh));
                }
                return Ok(tree);
            }
            attempts += 1;
            listing = after;
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Replaces what is not complete by what is in force, and notes when to look again. A new file
    /// becomes one that cannot be read: nobody knows yet to whom it would be open.
    fn settle(&mut self, tree: &mut Tree, listing: &Listing, after: &Listing, in_force: &Compiled, now: Moment) {
        for (name, content) in &mut tree.files {
            let old = in_force.sources.get(name);
            let Some((path, stamp)) = listing.file(name) else { continue };
            if matches!((&*content, old), (Content::Bytes(new), Some(old)) if **new == *old.as_bytes()) {
                continue;
            }
            let wait = if after.file(name) == Some((path, stamp)) {
                self.settling.wait(name, path, stamp, now)
            } else {
                Some(AGAIN)
            };
            let Some(wait) = wait else { continue };
            let due = now.steady + wait.max(AGAIN);
            self.due = Some(self.due.map_or(due, |other| other.min(due)));
            *content = match old {
                Some(old) => Content::Bytes(old.as_bytes().into()),
                None => Content::Unreadable { why: "it is still being written".to_owned() },
            };
        }
        let listed = |name: &str| listing.file(name).is_some();
        self.settling.forget(now, listed);
    }

    fn list(&mut self) -> Result<Listing, StartError> {
        list(&self.folder).or_else(|failed| {
            self.watch(&failed.folders);
            // It may have become readable just before it was watched.
            list(&self.folder).map_err(|failed| failed.error)
        })
    }

    fn watch(&mut self, folders: &Folders) {
        if self.mode == ReloadMode::Watch {
            let wake = self.wake.clone();
            // Where the thread ended, nobody needs to be told.
            self.watches.set(folders, move |event| drop(wake.send(event)));
        }
    }

    /// Whether a look at the folder gives reason to read it.
    fn may_have_changed(&self, shared: &Shared) -> bool {
        let Some((seen, false)) = &self.seen else { return true };
        let failed = shared.problem.read().unwrap_or_else(PoisonError::into_inner).is_some();
        failed || list(&self.folder).map_or(true, |now| now != *seen)
    }

    /// Reads, compiles, prepares and publishes; `true` if something new is in force.
    fn reload(&mut self, shared: &Shared) -> bool {
        let in_force = shared.current.load_full();
        // A fault in the compiler must not end the reloading, and with it the revoking of rights.
        let attempt = std::panic::AssertUnwindSafe(|| self.attempt(&in_force));
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
                let published = Published { generation, model, compiled, since: Timestamp::now(), commit: None };
                shared.current.store(Arc::new(published));
                set_problem(shared, None);
                shared.generations.send_replace(generation);
                self.announce(shared);
                true
            }
            Err(message) => {
                set_problem(shared, Some(message));
                false
            }
        }
    }

    /// Reads, compiles and prepares; nothing if what is there is in force already.
    fn attempt(&mut self, in_force: &Published) -> Result<Option<(Arc<Model>, Compiled)>, String> {
        let tree = self.read(Some(&in_force.compiled)).map_err(|error| error.to_string())?;
        let compiled = compile(&tree, Some(&in_force.compiled));
        if compiled.hash == in_force.compiled.hash { Ok(None) } else { self.prepared(compiled).map(Some) }
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

    /// Writes the audit line of a publication.
    fn announce(&self, shared: &Shared) {
        let author = self.refresh_commit(shared);
        let now = shared.current.load();
        let count = |severity| now.compiled.diagnostics.iter().filter(|found| found.severity == severity).count();
        tracing::info!(
            target: "audit",
            event = "configuration",
            generation = now.generation,
            hash = %now.compiled.hash,
            commit = now.commit,
            author,
            errors = count(Severity::Error),
            warnings = count(Severity::Warning),
            held = now.compiled.held.len(),
            "configuration in force"
        );
    }

    /// Asks git which commit is checked out; returns its author.
    fn refresh_commit(&self, shared: &Shared) -> Option<String> {
        let (commit, author) = commit::head(&self.folder).map(|head| (head.id, head.author)).unzip();
        let now = shared.current.load_full();
        if now.commit != commit {
            shared.current.store(Arc::new(Published { commit, ..Published::clone(&now) }));
        }
        author
    }
}

fn interval(shared: &Shared) -> Duration {
    // Bounded here as well: a look that never comes would leave a missed change unnoticed for ever.
    let wanted = shared.current.load().model.settings.reload_interval;
    wanted.clamp(Duration::from_millis(100), Duration::from_secs(3600))
}

/// Keeps a problem, and tells of it once: the folder is looked at again and again.
fn set_problem(shared: &Shared, message: Option<String>) {
    let mut problem = shared.problem.write().unwrap_or_else(PoisonError::into_inner);
    match message {
        Some(message) => {
            if problem.as_ref().is_none_or(|old| old.message != message) {
                tracing::error!(target: "audit", event = "reload-failed", reason = %message, "configuration not reloaded");
            }
            *problem = Some(Problem { at: Timestamp::now(), message });
        }
        None => *problem = None,
    }
}
