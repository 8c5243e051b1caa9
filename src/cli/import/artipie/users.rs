//! Users and their passwords, of both generations.

use std::collections::BTreeSet;

use super::Source;
use crate::cli::Failure;
use crate::cli::import::draft::{Draft, NewUser};
use crate::cli::import::report::Report;
use crate::config::Node;
use crate::identity::{HashKind, PasswordHash, UserName};

/// Reads the one file of the older generation.
pub(super) fn of_one_file(source: &Source, draft: &mut Draft, report: &mut Report) -> Result<(), Failure> {
    let root = source.required_root()?;
    for (key, entry) in root.get("credentials").and_then(Node::pairs).unwrap_or_default() {
        let name = key.text().unwrap_or_default();
        if let Some(mut user) = user(name, key.line, entry, &source.path, draft, report) {
            user.groups = groups(entry.get("groups"), &source.path, report);
            draft.users.push(user);
        }
    }
    Ok(())
}

/// A user's name, password and address, as both generations write them.
pub(super) fn user(
    name: &str,
    line: u32,
    entry: &Node<'_>,
    file: &str,
    draft: &Draft,
    report: &mut Report,
) -> Option<NewUser> {
    let mut left_out = |why: &str| report.left_out(file, line, format!("the user `{name}`: {why}"));
    let user = match UserName::of_user(name) {
        Ok(user) => user,
        Err(error) => {
            left_out(&error.to_string());
            return None;
        }
    };
    if draft.users.iter().any(|known| known.name == user) {
        left_out("there is such a user already");
        return None;
    }
    let Some(pass) = entry.get("pass").and_then(Node::text) else {
        left_out("there is no password here, so another system knows it");
        return None;
    };
    let kind = entry.get("type").and_then(Node::text);
    let (kind, pass) = match (kind, pass.split_once(':')) {
        (None, Some((kind @ ("sha256" | "plain"), pass))) => (kind, pass),
        (Some(kind), _) => (kind, pass),
        (None, _) => ("", pass),
    };
    let kind = match kind {
        "plain" => HashKind::Plain,
        "sha256" => HashKind::Sha256,
        _ => {
            left_out("passwords of its kind cannot be taken over");
            return None;
        }
    };
    if let Err(error) = PasswordHash::parse(kind, pass) {
        left_out(&format!("its password is not usable: {error}"));
        return None;
    }
    let mut user = NewUser::new(user, kind, pass);
    user.email = entry.get("email").and_then(Node::text).and_then(|email| {
        let known = draft.users.iter().filter_map(|user| user.email.as_deref());
        let is_taken = known.into_iter().any(|known| known.to_lowercase() == email.to_lowercase());
        let is_address = matches!(email.split_once('@'), Some((name, host))
            if !name.is_empty() && !host.is_empty() && !host.contains('@'))
            && !email.contains(|c: char| c.is_whitespace() || c.is_control());
        match (is_taken, is_address) {
            (false, true) => Some(email.to_owned()),
            (true, _) => {
                left_out("its e-mail address is that of another user, and was left out");
                None
            }
            (_, false) => {
                left_out("its e-mail address is none, and was left out");
                None
            }
        }
    });
    Some(user)
}

/// Names of groups, or of roles.
pub(super) fn groups(node: Option<&Node<'_>>, file: &str, report: &mut Report) -> BTreeSet<UserName> {
    let mut groups = BTreeSet::new();
    for item in node.and_then(Node::items).unwrap_or_default() {
        let text = item.text().unwrap_or_default();
        match UserName::parse(text.strip_prefix('/').unwrap_or(text)) {
            Ok(group) => drop(groups.insert(group)),
            Err(error) => report.left_out(file, item.line, format!("the group `{text}`: {error}")),
        }
    }
    groups
}
