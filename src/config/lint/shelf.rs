//! The entries of a section, ordered so that those which may cover a pattern are found without looking at all.

use std::cell::{Cell, OnceCell};

use super::view::{Entry, Section, View};
use crate::identity::User;
use crate::policy::coverage::{Prefixes, Territory};
use crate::policy::{Action, ActionSet, Grant, ImageGlob, QuickMap, TagGlob, What, Who, coverage, group_bit};

/// So many patterns are compared exactly in one repository, which may take a millisecond each. Only files made
/// to be difficult need more; then something may be left unsaid.
const EXACT_MAX: usize = 200;

/// So many entries are looked at in one repository.
const LOOKS_MAX: usize = 500_000;

/// So few entries are looked at one by one.
const FEW: usize = 8;

/// The entries of a repository by what they allow.
pub(super) struct Shelf<'v, 'c> {
    pub(super) view: &'v View<'c>,
    pub(super) territory: Territory<'v>,
    /// Made only where many entries are to be looked at.
    keys: OnceCell<Keys>,
    anyone: Option<usize>,
    signed_in: Option<usize>,
    groups: QuickMap<&'c str, usize>,
    /// A bit for each of these groups.
    group_bits: u64,
    /// Found only where it is asked for.
    users: OnceCell<QuickMap<&'c str, usize>>,
    /// For each section those that count for whoever it is for, itself first: one after another, and where
    /// those of each end.
    givers: (Vec<usize>, Vec<usize>),
    /// What is left of the bounds.
    exact: Cell<usize>,
    looks: Cell<usize>,
}

/// Where the entries are that have a key.
struct Keys {
    /// Section and pattern, hashed, with the place of the entry.
    places: Vec<(u64, u32)>,
    /// Which kinds of key each section has.
    kinds: Vec<u8>,
}

impl Keys {
    fn of(view: &View<'_>) -> Self {
        let mut kinds = vec![0; view.sections.len()];
        let mut places = Vec::with_capacity(view.entries.len());
        for (at, entry) in (0_u32..).zip(&view.entries) {
            let key = Key::of(entry);
            places.push((key.hash(entry.section), at));
            kinds[entry.section] |= 1 << key.kind().0;
        }
        places.sort_unstable();
        Self { places, kinds }
    }
}

/// What is to be allowed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sought<'a> {
    Images { images: &'a ImageGlob, tags: Option<&'a TagGlob>, actions: ActionSet },
    Catalog,
    Base,
}

impl<'a> Sought<'a> {
    /// To pull images.
    pub(super) fn pull(images: &'a ImageGlob) -> Self {
        Self::Images { images, tags: None, actions: ActionSet::of(&[Action::Pull]) }
    }
}

impl<'a> From<&'a What> for Sought<'a> {
    fn from(what: &'a What) -> Self {
        match what {
            What::Images { images, tags, actions } => Self::Images { images, tags: tags.as_ref(), actions: *actions },
            What::Catalog => Self::Catalog,
            What::Base => Self::Base,
        }
    }
}

