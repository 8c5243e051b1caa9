#!/usr/bin/env python3
"""Is what the server acknowledges on disk? durability.py PATH-OF-PORTOLAN

Runs the server under strace, pushes an image in every way there is, and reads the trace: at the moment
at which a 201 or 202 is written to a socket, every file that was written must have been synced since,
and so must the folder that holds each new name. (A `kill -9` cannot show this: the system keeps what it
has cached. Only a power cut would.) Twice: on the disk, where one sync of the whole file system may serve for all
files, and in memory, where each file and folder is synced by itself.
"""
import base64
import hashlib
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

PORT = 5021
SYNCS = ("fsync", "fdatasync", "syncfs")
CALLS = "openat,write,pwrite64,writev,pwritev,fsync,fdatasync,syncfs,sync_file_range,rename,renameat,renameat2,link,linkat,mkdir,mkdirat,unlink,unlinkat,rmdir,ftruncate,copy_file_range,sendto,sendmsg"


class Client:
    def __init__(self):
        self.headers = {"Authorization": "Basic " + base64.b64encode(b"pusher:secret-1").decode()}

    def call(self, method, path, body=b"", headers=None, want=201):
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=20)
        connection.request(method, path, body, {**self.headers, **(headers or {})})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != want:
            sys.exit(f"{method} {path}: {answer.status} instead of {want}: {text!r}")
        location = answer.getheader("Location") or ""
        return re.sub(r"^https?://[^/]*", "", location)

    def upload(self, image, data, chunks):
        """Pushes a blob by POST, any number of PATCHes, and a PUT that carries the rest."""
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        location = self.call("POST", f"/v2/{image}/blobs/uploads/", want=202)
        size = len(data) // (chunks + 1)
        for number in range(chunks):
            location = self.call("PATCH", location, data[number * size:(number + 1) * size], want=202)
        separator = "&" if "?" in location else "?"
        self.call("PUT", f"{location}{separator}digest={digest}", data[chunks * size:])
        return digest


def push_everything():
    client = Client()
    for image, chunks in (("sync/a", 0), ("sync/a", 1), ("sync/b/c", 3)):
        layer, config = os.urandom(400_000), json.dumps({"x": os.urandom(8).hex()}).encode()
        layer_digest = client.upload(image, layer, chunks)
        config_digest = "sha256:" + hashlib.sha256(config).hexdigest()
        client.call("POST", f"/v2/{image}/blobs/uploads/?digest={config_digest}", config)
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config_digest, "size": len(config)},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer_digest, "size": len(layer)}],
        }
        body, kind = json.dumps(manifest).encode(), {"Content-Type": manifest["mediaType"]}
        client.call("PUT", f"/v2/{image}/manifests/v{chunks}", body, kind)
        subject = {"mediaType": manifest["mediaType"], "digest": "sha256:" + hashlib.sha256(body).hexdigest(), "size": len(body)}
        body = json.dumps({**manifest, "subject": subject}).encode()
        client.call("PUT", f"/v2/{image}/manifests/sha256:{hashlib.sha256(body).hexdigest()}", body, kind)
        client.call("POST", f"/v2/sync/mounted-{chunks}/blobs/uploads/?mount={layer_digest}&from={image}")


