//! Everything that lints look at, with indexes over it.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use jiff::{SignedDuration, Timestamp};

use super::Marks;
use super::marks::UserMark;
use super::near::Near;
use crate::diagnostic::Place;
use crate::identity::User;
use crate::policy::{QuickMap, Repository, Snapshot, group_bit};

/// A grant that ends sooner than this is told of.
const SOON: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Everything that lints look at.
pub(in super::super) struct Whole<'c> {
    pub(super) snapshot: &'c Snapshot,
    /// Whether the users are those of the credentials file: where it is broken, nobody is missed.
    pub(super) users_known: bool,
    /// The moment for which things are judged.
    pub(super) at: Timestamp,
    /// What ends before this moment, ends soon.
    pub(super) soon: Timestamp,
    /// The marks of each file.
    pub(super) marks: HashMap<&'c str, &'c Marks>,
    /// All repositories by their prefixes, also those that are closed.
    pub(super) prefixes: HashMap<&'c str, &'c Repository>,
    /// All users, by their names.
    pub(super) users: Vec<&'c User>,
    by_name: QuickMap<&'c str, Known<'c>>,
    /// Where each user is described.
    credentials: HashMap<&'c str, (&'c Arc<str>, &'c UserMark)>,
    /// The users in each group.
    members: HashMap<&'c str, Vec<&'c User>>,
    near_users: OnceLock<Near>,
    near_groups: OnceLock<Near>,
}

/// A user, and a bit for each of the groups: mostly they tell that a repository names none of them, and there may
/// be a million entries to ask that of.
#[derive(Clone, Copy)]
pub(super) struct Known<'c> {
    pub(super) user: &'c User,
    pub(super) groups: u64,
}

impl<'c> Whole<'c> {
    /// Puts together what was compiled, and the marks that were left of each file.
    pub(in super::super) fn new(
        snapshot: &'c Snapshot,
        users_known: bool,
        at: Timestamp,
        files: impl Iterator<Item = (&'c Arc<str>, &'c Marks)>,
    ) -> Self {
        let mut marks = HashMap::new();
        let mut credentials = HashMap::new();
        for (file, of_file) in files {
            marks.insert(&**file, of_file);
            credentials.extend(of_file.users.iter().map(|user| (&*user.name, (file, user))));
        }
        // In order, so that the same one is named as an example each time.
        let mut users: Vec<&User> = snapshot.users().map(|user| &**user).collect();
        users.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        let mut members: HashMap<&str, Vec<&User>> = HashMap::new();
        for user in &users {
            for group in &user.groups {
                members.entry(group.as_str()).or_default().push(user);
            }
        }
        let known = |user: &&'c User| {
            let groups = user.groups.iter().fold(0, |bits, group| bits | group_bit(group.as_str()));
            (user.name.as_str(), Known { user, groups })
        };
        let by_name = users.iter().map(known).collect();
        Self {
            snapshot,
            users_known,
            at,
            soon: at.saturating_add(SOON).unwrap_or(Timestamp::MAX),
            marks,
            prefixes: snapshot.repositories().iter().map(|found| (&*found.prefix, &**found)).collect(),
            users,
            by_name,
            credentials,
            members,
            near_users: OnceLock::new(),
            near_groups: OnceLock::new(),
        }
    }

    /// The user of a name.
    pub(super) fn user(&self, name: &str) -> Option<Known<'c>> {
        self.by_name.get(name).copied()
    }

    /// The users in a group, by their names.
    pub(super) fn members(&self, group: &str) -> &[&'c User] {
        self.members.get(group).map_or(&[], Vec::as_slice)
    }

    /// Where something is said of a user: a value that `of` takes, or else the name.
    pub(super) fn user_place(
        &self,
        name: &str,
        of: impl Fn(&UserMark) -> Option<super::marks::Short>,
    ) -> Option<Place> {
        let (file, mark) = self.credentials.get(name)?;
        let span = of(mark).unwrap_or(mark.key).span();
        Some(Place { file: Arc::clone(file), span: Some(span) })
    }

    /// All users with what is marked of them, in the order of the file.
    pub(super) fn marked_users(&self) -> impl Iterator<Item = (&'c User, &'c Arc<str>, &'c UserMark)> {
        let mut users: Vec<_> = self
            .credentials
            .values()
            .filter_map(|(file, mark)| Some((&**self.snapshot.user(&mark.name)?, *file, *mark)))
            .collect();
        users.sort_unstable_by_key(|(_, _, mark)| mark.key.span());
        users.into_iter()
    }

    /// A user's name that was probably meant.
    pub(super) fn near_user(&self, name: &str) -> Option<&str> {
        self.near_users.get_or_init(|| Near::new(self.snapshot.users().map(|user| user.name.as_str()))).find(name)
    }

    /// A group that was probably meant.
    pub(super) fn near_group(&self, name: &str) -> Option<&str> {
        self.near_groups.get_or_init(|| Near::new(self.members.keys().copied())).find(name)
    }
}
