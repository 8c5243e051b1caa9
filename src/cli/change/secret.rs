//! Secrets that were just made: where they go, and in which form.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::cli::{Exit, Failure};
use crate::config::Settings;
use crate::edit::NewSecret;

/// Where a secret goes that is made.
#[derive(Debug, Args)]
pub(in crate::cli) struct SecretArguments {
    /// Writes the secret to a new file that only its owner may read, instead of stdout
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// The form of the secret
    #[arg(long, value_enum, default_value_t = Form::Text)]
    output: Form,
    /// The registry's host and port in `--output docker` and `kubernetes` (default: those of `server.public_url`)
    #[arg(long, value_name = "HOST[:PORT]")]
    registry: Option<String>,
    /// The name of the Secret in `--output kubernetes` (default: `portolan-` and the user's name)
    #[arg(long, value_name = "NAME")]
    secret_name: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// The secret alone
    Text,
    /// A `config.json` for Docker and other clients
    Docker,
    /// A manifest of a Secret to pull images with
    Kubernetes,
}

/// How a secret is written, with all that can be known before there is one.
#[derive(Debug)]
pub(super) struct Delivery {
    /// A file instead of stdout.
    pub(super) file: Option<PathBuf>,
    form: Form,
    host: String,
    secret_name: Option<String>,
}

impl SecretArguments {
    /// Whether anything is asked of a secret.
    pub(in crate::cli) fn is_given(&self) -> bool {
        let named = self.registry.is_some() || self.secret_name.is_some();
        self.secret_file.is_some() || self.output != Form::Text || named
    }

    /// Refuses what could not be carried out once the secret is made.
    pub(super) fn delivery(&self, settings: &Settings, is_json: bool) -> Result<Delivery, Failure> {
        let usage = |message: String, hint: &str| Failure::new(message).with_exit(Exit::Usage).with_hint(hint);
        if is_json && self.output != Form::Text && self.secret_file.is_none() {
            return Err(usage(
                "`--format json` and `--output` both want stdout".to_owned(),
                "give `--secret-file`, or leave one of them out",
            ));
        }
        if self.output == Form::Text && (self.registry.is_some() || self.secret_name.is_some()) {
            return Err(usage(
                "`--registry` and `--secret-name` belong to `--output docker` and `--output kubernetes`".to_owned(),
                "leave them out, or give `--output`",
            ));
        }
        let public = settings.public_url.as_deref().and_then(|url| url.split_once("://")).map(|(_, host)| host);
        let host = match (self.output, self.registry.as_deref().or(public)) {
            (Form::Text, _) => String::new(),
            (_, Some(host)) if is_host(host) => host.to_owned(),
            (_, Some(host)) => {
                return Err(usage(
                    format!("`{host}` is no host with perhaps a port"),
                    "for example `--registry registry.example.com`, without `https://` and without a path",
                ));
            }
            (_, None) => {
                return Err(usage(
                    "nobody says under which name clients reach the registry".to_owned(),
                    "give `--registry HOST`, or set `server.public_url` in `registry.yaml`; nothing was changed",
                ));
            }
        };
        if let Some(name) = self.secret_name.as_deref().filter(|name| !is_dns_name(name)) {
            return Err(usage(
                format!("`{name}` is no name of a Secret"),
                "it has lower-case letters, digits, `-` and `.`, and begins and ends with a letter or a digit",
            ));
        }
        if self.secret_file.as_deref() == Some(Path::new("-")) {
            return Err(usage(
                "`--secret-file` names a file, and `-` is none".to_owned(),
                "without the option the secret goes to stdout",
            ));
        }
        Ok(Delivery { file: self.secret_file.clone(), form: self.output, host, secret_name: self.secret_name.clone() })
    }
}

impl Delivery {
    /// The text that is written, with a line end.
    pub(super) fn text(&self, secret: &NewSecret) -> String {
        let docker = || {
            let auth = STANDARD.encode(format!("{}:{}", secret.user, secret.reveal()));
            let mut auths = serde_json::Map::new();
            auths.insert(self.host.clone(), json!({ "auth": auth }));
            format!("{:#}\n", json!({ "auths": auths }))
        };
        match self.form {
            Form::Text => format!("{}\n", secret.reveal()),
            Form::Docker => docker(),
            Form::Kubernetes => {
                let name = self.secret_name.clone().unwrap_or_else(|| dns_name(&secret.user));
                let config = STANDARD.encode(docker());
                format!(
                    "apiVersion: v1\nkind: Secret\nmetadata:\n  name: \"{name}\"\n\
                     type: kubernetes.io/dockerconfigjson\ndata:\n  .dockerconfigjson: {config}\n"
                )
            }
        }
    }
}

/// A file that holds a secret, and is removed again unless it is kept.
#[derive(Debug)]
pub(super) struct SecretFile {
    path: PathBuf,
    is_kept: bool,
}

impl SecretFile {
    /// Refuses a place where something is.
    pub(super) fn require_free(path: &Path) -> Result<(), Failure> {
        match path.symlink_metadata() {
            Ok(_) => Err(Self::failed(path, &io::ErrorKind::AlreadyExists.into())),
            Err(_) => Ok(()),
        }
    }

