//! Every path in a storage: the only place that knows where something lies.
//!
//! ```text
//! docker/registry/v2/                          the layout of the reference implementation
//! ├── blobs/<alg>/<first two>/<hex>/data           the bytes of a blob or manifest
//! └── repositories/<name>/
//!     ├── _layers/<alg>/<hex>/link                 this image may serve the blob
//!     ├── _manifests/
//!     │   ├── revisions/<alg>/<hex>/link           the manifest exists in this image
//!     │   └── tags/<tag>/
//!     │       ├── current/link                     what the tag points to
//!     │       └── index/<alg>/<hex>/link           what it pointed to
//!     └── _uploads/<uuid>/
//!         ├── data                                 the bytes of a running upload
//!         └── startedat                            when it began, for the reference implementation
//! portolan/v1/                                 our own, which the reference implementation ignores
//! ├── blobs/<alg>/<first two>/<hex>                where the bytes of a blob are that are not in the layout above
//! ├── parts/<uuid>/<start>-<random>                bytes that one request of an upload brought (object stores)
//! ├── probe-<random>                               written and removed when a storage is opened (object stores)
//! ├── repositories/<name>/_referrers/
//! │   ├── complete                                 every referrer of this image has an entry
//! │   └── subjects/<alg>/<hex>/<alg>-<hex>         a manifest (the last) that refers to a subject
//! ├── uploads/<uuid>/
//! │   ├── session                                  image, owner and start of an upload
//! │   ├── <start>                                  a chunk that was acknowledged: where it ends. On object stores
//! │   │                                            also how the upload ended, in the place of the next chunk
//! │   └── multipart-<random>                       a multipart upload that runs (object stores)
//! ├── arriving/<uuid>#1                            a blob that is being copied from elsewhere (file systems)
//! ├── quarantine/<alg>-<hex>-<uuid>                bytes that were found under a digest that is not theirs
//! └── gc/
//!     ├── condemned/<alg>-<first two>              which blobs are garbage, and since when
//!     ├── doomed/<uuid>                            blobs that a collector is deleting at this moment
//!     ├── used/<alg>-<first two>/<uuid>/<alg>-<hex>  this blob was used; the store's time says when
//!     └── clock/<uuid>                             written and removed again, to learn the store's time
//! ```
//!
//! A link is a file that holds a digest as text. No component of an image name begins with `_`, so
//! names and what lies in an image cannot meet.

use std::fmt;

use object_store::path::Path;

use crate::oci::{Algorithm, Digest, ImageName, Tag, UploadId};

const REFERENCE: &str = "docker/registry/v2";
const OWN: &str = "portolan/v1";

/// The path of an object or a folder, relative to the root of a storage.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(String);

impl Key {
    /// The bytes of a blob or manifest.
    pub fn blob(digest: &Digest) -> Self {
        let hex = digest.hex();
        let algorithm = digest.algorithm().as_str();
        Self([REFERENCE, "/blobs/", algorithm, "/", &hex[..2], "/", hex, "/data"].concat())
    }

    /// The folder below which a path of images lies; `""` for that of all images.
    pub fn images(below: &str) -> Self {
        if below.is_empty() {
            Self(format!("{REFERENCE}/repositories"))
        } else {
            Self(format!("{REFERENCE}/repositories/{below}"))
        }
    }

    /// The name of an image's folder of what it may serve.
    pub const LAYERS: &str = "_layers";

    /// The name of an image's folder of manifests and tags.
    pub const MANIFESTS: &str = "_manifests";

    fn image(image: &ImageName, rest: &str) -> Self {
        Self([REFERENCE, "/repositories/", image.as_str(), "/", rest].concat())
    }

    /// The link by which an image may serve a blob.
    pub fn layer(image: &ImageName, digest: &Digest) -> Self {
        Self::image(image, &["_layers/", &segments(digest), "/link"].concat())
    }

