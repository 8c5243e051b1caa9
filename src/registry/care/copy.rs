//! Copying a storage into another one, which may be in use.
//!
//! The target's own collector must not take between two steps what is copied: every step uses the blobs
//! like a push does (`uses.rs`), and looks whether they are there before it writes what leads to them.

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::names::{self, Names};
use super::{Care, PARALLEL, Progress};
use crate::oci::{Digest, ImageName, Manifest, Tag};
use crate::policy::TagMode;
use crate::registry::uses::Claim;
use crate::registry::{referrers, tags, uses};
use crate::storage::{Found, Key, Place, StorageError};

/// How many blobs are copied at the same time.
const PARALLEL_BLOBS: usize = 4;

/// How many links to blobs are copied under one claim.
const LINKS_AT_ONCE: usize = 64;

/// Everything of images save their tags.
const NOT_TAGS: &[&str] = &["_uploads", "_layers", "_manifests/revisions"];

/// How often it is begun again where copying bytes took longer than a claim stands.
const ATTEMPTS: usize = 5;

/// What was copied.
#[derive(Debug, Default, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Copied {
    /// Blobs and manifests that were copied.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Blobs and manifests that were there already.
    pub skipped: u64,
    /// Links that were copied.
    pub links: u64,
    /// Blobs whose bytes have another digest, or are not all there: they were not copied, and `verify` tells more.
    pub damaged: BTreeSet<String>,
    /// Manifests, blobs that manifests name, and tags that were not copied, since what is behind them is not there.
    pub missing: BTreeSet<String>,
    /// Tags that point elsewhere in the target, and were left so.
    pub kept: BTreeSet<String>,
}

enum Done {
    Copied(u64),
    Skipped,
    Damaged(Digest),
    Gone,
}

impl Copied {
    /// Takes up what became of one blob; `false` where it is not in the target.
    fn take(&mut self, done: Done) -> bool {
        match done {
            Done::Copied(bytes) => {
                self.blobs += 1;
                self.bytes += bytes;
            }
            Done::Skipped => self.skipped += 1,
            Done::Damaged(digest) => {
                self.damaged.insert(digest.to_string());
                return false;
            }
            Done::Gone => return false,
        }
        true
    }

    fn add(&mut self, other: Self) {
        self.blobs += other.blobs;
        self.bytes += other.bytes;
        self.skipped += other.skipped;
        self.links += other.links;
        self.damaged.extend(other.damaged);
        self.missing.extend(other.missing);
        self.kept.extend(other.kept);
    }
}

impl Care {
    /// Copies everything but running uploads into another storage: first all bytes, whose digests are
    /// verified, then the links to blobs, then the manifests, and then the tags. What is there already is
    /// left out, so that it can be begun again. `tags` says what becomes of a tag that points elsewhere in the
    /// target.
    ///
    /// The index of referrers is not copied: manifests are entered into it as if they were pushed.
    ///
    /// # Errors
    /// That of either storage; [`StorageError::Slow`] where bytes take longer than unused blobs are kept.
    pub async fn copy_to(&self, target: &Self, tags: TagMode, progress: Progress<'_>) -> Result<Copied, StorageError> {
        let mut copied = Copied::default();
        let mut blobs = self
            .store
            .walk(&Key::blobs(), &[])
            .chain(self.store.walk(&Key::pointers(), &[]))
            .map(async |found| match Place::of(found?.key.as_str()) {
                Some(Place::Blob(digest) | Place::Pointer(digest)) => self.copy_blob(target, digest).await,
                _ => Ok(Done::Gone),
            })
            .buffer_unordered(PARALLEL_BLOBS);
        while let Some(done) = blobs.try_next().await? {
            copied.take(done);
            progress("blobs", copied.blobs + copied.skipped);
        }
        drop(blobs);
        let mut layers = self
            .store
            .walk(&Key::images(""), &["_uploads", "_manifests"])
            .chunks(LINKS_AT_ONCE)
            .map(async |found| self.copy_layers(target, found).await)
            .buffer_unordered(PARALLEL);
        while let Some(done) = layers.try_next().await? {
            copied.add(done);
            progress("links", copied.links);
        }
        drop(layers);
        // A tag is there only when its manifest is.
        for skip in [super::alive::NOT_REVISIONS, NOT_TAGS] {
            let mut links = self
                .store
                .walk(&Key::images(""), skip)
                .map(async |found| self.copy_link(target, tags, found?).await)
                .buffer_unordered(PARALLEL);
            while let Some(done) = links.try_next().await? {
                copied.add(done);
                progress("links", copied.links);
            }
        }
        Ok(copied)
    }

