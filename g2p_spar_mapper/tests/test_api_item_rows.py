# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What the API answers to each situation: rows 1 to 18, link, update and unlink."""

from odoo.tests import tagged

from .api_case import ASYNC_ROOTS, OPERATIONS, ROOTS, TIME
from .row_case import ALREADY, ID, LINK_FIRST, RowCase


def token(number):
    return f"token:spartest-{number}@nationalId"


@tagged("post_install", "-at_install")
class TestApiItemRows(RowCase):
    def row_01_link_new_id(self):
        header, (result,) = self.call("link", [self.item(ID, fa=self.fa())])
        self.assertEqual(header["status"], "succ")
        self.assertWire(result, "succ", None)
        self.assertEqual(result["id"], ID)
        self.assertEqual(result["fa"], self.fa())
        self.assertEqual(self.live_addresses(ID), [self.fa()])

    def row_01_link_under_every_root(self):
        for number, root in enumerate(ASYNC_ROOTS if self.is_async else ROOTS):
            with self.subTest(root=root):
                item = self.item(token(number), fa=self.fa())
                _header, (result,) = self.call("link", [item], root=root)
                self.assertWire(result, "succ", None)
                self.assertEqual(self.live_addresses(item["id"]), [self.fa()])

    def row_02_link_linked_id_with_other_address(self):
        self.link()
        other = self.fa("733333333")
        result = self.call_one("link", self.item(ID, fa=other))
        self.assertWire(result, "rjct", "rjct.reference_id.duplicate", ALREADY)
        self.assertEqual(result["fa"], "")
        self.assertEqual(self.live_addresses(ID), [self.fa()])

    def row_03_link_linked_id_with_same_address(self):
        self.link()
        result = self.call_one("link", self.item(ID, fa=self.fa()))
        self.assertWire(result, "rjct", "rjct.reference_id.duplicate", ALREADY)

    def row_04_link_same_id_twice_in_one_message(self):
        items = [
            self.item(ID, reference_id="a", fa=self.fa("711111111")),
            self.item(ID, reference_id="b", fa=self.fa("722222222")),
            self.item(token(2), reference_id="c", fa=self.fa("733333333")),
        ]
        _header, (first, second, third) = self.call("link", items)
        self.assertWire(first, "succ", None)
        self.assertWire(second, "rjct", "rjct.reference_id.duplicate", ALREADY)
        self.assertWire(third, "succ", None)
        self.assertEqual(self.live_addresses(ID), [self.fa("711111111")])

    def row_05_same_reference_twice(self):
        for number, operation in enumerate(OPERATIONS):
            with self.subTest(operation=operation):
                items = [
                    self.item(
                        token(f"{number}{letter}"),
                        fa=self.fa(f"71111111{place}"),
                        reference_id="other" if letter == "c" else "same",
                    )
                    for place, letter in enumerate("abc")
                ]
                _header, results = self.call(operation, items)
                duplicate = "reference_id is used more than once in this message"
                texts = [one.get("status_reason_message") for one in results]
                self.assertEqual(
                    [text == duplicate for text in texts],
                    [self.is_strict, self.is_strict, False],
                )
                if self.is_strict:
                    for result in results[:2]:
                        self.assertWire(result, "rjct", "rjct.reference_id.duplicate")
        linked = [] if self.is_strict else [self.fa("711111110")]
        self.assertEqual(self.live_addresses(token("0a")), linked)

    def row_06_empty_id(self):
        for operation in ("link", "update", "unlink"):
            for empty in ("", None):
                with self.subTest(operation=operation, empty=empty):
                    result = self.call_one(operation, self.item(empty, fa=self.fa()))
                    self.assertIdInvalid(operation, result, "ID is null")
                    self.assertEqual(result["id"], "")

    def row_07_empty_address(self):
        self.link()
        for operation, wire_id in (("link", token(2)), ("update", ID)):
            for empty in ("", None):
                with self.subTest(operation=operation, empty=empty):
                    result = self.call_one(operation, self.item(wire_id, fa=empty))
                    self.assertFaInvalid(operation, result, "FA is null")
        self.assertEqual(self.live_addresses(ID), [self.fa()])

    def row_08_id_or_address_missing(self):
        no_id = {"reference_id": "r1", "timestamp": TIME, "fa": self.fa()}
        for operation in ("link", "update", "unlink"):
            with self.subTest(operation=operation):
                result = self.call_one(operation, no_id)
                self.assertIdInvalid(operation, result, "ID is null")
        self.link()
        for operation, wire_id in (("link", token(2)), ("update", ID)):
            with self.subTest(operation=operation):
                result = self.call_one(operation, self.item(wire_id))
                self.assertFaInvalid(operation, result, "FA is null")

    def row_09_unknown_provider_or_malformed(self):
        unknown = self.fa().replace("TESTWALLET", "NOBODY")
        for address in (unknown, "no address at all"):
            with self.subTest(address=address):
                item = self.item(token(len(address)), fa=address)
                result = self.call_one("link", item)
                if self.is_strict:
                    self.assertFaInvalid("link", result, "FA is invalid")
                    self.assertEqual(self.live_addresses(item["id"]), [])
                else:
                    self.assertWire(result, "succ", None)
                    self.assertEqual(result["fa"], address)
        for operation in ("link", "update", "unlink"):
            with self.subTest(operation=operation):
                item = self.item("token:spartest-1\x00@nationalId", fa=self.fa())
                result = self.call_one(operation, item)
                self.assertIdInvalid(operation, result, "ID is invalid")

    def row_09_malformed_id(self):
        self.env["g2p.spar.id.type"].create(
            {"name": "Farmer", "code": "r9", "prefix": "r9:", "pattern": "[0-9]{6}"}
        )
        item = self.item("r9:12345x", fa=self.fa())
        result = self.call_one("link", item)
        if self.is_strict:
            self.assertIdInvalid("link", result, "ID is invalid")
            result = self.call_one("update", item)
            self.assertIdInvalid("update", result, "ID is invalid")
            return
        self.assertWire(result, "succ", None)
        self.assertEqual(self.live_addresses(item["id"]), [self.fa()])
        # staff find it, too
        found = self.env["g2p.spar.mapping"].search([("lookup", "=", item["id"])])
        self.assertEqual(len(found), 1)
        for operation, code in (
            ("update", None),
            ("resolve", "succ.id.active"),
            ("unlink", None),
        ):
            self.assertWire(self.call_one(operation, item), "succ", code)

    def row_10_bad_timestamp(self):
        for number, bad in enumerate(("string", "", None, "2026-13-01T00:00:00", "1")):
            with self.subTest(timestamp=bad):
                item = self.item(token(number), fa=self.fa(), timestamp=bad)
                result = self.call_one("link", item)
                if self.is_strict:
                    self.assertWire(result, "rjct", "rjct.timestamp.invalid")
                    self.assertEqual(self.live_addresses(token(number)), [])
                else:
                    self.assertWire(result, "succ", None)
        spaced = self.item(token(9), timestamp="2026-01-31 10:00:00.123456")
        result = self.call_one("resolve", spaced)
        self.assertWire(result, "succ", "succ.id.not_found")

    def row_11_bad_name_or_phone(self):
        self.link()
        name, phone = {"name": "A\nB"}, {"phone_number": "call me"}
        for operation, wire_id, member, code in (
            ("link", token(2), name, "rjct.name.invalid"),
            ("link", token(2), phone, "rjct.mobile_number.invalid"),
            ("update", ID, name, "rjct.beneficiary_name.invalid"),
            ("update", ID, phone, "rjct.beneficiary_name.invalid"),
        ):
            with self.subTest(operation=operation, code=code):
                item = self.item(wire_id, fa=self.fa("799999999"), **member)
                self.assertWire(self.call_one(operation, item), "rjct", code)
        self.assertEqual(self.live_addresses(ID), [self.fa()])
        self.assertEqual(self.live_addresses(token(2)), [])

    def row_12_update_linked(self):
        self.link()
        other = self.fa("733333333")
        result = self.call_one("update", self.item(ID, fa=other))
        self.assertWire(result, "succ", None)
        self.assertEqual((result["id"], result["fa"]), (ID, other))
        self.assertEqual(self.live_addresses(ID), [other])

    def row_13_update_not_linked(self):
        result = self.call_one("update", self.item(ID, fa=self.fa()))
        self.assertIdInvalid("update", result, LINK_FIRST)
        self.assertEqual(result["id"], ID)
        self.assertEqual(self.live_addresses(ID), [])

    def row_14_update_with_same_address(self):
        self.link()
        before = self.count("g2p.spar.mapping")
        result = self.call_one("update", self.item(ID, fa=self.fa()))
        self.assertWire(result, "succ", None)
        self.assertEqual(self.count("g2p.spar.mapping"), before)

    def row_15_update_same_id_twice_in_one_message(self):
        self.link()
        items = [
            self.item(ID, reference_id="a", fa=self.fa("711111111")),
            self.item(ID, reference_id="b", fa=self.fa("722222222")),
        ]
        before = self.count("g2p.spar.mapping.event")
        _header, results = self.call("update", items)
        for result in results:
            self.assertWire(result, "succ", None)
        self.assertEqual(self.live_addresses(ID), [self.fa("722222222")])
        self.assertEqual(self.count("g2p.spar.mapping.event"), before + 2)

    def row_16_unlink_linked(self):
        self.link()
        result = self.call_one("unlink", self.item(ID))
        self.assertWire(result, "succ", None)
        self.assertEqual(result["id"], ID)
        self.assertNotIn("fa", result)
        self.assertEqual(self.live_addresses(ID), [])
        key = self.env["g2p.spar.mapper"]._id_key(ID)
        kept = self.env["g2p.spar.mapping"].sudo().search([("id_key", "=", key)])
        self.assertEqual(kept.mapped("state"), ["closed"])

    def row_17_unlink_with_other_address(self):
        self.link()
        result = self.call_one("unlink", self.item(ID, fa=self.fa("733333333")))
        self.assertFaInvalid("unlink", result, "FA is not linked to this ID")
        self.assertNotIn("712345678", str(result))
        self.assertEqual(self.live_addresses(ID), [self.fa()])
        result = self.call_one("unlink", self.item(ID, fa=self.fa()))
        self.assertWire(result, "succ", None)

    def row_18_unlink_not_linked(self):
        result = self.call_one("unlink", self.item(ID))
        self.assertIdInvalid("unlink", result, LINK_FIRST)
        self.link()
        items = [self.item(ID, reference_id="a"), self.item(ID, reference_id="b")]
        _header, (first, second) = self.call("unlink", items)
        self.assertWire(first, "succ", None)
        self.assertIdInvalid("unlink", second, LINK_FIRST)

    # --- helpers ----------------------------------------------------------------------

    def assertIdInvalid(self, operation, result, text):
        self._assert_invalid(operation, result, "rjct.id.invalid", text)

    def assertFaInvalid(self, operation, result, text):
        self._assert_invalid(operation, result, "rjct.fa.invalid", text)

    def _assert_invalid(self, operation, result, code, text):
        """The specification has these codes for link only."""
        if operation != "link":
            code = self.said(code, spec="rjct.reference_id.invalid")
        self.assertWire(result, "rjct", code, text)

    def count(self, model):
        return self.env[model].sudo().search_count([])
