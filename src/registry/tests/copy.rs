//! Copying into a storage that is in use.

use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::policy::TagMode;
use crate::registry::{Care, Copied, Rules};
use crate::storage::Key;

fn quietly(_: &str, _: u64) {}

async fn copy(from: &World, to: &World, tags: TagMode) -> Result<Copied, crate::storage::StorageError> {
    let rules = Rules { pause: Duration::ZERO, ..Rules::new(Duration::from_secs(60)) };
    let care = |world: &World| Care::of(&world.registry, &storage(), rules).unwrap();
    care(from).copy_to(&care(to), tags, &quietly).await
}

fn store(world: &World) -> Arc<Store> {
    world.registry.store(&storage()).unwrap()
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn a_tag_that_was_moved_in_the_target_stays_unless_it_is_to_be_replaced() {
    for (from, to) in World::all().await.into_iter().zip(World::all().await.into_iter().rev()) {
        let old = from.push_image("a", &["t", "u"], "old").await;
        let copied = copy(&from, &to, TagMode::CreateOnly).await.unwrap();
        assert_eq!((copied.blobs, copied.kept.len(), copied.missing.len()), (2, 0, 0));
        let new = to.push_image("a", &["t"], "new").await;
        let copied = copy(&from, &to, TagMode::CreateOnly).await.unwrap();
        assert_eq!((copied.blobs, copied.links, copied.kept), (0, 0, names(&["a:t"])));
        assert_eq!(to.get("a", "t").await.unwrap().digest, new);
        let copied = copy(&from, &to, TagMode::Replace).await.unwrap();
        assert_eq!((copied.links, copied.kept.len()), (1, 0));
        assert_eq!(to.get("a", "t").await.unwrap().digest, old);
        assert_eq!(to.get("a", "u").await.unwrap().digest, old);
    }
}

#[tokio::test]
async fn referrers_are_found_in_the_target_whichever_index_the_source_had() {
    for (from, to) in World::all().await.into_iter().zip(World::all().await.into_iter().rev()) {
        let subject = from.push_image("a", &["t"], "one").await;
        // The image is there, and its index complete, before the copy.
        to.push_image("a", &["u"], "two").await;
        let config = from.push_blob("a", b"signature").await;
        let text = manifest(&config, &format!(r#","subject":{}"#, descriptor(MediaType::OCI_MANIFEST, &subject)));
        let referrer = from.put("a", &[], &text).await.unwrap().digest;
        // As if the source came from another registry.
        store(&from).remove(&Key::referrer(&image("a"), &subject, &referrer)).await.unwrap();
        store(&from).remove(&Key::referrers_complete(&image("a"))).await.unwrap();
        copy(&from, &to, TagMode::CreateOnly).await.unwrap();
        let page = to.registry.referrers(&to.pull("a"), &subject, None, None).await.unwrap();
        assert_eq!(page.entries.into_iter().map(|found| found.digest).collect::<Vec<_>>(), [referrer]);
    }
}

#[tokio::test]
async fn a_link_without_bytes_is_not_copied_and_is_told() {
    for (from, to) in World::all().await.into_iter().zip(World::all().await.into_iter().rev()) {
        let lost = from.push_image("a", &["lost"], "lost").await;
        let child = from.push_image("a", &[], "child").await;
        from.put("a", &["index"], &index(&[&child])).await.unwrap();
        from.push_image("a", &["half"], "half").await;
        store(&from).remove(&Key::blob(&sha256(b"half"))).await.unwrap();
        store(&from).remove(&Key::blob(&lost)).await.unwrap();
        let copied = copy(&from, &to, TagMode::CreateOnly).await.unwrap();
        assert_eq!(copied.missing, names(&["a:lost", &format!("a@{lost}"), &format!("a@{}", sha256(b"half"))]));
        assert!(!store(&to).exists(&Key::revision(&image("a"), &lost)).await.unwrap());
        assert_eq!(to.get("a", &child.to_string()).await.unwrap().digest, child);
        assert_eq!(to.tags("a").await, ["half", "index"]);
    }
}

#[tokio::test]
async fn what_the_target_is_deleting_is_copied_after_that() {
    let [from, to] = World::of_objects();
    let config = from.push_blob("a", b"shared").await;
    from.put("a", &["t"], &manifest(&config, "")).await.unwrap();
    to.push_blob("b", b"shared").await;
    // A collector of the target is about to delete it, and does so in the midst of the copy.
    let mark = store(&to).mark(BTreeSet::from([config.clone()])).await.unwrap();
    let collector = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        store(&to).remove(&Key::blob(&config)).await.unwrap();
        store(&to).unmark(&mark).await.unwrap();
    };
    let (copied, ()) = tokio::join!(copy(&from, &to, TagMode::CreateOnly), collector);
    assert_eq!(copied.unwrap().blobs, 2);
    assert_eq!(to.again().read_blob("a", &config).await.unwrap(), b"shared");
}
