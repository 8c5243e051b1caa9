//! The schemas are those that are checked in, and say the same as the checker.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::super::report::Report;
use super::super::yaml::{self, Node, ScalarType};
use super::{CREDENTIALS, REGISTRY, REPOSITORY, SCHEMA_NAMES, STORAGES, Shape, check, schema};

const SAMPLES: [(&str, &Shape, &str); 5] = [
    ("repository", &REPOSITORY, include_str!("../../../tests/data/config/repository.yaml")),
    ("repository", &REPOSITORY, include_str!("../../../tests/data/config/repository-in-place.yaml")),
    ("credentials", &CREDENTIALS, include_str!("../../../tests/data/config/credentials.yaml")),
    ("storages", &STORAGES, include_str!("../../../tests/data/config/storages.yaml")),
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
