//! Uploads that nobody finished.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use futures_util::TryStreamExt as _;
use serde::Deserialize;

use super::Care;
use crate::oci::{ImageName, UploadId};
use crate::storage::{Key, Place, StorageError};

/// What was removed with uploads.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Expired {
    pub(super) uploads: u64,
    pub(super) bytes: u64,
}

/// As much of a session's record as is needed to find its bytes.
#[derive(Deserialize)]
struct Session {
    image: String,
}

impl Care {
    /// Removes the uploads that began before `now - age`, or with `dry_run` only counts them.
    pub(super) async fn expire(&self, now: SystemTime, age: Duration, dry_run: bool) -> Result<Expired, StorageError> {
        let is_old = &|time: SystemTime| now.duration_since(time).is_ok_and(|passed| passed > age);
        let mut expired = Expired::default();
        let mut old = BTreeMap::new();
        for name in self.store.list(&Key::uploads()).await?.folders {
            let Ok(id) = UploadId::parse(&name) else { continue };
            let session = self.store.stat(&Key::upload_session(id)).await?;
            if session.is_some_and(|session| is_old(session.modified)) {
                old.insert(id.to_string(), (id, self.upload_bytes(id).await?));
            }
        }
        if !dry_run {
            self.store.expire_uploads(age).await?;
        }
        for (id, bytes) in old.into_values() {
            if dry_run || !self.store.exists(&Key::upload_session(id)).await? {
                expired.uploads += 1;
                expired.bytes += bytes;
            }
        }
        self.expire_strangers(is_old, dry_run, &mut expired).await?;
        self.expire_parts(is_old, dry_run, &mut expired).await?;
        Ok(expired)
    }

    /// Parts without a session that no pointer names. The sessions are asked for first: a pointer is made
    /// while there is one.
    async fn expire_parts(
        &self,
        is_old: impl Fn(SystemTime) -> bool,
        dry_run: bool,
        expired: &mut Expired,
    ) -> Result<(), StorageError> {
        let mut left: BTreeMap<Key, u64> = BTreeMap::new();
        let mut walk = self.store.walk(&Key::all_parts(), &[]);
        while let Some(found) = walk.try_next().await? {
            let Some(Place::Part(id)) = Place::of(found.key.as_str()) else { continue };
            if is_old(found.modified) && !self.store.exists(&Key::upload_session(id)).await? {
                left.insert(found.key, found.size);
            }
        }
        if left.is_empty() {
            return Ok(());
        }
        let mut walk = self.store.walk(&Key::pointers(), &[]);
        while let Some(found) = walk.try_next().await? {
            let Some(Place::Pointer(digest)) = Place::of(found.key.as_str()) else { continue };
            for part in self.store.pointer(&digest).await?.into_iter().flat_map(|pointer| pointer.parts) {
                left.remove(&part.key);
            }
        }
        for (key, size) in left {
            expired.bytes += size;
            if !dry_run {
                self.store.discard(&key).await?;
            }
        }
        Ok(())
    }

    /// Uploads without a session of ours: those of another program, or of a crash.
    async fn expire_strangers(
        &self,
        is_old: impl Fn(SystemTime) -> bool,
        dry_run: bool,
        expired: &mut Expired,
    ) -> Result<(), StorageError> {
        let mut walk = self.store.walk(&Key::images(""), &["_layers", "_manifests"]);
        let mut last = None;
        while let Some(found) = walk.try_next().await? {
            let Some(Place::Upload(image, id)) = Place::of(found.key.as_str()) else { continue };
            if !is_old(found.modified) || self.store.exists(&Key::upload_session(id)).await? {
                continue;
            }
            expired.bytes += found.size;
            expired.uploads += u64::from(last != Some(id));
            last = Some(id);
            if !dry_run {
                self.store.discard(&found.key).await?;
                let folder = Key::upload_folder(&image, id);
                let mut inner = found.key.parent();
                while let Some(current) = inner.filter(|current| current.as_str().starts_with(folder.as_str())) {
                    self.store.remove_empty(&current).await?;
                    inner = current.parent();
                }
            }
        }
        Ok(())
    }

    /// The bytes of an upload, with its records.
    async fn upload_bytes(&self, id: UploadId) -> Result<u64, StorageError> {
        let mut bytes = 0;
        let mut folders = vec![Key::upload(id), Key::parts(id)];
        let session = match self.store.get(&Key::upload_session(id)).await {
            Err(error) if error.is_not_found() => return Ok(0),
            result => result?,
        };
        let session = serde_json::from_slice::<Session>(&session).ok();
        if let Some(image) = session.and_then(|session| ImageName::parse(&session.image).ok()) {
            folders.push(Key::upload_folder(&image, id));
        }
        for folder in folders {
            let mut walk = self.store.walk(&folder, &[]);
            while let Some(found) = walk.try_next().await? {
                bytes += found.size;
            }
        }
        Ok(bytes)
    }
}
