//! The one thread that reloads: it waits for changes, reads, compiles, prepares and publishes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::config::{Compiled, Content, Gone, Model, QuickMap, ReloadMode, Removals, Tree, compile, compile_keeping};
use crate::diagnostic::{Diagnostic, Severity};

use super::inbox::Inbox;
use super::notice::{Wake, Watches};
use super::read::{Folders, Listing, Stamp, list};
use super::settle::{Moment, Settling};
use super::{Failures, Prepare, Problem, Published, Reloaded, Shared, StartError, commit};

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
/// As often is a folder read that changes while it is read; what came last then counts, and further
/// changes wake the thread again.
const ATTEMPTS: usize = 10;
/// A file that changed while it was read is read again after as long, unless its change is told before.
const AGAIN: Duration = Duration::from_millis(20);
/// Changes of a file within as many seconds may leave the same time stamp on a coarse file system.
const STAMP_SECONDS: i64 = 3;
/// A file that is gone is kept no longer, whatever else is still being written: the one that may take its place
/// counts as complete when it was still for two seconds.
const KEEP: Duration = Duration::from_secs(3);
/// The same while git writes the work tree, of which it first removes what is to go.
const KEEP_FOR_GIT: Duration = Duration::from_secs(10);
/// Until then, it is looked as often whether it may go.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// How often it is looked whether the last request ended that was judged by an older configuration.
const RETIRE: Duration = Duration::from_secs(1);

/// As many names of repositories stand in a log line.
const NAMES_MAX: usize = 20;

/// What was there when the folder was last read.
struct Seen {
    listing: Listing,
    contents: QuickMap<Arc<str>, (Stamp, Content)>,
    /// When it was listed, in seconds since 1970.
    at: i64,
    /// Whether a change since then could have gone unnoticed.
    is_fresh: bool,
    /// Whether a file is still being written.
    is_waiting: bool,
}

