//! Tags, referrers and the catalog.

use super::*;

fn with_subject(config: &Digest, subject: &Digest, kind: &str) -> String {
    let subject = descriptor(MediaType::OCI_MANIFEST, subject);
    manifest(config, &format!(r#","artifactType":"{kind}","annotations":{{"k":"{kind}"}},"subject":{subject}"#))
}

#[tokio::test]
async fn tags_come_in_order_and_in_pages() {
    for world in World::all().await {
        world.push_image("a", &["b", "a", "C", "1", "a.b", "a-b"], "{}").await;
        let pull = world.pull("a");
        assert_eq!(world.tags("a").await, ["1", "C", "a", "a-b", "a.b", "b"]);
        let page = world.registry.tags(&pull, 2, Some("C")).await.unwrap();
        assert_eq!((page.entries, page.more), (vec![tag("a"), tag("a-b")], true));
        let page = world.registry.tags(&pull, usize::MAX, Some("aa")).await.unwrap();
        assert_eq!((page.entries, page.more), (vec![tag("b")], false));
        let page = world.registry.tags(&pull, 0, None).await.unwrap();
        assert_eq!((page.entries, page.more), (vec![], false));
        let unknown = world.registry.tags(&world.pull("nothing"), 1, None).await;
        assert!(matches!(unknown, Err(RegistryError::NameUnknown)));
    }
}

#[tokio::test]
async fn referrers_are_listed_while_they_exist() {
    for world in World::all().await {
        let subject = world.push_image("a", &["v1"], "{}").await;
        let config = world.push_blob("a", b"config").await;
        let registry = Arc::clone(&world.registry);
        let pull = world.pull("a");
        assert_eq!(registry.referrers(&pull, &subject, None, None).await.unwrap().entries, []);
        // The subject may be missing, and referrers of another image do not count.
        let early = sha256(b"not here yet");
        assert_eq!(
            world.put("a", &[], &with_subject(&config, &early, "x/y")).await.unwrap().subject,
            Some(early.clone())
        );
        assert_eq!(registry.referrers(&pull, &early, None, None).await.unwrap().entries.len(), 1);
        assert_eq!(registry.referrers(&world.pull("b"), &early, None, None).await.unwrap().entries, []);

        let mut expected = Vec::new();
        for kind in ["x/sbom", "x/signature"] {
            expected.push(world.put("a", &[], &with_subject(&config, &subject, kind)).await.unwrap().digest);
        }
        expected.sort();
        let found = registry.referrers(&pull, &subject, None, None).await.unwrap().entries;
        assert_eq!(found.iter().map(|referrer| referrer.digest.clone()).collect::<Vec<_>>(), expected);
        let found = registry.referrers(&pull, &subject, Some("x/sbom"), None).await.unwrap().entries;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].media_type, MediaType::OCI_MANIFEST);
        assert_eq!(found[0].annotations["k"], "x/sbom");
        world.delete_manifest("a", &found[0].digest).await.unwrap();
        assert_eq!(registry.referrers(&pull, &subject, None, None).await.unwrap().entries.len(), 1);
    }
}

#[tokio::test]
async fn referrers_are_found_in_data_of_other_software() {
    let (world, root) = World::on_files().await;
    let subject = world.push_image("a", &["v1"], "{}").await;
    let config = world.push_blob("a", b"config").await;
    let referrer = world.put("a", &[], &with_subject(&config, &subject, "x/y")).await.unwrap().digest;
    let listed = world.push_image("a", &[], "listed in the fallback tag only").await;
    let fallback = format!("sha256-{}", subject.hex());
    world.put("a", &[&fallback], &index(&[&listed, &referrer])).await.unwrap();
    std::fs::remove_dir_all(root.join("portolan")).unwrap();

    let mut expected = [referrer, listed];
    expected.sort();
    for _ in 0..2 {
        let found = world.registry.referrers(&world.pull("a"), &subject, None, None).await.unwrap().entries;
        assert_eq!(found.into_iter().map(|referrer| referrer.digest).collect::<Vec<_>>(), expected);
    }
    assert!(root.join("portolan/v1/repositories/a/_referrers/complete").exists());
}

