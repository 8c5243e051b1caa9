//! A change of users or rights to the smallest change of the files' texts.
//!
//! No I/O and no clock: [`Folder`] takes the folder's texts and the moment, and each function gives a [`Plan`], or says
//! why nothing is changed. Only the system's random generator is asked, for secrets, salts and made-up names.
//! Imports `oci`, `identity`, `policy`, `config` and `diagnostic`.
//!
//! A plan without files says that there is nothing to change.

mod draft;
mod folder;
mod judge;
mod list;
mod made_up;
mod password;
mod permissions;
mod plan;
mod refused;
mod repositories;
mod tell;
#[cfg(test)]
mod testing;
mod users;
mod when;
mod words;
pub mod yaml;

pub use folder::Folder;
pub use list::{
    Attached, RepositoryRow, UserDetails, UserFilter, UserRow, UserState, list_repositories, list_users, show_user,
};
pub use password::{Password, generate_secret, unmet_rules};
pub use plan::{FileChange, NewSecret, Plan};
pub use refused::{Problems, Refused};
pub use repositories::{AddRepository, GrantRequest, RevokeRequest, add_repository, delete_repository, grant, revoke};
pub use users::{
    AddUser, Attach, EditUser, Expiry, NewUserSecret, add_user, attach, delete_users, demote, detach, disable,
    edit_user, enable, join, leave, promote, rotate, set_password,
};
pub use when::parse_duration;

#[cfg(test)]
mod tests;
