//! All repositories: each compiled, conflicts settled, and what is broken held or closed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::codes;
use super::super::model::StorageDefinition;
use super::super::report::Report;
use super::super::share::side_by_side;
use super::claims::CLAIMS_MAX;
use super::kept::{Kept, KeptRepository};
use super::repository::{self, Parsed, Surroundings};
use super::storages::Aliases;
use super::texts::{self, RepositoryFile};
use super::{Compiler, conflicts};
use crate::diagnostic::Place;
use crate::policy::{Access, QuickMap, Repository, StorageKey};

/// What a name below `repos/` wants to be.
#[derive(Debug)]
pub(super) struct Candidate {
    /// The repository's name.
    pub(super) name: Arc<str>,
    /// Its file.
    pub(super) file: Arc<str>,
    /// Its text; `None` where it cannot be read.
    text: Option<Arc<str>>,
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
    pub(super) list: Vec<Arc<Repository>>,
    pub(super) storages: BTreeMap<StorageKey, StorageDefinition>,
    /// Who has each prefix and each port.
    prefixes: QuickMap<Arc<str>, Arc<str>>,
    ports: BTreeMap<u16, Arc<str>>,
    /// The prefixes that were in force before with the same repository.
    kept: QuickMap<Arc<str>, ()>,
}

