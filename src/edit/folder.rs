//! The folder as it is before a change, compiled once.

use jiff::Timestamp;

use crate::config::{Compiled, PasswordPolicy, Tree, check};

/// A folder that is to be changed, or asked about. Compiling it is what costs time, so it is done once.
#[derive(Debug)]
pub struct Folder {
    pub(super) tree: Tree,
    pub(super) compiled: Compiled,
    /// The moment at which everything is judged.
    pub(super) now: Timestamp,
}

impl Folder {
    /// Compiles the texts of a folder, as of a moment.
    pub fn new(tree: Tree, now: Timestamp) -> Self {
        let compiled = check(&tree, now).compiled;
        Self { tree, compiled, now }
    }

    /// What the texts come to, with everything that is wrong with them.
    pub fn compiled(&self) -> &Compiled {
        &self.compiled
    }

    /// What a new password must have at least.
    pub fn password_policy(&self) -> PasswordPolicy {
        self.compiled.model.as_ref().map(|model| model.settings.passwords).unwrap_or_default()
    }

    /// The names of all users, in their order.
    pub fn user_names(&self) -> Vec<&str> {
        let model = self.compiled.model.as_deref();
        let mut names: Vec<_> =
            model.into_iter().flat_map(|model| model.snapshot.users()).map(|user| user.name.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// The names of all groups that have a member or are granted something, in their order, without the slash.
    pub fn group_names(&self) -> Vec<&str> {
        let mut names = std::collections::BTreeSet::new();
        for model in self.compiled.model.as_deref() {
            names.extend(model.snapshot.users().flat_map(|user| &user.groups).map(|group| group.as_str()));
            let grants = model.snapshot.repositories().iter().flat_map(|repository| repository.access.grants());
            names.extend(grants.filter_map(|grant| match &grant.who {
                crate::policy::Who::Group(group) => Some(group.as_str()),
                _ => None,
            }));
        }
        names.into_iter().collect()
    }

    /// The names of all repositories, in their order.
    pub fn repository_names(&self) -> Vec<&str> {
        let model = self.compiled.model.as_deref();
        model.into_iter().flat_map(|model| model.snapshot.repositories()).map(|repository| &*repository.name).collect()
    }

    /// The aliases of the storages, in their order.
    pub fn storage_names(&self) -> Vec<&str> {
        let model = self.compiled.model.as_deref();
        model.into_iter().flat_map(|model| model.aliases.keys()).map(|alias| &**alias).collect()
    }
}
