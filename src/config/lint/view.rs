//! One repository as lints see it: its grants, each with its place.

use std::ops::Range;
use std::sync::Arc;

use super::{Marks, Whole};
use crate::diagnostic::{Place, Span};
use crate::identity::User;
use crate::policy::{Access, Grant, Repository, Who};

/// A repository with a permissions section, compiled from the text that the marks are of.
pub(super) struct View<'c> {
    pub(super) whole: &'c Whole<'c>,
    pub(super) repository: &'c Repository,
    pub(super) marks: &'c Marks,
    pub(super) sections: Vec<Section<'c>>,
    pub(super) entries: Vec<Entry<'c>>,
}

/// A key of the permissions section.
pub(super) struct Section<'c> {
    pub(super) who: &'c Who,
    /// The user to whom is granted, if there is such a user.
    pub(super) user: Option<&'c User>,
    /// A bit for each group of that user.
    pub(super) groups: u64,
    pub(super) key: Span,
    /// Its entries, in [`View::entries`].
    pub(super) entries: Range<usize>,
}

/// An entry.
pub(super) struct Entry<'c> {
    /// Its section, in [`View::sections`].
    pub(super) section: usize,
    /// What is allowed.
    pub(super) span: Span,
    pub(super) until: Option<Span>,
    /// What it compiles to; never nothing.
    pub(super) grants: &'c [Grant],
}

impl<'c> View<'c> {
    /// `None` where there is no permissions section, or no good one.
    pub(super) fn new(whole: &'c Whole<'c>, repository: &'c Repository) -> Option<Self> {
        let marks = *whole.marks.get(&*repository.file)?;
        let Access::Granted(set) = &repository.access else {
            return None;
        };
        let mut grants = set.grants().as_slice();
        let mut sections = Vec::with_capacity(marks.sections.len());
        let mut entries = Vec::with_capacity(marks.entries.len());
        for (index, mark) in marks.sections.iter().enumerate() {
            let end = marks.sections.get(index + 1).map_or(marks.entries.len(), |next| next.first);
            let first = entries.len();
            let mut who = None;
            for entry in marks.entries.get(mark.first..end)? {
                let (of_entry, rest) = grants.split_at_checked(usize::from(entry.grants))?;
                grants = rest;
                who = Some(&of_entry.first()?.who);
                let until = entry.until.map(|until| until.span());
                entries.push(Entry { section: sections.len(), span: entry.what.span(), until, grants: of_entry });
            }
            // To whom nothing is granted, nothing is to be said.
            if let Some(who) = who {
                let known = match who {
                    Who::User(name) => whole.user(name.as_str()),
                    Who::Anyone | Who::SignedIn | Who::Group(_) => None,
                };
                let (user, groups) = known.map_or((None, 0), |known| (Some(known.user), known.groups));
                sections.push(Section { who, user, groups, key: mark.key.span(), entries: first..entries.len() });
            }
        }
        grants.is_empty().then_some(Self { whole, repository, marks, sections, entries })
    }

    /// A place in the repository's file.
    pub(super) fn place(&self, span: Span) -> Place {
        Place { file: Arc::clone(&self.repository.file), span: Some(span) }
    }

    /// The entries of a section.
    pub(super) fn entries_of(&self, section: &Section<'_>) -> &[Entry<'c>] {
        self.entries.get(section.entries.clone()).unwrap_or_default()
    }
}
