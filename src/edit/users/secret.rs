//! New secrets of users who are there.

use super::entry::{self, credentials};
use crate::config::read_foreign;
use crate::edit::draft::Draft;
use crate::edit::password::{Password, generate_secret, hashed, refuse_bad};
use crate::edit::when::When;
use crate::edit::yaml::{self, Value};
use crate::edit::{Folder, NewSecret, Plan, Refused};
use crate::identity::{End, HashKind, PasswordHash, User};

/// Makes a new secret for a user, which is in [`Plan::secret`]. For as long as the `overlap` says (`24h`, `7d`, `2w`),
/// the old one holds as well; without an overlap it ends at once, and so does one of an earlier rotation.
pub fn rotate(folder: &Folder, user: &str, overlap: Option<&str>) -> Result<Plan, Refused> {
    let found = folder.user(user)?;
    let until = overlap.map(|text| When::overlap(text, folder.now)).transpose()?;
    let secret = generate_secret()?;
    let mut draft = Draft::new(folder)?;
    note_lost(&mut draft, found);
    let mut message = vec![format!("Rotate the secret of `{user}`")];
    let mut previous = None;
    if let Some((until, old)) = until.zip(found.secrets.first()) {
        message.push(format!("the old secret of `{user}` holds until {}", until.text));
        let keys = entry::hash(&kept(&mut draft, user, &old.hash)?).into_iter();
        let keys = keys.chain([("until", Value::Text(until.text))]);
        previous = Some(Value::Mapping(keys.map(|(key, value)| (key.to_owned(), value)).collect()));
    }
    replace(&mut draft, found, &secret, previous)?;
    draft.finish_titled(message, Some(NewSecret::new(user.to_owned(), secret)))
}

/// The old secret as it is kept: one that everybody can read is hashed now, as it would otherwise be written anew.
fn kept(draft: &mut Draft<'_>, user: &str, old: &PasswordHash) -> Result<PasswordHash, Refused> {
    match old.kind() {
        HashKind::Plain => {
            draft.note(format!("the old secret of `{user}` stood there in plain text, and is kept as a hash"));
            hashed(old.as_entry())
        }
        HashKind::Sha256 => {
            draft.note(format!(
                "the old secret of `{user}` is kept as `sha256`, which is easily guessed: without it no other hash can be made"
            ));
            Ok(old.clone())
        }
        HashKind::Argon2 | HashKind::Bcrypt => Ok(old.clone()),
    }
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
    let (name, file) = (user.name.as_str(), credentials(draft.folder)?);
    // The kind stands before what it is of, where it did not stand there before and no comment goes for that.
    let text = draft.folder.good_text(file)?;
    let root = read_foreign(&text).ok();
    let entry = root.as_ref().and_then(|root| root.get("credentials")?.get(name));
    if entry.is_some_and(|entry| entry.get("type").is_none()) {
        let mut moved = entry::changes(name, vec![("pass", None)]);
        moved.extend(entry::changes(name, keys.clone()));
        let comments = |text: &str| text.matches('#').count();
        if yaml::apply(&text, &moved).is_ok_and(|after| comments(&after) == comments(&text)) {
            return draft.edit(file, &moved);
        }
    }
    draft.edit(file, &entry::changes(name, keys))
}

fn note_lost(draft: &mut Draft<'_>, user: &User) {
    let now = draft.folder.now;
    if user.secrets_at(now).count() > 1 {
        draft.note(format!("the secret of before the last rotation of `{}` ends at once", user.name));
    }
    if !user.is_active(now) {
        let why = match (user.enabled, user.expires.filter(|end| end.is_past(now))) {
            (false, None) => "is disabled".to_owned(),
            (true, Some(end)) => format!("has expired {}", end.at()),
            (_, end) => format!("is disabled and has expired {}", end.map(End::at).unwrap_or_default()),
        };
        draft.note(format!("`{}` {why}, and cannot sign in with it", user.name));
    }
}
