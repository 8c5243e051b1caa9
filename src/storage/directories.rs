//! What lies in the folders of a file system, remembered while it does not change.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use moka::sync::Cache;
use tokio::sync::Semaphore;

use super::error::blocking;
use super::folders::{Folders, is_absent, is_half_written};
use super::listing::{Children, Names};
use super::objects::Listing;
use super::{Key, StorageError};

/// How much is remembered of all folders together, in bytes.
const KNOWN_BYTES: u64 = 32 * 1024 * 1024;

/// What it takes to remember a folder at all, in bytes.
const KNOWN_EACH: usize = 256;

/// A folder that changed less than this before it was read is not remembered: the clock by which file
/// systems note changes ticks every few milliseconds, and a change within a tick would not show.
const SETTLED_AFTER: Duration = Duration::from_millis(50);

/// The same, where the time of the change has whole seconds only, as some file systems have it.
const SETTLED_AFTER_COARSE: Duration = Duration::from_millis(2100);

/// How many folders are read at the same time, which bounds the memory for it.
const PARALLEL_LOOKS: usize = 8;

/// The folders of a storage, and what is remembered of them.
pub(super) struct Directories {
    folders: Arc<Folders>,
    known: Cache<Key, Arc<Directory>>,
    looks: Arc<Semaphore>,
}

impl Directories {
    pub(super) fn new(folders: Arc<Folders>) -> Self {
        let weigh = |key: &Key, found: &Arc<Directory>| {
            u32::try_from(KNOWN_EACH + key.as_str().len() + found.bytes()).unwrap_or(u32::MAX)
        };
        let known = Cache::builder().max_capacity(KNOWN_BYTES).weigher(weigh).build();
        Self { folders, known, looks: Arc::new(Semaphore::new(PARALLEL_LOOKS)) }
    }

    /// Takes something from what lies in a folder; nothing lies in one that does not exist.
    pub(super) async fn look<T, F>(self: &Arc<Self>, folder: &Key, take: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnOnce(&Directory) -> T + Send + 'static,
    {
        let looks = Arc::clone(&self.looks).acquire_owned().await;
        let one_of_few = looks.map_err(|error| StorageError::Stopped(error.to_string()))?;
        let (directories, folder) = (Arc::clone(self), folder.clone());
        blocking(move || {
            let _one_of_few = one_of_few;
            Ok(take(&*directories.find(&folder)?))
        })
        .await
    }

    /// Whether any file lies in a folder or below it.
    pub(super) async fn has_any(&self, folder: &Key) -> Result<bool, StorageError> {
        let (folders, folder) = (Arc::clone(&self.folders), folder.clone());
        blocking(move || folders.has_any(&folder)).await
    }

    /// What lies in a folder. Blocks.
    pub(super) fn find(&self, folder: &Key) -> Result<Arc<Directory>, StorageError> {
        let path = self.folders.path(folder);
        let begun = SystemTime::now();
        let stamp = match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => Stamp::of(&metadata),
            Ok(_) => return Ok(Arc::default()),
            Err(error) if is_absent(&error) => return Ok(Arc::default()),
            Err(error) => return Err(StorageError::io(&path, error)),
        };
        if let Some(known) = self.known.get(folder)
            && known.stamp == stamp
        {
            return Ok(known);
        }
        let found = Arc::new(Directory { stamp, ..read(&path)? });
        if stamp.is_settled(begun) {
            self.known.insert(folder.clone(), Arc::clone(&found));
        }
        Ok(found)
    }
}

/// Which state of which folder was seen. Every change of its entries changes the times.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    /// When its entries changed, in nanoseconds since 1970.
    modified: i128,
    /// When anything about it changed. Nobody can set it back, as copying programs do with the other.
    changed: i128,
}

impl Stamp {
    fn of(metadata: &std::fs::Metadata) -> Self {
        let nanoseconds = |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            modified: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            changed: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether a change after `now` certainly gives another stamp.
    fn is_settled(&self, now: SystemTime) -> bool {
        let newest = self.modified.max(self.changed);
        let needed = if newest % 1_000_000_000 == 0 { SETTLED_AFTER_COARSE } else { SETTLED_AFTER };
        let since_1970 = |age: Duration| i128::try_from(age.as_nanos()).ok();
        let now = now.duration_since(UNIX_EPOCH).ok().and_then(since_1970);
        now.zip(since_1970(needed)).is_some_and(|(now, needed)| now - newest >= needed)
    }
}

/// What lies in a folder.
#[derive(Debug, Default)]
pub(super) struct Directory {
    stamp: Stamp,
    folders: Sorted,
    objects: Sorted,
}

impl Directory {
    /// The names after `after`, at most `limit`.
    pub(super) fn page(&self, children: Children, after: Option<&str>, limit: usize) -> Names {
        let names = match children {
            Children::Folders => &self.folders,
            Children::Objects => &self.objects,
        };
        let first = after.map_or(0, |after| names.places.partition_point(|place| names.at(*place) <= after));
        let wanted = names.places[first..].iter().take(limit);
        Names {
            names: wanted.map(|place| names.at(*place).to_owned()).collect(),
            more: names.places.len() - first > limit,
        }
    }

