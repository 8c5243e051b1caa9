#!/usr/bin/env python3
"""Do lists stay fast when they are long? scale.py PATH-OF-PORTOLAN [--s3 URL/BUCKET] [--port PORT]

Writes images, tags and referrers straight into the layout of a storage, starts the server on it, and
measures pages at the beginning, in the middle and at the end of lists of different lengths. Fails where
a page of the longest list takes much longer than the same page of the shortest (a bare listing of the
folder aside, which the first page after a change may cost), where a list is not complete and in order,
and where the server's memory grows.

With --s3 the data lies in a bucket, to which the keys are written with the credentials of
AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
"""
import argparse
import concurrent.futures
import datetime
import hashlib
import hmac
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

RATIO_MAX = 3           # the longest list against the shortest
SLACK_MS = 3            # what a busy machine may add
RSS_MAX_MIB = 128
ROUNDS = 15
LAYOUT, OWN = "docker/registry/v2", "portolan/v1"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class Files:
    """A storage in a folder."""

    def __init__(self, root):
        self.root = root
        self.made = set()

    def put(self, key, content):
        folder, name = os.path.split(f"{self.root}/{key}")
        if folder not in self.made:
            os.makedirs(folder, exist_ok=True)
        file = os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CREAT)
        os.write(file, content)
        os.close(file)

    def finish(self):
        pass

    def bare_ms(self, folder):
        """What it takes to list a folder and to sort it."""
        begun = time.monotonic()
        sorted(entry.name for entry in os.scandir(f"{self.root}/{folder}"))
        return (time.monotonic() - begun) * 1000

    def may_add_ms(self, place, bare):
        """Only the first request after a change lists the whole folder."""
        return 5 * bare if place == "cold" else 0

    def yaml(self):
        return f"{{type: fs, path: {self.root}}}"


