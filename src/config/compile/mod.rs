//! Texts to a model, file by file, and what happens where files are broken or disagree.

mod buckets;
mod claims;
mod conflicts;
mod credentials;
mod finish;
mod grants;
mod hidden;
mod read;
mod repositories;
mod repository;
mod settings;
mod storages;
mod texts;
mod values;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::files::{self, Kind};
use super::model::{Compiled, Model, Settings};
use super::report::Report;
use super::tree::Tree;
use crate::diagnostic::Diagnostic;
use crate::identity::User;
use crate::policy::Snapshot;
use storages::Aliases;
use texts::Texts;
pub use values::parse_duration;

/// What is gathered on the way.
struct Compiler<'c> {
    texts: Texts,
    in_force: Option<&'c Compiled>,
    reports: Vec<Report>,
    /// The texts that will be in force, by path.
    enforced: BTreeMap<Arc<str>, Arc<str>>,
}

/// Compiles a configuration folder's texts.
///
/// Every problem is reported, in file order. What can be used is used: a repository file that does
/// not compile keeps the last good text of `in_force` (compiled against today's users), or is closed
/// where there is none; a credentials, storages or registry file that does not compile keeps its last
/// good text, and where there is none, [`Compiled::model`] is `None`.
///
/// A closed repository is in the snapshot once for each prefix that it claims, and its storage may be
/// absent from [`Model::storages`].
pub fn compile(tree: &Tree, in_force: Option<&Compiled>) -> Compiled {
    let in_force = in_force.filter(|compiled| compiled.model.is_some());
    let mut reports = Vec::new();
    let texts = Texts::read(tree, in_force, &mut reports);
    let mut compiler = Compiler { texts, in_force, reports, enforced: BTreeMap::new() };

    let settings = compiler.single(Kind::Registry, settings::compile, Settings::default);
    let users: Option<Vec<User>> = compiler.single(Kind::Credentials, credentials::compile, Vec::new);
    let aliases = compiler.single(Kind::Storages, storages::compile, Aliases::implicit);

    // What else is wrong is to be told also where there will be no model.
    let main_port = settings.as_ref().and_then(|settings| settings.listen).map(|listen| listen.port());
    let repositories = compiler.repositories(aliases.as_ref(), main_port);

    let model = match (settings, users, aliases) {
        (Some(settings), Some(users), Some(aliases)) => Some(Arc::new(Model {
            snapshot: Arc::new(Snapshot::new(users, repositories.list)),
            storages: repositories.storages,
            aliases: aliases.definitions(),
            settings,
        })),
        _ => None,
    };
    compiler.finish(tree, model)
}

impl Compiler<'_> {
    /// Compiles a file that exists once. Where it is broken, its last good text holds; `None` where there
    /// is none.
    fn single<T>(&mut self, kind: Kind<'_>, compile: fn(&str, &mut Report) -> T, absent: fn() -> T) -> Option<T> {
        let paths = self.texts.of(kind);
        match paths.as_slice() {
            [] => return Some(absent()),
            [path] => {
                if let Some(text) = self.texts.text(path) {
                    let mut report = Report::new(path);
                    let value = compile(&text, &mut report);
                    let broken = report.has_errors();
                    self.reports.push(report);
                    if !broken {
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
        Some(compile(text, &mut Report::new(path)))
    }

    fn diagnostics(&mut self) -> Vec<Diagnostic> {
        self.reports.iter_mut().flat_map(|report| std::mem::take(&mut report.diagnostics)).collect()
    }
}

#[cfg(test)]
mod tests;
