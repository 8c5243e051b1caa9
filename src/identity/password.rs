//! What a password is compared with.

/// A password entry of the credentials file, read and bounded.
#[derive(Clone)]
pub struct PasswordHash {
    entry: String,
}

/// Of what kind an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HashKind {
    /// `argon2`: a PHC string.
    Argon2,
    /// `bcrypt`.
    Bcrypt,
    /// `sha256`: unsalted, hexadecimal.
    Sha256,
    /// `plain`.
    Plain,
}

/// Why an entry cannot be used. Never repeats the entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadHash {
    /// Not of the form of its kind.
    #[error("not a valid {0}")]
    Form(&'static str),
    /// One check would take too much memory or time.
    #[error("one sign-in would take {0}")]
    TooExpensive(String),
    /// An empty password.
    #[error("the password is empty")]
    Empty,
}

impl PasswordHash {
    /// Reads the `pass` of an entry of a kind.
    ///
    /// # Errors
    /// Says what is wrong, without repeating the entry.
    pub fn parse(_kind: HashKind, _text: &str) -> Result<Self, BadHash> {
        unimplemented!()
    }

    /// Hashes a new password with argon2id and parameters at or above the OWASP minimum.
    ///
    /// # Errors
    /// [`BadHash::Empty`], and [`BadHash::Form`] where the system's random generator fails.
    pub fn create(_password: &str) -> Result<Self, BadHash> {
        unimplemented!()
    }

    /// Of what kind it is.
    pub fn kind(&self) -> HashKind {
        unimplemented!()
    }

    /// Whether its parameters are weaker than what is recommended today.
    pub fn is_weak(&self) -> bool {
        unimplemented!()
    }

    /// Compares a password; takes as long as the entry's parameters say. CPU-bound: never call it on
    /// an async worker.
    pub fn verify(&self, _password: &str) -> bool {
        unimplemented!()
    }

    /// The entry's text, as it would stand in `pass`. A secret: it must not be printed but by the
    /// command that makes it.
    pub fn as_entry(&self) -> &str {
        &self.entry
    }
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}
