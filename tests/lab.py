"""What the tests that run real servers share: a portolan process with its configuration, a client that
speaks the registry's protocol, and images made up of random bytes. Standard library only."""
import base64
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Answer:
    """A response that was read whole."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def header(self, name):
        return self.headers.get(name.lower(), "")

    def code(self):
        """The error code of the specification's JSON, or an empty text."""
        try:
            return json.loads(self.body)["errors"][0]["code"]
        except (ValueError, KeyError, IndexError, TypeError):
            return ""

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


class Client:
    """One connection, signed in with a name and a password on each request."""

    def __init__(self, port, user="", password="", timeout=60):
        self.port, self.timeout, self.connection = port, timeout, None
        self.user = user
        self.headers = {}
        if user:
            self.headers["Authorization"] = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def call(self, method, path, body=b"", headers=None):
        """One request, one answer. A connection that breaks is an exception."""
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
            self.connection.request(method, path, body, {**self.headers, **(headers or {})})
            response = self.connection.getresponse()
            body = response.read()
            answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, body)
            if answer.header("connection").lower() == "close":
                self.close()
            return answer
        except Exception:
            self.close()
            raise

    def want(self, status, method, path, body=b"", headers=None):
        answer = self.call(method, path, body, headers)
        if answer.status != status:
            raise AssertionError(f"{method} {path}: {answer} instead of {status}")
        return answer

    def begin(self, image):
        return location(self.want(202, "POST", f"/v2/{image}/blobs/uploads/"))

    def finish(self, where, digest, rest=b""):
        return self.call("PUT", with_digest(where, digest), rest)

    def push_blob(self, image, data, chunks=0):
        """POST, any number of PATCHes, and a PUT with the rest. Returns the digest."""
        digest, size = digest_of(data), len(data) // (chunks + 1)
        where = self.begin(image)
        for number in range(chunks):
            where = location(self.want(202, "PATCH", where, data[number * size:(number + 1) * size]))
        answer = self.finish(where, digest, data[chunks * size:])
        if answer.status != 201:
            raise AssertionError(f"PUT {image} {digest}: {answer}")
        return digest

    def push_manifest(self, image, reference, body, media_type=MANIFEST):
        return self.call("PUT", f"/v2/{image}/manifests/{reference}", body, {"Content-Type": media_type})

    def push_image(self, image, tag, layers, chunks=0):
        """Pushes an image of these layers. Returns its manifest."""
        config = json.dumps({"architecture": "amd64", "os": "linux", "made": os.urandom(8).hex()}).encode()
        self.push_blob(image, config)
        for layer in layers:
            self.push_blob(image, layer, chunks)
        body = manifest_of(config, layers)
        answer = self.push_manifest(image, tag, body)
        if answer.status != 201:
            raise AssertionError(f"PUT manifest {image}:{tag}: {answer}")
        return body

    def pull_image(self, image, reference):
        """Pulls a manifest and everything it names, and checks every byte. Returns the manifest."""
        answer = self.want(200, "GET", f"/v2/{image}/manifests/{reference}", headers={"Accept": MANIFEST})
        if answer.header("docker-content-digest") != digest_of(answer.body):
            raise AssertionError(f"{image}:{reference}: another digest than its bytes have")
        manifest = json.loads(answer.body)
        for blob in [manifest["config"], *manifest["layers"]]:
            data = self.pull_blob(image, blob["digest"])
            if len(data) != blob["size"]:
                raise AssertionError(f"{image} {blob['digest']}: {len(data)} bytes")
        return answer.body

    def pull_blob(self, image, digest):
        data = self.want(200, "GET", f"/v2/{image}/blobs/{digest}").body
        if digest_of(data) != digest:
            raise AssertionError(f"{image} {digest}: these are not its bytes")
        return data


def location(answer):
    """Where an upload goes on."""
    return re.sub(r"^https?://[^/]*", "", answer.header("location"))


def with_digest(where, digest):
    return f"{where}{'&' if '?' in where else '?'}digest={digest}"


