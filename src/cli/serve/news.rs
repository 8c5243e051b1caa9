//! What the operator is told: at start, and when a new configuration is in force.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::config::{LogFormat, Model, Positions, SecretSource, Settings};
use crate::diagnostic::{Diagnostic, Severity};
use crate::live::{Live, Published};

use crate::cli::output::{self, Colour};
use crate::cli::render::{Summary, human};

/// Remembers what was told already.
pub(super) struct News {
    live: Arc<Live>,
    /// The settings that cannot change while the server runs, as they are in force.
    fixed: Fixed,
    told: Vec<Diagnostic>,
}

/// What only a restart changes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fixed {
    listen: Option<SocketAddr>,
    tls: bool,
    signing_key: Option<SecretSource>,
    log_format: LogFormat,
}

impl Fixed {
    fn of(settings: &Settings) -> Self {
        Self {
            listen: settings.listen,
            tls: settings.tls.is_some(),
            signing_key: settings.signing_key.clone(),
            log_format: settings.log_format,
        }
    }

    /// The keys in which another differs.
    fn changes(&self, other: &Self) -> Vec<&'static str> {
        let pairs = [
            (self.listen != other.listen, "server.listen"),
            (self.tls != other.tls, "server.tls"),
            (self.signing_key != other.signing_key, "tokens.signing_key"),
            (self.log_format != other.log_format, "log.format"),
        ];
        pairs.into_iter().filter_map(|(differs, key)| differs.then_some(key)).collect()
    }
}

impl News {
    pub(super) fn new(live: Arc<Live>) -> Self {
        let fixed = Fixed::of(&live.current().model.settings);
        Self { live, fixed, told: Vec::new() }
    }

    /// Tells what is wrong with the configuration at start, and that the server is up.
    pub(super) fn at_start(&mut self, address: SocketAddr) {
        let published = self.live.current();
        self.tell_diagnostics(&published, true);
        let line = ready_line(&published.model, address, published.generation);
        match self.fixed.log_format {
            LogFormat::Text => output::note(&format!("{line}\n")),
            LogFormat::Json => tracing::info!("{line}"),
        }
    }

    /// Tells what is new in a configuration that was just published.
    pub(super) fn at_reload(&mut self) {
        let published = self.live.current();
        self.tell_diagnostics(&published, published.compiled.has_errors());
        for key in self.fixed.changes(&Fixed::of(&published.model.settings)) {
            tracing::warn!("`{key}` changed, which takes effect with a restart only");
        }
    }

    fn tell_diagnostics(&mut self, published: &Published, wanted: bool) {
        let compiled = &published.compiled;
        let known = std::mem::replace(&mut self.told, compiled.diagnostics.clone());
        if !wanted || compiled.diagnostics.is_empty() || known == compiled.diagnostics {
            return;
        }
        match self.fixed.log_format {
            LogFormat::Text => {
                let summary = Summary::of(&compiled.diagnostics, compiled.sources.len());
                let text =
                    human(&compiled.diagnostics, &compiled.sources, &compiled.secrets, Colour::Auto.on(&io::stderr()));
                output::note(&format!("{text}{summary}\n"));
            }
            LogFormat::Json => {
                let mut positions = Positions::of(&compiled.sources);
                compiled.diagnostics.iter().for_each(|found| log(found, &mut positions));
            }
        }
    }
}

fn log(found: &Diagnostic, positions: &mut Positions<'_>) {
    let place = &found.primary.place;
    let (line, column) = positions.find(place).unzip();
    match found.severity {
        Severity::Error => {
            tracing::error!(code = found.code, file = %place.file, line, column, "{}", found.message);
        }
        Severity::Warning => {
            tracing::warn!(code = found.code, file = %place.file, line, column, "{}", found.message);
        }
    }
}

fn ready_line(model: &Model, address: SocketAddr, generation: u64) -> String {
    let scheme = if model.settings.tls.is_some() { "https" } else { "http" };
    let repositories = model.snapshot.repositories().len();
    let users = model.snapshot.users().count();
    let count = |number: usize, one: &str, many: &str| format!("{number} {}", if number == 1 { one } else { many });
    format!(
        "serving {} to {} on {scheme}://{address}, configuration generation {generation}",
        count(repositories, "repository", "repositories"),
        count(users, "user", "users"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_restart_changes_some_settings() {
        let before = Settings::default();
        let changed =
            Settings { listen: Some(([0, 0, 0, 0], 5000).into()), log_format: LogFormat::Json, ..before.clone() };
        assert_eq!(Fixed::of(&before).changes(&Fixed::of(&changed)), ["server.listen", "log.format"]);
        let free = Settings { log_level: crate::config::LogLevel::Debug, ..before.clone() };
        assert_eq!(Fixed::of(&before).changes(&Fixed::of(&free)), [""; 0]);
    }

    #[test]
    fn the_ready_line_says_what_is_served_where() {
        let model = Model {
            snapshot: Arc::default(),
            storages: Default::default(),
            aliases: Default::default(),
            settings: Settings::default(),
        };
        let line = ready_line(&model, ([127, 0, 0, 1], 5000).into(), 1);
        assert_eq!(line, "serving 0 repositories to 0 users on http://127.0.0.1:5000, configuration generation 1");
    }
}