impl Repositories {
    fn add(&mut self, repository: Arc<Repository>, definition: Option<&StorageDefinition>) {
        self.prefixes.insert(Arc::clone(&repository.prefix), Arc::clone(&repository.file));
        if let Some(port) = repository.port {
            self.ports.insert(port, Arc::clone(&repository.file));
        }
        if let Some(definition) = definition
            && !self.storages.contains_key(&repository.storage)
        {
            self.storages.insert(repository.storage.clone(), definition.clone());
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
        enclosing(prefix).filter(|outer| self.kept.contains_key(*outer)).find_map(|outer| {
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
            let whole = Place { file: Arc::clone(holder), span: None };
            report
                .add(codes::PREFIX_CONFLICT, place.span, message)
                .also(whole, "this one")
                .help(format!("mend `{holder}` first"));
            return Some(report);
        }
        if candidate.holds_prefix(prefix) {
            return None;
        }
        let (outer, holder) = self.encloser(&candidate.name, prefix)?;
        let message = format!("the prefix `{prefix}` lies inside the names of another repository");
        let whole = Place { file: Arc::clone(holder), span: None };
        report.add(codes::FOREIGN_PREFIX, place.span, message).also(whole, "this one").help(format!(
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
        self.add(Arc::new(repository), None);
    }
}

impl Compiler<'_> {
    /// Compiles the files of all repositories.
    pub(super) fn repositories(&mut self, aliases: Option<&Aliases>, main_port: Option<&(u16, Place)>) -> Repositories {
        let around = Surroundings { aliases, main_port, lints: self.lint_at.is_some() };
        let mut candidates = self.candidates(around);
        conflicts::settle(&mut candidates, aliases, &mut self.reports);

        let (mut good, broken): (Vec<_>, Vec<_>) =
            candidates.into_iter().partition(|candidate| candidate.parsed.repository.is_some());
        let mut repositories = Repositories::default();
        let mut closed = Vec::new();
        for in_force in self.held_back() {
            self.hold(&in_force, around, &mut repositories);
        }
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
        let crowded = crowded(&good, &closed);
        let is_crowded = |candidate: &Candidate| candidate.prefix().and_then(|prefix| crowded.get(&prefix));
        let (good, lost): (Vec<_>, Vec<_>) = good.into_iter().partition(|candidate| is_crowded(candidate).is_none());
        self.reports.extend(lost.iter().filter_map(|candidate| Some(too_crowded(candidate, is_crowded(candidate)?))));
        closed.extend(lost);
        for mut candidate in good {
            if let Some(repository) = candidate.parsed.repository.take() {
                if let Some(text) = &candidate.text {
                    self.enforced.insert(Arc::clone(&candidate.file), Arc::clone(text));
                }
                let definition = candidate.parsed.storage.as_ref().map(|storage| &storage.definition);
                if candidate.holds_prefix(&repository.prefix) {
                    repositories.kept.insert(Arc::clone(&repository.prefix), ());
                }
                repositories.add(repository, definition);
            }
        }
        for candidate in &closed {
            let own_name = repository::default_prefix(&candidate.name).map(|(prefix, _)| prefix);
            let claimed = candidate.prefix().filter(|_| candidate.claims_prefix);
            let others = candidate.parsed.claims.iter().take(CLAIMS_MAX).map(Arc::clone);
            for prefix in claimed.into_iter().chain(own_name).chain(others) {
                repositories.close(candidate, prefix);
            }
        }
        repositories.list.sort_by(|one, other| one.name.cmp(&other.name));
        repositories
    }

    fn candidates(&mut self, around: Surroundings<'_>) -> Vec<Candidate> {
        let mut in_force: QuickMap<&str, &Arc<Repository>> = QuickMap::default();
        for repository in self
            .in_force
            .iter()
            .filter_map(|compiled| compiled.model.as_ref())
            .flat_map(|model| model.snapshot.repositories())
        {
            if !matches!(repository.access, Access::Closed) {
                in_force.insert(&repository.name, repository);
            }
        }
        let files = self.texts.repositories();
        let before = self.in_force.map(|compiled| &*compiled.kept).filter(|kept| kept.fits(around));
        // Reading YAML is most of the work, and no file needs another.
        let mut parsed = side_by_side(&files, |file| Outcome::of(file, around, before)).into_iter();
        self.kept = Kept::new(around);
        self.kept.reserve(files.len());
        self.enforced.reserve(files.len());
        let mut candidates = Vec::with_capacity(files.len());
        for files in files.chunk_by(|one, other| one.name == other.name) {
            let mut parsed_of_name = Vec::with_capacity(files.len());
            for (file, outcome) in files.iter().zip(parsed.by_ref()) {
                match outcome {
                    Outcome::Known(kept) => {
                        if let Some(told) = &kept.told {
                            self.reports.push(Report::again(&file.path, told));
                            self.unchanged.insert(Arc::clone(&file.path));
                        }
                        parsed_of_name.push(kept.parsed.clone());
                        self.kept.keep(&file.path, kept);
                    }
                    Outcome::New(parsed, report) => {
                        if let Some(text) = &file.text {
                            let told = report.as_ref().and_then(|report| report.told());
                            let kept = KeptRepository { text: Arc::clone(text), parsed: parsed.clone(), told };
                            self.kept.keep(&file.path, Arc::new(kept));
                        }
                        self.reports.extend(report.map(|report| *report));
                        parsed_of_name.push(parsed);
                    }
                }
            }
            if let [first, others @ ..] = files {
                self.reports.extend(others.iter().map(|other| texts::twice(&first.path, &other.path)));
            }
            if let [first, others @ ..] = parsed_of_name.as_mut_slice()
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
            for (RepositoryFile { name, path, text }, parsed) in files.iter().zip(parsed_of_name) {
                let in_force = in_force.get(&**name).map(|in_force| Arc::clone(in_force));
                let (name, file, text) = (Arc::clone(name), Arc::clone(path), text.clone());
                candidates.push(Candidate { name, file, text, parsed, in_force, claims_prefix: true });
            }
        }
        candidates
    }

    /// The repositories whose removal is held back, as they are in force.
    fn held_back(&self) -> Vec<Arc<Repository>> {
        let model = self.in_force.and_then(|compiled| compiled.model.as_ref());
        let repositories = model.into_iter().flat_map(|model| model.snapshot.repositories());
        repositories.filter(|repository| self.held_back.repositories.contains(&repository.name)).cloned().collect()
    }

    /// Keeps what is in force: its text, compiled against today's surroundings, or as it was where they
    /// do not fit any more.
    fn hold(&mut self, in_force: &Arc<Repository>, around: Surroundings<'_>, repositories: &mut Repositories) {
        if repositories.prefixes.contains_key(&in_force.prefix) {
            // A file that exists under two names has one good version.
            return;
        }
        let Some(before) = self.in_force else {
            return;
        };
        repositories.kept.insert(Arc::clone(&in_force.prefix), ());
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
                repositories.add(repository, Some(&storage.definition));
            }
            _ => {
                let definition = before.model.as_ref().and_then(|model| model.storages.get(&in_force.storage));
                let port = in_force.port.filter(|port| around.main_port.is_none_or(|(main, _)| port != main));
                repositories.add(Arc::new(Repository { port, ..Repository::clone(in_force) }), definition);
            }
        }
    }
}

/// The prefixes of new repositories inside of which a broken file may claim more names than are closed one by
/// one, with that file.
fn crowded(good: &[Candidate], closed: &[Candidate]) -> QuickMap<Arc<str>, Arc<str>> {
    let mut crowded = QuickMap::default();
    let many = || closed.iter().filter(|candidate| candidate.parsed.claims.len() > CLAIMS_MAX);
    if many().next().is_none() {
        return crowded;
    }
    let new = good.iter().filter_map(|candidate| candidate.prefix().filter(|prefix| !candidate.holds_prefix(prefix)));
    let new: QuickMap<Arc<str>, ()> = new.map(|prefix| (prefix, ())).collect();
    for candidate in many() {
        for claim in candidate.parsed.claims.iter().skip(CLAIMS_MAX) {
            for outer in enclosing(claim).chain([""]) {
                if let Some((prefix, ())) = new.get_key_value(outer) {
                    crowded.entry(Arc::clone(prefix)).or_insert_with(|| Arc::clone(&candidate.file));
                }
            }
        }
    }
    crowded
}

/// Tells of a new repository that stays closed for what a broken file may claim of its names.
fn too_crowded(candidate: &Candidate, file: &Arc<str>) -> Report {
    let place = candidate.prefix_place();
    let mut report = Report::new(&place.file);
    report
        .add(codes::PREFIX_CONFLICT, place.span, "another file may claim very many of the names inside of this prefix")
        .also(Place { file: Arc::clone(file), span: None }, "this one")
        .help(format!("mend `{file}` first"));
    report
}

/// Whether a repository's name gives the right to a prefix: it is the name, or lies below.
pub(super) fn is_own(name: &str, prefix: &str) -> bool {
    prefix.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The prefixes that a prefix lies inside of, the longest first.
pub(super) fn enclosing(prefix: &str) -> impl Iterator<Item = &str> {
    prefix.match_indices('/').rev().map(|(slash, _)| &prefix[..slash])
}

/// What a repository's file came to.
enum Outcome {
    /// Before, with the same text and the same surroundings.
    Known(Arc<KeptRepository>),
    /// Now; a report where anything is wrong.
    New(Parsed, Option<Box<Report>>),
}

impl Outcome {
    fn of(file: &RepositoryFile, around: Surroundings<'_>, before: Option<&Kept>) -> Self {
        let known = before.zip(file.text.as_ref()).and_then(|(before, text)| before.repository(&file.path, text));
        if let Some(kept) = known {
            return Self::Known(Arc::clone(kept));
        }
        let new = || Report::new(&file.path).for_lints(around.lints);
        let mut report = new().sparing();
        let mut parsed = Parsed { prefix: repository::default_prefix(&file.name), ..Parsed::default() };
        if let Some(text) = &file.text {
            parsed = repository::compile(&file.name, text, around, &mut report);
            if report.lacks_open() {
                report = new();
                parsed = repository::compile(&file.name, text, around, &mut report);
            }
        }
        // Where a file holds secrets is of no use where there is nothing to tell of it.
        Self::New(parsed, Some(report).filter(|report| around.lints || !report.diagnostics.is_empty()).map(Box::new))
    }
}
