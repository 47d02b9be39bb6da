# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

# before Odoo's test classes put their guard in its place
_send = requests.Session.send


class ReachesPeers:
    """For test classes: lets requests to this machine out of the test."""

    @classmethod
    def _request_handler(cls, session, request, /, **kwargs):
        if request.url.startswith(
            ("http://127.0.0.1:", "http://localhost:", "https://localhost:")
        ):
            return _send(session, request, **kwargs)
        return super()._request_handler(session, request, **kwargs)


class FakePeer:
    """A real HTTP server on this machine that answers as a test tells it to.

    :param reply: called with the last part of the path and the request (a dict), gives
        ``(status, body)`` or ``(status, body, headers)``; body is a dict or bytes. The
        header ``X-Drip`` makes the body come byte by byte.
    :param tls: an ``ssl.SSLContext`` to speak HTTPS
    """

    path = ""

    def __init__(self, reply, tls=None):
        self.requests = []
        self.headers = []
        self.bodies = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                length = int(self.headers["Content-Length"])
                body = self.rfile.read(length)
                request = json.loads(body)
                fake.bodies.append(body)
                fake.headers.append(self.headers)
                fake.requests.append((self.path, request))
                fake._answer(self, reply(self.path.rsplit("/", 1)[1], request))

            def do_GET(self):
                fake.headers.append(self.headers)
                fake.requests.append((self.path, None))
                fake._answer(self, reply(self.path.rsplit("/", 1)[1], None))

            def log_message(self, *args):
                """Keep the test's output clean."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        # clients that hang up are part of the tests
        self._server.handle_error = lambda request, address: None
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}{self.path}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @staticmethod
    def _answer(handler, answer):
        status, body, *more = answer
        headers = more[0] if more else {}
        if isinstance(body, dict):
            body = json.dumps(body).encode()
        try:
            if headers.get("X-Drip-Headers"):
                for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100:
                    handler.wfile.write(bytes([byte]))
                    handler.wfile.flush()
                    time.sleep(0.1)
            handler.send_response(status)
            for name, value in {"Content-Length": len(body), **headers}.items():
                handler.send_header(name, str(value))
            handler.end_headers()
            if headers.get("X-Drip"):
                for byte in body:
                    handler.wfile.write(bytes([byte]))
                    handler.wfile.flush()
                    time.sleep(0.1)
            else:
                handler.wfile.write(body)
        except OSError:
            handler.close_connection = True  # the client had enough

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
