# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What the API answers to each situation: rows 21 to 26, the message as a whole, and
rows 35 and 36, what its items make of it."""

from unittest.mock import patch

from odoo.tests import tagged

from ..models.mapper import G2pSparMapper
from ..outcomes import OK, RETRY, Outcome
from .api_case import OPERATIONS
from .row_case import ID, RowCase, only_sync


@tagged("post_install", "-at_install")
class TestApiMessageRows(RowCase):
    def row_21_wrong_action(self):
        for operation in OPERATIONS:
            other = "update" if operation != "update" else "unlink"
            for action, code in (
                (other, "rjct.action.not_supported"),
                (f"on-{other}", "rjct.action.not_supported"),
                ("txn-status", "rjct.action.not_supported"),
                ("txn-on-status", "rjct.action.not_supported"),
                ("on-txn-status", "rjct.action.invalid"),
                ("dance", "rjct.action.invalid"),
                ("", "rjct.action.invalid"),
            ):
                with self.subTest(operation=operation, action=action):
                    items = [
                        self.item(ID, fa=self.fa()),
                        self.item("b", fa="c", reference_id="r2"),
                    ]
                    self.assertWhole(
                        operation, items, code, "err.request.bad", action=action
                    )
        self.assertEqual(self.live_addresses(ID), [])

    def row_21_action_of_the_answer(self):
        """Some send the name of the answer."""
        items, action = [self.item(ID)], "on-resolve"
        if self.is_strict:
            code = "rjct.action.not_supported"
            self.assertWhole("resolve", items, code, "err.request.bad", action=action)
        else:
            header, _results = self.call("resolve", items, action=action)
            self.assertEqual(header["status"], "succ")

    @only_sync
    def row_21_action_as_the_specification_prints_it(self):
        """It has ``link`` for every synchronous address."""
        self.link()
        for operation in OPERATIONS[1:]:
            with self.subTest(operation=operation):
                items = [self.item(ID, fa=self.fa())]
                header, results = self.call(operation, items, action="link")
                if self.way.dialect == "spec":
                    self.assertEqual(header["status"], "succ")
                    self.assertEqual(header["action"], f"on-{operation}")
                else:
                    code = "rjct.action.not_supported"
                    self.assertRefused(header, results, code, items)

    def row_22_wrong_count(self):
        items = [self.item(ID, fa=self.fa())]
        for count in (0, 2, -1, None, 10**30):
            with self.subTest(count=count):
                if self.is_strict:
                    code = "rjct.total_count.invalid"
                    self.assertWhole(
                        "link", items, code, "err.request.bad", total_count=count
                    )
                    self.assertEqual(self.live_addresses(ID), [])
                else:
                    header, _results = self.call("link", items, total_count=count)
                    self.assertEqual(header["status"], "succ")
                    self.assertEqual(header["total_count"], 1)

    def row_23a_empty_list(self):
        for operation in OPERATIONS:
            with self.subTest(operation=operation):
                code = "rjct.total_count.invalid"
                self.assertWhole(operation, [], code, "err.request.bad")

    def row_23b_too_many_items(self):
        self.client.item_limit = 2
        items = [
            self.item(
                f"token:spartest-{n}@nationalId", fa=self.fa(), reference_id=f"r{n}"
            )
            for n in range(3)
        ]
        for operation in OPERATIONS:
            with self.subTest(operation=operation):
                self.assertWhole(
                    operation,
                    items,
                    "rjct.total_count.limit_exceeded",
                    "err.request.too_many_requests",
                )
        self.assertEqual(self.live_addresses("token:spartest-0@nationalId"), [])
        header, _results = self.call("link", items[:2])
        self.assertEqual(header["status"], "succ")

    def row_23b_too_many_bytes(self):
        message = self.message("link", [self.item(ID, fa=self.fa())])
        parameters = self.env["ir.config_parameter"].sudo()
        parameters.set_param("g2p_spar_mapper.max_body_bytes", "100")
        response = self.post("link", message, self.root)
        self.assertError(response, 413, "err.request.bad")
        self.assertEqual(self.live_addresses(ID), [])

    def row_25_transaction_used_again(self):
        """A transaction may span messages."""
        self.link()
        for _again in range(2):
            header, (result,) = self.call("resolve", [self.item(ID)])
            self.assertEqual(header["status"], "succ")
            self.assertWire(result, "succ", "succ.id.active")

    def row_26_version(self):
        items = [self.item(ID)]
        for version in ("1.0.0", "1.7", "0.1.0", None, ""):
            with self.subTest(version=version):
                header, _results = self.call("resolve", items, version=version)
                self.assertEqual(header["status"], "succ")
        for version in ("2.0.0", "0.2.0", "one"):
            with self.subTest(version=version):
                self.assertWhole(
                    "resolve",
                    items,
                    "rjct.version.invalid",
                    "err.version.not_supported",
                    version=version,
                )

    def row_35_fault_of_one_item(self):
        """The service reports a fault of one item; how it finds it is tested there."""

        def one_fault(_self, items, _actor):
            return [
                Outcome(RETRY if item.reference == "bad" else OK, item.id)
                for item in items
            ]

        items = [
            self.item("token:spartest-1@nationalId", reference_id="good", fa=self.fa()),
            self.item("token:spartest-2@nationalId", reference_id="bad", fa=self.fa()),
        ]
        for operation, code in (
            ("link", "rjct.unknown.retry"),
            ("update", None),
            ("unlink", None),
        ):
            with (
                self.subTest(operation=operation),
                patch.object(G2pSparMapper, f"_{operation}", one_fault),
            ):
                _header, (good, bad) = self.call(operation, items)
                self.assertWire(good, "succ", None)
                self.assertWire(bad, "rjct", code, "try this item again")

    def row_36_all_items_rejected(self):
        items = [self.item(""), self.item(ID, reference_id="r2")]
        header, results = self.call("update", items)
        self.assertEqual({result["status"] for result in results}, {"rjct"})
        self.assertEqual(header["status"], "succ")
        self.assertEqual(header["completed_count"], 2)
        self.client.all_failed_rejects = True
        header, results = self.call("update", items)
        self.assertEqual(
            (header["status"], header["status_reason_code"]),
            ("rjct", "rjct.errors.too_many"),
        )
        self.assertTrue(header["status_reason_message"])
        self.assertEqual(header["completed_count"], 2)
        code = self.said("rjct.id.invalid", spec="rjct.reference_id.invalid")
        self.assertWire(results[0], "rjct", code, "ID is null")
        code = self.said("rjct.fa.invalid", spec="rjct.reference_id.invalid")
        self.assertWire(results[1], "rjct", code, "FA is null")
        # one that succeeds is enough
        items[1]["fa"] = self.fa()
        header, _results = self.call("link", items)
        self.assertEqual(header["status"], "succ")
