//! Going through everything below a folder, in bounded memory.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::{Stream, StreamExt as _, stream};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _};
use tokio::sync::mpsc;

use super::error::blocking;
use super::folders::{Folders, is_absent};
use super::objects::{Place, object_error};
use super::{Key, StorageError, Store};

/// How many objects are handed over at once, and how many such batches wait: at most some thousand
/// paths are in memory.
const BATCH_OBJECTS: usize = 256;
const BATCHES: usize = 8;

/// No image's name has as many parts: deeper folders are a circle of symbolic links.
const DEPTH_MAX: usize = 300;

/// An object that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it lies.
    pub key: Key,
    /// Size in bytes.
    pub size: u64,
    /// When it was written last, by the store's clock.
    pub modified: SystemTime,
}

/// Objects, in no order. What is written or removed meanwhile may be among them or not; what is there
/// all the while is. It ends with the first error.
pub type Walk = Pin<Box<dyn Stream<Item = Result<Found, StorageError>> + Send>>;

impl Store {
    /// Everything below a folder, save what lies in folders whose paths end with one in `skip`.
    pub fn walk(&self, folder: &Key, skip: &'static [&'static str]) -> Walk {
        let folders = match &self.objects.place {
            Place::Folder(folders) => folders,
            Place::Store(store) => return walk_objects(store, folder.clone(), skip),
        };
        let (send, receive) = mpsc::channel(BATCHES);
        let (folders, folder) = (Arc::clone(folders), folder.clone());
        tokio::task::spawn_blocking(move || {
            let mut walk = FolderWalk { folders: &folders, skip, send, batch: Vec::new() };
            if let Err(Stop::Error(error)) = walk.go(&folder) {
                // Where nobody listens any more nobody needs to know.
                let _ = walk.send.blocking_send(Err(error));
            }
        });
        let batches = stream::unfold(receive, async |mut receive| {
            receive.recv().await.map(|batch: Result<Vec<Found>, StorageError>| (batch, receive))
        });
        Box::pin(batches.flat_map(|batch| {
            stream::iter(match batch {
                Ok(found) => found.into_iter().map(Ok).collect::<Vec<_>>(),
                Err(error) => vec![Err(error)],
            })
        }))
    }

    /// What is known of an object without reading it; `None` where there is none.
    pub async fn stat(&self, key: &Key) -> Result<Option<Found>, StorageError> {
        let folders = match &self.objects.place {
            Place::Folder(folders) => folders,
            Place::Store(store) => {
                return match store.head(&key.path()).await {
                    Ok(meta) => Ok(Some(of_meta(&meta))),
                    Err(object_store::Error::NotFound { .. }) => Ok(None),
                    Err(error) => Err(object_error(key, error)),
                };
            }
        };
        let (path, key) = (folders.path(key), key.clone());
        blocking(move || match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => {
                let modified = metadata.modified().map_err(|error| StorageError::io(&path, error))?;
                Ok(Some(Found { key, size: metadata.len(), modified }))
            }
            Ok(_) => Ok(None),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(StorageError::io(&path, error)),
        })
        .await
    }
}

fn walk_objects(store: &Arc<dyn ObjectStore>, folder: Key, skip: &'static [&'static str]) -> Walk {
    let found = store.list(Some(&folder.path())).map(move |found| match found {
        Ok(meta) => Ok(of_meta(&meta)),
        Err(error) => Err(object_error(&folder, error)),
    });
    let is_skipped = move |found: &Found| skip.iter().any(|folder| found.key.as_str().contains(&format!("/{folder}/")));
    let is_wanted = move |found: &Result<Found, StorageError>| !found.as_ref().is_ok_and(&is_skipped);
    Box::pin(found.filter(move |found| std::future::ready(is_wanted(found))))
}

fn of_meta(meta: &ObjectMeta) -> Found {
    Found { key: Key::found(meta.location.as_ref()), size: meta.size, modified: meta.last_modified.into() }
}

/// Why a walk ends early.
enum Stop {
    Error(StorageError),
    /// Nobody listens any more.
    Unwanted,
}

struct FolderWalk<'f> {
    folders: &'f Folders,
    skip: &'static [&'static str],
    send: mpsc::Sender<Result<Vec<Found>, StorageError>>,
    batch: Vec<Found>,
}

impl FolderWalk<'_> {
    fn go(&mut self, folder: &Key) -> Result<(), Stop> {
        let start = self.folders.path(folder);
        let depth = start.components().count();
        let mut open = vec![start];
        while let Some(folder) = open.pop() {
            if folder.components().count() > depth + DEPTH_MAX {
                let why = "is too deep; does a symbolic link lead back?".to_owned();
                return Err(Stop::Error(StorageError::Root { path: folder.display().to_string(), why }));
            }
            self.folder(&folder, &mut open)?;
        }
        self.hand_over()
    }

    fn folder(&mut self, folder: &Path, open: &mut Vec<PathBuf>) -> Result<(), Stop> {
        let fail = |error| Stop::Error(StorageError::io(folder, error));
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if is_absent(&error) && !is_link(folder) => return Ok(()),
            Err(error) => return Err(fail(error)),
        };
        for entry in entries {
            let entry = entry.map_err(fail)?;
            let path = entry.path();
            // Follows symbolic links, as every other access does.
            let metadata = match std::fs::metadata(&path) {
                Ok(metadata) => metadata,
                // Removed meanwhile. Where a symbolic link leads nowhere, a disk may be missing.
                Err(error) if is_absent(&error) && !is_link(&path) => continue,
                Err(error) => return Err(Stop::Error(StorageError::io(&path, error))),
            };
            if metadata.is_dir() {
                if !self.skip.iter().any(|folder| path.ends_with(folder)) {
                    open.push(path);
                }
                continue;
            }
            let modified = metadata.modified().map_err(fail)?;
            let relative = path.strip_prefix(self.folders.root()).unwrap_or(&path);
            // What is not UTF-8 is not ours, and its key is shown as well as can be.
            let key = Key::found(&relative.to_string_lossy());
            self.batch.push(Found { key, size: metadata.len(), modified });
            if self.batch.len() >= BATCH_OBJECTS {
                self.hand_over()?;
            }
        }
        Ok(())
    }

    fn hand_over(&mut self) -> Result<(), Stop> {
        let batch = std::mem::take(&mut self.batch);
        self.send.blocking_send(Ok(batch)).map_err(|_| Stop::Unwanted)
    }
}

fn is_link(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink())
}
