//! `portolan user list`: the users, as a table.

use std::time::Duration;

use clap::{Args, ValueEnum};
use clap_complete::ArgValueCompleter;
use serde_json::json;

use crate::cli::change::NamedFolder;
use crate::cli::completions::groups;
use crate::cli::render::{json_text, visible};
use crate::cli::table::{Cell, Table, TableFormat};
use crate::cli::{Exit, Failure, output};
use crate::config::{CREDENTIALS_FILES, parse_duration};
use crate::edit::{UserFilter, UserRow, UserState, list_users};

use super::rows::{attached_texts, user_json};

/// So many repositories are named in a row for people.
const REPOSITORIES_MAX: usize = 5;

#[derive(Debug, Args)]
pub(in crate::cli) struct ListArguments {
    #[command(flatten)]
    folder: NamedFolder,
    /// Only active users who expire within this time, such as `30d`
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    expiring: Option<Duration>,
    /// Only users to whom nothing is granted, neither by name nor through a group, and who are no admins
    #[arg(long)]
    unused: bool,
    /// Only members of this group
    #[arg(long, value_name = "GROUP", add = ArgValueCompleter::new(groups))]
    group: Option<String>,
    /// Only users in this state
    #[arg(long, value_enum)]
    state: Option<State>,
    /// How to print the users
    #[arg(long, value_enum, default_value_t = TableFormat::Human)]
    format: TableFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum State {
    /// Can sign in
    Active,
    /// Is disabled
    Disabled,
    /// Has expired
    Expired,
    /// Is disabled and has expired
    Locked,
}

impl State {
    fn of(self) -> UserState {
        match self {
            Self::Active => UserState::Active,
            Self::Disabled => UserState::Disabled,
            Self::Expired => UserState::Expired,
            Self::Locked => UserState::Locked,
        }
    }
}

fn duration(text: &str) -> Result<Duration, &'static str> {
    parse_duration(text).ok_or("write a number and `d`, `h`, `m` or `s`, such as `30d`")
}

pub(super) fn run(arguments: &ListArguments) -> Result<Exit, Failure> {
    let folder = arguments.folder.load()?;
    let filter = UserFilter {
        expiring_within: arguments.expiring,
        unused: arguments.unused,
        group: arguments.group.clone(),
        state: arguments.state.map(State::of),
    };
    let rows = list_users(&folder, &filter).map_err(|refused| arguments.folder.cannot_tell(&refused))?;
    arguments.folder.tell_errors(&folder);
    if !CREDENTIALS_FILES.iter().any(|name| folder.compiled().sources.contains_key(*name)) {
        output::note("note: there is no `credentials.yaml` here, and so no user\n");
    }
    if let Some(group) = arguments.group.as_deref().map(|group| group.strip_prefix('/').unwrap_or(group))
        && !folder.group_names().contains(&group)
    {
        let group = visible(group);
        output::note(&format!("note: nobody is in the group `{group}`, and nothing is granted to it\n"));
    }
    output::result(&match arguments.format {
        TableFormat::Json => json_text(&json!({ "users": rows.iter().map(user_json).collect::<Vec<_>>() })),
        TableFormat::Human => table(&rows, REPOSITORIES_MAX).human(),
        TableFormat::Csv => table(&rows, usize::MAX).csv(),
        TableFormat::Markdown => table(&rows, REPOSITORIES_MAX).markdown(),
    })?;
    Ok(Exit::Done)
}

/// The table, with so many repositories in a row.
fn table(rows: &[UserRow], repositories_max: usize) -> Table {
    let mut table = Table::new(&["user", "state", "admin", "groups", "expires", "repositories", "description"]);
    for row in rows {
        let user = &row.user;
        let mut repositories = attached_texts(&row.attached);
        if repositories.len() > repositories_max {
            let more = repositories.len() - repositories_max;
            repositories.truncate(repositories_max);
            repositories.push(format!("and {more} more"));
        }
        table.push(vec![
            Cell::Code(user.name.to_string()),
            Cell::Plain(row.state.as_str().to_owned()),
            Cell::Plain(if user.admin { "admin" } else { "" }.to_owned()),
            Cell::Codes(user.groups.iter().map(ToString::to_string).collect()),
            Cell::Plain(user.expires.map(|end| end.to_string()).unwrap_or_default()),
            Cell::Codes(repositories),
            Cell::Plain(user.description.clone().unwrap_or_default()),
        ]);
    }
    table
}
