//! Reading a blob from an object store, wherever its parts are, as it comes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use object_store::{GetOptions, GetRange};

use super::objects::object_error;
use super::pointer::Location;
use super::remote::Remote;
use super::{Key, StorageError};

/// How often in a row reading on may fail before it is given up. (The start of each try is tried again by itself.)
const FAILURES_MAX: u32 = 4;

/// For how long reading on may come to nothing. A slow client counts, too: a failure after that is the end.
const STANDSTILL: Duration = Duration::from_secs(15);

/// The first pause after a failure; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(100);

/// A range of a blob that is being read. No more is in memory than what the connection holds.
pub(super) struct ObjectStream {
    remote: Arc<Remote>,
    /// What is still to be read, the first of it perhaps in part.
    wanted: VecDeque<Wanted>,
    current: Option<BoxStream<'static, object_store::Result<Bytes>>>,
    failures: u32,
    /// When the last bytes came.
    progress: Instant,
    /// Where all of the blob is, and how large it is, once the parts are gone.
    settled: Option<(Key, u64)>,
}

struct Wanted {
    key: Key,
    size: u64,
    /// Where it begins in the blob.
    begin: u64,
    position: u64,
    end: u64,
}

impl ObjectStream {
    /// Begins to read the bytes from `start` up to but not including `end`, both within the blob. The first object
    /// is open when it returns.
    pub(super) async fn begin(
        remote: Arc<Remote>,
        location: &Location,
        start: u64,
        end: u64,
    ) -> Result<Self, StorageError> {
        let mut wanted = VecDeque::new();
        let mut begin = 0_u64;
        for (key, size) in &location.parts {
            let from = start.saturating_sub(begin).min(*size);
            let to = end.saturating_sub(begin).min(*size);
            if from < to {
                wanted.push_back(Wanted { key: key.clone(), size: *size, begin, position: from, end: to });
            }
            begin += size;
        }
        let settled = location.settled.clone().map(|key| (key, location.size));
        let mut stream = Self { remote, wanted, current: None, failures: 0, progress: Instant::now(), settled };
        stream.open().await?;
        Ok(stream)
    }

    /// Opens the object that is to be read next. Where it is gone, the whole blob may have been brought to its
    /// final key since.
    async fn open(&mut self) -> Result<(), StorageError> {
        let Some(first) = self.wanted.front() else { return Ok(()) };
        let absent = match open(&self.remote, first).await {
            Err(error) if error.is_not_found() => error,
            result => {
                self.current = Some(result?);
                return Ok(());
            }
        };
        let (Some((key, size)), Some(last)) = (self.settled.take(), self.wanted.back()) else { return Err(absent) };
        let position = first.begin + first.position;
        let whole = Wanted { key, size, begin: 0, position, end: last.begin + last.end };
        self.current = match open(&self.remote, &whole).await {
            Err(error) if error.is_not_found() => return Err(absent),
            result => Some(result?),
        };
        self.wanted = VecDeque::from([whole]);
        Ok(())
    }

    /// The next bytes, for a stream that ends with the first error.
    pub(super) async fn step(mut self) -> Option<(Result<Bytes, StorageError>, Self)> {
        let next = self.next().await?;
        if next.is_err() {
            self.wanted.clear();
        }
        Some((next, self))
    }

    async fn next(&mut self) -> Option<Result<Bytes, StorageError>> {
        loop {
            let wanted = self.wanted.front()?;
            if wanted.position == wanted.end {
                self.wanted.pop_front();
                self.current = None;
                continue;
            }
            if self.current.is_none() {
                match self.open().await {
                    Ok(()) => {}
                    // It may pass: the store was asked, and did not answer.
                    Err(error @ StorageError::Object { .. }) => match self.pause(error).await {
                        Ok(()) => continue,
                        Err(error) => return Some(Err(error)),
                    },
                    Err(error) => return Some(Err(error)),
                }
            }
            let (wanted, current) = (self.wanted.front_mut()?, self.current.as_mut()?);
            let error = match current.next().await {
                Some(Ok(bytes)) if bytes.is_empty() => continue,
                Some(Ok(bytes)) if bytes.len() as u64 <= wanted.end - wanted.position => {
                    wanted.position += bytes.len() as u64;
                    self.failures = 0;
                    self.progress = Instant::now();
                    return Some(Ok(bytes));
                }
                Some(Ok(_)) => return Some(Err(damaged(&wanted.key, "more bytes came than were asked for"))),
                Some(Err(error)) => object_error(&wanted.key, error),
                None => damaged(&wanted.key, "it ended too early"),
            };
            // Goes on where it broke off.
            self.current = None;
            if let Err(error) = self.pause(error).await {
                return Some(Err(error));
            }
        }
    }

    /// Waits after a failure; gives the error back where it has lasted too long.
    async fn pause(&mut self, error: StorageError) -> Result<(), StorageError> {
        self.failures += 1;
        if self.failures > FAILURES_MAX || self.progress.elapsed() > STANDSTILL {
            return Err(error);
        }
        tracing::debug!(%error, "reading on is tried again");
        tokio::time::sleep(PAUSE * 2_u32.pow(self.failures - 1)).await;
        Ok(())
    }
}

async fn open(
    remote: &Remote,
    wanted: &Wanted,
) -> Result<BoxStream<'static, object_store::Result<Bytes>>, StorageError> {
    let options = GetOptions { range: Some(GetRange::Bounded(wanted.position..wanted.end)), ..GetOptions::default() };
    let found = remote.streams.get_opts(&wanted.key.path(), options).await;
    let found = found.map_err(|error| object_error(&wanted.key, error))?;
    if found.meta.size != wanted.size {
        let why = format!("it has {} bytes instead of {}", found.meta.size, wanted.size);
        return Err(damaged(&wanted.key, &why));
    }
    Ok(found.into_stream())
}

fn damaged(key: &Key, why: &str) -> StorageError {
    StorageError::Damaged { key: key.to_string(), why: why.to_owned() }
}
