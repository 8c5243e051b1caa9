//! Blobs and sessions that are somebody else's.

use portolan::oci::MediaType;
use serde_json::json;

use super::{repository, token};
use crate::harness::{Answer, Harness, TEAM, digest, manifest, manifest_with};

/// jane pushes to team; `hidden` lies in the same storage, and she may do nothing there.
async fn with_hidden() -> (Harness, String) {
    let server = Harness::start(TEAM);
    server.write("repos/hidden.yaml", &repository("root: [read]")).await;
    let image = server.user("root").push_image("hidden/app", "v1", "hidden config").await;
    (server, image)
}

/// The names of an answer's headers, and its status: all that a mount may tell.
fn form(answer: &Answer) -> String {
    let mut names: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
    names.sort();
    format!("{} {names:?}", answer.status)
}

/// In zot a mount gave a blob to whoever knew its digest, wherever it lay: the right to pull was asked
/// of no one.
#[tokio::test]
async fn zot_cve_2024_39897_mount_takes_a_hidden_blob() {
    let (server, _) = with_hidden().await;
    let (jane, hidden) = (server.user("jane"), digest("hidden config"));
    let start = "/v2/team/new/blobs/uploads/";
    let ordinary = form(&jane.post(start).await.is(202));
    let scopes = ["repository:team/new:pull,push", "repository:hidden/app:pull"];
    let bearer = server.bearer(&token(&server, "jane", &scopes).await);
    for from in ["&from=hidden/app", "&from=hidden/none", "&from=nowhere/app", "&from=team/new", ""] {
        for client in [&jane, &bearer] {
            let answer = client.post(&format!("{start}?mount={hidden}{from}")).await.is(202);
            assert_eq!(form(&answer), ordinary, "{from}");
            // A digest that is nowhere is answered in the same way.
            let nowhere = client.post(&format!("{start}?mount={}{from}", digest("nowhere"))).await.is(202);
            assert_eq!(form(&nowhere), ordinary, "{from}");
            client.head(&format!("/v2/team/new/blobs/{hidden}")).await.is(404);
            client.get(&format!("/v2/team/new/blobs/{hidden}")).await.fails(404, "BLOB_UNKNOWN");
        }
    }
    // Within one repository too: what jane may pull, and what she may only push.
    let grants = "root: [read], jane: ['repository:mine:pull', 'repository:*:push']";
    server.write("repos/team.yaml", &repository(grants)).await;
    let root = server.user("root");
    root.push_blob("team/theirs", b"theirs").await.is(201);
    root.push_blob("team/mine", b"mine").await.is(201);
    for from in ["&from=team/theirs", ""] {
        jane.post(&format!("{start}?mount={}{from}", digest("theirs"))).await.is(202);
        jane.head(&format!("/v2/team/new/blobs/{}", digest("theirs"))).await.is(404);
        jane.post(&format!("{start}?mount={}{}", digest("mine"), from.replace("theirs", "mine"))).await.is(201);
    }
    // A token that was not asked for the source takes nothing from it, though its user could; one that
    // was, does.
    let (push, pull) = ("repository:team/other:pull,push", "repository:team/mine:pull");
    let narrow = server.bearer(&token(&server, "jane", &[push]).await);
    let wide = server.bearer(&token(&server, "jane", &[push, pull]).await);
    let blob = format!("/v2/team/other/blobs/{}", digest("mine"));
    for from in ["&from=team/mine", ""] {
        let mount = format!("/v2/team/other/blobs/uploads/?mount={}{from}", digest("mine"));
        // Where it names the source it is told what its token lacks; a search finds nothing for it.
        narrow.post(&mount).await.is(if from.is_empty() { 202 } else { 401 });
        narrow.head(&blob).await.is(404);
        wide.post(&mount).await.is(201);
        wide.head(&blob).await.is(200);
        root.delete(&blob).await.is(202);
    }
}

