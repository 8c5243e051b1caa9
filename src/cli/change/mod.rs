//! Carries out what a command plans: shows it, writes it, commits it; and puts everything back where that fails.
//!
//! | file | its job |
//! | --- | --- |
//! | `lock` | one command at a time |
//! | `place` | where the files really are, and which are not ours to change |
//! | `beside` | files under hidden names, with the mode, owner and attributes of others |
//! | `apply` | all files, or none |
//! | `swap` | one file to and from its place, and nothing of anybody else's lost |
//! | `git` | commits of just these files |
//! | `secret` | where a new secret goes |
//! | `diff`, `report` | what people and programs are told |

mod apply;
mod beside;
mod diff;
mod git;
mod lock;
mod place;
mod report;
mod secret;
mod swap;

use std::io;
use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};
use jiff::Timestamp;

use crate::config::Tree;
use crate::edit::{self, Plan, Refused};

use super::output::Colour;
use super::render::{Paths, human_at, visible};
use super::signals::Held;
use super::{Exit, Failure, Folder, output, prompt, test};

use apply::Applied;
use lock::Lock;
use place::{Root, Target};
use report::Outcome;
use secret::{Delivery, SecretFile};

pub(super) use secret::SecretArguments;

/// Where a secret may be in force that was never shown.
const UNSEEN: &str = "nobody has the secret: `portolan user rotate` makes another one";
/// So often a plan is made anew where somebody else changes the files meanwhile.
const ATTEMPTS_MAX: usize = 3;

/// The code of a file that the system does not let us read.
const UNREADABLE: &str = "file-unreadable";

/// What every command takes that changes the folder.
#[derive(Debug, Args)]
pub(super) struct ChangeArguments {
    #[command(flatten)]
    folder: NamedFolder,
    /// Shows what would change in the files, and changes nothing
    #[arg(long)]
    dry_run: bool,
    /// Commits the changed files to git, and nothing else
    #[arg(long)]
    commit: bool,
    /// How to print what was done
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// When to use colour
    #[arg(long, value_enum, default_value_t = Colour::Auto)]
    color: Colour,
}

/// The configuration folder of a command whose arguments are names.
#[derive(Debug, Args)]
pub(super) struct NamedFolder {
    /// The configuration folder
    #[arg(long = "config", value_name = "DIR", env = "PORTOLAN_CONFIG", default_value = ".", value_hint = ValueHint::DirPath)]
    dir: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Human,
    /// One JSON object
    Json,
}

/// A change that is asked for.
pub(super) struct Request<'a> {
    pub(super) arguments: &'a ChangeArguments,
    /// Where a secret goes, for commands that make one.
    pub(super) secret: Option<&'a SecretArguments>,
    /// Whether to ask first.
    pub(super) asks: bool,
    /// What is to change. Called again where the folder changes meanwhile.
    pub(super) plan: &'a dyn Fn(&edit::Folder) -> Result<Plan, Refused>,
}

/// Why a change is not made as it was planned.
#[derive(Debug)]
enum Halt {
    /// The file is not as the plan knew it.
    Changed(String),
    /// It cannot be made.
    Failed(Failure),
    /// Neither could all of it be made, nor all that was made be taken back: some of it may be in force.
    Left(Failure),
}

impl From<Failure> for Halt {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl NamedFolder {
    fn folder(&self) -> Folder {
        Folder { dir: self.dir.clone() }
    }

    fn read(&self) -> Result<Tree, Failure> {
        let folder = self.folder();
        let tree = folder.read()?;
        folder.require_files(&tree)?;
        Ok(tree)
    }

    /// Reads and compiles the folder, as of now.
    pub(super) fn load(&self) -> Result<edit::Folder, Failure> {
        Ok(edit::Folder::new(self.read()?, Timestamp::now()))
    }

    /// Tells that there are files that do not count.
    pub(super) fn tell_errors(&self, folder: &edit::Folder) {
        if folder.compiled().has_errors() {
            let dir = self.dir.display();
            output::note(&format!("note: the configuration has errors; `portolan check {dir}` says which\n"));
        }
    }

