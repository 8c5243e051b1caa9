//! `portolan storage`: the care for a storage, while servers run or not.

mod opened;
mod show;

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use crate::config::parse_duration;
use crate::policy::TagMode;
use crate::registry::{Care, CareOptions, Settled, VerifyOptions};

use super::serve::tasks::UPLOAD_AGE;
use super::{Exit, Failure, Folder, output};
use opened::Opened;
use show::Show;

#[derive(Debug, Subcommand)]
pub(super) enum StorageCommand {
    /// Deletes what no manifest names, once it was condemned for the grace period
    #[command(after_help = "Example:\n  portolan storage gc /etc/portolan --data /var/lib/portolan --dry-run\n\n\
        The first run condemns, a later one deletes. Servers may run, and push, meanwhile.")]
    Gc(GcArguments),
    /// Reads every blob and follows every link, and tells what is missing, altered or left over
    #[command(after_help = "Example:\n  portolan storage verify /etc/portolan --repair\n\n\
        Exit codes: 0 nothing is damaged (any more), 1 damages remain, 3 the storage cannot be read")]
    Verify(VerifyArguments),
    /// Builds the indexes of referrers, where the data came from another registry
    #[command(after_help = "Example:\n  portolan storage reindex /etc/portolan")]
    Reindex(StorageArguments),
    /// Brings the bytes of large uploads to where the reference implementation looks for them
    #[command(after_help = "Example:\n  portolan storage settle /etc/portolan --storage cloud\n\n\
        Needed only before a bucket is given back to another registry. Servers may run meanwhile: what was copied \
        is removed from where it was 20 minutes later, when no download from there can begin any more.")]
    Settle(SettleArguments),
    /// Tells how many bytes each image takes
    #[command(after_help = "Example:\n  portolan storage usage /etc/portolan --format json")]
    Usage(StorageArguments),
    /// Copies a storage into another one; begun again, it leaves out what is there
    #[command(after_help = "Example:\n  portolan storage copy default cloud /etc/portolan\n\n\
        Running uploads are not copied. Stop the servers, or let them only be pulled from, for a copy that is complete; \
        the target may be in use.\n\
        Exit codes: 0 everything is there, 1 something is damaged or missing, or a tag points elsewhere in the target, \
        3 a storage cannot be read or written")]
    Copy(CopyArguments),
}

/// Which storages.
#[derive(Debug, Args)]
pub(super) struct StorageArguments {
    #[command(flatten)]
    at: At,
    /// Only this storage, by its alias (default: every storage that a repository uses)
    #[arg(long, value_name = "NAME")]
    storage: Option<String>,
    #[command(flatten)]
    print: Print,
}

