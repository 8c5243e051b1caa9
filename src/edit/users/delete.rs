//! Users that go.

use std::collections::BTreeSet;

use super::entry::{credentials, path};
use crate::diagnostic::Diagnostic;
use crate::edit::draft::Draft;
use crate::edit::permissions::Section;
use crate::edit::refused::form;
use crate::edit::words::titled;
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
    note_unclear(&mut draft, &all);
    let title = titled(&all, "users", |some| match (all.len(), some.starts_with('`')) {
        (1, _) => format!("Delete the user {some}"),
        (_, true) => format!("Delete the users {some}"),
        (_, false) => format!("Delete {some}"),
    });
    draft.finish_titled(title, None).map_err(|refused| match refused {
        Refused::NewErrors(mut problems) if problems.diagnostics.iter().any(is_of_test) => {
            let whom = if let [one] = all.as_slice() { one } else { "NAME" };
            problems.hint = Some(format!(
                "change these tests first; `portolan user disable {whom}` locks out at once, without that"
            ));
            Refused::NewErrors(problems)
        }
        other => other,
    })
}

fn is_of_test(found: &Diagnostic) -> bool {
    found.primary.place.file.starts_with("tests/")
}

/// What a file grants that does not compile stays there, and is had by whoever is given the name next.
fn note_unclear(draft: &mut Draft<'_>, names: &[&str]) {
    for (file, name) in draft.folder.unclear(names) {
        draft.notes.push(match name {
            Some(name) => format!(
                "{file} has errors and is left as it is: it names `{name}`, and whoever has that name next may have what it grants"
            ),
            None => format!(
                "{file} cannot be read and is left as it is: it may name who is gone, and whoever has the name next may have what it grants"
            ),
        });
    }
}
