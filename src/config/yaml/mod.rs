//! YAML 1.2 with the place of every word: our own tree, and all that the rest of the code knows of YAML.

mod anchors;
mod marks;
mod plain;
mod read;
mod scalar;

use std::borrow::Cow;

use crate::diagnostic::Span;

pub use marks::{Marks, marks};
pub use read::{Document, Problem, ProblemKind, read};
pub use scalar::{ScalarType, resolve};

/// The largest file that is read, in bytes: the credentials, with ten thousand users.
pub const FILE_MAX_BYTES: usize = 8 << 20;
/// The largest file of another kind, in bytes.
pub const OTHER_FILE_MAX_BYTES: usize = 1 << 20;
/// The deepest nesting of lists and mappings.
pub const DEPTH_MAX: usize = 64;
/// The most nodes that all aliases of a file together may stand for.
pub const ALIAS_NODES_MAX: usize = 100_000;
/// The most bytes of text that all aliases of a file together may stand for.
pub const ALIAS_BYTES_MAX: usize = 8 << 20;

/// Whether the quick reader, where it reads a text at all, reads what the library reads. For fuzzing.
pub fn readers_agree(text: &str) -> bool {
    plain::read(text).is_none_or(|root| {
        let document = read::read_any(text);
        document.complete && document.problems.is_empty() && document.root == Some(root)
    })
}

/// A value and where it stands. What an alias stands for keeps the place of its definition.
#[derive(Debug, Clone, PartialEq)]
pub struct Node<'t> {
    /// From the first to the last byte of the value.
    pub span: Span,
    /// The line of the first byte, from 1.
    pub line: u32,
    /// What it is.
    pub value: Value<'t>,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'t> {
    /// A word, a number, a quoted text and the like.
    Scalar(Scalar<'t>),
    /// A list.
    Sequence(Vec<Node<'t>>),
    /// Keys and values in the order of the file. Duplicate keys are reported, and all are kept.
    Mapping(Vec<(Node<'t>, Node<'t>)>),
}

/// A scalar.
#[derive(Debug, Clone, PartialEq)]
pub struct Scalar<'t> {
    /// The text, without quotes and with escapes resolved.
    pub text: Cow<'t, str>,
    /// Whether it is written without quotes.
    pub plain: bool,
    /// Its type by the core schema.
    pub kind: ScalarType,
}

impl<'t> Node<'t> {
    /// The text of a scalar of any type.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(scalar) => Some(&scalar.text),
            Value::Sequence(_) | Value::Mapping(_) => None,
        }
    }

    /// The text of a scalar that is a string.
    pub fn string(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(scalar) if scalar.kind == ScalarType::String => Some(&scalar.text),
            _ => None,
        }
    }

    /// A whole number.
    pub fn integer(&self) -> Option<i64> {
        match &self.value {
            Value::Scalar(scalar) if scalar.kind == ScalarType::Integer => scalar::integer(&scalar.text),
            _ => None,
        }
    }

    /// `true` or `false`.
    pub fn boolean(&self) -> Option<bool> {
        match &self.value {
            Value::Scalar(scalar) if scalar.kind == ScalarType::Boolean => Some(scalar.text.starts_with(['t', 'T'])),
            _ => None,
        }
    }

    /// Whether nothing is written, or `null`.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(scalar) if scalar.kind == ScalarType::Null)
    }

    /// Whether the value could not be read, which was reported.
    pub fn is_unknown(&self) -> bool {
        matches!(&self.value, Value::Scalar(scalar) if scalar.kind == ScalarType::Unknown)
    }

    /// The items of a list.
    pub fn items(&self) -> Option<&[Node<'t>]> {
        match &self.value {
            Value::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// The pairs of a mapping.
    pub fn pairs(&self) -> Option<&[(Node<'t>, Node<'t>)]> {
        match &self.value {
            Value::Mapping(pairs) => Some(pairs),
            _ => None,
        }
    }

    /// The value of the first such key of a mapping.
    pub fn get(&self, key: &str) -> Option<&Node<'t>> {
        self.pair(key).map(|(_, value)| value)
    }

    /// The first pair of a mapping with such a key.
    pub fn pair(&self, key: &str) -> Option<(&Node<'t>, &Node<'t>)> {
        self.pairs()?.iter().find(|(name, _)| name.text() == Some(key)).map(|(name, value)| (name, value))
    }

    /// What it is, as one says it.
    pub fn describe(&self) -> &'static str {
        match &self.value {
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
            Value::Scalar(scalar) => match scalar.kind {
                ScalarType::Null | ScalarType::Unknown => "nothing",
                ScalarType::Boolean => "true or false",
                ScalarType::Integer | ScalarType::Float => "a number",
                ScalarType::String => "a text",
            },
        }
    }
}

#[cfg(test)]
mod tests;
