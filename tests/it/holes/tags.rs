//! Tags: who replaces and who deletes them.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use super::{repository, storage_in, token};
use crate::harness::{Harness, TEAM, digest, manifest};

const V1: &str = "/v2/team/app/manifests/v1";

/// Distribution's delete of a tag forgot the check that its delete of a manifest had: tags went away
/// where deleting was switched off.
#[tokio::test]
async fn distribution_cve_2026_41888_tag_delete_where_none_is_allowed() {
    let server = Harness::start(TEAM);
    let jane = server.user("jane");
    let image = jane.push_image("team/app", "v1", "config").await;
    jane.push_manifest("team/app", "latest", &image).await.is(201);
    let by_digest = format!("/v2/team/app/manifests/{}", digest(&image));
    let blob = format!("/v2/team/app/blobs/{}", digest("config"));
    let all = [V1, &by_digest, &blob];
    // rita reads, carl creates; neither deletes. Nor with a token that was asked for it.
    for user in ["rita", "carl", "nemo"] {
        let bearer = token(&server, user, &["repository:team/app:delete", "repository:team/app:*"]).await;
        for path in all {
            server.user(user).delete(path).await.fails(403, "DENIED");
            server.bearer(&bearer).delete(path).await.fails(403, "DENIED");
            server.anonymous().delete(path).await.fails(401, "UNAUTHORIZED");
        }
    }
    // A token that was not asked to delete does not delete for one who could.
    let narrow = token(&server, "jane", &["repository:team/app:pull,push"]).await;
    server.bearer(&narrow).delete(V1).await.fails(401, "UNAUTHORIZED");
    // Everything but delete; and deletes of other tags.
    server
        .write("repos/team.yaml", &repository("jane: [read], rita: [read, write], carl: ['repository:app:x*:delete']"))
        .await;
    for path in all {
        server.user("rita").delete(path).await.fails(403, "DENIED");
        server.user("carl").delete(path).await.fails(403, "DENIED");
    }
    // Deletes of one of the two tags: not of the other, and not of what both point to.
    server.write("repos/team.yaml", &repository("jane: [read], carl: ['repository:app:l*:delete']")).await;
    for path in all {
        server.user("carl").delete(path).await.fails(403, "DENIED");
    }
    for path in all {
        jane.get(path).await.is(200);
    }
    server.user("carl").delete("/v2/team/app/manifests/latest").await.is(202);
    server.user("carl").delete(&by_digest).await.fails(403, "DENIED");
    jane.get(V1).await.is(200);
}

/// The same for tags that are written once: whoever may delete otherwise does not delete these.
#[tokio::test]
async fn distribution_cve_2026_41888_immutable_tag_is_deleted() {
    let server = Harness::start(TEAM);
    let immutable =
        "repo:\n  type: docker\n  storage: default\n  immutable_tags: ['v*']\n  permissions: {jane: ['*']}\n";
    server.write("repos/team.yaml", immutable).await;
    let jane = server.user("jane");
    let image = jane.push_image("team/app", "v1", "config").await;
    let by_digest = format!("/v2/team/app/manifests/{}", digest(&image));
    for path in [V1, &by_digest, &format!("/v2/team/app/blobs/{}", digest("config"))] {
        jane.delete(path).await.fails(403, "DENIED");
    }
    jane.push_blob("team/app", b"other").await.is(201);
    jane.push_manifest("team/app", "v1", &manifest("other")).await.fails(403, "DENIED");
    assert_eq!(jane.get(V1).await.is(200).body, image.as_bytes());
}

/// In zot a user who may create, but not change, replaced tags: the existing tag was looked for under
/// another condition than the one it was written under.
#[tokio::test]
async fn zot_cve_2026_31801_creator_overwrites_a_tag() {
    let server = Harness::start(TEAM);
    let (jane, carl) = (server.user("jane"), server.user("carl"));
    let theirs = jane.push_image("team/app", "v1", "theirs").await;
    carl.push_blob("team/app", b"mine").await.is(201);
    let mine = manifest("mine");
    let bearer =
        server.bearer(&token(&server, "carl", &["repository:team/app:pull,push", "repository:team/app:*"]).await);
    for client in [&carl, &bearer] {
        client.push_manifest("team/app", "v1", &mine).await.fails(403, "DENIED");
    }
    // Not after the manifest is there by its digest either, nor in the place of a tag that is not his.
    carl.push_manifest("team/app", &digest(&mine), &mine).await.is(201);
    carl.push_manifest("team/app", "v1", &mine).await.fails(403, "DENIED");
    carl.delete(V1).await.fails(403, "DENIED");
    assert_eq!(jane.get(V1).await.is(200).body, theirs.as_bytes());
    // What is there already under this tag is no change; what is new is his to make, once.
    carl.push_manifest("team/app", "v1", &theirs).await.is(201);
    carl.push_manifest("team/app", "v2", &mine).await.is(201);
    carl.push_manifest("team/app", "v2", &theirs).await.fails(403, "DENIED");
    // A right that is limited to some tags is none to the others.
    server
        .write(
            "repos/team.yaml",
            &repository("jane: [read], carl: ['repository:app:x*:overwrite', 'repository:app:push']"),
        )
        .await;
    carl.push_manifest("team/app", "v1", &mine).await.fails(403, "DENIED");
    assert_eq!(jane.get(V1).await.is(200).body, theirs.as_bytes());
}

