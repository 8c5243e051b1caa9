//! The tags that patterns match together.

use super::super::TagGlob;
use super::search::{Machine, Matched, Search, shortest};
use crate::oci::Tag;

/// Looks for a tag that the judge takes: one of those that the first `required` patterns all match.
/// The judge is told which patterns match.
pub(super) fn find<T>(
    patterns: &[&TagGlob],
    required: usize,
    mut judge: impl FnMut(&Matched) -> Search<T>,
) -> Search<(Tag, T)> {
    let globs = patterns.iter().map(|pattern| pattern.as_str().as_bytes()).collect();
    let tags = Tags { globs, required };
    let found = match patterns.iter().take(required).find(|pattern| !pattern.as_str().contains('*')) {
        None => shortest(&tags, judge),
        Some(literal) => match tags.matched_by(literal.as_str()) {
            Some(matched) => judge(&matched).map(|found| (literal.as_str().to_owned(), found)),
            None => Search::Nothing,
        },
    };
    match found {
        Search::Found((tag, found)) => match Tag::parse(&tag) {
            Ok(tag) => Search::Found((tag, found)),
            Err(_) => Search::Nothing,
        },
        Search::Nothing => Search::Nothing,
        Search::GaveUp => Search::GaveUp,
    }
}

/// Patterns that read a tag side by side.
struct Tags<'a> {
    globs: Vec<&'a [u8]>,
    required: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    is_empty: bool,
    /// Pattern and byte of it that is next, in order.
    places: Box<[(u32, u32)]>,
}

/// Letters to stand for all that no pattern names, the plain ones first.
const LETTERS: &[u8; 63] = b"xyzabcdefghijklmnopqrstuvw0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_";

impl Tags<'_> {
    /// A place, and those behind stars, which may take no character.
    fn at(&self, pattern: u32, mut byte: u32, places: &mut Vec<(u32, u32)>) {
        loop {
            places.push((pattern, byte));
            if self.byte(pattern, byte) != Some(b'*') {
                break;
            }
            byte += 1;
        }
    }

    fn byte(&self, pattern: u32, byte: u32) -> Option<u8> {
        self.globs.get(pattern as usize)?.get(byte as usize).copied()
    }

    fn matched_by(&self, tag: &str) -> Option<Matched> {
        Tag::parse(tag).ok()?;
        let end = tag.bytes().try_fold(self.start(), |state, byte| self.read(&state, byte))?;
        self.matched(&end)
    }
}

impl Machine for Tags<'_> {
    type State = State;

    const WORD_MAX: usize = 128;

    fn start(&self) -> State {
        let mut places = Vec::new();
        (0..self.globs.len() as u32).for_each(|pattern| self.at(pattern, 0, &mut places));
        State { is_empty: true, places: places.into() }
    }

    fn next_bytes(&self, state: &State) -> Vec<u8> {
        let wanted = state.places.iter().filter_map(|(pattern, byte)| self.byte(*pattern, *byte));
        let mut bytes: Vec<u8> = wanted.filter(|byte| *byte != b'*').collect();
        bytes.sort_unstable();
        bytes.dedup();
        if let Some(free) = LETTERS.iter().find(|letter| !bytes.contains(letter)) {
            bytes.insert(0, *free);
        }
        bytes.retain(|byte| !(state.is_empty && matches!(byte, b'.' | b'-')));
        bytes
    }

    fn read(&self, state: &State, byte: u8) -> Option<State> {
        let mut places = Vec::with_capacity(state.places.len());
        for (pattern, at) in &state.places {
            match self.byte(*pattern, *at) {
                Some(b'*') => self.at(*pattern, *at, &mut places),
                Some(wanted) if wanted == byte => self.at(*pattern, at + 1, &mut places),
                _ => {}
            }
        }
        places.sort_unstable();
        places.dedup();
        let alive = |pattern: usize| places.iter().any(|(of, _)| *of as usize == pattern);
        (0..self.required).all(alive).then(|| State { is_empty: false, places: places.into() })
    }

    fn matched(&self, state: &State) -> Option<Matched> {
        if state.is_empty {
            return None;
        }
        let mut matched = Matched::none(self.globs.len());
        let ended = state.places.iter().filter(|(pattern, byte)| self.byte(*pattern, *byte).is_none());
        ended.for_each(|(pattern, _)| matched.insert(*pattern as usize));
        (0..self.required).all(|pattern| matched.contains(pattern)).then_some(matched)
    }

    fn work(&self, state: &State) -> usize {
        state.places.len() + 1
    }
}
