//! What stays in force where files break or go.

use super::*;

#[test]
fn what_is_held_back_keeps_its_names() {
    let core = repo("  prefix: team\n  permissions: {}\n");
    let moved = repo("  prefix: teams\n  permissions: {}\n  x: y\n");
    let evil = repo("  prefix: team/secret\n  permissions: {'*': ['*']}\n");
    let before = fresh(&[("repos/core.yaml", &core)]);
    let now = tree(&[("repos/core.yaml", &moved), ("repos/evil.yaml", &evil), ("repos/team/own.yaml", GOOD)]);
    let mut after = compile(&now, Some(&before));
    for _ in 0..2 {
        assert_eq!(
            problems(&after),
            ["repos/core.yaml unknown-key `x`", "repos/evil.yaml foreign-prefix `team/secret` +repos/core.yaml"]
        );
        assert_eq!(serves(&after, "team/secret/x"), open("repos/core.yaml"));
        assert_eq!(serves(&after, "team/own/x"), open("repos/team/own.yaml"));
        assert_eq!(serves(&after, "evil/x"), closed("repos/evil.yaml"));
        after = compile(&now, Some(&after));
    }
    // A broken file cannot close them, either.
    let evil_broken = format!("{evil}  x: y\n");
    let now = tree(&[("repos/core.yaml", &moved), ("repos/evil.yaml", &evil_broken)]);
    assert_eq!(serves(&compile(&now, Some(&before)), "team/secret/x"), open("repos/core.yaml"));
    // Who is refused and stays where it was is held back, too.
    let at = |prefix: &str| repo(&format!("  prefix: {prefix}\n  permissions: {{}}\n"));
    let before = fresh(&[("repos/a.yaml", &at("one")), ("repos/b.yaml", &at("two"))]);
    let now = tree(&[
        ("repos/a.yaml", &format!("{}  x: y\n", at("three"))),
        ("repos/b.yaml", &at("one/b")),
        ("repos/c.yaml", &at("two/c")),
    ]);
    let after = compile(&now, Some(&before));
    assert_eq!(serves(&after, "one/b/x"), open("repos/a.yaml"));
    assert_eq!(serves(&after, "two/c/x"), open("repos/b.yaml"));
}

#[test]
fn a_broken_repository_keeps_its_last_good_text() {
    let old = repo("  prefix: p\n  permissions:\n    jane: [read]\n");
    let before = fresh(&[("repos/a.yaml", &old), ("repos/b.yaml", GOOD)]);
    let broken = tree(&[("repos/a.yaml", "repo: {"), ("repos/b.yaml", &repo("  permissions: {joe: [read]}\n"))]);
    let mut now = compile(&broken, Some(&before));
    for _ in 0..2 {
        assert_eq!(serves(&now, "p/x"), open("repos/a.yaml"));
        assert_eq!(repository(&now, "a").access.grants().count(), 1);
        assert_eq!(repository(&now, "b").access.grants().count(), 1, "the rest goes on");
        assert_eq!(
            now.held.iter().map(|(path, text)| (&**path, &**text)).collect::<Vec<_>>(),
            [("repos/a.yaml", &*old)]
        );
        // And still so at the next reload.
        now = compile(&broken, Some(&now));
    }
    // A new file cannot take what is held.
    let thief = tree(&[("repos/a.yaml", "repo: {"), ("repos/p.yaml", GOOD)]);
    let after = compile(&thief, Some(&now));
    assert!(
        problems(&after).contains(&"repos/p.yaml prefix-conflict +repos/a.yaml".to_owned()),
        "{:?}",
        problems(&after)
    );
    assert_eq!(serves(&after, "p/x"), open("repos/a.yaml"));
    // A deleted file is no mistake.
    assert_eq!(serves(&compile(&tree(&[]), Some(&after)), "p/x"), None);
    // With no good version known it is closed, its prefix included.
    let start = fresh(&[("repos/a.yaml", "repo:\n  type: [\n  prefix: p/q # x\n"), ("repos/p.yaml", GOOD)]);
    assert_eq!(serves(&start, "p/q/x"), closed("repos/a.yaml"));
    assert_eq!(serves(&start, "a/x"), closed("repos/a.yaml"));
    assert_eq!(serves(&start, "p/x"), open("repos/p.yaml"));
    // What was closed has nothing to keep.
    let again = compile(&tree(&[("repos/a.yaml", "repo: {")]), Some(&start));
    assert_eq!(serves(&again, "a/x"), closed("repos/a.yaml"));
    assert!(again.held.is_empty());
}

