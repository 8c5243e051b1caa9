//! The grants of a repository, indexed so that no decision scans all of them.

use std::hash::{BuildHasher as _, Hasher as _};

use jiff::Timestamp;

use super::quick::{QuickState, folded};
use super::{Action, Grant, ImageGlob, What, Who};
use crate::identity::User;

/// The grants of one permissions section, and an index over them.
#[derive(Debug, Clone, Default)]
pub struct GrantSet {
    /// In the order in which they are written.
    grants: Box<[Grant]>,
    index: Index,
    /// Places in `grants` of those to everybody.
    to_anyone: Box<[u32]>,
    /// Which kinds of key there are at all, for each kind of [`Who`]: what is not there need not be
    /// looked up.
    kinds: [u8; 4],
    /// A bit for each group, by its hash: most groups of a user are not named here.
    groups: u64,
}

/// [`Who`], borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum To<'a> {
    Anyone,
    SignedIn,
    Group(&'a str),
    User(&'a str),
}

impl<'a> To<'a> {
    fn of(who: &'a Who) -> Self {
        match who {
            Who::Anyone => To::Anyone,
            Who::SignedIn => To::SignedIn,
            Who::Group(name) => To::Group(name.as_str()),
            Who::User(name) => To::User(name.as_str()),
        }
    }

    fn kind(self) -> (u8, &'a str) {
        match self {
            To::Anyone => (0, ""),
            To::SignedIn => (1, ""),
            To::Group(name) => (2, name),
            To::User(name) => (3, name),
        }
    }

    fn hash(self) -> u64 {
        let (kind, name) = self.kind();
        hash(kind, name)
    }
}

/// With what a grant is found. An image is looked up in at most four places: under everything, its
/// whole name, its first component, and among the patterns that begin with a star.
#[derive(Debug, Clone, Copy)]
enum Key<'a> {
    Everything,
    Name(&'a str),
    FirstComponent(&'a str),
    AnyPattern,
    Catalog,
}

impl<'a> Key<'a> {
    /// `None` for what is never looked up here.
    fn of(what: &'a What) -> Option<Self> {
        match what {
            What::Base => None,
            What::Catalog => Some(Key::Catalog),
            What::Images { images, .. } => Some(Self::of_images(images)),
        }
    }

    fn of_images(images: &'a ImageGlob) -> Self {
        if images.is_everything() {
            return Key::Everything;
        }
        match images.literal() {
            Some(name) => Key::Name(name),
            None => images.first_component().map_or(Key::AnyPattern, Key::FirstComponent),
        }
    }

    fn kind(self) -> (u8, &'a str) {
        match self {
            Key::Everything => (0, ""),
            Key::Name(name) => (1, name),
            Key::FirstComponent(first) => (2, first),
            Key::AnyPattern => (3, ""),
            Key::Catalog => (4, ""),
        }
    }

    fn bit(self) -> u8 {
        1 << self.kind().0
    }

    fn hash(self) -> u64 {
        let (kind, name) = self.kind();
        hash(kind, name)
    }
}

impl GrantSet {
    /// Indexes grants.
    pub fn new(grants: Vec<Grant>) -> Self {
        let mut set = Self::default();
        let mut entries = Vec::with_capacity(grants.len());
        let mut to_anyone = Vec::new();
        let everything = Key::Everything.hash();
        // Several grants to the same follow one another.
        let mut last: Option<(&Who, u64)> = None;
        for (at, grant) in (0_u32..).zip(&grants) {
            let to = To::of(&grant.who);
            let to_hash = match last {
                Some((who, hash)) if *who == grant.who => hash,
                _ => to.hash(),
            };
            last = Some((&grant.who, to_hash));
            match to {
                To::Anyone => to_anyone.push(at),
                To::Group(_) => set.groups |= bit(to_hash),
                To::SignedIn | To::User(_) => {}
            }
            if let Some(key) = Key::of(&grant.what) {
                set.kinds[usize::from(to.kind().0)] |= key.bit();
                let key_hash = if matches!(key, Key::Everything) { everything } else { key.hash() };
                entries.push((joined(to_hash, key_hash), at));
            }
        }
        set.index = Index::new(&entries);
        set.to_anyone = to_anyone.into();
        set.grants = grants.into();
        set
    }

    /// The grants, in the order in which they are written.
    pub fn grants(&self) -> std::slice::Iter<'_, Grant> {
        self.grants.iter()
    }

    /// The grants that hold for a user (`None`: anonymous) on an image, which is named relative to the
    /// prefix.
    pub(super) fn on_image<'a>(
        &'a self,
        user: Option<&'a User>,
        relative: &'a str,
        now: Timestamp,
    ) -> impl Iterator<Item = &'a Grant> {
        let first = relative.split('/').next().unwrap_or_default();
        let keys = [Key::Everything, Key::Name(relative), Key::FirstComponent(first), Key::AnyPattern]
            .map(|key| (key, key.hash()));
        self.apply_to(user).flat_map(move |(to, to_hash)| {
            let looked_up = keys.into_iter().filter(move |(key, _)| self.has(to, *key));
            looked_up.flat_map(move |(_, key_hash)| self.found(to, joined(to_hash, key_hash))).filter(move |grant| {
                match &grant.what {
                    What::Images { images, .. } => images.matches(relative) && grant.holds_at(now),
                    What::Base | What::Catalog => false,
                }
            })
        })
    }

    /// A grant by which a user (`None`: anonymous) may list all images.
    pub(super) fn catalog<'a>(&'a self, user: Option<&'a User>, now: Timestamp) -> Option<&'a Grant> {
        let looked_up = self.apply_to(user).filter(|(to, _)| self.has(*to, Key::Catalog));
        let mut found = looked_up.flat_map(|(to, hash)| self.found(to, joined(hash, Key::Catalog.hash())));
        found.find(|grant| matches!(grant.what, What::Catalog) && grant.holds_at(now))
    }

    /// Whether any grant lets a user (`None`: anonymous) see any image.
    pub(super) fn shows_any(&self, user: Option<&User>, now: Timestamp) -> bool {
        self.grants.iter().filter(|grant| grant.holds_at(now)).any(|grant| {
            let shows = match &grant.what {
                What::Images { actions, tags, .. } => tags.is_none() && actions.contains(Action::Pull),
                What::Catalog => true,
                What::Base => false,
            };
            shows && self.apply_to(user).any(|(to, _)| to == To::of(&grant.who))
        })
    }

    /// Any grant to everybody.
    pub(super) fn to_anyone(&self, now: Timestamp) -> Option<&Grant> {
        self.to_anyone.iter().map(|at| &self.grants[*at as usize]).find(|grant| grant.holds_at(now))
    }

    /// To whom a grant can be made that counts for a user: the user, each group, `/*` and `*`.
    fn apply_to<'a>(&self, user: Option<&'a User>) -> impl Iterator<Item = (To<'a>, u64)> + use<'a> {
        let groups = self.groups;
        let named = user.into_iter().flat_map(move |user| {
            let own = To::User(user.name.as_str());
            let named_here = user.groups.iter().filter(move |_| groups != 0).map(|name| To::Group(name.as_str()));
            let named_here = named_here.map(|to| (to, to.hash())).filter(move |(_, hash)| groups & bit(*hash) != 0);
            [(own, own.hash())].into_iter().chain(named_here)
        });
        let signed_in = user.map(|_| (To::SignedIn, To::SignedIn.hash()));
        named.chain(signed_in).chain([(To::Anyone, To::Anyone.hash())])
    }

    fn has(&self, to: To<'_>, key: Key<'_>) -> bool {
        self.kinds[usize::from(to.kind().0)] & key.bit() != 0
    }

    /// What the index has for a hash, and is really granted to whom it is looked up for.
    fn found<'a>(&'a self, to: To<'a>, hash: u64) -> impl Iterator<Item = &'a Grant> + use<'a> {
        self.index.get(hash).map(|at| &self.grants[at as usize]).filter(move |grant| To::of(&grant.who) == to)
    }
}

