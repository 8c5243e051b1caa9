//! What each function makes of the files, and what it refuses.

use super::*;
use crate::config::Content;
use crate::edit::testing::{after, company, company_with, diff, folder as folder_of, why, words};
use crate::edit::{Folder, Plan, Refused};
use crate::policy::Access;

fn added(name: &str, storage: Option<&str>) -> AddRepository {
    AddRepository { name: name.to_owned(), storage: storage.map(str::to_owned) }
}

fn granted(repository: &str, who: &str, operations: &[&str], until: Option<&str>) -> GrantRequest {
    GrantRequest {
        repository: repository.to_owned(),
        who: who.to_owned(),
        operations: words(operations),
        until: until.map(str::to_owned),
        because: None,
        close: false,
    }
}

fn revoked(repository: &str, who: &str, operations: &[&str]) -> RevokeRequest {
    RevokeRequest { repository: repository.to_owned(), who: who.to_owned(), operations: words(operations) }
}

fn why_not(result: Result<Plan, Refused>) -> String {
    why(result.unwrap_err())
}

#[test]
fn a_repository_is_added_as_the_others_are_written() {
    let folder = company();
    let plan = add_repository(&folder, &added("team-a/backend", None)).unwrap();
    assert_eq!(diff(&plan), "repos/team-a/backend.yaml (new)\n+repo:\n+  type: docker\n+  permissions: {}\n");
    assert_eq!(plan.message, ["Add the repository `team-a/backend`"]);
    let after = after(&folder, &plan);
    let snapshot = &after.model().unwrap().snapshot;
    let repository = snapshot.repositories().iter().find(|found| &*found.name == "team-a/backend").unwrap();
    assert!(matches!(&repository.access, Access::Granted(set) if set.grants().count() == 0));
    assert!(!plan.files["repos/team-a/backend.yaml"].is_private);
}

#[test]
fn the_ending_and_the_line_of_the_schema_are_those_of_the_folder() {
    let line = "# yaml-language-server: $schema=../.schemas/repository.schema.json\n";
    let folder = folder_of(&[
        ("repos/a.yml", &format!("{line}repo: {{type: docker, permissions: {{}}}}\n")),
        ("repos/b.yml", "repo: {type: docker, permissions: {}}\n"),
        ("repos/c.yaml", "repo: {type: docker, permissions: {}}\n"),
        ("storages.yaml", "storages: {default: {type: memory}, 'on': {type: fs, path: /srv/on}}\n"),
    ]);
    let plan = add_repository(&folder, &added("x/y", Some("on"))).unwrap();
    assert_eq!(
        diff(&plan),
        "repos/x/y.yml (new)\n\
         +# yaml-language-server: $schema=../../.schemas/repository.schema.json\n\
         +\n\
         +repo:\n\
         +  type: docker\n\
         +  storage: 'on'\n\
         +  permissions: {}\n"
    );
    for (file, line, written) in [
        ("credentials.yaml", "my/schemas/credentials.schema.json", "../../my/schemas/repository.schema.json"),
        ("repos/a/b/c.yaml", "../../../x/repository.schema.json", "../../x/repository.schema.json"),
        (
            "repos/a.yaml",
            "https://example.com/v1/repository.schema.json",
            "https://example.com/v1/repository.schema.json",
        ),
    ] {
        let text =
            if file == "credentials.yaml" { "credentials: {}\n" } else { "repo: {type: docker, permissions: {}}\n" };
        let folder = folder_of(&[(file, &format!("# yaml-language-server: $schema={line}\n{text}"))]);
        let plan = add_repository(&folder, &added("x/y", None)).unwrap();
        let expected = format!("repos/x/y.yaml (new)\n+# yaml-language-server: $schema={written}\n+\n+repo:\n");
        assert!(diff(&plan).starts_with(&expected), "{}", diff(&plan));
    }
}

#[test]
fn a_repository_needs_a_free_name_and_a_storage() {
    let folder = company();
    let refused = |name: &str, storage| why_not(add_repository(&folder, &added(name, storage)));
    assert!(
        refused("Team", None).starts_with("`Team` is no name of a repository\nhint: `Team` is not a valid component")
    );
    assert!(refused("../x", None).starts_with("`../x` is no name of a repository"));
    assert_eq!(
        refused("team", None),
        "there is a repository `team` already: repos/team.yaml\nhint: choose another name"
    );
    assert_eq!(refused("new", Some("defualt")), "there is no storage `defualt`\nhint: did you mean `default`?");
    assert_eq!(refused("new", Some("s3")), "there is no storage `s3`\nhint: name one that is defined: `default`");
    let other = company_with(&[
        ("storages.yaml", "storages: {eu: {type: memory}}\n"),
        ("repos/library.yaml", "repo: {type: docker, storage: eu, permissions: {}}\n"),
        ("tests/access.yaml", "tests: [{as: admin, can: pull, image: library}]\n"),
    ]);
    let why = why_not(add_repository(&other, &added("new", None)));
    assert_eq!(why, "there is no storage `default`\nhint: name one that is defined: `eu`");
}

