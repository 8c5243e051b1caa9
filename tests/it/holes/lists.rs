//! Lists: how much is allocated for them, and what they tell.

use serde_json::json;

use super::repository;
use crate::harness::{Client, Harness, TEAM, digest};

/// Virtual memory of this process at its peak, in KiB.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Distribution made room for as many names as the client named in `n`, before it knew whether there
/// were any: one short request took all memory.
#[tokio::test]
async fn distribution_cve_2023_2253_huge_n_allocates() {
    let server = Harness::start(TEAM);
    let jane = server.user("jane");
    for tag in ["a", "b"] {
        jane.push_image("team/app", tag, "config").await;
    }
    let before = peak_kib();
    // The first would be 64 GiB of names, if it were believed; the others overflow in one place or another.
    for n in ["2863311530", "4294967296", "9223372036854775807", "18446744073709551615", &"9".repeat(200)] {
        let tags = jane.get(&format!("/v2/team/app/tags/list?n={n}")).await.is(200);
        assert_eq!(tags.json()["tags"], json!(["a", "b"]), "{n}");
        assert_eq!(tags.header("link"), "", "{n}");
        let catalog = jane.get(&format!("/v2/_catalog?n={n}")).await.is(200);
        assert_eq!(catalog.json()["repositories"], json!(["team/app"]), "{n}");
    }
    assert!(peak_kib() - before < 32 << 20, "more than 32 GiB were asked for");
}

async fn catalog(client: &Client, query: &str) -> (Vec<String>, String) {
    let answer = client.get(&format!("/v2/_catalog{query}")).await.is(200);
    let names = answer.json()["repositories"].as_array().unwrap().clone();
    let names = names.iter().map(|name| name.as_str().unwrap().to_owned()).collect();
    (names, answer.header("link").to_owned())
}

/// Portus and Harbor listed the names of private images to people who could not pull them: directly, by
/// searching, or by what lay between two pages.
#[tokio::test]
async fn portus_catalog_tells_names_of_hidden_images() {
    let server = Harness::start(TEAM);
    server.write("repos/hidden.yaml", &repository("jane: [read]")).await;
    server
        .write("repos/mixed.yaml", &repository("rita: ['repository:shown:pull'], carl: ['registry:catalog:*']"))
        .await;
    let root = server.user("root");
    for image in ["hidden/app", "hidden/zebra", "mixed/secret", "mixed/shown", "public/app", "team/app", "zone/none"] {
        if image != "zone/none" {
            root.push_image(image, "v1", "config").await;
        }
    }
    let names = |client: Client| async move { catalog(&client, "").await.0 };
    assert_eq!(names(server.anonymous()).await, ["public/app"]);
    assert_eq!(names(server.user("nemo")).await, ["public/app"]);
    assert_eq!(names(server.user("rita")).await, ["mixed/shown", "public/app", "team/app"]);
    // Who may list all names of one repository sees those of no other.
    assert_eq!(names(server.user("carl")).await, ["mixed/secret", "mixed/shown", "public/app", "team/app"]);
    // Neither where a page begins nor that another follows tells anything of what is hidden.
    let rita = server.user("rita");
    for last in ["hidden/app", "hidden/b", "hidden", "mixed/secret", "mixed/s"] {
        let (names, link) = catalog(&rita, &format!("?n=1&last={last}")).await;
        assert_eq!(names, ["mixed/shown"], "{last}");
        assert_eq!(link, "</v2/_catalog?n=1&last=mixed/shown>; rel=\"next\"", "{last}");
    }
    let (names, link) = catalog(&server.anonymous(), "?n=1").await;
    assert_eq!((names.len(), link.as_str()), (1, ""), "the next names are all hidden");
    // Other lists of a hidden image say nothing either.
    for path in ["tags/list".to_owned(), format!("referrers/{}", digest("config")), "manifests/v1".to_owned()] {
        rita.get(&format!("/v2/hidden/app/{path}")).await.fails(403, "DENIED");
        rita.get(&format!("/v2/mixed/secret/{path}")).await.fails(403, "DENIED");
    }
}

/// The same after a grant was taken away, or a repository closed: names do not stay in a list.
#[tokio::test]
async fn portus_catalog_remembers_what_was_visible() {
    let server = Harness::start(TEAM);
    server.user("jane").push_image("team/app", "v1", "config").await;
    let rita = server.user("rita");
    assert_eq!(catalog(&rita, "").await.0, ["team/app"]);
    server.write("repos/team.yaml", &repository("jane: [read]")).await;
    assert!(catalog(&rita, "").await.0.is_empty());
    server.remove("repos/team.yaml").await;
    assert!(catalog(&server.user("root"), "").await.0.is_empty());
}