/// Where the configuration and the data are.
#[derive(Debug, Args)]
pub(super) struct At {
    #[command(flatten)]
    folder: Folder,
    /// The folder for data; storages with relative paths lie below it
    #[arg(long, value_name = "DIR", default_value = "data")]
    data: std::path::PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Print {
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Human,
    /// One JSON object
    Json,
}

#[derive(Debug, Args)]
pub(super) struct GcArguments {
    #[command(flatten)]
    storage: StorageArguments,
    /// Deletes what was condemned for so long (default: `garbage.grace`); what was used in the last half hour stays in
    /// any case
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    grace: Option<Duration>,
    /// Also removes manifests that no tag, index or subject leads to, when they are older (default:
    /// `garbage.untagged`)
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    untagged: Option<Duration>,
    /// Changes nothing, and tells what a run would do now
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
pub(super) struct VerifyArguments {
    #[command(flatten)]
    storage: StorageArguments,
    /// Mends what can be mended safely; altered bytes are put aside and never deleted
    #[arg(long)]
    repair: bool,
}

#[derive(Debug, Args)]
pub(super) struct SettleArguments {
    #[command(flatten)]
    storage: StorageArguments,
    /// Does not wait for downloads: no server works on the storage
    #[arg(long)]
    offline: bool,
}

#[derive(Debug, Args)]
pub(super) struct CopyArguments {
    /// The alias of the storage to read
    from: String,
    /// The alias of the storage to write
    to: String,
    /// Moves tags that point elsewhere in the target (default: they stay, and are told)
    #[arg(long)]
    replace_tags: bool,
    #[command(flatten)]
    at: At,
    #[command(flatten)]
    print: Print,
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "write a whole number and its unit: `30s`, `12h` or `30d`".to_owned())
}

/// Runs a command.
pub(super) fn run(command: &StorageCommand) -> Result<Exit, Failure> {
    match command {
        StorageCommand::Gc(arguments) => gc(arguments),
        StorageCommand::Verify(arguments) => {
            let options = VerifyOptions { repair: arguments.repair };
            each(&arguments.storage, async |_, care, progress| Ok(care.verify(options, progress).await?))
        }
        StorageCommand::Reindex(arguments) => {
            each(arguments, async |_, care, progress| Ok(care.reindex(progress).await?))
        }
        StorageCommand::Settle(arguments) => {
            let wait = if arguments.offline { Duration::ZERO } else { Settled::WAIT };
            each(&arguments.storage, async |_, care, progress| Ok(care.settle(wait, progress).await?))
        }
        StorageCommand::Usage(arguments) => each(arguments, async |_, care, progress| Ok(care.usage(progress).await?)),
        StorageCommand::Copy(arguments) => copy(arguments),
    }
}

fn gc(arguments: &GcArguments) -> Result<Exit, Failure> {
    each(&arguments.storage, async |opened, care, progress| {
        let options = CareOptions {
            grace: arguments.grace,
            untagged: arguments.untagged.or(opened.garbage().untagged),
            uploads: UPLOAD_AGE,
            dry_run: arguments.dry_run,
        };
        let collected = care.collect(&options, progress).await?;
        Ok(show::Gc { dry_run: arguments.dry_run, collected })
    })
}

fn copy(arguments: &CopyArguments) -> Result<Exit, Failure> {
    let opened = Opened::at(&arguments.at)?;
    let (from, to) = (opened.named(&arguments.from)?, opened.named(&arguments.to)?);
    if from.0 == to.0 {
        return Err(Failure::new("both names are of the same storage").with_exit(Exit::Usage));
    }
    let (source, target) = (opened.care(&from)?, opened.care(&to)?);
    let tags = if arguments.replace_tags { TagMode::Replace } else { TagMode::CreateOnly };
    let copied = opened.run(async |progress| Ok(source.copy_to(&target, tags, progress).await?))?;
    print(&arguments.print, &[(arguments.to.clone(), copied)])
}

/// Does something with each storage that is meant.
fn each<T: Show + Serialize>(
    arguments: &StorageArguments,
    work: impl AsyncFn(&Opened, &Care, crate::registry::Progress<'_>) -> Result<T, crate::registry::StorageError>,
) -> Result<Exit, Failure> {
    let opened = Opened::at(&arguments.at)?;
    let mut results = Vec::new();
    for (name, storage) in opened.chosen(arguments.storage.as_deref())? {
        let care = opened.care(&storage)?;
        let result = opened.run(async |progress| work(&opened, &care, progress).await)?;
        results.push((name, result));
    }
    print(&arguments.print, &results)
}

fn print<T: Show + Serialize>(how: &Print, results: &[(String, T)]) -> Result<Exit, Failure> {
    let text = match how.format {
        Format::Human => {
            let one = |(name, result): &(String, T)| match results.len() {
                1 => result.text(),
                _ => format!("storage {name}\n{}", result.text()),
            };
            results.iter().map(one).collect::<Vec<_>>().join("\n")
        }
        Format::Json => {
            let storages: serde_json::Map<String, serde_json::Value> = results
                .iter()
                .map(|(name, result)| Ok((name.clone(), serde_json::to_value(result)?)))
                .collect::<Result<_, serde_json::Error>>()
                .map_err(|error| Failure::new(error.to_string()))?;
            format!("{}\n", serde_json::json!({ "storages": storages }))
        }
    };
    output::result(&text)?;
    Ok(if results.iter().all(|(_, result)| result.is_fine()) { Exit::Done } else { Exit::No })
}
