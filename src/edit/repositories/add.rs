//! A new repository.

use std::sync::Arc;

use crate::config::shown;
use crate::edit::draft::Draft;
use crate::edit::refused::{form, unfit};
use crate::edit::words::{list, meant};
use crate::edit::{Folder, Plan, Refused};
use crate::oci::ImageName;

/// The storage of a repository that names none.
const DEFAULT_STORAGE: &str = "default";

/// A repository to be added.
#[derive(Debug)]
pub struct AddRepository {
    /// The name, such as `team-a/backend`.
    pub name: String,
    /// The alias of its storage; `None` for `default`.
    pub storage: Option<String>,
}

/// Adds a repository in which nothing is granted to anybody yet.
pub fn add_repository(folder: &Folder, request: &AddRepository) -> Result<Plan, Refused> {
    let name = &request.name;
    let image = ImageName::parse(name)
        .map_err(|error| form(format!("`{}` is no name of a repository", shown(name)), error.to_string()))?;
    let mut draft = Draft::new(folder)?;
    if let Some(file) = folder.find_repository(name) {
        return Err(unfit(format!("there is a repository `{name}` already: {file}"), "choose another name"));
    }
    let storage = request.storage.as_deref().unwrap_or(DEFAULT_STORAGE);
    let storages = folder.storage_names();
    if !storages.contains(&storage) {
        let there_are = match list(storages.iter().copied()) {
            none if none.is_empty() => "define one in storages.yaml first".to_owned(),
            some => format!("name one that is defined: {some}"),
        };
        let message = format!("there is no storage `{}`", shown(storage));
        return Err(unfit(message, meant(storage, storages.iter().copied(), &there_are)));
    }
    if let Some(outer) = draft.model.snapshot.repository_of(&image) {
        draft.note(format!(
            "`{name}` and all images below it were served by `{}`, whose grants do not reach into the new repository",
            outer.name
        ));
    }
    let file: Arc<str> = format!("repos/{name}{}", folder.ending()).into();
    let schema = folder.schema_line("repository", &file);
    let storage = match &request.storage {
        Some(alias) => format!("  storage: {}\n", word(alias)),
        None => String::new(),
    };
    let text = format!("{schema}repo:\n  type: docker\n{storage}  permissions: {{}}\n");
    draft.create(&file, &text, false);
    draft.note(format!("nobody but admins may do anything in `{name}` yet: `portolan repository grant {name} …`"));
    draft.finish(format!("Add the repository `{name}`"), None)
}

/// An alias as it is written: quoted where it might be read as something else.
fn word(alias: &str) -> String {
    let is_plain = alias.starts_with(|c: char| c.is_ascii_alphabetic())
        && alias.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-./".contains(&b))
        && !matches!(
            alias.to_lowercase().as_str(),
            "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n"
        );
    if is_plain { alias.to_owned() } else { format!("'{}'", alias.replace('\'', "''")) }
}
