//! Every kind of problem that a configuration can have, with the long text that `portolan explain` prints.

use crate::diagnostic::Severity;

/// A kind of problem.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// The stable name, such as `unknown-key`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What it is, in one line.
    pub title: &'static str,
    /// What it means, an example, and how to mend it.
    pub explanation: &'static str,
}

/// The kind of problem with this code.
pub fn code(name: &str) -> Option<&'static Code> {
    ALL.iter().find(|code| code.code == name).copied()
}

macro_rules! codes {
    ($($name:ident = $severity:ident $code:literal, $title:literal, $explanation:literal;)*) => {
        $(pub(super) const $name: &Code = &Code {
            code: $code,
            severity: Severity::$severity,
            title: $title,
            explanation: $explanation,
        };)*

        /// All kinds of problems.
        pub const ALL: &[&Code] = &[$($name),*];
    };
}

codes! {
    FILE_UNREADABLE = Error "file-unreadable", "a file cannot be read",
        "The file is there, but the system refuses to read it. Until it can be read, the last good text stays in \
        force.\n\nLook at its owner and mode; the server's user needs to read it, and to enter every folder above it.";
    FILE_TOO_LARGE = Error "file-too-large", "a file is larger than 1 MiB",
        "A configuration file has at most 1 MiB, so that no file can exhaust the memory of the server that reads it.\
        \n\nSplit it: a repository's images can be spread over several repositories, each with a file of its own \
        below `repos/`.";
    NOT_UTF8 = Error "not-utf8", "a file is not UTF-8 text",
        "Configuration files are UTF-8. This one holds bytes that are not, as happens with files in Latin-1 or \
        UTF-16, and with files that are no text at all.\n\nSave it as UTF-8: `iconv -f LATIN1 -t UTF-8 OLD > NEW`.";
    FILE_TWICE = Error "file-twice", "the same file exists under two names",
        "A file may end with `.yaml` or with `.yml`, and `credentials` and `storages` may begin with `_`, but only \
        one of these names may be used at a time: nobody could tell which one counts.\n\n    credentials.yaml\n    \
        _credentials.yml\n\nKeep one of them and remove the other.";
    EMPTY_FILE = Error "empty-file", "a file has no content",
        "The file is empty or has nothing but comments. An empty file is more often an accident (a full disk, an \
        editor that was killed) than meant, so it does not count as `no settings`.\n\nWrite what the file should \
        say, or remove it. A credentials file without users is\n\n    credentials: {}";
    YAML_SYNTAX = Error "yaml-syntax", "the text is not YAML",
        "The YAML reader cannot go on at this place; what comes after it has not been looked at.\n\nThe usual \
        reasons are a line that is indented otherwise than its neighbours, a quote that is never closed, and a text \
        with `: ` or ` #` in it that is not quoted:\n\n    description: pushes: images      # wrong\n    \
        description: \"pushes: images\"    # right";
    YAML_TAB = Error "yaml-tab", "a tab is used for indentation",
        "YAML is indented with blanks; a tab cannot stand there.\n\nReplace each tab by two blanks, and tell the \
        editor to do so by itself.";
    YAML_TOO_DEEP = Error "yaml-too-deep", "lists and mappings are nested too deeply",
        "At most 64 lists and mappings may be nested in one another. No configuration needs more than 6; the bound \
        keeps a file from exhausting the memory of the server.";
    YAML_ALIASES = Error "yaml-aliases", "aliases stand for too much",
        "An alias (`*name`) repeats what its anchor (`&name`) marks. Aliases of aliases multiply, so together they \
        may stand for at most 100,000 values.\n\nWrite fewer aliases, or name the users in a group and grant to \
        the group.";
    YAML_ALIAS = Error "yaml-alias", "an alias has no anchor",
        "`*name` repeats what `&name` marked before it in the same file. Here, there is no such mark, or the alias \
        stands inside of what it should repeat.\n\nWhere a pattern was meant, quote it:\n\n    immutable_tags: \
        [*-rc]      # an alias of the name `-rc`\n    immutable_tags: [\"*-rc\"]    # the pattern";
    UNQUOTED_STAR = Error "unquoted-star", "a `*` must be quoted",
        "In YAML a `*` at the beginning of a word is an alias. Anybody, and every operation, are written with \
        quotes:\n\n    permissions:\n      \"*\":\n        - read\n      mark:\n        - \"*\"";
    YAML_TAG = Error "yaml-tag", "a YAML tag is not known here",
        "Tags (`!name`) give values a type of their own; no value of this configuration needs one. Only `!!str` is \
        accepted, which makes a text of what follows.\n\nRemove the tag.";
    YAML_KEY = Error "yaml-key", "a key is a list or a mapping",
        "YAML allows lists and mappings as keys; here, every key is a word. This often happens where braces are \
        not quoted:\n\n    {name}: value      # a mapping as a key\n    \"{name}\": value    # a text";
    DUPLICATE_KEY = Error "duplicate-key", "a key stands twice in one mapping",
        "Of two equal keys only one could count, and which one would depend on the program that reads the file. \
        Where the two are lists, join them:\n\n    jane: [read]\n    jane: [write]        # wrong\n\n    jane: \
        [read, write]  # right";
    YAML_DOCUMENTS = Error "yaml-documents", "a file holds several documents",
        "A line `---` begins another YAML document, and only one could count. Remove the line, or move what follows \
        into a file of its own.";
    UNKNOWN_KEY = Error "unknown-key", "a key is not known",
        "The key means nothing at this place. A misspelt key is never ignored, because what it should have said \
        would silently not hold:\n\n    repo:\n      permisions: {}    # the repository would be open to everyone\
        \n\nThe message names the nearest key that is known, if one is near. `portolan schema` lists them all.";
    MISSING_KEY = Error "missing-key", "a key is missing",
        "The mapping lacks a key that it cannot do without; the message names it. A user, for instance, needs a \
        `pass`: without one, nobody could sign in, or anybody.";
    WRONG_TYPE = Error "wrong-type", "a value is of the wrong type",
        "The key wants another type of value: a text, a number, `true` or `false`, a list, or a mapping. Texts that \
        YAML takes for something else must be quoted:\n\n    prefix: 2024      # a number\n    prefix: \"2024\"    \
        # a text";
    UNKNOWN_VALUE = Error "unknown-value", "a value is not among those that are known",
        "The key has a fixed set of values, and this is not one of them. The message lists them. Case counts.";
    OUT_OF_RANGE = Error "out-of-range", "a number or a duration is too small or too large",
        "The value is outside of the range that makes sense, which the message names. A port, for instance, is 1 to \
        65535, and a token holds for 1 minute to 24 hours.";
    BAD_REPOSITORY_NAME = Error "bad-repository-name", "a file's name cannot be an image name",
        "A repository serves the images below its own name, the path of its file below `repos/`, so that each part \
        of the path must be one of an image name: lower-case letters and digits, with single `.`, `_` or `__`, or \
        `-` between them.\n\n    repos/Team_A.yaml      # wrong: upper case\n    repos/team-a.yaml      # right\n\n\
        Rename the file, or set `prefix`.";
    BAD_PREFIX = Error "bad-prefix", "a prefix cannot be an image name",
        "The prefix is the beginning of image names: one or more components of lower-case letters and digits, with \
        single `.`, `_` or `__`, or `-` between them, separated by `/`. The empty text \"\" takes every name \
        nobody else claims.";
    PREFIX_CONFLICT = Error "prefix-conflict", "two repositories have the same prefix",
        "Two repositories claim the same image names. The repository that is in force keeps them; at a start, the one \
        whose file's name equals the prefix does; otherwise both are closed until one of them gives way.\n\nChange \
        the `prefix` of one, or join the two files.";
    FOREIGN_PREFIX = Error "foreign-prefix", "a prefix lies inside another repository's names",
        "The repository claims names that belong to another one. A repository may do so only below its own name, so \
        that who may write `repos/team-a/…` cannot take names from `library`.\n\n    repos/tools.yaml:      prefix: \
        library/tools    # wrong\n    repos/library/tools.yaml                        # right: a nested repository";
    PORT_CONFLICT = Error "port-conflict", "two repositories have the same port",
        "A port serves one repository alone, and two want this one. The repository that is in force keeps it; at a \
        start, both are closed.\n\nGive one of them another port.";
    PORT_IS_MAIN = Error "port-is-main", "a repository's port is the server's main one",
        "The main port serves all repositories under their full names; a repository's own port serves it alone. One \
        port cannot be both. The main one is that of `server.listen` in registry.yaml.";
    UNKNOWN_STORAGE = Error "unknown-storage", "a storage alias is not defined",
        "`storage: NAME` means the entry NAME of storages.yaml, and there is none. Without a storages file there is \
        one alias, `default`: the data folder.\n\nDefine it, or write the storage in place:\n\n    storage:\n      \
        type: fs\n      path: /var/lib/portolan";
    TYPE_UNSUPPORTED = Error "repository-type-unsupported", "this version does not serve repositories of this type",
        "`type: docker` is a repository of hosted artifacts, and the only type of this version. `docker-proxy`, a \
        mirror of another registry, comes later.";
    BAD_TAG_PATTERN = Error "bad-tag-pattern", "a pattern for tags is malformed",
        "A pattern for tags holds the characters of tags, and `*` for any number of them:\n\n    immutable_tags: \
        [\"v*\", \"release-*\"]";
    NO_PERMISSIONS = Warning "no-permissions", "a repository has no permissions section",
        "Without a `permissions` section everybody may do everything, also without signing in: that is how the \
        smallest configuration works, and seldom what is meant later.\n\nGrant what is meant, or nothing:\n\n    \
        repo:\n      permissions: {}      # nobody but admins";
    BAD_GRANTEE = Error "bad-grantee", "a key of a permissions section names nobody",
        "The keys of a permissions section are `\"*\"` (anybody), `\"/*\"` (anybody who is signed in), `/NAME` (a \
        group), and users' names: 1 to 255 letters, digits, `.`, `_`, `@`, `+` and `-`, the first a letter or a \
        digit.";
    UNKNOWN_OPERATION = Error "unknown-operation", "an operation is not known",
        "The operations are `read` (r, download, install, pull), `write` (w, publish, push, deploy, upload), \
        `delete` (d, remove) and `\"*\"`; granular permissions are written `repository:NAME:ACTION` with the \
        actions `pull`, `push`, `overwrite`, `delete` and `*`.";
    BAD_PERMISSION = Error "bad-permission", "a granular permission is malformed",
        "A granular permission is one of\n\n    repository:NAME:ACTION\n    repository:NAME:TAG:ACTION\n    \
        registry:base:*\n    registry:catalog:*\n\nNAME is an image's name without the repository's prefix, or a \
        pattern with `*` (inside one component) and `**` (whole components); `.` is the image that is named like \
        the prefix. TAG is a pattern with `*`.";
    TAG_LIMITED_PULL = Error "tag-limited-pull", "pulling cannot be limited to tags",
        "Whoever may pull an image can ask for any manifest by its digest, so a pull that is limited to tags would \
        promise what cannot be kept.\n\n    repository:app:v*:pull    # wrong\n    repository:app:pull       # right";
    DOT_WITHOUT_PREFIX = Error "dot-without-prefix", "`.` means nothing where the prefix is empty",
        "In a permission, `.` is the image that is named exactly like the repository's prefix. Where the prefix is \
        \"\", there is no such image. Name the images that are meant, or `*` for all.";
    BAD_DATE = Error "bad-date", "a date or time cannot be read",
        "Write a date, which holds through its last second in UTC, or an RFC 3339 time:\n\n    until: 2026-12-31\n    \
        until: 2026-12-31T18:00:00Z";
    STORAGE_UNSUPPORTED = Error "storage-unsupported", "this version does not serve this type of storage",
        "The types of storages that are served are `fs`, a folder, `s3`, a bucket, and `memory`, which is lost at \
        exit. `gcs` and `azure` come later.";
    STORAGE_OVERLAP = Error "storage-overlap", "one storage lies inside another",
        "Equal definitions are one storage and share their layers. Different ones must be apart: here, one folder or \
        prefix of a bucket lies inside the other, or is the same with another region, other credentials or another \
        `redirect`, and each would take the other's files for its own.\n\n    one: {type: fs, path: \
        /srv/images}\n    two: {type: fs, path: /srv/images/two}    # wrong\n\nA relative path is relative to the \
        data folder.";
    BAD_BUCKET = Error "bad-bucket", "a bucket, its region or the prefix of its keys is malformed",
        "A bucket's name has letters, digits, `-`, `.` and `_`; a region is one such as `eu-central-1`; a prefix is \
        made of folders, such as `team/registry`, none of which is empty, `.` or `..`.\n\n    cloud: {type: s3, \
        bucket: images, region: eu-central-1, prefix: registry}";
    BAD_PATH = Error "bad-path", "a path cannot be used",
        "The path is empty or holds a NUL byte. Write a path such as `/var/lib/portolan`; one that does not begin \
        with `/` is relative to the data folder (storages) or to the configuration folder (certificates, secrets).";
    BAD_USER_NAME = Error "bad-user-name", "a user's name is malformed",
        "A user's name has 1 to 255 letters, digits, `.`, `_`, `@`, `+` and `-`, and begins with a letter or a digit. \
        Case counts. `*` and names that begin with `/` have a meaning of their own in permissions sections.";
    BAD_GROUP_NAME = Error "bad-group-name", "a group's name is malformed",
        "A group's name has the form of a user's name. In a user's `groups` it is written without the `/` that it has \
        in permissions sections:\n\n    groups: [readers]    # in credentials.yaml\n    /readers: [read]     # in a \
        permissions section";
    EMPTY_PASSWORD = Error "empty-password", "a password is empty",
        "An entry with an empty password would let anybody sign in under this name. Write a hash: `portolan hash` \
        makes one of a password. To lock a user out, set `enabled: false`.";
    BAD_HASH = Error "bad-hash", "a password's hash is malformed",
        "The entry is not of the form of its type, so that nobody could ever sign in with it: `argon2` wants a PHC \
        text (`$argon2id$v=19$…`), `bcrypt` one that begins with `$2b$`, `sha256` 64 hexadecimal digits. `portolan \
        hash` makes an entry of a password.";
    EXPENSIVE_HASH = Error "expensive-hash", "checking a password would cost too much",
        "The hash asks for so much memory or time that a few sign-ins would stop the server. The bounds are 1 GiB and \
        10 seconds for one check. Hash the password anew: `portolan hash`.";
    PLAIN_PASSWORD = Warning "plain-password", "a password stands in the file as it is",
        "Everybody who can read the file can sign in as this user, and git keeps the password for ever. Change the \
        password, and write its hash: `portolan hash`.";
    UNSALTED_PASSWORD = Warning "unsalted-password", "a password is hashed without salt",
        "Unsalted SHA-256 can be tried billions of times in a second by whoever sees the file. Hash the password \
        with argon2: `portolan hash`.";
    WEAK_HASH = Warning "weak-hash", "a password's hash is weaker than recommended",
        "OWASP recommends argon2id with at least 19 MiB of memory and 2 passes. Hash the password anew: `portolan \
        hash`.";
    DUPLICATE_EMAIL = Error "duplicate-email", "two users have the same e-mail address",
        "Addresses are unique, compared without case, because a forgotten password is mended by a mail to the \
        address. Give one of the users another one, or leave it out.";
    BAD_EMAIL = Error "bad-email", "an e-mail address is malformed",
        "An address has one `@` with something before and after it, and no blanks: `jane@example.com`.";
    SECRET_IN_PLACE = Warning "secret-in-place", "a secret stands in the configuration",
        "Git keeps the secret for ever, for everybody who can read the repository. Let it come from the environment \
        or from a file:\n\n    signing_key: {env: SIGNING_KEY}\n    signing_key: {file: secrets/token.key}";
    SECRET_NOT_ALLOWED = Error "secret-not-allowed", "a secret's reference stands where no secret does",
        "`{env: NAME}` and `{file: PATH}` can be written for secrets of the server itself: keys that sign tokens, keys \
        and passwords of remote services. This value is none of these: write it in place. A user's `pass` is a hash, \
        which may stand in git.";
    BAD_SECRET = Error "bad-secret", "a secret's reference is malformed",
        "A secret is a text, `{env: NAME}` for an environment variable, or `{file: PATH}` for a file: one of them, \
        and not empty.";
    BAD_ADDRESS = Error "bad-address", "an address to listen on is malformed",
        "Write an IP address and a port: `0.0.0.0:5000` for all IPv4 addresses, `127.0.0.1:5000` for this machine \
        alone, `\"[::]:5000\"` for IPv6.";
    BAD_URL = Error "bad-url", "a URL is malformed",
        "A URL is `http` or `https`, the host, perhaps a port, and no path. `public_url` is what clients see, who \
        find the registry API at the root; `endpoint` is the address of a store.\n\n    public_url: \
        https://registry.example.com";
    BAD_NETWORK = Error "bad-network", "a network is malformed",
        "Write a network as `10.0.0.0/8` or `fd00::/8`, or a single address.";
    BAD_DURATION = Error "bad-duration", "a duration is malformed",
        "Write a whole number with its unit: `500ms`, `30s`, `5m`, `12h`, `1d`.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_kebab_case_and_unique() {
        let mut seen = std::collections::HashSet::new();
        for code in ALL {
            assert!(
                code.code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{}",
                code.code
            );
            assert!(seen.insert(code.code), "{}", code.code);
            assert!(!code.title.ends_with('.') && code.explanation.len() > 60, "{}", code.code);
            assert!(!code.explanation.contains("     \n"), "{}", code.code);
            assert_eq!(super::code(code.code), Some(*code));
        }
    }
}
