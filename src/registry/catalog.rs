//! The catalog: which images there are.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::Semaphore;

use super::walk::{Candidate, ImageWalk};
use super::{Page, Registry, RegistryError, manifests};
use crate::oci::ImageName;
use crate::policy::CatalogPermit;
use crate::storage::{Key, StorageError};

/// How long a request waits for the catalog.
const CATALOG_DEADLINE: Duration = Duration::from_secs(10);

/// How many catalogs are walked at the same time.
const CATALOG_WALKS: usize = 4;

/// How many names are looked at together whether there is such an image.
const CHECKED_AT_ONCE: usize = 64;

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
        let wanted = limit.saturating_add(1);
        let mut walk = ImageWalk::after(last, Key::MANIFESTS, wanted);
        for (prefix, storage) in permit.prefixes() {
            let store = self.store(&storage)?;
            walk.enter(&prefix, storage, store);
        }
        // What belongs to another repository than the one around it was entered above, or is not shown.
        let is_foreign = |path: &str| permit.is_prefix(path);
        let mut is_done = false;
        while !is_done && page.entries.len() < wanted {
            let mut candidates = Vec::new();
            while candidates.len() < CHECKED_AT_ONCE.min(wanted - page.entries.len()) {
                let Some(found) = walk.next(&is_foreign).await? else {
                    is_done = true;
                    break;
                };
                if permit.is_stored_in(&found.image, &found.storage) && permit.shows(&found.image) {
                    candidates.push(found);
                }
            }
            let Some(first) = candidates.first() else { continue };
            let (store, parallel) = (Arc::clone(&first.store), first.store.parallel());
            // Together, since on a file system the way to a thread that may block takes longer than a look.
            let existing = store.to_the_end(existing(candidates, parallel)).await??;
            page.entries.extend(existing.into_iter().flatten());
        }
        page.more = page.entries.len() > limit;
        page.entries.truncate(limit);
        Ok(page)
    }
}

/// Of names that may be images, those that are.
async fn existing(candidates: Vec<Candidate>, parallel: usize) -> Result<Vec<Option<ImageName>>, RegistryError> {
    stream::iter(candidates)
        .map(|found| async move {
            let exists = found.is_certain || manifests::image_exists(&found.store, &found.image).await?;
            Ok(exists.then_some(found.image))
        })
        .buffered(parallel)
        .try_collect()
        .await
}
