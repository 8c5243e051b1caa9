//! A storage that is open.

use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use object_store::ObjectStore;
use object_store::memory::InMemory;
use object_store::path::Path;

use super::blob::BlobContent;
use super::directories::Directories;
use super::error::{blocking, on_one_thread};
use super::folders::{Folders, is_absent, sweep};
use super::listing::Lister;
use super::manifest_cache::ManifestCache;
use super::marks::Memory;
use super::objects::{Listing, Objects, Place};
use super::remote::{Remote, Sizes};
use super::s3::S3Options;
use super::upload_data::UploadRoom;
use super::{BlobReader, Key, StorageError, at_hand};
use crate::oci::{Digest, ImageName, MediaType};

/// For how long an answer of the storage stands.
const READY_AGE: Duration = Duration::from_secs(1);

/// How many images can have their tags changed at the same time.
const TAGGING_STRIPES: usize = 32;

/// Which storage to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreOptions {
    /// A folder, made where it does not exist.
    Fs {
        /// The folder.
        root: PathBuf,
    },
    /// A bucket of an S3-compatible store.
    S3(S3Options),
    /// Memory, lost at exit.
    Memory,
}

/// A storage: small objects that are read and written whole, blobs that are read in pieces, and
/// uploads. What was written is durable when the call returns.
#[derive(Debug)]
pub struct Store {
    pub(super) objects: Objects,
    pub(super) uploads: UploadRoom,
    pub(super) care: Memory,
    manifests: ManifestCache,
    indexing: tokio::sync::Mutex<()>,
    /// When the storage answered last; held while it is asked.
    readiness: Arc<tokio::sync::Mutex<Option<Instant>>>,
    tagging: [tokio::sync::Mutex<()>; TAGGING_STRIPES],
}

impl Store {
    /// Opens a storage.
    ///
    /// # Errors
    /// Says what is wrong with the folder: it is none, cannot be made, or cannot be written; or with the bucket: it
    /// cannot be reached, the keys do not fit, or it ignores conditions.
    pub async fn open(options: StoreOptions) -> Result<Self, StorageError> {
        match options {
            StoreOptions::Memory => Ok(Self::over(Arc::default(), Sizes::default())),
            StoreOptions::S3(options) => {
                let (objects, remote) = options.open().await?;
                Ok(Self::of_objects(objects, remote))
            }
            StoreOptions::Fs { root } => {
                let folders = blocking(move || {
                    let folders = Folders::open(&root)?;
                    sweep_uploads(&folders);
                    Ok(Arc::new(folders))
                })
                .await?;
                let lister = Lister::Files(Arc::new(Directories::new(Arc::clone(&folders))));
                Ok(Self {
                    objects: Objects { place: Place::Folder(Arc::clone(&folders)), lister },
                    uploads: UploadRoom::Files(folders),
                    care: Memory::default(),
                    manifests: ManifestCache::default(),
                    indexing: tokio::sync::Mutex::default(),
                    readiness: Arc::default(),
                    tagging: Default::default(),
                })
            }
        }
    }

    /// A storage in memory, which is a store of objects like any other.
    pub(super) fn over(memory: Arc<InMemory>, sizes: Sizes) -> Self {
        let store = || -> Arc<dyn ObjectStore> { Arc::<InMemory>::clone(&memory) };
        let objects = Objects { place: Place::Store(store()), lister: Lister::Whole(store()) };
        let mut remote = Remote::new(store(), store(), Arc::<InMemory>::clone(&memory), Path::default());
        remote.sizes = sizes;
        Self::of_objects(objects, Arc::new(remote))
    }

    /// A storage over a store that others have open, too, with pieces of such a size, and so many in an object.
    #[cfg(test)]
    pub(crate) fn shared(memory: Arc<InMemory>, piece: usize, pieces: usize) -> Self {
        Self::over(memory, Sizes { piece, pieces })
    }

    fn of_objects(objects: Objects, remote: Arc<Remote>) -> Self {
        Self {
            objects,
            uploads: UploadRoom::Objects(remote),
            care: Memory::default(),
            manifests: ManifestCache::default(),
            indexing: tokio::sync::Mutex::default(),
            readiness: Arc::default(),
            tagging: Default::default(),
        }
    }

