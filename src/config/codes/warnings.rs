//! What is likely not meant.

codes! {
    NO_PERMISSIONS = Warning "no-permissions", "a repository has no permissions section",
        "Without a `permissions` section everybody may do everything, also without signing in: that is how the \
        smallest configuration works, and seldom what is meant later.\n\nGrant what is meant, or nothing:\n\n    \
        repo:\n      permissions: {}      # nobody but admins";
    MORE_WARNINGS = Warning "more-warnings", "a file has more warnings than are told",
        "Of each file, 100 warnings are told, and of the further ones how many there are. It cannot be allowed by a \
        comment: the warnings can, one by one.\n\nMend or allow those that are told, and check again:\n\n    \
        warning: 5 more warnings in this file";
    PLAIN_PASSWORD = Warning "plain-password", "a password stands in the file as it is",
        "Everybody who can read the file can sign in as this user, and git keeps the password for ever. Change the \
        password, and write its hash: `portolan hash`.\n\n\
        \u{20}   jane: {type: plain, pass: Harbour-2026}    # wrong\n\
        \u{20}   jane:\n\
        \u{20}     type: argon2\n\
        \u{20}     pass: $argon2id$v=19$…                   # what `portolan hash` prints";
    UNSALTED_PASSWORD = Warning "unsalted-password", "a password is hashed without salt",
        "Unsalted SHA-256 can be tried billions of times in a second by whoever sees the file. Hash the password \
        with argon2: `portolan hash`.\n\n\
        \u{20}   type: sha256              # wrong\n\
        \u{20}   type: argon2              # right, with the hash that `portolan hash` prints";
    WEAK_HASH = Warning "weak-hash", "a password's hash is weaker than recommended",
        "OWASP recommends argon2id with at least 19 MiB of memory and 2 passes. Hash the password anew: `portolan \
        hash`.\n\n\
        \u{20}   pass: $argon2id$v=19$m=4096,t=1,p=1$…     # weak: 4 MiB, 1 pass\n\
        \u{20}   pass: $argon2id$v=19$m=19456,t=2,p=1$…    # what `portolan hash` makes";
    SECRET_IN_PLACE = Warning "secret-in-place", "a secret stands in the configuration",
        "Git keeps the secret for ever, for everybody who can read the repository. Let it come from the environment \
        or from a file:\n\n    signing_key: {env: SIGNING_KEY}\n    signing_key: {file: secrets/token.key}";
    UNMATCHED_USER = Warning "unmatched-user", "a grant names a user who does not exist",
        "The key of a permissions section names a user, and the credentials file has none of that name: the grant is \
        for nobody. It takes effect for whoever is given the name later. Case counts.\n\n    permissions:\n      \
        jnae: [read]        # meant `jane`\n      developers: [read]  # a group is written `/developers`\n\nCorrect the \
        name, or remove the entry.";
    UNMATCHED_GROUP = Warning "unmatched-group", "a grant names a group that nobody is in",
        "The key of a permissions section names a group that stands in no user's `groups`: the grant is for nobody. It \
        takes effect for whoever joins the group later.\n\n    permissions:\n      /raeders: [read]    # meant \
        `/readers`\n\nCorrect the name, put somebody into the group, or remove the entry.";
    UNMATCHED_IMAGES = Warning "unmatched-images", "a pattern can match no image of the repository",
        "All names that the pattern matches belong to another repository, nested in this one, to which the grants of \
        this one do not reach; or they are longer than an image's name may be (255 characters).\n\n    \
        repos/library.yaml:       repository:team/*:pull    # grants nothing\n    repos/library/team.yaml   serves \
        `library/team` and all below it\n\nGrant it in the file of the nested repository, or remove the entry.";
    UNMATCHED_TAGS = Warning "unmatched-tags", "a pattern for tags has no effect",
        "A pattern of `immutable_tags` that another one of the list contains adds no tag to it. And a grant that lets \
        delete only tags that are immutable lets delete none: nobody but an admin deletes such a tag.\n\n    \
        immutable_tags: [\"v*\", \"v1.*\"]          # the second adds nothing\n    permissions:\n      jane:\n        - \
        repository:app:v*:delete           # allows nothing\n\nRemove the pattern or the entry, or make other tags \
        immutable.";
    REPEATED_PREFIX = Warning "repeated-prefix", "a pattern begins with the repository's own prefix",
        "Patterns for images are relative to the repository's prefix. In the repository `library` the pattern \
        `library/alpine` is the image `library/library/alpine`, which is seldom meant.\n\n    \
        repository:library/alpine:pull    # the image library/library/alpine\n    repository:alpine:pull            # \
        the image library/alpine\n    repository:.:pull                 # the image library\n\nWrite the name without \
        the prefix. Where the doubled name is meant, allow the warning and say why.";
    REDUNDANT_GRANT = Warning "redundant-grant", "a grant adds nothing to another one",
        "Permissions add up: a user's own, those of each group, those of anybody who is signed in (`/*`), and those of \
        anybody (`*`). What this entry allows, another one allows already, at least as long. Whoever removes this \
        entry one day, to take the right away, would be surprised that it still holds.\n\n    permissions:\n      \
        \"/*\": [read]\n      jane: [read]                        # adds nothing\n      mark: [write, \
        repository:app:push]  # the second adds nothing to the first\n\nRemove one of the two. A right of an admin adds \
        nothing, either: an admin may do everything.";
    PUSH_WITHOUT_PULL = Warning "push-without-pull", "somebody may push an image and not pull it",
        "Whoever may push an image has, as a rule, to pull it, too: to build upon it, to look at what is there, to copy \
        it. Pushing does not imply pulling. Here, nothing grants the pulling: neither the user's own entries, nor the \
        groups, nor `/*` or `*`.\n\n    ci: [write]          # cannot pull\n    ci: [read, write]    # can\n\nGrant \
        the pulling. Where it is kept away on purpose, allow the warning and say why.";
    WORLD_WRITABLE = Warning "world-writable", "anybody may push or delete",
        "`\"*\"` is anybody, also who is not signed in. Whoever can reach the server can put images there that others \
        run, fill the disk, or delete.\n\n    \"*\": [read, write]    # anybody may push\n    \"*\": [read]           \
        # anybody may pull,\n    \"/*\": [write]         # and whoever is signed in may push\n\nGrant it to \
        users, to groups, or to whoever is signed in.";
    DELETE_WITH_PUSH = Warning "delete-with-push", "deleting and pushing together amount to overwriting",
        "`push` in a granular permission creates tags and replaces none. Whoever may also delete such a tag can delete \
        it and push another image under its name: what `push` alone was to prevent.\n\n    ci:\n      - \
        repository:app:push\n      - repository:app:delete\n\nTake one of them away, grant `overwrite` where \
        overwriting is meant, or list the tags in `immutable_tags`, so that nobody but an admin deletes them.";
    DISABLED_USER = Warning "disabled-user", "a disabled user is still granted rights",
        "The user is disabled (`enabled: false`) and cannot sign in, but would have these rights again as soon as the \
        line is taken away: a later reader may not think of them.\n\n    credentials.yaml:   jane: {…, enabled: \
        false}\n    repos/app.yaml:     jane: [write]\n\nThe same is told of a group in which everybody is disabled. \
        Remove the entry, or the user. Where the user comes back \
        soon, allow the warning and say so.";
    EXPIRED_USER = Timely "expired-user", "an expired user is still granted rights",
        "The user's `expires` has passed. Nobody can sign in under the name, but the rights would be back as soon as \
        the date is moved.\n\n    credentials.yaml:   jane: {…, expires: 2025-06-30}\n    repos/app.yaml:     jane: \
        [write]\n\nThe same is told of a group in which everybody has expired, or is disabled. Remove the entry, or \
        move the date. It depends on the day (`--at`), and does not count for \
        `--deny-warnings`.";
    GRANT_ENDS = Timely "grant-ends", "a grant ends within 14 days",
        "The grant's `until` is near. Who needs it longer has to be told, or finds out by a refusal.\n\n    carol:\n      \
        - allow: repository:app:push\n        until: 2026-12-01    # next week\n\nMove the date, or let the grant \
        end. It depends on the day (`--at`), and does not count for `--deny-warnings`.";
    GRANT_ENDED = Timely "grant-ended", "a grant has ended",
        "The grant's `until` has passed: it allows nothing any more, and its line only misleads.\n\n    carol:\n      - \
        allow: repository:app:push\n        until: 2025-12-01\n\nRemove the entry, or move the date. It depends on the \
        day (`--at`), and does not count for `--deny-warnings`.";
    ADMIN_WITHOUT_EMAIL = Warning "admin-without-email", "an admin has no e-mail address",
        "An admin who forgot the password cannot be helped by another admin where there is none, and nobody knows whom \
        to write to when the registry needs somebody.\n\n    credentials:\n      jane:\n        admin: true\n        \
        email: jane@example.com\n\nAdd `email`.";
    BAD_ALLOW = Warning "bad-allow", "a comment that should allow a warning does not",
        "A warning is allowed at one place by a comment on its line or directly above it, which names its code and says \
        why:\n\n    # portolan: allow push-without-pull because the robot only mirrors\n    mirror: [write]\n\nThis \
        comment names no code, one that is not known, one of an error (errors cannot be allowed), or gives no reason. \
        Several codes need several comments. This warning and `unused-allow` cannot be allowed.";
    UNUSED_ALLOW = Warning "unused-allow", "a comment allows a warning that is not there",
        "The comment allows a warning on its line, or on the line below, but no such warning is there: the mistake was \
        mended, or the comment stands at another place. Left alone, it would hide the next one.\n\nRemove the comment. \
        (One that allows what depends on the day, such as `grant-ends`, is never unused while there is a date that may \
        come.)\n\n\
        \u{20}   # portolan: allow push-without-pull because the robot only mirrors\n\
        \u{20}   mirror: [read, write]    # it may pull: remove the comment";
    UNSERVED_IMAGE = Warning "unserved-image", "no repository serves the image of an access test",
        "The image lies below no repository's prefix, so that everything is refused to everybody: a `cannot` holds \
        whatever the permissions say, and a `can` never does. Mostly the name is misspelt, or the repository moved.\
        \n\n    image: paymets/api:v1      # there is repos/payments.yaml";
}
