//! The referrers of a manifest.

use actix_web::HttpResponse;
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
) -> Result<HttpResponse, Failure> {
    let permit = exchange.judge(&Pull(image.clone()))?;
    let found = exchange.core.registry.referrers(&permit, digest, artifact_type).await?;
    let mut response = HttpResponse::Ok();
    if artifact_type.is_some() {
        response.insert_header((OCI_FILTERS_APPLIED, "artifactType"));
    }
    let manifests: Vec<Value> = found.iter().map(descriptor).collect();
    let index = json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": manifests});
    Ok(response.content_type(MediaType::OCI_INDEX).body(index.to_string()))
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
