//! The users.

use std::collections::{BTreeSet, HashMap};

use super::super::codes;
use super::super::report::Report;
use super::super::shape::CREDENTIALS;
use super::super::yaml::Node;
use super::{read, values};
use crate::diagnostic::Span;
use crate::identity::{BadHash, BadUserName, HashKind, PasswordHash, Secret, User, UserName};

/// Compiles a credentials file; what is wrong is in the report.
pub(super) fn compile(text: &str, report: &mut Report) -> Vec<User> {
    let file = read::read(text, &CREDENTIALS, report);
    let entries = file.root.as_ref().and_then(|root| root.get("credentials")).and_then(Node::pairs).unwrap_or_default();
    let mut emails = HashMap::new();
    entries.iter().filter_map(|(name, entry)| user(name, entry, &mut emails, report)).collect()
}

fn user(name: &Node<'_>, entry: &Node<'_>, emails: &mut HashMap<String, Span>, report: &mut Report) -> Option<User> {
    let parsed = UserName::of_user(name.text().unwrap_or_default());
    if let Err(error) = parsed {
        let help = match error {
            BadUserName::Form => error.to_string(),
            BadUserName::Anonymous => {
                format!("{error}: give the user another name, and grant to `\"*\"` what anybody may do")
            }
        };
        report.add(codes::BAD_USER_NAME, name.span, "this is no name of a user").help(help);
    }
    entry.pairs()?;
    let current = hash(entry, report);
    let previous = entry.get("previous").filter(|node| node.pairs().is_some()).map(|previous| {
        let until = previous.get("until").and_then(|node| values::end(node, report));
        (hash(previous, report), until)
    });
    let groups = groups(entry.get("groups"), report);
    let email = entry.get("email").and_then(|node| email(node, emails, report));
    let expires = entry.get("expires").map(|node| values::end(node, report));
    if let Some(marks) = &mut report.marks {
        let place = |key| entry.get(key).map(|node| node.span);
        marks.add_user(
            name.text().unwrap_or_default(),
            name.span,
            [place("admin"), place("enabled"), place("expires")],
        );
    }
    let name = parsed.ok()?;
    let mut secrets = vec![Secret::new(&name, current?, None)];
    if let Some((hash, until)) = previous {
        secrets.push(Secret::new(&name, hash?, Some(until?)));
    }
    let expires = match expires {
        Some(end) => Some(end?),
        None => None,
    };
    let flag = |key: &str, default| entry.get(key).map_or(Some(default), Node::boolean);
    Some(User {
        secrets,
        groups,
        admin: flag("admin", false)?,
        email,
        description: entry.get("description").and_then(Node::string).map(str::to_owned),
        expires,
        enabled: flag("enabled", true)?,
        name,
    })
}

fn hash(entry: &Node<'_>, report: &mut Report) -> Option<PasswordHash> {
    let node = entry.get("pass")?;
    let pass = node.string()?;
    let (kind, text) = match entry.get("type") {
        Some(kind) => (kind_of(kind.string()?)?, pass),
        // The older form has the type before the secret.
        None => match pass.split_once(':') {
            Some(("sha256", text)) => (HashKind::Sha256, text),
            Some(("plain", text)) => (HashKind::Plain, text),
            _ => {
                let (key, _) = entry.pair("pass")?;
                report
                    .add(codes::MISSING_KEY, key.span, "this password has no `type`")
                    .help("add `type`: `argon2`, `bcrypt`, `sha256` or `plain`");
                return None;
            }
        },
    };
    let hash = match PasswordHash::parse(kind, text) {
        Ok(hash) => hash,
        Err(error) => {
            let code = match error {
                BadHash::Empty => codes::EMPTY_PASSWORD,
                BadHash::Form(_) | BadHash::NoRandomness => codes::BAD_HASH,
                BadHash::TooExpensive(_) => codes::EXPENSIVE_HASH,
            };
            report.add(code, node.span, error.to_string()).help("`portolan hash` makes an entry of a password");
            return None;
        }
    };
    let warning = match kind {
        HashKind::Plain => Some((codes::PLAIN_PASSWORD, "this password stands in the file as it is")),
        HashKind::Sha256 => Some((codes::UNSALTED_PASSWORD, "this password is hashed without salt")),
        HashKind::Argon2 | HashKind::Bcrypt => {
            hash.is_weak().then_some((codes::WEAK_HASH, "this hash is weaker than recommended today"))
        }
    };
    if let Some((code, message)) = warning {
        report.add(code, node.span, message).help("`portolan hash` makes an entry of a password");
    }
    Some(hash)
}

fn kind_of(word: &str) -> Option<HashKind> {
    match word {
        "argon2" => Some(HashKind::Argon2),
        "bcrypt" => Some(HashKind::Bcrypt),
        "sha256" => Some(HashKind::Sha256),
        "plain" => Some(HashKind::Plain),
        _ => None,
    }
}

fn groups(node: Option<&Node<'_>>, report: &mut Report) -> BTreeSet<UserName> {
    let mut groups = BTreeSet::new();
    for item in node.and_then(Node::items).unwrap_or_default() {
        let Some(text) = item.string() else {
            continue;
        };
        match UserName::parse(text) {
            Ok(group) => {
                groups.insert(group);
            }
            Err(error) => {
                // Behind a quote that was not closed the text may hold a password.
                let help = match text.strip_prefix('/').map(UserName::parse) {
                    Some(Ok(group)) => format!("write `{group}`: the `/` belongs to permissions sections only"),
                    _ => error.to_string(),
                };
                report.add(codes::BAD_GROUP_NAME, item.span, "this is no name of a group").help(help);
            }
        }
    }
    groups
}

fn email(node: &Node<'_>, emails: &mut HashMap<String, Span>, report: &mut Report) -> Option<String> {
    let text = node.string()?;
    let well_formed = matches!(text.split_once('@'), Some((local, host))
        if !local.is_empty() && !host.is_empty() && !host.contains('@'))
        && !text.contains(|c: char| c.is_whitespace() || c.is_control());
    if !well_formed {
        if text.contains(char::is_whitespace) {
            // Where a line break was lost, the rest may be a password.
            report.secrets.push(node.span);
        }
        report.add(codes::BAD_EMAIL, node.span, "this is no e-mail address").help("write it as `jane@example.com`");
        return None;
    }
    // Aliased entries share their place, but are two users all the same.
    if let Some(first) = emails.insert(text.to_lowercase(), node.span) {
        let place = report.place(first);
        report
            .add(codes::DUPLICATE_EMAIL, node.span, "two users have this address")
            .also(place, "first here")
            .help("give one of them another address, or leave it out");
    }
    Some(text.to_owned())
}
