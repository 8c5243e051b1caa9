//! Checking passwords: remembered successes, a bounded pool, and brakes on guessing.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{SecretVersion, User};

/// Bounds of the checking of passwords.
#[derive(Debug, Clone)]
pub struct AuthenticatorOptions {
    /// How many checks run at the same time.
    pub workers: usize,
    /// How many checks may wait; more are refused.
    pub queue: usize,
}

/// Why nobody is signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotSignedIn {
    /// No such user, a wrong password, or a user who is disabled or expired: nobody can tell which.
    Wrong,
    /// Too many failures, or too many checks at once.
    TooMany {
        /// When to try again.
        retry_after: Duration,
    },
}

/// Checks passwords. One for the whole server, so that its memory and its brakes hold everywhere.
#[derive(Debug)]
pub struct Authenticator {}

impl Authenticator {
    /// Starts with nothing remembered.
    pub fn new(_options: AuthenticatorOptions) -> Self {
        unimplemented!()
    }

    /// Checks a password of a user (`None`: nobody has this name, which takes the same time) and
    /// says which of the user's secrets it was.
    ///
    /// # Errors
    /// [`NotSignedIn`].
    pub async fn check(
        &self,
        _name: &str,
        _user: Option<&Arc<User>>,
        _password: &str,
        _address: IpAddr,
        _now: Timestamp,
    ) -> Result<SecretVersion, NotSignedIn> {
        unimplemented!()
    }
}
