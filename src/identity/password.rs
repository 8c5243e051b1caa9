//! What a password is compared with.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use argon2::password_hash::{PasswordHasher as _, phc};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// The most memory that one check may take, in KiB.
const MAX_MEMORY_KIB: u32 = 1024 * 1024;

/// The most work that one check may take: KiB of memory times passes, of which an ordinary core does
/// about a million a second. It stands for 10 seconds.
const MAX_KIB_PASSES: u64 = 10 * KIB_PASSES_A_SECOND;
const KIB_PASSES_A_SECOND: u64 = 1_100_000;

/// The largest memory of a check that is kept for the next one, in KiB. What is larger, the system gets back.
const KEPT_MAX_BLOCKS: usize = 64 * 1024;

/// The OWASP minimum for argon2id.
const RECOMMENDED_MEMORY_KIB: u32 = 19 * 1024;
const RECOMMENDED_PASSES: u32 = 2;

/// The OWASP minimum for bcrypt, and the cost at which a check takes about 8 seconds.
const RECOMMENDED_BCRYPT_COST: u32 = 10;
const MAX_BCRYPT_COST: u32 = 17;

/// The bytes of a password that bcrypt looks at: of two longer ones that begin alike, it takes either.
const BCRYPT_MAX_BYTES: usize = 72;

/// A password entry of the credentials file, read and bounded.
#[derive(Clone)]
pub struct PasswordHash {
    entry: Box<str>,
    form: Form,
}

#[derive(Clone)]
enum Form {
    Argon2 { algorithm: Algorithm, version: Version, params: Params, salt: Box<[u8]>, output: Box<[u8]> },
    Bcrypt { cost: u32 },
    Sha256([u8; 32]),
    Plain,
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

impl HashKind {
    /// The word for it in the credentials file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Argon2 => "argon2",
            Self::Bcrypt => "bcrypt",
            Self::Sha256 => "sha256",
            Self::Plain => "plain",
        }
    }
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
    /// The system gave no random bytes for a salt.
    #[error("the system's random generator failed")]
    NoRandomness,
}

impl PasswordHash {
    /// Reads the `pass` of an entry of a kind.
    ///
    /// # Errors
    /// Says what is wrong, without repeating the entry.
    pub fn parse(kind: HashKind, text: &str) -> Result<Self, BadHash> {
        if text.is_empty() {
            return Err(BadHash::Empty);
        }
        let form = match kind {
            HashKind::Argon2 => parse_argon2(text)?,
            HashKind::Bcrypt => parse_bcrypt(text)?,
            HashKind::Sha256 => Form::Sha256(parse_hex(text).ok_or(BadHash::Form("SHA-256 in hexadecimal"))?),
            HashKind::Plain => Form::Plain,
        };
        Ok(Self { entry: text.into(), form })
    }

    /// Hashes a new password with argon2id and parameters at or above the OWASP minimum.
    ///
    /// # Errors
    /// [`BadHash::Empty`], and [`BadHash::NoRandomness`] where the system's random generator fails.
    pub fn create(password: &str) -> Result<Self, BadHash> {
        if password.is_empty() {
            return Err(BadHash::Empty);
        }
        // The crate's default parameters are those of OWASP: 19 MiB, 2 passes, 1 lane.
        let hash = Argon2::default().hash_password(password.as_bytes()).map_err(|_| BadHash::NoRandomness)?;
        Self::parse(HashKind::Argon2, &hash.to_string())
    }

    /// An entry that costs as much to check as a new one, and belongs to nobody.
    pub(super) fn nobodys() -> Self {
        let form = Form::Argon2 {
            algorithm: Algorithm::Argon2id,
            version: Version::V0x13,
            params: Params::default(),
            salt: [0; 16].into(),
            output: [0; 32].into(),
        };
        Self { entry: "".into(), form }
    }

    /// Of what kind it is.
    pub fn kind(&self) -> HashKind {
        match self.form {
            Form::Argon2 { .. } => HashKind::Argon2,
            Form::Bcrypt { .. } => HashKind::Bcrypt,
            Form::Sha256(_) => HashKind::Sha256,
            Form::Plain => HashKind::Plain,
        }
    }

    /// Whether its parameters are weaker than what is recommended today. `sha256` and `plain` have
    /// none: their kind alone says that they are weak.
    pub fn is_weak(&self) -> bool {
        match &self.form {
            Form::Argon2 { params, .. } => {
                params.m_cost() < RECOMMENDED_MEMORY_KIB || params.t_cost() < RECOMMENDED_PASSES
            }
            Form::Bcrypt { cost } => *cost < RECOMMENDED_BCRYPT_COST,
            Form::Sha256(_) | Form::Plain => false,
        }
    }

