//! Whole imports: golden examples of each system, and what must never be written.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use clap::Parser;

use super::*;
use crate::live;

#[derive(Debug, Parser)]
struct Line {
    #[command(subcommand)]
    command: ImportCommand,
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/import").join(name)
}

/// Runs an import with arguments that follow the word `import`.
fn import(arguments: &[&str]) -> Result<Exit, Failure> {
    run(&Line::try_parse_from([&["import"], arguments].concat()).unwrap().command)
}

/// All files of a folder below which nothing is hidden, the report, and the rights.
fn transcript(draft: &Draft, report: Report) -> String {
    let files = write::files(draft, false);
    let model = compiled(&files).unwrap();
    let mut text = report.sorted().text() + "\n";
    for file in &files {
        text.push_str(&format!("# ---- {}\n{}\n", file.path, file.text));
    }
    text + &effective(&model.snapshot, "2026-11-22T00:00:00Z".parse().unwrap()).0
}

/// Compares with the file of the example; `UPDATE_IMPORTS=1` writes it anew.
fn golden(name: &str, draft: &Draft, report: Report) {
    let path = data(name).join("expected.txt");
    let text = transcript(draft, report);
    if std::env::var_os("UPDATE_IMPORTS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    assert_eq!(text, fs::read_to_string(&path).unwrap_or_default(), "{name}: UPDATE_IMPORTS=1 writes it anew");
}

#[test]
fn an_htpasswd_file() {
    let mut report = Report::default();
    let mut draft = htpasswd::import(&fs::read(data("htpasswd/input")).unwrap(), "input", &mut report);
    draft.repositories.push(htpasswd::repository("library", &["read", "write"]));
    golden("htpasswd", &draft, report);
}

#[test]
fn docker_auth_of_a_company() {
    let mut report = Report::default();
    let text = fs::read_to_string(data("docker-auth/auth_config.yml")).unwrap();
    let draft = docker_auth::import(&text, "auth_config.yml", "images", &mut report).unwrap();
    golden("docker-auth", &draft, report);
}

#[test]
fn both_generations_of_artipie() {
    for name in ["artipie-older", "artipie-newer"] {
        let mut report = Report::default();
        let draft = artipie::import(&data(name), &mut report).unwrap();
        golden(name, &draft, report);
    }
}

#[test]
fn what_is_written_compiles_and_only_the_owner_reads_the_credentials() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("new");
    let target = folder.to_str().unwrap();
    let input = data("docker-auth/auth_config.yml");
    let input = input.to_str().unwrap();
    let dry = import(&["docker-auth", input, "--output", target, "--dry-run"]).unwrap();
    assert!(dry == Exit::No && !folder.exists());
    assert_eq!(import(&["docker-auth", input, "--output", target]).unwrap(), Exit::No);
    let compiled = compile(&live::read(&folder).unwrap(), None);
    assert!(!compiled.has_errors(), "{:?}", compiled.diagnostics);
    let mode = fs::metadata(folder.join("credentials.yaml")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(folder.join(".schemas/repository.schema.json").exists());
    let failure = import(&["docker-auth", input, "--output", target]).unwrap_err();
    assert!(failure.message.ends_with("is not empty") && failure.exit == Exit::Failed, "{failure}");
}

#[test]
fn everything_carried_over_is_0() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("htpasswd");
    fs::write(&file, "jane:$2y$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy\n").unwrap();
    let target = dir.path().join("out");
    let arguments = ["htpasswd", file.to_str().unwrap(), "--output", target.to_str().unwrap()];
    assert_eq!(import(&arguments).unwrap(), Exit::Done);
    assert!(target.join("credentials.yaml").exists() && !target.join("repos").exists());
}

#[test]
fn hostile_input_is_refused_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("in");
    let target = dir.path().join("out");
    let huge = vec![b'#'; (8 << 20) + 1];
    let deep = "[".repeat(1000);
    for (bytes, why) in [
        (b"users: {}\nacl: [\xff]".as_slice(), "UTF-8 in line 2"),
        (&huge, "larger"),
        (deep.as_bytes(), "nested"),
        (b"acl: [\n", "line"),
        (b"users: {}\nacl: {}\n", "no list"),
        (b"- a\n", "no mapping"),
    ] {
        fs::write(&file, bytes).unwrap();
        let failure = import(&["docker-auth", file.to_str().unwrap(), "-o", target.to_str().unwrap()]).unwrap_err();
        assert!(failure.message.contains(why) && failure.exit == Exit::Failed, "{failure}");
    }
    assert!(!target.exists());
    let missing = import(&["artipie", dir.path().join("none").to_str().unwrap(), "-o", "x"]).unwrap_err();
    assert_eq!(missing.exit, Exit::Failed);
    let empty = tempfile::tempdir().unwrap();
    let nothing = import(&["artipie", empty.path().to_str().unwrap(), "-o", "x"]).unwrap_err();
    assert!(nothing.hint.is_some(), "{nothing}");
}

#[test]
fn what_would_not_compile_is_not_written() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["one", "two"] {
        let text = "repo: {type: docker, port: 5001, storage: {type: fs, path: /data}}\n";
        fs::write(dir.path().join(format!("{name}.yaml")), text).unwrap();
    }
    fs::write(dir.path().join("_credentials.yaml"), "credentials: {jane: {pass: 'plain:geheim'}}\n").unwrap();
    let target = dir.path().join("out");
    let failure = import(&["artipie", dir.path().to_str().unwrap(), "-o", target.to_str().unwrap()]).unwrap_err();
    assert!(failure.message.contains("port") && failure.exit == Exit::No && !target.exists(), "{failure}");
    assert!(!failure.message.contains("geheim"));
}

#[test]
fn secrets_are_in_the_credentials_file_only() {
    let mut report = Report::default();
    let draft = artipie::import(&data("artipie-older"), &mut report).unwrap();
    let secrets = ["qwerty", "5e884898da", "9889sg8nas8ng", "asagn8as8f81"];
    let shown = write::files(&draft, true).into_iter().map(|file| file.text).collect::<String>();
    let told = report.text() + &format!("{draft:?}") + &shown;
    let written = write::files(&draft, false);
    let others = written.iter().filter(|file| !file.is_private).map(|file| file.text.as_str());
    let told = told + &others.collect::<String>();
    for secret in secrets {
        assert!(!told.contains(secret), "{secret}");
    }
    assert!(written.iter().any(|file| file.is_private && file.text.contains("qwerty")));
}

#[test]
fn a_folder_of_artipie_that_leads_back_into_itself_is_read_once() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("repo/a.yaml", "repo: {type: docker}\n");
    write("elsewhere/b.yaml", "repo: {type: docker}\n");
    for (target, link) in
        [(".", "repo/loop"), ("../repo", "repo/other"), ("..", "repo/up"), ("../elsewhere", "repo/in")]
    {
        std::os::unix::fs::symlink(target, dir.path().join(link)).unwrap();
    }
    write("security/users/jane.yaml", "{type: plain, pass: x, roles: [ghosts, staff, default/artipie]}\n");
    write("security/roles/staff.yaml", "permissions: {}\n");
    let mut report = Report::default();
    let draft = artipie::import(dir.path(), &mut report).unwrap();
    let names: Vec<&str> = draft.repositories.iter().map(|repository| repository.name.as_str()).collect();
    assert_eq!(names, ["a", "in/b"]);
    let told = report.text();
    assert!(told.contains("note: security/users/jane.yaml:1: there is no role `ghosts`"), "{told}");
    assert!(!told.contains("no role `staff`") && !told.contains("no role `default"), "{told}");
}
