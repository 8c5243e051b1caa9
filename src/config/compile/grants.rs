//! A permissions section.

use std::sync::Arc;

use super::super::codes;
use super::super::report::{Report, shown};
use super::super::yaml::{Node, Value};
use super::values;
use crate::diagnostic::{Place, Span};
use crate::identity::ANONYMOUS;
use crate::policy::{BadPermission, BadPermissionKind, Grant, Rule, What, Who, read_permission};

/// Compiles a section. `no_prefix` is where the repository's prefix is written, if it is empty.
pub(super) fn compile(section: &Node<'_>, no_prefix: Option<&Place>, report: &mut Report) -> Vec<Grant> {
    let pairs = section.pairs().unwrap_or_default();
    // Most entries make one grant.
    let count = pairs.iter().map(|(_, entries)| entries.items().map_or(0, <[_]>::len)).sum();
    let mut grants = Vec::with_capacity(count);
    if let Some(marks) = &mut report.marks {
        marks.reserve(pairs.len(), count);
    }
    let mut allowed = Vec::new();
    for (key, entries) in pairs {
        let who = key.text().and_then(Who::parse);
        if who.is_none() {
            let text = key.text().filter(|text| report.may_repeat(text));
            let whom = text.map_or_else(|| "this".to_owned(), |text| format!("`{}`", shown(text)));
            report.add(codes::BAD_GRANTEE, key.span, format!("{whom} names nobody")).help(match text {
                Some(ANONYMOUS) => "write `\"*\"`: what anybody may do, whoever is not signed in may do",
                _ => "write `\"*\"` for anybody, `\"/*\"` for anybody signed in, `/NAME` for a group, or a user's name",
            });
        }
        if let (Some(_), Some(marks)) = (&who, &mut report.marks) {
            marks.begin_section(key.span);
        }
        for entry in entries.items().unwrap_or_default() {
            let (what, end) = match &entry.value {
                Value::Mapping(_) => (entry.get("allow"), entry.get("until")),
                Value::Scalar(_) | Value::Sequence(_) => (Some(entry), None),
            };
            let until = end.map(|node| values::end(node, report));
            allowed.clear();
            if let Some(node) = what {
                permission(node, no_prefix, &mut allowed, report);
            }
            let Some(who) = who.as_ref().filter(|_| !allowed.is_empty()) else { continue };
            // A grant whose end cannot be read must not hold for ever.
            let until = match until {
                Some(None) => continue,
                Some(end) => end,
                None => None,
            };
            if let (Some(what), Some(marks)) = (what, &mut report.marks) {
                marks.add_entry(what.span, end.map(|node| node.span), allowed.len());
            }
            let rule = Rule::Entry { file: Arc::clone(&report.file), line: entry.line };
            grants.extend(allowed.drain(..).map(|what| Grant { who: who.clone(), what, until, rule: rule.clone() }));
        }
    }
    grants
}

/// Adds what an entry allows.
fn permission(node: &Node<'_>, no_prefix: Option<&Place>, allowed: &mut Vec<What>, report: &mut Report) {
    let Some(text) = node.string() else { return };
    match read_permission(text, allowed) {
        Ok(()) => {
            let names_prefix = |what: &What| matches!(what, What::Images { images, .. } if images.is_prefix_itself());
            if let Some(prefix) = no_prefix.filter(|_| allowed.iter().any(names_prefix)) {
                report
                    .add(codes::DOT_WITHOUT_PREFIX, node.span, "`.` is no image here: the repository's prefix is empty")
                    .also(prefix.clone(), "the prefix")
                    .help("name the images that are meant, or `*` for all");
                allowed.clear();
            }
        }
        Err(error) => refuse(node, text, &error, report),
    }
}

fn refuse(node: &Node<'_>, text: &str, error: &BadPermission, report: &mut Report) {
    let code = match error.kind {
        BadPermissionKind::UnknownOperation(_) => codes::UNKNOWN_OPERATION,
        BadPermissionKind::TagLimitedPull => codes::TAG_LIMITED_PULL,
        _ => codes::BAD_PERMISSION,
    };
    // What a permission is never made of may be a secret that ran into it.
    let is_like_one = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.:/*-".contains(&b));
    if !is_like_one && !report.may_repeat(text) {
        report.secrets.push(node.span);
        let help = "write `read`, `write`, `delete`, `\"*\"`, or a granular permission such as `repository:NAME:pull`";
        report.add(code, node.span, "this is no permission").help(help);
        return;
    }
    let diagnostic = report.add(code, part(node, text, error), error.to_string());
    match &error.suggestion {
        Some(suggestion) => diagnostic.help(format!("did you mean `{suggestion}`?")),
        None if code == codes::UNKNOWN_OPERATION => diagnostic
            .help("write `read`, `write`, `delete`, `\"*\"`, or a granular permission such as `repository:NAME:pull`"),
        None => diagnostic.help(match error.kind {
            BadPermissionKind::BadImageGlob(_) => {
                "NAME is an image's name below the prefix, in which `*` stands for a part of a component and `**` for whole ones"
            }
            BadPermissionKind::BadTagGlob(_) => "TAG is a tag, in which `*` stands for any characters",
            _ => "write `repository:NAME:ACTION`, with `pull`, `push`, `overwrite`, `delete` or `*` as ACTION",
        }),
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
