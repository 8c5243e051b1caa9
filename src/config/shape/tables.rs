//! The tables: which keys each kind of file has.

use super::super::codes;
use super::{Choice, Key, Object, Shape, Typed};

const fn key(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key { name, doc, shape, required: false, default: None, may_be_empty: false }
}

impl Key {
    const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    const fn default(mut self, json: &'static str) -> Self {
        self.default = Some(json);
        self
    }

    const fn may_be_empty(mut self) -> Self {
        self.may_be_empty = true;
        self
    }
}

const fn choice(values: &'static [&'static str]) -> Choice {
    Choice { values, later: &[], later_code: None }
}

/// `repos/**.yaml`.
pub(in super::super) static REPOSITORY: Shape =
    Shape::Object(&Object { keys: &[key("repo", Shape::Object(&REPO), "The repository.").required()] });

static REPO: Object = Object {
    keys: &[
        key("type", Shape::Choice(&REPOSITORY_TYPES), "What the repository holds: `docker` is hosted artifacts.")
            .required(),
        key(
            "storage",
            Shape::Either { scalar: &Shape::Text, mapping: &STORAGE },
            "Where the images are: an alias from storages.yaml, or a storage written in place.",
        )
        .default("\"default\""),
        key(
            "prefix",
            Shape::Text,
            "The beginning of the names of the images that are served; by default the repository's name. The empty \
             text takes every name that no other repository claims.",
        ),
        key(
            "port",
            Shape::Integer { min: 1, max: 65535 },
            "Also serve this repository alone on a port of its own, where images need no prefix.",
        ),
        key(
            "immutable_tags",
            Shape::List(&Shape::Text),
            "Patterns of tags that, once written, nobody but an admin may overwrite or delete. `*` stands for any \
             characters.",
        )
        .default("[]"),
        key(
            "permissions",
            Shape::Map {
                keys: "`*` is anybody, `/*` anybody who is signed in, `/NAME` a group, and NAME a user.",
                value: &Shape::List(&GRANT),
            },
            "Who may do what. Without this section everybody may do everything; an empty one allows nothing.",
        )
        .may_be_empty(),
    ],
};

static REPOSITORY_TYPES: Choice =
    Choice { values: &["docker"], later: &["docker-proxy"], later_code: Some(codes::TYPE_UNSUPPORTED) };

static GRANT: Shape = Shape::Either { scalar: &Shape::Permission, mapping: &Shape::Object(&LONG_GRANT) };

static LONG_GRANT: Object = Object {
    keys: &[
        key("allow", Shape::Permission, "What is allowed.").required(),
        key(
            "until",
            Shape::Text,
            "When the grant ends: a date, which holds through its last second in UTC, or an RFC 3339 time.",
        ),
        key("because", Shape::Text, "Why it was granted."),
    ],
};

/// `storages.yaml`.
pub(in super::super) static STORAGES: Shape = Shape::Object(&Object {
    keys: &[key(
        "storages",
        Shape::Map { keys: "The alias, as repositories name it.", value: &STORAGE },
        "The storages, by alias.",
    )
    .required()],
});

static STORAGE: Shape = Shape::Typed(&Typed {
    types: &Choice {
        values: &["fs", "s3", "memory"],
        later: &["gcs", "azure"],
        later_code: Some(codes::STORAGE_UNSUPPORTED),
    },
    variants: &[
        ("fs", "A folder.", &FS),
        ("s3", "A bucket of an S3-compatible store.", &S3),
        ("memory", "Memory, lost at exit: for trying out and tests.", &Object { keys: &[] }),
    ],
});

static FS: Object = Object {
    keys: &[key("path", Shape::Text, "The folder; a relative path is relative to the data folder.").required()],
};

static S3: Object = Object {
    keys: &[
        key("bucket", Shape::Text, "The bucket.").required(),
        key("region", Shape::Text, "The region.").default("\"us-east-1\""),
        key("endpoint", Shape::Text, "The URL of the store, where it is not AWS."),
        key("prefix", Shape::Text, "What all keys in the bucket begin with: folders such as `registry`.")
            .default("\"\""),
        key("redirect", Shape::Boolean, "Whether clients are sent to presigned URLs of the store.").default("false"),
        key(
            "credentials",
            Shape::Object(&S3_CREDENTIALS),
            "The keys to the store; without them the usual AWS sources are tried.",
        ),
    ],
};

static S3_CREDENTIALS: Object = Object {
    keys: &[
        key("type", Shape::Choice(&S3_CREDENTIAL_TYPES), "`basic` is a pair of keys.").required(),
        key("accessKeyId", Shape::Secret, "The id of the key.").required(),
        key("secretAccessKey", Shape::Secret, "The secret key.").required(),
    ],
};

static S3_CREDENTIAL_TYPES: Choice = choice(&["basic"]);

/// `credentials.yaml`.
pub(in super::super) static CREDENTIALS: Shape = Shape::Object(&Object {
    keys: &[key(
        "credentials",
        Shape::Map { keys: "The user's name.", value: &Shape::Object(&USER) },
        "The users, by name.",
    )
    .required()],
});

