//! `portolan import docker-auth`: the users and the list of rules of cesanta's docker_auth.

mod acl;
mod names;
mod pattern;
mod rights;

use std::collections::BTreeMap;

use super::draft::{Draft, Entry, NewRepository, NewUser};
use super::report::Report;
use crate::config::{BadYaml, Node, read_foreign};
use crate::identity::{HashKind, PasswordHash, UserName};
use crate::policy::{Action, ActionSet};

use acl::Rule;
use names::Names;
use pattern::Match;
use rights::{Given, Receiver};

/// The keys that have nothing to do with who may do what.
const SETTINGS: [&str; 2] = ["server", "token"];

/// Reads a configuration. `file` is the name that the report calls it by.
///
/// # Errors
/// The text is no YAML, or no mapping.
pub(super) fn import(text: &str, file: &str, repository: &str, report: &mut Report) -> Result<Draft, BadYaml> {
    let root = read_foreign(text)?;
    let wrong = |message: &str| BadYaml { line: 1, column: 1, message: message.to_owned() };
    let pairs = root.pairs().ok_or_else(|| wrong("this is no mapping with `users` and `acl`"))?;
    let mut draft = Draft::new(format!("docker_auth's {file}"));
    let mut has_anonymous = false;
    for (key, value) in pairs {
        match key.text().unwrap_or_default() {
            "users" => has_anonymous = users(value, file, &mut draft, report),
            "acl" => {}
            key if SETTINGS.contains(&key) => {}
            other => report.left_out(
                file,
                key.line,
                format!("`{other}`: users and rights that are kept elsewhere cannot be carried over"),
            ),
        }
    }
    let entries = match root.get("acl").filter(|acl| !acl.is_null()) {
        Some(acl) => acl.items().ok_or_else(|| BadYaml {
            line: acl.line as usize,
            column: 1,
            message: "`acl` is no list".to_owned(),
        })?,
        None => &[],
    };
    let rules: Vec<Rule> = entries.iter().map(|entry| Rule::read(entry, file, report)).collect();
    let names: Vec<String> = draft.users.iter().map(|user| user.name.to_string()).collect();
    let given = rights::give(&rules, &names, has_anonymous, file, report);
    tell_unused(&rules, &names, has_anonymous, &given, file, report);
    if !rules.is_empty() {
        draft.repositories.push(repository_of(repository, &rules, &given));
    }
    Ok(draft)
}

/// Reads the users; whether one may be nobody.
fn users(section: &Node<'_>, file: &str, draft: &mut Draft, report: &mut Report) -> bool {
    let mut has_anonymous = false;
    for (key, entry) in section.pairs().unwrap_or_default() {
        let name = key.text().unwrap_or_default();
        let password = entry.get("password").filter(|password| !password.is_null());
        let mut left_out = |why: &str| report.left_out(file, key.line, format!("the user `{name}`: {why}"));
        match (name, password) {
            ("", None) if entry.pairs().is_some() => has_anonymous = true,
            ("", _) => left_out("nobody can sign in without a name"),
            (_, None) => left_out("without a password anybody could sign in, which is not possible here"),
            (_, Some(password)) => match (UserName::of_user(name), password.text()) {
                (Err(error), _) => left_out(&error.to_string()),
                (Ok(name), Some(pass)) => match PasswordHash::parse(HashKind::Bcrypt, pass) {
                    Ok(_) => draft.users.push(NewUser::new(name, HashKind::Bcrypt, pass)),
                    Err(error) => left_out(&format!("its password is not usable: {error}")),
                },
                (Ok(_), None) => left_out("its password is no text"),
            },
        }
    }
    has_anonymous
}

