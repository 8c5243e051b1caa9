//! What lies at a path: the reverse of `key.rs`.

use crate::oci::{Algorithm, Digest, ImageName, Tag, UploadId};

use super::Key;

/// What lies at a path of a storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The bytes of a blob.
    Blob(Digest),
    /// The link by which an image may serve a blob.
    Layer(ImageName, Digest),
    /// The link by which a manifest exists in an image.
    Revision(ImageName, Digest),
    /// The link by which a tag exists.
    Tag(ImageName, Tag),
    /// A link of a tag's history.
    TagHistory(ImageName, Tag, Digest),
    /// Something of a running upload, in its image.
    Upload(ImageName, UploadId),
    /// Something of an upload's records.
    UploadRecord(UploadId),
    /// The entry of a referrer of a subject.
    Referrer {
        /// The image.
        image: ImageName,
        /// What is referred to.
        subject: Digest,
        /// What refers to it.
        referrer: Digest,
    },
    /// Says that every referrer of an image has an entry.
    ReferrersComplete(ImageName),
    /// Says where the bytes of a blob are.
    Pointer(Digest),
    /// Bytes that one request of an upload brought.
    Part(UploadId),
    /// A blob was used.
    Used(Digest),
    /// What else is kept for collecting garbage, and what was put aside.
    Housekeeping,
}

impl Place {
    /// What lies at a path; `None` where nothing that is known here lies there.
    pub fn of(path: &str) -> Option<Self> {
        if let Some(rest) = below(path, &Key::reference()) {
            return in_reference(rest);
        }
        let parts: Vec<&str> = below(path, &Key::own())?.split('/').collect();
        match parts.as_slice() {
            ["uploads", id, _] => Some(Self::UploadRecord(UploadId::parse(id).ok()?)),
            ["blobs", algorithm, first, hex] => {
                hex.starts_with(first).then_some(())?;
                Some(Self::Pointer(digest(algorithm, hex)?))
            }
            ["parts", id, _] => Some(Self::Part(UploadId::parse(id).ok()?)),
            ["gc", "used", _, _, name] => Some(Self::Used(dashed(name)?)),
            ["gc" | "quarantine", ..] => Some(Self::Housekeeping),
            ["repositories", name @ .., "_referrers", "complete"] => Some(Self::ReferrersComplete(image(name)?)),
            ["repositories", name @ .., "_referrers", "subjects", algorithm, hex, referrer] => Some(Self::Referrer {
                image: image(name)?,
                subject: digest(algorithm, hex)?,
                referrer: dashed(referrer)?,
            }),
            _ => None,
        }
    }
}

fn in_reference(path: &str) -> Option<Place> {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        ["blobs", algorithm, first, hex, "data"] => {
            hex.starts_with(first).then_some(())?;
            Some(Place::Blob(digest(algorithm, hex)?))
        }
        ["repositories", name @ .., "_layers", algorithm, hex, "link"] => {
            Some(Place::Layer(image(name)?, digest(algorithm, hex)?))
        }
        ["repositories", name @ .., "_manifests", "revisions", algorithm, hex, "link"] => {
            Some(Place::Revision(image(name)?, digest(algorithm, hex)?))
        }
        ["repositories", name @ .., "_manifests", "tags", tag, "current", "link"] => {
            Some(Place::Tag(image(name)?, Tag::parse(tag).ok()?))
        }
        ["repositories", name @ .., "_manifests", "tags", tag, "index", algorithm, hex, "link"] => {
            Some(Place::TagHistory(image(name)?, Tag::parse(tag).ok()?, digest(algorithm, hex)?))
        }
        ["repositories", rest @ ..] => {
            let at = rest.iter().position(|part| *part == "_uploads")?;
            Some(Place::Upload(image(&rest[..at])?, UploadId::parse(rest.get(at + 1)?).ok()?))
        }
        _ => None,
    }
}

fn below<'p>(path: &'p str, folder: &Key) -> Option<&'p str> {
    path.strip_prefix(folder.as_str())?.strip_prefix('/')
}

fn image(parts: &[&str]) -> Option<ImageName> {
    ImageName::parse(&parts.join("/")).ok()
}

fn digest(algorithm: &str, hex: &str) -> Option<Digest> {
    Digest::from_hex(Algorithm::parse(algorithm)?, hex).ok()
}

fn dashed(name: &str) -> Option<Digest> {
    let (algorithm, hex) = name.split_once('-')?;
    digest(algorithm, hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_found_again() {
        let image = ImageName::parse("team/app").unwrap();
        let tag = Tag::parse("v1").unwrap();
        let id = UploadId::random();
        let one = Digest::of(Algorithm::Sha256, b"1");
        let two = Digest::of(Algorithm::Sha512, b"2");
        for (key, place) in [
            (Key::blob(&two), Place::Blob(two.clone())),
            (Key::layer(&image, &one), Place::Layer(image.clone(), one.clone())),
            (Key::revision(&image, &two), Place::Revision(image.clone(), two.clone())),
            (Key::tag_current(&image, &tag), Place::Tag(image.clone(), tag.clone())),
            (Key::tag_history(&image, &tag, &one), Place::TagHistory(image.clone(), tag.clone(), one.clone())),
            (Key::upload_data(&image, id), Place::Upload(image.clone(), id)),
            (Key::upload_started_at(&image, id), Place::Upload(image.clone(), id)),
            (Key::upload_session(id), Place::UploadRecord(id)),
            (Key::upload_chunk(id, 7), Place::UploadRecord(id)),
            (
                Key::referrer(&image, &one, &two),
                Place::Referrer { image: image.clone(), subject: one.clone(), referrer: two.clone() },
            ),
            (Key::referrers_complete(&image), Place::ReferrersComplete(image.clone())),
            (Key::pointer(&two), Place::Pointer(two.clone())),
            (Key::part(id, 0, "a"), Place::Part(id)),
            (Key::used_note(id, &two), Place::Used(two.clone())),
            (Key::clock(id), Place::Housekeeping),
            (Key::quarantine(&one, id), Place::Housekeeping),
        ] {
            assert_eq!(Place::of(key.as_str()), Some(place), "{key}");
        }
    }

    #[test]
    fn what_is_not_ours_is_not_taken_for_ours() {
        let hex = "ab".repeat(32);
        for path in [
            "lost+found/x".to_owned(),
            format!("docker/registry/v2/blobs/sha256/cd/{hex}/data"),
            format!("docker/registry/v2/blobs/sha256/ab/{hex}/data#1"),
            "docker/registry/v2/blobs/sha256/ab/abab/data".to_owned(),
            format!("docker/registry/v2/repositories/UPPER/_layers/sha256/{hex}/link"),
            "docker/registry/v2/repositories/a/_uploads".to_owned(),
            "portolan/v2/x".to_owned(),
        ] {
            assert_eq!(Place::of(&path), None, "{path}");
        }
    }
}
