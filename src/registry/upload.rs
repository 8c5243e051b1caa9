//! Receiving blobs.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use tokio::task::JoinHandle;

use super::{BodyError, Confirm, Registry, RegistryError, StorageError, UploadStatus, manifests, uses};
use crate::oci::{ContentRange, Digest, ImageName, UploadId};
use crate::policy::PushPermit;
use crate::storage::{Acquired, Store, UploadWriter};

/// How many bytes are gathered before they are written. As many again may be on their way to disk.
const BATCH_BYTES: usize = 1024 * 1024;

/// How many pieces are gathered at most, as they come from the network: they are not copied together.
const BATCH_PIECES: usize = 1024;

/// How often, and after which pause, a cancel waits for a writer whose client has just gone away.
const CANCEL_ATTEMPTS: usize = 20;
const CANCEL_PAUSE: Duration = Duration::from_millis(50);

impl Registry {
    /// Begins an upload session.
    ///
    /// # Errors
    /// That of the storage.
    pub async fn start_upload(&self, permit: &PushPermit) -> Result<UploadStatus, RegistryError> {
        let store = self.store(permit.storage())?;
        let (begun, image, owner) = (Arc::clone(&store), permit.image().clone(), owner(permit).map(str::to_owned));
        let id = store.to_the_end(async move { begun.begin_upload(&image, owner.as_deref()).await }).await??;
        Ok(UploadStatus { id, offset: 0 })
    }

    /// Where an upload session stands.
    ///
    /// # Errors
    /// [`RegistryError::UploadUnknown`] where there is none of this owner in this image.
    pub async fn upload_status(&self, permit: &PushPermit, id: UploadId) -> Result<UploadStatus, RegistryError> {
        let store = self.store(permit.storage())?;
        let offset = store.upload_offset(permit.image(), owner(permit), id).await?;
        Ok(UploadStatus { id, offset: offset.ok_or(RegistryError::UploadUnknown)? })
    }

    /// Receives the next bytes of an upload; durable when it returns.
    ///
    /// # Errors
    /// Nothing of this request is kept then.
    pub async fn append_upload<B>(
        &self,
        permit: &PushPermit,
        id: UploadId,
        range: Option<ContentRange>,
        body: B,
        confirm: Confirm<'_>,
    ) -> Result<UploadStatus, RegistryError>
    where
        B: Stream<Item = Result<Bytes, BodyError>> + Unpin,
    {
        let store = self.store(permit.storage())?;
        let writer = match acquire(&store, permit, id).await? {
            Acquired::Writer(writer) => writer,
            Acquired::Busy { offset } => return Err(RegistryError::UploadOffset { offset }),
            Acquired::Unknown | Acquired::Published => return Err(RegistryError::UploadUnknown),
        };
        if !writer.takes_chunk() {
            return Err(RegistryError::UploadChunks);
        }
        let received = async {
            let writer = receive(writer, range, body).await?;
            if !confirm() {
                return Err(RegistryError::Withdrawn);
            }
            // On its own, so that the upload stays locked until its record is there, also where the client
            // goes away now and this is dropped.
            let store = Arc::clone(&store);
            let writing = Arc::clone(&store);
            Ok(store.to_the_end(async move { writing.acknowledge_upload(writer).await }).await??)
        };
        match received.await {
            Ok(Some(offset)) => Ok(UploadStatus { id, offset }),
            Ok(None) => Err(overtaken(&store, permit, id).await),
            Err(error) => Err(perhaps_ended(&store, id, error).await),
        }
    }

    /// Receives the last bytes of an upload (perhaps none), checks the digest and makes the blob part
    /// of the image; durable when it returns. A digest that does not match leaves the session as it was.
    ///
    /// # Errors
    /// The session is as it was then.
    pub async fn finish_upload<B>(
        &self,
        permit: &PushPermit,
        id: UploadId,
        range: Option<ContentRange>,
        body: B,
        digest: &Digest,
        confirm: Confirm<'_>,
    ) -> Result<(), RegistryError>
    where
        B: Stream<Item = Result<Bytes, BodyError>> + Unpin,
    {
        let store = self.store(permit.storage())?;
        let writer = match acquire(&store, permit, id).await? {
            Acquired::Writer(writer) => writer,
            Acquired::Busy { offset } => return Err(RegistryError::UploadOffset { offset }),
            Acquired::Unknown => return Err(RegistryError::UploadUnknown),
            Acquired::Published => return finish_again(&store, permit, id, digest).await,
        };
        match finish(&store, permit, writer, range, body, digest, confirm).await {
            Ok(()) => Ok(()),
            Err(error) => Err(perhaps_ended(&store, id, error).await),
        }
    }