/// In Harbor a HEAD told that a blob exists, and how long it is, to people who could not pull it.
#[tokio::test]
async fn harbor_23270_head_shows_a_hidden_blob() {
    let (server, image) = with_hidden().await;
    let (blob, by_digest) = (digest("hidden config"), digest(&image));
    for user in ["jane", "rita", "carl", "nemo"] {
        let client = server.user(user);
        for path in [format!("blobs/{blob}"), "manifests/v1".to_owned(), format!("manifests/{by_digest}")] {
            let answer = client.head(&format!("/v2/hidden/app/{path}")).await.is(403);
            assert_eq!(answer.header("docker-content-digest"), "", "{answer:?}");
            let missing = client.head(&format!("/v2/hidden/none/{path}")).await.is(403);
            assert_eq!(form(&answer), form(&missing), "{path}");
            server.anonymous().head(&format!("/v2/hidden/app/{path}")).await.is(401);
        }
    }
    // In an image of one's own a digest names only what was pushed there.
    let jane = server.user("jane");
    jane.head(&format!("/v2/team/app/blobs/{blob}")).await.is(404);
    jane.head(&format!("/v2/team/app/manifests/{by_digest}")).await.is(404);
    jane.delete(&format!("/v2/team/app/blobs/{blob}")).await.is(404);
    jane.delete(&format!("/v2/team/app/manifests/{by_digest}")).await.is(404);
}

/// The longer way to the same: to name the digest in a manifest, and pull what it names.
#[tokio::test]
async fn zot_cve_2024_39897_manifest_takes_what_it_names() {
    let (server, image) = with_hidden().await;
    let jane = server.user("jane");
    let (blob, hidden) = (digest("hidden config"), digest(&image));
    jane.push_blob("team/app", b"config").await.is(201);
    let as_layer = |media_type: &str| {
        manifest_with("config", json!({"layers": [{"mediaType": media_type, "digest": blob, "size": 13}]}))
    };
    let tar = "application/vnd.oci.image.layer.v1.tar";
    jane.push_manifest("team/app", "v1", &manifest("hidden config")).await.fails(400, "MANIFEST_BLOB_UNKNOWN");
    jane.push_manifest("team/app", "v1", &as_layer(tar)).await.fails(400, "MANIFEST_BLOB_UNKNOWN");
    let entry = json!({"mediaType": MediaType::OCI_MANIFEST, "digest": hidden, "size": image.len()});
    let index = json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": [entry]}).to_string();
    let path = "/v2/team/app/manifests/v1";
    let as_index = [("content-type", MediaType::OCI_INDEX)];
    jane.upload("PUT", path, &as_index, index.clone()).await.fails(400, "MANIFEST_UNKNOWN");
    // The bytes of a digest cannot be left out because somebody else has sent them.
    let start = "/v2/team/app/blobs/uploads/";
    jane.upload("POST", &format!("{start}?digest={blob}"), &[], "").await.fails(400, "DIGEST_INVALID");
    let session = jane.post(start).await.is(202).header("location").to_owned();
    jane.upload("PUT", &format!("{session}?digest={blob}"), &[], "").await.fails(400, "DIGEST_INVALID");
    // What may be named without being there is still not handed out.
    let foreign = as_layer("application/vnd.oci.image.layer.nondistributable.v1.tar");
    jane.push_manifest("team/app", "foreign", &foreign).await.is(201);
    let about = manifest_with("config", json!({"subject": entry}));
    jane.push_manifest("team/app", "about", &about).await.is(201);
    for path in [format!("blobs/{blob}"), format!("manifests/{hidden}"), format!("blobs/{hidden}")] {
        jane.get(&format!("/v2/team/app/{path}")).await.is(404);
        jane.head(&format!("/v2/team/app/{path}")).await.is(404);
    }
    jane.push_manifest("team/app", "v1", &manifest("hidden config")).await.fails(400, "MANIFEST_BLOB_UNKNOWN");
    jane.upload("PUT", path, &as_index, index).await.fails(400, "MANIFEST_UNKNOWN");
    // A referrer in her image shows in hers only.
    let shown = server.user("root").get(&format!("/v2/hidden/app/referrers/{hidden}")).await.is(200);
    assert_eq!(shown.json()["manifests"], json!([]));
}

