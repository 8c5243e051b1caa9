//! Bad files, through `portolan check` as a person runs it, and under a server that has good ones.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::{Harness, TEAM};

/// A password that no output may hold.
const SECRET: &str = "S3cr3t-of-jane";
const CREDENTIALS: &str = "credentials:\n  jane: {type: plain, pass: S3cr3t-of-jane}\n";
const REPOSITORY: &str = "repo:\n  type: docker\n  permissions:\n    jane: [read]\n";

/// A good folder.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("repos")).unwrap();
    fs::write(folder.path().join("credentials.yaml"), CREDENTIALS).unwrap();
    fs::write(folder.path().join("repos/a.yaml"), REPOSITORY).unwrap();
    folder
}

/// Runs `check` for people and for machines, and gives back the exit code and what people see.
/// Neither takes long, dies, or tells the password.
#[track_caller]
fn check(folder: &Path, what: &str) -> (i32, String) {
    let mut shown = Vec::new();
    for format in ["human", "json"] {
        let began = Instant::now();
        let mut command = Command::new(env!("CARGO_BIN_EXE_portolan"));
        let output = command.arg("check").arg(folder).args(["--format", format, "--color", "never"]).output().unwrap();
        let text = String::from_utf8_lossy(&[output.stdout.clone(), output.stderr].concat()).into_owned();
        assert!(!text.contains(SECRET), "{what}: {text}");
        assert!(!text.contains("panicked"), "{what}: {text}");
        assert!(text.len() < 40 << 20, "{what}: {} bytes", text.len());
        assert!(began.elapsed() < Duration::from_secs(10), "{what}: {:?}", began.elapsed());
        let code = output.status.code().unwrap_or_else(|| panic!("{what}: {:?}", output.status));
        if format == "json" && code != 3 {
            let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(code == 0, report["summary"]["errors"] == 0, "{what}: {report}");
        }
        shown.push((code, text));
    }
    assert_eq!(shown[0].0, shown[1].0, "{what}");
    shown.swap_remove(0)
}

