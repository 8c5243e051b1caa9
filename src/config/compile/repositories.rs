//! All repositories: each compiled, conflicts settled, and what is broken held or closed.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::super::codes;
use super::super::model::StorageDefinition;
use super::super::report::Report;
use super::repository::{self, Parsed, Surroundings};
use super::storages::Aliases;
use super::texts::{self, Texts};
use super::{Compiler, conflicts};
use crate::diagnostic::Place;
use crate::policy::{Access, Repository, StorageKey};

/// What a name below `repos/` wants to be.
#[derive(Debug)]
pub(super) struct Candidate {
    /// The repository's name.
    pub(super) name: Arc<str>,
    /// Its file.
    pub(super) file: Arc<str>,
    /// What the file says.
    pub(super) parsed: Parsed,
    /// The good version that is in force.
    pub(super) in_force: Option<Arc<Repository>>,
    /// Whether it keeps others from its prefix where it is closed.
    claims_prefix: bool,
}

impl Candidate {
    pub(super) fn prefix(&self) -> Option<Arc<str>> {
        self.parsed.prefix.as_ref().map(|(prefix, _)| Arc::clone(prefix))
    }

    /// Where the prefix is written; the file where it is the default.
    pub(super) fn prefix_place(&self) -> Place {
        Place { file: Arc::clone(&self.file), span: self.parsed.prefix.as_ref().and_then(|(_, span)| *span) }
    }

    pub(super) fn port_place(&self) -> Place {
        Place { file: Arc::clone(&self.file), span: self.parsed.port.map(|(_, span)| span) }
    }

    /// Whether it is in force with this prefix.
    pub(super) fn holds_prefix(&self, prefix: &str) -> bool {
        self.in_force.as_ref().is_some_and(|in_force| &*in_force.prefix == prefix)
    }

    /// It cannot be what its file says.
    pub(super) fn lose(&mut self, claims_prefix: bool) {
        self.parsed.repository = None;
        self.claims_prefix &= claims_prefix;
    }
}

/// The repositories of a model, and where their images are.
#[derive(Debug, Default)]
pub(super) struct Repositories {
    pub(super) list: Vec<Repository>,
    pub(super) storages: BTreeMap<StorageKey, StorageDefinition>,
    /// Who has each prefix and each port.
    prefixes: HashMap<Arc<str>, Arc<str>>,
    ports: HashMap<u16, Arc<str>>,
    /// The prefixes that were in force before with the same repository.
    kept: HashSet<Arc<str>>,
}

impl Repositories {
    fn add(&mut self, repository: Repository, definition: Option<StorageDefinition>) {
        self.prefixes.insert(Arc::clone(&repository.prefix), Arc::clone(&repository.file));
        if let Some(port) = repository.port {
            self.ports.insert(port, Arc::clone(&repository.file));
        }
        if let Some(definition) = definition {
            self.storages.insert(repository.storage.clone(), definition);
        }
        self.list.push(repository);
    }

    /// Who has the prefix or the port of a repository.
    fn holder(&self, repository: &Repository) -> Option<&Arc<str>> {
        let of_port = repository.port.and_then(|port| self.ports.get(&port));
        self.prefixes.get(&repository.prefix).or(of_port)
    }

