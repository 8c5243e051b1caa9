//! `portolan access`, as a person and a pipeline run it, with real git repositories.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A password that no output may hold.
const SECRET: &str = "S3cr3t-of-jane";

const CREDENTIALS: &str = "\
credentials:
  jane: {type: plain, pass: S3cr3t-of-jane, groups: [devs]}
  mark: {type: plain, pass: S3cr3t-of-jane, groups: [devs, leads]}
  root: {type: plain, pass: S3cr3t-of-jane, admin: true}
  old: {type: plain, pass: S3cr3t-of-jane, enabled: false}
  gone: {type: plain, pass: S3cr3t-of-jane, expires: 2026-01-01}
";

const TEAM: &str = "\
repo:
  type: docker
  immutable_tags: [\"v*\"]
  permissions:
    \"/*\": [read]
    /devs:
      - repository:app:push
      - repository:app:dev-*:overwrite
    mark:
      - write # for now
    jane:
      - allow: repository:app:delete
        until: 2026-06-30
";

const FILES: &[(&str, &str)] = &[("credentials.yaml", CREDENTIALS), ("repos/team.yaml", TEAM)];

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    files.iter().for_each(|(name, text)| write(folder.path(), name, text));
    folder
}

/// Runs a command, and gives its exit code, what it prints, and what it says on stderr.
#[track_caller]
fn access(config: &Path, words: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portolan"));
    command.arg("access").args(words).env("PORTOLAN_CONFIG", config).env("NO_COLOR", "1").current_dir(config);
    let Output { status, stdout, stderr } = command.output().unwrap();
    let (out, err) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    for text in [&out, &err] {
        assert!(!text.contains(SECRET) && !text.contains("panicked"), "{words:?}: {text}");
    }
    (status.code().unwrap(), out, err)
}

#[track_caller]
fn json(config: &Path, words: &[&str]) -> (i32, Value) {
    let (code, out, err) = access(config, &[words, &["--format", "json"]].concat());
    (code, serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}")))
}

