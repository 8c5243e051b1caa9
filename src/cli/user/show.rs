//! `portolan user show`: all about one user, but for the secret.

use std::fmt::Write as _;

use clap::Args;
use clap_complete::ArgValueCompleter;
use serde_json::{Value, json};

use crate::cli::change::{Format, NamedFolder};
use crate::cli::completions::users;
use crate::cli::render::{json_text, visible};
use crate::cli::table::{Cell, Table};
use crate::cli::{Exit, Failure, output};
use crate::edit::{UserDetails, show_user};
use crate::policy::{Repository, Right, TagGlob};

use super::rows::{attached_texts, user_json};

#[derive(Debug, Args)]
pub(in crate::cli) struct ShowArguments {
    /// The user
    #[arg(add = ArgValueCompleter::new(users))]
    name: String,
    #[command(flatten)]
    folder: NamedFolder,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub(super) fn run(arguments: &ShowArguments) -> Result<Exit, Failure> {
    let folder = arguments.folder.load()?;
    let details = show_user(&folder, &arguments.name).map_err(|refused| arguments.folder.cannot_tell(&refused))?;
    arguments.folder.tell_errors(&folder);
    output::result(&match arguments.format {
        Format::Human => human(&details),
        Format::Json => json_text(&as_json(&details)),
    })?;
    Ok(Exit::Done)
}

/// The images that a right reaches, by the names that clients use.
fn images(repository: &Repository, right: &Right) -> String {
    if right.sign_in {
        return String::new();
    }
    right.names(repository).map(|names| names.to_string()).unwrap_or_default()
}

fn human(details: &UserDetails) -> String {
    let user = &details.row.user;
    let mut text = String::new();
    let mut line = |what: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "{what:<14}{}", visible(value));
        }
    };
    let kind = if user.admin { ", admin" } else { "" };
    line("user", user.name.as_str());
    line("state", &format!("{}{kind}", details.row.state.as_str()));
    line("email", user.email.as_deref().unwrap_or_default());
    line("description", user.description.as_deref().unwrap_or_default());
    line("groups", &user.groups.iter().map(|group| group.as_str()).collect::<Vec<_>>().join(", "));
    line("expires", &user.expires.map(|end| end.to_string()).unwrap_or_default());
    let previous = details.previous_until.map(|end| format!(", and the previous one until {end}")).unwrap_or_default();
    line("secret", &format!("{}{previous}", details.secret.as_str()));
    for (at, granted) in attached_texts(&details.row.attached).iter().enumerate() {
        line(if at == 0 { "by name" } else { "" }, granted);
    }
    if details.rights.is_empty() {
        return text + "\nno rights\n";
    }
    let mut table = Table::new(&["images", "actions", "tags", "until", "through"]);
    for (repository, right) in &details.rights {
        table.push(vec![
            Cell::Code(images(repository, right)),
            Cell::Plain(right.words().join(" ")),
            Cell::Code(right.tags.as_ref().map(|glob| glob.as_str().to_owned()).unwrap_or_default()),
            Cell::Plain(right.until.map(|end| end.to_string()).unwrap_or_default()),
            Cell::Code(right.through.to_string()),
        ]);
    }
    format!("{text}\n{}", table.human())
}

fn as_json(details: &UserDetails) -> Value {
    let right = |(repository, right): &(std::sync::Arc<Repository>, Right)| {
        json!({
            "repository": &*repository.name,
            "images": if right.sign_in { None } else { Some(images(repository, right)) },
            "tags": right.tags.as_ref().map(TagGlob::as_str),
            "actions": right.words(),
            "until": right.until.map(|end| end.to_string()),
            "through": right.through.to_string(),
        })
    };
    let mut value = user_json(&details.row);
    value["secret"] = json!({
        "type": details.secret.as_str(),
        "previous_until": details.previous_until.map(|end| end.to_string()),
    });
    value["rights"] = details.rights.iter().map(right).collect();
    value
}
