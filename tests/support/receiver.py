# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Where a client lets results of asynchronous messages be sent."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PATIENCE = 60  # seconds until a result has to be there


class Receiver:
    """Takes results, or does not: ``mood`` is a status, or ``gone``."""

    def __init__(self):
        self.mood = 200
        self.attempts = 0
        self.taken = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.attempts += 1
                if receiver.mood == "gone":
                    self.connection.close()
                    return
                if receiver.mood == 200:
                    receiver.taken.append((self.path, json.loads(body)))
                ack = b'{"message": {"ack_status": "ACK"}}'
                self.send_response(receiver.mood)
                self.send_header("Content-Length", str(len(ack)))
                self.end_headers()
                self.wfile.write(ack)

            def log_message(self, *args):
                """Keep the test's output clean."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *args: None
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def results(self, correlation_id):
        """All that was taken about one message."""
        return [
            (path, body)
            for path, body in self.taken
            if body["message"]["correlation_id"] == correlation_id
        ]

    def wait_for(self, correlation_id):
        wait_until(lambda: self.results(correlation_id))
        ((path, body),) = self.results(correlation_id)
        return path, body


def wait_until(condition):
    """Come back when ``condition()`` holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.2)
