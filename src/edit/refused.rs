//! Why a change is not made.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::config::Compiled;
use crate::diagnostic::{Diagnostic, Span};

/// Why nothing is changed. What is shown is the text of the error, then [`Refused::problems`], then
/// [`Refused::hint`]; none of them holds a secret.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Refused {
    /// A word of the request has not the form that it must have: the command was used wrongly.
    #[error("{message}")]
    Form {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
    /// The request does not fit what the folder holds.
    #[error("{message}")]
    Unfit {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
    /// A password that does not meet the rules.
    #[error("the password needs {}", .unmet.join(", "))]
    Password {
        /// Each rule that is not met, as what the password needs.
        unmet: Vec<String>,
        /// Whether the user is yet to be made.
        is_new: bool,
    },
    /// The text of a file cannot be changed in place, such as behind an alias.
    #[error("{file}:{line}: {message}")]
    Text {
        /// The file, by its path below the folder.
        file: Arc<str>,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
        /// What to change by hand.
        hint: String,
    },
    /// The folder has errors already, where the change would be made.
    #[error("the configuration has errors where this would change it")]
    Broken(Problems),
    /// The changed folder would have errors.
    #[error("the configuration would have an error after this change, so nothing was changed")]
    NewErrors(Problems),
    /// Access tests that hold would fail.
    #[error("an access test would fail after this change, so nothing was changed")]
    Tests(Problems),
    /// The system's random generator fails.
    #[error("the system's random generator fails")]
    NoRandomness,
}

/// Problems, with what is needed to show them. Their `Debug` shows no text.
#[derive(Clone)]
pub struct Problems {
    /// The problems, in the order of the files.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts that they point into: those after the change, where it would bring them.
    pub sources: BTreeMap<Arc<str>, Arc<str>>,
    /// What is not to be shown of these.
    pub secrets: BTreeMap<Arc<str>, Vec<Span>>,
    /// What to do about these, where it is not what one always does.
    pub(super) hint: Option<String>,
}

impl fmt::Debug for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.diagnostics).finish()
    }
}

impl Problems {
    /// Problems of a configuration.
    pub(super) fn of(diagnostics: Vec<Diagnostic>, compiled: &Compiled) -> Self {
        Self { diagnostics, sources: compiled.sources.clone(), secrets: compiled.secrets.clone(), hint: None }
    }
}

impl Refused {
    /// What to do about it.
    pub fn hint(&self) -> &str {
        match self {
            Self::Form { hint, .. } | Self::Unfit { hint, .. } | Self::Text { hint, .. } => hint,
            Self::Password { is_new: true, .. } => {
                "choose another one; for a machine, `portolan user add --generate` makes a secret"
            }
            Self::Password { .. } => "choose another one; for a machine, `portolan user rotate` makes a secret",
            Self::NewErrors(Problems { hint: Some(hint), .. }) => hint,
            Self::Broken(_) => "mend it first; `portolan check` shows everything that is wrong",
            Self::NewErrors(_) => "change what the problem names first, or ask for something else",
            Self::Tests(_) => "if the change is meant, change the tests first; `portolan test` runs them",
            Self::NoRandomness => "try again",
        }
    }

    /// The problems of files that are to be shown with it.
    pub fn problems(&self) -> Option<&Problems> {
        match self {
            Self::Broken(problems) | Self::NewErrors(problems) | Self::Tests(problems) => Some(problems),
            _ => None,
        }
    }
}

/// A word of the request is wrong.
pub(super) fn form(message: impl Into<String>, hint: impl Into<String>) -> Refused {
    Refused::Form { message: message.into(), hint: hint.into() }
}

/// The request does not fit the folder.
pub(super) fn unfit(message: impl Into<String>, hint: impl Into<String>) -> Refused {
    Refused::Unfit { message: message.into(), hint: hint.into() }
}
