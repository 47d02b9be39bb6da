# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""The two services that the OpenG2P mapper asks about each request: a token endpoint
and a key manager that finds every signature valid. ``stub.py PORT``."""

import http.server
import json
import sys

ANSWER = json.dumps(
    {
        "access_token": "x",
        "expires_in": 3600,
        "response": {"signatureValid": True},
    }
).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # head and body in one packet: in two, the second would wait 40 ms for a receipt
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_POST(self):  # noqa: N802 - the name the server looks for
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, *_arguments):
        pass


if __name__ == "__main__":
    address = ("127.0.0.1", int(sys.argv[1]))
    http.server.ThreadingHTTPServer(address, Handler).serve_forever()