class Trace:
    """What is not on disk yet, call by call."""

    def __init__(self, root):
        self.root = root
        # With the call by which it came to be so.
        self.unsynced_data = {}
        self.unsynced_names = {}
        self.known = set()
        self.files = set()
        self.calls = 0
        self.acknowledged = 0
        self.syncs = 0
        self.wholes = 0
        self.wrong = []

    def inside(self, path):
        # `startedat` is there for the reference implementation; nothing of ours reads it.
        return path.startswith(self.root + "/") and not path.endswith("/startedat")

    def new_name(self, path):
        if self.inside(path):
            self.unsynced_names[path] = self.calls
            self.known.add(path)

    def gone(self, path):
        for paths in (self.unsynced_data, self.unsynced_names):
            paths.pop(path, None)
        for paths in (self.known, self.files):
            paths.discard(path)

    def missing(self):
        """What is not on disk of that which matters: files with content, and the folders that lead to them.

        A folder in which nothing lies yet promises nothing, nor does the file of an upload without bytes.
        """
        leading = set()
        # Nor does the record of an upload of which nothing is acknowledged.
        begun = {path for path in self.files if path.endswith("/session") and "/uploads/" in path}
        begun = {path for path in begun if not any(os.path.dirname(other) == os.path.dirname(path) for other in self.files - begun)}
        for path in self.files - begun:
            while path not in leading and path != self.root:
                leading.add(path)
                path = os.path.dirname(path)
        return sorted((self.unsynced_data.keys() - begun) | (self.unsynced_names.keys() & leading))

    def call(self, name, arguments, begun=None):
        """A call that ended; `begun` is the number of the first call after its beginning, where others came between."""
        self.calls += 1
        strings = re.findall(r'(?:AT_FDCWD(?:<[^>]*>)?, )?"((?:[^"\\]|\\.)*)"', arguments)
        descriptor = re.match(r"\d+<([^>]*)>", arguments)
        if name == "openat" and "O_CREAT" in arguments and strings and strings[0] not in self.known:
            self.new_name(strings[0])
        elif name in ("mkdir", "mkdirat") and strings:
            self.new_name(strings[0])
        elif name in ("link", "linkat") and len(strings) == 2:
            self.new_name(strings[1])
            if self.inside(strings[1]):
                self.files.add(strings[1])
            if strings[0] in self.unsynced_data:
                self.unsynced_data[strings[1]] = self.unsynced_data[strings[0]]
        elif name.startswith("rename") and len(strings) == 2:
            dirty = self.unsynced_data.get(strings[0])
            self.gone(strings[0])
            self.new_name(strings[1])
            if self.inside(strings[1]):
                self.files.add(strings[1])
            if dirty is not None:
                self.unsynced_data[strings[1]] = dirty
        elif name in ("unlink", "unlinkat", "rmdir") and strings:
            self.gone(strings[0])
        elif name in ("fsync", "fdatasync") and descriptor:
            self.syncs += 1
            path = descriptor[1]
            self.unsynced_data.pop(path, None)
            self.unsynced_names = {other: at for other, at in self.unsynced_names.items() if os.path.dirname(other) != path}
        elif name == "syncfs" and descriptor and descriptor[1] == self.root:
            self.syncs += 1
            self.wholes += 1
            # Only what was there when it began.
            self.unsynced_data = {path: at for path, at in self.unsynced_data.items() if begun and at >= begun}
            self.unsynced_names = {path: at for path, at in self.unsynced_names.items() if begun and at >= begun}
        elif descriptor and self.inside(descriptor[1]) and name in ("write", "pwrite64", "writev", "pwritev", "copy_file_range", "ftruncate"):
            self.unsynced_data[descriptor[1]] = self.calls
            if name != "ftruncate":
                self.files.add(descriptor[1])
        elif re.search(r"HTTP/1\.1 20[12] ", arguments):
            self.acknowledged += 1
            missing = self.missing()
            if missing:
                self.wrong.append((re.search(r"HTTP/1\.1 (\d+)", arguments)[1], missing))
                self.unsynced_data.clear()
                self.unsynced_names.clear()

    def read(self, lines):
        pending = {}
        for line in lines:
            line = re.match(r"(\d+) +(.*)", line)
            if not line:
                continue
            thread, text = line.groups()
            resumed = re.match(r"<\.\.\. (\w+) resumed>(.*)", text)
            if text.endswith("<unfinished ...>"):
                begun = re.match(r"(\w+)\((.*) ?<unfinished \.\.\.>", text)
                if begun and begun[1] in SYNCS:
                    pending[thread] = (*begun.groups(), self.calls + 1)
                elif begun:
                    self.call(*begun.groups())
            elif resumed:
                if thread in pending and re.search(r"= 0$", text):
                    self.call(*pending.pop(thread))
            else:
                done = re.match(r"(\w+)\((.*)\) += (-?\d+)", text)
                if done and int(done[3]) >= 0:
                    self.call(done[1], done[2])


def run(portolan, folder):
    """Whether all was as it should be with data in a folder."""
    work = os.path.realpath(tempfile.mkdtemp(dir=folder))
    os.makedirs(work + "/config/repos")
    with open(work + "/config/credentials.yaml", "w") as file:
        file.write("credentials:\n  pusher: {type: plain, pass: secret-1}\n")
    with open(work + "/config/storages.yaml", "w") as file:
        file.write("storages:\n  default: {type: fs, path: registry}\n")
    with open(work + "/config/repos/sync.yaml", "w") as file:
        file.write("repo: {type: docker, storage: default, permissions: {pusher: ['*']}}\n")
    server = subprocess.Popen(
        ["strace", "-f", "-y", "-s", "64", "-o", work + "/trace", "-e", "trace=" + CALLS, portolan, "serve", work + "/config",
         "--data", work + "/data", "--listen", f"127.0.0.1:{PORT}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                Client().call("GET", "/-/ready", want=200)
                break
            except OSError:
                time.sleep(0.05)
        push_everything()
    finally:
        subprocess.run(["pkill", "-TERM", "-P", str(server.pid)], check=False)
        server.wait()
    trace = Trace(work + "/data/registry")
    with open(work + "/trace", errors="replace") as file:
        trace.read(file.read().splitlines())
    shutil.rmtree(work)
    for status, missing in trace.wrong:
        print(f"answered {status} before these were synced:", *missing, sep="\n  ")
    print(f"durability in {folder}: {trace.acknowledged} acknowledgements, {trace.syncs} syncs, of these {trace.wholes} of the file system, {len(trace.wrong)} too early")
    if trace.acknowledged < 20 or trace.syncs < trace.acknowledged:
        sys.exit("the trace does not show what it should: nothing was proved")
    if folder == "/dev/shm" and trace.wholes:
        sys.exit("what lies in memory cannot be synced as a whole")
    return not trace.wrong


def main():
    portolan = os.path.realpath(sys.argv[1])
    folders = [folder for folder in (tempfile.gettempdir(), "/dev/shm") if os.path.isdir(folder)]
    results = [run(portolan, folder) for folder in folders]
    sys.exit(0 if all(results) else 1)


main()
