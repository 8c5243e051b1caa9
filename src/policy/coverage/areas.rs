//! What a grant reaches, images and tags together, compared with what others reach.

use std::ops::Range;

use super::super::{Action, ImageGlob, TagGlob, What};
use super::pattern::NamePattern;
use super::search::{Matched, Search};
use super::{names, tags};
use crate::oci::{ImageName, Tag};

/// Images, and perhaps only some of their tags.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Area<'a> {
    /// The images.
    pub images: NamePattern,
    /// The tags; `None` for all, and for what concerns no tag.
    pub tags: Option<&'a TagGlob>,
}

impl<'a> Area<'a> {
    /// The images below a prefix that a pattern means; `None` where there cannot be any.
    pub fn new(prefix: &str, images: &ImageGlob, tags: Option<&'a TagGlob>) -> Option<Self> {
        Some(Self { images: NamePattern::new(prefix, images)?, tags })
    }

    /// All images below a prefix.
    pub fn all_below(prefix: &str) -> Self {
        Self { images: NamePattern::all_below(prefix), tags: None }
    }

    /// What a grant reaches in the repository of a prefix; `None` for what concerns no image.
    pub fn of(prefix: &str, what: &'a What) -> Option<Self> {
        match what {
            What::Images { images, tags, .. } => Self::new(prefix, images, tags.as_ref()),
            What::Catalog => Some(Self::all_below(prefix)),
            What::Base => None,
        }
    }

    /// Whether it is easily seen that all of another area is in this one. `false` says nothing.
    pub fn plainly_covers(&self, other: &Self) -> bool {
        (self.tags.is_none() || self.tags == other.tags) && self.images.plainly_covers(&other.images)
    }
}

/// One thing that can be done, as far as it is granted apart from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Facet {
    /// Seeing in the catalog that an image is there.
    Catalog,
    /// Reading.
    Pull,
    /// Pushing, creating tags.
    Push,
    /// Replacing tags.
    Overwrite,
    /// Deleting.
    Delete,
}

impl Facet {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Catalog, Self::Pull, Self::Push, Self::Overwrite, Self::Delete];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Catalog => "catalog",
            Self::Pull => Action::Pull.as_str(),
            Self::Push => Action::Push.as_str(),
            Self::Overwrite => Action::Overwrite.as_str(),
            Self::Delete => Action::Delete.as_str(),
        }
    }

    /// What a grant says it allows. Who may pull sees an image in the catalog, too, and who may
    /// overwrite may push; neither is repeated here.
    pub fn of(what: &What) -> impl Iterator<Item = Self> + use<> {
        let said = match what {
            What::Base => vec![],
            What::Catalog => vec![Self::Catalog],
            What::Images { actions, .. } => {
                let of_action = |action| match action {
                    Action::Pull => Self::Pull,
                    Action::Push => Self::Push,
                    Action::Overwrite => Self::Overwrite,
                    Action::Delete => Self::Delete,
                };
                let mut said: Vec<Self> = actions.iter().map(of_action).collect();
                if said.contains(&Self::Overwrite) && !said.contains(&Self::Push) {
                    said.push(Self::Push);
                }
                said
            }
        };
        said.into_iter()
    }

    /// Whether a grant allows it, on the images and tags that it names.
    pub fn is_allowed_by(self, what: &What) -> bool {
        match (self, what) {
            (_, What::Base) => false,
            (facet, What::Catalog) => facet == Self::Catalog,
            (Self::Catalog | Self::Pull, What::Images { actions, .. }) => actions.contains(Action::Pull),
            (Self::Push, What::Images { actions, .. }) => {
                actions.contains(Action::Push) || actions.contains(Action::Overwrite)
            }
            (Self::Overwrite, What::Images { actions, .. }) => actions.contains(Action::Overwrite),
            (Self::Delete, What::Images { actions, .. }) => actions.contains(Action::Delete),
        }
    }
}

/// An image, and a tag where one is meant, that shows what an answer says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Example {
    /// The image; `None` where the answer concerns none.
    pub image: Option<ImageName>,
    /// The tag; `None` where it concerns none.
    pub tag: Option<Tag>,
}

/// Where two sides are compared, and which tags each side protects.
#[derive(Debug, Clone, Copy)]
pub(in crate::policy) struct Within<'a> {
    /// Only at and below this prefix.
    pub(in crate::policy) below: Option<&'a str>,
    /// Not at and below these, which stand in order.
    pub(in crate::policy) without: &'a [&'a str],
    /// The immutable tags where the area is granted.
    pub(in crate::policy) immutable: &'a [TagGlob],
    /// The immutable tags where the others are.
    pub(in crate::policy) others_immutable: &'a [TagGlob],
}

