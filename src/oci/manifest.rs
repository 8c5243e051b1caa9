//! Manifests: what a registry has to understand of them, and nothing more.

use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};

use super::field_case::resembling_field;
use super::{Digest, MediaType};

/// The largest manifest that is accepted, in bytes (OCI distribution specification 1.1, "Pushing
/// Manifests": registries should accept at least 4 MiB).
pub const MANIFEST_MAX_BYTES: usize = 4 * 1024 * 1024;

/// What a manifest points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// Media type of the target, as written.
    pub media_type: String,
    /// Digest of the target.
    pub digest: Digest,
    /// Size of the target in bytes.
    pub size: u64,
}

/// Which of the two shapes a manifest has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManifestKind {
    /// A configuration and layers; all of them blobs.
    Image {
        /// The configuration blob. Absent in artifact manifests of the 1.1 release candidates.
        config: Option<Descriptor>,
        /// The layers (or an artifact manifest's blobs).
        layers: Vec<Descriptor>,
    },
    /// An index or list of further manifests.
    Index {
        /// The child manifests.
        manifests: Vec<Descriptor>,
    },
}

/// A manifest that was read and found consistent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The media type under which it was pushed.
    pub media_type: MediaType,
    /// The shape.
    pub kind: ManifestKind,
    /// The manifest that this one refers to.
    pub subject: Option<Descriptor>,
    /// `artifactType`, or else the media type of an image's configuration: what the referrers
    /// API lists (OCI distribution specification 1.1, "Listing Referrers").
    pub artifact_type: Option<String>,
    /// Annotations, which the referrers API repeats.
    pub annotations: BTreeMap<String, String>,
}

/// Why bytes are no manifest of the media type they were pushed under.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadManifest {
    /// A media type that no rule here understands.
    #[error(
        "`{0}` is not the media type of a manifest: use an OCI manifest or index, or a Docker schema 2 manifest or list"
    )]
    MediaType(String),
    /// Not JSON, or not of the expected shape.
    #[error("the manifest cannot be read: {0}")]
    Json(String),
    /// `schemaVersion` is not 2.
    #[error("the manifest must have `\"schemaVersion\": 2`")]
    SchemaVersion,
    /// `mediaType` in the body says something else than `Content-Type`.
    #[error("the manifest says `{body}` in `mediaType`, but was sent as `{header}`")]
    MediaTypeMismatch {
        /// In the body.
        body: String,
        /// In the header.
        header: String,
    },
    /// The body could be read as an image manifest and as an index (CVE-2021-41190).
    #[error("a manifest of type `{media_type}` cannot have `{field}`")]
    Ambiguous {
        /// The media type it was sent under.
        media_type: String,
        /// The field of the other shape.
        field: &'static str,
    },
    /// A field differs from one that is read here in case alone. Many readers, Go's among them, take it
    /// for that one.
    #[error("`{0}` must be written exactly like the field that it resembles")]
    Case(String),
    /// A field that the shape demands is absent.
    #[error("the manifest has no `{0}`")]
    Missing(&'static str),
    /// A descriptor's digest is malformed.
    #[error("`{field}` has a digest that is not valid: {why}")]
    Digest {
        /// Where it stands.
        field: &'static str,
        /// What is wrong.
        why: String,
    },
}

/// The most characters of a manifest that an error repeats.
const REPEATED_MAX_CHARS: usize = 200;

