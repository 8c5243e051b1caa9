//! Changes of texts that nobody would write: they are refused, or do what was meant.

use proptest::prelude::*;

use super::super::{Change, Refused, Value, apply};
use super::check;
use crate::config;

/// What lines are made of.
const PIECES: [&str; 44] = [
    "a:",
    "b:",
    "c:",
    "a: x",
    "b: y",
    "c: ",
    "- ",
    "- x",
    "- a: x",
    "  b: z",
    "[x, y]",
    "{a: x, b: [y]}",
    "a: [x,",
    "y]",
    "b: {a: x,",
    "b: z }",
    "# v",
    " # w",
    "",
    "",
    "x",
    "'y'",
    "\"z\"",
    "a: |",
    "b: >-",
    "c: |+",
    "  text",
    "a: &x",
    "b: *x",
    "c: !!str 1",
    "? a",
    ": x",
    "<<: *x",
    "---",
    "...",
    "'a': \"x",
    "more\"",
    "a:\t# x",
    "\u{feff}",
    "é: ü",
    "b: {}",
    "c: []",
    "a: ~",
    "] ]",
];

fn text() -> impl Strategy<Value = String> {
    let line = (0_usize..4, proptest::collection::vec(proptest::sample::select(&PIECES[..]), 1..3));
    let line = line.prop_map(|(indent, pieces)| "  ".repeat(indent) + &pieces.join(" "));
    let ends = proptest::sample::select(&["\n", "\n", "\n", "\r\n", "\r"][..]);
    (proptest::collection::vec(line, 0..8), ends, any::<bool>())
        .prop_map(|(lines, end, last)| lines.join(end) + if last { end } else { "" })
}

fn value() -> impl Strategy<Value = Value> {
    let text = proptest::sample::select(&["x", "new", "a: b", "", "1"][..]);
    let leaf = prop_oneof![text.prop_map(|text| Value::Text(text.to_owned())), any::<bool>().prop_map(Value::Boolean)];
    leaf.prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::List),
            proptest::collection::btree_map("[a-c]", inner, 0..3)
                .prop_map(|map| Value::Mapping(map.into_iter().collect())),
        ]
    })
}

fn change() -> impl Strategy<Value = Change> {
    let path = |from: usize| proptest::collection::vec("[a-c]", from..4);
    let within = (path(0), 0_usize..3, simple_change(0)).prop_map(|(path, position, change)| Change::InItem {
        path,
        position,
        change: Box::new(change),
    });
    prop_oneof![3 => simple_change(1), 1 => within]
}

/// A change with a path of at least so many keys.
fn simple_change(from: usize) -> impl Strategy<Value = Change> {
    let path = move || proptest::collection::vec("[a-c]", from..4);
    prop_oneof![
        (path(), value()).prop_map(|(path, value)| Change::Set { path, value }),
        path().prop_map(|path| Change::Remove { path }),
        (path(), proptest::collection::vec(value(), 0..3)).prop_map(|(path, items)| Change::Append { path, items }),
        (path(), proptest::collection::vec(0_usize..3, 0..3))
            .prop_map(|(path, positions)| Change::RemoveItems { path, positions }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn any_change_of_any_text_is_refused_or_done(text in text(), changes in proptest::collection::vec(change(), 1..4)) {
        match apply(&text, &changes) {
            Ok(after) => check(&text, &after, &changes, &format!("{text:?} {changes:?} {after:?}")),
            Err(refused) => {
                // What can be read can be told apart from what cannot.
                let is_unreadable = matches!(refused, Refused::Unreadable(_));
                prop_assert_eq!(is_unreadable, config::read_whole(&text).is_err());
                if std::env::var_os("EDIT_SHOW").is_some() && matches!(refused, Refused::Differs{..} | Refused::Unusual{..}) {
                    println!("@@@ {refused:?}\n{text}\n=== {changes:?}\n");
                }
            }
        }
    }
}
