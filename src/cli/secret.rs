//! Finds the secrets to which a configuration refers. Errors name the place and never the value.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::config::{Checked, Reference, SecretSource};
use crate::server::{Certificate, SIGNING_KEY_MIN_BYTES};

/// More is not read from a file.
const MAX_BYTES: u64 = 64 << 10;

/// The bytes of a secret; a final newline of a file does not count.
pub(super) fn resolve(folder: &Path, source: &SecretSource) -> Result<Vec<u8>, String> {
    match source {
        SecretSource::InPlace(text) => Ok(text.clone().into_bytes()),
        SecretSource::Env(name) => match std::env::var(name) {
            Ok(value) if !value.is_empty() => Ok(value.into_bytes()),
            Ok(_) => Err(format!("the environment variable `{name}` is empty")),
            Err(_) => Err(format!("the environment variable `{name}` is not set")),
        },
        SecretSource::File(path) => {
            let path = folder.join(path);
            let unreadable = |why: String| format!("cannot read the secret file `{}`: {why}", path.display());
            let meta = std::fs::metadata(&path).map_err(|error| unreadable(error.to_string()))?;
            if !meta.is_file() {
                return Err(unreadable("it is not a regular file".to_owned()));
            }
            let mut bytes = Vec::new();
            File::open(&path)
                .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
                .map_err(|error| unreadable(error.to_string()))?;
            if bytes.len() as u64 > MAX_BYTES {
                return Err(unreadable("it is larger than 64 KiB".to_owned()));
            }
            while matches!(bytes.last(), Some(b'\n' | b'\r')) {
                bytes.pop();
            }
            if bytes.is_empty() { Err(unreadable("it is empty".to_owned())) } else { Ok(bytes) }
        }
    }
}

/// The key that signs tokens.
pub(super) fn signing_key(folder: &Path, source: &SecretSource) -> Result<Vec<u8>, String> {
    let key = resolve(folder, source).map_err(|why| format!("`tokens.signing_key`: {why}"))?;
    if key.len() < SIGNING_KEY_MIN_BYTES {
        return Err(format!(
            "`tokens.signing_key` has {} bytes, and needs at least {SIGNING_KEY_MIN_BYTES}",
            key.len()
        ));
    }
    Ok(key)
}

/// Looks up all secrets and certificates to which a configuration refers, and adds an error for each that cannot
/// be had.
pub(super) fn add_missing(folder: &Path, checked: &mut Checked) {
    let path_of = |name: &str| {
        let reference = checked.references.iter().find(|reference| reference.name == name)?;
        match &reference.source {
            SecretSource::File(path) => Some(folder.join(path)),
            SecretSource::InPlace(_) | SecretSource::Env(_) => None,
        }
    };
    let [certificate, key] = match (path_of(CERTIFICATE), path_of(KEY)) {
        (Some(certificate), Some(key)) => Certificate::problems(&certificate, &key),
        _ => [None, None],
    };
    checked.add_missing(|reference| match &*reference.name {
        CERTIFICATE => certificate.as_ref().map(ToString::to_string),
        KEY => key.as_ref().map(ToString::to_string),
        _ => missing(folder, reference),
    });
}

/// The names of the references to the files of TLS.
const CERTIFICATE: &str = "server.tls.certificate";
const KEY: &str = "server.tls.key";

/// What is wrong with a secret, if anything.
fn missing(folder: &Path, Reference { source, name, .. }: &Reference) -> Option<String> {
    let found = match &**name {
        "signing_key" => signing_key(folder, source).map(|_| ()),
        _ => resolve(folder, source)
            .and_then(|bytes| String::from_utf8(bytes).map(|_| ()).map_err(|_| "it is not UTF-8".to_owned())),
    };
    let why = found.err()?;
    Some(if why.contains(&format!("{name}`")) { why } else { format!("`{name}`: {why}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_counts_without_its_last_newline() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("key"), "k".repeat(32) + "\n").unwrap();
        let key = signing_key(dir.path(), &SecretSource::File("key".into()));
        assert_eq!(key, Ok(vec![b'k'; 32]));
    }

    #[test]
    fn what_is_missing_or_short_is_named_and_not_shown() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("short"), "hush-hush").unwrap();
        let error = signing_key(dir.path(), &SecretSource::File("short".into())).unwrap_err();
        assert!(error.contains("9 bytes") && !error.contains("hush"), "{error}");
        let error = signing_key(dir.path(), &SecretSource::File("lost".into())).unwrap_err();
        assert!(error.contains("lost"), "{error}");
        let error = signing_key(dir.path(), &SecretSource::Env("PORTOLAN_TEST_NOT_SET".into())).unwrap_err();
        assert!(error.contains("PORTOLAN_TEST_NOT_SET"), "{error}");
    }
}
