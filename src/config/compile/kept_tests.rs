//! What is kept of an earlier compile changes how long the next one takes, and nothing else.

use proptest::prelude::*;

use super::super::tree::{Content, Tree};
use super::*;

const PATHS: [&str; 8] = [
    "credentials.yaml",
    "storages.yaml",
    "registry.yaml",
    "repos/a.yaml",
    "repos/b.yaml",
    "repos/b.yml",
    "repos/a/c.yaml",
    "repos/d.yaml",
];

/// Good, bad, with warnings, and at odds with one another.
const REPOSITORIES: [&str; 11] = [
    "repo:\n  type: docker\n  storage: default\n  permissions:\n    jane: [read]\n",
    "repo:\n  type: docker\n  storage: other\n  permissions: {}\n",
    "repo:\n  type: docker\n  prefix: a\n  storage: default\n  permissions: {}\n",
    "repo:\n  type: docker\n  prefix: a/c\n  storage: default\n  permissions:\n    \"*\": [read]\n",
    "repo:\n  type: docker\n  port: 5001\n  storage: default\n  permissions: {}\n",
    "repo:\n  type: docker\n  port: 5000\n  storage: default\n",
    "repo:\n  type: docker\n  storage: {type: fs, path: x}\n  permissions: {}\n",
    "repo:\n  type: docker\n  storage: {type: fs, path: x/y}\n  permissions: {}\n",
    "repo:\n  type: dokcer\n  storage: default\n  prefix: d\n",
    "repo: [\n",
    "repo: {type: docker, storage: {type: s3, bucket: b, credentials: {accessKeyId: k, secretAccessKey: hidden}}}\n",
];
const CREDENTIALS: [&str; 4] = [
    "credentials:\n  jane: {type: plain, pass: Harbour-2026}\n",
    "credentials:\n  jane: {type: plain, pass: Harbour-2026, enabled: false}\n  joe: {type: plain, pass: Lighthouse-9}\n",
    "credentials:\n  jane: {type: plain}\n",
    "credentials: {}\n",
];
const STORAGES: [&str; 3] = [
    "storages:\n  default: {type: memory}\n",
    "storages:\n  default: {type: memory}\n  other: {type: fs, path: x}\n",
    "storages:\n  default: [\n",
];
const SETTINGS: [&str; 3] =
    ["server: {listen: '127.0.0.1:5000'}\n", "server: {listen: '127.0.0.1:5001'}\n", "log: {level: loud}\n"];

/// Everything that a compile gives, in an order that does not vary.
fn shown(compiled: &Compiled) -> String {
    let model = compiled.model.as_ref().map(|model| {
        let mut users: Vec<_> = model.snapshot.users().map(|user| format!("{user:?}")).collect();
        users.sort();
        (users, format!("{:?} {:?} {:?}", model.snapshot.repositories(), model.storages, model.settings))
    });
    let Compiled { diagnostics, sources, secrets, held, hash, enforced, .. } = compiled;
    format!(
        "{model:#?} {diagnostics:#?} {sources:?} {secrets:?} {held:?} {hash} {:?}",
        std::collections::BTreeMap::from_iter(enforced)
    )
}

proptest! {
    #[test]
    fn what_is_kept_changes_nothing(edits in proptest::collection::vec((0..PATHS.len(), 0_usize..14), 1..16)) {
        let mut tree = Tree::default();
        let mut before: Option<Compiled> = None;
        for (path, text) in edits {
            let texts = [&CREDENTIALS[..], &STORAGES, &SETTINGS].get(path).copied().unwrap_or(&REPOSITORIES);
            match texts.get(text) {
                Some(text) => drop(tree.files.insert(PATHS[path].into(), Content::of(text.as_bytes().to_vec()))),
                None => drop(tree.files.remove(PATHS[path])),
            }
            let next = compile(&tree, before.as_ref());
            let forgotten = before.map(|before| Compiled { kept: Arc::default(), ..before });
            prop_assert_eq!(shown(&next), shown(&compile(&tree, forgotten.as_ref())));
            before = Some(next);
        }
    }
}

/// The same files with other texts are patched in, and everything else is not.
#[test]
fn what_concerns_one_file_alone_is_patched() {
    let good = |grants: &str| format!("repo: {{type: docker, storage: default, prefix: a, permissions: {grants}}}\n");
    let tree = |a: &str, b: &str| {
        let files = [
            ("credentials.yaml", CREDENTIALS[0]),
            ("storages.yaml", STORAGES[1]),
            ("repos/a.yaml", a),
            ("repos/b.yaml", b),
        ];
        Tree {
            files: files.iter().map(|(path, text)| ((*path).into(), Content::of(text.as_bytes().to_vec()))).collect(),
        }
    };
    let other = REPOSITORIES[1];
    let before = compile(&tree(&good("{}"), other), None);
    let patched = |tree: &Tree| patch::patch(tree, &before);
    let new = tree(&good("{jane: [read]}"), other);
    let forgotten = Compiled { kept: Arc::default(), ..before.clone() };
    assert_eq!(shown(&patched(&new).unwrap()), shown(&compile(&new, Some(&forgotten))));
    for (why, tree) in [
        ("nothing changed", tree(&good("{}"), other)),
        ("an error", tree("repo: [", other)),
        ("a warning", tree("repo: {type: docker, storage: default, prefix: a}\n", other)),
        ("another prefix", tree(&good("{}").replace("prefix: a", "prefix: z"), other)),
        ("another storage", tree(&good("{}").replace("default", "other"), other)),
        ("a port", tree(&good("{}").replace("prefix: a", "prefix: a, port: 5001"), other)),
        ("a conflict", tree(&good("{}"), &good("{}"))),
        ("a file more", {
            let mut more = new.clone();
            more.files.insert("repos/c.yaml".into(), Content::of(other.as_bytes().to_vec()));
            more
        }),
        ("a file less", {
            let mut less = new.clone();
            less.files.remove("repos/b.yaml");
            less
        }),
    ] {
        assert!(patched(&tree).is_none(), "{why}");
    }
}
