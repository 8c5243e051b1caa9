//! What the tables of rights and of changes have in common.

use serde_json::{Value, json};

use crate::policy::Rule;

/// The subject that stands for whoever is signed in.
pub(super) const SIGNED_IN: &str = "any signed-in user";
/// The subject that stands for whoever is not.
pub(super) const ANONYMOUS: &str = "anonymous";

/// A rule for machines.
pub(super) fn rule_json(rule: &Rule) -> Value {
    match rule {
        Rule::Admin => json!({ "kind": "admin" }),
        Rule::NoSection { file } => json!({ "kind": "no-permissions", "file": **file }),
        Rule::Entry { file, line } => json!({ "kind": "grant", "file": **file, "line": line }),
        Rule::Public => json!({ "kind": "public" }),
    }
}

/// Rules for people, each with its file and line.
pub(super) fn places<'r>(rules: impl IntoIterator<Item = &'r Rule>) -> Vec<String> {
    let mut places: Vec<String> = Vec::new();
    for rule in rules {
        let place = match rule {
            Rule::Entry { file, line } => format!("{file}:{line}"),
            Rule::NoSection { file } => file.to_string(),
            Rule::Admin | Rule::Public => continue,
        };
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
}
