# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""A receiver of call-backs with every bad habit, until it becomes well."""

import contextlib
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

#: What it does with a call-back.
HABITS = ("error", "silence", "drip", "half", "hang-up", "redirect", "flood")
ACK = b'{"message": {"ack_status": "ACK"}}'
LONG = 60  # seconds; no sender waits that long
FLOOD = 10 << 20  # bytes


class Receiver:
    """Listens on a port of the loopback network, or only keeps it.

    :param str habit: one of HABITS; None for one that is well
    :param bool listens: whether it can be reached from the beginning
    """

    def __init__(self, habit=None, listens=True):
        self.habit = habit  #: may be changed at any time
        self.attempts = 0  #: call-backs that it did not take
        self.taken = []  #: bodies of those that it took
        self.was_led_on = False  #: whether somebody followed its redirection
        self.over = threading.Event()
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), _handler(self), bind_and_activate=False
        )
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._server.handle_error = lambda *args: None
        self._server.server_bind()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._is_serving = False
        if listens:
            self.listen()

    def listen(self):
        """Accept connections; until then they are refused."""
        self._server.server_activate()
        self._is_serving = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self):
        self.over.set()
        if self._is_serving:
            self._server.shutdown()
        self._server.server_close()


def _handler(receiver):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if "trap" in self.path:
                receiver.was_led_on = True
            if not receiver.habit:
                receiver.taken.append(json.loads(body))
                self.reply(200, ACK)
                return
            receiver.attempts += 1
            with contextlib.suppress(OSError):  # the sender has had enough
                getattr(self, receiver.habit.replace("-", "_"))()

        def reply(self, status, body, length=None, **headers):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(length or len(body)))
            self.end_headers()
            self.wfile.write(body)

        def error(self):
            self.reply(500, b"no")

        def silence(self):
            receiver.over.wait(LONG)

        def drip(self):
            self.reply(200, b"", length=LONG)
            for _second in range(LONG):
                if receiver.over.wait(0.2):
                    return
                self.wfile.write(b" ")

        def half(self):
            self.reply(200, ACK[:10], length=len(ACK))

        def hang_up(self):
            self.connection.shutdown(socket.SHUT_RDWR)

        def redirect(self):
            self.reply(307, b"", Location=f"{receiver.url}/trap/on-link")

        def flood(self):
            self.reply(200, b" " * FLOOD)

        def log_message(self, *args):
            """Keep the test's output clean."""

    return Handler
