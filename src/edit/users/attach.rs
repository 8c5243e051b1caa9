//! What a user may pull and push, repository by repository.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::edit::draft::Draft;
use crate::edit::permissions::{Entry, Section};
use crate::edit::refused::{form, unfit};
use crate::edit::words::{list, meant, titled};
use crate::edit::yaml::{Change, Value};
use crate::edit::{Folder, Plan, Refused};
use crate::identity::{End, User, UserName};
use crate::policy::{Action, ActionSet, Holder, Right, Through, What, Who, rights_in};

/// The repositories that a user is to pull from and push to.
#[derive(Debug)]
pub struct Attach {
    /// The user.
    pub user: String,
    /// Repositories to pull from: `read` is written.
    pub pull: Vec<String>,
    /// Repositories to push to, and to pull from: `read` and `write` are written.
    pub push: Vec<String>,
}

/// What a user is to have in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rights {
    Pull,
    PullAndPush,
}

impl Rights {
    /// The words that are written, each with what it allows.
    fn words(self) -> &'static [(&'static str, &'static [Action])] {
        const WORDS: [(&str, &[Action]); 2] =
            [("read", &[Action::Pull]), ("write", &[Action::Push, Action::Overwrite])];
        match self {
            Self::Pull => &WORDS[..1],
            Self::PullAndPush => &WORDS,
        }
    }
}

/// Sets what a user may pull and push in each of the named repositories, and leaves the others.
///
/// What stands there for this user and is about pulling and pushing all images is made to be just what was asked
/// for, also where it ends or has ended. Other entries of the user stay (single images or tags, deleting, `*`), and
/// a note names them.
pub fn attach(folder: &Folder, request: &Attach) -> Result<Plan, Refused> {
    let user = Arc::clone(folder.user(&request.user)?);
    let rights = rights(folder, &request.pull, &request.push)?;
    if rights.is_empty() {
        return Err(form("no repository is named", "name some with `--pull` or `--push`"));
    }
    let mut draft = Draft::new(folder)?;
    for (repository, rights) in &rights {
        set_rights(&mut draft, &user.name, repository, *rights)?;
    }
    if draft.is_empty() {
        return Ok(Plan::nothing(format!("`{}` has just this already", user.name), draft.notes));
    }
    draft.finish_titled(title(&format!("Attach `{}` to", user.name), &rights), None)
}

/// Takes everything away that is granted to a user by name in these repositories.
pub fn detach(folder: &Folder, user: &str, repositories: &[String]) -> Result<Plan, Refused> {
    let user = Arc::clone(folder.user(user)?);
    let named: BTreeMap<&String, ()> = repositories.iter().map(|name| (name, ())).collect();
    if named.is_empty() {
        return Err(form("no repository is named", "name those to detach the user from"));
    }
    let who = Who::User(user.name.clone());
    let mut draft = Draft::new(folder)?;
    for name in named.keys() {
        let file = folder.repository(name)?;
        let section = Section::read(folder, file)?;
        if section.of(&who).is_none() {
            let attached = draft.model.snapshot.repositories().iter();
            let attached = attached.filter(|other| other.access.grants().any(|grant| grant.who == who));
            let attached: Vec<&str> = attached.map(|other| &*other.name).collect();
            let is = match attached.as_slice() {
                [] => format!("nothing is granted to `{}` by name anywhere", user.name),
                some => format!("`{}` is attached to {}", user.name, shortened(some)),
            };
            let message = format!("nothing is granted to `{}` by name in `{name}`", user.name);
            return Err(unfit(message, meant(name, attached.iter().copied(), &is)));
        }
        draft.edit(file, &section.without(&|other| *other == who))?;
    }
    let mut plan = draft.finish_titled(title(&format!("Detach `{}` from", user.name), &named), None)?;
    for name in named.keys() {
        plan.notes.extend(left(folder, &user, name));
    }
    Ok(plan)
}

/// What is to be had in each repository. Whoever is to push is to pull, too.
pub(super) fn rights(folder: &Folder, pull: &[String], push: &[String]) -> Result<BTreeMap<String, Rights>, Refused> {
    let all = pull.iter().map(|name| (name, Rights::Pull)).chain(push.iter().map(|name| (name, Rights::PullAndPush)));
    all.map(|(name, rights)| folder.repository(name).map(|_| (name.clone(), rights))).collect()
}