/// What an area allows that the others do not, all together. They all grant the facet.
pub(in crate::policy) fn beyond(
    facet: Facet,
    area: &Area<'_>,
    others: &[&Area<'_>],
    within: Within<'_>,
) -> Search<Example> {
    let protects_no_more = within.others_immutable.iter().all(|glob| within.immutable.contains(glob));
    if protects_no_more && others.iter().any(|other| other.plainly_covers(area)) {
        return Search::Nothing;
    }
    let below = within.below.map(NamePattern::all_below);
    let meeting: Vec<&Area<'_>> = others.iter().copied().filter(|other| other.images.may_meet(&area.images)).collect();
    let mut patterns: Vec<&NamePattern> = vec![&area.images];
    patterns.extend(&below);
    let required = patterns.len();
    patterns.extend(meeting.iter().map(|other| &other.images));
    let judge = |matched: &Matched| {
        let here = meeting.iter().enumerate().filter(|(at, _)| matched.contains(required + at));
        let tags: Vec<Option<&TagGlob>> = here.map(|(_, other)| other.tags).collect();
        on_tags(facet, area.tags, &tags, within)
    };
    let found = names::find(&patterns, required, within.without, judge);
    found.map(|(image, tag)| Example { image: Some(image), tag })
}

/// The same for one image: `others` are the limits of those that name it.
fn on_tags(
    facet: Facet,
    limit: Option<&TagGlob>,
    others: &[Option<&TagGlob>],
    within: Within<'_>,
) -> Search<Option<Tag>> {
    let is_whole = others.contains(&None);
    let without_tag = match facet {
        Facet::Catalog | Facet::Pull => others.is_empty(),
        // By digest, whatever tags are named.
        Facet::Push => others.is_empty(),
        Facet::Overwrite => false,
        // Manifests that no tag points to, and blobs; those only where no tag is protected.
        Facet::Delete => {
            let blobs = within.immutable.is_empty() && !within.others_immutable.is_empty();
            limit.is_none() && (!is_whole || blobs)
        }
    };
    let mut tagged = match facet {
        Facet::Catalog | Facet::Pull => Search::Nothing,
        Facet::Push if is_whole => Search::Nothing,
        Facet::Push => on_some_tag(limit, others, &[], &[]),
        Facet::Overwrite | Facet::Delete => on_some_tag(limit, others, within.immutable, within.others_immutable),
    };
    let deletes_some = || !on_some_tag(limit, &[], within.immutable, &[]).is_nothing();
    if facet == Facet::Delete && tagged.is_nothing() && !others.is_empty() && limit.is_some() && deletes_some() {
        // Also a manifest that is reached from a tag that the grant does not name.
        tagged = on_some_tag(None, &[None], within.immutable, within.others_immutable);
    }
    match tagged {
        Search::Found(tag) => Search::Found(Some(tag)),
        _ if without_tag => Search::Found(None),
        Search::Nothing => Search::Nothing,
        Search::GaveUp => Search::GaveUp,
    }
}

/// A tag that the limit lets through and `immutable` does not protect, and that no other one lets
/// through or `others_immutable` protects.
pub(super) fn on_some_tag(
    limit: Option<&TagGlob>,
    others: &[Option<&TagGlob>],
    immutable: &[TagGlob],
    others_immutable: &[TagGlob],
) -> Search<Tag> {
    let is_whole = others.contains(&None);
    if is_whole && others_immutable.iter().all(|glob| immutable.contains(glob)) {
        return Search::Nothing;
    }
    let others: Vec<&TagGlob> = if is_whole { Vec::new() } else { others.iter().copied().flatten().collect() };
    let signatures = TagGlob::signatures();
    let mut patterns: Vec<&TagGlob> = limit.into_iter().collect();
    let required = patterns.len();
    patterns.push(&signatures);
    let first_other = required + 1;
    let first_kept = first_other + others.len();
    let first_kept_there = first_kept + immutable.len();
    patterns.extend(others);
    patterns.extend(immutable);
    patterns.extend(others_immutable);
    let end = patterns.len();
    let judge = |matched: &Matched| {
        let protected = |mut range: Range<usize>| {
            range.any(|at| matched.contains(at) && (patterns[at].names_signatures() || !matched.contains(required)))
        };
        let had = is_whole || (first_other..first_kept).any(|at| matched.contains(at));
        let gained = !protected(first_kept..first_kept_there) && (!had || protected(first_kept_there..end));
        if gained { Search::Found(()) } else { Search::Nothing }
    };
    tags::find(&patterns, required, judge).map(|(tag, ())| tag)
}
