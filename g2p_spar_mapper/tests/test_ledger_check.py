# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import base64
from unittest.mock import patch

import msgspec

from odoo.exceptions import AccessError
from odoo.service.model import call_kw
from odoo.tests import tagged
from odoo.tools import mute_logger

from .. import keyring, rekeying, verification
from ..content import open_content, place
from ..models import ledger_check
from ..outcomes import UnlinkItem
from ..verification import BLOCK
from .common import wire_id
from .key_case import NEW, KeyCase
from .ledger_case import LOGGER, LedgerCase


@tagged("post_install", "-at_install")
class TestLedgerCheck(KeyCase, LedgerCase):
    def test_nothing_to_find(self):
        check = self.check()
        self.assertEqual((check.state, check.fault_count), ("sound", 0))
        self.env.cr.execute("SELECT count(*) FROM g2p_spar_mapping")
        self.assertEqual(check.mapping_count, self.env.cr.fetchone()[0])
        self.env.cr.execute("SELECT count(*) FROM g2p_spar_mapping_event")
        self.assertEqual(check.event_count, self.env.cr.fetchone()[0])
        self.link(self.item(5))
        self.assertEqual(self.check().state, "sound")

    def test_changed_row_of_the_ledger(self):
        event = self.history(1)[1]
        for column, value in (
            ("new_provider", "X"),
            ("user_id", self.env.uid),
            ("reason", "because"),
            ("at", "2020-01-01"),
        ):
            with self.subTest(column=column), self.env.cr.savepoint() as savepoint:
                self.tamper(
                    f"UPDATE g2p_spar_mapping_event SET {column} = %s WHERE id = %s",
                    *(value, event.id),
                )
                expected = [("event", event.mapping_id.id, event.id)]
                if column == "at":
                    expected.append(("mapping", event.mapping_id.id, 0))
                    expected.append(("end", event.previous_mapping_id.id, 0))
                self.assertFinds(*expected)
                savepoint.rollback()

    def test_row_removed_from_a_chain(self):
        self.check()
        _link, update, last = self.history(1)[:3]
        self.tamper("DELETE FROM g2p_spar_mapping_event WHERE id = %s", update.id)
        first_period, period, _last_period = self.periods(1)
        self.assertFinds(
            ("deleted", 0, update.id),
            ("chain", last.mapping_id.id, last.id),
            ("no_event", period.id, 0),
            ("state", first_period.id, 0),
        )

    def test_last_row_removed_and_covered_up(self):
        """Nothing in the chain itself shows it; the check before saw the row."""
        self.check()
        freeze = self.history(3)[-1]
        before = freeze.previous_hash
        self.tamper("DELETE FROM g2p_spar_mapping_event WHERE id = %s", freeze.id)
        self.tamper(
            "UPDATE g2p_spar_mapping SET state = 'active', head = %s WHERE id = %s",
            *(before, self.periods(3).id),
        )
        for _every_time in range(2):
            self.assertFinds(("deleted", 0, freeze.id))

    def test_whole_chain_removed(self):
        self.check()
        event = self.history(4)
        self.tamper("DELETE FROM g2p_spar_mapping WHERE id = %s", event.mapping_id.id)
        mapping_id, event_id = event.mapping_id.id, event.id
        self.assertFinds(("mapping_gone", mapping_id, event_id))
        self.tamper("DELETE FROM g2p_spar_mapping_event WHERE id = %s", event_id)
        self.assertFinds(("deleted", 0, event_id))

    def test_memory_of_the_check_changed(self):
        self.check()
        self.tamper("UPDATE g2p_spar_ledger_block SET seen = ''")
        with self.assertLogs(LOGGER, "ERROR"):
            check = self.check()
        self.assertIn("block", check.fault_ids.mapped("kind"))

    def test_key_that_nobody_had(self):
        """A row that cannot be recomputed is forged unless a check once did it."""
        self.check()
        mapping, freeze = self.periods(3), self.history(3)[-1]
        link = self.history(4)
        self.tamper(
            "INSERT INTO g2p_spar_key (key_id, fingerprint, is_older, is_retired)"
            " VALUES ('zz', 'zz', TRUE, TRUE)"
        )
        self.tamper(
            "UPDATE g2p_spar_mapping_event SET verb = 'restore', key_id = 'zz'"
            " WHERE id = %s",
            freeze.id,
        )
        self.tamper(
            "UPDATE g2p_spar_mapping SET state = 'active' WHERE id = %s", mapping.id
        )
        self.tamper(
            """
            INSERT INTO g2p_spar_mapping_event (
                   at, verb, mapping_id, key_id, id_masked, channel, previous_hash,
                   hash)
            SELECT at, 'freeze', mapping_id, 'zz', id_masked, channel, hash, 'forged'
              FROM g2p_spar_mapping_event
             WHERE id = %s
         RETURNING id
            """,
            link.id,
        )
        added = self.history(4)[-1]
        self.tamper(
            "UPDATE g2p_spar_mapping SET state = 'frozen', head = 'forged'"
            " WHERE id = %s",
            added.mapping_id.id,
        )
        for _every_time in range(2):
            self.assertFinds(
                ("event", mapping.id, freeze.id),
                ("event", added.mapping_id.id, added.id),
            )

    def test_memory_under_a_key_that_nobody_had(self):
        self.check()
        freeze = self.history(3)[-1]
        first_id = freeze.id - freeze.id % BLOCK
        before = freeze.previous_hash
        self.tamper("DELETE FROM g2p_spar_mapping_event WHERE id = %s", freeze.id)
        self.tamper(
            "UPDATE g2p_spar_mapping SET state = 'active', head = %s WHERE id = %s",
            *(before, self.periods(3).id),
        )
        self.tamper("UPDATE g2p_spar_ledger_block SET seen = '{}', key_id = 'zz'")
        for _every_time in range(2):
            self.assertFinds(("block", 0, first_id))

    def test_memory_removed(self):
        """The first block is none that was never there."""
        self.patch(verification, "BLOCK", 8)
        self.patch(ledger_check, "BLOCK", 8)
        self.check()
        last_id = self.history(1)[-1].id
        for first_id in (0, last_id - last_id % 8):
            with self.env.cr.savepoint() as savepoint:
                self.tamper(
                    "DELETE FROM g2p_spar_ledger_block WHERE first_id = %s", first_id
                )
                self.assertFinds(("block", 0, first_id))
                savepoint.rollback()

    def test_memory_of_an_earlier_check_put_back(self):
        self.check()
        self.env.cr.execute(
            "CREATE TEMP TABLE earlier AS SELECT * FROM g2p_spar_ledger_block"
        )
        self.mapper._freeze([UnlinkItem(wire_id(4))], self.actor, "Test")
        self.check()
        freeze = self.history(4)[-1]
        first_id, before = freeze.id - freeze.id % BLOCK, freeze.previous_hash
        self.tamper("DELETE FROM g2p_spar_mapping_event WHERE id = %s", freeze.id)
        self.tamper(
            "UPDATE g2p_spar_mapping SET state = 'active', head = %s WHERE id = %s",
            *(before, self.periods(4).id),
        )
        self.tamper(
            "UPDATE g2p_spar_ledger_block b SET seen = e.seen, hash = e.hash"
            "  FROM earlier e WHERE e.id = b.id"
        )
        self.assertFinds(("block", 0, first_id))

    def test_memory_of_an_earlier_version(self):
        """It says which rows were there, not under which keys."""
        self.check()
        events = self.events.sudo().search([]).ids
        first_id = events[0] - events[0] % BLOCK
        bits = bytearray(BLOCK // 8)
        for id_ in [*events, first_id + BLOCK - 1]:
            place, bit = divmod(id_ - first_id, 8)
            bits[place] |= 1 << bit
        seen = base64.b64encode(bits).decode()
        self.tamper(
            "UPDATE g2p_spar_ledger_block SET seen = %s, hash = %s WHERE first_id = %s",
            *(seen, verification.sign_memory(first_id, seen), first_id),
        )
        for _every_time in range(2):
            self.assertFinds(("deleted", 0, first_id + BLOCK - 1))

    def test_server_without_a_key_in_use(self):
        """It takes nothing for forged that another one kept under a newer key."""
        check = self.checks.create({"end_id": 1})
        keys = keyring.get_keyring()
        self.env["g2p.spar.key"]._check_ring(self.add_key())
        self.use_ring(*keys)
        with self.assertRaises(keyring.WrongKeyError):
            check._job_check(check.phase, check.after_id)
        self.assertFalse(check.fault_count)

    def test_exchanged_contents(self):
        one, other = self.periods(1)[-1], self.periods(4)
        self.tamper(
            """
            UPDATE g2p_spar_mapping m SET sealed = o.sealed, fa_key = o.fa_key
              FROM g2p_spar_mapping o
             WHERE m.id = ANY(%s) AND o.id = ANY(%s) AND m.id <> o.id
            """,
            *([one.id, other.id], [one.id, other.id]),
        )
        self.assertFinds(("content", one.id, 0), ("content", other.id, 0))

    def test_mapping_given_to_another_id(self):
        mapping = self.periods(4)
        self.tamper(
            "UPDATE g2p_spar_mapping SET id_key = %s WHERE id = %s",
            *(self.mapper._id_key(wire_id(99)), mapping.id),
        )
        self.assertFinds(("content", mapping.id, 0))

    def test_state_and_head_changed(self):
        frozen, active = self.periods(3), self.periods(4)
        self.tamper(
            "UPDATE g2p_spar_mapping SET state = 'active' WHERE id = %s", frozen.id
        )
        self.tamper("UPDATE g2p_spar_mapping SET head = 'x' WHERE id = %s", active.id)
        self.assertFinds(("state", frozen.id, 0), ("head", active.id, 0))

    def test_changed_columns(self):
        """What decides about payment and rights is sealed beside the content."""
        past, live = self.periods(1)[0], self.periods(4)
        id_type = self.env["g2p.spar.id.type"].search(
            [("id", "!=", live.id_type_id.id)], limit=1
        )
        for column, value in {
            "id_type_id": id_type.id,
            "account_type_id": self.mobile_type.id,
            "strategy_id": None,
            "fsp_id": self.wallet.id,
            "fsp_code": "MTWALLET",
            "branch_id": None,
            "branch_code": "MT002",
            "id_last": "9999",
            "fa_last": "9999",
            "key_id": "zz",
        }.items():
            for mapping in (past, live):
                self.assertFindsChange(mapping, column, value, "details")
        self.assertFindsChange(live, "channel", "portal", "mapping")
        for moment in ("2031-01-01", "2001-01-01"):
            for mapping in (past, self.periods(2)[0]):
                self.assertFindsChange(mapping, "closed_at", moment, "end")

    def assertFindsChange(self, mapping, column, value, kind):  # noqa: N802
        with (
            self.subTest(column=column, value=value, state=mapping.state),
            self.env.cr.savepoint() as savepoint,
        ):
            self.tamper(
                f"UPDATE g2p_spar_mapping SET {column} = %s WHERE id = %s",
                *(value, mapping.id),
            )
            self.assertFinds((kind, mapping.id, 0))
            savepoint.rollback()

    def test_hidden_mapping(self):
        """It has an end but is not past, so that look-ups do not find it."""
        mapping = self.periods(4)
        self.tamper(
            """
            ALTER TABLE g2p_spar_mapping DROP CONSTRAINT g2p_spar_mapping_closed_state;
            UPDATE g2p_spar_mapping SET closed_at = opened_at WHERE id = %s
            """,
            mapping.id,
        )
        self.assertFinds(("end", mapping.id, 0))

    def test_row_sealed_without_its_columns(self):
        """By an earlier version: it is used and moved to a new key as any other."""
        mapping = self.periods(4)
        row = (mapping.id, mapping.id_key, mapping.fa_key, mapping.sealed)
        plain = msgspec.msgpack.encode(msgspec.structs.astuple(open_content(*row))[:6])
        sealed = keyring.get_keyring().seal(place(*row[:3]), plain)
        self.tamper(
            "UPDATE g2p_spar_mapping SET sealed = %s, fsp_code = 'X' WHERE id = %s",
            *(sealed, mapping.id),
        )
        self.assertEqual(self.check().state, "sound")
        self.assertEqual(self.resolve(4).fa, self.bank_fa())
        self.env["g2p.spar.key"]._check_ring(self.add_key())
        rekeying.rekey_mappings(self.env, 0, 100)
        self.assertEqual(mapping.key_id, NEW)
        self.assertEqual(self.check().state, "sound")
        self.assertEqual(self.resolve(4).fa, self.bank_fa())

    def test_keys_that_are_gone(self):
        """Old rows of the ledger are counted apart; nobody takes them for forged."""
        old = keyring.get_keyring().current
        ring = self.add_key()
        self.env["g2p.spar.key"]._check_ring(ring)
        ring = keyring.KeyRing(NEW, ring.keys)
        rotation = self.env["g2p.spar.key.rotation"].create({})
        with patch.object(type(rotation), "_enqueue", lambda self: None):
            rotation.action_start()
            while rotation.state == "running":
                rotation._job_rotate(rotation.run)
        before = self.check()
        self.assertEqual((before.state, before.key_gone_count), ("sound", 0))
        self.link(self.item(7))
        self.use_ring(NEW, {NEW: ring.keys[NEW]})
        check = self.check()
        self.assertEqual(check.state, "sound")
        self.assertEqual(check.key_gone_count, check.event_count - 1)
        event = self.history(7)
        self.tamper(
            "UPDATE g2p_spar_mapping_event SET key_id = %s WHERE id = %s",
            *(old, event.id),
        )
        self.assertFinds(("event", event.mapping_id.id, event.id))

    def test_who_may_verify(self):
        enqueue = patch.object(type(self.checks), "_enqueue", lambda self: None)
        for role in ("auditor", "administrator"):
            with self.subTest(role=role), enqueue:
                checks = self.checks.with_user(self.users[role])
                action = call_kw(checks, "action_verify", [[]], {})  # as a button
                self.assertTrue(checks.browse(action["res_id"]).create_date)
                with (
                    mute_logger("odoo.addons.base.models.ir_model"),
                    self.assertRaises(AccessError),
                ):
                    checks.browse(action["res_id"]).write({"fault_count": 0})
        for role in ("officer", "steward", "employee", "portal"):
            with self.subTest(role=role), self.assertRaises(AccessError):
                self.checks.with_user(self.users[role]).action_verify()
