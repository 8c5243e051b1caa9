//! The problems of a file that are too many to be told each by itself.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use super::codes;
use super::report::diagnostic;
use crate::diagnostic::{Diagnostic, Place, Severity};

/// As many errors of a file are told each by itself, and as many warnings. One mistake can make an error of each
/// line of a file, and nobody reads them all.
pub(super) const TOLD_MAX: usize = 100;

/// The errors of a file that are only counted while it is compiled. Warnings are not: a comment may allow them.
#[derive(Debug, Default)]
pub(super) struct Beyond {
    /// The one that was counted last: whoever adds it may go on writing it.
    pub(super) last: Option<Diagnostic>,
    kept: usize,
    /// What was told or counted before: what an anchor marks is checked once for each alias.
    seen: HashSet<u64>,
    state: RandomState,
    count: usize,
}

impl Beyond {
    /// Counts an error where there are too many already, which are `kept`.
    pub(super) fn takes(&mut self, found: &Diagnostic, kept: &[Diagnostic]) -> bool {
        if found.severity != Severity::Error {
            return false;
        }
        self.kept += 1;
        if self.kept <= TOLD_MAX {
            return false;
        }
        let Self { seen, state, count, .. } = self;
        let hash = |found: &Diagnostic| state.hash_one((found.code, found.primary.place.span, &found.message));
        if seen.is_empty() {
            seen.extend(kept.iter().map(hash));
        }
        if seen.insert(hash(found)) {
            *count += 1;
        }
        true
    }

    /// What stands for them.
    pub(super) fn left_out(&self, file: &Arc<str>) -> Option<Diagnostic> {
        (self.count > 0).then(|| left_out(file, Severity::Error, false, self.count))
    }
}

/// Leaves out what is too much of a file. The problems are in their order, and none is there twice.
pub(super) fn limit(diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut limited = Vec::with_capacity(diagnostics.len());
    let mut of_file: Option<OfFile> = None;
    for found in diagnostics {
        let file = &found.primary.place.file;
        if of_file.as_ref().is_none_or(|of_file| of_file.file != *file) {
            let next = OfFile { file: Arc::clone(file), told: [0; 2], beyond: [0; 3] };
            limited.extend(of_file.replace(next).into_iter().flat_map(OfFile::left_out));
        }
        if let Some(found) = of_file.as_mut().and_then(|of_file| of_file.take(found)) {
            limited.push(found);
        }
    }
    limited.extend(of_file.into_iter().flat_map(OfFile::left_out));
    limited
}

/// What is told of a file, and how much is not.
struct OfFile {
    file: Arc<str>,
    /// Errors and warnings.
    told: [usize; 2],
    /// Of each of [`KINDS`].
    beyond: [usize; 3],
}

/// What is counted apart: a warning that depends on the day is not counted against a change.
const KINDS: [(Severity, bool); 3] = [(Severity::Error, false), (Severity::Warning, false), (Severity::Warning, true)];

impl OfFile {
    /// Counts a problem, and gives it back where it is told.
    fn take(&mut self, found: Diagnostic) -> Option<Diagnostic> {
        let told = &mut self.told[usize::from(found.severity == Severity::Warning)];
        if found.left_out == 0 && *told < TOLD_MAX {
            *told += 1;
            return Some(found);
        }
        let of_kind = KINDS.iter().zip(&mut self.beyond).find(|(kind, _)| **kind == (found.severity, found.timely));
        if let Some((_, count)) = of_kind {
            *count += found.count();
        }
        None
    }

    fn left_out(self) -> impl Iterator<Item = Diagnostic> {
        let counts = KINDS.into_iter().zip(self.beyond).filter(|(_, count)| *count > 0);
        counts.map(move |((severity, timely), count)| left_out(&self.file, severity, timely, count))
    }
}

fn left_out(file: &Arc<str>, severity: Severity, timely: bool, count: usize) -> Diagnostic {
    let (code, word) = match severity {
        Severity::Error => (codes::MORE_ERRORS, "error"),
        Severity::Warning => (codes::MORE_WARNINGS, "warning"),
    };
    let (plural, which) = (if count == 1 { "" } else { "s" }, if timely { " that depend on the day" } else { "" });
    let which = if count == 1 { which.replace("depend", "depends") } else { which.to_owned() };
    let place = Place { file: Arc::clone(file), span: None };
    let mut found = diagnostic(code, place, format!("{count} more {word}{plural}{which} in this file"));
    found.help("mend those that are told: often, many have one cause");
    Diagnostic { timely, left_out: count, ..found }
}

#[cfg(test)]
mod tests {
    use super::super::report::Report;
    use super::*;
    use crate::diagnostic::Span;

    fn at(start: usize) -> Span {
        Span { start, end: start + 1 }
    }

    #[test]
    fn what_is_too_much_is_counted_once_each() {
        let file: Arc<str> = "a.yaml".into();
        let mut report = Report::new(&file);
        for _ in 0..2 {
            for number in 0..TOLD_MAX + 50 {
                report.add(codes::UNKNOWN_KEY, at(number), "unknown key").help("x");
            }
        }
        assert!(report.has_errors());
        assert_eq!(report.diagnostics.len(), TOLD_MAX);
        let told: Vec<_> = report.told().unwrap().to_vec();
        assert_eq!(report.take().collect::<Vec<_>>(), told);
        assert_eq!(told.len(), TOLD_MAX + 1);
        assert_eq!(told.iter().map(Diagnostic::count).sum::<usize>(), TOLD_MAX + 50);
        assert_eq!(told.last().unwrap().message, "50 more errors in this file");
        // Together with another report of the file, and after another time.
        let mut all = told;
        all.push(diagnostic(codes::UNKNOWN_KEY, Place { file: Arc::clone(&file), span: Some(at(999)) }, "unknown key"));
        all.sort_by(|one, other| one.order().cmp(&other.order()));
        let limited = limit(all);
        assert_eq!(limited.len(), TOLD_MAX + 1);
        assert_eq!(limited.iter().map(Diagnostic::count).sum::<usize>(), TOLD_MAX + 51);
        assert_eq!(limit(limited.clone()), limited);
    }

    #[test]
    fn warnings_have_a_share_of_their_own() {
        let found =
            |file: &str, code, number| diagnostic(code, Place { file: file.into(), span: Some(at(number)) }, "x");
        let mut all = Vec::new();
        for file in ["a", "b"] {
            all.extend((0..TOLD_MAX).map(|number| found(file, codes::UNKNOWN_KEY, number)));
            all.extend((0..TOLD_MAX).map(|number| found(file, codes::WEAK_HASH, number)));
        }
        all.sort_by(|one, other| one.order().cmp(&other.order()));
        assert_eq!(limit(all.clone()), all);
        all.push(found("b", codes::GRANT_ENDS, 1_000));
        all.push(found("b", codes::WEAK_HASH, 1_001));
        all.push(found("b", codes::WEAK_HASH, 1_002));
        let limited = limit(all);
        let told: Vec<_> = limited.iter().filter(|found| found.left_out > 0).collect();
        assert_eq!(told.len(), 2);
        assert_eq!((&*told[0].message, told[0].timely), ("2 more warnings in this file", false));
        assert_eq!((&*told[1].message, told[1].timely), ("1 more warning that depends on the day in this file", true));
    }
}
