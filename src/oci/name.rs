//! The name of an image, as the specification's `<name>`.

use std::fmt;

/// The longest image name that is accepted, in characters.
///
/// The specification leaves the bound to the registry and reminds of clients that limit
/// host and name together to 255.
pub const NAME_MAX_CHARS: usize = 255;

/// The full name of an image, such as `library/alpine`.
///
/// One or more components separated by `/`; a component is lower-case letters and digits, with
/// single `.`, one or two `_`, or any number of `-` between them (OCI distribution
/// specification 1.1, "Pulling manifests"). It can therefore hold no `..`, no empty component,
/// no leading underscore and no percent sign, and is safe as a part of a storage path.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageName(Box<str>);

/// Why a text is not an image name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// The text has no characters.
    #[error("an image name cannot be empty")]
    Empty,
    /// The text is longer than [`NAME_MAX_CHARS`].
    #[error("an image name has at most {NAME_MAX_CHARS} characters")]
    TooLong,
    /// A component does not have the form that the specification demands.
    #[error(
        "`{0}` is not a valid component of an image name: use lower-case letters and digits, \
         separated by single `.`, `_` or `__`, or `-`"
    )]
    Component(String),
}

impl ImageName {
    /// Reads an image name.
    ///
    /// # Errors
    /// Says which component is wrong, or that the name is empty or too long.
    pub fn parse(text: &str) -> Result<Self, BadName> {
        if text.is_empty() {
            return Err(BadName::Empty);
        }
        if text.len() > NAME_MAX_CHARS {
            return Err(BadName::TooLong);
        }
        for component in text.split('/') {
            if !is_component(component) {
                return Err(BadName::Component(component.escape_debug().to_string()));
            }
        }
        Ok(Self(text.into()))
    }

    /// Whether a text can be a name of one component, or a part of a longer one.
    pub fn is_component(text: &str) -> bool {
        text.len() <= NAME_MAX_CHARS && is_component(text)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name that lies `below` a prefix: `library` and `alpine` give `library/alpine`.
    ///
    /// An empty prefix changes nothing.
    ///
    /// # Errors
    /// [`BadName::TooLong`] where both together are too long.
    pub fn below(prefix: &str, name: &str) -> Result<Self, BadName> {
        if prefix.is_empty() { Self::parse(name) } else { Self::parse(&format!("{prefix}/{name}")) }
    }

    /// What remains of the name below a prefix; `""` where the name is the prefix itself, `None`
    /// where it does not lie below.
    ///
    /// An empty prefix holds every name.
    pub fn relative_to(&self, prefix: &str) -> Option<&str> {
        if prefix.is_empty() {
            return Some(&self.0);
        }
        let rest = self.0.strip_prefix(prefix)?;
        if rest.is_empty() { Some("") } else { rest.strip_prefix('/') }
    }

    /// The prefixes that could serve this name, the longest first: the name itself, each
    /// enclosing path, and at last `""`.
    pub fn enclosing(&self) -> impl Iterator<Item = &str> {
        let mut next = Some(&*self.0);
        std::iter::from_fn(move || {
            let current = next?;
            next = match current.rfind('/') {
                Some(slash) => Some(&current[..slash]),
                None if current.is_empty() => None,
                None => Some(""),
            };
            Some(current)
        })
    }
}

fn is_component(component: &str) -> bool {
    let is_alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = component.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return false;
    };
    if !is_alphanumeric(*first) || !is_alphanumeric(*last) {
        return false;
    }
    bytes
        .split(|byte| is_alphanumeric(*byte))
        .filter(|separator| !separator.is_empty())
        .all(|separator| matches!(separator, b"." | b"_" | b"__") || separator.iter().all(|b| *b == b'-'))
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ImageName({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_the_specification_accepts() {
        for name in ["a", "a/b", "library/alpine", "a.b_c__d---e", "0/1/2", &"a".repeat(255)] {
            assert!(ImageName::parse(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        for name in [
            "",
            "/",
            "a/",
            "/a",
            "a//b",
            "A",
            "a..b",
            "..",
            "a/../b",
            ".",
            "_layers",
            "a___b",
            "a.-b",
            "-a",
            "a-",
            "a%2fb",
            "a\0b",
            "ä",
            "a b",
            &"a".repeat(256),
        ] {
            assert!(ImageName::parse(name).is_err(), "{name}");
        }
    }

    #[test]
    fn encloses_from_the_longest_to_the_empty_prefix() {
        let name = ImageName::parse("a/b/c").unwrap();
        assert_eq!(name.enclosing().collect::<Vec<_>>(), ["a/b/c", "a/b", "a", ""]);
    }

    #[test]
    fn is_relative_only_to_whole_components() {
        let name = ImageName::parse("library/alpine").unwrap();
        assert_eq!(name.relative_to("library"), Some("alpine"));
        assert_eq!(name.relative_to("library/alpine"), Some(""));
        assert_eq!(name.relative_to(""), Some("library/alpine"));
        assert_eq!(name.relative_to("lib"), None);
    }
}
