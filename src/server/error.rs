//! What went wrong, as status and JSON. The only place that turns errors into answers.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_RANGE, CONTENT_TYPE, LOCATION, RANGE, RETRY_AFTER, WWW_AUTHENTICATE};
use serde_json::{Value, json};

use super::answer::upload_range;
use super::challenge::Challenge;
use super::exchange::Exchange;
use super::route::{Operation, RouteError};
use crate::oci::{ErrorCode, Scope, ScopeAction, ScopeActions};
use crate::registry::{BodyError, RegistryError};

/// After how many seconds to try again where the storage failed.
const STORAGE_RETRY_SECONDS: u64 = 5;

/// Why a request is not answered as it was meant.
#[derive(Debug)]
pub(super) enum Failure {
    /// The request line asks for nothing that exists.
    Route(RouteError),
    /// The `Authorization` header cannot be meant seriously.
    Authorization,
    /// Signing in, or asking for more, could help.
    Unauthorized(Challenge),
    /// The user may not do that.
    Denied,
    /// Too many failed sign-ins.
    TooMany { retry_after: Duration },
    /// The request is wrong in a way that its sender can mend.
    Bad { code: ErrorCode, message: String },
    /// The body does not fit.
    TooLarge { max_bytes: usize },
    /// Nothing of the blob lies in the range.
    Range { size: u64 },
    /// The client accepts other media types than that of the manifest.
    NotAccepted { media_type: String },
    /// The registry could not do it.
    Registry(RegistryError),
    /// Something that cannot happen did; the log says what.
    Internal(&'static str),
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        Self::Registry(error)
    }
}

/// What an error answer consists of.
struct Parts {
    status: StatusCode,
    code: ErrorCode,
    message: String,
    detail: Value,
}

impl Parts {
    fn new(status: StatusCode, code: ErrorCode, message: impl ToString) -> Self {
        Self { status, code, message: message.to_string(), detail: Value::Null }
    }

    fn with(mut self, detail: Value) -> Self {
        self.detail = detail;
        self
    }
}

/// The answer to a request that came through no listener of ours any more, or not to any endpoint.
pub(super) fn plain(error: RouteError) -> HttpResponse {
    finish(from_route(&error), |_| ())
}

/// The answer to a request that failed.
pub(super) fn answer(failure: Failure, exchange: &Exchange, operation: &Operation) -> HttpResponse {
    match failure {
        Failure::Registry(RegistryError::TagExists(tag)) => {
            refused(exchange, operation, "tag_exists", &tag.to_string())
        }
        Failure::Registry(RegistryError::TagsProtected) => refused(exchange, operation, "tags_protected", ""),
        Failure::Registry(RegistryError::Withdrawn) => refused(exchange, operation, "withdrawn", ""),
        Failure::Registry(RegistryError::UploadOffset { offset }) => {
            let location = match operation {
                Operation::AppendUpload { image, id } | Operation::FinishUpload { image, id, .. } => {
                    Some(format!("{}/blobs/uploads/{id}", exchange.path_of(image)))
                }
                _ => None,
            };
            let parts = from_registry(&RegistryError::UploadOffset { offset });
            finish(parts, |response| {
                response.insert_header((RANGE, upload_range(offset)));
                if let Some(location) = location {
                    response.insert_header((LOCATION, location));
                }
            })
        }
        Failure::Registry(error) => from_registry_logged(&error, exchange),
        Failure::Internal(what) => {
            tracing::error!(trace = exchange.record.trace, "{what}");
            let message = "the request could not be answered";
            finish(Parts::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Unknown, message), |_| ())
        }
        other => simple(other),
    }
}

fn from_registry_logged(error: &RegistryError, exchange: &Exchange) -> HttpResponse {
    let is_storage = matches!(error, RegistryError::Storage(_));
    if is_storage {
        let image = exchange.record.image.borrow();
        tracing::error!(trace = exchange.record.trace, image = image.as_deref().unwrap_or_default(), "{error}");
    }
    finish(from_registry(error), |response| {
        if is_storage {
            response.insert_header((RETRY_AFTER, STORAGE_RETRY_SECONDS));
        }
        if matches!(error, RegistryError::Body(_)) {
            response.force_close();
        }
    })
}