/// A hash table that is built once: a single small slice, so that a lookup touches little memory, however many
/// repositories there are.
#[derive(Debug, Clone, Default)]
struct Index {
    /// A part of a hash and a place: bucket by bucket, and those of a bucket in the order in which they came. There
    /// are as many buckets as entries, so that a bucket begins near the place that has its number.
    entries: Box<[(u32, u32)]>,
}

impl Index {
    /// Takes whole hashes and places.
    fn new(entries: &[(u64, u32)]) -> Self {
        let count = entries.len();
        // First how many each bucket has, then where it ends, and with its last entry at its place, where it begins.
        let mut starts = vec![0_u32; count];
        entries.iter().for_each(|(hash, _)| starts[bucket(part(*hash), count)] += 1);
        let mut end = 0;
        for start in &mut starts {
            end += *start;
            *start = end;
        }
        let mut sorted = vec![(0, 0); count];
        for (hash, at) in entries.iter().rev() {
            let free = &mut starts[bucket(part(*hash), count)];
            *free -= 1;
            sorted[*free as usize] = (part(*hash), *at);
        }
        Self { entries: sorted.into() }
    }

    /// The places that have a hash, and perhaps others.
    fn get(&self, hash: u64) -> impl Iterator<Item = u32> + use<'_> {
        let (part, count) = (part(hash), self.entries.len());
        let bucket_of = move |entry: &(u32, u32)| bucket(entry.0, count);
        let wanted = bucket(part, count);
        let start = if count <= WALK_MAX {
            let (before, after) = self.entries.split_at(wanted);
            let back = before.iter().rev().take_while(|entry| bucket_of(entry) >= wanted).count();
            let ahead = after.iter().take_while(|entry| bucket_of(entry) < wanted).count();
            wanted - back + ahead
        } else {
            self.entries.partition_point(|entry| bucket_of(entry) < wanted)
        };
        let entries = self.entries[start..].iter().take_while(move |entry| bucket_of(entry) == wanted);
        entries.filter(move |(found, _)| *found == part).map(|(_, at)| *at)
    }
}

