//! The names in a folder in byte order, a page at a time.
//!
//! Object stores list in the byte order of whole keys, folders with the slash that ends them. So the
//! folder `v1-x` comes before `v1` there (`-` and `.` are less than `/`), although `v1` is the lesser
//! name. Two things set that right. What comes after a name in byte order comes after that name,
//! without a slash, in the store's order too, so a listing can begin there; and what is missing of a
//! part of the store's list can only be a stem of the last name in it: see [`stems`].

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::ObjectStore;
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::Path;

use super::directories::Directories;
use super::objects::{Listing, object_error};
use super::{Key, StorageError, Store};

/// The most that a store gives at once (`max-keys` of S3).
const STORE_PAGE: usize = 1000;

/// How many more are asked for than are wanted: a list may begin with some that came before.
const SPARE: usize = 4;

/// How many stems are looked for at the same time.
const PARALLEL_STEMS: usize = 8;

/// The longest text at which a list can begin. No name is longer, and stores bound their keys.
const OFFSET_MAX_BYTES: usize = 512;

/// Which children of a folder are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Children {
    /// Folders.
    Folders,
    /// Objects.
    Objects,
}

/// Some of the names in a folder.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Names {
    /// The names, in byte order.
    pub names: Vec<String>,
    /// Whether others may follow.
    pub more: bool,
}

/// The proper beginnings of a name that end before a byte below `/`: of `v1.2-x`, `v1` and `v1.2`. They
/// alone come before the name in byte order while their folders come after its folder in a store.
pub fn stems(name: &str) -> impl Iterator<Item = &str> {
    name.bytes().enumerate().filter(|(at, byte)| *at > 0 && *byte < b'/').map(|(at, _)| &name[..at])
}

/// Lists the folders of a storage.
#[derive(Clone)]
pub(super) enum Lister {
    /// On a file system.
    Files(Arc<Directories>),
    /// In a store that begins a list anywhere, as S3 does.
    Pages {
        /// The store.
        store: Arc<dyn PaginatedListStore>,
        /// What stands before every key: empty, or with a slash at its end.
        base: Arc<str>,
    },
    /// In a store that lists folders as a whole.
    Whole(Arc<dyn ObjectStore>),
}

impl fmt::Debug for Lister {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Files(_) => "Files",
            Self::Pages { .. } => "Pages",
            Self::Whole(_) => "Whole",
        })
    }
}

impl Lister {
    /// The names in a folder after `after`, at most `limit`; none where there is no folder.
    pub(super) async fn page(
        &self,
        folder: &Key,
        children: Children,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Names, StorageError> {
        if limit == 0 {
            return Ok(Names { names: Vec::new(), more: true });
        }
        match self {
            Self::Files(directories) => {
                let after = after.map(str::to_owned);
                directories.look(folder, move |found| found.page(children, after.as_deref(), limit)).await
            }
            Self::Pages { store, base } => {
                let place = Place { store: store.as_ref(), folder, prefix: format!("{base}{folder}/") };
                place.page(children, after, limit).await
            }
            Self::Whole(_) => {
                let listing = self.all(folder).await?;
                let mut names = match children {
                    Children::Folders => listing.folders,
                    Children::Objects => listing.objects,
                };
                names.retain(|name| after.is_none_or(|after| name.as_str() > after));
                let more = names.len() > limit;
                names.truncate(limit);
                Ok(Names { names, more })
            }
        }
    }

    /// All names in a folder, for folders that hold few.
    pub(super) async fn all(&self, folder: &Key) -> Result<Listing, StorageError> {
        match self {
            Self::Files(directories) => directories.look(folder, |found| found.all()).await,
            Self::Pages { store, base } => {
                let place = Place { store: store.as_ref(), folder, prefix: format!("{base}{folder}/") };
                place.all().await
            }
            Self::Whole(store) => {
                let found = store.list_with_delimiter(Some(&folder.path())).await;
                let found = found.map_err(|error| object_error(folder, error))?;
                let name = |path: &Path| path.filename().map(str::to_owned);
                let mut listing = Listing {
                    folders: found.common_prefixes.iter().filter_map(name).collect(),
                    objects: found.objects.iter().filter_map(|object| name(&object.location)).collect(),
                };
                listing.folders.sort_unstable();
                listing.objects.sort_unstable();
                Ok(listing)
            }
        }
    }

    /// Whether any object lies in a folder or below it.
    pub(super) async fn has_any(&self, folder: &Key) -> Result<bool, StorageError> {
        match self {
            Self::Files(directories) => directories.has_any(folder).await,
            Self::Pages { store, base } => {
                let place = Place { store: store.as_ref(), folder, prefix: format!("{base}{folder}/") };
                place.has_any_below("").await
            }
            Self::Whole(store) => match store.list(Some(&folder.path())).next().await {
                None => Ok(false),
                Some(Ok(_)) => Ok(true),
                Some(Err(error)) => Err(object_error(folder, error)),
            },
        }
    }
}

/// A folder in a store that begins a list anywhere.
struct Place<'a> {
    store: &'a dyn PaginatedListStore,
    folder: &'a Key,
    /// Its path with a slash at the end.
    prefix: String,
}

