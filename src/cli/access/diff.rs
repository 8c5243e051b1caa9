//! `portolan access diff`: who gains and who loses what between two configurations.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use crate::cli::output::Colour;
use crate::cli::render::{human, visible};
use crate::cli::table::TableFormat;
use crate::cli::{Exit, Failure, holds_none, output};
use crate::config::{Compiled, Model, Tree, compile};
use crate::diagnostic::{Diagnostic, Severity};
use crate::identity::moment;
use crate::live;
use crate::policy::difference::difference;

use super::changes::{Report, Side};

#[derive(Debug, Args)]
pub(in crate::cli) struct DiffArguments {
    /// What was: a folder, or a git revision of the configuration folder
    #[arg(value_name = "OLD")]
    old: String,
    /// What is to be (default: the configuration folder as it is)
    #[arg(value_name = "NEW")]
    new: Option<String>,
    /// The configuration folder
    #[arg(long, value_name = "DIR", env = "PORTOLAN_CONFIG", default_value = ".")]
    config: PathBuf,
    /// From which moment on to compare: a date, or a time (default: now)
    #[arg(long, value_name = "DATE", value_parser = moment)]
    at: Option<Timestamp>,
    /// Ends with 1 where it happens
    #[arg(long, value_enum)]
    fail_on: Option<FailOn>,
    /// How to print the differences
    #[arg(long, value_enum, default_value_t = TableFormat::Human)]
    format: TableFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Somebody gains something
    Widen,
}

pub(super) fn run(arguments: &DiffArguments) -> Result<Exit, Failure> {
    let folder = &arguments.config;
    let old = Source::of(folder, &arguments.old)?;
    let new =
        arguments.new.as_ref().map_or_else(|| Ok(Source::Folder(folder.clone())), |new| Source::of(folder, new))?;
    let (old, new) = (old.load(folder)?, new.load(folder)?);
    if old.is_empty && new.is_empty {
        return Err(nothing_to_compare(&old, &new));
    }
    old.tell("OLD");
    new.tell("NEW");
    let old_model = old.model().ok_or_else(|| old.unusable("OLD").with_exit(Exit::Failed))?;
    let new_model = new.model().ok_or_else(|| new.unusable("NEW").with_exit(Exit::No))?;
    let at = arguments.at.unwrap_or_else(Timestamp::now);
    let found = difference(&old_model.snapshot, &new_model.snapshot, at);
    let is_wider = !found.gains.is_empty();
    let report = Report::new(&found, old.side(), new.side(), at);
    output::result(&match arguments.format {
        TableFormat::Human => report.human(),
        TableFormat::Json => report.json(),
        TableFormat::Csv => report.csv(),
        TableFormat::Markdown => report.markdown(),
    })?;
    let is_refused = arguments.fail_on == Some(FailOn::Widen) && is_wider;
    Ok(if is_refused || new.compiled.has_errors() { Exit::No } else { Exit::Done })
}

/// Two sides without a configuration are most likely not where it is, and no gate may take them for no difference.
fn nothing_to_compare(old: &Loaded, new: &Loaded) -> Failure {
    let message = format!("neither OLD (`{}`) nor NEW (`{}`) holds a configuration", old.name, new.name);
    Failure::new(message).with_hint(
        "name the folder that `repos/` lies in with `--config` (in a bare repository, each side as `REVISION:FOLDER`)",
    )
}

/// Where a side is read.
#[derive(Debug)]
enum Source {
    Folder(PathBuf),
    Revision(String),
}

impl Source {
    fn of(folder: &Path, text: &str) -> Result<Self, Failure> {
        let usage = |message: String| Failure::new(message).with_exit(Exit::Usage);
        let path = Path::new(text);
        let is_folder = path.is_dir();
        // What is written as a path is one; everything else may be both.
        if is_folder && (path.is_absolute() || text.starts_with('.')) {
            return Ok(Self::Folder(path.to_owned()));
        }
        match (is_folder, live::is_revision(folder, text)) {
            (true, false) => Ok(Self::Folder(path.to_owned())),
            (false, true) => Ok(Self::Revision(text.to_owned())),
            (true, true) => Err(usage(format!("`{text}` is a folder and a git revision"))
                .with_hint(format!("write `./{text}` for the folder, or `refs/heads/{text}` for a branch"))),
            (false, false) => {
                // What git has against it is said best by the attempt.
                live::read_revision(folder, text).map_err(|error| {
                    let failure = Failure::new(format!("`{text}` is no folder, and {error}"));
                    Failure { hint: hint(error), ..failure }
                })?;
                Ok(Self::Revision(text.to_owned()))
            }
        }
    }

    fn load(self, folder: &Path) -> Result<Loaded, Failure> {
        let (name, is_revision, tree): (String, bool, Tree) = match self {
            Self::Folder(path) => {
                let tree = live::read(&path).map_err(|error| Failure::new(error.to_string()))?;
                (path.display().to_string(), false, tree)
            }
            Self::Revision(revision) => {
                let tree = live::read_revision(folder, &revision).map_err(|error| {
                    let failure = Failure::new(error.to_string());
                    Failure { hint: hint(error), ..failure }
                })?;
                (revision, true, tree)
            }
        };
        let is_empty = holds_none(&tree);
        Ok(Loaded { name, is_revision, is_empty, compiled: compile(&tree, None) })
    }
}

/// What to do about a revision that cannot be read.
fn hint(error: live::StartError) -> Option<String> {
    if let live::StartError::Revision { hint, .. } = error { hint } else { None }
}

/// A side.
struct Loaded {
    name: String,
    is_revision: bool,
    is_empty: bool,
    compiled: Compiled,
}

impl Loaded {
    fn model(&self) -> Option<&Arc<Model>> {
        self.compiled.model.as_ref()
    }

    fn errors(&self) -> Vec<Diagnostic> {
        self.compiled.diagnostics.iter().filter(|found| found.severity == Severity::Error).cloned().collect()
    }

    fn side(&self) -> Side {
        Side {
            name: self.name.clone(),
            is_revision: self.is_revision,
            hash: self.compiled.hash.clone(),
            errors: self.errors().len(),
        }
    }

    /// Says on stderr what is wrong with the side.
    fn tell(&self, which: &str) {
        let name = visible(&self.name);
        if self.is_empty {
            output::note(&format!("note: {which} (`{name}`) holds no configuration\n"));
        }
        let errors = self.errors();
        if errors.is_empty() {
            return;
        }
        let plural = if errors.len() == 1 { "" } else { "s" };
        output::note(&format!(
            "note: {which} (`{name}`) has {} error{plural}; what does not compile counts as a closed repository\n\n",
            errors.len()
        ));
        let colour = Colour::Auto.on(&io::stderr());
        output::note(&human(&errors, &self.compiled.sources, &self.compiled.secrets, colour));
    }

    fn unusable(&self, which: &str) -> Failure {
        Failure::new(format!("{which} (`{}`) cannot be used, so there is nothing to compare", self.name))
    }
}
