# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import datetime
import json

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
from odoo.tests import new_test_user, tagged

from ..g2p_connect import keys
from .credentials_case import PRIVATE, CredentialsCase, key_set, public

URL = "https://client.example.org/.well-known/jwks.json"


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
