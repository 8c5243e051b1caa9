//! Log lines on stderr: text for people, JSON for machines, at a level that can change.

use std::io;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, Registry, fmt, reload};

use crate::config::{LogFormat, LogLevel};

use super::fields::Fields;
use super::lines::Lines;
use crate::cli::output::Colour;

/// Changes what is logged.
pub(super) type Level = reload::Handle<Targets, Registry>;

/// Begins to log; `None` where something else took the logging over already.
pub(super) fn start(format: LogFormat, level: LogLevel) -> Option<Level> {
    let (filter, handle) = reload::Layer::new(targets(level));
    let layer = fmt::layer().with_writer(Lines::new(io::stderr())).with_ansi(Colour::Auto.on(&io::stderr()));
    let layer = match format {
        LogFormat::Text => layer.fmt_fields(Fields::default()).boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(filter).with(layer).try_init().ok()?;
    Some(handle)
}

/// What is logged at a level: of libraries, never more than what should be looked at.
pub(super) fn targets(level: LogLevel) -> Targets {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    Targets::new()
        .with_target("portolan", level)
        .with_target("audit", level)
        .with_target("request", level)
        // What it calls an error is a request that a client made wrong.
        .with_target("actix_http", LevelFilter::OFF)
        .with_default(level.min(LevelFilter::WARN))
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn libraries_say_no_more_than_what_should_be_looked_at() {
        let debug = targets(LogLevel::Debug);
        assert!(debug.would_enable("portolan::server", &Level::DEBUG) && debug.would_enable("audit", &Level::DEBUG));
        assert!(debug.would_enable("actix_server", &Level::WARN) && !debug.would_enable("actix_server", &Level::INFO));
        assert!(!debug.would_enable("actix_http::h1", &Level::ERROR));
        let error = targets(LogLevel::Error);
        assert!(!error.would_enable("audit", &Level::WARN) && !error.would_enable("actix_server", &Level::WARN));
    }
}
