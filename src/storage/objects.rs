//! Small objects: links, manifests, records. Read and written whole.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode};

use super::error::blocking;
use super::folders::Folders;
use super::listing::Lister;
use super::{Key, StorageError, at_hand};
use crate::oci::Digest;

/// The largest object that is read whole, in bytes. A manifest has at most 4 MiB.
const WHOLE_MAX_BYTES: u64 = 8 * 1024 * 1024;

/// Room for a link: a digest, and a little more.
const LINK_ROOM_BYTES: usize = 256;

/// Room for a record of an upload.
const RECORD_ROOM_BYTES: usize = 2048;

/// How often a write is tried that a store refused though there is nothing.
const PUT_ATTEMPTS: usize = 5;

/// The pause, in multiples, after which a write is tried again that a store refused though there is nothing.
const CREATE_PAUSE: Duration = Duration::from_millis(50);

/// How long it may take to find out what became of a write that failed.
const DOUBT: Duration = Duration::from_secs(3);

/// The names in a folder, each kind in byte order.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Folders that lie in it.
    pub folders: Vec<String>,
    /// Objects that lie in it.
    pub objects: Vec<String>,
}

/// Small objects in a store; on a file system, with the care that folders need.
#[derive(Debug, Clone)]
pub(super) struct Objects {
    pub(super) place: Place,
    pub(super) lister: Lister,
}

/// Where objects are.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// In files.
    Folder(Arc<Folders>),
    /// In a store of objects.
    Store(Arc<dyn ObjectStore>),
}

impl Objects {
    /// The folder, where they are in files.
    pub(super) fn folders(&self) -> Option<&Arc<Folders>> {
        match &self.place {
            Place::Folder(folders) => Some(folders),
            Place::Store(_) => None,
        }
    }

    /// Reads an object whole.
    pub(super) async fn get(&self, key: &Key) -> Result<Bytes, StorageError> {
        let store = match &self.place {
            Place::Store(store) => store,
            Place::Folder(folders) => {
                return match at_hand::whole::<RECORD_ROOM_BYTES>(&folders.path(key)) {
                    Some(found) => found.ok_or_else(|| StorageError::NotFound { key: key.to_string() }),
                    None => {
                        let (folders, key) = (Arc::clone(folders), key.clone());
                        blocking(move || folders.read(&key, WHOLE_MAX_BYTES)).await
                    }
                };
            }
        };
        let found = store.get(&key.path()).await.map_err(|error| object_error(key, error))?;
        if found.meta.size > WHOLE_MAX_BYTES {
            return Err(StorageError::Damaged {
                key: key.to_string(),
                why: format!("{} bytes are too many", found.meta.size),
            });
        }
        let size = found.meta.size;
        let bytes = found.bytes().await.map_err(|error| object_error(key, error))?;
        if bytes.len() as u64 != size {
            let why = format!("{} bytes instead of {size} could be read", bytes.len());
            return Err(StorageError::Damaged { key: key.to_string(), why });
        }
        Ok(bytes)
    }

    /// Reads the digest that a link holds; `None` where there is no link.
    pub(super) async fn link(&self, key: &Key) -> Result<Option<Digest>, StorageError> {
        let at_hand = self.folders().and_then(|folders| at_hand::whole::<LINK_ROOM_BYTES>(&folders.path(key)));
        let bytes = match at_hand {
            Some(Some(bytes)) => bytes,
            Some(None) => return Ok(None),
            None => match self.get(key).await {
                Err(error) if error.is_not_found() => return Ok(None),
                result => result?,
            },
        };
        link_in(key, &bytes).map(Some)
    }

    /// Writes an object, whether or not there is one; durable when it returns.
    pub(super) async fn put(&self, key: &Key, bytes: Bytes) -> Result<(), StorageError> {
        self.put_mode(key, bytes, PutMode::Overwrite).await.map(|_| ())
    }

    /// Writes an object if there is none; `false` where there is one (on object stores: one with other bytes). What
    /// is there is durable in both cases when it returns.
    pub(super) async fn create(&self, key: &Key, bytes: Bytes) -> Result<bool, StorageError> {
        match self.place {
            Place::Folder(_) => self.put_mode(key, bytes, PutMode::Create).await,
            Place::Store(_) => self.create_remote(key, bytes).await,
        }
    }

    /// Writes objects, whether or not there are any: those of a group are durable before the next group comes, and all
    /// of them when it returns. What is written together costs a file system less.
    pub(super) async fn put_in_order(&self, groups: Vec<Vec<(Key, Bytes)>>) -> Result<(), StorageError> {
        if let Some(folders) = self.folders() {
            let folders = Arc::clone(folders);
            return blocking(move || folders.put_in_order(&groups)).await;
        }
        for (key, bytes) in groups.into_iter().flatten() {
            self.put(&key, bytes).await?;
        }
        Ok(())
    }

    /// Writes an object if there is none, and then also others, whether or not there are any; `false`, and nothing,
    /// where there is one. What is there is durable in both cases when it returns.
    pub(super) async fn create_with(&self, new: (Key, Bytes), others: Vec<(Key, Bytes)>) -> Result<bool, StorageError> {
        if let Some(folders) = self.folders() {
            let folders = Arc::clone(folders);
            return blocking(move || folders.create_with(&new, &others)).await;
        }
        let is_written = self.create(&new.0, new.1).await?;
        for (key, bytes) in others.into_iter().filter(|_| is_written) {
            self.put(&key, bytes).await?;
        }
        Ok(is_written)
    }

