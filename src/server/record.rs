//! What is written down of a request: one log line and the counters, when its last byte is sent.

use std::cell::{Cell, RefCell};
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use actix_web::http::header::HeaderMap;

use super::site::Core;
use crate::live::Published;

/// The longest text that is logged, in characters.
const LOGGED_MAX_CHARS: usize = 512;

/// A request's record. Dropping it writes the line, also where the client went away before the end.
pub(super) struct Record {
    core: Arc<Core>,
    started: Instant,
    method: String,
    path: String,
    pub address: IpAddr,
    pub trace: String,
    /// The configuration that the request is judged by.
    published: RefCell<Arc<Published>>,
    pub operation: Cell<&'static str>,
    pub image: RefCell<Option<String>>,
    pub user: RefCell<Option<String>>,
    pub rule: RefCell<Option<String>>,
    pub status: Cell<u16>,
    pub received: Cell<u64>,
    pub sent: Cell<u64>,
}

impl Record {
    pub(super) fn begin(
        core: Arc<Core>,
        method: &str,
        path: &str,
        headers: &HeaderMap,
        address: IpAddr,
        published: &Arc<Published>,
    ) -> Self {
        core.metrics.begin();
        Self {
            core,
            started: Instant::now(),
            method: printable(method),
            path: printable(path),
            address,
            trace: trace_id(headers),
            published: RefCell::new(Arc::clone(published)),
            operation: Cell::new("none"),
            image: RefCell::default(),
            user: RefCell::default(),
            rule: RefCell::default(),
            // Stands where the client goes away before there is an answer, as in nginx.
            status: Cell::new(499),
            received: Cell::new(0),
            sent: Cell::new(0),
        }
    }

    /// Notes that the request was judged again.
    pub(super) fn judge_by(&self, published: &Arc<Published>) {
        *self.published.borrow_mut() = Arc::clone(published);
    }

    /// How long the request has been running.
    pub(super) fn elapsed(&self) -> std::time::Duration {
        self.started.elapsed()
    }

    /// When the request began.
    pub(super) fn started(&self) -> Instant {
        self.started
    }

    /// Writes an audit line on something that was done, with the rule that allowed it.
    pub(super) fn audit_done(&self, event: &'static str, subject: &str) {
        let published = self.published.borrow();
        tracing::info!(
            target: "audit",
            event,
            image = self.image.borrow().as_deref().unwrap_or_default(),
            subject = %printable(subject),
            user = self.user.borrow().as_deref().unwrap_or("anonymous"),
            rule = self.rule.borrow().as_deref().unwrap_or_default(),
            address = %self.address,
            generation = published.generation,
            hash = published.compiled.hash.as_str(),
            commit = published.commit.as_deref(),
            trace = self.trace,
        );
    }

    /// Writes an audit line on something that was refused.
    pub(super) fn audit_refused(&self, event: &'static str, user: Option<&str>, reason: &str) {
        let logged = self.user.borrow();
        let user = user.map(printable);
        let published = self.published.borrow();
        tracing::warn!(
            target: "audit",
            event,
            operation = self.operation.get(),
            image = self.image.borrow().as_deref().unwrap_or_default(),
            user = user.as_deref().or(logged.as_deref()).unwrap_or("anonymous"),
            reason,
            address = %self.address,
            generation = published.generation,
            hash = published.compiled.hash.as_str(),
            commit = published.commit.as_deref(),
            trace = self.trace,
        );
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let elapsed = self.started.elapsed();
        let status = self.status.get();
        let (received, sent) = (self.received.get(), self.sent.get());
        self.core.metrics.end(self.operation.get(), status, elapsed.as_secs_f64(), received, sent);
        tracing::info!(
            target: "request",
            method = self.method,
            path = self.path,
            image = self.image.borrow().as_deref().unwrap_or_default(),
            user = self.user.borrow().as_deref().unwrap_or_default(),
            status,
            received,
            bytes = sent,
            duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            address = %self.address,
            generation = self.published.borrow().generation,
            trace = self.trace,
        );
    }
}

/// A text from outside in a form that cannot forge log lines.
pub(super) fn printable(text: &str) -> String {
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\'' | b'\\');
    if text.len() <= LOGGED_MAX_CHARS && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    text.chars().take(LOGGED_MAX_CHARS).flat_map(char::escape_debug).collect()
}

/// The trace that the request belongs to (W3C Trace Context), or a new one.
fn trace_id(headers: &HeaderMap) -> String {
    let given = headers.get("traceparent").and_then(|value| value.to_str().ok()).and_then(|value| {
        let id = value.split('-').nth(1)?;
        let is_hex = id.len() == 32 && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        (is_hex && id.bytes().any(|b| b != b'0')).then(|| id.to_owned())
    });
    given.unwrap_or_else(new_trace_id)
}

/// An identifier that no other request has. Nobody need be kept from guessing it, so it asks the system
/// for random bytes once.
fn new_trace_id() -> String {
    static KEY: LazyLock<[RandomState; 2]> = LazyLock::new(|| [RandomState::new(), RandomState::new()]);
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let [high, low] = KEY.each_ref().map(|key| key.hash_one(number));
    // All zeros would say that there is none.
    format!("{high:016x}{:016x}", low | 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    #[test]
    fn logged_text_stays_on_its_line() {
        assert_eq!(printable("a\nb\x1b[0m\0"), r"a\nb\u{1b}[0m\0");
        assert_eq!(printable(&"x".repeat(10_000)).len(), LOGGED_MAX_CHARS);
    }

    #[test]
    fn takes_a_trace_that_is_one() {
        let with = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HeaderName::from_static("traceparent"), HeaderValue::from_str(value).unwrap());
            trace_id(&headers)
        };
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(with(&format!("00-{id}-00f067aa0ba902b7-01")), id);
        for value in ["", "00", "00-xyz-1-1", &format!("00-{}-1-1", "0".repeat(32))] {
            assert_eq!(with(value).len(), 32, "{value}");
            assert_ne!(with(value), "0".repeat(32), "{value}");
        }
    }
}
