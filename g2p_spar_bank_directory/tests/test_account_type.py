# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from psycopg2 import IntegrityError

from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import DirectoryCommon


@tagged("post_install", "-at_install")
class TestAccountType(DirectoryCommon):
    def add_question(self, **vals):
        return self.env["g2p.spar.account.type.field"].create(
            {
                "account_type_id": self.bank_type.id,
                "name": "Extra",
                "key": "extra",
                **vals,
            }
        )

    def test_form_fields(self):
        questions = self.bank_type._form_fields()
        self.assertEqual(
            [(q["key"], q["source"], q["input_type"]) for q in questions],
            [
                ("fsp", "fsp", "select"),
                ("branch", "branch", "select"),
                ("account_number", "typed", "text"),
            ],
        )
        self.assertEqual([q["is_number"] for q in questions], [False, False, True])
        types = [t._form_fields()[-1] for t in (self.mobile_type, self.email_type)]
        self.assertEqual([q["input_type"] for q in types], ["tel", "email"])
        for question in questions + types:
            self.assertTrue(question["label"])
            self.assertTrue(question["error"])

    def test_one_number(self):
        with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"):
            self.add_question(is_number=True)

    def test_number_stays(self):
        number = self.bank_type.field_ids.filtered("is_number")
        with self.assertRaises(ValidationError):
            number.is_number = False
        with self.assertRaises(UserError):
            number.unlink()

    def test_number_is_masked(self):
        with self.assertRaises(ValidationError):
            self.bank_type.field_ids.filtered("is_number").mask = "none"
        self.add_question(mask="none")

    def test_bad_questions(self):
        for vals in (
            {"key": "Ex tra"},
            {"key": "branch", "account_type_id": self.mobile_type.id},
            {"source": "fsp", "key": "bank"},
            {"validator": "pattern"},
            {"validator": "pattern", "pattern": "(a+)+"},
            {"validator": "pattern", "pattern": "("},
        ):
            with self.subTest(vals=vals), self.assertRaises(ValidationError):
                self.add_question(**vals)

    def test_format_of_another_type(self):
        with self.assertRaises(ValidationError):
            self.bank_type.strategy_id = self.mobile_type.strategy_id
        with self.assertRaises(ValidationError):
            self.bank_type.strategy_id = self.Strategy.create(
                {
                    "name": "Draft",
                    "number": 900,
                    "account_type_id": self.bank_type.id,
                    "construct_template": "{account_number}",
                    "sample": "account_number: 1",
                }
            )

    def assert_still_read(self, fa):
        (address,) = self.AccountType._parse_addresses([fa], strict=True)
        self.assertEqual((address.number, address.fsp_code), ("123456789012", "QWBANK"))

    def test_type_words_in_use_stay(self):
        """Addresses hold the word, and are read by it."""
        fa = self.bank_type._compose(self.bank_answers()).fa
        for account_type, vals in (
            (self.mobile_type, {"wire_fa_type": "momo"}),
            (self.mobile_type, {"code": "momo"}),
            (self.bank_type, {"code": "bank2", "wire_fa_type": "bank2"}),
            (self.bank_type, {"fa_type_aliases": "BANK_ACCOUNT, savings"}),
            (self.bank_type, {"fa_type_aliases": False}),
        ):
            with self.subTest(vals=vals):
                with self.assertRaises(UserError) as caught:
                    account_type.write(vals)
                self.assertIn("Other type words", str(caught.exception))
                self.assert_still_read(fa)

    def test_type_words_can_be_replaced(self):
        fa = self.bank_type._compose(self.bank_answers()).fa
        aliases = f"{self.bank_type.fa_type_aliases}, Bank"
        self.bank_type.write({"wire_fa_type": "konto", "fa_type_aliases": aliases})
        self.assert_still_read(fa)
        new = self.bank_type._compose(self.bank_answers()).fa
        self.assertTrue(new.endswith("fa_type:konto"))
        self.assert_still_read(new)

    def test_questions_in_use_stay(self):
        """Also those of retired formats: their addresses are still read."""
        fa = self.bank_type._compose(self.bank_answers()).fa
        self.bank_type.strategy_id = False
        formats = self.Strategy.search([("account_type_id", "=", self.bank_type.id)])
        formats.action_retire()
        number = self.bank_type.field_ids.filtered("is_number")
        extra = self.add_question()
        for change in (
            lambda: number.write({"key": "iban"}),
            lambda: number.write({"is_number": False}),
            lambda: number.write({"account_type_id": self.mobile_type.id}),
            lambda: number.write({"source": "fsp", "key": "fsp", "is_number": False}),
            lambda: self.bank_type.write({"field_ids": [(2, number.id, 0)]}),
            number.unlink,
        ):
            with self.assertRaises(UserError):
                change()
            self.assert_still_read(fa)
        number.write({"key": number.key, "name": "Number", "mask": "iban"})
        extra.key = "more"
        extra.unlink()
        self.assert_still_read(fa)

    def test_words_and_questions_of_drafts_change(self):
        fresh = self.AccountType.create(
            {"name": "Card", "code": "card", "wire_fa_type": "card"}
        )
        number = self.add_question(account_type_id=fresh.id, is_number=True)
        strategy = self.Strategy.create(
            {
                "name": "Card",
                "account_type_id": fresh.id,
                "construct_template": "card:{extra}.{fa_type}",
                "sample": "extra: 1\nfa_type: card",
            }
        )
        fresh.write({"code": "plastic", "wire_fa_type": "plastic"})
        number.key = "card_number"
        strategy.unlink()
        number.unlink()

    def test_change_of_a_rule_is_seen_at_once(self):
        fa = self.bank_type._compose(self.bank_answers()).fa
        (before,) = self.AccountType._parse_addresses([fa], strict=True)
        self.assertEqual(before.number, "123456789012")
        self.bank_type.field_ids.filtered("is_number").pattern = "[0-9]{9}"
        (after,) = self.AccountType._parse_addresses([fa], strict=True)
        self.assertIn("account_number", after.errors)
