//! The JSON Schemas of the files, made from the tables.

use serde_json::{Map, Value, json};

use super::{CREDENTIALS, Object, REGISTRY, REPOSITORY, STORAGES, Shape, TESTS};
use crate::policy::{Action, ActionSet, OPERATION_WORDS, What, simple_operation};

/// The names of the schemas.
pub const SCHEMA_NAMES: &[&str] = &["repository", "credentials", "storages", "registry", "tests"];

/// The JSON Schema (draft 7, which editors know best) of a kind of file.
pub fn schema(name: &str) -> Option<Value> {
    let (shape, title) = match name {
        "repository" => (&REPOSITORY, "A repository of Portolan: repos/**.yaml"),
        "credentials" => (&CREDENTIALS, "The users of Portolan: credentials.yaml"),
        "storages" => (&STORAGES, "The storages of Portolan: storages.yaml"),
        "registry" => (&REGISTRY, "The settings of Portolan: registry.yaml"),
        "tests" => (&TESTS, "Access tests of Portolan: tests/**.yaml"),
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
            {"enum": OPERATION_WORDS, "enumDescriptions": OPERATION_WORDS.map(operation_doc),
                "description": "A simple word, for every image of the repository."},
            {"type": "string", "pattern": "^(repository|registry):", "description": GRANULAR_DOC,
                "examples": GRANULAR_EXAMPLES},
        ]}),
        Shape::Boolean => json!({"type": "boolean"}),
        Shape::Integer { min, max } => json!({"type": "integer", "minimum": min, "maximum": max}),
        Shape::Choice(choice) => json!({"enum": choice.values, "enumDescriptions": choice.docs}),
        Shape::List(item) => json!({"type": "array", "items": of(item)}),
        Shape::Filled(item) => json!({"type": "array", "items": of(item), "minItems": 1}),
        Shape::OneOrMore(item) => json!({"anyOf": [of(item), of(&Shape::Filled(item))]}),
        Shape::Map { keys, known, value } => {
            let described = |doc: &str| {
                let mut schema = of(value);
                schema["description"] = json!(doc);
                schema
            };
            let known: Map<_, _> = known.iter().map(|(key, doc)| ((*key).to_owned(), described(doc))).collect();
            json!({"type": "object", "propertyNames": {"description": keys}, "properties": known,
                "additionalProperties": described(keys)})
        }
        Shape::Object(object) => of_object(object, None),
        Shape::Typed(typed) => {
            // A choice of whole objects would let editors offer one type alone.
            let variants = typed.variants.iter().map(|(name, doc, object)| {
                let if_so = json!({"properties": {"type": {"const": name}}, "required": ["type"]});
                json!({"if": if_so, "then": of_object(object, Some((name, doc)))})
            });
            let mut types = of(&Shape::Choice(typed.types));
            types["description"] = json!("What kind it is; the other keys depend on it.");
            json!({"type": "object", "properties": {"type": types}, "required": ["type"],
                "allOf": variants.collect::<Vec<_>>()})
        }
        Shape::Either { scalar, mapping } => json!({"anyOf": [of(scalar), of(mapping)]}),
    }
}

fn reference(doc: &str) -> Value {
    json!({"type": "string", "minLength": 1, "description": doc})
}

const GRANULAR_DOC: &str = "A granular permission. `repository:NAME:ACTION` allows pull, push, overwrite, delete or * on \
    matching images; NAME is the name below the prefix, with * inside one component and ** for whole ones. \
    `repository:NAME:TAG:ACTION` limits it to matching tags (not for pull). `registry:catalog:*` lists all image names \
    of the repository, `registry:base:*` signs in.";

const GRANULAR_EXAMPLES: [&str; 5] = [
    "repository:app:pull",
    "repository:team/**:push",
    "repository:app:v*:push",
    "registry:catalog:*",
    "registry:base:*",
];

/// What a simple word of a permissions section allows, for people.
fn operation_doc(word: &str) -> &'static str {
    let what = simple_operation(word).unwrap_or_default();
    let actions = what.iter().find_map(|what| match what {
        What::Images { actions, .. } => Some(*actions),
        What::Base | What::Catalog => None,
    });
    match actions {
        Some(ActionSet::ALL) => "Everything.",
        Some(actions) if actions.contains(Action::Pull) => "Pull: manifests, blobs, the tag list, the referrers.",
        Some(actions) if actions.contains(Action::Push) => "Push, and replace tags that exist.",
        Some(actions) if actions.contains(Action::Delete) => "Delete tags, manifests and blobs.",
        _ => "",
    }
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
        let examples: Vec<Value> = key.examples.iter().filter_map(|json| serde_json::from_str(json).ok()).collect();
        if !examples.is_empty() {
            property["examples"] = json!(examples);
        }
        properties.insert(key.name.to_owned(), property);
        if key.required {
            required.push(key.name);
        }
    }
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    let any_of: Vec<_> =
        object.keys.iter().filter(|key| key.any_of).map(|key| json!({"required": [key.name]})).collect();
    if !any_of.is_empty() {
        schema["anyOf"] = json!(any_of);
    }
    schema["properties"] = Value::Object(properties);
    schema
}