/// The beginning of a text that a client sent, to be repeated to it.
fn beginning(text: &str) -> String {
    match text.char_indices().nth(REPEATED_MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawManifest<'a> {
    schema_version: Option<u64>,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<RawDescriptor>,
    layers: Option<Vec<RawDescriptor>>,
    blobs: Option<Vec<RawDescriptor>>,
    manifests: Option<Vec<RawDescriptor>>,
    #[serde(borrow)]
    fs_layers: Option<&'a RawValue>,
    subject: Option<RawDescriptor>,
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDescriptor {
    media_type: Option<String>,
    digest: String,
    size: u64,
}

impl Manifest {
    /// Reads a manifest that was sent under a media type.
    ///
    /// The media type alone decides which shape is read, and a body that has a field of the other
    /// shape is refused, so that two readers never see two images in one body.
    ///
    /// # Errors
    /// Says what is wrong, in words for the person who pushed it.
    pub fn parse(media_type: &MediaType, body: &[u8]) -> Result<Self, BadManifest> {
        let is_index = match media_type.as_str() {
            MediaType::OCI_MANIFEST | MediaType::DOCKER_MANIFEST | MediaType::OCI_ARTIFACT => false,
            MediaType::OCI_INDEX | MediaType::DOCKER_LIST => true,
            other => return Err(BadManifest::MediaType(other.to_owned())),
        };
        let raw: RawManifest<'_> =
            serde_json::from_slice(body).map_err(|error| BadManifest::Json(beginning(&error.to_string())))?;
        match resembling_field(body) {
            Ok(None) => {}
            Ok(Some(field)) => return Err(BadManifest::Case(beginning(&field))),
            Err(error) => return Err(BadManifest::Json(beginning(&error.to_string()))),
        }
        let is_artifact = media_type.as_str() == MediaType::OCI_ARTIFACT;
        if raw.schema_version != Some(2) && !(is_artifact && raw.schema_version.is_none()) {
            return Err(BadManifest::SchemaVersion);
        }
        if let Some(body) = &raw.media_type
            && body != media_type.as_str()
        {
            return Err(BadManifest::MediaTypeMismatch {
                body: beginning(body),
                header: media_type.as_str().to_owned(),
            });
        }
        let foreign = [
            ("manifests", !is_index && raw.manifests.is_some()),
            ("layers", (is_index || is_artifact) && raw.layers.is_some()),
            ("config", (is_index || is_artifact) && raw.config.is_some()),
            ("blobs", !is_artifact && raw.blobs.is_some()),
            ("fsLayers", raw.fs_layers.is_some()),
        ];
        if let Some((field, _)) = foreign.into_iter().find(|(_, present)| *present) {
            return Err(BadManifest::Ambiguous { media_type: media_type.as_str().to_owned(), field });
        }
        let kind = if is_index {
            let manifests = raw.manifests.ok_or(BadManifest::Missing("manifests"))?;
            ManifestKind::Index { manifests: descriptors("manifests", manifests)? }
        } else if is_artifact {
            ManifestKind::Image { config: None, layers: descriptors("blobs", raw.blobs.unwrap_or_default())? }
        } else {
            let config = raw.config.ok_or(BadManifest::Missing("config"))?;
            let layers = raw.layers.ok_or(BadManifest::Missing("layers"))?;
            ManifestKind::Image { config: Some(descriptor("config", config)?), layers: descriptors("layers", layers)? }
        };
        let config_type = match &kind {
            ManifestKind::Image { config: Some(config), .. } => Some(config.media_type.clone()),
            _ => None,
        };
        Ok(Self {
            media_type: media_type.clone(),
            subject: raw.subject.map(|subject| descriptor("subject", subject)).transpose()?,
            artifact_type: raw.artifact_type.filter(|text| !text.is_empty()).or(config_type),
            annotations: raw.annotations.unwrap_or_default(),
            kind,
        })
    }

    /// Finds out under which media type stored bytes were pushed: from their `mediaType`, or, where
    /// an OCI manifest leaves that out, from their shape.
    pub fn sniff(body: &[u8]) -> Option<MediaType> {
        let raw: RawManifest<'_> = serde_json::from_slice(body).ok()?;
        match raw.media_type {
            Some(media_type) => MediaType::parse(&media_type),
            None if raw.manifests.is_some() => MediaType::parse(MediaType::OCI_INDEX),
            None => MediaType::parse(MediaType::OCI_MANIFEST),
        }
    }

    /// The blobs that must be in the image before the manifest may be pushed: all but
    /// non-distributable layers (OCI image specification, "Non-Distributable Layers").
    pub fn required_blobs(&self) -> impl Iterator<Item = &Descriptor> {
        self.blobs().filter(|blob| !blob.is_non_distributable())
    }

    /// Every blob that the manifest names.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        let (config, layers) = match &self.kind {
            ManifestKind::Image { config, layers } => (config.as_ref(), layers.as_slice()),
            ManifestKind::Index { .. } => (None, [].as_slice()),
        };
        config.into_iter().chain(layers)
    }

    /// The digests of the child manifests of an index, each once, however often it is listed.
    pub fn child_digests(&self) -> BTreeSet<Digest> {
        self.children().iter().map(|child| child.digest.clone()).collect()
    }

    /// The child manifests of an index.
    pub fn children(&self) -> &[Descriptor] {
        match &self.kind {
            ManifestKind::Index { manifests } => manifests,
            ManifestKind::Image { .. } => &[],
        }
    }
}

