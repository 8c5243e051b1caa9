#!/usr/bin/env python3
"""What the OCI distribution specification asks of a registry, request by request.

    checks.py HOST USER PASSWORD IMAGE OTHER-IMAGE REPORT.xml

Every kind of request on every kind of content: uploads of all kinds with sha256 and sha512, mounts,
ranges, images, indexes, artifacts, referrers, `?tag=`, deletes, and what must be refused. Runs through
to the end whatever fails, writes a JUnit report and ends with 1 where anything failed. There is no
way to skip or to switch off a check. Sparse manifests are the one exception: they must be refused.
"""
import base64
import gzip
import io
import json
import os
import re
import secrets
import sys
import tarfile
import time
import traceback
from xml.sax.saxutils import quoteattr

from client import Client, digest_of

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
NON_DISTRIBUTABLE = "application/vnd.oci.image.layer.nondistributable.v1.tar"
EMPTY = "application/vnd.oci.empty.v1+json"
EXAMPLE_1 = "application/vnd.example.checks.v1"
EXAMPLE_2 = "application/vnd.example.checks.v2"
BYTES = [("Content-Type", "application/octet-stream")]

client = Client(*sys.argv[1:4])
image, other_image, report = sys.argv[4:7]
results = []


def check(name, function, *arguments):
    started = time.monotonic()
    try:
        function(*arguments)
        problem = None
    except AssertionError as error:
        problem = str(error) or traceback.format_exc(limit=-2)
    except Exception:
        problem = traceback.format_exc(limit=-3)
    results.append((name, time.monotonic() - started, problem))
    if problem:
        print(f"FAILED: {name}\n  {problem.strip()}")
    return problem is None


def equal(what, found, *wanted):
    assert found in wanted, f"{what}: {found!r}, wanted {' or '.join(map(repr, wanted))}"


def expect(answer, *statuses, **fields):
    if answer.status not in statuses:
        raise AssertionError(f"status {answer.status}, wanted {statuses}: {answer.body[:300]!r} {answer.fields}")
    for name, wanted in fields.items():
        name = name.replace("_", "-")
        found = answer.fields.get(name, [])
        if not (found if wanted is True else wanted in found):
            raise AssertionError(f"header {name}: {found}, wanted {wanted}")
    return answer


def refused(answer, status, *codes):
    """An error must have the body of the specification."""
    expect(answer, status)
    found = [error["code"] for error in answer.json()["errors"]]
    assert set(found) & set(codes), f"error codes {found}, wanted {codes}"
    return answer


# ---- blobs -------------------------------------------------------------------------------------------
def uploads(name):
    return f"/v2/{name}/blobs/uploads/"


def begin(name):
    answer = expect(client.do("POST", uploads(name)), 202, location=True)
    return client.url(answer.header("location")), answer


def created(answer, name, digest, data):
    """What follows a finished upload: the blob can be had where the answer says."""
    expect(answer, 201, location=True, docker_content_digest=digest)
    found = expect(client.do("GET", client.url(answer.header("location"))), 200, docker_content_digest=digest)
    assert found.body == data, "other bytes at the location"
    blob_is_there(name, digest, data)


def blob_is_there(name, digest, data):
    path = f"/v2/{name}/blobs/{digest}"
    head = expect(client.do("HEAD", path), 200, content_length=str(len(data)), docker_content_digest=digest)
    equal("body of HEAD", head.body, b"")
    got = expect(client.do("GET", path), 200, content_length=str(len(data)), docker_content_digest=digest)
    assert got.body == data, "other bytes"


def delete_blob(name, digest, was_there=True):
    path = f"/v2/{name}/blobs/{digest}"
    expect(client.do("DELETE", path), 202 if was_there else 404)
    expect(client.do("HEAD", path), 404)
    expect(client.do("GET", path), 404)


def post_only(data, digest):
    return client.do("POST", uploads(image), data, BYTES, query=[("digest", digest)])


def post_and_put(data, digest):
    location, _ = begin(image)
    return client.do("PUT", location, data, BYTES, query=[("digest", digest)])


def streamed(data, digest):
    location, _ = begin(image)
    answer = expect(client.do("PATCH", location, data, BYTES, chunked=True), 202, location=True)
    return client.do("PUT", client.url(answer.header("location")), b"", BYTES, query=[("digest", digest)])


