//! Grants: that they mean what they say, once and for all, and that no request makes them.

use portolan::server::Limits;
use serde_json::json;

use super::{repository, token};
use crate::harness::{CREDENTIALS, Harness, TEAM, TEAM_REPOSITORY};

const TAGS: &str = "/v2/team/app/tags/list";

/// zot decides at its start whether it asks for rights at all: a section that was added later was read,
/// shown, and never enforced.
#[tokio::test]
async fn zot_source_access_control_is_switched_on_later() {
    let files = [
        ("storages.yaml", "storages:\n  default: {type: memory}\n"),
        ("credentials.yaml", "credentials: {}\n"),
        ("repos/team.yaml", "repo: {type: docker, storage: default}\n"),
    ];
    let server = Harness::start(&files);
    let anonymous = server.anonymous();
    anonymous.get("/v2/").await.is(200);
    anonymous.push_image("team/app", "v1", "config").await;
    let scope = ["repository:team/app:pull,push"];
    let open = anonymous.token("portolan", &scope).await.is(200).json();
    let bearer = server.bearer(open["token"].as_str().unwrap());
    bearer.get(TAGS).await.is(200);

    server.write("credentials.yaml", CREDENTIALS).await;
    anonymous.get("/v2/").await.fails(401, "UNAUTHORIZED");
    // Still without a section: still for everybody.
    anonymous.get(TAGS).await.is(200);
    for section in ["{jane: [read]}", "{}", ""] {
        let closed = format!("repo:\n  type: docker\n  storage: default\n  permissions: {section}\n");
        server.write("repos/team.yaml", &closed).await;
        for client in [&anonymous, &bearer] {
            client.get(TAGS).await.fails(401, "UNAUTHORIZED");
            client.post("/v2/team/app/blobs/uploads/").await.fails(401, "UNAUTHORIZED");
            client.delete("/v2/team/app/manifests/v1").await.fails(401, "UNAUTHORIZED");
        }
        server.user("rita").get(TAGS).await.fails(403, "DENIED");
        server.user("jane").get(TAGS).await.is(if section.contains("jane") { 200 } else { 403 });
        server.user("jane").post("/v2/team/app/blobs/uploads/").await.fails(403, "DENIED");
    }
}

/// In zot two patterns of one length that both fit were kept in a map without order: which of them
/// counted was decided anew by each process. Here grants add up, and claims to one name are an error.
#[tokio::test]
async fn zot_source_equal_patterns_decide_at_random() {
    let server = Harness::start(TEAM);
    let (jane, carl) = (server.user("jane"), server.user("carl"));
    jane.push_image("team/aa", "v1", "one").await;
    carl.push_blob("team/aa", b"two").await.is(201);
    let two = crate::harness::manifest("two");
    let (creates, replaces) = ("'repository:a*:push'", "'repository:*a:overwrite'");
    for round in 0..6 {
        // In either order, with another generation each time.
        let both = if round % 2 == 0 { format!("{creates}, {replaces}") } else { format!("{replaces}, {creates}") };
        server.write("repos/team.yaml", &repository(&format!("jane: ['*'], carl: [{creates}]"))).await;
        carl.push_manifest("team/aa", "v1", &two).await.fails(403, "DENIED");
        server.write("repos/team.yaml", &repository(&format!("jane: ['*'], carl: [{both}]"))).await;
        carl.push_manifest("team/aa", "v1", &two).await.is(201);
        jane.push_image("team/aa", "v1", "one").await;
    }
    // Two files that claim one prefix: neither has it, however often one starts.
    for _ in 0..4 {
        let claim = |permissions: &str| repository(permissions).replace("  type", "  prefix: shared\n  type");
        let (open, closed) = (claim("jane: [read]"), claim("rita: [read]"));
        let files = [TEAM[0], TEAM[1], ("repos/a.yaml", &open), ("repos/b.yaml", &closed)];
        let server = Harness::start_as_it_is(&files, Limits::default());
        for user in ["jane", "rita"] {
            server.user(user).get("/v2/shared/app/tags/list").await.fails(403, "DENIED");
        }
    }
}

