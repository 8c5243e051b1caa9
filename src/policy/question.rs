//! The questions that can be asked of the policy, each with the permit that answers it.

use std::collections::BTreeSet;

use super::{InspectPermit, ManifestPermit, MountPermit, PushPermit};
use crate::oci::{ImageName, Scope, ScopeAction, ScopeActions, Tag};

/// A question. The trait is sealed: only this room can say what a question needs, and only
/// [`super::decide()`] answers one.
pub trait Question: super::decide::Answer {
    /// The scope that a client should ask a token for; `None` where any token will do.
    fn scope(&self) -> Option<Scope>;

    /// What is left of a permit for a token that was asked for these scopes; `None` where nothing of
    /// it was asked for. A token may do what was asked and is allowed, never more.
    ///
    /// By default it must cover [`Question::scope`] whole.
    fn narrow(&self, permit: Self::Permit, asked: &[Scope]) -> Option<Self::Permit> {
        self.scope().is_none_or(|scope| covers(asked, &scope)).then_some(permit)
    }
}

/// `GET /v2/`: may the subject sign in?
#[derive(Debug, Clone, Copy)]
pub struct SignIn;

/// `GET /v2/_catalog`. The permit shows each subject only what it may see. Refused to anonymous
/// callers where users exist and nothing at all is granted to anybody, since signing in could help.
#[derive(Debug, Clone)]
pub struct ListCatalog {
    /// On a repository's own port: the prefix of that repository, whose images alone are listed.
    pub only: Option<std::sync::Arc<str>>,
}

/// GET of manifests and blobs, tag list, referrers.
#[derive(Debug, Clone)]
pub struct Pull(pub ImageName);

/// HEAD of a manifest or blob: pull, or what a push needs to look before it writes.
#[derive(Debug, Clone)]
pub struct Inspect(pub ImageName);

/// Starting, continuing, finishing and cancelling uploads.
#[derive(Debug, Clone)]
pub struct Push(pub ImageName);

/// May a blob of `from` be mounted into `image`? With `from: None` the permit lets the registry look
/// for it among the images of the same repository that the subject may pull.
/// The question is refused like [`Push`] on `image`; a refusal of `from` is not a refusal of the
/// request but a permit that mounts nothing.
#[derive(Debug, Clone)]
pub struct Mount {
    /// The image that the blob shall be in.
    pub image: ImageName,
    /// The image that it is in.
    pub from: Option<ImageName>,
}

/// Pushing a manifest, by digest (no tags) or with every one of these tags.
#[derive(Debug, Clone)]
pub struct PutManifest {
    /// The image.
    pub image: ImageName,
    /// The tags that shall point to it, from the path and from `?tag=`.
    pub tags: Vec<Tag>,
}

/// Removing a tag.
#[derive(Debug, Clone)]
pub struct DeleteTag {
    /// The image.
    pub image: ImageName,
    /// The tag.
    pub tag: Tag,
}

/// Removing a manifest by digest, with all its tags.
#[derive(Debug, Clone)]
pub struct DeleteManifest(pub ImageName);

/// Removing a blob from an image.
#[derive(Debug, Clone)]
pub struct DeleteBlob(pub ImageName);

fn covers(asked: &[Scope], needed: &Scope) -> bool {
    match needed {
        Scope::Catalog => asked.contains(&Scope::Catalog),
        Scope::Repository(image, actions) => asked_actions(asked, image).covers(*actions),
    }
}

fn asked_actions(asked: &[Scope], wanted: &ImageName) -> ScopeActions {
    asked.iter().fold(ScopeActions::NONE, |sum, scope| match scope {
        Scope::Repository(image, actions) if image == wanted => sum.union(*actions),
        _ => sum,
    })
}

fn asks_push(asked: &[Scope], image: &ImageName) -> bool {
    asked_actions(asked, image).contains(ScopeAction::Push)
}

fn asked_to_pull(asked: &[Scope]) -> BTreeSet<ImageName> {
    let pulled = asked.iter().filter_map(|scope| match scope {
        Scope::Repository(image, actions) if actions.contains(ScopeAction::Pull) => Some(image.clone()),
        _ => None,
    });
    pulled.collect()
}

fn scope(image: &ImageName, actions: &[ScopeAction]) -> Option<Scope> {
    let actions = actions.iter().fold(ScopeActions::NONE, |set, action| set.with(*action));
    Some(Scope::Repository(image.clone(), actions))
}

impl Question for SignIn {
    fn scope(&self) -> Option<Scope> {
        None
    }
}

impl Question for ListCatalog {
    fn scope(&self) -> Option<Scope> {
        Some(Scope::Catalog)
    }
}

impl Question for Pull {
    fn scope(&self) -> Option<Scope> {
        scope(&self.0, &[ScopeAction::Pull])
    }
}

impl Question for Inspect {
    fn scope(&self) -> Option<Scope> {
        scope(&self.0, &[ScopeAction::Pull])
    }

    /// One right must be both asked for and allowed: a token for a push does not look with the right
    /// to pull, nor the other way round.
    fn narrow(&self, permit: InspectPermit, asked: &[Scope]) -> Option<InspectPermit> {
        let actions = asked_actions(asked, &self.0);
        let pulls = permit.pulls && actions.contains(ScopeAction::Pull);
        let pushes = permit.pushes && actions.contains(ScopeAction::Push);
        (pulls || pushes).then_some(InspectPermit { pulls, pushes, ..permit })
    }
}

impl Question for Push {
    fn scope(&self) -> Option<Scope> {
        scope(&self.0, &[ScopeAction::Pull, ScopeAction::Push])
    }

    /// A push alone is enough: reading back is asked for by habit.
    fn narrow(&self, permit: PushPermit, asked: &[Scope]) -> Option<PushPermit> {
        asks_push(asked, &self.0).then_some(permit)
    }
}

impl Question for Mount {
    fn scope(&self) -> Option<Scope> {
        scope(&self.image, &[ScopeAction::Pull, ScopeAction::Push])
    }

    /// A push alone is enough for the image itself. A source has to be asked for as well, or a token
    /// could copy out of an image what it may not read there.
    fn narrow(&self, permit: MountPermit, asked: &[Scope]) -> Option<MountPermit> {
        asks_push(asked, &self.image).then(|| permit.limited_to(&asked_to_pull(asked)))
    }
}

impl Question for PutManifest {
    fn scope(&self) -> Option<Scope> {
        scope(&self.image, &[ScopeAction::Pull, ScopeAction::Push])
    }

    /// A push alone is enough: reading back is asked for by habit.
    fn narrow(&self, permit: ManifestPermit, asked: &[Scope]) -> Option<ManifestPermit> {
        asks_push(asked, &self.image).then_some(permit)
    }
}

impl Question for DeleteTag {
    fn scope(&self) -> Option<Scope> {
        scope(&self.image, &[ScopeAction::Delete])
    }
}

impl Question for DeleteManifest {
    fn scope(&self) -> Option<Scope> {
        scope(&self.0, &[ScopeAction::Delete])
    }
}

impl Question for DeleteBlob {
    fn scope(&self) -> Option<Scope> {
        scope(&self.0, &[ScopeAction::Delete])
    }
}
