//! From a request line to one closed [`Operation`]. Pure: no headers, no configuration but the prefix.
//!
//! Image names have any number of components, so paths are read from their end. Escapes are decoded
//! once, component by component, and what is decoded can hold no slash.

use actix_web::http::Method;
use actix_web::web::Query;

use crate::oci::{BadDigest, BadName, BadReference, BadTag, Digest, ImageName, Reference, Scope, Tag, UploadId};
use crate::policy::{DeleteBlob, ListCatalog, Pull, Push, Question as _};

/// The most entries of a list that one answer holds.
pub(super) const PAGE_MAX: usize = 1000;
/// The most tags that one push of a manifest may set.
pub(super) const TAGS_MAX: usize = 10;
/// The longest `last` that is looked at, in bytes.
const LAST_MAX_BYTES: usize = 512;

/// Every operation by its name in metrics. The tests have a refusal for each.
pub const OPERATIONS: [&str; 25] = [
    "base",
    "catalog",
    "tags",
    "referrers",
    "manifest_get",
    "manifest_head",
    "manifest_put",
    "manifest_delete",
    "blob_get",
    "blob_head",
    "blob_delete",
    "upload_start",
    "upload_whole",
    "upload_mount",
    "upload_status",
    "upload_append",
    "upload_finish",
    "upload_cancel",
    "token_get",
    "token_post",
    "live",
    "ready",
    "status",
    "metrics",
    "reload",
];

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operation {
    /// `GET /v2/`.
    Base,
    /// `GET /v2/_catalog`.
    Catalog(PageOf),
    /// `GET …/tags/list`.
    Tags { image: ImageName, page: PageOf },
    /// `GET …/referrers/<digest>`.
    Referrers { image: ImageName, digest: Digest, artifact_type: Option<String>, last: Option<Digest> },
    /// `GET …/manifests/<reference>`.
    GetManifest { image: ImageName, reference: Reference },
    /// `HEAD …/manifests/<reference>`.
    HeadManifest { image: ImageName, reference: Reference },
    /// `PUT …/manifests/<reference>`; `tags` are those of `?tag=`.
    PutManifest { image: ImageName, reference: Reference, tags: Vec<Tag> },
    /// `DELETE …/manifests/<reference>`.
    DeleteManifest { image: ImageName, reference: Reference },
    /// `GET …/blobs/<digest>`.
    GetBlob { image: ImageName, digest: Digest },
    /// `HEAD …/blobs/<digest>`.
    HeadBlob { image: ImageName, digest: Digest },
    /// `DELETE …/blobs/<digest>`.
    DeleteBlob { image: ImageName, digest: Digest },
    /// `POST …/blobs/uploads/`.
    StartUpload { image: ImageName },
    /// `POST …/blobs/uploads/?digest=`.
    UploadWhole { image: ImageName, digest: Digest },
    /// `POST …/blobs/uploads/?mount=`, with or without `from`.
    Mount { image: ImageName, digest: Digest, from: Option<ImageName> },
    /// `GET …/blobs/uploads/<uuid>`.
    UploadStatus { image: ImageName, id: UploadId },
    /// `PATCH …/blobs/uploads/<uuid>`.
    AppendUpload { image: ImageName, id: UploadId },
    /// `PUT …/blobs/uploads/<uuid>?digest=`.
    FinishUpload { image: ImageName, id: UploadId, digest: Digest },
    /// `DELETE …/blobs/uploads/<uuid>`.
    CancelUpload { image: ImageName, id: UploadId },
    /// `GET /token`; the query is read by the token endpoint.
    GetToken,
    /// `POST /token`.
    PostToken,
    /// `GET /-/live`.
    Live,
    /// `GET /-/ready`.
    Ready,
    /// `GET /-/status`.
    Status,
    /// `GET /-/metrics`.
    Metrics,
    /// `POST /-/reload`; `accept` is a content hash.
    Reload { accept: Option<String> },
}

/// Which part of a list is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PageOf {
    /// At most so many entries, never above [`PAGE_MAX`].
    pub limit: usize,
    /// Only what comes after this.
    pub last: Option<String>,
}

