//! The catalog.

use actix_web::HttpResponse;
use serde_json::json;

use super::error::Failure;
use super::exchange::Exchange;
use super::route::PageOf;
use super::{answer, lists};
use crate::policy::ListCatalog;

/// `GET /v2/_catalog`: what the caller may see, and nothing that tells of anything else.
pub(super) async fn list(exchange: &Exchange, page: &PageOf) -> Result<HttpResponse, Failure> {
    let permit = exchange.judge(&ListCatalog { only: exchange.door.prefix.clone() })?;
    let found = exchange.core.registry.catalog(&permit, page.limit, page.last.as_deref()).await?;
    let names: Vec<String> = found.entries.iter().map(|image| exchange.door.shown(image)).collect();
    let mut response = HttpResponse::Ok();
    if let Some(last) = names.last().filter(|_| found.more && page.limit > 0) {
        response.insert_header(lists::next("/v2/_catalog", page.limit, last));
    }
    Ok(answer::json(response, &json!({"repositories": names})))
}
