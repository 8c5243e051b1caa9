//! What a manifest names.

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::oci::{Digest, Manifest, MediaType};
use crate::storage::{Key, StorageError, Store};

/// The largest manifest, in bytes: nothing larger is read whole, wherever it comes from.
const MANIFEST_MAX_BYTES: u64 = 8 * 1024 * 1024;

/// What a manifest names.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Its digest, and everything that it names: configuration, layers, children.
    pub(super) all: BTreeSet<Digest>,
    /// The children that are manifests themselves.
    pub(super) children: BTreeSet<Digest>,
    /// What it refers to. That is not kept for it.
    pub(super) subject: Option<Digest>,
}

/// Reads what a manifest names; `None` where its bytes do not exist.
///
/// What is no manifest by today's rules (schema 1, or an unknown type) names every digest that stands
/// anywhere in it: rather too much is kept than too little.
///
/// # Errors
/// [`StorageError::Damaged`] where the bytes have another digest, or are not JSON.
pub(super) async fn read(store: &Store, digest: &Digest) -> Result<Option<Names>, StorageError> {
    let Some(body) = bytes_of(store, digest).await? else { return Ok(None) };
    if let Some(names) = of_bytes(digest, &body) {
        return Ok(Some(names));
    }
    match serde_json::from_slice::<serde_json::Value>(&body) {
        Ok(_) => Ok(Some(of_text(digest, &body))),
        Err(error) => Err(damaged(digest, format!("it is no manifest: {error}"))),
    }
}

/// Reads what something names that an index lists: whoever pushed the index said that it is a manifest, and
/// need not have said the truth. Also whether it is one. What is no manifest names what it mentions, unless it
/// is larger than any manifest.
///
/// # Errors
/// [`StorageError::Damaged`] where the bytes have another digest.
pub(super) async fn read_listed(store: &Store, digest: &Digest) -> Result<(bool, Names), StorageError> {
    let leaf = Names { all: BTreeSet::from([digest.clone()]), ..Names::default() };
    if store.stat(&Key::blob(digest)).await?.is_none_or(|found| found.size > MANIFEST_MAX_BYTES) {
        return Ok((false, leaf));
    }
    let Some(body) = bytes_of(store, digest).await? else { return Ok((false, leaf)) };
    match of_bytes(digest, &body) {
        Some(names) => Ok((true, names)),
        None => Ok((false, of_text(digest, &body))),
    }
}

async fn bytes_of(store: &Store, digest: &Digest) -> Result<Option<Bytes>, StorageError> {
    let body = match store.get(&Key::blob(digest)).await {
        Err(error) if error.is_not_found() => return Ok(None),
        result => result?,
    };
    let actual = Digest::of(digest.algorithm(), &body);
    if actual != *digest {
        return Err(damaged(digest, format!("its digest is {actual}")));
    }
    Ok(Some(body))
}

fn damaged(digest: &Digest, why: String) -> StorageError {
    StorageError::Damaged { key: Key::blob(digest).to_string(), why }
}

fn of_bytes(digest: &Digest, body: &[u8]) -> Option<Names> {
    let manifest = Manifest::sniff(body).and_then(|media_type| Manifest::parse(&media_type, body).ok())?;
    let mut names = of_manifest(&manifest);
    names.all.insert(digest.clone());
    Some(names)
}

fn of_text(digest: &Digest, body: &[u8]) -> Names {
    let mut all = mentioned(body);
    all.insert(digest.clone());
    Names { all, ..Names::default() }
}

fn of_manifest(manifest: &Manifest) -> Names {
    let mut all = manifest.child_digests();
    all.extend(manifest.blobs().map(|blob| blob.digest.clone()));
    let children = manifest.children().iter().filter(|child| is_manifest(&child.media_type));
    Names {
        children: children.map(|child| child.digest.clone()).collect(),
        subject: manifest.subject.as_ref().map(|subject| subject.digest.clone()),
        all,
    }
}

/// Whether a descriptor says that a manifest is behind it. (Build caches list layers in an index.)
fn is_manifest(media_type: &str) -> bool {
    [
        "",
        MediaType::OCI_MANIFEST,
        MediaType::OCI_INDEX,
        MediaType::OCI_ARTIFACT,
        MediaType::DOCKER_MANIFEST,
        MediaType::DOCKER_LIST,
    ]
    .contains(&media_type)
}

/// Every digest that stands in a text.
fn mentioned(body: &[u8]) -> BTreeSet<Digest> {
    let text = String::from_utf8_lossy(body);
    let mut found = BTreeSet::new();
    for prefix in ["sha256:", "sha512:"] {
        for (at, _) in text.match_indices(prefix) {
            let rest = &text[at + prefix.len()..];
            let digits = rest.bytes().take_while(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte)).count();
            found.extend(Digest::parse(&format!("{prefix}{}", &rest[..digits])));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Algorithm;

    #[test]
    fn what_is_not_understood_names_all_that_it_mentions() {
        let one = Digest::of(Algorithm::Sha256, b"1");
        let two = Digest::of(Algorithm::Sha512, b"2");
        let text = format!(r#"{{"schemaVersion":1,"fsLayers":[{{"blobSum":"{one}"}}],"x":"a {two}, sha256:12"}}"#);
        assert_eq!(mentioned(text.as_bytes()), BTreeSet::from([one, two]));
    }
}
