//! What operators look at: live, ready, status, metrics.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use serde_json::{Value, json};

use super::answer;
use super::error::Failure;
use super::exchange::Exchange;
use super::site::Core;
use super::unavailable::{Lack, Resource};
use crate::config::Positions;
use crate::diagnostic::{Diagnostic, Severity};
use crate::identity::Subject;
use crate::live::{Problem, Published};

/// How long a status waits for the ports of a configuration that was just published to be tried.
const PORTS_WITHIN: Duration = Duration::from_secs(2);
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
pub(super) async fn status(exchange: &Exchange) -> Result<HttpResponse, Failure> {
    let is_admin = matches!(&exchange.caller.subject, Subject::User(user) if user.admin);
    let (published, problem) = (Arc::clone(&exchange.published), exchange.core.live.problem());
    let told = state(&exchange.core, published, problem, is_admin).await?;
    Ok(answer::json(HttpResponse::Ok(), &told))
}

/// A configuration in force, what it lacks, and why a later one is not in force.
pub(super) async fn state(
    core: &Core,
    published: Arc<Published>,
    problem: Option<Problem>,
    is_admin: bool,
) -> Result<Value, Failure> {
    core.unavailable.await_ports(published.generation, PORTS_WITHIN).await;
    let lacking = core.unavailable.all();
    // Of very many broken files there is very much to tell, and others are served meanwhile.
    let told = tokio::task::spawn_blocking(move || told(&published, problem.as_ref(), &lacking, is_admin)).await;
    told.map_err(|_| Failure::Internal("a status that was asked for ended early"))
}

fn told(published: &Published, problem: Option<&Problem>, lacking: &[Lack], is_admin: bool) -> Value {
    let lacks = |resource| lacking.iter().filter(|lack| lack.resource == resource).count();
    let unavailable: Value = Resource::ALL.iter().map(|kind| (kind.plural().to_owned(), json!(lacks(*kind)))).collect();
    let compiled = &published.compiled;
    let of = |severity| compiled.diagnostics.iter().filter(move |found| found.severity == severity);
    let count = |severity| of(severity).map(Diagnostic::count).sum::<usize>();
    let mut state = json!({
        "generation": published.generation,
        "hash": compiled.hash,
        "commit": published.commit,
        "since": published.since.to_string(),
        "errors": count(Severity::Error),
        "warnings": count(Severity::Warning),
        "held_back": {"users": compiled.held_back.users, "repositories": compiled.held_back.repositories.len()},
        "unavailable": unavailable,
        "reload_failed": problem.map(|problem| problem.at.to_string()),
        "in_force_as_written": compiled.is_as_written() && problem.is_none() && lacking.is_empty(),
    });
    if let (true, Some(state)) = (is_admin, state.as_object_mut()) {
        let names = |names: &mut dyn Iterator<Item = &Arc<str>>| names.map(|name| json!(&**name)).collect::<Value>();
        let mut positions = Positions::of(&compiled.sources);
        state.insert(
            "diagnostics".to_owned(),
            compiled.diagnostics.iter().map(|found| shown(found, &mut positions)).collect(),
        );
        state.insert("held_files".to_owned(), names(&mut compiled.held.keys()));
        state.insert("held_back_repositories".to_owned(), names(&mut compiled.held_back.repositories.iter()));
        let resource = |lack: &Lack| json!({"file": lack.file.as_deref(), "message": lack.message});
        state.insert("unavailable_resources".to_owned(), lacking.iter().map(resource).collect());
        let problem = problem.map(|problem| json!({"at": problem.at.to_string(), "message": problem.message}));
        state.insert("problem".to_owned(), json!(problem));
    }
    state
}

fn shown(diagnostic: &Diagnostic, positions: &mut Positions<'_>) -> Value {
    let place = &diagnostic.primary.place;
    let position = positions.find(place);
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
    HttpResponse::Ok().content_type("application/openmetrics-text; version=1.0.0; charset=utf-8").body(
        exchange.core.metrics.render(
            &exchange.published,
            exchange.core.live.failures(),
            &exchange.core.unavailable.all(),
            exchange.core.registry.garbage().counts(),
        ),
    )
}