#[test]
fn a_nested_repository_takes_its_names_from_the_outer_one() {
    let folder = company();
    let plan = add_repository(&folder, &added("library/app", None)).unwrap();
    assert_eq!(
        plan.notes[0],
        "`library/app` and all images below it were served by `library`, whose grants do not reach into the new repository"
    );
    assert!(
        plan.message.contains(&"`jane` may no longer push, overwrite `library/app/**`".to_owned()),
        "{:#?}",
        plan.message
    );
    let nested = after(&folder, &plan);
    let plan = delete_repository(&nested, "library/app").unwrap();
    assert_eq!(diff(&plan), "repos/library/app.yaml (gone)\n-repo:\n-  type: docker\n-  permissions: {}\n");
    assert_eq!(plan.message[0], "Delete the repository `library/app`");
    assert!(plan.notes[1].starts_with("from now on `library` serves the names at and below `library/app`"), "{plan:?}");
    // A prefix that another repository has is an error, and the file with it is shown.
    let taken = company_with(&[("repos/solo.yaml", "repo: {type: docker, prefix: solo/new, permissions: {}}\n")]);
    let why = why_not(add_repository(&taken, &added("solo/new", None)));
    assert!(
        why.starts_with("the configuration would have an error after this change, so nothing was changed\n"),
        "{why}"
    );
}

#[test]
fn a_repository_is_deleted_with_what_is_granted_in_it() {
    let folder = company();
    let plan = delete_repository(&folder, "solo").unwrap();
    assert!(plan.files["repos/solo.yaml"].after.is_none() && plan.files.len() == 1);
    assert_eq!(plan.message[..2], ["Delete the repository `solo`", "`ci` may no longer pull `solo/**`"]);
    assert_eq!(plan.notes[0], "the images of `solo` stay in the storage, where nobody reaches them through this name");
    assert_eq!(
        why_not(delete_repository(&folder, "libary")),
        "there is no repository `libary`\nhint: did you mean `library`?"
    );
    let plan = delete_repository(&folder, "library").unwrap();
    assert!(plan.notes.iter().any(|note| note.starts_with("tests/access.yaml:3: this access test fails")), "{plan:?}");
    // What cannot be read could not be put back.
    let mut tree = folder.tree.clone();
    tree.files.insert("repos/solo.yaml".into(), Content::Bytes([0xff].as_slice().into()));
    let why = why_not(delete_repository(&Folder::new(tree, folder.now), "solo"));
    assert!(why.starts_with("the configuration has errors where this would change it\nrepos/solo.yaml: "), "{why}");
    // One whose file is broken may go.
    let broken = company_with(&[("repos/solo.yaml", "repo: [\n")]);
    assert!(delete_repository(&broken, "solo").is_ok());
    // Tests that only name it are warned of.
    let named = company_with(&[("tests/access.yaml", "tests: [{as: admin, cannot: pull, image: solo}]\n")]);
    let plan = delete_repository(&named, "solo").unwrap();
    assert_eq!(
        plan.notes[1],
        "tests/access.yaml:1: no repository serves the image `solo`; nobody can do anything with it: every `cannot` holds, and no `can` (unserved-image)"
    );
}

#[test]
fn grants_are_added_for_every_kind_of_subject() {
    let folder = company();
    let plan = grant(&folder, &granted("solo", "jane", &["write", "repository:app:v*:delete"], None)).unwrap();
    assert_eq!(diff(&plan), "repos/solo.yaml\n+    jane: [write, repository:app:v*:delete]\n");
    assert_eq!(plan.message[0], "Grant `write` and `repository:app:v*:delete` in `solo` to `jane`");
    let plan = grant(&folder, &granted("solo", "*", &["read"], None)).unwrap();
    assert_eq!(diff(&plan), "repos/solo.yaml\n+    \"*\": [read]\n");
    assert_eq!(plan.message[1], "whoever is not signed in may now pull `solo/**`");
    let plan = grant(&folder, &granted("solo", "/dves", &["read"], Some("5d"))).unwrap();
    assert_eq!(diff(&plan), "repos/solo.yaml\n+    /dves: [{allow: read, until: 2026-11-27}]\n");
    assert_eq!(
        plan.notes,
        ["repos/solo.yaml:5: nobody is in the group `dves`; did you mean `/devs`? (unmatched-group)"],
        "an end is just what was asked for"
    );
    let reason = GrantRequest { because: Some("hotfix: INC-42".to_owned()), ..granted("solo", "/*", &["d"], None) };
    let plan = grant(&folder, &reason).unwrap();
    assert_eq!(diff(&plan), "repos/solo.yaml\n+    /*: [{allow: d, because: \"hotfix: INC-42\"}]\n");
}

