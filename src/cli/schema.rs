//! `portolan schema`: the JSON Schemas of the configuration files.

use clap::Args;

use crate::config::{SCHEMA_NAMES, schema};

use super::{Exit, Failure, output};

#[derive(Debug, Args)]
pub(super) struct SchemaArguments {
    /// Which schema; without it, the names of all are printed
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(SCHEMA_NAMES))]
    name: Option<String>,
}

pub(super) fn run(arguments: &SchemaArguments) -> Result<Exit, Failure> {
    let text = match &arguments.name {
        None => SCHEMA_NAMES.join("\n"),
        Some(name) => text(name)?,
    };
    output::result(&(text + "\n"))?;
    Ok(Exit::Done)
}

/// A schema, indented for people.
pub(super) fn text(name: &str) -> Result<String, Failure> {
    schema(name)
        .and_then(|schema| serde_json::to_string_pretty(&schema).ok())
        .ok_or_else(|| Failure::new(format!("there is no schema `{name}`")))
}
