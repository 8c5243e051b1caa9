//! Which users and repositories there are, without a change of anything. Linear in the size of the folder.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{Folder, Refused};
use crate::identity::{End, HashKind, User, UserName};
use crate::policy::{Access, Action, Grant, Holder, Repository, Right, Snapshot, StorageKey, What, Who, rights_in};

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
    fn of(user: &User, now: Timestamp) -> Self {
        match (user.enabled, user.expires.is_some_and(|end| end.is_past(now))) {
            (true, false) => Self::Active,
            (false, false) => Self::Disabled,
            (true, true) => Self::Expired,
            (false, true) => Self::Locked,
        }
    }

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
pub fn list_users(folder: &Folder, filter: &UserFilter) -> Result<Vec<UserRow>, Refused> {
    let snapshot = &folder.model()?.snapshot;
    let group = filter.group.as_deref().map(|group| group.strip_prefix('/').unwrap_or(group));
    let now = folder.now;
    let soon = |user: &User| {
        let within = filter.expiring_within.map(|within| now.saturating_add(within).unwrap_or(Timestamp::MAX));
        within.is_none_or(|until| {
            user.is_active(now) && user.expires.is_some_and(|end| !end.is_past(now) && end.is_past(until))
        })
    };
    let granted = Granted::of(snapshot, now);
    let users = snapshot.users().filter(|user| {
        filter.state.is_none_or(|state| state == UserState::of(user, now))
            && group.is_none_or(|group| user.groups.contains(group))
            && soon(user)
            && !(filter.unused && granted.is_used(user))
    });
    let mut rows: Vec<UserRow> = users.map(|user| granted.row(user, now)).collect();
    rows.sort_unstable_by(|one, other| one.user.name.cmp(&other.user.name));
    Ok(rows)
}

/// All about one user.
pub fn show_user(folder: &Folder, name: &str) -> Result<UserDetails, Refused> {
    let user = folder.user(name)?;
    let snapshot = &folder.model()?.snapshot;
    let now = folder.now;
    let previous = user.secrets_at(now).find_map(|secret| secret.until);
    let of_repository = |repository: &Arc<Repository>| {
        let rights = rights_in(repository, Holder::User(user), now);
        rights.into_iter().map(|right| (Arc::clone(repository), right)).collect::<Vec<_>>()
    };
    Ok(UserDetails {
        row: Granted::of(snapshot, now).row(user, now),
        secret: user.secrets.first().map_or(HashKind::Argon2, |secret| secret.hash.kind()),
        previous_until: previous,
        rights: snapshot.repositories().iter().flat_map(of_repository).collect(),
    })
}

/// The repositories, in the order of their names.
pub fn list_repositories(folder: &Folder) -> Result<Vec<RepositoryRow>, Refused> {
    let model = folder.model()?;
    let aliases: HashMap<&StorageKey, &Arc<str>> =
        model.aliases.iter().rev().map(|(alias, (key, _))| (key, alias)).collect();
    let mut rows: Vec<RepositoryRow> = Vec::new();
    for repository in model.snapshot.repositories() {
        // One that is closed may stand there once for each prefix that it claims.
        if rows.last().is_some_and(|last| last.repository.name == repository.name) {
            continue;
        }
        let subjects: HashSet<&Who> = repository.access.grants().map(|grant| &grant.who).collect();
        rows.push(RepositoryRow {
            repository: Arc::clone(repository),
            storage: aliases.get(&repository.storage).map(|alias| Arc::clone(alias)),
            is_closed: matches!(repository.access, Access::Closed),
            is_open: matches!(repository.access, Access::Open(_)),
            subjects: subjects.len(),
        });
    }
    Ok(rows)
}

/// Who is granted what, gone through once.
struct Granted<'s> {
    by_name: HashMap<&'s UserName, Vec<(&'s Repository, &'s Grant)>>,
    /// The groups to which something is granted that holds.
    groups: HashSet<&'s UserName>,
    /// The users to whom something is granted by name that holds.
    users: HashSet<&'s UserName>,
}

impl<'s> Granted<'s> {
    fn of(snapshot: &'s Snapshot, now: Timestamp) -> Self {
        let mut granted = Self { by_name: HashMap::new(), groups: HashSet::new(), users: HashSet::new() };
        for repository in snapshot.repositories() {
            for grant in repository.access.grants() {
                match &grant.who {
                    Who::User(name) => {
                        granted.by_name.entry(name).or_default().push((repository, grant));
                        granted.users.extend(grant.holds_at(now).then_some(name));
                    }
                    Who::Group(group) => granted.groups.extend(grant.holds_at(now).then_some(group)),
                    Who::Anyone | Who::SignedIn => {}
                }
            }
        }
        granted
    }

    fn is_used(&self, user: &User) -> bool {
        user.admin || self.users.contains(&user.name) || user.groups.iter().any(|group| self.groups.contains(group))
    }

    fn row(&self, user: &Arc<User>, now: Timestamp) -> UserRow {
        let grants = self.by_name.get(&user.name).map_or(&[][..], Vec::as_slice);
        UserRow {
            user: Arc::clone(user),
            state: UserState::of(user, now),
            attached: grants.iter().map(|(repository, grant)| attached(repository, grant, now)).collect(),
        }
    }
}

fn attached(repository: &Repository, grant: &Grant, now: Timestamp) -> Attached {
    let (images, tags, actions) = match &grant.what {
        What::Images { images, tags, actions } => {
            let images = (!images.is_everything()).then(|| images.as_str().to_owned());
            (images, tags.as_ref().map(|tags| tags.as_str().to_owned()), actions.iter().map(Action::as_str).collect())
        }
        What::Catalog => (None, None, vec!["catalog"]),
        What::Base => (None, None, vec!["sign-in"]),
    };
    let (until, has_ended) = (grant.until, !grant.holds_at(now));
    Attached { repository: Arc::clone(&repository.name), images, tags, actions, until, has_ended }
}
