//! Whether a user may sign in, and whether it is an admin.

use super::entry::change_user;
use crate::edit::yaml::Value;
use crate::edit::{Folder, Plan, Refused};
use crate::policy::Who;

/// Locks a user out.
pub fn disable(folder: &Folder, user: &str) -> Result<Plan, Refused> {
    if !folder.user(user)?.enabled {
        return Ok(Plan::nothing(format!("`{user}` is disabled already"), Vec::new()));
    }
    change_user(folder, user, vec![("enabled", Some(Value::Boolean(false)))], format!("Disable the user `{user}`"))
}

/// Lets a disabled user in again.
pub fn enable(folder: &Folder, user: &str) -> Result<Plan, Refused> {
    let found = folder.user(user)?;
    let expired = found.expires.filter(|end| end.is_past(folder.now)).map(|end| {
        format!("`{user}` has expired {} and stays locked out: `portolan user edit {user} --expires DATE`", end.at())
    });
    if found.enabled {
        return Ok(Plan::nothing(format!("`{user}` is enabled already"), expired.into_iter().collect()));
    }
    let mut plan = change_user(folder, user, vec![("enabled", None)], format!("Enable the user `{user}`"))?;
    plan.notes.extend(expired);
    Ok(plan)
}

/// Makes a user an admin.
pub fn promote(folder: &Folder, user: &str) -> Result<Plan, Refused> {
    let found = folder.user(user)?;
    if found.admin {
        return Ok(Plan::nothing(format!("`{user}` is an admin already"), Vec::new()));
    }
    let locked =
        (!found.is_active(folder.now)).then(|| format!("`{user}` is disabled or has expired, and cannot sign in"));
    let mut plan =
        change_user(folder, user, vec![("admin", Some(Value::Boolean(true)))], format!("Make `{user}` an admin"))?;
    plan.notes.extend(locked);
    Ok(plan)
}

/// Makes an admin an ordinary user.
pub fn demote(folder: &Folder, user: &str) -> Result<Plan, Refused> {
    let found = folder.user(user)?;
    if !found.admin {
        return Ok(Plan::nothing(format!("`{user}` is no admin"), Vec::new()));
    }
    let snapshot = &folder.model()?.snapshot;
    let is_theirs = |who: &Who| {
        matches!(who, Who::User(name) if *name == found.name)
            || matches!(who, Who::Group(group) if found.groups.contains(group))
    };
    let grants = snapshot.repositories().iter().flat_map(|repository| repository.access.grants());
    let keeps_nothing = !grants.filter(|grant| grant.holds_at(folder.now)).any(|grant| is_theirs(&grant.who));
    let mut plan = change_user(folder, user, vec![("admin", None)], format!("Make `{user}` no admin any more"))?;
    if keeps_nothing {
        plan.notes.push(format!("nothing is granted to `{user}` or to a group of theirs"));
    }
    Ok(plan)
}