#[test]
fn only_the_very_entry_of_a_subject_counts() {
    let folder = company();
    // By `/*` jane may pull already; by a group, too. It is written all the same, and told.
    let plan = grant(&folder, &granted("library", "jane", &["read"], None)).unwrap();
    assert_eq!(diff(&plan), "repos/library.yaml\n+      - read\n");
    assert_eq!(
        plan.notes,
        [
            "repos/library.yaml:10: anybody who is signed in (`/*`) may do this already, `read` by `read` in line 4; remove this entry, or narrow the other one (redundant-grant)"
        ]
    );
    let plan = grant(&folder, &granted("team", "jane", &["read"], None)).unwrap();
    assert!(diff(&plan).contains("+    jane:"), "{}", diff(&plan));
    // What is limited to images or tags is another entry.
    let plan = grant(&folder, &granted("team", "ci", &["repository:app:push"], None)).unwrap();
    assert_eq!(diff(&plan), "repos/team.yaml\n+      - repository:app:push\n");
    // The same by another word, and what another entry of the subject includes, is there.
    let plan = grant(&folder, &granted("library", "ci", &["pull", "deploy"], None)).unwrap();
    assert_eq!((plan.files.len(), plan.message[0].as_str()), (0, "`ci` has `pull` and `deploy` in `library` already"));
    let plan = grant(&folder, &granted("library", "ci", &["repository:app:push"], None)).unwrap();
    assert!(plan.files.is_empty());
    assert_eq!(plan.notes, ["`write` includes `repository:app:push`"]);
}

#[test]
fn entries_that_end_are_given_another_end() {
    let folder = company();
    // It has ended, so that it is not nothing to change.
    let plan = grant(&folder, &granted("team", "ci", &["write"], None)).unwrap();
    assert_eq!(diff(&plan), "repos/team.yaml\n-      - {allow: write, until: 2026-11-01}\n+      - {allow: write}\n");
    assert_eq!(plan.notes[0], "`write` for `ci` has ended at the end of 2026-11-01; now it holds without an end");
    let plan = grant(&folder, &granted("team", "ci", &["push"], Some("2027-03-01"))).unwrap();
    assert_eq!(
        diff(&plan),
        "repos/team.yaml\n-      - {allow: write, until: 2026-11-01}\n+      - {allow: write, until: 2027-03-01}\n"
    );
    assert_eq!(plan.notes[0], "`push` for `ci` has ended at the end of 2026-11-01; now it holds until 2027-03-01");
    // The reason stays.
    let plan = grant(&folder, &granted("team", "ci", &["delete"], Some("2027-03-01"))).unwrap();
    assert_eq!(
        diff(&plan),
        "repos/team.yaml\n\
         -      - {allow: delete, until: 2026-12-24, because: cleaning up}\n\
         +      - {allow: delete, until: 2027-03-01, because: cleaning up}\n"
    );
    assert_eq!(plan.notes[0], "`delete` for `ci` would end at the end of 2026-12-24; now it holds until 2027-03-01");
    let plan = grant(&folder, &granted("team", "ci", &["delete"], Some("2026-12-24"))).unwrap();
    assert!(plan.files.is_empty() && plan.message[0].ends_with("in `team` already"));
    assert_eq!(
        why_not(grant(&folder, &granted("library", "ci", &["push"], Some("90d")))),
        "`ci` has `write` in `library` without an end\n\
         hint: to let it end: `portolan repository revoke library ci 'write'` first"
    );
}

