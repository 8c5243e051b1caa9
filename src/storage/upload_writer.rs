//! An upload that is being written to.

use bytes::Bytes;
use futures_util::future::try_join;

use super::error::blocking;
use super::upload_data::UploadData;
use super::upload_objects::Tail;
use super::{Key, StorageError};
use crate::oci::{Algorithm, Hasher, ImageName, UploadId};

/// How many chunks an upload can have on an object store. The record of its end and the pointer to its parts name
/// the parts of all of them, and stay far below what is read whole.
const CHUNKS_MAX: usize = 10_000;

/// As many bytes are hashed on one thread while another writes them; fewer are not worth a second thread.
const APART_BYTES: u64 = 256 * 1024;

/// What came of asking for an upload to write to.
#[derive(Debug)]
pub enum Acquired {
    /// No such session, or another owner's, or another image's.
    Unknown,
    /// Another writer is at work on it.
    Busy {
        /// How many bytes are acknowledged.
        offset: u64,
    },
    /// The session exists, but its bytes are no longer there: they were made a blob.
    Published,
    /// Here it is.
    Writer(UploadWriter),
}

/// An upload that is being written to: on a file system by nobody else at the same time, on an object store as if
/// by nobody else, until what was written is to count.
#[derive(Debug)]
pub struct UploadWriter {
    pub(super) image: ImageName,
    pub(super) id: UploadId,
    pub(super) data: WriterData,
    pub(super) hasher: Running,
    pub(super) acknowledged: u64,
    pub(super) length: u64,
}

/// Where what is written goes.
#[derive(Debug)]
pub(super) enum WriterData {
    /// To a file.
    File(UploadData),
    /// To objects.
    Objects(Box<Tail>),
}

/// The computation of a digest.
pub(super) struct Running(pub(super) Box<Hasher>);

impl Running {
    /// The digest's computation, taken up where a record left it.
    pub(super) fn resume(id: UploadId, sha256: &[u8]) -> Result<Hasher, StorageError> {
        Hasher::resume(Algorithm::Sha256, sha256).ok_or_else(|| StorageError::Damaged {
            key: Key::upload(id).to_string(),
            why: "the state of the digest cannot be read".to_owned(),
        })
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.algorithm().as_str())
    }
}

impl UploadWriter {
    pub(super) fn new(image: &ImageName, id: UploadId, data: WriterData, hasher: Hasher, acknowledged: u64) -> Self {
        let hasher = Running(Box::new(hasher));
        Self { image: image.clone(), id, data, hasher, acknowledged, length: acknowledged }
    }

    /// The session.
    pub fn id(&self) -> UploadId {
        self.id
    }

    /// Whether one more chunk can be acknowledged. What finishes the upload is no chunk.
    pub fn takes_chunk(&self) -> bool {
        match &self.data {
            WriterData::File(_) => true,
            WriterData::Objects(tail) => tail.before.as_ref().is_none_or(|chain| chain.places.len() < CHUNKS_MAX),
        }
    }

    /// Whether there is anything for [`Store::tidy_upload`](super::Store::tidy_upload) to remove when it is
    /// published: not where nobody else knows of the upload, and all of it is still in memory.
    pub fn leaves_records(&self) -> bool {
        match &self.data {
            WriterData::File(_) => false,
            WriterData::Objects(tail) => tail.before.is_some() || tail.parts.whole().is_none(),
        }
    }

    /// How many bytes were acknowledged before.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// How many bytes there are with those that were not acknowledged yet.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Says that the digest of the whole is wanted under an algorithm. Only SHA-256 can go on from a
    /// chunk to the next.
    pub fn expect(&mut self, algorithm: Algorithm) {
        if self.length == 0 {
            self.hasher = Running(Box::new(Hasher::new(algorithm)));
        }
    }

    /// Adds bytes. Not before it returns there is room for more.
    ///
    /// # Errors
    /// That of the storage; nothing that was not acknowledged is kept then.
    pub async fn write(self, pieces: Vec<Bytes>) -> Result<Self, StorageError> {
        let Self { image, id, data, mut hasher, acknowledged, length } = self;
        let before = length;
        let length = before + pieces.iter().map(|piece| piece.len() as u64).sum::<u64>();
        let (data, hasher) = match data {
            WriterData::File(mut data) if length - before < APART_BYTES => {
                blocking(move || {
                    pieces.iter().for_each(|piece| hasher.0.update(piece));
                    data.append(&pieces)?;
                    Ok((WriterData::File(data), hasher))
                })
                .await?
            }
            WriterData::File(mut data) => {
                let hashed = pieces.clone();
                let hashing = blocking(move || {
                    hashed.iter().for_each(|piece| hasher.0.update(piece));
                    Ok(hasher)
                });
                let writing = blocking(move || data.append(&pieces).map(|()| WriterData::File(data)));
                try_join(writing, hashing).await?
            }
            WriterData::Objects(mut tail) => {
                let hashed = pieces.clone();
                let hasher = blocking(move || {
                    hashed.iter().for_each(|piece| hasher.0.update(piece));
                    Ok(hasher)
                })
                .await?;
                for piece in pieces {
                    tail.parts.push(piece).await?;
                }
                (WriterData::Objects(tail), hasher)
            }
        };
        Ok(Self { image, id, data, hasher, acknowledged, length })
    }
}
