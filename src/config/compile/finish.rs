//! Puts the result together: diagnostics in order, sources hidden where they hold secrets, the hash.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::super::model::{Compiled, Model};
use super::super::position::lines_around;
use super::super::tree::{Content, Tree};
use super::Compiler;
use crate::diagnostic::{Diagnostic, Place, Span};

impl Compiler<'_> {
    /// The result.
    pub(super) fn finish(mut self, tree: &Tree, model: Option<Arc<Model>>) -> Compiled {
        let mut diagnostics = self.diagnostics();
        let mut secrets: HashMap<Arc<str>, Vec<Span>> = HashMap::new();
        for report in self.reports.into_iter().filter(|report| !report.secrets.is_empty()) {
            secrets.entry(report.file).or_default().extend(report.secrets);
        }
        secrets.values_mut().for_each(|spans| order_secrets(spans));
        let sources = self.texts.into_sources();
        for diagnostic in &mut diagnostics {
            diagnostic.show_source = !shows_secret(diagnostic, &sources, &secrets);
        }
        diagnostics.sort_by(|one, other| order(one).cmp(&order(other)));
        // What an anchor marks is checked once for each alias.
        diagnostics.dedup();

        let enforced = if model.is_some() { self.enforced } else { BTreeMap::new() };
        let differs = |(path, text): &(&Arc<str>, &Arc<str>)| sources.get(*path) != Some(*text);
        let held = enforced.iter().filter(differs).map(|(path, text)| (Arc::clone(path), Arc::clone(text))).collect();
        Compiled { model, diagnostics, sources, held, hash: hash(tree), enforced }
    }
}

/// Errors and warnings in the order of files and places.
fn order(diagnostic: &Diagnostic) -> (&str, Option<Span>, &str, &str) {
    let place = &diagnostic.primary.place;
    (&place.file, place.span, diagnostic.code, &diagnostic.message)
}

/// Orders spans by their starts, and makes each end that of the furthest so far, so that one look finds
/// out whether any of them touches a line.
fn order_secrets(spans: &mut [Span]) {
    spans.sort();
    let mut furthest = 0;
    for span in spans {
        furthest = furthest.max(span.end);
        span.end = furthest;
    }
}

fn shows_secret(
    diagnostic: &Diagnostic,
    sources: &BTreeMap<Arc<str>, Arc<str>>,
    secrets: &HashMap<Arc<str>, Vec<Span>>,
) -> bool {
    let holds_secret = |place: &Place| {
        let (Some(span), Some(secrets)) = (place.span, secrets.get(&place.file)) else {
            return false;
        };
        let Some(text) = sources.get(&place.file) else {
            return true;
        };
        let lines = lines_around(text, span.start, span.end);
        let before = secrets.partition_point(|secret| secret.start <= lines.end);
        before.checked_sub(1).and_then(|last| secrets.get(last)).is_some_and(|last| last.end >= lines.start)
    };
    std::iter::once(&diagnostic.primary).chain(&diagnostic.secondary).any(|label| holds_secret(&label.place))
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