#[test]
fn bad_files_are_diagnosed_where_they_are_wrong() {
    let anchors: String = (1..40).map(|n| format!("a{n}: &a{n} [{}]\n", format!("*a{}, ", n - 1).repeat(9))).collect();
    let bomb = format!("a0: &a0 x\n{anchors}repo: *a39\n");
    let keys: String = (0..60_000).map(|n| format!("k{n}: 1\n")).collect();
    let long_key = format!("{}: 1\n", "k".repeat(200_000));
    let wide = format!("repo: {{type: docker, permissions: {{jane: [{}]}}}}\n", "reed, ".repeat(20_000));
    let cases: &[(&str, &[u8], &str)] = &[
        ("empty", b"", "a.yaml"),
        ("only a comment", b"# nothing\n", "a.yaml"),
        ("only a marker", b"---\n", "a.yaml"),
        ("null", b"null\n", "a.yaml"),
        ("a number", b"7\n", "a.yaml:1:1"),
        ("a list", b"- repo\n", "a.yaml:1:1"),
        ("a text", b"repo\n", "a.yaml:1:1"),
        ("an unclosed bracket", b"repo: {type: docker\n", "a.yaml:"),
        ("an unclosed quote", b"repo: {type: \"docker}\n", "a.yaml:"),
        ("a tab", b"repo:\n\ttype: docker\n", "a.yaml:2:"),
        ("wrong indentation", b"repo:\n  type: docker\n port: 1\n", "a.yaml:3:"),
        ("the same key twice", b"repo:\n  type: docker\n  type: docker\n", "a.yaml:3:3"),
        ("an unknown key", b"repo:\n  typ: docker\n", "a.yaml:2:3"),
        ("two documents", b"repo: {type: docker}\n---\nrepo: {type: docker}\n", "a.yaml:"),
        ("an unknown alias", b"repo: *nowhere\n", "a.yaml:1:7"),
        ("an alias of itself", b"repo: &a {type: docker, permissions: *a}\n", "a.yaml:1:"),
        ("an alias bomb", bomb.as_bytes(), "a.yaml:"),
        ("merge keys", b"x: &x {type: docker}\nrepo: {<<: *x}\n", "a.yaml:"),
        ("binary", &[0, 1, 2, 255, 254, 0, 0, 7], "a.yaml"),
        ("ELF", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0", "a.yaml"),
        ("no UTF-8", b"repo: {type: \xff\xfe}\n", "1:14"),
        ("UTF-16", b"\xff\xfer\0e\0p\0o\0", "a.yaml"),
        ("NUL", b"repo: {type: docker\0}\n", "a.yaml:1:"),
        ("escape codes", b"repo: {type: \"\\e[31mdocker\"}\n", "a.yaml:1:"),
        ("many keys", keys.as_bytes(), "a.yaml:"),
        ("a long key", long_key.as_bytes(), "a.yaml:"),
        ("many wrong values", wide.as_bytes(), "a.yaml:1:"),
        ("a list for a text", b"repo: {type: [docker]}\n", "a.yaml:1:14"),
        ("a mapping for a text", b"repo: {type: {docker: x}}\n", "a.yaml:1:14"),
        ("a text for a number", b"repo: {type: docker, port: many}\n", "a.yaml:1:28"),
        ("a negative port", b"repo: {type: docker, port: -1}\n", "a.yaml:1:28"),
        ("a huge port", b"repo: {type: docker, port: 99999999999999999999999999}\n", "a.yaml:1:28"),
        ("a fraction for a port", b"repo: {type: docker, port: 1.5}\n", "a.yaml:1:28"),
        ("a number for a mapping", b"repo: {type: docker, permissions: 5}\n", "a.yaml:1:35"),
        ("a list for a mapping", b"repo: {type: docker, permissions: [jane]}\n", "a.yaml:1:35"),
        ("a mapping for a list", b"repo: {type: docker, permissions: {jane: {read: yes}}}\n", "a.yaml:1:"),
        ("a name with a path", b"repo: {type: docker, prefix: ../../etc}\n", "a.yaml:1:30"),
        ("an unknown operation", b"repo: {type: docker, permissions: {jane: [reed]}}\n", "a.yaml:1:43"),
        ("a tag of another type", b"repo: {type: !!int docker}\n", "a.yaml:1:"),
        ("a key that is a list", b"? [a, b]\n: c\n", "a.yaml:1:"),
        ("a directive", b"%YAML 9.9\n---\nrepo: {type: docker, x: y}\n", "a.yaml:"),
    ];
    for (what, content, place) in cases {
        let folder = folder();
        fs::write(folder.path().join("repos/a.yaml"), content).unwrap();
        let (code, text) = check(folder.path(), what);
        assert_eq!(code, 1, "{what}: {text}");
        assert!(text.contains(place), "{what}: {text}");
        assert!(!text.contains('\u{1b}'), "{what}: escape codes come through");
    }
    for depth in [65, 1000, 100_000] {
        for (open, close) in [("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", "")] {
            let folder = folder();
            let text = format!("repo: \n  {}1{}\n", open.repeat(depth), close.repeat(depth));
            fs::write(folder.path().join("repos/a.yaml"), text).unwrap();
            let (code, text) = check(folder.path(), "deep nesting");
            assert_eq!(code, 1, "{depth} {open}: {text}");
            assert!(text.contains("a.yaml:"), "{depth} {open}: {text}");
        }
    }
}

#[test]
fn bad_credentials_files_tell_no_secret() {
    for what in [
        "jane: {type: plain, pass: \"SECRET}",
        "jane:\n\ttype: plain\n\tpass: SECRET",
        "jane: {type: plain, pass: SECRET: x}",
        "jane: {type: plain, pass: [SECRET]}",
        "jane: {type: plain, pass: {x: SECRET}}",
        "jane: {type: plain, passs: SECRET}",
        "jane: {type: plain, pass: y, previos: {pass: SECRET}}",
        "jane: {type: plain, pass: y, previous: SECRET}",
        "jane: SECRET",
        "jane: {type: plain, pass: SECRET, pass: SECRET}",
        "jane: {type: plain, pass: SECRET}\n  jane: {type: plain, pass: SECRET}",
        "jane: {pass: \"plan:SECRET\"}",
        "jane: {pass: SECRET}",
        "jane: {type: argon2, pass: SECRET}",
        "jane: {type: bcrypt, pass: SECRET}",
        "jane: {type: sha256, pass: SECRET}",
        "jane: {type: plane, pass: SECRET}",
        "jane: {type: plain, pass: *SECRET}",
        "jane: {type: plain, pass: !!binary SECRET}",
        "jane: {type: plain, pass: @SECRET}",
        "jane: {type: plain, pass: `SECRET}",
        "jane: {type: plain, pass: \"SECRET\\q\"}",
        "jane:\n    type: plain\n    pass: |\n      SECRET\n   broken",
        "jane:\n    type: plain\n    pass: \"abc\n      SECRET\n  x: y",
        "jane:\n    type: plain\n    pass: abc\n      SECRET\n    passs: x",
        "jane: {type: plane, pass: y} # SECRET",
        "jane: {type: plain, pass: y}\n---\nSECRET",
        "\"a b\": {type: plain, pass: y}\n- SECRET",
    ] {
        let folder = folder();
        let text = format!("credentials:\n  {}\n", what.replace("SECRET", SECRET));
        fs::write(folder.path().join("credentials.yaml"), text).unwrap();
        let (code, text) = check(folder.path(), what);
        assert_eq!(code, 1, "{what}: {text}");
        assert!(text.contains("credentials.yaml"), "{what}: {text}");
    }
    let folder = folder();
    let broken = [CREDENTIALS.as_bytes(), b"  rita: {type: plain, pass: \xff}\n"].concat();
    fs::write(folder.path().join("credentials.yaml"), broken).unwrap();
    assert_eq!(check(folder.path(), "no UTF-8").0, 1);
}

#[test]
fn bad_entries_of_the_folder_are_diagnosed() {
    type Spoil = fn(&Path);
    let cases: &[(&str, Spoil, &str)] = &[
        ("a sparse file of 1 GiB", |at| fs::File::create(at).unwrap().set_len(1 << 30).unwrap(), "repos/a.yaml"),
        (
            "a sparse file of 8 EiB less one",
            |at| {
                // File systems have their own limits; the largest that this one takes.
                let file = fs::File::create(at).unwrap();
                assert!((20..63).rev().any(|bits| file.set_len(1 << bits).is_ok()));
            },
            "repos/a.yaml",
        ),
        ("1 MiB and a byte", |at| fs::write(at, vec![b'#'; (1 << 20) + 1]).unwrap(), "repos/a.yaml"),
        ("a pipe", |at| assert!(Command::new("mkfifo").arg(at).status().unwrap().success()), "repos/a.yaml"),
        ("a socket", |at| drop(std::os::unix::net::UnixListener::bind(at).unwrap()), "repos/a.yaml"),
        ("a device", |at| symlink("/dev/zero", at).unwrap(), "repos/a.yaml"),
        ("a link to nowhere", |at| symlink("nowhere", at).unwrap(), "repos/a.yaml"),
        ("a link to itself", |at| symlink("a.yaml", at).unwrap(), "repos/a.yaml"),
        (
            "two links to each other",
            |at| {
                symlink("b.yaml", at).unwrap();
                symlink("a.yaml", at.with_file_name("b.yaml")).unwrap();
            },
            "repos/a.yaml",
        ),
        ("a name with a space", |at| fs::write(at.with_file_name("a b.yaml"), REPOSITORY).unwrap(), "a b.yaml"),
        ("a name with letters of others", |at| fs::write(at.with_file_name("ä.yaml"), REPOSITORY).unwrap(), "ä.yaml"),
        ("a name in capitals", |at| fs::write(at.with_file_name("Team.yaml"), REPOSITORY).unwrap(), "Team.yaml"),
        ("a name with a new line", |at| fs::write(at.with_file_name("a\nb.yaml"), REPOSITORY).unwrap(), "repos/"),
        (
            "a name with an escape code",
            |at| fs::write(at.with_file_name("\u{1b}[31m.yaml"), REPOSITORY).unwrap(),
            "repos/",
        ),
        ("a name of dots", |at| fs::write(at.with_file_name("a...yaml"), REPOSITORY).unwrap(), "a...yaml"),
        ("a name of underscores", |at| fs::write(at.with_file_name("_.yaml"), REPOSITORY).unwrap(), "_.yaml"),
        (
            "a name that is not UTF-8",
            |at| {
                fs::write(at.with_file_name(std::ffi::OsStr::from_bytes(b"a\xff.yaml")), REPOSITORY).unwrap();
            },
            "UTF-8",
        ),
        (
            "both endings",
            |at| {
                fs::write(at, REPOSITORY).unwrap();
                fs::write(at.with_extension("yml"), REPOSITORY).unwrap();
            },
            "a.yml",
        ),
        (
            "a long name",
            |at| fs::write(at.with_file_name(format!("{}.yaml", "a".repeat(250))), REPOSITORY).unwrap(),
            "aaaa.yaml",
        ),
    ];
    for (what, spoil, place) in cases {
        let folder = folder();
        let at = folder.path().join("repos/a.yaml");
        fs::remove_file(&at).unwrap();
        spoil(&at);
        let (code, text) = check(folder.path(), what);
        if *what == "a long name" {
            // 250 letters are a name that an image can have.
            assert_eq!(code, 0, "{what}: {text}");
            continue;
        }
        assert_eq!(code, 1, "{what}: {text}");
        assert!(text.contains(place), "{what}: {text}");
        assert!(!text.contains('\u{1b}') && !text.contains("a\nb.yaml"), "{what}: {text}");
    }
    // Not even hidden files are read, and folders may have any name that ends like a file's.
    let good = folder();
    fs::write(good.path().join("repos/..yaml"), "nonsense").unwrap();
    fs::create_dir(good.path().join("repos/team.yaml")).unwrap();
    assert_eq!(check(good.path(), "hidden").0, 0);
    for (what, spoil) in [
        ("no folder", (|at| fs::remove_dir_all(at).unwrap()) as Spoil),
        ("a file for the folder", |at| {
            fs::remove_dir_all(at).unwrap();
            fs::write(at, "").unwrap();
        }),
        ("a file for repos", |at| {
            fs::remove_dir_all(at.join("repos")).unwrap();
            fs::write(at.join("repos"), "").unwrap();
        }),
        ("a link to nowhere for repos", |at| {
            fs::remove_dir_all(at.join("repos")).unwrap();
            symlink("nowhere", at.join("repos")).unwrap();
        }),
    ] {
        let folder = folder();
        spoil(folder.path());
        let (code, text) = check(folder.path(), what);
        assert_eq!(code, 3, "{what}: {text}");
        assert!(text.contains("error"), "{what}: {text}");
    }
    for name in ["credentials.yaml", "registry.yaml", "storages.yaml"] {
        let folder = folder();
        let _ = fs::remove_file(folder.path().join(name));
        fs::create_dir(folder.path().join(name)).unwrap();
        let (code, text) = check(folder.path(), name);
        assert_eq!(code, 1, "{name}: {text}");
        assert!(text.contains(name), "{name}: {text}");
    }
    // A folder that holds itself by way of a link ends.
    let round = folder();
    symlink("..", round.path().join("repos/round")).unwrap();
    assert!(check(round.path(), "a round").0 < 4);
}

#[tokio::test]
async fn bad_files_leave_the_server_with_what_it_had() {
    let server = Harness::start(TEAM);
    let jane = server.user("jane");
    jane.push_image("team/app", "v1", "config").await;
    let bomb: String = (1..40).map(|n| format!("a{n}: &a{n} [{}]\n", format!("*a{}, ", n - 1).repeat(9))).collect();
    let bomb = format!("a0: &a0 x\n{bomb}repo: *a39\n");
    let deep = format!("repo: {}", "[".repeat(500_000));
    let large = "#".repeat((8 << 20) + 1);
    let good = |file: &str| TEAM.iter().find(|(name, _)| *name == file).unwrap().1;
    for file in ["repos/team.yaml", "credentials.yaml", "storages.yaml"] {
        for text in ["", "nonsense", "\0\u{1}", "a: [", "- a\n- b\n", "{}\n---\n{}\n", &bomb, &deep, &large] {
            server.write(file, text).await;
            let what = format!("{file}: {}", text.chars().take(20).collect::<String>());
            jane.get("/v2/team/app/manifests/v1").await.is(200);
            jane.get(&format!("/v2/team/app/blobs/{}", crate::harness::digest("config"))).await.is(200);
            server.anonymous().get("/v2/team/app/manifests/v1").await.is(401);
            server.user("nemo").get("/v2/team/app/manifests/v1").await.is(403);
            server.bearer("x.y.z").get("/v2/").await.is(401);
            server.anonymous().get("/-/ready").await.is(200);
            let status = server.user("root").get("/-/status").await.is(200);
            assert_eq!(status.json()["in_force_as_written"], false, "{what}");
            let text = String::from_utf8(status.body.to_vec()).unwrap();
            assert!(!text.contains("secret-"), "{what}: {text}");
            server.write(file, good(file)).await;
        }
    }
    let status = server.user("root").get("/-/status").await.is(200).json();
    assert_eq!(status["in_force_as_written"], true, "{status}");
    jane.push_image("team/app", "v2", "config").await;
}

/// Access tests are checked, and nothing that is enforced depends on them.
#[tokio::test]
async fn broken_access_tests_hold_nothing_back() {
    let broken = [TEAM, &[("tests/team/access.yaml", "tests: [{as: nobody, can: reed, image: UPPER}]\n")]].concat();
    let server = Harness::start_as_it_is(&broken, portolan::server::Limits::default());
    server.user("jane").push_image("team/app", "v1", "one").await;
    server.user("rita").get("/v2/team/app/manifests/v1").await.is(200);
    server.write("tests/team/access.yaml", "tests: [\n").await;
    server.write("repos/team.yaml", "repo: {type: docker, permissions: {jane: [read]}}\n").await;
    server.user("rita").get("/v2/team/app/manifests/v1").await.is(403);
    server.user("jane").get("/v2/team/app/manifests/v1").await.is(200);
    server.shut_down().await;
}
