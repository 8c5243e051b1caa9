//! `portolan repository list`: the repositories, as a table.

use clap::Args;
use serde_json::{Value, json};

use crate::cli::change::NamedFolder;
use crate::cli::render::json_text;
use crate::cli::table::{Cell, Table, TableFormat};
use crate::cli::{Exit, Failure, output};
use crate::edit::{RepositoryRow, list_repositories};

#[derive(Debug, Args)]
pub(in crate::cli) struct ListArguments {
    #[command(flatten)]
    folder: NamedFolder,
    /// How to print the repositories
    #[arg(long, value_enum, default_value_t = TableFormat::Human)]
    format: TableFormat,
}

pub(super) fn run(arguments: &ListArguments) -> Result<Exit, Failure> {
    let folder = arguments.folder.load()?;
    let rows = list_repositories(&folder).map_err(|refused| arguments.folder.cannot_tell(&refused))?;
    arguments.folder.tell_errors(&folder);
    output::result(&match arguments.format {
        TableFormat::Json => json_text(&json!({ "repositories": rows.iter().map(as_json).collect::<Vec<_>>() })),
        TableFormat::Human => table(&rows).human(),
        TableFormat::Csv => table(&rows).csv(),
        TableFormat::Markdown => table(&rows).markdown(),
    })?;
    Ok(Exit::Done)
}

/// To whom a repository is open.
fn access(row: &RepositoryRow) -> (&'static str, String) {
    match (row.is_closed, row.is_open, row.subjects) {
        (true, ..) => ("broken", "broken, and so closed".to_owned()),
        (_, true, _) => ("open", "open to everybody".to_owned()),
        (_, _, 0) => ("closed", "closed".to_owned()),
        (_, _, 1) => ("granted", "granted to 1 subject".to_owned()),
        (_, _, count) => ("granted", format!("granted to {count} subjects")),
    }
}

fn immutable(row: &RepositoryRow) -> Vec<String> {
    row.repository.immutable_tags.iter().map(|glob| glob.as_str().to_owned()).collect()
}

fn table(rows: &[RepositoryRow]) -> Table {
    let mut table = Table::new(&["repository", "prefix", "storage", "port", "immutable", "access"]);
    for row in rows {
        let repository = &row.repository;
        table.push(vec![
            Cell::Code(repository.name.to_string()),
            Cell::Code(repository.prefix.to_string()),
            row.storage.as_ref().map_or(Cell::Plain("in place".to_owned()), |alias| Cell::Code(alias.to_string())),
            Cell::Plain(repository.port.map(|port| port.to_string()).unwrap_or_default()),
            Cell::Codes(immutable(row)),
            Cell::Plain(access(row).1),
        ]);
    }
    table
}

fn as_json(row: &RepositoryRow) -> Value {
    let repository = &row.repository;
    json!({
        "name": &*repository.name,
        "file": &*repository.file,
        "prefix": &*repository.prefix,
        "storage": row.storage.as_deref(),
        "port": repository.port,
        "immutable_tags": immutable(row),
        "access": access(row).0,
        "subjects": row.subjects,
    })
}
