//! New passwords: what they must have, and making them.

use std::fmt;

use super::Refused;
use crate::config::PasswordPolicy;
use crate::identity::{BadHash, PasswordHash, Secret};

/// Longer passwords are refused.
const MAX_CHARACTERS: usize = 128;
/// Stands at the start of text files of some editors, and is not seen.
const BYTE_ORDER_MARK: char = '\u{feff}';
/// Begins every secret that is made here, so that scanners find it where it does not belong.
const PREFIX: &str = "ptl_";
/// Characters of 62 kinds: 178 bits.
const GENERATED_CHARACTERS: usize = 30;
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A password that somebody has chosen.
pub struct Password(String);

impl Password {
    /// Takes a password.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The password itself.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// The rules that a password does not meet, each as what it needs.
pub fn unmet_rules(policy: &PasswordPolicy, password: &str) -> Vec<String> {
    let count = |kind: fn(char) -> bool| password.chars().filter(|c| kind(*c)).count();
    let length = password.chars().count();
    let mut unmet = Vec::new();
    let mut need = |has: usize, least: usize, what: &str, many: &str| {
        if has < least {
            unmet.push(format!("at least {least} {}", if least == 1 { what } else { many }));
        }
    };
    need(length, policy.min_length, "character", "characters");
    need(count(char::is_lowercase), policy.lowercase, "lower-case letter", "lower-case letters");
    need(count(char::is_uppercase), policy.uppercase, "upper-case letter", "upper-case letters");
    need(count(|c| c.is_ascii_digit()), policy.digits, "digit", "digits");
    if length > MAX_CHARACTERS {
        unmet.push(format!("at most {MAX_CHARACTERS} characters"));
    }
    if password.starts_with(BYTE_ORDER_MARK) {
        unmet.push("to be without the byte order mark before it, which an editor has written".to_owned());
    }
    if password.contains(char::is_control) {
        unmet.push("to be without control characters, such as tabs, line breaks and NUL".to_owned());
    }
    unmet
}

/// Refuses a password for a user that does not meet all rules, with each that it does not meet.
pub(super) fn refuse_bad(password: &str, user: &str, policy: &PasswordPolicy, old: &[Secret]) -> Result<(), Refused> {
    let mut unmet = unmet_rules(policy, password);
    if password.to_lowercase() == user.to_lowercase() {
        unmet.push("to be another word than the user's name".to_owned());
    }
    if old.iter().any(|secret| secret.hash.verify(password)) {
        unmet.push("to be another one than the old one".to_owned());
    }
    let is_new = old.is_empty();
    if unmet.is_empty() { Ok(()) } else { Err(Refused::Password { unmet, is_new }) }
}

/// The hash of a new secret.
pub(super) fn hashed(secret: &str) -> Result<PasswordHash, Refused> {
    PasswordHash::create(secret).map_err(|error| match error {
        BadHash::Empty => Refused::Password { unmet: vec!["at least 1 character".to_owned()], is_new: false },
        BadHash::NoRandomness | BadHash::Form(_) | BadHash::TooExpensive(_) => Refused::NoRandomness,
    })
}

/// A new secret from the system's generator.
///
/// # Errors
/// [`Refused::NoRandomness`]
pub fn generate_secret() -> Result<String, Refused> {
    loop {
        let mut secret = PREFIX.to_owned();
        while secret.len() < PREFIX.len() + GENERATED_CHARACTERS {
            let mut bytes = [0; GENERATED_CHARACTERS];
            getrandom::fill(&mut bytes).map_err(|_| Refused::NoRandomness)?;
            // 6 bits of each byte; the two values too many are thrown away, so that none is favoured.
            let drawn = bytes.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 63)));
            secret.extend(drawn.map(|byte| char::from(*byte)));
        }
        secret.truncate(PREFIX.len() + GENERATED_CHARACTERS);
        if unmet_rules(&PasswordPolicy::default(), &secret).is_empty() {
            return Ok(secret);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unmet_rule_is_named() {
        let policy = PasswordPolicy::default();
        assert_eq!(unmet_rules(&policy, "Harbour-2026"), Vec::<String>::new());
        assert_eq!(
            unmet_rules(&policy, "-"),
            [
                "at least 8 characters",
                "at least 1 lower-case letter",
                "at least 1 upper-case letter",
                "at least 1 digit"
            ]
        );
        assert_eq!(unmet_rules(&policy, &"aA1".repeat(43)), ["at most 128 characters"]);
        for text in ["\u{feff}Harbour-2026", "Harbour-2026\0", "Harbour\t2026", "Harbour-2026\r"] {
            let unmet = unmet_rules(&policy, text);
            assert!(matches!(unmet.as_slice(), [one] if one.starts_with("to be without ")), "{text:?}: {unmet:?}");
        }
        assert_eq!(unmet_rules(&PasswordPolicy { digits: 2, ..policy }, "Harbour1"), ["at least 2 digits"]);
    }

    #[test]
    fn made_secrets_differ_and_meet_the_rules() {
        let (one, other) = (generate_secret().unwrap(), generate_secret().unwrap());
        assert_ne!(one, other);
        assert!(one.starts_with("ptl_") && one.len() == 34, "{one}");
    }
}
