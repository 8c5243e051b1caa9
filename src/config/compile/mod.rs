//! Texts to a model, file by file, and what happens where files are broken or disagree.

mod access_tests;
mod buckets;
mod claims;
mod conflicts;
mod credentials;
mod finish;
mod grants;
mod hidden;
mod kept;
mod patch;
mod read;
mod repositories;
mod repository;
mod settings;
mod storages;
mod texts;
mod urls;
mod values;

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::files::{self, Kind};
use super::lint::{self, Dormant};
use super::model::{Checked, Compiled, Model};
use super::removals::Removals;
use super::report::Report;
use super::shape::Shape;
use super::tree::Tree;
use super::yaml::Node;
use crate::diagnostic::Diagnostic;
use crate::identity::User;
use crate::policy::{QuickMap, Snapshot};
pub(super) use hidden::Known;
pub(super) use kept::Kept;
use kept::KeptCredentials;
use storages::Aliases;
use texts::Texts;
pub use values::parse_duration;

/// The users of a configuration.
enum Users {
    /// Those of the credentials as they are written now.
    New(Vec<User>),
    /// Those that are in force.
    InForce,
}

impl Users {
    fn changed(self) -> Option<Vec<User>> {
        match self {
            Self::New(users) => Some(users),
            Self::InForce => None,
        }
    }
}

/// What is gathered on the way.
struct Compiler<'c> {
    texts: Texts,
    in_force: Option<&'c Compiled>,
    reports: Vec<Report>,
    /// The texts that will be in force, by path.
    enforced: QuickMap<Arc<str>, Arc<str>>,
    /// What of `in_force` is kept, although the texts remove it.
    held_back: Removals,
    /// What files come to, for the next time.
    kept: Kept,
    /// The files of which was taken what they came to before.
    unchanged: HashSet<Arc<str>>,
    /// The moment for which it is also told what is likely not meant; `None` where nobody wants to know.
    lint_at: Option<Timestamp>,
    /// What lints found.
    findings: Vec<Diagnostic>,
    /// What they may find on another day.
    dormant: Vec<Dormant>,
}

/// Compiles a configuration folder's texts.
///
/// Every problem is reported, in file order. What can be used is used: a repository file that does
/// not compile keeps the last good text of `in_force` (compiled against today's users), or is closed
/// where there is none; a credentials, storages or registry file that does not compile keeps its last
/// good text, and where there is none, [`Compiled::model`] is `None`.
///
/// Access tests are compiled against the model, and nothing that is wrong with them changes it.
///
/// A closed repository is in the snapshot once for each prefix that it claims, and its storage may be
/// absent from [`Model::storages`].
pub fn compile(tree: &Tree, in_force: Option<&Compiled>) -> Compiled {
    if let Some(patched) = in_force.and_then(|in_force| patch::patch(tree, in_force)) {
        return patched;
    }
    compile_keeping(tree, in_force, Removals::default())
}

/// The same, but what is `held_back` stays as it is in force: the text of the credentials, and those of the
/// repositories, compiled against what else is there today.
///
/// Where anything is held back, the removal of `storages.yaml` and `registry.yaml` is, too: what is kept
/// would otherwise be looked for in another storage, and be reached under another address.
pub fn compile_keeping(tree: &Tree, in_force: Option<&Compiled>, held_back: Removals) -> Compiled {
    run(tree, in_force, held_back, None).compiled
}

/// Compiles a configuration folder's texts with nothing in force, and also tells what is likely not meant:
/// what shows only where all files are seen together, and what depends on the day, which is `at`.
pub fn check(tree: &Tree, at: Timestamp) -> Checked {
    run(tree, None, Removals::default(), Some(at))
}

fn run(tree: &Tree, in_force: Option<&Compiled>, held_back: Removals, lint_at: Option<Timestamp>) -> Checked {
    let in_force = in_force.filter(|compiled| compiled.model.is_some());
    let mut reports = Vec::new();
    let texts = Texts::read(tree, in_force, &mut reports);
    let (enforced, kept, unchanged) = (QuickMap::default(), Kept::default(), HashSet::new());
    let (findings, dormant) = (Vec::new(), Vec::new());
    let mut compiler =
        Compiler { texts, in_force, reports, enforced, held_back, kept, unchanged, lint_at, findings, dormant };

    let settings = compiler.single(Kind::Registry, settings::compile, settings::Compiled::default);
    let (users, credentials) = compiler.users();
    let aliases = compiler.single(Kind::Storages, storages::compile, Aliases::implicit);

    // What else is wrong is to be told also where there will be no model.
    let main_port = settings.as_ref().and_then(settings::Compiled::main_port);
    let repositories = compiler.repositories(aliases.as_ref(), main_port.as_ref());
    compiler.kept.credentials = credentials;

    let before = in_force.and_then(|compiled| compiled.model.as_ref()).map(|model| Arc::clone(&model.snapshot));
    let users_known = users.is_some();
    let users = users.map_or_else(|| Some(Vec::new()), Users::changed);
    let snapshot = Arc::new(Snapshot::following(&before.unwrap_or_default(), users, repositories.list));
    compiler.lint(&snapshot, users_known);
    let model = match (settings, users_known, aliases) {
        (Some(settings), true, Some(aliases)) => Some(Arc::new(Model {
            snapshot,
            storages: repositories.storages,
            aliases: aliases.definitions(),
            settings: settings.settings,
        })),
        _ => None,
    };
    let tests = compiler.access_tests(model.as_deref());
    compiler.finish(tree, model, tests)
}

