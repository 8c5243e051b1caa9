//! Folders of a great size, and what holds for all functions.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::testing::{company, folder, now, words};
use super::*;

const USERS: usize = 10_000;
const REPOSITORIES: usize = 2_000;

/// A folder in which every user is attached to a repository, and one to all of them.
fn huge(users: usize, repositories: usize) -> Folder {
    let mut credentials = "credentials:\n  admin:\n    type: argon2\n    pass: HASH\n    admin: true\n".to_owned();
    for user in 0..users {
        let _ = write!(
            credentials,
            "  user-{user}:\n    type: argon2\n    pass: HASH\n    email: user-{user}@example.com\n    groups: [group-{}]\n",
            user % 100
        );
    }
    let file = |repository: usize| {
        let mut text = "repo:\n  type: docker\n  permissions:\n    user-0: [read]\n".to_owned();
        for user in (1..users).filter(|user| user % repositories == repository) {
            let _ = writeln!(text, "    user-{user}: [read, write]");
        }
        (format!("repos/repo-{repository}.yaml"), text)
    };
    let mut files = vec![("credentials.yaml".to_owned(), credentials)];
    files.extend((0..repositories).map(file));
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    folder(&files)
}

/// How long each function takes.
fn each(folder: &Folder) -> Vec<(&'static str, Duration)> {
    let mut taken = Vec::new();
    let mut time = |what: &'static str, work: &dyn Fn() -> bool| {
        let began = Instant::now();
        assert!(work(), "{what}");
        taken.push((what, began.elapsed()));
    };
    let machine = AddUser {
        name: None,
        secret: NewUserSecret::Generate,
        email: Some("new@example.com".to_owned()),
        groups: words(&["group-7"]),
        admin: false,
        expires: None,
        description: None,
        pull: words(&["repo-1"]),
        push: words(&["repo-2"]),
    };
    let every: Vec<String> = folder.repository_names().into_iter().map(str::to_owned).collect();
    let all_pull = Attach { user: "user-1".to_owned(), pull: every.clone(), push: Vec::new() };
    let many: Vec<String> = (1..500).map(|user| format!("user-{user}")).collect();
    let to_group = GrantRequest {
        repository: "repo-1".to_owned(),
        who: "/group-7".to_owned(),
        operations: words(&["read"]),
        until: None,
        because: None,
        close: false,
    };
    time("list", &|| list_users(folder, &UserFilter::default()).is_ok_and(|rows| rows.len() > 100));
    time("unused", &|| list_users(folder, &UserFilter { unused: true, ..UserFilter::default() }).is_ok());
    time("show", &|| show_user(folder, "user-0").is_ok());
    time("repositories", &|| list_repositories(folder).is_ok());
    time("add", &|| add_user(folder, &machine).is_ok());
    time("disable", &|| disable(folder, "user-0").is_ok());
    time("join", &|| join(folder, "user-0", &words(&["group-9"])).is_ok());
    time("grant to a group", &|| grant(folder, &to_group).is_ok());
    time("attach to all", &|| attach(folder, &all_pull).is_ok());
    time("detach from all", &|| detach(folder, "user-0", &every).is_ok());
    time("delete one that all name", &|| delete_users(folder, &words(&["user-0"])).is_ok());
    time("delete many", &|| delete_users(folder, &many).is_ok());
    time("add a repository", &|| {
        add_repository(folder, &AddRepository { name: "new".to_owned(), storage: None }).is_ok()
    });
    taken
}

/// No function takes more than a bounded multiple of the time of a folder of a tenth of the size. What is quadratic
/// would take a hundred times as long.
#[test]
fn time_grows_with_the_folder_and_not_with_its_square() {
    let small = each(&huge(USERS / 10, REPOSITORIES / 10));
    let large = each(&huge(USERS, REPOSITORIES));
    for ((what, small), (_, large)) in small.iter().zip(&large) {
        let most = *small * 50 + Duration::from_secs(1);
        assert!(*large < most, "{what}: {small:?} and {large:?}");
    }
}

#[test]
fn a_change_that_concerns_many_is_told_in_few_lines() {
    let folder = huge(100, 50);
    let every: Vec<String> = folder.repository_names().into_iter().map(str::to_owned).collect();
    let plan = detach(&folder, "user-0", &every).unwrap();
    assert_eq!(plan.files.len(), 50);
    assert_eq!(plan.message[0], "Detach `user-0` from 50 repositories");
    assert!(plan.message[1].starts_with("`repo-0`, `repo-1`, "));
    assert_eq!(plan.message.len(), 23, "{:#?}", plan.message);
    assert_eq!(plan.message[22], "and 30 more");
    let many: Vec<String> = (1..60).map(|user| format!("user-{user}")).collect();
    let plan = delete_users(&folder, &many).unwrap();
    assert_eq!(plan.message[0], "Delete 59 users");
    assert!(plan.message[1].starts_with("`user-1`, `user-10`"));
    assert!(plan.notes.len() < 20);
}

