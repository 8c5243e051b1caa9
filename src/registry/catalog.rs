//! The catalog: which images there are.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::{Page, Registry, RegistryError, manifests};
use crate::oci::ImageName;
use crate::policy::{CatalogPermit, StorageKey};
use crate::storage::{Key, StorageError, Store};

/// How long a request waits for the catalog.
const CATALOG_DEADLINE: Duration = Duration::from_secs(10);

/// How many catalogs are walked at the same time.
const CATALOG_WALKS: usize = 4;

/// Lets only a few requests walk whole storages at the same time.
#[derive(Debug)]
pub(super) struct CatalogWalks(pub(super) Semaphore);

impl Default for CatalogWalks {
    fn default() -> Self {
        Self(Semaphore::new(CATALOG_WALKS))
    }
}

impl Registry {
    /// The images after `last` that the permit shows, at most `limit`, in byte order.
    ///
    /// # Errors
    /// That of the storage; [`StorageError::Slow`] where the storages are too large or too busy.
    pub async fn catalog(
        &self,
        permit: &CatalogPermit,
        limit: usize,
        last: Option<&str>,
    ) -> Result<Page<ImageName>, RegistryError> {
        let page = async {
            let _one_of_few = self.walks.0.acquire().await.map_err(|error| StorageError::Stopped(error.to_string()))?;
            self.walk_catalog(permit, limit, last).await
        };
        tokio::time::timeout(CATALOG_DEADLINE, page)
            .await
            .unwrap_or_else(|_| Err(StorageError::Slow("listing the catalog").into()))
    }

    async fn walk_catalog(
        &self,
        permit: &CatalogPermit,
        limit: usize,
        last: Option<&str>,
    ) -> Result<Page<ImageName>, RegistryError> {
        let mut page = Page { entries: Vec::new(), more: false };
        if limit == 0 {
            return Ok(page);
        }
        let mut walk = ImageWalk::after(last);
        for (prefix, storage) in permit.prefixes() {
            let store = self.store(&storage)?;
            walk.enter(&prefix, storage, store);
        }
        while let Some((image, storage, store)) = walk.next().await? {
            let is_wanted = permit.is_stored_in(&image, &storage) && permit.shows(&image);
            if !is_wanted || !manifests::image_exists(&store, &image).await? {
                continue;
            }
            if page.entries.len() == limit {
                page.more = true;
                break;
            }
            page.entries.push(image);
        }
        Ok(page)
    }
}

/// Goes through what may be images, in byte order of their names, across storages.
///
/// The order is not that of a walk through folders: `a-b` comes before `a/b`. So a folder's content is
/// waiting under its name with a slash until everything before that was given out.
pub(super) struct ImageWalk {
    /// Names, and, with a slash at the end or empty, folders; each with the number of its storage.
    waiting: BTreeSet<(String, usize)>,
    storages: Vec<(StorageKey, Arc<Store>)>,
    last: Option<String>,
    listed: usize,
}

impl ImageWalk {
    /// Goes through the names after `last`.
    pub(super) fn after(last: Option<&str>) -> Self {
        Self { waiting: BTreeSet::new(), storages: Vec::new(), last: last.map(str::to_owned), listed: 0 }
    }

    /// Adds the image of a prefix and all images below, in a storage.
    pub(super) fn enter(&mut self, prefix: &str, key: StorageKey, store: Arc<Store>) {
        let number = self.storages.iter().position(|(known, _)| *known == key).unwrap_or_else(|| {
            self.storages.push((key, store));
            self.storages.len() - 1
        });
        if prefix.is_empty() {
            self.waiting.insert((String::new(), number));
        } else {
            self.wait(prefix, number);
        }
    }

    /// How many folders were listed so far.
    pub(super) fn listed(&self) -> usize {
        self.listed
    }

    /// The next name that may be an image.
    pub(super) async fn next(&mut self) -> Result<Option<(ImageName, StorageKey, Arc<Store>)>, StorageError> {
        while let Some((name, number)) = self.waiting.pop_first() {
            let (key, store) = self.storages[number].clone();
            let Some(folder) = as_folder(&name) else {
                if let Ok(image) = ImageName::parse(&name) {
                    return Ok(Some((image, key, store)));
                }
                continue;
            };
            self.listed += 1;
            for child in store.list(&Key::images(folder)).await?.folders {
                let path = if folder.is_empty() { child } else { format!("{folder}/{child}") };
                // Also keeps out `_manifests` and its like, which no name can be.
                if ImageName::parse(&path).is_ok() {
                    self.wait(&path, number);
                }
            }
        }
        Ok(None)
    }

    fn wait(&mut self, path: &str, number: usize) {
        let folder = format!("{path}/");
        let (is_over, may_hold_more) = match &self.last {
            None => (false, true),
            Some(last) => (path <= last.as_str(), folder > *last || last.starts_with(&folder)),
        };
        if !is_over {
            self.waiting.insert((path.to_owned(), number));
        }
        if may_hold_more {
            self.waiting.insert((folder, number));
        }
    }
}

fn as_folder(name: &str) -> Option<&str> {
    if name.is_empty() { Some("") } else { name.strip_suffix('/') }
}
