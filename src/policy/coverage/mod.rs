//! Which images and tags patterns cover: whether one lies within others, whether two meet, whether
//! anything matches at all.
//!
//! The answers are exact. They count only names and tags that the specification allows, down to
//! their greatest lengths, and only images that the repository serves: those of nested repositories
//! are not among them. Patterns are read side by side, and the shortest name is looked for that some
//! of them match and others do not; it is the example that comes with the answer.
//!
//! Such a search can take exponential time for patterns that are made for it. It ends after a bounded
//! amount of work with [`Search::GaveUp`]. Then nothing is known, and whoever asks has to take what
//! does no harm: a difference is reported, a grant is not called redundant.

mod areas;
mod names;
mod pattern;
mod search;
mod tags;

use super::{ImageGlob, Snapshot, TagGlob, What};
use crate::oci::{ImageName, Tag};
use areas::on_some_tag;
pub use areas::{Area, Example, Facet};
pub(super) use areas::{Within, beyond as area_beyond};
pub use pattern::NamePattern;
pub use search::{Matched, Search};

/// The prefixes of all repositories, to tell which names each serves.
#[derive(Debug, Clone, Default)]
pub struct Prefixes<'a> {
    sorted: Vec<&'a str>,
}

/// The images of one repository: the names at and below its prefix, without those of nested
/// repositories.
#[derive(Debug, Clone, Copy)]
pub struct Territory<'a> {
    /// The repository's prefix.
    pub prefix: &'a str,
    /// The prefixes of the repositories nested in it, in order.
    pub nested: &'a [&'a str],
}

impl<'a> Prefixes<'a> {
    /// Those of a snapshot.
    pub fn of(snapshot: &'a Snapshot) -> Self {
        Self::new(snapshot.repositories().iter().map(|repository| &*repository.prefix))
    }

    /// These.
    pub fn new(prefixes: impl IntoIterator<Item = &'a str>) -> Self {
        let mut sorted: Vec<&str> = prefixes.into_iter().collect();
        sorted.sort_unstable();
        sorted.dedup();
        Self { sorted }
    }

    /// The images of the repository of a prefix.
    pub fn territory<'t>(&'t self, prefix: &'t str) -> Territory<'t>
    where
        'a: 't,
    {
        Territory { prefix, nested: self.below(prefix) }
    }

    /// The prefixes inside of a prefix, without itself and without those inside of these, in order.
    pub fn directly_below(&self, prefix: &str) -> Vec<&'a str> {
        let all = self.below(prefix);
        let is_prefix = |name: &str| all.binary_search(&name).is_ok();
        let is_outer = |inner: &&&str| {
            let above = inner.match_indices('/').filter_map(|(slash, _)| inner.get(..slash));
            !above.into_iter().any(is_prefix)
        };
        all.iter().filter(is_outer).copied().collect()
    }

    /// The prefixes inside of a prefix, without itself, in order.
    pub fn below(&self, prefix: &str) -> &[&'a str] {
        let is_inside = |found: &&str| match found.strip_prefix(prefix) {
            Some(rest) if prefix.is_empty() => !rest.is_empty(),
            Some(rest) => rest.starts_with('/'),
            None => false,
        };
        // In order, those that begin with `prefix/` stand together.
        let from = match prefix {
            "" => self.sorted.partition_point(|found| found.is_empty()),
            _ => self.sorted.partition_point(|found| found.bytes().lt(prefix.bytes().chain([b'/']))),
        };
        let rest = self.sorted.get(from..).unwrap_or_default();
        rest.get(..rest.partition_point(is_inside)).unwrap_or_default()
    }
}

/// An image of a territory that all patterns of `all` match and none of `none` does.
///
/// Whether a pattern matches anything: `image(territory, &[it], &[])`. Whether two meet:
/// `image(territory, &[one, two], &[])`. Whether one lies within others: `image(territory, &[it],
/// &others)` is [`Search::Nothing`].
pub fn image(territory: Territory<'_>, all: &[&ImageGlob], none: &[&ImageGlob]) -> Search<ImageName> {
    let below = NamePattern::all_below(territory.prefix);
    let mut patterns = vec![below];
    for images in all {
        let Some(pattern) = NamePattern::new(territory.prefix, images) else { return Search::Nothing };
        patterns.push(pattern);
    }
    let required = patterns.len();
    patterns.extend(none.iter().filter_map(|images| NamePattern::new(territory.prefix, images)));
    let patterns: Vec<&NamePattern> = patterns.iter().collect();
    let judge = |matched: &Matched| match (required..patterns.len()).any(|pattern| matched.contains(pattern)) {
        true => Search::Nothing,
        false => Search::Found(()),
    };
    names::find(&patterns, required, territory.nested, judge).map(|(name, ())| name)
}

/// Whether some name matches both patterns, or may: where they are too difficult to compare.
pub fn meet(one: &NamePattern, other: &NamePattern) -> bool {
    one.may_meet(other) && !names::find(&[one, other], 2, &[], |_| Search::Found(())).is_nothing()
}

/// A tag that all patterns of `all` match and none of `none` does.
pub fn tag(all: &[&TagGlob], none: &[&TagGlob]) -> Search<Tag> {
    let patterns: Vec<&TagGlob> = all.iter().chain(none).copied().collect();
    let judge = |matched: &Matched| match (all.len()..patterns.len()).any(|pattern| matched.contains(pattern)) {
        true => Search::Nothing,
        false => Search::Found(()),
    };
    tags::find(&patterns, all.len(), judge).map(|(tag, ())| tag)
}

/// A tag that a pattern matches (`None`: any tag) and that is not one of a repository's immutable ones.
pub fn unprotected_tag(limit: Option<&TagGlob>, immutable: &[TagGlob]) -> Search<Tag> {
    on_some_tag(limit, &[], immutable, &[])
}

/// What a grant allows beyond others of the same repository: [`Search::Nothing`] where they allow all
/// of it together.
///
/// Ends are not looked at. A grant adds nothing where those that hold at least as long allow all of it.
pub fn beyond(territory: Territory<'_>, what: &What, others: &[&What]) -> Search<Example> {
    let area = match what {
        What::Images { images, tags, .. } => Area::new(territory.prefix, images, tags.as_ref()),
        What::Catalog => Some(Area::all_below(territory.prefix)),
        What::Base if others.is_empty() => return Search::Found(Example::default()),
        What::Base => return Search::Nothing,
    };
    let Some(area) = area else { return Search::Nothing };
    let within = Within { below: None, without: territory.nested, immutable: &[], others_immutable: &[] };
    let mut is_certain = true;
    for facet in Facet::of(what) {
        let covering = others.iter().filter(|other| facet.is_allowed_by(other));
        let covering: Vec<Area<'_>> = covering.filter_map(|other| Area::of(territory.prefix, other)).collect();
        let covering: Vec<&Area<'_>> = covering.iter().collect();
        match area_beyond(facet, &area, &covering, within) {
            Search::Nothing => {}
            Search::GaveUp => is_certain = false,
            found @ Search::Found(_) => return found,
        }
    }
    if is_certain { Search::Nothing } else { Search::GaveUp }
}

#[cfg(test)]
mod tests;
