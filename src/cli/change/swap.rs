//! Moves files to and from their places, and loses nothing that somebody else puts there in that very moment: what
//! is taken out is looked at, and goes back where it is not what was expected.

use std::fs;
use std::io;
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::beside;

/// Whether a file has just this text.
pub(super) fn holds(path: &Path, text: &str) -> bool {
    fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file())
        && fs::read(path).is_ok_and(|bytes| bytes == text.as_bytes())
}

/// Puts a file in the place of another one, which then has its name. `false`: it had not the expected text, and
/// nothing changed.
pub(super) fn exchange(aside: &Path, path: &Path, expected: &str) -> io::Result<bool> {
    let exchange = || renameat_with(CWD, aside, CWD, path, RenameFlags::EXCHANGE);
    match exchange() {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => return replace(aside, path, expected),
        exchanged => exchanged?,
    }
    if holds(aside, expected) {
        return Ok(true);
    }
    let ours = fs::read(path);
    if exchange().is_err() {
        // Somebody removed what just came there.
        place(aside, path)?;
        return Ok(false);
    }
    // Somebody who was even faster saved a second time: that one is the newest.
    if !matches!((ours, fs::read(aside)), (Ok(ours), Ok(out)) if ours == out) {
        exchange()?;
    }
    Ok(false)
}

/// The same where a file system cannot exchange two files: what comes between two calls is not seen.
fn replace(aside: &Path, path: &Path, expected: &str) -> io::Result<bool> {
    let bearing = beside::Bearing::of(path)?;
    let copy = beside::replacement(path, expected, &bearing, true)?;
    if !holds(path, expected) {
        fs::remove_file(&copy)?;
        return Ok(false);
    }
    fs::rename(aside, path)?;
    fs::rename(copy, aside)?;
    Ok(true)
}

/// Gives a file its place, if nothing is there.
pub(super) fn place(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) if to.symlink_metadata().is_err() => fs::rename(from, to),
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Err(io::ErrorKind::AlreadyExists.into()),
        placed => Ok(placed?),
    }
}

/// Takes a file away, to another name. `false`: it had not the expected text, and is back.
pub(super) fn remove(path: &Path, aside: &Path, expected: &str) -> io::Result<bool> {
    fs::rename(path, aside)?;
    if holds(aside, expected) {
        return Ok(true);
    }
    match place(aside, path) {
        // A newer one came already.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => fs::remove_file(aside)?,
        placed => placed?,
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_expected_goes_back() {
        let dir = tempfile::tempdir().unwrap();
        let (path, aside) = (dir.path().join("a.yaml"), dir.path().join(".a.yaml"));
        let texts = || [&path, &aside].map(|path| fs::read_to_string(path).ok());
        let both = |one: &str, other: &str| [Some(one.to_owned()), Some(other.to_owned())];
        fs::write(&path, "old").unwrap();
        fs::write(&aside, "new").unwrap();
        for (exchange, name) in [(exchange as fn(&Path, &Path, &str) -> _, "exchange"), (replace, "replace")] {
            assert!(!exchange(&aside, &path, "other").unwrap(), "{name}");
            assert_eq!(texts(), both("old", "new"), "{name}");
            assert!(exchange(&aside, &path, "old").unwrap(), "{name}");
            assert_eq!(texts(), both("new", "old"), "{name}");
            assert!(exchange(&aside, &path, "new").unwrap(), "{name}");
        }
        assert_eq!(place(&aside, &path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        fs::remove_file(&aside).unwrap();
        assert!(!remove(&path, &aside, "other").unwrap());
        assert_eq!(texts(), [Some("old".to_owned()), None]);
        assert!(remove(&path, &aside, "old").unwrap());
        assert_eq!(texts(), [None, Some("old".to_owned())]);
        place(&aside, &path).unwrap();
        assert_eq!(texts(), [Some("old".to_owned()), None]);
        assert_eq!(exchange(&aside, &path, "old").unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