/// What the registry found out to be forbidden, after the policy had no objection.
fn refused(exchange: &Exchange, operation: &Operation, reason: &'static str, subject: &str) -> HttpResponse {
    exchange.core.metrics.refused(reason);
    exchange.record.audit_refused("refused", None, reason);
    let failure = exchange.refused(scope_of(operation).as_ref());
    match failure {
        Failure::Denied => {
            let detail = match reason {
                "tag_exists" => json!({"reason": "the tag exists and may not be replaced", "tag": subject}),
                "tags_protected" => json!({"reason": "the manifest has tags that may not be deleted"}),
                _ => json!({"reason": "the right was withdrawn meanwhile"}),
            };
            finish(denied().with(detail), |_| ())
        }
        other => simple(other),
    }
}

fn scope_of(operation: &Operation) -> Option<Scope> {
    let actions = match operation {
        Operation::DeleteManifest { .. } | Operation::DeleteBlob { .. } => ScopeActions::NONE.with(ScopeAction::Delete),
        _ => ScopeActions::NONE.with(ScopeAction::Pull).with(ScopeAction::Push),
    };
    operation.image().map(|image| Scope::Repository(image.clone(), actions))
}

fn denied() -> Parts {
    Parts::new(StatusCode::FORBIDDEN, ErrorCode::Denied, "requested access to the resource is denied")
}

fn simple(failure: Failure) -> HttpResponse {
    match failure {
        Failure::Route(error) => plain(error),
        Failure::Authorization => {
            let message = "the `Authorization` header cannot be read, or stands there twice";
            finish(Parts::new(StatusCode::BAD_REQUEST, ErrorCode::Unauthorized, message), |_| ())
        }
        Failure::Unauthorized(challenge) => {
            let message = match challenge.error {
                Some(Challenge::INVALID_TOKEN) => "the token is not valid: sign in again",
                Some(_) => "the token was not asked for this",
                None => "authentication required",
            };
            let detail = match &challenge.scope {
                Some(scope) => json!({"scope": scope, "service": challenge.service}),
                None => json!({"service": challenge.service}),
            };
            let parts = Parts::new(StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized, message).with(detail);
            finish(parts, |response| {
                response.insert_header((WWW_AUTHENTICATE, challenge.to_string()));
            })
        }
        Failure::Denied => finish(denied(), |_| ()),
        Failure::TooMany { retry_after } => {
            let seconds = retry_after.as_secs().max(1);
            let parts = Parts::new(
                StatusCode::TOO_MANY_REQUESTS,
                ErrorCode::TooManyRequests,
                "too many failed sign-ins: try again later",
            );
            finish(parts.with(json!({"retry_after_seconds": seconds})), |response| {
                response.insert_header((RETRY_AFTER, seconds));
            })
        }
        Failure::Bad { code, message } => finish(Parts::new(StatusCode::BAD_REQUEST, code, message), |_| ()),
        Failure::TooLarge { max_bytes } => {
            let parts = Parts::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::SizeInvalid, "the body is too large");
            finish(parts.with(json!({"max_bytes": max_bytes})), |_| ())
        }
        Failure::Range { size } => {
            let message = "nothing of the blob lies in this range";
            let parts = Parts::new(StatusCode::RANGE_NOT_SATISFIABLE, ErrorCode::RangeInvalid, message);
            finish(parts.with(json!({"size": size})), |response| {
                response.insert_header((CONTENT_RANGE, format!("bytes */{size}")));
            })
        }
        Failure::NotAccepted { media_type } => {
            let message = "the manifest has another media type than those that are accepted";
            let parts = Parts::new(StatusCode::NOT_FOUND, ErrorCode::ManifestUnknown, message);
            finish(parts.with(json!({"media_type": media_type, "help": "add it to `Accept`"})), |_| ())
        }
        Failure::Registry(error) => finish(from_registry(&error), |_| ()),
        Failure::Internal(_) => {
            let message = "the request could not be answered";
            finish(Parts::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Unknown, message), |_| ())
        }
    }
}

