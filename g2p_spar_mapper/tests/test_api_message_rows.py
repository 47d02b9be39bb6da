# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What the API answers when a whole message is at fault; numbers as in the table of
behaviour that all known G2P-Connect mapper clients can live with."""

from unittest.mock import patch

import psycopg2.errors

from odoo.tests import tagged
from odoo.tools import mute_logger

from ..models.mapper import G2pSparMapper
from ..outcomes import OK, RETRY, Outcome
from .api_case import OPERATIONS, ApiCase

ID = "token:spartest-1@nationalId"
DISPATCHER = "odoo.addons.g2p_spar_mapper.controllers.dispatcher"


@tagged("post_install", "-at_install")
class TestApiMessageRows(ApiCase):
    def test_row_21_wrong_action(self):
        for operation in OPERATIONS:
            other = "link" if operation != "link" else "unlink"
            for action, code in (
                (other, "rjct.action.not_supported"),
                (f"on-{other}", "rjct.action.not_supported"),
                ("dance", "rjct.action.invalid"),
                ("", "rjct.action.invalid"),
            ):
                with self.subTest(operation=operation, action=action):
                    items = [self.item(ID, fa=self.fa()), self.item("b", fa="c")]
                    header, results = self.call(operation, items, action=action)
                    self.assertRefused(header, results, code, items)
        self.assertEqual(self.live_addresses(ID), [])
        header, _results = self.call("resolve", [self.item(ID)], action="on-resolve")
        self.assertEqual(header["status"], "succ")
        header, _results = self.call(
            "resolve", [self.item(ID)], action="on-resolve", sender_id="strict"
        )
        self.assertEqual(header["status"], "rjct")

    def test_row_22_wrong_count(self):
        items = [self.item(ID, fa=self.fa())]
        for count in (0, 2, -1, None, 10**30):
            with self.subTest(count=count):
                header, results = self.call(
                    "link", items, total_count=count, sender_id="strict"
                )
                self.assertRefused(header, results, "rjct.total_count.invalid", items)
                self.assertEqual(self.live_addresses(ID), [])
                header, _results = self.call("resolve", items, total_count=count)
                self.assertEqual(header["status"], "succ")

    def test_row_23a_empty_list(self):
        for operation in OPERATIONS:
            for sender in ("compat", "strict"):
                with self.subTest(operation=operation, sender=sender):
                    header, results = self.call(operation, [], sender_id=sender)
                    self.assertRefused(header, results, "rjct.total_count.invalid", [])

    def test_row_23b_too_many_items(self):
        self.compat.item_limit = 2
        items = [
            self.item(f"token:spartest-{n}@nationalId", fa=self.fa()) for n in range(3)
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

    def test_row_26_version(self):
        items = [self.item(ID)]
        for version in ("1.0.0", "1.7", "0.1.0", None, ""):
            with self.subTest(version=version):
                header, _results = self.call("resolve", items, version=version)
                self.assertEqual(header["status"], "succ")
        for version in ("2.0.0", "0.2.0", "one"):
            with self.subTest(version=version):
                header, results = self.call("resolve", items, version=version)
                self.assertRefused(header, results, "rjct.version.invalid", items)

    def test_row_28_operation_not_granted(self):
        for operation in OPERATIONS:
            with self.subTest(operation=operation):
                self.compat[f"may_{operation}"] = False
                message = self.message(operation, [self.item(ID, fa=self.fa())])
                response = self.post(operation, message)
                self.assertError(response, 403, "err.request.forbidden")
        self.assertEqual(self.live_addresses(ID), [])

    def test_row_29_sender(self):
        message = self.message("resolve", [self.item(ID)])

        def send(sender):
            message["header"]["sender_id"] = sender
            return self.post("resolve", message)

        for sender in ("nobody", "COMPAT", "compat\x00", "", None):
            with self.subTest(sender=sender):
                self.assertError(send(sender), 401, "err.sender_id.invalid")
        self.compat.networks = "192.0.2.0/24"
        self.assertError(send("compat"), 401, "err.sender_id.invalid")
        # an empty sender_id will do while only one client can be meant
        self.assertEqual(send("").status_code, 200)
        self.strict.state = "suspended"
        self.assertError(send(""), 401, "err.sender_id.invalid")
        self.assertError(send("strict"), 401, "err.sender_id.invalid")
        self.strict.write({"state": "test", "credentialless": False})
        self.assertError(send("strict"), 401, "err.sender_id.invalid")
        self.strict.credentialless = True
        self.assertEqual(send("strict").status_code, 200)

    def test_row_31_encrypted(self):
        for flag in ("is_msg_encrypted", "is_encrypted"):
            with self.subTest(flag=flag):
                message = self.message("resolve", [], **{flag: True})
                message["message"] = {"header": {}, "ciphertext": "x", "tag": "y"}
                response = self.post("resolve", message)
                self.assertError(response, 400, "err.encryption.invalid")

    def test_row_34_not_json(self):
        for body in (b"", b"resolve this", b'{"header":', b"\xff\xfe", b"null"):
            with self.subTest(body=body):
                response = self.post("resolve", body)
                self.assertError(response, 400, "err.request.bad")
        body = self.message("resolve", [self.item(ID)])
        for content_type in ("text/plain", "application/x-www-form-urlencoded", ""):
            with self.subTest(content_type=content_type):
                response = self.post("resolve", body, content_type=content_type)
                self.assertError(response, 415, "err.request.bad")

    def test_row_35_fault_of_one_item(self):
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

    def test_row_36_all_items_rejected(self):
        items = [self.item(""), self.item("token:spartest-1@nationalId")]
        header, results = self.call("update", items)
        self.assertEqual({result["status"] for result in results}, {"rjct"})
        self.assertEqual(header["status"], "succ")
        self.assertEqual(header["completed_count"], 2)

    def test_row_40_service_unavailable(self):
        message = self.message("resolve", [self.item(ID)])
        for fault in (
            psycopg2.errors.AdminShutdown("terminating connection"),
            psycopg2.InterfaceError("connection already closed"),
            psycopg2.pool.PoolError("The Connection Pool Is Full"),
        ):
            with (
                self.subTest(fault=type(fault).__name__),
                patch.object(G2pSparMapper, "_resolve", side_effect=fault),
                mute_logger(DISPATCHER),
            ):
                response = self.post("resolve", message)
                self.assertError(response, 503, "err.service.unavailable")
                self.assertTrue(int(response.headers["Retry-After"]))

    def test_answer_header(self):
        """Swapped parties, echoed ids, and what the oldest libraries cannot miss."""
        message = self.message(
            "link",
            [self.item(ID, fa=self.fa(), reference_id="réf ☃")],
            message_id="m ☃",
            receiver_id="registry",
            meta="text",
            sender_uri="",
        )
        answer = self.post("link", message).json()
        header = answer["header"]
        self.assertEqual(answer["signature"], "")
        self.assertEqual(header["meta"], {})
        self.assertEqual(header["message_id"], "m ☃")
        self.assertEqual(header["action"], "on-link")
        self.assertEqual(header["sender_id"], "registry")
        self.assertEqual(header["receiver_id"], "compat")
        self.assertEqual((header["total_count"], header["completed_count"]), (1, 1))
        self.assertNotIn("status_reason_code", header)
        self.assertEqual(answer["message"]["transaction_id"], "t1")
        self.assertTrue(answer["message"]["correlation_id"])
        (result,) = answer["message"]["link_response"]
        self.assertEqual(result["reference_id"], "réf ☃")
