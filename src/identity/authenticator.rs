//! Checking passwords: remembered successes, a bounded pool, and brakes on guessing.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use sha2::Sha256;
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::brakes::{Brakes, Counter, network};
use super::{HashKind, PasswordHash, SecretVersion, User};

/// How many successes are remembered.
const REMEMBERED: u64 = 100_000;

/// When to try again where too many checks wait.
const QUEUE_RETRY: Duration = Duration::from_secs(1);

/// A repeated failure is answered at most this many quanta later than the first.
const MAX_SLOWDOWN_QUANTA: f64 = 5.0;

/// With each check, this part of the slowest check's time is forgotten.
const SLOWEST_FADES: u32 = 256;

/// Bounds of the checking of passwords.
#[derive(Debug, Clone)]
pub struct AuthenticatorOptions {
    /// How many checks run at the same time.
    pub workers: usize,
    /// How many checks may wait; more are refused.
    pub queue: usize,
    /// How long a success is remembered after it was last of use.
    pub remember: Duration,
    /// Failures are answered at multiples of this after the request, so that their time tells nothing.
    pub quantum: Duration,
    /// In which time failures are counted.
    pub window: Duration,
    /// How many failures of one name from one address are taken in a window.
    pub failures_per_name: u32,
    /// How many failures from one address are taken in a window.
    pub failures_per_address: u32,
}

impl Default for AuthenticatorOptions {
    /// Half of the cores check passwords, so that a storm of logins leaves the other half to pulls.
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            workers: (cores / 2).clamp(1, 8),
            queue: 256,
            remember: Duration::from_secs(60 * 60),
            quantum: Duration::from_millis(400),
            window: Duration::from_secs(60),
            failures_per_name: 10,
            failures_per_address: 100,
        }
    }
}

/// Why nobody is signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotSignedIn {
    /// No such user, a wrong password, or a user who is disabled or expired: nobody can tell which.
    Wrong,
    /// Too many failures, or too many checks at once.
    TooMany {
        /// When to try again.
        retry_after: Duration,
    },
}

/// Checks passwords. One for the whole server, so that its memory and its brakes hold everywhere.
pub struct Authenticator {
    options: AuthenticatorOptions,
    /// Keyed with random bytes of this process: what is remembered is of no use to anyone else.
    /// `None` where the system gave no random bytes; then nothing is remembered.
    key: Option<Hmac<Sha256>>,
    remembered: Cache<[u8; 32], ()>,
    brakes: Brakes,
    /// One place for each check that runs or waits.
    places: Arc<Semaphore>,
    workers: Arc<Semaphore>,
    running: Mutex<HashMap<[u8; 32], Arc<Outcome>>>,
    /// How long the slowest checks take.
    slowest: Mutex<Duration>,
}

/// What came out of a check: the secret that fits, if one does. Shared by all who ask the same.
type Outcome = OnceCell<Option<SecretVersion>>;

impl Authenticator {
    /// Starts with nothing remembered.
    pub fn new(options: AuthenticatorOptions) -> Self {
        let mut key = [0; 64];
        let key = getrandom::fill(&mut key).is_ok().then(|| Hmac::new(&key.into()));
        let remembered = Cache::builder()
            .max_capacity(REMEMBERED)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_idle(options.remember)
            .build();
        Self {
            key,
            remembered,
            brakes: Brakes::new(options.window),
            places: Arc::new(Semaphore::new(options.workers.max(1) + options.queue)),
            workers: Arc::new(Semaphore::new(options.workers.max(1))),
            running: Mutex::default(),
            slowest: Mutex::default(),
            options,
        }
    }

