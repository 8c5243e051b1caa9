//! A file's text to its tree, with everything reported that the tree alone shows.

use super::super::codes::{self, Code};
use super::super::files::{self, Kind};
use super::super::lint::allow;
use super::super::report::{Report, is_word, shown};
use super::super::shape::{Shape, check};
use super::super::yaml::{self, Node, Problem, ProblemKind};
use crate::diagnostic::Span;

/// A file that was read as far as it could be.
pub(super) struct Read<'t> {
    /// The tree; `None` where there is nothing in the file.
    pub(super) root: Option<Node<'t>>,
    /// Whether the text was read to its end.
    pub(super) complete: bool,
}

/// Reads a text and compares it with its shape.
pub(super) fn read<'t>(text: &'t str, shape: &'static Shape, report: &mut Report) -> Read<'t> {
    report.is_whole = true;
    report.survey(text);
    report.guarded = match files::kind(&report.file) {
        Some(Kind::Tests) => false,
        Some(Kind::Repository(_)) => may_hold_secrets(text),
        _ => true,
    };
    if let Some(marks) = &mut report.marks {
        marks.may_allow = text.contains(allow::DIRECTIVE);
    }
    let yaml::Document { root, complete, read, problems } = yaml::read(text);
    if !complete && report.guarded {
        report.secrets.push(Span { start: read, end: text.len() });
    }
    for problem in problems {
        tell(problem, report);
    }
    match &root {
        Some(root) if root.is_null() && complete => empty(report),
        None if complete => empty(report),
        Some(root) => check(root, shape, complete, report),
        None => {}
    }
    Read { root, complete }
}

fn empty(report: &mut Report) {
    report.add(codes::EMPTY_FILE, None, "the file has no content").help("write its content, or remove it");
}

/// Whether a repository's file may hold secrets: those of a storage that is written in place.
fn may_hold_secrets(text: &str) -> bool {
    ["pass", "credentials", "Key", "key", "secret", "token"].iter().any(|word| text.contains(word))
}

fn tell(problem: Problem, report: &mut Report) {
    let Problem { kind, span } = problem;
    let mut add = |code: &'static Code, message: &str, help: &str| {
        report.add(code, span, message).help(help);
    };
    match kind {
        ProblemKind::Syntax(why) => {
            let help = "look here and above for an unclosed quote or bracket, or an indentation that differs";
            add(codes::YAML_SYNTAX, &why, help);
        }
        ProblemKind::KeyInText => {
            let help = "indent keys alike, with a `: ` after each, and put a text that holds `: ` in quotes";
            add(codes::YAML_SYNTAX, "no key can stand here: the text before it has not ended", help);
        }
        ProblemKind::ControlCharacter => {
            let help = "take it away; where a text needs it, put that in double quotes and write it as `\\u001b`, with its \
                        own number";
            add(codes::YAML_SYNTAX, "a character that cannot be seen, and that YAML does not allow", help);
        }
        ProblemKind::Tab => add(codes::YAML_TAB, "a tab cannot be used here", "indent with spaces"),
        ProblemKind::TooDeep => {
            let message = format!("more than {} lists and mappings are nested in one another", yaml::DEPTH_MAX);
            add(codes::YAML_TOO_DEEP, &message, "close some of the lists and mappings before this one begins");
        }
        ProblemKind::TooManyAliases => {
            let text_mib = yaml::ALIAS_BYTES_MAX >> 20;
            let most = format!("{} values or {text_mib} MiB of text", yaml::ALIAS_NODES_MAX);
            let message = format!("the aliases of this file stand for more than {most}");
            add(codes::YAML_ALIASES, &message, "write some of them out, or grant to a group instead of to each user");
        }
        ProblemKind::AliasInItself => {
            let help = "write out what is meant, or move the anchor to what is to be repeated";
            add(codes::YAML_ALIAS, "this alias stands inside of what it repeats", help);
        }
        ProblemKind::UnknownAlias => {
            let help = "put the text in quotes if it is no alias: `\"*…\"`";
            add(codes::YAML_ALIAS, "this alias has no anchor before it", help);
        }
        ProblemKind::UnquotedStar => add(codes::UNQUOTED_STAR, "`*` must be quoted", "write `\"*\"`"),
        ProblemKind::Tag => add(codes::YAML_TAG, "tags are not known here", "remove the tag"),
        ProblemKind::ComplexKey => add(codes::YAML_KEY, "a key must be a word", "put it in quotes"),
        ProblemKind::SeveralDocuments => {
            add(codes::YAML_DOCUMENTS, "a second document begins here", "a file holds one document: remove the `---`");
        }
        ProblemKind::DuplicateKey { key, first } => {
            let place = report.place(first);
            let message = match report.guarded && !is_word(&key) {
                true => "this key stands twice".to_owned(),
                false => format!("the key `{}` stands twice", shown(&key)),
            };
            report
                .add(codes::DUPLICATE_KEY, span, message)
                .note("again here")
                .also(place, "first here")
                .help("join what belongs together under the first, and remove this one");
        }
    }
}
