//! `/token`: Docker's token specification, GET with Basic and POST with a form.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Query;
use serde_json::json;

use super::error::Failure;
use super::exchange::Exchange;
use super::guard::{self, Presented, Stranger};
use super::token::{Access, TOKEN_MAX_BYTES, Wish};
use super::{answer, body};
use crate::identity::Subject;
use crate::oci::{ErrorCode, ImageName, Scope, ScopeAction};
use crate::policy::{DeleteManifest, ListCatalog, Pull, Push};

/// The largest form that is read, in bytes.
const FORM_MAX_BYTES: usize = 16 * 1024;
/// The longest scopes of one token, all together, in bytes: a token has to fit into a header.
const SCOPES_MAX_BYTES: usize = 4096;

/// What a client asks the token endpoint for.
#[derive(Default)]
struct Form {
    service: Option<String>,
    scopes: Vec<String>,
    grant_type: Option<String>,
    user: Option<String>,
    password: Option<String>,
}

/// `GET /token`
pub(super) async fn get(exchange: &mut Exchange) -> Result<HttpResponse, Failure> {
    let form = read(exchange.request.query_string())?;
    sign_in_by_header(exchange).await?;
    issue(exchange, &form)
}

/// `POST /token`, with the password grant of OAuth 2 (RFC 6749, section 4.3).
pub(super) async fn post(exchange: &mut Exchange) -> Result<HttpResponse, Failure> {
    let limit = exchange.core.limits.small_body;
    let body = body::whole(exchange.body(), exchange.headers(), FORM_MAX_BYTES, limit).await?;
    let text = std::str::from_utf8(&body).map_err(|_| bad("the form cannot be read"))?;
    // The body may have taken its time: whoever is signed in is one of today.
    exchange.renew()?;
    let form = read(text)?;
    match form.grant_type.as_deref() {
        Some("password") => {}
        Some("refresh_token") => return Err(bad("refresh tokens are not issued: use the `password` grant")),
        _ => return Err(bad("`grant_type` must be `password`")),
    }
    match (&form.user, &form.password) {
        (Some(user), Some(password)) => {
            // A header beside the form is judged as well: whatever is presented must be right.
            sign_in_by_header(exchange).await?;
            let found = exchange.check_password(user, password).await;
            exchange.enter(found, None)?;
        }
        (None, None) => sign_in_by_header(exchange).await?,
        _ => return Err(bad("`username` and `password` belong together")),
    }
    issue(exchange, &form)
}

/// Only a password gives a token: a token that could be exchanged for another would never end.
async fn sign_in_by_header(exchange: &mut Exchange) -> Result<(), Failure> {
    match guard::presented(exchange.headers()) {
        Ok(Presented::Bearer(_)) => exchange.enter(Err(Stranger::Token), None),
        _ => exchange.identify(None).await,
    }
}

fn read(text: &str) -> Result<Form, Failure> {
    let pairs = Query::<Vec<(String, String)>>::from_query(text).map_err(|_| bad("the request cannot be read"))?;
    let mut form = Form::default();
    for (key, value) in pairs.into_inner() {
        match key.as_str() {
            "service" => form.service = Some(value),
            "scope" => form.scopes.extend(value.split_ascii_whitespace().map(str::to_owned)),
            "grant_type" => form.grant_type = Some(value),
            "username" => form.user = Some(value),
            "password" => form.password = Some(value),
            _ => {}
        }
    }
    Ok(form)
}

fn issue(exchange: &Exchange, form: &Form) -> Result<HttpResponse, Failure> {
    let service = exchange.service();
    if form.service.as_ref().is_some_and(|asked| *asked != service) {
        return Err(bad(&format!("the service here is `{service}`")));
    }
    if form.scopes.iter().map(String::len).sum::<usize>() > SCOPES_MAX_BYTES {
        return Err(bad("too many scopes for one token"));
    }
    let mut asked = Vec::new();
    let mut access = Vec::new();
    for text in &form.scopes {
        let scope = Scope::parse(text).map_err(|error| bad(&error.to_string()))?;
        access.push(allowed(exchange, &scope)?);
        asked.push(inside(exchange, scope)?);
    }
    let user = match &exchange.caller.subject {
        Subject::Anonymous => None,
        Subject::User(user) => {
            let version =
                exchange.caller.secret().ok_or(Failure::Internal("a user without a secret asks for a token"))?;
            Some((&user.name, version))
        }
    };
    let ttl: Duration = exchange.published.model.settings.token_ttl;
    let access = access.into_iter().flatten().collect();
    let wish = Wish { user, service: &service, asked: &asked, access, now: exchange.now, ttl };
    let signed = exchange.core.tokens.sign(wish).ok_or(Failure::Internal("a token could not be signed"))?;
    if signed.token.len() > TOKEN_MAX_BYTES {
        return Err(bad("too many scopes for one token"));
    }
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "no-store"));
    let reply = json!({
        "token": signed.token,
        "access_token": signed.token,
        "token_type": "Bearer",
        "expires_in": signed.expires_in.as_secs(),
        "issued_at": exchange.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    });
    Ok(answer::json(response, &reply))
}

/// The scope under the image's full name.
fn inside(exchange: &Exchange, scope: Scope) -> Result<Scope, Failure> {
    match scope {
        Scope::Repository(shown, actions) => Ok(Scope::Repository(full_name(exchange, &shown)?, actions)),
        Scope::Catalog => Ok(Scope::Catalog),
    }
}

fn full_name(exchange: &Exchange, shown: &ImageName) -> Result<ImageName, Failure> {
    exchange.door.full(shown).ok_or_else(|| bad("the scope's name is too long"))
}

/// What of a scope is allowed today: information for the client, which decides nothing.
fn allowed(exchange: &Exchange, scope: &Scope) -> Result<Option<Access>, Failure> {
    Ok(match scope {
        Scope::Repository(shown, actions) => {
            let image = full_name(exchange, shown)?;
            let may = |action: &ScopeAction| match action {
                ScopeAction::Pull => exchange.decide(&Pull(image.clone())).is_ok(),
                ScopeAction::Push => exchange.decide(&Push(image.clone())).is_ok(),
                ScopeAction::Delete => exchange.decide(&DeleteManifest(image.clone())).is_ok(),
            };
            let actions: Vec<_> = actions.iter().filter(may).map(ScopeAction::as_str).collect();
            (!actions.is_empty()).then(|| Access { kind: "repository", name: shown.to_string(), actions })
        }
        Scope::Catalog => {
            let question = ListCatalog { only: exchange.door.prefix.clone() };
            exchange.decide(&question).is_ok().then(|| Access {
                kind: "registry",
                name: "catalog".to_owned(),
                actions: vec!["*"],
            })
        }
    })
}

fn bad(message: &str) -> Failure {
    Failure::Bad { code: ErrorCode::Unsupported, message: message.to_owned() }
}