/// What gives reason to read the folder.
#[derive(Debug)]
enum Reason {
    /// Somebody asks: nothing that is known of the files is trusted.
    Asked,
    /// A look showed a change somewhere.
    Look,
    /// Something was told of these paths, and of no others.
    Told(BTreeSet<PathBuf>),
}

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
    folder: PathBuf,
    prepare: Prepare,
    wake: Sender<Wake>,
    inbox: Inbox,
    watches: Watches,
    mode: ReloadMode,
    seen: Option<Seen>,
    /// The content hash of what was read last.
    hash: Option<String>,
    /// Older configurations that requests may still hold. They are let go of here, since that takes its
    /// time where they are large.
    retired: Vec<Arc<Published>>,
    /// What told which commit was checked out when git was asked last.
    mark: Option<Vec<Option<Stamp>>>,
    settling: Settling,
    /// When a file that is still being written may be complete.
    due: Option<Instant>,
    /// Files that are gone and kept for a while, with when they were first missed.
    gone: BTreeMap<Arc<str>, Instant>,
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

    /// Reads the folder until nothing changes while it is read, and watches what it consists of. Files
    /// that are not complete are replaced by what is in force.
    fn read(&mut self, in_force: Option<&Compiled>, reason: Reason) -> Result<Tree, StartError> {
        let before = self.seen.take();
        (self.hash, self.due) = (None, None);
        let mut known = None;
        let mut told = BTreeSet::new();
        let mut listing = None;
        match (reason, before) {
            (Reason::Told(paths), Some(mut seen)) => {
                let is_all = paths.iter().all(|path| seen.listing.look_at(path));
                listing = is_all.then(|| std::mem::take(&mut seen.listing));
                (told, known) = (paths, Some(seen));
            }
            (Reason::Look, before) => known = before,
            (Reason::Told(_), None) | (Reason::Asked, _) => {}
        }
        let mut is_told_only = listing.is_some();
        let mut listing = match listing {
            Some(listing) => listing,
            None => self.list()?,
        };
        let mut attempts = 1;
        loop {
            if in_force.is_none() {
                listing.require_whole(&self.folder)?;
            }
            self.watch(listing.folders());
            let now = Moment::now();
            let at = Timestamp::now().as_second();
            let told_names: BTreeSet<Arc<str>> = told.iter().filter_map(|path| listing.name_of(path)).collect();
            let (mut tree, read) = listing.load(&self.folder, |name, stamp| {
                let seen = known.as_ref().filter(|_| !told_names.contains(name))?;
                let (before, content) = seen.contents.get(name)?;
                let is_same = *before == stamp && !stamp.is_fresh(seen.at, STAMP_SECONDS);
                is_same.then(|| content.clone())
            })?;
            if in_force.is_some() && !read.is_empty() {
                self.catch_up();
            }
            // A young file is read although nothing was told of it, and may be gone by now.
            let is_still = is_told_only
                && told.iter().all(|path| listing.is_still(path))
                && read.iter().all(|name| listing.has_still(name, &tree));
            let after = if is_still { None } else { Some(self.list()?).filter(|after| *after != listing) };
            if after.is_none() || attempts == ATTEMPTS {
                let mut waiting = BTreeSet::new();
                if let Some(in_force) = in_force {
                    waiting = self.settle(&mut tree, &read, &listing, after.as_ref(), in_force, now);
                }
                let mut kept = Vec::new();
                if let Some(in_force) = in_force {
                    kept = self.keep(&tree, &listing, &waiting, in_force, now);
                }
                if after.is_none() {
                    // The tree has a content for each file of the listing, in the same order.
                    let stamped = listing.stamps().zip(&tree.files).filter(|(_, (name, _))| !waiting.contains(*name));
                    let contents = stamped
                        .filter_map(|(stamp, (name, content))| Some((Arc::clone(name), (stamp?, content.clone()))));
                    let contents = contents.collect();
                    let is_waiting = !waiting.is_empty() || !self.gone.is_empty();
                    let is_fresh = is_waiting || listing.is_fresh(at, STAMP_SECONDS);
                    self.seen = Some(Seen { listing, contents, at, is_fresh, is_waiting });
                }
                tree.files.extend(kept);
                self.hash = Some(tree.hash());
                return Ok(tree);
            }
            attempts += 1;
            is_told_only = false;
            listing = after.unwrap_or_default();
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Replaces what is not complete by what is in force, and notes when to look again; gives the names. A
    /// new file becomes one that cannot be read: nobody knows yet to whom it would be open.
    fn settle(
        &mut self,
        tree: &mut Tree,
        read: &[Arc<str>],
        listing: &Listing,
        after: Option<&Listing>,
        in_force: &Compiled,
        now: Moment,
    ) -> BTreeSet<Arc<str>> {
        let mut waiting = BTreeSet::new();
        for name in read {
            let old = in_force.text(name);
            let (Some(content), Some((path, stamp))) = (tree.files.get_mut(name), listing.file(name)) else { continue };
            if matches!((&*content, old), (Content::Text(new), Some(old)) if new == old) {
                continue;
            }
            let is_still = after.is_none_or(|after| after.file(name) == Some((path, stamp)));
            let wait = if is_still { self.settling.wait(name, path, stamp, now) } else { Some(AGAIN) };
            let Some(wait) = wait else { continue };
            let due = now.steady + wait.max(AGAIN);
            self.due = Some(self.due.map_or(due, |other| other.min(due)));
            waiting.insert(Arc::clone(name));
            *content = match old {
                Some(old) => Content::Text(old.clone()),
                None => Content::Unreadable { why: "it is still being written".to_owned() },
            };
        }
        let listed = |name: &str| listing.file(name).is_some();
        self.settling.forget(now, listed);
        waiting
    }

    /// Takes in all that happened to the files so far. What is told of a file comes a moment after it happened,
    /// and on a busy machine it may come after the file was read: one that was cut off to be written anew would
    /// look like the complete one that was told of before.
    fn catch_up(&mut self) {
        let Some(watcher) = self.watches.call() else { return };
        let Self { inbox, watches, settling, .. } = self;
        let is_told = inbox.until_echo(watcher, |change| {
            if change.moved {
                watches.renew();
            }
            if change.lost {
                settling.lose_track();
            }
            for (path, act) in change.acts.drain(..) {
                settling.note(path, act, change.at, change.watcher);
            }
        });
        if !is_told {
            settling.lose_track();
        }
    }

    /// What is in force of files that are gone and to be kept all the same: those in a folder that cannot be
    /// read, and for a while all of them where a new file is still being written, or git writes the work tree.
    /// The new one may be the same under another name, and without both the images would fall to whoever has
    /// the names around them.
    fn keep(
        &mut self,
        tree: &Tree,
        listing: &Listing,
        waiting: &BTreeSet<Arc<str>>,
        in_force: &Compiled,
        now: Moment,
    ) -> Vec<(Arc<str>, Content)> {
        let mut kept = Vec::new();
        for (folder, why) in listing.unreadable() {
            let below = |name: &str| name.strip_prefix(&**folder).is_some_and(|rest| rest.starts_with('/'));
            kept.push((Arc::clone(folder), Content::Unreadable { why: why.clone() }));
            kept.extend(in_force.texts().filter(|(name, _)| below(name)).map(Content::kept));
        }
        let for_git = commit::is_writing(&self.folder).then_some(KEEP_FOR_GIT);
        let is_new = |name: &Arc<str>| in_force.text(name).is_none();
        let Some(at_most) = for_git.or_else(|| waiting.iter().any(is_new).then_some(KEEP)) else {
            self.gone.clear();
            return kept;
        };
        let missing = in_force.texts().filter(|(name, _)| !tree.files.contains_key(*name));
        let before = std::mem::take(&mut self.gone);
        for (name, text) in missing {
            let since = before.get(name).copied().unwrap_or(now.steady);
            if now.steady.duration_since(since) < at_most {
                kept.push(Content::kept((name, text)));
            }
            self.gone.insert(Arc::clone(name), since);
        }
        if kept.iter().any(|(name, _)| self.gone.contains_key(name)) {
            let due = now.steady + LOOK_AGAIN;
            self.due = Some(self.due.map_or(due, |other| other.min(due)));
        }
        kept
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
        let Some(Seen { listing, is_fresh: false, .. }) = &self.seen else { return true };
        let failed = shared.problem.read().unwrap_or_else(PoisonError::into_inner).is_some();
        failed || list(&self.folder).map_or(true, |now| now != *listing)
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

    /// Writes the audit line of a publication.
    fn announce(&mut self, shared: &Shared) {
        let author = self.learn_commit(shared);
        let now = shared.current.load();
        let of = |severity| now.compiled.diagnostics.iter().filter(move |found| found.severity == severity);
        let count = |severity| of(severity).map(Diagnostic::count).sum::<usize>();
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
            held_back_users = now.compiled.held_back.users,
            held_back_repositories = now.compiled.held_back.repositories.len(),
            "configuration in force"
        );
        if !now.compiled.held_back.is_empty() {
            tell_held_back(&now);
        }
    }

    /// Asks git which commit is checked out, and tells where that is another one than was known.
    fn refresh_commit(&mut self, shared: &Shared) {
        let before = shared.current.load().commit.clone();
        let author = self.learn_commit(shared);
        let now = shared.current.load();
        if now.commit.is_some() && now.commit != before {
            tracing::info!(
                target: "audit",
                event = "commit",
                generation = now.generation,
                hash = %now.compiled.hash,
                commit = now.commit,
                author,
                "the configuration in force is that of this commit"
            );
        }
    }

    /// Asks git which commit is checked out; returns its author. Where the folder changed since it was read,
    /// or is not read to its end, nobody knows of which commit that was.
    fn learn_commit(&mut self, shared: &Shared) -> Option<String> {
        self.mark = commit::mark(&self.folder);
        let head = self.mark.as_ref().and_then(|_| commit::head(&self.folder));
        let is_read = |seen: &Seen| !seen.is_waiting && list(&self.folder).is_ok_and(|now| now == seen.listing);
        let head = head.filter(|_| self.seen.as_ref().is_some_and(is_read));
        if head.is_none() {
            // To be asked for again at the next look.
            self.mark = None;
        }
        let (commit, author) = head.map(|head| (head.id, head.author)).unzip();
        let now = shared.current.load_full();
        if now.commit != commit {
            shared.current.store(Arc::new(Published { commit, ..Published::clone(&now) }));
        }
        author.flatten()
    }
}

/// Says what is kept although the folder removes it, and how to have it removed all the same.
fn tell_held_back(now: &Published) {
    let Removals { users, repositories } = &now.compiled.held_back;
    let mut names = repositories.iter().take(NAMES_MAX).map(|name| &**name).collect::<Vec<_>>().join(", ");
    if repositories.len() > NAMES_MAX {
        names.push_str(", …");
    }
    tracing::error!(
        target: "audit",
        event = "removal-held-back",
        generation = now.generation,
        hash = %now.compiled.hash,
        commit = now.commit,
        users,
        repositories = repositories.len(),
        names,
        "so much is removed at once that it stays in force: bring it back, or accept it with \
         `POST /-/reload?accept={}`",
        now.compiled.hash,
    );
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
                let mut failures = shared.failures.write().unwrap_or_else(PoisonError::into_inner);
                *failures = Failures { count: failures.count + 1, last: Some(Timestamp::now()) };
                let now = shared.current.load();
                tracing::error!(
                    target: "audit",
                    event = "reload-failed",
                    generation = now.generation,
                    hash = %now.compiled.hash,
                    commit = now.commit,
                    reason = %message,
                    "configuration not reloaded"
                );
            }
            *problem = Some(Problem { at: Timestamp::now(), message });
        }
        None => *problem = None,
    }
}
