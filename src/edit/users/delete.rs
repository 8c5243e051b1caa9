//! Users that go.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::entry::{credentials, path};
use crate::edit::draft::Draft;
use crate::edit::near::titled;
use crate::edit::permissions::Section;
use crate::edit::refused::form;
use crate::edit::yaml::{Change, Value};
use crate::edit::{Folder, Plan, Refused};
use crate::identity::UserName;
use crate::policy::{Access, Who};

/// Deletes users, and every grant that names them.
pub fn delete_users(folder: &Folder, users: &[String]) -> Result<Plan, Refused> {
    let mut names: BTreeSet<&UserName> = BTreeSet::new();
    for user in users {
        names.insert(&folder.user(user)?.name);
    }
    let mut draft = Draft::new(folder)?;
    if names.is_empty() {
        return Err(form("no user is named", "name at least one"));
    }
    let entries: Vec<_> = names.iter().map(|name| Change::Remove { path: path(name.as_str(), None) }).collect();
    let is_last = draft.model.snapshot.users().count() == names.len();
    let file = credentials(folder)?;
    if is_last {
        // A file without users would be one without its only key.
        let value = Value::Mapping(Vec::new());
        draft.edit(file, &[Change::Set { path: vec!["credentials".to_owned()], value }])?;
    } else {
        draft.edit(file, &entries)?;
    }
    let mut repositories = 0;
    for repository in draft.model.snapshot.repositories() {
        if matches!(repository.access, Access::Closed) {
            note_broken(&mut draft, &repository.file, &names);
            continue;
        }
        let is_named = |who: &Who| matches!(who, Who::User(name) if names.contains(name));
        if repository.access.grants().any(|grant| is_named(&grant.who)) {
            repositories += 1;
            let section = Section::read(folder, &repository.file)?;
            draft.edit(&repository.file, &section.without(&is_named))?;
        }
    }
    if repositories > 0 {
        let word = if repositories == 1 { "repository" } else { "repositories" };
        draft.note(format!("what was granted by name in {repositories} {word} is taken away as well"));
    }
    let all: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    let title = titled(&all, "users", |some| match (all.len(), some.starts_with('`')) {
        (1, _) => format!("Delete the user {some}"),
        (_, true) => format!("Delete the users {some}"),
        (_, false) => format!("Delete {some}"),
    });
    draft.finish_titled(title, None)
}

/// What a file with errors grants is not known.
fn note_broken(draft: &mut Draft<'_>, file: &Arc<str>, names: &BTreeSet<&UserName>) {
    let Some(text) = draft.folder.compiled.sources.get(file) else { return };
    if names.iter().any(|name| text.contains(name.as_str())) {
        draft.note(format!("{file} has errors and is left as it is; it may name a user who is gone"));
    }
}