/// In Quay whoever learnt the id of an upload could go on with it, or end it, whosever it was.
#[tokio::test]
async fn quay_cve_2026_32589_upload_of_another_user() {
    let server = Harness::start(TEAM);
    server.write("repos/open.yaml", "repo: {type: docker, storage: default}\n").await;
    let jane = server.user("jane");
    let finish = |session: &str| format!("{session}?digest={}", digest("content"));
    for image in ["team/app", "open/app"] {
        let session = jane.post(&format!("/v2/{image}/blobs/uploads/")).await.is(202).header("location").to_owned();
        jane.upload("PATCH", &session, &[], "con").await.is(202);
        let other_image = session.replace("/app/", "/other/");
        let bearer = server.bearer(&token(&server, "carl", &[&format!("repository:{image}:pull,push")]).await);
        let mut attackers = vec![
            (server.user("carl"), &session, 404),
            (bearer, &session, 404),
            (server.user("root"), &session, 404),
            (jane.clone(), &other_image, 404),
            (server.user("rita"), &session, if image == "team/app" { 403 } else { 404 }),
            (server.anonymous(), &session, if image == "team/app" { 401 } else { 404 }),
        ];
        for (client, session, status) in attackers.drain(..) {
            client.get(session).await.is(status);
            client.upload("PATCH", session, &[], "evil").await.is(status);
            client.upload("PATCH", session, &[("content-range", "3-6")], "evil").await.is(status);
            client.upload("PUT", &finish(session), &[], "tent").await.is(status);
            client.upload("PUT", &format!("{session}?digest={}", digest("con")), &[], "").await.is(status);
            client.delete(session).await.is(status);
        }
        // The owner finds everything as it was.
        assert_eq!(jane.get(&session).await.is(204).header("range"), "0-2");
        jane.upload("PUT", &finish(&session), &[], "tent").await.is(201);
        let blob = jane.get(&format!("/v2/{image}/blobs/{}", digest("content"))).await.is(200);
        assert_eq!(&blob.body[..], b"content");
        jane.delete(&session).await.fails(404, "BLOB_UPLOAD_UNKNOWN");
        // And what an anonymous client has begun is not for users to take.
        if image == "open/app" {
            let anonymous = server.anonymous();
            let session = anonymous.post("/v2/open/app/blobs/uploads/").await.is(202).header("location").to_owned();
            jane.upload("PATCH", &session, &[], "evil").await.fails(404, "BLOB_UPLOAD_UNKNOWN");
            jane.delete(&session).await.fails(404, "BLOB_UPLOAD_UNKNOWN");
            anonymous.get(&session).await.is(204);
        }
    }
}

/// The session's owner is who signed in, and nothing that a request says about itself.
#[tokio::test]
async fn harbor_cve_2022_31667_upload_by_its_id() {
    let server = Harness::start(TEAM);
    let (jane, carl) = (server.user("jane"), server.user("carl"));
    let start = jane.post("/v2/team/app/blobs/uploads/").await.is(202);
    let (session, id) = (start.header("location").to_owned(), start.header("docker-upload-uuid").to_owned());
    let disguises =
        [("x-user", "jane"), ("x-remote-user", "jane"), ("x-forwarded-user", "jane"), ("cookie", "sid=jane")];
    for path in [
        session.clone(),
        format!("{session}?owner=jane&user=jane&account=jane"),
        session.replace(&id, &id.to_uppercase()),
        session.replace(&id, &id.replace('-', "")),
        session.replace(&id, &format!("{{{id}}}")),
        format!("{session}/"),
    ] {
        let answer = carl.upload("PATCH", &path, &disguises, "evil").await;
        assert!([400, 404].contains(&answer.status.as_u16()), "{path}: {answer:?}");
        let answer = carl.delete(&path).await;
        assert!([400, 404].contains(&answer.status.as_u16()), "{path}: {answer:?}");
    }
    assert_eq!(jane.get(&session).await.is(204).header("range"), "0-0");
}
