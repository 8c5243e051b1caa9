//! Request lines, good and bad.

use super::*;

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn get(target: &str) -> Result<Operation, RouteError> {
    on("GET", target)
}

fn on(method: &str, target: &str) -> Result<Operation, RouteError> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    route(&Method::from_bytes(method.as_bytes()).unwrap(), path, query, None)
}

fn image(name: &str) -> ImageName {
    ImageName::parse(name).unwrap()
}

#[test]
fn reads_paths_from_their_end() {
    for name in ["a", "library/alpine", "blobs/uploads", "a/manifests", "a/tags/list", "v2/token"] {
        let found = |path: &str| get(&format!("/v2/{name}{path}")).unwrap().image().cloned();
        assert_eq!(found("/tags/list"), Some(image(name)), "{name}");
        assert_eq!(found("/manifests/latest"), Some(image(name)), "{name}");
        assert_eq!(found(&format!("/blobs/{DIGEST}")), Some(image(name)), "{name}");
        assert_eq!(found(&format!("/referrers/{DIGEST}")), Some(image(name)), "{name}");
        let start = on("POST", &format!("/v2/{name}/blobs/uploads/")).unwrap();
        assert_eq!(start, Operation::StartUpload { image: image(name) });
    }
}

#[test]
fn every_operation_has_a_way_to_it_and_a_label() {
    let id = UploadId::random();
    let upload = format!("/v2/a/blobs/uploads/{id}");
    let (blob, manifest) = (format!("/v2/a/blobs/{DIGEST}"), "/v2/a/manifests/v1".to_owned());
    let ways = [
        ("GET", "/v2/".to_owned()),
        ("GET", "/v2/_catalog".to_owned()),
        ("GET", "/v2/a/tags/list".to_owned()),
        ("GET", format!("/v2/a/referrers/{DIGEST}")),
        ("GET", manifest.clone()),
        ("HEAD", manifest.clone()),
        ("PUT", manifest.clone()),
        ("DELETE", manifest),
        ("GET", blob.clone()),
        ("HEAD", blob.clone()),
        ("DELETE", blob),
        ("POST", "/v2/a/blobs/uploads/".to_owned()),
        ("POST", format!("/v2/a/blobs/uploads/?digest={DIGEST}")),
        ("POST", format!("/v2/a/blobs/uploads/?mount={DIGEST}&from=b")),
        ("GET", upload.clone()),
        ("PATCH", upload.clone()),
        ("PUT", format!("{upload}?digest={DIGEST}")),
        ("DELETE", upload),
        ("GET", "/token".to_owned()),
        ("POST", "/token".to_owned()),
        ("GET", "/-/live".to_owned()),
        ("GET", "/-/ready".to_owned()),
        ("GET", "/-/status".to_owned()),
        ("GET", "/-/metrics".to_owned()),
        ("POST", "/-/reload".to_owned()),
    ];
    let labels: Vec<_> = ways.iter().map(|(method, target)| on(method, target).unwrap().label()).collect();
    assert_eq!(labels, OPERATIONS);
}

#[test]
fn decodes_once_and_strictly() {
    let escaped = format!("/v2/a/blobs/{}", DIGEST.replace(':', "%3A"));
    assert!(matches!(get(&escaped), Ok(Operation::GetBlob { .. })));
    for path in [
        "/v2/a%2fb/tags/list",
        "/v2/a%252fb/tags/list",
        "/v2/a%00/tags/list",
        "/v2/%/tags/list",
        "/v2/a%2/tags/list",
        "/v2/a%zz/tags/list",
        "/v2/%c3%a4/tags/list",
        "/v2/a%0d%0a/tags/list",
    ] {
        assert_eq!(get(path), Err(RouteError::Escape), "{path}");
    }
    for path in [
        "/v2/../tags/list",
        "/v2/%2e%2e/tags/list",
        "/v2/a/../b/tags/list",
        "/v2//tags/list",
        "/v2/tags/list",
        "/v2/A/tags/list",
        &format!("/v2/{}/tags/list", "a".repeat(256)),
    ] {
        assert!(matches!(get(path), Err(RouteError::Name(_))), "{path}");
    }
}

#[test]
fn bad_values_have_their_own_errors() {
    assert!(matches!(get("/v2/a/manifests/.bad"), Err(RouteError::NoSuchTag(_))));
    assert!(matches!(on("PUT", "/v2/a/manifests/.bad"), Err(RouteError::Tag(_))));
    assert!(matches!(get("/v2/a/manifests/sha256:00"), Err(RouteError::Digest(_))));
    assert!(matches!(get("/v2/a/blobs/latest"), Err(RouteError::Digest(_))));
    assert_eq!(get("/v2/a/blobs/uploads/..%2e"), Err(RouteError::UploadId));
    let id = UploadId::random();
    assert_eq!(on("PUT", &format!("/v2/a/blobs/uploads/{id}")), Err(RouteError::DigestMissing));
    assert!(matches!(on("POST", "/v2/a/blobs/uploads/?mount=x"), Err(RouteError::Digest(_))));
}

