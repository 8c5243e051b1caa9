#!/usr/bin/env python3
"""A folder changes hands between Distribution and Portolan, and everybody finds everything in it.

    tests/distribution.py [PORTOLAN] [REGISTRY...]      default: target/release/portolan, and every REGISTRY there is

For Debian's `docker-registry` (2.8) and for Distribution 3 (built by tests/tools/get): images are pushed
through it into a folder; Portolan serves the folder as it is, byte for byte the same; more is pushed and
deleted through Portolan; the first serves it again, collects its garbage, and still shows the same; pushes
more; and Portolan serves that. What is not installed is reported as SKIPPED. All traffic stays on 127.0.0.1.
"""
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

TESTS = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(TESTS, "conformance"))
from client import Client, digest_of  # noqa: E402

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
EXAMPLE = "application/vnd.example.note.v1"
PORT = int(os.environ.get("PORTOLAN_TEST_PORT", "5037"))
HOST = f"127.0.0.1:{PORT}"
APP, DEEP, FLAT = "team/app", "team/deep/er/name-2", "flat"


# ---- servers -----------------------------------------------------------------------------------------
class Server:
    """A program that serves a folder while the block runs."""

    def __init__(self, command, log, ready="/v2/", user=None, password=None):
        self.command, self.log, self.ready = command, log, ready
        self.client = Client(HOST, user, password)

    def __enter__(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)
        for _ in range(200):
            try:
                urllib.request.urlopen(f"http://{HOST}{self.ready}", timeout=5).close()
                return self.client
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.1)
        self.process.kill()
        with open(self.log) as log:
            raise AssertionError(f"{self.command[0]} does not start:\n{log.read()[-2000:]}")

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


def distribution(program, work):
    config = os.path.join(work, "distribution.yaml")
    with open(config, "w") as file:
        file.write(
            "version: 0.1\nlog: {level: warn, accesslog: {disabled: true}}\n"
            f"storage:\n  filesystem: {{rootdirectory: {work}/data}}\n  delete: {{enabled: true}}\n"
            f"http: {{addr: '{HOST}', secret: {secrets.token_hex(16)}}}\n"
        )
    return Server([program, "serve", config], os.path.join(work, "distribution.log")), config


def portolan(program, work):
    folder = os.path.join(work, "config")
    os.makedirs(os.path.join(folder, "repos"), exist_ok=True)
    password = "Keeper-secret-1"
    entry = subprocess.run([program, "hash"], input=password + "\n", capture_output=True, text=True, check=True).stdout
    with open(os.path.join(folder, "credentials.yaml"), "w") as file:
        file.write("credentials:\n  keeper:\n    admin: true\n")
        file.writelines(f"    {line.strip()}\n" for line in entry.splitlines())
    with open(os.path.join(folder, "repos", "all.yaml"), "w") as file:
        file.write('repo:\n  type: docker\n  prefix: ""\n  permissions:\n    keeper: [read, write, delete]\n')
    command = [program, "serve", folder, "--data", os.path.join(work, "data"), "--listen", HOST]
    return Server(command, os.path.join(work, "portolan.log"), "/-/ready", "keeper", password)