fn git(folder: &Path, words: &[&str]) -> String {
    let who = ["-c", "user.name=Jane", "-c", "user.email=jane@example.com", "-c", "init.defaultBranch=main"];
    let done = Command::new("git").arg("-C").arg(folder).args(who).args(words).output().unwrap();
    assert!(done.status.success(), "{words:?}: {done:?}");
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

fn commit(folder: &Path, message: &str) {
    git(folder, &["add", "-A"]);
    git(folder, &["commit", "-q", "--allow-empty", "-m", message]);
}

/// A git repository whose folder `conf` is the configuration, at its first commit.
fn repository() -> TempDir {
    let top = tempfile::tempdir().unwrap();
    git(top.path(), &["init", "-q"]);
    FILES.iter().for_each(|(name, text)| write(&top.path().join("conf"), name, text));
    write(top.path(), "README.md", "not ours\n");
    commit(top.path(), "first");
    top
}

#[test]
fn can_names_the_rule_or_what_is_missing() {
    let folder = folder(FILES);
    let (code, out, _) = access(folder.path(), &["can", "jane", "push", "team/app:x", "--at", "2026-01-15"]);
    assert_eq!(code, 0);
    assert_eq!(
        out,
        "yes: `jane` may push `team/app:x`\n --> repos/team.yaml:7:9\n  |\n7 |       - repository:app:push\n  \
         |         ^^^^^^^^^^^^^^^^^^^ granted to `/devs`\n"
    );
    for (words, code, says) in [
        (&["jane", "overwrite", "team/app:dev-1"][..], 0, &["repos/team.yaml:8:9", "`/devs`"][..]),
        (
            &["jane", "overwrite", "team/app:x"],
            1,
            &["only tags that match `dev-*`", "granted to `mark`", "may pull, push"],
        ),
        (&["jane", "overwrite", "team/app"], 0, &["note: only tags that match `dev-*`"]),
        (&["mark", "overwrite", "team/app:v1"], 1, &["makes tags that match `v*` immutable"]),
        (&["mark", "push", "team/app:v1"], 0, &["- write …\n", "once it is there it stays"]),
        (&["root", "overwrite", "team/app:v1"], 0, &["`root` is an admin"]),
        (&["jane", "delete", "team/app:x"], 0, &["granted to `jane`, until 2026-06-30"]),
        (&["jane", "delete", "team/app:x", "--at", "2026-07-01"], 1, &["ended at the end of 2026-06-30"]),
        (&["old", "pull", "team/app"], 1, &["`old` is disabled"]),
        (&["gone", "pull", "team/app"], 1, &["`gone` expired at the end of 2026-01-01"]),
        (&["jnae", "pull", "team/app"], 1, &["there is no user `jnae`", "did you mean `jane`?"]),
        (&["jane", "pull", "teams/app"], 1, &["no repository serves `teams/app`", "prefix `team`"]),
        (&["--anonymous", "pull", "team/app"], 1, &["anonymous may not pull", "granted to `/*`"]),
        (&["jane", "pul", "team/app"], 2, &["did you mean `pull`?"]),
        (&["jane", "pull"], 2, &["a user, an action and an image"]),
        (&["jane", "pull", "Team"], 2, &["`Team` is no image"]),
        (&["jane", "pull", "team", ".", "more"], 2, &[]),
    ] {
        let at: &[&str] = if words.contains(&"--at") { &[] } else { &["--at", "2026-02-01"] };
        let (found, out, err) = access(folder.path(), &[&["can"], words, at].concat());
        assert_eq!(found, code, "{words:?}: {out}{err}");
        for says in says {
            assert!(format!("{out}{err}").contains(says), "{words:?}: {out}{err}");
        }
    }
    let (code, value) = json(folder.path(), &["can", "mark", "pull", "team/app:x", "--at", "2026-02-01"]);
    assert_eq!((code, &value["allowed"], &value["through"]), (0, &true.into(), &"/*".into()));
    let rule = serde_json::json!({"kind": "grant", "file": "repos/team.yaml", "line": 5, "entry": "read"});
    assert_eq!(value["rule"], rule);
    let (code, value) = json(folder.path(), &["can", "old", "pull", "team/app"]);
    assert_eq!((code, &value["allowed"], &value["reason"]), (1, &false.into(), &"disabled".into()));
}

#[test]
fn a_closed_or_open_repository_decides_as_the_server_does() {
    let folder = folder(FILES);
    write(folder.path(), "repos/open.yaml", "repo: {type: docker}\n");
    write(folder.path(), "repos/broken.yaml", "repo: {type: docker, permissions: {jane: [reed]}}\n");
    let (code, out, err) = access(folder.path(), &["can", "--anonymous", "delete", "open/x"]);
    assert!(code == 0 && out.contains("has no `permissions`") && err.contains("closed repositories"), "{out}{err}");
    let (code, out, _) = access(folder.path(), &["can", "root", "pull", "broken/x"]);
    assert!(code == 1 && out.contains("`repos/broken.yaml` does not compile"), "{out}");
    write(folder.path(), "credentials.yaml", "credentials: [\n");
    let (code, _, err) = access(folder.path(), &["can", "root", "pull", "team/x"]);
    assert!(code == 1 && err.contains("the configuration cannot be used"), "{err}");
}

#[test]
fn list_shows_each_right_once() {
    let folder = folder(FILES);
    let at = ["--at", "2026-02-01"];
    let (code, out, _) = access(folder.path(), &[&["list"], &at[..]].concat());
    assert_eq!(code, 0);
    let expected = "\
subject             images    except  actions                     tags   immutable  until       through  rule
any signed-in user  team/**   -       pull                        -      -          -           /*       repos/team.yaml:5
jane                team/app  -       push                        -      -          -           /devs    repos/team.yaml:7
jane                team/app  -       push overwrite              dev-*  v*         -           /devs    repos/team.yaml:8
jane                team/app  -       delete                      -      v*         2026-06-30  jane     repos/team.yaml:12
mark                team/app  -       push                        -      -          -           /devs    repos/team.yaml:7
mark                team/app  -       push overwrite              dev-*  v*         -           /devs    repos/team.yaml:8
mark                team/**   -       push overwrite              -      v*         -           mark     repos/team.yaml:10
root                team/**   -       pull push overwrite delete  -      -          -           (admin)  -
";
    assert_eq!(out, expected);
    let (_, csv, _) = access(folder.path(), &[&["list", "--user", "jane", "--format", "csv"], &at[..]].concat());
    assert_eq!(csv.lines().count(), 5, "{csv}");
    assert!(csv.contains("jane,team/**,,pull,,,,/*,repos/team.yaml:5\n"), "{csv}");
    let (_, markdown, _) =
        access(folder.path(), &[&["list", "--repository", "team", "--format", "markdown"], &at[..]].concat());
    assert!(
        markdown.contains("| `jane` | `team/app` |  | push overwrite | `dev-*` | `v*` |  | `/devs` |"),
        "{markdown}"
    );
    let (_, value) = json(folder.path(), &["list", "--anonymous"]);
    assert_eq!(value["rights"], serde_json::json!([]));
    assert_eq!(access(folder.path(), &["list", "--user", "jnae"]).0, 1);
    assert_eq!(access(folder.path(), &["list", "--repository", "taem"]).0, 1);
}

#[test]
fn list_leaves_out_what_belongs_to_nested_repositories() {
    let files = [
        (
            "repos/a.yaml",
            "repo:\n  type: docker\n  permissions:\n    jane: [read, \"repository:bc:delete\", \"repository:*/x:push\"]\n",
        ),
        ("repos/a/b.yaml", "repo: {type: docker, permissions: {mark: [read]}}\n"),
        ("repos/a/b/c.yaml", "repo: {type: docker, permissions: {mark: [read]}}\n"),
        ("repos/a/b-c.yaml", "repo: {type: docker, permissions: {mark: [read]}}\n"),
        ("repos/ab.yaml", "repo: {type: docker, permissions: {mark: [read]}}\n"),
    ];
    let files: Vec<_> = files.into_iter().chain([("credentials.yaml", CREDENTIALS)]).collect();
    let folder = folder(&files);
    let (_, value) = json(folder.path(), &["list"]);
    let of = |user: &str, images: &str| {
        let rows = value["rights"].as_array().unwrap();
        rows.iter().find(|row| row["user"] == user && row["images"] == images).unwrap()["except"].clone()
    };
    let none = serde_json::json!([]);
    assert_eq!(of("jane", "a/**"), serde_json::json!(["a/b/**", "a/b-c/**"]), "{value:#}");
    assert_eq!(of("jane", "a/*/x"), serde_json::json!(["a/b/**", "a/b-c/**"]), "{value:#}");
    assert_eq!(of("jane", "a/bc"), none, "the pattern does not reach into them");
    assert_eq!(of("mark", "a/b/**"), serde_json::json!(["a/b/c/**"]));
    assert_eq!((of("mark", "ab/**"), of("root", "**")), (none.clone(), none), "an admin may do everything");
    assert_eq!(access(folder.path(), &["can", "jane", "pull", "a/b/x"]).0, 1);
    for (format, says) in [
        ("human", "jane     a/**      a/b/**, a/b-c/**  pull"),
        ("csv", "jane,a/**,\"a/b/**, a/b-c/**\",pull"),
        ("markdown", "| `jane` | `a/**` | `a/b/**`, `a/b-c/**` | pull |"),
    ] {
        let (_, out, _) = access(folder.path(), &["list", "--format", format]);
        assert!(out.contains(says), "{out}");
    }
    for number in 0..6 {
        write(folder.path(), &format!("repos/a/n{number}.yaml"), "repo: {type: docker, permissions: {}}\n");
    }
    let (_, out, _) = access(folder.path(), &["list"]);
    assert!(out.contains("a/n2/**, and 3 more"), "{out}");
    assert!(access(folder.path(), &["list", "--format", "csv"]).1.contains("a/n5/**"));
}

