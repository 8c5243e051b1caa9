"""Configuration as code in a large tree: 10,000 repositories of 100 entries each, and 10,000 users."""
import base64
import concurrent.futures
import http.client
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import time

from .data import MANIFEST, digest_of
from .servers import Portolan, Server, basic

REPOSITORIES, USERS, ENTRIES = 10_000, 10_000, 100
CHANGES = 30
ADMIN = "root"
IMAGE = "repo-00042/app"


def write_tree(folder, salt):
    """The repositories' files; another salt changes each of them."""
    os.makedirs(folder, exist_ok=True)
    for number in range(REPOSITORIES):
        with open(f"{folder}/repo-{number:05}.yaml", "w") as file:
            file.write(repository(number, salt))


def repository(number, salt, *more):
    lines = ["repo:", "  type: docker", "  storage: default", "  permissions:", f"    /team-{number % 200:03}: [read]", *more]
    for entry in range(ENTRIES - 1):
        user = f"user-{(number * ENTRIES + entry * 7919 + salt) % USERS:05}"
        lines += [f"    {user}: [read, write]"] if entry % 4 else [f"    {user}:", f"      - repository:app-{entry:02}/*:pull"]
    return "\n".join(lines) + "\n"


class Large(Portolan):
    """Portolan with the large tree; `repos` is a symbolic link that is swapped as a ConfigMap's is."""

    name = "large"

    def __init__(self, work, port, binary):
        Server.__init__(self, work, port)
        self.binary, self.config = os.path.realpath(binary), os.path.join(self.work, "config")
        noise = random.Random(1)
        salted = lambda count: base64.b64encode(noise.randbytes(count)).decode().rstrip("=")
        for salt in (0, 1):
            write_tree(os.path.join(self.config, f"..{salt}"), salt)
        os.symlink("..0", os.path.join(self.config, "repos"))
        with open(f"{self.config}/credentials.yaml", "w") as file:
            file.write(f"credentials:\n  {ADMIN}: {{type: plain, pass: bench-secret-1, admin: true}}\n")
            for number in range(USERS - 1):
                file.write(f"  user-{number:05}:\n    type: argon2\n    pass: $argon2id$v=19$m=19456,t=2,p=1${salted(16)}${salted(32)}\n"
                           f"    groups: [team-{number % 200:03}]\n")
        with open(f"{self.config}/storages.yaml", "w") as file:
            file.write("storages:\n  default: {type: memory}\n")

    def link(self, salt):
        new = os.path.join(self.config, "..new")
        os.symlink(f"..{salt}", new)
        os.replace(new, os.path.join(self.config, "repos"))

    def unlink(self):
        """Makes `repos` a folder, as a checkout is."""
        os.unlink(os.path.join(self.config, "repos"))
        os.rename(os.path.join(self.config, "..0"), os.path.join(self.config, "repos"))

    def ask(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        name, value = basic(ADMIN).split(": ", 1)
        connection.request(method, path, body=body, headers={name: value, **headers})
        answer = connection.getresponse()
        return answer.status, answer.read()

    def status(self):
        return json.loads(self.ask("GET", "/-/status")[1])

    def push(self):
        config = b"{}"
        self.ask("POST", f"/v2/{IMAGE}/blobs/uploads/?digest={digest_of(config)}", config)
        media_type = "application/vnd.oci.image.config.v1+json"
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "layers": [],
                    "config": {"mediaType": media_type, "digest": digest_of(config), "size": len(config)}}
        status, text = self.ask("PUT", f"/v2/{IMAGE}/manifests/v1", json.dumps(manifest), **{"Content-Type": MANIFEST})
        if status != 201:
            raise SystemExit(f"cannot push: {status} {text!r}")


class Prober:
    """Asks for a manifest without credentials, again and again on one connection."""

    def __init__(self, port):
        self.connection = socket.create_connection(("127.0.0.1", port))
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request = f"HEAD /v2/{IMAGE}/manifests/v1 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()

    def allowed(self):
        self.connection.sendall(self.request)
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += self.connection.recv(4096)
        return answer.startswith(b"HTTP/1.1 200")

    def wait(self, wanted, pause=0.0005):
        """The milliseconds from now to the first answer that is judged so. Asked more often, it is known more exactly;
        but on two cores, the asking is a part of what is measured."""
        begun = time.perf_counter()
        while self.allowed() != wanted:
            if time.perf_counter() - begun > 60:
                raise SystemExit("a change is not in force")
            time.sleep(pause)
        return (time.perf_counter() - begun) * 1000


