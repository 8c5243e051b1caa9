//! Pieces that the answers of several resources have in common.

use std::io;

use actix_web::body::SizedStream;
use actix_web::http::header::{CACHE_CONTROL, ETAG, HeaderMap, HeaderName, IF_NONE_MATCH};
use actix_web::web::Bytes;
use actix_web::{HttpResponse, HttpResponseBuilder};
use futures_util::stream;

use crate::oci::Digest;

pub(super) const DOCKER_CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
pub(super) const DOCKER_UPLOAD_UUID: HeaderName = HeaderName::from_static("docker-upload-uuid");
pub(super) const OCI_CHUNK_MIN_LENGTH: HeaderName = HeaderName::from_static("oci-chunk-min-length");
pub(super) const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
pub(super) const OCI_TAG: HeaderName = HeaderName::from_static("oci-tag");
pub(super) const OCI_FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");
pub(super) const DOCKER_API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// How long content that cannot change may be kept, in seconds: a year, the most that is usual.
const IMMUTABLE_MAX_AGE_SECONDS: u64 = 31_536_000;

/// The `Range` of an upload of which `offset` bytes are acknowledged. It cannot say that there are
/// none; the reference implementation says `0-0` then, and clients know that.
pub(super) fn upload_range(offset: u64) -> String {
    format!("0-{}", offset.saturating_sub(1))
}

/// Headers of content that is named by its digest, or that a name leads to now.
pub(super) fn cacheable(response: &mut HttpResponseBuilder, digest: &Digest, is_public: bool, is_immutable: bool) {
    let who = if is_public { "public" } else { "private" };
    let how_long = if is_immutable {
        format!("{who}, max-age={IMMUTABLE_MAX_AGE_SECONDS}, immutable")
    } else {
        format!("{who}, no-cache")
    };
    response.insert_header((CACHE_CONTROL, how_long));
    let digest = digest.to_string();
    response.insert_header((ETAG, ["\"", &digest, "\""].concat()));
    response.insert_header((DOCKER_CONTENT_DIGEST, digest));
}

/// Whether the client says that it has this content already.
pub(super) fn is_known(headers: &HeaderMap, digest: &Digest) -> bool {
    if !headers.contains_key(IF_NONE_MATCH) {
        return false;
    }
    let tag = format!("\"{digest}\"");
    headers
        .get_all(IF_NONE_MATCH)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|value| value.trim().trim_start_matches("W/"))
        .any(|value| value == "*" || value == tag)
}

/// The answer to a HEAD request: the length that a GET would have, and no body.
pub(super) fn head_only(mut response: HttpResponseBuilder, length: u64) -> HttpResponse {
    response.body(SizedStream::new(length, stream::empty::<Result<Bytes, io::Error>>()))
}

/// A JSON answer.
pub(super) fn json(mut response: HttpResponseBuilder, value: &serde_json::Value) -> HttpResponse {
    response.content_type("application/json").body(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Algorithm;
    use actix_web::http::header::HeaderValue;

    #[test]
    fn an_upload_range_names_the_last_byte() {
        assert_eq!([0, 1, 2].map(upload_range), ["0-0", "0-0", "0-1"]);
    }

    #[test]
    fn known_content_is_recognised_by_its_entity_tag() {
        let digest = Digest::of(Algorithm::Sha256, b"x");
        let known = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(IF_NONE_MATCH, HeaderValue::from_str(value).unwrap());
            is_known(&headers, &digest)
        };
        assert!(known(&format!("\"{digest}\"")) && known(&format!("\"a\", W/\"{digest}\"")) && known("*"));
        assert!(!known("\"a\"") && !known(&digest.to_string()));
    }
}