/// Tells of rules that are not carried over because of what they are.
fn tell_unused(
    rules: &[Rule],
    users: &[String],
    has_anonymous: bool,
    given: &[Given],
    file: &str,
    report: &mut Report,
) {
    let accounts = || users.iter().map(String::as_str).chain(has_anonymous.then_some(""));
    for (index, rule) in rules.iter().enumerate() {
        let mut images = accounts().map(|account| (account, rule.on_images(account).0));
        let is_uncertain = images.any(|(_, applies)| applies == Match::Maybe)
            || accounts().any(|account| rule.on_catalog(account) == Match::Maybe);
        let is_for_somebody = accounts().any(|account| rule.is_for(account) != Match::No);
        if !rule.doubts.is_empty() {
            let why = rule.doubts.join(", and ");
            report.left_out(file, rule.line, format!("{}{why}, which cannot be said here", rule.head()));
        } else if is_uncertain {
            let keys: Vec<String> =
                rule.unclear(&accounts().collect::<Vec<_>>()).iter().map(|key| format!("`{key}`")).collect();
            let what = match keys.as_slice() {
                [_] => format!("its pattern for {} cannot be said here", keys.join(" and ")),
                _ => format!("its patterns for {} cannot be said here", keys.join(" and ")),
            };
            report.left_out(file, rule.line, format!("{}{what}; grant by hand what is meant", rule.head()));
        } else if rule.allows() && !is_for_somebody {
            report.left_out(
                file,
                rule.line,
                format!("{}it is for none of the users that are carried over", rule.head()),
            );
        } else if rule.allows() && given.iter().all(|given| given.rule != index) && !report.mentions(file, rule.line) {
            let why = "it gives nothing: rules before it decide, or it names what cannot exist";
            report.note(file, rule.line, format!("{}{why}", rule.head()));
        }
    }
    let is_single = |names: &Names| names.globs().is_some_and(|globs| globs.len() > 1);
    let single = given.iter().find(|given| given.images.iter().any(|(names, _)| is_single(names)));
    if let Some(given) = single {
        let rule = &rules[given.rule];
        let what = "`*` is there an image without `/` in its name, which takes many patterns here; if all images are \
                    meant, write `*` instead of them";
        report.note(file, rule.line, format!("{}{what}", rule.head()));
    }
}

fn repository_of(name: &str, rules: &[Rule], given: &[Given]) -> NewRepository {
    let mut permissions: BTreeMap<Receiver, Vec<Entry>> = BTreeMap::new();
    for given in given {
        let entries = permissions.entry(given.receiver.clone()).or_default();
        let rule = &rules[given.rule];
        let mut comment = Some(match &rule.comment {
            Some(comment) => format!("line {}: {comment}", rule.line),
            None => format!("line {}", rule.line),
        });
        let mut catalog = given.catalog;
        for (names, actions) in &given.images {
            for text in permission(names, *actions, &mut catalog) {
                if !entries.iter().any(|entry| entry.text == text) {
                    entries.push(Entry { text, comment: comment.take() });
                }
            }
        }
        if catalog {
            entries.push(Entry { text: "registry:catalog:*".to_owned(), comment });
        }
    }
    let who = |receiver: Receiver| match receiver {
        Receiver::Anyone => "*".to_owned(),
        Receiver::SignedIn => "/*".to_owned(),
        Receiver::User(name) => name,
    };
    let sections = permissions.into_iter().map(|(receiver, entries)| (who(receiver), entries));
    NewRepository {
        prefix: Some(String::new()),
        permissions: Some(sections.filter(|(_, entries)| !entries.is_empty()).collect()),
        ..NewRepository::new(name)
    }
}

/// The entries for some actions on some images. `*` alone is the catalog as well.
fn permission(names: &Names, actions: ActionSet, catalog: &mut bool) -> Vec<String> {
    if names.is_all() {
        if actions == ActionSet::ALL && std::mem::take(catalog) {
            return vec!["*".to_owned()];
        }
        let word = |action: Action| match action {
            Action::Pull => Some("read"),
            Action::Overwrite => Some("write"),
            Action::Delete => Some("delete"),
            // Overwriting is given with it.
            Action::Push => None,
        };
        return actions.iter().filter_map(word).map(str::to_owned).collect();
    }
    let globs = names.globs().unwrap_or_default();
    let words: Vec<&str> = match actions == ActionSet::ALL {
        true => vec!["*"],
        false => actions.iter().map(Action::as_str).collect(),
    };
    globs.iter().flat_map(|glob| words.iter().map(move |word| format!("repository:{glob}:{word}"))).collect()
}

#[cfg(test)]
mod tests;
