//! Prefixes, ports and storages that two files want.

use super::*;

#[test]
fn equal_storages_are_one() {
    let in_place = "repo: {type: docker, storage: {type: fs, path: ./x/}, permissions: {}}\n";
    let compiled = fresh(&[
        ("repos/a.yaml", in_place),
        ("repos/b.yaml", "repo: {type: docker, storage: same, permissions: {}}\n"),
        ("storages.yaml", "storages: {same: {type: fs, path: x}, other: {type: memory}}\n"),
    ]);
    assert_eq!(problems(&compiled), [""; 0]);
    assert_eq!(compiled.model.unwrap().storages.len(), 1);
}

#[test]
fn in_place_storages_may_not_overlap() {
    let at = |path: &str| format!("repo: {{type: docker, storage: {{type: fs, path: {path}}}, permissions: {{}}}}\n");
    let (a, b) = (at("/x"), at("/x/y"));
    let compiled = fresh(&[("repos/a.yaml", &a), ("repos/b.yaml", &b)]);
    assert_eq!(problems(&compiled), ["repos/b.yaml storage-overlap `/x/y` +`/x`"]);
    assert_eq!(serves(&compiled, "a/i"), closed("repos/a.yaml"));
    assert_eq!(serves(&compiled, "b/i"), closed("repos/b.yaml"));
    // The one in force keeps its storage.
    let before = fresh(&[("repos/a.yaml", &a)]);
    let after = compile(&tree(&[("repos/a.yaml", &a), ("repos/b.yaml", &b)]), Some(&before));
    assert_eq!(serves(&after, "a/i"), open("repos/a.yaml"));
    assert_eq!(serves(&after, "b/i"), closed("repos/b.yaml"));
    // The default storage is the data folder itself.
    let inside = at("team");
    let compiled = fresh(&[("repos/a.yaml", GOOD), ("repos/b.yaml", &inside)]);
    assert_eq!(problems(&compiled), ["repos/b.yaml storage-overlap `team` +`default`"]);
    assert_eq!(serves(&compiled, "a/i"), open("repos/a.yaml"));
}

#[test]
fn two_repositories_cannot_have_one_prefix() {
    let library = repo("  prefix: library\n  permissions: {}\n");
    // The file of that name keeps it.
    let compiled = fresh(&[("repos/a.yaml", &library), ("repos/library.yaml", GOOD)]);
    assert_eq!(problems(&compiled), ["repos/library.yaml prefix-conflict +`library`"]);
    assert_eq!(serves(&compiled, "library/x"), open("repos/library.yaml"));
    assert_eq!(serves(&compiled, "a/x"), closed("repos/a.yaml"));
    // Where there is none, nobody has it.
    let compiled = fresh(&[("repos/a.yaml", &library), ("repos/b.yaml", &library), ("repos/c.yaml", GOOD)]);
    assert_eq!(problems(&compiled), ["repos/b.yaml prefix-conflict `library` +`library`"]);
    assert_eq!(serves(&compiled, "library/x"), closed("repos/a.yaml"));
    assert_eq!(serves(&compiled, "c/x"), open("repos/c.yaml"));
    // Who is in force keeps it, whatever the names say.
    let before = fresh(&[("repos/a.yaml", &library)]);
    let after = compile(&tree(&[("repos/a.yaml", &library), ("repos/library.yaml", GOOD)]), Some(&before));
    assert_eq!(serves(&after, "library/x"), open("repos/a.yaml"));
}

#[test]
fn nobody_takes_names_of_another_repository() {
    let inside = repo("  prefix: library/tools\n  permissions: {}\n");
    let both = [("repos/library.yaml", GOOD), ("repos/x.yaml", inside.as_str())];
    let compiled = fresh(&both);
    assert_eq!(problems(&compiled), ["repos/x.yaml foreign-prefix `library/tools` +repos/library.yaml"]);
    assert_eq!(serves(&compiled, "library/a"), open("repos/library.yaml"));
    assert_eq!(serves(&compiled, "library/tools/a"), closed("repos/x.yaml"));
    // The one in force loses nothing.
    let before = fresh(&both[..1]);
    let after = compile(&tree(&both), Some(&before));
    assert_eq!(serves(&after, "library/tools/a"), open("repos/library.yaml"));
    let before = fresh(&both[1..]);
    let after = compile(&tree(&both), Some(&before));
    assert_eq!(serves(&after, "library/tools/a"), open("repos/x.yaml"));
    assert_eq!(serves(&after, "library/a"), closed("repos/library.yaml"));
    // Below its own name, a repository may nest; and the empty prefix takes only what nobody claims.
    let all = repo("  prefix: ''\n  permissions: {}\n");
    let compiled = fresh(&[
        ("repos/library.yaml", GOOD),
        ("repos/library/tools.yaml", GOOD),
        ("repos/z.yaml", &all),
        ("repos/x.yaml", GOOD),
    ]);
    assert_eq!(problems(&compiled), [""; 0]);
    assert_eq!(serves(&compiled, "other/a"), open("repos/z.yaml"));
}

