//! The one function that judges.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Question, Snapshot};
use crate::identity::Subject;
use crate::oci::ImageName;

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
    /// The user is disabled or expired.
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
pub fn may_pull(_snapshot: &Snapshot, _subject: &Subject, _image: &ImageName, _now: Timestamp) -> bool {
    unimplemented!()
}

/// Whether a subject may see in a catalog that an image exists.
pub fn may_see(_snapshot: &Snapshot, _subject: &Subject, _image: &ImageName, _now: Timestamp) -> bool {
    unimplemented!()
}

macro_rules! stubs {
    ($($q:ident => $p:ident),*) => {$(
        impl Answer for super::$q {
            type Permit = super::$p;
            fn answer(&self, _s: &Arc<Snapshot>, _u: &Subject, _n: Timestamp) -> Result<Self::Permit, Refusal> {
                unimplemented!()
            }
        }
    )*};
}
stubs!(SignIn => SignInPermit, ListCatalog => CatalogPermit, Pull => PullPermit, Inspect => InspectPermit,
    Push => PushPermit, Mount => MountPermit, PutManifest => ManifestPermit, DeleteTag => DeleteTagPermit,
    DeleteManifest => DeleteManifestPermit, DeleteBlob => DeleteBlobPermit);
