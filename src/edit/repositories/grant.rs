//! A grant more.

use crate::config::shown;
use crate::edit::draft::Draft;
use crate::edit::permissions::{Entry, Section};
use crate::edit::refused::{form, unfit};
use crate::edit::when::When;
use crate::edit::words::{list, meant, titled};
use crate::edit::yaml::{Change, Value};
use crate::edit::{Folder, Plan, Refused};
use crate::policy::{Action, ActionSet, What, Who, parse_permission};

/// What is to be granted.
#[derive(Debug)]
pub struct GrantRequest {
    /// The repository.
    pub repository: String,
    /// To whom: a user, `/GROUP`, `/*` or `*`.
    pub who: String,
    /// Simple words or granular permissions, as they are written in a permissions section.
    pub operations: Vec<String>,
    /// Until when: a date, an RFC 3339 time, or a duration from now such as `90d`, `12h` or `2w`.
    pub until: Option<String>,
    /// Why.
    pub because: Option<String>,
    /// Whether a repository without a permissions section may be closed to everybody else by this.
    pub close: bool,
}

/// An operation, as it is written and as it is meant.
pub(super) struct Operation<'r> {
    pub(super) text: &'r str,
    pub(super) allowed: Vec<What>,
}

/// What an operation comes to.
enum Outcome {
    /// There is such an entry, or one that includes it.
    Has,
    /// An entry is added.
    Adds,
    /// The entry at this position is given another end, or none.
    Renews(usize),
}

/// Grants something. Only the entries of just this subject count: one that ends, or has ended, is given the new end
/// where it stands, and what the subject has in another way is no reason not to write it.
pub fn grant(folder: &Folder, request: &GrantRequest) -> Result<Plan, Refused> {
    let name = request.repository.as_str();
    let file = folder.repository(name)?;
    let who = grantee(&request.who)?;
    let operations = operations(&request.operations)?;
    if operations.is_empty() {
        return Err(form("no operation is named", "name some, such as `read` or `write`"));
    }
    let until = request.until.as_ref().map(|text| When::parse(text, folder.now)).transpose()?;
    if request.because.as_ref().is_some_and(|text| text.contains(char::is_control)) {
        return Err(form("a reason stands on one line", "leave line breaks and other control characters out"));
    }
    let mut draft = Draft::new(folder)?;
    known(&draft, &who)?;
    let section = Section::read(folder, file)?;
    if !section.exists && !request.close {
        return Err(unfit(
            format!("`{name}` has no permissions section: everybody may do everything, and a grant would end that"),
            "if it is to be closed to everybody else, give `--close`",
        ));
    }
    let entries = section.of(&who).map_or(&[][..], |grantee| &grantee.entries);
    let (mut add, mut changes, mut granted) = (Vec::new(), Vec::new(), Vec::new());
    for operation in &operations {
        match outcome(&mut draft, operation, entries, until.as_ref(), &request.who, name)? {
            Outcome::Has => continue,
            Outcome::Adds => {
                let because = request.because.clone().filter(|text| !text.is_empty());
                add.push(entry(operation.text, until.as_ref(), because));
            }
            Outcome::Renews(position) => {
                let Some(entry) = entries.iter().find(|entry| entry.position == position) else { continue };
                changes.extend(renewal(&who, entry, until.as_ref(), request.because.as_deref()));
            }
        }
        granted.push(operation.text);
    }
    if granted.is_empty() {
        let all = list(operations.iter().map(|operation| operation.text));
        return Ok(Plan::nothing(format!("`{who}` has {all} in `{name}` already"), draft.notes));
    }
    if !add.is_empty() {
        changes.extend(section.with(&who, add, &[]));
    }
    draft.edit(file, &changes)?;
    if !section.exists {
        draft.note(format!("`{name}` was open to everybody, and is closed now to all who are granted nothing"));
    }
    draft.finish_titled(titled(&granted, "entries", |some| format!("Grant {some} in `{name}` to `{who}`")), None)
}

/// Reads to whom something is granted.
pub(super) fn grantee(word: &str) -> Result<Who, Refused> {
    Who::parse(word).ok_or_else(|| {
        form(
            format!("`{}` names nobody", shown(word)),
            "write a user's name, `/NAME` for a group, `/*` for anybody who is signed in, or `*` for anybody",
        )
    })
}

/// Reads operations; of two that mean the same the first counts.
pub(super) fn operations(words: &[String]) -> Result<Vec<Operation<'_>>, Refused> {
    let mut operations: Vec<Operation<'_>> = Vec::new();
    for text in words {
        let allowed = parse_permission(text).map_err(|error| {
            let hint = error.suggestion.map(|near| format!("did you mean `{near}`?"));
            let help = "write `read`, `write`, `delete`, `*`, or a granular permission such as `repository:NAME:pull`";
            form(error.kind.to_string(), hint.unwrap_or_else(|| help.to_owned()))
        })?;
        if !operations.iter().any(|operation| operation.allowed == allowed) {
            operations.push(Operation { text, allowed });
        }
    }
    Ok(operations)
}

