//! What each function makes of the files, and what it refuses.

use super::*;
use crate::config::Content;
use crate::edit::testing::{PASSWORD, after, company, company_with, diff, folder, why, words};
use crate::edit::{Folder, Password, Plan, Refused};

fn person(name: &str, password: &str) -> AddUser {
    AddUser { name: Some(name.to_owned()), secret: NewUserSecret::Password(Password::new(password)), ..machine(None) }
}

fn machine(name: Option<&str>) -> AddUser {
    AddUser {
        name: name.map(str::to_owned),
        secret: NewUserSecret::Generate,
        email: None,
        groups: Vec::new(),
        admin: false,
        expires: None,
        description: None,
        pull: Vec::new(),
        push: Vec::new(),
    }
}

fn attached(user: &str, pull: &[&str], push: &[&str]) -> Attach {
    Attach { user: user.to_owned(), pull: words(pull), push: words(push) }
}

fn edit(user: &str, expires: Option<Expiry>, description: Option<&str>, email: Option<&str>) -> EditUser {
    EditUser {
        user: user.to_owned(),
        expires,
        description: description.map(str::to_owned),
        email: email.map(str::to_owned),
    }
}

fn until(text: &str) -> Option<Expiry> {
    Some(Expiry::At(text.to_owned()))
}

fn refused(result: Result<Plan, Refused>) -> String {
    why(result.unwrap_err())
}

/// The notes of a plan, one a line.
fn notes(plan: &Plan) -> String {
    plan.notes.join("\n")
}

fn is_enabled_admin(folder: &Folder, name: &str) -> bool {
    let user = folder.user(name).unwrap();
    user.admin && user.is_active(folder.now)
}

#[test]
fn a_person_is_added_behind_the_others() {
    let mut request = person("Rita", "Lighthouse7");
    request.email = Some("rita@example.com".to_owned());
    request.groups = words(&["/devs", "ops", "devs"]);
    request.expires = Some("90d".to_owned());
    request.description = Some("on loan: until spring".to_owned());
    let folder = company();
    let plan = add_user(&folder, &request).unwrap();
    assert_eq!(
        diff(&plan),
        "credentials.yaml\n\
         +\n\
         +  Rita:\n\
         +    type: argon2\n\
         +    pass: NEW\n\
         +    email: rita@example.com\n\
         +    groups: [devs, ops]\n\
         +    description: \"on loan: until spring\"\n\
         +    expires: 2027-02-20\n"
    );
    assert_eq!(plan.message[0], "Create the user `Rita`");
    assert!(
        plan.message[1..].contains(&"`Rita` may now pull, push, overwrite `team/**` until 2027-02-20".to_owned()),
        "{:#?}",
        plan.message
    );
    assert!(plan.secret.is_none());
    let after = after(&folder, &plan);
    assert!(after.user("Rita").unwrap().secrets[0].hash.verify("Lighthouse7"));
}

#[test]
fn a_machine_is_made_with_a_secret_and_its_repositories() {
    let mut request = machine(Some("ci-web"));
    request.pull = words(&["library", "team"]);
    request.push = words(&["team"]);
    request.expires = Some("12h".to_owned());
    let folder = company();
    let plan = add_user(&folder, &request).unwrap();
    assert_eq!(
        diff(&plan),
        "credentials.yaml\n\
         +\n\
         +  ci-web:\n\
         +    type: argon2\n\
         +    pass: NEW\n\
         +    expires: 2026-11-23T05:30:00Z\n\
         repos/library.yaml\n\
         +    ci-web:\n\
         +      - read\n\
         repos/team.yaml\n\
         +    ci-web: [read, write]\n"
    );
    let secret = plan.secret.as_ref().unwrap();
    assert_eq!(secret.user, "ci-web");
    assert!(secret.reveal().starts_with("ptl_"));
    assert!(after(&folder, &plan).user("ci-web").unwrap().secrets[0].hash.verify(secret.reveal()));
    let shown = format!("{plan:?}");
    assert!(!shown.contains(secret.reveal()) && !shown.contains("$argon2id$"), "{shown}");
}

#[test]
fn a_machine_without_a_name_is_given_one() {
    let folder = company();
    let plan = add_user(&folder, &machine(None)).unwrap();
    let name = &plan.secret.as_ref().unwrap().user;
    assert!(name.split('-').count() == 2 && after(&folder, &plan).user(name).is_ok(), "{name}");
    let nameless = AddUser { name: None, ..person("x", "Lighthouse7") };
    assert_eq!(
        refused(add_user(&folder, &nameless)),
        "a user with a password needs a name\nhint: only a machine, with `--generate`, is given one"
    );
}