#[test]
fn first_lines_are_short() {
    let folder = company();
    let plans = [
        disable(&folder, "ci"),
        attach(&folder, &Attach { user: "ci".to_owned(), pull: words(&["team"]), push: words(&["solo"]) }),
        delete_users(&folder, &words(&["ci"])),
        promote(&folder, "jane"),
    ];
    for plan in plans {
        let first = plan.unwrap().message.remove(0);
        assert!(first.len() <= 72 && !first.ends_with('.') && !first.contains('\n'), "{first}");
    }
}

#[test]
fn lists_tell_state_and_attachments() {
    let text = "credentials:\n  \
        admin: {type: argon2, pass: 'HASH', admin: true}\n  \
        b: {type: argon2, pass: 'HASH', expires: 2026-11-30, groups: [devs]}\n  \
        c: {type: argon2, pass: 'HASH', expires: 2026-11-01}\n  \
        d: {type: argon2, pass: 'HASH', enabled: false}\n  \
        e: {type: argon2, pass: 'HASH', expires: 2026-11-01, enabled: false}\n  \
        f: {type: sha256, pass: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef, expires: 2027-11-01}\n";
    let repository = "repo:\n  type: docker\n  permissions:\n    '*': [read]\n    '/*': [write]\n    /devs: [delete]\n    \
        c: [read, {allow: write, until: 2026-11-02}, 'repository:app:v*:delete', 'registry:catalog:*']\n    \
        d: [{allow: read, until: 2026-11-02}]\n";
    let folder = folder(&[
        ("credentials.yaml", text),
        ("repos/a.yaml", repository),
        ("repos/b.yaml", "repo: {type: docker, prefix: bb}\n"),
    ]);
    let names = |filter: UserFilter| -> String {
        let rows = list_users(&folder, &filter).unwrap();
        rows.iter().map(|row| row.user.name.as_str()).collect()
    };
    let all = list_users(&folder, &UserFilter::default()).unwrap();
    let states: Vec<_> = all.iter().map(|row| (row.user.name.as_str(), row.state.as_str())).collect();
    assert_eq!(
        states,
        [("admin", "active"), ("b", "active"), ("c", "expired"), ("d", "disabled"), ("e", "locked"), ("f", "active")]
    );
    let within =
        |days: u64| UserFilter { expiring_within: Some(Duration::from_secs(days * 86400)), ..UserFilter::default() };
    assert_eq!((names(within(7)), names(within(30)), names(within(700))), (String::new(), "b".into(), "bf".into()));
    assert_eq!(
        names(UserFilter { unused: true, ..UserFilter::default() }),
        "def",
        "`*` does not count, nor what has ended"
    );
    assert_eq!(names(UserFilter { group: Some("/devs".to_owned()), ..UserFilter::default() }), "b");
    assert_eq!(names(UserFilter { state: Some(UserState::Locked), ..UserFilter::default() }), "e");
    let of = |name: &str| -> Vec<String> {
        let row = all.iter().find(|row| row.user.name.as_str() == name).unwrap();
        let one = |at: &Attached| {
            let limits = [&at.images, &at.tags].map(|limit| limit.as_deref().unwrap_or("-").to_owned()).join(" ");
            format!("{} {limits} {} {}", at.repository, at.actions.join("+"), at.has_ended)
        };
        row.attached.iter().map(one).collect()
    };
    assert_eq!(
        of("c"),
        ["a - - pull false", "a - - push+overwrite true", "a app v* delete false", "a - - catalog false"]
    );
    assert_eq!(of("b"), [""; 0]);

    let b = show_user(&folder, "b").unwrap();
    let through: Vec<_> = b.rights.iter().map(|(at, right)| format!("{} {}", at.name, right.through)).collect();
    assert_eq!(through, ["a *", "a /*", "a /devs", "b (no permissions section)"]);
    assert_eq!((b.secret.as_str(), b.previous_until), ("argon2", None));
    assert_eq!(show_user(&folder, "f").unwrap().secret.as_str(), "sha256");
    assert!(show_user(&folder, "c").unwrap().rights.is_empty());
    assert_eq!(show_user(&folder, "g").unwrap_err().to_string(), "there is no user `g`");

    let rows = list_repositories(&folder).unwrap();
    let told: Vec<_> = rows
        .iter()
        .map(|row| (&*row.repository.name, row.storage.as_deref(), row.is_open, row.is_closed, row.subjects))
        .collect();
    assert_eq!(told, [("a", Some("default"), false, false, 5), ("b", Some("default"), true, false, 0)]);
}

