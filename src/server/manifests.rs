//! Manifests: reading, looking, pushing and deleting.

use actix_web::HttpResponse;
use actix_web::http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, LOCATION, VARY};

use super::answer::{DOCKER_CONTENT_DIGEST, OCI_SUBJECT, OCI_TAG, cacheable, head_only, is_known};
use super::body;
use super::error::Failure;
use super::exchange::Exchange;
use crate::oci::{Digest, ErrorCode, ImageName, MANIFEST_MAX_BYTES, Manifest, MediaType, Reference, Tag};
use crate::policy::{DeleteManifest, DeleteTag, Inspect, Pull, PutManifest};
use crate::registry::StoredManifest;

/// `GET …/manifests/<reference>`
pub(super) async fn get(
    exchange: &Exchange,
    image: &ImageName,
    reference: &Reference,
) -> Result<HttpResponse, Failure> {
    let permit = exchange.judge(&Pull(image.clone()))?;
    let stored = exchange.core.registry.manifest(&permit, reference).await?;
    found(exchange, reference, stored, permit.is_public(), false)
}

/// `HEAD …/manifests/<reference>`
pub(super) async fn head(
    exchange: &Exchange,
    image: &ImageName,
    reference: &Reference,
) -> Result<HttpResponse, Failure> {
    let permit = exchange.judge(&Inspect(image.clone()))?;
    let stored = exchange.core.registry.manifest(&permit, reference).await?;
    found(exchange, reference, stored, permit.is_public(), true)
}

fn found(
    exchange: &Exchange,
    reference: &Reference,
    stored: StoredManifest,
    is_public: bool,
    is_head: bool,
) -> Result<HttpResponse, Failure> {
    if !accepts(exchange.headers(), &stored.media_type) {
        return Err(Failure::NotAccepted { media_type: stored.media_type.to_string() });
    }
    let is_immutable = matches!(reference, Reference::Digest(_));
    let is_known = is_known(exchange.headers(), &stored.digest);
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    cacheable(&mut response, &stored.digest, is_public, is_immutable);
    response.insert_header((VARY, "Accept"));
    if is_known {
        return Ok(response.finish());
    }
    response.insert_header((CONTENT_TYPE, stored.media_type.as_str()));
    if is_head {
        return Ok(head_only(response, stored.body.len() as u64));
    }
    Ok(response.body(stored.body))
}

/// Whether a client can use a media type. One that names none takes what there is.
fn accepts(headers: &HeaderMap, media_type: &MediaType) -> bool {
    let mut names_any = false;
    for range in headers.get_all(ACCEPT).filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
        if essence.is_empty() {
            continue;
        }
        names_any = true;
        let is_unwanted = parts.any(|part| {
            part.strip_prefix("q=").is_some_and(|quality| quality.parse::<f32>().is_ok_and(|quality| quality == 0.0))
        });
        let fits = essence == "*/*" || essence == media_type.as_str() || essence == "application/*";
        if fits && !is_unwanted {
            return true;
        }
    }
    !names_any
}

/// `PUT …/manifests/<reference>`
pub(super) async fn put(
    exchange: &mut Exchange,
    image: &ImageName,
    reference: &Reference,
    query_tags: &[Tag],
) -> Result<HttpResponse, Failure> {
    let (expected, mut tags) = match reference {
        Reference::Digest(digest) => (Some(digest), Vec::new()),
        Reference::Tag(tag) => (None, vec![tag.clone()]),
    };
    for tag in query_tags {
        if !tags.contains(tag) {
            tags.push(tag.clone());
        }
    }
    let question = PutManifest { image: image.clone(), tags };
    // Judged before the body is read, so that nobody has to send what is refused.
    let mut permit = exchange.judge(&question)?;
    let limit = exchange.core.limits.small_body;
    let body = body::whole(exchange.body(), exchange.headers(), MANIFEST_MAX_BYTES, limit).await?;
    if exchange.is_old() {
        exchange.renew()?;
        permit = exchange.judge(&question)?;
    }
    let media_type = sent_as(exchange.headers(), &body)?;
    let pushed = exchange.core.registry.put_manifest(&permit, &media_type, body, expected).await?;
    exchange.record.audit_done("manifest_pushed", &subject(&pushed.digest, &pushed.tags));
    let mut response = HttpResponse::Created();
    response
        .insert_header((LOCATION, format!("{}/manifests/{}", exchange.path_of(image), pushed.digest)))
        .insert_header((DOCKER_CONTENT_DIGEST, pushed.digest.to_string()));
    if let Some(subject) = &pushed.subject {
        response.insert_header((OCI_SUBJECT, subject.to_string()));
    }
    if !query_tags.is_empty() {
        for tag in &pushed.tags {
            response.append_header((OCI_TAG, tag.to_string()));
        }
    }
    Ok(response.finish())
}

/// The media type under which a manifest was sent; where the client does not say, what its body says.
fn sent_as(headers: &HeaderMap, body: &[u8]) -> Result<MediaType, Failure> {
    let bad = |message: &str| Failure::Bad { code: ErrorCode::ManifestInvalid, message: message.to_owned() };
    match headers.get(CONTENT_TYPE) {
        Some(value) => {
            value.to_str().ok().and_then(MediaType::parse).ok_or_else(|| bad("`Content-Type` is not a media type"))
        }
        None => Manifest::sniff(body).ok_or_else(|| bad("`Content-Type` is missing, and the body is no manifest")),
    }
}

fn subject(digest: &Digest, tags: &[Tag]) -> String {
    tags.iter().fold(digest.to_string(), |text, tag| format!("{text} {tag}"))
}

/// `DELETE …/manifests/<reference>`
pub(super) async fn delete(
    exchange: &Exchange,
    image: &ImageName,
    reference: &Reference,
) -> Result<HttpResponse, Failure> {
    match reference {
        Reference::Tag(tag) => {
            let permit = exchange.judge(&DeleteTag { image: image.clone(), tag: tag.clone() })?;
            exchange.core.registry.delete_tag(&permit).await?;
            exchange.record.audit_done("tag_deleted", tag.as_str());
        }
        Reference::Digest(digest) => {
            let permit = exchange.judge(&DeleteManifest(image.clone()))?;
            exchange.core.registry.delete_manifest(&permit, digest).await?;
            exchange.record.audit_done("manifest_deleted", &digest.to_string());
        }
    }
    Ok(HttpResponse::Accepted().finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    #[test]
    fn a_manifest_is_given_to_those_who_can_use_it() {
        let given = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(ACCEPT, HeaderValue::from_str(value).unwrap());
            }
            accepts(&headers, &MediaType::parse(MediaType::OCI_INDEX).unwrap())
        };
        assert!(given(&[]));
        assert!(given(&["*/*"]));
        assert!(given(&["application/*;q=0.1"]));
        assert!(given(&[MediaType::DOCKER_MANIFEST, MediaType::OCI_INDEX]));
        assert!(given(&[&format!("{}, {};q=0.5", MediaType::DOCKER_MANIFEST, MediaType::OCI_INDEX)]));
        assert!(!given(&[MediaType::OCI_MANIFEST]));
        assert!(!given(&[&format!("{};q=0", MediaType::OCI_INDEX)]));
    }
}