    /// Compares a password; takes as long as the entry's parameters say. CPU-bound: never call it on
    /// an async worker. An empty password never fits.
    pub fn verify(&self, password: &str) -> bool {
        let fits = match &self.form {
            Form::Argon2 { algorithm, version, params, salt, output } => {
                let mut computed = vec![0; output.len()];
                let argon2 = Argon2::new(*algorithm, *version, params.clone());
                let hashed = in_kept_memory(params.block_count(), |memory| {
                    argon2.hash_password_into_with_memory(password.as_bytes(), salt, &mut computed, memory)
                });
                hashed.is_ok_and(|()| computed.ct_eq(output).into())
            }
            Form::Bcrypt { .. } => {
                // What bcrypt would cut off or read as an end is refused, but only after the same work.
                let fits = bcrypt::verify(password, &self.entry).unwrap_or(false);
                fits && password.len() <= BCRYPT_MAX_BYTES && !password.contains('\0')
            }
            Form::Sha256(digest) => sha256(password).ct_eq(digest).into(),
            Form::Plain => sha256(password).ct_eq(&sha256(&self.entry)).into(),
        };
        fits && !password.is_empty()
    }

    /// The entry's text, as it would stand in `pass`. A secret: it must not be printed but by the
    /// command that makes it.
    pub fn as_entry(&self) -> &str {
        &self.entry
    }
}

/// Runs work with memory that the next work of its kind uses again: freed, it would stay with the thread that had it,
/// and checks of passwords run on many threads, though few at the same time.
fn in_kept_memory<T>(blocks: usize, work: impl FnOnce(&mut [Block]) -> T) -> T {
    static KEPT: Mutex<Vec<Vec<Block>>> = Mutex::new(Vec::new());
    let kept = || KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let mut memory = kept().pop().unwrap_or_default();
    memory.resize(blocks, Block::new());
    let done = work(&mut memory);
    if blocks <= KEPT_MAX_BLOCKS {
        kept().push(memory);
    }
    done
}

fn parse_argon2(text: &str) -> Result<Form, BadHash> {
    let form = || BadHash::Form("argon2 hash in PHC form (`$argon2id$v=19$m=…,t=…,p=…$SALT$HASH`)");
    let hash = phc::PasswordHash::new(text).map_err(|_| form())?;
    let algorithm = Algorithm::try_from(hash.algorithm.as_str()).map_err(|_| form())?;
    // Hashes of the first version carry no version.
    let version = Version::try_from(hash.version.unwrap_or(0x10)).map_err(|_| form())?;
    if ["m", "t", "p"].iter().any(|name| hash.params.get_decimal(*name).is_none()) {
        return Err(form());
    }
    let params = Params::try_from(&hash).map_err(|_| form())?;
    let (Some(salt), Some(output)) = (hash.salt, hash.hash) else { return Err(form()) };
    if salt.len() < argon2::MIN_SALT_LEN {
        return Err(form());
    }
    if params.m_cost() > MAX_MEMORY_KIB {
        return Err(BadHash::TooExpensive(format!(
            "{} MiB of memory; at most 1024 are allowed",
            params.m_cost() / 1024
        )));
    }
    let work = u64::from(params.m_cost()) * u64::from(params.t_cost());
    if work > MAX_KIB_PASSES {
        let seconds = work / KIB_PASSES_A_SECOND;
        return Err(BadHash::TooExpensive(format!("about {seconds} seconds; at most 10 are allowed")));
    }
    Ok(Form::Argon2 { algorithm, version, params, salt: salt.as_ref().into(), output: output.as_bytes().into() })
}

fn parse_bcrypt(text: &str) -> Result<Form, BadHash> {
    let form = || BadHash::Form("bcrypt hash (`$2b$12$…`, 60 characters)");
    let parts: bcrypt::HashParts = text.parse().map_err(|_| form())?;
    // `$2x$` marks hashes that a broken implementation made.
    if !["$2a$", "$2b$", "$2y$"].iter().any(|prefix| text.starts_with(prefix)) {
        return Err(form());
    }
    match parts.get_cost() {
        0..4 | 32.. => Err(form()),
        4..=MAX_BCRYPT_COST => Ok(Form::Bcrypt { cost: parts.get_cost() }),
        cost => Err(BadHash::TooExpensive(format!(
            "far more than 10 seconds at cost {cost}; at most {MAX_BCRYPT_COST} is allowed"
        ))),
    }
}

