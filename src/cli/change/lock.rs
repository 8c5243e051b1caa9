//! One command at a time changes a folder.

use std::fs::File;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::cli::{Failure, output};

/// Held as long as this lives, and gone with the process in any case.
#[derive(Debug)]
pub(super) struct Lock {
    _folder: File,
    /// Whether others are kept out. Some file systems cannot lock a folder.
    pub(super) is_alone: bool,
}

impl Lock {
    /// Waits until no other command changes the folder.
    pub(super) fn take(folder: &Path) -> Result<Self, Failure> {
        let failed = |why: String| Failure::new(format!("cannot lock `{}`: {why}", folder.display()));
        let file = File::open(folder).map_err(|error| failed(error.to_string()))?;
        let mut how = FlockOperation::NonBlockingLockExclusive;
        loop {
            match flock(&file, how) {
                Ok(()) => return Ok(Self { _folder: file, is_alone: true }),
                Err(Errno::WOULDBLOCK) => {
                    output::note("note: waiting for another command that changes this folder\n");
                    how = FlockOperation::LockExclusive;
                }
                Err(Errno::INTR) => {}
                Err(Errno::BADF | Errno::NOTSUP | Errno::NOSYS | Errno::NOLCK | Errno::INVAL) => {
                    return Ok(Self { _folder: file, is_alone: false });
                }
                Err(error) => return Err(failed(error.to_string())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_second_one_waits() {
        let dir = tempfile::tempdir().unwrap();
        let first = Lock::take(dir.path()).unwrap();
        assert!(first.is_alone);
        let (sent, received) = mpsc::channel();
        let path = dir.path().to_owned();
        let second = std::thread::spawn(move || {
            let lock = Lock::take(&path).unwrap();
            sent.send(()).unwrap();
            drop(lock);
        });
        assert!(received.recv_timeout(Duration::from_millis(200)).is_err());
        drop(first);
        received.recv_timeout(Duration::from_secs(10)).unwrap();
        second.join().unwrap();
    }
}
