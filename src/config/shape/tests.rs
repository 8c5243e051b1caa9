//! The schemas are those that are checked in, and say the same as the checker.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::super::report::Report;
use super::super::yaml::{self, Node, ScalarType};
use super::{CREDENTIALS, Object, REGISTRY, REPOSITORY, SCHEMA_NAMES, STORAGES, Shape, TESTS, check, schema};

const SAMPLES: [(&str, &Shape, &str); 6] = [
    ("repository", &REPOSITORY, include_str!("../../../tests/data/config/repository.yaml")),
    ("repository", &REPOSITORY, include_str!("../../../tests/data/config/repository-in-place.yaml")),
    ("credentials", &CREDENTIALS, include_str!("../../../tests/data/config/credentials.yaml")),
    ("storages", &STORAGES, include_str!("../../../tests/data/config/storages.yaml")),
    ("tests", &TESTS, include_str!("../../../tests/data/config/tests.yaml")),
    ("registry", &REGISTRY, include_str!("../../../tests/data/config/registry.yaml")),
];

#[test]
fn the_schemas_are_checked_in() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    for name in SCHEMA_NAMES {
        let file = folder.join(format!("{name}.schema.json"));
        let made = format!("{:#}\n", schema(name).unwrap());
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&file, &made).unwrap();
        }
        let found = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(found == made, "{} is not what the tables say: run the test with UPDATE_SCHEMAS=1", file.display());
    }
    assert!(schema("other").is_none());
}

/// Every sample, and every sample with one thing changed at one place, is judged alike by the schema and
/// by the checker.
#[test]
fn schema_and_checker_agree() {
    let replacements =
        [json!(null), json!(true), json!(7), json!(1.5), json!("read"), json!([]), json!({}), json!([[]])];
    let (mut good, mut bad) = (0, 0);
    for (name, shape, text) in SAMPLES {
        let validator = jsonschema::validator_for(&schema(name).unwrap()).unwrap();
        let sample = to_json(yaml::read(text).root.as_ref().unwrap());
        assert!(accepts(shape, &sample) && validator.is_valid(&sample), "{name}");
        let mut judge = |changed: &Value| {
            let checked = accepts(shape, changed);
            assert_eq!(checked, validator.is_valid(changed), "{name}: {changed}");
            *(if checked { &mut good } else { &mut bad }) += 1;
        };
        for pointer in pointers(&sample) {
            for replacement in &replacements {
                let mut changed = sample.clone();
                *changed.pointer_mut(&pointer).unwrap() = replacement.clone();
                judge(&changed);
            }
            let Some((parent, key)) = pointer.rsplit_once('/') else { continue };
            let mut changed = sample.clone();
            if let Some(Value::Object(parent)) = changed.pointer_mut(parent)
                && let Some(value) = parent.remove(&key.replace("~1", "/").replace("~0", "~"))
            {
                parent.insert(format!("{key}x"), value);
                judge(&changed);
                changed
                    .pointer_mut(pointer.rsplit_once('/').unwrap().0)
                    .unwrap()
                    .as_object_mut()
                    .unwrap()
                    .remove(&format!("{key}x"));
                judge(&changed);
            }
        }
    }
    assert!(good > 100 && bad > 300, "{good} good, {bad} bad");
}

