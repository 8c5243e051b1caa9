//! What the server would refuse.

codes! {
    FILE_UNREADABLE = Error "file-unreadable", "a file cannot be read",
        "The file is there, but the system refuses to read it. Until it can be read, the last good text stays in \
        force.\n\nLook at its owner and mode; the server's user needs to read it, and to enter every folder above it.\n\n\
        \u{20}   chmod 640 repos/app.yaml; chgrp portolan repos/app.yaml";
    FILE_TOO_LARGE = Error "file-too-large", "a file is too large",
        "A configuration file has at most 1 MiB, and the credentials at most 8 MiB, which is enough for tens of \
        thousands of users: no file can exhaust the memory of the server that reads it, or hold up the others.\n\n\
        Split it: a repository's images can be spread over several repositories, each with a file of its own \
        below `repos/`.\n\n\
        \u{20}   repos/team-a.yaml           # 1.2 MB of grants\n\
        \u{20}   repos/team-a/backend.yaml   # a file for each part\n\
        \u{20}   repos/team-a/frontend.yaml";
    NOT_UTF8 = Error "not-utf8", "a file is not UTF-8 text",
        "Configuration files are UTF-8. This one holds bytes that are not, as happens with files in Latin-1 or \
        UTF-16, and with files that are no text at all.\n\nSave it as UTF-8:\n\n\
        \u{20}   iconv -f LATIN1 -t UTF-8 app.yaml > new.yaml && mv new.yaml app.yaml";
    MORE_ERRORS = Error "more-errors", "a file has more errors than are told",
        "Of each file, 100 errors are told, and of the further ones how many there are. Often, one mistake makes many \
        errors.\n\nMend those that are told, and check again:\n\n    error: 5 more errors in this file";
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
        editor to do so by itself.\n\n\
        \u{20}   repo:\n\
        \u{20}   →   type: docker    # a tab\n\
        \u{20}     type: docker    # two blanks";
    YAML_TOO_DEEP = Error "yaml-too-deep", "lists and mappings are nested too deeply",
        "At most 64 lists and mappings may be nested in one another. No configuration needs more than 6; the bound \
        keeps a file from exhausting the memory of the server.\n\n\
        \u{20}   repo: {permissions: {jane: [[[[[[…    # brackets that are never closed";
    YAML_ALIASES = Error "yaml-aliases", "aliases stand for too much",
        "An alias (`*name`) repeats what its anchor (`&name`) marks. Aliases of aliases multiply, so together they \
        may stand for at most 100,000 values and 8 MiB of text.\n\nWrite fewer aliases, or name the users in a \
        group and grant to the group.\n\n\
        \u{20}   jane: &all [read, write]\n\
        \u{20}   mark: *all           # one alias\n\
        \u{20}   /developers: [read]  # or a group, of any size";
    YAML_ALIAS = Error "yaml-alias", "an alias has no anchor",
        "`*name` repeats what `&name` marked before it in the same file. Here, there is no such mark, or the alias \
        stands inside of what it should repeat.\n\nWhere a pattern was meant, quote it:\n\n    immutable_tags: \
        [*-rc]      # an alias of the name `-rc`\n    immutable_tags: [\"*-rc\"]    # the pattern";
    UNQUOTED_STAR = Error "unquoted-star", "a `*` must be quoted",
        "In YAML a `*` at the beginning of a word is an alias. Anybody, and every operation, are written with \
        quotes:\n\n    permissions:\n      \"*\":\n        - read\n      mark:\n        - \"*\"";
    YAML_TAG = Error "yaml-tag", "a YAML tag is not known here",
        "Tags (`!name`) give values a type of their own; no value of this configuration needs one. Only `!!str` is \
        accepted, which makes a text of what follows.\n\nRemove the tag.\n\n\
        \u{20}   prefix: !str 2024    # wrong\n\
        \u{20}   prefix: \"2024\"       # right";
    YAML_KEY = Error "yaml-key", "a key is a list or a mapping",
        "YAML allows lists and mappings as keys; here, every key is a word. This often happens where braces are \
        not quoted:\n\n    {name}: value      # a mapping as a key\n    \"{name}\": value    # a text";
    DUPLICATE_KEY = Error "duplicate-key", "a key stands twice in one mapping",
        "Of two equal keys only one could count, and which one would depend on the program that reads the file. \
        Where the two are lists, join them:\n\n    jane: [read]\n    jane: [write]        # wrong\n\n    jane: \
        [read, write]  # right";
    YAML_DOCUMENTS = Error "yaml-documents", "a file holds several documents",
        "A line `---` begins another YAML document, and only one could count. Remove the line, or move what follows \
        into a file of its own.\n\n\
        \u{20}   repo: {type: docker}\n\
        \u{20}   ---                  # remove it, and what follows\n\
        \u{20}   repo: {type: docker}";
    UNKNOWN_KEY = Error "unknown-key", "a key is not known",
        "The key means nothing at this place. A misspelt key is never ignored, because what it should have said \
        would silently not hold:\n\n    repo:\n      permisions: {}    # the repository would be open to everyone\
        \n\nThe message names the nearest key that is known, if one is near. `portolan schema` lists them all.";
    MISSING_KEY = Error "missing-key", "a key is missing",
        "The mapping lacks a key that it cannot do without; the message names it. A user, for instance, needs a \
        `pass`: without one, nobody could sign in, or anybody.\n\n\
        \u{20}   jane:\n\
        \u{20}     type: argon2       # and no `pass`";
    WRONG_TYPE = Error "wrong-type", "a value is of the wrong type",
        "The key wants another type of value: a text, a number, `true` or `false`, a list, or a mapping. Texts that \
        YAML takes for something else must be quoted:\n\n    prefix: 2024      # a number\n    prefix: \"2024\"    \
        # a text";
    UNKNOWN_VALUE = Error "unknown-value", "a value is not among those that are known",
        "The key has a fixed set of values, and this is not one of them. The message lists them. Case counts.\n\n\
        \u{20}   type: Docker    # wrong\n\
        \u{20}   type: docker    # right";
    OUT_OF_RANGE = Error "out-of-range", "a number or a duration is too small or too large",
        "The value is outside of the range that makes sense, which the message names. A port, for instance, is 1 to \
        65535, and a token holds for 1 minute to 24 hours.\n\n\
        \u{20}   port: 70000     # wrong\n\
        \u{20}   ttl: 10s        # wrong: at least 1m";
    BAD_REPOSITORY_NAME = Error "bad-repository-name", "a file's name cannot be an image name",
        "A repository serves the images below its own name, the path of its file below `repos/`, so that each part \
        of the path must be one of an image name: lower-case letters and digits, with single `.`, `_` or `__`, or \
        `-` between them.\n\n    repos/Team_A.yaml      # wrong: upper case\n    repos/team-a.yaml      # right\n\n\
        Rename the file, or set `prefix`.";
    BAD_PREFIX = Error "bad-prefix", "a prefix cannot be an image name",
        "The prefix is the beginning of image names: one or more components of lower-case letters and digits, with \
        single `.`, `_` or `__`, or `-` between them, separated by `/`. The empty text \"\" takes every name \
        nobody else claims.\n\n\
        \u{20}   prefix: Team_A/images    # wrong: upper case\n\
        \u{20}   prefix: team-a/images    # right\n\
        \u{20}   prefix: \"\"               # right, too\n\n\
        A file that cannot be read keeps all names from others that it may mean. Where these are more than 100, new \
        repositories with names around them stay closed until it is mended.";
    PREFIX_CONFLICT = Error "prefix-conflict", "two repositories have the same prefix",
        "Two repositories claim the same image names. The repository that is in force keeps them; at a start, the one \
        whose file's name equals the prefix does; otherwise both are closed until one of them gives way.\n\nChange \
        the `prefix` of one, or join the two files.\n\n\
        \u{20}   repos/library.yaml\n\
        \u{20}   repos/tools.yaml:    prefix: library    # wrong";
    FOREIGN_PREFIX = Error "foreign-prefix", "a prefix lies inside another repository's names",
        "The repository claims names that belong to another one. A repository may do so only below its own name, so \
        that who may write `repos/team-a/…` cannot take names from `library`.\n\n    repos/tools.yaml:      prefix: \
        library/tools    # wrong\n    repos/library/tools.yaml                        # right: a nested repository";
    PORT_CONFLICT = Error "port-conflict", "two repositories have the same port",
        "A port serves one repository alone, and two want this one. The repository that is in force keeps it; at a \
        start, both are closed.\n\nGive one of them another port.\n\n\
        \u{20}   repos/one.yaml:    port: 5001\n\
        \u{20}   repos/two.yaml:    port: 5001    # wrong\n\
        \u{20}   repos/two.yaml:    port: 5002    # right";
    PORT_IS_MAIN = Error "port-is-main", "a repository's port is the server's main one",
        "The main port serves all repositories under their full names; a repository's own port serves it alone. One \
        port cannot be both. The main one is that of `server.listen` in registry.yaml, and 5000 where it is not \
        written.\n\n\
        \u{20}   registry.yaml:     server: {listen: \"0.0.0.0:5000\"}\n\
        \u{20}   repos/app.yaml:    port: 5000    # wrong";
    UNKNOWN_STORAGE = Error "unknown-storage", "a storage alias is not defined",
        "`storage: NAME` means the entry NAME of storages.yaml, and there is none. Without a storages file there is \
        one alias, `default`: the data folder.\n\nDefine it, or write the storage in place:\n\n    storage:\n      \
        type: fs\n      path: /var/lib/portolan";
    TYPE_UNSUPPORTED = Error "repository-type-unsupported", "this version does not serve repositories of this type",
        "`type: docker` is a repository of hosted artifacts, and the only type of this version. `docker-proxy`, a \
        mirror of another registry, comes later.\n\n\
        \u{20}   repo:\n\
        \u{20}     type: docker";
    BAD_TAG_PATTERN = Error "bad-tag-pattern", "a pattern for tags is malformed",
        "A pattern for tags holds the characters of tags, and `*` for any number of them:\n\n    immutable_tags: \
        [\"v*\", \"release-*\"]";
    BAD_GRANTEE = Error "bad-grantee", "a key of a permissions section names nobody",
        "The keys of a permissions section are `\"*\"` (anybody), `\"/*\"` (anybody who is signed in), `/NAME` (a \
        group), and users' names: 1 to 255 letters, digits, `.`, `_`, `@`, `+` and `-`, the first a letter or a \
        digit.\n\n\
        \u{20}   permissions:\n\
        \u{20}     jane doe: [read]    # wrong: a blank\n\
        \u{20}     group/dev: [read]   # wrong\n\
        \u{20}     anonymous: [read]   # wrong: anybody is \"*\"\n\
        \u{20}     /dev: [read]        # right: a group";
    UNKNOWN_OPERATION = Error "unknown-operation", "an operation is not known",
        "The operations are `read` (r, download, install, pull), `write` (w, publish, push, deploy, upload), \
        `delete` (d, remove) and `\"*\"`; granular permissions are written `repository:NAME:ACTION` with the \
        actions `pull`, `push`, `overwrite`, `delete` and `*`.\n\n\
        \u{20}   jane: [reed]          # wrong\n\
        \u{20}   jane: [read]          # right\n\
        \u{20}   jane: [overwrite]     # wrong: only in granular permissions; `write` is meant";
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
        \"\", there is no such image. Name the images that are meant, or `*` for all.\n\n\
        \u{20}   prefix: \"\"\n\
        \u{20}   permissions:\n\
        \u{20}     jane: [\"repository:.:pull\"]        # wrong\n\
        \u{20}     jane: [\"repository:alpine:pull\"]   # right";
    BAD_DATE = Error "bad-date", "a date or time cannot be read",
        "Write a date, which holds through its last second in UTC, or an RFC 3339 time:\n\n    until: 2026-12-31\n    \
        until: 2026-12-31T18:00:00Z";
    STORAGE_UNSUPPORTED = Error "storage-unsupported", "this version does not serve this type of storage",
        "The types of storages that are served are `fs`, a folder, `s3`, a bucket, and `memory`, which is lost at \
        exit. `gcs` and `azure` come later.\n\n\
        \u{20}   default: {type: fs, path: /var/lib/portolan}";
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
        with `/` is relative to the data folder (storages) or to the configuration folder (certificates, secrets).\n\n\
        \u{20}   path: \"\"                    # wrong\n\
        \u{20}   path: /var/lib/portolan     # right\n\
        \u{20}   path: images                # right: below the data folder";
    BAD_USER_NAME = Error "bad-user-name", "a user's name is malformed",
        "A user's name has 1 to 255 letters, digits, `.`, `_`, `@`, `+` and `-`, and begins with a letter or a digit. \
        Case counts. `*` and names that begin with `/` have a meaning of their own in permissions sections, \
        and `anonymous` is whoever is not signed in.\n\n\
        \u{20}   jane doe: …    # wrong\n\
        \u{20}   anonymous: …   # wrong\n\
        \u{20}   jane.doe: …    # right";
    BAD_GROUP_NAME = Error "bad-group-name", "a group's name is malformed",
        "A group's name has the form of a user's name. In a user's `groups` it is written without the `/` that it has \
        in permissions sections:\n\n    groups: [readers]    # in credentials.yaml\n    /readers: [read]     # in a \
        permissions section";
    EMPTY_PASSWORD = Error "empty-password", "a password is empty",
        "An entry with an empty password would let anybody sign in under this name. Write a hash: `portolan hash` \
        makes one of a password. To lock a user out, set `enabled: false`.\n\n\
        \u{20}   jane: {type: plain, pass: \"\"}                      # wrong\n\
        \u{20}   jane: {type: argon2, pass: …, enabled: false}      # locked out";
    BAD_HASH = Error "bad-hash", "a password's hash is malformed",
        "The entry is not of the form of its type, so that nobody could ever sign in with it: `argon2` wants a PHC \
        text (`$argon2id$v=19$…`), `bcrypt` one that begins with `$2b$`, `sha256` 64 hexadecimal digits. `portolan \
        hash` makes an entry of a password.\n\n\
        \u{20}   type: bcrypt\n\
        \u{20}   pass: $argon2id$v=19$…    # wrong: of another type";
    EXPENSIVE_HASH = Error "expensive-hash", "checking a password would cost too much",
        "The hash asks for so much memory or time that a few sign-ins would stop the server. The bounds are 1 GiB and \
        10 seconds for one check. Hash the password anew: `portolan hash`.\n\n\
        \u{20}   pass: $argon2id$v=19$m=4194304,t=2,p=1$…    # wrong: 4 GiB\n\
        \u{20}   pass: $argon2id$v=19$m=19456,t=2,p=1$…      # right: 19 MiB";
    DUPLICATE_EMAIL = Error "duplicate-email", "two users have the same e-mail address",
        "Addresses are unique, compared without case, because a forgotten password is mended by a mail to the \
        address. Give one of the users another one, or leave it out.\n\n\
        \u{20}   jane: {…, email: jane@example.com}\n\
        \u{20}   mark: {…, email: Jane@Example.com}    # wrong: the same";
    BAD_EMAIL = Error "bad-email", "an e-mail address is malformed",
        "An address has one `@` with something before and after it, and no blanks: `jane@example.com`.\n\n\
        \u{20}   email: jane.example.com    # wrong";
    SECRET_NOT_ALLOWED = Error "secret-not-allowed", "a secret's reference stands where no secret does",
        "`{env: NAME}` and `{file: PATH}` can be written for secrets of the server itself: keys that sign tokens, keys \
        and passwords of remote services. This value is none of these: write it in place. A user's `pass` is a hash, \
        which may stand in git.\n\n\
        \u{20}   jane:\n\
        \u{20}     type: argon2\n\
        \u{20}     pass: {env: JANE_HASH}     # wrong\n\
        \u{20}     pass: $argon2id$v=19$…     # right";
    BAD_SECRET = Error "bad-secret", "a secret's reference is malformed",
        "A secret is a text, `{env: NAME}` for an environment variable, or `{file: PATH}` for a file: one of them, \
        and not empty.\n\n\
        \u{20}   signing_key: {enw: KEY}               # wrong\n\
        \u{20}   signing_key: {env: KEY, file: key}    # wrong: one of them\n\
        \u{20}   signing_key: {env: KEY}               # right";
    MISSING_SECRET = Error "missing-secret", "a secret that the configuration refers to is not there",
        "`{env: NAME}` means an environment variable and `{file: PATH}` a file (a relative path begins in the \
        configuration folder). It is not there, is empty, cannot be read, or is too short for what it is for: the server \
        would not start. A key that signs tokens has at least 32 bytes: `openssl rand -hex 32`. The certificate of \
        `server.tls` and its key are looked at in the same way.\n\n`check` looks only \
        with `--secrets`, so that CI needs none:\n\n    S3_SECRET=… portolan check --secrets .";
    BAD_ADDRESS = Error "bad-address", "an address to listen on is malformed",
        "Write an IP address and a port: `0.0.0.0:5000` for all IPv4 addresses, `127.0.0.1:5000` for this machine \
        alone, `\"[::]:5000\"` for IPv6.\n\n\
        \u{20}   listen: localhost         # wrong\n\
        \u{20}   listen: 0.0.0.0:5000      # right";
    BAD_URL = Error "bad-url", "a URL is malformed",
        "A URL is `http` or `https`, the host, perhaps a port, and no path. `public_url` is what clients see, who \
        find the registry API at the root; `endpoint` is the address of a store. \
        Neither holds a user or a password: keys to a store stand in its `credentials`.\n\n\
        \u{20}   public_url: https://registry.example.com";
    BAD_NETWORK = Error "bad-network", "a network is malformed",
        "Write a network as `10.0.0.0/8` or `fd00::/8`, or a single address.\n\n\
        \u{20}   trusted_proxies: [10.0.0]                # wrong\n\
        \u{20}   trusted_proxies: [10.0.0.0/8, \"::1\"]     # right";
    BAD_DURATION = Error "bad-duration", "a duration is malformed",
        "Write a whole number with its unit: `500ms`, `30s`, `5m`, `12h`, `1d`.\n\n\
        \u{20}   ttl: 5 minutes    # wrong\n\
        \u{20}   ttl: 5m           # right";
    EMPTY_LIST = Error "empty-list", "a list that must say something is empty",
        "An access test that asks nothing always holds, and protects nothing. That is more often an accident than \
        meant.\n\n    tests: []                                        # wrong\n    tests:\n      - as: \
        anonymous\n        cannot: [push, delete]\n        image: library/alpine:3.20   # right";
    UNKNOWN_SUBJECT = Error "unknown-subject", "an access test names nobody who could ask",
        "The subject of a test is a user of credentials.yaml, or `anonymous` for a client that is not signed in. \
        Groups, `*` and `/*` are words of permissions sections: rights that somebody has through them are asked for \
        under a user's name.\n\n    - as: /developers       # wrong\n    - as: [jane, mark]      # right: two of \
        its members\n\nWhere a user left, take the name out of the tests, or keep the user with `enabled: false`.";
    BAD_TEST_IMAGE = Error "bad-test-image", "the image of an access test is malformed",
        "The image is written by its full name, with the repository's prefix and without a host, alone or with a \
        tag:\n\n    image: payments/api\n    image: payments/api:v1.2.3\n\nA digest needs no name of its own: \
        what may be done by digest is asked with the image alone.";
    CONTRADICTORY_TEST = Error "contradictory-test", "an access test wants an action both allowed and refused",
        "The same action stands under `can` and under `cannot` of one test, for the same subjects and images. \
        Whatever the permissions say, the test would fail.\n\n    can: [pull, push]\n    cannot: [push]    # wrong";
    TEST_FAILED = Error "test-failed", "an access test does not hold",
        "`portolan test` asked the question of an access test, by the rules that the server goes by, and got the other \
        answer. Where something is allowed that should not be, the entry that allows it is shown; where something is \
        refused, the section that lacks an entry, and the entries that come near: for other tags or images, with other \
        actions, or ended.\n\nChange the permissions, or the test if it is out of date.";
}
