//! `POST /-/reload`: an admin has the folder read now, and may accept what it removes.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderName, ORIGIN};
use serde_json::json;

use super::answer;
use super::error::Failure;
use super::exchange::Exchange;
use super::health;
use crate::identity::Subject;

/// Browsers say with it from where a request comes.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Reads the folder and answers when what is there is in force, or why it is not. `accept` is the content
/// hash of a tree that may remove as much as it does.
pub(super) async fn post(exchange: &Exchange, accept: Option<&str>) -> Result<HttpResponse, Failure> {
    authorize(exchange)?;
    *exchange.record.rule.borrow_mut() = Some("admin".to_owned());
    exchange.record.audit_done("reload", accept.unwrap_or_default());
    let (core, wanted) = (Arc::clone(&exchange.core), accept.map(str::to_owned));
    let reloaded = tokio::task::spawn_blocking(move || core.live.reload_accepting(wanted)).await;
    let reloaded = reloaded.map_err(|_| Failure::Internal("a reload that was asked for ended early"))?;
    let is_other = accept.is_some() && accept != reloaded.hash.as_deref();
    let (status, result) = match () {
        () if reloaded.problem.is_some() => (StatusCode::SERVICE_UNAVAILABLE, "failed"),
        () if is_other => (StatusCode::CONFLICT, "other hash"),
        () if reloaded.is_new => (StatusCode::OK, "published"),
        () => (StatusCode::OK, "unchanged"),
    };
    let (published, problem) = (Arc::clone(&reloaded.published), reloaded.problem.clone());
    let mut state = health::state(&exchange.core, published, problem, true).await?;
    if let Some(state) = state.as_object_mut() {
        state.insert("result".to_owned(), json!(result));
        // What was read, which is not in force where the reload failed.
        state.insert("hash_read".to_owned(), json!(reloaded.hash));
    }
    let mut response = HttpResponse::build(status);
    response.insert_header((CACHE_CONTROL, "no-store"));
    Ok(answer::json(response, &state))
}

/// Lets an admin through who signed in with a password: a token is handed to tools for something else. No
/// browser sends this request for a page of somebody else's.
fn authorize(exchange: &Exchange) -> Result<(), Failure> {
    let headers = exchange.headers();
    let is_ours = |value: &[u8]| matches!(value, b"same-origin" | b"none");
    let is_foreign =
        headers.contains_key(ORIGIN) || headers.get(&SEC_FETCH_SITE).is_some_and(|site| !is_ours(site.as_bytes()));
    match &exchange.caller.subject {
        Subject::User(user) if user.admin && !exchange.caller.is_token() && !is_foreign => Ok(()),
        Subject::User(_) if !exchange.caller.is_token() => {
            exchange.refuse("no_admin");
            Err(Failure::Denied)
        }
        Subject::User(_) | Subject::Anonymous => {
            exchange.refuse("no_password");
            Err(Failure::Unauthorized(exchange.challenge(None, None)))
        }
    }
}
