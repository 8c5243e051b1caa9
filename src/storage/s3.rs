//! Opening a bucket of an S3-compatible store.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::aws::{AmazonS3, AmazonS3Builder, S3ConditionalPut};
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};

use super::error::{concise, said};
use super::listing::Lister;
use super::objects::{Objects, Place};
use super::remote::{Remote, random};
use super::{Key, StorageError};

/// How long a connection may take to come about.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// How long a small object may take, each time that it is tried.
const SMALL_WITHIN: Duration = Duration::from_secs(10);

/// How long a piece of a large object may take, each time that it is tried.
const LARGE_WITHIN: Duration = Duration::from_secs(30);

/// How long making a large object of its pieces may take, each time that it is tried.
const COMPLETE_WITHIN: Duration = Duration::from_secs(120);

/// How long a store may send nothing of an object that is read in a stream.
const STALLED_AFTER: Duration = Duration::from_secs(15);

/// What failed in passing is tried again for so long.
const RETRY_WITHIN: Duration = Duration::from_secs(15);

/// The same for pieces, and for making an object of them. Longer than a try may take, so that one connection that
/// stalls does not end an upload of many pieces.
const LARGE_RETRY_WITHIN: Duration = Duration::from_secs(75);
const COMPLETE_RETRY_WITHIN: Duration = Duration::from_secs(150);

/// Which bucket to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Options {
    /// The bucket.
    pub bucket: String,
    /// The region; `None`: that of the environment, or else `us-east-1`.
    pub region: Option<String>,
    /// The URL of the store; `None`: AWS.
    pub endpoint: Option<String>,
    /// What all keys begin with; empty for nothing.
    pub prefix: String,
    /// The keys to the store; `None`: the usual AWS sources are tried.
    pub keys: Option<S3Keys>,
    /// Whether clients are sent to presigned URLs of the store.
    pub redirect: bool,
}

/// The keys to a store.
#[derive(Clone, PartialEq, Eq)]
pub struct S3Keys {
    /// The name of the key.
    pub id: String,
    /// The key.
    pub secret: String,
}

impl fmt::Debug for S3Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("S3Keys(…)")
    }
}

impl S3Options {
    /// Opens the bucket, and finds out whether it can be worked with.
    ///
    /// # Errors
    /// Says what is wrong: it cannot be reached, the keys do not fit, or it ignores conditions.
    pub(super) async fn open(&self) -> Result<(Objects, Arc<Remote>), StorageError> {
        let root = Path::from(self.prefix.as_str());
        let small = self.client(RETRY_WITHIN, |options| options.with_timeout(SMALL_WITHIN))?;
        let large = self.client(LARGE_RETRY_WITHIN, |options| options.with_timeout(LARGE_WITHIN))?;
        let completing = self.client(COMPLETE_RETRY_WITHIN, |options| options.with_timeout(COMPLETE_WITHIN))?;
        let streams =
            self.client(RETRY_WITHIN, |options| options.with_timeout_disabled().with_read_timeout(STALLED_AFTER))?;
        let below = |store: AmazonS3| -> Arc<dyn ObjectStore> {
            match self.prefix.is_empty() {
                true => Arc::new(store),
                false => Arc::new(PrefixStore::new(store, root.clone())),
            }
        };
        let base = if self.prefix.is_empty() { String::new() } else { format!("{root}/") };
        let lister = Lister::Pages { store: Arc::new(small.clone()), base: base.into() };
        let objects = Objects { place: Place::Store(below(small.clone())), lister };
        let remote = Remote::new(below(large.clone()), below(streams), Arc::new(large), root.clone())
            .with_completing(Arc::new(completing));
        let remote = if self.redirect { remote.with_signer(Arc::new(small)) } else { remote };
        self.probe(&objects).await?;
        Ok((objects, Arc::new(remote)))
    }

