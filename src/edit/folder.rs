//! The folder as it is before a change, compiled once.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::Refused;
use super::refused::{Problems, unfit};
use super::words::meant;
use crate::config::{CREDENTIALS_FILES, Compiled, Content, Model, PasswordPolicy, Tree, check, nearest, shown};
use crate::diagnostic::{Diagnostic, Severity};
use crate::identity::User;
use crate::policy::Who;

/// Two endings of a file mean the same.
const ENDINGS: [&str; 2] = [".yaml", ".yml"];

/// A folder that is to be changed, or asked about. Compiling it is what costs time, so it is done once.
pub struct Folder {
    pub(super) tree: Tree,
    pub(super) compiled: Compiled,
    /// The moment at which everything is judged.
    pub(super) now: Timestamp,
}

/// Its texts are not shown: they hold hashes, and perhaps passwords.
impl fmt::Debug for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Folder").field("files", &self.tree.files.keys()).field("now", &self.now).finish_non_exhaustive()
    }
}

impl Folder {
    /// Compiles the texts of a folder, as of a moment.
    pub fn new(tree: Tree, now: Timestamp) -> Self {
        let compiled = check(&tree, now).compiled;
        Self { tree, compiled, now }
    }

    /// What the texts come to, with everything that is wrong with them.
    pub fn compiled(&self) -> &Compiled {
        &self.compiled
    }

    /// What a new password must have at least.
    pub fn password_policy(&self) -> PasswordPolicy {
        self.compiled.model.as_ref().map(|model| model.settings.passwords).unwrap_or_default()
    }

