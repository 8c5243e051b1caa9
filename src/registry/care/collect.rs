//! Collecting garbage: what no manifest names is condemned, and what stays garbage and unused for the
//! grace period is deleted.
//!
//! A run reads every manifest once, and then goes through the blobs shard by shard. In memory are the
//! digests of all that is alive or garbage (see `digests` for the bytes of each), one shard's blobs, and what
//! is about to be deleted, some ten thousand at a time.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use futures_util::{StreamExt as _, TryStreamExt as _};
use tokio::time::Instant;

use super::alive::{Alive, Spared};
use super::digests::DigestSet;
use super::reap::{Candidate, Reaper};
use super::{Care, Progress};
use crate::oci::Digest;
use crate::registry::uses;
use crate::storage::{Condemned, Key, NOTE_AGE_MIN, Place, Shard, StorageError};

/// How many blobs are gathered before all links are gone through for those to them; with the links some
/// 10 MB.
const CANDIDATES: usize = 32_768;

/// What a run is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CareOptions {
    /// How long unused blobs are kept by this run, where not by the rules.
    pub grace: Option<Duration>,
    /// Removes manifests that nothing leads to and that were pushed longer ago.
    pub untagged: Option<Duration>,
    /// Removes uploads that were begun longer ago.
    pub uploads: Duration,
    /// Changes nothing, and says what a run would do.
    pub dry_run: bool,
}

/// What a run did, or would do.
#[derive(Debug, Default, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Collected {
    /// Blobs and manifests whose bytes were deleted.
    pub blobs: u64,
    /// Links that were deleted.
    pub links: u64,
    /// Manifests that were taken from their images.
    pub manifests: u64,
    /// Uploads that were given up.
    pub uploads: u64,
    /// Everything that was deleted, in bytes: blobs, links, uploads with their records.
    pub bytes: u64,
    /// Blobs that are condemned, and are deleted by a later run unless they are used before.
    pub condemned: u64,
    /// How many bytes these have.
    pub condemned_bytes: u64,
    /// Blobs that were about to be deleted when somebody used them.
    pub rescued: u64,
    /// Blobs and manifests that are named by a manifest.
    pub alive: u64,
}

/// A run of the collector.
pub(in crate::registry) struct Run {
    /// The store's time when it began.
    pub(super) began: SystemTime,
    pub(super) watch: Instant,
    pub(super) grace: Duration,
    pub(super) hold: Duration,
    pub(in crate::registry) alive: Alive,
    /// What is there and was found to be garbage.
    pub(super) garbage: DigestSet,
}

impl Run {
    /// The store's time now.
    pub(super) fn now(&self) -> SystemTime {
        self.began + self.watch.elapsed()
    }

    /// Whether a blob with a trace of this time may be deleted: nobody who uses it can be unknown to this
    /// run. (Why it is three times, `uses` explains.)
    pub(super) fn is_unused(&self, trace: SystemTime) -> bool {
        self.began.checked_sub(3 * self.hold).is_some_and(|before| trace < before)
    }
}

impl Care {
    /// Condemns what is garbage, and deletes what was condemned for the grace period and is garbage still.
    ///
    /// # Errors
    /// That of whatever cannot be read: nothing is deleted then, save what was before.
    pub async fn collect(&self, options: &CareOptions, progress: Progress<'_>) -> Result<Collected, StorageError> {
        if !options.dry_run {
            uses::sweep(&self.store).await?;
        }
        let mut run = self.begin(options).await?;
        let began = run.began;
        let expired = self.expire(began, options.uploads, options.dry_run).await?;
        let mut collected = Collected { uploads: expired.uploads, bytes: expired.bytes, ..Collected::default() };
        let removed = match options.untagged {
            Some(age) => self.remove_untagged(&run, age, options.dry_run, &mut collected).await?,
            None => Spared::new(),
        };
        let mut reaper = Reaper::new(&self.store, self.rules.pause, options.dry_run);
        run.alive = Alive::find(&self.store, &removed, progress).await?;
        let mut candidates = Vec::new();
        for (number, shard) in Shard::all().enumerate() {
            self.judge(&mut run, shard, options.dry_run, &mut candidates, &mut collected).await?;
            progress("shards of blobs", number as u64 + 1);
            if candidates.len() >= CANDIDATES {
                reaper.reap(&run, std::mem::take(&mut candidates), false, &mut collected).await?;
            }
        }
        // By now it is known of every blob whether it is there.
        reaper.reap(&run, candidates, true, &mut collected).await?;
        if !options.dry_run {
            let age = self.rules.grace.max(NOTE_AGE_MIN);
            if let Some(before) = began.checked_sub(age) {
                self.store.forget_notes(before).await?;
            }
        }
        Ok(collected)
    }

