//! What the registry promises, on every kind of storage.

mod blobs;
mod care;
mod copy;
mod damage;
mod deletes;
mod lists;
mod manifests;
mod objects;
mod scale;
mod settle;

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use object_store::memory::InMemory;

use super::{BodyError, Registry, RegistryError, Store, StoreOptions};
use crate::identity::{Subject, User, UserName};
use crate::oci::{Algorithm, Digest, ImageName, MediaType, Reference, Tag};
use crate::policy::{
    Access, DeleteBlob, DeleteManifest, DeleteTag, Grant, ListCatalog, Mount, MountPermit, Pull, PullPermit, Push,
    PushPermit, PutManifest, Question, Repository, Rule, Snapshot, StorageKey, TagGlob, Who, decide, parse_permission,
};

/// A registry with one storage, seen by one person under certain rules.
#[derive(Clone)]
struct World {
    registry: Arc<Registry>,
    options: StoreOptions,
    snapshot: Arc<Snapshot>,
    subject: Subject,
    /// What is behind a storage in objects, and how large the pieces are in which it is written.
    memory: Option<(Arc<InMemory>, usize)>,
    _folder: Option<Arc<tempfile::TempDir>>,
}

fn storage() -> StorageKey {
    StorageKey("test".into())
}

fn repository(prefix: &str, access: Access, immutable: &[&str]) -> Repository {
    Repository {
        name: prefix.into(),
        file: "test.yaml".into(),
        prefix: prefix.into(),
        storage: storage(),
        port: None,
        immutable_tags: immutable.iter().map(|glob| TagGlob::parse(glob).unwrap()).collect(),
        access,
    }
}

fn open() -> Access {
    Access::Open(Rule::Public)
}

fn granting(permissions: &[&str]) -> Access {
    let grants = permissions.iter().flat_map(|text| parse_permission(text).unwrap());
    Access::granted(grants.map(|what| Grant { who: Who::Anyone, what, until: None, rule: Rule::Public }).collect())
}

impl World {
    /// One world with files, one with objects, and one with objects of small pieces; anybody may do everything in
    /// all of them.
    async fn all() -> [Self; 3] {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let root = folder.path().join("made/on/demand");
        let [whole, pieces] = Self::of_objects();
        [Self::new(StoreOptions::Fs { root }, Some(folder)).await, whole, pieces]
    }

    async fn new(options: StoreOptions, folder: Option<Arc<tempfile::TempDir>>) -> Self {
        let registry = Registry::new();
        registry.open(&storage(), options.clone()).await.unwrap();
        Self::over(registry, options, None, folder)
    }

    /// The worlds with objects. Those are written whole or in pieces of several sizes, so that all ways are taken.
    fn of_objects() -> [Self; 2] {
        [8 * 1024 * 1024, 1024 * 1024]
            .map(|piece| Self::over(Registry::new(), StoreOptions::Memory, Some((Arc::default(), piece)), None).again())
    }

    async fn on_files() -> (Self, PathBuf) {
        let [world, ..] = Self::all().await;
        let StoreOptions::Fs { root } = world.options.clone() else { panic!("the first world has files") };
        (world, root)
    }

    fn over(
        registry: Registry,
        options: StoreOptions,
        memory: Option<(Arc<InMemory>, usize)>,
        folder: Option<Arc<tempfile::TempDir>>,
    ) -> Self {
        let snapshot = Arc::new(Snapshot::new([], [repository("", open(), &[])]));
        let (registry, subject) = (Arc::new(registry), Subject::Anonymous);
        Self { registry, options, snapshot, subject, memory, _folder: folder }
    }

    /// The same objects, seen by another process.
    fn again(&self) -> Self {
        let (memory, piece) = self.memory.clone().unwrap();
        let registry = Registry::new();
        let store = Arc::new(Store::shared(memory, piece, 2));
        registry.stores.write().unwrap().insert(storage(), store);
        Self { registry: Arc::new(registry), ..self.clone() }
    }

    /// The same storage under other rules.
    fn under(&self, repositories: impl IntoIterator<Item = Repository>) -> Self {
        let snapshot = Arc::new(Snapshot::new([], repositories));
        Self { snapshot, ..self.clone() }
    }

    /// The same world, seen by a user.
    fn as_user(&self, name: &str) -> Self {
        let user = User {
            name: UserName::parse(name).unwrap(),
            secrets: Vec::new(),
            groups: std::collections::BTreeSet::new(),
            admin: false,
            email: None,
            description: None,
            expires: None,
            enabled: true,
        };
        let snapshot = Arc::new(Snapshot::new([user.clone()], [repository("", open(), &[])]));
        Self { snapshot, subject: Subject::User(Arc::new(user)), ..self.clone() }
    }

