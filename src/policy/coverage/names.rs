//! The image names that patterns match together.

use super::pattern::{NamePattern, Part};
use super::search::{Machine, Matched, Search, shortest};
use crate::oci::{ImageName, NAME_MAX_CHARS};

/// Looks for a name that the judge takes: one of those that the first `required` patterns all match,
/// and that is neither one of `without` nor below one. The judge is told which patterns match. The
/// names of `without` stand in order.
pub(super) fn find<T>(
    patterns: &[&NamePattern],
    required: usize,
    without: &[&str],
    mut judge: impl FnMut(&Matched) -> Search<T>,
) -> Search<(ImageName, T)> {
    let names = Names::new(patterns, required, without);
    let found = match patterns.iter().take(required).find_map(|pattern| pattern.literal()) {
        None => shortest(&names, judge),
        Some(name) => match names.matched_by(&name) {
            Some(matched) => judge(&matched).map(|found| (name, found)),
            None => Search::Nothing,
        },
    };
    match found {
        Search::Found((name, found)) => match ImageName::parse(&name) {
            Ok(name) => Search::Found((name, found)),
            Err(_) => Search::Nothing,
        },
        Search::Nothing => Search::Nothing,
        Search::GaveUp => Search::GaveUp,
    }
}

/// Whether a pattern matches a name.
pub(super) fn matches(pattern: &NamePattern, name: &ImageName) -> bool {
    Names::new(&[pattern], 0, &[]).matched_by(name.as_str()).is_some_and(|matched| matched.contains(0))
}

/// Where in a pattern a name is.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// A component begins, and this part is next.
    Before(usize),
    /// In a component, before this byte of the part.
    In(usize, usize),
    /// In a component that `**` takes.
    Under(usize),
}

/// Patterns that read a name side by side.
struct Names<'a> {
    patterns: Vec<&'a NamePattern>,
    required: usize,
    without: &'a [&'a str],
    /// What each number in a state means: the pattern, and where in it.
    places: Vec<(usize, Place)>,
    /// For each pattern and part, the number of [`Place::Before`]; its other places follow.
    before: Vec<Vec<u32>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    form: Form,
    /// The names of `without` that begin with what was read, and how much that is; all 0 where none does.
    without: (u32, u32, u32),
    /// The places in all patterns, in order.
    places: Box<[u32]>,
}

/// What was read last, as far as the form of a component goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Form {
    Nothing,
    Word,
    Dot,
    Underscore,
    TwoUnderscores,
    Dashes,
}

impl Form {
    fn after(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (_, b'a'..=b'z' | b'0'..=b'9') => Some(Self::Word),
            (Self::Word, b'.') => Some(Self::Dot),
            (Self::Word, b'_') => Some(Self::Underscore),
            (Self::Underscore, b'_') => Some(Self::TwoUnderscores),
            (Self::Word | Self::Dashes, b'-') => Some(Self::Dashes),
            (Self::Word, b'/') => Some(Self::Nothing),
            _ => None,
        }
    }
}

/// Letters to stand for all that no pattern names, the plain ones first.
const LETTERS: &[u8; 36] = b"xyzabcdefghijklmnopqrstuvw0123456789";

