#!/usr/bin/env python3
"""Writes an OCI image layout with one tag, `v1`: make_image.py FOLDER [plain|zstd|index|layers].

plain: two layers, gzip; zstd: the same in zstd; index: two platforms; layers: 100 layers.
"""
import gzip
import hashlib
import io
import json
import os
import sys
import tarfile

folder = sys.argv[1]
kind = sys.argv[2] if len(sys.argv) > 2 else "plain"
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


def zstd(data):
    """A Zstandard frame (RFC 8878) whose blocks are not compressed."""
    frame = b"\x28\xb5\x2f\xfd\xa0" + len(data).to_bytes(4, "little")
    for start in range(0, len(data), 131072):
        block = data[start:start + 131072]
        is_last = start + 131072 >= len(data)
        frame += (is_last | len(block) << 3).to_bytes(3, "little") + block
    return frame


def image(architecture):
    tars = [layer("hello.txt", f"hello {architecture}\n".encode()), layer("data.bin", os.urandom(200_000))]
    if kind == "layers":
        tars = [layer(f"{number}.bin", os.urandom(1000)) for number in range(100)]
    compress, ending = (zstd, "zstd") if kind == "zstd" else (gzip.compress, "gzip")
    config = {
        "architecture": architecture,
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(tar).hexdigest() for tar in tars]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": put(json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json"),
        "layers": [put(compress(tar), f"application/vnd.oci.image.layer.v1.tar+{ending}") for tar in tars],
    }
    return put(json.dumps(manifest).encode(), manifest["mediaType"])


if kind == "index":
    children = [image(name) | {"platform": {"os": "linux", "architecture": name}} for name in ("amd64", "arm64")]
    media_type = "application/vnd.oci.image.index.v1+json"
    entry = put(json.dumps({"schemaVersion": 2, "mediaType": media_type, "manifests": children}).encode(), media_type)
else:
    entry = image("amd64")
entry["annotations"] = {"org.opencontainers.image.ref.name": "v1"}
with open(os.path.join(folder, "index.json"), "w") as file:
    json.dump({"schemaVersion": 2, "manifests": [entry]}, file)
with open(os.path.join(folder, "oci-layout"), "w") as file:
    json.dump({"imageLayoutVersion": "1.0.0"}, file)
