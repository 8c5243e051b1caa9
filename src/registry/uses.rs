//! Using a blob while others collect garbage.
//!
//! # How no acknowledged blob is lost
//!
//! The stores have no conditional delete, so a collector cannot say "delete it if nobody used it since".
//! Instead, whoever uses a blob and whoever deletes it each write first and look then, so that one of
//! them sees the other:
//!
//! - **A use** (a blob's HEAD, a mount, the end of an upload, a manifest that names it) leaves a trace at
//!   the blob, unless one is there that is younger than `hold`; *then* looks for marks of collectors; and
//!   only *then* looks whether the blob is there, or writes it. The trace belongs to the blob and not to
//!   an image, since a collector could not know of a link that was made after it had listed the links.
//!   On a file system it is the time of the blob's file, elsewhere a small object beside it; bytes that
//!   have just been written are a trace by themselves.
//! - **A collector** writes a mark that names what it is about to delete; *then* looks at the traces, and
//!   drops what has one that is not old; *then* deletes; and only *then* removes the mark.
//!
//! Let a use leave its trace at `t`, and a collector look at `l`. If `t` is before `l`, the collector sees
//! the trace and drops the blob. If not, its mark was there before `t`, so the use sees the mark or comes
//! after its removal. A use that sees a mark waits until the mark is gone and begins again; HEAD and mount
//! wait for a moment only, and then treat the blob as absent. A use that comes after the removal looks at what is really
//! there, as nothing is deleted any more: the blob's bytes are deleted before the links to them, so where
//! the bytes are left, their links are.
//!
//! That a manifest names a blob protects it for good, from when its link is written. The collector has
//! read the manifests before it looks; a push may have looked for marks before, and write its link after
//! that. This is what ages are for. The push left its trace, or found one younger than `hold`, and must
//! be done within `hold` of that (it looks at its watch, and else begins again). If its link was missing
//! when the collector began to read manifests, at `m`, then the trace is younger than `m - 2 hold`. So
//! the collector takes only what has no trace since `m - 3 hold`; the third is for clocks that disagree:
//! traces carry the store's time, and the collector asks the store for `m`, but whether a trace is
//! younger than `hold` is judged by the watch of the server.
//!
//! `hold` is the same for all processes that work on a storage: 10 minutes, less only where the configured
//! grace period is shorter than 40 minutes, and never less than 2 minutes on an object store, whose times are
//! in whole seconds. It does not depend on the grace period that one run of a
//! collector is given.
//!
//! A collector that died leaves its mark. It may be removed once it is older, by the store's clock, than
//! any delete can be late: no delete is sent later than [`DELETE_WITHIN`] after the mark was, each is given
//! up after [`DELETE_TIMEOUT`], and where the fate of one is unknown the mark is left to grow stale
//! ([`STALE`]). What was not sent by then is left to the next run. On a file system nobody can give up a
//! delete whose thread hangs; so the thread itself looks, right before it deletes, whether it is too late
//! by either of two clocks, and whether the file's time is still what the collector has seen. Parts of a
//! blob need no mark once the pointer to them is gone: nothing else ever names them.
//!
//! Whether a manifest is to be taken from its image, where nothing leads to it, depends on others: a push of
//! an index or a subject protects what it leads to. A push leaves traces at what it names, and not at what
//! these lead to. So a collector marks all such manifests of an image, and then looks at the traces of all
//! and at what leads where once more. It has read the tags before: whoever sets one later has left a trace
//! at the manifest.
//!
//! Several collectors at the same time are safe: each holds to this on its own.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::time::{Instant, sleep};

use super::{PARALLEL_READS, manifests};
use crate::oci::{Digest, ImageName, Manifest};
use crate::storage::{Key, Mark, StorageError, Store, is_younger};

/// No delete is sent later than this after its mark was.
pub(super) const DELETE_WITHIN: Duration = Duration::from_secs(30);

/// A delete that takes longer is given up; its fate is unknown then.
pub(super) const DELETE_TIMEOUT: Duration = Duration::from_secs(5);

/// The mark of a collector that died may be removed at this age.
pub(super) const STALE: Duration = Duration::from_secs(120);

/// The longest that a trace of a use holds.
const HOLD_MAX: Duration = Duration::from_secs(600);

/// How long a request waits for a collector, how often it looks, and from when on it considers that the
/// collector may be dead.
const WAIT: Duration = Duration::from_secs(30);
const WAIT_PAUSE: Duration = Duration::from_millis(200);
const WAIT_PATIENCE: Duration = Duration::from_secs(2);

/// How long those wait for a collector who can do without the blob.
const NOTE_WAIT: Duration = Duration::from_millis(2500);

/// For how long the trace of a use holds, where unused blobs are kept for `grace`.
pub(super) fn hold_of(grace: Duration) -> Duration {
    (grace / 4).min(HOLD_MAX)
}

/// Blobs that no collector deletes before it is over.
#[derive(Debug)]
pub(super) struct Claim {
    begun: Instant,
    hold: Duration,
}

impl Claim {
    /// Whether it still protects. What relied on it must have been written by now.
    pub(super) fn stands(&self) -> bool {
        self.begun.elapsed() < self.hold
    }
}