#[test]
fn a_broken_single_file_keeps_its_last_good_text() {
    let good = [
        ("credentials.yaml", "credentials: {jane: {type: plain, pass: x}}\n"),
        ("storages.yaml", "storages: {default: {type: memory}}\n"),
        ("registry.yaml", "tokens: {ttl: 10m}\n"),
        ("repos/a.yaml", GOOD),
    ];
    let before = fresh(&good);
    assert!(before.model.is_some());
    for index in 0..3 {
        let mut files = good;
        files[index].1 = "oops: [";
        assert!(fresh(&files).model.is_none());
        let after = compile(&tree(&files), Some(&before));
        assert_eq!(after.held.len(), 1);
        let again = compile(&tree(&files), Some(&after));
        let (before, model) = (before.model.as_ref().unwrap(), again.model.as_ref().unwrap());
        assert!(model.snapshot.user("jane").is_some());
        assert_eq!(model.storages, before.storages);
        assert_eq!(model.settings, before.settings);
        assert_eq!(serves(&again, "a/x"), open("repos/a.yaml"));
    }
    // A first broken file changes nothing.
    let before = fresh(&[("repos/a.yaml", GOOD)]);
    let after = compile(&tree(&[("repos/a.yaml", GOOD), ("credentials.yaml", "x")]), Some(&before));
    assert!(after.model.is_some_and(|model| !model.snapshot.has_users()));
}

#[test]
fn a_storage_that_is_gone_stays_where_it_is_used() {
    let files = [
        ("repos/a.yaml", "repo: {type: docker, storage: fast, permissions: {}}\n"),
        ("storages.yaml", "storages: {fast: {type: memory}}\n"),
    ];
    let before = fresh(&files);
    let after = compile(&tree(&[files[0], ("storages.yaml", "storages: {}\n")]), Some(&before));
    assert_eq!(problems(&after), ["repos/a.yaml unknown-storage `fast`"]);
    assert_eq!(serves(&after, "a/x"), open("repos/a.yaml"));
    assert_eq!(after.model.unwrap().storages.len(), 1);
}

#[test]
fn places_of_an_earlier_text_are_not_shown_in_the_present_one() {
    let registry = "# The first line of several.\n# The second.\nserver:\n  listen: '127.0.0.1:5001'\n";
    let storages = "# The first line of several.\n# The second.\nstorages:\n  default: {type: fs, path: x}\n";
    let repo = "repo: {type: docker, port: 5001, storage: {type: fs, path: x/y}, permissions: {}}\n";
    let before = fresh(&[("registry.yaml", registry), ("storages.yaml", storages), ("repos/a.yaml", GOOD)]);
    assert_eq!(problems(&before), [""; 0]);
    let others = |compiled: &Compiled| -> Vec<String> {
        let of_repository = compiled.diagnostics.iter().filter(|found| &*found.primary.place.file == "repos/b.yaml");
        let place = |found: &crate::diagnostic::Diagnostic| {
            let place = &found.secondary[0].place;
            format!("{} {} {}", found.code, place.file, place.span.is_some())
        };
        of_repository.map(place).collect()
    };
    let with = |registry, storages| {
        let files =
            [("registry.yaml", registry), ("storages.yaml", storages), ("repos/a.yaml", GOOD), ("repos/b.yaml", repo)];
        compile(&tree(&files), Some(&before))
    };
    let good = with(registry, storages);
    assert_eq!(others(&good), ["port-is-main registry.yaml true", "storage-overlap storages.yaml true"]);
    let broken = with("server: [\n", "storages: [\n");
    assert_eq!(others(&broken), ["port-is-main registry.yaml false", "storage-overlap storages.yaml false"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Samples with anything put anywhere compile, or are told of; what is in force goes on.
    #[test]
    fn damaged_files_are_told_of(
        damages in prop::collection::vec((0..4usize, any::<prop::sample::Index>(), 0..12usize, "[a-z*&!'\"\\[\\]{}:, \n\t\u{0}é-]{0,3}"), 1..4),
    ) {
        let mut files = [
            ("credentials.yaml", include_str!("../../../../tests/data/config/credentials.yaml").to_owned()),
            ("registry.yaml", include_str!("../../../../tests/data/config/registry.yaml").to_owned()),
            ("repos/a.yaml", repo("  prefix: library\n  port: 5001\n  permissions: {jane: [read]}\n")),
            ("repos/b.yaml", include_str!("../../../../tests/data/config/repository.yaml").replace("5001", "5002").replace("prefix: library", "prefix: b/c")),
        ];
        let folder = |files: &[(&str, String)]| tree(&files.iter().map(|(path, text)| (*path, text.as_str())).collect::<Vec<_>>());
        let before = compile(&folder(&files), None);
        prop_assert!(!before.has_errors(), "{:?}", problems(&before));
        for (file, at, removed, put) in damages {
            let text = &mut files[file].1;
            let start = text.floor_char_boundary(at.index(text.len() + 1));
            let end = text.floor_char_boundary((start + removed).min(text.len())).max(start);
            text.replace_range(start..end, &put);
        }
        let damaged = folder(&files);
        let at_start = compile(&damaged, None);
        prop_assert!(at_start.model.is_some() || at_start.has_errors());
        let after = compile(&damaged, Some(&before));
        prop_assert!(after.model.is_some());
        prop_assert_eq!(after.has_errors(), at_start.has_errors(), "{:?} {:?}", problems(&at_start), problems(&after));
        if !after.has_errors() {
            prop_assert!(after.held.is_empty());
        }
        // An unchanged folder changes nothing.
        let again = compile(&damaged, Some(&after));
        prop_assert_eq!(problems(&again), problems(&after));
        prop_assert_eq!(&again.held, &after.held);
    }
}
