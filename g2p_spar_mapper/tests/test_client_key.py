# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import datetime
import json
import time
from unittest.mock import patch

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import TransactionCase, new_test_user, tagged

from odoo.addons.g2p_spar_bank_directory.exceptions import (
    SparConfigurationError,
    SparError,
    SparTransientError,
)

from .. import http_client, key_sets
from ..g2p_connect import keys
from .credentials_case import PRIVATE, CredentialsCase, public
from .fake_peer import FakePeer, ReachesPeers

URL = "https://client.example.org/.well-known/jwks.json"
BODY = b'{"header": {}}'


def key_set(*algorithms, **members):
    """What a client publishes."""
    return json.dumps(
        {
            "keys": [
                keys.to_jwk(public(alg).public) | {"kid": f"k-{alg}"} | members
                for alg in algorithms
            ]
        }
    ).encode()


def private_pem(private):
    return private.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    ).decode()


def public_pem(private):
    return (
        private.public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def certificate(private):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "client")])
    day = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(1)
        .not_valid_before(day)
        .not_valid_after(day.replace(year=2036))
        .sign(private, hashes.SHA256())
        .public_bytes(Encoding.PEM)
        .decode()
    )


@tagged("post_install", "-at_install")
class TestUploadedKey(CredentialsCase):
    """Keys that are handed over."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.client = cls.new_client("signer", credentials="signature")
        cls.keys = cls.env["g2p.spar.client.key"]

    def upload(self, material, **values):
        return self.keys.create(
            {"client_id": self.client.id, "material": material} | values
        )

    def test_every_form_of_a_public_key_is_the_same_key(self):
        for alg in ("RS256", "ES256", "EdDSA"):
            expected = public(alg)
            materials = [expected.pem, json.dumps(keys.to_jwk(expected.public))]
            if alg == "RS256":
                materials.append(certificate(PRIVATE[alg]))
            for material in materials:
                with self.subTest(alg=alg, material=material[:30]):
                    key = self.upload(material)
                    self.assertEqual(key.kid, expected.kid)
                    self.assertEqual(key.fingerprint, expected.fingerprint)
                    self.assertEqual(key.kind, expected.kind)
                    self.assertEqual(key.material, expected.pem)
                    key.unlink()

    def test_certificate_brings_its_validity(self):
        private = PRIVATE["RS256"]
        key = self.upload(certificate(private), valid_until=False)
        self.assertEqual(str(key.valid_from), "2026-01-01 00:00:00")
        self.assertEqual(str(key.valid_until), "2036-01-01 00:00:00")
        key.unlink()
        key = self.upload(certificate(private), valid_until="2030-01-01 00:00:00")
        self.assertEqual(str(key.valid_until), "2030-01-01 00:00:00")
        key.material = certificate(private)
        self.assertEqual(str(key.valid_until), "2036-01-01 00:00:00")
        self.assertFalse(self.upload(public("EdDSA").pem).valid_until)

    def test_kid_and_algorithm_of_a_jwk_count(self):
        jwk = keys.to_jwk(public("RS256").public) | {"kid": "mine", "alg": "PS256"}
        key = self.upload(json.dumps(jwk))
        self.assertEqual((key.kid, key.algorithm), ("mine", "PS256"))

    def test_private_keys_are_refused_and_not_kept(self):
        private = PRIVATE["EdDSA"]
        jwk = keys.to_jwk(private.public_key()) | {"d": "AAAA"}
        for material in (
            private_pem(private),
            private_pem(PRIVATE["RS256"]),
            public_pem(private) + private_pem(private),
            json.dumps(jwk),
            json.dumps({"kty": "oct", "k": "c2VjcmV0"}),
        ):
            with self.assertRaises(ValidationError) as caught:
                self.upload(material)
            self.assertIn("private key", str(caught.exception))
            self.assertNotIn(material[30:60], str(caught.exception))
        key = self.upload(public("EdDSA").pem)
        with self.assertRaises(ValidationError):
            key.material = private_pem(private)
        self.assertEqual(key.material, public("EdDSA").pem)

    def test_keys_that_cannot_be_used(self):
        numbers = rsa.RSAPublicNumbers(65537, (1 << 1023) + 1)
        short = (
            numbers.public_key()
            .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            .decode()
        )
        for material in (
            "hello",
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
            "{}",
            "{",
            "{" * 50_000,
            '{"kty": "EC"}',
            '{"kty": "RSA", "n": 5, "e": []}',
            '{"kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": 5}',
            json.dumps(keys.to_jwk(public("EdDSA").public) | {"use": "enc"}),
            json.dumps(keys.to_jwk(public("EdDSA").public) | {"alg": "RS256"}),
            "ä",
            short,
            public_pem(ec.generate_private_key(ec.SECP384R1())),
            public_pem(x25519.X25519PrivateKey.generate()),
            public_pem(dsa.generate_private_key(1024)),
        ):
            with self.subTest(material[:60]), self.assertRaises(ValidationError):
                self.upload(material)
        with self.assertRaises(ValidationError):
            self.upload(public("EdDSA").pem, algorithm="RS256")
        with self.assertRaises(ValidationError):
            self.upload(False)
        key = self.upload(public("EdDSA").pem)
        with self.assertRaises(ValidationError):
            key.algorithm = "ES256"

    def test_client_tells_of_its_keys(self):
        """As of its other rights: who has added a key can speak for the client."""

        def told():
            return self.client.message_ids[0].body

        key = self.upload(public("EdDSA").pem, kid="k-1")
        self.assertIn("added: k-1", told())
        key.valid_until = "2030-01-01"
        self.assertIn("changed: k-1", told())
        key.material = public("ES256").pem
        kid = public("ES256").kid
        self.assertIn(f"changed: {kid}", told())
        key.unlink()
        self.assertIn(f"removed: {kid}", told())
        key = self.upload(False, source="url", url=URL)
        self.assertIn(f"added: {URL}", told())
        before = len(self.client.message_ids)
        key.write(
            {"key_set": key_set("EdDSA").decode(), "fetched_at": fields.Datetime.now()}
        )
        self.assertEqual(len(self.client.message_ids), before)

    def test_key_stays_with_its_client(self):
        key = self.upload(public("EdDSA").pem).with_user(self.new_administrator())
        other = self.new_client("other")
        for move in (
            lambda: key.write({"client_id": other.id}),
            lambda: (
                key.env["g2p.spar.client"]
                .browse(other.id)
                .write({"key_ids": [Command.link(key.id)]})
            ),
        ):
            with self.assertRaisesRegex(UserError, "stays with its client"):
                move()
        self.assertEqual(key.client_id.code, "signer")

    def test_administrators_only(self):
        key = self.upload(public("EdDSA").pem)
        for group in (
            "g2p_spar_mapper.group_spar_officer",
            "g2p_spar_mapper.group_spar_auditor",
            "g2p_spar_bank_directory.group_spar_steward",
            "base.group_portal",
        ):
            user = new_test_user(self.env, f"key_{group.split('.')[1]}", group)
            own = key.with_user(user)
            for refused in (
                lambda own=own: own.read(["kid"]),
                lambda own=own: own.write({"kid": "x"}),
                lambda own=own: own.unlink(),
                lambda own=own: own.action_fetch(),
            ):
                with self.subTest(group=group), self.assertRaises(AccessError):
                    refused()


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
