//! The one function that judges.

use std::sync::Arc;

use jiff::Timestamp;

use super::permit::{MountFrom, Target};
use super::{
    Access, Action, ActionSet, CatalogPermit, DeleteBlob, DeleteBlobPermit, DeleteManifest, DeleteManifestPermit,
    DeleteTag, DeleteTagPermit, GrantSet, Inspect, InspectPermit, ListCatalog, ManifestPermit, Mount, MountPermit,
    Pull, PullPermit, Push, PushPermit, PutManifest, Question, Repository, Rule, SignIn, SignInPermit, Snapshot,
    TagGlob, TagMode, What,
};
use crate::identity::{Subject, User};
use crate::oci::{ImageName, Tag};

/// Why a question was refused. For the audit log: callers of the registry all get the same answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// No repository serves such an image.
    NoRepository,
    /// The repository is closed because its file does not compile.
    Closed,
    /// No grant covers it.
    NoGrant,
    /// The tag is immutable.
    Immutable,
    /// The user is disabled, expired or gone.
    Inactive,
}

/// Answers a question. Sealed: implemented in this file only.
pub trait Answer {
    /// What a granted question gives.
    type Permit: super::Granted;

    #[doc(hidden)]
    fn answer(&self, snapshot: &Arc<Snapshot>, subject: &Subject, now: Timestamp) -> Result<Self::Permit, Refusal>;
}

/// Judges a question by a snapshot.
///
/// A user is judged by what this snapshot says of that name, so that a subject which was found by an
/// earlier snapshot has no older rights.
///
/// # Errors
/// The [`Refusal`], where no rule grants it. There is no other way to be granted anything.
pub fn decide<Q: Question>(
    snapshot: &Arc<Snapshot>,
    subject: &Subject,
    question: &Q,
    now: Timestamp,
) -> Result<Q::Permit, Refusal> {
    question.answer(snapshot, subject, now)
}

/// Whether a subject may pull an image.
pub fn may_pull(snapshot: &Snapshot, subject: &Subject, image: &ImageName, now: Timestamp) -> bool {
    Case::open(snapshot, subject, image, now).is_ok_and(|case| case.pull().is_ok())
}

/// Whether a subject may see in a catalog that an image exists.
pub fn may_see(snapshot: &Snapshot, subject: &Subject, image: &ImageName, now: Timestamp) -> bool {
    Case::open(snapshot, subject, image, now).is_ok_and(|case| case.pull().is_ok() || case.catalog())
}

/// Whether a subject may see any image of a repository in a catalog. `true` promises nothing: which it
/// is, [`may_see`] decides.
pub(super) fn may_see_any(snapshot: &Snapshot, subject: &Subject, repository: &Repository, now: Timestamp) -> bool {
    let Ok(user) = active_user(snapshot, subject, now) else { return false };
    match &repository.access {
        Access::Closed => false,
        Access::Open(_) => true,
        Access::Granted(grants) => user.is_some_and(|user| user.admin) || grants.shows_any(user, now),
    }
}

/// The active user of a subject, as the snapshot knows it; `None` for anonymous.
fn active_user<'a>(snapshot: &'a Snapshot, subject: &Subject, now: Timestamp) -> Result<Option<&'a User>, Refusal> {
    let Subject::User(presented) = subject else { return Ok(None) };
    let user = snapshot.user(presented.name.as_str()).ok_or(Refusal::Inactive)?;
    if user.is_active(now) { Ok(Some(user)) } else { Err(Refusal::Inactive) }
}

/// A subject before an image.
struct Case<'a> {
    repository: &'a Arc<Repository>,
    image: &'a ImageName,
    relative: &'a str,
    user: Option<&'a User>,
    rights: Rights<'a>,
    now: Timestamp,
}

