# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo.tests import BaseCase, tagged

from ..masking import MASK_KINDS, last, mask


@tagged("post_install", "-at_install")
class TestMasking(BaseCase):
    def test_forms(self):
        self.assertEqual(mask("123456781234", "last4"), "•••• 1234")
        self.assertEqual(mask("+255712345678", "phone"), "+255 •••• 678")
        self.assertEqual(mask("alice@b.org", "email"), "a•••@b.org")
        self.assertEqual(mask("DE89370400440532013000", "iban"), "DE •••• 3000")
        self.assertEqual(mask("abc", "none"), "abc")

    def test_never_more_than_half(self):
        for kind, _label in MASK_KINDS:
            if kind == "none":
                continue
            for value in ("1", "12", "1234", "12345"):
                shown = mask(value, kind).replace("•", "").replace(" ", "")
                self.assertLessEqual(len(shown), len(value) // 2, (kind, value))

    def test_values_of_another_kind(self):
        self.assertEqual(mask("0712345678", "phone"), "•••• 678")
        self.assertEqual(mask("not an address", "email"), "•••• ress")
        self.assertEqual(mask("@b.org", "email"), "•••• org")
        self.assertEqual(mask("123456789012", "iban"), "•••• 9012")

    def test_empty(self):
        for kind, _label in MASK_KINDS:
            self.assertEqual(mask("", kind), "")
        self.assertEqual(last(""), "")

    def test_unknown_kind(self):
        with self.assertRaises(KeyError):
            mask("123", "nothing")

    def test_last(self):
        self.assertEqual(last("123456789"), "6789")
        self.assertEqual(last("123456"), "456")
        self.assertEqual(last("12"), "2")
        self.assertEqual(last("1"), "")
