//! The patterns of docker_auth: globs as of a shell, in which `*` stays inside of one component, and
//! regular expressions between slashes, of which only simple ones are understood.

use super::names::{Names, Tail};

/// What is known of a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    Yes,
    No,
    /// The pattern is not understood, or depends on what is not known here.
    Maybe,
}

impl Match {
    fn of(matches: bool) -> Self {
        if matches { Self::Yes } else { Self::No }
    }

    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Maybe,
        }
    }
}

/// The image names that a pattern matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reading {
    /// At most these; none where no image could have such a name.
    pub(super) names: Vec<Names>,
    /// Whether it is all of these.
    pub(super) is_exact: bool,
}

impl Reading {
    fn exactly(names: Option<Names>) -> Self {
        Self { names: names.into_iter().filter(|names| names.globs().is_some()).collect(), is_exact: true }
    }

    fn at_most(names: Names) -> Self {
        Self { names: vec![names], is_exact: false }
    }

    /// Any image name.
    pub(super) fn all() -> Self {
        Self::exactly(Some(Names::all()))
    }
}

/// A piece of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Char(char),
    /// One character; in a glob, none that is `/`.
    One,
    /// Any number of characters; in a glob, none that is `/`.
    Many,
    /// One of these texts.
    OneOf(Vec<String>),
}

enum Pattern {
    Glob(Vec<Piece>),
    Regex(Vec<Piece>),
    Unknown,
}

/// Whether a pattern matches a text that is known. `account` replaces `${account}`.
pub(super) fn matches(pattern: &str, text: &str, account: &str) -> Match {
    match parse(pattern, account) {
        Pattern::Glob(pieces) => Match::of(fits(&pieces, text, true)),
        Pattern::Regex(pieces) => Match::of(fits(&pieces, text, false)),
        Pattern::Unknown => Match::Maybe,
    }
}

/// The image names that a pattern matches. `account` replaces `${account}`.
pub(super) fn images(pattern: &str, account: &str) -> Reading {
    match parse(pattern, account) {
        Pattern::Glob(pieces) => of_glob(&pieces),
        Pattern::Regex(pieces) => of_regex(&pieces),
        Pattern::Unknown => Reading::at_most(Names::all()),
    }
}

fn parse(pattern: &str, account: &str) -> Pattern {
    const ACCOUNT: &str = "${account}";
    let without = pattern.replace(ACCOUNT, "");
    if without.contains("${") {
        return Pattern::Unknown;
    }
    let is_regex = |text: &str| text.len() > 2 && text.starts_with('/') && text.ends_with('/');
    // What the account's name stands for is taken literally. Whether it is a regular expression, it
    // cannot decide: no name of a user holds a slash.
    let quote = |c: char| c.is_ascii_punctuation().then_some('\\').into_iter().chain([c]);
    let quoted: String = account.chars().flat_map(quote).collect();
    let replaced = pattern.replace(ACCOUNT, &quoted);
    match replaced.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')).filter(|_| is_regex(&replaced)) {
        Some(inner) => regex(inner).map_or(Pattern::Unknown, Pattern::Regex),
        None => glob(&replaced).map_or(Pattern::Unknown, Pattern::Glob),
    }
}

/// `None` for classes of characters, which could hold a `/`, and for what is malformed.
fn glob(text: &str) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '*' if pieces.last() == Some(&Piece::Many) => {}
            '*' => pieces.push(Piece::Many),
            '?' => pieces.push(Piece::One),
            '[' => return None,
            '\\' => pieces.push(Piece::Char(chars.next()?)),
            other => pieces.push(Piece::Char(other)),
        }
    }
    Some(pieces)
}

