# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What the API answers to each situation: rows 27 to 31, 34, 39 and 40, refusals before
anybody looks whether the answer comes at once or later."""

import json
from unittest.mock import patch

import psycopg2.errors

from odoo.tests import tagged
from odoo.tools import mute_logger

from ..g2p_connect import signature
from ..models.mapper import G2pSparMapper
from .api_case import OPERATIONS
from .credentials_case import PRIVATE, own_rates, public
from .row_case import ID, RowCase

FAULTS = "odoo.addons.g2p_spar_mapper.faults"


@tagged("post_install", "-at_install")
class TestApiRefusalRows(RowCase):
    def tearDown(self):
        """Whoever is refused leaves nothing to be processed."""
        self.env.invalidate_all()
        waiting = self.env["g2p.spar.transaction"].search([("state", "=", "rcvd")])
        self.assertFalse(waiting - self.taken)
        super().tearDown()

    def setUp(self):
        super().setUp()
        self.taken = self.env["g2p.spar.transaction"]

    def resolve(self, message):
        """The answer to a message; remembers it when it was taken."""
        response = self.post("resolve", message, self.root)
        if self.is_async and response.status_code == 200:
            self.taken |= self.row(response.json()["message"])
        return response

    def row_27_token(self):
        self.client.write({"credentialless": False, "credentials": "token"})
        message = self.message("resolve", [self.item(ID)])
        code = "err.request.unauthorized"
        for value in ("", "Bearer", "Bearer a.b.c", "a.b.c", "Basic YTpi"):
            with self.subTest(value=value):
                self.opener.headers["Authorization"] = value
                response = self.resolve(message)
                self.assertError(response, 401, code)
                self.assertTrue(response.headers["WWW-Authenticate"])
        # a good one, an expired one and forged ones are in test_token

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
                code = "rjct.id.invalid"
                if operation in ("update", "unlink"):
                    code = self.said(code, spec="rjct.reference_id.invalid")
                self.assertWire(refused, "rjct", code)
                self.assertEqual(done["status"], "succ", done)
        self.assertEqual(self.live_addresses(ID), [self.fa()])

    def row_28_operation_not_granted(self):
        for operation in OPERATIONS:
            with self.subTest(operation=operation):
                self.client[f"may_{operation}"] = False
                message = self.message(operation, [self.item(ID, fa=self.fa())])
                response = self.post(operation, message, self.root)
                self.assertError(response, 403, "err.request.forbidden")
        self.assertEqual(self.live_addresses(ID), [])

    def row_29_sender(self):
        message = self.message("resolve", [self.item(ID)])

        def send(sender):
            message["header"]["sender_id"] = sender
            return self.resolve(message)

        own = self.client.code
        for sender in ("nobody", own.upper(), f"{own}\x00", "", None):
            with self.subTest(sender=sender):
                self.assertError(send(sender), 401, "err.sender_id.invalid")
        # an empty sender_id will do while only one client can be meant
        for client in self.clients.values():
            if client != self.client:
                client.state = "suspended"
        self.assertEqual(send("").status_code, 200)
        networks, self.client.networks = self.client.networks, "192.0.2.0/24"
        for sender in (own, ""):
            self.assertError(send(sender), 401, "err.sender_id.invalid")
        self.client.write({"networks": networks, "state": "suspended"})
        for sender in (own, ""):
            self.assertError(send(sender), 401, "err.sender_id.invalid")
        self.client.write({"state": "test", "credentialless": False})
        self.assertError(send(own), 401, "err.request.unauthorized")
        self.client.credentialless = True
        self.assertEqual(send(own).status_code, 200)

    def row_30_signature(self):
        """The refusal stands in ``errors`` and in an Ack."""
        self.client.write({"credentialless": False, "credentials": "signature"})
        key = public("EdDSA")
        self.env["g2p.spar.client.key"].create(
            {"client_id": self.client.id, "material": key.pem}
        )
        body = json.dumps(self.message("resolve", [self.item(ID)])).encode()
        good = signature.sign(PRIVATE["EdDSA"], "EdDSA", key.kid, body)
        for text, code in (
            ("", "err.signature.missing"),
            (good[:-8] + "AAAAAAAA", "err.signature.invalid"),
        ):
            with self.subTest(code=code):
                self.opener.headers["Signature"] = text
                response = self.resolve(body)
                self.assertError(response, 401, code)
                ack = response.json()["message"]
                self.assertEqual(ack["ack_status"], "ERR")
                self.assertEqual(ack["error"]["code"], code)
                self.assertTrue(ack["timestamp"] and ack["correlation_id"])
        self.opener.headers["Signature"] = good
        self.assertEqual(self.resolve(body).status_code, 200)

    def row_31_encrypted(self):
        for flag in ("is_msg_encrypted", "is_encrypted"):
            with self.subTest(flag=flag):
                message = self.message("resolve", [], **{flag: True})
                message["message"] = {"header": {}, "ciphertext": "x", "tag": "y"}
                response = self.resolve(message)
                self.assertError(response, 400, "err.encryption.invalid")

    def row_34_not_json(self):
        for body in (b"", b"resolve this", b'{"header":', b"\xff\xfe", b"null"):
            with self.subTest(body=body):
                response = self.resolve(body)
                self.assertError(response, 400, "err.request.bad")
        body = self.message("resolve", [self.item(ID)])
        for content_type in (
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "",
        ):
            with self.subTest(content_type=content_type):
                response = self.post("resolve", body, self.root, content_type)
                self.assertError(response, 415, "err.request.bad")

    def row_39_rate_limit(self):
        own_rates(self)
        self.client.request_rate = 2
        message = self.message("resolve", [self.item(ID)])
        statuses = [self.resolve(message).status_code for _try in range(2)]
        self.assertEqual(statuses, [200, 200])
        response = self.resolve(message)
        self.assertError(response, 429, "err.request.too_many_requests")
        self.assertGreaterEqual(int(response.headers["Retry-After"]), 1)

    def row_40_service_unavailable(self):
        message = self.message("resolve", [self.item(ID)])
        queue = type(self.env["g2p.spar.transaction"])
        place = (queue, "_enqueue") if self.is_async else (G2pSparMapper, "_resolve")
        for fault in (
            psycopg2.errors.AdminShutdown("terminating connection"),
            psycopg2.InterfaceError("connection already closed"),
            psycopg2.pool.PoolError("The Connection Pool Is Full"),
        ):
            with (
                self.subTest(fault=type(fault).__name__),
                patch.object(*place, side_effect=fault),
                mute_logger(FAULTS),
            ):
                response = self.resolve(message)
                self.assertError(response, 503, "err.service.unavailable")
                self.assertTrue(int(response.headers["Retry-After"]))
