# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""How connections move from a busy worker to an idle one."""

from unittest.mock import patch

from odoo.tests import BaseCase, tagged

from ..api_server import balance
from ..api_server.application import Application


@tagged("post_install", "-at_install")
class TestBalance(BaseCase):
    def setUp(self):
        super().setUp()
        self.now = 1000.0
        self.startPatcher(
            patch.object(balance.time, "monotonic", side_effect=lambda: self.now)
        )
        self.busy, self.other = balance.Balance(2), balance.Balance(2)
        self.other._shared = self.busy._shared  # as a fork has it
        self.busy.join(0)
        self.other.join(1)

    def answer(self, seconds, worker=None):
        """Whether a worker ends the connection of a call that took so long."""
        worker = worker or self.busy
        began = worker.begin()
        self.now += seconds
        return worker.end(began)

    def test_busy_worker_sends_callers_to_an_idle_one(self):
        self.busy.begin()  # another call goes on meanwhile
        self.assertTrue(self.answer(1))

    def test_last_call_of_a_worker_stays(self):
        self.assertFalse(self.answer(1))

    def test_short_calls_stay(self):
        self.busy.begin()
        self.now += 1
        self.assertFalse(self.answer(balance.LONG / 2))

    def test_nobody_is_sent_to_a_busy_worker(self):
        self.busy.begin()
        began = self.other.begin()
        self.assertFalse(self.answer(1))
        self.other.end(began)
        with patch.object(balance, "IDLE", 5.0):
            self.assertFalse(self.answer(1), "it has only just finished")
            self.assertTrue(self.answer(10))

    def test_nobody_is_sent_to_a_worker_that_did_not_start(self):
        alone = balance.Balance(2)
        alone.join(0)
        alone.begin()
        self.assertFalse(self.answer(1, alone))

    def test_started_again_a_worker_counts_as_idle(self):
        self.other.begin()  # killed in the middle of it
        replaced = balance.Balance(2)
        replaced._shared = self.busy._shared
        replaced.join(1)
        self.busy.begin()
        self.assertTrue(self.answer(1))

    def test_the_caller_is_told(self):
        application = Application("nowhere", reader=object(), balance=self.busy)

        def call():
            told = {}
            environ = {"PATH_INFO": "/none", "REQUEST_METHOD": "GET"}
            application(environ, lambda _status, headers: told.update(headers))
            return told.get("Connection")

        self.busy.begin()
        self.now += 1
        self.assertIsNone(call())
        with patch.object(balance, "LONG", 0.0):
            self.assertEqual(call(), "close")
