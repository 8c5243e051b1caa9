//! Bytes: keys, blobs, uploads, on a file system, in a bucket or in memory.
//!
//! Imports `oci`.

mod at_hand;
mod blob;
mod directories;
mod disk;
mod error;
mod folders;
mod key;
mod listing;
mod manifest_cache;
mod many;
mod marks;
mod object_stream;
mod objects;
mod part;
mod place;
mod pointer;
mod remote;
mod s3;
mod staged;
mod store;
mod transfer;
mod upload;
mod upload_chain;
mod upload_data;
mod upload_objects;
mod upload_publish;
mod upload_record;
mod upload_writer;
mod walk;

pub use blob::{BlobReader, BlobStream};
pub use error::StorageError;
pub use key::{Key, Shard};
pub use listing::{Children, Names, stems};
pub use marks::{Condemned, Deadline, Mark, NOTE_AGE_MIN, Trace, is_younger};
pub use objects::Listing;
pub use place::Place;
pub use pointer::{Part, Pointer};
pub use remote::URL_LIFE;
pub use s3::{S3Keys, S3Options};
pub use store::{Store, StoreOptions};
pub use upload_writer::{Acquired, UploadWriter};
pub use walk::{Found, Walk};

#[cfg(test)]
mod listing_tests;
