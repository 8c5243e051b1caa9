//! What a store of objects can do beyond small objects: large ones in pieces, streams, presigned URLs.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{MultipartId, MultipartUpload, ObjectStore, PutPayload};

use super::objects::object_error;
use super::pointer::Location;
use super::{Key, StorageError};
use crate::oci::Digest;

/// How long a presigned URL can be used.
pub const URL_LIFE: Duration = Duration::from_secs(20 * 60);

/// How long it is remembered where a blob's bytes are. Whoever removes a blob waits longer than that between
/// saying so and doing it.
const LOCATION_AGE: Duration = Duration::from_millis(1500);

/// How many blobs are remembered so, which bounds the memory for it to about 2 MiB.
const LOCATIONS_MAX: u64 = 4096;

/// How large pieces are, and how many make an object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// Bytes of a piece: as many are held in memory for each that is on its way, and as many are put at once.
    pub(super) piece: usize,
    /// Pieces of one object. A store takes 10,000 at most.
    pub(super) pieces: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { piece: 8 * 1024 * 1024, pieces: 8192 }
    }
}

/// A store of objects.
pub(super) struct Remote {
    large: Arc<dyn ObjectStore>,
    pub(super) streams: Arc<dyn ObjectStore>,
    pub(super) multipart: Arc<dyn MultipartStore>,
    /// The same, for making an object of its pieces, which takes longer than sending one.
    pub(super) completing: Arc<dyn MultipartStore>,
    signer: Option<Arc<dyn Signer>>,
    root: Path,
    pub(super) locations: Cache<Digest, Arc<Location>>,
    pub(super) sizes: Sizes,
}

impl Remote {
    /// `large` writes objects of up to a piece, and `streams` reads without a limit on the whole. Both begin at
    /// `root`; `multipart` does not.
    pub(super) fn new(
        large: Arc<dyn ObjectStore>,
        streams: Arc<dyn ObjectStore>,
        multipart: Arc<dyn MultipartStore>,
        root: Path,
    ) -> Self {
        let locations = Cache::builder().max_capacity(LOCATIONS_MAX).time_to_live(LOCATION_AGE).build();
        let completing = Arc::clone(&multipart);
        Self { large, streams, multipart, completing, signer: None, root, locations, sizes: Sizes::default() }
    }

    /// Makes objects of their pieces by a store that has more time.
    pub(super) fn with_completing(mut self, completing: Arc<dyn MultipartStore>) -> Self {
        self.completing = completing;
        self
    }

    /// Sends clients to presigned URLs. The signer does not begin at the root.
    pub(super) fn with_signer(mut self, signer: Arc<dyn Signer>) -> Self {
        self.signer = Some(signer);
        self
    }

    /// A key as the whole bucket has it.
    pub(super) fn path(&self, key: &Key) -> Path {
        match self.root.as_ref() {
            "" => key.path(),
            root => Path::from(format!("{root}/{key}")),
        }
    }

    /// Writes an object of at most a piece, whether or not there is one.
    pub(super) async fn put(&self, key: &Key, payload: PutPayload) -> Result<(), StorageError> {
        let path = key.path();
        let put = self.large.put_opts(&path, payload, Default::default());
        put.await.map(|_| ()).map_err(|error| object_error(key, error))
    }

    /// Begins to write an object of any size in parts of up to a piece.
    pub(super) async fn begin_parts(&self, key: &Key) -> Result<Box<dyn MultipartUpload>, StorageError> {
        let (path, options) = (key.path(), Default::default());
        self.large.put_multipart_opts(&path, options).await.map_err(|error| object_error(key, error))
    }

    /// Copies an object of at most 5 GiB, without moving its bytes here.
    pub(super) async fn copy(&self, from: &Key, to: &Key) -> Result<(), StorageError> {
        let (source, target) = (from.path(), to.path());
        let copy = self.large.copy_opts(&source, &target, Default::default());
        copy.await.map_err(|error| object_error(from, error))
    }

    /// Gives up a multipart upload; one that has ended is left as it is.
    pub(super) async fn abort(&self, key: &Key, id: &MultipartId) -> Result<(), StorageError> {
        match self.multipart.abort_multipart(&self.path(key), id).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            // How a store in memory says the same.
            Err(object_store::Error::Generic { store: "InMemory", .. }) => Ok(()),
            Err(error) => Err(object_error(key, error)),
        }
    }

    /// A URL under which a client can read an object for a while; `None` where clients are not sent there.
    pub(super) async fn url(&self, key: &Key) -> Result<Option<String>, StorageError> {
        let Some(signer) = &self.signer else { return Ok(None) };
        // The method of a request is `GET` unless said otherwise.
        let url = signer.signed_url(Default::default(), &self.path(key), URL_LIFE).await;
        url.map(|url| Some(url.to_string())).map_err(|error| object_error(key, error))
    }
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote").field("root", &self.root).field("sizes", &self.sizes).finish_non_exhaustive()
    }
}

/// A name that nobody else makes.
pub(super) fn random() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}
