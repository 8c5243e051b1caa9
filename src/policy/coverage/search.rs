//! The shortest word that a judge takes, of all that a machine can read.

use std::collections::HashSet;
use std::hash::Hash;

/// So much work one search may do, in positions of patterns that are looked at. Only patterns made
/// to be difficult come near; then the answer is [`Search::GaveUp`].
const WORK_MAX: usize = 250_000;

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Search<T> {
    /// This, and it is one of the shortest.
    Found(T),
    /// There is nothing: no name or tag, however long, will ever do.
    Nothing,
    /// Not found before the patterns became too difficult. Whoever asks takes the answer that does
    /// no harm: for what may be allowed, that it is.
    GaveUp,
}

impl<T> Search<T> {
    /// Whether it is certain that there is nothing.
    pub fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    /// The same result of something else.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Search<U> {
        match self {
            Self::Found(found) => Search::Found(f(found)),
            Self::Nothing => Search::Nothing,
            Self::GaveUp => Search::GaveUp,
        }
    }
}

/// Which of the patterns match a word, by their places.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Matched(Box<[u64]>);

impl Matched {
    pub(super) fn none(patterns: usize) -> Self {
        Self(vec![0; patterns.div_ceil(64)].into())
    }

    pub(super) fn insert(&mut self, pattern: usize) {
        if let Some(bits) = self.0.get_mut(pattern / 64) {
            *bits |= 1 << (pattern % 64);
        }
    }

    /// Whether the pattern at a place matches.
    pub fn contains(&self, pattern: usize) -> bool {
        self.0.get(pattern / 64).is_some_and(|bits| bits & 1 << (pattern % 64) != 0)
    }
}

/// Reads words byte by byte.
pub(super) trait Machine {
    /// How far a word was read, and all that counts for what may follow.
    type State: Clone + Eq + Hash;

    /// The longest word, in bytes.
    const WORD_MAX: usize;

    /// Before the first byte.
    fn start(&self) -> Self::State;

    /// The bytes that are worth reading next: every other one leads to nothing that these do not
    /// lead to as well.
    fn next_bytes(&self, state: &Self::State) -> Vec<u8>;

    /// Reads a byte; `None` where no word that goes on so can matter.
    fn read(&self, state: &Self::State, byte: u8) -> Option<Self::State>;

    /// Which patterns match what was read; `None` where that is no whole word, or does not count.
    fn matched(&self, state: &Self::State) -> Option<Matched>;

    /// How much work it is to go on from a state.
    fn work(&self, state: &Self::State) -> usize;
}

/// A state that was reached, and how.
struct Step {
    before: usize,
    byte: u8,
    length: usize,
}

/// Looks for the shortest word that the judge takes. The judge is asked once for each set of
/// patterns that match a word together.
pub(super) fn shortest<M: Machine, T>(
    machine: &M,
    mut judge: impl FnMut(&Matched) -> Search<T>,
) -> Search<(String, T)> {
    let start = machine.start();
    let mut steps = vec![Step { before: usize::MAX, byte: 0, length: 0 }];
    let mut states = vec![start.clone()];
    let mut known: HashSet<M::State> = [start].into();
    let mut judged: HashSet<Matched> = HashSet::new();
    let mut is_certain = true;
    let mut work = 0;
    let mut at = 0;
    while let Some(state) = states.get(at).cloned() {
        if let Some(matched) = machine.matched(&state)
            && !judged.contains(&matched)
        {
            match judge(&matched) {
                Search::Found(found) => return Search::Found((word(&steps, at), found)),
                Search::Nothing => {}
                Search::GaveUp => is_certain = false,
            }
            judged.insert(matched);
        }
        let length = steps[at].length + 1;
        for byte in if length <= M::WORD_MAX { machine.next_bytes(&state) } else { Vec::new() } {
            work += machine.work(&state);
            if work > WORK_MAX {
                return Search::GaveUp;
            }
            if let Some(next) = machine.read(&state, byte)
                && known.insert(next.clone())
            {
                states.push(next);
                steps.push(Step { before: at, byte, length });
            }
        }
        at += 1;
    }
    if is_certain { Search::Nothing } else { Search::GaveUp }
}

/// The bytes by which a state was reached.
fn word(steps: &[Step], mut at: usize) -> String {
    let mut bytes = Vec::new();
    while let Some(step) = steps.get(at).filter(|step| step.length > 0) {
        bytes.push(char::from(step.byte));
        at = step.before;
    }
    bytes.iter().rev().collect()
}
