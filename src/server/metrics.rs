//! Counters in Prometheus' text format.

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::registry::GarbageCounts;

/// Upper ends of the duration buckets, in seconds.
const DURATIONS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0, 300.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    operation: &'static str,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Timed {
    operation: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Result {
    result: &'static str,
}

/// How the search for a caller ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SignIn {
    Anonymous,
    Password,
    Token,
    WrongPassword,
    WrongToken,
    TooMany,
}

/// All counters. Cheap to add to from any thread.
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    durations: Family<Timed, Histogram, fn() -> Histogram>,
    received: Counter<u64, AtomicU64>,
    sent: Counter<u64, AtomicU64>,
    sign_ins: Family<Result, Counter>,
    refusals: Family<Result, Counter>,
    garbage_runs: Counter<u64, AtomicU64>,
    garbage_failures: Counter<u64, AtomicU64>,
    garbage_freed: Counter<u64, AtomicU64>,
    garbage_success: Gauge,
    generation: Gauge,
    in_flight: Gauge,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("portolan");
        let durations: fn() -> Histogram = || Histogram::new(DURATIONS);
        let metrics = Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(durations),
            received: Counter::default(),
            sent: Counter::default(),
            sign_ins: Family::default(),
            refusals: Family::default(),
            garbage_runs: Counter::default(),
            garbage_failures: Counter::default(),
            garbage_freed: Counter::default(),
            garbage_success: Gauge::default(),
            generation: Gauge::default(),
            in_flight: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register("requests", "Requests by operation and status class", metrics.requests.clone());
        registry.register("request_duration_seconds", "Time until the last byte", metrics.durations.clone());
        registry.register("received_bytes", "Bytes of request bodies", metrics.received.clone());
        registry.register("sent_bytes", "Bytes of answers' bodies", metrics.sent.clone());
        registry.register("sign_ins", "Who was found to be asking, by result", metrics.sign_ins.clone());
        registry.register("refusals", "Refused requests by reason", metrics.refusals.clone());
        registry.register(
            "garbage_runs",
            "Collections of garbage that came to their end",
            metrics.garbage_runs.clone(),
        );
        registry.register("garbage_failures", "Collections of garbage that failed", metrics.garbage_failures.clone());
        registry.register("garbage_freed_bytes", "Bytes that collections freed", metrics.garbage_freed.clone());
        registry.register(
            "garbage_last_success",
            "When the last one ended, Unix time",
            metrics.garbage_success.clone(),
        );
        registry.register("configuration_generation", "Generation in force", metrics.generation.clone());
        registry.register("requests_in_flight", "Requests being answered", metrics.in_flight.clone());
        Self { registry, ..metrics }
    }

    pub(super) fn begin(&self) {
        self.in_flight.inc();
    }

    pub(super) fn end(&self, operation: &'static str, status: u16, seconds: f64, received: u64, sent: u64) {
        self.in_flight.dec();
        let status = match status / 100 {
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            _ => "5xx",
        };
        self.requests.get_or_create(&Request { operation, status }).inc();
        self.durations.get_or_create(&Timed { operation }).observe(seconds);
        self.received.inc_by(received);
        self.sent.inc_by(sent);
    }

    pub(super) fn sign_in(&self, result: SignIn) {
        let result = match result {
            SignIn::Anonymous => "anonymous",
            SignIn::Password => "password",
            SignIn::Token => "token",
            SignIn::WrongPassword => "wrong_password",
            SignIn::WrongToken => "wrong_token",
            SignIn::TooMany => "too_many",
        };
        self.sign_ins.get_or_create(&Result { result }).inc();
    }

    pub(super) fn refused(&self, reason: &'static str) {
        self.refusals.get_or_create(&Result { result: reason }).inc();
    }

    /// All counters as text.
    pub(super) fn render(&self, generation: u64, garbage: GarbageCounts) -> String {
        self.garbage_runs.inner().store(garbage.runs, Ordering::Relaxed);
        self.garbage_failures.inner().store(garbage.failures, Ordering::Relaxed);
        self.garbage_freed.inner().store(garbage.freed_bytes, Ordering::Relaxed);
        self.garbage_success.set(i64::try_from(garbage.last_success).unwrap_or(i64::MAX));
        self.generation.set(i64::try_from(generation).unwrap_or(i64::MAX));
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = text::encode(&mut out, &self.registry);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_happened() {
        let metrics = Metrics::new();
        metrics.begin();
        metrics.end("blob_get", 206, 0.2, 0, 17);
        metrics.sign_in(SignIn::WrongToken);
        let text = metrics.render(3, GarbageCounts { freed_bytes: 5, ..GarbageCounts::default() });
        for line in [
            r#"portolan_requests_total{operation="blob_get",status="2xx"} 1"#,
            "portolan_sent_bytes_total 17",
            r#"portolan_sign_ins_total{result="wrong_token"} 1"#,
            "portolan_garbage_freed_bytes_total 5",
            "portolan_configuration_generation 3",
            "portolan_requests_in_flight 0",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
