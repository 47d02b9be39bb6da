# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.g2p_spar_mapper.outcomes import NOT_LINKED

from .common import ID, ConnectorCase


@tagged("post_install", "-at_install")
class TestChangeWizard(ConnectorCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.officer = new_test_user(
            cls.env, "officer at work", groups="g2p_spar_mapper.group_spar_officer"
        )
        cls.wizards = cls.env["g2p.spar.change.wizard"].with_user(cls.officer)

    def fill(self, **answers):
        form = Form(self.wizards.with_context(**answers.pop("context", {})))
        answers = {
            "wire_id": ID,
            "note": "Paper form 12",
            "account_type_id": self.bank_type,
            "fsp_id": self.bank,
            "branch_id": self.branch,
            "number": "123 456 789 012",
            "number_again": "123 456 789 012",
            "holder_name": "Ada",
        } | answers
        for name, value in answers.items():
            if value is not None:
                setattr(form, name, value)
        return form.save()

    def test_typed_id(self):
        wizard = self.fill()
        action = wizard.action_submit()
        change = self.changes.browse(action["res_id"])
        self.assertEqual((change.channel, change.user_id), ("staff", self.officer))
        self.assertEqual(change.note, "Paper form 12")
        self.perform(change)
        self.assertEqual(self.look_up().fa, self.address().fa)
        self.assertFalse(wizard.exists(), "what was typed must not stay")

    def test_from_a_mapping_the_id_stays_hidden(self):
        mapping = self.env["g2p.spar.mapping"].browse(self.link().mapping_id)
        wizard = self.fill(
            context={"default_mapping_id": mapping.id},
            wire_id=None,
            account_type_id=self.wallet_type,
            fsp_id=self.wallet,
            branch_id=None,
            number="+254712345678",
            number_again="+254712345678",
        )
        self.assertFalse(wizard.wire_id)
        self.assertEqual(wizard.current_account, "•••• 9012")
        change = self.changes.browse(wizard.action_submit()["res_id"])
        self.perform(change)
        self.assertEqual(self.look_up().account_type, "mobile_wallet")

    def test_mapping_that_the_user_may_not_read(self):
        """Related fields would show it from the cache that its name has filled."""
        values = {"mapping_id": self.link().mapping_id}
        administrator = new_test_user(
            self.env,
            "spar_change_administrator",
            "g2p_spar_bank_directory.group_spar_administrator",
        )
        wizards = self.wizards.with_user(administrator)
        own = wizards.create({})
        shows = {
            "mapping_id": {"fields": {"display_name": {}}},
            **dict.fromkeys(["id_masked", "current_account", "current_fsp_id"], {}),
        }
        for attempt in (
            lambda: wizards.create(values).read([*shows]),
            lambda: own.write(values),
            lambda: wizards.onchange(values, [], shows),
            lambda: own.onchange(values, ["mapping_id"], shows),
        ):
            self.env.invalidate_all()
            with self.assertRaises(AccessError):
                attempt()

    def test_mapping_shows_its_changes(self):
        mapping = self.env["g2p.spar.mapping"].browse(self.link().mapping_id)
        self.assertEqual(mapping.with_user(self.officer).change_count, 0)
        change = self.submit()
        self.submit("token:somebody-else@nationalId")
        mapping.invalidate_recordset()
        theirs = mapping.with_user(self.officer)
        self.assertEqual(theirs.change_count, 1)
        action = theirs.action_open_changes()
        self.assertEqual(self.changes.search(action["domain"]), change)

    def test_remove(self):
        self.link()
        form = Form(self.wizards)
        form.wire_id = ID
        form.operation = "remove"
        form.note = "Asked for in person"
        change = self.changes.browse(form.save().action_submit()["res_id"])
        self.perform(change)
        self.assertEqual(self.look_up().code, NOT_LINKED)

    def test_faults_name_the_field_and_lose_nothing(self):
        for answers, expected in (
            ({"number": "12", "number_again": "12"}, "Account number: Please enter"),
            ({"number_again": "123 456 789 013"}, "Account number: The two entries"),
            ({"branch_id": None}, "Branch: Please choose a branch"),
            ({"wire_id": "bad\tid"}, "beneficiary ID"),
            ({"holder_name": "A\x07"}, "Account holder:"),
            ({"phone": "call me"}, "Phone:"),
        ):
            with self.subTest(expected=expected):
                wizard = self.fill(**answers)
                with self.assertRaisesRegex(UserError, expected):
                    wizard.action_submit()
                self.assertEqual(wizard.note, "Paper form 12")
                self.assertFalse(self.changes._for_id(ID))

    def test_what_cannot_be_stored_names_the_field(self):
        for name, label in (("number", "Number"), ("note", "Reason and Evidence")):
            for character in ("\0", "\ud800"):
                with (
                    self.subTest(name, character=character),
                    self.assertRaisesRegex(UserError, f"“{label}”"),
                ):
                    self.wizards.create({name: f"12345{character}6789"})

    def test_provider_of_another_kind(self):
        wizard = self.fill()
        wizard.fsp_id = self.wallet
        with self.assertRaisesRegex(UserError, "Bank: This provider does not offer"):
            wizard.action_submit()

    def test_reason_is_required(self):
        wizard = self.fill()
        wizard.note = " "
        with self.assertRaisesRegex(UserError, "Reason and Evidence"):
            wizard.action_submit()

    def test_changing_the_kind_forgets_the_provider(self):
        form = Form(self.wizards)
        form.account_type_id = self.bank_type
        form.fsp_id = self.bank
        form.branch_id = self.branch
        form.account_type_id = self.wallet_type
        self.assertFalse(form.fsp_id)
        self.assertFalse(form.branch_id)
        self.assertFalse(form.asks_branch)
        self.assertEqual(form.number_label, "Mobile number")

    def test_more_typed_questions(self):
        self.bank_type.strategy_id = False
        self.env["g2p.spar.account.type.field"].create(
            {
                "account_type_id": self.bank_type.id,
                "sequence": 40,
                "name": "Owner",
                "key": "owner",
                "source": "typed",
            }
        )
        strategy = self.env["g2p.spar.strategy"].create(
            {
                "name": "With purpose",
                "number": 990,
                "kind": "fa",
                "account_type_id": self.bank_type.id,
                "construct_template": "acc:{account_number}.at:{bank_code}.of:{owner}",
                "sample": "account_number: 1\nbank_code: B\nowner: me",
                "state": "active",
            }
        )
        self.bank_type.strategy_id = strategy
        wizard = self.fill()
        self.assertEqual(wizard.answer_ids.mapped("label"), ["Owner"])
        with self.assertRaisesRegex(UserError, "Owner: Please fill this in"):
            wizard.action_submit()
        wizard.answer_ids.value = "mother"
        change = self.changes.browse(wizard.action_submit()["res_id"])
        self.assertTrue(change.fa.endswith(".of:mother"))

    def test_who_may_not_start_a_change(self):
        for group in (
            "g2p_spar_mapper.group_spar_auditor",
            "g2p_spar_connector.group_spar_approver",
            "g2p_spar_bank_directory.group_spar_steward",
            "base.group_portal",
        ):
            user = new_test_user(self.env, f"reader {group}", groups=group)
            with (
                self.subTest(group=group),
                mute_logger("odoo.addons.base.models.ir_model"),
                self.assertRaises(AccessError),
            ):
                self.wizards.with_user(user).create({"wire_id": ID, "note": "x"})

    def test_one_does_not_read_anothers_wizard(self):
        wizard = self.fill()
        other = new_test_user(
            self.env, "second officer", groups="g2p_spar_mapper.group_spar_officer"
        )
        with self.assertRaises(AccessError):
            wizard.with_user(other).read(["number"])
