//! Tells whether a file is complete: the beginning of a YAML file is often valid, and grants more.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::read::Stamp;

/// A file that nobody touched for as long is complete, where events tell nothing else.
const STILL: Duration = Duration::from_secs(2);
/// As long after its last write a file is waited for that was written and never closed.
const OPEN: Duration = Duration::from_secs(30);

/// What two files exchanged their names by is told in two parts; no more time lies between them.
const TOGETHER: Duration = Duration::from_millis(100);

/// What the system told of one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// Somebody wrote and has not closed the file yet.
    Wrote,
    /// Somebody who could write closed the file.
    Closed,
    /// It was moved to this path: a file, a folder or a symbolic link.
    Placed,
    /// It was moved away from this path.
    Left,
    /// It was removed.
    Gone,
}

/// A moment, by the clock that never jumps and by the one that file systems use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) steady: Instant,
    pub(super) wall: SystemTime,
}

impl Moment {
    pub(super) fn now() -> Self {
        Self { steady: Instant::now(), wall: SystemTime::now() }
    }
}

/// The last that was told of a path.
#[derive(Debug, Clone, Copy)]
struct Trace {
    complete: bool,
    at: Moment,
    /// Which watcher told it. A new one begins before the one it replaces falls silent.
    watcher: u64,
}

/// What is known of files that changed a short time ago.
#[derive(Debug, Default)]
pub(super) struct Settling {
    /// By real path.
    traces: BTreeMap<PathBuf, Trace>,
    /// Files that were not complete, or whose time lies in the future, with when they were first seen as they are.
    seen: BTreeMap<Arc<str>, (Stamp, Instant)>,
    /// What is known of folders, by the paths by which they are reached, until one reading ends or more is told:
    /// their files share it.
    folders: HashMap<PathBuf, Folder>,
}

/// A folder of files that may be complete.
#[derive(Debug)]
struct Folder {
    real: PathBuf,
    /// When it was last told that it, or one that it lies in, was put in place.
    placed: Option<SystemTime>,
}

impl Settling {
    /// Takes in what watcher number `watcher` told.
    pub(super) fn note(&mut self, path: PathBuf, act: Act, at: Moment, watcher: u64) {
        self.folders.clear();
        // What a link leads to was put in place with the link.
        let path = if act == Act::Placed { fs::canonicalize(&path).unwrap_or(path) } else { path };
        if self.traces.get(&path).is_some_and(|trace| trace.watcher > watcher) {
            return;
        }
        match act {
            Act::Left if self.is_exchanged(&path, at) => {}
            Act::Left | Act::Gone => drop(self.traces.remove(&path)),
            Act::Wrote | Act::Closed | Act::Placed => {
                self.traces.insert(path, Trace { complete: act != Act::Wrote, at, watcher });
            }
        }
    }

