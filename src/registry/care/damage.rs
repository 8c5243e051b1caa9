//! What can be wrong in a storage, and what follows from it.

use std::fmt;

use crate::oci::Digest;

/// What is wrong with something.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case", tag = "damage")]
pub enum Damage {
    /// The bytes of a blob are not those of its digest.
    BlobAltered,
    /// A manifest says that a blob has more bytes than it has, though these have its digest.
    SizeWrong {
        /// The blob.
        blob: Digest,
        /// How many it has.
        size: u64,
        /// How many the manifest says.
        stated: u64,
    },
    /// The bytes of a blob are not all where its pointer says, or the pointer cannot be read.
    PartsMissing {
        /// Why.
        why: String,
    },
    /// Bytes were put aside earlier.
    Quarantined,
    /// A link holds something else than the digest of its path.
    LinkWrong,
    /// A link of a tag holds no digest.
    TagWrong,
    /// An image's link to a blob that does not exist, and that no manifest names.
    LayerDangling,
    /// A manifest whose bytes do not exist.
    ManifestMissing,
    /// A manifest whose bytes are no manifest.
    ManifestUnreadable {
        /// Why.
        why: String,
    },
    /// A tag that points to a manifest which the image does not have.
    TagDangling {
        /// The manifest.
        target: Digest,
    },
    /// A manifest names a blob that does not exist.
    BlobMissing {
        /// The blob.
        blob: Digest,
    },
    /// A manifest names a blob that the image has no link to.
    BlobUnlinked {
        /// The blob.
        blob: Digest,
    },
    /// An index lists a manifest that the image does not have.
    ChildMissing {
        /// The child.
        child: Digest,
    },
    /// An entry of the index of referrers for a manifest that the image does not have.
    ReferrerDangling,
    /// What a killed process left half written.
    HalfWritten,
    /// Something of an upload that has no session.
    UploadLeft,
    /// What is not known here.
    Unknown,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// Where, as the path in the storage.
    pub path: String,
    /// What.
    #[serde(flatten)]
    pub damage: Damage,
    /// Whether it was mended.
    pub repaired: bool,
}

impl Damage {
    /// Whether anything that was acknowledged cannot be had any more, or might not be. What else is found is
    /// only in the way.
    pub fn is_harmful(&self) -> bool {
        !matches!(
            self,
            Self::LayerDangling
                | Self::SizeWrong { .. }
                | Self::ReferrerDangling
                | Self::HalfWritten
                | Self::UploadLeft
                | Self::Unknown
                | Self::Quarantined
        )
    }

    /// What follows from it, and what mends it.
    pub fn consequence(&self) -> &'static str {
        match self {
            Self::BlobAltered => {
                "pulls of it fail; `--repair` puts the bytes aside, and pushing it again brings it back"
            }
            Self::SizeWrong { .. } => {
                "it was pushed so, and is served so; clients that compare sizes refuse it until a right manifest is pushed"
            }
            Self::PartsMissing { .. } => "pulls of it fail; push it again",
            Self::Quarantined => "look at it, and remove it",
            Self::LinkWrong => "other programs that serve this storage fail; `--repair` writes it again from its path",
            Self::TagWrong => {
                "pulls by this tag fail; `--repair` can mend it where the tag's history has one entry only; else push the tag again"
            }
            Self::LayerDangling => "nothing is lost by it; `--repair` and the collector remove it",
            Self::ManifestMissing => {
                "pulls of it fail, and no garbage is collected; push it again, or delete its tags, and `--repair` takes it from the image"
            }
            Self::ManifestUnreadable { .. } => "pulls of it fail, and no garbage is collected; push it again",
            Self::TagDangling { .. } => {
                "pulls by this tag fail; `--repair` mends it where the manifest and all that it names exist; else push or delete the tag"
            }
            Self::BlobMissing { .. } => "pulls of the image fail; push the blob again",
            Self::BlobUnlinked { .. } => {
                "the image may not serve the blob, which may have been deleted from it; push it again"
            }
            Self::ChildMissing { .. } => "pulls for its platform fail; push the child again",
            Self::ReferrerDangling => "nothing; `--repair` removes it",
            Self::HalfWritten => "nothing; `--repair` removes it when it is an hour old",
            Self::UploadLeft => "nothing; the collector removes it after a week",
            Self::Unknown => "nothing; Portolan leaves it alone",
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BlobAltered => f.write_str("the bytes have another digest"),
            Self::SizeWrong { blob, size, stated } => {
                write!(f, "the manifest says that {blob} has {stated} bytes, and it has {size}")
            }
            Self::PartsMissing { why } => write!(f, "the bytes are not all there: {why}"),
            Self::Quarantined => f.write_str("put aside, since the bytes had another digest"),
            Self::LinkWrong => f.write_str("the link does not hold the digest of its path"),
            Self::TagWrong => f.write_str("the tag's link holds no digest"),
            Self::LayerDangling => f.write_str("the link leads to no blob"),
            Self::ManifestMissing => f.write_str("the manifest's bytes are missing"),
            Self::ManifestUnreadable { why } => write!(f, "the manifest cannot be read: {why}"),
            Self::TagDangling { target } => write!(f, "the tag points to {target}, which the image does not have"),
            Self::BlobMissing { blob } => write!(f, "the manifest names {blob}, which does not exist"),
            Self::BlobUnlinked { blob } => write!(f, "the manifest names {blob}, to which the image has no link"),
            Self::ChildMissing { child } => write!(f, "the index lists {child}, which the image does not have"),
            Self::ReferrerDangling => f.write_str("the entry is of a manifest that the image does not have"),
            Self::HalfWritten => f.write_str("left half written"),
            Self::UploadLeft => f.write_str("left of an upload"),
            Self::Unknown => f.write_str("not known"),
        }
    }
}
