//! Who is asking: users, their secrets, and the checking of passwords.
//!
//! Imports nothing of ours.

mod authenticator;
mod brakes;
mod end;
mod password;
mod user;

pub use authenticator::{Authenticator, AuthenticatorOptions, NotSignedIn};
pub use end::{BadEnd, End, moment};
pub use password::{BadHash, HashKind, PasswordHash};
pub use user::{ANONYMOUS, BadUserName, Secret, SecretVersion, Subject, User, UserName};