impl<'a> Names<'a> {
    fn new(patterns: &[&'a NamePattern], required: usize, without: &'a [&'a str]) -> Self {
        let mut places = Vec::new();
        let mut before = Vec::with_capacity(patterns.len());
        for (number, pattern) in patterns.iter().enumerate() {
            let mut starts = Vec::with_capacity(pattern.parts.len() + 1);
            for (at, part) in pattern.parts.iter().enumerate() {
                starts.push(places.len() as u32);
                places.push((number, Place::Before(at)));
                match part {
                    Part::One(glob) => places.extend((0..=glob.len()).map(|byte| (number, Place::In(at, byte)))),
                    Part::Deep => places.push((number, Place::Under(at))),
                }
            }
            before.push(starts);
        }
        Self { patterns: patterns.to_vec(), required, without, places, before }
    }

    fn part(&self, pattern: usize, at: usize) -> Option<&'a Part> {
        self.patterns.get(pattern)?.parts.get(at)
    }

    /// The place at which a component begins with a part next, and those behind a `**`, which may take
    /// no component.
    fn begin(&self, pattern: usize, mut at: usize, places: &mut Vec<u32>) {
        while let Some(start) = self.before.get(pattern).and_then(|starts| starts.get(at)) {
            places.push(*start);
            if self.part(pattern, at) != Some(&Part::Deep) {
                break;
            }
            at += 1;
        }
    }

    /// A place in a component, and those behind stars, which may take no character.
    fn inside(&self, pattern: usize, at: usize, mut byte: usize, places: &mut Vec<u32>) {
        let (Some(Part::One(glob)), Some(start)) =
            (self.part(pattern, at), self.before.get(pattern).and_then(|starts| starts.get(at)))
        else {
            return;
        };
        loop {
            places.push(start + 1 + byte as u32);
            if glob.as_bytes().get(byte) != Some(&b'*') {
                break;
            }
            byte += 1;
        }
    }

    /// The bytes of a part that a component can go on with from a place: the next one, and for the
    /// beginning of a component those behind stars, too.
    fn wanted(&self, number: u32) -> impl Iterator<Item = u8> {
        let (pattern, place) = self.places[number as usize];
        let (glob, from, is_start) = match place {
            Place::Before(at) => (self.part(pattern, at), 0, true),
            Place::In(at, byte) => (self.part(pattern, at), byte, false),
            Place::Under(_) => (None, 0, false),
        };
        let bytes = match glob {
            Some(Part::One(glob)) => glob.as_bytes().get(from..).unwrap_or_default(),
            Some(Part::Deep) | None => &[],
        };
        let stars = if is_start { bytes.iter().take_while(|byte| **byte == b'*').count() } else { 0 };
        bytes.iter().skip(stars).take(1).copied().filter(|byte| *byte != b'*')
    }

    fn step(&self, number: u32, byte: u8, places: &mut Vec<u32>) {
        let (pattern, place) = self.places[number as usize];
        match (place, self.part(pattern, place.part())) {
            (Place::Before(at), Some(Part::One(_))) => {
                let mut first = Vec::new();
                self.inside(pattern, at, 0, &mut first);
                first.into_iter().for_each(|number| self.step(number, byte, places));
            }
            (Place::Before(_), Some(Part::Deep)) => places.push(number + 1),
            (Place::In(at, position), Some(Part::One(glob))) => match glob.as_bytes().get(position) {
                None if byte == b'/' => self.begin(pattern, at + 1, places),
                Some(b'*') if byte != b'/' => self.inside(pattern, at, position, places),
                Some(wanted) if *wanted == byte => self.inside(pattern, at, position + 1, places),
                _ => {}
            },
            (Place::Under(at), _) if byte == b'/' => self.begin(pattern, at, places),
            (Place::Under(_), _) => places.push(number),
            _ => {}
        }
    }

    /// Whether a name that ends at a place matches.
    fn ends(&self, number: u32) -> Option<usize> {
        let (pattern, place) = self.places[number as usize];
        let is_done = match (place, self.part(pattern, place.part())) {
            (Place::In(_, byte), Some(Part::One(glob))) => byte == glob.len(),
            (Place::Under(_), _) => true,
            _ => false,
        };
        let rest = self.patterns.get(pattern)?.parts.get(place.part() + 1..)?;
        (is_done && rest.iter().all(|part| *part == Part::Deep)).then_some(pattern)
    }

    /// The names of `without` that go on with a byte.
    fn narrow(&self, (from, to, length): (u32, u32, u32), byte: u8) -> (u32, u32, u32) {
        let range = self.without.get(from as usize..to as usize).unwrap_or_default();
        let at = length as usize;
        let first = range.partition_point(|name| name.as_bytes().get(at).is_none_or(|found| *found < byte));
        let last = range.partition_point(|name| name.as_bytes().get(at).is_none_or(|found| *found <= byte));
        if first == last { (0, 0, 0) } else { (from + first as u32, from + last as u32, length + 1) }
    }

    /// Whether what was read is a name of `without`.
    fn is_without(&self, (from, to, length): (u32, u32, u32)) -> bool {
        from < to && self.without.get(from as usize).is_some_and(|name| name.len() == length as usize)
    }

    /// Which patterns match a name; `None` where it is no name, does not count, or a required one does
    /// not match.
    fn matched_by(&self, name: &str) -> Option<Matched> {
        if name.len() > NAME_MAX_CHARS {
            return None;
        }
        let end = name.bytes().try_fold(self.start(), |state, byte| self.read(&state, byte))?;
        self.matched(&end)
    }
}

impl Place {
    fn part(self) -> usize {
        match self {
            Self::Before(at) | Self::In(at, _) | Self::Under(at) => at,
        }
    }
}

impl Machine for Names<'_> {
    type State = State;

    const WORD_MAX: usize = NAME_MAX_CHARS;

    fn start(&self) -> State {
        let mut places = Vec::new();
        (0..self.patterns.len()).for_each(|pattern| self.begin(pattern, 0, &mut places));
        let without = if self.without.is_empty() { 0 } else { self.without.len() as u32 };
        State { form: Form::Nothing, without: (0, without, 0), places: places.into() }
    }

    fn next_bytes(&self, state: &State) -> Vec<u8> {
        let mut bytes: Vec<u8> = state.places.iter().flat_map(|place| self.wanted(*place)).collect();
        bytes.sort_unstable();
        bytes.dedup();
        let goes_on = |byte: u8| self.narrow(state.without, byte) != (0, 0, 0);
        // One letter stands for all that no pattern names, best one with which no name of `without` goes on.
        let mut others = LETTERS.iter().copied().filter(|letter| !bytes.contains(letter));
        match others.clone().find(|letter| !goes_on(*letter)) {
            Some(free) => bytes.insert(0, free),
            None => {
                let all: Vec<u8> = others.by_ref().collect();
                bytes.extend(all);
            }
        }
        bytes.push(b'/');
        bytes.retain(|byte| state.form.after(*byte).is_some());
        bytes
    }

    fn read(&self, state: &State, byte: u8) -> Option<State> {
        let form = state.form.after(byte)?;
        if byte == b'/' && self.is_without(state.without) {
            return None;
        }
        let mut places = Vec::with_capacity(state.places.len());
        state.places.iter().for_each(|place| self.step(*place, byte, &mut places));
        places.sort_unstable();
        places.dedup();
        let alive = |pattern: usize| places.iter().any(|place| self.places[*place as usize].0 == pattern);
        let without = self.narrow(state.without, byte);
        (0..self.required).all(alive).then(|| State { form, without, places: places.into() })
    }

    fn matched(&self, state: &State) -> Option<Matched> {
        if state.form != Form::Word || self.is_without(state.without) {
            return None;
        }
        let mut matched = Matched::none(self.patterns.len());
        state.places.iter().filter_map(|place| self.ends(*place)).for_each(|pattern| matched.insert(pattern));
        (0..self.required).all(|pattern| matched.contains(pattern)).then_some(matched)
    }

    fn work(&self, state: &State) -> usize {
        state.places.len() + 1
    }
}
