# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import contextlib
import os
import struct
import tempfile
import threading
from pathlib import Path
from unittest.mock import patch

from odoo.tests import BaseCase, tagged

from .. import rates
from .api_case import ApiCase
from .credentials_case import own_rates


class TestRates(BaseCase):
    """The counting file."""

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "rates" / "db.requests"
        self.count = rates.Rates(self.path)
        self.now = 1_000_000.0
        self.startPatcher(patch.object(rates.time, "time", lambda: self.now))

    def admitted(self, number, per_minute, cell=1, cost=1):
        return sum(
            not self.count.take(cell, cost, per_minute) for _try in range(number)
        )

    def test_a_minutes_worth_at_once_then_at_the_rate(self):
        self.assertEqual(self.admitted(100, per_minute=60), 60)
        self.assertAlmostEqual(self.count.take(1, 1, 60), 1.0)
        self.now += 10
        self.assertEqual(self.admitted(100, per_minute=60), 10)
        self.now += 3600
        self.assertEqual(self.admitted(100, per_minute=60), 60)

    def test_waiting_as_told_is_enough(self):
        self.admitted(100, per_minute=7)
        for _number in range(5):
            self.now += self.count.take(1, 1, 7) + 1e-6
            self.assertEqual(self.count.take(1, 1, 7), 0.0)

    def test_clients_do_not_share(self):
        self.admitted(100, per_minute=10)
        self.assertEqual(self.admitted(100, per_minute=10, cell=2), 10)
        self.assertEqual(self.admitted(100, per_minute=10, cell=100_000), 10)

    def test_items(self):
        self.assertEqual(self.admitted(10, per_minute=100, cost=30), 3)
        self.assertAlmostEqual(self.count.take(1, 30, 100), 12.0)
        self.assertEqual(self.admitted(3, per_minute=100, cost=5), 2)

    def test_message_above_a_minutes_worth_is_admitted_when_nothing_is_owed(self):
        self.assertEqual(self.count.take(1, 1000, 100), 0.0)
        self.assertAlmostEqual(self.count.take(1, 1000, 100), 600.0)
        self.assertGreater(self.count.take(1, 1, 100), 500.0)
        self.now += 600
        self.assertEqual(self.count.take(1, 1000, 100), 0.0)

    def test_damaged_file_heals(self):
        for content in (
            b"",
            b"abc",
            b"\xff" * 64,
            struct.pack("<8d", *[float("inf")] * 8),
            struct.pack("<8d", *[-1e300] * 8),
            struct.pack("<8d", *[self.now + 1e6] * 8),
        ):
            with self.subTest(content=content[:9]):
                self.admitted(1, per_minute=10)
                self.path.write_bytes(content)
                self.assertEqual(self.admitted(100, per_minute=10), 10)

    def test_missing_file_is_made_again(self):
        self.admitted(100, per_minute=10)
        self.path.unlink()
        self.assertEqual(self.admitted(100, per_minute=10), 10)
        self.assertTrue(self.path.exists())
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)

    def test_clock_set_back(self):
        self.admitted(100, per_minute=10)
        self.now -= 10 * 24 * 3600
        self.assertEqual(self.admitted(100, per_minute=10), 10)

    def test_file_that_cannot_be_written_stops_nobody(self):
        with (
            patch.object(rates.os, "pwrite", side_effect=OSError(28, "No space left")),
            self.assertLogs(rates._logger, "ERROR"),
        ):
            self.assertEqual(self.count.take(1, 1, 10), 0.0)

    def test_exact_across_processes_and_threads(self):
        """Four processes with two threads each ask at once: nobody gets too much."""
        results = []
        for _process in range(4):
            read, write = os.pipe()
            child = os.fork()
            if not child:
                with contextlib.suppress(BaseException):
                    os.write(
                        write, b"%d" % self._ask_in_threads(rates.Rates(self.path))
                    )
                os._exit(0)
            os.close(write)
            results.append((child, read))
        admitted = 0
        for child, read in results:
            os.waitpid(child, 0)
            admitted += int(os.read(read, 20) or -1000)
            os.close(read)
        self.assertEqual(admitted, 500)

    @staticmethod
    def _ask_in_threads(count):
        admitted = []

        def ask():
            admitted.extend(count.take(3, 1, 500) for _try in range(200))

        threads = [threading.Thread(target=ask) for _number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return admitted.count(0.0)


@tagged("post_install", "-at_install")
class TestRatesOverHttp(ApiCase):
    def setUp(self):
        super().setUp()
        own_rates(self)

    def assertTooMany(self, response):
        self.assertError(response, 429, "err.request.too_many_requests")
        self.assertGreaterEqual(int(response.headers["Retry-After"]), 1)

    def test_rate_of_messages(self):
        message = self.message("resolve", [self.item()] * 3)
        self.compat.request_rate = 2
        statuses = [self.post("resolve", message).status_code for _try in range(2)]
        self.assertEqual(statuses, [200, 200])
        self.assertTooMany(self.post("resolve", message))
        strict = self.message("resolve", [], sender_id="strict")
        self.assertEqual(self.post("resolve", strict).status_code, 200)
        self.compat.request_rate = 0
        self.assertEqual(self.post("resolve", message).status_code, 200)

    def test_rate_of_items(self):
        message = self.message("link", [self.item(fa=self.fa())] * 3)
        self.compat.item_rate = 5
        self.assertEqual(self.post("link", message).status_code, 200)
        message["header"]["message_id"] = "m2"
        self.assertTooMany(self.post("link", message))

    def test_token_endpoint(self):
        self.env["ir.config_parameter"].sudo().set_param(
            "g2p_spar_mapper.token_requests_per_minute", "2"
        )
        path = "/oauth2/client/token"
        form = {"grant_type": "client_credentials", "client_secret": "wrong"}
        for _try in range(2):
            response = self.url_open(path, data=form | {"client_id": "compat"})
            self.assertEqual(response.status_code, 401)
        self.assertTooMany(self.url_open(path, data=form | {"client_id": "compat"}))
        statuses = [
            self.url_open(path, data=form | {"client_id": f"c{number}"}).status_code
            for number in range(20)
        ]
        self.assertEqual(statuses, [401] * 18 + [429] * 2)
