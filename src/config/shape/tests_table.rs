//! The table of access tests.

use super::tables::{choice, key};
use super::{Choice, Object, Shape};

/// `tests/**.yaml`.
pub(in super::super) static TESTS: Shape = Shape::Object(&Object {
    keys: &[key(
        "tests",
        Shape::Filled(&Shape::Object(&TEST)),
        "The access tests, which `portolan test` runs. The server does not look at them.",
    )
    .required()
    .examples(&[r#"[{"as": "anonymous", "cannot": "push", "image": "library/alpine:3.20"}]"#])],
});

static TEST: Object = Object {
    keys: &[
        key(
            "as",
            Shape::OneOrMore(&Shape::Text),
            "Who asks: a user of credentials.yaml, `anonymous` for a client that is not signed in, or a list of them.",
        )
        .required()
        .examples(&["\"anonymous\"", "[\"jane\", \"anonymous\"]"]),
        key(
            "can",
            Shape::OneOrMore(&Shape::Choice(&ACTIONS)),
            "What must be allowed: an action, or a list of actions each of which must be. A test has `can`, `cannot`, \
             or both.",
        )
        .any_of()
        .examples(&["\"pull\"", "[\"pull\", \"push\"]"]),
        key(
            "cannot",
            Shape::OneOrMore(&Shape::Choice(&ACTIONS)),
            "What must be refused: an action, or a list of actions each of which must be.",
        )
        .any_of()
        .examples(&["\"push\"", "[\"push\", \"overwrite\", \"delete\"]"]),
        key(
            "image",
            Shape::OneOrMore(&Shape::Text),
            "The image by its full name, prefix included and host left out, alone or with a tag, or a list of them. \
             Without a tag the question is whether the action is allowed at all: on some tag, or by digest.",
        )
        .required()
        .examples(&["\"library/alpine\"", "\"payments/api:v1.2.3\""]),
        key(
            "at",
            Shape::Text,
            "The moment to judge at, now if it is left out: a date, which is its first moment in UTC, or an RFC 3339 \
             time. Grants with `until` and users with `expires` depend on it.",
        )
        .examples(&["\"2026-12-24\"", "\"2026-12-24T18:00:00Z\""]),
    ],
};

static ACTIONS: Choice = Choice {
    instead: &[
        ("read", "pull"),
        ("download", "pull"),
        ("install", "pull"),
        ("write", "push"),
        ("publish", "push"),
        ("deploy", "push"),
        ("upload", "push"),
        ("remove", "delete"),
    ],
    ..choice(
        &["pull", "push", "overwrite", "delete"],
        &[
            "Read the image: manifests, blobs, the tag list, the referrers. A tag makes no difference.",
            "Create the tag, which does not exist yet. Without a tag: upload, and push a manifest by digest.",
            "Replace the tag, which exists. Without a tag: replace some tag of the image.",
            "Delete the tag. Without a tag: delete a manifest by its digest, within what its tags allow.",
        ],
    )
};
