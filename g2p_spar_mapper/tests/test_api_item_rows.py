# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What the API answers to each situation, numbered as in the table of behaviour that
all known G2P-Connect mapper clients can live with."""

from odoo.tests import tagged

from .api_case import OPERATIONS, ROOTS, TIME, ApiCase

ID = "token:spartest-1@nationalId"
LINK_FIRST = "ID doesnt exist please link first"
ALREADY = "ID and FA are already mapped"


@tagged("post_install", "-at_install")
class TestApiItemRows(ApiCase):
    def test_row_01_link_new_id(self):
        for number, root in enumerate(ROOTS):
            with self.subTest(root=root):
                item = self.item(f"token:spartest-{number}@nationalId", fa=self.fa())
                header, (result,) = self.call("link", [item], root=root)
                self.assertEqual(header["status"], "succ")
                self.assertWire(result, "succ", None)
                self.assertEqual(result["id"], item["id"])
                self.assertEqual(result["fa"], self.fa())
                self.assertEqual(self.live_addresses(item["id"]), [self.fa()])

    def test_row_02_link_linked_id_with_other_address(self):
        self.link()
        other = self.fa("733333333")
        result = self.call_one("link", self.item(ID, fa=other))
        self.assertWire(result, "rjct", "rjct.reference_id.duplicate", ALREADY)
        self.assertEqual(result["fa"], "")
        self.assertEqual(self.live_addresses(ID), [self.fa()])

    def test_row_03_link_linked_id_with_same_address(self):
        self.link()
        result = self.call_one("link", self.item(ID, fa=self.fa()))
        self.assertWire(result, "rjct", "rjct.reference_id.duplicate", ALREADY)

    def test_row_04_link_same_id_twice_in_one_message(self):
        items = [
            self.item(ID, reference_id="a", fa=self.fa("711111111")),
            self.item(ID, reference_id="b", fa=self.fa("722222222")),
            self.item(
                "token:spartest-2@nationalId", reference_id="c", fa=self.fa("733333333")
            ),
        ]
        _header, (first, second, third) = self.call("link", items)
        self.assertWire(first, "succ", None)
        self.assertWire(second, "rjct", "rjct.reference_id.duplicate", ALREADY)
        self.assertWire(third, "succ", None)
        self.assertEqual(self.live_addresses(ID), [self.fa("711111111")])

    def test_row_05_same_reference_twice(self):
        for number, operation in enumerate(OPERATIONS):
            with self.subTest(operation=operation):
                items = [
                    self.item(
                        f"token:spartest-{number}a@nationalId", fa=self.fa("711111111")
                    ),
                    self.item(
                        f"token:spartest-{number}b@nationalId", fa=self.fa("722222222")
                    ),
                    self.item(
                        f"token:spartest-{number}c@nationalId",
                        fa=self.fa("733333333"),
                        reference_id="other",
                    ),
                ]
                _header, results = self.call(operation, items, sender_id="strict")
                for result in results[:2]:
                    self.assertWire(result, "rjct", "rjct.reference_id.duplicate")
                self.assertNotEqual(
                    results[2].get("status_reason_code"), "rjct.reference_id.duplicate"
                )
                _header, results = self.call(operation, items)
                for result in results:
                    self.assertNotEqual(
                        result.get("status_reason_message"),
                        "reference_id is used more than once in this message",
                    )
        self.assertEqual(
            self.live_addresses("token:spartest-0a@nationalId"), [self.fa("711111111")]
        )

    def test_row_06_empty_id(self):
        for operation in ("link", "update", "unlink"):
            for empty in ("", None):
                with self.subTest(operation=operation, empty=empty):
                    result = self.call_one(operation, self.item(empty, fa=self.fa()))
                    self.assertWire(result, "rjct", "rjct.id.invalid", "ID is null")
                    self.assertEqual(result["id"], "")

    def test_row_07_empty_address(self):
        self.link()
        for operation, wire_id in (
            ("link", "token:spartest-2@nationalId"),
            ("update", ID),
        ):
            for empty in ("", None):
                with self.subTest(operation=operation, empty=empty):
                    result = self.call_one(operation, self.item(wire_id, fa=empty))
                    self.assertWire(result, "rjct", "rjct.fa.invalid", "FA is null")
        self.assertEqual(self.live_addresses(ID), [self.fa()])

    def test_row_08_id_or_address_missing(self):
        no_id = {"reference_id": "r1", "timestamp": TIME, "fa": self.fa()}
        for operation in ("link", "update", "unlink"):
            with self.subTest(operation=operation):
                result = self.call_one(operation, no_id)
                self.assertWire(result, "rjct", "rjct.id.invalid", "ID is null")
        self.link()
        for operation, wire_id in (
            ("link", "token:spartest-2@nationalId"),
            ("update", ID),
        ):
            with self.subTest(operation=operation):
                result = self.call_one(operation, self.item(wire_id))
                self.assertWire(result, "rjct", "rjct.fa.invalid", "FA is null")

    def test_row_09_unknown_provider_or_malformed(self):
        unknown = self.fa().replace("TESTWALLET", "NOBODY")
        for address in (unknown, "no address at all"):
            with self.subTest(address=address):
                item = self.item(
                    f"token:spartest-{len(address)}@nationalId", fa=address
                )
                result = self.call_one("link", item, sender_id="strict")
                self.assertWire(result, "rjct", "rjct.fa.invalid", "FA is invalid")
                self.assertEqual(self.live_addresses(item["id"]), [])
                result = self.call_one("link", item)
                self.assertWire(result, "succ", None)
                self.assertEqual(result["fa"], address)
        item = self.item("token:spartest-1\x00@nationalId", fa=self.fa())
        for sender in ("strict", "compat"):
            with self.subTest(sender=sender):
                result = self.call_one("link", item, sender_id=sender)
                self.assertWire(result, "rjct", "rjct.id.invalid", "ID is invalid")

    def test_row_10_bad_timestamp(self):
        for number, bad in enumerate(("string", "", None, "2026-13-01T00:00:00", "1")):
            with self.subTest(timestamp=bad):
                wire_id = f"token:spartest-{number}@nationalId"
                item = self.item(wire_id, fa=self.fa(), timestamp=bad)
                result = self.call_one("link", item, sender_id="strict")
                self.assertWire(result, "rjct", "rjct.timestamp.invalid")
                self.assertEqual(self.live_addresses(wire_id), [])
                self.assertWire(self.call_one("link", item), "succ", None)
        spaced = self.item(
            "token:spartest-9@nationalId", timestamp="2026-01-31 10:00:00.123456"
        )
        result = self.call_one("resolve", spaced, sender_id="strict")
        self.assertWire(result, "succ", "succ.id.not_found")

    def test_row_11_bad_name_or_phone(self):
        self.link()
        bad_name = {"name": "A\nB"}
        bad_phone = {"phone_number": "call me"}
        for operation, wire_id, member, code in (
            ("link", "token:spartest-2@nationalId", bad_name, "rjct.name.invalid"),
            (
                "link",
                "token:spartest-2@nationalId",
                bad_phone,
                "rjct.mobile_number.invalid",
            ),
            ("update", ID, bad_name, "rjct.beneficiary_name.invalid"),
            ("update", ID, bad_phone, "rjct.beneficiary_name.invalid"),
        ):
            with self.subTest(operation=operation, code=code):
                item = self.item(wire_id, fa=self.fa("799999999"), **member)
                self.assertWire(self.call_one(operation, item), "rjct", code)
        self.assertEqual(self.live_addresses(ID), [self.fa()])
        self.assertEqual(self.live_addresses("token:spartest-2@nationalId"), [])

    def test_row_12_update_linked(self):
        self.link()
        other = self.fa("733333333")
        result = self.call_one("update", self.item(ID, fa=other))
        self.assertWire(result, "succ", None)
        self.assertEqual((result["id"], result["fa"]), (ID, other))
        self.assertEqual(self.live_addresses(ID), [other])

    def test_row_13_update_not_linked(self):
        result = self.call_one("update", self.item(ID, fa=self.fa()))
        self.assertWire(result, "rjct", "rjct.id.invalid", LINK_FIRST)
        self.assertEqual(result["id"], ID)
        self.assertEqual(self.live_addresses(ID), [])

    def test_row_14_update_with_same_address(self):
        self.link()
        before = self.env["g2p.spar.mapping"].sudo().search_count([])
        result = self.call_one("update", self.item(ID, fa=self.fa()))
        self.assertWire(result, "succ", None)
        after = self.env["g2p.spar.mapping"].sudo().search_count([])
        self.assertEqual(after, before)

    def test_row_15_update_same_id_twice_in_one_message(self):
        self.link()
        items = [
            self.item(ID, reference_id="a", fa=self.fa("711111111")),
            self.item(ID, reference_id="b", fa=self.fa("722222222")),
        ]
        events = self.env["g2p.spar.mapping.event"].sudo()
        before = events.search_count([])
        _header, results = self.call("update", items)
        for result in results:
            self.assertWire(result, "succ", None)
        self.assertEqual(self.live_addresses(ID), [self.fa("722222222")])
        self.assertEqual(events.search_count([]), before + 2)

    def test_row_16_unlink_linked(self):
        self.link()
        result = self.call_one("unlink", self.item(ID))
        self.assertWire(result, "succ", None)
        self.assertEqual(result["id"], ID)
        self.assertNotIn("fa", result)
        self.assertEqual(self.live_addresses(ID), [])
        key = self.env["g2p.spar.mapper"]._id_key(ID)
        kept = self.env["g2p.spar.mapping"].sudo().search([("id_key", "=", key)])
        self.assertEqual(kept.mapped("state"), ["closed"])

    def test_row_17_unlink_with_other_address(self):
        self.link()
        result = self.call_one("unlink", self.item(ID, fa=self.fa("733333333")))
        self.assertWire(result, "rjct", "rjct.fa.invalid")
        self.assertEqual(self.live_addresses(ID), [self.fa()])
        result = self.call_one("unlink", self.item(ID, fa=self.fa()))
        self.assertWire(result, "succ", None)

    def test_row_18_unlink_not_linked(self):
        result = self.call_one("unlink", self.item(ID))
        self.assertWire(result, "rjct", "rjct.id.invalid", LINK_FIRST)
        self.link()
        items = [self.item(ID, reference_id="a"), self.item(ID, reference_id="b")]
        _header, (first, second) = self.call("unlink", items)
        self.assertWire(first, "succ", None)
        self.assertWire(second, "rjct", "rjct.id.invalid", LINK_FIRST)

    def test_row_19a_resolve_found(self):
        self.link()
        result = self.call_one("resolve", self.item(ID, scope="details"))
        self.assertWire(result, "succ", "succ.id.active")
        self.assertEqual(result["fa"], self.fa())
        self.assertEqual(
            result["account_provider_info"],
            {"name": "Test Wallet", "code": "TESTWALLET", "subcode": ""},
        )
        self.assertEqual(
            result["additional_info"],
            [{"name": "strategy_id", "value": "4", "strategy_id": 4}],
        )
        for scope in ("yes_no", "", None):
            with self.subTest(scope=scope):
                result = self.call_one("resolve", self.item(ID, scope=scope))
                self.assertWire(result, "succ", "succ.id.active")
                self.assertEqual(result["fa"], "")
                self.assertFalse(
                    {"account_provider_info", "additional_info"} & result.keys()
                )

    def test_row_19b_resolve_suspended(self):
        self.link()
        self.freeze(ID)
        result = self.call_one("resolve", self.item(ID, scope="details"))
        self.assertWire(result, "succ", "succ.id.inactive")
        self.assertEqual(result["fa"], "")
        self.assertNotIn("account_provider_info", result)

    def test_row_19c_resolve_unknown(self):
        wire_id = "Token:Äß 7@nationalID"
        result = self.call_one("resolve", self.item(wire_id, scope="details"))
        self.assertWire(result, "succ", "succ.id.not_found", LINK_FIRST)
        self.assertEqual(result["id"], wire_id)
        self.assertEqual(result["fa"], "")

    def test_row_20a_resolve_by_address(self):
        by_fa = self.item("", fa=self.fa(), scope="details")
        result = self.call_one("resolve", by_fa)
        self.assertWire(result, "succ", "succ.fa.not_found")
        self.link()
        result = self.call_one("resolve", by_fa)
        self.assertWire(result, "succ", "succ.fa.active")
        self.assertEqual(result["fa"], self.fa())
        self.assertEqual(result["id"], "")
        self.compat.may_resolve_by_fa = False
        result = self.call_one("resolve", by_fa)
        self.assertWire(result, "rjct", "rjct.resolve_type.not_supported")
        self.assertEqual(result["fa"], "")
        self.compat.may_resolve_by_fa = True
        self.freeze(ID)
        result = self.call_one("resolve", by_fa)
        self.assertWire(result, "succ", "succ.fa.inactive")

    def test_row_20b_resolve_id_and_address_that_differ(self):
        self.link()
        other = self.fa("733333333")
        item = self.item(ID, fa=other, scope="details")
        response = self.post("resolve", self.message("resolve", [item]))
        self.assertNotIn("712345678", response.text)
        (result,) = response.json()["message"]["resolve_response"]
        self.assertWire(result, "succ", "succ.fa.not_linked_to_id")
        self.assertEqual(result["fa"], "")
        result = self.call_one("resolve", self.item(ID, fa=self.fa()))
        self.assertWire(result, "succ", "succ.id.active")

    def test_row_20c_resolve_neither(self):
        result = self.call_one("resolve", self.item(""))
        self.assertWire(
            result, "rjct", "rjct.id.invalid", "Either ID or FA are required"
        )

    def test_row_20d_resolve_details_not_allowed(self):
        self.link()
        self.compat.may_see_details = False
        result = self.call_one("resolve", self.item(ID, scope="details"))
        self.assertWire(result, "rjct", "rjct.resolve_type.not_supported")
        self.assertEqual(result["fa"], "")
        result = self.call_one("resolve", self.item(ID, scope="provider"))
        self.assertWire(result, "rjct", "rjct.resolve_type.not_supported")
        result = self.call_one("resolve", self.item(ID, scope="yes_no"))
        self.assertWire(result, "succ", "succ.id.active")

    def freeze(self, wire_id):
        """Suspend a mapping, as staff will be able to."""
        self.env.flush_all()
        key = self.env["g2p.spar.mapper"]._id_key(wire_id)
        self.env.cr.execute(
            "UPDATE g2p_spar_mapping SET state = 'frozen'"
            " WHERE id_key = %s AND closed_at IS NULL",
            [key],
        )
        self.env.invalidate_all()
