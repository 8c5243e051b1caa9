//! The error codes of the specification.

/// An error code of the OCI distribution specification 1.1, "Error Codes", or, where marked,
/// of the reference implementation that clients know as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The blob is not known here.
    BlobUnknown,
    /// The upload went wrong.
    BlobUploadInvalid,
    /// No such upload session.
    BlobUploadUnknown,
    /// The content does not have the digest it was said to have, or the digest is malformed.
    DigestInvalid,
    /// The manifest names a blob that is not known here.
    ManifestBlobUnknown,
    /// The manifest is not valid.
    ManifestInvalid,
    /// No such manifest.
    ManifestUnknown,
    /// The image name is not valid.
    NameInvalid,
    /// The image is not known here.
    NameUnknown,
    /// The length of the body is not what it was said to be.
    SizeInvalid,
    /// Signing in is needed.
    Unauthorized,
    /// The access is refused.
    Denied,
    /// The operation is not supported.
    Unsupported,
    /// Too many requests.
    TooManyRequests,
    /// The tag is not valid (reference implementation).
    TagInvalid,
    /// A range cannot be satisfied (reference implementation).
    RangeInvalid,
    /// The number of results asked for is not valid (reference implementation).
    PaginationNumberInvalid,
    /// The service cannot answer now (reference implementation).
    Unavailable,
    /// Nothing of the above (reference implementation).
    Unknown,
}

impl ErrorCode {
    /// The code as it stands in the JSON answer.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BlobUnknown => "BLOB_UNKNOWN",
            Self::BlobUploadInvalid => "BLOB_UPLOAD_INVALID",
            Self::BlobUploadUnknown => "BLOB_UPLOAD_UNKNOWN",
            Self::DigestInvalid => "DIGEST_INVALID",
            Self::ManifestBlobUnknown => "MANIFEST_BLOB_UNKNOWN",
            Self::ManifestInvalid => "MANIFEST_INVALID",
            Self::ManifestUnknown => "MANIFEST_UNKNOWN",
            Self::NameInvalid => "NAME_INVALID",
            Self::NameUnknown => "NAME_UNKNOWN",
            Self::SizeInvalid => "SIZE_INVALID",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::Denied => "DENIED",
            Self::Unsupported => "UNSUPPORTED",
            Self::TooManyRequests => "TOOMANYREQUESTS",
            Self::TagInvalid => "TAG_INVALID",
            Self::RangeInvalid => "RANGE_INVALID",
            Self::PaginationNumberInvalid => "PAGINATION_NUMBER_INVALID",
            Self::Unavailable => "UNAVAILABLE",
            Self::Unknown => "UNKNOWN",
        }
    }
}
