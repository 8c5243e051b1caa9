//! Tags: listing, setting and removing them.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{Page, Registry, RegistryError, manifests};
use crate::oci::{Algorithm, Digest, ImageName, Tag};
use crate::policy::{PullPermit, TagMode};
use crate::storage::{Children, Key, StorageError, Store};

/// How many names are taken from the storage at the same time.
const NAMES_AT_ONCE: usize = 1001;

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
        let mut page = Page { entries: Vec::new(), more: false };
        let mut folders = TagFolders::after(&store, image, last);
        // One more than the page holds says whether another page follows.
        while limit > 0 && page.entries.len() <= limit {
            let Some(tags) = folders.next((limit - page.entries.len()).saturating_add(1)).await? else { break };
            let links = tags.iter().map(|tag| Key::tag_current(image, tag)).collect();
            let exist = store.which_exist(links).await?;
            page.entries.extend(tags.into_iter().zip(exist).filter_map(|(tag, exists)| exists.then_some(tag)));
        }
        if page.entries.is_empty() && !manifests::image_exists(&store, image).await? {
            return Err(RegistryError::NameUnknown);
        }
        page.more = page.entries.len() > limit;
        page.entries.truncate(limit);
        Ok(page)
    }
}

/// Goes through the names that have a folder among an image's tags, in byte order. Not all need exist.
struct TagFolders<'a> {
    store: &'a Store,
    image: &'a ImageName,
    folder: Key,
    after: Option<String>,
    is_done: bool,
}

impl<'a> TagFolders<'a> {
    fn after(store: &'a Store, image: &'a ImageName, after: Option<&str>) -> Self {
        Self { store, image, folder: Key::tags(image), after: after.map(str::to_owned), is_done: false }
    }

    /// The next ones, about `count`; `None` after the last.
    async fn next(&mut self, count: usize) -> Result<Option<Vec<Tag>>, StorageError> {
        if self.is_done {
            return Ok(None);
        }
        let after = self.after.as_deref();
        let found = self.store.names(&self.folder, Children::Folders, after, count.min(NAMES_AT_ONCE)).await?;
        let tags = found.names.iter().filter_map(|name| Tag::parse(name).ok()).collect();
        self.is_done = !found.more || found.names.is_empty();
        self.after = found.names.into_iter().next_back();
        Ok(Some(tags))
    }
}

/// Goes through every tag of an image with what it points to, without having all at the same time.
pub(super) struct Pointers<'a>(TagFolders<'a>);

impl<'a> Pointers<'a> {
    pub(super) fn of(store: &'a Store, image: &'a ImageName) -> Self {
        Self(TagFolders::after(store, image, None))
    }

    /// The next ones; `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<(Tag, Digest)>>, StorageError> {
        let Some(tags) = self.0.next(NAMES_AT_ONCE).await? else { return Ok(None) };
        let links = tags.iter().map(|tag| Key::tag_current(self.0.image, tag)).collect();
        let targets = self.0.store.links(links).await?;
        Ok(Some(tags.into_iter().zip(targets).filter_map(|(tag, target)| Some((tag, target?))).collect()))
    }

    /// Whether any of those that remain points to a manifest.
    pub(super) async fn any_to(&mut self, digest: &Digest) -> Result<bool, StorageError> {
        while let Some(pointers) = self.next().await? {
            if pointers.iter().any(|(_, target)| target == digest) {
                return Ok(true);
            }
        }
        Ok(false)
    }
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
    let history = Key::tag_history(image, tag, digest);
    match mode {
        TagMode::Replace => store.set_links(vec![current.clone(), history], digest).await?,
        TagMode::CreateOnly => {
            if !store.create_link_with(current.clone(), vec![history.clone()], digest).await? {
                if store.link(&current).await?.as_ref() != Some(digest) {
                    return Ok(false);
                }
                store.set_link(&history, digest).await?;
            }
        }
    }
    if store.is_remote() && !store.exists(&current).await? {
        // Another process had seen the tag where it was before, and removed it then. This push was not
        // acknowledged yet, and so may as well come after that.
        store.create_link(&current, digest).await?;
    }
    Ok(true)
}

/// Removes a tag, where `only` is given only while it points there: first the link by which it exists,
/// then its history, then folders that are empty. Never recursively, since another process may create
/// it again meanwhile. `false` where there was nothing to remove.
///
/// No store deletes under a condition. Between the look and the delete another process may move the tag;
/// that process looks again before it acknowledges the move: see [`set`].
pub(super) async fn remove(
    store: &Store,
    image: &ImageName,
    tag: &Tag,
    only: Option<&Digest>,
) -> Result<bool, StorageError> {
    let current = Key::tag_current(image, tag);
    let alone = store.tagging(image).await;
    let existed = match only {
        None => store.remove(&current).await?,
        Some(_) if store.link(&current).await?.as_ref() != only => return Ok(false),
        // It was there a moment ago, and another look would only leave time for it to be moved.
        Some(_) if store.is_remote() => store.discard(&current).await.map(|()| true)?,
        Some(_) => store.remove(&current).await?,
    };
    if store.is_remote() {
        // The tag is gone, and its history may be long.
        drop(alone);
        remove_history(store, image, tag).await?;
        return Ok(existed);
    }
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

/// Removes the history of a tag on an object store.
async fn remove_history(store: &Store, image: &ImageName, tag: &Tag) -> Result<(), StorageError> {
    for algorithm in Algorithm::ALL {
        let folders = store.list(&Key::tag_histories(image, tag, algorithm)).await?.folders;
        let digests = folders.into_iter().filter_map(|hex| Digest::from_hex(algorithm, &hex).ok());
        stream::iter(digests)
            .map(async |digest| store.discard(&Key::tag_history(image, tag, &digest)).await)
            .buffer_unordered(store.parallel())
            .try_collect::<()>()
            .await?;
    }
    Ok(())
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