/// A user must be there. That nobody is in a group, the warnings tell.
fn known(draft: &Draft<'_>, who: &Who) -> Result<(), Refused> {
    let snapshot = &draft.model.snapshot;
    match who {
        Who::User(name) if snapshot.user(name.as_str()).is_none() => {
            let is_group = draft.folder.group_names().contains(&name.as_str());
            let otherwise = match is_group {
                true => format!("a group is written `/{name}`"),
                false => "add the user first: `portolan user add`".to_owned(),
            };
            let users = snapshot.users().map(|user| user.name.as_str());
            let hint = if is_group { otherwise } else { meant(name.as_str(), users, &otherwise) };
            Err(unfit(format!("there is no user `{name}`"), hint))
        }
        Who::Anyone | Who::SignedIn | Who::User(_) | Who::Group(_) => Ok(()),
    }
}

/// What is to be done for an operation, by the entries that the subject has.
fn outcome(
    draft: &mut Draft<'_>,
    operation: &Operation<'_>,
    entries: &[Entry],
    until: Option<&When>,
    who: &str,
    repository: &str,
) -> Result<Outcome, Refused> {
    let text = operation.text;
    let same: Vec<&Entry> = entries.iter().filter(|entry| entry.allowed == operation.allowed).collect();
    let includes = |entry: &&Entry| entry.until.is_none() && includes(&entry.allowed, &operation.allowed);
    if let Some(entry) = entries.iter().find(includes) {
        if until.is_some() {
            return Err(unfit(
                format!("`{who}` has `{}` in `{repository}` without an end", entry.text),
                format!("to let it end: `portolan repository revoke {repository} {who} '{}'` first", entry.text),
            ));
        }
        if entry.allowed != operation.allowed {
            draft.note(format!("`{}` includes `{text}`", entry.text));
        }
        return Ok(Outcome::Has);
    }
    if let Some(when) = until
        && same.iter().any(|entry| entry.until == Some(when.end))
    {
        return Ok(Outcome::Has);
    }
    let Some((end, entry)) = same.iter().filter_map(|entry| Some((entry.until?, entry))).max_by_key(|(end, _)| *end)
    else {
        return Ok(Outcome::Adds);
    };
    let now = until.map_or_else(|| "holds without an end".to_owned(), |when| format!("holds until {}", when.text));
    let ends = if end.is_past(draft.folder.now) { "has ended" } else { "would end" };
    draft.note(format!("`{text}` for `{who}` {ends} {}; now it {now}", end.at()));
    Ok(Outcome::Renews(entry.position))
}

/// Gives an entry another end where it stands, and another reason where one is named.
fn renewal(who: &Who, entry: &Entry, until: Option<&When>, because: Option<&str>) -> Vec<Change> {
    let within = |change| entry.change(who, change);
    let set =
        |key: &str, text: &str| within(Change::Set { path: vec![key.to_owned()], value: Value::Text(text.to_owned()) });
    let remove = |key: &str| within(Change::Remove { path: vec![key.to_owned()] });
    let end = until.map_or_else(|| remove("until"), |when| set("until", &when.text));
    let reason = match because {
        Some("") => entry.because.is_some().then(|| remove("because")),
        other => other.map(|text| set("because", text)),
    };
    std::iter::once(end).chain(reason).collect()
}

/// Whether an entry allows all that is asked for, and is plain enough to tell.
fn includes(has: &[What], asked: &[What]) -> bool {
    asked.iter().all(|asked| {
        has.iter().any(|has| match (has, asked) {
            (
                What::Images { images, tags, actions },
                What::Images { images: other_images, tags: other_tags, actions: other },
            ) => {
                (images.is_everything() || images == other_images)
                    && (tags.is_none() || tags == other_tags)
                    && other.iter().all(|action| reaches(*actions, action))
            }
            (has, asked) => has == asked,
        })
    })
}

/// Who may overwrite may push, too.
fn reaches(actions: ActionSet, action: Action) -> bool {
    actions.contains(action) || action == Action::Push && actions.contains(Action::Overwrite)
}

/// An entry as it is written: in the long form only where it must be.
fn entry(text: &str, until: Option<&When>, because: Option<String>) -> Value {
    let allow = Value::Text(text.to_owned());
    if until.is_none() && because.is_none() {
        return allow;
    }
    let until = until.map(|when| ("until".to_owned(), Value::Text(when.text.clone())));
    let because = because.map(|text| ("because".to_owned(), Value::Text(text)));
    Value::Mapping(std::iter::once(("allow".to_owned(), allow)).chain(until).chain(because).collect())
}
