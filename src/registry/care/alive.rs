//! Which blobs are alive: named by any manifest of any image, whether configured or not.

use std::collections::HashSet;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::digests::DigestSet;
use super::names::{self, Names};
use super::{PARALLEL, Progress};
use crate::oci::{Algorithm, Digest, ImageName};
use crate::storage::{Key, Place, StorageError, Store};

/// What lies beside the manifests in an image.
pub(super) const NOT_REVISIONS: &[&str] = &["_layers", "_uploads", "_manifests/tags"];

/// What is passed over where blobs that are alive are looked for. The link at a digest that is not SHA-256
/// may lead elsewhere: the reference implementation keeps the bytes under their SHA-256 digest.
const NOT_LEADING: &[&str] = &["_layers/sha256", "_uploads", "_manifests/tags"];

/// How many links are read together.
const LINKS_AT_ONCE: usize = 1000;

/// How many manifests are gathered before they are read.
const BATCH: usize = 64;

/// Manifests that are not to be counted.
pub(super) type Spared = HashSet<(ImageName, Digest)>;

/// Which blobs are alive.
#[derive(Debug, Default)]
pub(in crate::registry) struct Alive {
    named: DigestSet,
    /// The manifests that were read: a part of those that are named.
    read: DigestSet,
    /// Of those that were read, what an index lists and is no manifest. Where an image has one of them as
    /// a manifest all the same, that is another matter.
    leaves: DigestSet,
}

impl Alive {
    pub(super) fn contains(&self, digest: &Digest) -> bool {
        self.named.contains(digest)
    }

    /// Reads every manifest of a storage but those in `without`.
    ///
    /// # Errors
    /// That of a folder or manifest that cannot be read: then nothing is known of what it names.
    pub(in crate::registry) async fn find(
        store: &Store,
        without: &Spared,
        progress: Progress<'_>,
    ) -> Result<Self, StorageError> {
        let mut alive = Self::default();
        let mut batch = Vec::new();
        let mut links = Vec::new();
        let mut walk = store.walk(&Key::images(""), NOT_LEADING);
        let mut count = 0;
        while let Some(found) = walk.try_next().await? {
            let (image, digest) = match Place::of(found.key.as_str()) {
                Some(Place::Revision(image, digest)) => (image, digest),
                Some(Place::Layer(_, digest)) if digest.algorithm() != Algorithm::Sha256 => {
                    links.push(found.key);
                    if links.len() == LINKS_AT_ONCE {
                        alive.follow(store, std::mem::take(&mut links)).await?;
                    }
                    continue;
                }
                _ => continue,
            };
            count += 1;
            if without.contains(&(image.clone(), digest.clone()))
                || !(alive.read.insert(&digest) || alive.leaves.contains(&digest))
            {
                continue;
            }
            batch.push((Some(image), digest));
            if batch.len() == BATCH {
                alive.read(store, std::mem::take(&mut batch)).await?;
                progress("manifests", count);
            }
        }
        alive.follow(store, links).await?;
        alive.read(store, batch).await?;
        progress("manifests", count);
        Ok(alive)
    }

    /// Reads links. What one leads to that is not the digest in its path is alive.
    async fn follow(&mut self, store: &Store, links: Vec<Key>) -> Result<(), StorageError> {
        let targets = store.links(links.clone()).await?;
        for (key, target) in links.iter().zip(targets) {
            if let (Some(Place::Layer(_, digest)), Some(target)) = (Place::of(key.as_str()), target)
                && target != digest
            {
                self.named.insert(&target);
            }
        }
        Ok(())
    }

    /// Reads manifests, and those that they lead to. Of what an index lists, what is not there is not
    /// missed: only a manifest of an image must be.
    async fn read(&mut self, store: &Store, mut open: Vec<(Option<ImageName>, Digest)>) -> Result<(), StorageError> {
        while !open.is_empty() {
            let read: Vec<(Digest, bool, Names)> = stream::iter(std::mem::take(&mut open))
                .map(async |(image, digest)| {
                    let (is_manifest, names) = read_one(store, image.as_ref(), &digest).await?;
                    Ok::<_, StorageError>((digest, is_manifest, names))
                })
                .buffer_unordered(PARALLEL)
                .try_collect()
                .await?;
            for (digest, is_manifest, names) in read {
                if !is_manifest {
                    self.leaves.insert(&digest);
                }
                for digest in &names.all {
                    self.named.insert(digest);
                }
                for child in names.children {
                    if self.read.insert(&child) {
                        open.push((None, child));
                    }
                }
            }
        }
        Ok(())
    }
}

/// What something names, and whether it is a manifest.
async fn read_one(store: &Store, image: Option<&ImageName>, digest: &Digest) -> Result<(bool, Names), StorageError> {
    let Some(image) = image else { return names::read_listed(store, digest).await };
    if let Some(names) = names::read(store, digest).await? {
        return Ok((true, names));
    }
    // It may have been deleted since it was listed.
    if store.exists(&Key::revision(image, digest)).await? {
        return Err(StorageError::Damaged {
            key: Key::revision(image, digest).to_string(),
            why: "the manifest's bytes are missing; `portolan storage verify` says what that means".to_owned(),
        });
    }
    Ok((true, Names::default()))
}