#[test]
fn a_first_user_makes_the_file() {
    let folder = folder(&[
        ("repos/app.yml", "repo: {type: docker, permissions: {}}\n"),
        ("_storages.yml", "storages: {default: {type: memory}}\n"),
    ]);
    let mut request = person("admin", "Lighthouse7");
    request.admin = true;
    request.push = words(&["app"]);
    let plan = add_user(&folder, &request).unwrap();
    assert_eq!(
        diff(&plan),
        "_credentials.yml (new)\n\
         +credentials:\n\
         +  admin:\n\
         +    type: argon2\n\
         +    pass: NEW\n\
         +    admin: true\n\
         repos/app.yml\n\
         -repo: {type: docker, permissions: {}}\n\
         +repo: {type: docker, permissions: {admin: [read, write]}}\n"
    );
    assert!(plan.files["_credentials.yml"].is_private && !plan.files["repos/app.yml"].is_private);
    assert!(notes(&plan).starts_with("_credentials.yml is new: "), "{}", notes(&plan));
    let empty = super::super::testing::folder(&[]);
    let plan = add_user(&empty, &person("admin", "Lighthouse7")).unwrap();
    assert!(diff(&plan).starts_with(
        "credentials.yaml (new)\n+# yaml-language-server: $schema=.schemas/credentials.schema.json\n+\n+credentials:\n"
    ));
}

#[test]
fn every_rule_that_a_password_does_not_meet_is_named() {
    let strict = company_with(&[("registry.yaml", "passwords: {min_length: 12, digits: 2}\n")]);
    assert_eq!(
        refused(add_user(&strict, &person("rita", "short"))),
        "the password needs at least 12 characters, at least 1 upper-case letter, at least 2 digits\n\
         hint: choose another one; for a machine, `portolan user add --generate` makes a secret"
    );
    let as_named = refused(add_user(&company(), &person("Harbour-2026", "harbour-2026")));
    assert!(
        as_named
            .starts_with("the password needs at least 1 upper-case letter, to be another word than the user's name\n"),
        "{as_named}"
    );
    assert!(refused(add_user(&company(), &person("rita", &"aA1".repeat(43)))).contains("at most 128 characters"));
    assert!(refused(add_user(&company(), &person("rita", ""))).contains("at least 8 characters"));
}

#[test]
fn names_and_addresses_are_unique_whatever_their_case() {
    let folder = company();
    let refused = |request: &AddUser| refused(add_user(&folder, request));
    assert_eq!(
        refused(&machine(Some("jane"))),
        "there is a user `jane` already\nhint: `portolan user show jane` shows them"
    );
    assert_eq!(
        refused(&machine(Some("JANE"))),
        "there is a user `jane` already, who differs from `JANE` in case only\n\
         hint: choose a name that cannot be mixed up with it"
    );
    assert!(refused(&machine(Some("anonymous"))).starts_with("`anonymous` is no name of a user\n"));
    assert!(refused(&machine(Some("-x"))).starts_with("`-x` is no name of a user\n"));
    let with_email = |email: &str| AddUser { email: Some(email.to_owned()), ..machine(Some("rita")) };
    assert_eq!(
        refused(&with_email("Jane@Example.com")),
        "`jane` has the e-mail address `Jane@Example.com` already\n\
         hint: give another address; they are compared without regard to case"
    );
    assert!(refused(&with_email("rita")).starts_with("`rita` is no e-mail address\n"));
}

#[test]
fn words_of_the_wrong_form_are_refused() {
    let folder = company();
    let refused = |request: AddUser| refused(add_user(&folder, &request));
    let request = || machine(Some("rita"));
    assert!(refused(AddUser { groups: words(&["a b"]), ..request() }).starts_with("`a b` is no name of a group\n"));
    assert!(
        refused(AddUser { expires: Some("2026-11-21".to_owned()), ..request() }).starts_with("`2026-11-21` is past\n")
    );
    assert!(refused(AddUser { expires: Some("soon".to_owned()), ..request() }).starts_with("`soon` is neither a date"));
    assert_eq!(
        refused(AddUser { push: words(&["tema"]), ..request() }),
        "there is no repository `tema`\nhint: did you mean `team`?"
    );
    assert!(
        refused(AddUser { description: Some("a\nb".to_owned()), ..request() })
            .starts_with("a description stands on one line")
    );
    assert!(refused(AddUser { pull: words(&["open"]), ..request() }).starts_with("`open` has no permissions section"));
}

#[test]
fn a_name_that_is_granted_something_already_is_noted() {
    let waiting = company_with(&[("repos/wait.yaml", "repo: {type: docker, permissions: {rita: [read]}}\n")]);
    let plan = add_user(&waiting, &machine(Some("rita"))).unwrap();
    assert_eq!(notes(&plan), "repos/wait.yaml grants something to `rita` already");
    let plan = add_user(&company(), &AddUser { groups: words(&["dves"]), ..machine(Some("rita")) }).unwrap();
    assert_eq!(notes(&plan), "`dves` is a new group, to which nothing is granted yet (did you mean `devs`?)");
}

