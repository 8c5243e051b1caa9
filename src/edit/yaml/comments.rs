//! Which comments belong to an entry, and go with it.
//!
//! What somebody wrote is kept where it is in doubt: a comment too many is soon deleted, and one too few is gone.
//! With an entry go
//! - what stands behind it on its lines, and between them;
//! - comments further in directly below it, where it is a mapping or list in lines and other entries follow: below
//!   the last entry all comments stay;
//! - `# portolan: allow …` in the comment directly above it, since that is for its line;
//! - the prose directly above it, in its column, where its first line names the entry and no other one, or where it
//!   is all of the comment there, has at most three lines and can be for this entry only: the entry is the last one
//!   of several, or what follows has a blank line or a comment before it, and not the only one.
//!
//! No prose are headings (`# --- x ---`, `## x`, or a few words such as `# People` that do not name the entry), YAML
//! that is commented out (`# x: y`, `# - x`, `# "x`), what is still to do, and what tools read: they stay, and so
//! does what stands above them. A new entry is set apart by a blank line from prose that it is put below: it was
//! not written for it, and is not taken along when the entry goes again.

use std::collections::HashSet;

use super::layout::{Entry, Form};
use super::lines::{Kind, behind_break, end_above, kind, line_end, line_start};
use super::source::Level;
use crate::config::{Node, Value};

/// How many lines of prose that name nothing go with an entry.
const PROSE_MAX: usize = 3;

/// How many words a heading has.
const HEADING_WORDS_MAX: usize = 3;

/// Words that tell of something still to do.
const TO_DO: [&str; 5] = ["TODO", "FIXME", "XXX", "HACK", "NOTE"];

/// With what comments begin that a tool reads.
const TOOLS: [&str; 5] = ["yaml-language-server", "yamllint", "prettier", "vim", "noqa"];

/// Comment lines that go with an entry.
pub(super) struct Own {
    /// Where the lines directly above the entry begin.
    pub start: usize,
    /// Lines further up, each with its line break.
    pub others: Vec<(usize, usize)>,
}

/// The entries of a mapping or list, as comments may name them.
pub(super) struct Subjects<'l, 's, 't> {
    level: &'l Level<'s, 't>,
    keys: Option<HashSet<Vec<String>>>,
}

impl<'l, 's, 't> Subjects<'l, 's, 't> {
    pub(super) fn new(level: &'l Level<'s, 't>) -> Self {
        Self { level, keys: None }
    }

    /// The comments above the entry at a position, whose line begins at a byte and where something stands in a
    /// column. Lines that begin before `floor` are not looked at.
    pub(super) fn above(&mut self, text: &str, position: usize, start: usize, column: usize, floor: usize) -> Own {
        let lines = paragraph(text, start, column, floor);
        let mut own = Own { start, others: Vec::new() };
        if lines.is_empty() {
            return own;
        }
        let comment = |at: &usize| body(text.get(*at..line_end(text, *at)).unwrap_or_default());
        let names = self.names(position);
        let is_prose = |at: &&usize| {
            let comment = comment(at);
            is_allow(comment) || !is_foreign(text, **at, comment) && (!is_heading(comment) || is_named(comment, &names))
        };
        let prose: Vec<usize> = lines.iter().take_while(is_prose).copied().collect();
        let written: Vec<usize> = prose.iter().filter(|at| !is_allow(comment(at))).copied().collect();
        let is_own = written.last().is_some_and(|first| {
            let first = comment(first);
            if is_named(first, &names) {
                !self.names_another(first, &names)
            } else {
                prose.len() == lines.len()
                    && written.len() <= PROSE_MAX
                    && self.stands_apart(text, position)
                    && !written.iter().any(|at| self.names_another(comment(at), &names))
            }
        });
        let own_lines = if is_own { prose.as_slice() } else { &[] };
        let mut is_directly_above = true;
        for at in &lines {
            let goes = own_lines.contains(at) || is_allow(comment(at));
            is_directly_above &= goes;
            if is_directly_above {
                own.start = *at;
            } else if goes {
                let end = line_end(text, *at);
                own.others.push((*at, behind_break(text, end).unwrap_or(end)));
            }
        }
        own
    }

    /// The words that name an entry: its key or, of an item, its texts.
    fn names(&self, position: usize) -> Vec<Vec<String>> {
        let mut names = Vec::new();
        let mut text_of = |node: &Node<'_>| names.extend(node.text().map(words).filter(|words| !words.is_empty()));
        if let Some((key, _)) = self.level.node.pairs().and_then(|pairs| pairs.get(position)) {
            text_of(key);
        }
        if let Some(item) = self.level.node.items().and_then(|items| items.get(position)) {
            match &item.value {
                Value::Scalar(_) => text_of(item),
                Value::Sequence(items) => items.iter().for_each(text_of),
                Value::Mapping(pairs) => pairs.iter().for_each(|(_, value)| text_of(value)),
            }
        }
        names
    }

