# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo.tests import tagged

from odoo.addons.g2p_spar_bank_directory.exceptions import SparIntegrityError

from .. import outcomes as oc
from ..outcomes import ResolveItem
from .common import MapperCommon, wire_id

LOGGER = "odoo.addons.g2p_spar_mapper.batch"


@tagged("post_install", "-at_install")
class TestSealing(MapperCommon):
    """What a mapping keeps of a person is readable in its own row only."""

    def swap(self, one, other, columns="sealed"):
        """Give the row of one ID these columns of another's, as a thief would."""
        columns = columns.split()
        self.env.cr.execute(
            f"UPDATE g2p_spar_mapping m SET ({', '.join(columns)}) = ROW("
            f"{', '.join('o.' + column for column in columns)})"
            " FROM g2p_spar_mapping o WHERE m.id = %s AND o.id = %s",
            [self.periods(one)[-1].id, self.periods(other)[-1].id],
        )
        self.mappings.invalidate_model()

    def test_row_holds_no_clear_value(self):
        self.link(
            self.item(
                name="Amina Juma",
                phone="+255712345678",
                additional_info=[{"a": "secret info"}],
            )
        )
        for table, row_id in (
            ("g2p_spar_mapping", self.periods().id),
            ("g2p_spar_mapping_event", self.history().id),
        ):
            self.env.cr.execute(
                f"SELECT {table}::text FROM {table} WHERE id = %s", [row_id]
            )
            row = self.env.cr.fetchone()[0]
            for value in (
                *("spartest", "100000000001", "Amina", "712345678", "secret info"),
                *("account_number", "nationalId"),
            ):
                self.assertNotIn(value, row)

    def test_equal_values_are_sealed_differently(self):
        self.link(self.item())
        first = self.periods().sealed
        self.remove(1)
        self.link(self.item())
        self.assertNotIn(first.partition(":")[2], self.periods()[-1].sealed)

    def test_numbers_of_any_size_come_back(self):
        info = [{"big": 2**80, "small": -(2**70), "float": 0.1, "none": None}]
        self.link(self.item(additional_info=info))
        self.assertEqual(self.resolve().additional_info, info)

    def test_content_of_another_row_is_refused(self):
        """The item is refused, the others stand, the log names the row only."""
        for columns in ("sealed", "fa_key", "id_type_id head sealed"):
            with self.subTest(columns=columns):
                self.link(self.item(1), self.item(2, self.wallet_fa()), self.item(3))
                self.swap(1, 2, columns)
                items = [oc.ResolveItem(wire_id(number)) for number in (1, 2, 3)]
                with self.assertLogs(LOGGER, "ERROR") as logs:
                    found = self.mapper._resolve(items, self.actor)
                self.assertEqual(self.codes(found), [oc.REJECTED, oc.OK, oc.OK])
                self.assertEqual(
                    found[0], oc.Outcome(oc.REJECTED, wire_id(1), "", found[0].message)
                )
                self.assertEqual(len(logs.output), 1)
                self.assertIn(str(self.periods(1)[-1].id), logs.output[0])
                self.assertNotIn("spartest", logs.output[0])
                self.assertNotIn("1000", logs.output[0])
                self.assertEqual(self.resolve(scope=oc.YES_NO).code, oc.OK)
                self.remove(1, 2, 3)

    def test_update_of_an_unreadable_row(self):
        """What has to be kept cannot be read, so nothing is changed."""
        self.link(self.item(name="Amina"), self.item(2, self.wallet_fa()))
        self.swap(1, 2)
        with self.assertLogs(LOGGER, "ERROR"):
            done = self.update(
                self.item(fa=self.bank_fa(7)), self.item(2, self.bank_fa(8))
            )
        self.assertEqual(self.codes(done), [oc.REJECTED, oc.OK])
        self.assertEqual(len(self.periods(1)), 1)
        # with everything given nothing has to be read: this mends the row
        whole = self.item(fa=self.bank_fa(7), name="Amina", phone="+255712345678")
        self.assertEqual(self.codes(self.update(whole)), [oc.OK])
        self.assertEqual(self.resolve().fa, self.bank_fa(7))

    def test_unreadable_row_on_screens(self):
        self.link(self.item(name="Amina"), self.item(2, self.wallet_fa()))
        self.swap(1, 2)
        mapping = self.periods().with_user(self.users["officer"]).sudo(False)
        self.assertEqual(mapping.holder_name, "(changed outside of the registry)")
        self.assertEqual(mapping.period_count, 1)
        with self.assertRaises(SparIntegrityError):
            mapping._get_wire_id()

    def test_unknown_key_is_no_fault_of_the_others(self):
        self.link(self.item(1), self.item(2))
        self.env.cr.execute(
            "UPDATE g2p_spar_mapping SET sealed = 'nokey:AAAA' WHERE id = %s",
            [self.periods(1).id],
        )
        self.link(self.item(3, self.wallet_fa()))
        items = [ResolveItem(wire_id(number)) for number in (2, 1, 3)]
        with self.assertLogs(LOGGER, "ERROR"):
            found = self.mapper._resolve(items, self.actor)
        self.assertEqual(self.codes(found), [oc.OK, oc.REJECTED, oc.OK])
        fas = [outcome.fa for outcome in found]
        self.assertEqual(fas, [self.bank_fa(), "", self.wallet_fa()])

    def test_holder_is_no_search_term(self):
        """Names cannot be guessed by searching."""
        self.link(self.item(name="Amina"))
        officer = self.mappings.with_user(self.users["officer"])
        with self.assertRaises(ValueError):
            officer.search([("holder_name", "like", "Ami")])
        with self.assertRaises(ValueError):
            officer.search([], order="holder_name")
