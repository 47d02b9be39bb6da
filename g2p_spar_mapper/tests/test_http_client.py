# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import os
import socket
import ssl
import tempfile
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from urllib3.util import connection

from odoo.tests import TransactionCase, tagged

from odoo.addons.g2p_spar_bank_directory.exceptions import (
    SparConfigurationError,
    SparError,
    SparTransientError,
)

from .. import http_client
from ..http_client import post, post_json
from .fake_peer import FakePeer, ReachesPeers


@tagged("post_install", "-at_install")
class TestHttpClient(ReachesPeers, TransactionCase):
    """Only what passes the network; the meaning of answers is tested elsewhere."""

    def post(self, reply, seconds=5, max_bytes=1000, url=None):
        peer = FakePeer(reply)
        self.addCleanup(peer.stop)
        return post_json(
            url or peer.url + "/resolve", b"{}", seconds=seconds, max_bytes=max_bytes
        )

    def assert_fault(self, error, code, *args, **kwargs):
        with self.assertRaises(error) as caught:
            self.post(*args, **kwargs)
        self.assertEqual(caught.exception.code, code)

    def test_body_comes_back(self):
        self.assertEqual(self.post(lambda *args: (200, b'{"a": 1}')), b'{"a": 1}')

    def test_headers_that_cannot_be_read(self):
        """A peer may send back what it was sent; none of it gets into the log."""
        reply = (200, b"{}", {"X-Echo": "1\r\nspartest-1 254712345678"})
        with self.assertLogs("urllib3", "WARNING") as logs:
            self.post(lambda *args: reply)
        self.assertIn("127.0.0.1", logs.output[0])
        self.assertNotIn("spartest", "".join(logs.output))

    def test_no_answer_in_time(self):
        def sleep(*args):
            time.sleep(2)
            return 200, b"{}"

        started = time.monotonic()
        self.assert_fault(SparTransientError, "timeout", sleep, seconds=1)
        self.assertLess(time.monotonic() - started, 1.9)

    def test_bytes_that_drip(self):
        # each byte comes in time, the whole does not
        started = time.monotonic()
        self.assert_fault(
            SparTransientError,
            "timeout",
            lambda *args: (200, b"x" * 100, {"X-Drip": "1"}),
            seconds=1,
        )
        self.assertLess(time.monotonic() - started, 3)

    def test_answer_without_end(self):
        self.assert_fault(
            SparTransientError, "answer", lambda *args: (200, b"x" * 200_000)
        )

    def test_answer_cut_off(self):
        self.assert_fault(
            SparTransientError,
            "broken",
            lambda *args: (
                200,
                b"{",
                {"Content-Length": 50, "Connection": "close"},
            ),
        )

    def test_redirects_are_refused(self):
        other = FakePeer(lambda *args: (200, b"{}"))
        self.addCleanup(other.stop)
        for status in (301, 302, 307, 308):
            self.assert_fault(
                SparConfigurationError,
                f"http_{status}",
                lambda *args, status=status: (status, b"", {"Location": other.url}),
            )
        self.assertFalse(other.requests)

    def test_redirect_is_not_read_beyond_the_limit(self):
        body = b"x" * 5_000_000
        for location in ("/other", "http://[x", "//["):
            peer = FakePeer(lambda *args, to=location: (302, body, {"Location": to}))
            self.addCleanup(peer.stop)
            tracemalloc.start()
            try:
                with self.subTest(location), self.assertRaises(SparError) as caught:
                    post(peer.url, b"{}", seconds=5, max_bytes=1000)
                most = tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
            self.assertEqual(caught.exception.code, "answer")
            self.assertLess(most, 1_000_000)

    def test_redirect_to_nowhere_is_an_answer(self):
        peer = FakePeer(lambda *args: (302, b"", {"Location": "http://[x"}))
        self.addCleanup(peer.stop)
        answer = post(peer.url, b"{}", seconds=5, max_bytes=1000)
        self.assertEqual(answer, (302, b""))

    def test_names_that_are_none(self):
        exchange = http_client._Exchange(5, "receiver")
        for host in ("pay..example.org", "x" * 64 + ".example.org"):
            with self.subTest(host), self.assertRaises(SparConfigurationError) as fault:
                exchange._resolve(host, 80)
            self.assertEqual(fault.exception.code, "url")

    def test_other_successes_are_no_answers(self):
        self.assert_fault(SparConfigurationError, "http_204", lambda *args: (204, b""))

    def test_faulty_address(self):
        self.assert_fault(
            SparConfigurationError, "url", lambda *args: (200, b""), url="http://"
        )

    def test_headers_that_drip(self):
        started = time.monotonic()
        self.assert_fault(
            SparTransientError,
            "timeout",
            lambda *args: (200, b"{}", {"X-Drip-Headers": "1"}),
            seconds=1,
        )
        self.assertLess(time.monotonic() - started, 3)


class Forbidden(SparConfigurationError):
    pass


