//! Reads YAML of other systems, of which no shape is known.

use super::position::line_column;
use super::yaml::{self, ProblemKind};

/// Why a text cannot be read. Quotes nothing of it, since it may hold secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct BadYaml {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// What is wrong, without a final full stop.
    pub message: String,
}

/// Reads a text as one YAML document with the line of every value; nothing that is wrong is passed over.
///
/// # Errors
/// The first problem: of the syntax, a duplicate key, a tag, nesting or aliases beyond the bounds of
/// configuration files, or a text without content.
pub fn read_foreign(text: &str) -> Result<yaml::Node<'_>, BadYaml> {
    let empty = || BadYaml { line: 1, column: 1, message: "there is no content".to_owned() };
    read_whole(text)?.filter(|root| !root.is_null()).ok_or_else(empty)
}

/// Reads a text as [`read_foreign`] does, and takes one without content as well.
///
/// # Errors
/// The first problem.
pub fn read_whole(text: &str) -> Result<Option<yaml::Node<'_>>, BadYaml> {
    let document = yaml::read(text);
    if let Some(problem) = document.problems.iter().min_by_key(|problem| problem.span.start) {
        let (line, column) = line_column(text, problem.span.start);
        return Err(BadYaml { line, column, message: words(&problem.kind) });
    }
    Ok(document.root)
}

fn words(kind: &ProblemKind) -> String {
    let words = match kind {
        ProblemKind::Syntax(why) => return why.clone(),
        ProblemKind::KeyInText => "no key can stand here: the text before it has not ended",
        ProblemKind::ControlCharacter => "a character that cannot be seen, and that YAML does not allow",
        ProblemKind::Tab => "a tab cannot be used here",
        ProblemKind::TooDeep => "lists and mappings are nested too deeply",
        ProblemKind::TooManyAliases => "the aliases stand for too many values",
        ProblemKind::AliasInItself => "this alias stands inside of what it repeats",
        ProblemKind::UnknownAlias => "this alias has no anchor before it",
        ProblemKind::UnquotedStar => "`*` must be quoted",
        ProblemKind::Tag => "tags are not known here",
        ProblemKind::ComplexKey => "a key must be a word",
        ProblemKind::DuplicateKey { .. } => "a key stands twice",
        ProblemKind::SeveralDocuments => "a second document begins here",
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_problem_is_told_without_the_text() {
        let message = |text: &str| read_foreign(text).unwrap_err().to_string();
        assert_eq!(message("a: 1\nb: *geheim\n"), "line 2, column 4: this alias has no anchor before it");
        assert_eq!(message("a: 1\na: 2\n"), "line 2, column 1: a key stands twice");
        assert_eq!(message("# nothing\n"), "line 1, column 1: there is no content");
        assert!(message(&"[".repeat(100)).contains("nested"));
        assert!(!message("a: 'geheim\n").contains("geheim"));
    }

    #[test]
    fn any_keys_will_do() {
        let root = read_foreign("acl:\n  - match: {account: \"\"}\n").unwrap();
        let entry = &root.get("acl").unwrap().items().unwrap()[0];
        assert_eq!((entry.line, entry.get("match").unwrap().get("account").unwrap().text()), (2, Some("")));
    }
}
