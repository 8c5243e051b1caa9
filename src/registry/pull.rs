//! Reading manifests and blobs.

use super::{Blob, Registry, RegistryError, StoredManifest, manifests, uses};
use crate::oci::{Digest, Reference};
use crate::policy::{MayInspect, PullPermit};
use crate::storage::Key;

impl Registry {
    /// Reads a manifest.
    ///
    /// # Errors
    /// [`RegistryError::ManifestUnknown`] where the image does not hold it.
    pub async fn manifest(
        &self,
        permit: &impl MayInspect,
        reference: &Reference,
    ) -> Result<StoredManifest, RegistryError> {
        let store = self.store(permit.storage())?;
        let image = permit.image();
        let digest = match reference {
            Reference::Digest(digest) => digest.clone(),
            Reference::Tag(tag) => {
                store.link(&Key::tag_current(image, tag)).await?.ok_or(RegistryError::ManifestUnknown)?
            }
        };
        manifests::read(&store, image, &digest).await?.ok_or(RegistryError::ManifestUnknown)
    }

    /// Opens a blob for reading.
    ///
    /// # Errors
    /// [`RegistryError::BlobUnknown`] where the image does not hold it.
    pub async fn blob(&self, permit: &PullPermit, digest: &Digest) -> Result<Blob, RegistryError> {
        let store = self.store(permit.storage())?;
        if !store.exists(&Key::layer(permit.image(), digest)).await? {
            return Err(RegistryError::BlobUnknown);
        }
        let reader = store.open_blob(digest).await?.ok_or(RegistryError::BlobUnknown)?;
        Ok(Blob { size: reader.size(), reader })
    }

    /// The size of a blob, if the image holds it.
    ///
    /// # Errors
    /// [`RegistryError::BlobUnknown`] where the image does not hold it.
    pub async fn blob_size(&self, permit: &impl MayInspect, digest: &Digest) -> Result<u64, RegistryError> {
        let store = self.store(permit.storage())?;
        if !store.exists(&Key::layer(permit.image(), digest)).await? {
            return Err(RegistryError::BlobUnknown);
        }
        // Whoever asks may go on to name it in a manifest instead of sending it.
        uses::note(&store, digest).await?.ok_or(RegistryError::BlobUnknown)?;
        store.blob_size(digest).await?.ok_or(RegistryError::BlobUnknown)
    }
}