def in_chunks(data, digest, put_last=False, out_of_order=False):
    location, answer = begin(image)
    size = max(len(data) // 3 + 1, 1024, int(answer.header("OCI-Chunk-Min-Length") or 0))
    position = 0
    while position < len(data):
        if out_of_order:
            wrong = position + size if position + size < len(data) else 0
            send_wrong_chunk(location, data, digest, wrong, size, position, put_last)
        end = min(position + size, len(data))
        fields = BYTES + [("Content-Range", f"{position}-{end - 1}")]
        if put_last and end == len(data):
            return client.do("PUT", location, data[position:end], fields, query=[("digest", digest)])
        answer = expect(client.do("PATCH", location, data[position:end], fields), 202, location=True)
        equal("range", answer.header("range"), f"0-{end - 1}")
        location, position = client.url(answer.header("location")), end
    return client.do("PUT", location, b"", BYTES, query=[("digest", digest)])


def send_wrong_chunk(location, data, digest, start, size, position, put_last):
    """A chunk that does not follow is 416, and the upload can be asked where it stands."""
    end = min(start + size, len(data))
    fields = BYTES + [("Content-Range", f"{start}-{end - 1}")]
    if put_last and end == len(data):
        answer = client.do("PUT", location, data[start:end], fields, query=[("digest", digest)])
    else:
        answer = client.do("PATCH", location, data[start:end], fields)
    expect(answer, 416)
    # Clients ask at the URL that was refused, with all its parameters.
    asked = [("digest", digest)] if put_last and end == len(data) else []
    answer = expect(client.do("GET", location, query=asked), 204, location=True)
    stands = answer.header("range")
    assert re.fullmatch(r"0-\d+", stands), f"range {stands!r}"
    if position > 0:
        equal("range", stands, f"0-{position - 1}")


UPLOADS = [
    ("POST with digest", post_only),
    ("POST, PUT", post_and_put),
    ("POST, PATCH streamed, PUT", streamed),
    ("chunks", in_chunks),
    ("chunks, the last one in PUT", lambda data, digest: in_chunks(data, digest, put_last=True)),
    ("chunks, out of order", lambda data, digest: in_chunks(data, digest, out_of_order=True)),
    ("chunks, out of order, the last one in PUT", lambda data, digest: in_chunks(data, digest, True, True)),
]


def with_an_empty_patch(data, digest):
    """Go's client sends no chunk at all for an empty body."""
    location, _ = begin(image)
    answer = expect(client.do("PATCH", location, b"", BYTES), 202, location=True)
    return client.do("PUT", client.url(answer.header("location")), data, BYTES, query=[("digest", digest)])


def upload(way, data, algorithm):
    digest = digest_of(data, algorithm)
    created(way(data, digest), image, digest, data)
    delete_blob(image, digest)


def upload_with_bad_digest(way, algorithm):
    data = secrets.token_bytes(3067)
    digest = digest_of(data, algorithm)
    refused(way(data + b"oh no", digest), 400, "DIGEST_INVALID")
    expect(client.do("HEAD", f"/v2/{image}/blobs/{digest}"), 404)


def cancel():
    location, _ = begin(image)
    expect(client.do("DELETE", location), 204)
    refused(client.do("GET", location), 404, "BLOB_UPLOAD_UNKNOWN")


def mount(algorithm, source):
    data = secrets.token_bytes(512)
    digest = client.push_blob(other_image, data, algorithm)
    query = [("mount", digest)] + ([("from", source)] if source else [])
    created(client.do("POST", uploads(image), query=query), image, digest, data)
    delete_blob(image, digest)
    blob_is_there(other_image, digest, data)
    delete_blob(other_image, digest)


def mount_of_nothing(algorithm):
    data = secrets.token_bytes(512)
    digest = digest_of(data, algorithm)
    answer = expect(client.do("POST", uploads(image), query=[("mount", digest), ("from", other_image)]), 202)
    answer = client.do("PUT", client.url(answer.header("location")), data, BYTES, query=[("digest", digest)])
    created(answer, image, digest, data)
    delete_blob(image, digest)


def ranges(algorithm):
    data = secrets.token_bytes(2048)
    digest = client.push_blob(image, data, algorithm)
    path = f"/v2/{image}/blobs/{digest}"
    for asked, start, end in [("500-1499", 500, 1500), ("500-", 500, 2048), ("-500", 1548, 2048),
                              ("2000-5000", 2000, 2048), ("0-0", 0, 1)]:
        answer = client.do("GET", path, headers=[("Range", f"bytes={asked}")])
        expect(answer, 206, content_length=str(end - start), content_range=f"bytes {start}-{end - 1}/2048")
        assert answer.body == data[start:end], f"other bytes for {asked}"
    for asked in ("500-0", "5000-10000", "2048-"):
        expect(client.do("GET", path, headers=[("Range", f"bytes={asked}")]), 416)
    delete_blob(image, digest)


def blobs(algorithm):
    def named(what):
        return f"blobs, {algorithm}: {what}"

    missing = digest_of(secrets.token_bytes(99), algorithm)
    for method in ("GET", "DELETE"):
        check(named(f"missing, {method}"), lambda: refused(client.do(method, f"/v2/{image}/blobs/{missing}"), 404, "BLOB_UNKNOWN"))
        path = f"/v2/{image}/manifests/{missing}"
        check(f"manifests, {algorithm}: missing, {method}", lambda: refused(client.do(method, path), 404, "MANIFEST_UNKNOWN"))
    for name, way in UPLOADS:
        check(named(name), upload, way, secrets.token_bytes(3067), algorithm)
        check(named(f"{name}, bad digest"), upload_with_bad_digest, way, algorithm)
    for name, way in UPLOADS[:4]:
        check(named(f"{name}, an empty JSON object"), upload, way, b"{}", algorithm)
    check(named("POST, PATCH of nothing, PUT"), upload, with_an_empty_patch, secrets.token_bytes(99), algorithm)
    for name, way in UPLOADS[:4]:
        check(named(f"{name}, no byte at all"), upload, way, b"", algorithm)
    check(named("cancel"), cancel)
    check(named("mount"), mount, algorithm, other_image)
    check(named("mount without source"), mount, algorithm, None)
    check(named("mount of what is not there"), mount_of_nothing, algorithm)
    check(named("ranges"), ranges, algorithm)


# ---- manifests ---------------------------------------------------------------------------------------
class Content:
    """A set of blobs and manifests with tags, to be pushed, read, listed and deleted."""

    def __init__(self, algorithm="sha256"):
        self.algorithm = algorithm
        self.blobs, self.manifests, self.tags, self.referrers = {}, {}, {}, {}

    def blob(self, data, media_type, inline=False):
        digest = digest_of(data, self.algorithm)
        self.blobs[digest] = data
        descriptor = {"mediaType": media_type, "digest": digest, "size": len(data)}
        if inline:
            descriptor["data"] = base64.b64encode(data).decode()
        return descriptor

    def layer(self, compress=True, **more):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            content = secrets.token_hex(40).encode()
            info = tarfile.TarInfo("content.txt")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        data = buffer.getvalue()
        return self.blob(gzip.compress(data), LAYER + "+gzip", **more) if compress else self.blob(data, LAYER, **more)

    def add(self, body, tag=None):
        data = json.dumps(body).encode()
        digest = digest_of(data, self.algorithm)
        self.manifests[digest] = data
        if tag:
            self.tags[tag] = digest
        descriptor = {"mediaType": body["mediaType"], "digest": digest, "size": len(data)}
        if "subject" in body:
            artifact_type = body.get("artifactType") or body.get("config", {}).get("mediaType")
            entry = descriptor | ({"artifactType": artifact_type} if artifact_type else {})
            entry |= {"annotations": body["annotations"]} if "annotations" in body else {}
            self.referrers.setdefault(body["subject"]["digest"], []).append(entry)
        return descriptor

    def image(self, tag=None, layers=2, platform="amd64", inline=False, compress=True, **fields):
        layers = [self.layer(compress, inline=inline) for _ in range(layers)] if isinstance(layers, int) else layers
        config = {"architecture": platform, "os": "linux", "rootfs": {"type": "layers", "diff_ids": []},
                  "author": secrets.token_hex(4)}
        config = self.blob(json.dumps(config).encode(), CONFIG, inline)
        return self.add({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers} | fields, tag)

    def artifact(self, tag=None, artifact_type=EXAMPLE_1, **fields):
        body = {"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": artifact_type,
                "config": self.blob(b"{}", EMPTY), "layers": [self.blob(secrets.token_bytes(256), artifact_type)]}
        return self.add(body | fields, tag)

    def index(self, tag=None, children=None, **fields):
        if children is None:
            children = [self.image(platform=platform) for platform in ("amd64", "arm64")]
        return self.add({"schemaVersion": 2, "mediaType": INDEX, "manifests": children} | fields, tag)

    # ---- what is done with it ----
    def push(self, tag_parameters=False):
        for digest, data in self.blobs.items():
            created(post_and_put(data, digest), image, digest, data)
        for digest, data in self.manifests.items():
            tags = [tag for tag, target in self.tags.items() if target == digest] if tag_parameters else []
            self.put(digest, digest, data, tags)
        if not tag_parameters:
            for tag, digest in self.tags.items():
                self.put(tag, digest, self.manifests[digest])

    def put(self, reference, digest, data, tags=()):
        body = json.loads(data)
        answer = client.do("PUT", f"/v2/{image}/manifests/{reference}", data, [("Content-Type", body["mediaType"])],
                           chunked=True, query=[("tag", tag) for tag in tags])
        expect(answer, 201, location=True, docker_content_digest=digest)
        if "subject" in body:
            expect(answer, 201, oci_subject=body["subject"]["digest"])
        equal("OCI-Tag, one header for each", sorted(answer.fields.get("oci-tag", [])), sorted(tags))
        found = client.do("GET", client.url(answer.header("location")), headers=[("Accept", INDEX), ("Accept", MANIFEST)])
        expect(found, 200, content_type=body["mediaType"], content_length=str(len(data)))
        assert found.body == data, "other bytes at the location"

    def read(self):
        for reference, digest in list(self.tags.items()) + [(digest, digest) for digest in self.manifests]:
            data = self.manifests[digest]
            fields = {"content_type": json.loads(data)["mediaType"], "content_length": str(len(data)),
                      "docker_content_digest": digest}
            head = expect(client.get_manifest(image, reference, "HEAD"), 200, **fields)
            equal("body of HEAD", head.body, b"")
            assert expect(client.get_manifest(image, reference), 200, **fields).body == data, "other bytes"
        for digest, data in self.blobs.items():
            blob_is_there(image, digest, data)

    def listed(self):
        found = expect(client.do("GET", f"/v2/{image}/tags/list"), 200).json()
        equal("name", found["name"], image)
        tags = found["tags"]
        equal("order of tags", tags, sorted(tags))
        assert set(self.tags) <= set(tags), f"{tags} without some of {list(self.tags)}"
        for position, last in enumerate(tags):
            rest = expect(client.do("GET", f"/v2/{image}/tags/list", query=[("last", last)]), 200).json()["tags"]
            equal(f"tags after {last}", rest, tags[position + 1:])
        page, pages = f"/v2/{image}/tags/list?n=1", []
        while page:
            answer = expect(client.do("GET", page), 200)
            pages += answer.json()["tags"]
            assert len(pages) <= len(tags), "pages without end"
            link = re.fullmatch(r'<([^>]+)>; *rel="?next"?', answer.header("link"))
            page = client.url(link.group(1)) if link else None
        equal("pages of one", pages, tags)

    def referred(self):
        for subject, wanted in self.referrers.items():
            path = f"/v2/{image}/referrers/{subject}"
            found = index_of(client.do("GET", path))
            assert by_digest(found) == by_digest(wanted), f"referrers: {found}, wanted {wanted}"
            for artifact_type in {entry.get("artifactType", "") for entry in wanted} - {""}:
                answer = client.do("GET", path, query=[("artifactType", artifact_type)])
                expect(answer, 200, oci_filters_applied="artifactType")
                some = [entry for entry in wanted if entry.get("artifactType") == artifact_type]
                equal("filtered", by_digest(index_of(answer)), by_digest(some))

    def delete(self):
        for tag, digest in self.tags.items():
            expect(client.do("DELETE", f"/v2/{image}/manifests/{tag}"), 202)
            refused(client.get_manifest(image, tag), 404, "MANIFEST_UNKNOWN")
            expect(client.get_manifest(image, digest), 200)
        for digest in reversed(self.manifests):
            expect(client.do("DELETE", f"/v2/{image}/manifests/{digest}"), 202)
            refused(client.get_manifest(image, digest), 404, "MANIFEST_UNKNOWN")
        for subject in self.referrers:
            equal("referrers after the delete", index_of(client.do("GET", f"/v2/{image}/referrers/{subject}")), [])
        for digest in self.blobs:
            delete_blob(image, digest)


def by_digest(entries):
    return {entry["digest"]: entry for entry in entries}


def index_of(answer):
    body = expect(answer, 200, content_type=INDEX).json()
    equal("media type", body["mediaType"], INDEX)
    equal("schema version", body["schemaVersion"], 2)
    return body["manifests"]


def whole_life(name, content, tag_parameters=False):
    if check(f"{name}: push", content.push, tag_parameters):
        check(f"{name}: tags", content.listed)
        check(f"{name}: read", content.read)
        check(f"{name}: referrers", content.referred)
        check(f"{name}: delete", content.delete)


def contents():
    content = Content()
    content.image("image")
    whole_life("image", content)

    content = Content()
    content.image("image-uncompressed", compress=False)
    whole_life("image with layers not compressed", content)

    content = Content()
    annotations = {f"large-annotation-{number}": "A" * 10_000 for number in range(390)}
    content.image("large-manifest", annotations=annotations)
    whole_life("manifest of nearly 4 MiB", content)

    content = Content()
    content.index("index")
    whole_life("index", content)

    content = Content()
    content.index("index-of-index", [content.index(), content.index()])
    whole_life("index of indexes", content)

    content = Content()
    content.index("empty-index", [])
    whole_life("empty index", content)

    content = Content()
    content.artifact("artifact")
    whole_life("artifact", content)

    content = Content()
    content.index("artifact-index", [content.artifact(), content.artifact()], artifactType=EXAMPLE_1)
    whole_life("index of artifacts", content)

    content = Content()
    content.artifact("artifact-without-layers", layers=[content.blob(b"{}", EMPTY)])
    whole_life("artifact whose only layer is the empty one", content)

    def notes():
        return {"org.example.note": "hello", f"org.example.{secrets.token_hex(4)}": secrets.token_hex(4)}

    content = Content()
    subject = content.image("image")
    content.image(subject=subject)
    content.artifact("tagged-1", EXAMPLE_1, subject=subject, annotations=notes())
    content.artifact("tagged-2", EXAMPLE_2, subject=subject, annotations=notes())
    whole_life("artifacts with a subject", content)

    content = Content()
    subject = content.index("index")
    content.index("tagged", artifactType=EXAMPLE_1, subject=subject, annotations=notes())
    content.index(subject=subject)
    whole_life("indexes with a subject", content)

    content = Content()
    subject = content.image("image")
    same = {"artifactType": EXAMPLE_1, "subject": subject, "annotations": notes()}
    children = [content.image(platform=platform, **same) for platform in ("amd64", "arm64")]
    content.index("tagged", children, **same)
    whole_life("an index and its images with one subject", content)

    content = Content()
    subject = {"mediaType": MANIFEST, "size": 123, "digest": digest_of(b"not there")}
    content.artifact("tagged", subject=subject, annotations=notes())
    whole_life("subject that is not there", content)

    content = Content()
    content.image("data-field", inline=True)
    whole_life("descriptors with data", content)

    content = Content()
    layers = [{"mediaType": media_type, "size": 12345, "digest": digest_of(secrets.token_bytes(9)),
               "urls": ["https://store.example.com/layer"]} for media_type in (NON_DISTRIBUTABLE, NON_DISTRIBUTABLE + "+gzip")]
    content.image("non-distributable", layers + [content.layer()])
    whole_life("non-distributable layers", content)

    content = Content()
    extra = {f"org.example.{secrets.token_hex(4)}": {"nested": [1, None, "x"]}}
    content.index("custom-fields", [content.image(**extra), content.image(**extra)], **extra)
    whole_life("fields that nobody knows", content)

    content = Content()
    content.image("no-layers", [])
    whole_life("image without layers", content)

    content = Content("sha512")
    content.index()
    whole_life("sha512", content)

    for algorithm in ("sha256", "sha512"):
        content = Content(algorithm)
        top = content.index(f"tag-{algorithm}")
        content.tags[f"tag-{algorithm}-again"] = top["digest"]
        for number, digest in enumerate(content.manifests):
            content.tags[f"tag-{algorithm}-{number}"] = digest
        whole_life(f"`?tag=`, {algorithm}", content, tag_parameters=True)


# ---- what must be refused ----------------------------------------------------------------------------
def refusals():
    unknown = digest_of(secrets.token_bytes(99))
    check("nothing: referrers", lambda: equal("referrers", index_of(client.do("GET", f"/v2/{image}/referrers/{unknown}")), []))
    check("missing manifest, by digest", lambda: refused(client.get_manifest(image, unknown), 404, "MANIFEST_UNKNOWN"))
    check("missing manifest, by tag", lambda: refused(client.get_manifest(image, "missing-tag"), 404, "MANIFEST_UNKNOWN"))

    content = Content()
    content.image()
    (digest, data), = content.manifests.items()

    def put(reference, data=data, media_type=MANIFEST):
        return client.do("PUT", f"/v2/{image}/manifests/{reference}", data, [("Content-Type", media_type)])

    def sparse():
        refused(put(digest), 400, "MANIFEST_BLOB_UNKNOWN")
        lonely = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [{"mediaType": MANIFEST, "digest": unknown, "size": 9}]}
        refused(put("sparse", json.dumps(lonely).encode(), INDEX), 400, "MANIFEST_UNKNOWN", "MANIFEST_BLOB_UNKNOWN")

    check("sparse manifests are refused", sparse)
    check("the blobs of a manifest", lambda: [client.push_blob(image, blob) for blob in content.blobs.values()])
    check("manifest under another digest", lambda: refused(put(digest, data + b"  "), 400, "DIGEST_INVALID"))
    check("manifest put under a malformed digest", lambda: refused(put("sha256:baddigeststring"), 400, "DIGEST_INVALID"))
    check("malformed digest, get", lambda: expect(client.get_manifest(image, "sha256:baddigeststring"), 400, 404))
    check("manifest that is no JSON", lambda: refused(put("broken", b"{"), 400, "MANIFEST_INVALID"))
    check("manifest above 4 MiB", lambda: refused(put("huge", b" " * (4 * 1024 * 1024 + 1)), 413, "SIZE_INVALID", "MANIFEST_INVALID"))
    check("name that cannot be", lambda: refused(client.do("GET", "/v2/UPPER/tags/list"), 400, "NAME_INVALID"))
    check("cleaning up", lambda: [delete_blob(image, blob) for blob in content.blobs])


