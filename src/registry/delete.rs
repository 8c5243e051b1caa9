//! Deleting tags, manifests, and blobs of an image.

use std::collections::HashMap;

use super::tags::Pointers;
use super::{Registry, RegistryError, manifests, referrers, tags};
use crate::oci::{Digest, ImageName, Tag};
use crate::policy::{DeleteBlobPermit, DeleteManifestPermit, DeleteTagPermit};
use crate::storage::{Key, StorageError, Store};

impl Registry {
    /// Removes the permit's tag.
    ///
    /// # Errors
    /// [`RegistryError::ManifestUnknown`] where it does not exist.
    pub async fn delete_tag(&self, permit: &DeleteTagPermit) -> Result<(), RegistryError> {
        let store = self.store(permit.storage())?;
        if tags::remove(&store, permit.image(), permit.tag(), None).await? {
            Ok(())
        } else {
            Err(RegistryError::ManifestUnknown)
        }
    }

    /// Removes a manifest and its tags.
    ///
    /// # Errors
    /// [`RegistryError::ManifestUnknown`] where the image does not hold it, and
    /// [`RegistryError::TagsProtected`] where tags stand in the way; nothing is removed then.
    pub async fn delete_manifest(&self, permit: &DeleteManifestPermit, digest: &Digest) -> Result<(), RegistryError> {
        let store = self.store(permit.storage())?;
        let image = permit.image();
        let revision = Key::revision(image, digest);
        if !store.exists(&revision).await? {
            return Err(RegistryError::ManifestUnknown);
        }
        let (mut pointing, mut reaching) = (Vec::new(), Vec::new());
        let mut known = HashMap::from([(digest.clone(), true)]);
        let mut pointers = Pointers::of(&store, image);
        while let Some(some) = pointers.next().await? {
            for (tag, target) in some {
                if target == *digest {
                    pointing.push(tag);
                } else if permit.depends_on_tags() && reaches(&store, image, &mut known, &target).await? {
                    reaching.push(tag);
                }
            }
        }
        if !permit.allows(&pointing, &reaching) {
            return Err(RegistryError::TagsProtected);
        }
        Ok(remove_revision(&store, image, digest, &pointing).await?)
    }

    /// Removes a blob from the image.
    ///
    /// # Errors
    /// [`RegistryError::BlobUnknown`] where the image does not hold it.
    pub async fn delete_blob(&self, permit: &DeleteBlobPermit, digest: &Digest) -> Result<(), RegistryError> {
        let store = self.store(permit.storage())?;
        let layer = Key::layer(permit.image(), digest);
        if !store.remove(&layer).await? {
            return Err(RegistryError::BlobUnknown);
        }
        tags::remove_folders(&store, &layer, 1).await?;
        Ok(())
    }
}

/// Removes a manifest, and first the tags that point to it.
pub(super) async fn remove_revision(
    store: &Store,
    image: &ImageName,
    digest: &Digest,
    pointing: &[Tag],
) -> Result<(), StorageError> {
    let revision = Key::revision(image, digest);
    // One that is damaged can still be removed. Its entry, if it has one, is not believed any more.
    let manifest = match manifests::understand(store, image, digest).await {
        Ok(manifest) => manifest,
        Err(StorageError::Damaged { .. }) => None,
        Err(error) => return Err(error),
    };
    for tag in pointing {
        // It may have been moved meanwhile.
        tags::remove(store, image, tag, Some(digest)).await?;
    }
    store.remove(&revision).await?;
    tags::remove_folders(store, &revision, 1).await?;
    if let Some(subject) = manifest.as_ref().and_then(|(manifest, _)| manifest.subject.as_ref()) {
        referrers::forget(store, image, digest, &subject.digest).await?;
    }
    // A push may have set a tag since, having seen the manifest still there: it was told so.
    let is_pushed_again = store.exists(&revision).await? || Pointers::of(store, image).any_to(digest).await?;
    if is_pushed_again {
        if let Some((manifest, size)) = &manifest {
            referrers::enter(store, image, digest, manifest, *size).await?;
        }
        store.set_link(&revision, digest).await?;
    }
    Ok(())
}

/// A manifest on the way down from a tag.
struct Step {
    digest: Digest,
    /// Its children that were not looked at yet.
    open: Vec<Digest>,
    is_leading: bool,
}

impl Step {
    async fn to(store: &Store, image: &ImageName, digest: &Digest) -> Result<Self, StorageError> {
        let manifest = manifests::understand(store, image, digest).await?;
        let children = manifest.map(|(manifest, _)| manifest.child_digests()).unwrap_or_default();
        Ok(Self { digest: digest.clone(), open: children.into_iter().collect(), is_leading: false })
    }

    /// One way is enough.
    fn leads(&mut self) {
        self.is_leading = true;
        self.open.clear();
    }
}

/// Whether a manifest leads to what is wanted through an index, however deep. `known` says of each manifest
/// what was found out: it is looked at once, however many lead to it. (A manifest cannot lead to itself:
/// it holds digests.)
///
/// A manifest on the way that cannot be read is an error: nothing is deleted on a guess.
async fn reaches(
    store: &Store,
    image: &ImageName,
    known: &mut HashMap<Digest, bool>,
    from: &Digest,
) -> Result<bool, StorageError> {
    if let Some(is_leading) = known.get(from) {
        return Ok(*is_leading);
    }
    let mut path = vec![Step::to(store, image, from).await?];
    let mut is_leading = false;
    while let Some(step) = path.last_mut() {
        match step.open.pop() {
            Some(child) => match known.get(&child) {
                Some(true) => step.leads(),
                Some(false) => {}
                None => path.push(Step::to(store, image, &child).await?),
            },
            None => {
                is_leading = step.is_leading;
                known.insert(step.digest.clone(), is_leading);
                path.pop();
                if let (true, Some(above)) = (is_leading, path.last_mut()) {
                    above.leads();
                }
            }
        }
    }
    Ok(is_leading)
}
