//! Counters in Prometheus' text format.

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::unavailable::{Lack, Resource};
use crate::diagnostic::{Diagnostic, Severity};
use crate::live::{Failures, Published};
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

/// Which configuration is in force.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Configuration {
    hash: String,
    commit: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
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
    configuration: Family<Configuration, Gauge>,
    problems: Family<Kind, Gauge>,
    held_back: Family<Kind, Gauge>,
    unavailable: Family<Kind, Gauge>,
    reload_success: Gauge,
    reload_failure: Gauge,
    reload_failures: Counter<u64, AtomicU64>,
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
            configuration: Family::default(),
            problems: Family::default(),
            held_back: Family::default(),
            unavailable: Family::default(),
            reload_success: Gauge::default(),
            reload_failure: Gauge::default(),
            reload_failures: Counter::default(),
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
        registry.register("configuration_info", "What is in force", metrics.configuration.clone());
        registry.register("configuration_problems", "What is wrong with it, by severity", metrics.problems.clone());
        registry.register(
            "configuration_held_back",
            "Removals that were too many at once, by kind",
            metrics.held_back.clone(),
        );
        registry.register(
            "configuration_unavailable",
            "Ports, certificates and storages that it names and that cannot be had, by kind",
            metrics.unavailable.clone(),
        );
        registry.register("reload_last_success", "When it was published, Unix time", metrics.reload_success.clone());
        registry.register(
            "reload_last_failure",
            "When the folder could not be put in force last, Unix time",
            metrics.reload_failure.clone(),
        );
        registry.register("reload_failures", "How often it could not", metrics.reload_failures.clone());
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
    pub(super) fn render(
        &self,
        published: &Published,
        failures: Failures,
        lacking: &[Lack],
        garbage: GarbageCounts,
    ) -> String {
        self.describe(published, failures, lacking);
        self.garbage_runs.inner().store(garbage.runs, Ordering::Relaxed);
        self.garbage_failures.inner().store(garbage.failures, Ordering::Relaxed);
        self.garbage_freed.inner().store(garbage.freed_bytes, Ordering::Relaxed);
        self.garbage_success.set(i64::try_from(garbage.last_success).unwrap_or(i64::MAX));
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = text::encode(&mut out, &self.registry);
        out
    }

    fn describe(&self, published: &Published, failures: Failures, lacking: &[Lack]) {
        let compiled = &published.compiled;
        self.generation.set(i64::try_from(published.generation).unwrap_or(i64::MAX));
        self.configuration.clear();
        let (hash, commit) = (compiled.hash.clone(), published.commit.clone().unwrap_or_default());
        self.configuration.get_or_create(&Configuration { hash, commit }).set(1);
        let set = |family: &Family<Kind, Gauge>, kind: &'static str, count: usize| {
            family.get_or_create(&Kind { kind }).set(i64::try_from(count).unwrap_or(i64::MAX));
        };
        for severity in [Severity::Error, Severity::Warning] {
            let found = compiled.diagnostics.iter().filter(|found| found.severity == severity);
            set(&self.problems, severity.as_str(), found.map(Diagnostic::count).sum());
        }
        set(&self.held_back, "users", compiled.held_back.users);
        set(&self.held_back, "repositories", compiled.held_back.repositories.len());
        for resource in Resource::ALL {
            let count = lacking.iter().filter(|lack| lack.resource == resource).count();
            set(&self.unavailable, resource.plural(), count);
        }
        self.reload_success.set(published.since.as_second());
        self.reload_failure.set(failures.last.map_or(0, jiff::Timestamp::as_second));
        self.reload_failures.inner().store(failures.count, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::{Tree, compile};

    #[test]
    fn counts_what_happened() {
        let metrics = Metrics::new();
        metrics.begin();
        metrics.end("blob_get", 206, 0.2, 0, 17);
        metrics.sign_in(SignIn::WrongToken);
        let compiled = compile(&Tree::default(), None);
        let published = Published {
            generation: 3,
            model: compiled.model.clone().unwrap(),
            compiled: Arc::new(compiled),
            since: jiff::Timestamp::UNIX_EPOCH,
            commit: Some("c0ffee".to_owned()),
        };
        let garbage = GarbageCounts { freed_bytes: 5, ..GarbageCounts::default() };
        let failures = Failures { count: 2, last: Some(jiff::Timestamp::UNIX_EPOCH) };
        let port = Lack { resource: Resource::Port, file: None, message: "port 5001 is taken".to_owned() };
        let text = metrics.render(&published, failures, &[port], garbage);
        assert!(text.contains(&format!(
            "portolan_configuration_info{{hash=\"{}\",commit=\"c0ffee\"}} 1",
            published.compiled.hash
        )));
        for line in [
            r#"portolan_requests_total{operation="blob_get",status="2xx"} 1"#,
            "portolan_sent_bytes_total 17",
            r#"portolan_sign_ins_total{result="wrong_token"} 1"#,
            "portolan_garbage_freed_bytes_total 5",
            "portolan_configuration_generation 3",
            r#"portolan_configuration_held_back{kind="repositories"} 0"#,
            r#"portolan_configuration_unavailable{kind="ports"} 1"#,
            r#"portolan_configuration_unavailable{kind="storages"} 0"#,
            "portolan_reload_failures_total 2",
            "portolan_requests_in_flight 0",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
