//! Where things stand in a file, small: a folder may hold a million entries.

use crate::diagnostic::Span;

/// A [`Span`] of a file, none of which has 4 GiB.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in super::super) struct Short {
    start: u32,
    end: u32,
}

impl From<Span> for Short {
    fn from(span: Span) -> Self {
        let short = |byte| u32::try_from(byte).unwrap_or(u32::MAX);
        Self { start: short(span.start), end: short(span.end) }
    }
}

impl Short {
    pub(super) fn span(self) -> Span {
        Span { start: self.start as usize, end: self.end as usize }
    }
}

/// An entry of a permissions section.
#[derive(Debug, Clone, Copy)]
pub(super) struct EntryMark {
    /// What is allowed.
    pub(super) what: Short,
    /// Until when.
    pub(super) until: Option<Short>,
    /// How many grants it makes.
    pub(super) grants: u8,
}

/// The entries of one key of a permissions section.
#[derive(Debug, Clone, Copy)]
pub(super) struct SectionMark {
    pub(super) key: Short,
    /// The place of its first entry in [`Marks::entries`].
    pub(super) first: usize,
}

/// A user of a credentials file.
#[derive(Debug)]
pub(super) struct UserMark {
    pub(super) name: Box<str>,
    pub(super) key: Short,
    pub(super) admin: Option<Short>,
    pub(super) enabled: Option<Short>,
    pub(super) expires: Option<Short>,
}

/// Where things stand in a file.
#[derive(Debug, Default)]
pub(in super::super) struct Marks {
    /// Whether a comment may allow something.
    pub(in super::super) may_allow: bool,
    /// The patterns of `immutable_tags`, in the order of the model.
    pub(in super::super) immutable_tags: Vec<Short>,
    pub(super) sections: Vec<SectionMark>,
    /// In the order of the model's grants.
    pub(super) entries: Vec<EntryMark>,
    pub(super) users: Vec<UserMark>,
}

impl Marks {
    /// Makes room for as many keys and entries.
    pub(in super::super) fn reserve(&mut self, sections: usize, entries: usize) {
        self.sections.reserve_exact(sections);
        self.entries.reserve_exact(entries);
    }

    /// What is added next stands below this key.
    pub(in super::super) fn begin_section(&mut self, key: Span) {
        self.sections.push(SectionMark { key: key.into(), first: self.entries.len() });
    }

    /// Adds an entry and how many grants it makes.
    pub(in super::super) fn add_entry(&mut self, what: Span, until: Option<Span>, grants: usize) {
        let grants = u8::try_from(grants).unwrap_or(u8::MAX);
        self.entries.push(EntryMark { what: what.into(), until: until.map(Short::from), grants });
    }

    /// Adds a user, and the values of `admin`, `enabled` and `expires`.
    pub(in super::super) fn add_user(&mut self, name: &str, key: Span, values: [Option<Span>; 3]) {
        let [admin, enabled, expires] = values.map(|value| value.map(Short::from));
        self.users.push(UserMark { name: name.into(), key: key.into(), admin, enabled, expires });
    }
}
