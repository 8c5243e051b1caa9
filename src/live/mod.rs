//! The folder, live: read, watch, publish. Nothing flows back.
//!
//! Imports `config` and `diagnostic`.

mod announce;
mod commit;
mod git;
mod inbox;
mod notice;
mod objects;
mod read;
mod reading;
mod revision;
mod settle;
mod walk;
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
pub use revision::{is_revision, read_revision};
use worker::Worker;

/// A configuration in force.
#[derive(Debug, Clone)]
pub struct Published {
    /// Counts publications, from 1.
    pub generation: u64,
    /// What is enforced.
    pub model: Arc<Model>,
    /// The compile it came from, with all that is wrong.
    pub compiled: Arc<Compiled>,
    /// When it was published.
    pub since: Timestamp,
    /// The git commit of the folder, where it is a work tree, with `-dirty` behind it where the folder is
    /// not as that commit is; known a moment after publication, as nothing waits for git.
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
    /// A git revision of the folder cannot be read.
    #[error("cannot read the configuration at `{revision}`: {why}")]
    Revision {
        /// The revision, as it was given.
        revision: String,
        /// Why not.
        why: String,
        /// What to do about it, where there is something.
        hint: Option<String>,
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

/// What came of a reload that was asked for.
#[derive(Debug, Clone)]
pub struct Reloaded {
    /// What is in force now.
    pub published: Arc<Published>,
    /// Whether it was not before.
    pub is_new: bool,
    /// The content hash of the folder as it was read; `None` where it could not be.
    pub hash: Option<String>,
    /// Why the folder as it is could not be put in force.
    pub problem: Option<Problem>,
}

/// Reloads that did not lead to a publication as written, since the start.
#[derive(Debug, Clone, Copy, Default)]
pub struct Failures {
    /// How many; the same failure again is none.
    pub count: u64,
    /// When the last one was.
    pub last: Option<Timestamp>,
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
    failures: RwLock<Failures>,
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
        let worker = Worker::new(folder.to_owned(), prepare, (wake.clone(), wakes));
        let died = |_| StartError::Prepare("the thread that reads the configuration ended".to_owned());
        let thread = std::thread::Builder::new()
            .name("reload".to_owned())
            .spawn(move || worker.run(&started))
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

    /// How often loading or preparing failed, and when it did last.
    pub fn failures(&self) -> Failures {
        *self.shared.failures.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells of each publication, with its generation.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.shared.generations.subscribe()
    }

    /// Reads the folder now, and publishes it if it changed. Returns the generation in force. Blocks
    /// until it is done: call it outside of async workers.
    pub fn reload(&self) -> u64 {
        self.reload_accepting(None).published.generation
    }

    /// The same, but the folder is taken as it is, whatever it removes, where its content hash is `accept`.
    /// Blocks, too.
    pub fn reload_accepting(&self, accept: Option<String>) -> Reloaded {
        let (reply, done) = mpsc::sync_channel(1);
        let sent = self.wake.send(Wake::Reload { accept, reply }).is_ok();
        let reloaded = if sent { done.recv().ok() } else { None };
        reloaded.unwrap_or_else(|| {
            let message = "changes of the configuration are no longer followed".to_owned();
            let problem = Some(Problem { at: Timestamp::now(), message });
            Reloaded { published: self.current(), is_new: false, hash: None, problem }
        })
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
    let listing = walk::list(folder).map_err(|failed| failed.error)?;
    listing.require_whole(folder)?;
    listing.load(folder, |_, _| None).map(|(tree, _)| tree)
}

#[cfg(test)]
mod tests;