    /// The kept prefix of another repository that a prefix lies inside of, and who has it; `None` also
    /// where the name gives the right to the prefix.
    fn encloser<'p>(&self, name: &str, prefix: &'p str) -> Option<(&'p str, &Arc<str>)> {
        if is_own(name, prefix) {
            return None;
        }
        enclosing(prefix).filter(|outer| self.kept.contains(*outer)).find_map(|outer| {
            let holder = self.prefixes.get(outer)?;
            Some((outer, holder))
        })
    }

    /// Why a repository cannot be what its file says: another one, which is held back, has the prefix,
    /// the port, or the names around the prefix.
    fn refusal(&self, candidate: &Candidate) -> Option<Report> {
        let repository = candidate.parsed.repository.as_ref()?;
        let prefix = &*repository.prefix;
        let place = candidate.prefix_place();
        let mut report = Report::new(&place.file);
        if let Some(holder) = self.holder(repository) {
            let message = format!("the last good version of `{holder}` still has this prefix or port");
            report.add(codes::PREFIX_CONFLICT, place.span, message).help(format!("mend `{holder}` first"));
            return Some(report);
        }
        if candidate.holds_prefix(prefix) {
            return None;
        }
        let (outer, holder) = self.encloser(&candidate.name, prefix)?;
        let message = format!("the prefix `{prefix}` lies inside the names of another repository");
        report.add(codes::FOREIGN_PREFIX, place.span, message).help(format!(
            "the last good version of `{holder}` still has `{outer}`; only a repository at or below \
             `repos/{prefix}.yaml` may claim these names"
        ));
        Some(report)
    }

    /// Closes all names at and below a prefix that nobody has.
    ///
    /// From who was in force before, nobody takes names by a mistake.
    fn close(&mut self, candidate: &Candidate, prefix: Arc<str>) {
        if self.prefixes.contains_key(&prefix) || self.encloser(&candidate.name, &prefix).is_some() {
            return;
        }
        let storage = candidate.parsed.storage.as_ref();
        let repository = Repository {
            name: Arc::clone(&candidate.name),
            file: Arc::clone(&candidate.file),
            prefix,
            storage: storage.map_or_else(|| StorageKey("closed".into()), |storage| storage.key.clone()),
            port: None,
            immutable_tags: Vec::new(),
            access: Access::Closed,
        };
        self.add(repository, None);
    }
}

impl Compiler<'_> {
    /// Compiles the files of all repositories.
    pub(super) fn repositories(&mut self, aliases: Option<&Aliases>, main_port: Option<u16>) -> Repositories {
        let around = Surroundings { aliases, main_port };
        let mut candidates = self.candidates(around);
        conflicts::settle(&mut candidates, aliases, &mut self.reports);

        let (mut good, broken): (Vec<_>, Vec<_>) =
            candidates.into_iter().partition(|candidate| candidate.parsed.repository.is_some());
        let mut repositories = Repositories::default();
        let mut closed = Vec::new();
        for candidate in broken {
            match &candidate.in_force {
                Some(in_force) => self.hold(in_force, around, &mut repositories),
                None => closed.push(candidate),
            }
        }
        // Nobody may take what is held back. Who is refused for that stays where it was, and is then held
        // back itself.
        loop {
            let mut refused = Vec::new();
            for candidate in std::mem::take(&mut good) {
                match repositories.refusal(&candidate) {
                    None => good.push(candidate),
                    Some(refusal) => refused.push((candidate, refusal)),
                }
            }
            if refused.is_empty() {
                break;
            }
            for (mut candidate, refusal) in refused {
                self.reports.push(refusal);
                match &candidate.in_force {
                    Some(in_force) if repositories.holder(in_force).is_none() => {
                        self.hold(in_force, around, &mut repositories);
                    }
                    _ => {
                        candidate.parsed.repository = None;
                        closed.push(candidate);
                    }
                }
            }
        }
        for mut candidate in good {
            if let Some(repository) = candidate.parsed.repository.take() {
                if let Some(text) = self.texts.text(&candidate.file) {
                    self.enforced.insert(Arc::clone(&candidate.file), text);
                }
                let definition = candidate.parsed.storage.as_ref().map(|storage| storage.definition.clone());
                if candidate.holds_prefix(&repository.prefix) {
                    repositories.kept.insert(Arc::clone(&repository.prefix));
                }
                repositories.add(repository, definition);
            }
        }
        for candidate in &closed {
            let own_name = repository::default_prefix(&candidate.name).map(|(prefix, _)| prefix);
            let claimed = candidate.prefix().filter(|_| candidate.claims_prefix);
            let others = candidate.parsed.claims.iter().map(Arc::clone);
            for prefix in claimed.into_iter().chain(own_name).chain(others) {
                repositories.close(candidate, prefix);
            }
        }
        repositories.list.sort_by(|one, other| one.name.cmp(&other.name));
        repositories
    }

    fn candidates(&mut self, around: Surroundings<'_>) -> Vec<Candidate> {
        let mut in_force: HashMap<Arc<str>, Arc<Repository>> = HashMap::new();
        for repository in self
            .in_force
            .iter()
            .filter_map(|compiled| compiled.model.as_ref())
            .flat_map(|model| model.snapshot.repositories())
        {
            if !matches!(repository.access, Access::Closed) {
                in_force.insert(Arc::clone(&repository.name), Arc::clone(repository));
            }
        }
        let by_name = self.texts.repositories();
        let files: Vec<_> =
            by_name.iter().flat_map(|(name, files)| files.iter().map(move |file| (name, file))).collect();
        let mut parsed = parse_all(&files, &self.texts, around).into_iter();
        let mut candidates = Vec::with_capacity(files.len());
        for (name, files) in &by_name {
            let (mut parsed, reports): (Vec<_>, Vec<_>) = parsed.by_ref().take(files.len()).unzip();
            self.reports.extend(reports);
            if let [first, others @ ..] = files.as_slice() {
                self.reports.extend(others.iter().map(|other| texts::twice(first, other)));
            }
            if let [first, others @ ..] = parsed.as_mut_slice()
                && !others.is_empty()
            {
                // Neither counts, and they are no conflict with one another.
                first.repository = None;
                for other in others {
                    let prefix = other
                        .prefix
                        .take()
                        .filter(|(prefix, _)| first.prefix.as_ref().is_none_or(|(of_first, _)| of_first != prefix));
                    *other = Parsed { prefix, claims: std::mem::take(&mut other.claims), ..Parsed::default() };
                }
            }
            for (file, parsed) in files.iter().zip(parsed) {
                let (name, file, in_force) = (Arc::clone(name), Arc::clone(file), in_force.get(name).cloned());
                candidates.push(Candidate { name, file, parsed, in_force, claims_prefix: true });
            }
        }
        candidates
    }

    /// Keeps what is in force: its text, compiled against today's surroundings, or as it was where they
    /// do not fit any more.
    fn hold(&mut self, in_force: &Repository, around: Surroundings<'_>, repositories: &mut Repositories) {
        if repositories.prefixes.contains_key(&in_force.prefix) {
            // A file that exists under two names has one good version.
            return;
        }
        let Some(before) = self.in_force else {
            return;
        };
        repositories.kept.insert(Arc::clone(&in_force.prefix));
        let text = before.enforced.get(&in_force.file);
        if let Some(text) = text {
            self.enforced.insert(Arc::clone(&in_force.file), Arc::clone(text));
        }
        let again =
            text.map(|text| repository::compile(&in_force.name, text, around, &mut Report::new(&in_force.file)));
        match again {
            Some(Parsed { repository: Some(repository), storage: Some(storage), .. })
                if repository.prefix == in_force.prefix && repository.port == in_force.port =>
            {
                repositories.add(repository, Some(storage.definition));
            }
            _ => {
                let definition = before.model.as_ref().and_then(|model| model.storages.get(&in_force.storage)).cloned();
                let port = in_force.port.filter(|port| Some(*port) != around.main_port);
                repositories.add(Repository { port, ..in_force.clone() }, definition);
            }
        }
    }
}