#[test]
fn unknown_paths_and_methods_are_told_apart() {
    for path in ["/", "/v1/", "/v2/a", "/v2/a/b", "/v2/a/tags", "/v2/a/manifests", "/-/", "/-/x", "/token/", "*"] {
        assert_eq!(get(path), Err(RouteError::NotFound), "{path}");
    }
    for (method, path) in [
        ("POST", "/v2/"),
        ("PUT", "/token"),
        ("DELETE", "/v2/a/tags/list"),
        ("PUT", "/-/live"),
        ("GET", "/-/reload"),
        ("HEAD", "/-/reload"),
        ("POST", "/v2/a/manifests/x"),
        ("GET", "/v2/a/blobs/uploads/"),
        ("PATCH", "/v2/_catalog"),
        ("OPTIONS", "/v2/a/tags/list"),
        ("BREW", "/v2/a/manifests/x"),
    ] {
        assert!(matches!(on(method, path), Err(RouteError::Method(_))), "{method} {path}");
    }
}

#[test]
fn page_sizes_are_bounded_before_anything_is_allocated() {
    let limit = |n: &str| match get(&format!("/v2/_catalog?n={n}")) {
        Ok(Operation::Catalog(page)) => Ok(page.limit),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error),
    };
    assert_eq!(limit("0"), Ok(0));
    assert_eq!(limit("7"), Ok(7));
    for n in ["1001", "18446744073709551615", "99999999999999999999999999"] {
        assert_eq!(limit(n), Ok(PAGE_MAX), "{n}");
    }
    for n in ["", "-1", "abc", "1.5", "0x10", "%2b1", "1e3"] {
        assert_eq!(limit(n), Err(RouteError::PageSize), "{n}");
    }
}

#[test]
fn only_a_whole_content_hash_is_accepted() {
    let hash = "0123456789abcdef".repeat(4);
    let accept = |query: &str| on("POST", &format!("/-/reload{query}"));
    assert_eq!(accept(""), Ok(Operation::Reload { accept: None }));
    assert_eq!(accept(&format!("?accept={hash}")), Ok(Operation::Reload { accept: Some(hash.clone()) }));
    for bad in ["", "*", &hash[1..], &hash.to_uppercase(), &format!("{hash}0")] {
        assert_eq!(accept(&format!("?accept={bad}")), Err(RouteError::Hash), "{bad}");
    }
}

#[test]
fn tags_of_the_query_are_valid_few_and_different() {
    let tags = |query: &str| match on("PUT", &format!("/v2/a/manifests/{DIGEST}?{query}")) {
        Ok(Operation::PutManifest { tags, .. }) => Ok(tags.len()),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error),
    };
    assert_eq!(tags("tag=a&tag=b&tag=a"), Ok(2));
    assert!(matches!(tags("tag=a&tag=../b"), Err(RouteError::Tag(_))));
    let many: Vec<_> = (0..=TAGS_MAX).map(|i| format!("tag=t{i}")).collect();
    assert_eq!(tags(&many.join("&")), Err(RouteError::TooManyTags));
}

#[test]
fn a_repositorys_port_puts_its_prefix_before_names() {
    let on_port = |target: &str| {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        route(&Method::POST, path, query, Some("library"))
    };
    let mount = on_port(&format!("/v2/alpine/blobs/uploads/?mount={DIGEST}&from=debian")).unwrap();
    let digest = Digest::parse(DIGEST).unwrap();
    let from = Some(image("library/debian"));
    assert_eq!(mount, Operation::Mount { image: image("library/alpine"), digest, from });
    assert!(matches!(on_port("/v2/../x/blobs/uploads/"), Err(RouteError::Name(_))));
    let catalog = route(&Method::GET, "/v2/_catalog", "last=alpine", Some("library")).unwrap();
    assert_eq!(catalog, Operation::Catalog(PageOf { limit: PAGE_MAX, last: Some("library/alpine".to_owned()) }));
}

#[test]
fn a_page_of_referrers_begins_after_a_digest() {
    let last_of = |query: &str| match get(&format!("/v2/a/referrers/{DIGEST}{query}")) {
        Ok(Operation::Referrers { last, .. }) => Ok(last.map(|last| last.to_string())),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error),
    };
    assert_eq!(last_of(""), Ok(None));
    assert_eq!(last_of(&format!("?artifactType=a%2Fb&last={DIGEST}")), Ok(Some(DIGEST.to_owned())));
    assert!(matches!(last_of("?last=x"), Err(RouteError::Digest(_))));
}
