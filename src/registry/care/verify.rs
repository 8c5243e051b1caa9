//! Finding everything that is not as it should be, and mending what can be mended safely.
//!
//! Every blob is read and hashed, then every link is read and followed. What looks damaged is looked at
//! again before it is told: others may be pushing and deleting. Nothing that was pushed is deleted: what
//! is altered is put aside.

use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _};

use super::digests::DigestSet;
use super::{Care, Damage, Finding, Progress};
use super::{mend, names};
use crate::oci::{Digest, Hasher, ImageName};
use crate::registry::manifests;
use crate::storage::{Found, Key, Place, StorageError, is_younger};

/// How many blobs are hashed at the same time.
const PARALLEL_BLOBS: usize = 2;

/// Half-written files may still be written when they are younger.
const LEFTOVER_AGE: Duration = Duration::from_secs(3600);

/// How to verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifyOptions {
    /// Mends what can be mended safely.
    pub repair: bool,
}

/// What was found.
#[derive(Debug, Default, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Verified {
    /// How many blobs and manifests were read.
    pub blobs: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// How many links and records were looked at.
    pub links: u64,
    /// Everything that is not as it should be.
    pub findings: Vec<Finding>,
}

impl Verified {
    /// How many damages remain.
    pub fn remaining(&self) -> usize {
        self.findings.iter().filter(|finding| finding.damage.is_harmful() && !finding.repaired).count()
    }
}

/// A verification that runs.
struct Verification<'v> {
    care: &'v Care,
    repair: bool,
    /// Digests of which something was told already.
    bad: DigestSet,
    /// What manifests name, and is missing.
    wanted: DigestSet,
    verified: Verified,
}

impl Care {
    /// Looks at everything.
    ///
    /// # Errors
    /// That of the storage. What is damaged is no error, but a finding.
    pub async fn verify(&self, options: VerifyOptions, progress: Progress<'_>) -> Result<Verified, StorageError> {
        let mut verification = Verification {
            care: self,
            repair: options.repair,
            bad: DigestSet::default(),
            wanted: DigestSet::default(),
            verified: Verified::default(),
        };
        verification.blobs(progress).await?;
        // Manifests before layers: what a manifest names keeps its link.
        verification.links(&["_layers", "_uploads"], progress).await?;
        verification.links(&["_manifests"], progress).await?;
        verification.own().await?;
        let mut verified = verification.verified;
        verified.findings.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(verified)
    }
}

