//! `portolan access list`: the rights that are in effect, as a table.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cli::render::json_text;
use crate::cli::table::{Cell, Table, TableFormat};
use crate::cli::{Exit, Failure, Folder, output};
use crate::identity::moment;
use crate::identity::{User, UserName};
use crate::policy::coverage::{self, NamePattern, Prefixes};
use crate::policy::{Access, Action, Holder, Repository, Right, Snapshot, TagGlob, Through, Who, rights_in};

use super::rows::{ANONYMOUS, SIGNED_IN, places, rule_json};
use super::{Loaded, nearest, no_such_user};

#[derive(Debug, Args)]
pub(in crate::cli) struct ListArguments {
    #[command(flatten)]
    folder: Folder,
    /// Only this user, with all that the user may do by whatever grant
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Only whoever is not signed in
    #[arg(long, conflicts_with = "user")]
    anonymous: bool,
    /// Only this repository, by its name
    #[arg(long, value_name = "REPOSITORY")]
    repository: Option<String>,
    /// Judges as at this moment: a date, or a time (default: now)
    #[arg(long, value_name = "DATE", value_parser = moment)]
    at: Option<Timestamp>,
    /// How to print the rights
    #[arg(long, value_enum, default_value_t = TableFormat::Human)]
    format: TableFormat,
}

/// So many exceptions are named in a row for people.
const EXCEPT_MAX: usize = 5;

/// Whose rights a row tells, in the order of the table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Anonymous,
    SignedIn,
    User(UserName),
}

impl Subject {
    fn text(&self) -> &str {
        match self {
            Self::Anonymous => ANONYMOUS,
            Self::SignedIn => SIGNED_IN,
            Self::User(name) => name.as_str(),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::SignedIn => "signed-in",
            Self::User(_) => "user",
        }
    }
}

/// A right of somebody in a repository; of an admin, in every one.
struct Row<'a> {
    subject: Subject,
    repository: Option<&'a Repository>,
    right: Right,
    /// The names among the images that belong to nested repositories, and that the right does not reach.
    except: Arc<[String]>,
}

impl<'a> Row<'a> {
    fn new(subject: &Subject, repository: Option<&'a Repository>, right: Right) -> Self {
        Self { subject: subject.clone(), repository, right, except: Arc::default() }
    }

    fn images(&self) -> String {
        match self.repository {
            _ if self.right.sign_in => String::new(),
            Some(repository) => self.right.names(repository).map(|names| names.to_string()).unwrap_or_default(),
            None => "**".to_owned(),
        }
    }

    /// The tags that the right to overwrite or delete does not reach.
    fn immutable(&self) -> Vec<String> {
        let changes = [Action::Overwrite, Action::Delete].into_iter().any(|action| self.right.actions.contains(action));
        let globs = self.repository.map_or(&[][..], |repository| repository.immutable_tags.as_slice());
        match changes && !self.right.is_admin() {
            true => globs.iter().map(|glob| glob.as_str().to_owned()).collect(),
            false => Vec::new(),
        }
    }
}

/// Adds to each row what nested repositories take out of its images.
fn tell_exceptions(rows: &mut [Row<'_>], snapshot: &Snapshot) {
    let prefixes = Prefixes::of(snapshot);
    let mut known: HashMap<(&str, NamePattern), Arc<[String]>> = HashMap::new();
    for row in rows.iter_mut().filter(|row| !row.right.sign_in && !row.right.is_admin()) {
        let Some(repository) = row.repository else { continue };
        let Some(images) = row.right.names(repository) else { continue };
        let except = known.entry((&repository.prefix, images)).or_insert_with_key(|(prefix, images)| {
            let nested = prefixes.directly_below(prefix).into_iter().map(NamePattern::all_below);
            nested.filter(|nested| coverage::meet(images, nested)).map(|nested| nested.to_string()).collect()
        });
        row.except = Arc::clone(except);
    }
}

pub(super) fn run(arguments: &ListArguments) -> Result<Exit, Failure> {
    let loaded = Loaded::read(&arguments.folder)?;
    let snapshot = loaded.snapshot();
    let at = arguments.at.unwrap_or_else(Timestamp::now);
    let repositories = chosen(snapshot, arguments.repository.as_deref())?;
    let mut rows = match (&arguments.user, arguments.anonymous) {
        (Some(name), _) => {
            let user = snapshot.user(name).ok_or_else(|| no_such_user(snapshot, name))?;
            if !user.is_active(at) {
                output::note(&format!("note: `{name}` is disabled or has expired, and has no rights\n"));
            }
            of_one(&repositories, Holder::User(user), &Subject::User(user.name.clone()), at)
        }
        (None, true) => of_one(&repositories, Holder::Anonymous, &Subject::Anonymous, at),
        (None, false) => of_all(snapshot, &repositories, at),
    };
    tell_exceptions(&mut rows, snapshot);
    let text = match arguments.format {
        TableFormat::Json => json_text(&as_json(&rows, at)),
        TableFormat::Human => table(&rows, EXCEPT_MAX).human(),
        TableFormat::Csv => table(&rows, usize::MAX).csv(),
        TableFormat::Markdown => table(&rows, EXCEPT_MAX).markdown(),
    };
    output::result(&text)?;
    Ok(Exit::Done)
}

/// The rights of everybody: as a table for people, and for machines.
pub(in crate::cli) fn effective(snapshot: &Snapshot, at: Timestamp) -> (String, Value) {
    let repositories: Vec<&Repository> = snapshot.repositories().iter().map(Arc::as_ref).collect();
    let mut rows = of_all(snapshot, &repositories, at);
    tell_exceptions(&mut rows, snapshot);
    (table(&rows, EXCEPT_MAX).human(), as_json(&rows, at))
}

fn chosen<'a>(snapshot: &'a Snapshot, name: Option<&str>) -> Result<Vec<&'a Repository>, Failure> {
    let all = snapshot.repositories().iter().map(Arc::as_ref);
    let Some(name) = name else { return Ok(all.collect()) };
    let found: Vec<&Repository> = all.clone().filter(|repository| *repository.name == *name).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let failure = Failure::new(format!("there is no repository `{name}`")).with_exit(Exit::No);
    Err(match nearest(name, all.map(|repository| &*repository.name)) {
        Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
        None => failure.with_hint("a repository's name is the path of its file below `repos/`, without the ending"),
    })
}

