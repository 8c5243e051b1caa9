//! Manifests and tags.

use super::*;
use crate::storage::Key;

#[tokio::test]
async fn a_manifest_is_found_by_tag_and_by_digest() {
    for world in World::all().await {
        let digest = world.push_image("a", &["v1", "latest"], "{}").await;
        for reference in ["v1", "latest", &digest.to_string()] {
            let stored = world.get("a", reference).await.unwrap();
            assert_eq!(stored.digest, digest);
            assert_eq!(stored.media_type.as_str(), MediaType::OCI_MANIFEST);
            assert_eq!(sha256(&stored.body), digest);
        }
        assert!(matches!(world.get("b", &digest.to_string()).await, Err(RegistryError::ManifestUnknown)));
        assert!(matches!(world.get("a", "v2").await, Err(RegistryError::ManifestUnknown)));
        // A manifest is no blob of the image, though its bytes lie among the blobs.
        assert!(matches!(world.read_blob("a", &digest).await, Err(RegistryError::BlobUnknown)));
    }
}

#[tokio::test]
async fn a_push_by_digest_keeps_its_algorithm() {
    for world in World::all().await {
        let config = world.push_blob("a", b"{}").await;
        let body = manifest(&config, "");
        let digest = Digest::of(Algorithm::Sha512, body.as_bytes());
        let permit = world.ask(&PutManifest { image: image("a"), tags: vec![] });
        let media_type = MediaType::parse(MediaType::OCI_MANIFEST).unwrap();
        let pushed = world.registry.put_manifest(&permit, &media_type, body.clone().into(), Some(&digest)).await;
        assert_eq!(pushed.unwrap().digest, digest);
        assert_eq!(world.get("a", &digest.to_string()).await.unwrap().body, body);
        let other = sha256(b"other");
        let wrong = world.registry.put_manifest(&permit, &media_type, body.into(), Some(&other)).await;
        assert!(matches!(wrong, Err(RegistryError::DigestMismatch { .. })));
    }
}

