//! The name of an upload session.

use std::fmt;

use uuid::Uuid;

/// An upload session's identifier: a random UUID, made by the server and unguessable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UploadId(Uuid);

/// The text is not an upload session's identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not the identifier of an upload session")]
pub struct BadUploadId;

impl UploadId {
    /// Makes a new identifier from the system's random generator.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// Reads an identifier in the hyphenated lower-case form, and no other, so that one session
    /// has one path.
    ///
    /// # Errors
    /// [`BadUploadId`] for everything else.
    pub fn parse(text: &str) -> Result<Self, BadUploadId> {
        let id = Uuid::try_parse(text).map_err(|_| BadUploadId)?;
        if id.hyphenated().to_string() == text { Ok(Self(id)) } else { Err(BadUploadId) }
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_only_its_own_form() {
        let id = UploadId::random();
        assert_eq!(UploadId::parse(&id.to_string()), Ok(id));
        for text in ["", "..", &id.to_string().to_uppercase(), &id.to_string().replace('-', "")] {
            assert_eq!(UploadId::parse(text), Err(BadUploadId), "{text}");
        }
    }
}
