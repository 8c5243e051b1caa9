//! Deleting while others push. Why nothing is lost, `registry/uses.rs` explains.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::time::{sleep, timeout};

use super::PARALLEL;
use super::collect::{Collected, Run};
use crate::oci::{Digest, ImageName};
use crate::registry::uses::{DELETE_TIMEOUT, DELETE_WITHIN};
use crate::storage::{Deadline, Key, Mark, Place, StorageError, Store};

/// How much is deleted under one mark, so that it takes seconds.
const BATCH_BLOBS: usize = 256;
const BATCH_LINKS: usize = 1024;

/// Where the links lie.
const NOT_LAYERS: &[&str] = &["_manifests", "_uploads"];

/// A blob that may be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::registry) struct Candidate {
    pub(super) digest: Digest,
    pub(super) size: u64,
    /// Since when it is condemned.
    pub(super) since: SystemTime,
    /// When it was written or used last, as it was seen last.
    pub(super) seen: SystemTime,
}

/// A link, with its size in bytes.
#[derive(Debug, Clone)]
pub(in crate::registry) struct Link {
    image: Arc<ImageName>,
    bytes: u64,
}

/// What is deleted under one mark.
#[derive(Debug, Default)]
pub(in crate::registry) struct Batch {
    /// By digest: the blob, if it is to be deleted, and links to it.
    entries: BTreeMap<Digest, (Option<Candidate>, Vec<Link>)>,
}

/// What is marked as being deleted.
#[derive(Debug)]
pub(in crate::registry) struct Doomed {
    pub(in crate::registry) batch: Batch,
    mark: Mark,
    until: Deadline,
}

/// Deletes what nobody uses.
pub(in crate::registry) struct Reaper<'s> {
    store: &'s Store,
    pause: Duration,
    dry_run: bool,
}

impl<'s> Reaper<'s> {
    pub(in crate::registry) fn new(store: &'s Store, pause: Duration, dry_run: bool) -> Self {
        Self { store, pause, dry_run }
    }

    /// Deletes blobs with their links, and, where wanted, links to nothing.
    pub(super) async fn reap(
        &mut self,
        run: &Run,
        candidates: Vec<Candidate>,
        with_dangling: bool,
        collected: &mut Collected,
    ) -> Result<(), StorageError> {
        for batch in self.batches(run, candidates, with_dangling).await? {
            if self.dry_run {
                for (blob, links) in batch.entries.into_values() {
                    count(collected, blob.as_ref(), &links);
                }
                continue;
            }
            let mut doomed = self.doom(batch).await?;
            sleep(self.pause).await;
            let rescued = match self.look(run, &mut doomed.batch).await {
                Ok(rescued) => rescued,
                Err(error) => {
                    self.store.unmark(&doomed.mark).await?;
                    return Err(error);
                }
            };
            collected.rescued += rescued;
            self.delete(doomed, collected).await?;
        }
        Ok(())
    }

    /// Finds the links to blobs that are to be deleted, and those that lead nowhere, once all shards were
    /// gone through.
    pub(in crate::registry) async fn batches(
        &self,
        run: &Run,
        candidates: Vec<Candidate>,
        with_dangling: bool,
    ) -> Result<Vec<Batch>, StorageError> {
        let mut entries: BTreeMap<Digest, (Option<Candidate>, Vec<Link>)> =
            candidates.into_iter().map(|candidate| (candidate.digest.clone(), (Some(candidate), Vec::new()))).collect();
        if entries.is_empty() && !with_dangling {
            return Ok(Vec::new());
        }
        let mut last: Option<Arc<ImageName>> = None;
        let mut walk = self.store.walk(&Key::images(""), NOT_LAYERS);
        while let Some(found) = walk.try_next().await? {
            let Some(Place::Layer(image, digest)) = Place::of(found.key.as_str()) else { continue };
            if run.alive.contains(&digest) {
                continue;
            }
            let image = match &last {
                Some(last) if **last == image => Arc::clone(last),
                _ => Arc::clone(last.insert(Arc::new(image))),
            };
            let link = Link { image, bytes: found.size };
            if let Some((_, links)) = entries.get_mut(&digest).filter(|(blob, _)| blob.is_some()) {
                links.push(link);
            } else if with_dangling && !run.garbage.contains(&digest) && self.is_old(run, found.modified) {
                entries.entry(digest).or_default().1.push(link);
            }
        }
        Ok(split(entries))
    }

    /// Whether a link without bytes may be deleted.
    fn is_old(&self, run: &Run, modified: SystemTime) -> bool {
        run.is_unused(modified) && run.now().duration_since(modified).is_ok_and(|passed| passed > run.grace)
    }

    /// Says to everybody that these are being deleted.
    pub(in crate::registry) async fn doom(&self, batch: Batch) -> Result<Doomed, StorageError> {
        let until = Deadline::within(DELETE_WITHIN);
        let mark = self.store.mark(batch.entries.keys().cloned().collect()).await?;
        Ok(Doomed { batch, mark, until })
    }

