//! The server's settings.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use ipnet::IpNet;

use super::super::codes;
use super::super::model::{DEFAULT_LISTEN, Garbage, LogFormat, LogLevel, ReloadMode, SecretSource, Settings, Tls};
use super::super::report::Report;
use super::super::shape::REGISTRY;
use super::super::yaml::Node;
use super::{read, urls, values};
use crate::diagnostic::Place;

const TOKEN_TTL: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(24 * 3600);
const RELOAD_INTERVAL: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(3600);

const GARBAGE_EVERY: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(365 * 24 * 3600);
const GARBAGE_GRACE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(365 * 24 * 3600);
const GARBAGE_UNTAGGED: RangeInclusive<Duration> = Duration::from_secs(3600)..=Duration::from_secs(3650 * 24 * 3600);

/// The settings, and where the main address is written.
#[derive(Default)]
pub(super) struct Compiled {
    pub(super) settings: Settings,
    listen: Option<Place>,
}

impl Compiled {
    /// The main port and where it is written; that of the default stands nowhere, and its file has no name. `None` where
    /// what is written is no address.
    pub(super) fn main_port(&self) -> Option<(u16, Place)> {
        match (&self.listen, self.settings.listen) {
            (Some(place), address) => Some((address?.port(), place.clone())),
            (None, _) => Some((DEFAULT_LISTEN.port(), Place { file: "".into(), span: None })),
        }
    }
}

/// Compiles a settings file; what is wrong is in the report.
pub(super) fn compile(text: &str, report: &mut Report) -> Compiled {
    let file = read::read(text, &REGISTRY, report);
    let listen = file.root.as_ref().and_then(|root| root.get("server")?.get("listen"));
    let listen = listen.map(|node| report.place(node.span));
    Compiled { settings: file.root.as_ref().map_or_else(Settings::default, |root| settings(root, report)), listen }
}

fn settings(root: &Node<'_>, report: &mut Report) -> Settings {
    let mut settings = Settings::default();
    if let Some(server) = root.get("server") {
        settings.listen = server.get("listen").and_then(|node| listen(node, report));
        settings.public_url =
            server.get("public_url").and_then(|node| urls::origin(node, "https://registry.example.com", report));
        settings.trusted_proxies = networks(server.get("trusted_proxies"), report);
        settings.tls = server.get("tls").and_then(|node| tls(node, report));
    }
    if let Some(tokens) = root.get("tokens") {
        if let Some(ttl) = tokens.get("ttl").and_then(|node| values::duration(node, &TOKEN_TTL, report)) {
            settings.token_ttl = ttl;
        }
        settings.signing_key = tokens.get("signing_key").and_then(|node| values::secret(node, "signing_key", report));
    }
    if let Some(passwords) = root.get("passwords") {
        let number = |key, default| {
            passwords
                .get(key)
                .and_then(Node::integer)
                .and_then(|number| usize::try_from(number).ok())
                .unwrap_or(default)
        };
        let least = settings.passwords;
        settings.passwords.min_length = number("min_length", least.min_length);
        settings.passwords.lowercase = number("lowercase", least.lowercase);
        settings.passwords.uppercase = number("uppercase", least.uppercase);
        settings.passwords.digits = number("digits", least.digits);
    }
    if let Some(reload) = root.get("reload") {
        if reload.get("mode").and_then(Node::string) == Some("poll") {
            settings.reload_mode = ReloadMode::Poll;
        }
        let interval = reload.get("interval").and_then(|node| values::duration(node, &RELOAD_INTERVAL, report));
        settings.reload_interval = interval.unwrap_or(settings.reload_interval);
    }
    if let Some(garbage) = root.get("garbage") {
        settings.garbage = compile_garbage(garbage, report);
    }
    if let Some(log) = root.get("log") {
        settings.log_level = match log.get("level").and_then(Node::string) {
            Some("error") => LogLevel::Error,
            Some("warn") => LogLevel::Warn,
            Some("debug") => LogLevel::Debug,
            _ => LogLevel::Info,
        };
        if log.get("format").and_then(Node::string) == Some("json") {
            settings.log_format = LogFormat::Json;
        }
    }
    settings
}

fn compile_garbage(node: &Node<'_>, report: &mut Report) -> Garbage {
    let mut garbage = Garbage::default();
    if let Some(every) = node.get("every") {
        garbage.every = unless_never(every, &GARBAGE_EVERY, report).unwrap_or(garbage.every);
    }
    if let Some(grace) = node.get("grace").and_then(|node| values::duration(node, &GARBAGE_GRACE, report)) {
        garbage.grace = grace;
    }
    if let Some(untagged) = node.get("untagged") {
        garbage.untagged = unless_never(untagged, &GARBAGE_UNTAGGED, report).unwrap_or(garbage.untagged);
    }
    garbage
}

/// A duration, or `never`; reports what is neither.
fn unless_never(node: &Node<'_>, bounds: &RangeInclusive<Duration>, report: &mut Report) -> Option<Option<Duration>> {
    match node.string() {
        Some("never") => Some(None),
        _ => values::duration(node, bounds, report).map(Some),
    }
}

fn listen(node: &Node<'_>, report: &mut Report) -> Option<SocketAddr> {
    let text = node.string()?;
    let address = text.parse().ok();
    if address.is_none() {
        report
            .add(codes::BAD_ADDRESS, node.span, "this is no address to listen on")
            .help("write an IP address and a port, such as `0.0.0.0:5000`");
    }
    address
}

fn networks(node: Option<&Node<'_>>, report: &mut Report) -> Vec<IpNet> {
    let mut networks = Vec::new();
    for item in node.and_then(Node::items).unwrap_or_default() {
        let Some(text) = item.string() else {
            continue;
        };
        match text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from)) {
            Some(network) => networks.push(network),
            None => {
                report
                    .add(codes::BAD_NETWORK, item.span, "this is no network")
                    .help("write it as `10.0.0.0/8`, or as a single address");
            }
        }
    }
    networks
}

fn tls(node: &Node<'_>, report: &mut Report) -> Option<Tls> {
    let certificate = node.get("certificate").and_then(|node| values::path(node, report));
    let key = node.get("key").and_then(|node| values::path(node, report));
    for (name, path) in [("certificate", &certificate), ("key", &key)] {
        if let (Some(node), Some(path)) = (node.get(name), path) {
            report.references.push((SecretSource::File(path.clone()), format!("server.tls.{name}"), node.span));
        }
    }
    Some(Tls { certificate: certificate?, key: key? })
}