    /// The link by which a manifest exists in an image.
    pub fn revision(image: &ImageName, digest: &Digest) -> Self {
        Self::image(image, &["_manifests/revisions/", &segments(digest), "/link"].concat())
    }

    /// The folder of an image's manifests.
    pub fn all_revisions(image: &ImageName) -> Self {
        Self::image(image, "_manifests/revisions")
    }

    /// The folder of an image's manifests of one algorithm; its entries are their hexadecimal digits.
    pub fn revisions(image: &ImageName, algorithm: Algorithm) -> Self {
        Self::image(image, &format!("_manifests/revisions/{}", algorithm.as_str()))
    }

    /// The folder of an image's tags.
    pub fn tags(image: &ImageName) -> Self {
        Self::image(image, "_manifests/tags")
    }

    /// The folder of a tag.
    pub fn tag(image: &ImageName, tag: &Tag) -> Self {
        Self::image(image, &format!("_manifests/tags/{tag}"))
    }

    /// The link by which a tag exists.
    pub fn tag_current(image: &ImageName, tag: &Tag) -> Self {
        Self::image(image, &["_manifests/tags/", tag.as_str(), "/current/link"].concat())
    }

    /// A link of a tag's history.
    pub fn tag_history(image: &ImageName, tag: &Tag, digest: &Digest) -> Self {
        Self::image(image, &format!("_manifests/tags/{tag}/index/{}/link", segments(digest)))
    }

    /// The folder of a tag's history of one algorithm; its entries are hexadecimal digits.
    pub fn tag_histories(image: &ImageName, tag: &Tag, algorithm: Algorithm) -> Self {
        Self::image(image, &format!("_manifests/tags/{tag}/index/{}", algorithm.as_str()))
    }

    /// The bytes of a running upload.
    pub fn upload_data(image: &ImageName, id: UploadId) -> Self {
        Self::image(image, &format!("_uploads/{id}/data"))
    }

    /// When a running upload began, for the reference implementation, which expires uploads by it.
    pub fn upload_started_at(image: &ImageName, id: UploadId) -> Self {
        Self::image(image, &format!("_uploads/{id}/startedat"))
    }

    /// The folder of all upload sessions.
    pub fn uploads() -> Self {
        Self(format!("{OWN}/uploads"))
    }

    /// The folder of an upload session.
    pub fn upload(id: UploadId) -> Self {
        Self(format!("{OWN}/uploads/{id}"))
    }

    /// Image, owner and start of an upload session.
    pub fn upload_session(id: UploadId) -> Self {
        Self(format!("{OWN}/uploads/{id}/{UPLOAD_SESSION}"))
    }

    /// The record of the chunk of an upload that begins at `start`. The digits are padded, so that
    /// the order of the names is that of the numbers.
    pub fn upload_chunk(id: UploadId, start: u64) -> Self {
        Self(format!("{OWN}/uploads/{id}/{start:020}"))
    }

    /// The record of a multipart upload that belongs to an upload session.
    pub(super) fn upload_multipart(id: UploadId, random: &str) -> Self {
        Self(format!("{OWN}/uploads/{id}/{UPLOAD_MULTIPART}{random}"))
    }

    /// The folder of the bytes that the requests of an upload brought.
    pub fn parts(id: UploadId) -> Self {
        Self(format!("{OWN}/parts/{id}"))
    }

    /// What lies under a name in a folder.
    pub(super) fn join(&self, name: &str) -> Self {
        Self(format!("{self}/{name}"))
    }

    /// The bytes that one request of an upload brought, from `start` on.
    pub(super) fn part(id: UploadId, start: u64, random: &str) -> Self {
        Self(format!("{OWN}/parts/{id}/{start:020}-{random}"))
    }

    /// Reads the key of a part, and no other; `None` for everything else.
    pub fn parse_part(text: &str) -> Option<Self> {
        let (id, name) = text.strip_prefix(OWN)?.strip_prefix("/parts/")?.split_once('/')?;
        let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        (UploadId::parse(id).is_ok() && is_name).then(|| Self(text.to_owned()))
    }

