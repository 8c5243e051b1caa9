//! The table of users.

use super::tables::{choice, key};
use super::{Choice, Object, Shape};

/// `credentials.yaml`.
pub(in super::super) static CREDENTIALS: Shape = Shape::Object(&Object {
    keys: &[key(
        "credentials",
        Shape::Map {
            keys: "A user, under the name to sign in with: 1 to 255 letters, digits and `.`, `_`, `@`, `+`, `-`, the \
                   first a letter or a digit. Case counts.",
            known: &[],
            value: &Shape::Object(&USER),
        },
        "The users, by name.",
    )
    .required()],
});

static USER: Object = Object {
    keys: &[
        key("type", Shape::Choice(&HASHES), HASH_TYPE_DOC),
        key(
            "pass",
            Shape::Password,
            "The password's hash, as `portolan hash` makes it. Without `type`: `sha256:HEX` or `plain:SECRET`.",
        )
        .required(),
        key(
            "previous",
            Shape::Object(&PREVIOUS),
            "The old secret during a rotation: both hold until its end, so that clients can change over one by one.",
        ),
        key("email", Shape::Text, "The user's address; unique, compared without case.")
            .examples(&["\"jane@example.com\""]),
        key(
            "groups",
            Shape::List(&Shape::Text),
            "The groups that the user belongs to. In permissions sections a group stands with a slash before it.",
        )
        .default("[]")
        .examples(&["[\"developers\"]"]),
        key("admin", Shape::Boolean, "Whether the user may do everything everywhere.").default("false"),
        key("description", Shape::Text, "What the user is for.").examples(&["\"pushes from CI\""]),
        key(
            "expires",
            Shape::Text,
            "When the user ends: a date, which holds through its last second in UTC, or an RFC 3339 time.",
        )
        .examples(&["\"2027-06-30\"", "\"2027-06-30T18:00:00Z\""]),
        key(
            "enabled",
            Shape::Boolean,
            "`false` locks the user out, from the next request on; the entry can stay for later.",
        )
        .default("true"),
    ],
};

static HASHES: Choice = choice(
    &["argon2", "bcrypt", "sha256", "plain"],
    &[
        "What `portolan hash` makes.",
        "For hashes that come from elsewhere, such as htpasswd.",
        "64 hexadecimal digits, without salt: a warning.",
        "The password itself: a warning.",
    ],
);
const HASH_TYPE_DOC: &str = "How the password is hashed.";

static PREVIOUS: Object = Object {
    keys: &[
        key("type", Shape::Choice(&HASHES), HASH_TYPE_DOC),
        key("pass", Shape::Password, "The old password's hash.").required(),
        key("until", Shape::Text, "Until when the old password holds: a date or an RFC 3339 time.")
            .required()
            .examples(&["\"2027-06-30\"", "\"2027-06-30T18:00:00Z\""]),
    ],
};
