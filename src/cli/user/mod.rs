//! `portolan user`: the life of a user, as changes of the YAML in place.

mod arguments;
mod list;
mod rows;
mod show;

use std::io::{self, IsTerminal as _};

use clap::Subcommand;

use crate::edit::{self, NewUserSecret, Password, Plan, Refused};

use super::change::{self, ChangeArguments, Request, SecretArguments};
use super::{Exit, Failure, prompt};

use arguments::{
    AddArguments, AttachArguments, DeleteArguments, DetachArguments, EditArguments, GroupsArguments, OneArguments,
    RotateArguments,
};

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Adds a person, or with `--generate` a machine
    #[command(after_help = "Examples:\n  portolan user add jane --email jane@example.com --group developers\n  \
        portolan user add ci-payments --generate --expires 90d --push payments --commit\n\n\
        Without `--generate` the password is asked for twice on a terminal, or read from the first line of stdin.\n\
        Exit codes: 0 done, 1 refused, 2 used wrongly, 3 a file or git fails; unless it is 0 nothing was changed")]
    Add(AddArguments),
    /// Lists the users
    #[command(after_help = "Examples:\n  portolan user list\n  portolan user list --expiring 30d --format csv\n  \
        portolan user list --unused --format json")]
    List(list::ListArguments),
    /// Shows all about a user
    #[command(after_help = "Example:\n  portolan user show ci-payments")]
    Show(show::ShowArguments),
    /// Changes what is known of a user
    #[command(
        after_help = "Example:\n  portolan user edit ci-payments --expires 2027-06-30 --description 'pushes payments'\n\n\
        An empty `--description ''` or `--email ''` removes it."
    )]
    Edit(EditArguments),
    /// Sets what a user may pull and push in some repositories, and leaves the others
    #[command(after_help = "Example:\n  portolan user attach ci-payments --pull library --push payments")]
    Attach(AttachArguments),
    /// Takes away what is granted to a user by name in some repositories
    #[command(after_help = "Example:\n  portolan user detach ci-payments library payments")]
    Detach(DetachArguments),
    /// Makes a new secret, which is shown once
    #[command(after_help = "Examples:\n  portolan user rotate ci-payments --overlap 24h\n  \
        portolan user rotate ci-payments --secret-file new-secret\n  \
        portolan user rotate kubernetes --output kubernetes --commit\n\n\
        With an overlap the old secret holds for so long; without one it ends at once.")]
    Rotate(RotateArguments),
    /// Sets a password
    #[command(
        after_help = "Examples:\n  portolan user password jane\n  pass show jane | portolan user password jane\n\n\
        The password is asked for twice on a terminal, or read from the first line of stdin. Whatever the user signed \
        in with before ends at once."
    )]
    Password(OneArguments),
    /// Locks a user out
    #[command(after_help = "Example:\n  portolan user disable jane --commit")]
    Disable(OneArguments),
    /// Lets a disabled user in again
    #[command(after_help = "Example:\n  portolan user enable jane")]
    Enable(OneArguments),
    /// Puts a user into groups
    #[command(after_help = "Example:\n  portolan user join jane developers readers")]
    Join(GroupsArguments),
    /// Takes a user out of groups
    #[command(after_help = "Example:\n  portolan user leave jane developers")]
    Leave(GroupsArguments),
    /// Makes a user an admin, who may do everything
    #[command(after_help = "Example:\n  portolan user promote jane")]
    Promote(OneArguments),
    /// Makes an admin an ordinary user
    #[command(after_help = "Example:\n  portolan user demote jane")]
    Demote(OneArguments),
    /// Deletes users, and every grant that names them
    #[command(after_help = "Example:\n  portolan user delete jane mark --yes --commit\n\n\
        It asks first; `--yes` goes ahead without asking, as is needed where there is no terminal.")]
    Delete(DeleteArguments),
}

