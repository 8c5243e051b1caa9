//! Making what was written durable, for all who wait for that at the same time.
//!
//! To sync a single file or folder costs the disk a flush, however little there is to write, and an image of a few
//! layers takes some fifty of them. Where the file system can, one syncfs(2) serves everybody who waits instead: who
//! comes while one runs waits for the next.
//!
//! Each file and folder is synced by itself where that is not known to do the same, where other programs have left
//! much unwritten, for which it would wait, too, and for good once it failed: it does not say whose bytes were lost,
//! and says it once, while each file that was open then tells its own.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The file system of a storage.
#[derive(Debug)]
pub(super) struct Disk {
    /// A folder on it, and its device; `None` where it cannot be synced as a whole.
    whole: Option<(File, u64)>,
    turns: Mutex<Turns>,
    ended: Condvar,
}

/// The syncs so far, by number from 1 on. At most one runs.
#[derive(Debug, Default)]
struct Turns {
    begun: u64,
    ended: u64,
    /// The last one that was left out.
    left_out: u64,
    /// One failed.
    is_over: bool,
}

impl Disk {
    /// The file system on which a folder lies.
    pub(super) fn of(folder: &Path) -> io::Result<Self> {
        Ok(Self { whole: system::whole(folder)?, turns: Mutex::default(), ended: Condvar::new() })
    }

    /// Whether a file or folder lies on it, and not on another one that is mounted or linked below the storage.
    pub(super) fn holds(&self, found: &Metadata) -> bool {
        self.whole.as_ref().is_some_and(|(_, device)| found.dev() == *device)
    }

    /// Makes everything durable that was written to it before the call: contents and names. `false` where that is
    /// not to be had, so that each file and folder has to be synced by itself.
    pub(super) fn sync(&self) -> bool {
        let Some((folder, _)) = &self.whole else { return false };
        self.take_turns(|| match system::is_much_unwritten() {
            true => Ok(false),
            false => system::sync(folder).map(|()| true),
        })
    }

