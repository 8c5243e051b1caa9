//! Text to model: the configuration folder's texts, read with spans, checked and compiled.
//!
//! No I/O: [`compile`] is a function of the texts, and the server, `check` and every other command
//! call the same one. Imports `oci`, `identity`, `policy` and `diagnostic`.

mod model;
mod tree;

pub use model::{
    Compiled, LogFormat, LogLevel, Model, PasswordPolicy, ReloadMode, SecretSource, Settings, StorageDefinition, Tls,
};
pub use tree::{Content, Tree};

/// Compiles a configuration folder's texts.
///
/// Every problem is reported, in file order. What can be used is used: a repository file that does
/// not compile keeps the last good text of `in_force` (compiled against today's users), or is closed
/// where there is none; a credentials, storages or registry file that does not compile keeps its last
/// good text, and where there is none, [`Compiled::model`] is `None`.
pub fn compile(_tree: &Tree, _in_force: Option<&Compiled>) -> Compiled {
    unimplemented!()
}
