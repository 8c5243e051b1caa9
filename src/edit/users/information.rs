//! What is known of a user besides secret and rights.

use crate::edit::{Folder, Plan, Refused};

/// What is to be changed of a user; `None` leaves it.
#[derive(Debug, Default)]
pub struct EditUser {
    /// The user.
    pub user: String,
    /// When the user ends.
    pub expires: Option<Expiry>,
    /// What the user is for; an empty text removes it.
    pub description: Option<String>,
    /// The e-mail address; an empty text removes it.
    pub email: Option<String>,
}

/// When a user ends.
#[derive(Debug)]
pub enum Expiry {
    /// At a date, an RFC 3339 time, or after a duration from now such as `90d`, `12h` or `2w`.
    At(String),
    /// Never.
    Never,
}

/// Changes what is known of a user.
pub fn edit_user(_folder: &Folder, _request: &EditUser) -> Result<Plan, Refused> {
    Ok(Plan::default())
}
