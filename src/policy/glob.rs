//! The patterns of granular permissions.

use std::fmt;

use crate::oci::{ImageName, Tag};

/// A pattern for image names below a repository's prefix.
///
/// `*` stands for any characters inside one component, `**` for any number of whole components.
/// `*` alone and `**` alone are every image, `.` is the image named exactly like the prefix.
///
/// Most grants have `*`, of which there may be a million: `None` stands for it, and is never `Some`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ImageGlob(Option<Box<str>>);

/// Every image.
const EVERYTHING: &str = "*";

/// A pattern for tags, in which only `*` is special.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TagGlob(Box<str>);

/// Why a text is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadGlob {
    /// The text is empty.
    #[error("a pattern cannot be empty")]
    Empty,
    /// A character that no name holds and no pattern knows.
    #[error("`{}` cannot stand in a pattern: only `*` and `**` are special", .0.escape_debug())]
    Character(char),
    /// An upper-case letter in a pattern for image names.
    #[error("`{0}` cannot stand in a pattern for images: their names are lower-case")]
    UpperCase(char),
    /// `**` does not stand alone between slashes.
    #[error("`**` stands for whole components and must stand alone between slashes")]
    DoubleStar,
    /// The pattern begins or ends with a slash, or holds two in a row.
    #[error("an image name neither begins nor ends with `/` and holds no `//`")]
    Slash,
    /// Other than a name could ever match.
    #[error("no name can match this pattern")]
    Form,
}

impl ImageGlob {
    /// Every image of a repository.
    pub fn everything() -> Self {
        Self(None)
    }

    /// Reads a pattern.
    ///
    /// # Errors
    /// Says what is wrong with the pattern.
    pub fn parse(text: &str) -> Result<Self, BadGlob> {
        if text.is_empty() {
            return Err(BadGlob::Empty);
        }
        for character in text.chars() {
            match character {
                'a'..='z' | '0'..='9' | '.' | '_' | '-' | '/' | '*' => {}
                'A'..='Z' => return Err(BadGlob::UpperCase(character)),
                other => return Err(BadGlob::Character(other)),
            }
        }
        if text == EVERYTHING {
            return Ok(Self::everything());
        }
        if text == "." {
            return Ok(Self(Some(text.into())));
        }
        for component in text.split('/') {
            match component {
                "" => return Err(BadGlob::Slash),
                "**" => {}
                "*" => {}
                // Most have no star, and then no text needs to be made to try them.
                _ if !component.bytes().any(|byte| byte == b'*') => {
                    if !ImageName::is_component(component) {
                        return Err(BadGlob::Form);
                    }
                }
                _ if component.contains("**") => return Err(BadGlob::DoubleStar),
                // A letter is what a `*` can always stand for: if that gives no name, nothing does.
                _ => drop(ImageName::parse(&component.replace('*', "x")).map_err(|_| BadGlob::Form)?),
            }
        }
        Ok(Self(Some(text.into())))
    }

    /// The pattern as it is written.
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or(EVERYTHING)
    }

    /// Whether every image matches, the one named like the prefix included.
    pub fn is_everything(&self) -> bool {
        matches!(self.0.as_deref(), None | Some("**"))
    }

    /// Whether this is `.`, the image named exactly like the prefix.
    pub fn is_prefix_itself(&self) -> bool {
        self.0.as_deref() == Some(".")
    }

    /// The one relative name that matches, where the pattern holds nothing special.
    pub(super) fn literal(&self) -> Option<&str> {
        if self.is_prefix_itself() {
            return Some("");
        }
        self.0.as_deref().filter(|text| !text.contains('*'))
    }

    /// The first component that every matching name has, where the pattern says it literally and no
    /// name without a component matches.
    pub(super) fn first_component(&self) -> Option<&str> {
        let (first, _) = split_component(self.as_str())?;
        (!first.contains('*') && !self.is_prefix_itself()).then_some(first)
    }

    /// Whether an image matches; `relative` is its name below the prefix, `""` for the image named
    /// exactly like the prefix.
    pub fn matches(&self, relative: &str) -> bool {
        if self.is_everything() {
            return true;
        }
        match self.literal() {
            Some(literal) => literal == relative,
            None => components_match(self.as_str(), relative),
        }
    }
}

