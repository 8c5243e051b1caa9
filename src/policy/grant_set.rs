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

/// A hash table that is built once: entries bucket by bucket, and where each bucket begins. Two small
/// slices, so that a lookup touches little memory, however many repositories there are.
#[derive(Debug, Clone, Default)]
struct Index {
    /// One more than there are buckets.
    starts: Box<[u32]>,
    /// Those of a bucket in the order in which they came.
    entries: Box<[(u64, u32)]>,
}

impl Index {
    fn new(entries: &[(u64, u32)]) -> Self {
        let buckets = entries.len();
        if buckets == 0 {
            return Self::default();
        }
        // First how many each bucket has, then where it ends, and with its last entry at its place, where it begins.
        let mut starts = vec![0_u32; buckets + 1];
        entries.iter().for_each(|(hash, _)| starts[bucket(*hash, buckets)] += 1);
        let mut end = 0;
        for start in &mut starts {
            end += *start;
            *start = end;
        }
        let mut sorted = vec![(0, 0); buckets];
        for entry in entries.iter().rev() {
            let free = &mut starts[bucket(entry.0, buckets)];
            *free -= 1;
            sorted[*free as usize] = *entry;
        }
        Self { starts: starts.into(), entries: sorted.into() }
    }

    fn get(&self, hash: u64) -> impl Iterator<Item = u32> + use<'_> {
        let entries = match self.entries.len() {
            0 => &[],
            buckets => {
                let bucket = bucket(hash, buckets);
                &self.entries[self.starts[bucket] as usize..self.starts[bucket + 1] as usize]
            }
        };
        entries.iter().filter(move |(found, _)| *found == hash).map(|(_, at)| *at)
    }
}

/// Higher hashes lie in higher buckets.
fn bucket(hash: u64, buckets: usize) -> usize {
    ((u128::from(hash) * buckets as u128) >> 64) as usize
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

/// One hash of two.
fn joined(a: u64, b: u64) -> u64 {
    folded(a ^ b.rotate_left(32), 0x9e37_79b9_7f4a_7c15)
}
