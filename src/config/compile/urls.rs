//! URLs of servers.

use super::super::codes;
use super::super::report::Report;
use super::super::yaml::Node;

/// The URL of a server, without a slash at its end; reports what is none, such as one with a path.
pub(super) fn origin(node: &Node<'_>, example: &str, report: &mut Report) -> Option<String> {
    let text = node.string()?;
    let url = text.strip_suffix('/').unwrap_or(text);
    if is_origin(url) {
        return Some(url.to_owned());
    }
    // Where the scheme is missing, a password may stand there all the same.
    report.hide_user_info(node, true);
    let with_user = if text.contains('@') { "remove all before the `@`: a user has no place in it; " } else { "" };
    let help = format!("{with_user}write the scheme, the host and perhaps a port, without a path: `{example}`");
    report.add(codes::BAD_URL, node.span, "this is no URL of a server").help(help);
    None
}

/// Whether a text is `http` or `https`, a host, and perhaps a port.
fn is_origin(url: &str) -> bool {
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