#[test]
fn information_is_changed_key_by_key() {
    let folder = company();
    let plan = edit_user(&folder, &edit("ci", until("2w"), Some("builds"), Some("ci@example.com"))).unwrap();
    assert_eq!(
        diff(&plan),
        "credentials.yaml\n\
         -    description: pushes from CI\n\
         +    description: builds\n\
         +    email: ci@example.com\n\
         +    expires: 2026-12-06\n"
    );
    assert_eq!(plan.message[0], "Change the e-mail address, the description and the end of `ci`");
    let next = after(&folder, &plan);
    let plan = edit_user(&next, &edit("ci", Some(Expiry::Never), Some(""), Some(""))).unwrap();
    assert_eq!(
        diff(&plan),
        "credentials.yaml\n-    description: builds\n-    email: ci@example.com\n-    expires: 2026-12-06\n"
    );
    let plan = edit_user(&next, &edit("ci", until("2026-12-06"), Some("builds"), None)).unwrap();
    assert!(plan.files.is_empty());
    assert_eq!(plan.message, ["all of this is so already for `ci`"]);
    assert!(refused(edit_user(&next, &edit("ci", None, None, None))).starts_with("nothing is to be changed"));
    assert!(refused(edit_user(&next, &edit("ci", None, None, Some("JANE@example.com")))).contains("`jane` has"));
    let same = edit_user(&next, &edit("ci", None, None, Some("CI@example.com"))).unwrap();
    assert!(diff(&same).contains("+    email: CI@example.com"), "one's own address is free");
    assert_eq!(
        refused(edit_user(&next, &edit("jnae", None, Some("x"), None))),
        "there is no user `jnae`\nhint: did you mean `jane`?"
    );
}

#[test]
fn attach_sets_the_named_repositories_and_leaves_the_others() {
    let folder = company();
    let plan = attach(&folder, &attached("ci", &["library", "solo"], &[])).unwrap();
    assert_eq!(diff(&plan), "repos/library.yaml\n-      - write\n", "what fits stays as it is written");
    assert_eq!(
        plan.message,
        ["Attach `ci` to `library` and `solo`", "`ci` may no longer push, overwrite `library/**`"]
    );
    let plan = attach(&folder, &attached("ci", &[], &["solo"])).unwrap();
    assert_eq!(diff(&plan), "repos/solo.yaml\n-    ci: [read]\n+    ci: [read, write]\n");
    let plan = attach(&folder, &attached("jane", &["solo"], &[])).unwrap();
    assert_eq!(diff(&plan), "repos/solo.yaml\n+    jane: [read]\n");
    let plan = attach(&folder, &attached("ci", &[], &["library"])).unwrap();
    assert_eq!((diff(&plan).as_str(), plan.message[0].as_str()), ("", "`ci` has just this already"));
}

#[test]
fn attach_replaces_plain_entries_that_end_and_names_what_it_leaves() {
    let plan = attach(&company(), &attached("ci", &["team"], &["team"])).unwrap();
    assert_eq!(
        diff(&plan),
        "repos/team.yaml\n\
         -      - {allow: write, until: 2026-11-01}\n\
         +      - {allow: write}\n\
         +      - read\n"
    );
    assert_eq!(
        plan.notes[..2],
        [
            "`write` for `ci` in `team` had ended at the end of 2026-11-01, and holds without an end now",
            "`ci` keeps `repository:app:v*:push` and `delete` in `team`; \
             `portolan repository revoke` takes it away if it is not meant",
        ]
    );
    let limited = "repo:\n  type: docker\n  permissions:\n    ci:\n      - {allow: read, until: 2026-12-24}\n";
    let plan = attach(&company_with(&[("repos/solo.yaml", limited)]), &attached("ci", &["solo"], &[])).unwrap();
    assert_eq!(diff(&plan), "repos/solo.yaml\n-      - {allow: read, until: 2026-12-24}\n+      - {allow: read}\n");
    assert_eq!(
        plan.notes,
        ["`read` for `ci` in `solo` would have ended at the end of 2026-12-24, and holds without an end now"]
    );
    assert_eq!(plan.message[1], "`ci` may now pull `solo/**` for longer, without an end");
    // `*` gives both: nothing has to be added, and it is named.
    let all = company_with(&[("repos/solo.yaml", "repo: {type: docker, permissions: {ci: ['*', read]}}\n")]);
    let plan = attach(&all, &attached("ci", &["solo"], &[])).unwrap();
    assert!(plan.files.is_empty() && notes(&plan).starts_with("`ci` keeps `*` in `solo`"), "{plan:?}");
    let plan = attach(&all, &attached("ci", &[], &["solo"])).unwrap();
    assert!(plan.files.is_empty(), "{plan:?}");
}

#[test]
fn what_cannot_be_attached_is_refused() {
    let folder = company();
    assert!(refused(attach(&folder, &attached("ci", &[], &[]))).starts_with("no repository is named\n"));
    assert!(refused(attach(&folder, &attached("cii", &["team"], &[]))).starts_with("there is no user `cii`\n"));
    assert_eq!(
        refused(attach(&folder, &attached("ci", &["open"], &[]))),
        "`open` has no permissions section, and everybody may do everything there\n\
         hint: to close it to everybody else: `portolan repository grant open WHO OPERATION --close`"
    );
}