    fn take_turns(&self, sync: impl Fn() -> io::Result<bool>) -> bool {
        let mut turns = self.turns();
        // One that runs already may have passed by what was written just now.
        let mine = turns.begun + 1;
        while turns.ended < mine && !turns.is_over {
            if turns.begun > turns.ended {
                turns = self.ended.wait(turns).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            turns.begun += 1;
            let turn = turns.begun;
            drop(turns);
            let outcome = sync();
            turns = self.turns();
            turns.ended = turn;
            match outcome {
                Ok(true) => {}
                Ok(false) => turns.left_out = turn,
                Err(error) => {
                    turns.is_over = true;
                    tracing::warn!(%error, "a file system could not be synced: from now on each file is synced by itself");
                }
            }
            self.ended.notify_all();
        }
        !turns.is_over && turns.left_out < mine
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs::File;
    use std::io;
    use std::os::unix::fs::MetadataExt as _;
    use std::path::Path;

    /// ext4 (ext2 and ext3 have the same number) and XFS, from statfs(2): here it writes contents, names and the
    /// journal. FUSE and overlay file systems do less of that, and Btrfs much more.
    const KINDS: [u64; 2] = [0xEF53, 0x5846_5342];

    /// Since Linux 5.8 it says when contents could not be written.
    const TELLS_ERRORS: (u32, u32) = (5, 8);

    /// With more than this in the system's cache that is to be written, in KiB, most of it is not from requests that
    /// wait: they write little at a time.
    const UNWRITTEN_MAX_KIB: u64 = 64 * 1024;

    pub(super) fn whole(folder: &Path) -> io::Result<Option<(File, u64)>> {
        let folder = File::open(folder)?;
        let Ok(found) = rustix::fs::fstatfs(&folder) else { return Ok(None) };
        // A number of 32 bits, which some platforms keep in a signed word.
        let kind = found.f_type as u64 & 0xFFFF_FFFF;
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        if !KINDS.contains(&kind) || version(&release) < Some(TELLS_ERRORS) {
            return Ok(None);
        }
        let device = folder.metadata()?.dev();
        Ok(Some((folder, device)))
    }

    /// The first two numbers of a kernel's release.
    fn version(release: &str) -> Option<(u32, u32)> {
        let mut numbers = release.split(|sign: char| !sign.is_ascii_digit()).map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    }

    /// Whether more waits to be written than requests leave behind. Where the system does not say, it may be.
    pub(super) fn is_much_unwritten() -> bool {
        let all = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
        unwritten(&all).is_none_or(|kib| kib > UNWRITTEN_MAX_KIB)
    }

    /// What is to be written or being written, of the system's report on its memory, in KiB.
    fn unwritten(report: &str) -> Option<u64> {
        let of = |name: &str| {
            let line = report.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        Some(of("Dirty:")? + of("Writeback:")?)
    }

    pub(super) fn sync(folder: &File) -> io::Result<()> {
        rustix::fs::syncfs(folder)?;
        // Without a journal, names are written after the disk was told to flush. And a journal that failed, or a file
        // system that became read-only over it, is told of here and not there.
        folder.sync_all()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn reports_are_read_as_the_system_writes_them() {
            let report =
                "MemTotal:  8 kB\nDirty:              2756 kB\nWriteback:            28 kB\nWritebackTmp: 5 kB\n";
            assert_eq!(unwritten(report), Some(2784));
            for other in ["", "Dirty: 5 kB\n", "Dirty:\nWriteback: 5 kB\n", "Dirty: many kB\nWriteback: 5 kB\n"] {
                assert_eq!(unwritten(other), None, "{other:?}");
            }
            assert!(unwritten(&std::fs::read_to_string("/proc/meminfo").unwrap()).is_some());
            assert_eq!(version("6.18.44-fc-v782\n"), Some((6, 18)));
            assert_eq!(version("5.8.0"), Some((5, 8)));
            assert!(version("5.10.1") > Some(TELLS_ERRORS) && version("4.18.0-553.el8") < Some(TELLS_ERRORS));
            assert!(version("") < Some(TELLS_ERRORS) && version("six") < Some(TELLS_ERRORS));
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::fs::File;
    use std::io;
    use std::path::Path;

    /// Other systems cannot.
    pub(super) fn whole(_: &Path) -> io::Result<Option<(File, u64)>> {
        Ok(None)
    }

    pub(super) fn is_much_unwritten() -> bool {
        true
    }

    pub(super) fn sync(_: &File) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    use std::time::Duration;

    use super::*;

    fn disk() -> Disk {
        Disk { whole: None, turns: Mutex::default(), ended: Condvar::new() }
    }

    #[test]
    fn each_waits_for_a_sync_that_began_after_it_came_and_many_share_one() {
        let (disk, written, synced, count) = (disk(), AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        let is_running = AtomicBool::new(false);
        let sync = || {
            assert!(!is_running.swap(true, Ordering::SeqCst), "two at once");
            let seen = written.load(Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(2));
            count.fetch_add(1, Ordering::SeqCst);
            synced.store(seen, Ordering::SeqCst);
            is_running.store(false, Ordering::SeqCst);
            Ok(true)
        };
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let mine = written.fetch_add(1, Ordering::SeqCst) + 1;
                        assert!(disk.take_turns(sync));
                        assert!(synced.load(Ordering::SeqCst) >= mine);
                    }
                });
            }
        });
        let count = count.into_inner();
        assert!((20..320).contains(&count), "{count} for 320");
        assert_eq!(disk.turns().ended, count);
    }

    #[test]
    fn after_a_failure_everybody_syncs_by_themselves() {
        let (disk, waiting) = (disk(), AtomicU64::new(0));
        assert!(!disk.take_turns(|| Ok(false)), "left out");
        assert!(disk.take_turns(|| Ok(true)));
        let fail = || {
            // Until the others have come, who wait for the next.
            while waiting.load(Ordering::SeqCst) < 3 {
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::sleep(Duration::from_millis(20));
            Err(io::Error::from_raw_os_error(5))
        };
        std::thread::scope(|scope| {
            let first = scope.spawn(|| disk.take_turns(fail));
            while disk.turns().begun < 3 {
                std::thread::yield_now();
            }
            let others: Vec<_> = (0..3)
                .map(|_| {
                    scope.spawn(|| {
                        waiting.fetch_add(1, Ordering::SeqCst);
                        disk.take_turns(|| Ok(true))
                    })
                })
                .collect();
            assert!(!first.join().unwrap());
            for other in others {
                assert!(!other.join().unwrap(), "the failure may have been that of their bytes, and is told once");
            }
        });
        assert!(!disk.take_turns(|| Ok(true)));
    }

    #[test]
    fn what_is_mounted_elsewhere_is_not_on_it() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::of(folder.path()).unwrap();
        if disk.whole.is_some() {
            assert!(disk.holds(&folder.path().metadata().unwrap()));
            assert!(!disk.holds(&Path::new("/proc").metadata().unwrap()));
            // It may be left out here, but does not fail.
            disk.sync();
            assert!(!disk.turns().is_over);
        }
    }
}
