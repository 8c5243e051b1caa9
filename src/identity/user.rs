//! Users, as the credentials file describes them.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use smol_str::SmolStr;

use super::{End, PasswordHash};

/// A user's name: 1 to 255 characters of `A-Za-z0-9._@+-` that begin with a letter or a digit.
/// Case counts.
///
/// Up to 23 bytes lie in the name itself, and longer ones are shared: a large configuration repeats names a million
/// times, and each of them is read when a request is judged.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserName(SmolStr);

/// The word for a client that is not signed in; no user has this name.
pub const ANONYMOUS: &str = "anonymous";

/// Which bytes a name may hold.
const NAME_BYTES: [bool; 256] = {
    let (mut allowed, mut byte) = ([false; 256], 0_u8);
    while byte < 128 {
        allowed[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'@' | b'+' | b'-');
        byte += 1;
    }
    allowed
};

/// The text is not a user name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadUserName {
    /// It has another form.
    #[error("a name has 1 to 255 letters, digits, `.`, `_`, `@`, `+` and `-`, and begins with a letter or a digit")]
    Form,
    /// Nobody could tell such a user from a client that is not signed in.
    #[error("`{ANONYMOUS}` is whoever is not signed in, and can be no user's name")]
    Anonymous,
}

impl UserName {
    /// Reads a name. Groups have names of the same form.
    ///
    /// # Errors
    /// [`BadUserName::Form`]
    pub fn parse(text: &str) -> Result<Self, BadUserName> {
        let bytes = text.as_bytes();
        let well_formed = (1..=255).contains(&bytes.len())
            && bytes[0].is_ascii_alphanumeric()
            && bytes.iter().all(|byte| NAME_BYTES[usize::from(*byte)]);
        if well_formed { Ok(Self(text.into())) } else { Err(BadUserName::Form) }
    }

    /// Reads the name of a user, which is not every name.
    ///
    /// # Errors
    /// [`BadUserName`]
    pub fn of_user(text: &str) -> Result<Self, BadUserName> {
        if text == ANONYMOUS { Err(BadUserName::Anonymous) } else { Self::parse(text) }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for UserName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserName({})", self.0)
    }
}

/// Which of a user's secrets is meant. It changes whenever the secret's entry changes, and whatever
/// was derived from the old one dies with it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SecretVersion([u8; 32]);

impl fmt::Debug for SecretVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretVersion(…)")
    }
}

impl SecretVersion {
    /// The bytes, to be used as input of a keyed hash only: for a `plain` entry they would let
    /// anyone who sees them try passwords.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A secret that a user can sign in with.
#[derive(Debug, Clone)]
pub struct Secret {
    /// What a password is compared with.
    pub hash: PasswordHash,
    /// Until when the secret holds; `None` for the current one.
    pub until: Option<End>,
    version: SecretVersion,
}

impl Secret {
    /// Makes a secret of a user.
    pub fn new(user: &UserName, hash: PasswordHash, until: Option<End>) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(user.as_str());
        hasher.update([0]);
        hasher.update(hash.kind().as_str());
        hasher.update([0]);
        hasher.update(hash.as_entry());
        Self { hash, until, version: SecretVersion(hasher.finalize().into()) }
    }

    /// Which secret this is.
    pub fn version(&self) -> SecretVersion {
        self.version
    }
}

/// A user.
#[derive(Debug, Clone)]
pub struct User {
    /// The name, unique in the configuration.
    pub name: UserName,
    /// The current secret first, then the previous one of a rotation.
    pub secrets: Vec<Secret>,
    /// Groups the user belongs to, without the leading `/`.
    pub groups: BTreeSet<UserName>,
    /// May do everything everywhere.
    pub admin: bool,
    /// An address, unique in the configuration.
    pub email: Option<String>,
    /// What the user is for.
    pub description: Option<String>,
    /// When the user stops to exist for all purposes.
    pub expires: Option<End>,
    /// `false` locks the user out.
    pub enabled: bool,
}

impl User {
    /// Whether the user may sign in at all: enabled and not expired.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.enabled && !self.expires.is_some_and(|end| end.is_past(now))
    }

    /// The secrets that hold at a moment.
    pub fn secrets_at(&self, now: Timestamp) -> impl Iterator<Item = &Secret> {
        self.secrets.iter().filter(move |secret| !secret.until.is_some_and(|end| end.is_past(now)))
    }

    /// Whether a version is that of a secret that still holds.
    pub fn has_secret(&self, version: SecretVersion, now: Timestamp) -> bool {
        self.secrets_at(now).any(|secret| secret.version() == version)
    }
}

/// Who asks.
#[derive(Debug, Clone)]
pub enum Subject {
    /// Nobody signed in.
    Anonymous,
    /// A user who signed in.
    User(Arc<User>),
}

impl Subject {
    /// The user's name; `None` for anonymous.
    pub fn user_name(&self) -> Option<&UserName> {
        match self {
            Self::Anonymous => None,
            Self::User(user) => Some(&user.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_a_narrow_form() {
        for name in ["a", "jane.doe@example.com", "CI_bot+1-x", "0", &"a".repeat(255)] {
            assert!(UserName::parse(name).is_ok(), "{name}");
        }
        for name in ["", "*", "/readers", ".a", "-a", "a b", "a:b", "ä", "a\0", &"a".repeat(256)] {
            assert!(UserName::parse(name).is_err(), "{name}");
        }
        assert_eq!(UserName::of_user("anonymous"), Err(BadUserName::Anonymous));
        assert!(UserName::of_user("Anonymous").is_ok() && UserName::parse("anonymous").is_ok(), "a group may");
    }
}