/// By what a subject is judged in a repository.
#[derive(Clone, Copy)]
enum Rights<'a> {
    Admin,
    Open(&'a Rule),
    Granted(&'a GrantSet),
}

impl<'a> Case<'a> {
    fn open(snapshot: &'a Snapshot, subject: &Subject, image: &'a ImageName, now: Timestamp) -> Result<Self, Refusal> {
        let user = active_user(snapshot, subject, now)?;
        let repository = snapshot.repository_of(image).ok_or(Refusal::NoRepository)?;
        let relative = image.relative_to(&repository.prefix).ok_or(Refusal::NoRepository)?;
        let rights = match &repository.access {
            Access::Closed => return Err(Refusal::Closed),
            Access::Open(_) | Access::Granted(_) if user.is_some_and(|user| user.admin) => Rights::Admin,
            Access::Open(rule) => Rights::Open(rule),
            Access::Granted(grants) => Rights::Granted(grants),
        };
        Ok(Self { repository, image, relative, user, rights, now })
    }

    /// The actions that hold on the image, each set with its limit to tags and its rule.
    fn allowed(&self) -> impl Iterator<Item = (ActionSet, Option<&'a TagGlob>, &'a Rule)> {
        let (always, grants) = match self.rights {
            Rights::Admin => (Some(&Rule::Admin), None),
            Rights::Open(rule) => (Some(rule), None),
            Rights::Granted(grants) => (None, Some(grants)),
        };
        let granted = grants.into_iter().flat_map(|grants| grants.on_image(self.user, self.relative, self.now));
        let granted = granted.filter_map(|grant| match &grant.what {
            What::Images { tags, actions, .. } => Some((*actions, tags.as_ref(), &grant.rule)),
            What::Base | What::Catalog => None,
        });
        always.map(|rule| (ActionSet::ALL, None, rule)).into_iter().chain(granted)
    }

    /// The rule that allows an action on the whole image.
    fn whole(&self, action: Action) -> Result<&'a Rule, Refusal> {
        let mut allowed = self.allowed();
        let found = allowed.find(|(actions, tags, _)| tags.is_none() && actions.contains(action));
        found.map(|(_, _, rule)| rule).ok_or(Refusal::NoGrant)
    }

    /// The rule that allows an action on a tag.
    fn tagged(&self, action: Action, tag: &Tag) -> Result<&'a Rule, Refusal> {
        let mut allowed = self.allowed();
        let found =
            allowed.find(|(actions, tags, _)| actions.contains(action) && tags.is_none_or(|glob| glob.matches(tag)));
        found.map(|(_, _, rule)| rule).ok_or(Refusal::NoGrant)
    }

    fn pull(&self) -> Result<&'a Rule, Refusal> {
        self.whole(Action::Pull)
    }

    /// The rule that allows what a push needs before any tag is set: a grant to push or overwrite,
    /// also one that is limited to tags.
    fn push(&self) -> Result<&'a Rule, Refusal> {
        let mut allowed = self.allowed();
        let found = allowed.find(|(actions, ..)| actions.contains(Action::Push) || actions.contains(Action::Overwrite));
        found.map(|(_, _, rule)| rule).ok_or(Refusal::NoGrant)
    }

    fn catalog(&self) -> bool {
        match self.rights {
            Rights::Admin | Rights::Open(_) => true,
            Rights::Granted(grants) => grants.catalog(self.user, self.now).is_some(),
        }
    }

    /// Whether anybody may pull the image, today and as long as the configuration stays: a shared cache
    /// would keep the content beyond the end of a grant.
    fn is_public(&self) -> bool {
        match &self.repository.access {
            Access::Closed => false,
            Access::Open(_) => true,
            Access::Granted(grants) => grants.on_image(None, self.relative, self.now).any(|grant| {
                let pulls =
                    matches!(&grant.what, What::Images { tags: None, actions, .. } if actions.contains(Action::Pull));
                pulls && grant.until.is_none()
            }),
        }
    }

    /// The tags that the subject may set once, and never move or remove.
    fn immutable(&self) -> &'a [TagGlob] {
        match self.rights {
            Rights::Admin => &[],
            Rights::Open(_) | Rights::Granted(_) => &self.repository.immutable_tags,
        }
    }

    fn is_immutable(&self, tag: &Tag) -> bool {
        self.immutable().iter().any(|glob| glob.matches_immutable(tag))
    }

    fn target(&self, rule: &Rule) -> Target {
        Target { image: self.image.clone(), storage: self.repository.storage.clone(), rule: rule.clone() }
    }
}

