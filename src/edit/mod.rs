//! A change of users or rights to the smallest change of the files' texts.
//!
//! No I/O and no clock: each function takes the folder's texts and gives a [`Plan`], or says why nothing is changed.
//! Imports `oci`, `identity`, `policy`, `config` and `diagnostic`.

mod plan;
pub mod yaml;

pub use plan::{FileChange, NewSecret, Plan};
