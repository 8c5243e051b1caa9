//! The command line: arguments, exit codes, and what people see.
//!
//! Imports everything below.

mod check;
mod exit;
mod explain;
mod hash;
mod init;
mod output;
mod password;
mod render;
mod schema;
mod secret;
mod serve;
mod storage;
mod storages;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::Tree;
use crate::live;

pub use exit::Exit;
pub use exit::Failure;

/// A container registry steered by YAML files in git.
#[derive(Debug, Parser)]
#[command(name = "portolan", version, max_term_width = 100, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Writes a small working configuration to start from
    #[command(after_help = "Example:\n  portolan init my-registry")]
    Init(Folder),
    /// Runs the registry
    #[command(
        after_help = "Example:\n  portolan serve /etc/portolan --data /var/lib/portolan --listen 0.0.0.0:5000\n\n\
        A change of the folder is in force a moment later; SIGHUP reloads at once, SIGTERM ends the server gracefully."
    )]
    Serve(serve::ServeArguments),
    /// Checks a configuration as the server would read it, and reports every problem
    #[command(after_help = "Example:\n  portolan check --deny-warnings .\n\n\
        Exit codes: 0 nothing wrong, 1 errors found (or warnings, with `--deny-warnings`), 3 the folder cannot be read")]
    Check(check::CheckArguments),
    /// Explains one diagnostic: what it means and how to mend it
    #[command(after_help = "Example:\n  portolan explain unknown-key")]
    Explain(explain::ExplainArguments),
    /// Reads a password from stdin and prints an entry for `credentials.yaml`
    #[command(after_help = "Example:\n  portolan hash < password.txt")]
    Hash(hash::HashArguments),
    /// Prints the JSON Schema of a configuration file, or the names of all
    #[command(after_help = "Example:\n  portolan schema repository > repository.schema.json")]
    Schema(schema::SchemaArguments),
    /// Cares for a storage: collects garbage, finds damages, counts, copies; while servers run, or not
    #[command(subcommand, after_help = "Example:\n  portolan storage verify /etc/portolan --data /var/lib/portolan")]
    Storage(storage::StorageCommand),
}

/// The configuration folder.
#[derive(Debug, Args)]
struct Folder {
    /// The configuration folder
    #[arg(value_name = "DIR", env = "PORTOLAN_CONFIG", default_value = ".")]
    dir: PathBuf,
}

/// The names that the file of the users may have. The server warns where others can read it.
const CREDENTIALS: [&str; 4] = ["credentials.yaml", "credentials.yml", "_credentials.yaml", "_credentials.yml"];

impl Folder {
    /// Reads the folder's files.
    fn read(&self) -> Result<Tree, Failure> {
        live::read(&self.dir).map_err(|error| {
            let failure = Failure::new(error.to_string());
            if self.dir.exists() { failure } else { failure.with_hint(self.hint()) }
        })
    }

    /// A folder without any file of ours is most likely the wrong one, and is not served. (One without
    /// users is fine: what is granted to anybody can be served.)
    fn require_files(&self, tree: &Tree) -> Result<(), Failure> {
        if !tree.files.is_empty() {
            return Ok(());
        }
        let failure = Failure::new(format!("`{}` holds no configuration", self.dir.display()));
        Err(failure.with_hint(self.hint()).with_exit(Exit::No))
    }

    fn hint(&self) -> String {
        format!("`portolan init {}` writes a configuration to start from", self.dir.display())
    }
}

/// Runs the command that the arguments name, the first of them being the program's name.
pub fn run(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Exit {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Nobody is left to be told where printing fails.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Done };
        }
    };
    let result = match arguments.command {
        Command::Init(folder) => init::run(&folder.dir),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Hash(arguments) => hash::run(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Storage(command) => storage::run(&command),
    };
    result.unwrap_or_else(|failure| {
        output::report(&failure);
        failure.exit
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_are_consistent_and_every_command_shows_an_example() {
        let command = Arguments::command();
        command.clone().debug_assert();
        for sub in command.get_subcommands() {
            let help = sub.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains(&format!("portolan {}", sub.get_name())), "{}", sub.get_name());
            for inner in sub.get_subcommands() {
                let help = inner.get_after_help().map(ToString::to_string).unwrap_or_default();
                let line = format!("portolan {} {}", sub.get_name(), inner.get_name());
                assert!(help.contains(&line), "{line}");
            }
        }
    }

    #[test]
    fn an_empty_folder_is_refused_with_a_hint() {
        let dir = tempfile::tempdir().unwrap();
        let missing = Folder { dir: dir.path().join("missing") };
        let failure = missing.read().unwrap_err();
        assert_eq!((failure.hint, failure.exit), (Some(missing.hint()), Exit::Failed));
        let folder = Folder { dir: dir.path().to_owned() };
        let failure = folder.require_files(&folder.read().unwrap()).unwrap_err();
        assert_eq!((failure.hint, failure.exit), (Some(folder.hint()), Exit::No));
        std::fs::write(dir.path().join("registry.yml"), "log: {level: info}\n").unwrap();
        assert!(folder.require_files(&folder.read().unwrap()).is_ok());
    }

    #[test]
    fn wrong_use_is_2_and_help_is_0() {
        assert_eq!(run(["portolan", "check", "--format", "morse"]), Exit::Usage);
        assert_eq!(run(["portolan", "fly"]), Exit::Usage);
        assert_eq!(run(["portolan", "check", "--help"]), Exit::Done);
        assert_eq!(run(["portolan", "check", "/nowhere/at/all"]), Exit::Failed);
    }
}