    /// Drops what was used since; returns how many blobs these are.
    pub(in crate::registry) async fn look(&self, run: &Run, batch: &mut Batch) -> Result<u64, StorageError> {
        let notes = self.store.notes(batch.entries.keys()).await?;
        let entries = batch.entries.iter().map(|(digest, entry)| (digest.clone(), entry));
        let looked: BTreeMap<Digest, (bool, Option<SystemTime>)> = stream::iter(entries)
            .map(async |(digest, (blob, links))| {
                let trace = self.store.trace(&digest).await?;
                let is_unused = match (blob, trace) {
                    (Some(blob), Some(trace)) => {
                        let trace = notes.get(&digest).map_or(trace.modified, |note| trace.modified.max(*note));
                        trace < blob.since && run.is_unused(trace)
                    }
                    (None, None) => self.are_old(run, &digest, links).await?,
                    // Deleted by somebody else, or written again.
                    _ => false,
                };
                Ok::<_, StorageError>((digest, (is_unused, trace.map(|trace| trace.modified))))
            })
            .buffer_unordered(PARALLEL)
            .try_collect()
            .await?;
        batch.entries.retain(|digest, (blob, _)| {
            let (is_unused, seen) = looked.get(digest).copied().unwrap_or_default();
            if let (Some(blob), Some(seen)) = (blob, seen) {
                blob.seen = seen;
            }
            is_unused
        });
        Ok(looked.values().filter(|(is_unused, seen)| !is_unused && seen.is_some()).count() as u64)
    }

    async fn are_old(&self, run: &Run, digest: &Digest, links: &[Link]) -> Result<bool, StorageError> {
        for link in links {
            let found = self.store.stat(&Key::layer(&link.image, digest)).await?;
            if !found.is_some_and(|found| self.is_old(run, found.modified)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Deletes what is left, the bytes before the links, and then removes the mark. For what time is too short,
    /// that is left to the next run.
    pub(in crate::registry) async fn delete(
        &self,
        doomed: Doomed,
        collected: &mut Collected,
    ) -> Result<(), StorageError> {
        let until = doomed.until;
        let deleted: Vec<Deleted> = stream::iter(doomed.batch.entries)
            .map(async |(digest, (blob, links))| self.delete_one(digest, blob, links, until).await)
            .buffer_unordered(PARALLEL)
            .collect()
            .await;
        let (mut parts, mut failure) = (Vec::new(), None);
        for deleted in deleted {
            count(collected, deleted.blob.as_ref(), &deleted.links);
            parts.extend(deleted.parts);
            failure = failure.or(deleted.failure);
        }
        match failure {
            // The mark stays until no delete can be late any more.
            Some(error) => return Err(error),
            None => self.store.unmark(&doomed.mark).await?,
        }
        // Nobody can come to use them: nothing points to them.
        self.store.discard_all(parts).await
    }

    async fn delete_one(&self, digest: Digest, blob: Option<Candidate>, links: Vec<Link>, until: Deadline) -> Deleted {
        let mut deleted = Deleted::default();
        if let Some(blob) = blob {
            match within(until, self.store.remove_blob(&digest, blob.seen, until)).await {
                Ok(Some(parts)) => (deleted.blob, deleted.parts) = (Some(blob), parts),
                // Its links stay with it.
                Ok(None) => return deleted,
                Err(error) => return Deleted { failure: Some(error), ..deleted },
            }
        }
        let removed: Vec<_> = stream::iter(links)
            .map(async |link| {
                let key = Key::layer(&link.image, &digest);
                let removed = within(until, self.store.remove_link(&key, false, until)).await;
                removed.map(|removed| removed.map(|()| link))
            })
            .buffer_unordered(PARALLEL)
            .collect()
            .await;
        for link in removed {
            match link {
                Ok(link) => deleted.links.extend(link),
                Err(error) => deleted.failure = Some(error),
            }
        }
        deleted
    }
}

/// What was deleted of a blob, and what went wrong with the rest.
#[derive(Debug, Default)]
struct Deleted {
    blob: Option<Candidate>,
    links: Vec<Link>,
    parts: Vec<Key>,
    failure: Option<StorageError>,
}

/// Deletes something while its mark is young; `None` where it is too late, and so nothing was sent.
pub(super) async fn within<T>(
    until: Deadline,
    delete: impl Future<Output = Result<Option<T>, StorageError>>,
) -> Result<Option<T>, StorageError> {
    if until.is_over() {
        return Ok(None);
    }
    timeout(DELETE_TIMEOUT, delete).await.unwrap_or(Err(StorageError::Slow("deleting garbage")))
}

fn count(collected: &mut Collected, blob: Option<&Candidate>, links: &[Link]) {
    collected.blobs += u64::from(blob.is_some());
    collected.links += links.len() as u64;
    collected.bytes += blob.map_or(0, |blob| blob.size) + links.iter().map(|link| link.bytes).sum::<u64>();
}

/// Cuts what is to be deleted into batches.
fn split(entries: BTreeMap<Digest, (Option<Candidate>, Vec<Link>)>) -> Vec<Batch> {
    let mut batches = Vec::new();
    let mut batch = Batch::default();
    let mut links = 0;
    for (digest, entry) in entries {
        links += entry.1.len();
        if !batch.entries.is_empty() && (batch.entries.len() == BATCH_BLOBS || links > BATCH_LINKS) {
            batches.push(std::mem::take(&mut batch));
            links = entry.1.len();
        }
        batch.entries.insert(digest, entry);
    }
    if !batch.entries.is_empty() {
        batches.push(batch);
    }
    batches
}