    /// Learns the time.
    pub(in crate::registry) async fn begin(&self, options: &CareOptions) -> Result<Run, StorageError> {
        let (began, watch) = (self.store.clock().await?, Instant::now());
        let grace = options.grace.unwrap_or(self.rules.grace);
        let (alive, garbage) = (Alive::default(), DigestSet::default());
        Ok(Run { began, watch, grace, hold: self.rules.hold, alive, garbage })
    }

    /// Goes through a shard: what is garbage is condemned, and what was condemned long enough ago becomes
    /// a candidate.
    pub(in crate::registry) async fn judge(
        &self,
        run: &mut Run,
        shard: Shard,
        dry_run: bool,
        candidates: &mut Vec<Candidate>,
        collected: &mut Collected,
    ) -> Result<(), StorageError> {
        let mut garbage: BTreeMap<Digest, (u64, SystemTime)> = BTreeMap::new();
        let pointers = self.store.walk(&Key::pointer_shard(shard), &[]);
        let mut walk = self.store.walk(&Key::shard(shard), &[]).chain(pointers);
        while let Some(found) = walk.try_next().await? {
            let (digest, behind) = match Place::of(found.key.as_str()) {
                Some(Place::Blob(digest)) => (digest, 0),
                Some(Place::Pointer(digest)) => (digest, 1),
                _ => continue,
            };
            if run.alive.contains(&digest) {
                collected.alive += 1;
                continue;
            }
            let behind = match behind {
                0 => 0,
                _ => self.behind(&digest).await?,
            };
            let (size, modified) = garbage.entry(digest).or_insert((0, found.modified));
            *size += found.size + behind;
            *modified = found.modified.max(*modified);
        }
        let known = self.store.condemned(shard).await?;
        if garbage.is_empty() && known.is_empty() {
            return Ok(());
        }
        garbage.keys().for_each(|digest| {
            run.garbage.insert(digest);
        });
        let notes = self.store.notes(garbage.keys()).await?;
        let now = run.now();
        let mut condemned = Condemned::new();
        for (digest, (size, modified)) in garbage {
            let trace = notes.get(&digest).map_or(modified, |note| modified.max(*note));
            let Some(since) = sentence(run, trace, known.get(&digest).copied(), now) else { continue };
            condemned.insert(digest.clone(), since);
            if now.duration_since(since).is_ok_and(|passed| passed >= run.grace) && run.is_unused(trace) {
                candidates.push(Candidate { digest, size, since, seen: trace });
            } else {
                collected.condemned += 1;
                collected.condemned_bytes += size;
            }
        }
        if !dry_run && millis(&condemned) != millis(&known) {
            self.store.condemn(shard, &condemned).await?;
        }
        Ok(())
    }
}

impl Care {
    /// How many bytes the parts of a blob have.
    async fn behind(&self, digest: &Digest) -> Result<u64, StorageError> {
        match self.store.pointer(digest).await {
            Ok(pointer) => Ok(pointer.map_or(0, |pointer| pointer.size)),
            Err(StorageError::Damaged { .. }) => Ok(0),
            Err(error) => Err(error),
        }
    }
}

/// Since when a blob that is garbage is condemned; `None` where it was used only now.
///
/// A use ends the sentence. A use soon after the last leaves no trace of its own: so nothing is condemned
/// before a use would leave one.
fn sentence(run: &Run, trace: SystemTime, known: Option<SystemTime>, now: SystemTime) -> Option<SystemTime> {
    match known {
        Some(since) if trace < since => Some(since),
        _ => now.duration_since(trace).is_ok_and(|passed| passed > 2 * run.hold).then_some(now),
    }
}

fn millis(condemned: &Condemned) -> Vec<(&Digest, u128)> {
    let millis = |time: &SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |passed| passed.as_millis());
    condemned.iter().map(|(digest, time)| (digest, millis(time))).collect()
}