    fn client(
        &self,
        retry_within: Duration,
        timeouts: impl FnOnce(ClientOptions) -> ClientOptions,
    ) -> Result<AmazonS3, StorageError> {
        let is_plain = self.endpoint.as_ref().is_some_and(|endpoint| endpoint.starts_with("http://"));
        let options = ClientOptions::new()
            .with_allow_http(is_plain)
            // Where nothing is encrypted, nobody needs certificates, and a machine may have none.
            .with_no_system_certificates(is_plain && self.keys.is_some())
            .with_connect_timeout(CONNECT_WITHIN)
            .with_user_agent(USER_AGENT);
        let retry = RetryConfig {
            backoff: BackoffConfig {
                init_backoff: Duration::from_millis(100),
                max_backoff: Duration::from_secs(3),
                base: 2.0,
            },
            // The time is the limit.
            max_retries: 50,
            retry_timeout: retry_within,
        };
        let builder = match &self.keys {
            Some(keys) => {
                AmazonS3Builder::new().with_access_key_id(keys.id.as_str()).with_secret_access_key(keys.secret.as_str())
            }
            None => AmazonS3Builder::from_env(),
        };
        let mut builder = builder
            .with_bucket_name(self.bucket.as_str())
            .with_client_options(timeouts(options))
            .with_retry(retry)
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            // Where TLS keeps the bytes whole, they need not be hashed once more to be signed.
            .with_unsigned_payload(!is_plain)
            // Stores that are no AWS often lack it, and nothing here deletes many objects in a hurry.
            .with_disable_bulk_delete(true);
        if let Some(region) = &self.region {
            builder = builder.with_region(region.as_str());
        }
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(endpoint.as_str());
        }
        builder.build().map_err(|error| self.refuse(format!("cannot be used: {}", concise(&error))))
    }

    /// Writes an object twice under the condition that there is none, and removes it again.
    async fn probe(&self, objects: &Objects) -> Result<(), StorageError> {
        let key = Key::probe(&random());
        let create = async |text: &'static str| {
            objects.create(&key, Bytes::from_static(text.as_bytes())).await.map_err(|error| self.refuse(why(&error)))
        };
        let is_made = create("first").await?;
        let is_made_again = create("second").await;
        let found = objects.get(&key).await;
        // What cannot be removed does no harm, and is told of with what else is wrong.
        let removed = objects.discard(&key).await;
        let found = found.map_err(|error| self.refuse(why(&error)))?;
        if !is_made || is_made_again? || found.as_ref() != b"first" {
            let why = "ignores conditions: an object was written that may only be written where there is none \
                (`If-None-Match: *`), so that of two pushes to a new tag both would win. Use a store that honours them";
            return Err(self.refuse(why.to_owned()));
        }
        removed.map_err(|error| self.refuse(format!("lets nothing be removed: it {}", why(&error))))
    }

    fn refuse(&self, why: String) -> StorageError {
        let store = self.endpoint.as_deref().unwrap_or("AWS");
        StorageError::Bucket { bucket: self.bucket.clone(), store: store.to_owned(), why }
    }
}

const USER_AGENT: object_store::HeaderValue = object_store::HeaderValue::from_static("portolan");

/// What is behind an error, for whoever has to mend it.
fn why(error: &StorageError) -> String {
    use object_store::Error as E;
    let StorageError::Object { source, .. } = error else { return error.to_string() };
    let said = said(source).unwrap_or_else(|| concise(source));
    match source {
        E::NotFound { .. } => format!("does not exist ({said})"),
        E::PermissionDenied { .. } | E::Unauthenticated { .. } => format!("cannot be used with these keys ({said})"),
        _ => format!("cannot be used: {said}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_try_that_stalls_is_followed_by_another() {
        for (one, all) in [(LARGE_WITHIN, LARGE_RETRY_WITHIN), (COMPLETE_WITHIN, COMPLETE_RETRY_WITHIN)] {
            assert!(all > one, "no request is begun again after {all:?}");
        }
    }

    #[test]
    fn keys_are_never_shown() {
        let keys = S3Keys { id: "hunter1".to_owned(), secret: "hunter2".to_owned() };
        assert!(!format!("{keys:?}").contains("hunter"));
    }

    #[tokio::test]
    async fn a_store_that_cannot_be_reached_is_refused_with_its_name() {
        let options = S3Options {
            bucket: "images".to_owned(),
            region: None,
            // Nothing listens on the discard port.
            endpoint: Some("http://127.0.0.1:9".to_owned()),
            prefix: "a/b".to_owned(),
            keys: Some(S3Keys { id: "id".to_owned(), secret: "hunter2".to_owned() }),
            redirect: true,
        };
        let client = options.client(RETRY_WITHIN, |options| options.with_timeout(SMALL_WITHIN)).unwrap();
        assert!(!format!("{client:?}").is_empty());
        let error = options.refuse("is away".to_owned()).to_string();
        assert!(error.contains("images") && error.contains("127.0.0.1:9") && !error.contains("hunter2"), "{error}");
    }
}
