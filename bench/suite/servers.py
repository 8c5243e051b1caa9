"""The servers that are measured: how each is set up, started, signed in to and watched."""
import base64
import http.client
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.parse

USER, PASSWORD = "bench", "bench-secret-1"
LOGINS = 100
SCOPES = ["repository:bench/app:pull", "repository:bench/big:pull", "repository:bench/tags:pull", "registry:catalog:*"]
TICKS = os.sysconf("SC_CLK_TCK")


def basic(user, password=PASSWORD):
    return "Authorization: Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class Server:
    """One program that listens on a port of its own."""

    name = ""
    data = None
    #: Whether it is a registry, and not the limit that registries are measured by.
    is_registry = True
    note = ""

    def __init__(self, work, port):
        self.work, self.port = os.path.join(work, self.name.replace(" ", "-")), port
        os.makedirs(self.work, exist_ok=True)
        # Not beside a configuration, whose surroundings are watched.
        self.log = os.path.join(work, "logs", self.name.replace(" ", "-"))
        os.makedirs(os.path.dirname(self.log), exist_ok=True)
        self.process = None

    def command(self):
        raise NotImplementedError

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        """Starts it; returns the seconds until it answered a request for the first time."""
        command = self.command()
        with open(self.log, "ab") as log:
            begun = time.perf_counter()
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.work)
        while True:
            if self.process.poll() is not None or time.perf_counter() - begun > 20:
                raise SystemExit(f"{self.name} did not start: see {self.log}")
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                    connection.sendall(b"GET /v2/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    if connection.recv(12).startswith(b"HTTP/1.1 "):
                        return time.perf_counter() - begun
            except OSError:
                pass
            time.sleep(0.0002)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait()

    def processes(self):
        """Its process and their children."""
        pids = [self.process.pid]
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as file:
            pids += [int(pid) for pid in file.read().split()]
        return pids

    def cpu_seconds(self):
        total = 0
        for pid in self.processes():
            with open(f"/proc/{pid}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICKS

    def memory_mib(self, field):
        """`VmRSS` or `VmHWM` (the peak) of all its processes."""
        total = 0
        for pid in self.processes():
            with open(f"/proc/{pid}/status") as file:
                total += next(int(line.split()[1]) for line in file if line.startswith(field + ":"))
        return total / 1024

    def token(self, scopes):
        """The header that presents a token for scopes."""
        return None

    def basic(self):
        return basic(USER)


class Portolan(Server):
    name = "portolan"

    def __init__(self, work, port, binary, login_rounds):
        super().__init__(work, port)
        self.binary, self.data = os.path.realpath(binary), os.path.join(self.work, "data/registry")
        config = os.path.join(self.work, "config")
        os.makedirs(os.path.join(config, "repos"), exist_ok=True)
        hashed = subprocess.run([self.binary, "hash", "--type", "argon2"], input=PASSWORD + "\n", capture_output=True, text=True, check=False)
        entry = "".join(f"    {line.strip()}\n" for line in hashed.stdout.splitlines() if line.strip().startswith(("type:", "pass:")))
        if "argon2" not in entry:
            raise SystemExit(f"`portolan hash` failed: {hashed.stdout}{hashed.stderr}")
        users = [USER] + [f"login-{round}-{number}" for round in range(login_rounds) for number in range(LOGINS)]
        with open(f"{config}/credentials.yaml", "w") as file:
            file.write("credentials:\n" + "".join(f"  {user}:\n{entry}" for user in users))
        with open(f"{config}/storages.yaml", "w") as file:
            file.write("storages:\n  default: {type: fs, path: registry}\n")
        with open(f"{config}/repos/all.yaml", "w") as file:
            file.write('repo:\n  type: docker\n  storage: default\n  prefix: ""\n  permissions:\n    "/*": ["*"]\n')

    def command(self):
        return [self.binary, "serve", "config", "--data", "data", "--listen", f"127.0.0.1:{self.port}"]

    def token(self, scopes):
        return "Authorization: Bearer " + self.login(USER, scopes)

    def login(self, user, scopes):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        query = urllib.parse.urlencode([("service", "portolan")] + [("scope", scope) for scope in scopes])
        name, value = basic(user).split(": ", 1)
        connection.request("GET", "/token?" + query, headers={name: value})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{user} cannot sign in: {answer.status} {text!r}")
        return json.loads(text)["token"]


class Distribution(Server):
    """Distribution 3. With tokens that are signed here with RS256, or, on a port of its own, with a
    bcrypt password file."""

    name = "distribution"

    def __init__(self, work, port, binary, signer, data=None):
        super().__init__(work, port)
        self.binary, self.signer = binary, signer
        self.data = data or os.path.join(self.work, "data")
        if signer:
            auth = {"token": {"realm": self.url + "/token", "service": "bench", "issuer": "bench", "jwks": signer.jwks,
                              "signingalgorithms": ["RS256"]}}
        else:
            password_file = os.path.join(self.work, "htpasswd")
            with open(password_file, "w") as file:
                subprocess.run(["htpasswd", "-nbB", USER, PASSWORD], stdout=file, check=True)
            auth = {"htpasswd": {"realm": "bench", "path": password_file}}
        config = {
            "version": 0.1, "log": {"level": "info"},
            "storage": {"filesystem": {"rootdirectory": self.data}, "cache": {"blobdescriptor": "inmemory"}, "delete": {"enabled": True}},
            "http": {"addr": f"127.0.0.1:{port}", "debug": {}}, "auth": auth,
        }
        with open(os.path.join(self.work, "config.yml"), "w") as file:
            json.dump(config, file)  # JSON is YAML

    def command(self):
        return [self.binary, "serve", "config.yml"]

    def token(self, scopes):
        return "Authorization: Bearer " + self.signer.sign(scopes)


class DistributionBasic(Distribution):
    name = "distribution basic"


class Signer:
    """Signs tokens for Distribution, as a token server would."""

    def __init__(self, work):
        self.key, self.jwks = os.path.join(work, "key.pem"), os.path.join(work, "jwks.json")
        subprocess.run(["openssl", "genrsa", "-out", self.key, "2048"], check=True, capture_output=True)
        modulus = subprocess.run(["openssl", "rsa", "-in", self.key, "-noout", "-modulus"], check=True, capture_output=True, text=True).stdout
        number = bytes.fromhex(modulus.strip().split("=")[1])
        with open(self.jwks, "w") as file:
            json.dump({"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "bench", "n": encode(number), "e": "AQAB"}]}, file)

    def sign(self, scopes):
        now = int(time.time())
        access = []
        for scope in scopes:
            kind, name, actions = scope.split(":")
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        claims = {"iss": "bench", "sub": USER, "aud": "bench", "iat": now, "nbf": now - 10, "exp": now + 3600, "jti": str(now), "access": access}
        head = {"typ": "JWT", "alg": "RS256", "kid": "bench"}
        text = ".".join(encode(json.dumps(part).encode()) for part in (head, claims))
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key], input=text.encode(), check=True, capture_output=True).stdout
        return f"{text}.{encode(signature)}"


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Nginx(Server):
    """nginx serving the same bytes as files: the limit, not a registry. No access log, no sign-in."""

    name = "nginx"
    is_registry = False
    transfer = "sendfile on; tcp_nopush on;"

    def __init__(self, work, port, files):
        super().__init__(work, port)
        with open(os.path.join(self.work, "nginx.conf"), "w") as file:
            file.write(f"""
daemon off; worker_processes auto; pid {self.work}/pid; error_log {self.work}/error.log; {'user root;' if os.getuid() == 0 else ''}
events {{ worker_connections 1024; }}
http {{
    access_log off; {self.transfer} tcp_nodelay on; keepalive_requests 1000000000; default_type application/octet-stream;
    server {{ listen 127.0.0.1:{port} backlog=1024; root {files}; location = /v2/ {{ return 200; }} }}
}}
""")

    def command(self):
        return [shutil.which("nginx") or "/usr/sbin/nginx", "-c", os.path.join(self.work, "nginx.conf"), "-p", self.work]

    def basic(self):
        return None


class NginxBuffers(Nginx):
    name = "nginx buffers"
    transfer = "sendfile off; output_buffers 2 1m;"