/// docker_auth searched for patterns anywhere in a name: a grant for `app` was one for `my-app-2`.
#[tokio::test]
async fn docker_auth_patterns_are_not_anchored() {
    let server = Harness::start(TEAM);
    let root = server.user("root");
    let images = ["app", "my-app", "app2", "app/sub", "my/app", "a.p", "axp", "lib/x", "lib/x/y", "APP"];
    for image in images.into_iter().filter(|image| *image != "APP") {
        root.push_image(&format!("team/{image}"), "v1", "config").await;
    }
    for (pattern, fits) in [
        ("app", &["app"][..]),
        ("app*", &["app", "app2"]),
        ("*app", &["app", "my-app"]),
        ("a.p", &["a.p"]),
        ("lib/*", &["lib/x"]),
        ("lib/**", &["lib/x", "lib/x/y"]),
        ("*/x", &["lib/x"]),
        ("*app*", &["app", "my-app", "app2"]),
    ] {
        server.write("repos/team.yaml", &repository(&format!("rita: ['repository:{pattern}:pull']"))).await;
        for image in images.into_iter().filter(|image| *image != "APP") {
            let status = if fits.contains(&image) { 200 } else { 403 };
            let answer = server.user("rita").get(&format!("/v2/team/{image}/manifests/v1")).await;
            assert_eq!(answer.status.as_u16(), status, "{pattern} {image}");
        }
    }
    // The same of tags.
    server.write("repos/team.yaml", &repository("rita: [read], carl: ['repository:app:v*:overwrite']")).await;
    let manifest = crate::harness::manifest("config");
    for (tag, status) in [("v2", 201), ("v", 201), ("dev", 403), ("rev2", 403), ("V2", 403), ("2v", 403)] {
        server.user("carl").push_manifest("team/app", tag, &manifest).await.is(status);
    }
    // A name of a user or group is no pattern.
    server
        .write("repos/team.yaml", &repository("r: [read], rit: [read], ita: [read], /rita: [read], Rita: [read]"))
        .await;
    server.user("rita").get(TAGS).await.fails(403, "DENIED");
    // What looks like a regular expression is an error; the good version before it stays.
    for pattern in ["app.*?", "^app$", "(app|lib)", "a[p]p", "app+", "app\\\\d", ".*|x"] {
        server.write("repos/team.yaml", &repository(&format!("rita: [\"repository:{pattern}:pull\"]"))).await;
        let status = server.anonymous().get("/-/status").await.is(200).json();
        assert!(status["errors"].as_u64().unwrap() >= 1, "{pattern}");
        server.user("rita").get(TAGS).await.fails(403, "DENIED");
    }
}

/// docker_auth ended with a message when a file that it read again was broken: nobody was served until
/// somebody noticed.
#[tokio::test]
async fn docker_auth_broken_reload_ends_the_process() {
    let server = Harness::start(TEAM);
    let jane = server.user("jane");
    jane.push_image("team/app", "v1", "config").await;
    let deep = "[".repeat(5000);
    let bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: &d [*c, *c]\nrepo: *d\n";
    let broken = [
        "",
        "{",
        "repo: [",
        "\u{0}\u{1}\u{2}",
        "%YAML 9.9\n---\n!!x",
        "repo: {type: docker",
        &deep,
        bomb,
        "- a",
        "null",
    ];
    for text in broken {
        for file in ["repos/team.yaml", "credentials.yaml", "storages.yaml", "registry.yaml", "repos/other.yaml"] {
            server.write(file, text).await;
            jane.get(TAGS).await.is(200);
            server.user("rita").post("/v2/team/app/blobs/uploads/").await.fails(403, "DENIED");
        }
        assert!(server.anonymous().get("/-/status").await.is(200).json()["errors"].as_u64().unwrap() >= 1, "{text:?}");
        server.anonymous().get("/-/live").await.is(200);
    }
    // And what is mended afterwards is read.
    for (file, text) in TEAM {
        server.write(file, text).await;
    }
    server.remove("registry.yaml").await;
    server.remove("repos/other.yaml").await;
    assert_eq!(server.anonymous().get("/-/status").await.is(200).json()["errors"], 0);
    jane.get(TAGS).await.is(200);
}

