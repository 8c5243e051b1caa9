//! A set of digests in little memory.

use std::collections::HashSet;

use crate::oci::{Algorithm, Digest};

/// A set of digests. The bytes are kept and not their text: a SHA-256 digest takes 33 bytes of a table
/// that is between 7/16 and 7/8 full, and so 38 to 76 bytes (half as much again for the moment in which
/// the table grows).
#[derive(Debug, Default)]
pub(super) struct DigestSet {
    sha256: HashSet<[u8; 32]>,
    sha512: HashSet<[u8; 64]>,
}

impl DigestSet {
    /// Adds a digest; `false` where it was there.
    pub(super) fn insert(&mut self, digest: &Digest) -> bool {
        match digest.algorithm() {
            Algorithm::Sha256 => self.sha256.insert(bytes(digest)),
            Algorithm::Sha512 => self.sha512.insert(bytes(digest)),
        }
    }

    pub(super) fn contains(&self, digest: &Digest) -> bool {
        match digest.algorithm() {
            Algorithm::Sha256 => self.sha256.contains(&bytes(digest)),
            Algorithm::Sha512 => self.sha512.contains(&bytes(digest)),
        }
    }
}

/// The bytes of a digest, which has twice as many hexadecimal digits.
fn bytes<const N: usize>(digest: &Digest) -> [u8; N] {
    let value = |digit: u8| if digit.is_ascii_digit() { digit - b'0' } else { digit.wrapping_sub(b'a' - 10) };
    let mut bytes = [0; N];
    for (byte, digits) in bytes.iter_mut().zip(digest.hex().as_bytes().chunks_exact(2)) {
        *byte = (value(digits[0]) << 4) | value(digits[1]);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_told_apart() {
        let mut set = DigestSet::default();
        let all: Vec<Digest> = Algorithm::ALL
            .into_iter()
            .flat_map(|algorithm| (0..500).map(move |n| Digest::of(algorithm, format!("{n}").as_bytes())))
            .collect();
        for digest in &all {
            assert!(!set.contains(digest) && set.insert(digest) && !set.insert(digest));
        }
        assert!(all.iter().all(|digest| set.contains(digest)));
        assert_eq!(bytes::<32>(&Digest::parse(&format!("sha256:{}", "0f9a".repeat(16))).unwrap())[..2], [0x0f, 0x9a]);
    }
}
