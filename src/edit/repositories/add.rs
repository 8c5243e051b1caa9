//! A new repository.

use crate::edit::{Folder, Plan, Refused};

/// A repository to be added.
#[derive(Debug)]
pub struct AddRepository {
    /// The name, such as `team-a/backend`.
    pub name: String,
    /// The alias of its storage; `None` for `default`.
    pub storage: Option<String>,
}

/// Adds a repository in which nothing is granted to anybody yet.
pub fn add_repository(_folder: &Folder, _request: &AddRepository) -> Result<Plan, Refused> {
    Ok(Plan::default())
}
