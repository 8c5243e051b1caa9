//! Trees and places.

use proptest::prelude::*;

use super::read::read_any;
use super::{Node, ProblemKind, Value, plain, read};

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

/// How many bytes of text are in a tree, with what its nodes own.
fn text_bytes(node: &Node<'_>) -> usize {
    match &node.value {
        Value::Scalar(scalar) => scalar.text.len(),
        Value::Sequence(items) => items.iter().map(text_bytes).sum(),
        Value::Mapping(pairs) => pairs.iter().map(|(key, value)| text_bytes(key) + text_bytes(value)).sum(),
    }
}

#[test]
fn long_texts_are_not_multiplied_by_aliases() {
    // An escape makes the reader own the text.
    let long = |kib: usize| format!("\"\\x61{}\"", "x".repeat(kib << 10));
    let aliases = |kib: usize, count: usize| format!("[&a {}{}]", long(kib), ", *a".repeat(count));
    let few = aliases(64, 100);
    assert_eq!(read(&few).problems, []);
    // Also in a list, in a mapping, as a text that the reader need not own, and anchors within one another.
    for text in [
        aliases(256, 90_000),
        format!("[&a [{}]{}]", long(256), ", [*a]".repeat(100)),
        format!("[&a {{b: {}}}{}]", long(256), ", *a".repeat(100)),
        format!("[&a {}{}]", "x".repeat(256 << 10), ", *a".repeat(100)),
        format!("{}{}{}", "[&a ".repeat(60), long(256), "]".repeat(60)),
    ] {
        let document = read(&text);
        assert_eq!(document.problems.len(), 1, "{}", &text[..20]);
        assert_eq!(document.problems[0].kind, ProblemKind::TooManyAliases);
        assert!(document.root.as_ref().map_or(0, text_bytes) <= 9 << 20);
    }
}

/// What the quick reader reads is what the library reads.
#[track_caller]
fn agree(text: &str) -> bool {
    let Some(root) = plain::read(text) else { return false };
    let document = read_any(text);
    assert_eq!(document.problems, [], "{text:?}");
    assert_eq!(document.root, Some(root), "{text:?}");
    assert!(document.complete && document.read == text.len() && super::readers_agree(text));
    true
}

#[test]
fn plain_texts_are_read_quickly_and_alike() {
    let all = [
        "a: b\n",
        "a: b",
        "# c\n\na:\n  b: 1 # c\n  c:\n\n  d: [x, 'y z', \"1\"]   \n\n# end\ne: {f: g, h: [], i: {}}\n",
        "a:\n- b\n- c: d\n  e: f\nb:\n  - x\n  - [y]\n",
        "a:\n  - b: 1\n  -   c: 2\n      d: 3\n  - 'q: r'\n",
        "a: b:c\nd: repository:app/*:pull # x\ne: x#y\nf: ~\ng: 0x1F\nh: a b  \n",
        "/team: [read]\n\"/*\": [write]\n'*': [\"*\"]\n",
        "a:\n    b:\n      c: d\n    e: f\n",
        "a: {b: c,d: e , f: g }\n",
    ];
    for text in all {
        assert!(agree(text), "not read: {text:?}");
    }
    let key = |length: usize| format!("a: {{b: c, {}: d}}\n", "k".repeat(length));
    assert!(agree(&key(256)));
    // The library refuses the longer one, and so is it here.
    assert!(!agree(&key(257)) && read(&key(257)).problems.is_empty());
    assert!(!agree(&key(1_100)) && !read(&key(1_100)).problems.is_empty());
    for text in [
        "a: &x b\n",
        "a: *x\n",
        "a: !!str b\n",
        "a: |\n  b\n",
        "a: b\n  c\n",
        "a: [b,\n  c]\n",
        "--- \na: b\n",
        "a: b\n---\n",
        "a: b\na: c\n",
        "? a\n: b\n",
        "a : b\n",
        "\ta: b\n",
        "a: é\n",
        "a: 'b''c'\n",
        "a: \"\\n\"\n",
        "a:\n  - - b\n",
        "[a]\n",
        "a\n",
        "a: [b: c]\n",
        "a: [b, ]\n",
        "a: {b}\n",
        "a: b: c\n",
        "a: b\n c: d\n",
        "  a: b\n",
        "",
        "a: 'b\n",
        "a: 'b' c\n",
        "...\n",
        "a: [b]]\n",
    ] {
        assert!(!agree(text), "read: {text:?}");
    }
}

/// Lines of what configurations are made of, in any order and indentation.
const PIECES: [&str; 40] = [
    "a:",
    "b: c",
    "- ",
    "- d",
    "- e: f",
    "[g, h]",
    "{i: j}",
    "k: [l, \"m n\"]",
    "'o': p",
    "\"q\": {r: s, t: [u]}",
    " # v",
    "# w",
    ": ",
    " ",
    "  ",
    "-",
    ":",
    "x",
    "y:z",
    "~",
    "1",
    "true:",
    "/g: [read]",
    "\"*\": []",
    "{}",
    "[]",
    ",",
    "]",
    "}",
    "'",
    "\"",
    "#",
    "*",
    "&",
    "!",
    "|",
    ">",
    "%",
    "...",
    "?",
];

fn lines() -> impl Strategy<Value = String> {
    let line = (0_usize..5, proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..4));
    let line = line.prop_map(|(indent, pieces)| " ".repeat(indent) + &pieces.concat());
    proptest::collection::vec(line, 0..8).prop_map(|lines| lines.join("\n"))
}

/// The same with what is mostly right.
fn good_lines() -> impl Strategy<Value = String> {
    let line = (0_usize..3, proptest::sample::select(&PIECES[..12]), 0_usize..30);
    let line = line.prop_map(|(indent, piece, number)| {
        let unique =
            if piece.starts_with(|c: char| c.is_alphabetic()) { format!("{number}{piece}") } else { piece.to_owned() };
        "  ".repeat(indent) + &unique
    });
    proptest::collection::vec(line, 0..8).prop_map(|lines| format!("root:\n{}\n", lines.join("\n")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn the_quick_reader_reads_nothing_else_than_the_library(text in lines(), good in good_lines()) {
        agree(&text);
        agree(&good);
    }
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
