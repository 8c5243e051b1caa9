//! Tests of placing and applying, on real folders.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::cli::Exit;
use crate::cli::change::place::Root;
use crate::edit::FileChange;
use crate::live;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

fn change(name: &str, before: Option<&str>, after: Option<&str>) -> FileChange {
    let is_private = name == "credentials.yaml";
    FileChange { before: before.map(Into::into), after: after.map(Into::into), is_private }
}

fn targets(folder: &Path, changes: &[(&str, Option<&str>, Option<&str>)]) -> Result<Vec<Target>, Halt> {
    let files: BTreeMap<Arc<str>, FileChange> =
        changes.iter().map(|(name, before, after)| ((*name).into(), change(name, *before, *after))).collect();
    Root::open(folder)?.targets(&files, &live::read(folder).unwrap())
}

fn apply(folder: &Path, changes: &[(&str, Option<&str>, Option<&str>)]) -> Result<Applied, Halt> {
    Applied::make(&targets(folder, changes)?, true, &folder.join("repos"))
}

fn refusal(folder: &Path, changes: &[(&str, Option<&str>, Option<&str>)]) -> String {
    match apply(folder, changes) {
        Err(Halt::Failed(failure)) => {
            assert!(failure.hint.is_some() && failure.exit == Exit::No, "{failure:?}");
            failure.message
        }
        other => panic!("{other:?}"),
    }
}

/// Every path below a folder with its text, hidden ones as well.
fn all(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
        if entry.file_type().unwrap().is_dir() {
            found.extend(all(&path).into_iter().map(|(below, text)| (format!("{name}/{below}"), text)));
        } else {
            found.insert(name, fs::read_to_string(&path).unwrap_or_default());
        }
    }
    found
}

#[test]
fn files_are_replaced_made_and_deleted() {
    let dir = folder(&[("credentials.yaml", "a\n"), ("repos/gone.yaml", "g\n")]);
    let path = |name: &str| dir.path().join(name);
    fs::set_permissions(path("credentials.yaml"), fs::Permissions::from_mode(0o640)).unwrap();
    let inode = fs::metadata(path("credentials.yaml")).unwrap().ino();
    let changes = [
        ("credentials.yaml", Some("a\n"), Some("b\n")),
        ("repos/gone.yaml", Some("g\n"), None),
        ("repos/team/new.yaml", None, Some("n\n")),
    ];
    let before = all(dir.path());
    apply(dir.path(), &changes).unwrap().take_back().unwrap();
    assert_eq!(all(dir.path()), before);
    assert_eq!(fs::metadata(path("credentials.yaml")).unwrap().ino(), inode, "the very file is back");
    assert!(!path("repos/team").exists());
    apply(dir.path(), &changes).unwrap().keep();
    let after = [("credentials.yaml", "b\n"), ("repos/team/new.yaml", "n\n")];
    assert_eq!(all(dir.path()), after.map(|(name, text)| (name.to_owned(), text.to_owned())).into());
    assert_eq!(fs::metadata(path("credentials.yaml")).unwrap().mode() & 0o7777, 0o640);
}

#[test]
fn new_credentials_are_their_owners() {
    let dir = folder(&[("repos/a.yaml", "a\n")]);
    let changes = [("credentials.yaml", None, Some("c\n")), ("repos/b.yaml", None, Some("b\n"))];
    apply(dir.path(), &changes).unwrap().keep();
    let mode = |name: &str| fs::metadata(dir.path().join(name)).unwrap().mode() & 0o777;
    assert_eq!(mode("credentials.yaml"), 0o600);
    fs::write(dir.path().join("plain"), "").unwrap();
    assert_eq!(mode("repos/b.yaml"), mode("plain"), "as the umask says");
}

#[test]
fn one_that_fails_takes_all_back() {
    let dir = folder(&[("credentials.yaml", "a\n"), ("repos/b.yaml", "b\n"), ("repos/c.yaml", "c\n")]);
    let changes = [
        ("credentials.yaml", Some("a\n"), Some("A\n")),
        ("repos/b.yaml", Some("b\n"), None),
        ("repos/c.yaml", Some("c\n"), Some("C\n")),
        ("repos/d/e.yaml", None, Some("E\n")),
    ];
    let targets = targets(dir.path(), &changes).unwrap();
    let before = all(dir.path());
    let mut applied = Applied::default();
    applied.prepare(&targets, true).unwrap();
    // Somebody writes between the preparation and the change.
    fs::write(dir.path().join("repos/c.yaml"), "theirs\n").unwrap();
    assert!(matches!(applied.carry_out(), Err(Halt::Changed(file)) if file.ends_with("repos/c.yaml")));
    applied.take_back().unwrap();
    let mut expected = before;
    expected.insert("repos/c.yaml".to_owned(), "theirs\n".to_owned());
    assert_eq!(all(dir.path()), expected);
    assert!(!dir.path().join("repos/d").exists());
}