# ---- content -----------------------------------------------------------------------------------------
def skopeo(*arguments):
    done = subprocess.run(["skopeo", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, f"skopeo {' '.join(arguments)}: {done.stderr[-1000:]}"


def image_body(client, image, platform="amd64", **fields):
    config = json.dumps({"architecture": platform, "os": "linux", "author": secrets.token_hex(8),
                         "rootfs": {"type": "layers", "diff_ids": []}}).encode()
    layer = secrets.token_bytes(1000)
    descriptors = []
    for data, media_type in ((config, CONFIG), (layer, LAYER)):
        location = client.url(client.do("POST", f"/v2/{image}/blobs/uploads/").header("location"))
        digest = digest_of(data)
        answer = client.do("PATCH", location, data, [("Content-Type", "application/octet-stream")])
        assert answer.status == 202, answer.body
        answer = client.do("PUT", client.url(answer.header("location")), b"", query=[("digest", digest)])
        assert answer.status == 201, answer.body
        descriptors.append({"mediaType": media_type, "digest": digest, "size": len(data)})
    return {"schemaVersion": 2, "mediaType": MANIFEST, "config": descriptors[0], "layers": descriptors[1:]} | fields


def put(client, image, reference, body):
    """Pushes a manifest; without a reference by its digest. Gives its descriptor."""
    data = json.dumps(body).encode()
    answer = client.put_manifest(image, reference or digest_of(data), data)
    assert answer.status == 201, f"{image}:{reference}: {answer.status} {answer.body[:500]!r}"
    return {"mediaType": body["mediaType"], "digest": digest_of(data), "size": len(data)}


def push_index(client, image, tag):
    children = []
    for platform in ("amd64", "arm64"):
        child = put(client, image, None, image_body(client, image, platform))
        children.append(child | {"platform": {"os": "linux", "architecture": platform}})
    return put(client, image, tag, {"schemaVersion": 2, "mediaType": INDEX, "manifests": children})


def push_artifact(client, image, subject, fallback):
    """An artifact with a subject; with `fallback` as clients push to registries without referrers."""
    note = {"org.example.note": secrets.token_hex(4)}
    body = image_body(client, image, artifactType=EXAMPLE, subject=subject, annotations=note)
    artifact = put(client, image, None, body)
    if fallback:
        tag = subject["digest"].replace(":", "-")
        found = client.get_manifest(image, tag)
        entries = found.json()["manifests"] if found.status == 200 else []
        entries.append(artifact | {"artifactType": EXAMPLE, "annotations": note})
        put(client, image, tag, {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries})
    return artifact["digest"]


# ---- what a registry shows -----------------------------------------------------------------------------
def tags_of(client, image):
    answer = client.do("GET", f"/v2/{image}/tags/list")
    # One that has no tag left is unknown, or has none, or `null`: as each registry likes.
    return sorted(answer.json().get("tags") or []) if answer.status == 200 else []


def blob_digests(body):
    return [part["digest"] for part in [body["config"], *body["layers"]]] if "config" in body else []


def everything(client, by_digest):
    """All that a registry shows: catalog, tags, manifests with their media types, blobs."""
    images = client.do("GET", "/v2/_catalog?n=1000").json()["repositories"]
    seen = {"catalog": sorted(images)}
    for image in images:
        tags = tags_of(client, image)
        seen[image, "tags"] = tags
        wanted = tags + [digest for known, digest in by_digest if known == image]
        while wanted:
            reference = wanted.pop()
            if (image, reference) in seen:
                continue
            answer = client.get_manifest(image, reference)
            if answer.status != 200:
                seen[image, reference] = answer.status
                continue
            digest = answer.header("docker-content-digest")
            assert digest_of(answer.body) == digest, f"{image}:{reference} is not {digest}"
            head = client.get_manifest(image, reference, "HEAD")
            assert head.header("docker-content-digest") == digest, f"HEAD of {image}:{reference}"
            seen[image, reference] = (answer.header("content-type"), answer.body)
            body = answer.json()
            wanted += [digest] + [child["digest"] for child in body.get("manifests", [])]
            for blob in blob_digests(body):
                if (image, blob) not in seen:
                    found = client.do("GET", f"/v2/{image}/blobs/{blob}")
                    assert found.status == 200, f"blob {blob} of {image}: {found.status}"
                    assert digest_of(found.body) == blob, f"blob {blob} has other bytes"
                    seen[image, blob] = len(found.body)
    return seen


def same(found, wanted, step):
    for key in sorted(set(found) | set(wanted), key=str):
        assert found.get(key) == wanted.get(key), f"{step}: {key}: {str(found.get(key))[:400]}, wanted {str(wanted.get(key))[:400]}"


def referrers(client, image, digest):
    answer = client.do("GET", f"/v2/{image}/referrers/{digest}")
    assert answer.status == 200, f"referrers: {answer.status} {answer.body[:300]!r}"
    entries = answer.json()["manifests"]
    assert all(entry["artifactType"] == EXAMPLE and entry["annotations"] for entry in entries), entries
    return sorted(entry["digest"] for entry in entries)


def delete(client, image, reference):
    answer = client.do("DELETE", f"/v2/{image}/manifests/{reference}")
    assert answer.status == 202, f"delete of {image}:{reference}: {answer.status} {answer.body[:300]!r}"


# ---- the walk ----------------------------------------------------------------------------------------
def walk(theirs_program, ours_program, work):
    theirs, config = distribution(theirs_program, work)
    ours = portolan(ours_program, work)
    layout = os.path.join(work, "oci")
    subprocess.run([sys.executable, os.path.join(TESTS, "clients", "make_image.py"), layout], check=True)
    plain, credentials = "--dest-tls-verify=false", f"--dest-creds={ours.client.user}:{ours.client.password}"
    gone = []  # what was deleted, and must stay so whoever is asked

    with theirs as client:
        skopeo("copy", plain, f"oci:{layout}:v1", f"docker://{HOST}/{APP}:v1")
        skopeo("copy", plain, f"oci:{layout}:v1", f"docker://{HOST}/{APP}:latest")
        skopeo("copy", plain, "--format=v2s2", f"oci:{layout}:v1", f"docker://{HOST}/{FLAT}:docker")
        index = push_index(client, DEEP, "1.0")
        for tag in ("1.0-x", "1", "old"):
            put(client, DEEP, tag, image_body(client, DEEP))
        dead = put(client, APP, "deleted", image_body(client, APP))
        delete(client, APP, dead["digest"])
        gone += [(APP, dead["digest"]), (APP, "deleted")]
        notes = [push_artifact(client, DEEP, index, fallback=True) for _ in range(2)]
        before = everything(client, gone)
    # What a crash of theirs leaves: a tag without a link.
    os.makedirs(os.path.join(work, "data/docker/registry/v2/repositories", APP, "_manifests/tags/ghost"))

    with ours as client:
        same(everything(client, gone), before, "served by Portolan")
        assert referrers(client, DEEP, index["digest"]) == sorted(notes), "referrers of what they hold"
        # More, and less.
        skopeo("copy", plain, credentials, f"oci:{layout}:v1", f"docker://{HOST}/{APP}:v2")
        skopeo("copy", plain, credentials, f"oci:{layout}:v1", f"docker://{HOST}/new/born:v1")
        push_index(client, DEEP, "2.0")
        put(client, DEEP, "moved", image_body(client, DEEP))
        put(client, DEEP, "moved", image_body(client, DEEP))
        put(client, DEEP, "old", image_body(client, DEEP))
        put(client, DEEP, "brief", image_body(client, DEEP))
        notes.append(push_artifact(client, DEEP, index, fallback=False))
        for image, tag in ((APP, "latest"), (DEEP, "1"), (DEEP, "brief")):
            delete(client, image, tag)
            gone.append((image, tag))
        dead = put(client, DEEP, "dead", image_body(client, DEEP))
        delete(client, DEEP, dead["digest"])
        gone += [(DEEP, dead["digest"]), (DEEP, "dead")]
        assert referrers(client, DEEP, index["digest"]) == sorted(notes)
        between = everything(client, gone + [(DEEP, note) for note in notes])
        assert between[APP, "tags"] == ["v1", "v2"], between[APP, "tags"]
        assert {"2.0", "moved", "old", "1.0", "1.0-x"} <= set(between[DEEP, "tags"])
        assert not {"1", "brief", "dead"} & set(between[DEEP, "tags"])

    # It lists an empty folder as a tag; of those, only the one that was made above may be there.
    shutil.rmtree(os.path.join(work, "data/docker/registry/v2/repositories", APP, "_manifests/tags/ghost"), ignore_errors=True)
    known = gone + [(DEEP, note) for note in notes]
    with theirs as client:
        same(everything(client, known), between, "given back")
    done = subprocess.run([theirs_program, "garbage-collect", config], capture_output=True, text=True)
    assert done.returncode == 0, f"their garbage collection: {done.stderr[-1000:]}"
    with theirs as client:
        same(everything(client, known), between, "after their garbage collection")
        put(client, DEEP, "1", image_body(client, DEEP))
        put(client, DEEP, "moved", image_body(client, DEEP))
        skopeo("copy", plain, f"oci:{layout}:v1", f"docker://{HOST}/{APP}:latest")
        notes.append(push_artifact(client, DEEP, index, fallback=True))
        delete(client, DEEP, notes[0])
        gone = [(DEEP, notes.pop(0)), (APP, "deleted"), (DEEP, "dead")]
        known = gone + [(DEEP, note) for note in notes]
        after = everything(client, known)

    with ours as client:
        same(everything(client, known), after, "served by Portolan again")
        assert referrers(client, DEEP, index["digest"]) == sorted(notes), "referrers after they wrote again"
    with open(ours.log) as log:
        text = log.read()
        assert "panicked" not in text and " ERROR " not in text, [line for line in text.splitlines() if "INFO" not in line][:5]
    return len(after)


def main():
    ours = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "target/release/portolan")
    registries, skipped, failed = sys.argv[2:], [], 0
    if not shutil.which("skopeo"):
        print("SKIPPED: Distribution's folders (no skopeo)")
        return 0
    if not registries:
        registries = [path for path in [shutil.which("docker-registry")] if path]
        skipped += [] if registries else ["docker-registry of Debian"]
        built = subprocess.run([os.path.join(TESTS, "tools", "get"), "registry"], stdout=subprocess.PIPE, text=True)
        if built.returncode == 0:
            registries.append(built.stdout.strip())
        else:
            skipped.append("Distribution 3")
    for registry in registries:
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as work:
            os.makedirs(os.path.join(work, "data"))
            try:
                seen = walk(registry, ours, work)
                print(f"{os.path.basename(registry)}: the same {seen} things from both, {time.monotonic() - started:.1f} s")
            except AssertionError as error:
                failed += 1
                print(f"FAILED: {os.path.basename(registry)}: {error}")
                for log in ("portolan.log", "distribution.log"):
                    if os.path.exists(os.path.join(work, log)):
                        with open(os.path.join(work, log)) as file:
                            print(f"--- {log}\n{file.read()[-1500:]}")
    for name in skipped:
        print(f"SKIPPED: {name}")
    print(f"distribution: {len(registries) - failed} passed, {failed} failed, {len(skipped)} skipped")
    return 1 if failed else 0


sys.exit(main())
