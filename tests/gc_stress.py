#!/usr/bin/env python3
"""Does collecting garbage lose anything? gc_stress.py PATH-OF-PORTOLAN [SECONDS [PORT]]

Runs a server that collects every second with a grace period of a few seconds, and beside it a second
process that does the same from the command line, while ten clients push, mount, delete and pull. What was
acknowledged and not deleted must be whole at the end, byte for byte, and what was deleted must be gone.
"""
import hashlib
import http.client
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

BINARY = sys.argv[1]
SECONDS = float(sys.argv[2]) if len(sys.argv) > 2 else 30
PORT = int(sys.argv[3]) if len(sys.argv) > 3 else 21400
CLIENTS = 10
GRACE = 4
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"

# What many images share, so many that at any time about half of them are garbage, and are wanted again.
SHARED = [random.Random(n).randbytes(random.Random(n).choice([300, 5000, 50_000])) for n in range(200)]


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Wrong(Exception):
    pass


class Busy(Exception):
    pass


class Client:
    """One client, and what it knows to be acknowledged."""

    def __init__(self, number, counts):
        self.random = random.Random(number + 1000)
        self.own = f"stress/c{number}"
        self.connection = None
        self.counts = counts
        # tag -> (digest, manifest, blobs, children) of what was acknowledged
        self.images = {}

    def call(self, method, path, body=None, headers=None):
        """As clients do: what is answered with 503 is tried again, save where bytes may have been taken."""
        for _ in range(5):
            answer = self.call_once(method, path, body, headers)
            if answer[0] != 503 or (method in ("PATCH", "PUT") and "/uploads/" in path):
                break
            self.count("tried again")
            time.sleep(1)
        return answer

    def call_once(self, method, path, body, headers):
        for attempt in range(5):
            try:
                if self.connection is None:
                    self.connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
                self.connection.request(method, path, body, headers or {})
                answer = self.connection.getresponse()
                return answer.status, answer.read(), answer.headers
            except (http.client.HTTPException, OSError):
                self.connection = None
                if attempt == 4:
                    raise

    def count(self, what):
        with self.counts["lock"]:
            self.counts[what] = self.counts.get(what, 0) + 1

    def push_blob(self, image, data):
        """As clients do: an upload that is answered with 503 is begun anew."""
        for _ in range(5):
            try:
                return self.push_blob_once(image, data)
            except Busy as busy:
                last = busy
                time.sleep(1)
        raise Wrong(str(last))

    def push_blob_once(self, image, data):
        """As clients do: look, mount, and only then send."""
        digest = digest_of(data)
        way = self.random.random()
        if way < 0.6 and self.call("HEAD", f"/v2/{image}/blobs/{digest}")[0] == 200:
            self.count("heads")
            return digest
        location = None
        if way < 0.8:
            source = f"stress/c{self.random.randrange(CLIENTS)}"
            where = f"&from={source}" if self.random.random() < 0.7 else ""
            status, body, headers = self.call("POST", f"/v2/{image}/blobs/uploads/?mount={digest}{where}")
            if status == 201:
                self.count("mounts")
                return digest
            if status != 202:
                raise Wrong(f"mount: {status} {body!r}")
            location = headers["Location"]
        elif way < 0.9:
            status, body, _ = self.call("POST", f"/v2/{image}/blobs/uploads/?digest={digest}", data)
            if status != 201:
                raise Wrong(f"push in one: {status} {body!r}")
            self.count("uploads")
            return digest
        if location is None:
            status, body, headers = self.call("POST", f"/v2/{image}/blobs/uploads/")
            if status != 202:
                raise Wrong(f"start: {status} {body!r}")
            location = headers["Location"]
        location = location.split(str(PORT), 1)[-1]
        half = len(data) // 2
        if self.random.random() < 0.5:
            status, body, headers = self.call("PATCH", location, data[:half])
            if status != 202:
                raise (Busy if status == 503 else Wrong)(f"patch: {status} {body!r}")
            location, data = headers["Location"].split(str(PORT), 1)[-1], data[half:]
        joint = "&" if "?" in location else "?"
        status, body, _ = self.call("PUT", f"{location}{joint}digest={digest}", data)
        if status != 201:
            raise (Busy if status == 503 else Wrong)(f"finish: {status} {body!r}")
        self.count("uploads")
        return digest

    def push_image(self):
        image = self.own
        blobs = self.random.sample(SHARED, self.random.randint(1, 4))
        blobs.append(self.random.randbytes(self.random.choice([100, 3000])))
        for attempt in range(6):
            begun = time.time()
            for data in blobs:
                self.push_blob(image, data)
            # Collectors come between the blobs and the manifest, now and then longer than the grace period after.
            if self.random.random() < 0.4:
                time.sleep(self.random.choice([0.5, 1, 2, 3, GRACE + 2]))
            layers = [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest_of(d), "size": len(d)} for d in blobs]
            body = json.dumps({
                "schemaVersion": 2, "mediaType": MANIFEST,
                "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest_of(blobs[-1]), "size": len(blobs[-1])},
                "layers": layers[:-1],
            }).encode()
            tag = f"t{self.random.randrange(6)}"
            status, answer, _ = self.call("PUT", f"/v2/{image}/manifests/{tag}", body, {"Content-Type": MANIFEST})
            if status == 201:
                self.count("manifests")
                children = []
                if self.random.random() < 0.3:
                    children = [(digest_of(body), body)]
                    child = {"mediaType": MANIFEST, "digest": digest_of(body), "size": len(body)}
                    body = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [child]}).encode()
                    status, answer, _ = self.call("PUT", f"/v2/{image}/manifests/{tag}", body, {"Content-Type": INDEX})
                    if status != 201:
                        raise Wrong(f"index: {status} {answer!r}")
                self.replace(tag, (digest_of(body), body, blobs, children))
                return
            # Only who waited longer than the grace period may be told that a blob is gone.
            took = time.time() - begun
            if status not in (400, 404) or b"MANIFEST_BLOB_UNKNOWN" not in answer or took < GRACE:
                raise Wrong(f"manifest, {took:.1f} s after its blobs: {status} {answer!r}")
            self.count("pushed again")
        raise Wrong("six pushes of one image did not succeed")

    def replace(self, tag, image):
        """The manifests that a tag pointed to are deleted, so that their blobs become garbage."""
        old = self.images.get(tag)
        self.images[tag] = image
        if old:
            self.drop(old)

    def drop(self, old):
        kept = {digest for digest, _, _, children in self.images.values() for digest in [digest, *(c for c, _ in children)]}
        for digest in [old[0], *(child for child, _ in old[3])]:
            if digest not in kept:
                status, answer, _ = self.call("DELETE", f"/v2/{self.own}/manifests/{digest}")
                if status != 202:
                    raise Wrong(f"delete: {status} {answer!r}")
                self.count("deletes")

    def delete(self):
        if self.images:
            tag = self.random.choice(list(self.images))
            self.drop(self.images.pop(tag))

    def check(self, tag):
        digest, body, blobs, children = self.images[tag]
        for reference in (tag, digest):
            status, answer, _ = self.call("GET", f"/v2/{self.own}/manifests/{reference}", headers={"Accept": f"{MANIFEST}, {INDEX}"})
            if status != 200 or answer != body:
                raise Wrong(f"{self.own}:{tag} by {reference}: {status}")
        for child, text in children:
            status, answer, _ = self.call("GET", f"/v2/{self.own}/manifests/{child}", headers={"Accept": MANIFEST})
            if status != 200 or answer != text:
                raise Wrong(f"{self.own}:{tag}, child {child}: {status}")
        for data in blobs:
            status, answer, _ = self.call("GET", f"/v2/{self.own}/blobs/{digest_of(data)}")
            if status != 200 or answer != data:
                raise Wrong(f"{self.own}:{tag}, blob {digest_of(data)}: {status}, {len(answer)} of {len(data)} bytes")
        self.count("pulls")

    def run(self, until, failures):
        try:
            while time.time() < until and not failures:
                choice = self.random.random()
                if choice < 0.55 or not self.images:
                    self.push_image()
                elif choice < 0.75:
                    self.delete()
                else:
                    self.check(self.random.choice(list(self.images)))
                time.sleep(self.random.random() / 20)
        except Exception as error:
            failures.append(f"{self.own}: {error!r}")


