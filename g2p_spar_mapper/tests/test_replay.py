# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Each message is processed once."""

import json
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

from odoo.tests import tagged
from odoo.tools import mute_logger

from .. import keyring, replay
from ..g2p_connect import signature
from ..g2p_connect.signature import canonical
from ..models.mapper import G2pSparMapper
from .api_case import ApiCase
from .credentials_case import PRIVATE, public

ID = "token:spartest-1@nationalId"
OTHER = "token:spartest-2@nationalId"
DUPLICATE = "rjct.message_id.duplicate"
PROFILES = ("compat", "strict")


@tagged("post_install", "-at_install")
class TestReplay(ApiCase):
    def send(self, operation, message):
        """The answer's bytes; the message goes out byte for byte alike each time."""
        response = self.post(operation, json.dumps(message))
        self.assertEqual(response.status_code, 200, response.text)
        return response.content

    def rows(self, message):
        message_id = message["header"]["message_id"]
        return self.env["g2p.spar.transaction"].search(
            [("message_id", "=", message_id)]
        )

    def events(self):
        return self.env["g2p.spar.mapping.event"].sudo().search_count([])

    def assertDuplicate(self, answer, operation="link"):
        answer = json.loads(answer)
        self.assertEqual(answer["header"]["status"], "rjct")
        self.assertEqual(answer["header"]["status_reason_code"], DUPLICATE)
        for result in answer["message"][f"{operation}_response"]:
            self.assertWire(result, "rjct", None)

    def test_same_message(self):
        for sender in PROFILES:
            with self.subTest(sender=sender):
                wire_id = f"token:spartest-{sender}@nationalId"
                item = self.item(wire_id, fa=self.fa())
                for operation in ("link", "update", "unlink"):
                    if operation == "update":
                        item["fa"] = self.fa("799999999")
                    message = self.message(operation, [item], sender_id=sender)
                    first = self.send(operation, message)
                    (result,) = json.loads(first)["message"][f"{operation}_response"]
                    self.assertEqual(result["status"], "succ", result)
                    events = self.events()
                    self.assertEqual(self.send(operation, message), first)
                    self.assertEqual(self.events(), events)
                    row = self.rows(message)
                    self.assertEqual(len(row), 1)
                    self.assertEqual(row.state, "succ")
                    self.assertEqual((row.item_count, row.done_count), (1, 1))
                    self.assertEqual(
                        row.correlation_id,
                        json.loads(first)["message"]["correlation_id"],
                    )

    def test_same_message_to_another_alias(self):
        message = self.message("link", [self.item(ID, fa=self.fa())])
        first = self.send("link", message)
        again = self.post("link", json.dumps(message), root="/sync")
        self.assertEqual(again.content, first)

    def test_across_a_rotation_of_keys(self):
        old = keyring.get_keyring()
        new = keyring.KeyRing("replay-new", old.keys | {"replay-new": b"k" * 32})
        for sender in PROFILES:
            with self.subTest(sender=sender):
                message = self.message("unlink", [self.item(ID)], sender_id=sender)
                first = self.send("unlink", message)
                with patch.object(replay, "get_keyring", return_value=new):
                    self.assertEqual(self.send("unlink", message), first)
                self.assertEqual(len(self.rows(message)), 1)

    def test_key_that_is_gone(self):
        """Nothing is processed again when it is not known whether it was."""
        gone = keyring.KeyRing("replay-new", {"replay-new": b"k" * 32})
        message = self.message("unlink", [self.item(ID)], sender_id="strict")
        self.send("unlink", message)
        with patch.object(replay, "get_keyring", return_value=gone):
            self.assertDuplicate(self.send("unlink", message), "unlink")
            self.assertIsNone(self.rows(message)._contents("answer"))

    def test_another_message_with_the_same_id(self):
        message = self.message("link", [self.item(ID, fa=self.fa())], message_id="m")
        other = self.message("link", [self.item(OTHER, fa=self.fa())], message_id="m")
        for sent in (message, other):
            sent["header"]["sender_id"] = "strict"
        self.send("link", message)
        self.assertDuplicate(self.send("link", other))
        self.assertEqual(self.live_addresses(OTHER), [])
        # the same id sent to another address is another message, too
        message["header"]["action"] = "unlink"
        message["message"]["unlink_request"] = [self.item(ID)]
        self.assertDuplicate(self.send("unlink", message), "unlink")
        self.assertTrue(self.live_addresses(ID))
        # message ids are the sender's own
        other["header"]["sender_id"] = "compat"
        self.send("link", other)
        self.assertTrue(self.live_addresses(OTHER))

    def test_refused_messages_leave_nothing(self):
        message = self.message("link", [self.item(ID, fa=self.fa())], version="7.0.0")
        self.send("link", message)
        self.assertFalse(self.rows(message))
        message["header"]["version"] = "1.0.0"
        self.send("link", message)
        self.assertTrue(self.live_addresses(ID))

    def test_a_fault_leaves_nothing(self):
        message = self.message("link", [self.item(ID, fa=self.fa())])
        with (
            patch.object(G2pSparMapper, "_link", side_effect=ValueError),
            mute_logger("odoo.addons.g2p_spar_mapper.faults"),
        ):
            response = self.post("link", message)
        self.assertEqual(response.status_code, 500)
        self.assertFalse(self.rows(message))
        self.send("link", message)
        self.assertTrue(self.live_addresses(ID))

    def test_resolve_of_compatible_clients_writes_nothing(self):
        self.set_registry_readonly_mode(True)
        self.addCleanup(self.set_registry_readonly_mode, False)
        message = self.message("resolve", [self.item(ID)])
        answer = json.loads(self.send("resolve", message))
        self.assertEqual(answer["header"]["status"], "succ")
        self.assertFalse(self.rows(message))

    def test_resolve_of_strict_clients(self):
        message = self.message("resolve", [self.item(ID)], sender_id="strict")
        for _time in range(2):
            answer = json.loads(self.send("resolve", message))
            self.assertEqual(answer["header"]["status"], "succ")
        row = self.rows(message)
        self.assertEqual(len(row), 1)
        self.assertFalse(row._contents("answer"))
        message["message"]["resolve_request"] = [self.item(OTHER)]
        self.assertDuplicate(self.send("resolve", message), "resolve")

    def test_message_id_that_cannot_be_kept(self):
        for message_id in ("x" * 256, "a\x00b", "a\nb"):
            message = self.message("resolve", [self.item(ID)], message_id=message_id)
            response = self.post("resolve", message)
            self.assertError(response, 400, "err.request.bad", "header.message_id")

    def test_time_of_a_message(self):
        now = datetime.now(UTC)
        set_parameter = self.env["ir.config_parameter"].set_param
        set_parameter("g2p_spar_mapper.message_hours_back", "2")
        for offset, accepted in (
            (timedelta(minutes=4), True),
            (timedelta(minutes=6), False),
            (-timedelta(minutes=119), True),
            (-timedelta(minutes=121), False),
        ):
            moment = now + offset
            for written in (
                moment.isoformat(),
                moment.replace(tzinfo=None).isoformat(" "),
            ):
                for sender in PROFILES:
                    with self.subTest(offset=offset, written=written, sender=sender):
                        items = [self.item(ID)]
                        header, results = self.call(
                            "unlink", items, message_ts=written, sender_id=sender
                        )
                        if accepted or sender == "compat":
                            self.assertEqual(header["status"], "succ")
                        else:
                            self.assertRefused(
                                header, results, "rjct.message_ts.invalid", items
                            )

    def test_nothing_readable_is_kept(self):
        message = self.message("link", [self.item(ID, fa=self.fa("712000777"))])
        self.send("link", message)
        self.env.cr.execute(
            "SELECT t::text FROM g2p_spar_transaction t WHERE message_id = %s",
            [message["header"]["message_id"]],
        )
        ((row,),) = self.env.cr.fetchall()
        for secret in ("spartest-1", "712000777"):
            self.assertNotIn(secret, row)
        self.assertIn(b"spartest-1", self.rows(message)._contents("answer"))