#[test]
fn a_renewed_entry_stays_where_it_is_with_its_comments() {
    let text = "repo:\n  type: docker\n  permissions:\n    ci:\n      - read     # they pull\n      \
        # and they push, since 2025\n      - allow: write\n        # renewed each year\n        \
        until: 2026-12-01\n        because: nightly\n      - delete   # and clean up\n";
    let folder = company_with(&[("repos/solo.yaml", text)]);
    let plan = grant(&folder, &granted("solo", "ci", &["write"], Some("90d"))).unwrap();
    assert_eq!(
        diff(&plan),
        "repos/solo.yaml\n-        until: 2026-12-01\n+        until: 2027-02-20\n",
        "the smallest change"
    );
    assert_eq!(plan.message[1], "`ci` may now push, overwrite `solo/**` for longer, until 2027-02-20");
    let because =
        GrantRequest { because: Some("by hand".to_owned()), ..granted("solo", "ci", &["write"], Some("90d")) };
    assert_eq!(
        diff(&grant(&folder, &because).unwrap()),
        "repos/solo.yaml\n\
         -        until: 2026-12-01\n\
         -        because: nightly\n\
         +        until: 2027-02-20\n\
         +        because: by hand\n"
    );
    // Of two alike the one that ends last is renewed; another operation comes to the end.
    let twice =
        "repo: {type: docker, permissions: {ci: [{allow: r, until: 2026-11-01}, {allow: read, until: 2026-12-01}]}}\n";
    let plan = grant(
        &company_with(&[("repos/solo.yaml", twice)]),
        &granted("solo", "ci", &["read", "delete"], Some("2027-01-01")),
    );
    let written = plan.unwrap().files["repos/solo.yaml"].after.clone().unwrap();
    let ends = "{allow: r, until: 2026-11-01}, {allow: read, until: 2027-01-01}, {allow: delete, until: 2027-01-01}";
    assert!(written.contains(ends), "{written}");
}

#[test]
fn words_of_the_wrong_form_are_refused() {
    let folder = company();
    let refused =
        |who: &str, operations: &[&str], until| why_not(grant(&folder, &granted("solo", who, operations, until)));
    assert_eq!(refused("jane", &["raed"], None), "unknown operation `raed`\nhint: did you mean `read`?");
    assert_eq!(
        refused("jane", &["repository:app:v*:pull"], None),
        "`pull` cannot be limited to tags: an image can also be pulled by digest\nhint: did you mean `repository:app:pull`?"
    );
    assert!(refused("jane", &[], None).starts_with("no operation is named\n"));
    assert!(refused("a b", &["read"], None).starts_with("`a b` names nobody\n"));
    assert_eq!(refused("jnae", &["read"], None), "there is no user `jnae`\nhint: did you mean `jane`?");
    assert_eq!(refused("devs", &["read"], None), "there is no user `devs`\nhint: a group is written `/devs`");
    assert!(refused("jane", &["read"], Some("2026-11-21")).starts_with("`2026-11-21` is past\n"));
    assert!(refused("jane", &["read"], Some("x")).starts_with("`x` is neither a date"));
    let multiline = GrantRequest { because: Some("a\nb".to_owned()), ..granted("solo", "jane", &["read"], None) };
    assert!(why_not(grant(&folder, &multiline)).starts_with("a reason stands on one line"));
    let none = company_with(&[("repos/all.yaml", "repo: {type: docker, prefix: '', permissions: {}}\n")]);
    let why = why_not(grant(&none, &granted("all", "jane", &["repository:.:pull"], None)));
    assert!(why.contains("repos/all.yaml: `.` is no image here"), "{why}");
}

#[test]
fn an_open_repository_is_closed_on_purpose_only() {
    let folder = company();
    let request = granted("open", "ci", &["read"], None);
    assert_eq!(
        why_not(grant(&folder, &request)),
        "`open` has no permissions section: everybody may do everything, and a grant would end that\n\
         hint: if it is to be closed to everybody else, give `--close`"
    );
    let plan = grant(&folder, &GrantRequest { close: true, ..request }).unwrap();
    assert_eq!(diff(&plan), "repos/open.yaml\n+  permissions:\n+    ci: [read]\n");
    assert!(plan.notes[0].starts_with("`open` was open to everybody"), "{plan:?}");
    assert!(plan.message.iter().any(|line| line.starts_with("whoever is not signed in may no longer ")), "{plan:?}");
    // An empty section, however it is written, is one.
    for text in ["repo:\n  type: docker\n  permissions:\n", "repo:\n  type: docker\n  permissions: {}\n"] {
        let plan = grant(&company_with(&[("repos/open.yaml", text)]), &granted("open", "ci", &["read"], None)).unwrap();
        let written = plan.files["repos/open.yaml"].after.clone().unwrap();
        assert!(
            written.starts_with("repo:\n  type: docker\n  permissions:") && written.contains("ci: [read]"),
            "{written}"
        );
    }
}

