//! Which users and repositories there are, without a change of anything. Linear in the size of the folder.

use std::sync::Arc;
use std::time::Duration;

use super::{Folder, Refused};
use crate::identity::{End, HashKind, User};
use crate::policy::{Repository, Right};

/// Whether a user can sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserState {
    /// Can.
    Active,
    /// Is disabled.
    Disabled,
    /// Has expired.
    Expired,
    /// Is disabled and has expired: neither to enable nor to move the date is enough.
    Locked,
}

impl UserState {
    /// The word that is printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
            Self::Locked => "locked",
        }
    }
}

/// A user in a list.
#[derive(Debug, Clone)]
pub struct UserRow {
    /// The user: name, groups, admin, e-mail, description, end.
    pub user: Arc<User>,
    /// Whether the user can sign in.
    pub state: UserState,
    /// What is granted to the user by name, in the order of the repositories.
    pub attached: Vec<Attached>,
}

/// What is granted to a user by name in a repository: one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// The repository's name.
    pub repository: Arc<str>,
    /// On which images, as they are written below the prefix; `None` for all.
    pub images: Option<String>,
    /// On which tags; `None` for all.
    pub tags: Option<String>,
    /// `pull`, `push`, `overwrite`, `delete`, `catalog`, `sign-in`.
    pub actions: Vec<&'static str>,
    /// Until when.
    pub until: Option<End>,
    /// Whether that end has come.
    pub has_ended: bool,
}

/// Which users to list.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// Only those who are active and expire within this time from now.
    pub expiring_within: Option<Duration>,
    /// Only those to whom nothing is granted that holds now, neither by name nor through a group. What is granted to
    /// `/*` and `*` does not count, and admins are not unused.
    pub unused: bool,
    /// Only members of this group, with or without its slash.
    pub group: Option<String>,
    /// Only those in this state.
    pub state: Option<UserState>,
}

/// All that is to be told of a user.
#[derive(Debug, Clone)]
pub struct UserDetails {
    /// What a list has of it.
    pub row: UserRow,
    /// How the current secret is kept.
    pub secret: HashKind,
    /// Until when the secret of before the last rotation holds, where there is one that still does.
    pub previous_until: Option<End>,
    /// What the user may do now by all that reaches them, with the repository; nothing for whoever cannot sign in.
    pub rights: Vec<(Arc<Repository>, Right)>,
}

/// A repository in a list.
#[derive(Debug, Clone)]
pub struct RepositoryRow {
    /// The repository: name, file, prefix, port, immutable tags.
    pub repository: Arc<Repository>,
    /// The alias of its storage; `None` where it is written in place.
    pub storage: Option<Arc<str>>,
    /// Whether the file has errors, so that the repository is closed.
    pub is_closed: bool,
    /// Whether there is no permissions section, so that everybody may do everything.
    pub is_open: bool,
    /// How many users, groups, `/*` and `*` are granted something.
    pub subjects: usize,
}

/// The users, in the order of their names.
pub fn list_users(_folder: &Folder, _filter: &UserFilter) -> Result<Vec<UserRow>, Refused> {
    Ok(Vec::new())
}

/// All about one user.
pub fn show_user(_folder: &Folder, name: &str) -> Result<UserDetails, Refused> {
    Err(super::refused::unfit(format!("there is no user `{name}`"), ""))
}

/// The repositories, in the order of their names.
pub fn list_repositories(_folder: &Folder) -> Result<Vec<RepositoryRow>, Refused> {
    Ok(Vec::new())
}
