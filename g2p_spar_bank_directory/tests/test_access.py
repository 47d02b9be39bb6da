# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo.exceptions import AccessError
from odoo.tests import tagged

from .common import DirectoryCommon

DIRECTORY = ("g2p.spar.fsp", "g2p.spar.fsp.branch")
CONFIGURATION = (
    "g2p.spar.account.type",
    "g2p.spar.account.type.field",
    "g2p.spar.strategy",
)
EDIT = ("write", "create", "unlink")


@tagged("post_install", "-at_install")
class TestAccess(DirectoryCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        xmlid = "g2p_spar_bank_directory.group_spar_"
        cls.user = cls.make_user("acl-user", xmlid + "user")
        cls.steward = cls.make_user("acl-steward", xmlid + "steward")
        cls.administrator = cls.make_user("acl-admin", xmlid + "administrator")
        cls.employee = cls.make_user("acl-employee", "base.group_user")
        cls.portal = cls.make_user("acl-portal", "base.group_portal")
        cls.public = cls.make_user("acl-public", "base.group_public")

    def assert_access(self, user, models, operations, expected):
        for model in models:
            records = self.env[model].with_user(user)
            for operation in operations:
                self.assertEqual(
                    records.has_access(operation),
                    expected,
                    (user.name, model, operation),
                )

    def test_user_reads(self):
        self.assert_access(self.user, DIRECTORY + CONFIGURATION, ["read"], True)
        self.assert_access(self.user, DIRECTORY + CONFIGURATION, EDIT, False)

    def test_steward_edits_the_directory_only(self):
        self.assert_access(self.steward, DIRECTORY, ("read", *EDIT), True)
        self.assert_access(self.steward, CONFIGURATION, ["read"], True)
        self.assert_access(self.steward, CONFIGURATION, EDIT, False)

    def test_administrator_edits_all(self):
        models = DIRECTORY + CONFIGURATION
        self.assert_access(self.administrator, models, ("read", *EDIT), True)

    def test_others_nothing(self):
        models = DIRECTORY + CONFIGURATION
        for user in (self.employee, self.portal, self.public):
            self.assert_access(user, models, ("read", *EDIT), False)

    def test_refusals_in_use(self):
        with self.assertRaises(AccessError):
            self.bank.with_user(self.user).name = "Mine"
        with self.assertRaises(AccessError):
            self.bank_type.strategy_id.with_user(self.steward).action_retire()
        with self.assertRaises(AccessError):
            self.Fsp.with_user(self.portal)._search_directory("", self.AccountType)
        with self.assertRaises(AccessError):
            self.bank_type.with_user(self.portal)._compose(self.bank_answers())

    def test_steward_in_use(self):
        bank = self.bank.with_user(self.steward)
        bank.name = "Renamed"
        bank.action_archive()
        self.assertFalse(self.bank.active)

    def test_user_in_use(self):
        address = self.bank_type.with_user(self.user)._compose(self.bank_answers())
        parsed = self.AccountType.with_user(self.user)._parse_addresses(
            [address.fa], strict=True
        )
        self.assertEqual(parsed, [address])

    def test_import_wizard(self):
        models = ["g2p.spar.fsp.import.wizard"]
        self.assert_access(self.user, models, ["create"], False)
        self.assert_access(self.steward, models, ["create"], True)
