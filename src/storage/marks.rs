//! What the care for a storage writes into it: which blobs are condemned, which are being deleted, and
//! which were used; and when a blob was written or used last.
//!
//! All times are those of the store, never of the machine that asks: the clocks of several machines
//! need not agree to the second.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::error::blocking;
use super::folders::is_absent;
use super::key::Shard;
use super::listing::Lister;
use super::place::Place;
use super::upload_data::UploadRoom;
use super::upload_record::{VERSION, check_version, from_json, to_json};
use super::{Key, StorageError, Store};
use crate::oci::{Digest, UploadId};

/// As long a process writes its notes below one name. Nobody writes to a name that is older.
const WINDOW: Duration = Duration::from_secs(3600);

/// Notes of uses may be removed when they are older: nobody writes them again.
pub const NOTE_AGE_MIN: Duration = Duration::from_secs(2 * 3600);

/// The least that a trace of a use holds on an object store.
const HOLD_MIN_OBJECTS: Duration = Duration::from_secs(120);

/// How many folders of notes are listed at the same time.
const PARALLEL_NOTES: usize = 8;

/// How many blobs are remembered as used, which bounds the memory for it to about 2 MiB.
const TOUCHED_MAX: usize = 10_000;

/// A blob in a storage, whoever may see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    /// Size in bytes.
    pub size: u64,
    /// When it was written last, or, on a file system, used.
    pub modified: SystemTime,
}

/// A mark that says which blobs a collector is deleting at this moment.
#[derive(Debug, Clone)]
pub struct Mark {
    /// Its own name: no other mark ever has it.
    id: Arc<str>,
    /// What is being deleted; `None` where the mark cannot be read, and so may name anything.
    digests: Option<Arc<BTreeSet<Digest>>>,
}

impl Mark {
    /// Whether it may name a blob.
    pub fn names(&self, digest: &Digest) -> bool {
        self.digests.as_ref().is_none_or(|digests| digests.contains(digest))
    }
}

/// Until when deletes may be sent, by two clocks: one may stand still while a machine sleeps, and the other
/// may be set.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    watch: std::time::Instant,
    time: SystemTime,
}

impl Deadline {
    /// So long from now.
    pub fn within(span: Duration) -> Self {
        Self { watch: std::time::Instant::now() + span, time: SystemTime::now() + span }
    }

    /// Whether it has passed.
    pub fn is_over(&self) -> bool {
        std::time::Instant::now() > self.watch || SystemTime::now() > self.time
    }
}

/// The blobs of a shard that are garbage, and since when.
pub type Condemned = BTreeMap<Digest, SystemTime>;