    /// The same storage, opened by a new process.
    async fn reopened(self) -> Self {
        if self.memory.is_some() {
            return self.again();
        }
        let registry = Arc::new(Registry::new());
        registry.open(&storage(), self.options.clone()).await.unwrap();
        Self { registry, ..self }
    }

    fn ask<Q: Question>(&self, question: &Q) -> Q::Permit {
        decide(&self.snapshot, &self.subject, question, jiff::Timestamp::now()).unwrap()
    }

    fn pull(&self, name: &str) -> PullPermit {
        self.ask(&Pull(image(name)))
    }

    fn push(&self, name: &str) -> PushPermit {
        self.ask(&Push(image(name)))
    }

    fn mount(&self, name: &str, from: Option<&str>) -> MountPermit {
        self.ask(&Mount { image: image(name), from: from.map(image) })
    }

    async fn push_blob(&self, name: &str, content: &[u8]) -> Digest {
        let digest = sha256(content);
        self.registry.upload_whole(&self.push(name), &digest, body(content), &always).await.unwrap();
        digest
    }

    async fn read_blob(&self, name: &str, digest: &Digest) -> Result<Vec<u8>, RegistryError> {
        let blob = self.registry.blob(&self.pull(name), digest).await?;
        let size = blob.size;
        let mut stream = blob.read(0, size).await?;
        let mut content = Vec::new();
        while let Some(piece) = stream.next().await {
            content.extend_from_slice(&piece?);
        }
        Ok(content)
    }

    async fn put(&self, name: &str, tags: &[&str], manifest: &str) -> Result<super::Pushed, RegistryError> {
        let permit = self.ask(&PutManifest { image: image(name), tags: tags.iter().map(|text| tag(text)).collect() });
        let media_type = crate::oci::Manifest::sniff(manifest.as_bytes()).unwrap();
        self.registry.put_manifest(&permit, &media_type, manifest.to_owned().into(), None).await
    }

    async fn get(&self, name: &str, reference: &str) -> Result<super::StoredManifest, RegistryError> {
        self.registry.manifest(&self.pull(name), &Reference::parse(reference).unwrap()).await
    }

    async fn tags(&self, name: &str) -> Vec<String> {
        let page = self.registry.tags(&self.pull(name), 100, None).await.unwrap();
        page.entries.iter().map(ToString::to_string).collect()
    }

    /// Pushes an image with a configuration of its own, and returns the manifest's digest.
    async fn push_image(&self, name: &str, tags: &[&str], content: &str) -> Digest {
        let config = self.push_blob(name, content.as_bytes()).await;
        self.put(name, tags, &manifest(&config, "")).await.unwrap().digest
    }

    async fn delete_tag(&self, name: &str, text: &str) -> Result<(), RegistryError> {
        let permit = self.ask(&DeleteTag { image: image(name), tag: tag(text) });
        self.registry.delete_tag(&permit).await
    }

    async fn delete_manifest(&self, name: &str, digest: &Digest) -> Result<(), RegistryError> {
        self.registry.delete_manifest(&self.ask(&DeleteManifest(image(name))), digest).await
    }

    async fn delete_blob(&self, name: &str, digest: &Digest) -> Result<(), RegistryError> {
        self.registry.delete_blob(&self.ask(&DeleteBlob(image(name))), digest).await
    }

    async fn catalog(&self, limit: usize, last: Option<&str>) -> (Vec<String>, bool) {
        let page = self.registry.catalog(&self.ask(&ListCatalog { only: None }), limit, last).await.unwrap();
        (page.entries.iter().map(ToString::to_string).collect(), page.more)
    }
}

fn image(name: &str) -> ImageName {
    ImageName::parse(name).unwrap()
}

fn tag(text: &str) -> Tag {
    Tag::parse(text).unwrap()
}

fn sha256(content: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, content)
}

fn always() -> bool {
    true
}

/// A body that comes in pieces of an awkward size.
fn body(content: &[u8]) -> impl Stream<Item = Result<Bytes, BodyError>> + Unpin + use<> {
    let pieces: Vec<_> = content.chunks(70_001).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    stream::iter(pieces)
}

fn descriptor(media_type: &str, digest: &Digest) -> String {
    format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":3}}"#)
}

/// An image manifest; `more` are further fields, each with a comma before.
fn manifest(config: &Digest, more: &str) -> String {
    let config = descriptor("application/vnd.oci.image.config.v1+json", config);
    let media_type = MediaType::OCI_MANIFEST;
    format!(r#"{{"schemaVersion":2,"mediaType":"{media_type}","config":{config},"layers":[]{more}}}"#)
}

fn index(children: &[&Digest]) -> String {
    let children: Vec<String> = children.iter().map(|digest| descriptor(MediaType::OCI_MANIFEST, digest)).collect();
    format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, children.join(","))
}