/// angos ignored keys that it did not know: `permisions` with an s too few left everything open, and a
/// user with `enabeld: false` went on.
#[tokio::test]
async fn angos_misspelt_key_is_ignored() {
    let errors =
        async |server: &Harness| server.anonymous().get("/-/status").await.is(200).json()["errors"].as_u64().unwrap();
    for key in ["permisions", "Permissions", "permission", "permissions_", "acl"] {
        let misspelt = TEAM_REPOSITORY.replace("permissions:", &format!("{key}:"));
        // At a start the repository is closed, and not one without a section, which would be open.
        let files = [TEAM[0], TEAM[1], ("repos/team.yaml", &misspelt)];
        let server = Harness::start_as_it_is(&files, Limits::default());
        assert!(errors(&server).await >= 1, "{key}");
        server.anonymous().get(TAGS).await.fails(401, "UNAUTHORIZED");
        for user in ["jane", "rita"] {
            server.user(user).get(TAGS).await.fails(403, "DENIED");
            server.user(user).post("/v2/team/app/blobs/uploads/").await.fails(403, "DENIED");
        }
    }
    // At a reload what was in force stays, and the problem is told.
    let server = Harness::start(TEAM);
    for (file, text) in [
        ("repos/team.yaml", TEAM_REPOSITORY.replace("permissions:", "permisions:")),
        ("repos/team.yaml", TEAM_REPOSITORY.replace("rita: [read]", "rita: [raed]")),
        ("repos/team.yaml", TEAM_REPOSITORY.replace("rita: [read]", "rita: ['repository:app:pul']")),
        ("repos/team.yaml", TEAM_REPOSITORY.replace("rita: [read]", "rita: [{alow: 'repository:**:delete'}]")),
        (
            "repos/team.yaml",
            TEAM_REPOSITORY.replace("rita: [read]", "rita: [{allow: 'repository:**:*', untill: 2001-01-01}]"),
        ),
        ("credentials.yaml", CREDENTIALS.replace("pass: secret-nemo", "pass: secret-nemo, admn: true")),
        ("credentials.yaml", CREDENTIALS.replace("enabled: false", "enabeld: false")),
        ("registry.yaml", "sever: {public_url: 'https://evil.example'}\n".to_owned()),
    ] {
        server.write(file, &text).await;
        assert!(errors(&server).await >= 1, "{text}");
        server.anonymous().get(TAGS).await.fails(401, "UNAUTHORIZED");
        if text.contains("enabeld") {
            server.user("gone").get(TAGS).await.fails(401, "UNAUTHORIZED");
        }
        server.user("nemo").get(TAGS).await.fails(403, "DENIED");
        server.user("rita").post("/v2/team/app/blobs/uploads/").await.fails(403, "DENIED");
        server.user("rita").delete("/v2/team/app/manifests/v1").await.fails(403, "DENIED");
        for (file, text) in TEAM {
            server.write(file, text).await;
        }
    }
}