#[test]
fn what_was_not_expected_is_left_alone() {
    let dir = folder(&[("credentials.yaml", "theirs\n"), ("repos/a.yaml", "a\n")]);
    let before = all(dir.path());
    for changes in [
        [("credentials.yaml", Some("a\n"), Some("b\n"))],
        [("credentials.yaml", None, Some("b\n"))],
        [("repos/gone.yaml", Some("a\n"), Some("b\n"))],
        [("credentials.yaml", Some("a\n"), None)],
    ] {
        assert!(matches!(apply(dir.path(), &changes), Err(Halt::Changed(_))), "{changes:?}");
        assert_eq!(all(dir.path()), before);
    }
    // It came after the plan was placed.
    let targets = targets(dir.path(), &[("repos/b.yaml", None, Some("b\n"))]).unwrap();
    fs::write(dir.path().join("repos/b.yaml"), "theirs\n").unwrap();
    assert!(matches!(Applied::make(&targets, true, dir.path()), Err(Halt::Changed(_))));
    assert_eq!(fs::read_to_string(dir.path().join("repos/b.yaml")).unwrap(), "theirs\n");
}

#[test]
fn what_others_save_meanwhile_is_not_taken_back() {
    let dir = folder(&[("credentials.yaml", "a\n"), ("repos/b.yaml", "b\n"), ("repos/c.yaml", "c\n")]);
    let path = |name: &str| dir.path().join(name);
    fs::set_permissions(path("repos/c.yaml"), fs::Permissions::from_mode(0o640)).unwrap();
    let changes = [
        ("credentials.yaml", Some("a\n"), Some("A\n")),
        ("repos/b.yaml", Some("b\n"), None),
        ("repos/c.yaml", Some("c\n"), Some("C\n")),
        ("repos/d.yaml", None, Some("D\n")),
    ];
    for goes_aside in [false, true] {
        let mut applied = apply(dir.path(), &changes).unwrap();
        if goes_aside {
            applied.leave_nothing_aside();
            assert!(all(dir.path()).keys().all(|name| !name.contains("portolan-")), "{:?}", all(dir.path()));
        }
        // As editors do: a new file, renamed over the old one.
        for name in ["credentials.yaml", "repos/b.yaml", "repos/d.yaml"] {
            fs::write(path("theirs"), "theirs\n").unwrap();
            fs::rename(path("theirs"), path(name)).unwrap();
        }
        let why = applied.take_back().unwrap_err().message;
        let mut found = all(dir.path());
        let mut kept = found.extract_if(.., |name, _| name.contains(".before-")).collect::<Vec<_>>();
        kept.sort_by(|one, other| one.1.cmp(&other.1));
        assert_eq!(kept.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), ["a\n", "b\n"], "{why}");
        assert!(kept.iter().all(|(name, _)| why.contains(name.as_str())), "{why}");
        let theirs = ["credentials.yaml", "repos/b.yaml", "repos/d.yaml"].map(|name| (name, "theirs\n"));
        let expected = theirs.into_iter().chain([("repos/c.yaml", "c\n")]);
        assert_eq!(found, expected.map(|(name, text)| (name.to_owned(), text.to_owned())).collect());
        assert_eq!(fs::metadata(path("repos/c.yaml")).unwrap().mode() & 0o7777, 0o640);
        // As it was, for the next round.
        kept.iter().for_each(|(name, _)| fs::remove_file(path(name)).unwrap());
        fs::remove_file(path("repos/d.yaml")).unwrap();
        fs::write(path("credentials.yaml"), "a\n").unwrap();
        fs::write(path("repos/b.yaml"), "b\n").unwrap();
    }
}

#[test]
fn many_files_are_changed_as_few_are() {
    let files: Vec<(String, String)> = (0..40).map(|at| (format!("repos/x/{at:02}.yaml"), format!("{at}\n"))).collect();
    let dir = folder(&files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect::<Vec<_>>());
    let before = all(dir.path());
    let changes: Vec<_> =
        files.iter().map(|(name, text)| (name.as_str(), Some(text.as_str()), Some("new\n"))).collect();
    apply(dir.path(), &changes).unwrap().take_back().unwrap();
    assert_eq!(all(dir.path()), before);
    apply(dir.path(), &changes).unwrap().keep();
    assert!(all(dir.path()).len() == 40 && all(dir.path()).values().all(|text| text == "new\n"));
    // The folder goes with its last file.
    let changes: Vec<_> = files.iter().map(|(name, _)| (name.as_str(), Some("new\n"), None)).collect();
    apply(dir.path(), &changes).unwrap().keep();
    assert!(dir.path().join("repos").exists() && !dir.path().join("repos/x").exists());
}

