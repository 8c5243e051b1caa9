//! `portolan import htpasswd`: users and their bcrypt hashes.

use std::collections::HashMap;

use super::draft::{Draft, Entry, NewRepository, NewUser};
use super::report::Report;
use crate::identity::{HashKind, PasswordHash, UserName};

/// Reads the lines. What is no bcrypt entry is reported by the user's name alone.
pub(super) fn import(bytes: &[u8], file: &str, report: &mut Report) -> Draft {
    let mut draft = Draft::new(format!("the htpasswd file {file}"));
    let mut seen: HashMap<&str, u32> = HashMap::new();
    for (line, number) in bytes.split(|byte| *byte == b'\n').zip(1_u32..) {
        let Ok(line) = std::str::from_utf8(line) else {
            // Its name may be in any encoding, and could not be a user's here.
            report.left_out(file, number, "this line is not UTF-8");
            continue;
        };
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((name, hash)) = line.split_once(':') else {
            // It may be a hash, and is not repeated.
            report.left_out(file, number, "this line has no `:` between a name and a hash");
            continue;
        };
        if let Some(first) = seen.get(name) {
            let why = format!("stands in line {first} already, which was taken; servers disagree on which one counts");
            report.left_out(file, number, format!("the user `{name}` {why}"));
            continue;
        }
        seen.insert(name, number);
        let mut left_out = |why: &str| report.left_out(file, number, format!("the user `{name}`: {why}"));
        let user = match UserName::of_user(name) {
            Ok(user) => user,
            Err(error) => {
                left_out(&error.to_string());
                continue;
            }
        };
        match kind(hash) {
            Ok(()) => match PasswordHash::parse(HashKind::Bcrypt, hash) {
                Ok(_) => draft.users.push(NewUser::new(user, HashKind::Bcrypt, hash)),
                Err(error) => left_out(&error.to_string()),
            },
            Err(what) => {
                left_out(&format!("{what} cannot be taken over; set a new password with `portolan hash`"));
            }
        }
    }
    draft
}

/// A repository with the name and the prefix in which whoever is signed in has this.
pub(super) fn repository(name: &str, words: &[&str]) -> NewRepository {
    let entries = words.iter().map(|word| Entry::new(*word)).collect();
    NewRepository { permissions: Some(vec![("/*".to_owned(), entries)]), ..NewRepository::new(name) }
}

/// Whether it looks like bcrypt; otherwise what it is.
fn kind(hash: &str) -> Result<(), &'static str> {
    let begins = |text: &str| hash.starts_with(text);
    if begins("$2") {
        Ok(())
    } else if begins("{SHA}") {
        Err("an unsalted SHA-1 hash")
    } else if begins("{SSHA}") {
        Err("a salted SHA-1 hash")
    } else if begins("$apr1$") || begins("$1$") {
        Err("an MD5 hash")
    } else if begins("$5$") || begins("$6$") {
        Err("a SHA-crypt hash")
    } else if begins("$y$") || begins("$7$") || begins("$argon2") {
        Err("a hash of this kind")
    } else {
        Err("a plain or DES-crypt password")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$2y$05$LO.vzwpWC5LZGqThvEfznu8qhb5SGqvBSWY1J3yZ4AxtMRZ3kN5jC";

    #[test]
    fn every_line_is_a_user_or_is_told_without_its_hash() {
        let text = format!(
            "# users\n\njane:{HASH}\nold:$apr1$abcdefgh$geheim\nsha:{{SHA}}geheim\nplain:geheim\ngeheim\n\
             /x:{HASH}\njane:{HASH}\ncut:$2y$05$geheim\r\nj\u{f6}rg:{HASH}\nmark:{HASH}\r\nanonymous:{HASH}\n"
        );
        let text: Vec<u8> = text.chars().map(|c| c as u8).collect();
        let mut report = Report::default();
        let draft = import(&text, "htpasswd", &mut report);
        assert_eq!(draft.users.iter().map(|user| user.name.as_str()).collect::<Vec<_>>(), ["jane", "mark"]);
        let text = report.text();
        assert_eq!(text.lines().count(), 9, "{text}");
        assert!(text.contains("htpasswd:13: the user `anonymous`: `anonymous` is whoever is not signed in"), "{text}");
        assert!(!text.contains("geheim") && !text.contains("LO.vzwp"), "{text}");
        assert!(text.contains("left out: htpasswd:4: the user `old`: an MD5 hash"), "{text}");
        assert!(text.contains("left out: htpasswd:11: this line is not UTF-8"), "{text}");
        assert!(text.contains("htpasswd:8: the user `/x`"), "{text}");
    }
}
