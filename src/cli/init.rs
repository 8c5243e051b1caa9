//! `portolan init`: a complete small configuration to start from.

use std::path::Path;

use clap::{Args, ValueEnum};

use crate::config::SCHEMA_NAMES;
use crate::edit::generate_secret;
use crate::identity::PasswordHash;
use crate::live;

use super::written::Written;
use super::{Exit, Failure, Folder, output, schema};

/// Name of the folder's first user.
const ADMIN: &str = "admin";

#[derive(Debug, Args)]
pub(super) struct InitArguments {
    #[command(flatten)]
    folder: Folder,
    /// Whose workflow to write, to check every change
    #[arg(long, value_enum, default_value_t = Ci::Github)]
    ci: Ci,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Ci {
    /// `.github/workflows/portolan.yaml`
    Github,
    /// `.gitlab-ci.yml`
    Gitlab,
    /// No workflow
    None,
}

impl Ci {
    /// The file and its text: the ready pieces of `examples/`.
    fn workflow(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Github => {
                Some((".github/workflows/portolan.yaml", include_str!("../../examples/github-actions/portolan.yaml")))
            }
            Self::Gitlab => Some((".gitlab-ci.yml", include_str!("../../examples/gitlab-ci/.gitlab-ci.yml"))),
            Self::None => None,
        }
    }
}

pub(super) fn run(arguments: &InitArguments) -> Result<Exit, Failure> {
    let folder = &arguments.folder.dir;
    let (password, written) = write(folder, arguments.ci)?;
    output::note(&format!(
        "wrote a configuration to `{}`\n\nthe password of `{ADMIN}`, shown only now:\n",
        folder.display()
    ));
    // With a password that nobody has seen, the configuration is of no use, and another attempt would be refused.
    output::seen(&format!("{password}\n")).map_err(|error| {
        Failure::new(format!("cannot write the password to stdout: {error}"))
            .with_hint("what was written has been taken away again; let stdout be a terminal or a file")
    })?;
    written.keep();
    let folder = folder.display();
    output::note(&format!("\nnext: portolan check {folder}, portolan test {folder}, portolan serve {folder}\n"));
    Ok(Exit::Done)
}

/// Writes everything, or nothing where any of it is there already or cannot be written; returns the admin's password,
/// and the files, which are to be kept.
fn write(folder: &Path, ci: Ci) -> Result<(String, Written), Failure> {
    if folder.exists() {
        let tree = live::read(folder).map_err(|error| Failure::new(error.to_string()))?;
        if let Some(file) = tree.files.keys().next() {
            return Err(Failure::new(format!("`{}` has a configuration already: `{file}`", folder.display()))
                .with_hint("name a folder that is new or empty"));
        }
    }
    let password = generate_secret().map_err(|error| Failure::new(error.to_string()))?;
    let hash =
        PasswordHash::create(&password).map_err(|error| Failure::new(format!("cannot hash the password: {error}")))?;
    let credentials = include_str!("init/credentials.yaml").replace("HASH", hash.as_entry());
    let mut files = vec![
        ("credentials.yaml".to_owned(), credentials),
        ("registry.yaml".to_owned(), include_str!("init/registry.yaml").to_owned()),
        ("storages.yaml".to_owned(), include_str!("init/storages.yaml").to_owned()),
        ("repos/library.yaml".to_owned(), include_str!("init/library.yaml").to_owned()),
        ("tests/access.yaml".to_owned(), include_str!("init/access.yaml").to_owned()),
    ];
    files.extend(ci.workflow().map(|(name, text)| (name.to_owned(), text.to_owned())));
    for name in SCHEMA_NAMES {
        files.push((format!(".schemas/{name}.schema.json"), schema::text(name)? + "\n"));
    }
    if let Some((name, _)) = files.iter().find(|(name, _)| folder.join(name).exists()) {
        let failure = Failure::new(format!("`{}` exists already", folder.join(name).display()));
        let hint = if ci.workflow().is_some_and(|(workflow, _)| workflow == name) {
            "`--ci none` leaves it out"
        } else {
            "name a folder that is new or empty"
        };
        return Err(failure.with_hint(hint));
    }
    let mut written = Written::default();
    for (name, text) in &files {
        written.create(&folder.join(name), text, if name == "credentials.yaml" { 0o600 } else { 0o644 })?;
    }
    Ok((password, written))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::config::check;

    /// The same, and keeps it.
    fn write(folder: &Path, ci: Ci) -> Result<String, Failure> {
        let (password, written) = super::write(folder, ci)?;
        written.keep();
        Ok(password)
    }

    #[test]
    fn where_it_fails_nothing_is_left() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(".github"), "mine\n").unwrap();
        let failure = write(dir.path(), Ci::Github).unwrap_err();
        assert!(failure.message.contains(".github/workflows/portolan.yaml"), "{failure}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert_eq!(fs::read_to_string(dir.path().join(".github")).unwrap(), "mine\n");
        write(dir.path(), Ci::None).unwrap();
    }

    #[test]
    fn what_it_writes_compiles_without_a_warning() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("new");
        let password = write(&folder, Ci::Github).unwrap();
        let compiled = check(&live::read(&folder).unwrap(), jiff::Timestamp::now()).compiled;
        assert_eq!(compiled.diagnostics, []);
        assert!(folder.join(".github/workflows/portolan.yaml").exists());
        let path = folder.to_str().unwrap();
        assert_eq!(super::super::run(["portolan", "check", "--deny-warnings", path]), Exit::Done);
        assert_eq!(super::super::run(["portolan", "test", path]), Exit::Done);
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
        let failure = write(dir.path(), Ci::None).unwrap_err();
        assert!(failure.message.contains("repos/mine.yaml"), "{failure}");
        assert!(!dir.path().join("credentials.yaml").exists());
    }

    #[test]
    fn nothing_that_is_there_is_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let mine = dir.path().join(".gitlab-ci.yml");
        fs::write(&mine, "mine\n").unwrap();
        let failure = write(dir.path(), Ci::Gitlab).unwrap_err();
        assert!(failure.message.contains(".gitlab-ci.yml") && failure.hint.is_some(), "{failure}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        write(dir.path(), Ci::None).unwrap();
        assert_eq!(fs::read_to_string(&mine).unwrap(), "mine\n");
        let again = write(dir.path(), Ci::None).unwrap_err();
        assert!(again.message.contains("has a configuration already"), "{again}");
    }

    /// Every file names its schema, and the schema is there.
    #[test]
    fn editors_find_the_schemas() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), Ci::None).unwrap();
        for name in live::read(dir.path()).unwrap().files.keys() {
            let text = fs::read_to_string(dir.path().join(&**name)).unwrap();
            let schema = text.strip_prefix("# yaml-language-server: $schema=").and_then(|rest| rest.lines().next());
            let schema = dir.path().join(&**name).parent().unwrap().join(schema.unwrap());
            let schema: serde_json::Value = serde_json::from_str(&fs::read_to_string(schema).unwrap()).unwrap();
            assert!(schema["title"].is_string(), "{name}");
        }
    }
}