@tagged("post_install", "-at_install")
class TestGuardedHttpClient(ReachesPeers, TransactionCase):
    """Requests to addresses that somebody else chose."""

    def setUp(self):
        super().setUp()
        self.peer = FakePeer(lambda *args: (200, b"{}"))
        self.addCleanup(self.peer.stop)
        self.seen = []

    def post(self, host, guard, **kwargs):
        url = f"http://{host}:{self.peer.port}/on-link"
        return post(url, b"{}", seconds=5, max_bytes=1000, guard=guard, **kwargs)

    def resolving(self, *answers):
        """Make names resolve to these addresses, another one at each look-up."""
        found = iter(answers)

        def getaddrinfo(host, port, *args, **kwargs):
            return [
                (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
                for address in next(found)
            ]

        return patch.object(http_client.socket, "getaddrinfo", getaddrinfo)

    def test_each_address_is_looked_at(self):
        answer = self.post("127.0.0.1", self.seen.append, headers={"X-Key": "v"})
        self.assertEqual(answer, (200, b"{}"))
        self.assertEqual(self.seen, ["127.0.0.1"])
        (headers,) = self.peer.headers
        self.assertEqual(headers["X-Key"], "v")
        self.assertEqual(headers["Host"], f"127.0.0.1:{self.peer.port}")

    def test_forbidden_addresses_get_no_connection(self):
        def forbid(address):
            raise Forbidden("no", "forbidden")

        with self.assertRaises(Forbidden):
            self.post("127.0.0.1", forbid)
        self.assertFalse(self.peer.requests)

    def test_the_address_that_was_looked_at_is_used(self):
        """A name that changes its address between the look and the connection."""
        used = []

        def create_connection(address, *args, **kwargs):
            used.append(address[0])
            line = socket.socket(socket.AF_INET)
            line.connect(address)
            return line

        with (
            self.resolving(["127.0.0.1"], ["127.0.0.2"]),
            patch.object(connection, "create_connection", create_connection),
        ):
            self.post("localhost", self.seen.append)
        self.assertEqual(self.seen, ["127.0.0.1"])
        self.assertEqual(used, ["127.0.0.1"])
        self.assertEqual(self.peer.headers[0]["Host"], f"localhost:{self.peer.port}")

    def test_other_statuses_are_answers(self):
        for status in (202, 204, 404, 500):
            peer = FakePeer(lambda *args, status=status: (status, b""))
            self.addCleanup(peer.stop)
            answer = post(
                peer.url + "/x", b"{}", seconds=5, max_bytes=9, guard=self.seen.append
            )
            self.assertEqual(answer, (status, b""))

    def test_redirects_are_not_followed(self):
        other = FakePeer(lambda *args: (200, b"{}"))
        self.addCleanup(other.stop)
        peer = FakePeer(lambda *args: (307, b"", {"Location": other.url + "/x"}))
        self.addCleanup(peer.stop)
        answer = post(
            peer.url + "/x", b"{}", seconds=5, max_bytes=9, guard=self.seen.append
        )
        self.assertEqual(answer.status, 307)
        self.assertFalse(other.requests)

    def test_proxies_of_the_environment_do_not_count(self):
        environment = {"http_proxy": "http://127.0.0.1:1", "HTTP_PROXY": "http://x:1"}
        with patch.dict(os.environ, environment):
            self.assertEqual(self.post("127.0.0.1", self.seen.append).status, 200)
        self.assertEqual(self.seen, ["127.0.0.1"])

    def test_certificates_are_compared_with_the_name(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for name, is_accepted in (("localhost", True), ("other.example", False)):
            authority = self._certificate(Path(folder.name, name), name)
            peer = FakePeer(lambda *args: (200, b"{}"), authority.tls)
            self.addCleanup(peer.stop)
            url = f"https://localhost:{peer.port}/on-link"
            trusted = {"REQUESTS_CA_BUNDLE": str(authority.path)}
            with (
                self.subTest(name=name),
                patch.dict(os.environ, trusted),
            ):
                if is_accepted:
                    answer = post(
                        url, b"{}", seconds=5, max_bytes=9, guard=self.seen.append
                    )
                    self.assertEqual(answer.status, 200)
                else:
                    with self.assertRaises(SparConfigurationError) as caught:
                        post(url, b"{}", seconds=5, max_bytes=9, guard=self.seen.append)
                    self.assertEqual(caught.exception.code, "tls")
        with self.assertRaises(SparConfigurationError):  # nobody trusts it
            post(url, b"{}", seconds=5, max_bytes=9, guard=self.seen.append)

    @staticmethod
    def _certificate(path, name):
        """A certificate of its own authority, and a server's use of it."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
            .sign(key, hashes.SHA256())
        )
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        whole = path.with_suffix(".pem")
        whole.write_bytes(
            path.read_bytes()
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(whole)
        return SimpleNamespace(path=path, tls=tls)
