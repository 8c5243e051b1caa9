//! Log lines on their way to stderr, without threads that wait for each other.
//!
//! Whoever has a line while another thread writes leaves it to that thread, which writes on until nothing is
//! left. A line is therefore out at once, or as soon as the one before it is.

use std::io::{self, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use tracing_subscriber::fmt::MakeWriter;

/// How many bytes may be left to another thread; where there are more, a line waits for room.
const WAITING_MAX_BYTES: usize = 256 * 1024;

/// Lines that go one after another to one place.
#[derive(Debug, Default)]
pub(super) struct Lines<W> {
    state: Mutex<State<W>>,
    has_room: Condvar,
}

#[derive(Debug, Default)]
struct State<W> {
    waiting: Vec<u8>,
    /// `None` while a thread writes.
    out: Option<W>,
}

impl<W: Write> Lines<W> {
    pub(super) fn new(out: W) -> Self {
        Self { state: Mutex::new(State { waiting: Vec::new(), out: Some(out) }), has_room: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State<W>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, line: &[u8]) {
        let mut state = self.state();
        while state.out.is_none() && state.waiting.len() + line.len() > WAITING_MAX_BYTES && !state.waiting.is_empty() {
            state = self.has_room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let Some(mut out) = state.out.take() else {
            state.waiting.extend_from_slice(line);
            return;
        };
        drop(state);
        // There is nobody to tell that the log cannot be written.
        let _ = out.write_all(line);
        let mut lines = Vec::new();
        loop {
            let mut state = self.state();
            lines.clear();
            std::mem::swap(&mut state.waiting, &mut lines);
            if lines.is_empty() {
                state.out = Some(out);
                return;
            }
            drop(state);
            self.has_room.notify_all();
            let _ = out.write_all(&lines);
        }
    }
}

/// Takes whole lines.
pub(super) struct Line<'a, W>(&'a Lines<W>);

impl<W: Write> Write for Line<'_, W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.send(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a, W: Write + 'a> MakeWriter<'a> for Lines<W> {
    type Writer = Line<'a, W>;

    fn make_writer(&'a self) -> Self::Writer {
        Line(self)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// Takes a little at a time, and slowly.
    #[derive(Clone, Default)]
    struct Slow(Arc<Mutex<Vec<u8>>>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            std::thread::yield_now();
            let count = bytes.len().min(7);
            self.0.lock().unwrap().extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_line_arrives_whole_and_those_of_a_thread_in_order() {
        let out = Slow::default();
        let lines = Lines::new(out.clone());
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let lines = &lines;
                scope.spawn(move || {
                    for number in 0..200 {
                        let line = format!("{thread} {number:04} {}\n", "x".repeat(3000));
                        assert_eq!(lines.make_writer().write(line.as_bytes()).unwrap(), line.len());
                    }
                });
            }
        });
        let text = String::from_utf8(out.0.lock().unwrap().clone()).unwrap();
        let mut next = [0; 4];
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let thread: usize = words[0].parse().unwrap();
            assert_eq!((words[1].parse(), words[2].len()), (Ok(next[thread]), 3000));
            next[thread] += 1;
        }
        assert_eq!(next, [200; 4]);
    }
}
