//! Bytes: keys, blobs, uploads, on a file system or in memory.
//!
//! Imports `oci`.

mod blob;
mod directories;
mod error;
mod folders;
mod key;
mod listing;
mod many;
mod objects;
mod store;
mod upload;
mod upload_data;
mod upload_record;

pub use blob::{BlobReader, BlobStream};
pub use error::StorageError;
pub use key::Key;
pub use listing::{Children, Names, stems};
pub use objects::Listing;
pub use store::{Store, StoreOptions};
pub use upload::{Acquired, UploadWriter};

#[cfg(test)]
mod listing_tests;
