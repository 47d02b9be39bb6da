# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from psycopg2 import IntegrityError

from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import DirectoryCommon

#: number -> text; the forms that OpenG2P's parts write and read
SHAPES = {
    1: "token:10981smelWj9gTM55zHIdX8-Y2u2Gf@nationalId",
    2: "account_number:123456789012.branch_name:HDFC Mumbai Central Branch."
    "branch_code:HDFC0000522.bank_name:HDFC Bank Ltd..bank_code:HDFC.fa_type:bank",
    3: "email_address:a@b.org.wallet_provider_name:PayPal Inc."
    "wallet_provider_code:PAYPAL.fa_type:email_wallet_provider",
    4: "mobile_number:9876543210.wallet_provider_name:Ola Money Wallet."
    "wallet_provider_code:OLAM.fa_type:mobile_wallet_provider",
    11: "account:5494373447@indigo.dfsp2.bank_acc",
    12: "account:9876543210@testingtoolkitdfsp.wallet",
    13: "email:a@b.org.mpesa",
    21: "account_number:123456789012.branch_code:HDFC0000522.bank_code:HDFC."
    "fa_type:BANK_ACCOUNT",
    22: "mobile_number:9876543210.mobile_wallet_provider:OLAM.fa_type:MOBILE_WALLET",
    23: "email_address:a@b.org.email_wallet_provider:PAYPAL.fa_type:EMAIL_WALLET",
    31: "bank_123_001_02_savings",
    32: "mobile_9876543210_OLAM",
    33: "email_a@b.org_PAYPAL",
    41: "45678756456@branchOne@bankOne",
    42: "9957585955@mpesa.ke",
}


@tagged("post_install", "-at_install")
class TestStrategy(DirectoryCommon):
    def make(self, template="acc:{account_number}/{bank_code}", **vals):
        return self.Strategy.create(
            {
                "name": "Test format",
                "number": 900,
                "account_type_id": self.bank_type.id,
                "construct_template": template,
                "sample": "account_number: 123\nbank_code: HDFC",
                **vals,
            }
        )

    def test_seeded_shapes(self):
        shapes = {s.number: s.sample_text for s in self.Strategy.search([])}
        for number, text in SHAPES.items():
            self.assertEqual(shapes.get(number), text)
        for strategy in self.Strategy.search([("number", "in", list(SHAPES))]):
            self.assertEqual(strategy.state, "active")
            strategy._check_round_trip()

    def test_activate(self):
        strategy = self.make()
        strategy.action_activate()
        self.assertEqual(strategy.state, "active")
        self.assertIn(strategy.id, [f.strategy_id for f in self.formats()])

    def formats(self):
        return self.AccountType._get_formats()

    def assert_not_activated(self, text, **vals):
        strategy = self.make(**vals)
        with self.assertRaisesRegex(ValidationError, text):
            strategy.action_activate()

    def test_pattern_that_reads_nothing(self):
        self.assert_not_activated(
            "reads back nothing",
            deconstruct_pattern="ACC:(?P<account_number>.+)/(?P<bank_code>.+)",
        )

    def test_pattern_that_misreads_dots(self):
        self.assert_not_activated(
            "reads back",
            template="{account_number}.{bank_name}.{bank_code}",
            sample="account_number: 123\nbank_name: Bank\nbank_code: HDFC",
            deconstruct_pattern=(
                r"(?P<account_number>[^.]+)\.(?P<bank_name>[^.]+)\.(?P<bank_code>.+)"
            ),
        )

    def test_pattern_that_misreads_lookalikes(self):
        # The trap of a reluctant pattern: the account becomes 1 and the bank EVIL.
        self.assert_not_activated(
            "reads back",
            template="n:{account_number}.bank_code:{bank_code}",
            deconstruct_pattern=(
                r"n:(?P<account_number>.+?)\.bank_code:(?P<bank_code>.+)"
            ),
        )

    def test_pattern_that_explodes(self):
        self.assert_not_activated(
            "repeat within a repeat",
            deconstruct_pattern=r"acc:(?P<account_number>(\d+)+)/(?P<bank_code>.+)",
        )

    def test_reason_is_in_the_language_of_the_user(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        strategy = self.make(
            deconstruct_pattern=r"acc:(?P<account_number>(\d+)+)/(?P<bank_code>.+)"
        )
        for lang, text in (
            ("en_US", "a repeat within a repeat"),
            ("fr_FR", "une répétition dans une répétition"),
        ):
            with self.subTest(lang), self.assertRaisesRegex(ValidationError, text):
                strategy.with_context(lang=lang).action_activate()

    def test_pattern_without_its_groups(self):
        self.assert_not_activated("named groups", deconstruct_pattern="acc:.*")

    def test_sample_must_fit(self):
        self.assert_not_activated("must have exactly", sample="account_number: 123")
        self.assert_not_activated("name: value", sample="account_number", number=901)

    def test_unknown_names(self):
        self.assert_not_activated(
            "no answer named shoe_size",
            template="acc:{shoe_size}/{bank_code}",
            sample="shoe_size: 42\nbank_code: HDFC",
        )

    def test_bad_template(self):
        self.assert_not_activated("there must be text", template="{account_number}{x}")

    def test_format_that_another_reads_first(self):
        self.assert_not_activated(
            "asked first",
            template="{email_address}@{wallet_provider_code}",
            account_type_id=self.email_type.id,
            sample="email_address: 0712345678\nwallet_provider_code: MAILPAY",
        )

    def test_used_format_does_not_change(self):
        strategy = self.make()
        strategy.construct_template = "account={account_number}/{bank_code}"
        strategy.action_activate()
        for vals in (
            {"construct_template": "x:{account_number}/{bank_code}"},
            {"number": 901},
            {"fa_type": "x"},
            {"account_type_id": self.mobile_type.id},
            {"state": "draft"},
        ):
            with self.assertRaises(UserError):
                strategy.write(vals)
        # Values that change nothing, and the name, may be written.
        strategy.write(
            {"name": "New name", "construct_template": strategy.construct_template}
        )
        strategy.action_retire()
        with self.assertRaises(UserError):
            strategy.construct_template = "x:{account_number}/{bank_code}"

    def test_used_format_stays(self):
        strategy = self.make()
        strategy.action_activate()
        strategy.action_retire()
        with self.assertRaises(UserError):
            strategy.unlink()
        self.make(number=901).unlink()

    def test_format_in_emission_is_not_retired(self):
        with self.assertRaisesRegex(ValidationError, "must be active"):
            self.bank_type.strategy_id.action_retire()

    def test_number_is_unique(self):
        self.make()
        with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"):
            self.make()

    def test_copy_is_a_draft_with_an_own_number(self):
        copy = self.Strategy.search([("number", "=", 2)]).copy()
        self.assertEqual(copy.state, "draft")
        self.assertGreaterEqual(copy.number, 100)
        copy.construct_template = "x:" + copy.construct_template

    def test_test_button(self):
        action = self.make().action_test()
        self.assertEqual(action["params"]["type"], "success")
        self.assertEqual(action["params"]["message"], "acc:123/HDFC")
