//! A user's entry in the credentials file, as the functions of this folder share it.

use std::sync::Arc;

use crate::config::{nearest, shown};
use crate::edit::draft::Draft;
use crate::edit::refused::{form, unfit};
use crate::edit::yaml::{Change, Value};
use crate::edit::{Folder, Plan, Refused};
use crate::identity::{PasswordHash, User, UserName};

/// Changes keys of a user's entry: `Some` is set, `None` removed.
pub(super) fn change_user(
    folder: &Folder,
    user: &str,
    keys: Vec<(&str, Option<Value>)>,
    title: String,
) -> Result<Plan, Refused> {
    let mut draft = Draft::new(folder)?;
    draft.edit(credentials(folder)?, &changes(user, keys))?;
    draft.finish(title, None)
}

/// The changes of keys of a user's entry.
pub(super) fn changes(user: &str, keys: Vec<(&str, Option<Value>)>) -> Vec<Change> {
    let change = |(key, value)| match value {
        Some(value) => Change::Set { path: path(user, Some(key)), value },
        None => Change::Remove { path: path(user, Some(key)) },
    };
    keys.into_iter().map(change).collect()
}

/// The way to a user's entry, or to a key in it.
pub(super) fn path(user: &str, key: Option<&str>) -> Vec<String> {
    ["credentials", user].into_iter().chain(key).map(str::to_owned).collect()
}

/// The credentials file, which is there where there are users.
pub(super) fn credentials(folder: &Folder) -> Result<&Arc<str>, Refused> {
    let missing = || unfit("there is no credentials file", "`portolan user add` makes one");
    folder.credentials().ok_or_else(missing)
}

/// The keys of a hash.
pub(super) fn hash(hash: &PasswordHash) -> [(&'static str, Value); 2] {
    let text = |text: &str| Value::Text(text.to_owned());
    [("type", text(hash.kind().as_str())), ("pass", text(hash.as_entry()))]
}

/// Reads the names of groups, which may be written with a slash; each once.
pub(super) fn groups(words: &[String]) -> Result<Vec<UserName>, Refused> {
    let mut groups = Vec::new();
    for word in words {
        let group = UserName::parse(word.strip_prefix('/').unwrap_or(word))
            .map_err(|error| form(format!("`{}` is no name of a group", shown(word)), error.to_string()))?;
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    Ok(groups)
}

/// Notes about groups that are new by this: nobody is in them, and nothing is granted to them.
pub(super) fn note_new_groups(draft: &mut Draft<'_>, groups: &[UserName]) {
    let known = draft.folder.group_names();
    let new: Vec<_> = groups.iter().filter(|group| known.binary_search(&group.as_str()).is_err()).collect();
    for group in new {
        let near = nearest(group.as_str(), known.iter().copied());
        let meant = near.map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
        draft.note(format!("`{group}` is a new group, to which nothing is granted yet{meant}"));
    }
}

/// Whether an address has the form of one.
///
/// # Errors
/// Where it has not, or another user has it.
pub(super) fn free_email(folder: &Folder, email: &str, of: Option<&str>) -> Result<(), Refused> {
    let is_address = matches!(email.split_once('@'), Some((local, host))
        if !local.is_empty() && !host.is_empty() && !host.contains('@'))
        && !email.contains(|c: char| c.is_whitespace() || c.is_control());
    if !is_address {
        return Err(form(format!("`{}` is no e-mail address", shown(email)), "write it as `jane@example.com`"));
    }
    let lower = email.to_lowercase();
    let has_it = |user: &&Arc<User>| {
        Some(user.name.as_str()) != of && user.email.as_ref().is_some_and(|other| other.to_lowercase() == lower)
    };
    match folder.model()?.snapshot.users().find(has_it) {
        Some(user) => Err(unfit(
            format!("`{}` has the e-mail address `{}` already", user.name, shown(email)),
            "give another address; they are compared without regard to case",
        )),
        None => Ok(()),
    }
}

/// A description, which stands on one line.
pub(super) fn description(text: &str) -> Result<Value, Refused> {
    if text.contains(char::is_control) {
        return Err(form("a description stands on one line", "leave line breaks and other control characters out"));
    }
    Ok(Value::Text(text.to_owned()))
}
