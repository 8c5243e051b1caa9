//! Notices that the folder may have changed: by the system's events, or by looking at it now and then.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::SyncSender;

use notify::event::{AccessKind, AccessMode, ModifyKind, RenameMode};
use notify::{Config, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use super::Reloaded;
use super::read::{Folders, is_yaml_file};
use super::settle::{Act, Moment};

/// Whether the system tells when a file is closed. Where it does not, nobody could wait for it.
const TELLS_CLOSE: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// The folder whose opening is told as an echo: there always is one, it is never read here, and hardly ever by
/// others, whose opening would be taken for ours. (Those of the configuration are opened whenever they are listed,
/// and what is told of that is late, too.)
const ECHOING: &str = "/";

/// What wakes the thread that reloads.
#[derive(Debug)]
pub(super) enum Wake {
    /// Something changed in a watched folder.
    Changed(Change),
    /// The echo of [`Watches::call`]: all that happened before has been told. With the number of the watcher that
    /// tells it.
    Echo(u64),
    /// Reload now, and tell what came of it. The tree with the content hash `accept` is taken as it is,
    /// whatever it removes.
    Reload {
        /// The content hash.
        accept: Option<String>,
        /// Where to tell.
        reply: SyncSender<Reloaded>,
    },
    /// The owner is gone.
    Stop,
}

/// A change in a watched folder.
#[derive(Debug)]
pub(super) struct Change {
    /// Whether folders may have been moved or removed, which watches do not survive.
    pub(super) moved: bool,
    /// Whether other changes may not have been told.
    pub(super) lost: bool,
    /// The paths at which something changed; `None` where that is not known.
    pub(super) paths: Option<Vec<PathBuf>>,
    /// What happened to which path.
    pub(super) acts: Vec<(PathBuf, Act)>,
    /// When it was told.
    pub(super) at: Moment,
    /// The number of the watcher that told it.
    pub(super) watcher: u64,
}

/// The system's watches on the folders of a configuration. Each folder is watched alone, never a whole
/// tree: the data may lie beside the configuration.
#[derive(Debug, Default)]
pub(super) struct Watches {
    folders: Folders,
    watcher: Option<RecommendedWatcher>,
    /// Whether it tells of echoes.
    echoes: bool,
    /// How many watchers there were.
    number: u64,
    /// Whether some watches may be dead.
    stale: bool,
    /// Whether the last attempt failed.
    failed: bool,
    /// What is to be told of that.
    complaint: Option<String>,
}

impl Watches {
    /// Watches just these folders from now on. `wake` is called on a thread of the watcher's.
    pub(super) fn set(&mut self, folders: &Folders, wake: impl Fn(Wake) + Send + 'static) {
        if self.watcher.is_some() && !self.stale && self.folders == *folders {
            return;
        }
        self.stale = false;
        self.number += 1;
        // The old one is kept until then: what it tells meanwhile is not lost.
        match watch(folders.clone(), self.number, wake) {
            Ok((watcher, echoes)) => {
                (self.watcher, self.echoes) = (Some(watcher), echoes);
                self.failed = false;
            }
            Err(error) => {
                self.watcher = None;
                if !std::mem::replace(&mut self.failed, true) {
                    self.complaint = Some(error.to_string());
                }
            }
        }
        self.folders.clone_from(folders);
    }

    /// Has the watcher tell of something that happens now, with [`Wake::Echo`]: what happened before comes
    /// before it. The number of the watcher; `None` where nothing will be told.
    pub(super) fn call(&self) -> Option<u64> {
        self.watcher.as_ref().filter(|_| self.echoes)?;
        File::open(ECHOING).ok().map(|_| self.number)
    }

    /// Tells once that watching fails. Not told at once: at the start nothing is logged yet.
    pub(super) fn complain(&mut self) {
        if let Some(error) = self.complaint.take() {
            tracing::warn!(error, "the configuration folder cannot be watched; it is looked at now and then");
        }
    }

    /// Watches anew at the next occasion.
    pub(super) fn renew(&mut self) {
        self.stale = true;
    }

    /// Forgets all watches.
    pub(super) fn clear(&mut self) {
        self.watcher = None;
    }
}

/// Begins to watch. Also says whether echoes are told.
fn watch(
    folders: Folders,
    number: u64,
    wake: impl Fn(Wake) + Send + 'static,
) -> notify::Result<(RecommendedWatcher, bool)> {
    let paths: Vec<_> = folders.keys().cloned().collect();
    let handler = move |event: notify::Result<Event>| {
        let at = Moment::now();
        match event {
            Ok(event) if matches!(event.kind, EventKind::Access(AccessKind::Open(_))) => {
                if event.paths.first().is_some_and(|path| path == Path::new(ECHOING)) {
                    wake(Wake::Echo(number));
                }
            }
            Ok(event) if !matters(&folders, &event) => {}
            Ok(event) => {
                let (lost, moved) = (event.need_rescan(), moves(&folders, &event));
                let is_all = !(lost || moved || event.paths.is_empty() || takes_away(&event));
                let paths = is_all.then(|| event.paths.clone());
                wake(Wake::Changed(Change { moved, lost, paths, acts: acts(event), at, watcher: number }));
            }
            // Such as an overflow of the queue: look at everything again.
            Err(_) => {
                let change = Change { moved: true, lost: true, paths: None, acts: Vec::new(), at, watcher: number };
                wake(Wake::Changed(change));
            }
        }
    };
    let mut watcher = RecommendedWatcher::new(handler, Config::default())?;
    let echoes = TELLS_CLOSE && watcher.watch(Path::new(ECHOING), RecursiveMode::NonRecursive).is_ok();
    for path in paths {
        match watcher.watch(&path, RecursiveMode::NonRecursive) {
            // Removed since it was listed: its parent is watched and tells.
            Err(error) if matches!(error.kind, notify::ErrorKind::PathNotFound) => {}
            result => result?,
        }
    }
    Ok((watcher, echoes))
}

/// Whether an event may mean a change. Reading is none: our own would never end.
fn matters(folders: &Folders, event: &Event) -> bool {
    if matches!(event.kind, EventKind::Access(kind) if kind != AccessKind::Close(AccessMode::Write)) {
        return false;
    }
    event.need_rescan() || event.paths.is_empty() || event.paths.iter().any(|path| matters_at(folders, path))
}

fn matters_at(folders: &Folders, path: &Path) -> bool {
    let inside = path.parent().and_then(|parent| folders.get(parent)).is_some_and(|names| {
        names.as_ref().is_none_or(|names| path.file_name().is_some_and(|name| names.contains(name)))
    });
    inside || folders.get(path).is_some_and(Option::is_none)
}

/// Whether an event may have ended a watch: only what happens to a folder, or to one above it, does.
fn moves(folders: &Folders, event: &Event) -> bool {
    let moves = matches!(event.kind, EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)));
    let watched = |path: &PathBuf| folders.keys().any(|folder| folder.starts_with(path));
    event.need_rescan() || moves && (event.paths.is_empty() || event.paths.iter().any(watched))
}