    /// Whether the storage answers. Asked again within a second, it repeats itself; and it is asked once
    /// at a time, also where those who ask give up: a folder that hangs holds one thread.
    pub async fn ready(&self) -> Result<(), StorageError> {
        let mut answered = Arc::clone(&self.readiness).lock_owned().await;
        if answered.is_some_and(|at| at.elapsed() < READY_AGE) {
            return Ok(());
        }
        let Some(folders) = self.objects.folders() else {
            // That nothing lies there is an answer. (Of a single object, a store says the same whether or not there
            // is a bucket.)
            self.objects.has_any(&Key::uploads()).await?;
            *answered = Some(Instant::now());
            return Ok(());
        };
        let folders = Arc::clone(folders);
        blocking(move || {
            let root = folders.root();
            std::fs::read_dir(root).map_err(|error| StorageError::io(root, error))?;
            *answered = Some(Instant::now());
            Ok(())
        })
        .await
    }

    /// Runs work on this storage that goes on to its end when whoever waits for it goes away. On a file system it
    /// stays on one thread, which waits for the disk as often as need be.
    ///
    /// # Errors
    /// [`StorageError::Stopped`] where the program ends.
    pub async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, StorageError> {
        match self.uploads {
            UploadRoom::Files(_) => on_one_thread(work).await,
            UploadRoom::Objects(_) => {
                tokio::spawn(work).await.map_err(|error| StorageError::Stopped(error.to_string()))
            }
        }
    }

    /// Waits until nobody builds an index, and keeps others from it.
    pub async fn indexing(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.indexing.lock().await
    }