/// By what an entry is found.
#[derive(Clone, Copy)]
enum Key<'a> {
    /// All images.
    Everything,
    /// One image.
    Name(&'a str),
    /// Images that begin with a word.
    First(&'a str),
    /// A pattern that begins with a star.
    Star,
    /// To list all images.
    Catalog,
    /// To sign in.
    Base,
}

impl<'a> Key<'a> {
    fn of(entry: &'a Entry<'_>) -> Self {
        match entry.images() {
            Some((images, ..)) => Self::of_images(images),
            None if entry.grants.iter().any(|grant| matches!(grant.what, What::Catalog)) => Self::Catalog,
            None => Self::Base,
        }
    }

    fn of_images(images: &'a ImageGlob) -> Self {
        let text = images.as_str();
        let first = text.split('/').next().unwrap_or_default();
        match (text.contains('*'), first.contains('*')) {
            _ if images.is_everything() => Self::Everything,
            (false, _) => Self::Name(text),
            (true, false) => Self::First(first),
            (true, true) => Self::Star,
        }
    }

    fn kind(self) -> (u8, &'a str) {
        match self {
            Self::Everything => (0, ""),
            Self::Name(name) => (1, name),
            Self::First(first) => (2, first),
            Self::Star => (3, ""),
            Self::Catalog => (4, ""),
            Self::Base => (5, ""),
        }
    }

    /// FNV-1a. What is found by it is compared afterwards.
    fn hash(self, section: usize) -> u64 {
        let (kind, text) = self.kind();
        let basis = 0xcbf2_9ce4_8422_2325 ^ (section as u64) << 8 ^ u64::from(kind);
        text.bytes().chain([kind]).fold(basis, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }
}

impl<'v, 'c> Shelf<'v, 'c> {
    pub(super) fn new(view: &'v View<'c>, prefixes: &'v Prefixes<'c>) -> Self {
        let (mut anyone, mut signed_in, mut groups, mut group_bits) = (None, None, QuickMap::default(), 0);
        for (at, section) in view.sections.iter().enumerate() {
            match section.who {
                Who::Anyone => anyone = Some(at),
                Who::SignedIn => signed_in = Some(at),
                Who::Group(group) => {
                    groups.insert(group.as_str(), at);
                    group_bits |= group_bit(group.as_str());
                }
                Who::User(_) => {}
            }
        }
        let territory = prefixes.territory(&view.repository.prefix);
        let (exact, looks) = (EXACT_MAX.into(), LOOKS_MAX.into());
        let (users, givers) = (OnceCell::new(), (Vec::new(), Vec::with_capacity(view.sections.len())));
        let keys = OnceCell::new();
        let mut shelf =
            Self { view, territory, keys, anyone, signed_in, groups, group_bits, users, givers, exact, looks };
        let mut all = Vec::with_capacity(2 * view.sections.len());
        for (at, section) in view.sections.iter().enumerate() {
            all.push(at);
            shelf.add_givers(section, &mut all);
            shelf.givers.1.push(all.len());
        }
        shelf.givers.0 = all;
        shelf
    }

    fn add_givers(&self, section: &Section<'c>, givers: &mut Vec<usize>) {
        match section.who {
            Who::Anyone => return,
            Who::SignedIn => {}
            Who::Group(_) => givers.extend(self.signed_in),
            Who::User(_) => {
                let user = section.user.filter(|_| section.groups & self.group_bits != 0);
                givers.extend(user.into_iter().flat_map(|user| self.groups_of(user)));
                givers.extend(self.signed_in);
            }
        }
        givers.extend(self.anyone);
    }

    /// The sections that count for whoever the section at a place is for, that one first.
    pub(super) fn givers(&self, at: usize) -> &[usize] {
        let (all, ends) = &self.givers;
        let from = at.checked_sub(1).map_or(0, |before| ends[before]);
        &all[from..ends[at]]
    }

    /// The sections that count for a user.
    pub(super) fn givers_of(&self, user: &User) -> Vec<usize> {
        let by_name = |(at, section): (usize, &Section<'c>)| match section.who {
            Who::User(user) => Some((user.as_str(), at)),
            Who::Anyone | Who::SignedIn | Who::Group(_) => None,
        };
        let users = self.users.get_or_init(|| self.view.sections.iter().enumerate().filter_map(by_name).collect());
        let own = users.get(user.name.as_str()).copied();
        own.into_iter().chain(self.groups_of(user)).chain(self.signed_in).chain(self.anyone).collect()
    }

    fn groups_of(&self, user: &User) -> impl Iterator<Item = usize> {
        let looked_up = user.groups.iter().filter(|_| !self.groups.is_empty());
        looked_up.filter_map(|group| self.groups.get(group.as_str()).copied())
    }

    /// The entries of some sections that may allow all that a grant allows.
    pub(super) fn candidates<'s>(
        &'s self,
        givers: &'s [usize],
        sought: Sought<'s>,
    ) -> impl Iterator<Item = usize> + 's {
        let entries_of = |giver: &usize| self.view.sections[*giver].entries.clone();
        let are_few = givers.iter().map(|giver| entries_of(giver).len()).sum::<usize>() <= FEW;
        let all = are_few.then(|| givers.iter().flat_map(entries_of));
        let found = (!are_few).then(|| self.by_key(givers, sought));
        all.into_iter().flatten().chain(found.into_iter().flatten())
    }

    fn by_key<'s>(&'s self, givers: &'s [usize], sought: Sought<'s>) -> impl Iterator<Item = usize> + 's {
        let Keys { places, kinds } = self.keys.get_or_init(|| Keys::of(self.view));
        let keys = match sought {
            Sought::Images { images, .. } => {
                let first = images.as_str().split('/').next().unwrap_or_default();
                match Key::of_images(images) {
                    Key::Name(name) => {
                        [Some(Key::Everything), Some(Key::Name(name)), Some(Key::First(first)), Some(Key::Star)]
                    }
                    Key::First(first) => [Some(Key::Everything), Some(Key::First(first)), Some(Key::Star), None],
                    _ => [Some(Key::Everything), Some(Key::Star), None, None],
                }
            }
            Sought::Catalog => [Some(Key::Everything), Some(Key::Catalog), None, None],
            Sought::Base => [Some(Key::Everything), Some(Key::Base), None, None],
        };
        let keys = keys.into_iter().flatten();
        let pairs = givers.iter().flat_map(move |giver| keys.clone().map(move |key| (*giver, key)));
        pairs.filter(|(giver, key)| kinds[*giver] & (1 << key.kind().0) != 0).flat_map(move |(giver, key)| {
            let hash = key.hash(giver);
            let from = places.partition_point(|(found, _)| *found < hash);
            let found = places[from..].iter().take_while(move |(found, _)| *found == hash);
            found.map(|(_, at)| *at as usize).filter(move |at| self.view.entries[*at].section == giver)
        })
    }

    /// Whether an entry allows all that a grant allows, at least as long.
    pub(super) fn covers(&self, entry: &Entry<'_>, grant: &Grant) -> bool {
        let lasts = |other: &Grant| match (other.until, grant.until) {
            (None, _) => true,
            (Some(other), Some(until)) => until <= other,
            (Some(_), None) => false,
        };
        entry.grants.first().is_some_and(lasts) && self.allows(entry, Sought::from(&grant.what))
    }

    /// Whether an entry allows something, for however long.
    pub(super) fn allows(&self, entry: &Entry<'_>, sought: Sought<'_>) -> bool {
        if !use_up(&self.looks) {
            return false;
        }
        match sought {
            // Whoever is granted anything may sign in.
            Sought::Base => true,
            Sought::Catalog => entry.grants.iter().any(|other| match &other.what {
                What::Catalog => true,
                What::Images { images, actions, .. } => images.is_everything() && actions.contains(Action::Pull),
                What::Base => false,
            }),
            Sought::Images { images, tags, actions } => entry.images().is_some_and(|(of_images, of_tags, allowed)| {
                let enough = |action| match action {
                    Action::Push => allowed.contains(Action::Push) || allowed.contains(Action::Overwrite),
                    _ => allowed.contains(action),
                };
                let tags_lie_within = match (tags, of_tags) {
                    (_, None) => true,
                    (None, Some(_)) => false,
                    (Some(inner), Some(outer)) => {
                        inner == outer || use_up(&self.exact) && coverage::tag(&[inner], &[outer]).is_nothing()
                    }
                };
                actions.iter().all(enough) && tags_lie_within && self.lies_within(images, of_images)
            }),
        }
    }

    /// Whether all images of a pattern match another one.
    fn lies_within(&self, inner: &ImageGlob, outer: &ImageGlob) -> bool {
        if outer.is_everything() || inner == outer {
            return true;
        }
        match inner.as_str() {
            "." => outer.matches(""),
            name if !name.contains('*') => outer.matches(name),
            // What every name of the outer pattern begins and ends with, those of the inner one must, too.
            pattern => {
                let (begin, end) = ends(outer.as_str());
                pattern.starts_with(begin)
                    && pattern.ends_with(end)
                    && use_up(&self.exact)
                    && coverage::image(self.territory, &[inner], &[outer]).is_nothing()
            }
        }
    }

    /// What the entries of some sections allow, as far as an action is among it.
    pub(super) fn allowed<'s>(&'s self, givers: &'s [usize], action: Action) -> impl Iterator<Item = &'s What> + 's {
        let sections = givers.iter().map(|giver| &self.view.sections[*giver]);
        let grants = sections.flat_map(|section| self.view.entries_of(section)).flat_map(|entry| entry.grants);
        grants
            .map(|grant| &grant.what)
            .filter(move |what| matches!(what, What::Images { actions, .. } if actions.contains(action)))
    }

    /// `false` where it is easily seen that no image matches both patterns; `None` where that is not easily seen.
    pub(super) fn meet(one: &ImageGlob, other: &ImageGlob) -> Option<bool> {
        let single = |images: &ImageGlob| match images.as_str() {
            "." => Some(String::new()),
            name => (!name.contains('*')).then(|| name.to_owned()),
        };
        match (single(one), single(other)) {
            (Some(name), _) => Some(other.matches(&name)),
            (_, Some(name)) => Some(one.matches(&name)),
            _ if one.is_everything() || other.is_everything() => Some(true),
            _ => None,
        }
    }

    /// Whether so many entries were looked at that not finding one means nothing.
    pub(super) fn gave_up(&self) -> bool {
        self.looks.get() == 0
    }

    /// Whether there is room for another exact comparison.
    pub(super) fn may_compare(&self) -> bool {
        use_up(&self.exact)
    }
}

/// What all names begin with that a pattern matches, and what they end with.
fn ends(pattern: &str) -> (&str, &str) {
    let (Some(first), Some(last)) = (pattern.find('*'), pattern.rfind('*')) else {
        return (pattern, pattern);
    };
    // `**` may stand for nothing, and then takes a slash with it.
    (pattern[..first].trim_end_matches('/'), pattern[last + 1..].trim_start_matches('/'))
}

fn use_up(left: &Cell<usize>) -> bool {
    left.set(left.get().saturating_sub(1));
    left.get() > 0
}

impl<'c> Entry<'c> {
    /// The images, tags and actions that are allowed; none where it only lets sign in or list.
    pub(super) fn images(&self) -> Option<(&'c ImageGlob, Option<&'c TagGlob>, ActionSet)> {
        self.grants.iter().find_map(|grant| match &grant.what {
            What::Images { images, tags, actions } => Some((images, tags.as_ref(), *actions)),
            What::Base | What::Catalog => None,
        })
    }
}