    /// Checks a password of a user (`None`: nobody has this name, which takes the same time) and
    /// says which of the user's secrets it was.
    ///
    /// # Errors
    /// [`NotSignedIn`].
    pub async fn check(
        &self,
        name: &str,
        user: Option<&Arc<User>>,
        password: &str,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<SecretVersion, NotSignedIn> {
        let start = Instant::now();
        let active = user.filter(|user| user.is_active(now));
        if let Some(version) = active.and_then(|user| self.recall(user, password, now)) {
            return Ok(version);
        }
        let counters = self.counters(name, address)?;
        let secrets: Vec<_> = user
            .into_iter()
            .flat_map(|user| user.secrets_at(now).map(|secret| (secret.version(), secret.hash.clone())))
            .collect();
        let attempt =
            Attempt { secrets, is_active: active.is_some(), password: password.to_owned(), counters: counters.clone() };
        let found = self.shared(name, attempt).await?;
        match (found, active) {
            (Some(version), Some(user)) => {
                self.remember(user, password, version);
                Ok(version)
            }
            // The right password of somebody who is locked out fails like a wrong one.
            _ => Err(self.fail_at(start, &counters).await),
        }
    }

    /// Runs a check, or waits for the same one that runs already.
    async fn shared(&self, name: &str, attempt: Attempt) -> Result<Option<SecretVersion>, NotSignedIn> {
        let Some(key) = self.attempt_key(name, &attempt) else { return self.run(attempt).await };
        let flight = Flight::join(&self.running, key);
        // Whoever runs and is refused, by the brakes of their own address, leaves it to the next.
        flight.outcome.get_or_try_init(|| self.run(attempt)).await.copied()
    }

    /// Runs a check in the pool.
    async fn run(&self, attempt: Attempt) -> Result<Option<SecretVersion>, NotSignedIn> {
        let busy = NotSignedIn::TooMany { retry_after: QUEUE_RETRY };
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| busy)?;
        let worker = Arc::clone(&self.workers).acquire_owned().await.map_err(|_| busy)?;
        // A try is taken only now, when at most as many as there are workers are unsettled: otherwise
        // many right logins at once from one address would look like many failures.
        take_all(&attempt.counters)?;
        // The permits live as long as the hashing does, even where the one who asked has gone.
        let checked = tokio::task::spawn_blocking(move || {
            let start = Instant::now();
            (attempt.verify([place, worker]), start.elapsed())
        });
        let (found, took) = checked.await.map_err(|_| busy)?;
        self.saw(took);
        Ok(found)
    }

    /// Keeps in mind how long the slowest checks take. A single slow one is forgotten in time.
    fn saw(&self, took: Duration) {
        let mut slowest = self.slowest.lock().unwrap_or_else(PoisonError::into_inner);
        *slowest = (*slowest - *slowest / SLOWEST_FADES).max(took);
    }

    /// Waits until a failure may be answered: not before the slowest check would be done, so that an
    /// entry which costs more than others does not tell that its user exists.
    async fn fail_at(&self, start: Instant, counters: &[Arc<Counter>; 2]) -> NotSignedIn {
        let quantum = self.options.quantum.as_secs_f64();
        if quantum > 0.0 {
            let repeated = (counters[0].failures() - 1.0).floor().clamp(0.0, MAX_SLOWDOWN_QUANTA);
            let slowest = *self.slowest.lock().unwrap_or_else(PoisonError::into_inner);
            let least = start.elapsed().max(slowest).as_secs_f64();
            let quanta = (least / quantum).ceil().max(1.0 + repeated);
            tokio::time::sleep_until(start + self.options.quantum.mul_f64(quanta)).await;
        }
        NotSignedIn::Wrong
    }

    fn recall(&self, user: &User, password: &str, now: Timestamp) -> Option<SecretVersion> {
        let mut versions = user.secrets_at(now).map(|secret| secret.version());
        versions.find(|version| {
            self.success_key(user, password, *version).is_some_and(|key| self.remembered.get(&key).is_some())
        })
    }

    fn remember(&self, user: &User, password: &str, version: SecretVersion) {
        if let Some(key) = self.success_key(user, password, version) {
            self.remembered.insert(key, ());
        }
    }

