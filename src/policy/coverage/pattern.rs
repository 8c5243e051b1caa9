//! Patterns of whole image names.

use std::fmt;

use super::super::ImageGlob;
use super::names::matches;
use crate::oci::ImageName;

/// A pattern for whole image names: what an [`ImageGlob`] means below a prefix.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NamePattern {
    /// Never two [`Part::Deep`] in a row, which would mean the same as one.
    pub(super) parts: Box<[Part]>,
}

/// What a pattern says between two slashes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Part {
    /// One component; a `*` stands for any characters in it.
    One(Box<str>),
    /// `**`: whole components, none or more.
    Deep,
}

impl NamePattern {
    /// The names below a prefix that a pattern means; `None` for `.` where the prefix is empty, since
    /// no image has an empty name.
    pub fn new(prefix: &str, images: &ImageGlob) -> Option<Self> {
        let mut parts: Vec<Part> = components(prefix).map(|component| Part::One(component.into())).collect();
        if images.is_everything() {
            parts.push(Part::Deep);
        } else if !images.is_prefix_itself() {
            for component in images.as_str().split('/') {
                match component {
                    "**" if parts.last() == Some(&Part::Deep) => {}
                    "**" => parts.push(Part::Deep),
                    _ => parts.push(Part::One(component.into())),
                }
            }
        }
        (!parts.is_empty()).then(|| Self { parts: parts.into() })
    }

    /// All names at and below a prefix.
    pub fn all_below(prefix: &str) -> Self {
        let named = components(prefix).map(|component| Part::One(component.into()));
        Self { parts: named.chain([Part::Deep]).collect() }
    }

    /// Whether the pattern matches a name.
    pub fn matches(&self, name: &ImageName) -> bool {
        matches(self, name)
    }

    /// The one name that matches, where nothing in the pattern is special.
    pub(super) fn literal(&self) -> Option<String> {
        let mut name = String::new();
        for part in &self.parts {
            let Part::One(glob) = part else { return None };
            if glob.contains('*') {
                return None;
            }
            if !name.is_empty() {
                name.push('/');
            }
            name.push_str(glob);
        }
        Some(name)
    }

    /// Whether it is easily seen that all names of another pattern match this one. `false` says nothing.
    pub fn plainly_covers(&self, other: &Self) -> bool {
        match self.parts.split_last() {
            Some((Part::Deep, named)) if other.parts.starts_with(named) => true,
            _ => self == other,
        }
    }

    /// `false` where it is easily seen that no name matches both: they begin with different words.
    pub fn may_meet(&self, other: &Self) -> bool {
        for (one, two) in self.parts.iter().zip(&other.parts) {
            match (one, two) {
                (Part::One(one), Part::One(two)) if one == two => {}
                (Part::One(one), Part::One(two)) => return one.contains('*') || two.contains('*'),
                _ => return true,
            }
        }
        let more = |one: &Self, other: &Self| one.parts.get(other.parts.len()).is_some_and(|part| *part != Part::Deep);
        !more(self, other) && !more(other, self)
    }
}

fn components(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|component| !component.is_empty())
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, part) in self.parts.iter().enumerate() {
            if at > 0 {
                f.write_str("/")?;
            }
            match part {
                Part::One(glob) => f.write_str(glob)?,
                Part::Deep => f.write_str("**")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NamePattern({self})")
    }
}