#[tokio::test]
async fn referrers_come_in_pages_of_bounded_size() {
    let world = World::new(StoreOptions::Memory, None).await;
    let subject = world.push_image("a", &["v1"], "{}").await;
    let config = world.push_blob("a", b"config").await;
    let note = "x".repeat(1_500_000);
    let mut expected = Vec::new();
    for kind in ["x/1", "x/2", "x/3"] {
        let own = with_subject(&config, &subject, kind).replace(r#"{"k":"#, &format!(r#"{{"note":"{note}","k":"#));
        expected.push(world.put("a", &[], &own).await.unwrap().digest);
        // Known from the fallback tag only.
        let more = format!(r#","annotations":{{"note":"{note}{kind}"}}"#);
        expected.push(world.put("a", &[], &manifest(&config, &more)).await.unwrap().digest);
    }
    let fallback = format!("sha256-{}", subject.hex());
    let listed: Vec<&Digest> = expected.iter().cycle().take(60).collect();
    world.put("a", &[&fallback], &index(&listed)).await.unwrap();
    expected.sort();

    let pull = world.pull("a");
    let (mut found, mut last) = (Vec::new(), None);
    for page_of in [2, 2, 2] {
        let page = world.registry.referrers(&pull, &subject, None, last.as_ref()).await.unwrap();
        assert_eq!(page.entries.len(), page_of);
        found.extend(page.entries.into_iter().map(|referrer| referrer.digest));
        assert_eq!(page.more, found.len() < 6);
        last = found.last().cloned();
    }
    assert_eq!(found, expected);
    let page = world.registry.referrers(&pull, &subject, Some("x/2"), None).await.unwrap();
    assert_eq!((page.entries.len(), page.more), (1, false));
}

#[tokio::test]
async fn the_catalog_is_in_byte_order_and_in_pages() {
    for world in World::all().await {
        let names = ["a", "a-b", "a.b", "a/b", "a/b/c", "a0", "b/c/d"];
        for name in names {
            world.push_image(name, &["t"], "{}").await;
        }
        world.push_blob("only-a-blob", b"x").await;
        assert_eq!(world.catalog(100, None).await, (names.map(str::to_owned).to_vec(), false));
        let mut last = None;
        for (number, name) in names.iter().enumerate() {
            let (page, more) = world.catalog(1, last.as_deref()).await;
            assert_eq!((page.as_slice(), more), ([(*name).to_owned()].as_slice(), number + 1 < names.len()));
            last = Some((*name).to_owned());
        }
        assert_eq!(world.catalog(5, Some("a/a")).await.0, ["a/b", "a/b/c", "a0", "b/c/d"]);
        assert_eq!(world.catalog(0, None).await, (vec![], false));
    }
}

#[tokio::test]
async fn the_catalog_shows_what_may_be_pulled() {
    for world in World::all().await {
        for name in ["team/a", "team/b", "team/deep/c", "other/a"] {
            world.push_image(name, &["t"], "{}").await;
        }
        let rules = [repository("team", granting(&["repository:a:pull"]), &[]), repository("team/deep", open(), &[])];
        let world = world.under(rules);
        assert_eq!(world.catalog(100, None).await.0, ["team/a", "team/deep/c"]);
        let only = world.ask(&ListCatalog { only: Some("team".into()) });
        let page = world.registry.catalog(&only, 100, None).await.unwrap();
        assert_eq!(page.entries, [image("team/a")]);
    }
}

#[tokio::test]
async fn the_catalog_walks_only_where_something_may_be_seen() {
    for world in World::all().await {
        let rules = [
            repository("hidden", granting(&["repository:*:push"]), &[]),
            repository("shown", granting(&["repository:a:pull"]), &[]),
            repository("listed", granting(&["registry:catalog:*"]), &[]),
            repository("open", open(), &[]),
        ];
        let permit = world.under(rules).ask(&ListCatalog { only: None });
        let prefixes: Vec<_> = permit.prefixes().into_iter().map(|(prefix, _)| prefix.to_string()).collect();
        assert_eq!(prefixes, ["shown", "listed", "open"]);
    }
}

#[tokio::test]
async fn few_catalogs_are_walked_at_the_same_time() {
    let world = World::new(StoreOptions::Memory, None).await;
    let busy = world.registry.walks.0.acquire_many(4).await.unwrap();
    let waiting = tokio::time::timeout(std::time::Duration::from_millis(50), world.catalog(1, None)).await;
    assert!(waiting.is_err());
    drop(busy);
    assert_eq!(world.catalog(1, None).await, (vec![], false));
}