/// Uses a blob that may be there; `None` where it is still being deleted after a moment and counts as absent.
/// Whether it is there has to be asked afterwards.
///
/// Where nothing can be written, the blob is there for whoever asks, but the claim does not stand.
pub(super) async fn note(store: &Store, digest: &Digest) -> Result<Option<Claim>, StorageError> {
    let digests = BTreeSet::from([digest.clone()]);
    match unmarked(store, None, &digests, NOTE_WAIT).await {
        Err(error) if is_unwritable(&error) => {
            let marks = marks_of(store, &digests).await?;
            Ok(marks.is_empty().then(|| Claim { begun: Instant::now(), hold: Duration::ZERO }))
        }
        result => result,
    }
}

/// Uses blobs that may be there, having waited until nobody deletes any of them. Whether they are there
/// has to be asked afterwards.
pub(super) async fn claim(
    store: &Store,
    image: Option<&ImageName>,
    digests: &BTreeSet<Digest>,
) -> Result<Claim, StorageError> {
    let claim = unmarked(store, image, digests, WAIT).await?;
    claim.ok_or(StorageError::Slow("waiting for the garbage collector"))
}

/// Leaves traces until no mark names any of the blobs; `None` where that takes too long.
async fn unmarked(
    store: &Store,
    image: Option<&ImageName>,
    digests: &BTreeSet<Digest>,
    wait: Duration,
) -> Result<Option<Claim>, StorageError> {
    let begun = Instant::now();
    loop {
        let (claim, marks) = attempt(store, image, digests).await?;
        if marks.is_empty() {
            return Ok(Some(claim));
        }
        if begun.elapsed() > wait {
            return Ok(None);
        }
        if begun.elapsed() > WAIT_PATIENCE {
            for mark in &marks {
                store.unmark_stale(mark, STALE).await?;
            }
        }
        sleep(WAIT_PAUSE).await;
    }
}

/// Removes the marks of collectors that died.
pub(super) async fn sweep(store: &Store) -> Result<(), StorageError> {
    for mark in store.marks().await? {
        store.unmark_stale(&mark, STALE).await?;
    }
    Ok(())
}

/// Whether a storage says that it takes nothing more.
fn is_unwritable(error: &StorageError) -> bool {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = source {
        if let Some(error) = current.downcast_ref::<std::io::Error>() {
            let kinds = [ErrorKind::ReadOnlyFilesystem, ErrorKind::StorageFull, ErrorKind::QuotaExceeded];
            return kinds.contains(&error.kind());
        }
        source = current.source();
    }
    false
}

/// Leaves traces, then looks for marks: those that name any of the blobs.
async fn attempt(
    store: &Store,
    image: Option<&ImageName>,
    digests: &BTreeSet<Digest>,
) -> Result<(Claim, Vec<Mark>), StorageError> {
    let hold = store.hold();
    let claim = Claim { begun: Instant::now(), hold };
    stream::iter(digests.iter().cloned())
        .map(async |digest| match store.trace(&digest).await? {
            Some(trace) if is_younger(trace.modified, hold) => Ok(()),
            Some(_) => store.touch(&digest, hold).await,
            None => match image {
                // A link without bytes is garbage by its own age. This one is about to get bytes.
                Some(image) => store.touch_link(&Key::layer(image, &digest), &digest, hold).await,
                None => Ok(()),
            },
        })
        .buffer_unordered(PARALLEL_READS)
        .try_collect::<()>()
        .await?;
    Ok((claim, marks_of(store, digests).await?))
}

/// The marks that name any of the blobs.
async fn marks_of(store: &Store, digests: &BTreeSet<Digest>) -> Result<Vec<Mark>, StorageError> {
    let mut marks = store.marks().await?;
    marks.retain(|mark| digests.iter().any(|digest| mark.names(digest)));
    Ok(marks)
}

/// Makes a blob part of an image by `publish`, which says whether it could, and returns what it says.
///
/// # Errors
/// [`StorageError::Slow`] where it took so long that a collector may have come between.
pub(super) async fn publishing(
    store: &Store,
    image: &ImageName,
    digest: &Digest,
    publish: impl Future<Output = Result<bool, StorageError>>,
) -> Result<bool, StorageError> {
    let digests = BTreeSet::from([digest.clone()]);
    let first = claim(store, Some(image), &digests).await?;
    if !publish.await? {
        return Ok(false);
    }
    if first.stands() {
        return Ok(true);
    }
    let again = claim(store, Some(image), &digests).await?;
    if manifests::holds_blob(store, image, digest).await? && again.stands() {
        return Ok(true);
    }
    Err(StorageError::Slow("writing a blob"))
}

/// What a push of a manifest uses: what it names, what it refers to, and its own bytes.
pub(super) fn of_manifest(manifest: &Manifest, digest: &Digest) -> BTreeSet<Digest> {
    let mut digests = manifest.child_digests();
    digests.extend(manifest.blobs().map(|blob| blob.digest.clone()));
    digests.extend(manifest.subject.as_ref().map(|subject| subject.digest.clone()));
    digests.insert(digest.clone());
    digests
}
