//! Files that are written all, or none.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::Failure;

/// The files and folders that a command made. Unless they are kept, they are taken away again when this is dropped;
/// what was there before is never touched.
#[derive(Debug, Default)]
pub(super) struct Written {
    made: Vec<Made>,
}

#[derive(Debug)]
enum Made {
    File(PathBuf),
    Folder(PathBuf),
}

impl Written {
    /// Creates a file that is not there, and the folders around it.
    pub(super) fn create(&mut self, path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
        let failed = |error: io::Error| Failure::new(format!("cannot write `{}`: {error}", path.display()));
        if let Some(parent) = path.parent() {
            self.create_folder(parent).map_err(failed)?;
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(failed)?;
        self.made.push(Made::File(path.to_owned()));
        file.write_all(text.as_bytes()).map_err(failed)
    }

    fn create_folder(&mut self, folder: &Path) -> io::Result<()> {
        let is_missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
        let missing: Vec<&Path> = folder.ancestors().take_while(is_missing).collect();
        for path in missing.into_iter().rev() {
            match fs::create_dir(path) {
                Ok(()) => self.made.push(Made::Folder(path.to_owned())),
                Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Leaves everything where it is.
    pub(super) fn keep(mut self) {
        self.made.clear();
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        for made in self.made.iter().rev() {
            // A folder that somebody has put something into meanwhile stays, and what cannot be removed is told of
            // by the next attempt.
            let _ = match made {
                Made::File(path) => fs::remove_file(path),
                Made::Folder(path) => fs::remove_dir(path),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_is_taken_away_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::create_dir(path("old")).unwrap();
        fs::write(path("old/mine"), "mine").unwrap();
        fs::write(path("file"), "mine").unwrap();
        let make = || {
            let mut written = Written::default();
            for name in ["old/new/a", "old/new/b", "fresh/x/y", "old/c"] {
                written.create(&path(name), "text", 0o600).unwrap();
            }
            written
        };
        let mut written = make();
        for taken in ["old/mine", "file/below"] {
            let failure = written.create(&path(taken), "other", 0o600).unwrap_err();
            assert!(failure.message.contains(taken), "{failure}");
        }
        // Somebody else was quick.
        fs::write(path("fresh/x/theirs"), "theirs").unwrap();
        drop(written);
        assert_eq!(fs::read_to_string(path("old/mine")).unwrap(), "mine");
        assert_eq!(fs::read_to_string(path("fresh/x/theirs")).unwrap(), "theirs");
        assert_eq!(fs::read_dir(path("old")).unwrap().count(), 1);
        assert!(!path("fresh/x/y").exists());
        make().keep();
        assert!(path("fresh/x/y").exists() && path("old/new/b").exists());
    }
}