    /// What a store answers says less than what it then holds: a request that it carried out may have been sent
    /// again, so that it meets its own object, and of requests at the same time it may refuse every one.
    async fn create_remote(&self, key: &Key, bytes: Bytes) -> Result<bool, StorageError> {
        let mut attempt = 1;
        loop {
            let error = match self.put_mode(key, bytes.clone(), PutMode::Create).await {
                Ok(true) => return Ok(true),
                Ok(false) => None,
                Err(error) => Some(error),
            };
            if let Some(error) = error {
                // It has been tried for long enough.
                return match tokio::time::timeout(DOUBT, self.get(key)).await {
                    Ok(Ok(found)) => Ok(found == bytes),
                    _ => Err(error),
                };
            }
            match self.get(key).await {
                Ok(found) => return Ok(found == bytes),
                Err(absent) if absent.is_not_found() && attempt < PUT_ATTEMPTS => {
                    tokio::time::sleep(CREATE_PAUSE * attempt as u32).await;
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes an object that is new and of which nothing is promised yet: on a file system, a power cut may take it
    /// away.
    pub(super) async fn create_unpromised(&self, key: &Key, bytes: Bytes) -> Result<bool, StorageError> {
        let Some(folders) = self.folders() else { return self.create(key, bytes).await };
        let (folders, key) = (Arc::clone(folders), key.clone());
        blocking(move || folders.put_unpromised(&key, &bytes)).await
    }

    async fn put_mode(&self, key: &Key, bytes: Bytes, mode: PutMode) -> Result<bool, StorageError> {
        let store = match &self.place {
            Place::Store(store) => store,
            Place::Folder(folders) => {
                let (folders, new) = (Arc::clone(folders), (key.clone(), bytes));
                return blocking(move || match mode {
                    PutMode::Create => folders.create_with(&new, &[]),
                    PutMode::Overwrite | PutMode::Update(_) => folders.put_in_order(&[vec![new]]).map(|()| true),
                })
                .await;
            }
        };
        match store.put_opts(&key.path(), bytes.into(), mode.into()).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(object_error(key, error)),
        }
    }

    /// Whether there is an object.
    pub(super) async fn exists(&self, key: &Key) -> Result<bool, StorageError> {
        // Where an object belongs no folder lies.
        match self.folders().and_then(|folders| at_hand::is_there(&folders.path(key))) {
            Some(is_there) => Ok(is_there),
            None => Ok(self.size(key).await?.is_some()),
        }
    }

    /// The size of an object in bytes; `None` where there is none.
    pub(super) async fn size(&self, key: &Key) -> Result<Option<u64>, StorageError> {
        let store = match &self.place {
            Place::Store(store) => store,
            Place::Folder(folders) => {
                if let Some(size) = at_hand::size(&folders.path(key)) {
                    return Ok(size);
                }
                let (folders, key) = (Arc::clone(folders), key.clone());
                return blocking(move || folders.size(&key)).await;
            }
        };
        match store.head(&key.path()).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(object_error(key, error)),
        }
    }

    /// Removes an object; `false` where there is none.
    pub(super) async fn remove(&self, key: &Key) -> Result<bool, StorageError> {
        match &self.place {
            Place::Folder(folders) => {
                let (folders, key) = (Arc::clone(folders), key.clone());
                blocking(move || folders.remove(&key)).await
            }
            Place::Store(store) => {
                let existed = self.size(key).await?.is_some();
                delete(store, key).await?;
                Ok(existed)
            }
        }
    }

    /// Removes an object that does no harm if a power cut brings it back.
    pub(super) async fn discard(&self, key: &Key) -> Result<(), StorageError> {
        match &self.place {
            Place::Folder(folders) => {
                let (folders, key) = (Arc::clone(folders), key.clone());
                blocking(move || folders.discard(&key).map(|_| ())).await
            }
            Place::Store(store) => delete(store, key).await,
        }
    }

    /// Removes a folder if nothing lies in it. Only a file system has empty folders.
    pub(super) async fn remove_empty(&self, key: &Key) -> Result<(), StorageError> {
        let Some(folders) = self.folders() else { return Ok(()) };
        let (folders, key) = (Arc::clone(folders), key.clone());
        blocking(move || folders.remove_empty(&key)).await
    }

    /// The names in a folder; none where there is no folder.
    pub(super) async fn list(&self, key: &Key) -> Result<Listing, StorageError> {
        self.lister.all(key).await
    }

    /// Whether any object lies in a folder or below it.
    pub(super) async fn has_any(&self, key: &Key) -> Result<bool, StorageError> {
        self.lister.has_any(key).await
    }
}

async fn delete(store: &Arc<dyn ObjectStore>, key: &Key) -> Result<(), StorageError> {
    match store.delete(&key.path()).await {
        Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(object_error(key, error)),
    }
}

/// The digest that the bytes of a link hold.
pub(super) fn link_in(key: &Key, bytes: &[u8]) -> Result<Digest, StorageError> {
    let damaged = |why: String| StorageError::Damaged { key: key.to_string(), why };
    let text = std::str::from_utf8(bytes).map_err(|error| damaged(error.to_string()))?;
    Digest::parse(text.trim()).map_err(|error| damaged(error.to_string()))
}

/// An error of the object store, with the key.
pub(super) fn object_error(key: &Key, error: object_store::Error) -> StorageError {
    match error {
        // Without its bucket, nothing can be said of an object.
        object_store::Error::NotFound { source, .. } if !source.to_string().contains("NoSuchBucket") => {
            StorageError::NotFound { key: key.to_string() }
        }
        source => StorageError::Object { key: key.to_string(), source },
    }
}
