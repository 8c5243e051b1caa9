//! `portolan import`: another system's users and rights as a configuration.
//!
//! Nothing is widened: what cannot be said is left out and told, line by line. The configuration is
//! compiled in memory before anything is written.

mod artipie;
mod docker_auth;
mod draft;
mod htpasswd;
mod report;
mod source;
mod write;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::access::effective;
use super::render::json_text;
use super::written::Written;
use super::{Exit, Failure, output, schema};
use crate::config::{Content, Model, Tree, compile};
use crate::diagnostic::Severity;
use crate::oci::ImageName;
use draft::Draft;
use report::Report;
use write::NewFile;

/// What the commands have in common, for their help.
const EXITS: &str = "Exit codes: 0 everything was carried over, 1 something was left out, which is told, 3 something cannot \
                     be read or written";

#[derive(Debug, Subcommand)]
pub(super) enum ImportCommand {
    /// Takes over the users of an htpasswd file that have bcrypt hashes
    #[command(after_help = format!(
        "Example:\n  portolan import htpasswd ./htpasswd -o my-registry --repository library --grant write\n\n{EXITS}"
    ))]
    Htpasswd(HtpasswdArguments),
    /// Takes over the users, roles, storages and Docker repositories of Artipie, of both its generations
    #[command(after_help = format!("Example:\n  portolan import artipie /var/artipie --output my-registry\n\n{EXITS}"))]
    Artipie(ArtipieArguments),
    /// Takes over the users and rules of cesanta's docker_auth
    #[command(
        name = "docker-auth",
        after_help = format!(
            "Example:\n  portolan import docker-auth auth_config.yml --output my-registry\n\nThere, the first rule that \
             matches decides; here, grants add up. What cannot be said is left out, never widened.\n\n{EXITS}"
        )
    )]
    DockerAuth(DockerAuthArguments),
}

