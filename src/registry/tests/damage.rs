//! A matrix of damages: what is told of each, and what repairing it brings.

use std::time::Duration;

use super::*;
use crate::policy::TagMode;
use crate::registry::{Care, Damage, Rules, Verified, VerifyOptions};
use crate::storage::Key;

fn quietly(_: &str, _: u64) {}

/// What is damaged: a whole small registry.
struct Scene {
    world: World,
    store: Arc<Store>,
    config: Digest,
    manifest: Digest,
    index: Digest,
    referrer: Digest,
}

impl Scene {
    async fn new(world: World) -> Self {
        let config = world.push_blob("a", b"a configuration").await;
        let manifest_text = manifest(&config, "");
        let manifest_digest = world.put("a", &["t"], &manifest_text).await.unwrap().digest;
        let index = world.put("a", &["i"], &index(&[&manifest_digest])).await.unwrap().digest;
        let subject = format!(r#","subject":{}"#, descriptor(MediaType::OCI_MANIFEST, &manifest_digest));
        let referrer = world.put("a", &[], &manifest(&config, &subject)).await.unwrap().digest;
        let store = world.registry.store(&storage()).unwrap();
        Self { world, store, config, manifest: manifest_digest, index, referrer }
    }

    async fn verify(&self, repair: bool) -> Verified {
        let rules = Rules { pause: Duration::ZERO, hold: Duration::ZERO, ..Rules::new(Duration::ZERO) };
        let care = Care::of(&self.world.registry, &storage(), rules).unwrap();
        care.verify(VerifyOptions { repair }, &quietly).await.unwrap()
    }

    async fn put(&self, key: &Key, text: &str) {
        self.store.put(key, text.to_owned().into()).await.unwrap();
    }

    async fn remove(&self, key: &Key) {
        assert!(self.store.remove(key).await.unwrap(), "{key}");
    }

    async fn damage(&self, name: &str) {
        let a = image("a");
        let tag_t = Key::tag_current(&a, &tag("t"));
        match name {
            "nothing" => {}
            "altered blob" => self.put(&Key::blob(&self.config), "b configuration").await,
            "truncated blob" => self.put(&Key::blob(&self.config), "a conf").await,
            "missing blob" => self.remove(&Key::blob(&self.config)).await,
            "missing layer link" => self.remove(&Key::layer(&a, &self.config)).await,
            "wrong layer link" => self.put(&Key::layer(&a, &self.config), "sha256:12").await,
            "layer link with another digest" => {
                self.put(&Key::layer(&a, &self.config), &self.index.to_string()).await;
            }
            "dangling layer link" => {
                let lost = sha256(b"lost");
                self.put(&Key::layer(&a, &lost), &lost.to_string()).await;
            }
            "missing manifest" => self.remove(&Key::blob(&self.referrer)).await,
            "missing child" => {
                self.remove(&Key::blob(&self.manifest)).await;
                self.remove(&Key::revision(&a, &self.manifest)).await;
            }
            "altered manifest" => self.put(&Key::blob(&self.referrer), "{}").await,
            "wrong revision link" => self.put(&Key::revision(&a, &self.manifest), "?").await,
            "missing revision link" => self.remove(&Key::revision(&a, &self.index)).await,
            "wrong tag" => self.put(&tag_t, "nonsense").await,
            "wrong tag with two entries in its history" => {
                self.put(&Key::tag_history(&a, &tag("t"), &self.index), &self.index.to_string()).await;
                self.put(&tag_t, "nonsense").await;
            }
            "tag to nothing" => self.put(&tag_t, &sha256(b"nothing").to_string()).await,
            "wrong history" => self.put(&Key::tag_history(&a, &tag("t"), &self.manifest), "").await,
            other => panic!("{other}"),
        }
    }
}

/// The damage; what is found; what is left after repairing.
type Row = (&'static str, &'static [&'static str], &'static [&'static str]);

const MATRIX: &[Row] = &[
    ("nothing", &[], &[]),
    ("altered blob", &["BlobAltered"], &["BlobMissing", "BlobMissing", "Quarantined"]),
    ("truncated blob", &["BlobAltered"], &["BlobMissing", "BlobMissing", "Quarantined"]),
    ("missing blob", &["BlobMissing", "BlobMissing"], &["BlobMissing", "BlobMissing"]),
    ("missing layer link", &["BlobUnlinked", "BlobUnlinked"], &["BlobUnlinked", "BlobUnlinked"]),
    ("wrong layer link", &["LinkWrong"], &[]),
    ("layer link with another digest", &["LinkWrong"], &[]),
    ("dangling layer link", &["LayerDangling"], &[]),
    ("missing manifest", &["ManifestMissing"], &[]),
    ("missing child", &["ChildMissing", "TagDangling"], &["ChildMissing", "TagDangling"]),
    ("altered manifest", &["BlobAltered"], &["Quarantined"]),
    ("wrong revision link", &["LinkWrong"], &[]),
    ("missing revision link", &["TagDangling"], &[]),
    ("wrong tag", &["TagWrong"], &[]),
    ("wrong tag with two entries in its history", &["TagWrong"], &["TagWrong"]),
    ("tag to nothing", &["TagDangling"], &["TagDangling"]),
    ("wrong history", &["LinkWrong"], &[]),
];

fn names(verified: &Verified) -> Vec<String> {
    let name = |damage: &Damage| format!("{damage:?}").split([' ', '{']).next().unwrap().to_owned();
    let mut names: Vec<String> = verified.findings.iter().map(|finding| name(&finding.damage)).collect();
    names.sort();
    names
}

#[tokio::test]
async fn every_damage_is_found_and_mended_where_that_is_safe() {
    for (damage, found, left) in MATRIX {
        for (number, world) in World::all().await.into_iter().enumerate() {
            let scene = Scene::new(world).await;
            scene.damage(damage).await;
            let place = format!("{damage}, world {number}");
            let first = scene.verify(false).await;
            assert_eq!(names(&first), *found, "{place}");
            assert!(first.findings.iter().all(|finding| !finding.repaired), "{place}");
            // Looking changes nothing.
            assert_eq!(scene.verify(false).await, first, "{place}");
            scene.verify(true).await;
            // What was taken from an image with its bytes takes a moment longer.
            scene.verify(true).await;
            let second = scene.verify(true).await;
            assert_eq!(names(&second), *left, "{place}");
            assert_eq!(second.remaining() == 0, left.iter().all(|name| *name == "Quarantined"), "{place}");
            if second.remaining() == 0 && !damage.contains("manifest") {
                assert!(scene.world.get("a", "t").await.is_ok() && scene.world.get("a", "i").await.is_ok(), "{place}");
                assert_eq!(scene.world.read_blob("a", &scene.config).await.unwrap(), b"a configuration", "{place}");
            }
        }
    }
}

#[tokio::test]
async fn pushing_again_mends_what_cannot_be_repaired() {
    for world in World::all().await {
        let scene = Scene::new(world).await;
        scene.damage("altered blob").await;
        assert!(scene.verify(true).await.remaining() > 0);
        scene.world.push_blob("a", b"a configuration").await;
        assert_eq!(names(&scene.verify(true).await), ["Quarantined"]);
        assert_eq!(scene.world.read_blob("a", &scene.config).await.unwrap(), b"a configuration");
    }
}

#[tokio::test]
async fn a_large_blob_that_lost_a_part_is_found() {
    let [_, _, world] = World::all().await;
    let scene = Scene::new(world).await;
    let large = scene.world.push_blob("a", &vec![5; 3_000_000]).await;
    assert_eq!(names(&scene.verify(false).await), [""; 0]);
    let pointer = scene.store.pointer(&large).await.unwrap().unwrap();
    scene.remove(&pointer.parts[0].key).await;
    let verified = scene.verify(true).await;
    assert_eq!((names(&verified), verified.remaining()), (vec!["PartsMissing".to_owned()], 1));
    scene.put(&Key::pointer(&large), "{").await;
    assert_eq!(names(&scene.verify(true).await), ["PartsMissing"]);
}

#[tokio::test]
async fn an_altered_blob_in_parts_is_put_aside_and_a_push_brings_it_back() {
    let [_, _, world] = World::all().await;
    let scene = Scene::new(world).await;
    let content = vec![5; 3_000_000];
    let large = scene.world.push_blob("a", &content).await;
    let part = scene.store.pointer(&large).await.unwrap().unwrap().parts[0].clone();
    let altered = vec![6; usize::try_from(part.size).unwrap()];
    scene.store.put(&part.key, altered.clone().into()).await.unwrap();
    let verified = scene.verify(true).await;
    assert_eq!(
        (names(&verified), verified.remaining()),
        (["BlobAltered", "Quarantined"].map(str::to_owned).to_vec(), 0)
    );
    assert!(scene.store.pointer(&large).await.unwrap().is_none());
    let mut walk = scene.store.walk(&Key::own(), &[]);
    let mut aside = Vec::new();
    while let Some(found) = walk.next().await {
        let found = found.unwrap();
        aside.extend(found.key.as_str().contains("/quarantine/").then_some(found.size));
    }
    assert_eq!(aside, [3_000_000]);
    scene.world.push_blob("a", &content).await;
    assert_eq!(scene.world.read_blob("a", &large).await.unwrap(), content);
}

#[tokio::test]
async fn a_manifest_that_states_a_wrong_size_is_what_is_wrong() {
    for world in World::all().await {
        let scene = Scene::new(world).await;
        let text = manifest(&scene.config, "").replace(r#""size":3"#, r#""size":3000"#);
        let wrong = scene.world.put("a", &["w"], &text).await.unwrap().digest;
        let verified = scene.verify(true).await;
        assert_eq!((names(&verified), verified.remaining()), (vec!["SizeWrong".to_owned()], 0));
        assert_eq!(verified.findings[0].path, Key::revision(&image("a"), &wrong).to_string());
    }
}

#[tokio::test]
async fn a_tag_is_not_mended_where_its_manifest_lacks_a_blob() {
    for world in World::all().await {
        let scene = Scene::new(world).await;
        let lacking = scene.world.push_image("a", &["l"], "lacking").await;
        scene.remove(&Key::revision(&image("a"), &lacking)).await;
        scene.remove(&Key::blob(&sha256(b"lacking"))).await;
        scene.verify(true).await;
        assert!(!scene.store.exists(&Key::revision(&image("a"), &lacking)).await.unwrap());
        // With it, it is.
        scene.world.push_blob("a", b"lacking").await;
        scene.verify(true).await;
        assert_eq!(scene.world.get("a", "l").await.unwrap().digest, lacking);
    }
}

#[tokio::test]
async fn an_entry_of_a_manifest_that_is_being_pushed_stays() {
    for world in World::all().await {
        let scene = Scene::new(world).await;
        let (a, subject) = (image("a"), scene.manifest.clone());
        let entry = Key::referrer(&a, &subject, &scene.referrer);
        let care = |hold| {
            let rules = Rules { pause: Duration::ZERO, hold, ..Rules::new(Duration::ZERO) };
            Care::of(&scene.world.registry, &storage(), rules).unwrap()
        };
        // Its bytes were written just now; its link is not there yet.
        scene.remove(&Key::revision(&a, &scene.referrer)).await;
        assert!(!care(Duration::from_secs(60)).remove_entry(&entry, &a, &scene.referrer).await.unwrap());
        assert!(scene.store.exists(&entry).await.unwrap());
        assert!(care(Duration::ZERO).remove_entry(&entry, &a, &scene.referrer).await.unwrap());
        assert!(!scene.store.exists(&entry).await.unwrap());
    }
}

#[tokio::test]
async fn a_manifest_without_bytes_stays_while_it_has_a_tag_or_is_new() {
    for world in World::all().await {
        let scene = Scene::new(world).await;
        let revision = Key::revision(&image("a"), &scene.index);
        scene.remove(&Key::blob(&scene.index)).await;
        let verified = scene.verify(true).await;
        assert_eq!((names(&verified), verified.remaining()), (vec!["ManifestMissing".to_owned()], 1));
        let rules = Rules { pause: Duration::ZERO, ..Rules::new(Duration::from_secs(60)) };
        let care = Care::of(&scene.world.registry, &storage(), rules).unwrap();
        scene.world.delete_tag("a", "i").await.unwrap();
        care.verify(VerifyOptions { repair: true }, &quietly).await.unwrap();
        assert!(scene.store.exists(&revision).await.unwrap());
        scene.verify(true).await;
        assert!(!scene.store.exists(&revision).await.unwrap());
    }
}

#[tokio::test]
async fn a_storage_is_copied_and_given_back() {
    let [files, _, pieces] = World::all().await;
    let rules = Rules { pause: Duration::ZERO, ..Rules::new(Duration::from_secs(1)) };
    let care = |world: &World| Care::of(&world.registry, &storage(), rules).unwrap();
    let content = vec![9; 3_000_000];
    let large = pieces.push_blob("a", &content).await;
    pieces.put("a", &["t"], &manifest(&large, "")).await.unwrap();
    let copied = care(&pieces).copy_to(&care(&files), TagMode::CreateOnly, &quietly).await.unwrap();
    assert_eq!((copied.blobs, copied.skipped, copied.damaged.len()), (2, 0, 0));
    let again = care(&pieces).copy_to(&care(&files), TagMode::CreateOnly, &quietly).await.unwrap();
    assert_eq!((again.blobs, again.skipped, again.links), (0, 2, 0));
    assert_eq!(files.get("a", "t").await.unwrap().digest, pieces.get("a", "t").await.unwrap().digest);
    assert_eq!(files.read_blob("a", &large).await.unwrap(), content);
    // What is damaged is not copied.
    let store = files.registry.store(&storage()).unwrap();
    store.remove(&Key::blob(&large)).await.unwrap();
    store.put(&Key::blob(&sha256(b"x")), "y".into()).await.unwrap();
    let [_, empty, _] = World::all().await;
    assert_eq!(care(&files).copy_to(&care(&empty), TagMode::CreateOnly, &quietly).await.unwrap().damaged.len(), 1);

    let store = pieces.registry.store(&storage()).unwrap();
    assert!(store.pointer(&large).await.unwrap().is_some());
    let settled = care(&pieces).settle(Duration::ZERO, &quietly).await.unwrap();
    assert_eq!((settled.blobs, settled.bytes), (1, 3_000_000));
    assert!(store.pointer(&large).await.unwrap().is_none() && !store.has_any(&Key::all_parts()).await.unwrap());
    assert_eq!(pieces.again().read_blob("a", &large).await.unwrap(), content);
}

#[tokio::test]
async fn usage_counts_shared_bytes_once() {
    for world in World::all().await {
        let shared = world.push_blob("a", &[1; 100]).await;
        world.put("a", &["t"], &manifest(&shared, "")).await.unwrap();
        for name in ["b", "c"] {
            world.registry.mount(&world.mount(name, Some("a")), &shared).await.unwrap();
        }
        world.push_blob("b", &[2; 10]).await;
        world.push_blob("a", &[3; 7]).await;
        world.delete_blob("a", &sha256(&[3; 7])).await.unwrap();
        let care = Care::of(&world.registry, &storage(), Rules::new(Duration::from_secs(1))).unwrap();
        let usage = care.usage(&quietly).await.unwrap();
        let text = manifest(&shared, "").len() as u64;
        assert_eq!((usage.bytes, usage.shared_bytes, usage.unlinked_bytes), (117 + text, 100, 7));
        let images: Vec<_> =
            usage.images.iter().map(|image| (&*image.image, image.bytes, image.own_bytes, image.blobs)).collect();
        assert_eq!(images, [("a", 100 + text, text, 1), ("b", 110, 10, 2), ("c", 100, 0, 1)]);
    }
}
