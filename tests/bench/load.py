# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""The load generator: prebuilt requests over connections that stay open.

A process of its own and one thread, so that it takes as little as possible of the
machine it shares with what it measures. It reads what to do from standard input, as
JSON, and writes what came of it to standard output::

    {"host", "port", "path", "clients", "seconds", "bodies", "repeat", "workers"}

``bodies`` is a file of requests: for each a line ``length signature`` and the body;
with ``repeat`` they are sent again from the start. A client sends its next request when
it has the answer to the last one, over a new connection if the server ends each one
(Odoo's own does). Runs for ``seconds``, or until all are sent. Of the server's
processes ``workers``, it counts those that have a connection in the end.
"""

import json
import selectors
import socket
import sys
import time

import psutil
from connections import has_caller

DONE = b'"status":"succ"'
BUFFER = 1 << 18


class Client:
    """One connection."""

    def __init__(self, address):
        self.address = address
        self.started = 0.0
        self.connect()

    def connect(self):
        """Open a connection, the first one or one more."""
        self.socket = socket.create_connection(self.address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.is_ending = False

    def send(self, request):
        self.received = []
        self.missing = None  # bytes of the answer, once its head is there
        self.started = time.perf_counter()
        self.socket.sendall(request)

    def receive(self):
        """Take what has come; whether the answer is complete."""
        chunk = self.socket.recv(BUFFER)
        if not chunk:
            raise ConnectionError("the server has closed the connection")
        self.received.append(chunk)
        if self.missing is None:
            head, end, _rest = b"".join(self.received).partition(b"\r\n\r\n")
            if not end:
                return False
            head = head.lower()
            self.is_ending = (
                head.startswith(b"http/1.0") or b"connection: close" in head
            )
            length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
            self.missing = len(head) + 4 + length - sum(map(len, self.received))
        else:
            self.missing -= len(chunk)
        return not self.missing

    @property
    def answer(self):
        return b"".join(self.received)


def requests_of(job):
    """The requests as bytes, without end if they are to be repeated."""
    head = (
        f"POST {job['path']} HTTP/1.1\r\nHost: {job['host']}\r\n"
        "Content-Type: application/json\r\n"
    )
    prepared = []
    with open(job["bodies"], "rb") as file:
        while line := file.readline():
            length, _blank, signature = line.decode().rstrip("\n").partition(" ")
            signed = f"Signature: {signature}\r\n" if signature else ""
            body = file.read(int(length))
            file.read(1)
            start = f"{head}{signed}Content-Length: {length}\r\n\r\n"
            prepared.append(start.encode() + body)
    yield None  # prepared
    yield from prepared
    while job["repeat"]:
        yield from prepared


def run(job):
    """Send; give latencies in seconds, the time it took and the items done."""
    requests = requests_of(job)
    next(requests)
    selector = selectors.DefaultSelector()
    clients = [Client((job["host"], job["port"])) for _n in range(job["clients"])]
    latencies, answers = [], []
    begin = time.perf_counter()
    end = begin + job["seconds"]
    busy = 0
    for client in clients:
        if request := next(requests, None):
            client.send(request)
            busy += 1
            selector.register(client.socket, selectors.EVENT_READ, client)
    while busy:
        for key, _events in selector.select():
            client = key.data
            if not client.receive():
                continue
            now = time.perf_counter()
            latencies.append(now - client.started)
            answers.append(client.answer)
            request = next(requests, None) if now < end else None
            if not request:
                selector.unregister(client.socket)
                busy -= 1
                continue
            if client.is_ending:
                selector.unregister(client.socket)
                client.socket.close()
                client.connect()
                selector.register(client.socket, selectors.EVENT_READ, client)
            client.send(request)
    took = time.perf_counter() - begin
    used = sum(has_caller(psutil.Process(pid), job["port"]) for pid in job["workers"])
    for client in clients:
        client.socket.close()
    bad = [answer for answer in answers if answer[8:13] != b" 200 "]
    if bad:
        raise SystemExit(f"{len(bad)} of {len(answers)}: {bad[0][:500]!r}")
    # the header of an answer has a status as well
    done = sum(answer.count(DONE) - 1 for answer in answers)
    return {"latencies": latencies, "took": took, "done": done, "used": used}


if __name__ == "__main__":
    print(json.dumps(run(json.load(sys.stdin))))  # noqa: T201 - its result