    async fn copy_blob(&self, target: &Self, digest: Digest) -> Result<Done, StorageError> {
        let size = match self.store.blob_size(&digest).await {
            Ok(Some(size)) => size,
            Ok(None) => return Ok(Done::Gone),
            Err(StorageError::Damaged { .. }) => return Ok(Done::Damaged(digest)),
            Err(error) => return Err(error),
        };
        // From here on no collector of the target takes it; one that is about to is waited for.
        uses::claim(&target.store, None, &BTreeSet::from([digest.clone()])).await?;
        if target.size_of(&digest).await? == Some(size) {
            return Ok(Done::Skipped);
        }
        let written = async {
            let Some(blob) = self.store.open_blob(&digest).await? else { return Ok(None) };
            let content = blob.read(0, size).await?;
            target.store.write_blob(&digest, content).await.map(Some)
        };
        match written.await {
            Ok(Some(true)) => Ok(Done::Copied(size)),
            Ok(Some(false)) | Err(StorageError::Damaged { .. }) => Ok(Done::Damaged(digest)),
            Ok(None) => Ok(Done::Gone),
            Err(StorageError::NotFound { .. }) => match self.store.trace(&digest).await? {
                Some(_) => Ok(Done::Damaged(digest)),
                None => Ok(Done::Gone),
            },
            Err(error) => Err(error),
        }
    }

    /// The size of a blob. One whose pointer cannot be read is not there.
    async fn size_of(&self, digest: &Digest) -> Result<Option<u64>, StorageError> {
        match self.store.blob_size(digest).await {
            Err(StorageError::Damaged { .. }) => Ok(None),
            result => result,
        }
    }

    /// Uses blobs in the target, and brings there those that are not; the second says which still are not.
    async fn bring(
        &self,
        target: &Self,
        digests: &BTreeSet<Digest>,
        copied: &mut Copied,
    ) -> Result<(Claim, BTreeSet<Digest>), StorageError> {
        let claim = uses::claim(&target.store, None, digests).await?;
        let mut brought = stream::iter(digests.iter().cloned())
            .map(async |digest| match target.size_of(&digest).await? {
                Some(_) => Ok(None),
                None => Ok::<_, StorageError>(Some((self.copy_blob(target, digest.clone()).await?, digest))),
            })
            .buffer_unordered(PARALLEL_BLOBS);
        let mut absent = BTreeSet::new();
        while let Some(done) = brought.try_next().await? {
            if let Some((done, digest)) = done
                && !copied.take(done)
            {
                absent.insert(digest);
            }
        }
        Ok((claim, absent))
    }

    /// Copies links to blobs, save those that lead nowhere.
    async fn copy_layers(
        &self,
        target: &Self,
        found: Vec<Result<Found, StorageError>>,
    ) -> Result<Copied, StorageError> {
        let mut links = Vec::new();
        for found in found {
            let found = found?;
            let Some(Place::Layer(_, digest)) = Place::of(found.key.as_str()) else { continue };
            match self.store.link(&found.key).await {
                // Removed meanwhile.
                Ok(None) => {}
                Ok(Some(digest)) => links.push((found.key, digest)),
                // Its path says what it must be.
                Err(StorageError::Damaged { .. }) => links.push((found.key, digest)),
                Err(error) => return Err(error),
            }
        }
        let digests = links.iter().map(|(_, digest)| digest.clone()).collect();
        let mut copied = Copied::default();
        for _ in 0..ATTEMPTS {
            let (claim, absent) = self.bring(target, &digests, &mut copied).await?;
            for (key, digest) in links.iter().filter(|(_, digest)| !absent.contains(digest)) {
                copied.links += u64::from(target.put_link(key, digest).await?);
            }
            if claim.stands() {
                return Ok(copied);
            }
        }
        Err(StorageError::Slow("copying blobs"))
    }

    async fn copy_link(&self, target: &Self, mode: TagMode, found: Found) -> Result<Copied, StorageError> {
        match Place::of(found.key.as_str()) {
            Some(Place::Revision(image, digest)) => self.copy_manifest(target, &image, digest).await,
            Some(Place::Tag(image, tag)) => self.copy_tag(target, mode, &image, &tag).await,
            Some(Place::TagHistory(_, _, digest)) => {
                let is_new = self.store.exists(&found.key).await?
                    && !target.store.exists(&found.key).await?
                    && target.store.create_link(&found.key, &digest).await?;
                Ok(Copied { links: u64::from(is_new), ..Copied::default() })
            }
            _ => Ok(Copied::default()),
        }
    }