impl Verification<'_> {
    fn tell(&mut self, key: &Key, damage: Damage, repaired: bool) {
        self.verified.findings.push(Finding { path: key.to_string(), damage, repaired });
    }

    /// Reads and hashes every blob.
    async fn blobs(&mut self, progress: Progress<'_>) -> Result<(), StorageError> {
        let care = self.care;
        let mut hashed = care
            .store
            .walk(&Key::blobs(), &[])
            .chain(care.store.walk(&Key::pointers(), &[]))
            .map(async |found| {
                let found = found?;
                let state = match Place::of(found.key.as_str()) {
                    Some(Place::Blob(digest) | Place::Pointer(digest)) => Some((care.state(&digest).await?, digest)),
                    _ => None,
                };
                Ok::<_, StorageError>((found, state))
            })
            .buffer_unordered(PARALLEL_BLOBS);
        while let Some((found, state)) = hashed.try_next().await? {
            let Some((state, digest)) = state else {
                self.stranger(&found).await?;
                continue;
            };
            if let State::Whole(size) | State::Altered(size) = state {
                self.verified.blobs += 1;
                self.verified.bytes += size;
                progress("bytes", self.verified.bytes);
            }
            match state {
                State::Gone | State::Whole(_) => {}
                State::Altered(_) => {
                    self.bad.insert(&digest);
                    let repaired = self.repair && care.put_aside(&digest, &found.key).await?;
                    self.tell(&found.key, Damage::BlobAltered, repaired);
                }
                State::Incomplete(why) => {
                    self.bad.insert(&digest);
                    self.tell(&found.key, Damage::PartsMissing { why }, false);
                }
            }
        }
        Ok(())
    }

    /// Follows the links of all images.
    async fn links(&mut self, skip: &'static [&'static str], progress: Progress<'_>) -> Result<(), StorageError> {
        let mut walk = self.care.store.walk(&Key::images(""), skip);
        while let Some(found) = walk.try_next().await? {
            self.verified.links += 1;
            if self.verified.links.is_multiple_of(256) {
                progress("links", self.verified.links);
            }
            match Place::of(found.key.as_str()) {
                Some(Place::Layer(image, digest)) => self.layer(&found.key, &image, &digest).await?,
                Some(Place::Revision(image, digest)) => self.revision(&found.key, &image, &digest).await?,
                Some(Place::Tag(image, _)) => self.tag(&found.key, &image).await?,
                Some(Place::TagHistory(_, _, digest)) => {
                    self.text(&found.key, &digest).await?;
                }
                Some(Place::Upload(_, id)) => {
                    if !is_younger(found.modified, LEFTOVER_AGE)
                        && !self.care.store.exists(&Key::upload_session(id)).await?
                    {
                        self.tell(&found.key, Damage::UploadLeft, false);
                    }
                }
                _ => self.stranger(&found).await?,
            }
        }
        Ok(())
    }

    /// A link to a blob.
    async fn layer(&mut self, key: &Key, image: &ImageName, digest: &Digest) -> Result<(), StorageError> {
        let store = &self.care.store;
        if store.trace(digest).await?.is_some() {
            return self.text(key, digest).await;
        }
        // Named by a manifest: that was told there, and pushing the blob again mends it all.
        if self.wanted.contains(digest) || self.bad.contains(digest) || !store.exists(key).await? {
            return Ok(());
        }
        let repaired = self.repair && self.care.remove_dangling(image, digest).await?;
        self.tell(key, Damage::LayerDangling, repaired);
        Ok(())
    }

    /// The text of a link whose path says what it must be.
    async fn text(&mut self, key: &Key, digest: &Digest) -> Result<(), StorageError> {
        let store = &self.care.store;
        let is_right = match store.link(key).await {
            Ok(None) => return Ok(()),
            Ok(Some(target)) => target == *digest,
            Err(StorageError::Damaged { .. }) => false,
            Err(error) => return Err(error),
        };
        if !is_right {
            if self.repair {
                store.set_link(key, digest).await?;
            }
            self.tell(key, Damage::LinkWrong, self.repair);
        }
        Ok(())
    }

    /// A manifest of an image, and what it names.
    async fn revision(&mut self, key: &Key, image: &ImageName, digest: &Digest) -> Result<(), StorageError> {
        let store = &self.care.store;
        self.text(key, digest).await?;
        if self.bad.contains(digest) {
            return Ok(());
        }
        match names::read(store, digest).await {
            Ok(Some(_)) => {}
            Ok(None) => {
                if store.exists(key).await? {
                    let repaired = self.repair && self.care.remove_missing(image, digest).await?;
                    self.tell(key, Damage::ManifestMissing, repaired);
                }
                return Ok(());
            }
            Err(StorageError::Damaged { why, .. }) => {
                self.tell(key, Damage::ManifestUnreadable { why }, false);
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        // What is not understood refers to nothing that could be followed.
        let Some((manifest, _)) = manifests::understand(store, image, digest).await? else { return Ok(()) };
        for blob in manifest.required_blobs() {
            match store.trace(&blob.digest).await? {
                None => {
                    self.wanted.insert(&blob.digest);
                    if store.exists(key).await? {
                        self.tell(key, Damage::BlobMissing { blob: blob.digest.clone() }, false);
                    }
                }
                // The bytes were hashed, and are what was pushed: it is the manifest that is wrong.
                Some(trace) if trace.size < blob.size && !self.bad.contains(&blob.digest) => {
                    let (blob, stated) = (blob.digest.clone(), blob.size);
                    self.tell(key, Damage::SizeWrong { blob, size: trace.size, stated }, false);
                }
                Some(_) => {
                    let link = Key::layer(image, &blob.digest);
                    if !store.exists(&link).await? && store.exists(key).await? {
                        self.tell(key, Damage::BlobUnlinked { blob: blob.digest.clone() }, false);
                    }
                }
            }
        }
        for child in manifest.child_digests() {
            let is_held = store.exists(&Key::revision(image, &child)).await?
                || manifests::holds_blob(store, image, &child).await?;
            if !is_held && store.exists(key).await? {
                self.wanted.insert(&child);
                self.tell(key, Damage::ChildMissing { child }, false);
            }
        }
        Ok(())
    }

    /// A tag, and what it points to.
    async fn tag(&mut self, key: &Key, image: &ImageName) -> Result<(), StorageError> {
        let store = &self.care.store;
        let target = match store.link(key).await {
            Ok(None) => return Ok(()),
            Ok(Some(target)) => target,
            Err(StorageError::Damaged { .. }) => {
                let repaired = self.repair && self.care.mend_tag(key).await?;
                self.tell(key, Damage::TagWrong, repaired);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let revision = Key::revision(image, &target);
        // It may have been moved or deleted meanwhile.
        if store.exists(&revision).await? || store.link(key).await?.as_ref() != Some(&target) {
            return Ok(());
        }
        let repaired = self.repair && !self.bad.contains(&target) && mend::enter_again(store, image, &target).await?;
        self.tell(key, Damage::TagDangling { target }, repaired);
        Ok(())
    }

    /// Our own part of the storage.
    async fn own(&mut self) -> Result<(), StorageError> {
        let store = &self.care.store;
        let mut walk = store.walk(&Key::own(), &[]);
        while let Some(found) = walk.try_next().await? {
            match Place::of(found.key.as_str()) {
                Some(Place::Referrer { image, referrer, .. }) => {
                    let is_old = !is_younger(found.modified, LEFTOVER_AGE);
                    if is_old && !store.exists(&Key::revision(&image, &referrer)).await? {
                        let repaired = self.repair && self.care.remove_entry(&found.key, &image, &referrer).await?;
                        self.tell(&found.key, Damage::ReferrerDangling, repaired);
                    }
                }
                Some(Place::UploadRecord(id)) => {
                    let is_old = !is_younger(found.modified, LEFTOVER_AGE);
                    if is_old && !store.exists(&Key::upload_session(id)).await? {
                        self.tell(&found.key, Damage::UploadLeft, false);
                    }
                }
                Some(Place::Housekeeping) if is_in(&found.key, "quarantine") => {
                    self.tell(&found.key, Damage::Quarantined, false);
                }
                Some(_) => {}
                None => self.stranger(&found).await?,
            }
        }
        Ok(())
    }

    /// Something that has no place in the layout.
    async fn stranger(&mut self, found: &Found) -> Result<(), StorageError> {
        if !is_half_written(&found.key) {
            self.tell(&found.key, Damage::Unknown, false);
        } else if !is_younger(found.modified, LEFTOVER_AGE) {
            if self.repair {
                self.care.store.discard(&found.key).await?;
            }
            self.tell(&found.key, Damage::HalfWritten, self.repair);
        }
        Ok(())
    }
}

/// What became of reading a blob.
pub(super) enum State {
    /// It has its digest, and so many bytes.
    Whole(u64),
    /// It has another digest.
    Altered(u64),
    /// Not all of it is there.
    Incomplete(String),
    /// It was deleted meanwhile.
    Gone,
}

impl Care {
    /// Reads a blob and hashes it.
    pub(super) async fn state(&self, digest: &Digest) -> Result<State, StorageError> {
        match self.hash(digest).await {
            Ok(state) => Ok(state),
            Err(StorageError::Damaged { why, .. }) => Ok(State::Incomplete(why)),
            Err(StorageError::NotFound { key }) if self.store.trace(digest).await?.is_some() => {
                Ok(State::Incomplete(format!("`{key}` does not exist")))
            }
            Err(StorageError::NotFound { .. }) => Ok(State::Gone),
            Err(error) => Err(error),
        }
    }

    async fn hash(&self, digest: &Digest) -> Result<State, StorageError> {
        let Some(blob) = self.store.open_blob(digest).await? else { return Ok(State::Gone) };
        let size = blob.size();
        let mut pieces = blob.read(0, size).await?;
        let mut hasher = Hasher::new(digest.algorithm());
        while let Some(piece) = pieces.try_next().await? {
            hasher = tokio::task::spawn_blocking(move || {
                hasher.update(&piece);
                hasher
            })
            .await
            .map_err(|error| StorageError::Stopped(error.to_string()))?;
        }
        Ok(if hasher.finish() == *digest { State::Whole(size) } else { State::Altered(size) })
    }
}

fn is_in(key: &Key, folder: &str) -> bool {
    key.as_str().split('/').nth(2) == Some(folder)
}

fn is_half_written(key: &Key) -> bool {
    let number = key.as_str().rsplit_once('#').map(|(_, number)| number);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}
