# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""The bench itself, against a server that only answers: it measures for an hour, and
what it does last must not fail, nor count what was not done."""

import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from spar_setup.bench import extras
from spar_setup.bench.cells import Cell, Load, Numbers

ANSWER = b'{"header":{"status":"succ"},"message":[{"status":"succ"},{"status":"succ"}]}'


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):  # noqa: N802 - the name the server looks for
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.done += 2
        self.send_response(200)
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def server():
    """Answers that two items are done, and counts them in ``done``."""
    made = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    made.done = 0
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def load(tmp_path):
    """Writes its requests beside those of a bench that is running."""
    made = Load(sys.executable, Numbers(1000, 1), 0.3)
    made.file = tmp_path / "bodies"
    return made


def test_server_that_was_started_otherwise(server, load):
    cell = Cell("resolve", 2, 1)
    load.prepare(cell)
    run = load.run(cell, extras.Served("Odoo", server.server_port))
    assert run.rate > 0
    assert server.done


class _Ours(extras.Served):
    def start(self, signatures):
        pass

    def stop(self):
        pass

    def workers(self):
        return [os.getpid()]


def test_memory_is_watched_over_as_many_look_ups_as_it_says(server, load):
    lines = []
    with (
        patch.object(extras, "_BULK", Cell("resolve", 2, 1)),
        patch.object(extras, "RESOLVES", 1),
    ):
        ours = _Ours("ours", server.server_port)
        extras.watch_memory(load, ours, SimpleNamespace(add=lines.append))
    assert lines[1].startswith(f"- after {server.done:,}: ")
