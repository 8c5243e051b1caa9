#!/usr/bin/env python3
"""The life of users and repositories beside a running server: after each command, what a real client may do is what
the changed configuration says, with passwords, tokens and kept connections that are older than the change as well.

    tests/users.py PATH-OF-PORTOLAN

The client is skopeo; without it the registry's protocol is spoken directly, and that is said. At the end, the time of
each command in a folder of 10,000 users and 10,000 repositories: of a release build it is printed (two seconds are the
aim), and only what looks at everything again for everything takes a minute and fails."""
import json
import os
import re
import shutil
import subprocess
import sys
import time

import lab

PROGRAM = os.path.abspath(sys.argv[1])
PASSWORD, OTHER = "Harbour-2026", "Lighthouse-2027"
SECONDS_MAX = 60
SKOPEO = shutil.which("skopeo")


def moment(seconds):
    """So many seconds from now."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


class Folder:
    """A configuration with a server, and what clients may do there."""

    def __init__(self, bench):
        self.path = bench.folder + "/conf"
        self.admin = self.portolan("init", "--ci", "none", self.path).strip()
        self.server = bench.keep(lab.Portolan(PROGRAM, self.path).start())
        self.image, self.slowest, self.checks = bench.folder + "/oci", 0.0, 0
        here = os.path.dirname(os.path.abspath(__file__))
        subprocess.run([sys.executable, here + "/clients/make_image.py", self.image], check=True)

    def portolan(self, *words, stdin="", code=0):
        """Runs a command, and gives what it prints."""
        done = subprocess.run([PROGRAM, *words], input=stdin, capture_output=True, text=True,
                              env={**os.environ, "PORTOLAN_CONFIG": self.path})
        if done.returncode != code:
            raise AssertionError(f"{words}: {done}")
        return done.stdout

    def may(self, user, secret, action, image):
        """Whether a client may do something now, as it is told."""
        if not SKOPEO:
            return self.may_by_protocol(user, secret, action, image)
        remote = f"docker://127.0.0.1:{self.server.port}/{image}:v1"
        who = f"{user}:{secret}"
        if action == "push":
            words = ["copy", "-q", "--dest-tls-verify=false", "--dest-creds", who, f"oci:{self.image}:v1", remote]
        else:
            words = ["inspect", "--raw", "--tls-verify=false", "--creds", who, remote]
        done = subprocess.run([SKOPEO, *words], capture_output=True, text=True)
        if done.returncode and not any(word in done.stderr for word in
                                       ("denied", "unauthorized", "authentication required", "invalid username/password",
                                        "access to the resource", "401 (Unauthorized)", "403 (Forbidden)")):
            raise AssertionError(f"{action} {image} as {user}: {done.stderr}")
        return done.returncode == 0

    def may_by_protocol(self, user, secret, action, image):
        client = lab.Client(self.server.port, user, secret)
        if action == "push":
            return client.call("POST", f"/v2/{image}/blobs/uploads/").status == 202
        return client.call("GET", f"/v2/{image}/manifests/v1").status == 200

    def expect(self, expected, user, secret, action, image, ends=False):
        """It becomes so within seconds, and stays so; with `ends` because a moment comes."""
        begun = time.time()
        while self.may(user, secret, action, image) != expected:
            if time.time() - begun > 10:
                raise AssertionError(f"{user} can{'not' if expected else ''} {action} {image}\n{self.server.log()}")
            time.sleep(0.05)
        self.slowest = max(self.slowest, 0 if ends else time.time() - begun)
        if self.may(user, secret, action, image) != expected:
            raise AssertionError(f"{user} {action} {image}: sometimes so and sometimes so")
        self.checks += 1

    def old(self, user, secret, image):
        """A token and a kept connection, to be tried after a change."""
        client = lab.Client(self.server.port, user, secret)
        query = f"/token?service=portolan&scope=repository:{image}:pull,push"
        token = json.loads(client.want(200, "GET", query).body)["token"]
        client.want(200, "GET", f"/v2/{image}/manifests/v1")
        bearer = lab.Client(self.server.port)
        bearer.headers["Authorization"] = f"Bearer {token}"
        bearer.want(200, "GET", f"/v2/{image}/manifests/v1")
        return [client, bearer]


def refused(clients, image):
    """Older connections and tokens are of no use any more."""
    for client in clients:
        status = client.call("GET", f"/v2/{image}/manifests/v1").status
        if status not in (401, 403):
            raise AssertionError(f"an older token or connection still gets {status}")


def life(folder):
    run, expect = folder.portolan, folder.expect
    run("repository", "add", "apps")
    expect(True, "admin", folder.admin, "push", "apps")

    # a person
    run("user", "add", "jane", "--email", "jane@example.com", "--group", "devs", stdin=PASSWORD)
    expect(False, "jane", PASSWORD, "pull", "apps")
    run("repository", "grant", "apps", "/devs", "read", "write")
    expect(True, "jane", PASSWORD, "push", "apps")
    run("user", "leave", "jane", "devs")
    expect(False, "jane", PASSWORD, "pull", "apps")
    run("user", "join", "jane", "devs")
    expect(True, "jane", PASSWORD, "pull", "apps")
    before = folder.old("jane", PASSWORD, "apps")
    run("user", "disable", "jane")
    expect(False, "jane", PASSWORD, "pull", "apps")
    refused(before, "apps")
    run("user", "enable", "jane")
    expect(True, "jane", PASSWORD, "pull", "apps")
    before = folder.old("jane", PASSWORD, "apps")
    run("user", "password", "jane", stdin=OTHER)
    expect(False, "jane", PASSWORD, "pull", "apps")
    expect(True, "jane", OTHER, "pull", "apps")
    refused(before, "apps")
    run("repository", "add", "vault")
    expect(False, "jane", OTHER, "push", "vault")
    run("user", "promote", "jane")
    expect(True, "jane", OTHER, "push", "vault")
    run("user", "demote", "jane")
    expect(False, "jane", OTHER, "push", "vault")

    # a machine
    secret = run("user", "add", "ci", "--generate", "--push", "apps", "--description", "pushes").strip()
    expect(True, "ci", secret, "push", "apps")
    run("user", "attach", "ci", "--pull", "apps", "vault")
    expect(False, "ci", secret, "push", "apps")
    expect(True, "ci", secret, "pull", "apps")
    run("user", "detach", "ci", "apps")
    expect(False, "ci", secret, "pull", "apps")
    run("user", "attach", "ci", "--push", "apps")
    expect(True, "ci", secret, "push", "apps")
    before = folder.old("ci", secret, "apps")
    run("user", "edit", "ci", "--expires", moment(3))
    expect(False, "ci", secret, "pull", "apps", ends=True)
    refused(before, "apps")
    run("user", "edit", "ci", "--no-expiry")
    expect(True, "ci", secret, "pull", "apps")
    second = run("user", "rotate", "ci", "--overlap", "24h").strip()
    expect(True, "ci", second, "push", "apps")
    expect(True, "ci", secret, "pull", "apps")
    before = folder.old("ci", secret, "apps")
    # A day is too long to wait for.
    with open(folder.path + "/credentials.yaml") as file:
        text = file.read()
    shortened = re.sub(r"(until: )[0-9TZ:.-]+", lambda found: found.group(1) + moment(3), text)
    if shortened == text:
        raise AssertionError("no end of the old secret: " + text)
    lab.write(folder.path + "/credentials.yaml", shortened)
    expect(False, "ci", secret, "pull", "apps", ends=True)
    refused(before, "apps")
    before = folder.old("ci", second, "apps")
    third = run("user", "rotate", "ci").strip()
    expect(False, "ci", second, "pull", "apps")
    expect(True, "ci", third, "push", "apps")
    refused(before, "apps")

    # rights
    run("repository", "grant", "vault", "ci", "write")
    expect(True, "ci", third, "push", "vault")
    run("repository", "revoke", "vault", "ci", "write")
    expect(False, "ci", third, "push", "vault")
    run("repository", "grant", "vault", "ci", "write", "--until", moment(6))
    expect(True, "ci", third, "push", "vault")
    expect(False, "ci", third, "push", "vault", ends=True)
    before = folder.old("ci", third, "apps")
    run("repository", "revoke", "apps", "ci")
    expect(False, "ci", third, "pull", "apps")
    refused(before, "apps")
    run("repository", "grant", "apps", "ci", "read")
    expect(True, "ci", third, "pull", "apps")

    # the end
    run("user", "delete", "ci", "jane", "--yes")
    expect(False, "ci", third, "pull", "apps")
    expect(False, "jane", OTHER, "pull", "apps")
    run("repository", "delete", "vault", "--yes")
    run("repository", "add", "vault")
    expect(True, "admin", folder.admin, "pull", "vault")
    run("repository", "revoke", "apps", "/devs")
    run("check", "--deny-warnings", folder.path)


def credentials_for_clients(folder, bench):
    """A client signs in with the very file that is written."""
    host = f"127.0.0.1:{folder.server.port}"
    path = bench.folder + "/docker/config.json"
    os.makedirs(os.path.dirname(path))
    folder.portolan("user", "add", "puller", "--generate", "--pull", "apps", "--output", "docker", "--registry", host,
                    "--secret-file", path)
    if os.stat(path).st_mode & 0o777 != 0o600:
        raise AssertionError("the secret can be read by others")
    with open(path) as file:
        auth = json.load(file)["auths"][host]["auth"]
    client = lab.Client(folder.server.port)
    client.headers["Authorization"] = f"Basic {auth}"
    end = time.time() + 10
    while client.call("GET", "/v2/apps/manifests/v1").status != 200:
        if time.time() > end:
            raise AssertionError("the written credentials are refused")
        time.sleep(0.05)
    if SKOPEO:
        subprocess.run([SKOPEO, "inspect", "--raw", "--tls-verify=false", "--authfile", path,
                        f"docker://{host}/apps:v1"], check=True, stdout=subprocess.DEVNULL)


def commits(folder):
    """A commit of a command is what the server then enforces."""
    def git(*words):
        return subprocess.run(["git", "-C", folder.path, *words], check=True, capture_output=True, text=True).stdout

    git("init", "-q")
    git("config", "user.name", "Rita")
    git("config", "user.email", "rita@example.com")
    git("add", "-A")
    git("commit", "-qm", "As it was")
    made = json.loads(folder.portolan("user", "disable", "puller", "--commit", "--format", "json"))
    commit = git("rev-parse", "HEAD").strip()
    if not commit.startswith(made["commit"]):
        raise AssertionError(f"{made} is not {commit}")
    folder.portolan("wait", "--commit", commit, f"http://127.0.0.1:{folder.server.port}", "--timeout", "20s")
    if git("status", "--porcelain"):
        raise AssertionError("something is left: " + git("status", "--porcelain"))


def large(bench):
    """Each command in a folder of 10,000 users and 10,000 repositories."""
    path = bench.folder + "/large"
    os.makedirs(path + "/repos")
    with open(path + "/credentials.yaml", "w") as file:
        file.write("credentials:\n  root: {type: plain, pass: S3cr3t-of-root, admin: true}\n")
        for number in range(10_000):
            file.write(f"  user-{number}:\n    type: sha256\n    pass: '{number:064x}'\n    groups: [group-{number % 100}]\n")
    for number in range(10_000):
        with open(f"{path}/repos/repo-{number}.yaml", "w") as file:
            file.write(f"repo:\n  type: docker\n  permissions:\n    /group-{number % 100}: [read]\n"
                       f"    user-{number}: [read, write]\n" + ("    user-1: [read]\n" if number % 10 == 0 else ""))
    rows = [
        (["user", "add", "new", "--generate", "--push", "repo-5"], ""), (["user", "list"], ""),
        (["user", "list", "--unused"], ""), (["user", "show", "user-1"], ""),
        (["user", "edit", "user-2", "--description", "x"], ""), (["user", "attach", "user-2", "--pull", "repo-7"], ""),
        (["user", "detach", "user-2", "repo-7"], ""), (["user", "rotate", "user-2"], ""),
        (["user", "password", "user-3"], PASSWORD), (["user", "disable", "user-2"], ""),
        (["user", "enable", "user-2"], ""), (["user", "join", "user-2", "group-9"], ""),
        (["user", "leave", "user-2", "group-9"], ""), (["user", "promote", "user-2"], ""),
        (["user", "demote", "user-2"], ""), (["repository", "add", "new"], ""), (["repository", "list"], ""),
        (["repository", "grant", "repo-9", "user-2", "read"], ""),
        (["repository", "revoke", "repo-9", "user-2"], ""), (["repository", "delete", "new", "--yes"], ""),
        (["user", "delete", "user-2", "--yes"], ""),
        # Named in every tenth repository.
        (["user", "delete", "user-1", "--yes"], ""),
    ]
    took = {}
    for words, stdin in rows:
        begun = time.time()
        done = subprocess.run([PROGRAM, *words], input=stdin, capture_output=True, text=True,
                              env={**os.environ, "PORTOLAN_CONFIG": path})
        if done.returncode:
            raise AssertionError(f"{words}: {done.stderr[:2000]}")
        if words[2:] == ["user-1", "--yes"]:
            print(f"users: to delete a user from 1,000 repositories takes {time.time() - begun:.1f} s")
            continue
        took[" ".join(words[:2])] = max(took.get(" ".join(words[:2]), 0), time.time() - begun)
    slowest = max(took, key=took.get)
    print(f"users: of {len(rows)} commands in a folder of 10,000 users and 10,000 repositories, `{slowest}` takes "
          f"longest, {took[slowest]:.2f} s")
    # What is not optimised says nothing of speed.
    if "/release/" in PROGRAM and took[slowest] > SECONDS_MAX:
        raise AssertionError(f"more than {SECONDS_MAX} s: {took}")


if not SKOPEO:
    print("SKIPPED: users with a real client (no skopeo); the registry's protocol is spoken directly")
with lab.Lab() as bench:
    folder = Folder(bench)
    life(folder)
    credentials_for_clients(folder, bench)
    commits(folder)
    print(f"users: {folder.checks} expectations hold, the slowest change after {folder.slowest:.2f} s")
    large(bench)
