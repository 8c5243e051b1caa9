//! The arguments of the commands that change users.

use clap::{ArgGroup, Args};
use clap_complete::ArgValueCompleter;

use crate::cli::change::{ChangeArguments, SecretArguments};
use crate::cli::completions::{groups, repositories, users};
use crate::cli::{Exit, Failure};
use crate::edit::{AddUser, Attach, EditUser, Expiry, NewUserSecret};

#[derive(Debug, Args)]
pub(in crate::cli) struct AddArguments {
    /// The user's name; with `--generate` one is made up where it is left out
    pub(super) name: Option<String>,
    /// Makes a secret, which is shown once, instead of asking for a password
    #[arg(long)]
    pub(super) generate: bool,
    /// The e-mail address, which no other user may have
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// A group, to be given several times for several
    #[arg(long = "group", value_name = "GROUP", add = ArgValueCompleter::new(groups))]
    groups: Vec<String>,
    /// May do everything everywhere
    #[arg(long)]
    admin: bool,
    /// When the user ends: a date, a time, or from now (`90d`, `12h`)
    #[arg(long, value_name = "DATE|DURATION")]
    expires: Option<String>,
    /// What the user is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Repositories to pull from
    #[arg(long, value_name = "REPOSITORY", num_args = 1.., add = ArgValueCompleter::new(repositories))]
    pull: Vec<String>,
    /// Repositories to push to and to pull from
    #[arg(long, value_name = "REPOSITORY", num_args = 1.., add = ArgValueCompleter::new(repositories))]
    push: Vec<String>,
    #[command(flatten)]
    pub(super) secret: SecretArguments,
    #[command(flatten)]
    pub(super) change: ChangeArguments,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct EditArguments {
    /// The user
    #[arg(add = ArgValueCompleter::new(users))]
    name: String,
    /// When the user ends: a date, a time, or from now (`90d`, `12h`)
    #[arg(long, value_name = "DATE|DURATION", conflicts_with = "no_expiry")]
    expires: Option<String>,
    /// The user does not end
    #[arg(long)]
    no_expiry: bool,
    /// What the user is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// The e-mail address, which no other user may have
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    #[command(flatten)]
    pub(super) change: ChangeArguments,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).multiple(true).args(["pull", "push"]))]
pub(in crate::cli) struct AttachArguments {
    /// The user
    #[arg(add = ArgValueCompleter::new(users))]
    name: String,
    /// Repositories to pull from
    #[arg(
        long,
        value_name = "REPOSITORY",
        num_args = 1..,
        add = ArgValueCompleter::new(repositories)
    )]
    pull: Vec<String>,
    /// Repositories to push to and to pull from
    #[arg(long, value_name = "REPOSITORY", num_args = 1.., add = ArgValueCompleter::new(repositories))]
    push: Vec<String>,
    #[command(flatten)]
    pub(super) change: ChangeArguments,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct DetachArguments {
    /// The user
    #[arg(add = ArgValueCompleter::new(users))]
    pub(super) name: String,
    /// The repositories
    #[arg(value_name = "REPOSITORY", required = true, add = ArgValueCompleter::new(repositories))]
    pub(super) repositories: Vec<String>,
    #[command(flatten)]
    pub(super) change: ChangeArguments,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RotateArguments {
    /// The user
    #[arg(add = ArgValueCompleter::new(users))]
    pub(super) name: String,
    /// For how long the old secret holds as well, such as `24h` or `7d`
    #[arg(long, value_name = "DURATION")]
    pub(super) overlap: Option<String>,
    #[command(flatten)]
    pub(super) secret: SecretArguments,
    #[command(flatten)]
    pub(super) change: ChangeArguments,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct OneArguments {
    /// The user
    #[arg(add = ArgValueCompleter::new(users))]
    pub(super) name: String,
    #[command(flatten)]
    pub(super) change: ChangeArguments,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct GroupsArguments {
    /// The user
    #[arg(add = ArgValueCompleter::new(users))]
    pub(super) name: String,
    /// The groups
    #[arg(value_name = "GROUP", required = true, add = ArgValueCompleter::new(groups))]
    pub(super) groups: Vec<String>,
    #[command(flatten)]
    pub(super) change: ChangeArguments,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct DeleteArguments {
    /// The users
    #[arg(value_name = "NAME", required = true, add = ArgValueCompleter::new(users))]
    pub(super) names: Vec<String>,
    /// Goes ahead without asking
    #[arg(long)]
    pub(super) yes: bool,
    #[command(flatten)]
    pub(super) change: ChangeArguments,
}

impl AddArguments {
    /// Whether what was meant for the name may have been taken for one more repository.
    pub(super) fn may_have_lost_its_name(&self) -> bool {
        self.name.is_none() && self.pull.len().max(self.push.len()) > 1
    }

    pub(super) fn request(&self, secret: NewUserSecret) -> AddUser {
        AddUser {
            name: self.name.clone(),
            secret,
            email: self.email.clone(),
            groups: self.groups.clone(),
            admin: self.admin,
            expires: self.expires.clone(),
            description: self.description.clone(),
            pull: self.pull.clone(),
            push: self.push.clone(),
        }
    }
}

impl EditArguments {
    pub(super) fn request(&self) -> Result<EditUser, Failure> {
        let expires = if self.no_expiry { Some(Expiry::Never) } else { self.expires.clone().map(Expiry::At) };
        if expires.is_none() && self.description.is_none() && self.email.is_none() {
            return Err(Failure::new("nothing is asked for").with_exit(Exit::Usage).with_hint(
                "give `--expires`, `--no-expiry`, `--description` or `--email`; other commands change what else there is",
            ));
        }
        let (description, email) = (self.description.clone(), self.email.clone());
        Ok(EditUser { user: self.name.clone(), expires, description, email })
    }
}

impl AttachArguments {
    pub(super) fn request(&self) -> Attach {
        Attach { user: self.name.clone(), pull: self.pull.clone(), push: self.push.clone() }
    }
}
