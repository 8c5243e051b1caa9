"""What is measured: each function is one row, or a few that come from the same runs."""
import concurrent.futures
import json
import os
import shutil
import statistics
import subprocess
import time

from .data import BIG_REPEAT, MANIFEST
from .servers import LOGINS, SCOPES

GIB = 1024 ** 3
#: What clients accept; Distribution answers 404 without it.
ACCEPT = "Accept: " + ", ".join([
    MANIFEST, "application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json"])


class Bench:
    def __init__(self, load, data, servers, rounds, seconds):
        self.load_binary, self.data, self.servers = load, data, servers
        self.rounds, self.seconds, self.paths = rounds, seconds, data.paths() if data else {}
        #: row -> server -> values of the rounds
        self.values = {}

    def note(self, row, server, value):
        self.values.setdefault(row, {}).setdefault(server.name, []).append(value)

    def median(self, row, name):
        values = self.values.get(row, {}).get(name)
        return statistics.median(values) if values else None

    def load(self, *arguments):
        done = subprocess.run([self.load_binary, *map(str, arguments)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"load {' '.join(map(str, arguments))[:300]}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def interleaved(self, names):
        """Every server once, and again: A B C A B C…"""
        for number in range(self.rounds):
            for server in self.servers:
                if server.name in names:
                    yield number, server

    def headers(self, header):
        return ["--header", header] if header else []

    def flood(self, server, path, header, *more):
        return self.load("flood", "--url", server.url + path, *self.headers(header), "--header", ACCEPT, "--seconds", self.seconds, *more)


def manifests(bench):
    for row, method in (("manifest GET", "GET"), ("manifest HEAD", "HEAD")):
        for _, server in bench.interleaved(["portolan", "distribution", "nginx"]):
            found = bench.flood(server, bench.paths["manifest"], server.token(SCOPES), "--method", method)
            bench.note(row, server, found["per_second"])
            bench.note(row + ", p99", server, found["p99_ms"])


def manifests_basic(bench):
    for _, server in bench.interleaved(["portolan", "distribution basic"]):
        bench.note("manifest GET, Basic", server, bench.flood(server, bench.paths["manifest"], server.basic())["per_second"])
        if server.name == "portolan":
            # Beside it in the same round, for the ratio.
            found = bench.flood(server, bench.paths["manifest"], server.token(SCOPES))
            bench.note("manifest GET, token again", server, found["per_second"])


def blobs_small(bench):
    for _, server in bench.interleaved(["portolan", "distribution", "nginx"]):
        bench.note("blob GET 10 KiB", server, bench.flood(server, bench.paths["small"], server.token(SCOPES))["per_second"])


def blobs_large(bench):
    for streams in (1, 8):
        for _, server in bench.interleaved(["portolan", "distribution", "nginx", "nginx buffers"]):
            cpu = server.cpu_seconds()
            found = bench.load("stream", "--url", server.url + bench.paths["big"], *bench.headers(server.token(SCOPES)), "--streams", streams)
            cpu = server.cpu_seconds() - cpu
            row = f"blob GET 1 GiB, {streams} stream{'s' * (streams > 1)}"
            bench.note(row, server, found["bytes"] / found["seconds"] / 1e6)
            bench.note(row + ", CPU", server, cpu / (found["bytes"] / GIB))


def push_large(bench):
    for number, server in bench.interleaved(["portolan", "distribution"]):
        nonce = f"{server.name}-{os.getpid()}-{number}"
        digest = bench.data.blob_digest(nonce)
        os.sync()
        cpu = server.cpu_seconds()
        found = bench.load("blob", "--url", server.url, "--name", "bench/push", "--block", bench.data.block, "--repeat", BIG_REPEAT,
                           "--nonce", nonce, "--digest", digest, *bench.headers(server.token(["repository:bench/push:pull,push"])))
        cpu = server.cpu_seconds() - cpu
        bench.note("blob push 1 GiB", server, found["bytes"] / found["seconds"] / 1e6)
        bench.note("blob push 1 GiB, CPU", server, cpu / (found["bytes"] / GIB))
        hexadecimal = digest.removeprefix("sha256:")
        shutil.rmtree(os.path.join(server.data, f"docker/registry/v2/blobs/sha256/{hexadecimal[:2]}/{hexadecimal}"))


def push_images(bench):
    for number, server in bench.interleaved(["portolan", "distribution"]):
        prefix = f"images/{os.getpid()}-round{number}"
        scopes = [f"repository:{prefix}-{image}:pull,push" for image in range(200)]
        header = server.token(scopes) if server.name == "distribution" else server.basic()
        os.sync()
        found = bench.load("images", "--url", server.url, "--name", prefix, *bench.headers(header))
        bench.note("200 images by 8 workers", server, found["per_second"])


def lists(bench):
    for row, path in (("tags page of 10,000", "tags"), ("catalog page of 1,000", "catalog")):
        for _, server in bench.interleaved(["portolan", "distribution"]):
            found = bench.flood(server, bench.paths[path], server.token(SCOPES), "--connections", 1, "--warm", 0.2)
            bench.note(row, server, found["p50_ms"])


def logins(bench):
    for number, server in bench.interleaved(["portolan"]):
        header, path = server.token(SCOPES), bench.paths["manifest"]
        alone = bench.flood(server, path, header, "--warm", 0.5)
        with concurrent.futures.ThreadPoolExecutor(LOGINS + 1) as pool:
            beside = pool.submit(bench.flood, server, path, header, "--warm", 0.5)
            time.sleep(0.4)
            begun = time.perf_counter()
            done = [pool.submit(server.login, f"login-{number}-{user}", ["repository:bench/app:pull"]) for user in range(LOGINS)]
            concurrent.futures.wait(done)
            took = time.perf_counter() - begun
            for login in done:
                login.result()
            beside = beside.result()
        bench.note("pulls, p99", server, alone["p99_ms"])
        bench.note("pulls beside 100 logins, p99", server, beside["p99_ms"])
        bench.note("pulls beside 100 logins", server, beside["per_second"])
        bench.note("100 logins beside pulls, seconds", server, took)


def starts(bench, times):
    """Starts and stops each server with its data a number of times; leaves all running."""
    names = [server.name for server in bench.servers if server.is_registry]
    for number in range(times):
        for server in bench.servers:
            if server.name in names:
                bench.note("start to first answer", server, server.start() * 1000)
                if number + 1 < times:
                    server.stop()
    for server in bench.servers:
        if not server.is_registry:
            server.start()
    time.sleep(1)
    for server in bench.servers:
        if server.name in names:
            bench.note("memory idle", server, server.memory_mib("VmRSS"))


def memory(bench):
    for server in bench.servers:
        if server.name in ("portolan", "distribution"):
            bench.note("memory peak", server, server.memory_mib("VmHWM"))
            bench.note("memory after all", server, server.memory_mib("VmRSS"))
