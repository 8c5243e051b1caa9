//! The referrers of a manifest.

use actix_web::HttpResponse;
use actix_web::http::header::LINK;
use serde_json::{Map, Value, json};

use super::answer::OCI_FILTERS_APPLIED;
use super::error::Failure;
use super::exchange::Exchange;
use crate::oci::{Digest, ImageName, MediaType};
use crate::policy::Pull;
use crate::registry::Referrer;

/// `GET …/referrers/<digest>`
pub(super) async fn list(
    exchange: &Exchange,
    image: &ImageName,
    digest: &Digest,
    artifact_type: Option<&str>,
    last: Option<&Digest>,
) -> Result<HttpResponse, Failure> {
    let permit = exchange.judge(&Pull(image.clone()))?;
    let found = exchange.core.registry.referrers(&permit, digest, artifact_type, last).await?;
    let mut response = HttpResponse::Ok();
    if artifact_type.is_some() {
        response.insert_header((OCI_FILTERS_APPLIED, "artifactType"));
    }
    if let Some(last) = found.entries.last().filter(|_| found.more) {
        let path = format!("{}/referrers/{digest}", exchange.path_of(image));
        response.insert_header((LINK, next(&path, artifact_type, &last.digest)));
    }
    let manifests: Vec<Value> = found.entries.iter().map(descriptor).collect();
    let index = json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": manifests});
    Ok(response.content_type(MediaType::OCI_INDEX).body(index.to_string()))
}

/// The `Link` to the next page (OCI distribution specification 1.1, "Listing Referrers"), with the
/// filter, which may hold any character.
fn next(path: &str, artifact_type: Option<&str>, last: &Digest) -> String {
    let filter = artifact_type.map(|text| format!("artifactType={}&", escaped(text))).unwrap_or_default();
    format!("<{path}?{filter}last={last}>; rel=\"next\"")
}

/// A text as it stands in a query: all but letters, digits and a few signs escaped.
fn escaped(text: &str) -> String {
    let escaped = |byte: u8| match byte {
        b'-' | b'.' | b'_' | b'~' | b'/' => char::from(byte).to_string(),
        _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escaped).collect()
}

fn descriptor(referrer: &Referrer) -> Value {
    let mut entry = Map::new();
    entry.insert("mediaType".to_owned(), json!(referrer.media_type));
    entry.insert("digest".to_owned(), json!(referrer.digest.to_string()));
    entry.insert("size".to_owned(), json!(referrer.size));
    if let Some(artifact_type) = &referrer.artifact_type {
        entry.insert("artifactType".to_owned(), json!(artifact_type));
    }
    if !referrer.annotations.is_empty() {
        entry.insert("annotations".to_owned(), json!(referrer.annotations));
    }
    Value::Object(entry)
}