/// All rights of one holder. An admin has one, whatever repositories there are.
fn of_one<'a>(repositories: &[&'a Repository], holder: Holder<'_>, subject: &Subject, at: Timestamp) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'a>> = Vec::new();
    for repository in repositories {
        for right in rights_in(repository, holder, at) {
            let is_admin = right.is_admin() && repositories.len() > 1;
            if is_admin && rows.iter().any(|row| row.right.is_admin()) {
                continue;
            }
            let repository = Some(*repository).filter(|_| !is_admin);
            rows.push(Row::new(subject, repository, right));
        }
    }
    rows
}

/// The rights of everybody: those of each user beyond what anybody has who is signed in.
fn of_all<'a>(snapshot: &'a Snapshot, repositories: &[&'a Repository], at: Timestamp) -> Vec<Row<'a>> {
    let mut rows = of_one(repositories, Holder::Anonymous, &Subject::Anonymous, at);
    if snapshot.has_users() {
        rows.extend(of_one(repositories, Holder::SignedIn, &Subject::SignedIn, at));
    }
    let mut members: BTreeMap<&UserName, Vec<&User>> = BTreeMap::new();
    for user in snapshot.users().filter(|user| user.is_active(at)) {
        if user.admin {
            let subject = Subject::User(user.name.clone());
            rows.extend(of_one(repositories, Holder::User(user), &subject, at));
        } else {
            user.groups.iter().for_each(|group| members.entry(group).or_default().push(user));
        }
    }
    for repository in repositories.iter().filter(|repository| !matches!(repository.access, Access::Closed)) {
        let mut named: BTreeMap<&UserName, &User> = BTreeMap::new();
        let mut seen: BTreeSet<&Who> = BTreeSet::new();
        for grant in repository.access.grants().filter(|grant| seen.insert(&grant.who)) {
            match &grant.who {
                Who::User(name) => {
                    let user = snapshot.user(name.as_str()).filter(|user| !user.admin);
                    named.extend(user.map(|user| (&user.name, &**user)));
                }
                Who::Group(group) => {
                    named.extend(members.get(group).into_iter().flatten().map(|user| (&user.name, *user)));
                }
                Who::Anyone | Who::SignedIn => {}
            }
        }
        for (name, user) in named {
            let own = |right: &Right| matches!(right.through, Through::Grant(Who::User(_) | Who::Group(_)));
            let rights = rights_in(repository, Holder::User(user), at).into_iter().filter(own);
            let subject = Subject::User(name.clone());
            rows.extend(rights.map(|right| Row::new(&subject, Some(*repository), right)));
        }
    }
    rows.sort_by(|one, other| one.subject.cmp(&other.subject));
    rows
}

/// The table, with so many exceptions in a row.
fn table(rows: &[Row<'_>], except_max: usize) -> Table {
    let head = &["subject", "images", "except", "actions", "tags", "immutable", "until", "through", "rule"];
    let mut table = Table::new(head);
    for row in rows {
        let right = &row.right;
        let subject = row.subject.text().to_owned();
        let subject = if matches!(row.subject, Subject::User(_)) { Cell::Code(subject) } else { Cell::Plain(subject) };
        let through = match &right.through {
            Through::Grant(who) => Cell::Code(who.to_string()),
            other => Cell::Plain(other.to_string()),
        };
        let mut except: Vec<String> = row.except.iter().take(except_max).cloned().collect();
        if row.except.len() > except_max {
            except.push(format!("and {} more", row.except.len() - except_max));
        }
        table.push(vec![
            subject,
            Cell::Code(row.images()),
            Cell::Codes(except),
            Cell::Plain(right.words().join(" ")),
            Cell::Code(right.tags.as_ref().map(|glob| glob.as_str().to_owned()).unwrap_or_default()),
            Cell::Codes(row.immutable()),
            Cell::Plain(right.until.map(|end| end.to_string()).unwrap_or_default()),
            through,
            Cell::Codes(places(&right.rules)),
        ]);
    }
    table
}

fn as_json(rows: &[Row<'_>], at: Timestamp) -> Value {
    let row = |row: &Row<'_>| {
        let right = &row.right;
        let user = if let Subject::User(name) = &row.subject { Some(name.as_str()) } else { None };
        json!({
            "kind": row.subject.kind(),
            "user": user,
            "repository": row.repository.map(|repository| repository.name.to_string()),
            "images": if right.sign_in { None } else { Some(row.images()) },
            "except": *row.except,
            "actions": right.words(),
            "tags": right.tags.as_ref().map(TagGlob::as_str),
            "immutable": row.immutable(),
            "until": right.until.map(|end| end.to_string()),
            "through": right.through.to_string(),
            "rules": right.rules.iter().map(rule_json).collect::<Vec<_>>(),
        })
    };
    json!({ "at": at.to_string(), "rights": rows.iter().map(row).collect::<Vec<_>>() })
}
