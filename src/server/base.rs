//! `GET /v2/`: is this a registry, and may I use it?

use actix_web::HttpResponse;

use super::answer;
use super::error::Failure;
use super::exchange::Exchange;
use crate::policy::SignIn;

/// As soon as there are users, clients without credentials get a challenge whatever anybody may do:
/// they choose their way of signing in from this answer alone.
pub(super) fn get(exchange: &Exchange) -> Result<HttpResponse, Failure> {
    if !exchange.caller.presented_something() {
        if exchange.published.model.snapshot.has_users() {
            return Err(Failure::Unauthorized(exchange.challenge(None, None)));
        }
    } else {
        exchange.judge(&SignIn)?;
    }
    Ok(answer::json(HttpResponse::Ok(), &serde_json::json!({})))
}
