"""The data that every server is given, written in the reference layout, and as plain files for nginx."""
import hashlib
import json
import os
import random

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
BLOCK_BYTES = 64 * 1024 * 1024
BIG_REPEAT = 16
TAGS = 10_000
IMAGES = 1_000


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Data:
    """What is pulled: an image, a blob of 10 KiB, a blob of 1 GiB, 10,000 tags, 1,000 images."""

    def __init__(self, work):
        noise = random.Random(1)
        self.block, self.whole = os.path.join(work, "block"), os.path.join(work, "whole")
        with open(self.block, "wb") as file:
            file.write(noise.randbytes(BLOCK_BYTES))
        self.config = b'{"os":"linux","architecture":"amd64"}'
        self.small = noise.randbytes(10 * 1024)
        layers = [digest_of(noise.randbytes(32)) for _ in range(5)] + [digest_of(self.small)]
        self.manifest = json.dumps({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest_of(self.config), "size": len(self.config)},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": layer, "size": 10 * 1024} for layer in layers],
        }).encode()
        self.big = self.blob_digest("")

    def blob_digest(self, nonce):
        """The digest of the large blob that begins with a nonce."""
        with open(self.block, "rb") as file:
            block = file.read()
        state = hashlib.sha256(nonce.encode() + block[len(nonce):])
        for _ in range(BIG_REPEAT - 1):
            state.update(block)
        return "sha256:" + state.hexdigest()

    def write_big(self, path):
        """The large blob: one file under several names, since nobody writes to it."""
        if not os.path.exists(self.whole):
            with open(self.block, "rb") as source, open(self.whole, "wb") as target:
                block = source.read()
                for _ in range(BIG_REPEAT):
                    target.write(block)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.link(self.whole, path)

    def write_registry(self, root):
        """Writes everything as Distribution lays it out."""
        base = os.path.join(root, "docker/registry/v2")

        def write(path, content):
            path = os.path.join(base, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(content)

        def blob_path(digest):
            hexadecimal = digest.removeprefix("sha256:")
            return f"blobs/sha256/{hexadecimal[:2]}/{hexadecimal}/data"

        def link(path, digest):
            write(path + "/link", digest.encode())

        def layer(image, digest):
            link(f"repositories/{image}/_layers/{digest.replace(':', '/')}", digest)

        manifest = digest_of(self.manifest)
        for content in (self.config, self.small, self.manifest):
            write(blob_path(digest_of(content)), content)
        self.write_big(os.path.join(base, blob_path(self.big)))
        for digest in (digest_of(self.config), digest_of(self.small)):
            layer("bench/app", digest)
        layer("bench/big", self.big)
        places = [("bench/app", "v1"), ("bench/big", "v1")]
        places += [("bench/tags", f"tag-{number:05}") for number in range(TAGS)]
        places += [(f"catalog/image-{number:04}", "v1") for number in range(IMAGES)]
        for image, tag in places:
            manifests = f"repositories/{image}/_manifests"
            link(f"{manifests}/revisions/{manifest.replace(':', '/')}", manifest)
            link(f"{manifests}/tags/{tag}/current", manifest)
            link(f"{manifests}/tags/{tag}/index/{manifest.replace(':', '/')}", manifest)

    def write_files(self, root):
        """Writes what nginx serves, at the paths of the registry's protocol."""
        app = os.path.join(root, "v2/bench/app")
        for path, content in ((f"{app}/manifests/v1", self.manifest), (f"{app}/blobs/{digest_of(self.small)}", self.small)):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(content)
        self.write_big(os.path.join(root, f"v2/bench/big/blobs/{self.big}"))

    def paths(self):
        """Request paths by what they stand for."""
        return {
            "manifest": "/v2/bench/app/manifests/v1",
            "small": f"/v2/bench/app/blobs/{digest_of(self.small)}",
            "big": f"/v2/bench/big/blobs/{self.big}",
            "tags": "/v2/bench/tags/tags/list?n=100&last=tag-05000",
            "catalog": "/v2/_catalog?n=100&last=catalog/image-0500",
        }
