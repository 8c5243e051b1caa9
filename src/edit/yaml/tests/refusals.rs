//! Refusals: their lines, their words, and that they tell no secret.

use super::super::{Change, Refused, Value, apply};
use super::change;

fn refusal(text: &str, line: &str) -> Refused {
    let refused = apply(text, &[change(line)]).expect_err(text);
    let told = format!("{refused} {refused:?} {}", refused.hint());
    assert!(!told.contains("geheim"), "{told}");
    assert!(!refused.to_string().ends_with('.') && !refused.hint().ends_with('.'), "{told}");
    assert_eq!(refused.line().is_none(), refused == Refused::NoPath, "{told}");
    refused
}

#[test]
fn no_refusal_tells_a_value() {
    for (text, line, number) in [
        ("a: 'geheim\n", "set a = \"x\"", 2),
        ("x: y\na: geheim: x\n", "set a = \"x\"", 2),
        ("a: *geheim\n", "set a = \"x\"", 1),
        ("x: y\n? a\n: geheim\n", "set a = \"x\"", 2),
        ("a: !!str geheim\n", "set a = \"x\"", 1),
        ("a: &geheim geheim\nb: *geheim\n", "set a = \"x\"", 1),
        ("a: &geheim geheim\nb: *geheim\n", "set b = \"x\"", 2),
        ("a: geheim\n", "set a b = \"geheim\"", 1),
        ("a: [geheim]\n", "set a b = \"geheim\"", 1),
        ("geheim\n", "set a b = \"geheim\"", 1),
        ("[geheim]\n", "set a b = \"geheim\"", 1),
        ("a: geheim\n", "append a = [\"geheim\"]", 1),
        ("a: {b: geheim}\n", "remove a c", 1),
        ("x: y\na:\n- geheim\n", "remove-items a = [7]", 3),
        ("a: !!str geheim\nb: |+\n  geheim\n\n", "set b c = \"geheim\"", 2),
        ("a: b\n--- geheim\n", "set b = \"geheim\"", 2),
        ("a: b\rc: geheim", "set b = \"geheim\"", 1),
    ] {
        assert_eq!(refusal(text, line).line(), Some(number), "{text}");
    }
}

#[test]
fn no_secret_is_shown_for_debugging() {
    let change = change("set users jane = {\"pass\": \"geheim\", \"old\": [\"geheim\", true]}");
    assert_eq!(format!("{change:?}").matches("geheim").count(), 0);
    assert!(format!("{change:?}").contains("pass"));
}

#[test]
fn a_path_is_needed() {
    for change in [
        Change::Set { path: Vec::new(), value: Value::Boolean(true) },
        Change::Remove { path: Vec::new() },
        Change::Append { path: Vec::new(), items: Vec::new() },
        Change::RemoveItems { path: Vec::new(), positions: Vec::new() },
    ] {
        assert_eq!(apply("a: b\n", &[change]), Err(Refused::NoPath));
    }
}

#[test]
fn ten_thousand_users_are_changed_in_no_time() {
    let user =
        |number: usize| format!("  user-{number}:\n    type: plain\n    pass: p{number}\n    groups: [a, b]\n\n");
    let text = format!("credentials:\n{}", (0..10_000).map(user).collect::<String>());
    let began = std::time::Instant::now();
    let path = |number: usize| vec!["credentials".to_owned(), format!("user-{number}")];
    let remove: Vec<_> = (0..10_000).step_by(2).map(|number| Change::Remove { path: path(number) }).collect();
    let removed = apply(&text, &remove).unwrap();
    let left = |number: usize| (number % 2 == 1).then(|| user(number));
    assert_eq!(removed, format!("credentials:\n{}", (0..10_000).filter_map(left).collect::<String>()));
    let value = Value::Mapping(vec![("type".to_owned(), Value::Text("plain".to_owned()))]);
    let set: Vec<_> =
        (0..10_000).step_by(2).map(|number| Change::Set { path: path(number), value: value.clone() }).collect();
    assert_eq!(apply(&removed, &set).unwrap().matches("user-").count(), 10_000);
    // In brackets on one line.
    let items: Vec<String> = (0..20_000).map(|number| number.to_string()).collect();
    let line = format!("a: [{}]\n", items.join(", "));
    let change =
        Change::RemoveItems { path: vec!["a".to_owned()], positions: (0..20_000).filter(|at| at % 3 > 0).collect() };
    assert_eq!(apply(&line, &[change]).unwrap().matches(',').count(), 6_666);
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
}
