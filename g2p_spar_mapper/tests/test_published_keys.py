# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import datetime
import json
import time
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import TransactionCase, tagged

from odoo.addons.g2p_spar_bank_directory.exceptions import (
    SparConfigurationError,
    SparError,
    SparTransientError,
)

from .. import http_client, key_sets
from ..g2p_connect import keys
from .credentials_case import CredentialsCase, key_set, public
from .fake_peer import FakePeer, ReachesPeers

URL = "https://client.example.org/.well-known/jwks.json"
BODY = b'{"header": {}}'


@tagged("post_install", "-at_install")
class TestPublishedKeys(CredentialsCase):
    """Keys that a client publishes at an address."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.client = cls.new_client("signer", credentials="signature")
        cls.key = cls.env["g2p.spar.client.key"].create(
            {"client_id": cls.client.id, "source": "url", "url": URL}
        )

    def setUp(self):
        super().setUp()
        self.served = key_set("EdDSA")
        self.asked = 0
        self.now = time.time()
        key_sets._fetched.clear()
        self.addCleanup(key_sets._fetched.clear)
        self.startPatcher(patch.object(http_client, "get", self._get))
        self.startPatcher(patch.object(key_sets, "_now", lambda: self.now))

    def _get(self, url, **_options):
        self.assertEqual(url, URL)
        self.asked += 1
        if not self.served:
            raise SparTransientError("not reached")
        return self.served

    def call(self, alg):
        return self.authenticate(
            "signer", BODY, header=self.sign(alg, BODY, kid=f"k-{alg}")
        )

    def assertNotNow(self, alg):
        with self.subTest(alg=alg):
            self.assertRefused(
                "err.signature.invalid",
                "signer",
                BODY,
                header=self.sign(alg, BODY, kid=f"k-{alg}"),
            )

    def test_fetched_when_needed_and_kept(self):
        for _number in range(3):
            self.call("EdDSA")
        self.assertEqual(self.asked, 1)

    def test_rotation_is_noticed_at_most_once_a_minute(self):
        self.call("EdDSA")
        self.served = key_set("ES256")
        self.assertNotNow("ES256")
        self.assertEqual(self.asked, 1)
        self.now += 61
        self.call("ES256")
        self.assertEqual(self.asked, 2)
        self.assertNotNow("EdDSA")
        for _number in range(3):
            self.assertNotNow("RS256")
        self.assertEqual(self.asked, 2)

    def test_set_that_cannot_be_fetched_leaves_the_old_one(self):
        self.call("EdDSA")
        self.now += 61
        for served in (None, b"not JSON", b"[]", b'{"keys": 5}'):
            self.served = served
            with self.assertLogs(key_sets._logger, "WARNING"):
                self.assertNotNow("ES256")
            self.call("EdDSA")
            self.now += 61

    def test_key_that_was_taken_out_ends(self):
        """Also when nobody names a new one, and when the database has kept it."""
        self.key.action_fetch()
        self.call("EdDSA")
        self.served = key_set("ES256")
        self.now += key_sets.SECONDS_KEPT + 1
        self.assertNotNow("EdDSA")
        self.call("ES256")
        self.served = key_set("RS256")
        self.now += key_sets.SECONDS_KEPT + 1
        self.assertNotNow("ES256")
        # a server that is away does not stop its client
        self.served = None
        self.now += key_sets.SECONDS_KEPT + 1
        with self.assertLogs(key_sets._logger, "WARNING"):
            self.call("RS256")
        asked = self.asked
        self.call("RS256")
        self.assertEqual(self.asked, asked)

    def test_fetched_by_hand_counts_at_once(self):
        self.call("EdDSA")
        self.served = key_set("ES256")
        self.now += 5
        with patch.object(fields.Datetime, "now", lambda: self.moment()):
            self.key.action_fetch()
        self.assertNotNow("EdDSA")
        self.call("ES256")

    def test_slow_server_does_not_keep_others_waiting(self):
        self.call("EdDSA")
        self.now += key_sets.SECONDS_KEPT + 1
        with key_sets._locks[URL]:  # as a thread that is fetching
            self.call("EdDSA")
        self.assertEqual(self.asked, 1)
        self.call("EdDSA")
        self.assertEqual(self.asked, 2)

    def moment(self):
        now = datetime.datetime.fromtimestamp(self.now, datetime.UTC)
        return now.replace(tzinfo=None)

    def test_key_id_that_another_client_uses_too(self):
        other = self.new_client("other", credentials="signature")
        self.env["g2p.spar.client.key"].create(
            {"client_id": other.id, "material": public("ES256").pem, "kid": "k-EdDSA"}
        )
        self.call("EdDSA")

    def test_fetched_by_hand_is_kept_in_the_database(self):
        self.key.action_fetch()
        self.assertEqual(self.asked, 1)
        self.assertIn("Ed25519", self.key.kind)
        self.assertTrue(self.key.fetched_at)
        self.call("EdDSA")
        client = self.authenticate("", BODY, header=self.sign("EdDSA", BODY, "k-EdDSA"))
        self.assertEqual(client.code, "signer")
        self.assertEqual(self.asked, 1)
        self.served = None
        with self.assertRaises(UserError):
            self.key.action_fetch()
        self.assertTrue(self.key.key_set)
        self.key.url = URL + "2"
        self.assertFalse(self.key.key_set, "keys of another address")

    def test_what_was_fetched_is_not_written_by_people(self):
        """Or an administrator speaks for a client, and its history does not say so."""
        administrator = self.new_administrator()
        key = self.key.with_user(administrator)
        planted = {
            "key_set": key_set("ES256").decode(),
            "fetched_at": "2099-01-01 00:00:00",
        }
        values = {"client_id": self.client.id, "source": "url", "url": URL}
        for attempt in (
            lambda: key.write(planted),
            lambda: key.write({"url": URL, **planted}),
            lambda: key.create(values | planted),
            lambda: key.client_id.write(
                {"key_ids": [Command.create(values | planted)]}
            ),
            lambda: key.client_id.write({"key_ids": [Command.update(key.id, planted)]}),
        ):
            with self.assertRaises(AccessError):
                attempt()
        defaults = {f"default_{name}": value for name, value in planted.items()}
        made = key.with_context(**defaults).create(values)
        self.assertFalse(made.key_set or made.fetched_at)
        key.action_fetch()
        self.assertIn("Ed25519", key.kind)
        key.url = URL + "2"
        self.assertFalse(key.key_set or key.fetched_at or key.kind)

    def test_keys_that_cannot_be_used_are_left_out(self):
        served = json.loads(key_set("EdDSA"))
        served["keys"] += [{"kty": "oct", "k": "AAAA"}, {"kty": "?"}, 5, None]
        self.served = json.dumps(served).encode()
        self.call("EdDSA")

    def test_validity_of_the_address_is_that_of_its_keys(self):
        self.call("EdDSA")
        self.key.valid_until = "2026-01-01 00:00:00"
        self.assertNotNow("EdDSA")

    def test_published_key_outlives_the_same_one_handed_over(self):
        """A key ID is its thumbprint by default, so both have the same one."""
        served = keys.to_jwk(public("EdDSA").public) | {"kid": public("EdDSA").kid}
        self.served = json.dumps({"keys": [served]}).encode()
        handed_over = self.key.create(
            {"client_id": self.client.id, "material": public("EdDSA").pem}
        )
        header = self.sign("EdDSA", BODY)
        self.authenticate("signer", BODY, header=header)
        self.assertFalse(self.asked)
        handed_over.valid_until = "2026-01-01 00:00:00"
        self.authenticate("signer", BODY, header=header)
        self.assertEqual(self.asked, 1)

    def test_addresses(self):
        for url in (
            False,
            "http://client.example.org/jwks.json",
            "https://",
            "https://user:word@client.example.org/",
            "file:///etc/passwd",
        ):
            with self.subTest(url=url), self.assertRaises(ValidationError):
                self.key.url = url


@tagged("post_install", "-at_install")
class TestFetch(ReachesPeers, TransactionCase):
    def setUp(self):
        super().setUp()
        self.answer = (200, key_set("EdDSA"))
        self.peer = FakePeer(lambda *args: self.answer)
        self.addCleanup(self.peer.stop)
        self.open_networks("127.0.0.1/32")

    def open_networks(self, text):
        self.env["ir.config_parameter"].set_param(
            "g2p_spar_mapper.callback_networks", text
        )

    def fetch(self):
        return key_sets.fetch(self.env, f"{self.peer.url}/jwks")

    def test_over_http(self):
        self.assertEqual(self.fetch(), self.answer[1])
        self.assertEqual(self.peer.requests, [("/jwks", None)])

    def test_networks_that_must_not_be_called(self):
        for text in ("", "10.0.0.0/8", "everything"):
            self.open_networks(text)
            with self.subTest(text), self.assertRaises(SparConfigurationError):
                self.fetch()
        self.assertFalse(self.peer.requests)

    def test_answers_that_are_no_key_set(self):
        for answer in (
            (200, b" " * (key_sets.MAX_BYTES + 1)),
            (200, b"<html>"),
            (302, b"", {"Location": f"{self.peer.url}/other"}),
            (404, b""),
            (503, b""),
        ):
            self.answer = answer
            with self.subTest(answer[0]), self.assertRaises(SparError):
                self.fetch()
        self.assertEqual({path for path, _body in self.peer.requests}, {"/jwks"})
