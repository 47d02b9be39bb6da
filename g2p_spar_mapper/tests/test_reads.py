# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import time
from unittest.mock import patch

import psycopg2

from odoo import sql_db
from odoo.exceptions import AccessError
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.g2p_spar_bank_directory.exceptions import SparTransientError

from .. import reads
from ..outcomes import YES_NO, Actor, ResolveItem
from .api_case import ApiCase
from .common import MapperCommon, wire_id

LOGGER = "odoo.addons.g2p_spar_mapper.reads"


@tagged("post_install", "-at_install")
class TestReads(MapperCommon):
    """Each look-up is accounted for, once, without naming anybody."""

    def setUp(self):
        super().setUp()
        reads.flush(self.env.cr)  # what other tests left
        self.link(self.item(1), self.item(2))
        self.last = self.reads().ids

    def reads(self):
        reads.flush(self.env.cr)
        return self.env["g2p.spar.read"].search([])

    def new(self):
        return self.reads().filtered(lambda read: read.id not in self.last)

    def ask(self, *numbers, actor=None, **values):
        items = [ResolveItem(wire_id(number), **values) for number in numbers]
        return self.mapper._resolve(items, actor or self.actor)

    def test_what_is_kept(self):
        self.ask(1, 2, 3)
        read = self.new()
        self.assertEqual(read.user_id, self.users["officer"])
        self.assertFalse(read.client_id)
        self.assertEqual(read.actor_name, self.users["officer"].name)
        self.assertEqual(
            [read.channel, read.purpose, read.transaction, read.scope],
            ["staff", "Test", "T-1", "details"],
        )
        self.assertEqual((read.id_count, read.found_count), (3, 2))
        self.assertEqual(len(read.digest), 43)
        self.assertLess(abs((read.at - self.env.cr.now()).total_seconds()), 3600)
        self.env.cr.execute("SELECT row_to_json(r)::text FROM g2p_spar_read r")
        self.assertNotIn("spartest", str(self.env.cr.fetchall()))

    def test_digest_tells_look_ups_of_the_same_ids(self):
        for numbers in ((1, 2), (1, 2), (1, 3), (2, 1)):
            self.ask(*numbers)
        digests = self.new().sorted("id").mapped("digest")
        self.assertEqual(digests[0], digests[1])
        self.assertEqual(len(set(digests)), 3)

    def test_scope_and_what_was_not_found(self):
        self.ask(7, scope=YES_NO)
        self.assertEqual(self.new().scope, "yes_no")
        self.assertEqual((self.new().id_count, self.new().found_count), (1, 0))

    def test_unreadable_ids_count(self):
        self.mapper._resolve([ResolveItem(""), ResolveItem(" x")], Actor("portal"))
        self.assertEqual(self.new().id_count, 2)

    def test_only_look_ups_are_accounted(self):
        self.update(self.item(1, fa=self.wallet_fa()))
        self.remove(1)
        self.assertFalse(self.new())

    def test_append_only(self):
        self.ask(1)
        read = self.new()
        for statement in (
            "UPDATE g2p_spar_read SET id_count = 0 WHERE id = %s",
            "DELETE FROM g2p_spar_read WHERE id = %s",
        ):
            with (
                self.subTest(statement=statement),
                mute_logger("odoo.sql_db"),
                self.assertRaises(psycopg2.errors.InsufficientPrivilege),
                self.env.cr.savepoint(),
            ):
                self.env.cr.execute(statement, [read.id])
        for change in (lambda: read.sudo().write({"id_count": 0}), read.sudo().unlink):
            with self.assertRaises(AccessError):
                change()

    def test_only_auditors_read_it(self):
        self.ask(1)
        read = self.new()
        as_auditor = read.with_user(self.users["auditor"]).sudo(False)
        self.assertEqual(as_auditor.id_count, 1)
        for change in (as_auditor.unlink, lambda: as_auditor.write({"id_count": 0})):
            with self.assertRaises(AccessError):
                change()
        for role in ("officer", "administrator", "employee", "portal", "public"):
            with self.subTest(role=role), self.assertRaises(AccessError):
                read.with_user(self.users[role]).sudo(False).read(["id_count"])