    /// Receives a whole blob in one request.
    ///
    /// # Errors
    /// Nothing is kept then.
    pub async fn upload_whole<B>(
        &self,
        permit: &PushPermit,
        digest: &Digest,
        body: B,
        confirm: Confirm<'_>,
    ) -> Result<(), RegistryError>
    where
        B: Stream<Item = Result<Bytes, BodyError>> + Unpin,
    {
        let store = self.store(permit.storage())?;
        let (begun, image, by) = (Arc::clone(&store), permit.image().clone(), owner(permit).map(str::to_owned));
        let writer = store.to_the_end(async move { begun.begin_whole(&image, by.as_deref()).await }).await??;
        let mut discard = Discard {
            store: Arc::clone(&store),
            image: permit.image().clone(),
            owner: owner(permit).map(str::to_owned),
            id: writer.id(),
            is_wanted: true,
        };
        finish(&store, permit, writer, None, body, digest, confirm).await?;
        discard.is_wanted = false;
        Ok(())
    }

    /// Ends an upload session and removes its bytes.
    ///
    /// # Errors
    /// [`RegistryError::UploadUnknown`] where there is none of this owner in this image.
    pub async fn cancel_upload(&self, permit: &PushPermit, id: UploadId) -> Result<(), RegistryError> {
        let store = self.store(permit.storage())?;
        cancel(&store, permit.image(), owner(permit), id).await
    }
}

fn owner(permit: &PushPermit) -> Option<&str> {
    permit.owner().map(|owner| owner.as_str())
}

/// Takes hold of an upload.
async fn acquire(store: &Arc<Store>, permit: &PushPermit, id: UploadId) -> Result<Acquired, StorageError> {
    let (holder, image, owner) = (Arc::clone(store), permit.image().clone(), owner(permit).map(str::to_owned));
    store.to_the_end(async move { holder.acquire_upload(&image, owner.as_deref(), id).await }).await?
}

/// Receives a body into an upload. The next bytes are gathered while the last ones are written, and
/// no thread waits for a slow client.
async fn receive<B>(
    writer: UploadWriter,
    range: Option<ContentRange>,
    mut body: B,
) -> Result<UploadWriter, RegistryError>
where
    B: Stream<Item = Result<Bytes, BodyError>> + Unpin,
{
    if let Some(range) = range
        && range.first != writer.acknowledged()
    {
        return Err(RegistryError::UploadOffset { offset: writer.acknowledged() });
    }
    let announced = range.map(|range| range.length);
    let mut received = 0;
    let (mut batch, mut batched) = (Vec::new(), 0);
    let mut hand = Hand::Free(writer);
    while let Some(chunk) = body.next().await {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(error) => {
                hand.writer().await?;
                return Err(error.into());
            }
        };
        received += chunk.len() as u64;
        if let Some(announced) = announced
            && received > announced
        {
            hand.writer().await?;
            return Err(RegistryError::Size { announced, received });
        }
        batched += chunk.len();
        batch.push(chunk);
        if batched >= BATCH_BYTES || batch.len() >= BATCH_PIECES {
            hand = hand.write(std::mem::take(&mut batch)).await?;
            batched = 0;
        }
    }
    if !batch.is_empty() {
        hand = hand.write(batch).await?;
    }
    let writer = hand.writer().await?;
    match announced {
        Some(announced) if received != announced => Err(RegistryError::Size { announced, received }),
        _ => Ok(writer),
    }
}

/// A writer that is at hand, or at work.
enum Hand {
    Free(UploadWriter),
    Busy(JoinHandle<Result<UploadWriter, StorageError>>),
}

impl Hand {
    async fn writer(self) -> Result<UploadWriter, StorageError> {
        match self {
            Self::Free(writer) => Ok(writer),
            Self::Busy(work) => work.await.map_err(stopped)?,
        }
    }

    async fn write(self, batch: Vec<Bytes>) -> Result<Self, StorageError> {
        let writer = self.writer().await?;
        Ok(Self::Busy(tokio::spawn(writer.write(batch))))
    }
}

