//! A grant more.

use crate::edit::{Folder, Plan, Refused};

/// What is to be granted.
#[derive(Debug)]
pub struct GrantRequest {
    /// The repository.
    pub repository: String,
    /// To whom: a user, `/GROUP`, `/*` or `*`.
    pub who: String,
    /// Simple words or granular permissions, as they are written in a permissions section.
    pub operations: Vec<String>,
    /// Until when: a date, an RFC 3339 time, or a duration from now such as `90d`, `12h` or `2w`.
    pub until: Option<String>,
    /// Why.
    pub because: Option<String>,
    /// Whether a repository without a permissions section may be closed to everybody else by this.
    pub close: bool,
}

/// Grants something. Only the entries of just this subject count: an entry that ends, or has ended, is replaced, and
/// what the subject has in another way is no reason not to write it.
pub fn grant(_folder: &Folder, _request: &GrantRequest) -> Result<Plan, Refused> {
    Ok(Plan::default())
}
