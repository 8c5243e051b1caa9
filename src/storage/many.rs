//! Many small objects asked for at once.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::error::blocking;
use super::folders::is_absent;
use super::listing::{Children, Lister, Names};
use super::objects::link_in;
use super::{Key, StorageError, Store};
use crate::oci::Digest;

/// How many requests run at the same time on a file system, where disks and cores bound them.
const PARALLEL_FILES: usize = 8;

/// How many run at the same time where each waits for the network.
const PARALLEL_REMOTE: usize = 32;

/// How many files one thread looks at in one go: to hand work to a thread costs more than the look.
const FILES_AT_ONCE: usize = 64;

/// The longest link, in bytes. A digest has 135.
const LINK_MAX_BYTES: u64 = 1024;

impl Store {
    /// How many small requests should run at the same time.
    pub fn parallel(&self) -> usize {
        if self.objects.folders().is_some() { PARALLEL_FILES } else { PARALLEL_REMOTE }
    }

    /// Which objects exist, in the order of the keys.
    pub async fn which_exist(&self, keys: Vec<Key>) -> Result<Vec<bool>, StorageError> {
        let Some(folders) = self.objects.folders() else {
            return stream::iter(keys)
                .map(async |key| self.exists(&key).await)
                .buffered(PARALLEL_REMOTE)
                .try_collect()
                .await;
        };
        let folders = Arc::clone(folders);
        in_batches(keys, move |key| Ok(folders.size(&key)?.is_some())).await
    }

    /// What links point to, in the order of the keys; `None` where there is no link.
    pub async fn links(&self, keys: Vec<Key>) -> Result<Vec<Option<Digest>>, StorageError> {
        let Some(folders) = self.objects.folders() else {
            return stream::iter(keys)
                .map(async |key| self.link(&key).await)
                .buffered(PARALLEL_REMOTE)
                .try_collect()
                .await;
        };
        let folders = Arc::clone(folders);
        in_batches(keys, move |key| match read_link(&folders.path(&key))? {
            Some(bytes) => link_in(&key, &bytes).map(Some),
            None => Ok(None),
        })
        .await
    }

    /// The first names in several folders, in the order of the keys.
    pub async fn first_names(
        &self,
        folders: Vec<Key>,
        children: Children,
        limit: usize,
    ) -> Result<Vec<Names>, StorageError> {
        if let Lister::Files(directories) = &self.objects.lister {
            let directories = Arc::clone(directories);
            return in_batches(folders, move |folder| Ok(directories.find(&folder)?.page(children, None, limit))).await;
        }
        stream::iter(folders)
            .map(async |folder| self.names(&folder, children, None, limit).await)
            .buffered(PARALLEL_REMOTE)
            .try_collect()
            .await
    }
}

/// Does the same with each key, on a few threads that may block.
async fn in_batches<T, F>(keys: Vec<Key>, work: F) -> Result<Vec<T>, StorageError>
where
    T: Send + 'static,
    F: Fn(Key) -> Result<T, StorageError> + Clone + Send + 'static,
{
    let batches: Vec<Vec<Key>> = keys.chunks(FILES_AT_ONCE).map(<[Key]>::to_vec).collect();
    let done: Vec<Vec<T>> = stream::iter(batches)
        .map(|batch| {
            let work = work.clone();
            blocking(move || batch.into_iter().map(work).collect::<Result<Vec<T>, StorageError>>())
        })
        .buffered(PARALLEL_FILES)
        .try_collect()
        .await?;
    Ok(done.into_iter().flatten().collect())
}

fn read_link(path: &Path) -> Result<Option<Vec<u8>>, StorageError> {
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(LINK_MAX_BYTES).read_to_end(&mut bytes));
    match read {
        Ok(_) => Ok(Some(bytes)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(StorageError::io(path, error)),
    }
}
