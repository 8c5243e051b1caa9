//! New secrets of users who are there.

use crate::edit::password::Password;
use crate::edit::{Folder, Plan, Refused};

/// Makes a new secret for a user, which is in [`Plan::secret`]. For as long as the `overlap` says (`24h`, `7d`, `2w`),
/// the old one holds as well; without an overlap it ends at once, and so does one of an earlier rotation.
pub fn rotate(_folder: &Folder, _user: &str, _overlap: Option<&str>) -> Result<Plan, Refused> {
    Ok(Plan::default())
}

/// Sets a user's password. The old one ends at once, and so does one of an earlier rotation.
pub fn set_password(_folder: &Folder, _user: &str, _password: &Password) -> Result<Plan, Refused> {
    Ok(Plan::default())
}
