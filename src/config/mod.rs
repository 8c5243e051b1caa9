//! Text to model: the configuration folder's texts, read with spans, checked and compiled.
//!
//! No I/O: [`compile()`] is a function of the texts, and the server, `check` and every other command
//! call the same one. Imports `oci`, `identity`, `policy` and `diagnostic`.
//!
//! | file | its job |
//! | --- | --- |
//! | `yaml/` | text to a tree with places |
//! | `shape/` | which keys each file has, as tables: the checker and the JSON Schemas |
//! | `compile/` | trees to the model, file by file, and what happens where files disagree |
//! | `lint/` | what is likely not meant, and the comments that allow it |
//! | `foreign` | the YAML of other systems |
//! | `codes/` | every kind of problem, explained |

mod access_test;
mod beyond;
mod codes;
mod compile;
mod files;
mod foreign;
mod lint;
mod model;
mod places;
mod position;
mod removals;
mod report;
mod shape;
mod share;
mod tree;
mod yaml;

pub use access_test::{AccessTest, Claim, TestImage, Written, test_failure};
pub use codes::{ALL as CODES, Code, code};
pub use compile::{check, compile, compile_keeping, parse_duration};
pub use files::CREDENTIALS_FILES;
pub use foreign::{BadYaml, read_foreign, read_whole};
pub use model::{
    Checked, Compiled, DEFAULT_LISTEN, Garbage, LogFormat, LogLevel, Model, PasswordPolicy, Reference, ReloadMode,
    S3Credentials, S3Definition, SecretSource, Settings, StorageDefinition, Tls,
};
pub use places::Places;
pub use position::{Positions, line_column};
pub use removals::{Gone, Removals};
pub use report::{nearest, shown};
pub use shape::{SCHEMA_NAMES, schema};
pub use share::side_by_side;
pub use tree::{Content, Text, Tree};
pub use yaml::{FILE_MAX_BYTES, Marks, Node, Scalar, ScalarType, Value, marks, readers_agree, resolve};

pub use crate::identity::ANONYMOUS;
pub use crate::policy::QuickMap;
