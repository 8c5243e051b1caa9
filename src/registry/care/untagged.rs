//! Manifests that nothing leads to: no tag, no index that is kept, and no manifest that is kept as the
//! subject. They are removed only where that is wanted, an image at a time, while others push: whoever
//! pushes a manifest, or an index that lists it, leaves a trace at it and waits for marks, as
//! `registry/uses.rs` explains. What such a manifest leads to has no trace of its own: so all of an image is
//! under marks at the same time, and what leads where is looked at after that.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, SystemTime};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::time::sleep;

use super::alive::{NOT_REVISIONS, Spared};
use super::collect::{Collected, Run};
use super::names::{self, Names};
use super::reap::within;
use super::{Care, PARALLEL};
use crate::oci::{Digest, ImageName};
use crate::registry::referrers;
use crate::registry::uses::DELETE_WITHIN;
use crate::storage::{Deadline, Found, Key, Mark, Place, StorageError, Store};

/// How many manifests one mark names, which bounds its size to about a megabyte.
const MARK_DIGESTS: usize = 10_000;

/// How many tags are read together.
const TAGS_AT_ONCE: usize = 1000;

impl Care {
    /// Takes the manifests from their images that nothing leads to and that were pushed last before
    /// `run.began - age`; returns those that were taken, or would be.
    pub(super) async fn remove_untagged(
        &self,
        run: &Run,
        age: Duration,
        dry_run: bool,
        collected: &mut Collected,
    ) -> Result<Spared, StorageError> {
        let mut removed = Spared::new();
        for image in self.images_with_old(run, age).await? {
            let mut untagged = Untagged { care: self, run, age, image, names: HashMap::new() };
            while untagged.round(dry_run, &mut removed, collected).await? {}
        }
        Ok(removed)
    }

    async fn images_with_old(&self, run: &Run, age: Duration) -> Result<BTreeSet<ImageName>, StorageError> {
        let mut images = BTreeSet::new();
        let mut walk = self.store.walk(&Key::images(""), NOT_REVISIONS);
        while let Some(found) = walk.try_next().await? {
            if let Some(Place::Revision(image, _)) = Place::of(found.key.as_str())
                && is_old(run, age, found.modified)
            {
                images.insert(image);
            }
        }
        Ok(images)
    }
}

fn is_old(run: &Run, age: Duration, modified: SystemTime) -> bool {
    run.began.duration_since(modified).is_ok_and(|passed| passed > age)
}

/// The manifests of an image.
type Revisions = BTreeMap<Digest, Found>;

/// What leads to what in an image.
struct Untagged<'c> {
    care: &'c Care,
    run: &'c Run,
    age: Duration,
    image: ImageName,
    /// Manifests never change: each is read once.
    names: HashMap<Digest, Names>,
}

