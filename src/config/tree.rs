//! The texts of a configuration folder.

use std::collections::BTreeMap;
use std::sync::Arc;

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Its bytes, not yet known to be UTF-8.
    Bytes(Arc<[u8]>),
    /// The file is larger than a configuration file may be, and was not read.
    TooLarge {
        /// Its size in bytes.
        bytes: u64,
    },
    /// The file could not be read.
    Unreadable {
        /// Why.
        why: String,
    },
}

/// The files that matter, by their paths below the folder with `/` between the parts, such as
/// `repos/team/app.yaml`. Hidden files are left out by whoever reads the folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    /// The files in the order of their paths.
    pub files: BTreeMap<Arc<str>, Content>,
}
