//! Finding fields of a manifest that are written almost like those that are read here.

use std::fmt;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The fields that are read of manifests and descriptors.
const FIELDS: [&str; 12] = [
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "blobs",
    "manifests",
    "fsLayers",
    "subject",
    "annotations",
    "digest",
    "size",
];

/// The fields that hold descriptors.
const WITH_DESCRIPTORS: [&str; 5] = ["config", "layers", "blobs", "manifests", "subject"];

/// The first field of a manifest, or of a descriptor in it, that differs in case alone from one that is
/// read here. Go's reader, which most clients use, takes it for that one, and so sees other content.
pub(super) fn resembling_field(body: &[u8]) -> Result<Option<String>, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_slice(body);
    Fields.deserialize(&mut json)
}

/// Walks through the fields of a value.
struct Fields;

impl<'de> DeserializeSeed<'de> for Fields {
    type Value = Option<String>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Fields {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a part of a manifest")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(field) = map.next_key::<String>()? {
            if WITH_DESCRIPTORS.contains(&field.as_str()) {
                found = found.or(map.next_value_seed(Self)?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
            if found.is_none() && resembles(&field) {
                found = Some(field);
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(item) = items.next_element_seed(Self)? {
            found = found.or(item);
        }
        Ok(found)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

fn resembles(field: &str) -> bool {
    // Up and down again, as Go does: that also brings the long s and the Kelvin sign to their letters.
    let fold = |text: &str| text.to_uppercase().to_lowercase();
    !FIELDS.contains(&field) && FIELDS.iter().any(|known| fold(known) == fold(field))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_fields_that_differ_in_case_alone() {
        let found = |body: &str| resembling_field(body.as_bytes()).unwrap();
        assert_eq!(found(r#"{"schemaVersion":2,"Layers":[]}"#).as_deref(), Some("Layers"));
        assert_eq!(found("{\"manifest\u{17f}\":[]}").as_deref(), Some("manifest\u{17f}"));
        assert_eq!(found(r#"{"manifests":[{"digest":"a"},{"DIGEST":"b"}]}"#).as_deref(), Some("DIGEST"));
        assert_eq!(found(r#"{"subject":{"mediatype":"a"},"x":1}"#).as_deref(), Some("mediatype"));
        // What is not read may be called whatever it likes.
        let free =
            r#"{"annotations":{"Digest":"a"},"x":{"Config":1},"config":{"platform":{"SIZE":true}},"layer":[1.5]}"#;
        assert_eq!(found(free), None);
        assert!(resembling_field(b"{").is_err());
    }
}
