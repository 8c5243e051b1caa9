//! The table of storages.

use super::super::codes;
use super::tables::{choice, key};
use super::{Choice, Object, Shape, Typed};

/// `storages.yaml`.
pub(in super::super) static STORAGES: Shape = Shape::Object(&Object {
    keys: &[key(
        "storages",
        Shape::Map { keys: "A storage, under the alias by which repositories name it.", known: &[], value: &STORAGE },
        "The storages, by alias. A repository that names none uses `default`.",
    )
    .required()
    .examples(&[r#"{"default": {"type": "fs", "path": "/var/lib/portolan"}}"#])],
});

pub(super) static STORAGE: Shape = Shape::Typed(&Typed {
    types: &Choice {
        later: &["gcs", "azure"],
        later_code: Some(codes::STORAGE_UNSUPPORTED),
        ..choice(
            &["fs", "s3", "memory"],
            &["A folder.", "A bucket of an S3-compatible store.", "Memory, lost at exit."],
        )
    },
    variants: &[
        ("fs", "A folder.", &FS),
        ("s3", "A bucket of an S3-compatible store.", &S3),
        ("memory", "Memory, lost at exit: for trying out and tests.", &Object { keys: &[] }),
    ],
});

static FS: Object = Object {
    keys: &[key(
        "path",
        Shape::Text,
        "The folder; a relative path is relative to the data folder, which `serve --data` names.",
    )
    .required()
    .examples(&["\"/var/lib/portolan\""])],
};

static S3: Object = Object {
    keys: &[
        key("bucket", Shape::Text, "The bucket, which has to exist.").required().examples(&["\"images\""]),
        key("region", Shape::Text, "The region of the bucket.")
            .default("\"us-east-1\"")
            .examples(&["\"eu-central-1\""]),
        key("endpoint", Shape::Text, "The URL of the store, where it is not AWS.")
            .examples(&["\"https://s3.example.com\""]),
        key("prefix", Shape::Text, "What all keys in the bucket begin with: folders such as `registry`.")
            .default("\"\"")
            .examples(&["\"registry\""]),
        key(
            "redirect",
            Shape::Boolean,
            "Whether clients are sent to presigned URLs of the store, so that its network carries the bytes.",
        )
        .default("false"),
        key(
            "credentials",
            Shape::Object(&S3_CREDENTIALS),
            "The keys to the store; without them the usual AWS sources are tried.",
        )
        .examples(&[
            r#"{"type": "basic", "accessKeyId": {"env": "S3_KEY_ID"}, "secretAccessKey": {"env": "S3_SECRET"}}"#,
        ]),
    ],
};

static S3_CREDENTIALS: Object = Object {
    keys: &[
        key("type", Shape::Choice(&S3_CREDENTIAL_TYPES), "What kind of credentials: `basic` is a pair of keys.")
            .required(),
        key("accessKeyId", Shape::Secret, "The id of the key: a text, `{env: NAME}` or `{file: PATH}`.")
            .required()
            .examples(&[r#"{"env": "S3_KEY_ID"}"#]),
        key("secretAccessKey", Shape::Secret, "The secret key: `{env: NAME}` or `{file: PATH}` keeps it out of git.")
            .required()
            .examples(&[r#"{"env": "S3_SECRET"}"#]),
    ],
};

static S3_CREDENTIAL_TYPES: Choice = choice(&["basic"], &["A pair of keys."]);
