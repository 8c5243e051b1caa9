//! Content digests and the hashers that make them.

use std::fmt;

use sha2::digest::common::hazmat::{SerializableState, SerializedState};
use sha2::{Digest as _, Sha256, Sha512};

/// A registered digest algorithm (OCI image specification, "Registered algorithms").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// SHA-256: what every client uses unless told otherwise.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// All algorithms, the usual one first.
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Sha512];

    /// The algorithm's name in a digest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// Reads an algorithm's name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text)
    }

    /// How many hexadecimal digits a digest has.
    pub fn hex_len(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }
}

/// A digest such as `sha256:e3b0…`, with exactly as many lower-case hexadecimal digits as its
/// algorithm has.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest {
    algorithm: Algorithm,
    hex: Box<str>,
}

/// Why a text is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadDigest {
    /// No colon separates an algorithm.
    #[error("a digest has the form `sha256:<64 hexadecimal digits>`")]
    Form,
    /// The algorithm is not one that this registry computes.
    #[error("the digest algorithm is not supported: use `sha256` or `sha512`")]
    Algorithm,
    /// The encoded part has the wrong length or other characters than `0-9a-f`.
    #[error("a {} digest has {} lower-case hexadecimal digits", .0.as_str(), .0.hex_len())]
    Hex(Algorithm),
}

impl Digest {
    /// Reads a digest.
    ///
    /// # Errors
    /// Says what is wrong with the form, the algorithm or the digits.
    pub fn parse(text: &str) -> Result<Self, BadDigest> {
        let (algorithm, hex) = text.split_once(':').ok_or(BadDigest::Form)?;
        let algorithm = Algorithm::parse(algorithm).ok_or(BadDigest::Algorithm)?;
        Self::from_hex(algorithm, hex)
    }

    /// Makes a digest of an algorithm and its hexadecimal digits.
    ///
    /// # Errors
    /// [`BadDigest::Hex`] where length or characters are wrong.
    pub fn from_hex(algorithm: Algorithm, hex: &str) -> Result<Self, BadDigest> {
        let well_formed =
            hex.len() == algorithm.hex_len() && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if well_formed { Ok(Self { algorithm, hex: hex.into() }) } else { Err(BadDigest::Hex(algorithm)) }
    }

    /// The digest of bytes that are at hand.
    pub fn of(algorithm: Algorithm, bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }

    /// Which algorithm made it.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The hexadecimal digits, without the algorithm.
    pub fn hex(&self) -> &str {
        &self.hex
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.as_str(), self.hex)
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// A running digest computation, whose state can be put away and taken up again.
#[derive(Clone)]
pub struct Hasher(State);

#[derive(Clone)]
enum State {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hasher {
    /// Starts with no bytes.
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Sha256 => State::Sha256(Sha256::new()),
            Algorithm::Sha512 => State::Sha512(Sha512::new()),
        })
    }

    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha256(hasher) => hasher.update(bytes),
            State::Sha512(hasher) => hasher.update(bytes),
        }
    }

    /// The digest of all bytes so far.
    pub fn finish(self) -> Digest {
        let (algorithm, hex) = match self.0 {
            State::Sha256(hasher) => (Algorithm::Sha256, hex(&hasher.finalize())),
            State::Sha512(hasher) => (Algorithm::Sha512, hex(&hasher.finalize())),
        };
        Digest { algorithm, hex }
    }

    /// Which algorithm is running.
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            State::Sha256(_) => Algorithm::Sha256,
            State::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// The state between two updates, for [`Hasher::resume`]. The bytes are those of the `sha2`
    /// crate's own form; whoever stores them stores a version beside them.
    pub fn midstate(&self) -> Vec<u8> {
        match &self.0 {
            State::Sha256(hasher) => hasher.serialize().to_vec(),
            State::Sha512(hasher) => hasher.serialize().to_vec(),
        }
    }

    /// Takes a computation up again; `None` where the bytes are no state of that algorithm.
    pub fn resume(algorithm: Algorithm, midstate: &[u8]) -> Option<Self> {
        Some(Self(match algorithm {
            Algorithm::Sha256 => {
                let state: &SerializedState<Sha256> = midstate.try_into().ok()?;
                State::Sha256(Sha256::deserialize(state).ok()?)
            }
            Algorithm::Sha512 => {
                let state: &SerializedState<Sha512> = midstate.try_into().ok()?;
                State::Sha512(Sha512::deserialize(state).ok()?)
            }
        }))
    }
}

fn hex(bytes: &[u8]) -> Box<str> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [DIGITS[usize::from(byte >> 4)] as char, DIGITS[usize::from(byte & 15)] as char])
        .collect::<String>()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn reads_what_it_writes() {
        assert_eq!(Digest::of(Algorithm::Sha256, b"").to_string(), EMPTY);
        assert_eq!(Digest::parse(EMPTY).unwrap().to_string(), EMPTY);
    }

    #[test]
    fn refuses_other_forms() {
        for text in ["", "sha256", "sha256:", "sha256:E3", "md5:00", &EMPTY.to_uppercase(), &format!("{EMPTY}0")] {
            assert!(Digest::parse(text).is_err(), "{text}");
        }
        assert!(Digest::parse(&format!("sha512:{}", "0".repeat(64))).is_err());
    }

    #[test]
    fn a_midstate_goes_on_where_it_stopped() {
        for algorithm in Algorithm::ALL {
            let mut first = Hasher::new(algorithm);
            first.update(b"hello, ");
            let mut second = Hasher::resume(algorithm, &first.midstate()).unwrap();
            second.update(b"world");
            assert_eq!(second.finish(), Digest::of(algorithm, b"hello, world"));
            assert!(Hasher::resume(algorithm, b"short").is_none());
        }
    }
}
