//! Every operation refuses whoever may not do it. The operations are counted.

use std::collections::BTreeMap;

use portolan::server::OPERATIONS;

use crate::harness::{Harness, TEAM, digest};

/// How an operation answers a request that may not be.
enum Refusal {
    /// Anonymous 401 with a challenge, a user without a grant 403; and neither sees a difference
    /// between what exists and what does not.
    Judged,
    /// Wrong credentials are 401; otherwise the answer is for everybody.
    Credentials,
    /// For machines that know no password: credentials are not looked at.
    Open,
}

fn requests() -> BTreeMap<&'static str, (&'static str, String, Refusal)> {
    use Refusal::{Credentials, Judged, Open};
    let blob = format!("/v2/team/app/blobs/{}", digest("config"));
    let start = "/v2/team/app/blobs/uploads/";
    let upload = format!("{start}4f6f3c31-5d2b-4c6f-9f4e-0d9b0c1f2a3b");
    let manifest = "/v2/team/app/manifests/v1";
    let content = digest("config");
    BTreeMap::from([
        ("base", ("GET", "/v2/".to_owned(), Judged)),
        ("catalog", ("GET", "/v2/_catalog".to_owned(), Credentials)),
        ("tags", ("GET", "/v2/team/app/tags/list".to_owned(), Judged)),
        ("referrers", ("GET", format!("/v2/team/app/referrers/{content}"), Judged)),
        ("manifest_get", ("GET", manifest.to_owned(), Judged)),
        ("manifest_head", ("HEAD", manifest.to_owned(), Judged)),
        ("manifest_put", ("PUT", manifest.to_owned(), Judged)),
        ("manifest_delete", ("DELETE", manifest.to_owned(), Judged)),
        ("blob_get", ("GET", blob.clone(), Judged)),
        ("blob_head", ("HEAD", blob.clone(), Judged)),
        ("blob_delete", ("DELETE", blob, Judged)),
        ("upload_start", ("POST", start.to_owned(), Judged)),
        ("upload_whole", ("POST", format!("{start}?digest={content}"), Judged)),
        ("upload_mount", ("POST", format!("{start}?mount={content}&from=team/other"), Judged)),
        ("upload_status", ("GET", upload.clone(), Judged)),
        ("upload_append", ("PATCH", upload.clone(), Judged)),
        ("upload_finish", ("PUT", format!("{upload}?digest={content}"), Judged)),
        ("upload_cancel", ("DELETE", upload, Judged)),
        ("token_get", ("GET", "/token".to_owned(), Credentials)),
        ("token_post", ("POST", "/token".to_owned(), Credentials)),
        ("live", ("GET", "/-/live".to_owned(), Open)),
        ("ready", ("GET", "/-/ready".to_owned(), Open)),
        ("status", ("GET", "/-/status".to_owned(), Credentials)),
        ("metrics", ("GET", "/-/metrics".to_owned(), Open)),
        ("reload", ("POST", "/-/reload".to_owned(), Judged)),
    ])
}

#[test]
fn every_operation_has_a_refusal() {
    let mut operations = OPERATIONS.to_vec();
    operations.sort_unstable();
    assert_eq!(requests().into_keys().collect::<Vec<_>>(), operations);
}

#[tokio::test]
async fn operations_refuse_whoever_may_not() {
    let server = Harness::start(TEAM);
    // Nothing here is for anybody, so that even signing in is refused.
    server.write("repos/public.yaml", "repo: {type: docker, storage: default, permissions: {jane: [read]}}\n").await;
    server.user("jane").push_image("team/app", "v1", "config").await;
    for (operation, (method, path, refusal)) in requests() {
        let anonymous = server.anonymous().send(server.anonymous().request(method, &path)).await;
        let nemo = server.user("nemo").send(server.user("nemo").request(method, &path)).await;
        // Each on a name of its own, so that the brakes on guessing stay out of it.
        let stranger = server.password(&format!("x-{operation}"), "wrong");
        let stranger = if operation == "token_post" {
            let form = [("grant_type", "password"), ("username", "x"), ("password", "wrong")];
            stranger.send(server.anonymous().request(method, &path).form(&form)).await
        } else {
            stranger.send(stranger.request(method, &path)).await
        };
        match refusal {
            Refusal::Judged => {
                assert_eq!(anonymous.status, 401, "{operation}");
                assert!(anonymous.header("www-authenticate").starts_with("Bearer realm="), "{operation}");
                assert_eq!(nemo.status, 403, "{operation}");
                assert_eq!(stranger.status, 401, "{operation}");
                if method != "HEAD" {
                    assert_eq!((anonymous.code(), nemo.code()), ("UNAUTHORIZED".to_owned(), "DENIED".to_owned()));
                }
            }
            Refusal::Credentials => assert_eq!(stranger.status, 401, "{operation}"),
            Refusal::Open => assert_eq!(stranger.status, 200, "{operation}"),
        }
    }
    let catalog = server.user("nemo").get("/v2/_catalog").await.is(200).json();
    assert_eq!(catalog, serde_json::json!({"repositories": []}));
}

#[tokio::test]
async fn nobody_writes_with_the_right_to_read() {
    let server = Harness::start(TEAM);
    server.user("jane").push_image("team/app", "v1", "config").await;
    let rita = server.user("rita");
    let reads = ["base", "catalog", "tags", "referrers", "manifest_get", "manifest_head", "blob_get", "blob_head"];
    for (operation, (method, path, refusal)) in requests() {
        if !matches!(refusal, Refusal::Judged) {
            continue;
        }
        let answer = rita.send(rita.request(method, &path)).await;
        assert_eq!(answer.status, if reads.contains(&operation) { 200 } else { 403 }, "{operation}");
    }
}