#[test]
fn detach_takes_every_entry_away_and_never_the_section() {
    let folder = company();
    let plan = detach(&folder, "ci", &words(&["team", "solo", "team"])).unwrap();
    assert_eq!(
        diff(&plan),
        "repos/solo.yaml\n\
         -  permissions:\n\
         -    ci: [read]\n\
         +  permissions: {}\n\
         repos/team.yaml\n\
         -    ci:\n\
         -      - repository:app:v*:push   # releases\n\
         -      - {allow: delete, until: 2026-12-24, because: cleaning up}\n\
         -      - {allow: write, until: 2026-11-01}\n"
    );
    assert_eq!(plan.message[0], "Detach `ci` from `solo` and `team`");
    let plan = detach(&folder, "ci", &words(&["library"])).unwrap();
    assert_eq!(notes(&plan), "`ci` still has what `/*` gives in `library`");
    assert_eq!(
        refused(detach(&folder, "jane", &words(&["team"]))),
        "nothing is granted to `jane` by name in `team`\nhint: `jane` is attached to `library`"
    );
    assert!(refused(detach(&folder, "admin", &words(&["team"]))).ends_with("by name anywhere"));
    assert!(refused(detach(&folder, "ci", &words(&["tema"]))).starts_with("there is no repository `tema`"));
    assert!(refused(detach(&folder, "ci", &[])).starts_with("no repository is named"));
}

#[test]
fn a_rotation_ends_the_old_secret_or_lets_it_overlap() {
    let folder = company();
    let plan = rotate(&folder, "ci", None).unwrap();
    assert_eq!(diff(&plan), "credentials.yaml\n-    pass: HASH\n+    pass: NEW\n");
    assert_eq!(plan.message, ["Rotate the secret of `ci`"]);
    let plan = rotate(&folder, "ci", Some("24h")).unwrap();
    assert_eq!(
        diff(&plan),
        "credentials.yaml\n\
         -    pass: HASH\n\
         +    pass: NEW\n\
         +    previous:\n\
         +      type: argon2\n\
         +      pass: HASH\n\
         +      until: 2026-11-23T17:30:00Z\n"
    );
    assert_eq!(
        plan.message,
        ["Rotate the secret of `ci`", "the old secret of `ci` holds until 2026-11-23T17:30:00Z"],
        "a commit says it, too"
    );
    let next = after(&folder, &plan);
    let user = next.user("ci").unwrap();
    let secret = plan.secret.unwrap();
    assert!(user.secrets[0].hash.verify(secret.reveal()) && user.secrets[1].hash.verify(PASSWORD));
    // Once more, at once: the one of before is gone.
    let plan = rotate(&next, "ci", None).unwrap();
    assert_eq!(after(&next, &plan).user("ci").unwrap().secrets.len(), 1);
    assert_eq!(notes(&plan), "the secret of before the last rotation of `ci` ends at once");
    for overlap in ["0h", "soon", "2026-12-01"] {
        assert!(refused(rotate(&folder, "ci", Some(overlap))).contains("is no duration"), "{overlap}");
    }
    assert!(refused(rotate(&folder, "ci", Some("99999d"))).starts_with("`99999d` is too long\n"));
    assert!(refused(rotate(&folder, "c1", None)).starts_with("there is no user `c1`"));
}

#[test]
fn an_old_secret_in_plain_text_is_kept_as_a_hash() {
    for text in [
        "credentials:\n  ci: {pass: 'plain:Harbour-2025'}\n",
        "credentials:\n  ci:\n    pass: plain:Harbour-2025\n",
        "credentials:\n  ci:\n    email: x@y\n    pass: plain:Harbour-2025   # from the safe\n    groups: [a]\n",
        "credentials:\n  ci: {type: plain, pass: Harbour-2025}\n",
    ] {
        let plain = folder(&[("credentials.yaml", text)]);
        let plan = rotate(&plain, "ci", Some("1h")).unwrap();
        let written = plan.files["credentials.yaml"].after.clone().unwrap();
        assert!(!written.contains("Harbour-2025"), "{written}");
        let is_before = written.find("type:").unwrap() < written.find("pass:").unwrap();
        assert!(is_before || written.contains("# from the safe"), "{written}");
        let after = after(&plain, &plan);
        let user = after.user("ci").unwrap();
        assert!(user.secrets[1].hash.verify("Harbour-2025"));
        assert!(user.secrets[0].hash.verify(plan.secret.as_ref().unwrap().reveal()));
        assert!(notes(&plan).starts_with("the old secret of `ci` stood there in plain text, and is kept as a hash"));
    }
    let hex = "0123456789abcdef".repeat(4);
    let unsalted = folder(&[("credentials.yaml", &format!("credentials:\n  ci: {{type: sha256, pass: '{hex}'}}\n"))]);
    let plan = rotate(&unsalted, "ci", Some("1h")).unwrap();
    assert!(plan.files["credentials.yaml"].after.clone().unwrap().contains(&hex));
    assert!(notes(&plan).starts_with("the old secret of `ci` is kept as `sha256`, which is easily guessed"));
}