    /// Copies a manifest, and before it the manifests that it lists.
    async fn copy_manifest(&self, target: &Self, image: &ImageName, digest: Digest) -> Result<Copied, StorageError> {
        let mut copied = Copied::default();
        let mut known = BTreeSet::from([digest.clone()]);
        let mut wanted = vec![digest];
        let mut manifests = Vec::new();
        while let Some(digest) = wanted.pop() {
            let names = match names::read(&self.store, &digest).await {
                Ok(Some(names)) => names,
                Ok(None) => {
                    if self.store.exists(&Key::revision(image, &digest)).await? {
                        copied.missing.insert(format!("{image}@{digest}"));
                    }
                    continue;
                }
                Err(StorageError::Damaged { .. }) => {
                    copied.damaged.insert(digest.to_string());
                    continue;
                }
                Err(error) => return Err(error),
            };
            for child in &names.children {
                if !known.contains(child)
                    && self.store.exists(&Key::revision(image, child)).await?
                    && !target.store.exists(&Key::revision(image, child)).await?
                {
                    known.insert(child.clone());
                    wanted.push(child.clone());
                }
            }
            manifests.push((digest, names));
        }
        // What lists comes before what is listed.
        for (digest, names) in manifests.into_iter().rev() {
            self.copy_revision(target, image, &digest, names, &mut copied).await?;
        }
        Ok(copied)
    }

    /// Makes a manifest exist in an image of the target, having brought there everything that it names. What the
    /// source lacks itself is told.
    async fn copy_revision(
        &self,
        target: &Self,
        image: &ImageName,
        digest: &Digest,
        names: Names,
        copied: &mut Copied,
    ) -> Result<(), StorageError> {
        let mut used = names.all;
        used.extend(names.subject);
        for _ in 0..ATTEMPTS {
            let (claim, absent) = self.bring(target, &used, copied).await?;
            if absent.contains(digest) {
                copied.missing.insert(format!("{image}@{digest}"));
                return Ok(());
            }
            let body = target.store.get(&Key::blob(digest)).await?;
            let understood = Manifest::sniff(&body).and_then(|media_type| Manifest::parse(&media_type, &body).ok());
            if let Some(manifest) = understood {
                let lacking = manifest.required_blobs().filter(|blob| absent.contains(&blob.digest));
                copied.missing.extend(lacking.map(|blob| format!("{image}@{}", blob.digest)));
                referrers::enter(&target.store, image, digest, &manifest, body.len() as u64).await?;
            }
            copied.links += u64::from(target.put_link(&Key::revision(image, digest), digest).await?);
            if claim.stands() {
                return Ok(());
            }
        }
        Err(StorageError::Slow("copying a manifest"))
    }

    async fn copy_tag(
        &self,
        target: &Self,
        mode: TagMode,
        image: &ImageName,
        tag: &Tag,
    ) -> Result<Copied, StorageError> {
        let key = Key::tag_current(image, tag);
        let mut copied = Copied::default();
        let digest = match self.store.link(&key).await {
            Ok(Some(digest)) => digest,
            // Removed meanwhile.
            Ok(None) => return Ok(copied),
            Err(StorageError::Damaged { .. }) => {
                copied.missing.insert(format!("{image}:{tag}"));
                return Ok(copied);
            }
            Err(error) => return Err(error),
        };
        let was = match target.store.link(&key).await {
            Err(StorageError::Damaged { .. }) => None,
            result => result?,
        };
        let revision = Key::revision(image, &digest);
        if !target.store.exists(&revision).await? {
            // Pushed since the manifests were copied.
            copied.add(self.copy_manifest(target, image, digest.clone()).await?);
        }
        if !target.store.exists(&revision).await? {
            copied.missing.insert(format!("{image}:{tag}"));
            return Ok(copied);
        }
        if was.as_ref() == Some(&digest) {
            return Ok(copied);
        }
        if !tags::set(&target.store, image, tag, mode, &digest).await? {
            copied.kept.insert(format!("{image}:{tag}"));
            return Ok(copied);
        }
        copied.links += 1;
        // A delete may have removed it since, having seen no tag at it yet.
        if !target.store.exists(&revision).await? {
            copied.add(self.copy_manifest(target, image, digest).await?);
        }
        Ok(copied)
    }

    /// Sets a link; `false` where it was right already.
    async fn put_link(&self, key: &Key, digest: &Digest) -> Result<bool, StorageError> {
        match self.store.link(key).await {
            Ok(Some(there)) if there == *digest => return Ok(false),
            Ok(_) | Err(StorageError::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
        self.store.set_link(key, digest).await?;
        Ok(true)
    }
}
