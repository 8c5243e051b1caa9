//! Collecting garbage while it is used.

use std::time::{Duration, SystemTime};

use super::*;
use crate::registry::care::alive::Alive;
use crate::registry::care::collect::Run;
use crate::registry::care::reap::{Batch, Reaper};
use crate::registry::{Care, CareOptions, Collected, Rules, StorageError};
use crate::storage::{Deadline, Key, Shard};

/// Short enough to wait for, and long enough for what has to be done within it on a busy machine.
const GRACE: Duration = Duration::from_millis(2400);

fn rules() -> Rules {
    Rules { pause: Duration::ZERO, ..Rules::new(GRACE) }
}

fn options() -> CareOptions {
    CareOptions { grace: None, untagged: None, uploads: Duration::from_secs(3600), dry_run: false }
}

fn quietly(_: &str, _: u64) {}

impl World {
    /// Tests all worlds at once: most of the time goes by with waiting.
    async fn each(test: impl AsyncFn(Self)) {
        let worlds = Self::all().await;
        worlds.iter().for_each(|world| world.registry.set_grace(GRACE));
        futures_util::future::join_all(worlds.into_iter().map(|world| test(world))).await;
    }

    fn care(&self) -> Care {
        Care::of(&self.registry, &storage(), rules()).unwrap()
    }

    async fn collect(&self) -> Collected {
        self.care().collect(&options(), &quietly).await.unwrap()
    }

    /// Everything but what a collector keeps for itself, in bytes.
    async fn bytes(&self) -> u64 {
        let store = self.registry.store(&storage()).unwrap();
        let mut bytes = 0;
        for folder in [Key::reference(), Key::pointers(), Key::all_parts()] {
            let mut walk = store.walk(&folder, &[]);
            while let Some(found) = walk.next().await {
                bytes += found.unwrap().size;
            }
        }
        bytes
    }

    async fn head(&self, name: &str, digest: &Digest) -> Result<u64, RegistryError> {
        self.registry.blob_size(&self.pull(name), digest).await
    }

    /// Lets the grace period pass for all that is condemned.
    async fn condemn(&self) {
        tokio::time::sleep(GRACE).await;
        let first = self.collect().await;
        assert!(first.condemned > 0 && first.blobs == 0, "{first:?}");
        tokio::time::sleep(GRACE).await;
    }
}

#[tokio::test]
async fn garbage_is_condemned_and_later_deleted() {
    World::each(async |world| {
        let kept = world.push_image("a", &["t"], "kept").await;
        // In pieces where they are small.
        let content = vec![7; 3_000_000];
        let garbage = world.push_blob("a", &content).await;
        world.registry.mount(&world.mount("b", Some("a")), &garbage).await.unwrap();
        // What has just been pushed is about to be named by a manifest.
        let fresh = world.collect().await;
        assert_eq!((fresh.condemned, fresh.blobs, fresh.alive), (0, 0, 2));
        tokio::time::sleep(GRACE).await;
        for _ in 0..2 {
            let condemned = world.collect().await;
            assert_eq!((condemned.condemned, condemned.blobs), (1, 0));
            assert!((3_000_000..3_001_000).contains(&condemned.condemned_bytes), "{condemned:?}");
        }
        tokio::time::sleep(GRACE).await;
        let before = world.bytes().await;
        let dry = world.care().collect(&CareOptions { dry_run: true, ..options() }, &quietly).await.unwrap();
        assert_eq!(world.bytes().await, before);
        let done = world.collect().await;
        assert_eq!(dry, done);
        assert_eq!((done.blobs, done.links, done.condemned), (1, 2, 0));
        assert_eq!(before - world.bytes().await, done.bytes);
        for image in ["a", "b"] {
            assert!(matches!(world.head(image, &garbage).await, Err(RegistryError::BlobUnknown)));
        }
        assert_eq!(world.get("a", "t").await.unwrap().digest, kept);
        let config = sha256(b"kept");
        assert_eq!(world.read_blob("a", &config).await.unwrap(), b"kept");
        assert_eq!(world.collect().await, Collected { alive: 2, ..Collected::default() });
        // And it can come back.
        world.push_blob("a", &content).await;
        assert_eq!(world.read_blob("a", &garbage).await.unwrap(), content);
    })
    .await;
}