def write_configuration(folder, data, storage):
    (folder / "repos").mkdir()
    (folder / "repos/stress.yaml").write_text('repo:\n  type: docker\n  storage: default\n  permissions: {"*": ["*"]}\n')
    (folder / "storages.yaml").write_text(f"storages:\n  default: {storage}\n")
    (folder / "registry.yaml").write_text(f"garbage: {{every: 1s, grace: {GRACE}s}}\nlog: {{level: warn}}\n")


def collect_beside(folder, data, stop, runs):
    while not stop.is_set():
        done = subprocess.run([BINARY, "storage", "gc", folder, "--data", data, "--format", "json"], capture_output=True, text=True)
        if done.returncode != 0:
            runs["failed"].append(done.stderr)
            return
        found = json.loads(done.stdout)["storages"]["default"]
        for key, value in found.items():
            if isinstance(value, int):
                runs[key] = runs.get(key, 0) + value
        runs["runs"] = runs.get("runs", 0) + 1
        stop.wait(0.3)


def metrics():
    text = urllib.request.urlopen(f"http://127.0.0.1:{PORT}/-/metrics", timeout=10).read().decode()
    return {line.split()[0]: float(line.split()[1]) for line in text.splitlines() if line.startswith("portolan_garbage")}


def size_of(data):
    size = 0
    # Folders and files vanish meanwhile.
    for folder, _, names in os.walk(data / "images/docker/registry/v2/blobs"):
        for name in names:
            try:
                size += os.stat(os.path.join(folder, name)).st_size
            except FileNotFoundError:
                pass
    return size