impl Compiler<'_> {
    /// Compiles a file that exists once. Where it is broken, its last good text holds; `None` where there
    /// is none.
    fn single<T>(&mut self, kind: Kind<'_>, compile: fn(&str, &mut Report) -> T, absent: fn() -> T) -> Option<T> {
        let paths = self.texts.of(kind);
        let is_kept = match kind {
            Kind::Credentials => self.held_back.users > 0,
            _ => paths.is_empty() && !self.held_back.is_empty(),
        };
        match paths.as_slice() {
            [] if is_kept => {}
            [] => return Some(absent()),
            [path] => {
                if let Some(text) = self.texts.text(path) {
                    let mut report = Report::new(path).for_lints(self.lint_at.is_some());
                    let value = compile(&text, &mut report);
                    let broken = report.has_errors();
                    self.reports.push(report);
                    if !broken && !is_kept {
                        self.enforced.insert(Arc::clone(path), text);
                        return Some(value);
                    }
                }
            }
            [first, others @ ..] => {
                for other in others {
                    self.reports.push(texts::twice(first, other));
                }
                for path in &paths {
                    if let Some(text) = self.texts.text(path) {
                        let mut report = Report::new(path);
                        compile(&text, &mut report);
                        self.reports.push(report);
                    }
                }
            }
        }
        let last_good = self.in_force?.enforced.iter().find(|(path, _)| files::kind(path) == Some(kind));
        let Some((path, text)) = last_good else {
            // What is in force does without such a file.
            return Some(absent());
        };
        self.enforced.insert(Arc::clone(path), Arc::clone(text));
        Some(compile(text, &mut Report::of_earlier(path)))
    }

    /// Looks for what is likely not meant, where somebody wants to know.
    fn lint(&mut self, snapshot: &Snapshot, users_known: bool) {
        let Some(at) = self.lint_at else {
            return;
        };
        let marks = self.reports.iter().filter_map(|report| Some((&report.file, report.marks.as_deref()?)));
        let found = lint::lint(&lint::Whole::new(snapshot, users_known, at, marks));
        (self.findings, self.dormant) = (found.diagnostics, found.dormant);
    }

    /// Compiles the credentials, unless they are those in force. Also gives what is to be kept of it.
    fn users(&mut self) -> (Option<Users>, Option<KeptCredentials>) {
        let file = match self.texts.of(Kind::Credentials).as_slice() {
            [file] => self.texts.text(file).map(|text| (Arc::clone(file), text)),
            _ => None,
        };
        if let (Some((file, text)), Some(in_force)) = (&file, self.in_force)
            && let Some(kept) = &in_force.kept.credentials
            && Arc::ptr_eq(&kept.text, text)
            && in_force.enforced.get(file).is_some_and(|enforced| Arc::ptr_eq(enforced, text))
            && self.held_back.users == 0
        {
            if let Some(told) = &kept.told {
                self.reports.push(Report::again(file, told));
                self.unchanged.insert(Arc::clone(file));
            }
            self.enforced.insert(Arc::clone(file), Arc::clone(text));
            return (Some(Users::InForce), Some(kept.clone()));
        }
        let before = self.reports.len();
        let users = self.single(Kind::Credentials, credentials::compile, Vec::new).map(Users::New);
        let told = self.reports.get(before).and_then(Report::told);
        (users, file.map(|(_, text)| KeptCredentials { text, told }))
    }

    fn diagnostics(&mut self) -> Vec<Diagnostic> {
        let of_reports = self.reports.iter_mut().flat_map(Report::take);
        of_reports.chain(std::mem::take(&mut self.findings)).collect()
    }
}

/// Reads a text as far as it can be read; what is wrong, and what is secret, is in the report.
pub(super) fn read_file<'t>(text: &'t str, shape: &'static Shape, report: &mut Report) -> Option<Node<'t>> {
    read::read(text, shape, report).root
}

#[cfg(test)]
mod kept_tests;
#[cfg(test)]
mod tests;
