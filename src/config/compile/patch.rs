//! The most frequent change, a few repository files that stay what they are to all others, without going through
//! the whole folder once more.

use std::sync::Arc;

use super::super::files::{self, Kind};
use super::super::model::{Compiled, Model};
use super::super::report::Report;
use super::super::tree::{Content, Text, Tree};
use super::kept::KeptRepository;
use super::repository::{self, Parsed};
use super::texts;

/// Where more files changed, the whole folder is compiled.
const FILES_MAX: usize = 64;

/// What compiling the tree would give, where nothing changed but the texts of some good repository files that keep
/// their prefix, port and storage, and where nothing is told of them. `None` where that is not so, or not known.
pub(super) fn patch(tree: &Tree, in_force: &Compiled) -> Option<Compiled> {
    let before = in_force.model.as_ref().filter(|_| in_force.held_back.is_empty())?;
    let changed = changed(tree, in_force)?;
    let mut kept = (*in_force.kept).clone();
    let mut repositories = Vec::with_capacity(changed.len());
    for (path, text) in &changed {
        let newer = newer(path, text, in_force)?;
        repositories.push(newer.parsed.repository.clone()?);
        kept.keep(path, Arc::new(newer));
    }
    let snapshot = Arc::new(before.snapshot.replacing(&repositories)?);
    let Model { storages, aliases, settings, .. } = &**before;
    let (storages, aliases, settings) = (storages.clone(), aliases.clone(), settings.clone());
    let model = Some(Arc::new(Model { snapshot, storages, aliases, settings }));
    let mut compiled = Compiled { model, kept: Arc::new(kept), hash: tree.hash(), ..in_force.clone() };
    for (path, text) in changed {
        compiled.sources.insert(Arc::clone(path), Arc::clone(text.text()));
        compiled.enforced.insert(Arc::clone(path), Arc::clone(text.text()));
        compiled.texts.insert(Arc::clone(path), text.clone());
    }
    Some(compiled)
}

/// The files with another text, where there are the same files, and all can be read.
fn changed<'t>(tree: &'t Tree, in_force: &Compiled) -> Option<Vec<(&'t Arc<str>, &'t Text)>> {
    if tree.files.len() != in_force.sources.len() {
        return None;
    }
    let mut changed = Vec::new();
    for ((path, content), (known, source)) in tree.files.iter().zip(&in_force.sources) {
        let Content::Text(text) = content else { return None };
        if path != known {
            return None;
        }
        let is_same = Arc::ptr_eq(text.text(), source) || in_force.text(path) == Some(text);
        if !is_same {
            changed.push((path, text));
            if changed.len() > FILES_MAX {
                return None;
            }
        }
    }
    (!changed.is_empty()).then_some(changed)
}

/// What a file comes to, where it is to all others what it was.
fn newer(path: &Arc<str>, text: &Text, in_force: &Compiled) -> Option<KeptRepository> {
    let Some(Kind::Repository(name)) = files::kind(path) else { return None };
    let enforced = in_force.enforced.get(path)?;
    let older = in_force.kept.repository(path, enforced).filter(|older| older.told.is_none())?;
    let is_source = in_force.sources.get(path).is_some_and(|source| Arc::ptr_eq(source, enforced));
    let labels = |label: &crate::diagnostic::Label| label.place.file == *path;
    let is_told_of =
        in_force.diagnostics.iter().any(|found| labels(&found.primary) || found.secondary.iter().any(labels));
    if !is_source || is_told_of || text.text().len() > texts::max_bytes(path) {
        return None;
    }
    let mut report = Report::new(path);
    let parsed = repository::compile(name, text.text(), in_force.kept.around(), &mut report);
    let is_quiet = report.diagnostics.is_empty();
    (is_quiet && is_alike(&older.parsed, &parsed)).then(|| KeptRepository {
        text: Arc::clone(text.text()),
        parsed,
        told: None,
    })
}

/// Whether two versions are the same to other files.
fn is_alike(one: &Parsed, other: &Parsed) -> bool {
    let of = |parsed: &Parsed| {
        let is_plain = parsed.repository.is_some() && parsed.claims.is_empty() && !parsed.in_place;
        let (prefix, _) = parsed.prefix.clone().filter(|_| is_plain)?;
        let port = parsed.port.map(|(port, _)| port);
        Some((prefix, port, parsed.storage.as_ref()?.key.clone()))
    };
    of(one).is_some_and(|one| of(other) == Some(one))
}
