//! Reading blobs, a bounded piece at a time.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::task::JoinHandle;

use super::{StorageError, at_hand};

/// How much is read at once, in bytes. One more piece is read ahead.
const PIECE_BYTES: u64 = 512 * 1024;

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
    /// In memory.
    Memory(Bytes),
}

impl BlobReader {
    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Reads the bytes from `start` up to but not including `end`; both are cut down to the size.
    pub fn read(self, start: u64, end: u64) -> BlobStream {
        let end = end.min(self.size);
        let start = start.min(end);
        match self.content {
            BlobContent::Memory(bytes) => {
                // Both positions lie within bytes that are in memory, and so fit.
                let part = bytes.slice(start as usize..end as usize);
                Box::pin(stream::iter((!part.is_empty()).then_some(Ok(part))))
            }
            BlobContent::File { file, path } => {
                if let Some(whole) = at_hand::piece(&file, start, end - start) {
                    return Box::pin(stream::iter((!whole.is_empty()).then_some(Ok(whole))));
                }
                let ahead = ReadAhead { file, path, position: start, end, next: None };
                Box::pin(stream::unfold(ahead, ReadAhead::step))
            }
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
        let length = (self.end - self.position).min(PIECE_BYTES);
        if length == 0 {
            return None;
        }
        let (file, path, position) = (Arc::clone(&self.file), Arc::clone(&self.path), self.position);
        self.position += length;
        Some(tokio::task::spawn_blocking(move || {
            let mut piece = vec![0; length as usize];
            // A file that has become shorter is an error here, and never an endless stream.
            file.read_exact_at(&mut piece, position)
                .map_err(|source| StorageError::Io { path: path.to_string(), source })?;
            Ok(piece.into())
        }))
    }
}
