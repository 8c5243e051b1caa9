//! Which manifests may refer to a subject: those that have an entry, and those that a tag lists.

use std::collections::{BTreeSet, VecDeque};

use super::manifests;
use crate::oci::{Algorithm, Digest, ImageName, Tag};
use crate::storage::{Children, Key, StorageError, Store};

/// How many names of entries are listed together.
const NAMES_AT_ONCE: usize = 1000;

/// How many candidates are given out together.
const ENTRIES_AT_ONCE: usize = 64;

/// Goes through the manifests that may refer to a subject, in the order of their digests.
pub(super) struct Candidates<'a> {
    store: &'a Store,
    folder: Key,
    after: Option<String>,
    is_done: bool,
    /// Those that a tag lists, as names of entries.
    in_tag: BTreeSet<String>,
    listed: VecDeque<Digest>,
}

impl<'a> Candidates<'a> {
    /// Those after `last`.
    pub(super) async fn after(
        store: &'a Store,
        image: &ImageName,
        subject: &Digest,
        last: Option<&Digest>,
    ) -> Result<Self, StorageError> {
        let after = last.map(Key::referrer_name);
        let mut in_tag: BTreeSet<String> =
            in_fallback_tag(store, image, subject).await?.iter().map(Key::referrer_name).collect();
        in_tag.retain(|name| after.as_ref().is_none_or(|after| name > after));
        let folder = Key::referrers(image, subject);
        Ok(Self { store, folder, after, is_done: false, in_tag, listed: VecDeque::new() })
    }

    /// The next ones; none after the last.
    pub(super) async fn next(&mut self) -> Result<Vec<Digest>, StorageError> {
        while self.listed.is_empty() && !self.is_done {
            self.list().await?;
        }
        let count = self.listed.len().min(ENTRIES_AT_ONCE);
        Ok(self.listed.drain(..count).collect())
    }

    async fn list(&mut self) -> Result<(), StorageError> {
        let after = self.after.as_deref();
        let entered = self.store.names(&self.folder, Children::Objects, after, NAMES_AT_ONCE).await?;
        let last = entered.names.last().filter(|_| entered.more).cloned();
        let mut names: BTreeSet<String> = entered.names.into_iter().collect();
        while let Some(name) = self.in_tag.pop_first() {
            if last.as_ref().is_some_and(|last| name > *last) {
                self.in_tag.insert(name);
                break;
            }
            names.insert(name);
        }
        self.is_done = last.is_none();
        self.after = last;
        let digest_of = |name: &String| {
            let (algorithm, hex) = name.split_once('-')?;
            Digest::from_hex(Algorithm::parse(algorithm)?, hex).ok()
        };
        self.listed = names.iter().filter_map(digest_of).collect();
        Ok(())
    }
}

/// What clients listed in a tag while registries had no referrers API (OCI distribution specification
/// 1.1, "Referrers Tag Schema").
async fn in_fallback_tag(store: &Store, image: &ImageName, subject: &Digest) -> Result<BTreeSet<Digest>, StorageError> {
    let hex = subject.hex();
    let Ok(tag) = Tag::parse(&format!("{}-{}", subject.algorithm().as_str(), &hex[..hex.len().min(64)])) else {
        return Ok(BTreeSet::new());
    };
    let Some(index) = store.link(&Key::tag_current(image, &tag)).await? else { return Ok(BTreeSet::new()) };
    let index = manifests::understand(store, image, &index).await?;
    Ok(index.map(|(index, _)| index.child_digests()).unwrap_or_default())
}
