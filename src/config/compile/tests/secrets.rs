//! What is not shown.

use super::*;

#[test]
fn secrets_are_never_shown() {
    let texts = [
        ("credentials.yaml", "credentials: {jane: {type: plain, pass: hunter2, emial: x}}\n"),
        ("credentials.yaml", "credentials:\n  jane:\n    passs: hunter2\n"),
        ("credentials.yaml", "credentials:\n  jane: hunter2\n"),
        ("credentials.yaml", "credentials:\n  jane: [hunter2]\n"),
        ("credentials.yaml", "credentials:\n  jane: {hunter2}\n"),
        ("credentials.yaml", "credentials:\n  jane:\n    pass: *hunter2\n"),
        ("credentials.yaml", "credentials:\n  jane:\n    pass: @hunter2\n"),
        ("credentials.yaml", "credentials:\n  jane:\n    pass:hunter2: x\n"),
        ("credentials.yaml", "credentials:\n  jane:\n    pass: 'hunter2\n"),
        ("credentials.yaml", "credentials:\n  jane:\n    type: sha256\n    pass: hunter2\n"),
        ("credentials.yaml", "credentials:\n  jane:\n    type: plain\n    pass: !x hunter2\n"),
        ("credentials.yaml", "credentials:\n  jane:\n    type: plain\n    pass: hunter2\n    pass: hunter2\n"),
        ("registry.yaml", "tokens:\n  signing_key: hunter2\n"),
        ("registry.yaml", "tokens:\n  signing_key: {value: hunter2}\n"),
        ("registry.yaml", "tokens:\n  signing_key: hunter2\n\tx: y"),
        (
            "storages.yaml",
            "storages:\n  a: {type: s3, bucket: b, credentials: {type: basic, accessKeyId: a, secretAccessKey: hunter2}}\n",
        ),
        ("storages.yaml", "storages:\n  a: {type: s3, bucket: b, secretKey: hunter2}\n"),
    ];
    for (file, text) in texts {
        let compiled = fresh(&[(file, text)]);
        assert!(!compiled.diagnostics.is_empty(), "{text}");
        for diagnostic in &compiled.diagnostics {
            let said = format!("{} {:?} {:?}", diagnostic.message, diagnostic.help, diagnostic.secondary);
            assert!(!said.contains("hunter2"), "{text}\n{said}");
        }
        let mut shown = text.to_owned();
        for span in compiled.secrets[file].iter().rev() {
            shown.replace_range(span.start..span.end, "…");
        }
        assert!(!shown.contains("hunter2"), "{text}\n{shown}");
    }
}

#[test]
fn a_conflict_does_not_show_what_check_hides() {
    let held = "repo:\n  type: docker\n  prefix: shared # the key is 9q8kk7e43\n  port: 5001 # again 9q8kk7e43\n  \
                storage:\n    type: s3\n    bucket: b # and 9q8kk7e43\n    credentials: {type: basic, accessKeyId: AKIALEAK1, \
                secretAccessKey: {env: NAME}}\n  permissions: {}\n";
    let in_bucket =
        "{type: s3, bucket: b, prefix: x, credentials: {type: basic, accessKeyId: o, secretAccessKey: {env: NAME}}}";
    for (code, other) in [
        ("prefix-conflict", "repo: {type: docker, prefix: shared, storage: default, permissions: {}}\n".to_owned()),
        ("foreign-prefix", "repo: {type: docker, prefix: shared/a, storage: default, permissions: {}}\n".to_owned()),
        ("port-conflict", "repo: {type: docker, port: 5001, storage: default, permissions: {}}\n".to_owned()),
        ("storage-overlap", format!("repo: {{type: docker, storage: {in_bucket}, permissions: {{}}}}\n")),
    ] {
        let before = fresh(&[("repos/a.yaml", GOOD), ("repos/b.yaml", held)]);
        assert_eq!(before.secrets, [].into(), "{:?}", before.diagnostics);
        let tree = tree(&[("repos/a.yaml", &other), ("repos/b.yaml", held)]);
        let checked = super::super::check(&tree, jiff::Timestamp::UNIX_EPOCH).compiled;
        let hidden = checked.secrets.get("repos/b.yaml").unwrap();
        let shown = |span: &crate::diagnostic::Span| held[span.start..span.end].to_owned();
        assert_eq!(hidden.iter().filter(|span| shown(span).contains("9q8kk7e43")).count(), 3, "{hidden:?}");
        assert!(hidden.iter().any(|span| shown(span).contains("AKIALEAK1")), "{hidden:?}");
        for compiled in [compile(&tree, None), compile(&tree, Some(&before))] {
            assert!(compiled.diagnostics.iter().any(|found| found.code == code), "{:?}", compiled.diagnostics);
            assert_eq!(compiled.secrets.get("repos/b.yaml"), Some(hidden), "{code}");
        }
    }
}