/// Whether a repository's name gives the right to a prefix: it is the name, or lies below.
pub(super) fn is_own(name: &str, prefix: &str) -> bool {
    prefix.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The prefixes that a prefix lies inside of, the longest first.
pub(super) fn enclosing(prefix: &str) -> impl Iterator<Item = &str> {
    prefix.match_indices('/').rev().map(|(slash, _)| &prefix[..slash])
}

/// Below this many files a thread costs more than it saves.
const FILES_PER_THREAD_LEAST: usize = 64;

/// Compiles files side by side: reading YAML is most of the work, and no file needs another.
fn parse_all(files: &[(&Arc<str>, &Arc<str>)], texts: &Texts, around: Surroundings<'_>) -> Vec<(Parsed, Report)> {
    let parse_some = |files: &[(&Arc<str>, &Arc<str>)]| -> Vec<_> {
        files.iter().map(|(name, file)| parse(name, file, texts, around)).collect()
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = files.len().div_ceil(threads).max(FILES_PER_THREAD_LEAST);
    if files.len() <= share {
        return parse_some(files);
    }
    std::thread::scope(|scope| {
        let running: Vec<_> = files.chunks(share).map(|share| scope.spawn(move || parse_some(share))).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, Vec<_>>| match thread.join() {
            Ok(parsed) => parsed,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        running.into_iter().flat_map(join).collect()
    })
}

fn parse(name: &str, file: &Arc<str>, texts: &Texts, around: Surroundings<'_>) -> (Parsed, Report) {
    let mut report = Report::new(file);
    let parsed = match texts.text(file) {
        Some(text) => repository::compile(name, &text, around, &mut report),
        None => Parsed { prefix: repository::default_prefix(name), ..Parsed::default() },
    };
    (parsed, report)
}