/// In Harbor anybody who signed up could say that they were an admin, in the request that made the
/// account. Here rights stand in files, and no request writes them.
#[tokio::test]
async fn harbor_cve_2019_16097_request_makes_an_admin() {
    let server = Harness::start(TEAM);
    server.user("jane").push_image("team/app", "v1", "config").await;
    let rita = server.user("rita");
    let claim = json!({"username": "rita", "admin": true, "has_admin_role": true, "groups": ["admins"]}).to_string();
    let json = [("content-type", "application/json")];
    for path in [
        "/api/users",
        "/api/v2.0/users",
        "/api/users/1",
        "/v2/users",
        "/v2/_users",
        "/users",
        "/-/users",
        "/-/users/rita",
        "/-/config",
        "/-/reload",
        "/-/credentials",
        "/-/repos/team",
        "/-/status",
        "/-/live",
        "/-/metrics",
        "/credentials.yaml",
        "/token/rita",
    ] {
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            let answer = rita.upload(method, path, &json, claim.clone()).await;
            // What an admin may have done again changes nothing, and rita is none.
            let refused = if (method, path) == ("POST", "/-/reload") { 403 } else { 404 };
            assert!([400, refused, 405].contains(&answer.status.as_u16()), "{method} {path}: {answer:?}");
        }
    }
    // What is said beside a right password does not count.
    let fields = [
        ("grant_type", "password"),
        ("username", "rita"),
        ("password", "secret-rita"),
        ("admin", "true"),
        ("sub", "root"),
        ("account", "root"),
        ("groups", "admins"),
        ("scope", "repository:team/app:*"),
    ];
    let form = server.anonymous().send(server.anonymous().request("POST", "/token").form(&fields)).await.is(200).json();
    let query = "/token?service=portolan&account=root&sub=root&admin=true&scope=repository:team/app:*";
    let query = rita.get(query).await.is(200).json();
    let tokens = [form["token"].as_str().unwrap(), query["token"].as_str().unwrap()].map(|it| server.bearer(it));
    let disguised = |client: &crate::harness::Client, method: &str, path: &str| {
        let request = client.request(method, path).header("x-admin", "true").header("x-remote-user", "root");
        request.header("x-forwarded-user", "root").header("cookie", "user=root; admin=true")
    };
    for client in [&tokens[0], &tokens[1], &rita] {
        client.send(disguised(client, "GET", TAGS)).await.is(200);
        client.send(disguised(client, "DELETE", "/v2/team/app/manifests/v1")).await.fails(403, "DENIED");
        client.send(disguised(client, "POST", "/v2/team/app/blobs/uploads/")).await.fails(403, "DENIED");
        let status = client.send(disguised(client, "GET", "/-/status?admin=true")).await.is(200).json();
        assert!(status.get("diagnostics").is_none(), "{status}");
    }
    let anonymous = server.anonymous();
    anonymous.send(disguised(&anonymous, "GET", TAGS)).await.fails(401, "UNAUTHORIZED");
    let two = rita.request("GET", TAGS).header("authorization", super::basic("root", "secret-root"));
    assert_eq!(rita.send(two).await.status, 400, "which of two names counts is not to be chosen");
}

/// In Harbor the details of jobs, logs and policies of others could be read by counting ids. What is
/// wrong with the configuration names files and users, and is for admins.
#[tokio::test]
async fn harbor_cve_2022_31667_details_of_others() {
    let server = Harness::start(TEAM);
    server.write("repos/secret-project.yaml", &repository("nobody-at-all: [read]").replace("read", "raed")).await;
    let seen = async |client: crate::harness::Client| {
        let answers = [client.get("/-/status").await, client.get("/-/metrics").await, client.get("/-/ready").await];
        answers.iter().map(|answer| String::from_utf8_lossy(&answer.body).into_owned()).collect::<String>()
    };
    let bearer = token(&server, "jane", &["repository:team/app:*", "registry:catalog:*"]).await;
    for client in [server.anonymous(), server.user("jane"), server.user("nemo"), server.bearer(&bearer)] {
        let text = seen(client).await;
        for word in ["secret-project", "raed", "nobody-at-all", "credentials", "jane", "secret-"] {
            assert!(!text.contains(word), "{word}: {text}");
        }
    }
    assert!(seen(server.user("root")).await.contains("secret-project"));
    server.password("root", "wrong").get("/-/status").await.fails(401, "UNAUTHORIZED");
}