#[test]
fn diff_compares_revisions_and_leaves_the_work_tree_alone() {
    let top = repository();
    let conf = top.path().join("conf");
    git(top.path(), &["tag", "v1"]);
    write(
        &conf,
        "repos/team.yaml",
        &TEAM.replace("[read]", "[read, delete]").replace("      - write # for now\n", "      - r\n"),
    );
    commit(top.path(), "second");
    write(&conf, "repos/team.yaml", "half written");
    let before = git(top.path(), &["status", "--porcelain"]);
    let (code, out, err) = access(&conf, &["diff", "v1", "HEAD", "--at", "2026-02-01"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let expected = "\
gains
subject             actions  images   tags  until  through  rule               note
any signed-in user  delete   team/**  -     -      /*       repos/team.yaml:5  immutable tags stay: v*

losses
subject  actions         images   tags  until  through  rule                note
mark     push overwrite  team/**  -     -      mark     repos/team.yaml:10  immutable tags stay: v*; in part, such as team:x

1 gain, 1 loss
";
    assert_eq!(out, expected);
    for (words, code) in [
        (&["diff", "v1", "HEAD", "--fail-on", "widen"][..], 1),
        (&["diff", "HEAD", "v1", "--fail-on", "widen"], 1),
        (&["diff", "HEAD~1", "main~1", "--fail-on", "widen"], 0),
        (&["diff", ":/first", "v1", "--fail-on", "widen"], 0),
        (&["diff", "HEAD@{2099-01-01 10:00:00}", "main", "--fail-on", "widen"], 0),
        (&["diff", "v1"], 1),
        (&["diff", "nowhere"], 3),
        (&["diff", "-x"], 2),
        (&["diff", "--", "--all"], 3),
        (&["diff", "v1..HEAD", "HEAD"], 3),
        (&["diff", "^v1", "HEAD"], 3),
    ] {
        let (found, out, err) = access(&conf, words);
        assert_eq!(found, code, "{words:?}: {out}{err}");
    }
    let (_, value) = json(&conf, &["diff", "v1", "HEAD"]);
    assert_eq!(value["gains"][0]["kind"], "signed-in");
    assert_eq!(value["losses"][0]["rules"][0]["line"], 10);
    let (_, markdown, _) = access(&conf, &["diff", "v1", "HEAD", "--format", "markdown"]);
    assert!(markdown.starts_with("### Access: 1 gain, 1 loss\n\nFrom `v1` to `HEAD`, as of "), "{markdown}");
    assert!(markdown.contains(
        "| any signed-in user | delete | `team/**` |  |  | `/*` | `repos/team.yaml:5` | immutable tags stay: v\\* |"
    ));
    let (_, csv, _) = access(&conf, &["diff", "v1", "HEAD", "--format", "csv"]);
    assert!(csv.contains("loss,mark,\"push overwrite\",team/**,"), "{csv}");
    assert_eq!(git(top.path(), &["status", "--porcelain"]), before);
}

#[test]
fn other_words_for_the_same_are_no_difference() {
    let (old, new) = (folder(FILES), folder(FILES));
    let people = CREDENTIALS.replace("groups: [devs, leads]", "groups: [leads, devs, only-mark]");
    write(new.path(), "credentials.yaml", &people);
    let text = "\
# The same, said otherwise.
repo:
  immutable_tags: ['v*']
  permissions:
    jane: [{allow: \"repository:app:delete\", until: 2026-06-30, because: it was so}]
    /only-mark: [\"repository:**:push\", \"repository:*:overwrite\"]
    /devs: [\"repository:app:dev-*:overwrite\", \"repository:app:push\", \"repository:app:dev-1:push\"]
    \"/*\": [\"repository:*:pull\"]
  type: docker
";
    write(new.path(), "repos/team.yaml", text);
    let (from, to) = (old.path().to_str().unwrap(), new.path().to_str().unwrap());
    let (code, out, err) = access(old.path(), &["diff", from, to, "--fail-on", "widen"]);
    assert_eq!((code, out.as_str(), err.as_str()), (0, "no difference in who may do what\n", ""));
}

#[test]
fn what_is_not_a_grant_counts_too() {
    let (old, new) = (folder(FILES), folder(FILES));
    let people = CREDENTIALS
        .replace("enabled: false", "enabled: true")
        .replace("groups: [devs]", "admin: true")
        .replace("  gone:", "  ci: {type: plain, pass: S3cr3t-of-jane, groups: [devs]}\n  gone:");
    write(new.path(), "credentials.yaml", &people);
    let team = TEAM.replace("[\"v*\"]", "[]").replace("  permissions", "  prefix: \"\"\n  permissions");
    write(new.path(), "repos/team.yaml", &team);
    let at = ["--at", "2026-02-01"];
    let (from, to) = (old.path().to_str().unwrap(), new.path().to_str().unwrap());
    let (_, value) = json(old.path(), &[&["diff", from, to], &at[..]].concat());
    let gains = value["gains"].as_array().unwrap();
    let of = |user: &str, because: &str| gains.iter().any(|gain| gain["user"] == user && gain["because"] == because);
    assert!(of("old", "activity") && of("ci", "existence") && of("jane", "admin") && of("ci", "grant"), "{value:#}");
    assert!(!gains.iter().any(|gain| gain["user"] == "gone"), "{value:#}");
    // The names outside of `team` are new to everybody, and those that are immutable no more to `mark`.
    let of_all = gains.iter().find(|gain| gain["kind"] == "signed-in").unwrap();
    assert_eq!((&of_all["images"], &of_all["in_part"]), (&"**".into(), &false.into()), "{value:#}");
    let mark: Vec<_> = gains.iter().filter(|gain| gain["user"] == "mark").collect();
    assert!(mark.iter().any(|gain| gain["images"] == "**"), "{mark:#?}");

    let longer = TEAM.replace("2026-06-30", "2027-06-30");
    write(new.path(), "credentials.yaml", CREDENTIALS);
    write(new.path(), "repos/team.yaml", &longer);
    let (code, value) = json(old.path(), &[&["diff", from, to, "--fail-on", "widen"], &at[..]].concat());
    assert_eq!((code, &value["gains"][0]["only_longer"]), (1, &true.into()), "{value:#}");
    assert_eq!(value["losses"], serde_json::json!([]));
    write(new.path(), "repos/team.yaml", &TEAM.replace("[\"v*\"]", "[\"v*\", \"dev-*\"]"));
    let (code, value) = json(old.path(), &[&["diff", from, to, "--fail-on", "widen"], &at[..]].concat());
    assert_eq!((code, &value["losses"][0]["freed"]), (0, &serde_json::json!(["dev-*"])), "{value:#}");
}

#[test]
fn a_side_with_errors_says_so() {
    let top = repository();
    let conf = top.path().join("conf");
    write(&conf, "repos/team.yaml", "repo: {type: docker, permissions: {jane: [reed]}}\n");
    let (code, out, err) = access(&conf, &["diff", "HEAD"]);
    assert_eq!(code, 1);
    assert!(
        err.contains("NEW (`") && err.contains("unknown-operation") && err.contains("repos/team.yaml:1:43"),
        "{err}"
    );
    assert!(out.contains("losses"), "{out}");
    commit(top.path(), "broken");
    write(&conf, "repos/team.yaml", TEAM);
    let (code, _, err) = access(&conf, &["diff", "HEAD"]);
    assert!(code == 0 && err.contains("OLD (`HEAD`) has 1 error"), "{err}");
    write(&conf, "credentials.yaml", "credentials: [S3cr3t-of-jane\n");
    let (code, out, err) = access(&conf, &["diff", "HEAD"]);
    assert!(code == 1 && out.is_empty() && err.contains("NEW (`") && err.contains("cannot be used"), "{err}");
    commit(top.path(), "unusable");
    write(&conf, "credentials.yaml", CREDENTIALS);
    let (code, out, err) = access(&conf, &["diff", "HEAD"]);
    assert!(code == 3 && out.is_empty() && err.contains("OLD (`HEAD`) cannot be used"), "{err}");
}

#[test]
fn a_revision_is_read_as_the_folder_is() {
    let top = repository();
    let conf = top.path().join("conf");
    // What a mounted ConfigMap looks like, and links in circles, out of the folder and out of the repository.
    write(&top.path().join("shared"), "more/extra.yaml", "repo: {type: docker, permissions: {jane: [read]}}\n");
    symlink("../../shared/more", conf.join("repos/linked")).unwrap();
    symlink("..", conf.join("repos/up")).unwrap();
    symlink("self.yaml", conf.join("repos/self.yaml")).unwrap();
    symlink("team.yaml", conf.join("repos/again.yaml")).unwrap();
    write(&conf, "repos/.hidden.yaml", "repo: nothing\n");
    write(&conf, "repos/deep/er/x.yml", "repo: {type: docker, permissions: {}}\n");
    write(&conf, "repos/huge.yaml", &"#".repeat((8 << 20) + 1));
    write(&conf, "tests/deep/y.yaml", "tests: nothing\n");
    write(&conf, "other.yaml", "nothing: 1\n");
    commit(top.path(), "links");
    let (_, value) = json(&conf, &["diff", "HEAD"]);
    assert_eq!((&value["gains"], &value["losses"]), (&serde_json::json!([]), &serde_json::json!([])));
    assert_eq!(value["old"]["hash"], value["new"]["hash"], "both are the same files with the same texts");
    let (_, value) = json(&conf, &["list", "--repository", "linked/extra"]);
    assert_eq!(value["rights"][0]["user"], "jane");

    symlink("/etc", conf.join("repos/etc")).unwrap();
    symlink("/etc/hostname.yaml", conf.join("repos/outside.yaml")).unwrap();
    commit(top.path(), "out");
    let (_, _, err) = access(&conf, &["diff", "HEAD", "HEAD~1"]);
    assert!(err.contains("outside.yaml") && err.contains("leads out of the git repository"), "{err}");

    let bare = tempfile::tempdir().unwrap();
    git(top.path(), &["clone", "-q", "--bare", ".", bare.path().to_str().unwrap()]);
    let (code, out, err) = access(bare.path(), &["diff", "main~2", "main"]);
    assert!(code == 3 && out.is_empty() && err.contains("`REVISION:FOLDER`"), "its top has none: {out}{err}");
    let (code, value) = json(bare.path(), &["diff", "main~2:conf", "main~2:conf"]);
    assert_eq!((code, &value["losses"]), (0, &serde_json::json!([])));
}

#[test]
fn a_part_of_a_tag_pattern_is_told_as_a_part() {
    let with = |entries: &str, more: &str| {
        let text = format!("repo:\n  type: docker\n{more}  permissions:\n    jane: [{entries}]\n");
        folder(&[("credentials.yaml", CREDENTIALS), ("repos/team.yaml", &text)])
    };
    let diff = |old: &TempDir, new: &TempDir| {
        let [old, new_dir] = [old, new].map(|folder| folder.path().to_str().unwrap());
        json(new.path(), &["diff", old, new_dir]).1
    };
    let [all, part, other] = ["v*", "v1*", "w*"].map(|tags| with(&format!("\"repository:app:{tags}:push\""), ""));
    for (old, new, side, in_part) in
        [(&all, &part, "losses", true), (&part, &all, "gains", true), (&other, &all, "gains", false)]
    {
        let value = diff(old, new);
        let row = &value[side][0];
        assert_eq!((&row["tags"], &row["in_part"]), (&"v*".into(), &in_part.into()), "{value:#}");
        let example = row["example"]["tag"].as_str().unwrap();
        assert!(example.starts_with('v') && !(in_part && example.starts_with("v1")), "{value:#}");
    }
    let [all, part] = [&all, &part].map(|folder| folder.path().to_str().unwrap());
    let (_, out, _) = access(Path::new(all), &["diff", all, part]);
    assert!(out.contains("in part, such as team/app:v"), "{out}");

    let [nothing, kept] = ["", "write"].map(|entry| with(entry, "  immutable_tags: [\"v*\"]\n"));
    let limited = with("\"repository:app:latest:overwrite\"", "  immutable_tags: [\"v*\"]\n");
    let value = diff(&nothing, &kept);
    assert_eq!(value["gains"][0]["immutable"], serde_json::json!(["v*"]), "{value:#}");
    assert_eq!(diff(&nothing, &limited)["gains"][0]["immutable"], serde_json::json!([]));
    let [nothing, kept] = [&nothing, &kept].map(|folder| folder.path().to_str().unwrap());
    let (_, out, _) = access(Path::new(nothing), &["diff", nothing, kept]);
    assert!(out.contains("immutable tags stay: v*"), "{out}");
}

#[test]
fn a_new_repository_is_no_gain_of_an_admin() {
    let top = repository();
    let conf = top.path().join("conf");
    write(&conf, "repos/new.yaml", "repo: {type: docker, permissions: {}}\n");
    fs::rename(conf.join("repos/team.yaml"), conf.join("repos/crew.yaml")).unwrap();
    let (_, value) = json(&conf, &["diff", "HEAD"]);
    let all = ["gains", "losses"].map(|side| value[side].as_array().unwrap().clone()).concat();
    assert!(!all.is_empty() && all.iter().all(|row| row["user"] != "root"), "{value:#}");
    fs::rename(conf.join("repos/crew.yaml"), conf.join("repos/team.yaml")).unwrap();
    let (code, out, _) = access(&conf, &["diff", "HEAD", "--fail-on", "widen"]);
    assert!(code == 0 && out.contains("no difference in who may do what"), "{out}");
    write(&conf, "credentials.yaml", &CREDENTIALS.replace("groups: [devs]}", "groups: [devs], admin: true}"));
    let (code, out, _) = access(&conf, &["diff", "HEAD", "--fail-on", "widen"]);
    assert!(code == 1 && out.contains("now an admin"), "{out}");
}

#[test]
fn two_sides_without_a_configuration_are_not_alike() {
    let top = repository();
    write(top.path(), "tests/unit.yaml", "answer: 42\n");
    commit(top.path(), "second");
    let (none, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let empty = [none.path(), other.path()].map(|path| path.to_str().unwrap());
    for words in [&["HEAD~1", "HEAD"][..], &["HEAD"], &["HEAD~1", "HEAD", "--config", "conf/repos"], &empty] {
        for format in ["human", "json", "csv", "markdown"] {
            let rest = [words, &["--fail-on", "widen", "--format", format]].concat();
            let (code, out, err) = access(top.path(), &[&["diff"], &rest[..]].concat());
            assert_eq!((code, out.as_str()), (3, ""), "{words:?}: {err}");
            assert!(err.contains("nor NEW") && err.contains("hint: ") && err.contains("`--config`"), "{err}");
        }
    }
    // The first commit, or the last.
    let (code, out, err) = access(top.path(), &["diff", empty[0], "conf", "--fail-on", "widen"]);
    assert!(code == 1 && out.contains("gains") && err.contains("holds no configuration"), "{out}{err}");
    assert_eq!(access(top.path(), &["diff", "conf", empty[0]]).0, 0);
}

#[test]
fn no_command_takes_an_empty_folder_for_a_clean_configuration() {
    let folder = folder(&[("README.md", "not ours\n")]);
    let commands = [
        &["check", "--format"][..],
        &["check", "--deny-warnings", "--format"],
        &["test", "--format"],
        &["access", "list", "--format"],
        &["access", "can", "jane", "pull", "app", "--format"],
    ];
    for words in commands {
        for format in ["human", "json", "sarif", "junit", "github", "csv", "markdown"] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_portolan"));
            command.args(words).arg(format).env_remove("PORTOLAN_CONFIG").current_dir(folder.path());
            let output = command.output().unwrap();
            let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            if output.status.code() == Some(2) {
                assert!(err.contains("invalid value"), "{words:?} {format}: {err}");
                continue;
            }
            assert_eq!((output.status.code(), &*out), (Some(3), ""), "{words:?} {format}: {err}");
            assert!(err.contains("`.` holds no configuration") && err.contains("hint: "), "{err}");
            assert!(!err.contains("nothing wrong"), "{err}");
        }
    }
}

#[test]
fn a_hook_and_other_object_names_make_no_difference() {
    let top = tempfile::tempdir().unwrap();
    git(top.path(), &["init", "-q", "--object-format=sha256"]);
    let conf = top.path().join("conf");
    FILES.iter().for_each(|(name, text)| write(&conf, name, text));
    commit(top.path(), "first");
    write(&conf, "repos/team.yaml", &TEAM.replace("[read]", "[read, delete]"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_portolan"));
    command.args(["access", "diff", "HEAD", "--config", "conf"]).current_dir(top.path());
    let output = command.env("GIT_DIR", ".git").env("GIT_INDEX_FILE", ".git/index").output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && out.ends_with("1 gain, 0 losses\n"), "{out}{:?}", output.stderr);
}

#[test]
fn a_name_of_both_a_folder_and_a_branch_is_refused() {
    let top = repository();
    let conf = top.path().join("conf");
    fs::create_dir(conf.join("main")).unwrap();
    let (code, _, err) = access(&conf, &["diff", "main"]);
    assert!(code == 2 && err.contains("`main` is a folder and a git revision"), "{err}");
    assert_eq!(access(&conf, &["diff", "refs/heads/main"]).0, 0);
    let (code, _, err) = access(&conf, &["diff", "./main", "HEAD"]);
    assert!(code == 0 && err.contains("OLD (`./main`) holds no configuration"), "{err}");
    let lost = tempfile::tempdir().unwrap();
    FILES.iter().for_each(|(name, text)| write(lost.path(), name, text));
    let (code, _, err) = access(lost.path(), &["diff", "main"]);
    assert!(code == 3 && err.contains("not a git repository"), "{err}");
    assert!(err.contains("hint: ") && err.contains("`--config`"), "{err}");
}

#[test]
fn a_revision_that_is_not_here_is_explained() {
    let top = repository();
    write(top.path(), "conf/repos/other.yaml", "repo: {type: docker, permissions: {}}\n");
    commit(top.path(), "second");
    let first = git(top.path(), &["rev-parse", "HEAD~1"]);
    let around = tempfile::tempdir().unwrap();
    let url = format!("file://{}", top.path().display());
    git(around.path(), &["clone", "-q", "--depth", "1", &url, "shallow"]);
    let conf = around.path().join("shallow/conf");
    for revision in ["HEAD~1", &first, &first[..12], "nowhere"] {
        let (code, out, err) = access(&conf, &["diff", revision]);
        assert_eq!((code, out.as_str()), (3, ""), "{err}");
        for word in ["no such commit is here, and this clone is shallow", "hint: ", "`fetch-depth: 0`"] {
            assert!(err.contains(word) && !err.contains("single revision"), "{err}");
        }
    }
    assert_eq!(access(&conf, &["diff", "HEAD"]).0, 0);
    let (_, _, err) = access(&top.path().join("conf"), &["diff", "nowhere"]);
    assert!(err.contains("no such branch, tag or commit is here") && err.contains("`git fetch`"), "{err}");

    // As where a container of CI runs as another user than the one who cloned.
    let mut command = Command::new(env!("CARGO_BIN_EXE_portolan"));
    command.args(["access", "diff", "HEAD"]).env("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1");
    let output = command.current_dir(top.path().join("conf")).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{err}");
    assert!(err.contains("dubious ownership") && err.contains("safe.directory") && !err.contains("--config"), "{err}");
}
