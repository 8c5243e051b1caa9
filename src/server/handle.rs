//! The walk of one request: route, configuration, caller, resource, answer.

use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::sync::Arc;

use actix_web::body::BodySize;
use actix_web::body::MessageBody as _;
use actix_web::http::header::{HeaderValue, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use jiff::Timestamp;

use super::answer::DOCKER_API_VERSION;
use super::body::Unread;
use super::error::{self, Failure};
use super::exchange::Exchange;
use super::guard::Caller;
use super::record::Record;
use super::route::{self, Operation, RouteError};
use super::site::Site;
use super::{base, blobs, catalog, health, manifests, origin, referrers, reload, tags, token_endpoint, uploads};

/// Answers every request of a listener.
pub(super) async fn handle(request: HttpRequest, payload: Payload, site: Data<Site>) -> HttpResponse {
    let published = site.core.live.current();
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    let trusted = &published.model.settings.trusted_proxies;
    let address = origin::client_address(peer, request.headers(), trusted);
    let core = Arc::clone(&site.core);
    let (method, path) = (request.method().as_str(), request.path());
    let record = Rc::new(Record::begin(core, method, path, request.headers(), address, &published));

    let payload = Unread::new(payload);
    let is_of_the_specification = path.starts_with("/v2");
    let routed = site.door(&published).ok_or(RouteError::NotFound).and_then(|door| {
        let raw_path = request.uri().path();
        let operation = route::route(request.method(), raw_path, request.query_string(), door.prefix.as_deref())?;
        Ok((door, operation))
    });
    let mut response = match routed {
        Err(error) => error::plain(error),
        Ok((door, operation)) => {
            record.operation.set(operation.label());
            *record.image.borrow_mut() = operation.image().map(ToString::to_string);
            let mut exchange = Exchange {
                core: Arc::clone(&site.core),
                published,
                door,
                request,
                record: Rc::clone(&record),
                payload: payload.clone(),
                caller: Caller::anonymous(),
                now: Timestamp::now(),
            };
            match perform(&mut exchange, &operation).await {
                Ok(response) => response,
                Err(failure) => error::answer(failure, &exchange, &operation),
            }
        }
    };
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if is_of_the_specification {
        headers.insert(DOCKER_API_VERSION, HeaderValue::from_static("registry/2.0"));
    }
    record.status.set(response.status().as_u16());
    if let (BodySize::Sized(size), true) = (response.body().size(), record.operation.get() != "blob_get") {
        record.sent.set(size);
    }
    payload.hold(response)
}

async fn perform(exchange: &mut Exchange, operation: &Operation) -> Result<HttpResponse, Failure> {
    // These two are for machines that know no password.
    match operation {
        Operation::Live => return Ok(health::live()),
        Operation::Ready => return Ok(health::ready(exchange).await),
        Operation::Metrics => return Ok(health::metrics(exchange)),
        // The token endpoint finds out by itself who asks.
        Operation::GetToken => return token_endpoint::get(exchange).await,
        Operation::PostToken => return token_endpoint::post(exchange).await,
        _ => exchange.identify(operation.scope().as_ref()).await?,
    }
    // A future is moved several times before it runs, and the largest of these is twenty times as large as that of
    // reading a manifest: what most requests do not need is held apart.
    match operation {
        Operation::Live | Operation::Ready | Operation::Metrics | Operation::GetToken | Operation::PostToken => {
            Err(Failure::Route(RouteError::NotFound))
        }
        Operation::Status => {
            // No scope asks for what is wrong with the configuration: a token, even an admin's, which is
            // handed to tools for something else, is told what everybody is told.
            if exchange.caller.is_token() {
                exchange.caller = Caller::anonymous();
            }
            health::status(exchange).await
        }
        Operation::Reload { accept } => reload::post(exchange, accept.as_deref()).await,
        Operation::Base => base::get(exchange),
        Operation::Catalog(page) => Box::pin(catalog::list(exchange, page)).await,
        Operation::Tags { image, page } => tags::list(exchange, image, page).await,
        Operation::Referrers { image, digest, artifact_type, last } => {
            referrers::list(exchange, image, digest, artifact_type.as_deref(), last.as_ref()).await
        }
        Operation::GetManifest { image, reference } => manifests::get(exchange, image, reference).await,
        Operation::HeadManifest { image, reference } => manifests::head(exchange, image, reference).await,
        Operation::PutManifest { image, reference, tags } => {
            Box::pin(manifests::put(exchange, image, reference, tags)).await
        }
        Operation::DeleteManifest { image, reference } => Box::pin(manifests::delete(exchange, image, reference)).await,
        Operation::GetBlob { image, digest } => blobs::get(exchange, image, digest).await,
        Operation::HeadBlob { image, digest } => blobs::head(exchange, image, digest).await,
        Operation::DeleteBlob { image, digest } => blobs::delete(exchange, image, digest).await,
        Operation::StartUpload { image } => Box::pin(uploads::start(exchange, image)).await,
        Operation::UploadWhole { image, digest } => Box::pin(uploads::whole(exchange, image, digest)).await,
        Operation::Mount { image, digest, from } => {
            Box::pin(uploads::mount(exchange, image, digest, from.as_ref())).await
        }
        Operation::UploadStatus { image, id } => Box::pin(uploads::status(exchange, image, *id)).await,
        Operation::AppendUpload { image, id } => Box::pin(uploads::append(exchange, image, *id)).await,
        Operation::FinishUpload { image, id, digest } => Box::pin(uploads::finish(exchange, image, *id, digest)).await,
        Operation::CancelUpload { image, id } => Box::pin(uploads::cancel(exchange, image, *id)).await,
    }
}
