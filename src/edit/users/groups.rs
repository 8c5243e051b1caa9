//! Who is in which group.

use crate::edit::{Folder, Plan, Refused};

/// Puts a user into groups, which may be written with a slash. A group that nobody is in and that is granted nothing
/// is new, and a note says so.
pub fn join(_folder: &Folder, _user: &str, _groups: &[String]) -> Result<Plan, Refused> {
    Ok(Plan::default())
}

/// Takes a user out of groups. It is refused where the user is not in one of them.
pub fn leave(_folder: &Folder, _user: &str, _groups: &[String]) -> Result<Plan, Refused> {
    Ok(Plan::default())
}
