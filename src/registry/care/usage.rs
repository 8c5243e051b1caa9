//! Which images take how much room.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

use futures_util::{StreamExt as _, TryStreamExt as _};

use super::{Care, Progress};
use crate::oci::{Digest, ImageName};
use crate::storage::{Key, Place, StorageError};

/// What an image takes.
#[derive(Debug, Default, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ImageUsage {
    /// The image.
    pub image: String,
    /// The bytes of everything that it links to.
    pub bytes: u64,
    /// The part of these that no other image links to: what would be free without it.
    pub own_bytes: u64,
    /// How many manifests it has.
    pub manifests: u64,
    /// How many blobs it links to.
    pub blobs: u64,
}

/// What a storage holds.
#[derive(Debug, Default, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Usage {
    /// Every image, by name.
    pub images: Vec<ImageUsage>,
    /// The bytes of all blobs and manifests, each once.
    pub bytes: u64,
    /// The part of these to which several images link.
    pub shared_bytes: u64,
    /// The part of these to which no image links.
    pub unlinked_bytes: u64,
    /// How many blobs and manifests there are.
    pub blobs: u64,
}

/// What is known of a blob.
struct Known {
    size: u64,
    /// The number of the first image that links to it.
    first: usize,
    is_shared: bool,
}

impl Care {
    /// Counts the bytes of all images. In memory are all digests, and
    /// again for each image that shares them (about 200 bytes each).
    ///
    /// # Errors
    /// That of the storage.
    pub async fn usage(&self, progress: Progress<'_>) -> Result<Usage, StorageError> {
        let mut blobs: HashMap<Digest, Known> = HashMap::new();
        let mut usage = Usage::default();
        let mut walk = self.store.walk(&Key::blobs(), &[]).chain(self.store.walk(&Key::pointers(), &[]));
        while let Some(found) = walk.try_next().await? {
            let (digest, size) = match Place::of(found.key.as_str()) {
                Some(Place::Blob(digest)) => (digest, found.size),
                Some(Place::Pointer(digest)) => {
                    let size = self.store.pointer(&digest).await?.map_or(0, |pointer| pointer.size);
                    (digest, size)
                }
                _ => continue,
            };
            if let Entry::Vacant(vacant) = blobs.entry(digest) {
                usage.bytes += size;
                usage.blobs += 1;
                vacant.insert(Known { size, first: usize::MAX, is_shared: false });
            }
        }
        let mut images: BTreeMap<ImageName, usize> = BTreeMap::new();
        let mut counted: Vec<ImageUsage> = Vec::new();
        // A digest counts once in an image, though it may be a manifest and a layer there.
        let mut twice: HashSet<(usize, Digest)> = HashSet::new();
        let mut walk = self.store.walk(&Key::images(""), &["_uploads", "_manifests/tags"]);
        let mut links = 0;
        while let Some(found) = walk.try_next().await? {
            let (image, digest, is_manifest) = match Place::of(found.key.as_str()) {
                Some(Place::Layer(image, digest)) => (image, digest, false),
                Some(Place::Revision(image, digest)) => (image, digest, true),
                _ => continue,
            };
            links += 1;
            progress("links", links);
            let number = *images.entry(image).or_insert(counted.len());
            if number == counted.len() {
                counted.push(ImageUsage::default());
            }
            let image = &mut counted[number];
            image.manifests += u64::from(is_manifest);
            image.blobs += u64::from(!is_manifest);
            let Some(known) = blobs.get_mut(&digest) else { continue };
            if known.first == number || known.is_shared {
                // Seen before: in this image, perhaps.
                if known.first == number || !twice.insert((number, digest)) {
                    continue;
                }
            } else if known.first == usize::MAX {
                known.first = number;
                image.own_bytes += known.size;
            } else {
                twice.insert((number, digest));
                known.is_shared = true;
                usage.shared_bytes += known.size;
                let (size, first) = (known.size, known.first);
                counted[first].own_bytes -= size;
                counted[number].bytes += size;
                continue;
            }
            image.bytes += known.size;
        }
        usage.unlinked_bytes = blobs.values().filter(|known| known.first == usize::MAX).map(|known| known.size).sum();
        for (name, number) in images {
            usage.images.push(ImageUsage { image: name.to_string(), ..std::mem::take(&mut counted[number]) });
        }
        Ok(usage)
    }
}
