//! `portolan init`: a complete small configuration to start from.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::identity::PasswordHash;
use crate::live;

use super::{Exit, Failure, output, password, schema};

/// Name of the folder's first user.
const ADMIN: &str = "admin";

pub(super) fn run(folder: &Path) -> Result<Exit, Failure> {
    let password = write(folder)?;
    output::note(&format!(
        "wrote a configuration to `{}`\n\nthe password of `{ADMIN}`, shown only now:\n",
        folder.display()
    ));
    output::result(&format!("{password}\n"))?;
    output::note(&format!("\nnext: portolan serve {}\n", folder.display()));
    Ok(Exit::Done)
}

/// Writes everything; returns the admin's password.
fn write(folder: &Path) -> Result<String, Failure> {
    if folder.exists() {
        let tree = live::read(folder).map_err(|error| Failure::new(error.to_string()))?;
        if let Some(file) = tree.files.keys().next() {
            return Err(Failure::new(format!("`{}` has a configuration already: `{file}`", folder.display()))
                .with_hint("name a folder that is new or empty"));
        }
    }
    let password = password::generate()?;
    let hash =
        PasswordHash::create(&password).map_err(|error| Failure::new(format!("cannot hash the password: {error}")))?;
    let credentials = include_str!("init/credentials.yaml").replace("HASH", hash.as_entry());
    let mut files = vec![
        ("credentials.yaml".to_owned(), credentials),
        ("registry.yaml".to_owned(), include_str!("init/registry.yaml").to_owned()),
        ("storages.yaml".to_owned(), include_str!("init/storages.yaml").to_owned()),
        ("repos/library.yaml".to_owned(), include_str!("init/library.yaml").to_owned()),
        (".github/workflows/check.yaml".to_owned(), include_str!("init/workflow.yaml").to_owned()),
    ];
    for name in ["registry", "credentials", "storages", "repository"] {
        files.push((format!(".schemas/{name}.schema.json"), schema::text(name)? + "\n"));
    }
    if let Some((name, _)) = files.iter().find(|(name, _)| folder.join(name).exists()) {
        return Err(Failure::new(format!("`{}` exists already", folder.join(name).display())));
    }
    for (name, text) in &files {
        create(&folder.join(name), text, if name == "credentials.yaml" { 0o600 } else { 0o644 })?;
    }
    Ok(password)
}

fn create(path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(format!("cannot write `{}`: {error}", path.display()));
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::config::compile;

    #[test]
    fn what_it_writes_compiles_without_a_warning() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("new");
        let password = write(&folder).unwrap();
        let compiled = compile(&live::read(&folder).unwrap(), None);
        assert_eq!(compiled.diagnostics, []);
        let model = compiled.model.unwrap();
        let admin = model.snapshot.user(ADMIN).unwrap();
        assert!(admin.admin && admin.secrets[0].hash.verify(&password));
        let mode = fs::metadata(folder.join("credentials.yaml")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn an_existing_configuration_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("repos")).unwrap();
        fs::write(dir.path().join("repos/mine.yaml"), "repo: {type: docker}\n").unwrap();
        let failure = write(dir.path()).unwrap_err();
        assert!(failure.message.contains("repos/mine.yaml"), "{failure}");
        assert!(!dir.path().join("credentials.yaml").exists());
    }
}
