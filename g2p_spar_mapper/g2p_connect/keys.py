# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Public keys as organisations hand them over: PEM, certificate or JWK."""

import base64
import hashlib
import json
from datetime import datetime
from typing import NamedTuple

import jwt
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

RSA_BITS = 2048  #: shorter keys are refused
MAX_RSA_BITS = 8192  #: longer ones cost too much to verify with
MAX_JWKS_KEYS = 50
#: algorithms that are accepted, and the kind of key each needs
KEY_TYPES = {
    "RS256": rsa.RSAPublicKey,
    "PS256": rsa.RSAPublicKey,
    "ES256": ec.EllipticCurvePublicKey,
    "EdDSA": ed25519.Ed25519PublicKey,
}
_PEM = Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
_DER = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
#: members of a JWK that only a private or a shared key has (RFC 7518)
_SECRET_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


class KeyRefused(ValueError):
    """A key that cannot be used.

    :param str reason: ``private``, ``unreadable``, ``kind``, ``short``, ``long`` or
        ``algorithm``
    """

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


class PublicKey(NamedTuple):
    """A key that was read and found good."""

    public: object  #: of ``cryptography``
    kid: str  #: given, or the thumbprint (RFC 7638)
    alg: str  #: the one algorithm it is for; empty: any that fits
    pem: str
    fingerprint: str  #: SHA-256 of the key, hexadecimal
    kind: str  #: e.g. ``RSA 3072``
    validity: tuple[datetime, datetime] | None = None  #: of a certificate


def encode_base64(content):
    """URL-safe base64 without padding.

    :rtype: bytes
    """
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def read_public_key(text):
    """Read one key.

    :param str text: PEM of a public key or a certificate, or a JWK
    :raise KeyRefused:
    :rtype: PublicKey
    """
    text = (text or "").strip()
    if "PRIVATE KEY" in text:
        raise KeyRefused("private")
    if text.startswith("{"):
        try:
            return read_jwk(json.loads(text))
        except (ValueError, RecursionError) as err:
            if isinstance(err, KeyRefused):
                raise
            raise KeyRefused("unreadable") from None
    validity = None
    try:
        content = text.encode("ascii")
        if "BEGIN CERTIFICATE" in text:
            found = x509.load_pem_x509_certificate(content)
            public = found.public_key()
            validity = found.not_valid_before_utc, found.not_valid_after_utc
        else:
            public = load_pem_public_key(content)
    except UnsupportedAlgorithm:
        raise KeyRefused("kind") from None
    except (ValueError, TypeError):
        raise KeyRefused("unreadable") from None
    return describe(public)._replace(validity=validity)


def read_jwk(jwk):
    """Read one JWK.

    :param dict jwk:
    :raise KeyRefused:
    :rtype: PublicKey
    """
    if not isinstance(jwk, dict):
        raise KeyRefused("unreadable")
    if _SECRET_MEMBERS & jwk.keys():
        raise KeyRefused("private")
    if jwk.get("use", "sig") != "sig":
        raise KeyRefused("kind")
    kid, alg = jwk.get("kid") or "", jwk.get("alg") or ""
    if not isinstance(kid, str) or not isinstance(alg, str):
        raise KeyRefused("unreadable")
    try:
        public = jwt.PyJWK(jwk, algorithm=alg or _default_algorithm(jwk)).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        raise KeyRefused("unreadable") from None
    return describe(public, kid, alg)


def _default_algorithm(jwk):
    return {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}.get(jwk.get("kty"))


def read_jwks(content):
    """Read a set of keys; those that cannot be used are left out.

    :param bytes content: JSON
    :raise KeyRefused: it is no set of keys
    :rtype: list[PublicKey]
    """
    try:
        jwks = json.loads(content)["keys"]
        listed = list(jwks)[:MAX_JWKS_KEYS]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise KeyRefused("unreadable") from None
    keys = []
    for jwk in listed:
        try:
            keys.append(read_jwk(jwk))
        except KeyRefused:
            continue  # for encryption, say, or of a kind from after our time
    return keys


def describe(public, kid="", alg=""):
    """Check a key and say what it is.

    :raise KeyRefused: of a kind, or for an algorithm, that is not accepted
    :rtype: PublicKey
    """
    kind = _kind(public)
    if alg and not isinstance(public, KEY_TYPES.get(alg, ())):
        raise KeyRefused("algorithm")
    return PublicKey(
        public,
        kid or thumbprint(public),
        alg,
        public.public_bytes(*_PEM).decode(),
        hashlib.sha256(public.public_bytes(*_DER)).hexdigest(),
        kind,
    )


def _kind(public):
    if isinstance(public, ed25519.Ed25519PublicKey):
        return "Ed25519"
    if isinstance(public, ec.EllipticCurvePublicKey):
        if not isinstance(public.curve, ec.SECP256R1):
            raise KeyRefused("kind")
        return "EC P-256"
    if not isinstance(public, rsa.RSAPublicKey):
        raise KeyRefused("kind")
    if public.key_size < RSA_BITS:
        raise KeyRefused("short")
    if public.key_size > MAX_RSA_BITS:
        raise KeyRefused("long")
    return f"RSA {public.key_size}"


def to_jwk(public):
    """A public key as JWK members.

    :rtype: dict
    """
    name = next(name for name, kind in KEY_TYPES.items() if isinstance(public, kind))
    jwk = jwt.get_algorithm_by_name(name).to_jwk(public, as_dict=True)
    return {key: value for key, value in jwk.items() if key != "key_ops"}


def thumbprint(public):
    """The thumbprint of a key (RFC 7638), by which it is named unless told otherwise.

    :rtype: str
    """
    members = {"crv", "e", "kty", "n", "x", "y"}
    jwk = {key: value for key, value in to_jwk(public).items() if key in members}
    content = json.dumps(jwk, sort_keys=True, separators=(",", ":")).encode()
    return encode_base64(hashlib.sha256(content).digest()).decode()
