//! A running server, asked over HTTP which configuration it enforces.

use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use reqwest::{Certificate, Client, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use super::{Exit, Failure};

/// Longer is not waited for one answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// A status has more diagnostics than anybody reads long before.
const ANSWER_MAX_BYTES: usize = 64 << 20;

/// `openssl req -x509` makes such certificates unless told otherwise.
const SELF_SIGNED: &str = "the server shows a certificate that is marked as an authority's own; sign one with it, or \
                           make a self-signed one with `openssl req -x509 -addext basicConstraints=critical,CA:FALSE …`";

/// Where the server is.
#[derive(Debug, Args)]
pub(super) struct Server {
    /// The server's URL
    #[arg(value_name = "URL", env = "PORTOLAN_URL", default_value = "http://127.0.0.1:5000")]
    url: String,
    /// A PEM file with certificates to trust, beside those of the system
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

/// A name and a password.
pub(super) struct Credentials {
    pub(super) name: String,
    pub(super) password: String,
}

impl Credentials {
    /// Takes the password from the environment, or from the first line of stdin.
    pub(super) fn read(name: &str) -> Result<Self, Failure> {
        let password = match std::env::var("PORTOLAN_PASSWORD") {
            Ok(password) => password,
            Err(_) if io::stdin().is_terminal() => {
                let failure = Failure::new("the password is missing");
                return Err(failure.with_hint("set PORTOLAN_PASSWORD, or write it to stdin"));
            }
            Err(_) => {
                let mut line = String::new();
                io::stdin()
                    .read_line(&mut line)
                    .map_err(|error| Failure::new(format!("cannot read the password: {error}")))?;
                line.trim_end_matches(['\r', '\n']).to_owned()
            }
        };
        Ok(Self { name: name.to_owned(), password })
    }
}

/// What a server says of its configuration.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Status {
    pub(super) generation: u64,
    pub(super) hash: String,
    pub(super) commit: Option<String>,
    pub(super) since: String,
    pub(super) errors: u64,
    pub(super) warnings: u64,
    #[serde(default)]
    pub(super) held_back: HeldBack,
    #[serde(default)]
    pub(super) unavailable: Unavailable,
    pub(super) reload_failed: Option<String>,
    pub(super) in_force_as_written: bool,
    #[serde(default)]
    pub(super) held_back_repositories: Vec<String>,
    #[serde(default)]
    pub(super) unavailable_resources: Vec<Lack>,
    #[serde(default)]
    pub(super) diagnostics: Vec<Found>,
    pub(super) problem: Option<Problem>,
}

/// Removals that the server holds back.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(super) struct HeldBack {
    pub(super) users: u64,
    pub(super) repositories: u64,
}

/// How much of what the configuration names cannot be had.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(super) struct Unavailable {
    pub(super) ports: u64,
    pub(super) certificates: u64,
    pub(super) storages: u64,
}

/// Something that cannot be had.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Lack {
    pub(super) file: Option<String>,
    pub(super) message: String,
}

/// Something that is wrong with the configuration.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Found {
    pub(super) code: String,
    pub(super) severity: String,
    pub(super) message: String,
    pub(super) file: String,
    pub(super) line: Option<u64>,
    pub(super) column: Option<u64>,
}

/// Why the last reload failed.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Problem {
    pub(super) message: String,
}

impl Status {
    /// Reads a server's answer.
    pub(super) fn of(answer: &Value) -> Option<Self> {
        Self::deserialize(answer).ok()
    }

    /// Whether files of the server's folder are not as they were committed.
    pub(super) fn is_dirty(&self) -> bool {
        self.commit.as_ref().is_some_and(|commit| commit.ends_with("-dirty"))
    }

