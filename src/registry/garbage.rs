//! What became of collecting garbage in this process, for those who watch it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use super::Collected;

/// Counts what collectors did.
#[derive(Debug, Default)]
pub struct GarbageTally {
    runs: AtomicU64,
    failures: AtomicU64,
    freed_bytes: AtomicU64,
    last_success: AtomicU64,
}

/// What was counted.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct GarbageCounts {
    /// Runs that came to their end, one for each storage.
    pub runs: u64,
    /// Runs that failed.
    pub failures: u64,
    /// Bytes that were deleted.
    pub freed_bytes: u64,
    /// When the last run came to its end, in seconds since 1970; 0 where none did.
    pub last_success: u64,
}

impl GarbageTally {
    /// Counts a run that came to its end.
    pub fn succeeded(&self, collected: &Collected) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.runs.fetch_add(1, Ordering::Relaxed);
        self.freed_bytes.fetch_add(collected.bytes, Ordering::Relaxed);
        self.last_success.store(now, Ordering::Relaxed);
    }

    /// Counts a run that failed.
    pub fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// What was counted so far.
    pub fn counts(&self) -> GarbageCounts {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        GarbageCounts {
            runs: read(&self.runs),
            failures: read(&self.failures),
            freed_bytes: read(&self.freed_bytes),
            last_success: read(&self.last_success),
        }
    }
}
