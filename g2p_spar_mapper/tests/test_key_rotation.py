# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .. import keyring, rekeying
from .. import outcomes as oc
from ..keyring import WrongKeyError
from ..models import key_rotation
from ..outcomes import ResolveItem, UnlinkItem
from .common import MapperCommon, wire_id
from .key_case import NEW, NEW_KEY, THIRD, KeyCase


@tagged("post_install", "-at_install")
class TestKeyRotation(KeyCase, MapperCommon):
    def setUp(self):
        super().setUp()
        self.old = keyring.get_keyring()
        self.keys = self.env["g2p.spar.key"]
        self.link(self.item(1, name="Amina"), self.item(2, self.wallet_fa()))
        self.link(self.item(3), self.item(4, self.bank_fa(4)))
        self.update(self.item(1, self.bank_fa(2)))
        self.remove(3)

    def add_key(self):
        ring = super().add_key()
        self.keys._check_ring(ring)
        self.keys.env.registry.clear_cache()
        return ring

    def add_third_key(self):
        ring = self.use_ring(THIRD, keyring.get_keyring().keys | {THIRD: bytes(32)})
        self.keys._check_ring(ring)
        self.keys.env.registry.clear_cache()
        return ring

    def states(self):
        keys = self.keys.search([("key_id", "in", [self.old.current, NEW, THIRD])])
        return {key.key_id: key.state for key in keys}

    def key_ids(self, *numbers):
        return [
            period.key_id for number in numbers for period in self.all_periods(number)
        ]

    def all_periods(self, number):
        keys = self.mapper._id_keys(wire_id(number))
        return self.mappings.sudo().search([("id_key", "in", keys)], order="id")

    def start(self):
        """A rotation whose jobs the test does itself."""
        rotation = self.env["g2p.spar.key.rotation"].create({})
        self.enterContext(patch.object(type(rotation), "_enqueue", lambda self: None))
        rotation.action_start()
        return rotation

    def rotate(self, chunk=2):
        rotation = self.start()
        with patch.object(key_rotation, "CHUNK", chunk):
            self.end(rotation)
        return rotation

    @staticmethod
    def end(rotation):
        for _step in range(200):
            rotation._job_rotate(rotation.run)
            if rotation.state != "running":
                break

    def test_progress_cannot_be_forged(self):
        rotations = self.env["g2p.spar.key.rotation"].with_user(
            self.users["administrator"]
        )
        with self.assertRaises(AccessError):
            rotations.create({"state": "done"})
        rotation = rotations.with_context(default_state="done").create({})
        self.assertEqual(rotation.state, "draft")
        with self.assertRaises(AccessError):
            rotation.state = "done"

    # ------------------------------------------------------------------ meanwhile

    def test_rows_of_either_key_are_found(self):
        self.add_key()
        self.link(self.item(5))
        self.assertEqual(self.key_ids(5), [NEW])
        self.assertEqual(self.key_ids(2), [self.old.current])
        for number, fa in ((1, 2), (4, 4), (5, 1)):
            found = self.resolve(number)
            self.assertEqual((found.code, found.fa), (oc.OK, self.bank_fa(fa)))
            self.assertEqual(self.resolve(number, fa=self.bank_fa(fa)).code, oc.OK)
            self.assertEqual(
                self.resolve(number, fa=self.wallet_fa()).code, oc.MISMATCH
            )
        self.assertEqual(self.resolve(3).code, oc.NOT_LINKED)
        self.assertEqual(self.resolve(id="", fa=self.wallet_fa()).code, oc.OK)

    def test_one_live_mapping_across_keys(self):
        self.add_key()
        self.assertEqual(
            self.codes(self.link(self.item(1), self.item(3), self.item(3))),
            [oc.ALREADY_LINKED, oc.OK, oc.ALREADY_LINKED],
        )
        live = self.all_periods(1).filtered(lambda one: not one.closed_at)
        self.assertEqual(len(live), 1)

    def test_changes_move_to_the_new_key(self):
        self.add_key()
        self.assertEqual(self.codes(self.update(self.item(1, name="B"))), [oc.OK])
        self.assertEqual(self.key_ids(1), [self.old.current] * 2 + [NEW])
        # the same account under another key is no change
        self.assertEqual(
            self.codes(self.update(self.item(2, self.wallet_fa()))), ["ok"]
        )
        self.assertEqual(self.key_ids(2), [self.old.current])
        items = [UnlinkItem(wire_id(2), self.bank_fa()), UnlinkItem(wire_id(4))]
        self.assertEqual(
            self.codes(self.mapper._unlink(items, self.actor)), [oc.MISMATCH, oc.OK]
        )
        self.assertEqual(self.resolve(4).code, oc.NOT_LINKED)

    def test_screens(self):
        self.add_key()
        self.update(self.item(1, self.bank_fa(3)))
        officer = self.mappings.with_user(self.users["officer"])
        found = officer.search([("lookup", "=", "spartest-1")])
        self.assertEqual(found, self.all_periods(1))
        self.assertEqual(found[0].period_count, 3)
        self.assertEqual(
            found[0].timeline_ids.mapped("verb"), ["update", "update", "link"]
        )

    # ------------------------------------------------------------------ the work

    def test_everything_moves(self):
        ring = self.add_key()
        before = [self.resolve(number) for number in (1, 2, 4)]
        rotation = self.rotate()
        self.assertEqual((rotation.state, rotation.progress), ("done", 100))
        self.assertEqual(rotation.mapping_count, rotation.total_count)
        self.assertFalse(
            self.mappings.sudo().search_count([("key_id", "=", self.old.current)])
        )
        # nothing needs the old key any more
        self.use_ring(NEW, {NEW: ring.keys[NEW]})
        self.keys._check_ring(keyring.get_keyring())
        self.assertEqual(self.keys._lookup_key_ids(), (NEW,))
        self.assertEqual([self.resolve(number) for number in (1, 2, 4)], before)
        for values in ({"fa": self.bank_fa(2)}, {"id": "", "fa": self.bank_fa(2)}):
            self.assertEqual(self.resolve(**values).code, oc.OK)
        self.assertEqual(self.codes(self.link(self.item(2))), [oc.ALREADY_LINKED])
        self.assertEqual(self.codes(self.update(self.item(1, self.bank_fa(9)))), ["ok"])
        self.assertEqual(self.all_periods(1)[0].holder_name, "Amina")
        self.assertEqual(len(self.history(1)), 3)

    def test_number_of_statements_does_not_depend_on_the_chunk(self):
        self.link(
            *(self.item(number, self.bank_fa(number)) for number in range(10, 50))
        )
        self.add_key()
        counts = []
        for limit in (2, 2, 40):
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            chunk = rekeying.rekey_mappings(self.env, 0, limit)
            counts.append(self.env.cr.sql_log_count - before)
            self.assertEqual(chunk.done, limit)
        self.assertLessEqual(counts[2], counts[0])

    def test_row_that_does_not_open_stays(self):
        self.env.cr.execute(
            "UPDATE g2p_spar_mapping SET sealed = %s WHERE id = %s",
            [self.periods(2).sealed, self.periods(4).id],
        )
        self.mappings.invalidate_model()
        self.add_key()
        with self.assertLogs(rekeying.__name__, "ERROR") as logs:
            rotation = self.rotate()
        self.assertIn(str(self.all_periods(4).id), logs.output[0])
        self.assertEqual((rotation.state, rotation.left_count), ("done", 1))
        self.assertEqual(self.keys._lookup_key_ids(), (NEW, self.old.current))
        self.assertEqual(self.resolve(1).code, oc.OK)

    def test_row_of_another_id_type_stays(self):
        """Whoever can write to the database, but has no key, does not have it made a
        sound mapping of another ID."""
        other = self.env["g2p.spar.id.type"].search([("code", "=", "test")])
        before = {}
        for number, id_type_id in ((2, other.id), (4, 10**6)):
            mapping = self.periods(number)
            before[mapping] = mapping.id_key
            self.env.cr.execute(
                "UPDATE g2p_spar_mapping SET id_type_id = %s WHERE id = %s",
                [id_type_id, mapping.id],
            )
        self.mappings.invalidate_model()
        self.add_key()
        with self.assertLogs(rekeying.__name__, "ERROR"):
            rotation = self.rotate()
        self.assertEqual((rotation.state, rotation.left_count), ("done", 2))
        self.assertEqual({mapping: mapping.id_key for mapping in before}, before)

    def test_pause_and_resume(self):
        self.add_key()
        rotation = self.env["g2p.spar.key.rotation"].create({})
        enqueue = patch.object(type(rotation), "_enqueue", lambda self: None)
        with enqueue, patch.object(key_rotation, "CHUNK", 1):
            rotation.action_start()
            rotation._job_rotate(rotation.run)
            rotation.action_pause()
            done = rotation.mapping_count
            rotation._job_rotate(rotation.run)
            self.assertEqual(rotation.mapping_count, done)
            stale = rotation.run
            rotation.action_resume()
            rotation._job_rotate(stale)
            self.assertEqual(rotation.mapping_count, done)
            rotation._job_rotate(rotation.run)
            self.assertEqual(rotation.mapping_count, done + 1)
            with self.assertRaises(UserError):
                rotation.action_start()

    @mute_logger("odoo.addons.base.models.ir_model")
    def test_for_administrators(self):
        rotations = self.env["g2p.spar.key.rotation"]
        for role in ("officer", "auditor", "steward", "employee"):
            with self.subTest(role=role), self.assertRaises(AccessError):
                rotations.with_user(self.users[role]).create({})
        self.assertTrue(rotations.with_user(self.users["administrator"]).create({}))
        for role in ("officer", "steward", "employee"):
            with self.subTest(role=role), self.assertRaises(AccessError):
                self.keys.with_user(self.users[role]).search([])

    # ------------------------------------------------------------------ a third key

    def test_rotation_ends_on_a_server_with_the_older_key(self):
        """What a newer key has is not moved back, and it stays in use."""
        ring = self.add_key()
        rotation = self.start()
        rotation._job_rotate(rotation.run)
        ring = self.add_third_key()
        self.link(self.item(5))
        self.use_ring(NEW, ring.keys)
        self.end(rotation)
        self.assertEqual(rotation.state, "superseded")
        self.assertEqual(self.key_ids(5), [THIRD])
        states = {self.old.current: "older", NEW: "older", THIRD: "current"}
        self.assertEqual(self.states(), states)
        self.use_ring(THIRD, ring.keys)
        self.link(self.item(6))
        self.use_ring(NEW, ring.keys)
        self.assertEqual(self.resolve(6).code, oc.OK)
        without = keyring.KeyRing(NEW, ring.keys.copy())
        del without.keys[THIRD]
        with self.assertRaises(WrongKeyError):
            self.keys._check_ring(without)

    def test_only_older_keys_are_retired(self):
        self.add_key()
        self.use_ring(self.old.current, keyring.get_keyring().keys)
        self.keys._retire_older()
        in_use = self.keys.search([("is_retired", "=", False)]).mapped("key_id")
        self.assertEqual(in_use, [NEW])

    def test_a_third_key_takes_the_place_of_a_rotation(self):
        self.add_key()
        rotation = self.start()
        rotation._job_rotate(rotation.run)
        rotation.action_pause()
        self.add_third_key()
        second = self.rotate()
        self.assertEqual((second.state, second.left_count), ("done", 0))
        self.assertEqual(rotation.state, "superseded")
        self.assertEqual({*self.key_ids(1, 2, 3, 4)}, {THIRD})
        states = {self.old.current: "retired", NEW: "retired", THIRD: "current"}
        self.assertEqual(self.states(), states)
        with self.assertRaises(UserError):
            rotation.action_resume()

    def test_no_start_on_a_server_with_an_older_key(self):
        ring = self.add_key()
        self.use_ring(self.old.current, ring.keys)
        with self.assertRaisesRegex(UserError, self.old.current):
            self.start()

    def test_a_server_that_has_not_begun_anew_leaves_it_to_others(self):
        ring = self.add_key()
        rotation = self.start()
        self.use_ring(self.old.current, ring.keys)
        rotation._job_rotate(rotation.run)
        self.assertEqual((rotation.state, rotation.mapping_count), ("paused", 0))
        self.use_ring(NEW, ring.keys)
        rotation.action_resume()
        self.end(rotation)
        self.assertEqual(rotation.state, "done")

    def test_what_an_older_server_sealed_meanwhile_is_moved(self):
        ring = self.add_key()
        load = self.env["g2p.spar.import"].create({"name": "List"})
        rotation = self.start()
        while rotation.model != "g2p.spar.import.row":  # the one behind
            rotation._job_rotate(rotation.run)
        token = self.old.seal(f"g2p_spar_import_part:{load.id}:0", b"id,fa")
        self.env.cr.execute(
            "ALTER TABLE g2p_spar_import_part DISABLE TRIGGER USER;"
            " INSERT INTO g2p_spar_import_part (import_id, number, size, sealed)"
            " VALUES (%s, 0, 5, %s)",
            [load.id, token],
        )
        self.end(rotation)
        self.assertEqual((rotation.state, rotation.left_count), ("done", 0))
        self.assertEqual(self.states()[self.old.current], "retired")
        self.use_ring(NEW, {NEW: ring.keys[NEW]})
        self.assertEqual(load._open_file().read(), b"id,fa")

    def test_the_database_refuses_older_keys_in_each_sealed_column(self):
        for name in rekeying.sealed_models(self.env):
            model = self.env[name]
            self.env.cr.execute(
                "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass",
                [model._table],
            )
            columns = [field.name for field in rekeying._sealed_fields(model)]
            wanted = {
                f"refuse_older_{column}"
                for column in columns or rekeying.OWN_COLUMNS[name]
            }
            self.assertLessEqual(wanted, {name for (name,) in self.env.cr.fetchall()})

    def test_sealed_rows_are_put_back_from_a_dump(self):
        """pg_restore fills the tables there are without any search path."""
        load = self.env["g2p.spar.import"].create({"name": "List"})
        token = self.old.seal(f"g2p_spar_import_part:{load.id}:0", b"id,fa")
        self.env.cr.execute(
            "SET LOCAL search_path = '';"
            " INSERT INTO public.g2p_spar_import_part (import_id, number, size, sealed)"
            " VALUES (%s, 0, 5, %s);"
            " SET LOCAL search_path = DEFAULT",
            [load.id, token],
        )
        self.assertEqual(load._open_file().read(), b"id,fa")

    def test_a_mixin_with_a_sealed_field_has_no_table_to_guard(self):
        sealed = self.env["g2p.spar.signing.key"]._fields["private_pem"]
        with patch.object(rekeying, "_sealed_fields", lambda model: [sealed]):
            self.env["g2p.spar.mapping.form"]._auto_init()

    def test_a_key_that_was_retired_too_early_is_in_use_again(self):
        self.add_key()
        self.keys._retire_older()
        self.assertEqual(self.resolve(1).code, oc.NOT_LINKED)
        rotation = self.start()
        self.assertEqual(self.states()[self.old.current], "older")
        self.assertEqual(self.resolve(1).code, oc.OK)
        self.end(rotation)
        self.assertEqual(self.states()[self.old.current], "retired")
        self.assertEqual(self.resolve(1).code, oc.OK)

    def test_no_start_without_a_key_of_rows_that_was_retired(self):
        """In use again, a key that nobody has would stop every server."""
        self.add_key()
        self.keys._retire_older()
        ring = self.use_ring(NEW, {NEW: NEW_KEY})
        with self.assertRaisesRegex(UserError, self.old.current):
            self.start()
        key = self.keys.search([("key_id", "=", self.old.current)])
        self.assertTrue(key.is_retired)
        self.keys._check_ring(ring)

    # ------------------------------------------------------------------ wrong keys

    def test_wrong_key_is_refused(self):
        current = self.old.current
        swapped = keyring.KeyRing(current, self.old.keys | {current: NEW_KEY})
        without = keyring.KeyRing(NEW, {NEW: NEW_KEY})
        for ring in (swapped, without):
            with self.assertRaises(WrongKeyError) as caught:
                self.keys._check_ring(ring)
            self.assertIn(current, caught.exception.message)
        self.keys._check_ring(self.old)
        self.assertFalse(self.keys.search([("key_id", "=", NEW)]))

    def test_a_new_key_is_noted(self):
        self.add_key()
        key = self.keys.search([("key_id", "=", NEW)])
        self.assertEqual(key.state, "current")
        self.assertNotIn(NEW_KEY.hex()[:16], key.fingerprint)
        older = self.keys.search([("key_id", "=", self.old.current)])
        self.assertEqual(older.state, "older")

    def test_resolve_of_both_in_one_statement(self):
        self.add_key()
        items = [ResolveItem(wire_id(number)) for number in (1, 2)]
        self.mapper._resolve(items, self.actor)
        with self.assertQueryCount(1):
            self.mapper._resolve(items, self.actor)
