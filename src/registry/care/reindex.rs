//! Building the indexes that the layout of the reference implementation lacks.

use std::collections::BTreeSet;

use futures_util::TryStreamExt as _;

use super::{Care, Progress};
use crate::oci::ImageName;
use crate::registry::referrers;
use crate::storage::{Key, Place, StorageError};

/// What was done.
#[derive(Debug, Default, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Reindexed {
    /// Images whose index of referrers was built.
    pub images: u64,
    /// Entries that led nowhere and were removed.
    pub removed: u64,
}

impl Care {
    /// Builds the index of referrers of every image anew. (Tags and catalog are listed from the links
    /// themselves, and have no index that could be missing.)
    ///
    /// # Errors
    /// That of the storage.
    pub async fn reindex(&self, progress: Progress<'_>) -> Result<Reindexed, StorageError> {
        let mut done = Reindexed::default();
        let mut images: BTreeSet<ImageName> = BTreeSet::new();
        let mut walk = self.store.walk(&Key::images(""), super::alive::NOT_REVISIONS);
        while let Some(found) = walk.try_next().await? {
            if let Some(Place::Revision(image, _)) = Place::of(found.key.as_str()) {
                images.insert(image);
            }
        }
        for image in &images {
            referrers::rebuild(&self.store, image).await?;
            done.images += 1;
            progress("images", done.images);
        }
        let mut walk = self.store.walk(&Key::own_images(), &[]);
        while let Some(found) = walk.try_next().await? {
            let Some(Place::Referrer { image, referrer, .. }) = Place::of(found.key.as_str()) else { continue };
            // An entry is written before its manifest: a new one may be about to get it.
            if !crate::storage::is_younger(found.modified, self.rules.hold)
                && !self.store.exists(&Key::revision(&image, &referrer)).await?
            {
                done.removed += u64::from(self.remove_entry(&found.key, &image, &referrer).await?);
            }
        }
        Ok(done)
    }
}
