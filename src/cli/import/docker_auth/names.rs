//! Sets of image names, as far as the patterns of docker_auth describe them and ours can say them.

use crate::policy::ImageGlob;

/// Image names that begin with components of these forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names {
    /// One pattern for each component; `*` stands for any characters inside of it.
    pub(super) parts: Vec<String>,
    /// What follows them.
    pub(super) tail: Tail,
}

/// Which components follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tail {
    /// None.
    None,
    /// One or more.
    Some,
    /// Any number, or none.
    Any,
}

impl Names {
    /// Every image.
    pub(super) fn all() -> Self {
        Self { parts: Vec::new(), tail: Tail::Some }
    }

    pub(super) fn is_all(&self) -> bool {
        self.parts.is_empty() || self.parts == ["*"] && self.tail == Tail::Any
    }

    /// Whether some text could be in both.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let (short, long) = if self.parts.len() <= other.parts.len() { (self, other) } else { (other, self) };
        let lengths = match (short.parts.len() == long.parts.len(), short.tail, long.tail) {
            (false, Tail::None, _) => false,
            (false, _, _) => true,
            (true, one, two) => one != Tail::None && two != Tail::None || one != Tail::Some && two != Tail::Some,
        };
        lengths && short.parts.iter().zip(&long.parts).all(|(one, two)| meet(one.as_bytes(), two.as_bytes()))
    }

    /// Whether all of these are surely among the others.
    pub(super) fn within(&self, other: &Self) -> bool {
        let lengths = match self.parts.len().checked_sub(other.parts.len()) {
            None => return false,
            Some(0) => other.tail == Tail::Any || self.tail == other.tail,
            Some(_) => other.tail != Tail::None,
        };
        lengths && self.parts.iter().zip(&other.parts).all(|(one, two)| lies_in(one.as_bytes(), two.as_bytes()))
    }

    /// Patterns of ours that together match exactly these; `None` where no image could have such a name.
    pub(super) fn globs(&self) -> Option<Vec<String>> {
        if self.is_all() {
            return Some(vec!["*".to_owned()]);
        }
        let tail = match self.tail {
            Tail::None => "",
            Tail::Some => "/**/*",
            Tail::Any => "/**",
        };
        // Alone, `*` would be every image. A component begins with a letter or a digit.
        if self.parts == ["*"] && self.tail == Tail::None {
            return Some(('a'..='z').chain('0'..='9').map(|first| format!("{first}*")).collect());
        }
        let glob = self.parts.join("/") + tail;
        ImageGlob::parse(&glob).is_ok().then(|| vec![glob])
    }

    /// As one would write it.
    pub(super) fn shown(&self) -> String {
        match (self.is_all(), self.tail) {
            (true, _) => "all images".to_owned(),
            (false, Tail::None) if self.parts == ["*"] => "images without `/` in their names".to_owned(),
            (false, Tail::None) => format!("`{}`", self.parts.join("/")),
            (false, _) => format!("`{}/**`", self.parts.join("/")),
        }
    }
}

/// Whether a text could match both patterns, in which only `*` is special.
fn meet(one: &[u8], two: &[u8]) -> bool {
    // Row by row: whether what is left of both, from each place on, can be the same text.
    let mut below = vec![false; two.len() + 1];
    for at in (0..=one.len()).rev() {
        let mut row = vec![false; two.len() + 1];
        for to in (0..=two.len()).rev() {
            let (first, second) = (one.get(at), two.get(to));
            let right = |row: &[bool]| row.get(to + 1).copied().unwrap_or(false);
            row[to] = match (first, second) {
                (None, None) => true,
                (Some(b'*'), Some(b'*')) => below[to] || right(&row),
                (Some(b'*'), _) => below[to] || second.is_some() && right(&row),
                (_, Some(b'*')) => right(&row) || first.is_some() && below[to],
                (Some(a), Some(b)) => a == b && right(&below),
                _ => false,
            };
        }
        below = row;
    }
    below[0]
}

/// Whether everything that the first pattern matches surely matches the second.
fn lies_in(one: &[u8], two: &[u8]) -> bool {
    // A `*` of the first is a character of its own that only a `*` of the second takes.
    let mut row = vec![false; one.len() + 1];
    row[0] = true;
    for pattern in two {
        let mut next = vec![false; one.len() + 1];
        for at in 0..=one.len() {
            next[at] = match pattern {
                b'*' => row[at] || at > 0 && next[at - 1],
                byte => at > 0 && row[at - 1] && one[at - 1] == *byte,
            };
        }
        row = next;
    }
    row[one.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Names {
        let (text, tail) = match (text.strip_suffix("/+"), text.strip_suffix("/?")) {
            (Some(head), _) => (head, Tail::Some),
            (_, Some(head)) => (head, Tail::Any),
            _ => (text, Tail::None),
        };
        Names { parts: text.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect(), tail }
    }

    #[test]
    fn sets_meet_and_lie_in_one_another() {
        for (one, two, meets, inside) in [
            ("app", "a*", true, true),
            ("a*", "app", true, false),
            ("a*", "*p", true, false),
            ("a*", "b*", false, false),
            ("team/*", "*", false, false),
            ("team/*", "/+", true, true),
            ("/+", "team/*", true, false),
            ("team/+", "team", false, false),
            ("team/?", "team", true, false),
            ("team", "team/?", true, true),
            ("team/a/b", "team/+", true, true),
            ("team/*", "team/+", true, true),
            ("*/x", "team/*", true, false),
            ("team-*/*", "team*/*", true, true),
            ("*a*", "*", true, true),
            ("a*b", "a*", true, true),
            ("a*", "a*b", true, false),
        ] {
            let (first, second) = (names(one), names(two));
            assert_eq!((first.overlaps(&second), first.within(&second)), (meets, inside), "{one} {two}");
            assert_eq!(second.overlaps(&first), meets, "{two} {one}");
        }
    }

    #[test]
    fn one_component_is_not_every_image() {
        let globs = |text: &str| names(text).globs();
        assert_eq!(globs("/+").unwrap(), ["*"]);
        assert_eq!(globs("*").unwrap().len(), 36);
        assert_eq!(globs("team/+").unwrap(), ["team/**/*"]);
        assert_eq!(globs("team*/?").unwrap(), ["team*/**"]);
        assert_eq!(globs("a..b"), None);
    }
}