impl Answer for SignIn {
    type Permit = SignInPermit;

    fn answer(&self, snapshot: &Arc<Snapshot>, subject: &Subject, now: Timestamp) -> Result<SignInPermit, Refusal> {
        let user = active_user(snapshot, subject, now)?;
        let rule = match user {
            Some(user) if user.admin => Rule::Admin,
            _ => snapshot.any_grant(user, now).cloned().ok_or(Refusal::NoGrant)?,
        };
        Ok(SignInPermit { rule })
    }
}

impl Answer for ListCatalog {
    type Permit = CatalogPermit;

    fn answer(&self, snapshot: &Arc<Snapshot>, subject: &Subject, now: Timestamp) -> Result<CatalogPermit, Refusal> {
        let user = active_user(snapshot, subject, now)?;
        let rule = match (user, &self.only) {
            (Some(user), _) if user.admin => Rule::Admin,
            // What is listed is judged name by name; nothing is listed without a grant.
            (Some(_), _) => Rule::Public,
            (None, _) if !snapshot.has_users() => Rule::Public,
            (None, None) => snapshot.any_grant(None, now).cloned().ok_or(Refusal::NoGrant)?,
            (None, Some(prefix)) => match snapshot.repository_at(prefix).map(|found| &found.access) {
                Some(Access::Open(rule)) => rule.clone(),
                Some(Access::Granted(grants)) => {
                    grants.to_anyone(now).map(|grant| grant.rule.clone()).ok_or(Refusal::NoGrant)?
                }
                Some(Access::Closed) => return Err(Refusal::Closed),
                None => return Err(Refusal::NoRepository),
            },
        };
        Ok(CatalogPermit {
            rule,
            snapshot: Arc::clone(snapshot),
            subject: subject.clone(),
            only: self.only.clone(),
            now,
        })
    }
}

impl Answer for Pull {
    type Permit = PullPermit;

    fn answer(&self, snapshot: &Arc<Snapshot>, subject: &Subject, now: Timestamp) -> Result<PullPermit, Refusal> {
        let case = Case::open(snapshot, subject, &self.0, now)?;
        let rule = case.pull()?;
        Ok(PullPermit { target: case.target(rule), public: case.is_public() })
    }
}

impl Answer for Inspect {
    type Permit = InspectPermit;

    fn answer(&self, snapshot: &Arc<Snapshot>, subject: &Subject, now: Timestamp) -> Result<InspectPermit, Refusal> {
        let case = Case::open(snapshot, subject, &self.0, now)?;
        let (pull, push) = (case.pull(), case.push());
        let (pulls, pushes) = (pull.is_ok(), push.is_ok());
        let rule = pull.or(push)?;
        Ok(InspectPermit { target: case.target(rule), public: case.is_public(), pulls, pushes })
    }
}

impl Answer for Push {
    type Permit = PushPermit;

    fn answer(&self, snapshot: &Arc<Snapshot>, subject: &Subject, now: Timestamp) -> Result<PushPermit, Refusal> {
        let case = Case::open(snapshot, subject, &self.0, now)?;
        let rule = case.push()?;
        Ok(PushPermit { target: case.target(rule), owner: case.user.map(|user| user.name.clone()) })
    }
}

impl Answer for Mount {
    type Permit = MountPermit;

