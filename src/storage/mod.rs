//! Bytes: keys, blobs, uploads, on a file system, in a bucket or in memory.
//!
//! Imports `oci`.

mod blob;
mod directories;
mod error;
mod folders;
mod key;
mod listing;
mod many;
mod object_stream;
mod objects;
mod part;
mod pointer;
mod remote;
mod s3;
mod store;
mod upload;
mod upload_chain;
mod upload_data;
mod upload_objects;
mod upload_publish;
mod upload_record;
mod upload_writer;

pub use blob::{BlobReader, BlobStream};
pub use error::StorageError;
pub use key::Key;
pub use listing::{Children, Names, stems};
pub use objects::Listing;
pub use pointer::{Part, Pointer};
pub use s3::{S3Keys, S3Options};
pub use store::{Store, StoreOptions};
pub use upload_writer::{Acquired, UploadWriter};

#[cfg(test)]
mod listing_tests;