#[test]
fn entries_are_revoked_by_their_meaning() {
    let folder = company();
    let plan = revoke(&folder, &revoked("library", "ci", &["pull"])).unwrap();
    assert_eq!(diff(&plan), "repos/library.yaml\n-      - read\n");
    assert_eq!(plan.message[0], "Revoke `pull` in `library` from `ci`");
    let plan = revoke(&folder, &revoked("library", "ci", &["write", "read"])).unwrap();
    assert_eq!(diff(&plan), "repos/library.yaml\n-    ci:\n-      - write\n-      - read\n");
    let plan = revoke(&folder, &revoked("team", "ci", &["delete", "w"])).unwrap();
    assert_eq!(
        diff(&plan),
        "repos/team.yaml\n\
         -      - {allow: delete, until: 2026-12-24, because: cleaning up}\n\
         -      - {allow: write, until: 2026-11-01}\n"
    );
    let plan = revoke(&folder, &revoked("team", "/devs", &[])).unwrap();
    assert_eq!(diff(&plan), "repos/team.yaml\n-    /devs: [read, write]\n");
    assert_eq!(plan.message[0], "Revoke everything in `team` from `/devs`");
    assert_eq!(plan.message[1], "`jane` may no longer pull, push, overwrite `team/**`");
}

#[test]
fn the_last_grant_leaves_an_empty_section() {
    let folder = company();
    for operations in [&["read"][..], &[]] {
        let plan = revoke(&folder, &revoked("solo", "ci", operations)).unwrap();
        assert_eq!(diff(&plan), "repos/solo.yaml\n-  permissions:\n-    ci: [read]\n+  permissions: {}\n");
        let after = after(&folder, &plan);
        let snapshot = &after.model().unwrap().snapshot;
        let solo = snapshot.repositories().iter().find(|found| &*found.name == "solo").unwrap();
        assert!(matches!(solo.access, Access::Granted(_)));
    }
}

#[test]
fn what_is_not_there_cannot_be_revoked() {
    let folder = company();
    let refused = |repository: &str, who: &str, operations: &[&str]| {
        why_not(revoke(&folder, &revoked(repository, who, operations)))
    };
    assert_eq!(
        refused("team", "jane", &[]),
        "nothing is granted to `jane` in `team`\nhint: something is granted there to `/devs` and `ci`"
    );
    assert_eq!(refused("team", "/dev", &[]), "nothing is granted to `/dev` in `team`\nhint: did you mean `/devs`?");
    assert_eq!(refused("team", "devs", &[]), "nothing is granted to `devs` in `team`\nhint: did you mean `/devs`?");
    assert_eq!(
        refused("library", "ci", &["read", "delete"]),
        "`ci` has no entry `delete` in `library`\nhint: there is `write` and `read`"
    );
    // A part of what an entry allows is no entry.
    assert_eq!(
        refused("library", "ci", &["repository:app:pull"]),
        "`ci` has no entry `repository:app:pull` in `library`\nhint: there is `write` and `read`"
    );
    assert_eq!(refused("library", "ci", &["raed"]), "unknown operation `raed`\nhint: did you mean `read`?");
    assert!(refused("open", "ci", &[]).starts_with("`open` has no permissions section"));
    assert!(refused("tema", "ci", &[]).starts_with("there is no repository `tema`"));
    let empty = company_with(&[("repos/solo.yaml", "repo: {type: docker, permissions: {}}\n")]);
    let why = why_not(revoke(&empty, &revoked("solo", "ci", &[])));
    assert_eq!(why, "nothing is granted to `ci` in `solo`\nhint: nothing is granted there to anybody");
}

#[test]
fn shared_lists_are_left_to_people() {
    let text = "repo:\n  type: docker\n  permissions:\n    ci: &robots [read, delete]\n    jane: *robots\n";
    let shared = company_with(&[("repos/solo.yaml", text)]);
    for (result, line) in [
        (revoke(&shared, &revoked("solo", "jane", &["delete"])), 5),
        (revoke(&shared, &revoked("solo", "ci", &["delete"])), 4),
        (revoke(&shared, &revoked("solo", "ci", &[])), 4),
        (grant(&shared, &granted("solo", "jane", &["write"], None)), 5),
    ] {
        let Err(Refused::Text { file, line: found, hint, .. }) = &result else { panic!("{result:?}") };
        assert_eq!((&**file, *found), ("repos/solo.yaml", line), "{result:?}");
        assert!(!hint.is_empty());
    }
    assert!(revoke(&shared, &revoked("solo", "jane", &[])).is_ok());
}
