//! Blobs: reading, looking and deleting.

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::header::{ACCEPT_RANGES, CACHE_CONTROL, CONTENT_RANGE, CONTENT_TYPE, IF_RANGE, LOCATION, RANGE};
use actix_web::web::Bytes;
use futures_util::{StreamExt as _, stream};

use super::answer::{DOCKER_CONTENT_DIGEST, cacheable, head_only, is_known};
use super::error::Failure;
use super::exchange::Exchange;
use crate::oci::{BadRange, ByteRange, Digest, ImageName, Resolved};
use crate::policy::{DeleteBlob, Inspect, Pull};

const OCTET_STREAM: &str = "application/octet-stream";

/// `GET …/blobs/<digest>`
pub(super) async fn get(exchange: &Exchange, image: &ImageName, digest: &Digest) -> Result<HttpResponse, Failure> {
    let permit = exchange.judge(&Pull(image.clone()))?;
    let blob = exchange.core.registry.blob(&permit, digest).await?;
    if is_known(exchange.headers(), digest) {
        let mut response = HttpResponse::NotModified();
        cacheable(&mut response, digest, permit.is_public(), true);
        return Ok(response.finish());
    }
    if let Some(url) = blob.url().await? {
        return Ok(redirect(digest, &url));
    }
    let size = blob.size;
    let (mut response, start, end) = match wanted(exchange, digest) {
        None => (HttpResponse::Ok(), 0, size),
        Some(Err(BadRange::Reversed)) => return Err(Failure::Range { size }),
        // A header that cannot be read may be ignored (RFC 9110, section 14.2).
        Some(Err(BadRange::Form)) => (HttpResponse::Ok(), 0, size),
        Some(Ok(range)) => match range.resolve(size) {
            Resolved::Unsatisfiable => return Err(Failure::Range { size }),
            Resolved::Bytes(start, end) => {
                let mut response = HttpResponse::PartialContent();
                response.insert_header((CONTENT_RANGE, format!("bytes {start}-{}/{size}", end - 1)));
                (response, start, end)
            }
        },
    };
    cacheable(&mut response, digest, permit.is_public(), true);
    response.insert_header((ACCEPT_RANGES, "bytes")).insert_header((CONTENT_TYPE, OCTET_STREAM));
    let record = Rc::clone(&exchange.record);
    let bytes = blob.read(start, end).await?.map(move |piece| match piece {
        Ok(bytes) => {
            record.sent.set(record.sent.get() + bytes.len() as u64);
            Ok(bytes)
        }
        // The status is out: all that is left is to break the connection off, and to write down why.
        Err(error) => {
            tracing::error!(trace = record.trace, "{error}");
            Err(Broken)
        }
    });
    response.no_chunking(end - start);
    if start == end {
        // The record has to outlive the handler only where there are bytes to count.
        return Ok(response.body(actix_web::body::SizedStream::new(0, stream::empty::<Result<Bytes, Broken>>())));
    }
    Ok(response.body(actix_web::body::SizedStream::new(end - start, bytes)))
}

/// Sends the client to the store. Whoever has the URL may read the blob for a while, so that nobody may keep it.
fn redirect(digest: &Digest, url: &str) -> HttpResponse {
    HttpResponse::TemporaryRedirect()
        .insert_header((LOCATION, url))
        .insert_header((CACHE_CONTROL, "private, no-store"))
        .insert_header((DOCKER_CONTENT_DIGEST, digest.to_string()))
        .finish()
}

/// `HEAD …/blobs/<digest>`
pub(super) async fn head(exchange: &Exchange, image: &ImageName, digest: &Digest) -> Result<HttpResponse, Failure> {
    let permit = exchange.judge(&Inspect(image.clone()))?;
    let size = exchange.core.registry.blob_size(&permit, digest).await?;
    let mut response = HttpResponse::Ok();
    cacheable(&mut response, digest, permit.is_public(), true);
    response.insert_header((ACCEPT_RANGES, "bytes")).insert_header((CONTENT_TYPE, OCTET_STREAM));
    Ok(head_only(response, size))
}

/// `DELETE …/blobs/<digest>`
pub(super) async fn delete(exchange: &Exchange, image: &ImageName, digest: &Digest) -> Result<HttpResponse, Failure> {
    let permit = exchange.judge(&DeleteBlob(image.clone()))?;
    exchange.core.registry.delete_blob(&permit, digest).await?;
    exchange.record.audit_done("blob_deleted", &digest.to_string());
    Ok(HttpResponse::Accepted().finish())
}

/// The range that is wanted, where one is and the client's part is of the same content.
fn wanted(exchange: &Exchange, digest: &Digest) -> Option<Result<ByteRange, BadRange>> {
    let headers = exchange.headers();
    if headers.get(IF_RANGE).is_some_and(|tag| tag.as_bytes() != format!("\"{digest}\"").as_bytes()) {
        return None;
    }
    Some(headers.get(RANGE)?.to_str().map_err(|_| BadRange::Form).and_then(ByteRange::parse))
}

/// The bytes could not be read to their end. Nobody sees this text.
#[derive(Debug, thiserror::Error)]
#[error("the blob could not be read")]
struct Broken;
