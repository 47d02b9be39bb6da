# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import datetime
import json
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

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import TransactionCase, new_test_user, tagged

from odoo.addons.g2p_spar_bank_directory.exceptions import SparTransientError

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
        self.now = 1000.0
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

    def test_keys_that_cannot_be_used_are_left_out(self):
        served = json.loads(key_set("EdDSA"))
        served["keys"] += [{"kty": "oct", "k": "AAAA"}, {"kty": "?"}, 5, None]
        self.served = json.dumps(served).encode()
        self.call("EdDSA")

    def test_validity_of_the_address_is_that_of_its_keys(self):
        self.call("EdDSA")
        self.key.valid_until = "2026-01-01 00:00:00"
        self.assertNotNow("EdDSA")

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
    def test_over_http(self):
        served = key_set("EdDSA")
        peer = FakePeer(lambda *args: (200, served))
        self.addCleanup(peer.stop)
        self.assertEqual(key_sets.fetch(f"{peer.url}/jwks"), served)
        self.assertEqual(peer.requests, [("/jwks", None)])