/// What a process remembers of marks and uses.
#[derive(Debug)]
pub(super) struct Memory {
    /// Marks never change: each is read once.
    marks: Mutex<HashMap<Arc<str>, Mark>>,
    touched: Mutex<HashMap<Digest, Instant>>,
    window: Mutex<(Instant, UploadId)>,
    /// Milliseconds.
    hold: AtomicU64,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            marks: Mutex::default(),
            touched: Mutex::default(),
            window: Mutex::new((Instant::now(), UploadId::random())),
            hold: AtomicU64::new(600_000),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct MarkRecord {
    version: u32,
    digests: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct CondemnedRecord {
    version: u32,
    /// By digest, in milliseconds since 1970.
    since: BTreeMap<String, u64>,
}

impl Store {
    /// How old the trace of a use may be before the next use leaves another one.
    pub fn hold(&self) -> Duration {
        Duration::from_millis(self.care.hold.load(Ordering::Relaxed))
    }

    /// The least that a trace of a use has to hold here: the times of an object store have no fractions of a
    /// second, and its requests take some.
    pub fn hold_min(&self) -> Duration {
        match self.objects.lister {
            Lister::Pages { .. } => HOLD_MIN_OBJECTS,
            _ => Duration::ZERO,
        }
    }

    /// Sets how old the trace of a use may be, at least [`Self::hold_min`].
    pub fn set_hold(&self, hold: Duration) {
        let hold = hold.max(self.hold_min());
        self.care.hold.store(u64::try_from(hold.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// What is known of a blob's bytes, wherever they lie; `None` where there are none.
    pub async fn trace(&self, digest: &Digest) -> Result<Option<Trace>, StorageError> {
        if let Some(found) = self.stat(&Key::blob(digest)).await? {
            return Ok(Some(Trace { size: found.size, modified: found.modified }));
        }
        if self.objects.folders().is_some() {
            return Ok(None);
        }
        let Some(found) = self.stat(&Key::pointer(digest)).await? else { return Ok(None) };
        let size = match self.pointer(digest).await {
            Ok(Some(pointer)) => pointer.size,
            Ok(None) => return Ok(None),
            // It says nothing of the bytes, but something is there.
            Err(StorageError::Damaged { .. }) => 0,
            Err(error) => return Err(error),
        };
        Ok(Some(Trace { size, modified: found.modified }))
    }

    /// Leaves a trace of a use of a blob that is there, unless this process did so within `hold`.
    ///
    /// On a file system that is the time of its file, and else, or where the file is another user's, a
    /// note beside it.
    pub async fn touch(&self, digest: &Digest, hold: Duration) -> Result<(), StorageError> {
        if let Some(folders) = self.objects.folders() {
            let path = folders.path(&Key::blob(digest));
            let is_touched = blocking(move || {
                match File::open(&path).and_then(|file| file.set_modified(SystemTime::now())) {
                    Ok(()) => Ok(true),
                    // Whoever counts on it looks whether it is still there.
                    Err(error) if is_absent(&error) => Ok(true),
                    Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(false),
                    Err(error) => Err(StorageError::io(&path, error)),
                }
            })
            .await?;
            if is_touched {
                return Ok(());
            }
        }
        if self.care.is_touched(digest, hold) {
            return Ok(());
        }
        let note = Key::used_note(self.care.window(), digest);
        self.objects.put(&note, "used".into()).await?;
        self.care.remember_touched(digest);
        Ok(())
    }

    /// Leaves a trace of a use of a link that is there, if it is older than `hold`.
    pub async fn touch_link(&self, key: &Key, digest: &Digest, hold: Duration) -> Result<(), StorageError> {
        match self.stat(key).await? {
            Some(found) if !is_younger(found.modified, hold) => self.set_link(key, digest).await,
            _ => Ok(()),
        }
    }

    /// Of which of these blobs a use was noted, with the time of the last.
    pub async fn notes<'d>(
        &self,
        digests: impl IntoIterator<Item = &'d Digest>,
    ) -> Result<HashMap<Digest, SystemTime>, StorageError> {
        let wanted: BTreeSet<&Digest> = digests.into_iter().collect();
        let folders: BTreeSet<Key> = wanted.iter().map(|digest| Key::used_of(digest)).collect();
        let found: Vec<Vec<(Digest, SystemTime)>> = stream::iter(folders)
            .map(|folder| {
                let (walk, wanted) = (self.walk(&folder, &[]), &wanted);
                walk.try_filter_map(async move |found| {
                    Ok(match Place::of(found.key.as_str()) {
                        Some(Place::Used(digest)) if wanted.contains(&digest) => Some((digest, found.modified)),
                        _ => None,
                    })
                })
                .try_collect()
            })
            .buffer_unordered(PARALLEL_NOTES)
            .try_collect()
            .await?;
        let mut notes = HashMap::new();
        for (digest, modified) in found.into_iter().flatten() {
            let last = notes.entry(digest).or_insert(modified);
            *last = modified.max(*last);
        }
        Ok(notes)
    }

    /// Removes the notes of uses from before a time.
    pub async fn forget_notes(&self, before: SystemTime) -> Result<(), StorageError> {
        let mut walk = self.walk(&Key::used(), &[]);
        while let Some(found) = walk.try_next().await? {
            if found.modified < before {
                self.objects.discard(&found.key).await?;
                if let Some(folder) = found.key.parent() {
                    self.objects.remove_empty(&folder).await?;
                }
            }
        }
        Ok(())
    }

    /// The marks that stand at this moment.
    pub async fn marks(&self) -> Result<Vec<Mark>, StorageError> {
        let names = self.objects.list(&Key::doomed()).await?.objects;
        let mut marks = Vec::new();
        for name in &names {
            let known = self.care.marks().get(name.as_str()).cloned();
            let mark = match known {
                Some(mark) => mark,
                None => match self.read_mark(name).await? {
                    Some(mark) => mark,
                    None => continue,
                },
            };
            marks.push(mark);
        }
        let mut known = self.care.marks();
        known.clear();
        known.extend(marks.iter().map(|mark| (Arc::clone(&mark.id), mark.clone())));
        Ok(marks)
    }

    async fn read_mark(&self, id: &str) -> Result<Option<Mark>, StorageError> {
        let key = Key::doomed_mark(id);
        let bytes = match self.objects.get(&key).await {
            Err(error) if error.is_not_found() => return Ok(None),
            result => result?,
        };
        let digests = from_json::<MarkRecord>(&key, &bytes).and_then(|record| {
            check_version(&key, record.version)?;
            record.digests.iter().map(|text| parse(&key, text)).collect::<Result<BTreeSet<_>, _>>()
        });
        // One that is not understood stands for everything, until it is old enough to be removed.
        Ok(Some(Mark { id: id.into(), digests: digests.ok().map(Arc::new) }))
    }

    /// Marks blobs as being deleted. Whoever looks for marks from now on finds it.
    pub async fn mark(&self, digests: BTreeSet<Digest>) -> Result<Mark, StorageError> {
        let id = UploadId::random().to_string();
        let key = Key::doomed_mark(&id);
        let record = MarkRecord { version: VERSION, digests: digests.iter().map(ToString::to_string).collect() };
        self.objects.create(&key, to_json(&key, &record)?).await?;
        Ok(Mark { id: id.into(), digests: Some(Arc::new(digests)) })
    }

    /// Removes a mark.
    pub async fn unmark(&self, mark: &Mark) -> Result<(), StorageError> {
        self.objects.discard(&Key::doomed_mark(&mark.id)).await
    }

    /// Removes a mark that was made longer ago than `age`: its collector is dead.
    pub async fn unmark_stale(&self, mark: &Mark, age: Duration) -> Result<(), StorageError> {
        let Some(found) = self.stat(&Key::doomed_mark(&mark.id)).await? else { return Ok(()) };
        let now = self.clock().await?;
        if now.duration_since(found.modified).is_ok_and(|passed| passed > age) {
            self.unmark(mark).await?;
        }
        Ok(())
    }

    /// The store's time, learnt by writing something.
    pub async fn clock(&self) -> Result<SystemTime, StorageError> {
        let key = Key::clock(UploadId::random());
        self.objects.put(&key, "now".into()).await?;
        let found = self.stat(&key).await?;
        self.objects.discard(&key).await?;
        found.map(|found| found.modified).ok_or(StorageError::NotFound { key: key.to_string() })
    }

    /// Which blobs of a shard are condemned. What cannot be understood condemns nothing.
    pub async fn condemned(&self, shard: Shard) -> Result<Condemned, StorageError> {
        let key = Key::condemned(shard);
        let bytes = match self.objects.get(&key).await {
            Err(error) if error.is_not_found() => return Ok(Condemned::new()),
            result => result?,
        };
        let Ok(record) = from_json::<CondemnedRecord>(&key, &bytes) else { return Ok(Condemned::new()) };
        if record.version != VERSION {
            return Ok(Condemned::new());
        }
        let since = |(text, millis): (String, u64)| {
            let time = UNIX_EPOCH.checked_add(Duration::from_millis(millis))?;
            Some((Digest::parse(&text).ok()?, time))
        };
        Ok(record.since.into_iter().filter_map(since).collect())
    }

    /// Notes which blobs of a shard are condemned.
    pub async fn condemn(&self, shard: Shard, condemned: &Condemned) -> Result<(), StorageError> {
        let key = Key::condemned(shard);
        if condemned.is_empty() {
            return self.objects.discard(&key).await;
        }
        let millis = |time: &SystemTime| {
            let passed = time.duration_since(UNIX_EPOCH).unwrap_or_default();
            u64::try_from(passed.as_millis()).unwrap_or(u64::MAX)
        };
        let since = condemned.iter().map(|(digest, time)| (digest.to_string(), millis(time))).collect();
        self.objects.put(&key, to_json(&key, &CondemnedRecord { version: VERSION, since })?).await
    }

    /// Removes an object that does no harm if a power cut brings it back.
    pub async fn discard(&self, key: &Key) -> Result<(), StorageError> {
        self.objects.discard(key).await
    }

    /// Removes a blob's bytes, wherever they lie, unless it is too late, or a file was written or used since
    /// `seen`; `None` then: it is as it was. Gives the parts that nothing points to any more, which remain to be
    /// removed. A power cut may bring the bytes back.
    pub async fn remove_blob(
        &self,
        digest: &Digest,
        seen: SystemTime,
        until: Deadline,
    ) -> Result<Option<Vec<Key>>, StorageError> {
        let key = Key::blob(digest);
        if let UploadRoom::Objects(remote) = &self.uploads {
            let pointer = match self.pointer(digest).await {
                Err(StorageError::Damaged { .. }) => None,
                result => result?,
            };
            if until.is_over() {
                return Ok(None);
            }
            self.objects.discard(&key).await?;
            self.objects.discard(&Key::pointer(digest)).await?;
            remote.locations.invalidate(digest);
            return Ok(Some(pointer.into_iter().flat_map(|pointer| pointer.parts).map(|part| part.key).collect()));
        }
        let Some(folders) = self.objects.folders() else { return Ok(None) };
        let folders = Arc::clone(folders);
        // Nobody can stop a thread that hangs: so it looks itself, right before it deletes.
        blocking(move || {
            let path = folders.path(&key);
            let is_unused = match std::fs::metadata(&path).and_then(|metadata| metadata.modified()) {
                Ok(modified) => modified == seen,
                Err(error) if is_absent(&error) => true,
                Err(error) => return Err(StorageError::io(&path, error)),
            };
            if !is_unused || until.is_over() {
                return Ok(None);
            }
            folders.discard(&key)?;
            // The folder above stays: others make folders in it all the time.
            if let Some(folder) = key.parent() {
                folders.remove_empty(&folder)?;
            }
            Ok(Some(Vec::new()))
        })
        .await
    }

    /// Removes a link with its folder, unless it is too late; `None` then. A power cut may bring it back, save
    /// where it is removed for good.
    pub async fn remove_link(&self, key: &Key, for_good: bool, until: Deadline) -> Result<Option<()>, StorageError> {
        let Some(folders) = self.objects.folders() else { return self.objects.discard(key).await.map(Some) };
        let (folders, key) = (Arc::clone(folders), key.clone());
        blocking(move || {
            if until.is_over() {
                return Ok(None);
            }
            if for_good {
                folders.remove(&key)?
            } else {
                folders.discard(&key)?
            };
            if let Some(folder) = key.parent() {
                folders.remove_empty(&folder)?;
            }
            Ok(Some(()))
        })
        .await
    }

    /// Removes objects that do no harm if a power cut brings them back.
    pub async fn discard_all(&self, keys: Vec<Key>) -> Result<(), StorageError> {
        stream::iter(keys)
            .map(async |key| self.objects.discard(&key).await)
            .buffer_unordered(self.parallel())
            .try_collect()
            .await
    }
}

impl Memory {
    fn marks(&self) -> std::sync::MutexGuard<'_, HashMap<Arc<str>, Mark>> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_touched(&self, digest: &Digest, hold: Duration) -> bool {
        let touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        touched.get(digest).is_some_and(|at| at.elapsed() < hold)
    }

    fn remember_touched(&self, digest: &Digest) {
        let mut touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        if touched.len() >= TOUCHED_MAX {
            touched.clear();
        }
        touched.insert(digest.clone(), Instant::now());
    }

    fn window(&self) -> UploadId {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if window.0.elapsed() > WINDOW {
            *window = (Instant::now(), UploadId::random());
        }
        window.1
    }
}

/// Whether a time of the store lies less than `age` back, by this machine's clock. What seems to lie
/// ahead does.
pub fn is_younger(time: SystemTime, age: Duration) -> bool {
    time.elapsed().map_or(true, |passed| passed < age)
}

fn parse(key: &Key, text: &str) -> Result<Digest, StorageError> {
    Digest::parse(text).map_err(|error| StorageError::Damaged { key: key.to_string(), why: error.to_string() })
}
