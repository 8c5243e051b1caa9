//! The folder, live: read, watch, publish. Nothing flows back.
//!
//! Imports `config` and `diagnostic`.

mod commit;
mod notice;
mod read;
mod settle;
mod worker;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::config::{Compiled, Model, Tree};

use notice::Wake;
use worker::Worker;

/// A configuration in force.
#[derive(Debug, Clone)]
pub struct Published {
    /// Counts publications, from 1.
    pub generation: u64,
    /// What is enforced.
    pub model: Arc<Model>,
    /// The compile it came from, with all that is wrong.
    pub compiled: Compiled,
    /// When it was published.
    pub since: Timestamp,
    /// The git commit of the folder, where it is a work tree; known a moment after publication, as
    /// nothing waits for git.
    pub commit: Option<String>,
}

/// Called with a new model before it is published: opens storages, loads certificates. An error keeps
/// what is in force. It runs on a thread of its own, outside of any async runtime.
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

/// A watched configuration folder. Dropping it ends the watching.
#[derive(Debug)]
pub struct Live {
    shared: Arc<Shared>,
    wake: Sender<Wake>,
    thread: JoinHandle<()>,
}

/// What the reloading thread writes and everyone reads.
#[derive(Debug)]
struct Shared {
    current: ArcSwap<Published>,
    problem: RwLock<Option<Problem>>,
    generations: watch::Sender<u64>,
}

impl Live {
    /// Reads and compiles the folder, publishes it, and begins to watch.
    ///
    /// # Errors
    /// [`StartError`] where nothing can be enforced.
    pub fn start(folder: &Path, prepare: Prepare) -> Result<Arc<Self>, StartError> {
        let (wake, wakes) = mpsc::channel();
        let (started, start) = mpsc::sync_channel(1);
        let worker = Worker::new(folder.to_owned(), prepare, wake.clone());
        let died = |_| StartError::Prepare("the thread that reads the configuration ended".to_owned());
        let thread = std::thread::Builder::new()
            .name("reload".to_owned())
            .spawn(move || worker.run(&wakes, &started))
            .map_err(|error| StartError::Prepare(format!("cannot start a thread: {error}")))?;
        let shared = start.recv().map_err(died)??;
        Ok(Arc::new(Self { shared, wake, thread }))
    }

    /// What is in force. Cheap: call it once per request.
    pub fn current(&self) -> Arc<Published> {
        self.shared.current.load_full()
    }

    /// Whether changes of the folder are still followed. Where they are not, through a fault of ours, a
    /// revocation would not take effect: such a server is not ready.
    pub fn is_following(&self) -> bool {
        !self.thread.is_finished()
    }

    /// The last failure to load or prepare, if what is in force is not what the folder says.
    pub fn problem(&self) -> Option<Problem> {
        self.shared.problem.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells of each publication, with its generation.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.shared.generations.subscribe()
    }

    /// Reads the folder now, and publishes it if it changed. Returns the generation in force. Blocks
    /// until it is done: call it outside of async workers.
    pub fn reload(&self) -> u64 {
        let (reply, done) = mpsc::sync_channel(1);
        let sent = self.wake.send(Wake::Reload(reply)).is_ok();
        let generation = if sent { done.recv().ok() } else { None };
        generation.unwrap_or_else(|| self.current().generation)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // The thread may have ended on its own, which is as good.
        let _ = self.wake.send(Wake::Stop);
    }
}

/// Reads a configuration folder's texts.
///
/// # Errors
/// [`StartError::Folder`].
pub fn read(folder: &Path) -> Result<Tree, StartError> {
    read::list(folder).map_err(|failed| failed.error)?.load(folder)
}

#[cfg(test)]
mod tests;
