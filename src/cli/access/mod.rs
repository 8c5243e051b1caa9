//! `portolan access`: who can do what, who has which rights, and what differs between two
//! configurations.

mod can;
mod changes;
mod diff;
mod entry;
mod list;
mod row;
mod rows;
mod verdict;

use std::sync::Arc;

use clap::Subcommand;

use crate::config::{Compiled, Model, Tree, compile};
use crate::policy::Snapshot;

use super::{Exit, Failure, Folder, output};

pub(super) use list::effective;

#[derive(Debug, Subcommand)]
pub(super) enum AccessCommand {
    /// Tells whether a user can do something with an image, and which rule decides
    #[command(
        override_usage = "portolan access can [OPTIONS] <USER> <ACTION> <IMAGE[:TAG]> [DIR]\n       \
            portolan access can [OPTIONS] --anonymous <ACTION> <IMAGE[:TAG]> [DIR]",
        after_help = "Example:\n  portolan access can ci-payments push payments/api:v1.2.3\n  \
        portolan access can --anonymous pull library/alpine --at 2026-12-24 /etc/portolan\n\n\
        ACTION is `pull`, `push` (create a tag), `overwrite` (replace one) or `delete`. Without a tag the answer is yes \
        where any tag will do.\n\
        Exit codes: 0 yes, 1 no, 3 the folder cannot be read"
    )]
    Can(can::CanArguments),
    /// Lists the rights that are in effect
    #[command(after_help = "Example:\n  portolan access list --user jane\n  \
        portolan access list --repository payments --format csv /etc/portolan > rights.csv\n\n\
        Without `--user`, the rights of anybody who is signed in are listed once, and those of each user beyond them.")]
    List(list::ListArguments),
    /// Tells who gains and who loses what between two folders or two git revisions
    #[command(after_help = "Example:\n  portolan access diff main\n  \
        portolan access diff main HEAD --format markdown --fail-on widen\n  \
        portolan access diff /etc/portolan ./new\n\n\
        OLD and NEW are folders, or git revisions of the configuration folder; without NEW it is the folder as it is.\n\
        Exit codes: 0 done, 1 somebody gains something and `--fail-on widen` is given, or NEW has errors, \
        3 a side cannot be read, or neither holds a configuration")]
    Diff(diff::DiffArguments),
}

/// Runs a command.
pub(super) fn run(command: &AccessCommand) -> Result<Exit, Failure> {
    match command {
        AccessCommand::Can(arguments) => can::run(arguments),
        AccessCommand::List(arguments) => list::run(arguments),
        AccessCommand::Diff(arguments) => diff::run(arguments),
    }
}

/// A configuration that questions can be asked of.
struct Loaded {
    compiled: Compiled,
    model: Arc<Model>,
}

impl Loaded {
    /// Reads a folder. Where a repository's file has errors it counts as closed, which is told.
    fn read(folder: &Folder) -> Result<Self, Failure> {
        let tree: Tree = folder.read()?;
        folder.require_files(&tree)?;
        let compiled = compile(&tree, None);
        let hint = format!("`portolan check {}` says why", folder.dir.display());
        let Some(model) = compiled.model.clone() else {
            return Err(Failure::new("the configuration cannot be used").with_exit(Exit::No).with_hint(hint));
        };
        if compiled.has_errors() {
            output::note(&format!("note: files with errors count as closed repositories; {hint}\n"));
        }
        Ok(Self { compiled, model })
    }

    fn snapshot(&self) -> &Arc<Snapshot> {
        &self.model.snapshot
    }
}

/// The user whose name is nearest to one that nobody has.
fn nearest_user<'a>(snapshot: &'a Snapshot, name: &str) -> Option<&'a str> {
    nearest(name, snapshot.users().map(|user| user.name.as_str()))
}

/// The word that is nearest to another one.
fn nearest<'a>(word: &str, words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = words.map(|known| (strsim::jaro_winkler(known, word), known)).filter(|(likeness, _)| *likeness > 0.8);
    near.max_by(|one, other| one.0.total_cmp(&other.0).then_with(|| other.1.cmp(one.1))).map(|(_, known)| known)
}

/// The failure for a user who is not in the configuration.
fn no_such_user(snapshot: &Snapshot, name: &str) -> Failure {
    let failure = Failure::new(format!("there is no user `{name}`")).with_exit(Exit::No);
    match nearest_user(snapshot, name) {
        _ if name == "anonymous" => failure.with_hint("`--anonymous` asks for whoever is not signed in"),
        Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
        None => failure,
    }
}
