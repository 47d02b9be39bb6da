# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What the API answers to each situation: rows 19 and 20, resolve."""

from odoo.tests import tagged

from .row_case import ID, LINK_FIRST, RowCase

PRIVATE = {"account_provider_info", "additional_info"}


@tagged("post_install", "-at_install")
class TestApiResolveRows(RowCase):
    def row_19a_resolve_found(self):
        self.link()
        result = self.call_one("resolve", self.item(ID, scope="details"))
        self.assertWire(result, "succ", "succ.id.active")
        self.assertEqual(result["fa"], self.fa())
        self.assertEqual(
            result["account_provider_info"],
            {"name": "Test Wallet", "code": "TESTWALLET", "subcode": ""},
        )
        strategy = {"name": "strategy_id", "value": "4"}
        self.assertEqual(
            result["additional_info"],
            [self.said(strategy | {"strategy_id": 4}, spec=strategy)],
        )

    def row_19a_resolve_gives_additional_info(self):
        """Unchanged in the one dialect, as names and values in the other."""
        sent = [{"strategy_id": 2, "note": None}, {"name": "a", "value": [1], "b": 1}]
        item = self.item(ID, fa=self.fa(), additional_info=sent)
        self.assertWire(self.call_one("link", item), "succ", None)
        result = self.call_one("resolve", self.item(ID, scope="details"))
        pairs = [
            {"name": "strategy_id", "value": 2},
            {"name": "note", "value": ""},
            {"name": "a", "value": "[1]"},
        ]
        # members of one entry come in any order
        self.assertCountEqual(result["additional_info"], self.said(sent, spec=pairs))

    def row_19a_resolve_of_an_unknown_provider(self):
        """What no directory knows has the code its address says, as name, too."""
        if self.is_strict:  # which does not let such an address in
            return
        address = self.fa().replace("TESTWALLET", "NOBODY")
        self.link(fa=address)
        result = self.call_one("resolve", self.item(ID, scope="details"))
        self.assertEqual(result["fa"], address)
        self.assertEqual(
            result["account_provider_info"],
            {"name": "NOBODY", "code": "NOBODY", "subcode": ""},
        )
        self.link("token:spartest-2@nationalId", "no address at all")
        item = self.item("token:spartest-2@nationalId", scope="details")
        result = self.call_one("resolve", item)
        self.assertEqual(result["fa"], "no address at all")
        self.assertNotIn("account_provider_info", result)
        self.assertTrue(result["additional_info"])

    def row_19a_resolve_yes_no_reveals_nothing(self):
        item = self.item(ID, fa=self.fa(), name="Ann", additional_info=[{"a": "b"}])
        self.assertWire(self.call_one("link", item), "succ", None)
        for asked in (
            self.item(ID, scope="yes_no"),
            self.item(ID, scope=""),
            self.item(ID, scope=None),
            self.item(ID),
            self.item(ID, fa=self.fa(), scope="yes_no"),
        ):
            with self.subTest(asked=asked):
                result = self.call_one("resolve", asked)
                self.assertWire(result, "succ", "succ.id.active")
                self.assertEqual(result["fa"], "")
                self.assertFalse(PRIVATE & result.keys())
                self.assertNotIn("712345678", str(result))

    def row_19b_resolve_suspended(self):
        self.link()
        self.freeze(ID)
        result = self.call_one("resolve", self.item(ID, scope="details"))
        self.assertWire(result, "succ", "succ.id.inactive")
        self.assertEqual(result["fa"], "")
        self.assertFalse(PRIVATE & result.keys())

    def row_19c_resolve_unknown(self):
        wire_id = "Token:Äß 7@nationalID"
        result = self.call_one("resolve", self.item(wire_id, scope="details"))
        self.assertWire(result, "succ", "succ.id.not_found", LINK_FIRST)
        self.assertEqual(result["id"], wire_id)
        self.assertEqual(result["fa"], "")

    def row_20a_resolve_by_address(self):
        by_fa = self.item("", fa=self.fa(), scope="details")
        result = self.call_one("resolve", by_fa)
        self.assertWire(result, "succ", "succ.fa.not_found")
        self.link()
        result = self.call_one("resolve", by_fa)
        self.assertWire(result, "succ", "succ.fa.active")
        self.assertEqual(result["fa"], self.fa())
        self.assertEqual(result["id"], "")
        self.client.may_resolve_by_fa = False
        result = self.call_one("resolve", by_fa)
        self.assertWire(result, "rjct", "rjct.resolve_type.not_supported")
        self.assertEqual(result["fa"], "")
        self.client.may_resolve_by_fa = True
        self.freeze(ID)
        result = self.call_one("resolve", by_fa)
        self.assertWire(result, "succ", "succ.fa.inactive")

    def row_20b_resolve_id_and_address_that_differ(self):
        self.link()
        other = self.fa("733333333")
        for scope in ("details", "yes_no"):
            item = self.item(ID, fa=other, scope=scope)
            result = self.call_one("resolve", item)
            self.assertWire(result, "succ", "succ.fa.not_linked_to_id")
            self.assertEqual(result["fa"], "")
            self.assertFalse(PRIVATE & result.keys())
            self.assertNotIn("712345678", str(result))
        result = self.call_one("resolve", self.item(ID, fa=self.fa()))
        self.assertWire(result, "succ", "succ.id.active")

    def row_20c_resolve_neither(self):
        result = self.call_one("resolve", self.item(""))
        self.assertWire(
            result, "rjct", "rjct.id.invalid", "Either ID or FA are required"
        )

    def row_20d_resolve_details_not_allowed(self):
        self.link()
        self.client.may_see_details = False
        result = self.call_one("resolve", self.item(ID, scope="details"))
        self.assertWire(result, "rjct", "rjct.resolve_type.not_supported")
        self.assertEqual(result["fa"], "")
        result = self.call_one("resolve", self.item(ID, scope="provider"))
        self.assertWire(result, "rjct", "rjct.resolve_type.not_supported")
        result = self.call_one("resolve", self.item(ID, scope="yes_no"))
        self.assertWire(result, "succ", "succ.id.active")