fn parse_hex(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    if text.len() != 64 {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

fn sha256(password: &str) -> [u8; 32] {
    Sha256::digest(password).into()
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: &str = "$argon2id$v=19$m=64,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$";

    /// An argon2 entry of `secret` with these parameters.
    fn argon2_entry(algorithm: Algorithm, m_cost: u32, t_cost: u32) -> String {
        let params = Params::new(m_cost, t_cost, 1, None).unwrap();
        let argon2 = Argon2::new(algorithm, Version::V0x13, params);
        argon2.hash_password_with_salt(b"secret", b"0123456789abcdef").unwrap().to_string()
    }

    #[test]
    fn each_kind_takes_its_password_and_no_other() {
        let sha = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
        for (kind, entry) in [
            (HashKind::Argon2, argon2_entry(Algorithm::Argon2id, 64, 1)),
            (HashKind::Argon2, argon2_entry(Algorithm::Argon2i, 64, 1)),
            (HashKind::Argon2, argon2_entry(Algorithm::Argon2d, 64, 1)),
            (HashKind::Bcrypt, bcrypt::hash("secret", 4).unwrap()),
            (HashKind::Bcrypt, bcrypt::hash("secret", 4).unwrap().replacen("$2b$", "$2y$", 1)),
            (HashKind::Bcrypt, bcrypt::hash("secret", 4).unwrap().replacen("$2b$", "$2a$", 1)),
            (HashKind::Sha256, sha.to_owned()),
            (HashKind::Sha256, sha.to_uppercase()),
            (HashKind::Plain, "secret".to_owned()),
        ] {
            let hash = PasswordHash::parse(kind, &entry).unwrap();
            assert!(hash.verify("secret"), "{kind:?}");
            for wrong in ["", "Secret", "secret ", "secre", "secret\0", &entry] {
                assert!(!hash.verify(wrong) || wrong == "secret", "{kind:?} {wrong}");
            }
            assert_eq!(hash.kind(), kind);
            assert!(!format!("{hash:?}").contains(&entry));
        }
    }

    #[test]
    fn bcrypt_never_takes_what_it_would_cut_off() {
        let prefix = "p".repeat(72);
        let hash = PasswordHash::parse(HashKind::Bcrypt, &bcrypt::hash(&prefix, 4).unwrap()).unwrap();
        assert!(hash.verify(&prefix));
        assert!(!hash.verify(&format!("{prefix}x")));
        let with_nul = PasswordHash::parse(HashKind::Bcrypt, &bcrypt::hash("a\0b", 4).unwrap()).unwrap();
        assert!(!with_nul.verify("a\0b"));
    }

    #[test]
    fn an_empty_password_never_fits() {
        let sha_of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert!(!PasswordHash::parse(HashKind::Sha256, sha_of_nothing).unwrap().verify(""));
        assert!(!PasswordHash::parse(HashKind::Bcrypt, &bcrypt::hash("", 4).unwrap()).unwrap().verify(""));
        assert_eq!(PasswordHash::parse(HashKind::Plain, "").err(), Some(BadHash::Empty));
        assert_eq!(PasswordHash::create("").err(), Some(BadHash::Empty));
    }

    #[test]
    fn refuses_what_is_malformed() {
        let bcrypt = bcrypt::hash("secret", 4).unwrap();
        for (kind, entry) in [
            (HashKind::Argon2, "secret"),
            (HashKind::Argon2, "$argon2id$v=19$m=64,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg"),
            (HashKind::Argon2, "$argon2x$v=19$m=64,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZg"),
            (HashKind::Argon2, "$argon2id$v=19$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZg"),
            (HashKind::Argon2, CHEAP),
            (HashKind::Argon2, &bcrypt),
            (HashKind::Bcrypt, "secret"),
            (HashKind::Bcrypt, &bcrypt.replacen("$2b$", "$2x$", 1)),
            (HashKind::Bcrypt, &bcrypt.replacen("$04$", "$99$", 1)),
            (HashKind::Bcrypt, &bcrypt[..59]),
            (HashKind::Sha256, "2bb80d"),
            (HashKind::Sha256, &"g".repeat(64)),
            (HashKind::Sha256, &"é".repeat(32)),
        ] {
            let error = PasswordHash::parse(kind, entry).unwrap_err();
            assert!(matches!(error, BadHash::Form(_)), "{kind:?} {entry} {error}");
        }
    }

    #[test]
    fn refuses_what_would_cost_too_much() {
        let tail = "p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZg";
        for entry in ["m=4194304,t=1,", "m=65536,t=1000,", "m=1048577,t=1,", "m=8,t=4294967295,"] {
            let error = PasswordHash::parse(HashKind::Argon2, &format!("$argon2id$v=19${entry}{tail}")).unwrap_err();
            assert!(matches!(error, BadHash::TooExpensive(_)), "{entry} {error}");
        }
        assert!(PasswordHash::parse(HashKind::Argon2, &format!("$argon2id$v=19$m=1048576,t=4,{tail}")).is_ok());
        let expensive = bcrypt::hash("secret", 4).unwrap().replacen("$04$", "$18$", 1);
        assert!(matches!(PasswordHash::parse(HashKind::Bcrypt, &expensive), Err(BadHash::TooExpensive(_))));
    }

    #[test]
    fn new_hashes_are_strong_and_salted() {
        let hash = PasswordHash::create("secret").unwrap();
        assert!(hash.verify("secret") && !hash.is_weak());
        assert!(hash.as_entry().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_entry());
        assert_ne!(hash.as_entry(), PasswordHash::create("secret").unwrap().as_entry());
        assert!(PasswordHash::parse(HashKind::Argon2, &argon2_entry(Algorithm::Argon2id, 64, 1)).unwrap().is_weak());
    }
}