impl TagGlob {
    /// Reads a pattern.
    ///
    /// # Errors
    /// Says what is wrong with the pattern.
    pub fn parse(text: &str) -> Result<Self, BadGlob> {
        if text.is_empty() {
            return Err(BadGlob::Empty);
        }
        let foreign = |c: &char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '*'));
        if let Some(character) = text.chars().find(foreign) {
            return Err(BadGlob::Character(character));
        }
        let literal_chars = text.bytes().filter(|byte| *byte != b'*').count();
        if text.starts_with(['.', '-']) || literal_chars > 128 {
            return Err(BadGlob::Form);
        }
        Ok(Self(text.into()))
    }

    /// The pattern as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a tag matches.
    pub fn matches(&self, tag: &Tag) -> bool {
        stars_match(&self.0, tag.as_str())
    }

    /// Whether a tag matches as one of a repository's immutable tags: like [`TagGlob::matches`], but
    /// a tag that begins with `sha256-` (a signature's) only where the pattern begins so too.
    pub fn matches_immutable(&self, tag: &Tag) -> bool {
        (self.names_signatures() || !tag.as_str().starts_with(SIGNATURE)) && self.matches(tag)
    }

    /// Whether the pattern begins so that it means signatures where it protects tags.
    pub(super) fn names_signatures(&self) -> bool {
        self.0.starts_with(SIGNATURE)
    }

    /// The tags of signatures.
    pub(super) fn signatures() -> Self {
        Self(format!("{SIGNATURE}*").into())
    }
}

/// What the tags of signatures and attestations begin with.
const SIGNATURE: &str = "sha256-";

/// The first component and what follows it; `None` at the end of the path.
fn split_component(path: &str) -> Option<(&str, &str)> {
    if path.is_empty() {
        return None;
    }
    Some(path.split_once('/').unwrap_or((path, "")))
}

/// Matches whole components. Only the last `**` is ever tried again, one component further, so the
/// cost is at most the product of both lengths.
fn components_match(pattern: &str, name: &str) -> bool {
    let (mut pattern, mut name) = (pattern, name);
    let mut retry: Option<(&str, &str)> = None;
    loop {
        match (split_component(pattern), split_component(name)) {
            (None, None) => return true,
            (Some(("**", after)), _) => {
                retry = Some((after, name));
                pattern = after;
                continue;
            }
            (Some((wanted, wanted_rest)), Some((component, rest))) if stars_match(wanted, component) => {
                (pattern, name) = (wanted_rest, rest);
                continue;
            }
            _ => {}
        }
        let Some((after, from)) = retry else { return false };
        let Some((_, shorter)) = split_component(from) else { return false };
        (pattern, name) = (after, shorter);
        retry = Some((after, shorter));
    }
}

/// Matches characters, `*` standing for any number of them. Only the last `*` is ever tried again,
/// so the cost is at most the product of both lengths.
fn stars_match(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut position) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while position < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                at += 1;
                retry = Some((at, position));
            }
            Some(byte) if *byte == text[position] => {
                at += 1;
                position += 1;
            }
            _ => {
                let Some((after_star, from)) = retry else { return false };
                (at, position) = (after_star, from + 1);
                retry = Some((after_star, from + 1));
            }
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

impl fmt::Display for ImageGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ImageGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ImageGlob({self})")
    }
}

