//! A grant less.

use super::grant::{grantee, operations};
use crate::config::{nearest, shown};
use crate::edit::draft::Draft;
use crate::edit::permissions::{Grantee, Section};
use crate::edit::refused::unfit;
use crate::edit::words::{list, titled};
use crate::edit::{Folder, Plan, Refused};

/// What is to be taken away.
#[derive(Debug)]
pub struct RevokeRequest {
    /// The repository.
    pub repository: String,
    /// From whom: a user, `/GROUP`, `/*` or `*`.
    pub who: String,
    /// Which entries; none for all that are made to just this subject.
    pub operations: Vec<String>,
}

/// Takes entries away. It is refused where there is no such entry, with what there is.
pub fn revoke(folder: &Folder, request: &RevokeRequest) -> Result<Plan, Refused> {
    let name = request.repository.as_str();
    let file = folder.repository(name)?;
    let who = grantee(&request.who)?;
    let operations = operations(&request.operations)?;
    let mut draft = Draft::new(folder)?;
    let section = Section::read(folder, file)?;
    if !section.exists {
        return Err(unfit(
            format!("`{name}` has no permissions section, so that there is no grant to take away"),
            "everybody may do everything there; `portolan repository grant … --close` ends that",
        ));
    }
    let Some(grantee) = section.of(&who) else {
        return Err(unfit(format!("nothing is granted to `{who}` in `{name}`"), others(&section, &request.who)));
    };
    let mut remove = Vec::new();
    for operation in &operations {
        let matching = grantee.entries.iter().filter(|entry| entry.allowed == operation.allowed);
        let before = remove.len();
        remove.extend(matching.map(|entry| entry.position));
        if remove.len() == before {
            let message = format!("`{who}` has no entry `{}` in `{name}`", shown(operation.text));
            return Err(unfit(message, entries(grantee)));
        }
    }
    remove.sort_unstable();
    let changes = match operations.is_empty() {
        true => section.without(&|other| *other == who),
        false => section.with(&who, Vec::new(), &remove),
    };
    draft.edit(file, &changes)?;
    let all: Vec<&str> = operations.iter().map(|operation| operation.text).collect();
    let title = match all.is_empty() {
        true => vec![format!("Revoke everything in `{name}` from `{who}`")],
        false => titled(&all, "entries", |some| format!("Revoke {some} in `{name}` from `{who}`")),
    };
    draft.finish_titled(title, None)
}

/// To whom something is granted, for whoever named somebody else.
fn others(section: &Section, word: &str) -> String {
    const NAMES_MAX: usize = 8;
    let names: Vec<String> = section.subjects.iter().map(|grantee| grantee.who.to_string()).collect();
    if let Some(near) = nearest(word, names.iter().map(String::as_str)) {
        return format!("did you mean `{near}`?");
    }
    match names.len().saturating_sub(NAMES_MAX) {
        _ if names.is_empty() => "nothing is granted there to anybody".to_owned(),
        0 => format!("something is granted there to {}", list(names.iter().map(String::as_str))),
        more => {
            let first: Vec<_> = names.iter().take(NAMES_MAX).map(|name| format!("`{name}`")).collect();
            format!("something is granted there to {} and {more} more", first.join(", "))
        }
    }
}

/// What is granted to somebody.
fn entries(grantee: &Grantee) -> String {
    if grantee.entries.is_empty() {
        return "the entry is empty; without operations it is taken away".to_owned();
    }
    format!("there is {}", list(grantee.entries.iter().map(|entry| entry.text.as_str())))
}
