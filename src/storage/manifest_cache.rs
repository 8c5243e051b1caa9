//! Manifests that were read and checked, by their digest: what is under a digest never changes.
//!
//! Whether an image holds a manifest, and where a tag points, is asked of the storage each time.

use bytes::Bytes;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use crate::oci::{Digest, MediaType};

/// How many bytes of manifests are kept.
const CAPACITY_BYTES: u64 = 8 * 1024 * 1024;
/// What an entry costs beside the manifest's bytes, in bytes.
const ENTRY_BYTES: usize = 512;
/// The largest manifest that is kept, in bytes: one that is larger would push out many.
const MANIFEST_MAX_BYTES: usize = 256 * 1024;

/// Checked manifests, within a bound.
#[derive(Debug)]
pub(super) struct ManifestCache(Cache<Digest, (MediaType, Bytes)>);

impl Default for ManifestCache {
    fn default() -> Self {
        let weigh = |_: &Digest, (_, body): &(MediaType, Bytes)| {
            u32::try_from(body.len().saturating_add(ENTRY_BYTES)).unwrap_or(u32::MAX)
        };
        let cache = Cache::builder().max_capacity(CAPACITY_BYTES).eviction_policy(EvictionPolicy::lru()).weigher(weigh);
        Self(cache.build())
    }
}

impl ManifestCache {
    /// A manifest's media type and bytes.
    pub(super) fn get(&self, digest: &Digest) -> Option<(MediaType, Bytes)> {
        self.0.get(digest)
    }

    /// Keeps a manifest whose digest was checked.
    pub(super) fn keep(&self, digest: &Digest, media_type: &MediaType, body: &Bytes) {
        if body.len() <= MANIFEST_MAX_BYTES {
            self.0.insert(digest.clone(), (media_type.clone(), body.clone()));
        }
    }
}
