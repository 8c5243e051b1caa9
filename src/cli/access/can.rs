//! `portolan access can`: one question, the answer, and the rule that decides.

use std::io;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use crate::cli::output::Colour;
use crate::cli::render::{answer, json_text};
use crate::cli::{Exit, Failure, Folder, output};
use crate::identity::moment;
use crate::oci::{ImageName, Tag};
use crate::policy::Action;

use super::verdict::Asked;
use super::{Loaded, nearest};

#[derive(Debug, Args)]
pub(in crate::cli) struct CanArguments {
    /// `USER ACTION IMAGE[:TAG] [DIR]`: the user's name; `pull`, `push`, `overwrite` or `delete`; the image, perhaps
    /// with a tag; the configuration folder
    #[arg(value_name = "WORD", required = true, num_args = 2..=4)]
    words: Vec<String>,
    /// Asks for whoever is not signed in, instead of a user
    #[arg(long)]
    anonymous: bool,
    /// The configuration folder
    #[arg(long, value_name = "DIR", env = "PORTOLAN_CONFIG", default_value = ".")]
    config: PathBuf,
    /// Judges as at this moment: a date, or a time (default: now)
    #[arg(long, value_name = "DATE", value_parser = moment)]
    at: Option<Timestamp>,
    /// How to print the answer
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// When to use colour
    #[arg(long, value_enum, default_value_t = Colour::Auto)]
    color: Colour,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Human,
    /// One JSON object
    Json,
}

impl CanArguments {
    fn read(&self) -> Result<(Asked, Folder), Failure> {
        let usage = |message: String| Failure::new(message).with_exit(Exit::Usage);
        let mut words = self.words.iter();
        let user = if self.anonymous { None } else { words.next().cloned() };
        let (Some(action), Some(image)) = (words.next(), words.next()) else {
            let what = if self.anonymous { "an action and an image" } else { "a user, an action and an image" };
            return Err(
                usage(format!("this needs {what}")).with_hint("for example `portolan access can jane pull app`")
            );
        };
        let action = Action::parse(action).ok_or_else(|| {
            let hint = match nearest(action, Action::ALL.iter().map(|action| action.as_str())) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "write `pull`, `push`, `overwrite` or `delete`".to_owned(),
            };
            usage(format!("`{action}` is no action")).with_hint(hint)
        })?;
        let (name, tag) = image.split_once(':').map_or((image.as_str(), None), |(name, tag)| (name, Some(tag)));
        let image = ImageName::parse(name).map_err(|error| usage(format!("`{name}` is no image: {error}")))?;
        let tag = tag.map(Tag::parse).transpose().map_err(|error| usage(error.to_string()))?;
        let dir = words.next().map_or_else(|| self.config.clone(), PathBuf::from);
        if let Some(more) = words.next() {
            return Err(usage(format!("`{more}` is one word too many")));
        }
        Ok((Asked { user, action, image, tag, at: self.at.unwrap_or_else(Timestamp::now) }, Folder { dir }))
    }
}

pub(super) fn run(arguments: &CanArguments) -> Result<Exit, Failure> {
    let (asked, folder) = arguments.read()?;
    let loaded = Loaded::read(&folder)?;
    let found = asked.answer(&loaded);
    match arguments.format {
        Format::Human => {
            let colour = arguments.color.on(&io::stdout());
            output::result(&answer(&found.shown(&loaded, &asked), colour))?;
        }
        Format::Json => output::result(&json_text(&found.json(&loaded, &asked)))?,
    }
    Ok(if found.rule.is_ok() { Exit::Done } else { Exit::No })
}