    fn failed(path: &Path, error: &io::Error) -> Failure {
        let failure = |why: &str| Failure::new(format!("cannot write the secret to `{}`: {why}", path.display()));
        match error.kind() {
            io::ErrorKind::AlreadyExists => failure("something is there already")
                .with_exit(Exit::No)
                .with_hint("name a file that is not there; nothing is written over, and nothing was changed"),
            _ => failure(&error.to_string()).with_hint("nothing was changed"),
        }
    }

    /// Creates a file that is not there. What is there, be it a link or a device, is left alone.
    pub(super) fn create(path: &Path, text: &str) -> Result<Self, Failure> {
        let failed = |error: io::Error| Self::failed(path, &error);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
        let made = Self { path: path.to_owned(), is_kept: false };
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Some folders cannot be synced; the file itself was.
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
        Ok(made)
    }

    /// Leaves it where it is.
    pub(super) fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for SecretFile {
    fn drop(&mut self) {
        if !self.is_kept {
            // It is of no use to anybody: its secret counts for nothing.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether a text is a host, perhaps with a port.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => {
            let is_address = !host.is_empty() && host.bytes().all(|b| b.is_ascii_hexdigit() || b == b':' || b == b'.');
            match (is_address, rest.strip_prefix(':')) {
                (true, port) if rest.is_empty() || port.is_some() => ("v6", port),
                _ => return false,
            }
        }
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let is_name = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    is_name && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

/// Whether Kubernetes takes a text for the name of an object: RFC 1123.
fn is_dns_name(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

/// A name for the Secret of a user.
fn dns_name(user: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let mut name: String = "portolan-".chars().chain(user.chars().map(plain)).take(253).collect();
    name.truncate(name.trim_end_matches('-').len());
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(output: Form, registry: Option<&str>) -> SecretArguments {
        SecretArguments { secret_file: None, output, registry: registry.map(str::to_owned), secret_name: None }
    }

    #[test]
    fn hosts_and_names_are_checked() {
        for host in ["registry.example.com", "localhost:5000", "10.0.0.1:80", "[::1]:5000", "[::1]", "a_b"] {
            assert!(is_host(host), "{host}");
        }
        for host in ["", "https://a", "a/b", "a:0", "a:99999", "a:b", "[::1", "[]", "[::1]x", "a b", "a\"b"] {
            assert!(!is_host(host), "{host}");
        }
        for name in ["ci", "a.b-c", "0"] {
            assert!(is_dns_name(name), "{name}");
        }
        for name in ["", "A", "-a", "a-", "a..b", "a_b", "ä", &"a".repeat(254)] {
            assert!(!is_dns_name(name), "{name}");
        }
        for user in ["ci", "CI_bot+1@example.com-", "x.y", &"a".repeat(255)] {
            assert!(is_dns_name(&dns_name(user)), "{user}");
        }
        assert_eq!(dns_name("CI_bot@x."), "portolan-ci-bot-x");
    }

    #[test]
    fn clients_can_read_what_is_written() {
        let settings = Settings { public_url: Some("https://r.example.com:8443".to_owned()), ..Settings::default() };
        let secret = NewSecret::new("ci".to_owned(), "ptl_x".to_owned());
        let text = arguments(Form::Docker, None).delivery(&settings, false).unwrap().text(&secret);
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["auths"]["r.example.com:8443"]["auth"], "Y2k6cHRsX3g=");
        let text = arguments(Form::Kubernetes, Some("other")).delivery(&settings, false).unwrap().text(&secret);
        let config = text.lines().find_map(|line| line.strip_prefix("  .dockerconfigjson: ")).unwrap();
        let config: serde_json::Value = serde_json::from_slice(&STANDARD.decode(config).unwrap()).unwrap();
        assert_eq!(config["auths"]["other"]["auth"], "Y2k6cHRsX3g=");
        assert!(text.contains("\n  name: \"portolan-ci\"\n"), "{text}");
        assert_eq!(arguments(Form::Text, None).delivery(&settings, true).unwrap().text(&secret), "ptl_x\n");
    }

    #[test]
    fn what_cannot_be_written_is_refused_before() {
        let settings = Settings::default();
        for (arguments, is_json) in [
            (arguments(Form::Docker, None), false),
            (arguments(Form::Docker, Some("https://x")), false),
            (arguments(Form::Docker, Some("x")), true),
            (arguments(Form::Text, Some("x")), false),
            (SecretArguments { secret_file: Some("-".into()), ..arguments(Form::Text, None) }, false),
            (SecretArguments { secret_name: Some("X".to_owned()), ..arguments(Form::Kubernetes, Some("x")) }, false),
        ] {
            assert_eq!(arguments.delivery(&settings, is_json).unwrap_err().exit, Exit::Usage, "{arguments:?}");
        }
    }

    #[test]
    fn nothing_is_written_over() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        drop(SecretFile::create(&path, "one").unwrap());
        assert!(!path.exists());
        SecretFile::require_free(&path).unwrap();
        SecretFile::create(&path, "one").unwrap().keep();
        assert_eq!(SecretFile::require_free(&path).unwrap_err().exit, Exit::No);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(SecretFile::create(&path, "two").unwrap_err().exit, Exit::No);
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(dir.path().join("target"), &link).unwrap();
        SecretFile::create(&link, "two").unwrap_err();
        SecretFile::create(Path::new("/dev/null"), "two").unwrap_err();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
        assert!(!dir.path().join("target").exists());
    }
}
