//! Reloads that an admin asks for, and what a reload does not take away.

use serde_json::{Value, json};

use crate::harness::{Answer, Harness, TEAM, digest};

/// Five repositories beside the two of the team.
async fn with_many() -> Harness {
    let server = Harness::start(TEAM);
    for name in ["a", "b", "c", "d", "e"] {
        let text = "repo: {type: docker, storage: default, permissions: {jane: [read, write]}}\n";
        server.write(&format!("repos/{name}.yaml"), text).await;
        server.user("jane").push_image(&format!("{name}/app"), "v1", "config").await;
    }
    server
}

async fn status(server: &Harness) -> Value {
    server.user("root").get("/-/status").await.is(200).json()
}

async fn reload(server: &Harness, accept: &str) -> Answer {
    server.user("root").post(&format!("/-/reload?accept={accept}")).await
}

#[tokio::test]
async fn an_admin_reloads_with_a_password_and_nobody_else_does() {
    let server = Harness::start(TEAM);
    let root = server.user("root");
    let answer = root.post("/-/reload").await.is(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let answer = answer.json();
    let now = status(&server).await;
    assert_eq!(
        (&answer["result"], &answer["generation"], &answer["hash"]),
        (&json!("unchanged"), &json!(1), &now["hash"])
    );

    root.get("/-/reload").await.fails(405, "UNSUPPORTED");
    server.anonymous().post("/-/reload").await.fails(401, "UNAUTHORIZED");
    server.user("jane").post("/-/reload").await.fails(403, "DENIED");
    server.password("root", "wrong").post("/-/reload").await.fails(401, "UNAUTHORIZED");
    let token = root.token("portolan", &[]).await.is(200).json();
    server.bearer(token["token"].as_str().unwrap()).post("/-/reload").await.fails(401, "UNAUTHORIZED");
    for (name, value) in [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")] {
        root.upload("POST", "/-/reload", &[(name, value)], "").await.fails(403, "DENIED");
    }
    root.post("/-/reload?accept=nonsense").await.fails(400, "UNSUPPORTED");
    // It is no image, and no image can be in its way.
    root.post("/v2/-/reload").await.fails(404, "UNSUPPORTED");
}

#[tokio::test]
async fn guessing_at_the_door_of_the_reload_is_slowed_as_everywhere() {
    let server = Harness::start(TEAM);
    let stranger = server.password("root", "wrong");
    let mut last = 0;
    for _ in 0..40 {
        last = stranger.post("/-/reload").await.status.as_u16();
        if last == 429 {
            break;
        }
    }
    assert_eq!(last, 429);
}

#[tokio::test]
async fn a_reload_tells_what_is_wrong() {
    let server = Harness::start(TEAM);
    server.write("repos/team.yaml", "repo: {type: dokcer}\n").await;
    let answer = server.user("root").post("/-/reload").await.is(200).json();
    assert_eq!((&answer["errors"], &answer["in_force_as_written"]), (&json!(1), &json!(false)), "{answer}");
    let errors = answer["diagnostics"].as_array().unwrap().iter().filter(|found| found["severity"] == "error");
    assert_eq!(errors.map(|found| found["file"].as_str().unwrap()).collect::<Vec<_>>(), ["repos/team.yaml"]);
    assert_eq!(answer["held_files"], json!(["repos/team.yaml"]));
}

#[tokio::test]
async fn an_empty_folder_takes_nothing_away_until_it_is_accepted() {
    let server = with_many().await;
    let before = status(&server).await["generation"].as_u64().unwrap();
    for name in ["a", "b", "c", "d", "team"] {
        server.unlink(&format!("repos/{name}.yaml"));
    }
    server.unlink("storages.yaml");
    server.unlink("credentials.yaml");
    server.remove("repos/public.yaml").await;

    let now = status(&server).await;
    assert_eq!(now["held_back"], json!({"users": 6, "repositories": 6}), "{now}");
    assert_eq!(now["held_back_repositories"], json!(["a", "b", "c", "d", "public", "team"]));
    assert_eq!((&now["in_force_as_written"], now["errors"].as_u64()), (&json!(false), Some(0)), "{now}");
    assert!(now["generation"].as_u64().unwrap() > before);
    // With the storage that they had.
    for name in ["a", "d", "e"] {
        server.user("jane").get(&format!("/v2/{name}/app/manifests/v1")).await.is(200);
    }
    let metrics = String::from_utf8(server.anonymous().get("/-/metrics").await.is(200).body.to_vec()).unwrap();
    for line in [
        "portolan_configuration_held_back{kind=\"users\"} 6",
        "portolan_configuration_held_back{kind=\"repositories\"} 6",
        &format!("portolan_configuration_info{{hash={}", now["hash"]),
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }

    // A later change counts, and what is held back stays so.
    server.write("repos/e.yaml", "repo: {type: docker, storage: default, permissions: {rita: [read]}}\n").await;
    server.user("jane").get("/v2/e/app/manifests/v1").await.is(403);
    server.user("rita").get("/v2/e/app/manifests/v1").await.is(200);
    server.user("jane").get("/v2/a/app/manifests/v1").await.is(200);

    let hash = status(&server).await["hash"].as_str().unwrap().to_owned();
    let other = reload(&server, &digest("other")["sha256:".len()..]).await.is(409).json();
    assert_eq!((&other["result"], &other["hash_read"]), (&json!("other hash"), &json!(hash)));
    server.user("jane").get("/v2/a/app/manifests/v1").await.is(200);
    let accepted = reload(&server, &hash).await.is(200).json();
    assert_eq!(
        (&accepted["result"], &accepted["held_back"]),
        (&json!("published"), &json!({"users": 0, "repositories": 0}))
    );
    // There are no users any more, so that nothing is left for them.
    server.user("jane").get("/v2/a/app/manifests/v1").await.is(401);
    server.anonymous().get("/v2/a/app/manifests/v1").await.is(401);
    server.anonymous().get("/-/ready").await.is(200);
}

#[tokio::test]
async fn what_is_held_back_is_compared_again_with_the_next_tree() {
    let server = with_many().await;
    let text = "repo: {type: docker, storage: default, permissions: {jane: [read, write]}}\n";
    for name in ["a", "b", "c"] {
        server.unlink(&format!("repos/{name}.yaml"));
    }
    server.remove("repos/d.yaml").await;
    assert_eq!(status(&server).await["held_back"]["repositories"], 4);
    // A revocation in a file that is there is in force all the same.
    server
        .write("credentials.yaml", &crate::harness::CREDENTIALS.replace("secret-jane}", "secret-jane, enabled: false}"))
        .await;
    server.user("jane").get("/v2/a/app/manifests/v1").await.is(401);
    server.write("credentials.yaml", crate::harness::CREDENTIALS).await;
    server.user("jane").get("/v2/a/app/manifests/v1").await.is(200);
    // Three of seven are not more than half.
    server.write("repos/d.yaml", text).await;
    let now = status(&server).await;
    assert_eq!((&now["held_back"]["repositories"], &now["in_force_as_written"]), (&json!(0), &json!(true)), "{now}");
    server.user("jane").get("/v2/a/app/manifests/v1").await.is(403);
    server.user("jane").get("/v2/d/app/manifests/v1").await.is(200);
}

#[tokio::test]
async fn files_that_move_with_their_prefixes_are_no_removal() {
    let server = with_many().await;
    for name in ["a", "b", "c", "d"] {
        let text = format!("repo: {{type: docker, storage: default, prefix: {name}, permissions: {{jane: [read]}}}}\n");
        server.put(&format!("repos/moved/{name}.yaml"), &text);
        server.unlink(&format!("repos/{name}.yaml"));
    }
    server.write("repos/e.yaml", "repo: {type: docker, storage: default, permissions: {rita: [read]}}\n").await;
    server.settled().await;
    let now = status(&server).await;
    assert_eq!((&now["held_back"]["repositories"], &now["errors"]), (&json!(0), &json!(0)), "{now}");
    server.user("jane").get("/v2/a/app/manifests/v1").await.is(200);
    server.user("jane").push_blob("a/app", b"x").await.is(403);
}
