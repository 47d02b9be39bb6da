# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import hmac
import json
import time
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric import ed25519

from odoo import fields
from odoo.tests import tagged

from ..g2p_connect import keys, signature
from .credentials_case import PRIVATE, CredentialsCase, jws, public

BODY = (
    '{ "signature": "", "header": {"b": "é", "a": 1},\n'
    ' "message": {"z": [1, 2.5], "c": null} }'
).encode()
MISSING = "err.signature.missing"
INVALID = "err.signature.invalid"
UNKNOWN = "err.sender_id.invalid"


def compact(content, **how):
    return json.dumps(content, separators=(",", ":"), **how).encode()


def forms(content):
    """The three forms of a body."""
    return (
        compact(content, ensure_ascii=False),
        compact(content, ensure_ascii=False, sort_keys=True),
        compact(content),
    )


@tagged("post_install", "-at_install")
class TestClientSignature(CredentialsCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.signer = cls.new_client("signer", credentials="signature")
        cls.key = cls.add_key(cls.signer, "EdDSA")

    @classmethod
    def add_key(cls, client, alg, **values):
        return cls.env["g2p.spar.client.key"].create(
            {"client_id": client.id, "material": public(alg).pem} | values
        )

    def assertGood(self, *args, **kwargs):
        client = self.authenticate(*args, **kwargs)
        self.assertEqual(client.code, "signer")

    def assertInvalid(self, code=INVALID, *args, **kwargs):
        kwargs = {"sender_id": "signer", "body": BODY} | kwargs
        with self.subTest(**kwargs):
            self.assertRefused(code, *args, **kwargs)

    # --- what is accepted -------------------------------------------------------------

    def test_each_algorithm(self):
        for alg in PRIVATE:
            if alg != "EdDSA" and alg != "PS256":  # which has the key of RS256
                self.add_key(self.signer, alg)
            with self.subTest(alg=alg):
                self.assertGood("signer", BODY, header=self.sign(alg, BODY))

    def test_header_covers_each_form(self):
        for payload in (BODY, *forms(json.loads(BODY))[1:]):
            header = self.sign("EdDSA", payload)
            self.assertGood("signer", BODY, header=header)
            protected, _empty, made = header.split(".")
            middle = keys.encode_base64(payload).decode()
            self.assertGood("signer", BODY, header=f"{protected}.{middle}.{made}")

    def test_member_covers_all_others_in_each_form(self):
        content = json.loads(BODY)
        del content["signature"]
        for payload in forms(content):
            member = self.sign("EdDSA", payload)
            body = json.dumps({"signature": member} | content, indent=1).encode()
            self.assertGood("signer", body, member=member)
            body = compact(content | {"signature": member})
            self.assertGood("signer", body, member=member)

    def test_kid_names_the_client(self):
        self.assertGood("", BODY, header=self.sign("EdDSA", BODY))

    def test_without_kid_all_keys_of_the_sender_are_tried(self):
        self.add_key(self.signer, "ES256")
        header = self.sign("EdDSA", BODY, kid="")
        self.assertGood("signer", BODY, header=header)
        self.assertInvalid(UNKNOWN, sender_id="", header=header)

    def test_times_are_kept_to(self):
        now = time.time()
        for name, moment, good in (
            ("exp", now + 100, True),
            ("exp", now - 100, False),
            ("iat", now - 100_000, True),
            ("iat", now + 30, True),
            ("iat", now + 100, False),
            ("nbf", now + 100, False),
            ("exp", "soon", False),
            ("exp", True, False),
            ("iat", float("nan"), False),
        ):
            header = {"alg": "EdDSA", "kid": self.key.kid, name: moment}
            text = jws(header, BODY, PRIVATE["EdDSA"].sign)
            if good:
                self.assertGood("signer", BODY, header=text)
            else:
                self.assertInvalid(header=text)

    def test_embedded_keys_and_certificates_are_not_looked_at(self):
        header = {
            "alg": "EdDSA",
            "kid": self.key.kid,
            "x5c": ["AAAA"],
            "jku": "https://example.org/keys",
        }
        self.assertGood("signer", BODY, header=jws(header, BODY, PRIVATE["EdDSA"].sign))

    # --- what is refused --------------------------------------------------------------

    def test_missing(self):
        for member in ("", None, "unsigned", "Signature:  namespace=g2p", 5, []):
            self.assertInvalid(MISSING, member=member)

    def test_altered_and_broken(self):
        good = self.sign("EdDSA", BODY)
        protected, _empty, made = good.split(".")
        other = keys.encode_base64(BODY + b" ").decode()
        for text in (
            good[:-4],
            good[:-1] + ("A" if good[-1] != "A" else "Q") + "AA",
            f"{protected}.{other}.{made}",
            f"{protected}..",
            f"..{made}",
            "..",
            "a.b",
            "a.b.c.d",
            "*.*.*",
            "ä..ä",
            f"{protected}=..{made}",
            f"{protected}..{made}==",
            f"{protected}..{made}\n{made}",
            "A" * 9000 + ".." + made,
            protected + ".." + "A" * 9000,
            keys.encode_base64(b"[1]").decode() + ".." + made,
            keys.encode_base64(b"[" * 5000).decode() + ".." + made,
            keys.encode_base64(b'{"alg":["EdDSA"]}').decode() + ".." + made,
            keys.encode_base64(b'{"alg":"EdDSA","kid":1}').decode() + ".." + made,
        ):
            self.assertInvalid(header=text)
        self.assertInvalid(header=good, body=BODY.replace(b"1", b"2"))
        self.assertInvalid(header=good, body=BODY + b"]")
        self.assertInvalid(header=good, body=b"[" * 100_000)

    def test_algorithms_that_prove_nothing(self):
        kid = self.key.kid
        pem = self.key.material.encode()
        raw = public("EdDSA").public.public_bytes_raw()
        for header, sign in (
            ({"alg": "none"}, lambda data: b""),
            ({"alg": "none"}, lambda data: b"x"),
            ({"alg": "None"}, lambda data: b"x"),
            ({"alg": "HS256"}, lambda data: hmac.digest(pem, data, "sha256")),
            ({"alg": "HS256"}, lambda data: hmac.digest(raw, data, "sha256")),
            ({"alg": "HS256"}, lambda data: hmac.digest(b"", data, "sha256")),
            ({"alg": "HS512"}, lambda data: hmac.digest(pem, data, "sha512")),
            ({"alg": "RS256"}, PRIVATE["EdDSA"].sign),
            ({"alg": "ES256"}, PRIVATE["EdDSA"].sign),
            ({}, PRIVATE["EdDSA"].sign),
            ({"alg": "EdDSA", "crit": ["exp"], "exp": 9e9}, PRIVATE["EdDSA"].sign),
            ({"alg": "EdDSA", "b64": False}, PRIVATE["EdDSA"].sign),
        ):
            self.assertInvalid(header=jws({"kid": kid} | header, BODY, sign))

    def test_key_of_each_kind_with_a_signature_of_none(self):
        """A public key is no secret for HMAC, and zeros are no signature."""
        for alg in ("RS256", "ES256", "PS256"):
            own = public(alg)
            if alg != "PS256":  # which has the key of RS256
                self.add_key(self.signer, alg)
            pem = own.pem.encode()
            for name, sign in (
                ("HS256", lambda data, pem=pem: hmac.digest(pem, data, "sha256")),
                ("none", lambda data: b""),
                (alg, lambda data: b"\0" * 64),
                (alg, lambda data: b"\0" * 256),
                (alg, lambda data: b"x"),
            ):
                with self.subTest(alg=alg, name=name):
                    header = {"alg": name, "kid": own.kid}
                    self.assertInvalid(header=jws(header, BODY, sign))

    def test_key_names_are_names_and_nothing_else(self):
        for kid in ("../../etc/passwd", "' OR 1=1 --", "https://example.org/k", "\0"):
            header = {"alg": "EdDSA", "kid": kid}
            self.assertInvalid(header=jws(header, BODY, PRIVATE["EdDSA"].sign))

    def test_keys_that_are_not_the_senders(self):
        stranger = ed25519.Ed25519PrivateKey.generate()
        jwk = keys.to_jwk(stranger.public_key())
        for header in (
            {"kid": self.key.kid},
            {},
            {"kid": "unknown"},
            {"kid": self.key.kid, "jwk": jwk},
        ):
            text = jws({"alg": "EdDSA"} | header, BODY, stranger.sign)
            self.assertInvalid(header=text)

    def test_key_of_another_client(self):
        other = self.new_client("other", credentials="signature")
        self.add_key(other, "ES256")
        by_other = self.sign("ES256", BODY)
        self.assertInvalid(UNKNOWN, header=by_other)
        self.assertInvalid(header=self.sign("ES256", BODY, kid=""))
        self.assertInvalid(header=self.sign("ES256", BODY, kid=self.key.kid))
        self.assertInvalid(UNKNOWN, sender_id="other", header=self.sign("EdDSA", BODY))

    def test_key_for_one_algorithm_only(self):
        self.add_key(self.signer, "RS256", algorithm="PS256")
        self.assertGood("signer", BODY, header=self.sign("PS256", BODY))
        self.assertInvalid(header=self.sign("RS256", BODY))

    def test_header_and_member_have_to_agree(self):
        content = {"header": {"a": 1}}
        member = self.sign("EdDSA", compact(content))
        body = compact(content | {"signature": member})
        self.assertGood("signer", body, header=self.sign("EdDSA", body), member=member)
        for header, wrong in (
            (self.sign("EdDSA", body + b" "), member),
            (self.sign("EdDSA", body), self.sign("EdDSA", b"{}")),
            (self.sign("EdDSA", body), "a.b.c"),
        ):
            self.assertInvalid(body=body, header=header, member=wrong)
        other = self.new_client("other", credentials="signature")
        self.add_key(other, "ES256")
        by_other = self.sign("ES256", body)
        for sender_id in ("signer", "other", ""):
            self.assertInvalid(
                UNKNOWN,
                sender_id=sender_id,
                body=body,
                header=by_other,
                member=member,
            )

    def test_one_content_for_all_forms(self):
        """By it a message is known again, however it is written."""
        content = {"header": {"b": "\ud800", "a": [1, 1.5, "é"]}, "x": {}}
        escaped = json.dumps(content, separators=(",", ":")).encode()
        for body in (
            json.dumps(content, indent=3).encode(),
            json.dumps(content, sort_keys=True).encode(),
            json.dumps({"signature": "a..b"} | content).encode(),
            escaped.replace(b"1.5", b"1.50"),
        ):
            self.assertEqual(signature.content(body), signature.content(escaped))
        for body in (b'{"a":1,"a":1}', b'{"a":NaN}', b"[]", b"{"):
            self.assertEqual(signature.content(body), body)

    def test_member_that_stands_twice_has_no_form(self):
        content = {"header": {"a": 1}}
        header = self.sign("EdDSA", compact(content))
        self.assertInvalid(body=b'{"header":{"a":1},"header":{"a":1}}', header=header)
        self.assertInvalid(body=b'{"header":{"a":2,"a":1}}', header=header)
        self.assertInvalid(body=b'{"header":{"a":NaN}}', header=header)
        self.assertInvalid(body=b'{"header":"\\ud800"}', header=header)
        self.assertInvalid(body=b"1" * 5000, header=header)

    # --- policy -----------------------------------------------------------------------

    def test_token_and_signature(self):
        self.signer.credentials = "both"
        token = self.new_token(self.signer)
        good = self.sign("EdDSA", BODY)
        self.assertGood("signer", BODY, authorization=token, header=good)
        self.assertInvalid("err.request.unauthorized", header=good)
        self.assertInvalid(MISSING, authorization=token)
        self.assertInvalid(authorization=token, header=self.sign("EdDSA", b"{}"))
        other = self.new_client("other", credentials="signature")
        self.add_key(other, "ES256")
        by_other = self.sign("ES256", BODY)
        self.assertInvalid(UNKNOWN, sender_id="", authorization=token, header=by_other)

    def test_signature_that_nobody_asked_for(self):
        """It has to hold if the client has keys; else it says nothing."""
        self.signer.credentials = "token"
        token = self.new_token(self.signer)
        self.assertGood("signer", BODY, authorization=token)
        self.assertInvalid(authorization=token, header=self.sign("EdDSA", b"{}"))
        self.key.unlink()
        self.assertGood("signer", BODY, authorization=token, header="x.y.z")

    def test_suspension_and_networks(self):
        good = self.sign("EdDSA", BODY)
        self.signer.networks = "192.0.2.0/24"
        self.assertInvalid(UNKNOWN, header=good)
        self.assertGood("signer", BODY, header=good, address="192.0.2.1")
        self.signer.write({"networks": False, "state": "suspended"})
        for sender_id in ("signer", ""):
            self.assertInvalid(UNKNOWN, sender_id=sender_id, header=good)

    def test_rotation_with_overlap(self):
        now = fields.Datetime.now()
        old, new = self.key, self.add_key(self.signer, "ES256")
        for alg in ("EdDSA", "ES256"):
            self.assertGood("signer", BODY, header=self.sign(alg, BODY))
        old.valid_until = now - timedelta(seconds=1)
        self.assertInvalid(header=self.sign("EdDSA", BODY))
        self.assertGood("signer", BODY, header=self.sign("ES256", BODY))
        new.valid_from = now + timedelta(hours=1)
        self.assertInvalid(header=self.sign("ES256", BODY))
        new.unlink()
        self.assertInvalid(header=self.sign("ES256", BODY))

    def test_one_verification_and_no_query(self):
        good = self.sign("EdDSA", BODY)
        self.authenticate("signer", BODY, header=good)
        made = []
        verify = signature._ALGORITHMS["EdDSA"].verify

        def count(*args):
            made.append(args)
            return verify(*args)

        self.patch(signature._ALGORITHMS["EdDSA"], "verify", count)
        with self.assertQueryCount(0):
            self.authenticate("signer", BODY, header=good)
        self.assertEqual(len(made), 1)
