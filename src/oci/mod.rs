//! The words of the OCI distribution specification, as types that cannot hold a bad value.
//!
//! Everything here is parsed once, at the edge of the program, and trusted afterwards.
//! This room imports nothing of ours.

mod digest;
mod error;
mod field_case;
mod manifest;
mod media_type;
mod name;
mod range;
mod reference;
mod scope;
mod upload_id;

pub use digest::{Algorithm, BadDigest, Digest, Hasher};
pub use error::ErrorCode;
pub use manifest::{BadManifest, Descriptor, MANIFEST_MAX_BYTES, Manifest, ManifestKind};
pub use media_type::MediaType;
pub use name::{BadName, ImageName, NAME_MAX_CHARS};
pub use range::{BadRange, ByteRange, ContentRange, Resolved};
pub use reference::{BadReference, BadTag, Reference, Tag};
pub use scope::{BadScope, Scope, ScopeAction, ScopeActions};
pub use upload_id::{BadUploadId, UploadId};
