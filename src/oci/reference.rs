//! What names a manifest inside an image: a tag or a digest.

use std::fmt;

use super::{BadDigest, Digest};

/// A tag, such as `v1.2.3`: a letter, digit or underscore, then at most 127 letters, digits,
/// `.`, `_` and `-` (OCI distribution specification 1.1, "Pulling manifests").
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(Box<str>);

/// The text is not a tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid tag: use 1 to 128 letters, digits, `_`, `.` and `-`, beginning with a letter, a digit or `_`")]
pub struct BadTag;

impl Tag {
    /// Reads a tag.
    ///
    /// # Errors
    /// [`BadTag`] where the form is wrong.
    pub fn parse(text: &str) -> Result<Self, BadTag> {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let bytes = text.as_bytes();
        let well_formed = (1..=128).contains(&bytes.len())
            && is_word(bytes[0])
            && bytes.iter().all(|byte| is_word(*byte) || matches!(byte, b'.' | b'-'));
        if well_formed { Ok(Self(text.into())) } else { Err(BadTag) }
    }

    /// The tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag({})", self.0)
    }
}

/// A tag or a digest, as the specification's `<reference>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reference {
    /// A name that can move.
    Tag(Tag),
    /// The content itself.
    Digest(Digest),
}

impl Reference {
    /// Reads a reference: what holds a colon is a digest, everything else a tag.
    ///
    /// # Errors
    /// The error of the digest or of the tag.
    pub fn parse(text: &str) -> Result<Self, BadReference> {
        if text.contains(':') { Ok(Self::Digest(Digest::parse(text)?)) } else { Ok(Self::Tag(Tag::parse(text)?)) }
    }
}

/// Why a text is neither a tag nor a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadReference {
    /// It looks like a tag.
    #[error(transparent)]
    Tag(#[from] BadTag),
    /// It looks like a digest.
    #[error(transparent)]
    Digest(#[from] BadDigest),
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_have_the_form_of_the_specification() {
        for tag in ["a", "_", "V1.2-3_x", &"a".repeat(128)] {
            assert!(Tag::parse(tag).is_ok(), "{tag}");
        }
        for tag in ["", ".a", "-a", "a/b", "a b", "ä", "a\0", "..", &"a".repeat(129)] {
            assert!(Tag::parse(tag).is_err(), "{tag}");
        }
    }

    #[test]
    fn a_colon_makes_a_digest() {
        let digest = format!("sha256:{}", "0".repeat(64));
        assert!(matches!(Reference::parse(&digest), Ok(Reference::Digest(_))));
        assert!(matches!(Reference::parse("latest"), Ok(Reference::Tag(_))));
        assert!(matches!(Reference::parse("sha256:00"), Err(BadReference::Digest(_))));
    }
}
