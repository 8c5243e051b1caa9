//! The server's settings.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use ipnet::IpNet;

use super::super::codes;
use super::super::model::{Garbage, LogFormat, LogLevel, ReloadMode, Settings, Tls};
use super::super::report::Report;
use super::super::shape::REGISTRY;
use super::super::yaml::Node;
use super::{read, values};

const TOKEN_TTL: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(24 * 3600);
const RELOAD_INTERVAL: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(3600);

const GARBAGE_EVERY: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(365 * 24 * 3600);
const GARBAGE_GRACE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(365 * 24 * 3600);
const GARBAGE_UNTAGGED: RangeInclusive<Duration> = Duration::from_secs(3600)..=Duration::from_secs(3650 * 24 * 3600);

/// Compiles a settings file; what is wrong is in the report.
pub(super) fn compile(text: &str, report: &mut Report) -> Settings {
    let file = read::read(text, &REGISTRY, report);
    let mut settings = Settings::default();
    let Some(root) = &file.root else {
        return settings;
    };
    if let Some(server) = root.get("server") {
        settings.listen = server.get("listen").and_then(|node| listen(node, report));
        settings.public_url = server.get("public_url").and_then(|node| public_url(node, report));
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

fn public_url(node: &Node<'_>, report: &mut Report) -> Option<String> {
    let text = node.string()?;
    let url = text.strip_suffix('/').unwrap_or(text);
    if is_origin(url) {
        return Some(url.to_owned());
    }
    report
        .add(codes::BAD_URL, node.span, "this is no URL of a server")
        .help("write the scheme, the host and perhaps a port, without a path: `https://registry.example.com`");
    None
}

/// Whether a text is `http` or `https`, a host, and perhaps a port.
pub(super) fn is_origin(url: &str) -> bool {
    let Some(authority) = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")) else {
        return false;
    };
    let (host, port) = match authority.rfind(':') {
        Some(colon) if !authority.ends_with(']') => (&authority[..colon], Some(&authority[colon + 1..])),
        _ => (authority, None),
    };
    let good_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.split('.').all(|label| !label.is_empty())
                && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
        }
    };
    let good_port = port
        .is_none_or(|port| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0));
    good_host && good_port
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
    Some(Tls { certificate: certificate?, key: key? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_no_path() {
        for url in [
            "https://registry.example.com",
            "http://localhost:5000",
            "http://[::1]:5000",
            "http://[::1]",
            "http://10.0.0.1",
        ] {
            assert!(is_origin(url), "{url}");
        }
        for url in [
            "registry.example.com",
            "ftp://a",
            "https://",
            "https://a/b",
            "https://a:0",
            "https://a:99999",
            "https://a:",
            "https://user@a",
            "https://a?x",
            "https://a..b",
            "https://[::g]",
            "https://a b",
            "https://a:+1",
        ] {
            assert!(!is_origin(url), "{url}");
        }
    }
}
