//! What is likely not meant, and shows only where all files are seen together, or on a certain day.
//!
//! Lints look at the compiled model and at marks that the compiler left: where each thing stands. The server
//! compiles without marks and without lints.
//!
//! | file | its lints |
//! | --- | --- |
//! | `users` | admins whom nobody can reach, disabled admins |
//! | `subjects` | to whom is granted: nobody, everybody, who is locked out |
//! | `ends` | grants that end |
//! | `patterns` | images that a grant can never reach |
//! | `tags` | patterns for tags without an effect |
//! | `redundant` | grants that add nothing |
//! | `pushes` | pushing without pulling, and with deleting |
//! | `allow` | the comments that allow a warning |

pub(super) mod allow;
mod ends;
mod marks;
mod near;
mod patterns;
mod pushes;
mod redundant;
mod shelf;
mod subjects;
mod tags;
mod users;
mod view;
mod whole;

use super::codes::Code;
use super::report::diagnostic;
use super::share::side_by_side;
use crate::diagnostic::{Diagnostic, Place};
use crate::policy::coverage::Prefixes;

pub(super) use marks::Marks;
use shelf::Shelf;
use view::View;
pub(super) use whole::Whole;

/// What lints find.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) diagnostics: Vec<Diagnostic>,
    pub(super) dormant: Vec<Dormant>,
}

/// What may be found on another day: a comment that allows it is not unused.
#[derive(Debug)]
pub(super) struct Dormant {
    pub(super) code: &'static Code,
    pub(super) place: Place,
}

impl Found {
    /// Adds a finding.
    fn add(&mut self, code: &'static Code, place: Place, message: impl Into<String>) -> &mut Diagnostic {
        self.diagnostics.push(diagnostic(code, place, message));
        let last = self.diagnostics.len() - 1;
        &mut self.diagnostics[last]
    }
}

/// Looks at everything.
pub(super) fn lint(whole: &Whole<'_>) -> Found {
    let mut found = Found::default();
    users::lint(whole, &mut found);
    let prefixes = Prefixes::of(whole.snapshot);
    let of_repositories = side_by_side(whole.snapshot.repositories(), |repository| {
        let mut found = Found::default();
        if let Some(view) = View::new(whole, repository) {
            subjects::lint(&view, &mut found);
            ends::lint(&view, &mut found);
            patterns::lint(&view, &prefixes, &mut found);
            tags::lint(&view, &mut found);
            let shelf = Shelf::new(&view, &prefixes);
            redundant::lint(&shelf, &mut found);
            pushes::lint(&shelf, &mut found);
        }
        found
    });
    for Found { diagnostics, dormant } in of_repositories {
        found.diagnostics.extend(diagnostics);
        found.dormant.extend(dormant);
    }
    found
}

#[cfg(test)]
mod tests;
