//! The JSON Schemas of the files, made from the tables.

use serde_json::{Map, Value, json};

use super::{CREDENTIALS, Object, REGISTRY, REPOSITORY, STORAGES, Shape};
use crate::policy::OPERATION_WORDS;

/// The names of the schemas.
pub const SCHEMA_NAMES: &[&str] = &["repository", "credentials", "storages", "registry"];

/// The JSON Schema (draft 7, which editors know best) of a kind of file.
pub fn schema(name: &str) -> Option<Value> {
    let (shape, title) = match name {
        "repository" => (&REPOSITORY, "A repository of Portolan: repos/**.yaml"),
        "credentials" => (&CREDENTIALS, "The users of Portolan: credentials.yaml"),
        "storages" => (&STORAGES, "The storages of Portolan: storages.yaml"),
        "registry" => (&REGISTRY, "The settings of Portolan: registry.yaml"),
        _ => return None,
    };
    let mut schema = of(shape);
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!(title);
    Some(schema)
}

fn of(shape: &Shape) -> Value {
    match shape {
        Shape::Text | Shape::Password => json!({"type": "string"}),
        Shape::Secret => json!({"anyOf": [
            {"type": "string"},
            {"type": "object", "properties": {"env": reference("An environment variable.")},
                "required": ["env"], "additionalProperties": false},
            {"type": "object", "properties": {"file": reference("A file, relative to this folder.")},
                "required": ["file"], "additionalProperties": false},
        ]}),
        Shape::Permission => json!({"anyOf": [
            {"enum": OPERATION_WORDS},
            {"type": "string", "pattern": "^(repository|registry):", "description":
                "`repository:NAME:ACTION`, `repository:NAME:TAG:ACTION`, `registry:base:*` or `registry:catalog:*`."},
        ]}),
        Shape::Boolean => json!({"type": "boolean"}),
        Shape::Integer { min, max } => json!({"type": "integer", "minimum": min, "maximum": max}),
        Shape::Choice(choice) => json!({"enum": choice.values}),
        Shape::List(item) => json!({"type": "array", "items": of(item)}),
        Shape::Map { keys, value } => {
            json!({"type": "object", "propertyNames": {"description": keys}, "additionalProperties": of(value)})
        }
        Shape::Object(object) => of_object(object, None),
        Shape::Typed(typed) => {
            let variants: Vec<_> =
                typed.variants.iter().map(|(name, doc, object)| of_object(object, Some((name, doc)))).collect();
            json!({"oneOf": variants})
        }
        Shape::Either { scalar, mapping } => json!({"anyOf": [of(scalar), of(mapping)]}),
    }
}

fn reference(doc: &str) -> Value {
    json!({"type": "string", "minLength": 1, "description": doc})
}

/// `kind` is the value of `type` and its description.
fn of_object(object: &Object, kind: Option<(&str, &str)>) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    let mut schema = json!({"type": "object", "additionalProperties": false});
    if let Some((name, doc)) = kind {
        properties.insert("type".to_owned(), json!({"const": name, "description": doc}));
        required.push("type");
        schema["description"] = json!(doc);
    }
    for key in object.keys {
        let mut property = of(&key.shape);
        if key.may_be_empty {
            property = json!({"anyOf": [property, {"type": "null"}]});
        }
        property["description"] = json!(key.doc);
        if let Some(default) = key.default.and_then(|json| serde_json::from_str::<Value>(json).ok()) {
            property["default"] = default;
        }
        properties.insert(key.name.to_owned(), property);
        if key.required {
            required.push(key.name);
        }
    }
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema["properties"] = Value::Object(properties);
    schema
}
