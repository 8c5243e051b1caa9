//! A walk through what may be images.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::oci::ImageName;
use crate::policy::StorageKey;
use crate::storage::{Children, Key, Names, StorageError, Store, stems};

/// How many names of a folder are looked at together, at most.
const WIDTH: usize = 32;

/// How many names of a folder are looked at to see what it is. An image's own folders are three.
const FIRST_NAMES: usize = 16;

/// Says of a path that what lies there, and below, is no part of the walk that comes upon it.
pub(super) type IsForeign<'a> = &'a (dyn Fn(&str) -> bool + Send + Sync);

/// Goes through what may be images, in byte order of their names, across storages. Never has more than a
/// few names of each folder on the way, however many lie in it.
///
/// The order is not that of a walk through folders: `a-b` comes before `a/b`. So a folder's content is
/// waiting under its name with a slash until everything before that was given out.
pub(super) struct ImageWalk {
    /// What comes next, by its place in the order and the number of its storage.
    waiting: BTreeMap<(String, usize), Step>,
    storages: Vec<(StorageKey, Arc<Store>)>,
    last: Option<String>,
    /// Which folder a name has to hold.
    holding: &'static str,
    width: usize,
    listed: usize,
}

/// What a walk comes upon: a name that may be an image.
pub(super) struct Candidate {
    pub(super) image: ImageName,
    pub(super) storage: StorageKey,
    pub(super) store: Arc<Store>,
    /// Whether something certainly lies in its folder `holding`.
    pub(super) is_certain: bool,
}

/// What waits in a walk.
enum Step {
    /// A name that may be an image. Its place is the name.
    Name { is_certain: bool },
    /// A folder, with its first children where they are known. Its place is its path with a slash.
    Folder(Option<Names>),
    /// The children of a folder after one of them. Its place is the first that can come after that child.
    More { folder: String, after: String },
}

impl ImageWalk {
    /// Goes through the names after `last` that have a folder `holding`; about so many are wanted.
    pub(super) fn after(last: Option<&str>, holding: &'static str, wanted: usize) -> Self {
        Self {
            waiting: BTreeMap::new(),
            storages: Vec::new(),
            last: last.map(str::to_owned),
            holding,
            width: wanted.clamp(1, WIDTH),
            listed: 0,
        }
    }

    /// Adds the image of a prefix and all images below, in a storage.
    pub(super) fn enter(&mut self, prefix: &str, key: StorageKey, store: Arc<Store>) {
        let number = self.storages.iter().position(|(known, _)| *known == key).unwrap_or_else(|| {
            self.storages.push((key, store));
            self.storages.len() - 1
        });
        if prefix.is_empty() {
            self.waiting.insert((String::new(), number), Step::Folder(None));
            return;
        }
        let folder = format!("{prefix}/");
        let (is_over, may_hold_more) = match &self.last {
            None => (false, true),
            Some(last) => (prefix <= last.as_str(), folder > *last || last.starts_with(&folder)),
        };
        if !is_over {
            self.waiting.insert((prefix.to_owned(), number), Step::Name { is_certain: false });
        }
        if may_hold_more {
            self.waiting.insert((folder, number), Step::Folder(None));
        }
    }

    /// How many folders were listed so far.
    pub(super) fn listed(&self) -> usize {
        self.listed
    }

    /// The next name that may be an image. What `is_foreign` is left out, unless it was entered itself.
    pub(super) async fn next(&mut self, is_foreign: IsForeign<'_>) -> Result<Option<Candidate>, StorageError> {
        while let Some(((place, number), step)) = self.waiting.pop_first() {
            match step {
                Step::Name { is_certain } => {
                    if let Ok(image) = ImageName::parse(&place) {
                        let (storage, store) = self.storages[number].clone();
                        return Ok(Some(Candidate { image, storage, store, is_certain }));
                    }
                }
                Step::Folder(first) => {
                    let folder = place.strip_suffix('/').unwrap_or_default();
                    self.open(folder, number, first, is_foreign).await?;
                }
                Step::More { folder, after } => self.list(&folder, number, Some(&after), is_foreign).await?,
            }
        }
        Ok(None)
    }

    async fn open(
        &mut self,
        folder: &str,
        number: usize,
        first: Option<Names>,
        is_foreign: IsForeign<'_>,
    ) -> Result<(), StorageError> {
        if let Some(first) = first {
            return self.take(folder, number, first, is_foreign).await;
        }
        let rest = self.last.as_deref().and_then(|last| match folder {
            "" => Some(last),
            _ => last.strip_prefix(folder)?.strip_prefix('/'),
        });
        let Some(rest) = rest.filter(|rest| !rest.is_empty()).map(str::to_owned) else {
            return self.list(folder, number, None, is_foreign).await;
        };
        // The list begins in this folder. Of the children before that, those may hold names after `last`
        // whose path it continues, and those whose path with a slash comes after it.
        let (child, after) = match rest.split_once('/') {
            Some((child, _)) => (child, format!("{child}/")),
            None => (rest.as_str(), rest.clone()),
        };
        for begun in stems(child).chain([child]) {
            let path = below(folder, begun);
            if ImageName::parse(&path).is_ok() && !is_foreign(&path) {
                self.waiting.entry((format!("{path}/"), number)).or_insert(Step::Folder(None));
            }
        }
        self.list(folder, number, Some(&after), is_foreign).await
    }

    async fn list(
        &mut self,
        folder: &str,
        number: usize,
        after: Option<&str>,
        is_foreign: IsForeign<'_>,
    ) -> Result<(), StorageError> {
        self.listed += 1;
        let store = Arc::clone(&self.storages[number].1);
        let names = store.names(&Key::images(folder), Children::Folders, after, self.width).await?;
        self.take(folder, number, names, is_foreign).await
    }

    /// Takes up some children of a folder, and looks what they are: all at the same time, since in a
    /// store far away each look takes its time.
    async fn take(
        &mut self,
        folder: &str,
        number: usize,
        names: Names,
        is_foreign: IsForeign<'_>,
    ) -> Result<(), StorageError> {
        if let Some(after) = names.names.last().filter(|_| names.more).cloned() {
            let place = format!("{}\0", below(folder, &after));
            self.waiting.insert((place, number), Step::More { folder: folder.to_owned(), after });
        }
        // Also keeps out `_manifests` and its like, which no name can be.
        let is_wanted = |path: &String| ImageName::parse(path).is_ok() && !is_foreign(path);
        let paths: Vec<String> = names.names.iter().map(|name| below(folder, name)).filter(is_wanted).collect();
        self.listed += paths.len();
        let folders = paths.iter().map(|path| Key::images(path)).collect();
        let store = Arc::clone(&self.storages[number].1);
        let looked = store.first_names(folders, Children::Folders, FIRST_NAMES).await?;
        for (path, first) in paths.into_iter().zip(looked) {
            let is_beyond = first.more && first.names.last().is_none_or(|name| name.as_str() < self.holding);
            let holds = first.names.iter().any(|name| name == self.holding);
            if is_beyond || holds {
                let is_certain = holds && !store.has_empty_folders();
                self.waiting.insert((path.clone(), number), Step::Name { is_certain });
            }
            if first.more || first.names.iter().any(|name| !name.starts_with('_')) {
                self.waiting.insert((format!("{path}/"), number), Step::Folder(Some(first)));
            }
        }
        Ok(())
    }
}

fn below(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}
