//! What grants allow on one side and not on the other.

use super::super::coverage::{Area, Example, Facet, Search, Within, area_beyond, tag};
use super::super::rights::earlier;
use super::super::{Access, Grant, Repository, Rule, TagGlob, Through, What, Who};
use super::compare::{Base, Comparison, Likeness};
use super::pieces::{Piece, Whole};
use super::{Because, Change, Doing, Whose};
use crate::identity::End;

/// Something that is allowed on this side.
pub(super) struct Atom<'a> {
    area: Area<'a>,
    facets: Vec<Facet>,
    until: Option<End>,
    through: Through,
    rule: &'a Rule,
}

/// Something that is allowed on the other side.
pub(super) struct Cover<'a> {
    area: Area<'a>,
    what: &'a What,
    until: Option<End>,
}

impl<'a> Comparison<'a> {
    pub(super) fn all(&self, repository: &'a Repository, through: Through, rule: &'a Rule) -> Atom<'a> {
        let facets = vec![Facet::Pull, Facet::Push, Facet::Overwrite, Facet::Delete];
        Atom { area: Area::all_below(&repository.prefix), facets, until: None, through, rule }
    }

    /// What subjects that are alike gain in a repository.
    pub(super) fn of_likeness(&self, whole: &Whole<'a>, like: &Likeness) -> Vec<Change> {
        let atoms = self.atoms(whole, like);
        let immutable = whole.repository.immutable_tags.as_slice();
        let mut changes = Vec::new();
        for piece in &whole.pieces {
            let (mut covers, immutable_there) = self.covers(piece, like);
            // What may be pulled is seen in the catalog, and is told once.
            let pulls = atoms.iter().filter(|atom| atom.facets.contains(&Facet::Pull));
            covers.extend(pulls.map(|atom| Cover { area: atom.area.clone(), what: &What::Catalog, until: atom.until }));
            for (at, atom) in atoms.iter().enumerate() {
                let is_told = |(other_at, other): (usize, &Atom<'_>)| {
                    let no_sooner = holds_as_long(other.until, atom.until);
                    let more = no_sooner
                        && other.area.plainly_covers(&atom.area)
                        && atom.facets.iter().all(|facet| other.facets.contains(facet));
                    let less = atom.area.plainly_covers(&other.area)
                        && holds_as_long(atom.until, other.until)
                        && other.facets.iter().all(|facet| atom.facets.contains(facet));
                    other_at != at && more && (!less || other_at < at)
                };
                if !atoms.iter().enumerate().any(is_told) {
                    changes.extend(self.of_atom(atom, immutable, piece, &covers, immutable_there));
                }
            }
        }
        changes
    }

    /// What is allowed on this side to subjects that are alike, by their own grants.
    fn atoms(&self, whole: &Whole<'a>, like: &Likeness) -> Vec<Atom<'a>> {
        let repository = whole.repository;
        let grants = match &repository.access {
            Access::Closed => return Vec::new(),
            Access::Open(rule) if like.own.contains(&Who::Anyone) => {
                return vec![self.all(repository, Through::NoSection, rule)];
            }
            Access::Open(_) => return Vec::new(),
            Access::Granted(_) => whole.granted.grants(repository, &like.own),
        };
        let theirs = grants.filter(|grant| grant.holds_at(self.at));
        let atom = |grant: &'a Grant| {
            Some(Atom {
                area: Area::of(&repository.prefix, &grant.what)?,
                facets: Facet::of(&grant.what).collect(),
                until: earlier(grant.until, like.expires),
                through: Through::Grant(grant.who.clone()),
                rule: &grant.rule,
            })
        };
        theirs.filter_map(atom).collect()
    }

    pub(super) fn as_admin<'w>(&'w self, piece: &Piece<'a>) -> Vec<Cover<'w>> {
        let served = piece.other.filter(|other| !matches!(other.access, Access::Closed));
        let all =
            |other: &Repository| Cover { area: Area::all_below(&other.prefix), what: &self.everything, until: None };
        served.map(all).into_iter().collect()
    }

    /// What the other side allows to subjects that are alike, and its immutable tags.
    pub(super) fn covers<'w>(&'w self, piece: &Piece<'a>, like: &Likeness) -> (Vec<Cover<'w>>, &'w [TagGlob]) {
        let Some(other) = piece.other else { return (Vec::new(), &[]) };
        let grants = match (&other.access, like.base) {
            (Access::Closed, _) | (_, Base::Nobody) => return (Vec::new(), &[]),
            (Access::Open(_) | Access::Granted(_), Base::Admin) => return (self.as_admin(piece), &[]),
            (Access::Open(_), Base::Ordinary) => return (self.as_admin(piece), &other.immutable_tags),
            (Access::Granted(_), Base::Ordinary) => piece.granted.grants(other, &like.there),
        };
        let theirs = grants.filter(|grant| grant.holds_at(self.at));
        let cover = |grant: &'a Grant| {
            let area = Area::of(&other.prefix, &grant.what)?;
            Some(Cover { area, what: &grant.what, until: earlier(grant.until, like.expires) })
        };
        (theirs.filter_map(cover).collect(), &other.immutable_tags)
    }

    /// What an atom adds to the covers in a piece: a change for each kind of answer.
    pub(super) fn of_atom(
        &self,
        atom: &Atom<'_>,
        immutable: &[TagGlob],
        piece: &Piece<'a>,
        covers: &[Cover<'_>],
        immutable_there: &[TagGlob],
    ) -> Vec<Change> {
        let mut changes: Vec<Change> = Vec::new();
        for facet in atom.facets.iter().copied() {
            let covers: Vec<&Cover<'_>> = covers.iter().filter(|cover| facet.is_allowed_by(cover.what)).collect();
            let within =
                |others_immutable| Within { below: piece.below, without: &piece.without, immutable, others_immutable };
            let ask = |lasting: bool, others_immutable| {
                let counts = |cover: &&&Cover<'_>| !lasting || holds_as_long(cover.until, atom.until);
                let areas: Vec<&Area<'_>> = covers.iter().filter(counts).map(|cover| &cover.area).collect();
                area_beyond(facet, &atom.area, &areas, within(others_immutable))
            };
            // Grants only end, so an atom adds the most at its own end.
            let now = ask(false, &[]);
            let last = if now.is_nothing() { ask(true, &[]) } else { Search::Nothing };
            let is_longer = now.is_nothing() && !last.is_nothing();
            let mut found = vec![(now, last, false)];
            if found[0].0.is_nothing() && !immutable_there.is_empty() {
                let now = ask(false, immutable_there);
                let last = if is_longer { Search::Nothing } else { ask(true, immutable_there) };
                found.push((now, last, true));
            }
            let protects = |glob: &&TagGlob| !immutable.contains(glob);
            let meets = |cover: &&Cover<'_>| {
                let is_apart = match (atom.area.tags, cover.area.tags) {
                    (Some(one), Some(two)) if one != two => !matches!(tag(&[one, two], &[]), Search::Found(_)),
                    _ => false,
                };
                cover.area.images.may_meet(&atom.area.images) && !is_apart
            };
            for (now, last, protected) in found {
                let (example, undecided) = match (&now, &last) {
                    (Search::Nothing, Search::Nothing) => continue,
                    (Search::Found(example), _) | (Search::Nothing, Search::Found(example)) => (example.clone(), false),
                    _ => (Example::default(), true),
                };
                let because = match protected {
                    true => {
                        let globs = immutable_there.iter().filter(protects);
                        Because::Immutable(globs.map(ToString::to_string).collect())
                    }
                    false => Because::Grant,
                };
                let change = Change {
                    whose: Whose::Anonymous,
                    doing: Doing::With(vec![facet]),
                    images: Some(atom.area.images.clone()),
                    below: piece.below.map(str::to_owned),
                    tags: atom.area.tags.cloned(),
                    immutable: immutable.to_vec(),
                    until: atom.until,
                    only_longer: now.is_nothing(),
                    in_part: covers.iter().any(&meets),
                    undecided,
                    example,
                    because,
                    through: Some(atom.through.clone()),
                    rule: Some(atom.rule.clone()),
                };
                match changes.iter_mut().find(|known| goes_with(known, &change)) {
                    Some(known) => {
                        if let Doing::With(facets) = &mut known.doing {
                            facets.push(facet);
                        }
                    }
                    None => changes.push(change),
                }
            }
        }
        changes
    }
}

/// Whether one end is no earlier than another.
fn holds_as_long(one: Option<End>, other: Option<End>) -> bool {
    match (one, other) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(one), Some(other)) => one >= other,
    }
}

/// Whether two changes of one atom are one.
fn goes_with(one: &Change, other: &Change) -> bool {
    one.only_longer == other.only_longer && one.undecided == other.undecided && one.because == other.because
}