/// In a larger table, the place where a bucket begins is not looked for step by step: it lies further from the one
/// that has its number.
const WALK_MAX: usize = 1024;

/// The part of a hash that the table keeps.
fn part(hash: u64) -> u32 {
    // What is left of 64 bits fits.
    (hash >> 32) as u32
}

/// Higher parts lie in higher buckets; less than `buckets`, but for 0 of them.
fn bucket(part: u32, buckets: usize) -> usize {
    // It is less than `buckets`, and so fits.
    ((u64::from(part) * buckets as u64) >> 32) as usize
}

/// A bit for a group: where a set of such bits lacks it, the group is not among those that it was made of.
pub fn group_bit(group: &str) -> u64 {
    bit(To::Group(group).hash())
}

/// The same, of the hash.
fn bit(hash: u64) -> u64 {
    1 << (hash >> 58)
}

/// What is found by a hash is always compared, so that a collision costs time and nothing else.
fn hash(kind: u8, name: &str) -> u64 {
    let mut hasher = QuickState.build_hasher();
    hasher.write_u8(kind);
    hasher.write(name.as_bytes());
    hasher.finish()
}

/// One hash of two, by an odd number without a pattern: that of the golden ratio.
fn joined(a: u64, b: u64) -> u64 {
    folded(a ^ b.rotate_left(32), 0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_finds_all_that_came_with_a_hash_in_their_order() {
        for count in [0_u32, 1, 2, 3, 100, 1024, 1025, 2_000] {
            // Each hash three times; some lie close to one another, some at either end.
            let hashes = (0..count).map(|number| match number / 3 % 8 {
                0 => u64::from(number / 3) << 32,
                1 => u64::MAX - (u64::from(number / 3) << 32),
                _ => joined(u64::from(number / 3), 7),
            });
            let entries: Vec<(u64, u32)> = hashes.zip(0..).collect();
            let index = Index::new(&entries);
            for (hash, _) in &entries {
                let wanted: Vec<u32> =
                    entries.iter().filter(|(other, _)| part(*other) == part(*hash)).map(|(_, at)| *at).collect();
                assert_eq!(index.get(*hash).collect::<Vec<_>>(), wanted, "{hash:x} of {count}");
            }
            assert_eq!(index.get(joined(1 << 40, 3)).count(), 0);
        }
    }
}
