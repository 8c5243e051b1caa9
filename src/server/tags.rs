//! The tag list.

use actix_web::HttpResponse;
use serde_json::json;

use super::error::Failure;
use super::exchange::Exchange;
use super::route::PageOf;
use super::{answer, lists};
use crate::oci::{ImageName, Tag};
use crate::policy::Pull;

/// `GET …/tags/list`
pub(super) async fn list(exchange: &Exchange, image: &ImageName, page: &PageOf) -> Result<HttpResponse, Failure> {
    let permit = exchange.judge(&Pull(image.clone()))?;
    let found = exchange.core.registry.tags(&permit, page.limit, page.last.as_deref()).await?;
    let mut response = HttpResponse::Ok();
    let last = found.entries.last().map(Tag::as_str).filter(|_| found.more && page.limit > 0);
    if let Some(last) = last {
        response.insert_header(lists::next(&format!("{}/tags/list", exchange.path_of(image)), page.limit, last));
    }
    let tags: Vec<&str> = found.entries.iter().map(Tag::as_str).collect();
    Ok(answer::json(response, &json!({"name": exchange.door.shown(image), "tags": tags})))
}