#[test]
fn whoever_cannot_sign_in_is_told_why() {
    let text = "credentials:\n  admin: {type: argon2, pass: 'HASH', admin: true}\n  \
        a: {type: argon2, pass: 'HASH', enabled: false}\n  b: {type: argon2, pass: 'HASH', expires: 2026-11-01}\n  \
        c: {type: argon2, pass: 'HASH', expires: 2026-11-01T10:00:00Z, enabled: false}\n";
    let folder = folder(&[("credentials.yaml", text)]);
    for (user, why) in [
        ("a", "is disabled"),
        ("b", "has expired at the end of 2026-11-01"),
        ("c", "is disabled and has expired at 2026-11-01T10:00:00Z"),
    ] {
        let plan = rotate(&folder, user, None).unwrap();
        assert_eq!(notes(&plan), format!("`{user}` {why}, and cannot sign in with it"));
    }
}

#[test]
fn a_password_has_nothing_in_it_that_is_not_seen() {
    for (password, why) in [("\u{feff}Lighthouse7", "byte order mark"), ("Light\0house7", "control characters")] {
        let why_not = refused(set_password(&company(), "jane", &Password::new(password)));
        assert!(why_not.starts_with("the password needs to be without ") && why_not.contains(why), "{why_not}");
        assert!(why_not.ends_with("`portolan user rotate` makes a secret"), "{why_not}");
        assert!(refused(add_user(&company(), &person("rita", password))).contains(why));
    }
}

#[test]
fn a_new_user_is_told_what_anybody_may_do() {
    let folder = company();
    let plan = add_user(&folder, &machine(Some("rita"))).unwrap();
    assert_eq!(
        plan.message.last().unwrap(),
        "`rita` may do what anybody who is signed in may: 2 repositories",
        "`library` for `/*`, and `open`"
    );
    let admin = add_user(&folder, &AddUser { admin: true, ..machine(Some("root")) }).unwrap();
    assert!(!admin.message.iter().any(|line| line.contains("anybody")), "{admin:?}");
}

#[test]
fn what_files_grant_that_cannot_be_compiled_is_told_of_a_name() {
    let twice = "repo: {type: docker, permissions: {ci: [read]}}\n";
    let broken = company_with(&[
        ("repos/solo.yaml", twice),
        ("repos/solo.yml", twice),
        ("repos/x.yaml", "repo: {permissions: {ci-2: [raed], 'rita': [raed]}}\n"),
    ]);
    let mut tree = broken.tree.clone();
    tree.files.insert("repos/bytes.yaml".into(), Content::Bytes([0xff].as_slice().into()));
    tree.files.insert("repos/large.yaml".into(), Content::TooLarge { bytes: 1 << 30 });
    let broken = Folder::new(tree, broken.now);
    let files = |plan: &Plan| -> Vec<String> {
        let files =
            plan.notes.iter().filter_map(|note| note.split_once(" has errors").or(note.split_once(" cannot be")));
        files.map(|(file, _)| file.to_owned()).collect()
    };
    let deleted = delete_users(&broken, &words(&["ci"])).unwrap();
    assert_eq!(files(&deleted), ["repos/bytes.yaml", "repos/large.yaml", "repos/solo.yaml", "repos/solo.yml"]);
    // Who has the name next is told the same.
    let without = after(&broken, &deleted);
    let again = add_user(&without, &machine(Some("ci"))).unwrap();
    assert_eq!(files(&again), files(&deleted), "{again:?}");
    assert_eq!(
        again.notes[2],
        "repos/solo.yaml has errors: it names `ci`, who is granted what it says once it is mended"
    );
    let other = add_user(&without, &machine(Some("rita"))).unwrap();
    assert_eq!(files(&other), ["repos/bytes.yaml", "repos/large.yaml", "repos/x.yaml"], "only whole words count");
}

#[test]
fn a_password_is_another_one() {
    let folder = company();
    let plan = set_password(&folder, "jane", &Password::new("Lighthouse7")).unwrap();
    assert_eq!(diff(&plan), "credentials.yaml\n-    pass: HASH\n+    pass: NEW\n");
    assert_eq!((plan.message, plan.secret.is_none()), (vec!["Set the password of `jane`".to_owned()], true));
    let same = refused(set_password(&folder, "jane", &Password::new(PASSWORD)));
    assert!(same.starts_with("the password needs to be another one than the old one\n"), "{same}");
    // Nor the one of before a rotation, which is dropped.
    let rotated = after(&folder, &rotate(&folder, "jane", Some("7d")).unwrap());
    assert!(refused(set_password(&rotated, "jane", &Password::new(PASSWORD))).contains("another one than the old one"));
    let plan = set_password(&rotated, "jane", &Password::new("Lighthouse7")).unwrap();
    assert_eq!(after(&rotated, &plan).user("jane").unwrap().secrets.len(), 1);
    assert!(diff(&plan).contains("-    previous:"));
}

