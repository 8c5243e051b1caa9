//! What a configuration means.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use super::access_test::AccessTest;
use super::codes;
use super::compile::Kept;
use super::report::diagnostic;
use super::{Removals, Text};
use crate::diagnostic::{Diagnostic, Place, Span};
use crate::policy::{QuickMap, Snapshot, StorageKey};

/// What [`super::compile()`] makes of a folder's texts.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The configuration to be enforced; `None` where there is nothing that could be.
    pub model: Option<Arc<Model>>,
    /// Everything that is wrong with the texts, in file order.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts of all readable files, by path, for showing source lines and as the last good
    /// version of each file.
    pub sources: BTreeMap<Arc<str>, Arc<str>>,
    /// Where the files into which `diagnostics` point hold secrets, or may hold them: to be hidden where
    /// a source line is shown. In order, and apart from one another.
    pub secrets: BTreeMap<Arc<str>, Vec<Span>>,
    /// The texts that are in force where they differ from `sources`.
    pub held: BTreeMap<Arc<str>, Arc<str>>,
    /// What the texts remove and is kept all the same.
    pub held_back: Removals,
    /// The content hash of the tree: see [`super::Tree::hash`].
    pub hash: String,
    /// The access tests of the files that hold no error.
    pub tests: Vec<AccessTest>,
    /// The readable texts of the tree, with their digests.
    pub(super) texts: QuickMap<Arc<str>, Text>,
    /// All texts that are in force. A broken file without a good version has none.
    pub(super) enforced: QuickMap<Arc<str>, Arc<str>>,
    /// What files came to.
    pub(super) kept: Arc<Kept>,
}

/// What [`super::check()`] makes of a folder's texts.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The configuration, with all that is wrong or likely not meant.
    pub compiled: Compiled,
    /// The secrets and certificates that the server needs, in the order of the files' reading.
    pub references: Vec<Reference>,
}

/// A secret of the server itself, which may stand elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Where the secret comes from.
    pub source: SecretSource,
    /// The key whose value it is.
    pub name: String,
    /// Where it is named, or stands.
    pub place: Place,
}

impl Checked {
    /// Adds an error for each secret of which `why` says what is wrong with it.
    pub fn add_missing(&mut self, why: impl Fn(&Reference) -> Option<String>) {
        for reference in &self.references {
            if let Some(why) = why(reference) {
                let mut missing = diagnostic(codes::MISSING_SECRET, reference.place.clone(), why);
                missing.help(match &reference.source {
                    SecretSource::Env(name) => format!("set `{name}` where the server runs, and where this is checked"),
                    SecretSource::File(path) if reference.name == "server.tls.certificate" => {
                        format!("put the certificate with its chain into `{}`, as PEM", path.display())
                    }
                    SecretSource::File(path) if reference.name == "server.tls.key" => {
                        format!("put the certificate's private key into `{}`, as PEM", path.display())
                    }
                    SecretSource::File(path) => format!("put the secret into `{}`", path.display()),
                    SecretSource::InPlace(_) => "let it come from the environment or from a file".to_owned(),
                });
                self.compiled.diagnostics.push(missing);
            }
        }
        self.compiled.diagnostics.sort_by(|one, other| one.order().cmp(&other.order()));
    }
}

impl Compiled {
    /// Whether anything is an error.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == crate::diagnostic::Severity::Error)
    }

    /// The text that a file had, to be given again where the file did not change.
    pub fn text(&self, path: &str) -> Option<&Text> {
        self.texts.get(path)
    }

    /// The texts that files had, by path.
    pub fn texts(&self) -> impl Iterator<Item = (&Arc<str>, &Text)> {
        self.texts.iter()
    }

    /// Whether the configuration to be enforced is what the texts say, and nothing of an earlier version.
    pub fn is_as_written(&self) -> bool {
        self.model.is_some() && !self.has_errors() && self.held_back.is_empty()
    }
}

/// A configuration that can be enforced.
#[derive(Debug)]
pub struct Model {
    /// Who may do what.
    pub snapshot: Arc<Snapshot>,
    /// The storages that repositories use.
    pub storages: BTreeMap<StorageKey, StorageDefinition>,
    /// The storages that repositories can name, whether any does.
    pub aliases: BTreeMap<Arc<str>, (StorageKey, StorageDefinition)>,
    /// The server's settings.
    pub settings: Settings,
}

