//! Upload sessions, uploads in one request, and mounts.

use actix_web::http::header::{CONTENT_LENGTH, CONTENT_RANGE, LOCATION, RANGE};
use actix_web::{HttpResponse, HttpResponseBuilder};

use super::answer::{DOCKER_CONTENT_DIGEST, DOCKER_UPLOAD_UUID, OCI_CHUNK_MIN_LENGTH, upload_range};
use super::error::Failure;
use super::exchange::Exchange;
use crate::oci::{BadRange, ContentRange, Digest, ErrorCode, ImageName, UploadId};
use crate::policy::{Mount, Pull, Push, PushPermit, Question as _};
use crate::registry::{RegistryError, UploadStatus};

/// `POST …/blobs/uploads/`
pub(super) async fn start(exchange: &Exchange, image: &ImageName) -> Result<HttpResponse, Failure> {
    let permit = exchange.judge(&Push(image.clone()))?;
    started(exchange, image, &permit).await
}

async fn started(exchange: &Exchange, image: &ImageName, permit: &PushPermit) -> Result<HttpResponse, Failure> {
    let status = exchange.core.registry.start_upload(permit).await?;
    let mut response = HttpResponse::Accepted();
    // No chunk is too small for us; saying so spares clients a guess.
    response.insert_header((OCI_CHUNK_MIN_LENGTH, "1"));
    Ok(stands(exchange, image, response, &status))
}

/// `POST …/blobs/uploads/?digest=`
pub(super) async fn whole(exchange: &Exchange, image: &ImageName, digest: &Digest) -> Result<HttpResponse, Failure> {
    let question = Push(image.clone());
    let permit = exchange.judge(&question)?;
    let body = exchange.body();
    exchange.core.registry.upload_whole(&permit, digest, body, &exchange.confirm(question)).await?;
    Ok(created(exchange, image, digest))
}

/// `POST …/blobs/uploads/?mount=`
pub(super) async fn mount(
    exchange: &Exchange,
    image: &ImageName,
    digest: &Digest,
    from: Option<&ImageName>,
) -> Result<HttpResponse, Failure> {
    if from.is_some_and(|from| !exchange.door.serves(&exchange.published.model.snapshot, from)) {
        return start(exchange, image).await;
    }
    let question = Mount { image: image.clone(), from: from.cloned() };
    let permit = exchange.judge(&question)?;
    // An upload would do as well, but a client whose token lacks only the source spares it when told.
    if let Some(from) = from
        && permit.source().is_none()
        && exchange.decide(&question).is_ok_and(|permit| permit.source().is_some())
    {
        let scopes = [question.scope(), Pull(from.clone()).scope()];
        return Err(exchange.not_asked(scopes.iter().flatten()));
    }
    if exchange.core.registry.mount(&permit, digest).await? {
        return Ok(created(exchange, image, digest));
    }
    started(exchange, image, permit.push()).await
}

/// `GET …/blobs/uploads/<uuid>`
pub(super) async fn status(exchange: &Exchange, image: &ImageName, id: UploadId) -> Result<HttpResponse, Failure> {
    let permit = exchange.judge(&Push(image.clone()))?;
    let status = exchange.core.registry.upload_status(&permit, id).await?;
    Ok(stands(exchange, image, HttpResponse::NoContent(), &status))
}

/// `PATCH …/blobs/uploads/<uuid>`
pub(super) async fn append(exchange: &Exchange, image: &ImageName, id: UploadId) -> Result<HttpResponse, Failure> {
    let question = Push(image.clone());
    let permit = exchange.judge(&question)?;
    let range = content_range(exchange, &permit, id).await?;
    let body = exchange.body();
    let confirm = exchange.confirm(question);
    let status = exchange.core.registry.append_upload(&permit, id, range, body, &confirm).await?;
    Ok(stands(exchange, image, HttpResponse::Accepted(), &status))
}

/// `PUT …/blobs/uploads/<uuid>?digest=`
pub(super) async fn finish(
    exchange: &Exchange,
    image: &ImageName,
    id: UploadId,
    digest: &Digest,
) -> Result<HttpResponse, Failure> {
    let question = Push(image.clone());
    let permit = exchange.judge(&question)?;
    let range = content_range(exchange, &permit, id).await?;
    let body = exchange.body();
    let confirm = exchange.confirm(question);
    exchange.core.registry.finish_upload(&permit, id, range, body, digest, &confirm).await?;
    Ok(created(exchange, image, digest))
}

/// `DELETE …/blobs/uploads/<uuid>`
pub(super) async fn cancel(exchange: &Exchange, image: &ImageName, id: UploadId) -> Result<HttpResponse, Failure> {
    let permit = exchange.judge(&Push(image.clone()))?;
    exchange.core.registry.cancel_upload(&permit, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Where the client says that the chunk belongs. A range that ends before it begins fits nowhere and
/// is answered like one that does not fit where the upload stands.
async fn content_range(
    exchange: &Exchange,
    permit: &PushPermit,
    id: UploadId,
) -> Result<Option<ContentRange>, Failure> {
    let headers = exchange.headers();
    let Some(value) = headers.get(CONTENT_RANGE) else { return Ok(None) };
    // Clients that finish with an empty body sometimes send a range with it; there is nothing to place.
    if headers.get(CONTENT_LENGTH).is_some_and(|length| length.as_bytes() == b"0") {
        return Ok(None);
    }
    match value.to_str().map_err(|_| BadRange::Form).and_then(ContentRange::parse) {
        Ok(range) => Ok(Some(range)),
        Err(BadRange::Form) => Err(Failure::Bad {
            code: ErrorCode::RangeInvalid,
            message: "`Content-Range` has the form `<first byte>-<last byte>`".to_owned(),
        }),
        Err(BadRange::Reversed) => {
            let offset = exchange.core.registry.upload_status(permit, id).await?.offset;
            Err(Failure::Registry(RegistryError::UploadOffset { offset }))
        }
    }
}

fn stands(
    exchange: &Exchange,
    image: &ImageName,
    mut response: HttpResponseBuilder,
    status: &UploadStatus,
) -> HttpResponse {
    response
        .insert_header((LOCATION, format!("{}/blobs/uploads/{}", exchange.path_of(image), status.id)))
        .insert_header((DOCKER_UPLOAD_UUID, status.id.to_string()))
        .insert_header((RANGE, upload_range(status.offset)))
        .finish()
}

fn created(exchange: &Exchange, image: &ImageName, digest: &Digest) -> HttpResponse {
    exchange.record.audit_done("blob_pushed", &digest.to_string());
    HttpResponse::Created()
        .insert_header((LOCATION, format!("{}/blobs/{digest}", exchange.path_of(image))))
        .insert_header((DOCKER_CONTENT_DIGEST, digest.to_string()))
        .finish()
}