/// Whether a file that may matter is gone from its path. It may be at another one, of which it is told only
/// later.
fn takes_away(event: &Event) -> bool {
    let takes = match event.kind {
        EventKind::Remove(_) => true,
        EventKind::Modify(ModifyKind::Name(mode)) => mode != RenameMode::To,
        _ => false,
    };
    // What is written beside a file and then moved over it has another ending; folders are watched themselves.
    let from = event.paths.first().map(PathBuf::as_path).unwrap_or_else(|| Path::new(""));
    let is_hidden = from.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    takes && !is_hidden && is_yaml_file(from)
}

/// What an event tells of the files.
fn acts(event: Event) -> Vec<(PathBuf, Act)> {
    let act = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => Act::Closed,
        EventKind::Modify(ModifyKind::Data(_)) if TELLS_CLOSE => Act::Wrote,
        EventKind::Modify(ModifyKind::Name(RenameMode::To)) => Act::Placed,
        EventKind::Modify(ModifyKind::Name(RenameMode::From)) => Act::Left,
        EventKind::Remove(_) => Act::Gone,
        // The same is told of both paths on their own.
        _ => return Vec::new(),
    };
    event.paths.into_iter().map(|path| (path, act)).collect()
}

#[cfg(test)]
mod tests {
    use notify::event::{CreateKind, DataChange};

    use super::*;

    #[test]
    fn only_changes_of_what_is_listed_matter() {
        let mut folders = Folders::new();
        folders.insert("/etc/portolan".into(), None);
        folders.insert("/etc".into(), Some(["portolan".into()].into()));
        let event = |kind, path: &str| Event::new(kind).add_path(path.into());
        let modify = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        let create = EventKind::Create(CreateKind::File);
        for (expected, event) in [
            (true, event(modify, "/etc/portolan/registry.yaml")),
            (true, event(create, "/etc/portolan")),
            (true, event(EventKind::Access(AccessKind::Close(AccessMode::Write)), "/etc/portolan/registry.yaml")),
            (false, event(EventKind::Access(AccessKind::Open(AccessMode::Any)), "/etc/portolan/registry.yaml")),
            (false, event(modify, "/etc/passwd")),
            (false, event(modify, "/etc/portolan/data/blob")),
        ] {
            assert_eq!(matters(&folders, &event), expected, "{event:?}");
        }
    }
    #[test]
    fn only_the_end_of_a_folder_ends_a_watch() {
        let folders = Folders::from([("/etc/portolan".into(), None), ("/etc/portolan/repos".into(), None)]);
        let remove = EventKind::Remove(notify::event::RemoveKind::Any);
        for (expected, path) in
            [(true, "/etc/portolan"), (true, "/etc/portolan/repos"), (false, "/etc/portolan/repos/x.yaml")]
        {
            assert_eq!(moves(&folders, &Event::new(remove).add_path(path.into())), expected, "{path}");
        }
    }
}
