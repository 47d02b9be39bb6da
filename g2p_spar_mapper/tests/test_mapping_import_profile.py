# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo.exceptions import UserError
from odoo.tests import Form, tagged

from .import_case import ImportCase


@tagged("post_install", "-at_install")
class TestMappingImportProfile(ImportCase):
    def test_a_profile_needs_a_column(self):
        load = self.upload(b"a b;c d\ne;f\n")
        self.assertFalse(any(load.column_ids.mapped("target")))
        with self.assertRaisesRegex(UserError, "Say first what the columns hold"):
            load.action_keep_profile()

    def test_profiles(self):
        load = self.upload(
            b"person;money\na;b\n", account_type_id=self.bank_type.id, mode="both"
        )
        load.column_ids[0].target = "id"
        load.column_ids[1].target = "number"
        load.action_keep_profile()
        profile = load.profile_id
        self.assertEqual(profile.targets, {"person": "id", "money": "number"})
        other = self.upload(b"money;person\na;b\n", profile_id=profile.id)
        self.assertEqual(other.column_ids.mapped("target"), ["number", "id"])
        self.assertEqual((other.mode, other.account_type_id), ("both", self.bank_type))
        with self.assertRaisesRegex(UserError, "same thing"):
            other.column_ids[0].target = "id"

    def test_a_profile_knows_whether_there_are_headers(self):
        content = b"mtu;pesa (mfano 0712345678)\na;b\n"
        load = self.upload(content)
        self.assertFalse(load.has_header, "digits look like data")
        load.has_header = True
        load.action_look_again()
        load.column_ids[0].target = "id"
        load.column_ids[1].target = "number"
        load.action_keep_profile()
        profile = load.profile_id

        expected = (True, ["id", "number"])
        other = self.upload(content, profile_id=profile.id)
        self.assertEqual(
            (other.has_header, other.column_ids.mapped("target")), expected
        )
        other.has_header = False  # what the user says is kept to
        other.action_look_again()
        self.assertFalse(other.has_header)

        # chosen when the columns were read already
        later = self.upload(content)
        with Form(later) as form:
            with self.assertLogs("odoo.tests.form.onchange", "WARNING") as logs:
                form.profile_id = profile
        self.assertIn("Read the Columns Again", logs.output[0])
        later.action_look_again()
        self.assertEqual(
            (later.has_header, later.column_ids.mapped("target")), expected
        )
