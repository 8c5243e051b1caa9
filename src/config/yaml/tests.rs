//! Trees and places.

use proptest::prelude::*;

use super::{Node, ProblemKind, Value, read};

/// The text of each node's place, in order.
fn places<'t>(node: &Node<'_>, text: &'t str, found: &mut Vec<&'t str>) {
    found.push(&text[node.span.start..node.span.end]);
    match &node.value {
        Value::Scalar(_) => {}
        Value::Sequence(items) => items.iter().for_each(|item| places(item, text, found)),
        Value::Mapping(pairs) => pairs.iter().for_each(|(key, value)| {
            places(key, text, found);
            places(value, text, found);
        }),
    }
}

#[test]
fn places_are_exact() {
    let text = "\u{feff}é: {x: 'a b', y: [2]}\r\nb:\r\n  - ü\r\n  - |\r\n    block\r\n\r\n# comment\r\nc:\r\n";
    let document = read(text);
    assert!(document.complete && document.problems.is_empty());
    let mut found = Vec::new();
    places(document.root.as_ref().unwrap(), text, &mut found);
    assert_eq!(found[1..8], ["é", "{x: 'a b', y: [2]}", "x", "'a b'", "y", "[2]", "2"]);
    assert_eq!(found[8..], ["b", "- ü\r\n  - |\r\n    block", "ü", "block", "c", ""]);
    assert!(found[0].starts_with('é') && found[0].ends_with("\nc"));
}

#[test]
fn what_comes_before_a_mistake_is_kept() {
    let document = read("repo:\n  prefix: p\n  type: [\n");
    assert!(!document.complete);
    assert_eq!(document.problems.len(), 1);
    let prefix = document.root.as_ref().and_then(|root| root.get("repo")).and_then(|repo| repo.get("prefix"));
    assert_eq!(prefix.and_then(Node::string), Some("p"));
}

#[test]
fn quotes_and_str_tags_make_texts() {
    let document = read("[1, '1', \"true\", !!str 2, ~, yes]");
    let root = document.root.unwrap();
    let texts: Vec<_> = root.items().unwrap().iter().map(Node::string).collect();
    assert_eq!(texts, [None, Some("1"), Some("true"), Some("2"), None, Some("yes")]);
}

#[test]
fn depth_is_bounded_also_through_aliases() {
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(read(&deep(64)).problems.is_empty());
    assert_eq!(read(&deep(65)).problems[0].kind, ProblemKind::TooDeep);
    let through = |depth: usize| format!("[&a {}, {}*a{}]", deep(40), "[".repeat(depth), "]".repeat(depth));
    assert!(read(&through(23)).problems.is_empty());
    assert_eq!(read(&through(24)).problems[0].kind, ProblemKind::TooDeep);
}

proptest! {
    /// Any text gives a tree or a problem, with places inside of the text and at the edges of characters.
    #[test]
    fn never_panics(text in "([a-z*&!|>'\"#%@:,?{}\\[\\] \\-\n\t\r~0é\u{0}]|: |\n  |- ){0,80}") {
        let document = read(&text);
        prop_assert!(document.complete || !document.problems.is_empty());
        if let Some(root) = &document.root {
            places(root, &text, &mut Vec::new());
        }
        for problem in &document.problems {
            prop_assert!(text.get(problem.span.start..problem.span.end).is_some());
        }
    }
}