/// Why a request line asks for nothing that exists.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum RouteError {
    #[error("there is no such endpoint")]
    NotFound,
    #[error("the method is not supported here: use {0}")]
    Method(&'static str),
    #[error("the path holds an escape that is not allowed")]
    Escape,
    #[error("the query cannot be read")]
    Query,
    #[error(transparent)]
    Name(#[from] BadName),
    #[error(transparent)]
    Digest(#[from] BadDigest),
    #[error(transparent)]
    Tag(#[from] BadTag),
    #[error("no manifest can have this tag: {0}")]
    NoSuchTag(BadTag),
    #[error("the digest is missing: add `?digest=`")]
    DigestMissing,
    #[error("no upload session can have this identifier")]
    UploadId,
    #[error("`n` is the number of entries wanted: 0 or more")]
    PageSize,
    #[error("`accept` is a content hash: 64 hexadecimal digits, as `/-/status` shows them")]
    Hash,
    #[error("`last` is too long")]
    Last,
    #[error("one push sets at most {TAGS_MAX} tags")]
    TooManyTags,
}

/// Reads a request line. `prefix` is that of the repository on whose own port the request came.
pub(super) fn route(method: &Method, path: &str, query: &str, prefix: Option<&str>) -> Result<Operation, RouteError> {
    match path {
        "/token" => {
            return with_method(method, &[(Method::GET, Operation::GetToken), (Method::POST, Operation::PostToken)]);
        }
        "/-/live" => return reading(method, Operation::Live),
        "/-/ready" => return reading(method, Operation::Ready),
        "/-/status" => return reading(method, Operation::Status),
        "/-/metrics" => return reading(method, Operation::Metrics),
        "/-/reload" => return Reader { method, query, prefix }.reload(),
        "/v2" | "/v2/" => return reading(method, Operation::Base),
        _ => {}
    }
    let rest = path.strip_prefix("/v2/").ok_or(RouteError::NotFound)?;
    let decoded = rest.split('/').map(decode).collect::<Result<Vec<_>, _>>()?;
    let parts: Vec<&str> = decoded.iter().map(String::as_str).collect();
    Reader { method, query, prefix }.below_v2(&parts)
}

struct Reader<'a> {
    method: &'a Method,
    query: &'a str,
    prefix: Option<&'a str>,
}

impl Reader<'_> {
    fn below_v2(&self, parts: &[&str]) -> Result<Operation, RouteError> {
        match parts {
            ["_catalog"] => {
                self.allow(&[Method::GET, Method::HEAD], "GET, HEAD")?;
                let mut page = self.page()?;
                page.last = page.last.map(|last| match self.prefix {
                    Some(prefix) if !prefix.is_empty() => format!("{prefix}/{last}"),
                    _ => last,
                });
                Ok(Operation::Catalog(page))
            }
            [name @ .., "tags", "list"] => {
                self.allow(&[Method::GET, Method::HEAD], "GET, HEAD")?;
                Ok(Operation::Tags { image: self.name(&name.join("/"))?, page: self.page()? })
            }
            [name @ .., "blobs", "uploads"] | [name @ .., "blobs", "uploads", ""] => self.start_upload(name),
            [name @ .., "blobs", "uploads", id] => self.upload(name, id),
            [name @ .., "blobs", digest] => self.blob(name, digest),
            [name @ .., "manifests", reference] => self.manifest(name, reference),
            [name @ .., "referrers", digest] => {
                self.allow(&[Method::GET, Method::HEAD], "GET, HEAD")?;
                let artifact_type = self.parameter("artifactType")?.filter(|text| !text.is_empty());
                let last = self.parameter("last")?.filter(|text| !text.is_empty());
                let last = last.map(|last| Digest::parse(&last)).transpose()?;
                Ok(Operation::Referrers {
                    image: self.name(&name.join("/"))?,
                    digest: Digest::parse(digest)?,
                    artifact_type,
                    last,
                })
            }
            _ => Err(RouteError::NotFound),
        }
    }

    fn reload(&self) -> Result<Operation, RouteError> {
        self.allow(&[Method::POST], "POST")?;
        let accept = self.parameter("accept")?;
        let is_hash = |hash: &String| hash.len() == 64 && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if accept.as_ref().is_some_and(|hash| !is_hash(hash)) {
            return Err(RouteError::Hash);
        }
        Ok(Operation::Reload { accept })
    }

    fn start_upload(&self, name: &[&str]) -> Result<Operation, RouteError> {
        self.allow(&[Method::POST], "POST")?;
        let image = self.name(&name.join("/"))?;
        if let Some(digest) = self.parameter("mount")? {
            let digest = Digest::parse(&digest)?;
            let from = self.parameter("from")?.map(|from| self.name(&from)).transpose()?;
            return Ok(Operation::Mount { image, digest, from });
        }
        match self.parameter("digest")? {
            Some(digest) => Ok(Operation::UploadWhole { image, digest: Digest::parse(&digest)? }),
            None => Ok(Operation::StartUpload { image }),
        }
    }

    fn upload(&self, name: &[&str], id: &str) -> Result<Operation, RouteError> {
        self.allow(
            &[Method::GET, Method::HEAD, Method::PATCH, Method::PUT, Method::DELETE],
            "GET, HEAD, PATCH, PUT, DELETE",
        )?;
        let image = self.name(&name.join("/"))?;
        let id = UploadId::parse(id).map_err(|_| RouteError::UploadId)?;
        Ok(match *self.method {
            Method::PATCH => Operation::AppendUpload { image, id },
            Method::PUT => {
                let digest = self.parameter("digest")?.ok_or(RouteError::DigestMissing)?;
                Operation::FinishUpload { image, id, digest: Digest::parse(&digest)? }
            }
            Method::DELETE => Operation::CancelUpload { image, id },
            _ => Operation::UploadStatus { image, id },
        })
    }

    fn blob(&self, name: &[&str], digest: &str) -> Result<Operation, RouteError> {
        self.allow(&[Method::GET, Method::HEAD, Method::DELETE], "GET, HEAD, DELETE")?;
        let image = self.name(&name.join("/"))?;
        let digest = Digest::parse(digest)?;
        Ok(match *self.method {
            Method::HEAD => Operation::HeadBlob { image, digest },
            Method::DELETE => Operation::DeleteBlob { image, digest },
            _ => Operation::GetBlob { image, digest },
        })
    }

    fn manifest(&self, name: &[&str], reference: &str) -> Result<Operation, RouteError> {
        self.allow(&[Method::GET, Method::HEAD, Method::PUT, Method::DELETE], "GET, HEAD, PUT, DELETE")?;
        let image = self.name(&name.join("/"))?;
        let reference = Reference::parse(reference).map_err(|error| match error {
            // What cannot be a tag cannot be found; the conformance tests of the specification expect 404.
            BadReference::Tag(error) if self.method != Method::PUT => RouteError::NoSuchTag(error),
            BadReference::Tag(error) => RouteError::Tag(error),
            BadReference::Digest(error) => RouteError::Digest(error),
        })?;
        Ok(match *self.method {
            Method::HEAD => Operation::HeadManifest { image, reference },
            Method::PUT => Operation::PutManifest { image, reference, tags: self.tags()? },
            Method::DELETE => Operation::DeleteManifest { image, reference },
            _ => Operation::GetManifest { image, reference },
        })
    }

    fn allow(&self, methods: &[Method], allowed: &'static str) -> Result<(), RouteError> {
        if methods.contains(self.method) { Ok(()) } else { Err(RouteError::Method(allowed)) }
    }

    fn name(&self, shown: &str) -> Result<ImageName, RouteError> {
        Ok(match self.prefix {
            // The name as the client wrote it must be valid by itself, before anything is put before it.
            Some(prefix) => ImageName::below(prefix, ImageName::parse(shown)?.as_str())?,
            None => ImageName::parse(shown)?,
        })
    }

    fn parameters(&self) -> Result<Vec<(String, String)>, RouteError> {
        Query::<Vec<(String, String)>>::from_query(self.query).map(Query::into_inner).map_err(|_| RouteError::Query)
    }

    fn parameter(&self, name: &str) -> Result<Option<String>, RouteError> {
        Ok(self.parameters()?.into_iter().find(|(key, _)| key == name).map(|(_, value)| value))
    }

    fn tags(&self) -> Result<Vec<Tag>, RouteError> {
        let mut tags = Vec::new();
        for (_, value) in self.parameters()?.into_iter().filter(|(key, _)| key == "tag") {
            let tag = Tag::parse(&value)?;
            if !tags.contains(&tag) {
                tags.push(tag);
            }
            if tags.len() > TAGS_MAX {
                return Err(RouteError::TooManyTags);
            }
        }
        Ok(tags)
    }

    fn page(&self) -> Result<PageOf, RouteError> {
        let limit = match self.parameter("n")? {
            None => PAGE_MAX,
            Some(n) if n.is_empty() || !n.bytes().all(|byte| byte.is_ascii_digit()) => {
                return Err(RouteError::PageSize);
            }
            // Digits that no number holds ask for more than is given anyway.
            Some(n) => n.parse().unwrap_or(PAGE_MAX).min(PAGE_MAX),
        };
        let last = self.parameter("last")?.filter(|last| !last.is_empty());
        if last.as_ref().is_some_and(|last| last.len() > LAST_MAX_BYTES) {
            return Err(RouteError::Last);
        }
        Ok(PageOf { limit, last })
    }
}

fn reading(method: &Method, operation: Operation) -> Result<Operation, RouteError> {
    if matches!(*method, Method::GET | Method::HEAD) { Ok(operation) } else { Err(RouteError::Method("GET, HEAD")) }
}

fn with_method(method: &Method, operations: &[(Method, Operation)]) -> Result<Operation, RouteError> {
    operations
        .iter()
        .find(|(allowed, _)| allowed == method)
        .map(|(_, operation)| operation.clone())
        .ok_or(RouteError::Method("GET, POST"))
}

/// Decodes the escapes of one component. Only what stays one component of printable ASCII is let
/// through: names, tags and digests have no other characters.
fn decode(component: &str) -> Result<String, RouteError> {
    let mut bytes = component.bytes();
    let mut decoded = String::with_capacity(component.len());
    while let Some(byte) = bytes.next() {
        let byte = if byte == b'%' {
            let mut digit = || bytes.next().and_then(|b| char::from(b).to_digit(16));
            let (high, low) = (digit().ok_or(RouteError::Escape)?, digit().ok_or(RouteError::Escape)?);
            let byte = u8::try_from(high * 16 + low).map_err(|_| RouteError::Escape)?;
            if byte == b'/' || byte == b'%' { return Err(RouteError::Escape) } else { byte }
        } else {
            byte
        };
        if !byte.is_ascii_graphic() {
            return Err(RouteError::Escape);
        }
        decoded.push(char::from(byte));
    }
    Ok(decoded)
}

impl Operation {
    /// The operation's name in metrics.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Catalog(_) => "catalog",
            Self::Tags { .. } => "tags",
            Self::Referrers { .. } => "referrers",
            Self::GetManifest { .. } => "manifest_get",
            Self::HeadManifest { .. } => "manifest_head",
            Self::PutManifest { .. } => "manifest_put",
            Self::DeleteManifest { .. } => "manifest_delete",
            Self::GetBlob { .. } => "blob_get",
            Self::HeadBlob { .. } => "blob_head",
            Self::DeleteBlob { .. } => "blob_delete",
            Self::StartUpload { .. } => "upload_start",
            Self::UploadWhole { .. } => "upload_whole",
            Self::Mount { .. } => "upload_mount",
            Self::UploadStatus { .. } => "upload_status",
            Self::AppendUpload { .. } => "upload_append",
            Self::FinishUpload { .. } => "upload_finish",
            Self::CancelUpload { .. } => "upload_cancel",
            Self::GetToken => "token_get",
            Self::PostToken => "token_post",
            Self::Live => "live",
            Self::Ready => "ready",
            Self::Status => "status",
            Self::Metrics => "metrics",
            Self::Reload { .. } => "reload",
        }
    }

    /// The image that is meant.
    pub(super) fn image(&self) -> Option<&ImageName> {
        match self {
            Self::Tags { image, .. }
            | Self::Referrers { image, .. }
            | Self::GetManifest { image, .. }
            | Self::HeadManifest { image, .. }
            | Self::PutManifest { image, .. }
            | Self::DeleteManifest { image, .. }
            | Self::GetBlob { image, .. }
            | Self::HeadBlob { image, .. }
            | Self::DeleteBlob { image, .. }
            | Self::StartUpload { image }
            | Self::UploadWhole { image, .. }
            | Self::Mount { image, .. }
            | Self::UploadStatus { image, .. }
            | Self::AppendUpload { image, .. }
            | Self::FinishUpload { image, .. }
            | Self::CancelUpload { image, .. } => Some(image),
            Self::Base
            | Self::Catalog(_)
            | Self::GetToken
            | Self::PostToken
            | Self::Live
            | Self::Ready
            | Self::Status
            | Self::Metrics
            | Self::Reload { .. } => None,
        }
    }

    /// What a token has to be asked for.
    pub(super) fn scope(&self) -> Option<Scope> {
        if let Self::Catalog(_) = self {
            return ListCatalog { only: None }.scope();
        }
        let image = self.image()?.clone();
        match self {
            Self::DeleteManifest { .. } | Self::DeleteBlob { .. } => DeleteBlob(image).scope(),
            Self::Tags { .. }
            | Self::Referrers { .. }
            | Self::GetManifest { .. }
            | Self::HeadManifest { .. }
            | Self::GetBlob { .. }
            | Self::HeadBlob { .. } => Pull(image).scope(),
            _ => Push(image).scope(),
        }
    }
}

#[cfg(test)]
#[path = "route_tests.rs"]
mod tests;
