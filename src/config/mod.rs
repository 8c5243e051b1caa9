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
//! | `codes` | every kind of problem, explained |

mod codes;
mod compile;
mod files;
mod model;
mod position;
mod report;
mod shape;
mod tree;
mod yaml;

pub use codes::{ALL as CODES, Code, code};
pub use compile::{compile, parse_duration};
pub use model::{
    Compiled, Garbage, LogFormat, LogLevel, Model, PasswordPolicy, ReloadMode, S3Credentials, S3Definition,
    SecretSource, Settings, StorageDefinition, Tls,
};
pub use position::line_column;
pub use shape::{SCHEMA_NAMES, schema};
pub use tree::{Content, Tree};
pub use yaml::FILE_MAX_BYTES;
