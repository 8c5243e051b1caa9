//! What is told to the reloading thread, in order, with what it looked at before its turn.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::notice::{Change, Wake};

/// Longer is not waited for what is told on the way.
const PATIENCE: Duration = Duration::from_secs(2);

/// The receiving end of the wakes.
#[derive(Debug)]
pub(super) struct Inbox {
    wakes: Receiver<Wake>,
    /// What was received before its turn.
    waiting: VecDeque<Wake>,
    /// The watcher whose echoes are still to come, of calls that nobody waits for any more, and how many.
    owed: (u64, usize),
}

impl Inbox {
    pub(super) fn new(wakes: Receiver<Wake>) -> Self {
        Self { wakes, waiting: VecDeque::new(), owed: (0, 0) }
    }

    /// The next wake, within a time. An echo is none: nobody waits for it any more.
    pub(super) fn next(&mut self, timeout: Duration) -> Result<Wake, RecvTimeoutError> {
        if let Some(wake) = self.waiting.pop_front() {
            return Ok(wake);
        }
        let deadline = Instant::now() + timeout;
        loop {
            match self.wakes.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(Wake::Echo(watcher)) => self.take_owed(watcher),
                other => return other,
            }
        }
    }

    /// Looks at all changes that are told before the echo of a watcher; they keep their turn. `false` where
    /// the echo does not come.
    pub(super) fn until_echo(&mut self, of_watcher: u64, mut look: impl FnMut(&mut Change)) -> bool {
        let deadline = Instant::now() + PATIENCE;
        if self.owed.0 != of_watcher {
            self.owed = (of_watcher, 0);
        }
        loop {
            match self.wakes.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(Wake::Echo(watcher)) if self.owed == (watcher, 0) => return true,
                Ok(Wake::Echo(watcher)) => self.take_owed(watcher),
                Ok(mut wake) => {
                    if let Wake::Changed(change) = &mut wake {
                        look(change);
                    }
                    self.waiting.push_back(wake);
                }
                Err(_) => {
                    self.owed.1 += 1;
                    return false;
                }
            }
        }
    }

    fn take_owed(&mut self, watcher: u64) {
        if self.owed.0 == watcher {
            self.owed.1 = self.owed.1.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::super::settle::Moment;
    use super::*;

    fn change(watcher: u64) -> Wake {
        let (moved, lost, paths, acts, at) = (false, false, None, Vec::new(), Moment::now());
        Wake::Changed(Change { moved, lost, paths, acts, at, watcher })
    }

    #[test]
    fn what_comes_before_an_echo_is_looked_at_and_keeps_its_turn() {
        let (sender, wakes) = mpsc::channel();
        let mut inbox = Inbox::new(wakes);
        for wake in [change(1), Wake::Echo(1), change(2), Wake::Echo(2), change(3)] {
            sender.send(wake).unwrap();
        }
        let mut seen = Vec::new();
        assert!(inbox.until_echo(2, |change| seen.push(change.watcher)));
        assert_eq!(seen, [1, 2], "the echo of another watcher is none");
        let mut turn = || match inbox.next(Duration::ZERO) {
            Ok(Wake::Changed(change)) => change.watcher,
            other => panic!("{other:?}"),
        };
        assert_eq!([turn(), turn(), turn()], [1, 2, 3]);
    }

    #[test]
    fn an_echo_that_comes_too_late_is_not_that_of_the_next_call() {
        let (sender, wakes) = mpsc::channel();
        let mut inbox = Inbox::new(wakes);
        inbox.owed = (7, 1);
        for wake in [Wake::Echo(7), change(1), Wake::Echo(7)] {
            sender.send(wake).unwrap();
        }
        let mut seen = 0;
        assert!(inbox.until_echo(7, |_| seen += 1));
        assert_eq!(seen, 1);
        drop(sender);
        assert!(!inbox.until_echo(7, |_| ()), "nobody is left who would tell");
    }
}
