#!/usr/bin/env python3
"""Writes a small OCI image layout with one tag, `v1`: make_image.py FOLDER."""
import gzip
import hashlib
import io
import json
import os
import sys
import tarfile

folder = sys.argv[1]
blobs = os.path.join(folder, "blobs", "sha256")
os.makedirs(blobs)


def put(data, media_type):
    digest = hashlib.sha256(data).hexdigest()
    with open(os.path.join(blobs, digest), "wb") as file:
        file.write(data)
    return {"mediaType": media_type, "digest": "sha256:" + digest, "size": len(data)}


def layer(name, content):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


tars = [layer("hello.txt", b"hello\n"), layer("data.bin", os.urandom(200_000))]
layers = [put(gzip.compress(tar), "application/vnd.oci.image.layer.v1.tar+gzip") for tar in tars]
config = {
    "architecture": "amd64",
    "os": "linux",
    "config": {},
    "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(tar).hexdigest() for tar in tars]},
}
manifest = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "config": put(json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json"),
    "layers": layers,
}
entry = put(json.dumps(manifest).encode(), manifest["mediaType"])
entry["annotations"] = {"org.opencontainers.image.ref.name": "v1"}
with open(os.path.join(folder, "index.json"), "w") as file:
    json.dump({"schemaVersion": 2, "manifests": [entry]}, file)
with open(os.path.join(folder, "oci-layout"), "w") as file:
    json.dump({"imageLayoutVersion": "1.0.0"}, file)
