//! From headers to the caller: nobody, a password, or a token. Whatever is presented must be right.

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use super::token::Tokens;
use crate::identity::{Authenticator, NotSignedIn, SecretVersion, Subject};
use crate::oci::Scope;
use crate::policy::{Question, Snapshot};

/// The longest credentials that are looked at, in bytes.
const CREDENTIALS_MAX_BYTES: usize = 4096;

/// Who asks, and how that is known.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub subject: Subject,
    proof: Proof,
}

#[derive(Debug, Clone)]
enum Proof {
    Nothing,
    Password(SecretVersion),
    Token { version: Option<SecretVersion>, asked: Arc<[Scope]> },
}

/// Why the caller is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stranger {
    /// The header cannot be meant seriously: two of them, or bytes that no header holds.
    Absurd,
    /// No scheme that is known here, or not of its form.
    Malformed,
    /// Wrong name or password, or a user who is not active. With the name for the audit log.
    Password(String, NotSignedIn),
    /// The token is not ours, not of today, not for this listener, or its user or secret is gone.
    Token,
}

/// What an `Authorization` header presents.
pub(super) enum Presented {
    Nothing,
    Basic { name: String, password: String },
    Bearer(String),
}

impl Caller {
    /// Nobody signed in.
    pub(super) fn anonymous() -> Self {
        Self { subject: Subject::Anonymous, proof: Proof::Nothing }
    }

    /// Whether credentials or a token were presented, be it an anonymous one.
    pub(super) fn presented_something(&self) -> bool {
        !matches!(self.proof, Proof::Nothing)
    }

    /// Whether a token was presented.
    pub(super) fn is_token(&self) -> bool {
        matches!(self.proof, Proof::Token { .. })
    }

    /// The secret that signed in.
    pub(super) fn secret(&self) -> Option<SecretVersion> {
        match &self.proof {
            Proof::Nothing => None,
            Proof::Password(version) => Some(*version),
            Proof::Token { version, .. } => *version,
        }
    }

    /// What is left of a permit for this caller: of a token's, what the token was asked for.
    pub(super) fn narrow<Q: Question>(&self, question: &Q, permit: Q::Permit) -> Option<Q::Permit> {
        match &self.proof {
            Proof::Nothing | Proof::Password(_) => Some(permit),
            Proof::Token { asked, .. } => question.narrow(permit, asked),
        }
    }

    /// The same caller in another configuration: `None` where the user is gone or not active, or the
    /// secret no longer holds.
    pub(super) fn today(&self, snapshot: &Snapshot, now: Timestamp) -> Option<Subject> {
        let Subject::User(user) = &self.subject else { return Some(Subject::Anonymous) };
        let user = snapshot.user(user.name.as_str())?;
        let version = self.secret()?;
        (user.is_active(now) && user.has_secret(version, now)).then(|| Subject::User(user.clone()))
    }
}

/// Reads the `Authorization` header.
pub(super) fn presented(headers: &HeaderMap) -> Result<Presented, Stranger> {
    let mut values = headers.get_all(AUTHORIZATION);
    let Some(value) = values.next() else { return Ok(Presented::Nothing) };
    if values.next().is_some() {
        return Err(Stranger::Absurd);
    }
    let bytes = value.as_bytes();
    // Every byte is looked at, which takes less time than to look for the first that is wrong.
    let is_text = bytes.iter().fold(true, |is_text, byte| is_text & matches!(byte, b'\t' | b' '..=b'~'));
    let value = std::str::from_utf8(bytes).ok().filter(|_| is_text).ok_or(Stranger::Absurd)?;
    let (scheme, rest) = value.trim().split_once(' ').ok_or(Stranger::Malformed)?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(Presented::Bearer(rest.to_owned()));
    }
    if !scheme.eq_ignore_ascii_case("basic") || rest.len() > CREDENTIALS_MAX_BYTES {
        return Err(Stranger::Malformed);
    }
    let decoded = STANDARD.decode(rest).map_err(|_| Stranger::Malformed)?;
    let decoded = String::from_utf8(decoded).map_err(|_| Stranger::Malformed)?;
    let (name, password) = decoded.split_once(':').ok_or(Stranger::Malformed)?;
    Ok(Presented::Basic { name: name.to_owned(), password: password.to_owned() })
}

/// Checks a name and a password.
pub(super) async fn check_password(
    authenticator: &Authenticator,
    snapshot: &Snapshot,
    name: &str,
    password: &str,
    address: IpAddr,
    now: Timestamp,
) -> Result<Caller, Stranger> {
    let user = snapshot.user(name);
    match (authenticator.check(name, user, password, address, now).await, user) {
        // The authenticator judges by the same rules; asking again costs nothing, and a door that is
        // locked twice stays locked when one lock breaks.
        (Ok(version), Some(user)) if user.is_active(now) && user.has_secret(version, now) => {
            Ok(Caller { subject: Subject::User(user.clone()), proof: Proof::Password(version) })
        }
        (Ok(_), _) => Err(Stranger::Password(name.to_owned(), NotSignedIn::Wrong)),
        (Err(why), _) => Err(Stranger::Password(name.to_owned(), why)),
    }
}

/// Checks a token.
pub(super) fn check_token(
    tokens: &Tokens,
    snapshot: &Snapshot,
    token: &str,
    service: &str,
    now: Timestamp,
) -> Result<Caller, Stranger> {
    let read = tokens.read(token, service, now).map_err(|_| Stranger::Token)?;
    let Some(name) = &read.user else {
        return Ok(Caller {
            subject: Subject::Anonymous,
            proof: Proof::Token { version: None, asked: Arc::clone(&read.asked) },
        });
    };
    let user = snapshot.user(name.as_str()).filter(|user| user.is_active(now)).ok_or(Stranger::Token)?;
    let version = tokens.secret_of(&read, user, now).ok_or(Stranger::Token)?;
    let proof = Proof::Token { version: Some(version), asked: Arc::clone(&read.asked) };
    Ok(Caller { subject: Subject::User(user.clone()), proof })
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn headers(values: &[&[u8]]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for value in values {
            map.append(AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
        }
        map
    }

    #[test]
    fn reads_names_and_passwords() {
        // jane:a:b c
        let Ok(Presented::Basic { name, password }) = presented(&headers(&[b"basic amFuZTphOmIgYw=="])) else {
            panic!("not read");
        };
        assert_eq!((name.as_str(), password.as_str()), ("jane", "a:b c"));
        assert!(matches!(presented(&headers(&[])), Ok(Presented::Nothing)));
        assert!(matches!(presented(&headers(&[b"BEARER x.y.z"])), Ok(Presented::Bearer(_))));
    }

    #[test]
    fn refuses_other_forms() {
        for value in ["", "Basic", "Basic !!", "Basic amFuZQ==", "Basic //8=", "Digest x", "Bearer"] {
            assert!(matches!(presented(&headers(&[value.as_bytes()])), Err(Stranger::Malformed)), "{value}");
        }
        let long = format!("Basic {}", "A".repeat(CREDENTIALS_MAX_BYTES + 1));
        assert!(matches!(presented(&headers(&[long.as_bytes()])), Err(Stranger::Malformed)));
        assert!(matches!(presented(&headers(&[b"Bearer a", b"Bearer b"])), Err(Stranger::Absurd)));
        assert!(matches!(presented(&headers(&[b"Bearer \xff"])), Err(Stranger::Absurd)));
    }
}