@tagged("post_install", "-at_install")
class TestReadsOfClients(ApiCase):
    def test_client_and_transaction(self):
        reads.flush(self.env.cr)
        last = self.env["g2p.spar.read"].search([], limit=1).id or 0
        self.call("resolve", [self.item(scope="details"), self.item()])
        reads.flush(self.env.cr)
        read = self.env["g2p.spar.read"].search([("id", ">", last)])
        self.assertEqual(read.client_id, self.compat)
        self.assertEqual(read.actor_name, self.compat.name)
        self.assertEqual(
            [read.channel, read.purpose, read.transaction, read.scope, read.id_count],
            ["api", "Test purpose", "t1", "details", 2],
        )


class FakeDatabase:
    """In the place of the connection: can be away, and keeps what is committed."""

    def __init__(self):
        self.away = False
        self.lose_next_commit = False
        self.rows = {}
        self.number = 0

    def cursor(self):
        if self.away:
            raise psycopg2.OperationalError
        return FakeCursor(self)


class FakeCursor:
    def __init__(self, database):
        self.database = database
        self.rows = {}

    def execute(self, query, parameters=None, log_exceptions=True):
        if query == reads.NEXT_IDS:
            first = self.database.number + 1
            self.database.number += parameters[0]
            self.ids = [(id_,) for id_ in range(first, self.database.number + 1)]
        else:
            self.rows = {row[0]: row for row in query.params}

    def fetchall(self):
        return self.ids

    def commit(self):
        self.database.rows = self.rows | self.database.rows
        if self.database.lose_next_commit:
            self.database.lose_next_commit = False
            raise psycopg2.OperationalError

    def close(self):
        pass


@tagged("post_install", "-at_install")
class TestReadLog(MapperCommon):
    """The list in memory; nothing is written here."""

    def setUp(self):
        super().setUp()
        self.database = FakeDatabase()
        self.log = reads.ReadLog()
        self.startPatcher(
            patch.object(sql_db, "db_connect", side_effect=lambda _name: self.database)
        )
        self.startPatcher(patch.object(reads, "PAUSE", 0.01))
        self.startPatcher(patch.object(reads, "PATIENCE", 0.05))

    def add(self, count):
        for number in range(count):
            self.log.add("spar", (number,))

    def written(self):
        return [row[1] for _id, row in sorted(self.database.rows.items())]

    def test_all_are_written_in_order(self):
        self.add(1203)
        self.assertTrue(self.log._try_to_write())
        self.assertEqual(self.written(), list(range(1203)))

    def test_database_that_was_away(self):
        self.add(3)
        self.database.away = True
        with self.assertLogs(LOGGER, "WARNING") as logs:
            self.assertFalse(self.log._try_to_write())
        self.assertIn("3 look-ups wait", logs.output[0])
        self.add(2)
        self.database.away = False
        self.assertTrue(self.log._try_to_write())
        self.assertEqual(self.written(), [0, 1, 2, 0, 1])

    def test_commit_whose_answer_got_lost(self):
        """The rows are there already; writing them again does not double them."""
        self.add(3)
        self.database.lose_next_commit = True
        with self.assertLogs(LOGGER, "WARNING"):
            self.assertFalse(self.log._try_to_write())
        self.assertTrue(self.log._try_to_write())
        self.assertEqual(self.written(), [0, 1, 2])

    def test_full_list_puts_look_ups_off(self):
        with patch.object(reads, "MOST", 10):
            self.add(10)
            with self.assertRaises(SparTransientError):
                self.add(1)
            self.log._try_to_write()
            self.add(1)
        self.log._try_to_write()
        self.assertEqual(len(self.database.rows), 11)

    def test_end_writes_what_is_left(self):
        self.add(2)
        self.log.finish()
        self.assertEqual(self.written(), [0, 1])

    def test_end_without_database(self):
        self.add(2)
        self.database.away = True
        with (
            patch.object(reads, "LAST_PATIENCE", 0.05),
            self.assertLogs(LOGGER, "WARNING") as logs,
        ):
            self.log.finish()
        self.assertIn("2 look-ups are lost", logs.output[-1])

    def test_thread_writes_by_itself(self):
        self.addCleanup(self.log.finish)
        with (
            patch.dict(reads.config.options, test_enable=False),
            patch.object(reads, "BEAT", 0.01),
            patch.object(reads.atexit, "register"),
            patch.object(reads.util, "Finalize"),
        ):
            self.add(700)
            for _attempt in range(200):
                if len(self.database.rows) == 700:
                    break
                time.sleep(0.01)
        self.assertEqual(self.written(), list(range(700)))

    def test_child_process_forgets_the_entries_of_its_parent(self):
        self.add(2)
        self.log.forget()
        self.add(1)
        self.log._try_to_write()
        self.assertEqual(self.written(), [0])
