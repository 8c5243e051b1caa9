//! Deleting.

use super::*;

#[tokio::test]
async fn a_tag_goes_alone() {
    for world in World::all().await {
        let digest = world.push_image("a", &["v1", "v2"], "{}").await;
        world.push_image("a", &["v1"], "another").await;
        world.delete_tag("a", "v1").await.unwrap();
        assert_eq!(world.tags("a").await, ["v2"]);
        assert!(matches!(world.get("a", "v1").await, Err(RegistryError::ManifestUnknown)));
        assert!(matches!(world.delete_tag("a", "v1").await, Err(RegistryError::ManifestUnknown)));
        assert!(world.get("a", &digest.to_string()).await.is_ok());
        world.push_image("a", &["v1"], "{}").await;
        assert_eq!(world.tags("a").await, ["v1", "v2"]);
    }
}

#[tokio::test]
async fn a_tag_leaves_no_empty_folder() {
    let (world, root) = World::on_files().await;
    world.push_image("a", &["v1"], "one").await;
    world.push_image("a", &["v1"], "two").await;
    world.delete_tag("a", "v1").await.unwrap();
    assert!(!root.join("docker/registry/v2/repositories/a/_manifests/tags/v1").exists());
}

#[tokio::test]
async fn a_manifest_goes_with_its_tags() {
    for world in World::all().await {
        let digest = world.push_image("a", &["v1", "v2"], "one").await;
        world.push_image("a", &["v3"], "two").await;
        world.push_image("b", &["v1"], "one").await;
        world.delete_manifest("a", &digest).await.unwrap();
        assert_eq!(world.tags("a").await, ["v3"]);
        assert!(matches!(world.get("a", &digest.to_string()).await, Err(RegistryError::ManifestUnknown)));
        assert!(matches!(world.delete_manifest("a", &digest).await, Err(RegistryError::ManifestUnknown)));
        assert!(world.get("b", "v1").await.is_ok());
        world.push_image("a", &["v1"], "one").await;
        assert!(world.get("a", "v1").await.is_ok());
    }
}

#[tokio::test]
async fn a_tag_limited_grant_deletes_no_manifest_with_other_tags() {
    for world in World::all().await {
        let both = world.push_image("a", &["dev-1", "v1"], "one").await;
        let none = world.push_image("a", &[], "two").await;
        let dev = world.push_image("a", &["dev-2"], "three").await;
        let limited = world.under([repository("", granting(&["repository:a:dev-*:delete", "repository:a:pull"]), &[])]);
        for digest in [both, none] {
            let refused = limited.delete_manifest("a", &digest).await;
            assert!(matches!(refused, Err(RegistryError::TagsProtected)));
        }
        limited.delete_manifest("a", &dev).await.unwrap();
        assert_eq!(world.tags("a").await, ["dev-1", "v1"]);
    }
}

#[tokio::test]
async fn what_an_immutable_tag_reaches_stays() {
    for world in World::all().await {
        let child = world.push_image("a", &["child"], "one").await;
        let other = world.push_image("a", &["other"], "two").await;
        let inner = world.put("a", &[], &index(&[&child])).await.unwrap().digest;
        let outer = world.put("a", &["v1"], &index(&[&inner])).await.unwrap().digest;
        let kept = world.under([repository("", open(), &["v*"])]);
        for digest in [&child, &inner, &outer] {
            let refused = kept.delete_manifest("a", digest).await;
            assert!(matches!(refused, Err(RegistryError::TagsProtected)), "{digest}");
        }
        kept.delete_manifest("a", &other).await.unwrap();
        assert_eq!(world.tags("a").await, ["child", "v1"]);
    }
}

#[tokio::test]
async fn an_image_without_manifests_exists_no_more() {
    for world in World::all().await {
        let digest = world.push_image("a", &["t"], "{}").await;
        world.delete_manifest("a", &digest).await.unwrap();
        let tags = world.registry.tags(&world.pull("a"), 10, None).await;
        assert!(matches!(tags, Err(RegistryError::NameUnknown)));
        assert_eq!(world.catalog(10, None).await.0, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pushes_and_deletes_of_one_tag_do_not_disturb_each_other() {
    for world in World::all().await {
        let config = world.push_blob("a", b"{}").await;
        let world = Arc::new(world);
        let pushing = {
            let world = Arc::clone(&world);
            let body = manifest(&config, "");
            tokio::spawn(async move {
                for _ in 0..40 {
                    world.put("a", &["t"], &body).await.unwrap();
                }
            })
        };
        let deleting = {
            let world = Arc::clone(&world);
            let digest = sha256(manifest(&config, "").as_bytes());
            tokio::spawn(async move {
                for round in 0..80 {
                    let result = match round % 2 {
                        0 => world.delete_tag("a", "t").await,
                        _ => world.delete_manifest("a", &digest).await,
                    };
                    assert!(matches!(result, Ok(()) | Err(RegistryError::ManifestUnknown)), "{result:?}");
                }
            })
        };
        pushing.await.unwrap();
        deleting.await.unwrap();
        world.put("a", &["t"], &manifest(&config, "")).await.unwrap();
        assert!(world.get("a", "t").await.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_that_was_pushed_during_a_delete_can_be_pulled() {
    for world in World::all().await {
        let config = world.push_blob("a", b"{}").await;
        let body = manifest(&config, "");
        let digest = sha256(body.as_bytes());
        for round in 0..200 {
            let name = format!("t{round}");
            world.put("a", &[], &body).await.unwrap();
            let pushing = {
                let (world, name, body) = (world.clone(), name.clone(), body.clone());
                tokio::spawn(async move { world.put("a", &[&name], &body).await })
            };
            let deleted = world.delete_manifest("a", &digest).await;
            assert!(matches!(deleted, Ok(()) | Err(RegistryError::ManifestUnknown)), "{deleted:?}");
            pushing.await.unwrap().unwrap();
            let current = crate::storage::Key::tag_current(&image("a"), &tag(&name));
            if world.registry.store(&storage()).unwrap().exists(&current).await.unwrap() {
                assert!(world.get("a", &name).await.is_ok(), "round {round}");
            }
        }
    }
}

#[tokio::test]
async fn a_tag_that_was_moved_is_not_removed_for_its_old_target() {
    for world in World::all().await {
        let old = world.push_image("a", &["t"], "old").await;
        let new = world.push_image("a", &["t"], "new").await;
        let store = world.registry.store(&storage()).unwrap();
        assert!(!crate::registry::tags::remove(&store, &image("a"), &tag("t"), Some(&old)).await.unwrap());
        assert_eq!(world.get("a", "t").await.unwrap().digest, new);
    }
}