/// Runs a command.
pub(super) fn run(command: &UserCommand) -> Result<Exit, Failure> {
    match command {
        UserCommand::Add(arguments) => add(arguments),
        UserCommand::List(arguments) => list::run(arguments),
        UserCommand::Show(arguments) => show::run(arguments),
        UserCommand::Edit(arguments) => {
            let request = arguments.request()?;
            simple(&arguments.change, &|folder| edit::edit_user(folder, &request))
        }
        UserCommand::Attach(arguments) => {
            let request = arguments.request();
            simple(&arguments.change, &|folder| edit::attach(folder, &request))
        }
        UserCommand::Detach(arguments) => {
            simple(&arguments.change, &|folder| edit::detach(folder, &arguments.name, &arguments.repositories))
        }
        UserCommand::Rotate(arguments) => {
            let plan = |folder: &edit::Folder| edit::rotate(folder, &arguments.name, arguments.overlap.as_deref());
            making_a_secret(&arguments.change, &arguments.secret, &plan)
        }
        UserCommand::Password(arguments) => password(arguments),
        UserCommand::Disable(arguments) => one(arguments, edit::disable),
        UserCommand::Enable(arguments) => one(arguments, edit::enable),
        UserCommand::Promote(arguments) => one(arguments, edit::promote),
        UserCommand::Demote(arguments) => one(arguments, edit::demote),
        UserCommand::Join(arguments) => {
            simple(&arguments.change, &|folder| edit::join(folder, &arguments.name, &arguments.groups))
        }
        UserCommand::Leave(arguments) => {
            simple(&arguments.change, &|folder| edit::leave(folder, &arguments.name, &arguments.groups))
        }
        UserCommand::Delete(arguments) => change::run(&Request {
            arguments: &arguments.change,
            secret: None,
            asks: !arguments.yes,
            plan: &|folder| edit::delete_users(folder, &arguments.names),
        }),
    }
}

fn simple(arguments: &ChangeArguments, plan: &dyn Fn(&edit::Folder) -> Result<Plan, Refused>) -> Result<Exit, Failure> {
    change::run(&Request { arguments, secret: None, asks: false, plan })
}

fn making_a_secret(
    arguments: &ChangeArguments,
    secret: &SecretArguments,
    plan: &dyn Fn(&edit::Folder) -> Result<Plan, Refused>,
) -> Result<Exit, Failure> {
    change::run(&Request { arguments, secret: Some(secret), asks: false, plan })
}

fn one(arguments: &OneArguments, plan: fn(&edit::Folder, &str) -> Result<Plan, Refused>) -> Result<Exit, Failure> {
    simple(&arguments.change, &|folder| plan(folder, &arguments.name))
}

fn add(arguments: &AddArguments) -> Result<Exit, Failure> {
    if arguments.generate {
        let request = arguments.request(NewUserSecret::Generate);
        let made = making_a_secret(&arguments.change, &arguments.secret, &|folder| edit::add_user(folder, &request));
        return made.map_err(|failure| match arguments.may_have_lost_its_name() {
            true => failure.with_hint("a user's name stands before `--pull` and `--push`, which take all that follows"),
            false => failure,
        });
    }
    let usage = |message: &str, hint: &str| Failure::new(message).with_exit(Exit::Usage).with_hint(hint);
    let Some(name) = arguments.name.as_deref() else {
        return Err(usage("a person needs a name", "name one, or make a machine with `--generate`"));
    };
    if arguments.secret.is_given() {
        return Err(usage(
            "`--secret-file`, `--output`, `--registry` and `--secret-name` are for a secret that is made",
            "add `--generate`, or leave them out",
        ));
    }
    let made = arguments.request(NewUserSecret::Generate);
    let password = new_password(&arguments.change, name, &|folder| edit::add_user(folder, &made))?;
    let request = arguments.request(NewUserSecret::Password(password));
    simple(&arguments.change, &|folder| edit::add_user(folder, &request))
}

fn password(arguments: &OneArguments) -> Result<Exit, Failure> {
    let exists = |folder: &edit::Folder| edit::show_user(folder, &arguments.name).map(|_| Plan::default());
    let password = new_password(&arguments.change, &arguments.name, &exists)?;
    simple(&arguments.change, &|folder| edit::set_password(folder, &arguments.name, &password))
}

/// Asks for a password. Nobody types one twice for a request that would be refused whatever it is.
fn new_password(
    arguments: &ChangeArguments,
    user: &str,
    attempt: &dyn Fn(&edit::Folder) -> Result<Plan, Refused>,
) -> Result<Password, Failure> {
    if io::stdin().is_terminal() {
        let folder = arguments.folder();
        attempt(&folder.load()?).map_err(|refused| folder.refusal(&refused))?;
    }
    prompt::new_password(user).map(Password::new)
}