#[derive(Debug, Args)]
pub(super) struct HtpasswdArguments {
    /// The htpasswd file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Also writes a repository of this name, which whoever is signed in may use
    #[arg(long, value_name = "NAME", value_parser = repository_name)]
    repository: Option<String>,
    /// What they may do there: `read` is to pull, `write` to pull and push
    #[arg(long, value_enum, default_value_t = Grant::Read, requires = "repository")]
    grant: Grant,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(super) struct ArtipieArguments {
    /// The folder of Artipie's configuration
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(super) struct DockerAuthArguments {
    /// The configuration file of docker_auth
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Name of the file below `repos/` for the one repository, which serves all images
    #[arg(long, value_name = "NAME", default_value = "images", value_parser = repository_name)]
    repository: String,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
struct Target {
    /// The folder to write: new, or empty
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
    /// Shows what would be written, without passwords, and writes nothing
    #[arg(long)]
    dry_run: bool,
    /// How to print what was done
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Grant {
    /// Pull
    Read,
    /// Pull and push
    Write,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Human,
    /// One JSON object
    Json,
}

/// A name that can be the path of a repository's file.
fn repository_name(text: &str) -> Result<String, String> {
    ImageName::parse(text).map(|name| name.to_string()).map_err(|error| error.to_string())
}

/// Runs a command.
pub(super) fn run(command: &ImportCommand) -> Result<Exit, Failure> {
    let mut report = Report::default();
    let (draft, target) = match command {
        ImportCommand::Htpasswd(arguments) => (from_htpasswd(arguments, &mut report)?, &arguments.target),
        ImportCommand::Artipie(arguments) => (artipie::import(&arguments.folder, &mut report)?, &arguments.target),
        ImportCommand::DockerAuth(arguments) => {
            let text = source::read(&arguments.file)?;
            let name = file_name(&arguments.file);
            let draft = docker_auth::import(&text, &name, &arguments.repository, &mut report)
                .map_err(|error| Failure::new(format!("cannot read `{}`: {error}", arguments.file.display())))?;
            (draft, &arguments.target)
        }
    };
    finish(&draft, &report.sorted(), target)
}

fn from_htpasswd(arguments: &HtpasswdArguments, report: &mut Report) -> Result<Draft, Failure> {
    let text = source::bytes(&arguments.file)?;
    let name = file_name(&arguments.file);
    let mut draft = htpasswd::import(&text, &name, report);
    match &arguments.repository {
        Some(repository) if !draft.users.is_empty() => {
            let words: &[&str] = if arguments.grant == Grant::Read { &["read"] } else { &["read", "write"] };
            draft.repositories.push(htpasswd::repository(repository, words));
        }
        Some(_) => {}
        None => report.note(&name, 0, "an htpasswd file grants nothing: add a repository, as `--repository NAME` does"),
    }
    Ok(draft)
}

/// The last part of a path, by which the report calls the file.
fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// Compiles, writes and tells.
fn finish(draft: &Draft, report: &Report, target: &Target) -> Result<Exit, Failure> {
    refuse_full(&target.output)?;
    let exit = if report.is_complete() { Exit::Done } else { Exit::No };
    let mut files = write::files(draft, false);
    let model = compiled(&files).inspect_err(|_| output::note(&report.text()))?;
    if !draft.is_empty() && !target.dry_run {
        for name in ["credentials", "storages", "repository"] {
            let path = format!(".schemas/{name}.schema.json");
            files.push(NewFile { path, text: schema::text(name)? + "\n", is_private: false });
        }
        write_all(&target.output, &files)?;
    }
    let (table, rights) = effective(&model.snapshot, Timestamp::now());
    let shown = if target.dry_run { write::files(draft, true) } else { Vec::new() };
    match target.format {
        Format::Json => output::result(&json_text(&as_json(&files, &shown, &rights, report, target)))?,
        Format::Human => {
            for file in &shown {
                output::result(&format!("# ---- {}\n{}\n", file.path, file.text))?;
            }
            output::result(&table)?;
            output::note(&report.text());
            output::note(&summary(draft, target));
        }
    }
    Ok(exit)
}

fn summary(draft: &Draft, target: &Target) -> String {
    let count = |count: usize, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    let users = count(draft.users.len(), "user", "users");
    let repositories = count(draft.repositories.len(), "repository", "repositories");
    let folder = super::render::visible(&target.output.display().to_string());
    match (draft.is_empty(), target.dry_run) {
        (true, _) => "nothing could be carried over, and nothing was written\n".to_owned(),
        (_, true) => format!("would write {users} and {repositories} to `{folder}`\n"),
        (_, false) => {
            format!("wrote {users} and {repositories} to `{folder}`\nnext: portolan check {folder}\n")
        }
    }
}

fn as_json(files: &[NewFile], shown: &[NewFile], rights: &Value, report: &Report, target: &Target) -> Value {
    let (left_out, notes) = report.json();
    let file = |file: &NewFile| {
        let text = shown.iter().find(|shown| shown.path == file.path).map(|shown| shown.text.as_str());
        json!({ "path": file.path, "text": text })
    };
    json!({
        "output": target.output.display().to_string(),
        "dry_run": target.dry_run,
        "files": files.iter().map(file).collect::<Vec<_>>(),
        "left_out": left_out,
        "notes": notes,
        "access": rights,
    })
}

/// Compiles what would be written.
fn compiled(files: &[NewFile]) -> Result<Arc<Model>, Failure> {
    let contents = files.iter().map(|file| (Arc::from(&*file.path), Content::Bytes(file.text.as_bytes().into())));
    let compiled = compile(&Tree { files: contents.collect() }, None);
    let errors = compiled.diagnostics.iter().filter(|found| found.severity == Severity::Error);
    let errors: Vec<String> = errors.map(|found| format!("{}: {}", found.primary.place.file, found.message)).collect();
    match compiled.model {
        Some(model) if errors.is_empty() => Ok(model),
        _ => {
            Err(Failure::new(format!("nothing was written, since the result would have errors: {}", errors.join("; ")))
                .with_hint("change what it names in a copy of what is imported, and import that")
                .with_exit(Exit::No))
        }
    }
}

/// A folder with anything in it is left alone.
fn refuse_full(folder: &Path) -> Result<(), Failure> {
    match fs::read_dir(folder).map(|mut entries| entries.next().is_some()) {
        Ok(false) => Ok(()),
        Ok(true) => Err(Failure::new(format!("`{}` is not empty", folder.display()))
            .with_hint("name a folder that is new or empty")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::new(format!("cannot write to `{}`: {error}", folder.display()))),
    }
}

/// Writes the files, or none where one fails.
fn write_all(folder: &Path, files: &[NewFile]) -> Result<(), Failure> {
    let mut written = Written::default();
    for file in files {
        written.create(&folder.join(&file.path), &file.text, if file.is_private { 0o600 } else { 0o644 })?;
    }
    written.keep();
    Ok(())
}

#[cfg(test)]
mod tests;