    /// Why what is in force is not what the folder says; nothing where it is.
    pub(super) fn deviations(&self) -> Vec<String> {
        let count = |number: u64, one: &str, many: &str| format!("{number} {}", if number == 1 { one } else { many });
        let mut found = Vec::new();
        if self.errors > 0 {
            found.push(count(self.errors, "error", "errors"));
        }
        if self.held_back.users > 0 {
            found.push(format!("{} held back from removal", count(self.held_back.users, "user", "users")));
        }
        if self.held_back.repositories > 0 {
            let repositories = count(self.held_back.repositories, "repository", "repositories");
            found.push(format!("{repositories} held back from removal"));
        }
        let Unavailable { ports, certificates, storages } = self.unavailable;
        let kinds = [
            (ports, "port", "ports"),
            (certificates, "certificate", "certificates"),
            (storages, "storage", "storages"),
        ];
        for (number, one, many) in kinds.into_iter().filter(|(number, ..)| *number > 0) {
            found.push(format!("{} that cannot be used", count(number, one, many)));
        }
        if let Some(at) = &self.reload_failed {
            found.push(format!("the last reload failed at {at}"));
        }
        if found.is_empty() && !self.in_force_as_written {
            found.push("not as written".to_owned());
        }
        found
    }
}

/// A client of one server.
pub(super) struct Remote {
    url: String,
    http: Client,
    runtime: tokio::runtime::Runtime,
}

impl Remote {
    /// Nothing is asked yet.
    pub(super) fn new(server: &Server) -> Result<Self, Failure> {
        let scheme = server.url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        if !matches!(scheme.as_deref(), Some("http" | "https")) {
            return Err(Failure::new("the server's URL begins with neither `http://` nor `https://`")
                .with_hint("write it whole, for instance `https://registry.example.com` or `http://127.0.0.1:5000`")
                .with_exit(Exit::Usage));
        }
        let mut http = Client::builder().timeout(PATIENCE).user_agent(concat!("portolan/", env!("CARGO_PKG_VERSION")));
        if let Some(path) = &server.ca {
            let failed =
                |why: String| Failure::new(format!("cannot use the certificates of `{}`: {why}", path.display()));
            let pem = fs::read(path).map_err(|error| failed(error.to_string()))?;
            http = http.tls_certs_merge(Certificate::from_pem_bundle(&pem).map_err(|error| failed(error.to_string()))?);
        }
        let http = http.build().map_err(|error| Failure::new(format!("cannot ask servers: {error}")))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::new(format!("cannot start the async runtime: {error}")))?;
        Ok(Self { url: server.url.trim_end_matches('/').to_owned(), http, runtime })
    }

    /// Asks for the status.
    pub(super) fn status(&self, credentials: Option<&Credentials>) -> Result<Value, Failure> {
        let url = format!("{}/-/status", self.url);
        let mut request = self.http.get(&url);
        if let Some(Credentials { name, password }) = credentials {
            request = request.basic_auth(name, Some(password));
        }
        let failed = |why: String| Failure::new(format!("cannot ask `{}`: {why}", self.url));
        let (status, body) = self
            .runtime
            .block_on(async {
                let mut answer = request.send().await?;
                let mut body = Vec::new();
                while let Some(piece) = answer.chunk().await? {
                    body.extend_from_slice(&piece);
                    if body.len() > ANSWER_MAX_BYTES {
                        break;
                    }
                }
                Ok((answer.status(), body))
            })
            .map_err(|error| {
                let why = reason(&error);
                let is_self_signed = why.contains("CaUsedAsEndEntity");
                let failure = failed(why);
                if is_self_signed { failure.with_hint(SELF_SIGNED) } else { failure }
            })?;
        match status {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED => return Err(failed("the name or the password is wrong".to_owned())),
            other => return Err(failed(format!("it answers with {other}"))),
        }
        let answer: Option<Value> = serde_json::from_slice(&body).ok();
        answer
            .filter(|answer| Status::of(answer).is_some())
            .ok_or_else(|| failed("what answers there is no Portolan".to_owned()))
    }
}

/// The last cause of an error says most.
fn reason(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    if error.is_timeout() { "no answer in time".to_owned() } else { cause.to_string() }
}
