//! What tables are made of, and the table of the server's settings.

use super::{Choice, Key, Object, Shape};

pub(super) const fn key(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key { name, doc, shape, required: false, any_of: false, default: None, examples: &[], may_be_empty: false }
}

impl Key {
    pub(super) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(super) const fn any_of(mut self) -> Self {
        self.any_of = true;
        self
    }

    pub(super) const fn examples(mut self, json: &'static [&'static str]) -> Self {
        self.examples = json;
        self
    }

    pub(super) const fn default(mut self, json: &'static str) -> Self {
        self.default = Some(json);
        self
    }

    pub(super) const fn may_be_empty(mut self) -> Self {
        self.may_be_empty = true;
        self
    }
}

/// The `docs` say of each value what it means.
pub(super) const fn choice(values: &'static [&'static str], docs: &'static [&'static str]) -> Choice {
    Choice { values, docs, instead: &[], later: &[], later_code: None }
}

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
        key("listen", Shape::Text, "The main address, IP and port; `serve --listen` goes before it.")
            .default("\"127.0.0.1:5000\"")
            .examples(&["\"0.0.0.0:5000\""]),
        key(
            "public_url",
            Shape::Text,
            "The address under which clients reach the server, where a proxy stands before it.",
        )
        .examples(&["\"https://registry.example.com\""]),
        key(
            "trusted_proxies",
            Shape::List(&Shape::Text),
            "Networks from which X-Forwarded-For, -Proto and -Host are believed.",
        )
        .default("[]")
        .examples(&["[\"10.0.0.0/8\"]"]),
        key("tls", Shape::Object(&TLS), "Serve TLS. The files are read again when they change.")
            .examples(&[r#"{"certificate": "tls/cert.pem", "key": "tls/key.pem"}"#]),
    ],
};

static TLS: Object = Object {
    keys: &[
        key("certificate", Shape::Text, "PEM file with the certificate chain, relative to this folder.")
            .required()
            .examples(&["\"tls/cert.pem\""]),
        key("key", Shape::Text, "PEM file with the private key, relative to this folder.")
            .required()
            .examples(&["\"tls/key.pem\""]),
    ],
};

static TOKENS: Object = Object {
    keys: &[
        key("ttl", Shape::Text, "How long a token holds, 1 minute to 24 hours.")
            .default("\"5m\"")
            .examples(&["\"15m\""]),
        key(
            "signing_key",
            Shape::Secret,
            "The key that signs tokens; by default one is made at start. At least \
             32 bytes. Must be set where several replicas run.",
        )
        .examples(&[r#"{"file": "secrets/token.key"}"#, r#"{"env": "PORTOLAN_SIGNING_KEY"}"#]),
    ],
};

static PASSWORDS: Object = Object {
    keys: &[
        key("min_length", Shape::Integer { min: 8, max: 128 }, "How many characters.").default("8"),
        key("lowercase", Shape::Integer { min: 1, max: 32 }, "How many lower-case letters.").default("1"),
        key("uppercase", Shape::Integer { min: 1, max: 32 }, "How many upper-case letters.").default("1"),
        key("digits", Shape::Integer { min: 1, max: 32 }, "How many digits.").default("1"),
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

static RELOAD_MODES: Choice = choice(
    &["watch", "poll"],
    &["The system tells of changes; the folder is looked at now and then all the same.", "The folder is looked at."],
);

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

static LOG_LEVELS: Choice = choice(
    &["error", "warn", "info", "debug"],
    &["Failures.", "And what should be looked at.", "And requests and changes.", "And what helps to find a fault."],
);
static LOG_FORMATS: Choice = choice(&["text", "json"], &["For people.", "For machines, one object a line."]);
