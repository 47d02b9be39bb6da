# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo.tests import tagged

from ..address import Address
from ..exceptions import AddressError
from .common import DirectoryCommon
from .test_strategy import SHAPES


@tagged("post_install", "-at_install")
class TestParse(DirectoryCommon):
    def parse(self, *fas, strict=True):
        return self.AccountType._parse_addresses(list(fas), strict)

    def parse_one(self, fa, strict=True):
        (result,) = self.parse(fa, strict=strict)
        return result

    def bank_fa(self, number="123456789012", **parts):
        parts = {
            "branch_name": "Hauptstraße Nord",
            "branch_code": "TB001",
            "bank_name": "Qwëst Bank Ltd.",
            "bank_code": "QWBANK",
            "fa_type": "bank",
            **parts,
        }
        return f"account_number:{number}." + ".".join(
            f"{key}:{value}" for key, value in parts.items()
        )

    def assert_error(self, fa, key, strict=True):
        result = self.parse_one(fa, strict)
        self.assertIsInstance(result, AddressError, fa)
        self.assertEqual(list(result.errors), [key])
        return result

    def test_names_come_from_the_directory(self):
        fa = self.bank_fa(bank_name="Forged Bank", branch_name="Forged Branch")
        address = self.parse_one(fa)
        self.assertEqual(address.fa, fa)
        self.assertEqual(address.fsp_name, "Qwëst Bank Ltd.")
        self.assertEqual(address.branch_name, "Hauptstraße Nord")
        self.assertEqual(address.components["bank_name"], "Qwëst Bank Ltd.")

    def test_every_shape_is_read(self):
        for number, fa in SHAPES.items():
            if number == 1:
                continue  # a format of IDs
            address = self.parse_one(fa, strict=False)
            strategy = self.Strategy.browse(address.strategy_id)
            self.assertEqual(strategy.number, number)
            self.assertEqual(address.account_type, strategy.account_type_id.code)
            self.assertEqual(address.fa, fa)

    def test_type_words_of_others(self):
        for word in ("BANK", "BANK_ACCOUNT", "Bank", "bank_acc"):
            fa = self.bank_fa(fa_type=word)
            self.assertEqual(self.parse_one(fa).account_type, "bank")
        fa = (
            "mobile_number:+254712345678.wallet_provider_name:x."
            "wallet_provider_code:PESA-KE.fa_type:MOBILE_WALLET"
        )
        self.assertEqual(self.parse_one(fa).account_type, "mobile_wallet")
        self.assert_error(self.bank_fa(fa_type="shoe_box"), "fa")

    def test_retired_formats_are_read(self):
        self.bank_type.strategy_id = self.Strategy.search([("number", "=", 21)])
        self.Strategy.search([("number", "=", 2)]).action_retire()
        self.assertEqual(self.parse_one(self.bank_fa()).fsp_id, self.bank.id)

    def test_bad_texts(self):
        for strict in (True, False):
            for fa in ("", "  ", "a\x00b", "a\nb", "x" * 1001, None, 5, {}, "\ud800"):
                self.assert_error(fa, "fa", strict)
            self.assert_error("12\u202e34", "fa", strict)
        self.assertIsInstance(self.parse_one("x" * 1000, strict=False), Address)

    def test_strict_directory(self):
        self.assert_error(self.bank_fa(bank_code="NOBODY"), "fsp")
        self.assert_error(self.bank_fa(bank_code="PESA-KE"), "fsp")
        self.assert_error(self.bank_fa(bank_code=""), "fsp")
        self.assert_error(self.bank_fa(branch_code="OB001"), "branch")
        self.assert_error(self.bank_fa(branch_code=""), "branch")
        self.assert_error("anything@else", "fa")
        self.branch.active = False
        self.assert_error(self.bank_fa(), "branch")
        self.bank.active = False
        self.assert_error(self.bank_fa(), "fsp")

    def test_strict_without_branches(self):
        fa = self.bank_fa(bank_code="NBBANK", branch_code="", branch_name="")
        self.assertEqual(self.parse_one(fa).fsp_id, self.plain_bank.id)

    def test_strict_number(self):
        for number in ("", "12", "abc", "1" * 19):
            error = self.assert_error(self.bank_fa(number), "account_number")
            self.assertIn("9 to 18 digits", error.message)

    def test_several_errors(self):
        result = self.parse_one(self.bank_fa("12", bank_code="NOBODY"))
        self.assertEqual(set(result.errors), {"fsp", "account_number"})

    def test_lenient_keeps_what_it_knows(self):
        address = self.parse_one(self.bank_fa("12", bank_code="NOBODY"), strict=False)
        self.assertEqual(address.account_type, "bank")
        self.assertEqual((address.fsp_id, address.fsp_code), (0, "NOBODY"))
        self.assertEqual(address.fsp_name, "")
        self.assertEqual(address.number, "12")
        self.bank.active = False
        address = self.parse_one(self.bank_fa(), strict=False)
        self.assertEqual(address.fsp_id, self.bank.id)

    def test_opaque(self):
        address = self.parse_one("joeuser@national-bank", strict=False)
        self.assertEqual(address.number, "joeuser@national-bank")
        self.assertEqual((address.account_type_id, address.strategy_id), (0, 0))
        self.assertEqual((address.fsp_id, address.components), (0, {}))
        self.assertEqual(address.masked, "•••• bank")

    def test_number_is_normalised_and_text_is_not(self):
        fa = "account_number:1234 5678 9012.branch_code:TB001.bank_code:QWBANK"
        fa += ".fa_type:BANK_ACCOUNT"
        address = self.parse_one(fa)
        self.assertEqual(address.fa, fa)
        self.assertEqual(address.number, "123456789012")
        self.assertEqual(address.components["account_number"], "123456789012")

    def test_order_and_repeats(self):
        fa = self.bank_fa()
        results = self.parse(fa, "nonsense", fa)
        self.assertEqual(results[0], results[2])
        self.assertIsInstance(results[1], AddressError)
        self.assertEqual(self.parse(), [])

    def test_constant_number_of_queries(self):
        self.Fsp.create(
            [
                {
                    "name": f"Bank {number}",
                    "code": f"B{number}",
                    "account_type_ids": self.bank_type.ids,
                    "country_id": self.env.ref("base.de").id,
                }
                for number in range(1000)
            ]
        )
        fas = [
            self.bank_fa(bank_code=f"B{number}", branch_code="X" if number % 2 else "")
            for number in range(1000)
        ]
        self.env.flush_all()
        self.parse(fas[0])  # formats are cached from here on
        for size in (10, 1000):
            for strict in (True, False):
                self.env.invalidate_all()
                with self.subTest(size=size), self.assertQueryCount(3):
                    results = self.parse(*fas[:size], strict=strict)
                self.assertEqual(len(results), size)
