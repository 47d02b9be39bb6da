# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo.tests import BaseCase, tagged

from ..validators import normalise
from .common import IBAN_DE


@tagged("post_install", "-at_install")
class TestValidators(BaseCase):
    def assert_refused(self, reason, *args):
        with self.assertRaises(ValueError) as caught:
            normalise(*args)
        self.assertEqual(str(caught.exception), reason)

    def test_account(self):
        self.assertEqual(normalise(" 123 456-789 ", "account"), "123456789")
        self.assertEqual(normalise("١٢٣٤٥٦", "account"), "123456")
        self.assertEqual(normalise("de89 3704 0044 0532 0130 00", "account"), IBAN_DE)
        self.assert_refused("pattern", "12345", "account")
        self.assert_refused("pattern", "12345678", "account", "[0-9]{9,18}")
        self.assert_refused("pattern", "12345x", "account")
        self.assert_refused("iban", "DE88 3704 0044 0532 0130 00", "account")
        self.assert_refused("iban_country", IBAN_DE, "account", "", "FR")

    def test_iban(self):
        self.assertEqual(normalise(IBAN_DE.lower(), "iban", "", "DE"), IBAN_DE)
        for value in ("", "123456789012", "XX89370400440532013000", IBAN_DE[:-1]):
            self.assert_refused("iban", value, "iban")

    def test_phone(self):
        for value in (
            "0712 345 678",
            "+254712345678",
            "00254712345678",
            "254712345678",
        ):
            self.assertEqual(normalise(value, "phone", "", "KE"), "+254712345678")
        self.assertEqual(normalise("+254712345678", "phone"), "+254712345678")
        self.assert_refused("phone", "0712345678", "phone")  # which country?
        self.assert_refused("phone", "12", "phone", "", "KE")
        self.assert_refused("phone", "call me", "phone", "", "KE")
        self.assert_refused("phone", "+254712345678 ext. 5", "phone", "", "KE")
        self.assert_refused("phone_country", "+255712345678", "phone", "", "KE")

    def test_phone_is_what_was_typed(self):
        """No letter becomes a digit or is passed over, and nothing is cut off."""
        for value in (
            "0712ABCDEF",
            "071l2345678",
            "0712 34S 678",
            "tel:+254712345678",
            "+254712345678;phone-context=x",
            "+254712345678;ext=",
            "call 0712345678 now",
            "٠٧١٢٣٤٥٦٧٨ب",
        ):
            with self.subTest(value):
                self.assert_refused("phone", value, "phone", "", "KE")
        for value in "٠٧١٢٣٤٥٦٧٨", "(0712) 345-678", "0712.345/678":
            with self.subTest(value):
                self.assertEqual(normalise(value, "phone", "", "KE"), "+254712345678")

    def test_phone_of_countries_that_share_a_code(self):
        for value, own, other in (
            ("+18762101234", "JM", "US"),
            ("+16502530000", "US", "JM"),
            ("+77012345678", "KZ", "RU"),
            ("+79161234567", "RU", "KZ"),
            ("+447400123456", "GB", "JE"),
            ("+441534456789", "JE", "GB"),
        ):
            with self.subTest(value):
                self.assertEqual(normalise(value, "phone", "", own), value)
                self.assert_refused("phone_country", value, "phone", "", other)
        for country in "GP", "BL", "MF":  # they share this number range
            self.assertEqual(
                normalise("0690 00 12 34", "phone", "", country), "+590690001234"
            )
        self.assert_refused("phone", "+16502530", "phone", "", "JM")

    def test_email(self):
        self.assertEqual(normalise(" A.b@Ex.ORG ", "email"), "A.b@ex.org")
        for value in (
            "",
            "a",
            "@b.org",
            "a@b",
            "a b@c.org",
            "a..b@c.org",
            ".a@b.org",
            "a.@b.org",
            "a@b@c.org",
            "a@-b.org",
            "a" * 65 + "@b.org",
        ):
            self.assert_refused("email", value, "email")

    def test_pattern(self):
        self.assertEqual(normalise("AB-12", "pattern", "[A-Z]{2}[0-9]{2}"), "AB12")
        self.assert_refused("pattern", "AB12x", "pattern", "[A-Z]{2}[0-9]{2}")
        self.assertEqual(normalise(" as it is ", "none"), "as it is")
