# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""When the replica is asked; a real one is tested with a running server."""

from unittest.mock import patch

import psycopg2

from odoo.tests import BaseCase, tagged

from .. import replica

LOGGER = "odoo.addons.g2p_spar_mapper.replica"


@tagged("post_install", "-at_install")
class TestReplica(BaseCase):
    def setUp(self):
        super().setUp()
        self.now = 100.0
        self.written = self.replayed = 1000  # positions in the log
        self.fault = self.primary_fault = None
        self.replica = replica.Replica("spar")
        self.startPatcher(patch.object(replica, "_run", self.run_statement))
        self.startPatcher(
            patch.object(replica.time, "monotonic", side_effect=lambda: self.now)
        )

    def run_statement(self, reader, query):
        if reader is self.replica.primary:
            if self.primary_fault:
                raise self.primary_fault
            return [(self.written,)]
        if self.fault:
            raise self.fault
        return [(self.replayed,)] if query == replica.REPLAYED else [("found",)]

    def fetch(self):
        self.now += replica.EVERY
        return self.replica.fetch("SELECT", 5)

    def test_replica_that_keeps_up(self):
        with self.assertNoLogs(LOGGER):
            self.assertEqual(self.fetch(), [("found",)])

    def test_quiet_primary_is_no_lag(self):
        self.fetch()
        self.now += 3600
        self.assertEqual(self.fetch(), [("found",)])

    def test_lag(self):
        self.fetch()
        self.written = 2000
        with self.assertLogs(LOGGER, "WARNING") as logs:
            answers = [bool(self.fetch()) for _second in range(20)]
        self.assertEqual(answers, [True] * 5 + [False] * 15)
        self.assertEqual(len(logs.output), 1, "said once")
        self.assertIn("lags 6 s: reading from the primary", logs.output[0])
        self.replayed = 2000
        with self.assertLogs(LOGGER, "WARNING") as logs:
            self.assertEqual(self.fetch(), [("found",)])
        self.assertIn("is back", logs.output[0])

    def test_lag_that_is_not_known_yet(self):
        self.written = 2000
        with self.assertLogs(LOGGER, "WARNING"):
            self.assertIsNone(self.fetch())
        self.replayed = 2000
        with self.assertLogs(LOGGER, "WARNING"):
            self.assertEqual(self.fetch(), [("found",)])

    def test_replica_that_dies(self):
        self.fetch()
        self.fault = psycopg2.OperationalError()
        with self.assertLogs(LOGGER, "WARNING") as logs:
            self.assertIsNone(self.replica.fetch("SELECT", 5))
            self.assertIsNone(self.fetch())
        self.assertEqual(len(logs.output), 1)
        self.fault = None
        with self.assertLogs(LOGGER, "WARNING"):
            self.assertEqual(self.fetch(), [("found",)])

    def test_primary_that_is_away(self):
        """Nobody can write then: the replica still answers."""
        self.fetch()
        self.primary_fault = psycopg2.OperationalError()
        for _second in range(20):
            self.assertEqual(self.fetch(), [("found",)])

    def test_replica_that_has_become_a_primary(self):
        self.replayed = None
        with self.assertLogs(LOGGER, "WARNING") as logs:
            self.assertIsNone(self.fetch())
        self.assertIn("is no replica", logs.output[0])

    def test_it_is_measured_once_a_second(self):
        self.fetch()
        self.fault = psycopg2.errors.UndefinedColumn()
        with self.assertLogs(LOGGER, "WARNING"):
            self.assertIsNone(self.replica.fetch("SELECT", 5))
        self.fault = None
        self.assertIsNone(self.replica.fetch("SELECT", 5))
