# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import MapperCommon


@tagged("post_install", "-at_install")
class TestDirectoryInUse(MapperCommon):
    """Providers and branches of which addresses were linked."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.steward = cls.users["steward"]
        cls.used = cls.bank.with_user(cls.steward)
        cls.used_branch, cls.free_branch = cls.branches.with_user(cls.steward)
        cls.free = cls.wallet.with_user(cls.steward)

    def setUp(self):
        super().setUp()
        self.link(self.item())

    def assert_stays(self):
        found = self.resolve()
        self.assertEqual((found.fsp_code, found.branch_code), ("MTBANK", "MT001"))

    def test_code_stays(self):
        """A code given to another provider would send the money there."""
        for entry, vals in (
            (self.used, {"code": "MTOLD"}),
            (self.used | self.free, {"code": "MTOLD"}),
            (self.used_branch, {"code": "MT009"}),
            (self.used_branch, {"fsp_id": self.free.id}),
        ):
            with self.subTest(vals=vals):
                with self.assertRaises(UserError) as caught:
                    entry.write(vals)
                self.assertIn("Archive", str(caught.exception))
                self.assert_stays()

    def test_code_of_the_past_stays(self):
        self.remove(1)
        for entry in self.used, self.used_branch:
            with self.assertRaises(UserError):
                entry.code = "MTOLD"

    def test_the_rest_changes(self):
        self.used.write({"code": "MTBANK", "name": "Renamed", "active": False})
        self.used_branch.write(
            {"code": "MT001", "fsp_id": self.used.id, "name": "Moved"}
        )
        self.assert_stays()
        self.assertEqual(self.resolve().fsp_name, "Renamed")

    def test_unused_codes_change(self):
        self.free.code = "MTFREE"
        self.free_branch.write({"code": "MT010", "fsp_id": self.free.id})
        self.assertEqual(self.free_branch.fsp_id.code, "MTFREE")

    def test_others_learn_nothing(self):
        """Who may not write is told that, whether there are mappings or not."""
        for entry in self.bank, self.wallet:
            with self.assertRaises(AccessError):
                entry.with_user(self.users["employee"]).code = "MTOLD"

    @mute_logger("odoo.sql_db")
    def test_entries_stay(self):
        for entry in self.used, self.used_branch:
            with self.assertRaises(IntegrityError), self.env.cr.savepoint():
                entry.unlink()