def before_the_first_push():
    """An image that nobody pushed to has no referrers, and no tags or no name."""
    subject = digest_of(secrets.token_bytes(99))
    equal("referrers", index_of(client.do("GET", f"/v2/{image}/referrers/{subject}")), [])
    expect(client.do("GET", f"/v2/{image}/tags/list"), 200, 404)


check("before the first push", before_the_first_push)
check("base", lambda: expect(client.do("GET", "/v2/"), 200))
for algorithm in ("sha256", "sha512"):
    blobs(algorithm)
contents()
refusals()

failed = [result for result in results if result[2]]
with open(report, "w") as file:
    file.write('<?xml version="1.0" encoding="UTF-8"?>\n')
    total = sum(seconds for _, seconds, _ in results)
    file.write(f'<testsuite name="specification" tests="{len(results)}" failures="{len(failed)}" skipped="0" time="{total:.3f}">\n')
    for name, seconds, problem in results:
        file.write(f"  <testcase name={quoteattr(name)} time=\"{seconds:.3f}\"")
        file.write(f"><failure message={quoteattr(problem)}/></testcase>\n" if problem else "/>\n")
    file.write("</testsuite>\n")
print(f"checks: {len(results) - len(failed)} passed, {len(failed)} failed")
sys.exit(1 if failed else 0)
