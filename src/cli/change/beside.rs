//! Files that are written beside others, under hidden names that no server reads, and bear all that those bear.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
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
pub(super) fn hidden(path: &Path) -> io::Result<PathBuf> {
    named(path, MARK)
}

/// A hidden name beside a file for what is to stay there.
pub(super) fn kept(path: &Path) -> io::Result<PathBuf> {
    named(path, ".before-")
}

fn named(path: &Path, mark: &str) -> io::Result<PathBuf> {
    let mut bytes = [0_u8; DRAWN / 2];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    let drawn: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(path.with_file_name(format!(".{name}{mark}{drawn}")))
}

/// What a file bears besides its text.
#[derive(Debug)]
pub(super) struct Bearing {
    mode: u32,
    owner: (u32, u32),
    attributes: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Writes a file beside one that it is to replace, with what that one bears.
pub(super) fn replacement(path: &Path, text: &str, bearing: &Bearing, synced: bool) -> io::Result<PathBuf> {
    // Nobody else sees anything of it before it bears what the other one bears.
    let (beside, mut file) = create(path, 0o600)?;
    finished(beside, || {
        file.write_all(text.as_bytes())?;
        bearing.put(&file)?;
        if synced { file.sync_all() } else { Ok(()) }
    })
}

/// Writes a file beside the place that it is to have.
pub(super) fn fresh(path: &Path, text: &str, mode: u32, synced: bool) -> io::Result<PathBuf> {
    let (beside, mut file) = create(path, mode)?;
    finished(beside, || {
        file.write_all(text.as_bytes())?;
        if synced { file.sync_all() } else { Ok(()) }
    })
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

impl Bearing {
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let meta = file.metadata()?;
        let mut found = Vec::new();
        for name in attributes(&file)? {
            let value = attribute(&file, &name).map_err(|error| cannot_keep(&name, error))?;
            found.push((name, value));
        }
        Ok(Self { mode: meta.mode(), owner: (meta.uid(), meta.gid()), attributes: found })
    }

    /// Gives all of it to a file.
    fn put(&self, to: &File) -> io::Result<()> {
        let new = to.metadata()?;
        let (uid, gid) = self.owner;
        if self.owner != (new.uid(), new.gid()) {
            fchown(to, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid))).map_err(|error| {
                let kind = io::Error::from(error).kind();
                io::Error::new(kind, format!("its owner {uid}:{gid} cannot be kept ({error})"))
            })?;
        }
        fchmod(to, Mode::from_raw_mode(self.mode & 0o7777))?;
        let is_borne = |name: &Vec<u8>| self.attributes.iter().any(|(borne, _)| borne == name);
        for name in attributes(to)?.iter().filter(|name| !is_borne(name) && !name.starts_with(BY_PLACE)) {
            fremovexattr(to, name.as_slice()).map_err(|error| cannot_keep(name, error))?;
        }
        for (name, value) in &self.attributes {
            let has = || attribute(to, name).is_ok_and(|has| has == *value);
            if let Err(error) = fsetxattr(to, name.as_slice(), value, XattrFlags::empty())
                && !has()
            {
                return Err(cannot_keep(name, error));
            }
        }
        let kept = to.metadata()?;
        if (kept.mode(), (kept.uid(), kept.gid())) == (self.mode, self.owner) {
            Ok(())
        } else {
            Err(io::Error::other("its mode and owner cannot be kept here"))
        }
    }
}

fn cannot_keep(name: &[u8], error: Errno) -> io::Error {
    let name = String::from_utf8_lossy(name);
    io::Error::new(io::Error::from(error).kind(), format!("its attribute `{name}` cannot be kept ({error})"))
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
        let beside = replacement(&path, "new", &Bearing::of(&path).unwrap(), true).unwrap();
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
        let bearing = Bearing::of(&path).unwrap();
        let meta = fs::metadata(replacement(&path, "new", &bearing, true).unwrap()).unwrap();
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
