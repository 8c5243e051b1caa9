//! Tags: listing, setting and removing them.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{PARALLEL_READS, Page, Registry, RegistryError, manifests};
use crate::oci::{Algorithm, Digest, ImageName, Tag};
use crate::policy::{PullPermit, TagMode};
use crate::storage::{Key, StorageError, Store};

impl Registry {
    /// The tags after `last`, at most `limit`, in byte order.
    ///
    /// # Errors
    /// [`RegistryError::NameUnknown`] where nothing was ever pushed to the image.
    pub async fn tags(
        &self,
        permit: &PullPermit,
        limit: usize,
        last: Option<&str>,
    ) -> Result<Page<Tag>, RegistryError> {
        let store = self.store(permit.storage())?;
        let image = permit.image();
        let names = names(&store, image).await?;
        if names.is_empty() && !manifests::image_exists(&store, image).await? {
            return Err(RegistryError::NameUnknown);
        }
        let mut page = Page { entries: Vec::new(), more: false };
        let after = names.into_iter().filter(|tag| last.is_none_or(|last| tag.as_str() > last));
        let mut found = std::pin::pin!(existing(&store, image, after));
        while page.entries.len() < limit {
            match found.try_next().await? {
                Some(tag) => page.entries.push(tag),
                None => return Ok(page),
            }
        }
        page.more = limit > 0 && found.try_next().await?.is_some();
        Ok(page)
    }
}

/// The names that have a folder among an image's tags, in byte order. Not all need exist.
pub(super) async fn names(store: &Store, image: &ImageName) -> Result<Vec<Tag>, StorageError> {
    let folders = store.list(&Key::tags(image)).await?.folders;
    Ok(folders.iter().filter_map(|name| Tag::parse(name).ok()).collect())
}

fn existing(
    store: &Store,
    image: &ImageName,
    tags: impl Iterator<Item = Tag>,
) -> impl futures_util::Stream<Item = Result<Tag, StorageError>> {
    stream::iter(tags)
        .map(async |tag| Ok(store.exists(&Key::tag_current(image, &tag)).await?.then_some(tag)))
        .buffered(PARALLEL_READS)
        .try_filter_map(async |tag| Ok(tag))
}

/// Every tag of an image with what it points to.
pub(super) async fn pointers(store: &Store, image: &ImageName) -> Result<Vec<(Tag, Digest)>, StorageError> {
    stream::iter(names(store, image).await?)
        .map(async |tag| {
            let digest = store.link(&Key::tag_current(image, &tag)).await?;
            Ok(digest.map(|digest| (tag, digest)))
        })
        .buffered(PARALLEL_READS)
        .try_filter_map(async |pointer| Ok(pointer))
        .try_collect()
        .await
}

/// Points a tag to a manifest; `false` where it exists, points elsewhere and may not be replaced.
pub(super) async fn set(
    store: &Store,
    image: &ImageName,
    tag: &Tag,
    mode: TagMode,
    digest: &Digest,
) -> Result<bool, StorageError> {
    let current = Key::tag_current(image, tag);
    let _alone = store.tagging(image).await;
    match mode {
        TagMode::Replace => store.set_link(&current, digest).await?,
        TagMode::CreateOnly => {
            let is_ours =
                store.create_link(&current, digest).await? || store.link(&current).await?.as_ref() == Some(digest);
            if !is_ours {
                return Ok(false);
            }
        }
    }
    store.set_link(&Key::tag_history(image, tag, digest), digest).await?;
    Ok(true)
}

/// Removes a tag, where `only` is given only while it points there: first the link by which it exists,
/// then its history, then folders that are empty. Never recursively, since another process may create
/// it again meanwhile. `false` where there was nothing to remove.
pub(super) async fn remove(
    store: &Store,
    image: &ImageName,
    tag: &Tag,
    only: Option<&Digest>,
) -> Result<bool, StorageError> {
    let current = Key::tag_current(image, tag);
    let _alone = store.tagging(image).await;
    if only.is_some() && store.link(&current).await?.as_ref() != only {
        return Ok(false);
    }
    let existed = store.remove(&current).await?;
    for algorithm in Algorithm::ALL {
        let histories = Key::tag_histories(image, tag, algorithm);
        for hex in store.list(&histories).await?.folders {
            let Ok(digest) = Digest::from_hex(algorithm, &hex) else { continue };
            let link = Key::tag_history(image, tag, &digest);
            store.remove(&link).await?;
            remove_folders(store, &link, 1).await?;
        }
        store.remove_empty(&histories).await?;
    }
    remove_folders(store, &Key::tag_histories(image, tag, Algorithm::Sha256), 1).await?;
    remove_folders(store, &current, 2).await?;
    Ok(existed)
}

/// Removes the folders that hold a key, from the innermost, where they are empty.
pub(super) async fn remove_folders(store: &Store, key: &Key, levels: usize) -> Result<(), StorageError> {
    let mut folder = key.parent();
    for _ in 0..levels {
        let Some(current) = folder else { break };
        store.remove_empty(&current).await?;
        folder = current.parent();
    }
    Ok(())
}
