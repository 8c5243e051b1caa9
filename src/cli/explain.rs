//! `portolan explain`: the long text of one diagnostic.

use clap::Args;

use crate::config::{CODES, code};

use super::{Exit, Failure, output};

#[derive(Debug, Args)]
pub(super) struct ExplainArguments {
    /// The code, as it stands in brackets after `error` or `warning`
    #[arg(value_name = "CODE")]
    code: String,
}

pub(super) fn run(arguments: &ExplainArguments) -> Result<Exit, Failure> {
    let Some(found) = code(&arguments.code) else {
        let nearest = CODES
            .iter()
            .map(|known| (strsim::jaro_winkler(known.code, &arguments.code), known.code))
            .filter(|(likeness, _)| *likeness > 0.7)
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let failure = Failure::new(format!("there is no diagnostic with the code `{}`", arguments.code));
        let failure = match nearest {
            Some((_, nearest)) => failure.with_hint(format!("did you mean `{nearest}`?")),
            None => failure,
        };
        return Err(failure.with_exit(Exit::Usage));
    };
    output::result(&format!(
        "{}[{}]: {}\n\n{}\n",
        found.severity.as_str(),
        found.code,
        found.title,
        found.explanation
    ))?;
    Ok(Exit::Done)
}
