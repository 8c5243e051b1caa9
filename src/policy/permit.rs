//! Permits: the proof that a question was judged and granted.
//!
//! Only this room can make one. A permit carries the image name, its storage and the rule that
//! granted it, and the registry takes all three from the permit: what was checked and what is used
//! cannot differ.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Repository, Rule, Snapshot, StorageKey, TagGlob, may_pull, may_see, may_see_any};
use crate::identity::{Subject, UserName};
use crate::oci::{ImageName, Tag};

/// What every permit can tell.
pub trait Granted {
    /// The rule that granted it.
    fn rule(&self) -> &Rule;
}

/// An image, where it is stored, and why it may be touched.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) image: ImageName,
    pub(super) storage: StorageKey,
    pub(super) rule: Rule,
}

macro_rules! target_methods {
    ($($permit:ident),*) => {$(
        impl $permit {
            /// The image that was judged.
            pub fn image(&self) -> &ImageName {
                &self.target.image
            }

            /// The storage that holds it.
            pub fn storage(&self) -> &StorageKey {
                &self.target.storage
            }
        }

        impl Granted for $permit {
            fn rule(&self) -> &Rule {
                &self.target.rule
            }
        }
    )*};
}

/// May sign in.
#[derive(Debug, Clone)]
pub struct SignInPermit {
    pub(super) rule: Rule,
}

impl Granted for SignInPermit {
    fn rule(&self) -> &Rule {
        &self.rule
    }
}

/// May read an image: manifests, blobs, tags, referrers.
#[derive(Debug, Clone)]
pub struct PullPermit {
    pub(super) target: Target,
    pub(super) public: bool,
}

impl PullPermit {
    /// Whether anybody may pull the image, by a grant without an end, so that shared caches may keep it.
    pub fn is_public(&self) -> bool {
        self.public
    }
}

/// May look whether manifests and blobs of an image exist.
#[derive(Debug, Clone)]
pub struct InspectPermit {
    pub(super) target: Target,
    pub(super) public: bool,
    pub(super) pulls: bool,
    pub(super) pushes: bool,
}

impl InspectPermit {
    /// Whether anybody may pull the image, by a grant without an end, so that shared caches may keep it.
    pub fn is_public(&self) -> bool {
        self.public
    }
}

/// What [`PullPermit`] and [`InspectPermit`] have in common.
pub trait MayInspect: Granted {
    /// The image that was judged.
    fn image(&self) -> &ImageName;
    /// The storage that holds it.
    fn storage(&self) -> &StorageKey;
}

/// May upload blobs into an image.
#[derive(Debug, Clone)]
pub struct PushPermit {
    pub(super) target: Target,
    pub(super) owner: Option<UserName>,
}

impl PushPermit {
    /// Who uploads; `None` for anonymous. An upload session belongs to its owner.
    pub fn owner(&self) -> Option<&UserName> {
        self.owner.as_ref()
    }
}

/// May upload blobs into an image, and perhaps mount them from another one.
#[derive(Debug, Clone)]
pub struct MountPermit {
    pub(super) push: PushPermit,
    pub(super) from: MountFrom,
}

/// Where blobs may be mounted from.
#[derive(Debug, Clone)]
pub(super) enum MountFrom {
    /// From nowhere: the source may not be pulled.
    Nothing,
    /// From this image.
    Image(PullPermit),
    /// From any image of the same repository that the subject may pull.
    Search {
        snapshot: Arc<Snapshot>,
        repository: Arc<Repository>,
        subject: Subject,
        now: Timestamp,
        /// The images that a token was asked to pull; `None` where no token limits the subject.
        asked: Option<BTreeSet<ImageName>>,
    },
}

impl MountPermit {
    /// The same permit with these images alone as sources.
    pub(super) fn limited_to(self, images: &BTreeSet<ImageName>) -> Self {
        let from = match self.from {
            MountFrom::Image(permit) if !images.contains(permit.image()) => MountFrom::Nothing,
            MountFrom::Search { snapshot, repository, subject, now, asked: _ } => {
                MountFrom::Search { snapshot, repository, subject, now, asked: Some(images.clone()) }
            }
            from => from,
        };
        Self { from, ..self }
    }

    /// The permit to upload, with which an ordinary upload starts where nothing can be mounted.
    pub fn push(&self) -> &PushPermit {
        &self.push
    }

    /// The named source image, where it may be pulled.
    pub fn source(&self) -> Option<&PullPermit> {
        match &self.from {
            MountFrom::Image(permit) => Some(permit),
            MountFrom::Nothing | MountFrom::Search { .. } => None,
        }
    }

    /// Where no source was named: the prefix below which the registry may look for one.
    pub fn search_below(&self) -> Option<&str> {
        match &self.from {
            MountFrom::Search { repository, .. } => Some(&repository.prefix),
            MountFrom::Nothing | MountFrom::Image(_) => None,
        }
    }

    /// Whether an image that was found below [`MountPermit::search_below`] may serve as source: it
    /// belongs to the same repository and the subject may pull it.
    pub fn may_search(&self, image: &ImageName) -> bool {
        match &self.from {
            MountFrom::Search { snapshot, repository, subject, now, asked } => {
                asked.as_ref().is_none_or(|asked| asked.contains(image))
                    && snapshot.repository_of(image).is_some_and(|found| found.prefix == repository.prefix)
                    && may_pull(snapshot, subject, image, *now)
            }
            MountFrom::Nothing | MountFrom::Image(_) => false,
        }
    }
}

