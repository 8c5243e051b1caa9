//! The table of a repository's file.

use super::super::codes;
use super::storages_table::STORAGE;
use super::tables::{choice, key};
use super::{Choice, Object, Shape};

/// `repos/**.yaml`.
pub(in super::super) static REPOSITORY: Shape = Shape::Object(&Object {
    keys: &[key(
        "repo",
        Shape::Object(&REPO),
        "The repository. Its name is the path of this file below `repos/`, without the ending.",
    )
    .required()
    .examples(&[r#"{"type": "docker", "permissions": {"/*": ["read"]}}"#])],
});

static REPO: Object = Object {
    keys: &[
        key(
            "type",
            Shape::Choice(&REPOSITORY_TYPES),
            "What the repository holds: `docker` is hosted artifacts, images and everything else that OCI knows.",
        )
        .required(),
        key(
            "storage",
            Shape::Either { scalar: &Shape::Text, mapping: &STORAGE },
            "Where the images are: an alias from storages.yaml, or a storage written in place.",
        )
        .default("\"default\"")
        .examples(&["\"default\"", r#"{"type": "fs", "path": "/srv/images"}"#]),
        key(
            "prefix",
            Shape::Text,
            "The beginning of the names of the images that are served: the image of exactly this name, and all below. \
             By default the repository's name. The empty text takes every name that no other repository claims.",
        )
        .examples(&["\"library\"", "\"\""]),
        key(
            "port",
            Shape::Integer { min: 1, max: 65535 },
            "Also serve this repository alone on a port of its own, where images need no prefix.",
        )
        .examples(&["5001"]),
        key(
            "immutable_tags",
            Shape::List(&Shape::Text),
            "Patterns of tags that, once written, nobody but an admin may overwrite or delete. `*` stands for any \
             characters. Tags that begin with `sha256-` (signatures) are meant only where a pattern begins so.",
        )
        .default("[]")
        .examples(&["[\"v*\"]"]),
        key(
            "permissions",
            Shape::Map {
                keys: "To whom: a user's name, `/NAME` for a group, `/*` for anybody who is signed in, or `*` for \
                       anybody. The value lists what they may do; permissions add up, and nothing takes any away.",
                known: &[
                    ("*", "Anybody, signed in or not. The value lists what they may do."),
                    ("/*", "Anybody who is signed in. The value lists what they may do."),
                ],
                value: &Shape::List(&GRANT),
            },
            "Who may do what. Without this section everybody may do everything; an empty one allows nothing to anyone \
             but admins.",
        )
        .may_be_empty()
        .examples(&[r#"{"/*": ["read"], "/developers": ["write"], "ci": ["repository:app:v*:push"]}"#]),
    ],
};

static REPOSITORY_TYPES: Choice = Choice {
    later: &["docker-proxy"],
    later_code: Some(codes::TYPE_UNSUPPORTED),
    ..choice(&["docker"], &["Hosted artifacts of every kind: images, charts, signatures and more."])
};

static GRANT: Shape = Shape::Either { scalar: &Shape::Permission, mapping: &Shape::Object(&LONG_GRANT) };

static LONG_GRANT: Object = Object {
    keys: &[
        key("allow", Shape::Permission, "What is allowed: a simple word or a granular permission.")
            .required()
            .examples(&["\"read\"", "\"repository:app:push\""]),
        key(
            "until",
            Shape::Text,
            "When the grant ends: a date, which holds through its last second in UTC, or an RFC 3339 time.",
        )
        .examples(&["\"2027-06-30\"", "\"2027-06-30T18:00:00Z\""]),
        key("because", Shape::Text, "Why it was granted, for whoever reads this later.")
            .examples(&["\"hotfix INC-42\""]),
    ],
};
