//! All repositories: each compiled, conflicts settled, and what is broken held or closed.

use std::collections::{BTreeMap, HashMap};
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

    /// Closes all names at and below a prefix that nobody has.
    fn close(&mut self, candidate: &Candidate, prefix: Arc<str>) {
        if self.prefixes.contains_key(&prefix) {
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
    pub(super) fn repositories(&mut self, aliases: Option<&Aliases>, main_port: u16) -> Repositories {
        let around = Surroundings { aliases, main_port };
        let mut candidates = self.candidates(around);
        conflicts::settle(&mut candidates, aliases, &mut self.reports);

        // What is held back comes first: nobody may take its prefix or port. Then who stays where they
        // are, and then who moves or is new.
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
        good.sort_by_key(|candidate| !candidate.prefix().is_some_and(|prefix| candidate.holds_prefix(&prefix)));
        for mut candidate in good {
            let Some(repository) = candidate.parsed.repository.take() else {
                continue;
            };
            match repositories.holder(&repository) {
                None => {
                    if let Some(text) = self.texts.text(&candidate.file) {
                        self.enforced.insert(Arc::clone(&candidate.file), text);
                    }
                    let definition = candidate.parsed.storage.as_ref().map(|storage| storage.definition.clone());
                    repositories.add(repository, definition);
                }
                Some(holder) => {
                    let message = format!("the last good version of `{holder}` still has this prefix or port");
                    let place = candidate.prefix_place();
                    let mut report = Report::new(&place.file);
                    report.add(codes::PREFIX_CONFLICT, place.span, message).help(format!("mend `{holder}` first"));
                    self.reports.push(report);
                    match &candidate.in_force {
                        Some(in_force) if repositories.holder(in_force).is_none() => {
                            self.hold(in_force, around, &mut repositories);
                        }
                        _ => closed.push(candidate),
                    }
                }
            }
        }
        for candidate in &closed {
            let own_name = repository::default_prefix(&candidate.name).map(|(prefix, _)| prefix);
            let claimed = candidate.prefix().filter(|_| candidate.claims_prefix);
            for prefix in claimed.into_iter().chain(own_name) {
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
                    *other = Parsed { prefix, ..Parsed::default() };
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
                let port = in_force.port.filter(|port| *port != around.main_port);
                repositories.add(Repository { port, ..in_force.clone() }, definition);
            }
        }
    }
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