    /// Where the bytes of a blob are that are not at [`Key::blob`].
    pub fn pointer(digest: &Digest) -> Self {
        let hex = digest.hex();
        Self(format!("{OWN}/blobs/{}/{}/{hex}", digest.algorithm().as_str(), &hex[..2]))
    }

    /// What is written to find out what a store can do.
    pub(super) fn probe(random: &str) -> Self {
        Self(format!("{OWN}/probe-{random}"))
    }

    /// Says that every referrer of an image has an entry.
    pub fn referrers_complete(image: &ImageName) -> Self {
        Self(format!("{OWN}/repositories/{image}/_referrers/complete"))
    }

    /// The folder of a subject's referrers; its entries are `<alg>-<hex>`.
    pub fn referrers(image: &ImageName, subject: &Digest) -> Self {
        Self(format!("{OWN}/repositories/{image}/_referrers/subjects/{}", segments(subject)))
    }

    /// The entry of a referrer of a subject.
    pub fn referrer(image: &ImageName, subject: &Digest, referrer: &Digest) -> Self {
        Self(format!("{}/{}", Self::referrers(image, subject), Self::referrer_name(referrer)))
    }

    /// The name of a referrer's entry. The order of the names is that of the digests.
    pub fn referrer_name(referrer: &Digest) -> String {
        format!("{}-{}", referrer.algorithm().as_str(), referrer.hex())
    }

    /// Everything that has the layout of the reference implementation.
    pub fn reference() -> Self {
        Self(REFERENCE.to_owned())
    }

    /// Everything of our own.
    pub fn own() -> Self {
        Self(OWN.to_owned())
    }

    /// The folder of what we have of our own for the images.
    pub fn own_images() -> Self {
        Self(format!("{OWN}/repositories"))
    }

    /// The bytes of a blob that is being copied from elsewhere, where a file system keeps them meanwhile.
    pub(super) fn arriving(id: UploadId) -> Self {
        Self(format!("{OWN}/arriving/{id}#1"))
    }

    /// The folder of all blobs.
    pub fn blobs() -> Self {
        Self(format!("{REFERENCE}/blobs"))
    }

    /// The folder of the blobs of a shard.
    pub fn shard(shard: Shard) -> Self {
        Self(format!("{REFERENCE}/blobs/{}/{:02x}", shard.algorithm.as_str(), shard.first))
    }

    /// The folder of the pointers to the blobs of a shard.
    pub fn pointer_shard(shard: Shard) -> Self {
        Self(format!("{OWN}/blobs/{}/{:02x}", shard.algorithm.as_str(), shard.first))
    }

    /// The folder of all pointers.
    pub fn pointers() -> Self {
        Self(format!("{OWN}/blobs"))
    }

    /// The folder of the parts of all uploads.
    pub fn all_parts() -> Self {
        Self(format!("{OWN}/parts"))
    }

    /// The folder of an upload's bytes in an image.
    pub fn upload_folder(image: &ImageName, id: UploadId) -> Self {
        Self::image(image, &format!("_uploads/{id}"))
    }

    /// Where bytes are put aside that were found under a digest that is not theirs.
    pub fn quarantine(digest: &Digest, id: UploadId) -> Self {
        Self(format!("{OWN}/quarantine/{}-{}-{id}", digest.algorithm().as_str(), digest.hex()))
    }

    /// Which blobs of a shard are garbage, and since when.
    pub fn condemned(shard: Shard) -> Self {
        Self(format!("{OWN}/gc/condemned/{}-{:02x}", shard.algorithm.as_str(), shard.first))
    }

    /// The folder of the marks of what is being deleted.
    pub fn doomed() -> Self {
        Self(format!("{OWN}/gc/doomed"))
    }

    /// A mark of what is being deleted.
    pub fn doomed_mark(id: &str) -> Self {
        Self(format!("{OWN}/gc/doomed/{id}"))
    }

