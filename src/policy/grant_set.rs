//! The grants of a repository, indexed so that no decision scans all of them.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{Grant, What, Who};
use crate::identity::{User, UserName};

/// The grants of one permissions section, and an index over them.
#[derive(Debug, Clone, Default)]
pub struct GrantSet {
    /// In the order in which they are written.
    grants: Box<[Grant]>,
    /// Places in `grants`, sorted by whom and then by what they are found with.
    order: Box<[u32]>,
    anyone: Span,
    signed_in: Span,
    groups: HashMap<UserName, Span>,
    users: HashMap<UserName, Span>,
}

/// A stretch of `order`: the grants to one [`Who`].
#[derive(Debug, Clone, Copy, Default)]
struct Span {
    start: u32,
    end: u32,
}

/// With what a grant is found. An image is looked up in at most four places: under everything, its
/// whole name, its first component, and among the patterns that begin with a star.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key<'a> {
    Everything,
    Name(&'a str),
    FirstComponent(&'a str),
    AnyPattern,
    Base,
    Catalog,
}

impl<'a> Key<'a> {
    fn of(what: &'a What) -> Self {
        match what {
            What::Base => Key::Base,
            What::Catalog => Key::Catalog,
            What::Images { images, .. } if images.is_everything() => Key::Everything,
            What::Images { images, .. } => match (images.literal(), images.first_component()) {
                (Some(name), _) => Key::Name(name),
                (None, Some(first)) => Key::FirstComponent(first),
                (None, None) => Key::AnyPattern,
            },
        }
    }
}

impl GrantSet {
    /// Indexes grants.
    pub fn new(grants: Vec<Grant>) -> Self {
        let mut order: Vec<u32> = (0..).take(grants.len()).collect();
        // Stable, so that of two grants alike the one that is written first is told as the rule.
        order.sort_by(|a, b| {
            let (a, b) = (&grants[*a as usize], &grants[*b as usize]);
            a.who.cmp(&b.who).then_with(|| Key::of(&a.what).cmp(&Key::of(&b.what)))
        });
        let mut set = Self::default();
        let mut start = 0;
        for same in order.chunk_by(|a, b| grants[*a as usize].who == grants[*b as usize].who) {
            let end = start + u32::try_from(same.len()).unwrap_or(u32::MAX);
            let span = Span { start, end };
            match &grants[same[0] as usize].who {
                Who::Anyone => set.anyone = span,
                Who::SignedIn => set.signed_in = span,
                Who::Group(name) => drop(set.groups.insert(name.clone(), span)),
                Who::User(name) => drop(set.users.insert(name.clone(), span)),
            }
            start = end;
        }
        set.grants = grants.into();
        set.order = order.into();
        set
    }

    /// The grants, in the order in which they are written.
    pub fn grants(&self) -> std::slice::Iter<'_, Grant> {
        self.grants.iter()
    }

    /// The grants that hold for a subject on an image, which is named relative to the prefix.
    pub(super) fn on_image<'a>(
        &'a self,
        user: Option<&'a User>,
        relative: &'a str,
        now: Timestamp,
    ) -> impl Iterator<Item = &'a Grant> {
        let first = relative.split('/').next().unwrap_or_default();
        let keys = [Key::Everything, Key::Name(relative), Key::FirstComponent(first), Key::AnyPattern];
        self.spans_of(user)
            .flat_map(move |span| keys.into_iter().flat_map(move |key| self.found_with(span, key)))
            .filter(move |grant| match &grant.what {
                What::Images { images, .. } => grant.holds_at(now) && images.matches(relative),
                What::Base | What::Catalog => false,
            })
    }

    /// A grant by which a subject may list all images.
    pub(super) fn catalog(&self, user: Option<&User>, now: Timestamp) -> Option<&Grant> {
        let mut grants = self.spans_of(user).flat_map(|span| self.found_with(span, Key::Catalog));
        grants.find(|grant| grant.holds_at(now))
    }

    /// Any grant to everybody.
    pub(super) fn to_anyone(&self, now: Timestamp) -> Option<&Grant> {
        self.slice(self.anyone).iter().map(|at| &self.grants[*at as usize]).find(|grant| grant.holds_at(now))
    }

    /// What counts for a subject: the user's own, those of the groups, `/*` and `*`.
    fn spans_of<'a>(&'a self, user: Option<&'a User>) -> impl Iterator<Item = Span> + use<'a> {
        let named = user.into_iter().flat_map(move |user| {
            let own = self.users.get(&user.name);
            own.into_iter().chain(user.groups.iter().filter_map(move |group| self.groups.get(group)))
        });
        let signed_in = user.is_some().then_some(self.signed_in);
        named.copied().chain(signed_in).chain([self.anyone])
    }

    fn found_with<'a>(&'a self, span: Span, key: Key<'a>) -> impl Iterator<Item = &'a Grant> + use<'a> {
        let entries = self.slice(span);
        let key_at = move |at: u32| Key::of(&self.grants[at as usize].what);
        let start = entries.partition_point(|at| key_at(*at) < key);
        entries[start..].iter().take_while(move |at| key_at(**at) == key).map(move |at| &self.grants[*at as usize])
    }

    fn slice(&self, span: Span) -> &[u32] {
        &self.order[span.start as usize..span.end as usize]
    }
}