    /// Waits until nobody changes a tag of an image, and keeps others in this process from it.
    pub async fn tagging(&self, image: &ImageName) -> tokio::sync::MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        image.as_str().hash(&mut hasher);
        // The remainder is below the number of stripes, and so fits.
        self.tagging[(hasher.finish() % TAGGING_STRIPES as u64) as usize].lock().await
    }

    /// Reads an object whole.
    pub async fn get(&self, key: &Key) -> Result<Bytes, StorageError> {
        self.objects.get(key).await
    }

    /// Writes an object, whether or not there is one.
    pub async fn put(&self, key: &Key, bytes: Bytes) -> Result<(), StorageError> {
        self.objects.put(key, bytes).await
    }

    /// Writes objects, whether or not there are any. Whatever a power cut or a killed process leaves of it, with an
    /// object of one group are all of those before.
    pub async fn put_in_order(&self, groups: Vec<Vec<(Key, Bytes)>>) -> Result<(), StorageError> {
        self.objects.put_in_order(groups).await
    }

    /// Whether there is an object.
    pub async fn exists(&self, key: &Key) -> Result<bool, StorageError> {
        self.objects.exists(key).await
    }

    /// Removes an object; `false` where there is none.
    pub async fn remove(&self, key: &Key) -> Result<bool, StorageError> {
        self.objects.remove(key).await
    }

    /// Whether it is a store of objects, which other processes may change at the same time.
    pub fn is_remote(&self) -> bool {
        self.objects.folders().is_none()
    }

    /// Removes a folder if nothing lies in it.
    pub async fn remove_empty(&self, key: &Key) -> Result<(), StorageError> {
        self.objects.remove_empty(key).await
    }

    /// The names in a folder; none where there is no folder.
    pub async fn list(&self, key: &Key) -> Result<Listing, StorageError> {
        self.objects.list(key).await
    }

    /// Whether any object lies in a folder or below it.
    pub async fn has_any(&self, key: &Key) -> Result<bool, StorageError> {
        self.objects.has_any(key).await
    }

    /// Reads the digest that a link holds; `None` where there is no link.
    pub async fn link(&self, key: &Key) -> Result<Option<Digest>, StorageError> {
        self.objects.link(key).await
    }

    /// Sets a link, wherever it points.
    pub async fn set_link(&self, key: &Key, digest: &Digest) -> Result<(), StorageError> {
        self.objects.put(key, digest.to_string().into()).await
    }

    /// Sets links to the same digest, wherever they point.
    pub async fn set_links(&self, keys: Vec<Key>, digest: &Digest) -> Result<(), StorageError> {
        let links = keys.into_iter().map(|key| (key, digest.to_string().into())).collect();
        self.objects.put_in_order(vec![links]).await
    }

    /// Sets a link that does not exist, and then also others to the same digest, wherever they point; `false` where it
    /// does. Of several callers one wins.
    pub async fn create_link_with(&self, key: Key, others: Vec<Key>, digest: &Digest) -> Result<bool, StorageError> {
        let link = |key| (key, Bytes::from(digest.to_string()));
        self.objects.create_with(link(key), others.into_iter().map(link).collect()).await
    }

    /// Sets a link that does not exist; `false` where it does. Of several callers one wins.
    pub async fn create_link(&self, key: &Key, digest: &Digest) -> Result<bool, StorageError> {
        self.objects.create(key, digest.to_string().into()).await
    }

    /// Makes a blob part of an image.
    pub async fn link_blob(&self, image: &ImageName, digest: &Digest) -> Result<(), StorageError> {
        self.set_link(&Key::layer(image, digest), digest).await
    }

    /// A manifest that was read and checked before: its media type and bytes. Says nothing on whether
    /// anybody may have it, or whether it is still there.
    pub fn known_manifest(&self, digest: &Digest) -> Option<(MediaType, Bytes)> {
        self.manifests.get(digest)
    }

    /// Keeps a manifest whose digest was checked in memory, within a bound.
    pub fn keep_manifest(&self, digest: &Digest, media_type: &MediaType, body: &Bytes) {
        self.manifests.keep(digest, media_type, body);
    }

    /// The size of a blob's bytes, whoever may see them; `None` where there are none.
    pub async fn blob_size(&self, digest: &Digest) -> Result<Option<u64>, StorageError> {
        match self.uploads {
            UploadRoom::Files(_) => self.objects.size(&Key::blob(digest)).await,
            UploadRoom::Objects(_) => Ok(self.locate(digest).await?.map(|location| location.size)),
        }
    }

    /// Opens a blob; `None` where there is none.
    pub async fn open_blob(&self, digest: &Digest) -> Result<Option<BlobReader>, StorageError> {
        let folders = match &self.uploads {
            UploadRoom::Files(folders) => folders,
            UploadRoom::Objects(remote) => {
                let location = self.locate_recently(remote, digest).await?;
                return Ok(location.map(|location| BlobReader {
                    size: location.size,
                    content: BlobContent::Objects { remote: Arc::clone(remote), location },
                }));
            }
        };
        let path = folders.path(&Key::blob(digest));
        if let Some(found) = at_hand::file(&path) {
            return found.map_or(Ok(None), |file| blob_in(file, &path));
        }
        blocking(move || {
            let file = match File::open(&path) {
                Err(error) if is_absent(&error) => return Ok(None),
                result => result.map_err(|error| StorageError::io(&path, error))?,
            };
            blob_in(file, &path)
        })
        .await
    }
}

/// A blob in a file that is open; `None` where it is a folder.
fn blob_in(file: File, path: &std::path::Path) -> Result<Option<BlobReader>, StorageError> {
    let metadata = file.metadata().map_err(|error| StorageError::io(path, error))?;
    if !metadata.is_file() {
        return Ok(None);
    }
    let path = path.display().to_string().into();
    Ok(Some(BlobReader { size: metadata.len(), content: BlobContent::File { file: Arc::new(file), path } }))
}

/// Removes what a killed process left half written where uploads are recorded: the place where it is
/// most likely. Elsewhere it is removed when its folder is.
fn sweep_uploads(folders: &Folders) {
    let uploads = folders.path(&Key::uploads());
    let Ok(entries) = std::fs::read_dir(uploads) else { return };
    for entry in entries.flatten() {
        sweep(&entry.path());
    }
}
