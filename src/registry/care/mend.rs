//! Mending what `verify` found, while others push and delete.

use std::collections::BTreeSet;

use futures_util::TryStreamExt as _;
use tokio::time::{sleep, timeout};

use super::verify::State;
use super::{Care, names};
use crate::oci::{Digest, ImageName, Manifest, UploadId};
use crate::registry::tags::{self, Pointers};
use crate::registry::{RegistryError, manifests, push, referrers, uses};
use crate::storage::{Key, Mark, Place, StorageError, Store, is_younger};

impl Care {
    /// Deletes something while its mark is young. Where it is unknown what became of it, the mark stays.
    async fn under<T>(
        &self,
        mark: Mark,
        delete: impl Future<Output = Result<T, StorageError>>,
    ) -> Result<T, StorageError> {
        let done = timeout(uses::DELETE_TIMEOUT, delete).await.unwrap_or(Err(StorageError::Slow("repairing")));
        if done.is_ok() {
            self.store.unmark(&mark).await?;
        }
        done
    }

    /// Puts a blob aside whose bytes are not what they should be, unless it was written since; `false` then.
    pub(super) async fn put_aside(&self, digest: &Digest, key: &Key) -> Result<bool, StorageError> {
        if matches!(Place::of(key.as_str()), Some(Place::Pointer(_))) && self.store.exists(&Key::blob(digest)).await? {
            // What was read is not what the pointer leads to.
            return Ok(false);
        }
        // What a list says of an object is less exact than what is said of it alone.
        let Some(found) = self.store.stat(key).await? else { return Ok(false) };
        if !matches!(self.state(digest).await?, State::Altered(_)) {
            return Ok(false);
        }
        let aside = Key::quarantine(digest, UploadId::random());
        self.store.copy_aside(digest, &aside).await?;
        let mark = self.store.mark(BTreeSet::from([digest.clone()])).await?;
        // Whoever pushes it now waits for the mark.
        sleep(self.rules.pause).await;
        let moved = self.under(mark, async {
            if self.store.stat(key).await?.as_ref() != Some(&found) {
                return Ok(false);
            }
            self.store.move_aside(digest, key, &aside).await.map(|()| true)
        });
        let is_moved = moved.await?;
        if !is_moved {
            self.store.discard(&aside).await?;
        }
        Ok(is_moved)
    }

    /// Removes a link that leads nowhere, unless it was made just now; `false` then.
    pub(super) async fn remove_dangling(&self, image: &ImageName, digest: &Digest) -> Result<bool, StorageError> {
        let mark = self.store.mark(BTreeSet::from([digest.clone()])).await?;
        sleep(self.rules.pause).await;
        self.under(mark, async {
            let link = Key::layer(image, digest);
            if self.is_in_use(&link, digest).await? { Ok(false) } else { self.store.remove(&link).await }
        })
        .await
    }

    /// Takes a manifest from an image whose bytes are missing and which no tag points to, unless it is being pushed;
    /// `false` then.
    pub(super) async fn remove_missing(&self, image: &ImageName, digest: &Digest) -> Result<bool, StorageError> {
        if Pointers::of(&self.store, image).any_to(digest).await? {
            return Ok(false);
        }
        let link = Key::revision(image, digest);
        let mark = self.store.mark(BTreeSet::from([digest.clone()])).await?;
        sleep(self.rules.pause).await;
        self.under(mark, async {
            if self.is_in_use(&link, digest).await? || !self.store.remove(&link).await? {
                return Ok(false);
            }
            // A push that looked for marks before may have written the bytes, and then the link, since.
            if self.store.trace(digest).await?.is_some() {
                self.store.set_link(&link, digest).await?;
                return Ok(false);
            }
            tags::remove_folders(&self.store, &link, 1).await?;
            Ok(true)
        })
        .await
    }

    /// Whether a link was made just now, or has bytes.
    async fn is_in_use(&self, link: &Key, digest: &Digest) -> Result<bool, StorageError> {
        let found = self.store.stat(link).await?;
        let is_new = found.is_none_or(|found| is_younger(found.modified, 3 * self.rules.hold));
        Ok(is_new || self.store.trace(digest).await?.is_some())
    }

    /// Removes the entry of a referrer that the image does not have; `false` where it is being pushed.
    ///
    /// A push writes the manifest's bytes, then the entry, and then the link.
    pub(in crate::registry) async fn remove_entry(
        &self,
        entry: &Key,
        image: &ImageName,
        referrer: &Digest,
    ) -> Result<bool, StorageError> {
        let bytes = match self.store.get(entry).await {
            Err(error) if error.is_not_found() => return Ok(false),
            result => result?,
        };
        if !self.store.remove(entry).await? {
            return Ok(false);
        }
        let trace = self.store.trace(referrer).await?;
        if trace.is_some_and(|trace| is_younger(trace.modified, self.rules.hold))
            || self.store.exists(&Key::revision(image, referrer)).await?
        {
            self.store.put(entry, bytes).await?;
            return Ok(false);
        }
        Ok(true)
    }

    /// Writes the link of a tag again, where its history leaves no doubt.
    pub(super) async fn mend_tag(&self, key: &Key) -> Result<bool, StorageError> {
        let Some(Place::Tag(image, tag)) = Place::of(key.as_str()) else { return Ok(false) };
        let mut targets = BTreeSet::new();
        let mut walk = self.store.walk(&Key::tag(&image, &tag), &[]);
        while let Some(found) = walk.try_next().await? {
            if let Some(Place::TagHistory(_, _, digest)) = Place::of(found.key.as_str()) {
                targets.insert(digest);
            }
        }
        let _alone = self.store.tagging(&image).await;
        let is_damaged = matches!(self.store.link(key).await, Err(StorageError::Damaged { .. }));
        match targets.pop_first() {
            Some(target)
                if targets.is_empty() && is_damaged && self.store.exists(&Key::revision(&image, &target)).await? =>
            {
                self.store.set_link(key, &target).await.map(|()| true)
            }
            _ => Ok(false),
        }
    }
}

/// Makes a manifest exist again in an image that has lost its link, where everything that it names is there;
/// `false` where it is not.
pub(super) async fn enter_again(store: &Store, image: &ImageName, digest: &Digest) -> Result<bool, StorageError> {
    let mut used = match names::read(store, digest).await {
        Ok(Some(names)) => names.all.into_iter().chain(names.subject).collect::<BTreeSet<_>>(),
        Ok(None) | Err(StorageError::Damaged { .. }) => return Ok(false),
        Err(error) => return Err(error),
    };
    used.insert(digest.clone());
    let claim = uses::claim(store, None, &used).await?;
    let body = match store.get(&Key::blob(digest)).await {
        Err(error) if error.is_not_found() => return Ok(false),
        result => result?,
    };
    let manifest = Manifest::sniff(&body).and_then(|media_type| Manifest::parse(&media_type, &body).ok());
    match &manifest {
        Some(manifest) => match push::check_references(store, image, manifest).await {
            Ok(()) => referrers::enter(store, image, digest, manifest, body.len() as u64).await?,
            Err(RegistryError::Storage(error)) => return Err(error),
            Err(_) => return Ok(false),
        },
        None => {
            for named in used.iter().filter(|named| *named != digest) {
                if !manifests::holds_blob(store, image, named).await? {
                    return Ok(false);
                }
            }
        }
    }
    if !claim.stands() {
        return Ok(false);
    }
    store.set_link(&Key::revision(image, digest), digest).await.map(|()| true)
}