def main():
    work = pathlib.Path(tempfile.mkdtemp(prefix="gc-stress-", dir=os.environ.get("TMPDIR")))
    folder, data = work / "configuration", work / "data"
    folder.mkdir()
    write_configuration(folder, data, os.environ.get("GC_STRESS_STORAGE", "{type: fs, path: images}"))
    log = open(work / "log", "w")
    server = subprocess.Popen([BINARY, "serve", folder, "--data", data, "--listen", f"127.0.0.1:{PORT}"], stdout=log, stderr=log)
    counts, runs, failures = {"lock": threading.Lock()}, {"failed": []}, []
    stop = threading.Event()
    try:
        for _ in range(100):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{PORT}/-/ready", timeout=5)
                break
            except OSError:
                time.sleep(0.1)
        else:
            sys.exit(f"the server does not answer; see {work}/log")
        beside = threading.Thread(target=collect_beside, args=(str(folder), str(data), stop, runs))
        beside.start()
        clients = [Client(number, counts) for number in range(CLIENTS)]
        until = time.time() + SECONDS
        threads = [threading.Thread(target=client.run, args=(until, failures)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # Everything that is garbage now is condemned and deleted.
        deadline = time.time() + 60
        alive = {}
        for client in clients:
            for digest, body, blobs, children in client.images.values():
                alive.update({digest_of(part): len(part) for part in [body, *blobs, *(text for _, text in children)]})
        on_files = "GC_STRESS_STORAGE" not in os.environ
        while on_files and not failures and size_of(data) != sum(alive.values()) and time.time() < deadline:
            time.sleep(1)
        stop.set()
        beside.join()
        failures += runs.pop("failed")
        for client in clients:
            for tag in client.images:
                try:
                    client.check(tag)
                except Exception as error:
                    failures.append(str(error))
        if on_files and size_of(data) != sum(alive.values()):
            failures.append(f"{size_of(data)} bytes are there, and {sum(alive.values())} are wanted")
        counted = metrics()
        if counted["portolan_garbage_failures_total"] > 0:
            failures.append("the server's collector failed")
        freed = counted["portolan_garbage_freed_bytes_total"]
        if freed == 0 and runs.get("bytes", 0) == 0:
            failures.append("nothing was ever collected")
        done = subprocess.run([BINARY, "storage", "verify", folder, "--data", data], capture_output=True, text=True)
        if done.returncode != 0:
            failures.append("verify:\n" + done.stdout + done.stderr)
        counts.pop("lock")
        print(f"clients: {counts}")
        print(f"server: {counted}")
        print(f"beside: {runs}")
    finally:
        stop.set()
        server.terminate()
        server.wait(40)
    if failures:
        print("\n".join(failures[:20]))
        sys.exit(f"FAILED; see {work}")
    subprocess.run(["rm", "-rf", work])
    print("ok: every acknowledged image is whole, and nothing else is left")


main()