#[tokio::test]
async fn any_use_ends_the_sentence() {
    World::each(async |world| {
        let content = |n: u8| vec![n; 50];
        let mut digests = Vec::new();
        for n in 0..5 {
            digests.push(world.push_blob("a", &content(n)).await);
        }
        let unused = world.push_blob("a", b"unused").await;
        world.condemn().await;
        world.head("a", &digests[0]).await.unwrap();
        assert!(world.registry.mount(&world.mount("b", Some("a")), &digests[1]).await.unwrap());
        assert!(world.registry.mount(&world.mount("c", None), &digests[2]).await.unwrap());
        world.push_blob("d", &content(3)).await;
        world.put("a", &["t"], &manifest(&digests[4], "")).await.unwrap();
        let done = world.collect().await;
        assert_eq!(done.blobs, 1, "{done:?}");
        assert!(world.head("a", &unused).await.is_err());
        for (n, image) in ["a", "b", "c", "d", "a"].into_iter().enumerate() {
            let read = world.read_blob(image, &digests[n]).await.unwrap();
            assert_eq!(read, content(n as u8), "{n}");
        }
        // Without a manifest they are garbage still.
        tokio::time::sleep(GRACE).await;
        let last = world.collect().await;
        assert_eq!(last.condemned + last.blobs, 4, "{last:?}");
    })
    .await;
}

