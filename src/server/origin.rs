//! Where a request comes from and which address it was sent to, with proxies believed only where the
//! configuration trusts them. Pure.

use std::net::IpAddr;

use actix_web::http::header::{HOST, HeaderMap, HeaderName};
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
/// Stands for a value with bytes that no text has: neither an address nor a host nor a scheme.
const UNREADABLE: &str = "?";

/// The client's address: the peer, or, behind trusted proxies, the last address before them.
pub(super) fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let peer = peer.to_canonical();
    if !is_trusted(peer, trusted) {
        return peer;
    }
    let hops: Vec<&str> = values(headers, &FORWARDED_FOR).collect();
    let mut client = peer;
    for hop in hops.into_iter().rev() {
        // What a trusted proxy could not read ends the chain: nothing before it can be believed.
        let Some(address) = address(hop) else { return client };
        client = address;
        if !is_trusted(client, trusted) {
            return client;
        }
    }
    client
}

/// The scheme, host and perhaps port that the client used; `None` where no host was named in a form
/// that could be repeated.
pub(super) fn sent_to(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet], secure: bool) -> Option<String> {
    let believed = is_trusted(peer.to_canonical(), trusted);
    let forwarded = |name: &HeaderName| if believed { values(headers, name).last() } else { None };
    let scheme = match forwarded(&FORWARDED_PROTO) {
        Some(proto) if proto.eq_ignore_ascii_case("https") => "https",
        Some(proto) if proto.eq_ignore_ascii_case("http") => "http",
        _ if secure => "https",
        _ => "http",
    };
    let host = forwarded(&FORWARDED_HOST).or_else(|| headers.get(HOST).and_then(|value| value.to_str().ok()))?;
    is_host(host).then(|| format!("{scheme}://{host}"))
}

/// Whether a text is a host, perhaps with a port, and nothing that could break out of a header.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((host, port)) if host.parse::<std::net::Ipv6Addr>().is_ok() => {
                (host, port.strip_prefix(':').or((!port.is_empty()).then_some("x")))
            }
            _ => return false,
        },
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let is_name = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte));
    (1..=255).contains(&host.len()) && is_name && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|net| net.contains(&address))
}

fn values<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    // A value that cannot be read stands there as one that means nothing: leaving it out would make
    // what comes before it look like the last one.
    let texts = headers.get_all(name).map(|value| value.to_str().unwrap_or(UNREADABLE));
    texts.flat_map(|value| value.split(',')).map(str::trim)
}

fn address(text: &str) -> Option<IpAddr> {
    let parsed = text.parse::<IpAddr>().ok().or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|it| it.ip()));
    parsed.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        map
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn forwarded_addresses_count_only_behind_a_trusted_proxy() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let forged = headers(&[("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "2.2.2.2, 10.0.0.9")]);
        assert_eq!(client_address(ip("9.9.9.9"), &forged, &trusted), ip("9.9.9.9"));
        assert_eq!(client_address(ip("10.0.0.1"), &forged, &trusted), ip("2.2.2.2"));
        assert_eq!(client_address(ip("::ffff:10.0.0.1"), &forged, &trusted), ip("2.2.2.2"));
        assert_eq!(client_address(ip("10.0.0.1"), &headers(&[]), &trusted), ip("10.0.0.1"));
        let garbage = headers(&[("x-forwarded-for", "1.1.1.1, unknown")]);
        assert_eq!(client_address(ip("10.0.0.1"), &garbage, &trusted), ip("10.0.0.1"));
        let mut unreadable = headers(&[("x-forwarded-for", "1.1.1.1")]);
        unreadable.append(FORWARDED_FOR, HeaderValue::from_bytes(b"2.2.2.2\xff").unwrap());
        assert_eq!(client_address(ip("10.0.0.1"), &unreadable, &trusted), ip("10.0.0.1"));
    }

    #[test]
    fn the_address_that_was_used_is_repeated_only_in_a_safe_form() {
        let sent = |pairs: &[(&str, &str)]| sent_to(ip("9.9.9.9"), &headers(pairs), &[], false);
        assert_eq!(sent(&[("host", "reg.example:5000")]).as_deref(), Some("http://reg.example:5000"));
        assert_eq!(sent(&[("host", "[::1]:5000")]).as_deref(), Some("http://[::1]:5000"));
        assert_eq!(sent(&[("host", "a"), ("x-forwarded-host", "evil")]).as_deref(), Some("http://a"));
        for host in ["", "a\"b", "a b", "a/b", "a:b", "a:1:2", "[::1", "[::1]x", "a@b", "a,b"] {
            assert_eq!(sent(&[("host", host)]), None, "{host}");
        }
        let behind = headers(&[("host", "inner"), ("x-forwarded-host", "reg.example"), ("x-forwarded-proto", "https")]);
        let trusted = ["9.9.9.9/32".parse().unwrap()];
        assert_eq!(sent_to(ip("9.9.9.9"), &behind, &trusted, false).as_deref(), Some("https://reg.example"));
    }
}
