//! Translates the definition of a storage into what opens it; finds the keys that it refers to.

use std::path::Path;

use crate::config::{S3Credentials, S3Definition, StorageDefinition};
use crate::registry::{S3Keys, S3Options, StoreOptions};

use super::secret;

/// What opens a storage. `folder` is that of the configuration, `data` that of the data.
///
/// # Errors
/// Says which key of which bucket cannot be found.
pub(super) fn options(folder: &Path, data: &Path, definition: &StorageDefinition) -> Result<StoreOptions, String> {
    Ok(match definition {
        StorageDefinition::Fs { path } => StoreOptions::Fs { root: data.join(path) },
        StorageDefinition::Memory => StoreOptions::Memory,
        StorageDefinition::S3(definition) => StoreOptions::S3(bucket(folder, definition)?),
    })
}

fn bucket(folder: &Path, definition: &S3Definition) -> Result<S3Options, String> {
    let keys = definition.credentials.as_ref().map(|credentials| keys(folder, definition, credentials));
    Ok(S3Options {
        bucket: definition.bucket.clone(),
        region: definition.region.clone(),
        endpoint: definition.endpoint.clone(),
        prefix: definition.prefix.clone(),
        keys: keys.transpose()?,
        redirect: definition.redirect,
    })
}

fn keys(folder: &Path, definition: &S3Definition, credentials: &S3Credentials) -> Result<S3Keys, String> {
    let find = |name: &str, source| {
        let place = || format!("`{name}` of the bucket `{}`", definition.bucket);
        let bytes = secret::resolve(folder, source).map_err(|why| format!("{}: {why}", place()))?;
        String::from_utf8(bytes).map_err(|_| format!("{} is not UTF-8", place()))
    };
    Ok(S3Keys {
        id: find("accessKeyId", &credentials.access_key_id)?,
        secret: find("secretAccessKey", &credentials.secret_access_key)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SecretSource;

    #[test]
    fn a_key_that_is_missing_is_named_and_one_that_is_there_never_shown() {
        let definition = |secret_access_key| {
            StorageDefinition::S3(S3Definition {
                bucket: "images".to_owned(),
                region: None,
                endpoint: None,
                prefix: String::new(),
                credentials: Some(S3Credentials {
                    access_key_id: SecretSource::InPlace("id".to_owned()),
                    secret_access_key,
                }),
                redirect: false,
            })
        };
        let open = |source| options(Path::new("/config"), Path::new("/data"), &definition(source));
        let error = open(SecretSource::Env("PORTOLAN_TEST_NOT_SET".into())).unwrap_err();
        for part in ["`secretAccessKey`", "`images`", "`PORTOLAN_TEST_NOT_SET`"] {
            assert!(error.contains(part), "{error}");
        }
        let options = open(SecretSource::InPlace("hunter2".to_owned())).unwrap();
        assert!(!format!("{options:?}").contains("hunter2"));
    }
}
