# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from unittest.mock import patch

import psycopg2

from odoo.service.server import PreforkServer
from odoo.tests import TransactionCase

from .. import steady_server

LOGGER = "odoo.addons.g2p_spar_mapper.steady_server"


class TestSteadyServer(TransactionCase):
    """The main process outlives a database that is away."""

    def spawn(self, *faults):
        """Replace processes as often as there are faults."""
        coming = iter(faults)

        def process_spawn(server):
            if fault := next(coming):
                raise fault

        with patch.object(PreforkServer, "process_spawn", process_spawn):
            steady_server.install()
            for _fault in faults:
                PreforkServer.process_spawn(None)

    def test_database_away(self):
        with self.assertLogs(LOGGER, "WARNING") as logs:
            self.spawn(
                psycopg2.OperationalError("host 192.0.2.1"),
                psycopg2.OperationalError("host 192.0.2.1"),
                None,
                psycopg2.InterfaceError("closed"),
            )
        self.assertEqual(len(logs.output), 2, "each time it goes away")
        self.assertNotIn("192.0.2.1", "".join(logs.output))

    def test_other_faults(self):
        with self.assertRaises(ZeroDivisionError):
            self.spawn(ZeroDivisionError())

    def test_installed_once(self):
        installed = PreforkServer.process_spawn
        self.assertTrue(installed.is_steady, "post_load has run")
        steady_server.install()
        self.assertIs(PreforkServer.process_spawn, installed)
