//! `portolan hash`: a password on stdin to an entry of `credentials.yaml`.

use std::io::{self, IsTerminal as _};

use clap::{Args, ValueEnum};

use crate::config::PasswordPolicy;
use crate::edit::unmet_rules;
use crate::identity::PasswordHash;

use super::{Exit, Failure, output, prompt};

#[derive(Debug, Args)]
pub(super) struct HashArguments {
    /// How to hash
    #[arg(long = "type", value_enum, default_value_t = Kind::Argon2)]
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Argon2id
    Argon2,
}

pub(super) fn run(arguments: &HashArguments) -> Result<Exit, Failure> {
    if io::stdin().is_terminal() {
        output::note("type the password and press Enter; it is shown as you type\n");
    }
    let password = prompt::password_from_stdin()?;
    let Kind::Argon2 = arguments.kind;
    let hash =
        PasswordHash::create(&password).map_err(|error| Failure::new(format!("cannot hash the password: {error}")))?;
    let unmet = unmet_rules(&PasswordPolicy::default(), &password);
    if !unmet.is_empty() {
        output::note(&format!("warning: a good password has {}\n", unmet.join(", ")));
    }
    output::result(&entry(&hash))?;
    Ok(Exit::Done)
}

/// The lines of an entry, to be indented below a user's name.
fn entry(hash: &PasswordHash) -> String {
    format!("type: argon2\npass: {}\n", hash.as_entry())
}
