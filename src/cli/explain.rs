//! `portolan explain`: the long text of one diagnostic, or a list of all.

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::config::{CODES, Code, code};
use crate::diagnostic::Severity;

use super::{Exit, Failure, output};

#[derive(Debug, Args)]
pub(super) struct ExplainArguments {
    /// The code, as it stands in brackets after `error` or `warning`; without it, all are listed
    #[arg(value_name = "CODE")]
    code: Option<String>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Human,
    /// A JSON array
    Json,
    /// A page for documentation
    Markdown,
}

pub(super) fn run(arguments: &ExplainArguments) -> Result<Exit, Failure> {
    let codes = match &arguments.code {
        Some(name) => vec![find(name)?],
        None => CODES.to_vec(),
    };
    output::result(&match (arguments.format, codes.as_slice()) {
        (Format::Human, [one]) if arguments.code.is_some() => {
            format!("{}[{}]: {}\n\n{}\n", one.severity.as_str(), one.code, one.title, one.explanation)
        }
        (Format::Human, all) => list(all),
        (Format::Json, all) => json(all),
        (Format::Markdown, all) => page(all),
    })?;
    Ok(Exit::Done)
}

fn find(name: &str) -> Result<&'static Code, Failure> {
    // As it is printed, it stands in brackets.
    let plain = name.trim_matches(['[', ']']).to_lowercase().replace('_', "-");
    code(&plain).ok_or_else(|| {
        let nearest = CODES
            .iter()
            .map(|known| (strsim::jaro_winkler(known.code, &plain), known.code))
            .filter(|(likeness, _)| *likeness > 0.7)
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let failure = Failure::new(format!("there is no diagnostic with the code `{name}`"));
        let failure = match nearest {
            Some((_, nearest)) => failure.with_hint(format!("did you mean `{nearest}`?")),
            None => failure.with_hint("`portolan explain` lists all codes"),
        };
        failure.with_exit(Exit::Usage)
    })
}

/// A line for each.
fn list(codes: &[&Code]) -> String {
    let width = codes.iter().map(|code| code.code.len()).max().unwrap_or_default();
    let line = |code: &&Code| format!("{:7}  {:width$}  {}\n", code.severity.as_str(), code.code, code.title);
    codes.iter().map(line).collect()
}

#[derive(Serialize)]
struct Entry {
    code: &'static str,
    severity: &'static str,
    timely: bool,
    title: &'static str,
    explanation: &'static str,
}

fn json(codes: &[&'static Code]) -> String {
    let entry = |code: &&'static Code| {
        let Code { code, severity, timely, title, explanation } = *code;
        Entry { code, severity: severity.as_str(), timely: *timely, title, explanation }
    };
    let entries: Vec<_> = codes.iter().map(entry).collect();
    // Strings always serialize.
    serde_json::to_string_pretty(&entries).unwrap_or_default() + "\n"
}

/// What stands above the codes in the documentation.
const HEAD: &str = "\
# Diagnostics

Every problem that `portolan check` and the server can report, with its code. `portolan explain CODE` prints the same \
text. This page is made from the texts in the program: `portolan explain --format markdown`.

Errors are what the server refuses: it keeps the last good version of what the file describes. Warnings are what is \
likely not meant; `check --deny-warnings` ends with 1 where there are any. Warnings that depend on the day are judged \
for the day of `--at` (now, by default), and do not count for `--deny-warnings`, so that a change which passed \
yesterday passes today.

A warning that is meant is allowed at its place, by a comment on its line or in the lines of comment directly above \
it, which says why:

```yaml
    # portolan: allow push-without-pull because the robot mirrors images that it builds elsewhere
    mirror: [write]
```

Several codes need several comments. A comment that allows nothing is a warning itself, as soon as nothing is wrong \
there any more.
";

fn page(codes: &[&Code]) -> String {
    let mut page = HEAD.to_owned();
    for (severity, heading) in [(Severity::Error, "Errors"), (Severity::Warning, "Warnings")] {
        page.push_str(&format!("\n## {heading}\n"));
        for code in codes.iter().filter(|code| code.severity == severity) {
            let timely = if code.timely { " (depends on the day)" } else { "" };
            page.push_str(&format!("\n### `{}`\n\n**{}**{timely}\n\n{}\n", code.code, code.title, code.explanation));
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_code_is_proposed() {
        let hint = |name: &str| find(name).unwrap_err().hint.unwrap();
        assert_eq!(hint("unknwon-key"), "did you mean `unknown-key`?");
        assert_eq!(hint("qqq"), "`portolan explain` lists all codes");
        assert_eq!(find("[Unknown_Key]").unwrap().code, "unknown-key");
    }

    #[test]
    fn the_page_is_made_from_the_texts() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/diagnostics.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, page(CODES)).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(written == page(CODES), "docs/diagnostics.md is stale: UPDATE_DOCS=1 cargo test the_page_is_made");
    }

    #[test]
    fn the_list_names_each_once() {
        let list = list(CODES);
        assert_eq!(list.lines().count(), CODES.len());
        assert!(list.contains("warning  grant-ends "));
    }
}
