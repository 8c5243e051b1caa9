"""An HTTP proxy in front of one server that fails as stores and networks fail.

Each request is read, a fault is drawn for it, and it is passed on, or not. The bytes of a request are
passed on as they came, so that its signature holds.
"""
import random
import socket
import struct
import threading
import time

SLOW_DOWN = b"<?xml version=\"1.0\"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
INTERNAL = b"<?xml version=\"1.0\"?><Error><Code>InternalError</Code><Message>We encountered an error.</Message></Error>"

# What can happen to a request. `lost` does the work, and loses the answer: the worst for whoever tries again.
FAULTS = ("error", "slowdown", "hang", "refuse", "lost", "half", "slow")


class FaultyProxy:
    """Listens on a port of its own and passes on to `target`. `faults` maps a fault to how likely it is."""

    def __init__(self, target, seed=1):
        self.target, self.faults, self.random = target, {}, random.Random(seed)
        self.only = lambda method, path: True
        self.counts, self.lock, self.closed = {}, threading.Lock(), False
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def fail(self, only=None, **faults):
        """From now on these faults happen, each as often as its number between 0 and 1 says."""
        assert not set(faults) - set(FAULTS)
        with self.lock:
            self.faults, self.counts = faults, {}
            self.only = only or (lambda method, path: True)

    def stop(self):
        self.closed = True
        self.listener.close()

    def accept(self):
        while not self.closed:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def draw(self, method, path):
        with self.lock:
            if not self.only(method, path):
                return None
            dice = self.random.random()
            for fault, likely in self.faults.items():
                if dice < likely:
                    self.counts[fault] = self.counts.get(fault, 0) + 1
                    return fault
                dice -= likely
        return None

    def serve(self, client):
        server = None
        try:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            reader = client.makefile("rb")
            while True:
                head = read_head(reader)
                if not head:
                    return
                method, path = head.split(b" ", 2)[:2]
                fault = self.draw(method.decode(), path.decode())
                if fault == "refuse":
                    return reset(client)
                if fault == "hang":
                    time.sleep(120)
                    return reset(client)
                if fault in ("error", "slowdown"):
                    drop_body(reader, head)
                    send_error(client, fault)
                    continue
                if server is None:
                    server = socket.create_connection(self.target, timeout=120)
                    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    answers = server.makefile("rb")
                server.sendall(head)
                if header(head, b"expect").lower() == b"100-continue":
                    client.sendall(read_head(answers))
                copy_body(reader, head, server.sendall)
                answer = read_head(answers)
                if not answer:
                    return reset(client)
                if fault == "lost":
                    return reset(client)
                if fault == "slow":
                    time.sleep(self.random.uniform(0.2, 2))
                client.sendall(answer)
                status = int(answer.split(b" ", 2)[1])
                if method == b"HEAD" or status in (204, 304):
                    continue
                if fault == "half":
                    copy_half(answers, answer, client)
                    return reset(client)
                if not copy_body(answers, answer, client.sendall, is_answer=True):
                    return
        except (OSError, ValueError):
            pass
        finally:
            client.close()
            if server:
                server.close()


def read_head(reader):
    head = b""
    while True:
        line = reader.readline(65536)
        if not line:
            return b""
        head += line
        if line in (b"\r\n", b"\n"):
            return head


def header(head, name):
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name:
            return value.strip()
    return b""


def copy_body(reader, head, send, is_answer=False):
    """Passes on a body; whether the connection can go on."""
    if header(head, b"transfer-encoding").lower() == b"chunked":
        while True:
            line = reader.readline(65536)
            send(line)
            size = int(line.split(b";")[0], 16)
            send(reader.read(size + 2))
            if size == 0:
                return True
    length = header(head, b"content-length")
    if not length:
        if is_answer:
            for piece in iter(lambda: reader.read(65536), b""):
                send(piece)
            return False
        return True
    left = int(length)
    while left:
        piece = reader.read(min(left, 65536))
        if not piece:
            raise ValueError("cut off")
        send(piece)
        left -= len(piece)
    return True


def drop_body(reader, head):
    copy_body(reader, head, lambda piece: None)


def copy_half(reader, head, client):
    left = int(header(head, b"content-length") or b"0") // 2
    while left:
        piece = reader.read(min(left, 65536))
        if not piece:
            return
        client.sendall(piece)
        left -= len(piece)


def send_error(client, fault):
    line, body = (b"503 Slow Down", SLOW_DOWN) if fault == "slowdown" else (b"500 Internal Server Error", INTERNAL)
    client.sendall(b"HTTP/1.1 %s\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n\r\n%s" % (line, len(body), body))


def reset(client):
    """Ends a connection with a reset, not with an orderly end."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
