//! The command line: arguments, exit codes, and what people see.
//!
//! Imports everything below.

mod access;
mod change;
mod check;
mod completions;
mod exit;
mod explain;
mod hash;
mod import;
mod init;
mod man;
mod output;
mod prompt;
mod remote;
mod render;
mod repository;
mod schema;
mod secret;
mod serve;
mod signals;
mod status;
mod storage;
mod storages;
mod table;
mod test;
mod user;
mod wait;
mod written;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
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
    Init(init::InitArguments),
    /// Runs the registry
    #[command(
        after_help = "Example:\n  portolan serve /etc/portolan --data /var/lib/portolan --listen 0.0.0.0:5000\n\n\
        A change of the folder is in force a moment later; SIGHUP reloads at once, SIGTERM ends the server gracefully."
    )]
    Serve(serve::ServeArguments),
    /// Checks a configuration as the server would read it, and reports every problem
    #[command(
        after_help = "Example:\n  portolan check --deny-warnings .\n  portolan check --format sarif config > portolan.sarif\n\n\
        Exit codes: 0 nothing wrong, 1 errors found (or warnings, with `--deny-warnings`), 3 the folder cannot be read or holds no \
        configuration"
    )]
    Check(check::CheckArguments),
    /// Runs the access tests of a configuration, and shows why those fail that do
    #[command(after_help = "Example:\n  portolan test --filter payments .\n\n\
        Exit codes: 0 all tests hold, 1 one does not (or there is none, or the configuration has errors), 3 the folder \
        cannot be read")]
    Test(test::TestArguments),
    /// Tells who can do what, and what a change of the configuration changes in it
    #[command(subcommand, after_help = "Example:\n  portolan access diff main HEAD")]
    Access(access::AccessCommand),
    /// Writes a configuration from another system's users and rights
    #[command(subcommand, after_help = "Example:\n  portolan import docker-auth auth_config.yml --output my-registry")]
    Import(import::ImportCommand),
    /// Explains one diagnostic: what it means and how to mend it
    #[command(
        after_help = "Examples:\n  portolan explain unknown-key\n  portolan explain                  lists all codes"
    )]
    Explain(explain::ExplainArguments),
    /// Reads a password from stdin and prints an entry for `credentials.yaml`
    #[command(after_help = "Example:\n  portolan hash < password.txt")]
    Hash(hash::HashArguments),
    /// Prints the JSON Schema of a configuration file, or the names of all
    #[command(after_help = "Example:\n  portolan schema repository > repository.schema.json")]
    Schema(schema::SchemaArguments),
    /// Tells which configuration a running server enforces
    #[command(after_help = "Example:\n  portolan status https://registry.example.com\n\n\
        Exit codes: 0 it is in force as written, 1 it is not, 3 the server cannot be asked")]
    Status(status::StatusArguments),
    /// Waits until a running server enforces a configuration
    #[command(
        after_help = "Example:\n  portolan wait --commit \"$(git rev-parse HEAD)\" https://registry.example.com\n\n\
        Exit codes: 0 it is in force, 1 it is not in time, or not as written, 3 the server cannot be asked"
    )]
    Wait(wait::WaitArguments),
    /// Cares for a storage: collects garbage, finds damages, counts, copies; while servers run, or not
    #[command(subcommand, after_help = "Example:\n  portolan storage verify /etc/portolan --data /var/lib/portolan")]
    Storage(storage::StorageCommand),
    /// Changes users in place: adds, edits, rotates, disables, deletes, and lists them
    #[command(subcommand, after_help = "Example:\n  portolan user add ci --generate --push library --commit")]
    User(user::UserCommand),
    /// Changes repositories in place: adds, grants, revokes, deletes, and lists them
    #[command(subcommand, after_help = "Example:\n  portolan repository grant library jane read")]
    Repository(repository::RepositoryCommand),
    /// Prints a script with which a shell completes commands, options and names
    #[command(
        after_help = "Examples:\n  portolan completions bash > ~/.local/share/bash-completion/completions/portolan\n  \
        portolan completions zsh > ~/.zfunc/_portolan      with `~/.zfunc` in `fpath`\n  \
        portolan completions fish > ~/.config/fish/completions/portolan.fish\n\n\
        The script belongs to this version; make it anew after an update."
    )]
    Completions(completions::CompletionsArguments),
    /// Prints the manual's pages, or writes them to a folder
    #[command(after_help = "Examples:\n  portolan man > portolan.1 && man -l portolan.1\n  \
        portolan man /usr/local/share/man/man1")]
    Man(man::ManArguments),
}

/// The configuration folder.
#[derive(Debug, Args)]
struct Folder {
    /// The configuration folder
    #[arg(value_name = "DIR", env = "PORTOLAN_CONFIG", default_value = ".")]
    dir: PathBuf,
}

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
        if !holds_none(tree) {
            return Ok(());
        }
        let failure = Failure::new(format!("`{}` holds no configuration", self.dir.display()));
        Err(failure.with_hint(format!("name the folder that `repos/` lies in, as DIR or `--config`; {}", self.hint())))
    }

    fn hint(&self) -> String {
        format!("`portolan init {}` writes a configuration to start from", self.dir.display())
    }
}

/// Whether a folder holds no configuration. Access tests alone are none, and many a project has a folder `tests/`.
fn holds_none(tree: &Tree) -> bool {
    tree.files.keys().all(|name| &**name == "tests" || name.starts_with("tests/"))
}

/// Runs the command that the arguments name, the first of them being the program's name.
pub fn run(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Exit {
    let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
    if let Some(exit) = completions::answer(&arguments) {
        return exit;
    }
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Nobody is left to be told where printing fails.
            let _ = error.print();
            let is_empty = std::env::var_os("PORTOLAN_CONFIG").is_some_and(|folder| folder.is_empty());
            if is_empty && error.kind() == ErrorKind::InvalidValue {
                output::note("hint: `PORTOLAN_CONFIG` is set and empty; unset it, or let it name the folder\n");
            }
            return if error.use_stderr() { Exit::Usage } else { Exit::Done };
        }
    };
    let result = match arguments.command {
        Command::Init(arguments) => init::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Access(command) => access::run(&command),
        Command::Import(command) => import::run(&command),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Hash(arguments) => hash::run(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Status(arguments) => status::run(&arguments),
        Command::Wait(arguments) => wait::run(&arguments),
        Command::Storage(command) => storage::run(&command),
        Command::User(command) => user::run(&command),
        Command::Repository(command) => repository::run(&command),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Man(arguments) => man::run(&arguments),
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
                assert!(help.lines().filter(|line| line.starts_with("  ")).all(|line| line.len() <= 100), "{help}");
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
        assert!(failure.hint.is_some_and(|hint| hint.contains("`--config`") && hint.contains(&folder.hint())));
        assert_eq!(failure.exit, Exit::Failed);
        std::fs::create_dir(dir.path().join("tests")).unwrap();
        std::fs::write(dir.path().join("tests/unit.yaml"), "answer: 42\n").unwrap();
        assert!(folder.require_files(&folder.read().unwrap()).is_err());
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