#[test]
fn an_overlap_is_shown_while_it_lasts() {
    let folder = company();
    let rotated = testing::after(&folder, &rotate(&folder, "ci", Some("24h")).unwrap());
    let end = show_user(&rotated, "ci").unwrap().previous_until.unwrap();
    assert_eq!(end.to_string(), "2026-11-23T17:30:00Z");
    let later = Folder::new(rotated.tree.clone(), now() + jiff::SignedDuration::from_hours(25));
    assert!(show_user(&later, "ci").unwrap().previous_until.is_none());
}

#[test]
fn names_are_there_for_completion() {
    let folder = company();
    assert_eq!(folder.user_names(), ["admin", "ci", "jane"]);
    assert_eq!(folder.group_names(), ["devs", "ops"]);
    assert_eq!(folder.repository_names(), ["library", "open", "solo", "team"]);
    assert_eq!(folder.storage_names(), ["default"]);
    let broken = testing::company_with(&[("repos/x/y.yml", "repo: ["), ("credentials.yaml", "[")]);
    assert_eq!(broken.repository_names(), ["library", "open", "solo", "team", "x/y"]);
    assert!(broken.user_names().is_empty());
}

#[test]
fn whatever_can_be_a_name_or_a_text_is_written_so_that_it_is_read() {
    let names = [
        "true",
        "null",
        "1e3",
        "0x1F",
        "2026-11-22",
        "12",
        "1.5",
        "NO",
        "y",
        "a@b",
        "a+b",
        "x-",
        "a.b",
        "1_000",
        "5.",
        "a-_",
    ];
    let texts = [
        "- x",
        "# x",
        "a # b",
        "a: b",
        "{",
        "}",
        "[x]",
        "\"quoted\"",
        "it's",
        "true",
        "12",
        "~",
        "*x",
        "&x",
        "!x",
        "| x",
        "> x",
        "%x",
        "@x",
        "`x`",
        " x ",
        "x ",
        "ünïcödé ✓",
        "a\\b",
        "2026-11-22",
        ", x",
        "?",
        "-",
        "=",
        "<<",
        "x:",
    ];
    let empty = folder(&[
        ("credentials.yaml", "credentials: {}\n"),
        ("repos/a.yaml", "repo: {type: docker, permissions: {}}\n"),
    ]);
    let before = [company(), empty, company_with_line_ends()];
    for mut folder in before {
        for (at, text) in texts.iter().enumerate() {
            let name = names.get(at).copied().unwrap_or("somebody").to_owned();
            let request = AddUser {
                name: Some(name.clone()),
                secret: NewUserSecret::Generate,
                email: Some(format!("user-{at}@x")),
                groups: vec![name.clone()],
                admin: false,
                expires: None,
                description: Some((*text).to_owned()),
                pull: Vec::new(),
                push: Vec::new(),
            };
            let repository = folder.repository_names()[0].to_owned();
            let plan = add_user(&folder, &request).unwrap_or_else(|refused| panic!("{name}, {text}: {refused:?}"));
            let next = testing::after(&folder, &plan);
            let user = next.user(&name).unwrap();
            assert_eq!(user.description.as_deref(), Some(*text));
            assert_eq!(user.groups.iter().map(|group| group.as_str()).collect::<Vec<_>>(), [&name]);
            let request = GrantRequest {
                repository,
                who: name.clone(),
                operations: words(&["read", "*", "registry:catalog:*"]),
                until: None,
                because: Some((*text).to_owned()),
                close: false,
            };
            let plan = grant(&next, &request).unwrap_or_else(|refused| panic!("{name}, {text}: {refused:?}"));
            let granted = testing::after(&next, &plan);
            let attached = show_user(&granted, &name).unwrap().row.attached;
            assert_eq!(attached.len(), 5, "{attached:?}");
            let plan = delete_users(&granted, &[name]).unwrap();
            folder = testing::after(&granted, &plan);
        }
    }
}

fn company_with_line_ends() -> Folder {
    let text = |text: &str| text.replace('\n', "\r\n");
    testing::company_with(&[
        ("credentials.yaml", &text(testing::CREDENTIALS)),
        ("repos/library.yaml", &text("repo:\n  type: docker\n  permissions:\n    jane:\n      - write\n")),
    ])
}