#[tokio::test]
async fn a_manifest_that_lost_its_tags_is_kept_and_one_that_was_deleted_is_not() {
    World::each(async |world| {
        let untagged = world.push_image("a", &["t"], "one").await;
        world.push_image("a", &["t"], "two").await;
        let deleted = world.push_image("a", &["u"], "three").await;
        world.delete_manifest("a", &deleted).await.unwrap();
        world.condemn().await;
        assert_eq!(world.collect().await.blobs, 2);
        assert!(world.get("a", &untagged.to_string()).await.is_ok());
        assert!(world.head("a", &sha256(b"three")).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn only_a_policy_removes_untagged_manifests() {
    World::each(async |world| {
        let with_subject = |subject: &Digest| {
            format!(r#","subject":{}"#, descriptor("application/vnd.oci.image.manifest.v1+json", subject))
        };
        let config = world.push_blob("a", b"config").await;
        let tagged = world.push_image("a", &["t"], "tagged").await;
        let signature = world.put("a", &[], &manifest(&config, &with_subject(&tagged))).await.unwrap().digest;
        let child = world.push_image("a", &[], "child").await;
        let index = world.put("a", &["i"], &index(&[&child])).await.unwrap().digest;
        let old = world.push_image("a", &[], "old").await;
        let of_old = world.put("a", &[], &manifest(&config, &with_subject(&old))).await.unwrap().digest;
        tokio::time::sleep(GRACE * 2).await;
        let new = world.push_image("a", &[], "new").await;
        let wanted = CareOptions { untagged: Some(GRACE * 2 - GRACE / 4), grace: Some(Duration::ZERO), ..options() };
        let dry = world.care().collect(&CareOptions { dry_run: true, ..wanted.clone() }, &quietly).await.unwrap();
        let done = world.care().collect(&wanted, &quietly).await.unwrap();
        assert_eq!(dry, done);
        // The two manifests and the configuration of one; the other's has a signature, too.
        assert_eq!((done.manifests, done.blobs, done.rescued), (2, 3, 0), "{done:?}");
        for digest in [&tagged, &signature, &child, &index, &new] {
            assert!(world.get("a", &digest.to_string()).await.is_ok(), "{digest}");
        }
        for digest in [&old, &of_old] {
            assert!(matches!(world.get("a", &digest.to_string()).await, Err(RegistryError::ManifestUnknown)));
        }
    })
    .await;
}

/// Somebody tags old manifests while they are being removed.
#[tokio::test]
async fn a_promotion_keeps_what_the_manifest_leads_to() {
    World::each(async |world| {
        let subject =
            |of: &Digest| format!(r#","subject":{}"#, descriptor("application/vnd.oci.image.manifest.v1+json", of));
        let config = world.push_blob("a", b"config").await;
        let old = world.push_image("a", &[], "old").await;
        let signature = world.put("a", &[], &manifest(&config, &subject(&old))).await.unwrap().digest;
        let child = world.push_image("a", &[], "child").await;
        let inner = index(&[&child]);
        let inner_digest = world.put("a", &[], &inner).await.unwrap().digest;
        let text =
            format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, descriptor(MediaType::OCI_INDEX, &inner_digest));
        let outer = world.put("a", &[], &text).await.unwrap().digest;
        let gone = world.push_image("a", &[], "gone").await;
        tokio::time::sleep(GRACE * 2).await;
        let rules = Rules { pause: GRACE / 2, ..rules() };
        let care = Care::of(&world.registry, &storage(), rules).unwrap();
        let wanted = CareOptions { untagged: Some(GRACE), ..options() };
        let store = world.registry.store(&storage()).unwrap();
        let promote = async {
            while store.marks().await.unwrap().is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            // As pushes do that came just before: they leave traces, and find no mark.
            store.touch(&outer, Duration::ZERO).await.unwrap();
            store.touch(&old, Duration::ZERO).await.unwrap();
        };
        let (done, ()) = futures_util::future::join(care.collect(&wanted, &quietly), promote).await;
        let done = done.unwrap();
        assert_eq!((done.manifests, done.rescued), (1, 5), "{done:?}");
        for digest in [&old, &signature, &child, &inner_digest, &outer] {
            assert!(world.get("a", &digest.to_string()).await.is_ok(), "{digest}");
        }
        assert!(world.get("a", &gone.to_string()).await.is_err());
        assert!(store.marks().await.unwrap().is_empty());
    })
    .await;
}

/// The reference implementation has a blob that was pushed by its SHA-512 digest under its SHA-256 digest.
#[tokio::test]
async fn what_a_link_leads_to_elsewhere_is_alive() {
    World::each(async |world| {
        let digest = world.push_blob("a", b"linked").await;
        let alias = Digest::of(Algorithm::Sha512, b"linked");
        let store = world.registry.store(&storage()).unwrap();
        let link = Key::layer(&image("a"), &alias);
        store.set_link(&link, &digest).await.unwrap();
        assert_eq!(world.collect().await.alive, 1);
        store.set_link(&link, &alias).await.unwrap();
        assert_eq!(world.collect().await.alive, 0);
    })
    .await;
}

#[tokio::test]
async fn what_is_too_late_is_left_to_the_next_run() {
    World::each(async |world| {
        let digest = world.push_blob("a", b"late").await;
        let store = world.registry.store(&storage()).unwrap();
        let seen = store.trace(&digest).await.unwrap().unwrap().modified;
        let over = Deadline::within(Duration::ZERO);
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert_eq!(store.remove_blob(&digest, seen, over).await.unwrap(), None);
        let soon = Deadline::within(Duration::from_secs(30));
        if !matches!(world.options, StoreOptions::Memory) {
            let before = seen - Duration::from_millis(1);
            assert_eq!(store.remove_blob(&digest, before, soon).await.unwrap(), None);
        }
        assert_eq!(world.read_blob("a", &digest).await.unwrap(), b"late");
        assert!(store.remove_blob(&digest, seen, soon).await.unwrap().is_some());
        assert!(world.head("a", &digest).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn a_manifest_that_cannot_be_read_stops_the_run() {
    World::each(async |world| {
        world.push_image("a", &["t"], "one").await;
        world.push_blob("a", b"garbage").await;
        world.condemn().await;
        let store = world.registry.store(&storage()).unwrap();
        let revision = sha256(manifest(&sha256(b"one"), "").as_bytes());
        let bytes = store.get(&Key::blob(&revision)).await.unwrap();
        let before = world.bytes().await;
        for damage in [Some(Bytes::from_static(b"{}")), None] {
            match damage {
                Some(damage) => store.put(&Key::blob(&revision), damage).await.unwrap(),
                None => assert!(store.remove(&Key::blob(&revision)).await.unwrap()),
            }
            let result = world.care().collect(&options(), &quietly).await;
            assert!(matches!(result, Err(StorageError::Damaged { .. })), "{result:?}");
        }
        store.put(&Key::blob(&revision), bytes).await.unwrap();
        assert_eq!(world.bytes().await, before);
        assert_eq!(world.collect().await.blobs, 1);
    })
    .await;
}

/// Whoever may push can say in an index of anything that it is a manifest.
#[tokio::test]
async fn an_index_of_what_is_no_manifest_stops_nothing() {
    World::each(async |world| {
        let text = world.push_blob("a", b"not JSON").await;
        let large = world.push_blob("a", &vec![b' '; 9_000_000]).await;
        world.put("a", &["t"], &index(&[&text, &large])).await.unwrap();
        let untyped = format!(r#"{{"schemaVersion":2,"manifests":[{{"digest":"{text}","size":8}}]}}"#);
        let untyped = untyped.replacen('{', &format!(r#"{{"mediaType":"{}","#, MediaType::OCI_INDEX), 1);
        let _ = world.put("a", &["u"], &untyped).await;
        assert!(world.collect().await.alive >= 3);
        // As a manifest of an image it is damage, whichever of the two is read first.
        let store = world.registry.store(&storage()).unwrap();
        store.set_link(&Key::revision(&image("a"), &text), &text).await.unwrap();
        let result = world.care().collect(&options(), &quietly).await;
        assert!(matches!(result, Err(StorageError::Damaged { .. })), "{result:?}");
    })
    .await;
}

#[tokio::test]
async fn a_link_to_a_disk_that_is_missing_stops_the_run() {
    let (world, root) = World::on_files().await;
    world.registry.set_grace(GRACE);
    world.push_image("a", &["t"], "one").await;
    let linked = root.join(Key::images("b").as_str());
    std::os::unix::fs::symlink(root.join("missing"), &linked).unwrap();
    assert!(world.care().collect(&options(), &quietly).await.is_err());
    std::fs::remove_file(linked).unwrap();
    assert_eq!(world.collect().await.alive, 2);
}

#[tokio::test]
async fn uploads_that_nobody_finished_are_counted_to_the_byte() {
    let (world, _root) = World::on_files().await;
    let upload = world.registry.start_upload(&world.push("a")).await.unwrap();
    world.registry.append_upload(&world.push("a"), upload.id, None, body(&[1; 5000]), &always).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let store = world.registry.store(&storage()).unwrap();
    let mut own = store.walk(&Key::uploads(), &[]);
    let mut before = world.bytes().await;
    while let Some(found) = own.next().await {
        before += found.unwrap().size;
    }
    let soon = CareOptions { uploads: Duration::from_millis(10), ..options() };
    let dry = world.care().collect(&CareOptions { dry_run: true, ..soon.clone() }, &quietly).await.unwrap();
    let done = world.care().collect(&soon, &quietly).await.unwrap();
    assert_eq!((dry.uploads, dry.bytes), (1, before));
    assert_eq!(dry, done);
    assert_eq!(world.bytes().await, 0);
}

#[tokio::test]
async fn links_that_lead_nowhere_are_removed() {
    World::each(async |world| {
        let digest = world.push_blob("a", b"lost").await;
        let store = world.registry.store(&storage()).unwrap();
        store.remove(&Key::blob(&digest)).await.unwrap();
        assert_eq!(world.collect().await.links, 0);
        tokio::time::sleep(GRACE * 2).await;
        assert_eq!(world.collect().await.links, 1);
        assert!(!store.exists(&Key::layer(&image("a"), &digest)).await.unwrap());
    })
    .await;
}

/// A collector, step by step.
struct Steps {
    run: Run,
    store: Arc<Store>,
}

impl Steps {
    /// As far as a batch that is about to be marked.
    async fn begin(world: &World) -> (Self, Batch) {
        let store = world.registry.store(&storage()).unwrap();
        let care = world.care();
        let mut run = care.begin(&options()).await.unwrap();
        run.alive = Alive::find(&store, &Default::default(), &quietly).await.unwrap();
        let (mut candidates, mut collected) = (Vec::new(), Collected::default());
        for shard in Shard::all() {
            care.judge(&mut run, shard, false, &mut candidates, &mut collected).await.unwrap();
        }
        let steps = Self { run, store };
        let mut batches = steps.reaper().batches(&steps.run, candidates, true).await.unwrap();
        assert_eq!(batches.len(), 1);
        (steps, batches.remove(0))
    }

    fn reaper(&self) -> Reaper<'_> {
        Reaper::new(&self.store, Duration::ZERO, false)
    }
}

/// Long enough to see that something waits.
const A_WHILE: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_use_before_the_mark_is_seen() {
    World::each(async |world| {
        let digest = world.push_blob("a", b"wanted").await;
        world.condemn().await;
        let (steps, batch) = Steps::begin(&world).await;
        assert_eq!(world.head("a", &digest).await.unwrap(), 6);
        let mut doomed = steps.reaper().doom(batch).await.unwrap();
        assert_eq!(steps.reaper().look(&steps.run, &mut doomed.batch).await.unwrap(), 1);
        steps.reaper().delete(doomed, &mut Collected::default()).await.unwrap();
        assert_eq!(world.read_blob("a", &digest).await.unwrap(), b"wanted");
    })
    .await;
}

/// A mount into an image whose link no collector can know of, since it had listed all links before.
#[tokio::test]
async fn a_mount_after_the_links_were_listed_is_seen() {
    World::each(async |world| {
        let digest = world.push_blob("a", b"wanted").await;
        world.condemn().await;
        let (steps, batch) = Steps::begin(&world).await;
        assert!(world.registry.mount(&world.mount("new", Some("a")), &digest).await.unwrap());
        let mut doomed = steps.reaper().doom(batch).await.unwrap();
        steps.reaper().look(&steps.run, &mut doomed.batch).await.unwrap();
        steps.reaper().delete(doomed, &mut Collected::default()).await.unwrap();
        assert_eq!(world.read_blob("new", &digest).await.unwrap(), b"wanted");
    })
    .await;
}

#[tokio::test]
async fn what_is_being_deleted_counts_as_absent() {
    World::each(async |world| {
        let digest = world.push_blob("a", b"wanted").await;
        world.condemn().await;
        let (steps, batch) = Steps::begin(&world).await;
        let mut doomed = steps.reaper().doom(batch).await.unwrap();
        assert_eq!(steps.reaper().look(&steps.run, &mut doomed.batch).await.unwrap(), 0);
        assert!(matches!(world.head("a", &digest).await, Err(RegistryError::BlobUnknown)));
        assert!(!world.registry.mount(&world.mount("b", Some("a")), &digest).await.unwrap());
        let finish = {
            let world = world.clone();
            tokio::spawn(async move { world.push_blob("a", b"wanted").await })
        };
        let naming = {
            let (world, body) = (world.clone(), manifest(&digest, ""));
            tokio::spawn(async move { world.put("a", &["t"], &body).await })
        };
        tokio::time::sleep(A_WHILE).await;
        assert!(!finish.is_finished() && !naming.is_finished());
        let mut collected = Collected::default();
        steps.reaper().delete(doomed, &mut collected).await.unwrap();
        // On a file system a delete sees the traces of those that wait, and leaves the blob to them.
        let deleted = if world.memory.is_some() { (1, 1) } else { (0, 0) };
        assert_eq!((collected.blobs, collected.links), deleted);
        finish.await.unwrap();
        // Whichever of the two came first.
        let named = naming.await.unwrap();
        assert!(matches!(named, Ok(_) | Err(RegistryError::ManifestBlobUnknown(_))), "{named:?}");
        assert_eq!(world.read_blob("a", &digest).await.unwrap(), b"wanted");
    })
    .await;
}

#[tokio::test]
async fn a_manifest_of_what_was_deleted_is_refused_and_of_what_was_left_is_whole() {
    World::each(async |world| {
        let digest = world.push_blob("a", b"late").await;
        world.condemn().await;
        let (steps, batch) = Steps::begin(&world).await;
        let doomed = steps.reaper().doom(batch).await.unwrap();
        let naming = {
            let (world, body) = (world.clone(), manifest(&digest, ""));
            tokio::spawn(async move { world.put("a", &["t"], &body).await })
        };
        tokio::time::sleep(A_WHILE).await;
        // It looked before the push left its trace.
        steps.reaper().delete(doomed, &mut Collected::default()).await.unwrap();
        let named = naming.await.unwrap();
        if world.memory.is_some() {
            assert!(matches!(named, Err(RegistryError::ManifestBlobUnknown(_))), "{named:?}");
            assert!(world.get("a", "t").await.is_err());
        } else {
            // The delete itself saw the trace.
            named.unwrap();
            assert_eq!(world.read_blob("a", &digest).await.unwrap(), b"late");
        }
    })
    .await;
}

#[tokio::test]
async fn the_mark_of_a_dead_collector_is_removed() {
    let (world, root) = World::on_files().await;
    world.registry.set_grace(GRACE);
    let digest = world.push_blob("a", b"wanted").await;
    // However long the rest takes.
    world.put("a", &["t"], &manifest(&digest, "")).await.unwrap();
    let store = world.registry.store(&storage()).unwrap();
    store.mark([digest.clone()].into()).await.unwrap();
    assert!(matches!(world.head("a", &digest).await, Err(RegistryError::BlobUnknown)));
    let marks = root.join(Key::doomed().as_str());
    let age = |marks: &std::path::Path| {
        for mark in std::fs::read_dir(marks).unwrap() {
            let mark = std::fs::File::open(mark.unwrap().path()).unwrap();
            mark.set_modified(SystemTime::now() - Duration::from_secs(125)).unwrap();
        }
    };
    age(&marks);
    assert_eq!(world.head("a", &digest).await.unwrap(), 6);
    assert_eq!(std::fs::read_dir(&marks).unwrap().count(), 0);
    store.mark([digest.clone()].into()).await.unwrap();
    world.collect().await;
    assert_eq!(std::fs::read_dir(&marks).unwrap().count(), 1);
    age(&marks);
    world.collect().await;
    assert_eq!(std::fs::read_dir(&marks).unwrap().count(), 0);
    assert_eq!(world.head("a", &digest).await.unwrap(), 6);
}
