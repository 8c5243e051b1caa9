//! Mounting a blob of another image.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::walk::ImageWalk;
use super::{Registry, RegistryError, manifests, uses};
use crate::oci::Digest;
use crate::policy::MountPermit;
use crate::storage::Key;

/// How many images are looked at where no source was named.
const SEARCH_IMAGES: usize = 200;

/// How many of them at the same time.
const SEARCH_AT_ONCE: usize = 8;

/// How many folders are listed where no source was named.
const SEARCH_FOLDERS: usize = 400;

impl Registry {
    /// Makes a blob of another image part of this one; `false` where that cannot be and an ordinary
    /// upload has to follow.
    ///
    /// # Errors
    /// That of the storage.
    pub async fn mount(&self, permit: &MountPermit, digest: &Digest) -> Result<bool, RegistryError> {
        let target = permit.push();
        let store = self.store(target.storage())?;
        let is_found = match permit.source() {
            // Between storages nothing is copied: an upload does that.
            Some(source) => {
                source.storage() == target.storage() && manifests::holds_blob(&store, source.image(), digest).await?
            }
            None => self.search(permit, digest).await?,
        };
        if !is_found {
            return Ok(false);
        }
        store.link_blob(target.image(), digest).await?;
        let Some(claim) = uses::note(&store, digest).await? else { return Ok(false) };
        Ok(manifests::holds_blob(&store, target.image(), digest).await? && claim.stands())
    }

    /// Looks for a blob among the images that may serve as source.
    async fn search(&self, permit: &MountPermit, digest: &Digest) -> Result<bool, RegistryError> {
        let Some(prefix) = permit.search_below() else { return Ok(false) };
        let storage = permit.push().storage();
        let mut walk = ImageWalk::after(None, Key::LAYERS, SEARCH_IMAGES);
        walk.enter(prefix, storage.clone(), self.store(storage)?);
        let (mut seen, mut is_over) = (0, false);
        while !is_over {
            let mut some = Vec::new();
            while some.len() < SEARCH_AT_ONCE && !is_over {
                is_over = seen == SEARCH_IMAGES || walk.listed() > SEARCH_FOLDERS;
                if is_over {
                    break;
                }
                match walk.next(&|_| false).await? {
                    None => is_over = true,
                    Some(found) => {
                        seen += 1;
                        some.extend(permit.may_search(&found.image).then_some(found));
                    }
                }
            }
            let is_found = stream::iter(some)
                .map(async |found| manifests::holds_blob(&found.store, &found.image, digest).await)
                .buffer_unordered(SEARCH_AT_ONCE)
                .try_any(async |is_held| is_held);
            if is_found.await? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
