#!/usr/bin/env python3
"""What clients see while the store fails. faults.py PATH-OF-PORTOLAN

A real S3 server stands behind a proxy that answers with errors, asks to slow down, resets connections,
loses answers, cuts them off, or never answers. Wanted: a clear 503 with `Retry-After` within a deadline,
nothing wrong visible, nothing acknowledged lost, and everything as before when the store is well again.
"""
import http.client
import os
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faulty_proxy import FaultyProxy  # noqa: E402
from lab import Client, Lab, Portolan, S3Server, configuration, digest_of, with_digest  # noqa: E402

# Nothing may take longer, whatever the store does.
DEADLINE = 45
IMAGE = "app/web"
PASSWORD = "Pusher-secret-1"
failures = []


def check(is_right, what):
    if not is_right:
        failures.append(what)
        print(f"FAILED: {what}")


def judge(what, call, within=DEADLINE):
    """Runs one call against a failing store; `None` where the connection broke."""
    begun = time.time()
    try:
        answer = call()
    except (OSError, http.client.HTTPException) as error:
        answer = None
        if isinstance(error, TimeoutError):
            check(False, f"{what}: no answer within {DEADLINE} s")
    took = time.time() - begun
    check(took < within, f"{what}: took {took:.1f} s")
    return answer


def is_clear(answer):
    """A store that fails is a 503 that says when to come again, in the specification's form."""
    return answer.status == 503 and answer.header("retry-after") and answer.code()


def never_works(client, proxy, manifest, fault):
    """Every kind of request is refused clearly while a fault always happens, and changes nothing."""
    tags = client.want(200, "GET", f"/v2/{IMAGE}/tags/list").body
    where = client.begin(IMAGE)
    data = os.urandom(50_000)
    proxy.fail(**{fault: 1.0})
    begun = time.time()
    calls = {
        "manifest GET": lambda c: c.call("GET", f"/v2/{IMAGE}/manifests/good"),
        "manifest HEAD": lambda c: c.call("HEAD", f"/v2/{IMAGE}/manifests/good"),
        "tags": lambda c: c.call("GET", f"/v2/{IMAGE}/tags/list"),
        "upload POST": lambda c: c.call("POST", f"/v2/{IMAGE}/blobs/uploads/"),
        "upload PATCH": lambda c: c.call("PATCH", where, data),
        "upload PUT": lambda c: c.call("PUT", with_digest(where, digest_of(data)), data),
        "manifest PUT": lambda c: c.push_manifest(IMAGE, "never", manifest),
        "manifest DELETE": lambda c: c.call("DELETE", f"/v2/{IMAGE}/manifests/good"),
        "catalog": lambda c: c.call("GET", "/v2/_catalog"),
    }

    def one(name, call):
        own = Client(client.port, "pusher", PASSWORD, timeout=DEADLINE)
        answer = judge(f"{name} under `{fault}`", lambda: call(own))
        check(answer is not None, f"{name} under `{fault}`: the connection broke instead of an answer")
        if answer is not None:
            if name == "manifest HEAD":
                check(answer.status == 503, f"{name} under `{fault}`: {answer}")
            else:
                check(is_clear(answer), f"{name} under `{fault}`: {answer}")

    threads = [threading.Thread(target=one, args=item) for item in calls.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ready = judge(f"readiness under `{fault}`", lambda: Client(client.port, timeout=DEADLINE).call("GET", "/-/ready"))
    check(ready is not None and ready.status == 503, f"readiness under `{fault}`: {ready}")
    proxy.fail()
    print(f"always `{fault}`: {time.time() - begun:.1f} s")
    recover(client)
    check(client.want(200, "GET", f"/v2/{IMAGE}/tags/list").body == tags, f"the tags changed under `{fault}`")
    client.pull_image(IMAGE, "good")


def recover(client):
    """When the store is well again, so is the registry, within seconds and without a restart."""
    end = time.time() + 15
    while time.time() < end:
        try:
            if client.call("GET", f"/v2/{IMAGE}/manifests/good").status == 200:
                return
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.3)
    check(False, "the registry did not recover within 15 s")