#[test]
fn a_misspelt_key_loses_no_claim() {
    let all = repo("  prefix: ''\n  permissions: {'*': ['*']}\n");
    for broken in [
        "rpo: {prefix: private, type: docker, storage: default, permissions: {}}\n",
        "repo: {prefx: private, type: docker, storage: default, permissions: {}}\n",
        "repo: {'Prefix': other, 'prefixes': private, type: docker, storage: default, permissions: {}}\n",
        "repo: {prefix: other, prefix: private, type: docker, storage: default, permissions: {}}\n",
        "repo: {type: docker, storage: default, permissions: {}}\nprefix: private\n",
        "repo:\n  type: [\n  prefix: other\n  \"prefix\": private\n",
    ] {
        let now = tree(&[("repos/all.yaml", &all), ("repos/x.yaml", broken)]);
        for compiled in [compile(&now, None), compile(&now, Some(&fresh(&[("repos/all.yaml", &all)])))] {
            assert_eq!(serves(&compiled, "private/a"), closed("repos/x.yaml"), "{broken}");
            assert_eq!(serves(&compiled, "x/a"), closed("repos/x.yaml"), "{broken}");
            assert_eq!(serves(&compiled, "free/a"), open("repos/all.yaml"), "{broken}");
        }
    }
    // From who is in force, it takes nothing.
    let good = [("repos/good.yaml", repo("  prefix: team\n")), ("repos/all.yaml", all)];
    let good = good.each_ref().map(|(path, text)| (*path, text.as_str()));
    for claimed in ["team", "team/a", "''"] {
        let broken = format!("rpo: {{prefix: {claimed}, prefx: {claimed}, 'prefi': team/b}}\n");
        let after = compile(&tree(&[good[0], good[1], ("repos/x.yaml", &broken)]), Some(&fresh(&good)));
        for (image, file) in [("team/a/x", good[0].0), ("team/b/x", good[0].0), ("free/x", good[1].0)] {
            assert_eq!(serves(&after, image), open(file), "{claimed}");
        }
    }
}

#[test]
fn two_repositories_cannot_have_one_port() {
    let on_port = repo("  port: 5001\n  permissions: {}\n");
    let both = [("repos/a.yaml", on_port.as_str()), ("repos/b.yaml", on_port.as_str())];
    let compiled = fresh(&both);
    assert_eq!(problems(&compiled), ["repos/b.yaml port-conflict `5001` +`5001`"]);
    assert_eq!((serves(&compiled, "a/x"), serves(&compiled, "b/x")), (closed("repos/a.yaml"), closed("repos/b.yaml")));
    let before = fresh(&both[1..]);
    let after = compile(&tree(&both), Some(&before));
    assert_eq!((serves(&after, "a/x"), serves(&after, "b/x")), (closed("repos/a.yaml"), open("repos/b.yaml")));
}

#[test]
fn a_repository_cannot_have_the_configured_main_port() {
    let on_port = repo("  port: 5001\n  permissions: {}\n");
    let files = [("registry.yaml", "server: {listen: '0.0.0.0:5001'}\n"), ("repos/a.yaml", on_port.as_str())];
    let compiled = fresh(&files);
    assert_eq!(problems(&compiled), ["repos/a.yaml port-is-main `5001` +`'0.0.0.0:5001'`"]);
    assert_eq!(serves(&compiled, "a/x"), closed("repos/a.yaml"));
    // What was in force goes on, without the port.
    let after = compile(&tree(&files), Some(&fresh(&files[1..])));
    assert_eq!(serves(&after, "a/x"), open("repos/a.yaml"));
    assert_eq!(repository(&after, "a").port, None);
}

#[test]
fn a_repository_cannot_have_the_default_main_port() {
    let on_port = repo("  port: 5000\n  permissions: {}\n");
    let main = ["repos/a.yaml port-is-main `5000`"];
    assert_eq!(problems(&fresh(&[("repos/a.yaml", &on_port)])), main);
    let with = |settings| problems(&fresh(&[("registry.yaml", settings), ("repos/a.yaml", &on_port)]));
    assert_eq!(with("server: {}\n"), main);
    assert_eq!(with("server: {listen: '127.0.0.1:5001'}\n"), [""; 0]);
    assert_eq!(with("server: {listen: here}\n"), ["registry.yaml bad-address `here`"]);
}

#[test]
fn very_many_claims_of_a_broken_file_close_what_is_new_around_them() {
    let claims = |count: usize, last: &str| {
        let each = (0..count).map(|number| format!("  prefix: other/name-{number}\n"));
        ("repos/broken.yaml", format!("repo: [\n{}  prefix: {last}\n", each.collect::<String>()))
    };
    let team = ("repos/team.yaml", GOOD);
    for (count, closes_all) in [(50, false), (101, true)] {
        let (path, text) = claims(count, "team/app");
        // Nothing was in force: the names are closed, or the repository around them.
        let compiled = fresh(&[team, (path, &text)]);
        assert_eq!(serves(&compiled, "team/app/x"), closed(if closes_all { "repos/team.yaml" } else { path }));
        let other = if closes_all { closed("repos/team.yaml") } else { open("repos/team.yaml") };
        assert_eq!(serves(&compiled, "team/other"), other);
        assert_eq!(serves(&compiled, "other/name-7"), closed(path));
        let told: Vec<_> = compiled.diagnostics.iter().map(|found| found.code).collect();
        let expected: &[&str] =
            if closes_all { &["bad-prefix", "yaml-syntax", "prefix-conflict"] } else { &["yaml-syntax"] };
        assert_eq!(told, expected);
        // From who was in force before, nobody takes anything.
        let before = fresh(&[team]);
        let compiled = compile(&tree(&[team, (path, &text)]), Some(&before));
        assert_eq!(serves(&compiled, "team/app/x"), open("repos/team.yaml"));
    }
    let (path, text) = claims(30_000, "team/app");
    let began = std::time::Instant::now();
    let compiled = fresh(&[
        ("repos/rest.yaml", "repo: {type: docker, storage: default, prefix: '', permissions: {}}\n"),
        (path, &text),
    ]);
    assert_eq!(serves(&compiled, "other/name-29999"), closed("repos/rest.yaml"));
    assert!(compiled.model.unwrap().snapshot.repositories().len() < 200);
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}
