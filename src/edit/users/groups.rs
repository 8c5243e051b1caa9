//! Who is in which group.

use super::entry::{self, credentials, path};
use crate::config::{Node, read_foreign};
use crate::edit::draft::Draft;
use crate::edit::refused::{form, unfit};
use crate::edit::words::{list, meant, titled};
use crate::edit::yaml::{Change, Value};
use crate::edit::{Folder, Plan, Refused};
use crate::identity::UserName;

/// Puts a user into groups, which may be written with a slash. A group that nobody is in and that is granted nothing
/// is new, and a note says so.
pub fn join(folder: &Folder, user: &str, groups: &[String]) -> Result<Plan, Refused> {
    let found = folder.user(user)?;
    let asked = some(groups)?;
    let new: Vec<UserName> = asked.iter().filter(|group| !found.groups.contains(*group)).cloned().collect();
    if new.is_empty() {
        return Ok(Plan::nothing(format!("`{user}` is in {} already", listed(&asked)), Vec::new()));
    }
    let mut draft = Draft::new(folder)?;
    let items = new.iter().map(|group| Value::Text(group.to_string())).collect();
    draft.edit(credentials(folder)?, &[Change::Append { path: path(user, Some("groups")), items }])?;
    entry::note_new_groups(&mut draft, &new);
    draft.finish_titled(title(&format!("Put `{user}` into"), &new), None)
}

/// Takes a user out of groups. It is refused where the user is not in one of them.
pub fn leave(folder: &Folder, user: &str, groups: &[String]) -> Result<Plan, Refused> {
    let found = folder.user(user)?;
    let asked = some(groups)?;
    if let Some(other) = asked.iter().find(|group| !found.groups.contains(*group)) {
        let is = match listed(&found.groups.iter().cloned().collect::<Vec<_>>()) {
            none if none.is_empty() => "the user is in no group".to_owned(),
            some => format!("the user is in {some}"),
        };
        let hint = meant(other.as_str(), found.groups.iter().map(UserName::as_str), &is);
        return Err(unfit(format!("`{user}` is not in the group `{other}`"), hint));
    }
    let mut draft = Draft::new(folder)?;
    let title = title(&format!("Take `{user}` out of"), &asked);
    let file = credentials(folder)?;
    if found.groups.iter().all(|group| asked.contains(group)) {
        draft.edit(file, &entry::changes(user, vec![("groups", None)]))?;
        return draft.finish_titled(title, None);
    }
    let text = folder.good_text(file)?;
    let root = read_foreign(&text).ok();
    let items = root.as_ref().and_then(|root| root.get("credentials")?.get(user)?.get("groups")?.items());
    let is_left = |item: &Node<'_>| item.text().is_some_and(|text| asked.iter().any(|group| group.as_str() == text));
    let positions = items.unwrap_or_default().iter().enumerate().filter(|(_, item)| is_left(item));
    let positions = positions.map(|(position, _)| position).collect();
    draft.edit(file, &[Change::RemoveItems { path: path(user, Some("groups")), positions }])?;
    draft.finish_titled(title, None)
}

fn some(groups: &[String]) -> Result<Vec<UserName>, Refused> {
    match entry::groups(groups)? {
        none if none.is_empty() => Err(form("no group is named", "name at least one")),
        some => Ok(some),
    }
}

fn listed(groups: &[UserName]) -> String {
    list(groups.iter().map(UserName::as_str))
}

fn title(what: &str, groups: &[UserName]) -> Vec<String> {
    let all: Vec<&str> = groups.iter().map(UserName::as_str).collect();
    titled(&all, "groups", |some| match (all.len(), some.starts_with('`')) {
        (1, _) => format!("{what} the group {some}"),
        (_, true) => format!("{what} the groups {some}"),
        (_, false) => format!("{what} {some}"),
    })
}