def cut_answers(client, proxy, digest):
    """A blob whose bytes break off on the way is never passed for the whole."""
    proxy.fail(only=lambda method, path: method == "GET" and "list-type" not in path, half=1.0)
    # While every answer still brings half of what is missing, reading goes on; silence is what has a deadline.
    answer = judge("blob GET under `half`", lambda: Client(client.port, "pusher", PASSWORD, timeout=DEADLINE).call(
        "GET", f"/v2/{IMAGE}/blobs/{digest}"), within=2 * DEADLINE)
    if answer is not None and answer.status == 200:
        check(digest_of(answer.body) == digest, "a blob that was cut off was passed for the whole")
    proxy.fail()


def worker(port, number, until, acknowledged, seen):
    """Pushes images of small and large layers; goes on after every refusal."""
    client = Client(port, "pusher", PASSWORD, timeout=DEADLINE)
    count = 0
    while time.time() < until:
        count += 1
        tag = f"w{number}-{count}"
        layers = [os.urandom(30_000), os.urandom(20_000_000 if count % 4 == 1 else 200_000)]
        begun = time.time()
        try:
            body = client.push_image(IMAGE, tag, layers, chunks=count % 3)
            acknowledged[tag] = body
        except AssertionError as error:
            seen.append(str(error))
            # 416 and 404: an answer was lost, and so was the client's place.
            check(any(f": {status} " in str(error) for status in (503, 416, 404)), f"while pushing: {error}")
        except (OSError, http.client.HTTPException) as error:
            seen.append(repr(error))
            check(not isinstance(error, TimeoutError), f"while pushing: nothing for {time.time() - begun:.0f} s")


def now_and_then(client, proxy, seconds):
    """Pushes while a part of all requests fails in every way there is."""
    proxy.fail(error=0.04, slowdown=0.04, refuse=0.02, lost=0.03, half=0.02, slow=0.03)
    acknowledged, seen = {}, []
    until = time.time() + seconds
    threads = [threading.Thread(target=worker, args=(client.port, number, until, acknowledged, seen)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = dict(proxy.counts)
    proxy.fail()
    recover(client)
    check(len(acknowledged) > 5, f"only {len(acknowledged)} pushes came through: {seen[-3:]}")
    for tag, body in acknowledged.items():
        try:
            check(client.pull_image(IMAGE, tag) == body, f"{tag} is another image than was pushed")
        except AssertionError as error:
            check(False, f"acknowledged, but not whole: {error}")
    # What was not acknowledged may be there, but only whole.
    for tag in client.want(200, "GET", f"/v2/{IMAGE}/tags/list?n=10000").body.decode().split('"'):
        if tag.startswith("w") and tag not in acknowledged:
            try:
                client.pull_image(IMAGE, tag)
            except AssertionError as error:
                check(False, f"visible, but not whole: {error}")
    print(f"now and then: {len(acknowledged)} pushes acknowledged, {len(seen)} refused, faults {counts}")


def main():
    program = os.path.abspath(sys.argv[1])
    seconds = int(os.environ.get("PORTOLAN_FAULT_SECONDS", "25"))
    with Lab() as lab:
        store = lab.keep(S3Server(f"{lab.folder}/s3"))
        proxy = lab.keep(FaultyProxy(("127.0.0.1", store.port)))
        folder = f"{lab.folder}/config"
        configuration(folder, {
            "app": "repo:\n  type: docker\n  storage: cloud\n  permissions:\n    pusher: [read, write, delete]\n",
        }, {"pusher": PASSWORD}, storages=store.storages("cloud", f"http://127.0.0.1:{proxy.port}"))
        portolan = lab.keep(Portolan(program, folder, env=store.env).start())
        client = Client(portolan.port, "pusher", PASSWORD, timeout=DEADLINE)
        large = os.urandom(12_000_000)
        manifest = client.push_image(IMAGE, "good", [os.urandom(1000), large])
        for fault in ("error", "slowdown", "refuse", "lost", "hang"):
            never_works(client, proxy, manifest, fault)
        cut_answers(client, proxy, digest_of(large))
        now_and_then(client, proxy, seconds)
    if failures:
        sys.exit(f"{len(failures)} failures")
    print("faults: all as it should be")


if __name__ == "__main__":
    main()