def settle(server):
    """Until nothing is read any more."""
    generation = -1
    while generation != (generation := server.status()["generation"]):
        time.sleep(1)


def configuration(bench, work, port, binary):
    server = Large(work, port, binary)
    for _ in range(bench.rounds):
        begun = time.perf_counter()
        done = subprocess.run([server.binary, "check", server.config], capture_output=True, text=True, check=False)
        bench.note("check of 10,000 files", Portolan, time.perf_counter() - begun)
        if done.returncode:
            raise SystemExit(f"check: {done.stdout[:500]}{done.stderr[:500]}")
    # Files younger than three seconds are read again, since their time stamps tell too little.
    time.sleep(4)
    bench.note("10,000 repositories, start", Portolan, server.start() * 1000)
    server.push()
    time.sleep(2)
    bench.note("10,000 repositories, memory", Portolan, server.memory_mib("VmRSS"))
    full_reloads(bench, server)
    beside_reloads(bench, server)
    server.stop()
    server.unlink()
    server.start()
    server.push()
    time.sleep(4)
    one_file(bench, server)
    bench.note("10,000 repositories, memory at the end", Portolan, server.memory_mib("VmRSS"))
    server.stop()
    decisions(bench)
    shutil.rmtree(server.work)


def open_in(server, folder, salt):
    """In one of the trees anybody may read the image, so that an answer tells which tree is in force."""
    more = ['    "*": [read]'] if salt else []
    path = os.path.join(server.config, folder, "repo-00042.yaml")
    with open(path, "w") as file:
        file.write(repository(42, salt, *more))


def full_reloads(bench, server):
    """Every file is another one, and has another text."""
    open_in(server, "..1", 1)
    prober = Prober(server.port)
    for number in range(2 * bench.rounds):
        settle(server)
        salt = 1 - number % 2
        server.link(salt)
        bench.note("full reload of 10,000 files", Portolan, prober.wait(bool(salt), pause=0.005))
    for _ in range(bench.rounds):
        settle(server)
        begun = time.perf_counter()
        server.ask("POST", "/-/reload")
        bench.note("10,000 files read again, none changed", Portolan, (time.perf_counter() - begun) * 1000)


def beside_reloads(bench, server):
    header = "Authorization: Bearer " + json.loads(server.ask("GET", f"/token?service=portolan&scope=repository:{IMAGE}:pull")[1])["token"]
    flood = lambda: bench.load("flood", "--url", f"{server.url}/v2/{IMAGE}/manifests/v1", "--header", header, "--seconds", bench.seconds * 2)
    for number in range(bench.rounds):
        settle(server)
        alone = flood()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            beside = pool.submit(flood)
            salt = 0
            before = server.status()["generation"]
            while not beside.done():
                salt = 1 - salt
                server.link(salt)
                time.sleep(1)
            beside = beside.result()
        bench.note("reloads during pulls", Portolan, server.status()["generation"] - before)
        bench.note("pulls in the large tree, p99", Portolan, alone["p99_ms"])
        bench.note("pulls beside full reloads, p99", Portolan, beside["p99_ms"])
        bench.note("pulls in the large tree", Portolan, alone["per_second"])
        bench.note("pulls beside full reloads", Portolan, beside["per_second"])


def one_file(bench, server):
    """From the close of a file to the first request that is judged by it."""
    prober = Prober(server.port)
    path = os.path.join(server.config, "repos/repo-00042.yaml")
    took = []
    for number in range(CHANGES):
        is_open = number % 2 == 0
        text = repository(42, 0, *(['    "*": [read]'] if is_open else []))
        if number % 4 < 2:
            with open(path, "w") as file:
                file.write(text)
        else:
            with open(path + ".tmp", "w") as file:
                file.write(text)
            os.replace(path + ".tmp", path)
        took.append(prober.wait(is_open))
        time.sleep(0.5)
    bench.note("one changed file of 10,000", Portolan, statistics.median(took))
    bench.note("one changed file of 10,000, slowest", Portolan, max(took))


def decisions(bench):
    """A test of the release build prints them."""
    command = ["cargo", "test", "--release", "--quiet", "--locked", "--lib", "--", "--ignored", "--nocapture", "a_decision_takes"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=os.path.join(os.path.dirname(__file__), "../.."))
    for line in done.stdout.splitlines():
        if line.startswith("decision, "):
            what, value = line.removeprefix("decision, ").split(": ")
            bench.note(f"decision, {what}", Portolan, float(value.split()[0]))
