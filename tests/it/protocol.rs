//! The protocol, feature by feature.

use portolan::oci::MediaType;
use serde_json::json;

use crate::harness::{Harness, TEAM, digest, manifest, manifest_with};

const CONTENT: &[u8] = b"0123456789";

#[tokio::test]
async fn a_blob_is_pushed_in_one_request_and_read_in_parts() {
    let server = Harness::start(TEAM);
    let jane = server.user("jane");
    let created = jane.push_blob("team/app", CONTENT).await.is(201);
    let path = format!("/v2/team/app/blobs/{}", digest(CONTENT));
    assert_eq!(created.header("location"), path);
    assert_eq!(created.header("docker-content-digest"), digest(CONTENT));

    let head = jane.head(&path).await.is(200);
    assert_eq!((head.header("content-length"), head.body.len()), ("10", 0));
    let whole = jane.get(&path).await.is(200);
    assert_eq!(&whole.body[..], CONTENT);
    let tag = format!("\"{}\"", digest(CONTENT));
    assert_eq!(whole.header("etag"), tag);
    assert_eq!(whole.header("cache-control"), "private, max-age=31536000, immutable");
    assert_eq!(whole.header("content-type"), "application/octet-stream");
    assert_eq!(whole.header("x-content-type-options"), "nosniff");
    assert_eq!(whole.header("docker-distribution-api-version"), "registry/2.0");

    for (range, part, content_range) in [
        ("bytes=0-0", "0", "bytes 0-0/10"),
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-2", "89", "bytes 8-9/10"),
        ("bytes=5-99", "56789", "bytes 5-9/10"),
    ] {
        let answer = jane.send(jane.request("GET", &path).header("range", range)).await.is(206);
        assert_eq!((&answer.body[..], answer.header("content-range")), (part.as_bytes(), content_range), "{range}");
    }
    for range in ["bytes=10-", "bytes=99-100", "bytes=4-2"] {
        let answer = jane.send(jane.request("GET", &path).header("range", range)).await.is(416);
        assert_eq!(answer.header("content-range"), "bytes */10", "{range}");
    }
    for range in ["lines=0-1", "bytes=0-1,3-4", "nonsense"] {
        jane.send(jane.request("GET", &path).header("range", range)).await.is(200);
    }
    let same = jane.send(jane.request("GET", &path).header("if-none-match", &tag)).await.is(304);
    assert!(same.body.is_empty());
    let other = jane.request("GET", &path).header("range", "bytes=0-0").header("if-range", "\"other\"");
    jane.send(other).await.is(200);
    jane.get(&format!("/v2/team/app/blobs/{}", digest("other"))).await.fails(404, "BLOB_UNKNOWN");
}

#[tokio::test]
async fn public_content_may_be_kept_by_shared_caches() {
    let server = Harness::start(TEAM);
    server.user("jane").push_blob("public/app", CONTENT).await.is(201);
    let answer = server.anonymous().get(&format!("/v2/public/app/blobs/{}", digest(CONTENT))).await.is(200);
    assert!(answer.header("cache-control").starts_with("public"));
}

#[tokio::test]
async fn an_upload_grows_chunk_by_chunk() {
    let server = Harness::start(TEAM);
    let jane = server.user("jane");
    let start = jane.post("/v2/team/app/blobs/uploads/").await.is(202);
    assert_eq!((start.header("range"), start.header("oci-chunk-min-length")), ("0-0", "1"));
    let location = start.header("location").to_owned();
    assert!(location.ends_with(start.header("docker-upload-uuid")) && !start.header("docker-upload-uuid").is_empty());

    let first = jane.upload("PATCH", &location, &[("content-range", "0-3")], &CONTENT[..4]).await.is(202);
    assert_eq!((first.header("range"), first.header("location")), ("0-3", location.as_str()));
    for range in ["5-6", "0-3", "9-5"] {
        let gap = jane.upload("PATCH", &location, &[("content-range", range)], "ab").await.is(416);
        assert_eq!((gap.header("range"), gap.header("location")), ("0-3", location.as_str()), "{range}");
    }
    jane.upload("PATCH", &location, &[("content-range", "a-b")], "ab").await.fails(400, "RANGE_INVALID");
    assert_eq!(jane.get(&location).await.is(204).header("range"), "0-3");
    jane.upload("PATCH", &location, &[], &CONTENT[4..7]).await.is(202);

    let finish = format!("{location}?digest={}", digest(CONTENT));
    let wrong = format!("{location}?digest={}", digest("other"));
    jane.upload("PUT", &wrong, &[], &CONTENT[7..]).await.fails(400, "DIGEST_INVALID");
    assert_eq!(jane.get(&location).await.is(204).header("range"), "0-6");
    jane.upload("PUT", &location, &[], &CONTENT[7..]).await.fails(400, "DIGEST_INVALID");
    jane.upload("PUT", &finish, &[("content-range", "7-9")], &CONTENT[7..]).await.is(201);
    let blob = jane.get(&format!("/v2/team/app/blobs/{}", digest(CONTENT))).await.is(200);
    assert_eq!(&blob.body[..], CONTENT);
}

