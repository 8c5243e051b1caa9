//! Storages in buckets.

use std::sync::LazyLock;

use super::super::codes;
use super::super::model::{S3Credentials, S3Definition, SecretSource};
use super::super::report::Report;
use super::super::yaml::Node;
use super::{urls, values};
use crate::oci::{Algorithm, Digest};

/// Compiles the definition of an S3 storage.
pub(super) fn s3(node: &Node<'_>, report: &mut Report) -> Option<S3Definition> {
    // Each is looked at, so that everything that is wrong is told at once.
    let bucket = node.get("bucket").and_then(|node| bucket(node, report));
    let region = given(node.get("region"), |node| region(node, report));
    let endpoint = given(node.get("endpoint"), |node| endpoint(node, report));
    let prefix = given(node.get("prefix"), |node| prefix(node, report));
    let redirect = given(node.get("redirect"), |node| node.boolean());
    let credentials = given(node.get("credentials"), |node| credentials(node, report));
    Some(S3Definition {
        bucket: bucket?,
        region: region?,
        endpoint: endpoint?,
        prefix: prefix?.unwrap_or_default(),
        credentials: credentials?,
        redirect: redirect?.unwrap_or_default(),
    })
}

/// `Some(None)` for what is not written, `None` for what is wrong.
fn given<'n, T>(node: Option<&'n Node<'n>>, read: impl FnOnce(&'n Node<'n>) -> Option<T>) -> Option<Option<T>> {
    match node {
        None => Some(None),
        Some(node) => read(node).map(Some),
    }
}

fn bucket(node: &Node<'_>, report: &mut Report) -> Option<String> {
    let text = node.string()?;
    let is_good = (1..=255).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
        && text.bytes().any(|b| b != b'.');
    if !is_good {
        report
            .add(codes::BAD_BUCKET, node.span, "this is no name of a bucket")
            .help("a bucket's name has letters, digits, `-` and `.`");
        return None;
    }
    Some(text.to_owned())
}

fn region(node: &Node<'_>, report: &mut Report) -> Option<String> {
    let text = node.string()?;
    if text.is_empty() || text.len() > 64 || !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)) {
        report
            .add(codes::BAD_BUCKET, node.span, "this is no name of a region")
            .help("write one such as `eu-central-1`, or remove the key: the default is `us-east-1`");
        return None;
    }
    Some(text.to_owned())
}

fn endpoint(node: &Node<'_>, report: &mut Report) -> Option<String> {
    urls::origin(node, "https://s3.example.com", report).map(|url| url.to_ascii_lowercase())
}

/// What all keys begin with, without slashes at its ends.
fn prefix(node: &Node<'_>, report: &mut Report) -> Option<String> {
    let text = node.string()?;
    let prefix = text.trim_matches('/');
    let is_good = prefix.is_empty()
        || prefix.len() <= 512
            && prefix.split('/').all(|segment| !segment.is_empty() && segment != "." && segment != "..")
            && prefix.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-._!'()@=+".contains(&b));
    if !is_good {
        report
            .add(codes::BAD_BUCKET, node.span, "this is no beginning of keys")
            .help("write folders such as `registry` or `team/registry`");
        return None;
    }
    Some(prefix.to_owned())
}

fn credentials(node: &Node<'_>, report: &mut Report) -> Option<S3Credentials> {
    let access_key_id = node.get("accessKeyId").and_then(|node| match node.string() {
        // It names a key, and is none.
        Some(text) if !text.is_empty() => Some(SecretSource::InPlace(text.to_owned())),
        _ => values::secret(node, "accessKeyId", report),
    });
    let secret_access_key =
        node.get("secretAccessKey").and_then(|node| values::secret(node, "secretAccessKey", report));
    Some(S3Credentials { access_key_id: access_key_id?, secret_access_key: secret_access_key? })
}

/// The store that a bucket is in, and its name there: where two of them are equal, so are their keys.
pub(super) fn ground(definition: &S3Definition) -> String {
    // The names of buckets are unique in all of AWS.
    let store = definition.endpoint.as_deref().unwrap_or("aws");
    format!("{store}/{}", definition.bucket)
}

/// Makes the text that stands for a secret useless elsewhere, and different after each start.
static SALT: LazyLock<uuid::Uuid> = LazyLock::new(uuid::Uuid::new_v4);

/// Text that is the same for equal definitions only while the process runs, and from which no secret can be had.
pub(super) fn key(definition: &S3Definition) -> String {
    let S3Definition { region, prefix, credentials, redirect, .. } = definition;
    let mut rest = format!("{} {region:?} {redirect}", *SALT);
    if let Some(S3Credentials { access_key_id, secret_access_key }) = credentials {
        for source in [access_key_id, secret_access_key] {
            rest.push_str(&match source {
                SecretSource::InPlace(text) => format!(" in place {text:?}"),
                SecretSource::Env(name) => format!(" env {name:?}"),
                SecretSource::File(path) => format!(" file {path:?}"),
            });
        }
    }
    let rest = Digest::of(Algorithm::Sha256, rest.as_bytes());
    format!("s3:{}/{prefix}#{}", ground(definition), &rest.hex()[..8])
}
