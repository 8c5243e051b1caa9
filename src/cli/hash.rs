//! `portolan hash`: a password on stdin to an entry of `credentials.yaml`.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use clap::{Args, ValueEnum};

use crate::config::PasswordPolicy;
use crate::edit::unmet_rules;
use crate::identity::PasswordHash;

use super::{Exit, Failure, output};

/// A longer line is no password.
const MAX_BYTES: u64 = 4096;

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
    let mut line = Vec::new();
    io::stdin()
        .lock()
        .take(MAX_BYTES + 1)
        .read_until(b'\n', &mut line)
        .map_err(|error| Failure::new(format!("cannot read the password from stdin: {error}")))?;
    let password = first_line(line).map_err(|why| Failure::new(why).with_exit(Exit::No))?;
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

fn first_line(mut line: Vec<u8>) -> Result<String, &'static str> {
    if line.len() as u64 > MAX_BYTES {
        return Err("the password is longer than 4096 bytes");
    }
    if line.ends_with(b"\n") {
        line.pop();
        if line.ends_with(b"\r") {
            line.pop();
        }
    }
    match String::from_utf8(line) {
        Ok(text) if text.is_empty() => Err("there is no password on stdin"),
        Ok(text) => Ok(text),
        Err(_) => Err("the password is not UTF-8"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newline_is_not_part_of_the_password() {
        assert_eq!(first_line(b" a b \n".to_vec()).as_deref(), Ok(" a b "));
        assert_eq!(first_line(b"secret\r\n".to_vec()).as_deref(), Ok("secret"));
        assert_eq!(first_line(b"secret".to_vec()).as_deref(), Ok("secret"));
        for wrong in [&b""[..], b"\n", b"\xff\n", &[b'a'; 5000]] {
            assert!(first_line(wrong.to_vec()).is_err());
        }
    }
}
