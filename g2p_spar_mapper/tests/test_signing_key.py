# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import json
from unittest.mock import patch

from odoo import http
from odoo.exceptions import AccessError, UserError
from odoo.tests import TransactionCase, new_test_user, tagged
from odoo.tools import mute_logger

from ..g2p_connect import keys, signature
from .api_case import ApiCase

ADMINISTRATOR = "g2p_spar_bank_directory.group_spar_administrator"
BODY = b'{"signature":"","header":{"b":1,"a":"\xc3\xa9"},"message":{}}'


@tagged("post_install", "-at_install")
class TestSigningKey(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.keys = cls.env["g2p.spar.signing.key"]
        cls.keys.search([]).state = "retired"

    def published(self):
        """Keys as a receiver reads them."""
        return [
            signature.Key(key.kid, key.alg, key.public)
            for key in keys.read_jwks(self.keys._jwks())
        ]

    def verify(self, text, body=BODY):
        jws = signature.parse(text)
        return signature.verify(
            jws, self.published(), signature.header_payloads(body)
        ).kid

    def test_nothing_is_signed_without_a_key(self):
        self.assertEqual(self.keys._sign(BODY), "")
        self.assertEqual(self.keys._prepare_signed(BODY), (BODY, {}))
        self.keys.create({})  # next, not yet signing
        self.assertEqual(self.keys._sign(BODY), "")

    def test_each_algorithm_signs_what_its_published_key_verifies(self):
        for algorithm in keys.KEY_TYPES:
            with self.subTest(algorithm=algorithm):
                key = self.keys.create({"algorithm": algorithm})
                key.action_use()
                self.assertEqual(self.verify(self.keys._sign(BODY)), key.kid)

    def test_rotation(self):
        first, second = self.keys.create([{}, {}])
        first.action_use()
        old = self.keys._sign(BODY)
        second.action_use()
        self.assertEqual(first.state, "retired")
        self.assertEqual(self.verify(self.keys._sign(BODY)), second.kid)
        self.assertEqual(self.verify(old), first.kid, "still published")
        first.unlink()
        with self.assertRaises(signature.SignatureError):
            self.verify(old)
        with self.assertRaises(UserError):
            second.unlink()
        second.action_retire()
        self.assertEqual(self.keys._sign(BODY), "")
        with self.assertRaises(UserError):
            second.action_use()

    def test_signed_body_is_the_same_raw_and_sorted(self):
        self.keys.create({}).action_use()
        body, headers = self.keys._prepare_signed(BODY)
        self.assertEqual(json.loads(body), json.loads(BODY))
        raw, ordered, _escaped = signature.header_payloads(body)
        self.assertEqual(raw, ordered)
        self.verify(headers["Signature"], body)

    def test_private_half_is_nowhere(self):
        administrator = new_test_user(self.env, "signing_admin", ADMINISTRATOR)
        key = self.keys.with_user(administrator).create({})
        self.assertNotIn("d", json.loads(self.keys._jwks())["keys"][0])
        with self.assertRaises(AccessError):
            key.read(["private_pem"])
        self.env.flush_all()
        self.env.cr.execute(
            "SELECT private_pem FROM g2p_spar_signing_key WHERE id = %s", [key.id]
        )
        self.assertNotIn("PRIVATE", self.env.cr.fetchone()[0])

    def test_key_does_not_change(self):
        key = self.keys.create({})
        for name in ("kid", "algorithm", "public_pem"):
            with self.subTest(name=name), self.assertRaises(UserError):
                key[name] = "RS256"

    def test_only_the_buttons_change_what_a_key_does(self):
        administrator = new_test_user(self.env, "signing_admin", ADMINISTRATOR)
        key = self.keys.with_user(administrator).create({})
        key.action_use()
        key.action_retire()
        for state in ("current", "next"):
            with self.subTest(state=state), self.assertRaises(AccessError):
                key.state = state
        self.assertEqual(key.state, "retired")

    def test_administrators_only(self):
        key = self.keys.create({})
        for group in (
            "g2p_spar_mapper.group_spar_officer",
            "g2p_spar_mapper.group_spar_auditor",
            "g2p_spar_bank_directory.group_spar_steward",
            "base.group_portal",
        ):
            user = new_test_user(self.env, f"signing_{group.split('.')[1]}", group)
            own = key.with_user(user)
            for refused in (
                lambda own=own: own.read(["kid"]),
                lambda own=own: own.create({}),
                lambda own=own: own.action_use(),
                lambda own=own: own.action_retire(),
            ):
                with self.subTest(group=group), self.assertRaises(AccessError):
                    refused()


@tagged("post_install", "-at_install")
class TestSignedAnswers(ApiCase):
    def test_answers_are_signed_while_there_is_a_key(self):
        message = self.message("resolve", [self.item()])
        self.assertNotIn("Signature", self.post("resolve", message).headers)
        key = self.env["g2p.spar.signing.key"].create({})
        key.action_use()
        response = self.post("resolve", message)
        jwks = self.url_open("/.well-known/jwks.json")
        self.assertEqual(jwks.headers["Content-Type"], "application/json")
        published = [
            signature.Key(found.kid, found.alg, found.public)
            for found in keys.read_jwks(jwks.content)
        ]
        jws = signature.parse(response.headers["Signature"])
        signature.verify(jws, published, [response.content])
        self.compat.signed_answers = False
        self.assertNotIn("Signature", self.post("resolve", message).headers)

    def test_keys_while_the_database_is_away(self):
        """Receivers learn that they may ask again, as everywhere else."""
        away = patch.object(http.Request, "_serve_db", side_effect=http.RegistryError)
        with away, mute_logger("odoo.http"):
            response = self.url_open("/.well-known/jwks.json")
        self.assertError(response, 503, "err.service.unavailable")
        self.assertTrue(int(response.headers["Retry-After"]))