impl Granted for MountPermit {
    fn rule(&self) -> &Rule {
        self.push.rule()
    }
}

/// How a tag may be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagMode {
    /// Only where the tag does not exist, or already points to the same manifest.
    CreateOnly,
    /// Whatever it points to.
    Replace,
}

/// May push a manifest, and set certain tags.
#[derive(Debug, Clone)]
pub struct ManifestPermit {
    pub(super) target: Target,
    pub(super) tags: Vec<(Tag, TagMode)>,
}

impl ManifestPermit {
    /// The tags that were asked for, each with the way in which it may be set. Empty for a push by
    /// digest alone.
    pub fn tags(&self) -> &[(Tag, TagMode)] {
        &self.tags
    }
}

/// May remove one tag.
#[derive(Debug, Clone)]
pub struct DeleteTagPermit {
    pub(super) target: Target,
    pub(super) tag: Tag,
}

impl DeleteTagPermit {
    /// The tag.
    pub fn tag(&self) -> &Tag {
        &self.tag
    }
}

/// May remove manifests by digest, within limits that depend on the tags at them.
#[derive(Debug, Clone)]
pub struct DeleteManifestPermit {
    pub(super) target: Target,
    /// `None` where the whole image may be deleted from.
    pub(super) only_tags: Option<Vec<TagGlob>>,
    pub(super) immutable: Vec<TagGlob>,
}

impl DeleteManifestPermit {
    /// Whether the tags have to be known before [`DeleteManifestPermit::allows`] can be answered.
    pub fn depends_on_tags(&self) -> bool {
        self.only_tags.is_some() || !self.immutable.is_empty()
    }

    /// Whether a manifest may be removed to which the tags of `pointing` point, and which can be
    /// reached (directly, or through an index) from the tags of `reaching`.
    pub fn allows(&self, pointing: &[Tag], reaching: &[Tag]) -> bool {
        let within_grant = match &self.only_tags {
            None => true,
            Some(globs) => {
                !pointing.is_empty() && pointing.iter().all(|tag| globs.iter().any(|glob| glob.matches(tag)))
            }
        };
        let is_kept = |tag: &Tag| self.immutable.iter().any(|glob| glob.matches_immutable(tag));
        within_grant && !pointing.iter().chain(reaching).any(is_kept)
    }
}

/// May remove blobs from an image.
#[derive(Debug, Clone)]
pub struct DeleteBlobPermit {
    pub(super) target: Target,
}

/// May list image names, each judged on its own.
#[derive(Debug, Clone)]
pub struct CatalogPermit {
    pub(super) rule: Rule,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) subject: Subject,
    pub(super) only: Option<Arc<str>>,
    pub(super) now: Timestamp,
}

impl CatalogPermit {
    /// Whether the subject may see that the image exists.
    pub fn shows(&self, image: &ImageName) -> bool {
        let is_listed = match &self.only {
            None => true,
            // The image that is named exactly like the prefix has no name on the repository's own port.
            Some(prefix) => {
                image.as_str() != &**prefix
                    && self.snapshot.repository_of(image).is_some_and(|found| found.prefix == *prefix)
            }
        };
        is_listed && may_see(&self.snapshot, &self.subject, image, self.now)
    }

    /// Whether an image belongs to a storage: of an image name that stands in several storages, only
    /// that of the repository which serves it counts.
    pub fn is_stored_in(&self, image: &ImageName, storage: &StorageKey) -> bool {
        self.snapshot.repository_of(image).is_some_and(|repository| repository.storage == *storage)
    }

    /// Whether a repository has exactly this prefix. What lies there and below is no part of the
    /// repository around it: it is walked where it stands among [`CatalogPermit::prefixes`].
    pub fn is_prefix(&self, path: &str) -> bool {
        self.snapshot.repository_at(path).is_some()
    }

    /// The prefixes that have to be walked, each with its storage: those below which the subject may see
    /// anything at all.
    pub fn prefixes(&self) -> Vec<(Arc<str>, StorageKey)> {
        let wanted = |repository: &&Arc<Repository>| {
            self.only.as_ref().is_none_or(|only| repository.prefix == *only)
                && may_see_any(&self.snapshot, &self.subject, repository, self.now)
        };
        self.snapshot
            .repositories()
            .iter()
            .filter(wanted)
            .map(|repository| (Arc::clone(&repository.prefix), repository.storage.clone()))
            .collect()
    }
}

impl Granted for CatalogPermit {
    fn rule(&self) -> &Rule {
        &self.rule
    }
}

target_methods!(
    PullPermit,
    InspectPermit,
    PushPermit,
    ManifestPermit,
    DeleteTagPermit,
    DeleteManifestPermit,
    DeleteBlobPermit
);

macro_rules! may_inspect {
    ($($permit:ident),*) => {$(
        impl MayInspect for $permit {
            fn image(&self) -> &ImageName {
                &self.target.image
            }

            fn storage(&self) -> &StorageKey {
                &self.target.storage
            }
        }
    )*};
}

may_inspect!(PullPermit, InspectPermit);
