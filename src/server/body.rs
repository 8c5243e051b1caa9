//! Request bodies: with a bound on silence, and, where they have to fit in memory, on size and time.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap};
use actix_web::web::{Bytes, BytesMut, Payload};
use futures_util::{Stream, StreamExt as _, stream};

use super::error::Failure;
use super::record::Record;
use crate::registry::BodyError;

/// A request body as the registry takes it.
pub(super) type Body = Pin<Box<dyn Stream<Item = Result<Bytes, BodyError>>>>;

/// A request's bytes that nobody has asked for yet.
///
/// As long as one of these lives, actix closes the connection after the answer when bytes are left,
/// where it would otherwise read a chunked body for as long as the client likes to send it.
#[derive(Clone)]
pub(super) struct Unread(Rc<RefCell<Payload>>);

impl Unread {
    pub(super) fn new(payload: Payload) -> Self {
        Self(Rc::new(RefCell::new(payload)))
    }

    /// Ties the rest of the request to an answer, until that is sent.
    pub(super) fn hold(self, response: HttpResponse) -> HttpResponse {
        response.map_body(|_, answer| Held { answer, _rest: self }.boxed())
    }
}

struct Held {
    answer: BoxBody,
    _rest: Unread,
}

impl MessageBody for Held {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.answer.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.answer).poll_next(cx)
    }
}

/// A body that ends with an error where the client sends nothing for `idle`.
pub(super) fn stream(payload: Unread, idle: Duration, record: Rc<Record>) -> Body {
    Box::pin(stream::unfold(Some((payload, record)), move |state| async move {
        let (payload, record) = state?;
        let next = std::future::poll_fn(|cx| payload.0.borrow_mut().poll_next_unpin(cx));
        match tokio::time::timeout(idle, next).await {
            Err(_) => Some((Err(BodyError::Idle), None)),
            Ok(None) => None,
            Ok(Some(Err(error))) => Some((Err(BodyError::Broken(error.to_string())), None)),
            Ok(Some(Ok(bytes))) => {
                record.received.set(record.received.get() + bytes.len() as u64);
                Some((Ok(bytes), Some((payload, record))))
            }
        }
    }))
}

/// The length that the client announced.
pub(super) fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads a whole body of at most `max_bytes` within `time`.
pub(super) async fn whole(
    mut body: Body,
    headers: &HeaderMap,
    max_bytes: usize,
    time: Duration,
) -> Result<Bytes, Failure> {
    if announced(headers).is_some_and(|length| length > max_bytes as u64) {
        return Err(Failure::TooLarge { max_bytes });
    }
    let read = async {
        let mut whole = BytesMut::new();
        while let Some(bytes) = body.next().await {
            let bytes = bytes.map_err(|error| Failure::Registry(error.into()))?;
            if whole.len() + bytes.len() > max_bytes {
                return Err(Failure::TooLarge { max_bytes });
            }
            whole.extend_from_slice(&bytes);
        }
        Ok(whole.freeze())
    };
    tokio::time::timeout(time, read).await.map_err(|_| Failure::Registry(BodyError::Idle.into()))?
}
