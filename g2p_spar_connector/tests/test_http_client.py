# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import time

from odoo.tests.common import tagged

from odoo.addons.g2p_spar_bank_directory.exceptions import (
    SparConfigurationError,
    SparTransientError,
)

from ..http_client import post_json
from .common import ConnectorCase, FakeMapper


@tagged("post_install", "-at_install")
class TestHttpClient(ConnectorCase):
    """Only what passes the network; the meaning of answers is tested elsewhere."""

    def post(self, reply, seconds=5, max_bytes=1000, url=None):
        mapper = FakeMapper(reply)
        self.addCleanup(mapper.stop)
        return post_json(
            url or mapper.url + "/resolve", b"{}", seconds=seconds, max_bytes=max_bytes
        )

    def assert_fault(self, error, code, *args, **kwargs):
        with self.assertRaises(error) as caught:
            self.post(*args, **kwargs)
        self.assertEqual(caught.exception.code, code)

    def test_body_comes_back(self):
        self.assertEqual(self.post(lambda *args: (200, b'{"a": 1}')), b'{"a": 1}')

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
        other = FakeMapper(lambda *args: (200, b"{}"))
        self.addCleanup(other.stop)
        for status in (301, 302, 307, 308):
            self.assert_fault(
                SparConfigurationError,
                f"http_{status}",
                lambda *args, status=status: (status, b"", {"Location": other.url}),
            )
        self.assertFalse(other.requests)

    def test_other_successes_are_no_answers(self):
        self.assert_fault(SparConfigurationError, "http_204", lambda *args: (204, b""))

    def test_faulty_address(self):
        self.assert_fault(
            SparConfigurationError, "url", lambda *args: (200, b""), url="http://"
        )