/// Makes the plain rights of a user in a repository just these.
pub(super) fn set_rights(
    draft: &mut Draft<'_>,
    user: &UserName,
    repository: &str,
    rights: Rights,
) -> Result<(), Refused> {
    let file = draft.folder.repository(repository)?;
    let section = Section::read(draft.folder, file)?;
    if !section.exists {
        return Err(unfit(
            format!("`{repository}` has no permissions section, and everybody may do everything there"),
            format!("to close it to everybody else: `portolan repository grant {repository} WHO OPERATION --close`"),
        ));
    }
    let who = Who::User(user.clone());
    let ended = |folder: &Folder, entry: &Entry, end: End, now: &str| {
        let ended = if end.is_past(folder.now) { "had ended" } else { "would have ended" };
        format!("`{}` for `{user}` in `{repository}` {ended} {}, and {now}", entry.text, end.at())
    };
    let entries = section.of(&who).map_or(&[][..], |grantee| &grantee.entries);
    let (plain, others): (Vec<&Entry>, Vec<&Entry>) = entries.iter().partition(|entry| plain(entry).is_some());
    let mut kept: Vec<usize> = Vec::new();
    let (mut add, mut changes) = (Vec::new(), Vec::new());
    for (word, actions) in rights.words() {
        let wanted = ActionSet::of(actions);
        let fits = |entry: &&&Entry| entry.until.is_none() && self::plain(entry) == Some(wanted);
        match plain.iter().find(fits) {
            Some(entry) => kept.push(entry.position),
            None if others.iter().any(|entry| entry.until.is_none() && allows(entry, wanted)) => {}
            None => {
                let ends = |entry: &&&Entry| self::plain(entry) == Some(wanted);
                let Some(entry) = plain.iter().filter(ends).max_by_key(|entry| entry.until) else {
                    add.push(Value::Text((*word).to_owned()));
                    continue;
                };
                // It stays where it is, and ends no more.
                kept.push(entry.position);
                changes.push(entry.change(&who, Change::Remove { path: vec!["until".to_owned()] }));
                draft.notes.extend(entry.until.map(|end| ended(draft.folder, entry, end, "holds without an end now")));
            }
        }
    }
    let remove: Vec<usize> = plain.iter().map(|entry| entry.position).filter(|at| !kept.contains(at)).collect();
    for entry in plain.iter().filter(|entry| remove.contains(&entry.position)) {
        draft.notes.extend(entry.until.map(|end| ended(draft.folder, entry, end, "is taken away")));
    }
    let others: Vec<_> =
        others.into_iter().filter(|entry| !entry.until.is_some_and(|end| end.is_past(draft.folder.now))).collect();
    if !others.is_empty() {
        let left = list(others.iter().map(|entry| entry.text.as_str()));
        draft.note(format!(
            "`{user}` keeps {left} in `{repository}`; `portolan repository revoke` takes it away if it is not meant"
        ));
    }
    if !add.is_empty() || !remove.is_empty() {
        changes.extend(section.with(&who, add, &remove));
    }
    if !changes.is_empty() {
        draft.edit(file, &changes)?;
    }
    Ok(())
}

/// What an entry allows that is about pulling and pushing all images, and nothing else.
fn plain(entry: &Entry) -> Option<ActionSet> {
    match entry.allowed.as_slice() {
        [What::Images { images, tags: None, actions }]
            if images.is_everything() && !actions.contains(Action::Delete) =>
        {
            Some(*actions)
        }
        _ => None,
    }
}

/// Whether an entry allows actions on all images, among other things.
fn allows(entry: &Entry, wanted: ActionSet) -> bool {
    entry.allowed.iter().any(|what| match what {
        What::Images { images, tags: None, actions } if images.is_everything() => {
            wanted.iter().all(|action| actions.contains(action))
        }
        _ => false,
    })
}

/// What somebody still may do in a repository that they are detached from.
fn left(folder: &Folder, user: &User, name: &str) -> Option<String> {
    let repositories = folder.model().ok()?.snapshot.repositories();
    let at = repositories.binary_search_by(|repository| (*repository.name).cmp(name)).ok()?;
    let repository = repositories.get(at)?;
    let own = |right: &&Right| !matches!(&right.through, Through::Grant(Who::User(_))) && !right.sign_in;
    let rights = rights_in(repository, Holder::User(user), folder.now);
    let through: BTreeSet<String> = rights.iter().filter(own).map(|right| right.through.to_string()).collect();
    (!through.is_empty()).then(|| {
        let words: Vec<_> = through.iter().map(String::as_str).collect();
        let give = if words.len() == 1 { "gives" } else { "give" };
        format!("`{}` still has what {} {give} in `{name}`", user.name, list(words))
    })
}

/// First lines about some repositories.
fn title<V>(what: &str, names: &BTreeMap<impl AsRef<str> + Ord, V>) -> Vec<String> {
    let all: Vec<&str> = names.keys().map(AsRef::as_ref).collect();
    titled(&all, "repositories", |some| format!("{what} {some}"))
}

/// The first few of many names.
fn shortened(names: &[&str]) -> String {
    const NAMES_MAX: usize = 5;
    match names.len().saturating_sub(NAMES_MAX) {
        0 => list(names.iter().copied()),
        more => {
            let first: Vec<_> = names.iter().take(NAMES_MAX).map(|name| format!("`{name}`")).collect();
            format!("{} and {more} more", first.join(", "))
        }
    }
}