    fn success_key(&self, user: &User, password: &str, version: SecretVersion) -> Option<[u8; 32]> {
        let name = user.name.as_str().as_bytes();
        self.keyed(&[b"success", name, version.as_bytes(), password.as_bytes()])
    }

    fn attempt_key(&self, name: &str, attempt: &Attempt) -> Option<[u8; 32]> {
        let mut parts = vec![b"attempt".as_slice(), name.as_bytes(), attempt.password.as_bytes()];
        parts.extend(attempt.secrets.iter().map(|(version, _)| version.as_bytes().as_slice()));
        self.keyed(&parts)
    }

    /// The counters of a name at an address, and of the address, where each has a try left. That of
    /// the name is made last: an address that guesses cannot push other counters out with names.
    fn counters(&self, name: &str, address: IpAddr) -> Result<[Arc<Counter>; 2], NotSignedIn> {
        let refused = |retry_after| NotSignedIn::TooMany { retry_after };
        let network = network(address).to_string();
        // Without a key everything is one counter: still a limit.
        let by_address = self.keyed(&[b"address", network.as_bytes()]).unwrap_or([1; 32]);
        let by_address = self.brakes.counter(by_address, self.options.failures_per_address);
        by_address.check().map_err(refused)?;
        let by_name = self.keyed(&[b"name", name.as_bytes(), network.as_bytes()]).unwrap_or([0; 32]);
        let by_name = self.brakes.counter(by_name, self.options.failures_per_name);
        by_name.check().map_err(refused)?;
        Ok([by_name, by_address])
    }

    fn keyed(&self, parts: &[&[u8]]) -> Option<[u8; 32]> {
        let mut mac = self.key.clone()?;
        for part in parts {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        Some(mac.finalize().into_bytes().into())
    }
}

fn take_all([by_name, by_address]: &[Arc<Counter>; 2]) -> Result<(), NotSignedIn> {
    let refused = |retry_after| NotSignedIn::TooMany { retry_after };
    by_name.take().map_err(refused)?;
    by_address.take().map_err(|retry_after| {
        by_name.give_back();
        refused(retry_after)
    })
}

/// One check: the secrets that the password may be, none for an unknown user.
struct Attempt {
    secrets: Vec<(SecretVersion, PasswordHash)>,
    is_active: bool,
    password: String,
    counters: [Arc<Counter>; 2],
}

impl Attempt {
    fn verify(self, _permits: [OwnedSemaphorePermit; 2]) -> Option<SecretVersion> {
        let found = self.secrets.iter().find(|(_, hash)| hash.verify(&self.password)).map(|(version, _)| *version);
        if found.is_some() && self.is_active {
            self.counters.iter().for_each(|counter| counter.give_back());
        } else if !self.secrets.iter().any(|(_, hash)| matches!(hash.kind(), HashKind::Argon2 | HashKind::Bcrypt)) {
            // An unknown user, or one with a cheap entry, costs what others cost.
            std::hint::black_box(PasswordHash::nobodys().verify(&self.password));
        }
        found
    }
}

/// The part of one asker in a check that may be shared. The last one to leave forgets the check.
struct Flight<'a> {
    running: &'a Mutex<HashMap<[u8; 32], Arc<Outcome>>>,
    key: [u8; 32],
    outcome: Arc<Outcome>,
}

impl<'a> Flight<'a> {
    fn join(running: &'a Mutex<HashMap<[u8; 32], Arc<Outcome>>>, key: [u8; 32]) -> Self {
        let mut flights = running.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = Arc::clone(flights.entry(key).or_default());
        Self { running, key, outcome }
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut flights = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        // Two are left: the map's and this one. Nobody can join while the lock is held.
        if Arc::strong_count(&self.outcome) == 2 {
            flights.remove(&self.key);
        }
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").field("options", &self.options).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "authenticator_tests.rs"]
mod tests;