impl Descriptor {
    fn is_non_distributable(&self) -> bool {
        self.media_type.starts_with("application/vnd.oci.image.layer.nondistributable.")
            || self.media_type.starts_with("application/vnd.docker.image.rootfs.foreign.")
    }
}

fn descriptors(field: &'static str, raw: Vec<RawDescriptor>) -> Result<Vec<Descriptor>, BadManifest> {
    raw.into_iter().map(|raw| descriptor(field, raw)).collect()
}

fn descriptor(field: &'static str, raw: RawDescriptor) -> Result<Descriptor, BadManifest> {
    let digest = Digest::parse(&raw.digest).map_err(|error| BadManifest::Digest { field, why: error.to_string() })?;
    Ok(Descriptor { media_type: raw.media_type.unwrap_or_default(), digest, size: raw.size })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(media_type: &str, body: &str) -> Result<Manifest, BadManifest> {
        Manifest::parse(&MediaType::parse(media_type).unwrap(), body.as_bytes())
    }

    fn target(media_type: &str) -> String {
        format!(r#"{{"mediaType":"{media_type}","digest":"sha256:{}","size":3}}"#, "a".repeat(64))
    }

    #[test]
    fn reads_an_image_and_an_index() {
        let config = target("application/vnd.oci.image.config.v1+json");
        let layer = target("application/vnd.oci.image.layer.nondistributable.v1.tar");
        let image = format!(r#"{{"schemaVersion":2,"config":{config},"layers":[{layer}],"subject":{config}}}"#);
        let image = parse(MediaType::OCI_MANIFEST, &image).unwrap();
        assert_eq!(image.required_blobs().count(), 1);
        assert_eq!(image.blobs().count(), 2);
        assert_eq!(image.artifact_type.as_deref(), Some("application/vnd.oci.image.config.v1+json"));
        assert!(image.subject.is_some());

        let index = format!(r#"{{"schemaVersion":2,"manifests":[{config}]}}"#);
        assert_eq!(parse(MediaType::OCI_INDEX, &index).unwrap().children().len(), 1);
    }

    #[test]
    fn one_body_is_never_both_image_and_index() {
        let config = target("application/vnd.oci.image.config.v1+json");
        let both = format!(r#"{{"schemaVersion":2,"config":{config},"layers":[],"manifests":[]}}"#);
        for media_type in [MediaType::OCI_MANIFEST, MediaType::OCI_INDEX, MediaType::DOCKER_LIST] {
            assert!(matches!(parse(media_type, &both), Err(BadManifest::Ambiguous { .. })), "{media_type}");
        }
        let says_index =
            format!(r#"{{"schemaVersion":2,"mediaType":"{}","config":{config},"layers":[]}}"#, MediaType::OCI_INDEX);
        assert!(matches!(parse(MediaType::OCI_MANIFEST, &says_index), Err(BadManifest::MediaTypeMismatch { .. })));
    }

    #[test]
    fn refuses_what_is_no_manifest() {
        for body in ["", "null", "[]", "{", r#"{"schemaVersion":1}"#, r#"{"schemaVersion":2}"#, &"[".repeat(100_000)] {
            assert!(parse(MediaType::OCI_MANIFEST, body).is_err(), "{}", &body[..body.len().min(40)]);
        }
        assert!(matches!(parse("application/json", "{}"), Err(BadManifest::MediaType(_))));
        let bad = r#"{"schemaVersion":2,"config":{"mediaType":"a/b","digest":"sha256:00","size":1},"layers":[]}"#;
        assert!(matches!(parse(MediaType::OCI_MANIFEST, bad), Err(BadManifest::Digest { field: "config", .. })));
    }
}