    /// The names of all users, in their order.
    pub fn user_names(&self) -> Vec<&str> {
        let model = self.compiled.model.as_deref();
        let mut names: Vec<_> =
            model.into_iter().flat_map(|model| model.snapshot.users()).map(|user| user.name.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// The names of all groups that have a member or are granted something, in their order, without the slash.
    pub fn group_names(&self) -> Vec<&str> {
        let mut names = BTreeSet::new();
        if let Some(model) = self.compiled.model.as_deref() {
            names.extend(model.snapshot.users().flat_map(|user| &user.groups).map(|group| group.as_str()));
            let grants = model.snapshot.repositories().iter().flat_map(|repository| repository.access.grants());
            names.extend(grants.filter_map(|grant| match &grant.who {
                Who::Group(group) => Some(group.as_str()),
                Who::Anyone | Who::SignedIn | Who::User(_) => None,
            }));
        }
        names.into_iter().collect()
    }

    /// The names of all repositories, in their order.
    pub fn repository_names(&self) -> Vec<&str> {
        let stem = |path: &'_ Arc<str>| ENDINGS.iter().any(|ending| path.ends_with(ending));
        let files = self.tree.files.keys().filter(|path| stem(path));
        let mut names: Vec<&str> = files.filter_map(|path| without_ending(path).strip_prefix("repos/")).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The aliases of the storages, in their order.
    pub fn storage_names(&self) -> Vec<&str> {
        let model = self.compiled.model.as_deref();
        model.into_iter().flat_map(|model| model.aliases.keys()).map(|alias| &**alias).collect()
    }

    /// What the texts mean. Who the users are must be known.
    ///
    /// # Errors
    /// [`Refused::Broken`] where the credentials, the storages or the settings have errors.
    pub(super) fn model(&self) -> Result<&Arc<Model>, Refused> {
        let is_of_all = |found: &&Diagnostic| !found.primary.place.file.contains('/');
        let is_of_credentials = |found: &&Diagnostic| CREDENTIALS_FILES.contains(&&*found.primary.place.file);
        match &self.compiled.model {
            Some(model) if !self.errors().any(|found| is_of_credentials(&found)) => Ok(model),
            Some(_) => Err(self.broken(self.errors().filter(is_of_credentials))),
            None => Err(self.broken(self.errors().filter(is_of_all))),
        }
    }

    fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.compiled.diagnostics.iter().filter(|found| found.severity == Severity::Error)
    }

    fn broken<'d>(&self, errors: impl Iterator<Item = &'d Diagnostic>) -> Refused {
        Refused::Broken(Problems::of(errors.cloned().collect(), &self.compiled))
    }

    /// The text of a file without errors.
    ///
    /// # Errors
    /// [`Refused::Broken`] where the file has errors.
    pub(super) fn good_text(&self, file: &str) -> Result<Arc<str>, Refused> {
        let mut errors = self.errors().filter(|found| *found.primary.place.file == *file).peekable();
        match self.compiled.sources.get(file) {
            Some(text) if errors.peek().is_none() => Ok(Arc::clone(text)),
            _ => Err(self.broken(errors)),
        }
    }

    /// The files of repositories that do not compile or cannot be read, and may grant something to users of these
    /// names: with the name where it stands there as a word, and without one where nobody can tell.
    pub(super) fn unclear<'n>(&self, names: &[&'n str]) -> Vec<(&Arc<str>, Option<&'n str>)> {
        let errors = self.errors().flat_map(|found| {
            let others = found.secondary.iter().map(|label| &label.place.file);
            std::iter::once(&found.primary.place.file).chain(others)
        });
        let broken: BTreeSet<&Arc<str>> = errors.filter(|file| file.starts_with("repos/")).collect();
        let unclear = broken.into_iter().filter_map(|file| match self.tree.files.get_key_value(file)? {
            (file, Content::Text(text)) => {
                names.iter().find(|name| has_word(text.text(), name)).map(|name| (file, Some(*name)))
            }
            (file, Content::Bytes(_) | Content::TooLarge { .. } | Content::Unreadable { .. }) => Some((file, None)),
        });
        unclear.collect()
    }

    /// The path of the credentials file, where there is one.
    pub(super) fn credentials(&self) -> Option<&Arc<str>> {
        CREDENTIALS_FILES.iter().find_map(|name| self.tree.files.get_key_value(*name)).map(|(path, _)| path)
    }

    /// The path of a repository's file, where there is one.
    pub(super) fn find_repository(&self, name: &str) -> Option<&Arc<str>> {
        let found = |ending: &&str| self.tree.files.get_key_value(format!("repos/{name}{ending}").as_str());
        ENDINGS.iter().find_map(found).map(|(path, _)| path)
    }

    /// The same, of a repository that is to be there.
    ///
    /// # Errors
    /// Where it is not.
    pub(super) fn repository(&self, name: &str) -> Result<&Arc<str>, Refused> {
        self.find_repository(name).ok_or_else(|| {
            unfit(
                format!("there is no repository `{}`", shown(name)),
                meant(name, self.repository_names(), "`portolan repository list` shows those there are"),
            )
        })
    }

    /// The user of a name, who is to be there.
    ///
    /// # Errors
    /// Where there is none.
    pub(super) fn user(&self, name: &str) -> Result<&Arc<User>, Refused> {
        let snapshot = &self.model()?.snapshot;
        snapshot.user(name).ok_or_else(|| {
            let near = nearest(name, snapshot.users().map(|user| user.name.as_str()));
            let hint = near.map(|near| format!("did you mean `{near}`?"));
            unfit(
                format!("there is no user `{}`", shown(name)),
                hint.unwrap_or_else(|| "`portolan user list` shows those there are".to_owned()),
            )
        })
    }

    /// The ending that the folder's files have, mostly.
    pub(super) fn ending(&self) -> &'static str {
        let count = |of: &str| {
            let files = self.tree.files.keys().filter(|path| path.ends_with(of));
            let repositories = files.clone().filter(|path| path.starts_with("repos/")).count();
            (repositories, files.count())
        };
        let [yaml, yml] = ENDINGS;
        if count(yml) > count(yaml) { yml } else { yaml }
    }

    /// The line that names a new file's schema to editors, with an empty one behind it, as the first file that has
    /// one names its own. Where other files have none, the new one has none either; that of an empty folder does.
    pub(super) fn schema_line(&self, schema: &str, path: &str) -> String {
        let up = |path: &str| "../".repeat(path.matches('/').count());
        let folder_of = |(path, text): (&Arc<str>, &Arc<str>)| {
            let url = text.strip_prefix(SCHEMA_LINE)?.lines().next()?;
            let (folder, _) = url.strip_suffix(".schema.json")?.rsplit_once('/')?;
            if folder.contains("://") {
                Some((folder.to_owned(), true))
            } else {
                Some((folder.strip_prefix(&up(path))?.to_owned(), false))
            }
        };
        let sources = &self.compiled.sources;
        let empty = || sources.is_empty().then(|| (".schemas".to_owned(), false));
        match sources.iter().find_map(folder_of).or_else(empty) {
            Some((url, true)) => format!("{SCHEMA_LINE}{url}/{schema}.schema.json\n\n"),
            Some((folder, false)) => format!("{SCHEMA_LINE}{}{folder}/{schema}.schema.json\n\n", up(path)),
            None => String::new(),
        }
    }
}

/// With what the line begins that names a file's schema to editors.
const SCHEMA_LINE: &str = "# yaml-language-server: $schema=";

/// Whether a name stands in a text by itself, and not as a part of another one.
fn has_word(text: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || "_-.@+".contains(c);
    text.match_indices(name).any(|(at, _)| {
        let (before, behind) = (text.get(..at), text.get(at + name.len()..));
        !before.is_some_and(|before| before.ends_with(is_part))
            && !behind.is_some_and(|behind| behind.starts_with(is_part))
    })
}

/// A path without its ending.
fn without_ending(path: &str) -> &str {
    ENDINGS.iter().find_map(|ending| path.strip_suffix(ending)).unwrap_or(path)
}