#[test]
fn a_secret_in_the_place_of_a_variable_is_not_repeated() {
    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPx";
    let storages = format!(
        "storages:\n  s:\n    type: s3\n    bucket: b\n    credentials:\n      type: basic\n      accessKeyId: {{env: KEY_ID}}\n      \
         secretAccessKey: {{env: {SECRET}}}\n"
    );
    let registry = format!("tokens: {{signing_key: {{env: '{SECRET}'}}}}\n");
    let tree = tree(&[("storages.yaml", &storages), ("registry.yaml", &registry), ("repos/a.yaml", GOOD)]);
    let mut checked = super::super::check(&tree, jiff::Timestamp::UNIX_EPOCH);
    checked.add_missing(|reference| Some(format!("{:?} is not set", reference.source)));
    let compiled = &checked.compiled;
    let codes: Vec<_> = compiled.diagnostics.iter().map(|found| found.code).collect();
    assert_eq!(codes, ["bad-secret", "missing-secret", "bad-secret"]);
    assert!(!format!("{:?} {:?}", compiled.diagnostics, checked.references).contains(SECRET));
    for (file, text) in [("registry.yaml", &registry), ("storages.yaml", &storages)] {
        let at = text.find(SECRET).unwrap();
        let hidden = &compiled.secrets[file];
        assert!(hidden.iter().any(|span| span.start <= at && at + SECRET.len() <= span.end), "{file}: {hidden:?}");
    }
}

#[test]
fn what_follows_a_lost_line_break_is_hidden() {
    const SECRET: &str = "9q8kk7e43abf56";
    let user = |lines: &str| ("credentials.yaml", format!("credentials:\n  jane:\n    type: plain\n    {lines}\n"));
    let until = format!("pass: x\n    previous: {{type: plain, pass: y, until: 2027-01-01 pass:{SECRET}}}");
    let bucket = |key: &str| format!("storages:\n  s:\n    type: s3\n    bucket: b\n    {key} pass:{SECRET}\n");
    let repository = format!("repo:\n  type: docker\n  prefix: a pass:{SECRET}\n  permissions: {{}}\n");
    for (file, text) in [
        user(&format!("expires: 2027-01-01 pass:{SECRET}")),
        user(&until),
        user(&format!("admin: true pass:{SECRET}")),
        user(&format!("enabled: true pass:{SECRET}")),
        user(&format!("groups: x pass:{SECRET}")),
        user(&format!("groups: [x pass:{SECRET}]")),
        user(&format!("email: a@b pass:{SECRET}")),
        ("credentials.yaml", format!("credentials:\n  jane: {{type: {SECRET}, pass: x}}\n")),
        ("credentials.yaml", format!("credentials:\n  jane: {{type: plain pass:{SECRET}}}\n")),
        ("registry.yaml", format!("tokens:\n  ttl: 5m signing_key:{SECRET}\n")),
        ("registry.yaml", format!("server:\n  listen: 0.0.0.0:5000 signing_key:{SECRET}\n")),
        ("registry.yaml", format!("server:\n  public_url: 'https://a signing_key:{SECRET}'\n")),
        ("registry.yaml", format!("log:\n  level: info signing_key:{SECRET}\n")),
        ("registry.yaml", format!("garbage:\n  every: 1d signing_key:{SECRET}\n")),
        ("storages.yaml", bucket("endpoint: https://a")),
        ("storages.yaml", bucket("region: eu")),
        ("storages.yaml", bucket("redirect: true")),
        ("repos/a.yaml", repository),
        ("repos/a.yaml", format!("repo:\n  type: docker\n  storage: a pass:{SECRET}\n  permissions: {{}}\n")),
        ("repos/a.yaml", format!("repo:\n  type: docker\n  permissions:\n    jane: [read pass:{SECRET}]\n")),
        ("repos/a.yaml", format!("repo:\n  type: docker\n  permissions:\n    jane pass:{SECRET}: [read]\n")),
        ("repos/a.yaml", format!("repo:\n  type: docker\n  immutable_tags: [v pass:{SECRET}]\n  permissions: {{}}\n")),
    ] {
        let compiled = fresh(&[(file, &text)]);
        let found: Vec<_> = compiled.diagnostics.iter().filter(|found| &*found.primary.place.file == file).collect();
        assert!(!found.is_empty() && !format!("{found:?}").contains(SECRET), "{text} {found:?}");
        let at = text.find(SECRET).unwrap();
        let hidden = &compiled.secrets[file];
        assert!(hidden.iter().any(|span| span.start <= at && at + SECRET.len() <= span.end), "{text}: {hidden:?}");
    }
    // What cannot be a secret is shown.
    for text in ["tokens: {ttl: 5x}\n", "log: {level: lout}\n"] {
        let compiled = fresh(&[("registry.yaml", text)]);
        assert_eq!((compiled.diagnostics.len(), &compiled.secrets["registry.yaml"]), (1, &Vec::new()), "{text}");
    }
}
