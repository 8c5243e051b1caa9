//! Repositories on ports of their own.

use std::net::TcpListener;
use std::time::Duration;

use portolan::server::Limits;
use serde_json::json;

use crate::harness::{Client, Harness, TEAM, TEAM_REPOSITORY, digest};

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn on_port(port: u16) -> String {
    TEAM_REPOSITORY.replace("type: docker\n", &format!("type: docker\n  port: {port}\n"))
}

/// Whether something answers at an address, once it does or for long enough.
async fn answers(client: &Client, wanted: bool) -> bool {
    for _ in 0..100 {
        let is_there = client.request("GET", "/-/live").send().await.is_ok_and(|answer| answer.status() == 200);
        if is_there == wanted {
            return is_there;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    !wanted
}

#[tokio::test]
async fn a_port_opens_serves_its_repository_alone_and_closes() {
    let server = Harness::start(TEAM);
    let port = free_port();
    let address = format!("127.0.0.1:{port}");
    let main = server.user("jane");
    let own = main.at(&address);
    assert!(!answers(&own, false).await);
    server.write("repos/team.yaml", &on_port(port)).await;
    assert!(answers(&own, true).await);

    let start = own.post("/v2/app/blobs/uploads/").await.is(202);
    assert!(start.header("location").starts_with("/v2/app/blobs/uploads/"));
    let manifest = own.push_image("app", "v1", "config").await;
    main.get("/v2/team/app/manifests/v1").await.is(200);
    assert_eq!(own.get("/v2/app/manifests/v1").await.is(200).body, manifest.as_bytes());
    assert_eq!(own.get("/v2/app/tags/list").await.is(200).json(), json!({"name": "app", "tags": ["v1"]}));
    main.push_image("public/app", "v1", "config").await;
    assert_eq!(own.get("/v2/_catalog").await.is(200).json(), json!({"repositories": ["app"]}));
    let mount = format!("/v2/other/blobs/uploads/?mount={}&from=app", digest("config"));
    assert_eq!(own.post(&mount).await.is(201).header("location"), format!("/v2/other/blobs/{}", digest("config")));

    // The port is a service of its own, with names of its own.
    let challenge = server.anonymous().at(&address).get("/v2/app/tags/list").await.is(401);
    let expected =
        format!("Bearer realm=\"http://{address}/token\",service=\"portolan:{port}\",scope=\"repository:app:pull\"");
    assert_eq!(challenge.header("www-authenticate"), expected);
    let service = format!("portolan:{port}");
    let token = own.token(&service, &["repository:app:pull"]).await.is(200).json();
    let token = token["token"].as_str().unwrap();
    server.bearer(token).at(&address).get("/v2/app/tags/list").await.is(200);
    server.bearer(token).get("/v2/team/app/tags/list").await.is(401);
    own.token("portolan", &[]).await.is(400);

    server.write("repos/team.yaml", TEAM_REPOSITORY).await;
    assert!(!answers(&own, false).await);
    main.get("/v2/team/app/manifests/v1").await.is(200);
}

#[tokio::test]
async fn a_port_does_not_lead_into_a_repository_below() {
    let server = Harness::start(TEAM);
    let port = free_port();
    let inner = "repo: {type: docker, storage: default, permissions: {jane: [read, write]}}\n";
    server.write("repos/team/inner.yaml", inner).await;
    server.write("repos/team.yaml", &on_port(port)).await;
    let main = server.user("jane");
    let own = main.at(&format!("127.0.0.1:{port}"));
    assert!(answers(&own, true).await);
    main.push_image("team/inner/app", "v1", "config").await;
    main.get("/v2/team/inner/app/manifests/v1").await.is(200);
    own.get("/v2/inner/app/manifests/v1").await.fails(403, "DENIED");
    own.head("/v2/inner/app/manifests/v1").await.is(403);
    own.post("/v2/inner/app/blobs/uploads/").await.fails(403, "DENIED");
    own.post(&format!("/v2/app/blobs/uploads/?mount={}&from=inner/app", digest("config"))).await.is(202);
    let token = own.token(&format!("portolan:{port}"), &["repository:inner/app:pull"]).await.is(200).json();
    let claims = crate::auth::claims(token["token"].as_str().unwrap());
    assert_eq!(claims["access"], json!([]));
}

#[tokio::test]
async fn pages_on_a_port_skip_the_image_that_has_no_name_there() {
    let server = Harness::start(TEAM);
    let port = free_port();
    server.write("repos/team.yaml", &on_port(port)).await;
    let main = server.user("jane");
    for image in ["team", "team/a", "team/b"] {
        main.push_image(image, "v1", "config").await;
    }
    let own = main.at(&format!("127.0.0.1:{port}"));
    assert!(answers(&own, true).await);
    let first = own.get("/v2/_catalog?n=1").await.is(200);
    assert_eq!(first.json(), json!({"repositories": ["a"]}));
    assert_eq!(first.header("link"), "</v2/_catalog?n=1&last=a>; rel=\"next\"");
    let second = own.get("/v2/_catalog?n=1&last=a").await.is(200);
    assert_eq!((second.json(), second.header("link")), (json!({"repositories": ["b"]}), ""));
}

#[tokio::test]
async fn a_port_that_is_taken_harms_nothing_else_and_is_told_until_it_is_had() {
    let server = Harness::with(TEAM, Limits { port_retry: Duration::from_millis(50), ..Limits::default() });
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    server.write("repos/team.yaml", &on_port(port)).await;
    let root = server.user("root");
    root.push_image("team/app", "v1", "config").await;

    let status = root.get("/-/status").await.is(200).json();
    assert_eq!(status["unavailable"], json!({"ports": 1, "certificates": 0, "storages": 0}), "{status}");
    assert_eq!((&status["in_force_as_written"], &status["errors"]), (&json!(false), &json!(0)), "{status}");
    let why = format!(
        "cannot serve this repository on port {port}: something else listens there; \
         give the repository another one, or stop what has it"
    );
    assert_eq!(status["unavailable_resources"], json!([{"file": "repos/team.yaml", "message": why}]));
    let reloaded = root.post("/-/reload").await.is(200).json();
    assert_eq!((&reloaded["unavailable"]["ports"], &reloaded["in_force_as_written"]), (&json!(1), &json!(false)));
    let of_anybody = server.anonymous().get("/-/status").await.is(200).json();
    assert_eq!(of_anybody["unavailable"]["ports"], 1);
    assert!(of_anybody.get("unavailable_resources").is_none(), "{of_anybody}");
    let metrics = String::from_utf8(root.get("/-/metrics").await.is(200).body.to_vec()).unwrap();
    assert!(metrics.contains("portolan_configuration_unavailable{kind=\"ports\"} 1\n"), "{metrics}");

    drop(taken);
    assert!(answers(&root.at(&format!("127.0.0.1:{port}")), true).await);
    let status = root.get("/-/status").await.is(200).json();
    assert_eq!((&status["unavailable"]["ports"], &status["in_force_as_written"]), (&json!(0), &json!(true)));
}

#[tokio::test]
async fn the_main_port_is_no_port_of_a_repository_wherever_it_comes_from() {
    let server = Harness::start(TEAM);
    let port = server.address.rsplit(':').next().unwrap().parse().unwrap();
    server.write("repos/team.yaml", &on_port(port)).await;
    let status = server.user("root").get("/-/status").await.is(200).json();
    let why = status["unavailable_resources"][0]["message"].as_str().unwrap();
    assert!(why.ends_with(": it is the main port of this server; give the repository another one"), "{why}");
}
