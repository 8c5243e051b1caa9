//! Bytes: keys, blobs, uploads, on a file system or in memory.
//!
//! Imports `oci`.

mod blob;
mod error;
mod folders;
mod key;
mod marks;
mod objects;
mod place;
mod store;
mod transfer;
mod upload;
mod upload_data;
mod upload_record;
mod walk;

pub use blob::{BlobReader, BlobStream};
pub use error::StorageError;
pub use key::{Key, Shard};
pub use marks::{Condemned, Mark, NOTE_AGE_MIN, Trace, is_younger};
pub use objects::Listing;
pub use place::Place;
pub use store::{Store, StoreOptions};
pub use upload::{Acquired, UploadWriter};
pub use walk::{Found, Walk};
