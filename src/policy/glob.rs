//! The patterns of granular permissions.

use crate::oci::Tag;

/// A pattern for image names below a repository's prefix.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ImageGlob(pub(super) String);

/// A pattern for tags, in which only `*` is special.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TagGlob(pub(super) String);

/// Why a text is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadGlob {
    /// The text is empty.
    #[error("a pattern cannot be empty")]
    Empty,
    /// A character that no name holds and no pattern knows.
    #[error("`{0}` cannot stand in a pattern: only `*` and `**` are special")]
    Character(char),
    /// `**` does not stand alone between slashes.
    #[error("`**` stands for whole components and must stand alone between slashes")]
    DoubleStar,
    /// Other than a name could ever match.
    #[error("no name can match this pattern")]
    Form,
}

impl ImageGlob {
    /// Reads a pattern.
    ///
    /// # Errors
    /// Says what is wrong with the pattern.
    pub fn parse(_text: &str) -> Result<Self, BadGlob> {
        unimplemented!()
    }

    /// Whether an image matches; `relative` is its name below the prefix, `""` for the image named
    /// exactly like the prefix.
    pub fn matches(&self, _relative: &str) -> bool {
        unimplemented!()
    }
}

impl TagGlob {
    /// Reads a pattern.
    ///
    /// # Errors
    /// Says what is wrong with the pattern.
    pub fn parse(_text: &str) -> Result<Self, BadGlob> {
        unimplemented!()
    }

    /// Whether a tag matches.
    pub fn matches(&self, _tag: &Tag) -> bool {
        unimplemented!()
    }

    /// Whether a tag matches as one of a repository's immutable tags: like [`TagGlob::matches`], but
    /// a tag that begins with `sha256-` (a signature's) only where the pattern begins so too.
    pub fn matches_immutable(&self, _tag: &Tag) -> bool {
        unimplemented!()
    }
}
