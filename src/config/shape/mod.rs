//! What each kind of file may hold, as tables.
//!
//! One table says it once: the checker and the JSON Schemas are both made from it.

mod check;
mod credentials_table;
mod repository_table;
mod schema;
mod storages_table;
mod tables;
mod tests_table;

use super::codes::Code;

pub(super) use check::check;
pub(super) use credentials_table::CREDENTIALS;
pub(super) use repository_table::REPOSITORY;
pub use schema::{SCHEMA_NAMES, schema};
pub(super) use storages_table::STORAGES;
pub(super) use tables::REGISTRY;
pub(super) use tests_table::TESTS;

/// What a value may be.
#[derive(Debug)]
pub(super) enum Shape {
    /// A text.
    Text,
    /// A text that is a secret, or the hash of one; no reference.
    Password,
    /// A secret in place, or a reference to it.
    Secret,
    /// An operation or a granular permission.
    Permission,
    /// `true` or `false`.
    Boolean,
    /// A whole number within bounds.
    Integer { min: i64, max: i64 },
    /// One of some words.
    Choice(&'static Choice),
    /// A list.
    List(&'static Shape),
    /// A list with something in it.
    Filled(&'static Shape),
    /// A scalar, or a list of such with something in it.
    OneOrMore(&'static Shape),
    /// A mapping with keys of the user's. Some of them are `known` to mean something, which an editor tells.
    Map { keys: &'static str, known: &'static [(&'static str, &'static str)], value: &'static Shape },
    /// A mapping with known keys.
    Object(&'static Object),
    /// A mapping whose `type` says which keys it has.
    Typed(&'static Typed),
    /// A scalar of one shape, or a mapping of another.
    Either { scalar: &'static Shape, mapping: &'static Shape },
}

/// Words to choose from.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) values: &'static [&'static str],
    /// What each of them means.
    pub(super) docs: &'static [&'static str],
    /// Words that mean something elsewhere, and what is to be written here.
    pub(super) instead: &'static [(&'static str, &'static str)],
    /// Words that later versions know.
    pub(super) later: &'static [&'static str],
    /// What is said of those.
    pub(super) later_code: Option<&'static Code>,
}

/// A mapping with known keys.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) keys: &'static [Key],
}

/// A known key.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) doc: &'static str,
    pub(super) shape: Shape,
    pub(super) required: bool,
    /// Whether at least one of the keys that say so must be there.
    pub(super) any_of: bool,
    /// The default, as JSON.
    pub(super) default: Option<&'static str>,
    /// Examples, as JSON.
    pub(super) examples: &'static [&'static str],
    /// Whether nothing may stand after the key.
    pub(super) may_be_empty: bool,
}

/// A mapping whose `type` says which keys it has.
#[derive(Debug)]
pub(super) struct Typed {
    pub(super) types: &'static Choice,
    /// Type, description and further keys, in the order of `types`.
    pub(super) variants: &'static [(&'static str, &'static str, &'static Object)],
}

impl Shape {
    /// Whether a secret may stand in such a value.
    fn holds_secrets(&self) -> bool {
        match self {
            Self::Password | Self::Secret => true,
            Self::Text | Self::Permission | Self::Boolean | Self::Integer { .. } | Self::Choice(_) => false,
            Self::List(item) | Self::Filled(item) | Self::OneOrMore(item) => item.holds_secrets(),
            Self::Map { value, .. } => value.holds_secrets(),
            Self::Object(object) => object.holds_secrets(),
            Self::Typed(typed) => typed.variants.iter().any(|(_, _, object)| object.holds_secrets()),
            Self::Either { scalar, mapping } => scalar.holds_secrets() || mapping.holds_secrets(),
        }
    }

    /// Whether a scalar here may be a secret.
    fn takes_secret(&self) -> bool {
        match self {
            Self::Either { scalar, .. } | Self::OneOrMore(scalar) => scalar.takes_secret(),
            _ => self.holds_secrets(),
        }
    }
}

impl Object {
    fn holds_secrets(&self) -> bool {
        self.keys.iter().any(|key| key.shape.holds_secrets())
    }

    fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

#[cfg(test)]
mod tests;