#[tokio::test]
async fn an_upload_belongs_to_one_user_and_one_image_and_can_be_cancelled() {
    let server = Harness::start(TEAM);
    let jane = server.user("jane");
    let location = jane.post("/v2/team/app/blobs/uploads/").await.is(202).header("location").to_owned();
    let elsewhere = location.replace("team/app", "team/other");
    let carl = server.user("carl");
    for (client, path) in [(&carl, &location), (&jane, &elsewhere)] {
        client.get(path).await.fails(404, "BLOB_UPLOAD_UNKNOWN");
        client.upload("PATCH", path, &[], "x").await.fails(404, "BLOB_UPLOAD_UNKNOWN");
        let finish = format!("{path}?digest={}", digest("x"));
        client.upload("PUT", &finish, &[], "x").await.fails(404, "BLOB_UPLOAD_UNKNOWN");
        client.delete(path).await.fails(404, "BLOB_UPLOAD_UNKNOWN");
    }
    jane.delete(&location).await.is(204);
    jane.get(&location).await.fails(404, "BLOB_UPLOAD_UNKNOWN");
    jane.get("/v2/team/app/blobs/uploads/nonsense").await.fails(404, "BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn a_mount_needs_the_right_to_pull_and_tells_nothing_otherwise() {
    let server = Harness::start(TEAM);
    let root = server.user("root");
    root.push_blob("team/app", CONTENT).await.is(201);
    root.push_blob("hidden/app", b"hidden").await;
    let jane = server.user("jane");
    let mount = |digest: String, more: &str| format!("/v2/team/new/blobs/uploads/?mount={digest}{more}");
    let path = format!("/v2/team/new/blobs/{}", digest(CONTENT));
    jane.post(&mount(digest(CONTENT), "&from=public/none")).await.is(202);
    let mounted = jane.post(&mount(digest(CONTENT), "&from=team/app")).await.is(201);
    assert_eq!(mounted.header("location"), path);
    jane.head(&path).await.is(200);
    jane.post(&mount(digest("hidden"), "&from=hidden/app")).await.is(202);
    jane.post(&mount(digest("hidden"), "")).await.is(202);
    jane.head(&format!("/v2/team/new/blobs/{}", digest("hidden"))).await.is(404);
}

#[tokio::test]
async fn a_manifest_is_pushed_and_read_by_tag_and_by_digest() {
    let server = Harness::start(TEAM);
    let jane = server.user("jane");
    let manifest = jane.push_image("team/app", "v1", "config").await;
    let by_digest = format!("/v2/team/app/manifests/{}", digest(&manifest));
    for path in ["/v2/team/app/manifests/v1", &by_digest] {
        let answer = jane.get(path).await.is(200);
        assert_eq!(answer.body, manifest.as_bytes());
        assert_eq!(answer.header("content-type"), MediaType::OCI_MANIFEST);
        assert_eq!(answer.header("docker-content-digest"), digest(&manifest));
        assert_eq!(answer.header("cache-control").contains("immutable"), path == by_digest);
        let head = jane.head(path).await.is(200);
        assert_eq!(head.header("content-length"), manifest.len().to_string());
        let tag = answer.header("etag");
        jane.send(jane.request("GET", path).header("if-none-match", tag)).await.is(304);
        let index = jane.request("GET", path).header("accept", MediaType::OCI_INDEX);
        let refused = jane.send(index).await.fails(404, "MANIFEST_UNKNOWN");
        assert_eq!(refused.json()["errors"][0]["detail"]["media_type"], MediaType::OCI_MANIFEST);
    }
    for path in ["/v2/team/app/manifests/v2", "/v2/team/app/manifests/.bad", "/v2/team/none/manifests/v1"] {
        let answer = jane.get(path).await.is(404);
        assert!(["MANIFEST_UNKNOWN", "NAME_UNKNOWN"].contains(&answer.code().as_str()), "{answer:?}");
    }
}

#[tokio::test]
async fn a_bad_manifest_is_refused_with_the_right_code() {
    let server = Harness::start(TEAM);
    let jane = server.user("jane");
    jane.push_blob("team/app", b"config").await.is(201);
    let good = manifest("config");
    jane.push_manifest("team/app", "v1", &manifest("missing")).await.fails(400, "MANIFEST_BLOB_UNKNOWN");
    jane.push_manifest("team/app", "v1", "{").await.fails(400, "MANIFEST_INVALID");
    jane.push_manifest("team/app", &digest("other"), &good).await.fails(400, "DIGEST_INVALID");
    jane.push_manifest("team/app", "bad%20tag", &good).await.is(400);
    jane.push_manifest("team/app", ".bad", &good).await.fails(400, "TAG_INVALID");
    let path = "/v2/team/app/manifests/v1";
    jane.upload("PUT", path, &[("content-type", "text/plain")], good.clone()).await.fails(400, "MANIFEST_INVALID");
    let both = manifest_with("config", json!({"manifests": []}));
    jane.push_manifest("team/app", "v1", &both).await.fails(400, "MANIFEST_INVALID");
    let padding = " ".repeat(4 * 1024 * 1024 + 1 - good.len());
    jane.push_manifest("team/app", "v1", &format!("{good}{padding}")).await.fails(413, "SIZE_INVALID");
    // The length is not announced: the bytes themselves are counted.
    let pieces = (0..2).map(|_| Ok::<_, std::io::Error>(vec![b' '; 3 << 20]));
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
    let request = jane.request("PUT", path).header("content-type", MediaType::OCI_MANIFEST).body(body);
    jane.send(request).await.fails(413, "SIZE_INVALID");
    jane.get(path).await.is(404);
    // The body says what it is where the header does not.
    jane.upload("PUT", path, &[], good.clone()).await.is(201);
    jane.get(path).await.is(200);
}

#[tokio::test]
async fn one_push_sets_several_tags() {
    let server = Harness::start(TEAM);
    let jane = server.user("jane");
    jane.push_blob("team/app", b"config").await.is(201);
    let manifest = manifest("config");
    let reference = format!("{}?tag=a&tag=b&tag=a", digest(&manifest));
    let answer = jane.push_manifest("team/app", &reference, &manifest).await.is(201);
    let tags: Vec<_> = answer.headers.get_all("oci-tag").iter().map(|tag| tag.to_str().unwrap()).collect();
    assert_eq!(tags, ["a", "b"]);
    jane.get("/v2/team/app/manifests/b").await.is(200);
    let bad = format!("{}?tag=c&tag=.bad", digest(&manifest));
    jane.push_manifest("team/app", &bad, &manifest).await.fails(400, "TAG_INVALID");
    jane.get("/v2/team/app/manifests/c").await.is(404);
}

#[tokio::test]
async fn a_creator_sets_new_tags_and_replaces_none() {
    let server = Harness::start(TEAM);
    let (jane, carl) = (server.user("jane"), server.user("carl"));
    jane.push_image("team/app", "v1", "one").await;
    let two = carl.push_image("team/app", "v2", "two").await;
    carl.push_manifest("team/app", "v2", &two).await.is(201);
    carl.push_manifest("team/app", "v1", &two).await.fails(403, "DENIED");
    carl.push_manifest("team/app", &format!("{}?tag=v1", digest(&two)), &two).await.fails(403, "DENIED");
    assert_eq!(
        jane.get("/v2/team/app/manifests/v1").await.is(200).header("docker-content-digest"),
        digest(manifest("one"))
    );
    // One tag that may not be set refuses the whole push.
    let mixed = format!("{}?tag=v3&tag=v1", digest(&two));
    carl.push_manifest("team/app", &mixed, &two).await.fails(403, "DENIED");
    carl.get("/v2/team/app/manifests/v3").await.is(404);
}

#[tokio::test]
async fn referrers_are_listed_and_filtered() {
    let server = Harness::start(TEAM);
    let jane = server.user("jane");
    let subject = jane.push_image("team/app", "v1", "config").await;
    let target = json!({"mediaType": MediaType::OCI_MANIFEST, "digest": digest(&subject), "size": subject.len()});
    for kind in ["example/a", "example/b"] {
        let referrer = manifest_with("config", json!({"subject": target, "artifactType": kind}));
        let answer = jane.push_manifest("team/app", &digest(&referrer), &referrer).await.is(201);
        assert_eq!(answer.header("oci-subject"), digest(&subject));
    }
    let path = format!("/v2/team/app/referrers/{}", digest(&subject));
    let all = jane.get(&path).await.is(200);
    assert_eq!((all.header("content-type"), all.header("oci-filters-applied")), (MediaType::OCI_INDEX, ""));
    assert_eq!(all.json()["manifests"].as_array().unwrap().len(), 2);
    let some = jane.get(&format!("{path}?artifactType=example/b")).await.is(200);
    assert_eq!(some.header("oci-filters-applied"), "artifactType");
    assert_eq!(some.json()["manifests"][0]["artifactType"], "example/b");
    assert_eq!(some.json()["manifests"].as_array().unwrap().len(), 1);
    let none = jane.get(&format!("/v2/team/app/referrers/{}", digest("nothing"))).await.is(200);
    assert_eq!(none.json()["manifests"], json!([]));
}

#[tokio::test]
async fn lists_come_in_pages() {
    let server = Harness::start(TEAM);
    let jane = server.user("jane");
    for tag in ["a", "b", "c"] {
        jane.push_image("team/app", tag, "config").await;
    }
    jane.push_image("public/app", "v1", "config").await;
    let all = jane.get("/v2/team/app/tags/list").await.is(200);
    assert_eq!(all.json(), json!({"name": "team/app", "tags": ["a", "b", "c"]}));
    assert_eq!(all.header("link"), "");
    let first = jane.get("/v2/team/app/tags/list?n=2").await.is(200);
    assert_eq!(first.json()["tags"], json!(["a", "b"]));
    let link = first.header("link");
    assert_eq!(link, "</v2/team/app/tags/list?n=2&last=b>; rel=\"next\"");
    let next = jane.get(link.split(['<', '>']).nth(1).unwrap()).await.is(200);
    assert_eq!((next.json()["tags"].clone(), next.header("link")), (json!(["c"]), ""));
    let none = jane.get("/v2/team/app/tags/list?n=0").await.is(200);
    assert_eq!((none.json()["tags"].clone(), none.header("link")), (json!([]), ""));
    for path in ["/v2/team/app/tags/list", "/v2/_catalog"] {
        jane.get(&format!("{path}?n=99999999999999999999")).await.is(200);
        for n in ["-1", "x", ""] {
            jane.get(&format!("{path}?n={n}")).await.fails(400, "PAGINATION_NUMBER_INVALID");
        }
    }
    assert_eq!(jane.get("/v2/_catalog").await.is(200).json(), json!({"repositories": ["public/app", "team/app"]}));
    let page = jane.get("/v2/_catalog?n=1").await.is(200);
    assert_eq!(page.json()["repositories"], json!(["public/app"]));
    assert_eq!(page.header("link"), "</v2/_catalog?n=1&last=public/app>; rel=\"next\"");
    assert_eq!(server.anonymous().get("/v2/_catalog").await.is(200).json(), json!({"repositories": ["public/app"]}));
}

#[tokio::test]
async fn a_delete_removes_tag_manifest_and_blob() {
    let server = Harness::start(TEAM);
    let jane = server.user("jane");
    let manifest = jane.push_image("team/app", "v1", "config").await;
    jane.push_manifest("team/app", "v2", &manifest).await.is(201);
    jane.delete("/v2/team/app/manifests/v1").await.is(202);
    jane.get("/v2/team/app/manifests/v1").await.fails(404, "MANIFEST_UNKNOWN");
    jane.get("/v2/team/app/manifests/v2").await.is(200);
    let path = format!("/v2/team/app/manifests/{}", digest(&manifest));
    jane.delete(&path).await.is(202);
    jane.get("/v2/team/app/manifests/v2").await.is(404);
    jane.delete(&path).await.fails(404, "MANIFEST_UNKNOWN");
    let blob = format!("/v2/team/app/blobs/{}", digest("config"));
    jane.delete(&blob).await.is(202);
    jane.get(&blob).await.fails(404, "BLOB_UNKNOWN");
}

#[tokio::test]
async fn strange_requests_get_clear_answers() {
    let server = Harness::start(TEAM);
    for path in [
        "/v2/team/%2e%2e/tags/list",
        "/v2/team/../tags/list",
        "/v2/team%2fapp/tags/list",
        "/v2/team/a%00/tags/list",
        "/v2/team/%zz/tags/list",
        "/v2/TEAM/tags/list",
        "/v2/_layers/tags/list",
    ] {
        assert_eq!(server.raw_status("GET", path).await, 400, "{path}");
    }
    let long = format!("/v2/{}/tags/list", "a".repeat(5000));
    assert_eq!(server.raw_status("GET", &long).await, 400);
    for path in ["/", "/v1/", "/v2/team", "/-/nothing", "/v2/team/app/nothing/x"] {
        assert_eq!(server.raw_status("GET", path).await, 404, "{path}");
    }
    let answer = server.anonymous().delete("/v2/team/app/tags/list").await.fails(405, "UNSUPPORTED");
    assert_eq!(answer.header("allow"), "GET, HEAD");
    let lies = "POST /v2/team/app/blobs/uploads/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n";
    assert!(server.raw(lies).await.starts_with("HTTP/1.1 400"));
    server.anonymous().get("/-/live").await.is(200);
}

#[tokio::test]
async fn a_refused_push_is_answered_before_its_body_was_sent() {
    let server = Harness::start(TEAM);
    let path = format!("/v2/team/app/blobs/uploads/?digest={}", digest("x"));
    let request = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\nbegin");
    let answer = server.raw(&request).await;
    assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("UNAUTHORIZED"), "{answer}");
    // A body without an announced end is not read for ever either: the connection is closed.
    let request = format!("POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegin\r\n");
    let answer = server.raw(&request).await;
    assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("connection: close"), "{answer}");
}