#[test]
fn disabling_and_enabling_leave_the_file_as_it_was() {
    let folder = company();
    let plan = disable(&folder, "ci").unwrap();
    assert_eq!(diff(&plan), "credentials.yaml\n+    enabled: false\n");
    assert!(plan.message.contains(&"`ci` may no longer sign in".to_owned()), "{:?}", plan.message);
    assert_eq!(plan.message[0], "Disable the user `ci`");
    let disabled = after(&folder, &plan);
    assert_eq!(disable(&disabled, "ci").unwrap().message, ["`ci` is disabled already"]);
    let plan = enable(&disabled, "ci").unwrap();
    assert_eq!(diff(&plan), "credentials.yaml\n-    enabled: false\n");
    assert_eq!(plan.files["credentials.yaml"].after, folder.compiled.sources.get("credentials.yaml").cloned());
    assert_eq!(enable(&folder, "ci").unwrap().message, ["`ci` is enabled already"]);
}

#[test]
fn groups_are_joined_and_left() {
    let folder = company();
    let plan = join(&folder, "ci", &words(&["devs", "/night"])).unwrap();
    assert_eq!(diff(&plan), "credentials.yaml\n+    groups: [devs, night]\n");
    assert_eq!(plan.message[0], "Put `ci` into the groups `devs` and `night`");
    assert_eq!(plan.message[1], "`ci` may now pull, push, overwrite `team/**`");
    assert_eq!(
        plan.notes,
        [
            "`night` is a new group, to which nothing is granted yet",
            "repos/team.yaml:6: everybody in the group `devs` may do this already, `repository:app:v*:push` by `write` in line 4; remove this entry, or narrow the other one (redundant-grant)",
            "repos/team.yaml:8: everybody in the group `devs` may do this already, `write` by `write` in line 4; remove this entry, or narrow the other one (redundant-grant)",
        ],
        "warnings that the change brings are told"
    );
    let plan = join(&folder, "jane", &words(&["ops", "qa"])).unwrap();
    assert_eq!(diff(&plan), "credentials.yaml\n-    groups: [devs, ops]\n+    groups: [devs, ops, qa]\n");
    assert_eq!(join(&folder, "jane", &words(&["devs"])).unwrap().message, ["`jane` is in `devs` already"]);
    let plan = leave(&folder, "jane", &words(&["/devs"])).unwrap();
    assert_eq!(diff(&plan), "credentials.yaml\n-    groups: [devs, ops]\n+    groups: [ops]\n");
    let plan = leave(&folder, "jane", &words(&["devs", "ops"])).unwrap();
    assert_eq!(diff(&plan), "credentials.yaml\n-    groups: [devs, ops]\n");
    assert_eq!(
        refused(leave(&folder, "jane", &words(&["dves"]))),
        "`jane` is not in the group `dves`\nhint: did you mean `devs`?"
    );
    assert_eq!(
        refused(leave(&folder, "ci", &words(&["devs"]))),
        "`ci` is not in the group `devs`\nhint: the user is in no group"
    );
    assert!(refused(join(&folder, "ci", &[])).starts_with("no group is named"));
}

#[test]
fn admins_come_and_go() {
    let folder = company();
    let plan = promote(&folder, "jane").unwrap();
    assert_eq!(diff(&plan), "credentials.yaml\n+    admin: true\n");
    assert_eq!(plan.message[..2], ["Make `jane` an admin", "`jane` is now an admin, who may do everything"]);
    let next = after(&folder, &plan);
    assert!(is_enabled_admin(&next, "jane"));
    assert_eq!(promote(&next, "jane").unwrap().message, ["`jane` is an admin already"]);
    let plan = demote(&next, "admin").unwrap();
    assert_eq!(diff(&plan), "credentials.yaml\n-    admin: true                  # may do everything\n");
    assert_eq!(notes(&plan), "nothing is granted to `admin` or to a group of theirs");
    assert_eq!(demote(&folder, "jane").unwrap().message, ["`jane` is no admin"]);
}

#[test]
fn the_last_admin_stays() {
    let folder = company();
    let none_left = "no admin who can sign in would be left\n\
                     hint: make another user an admin first: `portolan user promote NAME`";
    assert_eq!(refused(demote(&folder, "admin")), none_left);
    assert_eq!(refused(disable(&folder, "admin")), none_left);
    assert_eq!(refused(delete_users(&folder, &words(&["admin"]))), none_left);
    for end in ["2027-01-01", "90d", "12h"] {
        let why = refused(edit_user(&folder, &edit("admin", until(end), None, None)));
        assert!(why.starts_with("`admin` is the only admin who can sign in, and cannot be given an end"), "{why}");
    }
    // With a second one who expires, somebody must stay who does not.
    let second = after(&folder, &promote(&folder, "jane").unwrap());
    let expiring = after(&second, &edit_user(&second, &edit("jane", until("90d"), None, None)).unwrap());
    let only_expiring = "no admin would be left who does not expire";
    for result in [
        demote(&expiring, "admin"),
        disable(&expiring, "admin"),
        delete_users(&expiring, &words(&["admin"])),
        edit_user(&expiring, &edit("admin", until("90d"), None, None)),
    ] {
        let why = refused(result);
        assert!(why.starts_with(only_expiring), "{why}");
    }
    assert!(delete_users(&second, &words(&["jane", "admin"])).is_err());
    assert!(demote(&second, "admin").is_ok() && demote(&expiring, "jane").is_ok());
    // Where there was none before, nothing is refused for that.
    let without = super::super::testing::folder(&[(
        "credentials.yaml",
        "credentials:\n  old: {type: argon2, pass: 'HASH', admin: true, enabled: false}\n  ci: {type: argon2, pass: 'HASH'}\n",
    )]);
    assert!(demote(&without, "old").is_ok() && delete_users(&without, &words(&["old", "ci"])).is_ok());
}

