//! What a command is going to change.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The files that a command changes, and what people are told of it. Without files there is nothing to change.
#[derive(Debug, Default)]
pub struct Plan {
    /// By the paths below the folder.
    pub files: BTreeMap<Arc<str>, FileChange>,
    /// What was done, fit for the first line of a commit; then who gains or loses what.
    pub message: Vec<String>,
    /// What whoever gave the command should know.
    pub notes: Vec<String>,
    /// A secret that was made.
    pub secret: Option<NewSecret>,
}

impl Plan {
    /// A plan that changes nothing, and says why.
    pub(super) fn nothing(why: impl Into<String>, notes: Vec<String>) -> Self {
        Self { message: vec![why.into()], notes, ..Self::default() }
    }
}

/// What a file has before and after. Its `Debug` shows no text: that of the credentials holds hashes.
#[derive(Clone, PartialEq, Eq)]
pub struct FileChange {
    /// `None`: the file is new.
    pub before: Option<Arc<str>>,
    /// `None`: the file goes.
    pub after: Option<Arc<str>>,
    /// Whether nobody but its owner is to read it, where it is new.
    pub is_private: bool,
}

impl fmt::Debug for FileChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = |text: &Option<Arc<str>>| text.as_ref().map(|text| text.len());
        let mut shown = f.debug_struct("FileChange");
        shown.field("before_bytes", &bytes(&self.before)).field("after_bytes", &bytes(&self.after));
        shown.field("is_private", &self.is_private).finish()
    }
}

/// A secret that was just made, to be shown once.
pub struct NewSecret {
    /// Whose it is.
    pub user: String,
    secret: String,
}

impl NewSecret {
    /// Takes a secret.
    pub fn new(user: String, secret: String) -> Self {
        Self { user, secret }
    }

    /// The secret itself.
    pub fn reveal(&self) -> &str {
        &self.secret
    }
}

impl fmt::Debug for NewSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSecret").field("user", &self.user).finish_non_exhaustive()
    }
}