impl fmt::Display for TagGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TagGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TagGlob({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(pattern: &str, relative: &str) -> bool {
        ImageGlob::parse(pattern).unwrap().matches(relative)
    }

    fn tag(pattern: &str, tag: &str) -> bool {
        TagGlob::parse(pattern).unwrap().matches(&Tag::parse(tag).unwrap())
    }

    #[test]
    fn images_match_component_by_component() {
        for (pattern, matching, other) in [
            ("*", &["", "a", "a/b/c"][..], &[][..]),
            ("**", &["", "a", "a/b/c"], &[]),
            (".", &[""], &["a"]),
            ("app", &["app"], &["", "app/x", "apps", "x/app"]),
            ("team/*", &["team/a"], &["", "team", "team/a/b", "teams/a"]),
            ("team/**", &["team", "team/a", "team/a/b"], &["", "teams", "x/team"]),
            ("**/app", &["app", "a/app", "a/b/app"], &["", "app/a", "xapp"]),
            ("a/**/z", &["a/z", "a/b/z", "a/b/c/z"], &["a", "a/z/b", "z"]),
            ("a*-x", &["a-x", "ab-x"], &["a-xy", "a/b-x"]),
            ("**/*", &["a", "a/b"], &[""]),
            ("*/*", &["a/b"], &["a", "", "a/b/c"]),
            ("**/a/**/b", &["a/b", "x/a/y/b", "a/b/a/b"], &["b/a", "a", "a/b/c"]),
            ("**/**", &["", "a", "a/b"], &[]),
        ] {
            for name in matching {
                assert!(image(pattern, name), "{pattern} {name}");
            }
            for name in other {
                assert!(!image(pattern, name), "{pattern} {name}");
            }
        }
    }

    #[test]
    fn patterns_that_name_nothing_are_errors() {
        for (pattern, error) in [
            ("", BadGlob::Empty),
            ("/a", BadGlob::Slash),
            ("a/", BadGlob::Slash),
            ("a//b", BadGlob::Slash),
            ("a?", BadGlob::Character('?')),
            ("[ab]", BadGlob::Character('[')),
            ("a b", BadGlob::Character(' ')),
            ("App", BadGlob::UpperCase('A')),
            ("a**", BadGlob::DoubleStar),
            ("a/***", BadGlob::DoubleStar),
            ("..", BadGlob::Form),
            ("a/.", BadGlob::Form),
            ("-*", BadGlob::Form),
            ("a..*", BadGlob::Form),
        ] {
            assert_eq!(ImageGlob::parse(pattern), Err(error), "{pattern}");
        }
    }

    #[test]
    fn tags_match_as_a_whole() {
        assert!(
            tag("v*", "v1") && tag("v*", "v") && tag("*", "x") && tag("*-rc*", "1-rc2") && tag("v1.*.0", "v1.2.3.0")
        );
        assert!(!tag("v*", "xv1") && !tag("v1", "v10") && !tag("v1", "V1") && !tag("*-rc", "1-rc2"));
        assert!(!tag("v1.2", "v1x2"), "a dot is a dot");
        for (pattern, error) in [
            ("", BadGlob::Empty),
            ("a/b", BadGlob::Character('/')),
            ("v?", BadGlob::Character('?')),
            (".a", BadGlob::Form),
            ("-a", BadGlob::Form),
        ] {
            assert_eq!(TagGlob::parse(pattern), Err(error), "{pattern}");
        }
    }

    #[test]
    fn signatures_are_immutable_only_where_written() {
        let signature = Tag::parse("sha256-0123.sig").unwrap();
        let immutable = |pattern: &str| TagGlob::parse(pattern).unwrap().matches_immutable(&signature);
        assert!(!immutable("*") && !immutable("s*"));
        assert!(immutable("sha256-*"));
    }

    #[test]
    fn hostile_patterns_cost_no_more_than_both_lengths() {
        let pattern = "*a".repeat(60) + "*b";
        let text = "a".repeat(128);
        let start = std::time::Instant::now();
        assert!(!tag(&pattern, &text));
        let deep = "**/a/".repeat(120) + "b";
        assert!(!image(&deep, "a/".repeat(127).trim_end_matches('/')));
        assert!(start.elapsed() < std::time::Duration::from_secs(1));
    }
}
