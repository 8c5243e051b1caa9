//! Users that go.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::entry::{credentials, path};
use crate::edit::draft::Draft;
use crate::edit::near::list;
use crate::edit::permissions::Section;
use crate::edit::refused::form;
use crate::edit::yaml::{Change, Value};
use crate::edit::{Folder, Plan, Refused};
use crate::identity::UserName;
use crate::policy::{Access, Who};

/// A longer title is no first line of a commit.
const TITLE_CHARACTERS_MAX: usize = 72;

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
    let all = list(names.iter().map(|name| name.as_str()));
    let plural = if names.len() == 1 { "" } else { "s" };
    let title = format!("Delete the user{plural} {all}");
    if names.len() == 1 || title.chars().count() <= TITLE_CHARACTERS_MAX {
        return draft.finish(title, None);
    }
    let mut plan = draft.finish(format!("Delete {} users", names.len()), None)?;
    plan.message.insert(1, format!("deleted: {all}"));
    Ok(plan)
}

/// What a file with errors grants is not known.
fn note_broken(draft: &mut Draft<'_>, file: &Arc<str>, names: &BTreeSet<&UserName>) {
    let Some(text) = draft.folder.compiled.sources.get(file) else { return };
    if names.iter().any(|name| text.contains(name.as_str())) {
        draft.note(format!("{file} has errors and is left as it is; it may name a user who is gone"));
    }
}
