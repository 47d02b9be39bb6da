# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo.tests import tagged
from odoo.tools import mute_logger

from .. import outcomes as oc
from .. import store
from ..outcomes import LinkItem, ResolveItem, UnlinkItem
from .common import MapperCommon, wire_id


@tagged("post_install", "-at_install")
class TestMapperBatches(MapperCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.fa = cls.bank_fa(5)
        cls.fa_start, _sep, cls.fa_end = cls.fa.partition("100000000005")

    def many(self, count, offset):
        """``count`` links, each with its own account."""
        return [
            LinkItem(
                wire_id(f"{count}-{number}"),
                f"{self.fa_start}{200000000000 + number + offset}{self.fa_end}",
                name="Amina",
                reference=f"r{number}",
            )
            for number in range(count)
        ]

    def count_queries(self, count):
        """Statements that each verb takes for ``count`` items, all of them done."""
        new, other = self.many(count, 0), self.many(count, count)
        calls = {
            "link": (self.mapper._link, new),
            "link again": (self.mapper._link, new),
            "resolve": (
                self.mapper._resolve,
                [ResolveItem(item.id, item.fa) for item in new],
            ),
            "resolve by fa": (
                self.mapper._resolve,
                [ResolveItem(fa=item.fa) for item in new],
            ),
            "update": (self.mapper._update, other),
            "update twice": (self.mapper._update, new + other),
            "unlink": (
                self.mapper._unlink,
                [UnlinkItem(item.id, item.fa) for item in other],
            ),
        }
        counts = {}
        for name, (verb, items) in calls.items():
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            outcomes = verb(items, self.actor)
            counts[name] = self.env.cr.sql_log_count - before
            expected = oc.ALREADY_LINKED if name == "link again" else oc.OK
            self.assertEqual(set(self.codes(outcomes)), {expected}, name)
        return counts

    def test_refused_links_use_no_ids_up(self):
        """Their number is limited, and who links everybody again each night is not."""
        linked = self.many(3, 0)
        self.mapper._link(linked, self.actor)
        before = self.last_ids()
        self.mapper._link(linked, self.actor)
        self.assertEqual(self.last_ids(), before)
        self.mapper._link([*linked, *self.many(2, 0)], self.actor)
        self.assertEqual(self.last_ids(), tuple(last + 2 for last in before))

    def last_ids(self):
        self.env.cr.execute(
            "SELECT m.last_value, e.last_value FROM g2p_spar_mapping_id_seq m,"
            " g2p_spar_mapping_event_id_seq e"
        )
        return self.env.cr.fetchone()

    def test_number_of_statements_does_not_depend_on_the_batch(self):
        self.count_queries(1)  # fills the caches of ID types and formats
        self.assertEqual(self.count_queries(10), self.count_queries(1000))

    def test_statements_of_a_resolve(self):
        items = self.many(10, 0)
        self.link(*items)
        found = [ResolveItem(item.id) for item in items]
        self.mapper._resolve(found, self.actor)
        with self.assertQueryCount(1):
            self.mapper._resolve(found, self.actor)

    def test_resolve_creates_no_records(self):
        self.link(self.item())
        self.env.invalidate_all()
        self.resolve()
        for model in (self.mappings, self.env["g2p.spar.fsp"]):
            self.assertFalse(
                self.env.cache.get_records(model, model._fields["display_name"])
            )

    @mute_logger("odoo.sql_db")
    def test_item_that_the_database_refuses(self):
        """The others stand; the refused one may be tried again."""
        self.env.cr.execute(
            "ALTER TABLE g2p_spar_mapping ADD CONSTRAINT mapper_test_poison "
            "CHECK (branch_code <> 'MT002')"
        )
        items = [
            self.item(number, self.bank_fa(branch=int(number in (3, 7))))
            for number in range(10)
        ]
        expected = [oc.RETRY if number in (3, 7) else oc.OK for number in range(10)]
        with self.assertLogs("odoo.addons.g2p_spar_mapper", "ERROR") as logs:
            outcomes = self.link(*items)
        self.assertEqual(self.codes(outcomes), expected)
        for number in range(10):
            self.assertEqual(len(self.periods(number)), int(number not in (3, 7)))
        self.assertEqual(len(logs.output), 2)
        for line in logs.output:
            self.assertIn("mapper_test_poison", line)
            self.assertNotIn("MT002", line)
            self.assertNotIn("spartest", line)

    @mute_logger("odoo.sql_db", "odoo.addons.g2p_spar_mapper.models.mapper")
    def test_update_of_an_id_with_two_live_mappings(self):
        """Damage that no race explains: the others of the batch are changed."""
        self.link(self.item(1), self.item(2))
        stays = f" AND id <> {self.periods(1).id}"
        self.patch(store, "CLOSE_PERIODS", store.CLOSE_PERIODS + stays)
        outcomes = self.update(
            self.item(1, self.wallet_fa()), self.item(2, self.wallet_fa())
        )
        self.assertEqual(self.codes(outcomes), [oc.RETRY, oc.OK])
        self.assertEqual(self.resolve(1).fa, self.bank_fa())
        self.assertEqual(self.resolve(2).fa, self.wallet_fa())

    @mute_logger("odoo.sql_db", "odoo.addons.g2p_spar_mapper.models.mapper")
    def test_refused_update_keeps_the_old_account(self):
        self.env.cr.execute(
            "ALTER TABLE g2p_spar_mapping ADD CONSTRAINT mapper_test_poison "
            "CHECK (branch_code <> 'MT002')"
        )
        self.link(self.item(1), self.item(2))
        outcomes = self.update(
            self.item(1, self.wallet_fa()),
            self.item(2, self.bank_fa(branch=1)),
        )
        self.assertEqual(self.codes(outcomes), [oc.OK, oc.RETRY])
        self.assertEqual(self.resolve(1).fa, self.wallet_fa())
        self.assertEqual(self.resolve(2).fa, self.bank_fa())
        self.assertEqual(self.history(2).mapped("verb"), ["link"])
