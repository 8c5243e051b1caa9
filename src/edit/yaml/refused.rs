//! Why a text is not changed.

use crate::config::BadYaml;

/// Why a text stays as it is. Tells names of keys, and never a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The text cannot be read, or has more than one document.
    #[error("{0}")]
    Unreadable(BadYaml),
    /// There is nothing under the path.
    #[error("line {line}: {key} is not there")]
    Missing {
        /// The line of what should have it.
        line: usize,
        /// The key, as it may be shown.
        key: String,
    },
    /// A list has no item at a position.
    #[error("line {line}: the list of {key} is shorter than was expected")]
    NoItem {
        /// The line of the list.
        line: usize,
        /// The key of the list.
        key: String,
    },
    /// Something else stands where a mapping or a list is needed.
    #[error("line {line}: {key} is {found}, not {wanted}")]
    Kind {
        /// The line of the key.
        line: usize,
        /// The key.
        key: String,
        /// What it is.
        found: &'static str,
        /// What it should be.
        wanted: &'static str,
    },
    /// The value is an alias, and a change of it would change the anchor's value.
    #[error("line {line}: {key} is an alias: its value stands at the anchor, which others may share")]
    Alias {
        /// The line of the alias.
        line: usize,
        /// The key.
        key: String,
    },
    /// The value has an anchor that an alias repeats elsewhere.
    #[error("line {line}: {key} has an anchor that is repeated at line {alias}")]
    Anchor {
        /// The line of the anchor.
        line: usize,
        /// The key.
        key: String,
        /// The line of an alias.
        alias: usize,
    },
    /// A value with an anchor or a tag would be replaced.
    #[error("line {line}: {key} has an anchor or a tag")]
    Properties {
        /// The line of the key.
        line: usize,
        /// The key.
        key: String,
    },
    /// A mapping has a merge key, so that its keys may stand elsewhere.
    #[error("line {line}: a merge key (`<<`) brings keys in from elsewhere")]
    Merge {
        /// Its line.
        line: usize,
    },
    /// YAML that is written in a way that is not known here.
    #[error("line {line}: the YAML is written in a way that cannot be changed safely")]
    Unusual {
        /// Where.
        line: usize,
    },
    /// What was written reads otherwise than was meant. It is thrown away.
    #[error("line {line}: this place cannot be changed without touching something else")]
    Differs {
        /// The line of the first change.
        line: usize,
    },
    /// A change without a path.
    #[error("a change names no key")]
    NoPath,
}

impl Refused {
    /// The line, from 1, that somebody has to look at.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::Unreadable(bad) => Some(bad.line),
            Self::Missing { line, .. }
            | Self::NoItem { line, .. }
            | Self::Kind { line, .. }
            | Self::Alias { line, .. }
            | Self::Anchor { line, .. }
            | Self::Properties { line, .. }
            | Self::Merge { line }
            | Self::Unusual { line }
            | Self::Differs { line } => Some(*line),
            Self::NoPath => None,
        }
    }

    /// What to do by hand.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "repair the file first, `portolan check` shows what is wrong with it",
            Self::Missing { .. } | Self::NoItem { .. } => "look whether somebody else changed the file just now",
            Self::Kind { .. } => "repair the value by hand",
            Self::Alias { .. } => "write the value out in place of the alias, or change it at the anchor",
            Self::Anchor { .. } => "write the value out in place of the aliases, or make the change by hand",
            Self::Properties { .. } => "take the anchor or the tag away, or make the change by hand",
            Self::Merge { .. } => "write the keys out in place of the merge key",
            Self::Unusual { .. } | Self::Differs { .. } => {
                "make the change by hand, or write this place in a simpler way: one key on each line, without `?`"
            }
            Self::NoPath => "give at least one key",
        }
    }
}

/// A key as a message may show it: only what looks like a name.
pub(super) fn shown(key: &str) -> String {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '@' | '+' | '/' | '*' | '-');
    if !key.is_empty() && key.chars().count() <= 64 && key.chars().all(is_name) {
        format!("`{key}`")
    } else {
        "the key".to_owned()
    }
}
