//! Opens storages without waiting for a disk that hangs.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::policy::StorageKey;

type Attempt = JoinHandle<Result<(), String>>;

/// The attempts to open a storage that did not end yet.
pub(super) struct Opening {
    runtime: Handle,
    hanging: Mutex<BTreeMap<StorageKey, Attempt>>,
}

impl Opening {
    pub(super) fn new(runtime: Handle) -> Self {
        Self { runtime, hanging: Mutex::default() }
    }

    /// Opens storages, each on a thread of its own, and waits at most for `limit`. What takes longer goes
    /// on and is not begun again before it ended. Returns what is wrong.
    pub(super) fn open<Open>(&self, storages: Vec<(StorageKey, Open)>, limit: Option<Duration>) -> Vec<String>
    where
        Open: FnOnce() -> Result<(), String> + Send + 'static,
    {
        let mut problems = Vec::new();
        let mut begun = Vec::new();
        {
            let mut hanging = self.hanging.lock().unwrap_or_else(PoisonError::into_inner);
            hanging.retain(|_, attempt| !attempt.is_finished());
            for (key, open) in storages {
                if hanging.contains_key(&key) {
                    problems.push(no_answer(&key));
                } else {
                    begun.push((key, self.runtime.spawn_blocking(open)));
                }
            }
        }
        let deadline = limit.map(|limit| Instant::now() + limit);
        for (key, mut attempt) in begun {
            let ended = self.runtime.block_on(async {
                match deadline {
                    Some(deadline) => timeout_at(deadline, &mut attempt).await.ok(),
                    None => Some((&mut attempt).await),
                }
            });
            match ended {
                Some(Ok(Ok(()))) => {}
                Some(Ok(Err(error))) => problems.push(format!("cannot open a storage: {error}")),
                Some(Err(error)) => problems.push(format!("cannot open the storage `{}`: {error}", key.0)),
                None => {
                    problems.push(no_answer(&key));
                    self.hanging.lock().unwrap_or_else(PoisonError::into_inner).insert(key, attempt);
                }
            }
        }
        problems
    }
}

fn no_answer(key: &StorageKey) -> String {
    format!("cannot open the storage `{}` yet: it does not answer", key.0)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, mpsc};

    use super::*;

    #[test]
    fn a_disk_that_hangs_holds_up_one_reload_for_a_moment_and_no_further_one() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let opening = Opening::new(runtime.handle().clone());
        let (tries, opened) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (answer, answers) = mpsc::channel::<()>();
        let answers = Arc::new(Mutex::new(answers));
        let hanging = || {
            let (tries, opened, answers) = (Arc::clone(&tries), Arc::clone(&opened), Arc::clone(&answers));
            let open = move || {
                tries.fetch_add(1, Ordering::SeqCst);
                let _ = answers.lock().unwrap().recv();
                opened.fetch_add(1, Ordering::SeqCst);
                Ok(())
            };
            vec![(StorageKey("fs:/hangs".into()), open)]
        };
        let began = std::time::Instant::now();
        let problems = opening.open(hanging(), Some(Duration::from_millis(100)));
        assert_eq!(problems, ["cannot open the storage `fs:/hangs` yet: it does not answer"]);
        // Known to hang: nobody waits for it again.
        assert_eq!(opening.open(hanging(), Some(Duration::from_secs(60))), problems);
        assert!(began.elapsed() < Duration::from_secs(30));
        assert_eq!(tries.load(Ordering::SeqCst), 1);

        answer.send(()).unwrap();
        drop(answer);
        while !opening.open(hanging(), None).is_empty() {
            assert!(began.elapsed() < Duration::from_secs(30));
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(opened.load(Ordering::SeqCst), 2, "the first went on, and once it ended another began");
    }
}
