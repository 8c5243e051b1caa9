//! Puts the result together: diagnostics in order, the places of secrets, the hash.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::super::model::{Compiled, Model};
use super::super::report::Report;
use super::super::tree::{Content, Tree};
use super::Compiler;
use super::hidden::Known;
use crate::diagnostic::{Diagnostic, Span};

impl Compiler<'_> {
    /// The result.
    pub(super) fn finish(mut self, tree: &Tree, model: Option<Arc<Model>>) -> Compiled {
        let mut diagnostics = self.diagnostics();
        let sources = self.texts.into_sources();
        let secrets = secrets(&diagnostics, self.reports, &sources);
        diagnostics.sort_by(|one, other| order(one).cmp(&order(other)));
        // What an anchor marks is checked once for each alias.
        diagnostics.dedup();

        let enforced = if model.is_some() { self.enforced } else { BTreeMap::new() };
        let differs = |(path, text): &(&Arc<str>, &Arc<str>)| sources.get(*path) != Some(*text);
        let held = enforced.iter().filter(differs).map(|(path, text)| (Arc::clone(path), Arc::clone(text))).collect();
        Compiled { model, diagnostics, sources, secrets, held, hash: hash(tree), enforced }
    }
}

/// Errors and warnings in the order of files and places.
fn order(diagnostic: &Diagnostic) -> (&str, Option<Span>, &str, &str) {
    let place = &diagnostic.primary.place;
    (&place.file, place.span, diagnostic.code, &diagnostic.message)
}

/// What is to be hidden in each file that a diagnostic points into.
fn secrets(
    diagnostics: &[Diagnostic],
    reports: Vec<Report>,
    sources: &BTreeMap<Arc<str>, Arc<str>>,
) -> BTreeMap<Arc<str>, Vec<Span>> {
    let labels = diagnostics.iter().flat_map(|found| std::iter::once(&found.primary).chain(&found.secondary));
    let files: HashSet<&str> = labels.map(|label| &*label.place.file).collect();
    let mut known: HashMap<Arc<str>, Known> = HashMap::new();
    for report in reports.into_iter().filter(|report| files.contains(&*report.file)) {
        let known = known.entry(report.file).or_default();
        known.secrets.extend(report.secrets);
        known.open.extend(report.open);
        known.guarded |= report.guarded;
    }
    let hidden = |(file, known): (Arc<str>, Known)| {
        let text = sources.get(&file)?;
        let spans = known.hidden(text);
        Some((file, spans))
    };
    known.into_iter().filter_map(hidden).collect()
}

/// SHA-256 over the paths and contents.
fn hash(tree: &Tree) -> String {
    let mut hasher = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hasher.update((bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    for (path, content) in &tree.files {
        part(path.as_bytes());
        match content {
            Content::Bytes(bytes) => part(bytes),
            Content::TooLarge { bytes } => part(format!("too large: {bytes}").as_bytes()),
            Content::Unreadable { why } => part(format!("unreadable: {why}").as_bytes()),
        }
    }
    hasher.finalize().iter().fold(String::with_capacity(64), |mut hexadecimal, byte| {
        hexadecimal.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or_default());
        hexadecimal.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or_default());
        hexadecimal
    })
}
