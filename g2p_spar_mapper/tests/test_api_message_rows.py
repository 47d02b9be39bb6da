# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What the API answers to each situation: rows 21 to 40, the message as a whole."""

from unittest.mock import patch

import psycopg2.errors

from odoo.tests import tagged
from odoo.tools import mute_logger

from ..models.mapper import G2pSparMapper
from ..outcomes import OK, RETRY, Outcome
from .api_case import OPERATIONS
from .row_case import ID, RowCase, once, sync

FAULTS = "odoo.addons.g2p_spar_mapper.faults"


@tagged("post_install", "-at_install")
class TestApiMessageRows(RowCase):
    @sync
    def row_21_wrong_action(self):
        for operation in OPERATIONS:
            other = "update" if operation != "update" else "unlink"
            for action, code in (
                (other, "rjct.action.not_supported"),
                (f"on-{other}", "rjct.action.not_supported"),
                ("dance", "rjct.action.invalid"),
                ("", "rjct.action.invalid"),
            ):
                with self.subTest(operation=operation, action=action):
                    items = [
                        self.item(ID, fa=self.fa()),
                        self.item("b", fa="c", reference_id="r2"),
                    ]
                    header, results = self.call(operation, items, action=action)
                    self.assertRefused(header, results, code, items)
        self.assertEqual(self.live_addresses(ID), [])

    @sync
    def row_21_action_of_the_answer(self):
        """Some send the name of the answer."""
        header, _results = self.call("resolve", [self.item(ID)], action="on-resolve")
        self.assertEqual(header["status"], "rjct" if self.is_strict else "succ")

    @sync
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

    @sync
    def row_22_wrong_count(self):
        items = [self.item(ID, fa=self.fa())]
        for count in (0, 2, -1, None, 10**30):
            with self.subTest(count=count):
                header, results = self.call("link", items, total_count=count)
                if self.is_strict:
                    code = "rjct.total_count.invalid"
                    self.assertRefused(header, results, code, items)
                    self.assertEqual(self.live_addresses(ID), [])
                else:
                    self.assertEqual(header["status"], "succ")
                    self.assertEqual(header["total_count"], 1)

    @sync
    def row_23a_empty_list(self):
        for operation in OPERATIONS:
            with self.subTest(operation=operation):
                header, results = self.call(operation, [])
                self.assertRefused(header, results, "rjct.total_count.invalid", [])

    @sync
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
                header, results = self.call(operation, items)
                self.assertRefused(
                    header, results, "rjct.total_count.limit_exceeded", items
                )
        self.assertEqual(self.live_addresses("token:spartest-0@nationalId"), [])
        header, _results = self.call("link", items[:2])
        self.assertEqual(header["status"], "succ")

    def row_25_transaction_used_again(self):
        """A transaction may span messages."""
        self.link()
        for _again in range(2):
            header, (result,) = self.call("resolve", [self.item(ID)])
            self.assertEqual(header["status"], "succ")
            self.assertWire(result, "succ", "succ.id.active")

    @sync
    def row_26_version(self):
        items = [self.item(ID)]
        for version in ("1.0.0", "1.7", "0.1.0", None, ""):
            with self.subTest(version=version):
                header, _results = self.call("resolve", items, version=version)
                self.assertEqual(header["status"], "succ")
        for version in ("2.0.0", "0.2.0", "one"):
            with self.subTest(version=version):
                header, results = self.call("resolve", items, version=version)
                self.assertRefused(header, results, "rjct.version.invalid", items)

    @once
    def row_27_token(self):
        self.client.write({"credentialless": False, "credentials": "token"})
        message = self.message("resolve", [self.item(ID)])
        code = "err.request.unauthorized"
        for value in ("", "Bearer", "Bearer a.b.c", "a.b.c", "Basic YTpi"):
            with self.subTest(value=value):
                self.opener.headers["Authorization"] = value
                response = self.post("resolve", message)
                self.assertError(response, 401, code)
                self.assertTrue(response.headers["WWW-Authenticate"])
        # a good one, an expired one and forged ones are in test_token

    @once
    def row_28_id_type_not_granted(self):
        self.link()
        other = self.env["g2p.spar.id.type"].create(
            {"name": "Other", "code": "row28", "prefix": "row28:"}
        )
        self.client.id_type_ids = other
        for operation in OPERATIONS:
            with self.subTest(operation=operation):
                items = [
                    self.item(ID, fa=self.fa()),
                    self.item("row28:1", fa=self.fa(), reference_id="r2"),
                ]
                header, (refused, done) = self.call(operation, items)
                self.assertEqual(header["status"], "succ")
                self.assertWire(refused, "rjct", "rjct.id.invalid")
                self.assertEqual(done["status"], "succ", done)
        self.assertEqual(self.live_addresses(ID), [self.fa()])

    @once
    def row_28_operation_not_granted(self):
        for operation in OPERATIONS:
            with self.subTest(operation=operation):
                self.client[f"may_{operation}"] = False
                message = self.message(operation, [self.item(ID, fa=self.fa())])
                response = self.post(operation, message)
                self.assertError(response, 403, "err.request.forbidden")
        self.assertEqual(self.live_addresses(ID), [])

    @once
    def row_29_sender(self):
        message = self.message("resolve", [self.item(ID)])

        def send(sender):
            message["header"]["sender_id"] = sender
            return self.post("resolve", message)

        own, other = "openg2p-compat", "openg2p-strict"
        for sender in ("nobody", own.upper(), f"{own}\x00", "", None):
            with self.subTest(sender=sender):
                self.assertError(send(sender), 401, "err.sender_id.invalid")
        self.client.networks = "192.0.2.0/24"
        self.assertError(send(own), 401, "err.sender_id.invalid")
        # an empty sender_id will do while only one client can be meant
        for code in ("spec-compat", "spec-strict"):
            self.clients[code].state = "suspended"
        self.assertEqual(send("").status_code, 200)
        client = self.clients[other]
        client.state = "suspended"
        self.assertError(send(""), 401, "err.sender_id.invalid")
        self.assertError(send(other), 401, "err.sender_id.invalid")
        client.write({"state": "test", "credentialless": False})
        self.assertError(send(other), 401, "err.request.unauthorized")
        client.credentialless = True
        self.assertEqual(send(other).status_code, 200)

    @once
    def row_31_encrypted(self):
        for flag in ("is_msg_encrypted", "is_encrypted"):
            with self.subTest(flag=flag):
                message = self.message("resolve", [], **{flag: True})
                message["message"] = {"header": {}, "ciphertext": "x", "tag": "y"}
                response = self.post("resolve", message)
                self.assertError(response, 400, "err.encryption.invalid")

    @once
    def row_34_not_json(self):
        for body in (b"", b"resolve this", b'{"header":', b"\xff\xfe", b"null"):
            with self.subTest(body=body):
                response = self.post("resolve", body)
                self.assertError(response, 400, "err.request.bad")
        body = self.message("resolve", [self.item(ID)])
        for content_type in ("text/plain", "application/x-www-form-urlencoded", ""):
            with self.subTest(content_type=content_type):
                response = self.post("resolve", body, content_type=content_type)
                self.assertError(response, 415, "err.request.bad")

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

    @once
    def row_40_service_unavailable(self):
        message = self.message("resolve", [self.item(ID)])
        for fault in (
            psycopg2.errors.AdminShutdown("terminating connection"),
            psycopg2.InterfaceError("connection already closed"),
            psycopg2.pool.PoolError("The Connection Pool Is Full"),
        ):
            with (
                self.subTest(fault=type(fault).__name__),
                patch.object(G2pSparMapper, "_resolve", side_effect=fault),
                mute_logger(FAULTS),
            ):
                response = self.post("resolve", message)
                self.assertError(response, 503, "err.service.unavailable")
                self.assertTrue(int(response.headers["Retry-After"]))
