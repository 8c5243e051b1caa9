//! A hasher for tables of names.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;

/// A hash table whose keys are texts of the configuration: whoever may write a single file chooses some.
pub type QuickMap<Key, Value> = HashMap<Key, Value, QuickState>;

/// Two numbers that nobody knows outside of the process: names that share a place in its tables cannot be
/// found beforehand.
static SEED: LazyLock<Seed> = LazyLock::new(Seed::random);

/// What makes hashes differ from one process to the next.
#[derive(Debug, Clone, Copy)]
struct Seed {
    start: u64,
    factor: u64,
}

impl Seed {
    fn random() -> Self {
        // The standard library draws its keys from the system.
        let state = RandomState::new();
        Self { start: state.hash_one(0), factor: state.hash_one(1) | 1 }
    }
}

/// Begins each hash with the seed of the process.
#[derive(Debug, Clone, Copy, Default)]
pub struct QuickState;

impl BuildHasher for QuickState {
    type Hasher = QuickHasher;

    fn build_hasher(&self) -> QuickHasher {
        QuickHasher::of(*SEED)
    }
}

/// Takes eight bytes at a time and multiplies them with the seed. No secret goes into it.
#[derive(Debug, Clone, Copy)]
pub struct QuickHasher {
    state: u64,
    factor: u64,
}

impl QuickHasher {
    fn of(seed: Seed) -> Self {
        Self { state: seed.start, factor: seed.factor }
    }

    fn take(&mut self, word: u64) {
        self.state = folded(self.state ^ word, self.factor);
    }
}

/// Both halves of a product in one, so that all bits of either factor count in all bits.
pub(super) fn folded(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    let (low, high) = (product & u128::from(u64::MAX), product >> 64);
    // Either half fits.
    u64::try_from(low ^ high).unwrap_or_default()
}

impl Hasher for QuickHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.take(u64::from_le_bytes(*word)));
        // With how many bytes there are, at most seven, so that a NUL more or less is another text.
        self.take(rest.iter().fold(rest.len() as u64, |word, byte| word << 8 | u64::from(*byte)));
    }

    fn write_u8(&mut self, byte: u8) {
        self.take(u64::from(byte));
    }

    fn finish(&self) -> u64 {
        // Once more, so that the last word, too, is behind a product that is folded twice.
        let mut last = *self;
        last.take(0);
        last.state
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::Hash as _;

    use super::*;

    fn hash(name: &str, seed: Seed) -> u64 {
        let mut hasher = QuickHasher::of(seed);
        name.hash(&mut hasher);
        hasher.finish()
    }

    #[test]
    fn names_that_differ_little_have_hashes_that_differ_in_all_bits() {
        let names: Vec<String> = (0..10_000).map(|number| format!("repos/repo-{number:05}.yaml")).collect();
        for seed in [*SEED, Seed { start: 0, factor: FX }, Seed::random(), Seed::random()] {
            let hashes: Vec<u64> = names.iter().map(|name| hash(name, seed)).collect();
            assert_eq!(hashes.iter().collect::<HashSet<_>>().len(), hashes.len());
            for shift in [0, 57] {
                // The lowest and the highest seven bits, with about 78 names each.
                let mut counts = [0; 128];
                hashes.iter().for_each(|hash| counts[usize::try_from(hash >> shift & 127).unwrap()] += 1);
                assert!(counts.iter().all(|count| (20..200).contains(count)), "{seed:?} {shift}: {counts:?}");
            }
        }
    }

    #[test]
    fn texts_that_differ_in_their_length_alone_have_different_hashes() {
        let texts: Vec<String> = (0..40).map(|length| "\0".repeat(length)).collect();
        let hashes: HashSet<u64> = texts.iter().map(|text| hash(text, *SEED)).collect();
        assert_eq!(hashes.len(), texts.len());
    }

    #[test]
    fn each_process_has_hashes_of_its_own() {
        let (one, other) = (Seed::random(), Seed::random());
        assert_ne!((one.start, one.factor), (other.start, other.factor));
        let differ = (0..100).filter(|number| hash(&number.to_string(), one) != hash(&number.to_string(), other));
        assert_eq!(differ.count(), 100);
        let in_table = QuickState.hash_one("repos/a.yaml");
        assert_eq!(in_table, QuickState.hash_one("repos/a.yaml"));
        assert_eq!(in_table, hash("repos/a.yaml", *SEED));
    }

    /// Pairs of names, of two words each, that share a hash where the hash is known beforehand: see [`fx`].
    fn colliding() -> Vec<[String; 2]> {
        const LETTERS: std::ops::RangeInclusive<u8> = b'a'..=b'z';
        // What two letters differ in are the low five bits.
        const ALIKE: u64 = 0xe0e0_e0e0_e0e0_e0e0;
        let word = |mut number: u64| {
            let letter = |_| {
                number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                b'a' + u8::try_from((number >> 40) % 26).unwrap()
            };
            std::array::from_fn::<u8, 8, _>(letter)
        };
        let turned = |word: [u8; 8]| u64::from_le_bytes(word).wrapping_mul(FX).rotate_left(5);
        let mut first_words: HashMap<u64, [u8; 8]> = HashMap::new();
        let mut pairs = Vec::new();
        for number in 0..200_000 {
            let other = word(number);
            let Some(one) = first_words.insert(turned(other) & ALIKE, other).filter(|one| *one != other) else {
                continue;
            };
            // The second words undo what the first ones differ in.
            let differ = (turned(one) ^ turned(other)).to_le_bytes();
            let seconds = differ.map(|bits| LETTERS.clone().find(|letter| LETTERS.contains(&(letter ^ bits))).unwrap());
            let undone = std::array::from_fn::<u8, 8, _>(|at| seconds[at] ^ differ[at]);
            let name = |words: [[u8; 8]; 2]| String::from_utf8(words.concat()).unwrap();
            pairs.push([name([one, seconds]), name([other, undone])]);
        }
        pairs
    }

    const FX: u64 = 0x517c_c1b7_2722_0a95;

    /// The hash of FxHash, which this table had before.
    fn fx(name: &str) -> u64 {
        let (words, _) = name.as_bytes().as_chunks::<8>();
        let take = |hash: u64, word: &[u8; 8]| (hash.rotate_left(5) ^ u64::from_le_bytes(*word)).wrapping_mul(FX);
        words.iter().fold(0, take)
    }

    #[test]
    fn names_that_collide_where_the_hash_is_known_do_not_here() {
        let pairs = colliding();
        assert!(pairs.len() > 100, "{}", pairs.len());
        for [one, other] in &pairs {
            assert_ne!(one, other);
            assert_eq!(fx(one), fx(other));
            for seed in [*SEED, Seed::random()] {
                assert_ne!(hash(one, seed), hash(other, seed));
            }
        }
    }
}