static USER: Object = Object {
    keys: &[
        key("type", Shape::Choice(&HASHES), HASH_TYPE_DOC),
        key("pass", Shape::Password, "The password's hash. Without `type`: `sha256:HEX` or `plain:SECRET`.").required(),
        key("previous", Shape::Object(&PREVIOUS), "The old secret during a rotation."),
        key("email", Shape::Text, "The user's address; unique."),
        key("groups", Shape::List(&Shape::Text), "The groups that the user belongs to.").default("[]"),
        key("admin", Shape::Boolean, "Whether the user may do everything everywhere.").default("false"),
        key("description", Shape::Text, "What the user is for."),
        key(
            "expires",
            Shape::Text,
            "When the user ends: a date, which holds through its last second in UTC, or an RFC 3339 time.",
        ),
        key("enabled", Shape::Boolean, "`false` locks the user out.").default("true"),
    ],
};

static HASHES: Choice = choice(&["argon2", "bcrypt", "sha256", "plain"]);
const HASH_TYPE_DOC: &str = "How the password is hashed.";

static PREVIOUS: Object = Object {
    keys: &[
        key("type", Shape::Choice(&HASHES), HASH_TYPE_DOC),
        key("pass", Shape::Password, "The old password's hash.").required(),
        key("until", Shape::Text, "Until when the old password holds: a date or an RFC 3339 time.").required(),
    ],
};

/// `registry.yaml`.
pub(in super::super) static REGISTRY: Shape = Shape::Object(&Object {
    keys: &[
        key("server", Shape::Object(&SERVER), "How the server is reached."),
        key("tokens", Shape::Object(&TOKENS), "The tokens that clients get for their passwords."),
        key("passwords", Shape::Object(&PASSWORDS), "What new passwords must have at least."),
        key("reload", Shape::Object(&RELOAD), "How changes of this folder are noticed."),
        key("garbage", Shape::Object(&GARBAGE), "How blobs are removed that no manifest names."),
        key("log", Shape::Object(&LOG), "What is logged."),
    ],
});

static SERVER: Object = Object {
    keys: &[
        key("listen", Shape::Text, "The main address, IP and port.").default("\"127.0.0.1:5000\""),
        key("public_url", Shape::Text, "The address under which clients reach the server."),
        key(
            "trusted_proxies",
            Shape::List(&Shape::Text),
            "Networks from which X-Forwarded-For, -Proto and -Host are believed.",
        )
        .default("[]"),
        key("tls", Shape::Object(&TLS), "Serve TLS. The files are read again when they change."),
    ],
};

static TLS: Object = Object {
    keys: &[
        key("certificate", Shape::Text, "PEM file with the certificate chain, relative to this folder.").required(),
        key("key", Shape::Text, "PEM file with the private key, relative to this folder.").required(),
    ],
};

static TOKENS: Object = Object {
    keys: &[
        key("ttl", Shape::Text, "How long a token holds, 1 minute to 24 hours.").default("\"5m\""),
        key(
            "signing_key",
            Shape::Secret,
            "The key that signs tokens; by default one is made at start. Must be set where several replicas run.",
        ),
    ],
};

static PASSWORDS: Object = Object {
    keys: &[
        key("min_length", Shape::Integer { min: 8, max: 128 }, "Characters.").default("8"),
        key("lowercase", Shape::Integer { min: 1, max: 32 }, "Lower-case letters.").default("1"),
        key("uppercase", Shape::Integer { min: 1, max: 32 }, "Upper-case letters.").default("1"),
        key("digits", Shape::Integer { min: 1, max: 32 }, "Digits.").default("1"),
    ],
};

static RELOAD: Object = Object {
    keys: &[
        key(
            "mode",
            Shape::Choice(&RELOAD_MODES),
            "`watch`: the system tells of changes; `poll`: the folder is looked at.",
        )
        .default("\"watch\""),
        key("interval", Shape::Text, "How often the folder is looked at, 100 milliseconds to 1 hour.")
            .default("\"5s\""),
    ],
};

static RELOAD_MODES: Choice = choice(&["watch", "poll"]);

static GARBAGE: Object = Object {
    keys: &[
        key("every", Shape::Text, "How often the server collects, 1 second to 365 days, or `never`.")
            .default("\"24h\""),
        key(
            "grace",
            Shape::Text,
            "How long a blob that no manifest names is kept after its last use, 1 second to 365 days. Below 40 minutes, \
             for trying out, everything that works on a storage must have the same.",
        )
        .default("\"24h\""),
        key(
            "untagged",
            Shape::Text,
            "How long a manifest is kept that no tag, index or subject leads to, 1 hour to 10 years, or `never` to keep \
             it for good.",
        )
        .default("\"never\""),
    ],
};

static LOG: Object = Object {
    keys: &[
        key("level", Shape::Choice(&LOG_LEVELS), "The least important messages that are logged.").default("\"info\""),
        key("format", Shape::Choice(&LOG_FORMATS), "`text` is for people, `json` for machines.").default("\"text\""),
    ],
};

static LOG_LEVELS: Choice = choice(&["error", "warn", "info", "debug"]);
static LOG_FORMATS: Choice = choice(&["text", "json"]);
