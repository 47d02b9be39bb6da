# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo.tests import tagged

from ..exceptions import AddressError, SparConfigurationError
from .common import IBAN_DE, DirectoryCommon


@tagged("post_install", "-at_install")
class TestCompose(DirectoryCommon):
    def test_bank(self):
        answers = self.bank_answers(account_number=" 1234 5678-9012 ")
        address = self.bank_type._compose(answers)
        self.assertEqual(
            address.fa,
            "account_number:123456789012.branch_name:Hauptstraße Nord."
            "branch_code:TB001.bank_name:Qwëst Bank Ltd..bank_code:QWBANK.fa_type:bank",
        )
        self.assertEqual(address.number, "123456789012")
        self.assertEqual(address.masked, "•••• 9012")
        self.assertEqual(address.last, "9012")
        self.assertEqual(address.account_type, "bank")
        self.assertEqual(address.fsp_id, self.bank.id)
        self.assertEqual(address.branch_id, self.branch.id)
        self.assertEqual(address.strategy_id, self.bank_type.strategy_id.id)
        self.assertEqual(address.components["bank_code"], "QWBANK")

    def test_composed_is_parsed_to_the_same(self):
        composed = [
            self.bank_type._compose(self.bank_answers()),
            self.bank_type._compose(self.bank_answers(account_number=IBAN_DE)),
            self.bank_type._compose(
                {"fsp": self.plain_bank.id, "account_number": "123456789"}
            ),
            self.mobile_type._compose(
                {"fsp": self.wallet.id, "mobile_number": "0712345678"}
            ),
            self.email_type._compose(
                {"fsp": self.email_wallet.id, "email_address": "A.b@EX.org"}
            ),
        ]
        fas = [address.fa for address in composed]
        parsed = self.AccountType._parse_addresses(fas, strict=True)
        self.assertEqual(parsed, composed)

    def test_every_format_can_write(self):
        for strategy in self.Strategy.search([("kind", "=", "fa")]):
            account_type = strategy.account_type_id
            account_type.strategy_id = strategy
            answers = {
                "bank": self.bank_answers(),
                "mobile_wallet": {
                    "fsp": self.wallet.id,
                    "mobile_number": "0712345678",
                },
                "email_wallet": {
                    "fsp": self.email_wallet.id,
                    "email_address": "a@b.org",
                },
            }[account_type.code]
            address = account_type._compose(answers)
            self.assertEqual(
                self.AccountType._parse_addresses([address.fa], strict=True), [address]
            )

    def test_iban(self):
        address = self.bank_type._compose(
            self.bank_answers(account_number="de89 3704 0044 0532 0130 00")
        )
        self.assertEqual(address.number, IBAN_DE)
        self.assertEqual(address.masked, "DE •••• 3000")

    def test_mobile(self):
        address = self.mobile_type._compose(
            {"fsp": str(self.wallet.id), "mobile_number": "0712 345 678"}
        )
        self.assertEqual(address.number, "+254712345678")
        self.assertEqual(address.masked, "+254 •••• 678")

    def test_bad_numbers(self):
        for number in (
            None,
            False,
            "",
            "   ",
            "1",
            "9" * 19,
            "9" * 300,
            "12345678\x009",
            "123456789\n",
            "12345678\u2028",
            "one hundred",
            "123456789.branch_name:EVIL",
            "1.fa_type:x",
            123456789012,
            ["123456789012"],
            "DE88370400440532013000",
            "FR7630006000011234567890189",
        ):
            with self.subTest(number=number):
                answers = self.bank_answers(account_number=number)
                errors = self.compose_errors(self.bank_type, answers)
                self.assertEqual(list(errors), ["account_number"])
                if isinstance(number, str) and len(number) > 3:
                    self.assertNotIn(number, errors["account_number"])

    def test_message_says_what_is_good(self):
        answers = self.bank_answers(account_number="12")
        errors = self.compose_errors(self.bank_type, answers)
        self.assertIn("9 to 18 digits", errors["account_number"])

    def test_number_of_another_country(self):
        errors = self.compose_errors(
            self.mobile_type,
            {"fsp": self.wallet.id, "mobile_number": "+255712345678"},
        )
        self.assertIn("Kenya", errors["mobile_number"])

    def test_bad_provider(self):
        archived = self.make_fsp("Closed", "CLOSED", self.bank_type, active=False)
        gone = self.make_fsp("Gone", "GONE", self.bank_type)
        gone_id = gone.id
        gone.unlink()
        for fsp in (
            None,
            0,
            True,
            -1,
            2**40,
            "9" * 30,
            "x",
            "1 OR 1=1",
            [self.bank.id],
            gone_id,
            archived.id,
            self.wallet.id,
        ):
            with self.subTest(fsp=fsp):
                answers = self.bank_answers(fsp=fsp)
                errors = self.compose_errors(self.bank_type, answers)
                self.assertEqual(list(errors), ["fsp"])

    def test_bad_branch(self):
        archived = self.make_branch(self.bank, "Closed", "TB009", active=False)
        for branch in (None, "x", 2**40, self.other_branch.id, archived.id):
            with self.subTest(branch=branch):
                answers = self.bank_answers(branch=branch)
                errors = self.compose_errors(self.bank_type, answers)
                self.assertEqual(list(errors), ["branch"])

    def test_branch_only_where_there_are_some(self):
        address = self.bank_type._compose(
            {"fsp": self.plain_bank.id, "account_number": "123456789"}
        )
        self.assertEqual(address.branch_id, 0)
        self.branch.active = False
        answers = self.bank_answers(branch=False)
        self.assertEqual(self.bank_type._compose(answers).branch_code, "")

    def test_all_errors_at_once(self):
        errors = self.compose_errors(self.bank_type, {})
        self.assertEqual(set(errors), {"fsp", "account_number"})

    def test_bad_email(self):
        for email in ("a", "a@b", "a b@c.org", "a@b.org.wallet_provider_code:X"):
            errors = self.compose_errors(
                self.email_type, {"fsp": self.email_wallet.id, "email_address": email}
            )
            self.assertEqual(list(errors), ["email_address"])

    def test_name_that_looks_like_a_separator(self):
        self.bank.name = "X.bank_code:EVIL"
        errors = self.compose_errors(self.bank_type, self.bank_answers())
        self.assertEqual(list(errors), ["fsp"])

    def test_too_long_altogether(self):
        template = "x" * 300 + "{account_number}/{bank_name}/{branch_name}"
        self.bank_type.strategy_id = self.Strategy.create(
            {
                "name": "Long",
                "number": 900,
                "account_type_id": self.bank_type.id,
                "construct_template": template,
                "sample": "account_number: 1\nbank_name: 2\nbranch_name: 3",
                "state": "active",
            }
        )
        number = self.bank_type.field_ids.filtered("is_number")
        number.write({"validator": "none", "pattern": False})
        self.bank.name = "b" * 255
        self.branch.name = "c" * 255
        answers = self.bank_answers(account_number="d" * 188)
        self.assertEqual(len(self.bank_type._compose(answers).fa), 1000)
        errors = self.compose_errors(
            self.bank_type, self.bank_answers(account_number="d" * 189)
        )
        self.assertEqual(list(errors), ["account_number"])

    def test_no_format(self):
        self.bank_type.strategy_id = False
        with self.assertRaises(SparConfigurationError):
            self.bank_type._compose(self.bank_answers())
        self.mobile_type.active = False
        with self.assertRaises(SparConfigurationError):
            self.mobile_type._compose({})

    def test_batch_gives_what_single_ones_give(self):
        answers = [
            self.bank_answers(),
            self.bank_answers(account_number="12"),
            self.bank_answers(branch=self.other_branch.id),
            {"fsp": self.bank.id, "account_number": "123456789"},
            {"fsp": self.plain_bank.id, "account_number": "123456789"},
            {"fsp": 10**9, "account_number": "123456789"},
            {"fsp": "x", "account_number": "123456789"},
            self.bank_answers(account_number=IBAN_DE),
        ]
        batch = self.bank_type._compose_batch(answers)
        for one, found in zip(answers, batch, strict=True):
            if isinstance(found, AddressError):
                errors = self.compose_errors(self.bank_type, one)
                self.assertEqual(found.errors, errors)
            else:
                self.assertEqual(found, self.bank_type._compose(one))

    def test_batch_does_not_ask_for_each_address(self):
        def count(size):
            answers = [
                self.bank_answers(account_number=str(10**11 + n)) for n in range(size)
            ]
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.bank_type._compose_batch(answers)
            return self.env.cr.sql_log_count - before

        count(1)
        self.assertEqual(count(2), count(500))
