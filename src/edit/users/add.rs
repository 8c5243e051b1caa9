//! A new user: a person with a password, or a machine with a secret that is made.

use std::sync::Arc;

use super::attach::{rights, set_rights};
use super::entry::{self, path};
use crate::config::shown;
use crate::edit::draft::Draft;
use crate::edit::password::{Password, generate_secret, hashed, refuse_bad};
use crate::edit::refused::{form, unfit};
use crate::edit::when::When;
use crate::edit::yaml::{Change, Value};
use crate::edit::{Folder, NewSecret, Plan, Refused, made_up};
use crate::identity::{PasswordHash, UserName};
use crate::policy::{Holder, Repository, Who, rights_in};

/// A user to be added.
#[derive(Debug)]
pub struct AddUser {
    /// The name; `None`: one is made up, which only a machine's may be.
    pub name: Option<String>,
    /// How the user signs in.
    pub secret: NewUserSecret,
    /// The e-mail address.
    pub email: Option<String>,
    /// Groups, with or without the slash before their names.
    pub groups: Vec<String>,
    /// Whether it is an admin.
    pub admin: bool,
    /// When the user ends: a date, an RFC 3339 time, or a duration from now such as `90d`, `12h` or `2w`.
    pub expires: Option<String>,
    /// What the user is for.
    pub description: Option<String>,
    /// Repositories to pull from.
    pub pull: Vec<String>,
    /// Repositories to push to, and to pull from.
    pub push: Vec<String>,
}

/// How a new user signs in.
#[derive(Debug)]
pub enum NewUserSecret {
    /// With a password, which must meet the rules.
    Password(Password),
    /// With a secret that is made, and is in [`Plan::secret`].
    Generate,
}

/// Adds a user. Without a credentials file it makes one, and says so in a note.
pub fn add_user(folder: &Folder, request: &AddUser) -> Result<Plan, Refused> {
    let mut draft = Draft::new(folder)?;
    let name = name(folder, request)?;
    let groups = entry::groups(&request.groups)?;
    let rights = rights(folder, &request.pull, &request.push)?;
    let expires = request.expires.as_ref().map(|text| When::parse(text, folder.now)).transpose()?;
    let description = request.description.as_deref().filter(|text| !text.is_empty());
    let description = description.map(entry::description).transpose()?;
    if let Some(email) = &request.email {
        entry::free_email(folder, email, None)?;
    }
    // What costs time comes last.
    let (hash, secret) = secret(folder, name.as_str(), &request.secret)?;
    let text = |text: &str| Value::Text(text.to_owned());
    let mut keys: Vec<(&str, Value)> = entry::hash(&hash).into();
    keys.extend(request.email.as_deref().map(|email| ("email", text(email))));
    if !groups.is_empty() {
        keys.push(("groups", Value::List(groups.iter().map(|group| text(group.as_str())).collect())));
    }
    keys.extend(request.admin.then_some(("admin", Value::Boolean(true))));
    keys.extend(description.map(|description| ("description", description)));
    keys.extend(expires.map(|when| ("expires", Value::Text(when.text))));
    let value = Value::Mapping(keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect());
    let change = Change::Set { path: path(name.as_str(), None), value };

    let file = credentials(&mut draft);
    draft.edit(&file, &[change])?;
    entry::note_new_groups(&mut draft, &groups);
    note_waiting_grants(&mut draft, &name);
    for (repository, rights) in rights {
        set_rights(&mut draft, &name, &repository, rights)?;
    }
    let secret = secret.map(|secret| NewSecret::new(name.to_string(), secret));
    let mut plan = draft.finish(format!("Create the user `{name}`"), secret)?;
    if !request.admin {
        plan.message.extend(as_anybody(folder, &name));
    }
    Ok(plan)
}

