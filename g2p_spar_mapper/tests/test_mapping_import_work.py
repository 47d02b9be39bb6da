# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo.exceptions import UserError
from odoo.tests import tagged

from .. import reads
from ..models import mapping_import_check
from .common import wire_id
from .import_case import ImportCase
from .key_case import KeyCase


@tagged("post_install", "-at_install")
class TestMappingImportWork(KeyCase, ImportCase):
    """A check that is interrupted, and what it leaves."""

    def test_a_check_that_was_halted_goes_on(self):
        """What a piece had staged before it could not go on is not staged twice."""
        self.patch(mapping_import_check, "CHUNK", 1)
        wallet = f"{wire_id(2)},mobile_wallet,MTWALLET,,+254712000002,N"
        load = self.upload(self.csv([1, wallet, 3]))
        load.action_check()
        self.set_wallet_format("retired")
        self.work(load)
        self.assertEqual((load.state, load.halt), ("checking", "failed"))
        self.assertIn("cannot be written", load.failure)
        self.set_wallet_format("active")
        load.action_continue()
        self.work(load)
        self.assertEqual(self.counts(load), (3, 3, 0, 0, 0))

    def set_wallet_format(self, state):
        """As another server does: the forms would not let it be retired in use."""
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE g2p_spar_strategy SET state = %s WHERE id = %s",
            [state, self.mobile_type.strategy_id.id],
        )
        self.env.invalidate_all()
        self.env.registry.clear_cache()

    def test_another_key_becomes_current_during_the_check(self):
        """Rows under two keys would not be found to be of the same ID."""
        rows = [1, 7, f"{wire_id(7)},bank,MTBANK,MT001,{10**11 + 777},Other"]
        load = self.upload(self.csv(rows), mode="both")
        load.action_check()
        self.patch(mapping_import_check, "SECONDS", -100)
        self.work(load, pieces=2)
        self.assertEqual((load.state, load.row_count), ("checking", 2))
        self.env["g2p.spar.key"]._check_ring(self.add_key())
        self.env.registry.clear_cache()
        self.work(load)
        self.assertEqual(self.counts(load), (3, 1, 0, 0, 2))
        self.assertEqual(
            self.rows(load), [(3, "id", "duplicate"), (4, "id", "duplicate")]
        )

    def test_a_check_is_accounted_for(self):
        """It says which IDs have an account, and whether it is the one of the file."""
        reads.flush(self.env.cr)
        last = self.env["g2p.spar.read"].search([], limit=1).id or 0
        self.link(self.item(1, self.bank_fa(1)), self.item(2))
        load = self.check(self.csv([1, 2, 3, "bad,bank,MTBANK,MT001,1,x"]))
        reads.flush(self.env.cr)
        read = self.env["g2p.spar.read"].search([("id", ">", last)])
        self.assertEqual(
            (read.channel, read.user_id, read.purpose, read.transaction, read.scope),
            ("import", self.uploader, load.name, load.reference, "yes_no"),
        )
        self.assertEqual((read.id_count, read.found_count), (3, 2))

    def test_a_checked_import_is_kept(self):
        self.upload(self.csv([1])).unlink()
        load = self.check(self.csv([1]))
        for action in None, "action_draft", "action_cancel":
            if action:
                getattr(load, action)()
            with self.assertRaisesRegex(UserError, "record"):
                load.unlink()
