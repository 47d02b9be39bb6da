# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import json

from odoo.tests import tagged

from .. import verification
from ..models import ledger_check
from .ledger_case import LedgerCase


@tagged("post_install", "-at_install")
class TestLedgerBounds(LedgerCase):
    """A check sees all rows, wherever somebody has put or removed them."""

    def add_copy(self, record, **values):
        """Forge a row from another one."""
        table = record._table
        self.tamper(
            f"INSERT INTO {table} SELECT (jsonb_populate_record(t, %s)).*"
            f" FROM {table} t WHERE id = %s",
            *(json.dumps(values), record.id),
        )

    def test_end_of_the_ledger_cut_off(self):
        """The check goes as far as any before, though no row is left there."""
        self.patch(verification, "BLOCK", 8)
        self.patch(ledger_check, "BLOCK", 8)
        mapping = self.periods(4)
        for _until_a_new_block in range(8):
            self.mapper._record_reveal(mapping, self.actor, "Test")
        self.check()
        events = self.history(4)
        last_id = events[-1].id
        cut = events.filtered(lambda event: event.id >= last_id - last_id % 8)
        ids, head = cut.ids, cut[0].previous_hash
        self.tamper("DELETE FROM g2p_spar_mapping_event WHERE id = ANY(%s)", ids)
        self.tamper(
            "UPDATE g2p_spar_mapping SET head = %s WHERE id = %s", head, mapping.id
        )
        self.tamper("SELECT setval('g2p_spar_mapping_event_id_seq', %s)", ids[0] - 1)
        for _every_time in range(2):
            self.assertFinds(*(("deleted", 0, id_) for id_ in ids))

    def test_ledger_row_outside_of_the_sequence(self):
        """It takes an account away: no look-up finds that any more."""
        mapping, link = self.periods(4), self.history(4)
        self.tamper(
            "UPDATE g2p_spar_mapping SET state = 'closed', closed_at = opened_at"
            " WHERE id = %s",
            mapping.id,
        )
        for id_ in (-(2**31), -1, 2**31 - 1):
            with self.subTest(id=id_), self.env.cr.savepoint() as savepoint:
                self.add_copy(
                    link, id=id_, mapping_id=0, previous_mapping_id=mapping.id
                )
                self.assertFinds(("event", 0, id_))
                savepoint.rollback()

    def test_mapping_outside_of_the_sequence(self):
        """It cannot be read, but its ID cannot be linked any more."""
        for id_ in (-(2**31), 0):
            self.add_copy(self.periods(4), id=id_, id_key=f"taken {id_}")
        self.assertFinds(("no_event", -(2**31), 0), ("no_event", 0, 0))