#[tokio::test]
async fn a_media_type_that_the_bytes_do_not_show_is_refused() {
    for world in World::all().await {
        let config = world.push_blob("a", b"{}").await;
        let config = descriptor("application/vnd.docker.container.image.v1+json", &config);
        let body = format!(r#"{{"schemaVersion":2,"config":{config},"layers":[]}}"#);
        let permit = world.ask(&PutManifest { image: image("a"), tags: vec![tag("t")] });
        let media_type = MediaType::parse(MediaType::DOCKER_MANIFEST).unwrap();
        let pushed = world.registry.put_manifest(&permit, &media_type, body.into(), None).await;
        assert!(matches!(pushed, Err(RegistryError::ManifestInvalid(_))));
        assert!(matches!(world.get("a", "t").await, Err(RegistryError::ManifestUnknown)));
    }
}

#[tokio::test]
async fn an_index_needs_its_children() {
    for world in World::all().await {
        let child = world.push_image("a", &[], "{}").await;
        let missing = sha256(b"missing");
        let refused = world.put("a", &["all"], &index(&[&child, &missing])).await;
        assert!(matches!(refused, Err(RegistryError::ManifestChildUnknown(named)) if named == missing));
        let elsewhere = world.put("b", &["all"], &index(&[&child])).await;
        assert!(matches!(elsewhere, Err(RegistryError::ManifestChildUnknown(_))));
        world.put("a", &["all"], &index(&[&child])).await.unwrap();
        assert_eq!(world.get("a", "all").await.unwrap().media_type.as_str(), MediaType::OCI_INDEX);
    }
}

#[tokio::test]
async fn create_only_refuses_all_before_anything_is_written() {
    for world in World::all().await {
        let first = world.push_image("a", &["old"], "first").await;
        let config = world.push_blob("a", b"second").await;
        let creator = world.under([repository("", granting(&["repository:**:push", "repository:**:pull"]), &[])]);
        let refused = creator.put("a", &["new", "old"], &manifest(&config, "")).await;
        assert!(matches!(refused, Err(RegistryError::TagExists(named)) if named == tag("old")));
        assert_eq!(world.tags("a").await, ["old"]);
        let second = sha256(manifest(&config, "").as_bytes());
        assert!(matches!(world.get("a", &second.to_string()).await, Err(RegistryError::ManifestUnknown)));

        assert_eq!(creator.put("a", &["new"], &manifest(&config, "")).await.unwrap().tags, [tag("new")]);
        // The same digest again is no overwrite.
        assert_eq!(creator.put("a", &["new"], &manifest(&config, "")).await.unwrap().tags, [tag("new")]);
        assert_eq!(world.get("a", "old").await.unwrap().digest, first);
        world.put("a", &["old"], &manifest(&config, "")).await.unwrap();
        assert_eq!(world.get("a", "old").await.unwrap().digest, second);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_create_one_tag_exactly_one_wins() {
    for world in World::all().await {
        let mut bodies = Vec::new();
        for number in 0..32 {
            let config = world.push_blob("a", format!("config {number}").as_bytes()).await;
            bodies.push(manifest(&config, ""));
        }
        let creator =
            Arc::new(world.under([repository("", granting(&["repository:**:push", "repository:**:pull"]), &[])]));
        let tasks: Vec<_> = bodies
            .into_iter()
            .map(|body| {
                let creator = Arc::clone(&creator);
                tokio::spawn(async move { creator.put("a", &["t"], &body).await })
            })
            .collect();
        let mut winners = Vec::new();
        for task in tasks {
            match task.await.unwrap() {
                Ok(pushed) => winners.push(pushed.digest),
                Err(error) => assert!(matches!(error, RegistryError::TagExists(_)), "{error}"),
            }
        }
        assert_eq!(winners.len(), 1);
        assert_eq!(world.get("a", "t").await.unwrap().digest, winners[0]);
    }
}

#[tokio::test]
async fn bytes_that_do_not_match_are_never_served() {
    let (world, root) = World::on_files().await;
    let digest = world.push_image("a", &["t"], "{}").await;
    let body = world.get("a", "t").await.unwrap().body;
    let path = root.join(Key::blob(&digest).as_str());
    std::fs::write(&path, String::from_utf8_lossy(&body).replace("\"layers\"", "\"LAYERS\"")).unwrap();
    // Whoever has checked them before still has the right ones, so this asks as another process would.
    let world = world.reopened().await;
    assert!(matches!(world.get("a", "t").await, Err(RegistryError::Storage(_))));
    world.push_image("a", &["t"], "{}").await;
    assert_eq!(world.reopened().await.get("a", "t").await.unwrap().body, body);
}

#[tokio::test]
async fn the_files_are_where_the_reference_implementation_looks() {
    let (world, root) = World::on_files().await;
    let digest = world.push_image("team/app", &["v1"], "{}").await;
    let hex = digest.hex();
    let image = root.join("docker/registry/v2/repositories/team/app");
    let config = sha256(b"{}");
    for link in [
        image.join("_manifests/tags/v1/current/link"),
        image.join(format!("_manifests/tags/v1/index/sha256/{hex}/link")),
        image.join(format!("_manifests/revisions/sha256/{hex}/link")),
    ] {
        assert_eq!(std::fs::read_to_string(&link).unwrap(), digest.to_string(), "{}", link.display());
    }
    let layer = image.join(format!("_layers/sha256/{}/link", config.hex()));
    assert_eq!(std::fs::read_to_string(layer).unwrap(), config.to_string());
    let data = root.join(format!("docker/registry/v2/blobs/sha256/{}/{}/data", &config.hex()[..2], config.hex()));
    assert_eq!(std::fs::read(data).unwrap(), b"{}");
}

#[tokio::test]
async fn an_index_may_list_layers_of_its_own_image() {
    for world in World::all().await {
        let layer = world.push_blob("a", b"layer of a build cache").await;
        world.put("a", &["cache"], &index(&[&layer])).await.unwrap();
        let elsewhere = world.put("b", &["cache"], &index(&[&layer])).await;
        assert!(matches!(elsewhere, Err(RegistryError::ManifestChildUnknown(named)) if named == layer));
        assert!(matches!(world.get("a", &layer.to_string()).await, Err(RegistryError::ManifestUnknown)));
    }
}