    fn answer(&self, snapshot: &Arc<Snapshot>, subject: &Subject, now: Timestamp) -> Result<MountPermit, Refusal> {
        let push = Push(self.image.clone()).answer(snapshot, subject, now)?;
        let from = match &self.from {
            Some(from) => match Pull(from.clone()).answer(snapshot, subject, now) {
                Ok(permit) => MountFrom::Image(permit),
                Err(_) => MountFrom::Nothing,
            },
            None => {
                let repository = Arc::clone(snapshot.repository_of(&self.image).ok_or(Refusal::NoRepository)?);
                MountFrom::Search {
                    snapshot: Arc::clone(snapshot),
                    repository,
                    subject: subject.clone(),
                    now,
                    asked: None,
                }
            }
        };
        Ok(MountPermit { push, from })
    }
}

impl Answer for PutManifest {
    type Permit = ManifestPermit;

    fn answer(&self, snapshot: &Arc<Snapshot>, subject: &Subject, now: Timestamp) -> Result<ManifestPermit, Refusal> {
        let case = Case::open(snapshot, subject, &self.image, now)?;
        let mut deciding = case.push()?;
        let mut tags = Vec::with_capacity(self.tags.len());
        for tag in &self.tags {
            let (rule, mode) = match case.tagged(Action::Overwrite, tag) {
                Ok(rule) if case.is_immutable(tag) => (rule, TagMode::CreateOnly),
                Ok(rule) => (rule, TagMode::Replace),
                Err(_) => (case.tagged(Action::Push, tag)?, TagMode::CreateOnly),
            };
            if tags.is_empty() {
                deciding = rule;
            }
            tags.push((tag.clone(), mode));
        }
        Ok(ManifestPermit { target: case.target(deciding), tags })
    }
}

impl Answer for DeleteTag {
    type Permit = DeleteTagPermit;

    fn answer(&self, snapshot: &Arc<Snapshot>, subject: &Subject, now: Timestamp) -> Result<DeleteTagPermit, Refusal> {
        let case = Case::open(snapshot, subject, &self.image, now)?;
        let rule = case.tagged(Action::Delete, &self.tag)?;
        if case.is_immutable(&self.tag) {
            return Err(Refusal::Immutable);
        }
        Ok(DeleteTagPermit { target: case.target(rule), tag: self.tag.clone() })
    }
}

impl Answer for DeleteManifest {
    type Permit = DeleteManifestPermit;

    fn answer(
        &self,
        snapshot: &Arc<Snapshot>,
        subject: &Subject,
        now: Timestamp,
    ) -> Result<DeleteManifestPermit, Refusal> {
        let case = Case::open(snapshot, subject, &self.0, now)?;
        let immutable = case.immutable().to_vec();
        if let Ok(rule) = case.whole(Action::Delete) {
            return Ok(DeleteManifestPermit { target: case.target(rule), only_tags: None, immutable });
        }
        let mut deciding = None;
        let mut only_tags = Vec::new();
        for (actions, tags, rule) in case.allowed() {
            if let Some(glob) = tags.filter(|_| actions.contains(Action::Delete)) {
                deciding.get_or_insert(rule);
                only_tags.push(glob.clone());
            }
        }
        let target = case.target(deciding.ok_or(Refusal::NoGrant)?);
        Ok(DeleteManifestPermit { target, only_tags: Some(only_tags), immutable })
    }
}

impl Answer for DeleteBlob {
    type Permit = DeleteBlobPermit;

    fn answer(&self, snapshot: &Arc<Snapshot>, subject: &Subject, now: Timestamp) -> Result<DeleteBlobPermit, Refusal> {
        let case = Case::open(snapshot, subject, &self.0, now)?;
        let rule = case.whole(Action::Delete)?;
        if !case.immutable().is_empty() {
            return Err(Refusal::Immutable);
        }
        Ok(DeleteBlobPermit { target: case.target(rule) })
    }
}