/// `None` for all but literal characters, `.`, `.*`, `.+`, groups of literal texts, and anchors at the
/// ends.
fn regex(text: &str) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let (text, is_begun) = text.strip_prefix('^').map_or((text, false), |rest| (rest, true));
    if !is_begun {
        pieces.push(Piece::Many);
    }
    let mut chars = text.chars().peekable();
    let mut is_ended = false;
    while let Some(c) = chars.next() {
        match c {
            '$' if chars.peek().is_none() => is_ended = true,
            '.' => match chars.next_if(|next| matches!(next, '*' | '+')) {
                Some('*') => pieces.push(Piece::Many),
                Some(_) => pieces.extend([Piece::One, Piece::Many]),
                None => pieces.push(Piece::One),
            },
            '(' => {
                let group: String = chars.by_ref().take_while(|c| *c != ')').collect();
                let group = group.strip_prefix("?:").unwrap_or(&group);
                let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/' | '|');
                if group.is_empty() || !group.chars().all(is_plain) {
                    return None;
                }
                pieces.push(Piece::OneOf(group.split('|').map(str::to_owned).collect()));
            }
            // A letter behind a backslash is a class or another wonder.
            '\\' => match chars.next()? {
                escaped if escaped.is_ascii_punctuation() => pieces.push(Piece::Char(escaped)),
                _ => return None,
            },
            '^' | '$' | '*' | '+' | '?' | ')' | '[' | ']' | '{' | '}' | '|' => return None,
            other => pieces.push(Piece::Char(other)),
        }
        if matches!(chars.peek(), Some('*' | '+' | '?' | '{')) {
            return None;
        }
    }
    if !is_ended {
        pieces.push(Piece::Many);
    }
    Some(pieces)
}

/// Whether the pieces are the whole text. Each step keeps all the places that were reached.
fn fits(pieces: &[Piece], text: &str, is_glob: bool) -> bool {
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    for piece in pieces {
        let mut next = vec![false; text.len() + 1];
        for (at, _) in reached.iter().enumerate().filter(|(_, is)| **is) {
            let Some(rest) = text.get(at..) else { continue };
            match piece {
                Piece::Char(c) if rest.starts_with(*c) => next[at + c.len_utf8()] = true,
                Piece::Char(_) => {}
                Piece::One => {
                    if let Some(c) = rest.chars().next().filter(|c| !is_glob || *c != '/') {
                        next[at + c.len_utf8()] = true;
                    }
                }
                Piece::Many => {
                    let end = if is_glob { rest.find('/').unwrap_or(rest.len()) } else { rest.len() };
                    next[at..=at + end].fill(true);
                }
                Piece::OneOf(texts) => {
                    for found in texts.iter().filter(|found| rest.starts_with(found.as_str())) {
                        next[at + found.len()] = true;
                    }
                }
            }
        }
        reached = next;
    }
    reached[text.len()]
}

fn of_glob(pieces: &[Piece]) -> Reading {
    let mut parts = vec![String::new()];
    let mut is_exact = true;
    for piece in pieces {
        let Some(last) = parts.last_mut() else { continue };
        match piece {
            Piece::Char('/') => parts.push(String::new()),
            Piece::Char('*') => return Reading::exactly(None),
            Piece::Char(c) => last.push(*c),
            Piece::One | Piece::Many | Piece::OneOf(_) => {
                is_exact &= *piece == Piece::Many;
                if !last.ends_with('*') {
                    last.push('*');
                }
            }
        }
    }
    let names = Names { parts, tail: Tail::None };
    match is_exact || names.globs().is_none() {
        true => Reading::exactly(Some(names)),
        false => Reading::at_most(names),
    }
}

