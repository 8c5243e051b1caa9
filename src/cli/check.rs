//! `portolan check`: read, compile, render. No server, no storage, no async runtime.

use std::io;
use std::path::Path;

use clap::{Args, ValueEnum};

use crate::config::{Compiled, compile};

use super::output::Colour;
use super::render::{Summary, human, json};
use super::{Exit, Failure, Folder, output, secret, storages};

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
    /// Ends with 1 for warnings, too
    #[arg(long)]
    deny_warnings: bool,
    /// Also looks up secrets that stand in the environment or in files
    #[arg(long)]
    secrets: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Human,
    /// One JSON object
    Json,
}

pub(super) fn run(arguments: &CheckArguments) -> Result<Exit, Failure> {
    let folder = &arguments.folder.dir;
    let tree = arguments.folder.read()?;
    let compiled = compile(&tree, None);
    let summary = Summary::of(&compiled.diagnostics, tree.files.len());
    match arguments.format {
        Format::Human => {
            let colour = arguments.color.on(&io::stdout());
            output::result(&human(&compiled.diagnostics, &compiled.sources, &compiled.secrets, colour))?;
        }
        Format::Json => output::result(&(json(&compiled.diagnostics, &compiled.sources, summary) + "\n"))?,
    }
    let empty = arguments.folder.require_files(&tree).err();
    let secret = if arguments.secrets { missing_secret(folder, &compiled) } else { None };
    let missing: Vec<Failure> = empty.into_iter().chain(secret).collect();
    missing.iter().for_each(output::report);
    output::note(&format!("{summary}\n"));
    let denied = arguments.deny_warnings && summary.warnings > 0;
    let wrong = compiled.has_errors() || compiled.model.is_none() || denied || !missing.is_empty();
    Ok(if wrong { Exit::No } else { Exit::Done })
}

fn missing_secret(folder: &Path, compiled: &Compiled) -> Option<Failure> {
    let model = compiled.model.as_ref()?;
    let key = model.settings.signing_key.as_ref().map_or(Ok(()), |key| secret::signing_key(folder, key).map(|_| ()));
    let mut storages = model.storages.values();
    // Where the data are makes no difference to the keys.
    let mut keys = || storages.try_for_each(|definition| storages::options(folder, folder, definition).map(|_| ()));
    key.and_then(|()| keys()).err().map(Failure::new)
}
