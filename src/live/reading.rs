//! Reading the folder so that nothing half-written is taken for what is meant.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::config::{Compiled, Content, QuickMap, ReloadMode, Tree};

use super::read::{Folders, Listing, Stamp};
use super::settle::Moment;
use super::walk::list;
use super::worker::Worker;
use super::{Shared, StartError, commit};

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

/// What was there when the folder was last read.
pub(super) struct Seen {
    pub(super) listing: Listing,
    pub(super) contents: QuickMap<Arc<str>, (Stamp, Content)>,
    /// When it was listed, in seconds since 1970.
    pub(super) at: i64,
    /// Whether a change since then could have gone unnoticed.
    pub(super) is_fresh: bool,
    /// Whether a file is still being written.
    pub(super) is_waiting: bool,
}

/// What gives reason to read the folder.
#[derive(Debug)]
pub(super) enum Reason {
    /// Somebody asks: nothing that is known of the files is trusted.
    Asked,
    /// A look showed a change somewhere.
    Look,
    /// Something was told of these paths, and of no others.
    Told(BTreeSet<PathBuf>),
}

impl Worker {
    /// Reads the folder until nothing changes while it is read, and watches what it consists of. Files
    /// that are not complete are replaced by what is in force.
    pub(super) fn read(&mut self, in_force: Option<&Compiled>, reason: Reason) -> Result<Tree, StartError> {
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
            let is_still = after.is_none_or(|after| after.files.get(name) == listing.files.get(name));
            let wait = if is_still {
                self.settling.wait(name, (path, listing.is_link(name)), stamp, now)
            } else {
                Some(AGAIN)
            };
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

    pub(super) fn list(&mut self) -> Result<Listing, StartError> {
        list(&self.folder).or_else(|failed| {
            self.watch(&failed.folders);
            // It may have become readable just before it was watched.
            list(&self.folder).map_err(|failed| failed.error)
        })
    }

    pub(super) fn watch(&mut self, folders: &Folders) {
        if self.mode == ReloadMode::Watch {
            let wake = self.wake.clone();
            // Where the thread ended, nobody needs to be told.
            self.watches.set(folders, move |event| drop(wake.send(event)));
        }
    }

    /// Whether a look at the folder gives reason to read it.
    pub(super) fn may_have_changed(&self, shared: &Shared) -> bool {
        let Some(Seen { listing, is_fresh: false, .. }) = &self.seen else { return true };
        let failed = shared.problem.read().unwrap_or_else(PoisonError::into_inner).is_some();
        failed || list(&self.folder).map_or(true, |now| now != *listing)
    }
}