/// Whoever points at a key, or is offered one, reads what it means; the same for words to choose from.
#[test]
fn everything_is_described() {
    for name in SCHEMA_NAMES {
        let mut properties = 0;
        let schema = schema(name).unwrap();
        let validator = |schema: &Value| jsonschema::validator_for(schema).unwrap();
        visit(&schema, &mut |at| {
            for (key, property) in at["properties"].as_object().into_iter().flatten() {
                properties += 1;
                let doc = property["description"].as_str().unwrap_or_default();
                assert!(doc.len() > 8 && doc.ends_with('.'), "{name}: {key}: {doc}");
            }
            if at["additionalProperties"].is_object() {
                assert!(at["additionalProperties"]["description"].is_string(), "{name}: {at}");
            }
            if let Some(words) = at["enum"].as_array() {
                let docs = at["enumDescriptions"].as_array().map_or(0, |docs| {
                    docs.iter().filter(|doc| doc.as_str().is_some_and(|doc| doc.ends_with('.'))).count()
                });
                assert_eq!(words.len(), docs, "{name}: {at}");
            }
            for example in at["examples"].as_array().into_iter().flatten().chain(at.get("default")) {
                assert!(validator(at).is_valid(example), "{name}: {example} is no example of {at}");
            }
        });
        assert!(properties > 0, "{name}");
    }
    // An example that is not JSON would be left out.
    fn keys(object: &'static Object, seen: &mut usize) {
        for key in object.keys {
            for json in key.examples.iter().copied().chain(key.default) {
                assert!(serde_json::from_str::<Value>(json).is_ok(), "{}: {json}", key.name);
                *seen += 1;
            }
            below(&key.shape, seen);
        }
    }
    fn below(shape: &'static Shape, seen: &mut usize) {
        match shape {
            Shape::Object(object) => keys(object, seen),
            Shape::Typed(typed) => typed.variants.iter().for_each(|(_, _, object)| keys(object, seen)),
            Shape::List(item) | Shape::Filled(item) | Shape::OneOrMore(item) => below(item, seen),
            Shape::Map { value, .. } => below(value, seen),
            Shape::Either { mapping, .. } => below(mapping, seen),
            _ => {}
        }
    }
    let mut seen = 0;
    [&REPOSITORY, &CREDENTIALS, &STORAGES, &REGISTRY, &TESTS].iter().for_each(|shape| below(shape, &mut seen));
    assert!(seen > 40, "{seen}");
}

fn visit(schema: &Value, look: &mut impl FnMut(&Value)) {
    match schema {
        Value::Object(map) => {
            look(schema);
            map.iter()
                .filter(|(key, _)| !matches!(key.as_str(), "default" | "examples" | "if"))
                .for_each(|(_, below)| visit(below, look));
        }
        Value::Array(items) => items.iter().for_each(|item| visit(item, look)),
        _ => {}
    }
}

fn accepts(shape: &'static Shape, value: &Value) -> bool {
    let text = value.to_string();
    let document = yaml::read(&text);
    let mut report = Report::new(&"sample".into());
    check(&document.root.unwrap(), shape, true, &mut report);
    assert_eq!(document.problems, []);
    !report.has_errors()
}

fn pointers(value: &Value) -> Vec<String> {
    let mut found = vec![String::new()];
    let below = |at: String, child: &Value| {
        pointers(child).into_iter().map(move |rest| format!("{at}{rest}")).collect::<Vec<_>>()
    };
    match value {
        Value::Object(map) => {
            for (key, child) in map {
                found.extend(below(format!("/{}", key.replace('~', "~0").replace('/', "~1")), child));
            }
        }
        Value::Array(items) => {
            for (index, child) in items.iter().enumerate() {
                found.extend(below(format!("/{index}"), child));
            }
        }
        _ => {}
    }
    found
}

fn to_json(node: &Node<'_>) -> Value {
    match &node.value {
        yaml::Value::Sequence(items) => items.iter().map(to_json).collect(),
        yaml::Value::Mapping(pairs) => {
            let pairs = pairs.iter().map(|(key, value)| (key.text().unwrap().to_owned(), to_json(value)));
            Value::Object(pairs.collect::<Map<_, _>>())
        }
        yaml::Value::Scalar(scalar) => match scalar.kind {
            ScalarType::Null | ScalarType::Unknown => Value::Null,
            ScalarType::Boolean => json!(node.boolean().unwrap()),
            ScalarType::Integer => json!(node.integer().unwrap()),
            ScalarType::Float => json!(scalar.text.parse::<f64>().unwrap()),
            ScalarType::String => json!(scalar.text),
        },
    }
}
