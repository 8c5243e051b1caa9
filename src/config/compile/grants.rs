//! A permissions section.

use std::sync::Arc;

use super::super::codes;
use super::super::report::{Report, shown};
use super::super::yaml::{Node, Value};
use super::values;
use crate::diagnostic::Span;
use crate::identity::UserName;
use crate::policy::{BadPermission, BadPermissionKind, Grant, Rule, What, Who, parse_permission};

/// Compiles a section. `no_prefix` tells that the repository's prefix is empty.
pub(super) fn compile(section: &Node<'_>, no_prefix: bool, report: &mut Report) -> Vec<Grant> {
    let mut grants = Vec::new();
    for (key, entries) in section.pairs().unwrap_or_default() {
        let who = key.text().and_then(grantee);
        if who.is_none() {
            report
                .add(codes::BAD_GRANTEE, key.span, format!("`{}` names nobody", shown(key.text().unwrap_or_default())))
                .help(
                    "write `\"*\"` for anybody, `\"/*\"` for anybody signed in, `/NAME` for a group, or a user's name",
                );
        }
        for entry in entries.items().unwrap_or_default() {
            let (what, until) = match &entry.value {
                Value::Mapping(_) => {
                    let until = entry.get("until").map(|node| values::end(node, report));
                    (entry.get("allow"), until)
                }
                Value::Scalar(_) | Value::Sequence(_) => (Some(entry), None),
            };
            let allowed = what.and_then(|node| permission(node, no_prefix, report));
            let (Some(who), Some(allowed)) = (&who, allowed) else {
                continue;
            };
            // A grant whose end cannot be read must not hold for ever.
            let until = match until {
                Some(None) => continue,
                Some(end) => end,
                None => None,
            };
            let rule = Rule::Entry { file: Arc::clone(&report.file), line: entry.line };
            grants.extend(allowed.into_iter().map(|what| Grant { who: who.clone(), what, until, rule: rule.clone() }));
        }
    }
    grants
}

fn grantee(text: &str) -> Option<Who> {
    match text {
        "*" => Some(Who::Anyone),
        "/*" => Some(Who::SignedIn),
        _ => match text.strip_prefix('/') {
            Some(group) => UserName::parse(group).ok().map(Who::Group),
            None => UserName::parse(text).ok().map(Who::User),
        },
    }
}

fn permission(node: &Node<'_>, no_prefix: bool, report: &mut Report) -> Option<Vec<What>> {
    let text = node.string()?;
    match parse_permission(text) {
        Ok(allowed) => {
            let names_prefix = |what: &What| matches!(what, What::Images { images, .. } if images.is_prefix_itself());
            if no_prefix && allowed.iter().any(names_prefix) {
                report
                    .add(codes::DOT_WITHOUT_PREFIX, node.span, "`.` is no image here: the repository's prefix is empty")
                    .help("name the images that are meant, or `*` for all");
                return None;
            }
            Some(allowed)
        }
        Err(error) => {
            refuse(node, text, &error, report);
            None
        }
    }
}

fn refuse(node: &Node<'_>, text: &str, error: &BadPermission, report: &mut Report) {
    let code = match error.kind {
        BadPermissionKind::UnknownOperation(_) => codes::UNKNOWN_OPERATION,
        BadPermissionKind::TagLimitedPull => codes::TAG_LIMITED_PULL,
        _ => codes::BAD_PERMISSION,
    };
    let diagnostic = report.add(code, part(node, text, error), error.to_string());
    match &error.suggestion {
        Some(suggestion) => diagnostic.help(format!("did you mean `{suggestion}`?")),
        None if code == codes::UNKNOWN_OPERATION => diagnostic
            .help("write `read`, `write`, `delete`, `\"*\"`, or a granular permission such as `repository:NAME:pull`"),
        None => diagnostic,
    };
}

/// The bytes of the file that are wrong: exact where the text stands in the file as it is.
fn part(node: &Node<'_>, text: &str, error: &BadPermission) -> Span {
    let Span { start, end } = node.span;
    let quotes = match (end - start).checked_sub(text.len()) {
        Some(0) => 0,
        Some(2) => 1,
        _ => return node.span,
    };
    Span { start: start + quotes + error.range.start, end: start + quotes + error.range.end }
}
