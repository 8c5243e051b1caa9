//! Portolan: a container registry that is steered by YAML files in git.
//!
//! Each module is a room with one job; no room imports upwards or in a circle, and a test
//! (`tests/it/house.rs`) holds the code to the table in `ARCHITECTURE.md`.
//!
//! | room | its job |
//! | --- | --- |
//! | [`oci`] | the words of the specification |
//! | [`diagnostic`] | problems as data |
//! | [`identity`] | who is asking |
//! | [`policy`] | what they may do |
//! | [`config`] | text to model |
//! | [`edit`] | change to text |
//! | [`storage`] | bytes |
//! | [`registry`] | the use cases |
//! | [`live`] | the folder, live |
//! | [`server`] | HTTP |
//! | [`cli`] | commands |

pub mod cli;
pub mod config;
pub mod diagnostic;
pub mod edit;
pub mod identity;
pub mod live;
pub mod oci;
pub mod policy;
pub mod registry;
pub mod server;
pub mod storage;
