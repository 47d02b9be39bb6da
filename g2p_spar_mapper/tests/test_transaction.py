# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .. import keyring, rekeying, replay
from ..models.transaction import CONTENT_DAYS_KEPT, DAYS_KEPT
from .api_case import ASYNC_ROOTS, ApiCase
from .common import MapperCommon
from .key_case import NEW, NEW_KEY, KeyCase

ID = "token:spartest-1@nationalId"


@tagged("post_install", "-at_install")
class TestTransactionCleanUp(ApiCase):
    def send(self, operation="unlink", **header):
        self.call(operation, [self.item(ID)], **header)
        return self.env["g2p.spar.transaction"].search([], limit=1)

    def make_older(self, row, **age):
        at = fields.Datetime.now() - timedelta(**age)
        self.env.cr.execute(
            "UPDATE g2p_spar_transaction SET received_at = %s WHERE id = %s",
            [at, row.id],
        )
        self.env.invalidate_all()

    def clean_up(self):
        done = self.env["g2p.spar.transaction"]._gc_messages()
        self.assertFalse(done[1])
        self.env.invalidate_all()

    def test_contents_go_first(self):
        row = self.send()
        self.make_older(row, days=CONTENT_DAYS_KEPT - 1)
        self.clean_up()
        self.assertTrue(row._contents("answer"))
        self.make_older(row, days=CONTENT_DAYS_KEPT + 1)
        self.clean_up()
        self.assertIsNone(row._contents("answer"))
        self.make_older(row, days=DAYS_KEPT + 2)
        self.clean_up()
        self.assertFalse(row.exists())

    def test_answer_that_is_not_kept(self):
        """A copy that comes so late is refused, not processed."""
        message = self.message("unlink", [self.item(ID)])
        self.post("unlink", message)
        row = self.env["g2p.spar.transaction"].search([], limit=1)
        self.make_older(row, days=CONTENT_DAYS_KEPT + 1)
        self.clean_up()
        header = self.post("unlink", message).json()["header"]
        self.assertEqual(header["status"], "rjct")
        self.assertEqual(header["status_reason_code"], replay.FORGOTTEN.code)

    def test_unfinished_messages_stay(self):
        row = self.send()
        self.env.cr.execute("UPDATE g2p_spar_transaction SET state = 'rcvd'")
        self.make_older(row, days=DAYS_KEPT + 1)
        self.clean_up()
        self.assertTrue(row._contents("answer"))

    def test_look_ups_go_when_they_can_not_come_again(self):
        row = self.send("resolve", sender_id="strict")
        self.make_older(row, hours=47)
        self.clean_up()
        self.assertTrue(row.exists())
        self.make_older(row, hours=49)
        self.clean_up()
        self.assertFalse(row.exists())

    def test_time_of_signed_messages(self):
        """They are accepted for as long, and may be up to a day ahead."""
        row = self.send()
        self.make_older(row, days=DAYS_KEPT, hours=23)
        self.clean_up()
        self.assertTrue(row.exists())

    def test_never_forgotten_while_acceptable(self):
        set_parameter = self.env["ir.config_parameter"].set_param
        set_parameter("g2p_spar_mapper.days_kept", "1")
        set_parameter("g2p_spar_mapper.message_hours_back", "72")
        row = self.send()
        self.make_older(row, days=3)
        self.clean_up()
        self.assertTrue(row.exists())
        self.make_older(row, days=5)
        self.clean_up()
        self.assertFalse(row.exists())


@tagged("post_install", "-at_install")
class TestTransactionKeys(KeyCase, ApiCase):
    def test_contents_move_to_a_new_key(self):
        transactions = self.env["g2p.spar.transaction"]
        sent = self.message("unlink", [self.item(ID)], sender_id="strict")
        answer = self.post("unlink", sent).content
        waiting = self.row(self.post_async("link", [self.item(ID, fa=self.fa())]))
        self.assertIn("g2p.spar.transaction", rekeying.sealed_models(self.env))
        ring = self.add_key()
        self.assertEqual(self.post("unlink", sent).content, answer)
        first = rekeying.rekey(transactions, 0, 1)
        self.assertEqual((first.done, first.left), (1, 0))
        self.assertEqual(rekeying.rekey(transactions, first.last_id, 10).done, 1)
        self.assertEqual(rekeying.rekey(transactions, 0, 10), (0, 0, 0))
        self.use_ring(NEW, {NEW: ring.keys[NEW]})
        self.env.invalidate_all()
        self.assertEqual(
            transactions.browse(waiting.id - 1)._contents("answer"), answer
        )
        self.assertIn(b"spartest-1", waiting._contents("request"))

    @mute_logger("odoo.sql_db", "odoo.addons.g2p_spar_mapper.faults")
    def test_a_server_with_an_older_key_goes_on_with_look_ups(self):
        old = keyring.get_keyring().current
        self.call("link", [self.item(ID, fa=self.fa())])
        ring = self.add_key()
        self.env["g2p.spar.key"]._check_ring(ring)
        self.use_ring(old, ring.keys)
        message = self.message("resolve", [self.item(ID)], sender_id="strict")
        self.assertEqual(self.post("resolve", message).status_code, 200)
        count = self.env["g2p.spar.transaction"].search_count([])
        message = self.message("unlink", [self.item(ID)])
        reply = self.post("unlink", message, ASYNC_ROOTS[0])
        self.assertEqual(reply.status_code, 503)
        self.assertIn("Retry-After", reply.headers)
        self.assertEqual(self.env["g2p.spar.transaction"].search_count([]), count)

    def test_what_does_not_open_is_named_and_left(self):
        self.post("unlink", self.message("unlink", [self.item(ID)]))
        self.use_ring(NEW, {NEW: NEW_KEY})
        logger = "odoo.addons.g2p_spar_mapper.models.transaction"
        with self.assertLogs(logger, "ERROR") as log:
            chunk = rekeying.rekey(self.env["g2p.spar.transaction"], 0, 10)
        self.assertEqual((chunk.done, chunk.left), (0, 1))
        self.assertNotIn("spartest", str(log.output))


@tagged("post_install", "-at_install")
class TestTransactionAccess(MapperCommon):
    def test_who_may_read(self):
        messages = self.env["g2p.spar.transaction"]
        for role, user in self.users.items():
            with self.subTest(role=role):
                if role in ("auditor", "administrator"):
                    messages.with_user(user).search_read([], ["client_name", "state"])
                else:
                    with self.assertRaises(AccessError):
                        messages.with_user(user).search_read([], ["state"])

    def test_nobody_reads_contents_or_changes_rows(self):
        for role in ("auditor", "administrator"):
            messages = self.env["g2p.spar.transaction"].with_user(self.users[role])
            for name in ("request", "answer", "digest", "replay_key"):
                with self.subTest(role=role, name=name):
                    with self.assertRaises(AccessError):
                        messages.search_read([], [name])
                    with self.assertRaises(AccessError):
                        messages.search([(name, "!=", False)])
            with self.assertRaises(AccessError):
                messages.create({"message_id": "m"})
