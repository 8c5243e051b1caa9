//! A grant less.

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
pub fn revoke(_folder: &Folder, _request: &RevokeRequest) -> Result<Plan, Refused> {
    Ok(Plan::default())
}
