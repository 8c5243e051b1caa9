//! Reading blobs, a bounded piece at a time.

use std::fs::File;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::{Stream, stream};
use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use tokio::task::JoinHandle;

use super::object_stream::ObjectStream;
use super::pointer::Location;
use super::remote::Remote;
use super::{StorageError, at_hand};

/// How much is read at once, in bytes. One more piece is read ahead.
const PIECE_BYTES: u64 = 512 * 1024;

/// The same where there are many readers: large pieces save time, and many of them take memory, which the
/// allocator keeps for each thread that ever read one.
const SMALL_PIECE_BYTES: u64 = 256 * 1024;

/// More readers than this are many.
const FEW_READERS: usize = 8;

/// How many there are in this process, whose memory it is about.
static READERS: AtomicUsize = AtomicUsize::new(0);

/// The bytes of a blob, in pieces.
pub type BlobStream = Pin<Box<dyn Stream<Item = Result<Bytes, StorageError>> + Send>>;

/// A blob that was found.
#[derive(Debug)]
pub struct BlobReader {
    pub(super) size: u64,
    pub(super) content: BlobContent,
}

/// Where a blob's bytes are.
#[derive(Debug)]
pub(super) enum BlobContent {
    /// In an open file, which stays readable when its name is removed.
    File { file: Arc<File>, path: Arc<str> },
    /// In one object or in several.
    Objects { remote: Arc<Remote>, location: Arc<Location> },
}

impl BlobReader {
    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Reads the bytes from `start` up to but not including `end`; both are cut down to the size.
    ///
    /// # Errors
    /// An object store does not give them. (What fails later is in the stream.)
    pub async fn read(self, start: u64, end: u64) -> Result<BlobStream, StorageError> {
        let end = end.min(self.size);
        let start = start.min(end);
        Ok(match self.content {
            BlobContent::Objects { remote, location } => {
                let begun = ObjectStream::begin(remote, &location, start, end).await?;
                Box::pin(stream::unfold(begun, ObjectStream::step))
            }
            BlobContent::File { file, path } => {
                if let Some(whole) = at_hand::piece(&file, start, end - start) {
                    return Ok(Box::pin(stream::iter((!whole.is_empty()).then_some(Ok(whole)))));
                }
                READERS.fetch_add(1, Ordering::Relaxed);
                let ahead = ReadAhead { file, path, position: start, end, next: None };
                Box::pin(stream::unfold(ahead, ReadAhead::step))
            }
        })
    }

    /// A URL under which the client can read the blob from the store itself for a while, where the storage sends
    /// clients there and the blob is one object.
    ///
    /// # Errors
    /// The keys to the store cannot be had.
    pub async fn url(&self) -> Result<Option<String>, StorageError> {
        match &self.content {
            BlobContent::Objects { remote, location } => match location.parts.as_slice() {
                [(key, _)] => remote.url(key).await,
                _ => Ok(None),
            },
            BlobContent::File { .. } => Ok(None),
        }
    }
}

struct ReadAhead {
    file: Arc<File>,
    path: Arc<str>,
    position: u64,
    end: u64,
    next: Option<JoinHandle<Result<Bytes, StorageError>>>,
}

impl ReadAhead {
    async fn step(mut self) -> Option<(Result<Bytes, StorageError>, Self)> {
        let current = match self.next.take() {
            Some(next) => next,
            None => self.begin()?,
        };
        self.next = self.begin();
        let piece = match current.await {
            Ok(piece) => piece,
            Err(error) => Err(StorageError::Stopped(error.to_string())),
        };
        if piece.is_err() {
            // Nothing can follow.
            self.position = self.end;
            self.next = None;
        }
        Some((piece, self))
    }

    fn begin(&mut self) -> Option<JoinHandle<Result<Bytes, StorageError>>> {
        let are_few = READERS.load(Ordering::Relaxed) <= FEW_READERS;
        let length = (self.end - self.position).min(if are_few { PIECE_BYTES } else { SMALL_PIECE_BYTES });
        if length == 0 {
            return None;
        }
        let (file, path, position) = (Arc::clone(&self.file), Arc::clone(&self.path), self.position);
        self.position += length;
        Some(tokio::task::spawn_blocking(move || {
            let piece = read_exact(&file, position, length as usize);
            piece.map(Bytes::from).map_err(|source| StorageError::Io { path: path.to_string(), source })
        }))
    }
}

/// Reads so many bytes at a place, into memory that nobody fills with zeros before. A file that has become shorter is
/// an error, and never an endless stream.
fn read_exact(file: &File, position: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut piece = Vec::with_capacity(length);
    while piece.len() < length {
        let at = position + piece.len() as u64;
        match rustix::io::pread(file, spare_capacity(&mut piece), at) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    piece.truncate(length);
    Ok(piece)
}

impl Drop for ReadAhead {
    fn drop(&mut self) {
        READERS.fetch_sub(1, Ordering::Relaxed);
    }
}
