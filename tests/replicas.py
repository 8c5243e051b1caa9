#!/usr/bin/env python3
"""Three servers behind one bucket. tests/replicas.py PATH-OF-PORTOLAN

They have one configuration and nothing else in common. What one begins another goes on with and a third one finishes;
of many who create a tag through all three one wins; what is deleted is gone everywhere; and one that is killed at any
point of an upload breaks nothing. Ends with 77 where no S3 server is to be had.
"""
import concurrent.futures
import json
import os
import random
import socket
import sys
import threading
import time

from lab import Client, Lab, Portolan, S3Server, configuration, digest_of, location, manifest_of, with_digest

MIB = 1024 * 1024
CREATORS = 32
KILLS = int(os.environ.get("PORTOLAN_REPLICA_KILLS", "12"))
USERS = {"jane": "Jane-secret-1", "pusher": "Pusher-secret-1"}
REPOSITORY = """repo:
  type: docker
  permissions:
    jane: [read, write, delete]
    pusher: ["repository:*:pull", "repository:*:push"]
"""
SETTINGS = "tokens:\n  signing_key: {env: PORTOLAN_TEST_SIGNING_KEY}\n"


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def client(server, user="jane"):
    return Client(server.port, user, USERS[user])


def handed_on(servers):
    """Begun through one, continued on the second, finished on the third; each way round."""
    for turn in range(3):
        one, two, three = (client(servers[(turn + step) % 3]) for step in range(3))
        data = os.urandom(25 * MIB)
        where = one.begin("team/app")
        where = location(one.want(202, "PATCH", where, data[:9 * MIB]))
        check(two.want(204, "GET", where).header("range") == f"0-{9 * MIB - 1}", "the second one knows where it stands")
        where = location(two.want(202, "PATCH", where, data[9 * MIB:10 * MIB]))
        where = location(three.want(202, "PATCH", where, data[10 * MIB:24 * MIB]))
        three.want(201, "PUT", with_digest(where, digest_of(data)), data[24 * MIB:])
        for each in (one, two, three):
            each.pull_blob("team/app", digest_of(data))
            each.want(404, "GET", where)


def one_creator(servers):
    """Of all who create a tag that does not exist, and may not replace it, exactly one does."""
    for round in range(3):
        tag, bodies = f"new-{round}", []
        for number in range(CREATORS):
            config = json.dumps({"round": round, "number": number}).encode()
            client(servers[number % 3], "pusher").push_blob("team/app", config)
            bodies.append(manifest_of(config, []))
        together = threading.Barrier(CREATORS)

        def create(number):
            pusher = client(servers[number % 3], "pusher")
            pusher.call("GET", "/v2/")
            together.wait()
            return pusher.push_manifest("team/app", tag, bodies[number])

        with concurrent.futures.ThreadPoolExecutor(CREATORS) as pool:
            answers = list(pool.map(create, range(CREATORS)))
        won = [number for number, answer in enumerate(answers) if answer.status == 201]
        check(len(won) == 1, f"{len(won)} have created {tag}: {answers}")
        for number, answer in enumerate(answers):
            if number != won[0]:
                check(answer.status == 403 and answer.code() == "DENIED", f"the others are refused: {answer}")
        for server in servers:
            found = client(server).want(200, "GET", f"/v2/team/app/manifests/{tag}")
            check(found.body == bodies[won[0]], f"{tag} is not that of the winner")


def deletes(servers):
    """What is deleted through one is gone on the others within five seconds."""
    for turn in range(3):
        here, others = client(servers[turn]), [client(servers[(turn + step) % 3]) for step in (1, 2)]
        layer = os.urandom(9 * MIB)
        body = here.push_image("team/app", "gone", [layer])
        for each in (here, *others):
            each.pull_image("team/app", "gone")
        paths = (f"manifests/{digest_of(body)}", "manifests/gone", f"blobs/{digest_of(layer)}")
        here.want(202, "DELETE", f"/v2/team/app/{paths[0]}")
        here.want(202, "DELETE", f"/v2/team/app/{paths[2]}")
        end = time.time() + 5
        left = [(each, path) for each in others for path in paths]
        while left:
            left = [(each, path) for each, path in left if each.call("GET", f"/v2/team/app/{path}").status != 404]
            check(not left or time.time() < end, f"still there after five seconds: {left}")


def killed(servers):
    """One is killed at any point of an upload; what was acknowledged goes on through the next."""
    chance = random.Random(7)
    for round in range(KILLS):
        victim, heir = servers[round % 3], client(servers[(round + 1) % 3])
        data = os.urandom(chance.choice((1000, 3 * MIB, 12 * MIB)))
        digest, acknowledged, where, is_done = digest_of(data), 0, None, False
        size = max(len(data) // 4, 1)
        timer = threading.Timer(chance.uniform(0, 0.25), victim.kill)
        timer.start()
        try:
            sender = client(victim)
            where = sender.begin("team/app")
            while acknowledged + size < len(data):
                where = location(sender.want(202, "PATCH", where, data[acknowledged:acknowledged + size]))
                acknowledged += size
            is_done = sender.finish(where, digest, data[acknowledged:]).status == 201
        except (OSError, AssertionError, EOFError, socket.error) as error:
            check(not isinstance(error, AssertionError), str(error))
        except Exception as error:  # the client's words for a connection that broke
            check(type(error).__module__ == "http.client", repr(error))
        timer.join()
        if is_done:
            heir.pull_blob("team/app", digest)
        elif where is not None:
            status = heir.call("GET", where)
            if status.status == 204:
                last = status.header("range").split("-")[1]
                stands = 0 if last == "0" else int(last) + 1
                check(stands >= acknowledged, f"{acknowledged} bytes were acknowledged, and {stands} are there")
                heir.want(201, "PUT", with_digest(where, digest), data[stands:])
            else:
                # It was decided that it is finished; only the answer is missing.
                check(status.status == 404, str(status))
                again = heir.call("PUT", with_digest(where, digest))
                if again.status != 201:
                    heir.want(200, "HEAD", f"/v2/team/app/blobs/{digest}")
            heir.pull_blob("team/app", digest)
        victim.start()
    for server in servers:
        client(server).push_image("team/app", "after", [os.urandom(9 * MIB)], chunks=1)
        client(server).pull_image("team/app", "after")


def main():
    program = os.path.abspath(sys.argv[1])
    with Lab() as lab:
        s3 = lab.keep(S3Server(f"{lab.folder}/s3"))
        configuration(f"{lab.folder}/config", {"team": REPOSITORY}, USERS, s3.storages("default"), SETTINGS)
        env = {**s3.env, "PORTOLAN_TEST_SIGNING_KEY": "k" * 32}
        servers = [lab.keep(Portolan(program, f"{lab.folder}/config", env=env).start()) for _ in range(3)]
        for name, run in (("handed on", handed_on), ("one creator", one_creator), ("deletes", deletes), ("kill -9", killed)):
            started = time.time()
            run(servers)
            print(f"ok: {name}, {time.time() - started:.1f} s", flush=True)


main()
