"""A registry client that does no more than the specification says: used by checks.py and distribution.py.

It signs in the way that the token specification describes, and remembers tokens by image and kind of
request, so a server that needs a wider token for one request has to say so in its challenge.
"""
import base64
import hashlib
import http.client
import json
import re
import urllib.parse


def digest_of(data, algorithm="sha256"):
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


class Answer:
    """Status, header fields (a list for each name) and body of one answer."""

    def __init__(self, response, body):
        self.status = response.status
        self.fields = {}
        for name, value in response.getheaders():
            self.fields.setdefault(name.lower(), []).append(value)
        self.body = body

    def header(self, name):
        return self.fields.get(name.lower(), [""])[0]

    def json(self):
        return json.loads(self.body)


class Client:
    def __init__(self, host, user=None, password=None):
        self.host, self.user, self.password = host, user, password
        self.tokens = {}
        self.connection = None

    def url(self, location):
        """Path and query of a `Location`, which may be relative."""
        parts = urllib.parse.urlsplit(urllib.parse.urljoin(f"http://{self.host}/", location))
        return parts.path + (f"?{parts.query}" if parts.query else "")

    def do(self, method, path, body=None, headers=(), chunked=False, query=()):
        """One request, signed in where the server demands it. `query` is added to that of `path`."""
        if query:
            path += ("&" if "?" in path else "?") + urllib.parse.urlencode(list(query))
        kind = {"GET": "pull", "HEAD": "pull", "POST": "push", "PATCH": "push", "PUT": "push"}.get(method, method)
        image = re.match(r"/v2/(.+)/(?:blobs|manifests|tags|referrers)/", path)
        key = (image.group(1) if image else "", kind)
        answer = self._send(method, path, body, headers, chunked, self.tokens.get(key))
        if answer.status == 401 and self.user:
            self.tokens[key] = self._sign_in(answer.header("WWW-Authenticate"))
            answer = self._send(method, path, body, headers, chunked, self.tokens[key])
        return answer

    def _send(self, method, path, body, headers, chunked, authorization):
        fields = list(headers) + ([("Authorization", authorization)] if authorization else [])
        for fresh in (False, True):
            if self.connection is None or fresh:
                self.connection = http.client.HTTPConnection(self.host, timeout=600)
            try:
                self.connection.putrequest(method, path, skip_accept_encoding=True)
                # As Go's client does: an answer must not change for it.
                self.connection.putheader("Accept-Encoding", "gzip")
                for name, value in fields:
                    self.connection.putheader(name, value)
                if chunked:
                    self.connection.putheader("Transfer-Encoding", "chunked")
                elif body is not None or method in ("POST", "PUT", "PATCH"):
                    self.connection.putheader("Content-Length", str(len(body or b"")))
                self.connection.endheaders()
                if chunked:
                    for start in range(0, len(body), 65536):
                        piece = body[start:start + 65536]
                        self.connection.send(b"%x\r\n%s\r\n" % (len(piece), piece))
                    self.connection.send(b"0\r\n\r\n")
                elif body:
                    self.connection.send(body)
                response = self.connection.getresponse()
                answer = Answer(response, response.read())
                if response.will_close:
                    self.connection = None
                return answer
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                self.connection = None  # an idle connection was closed: once more on a new one
                if fresh:
                    raise

    def _sign_in(self, challenge):
        basic = "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        if not challenge.lower().startswith("bearer "):
            return basic
        fields = dict(re.findall(r'([a-zA-Z]+)="([^"]*)"', challenge))
        query = {"service": fields["service"]} | ({"scope": fields["scope"]} if "scope" in fields else {})
        realm = urllib.parse.urlsplit(fields["realm"])
        connection = http.client.HTTPConnection(realm.netloc, timeout=60)
        connection.request("GET", f"{realm.path}?{urllib.parse.urlencode(query)}", headers={"Authorization": basic})
        response = connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise AssertionError(f"the token endpoint answered {response.status}: {body[:200]!r}")
        answer = json.loads(body)
        return "Bearer " + (answer.get("access_token") or answer["token"])

    # ---- what most tests need ---------------------------------------------------------------------
    def push_blob(self, image, data, algorithm="sha256"):
        digest = digest_of(data, algorithm)
        answer = self.do("POST", f"/v2/{image}/blobs/uploads/", data, query=[("digest", digest)])
        assert answer.status == 201, f"blob push: {answer.status} {answer.body[:300]!r}"
        return digest

    def put_manifest(self, image, reference, body, query=()):
        media_type = json.loads(body).get("mediaType") or "application/vnd.oci.image.manifest.v1+json"
        return self.do("PUT", f"/v2/{image}/manifests/{reference}", body, [("Content-Type", media_type)], query=query)

    def get_manifest(self, image, reference, method="GET"):
        accepted = [
            "application/vnd.oci.image.index.v1+json",
            "application/vnd.oci.image.manifest.v1+json",
            "application/vnd.docker.distribution.manifest.v2+json",
            "application/vnd.docker.distribution.manifest.list.v2+json",
        ]
        return self.do(method, f"/v2/{image}/manifests/{reference}", headers=[("Accept", value) for value in accepted])
