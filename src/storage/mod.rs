//! Bytes: keys, blobs, uploads, on a file system or in memory.
//!
//! Imports `oci`.

mod at_hand;
mod blob;
mod error;
mod folders;
mod key;
mod manifest_cache;
mod objects;
mod store;
mod upload;
mod upload_data;
mod upload_record;

pub use blob::{BlobReader, BlobStream};
pub use error::StorageError;
pub use key::Key;
pub use objects::Listing;
pub use store::{Store, StoreOptions};
pub use upload::{Acquired, UploadWriter};
