//! The words of Artipie's permissions in ours.

use crate::policy::{What, parse_permission};

/// What is told where `*` is carried over.
pub(super) const ALSO_DELETES: &str = "`*` also allows deleting here, for which Artipie has no permission";

/// A permission of a repository's file of the older generation, where it means the same here.
///
/// # Errors
/// Why it cannot be said.
pub(super) fn older(text: &str) -> Result<String, String> {
    let what = parse_permission(text).map_err(|error| error.to_string())?;
    let images = what.iter().find_map(|what| match what {
        What::Images { images, tags, .. } => Some((images, tags)),
        What::Base | What::Catalog => None,
    });
    match images {
        Some((_, Some(_))) => Err("Artipie knows no permission with a tag".to_owned()),
        Some((images, None)) if !images.is_everything() => image(images.as_str()).map(|_| text.to_owned()),
        _ => Ok(text.to_owned()),
    }
}

/// What an image is called, or `*` for all: Artipie knows no other patterns.
///
/// # Errors
/// Why it cannot be said.
pub(super) fn image(name: &str) -> Result<&str, String> {
    match name {
        "*" => Ok(name),
        _ if name.contains('*') => {
            Err(format!("`{name}` is no pattern there but a name, which no image can have; here it would match more"))
        }
        _ => parse_permission(&format!("repository:{name}:pull")).map(|_| name).map_err(|error| error.to_string()),
    }
}

/// What may be done with an image, in one entry.
///
/// # Errors
/// Why it cannot be said.
pub(super) fn repository(image: &str, action: &str) -> Result<String, String> {
    match action {
        "*" | "pull" | "push" | "overwrite" | "delete" => Ok(format!("repository:{image}:{action}")),
        other => Err(format!("there is no action `{other}`")),
    }
}

/// What may be done with a repository as a whole.
///
/// # Errors
/// Why it cannot be said.
pub(super) fn registry(action: &str) -> Result<Vec<String>, String> {
    let entry = |name: &str| format!("registry:{name}:*");
    match action {
        "base" | "catalog" => Ok(vec![entry(action)]),
        "*" => Ok(vec![entry("base"), entry("catalog")]),
        other => Err(format!("there is no action `{other}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_means_the_same_is_taken() {
        for text in ["read", "deploy", "*", "repository:my-alpine:*", "repository:*:pull", "registry:catalog:*"] {
            assert_eq!(older(text).as_deref(), Ok(text));
        }
        for text in ["reed", "repository:app*:pull", "repository:app:v*:push", "repository:App:pull", "x:y:z"] {
            assert!(older(text).is_err(), "{text}");
        }
        assert_eq!(registry("*").unwrap(), ["registry:base:*", "registry:catalog:*"]);
    }
}
