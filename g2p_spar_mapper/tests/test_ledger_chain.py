# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo.tests import tagged

from odoo.addons.g2p_spar_bank_directory.exceptions import SparRejectedError

from .. import ledger
from .common import MapperCommon


@tagged("post_install", "-at_install")
class TestLedgerChain(MapperCommon):
    """Each ledger row is hashed together with the one before it."""

    def rows(self, number=1):
        columns = ", ".join(f'"{name}"' for name in ledger.COLUMNS)
        self.env.cr.execute(
            f"SELECT {columns}, hash FROM g2p_spar_mapping_event"
            " WHERE mapping_id = ANY(%s) ORDER BY id",
            [self.periods(number).ids],
        )
        return [(row[:-1], row[-1]) for row in self.env.cr.fetchall()]

    def assertChained(self, number=1):  # noqa: N802
        get_hashes = ledger.hasher()
        previous = None
        for values, stored in self.rows(number):
            self.assertEqual(get_hashes([values]), [stored])
            self.assertEqual(values[-1], previous)
            previous = stored
        return previous

    def test_every_column_is_under_the_hash(self):
        columns = set(self.events._fields) & {
            name for name, field in self.events._fields.items() if field.store
        }
        self.assertEqual(columns - set(ledger.COLUMNS), {"hash"})
        self.link(self.item(reference="r"))
        ((values, stored),) = self.rows()
        get_hashes = ledger.hasher()
        for place, name in enumerate(ledger.COLUMNS):
            changed = list(values)
            changed[place] = 1 if isinstance(values[place], str) else "x"
            self.assertNotEqual(get_hashes([changed]), [stored], name)

    def test_references_with_signs_of_their_own(self):
        """Of JSON, of CSV and of PostgreSQL's text format."""
        references = ['a"b\\c', "\\N", "null", "],[", "{x,y}", "%s", "•"]
        items = [
            self.item(number, reference=reference)
            for number, reference in enumerate(references)
        ]
        self.link(*items)
        self.update(*(item._replace(fa=self.wallet_fa()) for item in items))
        for number, reference in enumerate(references):
            self.assertChained(number)
            self.assertEqual(self.history(number).mapped("reference"), [reference] * 2)

    def test_chain_of_a_mapping(self):
        self.link(self.item(reference="r1"), self.item(2))
        self.assertChained()
        self.update(
            self.item(fa=self.bank_fa(2)),
            self.item(fa=self.bank_fa(3), consent="C-1"),
            self.item(2, self.wallet_fa()),
        )
        head = self.assertChained()
        self.assertEqual(len(self.rows()), 3)
        self.assertEqual(self.periods()[-1].head, head)
        self.assertEqual(self.history()[-1].consent, "C-1")
        self.remove(1)
        head = self.assertChained()
        self.assertEqual(self.periods()[-1].head, head)
        self.assertChained(2)

    def test_new_link_starts_a_chain(self):
        self.link(self.item())
        self.remove(1)
        self.link(self.item())
        self.assertFalse(self.history()[-1].previous_hash)

    def test_reveal_is_recorded(self):
        self.link(self.item())
        mapping = self.periods().with_user(self.users["officer"])
        self.mapper._record_reveal(mapping, self.actor, " He is at my desk ")
        event = self.history()[-1]
        self.assertEqual(
            (event.verb, event.reason, event.user_id, event.mapping_id),
            ("reveal", "He is at my desk", self.users["officer"], self.periods()),
        )
        self.assertEqual(self.periods().state, "active")
        self.assertEqual(self.periods().head, event.hash)
        self.assertChained()
        # a change goes on from there
        self.update(self.item(fa=self.wallet_fa()))
        self.assertChained()
        for _again in range(2):  # past periods, too
            self.mapper._record_reveal(self.periods()[0], self.actor, "Audit")
        self.assertEqual(self.periods()[0].state, "closed")
        self.assertEqual(self.history()[-1].mapping_id, self.periods()[0])

    def test_reveal_needs_a_reason(self):
        self.link(self.item(), self.item(2))
        both = self.periods() + self.periods(2)
        for mapping, reason in (
            (self.periods(), " \x00"),
            (both, "why"),
            (self.mappings, "why"),
        ):
            with self.assertRaises(SparRejectedError):
                self.mapper._record_reveal(mapping, self.actor, reason)
        self.assertEqual(len(self.history()), 1)