def manifest_of(config, layers, **more):
    return json.dumps({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": digest_of(config), "size": len(config)},
        "layers": [{"mediaType": LAYER, "digest": digest_of(layer), "size": len(layer)} for layer in layers],
        **more,
    }).encode()


class Portolan:
    """A portolan process. `storages` is the text of storages.yaml, `env` what it reads secrets from."""

    def __init__(self, program, folder, port=None, env=None, arguments=()):
        self.program, self.folder, self.port = program, folder, port or free_port()
        self.env, self.arguments, self.process = {**os.environ, **(env or {})}, arguments, None

    def start(self, wait=True):
        log = open(f"{self.folder}.{self.port}.log", "ab")
        self.process = subprocess.Popen(
            [self.program, "serve", self.folder, "--data", f"{self.folder}.data", "--listen", f"127.0.0.1:{self.port}",
             *self.arguments], stdout=log, stderr=log, env=self.env)
        if wait:
            self.wait()
        return self

    def wait(self, seconds=30):
        end = time.time() + seconds
        while time.time() < end:
            if self.process.poll() is not None:
                break
            try:
                if Client(self.port, timeout=5).call("GET", "/-/ready").status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        sys.exit(f"portolan is not ready:\n{self.log()}")

    def log(self, lines=30):
        with open(f"{self.folder}.{self.port}.log", errors="replace") as log:
            return "".join(log.readlines()[-lines:])

    def kill(self):
        """As a power cut would, without a word."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                sys.exit("portolan did not stop within 20 s")

    def memory(self):
        """Resident memory in KiB."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))


def configuration(folder, repositories, users, storages=None, settings=None):
    """Writes a configuration: texts of repository files by name, passwords of users by name."""
    os.makedirs(f"{folder}/repos", exist_ok=True)
    credentials = "".join(
        f"  {name}:\n    type: sha256\n    pass: {hashlib.sha256(password.encode()).hexdigest()}\n"
        for name, password in users.items())
    write(f"{folder}/credentials.yaml", f"credentials:\n{credentials}")
    for name, text in repositories.items():
        write(f"{folder}/repos/{name}.yaml", text)
    if storages:
        write(f"{folder}/storages.yaml", storages)
    if settings:
        write(f"{folder}/registry.yaml", settings)


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


class Lab:
    """A temporary folder, and what has to be stopped at the end."""

    def __init__(self):
        self.folder, self.running = tempfile.mkdtemp(prefix="portolan-lab-"), []

    def __enter__(self):
        return self

    def keep(self, thing):
        self.running.append(thing)
        return thing

    def __exit__(self, kind, *_):
        for thing in reversed(self.running):
            thing.stop()
        if kind is None:
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            print(f"left for a look: {self.folder}", file=sys.stderr)


class S3Server:
    """A real S3 server, started by tests/s3/server."""

    def __init__(self, folder, port=None):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "s3", "server")
        started = subprocess.run(["bash", script, str(port or free_port()), folder], stdout=subprocess.PIPE, text=True)
        if started.returncode == 77:
            print("SKIPPED: no S3 server is to be had")
            sys.exit(77)
        if started.returncode:
            sys.exit("the S3 server does not start")
        self.facts = dict(line.split("=", 1) for line in started.stdout.splitlines())
        self.port = int(self.facts["S3_ENDPOINT"].rsplit(":", 1)[1])
        self.env = {"PORTOLAN_TEST_S3_SECRET": self.facts["S3_SECRET_KEY"]}

    def storages(self, alias, endpoint=None, more=""):
        """The text of a storages.yaml whose alias is the bucket of this server."""
        return (f"storages:\n  {alias}:\n    type: s3\n    bucket: {self.facts['S3_BUCKET']}\n"
                f"    region: {self.facts['S3_REGION']}\n    endpoint: {endpoint or self.facts['S3_ENDPOINT']}\n{more}"
                f"    credentials:\n      type: basic\n      accessKeyId: {self.facts['S3_ACCESS_KEY']}\n"
                "      secretAccessKey: {env: PORTOLAN_TEST_S3_SECRET}\n")

    def stop(self):
        os.kill(int(self.facts["S3_PID"]), signal.SIGTERM)
