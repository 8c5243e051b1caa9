//! What is known of a user besides secret and rights.

use super::entry::{self, change_user};
use crate::edit::refused::{form, unfit};
use crate::edit::when::When;
use crate::edit::yaml::Value;
use crate::edit::{Folder, Plan, Refused};

/// What is to be changed of a user; `None` leaves it.
#[derive(Debug, Default)]
pub struct EditUser {
    /// The user.
    pub user: String,
    /// When the user ends.
    pub expires: Option<Expiry>,
    /// What the user is for; an empty text removes it.
    pub description: Option<String>,
    /// The e-mail address; an empty text removes it.
    pub email: Option<String>,
}

/// When a user ends.
#[derive(Debug)]
pub enum Expiry {
    /// At a date, an RFC 3339 time, or after a duration from now such as `90d`, `12h` or `2w`.
    At(String),
    /// Never.
    Never,
}

/// Changes what is known of a user.
pub fn edit_user(folder: &Folder, request: &EditUser) -> Result<Plan, Refused> {
    let name = request.user.as_str();
    let user = folder.user(name)?;
    if request.expires.is_none() && request.description.is_none() && request.email.is_none() {
        return Err(form("nothing is to be changed", "name an end, a description or an e-mail address"));
    }
    let mut keys = Vec::new();
    let mut words = Vec::new();
    if let Some(email) = &request.email {
        if !email.is_empty() {
            entry::free_email(folder, email, Some(name))?;
        }
        let value = (!email.is_empty()).then(|| Value::Text(email.clone()));
        if user.email.as_ref() != Some(email).filter(|email| !email.is_empty()) {
            keys.push(("email", value));
            words.push("the e-mail address");
        }
    }
    if let Some(description) = &request.description {
        let value = (!description.is_empty()).then(|| entry::description(description)).transpose()?;
        if user.description.as_ref() != Some(description).filter(|text| !text.is_empty()) {
            keys.push(("description", value));
            words.push("the description");
        }
    }
    match &request.expires {
        Some(Expiry::At(text)) => {
            let when = When::parse(text, folder.now)?;
            if user.expires != Some(when.end) {
                refuse_last_admin(folder, name)?;
                keys.push(("expires", Some(Value::Text(when.text))));
                words.push("the end");
            }
        }
        Some(Expiry::Never) if user.expires.is_some() => {
            keys.push(("expires", None));
            words.push("the end");
        }
        Some(Expiry::Never) | None => {}
    }
    if keys.is_empty() {
        return Ok(Plan::nothing(format!("all of this is so already for `{name}`"), Vec::new()));
    }
    let mut plan = change_user(folder, name, keys, format!("Change {} of `{name}`", told(&words)))?;
    if !user.enabled {
        plan.notes.push(format!("`{name}` is disabled, and stays so"));
    }
    Ok(plan)
}

/// What is changed, as it stands in a sentence.
fn told(words: &[&str]) -> String {
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => words.concat(),
    }
}

/// Nobody could administer any more when the only admin has expired.
fn refuse_last_admin(folder: &Folder, name: &str) -> Result<(), Refused> {
    let snapshot = &folder.model()?.snapshot;
    let mut admins = snapshot.users().filter(|user| user.admin && user.is_active(folder.now));
    match (admins.next(), admins.next()) {
        (Some(only), None) if only.name.as_str() == name && only.expires.is_none() => Err(unfit(
            format!("`{name}` is the only admin who can sign in, and cannot be given an end"),
            "make another user an admin first: `portolan user promote NAME`",
        )),
        _ => Ok(()),
    }
}
