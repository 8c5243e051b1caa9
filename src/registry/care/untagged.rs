//! Manifests that nothing leads to: no tag, no index that is kept, and no manifest that is kept as the
//! subject. They are removed only where that is wanted.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, SystemTime};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::alive::{NOT_REVISIONS, Spared};
use super::names::{self, Names};
use super::{Care, PARALLEL};
use crate::oci::{Digest, ImageName};
use crate::storage::{Key, Place, StorageError, Store};

impl Care {
    /// The manifests that nothing leads to and that were pushed last before `now - age`.
    pub(super) async fn untagged(&self, now: SystemTime, age: Duration) -> Result<Spared, StorageError> {
        let mut unwanted = Spared::new();
        let mut walk = self.store.walk(&Key::images(""), NOT_REVISIONS);
        let mut image: Option<ImageName> = None;
        let mut revisions = HashMap::new();
        // An image's manifests follow one another.
        while let Some(found) = walk.try_next().await? {
            let Some(Place::Revision(of, digest)) = Place::of(found.key.as_str()) else { continue };
            if image.as_ref() != Some(&of) {
                let last = (image.replace(of), std::mem::take(&mut revisions));
                self.unwanted_of(last, now, age, &mut unwanted).await?;
            }
            revisions.insert(digest, found.modified);
        }
        self.unwanted_of((image, revisions), now, age, &mut unwanted).await?;
        Ok(unwanted)
    }

    async fn unwanted_of(
        &self,
        (image, revisions): (Option<ImageName>, HashMap<Digest, SystemTime>),
        now: SystemTime,
        age: Duration,
        unwanted: &mut Spared,
    ) -> Result<(), StorageError> {
        let Some(image) = image else { return Ok(()) };
        let is_old = |time: &SystemTime| now.duration_since(*time).is_ok_and(|passed| passed > age);
        if !revisions.values().any(is_old) {
            return Ok(());
        }
        let kept = kept(&self.store, &image, &revisions, is_old).await?;
        let gone = revisions.into_keys().filter(|digest| !kept.contains(digest));
        unwanted.extend(gone.map(|digest| (image.clone(), digest)));
        Ok(())
    }
}

/// The manifests of an image that are kept: tagged ones and new ones, and whatever those lead to.
async fn kept(
    store: &Store,
    image: &ImageName,
    revisions: &HashMap<Digest, SystemTime>,
    is_old: impl Fn(&SystemTime) -> bool,
) -> Result<BTreeSet<Digest>, StorageError> {
    let all: Vec<(Digest, Names)> = stream::iter(revisions.keys().cloned())
        .map(async |digest| Ok::<_, StorageError>((digest.clone(), names::read(store, &digest).await?)))
        .buffer_unordered(PARALLEL)
        .try_filter_map(async |(digest, names)| Ok(names.map(|names| (digest, names))))
        .try_collect()
        .await?;
    let mut referrers: HashMap<&Digest, Vec<&Digest>> = HashMap::new();
    for (digest, names) in &all {
        if let Some(subject) = &names.subject {
            referrers.entry(subject).or_default().push(digest);
        }
    }
    let names: HashMap<&Digest, &Names> = all.iter().map(|(digest, names)| (digest, names)).collect();
    let mut open: Vec<Digest> = tagged(store, image).await?.into_iter().collect();
    open.extend(revisions.iter().filter(|(_, time)| !is_old(time)).map(|(digest, _)| digest.clone()));
    let mut kept = BTreeSet::new();
    while let Some(digest) = open.pop() {
        if let Some(names) = names.get(&digest) {
            open.extend(
                names.all.iter().filter(|named| revisions.contains_key(*named) && !kept.contains(*named)).cloned(),
            );
            // What is referred to from something that is kept may be looked at together with it.
            open.extend(names.subject.iter().filter(|subject| !kept.contains(*subject)).cloned());
        }
        open.extend(
            referrers.get(&digest).into_iter().flatten().filter(|one| !kept.contains(**one)).map(|one| (*one).clone()),
        );
        kept.insert(digest);
    }
    Ok(kept)
}

/// What the tags of an image point to.
pub(super) async fn tagged(store: &Store, image: &ImageName) -> Result<BTreeSet<Digest>, StorageError> {
    let mut targets = BTreeSet::new();
    let mut walk = store.walk(&Key::tags(image), &[]);
    while let Some(found) = walk.try_next().await? {
        if let Some(Place::Tag(_, _)) = Place::of(found.key.as_str()) {
            targets.extend(store.link(&found.key).await?);
        }
    }
    Ok(targets)
}