#[test]
fn who_goes_goes_last() {
    let dir = folder(&[("credentials.yaml", "abc\n"), ("repos/b.yaml", "b\n")]);
    let first = |after| {
        let changes = [("credentials.yaml", Some("abc\n"), Some(after)), ("repos/b.yaml", Some("b\n"), Some("c\n"))];
        targets(dir.path(), &changes).unwrap()[0].name.to_string()
    };
    assert_eq!((first("a\n"), first("abcd\n")), ("repos/b.yaml".to_owned(), "credentials.yaml".to_owned()));
}

#[test]
fn a_file_with_a_hard_link_is_refused() {
    let dir = folder(&[("repos/a.yaml", "a\n"), ("elsewhere", "")]);
    fs::hard_link(dir.path().join("repos/a.yaml"), dir.path().join("other")).unwrap();
    for after in [Some("b\n"), None] {
        let why = refusal(dir.path(), &[("repos/a.yaml", Some("a\n"), after)]);
        assert!(why.contains("hard link"), "{why}");
    }
}

#[test]
fn a_link_is_written_through_and_never_deleted() {
    let dir = folder(&[(".real/a.yaml", "a\n"), ("repos/b.yaml", "b\n"), ("team/c.yaml", "c\n")]);
    symlink("../.real/a.yaml", dir.path().join("repos/a.yaml")).unwrap();
    symlink("../team", dir.path().join("repos/team")).unwrap();
    apply(dir.path(), &[("repos/a.yaml", Some("a\n"), Some("A\n")), ("repos/team/c.yaml", Some("c\n"), Some("C\n"))])
        .unwrap()
        .keep();
    assert_eq!(fs::read_to_string(dir.path().join(".real/a.yaml")).unwrap(), "A\n");
    assert_eq!(fs::read_to_string(dir.path().join("team/c.yaml")).unwrap(), "C\n");
    assert!(fs::symlink_metadata(dir.path().join("repos/a.yaml")).unwrap().is_symlink());
    apply(dir.path(), &[("repos/team/d.yaml", None, Some("d\n"))]).unwrap().keep();
    assert_eq!(fs::read_to_string(dir.path().join("team/d.yaml")).unwrap(), "d\n");
    let before = all(dir.path());
    for (name, text) in [("repos/a.yaml", "A\n"), ("repos/team/c.yaml", "C\n")] {
        let why = refusal(dir.path(), &[(name, Some(text), None)]);
        assert!(why.contains("symbolic link"), "{why}");
    }
    assert_eq!(all(dir.path()), before);
}

#[test]
fn what_lies_outside_or_is_mounted_is_refused() {
    let outside = folder(&[("a.yaml", "a\n")]);
    let dir = folder(&[("registry.yaml", "{}\n")]);
    symlink(outside.path(), dir.path().join("repos")).unwrap();
    for (before, name) in [(Some("a\n"), "repos/a.yaml"), (None, "repos/b.yaml"), (None, "repos/c/d.yaml")] {
        let why = refusal(dir.path(), &[(name, before, Some("b\n"))]);
        assert!(why.contains("outside of the folder"), "{why}");
    }
    assert_eq!(all(outside.path()).len(), 1);

    let dir = folder(&[("..2026_01_01/credentials.yaml", "c\n")]);
    symlink("..2026_01_01", dir.path().join("..data")).unwrap();
    symlink("..data/credentials.yaml", dir.path().join("credentials.yaml")).unwrap();
    let why = refusal(dir.path(), &[("credentials.yaml", Some("c\n"), Some("d\n"))]);
    assert!(why.contains("ConfigMap"), "{why}");
}

#[test]
fn a_file_with_two_names_is_refused() {
    let dir = folder(&[("repos/a.yaml", "a\n"), ("repos/c/d.yaml", "d\n")]);
    symlink("a.yaml", dir.path().join("repos/b.yaml")).unwrap();
    symlink("c", dir.path().join("repos/e")).unwrap();
    for (name, text) in [("repos/a.yaml", "a\n"), ("repos/b.yaml", "a\n"), ("repos/c/d.yaml", "d\n")] {
        let why = refusal(dir.path(), &[(name, Some(text), Some("x\n"))]);
        assert!(why.contains("are one file"), "{why}");
    }
}

#[test]
fn a_dangling_link_is_no_place_for_a_new_file() {
    let dir = folder(&[("repos/a.yaml", "a\n")]);
    symlink("/nowhere/b.yaml", dir.path().join("repos/b.yaml")).unwrap();
    let root = Root::open(dir.path()).unwrap();
    let change = change("repos/b.yaml", None, Some("b\n"));
    let tree = crate::config::Tree::default();
    let result = root.targets(&[("repos/b.yaml".into(), change)].into(), &tree);
    assert!(matches!(result, Err(Halt::Failed(failure)) if failure.message.contains("leads nowhere")));
}
