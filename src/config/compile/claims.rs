//! The prefixes that a broken repository file may mean: whatever else is wrong, its images stay claimed.

use std::collections::HashSet;
use std::sync::Arc;

use super::super::report::nearest;
use super::super::yaml::{Node, ScalarType, Value};
use crate::diagnostic::Span;
use crate::oci::{ImageName, NAME_MAX_CHARS};

/// How deep the prefix stands: below `repo`, or below what was meant to be it.
const DEPTH: usize = 1;

/// As many claims of one file are closed each by itself. Behind them, what is new around a claim stays closed.
pub(super) const CLAIMS_MAX: usize = 100;

/// Words that are longer are no image names, also where a quote belongs to them.
const WORD_MAX_BYTES: usize = NAME_MAX_CHARS + 2;

/// A prefix, and where it is written.
pub(super) type Claim = (Arc<str>, Option<Span>);

/// All values of keys that are `prefix` or near to it, each once: first those of the tree, and then those
/// that stand anywhere in `unread`, the text of a file that could not be read to its end.
pub(super) fn claims(root: Option<&Node<'_>>, unread: Option<&str>) -> Vec<Claim> {
    let mut found = Vec::new();
    if let Some(root) = root {
        in_tree(root, 0, &mut found);
    }
    if let Some(text) = unread {
        in_text(text, &mut found);
    }
    let mut seen = HashSet::new();
    found.retain(|(prefix, _)| seen.insert(Arc::clone(prefix)));
    found
}

fn in_tree(node: &Node<'_>, depth: usize, found: &mut Vec<Claim>) {
    match &node.value {
        Value::Scalar(_) => {}
        Value::Sequence(items) => items.iter().for_each(|item| in_tree(item, depth, found)),
        Value::Mapping(pairs) => {
            for (key, value) in pairs {
                if key.text().is_some_and(is_prefix_key) {
                    found.extend(scalar(value));
                }
                if depth < DEPTH {
                    in_tree(value, depth + 1, found);
                }
            }
        }
    }
}

fn scalar(node: &Node<'_>) -> Option<Claim> {
    let Value::Scalar(scalar) = &node.value else {
        return None;
    };
    let is_written = !matches!(scalar.kind, ScalarType::Null | ScalarType::Unknown);
    claim(&scalar.text, node.span).filter(|_| is_written)
}

/// Looks before each colon of a text for the key, and takes the first word behind as the value.
fn in_text(text: &str, found: &mut Vec<Claim>) {
    let mut line_start = 0;
    for line in text.split_inclusive('\n') {
        let end = line.find(" #").unwrap_or(line.len());
        let written = if line.trim_start().starts_with('#') { "" } else { &line[..end] };
        for (colon, _) in written.match_indices(':') {
            let before = written[..colon].trim_end().trim_end_matches(['"', '\'']);
            let is_of_key = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
            let key = &before[before.trim_end_matches(is_of_key).len()..];
            if is_prefix_key(key.trim_start_matches('-')) {
                // The value may stand on one of the next lines.
                found.extend(first_word(text, line_start + colon + 1));
            }
        }
        line_start += line.len();
    }
}

fn first_word(text: &str, from: usize) -> Option<Claim> {
    let rest = text.get(from..)?;
    let value = rest.trim_start();
    let start = from + rest.len() - value.len();
    // What ends a word is not looked for in the whole rest, which may have as many words as bytes.
    let near = &value[..value.floor_char_boundary(WORD_MAX_BYTES)];
    let (quote, word) = match value.chars().next()? {
        quote @ ('"' | '\'') => (1, near[1..].split([quote, '\n']).next()?),
        _ => (0, near.split([' ', '\t', '\r', '\n', ',', '}', ']']).next()?),
    };
    let span = Span { start: start + quote, end: start + quote + word.len() };
    claim(word, span).filter(|_| quote == 1 || !word.is_empty())
}

/// The value as a prefix; `None` where no image name could begin so.
fn claim(prefix: &str, span: Span) -> Option<Claim> {
    (prefix.is_empty() || ImageName::parse(prefix).is_ok()).then(|| (prefix.into(), Some(span)))
}

fn is_prefix_key(key: &str) -> bool {
    key == "prefix" || nearest(key.trim(), ["prefix"]).is_some()
}

#[cfg(test)]
mod tests {
    use super::super::super::yaml;
    use super::*;

    fn all(text: &str) -> Vec<String> {
        let document = yaml::read(text);
        let found = claims(document.root.as_ref(), Some(text).filter(|_| !document.complete));
        for (prefix, span) in &found {
            let span = span.unwrap();
            assert_eq!(text[span.start..span.end].trim_matches(['"', '\'']), &**prefix);
        }
        found.into_iter().map(|(prefix, _)| prefix.to_string()).collect()
    }

    #[test]
    fn finds_what_may_be_the_prefix() {
        for (text, expected) in [
            ("repo: {prefix: a/b}", &["a/b"] as &[&str]),
            ("rpo: {'prefix': a, Prefx: \"b\", prefix: 2024}", &["a", "b", "2024"]),
            ("repo:\n  port: 5\nprefix: a\n", &["a"]),
            ("- repo:\n    prefix: a\n", &["a"]),
            ("repo: {prefix: }", &[]),
            ("repo: {prefix: ''}", &[""]),
            ("repo: {prefix: A/b, port: x, profile: y, suffix: z}", &[]),
            // A storage's key prefix.
            ("repo: {storage: {type: s3, prefix: a}}", &[]),
            // What is no YAML.
            ("repo:\n  type: [\n  prefix: a # x\n  \"prefix\" : 'b/c'\n  # prefix: d\n", &["a", "b/c"]),
            ("repo:\n\tprefx:\n\t  a\n  prefix:\n  type: x\n", &["a"]),
            ("{repo: {type: [, prefix: a, 'prefix': \"b\"}", &["a", "b"]),
            ("repo: {\nprefix: \"\"\nprefix:", &[""]),
        ] {
            assert_eq!(all(text), expected, "{text}");
        }
    }
    #[test]
    fn many_colons_in_one_word_take_no_longer_than_in_many() {
        let text = format!("repo: [\n{}", "prefix:".repeat(150_000));
        let began = std::time::Instant::now();
        assert_eq!(all(&text), [""; 0]);
        assert_eq!(all(&format!("repo: [\nprefix:{}a/b", "\n".repeat(150_000))), ["a/b"]);
        assert_eq!(all(&format!("repo: [\nprefix: {}", "a".repeat(256))), [""; 0]);
        assert_eq!(all(&format!("repo: [\nprefix: '{}'", "a".repeat(256))), [""; 0]);
        assert_eq!(all(&format!("repo: [\nprefix: '{}'", "a".repeat(255))), ["a".repeat(255)]);
        // Of a file of this size it took minutes.
        assert!(began.elapsed().as_secs() < 30, "{:?}", began.elapsed());
    }
}
