//! Files that are written beside others, under hidden names that no server reads, and bear all that those bear.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{
    Gid, Mode, Uid, XattrFlags, fchmod, fchown, fgetxattr, fgetxattr_query, flistxattr, flistxattr_query, fremovexattr,
    fsetxattr,
};
use rustix::io::Errno;

/// Stands between a file's name and what is drawn for each.
const MARK: &str = ".portolan-";
/// Characters that are drawn.
const DRAWN: usize = 12;
/// What the system itself gives every file, by where it lies.
const BY_PLACE: &[u8] = b"security.";

/// A hidden name beside a file.
fn hidden(path: &Path) -> io::Result<PathBuf> {
    let mut bytes = [0_u8; DRAWN / 2];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    let drawn: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(path.with_file_name(format!(".{name}{MARK}{drawn}")))
}

/// Writes a file beside one that it is to replace, with the mode, the owner and the attributes of that one.
pub(super) fn replacement(path: &Path, text: &str) -> io::Result<PathBuf> {
    let old = File::open(path)?;
    // Nobody else sees anything of it before it bears what the other one bears.
    let (beside, mut file) = create(path, 0o600)?;
    let written = || {
        file.write_all(text.as_bytes())?;
        carry_over(&old, &file)?;
        file.sync_all()
    };
    finished(beside, written)
}

/// Writes a file beside the place that it is to have.
pub(super) fn fresh(path: &Path, text: &str, mode: u32) -> io::Result<PathBuf> {
    let (beside, mut file) = create(path, mode)?;
    finished(beside, || file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
}

/// Keeps a file under a second name; a copy of it where a file can have only one.
pub(super) fn backup(path: &Path) -> io::Result<PathBuf> {
    let beside = hidden(path)?;
    match fs::hard_link(path, &beside) {
        Ok(()) => Ok(beside),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(error),
        Err(_) => {
            let mut text = String::new();
            File::open(path)?.read_to_string(&mut text)?;
            replacement(path, &text)
        }
    }
}

/// Removes what commands left in a folder that were killed. Only for whoever is alone there.
pub(super) fn remove_stale(folder: &Path) {
    let is_stale = |name: &str| {
        let drawn = name.strip_prefix('.').and_then(|name| name.rsplit_once(MARK)).map(|(_, drawn)| drawn);
        drawn.is_some_and(|drawn| drawn.len() == DRAWN && drawn.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(is_stale) {
            // What cannot be removed is in nobody's way.
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn create(path: &Path, mode: u32) -> io::Result<(PathBuf, File)> {
    let beside = hidden(path)?;
    let file = OpenOptions::new().write(true).read(true).create_new(true).mode(mode).open(&beside)?;
    Ok((beside, file))
}

fn finished(beside: PathBuf, mut write: impl FnMut() -> io::Result<()>) -> io::Result<PathBuf> {
    match write() {
        Ok(()) => Ok(beside),
        Err(error) => {
            let _ = fs::remove_file(&beside);
            Err(error)
        }
    }
}

/// Gives a file the owner, the mode and the attributes of another one.
fn carry_over(from: &File, to: &File) -> io::Result<()> {
    let (old, new) = (from.metadata()?, to.metadata()?);
    if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
        fchown(to, Some(Uid::from_raw(old.uid())), Some(Gid::from_raw(old.gid()))).map_err(|error| {
            io::Error::new(
                io::Error::from(error).kind(),
                format!("its owner {}:{} cannot be kept ({error})", old.uid(), old.gid()),
            )
        })?;
    }
    fchmod(to, Mode::from_raw_mode(old.mode() & 0o7777))?;
    let cannot = |name: &[u8], error: Errno| {
        let name = String::from_utf8_lossy(name);
        io::Error::new(io::Error::from(error).kind(), format!("its attribute `{name}` cannot be kept ({error})"))
    };
    let names = attributes(from)?;
    for name in attributes(to)?.iter().filter(|name| !names.contains(name) && !name.starts_with(BY_PLACE)) {
        fremovexattr(to, name.as_slice()).map_err(|error| cannot(name, error))?;
    }
    for name in &names {
        let value = attribute(from, name).map_err(|error| cannot(name, error))?;
        let has = || attribute(to, name).is_ok_and(|has| has == value);
        if let Err(error) = fsetxattr(to, name.as_slice(), &value, XattrFlags::empty())
            && !has()
        {
            return Err(cannot(name, error));
        }
    }
    let kept = to.metadata()?;
    if (kept.mode(), kept.uid(), kept.gid()) == (old.mode(), old.uid(), old.gid()) {
        Ok(())
    } else {
        Err(io::Error::other("its mode and owner cannot be kept here"))
    }
}

/// The names of a file's extended attributes, access lists among them. Some file systems have none.
fn attributes(file: &File) -> io::Result<Vec<Vec<u8>>> {
    loop {
        let size = match flistxattr_query(file) {
            Err(Errno::NOTSUP) => 0,
            size => size?,
        };
        let mut list = vec![0; size];
        let size = match flistxattr(file, list.as_mut_slice()) {
            _ if size == 0 => 0,
            // Another one came meanwhile.
            Err(Errno::RANGE) => continue,
            size => size?,
        };
        list.truncate(size);
        return Ok(list.split(|byte| *byte == 0).filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect());
    }
}

fn attribute(file: &File, name: &[u8]) -> Result<Vec<u8>, Errno> {
    loop {
        let mut value = vec![0; fgetxattr_query(file, name)?];
        if value.is_empty() {
            return Ok(value);
        }
        match fgetxattr(file, name, value.as_mut_slice()) {
            Err(Errno::RANGE) => {}
            size => {
                value.truncate(size?);
                return Ok(value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_a_file_bears_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("credentials.yaml");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o6640)).unwrap();
        let old = File::open(&path).unwrap();
        let can = fsetxattr(&old, "user.origin", b"vault", XattrFlags::empty()).is_ok();
        let beside = replacement(&path, "new").unwrap();
        assert!(beside.file_name().unwrap().to_str().unwrap().starts_with(".credentials.yaml.portolan-"));
        assert_eq!(fs::read_to_string(&beside).unwrap(), "new");
        assert_eq!(fs::metadata(&beside).unwrap().mode() & 0o7777, 0o6640);
        if can {
            assert_eq!(attribute(&File::open(&beside).unwrap(), b"user.origin"), Ok(b"vault".to_vec()));
        }
    }

    #[test]
    fn a_root_keeps_the_owner() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("credentials.yaml");
        fs::write(&path, "old").unwrap();
        if std::os::unix::fs::chown(&path, Some(1234), Some(4321)).is_err() {
            return;
        }
        let meta = fs::metadata(replacement(&path, "new").unwrap()).unwrap();
        assert_eq!((meta.uid(), meta.gid()), (1234, 4321));
        let meta = fs::metadata(backup(&path).unwrap()).unwrap();
        assert_eq!((meta.uid(), meta.gid()), (1234, 4321));
    }

    #[test]
    fn what_was_left_is_removed_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.yaml");
        let left = hidden(&path).unwrap();
        let others = [".a.yaml", ".a.yaml.portolan-mine", "b.yaml.portolan-0123456789ab", "a.yaml"];
        for name in others.map(PathBuf::from).iter().chain([&left]) {
            fs::write(dir.path().join(name), "").unwrap();
        }
        remove_stale(dir.path());
        assert!(!left.exists());
        assert!(others.iter().all(|name| dir.path().join(name).exists()));
    }
}
