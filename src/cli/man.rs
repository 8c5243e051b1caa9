//! `portolan man`: the manual's pages, one for each command.

use std::fs;
use std::io;
use std::path::PathBuf;

use clap::{Args, Command, CommandFactory as _};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::{Arguments, Exit, Failure, output};

#[derive(Debug, Args)]
pub(super) struct ManArguments {
    /// Writes each page to a file in this folder, instead of all to stdout
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

pub(super) fn run(arguments: &ManArguments) -> Result<Exit, Failure> {
    let pages = pages().map_err(|error| Failure::new(format!("cannot make the manual: {error}")))?;
    let Some(folder) = &arguments.folder else {
        output::result(&pages.iter().map(|(_, text)| text.as_str()).collect::<String>())?;
        return Ok(Exit::Done);
    };
    let write = || {
        // A folder that is not there, in one that is not there either, is most likely a slip.
        match fs::create_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made?,
        }
        pages.iter().try_for_each(|(name, text)| fs::write(folder.join(name), text))
    };
    write().map_err(|error: io::Error| Failure::new(format!("cannot write to `{}`: {error}", folder.display())))?;
    output::note(&format!("wrote {} pages to `{}`\n", pages.len(), folder.display()));
    Ok(Exit::Done)
}

/// The names and the texts of all pages.
fn pages() -> io::Result<Vec<(String, String)>> {
    let mut root = Arguments::command();
    root.build();
    let mut pages = Vec::new();
    add(&root, &mut pages)?;
    Ok(pages)
}

fn add(command: &Command, pages: &mut Vec<(String, String)>) -> io::Result<()> {
    let man = Man::new(command.clone()).source(concat!("portolan ", env!("CARGO_PKG_VERSION"))).manual("Portolan");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    if command.get_arguments().any(|argument| !argument.is_hide_set()) {
        man.render_options_section(&mut page)?;
    }
    let shown = || command.get_subcommands().filter(|sub| !sub.is_hide_set());
    if shown().next().is_some() {
        man.render_subcommands_section(&mut page)?;
    }
    if let Some(more) = command.get_after_help() {
        examples(&more.to_string()).to_writer(&mut page)?;
    }
    pages.push((man.get_filename(), String::from_utf8_lossy(&page).into_owned()));
    shown().try_for_each(|sub| add(sub, pages))
}

/// What stands below a command's help: indented lines as they are, the others as paragraphs.
fn examples(text: &str) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXAMPLES"]);
    let mut is_example = false;
    for line in text.lines().filter(|line| !matches!(line.trim(), "" | "Example:" | "Examples:")) {
        let indented = line.strip_prefix("  ");
        if indented.is_some() != is_example {
            is_example = indented.is_some();
            let requests = if is_example { ["PP", "nf"] } else { ["fi", "PP"] };
            requests.into_iter().for_each(|request| {
                roff.control(request, []);
            });
        }
        roff.text([roman(indented.unwrap_or(line))]);
    }
    if is_example {
        roff.control("fi", []);
    }
    roff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_that_shows_its_example() {
        let pages = pages().unwrap();
        for name in ["portolan.1", "portolan-serve.1", "portolan-user-add.1", "portolan-repository-grant.1"] {
            let (_, text) = pages.iter().find(|(known, _)| known == name).unwrap();
            assert!(text.contains(".TH") && text.contains(".SH NAME"), "{text}");
        }
        let (_, grant) = pages.iter().find(|(name, _)| name == "portolan-repository-grant.1").unwrap();
        assert!(grant.contains("\n.nf\nportolan repository grant library jane read write\n"), "{grant}");
        // A line that began with a quote or a dot would be a request.
        let is_request = |line: &&str| line.starts_with('\'') || line.starts_with('.') && line.len() < 3;
        for (name, text) in &pages {
            assert_eq!(text.lines().find(is_request), None, "{name}");
        }
    }
}
