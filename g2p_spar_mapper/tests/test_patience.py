# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""A replica that takes statements and does not answer: a real one is stopped in
``tests/faults``."""

import time

import psycopg2

from odoo.tests import TransactionCase, tagged
from odoo.tools import SQL

from .. import replica
from ..api_server.reading import Reader
from ..patience import Patience

NO_ANSWER = SQL("SELECT pg_sleep(4)")


@tagged("post_install", "-at_install")
class TestPatience(TransactionCase):
    def setUp(self):
        super().setUp()
        self.patch(replica, "_patience", Patience(0.2))

    def reader(self, is_replica):
        reader = Reader(self.env.cr.dbname)
        reader.is_replica = is_replica  # the test's own server plays it
        self.addCleanup(reader.close)
        return reader

    def test_replica_that_does_not_answer(self):
        reader = self.reader(True)
        begin = time.monotonic()
        with self.assertRaises(psycopg2.OperationalError):
            replica._run(reader, NO_ANSWER)
        self.assertLess(time.monotonic() - begin, 3)
        # the connection is not kept, and the next one is as good as new
        self.assertEqual(replica._run(reader, SQL("SELECT 1")), [(1,)])

    def test_primary_has_its_time(self):
        self.assertTrue(replica._run(self.reader(False), SQL("SELECT pg_sleep(1.5)")))

    def test_connections_of_the_process_that_was_forked_from_are_left_alone(self):
        """A process has the memory of the one that it was forked from, and its socket:
        who ends that ends it for both."""
        theirs, reader = self.reader(True), self.reader(True)
        replica._run(theirs, SQL("SELECT 1"))
        connection = theirs._idle[0].raw
        patience = Patience(0.2)
        patience._waiting[connection], patience._pid = 0.0, -1
        self.patch(replica, "_patience", patience)
        with self.assertRaises(psycopg2.OperationalError):
            replica._run(reader, NO_ANSWER)
        self.assertEqual(replica._run(theirs, SQL("SELECT 1")), [(1,)])
