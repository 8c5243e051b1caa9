//! What goes wrong in a storage.

use std::cell::Cell;
use std::path::Path;

use tokio::runtime::Handle;

/// What went wrong in a storage. The message is for the log, not for clients.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// Nothing is stored under a key.
    #[error("storage: `{key}` does not exist")]
    NotFound {
        /// The key.
        key: String,
    },
    /// The file system refused: no space left, no permission, a broken disk.
    #[error("storage: `{path}`: {source}")]
    Io {
        /// The file or folder.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The object store refused.
    #[error("storage: `{key}`: {}", concise(source))]
    Object {
        /// The key.
        key: String,
        /// What the store said.
        source: object_store::Error,
    },
    /// What is stored under a key is not what has to be there.
    #[error("storage: `{key}` is damaged: {why}")]
    Damaged {
        /// The key.
        key: String,
        /// What is wrong with it.
        why: String,
    },
    /// A folder cannot be used as a storage.
    #[error("storage: `{path}` {why}")]
    Root {
        /// The folder.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// A bucket cannot be used as a storage.
    #[error("storage: the bucket `{bucket}` at {store} {why}")]
    Bucket {
        /// The bucket.
        bucket: String,
        /// The store that it is in.
        store: String,
        /// What is wrong with it.
        why: String,
    },
    /// No storage is open under a name.
    #[error("storage: `{0}` is not open")]
    Closed(String),
    /// An index is being built; the answer will be there later.
    #[error("storage: the index of `{0}` is being built")]
    Indexing(String),
    /// What was asked for takes longer than anybody waits for it.
    #[error("storage: {0} takes too long")]
    Slow(&'static str),
    /// The work was given up because the program ends.
    #[error("storage: the work was given up: {0}")]
    Stopped(String),
}

impl StorageError {
    /// An error of the file system, with the place.
    pub(super) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.display().to_string(), source }
    }

    /// Whether it says only that nothing is there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }
}

/// What an object store said, in a line: of the XML of an answer only what it is about, since some stores put
/// whole requests into it.
pub(super) fn concise(error: &object_store::Error) -> String {
    let text = error.to_string();
    match (xml(&text), said(error)) {
        (Some(start), Some(said)) => format!("{}{said}", &text[..start]),
        _ => text,
    }
}

/// The code and the message of an object store's answer.
pub(super) fn said(error: &object_store::Error) -> Option<String> {
    let text = error.to_string();
    let xml = &text[xml(&text)?..];
    let field = |name: &str| {
        let (_, rest) = xml.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(field, _)| field)
    };
    Some([field("Code"), field("Message")].into_iter().flatten().collect::<Vec<_>>().join(": "))
}

fn xml(text: &str) -> Option<usize> {
    text.find("<?xml").or_else(|| text.find("<Error>"))
}

thread_local! {
    /// Whether this thread may wait for a disk.
    static MAY_BLOCK: Cell<bool> = const { Cell::new(false) };
}

/// Runs work on one thread that may block, so that its file operations need not go there and back one by one. It
/// goes on to its end when whoever waits for it goes away.
pub(super) async fn on_one_thread<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, StorageError> {
    let runtime = Handle::current();
    let done = tokio::task::spawn_blocking(move || {
        let _blocking = MayBlock::begin();
        runtime.block_on(work)
    });
    done.await.map_err(|error| StorageError::Stopped(error.to_string()))
}

/// As long as it lives, its thread may wait for a disk.
struct MayBlock;

impl MayBlock {
    fn begin() -> Self {
        MAY_BLOCK.set(true);
        Self
    }
}

impl Drop for MayBlock {
    fn drop(&mut self) {
        MAY_BLOCK.set(false);
    }
}

/// Runs file operations on a thread that may block: this one, if it may.
pub(super) async fn blocking<T, F>(work: F) -> Result<T, StorageError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, StorageError> + Send + 'static,
{
    if MAY_BLOCK.get() {
        return work();
    }
    tokio::task::spawn_blocking(work).await.map_err(|error| StorageError::Stopped(error.to_string()))?
}