async fn finish<B>(
    store: &Arc<Store>,
    permit: &PushPermit,
    mut writer: UploadWriter,
    range: Option<ContentRange>,
    body: B,
    digest: &Digest,
    confirm: Confirm<'_>,
) -> Result<(), RegistryError>
where
    B: Stream<Item = Result<Bytes, BodyError>> + Unpin,
{
    writer.expect(digest.algorithm());
    let writer = receive(writer, range, body).await?;
    let id = writer.id();
    let Some((writer, actual)) = store.upload_digest(writer, digest.algorithm()).await? else {
        return Err(RegistryError::UploadUnknown);
    };
    if actual != *digest {
        return Err(RegistryError::DigestMismatch { actual });
    }
    if !confirm() {
        return Err(RegistryError::Withdrawn);
    }
    let is_to_tidy = writer.leaves_records();
    let (publisher, image, digest) = (Arc::clone(store), permit.image().clone(), digest.clone());
    let is_there = store
        .to_the_end(async move {
            let published = publisher.publish_upload(writer, &digest);
            let is_there = uses::publishing(&publisher, &image, &digest, published).await?;
            if is_there && is_to_tidy {
                tidy(publisher, id);
            }
            Ok::<_, StorageError>(is_there)
        })
        .await??;
    if is_there { Ok(()) } else { Err(overtaken(store, permit, id).await) }
}

/// Removes what a published upload leaves, while the client has its answer already.
fn tidy(store: Arc<Store>, id: UploadId) {
    tokio::spawn(async move {
        if let Err(error) = store.tidy_upload(id).await {
            tracing::warn!(upload = %id, %error, "what a finished upload leaves stays until it expires");
        }
    });
}

/// Where somebody else has ended an upload, what it was made of is gone, and much may fail: the client hears of the
/// end instead.
async fn perhaps_ended(store: &Store, id: UploadId, error: RegistryError) -> RegistryError {
    let is_storage = matches!(error, RegistryError::Storage(_));
    match is_storage && matches!(store.has_upload_ended(id).await, Ok(true)) {
        true => RegistryError::UploadUnknown,
        false => error,
    }
}

/// What to tell a client whose upload another one has gone on with, or ended.
async fn overtaken(store: &Store, permit: &PushPermit, id: UploadId) -> RegistryError {
    match store.upload_offset(permit.image(), owner(permit), id).await {
        Ok(Some(offset)) => RegistryError::UploadOffset { offset },
        Ok(None) => RegistryError::UploadUnknown,
        Err(error) => error.into(),
    }
}

/// Finishes an upload that was finished before, by a process that was killed before it could say so.
async fn finish_again(
    store: &Arc<Store>,
    permit: &PushPermit,
    id: UploadId,
    digest: &Digest,
) -> Result<(), RegistryError> {
    let image = permit.image();
    let mut was_left = false;
    let published = async {
        was_left = store.publish_again(image, id, digest).await?;
        Ok(was_left || manifests::holds_blob(store, image, digest).await?)
    };
    if !uses::publishing(store, image, digest, published).await? {
        return Err(RegistryError::UploadUnknown);
    }
    if was_left {
        tidy(Arc::clone(store), id);
        return Ok(());
    }
    // The image has the blob, and that is what was asked for. What cannot be removed now goes when sessions expire.
    if let Err(error) = cancel(store, image, owner(permit), id).await {
        tracing::debug!(upload = %id, %error, "what a finished upload leaves stays until it expires");
    }
    Ok(())
}

async fn cancel(store: &Store, image: &ImageName, owner: Option<&str>, id: UploadId) -> Result<(), RegistryError> {
    for _ in 0..CANCEL_ATTEMPTS {
        match store.cancel_upload(image, owner, id).await? {
            None => return Err(RegistryError::UploadUnknown),
            Some(true) => return Ok(()),
            Some(false) => tokio::time::sleep(CANCEL_PAUSE).await,
        }
    }
    let offset = store.upload_offset(image, owner, id).await?.ok_or(RegistryError::UploadUnknown)?;
    Err(RegistryError::UploadOffset { offset })
}

fn stopped(error: tokio::task::JoinError) -> StorageError {
    StorageError::Stopped(error.to_string())
}

/// Removes an upload that nobody will go on with, also where the client goes away in its midst.
struct Discard {
    store: Arc<Store>,
    image: ImageName,
    owner: Option<String>,
    id: UploadId,
    is_wanted: bool,
}

impl Drop for Discard {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if !self.is_wanted {
            return;
        }
        let (store, image, owner, id) = (Arc::clone(&self.store), self.image.clone(), self.owner.take(), self.id);
        runtime.spawn(async move {
            // What cannot be removed now is removed when sessions expire.
            let _ = cancel(&store, &image, owner.as_deref(), id).await;
        });
    }
}
