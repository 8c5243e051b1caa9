//! Where a good file says what, for whoever shows the reason of a decision.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::compile::{Known, read_file};
use super::files::{self, Kind};
use super::report::Report;
use super::shape::{CREDENTIALS, REPOSITORY, TESTS};
use super::yaml::Node;
use crate::diagnostic::Span;
use crate::oci::Tag;
use crate::policy::{Grant, Rule, TagGlob, What, Who, parse_permission};

/// The places of one file.
#[derive(Debug, Default)]
pub struct Places {
    /// What is not to be shown of the file, in order and apart from one another.
    pub hidden: Vec<Span>,
    /// The key of the permissions section, or that of the repository where there is no section.
    pub permissions: Option<Span>,
    /// The entries of the permissions section, by their lines.
    entries: BTreeMap<u32, Vec<Entry>>,
    immutable_tags: Vec<(TagGlob, Span)>,
    /// Each user's name, and the keys of the entry with their values.
    users: HashMap<String, (Span, Vec<(String, Span)>)>,
}

/// An entry of a permissions section.
#[derive(Debug)]
struct Entry {
    who: Who,
    allowed: Vec<What>,
    span: Span,
}

impl Places {
    /// Finds the places of a repository's file, a credentials file or a file of access tests. Other files
    /// have none, and all of them is hidden.
    pub fn of(file: &Arc<str>, text: &str) -> Self {
        let mut report = Report::new(file);
        let shape = match files::kind(file) {
            Some(Kind::Repository(_)) => &REPOSITORY,
            Some(Kind::Credentials) => &CREDENTIALS,
            Some(Kind::Tests) => &TESTS,
            _ => return Self { hidden: vec![Span { start: 0, end: text.len() }], ..Self::default() },
        };
        let read = read_file(text, shape, &mut report);
        let mut places = Self::default();
        if let Some(root) = &read {
            if let Some((key, repo)) = root.pair("repo") {
                places.repository(key, repo);
            }
            places.users(root.get("credentials"));
        }
        let Report { secrets, open, refused, guarded, .. } = report;
        places.hidden = Known { secrets, open, refused, guarded }.hidden(text);
        places
    }

    /// The entry that makes a grant.
    pub fn entry(&self, grant: &Grant) -> Option<Span> {
        let Rule::Entry { line, .. } = &grant.rule else { return None };
        // A line may hold a whole section.
        let makes = |entry: &&Entry| entry.who == grant.who && entry.allowed.contains(&grant.what);
        self.entries.get(line)?.iter().find(makes).map(|entry| entry.span)
    }

    /// The pattern that makes a tag immutable.
    pub fn immutable(&self, tag: &Tag) -> Option<Span> {
        self.immutable_tags.iter().find(|(glob, _)| glob.matches_immutable(tag)).map(|(_, span)| *span)
    }

    /// The value of one of a user's keys, or the user's name where there is no such key.
    pub fn user(&self, name: &str, key: &str) -> Option<Span> {
        let (span, keys) = self.users.get(name)?;
        Some(keys.iter().find(|(known, _)| known == key).map_or(*span, |(_, span)| *span))
    }

    fn repository(&mut self, key: &Node<'_>, repo: &Node<'_>) {
        self.permissions = Some(key.span);
        for item in repo.get("immutable_tags").and_then(Node::items).unwrap_or_default() {
            if let Some(glob) = item.string().and_then(|text| TagGlob::parse(text).ok()) {
                self.immutable_tags.push((glob, item.span));
            }
        }
        if let Some((key, section)) = repo.pair("permissions") {
            self.permissions = Some(key.span);
            for (key, list) in section.pairs().unwrap_or_default() {
                let Some(who) = key.text().and_then(Who::parse) else { continue };
                for entry in list.items().unwrap_or_default() {
                    let what = entry.get("allow").unwrap_or(entry);
                    let allowed = what.string().and_then(|text| parse_permission(text).ok()).unwrap_or_default();
                    let found = Entry { who: who.clone(), allowed, span: entry.span };
                    self.entries.entry(entry.line).or_default().push(found);
                }
            }
        }
    }

    fn users(&mut self, section: Option<&Node<'_>>) {
        for (name, entry) in section.and_then(Node::pairs).unwrap_or_default() {
            let keys = entry.pairs().unwrap_or_default().iter();
            let keys = keys.filter_map(|(key, value)| Some((key.text()?.to_owned(), value.span))).collect();
            if let Some(text) = name.text() {
                self.users.entry(text.to_owned()).or_insert((name.span, keys));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, span: Option<Span>) -> &str {
        span.map_or("", |span| &text[span.start..span.end])
    }

    #[test]
    fn finds_what_decides() {
        let text = "repo:\n  type: docker\n  immutable_tags: [x, 'v*']\n  permissions:\n    jane: &all\n      - read\n      \
                    - {allow: write, until: 2026-12-01}\n    mark: [delete, '*']\n    rita: *all\n";
        let places = Places::of(&"repos/a.yaml".into(), text);
        assert_eq!(shown(text, places.permissions), "permissions");
        let entry = |line, who: &str, permission: &str| {
            let rule = Rule::Entry { file: "repos/a.yaml".into(), line };
            let what = parse_permission(permission).unwrap().remove(0);
            places.entry(&Grant { who: Who::parse(who).unwrap(), what, until: None, rule })
        };
        assert_eq!(shown(text, entry(6, "jane", "read")), "read");
        assert!(shown(text, entry(7, "rita", "write")).starts_with("{allow: write"));
        assert_eq!(shown(text, entry(8, "mark", "d")), "delete");
        assert_eq!(shown(text, entry(8, "mark", "*")), "'*'");
        assert_eq!((entry(8, "jane", "*"), entry(6, "jane", "write"), entry(5, "jane", "read")), (None, None, None));
        assert_eq!(shown(text, places.immutable(&Tag::parse("v1").unwrap())), "'v*'");
        assert_eq!(places.hidden, []);
        let text = "repo: {type: docker}\n";
        assert_eq!(shown(text, Places::of(&"repos/a.yaml".into(), text).permissions), "repo");
    }

    #[test]
    fn passwords_stay_hidden() {
        let text =
            "credentials:\n  jane: {type: plain, pass: hunter2, enabled: false}\n  mark: {pass: plain:hunter3}\n";
        let places = Places::of(&"credentials.yaml".into(), text);
        assert_eq!(shown(text, places.user("jane", "enabled")), "false");
        assert_eq!(shown(text, places.user("mark", "enabled")), "mark");
        assert_eq!(places.user("rita", "enabled"), None);
        let hidden: Vec<_> = places.hidden.iter().map(|span| shown(text, Some(*span))).collect();
        assert_eq!(hidden, ["hunter2", "plain:hunter3"]);
        let whole = Places::of(&"registry.yaml".into(), "tokens: {}\n");
        assert_eq!(whole.hidden, [Span { start: 0, end: 11 }]);
    }
}