#[test]
fn that_all_admins_end_sooner_is_told() {
    let folder = folder(&[(
        "credentials.yaml",
        "credentials:\n  root: {type: argon2, pass: 'HASH', admin: true, expires: 2031-01-01}\n  \
            jane: {type: argon2, pass: 'HASH', admin: true, expires: 2026-11-24}\n",
    )]);
    for plan in [
        delete_users(&folder, &words(&["root"])),
        disable(&folder, "root"),
        edit_user(&folder, &edit("root", until("1h"), None, None)),
    ] {
        let told = "the last admin expires at the end of 2026-11-24, sooner than before; make another user";
        assert!(notes(&plan.unwrap()).contains(told));
    }
    assert!(!notes(&disable(&folder, "jane").unwrap()).contains("the last admin"));
    assert!(!format!("{folder:?}").contains("argon2"), "a folder shows none of its texts");
}

#[test]
fn an_expired_user_is_locked_until_the_date_is_moved() {
    let text = "credentials:\n  old: {type: argon2, pass: 'HASH', expires: 2026-11-01, enabled: false}\n";
    let folder = folder(&[("credentials.yaml", text)]);
    let plan = enable(&folder, "old").unwrap();
    assert_eq!(
        diff(&plan),
        "credentials.yaml\n-  old: {type: argon2, pass: 'HASH', expires: 2026-11-01, enabled: false}\n+  old: {type: argon2, pass: 'HASH', expires: 2026-11-01}\n"
    );
    assert!(notes(&plan).starts_with("`old` has expired at the end of 2026-11-01 and stays locked out"), "{plan:?}");
    let enabled = after(&folder, &plan);
    assert!(!enabled.user("old").unwrap().is_active(enabled.now));
    let plan = edit_user(&enabled, &edit("old", until("2027-01-01"), None, None)).unwrap();
    assert!(after(&enabled, &plan).user("old").unwrap().is_active(enabled.now));
}

#[test]
fn deleted_users_leave_no_grant_behind() {
    let folder = company();
    let plan = delete_users(&folder, &words(&["ci"])).unwrap();
    assert_eq!(
        diff(&plan),
        "credentials.yaml\n\
         -\n\
         -  ci:\n\
         -    type: argon2\n\
         -    pass: HASH\n\
         -    description: pushes from CI\n\
         repos/library.yaml\n\
         -    ci:\n\
         -      - write\n\
         -      - read\n\
         repos/solo.yaml\n\
         -  permissions:\n\
         -    ci: [read]\n\
         +  permissions: {}\n\
         repos/team.yaml\n\
         -    ci:\n\
         -      - repository:app:v*:push   # releases\n\
         -      - {allow: delete, until: 2026-12-24, because: cleaning up}\n\
         -      - {allow: write, until: 2026-11-01}\n"
    );
    assert_eq!(plan.message[0], "Delete the user `ci`");
    assert!(plan.message.contains(&"`ci` may no longer sign in".to_owned()), "{:#?}", plan.message);
    assert_eq!(notes(&plan), "what was granted by name in 3 repositories is taken away as well");
}

#[test]
fn several_users_are_deleted_at_once() {
    let both = company_with(&[
        ("repos/solo.yaml", "repo:\n  type: docker\n  permissions:\n    ci: [read]\n    jane: [read]\n"),
        ("tests/access.yaml", "tests: [{as: admin, can: pull, image: team}]\n"),
    ]);
    let plan = delete_users(&both, &words(&["jane", "ci", "jane"])).unwrap();
    assert_eq!(plan.message[0], "Delete the users `ci` and `jane`");
    assert!(
        diff(&plan)
            .contains("repos/solo.yaml\n-  permissions:\n-    ci: [read]\n-    jane: [read]\n+  permissions: {}\n"),
        "{}",
        diff(&plan)
    );
    assert_eq!(after(&both, &plan).user_names(), ["admin"]);
    assert!(refused(delete_users(&both, &words(&["jane", "nobody"]))).starts_with("there is no user `nobody`"));
    assert!(refused(delete_users(&both, &[])).starts_with("no user is named"));
}