    /// Whether a comment names a key beside the one that goes.
    fn names_another(&mut self, comment: &str, names: &[Vec<String>]) -> bool {
        let keys = self.keys.get_or_insert_with(|| {
            let pairs = self.level.node.pairs().unwrap_or_default();
            pairs.iter().filter_map(|(key, _)| key.text().map(words)).collect()
        });
        let is_other = |word: &[String]| keys.contains(word) && !names.iter().any(|name| name == word);
        words(comment).windows(1).any(is_other)
    }

    /// Whether a comment above an entry can be for nothing else.
    fn stands_apart(&self, text: &str, position: usize) -> bool {
        let entries = &self.level.entries;
        let Some(entry) = entries.get(position) else { return false };
        match entries.get(position + 1) {
            None => position > 0,
            Some(next) => {
                let gap = text.get(line_end(text, entry.end())..next.start).unwrap_or_default();
                let mut lines: Vec<&str> = gap.split('\n').skip(1).collect();
                // The last piece is the next entry's indentation.
                lines.pop();
                lines.iter().any(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
            }
        }
    }
}

/// The end of what goes below an entry, as the end of a line.
pub(super) fn below(text: &str, entry: &Entry, next: Option<&Entry>, column: usize) -> usize {
    let mut last = line_end(text, entry.end());
    if next.is_none() || entry.value.form != Form::Block {
        return last;
    }
    while let Some(start) = behind_break(text, last) {
        if !matches!(kind(text, start), Kind::Comment(at) if at > column) {
            break;
        }
        last = line_end(text, start);
    }
    last
}

/// Whether a new entry in a column, right below a line that ends here, would take comments along that were there
/// before it.
pub(super) fn would_be_taken(text: &str, end: usize, column: usize) -> bool {
    let mut lines = paragraph(text, line_start(text, end), column, 0);
    let last = line_start(text, end);
    if kind(text, last) != Kind::Comment(column) {
        return false;
    }
    lines.insert(0, last);
    let comment = |at: usize| body(text.get(at..line_end(text, at)).unwrap_or_default());
    !is_foreign(text, last, comment(last)) || lines.iter().any(|at| is_allow(comment(*at)))
}

/// The comment lines of a column directly above a line, from below.
fn paragraph(text: &str, start: usize, column: usize, floor: usize) -> Vec<usize> {
    let mut lines = Vec::new();
    let mut first = start;
    while let Some(end) = end_above(text, first) {
        first = line_start(text, end);
        let is_schema = || is_read_by_a_tool(body(text.get(first..end).unwrap_or_default()));
        if first < floor || kind(text, first) != Kind::Comment(column) || is_schema() {
            break;
        }
        lines.push(first);
    }
    lines
}

/// What a comment says.
fn body(comment: &str) -> &str {
    comment.trim().trim_start_matches('#').trim()
}

/// Whether a comment allows a warning of the line below it.
fn is_allow(comment: &str) -> bool {
    comment.strip_prefix("portolan:").is_some_and(|rest| rest.split_whitespace().next() == Some("allow"))
}

fn is_read_by_a_tool(comment: &str) -> bool {
    TOOLS.iter().any(|tool| {
        let rest = comment.strip_prefix(tool);
        rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    })
}

/// Whether a comment is no prose, whatever it stands above.
fn is_foreign(text: &str, start: usize, comment: &str) -> bool {
    let is_double = text.get(start..).unwrap_or_default().trim_start().starts_with("##");
    let is_yaml = comment.starts_with(['"', '\'', '{', '}', '[', ']', '-', '*', '&', '!', '/', '|', '>', '%', '@'])
        || comment.contains(": ")
        || comment.contains(":\t")
        || comment.ends_with(':');
    let is_rule = |(at, c): (usize, char)| {
        let run = comment.get(at..).unwrap_or_default().chars().take_while(|next| *next == c).count();
        run >= 3 && !c.is_alphanumeric() && !c.is_whitespace() && c != '.'
    };
    let is_to_do = || comment.split(|c: char| !c.is_alphanumeric()).any(|word| TO_DO.contains(&word));
    comment.is_empty()
        || is_double
        || is_yaml
        || is_read_by_a_tool(comment)
        || comment.char_indices().any(is_rule)
        || is_to_do()
}

/// Whether a comment is a few words with a capital at the beginning, or has capitals only.
fn is_heading(comment: &str) -> bool {
    let is_short = comment.split_whitespace().count() <= HEADING_WORDS_MAX;
    let is_label = comment.starts_with(char::is_uppercase) && !comment.ends_with(['.', '!', '?', ',', ';']);
    is_short && is_label || !comment.contains(char::is_lowercase)
}

/// Whether a comment has the words of one of some names.
fn is_named(comment: &str, names: &[Vec<String>]) -> bool {
    let comment = words(comment);
    names.iter().any(|name| comment.windows(name.len()).any(|words| words == name.as_slice()))
}

/// The words of a comment or a name, without capitals. A name such as `*` has none.
fn words(text: &str) -> Vec<String> {
    let is_between = |c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '@' | '+'));
    let words = text.split(is_between).map(|word| word.trim_matches(['.', '-', '+']));
    words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}
