//! `portolan repository`: repositories and what is granted in them, as changes of the YAML in place.

mod list;

use clap::{Args, Subcommand};
use clap_complete::ArgValueCompleter;

use crate::edit::{self, AddRepository, GrantRequest, Plan, Refused, RevokeRequest};

use super::change::{self, ChangeArguments, Request};
use super::completions::{operations, repositories, storages, subjects};
use super::{Exit, Failure};

#[derive(Debug, Subcommand)]
pub(super) enum RepositoryCommand {
    /// Adds a repository in which nothing is granted yet
    #[command(after_help = "Example:\n  portolan repository add team-a/backend --storage cloud --commit")]
    Add(AddArguments),
    /// Lists the repositories
    #[command(after_help = "Example:\n  portolan repository list --format markdown")]
    List(list::ListArguments),
    /// Grants something to a user, a group, whoever is signed in, or anybody
    #[command(after_help = "Examples:\n  portolan repository grant library jane read write\n  \
        portolan repository grant library /developers read --until 90d --because 'trial'\n  \
        portolan repository grant library '*' read\n  \
        portolan repository grant apps release-bot 'repository:api:v*:push'\n\n\
        WHO is a user, `/GROUP`, `/*` (whoever is signed in) or `*` (anybody).")]
    Grant(GrantArguments),
    /// Takes away what is granted to somebody: some operations, or all
    #[command(after_help = "Examples:\n  portolan repository revoke library jane write\n  \
        portolan repository revoke library /developers")]
    Revoke(RevokeArguments),
    /// Deletes a repository's file, never its images
    #[command(after_help = "Example:\n  portolan repository delete team-a/backend --yes\n\n\
        It asks first; `--yes` goes ahead without asking, as is needed where there is no terminal.")]
    Delete(DeleteArguments),
}

#[derive(Debug, Args)]
pub(super) struct AddArguments {
    /// The repository's name
    name: String,
    /// The alias of the storage (default: `default`)
    #[arg(long, value_name = "ALIAS", add = ArgValueCompleter::new(storages))]
    storage: Option<String>,
    #[command(flatten)]
    change: ChangeArguments,
}

#[derive(Debug, Args)]
pub(super) struct GrantArguments {
    /// The repository
    #[arg(add = ArgValueCompleter::new(repositories))]
    repository: String,
    /// To whom: a user, `/GROUP`, `/*` or `*`
    #[arg(add = ArgValueCompleter::new(subjects))]
    who: String,
    /// What: words such as `read`, or granular permissions such as `repository:app:push`
    #[arg(value_name = "OPERATION", required = true, add = ArgValueCompleter::new(operations))]
    operations: Vec<String>,
    /// Until when: a date, a time, or from now (`90d`, `12h`)
    #[arg(long, value_name = "DATE|DURATION")]
    until: Option<String>,
    /// Why, to be written beside it
    #[arg(long, value_name = "TEXT")]
    because: Option<String>,
    /// Lets the first grant of a repository that is open to everybody close it to everybody else
    #[arg(long)]
    close: bool,
    #[command(flatten)]
    change: ChangeArguments,
}

#[derive(Debug, Args)]
pub(super) struct RevokeArguments {
    /// The repository
    #[arg(add = ArgValueCompleter::new(repositories))]
    repository: String,
    /// From whom: a user, `/GROUP`, `/*` or `*`
    #[arg(add = ArgValueCompleter::new(subjects))]
    who: String,
    /// What, as it was granted (default: everything that is granted to just them)
    #[arg(value_name = "OPERATION", add = ArgValueCompleter::new(operations))]
    operations: Vec<String>,
    #[command(flatten)]
    change: ChangeArguments,
}

#[derive(Debug, Args)]
pub(super) struct DeleteArguments {
    /// The repository
    #[arg(add = ArgValueCompleter::new(repositories))]
    name: String,
    /// Goes ahead without asking
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    change: ChangeArguments,
}

/// Runs a command.
pub(super) fn run(command: &RepositoryCommand) -> Result<Exit, Failure> {
    match command {
        RepositoryCommand::List(arguments) => list::run(arguments),
        RepositoryCommand::Add(arguments) => {
            let request = AddRepository { name: arguments.name.clone(), storage: arguments.storage.clone() };
            carry_out(&arguments.change, false, &|folder| edit::add_repository(folder, &request))
        }
        RepositoryCommand::Grant(arguments) => {
            let request = GrantRequest {
                repository: arguments.repository.clone(),
                who: arguments.who.clone(),
                operations: arguments.operations.clone(),
                until: arguments.until.clone(),
                because: arguments.because.clone(),
                close: arguments.close,
            };
            carry_out(&arguments.change, false, &|folder| edit::grant(folder, &request))
        }
        RepositoryCommand::Revoke(arguments) => {
            let request = RevokeRequest {
                repository: arguments.repository.clone(),
                who: arguments.who.clone(),
                operations: arguments.operations.clone(),
            };
            carry_out(&arguments.change, false, &|folder| edit::revoke(folder, &request))
        }
        RepositoryCommand::Delete(arguments) => {
            carry_out(&arguments.change, !arguments.yes, &|folder| edit::delete_repository(folder, &arguments.name))
        }
    }
}

fn carry_out(
    arguments: &ChangeArguments,
    asks: bool,
    plan: &dyn Fn(&edit::Folder) -> Result<Plan, Refused>,
) -> Result<Exit, Failure> {
    change::run(&Request { arguments, secret: None, asks, plan })
}