fn name(folder: &Folder, request: &AddUser) -> Result<UserName, Refused> {
    let snapshot = &folder.model()?.snapshot;
    let Some(name) = &request.name else {
        if let NewUserSecret::Password(_) = request.secret {
            return Err(form("a user with a password needs a name", "only a machine, with `--generate`, is given one"));
        }
        let grants = snapshot.repositories().iter().flat_map(|repository| repository.access.grants());
        let granted =
            grants.filter_map(|grant| if let Who::User(name) = &grant.who { Some(name.as_str()) } else { None });
        let made_up = made_up::name(snapshot.users().map(|user| user.name.as_str()).chain(granted))?;
        return UserName::of_user(&made_up).map_err(|error| form(made_up, error.to_string()));
    };
    let parsed = UserName::of_user(name)
        .map_err(|error| form(format!("`{}` is no name of a user", shown(name)), error.to_string()))?;
    let lower = name.to_lowercase();
    match snapshot.users().find(|user| user.name.as_str().to_lowercase() == lower) {
        Some(user) if user.name == parsed => {
            Err(unfit(format!("there is a user `{name}` already"), format!("`portolan user show {name}` shows them")))
        }
        Some(user) => Err(unfit(
            format!("there is a user `{}` already, who differs from `{name}` in case only", user.name),
            "choose a name that cannot be mixed up with it",
        )),
        None => Ok(parsed),
    }
}

/// The hash, and the secret where one was made.
fn secret(folder: &Folder, name: &str, secret: &NewUserSecret) -> Result<(PasswordHash, Option<String>), Refused> {
    match secret {
        NewUserSecret::Password(password) => {
            refuse_bad(password.reveal(), name, &folder.password_policy(), &[])?;
            Ok((hashed(password.reveal())?, None))
        }
        NewUserSecret::Generate => {
            let secret = generate_secret()?;
            Ok((hashed(&secret)?, Some(secret)))
        }
    }
}

/// The credentials file, which is made where there is none: named as the other files are.
fn credentials(draft: &mut Draft<'_>) -> Arc<str> {
    let folder = draft.folder;
    if let Some(file) = folder.credentials() {
        return Arc::clone(file);
    }
    let is_underlined = folder.tree.files.keys().any(|path| path.starts_with("_storages."));
    let underline = if is_underlined { "_" } else { "" };
    let file: Arc<str> = format!("{underline}credentials{}", folder.ending()).into();
    let schema = folder.schema_line("credentials", &file);
    draft.create(&file, &format!("{schema}credentials:\n"), true);
    draft.note(format!("{file} is new: let nobody read it but the server and those who administer it"));
    file
}

/// What was granted to the name before there was a user is theirs from now on.
fn note_waiting_grants(draft: &mut Draft<'_>, name: &UserName) {
    let is_theirs = |who: &Who| matches!(who, Who::User(other) if other == name);
    let repositories = draft.model.snapshot.repositories().iter();
    let waiting = repositories.filter(|repository| repository.access.grants().any(|grant| is_theirs(&grant.who)));
    let notes: Vec<_> =
        waiting.map(|repository| format!("{} grants something to `{name}` already", repository.file)).collect();
    draft.notes.extend(notes);
    for (file, named) in draft.folder.unclear(&[name.as_str()]) {
        let (is, may) = match named {
            Some(_) => ("has errors", "it names"),
            None => ("cannot be read", "it may name"),
        };
        draft.notes.push(format!("{file} {is}: {may} `{name}`, who is granted what it says once it is mended"));
    }
}

/// What a user may do to whom nothing is granted, as whoever is signed in may.
fn as_anybody(folder: &Folder, name: &UserName) -> Option<String> {
    let repositories = folder.model().ok()?.snapshot.repositories().iter();
    let has_some = |repository: &&Arc<Repository>| {
        rights_in(repository, Holder::SignedIn, folder.now).iter().any(|right| !right.sign_in)
    };
    let word = |count| if count == 1 { "repository" } else { "repositories" };
    let count = repositories.filter(has_some).count();
    (count > 0).then(|| format!("`{name}` may do what anybody who is signed in may: {count} {}", word(count)))
}
