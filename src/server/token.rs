//! Bearer tokens: signing and reading them.
//!
//! A token says who signed in, with which secret, and what was asked for. It grants nothing: what is
//! allowed is read from today's configuration on every request.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

use crate::identity::{SecretVersion, User, UserName};
use crate::oci::Scope;

/// The shortest signing key, in bytes: as long as the digest of HS256 (RFC 7518, section 3.2).
pub const SIGNING_KEY_MIN_BYTES: usize = 32;
/// The longest token that is looked at, in bytes.
pub(super) const TOKEN_MAX_BYTES: usize = 16 * 1024;
/// The shortest life of a token: clients take a shorter one for this (Docker's token specification).
const TTL_MIN: Duration = Duration::from_secs(60);
/// How far the clocks of two replicas may be apart.
const CLOCK_SKEW_SECONDS: i64 = 30;
/// How many bytes of tokens that were read before are remembered.
const REMEMBERED_BYTES: u64 = 4 * 1024 * 1024;
/// What a token costs to remember beside its own length, in bytes.
const REMEMBERED_ENTRY_BYTES: usize = 512;
const ISSUER: &str = "portolan";

/// The key that signs tokens.
pub struct SigningKey(Vec<u8>);

/// The key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSigningKey {
    /// The key is too short.
    #[error("a token signing key has at least {SIGNING_KEY_MIN_BYTES} bytes")]
    Short,
    /// The system gives no random bytes.
    #[error("the system's random generator failed")]
    NoRandom,
}

impl SigningKey {
    /// Takes a key.
    ///
    /// # Errors
    /// [`BadSigningKey::Short`] below [`SIGNING_KEY_MIN_BYTES`].
    pub fn new(bytes: Vec<u8>) -> Result<Self, BadSigningKey> {
        if bytes.len() < SIGNING_KEY_MIN_BYTES { Err(BadSigningKey::Short) } else { Ok(Self(bytes)) }
    }

    /// Makes a key.
    ///
    /// # Errors
    /// [`BadSigningKey::NoRandom`].
    pub fn random() -> Result<Self, BadSigningKey> {
        let mut bytes = vec![0; 64];
        getrandom::fill(&mut bytes).map_err(|_| BadSigningKey::NoRandom)?;
        Ok(Self(bytes))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// Signs and reads tokens. The algorithm and the key are fixed here; a token's header chooses neither.
pub(super) struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    versions: Hmac<Sha256>,
    /// Tokens whose signature was checked, by the hash of token and listener. What else makes a token
    /// good is looked at each time.
    remembered: Cache<[u8; 32], Remembered>,
}

#[derive(Clone)]
struct Remembered {
    read: Arc<Read>,
    token_bytes: usize,
}

/// One entry of the `access` claim: for clients to read, never for us.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Access {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub name: String,
    pub actions: Vec<&'static str>,
}

/// What goes into a token.
pub(super) struct Wish<'a> {
    /// Who signed in and with which secret; `None` for anonymous.
    pub user: Option<(&'a UserName, SecretVersion)>,
    /// For which listener.
    pub service: &'a str,
    /// What was asked for, under the full names of images.
    pub asked: &'a [Scope],
    /// What is allowed of it today.
    pub access: Vec<Access>,
    pub now: Timestamp,
    pub ttl: Duration,
}

/// A token, signed.
pub(super) struct Signed {
    pub token: String,
    pub expires_in: Duration,
}

/// A token, read and found to be ours, of today, and for this listener.
#[derive(Debug)]
pub(super) struct Read {
    /// Who signed in; `None` for anonymous.
    pub user: Option<UserName>,
    /// What was asked for.
    pub asked: Arc<[Scope]>,
    version: String,
    /// The secret that the version was found to be of.
    secret: OnceLock<SecretVersion>,
    /// Seconds since 1970.
    not_before: i64,
    expires: i64,
}

impl Read {
    fn holds_at(&self, now: Timestamp) -> bool {
        (self.not_before..self.expires).contains(&now.as_second())
    }
}

/// The token is not ours, not of today, or not for this listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadToken;

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: i64,
    nbf: i64,
    iat: i64,
    jti: String,
    access: Vec<Access>,
    scp: Vec<String>,
    ver: String,
}

#[derive(Deserialize)]
struct ReadClaims {
    sub: String,
    scp: Vec<String>,
    ver: String,
    nbf: i64,
    exp: i64,
}

