//! Counting failures, so that guessing is refused.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use moka::policy::EvictionPolicy;
use moka::sync::Cache;

/// How many counters are kept; the one that was not used for the longest time makes room.
const COUNTERS: u64 = 100_000;

/// Counts failures by a key. A counter runs out evenly: after one window without failures it is empty.
pub(super) struct Brakes {
    counters: Cache<[u8; 32], Arc<Counter>>,
    window: Duration,
}

/// The failures of one key.
pub(super) struct Counter {
    limit: u32,
    window: Duration,
    level: Mutex<(f64, Instant)>,
}

impl Brakes {
    pub(super) fn new(window: Duration) -> Self {
        let counters = Cache::builder()
            .max_capacity(COUNTERS)
            // Least recently used, so that a new guesser's counter is never the one to be dropped.
            .eviction_policy(EvictionPolicy::lru())
            .time_to_idle(window * 2)
            .build();
        Self { counters, window }
    }

    /// How many counters there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> u64 {
        self.counters.run_pending_tasks();
        self.counters.entry_count()
    }

    /// The counter of a key, which allows this many failures in a window.
    pub(super) fn counter(&self, key: [u8; 32], limit: u32) -> Arc<Counter> {
        self.counters.get_with(key, || {
            Arc::new(Counter { limit, window: self.window, level: Mutex::new((0.0, Instant::now())) })
        })
    }
}

impl Counter {
    /// Whether a try is left.
    ///
    /// # Errors
    /// How long it takes until there is one.
    pub(super) fn check(&self) -> Result<(), Duration> {
        self.with_level(|level| self.room(*level))
    }

    /// Counts a try as failed before its outcome is known, so that tries at the same time cannot be
    /// more than the limit.
    ///
    /// # Errors
    /// How long it takes until a try is left.
    pub(super) fn take(&self) -> Result<(), Duration> {
        self.with_level(|level| {
            self.room(*level)?;
            *level += 1.0;
            Ok(())
        })
    }

    /// Gives a try back that did not fail.
    pub(super) fn give_back(&self) {
        self.with_level(|level| *level = (*level - 1.0).max(0.0));
    }

    /// How many failures are remembered.
    pub(super) fn failures(&self) -> f64 {
        self.with_level(|level| *level)
    }

    fn room(&self, level: f64) -> Result<(), Duration> {
        let excess = level + 1.0 - f64::from(self.limit);
        if excess <= 0.0 {
            return Ok(());
        }
        let share = (excess / f64::from(self.limit.max(1))).min(1.0);
        Err(self.window.mul_f64(share))
    }

    fn with_level<T>(&self, act: impl FnOnce(&mut f64) -> T) -> T {
        let mut guard = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let (level, at) = &mut *guard;
        let now = Instant::now();
        let elapsed = now.saturating_duration_since(*at).as_secs_f64() / self.window.as_secs_f64().max(f64::EPSILON);
        *level = (*level - elapsed * f64::from(self.limit)).max(0.0);
        *at = now;
        act(level)
    }
}

/// What counts as one address: an IPv6 network of 64 bits belongs to one customer.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_holds_and_runs_out() {
        let brakes = Brakes::new(Duration::from_millis(300));
        let counter = brakes.counter([0; 32], 3);
        for _ in 0..3 {
            counter.take().unwrap();
        }
        let wait = brakes.counter([0; 32], 3).take().unwrap_err();
        assert!(wait > Duration::ZERO && wait <= Duration::from_millis(100), "{wait:?}");
        assert!(brakes.counter([1; 32], 3).check().is_ok(), "another key");
        std::thread::sleep(wait + Duration::from_millis(20));
        assert!(counter.take().is_ok());
    }

    #[test]
    fn a_try_that_did_not_fail_does_not_count() {
        let counter = Brakes::new(Duration::from_secs(60)).counter([0; 32], 1);
        for _ in 0..5 {
            counter.take().unwrap();
            counter.give_back();
        }
        assert!(counter.check().is_ok());
    }

    #[test]
    fn an_address_is_what_one_customer_has() {
        let network = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(network("192.0.2.7"), "192.0.2.7");
    }
}
