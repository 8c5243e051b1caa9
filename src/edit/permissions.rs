//! A permissions section with the positions of its entries, as a change needs them.

use std::sync::Arc;

use super::yaml::{Change, Value};
use super::{Folder, Refused};
use crate::config::{Node, read_foreign};
use crate::identity::End;
use crate::policy::{What, Who, parse_permission};

/// The permissions section of a repository's file.
#[derive(Debug, Default)]
pub(super) struct Section {
    /// Whether there is one: without it everybody may do everything.
    pub(super) exists: bool,
    /// Those to whom something is granted, in the order of the file.
    pub(super) subjects: Vec<Grantee>,
}

/// Somebody in a section.
#[derive(Debug)]
pub(super) struct Grantee {
    /// Who.
    pub(super) who: Who,
    /// What is granted, in the order of the file.
    pub(super) entries: Vec<Entry>,
}

/// An entry.
#[derive(Debug)]
pub(super) struct Entry {
    /// Which item of the list it is.
    pub(super) position: usize,
    /// What is allowed, as it is written.
    pub(super) text: String,
    /// What that means.
    pub(super) allowed: Vec<What>,
    /// When it ends.
    pub(super) until: Option<End>,
    /// Why it was made.
    pub(super) because: Option<String>,
}

impl Entry {
    /// A change within the entry, of a subject.
    pub(super) fn change(&self, who: &Who, change: Change) -> Change {
        Change::InItem { path: path(Some(who)), position: self.position, change: Box::new(change) }
    }
}

impl Section {
    /// Reads the section of a file, which is to be without errors.
    pub(super) fn read(folder: &Folder, file: &Arc<str>) -> Result<Self, Refused> {
        let text = folder.good_text(file)?;
        let root = read_foreign(&text).map_err(|bad| Refused::Text {
            file: Arc::clone(file),
            line: bad.line,
            message: bad.message,
            hint: "mend the file first; `portolan check` shows what is wrong".to_owned(),
        })?;
        let Some(section) = root.get("repo").and_then(|repo| repo.get("permissions")) else {
            return Ok(Self::default());
        };
        let pairs = section.pairs().unwrap_or_default().iter();
        let subjects = pairs.filter_map(|(key, list)| {
            let who = Who::parse(key.text()?)?;
            let items = list.items().unwrap_or_default().iter().enumerate();
            Some(Grantee { who, entries: items.filter_map(|(position, item)| entry(position, item)).collect() })
        });
        Ok(Self { exists: true, subjects: subjects.collect() })
    }

    /// What is granted to just this subject.
    pub(super) fn of(&self, who: &Who) -> Option<&Grantee> {
        self.subjects.iter().find(|grantee| grantee.who == *who)
    }

    /// The changes that take subjects out: what is left is never a file without a section.
    pub(super) fn without(&self, is_out: &impl Fn(&Who) -> bool) -> Vec<Change> {
        if self.subjects.iter().all(|grantee| is_out(&grantee.who)) {
            return vec![Change::Set { path: path(None), value: Value::Mapping(Vec::new()) }];
        }
        let out = self.subjects.iter().filter(|grantee| is_out(&grantee.who));
        out.map(|grantee| Change::Remove { path: path(Some(&grantee.who)) }).collect()
    }

    /// The changes that take some entries of a subject away and add others.
    pub(super) fn with(&self, who: &Who, add: Vec<Value>, remove: &[usize]) -> Vec<Change> {
        let Some(grantee) = self.of(who).filter(|grantee| !grantee.entries.is_empty()) else {
            return vec![Change::Set { path: path(Some(who)), value: Value::List(add) }];
        };
        if add.is_empty() && remove.len() == grantee.entries.len() {
            return self.without(&|other| other == who);
        }
        let mut changes = Vec::new();
        // At the end first, so that the positions of those that go stay the same.
        if !add.is_empty() {
            changes.push(Change::Append { path: path(Some(who)), items: add });
        }
        if !remove.is_empty() {
            changes.push(Change::RemoveItems { path: path(Some(who)), positions: remove.to_vec() });
        }
        changes
    }
}

/// The way to the section, or to a subject in it.
fn path(who: Option<&Who>) -> Vec<String> {
    let keys = ["repo".to_owned(), "permissions".to_owned()];
    keys.into_iter().chain(who.map(ToString::to_string)).collect()
}

fn entry(position: usize, item: &Node<'_>) -> Option<Entry> {
    let text = item.get("allow").unwrap_or(item).string()?.to_owned();
    let value = |key| item.get(key).and_then(Node::string);
    Some(Entry {
        position,
        allowed: parse_permission(&text).ok()?,
        text,
        until: value("until").and_then(|text| End::parse(text).ok()),
        because: value("because").map(str::to_owned),
    })
}