impl Tokens {
    pub(super) fn new(key: &SigningKey) -> Result<Self, BadSigningKey> {
        // A key of its own purpose, so that no signature can stand for a version or the other way round.
        let mut purpose = Hmac::<Sha256>::new_from_slice(&key.0).map_err(|_| BadSigningKey::Short)?;
        purpose.update(b"portolan: versions of secrets");
        let derived = purpose.finalize().into_bytes();
        Ok(Self {
            encoding: EncodingKey::from_secret(&key.0),
            decoding: DecodingKey::from_secret(&key.0),
            versions: Hmac::new_from_slice(&derived).map_err(|_| BadSigningKey::Short)?,
            remembered: Cache::builder()
                .max_capacity(REMEMBERED_BYTES)
                .eviction_policy(EvictionPolicy::lru())
                .weigher(|_: &[u8; 32], entry: &Remembered| {
                    u32::try_from(entry.token_bytes.saturating_add(REMEMBERED_ENTRY_BYTES)).unwrap_or(u32::MAX)
                })
                .build(),
        })
    }

    /// Signs a token; `None` where the signing library fails.
    pub(super) fn sign(&self, wish: Wish<'_>) -> Option<Signed> {
        let ttl = wish.ttl.max(TTL_MIN);
        let now = wish.now.as_second();
        let claims = Claims {
            iss: ISSUER,
            sub: wish.user.map_or("", |(name, _)| name.as_str()),
            aud: wish.service,
            exp: now.saturating_add(i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX)),
            nbf: now - CLOCK_SKEW_SECONDS,
            iat: now,
            jti: uuid::Uuid::new_v4().to_string(),
            access: wish.access,
            scp: wish.asked.iter().map(Scope::to_string).collect(),
            ver: wish.user.map_or_else(String::new, |(_, version)| self.version(version)),
        };
        let token = encode(&Header::new(Algorithm::HS256), &claims, &self.encoding).ok()?;
        Some(Signed { token, expires_in: ttl })
    }

    /// Reads a token that was presented to a listener.
    pub(super) fn read(&self, token: &str, service: &str, now: Timestamp) -> Result<Arc<Read>, BadToken> {
        if token.len() > TOKEN_MAX_BYTES {
            return Err(BadToken);
        }
        let mut key = Sha256::new();
        key.update((service.len() as u64).to_le_bytes());
        key.update(service);
        key.update(token);
        let key: [u8; 32] = key.finalize().into();
        if let Some(known) = self.remembered.get(&key) {
            return if known.read.holds_at(now) { Ok(known.read) } else { Err(BadToken) };
        }
        let read = Arc::new(self.check(token, service)?);
        if !read.holds_at(now) {
            return Err(BadToken);
        }
        self.remembered.insert(key, Remembered { read: Arc::clone(&read), token_bytes: token.len() });
        Ok(read)
    }

    fn check(&self, token: &str, service: &str) -> Result<Read, BadToken> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        validation.validate_nbf = true;
        validation.set_audience(&[service]);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "nbf", "aud", "iss", "sub"]);
        let claims = decode::<ReadClaims>(token, &self.decoding, &validation).map_err(|_| BadToken)?.claims;
        let user = match claims.sub.as_str() {
            "" => None,
            name => Some(UserName::parse(name).map_err(|_| BadToken)?),
        };
        let asked = claims.scp.iter().map(|text| Scope::parse(text)).collect::<Result<_, _>>().map_err(|_| BadToken)?;
        let (not_before, expires) = (claims.nbf, claims.exp);
        Ok(Read { user, asked, version: claims.ver, secret: OnceLock::new(), not_before, expires })
    }

    /// The secret of the user that a token was signed in with, if it still holds.
    pub(super) fn secret_of(&self, read: &Read, user: &User, now: Timestamp) -> Option<SecretVersion> {
        // A version is made of the name and the secret: the one that was found once is found again as
        // long as it holds.
        if let Some(version) = read.secret.get().filter(|version| user.has_secret(**version, now)) {
            return Some(*version);
        }
        let found = user
            .secrets_at(now)
            .map(crate::identity::Secret::version)
            .find(|version| self.version(*version).as_bytes().ct_eq(read.version.as_bytes()).into())?;
        // Where another was found meanwhile, that one is as good.
        let _ = read.secret.set(found);
        Some(found)
    }

    /// A secret's version in a form that tells nothing about the secret.
    fn version(&self, version: SecretVersion) -> String {
        let mut mac = self.versions.clone();
        mac.update(version.as_bytes());
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn key(byte: u8) -> SigningKey {
        SigningKey::new(vec![byte; SIGNING_KEY_MIN_BYTES]).unwrap()
    }

    fn tokens() -> Tokens {
        Tokens::new(&key(1)).unwrap()
    }

    fn wish<'a>(asked: &'a [Scope], now: Timestamp) -> Wish<'a> {
        let ttl = Duration::from_secs(60);
        Wish { user: None, service: "here", asked, access: Vec::new(), now, ttl }
    }

    fn claims(now: i64) -> serde_json::Value {
        json!({"iss": ISSUER, "sub": "", "aud": "here", "exp": now + 60, "nbf": now, "scp": [], "ver": ""})
    }

    fn forge(header: &Header, claims: &serde_json::Value, key: &[u8]) -> String {
        encode(header, claims, &EncodingKey::from_secret(key)).unwrap()
    }

    #[test]
    fn reads_what_it_signs() {
        let asked = [Scope::parse("repository:a/b:pull,push").unwrap(), Scope::Catalog];
        let signed = tokens().sign(wish(&asked, Timestamp::now())).unwrap();
        let read = tokens().read(&signed.token, "here", Timestamp::now()).unwrap();
        assert_eq!((read.user.as_ref(), &*read.asked), (None, asked.as_slice()));
    }

    #[test]
    fn refuses_what_is_not_for_here_and_now() {
        let now = Timestamp::now();
        let signed = tokens().sign(wish(&[], now)).unwrap().token;
        assert_eq!(tokens().read(&signed, "there", Timestamp::now()).unwrap_err(), BadToken);
        assert_eq!(Tokens::new(&key(2)).unwrap().read(&signed, "here", Timestamp::now()).unwrap_err(), BadToken);
        let old = tokens().sign(wish(&[], now - jiff::SignedDuration::from_secs(61))).unwrap().token;
        assert_eq!(tokens().read(&old, "here", Timestamp::now()).unwrap_err(), BadToken);
        let early = tokens().sign(wish(&[], now + jiff::SignedDuration::from_secs(90))).unwrap().token;
        assert_eq!(tokens().read(&early, "here", Timestamp::now()).unwrap_err(), BadToken);
        for text in ["", ".", "..", "a.b.c", &"x".repeat(TOKEN_MAX_BYTES + 1)] {
            assert_eq!(tokens().read(text, "here", Timestamp::now()).unwrap_err(), BadToken);
        }
    }

    #[test]
    fn a_tokens_header_chooses_neither_key_nor_algorithm() {
        let now = Timestamp::now().as_second();
        let good = forge(&Header::new(Algorithm::HS256), &claims(now), &key(1).0);
        assert!(tokens().read(&good, "here", Timestamp::now()).is_ok());
        for algorithm in [Algorithm::HS384, Algorithm::HS512] {
            let other = forge(&Header::new(algorithm), &claims(now), &key(1).0);
            assert_eq!(tokens().read(&other, "here", Timestamp::now()).unwrap_err(), BadToken);
        }
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some("../../dev/null".to_owned());
        header.x5c = Some(vec!["AAAA".to_owned()]);
        assert_eq!(tokens().read(&forge(&header, &claims(now), b""), "here", Timestamp::now()).unwrap_err(), BadToken);
        let body = good.split('.').nth(1).unwrap();
        // {"alg":"none","typ":"JWT"} and {"alg":"None"}
        for none in ["eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0", "eyJhbGciOiJOb25lIn0"] {
            assert_eq!(tokens().read(&format!("{none}.{body}."), "here", Timestamp::now()).unwrap_err(), BadToken);
        }
    }

    #[test]
    fn every_claim_is_needed() {
        let now = Timestamp::now().as_second();
        for missing in ["iss", "sub", "aud", "exp", "nbf", "scp", "ver"] {
            let mut claims = claims(now);
            claims.as_object_mut().unwrap().remove(missing);
            let token = forge(&Header::new(Algorithm::HS256), &claims, &key(1).0);
            assert_eq!(tokens().read(&token, "here", Timestamp::now()).unwrap_err(), BadToken, "{missing}");
        }
    }

    #[test]
    fn keys_have_a_least_length_and_are_never_printed() {
        assert!(matches!(SigningKey::new(vec![7; 31]), Err(BadSigningKey::Short)));
        assert_eq!(format!("{:?}", key(1)), "SigningKey(…)");
    }
}