fn of_regex(pieces: &[Piece]) -> Reading {
    let is_open = |piece: &Piece| matches!(piece, Piece::Many | Piece::One);
    // What can stand for any name: no more than one character is demanded.
    if pieces.iter().all(is_open) && pieces.contains(&Piece::Many) {
        let demanded = pieces.iter().filter(|piece| **piece == Piece::One).count();
        return if demanded <= 1 { Reading::all() } else { Reading::at_most(Names::all()) };
    }
    let head = pieces.iter().take_while(|piece| !is_open(piece)).count();
    let (head, tail) = pieces.split_at(head);
    if head.is_empty() || !tail.iter().all(is_open) {
        return Reading::at_most(Names::all());
    }
    let mut texts = vec![String::new()];
    for piece in head {
        match piece {
            Piece::Char(c) => texts.iter_mut().for_each(|text| text.push(*c)),
            Piece::OneOf(choices) => {
                let longer = texts.iter().flat_map(|text| choices.iter().map(move |choice| format!("{text}{choice}")));
                texts = longer.collect();
                if texts.len() > 1000 {
                    return Reading::at_most(Names::all());
                }
            }
            Piece::One | Piece::Many => {}
        }
    }
    let demanded = tail.iter().filter(|piece| **piece == Piece::One).count();
    let mut reading = Reading { names: Vec::new(), is_exact: true };
    for text in texts {
        if text.contains('*') {
            continue;
        }
        let mut parts: Vec<String> = text.split('/').map(str::to_owned).collect();
        let mut follows = Tail::None;
        if !tail.is_empty() {
            if parts.last().is_some_and(String::is_empty) {
                // Behind a slash stands at least one character in any case.
                reading.is_exact &= demanded <= 1 && tail.contains(&Piece::Many);
                parts.pop();
                follows = Tail::Some;
            } else {
                reading.is_exact &= demanded == 0;
                if let Some(last) = parts.last_mut() {
                    last.push('*');
                }
                follows = Tail::Any;
            }
        }
        let names = Names { parts, tail: follows };
        reading.names.extend(Some(names).filter(|names| names.globs().is_some()));
    }
    reading
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_stay_inside_of_a_component() {
        for (pattern, text, expected) in [
            ("*", "", Match::Yes),
            ("*", "a/b", Match::No),
            ("te?m-*", "team-a", Match::Yes),
            ("te?m", "te/m", Match::No),
            ("${account}", "jane.d", Match::Yes),
            ("${account}*", "jane.d2", Match::Yes),
            ("[ab]", "a", Match::Maybe),
            ("a\\*", "a*", Match::Yes),
            ("${service}", "x", Match::Maybe),
            ("", "", Match::Yes),
        ] {
            assert_eq!(matches(pattern, text, "jane.d"), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn simple_regular_expressions_are_understood() {
        for (pattern, text, expected) in [
            ("/.+/", "a", Match::Yes),
            ("/.+/", "", Match::No),
            ("/.*/", "", Match::Yes),
            ("/^ci-.*$/", "ci-app", Match::Yes),
            ("/^ci-.*$/", "xci-app", Match::No),
            ("/ci/", "xcix", Match::Yes),
            ("/^(jane|mark)$/", "mark", Match::Yes),
            ("/^(jane|mark)$/", "marks", Match::No),
            ("/^${account}$/", "jane.d", Match::Yes),
            ("/^${account}$/", "jane-d", Match::No),
            ("/^ja+ne$/", "jane", Match::Maybe),
            ("/^\\d+$/", "1", Match::Maybe),
            ("/a|b/", "a", Match::Maybe),
            ("//", "//", Match::Yes),
        ] {
            assert_eq!(matches(pattern, text, "jane.d"), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn names_are_read_exactly_or_not_at_all() {
        let shown = |pattern: &str| {
            let reading = images(pattern, "jane");
            let globs = reading.names.iter().filter_map(Names::globs).flatten();
            (globs.collect::<Vec<_>>().join(" "), reading.is_exact)
        };
        for (pattern, globs, is_exact) in [
            ("team/*", "team/*", true),
            ("**/app", "*/app", true),
            ("${account}/*", "jane/*", true),
            ("a?c", "a*c", false),
            ("[a-c]/x", "*", false),
            ("Team/*", "", true),
            ("team//x", "", true),
            ("/.*/", "*", true),
            ("/.+/", "*", true),
            ("/^team/.*/", "team/**/*", true),
            ("/^team/.+$/", "team/**/*", true),
            ("/^(a|b)/.+$/", "a/**/* b/**/*", true),
            ("/^team.*$/", "team*/**", true),
            ("/^team.+$/", "team*/**", false),
            ("/^app$/", "app", true),
            ("/app/", "*", false),
            ("/..+/", "*", false),
        ] {
            assert_eq!(shown(pattern), (globs.to_owned(), is_exact), "{pattern}");
        }
    }
}
