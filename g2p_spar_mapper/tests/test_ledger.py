# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import psycopg2

from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import MapperCommon


@tagged("post_install", "-at_install")
class TestLedger(MapperCommon):
    """What the database refuses: raw SQL with the rights of the server itself."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.mapper._link([cls.item(cls)], cls.actor)

    def assertRefused(self, error, statement, *params):  # noqa: N802
        with (
            self.subTest(statement=statement),
            mute_logger("odoo.sql_db"),
            self.assertRaises(error),
            self.env.cr.savepoint(),
        ):
            self.env.cr.execute(statement, params)

    def test_ledger_is_append_only(self):
        error = psycopg2.errors.InsufficientPrivilege
        event = self.history().id
        for statement in (
            "UPDATE g2p_spar_mapping_event SET purpose = 'x' WHERE id = %s",
            "UPDATE g2p_spar_mapping_event SET at = at WHERE id = %s",
            "DELETE FROM g2p_spar_mapping_event WHERE id = %s",
        ):
            self.assertRefused(error, statement, event)
        self.assertRefused(error, "TRUNCATE g2p_spar_mapping_event")
        self.assertEqual(len(self.history()), 1)

    def test_triggers_are_always_on(self):
        """Also in a session that plays a replica (needs the rights of a superuser)."""
        self.env.cr.execute(
            """
            SELECT tgrelid::regclass::text, tgname, tgenabled
              FROM pg_trigger
             WHERE tgname IN ('keep_rows', 'keep_table')
               AND tgrelid::regclass::text LIKE 'g2p_spar_%%'
             ORDER BY 1, 2
            """
        )
        self.assertEqual(
            self.env.cr.fetchall(),
            [
                (table, trigger, "A")
                for table in (
                    "g2p_spar_ledger_block",
                    "g2p_spar_mapping",
                    "g2p_spar_mapping_event",
                    "g2p_spar_read",
                )
                for trigger in ("keep_rows", "keep_table")
            ],
        )

    def test_periods_are_never_deleted(self):
        self.assertRefused(
            psycopg2.errors.ForeignKeyViolation,  # the ledger refers to it
            "DELETE FROM g2p_spar_mapping WHERE id = %s",
            self.periods().id,
        )
        self.env.cr.execute(
            "DROP TRIGGER g2p_spar_mapping_event_mapping_id_in_use ON g2p_spar_mapping"
        )
        error = psycopg2.errors.InsufficientPrivilege
        self.assertRefused(
            error, "DELETE FROM g2p_spar_mapping WHERE id = %s", self.periods().id
        )
        self.assertRefused(error, "TRUNCATE g2p_spar_mapping CASCADE")

    def test_one_live_mapping_per_id(self):
        self.assertRefused(
            psycopg2.errors.UniqueViolation,
            """
            INSERT INTO g2p_spar_mapping (
                   id_type_id, id_key, key_id, sealed, head, id_masked, id_last, fa_key,
                   fa_masked, fa_last, state, opened_at, channel)
            SELECT id_type_id, id_key, key_id, sealed, head, id_masked, id_last, fa_key,
                   fa_masked, fa_last, state, opened_at, channel
              FROM g2p_spar_mapping
             WHERE id = %s
            """,
            self.periods().id,
        )

    def test_state_and_end_agree(self):
        error = psycopg2.errors.CheckViolation
        period = self.periods().id
        for change in ("state = 'closed'", "closed_at = now()"):
            self.assertRefused(
                error, f"UPDATE g2p_spar_mapping SET {change} WHERE id = %s", period
            )

    def test_referenced_rows_stay(self):
        client = self.env["g2p.spar.client"].create(
            {
                "name": "Client",
                "code": "ledger-test",
                "organisation": "Ministry",
                "purpose": "Test",
                "credentialless": True,
                "networks": "192.0.2.0/28",
            }
        )
        self.link(self.item(2), actor=self.actor._replace(client_id=client.id))
        referenced = (
            self.bank,
            self.branches[0],
            self.periods().id_type_id,
            self.users["officer"],
            client,
        )
        for record in referenced:
            with (
                self.subTest(model=record._name),
                mute_logger("odoo.sql_db"),
                self.assertRaises(psycopg2.errors.ForeignKeyViolation),
                self.env.cr.savepoint(),
            ):
                record.unlink()
        unused = self.branches[1]
        unused.unlink()
        self.assertFalse(unused.exists())

    def test_each_change_has_its_row(self):
        self.update(self.item(fa=self.wallet_fa()), self.item(404))
        self.remove(1, 404)
        self.assertEqual(self.history().mapped("verb"), ["link", "update", "unlink"])
        for event in self.history():
            self.assertEqual(event.id_masked, "•••• st-1")
            self.assertEqual(event.purpose, "Test")
            self.assertEqual(event.transaction, "T-1")
            self.assertTrue(event.at)
        self.assertFalse(self.history(404))