/// A storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorageDefinition {
    /// A folder; a relative path is relative to the data folder.
    Fs {
        /// The folder.
        path: PathBuf,
    },
    /// A bucket of an S3-compatible store.
    S3(S3Definition),
    /// Memory, lost at exit.
    Memory,
}

/// A bucket of an S3-compatible store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Definition {
    /// The bucket.
    pub bucket: String,
    /// The region; `None`: that of the environment, or else `us-east-1`.
    pub region: Option<String>,
    /// The URL of the store, without a final slash; `None`: AWS.
    pub endpoint: Option<String>,
    /// What all keys begin with, without slashes at its ends; empty for nothing.
    pub prefix: String,
    /// The keys to the store; `None`: the usual AWS sources are tried.
    pub credentials: Option<S3Credentials>,
    /// Whether clients are sent to presigned URLs of the store.
    pub redirect: bool,
}

/// Where the keys to a store come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Credentials {
    /// The name of the key.
    pub access_key_id: SecretSource,
    /// The key.
    pub secret_access_key: SecretSource,
}

/// Where a server listens unless it is told otherwise.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5000);

/// `registry.yaml`, with the defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The main address. `None`: not configured, the default `127.0.0.1:5000` or `--listen` counts.
    pub listen: Option<SocketAddr>,
    /// The address under which clients reach the server: `http` or `https`, host, perhaps a port,
    /// and no path. Without a final slash.
    pub public_url: Option<String>,
    /// From these addresses `X-Forwarded-*` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The certificate and key to serve TLS with.
    pub tls: Option<Tls>,
    /// How long tokens hold.
    pub token_ttl: Duration,
    /// The key that signs tokens; `None`: one is made at start.
    pub signing_key: Option<SecretSource>,
    /// What new passwords must meet.
    pub passwords: PasswordPolicy,
    /// How changes of the folder are noticed.
    pub reload_mode: ReloadMode,
    /// How often the folder is looked at.
    pub reload_interval: Duration,
    /// How garbage is collected.
    pub garbage: Garbage,
    /// What is logged.
    pub log_level: LogLevel,
    /// In which form.
    pub log_format: LogFormat,
}

/// How garbage is collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Garbage {
    /// How often; `None`: only on command.
    pub every: Option<Duration>,
    /// How long unused blobs are kept.
    pub grace: Duration,
    /// How long untagged manifests are kept; `None`: for ever.
    pub untagged: Option<Duration>,
}

impl Default for Garbage {
    fn default() -> Self {
        let day = Duration::from_secs(24 * 3600);
        Self { every: Some(day), grace: day, untagged: None }
    }
}

/// Paths of a certificate and its key, relative to the configuration folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// PEM file with the certificate chain.
    pub certificate: PathBuf,
    /// PEM file with the key.
    pub key: PathBuf,
}

/// Where a secret comes from.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// It stands in the configuration.
    InPlace(String),
    /// An environment variable.
    Env(String),
    /// A file, relative to the configuration folder.
    File(PathBuf),
}

impl fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InPlace(_) => f.write_str("InPlace(…)"),
            Self::Env(name) => write!(f, "Env({name})"),
            Self::File(path) => write!(f, "File({})", path.display()),
        }
    }
}

/// How changes of the folder are noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReloadMode {
    /// The system tells, and the folder is looked at now and then.
    Watch,
    /// The folder is looked at.
    Poll,
}

/// The least important messages that are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Failures.
    Error,
    /// And what should be looked at.
    Warn,
    /// And requests and changes.
    Info,
    /// And what helps to find a fault.
    Debug,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// What a new password must have at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// Characters; never below 8.
    pub min_length: usize,
    /// Lower-case letters.
    pub lowercase: usize,
    /// Upper-case letters.
    pub uppercase: usize,
    /// Digits.
    pub digits: usize,
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self { min_length: 8, lowercase: 1, uppercase: 1, digits: 1 }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: None,
            public_url: None,
            trusted_proxies: Vec::new(),
            tls: None,
            token_ttl: Duration::from_secs(300),
            signing_key: None,
            passwords: PasswordPolicy::default(),
            reload_mode: ReloadMode::Watch,
            reload_interval: Duration::from_secs(5),
            garbage: Garbage::default(),
            log_level: LogLevel::Info,
            log_format: LogFormat::Text,
        }
    }
}
