# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import json

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, tagged

from ..outcomes import Actor, LinkItem
from .common import MapperCommon, wire_id

OWN = "test:someone-1"


@tagged("post_install", "-at_install")
class TestClientTry(MapperCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.client = cls.env["g2p.spar.client"].create(
            {
                "name": "Sandbox",
                "code": "sandbox",
                "organisation": "Ministry",
                "purpose": "Trying",
                "state": "test",
                "may_link": True,
                "may_resolve": True,
                "may_see_details": True,
                "may_resolve_by_fa": True,
                "credentials": "both",
            }
        )

    def attempt(self, user="administrator", **values):
        attempts = self.env["g2p.spar.client.try"].with_user(self.users[user])
        return attempts.with_context(active_id=self.client.id).create(values)

    def send(self, **values):
        attempt = self.attempt(**values)
        attempt.action_send()
        return attempt, json.loads(attempt.answer)

    def test_link_and_look_up_a_test_id(self):
        attempt, answer = self.send(operation="link", fa=self.bank_fa())
        self.assertEqual(attempt.wire_id, OWN)
        self.assertEqual(attempt.status, "200")
        self.assertEqual(answer["message"]["link_response"][0]["status"], "succ")
        attempt, answer = self.send(operation="resolve")
        (result,) = answer["message"]["resolve_response"]
        self.assertEqual(result["fa"], self.bank_fa())
        self.assertGreater(attempt.milliseconds, 0)
        first = attempt.message_id
        attempt.action_send()
        self.assertNotEqual(attempt.message_id, first)
        event = self.events.sudo().search([], order="id desc", limit=1)
        self.assertEqual(event.client_id, self.client)

    def test_no_word_of_real_people(self):
        self.mapper._link(
            [LinkItem(wire_id(1), self.bank_fa())], Actor("staff", purpose="Test")
        )
        attempt = self.attempt()
        for real in (wire_id(1), "HH-2024-000123", " x"):
            with self.assertRaises(ValidationError) as caught:
                attempt.wire_id = real
            self.assertNotIn(real, str(caught.exception))
            with self.assertRaises(ValidationError):
                self.attempt(wire_id=real)
        # and if it did get there, the client's limits hold
        attempt = self.attempt()
        body = attempt.request.replace(OWN, wire_id(1)).encode()
        status, answer = attempt._send(body)
        self.assertEqual(status, "200")
        (result,) = json.loads(answer)["message"]["resolve_response"]
        self.assertEqual(result["status_reason_code"], "rjct.id.invalid")
        self.assertNotIn(self.bank_fa().encode(), answer)

    def test_only_test_clients(self):
        attempt = self.attempt()
        for state in ("live", "suspended"):
            self.client.state = state
            with self.assertRaisesRegex(UserError, "in test"):
                attempt.action_send()
        self.assertFalse(attempt.answer)

    def test_faults_are_shown_as_the_api_shows_them(self):
        attempt, answer = self.send(operation="unlink")
        self.assertEqual(attempt.status, "403")
        self.assertEqual(answer["errors"][0]["code"], "err.request.forbidden")

    def test_curl_has_no_secret(self):
        self.client.action_new_secret()
        attempt = self.attempt(wire_id="test:o'neill")
        self.assertIn('"Authorization: Bearer $TOKEN"', attempt.curl)
        self.assertIn('"Signature: $SIGNATURE"', attempt.curl)
        self.assertIn("test:o'\\''neill", attempt.curl)
        self.assertIn("/mapper/sync/resolve", attempt.curl)

    def test_form(self):
        attempts = self.env["g2p.spar.client.try"].with_context(
            active_id=self.client.id
        )
        with Form(attempts) as form:
            self.assertIn('"action": "resolve"', form.request)
            form.operation = "link"
            self.assertIn('"action": "link"', form.request)
            self.assertIn(form.fa, form.request)

    def test_administrators_only(self):
        for role in ("officer", "auditor", "steward", "employee"):
            with self.subTest(role=role), self.assertRaises(AccessError):
                self.attempt(role)
