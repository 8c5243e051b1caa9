//! What operators look at: live, ready, status, metrics.

use std::time::Duration;

use actix_web::HttpResponse;
use serde_json::{Value, json};

use super::answer;
use super::exchange::Exchange;
use crate::config::{Compiled, line_column};
use crate::diagnostic::{Diagnostic, Severity};
use crate::identity::Subject;

/// How long the storages may take to answer.
const READY_WITHIN: Duration = Duration::from_secs(5);

/// `GET /-/live`
pub(super) fn live() -> HttpResponse {
    answer::json(HttpResponse::Ok(), &json!({"live": true}))
}

/// `GET /-/ready`: the storages answer, and changes of the configuration are followed.
pub(super) async fn ready(exchange: &Exchange) -> HttpResponse {
    let trace = &exchange.record.trace;
    let keys = exchange.published.model.storages.keys();
    let is_ready = match tokio::time::timeout(READY_WITHIN, exchange.core.registry.ready(keys)).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::error!(trace, "{error}");
            false
        }
        Err(_) => {
            tracing::error!(trace, "a storage did not answer within {} s", READY_WITHIN.as_secs());
            false
        }
    };
    let is_following = exchange.core.live.is_following();
    if !is_following {
        tracing::error!(trace, "changes of the configuration are no longer followed: restart the server");
    }
    let is_ready = is_ready && is_following;
    let response = if is_ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    answer::json(response, &json!({"ready": is_ready}))
}

/// `GET /-/status`: which configuration is in force; what is wrong with it is for admins.
pub(super) fn status(exchange: &Exchange) -> HttpResponse {
    let published = &exchange.published;
    let diagnostics = &published.compiled.diagnostics;
    let count = |severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
    let problem = exchange.core.live.problem();
    let mut status = json!({
        "generation": published.generation,
        "hash": published.compiled.hash,
        "commit": published.commit,
        "since": published.since.to_string(),
        "errors": count(Severity::Error),
        "warnings": count(Severity::Warning),
        "in_force_as_written": !published.compiled.has_errors() && problem.is_none(),
    });
    let is_admin = matches!(&exchange.caller.subject, Subject::User(user) if user.admin);
    if let (true, Some(status)) = (is_admin, status.as_object_mut()) {
        status.insert(
            "diagnostics".to_owned(),
            diagnostics.iter().map(|found| shown(found, &published.compiled)).collect(),
        );
        status.insert("held_files".to_owned(), published.compiled.held.keys().map(|file| json!(&**file)).collect());
        let problem = problem.map(|problem| json!({"at": problem.at.to_string(), "message": problem.message}));
        status.insert("problem".to_owned(), json!(problem));
    }
    answer::json(HttpResponse::Ok(), &status)
}

fn shown(diagnostic: &Diagnostic, compiled: &Compiled) -> Value {
    let place = &diagnostic.primary.place;
    let text = compiled.sources.get(&place.file);
    let position = place.span.zip(text).map(|(span, text)| line_column(text, span.start));
    json!({
        "code": diagnostic.code,
        "severity": diagnostic.severity.as_str(),
        "message": diagnostic.message,
        "file": &*place.file,
        "line": position.map(|(line, _)| line),
        "column": position.map(|(_, column)| column),
        "help": diagnostic.help,
    })
}

/// `GET /-/metrics`
pub(super) fn metrics(exchange: &Exchange) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
        .body(exchange.core.metrics.render(exchange.published.generation, exchange.core.registry.garbage().counts()))
}