#[test]
fn a_user_whom_access_tests_name_is_not_deleted() {
    assert_eq!(
        refused(delete_users(&company(), &words(&["jane"]))),
        "the configuration would have an error after this change, so nothing was changed\n\
         tests/access.yaml: there is no user `jane`\n\
         hint: change these tests first; `portolan user disable jane` locks out at once, without that"
    );
    // That nobody could administer any more comes first.
    let admin = company_with(&[("tests/access.yaml", "tests: [{as: admin, can: push, image: library/alpine}]\n")]);
    assert!(refused(delete_users(&admin, &words(&["admin"]))).starts_with("no admin who can sign in would be left\n"));
}

#[test]
fn access_tests_that_hold_go_on_holding() {
    let folder = company();
    // To swap a right for another one gives something.
    let swapped = company_with(&[("repos/library.yaml", "repo: {type: docker, permissions: {jane: [write]}}\n")]);
    let why = refused(attach(&swapped, &attached("jane", &["library"], &[])));
    assert_eq!(
        why,
        "an access test would fail after this change, so nothing was changed\n\
         tests/access.yaml: `jane` may no longer push `library/alpine:v1`\n\
         hint: if the change is meant, change the tests first; `portolan test` runs them"
    );
    // What only takes rights away is not held up, and told.
    for plan in [disable(&folder, "jane"), detach(&folder, "jane", &words(&["library"]))] {
        let plan = plan.unwrap();
        let told =
            "tests/access.yaml:3: this access test fails from now on: `jane` may no longer push `library/alpine:v1`";
        assert!(plan.notes.iter().any(|note| note == told), "{plan:?}");
        let all = "`portolan test` fails until the tests are changed, in CI as well";
        assert!(plan.notes.iter().any(|note| note == all), "{plan:?}");
    }
    // One that fails already is nobody's fault.
    let failing = company_with(&[("tests/access.yaml", "tests: [{as: jane, cannot: push, image: library/alpine}]\n")]);
    assert!(promote(&failing, "jane").is_ok());
    // `cannot` is held as well, and so is another day.
    let cannot =
        company_with(&[("tests/access.yaml", "tests: [{as: ci, cannot: pull, image: team/app, at: 2026-12-30}]\n")]);
    let why = refused(attach(&cannot, &attached("ci", &["team"], &[])));
    assert!(why.contains("`ci` may then pull `team/app` at 2026-12-30T00:00:00Z"), "{why}");
}

#[test]
fn broken_files_are_not_touched() {
    let broken = company_with(&[("repos/solo.yaml", "repo:\n  type: docker\n  permissions:\n    ci: [raed]\n")]);
    assert!(disable(&broken, "ci").is_ok(), "an error elsewhere is no hindrance");
    let why = refused(attach(&broken, &attached("ci", &["solo"], &[])));
    assert!(
        why.starts_with(
            "the configuration has errors where this would change it\nrepos/solo.yaml: unknown operation `raed`\n"
        ),
        "{why}"
    );
    let plan = delete_users(&broken, &words(&["ci"])).unwrap();
    assert!(
        plan.notes
            .contains(&"repos/solo.yaml has errors and is left as it is: it names `ci`, and whoever has that name next may have what it grants".to_owned()),
        "{plan:?}"
    );
    let broken =
        company_with(&[("credentials.yaml", "credentials:\n  jane: {type: argon2, pass: 'HASH', groups: 7}\n")]);
    let why = refused(disable(&broken, "jane"));
    assert!(why.starts_with("the configuration has errors where this would change it\ncredentials.yaml: "), "{why}");
    let twice = company_with(&[("_credentials.yml", "credentials: {x: {type: argon2, pass: 'HASH'}}\n")]);
    assert!(refused(disable(&twice, "x")).starts_with("the configuration has errors"));
}

#[test]
fn aliases_and_anchors_are_left_to_people() {
    let text = "credentials:\n  a: &robot\n    type: argon2\n    pass: HASH\n  b: *robot\n  c: {type: argon2, pass: 'HASH', groups: &g [x, y]}\n  d: {type: argon2, pass: 'HASH', groups: *g}\n";
    let folder = folder(&[("credentials.yaml", text)]);
    for (result, line) in [
        (disable(&folder, "b"), 5),
        (disable(&folder, "a"), 2),
        (leave(&folder, "d", &words(&["x"])), 7),
        (join(&folder, "c", &words(&["z"])), 6),
        (delete_users(&folder, &words(&["a"])), 2),
    ] {
        let Err(Refused::Text { file, line: found, hint, .. }) = &result else { panic!("{result:?}") };
        assert_eq!((&**file, *found), ("credentials.yaml", line), "{result:?}");
        assert!(!hint.is_empty());
    }
    assert!(delete_users(&folder, &words(&["b"])).is_ok());
    let merged = "credentials:\n  a:\n    <<: {groups: [x]}\n    type: argon2\n    pass: HASH\n";
    let why = refused(disable(&super::super::testing::folder(&[("credentials.yaml", merged)]), "a"));
    assert!(why.starts_with("the configuration has errors"), "{why}");
}