fn from_route(error: &RouteError) -> Parts {
    let (status, code) = match error {
        RouteError::NotFound => (StatusCode::NOT_FOUND, ErrorCode::Unsupported),
        RouteError::Method(_) => (StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Unsupported),
        RouteError::Escape | RouteError::Name(_) => (StatusCode::BAD_REQUEST, ErrorCode::NameInvalid),
        RouteError::Query | RouteError::Last | RouteError::Hash => (StatusCode::BAD_REQUEST, ErrorCode::Unsupported),
        RouteError::Digest(_) | RouteError::DigestMissing => (StatusCode::BAD_REQUEST, ErrorCode::DigestInvalid),
        RouteError::Tag(_) | RouteError::TooManyTags => (StatusCode::BAD_REQUEST, ErrorCode::TagInvalid),
        RouteError::NoSuchTag(_) => (StatusCode::NOT_FOUND, ErrorCode::ManifestUnknown),
        RouteError::UploadId => (StatusCode::NOT_FOUND, ErrorCode::BlobUploadUnknown),
        RouteError::PageSize => (StatusCode::BAD_REQUEST, ErrorCode::PaginationNumberInvalid),
    };
    let parts = Parts::new(status, code, error);
    match error {
        RouteError::Method(allowed) => parts.with(json!({"allow": allowed})),
        _ => parts,
    }
}

fn from_registry(error: &RegistryError) -> Parts {
    use RegistryError as E;
    let (status, code) = match error {
        E::BlobUnknown => (StatusCode::NOT_FOUND, ErrorCode::BlobUnknown),
        E::ManifestUnknown => (StatusCode::NOT_FOUND, ErrorCode::ManifestUnknown),
        E::NameUnknown => (StatusCode::NOT_FOUND, ErrorCode::NameUnknown),
        E::UploadUnknown => (StatusCode::NOT_FOUND, ErrorCode::BlobUploadUnknown),
        E::UploadOffset { .. } => (StatusCode::RANGE_NOT_SATISFIABLE, ErrorCode::RangeInvalid),
        E::UploadChunks => (StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::BlobUploadInvalid),
        E::Size { .. } => (StatusCode::BAD_REQUEST, ErrorCode::SizeInvalid),
        E::DigestMismatch { .. } => (StatusCode::BAD_REQUEST, ErrorCode::DigestInvalid),
        E::ManifestInvalid(_) => (StatusCode::BAD_REQUEST, ErrorCode::ManifestInvalid),
        E::ManifestBlobUnknown(_) => (StatusCode::BAD_REQUEST, ErrorCode::ManifestBlobUnknown),
        E::ManifestChildUnknown(_) => (StatusCode::BAD_REQUEST, ErrorCode::ManifestUnknown),
        E::TagExists(_) | E::TagsProtected | E::Withdrawn => return denied(),
        E::Body(BodyError::Idle) => (StatusCode::REQUEST_TIMEOUT, ErrorCode::BlobUploadInvalid),
        E::Body(BodyError::Broken(_)) => (StatusCode::BAD_REQUEST, ErrorCode::BlobUploadInvalid),
        E::Storage(_) => {
            let message = "the storage does not answer: try again later";
            return Parts::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable, message);
        }
    };
    let detail = match error {
        E::UploadOffset { offset } => json!({"offset": offset}),
        E::Size { announced, received } => json!({"announced": announced, "received": received}),
        E::DigestMismatch { actual } => json!({"actual": actual.to_string()}),
        E::ManifestBlobUnknown(digest) | E::ManifestChildUnknown(digest) => json!({"digest": digest.to_string()}),
        _ => Value::Null,
    };
    Parts::new(status, code, error).with(detail)
}

/// The error body of the specification ("Error Codes").
fn finish(parts: Parts, headers: impl FnOnce(&mut actix_web::HttpResponseBuilder)) -> HttpResponse {
    let detail = match parts.detail {
        Value::Null => json!({}),
        detail => detail,
    };
    let error = json!({"code": parts.code.as_str(), "message": parts.message, "detail": detail});
    let mut response = HttpResponse::build(parts.status);
    response.insert_header((CONTENT_TYPE, "application/json"));
    headers(&mut response);
    if let (StatusCode::METHOD_NOT_ALLOWED, Some(allowed)) = (parts.status, detail_text(&error, "allow")) {
        response.insert_header((ALLOW, allowed));
    }
    response.body(json!({"errors": [error]}).to_string())
}

fn detail_text(error: &Value, key: &str) -> Option<String> {
    error.get("detail")?.get(key)?.as_str().map(str::to_owned)
}
