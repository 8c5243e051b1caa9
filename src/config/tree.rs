//! The texts of a configuration folder.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Its bytes, not yet known to be UTF-8.
    Bytes(Arc<[u8]>),
    /// Its text.
    Text(Text),
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

impl Content {
    /// Takes in what was read.
    pub fn of(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::Text(Text::new(text)),
            Err(error) => Self::Bytes(error.into_bytes().into()),
        }
    }

    /// The content of a file that is kept as it was.
    pub fn kept((name, text): (&Arc<str>, &Text)) -> (Arc<str>, Self) {
        (Arc::clone(name), Self::Text(text.clone()))
    }

    fn digest(&self) -> [u8; 32] {
        match self {
            Self::Bytes(bytes) => sha256(bytes),
            Self::Text(text) => text.digest,
            Self::TooLarge { bytes } => sha256(format!("too large: {bytes}").as_bytes()),
            Self::Unreadable { why } => sha256(format!("unreadable: {why}").as_bytes()),
        }
    }
}

/// A text with its digest, so that it is hashed and compared once, however often the folder is read.
#[derive(Debug, Clone)]
pub struct Text {
    text: Arc<str>,
    digest: [u8; 32],
}

impl Text {
    /// Hashes a text.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        let text = text.into();
        Self { digest: sha256(text.as_bytes()), text }
    }

    /// The text itself.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Text {}

/// The files that matter, by their paths below the folder with `/` between the parts, such as
/// `repos/team/app.yaml`. Hidden files are left out by whoever reads the folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    /// The files in the order of their paths.
    pub files: BTreeMap<Arc<str>, Content>,
}

impl Tree {
    /// The content hash: 64 hexadecimal digits that are the same for the same paths and contents, and for no
    /// others. SHA-256 over each path, after its length, and the SHA-256 of its content.
    pub fn hash(&self) -> String {
        let mut hasher = Sha256::new();
        for (path, content) in &self.files {
            hasher.update((path.len() as u64).to_le_bytes());
            hasher.update(path.as_bytes());
            hasher.update(content.digest());
        }
        let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or_default();
        hasher.finalize().iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_tells_every_path_and_content_apart() {
        let hash = |files: &[(&str, Content)]| {
            Tree { files: files.iter().map(|(path, content)| ((*path).into(), content.clone())).collect() }.hash()
        };
        let bytes = |text: &str| Content::Bytes(text.as_bytes().into());
        let text = |text: &str| Content::Text(Text::new(text));
        assert_eq!(hash(&[("a.yaml", bytes("x"))]), hash(&[("a.yaml", text("x"))]));
        let all = [
            hash(&[]),
            hash(&[("a.yaml", text("x"))]),
            hash(&[("a.yaml", text("y"))]),
            hash(&[("b.yaml", text("x"))]),
            hash(&[("a.yaml", text("x")), ("b.yaml", text(""))]),
            hash(&[("a.yaml", Content::TooLarge { bytes: 7 })]),
            hash(&[("a.yaml", Content::Unreadable { why: "gone".to_owned() })]),
        ];
        assert_eq!(std::collections::HashSet::from(all.clone()).len(), all.len());
        assert!(all.iter().all(|hash| hash.len() == 64));
    }
}