class Bucket:
    """A storage in a bucket."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self.host, self.bucket = parts.netloc, parts.path.strip("/")
        self.endpoint = f"{parts.scheme}://{parts.netloc}"
        self.user, self.secret = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
        self.local = threading.local()
        self.pool = concurrent.futures.ThreadPoolExecutor(16)
        self.running = []
        self.call("PUT", "")

    def put(self, key, content):
        self.running.append(self.pool.submit(self.call, "PUT", "/" + key, content))

    def finish(self):
        for done in self.running:
            done.result()
        self.running.clear()

    def call(self, method, key, content=b"", query=""):
        """One request, signed (AWS Signature Version 4)."""
        path = urllib.parse.quote(f"/{self.bucket}{key}")
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        body_hash = hashlib.sha256(content).hexdigest()
        headers = {"host": self.host, "x-amz-content-sha256": body_hash, "x-amz-date": now}
        signed = ";".join(sorted(headers))
        canonical = "\n".join([method, path, query, *(f"{name}:{headers[name]}" for name in sorted(headers)), "", signed, body_hash])
        scope = f"{now[:8]}/us-east-1/s3/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key_bytes = ("AWS4" + self.secret).encode()
        for part in (now[:8], "us-east-1", "s3", "aws4_request", text):
            key_bytes = hmac.new(key_bytes, part.encode(), hashlib.sha256).digest()
        headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.user}/{scope}, SignedHeaders={signed}, Signature={key_bytes.hex()}")
        if not hasattr(self.local, "connection"):
            self.local.connection = http.client.HTTPConnection(self.host, timeout=30)
        self.local.connection.request(method, path + (f"?{query}" if query else ""), content, headers)
        answer = self.local.connection.getresponse()
        text = answer.read()
        if answer.status >= 300 and answer.status != 409:
            raise SystemExit(f"{method} {path}: {answer.status} {text[:300]!r}")
        return text

    def bare_ms(self, folder):
        """What it takes to list one page."""
        prefix = urllib.parse.quote(f"{folder}/", safe="")
        begun = time.monotonic()
        self.call("GET", "", query=f"delimiter=%2F&list-type=2&max-keys=100&prefix={prefix}")
        return (time.monotonic() - begun) * 1000

    def may_add_ms(self, _place, bare):
        """Some stores list a part of a long folder slower than a part of a short one."""
        return 4 * bare

    def yaml(self):
        return (f"{{type: s3, bucket: {self.bucket}, region: us-east-1, endpoint: {self.endpoint}, "
                f"credentials: {{type: basic, accessKeyId: {self.user}, secretAccessKey: {self.secret}}}}}")


def fail(text):
    print("FAILED:", text, flush=True)
    sys.exit(1)


def digest_of(text):
    return hashlib.sha256(text.encode()).hexdigest()


def make_tags(storage, image, total):
    names = []
    link = f"sha256:{digest_of(image)}".encode()
    for number in range(total):
        name = f"v{number % 10}.{number // 10}" + ("", "-rc.1", "-alpine", "_x")[number % 4]
        names.append(name)
        storage.put(f"{LAYOUT}/repositories/{image}/_manifests/tags/{name}/current/link", link)
    return sorted(names)


def make_images(storage, prefix, total):
    names = []
    hexadecimal = digest_of(prefix)
    for number in range(total):
        # Half beside each other, half in folders.
        name = f"app{number:05}-web" if number % 2 else f"team{number % 200:03}/svc/img{number // 2:05}"
        names.append(f"{prefix}/{name}")
        storage.put(f"{LAYOUT}/repositories/{prefix}/{name}/_manifests/revisions/sha256/{hexadecimal}/link", f"sha256:{hexadecimal}".encode())
    return sorted(names)


def make_referrers(storage, image, total):
    subject, names = digest_of("subject of " + image), []
    storage.put(f"{OWN}/repositories/{image}/_referrers/complete", b"1")
    for number in range(total):
        hexadecimal = digest_of(f"{image} {number}")
        names.append(f"sha256:{hexadecimal}")
        entry = {"version": 1, "media_type": MANIFEST, "size": 700, "artifact_type": f"x/{number % 3}", "annotations": {"org.example.number": str(number)}}
        storage.put(f"{OWN}/repositories/{image}/_referrers/subjects/sha256/{subject}/sha256-{hexadecimal}", json.dumps(entry).encode())
        storage.put(f"{LAYOUT}/repositories/{image}/_manifests/revisions/sha256/{hexadecimal}/link", f"sha256:{hexadecimal}".encode())
    return subject, sorted(names)


class List:
    """A list that the server gives in pages."""

    def __init__(self, kind, names, port, path, field, size, folder):
        self.kind, self.names, self.port, self.path, self.field, self.size, self.folder = kind, names, port, path, field, size, folder
        self.local = threading.local()

    def page(self, last=None, size=None, link=None, patience=0):
        path = link or f"{self.path}?n={size or self.size}" + (f"&last={urllib.parse.quote(last)}" if last else "")
        if not hasattr(self.local, "connection"):
            self.local.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        begun = time.monotonic()
        self.local.connection.request("GET", path)
        answer = self.local.connection.getresponse()
        text = answer.read()
        took = (time.monotonic() - begun) * 1000
        if answer.status == 503 and patience > 0:
            # Only so many catalogs are walked at the same time.
            time.sleep(1)
            return self.page(last, size, link, patience - 1)
        if answer.status != 200:
            fail(f"{path}: {answer.status} {text[:300]!r}")
        found = re.match(r"<([^>]*)>", answer.getheader("Link") or "")
        return took, self.field(json.loads(text)), found and found[1]

    def whole(self):
        _, names, link = self.page(size=1000, patience=20)
        while link:
            _, more, link = self.page(link=link, patience=20)
            names += more
        if names != self.names:
            fail(f"{self.kind} of {len(self.names)}: the list is not complete and in order ({len(names)} names)")

    def measure(self):
        """Milliseconds of the very first request, and of the first, a middle and the last page."""
        places = {"cold": None, "first": None, "middle": self.names[len(self.names) // 2], "last": self.names[-min(self.size, len(self.names) - 1)]}
        times = {}
        for place, last in places.items():
            rounds = [self.page(last)[0] for _ in range(1 if place == "cold" else ROUNDS)]
            # The least: what else the machine does is not of interest.
            times[place] = min(rounds)
        return times


def memory_mib(pid, field):
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(field + r":\s+(\d+)", status.read())[1]) / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("portolan")
    parser.add_argument("--s3", help="URL of a bucket on a server, as http://127.0.0.1:9000/bucket")
    parser.add_argument("--port", type=int, default=5031, help="the first of three ports")
    parser.add_argument("--tags", type=int, default=100_000, help="the longest list of tags")
    options = parser.parse_args()
    work = os.path.realpath(tempfile.mkdtemp())
    storage = Bucket(options.s3) if options.s3 else Files(work + "/data")
    server = None
    try:
        begun = time.monotonic()
        lists = make_lists(storage, options)
        storage.finish()
        print(f"{sum(len(one.names) for one in lists)} names written in {time.monotonic() - begun:.1f} s")
        os.makedirs(work + "/config/repos")
        with open(work + "/config/storages.yaml", "w") as file:
            file.write(f"storages: {{default: {storage.yaml()}}}\n")
        # Each catalog on a port of its own, where nothing else is shown.
        ports = {"small": f", port: {options.port + 1}", "large": f", port: {options.port + 2}", "tagged": "", "referred": ""}
        for prefix, port in ports.items():
            with open(f"{work}/config/repos/{prefix}.yaml", "w") as file:
                file.write(f"repo: {{type: docker{port}}}\n")
        with open(work + "/log", "w") as log:
            server = subprocess.Popen(
                [os.path.realpath(options.portolan), "serve", work + "/config", "--data", work + "/own", "--listen", f"127.0.0.1:{options.port}"],
                stdout=log, stderr=log)
        if not is_ready(options.port):
            raise SystemExit("the server did not start:\n" + open(work + "/log").read())
        is_good = judge(storage, lists, server.pid)
    finally:
        if server:
            server.terminate()
            server.wait()
        subprocess.run(["rm", "-rf", work], check=False)
    sys.exit(0 if is_good else 1)


def make_lists(storage, options):
    lists = []
    totals = [total for total in (1_000, 10_000, 100_000) if total <= options.tags]
    for total in totals:
        names = make_tags(storage, f"tagged/t{total}", total)
        folder = f"{LAYOUT}/repositories/tagged/t{total}/_manifests/tags"
        lists.append(List("tags", names, options.port, f"/v2/tagged/t{total}/tags/list", lambda body: body["tags"], 100, folder))
    with_prefix = []
    for number, (prefix, total) in enumerate((("small", 1_000), ("large", 10_000))):
        names = [name.removeprefix(prefix + "/") for name in make_images(storage, prefix, total)]
        with_prefix.append(List("images", names, options.port + 1 + number, "/v2/_catalog", lambda body: body["repositories"], 100, f"{LAYOUT}/repositories/{prefix}"))
    lists += with_prefix
    for total in (3_000, 10_000):
        subject, names = make_referrers(storage, f"referred/r{total}", total)
        field = lambda body: [entry["digest"] for entry in body["manifests"]]
        folder = f"{OWN}/repositories/referred/r{total}/_referrers/subjects/sha256/{subject}"
        # The size of these pages is the server's.
        lists.append(List("referrers", names, options.port, f"/v2/referred/r{total}/referrers/sha256:{subject}", field, 1000, folder))
    return lists


def is_ready(port):
    for _ in range(200):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/-/ready")
            if connection.getresponse().status == 200:
                return True
        except OSError:
            pass
        time.sleep(0.05)
    return False


def judge(storage, lists, pid):
    failed = []
    at_start = memory_mib(pid, "VmRSS")
    shortest = {}
    sys.stdout.reconfigure(line_buffering=True)
    print(f"{'list':<10} {'total':>7} {'bare ms':>8} {'cold ms':>8} {'first ms':>9} {'middle ms':>10} {'last ms':>8}   ratio of the middle to the shortest's")
    for one in lists:
        bare, times = storage.bare_ms(one.folder), one.measure()
        base = shortest.setdefault(one.kind, times)
        ratio = times["middle"] / base["middle"]
        print(f"{one.kind:<10} {len(one.names):>7} {bare:>8.1f} {times['cold']:>8.1f} {times['first']:>9.2f} {times['middle']:>10.2f} {times['last']:>8.2f}   {ratio:.2f}")
        for place, took in times.items():
            allowed = RATIO_MAX * max(base[place], base["middle"]) + SLACK_MS + storage.may_add_ms(place, bare)
            if took > allowed:
                failed.append(f"{one.kind} of {len(one.names)}: the {place} page took {took:.1f} ms, more than {allowed:.1f}")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(one.whole) for one in lists for _ in range(3)]:
            done.result()
    peak = memory_mib(pid, "VmHWM")
    print(f"memory: {at_start:.0f} MiB at the start, {memory_mib(pid, 'VmRSS'):.0f} after {3 * len(lists)} whole lists by 8 clients, peak {peak:.0f}")
    if peak > RSS_MAX_MIB:
        failed.append(f"the memory grew to {peak:.0f} MiB, more than {RSS_MAX_MIB}")
    for one in failed:
        print("FAILED:", one)
    return not failed


main()