#[tokio::test]
async fn health_is_open_and_details_are_for_admins() {
    let server = Harness::start(TEAM);
    let anonymous = server.anonymous();
    anonymous.get("/-/live").await.is(200);
    anonymous.get("/-/ready").await.is(200);
    let status = anonymous.get("/-/status").await.is(200).json();
    assert_eq!((&status["generation"], &status["errors"]), (&json!(1), &json!(0)));
    assert!(status.get("diagnostics").is_none());
    assert!(server.user("root").get("/-/status").await.is(200).json()["diagnostics"].is_array());
    assert!(server.user("jane").get("/-/status").await.is(200).json().get("diagnostics").is_none());
    let metrics = anonymous.get("/-/metrics").await.is(200);
    let text = String::from_utf8(metrics.body.to_vec()).unwrap();
    assert!(text.contains(r#"portolan_requests_total{operation="live",status="2xx"} 1"#), "{text}");
}

#[tokio::test]
async fn a_shutdown_lets_a_running_upload_end() {
    let server = Harness::start(TEAM);
    let jane = server.user("jane");
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Vec<u8>, std::io::Error>>(1);
    let body = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    let path = format!("/v2/team/app/blobs/uploads/?digest={}", digest(CONTENT));
    let request = jane.request("POST", &path).body(reqwest::Body::wrap_stream(body));
    let upload = tokio::spawn(async move { jane.send(request).await });
    sender.send(Ok(CONTENT[..5].to_vec())).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let shut_down = tokio::spawn(server.shut_down());
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    sender.send(Ok(CONTENT[5..].to_vec())).await.unwrap();
    drop(sender);
    upload.await.unwrap().is(201);
    shut_down.await.unwrap();
}
