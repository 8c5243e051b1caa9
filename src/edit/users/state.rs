//! Whether a user may sign in, and whether it is an admin.

use crate::edit::{Folder, Plan, Refused};

/// Locks a user out.
pub fn disable(_folder: &Folder, _user: &str) -> Result<Plan, Refused> {
    Ok(Plan::default())
}

/// Lets a disabled user in again.
pub fn enable(_folder: &Folder, _user: &str) -> Result<Plan, Refused> {
    Ok(Plan::default())
}

/// Makes a user an admin.
pub fn promote(_folder: &Folder, _user: &str) -> Result<Plan, Refused> {
    Ok(Plan::default())
}

/// Makes an admin an ordinary user.
pub fn demote(_folder: &Folder, _user: &str) -> Result<Plan, Refused> {
    Ok(Plan::default())
}
