//! Changes of a YAML text that leave everything else as it stands.
//!
//! A change becomes a few splices: nothing but the bytes between two places is ever written. Whatever the splices
//! make is read again and held against what was meant, and is thrown away where it differs.
//!
//! | file | its job |
//! | --- | --- |
//! | `source` | the text that was read, and the way down a path |
//! | `layout`, `lines` | where entries stand, and what belongs to their lines |
//! | `comments` | which comments belong to an entry, and go with it |
//! | `insert`, `replace`, `remove` | the three kinds of changes, as splices |
//! | `style`, `scalar`, `write` | what new values look like |
//! | `tree` | what a text should mean after a change |

mod comments;
mod insert;
mod layout;
mod lines;
mod refused;
mod remove;
mod replace;
mod scalar;
mod source;
mod splice;
mod steps;
mod style;
mod tree;
mod write;

use std::fmt;

pub use refused::Refused;
pub use steps::apply;

/// A value to be written. What `Debug` tells has no texts, which may be secrets.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// A text, quoted where it must be.
    Text(String),
    /// `true` or `false`.
    Boolean(bool),
    /// A list.
    List(Vec<Value>),
    /// Keys and values in their order; without any it is `{}`.
    Mapping(Vec<(String, Value)>),
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Text"),
            Self::Boolean(boolean) => boolean.fmt(f),
            Self::List(items) => f.debug_list().entries(items).finish(),
            Self::Mapping(pairs) => f.debug_map().entries(pairs.iter().map(|(key, value)| (key, value))).finish(),
        }
    }
}

/// A change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Sets the value under a path of keys: replaces a value, or adds the key and the mappings above it. Of a mapping
    /// or list that has something in common with the new one only what differs is changed; keys keep their order.
    Set {
        /// The keys from the root.
        path: Vec<String>,
        /// The value.
        value: Value,
    },
    /// Removes a key with its value and the comments that belong to it.
    Remove {
        /// The keys from the root.
        path: Vec<String>,
    },
    /// Adds items to the end of a list, which is made where there is none.
    Append {
        /// The keys from the root.
        path: Vec<String>,
        /// The items.
        items: Vec<Value>,
    },
    /// Removes items of a list.
    RemoveItems {
        /// The keys from the root.
        path: Vec<String>,
        /// Their positions, from 0, before the change.
        positions: Vec<usize>,
    },
    /// Makes a change within an item of a list: its path begins at the item, and the empty path of a
    /// [`Change::Set`] is the item itself, which then stays where it is with the comments around it.
    InItem {
        /// The keys from the root to the list.
        path: Vec<String>,
        /// The item's position, from 0.
        position: usize,
        /// What is changed in it.
        change: Box<Change>,
    },
}

impl Change {
    /// Sets the value of a key of an item which is a mapping.
    pub fn set_in_item(path: Vec<String>, position: usize, key: impl Into<String>, value: Value) -> Self {
        Self::InItem { path, position, change: Box::new(Self::Set { path: vec![key.into()], value }) }
    }

    /// Puts another item in place of one.
    pub fn set_item(path: Vec<String>, position: usize, value: Value) -> Self {
        Self::InItem { path, position, change: Box::new(Self::Set { path: Vec::new(), value }) }
    }
}

#[cfg(test)]
mod tests;
