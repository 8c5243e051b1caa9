//! Puts the result together: diagnostics in order, the places of secrets, the hash.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::super::access_test::AccessTest;
use super::super::beyond;
use super::super::files::{self, Kind};
use super::super::lint::allow;
use super::super::model::{Checked, Compiled, Model, Reference, SecretSource};
use super::super::report::Report;
use super::super::tree::Tree;
use super::hidden::Known;
use super::repository::{self, Surroundings};
use super::{Compiler, credentials};
use crate::diagnostic::{Diagnostic, Span};
use crate::policy::QuickMap;

impl Compiler<'_> {
    /// The result.
    pub(super) fn finish(mut self, tree: &Tree, model: Option<Arc<Model>>, tests: Vec<AccessTest>) -> Checked {
        let mut diagnostics = self.diagnostics();
        let texts = std::mem::take(&mut self.texts).into_all();
        let sources: BTreeMap<_, _> =
            texts.iter().map(|(path, text)| (Arc::clone(path), Arc::clone(text.text()))).collect();
        let texts: QuickMap<_, _> = texts.into_iter().collect();
        let may_allow = |report: &&Report| report.marks.as_ref().is_some_and(|marks| marks.may_allow);
        let files = self.reports.iter().filter(may_allow).map(|report| Arc::clone(&report.file)).collect();
        let judge = self.lint_at.map(|_| allow::Judge { dormant: &self.dormant, files });
        let allowed = allow::apply(&mut diagnostics, &sources, judge.as_ref());
        self.look_for_secrets(&diagnostics, &sources);
        self.reports.extend(allowed);
        let references = references(&self.reports);
        let before = self.in_force.map(|compiled| &compiled.secrets);
        let known_before = |file: &Arc<str>| before?.get(file).filter(|_| self.unchanged.contains(file));
        let (known, reports): (Vec<_>, Vec<_>) =
            self.reports.into_iter().partition(|report| known_before(&report.file).is_some());
        let mut secrets = secrets(&diagnostics, &references, reports, &sources);
        let known = known.into_iter().filter_map(|report| Some((known_before(&report.file)?.clone(), report.file)));
        secrets.extend(known.map(|(spans, file)| (file, spans)));
        diagnostics.sort_by(|one, other| one.order().cmp(&other.order()));
        // What an anchor marks is checked once for each alias.
        diagnostics.dedup();
        let diagnostics = beyond::limit(diagnostics);

        let enforced = if model.is_some() { self.enforced } else { QuickMap::default() };
        // Mostly it is the same text in memory, which need not be compared.
        let differs = |(path, text): &(&Arc<str>, &Arc<str>)| {
            texts.get(*path).is_none_or(|source| !Arc::ptr_eq(source.text(), text) && source.text() != *text)
        };
        let held = enforced.iter().filter(differs).map(|(path, text)| (Arc::clone(path), Arc::clone(text))).collect();
        let compiled = Compiled {
            model,
            diagnostics,
            sources,
            secrets,
            held,
            held_back: self.held_back,
            hash: tree.hash(),
            tests,
            texts,
            enforced,
            kept: Arc::new(self.kept),
        };
        Checked { compiled, references }
    }

    /// Looks where files hold secrets of which nothing is known yet, since they are not compiled again or
    /// nothing was wrong with them, but into which something points now.
    fn look_for_secrets(&mut self, diagnostics: &[Diagnostic], sources: &BTreeMap<Arc<str>, Arc<str>>) {
        let labels = diagnostics.iter().flat_map(|found| std::iter::once(&found.primary).chain(&found.secondary));
        let files: BTreeSet<Arc<str>> = labels.map(|label| Arc::clone(&label.place.file)).collect();
        // A report of a conflict knows nothing of the rest of its file.
        let whole = self.reports.iter().filter(|report| report.is_whole);
        let reported: HashSet<Arc<str>> = whole.map(|report| Arc::clone(&report.file)).collect();
        let before = self.in_force.map(|compiled| &compiled.secrets);
        let is_known = |file: &Arc<str>| match self.unchanged.contains(file) {
            true => before.is_some_and(|before| before.contains_key(file)),
            false => reported.contains(file),
        };
        let unknown: Vec<Arc<str>> = files.into_iter().filter(|file| !is_known(file)).collect();
        for file in unknown {
            let Some(text) = sources.get(&file) else { continue };
            let mut report = Report::new(&file);
            match files::kind(&file) {
                Some(Kind::Repository(name)) => {
                    let around = Surroundings { aliases: None, main_port: None, lints: false };
                    repository::compile(name, text, around, &mut report);
                }
                Some(Kind::Credentials) => drop(credentials::compile(text, &mut report)),
                _ => continue,
            }
            report.diagnostics.clear();
            self.reports.push(report);
        }
    }
}

/// The secrets to which files refer.
fn references(reports: &[Report]) -> Vec<Reference> {
    let of_report = |report: &Report| {
        let reference = |(source, name, span): &(SecretSource, String, Span)| Reference {
            source: source.clone(),
            name: name.clone(),
            place: report.place(*span),
        };
        report.references.iter().map(reference).collect::<Vec<_>>()
    };
    reports.iter().flat_map(of_report).collect()
}

/// What is to be hidden in each file that a diagnostic points into, or may point into where a secret is missing.
fn secrets(
    diagnostics: &[Diagnostic],
    references: &[Reference],
    reports: Vec<Report>,
    sources: &BTreeMap<Arc<str>, Arc<str>>,
) -> BTreeMap<Arc<str>, Vec<Span>> {
    let labels = diagnostics.iter().flat_map(|found| std::iter::once(&found.primary).chain(&found.secondary));
    let places = labels.map(|label| &label.place).chain(references.iter().map(|reference| &reference.place));
    let files: HashSet<&str> = places.map(|place| &*place.file).collect();
    let mut known: HashMap<Arc<str>, Known> = HashMap::new();
    for report in reports.into_iter().filter(|report| files.contains(&*report.file)) {
        let known = known.entry(report.file).or_default();
        known.secrets.extend(report.secrets);
        known.open.extend(report.open);
        known.refused.extend(report.refused);
        known.guarded |= report.guarded;
    }
    let hidden = |(file, known): (Arc<str>, Known)| {
        let text = sources.get(&file)?;
        let spans = known.hidden(text);
        Some((file, spans))
    };
    known.into_iter().filter_map(hidden).collect()
}