    /// Whether a path that was left has another file since then: where two files exchange their names, it is told
    /// first what came, and then what went. Who writes a file there after that is told of later. (Of who writes in a
    /// folder that came anew, nothing is told yet.)
    fn is_exchanged(&self, path: &Path, at: Moment) -> bool {
        let has_come = |trace: &Trace| trace.complete && at.steady.duration_since(trace.at.steady) < TOGETHER;
        self.traces.get(path).is_some_and(has_come) && fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file())
    }

    /// Forgets what was told, where something was told that got lost.
    pub(super) fn lose_track(&mut self) {
        self.folders.clear();
        self.traces.clear();
    }

    /// How long to wait until the file may be complete; nothing if it is. With the path comes whether it is a
    /// symbolic link.
    pub(super) fn wait(
        &mut self,
        name: &Arc<str>,
        (path, is_link): (&Path, bool),
        stamp: Stamp,
        now: Moment,
    ) -> Option<Duration> {
        let since = match self.seen.get(name) {
            Some((seen, since)) if *seen == stamp => *since,
            _ => now.steady,
        };
        let wait = self.wait_since(since, path, is_link, stamp, now);
        // Where the time of a complete file tells by itself that it is, nothing else needs to be known later.
        match wait {
            None if stamp.modified() <= now.wall => drop(self.seen.remove(name)),
            _ => drop(self.seen.insert(Arc::clone(name), (stamp, since))),
        }
        wait
    }

    /// The same for a file that is as it is since a moment.
    fn wait_since(
        &mut self,
        since: Instant,
        path: &Path,
        is_link: bool,
        stamp: Stamp,
        now: Moment,
    ) -> Option<Duration> {
        let (path, placed) = self.real_path(path, is_link);
        let own = self.traces.get(&path);
        let written = own.filter(|trace| !trace.complete);
        if let Some(open) = written.and_then(|trace| OPEN.checked_sub(now.steady.duration_since(trace.at.steady)))
            && !open.is_zero()
        {
            return Some(open);
        }
        let modified = stamp.modified();
        let told = own.filter(|trace| trace.complete).map(|trace| trace.at.wall);
        // Whoever writes a file anew empties it first, and it is empty before that is told.
        if !stamp.is_empty() && told.max(placed).is_some_and(|told| told >= modified) {
            return None;
        }
        // A time in the future tells nothing, but that it stays the same does.
        let age = now.wall.duration_since(modified).unwrap_or_default().max(now.steady.duration_since(since));
        STILL.checked_sub(age).filter(|wait| !wait.is_zero())
    }

    /// Where a file really is, and when it was last told that a folder around it was put in place: of ten thousand
    /// files of a folder, the way to that is gone once.
    fn real_path(&mut self, path: &Path, is_link: bool) -> (PathBuf, Option<SystemTime>) {
        let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let (Some(parent), Some(name)) = (path.parent(), path.file_name().filter(|_| !is_link)) else {
            let path = real(path);
            let placed = path.parent().and_then(|folder| self.placed(folder));
            return (path, placed);
        };
        if let Some(folder) = self.folders.get(parent) {
            return (folder.real.join(name), folder.placed);
        }
        let folder = real(parent);
        let (path, placed) = (folder.join(name), self.placed(&folder));
        self.folders.insert(parent.to_owned(), Folder { real: folder, placed });
        (path, placed)
    }

    /// When it was last told that a folder, or one that it lies in, was put in place.
    fn placed(&self, folder: &Path) -> Option<SystemTime> {
        let traces = folder.ancestors().filter_map(|folder| self.traces.get(folder));
        traces.filter(|trace| trace.complete).map(|trace| trace.at.wall).max()
    }

    /// Ends a reading, and forgets what no longer matters: traces too old to tell anything, and files that are not
    /// `waiting`.
    pub(super) fn forget(&mut self, now: Moment, waiting: impl Fn(&str) -> bool) {
        self.folders.clear();
        self.traces.retain(|_, trace| now.steady.duration_since(trace.at.steady) < OPEN);
        self.seen.retain(|name, _| waiting(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bench {
        dir: tempfile::TempDir,
        settling: Settling,
        began: Moment,
    }

    impl Bench {
        /// A file that was written just now.
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            fs::create_dir(dir.path().join("repos")).unwrap();
            fs::write(dir.path().join("repos/x.yaml"), "x").unwrap();
            Self { dir, settling: Settling::default(), began: Moment::now() }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.dir.path().canonicalize().unwrap().join(name)
        }

        fn after(&self, millis: u64) -> Moment {
            let later = Duration::from_millis(millis);
            Moment { steady: self.began.steady + later, wall: self.began.wall + later }
        }

        fn note(&mut self, name: &str, act: Act, millis: u64, watcher: u64) {
            self.settling.note(self.path(name), act, self.after(millis), watcher);
        }

        fn complete(&mut self, millis: u64) -> bool {
            let path = self.path("repos/x.yaml");
            let stamp = Stamp::of(&fs::metadata(&path).unwrap());
            let now = self.after(millis);
            self.settling.wait(&"repos/x.yaml".into(), (&path, path.is_symlink()), stamp, now).is_none()
        }

        fn modified(&self, time: SystemTime) {
            let file = fs::File::options().write(true).open(self.path("repos/x.yaml")).unwrap();
            file.set_modified(time).unwrap();
        }
    }

    #[test]
    fn without_events_a_file_is_complete_when_it_is_two_seconds_old() {
        let mut bench = Bench::new();
        assert!(!bench.complete(0));
        assert!(!bench.complete(1_900));
        assert!(bench.complete(2_000));
        bench.modified(bench.began.wall - Duration::from_secs(2));
        assert!(bench.complete(0), "old from the beginning");
    }

    #[test]
    fn a_time_in_the_future_counts_once_it_stays_the_same() {
        let mut bench = Bench::new();
        bench.modified(bench.began.wall + Duration::from_secs(3_600));
        assert!(!bench.complete(0));
        assert!(!bench.complete(1_900));
        bench.modified(bench.began.wall + Duration::from_secs(3_601));
        assert!(!bench.complete(2_000), "it changed");
        assert!(bench.complete(4_000));
        bench.settling.forget(bench.after(4_000), |_| true);
        assert!(bench.complete(4_001), "it stays complete, however often it is read");
    }

    #[test]
    fn a_file_is_complete_when_it_is_closed_and_not_when_it_is_written_again() {
        let mut bench = Bench::new();
        bench.note("repos/x.yaml", Act::Wrote, 0, 1);
        assert!(!bench.complete(10));
        assert!(!bench.complete(29_000), "its writer stalls");
        bench.note("repos/x.yaml", Act::Closed, 29_001, 1);
        assert!(bench.complete(29_002));
        bench.note("repos/x.yaml", Act::Wrote, 29_003, 1);
        assert!(!bench.complete(29_004));
        assert!(bench.complete(59_003), "not waited for for ever");
    }

    #[test]
    fn a_write_after_the_close_counts_before_it_is_told() {
        let mut bench = Bench::new();
        bench.note("repos/x.yaml", Act::Closed, 10, 1);
        bench.modified(bench.began.wall + Duration::from_millis(20));
        assert!(!bench.complete(30));
    }

    #[test]
    fn what_is_moved_into_place_is_complete_with_all_that_is_in_it() {
        for place in ["repos/x.yaml", "repos", "current"] {
            let mut bench = Bench::new();
            std::os::unix::fs::symlink("repos", bench.path("current")).unwrap();
            assert!(!bench.complete(1));
            bench.note(place, Act::Placed, 2, 1);
            assert!(bench.complete(3), "{place}");
            bench.note("repos/x.yaml", Act::Wrote, 4, 1);
            assert!(!bench.complete(5), "{place}");
        }
    }

    #[test]
    fn a_file_that_came_by_an_exchange_is_complete_though_another_left_its_path() {
        let mut bench = Bench::new();
        bench.note("repos/x.yaml", Act::Placed, 2, 1);
        bench.note("repos/x.yaml", Act::Left, 3, 1);
        assert!(bench.complete(4));
        bench.note("repos/x.yaml", Act::Wrote, 5, 1);
        bench.note("repos/x.yaml", Act::Left, 6, 1);
        assert!(!bench.complete(7), "it was not complete");
        bench.note("repos/x.yaml", Act::Placed, 10, 1);
        bench.note("repos/x.yaml", Act::Left, 200, 1);
        assert!(!bench.complete(201), "it left long after it came");
        bench.note("repos/x.yaml", Act::Placed, 210, 1);
        fs::rename(bench.path("repos/x.yaml"), bench.path("x")).unwrap();
        bench.note("repos/x.yaml", Act::Left, 211, 1);
        fs::write(bench.path("repos/x.yaml"), "y").unwrap();
        assert!(!bench.complete(212), "nothing is known of the new one");
        bench.note("repos/x.yaml", Act::Placed, 220, 1);
        bench.note("repos/x.yaml", Act::Gone, 221, 1);
        assert!(!bench.complete(222), "it was removed");
        bench.note("repos", Act::Placed, 230, 1);
        bench.note("repos", Act::Left, 231, 1);
        assert!(!bench.complete(232), "nobody tells who writes in the folder");
    }

    #[test]
    fn a_watcher_that_was_replaced_tells_nothing_new() {
        let mut bench = Bench::new();
        bench.note("repos/x.yaml", Act::Closed, 2, 2);
        bench.note("repos/x.yaml", Act::Wrote, 3, 1);
        assert!(bench.complete(4));
        bench.settling.lose_track();
        assert!(!bench.complete(5));
    }

    #[test]
    fn old_traces_are_forgotten() {
        let mut bench = Bench::new();
        bench.note("repos/x.yaml", Act::Wrote, 1, 1);
        assert!(!bench.complete(2));
        bench.settling.forget(bench.after(2), |_| true);
        assert_eq!((bench.settling.traces.len(), bench.settling.seen.len()), (1, 1));
        bench.note("repos/x.yaml", Act::Closed, 3, 1);
        assert!(bench.complete(4));
        assert_eq!((bench.settling.traces.len(), bench.settling.seen.len()), (1, 0), "it is complete");
        bench.note("repos/x.yaml", Act::Wrote, 5, 1);
        assert!(!bench.complete(6));
        bench.settling.forget(bench.after(31_000), |_| false);
        assert_eq!((bench.settling.traces.len(), bench.settling.seen.len()), (0, 0));
    }

    #[test]
    fn an_empty_file_is_waited_for_whatever_is_told() {
        let mut bench = Bench::new();
        fs::write(bench.path("repos/x.yaml"), "").unwrap();
        bench.began = Moment::now();
        bench.note("repos/x.yaml", Act::Closed, 10, 1);
        assert!(!bench.complete(20));
        assert!(bench.complete(2_100));
    }
}