impl Untagged<'_> {
    /// Removes what time allows; whether there is more.
    async fn round(
        &mut self,
        dry_run: bool,
        removed: &mut Spared,
        collected: &mut Collected,
    ) -> Result<bool, StorageError> {
        // Whoever sets a tag after this has left a trace at its manifest before.
        let tagged = tagged(&self.care.store, &self.image).await?;
        let revisions = self.revisions().await?;
        let kept = self.kept(&revisions, tagged.iter().cloned());
        let unwanted: BTreeSet<Digest> = revisions.into_keys().filter(|digest| !kept.contains(digest)).collect();
        if unwanted.is_empty() {
            return Ok(false);
        }
        if dry_run {
            let going = self.look(&tagged, &unwanted).await?;
            collected.rescued += (unwanted.len() - going.len()) as u64;
            going.into_iter().for_each(|(digest, found)| self.count(digest, &found, removed, collected));
            return Ok(false);
        }
        let until = Deadline::within(DELETE_WITHIN);
        let mut marks = Vec::new();
        let looked = self.mark_and_look(&tagged, &unwanted, &mut marks).await;
        let (mut is_left, mut is_removed, mut failure) = (false, false, None);
        if let Ok(going) = &looked {
            let deleted: Vec<_> = stream::iter(self.in_order(going))
                .map(async |(digest, found)| {
                    let result = within(until, self.remove(&digest, until)).await;
                    (digest, found, result)
                })
                .buffered(PARALLEL)
                .collect()
                .await;
            for (digest, found, result) in deleted {
                match result {
                    Ok(Some(())) => {
                        is_removed = true;
                        self.count(digest, &found, removed, collected);
                    }
                    Ok(None) => is_left = true,
                    Err(error) => failure = Some(error),
                }
            }
        }
        // Where the fate of a delete is unknown, the marks stay until it cannot be late any more.
        if let Some(error) = failure {
            return Err(error);
        }
        for mark in &marks {
            self.care.store.unmark(mark).await?;
        }
        let going = looked?;
        if is_left && is_removed {
            return Ok(true);
        }
        collected.rescued += (unwanted.len() - going.len()) as u64;
        Ok(false)
    }

    /// Lists the manifests, and reads those that were not read before.
    async fn revisions(&mut self) -> Result<Revisions, StorageError> {
        let mut revisions = Revisions::new();
        let mut walk = self.care.store.walk(&Key::all_revisions(&self.image), &[]);
        while let Some(found) = walk.try_next().await? {
            if let Some(Place::Revision(_, digest)) = Place::of(found.key.as_str()) {
                revisions.insert(digest, found);
            }
        }
        let unknown: Vec<Digest> =
            revisions.keys().filter(|digest| !self.names.contains_key(*digest)).cloned().collect();
        let store = &self.care.store;
        let read: Vec<(Digest, Option<Names>)> = stream::iter(unknown)
            .map(async |digest| {
                let names = names::read(store, &digest).await?;
                Ok::<_, StorageError>((digest, names))
            })
            .buffer_unordered(store.parallel())
            .try_collect()
            .await?;
        self.names.extend(read.into_iter().filter_map(|(digest, names)| Some((digest, names?))));
        Ok(revisions)
    }

    /// The manifests that are kept: the roots and new ones, and whatever those lead to.
    fn kept(&self, revisions: &Revisions, roots: impl IntoIterator<Item = Digest>) -> BTreeSet<Digest> {
        let mut referrers: HashMap<&Digest, Vec<&Digest>> = HashMap::new();
        for digest in revisions.keys() {
            if let Some(subject) = self.names.get(digest).and_then(|names| names.subject.as_ref()) {
                referrers.entry(subject).or_default().push(digest);
            }
        }
        let mut open: Vec<Digest> = roots.into_iter().collect();
        let new = revisions.iter().filter(|(_, found)| !is_old(self.run, self.age, found.modified));
        open.extend(new.map(|(digest, _)| digest.clone()));
        let mut kept = BTreeSet::new();
        while let Some(digest) = open.pop() {
            if let Some(names) = self.names.get(&digest) {
                open.extend(
                    names.all.iter().filter(|named| revisions.contains_key(*named) && !kept.contains(*named)).cloned(),
                );
                // What is referred to from something that is kept may be looked at together with it.
                open.extend(names.subject.iter().filter(|subject| !kept.contains(*subject)).cloned());
            }
            let referring = referrers.get(&digest).into_iter().flatten();
            open.extend(referring.filter(|one| !kept.contains(**one)).map(|one| (*one).clone()));
            kept.insert(digest);
        }
        kept
    }

    async fn mark_and_look(
        &mut self,
        tagged: &BTreeSet<Digest>,
        unwanted: &BTreeSet<Digest>,
        marks: &mut Vec<Mark>,
    ) -> Result<Revisions, StorageError> {
        let mut rest = unwanted.iter().cloned().peekable();
        while rest.peek().is_some() {
            let some = rest.by_ref().take(MARK_DIGESTS).collect();
            marks.push(self.care.store.mark(some).await?);
        }
        sleep(self.care.rules.pause).await;
        self.look(tagged, unwanted).await
    }

    /// What is unwanted still, now that all that was used leads to something, too.
    async fn look(
        &mut self,
        tagged: &BTreeSet<Digest>,
        unwanted: &BTreeSet<Digest>,
    ) -> Result<Revisions, StorageError> {
        let mut revisions = self.revisions().await?;
        let store = &self.care.store;
        let notes = store.notes(unwanted).await?;
        let used: Vec<Option<Digest>> = stream::iter(unwanted.iter().cloned())
            .map(async |digest| {
                let last = store.trace(&digest).await?.map(|trace| trace.modified);
                let last = last.max(notes.get(&digest).copied());
                let is_unused = last.is_some_and(|last| self.run.is_unused(last));
                Ok::<_, StorageError>((!is_unused).then_some(digest))
            })
            .buffer_unordered(store.parallel())
            .try_collect()
            .await?;
        let kept = self.kept(&revisions, tagged.iter().cloned().chain(used.into_iter().flatten()));
        revisions.retain(|digest, _| unwanted.contains(digest) && !kept.contains(digest));
        Ok(revisions)
    }

    /// What leads to others goes first, so that where time runs out nothing is left that lacks them.
    fn in_order(&self, going: &Revisions) -> Vec<(Digest, Found)> {
        let names = |digest: &Digest| self.names.get(digest);
        let listed: BTreeSet<&Digest> = going
            .keys()
            .flat_map(|digest| {
                names(digest).into_iter().flat_map(move |names| names.all.iter().filter(move |one| *one != digest))
            })
            .collect();
        let mut order: Vec<_> = going.iter().map(|(digest, found)| (digest.clone(), found.clone())).collect();
        order.sort_by_key(|(digest, _)| {
            (listed.contains(digest), names(digest).is_some_and(|names| names.subject.is_some()))
        });
        order
    }

    /// Takes a manifest from the image. Nobody pushes it meanwhile: whoever does waits for the mark.
    async fn remove(&self, digest: &Digest, until: Deadline) -> Result<Option<()>, StorageError> {
        let (store, image) = (&self.care.store, &self.image);
        // What it names may be gone soon: it must not come back.
        let removed = store.remove_link(&Key::revision(image, digest), true, until).await?;
        if removed.is_some()
            && let Some(subject) = self.names.get(digest).and_then(|names| names.subject.as_ref())
        {
            referrers::forget(store, image, digest, subject).await?;
        }
        Ok(removed)
    }

    fn count(&self, digest: Digest, found: &Found, removed: &mut Spared, collected: &mut Collected) {
        collected.manifests += 1;
        collected.bytes += found.size;
        removed.insert((self.image.clone(), digest));
    }
}

/// What the tags of an image point to.
async fn tagged(store: &Store, image: &ImageName) -> Result<BTreeSet<Digest>, StorageError> {
    let mut links = Vec::new();
    let mut walk = store.walk(&Key::tags(image), &[]);
    while let Some(found) = walk.try_next().await? {
        if let Some(Place::Tag(_, _)) = Place::of(found.key.as_str()) {
            links.push(found.key);
        }
    }
    let mut targets = BTreeSet::new();
    for some in links.chunks(TAGS_AT_ONCE) {
        targets.extend(store.links(some.to_vec()).await?.into_iter().flatten());
    }
    Ok(targets)
}