    /// All names.
    pub(super) fn all(&self) -> Listing {
        let all = |names: &Sorted| names.places.iter().map(|place| names.at(*place).to_owned()).collect();
        Listing { folders: all(&self.folders), objects: all(&self.objects) }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.folders.places.len() + self.objects.places.len()
    }

    /// How much memory it takes.
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.folders.bytes() + self.objects.bytes()
    }
}

/// Names in byte order, kept in one text: a hundred thousand take little more than their letters.
#[derive(Debug, Default)]
struct Sorted {
    text: String,
    /// Where each begins and ends.
    places: Vec<(u32, u32)>,
}

impl Sorted {
    /// Adds a name; `false` where there is no room for more.
    fn push(&mut self, name: &str) -> bool {
        let (begin, end) = (u32::try_from(self.text.len()), u32::try_from(self.text.len() + name.len()));
        let (Ok(begin), Ok(end)) = (begin, end) else { return false };
        self.text.push_str(name);
        self.places.push((begin, end));
        true
    }

    fn at(&self, (begin, end): (u32, u32)) -> &str {
        &self.text[begin as usize..end as usize]
    }

    fn sort(&mut self) {
        let text = std::mem::take(&mut self.text);
        let at = |(begin, end): (u32, u32)| &text[begin as usize..end as usize];
        self.places.sort_unstable_by(|left, right| at(*left).cmp(at(*right)));
        self.text = text;
        self.text.shrink_to_fit();
        self.places.shrink_to_fit();
    }

    fn bytes(&self) -> usize {
        self.text.capacity() + self.places.capacity() * size_of::<(u32, u32)>()
    }
}

/// Reads a folder, without a look at each entry: their kinds come with their names.
fn read(folder: &Path) -> Result<Directory, StorageError> {
    let broken = |error| StorageError::io(folder, error);
    let mut found = Directory::default();
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if is_absent(&error) => return Ok(found),
        Err(error) => return Err(broken(error)),
    };
    for entry in entries {
        let entry = entry.map_err(broken)?;
        let name = entry.file_name();
        // No key has other names.
        let Some(name) = name.to_str() else { continue };
        let mut kind = entry.file_type().map_err(broken)?;
        if kind.is_symlink() {
            kind = match std::fs::metadata(entry.path()) {
                Ok(metadata) => metadata.file_type(),
                Err(error) if is_absent(&error) => continue,
                Err(error) => return Err(broken(error)),
            };
        }
        let has_room = if kind.is_dir() {
            found.folders.push(name)
        } else {
            is_half_written(Path::new(name)) || found.objects.push(name)
        };
        if !has_room {
            let why = "it has more names than can be listed".to_owned();
            return Err(StorageError::Damaged { key: folder.display().to_string(), why });
        }
    }
    found.folders.sort();
    found.objects.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(modified: i128, changed: i128) -> Stamp {
        Stamp { device: 1, inode: 1, modified, changed }
    }

    #[test]
    fn only_a_state_that_no_later_change_can_repeat_is_settled() {
        let now = UNIX_EPOCH + Duration::from_secs(100);
        let second = 1_000_000_000;
        let millisecond = 1_000_000;
        assert!(stamp(90 * second + 1, 90 * second + 1).is_settled(now));
        assert!(stamp(100 * second - 50 * millisecond, 1).is_settled(now));
        assert!(!stamp(100 * second - 49 * millisecond, 1).is_settled(now));
        assert!(!stamp(1, 100 * second - 49 * millisecond).is_settled(now));
        assert!(!stamp(101 * second + 1, 1).is_settled(now), "a clock that was set back");
        assert!(!stamp(98 * second, 98 * second).is_settled(now), "whole seconds");
        assert!(stamp(97 * second, 97 * second).is_settled(now));
    }

    #[test]
    fn a_change_shows_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let directories = Directories::new(Arc::new(Folders::open(folder.path()).unwrap()));
        let key = Key::images("");
        let path = directories.folders.path(&key);
        assert_eq!(directories.find(&key).unwrap().len(), 0);
        std::fs::create_dir_all(&path).unwrap();
        for number in 0..100 {
            std::fs::create_dir(path.join(format!("n{number}"))).unwrap();
            assert_eq!(directories.find(&key).unwrap().len(), number + 1);
        }
        for round in 0..3 {
            std::thread::sleep(SETTLED_AFTER * 2);
            let known = directories.find(&key).unwrap();
            assert!(Arc::ptr_eq(&known, &directories.find(&key).unwrap()), "it is remembered");
            std::fs::write(path.join(format!("file{round}")), "").unwrap();
            std::fs::write(path.join(format!("file{round}#1")), "half written").unwrap();
            let page = directories.find(&key).unwrap().page(Children::Objects, None, 10);
            assert_eq!(page.names.len(), round + 1);
        }
        std::fs::remove_dir_all(&path).unwrap();
        assert_eq!(directories.find(&key).unwrap().len(), 0);
    }
}