    /// Tells why nothing can be said of the folder.
    pub(super) fn cannot_tell(&self, refused: &Refused) -> Failure {
        let failure = self.refusal(refused);
        match refused {
            Refused::Broken(_) => Failure { message: "the configuration has errors".to_owned(), ..failure },
            _ => failure,
        }
    }

    /// Tells why something is refused, with the lines of the files.
    pub(super) fn refusal(&self, refused: &Refused) -> Failure {
        if let Some(problems) = refused.problems() {
            let colour = Colour::Auto.on(&io::stderr());
            let paths = Paths::as_named(&self.dir);
            // As `portolan test` shows them, with what decides.
            let tests = test::explained(problems, Timestamp::now());
            let (found, secrets) = match &tests {
                Some((found, hidden)) => (found, hidden),
                None => (&problems.diagnostics, &problems.secrets),
            };
            output::note(&human_at(found, &problems.sources, secrets, &paths, colour));
        }
        let is_unreadable = |problems: &edit::Problems| problems.diagnostics.iter().any(|d| d.code == UNREADABLE);
        let exit = match refused {
            Refused::Broken(problems) if is_unreadable(problems) => Exit::Failed,
            Refused::Form { .. } => Exit::Usage,
            Refused::NoRandomness => Exit::Failed,
            _ => Exit::No,
        };
        let failure = Failure::new(refused.to_string()).with_exit(exit);
        if refused.hint().is_empty() { failure } else { failure.with_hint(refused.hint()) }
    }
}

impl ChangeArguments {
    /// The folder that is changed.
    pub(super) fn folder(&self) -> &NamedFolder {
        &self.folder
    }
}

/// Carries out a change, or shows it.
pub(super) fn run(request: &Request<'_>) -> Result<Exit, Failure> {
    let arguments = request.arguments;
    let root = Root::open(&arguments.folder.dir)?;
    if arguments.dry_run {
        return show(request, &root);
    }
    let confirmed = if request.asks { Some(confirm(request)?) } else { None };
    let lock = Lock::take(&root.path)?;
    let mut changed = String::new();
    for _ in 0..ATTEMPTS_MAX {
        match attempt(request, &root, lock.is_alone, confirmed.as_deref()) {
            Err(Halt::Changed(file)) => changed = file,
            Err(Halt::Failed(failure) | Halt::Left(failure)) => return Err(failure),
            Ok(exit) => return Ok(exit),
        }
    }
    Err(Failure::new(format!("`{changed}` keeps changing while this reads and writes it; nothing was changed"))
        .with_hint("try again when whatever writes there is done"))
}

/// Asks whether the plan is meant. Returns what was asked.
fn confirm(request: &Request<'_>) -> Result<Vec<String>, Failure> {
    let folder = request.arguments.folder();
    let plan = (request.plan)(&folder.load()?).map_err(|refused| folder.refusal(&refused))?;
    if !plan.files.is_empty() {
        let paths = Paths::as_named(&folder.dir);
        prompt::confirm(&report::question(&plan, &paths))?;
    }
    Ok(plan.message)
}

/// Reads, plans and writes, once.
fn attempt(request: &Request<'_>, root: &Root, is_alone: bool, confirmed: Option<&[String]>) -> Result<Exit, Halt> {
    let arguments = request.arguments;
    let (plan, targets, delivery) = planned(request, root)?;
    if confirmed.is_some_and(|confirmed| confirmed != plan.message) {
        return Err(Failure::new("the folder changed while you were asked; nothing was changed")
            .with_exit(Exit::No)
            .with_hint("run it again to see what it would do now")
            .into());
    }
    let outcome = Outcome { plan: &plan, targets: &targets, file: delivery.as_ref().and_then(|d| d.file.as_deref()) };
    if targets.is_empty() {
        outcome.report(arguments.format, None, None)?;
        return Ok(Exit::Done);
    }
    if plan.secret.is_some() && outcome.file.is_none() {
        output::require_reader()?;
    }
    let ready = if arguments.commit { Some(git::Ready::for_files(root, &targets)?) } else { None };
    let secret =
        plan.secret.as_ref().zip(delivery.as_ref()).map(|(secret, delivery)| (delivery, delivery.text(secret)));
    // An interrupt now would leave a secret in force that nobody has seen.
    let _held = Held::begin().map_err(|error| Failure::new(format!("cannot watch for signals: {error}")))?;
    // Before the files: a secret that is in force and that nobody has would lock its user out.
    let file = match &secret {
        Some((Delivery { file: Some(path), .. }, text)) => Some(SecretFile::create(path, text)?),
        _ => None,
    };
    let is_unseen = secret.is_some() && file.is_none();
    let hinted = |failure: Failure| if is_unseen { failure.with_hint(UNSEEN) } else { failure };
    let mut applied = match Applied::make(&targets, is_alone, &root.path.join("repos")) {
        Err(Halt::Left(failure)) => {
            file.into_iter().for_each(SecretFile::keep);
            return Err(Halt::Left(hinted(failure)));
        }
        made => made?,
    };
    let shown = secret.as_ref().filter(|_| file.is_none()).map(|(_, text)| text.as_str());
    let done = match &ready {
        None => outcome.report(arguments.format, shown, None).map(|()| None),
        Some(ready) => {
            // Hooks may add whatever they find.
            applied.leave_nothing_aside();
            ready.commit(&plan.message).map(Some)
        }
    };
    let commit = match done {
        Ok(commit) => commit,
        Err(failure) => {
            let and = |then: &str| Failure { message: format!("{}; {then}", failure.message), ..failure };
            return Err(match applied.take_back() {
                Ok(()) => and("the files were put back"),
                Err(left) => {
                    // It may be in force.
                    file.into_iter().for_each(SecretFile::keep);
                    hinted(and(&left.message))
                }
            }
            .into());
        }
    };
    applied.keep();
    if let Some(file) = file {
        file.keep();
    }
    if let Some(path) = outcome.file.filter(|path| git::would_take(path)) {
        let path = visible(&path.display().to_string());
        output::note(&format!("note: `{path}` lies in a git work tree that does not ignore it; commit it nowhere\n"));
    }
    if let Some(commit) = commit {
        outcome.report(arguments.format, shown, Some(&commit)).map_err(|failure| {
            let failure =
                Failure { message: format!("{}; the change is committed as {commit}", failure.message), ..failure };
            match shown {
                Some(_) => failure.with_hint(UNSEEN),
                None => failure,
            }
        })?;
    }
    Ok(Exit::Done)
}

/// What would change, and where it would go.
fn planned(request: &Request<'_>, root: &Root) -> Result<(Plan, Vec<Target>, Option<Delivery>), Halt> {
    let named = request.arguments.folder();
    let tree = named.read()?;
    let folder = edit::Folder::new(tree.clone(), Timestamp::now());
    let settings = folder.compiled().model.as_ref().map(|model| model.settings.clone()).unwrap_or_default();
    let is_json = request.arguments.format == Format::Json;
    let delivery = request.secret.map(|secret| secret.delivery(&settings, is_json)).transpose()?;
    let plan = (request.plan)(&folder).map_err(|refused| named.refusal(&refused))?;
    let targets = root.targets(&plan.files, &tree)?;
    if let Some(file) = delivery.as_ref().and_then(|delivery| delivery.file.as_deref()) {
        root.refuse_configuration(file, &tree)?;
    }
    Ok((plan, targets, delivery))
}

/// Shows what would change.
fn show(request: &Request<'_>, root: &Root) -> Result<Exit, Failure> {
    let arguments = request.arguments;
    let (plan, targets, delivery) = planned(request, root).map_err(|halt| match halt {
        Halt::Changed(file) => Failure::new(format!("`{file}` changes while it is read")).with_hint("try again"),
        Halt::Failed(failure) | Halt::Left(failure) => failure,
    })?;
    if arguments.commit && !targets.is_empty() {
        git::Ready::for_files(root, &targets)?;
    }
    let file = delivery.as_ref().and_then(|delivery| delivery.file.as_deref());
    file.map_or(Ok(()), SecretFile::require_free)?;
    let outcome = Outcome { plan: &plan, targets: &targets, file };
    outcome.preview(arguments.format, arguments.color.on(&io::stdout()))?;
    Ok(Exit::Done)
}
