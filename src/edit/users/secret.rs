//! New secrets of users who are there.

use super::entry::{self, credentials};
use crate::edit::draft::Draft;
use crate::edit::password::{Password, generate_secret, hashed, refuse_bad};
use crate::edit::when::When;
use crate::edit::yaml::Value;
use crate::edit::{Folder, NewSecret, Plan, Refused};
use crate::identity::User;

/// Makes a new secret for a user, which is in [`Plan::secret`]. For as long as the `overlap` says (`24h`, `7d`, `2w`),
/// the old one holds as well; without an overlap it ends at once, and so does one of an earlier rotation.
pub fn rotate(folder: &Folder, user: &str, overlap: Option<&str>) -> Result<Plan, Refused> {
    let found = folder.user(user)?;
    let until = overlap.map(|text| When::exactly_after(text, folder.now)).transpose()?;
    let secret = generate_secret()?;
    let mut draft = Draft::new(folder)?;
    note_lost(&mut draft, found);
    let previous = until.zip(found.secrets.first()).map(|(until, old)| {
        draft.note(format!("the old secret of `{user}` holds until {}", until.text));
        let keys = entry::hash(&old.hash).into_iter().chain([("until", Value::Text(until.text))]);
        Value::Mapping(keys.map(|(key, value)| (key.to_owned(), value)).collect())
    });
    replace(&mut draft, found, &secret, previous)?;
    draft.finish(format!("Rotate the secret of `{user}`"), Some(NewSecret::new(user.to_owned(), secret)))
}

/// Sets a user's password. The old one ends at once, and so does one of an earlier rotation.
pub fn set_password(folder: &Folder, user: &str, password: &Password) -> Result<Plan, Refused> {
    let found = folder.user(user)?;
    let password = password.reveal();
    refuse_bad(password, user, &folder.password_policy(), &found.secrets)?;
    let mut draft = Draft::new(folder)?;
    note_lost(&mut draft, found);
    replace(&mut draft, found, password, None)?;
    draft.finish(format!("Set the password of `{user}`"), None)
}

fn replace(draft: &mut Draft<'_>, user: &User, secret: &str, previous: Option<Value>) -> Result<(), Refused> {
    let mut keys: Vec<_> = entry::hash(&hashed(secret)?).into_iter().map(|(key, value)| (key, Some(value))).collect();
    if previous.is_some() || user.secrets.len() > 1 {
        keys.push(("previous", previous));
    }
    draft.edit(credentials(draft.folder)?, &entry::changes(user.name.as_str(), keys))
}

fn note_lost(draft: &mut Draft<'_>, user: &User) {
    let now = draft.folder.now;
    if user.secrets_at(now).count() > 1 {
        draft.note(format!("the secret of before the last rotation of `{}` ends at once", user.name));
    }
    if !user.is_active(now) {
        draft.note(format!("`{}` is disabled or has expired, and cannot sign in with it", user.name));
    }
}