    /// The folder of the notes of what was used.
    pub fn used() -> Self {
        Self(format!("{OWN}/gc/used"))
    }

    /// The folder of the notes of a blob, and of others of its shard.
    pub(super) fn used_of(digest: &Digest) -> Self {
        Self(format!("{OWN}/gc/used/{}-{}", digest.algorithm().as_str(), &digest.hex()[..2]))
    }

    /// A note that a blob was used, below a name that only one process writes to, for a while.
    pub fn used_note(window: UploadId, digest: &Digest) -> Self {
        Self(format!("{}/{window}/{}", Self::used_of(digest), Self::referrer_name(digest)))
    }

    /// Written and removed again, to learn the store's time.
    pub fn clock(id: UploadId) -> Self {
        Self(format!("{OWN}/gc/clock/{id}"))
    }

    /// A path that was found in a storage.
    pub(super) fn found(path: &str) -> Self {
        Self(path.to_owned())
    }

    /// The path as the object store has it.
    pub(super) fn path(&self) -> Path {
        Path::from(self.0.as_str())
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder that holds it.
    pub fn parent(&self) -> Option<Self> {
        self.0.rsplit_once('/').map(|(parent, _)| Self(parent.to_owned()))
    }
}

/// A part of all blobs: those of an algorithm whose digests begin with the same byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The first byte.
    pub first: u8,
}

impl Shard {
    /// All shards.
    pub fn all() -> impl Iterator<Item = Self> {
        Algorithm::ALL.into_iter().flat_map(|algorithm| (0..=u8::MAX).map(move |first| Self { algorithm, first }))
    }
}

/// The name of an upload's session record in its folder.
pub(super) const UPLOAD_SESSION: &str = "session";

/// What the names of records of multipart uploads begin with.
pub(super) const UPLOAD_MULTIPART: &str = "multipart-";

fn segments(digest: &Digest) -> String {
    [digest.algorithm().as_str(), "/", digest.hex()].concat()
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_reference_implementation() {
        let image = ImageName::parse("team/app").unwrap();
        let tag = Tag::parse("v1").unwrap();
        let hex = "ab".repeat(32);
        let digest = Digest::parse(&format!("sha256:{hex}")).unwrap();
        let in_image = |rest: &str| format!("docker/registry/v2/repositories/team/app/{rest}");
        assert_eq!(Key::blob(&digest).as_str(), format!("docker/registry/v2/blobs/sha256/ab/{hex}/data"));
        assert_eq!(Key::layer(&image, &digest).as_str(), in_image(&format!("_layers/sha256/{hex}/link")));
        assert_eq!(
            Key::revision(&image, &digest).as_str(),
            in_image(&format!("_manifests/revisions/sha256/{hex}/link"))
        );
        assert_eq!(Key::tag_current(&image, &tag).as_str(), in_image("_manifests/tags/v1/current/link"));
        assert_eq!(
            Key::tag_history(&image, &tag, &digest).as_str(),
            in_image(&format!("_manifests/tags/v1/index/sha256/{hex}/link"))
        );
    }

    #[test]
    fn only_keys_of_parts_are_read_as_such() {
        let id = UploadId::random();
        let key = Key::part(id, 7, "0123abcd");
        assert_eq!(Key::parse_part(key.as_str()), Some(key));
        for text in [
            String::new(),
            "docker/registry/v2/blobs".to_owned(),
            format!("portolan/v1/parts/{id}/"),
            format!("portolan/v1/parts/{id}/.."),
            format!("portolan/v1/parts/{id}/a/b"),
            "portolan/v1/parts/x/1-a".to_owned(),
        ] {
            assert_eq!(Key::parse_part(&text), None, "{text}");
        }
    }

    #[test]
    fn the_object_store_takes_keys_as_they_are() {
        let image = ImageName::parse("a.b/c_d").unwrap();
        let tag = Tag::parse("_x.Y-1").unwrap();
        let key = Key::tag_current(&image, &tag);
        assert_eq!(key.path().as_ref(), key.as_str());
    }
}