/// In zot the same tags could be replaced through `?tag=` on a push by digest, which nothing judged.
#[tokio::test]
async fn zot_4266_creator_overwrites_a_tag_through_the_query() {
    let server = Harness::start(TEAM);
    let (jane, carl) = (server.user("jane"), server.user("carl"));
    let theirs = jane.push_image("team/app", "v1", "theirs").await;
    carl.push_blob("team/app", b"mine").await.is(201);
    let mine = manifest("mine");
    for reference in [
        format!("{}?tag=v1", digest(&mine)),
        format!("{}?tag=new&tag=v1", digest(&mine)),
        format!("{}?tag=v1&tag=new", digest(&mine)),
        format!("{}?tag=%76%31", digest(&mine)),
        "new?tag=v1".to_owned(),
        "v1?tag=new".to_owned(),
    ] {
        carl.push_manifest("team/app", &reference, &mine).await.fails(403, "DENIED");
        // One refusal refuses all.
        jane.get("/v2/team/app/manifests/new").await.is(404);
        assert_eq!(jane.get(V1).await.is(200).body, theirs.as_bytes(), "{reference}");
    }
    // A grant for some tags says nothing of the tags in the query, nor does the right to read.
    server
        .write("repos/team.yaml", &repository("jane: [read], carl: ['repository:app:x*:overwrite'], rita: [read]"))
        .await;
    for reference in
        [format!("{}?tag=v1", digest(&mine)), format!("{}?tag=x1&tag=v1", digest(&mine)), "x1?tag=v1".into()]
    {
        carl.push_manifest("team/app", &reference, &mine).await.fails(403, "DENIED");
        server.user("rita").push_manifest("team/app", &reference, &mine).await.fails(403, "DENIED");
        jane.get("/v2/team/app/manifests/x1").await.is(404);
    }
    assert_eq!(jane.get(V1).await.is(200).body, theirs.as_bytes());
}

/// Many at once look, see no tag, and write: only one of them may have created it.
#[tokio::test]
async fn zot_cve_2026_31801_creators_race_for_a_tag() {
    let folder = tempfile::tempdir().unwrap();
    for storages in ["storages:\n  default: {type: memory}\n".to_owned(), storage_in(folder.path())] {
        let server = Harness::start(&[TEAM[1], TEAM[2], ("storages.yaml", &storages)]);
        let carl = server.user("carl");
        for round in 0..3 {
            let contents: Vec<String> = (0..12).map(|number| format!("{round}-{number}")).collect();
            for content in &contents {
                carl.push_blob("team/app", content.as_bytes()).await.is(201);
            }
            let tag = format!("race-{round}");
            let pushes = contents.iter().enumerate().map(|(number, content)| {
                let (manifest, client) = (manifest(content), carl.clone());
                let by_query = format!("{}?tag={tag}", digest(&manifest));
                let reference = if number % 2 == 0 { tag.clone() } else { by_query };
                async move {
                    let answer = client.push_manifest("team/app", &reference, &manifest).await;
                    (answer.status.as_u16(), digest(&manifest))
                }
            });
            let answers = join_all(pushes).await;
            let winners: Vec<_> = answers.iter().filter(|(status, _)| *status == 201).collect();
            assert_eq!(winners.len(), 1, "{answers:?}");
            let statuses: BTreeSet<u16> = answers.iter().map(|(status, _)| *status).collect();
            assert_eq!(statuses, BTreeSet::from([201, 403]), "{answers:?}");
            let answer = carl.get(&format!("/v2/team/app/manifests/{tag}")).await.is(200);
            assert_eq!(answer.header("docker-content-digest"), winners[0].1);
        }
    }
}
