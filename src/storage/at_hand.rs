//! Reads that never wait for a disk: what the system holds in memory is had at once, without a thread
//! that may block. Of all else they say nothing.
//!
//! Each answer is that of the file system at this moment, as if it had been asked in the usual way.

use std::fs::File;
use std::path::Path;

use bytes::Bytes;

/// How much of a file is read at once without leaving the thread, in bytes: copying it takes some
/// microseconds.
pub(super) const PIECE_MAX_BYTES: u64 = 64 * 1024;

/// A file that can be opened without waiting. `None`: that cannot be said; `Some(None)`: there is none.
pub(super) fn file(path: &Path) -> Option<Option<File>> {
    system::open(path, false)
}

/// The size of a file that can be found without waiting. `None`: that cannot be said; `Some(None)`: there
/// is no file.
pub(super) fn size(path: &Path) -> Option<Option<u64>> {
    let Some(found) = system::open(path, true)? else { return Some(None) };
    let metadata = found.metadata().ok()?;
    Some(metadata.is_file().then_some(metadata.len()))
}

/// Whether there is something, where that can be told without waiting.
pub(super) fn is_there(path: &Path) -> Option<bool> {
    system::open(path, true).map(|found| found.is_some())
}

/// The bytes of a file that has less than `N`. `None`: that cannot be said without waiting, or there are
/// more; `Some(None)`: there is no file.
pub(super) fn whole<const N: usize>(path: &Path) -> Option<Option<Bytes>> {
    let Some(found) = file(path)? else { return Some(None) };
    let mut piece = [0; N];
    let count = system::read(&found, &mut piece, 0)?;
    (count < N).then(|| Some(Bytes::copy_from_slice(&piece[..count])))
}

/// Exactly `length` bytes of a file, at most [`PIECE_MAX_BYTES`]; `None` where they cannot be had without
/// waiting, or are not there.
pub(super) fn piece(file: &File, position: u64, length: u64) -> Option<Bytes> {
    if length > PIECE_MAX_BYTES {
        return None;
    }
    // At most `PIECE_MAX_BYTES`, and so it fits.
    let mut piece = vec![0; length as usize];
    let count = system::read(file, &mut piece, position)?;
    (count == piece.len()).then(|| piece.into())
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs::File;
    use std::io::IoSliceMut;
    use std::path::Path;

    use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
    use rustix::io::{Errno, ReadWriteFlags, preadv2};

    /// Opens what can be found in the system's cache of names. Older systems, and other reasons to say
    /// no, are left to the usual way.
    pub(super) fn open(path: &Path, only_the_place: bool) -> Option<Option<File>> {
        let how = if only_the_place { OFlags::PATH } else { OFlags::RDONLY };
        match openat2(CWD, path, how | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::CACHED) {
            Ok(found) => Some(Some(found.into())),
            Err(Errno::NOENT | Errno::NOTDIR) => Some(None),
            Err(_) => None,
        }
    }

    /// Reads what is in the system's cache of content.
    pub(super) fn read(file: &File, piece: &mut [u8], position: u64) -> Option<usize> {
        preadv2(file, &mut [IoSliceMut::new(piece)], position, ReadWriteFlags::NOWAIT).ok()
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::fs::File;
    use std::path::Path;

    /// Other systems have no such question.
    pub(super) fn open(_: &Path, _: bool) -> Option<Option<File>> {
        None
    }

    /// Other systems have no such question.
    pub(super) fn read(_: &File, _: &mut [u8], _: u64) -> Option<usize> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks until there is an answer: what was just written is usually at hand, and nothing promises it.
    fn soon<T>(ask: impl Fn() -> Option<T>) -> Option<T> {
        (0..100).find_map(|_| ask())
    }

    #[test]
    fn what_is_said_is_true() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("link");
        if let Some(found) = soon(|| size(&path)) {
            assert_eq!(found, None);
        }
        for content in [b"".as_slice(), b"one", b"a longer one"] {
            std::fs::write(&path, content).unwrap();
            if let Some(found) = soon(|| size(&path)) {
                assert_eq!(found, Some(content.len() as u64));
            }
            if let Some(found) = soon(|| whole::<64>(&path)) {
                assert_eq!(found.as_deref(), Some(content));
            }
        }
        assert_eq!(whole::<12>(&path), None, "not all of it would fit");
        let file = File::open(&path).unwrap();
        if let Some(found) = soon(|| piece(&file, 2, 6)) {
            assert_eq!(&found[..], b"longer");
        }
        assert_eq!(piece(&file, 2, 60), None, "the file is shorter");
        std::fs::remove_file(&path).unwrap();
        if let Some(found) = soon(|| whole::<64>(&path)) {
            assert_eq!(found, None);
        }
        if let Some(found) = soon(|| size(folder.path())) {
            assert_eq!(found, None, "a folder is no file");
        }
    }
}
