//! `portolan check`: read, compile, lint, render. No server, no storage, no async runtime.

use std::io;

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use crate::config::{Checked, check};
use crate::identity::moment;

use super::output::Colour;
use super::render::{Paths, Summary, github, human_at, json, junit, may_lack_warnings, sarif};
use super::{Exit, Failure, Folder, output, secret};

#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    #[command(flatten)]
    folder: Folder,
    /// How to print what is found
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// When to use colour
    #[arg(long, value_enum, default_value_t = Colour::Auto)]
    color: Colour,
    /// Ends with 1 for warnings, too, unless they depend on the day
    #[arg(long)]
    deny_warnings: bool,
    /// The day (or RFC 3339 time) for which to judge what ends; by default now
    #[arg(long, value_name = "DATE", value_parser = moment)]
    at: Option<Timestamp>,
    /// Also looks up the secrets and certificates that stand in the environment or in files
    #[arg(long)]
    secrets: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Human,
    /// One JSON object
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations of GitHub Actions
    Github,
    /// JUnit XML, a test for each file
    Junit,
}

pub(super) fn run(arguments: &CheckArguments) -> Result<Exit, Failure> {
    let folder = &arguments.folder.dir;
    let tree = arguments.folder.read()?;
    // Nothing that a machine would take for a clean report.
    arguments.folder.require_files(&tree)?;
    let mut checked = check(&tree, arguments.at.unwrap_or_else(Timestamp::now));
    if arguments.secrets {
        secret::add_missing(folder, &mut checked);
    }
    let Checked { compiled, .. } = &checked;
    let (diagnostics, sources, secrets) = (&compiled.diagnostics, &compiled.sources, &compiled.secrets);
    let summary = Summary::of(diagnostics, tree.files.len());
    let in_repository = || Paths::in_repository(folder);
    output::result(&match arguments.format {
        Format::Human => {
            human_at(diagnostics, sources, secrets, &Paths::as_named(folder), arguments.color.on(&io::stdout()))
        }
        Format::Json => json(diagnostics, sources, summary, &in_repository()) + "\n",
        Format::Sarif => sarif(diagnostics, sources, &in_repository()),
        Format::Github => github(diagnostics, sources, &in_repository()),
        Format::Junit => junit(diagnostics, sources, secrets, &in_repository(), arguments.deny_warnings),
    })?;
    output::note(&format!("{summary}\n"));
    if may_lack_warnings(diagnostics) {
        output::note("warnings that need the files with errors are told when these are mended\n");
    }
    let denied = arguments.deny_warnings && summary.warnings > summary.timely;
    let wrong = compiled.has_errors() || compiled.model.is_none() || denied;
    // The process ends: giving back a million entries one by one would only take time.
    std::mem::forget((checked, tree));
    Ok(if wrong { Exit::No } else { Exit::Done })
}
