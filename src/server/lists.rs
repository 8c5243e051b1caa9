//! What lists that come in pages have in common.

use actix_web::http::header::{HeaderName, LINK};

/// The `Link` to the next page (OCI distribution specification 1.1, "Listing Tags"). Tags and names
/// hold no character that would have to be escaped.
pub(super) fn next(path: &str, limit: usize, last: &str) -> (HeaderName, String) {
    (LINK, format!("<{path}?n={limit}&last={last}>; rel=\"next\""))
}
