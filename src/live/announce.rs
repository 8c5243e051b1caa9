//! What the log says of a configuration that comes into force, or cannot.

use std::sync::{Arc, PoisonError};

use jiff::Timestamp;

use crate::config::Removals;
use crate::diagnostic::{Diagnostic, Severity};

use super::reading::Seen;
use super::walk::list;
use super::worker::Worker;
use super::{Failures, Problem, Published, Shared, commit};

/// As many names of repositories stand in a log line.
const NAMES_MAX: usize = 20;

impl Worker {
    /// Writes the audit line of a publication.
    pub(super) fn announce(&mut self, shared: &Shared) {
        let author = self.learn_commit(shared);
        let now = shared.current.load();
        let of = |severity| now.compiled.diagnostics.iter().filter(move |found| found.severity == severity);
        let count = |severity| of(severity).map(Diagnostic::count).sum::<usize>();
        tracing::info!(
            target: "audit",
            event = "configuration",
            generation = now.generation,
            hash = %now.compiled.hash,
            commit = now.commit,
            author,
            errors = count(Severity::Error),
            warnings = count(Severity::Warning),
            held = now.compiled.held.len(),
            held_back_users = now.compiled.held_back.users,
            held_back_repositories = now.compiled.held_back.repositories.len(),
            "configuration in force"
        );
        if !now.compiled.held_back.is_empty() {
            tell_held_back(&now);
        }
    }

    /// Asks git which commit is checked out, and tells where that is another one than was known.
    pub(super) fn refresh_commit(&mut self, shared: &Shared) {
        let before = shared.current.load().commit.clone();
        let author = self.learn_commit(shared);
        let now = shared.current.load();
        if now.commit.is_some() && now.commit != before {
            tracing::info!(
                target: "audit",
                event = "commit",
                generation = now.generation,
                hash = %now.compiled.hash,
                commit = now.commit,
                author,
                "the configuration in force is that of this commit"
            );
        }
    }

    /// Asks git which commit is checked out; returns its author. Where the folder changed since it was read,
    /// or is not read to its end, nobody knows of which commit that was.
    fn learn_commit(&mut self, shared: &Shared) -> Option<String> {
        self.mark = commit::mark(&self.folder);
        let head = self.mark.as_ref().and_then(|_| commit::head(&self.folder));
        let is_read = |seen: &Seen| !seen.is_waiting && list(&self.folder).is_ok_and(|now| now == seen.listing);
        let head = head.filter(|_| self.seen.as_ref().is_some_and(is_read));
        if head.is_none() {
            // To be asked for again at the next look.
            self.mark = None;
        }
        let (commit, author) = head.map(|head| (head.id, head.author)).unzip();
        let now = shared.current.load_full();
        if now.commit != commit {
            shared.current.store(Arc::new(Published { commit, ..Published::clone(&now) }));
        }
        author.flatten()
    }
}

/// Says what is kept although the folder removes it, and how to have it removed all the same.
fn tell_held_back(now: &Published) {
    let Removals { users, repositories } = &now.compiled.held_back;
    let mut names = repositories.iter().take(NAMES_MAX).map(|name| &**name).collect::<Vec<_>>().join(", ");
    if repositories.len() > NAMES_MAX {
        names.push_str(", …");
    }
    tracing::error!(
        target: "audit",
        event = "removal-held-back",
        generation = now.generation,
        hash = %now.compiled.hash,
        commit = now.commit,
        users,
        repositories = repositories.len(),
        names,
        "so much is removed at once that it stays in force: bring it back, or accept it with \
         `POST /-/reload?accept={}`",
        now.compiled.hash,
    );
}

/// Keeps a problem, and tells of it once: the folder is looked at again and again.
pub(super) fn set_problem(shared: &Shared, message: Option<String>) {
    let mut problem = shared.problem.write().unwrap_or_else(PoisonError::into_inner);
    match message {
        Some(message) => {
            if problem.as_ref().is_none_or(|old| old.message != message) {
                let mut failures = shared.failures.write().unwrap_or_else(PoisonError::into_inner);
                *failures = Failures { count: failures.count + 1, last: Some(Timestamp::now()) };
                let now = shared.current.load();
                tracing::error!(
                    target: "audit",
                    event = "reload-failed",
                    generation = now.generation,
                    hash = %now.compiled.hash,
                    commit = now.commit,
                    reason = %message,
                    "configuration not reloaded"
                );
            }
            *problem = Some(Problem { at: Timestamp::now(), message });
        }
        None => *problem = None,
    }
}
