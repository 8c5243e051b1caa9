//! The folder, live: read, watch, publish. Nothing flows back.
//!
//! Imports `config` and `diagnostic`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::config::{Compiled, Model, Tree};

/// A configuration in force.
#[derive(Debug)]
pub struct Published {
    /// Counts publications, from 1.
    pub generation: u64,
    /// What is enforced.
    pub model: Arc<Model>,
    /// The compile it came from, with all that is wrong.
    pub compiled: Compiled,
    /// When it was published.
    pub since: Timestamp,
    /// The git commit of the folder, where it is a work tree.
    pub commit: Option<String>,
}

/// Called with a new model before it is published: opens storages, loads certificates. An error keeps
/// what is in force.
pub type Prepare = Box<dyn Fn(&Model) -> Result<(), String> + Send + Sync>;

/// The folder could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no such folder, or it cannot be read.
    #[error("cannot read the configuration folder `{}`: {why}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        why: String,
    },
    /// Nothing could be enforced.
    #[error("the configuration has errors")]
    Invalid(Box<Compiled>),
    /// Storages, certificates or secrets could not be had.
    #[error("{0}")]
    Prepare(String),
}

/// The last attempt to reload that did not lead to a publication as written.
#[derive(Debug, Clone)]
pub struct Problem {
    /// When.
    pub at: Timestamp,
    /// What.
    pub message: String,
}

/// A watched configuration folder.
#[derive(Debug)]
pub struct Live {}

impl Live {
    /// Reads and compiles the folder, publishes it, and begins to watch.
    ///
    /// # Errors
    /// [`StartError`] where nothing can be enforced.
    pub fn start(_folder: &Path, _prepare: Prepare) -> Result<Arc<Self>, StartError> {
        unimplemented!()
    }

    /// What is in force. Cheap: call it once per request.
    pub fn current(&self) -> Arc<Published> {
        unimplemented!()
    }

    /// The last failure to load or prepare, if what is in force is not what the folder says.
    pub fn problem(&self) -> Option<Problem> {
        unimplemented!()
    }

    /// Tells of each publication, with its generation.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        unimplemented!()
    }

    /// Reads the folder now, and publishes it if it changed. Returns the generation in force.
    pub fn reload(&self) -> u64 {
        unimplemented!()
    }
}

/// Reads a configuration folder's texts.
///
/// # Errors
/// [`StartError::Folder`].
pub fn read(_folder: &Path) -> Result<Tree, StartError> {
    unimplemented!()
}
