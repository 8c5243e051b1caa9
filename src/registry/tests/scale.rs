//! Long lists: order and pages against plain sorting.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::storage::Key;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap().block_on(future)
}

/// As [`World::both`], with the files in memory where the system has such a place: many are written here.
async fn worlds() -> [World; 2] {
    let folder = Arc::new(tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap());
    let root = folder.path().join("data");
    [World::new(StoreOptions::Fs { root }, Some(folder)).await, World::new(StoreOptions::Memory, None).await]
}

/// Puts something into the storage of a world; on files without syncing each.
async fn place(world: &World, key: &Key, content: impl Into<Bytes>) {
    match &world.options {
        StoreOptions::Fs { root } => {
            let path = root.join(key.as_str());
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content.into()).unwrap();
        }
        _ => world.registry.store(&storage()).unwrap().put(key, content.into()).await.unwrap(),
    }
}

/// Names with few letters, so that they lie in each other and beside each other.
fn name() -> impl Strategy<Value = String> {
    let component = prop_oneof!["[ab]", "[ab][-._0]?[ab]", "a-b(-a)?"];
    proptest::collection::vec(component, 1..4).prop_map(|parts| parts.join("/"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_catalog_is_the_sorted_list_of_images(
        names in proptest::collection::btree_set(name(), 0..50),
        hidden in proptest::option::of(name()),
        last in proptest::option::of(prop_oneof![name(), "[ab/.-]{0,5}"]),
        limit in 1_usize..10,
    ) {
        block_on(async {
            for world in worlds().await {
                let digest = sha256(b"any");
                for name in &names {
                    place(&world, &Key::revision(&image(name), &digest), digest.to_string()).await;
                }
                // A blob alone makes no image.
                place(&world, &Key::layer(&image("a/only-a-blob"), &digest), digest.to_string()).await;
                let mut rules = vec![repository("", open(), &[])];
                rules.extend(hidden.as_ref().map(|prefix| repository(prefix, granting(&["repository:*:push"]), &[])));
                let world = world.under(rules);
                let is_hidden =
                    |name: &String| hidden.as_ref().is_some_and(|prefix| image(name).relative_to(prefix).is_some());
                let wanted: BTreeSet<&String> = names.iter().filter(|name| !is_hidden(name)).collect();
                let wanted: Vec<&String> =
                    wanted.into_iter().filter(|name| last.as_ref().is_none_or(|last| *name > last)).collect();
                let (mut found, mut after) = (Vec::new(), last.clone());
                loop {
                    let (page, more) = world.catalog(limit, after.as_deref()).await;
                    prop_assert!(page.len() == limit || !more);
                    after = page.last().cloned();
                    found.extend(page);
                    prop_assert_eq!(more, found.len() < wanted.len());
                    if !more {
                        break;
                    }
                }
                prop_assert_eq!(found.iter().collect::<Vec<_>>(), wanted);
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn long_tag_lists_come_in_pages_and_leave_out_what_has_no_link() {
    for world in worlds().await {
        let digest = world.push_image("a", &[], "{}").await;
        let mut names = BTreeSet::new();
        for number in 0..700 {
            let name = format!("v{}{}{number}", number % 7, ["", "-", ".", "_"][number % 4]);
            let link = if number % 5 == 0 {
                Key::tag_history(&image("a"), &tag(&name), &digest)
            } else {
                names.insert(name.clone());
                Key::tag_current(&image("a"), &tag(&name))
            };
            place(&world, &link, digest.to_string()).await;
        }
        let (mut found, mut last) = (Vec::new(), None::<String>);
        loop {
            let page = world.registry.tags(&world.pull("a"), 90, last.as_deref()).await.unwrap();
            found.extend(page.entries.iter().map(ToString::to_string));
            last = found.last().cloned();
            assert_eq!(page.more, found.len() < names.len());
            if !page.more {
                break;
            }
        }
        assert_eq!(found, names.into_iter().collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_thousand_referrers_fill_a_page() {
    for world in worlds().await {
        let subject = world.push_image("a", &[], "{}").await;
        let store = world.registry.store(&storage()).unwrap();
        let mut digests = BTreeSet::new();
        for number in 0..1100_u32 {
            let digest = sha256(&number.to_be_bytes());
            let entry = format!(
                r#"{{"version":1,"media_type":"{}","size":{number},"artifact_type":"x/{}","annotations":{{}}}}"#,
                MediaType::OCI_MANIFEST,
                number % 2
            );
            let existing = number % 11 != 0;
            place(&world, &Key::referrer(&image("a"), &subject, &digest), entry).await;
            if existing {
                place(&world, &Key::revision(&image("a"), &digest), digest.to_string()).await;
                digests.insert(digest);
            }
        }
        let digests: Vec<Digest> = digests.into_iter().collect();
        assert_eq!(digests.len(), 1000);
        let pull = world.pull("a");
        for _ in 0..2 {
            let page = world.registry.referrers(&pull, &subject, None, None).await.unwrap();
            assert_eq!((page.entries.len(), page.more), (1000, false));
            assert!(page.entries.iter().map(|referrer| &referrer.digest).eq(&digests));
        }
        let page = world.registry.referrers(&pull, &subject, Some("x/1"), Some(&digests[500])).await.unwrap();
        assert!(page.entries.iter().all(|referrer| referrer.size % 2 == 1 && referrer.digest > digests[500]));
        // One more than a page holds; and one that was deleted is gone, though it is remembered.
        store.set_link(&Key::revision(&image("a"), &sha256(&0_u32.to_be_bytes())), &subject).await.unwrap();
        let page = world.registry.referrers(&pull, &subject, None, None).await.unwrap();
        assert_eq!((page.entries.len(), page.more), (1000, true));
        store.remove(&Key::revision(&image("a"), &page.entries[0].digest)).await.unwrap();
        let after = world.registry.referrers(&pull, &subject, None, None).await.unwrap();
        assert_eq!((after.entries.len(), after.more), (1000, false));
        assert_eq!(after.entries[0], page.entries[1]);
    }
}
