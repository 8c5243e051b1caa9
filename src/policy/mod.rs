//! What a subject may do: rules, and the one function that judges a question by them.
//!
//! Pure: no I/O, no clock of its own, no async. Imports `oci` and `identity`.

mod access;
mod action;
mod can;
pub mod coverage;
mod decide;
pub mod difference;
mod glob;
mod grant_set;
mod near;
mod permission;
mod permit;
mod question;
mod quick;
mod rights;
mod snapshot;
mod standing;

pub use access::{Access, Grant, What, Who};
pub use action::{Action, ActionSet};
pub use can::can;
use decide::may_see_any;
pub use decide::{Refusal, decide, may_pull, may_see};
pub use glob::{BadGlob, ImageGlob, TagGlob};
pub use grant_set::{GrantSet, group_bit};
pub use near::{Lack, near};
pub use permission::{
    BadPermission, BadPermissionKind, OPERATION_WORDS, parse_permission, read_permission, simple_operation,
};
pub use permit::{
    CatalogPermit, DeleteBlobPermit, DeleteManifestPermit, DeleteTagPermit, Granted, InspectPermit, ManifestPermit,
    MayInspect, MountPermit, PullPermit, PushPermit, SignInPermit, TagMode,
};
pub use question::{
    DeleteBlob, DeleteManifest, DeleteTag, Inspect, ListCatalog, Mount, Pull, Push, PutManifest, Question, SignIn,
};
pub use quick::{QuickHasher, QuickMap, QuickState};
pub use rights::{Holder, Missing, Right, Through, missing, rights_in, rights_on};
pub use snapshot::{Repository, Rule, Snapshot, StorageKey};

#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod speed_tests;