@tagged("post_install", "-at_install")
class TestReplayOfSigned(ApiCase):
    """Who has seen a signed message cannot send it again as another one."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.compat.write({"credentialless": False, "credentials": "signature"})
        cls.env["g2p.spar.client.key"].create(
            {"client_id": cls.compat.id, "material": public("EdDSA").pem}
        )

    def send(self, operation, message, form=canonical, **options):
        """Sign the message in the sorted form, and send it as ``form`` writes it."""
        body = json.dumps(message).encode()
        kid = public("EdDSA").kid
        self.opener.headers["Signature"] = signature.sign(
            PRIVATE["EdDSA"], "EdDSA", kid, canonical(body)
        )
        response = self.post(operation, form(body), **options)
        self.assertEqual(response.status_code, 200, response.text)
        return response

    def assertRefused(self, response, code):
        self.assertEqual(response.json()["header"]["status_reason_code"], code)

    def test_written_in_another_way(self):
        """The signature holds for each of these, so each is the same message."""
        message = self.message("link", [self.item(ID, fa=self.fa())])
        first = self.send("link", message).content
        events = self.env["g2p.spar.mapping.event"].sudo().search_count([])
        for form in (
            lambda body: body,
            lambda body: b" " + body,
            lambda body: json.dumps(json.loads(body), indent=2).encode(),
            lambda body: canonical(body).replace(b"spartest", b"\\u0073partest"),
        ):
            self.assertEqual(self.send("link", message, form).content, first)
        found = self.env["g2p.spar.mapping.event"].sudo().search_count([])
        self.assertEqual(found, events)

    def test_sent_to_another_address(self):
        for first, second in (("/mapper/sync", "/async"), ("/async", "/mapper/sync")):
            message = self.message("update", [self.item(ID, fa=self.fa())])
            self.send("update", message, root=first)
            answer = self.send("update", message, root=second).json()
            with self.subTest(second=second):
                if second == "/async":
                    self.assertEqual(answer["message"]["ack_status"], "ERR")
                else:
                    code = answer["header"]["status_reason_code"]
                    self.assertEqual(code, DUPLICATE)

    def test_time_of_a_message(self):
        """It is not accepted longer than it is remembered."""
        now = datetime.now(UTC)
        for moment, accepted in (
            (now - timedelta(days=29), True),
            (now - timedelta(days=31), False),
            (now + timedelta(hours=13), True),  # without a zone, it may be a local time
            (now + timedelta(hours=25), False),
        ):
            for text in (
                moment.isoformat(),
                moment.replace(tzinfo=None).isoformat(" "),
            ):
                with self.subTest(text):
                    message = self.message("unlink", [self.item(ID)], message_ts=text)
                    header = self.send("unlink", message).json()["header"]
                    code = header.get("status_reason_code")
                    self.assertEqual(
                        code, None if accepted else "rjct.message_ts.invalid"
                    )
        message = self.message("unlink", [self.item(ID)], message_ts="today")
        self.assertRefused(self.send("unlink", message), "rjct.message_ts.invalid")
