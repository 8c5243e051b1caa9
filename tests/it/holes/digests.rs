//! Content: that it is what its digest says, and that it can be read in one way only.

use portolan::oci::MediaType;
use serde_json::json;

use super::storage_in;
use crate::harness::{Client, Harness, TEAM, digest, manifest, manifest_with};

const V1: &str = "/v2/team/app/manifests/v1";

async fn push(client: &Client, media_type: &str, body: &str) -> crate::harness::Answer {
    client.upload("PUT", V1, &[("content-type", media_type)], body.to_owned()).await
}

/// One body could be read as an image by one client and as an index by another, so that what was
/// scanned or signed was not what ran. Fields of both, a type that contradicts the header, and fields
/// that stand there twice, of which one reader takes the first and another the last.
#[tokio::test]
async fn oci_cve_2021_41190_body_is_manifest_and_index() {
    let server = Harness::start(TEAM);
    let jane = server.user("jane");
    let child = jane.push_image("team/app", "child", "config").await;
    let entry = json!({"mediaType": MediaType::OCI_MANIFEST, "digest": digest(&child), "size": child.len()});
    let config =
        json!({"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest("config"), "size": 6});
    let both = json!({"schemaVersion": 2, "config": config, "layers": [], "manifests": [entry]}).to_string();
    let types = [MediaType::OCI_MANIFEST, MediaType::OCI_INDEX, MediaType::DOCKER_MANIFEST, MediaType::DOCKER_LIST];
    let mut bodies = vec![
        both,
        json!({"schemaVersion": 2, "config": config, "manifests": [entry]}).to_string(),
        json!({"schemaVersion": 2, "layers": [], "manifests": [entry]}).to_string(),
        json!({"schemaVersion": 2, "config": config, "layers": [], "fsLayers": [], "history": []}).to_string(),
        format!(r#"{{"schemaVersion":2,"config":{config},"layers":[],"layers":[{config}]}}"#),
        format!(r#"{{"schemaVersion":2,"config":{config},"config":{config},"layers":[]}}"#),
        format!(r#"{{"schemaVersion":2,"manifests":[{entry}],"manifests":[]}}"#),
    ];
    // Many readers, Go's among them, take a field for another that differs in case only.
    for (field, value) in [("Manifests", json!([entry])), ("LAYERS", json!([config])), ("Config", config.clone())] {
        let mut body = json!({"schemaVersion": 2, "config": config, "layers": []});
        body[field] = value;
        bodies.push(body.to_string());
    }
    let long_s = format!(r#"{{"schemaVersion":2,"config":{config},"layers":[],"manifest\u017f":[{entry}]}}"#);
    let in_descriptor = format!(
        r#"{{"schemaVersion":2,"config":{config},"layers":[{{"mediaType":"a/b","digest":"{}","Digest":"{}","size":6}}]}}"#,
        digest("config"),
        digest(&child)
    );
    bodies.extend([long_s, in_descriptor]);
    for body in &bodies {
        for media_type in types {
            push(&jane, media_type, body).await.fails(400, "MANIFEST_INVALID");
        }
        // Nor does a push without a type make us choose.
        jane.upload("PUT", V1, &[], body.clone()).await.fails(400, "MANIFEST_INVALID");
    }
    // A body that says one thing under a header that says another.
    let image = manifest_with("config", json!({}));
    let index = json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": [entry]}).to_string();
    for (media_type, body) in [(MediaType::OCI_INDEX, &image), (MediaType::DOCKER_MANIFEST, &image)]
        .into_iter()
        .chain(types.into_iter().filter(|it| *it != MediaType::OCI_INDEX).map(|it| (it, &index)))
    {
        push(&jane, media_type, body).await.fails(400, "MANIFEST_INVALID");
    }
    jane.get(V1).await.is(404);
}

/// The other half: what was pushed as one thing is never handed out as another.
#[tokio::test]
async fn oci_cve_2021_41190_accept_chooses_what_a_body_is() {
    let server = Harness::start(TEAM);
    let jane = server.user("jane");
    let child = jane.push_image("team/app", "child", "config").await;
    let entry = json!({"mediaType": MediaType::OCI_MANIFEST, "digest": digest(&child), "size": child.len()});
    let config =
        json!({"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest("config"), "size": 6});
    let untyped_image = json!({"schemaVersion": 2, "config": config, "layers": []}).to_string();
    let untyped_index = json!({"schemaVersion": 2, "manifests": [entry]}).to_string();
    let types = [MediaType::OCI_MANIFEST, MediaType::OCI_INDEX, MediaType::DOCKER_MANIFEST, MediaType::DOCKER_LIST];
    for body in [&untyped_image, &untyped_index] {
        let mut accepted = 0;
        for pushed_as in types {
            if push(&jane, pushed_as, body).await.status != 201 {
                continue;
            }
            accepted += 1;
            for accept in types {
                let answer = jane.send(jane.request("GET", V1).header("accept", accept)).await;
                assert_eq!(answer.status == 200, accept == pushed_as, "{pushed_as} {accept} {answer:?}");
            }
            assert_eq!(jane.get(V1).await.is(200).header("content-type"), pushed_as);
        }
        assert_eq!(accepted, 1, "one body is one thing: {body}");
    }
}

/// In trow the check of a pushed blob's digest could be switched off, and was, by a slip: whatever the
/// client named its bytes, they were served as that.
#[tokio::test]
async fn trow_digest_of_a_push_is_not_checked() {
    let server = Harness::start(TEAM);
    let jane = server.user("jane");
    let (claimed, sha512) = (digest("what is claimed"), format!("sha512:{}", "ab".repeat(64)));
    let start = "/v2/team/app/blobs/uploads/";
    for wrong in [&claimed, &sha512] {
        // In one request, with the last request of a session, and in a session of chunks.
        jane.upload("POST", &format!("{start}?digest={wrong}"), &[], "content").await.fails(400, "DIGEST_INVALID");
        let session = jane.post(start).await.is(202).header("location").to_owned();
        jane.upload("PUT", &format!("{session}?digest={wrong}"), &[], "content").await.fails(400, "DIGEST_INVALID");
        let session = jane.post(start).await.is(202).header("location").to_owned();
        jane.upload("PATCH", &session, &[], "con").await.is(202);
        jane.upload("PATCH", &session, &[], "tent").await.is(202);
        jane.upload("PUT", &format!("{session}?digest={wrong}"), &[], "").await.fails(400, "DIGEST_INVALID");
    }
    // Nothing at all, under the digest of something.
    jane.upload("POST", &format!("{start}?digest={claimed}"), &[], "").await.fails(400, "DIGEST_INVALID");
    for digest in [&claimed, &sha512, &digest("content"), &digest("")] {
        jane.get(&format!("/v2/team/app/blobs/{digest}")).await.fails(404, "BLOB_UNKNOWN");
    }
    // A manifest by a digest that is another's.
    jane.push_blob("team/app", b"config").await.is(201);
    let image = manifest("config");
    for wrong in [&claimed, &sha512] {
        jane.push_manifest("team/app", wrong, &image).await.fails(400, "DIGEST_INVALID");
        jane.push_manifest("team/app", &format!("{wrong}?tag=v1"), &image).await.fails(400, "DIGEST_INVALID");
        jane.get(&format!("/v2/team/app/manifests/{wrong}")).await.fails(404, "MANIFEST_UNKNOWN");
    }
    jane.get(V1).await.is(404);
    // A digest of no algorithm that is checked is none.
    for odd in ["md5:d41d8cd98f00b204e9800998ecf8427e", "none:x", "sha256:x", "content", &claimed.to_uppercase()] {
        jane.upload("POST", &format!("{start}?digest={odd}"), &[], "content").await.fails(400, "DIGEST_INVALID");
    }
}

/// What was harmed after it was stored: a manifest is read whole and so never handed out under a digest
/// that is not its own, and a good push mends both manifests and blobs.
#[tokio::test]
async fn trow_damaged_content_is_served_as_good() {
    let folder = tempfile::tempdir().unwrap();
    let storages = storage_in(folder.path());
    // Each time another server: one that has checked a manifest before still has the right bytes.
    let start = || Harness::start(&[TEAM[1], TEAM[2], ("storages.yaml", &storages)]);
    let server = start();
    let jane = server.user("jane");
    let image = jane.push_image("team/app", "v1", "config").await;
    let data = |digest: &str| {
        let hex = digest.strip_prefix("sha256:").unwrap();
        folder.path().join(format!("docker/registry/v2/blobs/sha256/{}/{hex}/data", &hex[..2]))
    };
    let by_digest = format!("/v2/team/app/manifests/{}", digest(&image));
    let other = manifest_with("config", json!({"annotations": {"a": "harmed"}}));
    for harmed in [other.as_str(), "", &image[..image.len() - 1], &format!("{image} ")] {
        std::fs::write(data(&digest(&image)), harmed).unwrap();
        let server = start();
        let jane = server.user("jane");
        for path in [V1, &by_digest] {
            let answer = jane.get(path).await;
            assert!(answer.status.is_server_error(), "{answer:?}");
            assert!(jane.head(path).await.status.is_server_error());
        }
        jane.push_manifest("team/app", "v1", &image).await.is(201);
        assert_eq!(start().user("jane").get(&by_digest).await.is(200).body, image.as_bytes());
    }
    std::fs::remove_file(data(&digest(&image))).unwrap();
    start().user("jane").get(V1).await.fails(404, "MANIFEST_UNKNOWN");

    let blob = format!("/v2/team/app/blobs/{}", digest("config"));
    std::fs::write(data(&digest("config")), "harmed").unwrap();
    jane.push_blob("team/app", b"config").await.is(201);
    assert_eq!(&jane.get(&blob).await.is(200).body[..], b"config");
    std::fs::remove_file(data(&digest("config"))).unwrap();
    jane.get(&blob).await.fails(404, "BLOB_UNKNOWN");
    jane.head(&blob).await.is(404);
    jane.push_manifest("team/app", "v1", &image).await.fails(400, "MANIFEST_BLOB_UNKNOWN");
}