impl Place<'_> {
    async fn page(&self, children: Children, after: Option<&str>, limit: usize) -> Result<Names, StorageError> {
        let offset = after.map(|after| format!("{}{}", self.prefix, offset(after)));
        let mut found = BTreeSet::new();
        let mut farthest: Option<String> = None;
        let mut token = None;
        loop {
            let max_keys = (limit - found.len()).saturating_add(SPARE).min(STORE_PAGE);
            let (listing, next) = self.list(offset.clone(), token, Some(max_keys)).await?;
            let names = match children {
                Children::Folders => listing.folders,
                Children::Objects => listing.objects,
            };
            for name in names {
                if farthest.as_ref().is_none_or(|farthest| is_later(&name, farthest)) {
                    farthest = Some(name.clone());
                }
                if after.is_none_or(|after| name.as_str() > after) {
                    found.insert(name);
                }
            }
            token = next;
            if token.is_none() || found.len() >= limit {
                break;
            }
        }
        if let (Children::Folders, Some(farthest), Some(_)) = (children, &farthest, &token) {
            found.extend(self.missing_stems(farthest, after, &found).await?);
        }
        let more = token.is_some() || found.len() > limit;
        Ok(Names { names: found.into_iter().take(limit).collect(), more })
    }

    /// The stems of the last name of a part of the list which belong into that part.
    async fn missing_stems(
        &self,
        farthest: &str,
        after: Option<&str>,
        found: &BTreeSet<String>,
    ) -> Result<Vec<String>, StorageError> {
        let wanted: Vec<String> = stems(farthest)
            .filter(|stem| after.is_none_or(|after| *stem > after) && !found.contains(*stem))
            .map(str::to_owned)
            .collect();
        stream::iter(wanted)
            .map(async |stem| Ok(self.has_any_below(&format!("{stem}/")).await?.then_some(stem)))
            .buffered(PARALLEL_STEMS)
            .try_filter_map(async |stem| Ok(stem))
            .try_collect()
            .await
    }

    async fn all(&self) -> Result<Listing, StorageError> {
        let (mut all, mut token) = self.list(None, None, None).await?;
        while token.is_some() {
            let (listing, next) = self.list(None, token, None).await?;
            all.folders.extend(listing.folders);
            all.objects.extend(listing.objects);
            token = next;
        }
        all.folders.sort_unstable();
        all.objects.sort_unstable();
        Ok(all)
    }

    async fn has_any_below(&self, rest: &str) -> Result<bool, StorageError> {
        let options = PaginatedListOptions { max_keys: Some(1), ..PaginatedListOptions::default() };
        let prefix = format!("{}{rest}", self.prefix);
        let found = self.store.list_paginated(Some(&prefix), options).await;
        Ok(!found.map_err(|error| object_error(self.folder, error))?.result.objects.is_empty())
    }

    async fn list(
        &self,
        offset: Option<String>,
        page_token: Option<String>,
        max_keys: Option<usize>,
    ) -> Result<(Listing, Option<String>), StorageError> {
        let delimiter = Some("/".into());
        let options = PaginatedListOptions { offset, delimiter, max_keys, page_token, ..Default::default() };
        let found = self.store.list_paginated(Some(&self.prefix), options).await;
        let found = found.map_err(|error| object_error(self.folder, error))?;
        // An object may have the folder's own name: consoles of object stores make such.
        let name = |path: &Path| path.as_ref().strip_prefix(&self.prefix).map(str::to_owned);
        let listing = Listing {
            folders: found.result.common_prefixes.iter().filter_map(name).collect(),
            objects: found.result.objects.iter().filter_map(|object| name(&object.location)).collect(),
        };
        Ok((listing, found.page_token))
    }
}

/// Whether a folder comes after another in a store.
fn is_later(name: &str, other: &str) -> bool {
    name.bytes().chain([b'/']).gt(other.bytes().chain([b'/']))
}

/// Where a list begins that has to hold all names after `after`: there, or before, where stores would not
/// take the text, which may be any that a client sends.
fn offset(after: &str) -> String {
    let mut offset: String =
        after.chars().take(OFFSET_MAX_BYTES).take_while(|sign| matches!(sign, ' '..='~')).collect();
    if after[offset.len()..].chars().next().is_some_and(|sign| sign > '~') && offset.len() < OFFSET_MAX_BYTES {
        offset.push('~');
    }
    offset
}

impl Store {
    /// Whether a folder may be listed though no object lies in it or below.
    pub fn has_empty_folders(&self) -> bool {
        matches!(self.objects.lister, Lister::Files(_))
    }

    /// The names in a folder after `after`, at most `limit`, in byte order; none where there is no folder.
    pub async fn names(
        &self,
        folder: &Key,
        children: Children,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Names, StorageError> {
        self.objects.lister.page(folder, children, after, limit).await
    }
}
