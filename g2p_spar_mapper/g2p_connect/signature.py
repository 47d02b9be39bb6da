# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Signatures of messages: JWS (RFC 7515), with the payload (``h.p.s``) or without it
(``h..s``).

A signature stands in the HTTP header ``Signature`` or in the body's member
``signature``. It covers the body, and nobody has ever said in which form, so these are
tried, in this order:

=================  ==================================  ===============================
form               header ``Signature``                member ``signature``
=================  ==================================  ===============================
as sent            the bytes of the body               members in the order they came,
                                                       no blanks, UTF-8
sorted             members sorted on every level,      the same
                   no blanks, UTF-8
escaped            members in the order they came,     the same
                   no blanks, all non-ASCII escaped
=================  ==================================  ===============================

What the member covers is the JSON object of all *other* members of the body. The
payload of an ``h.p.s`` has to be one of these forms: it is never trusted by itself.

Keys that a signature brings along (``jwk``, ``x5c``, ``jku`` ...) are not looked at.
``none``, HMAC and critical extensions are refused. ``exp``, ``nbf`` and ``iat`` of the
protected header are kept to if they are there.
"""

import base64
import binascii
import json
import time
from typing import NamedTuple

import jwt
import msgspec

from .keys import KEY_TYPES, encode_base64

#: seconds by which clocks may differ
LEEWAY = 60
MAX_PART = 8192  #: characters of a header or of a signature
_ALGORITHMS = {name: jwt.get_algorithm_by_name(name) for name in KEY_TYPES}
_COMPACT = (",", ":")


class SignatureError(ValueError):
    """The signature does not hold. The text says why, for the log and for tests."""


class Jws(NamedTuple):
    """A signature, taken apart and not yet verified."""

    protected: bytes  #: first part, as received
    payload: bytes  #: second part, as received; empty when detached
    signature: bytes  #: decoded
    alg: str
    kid: str  #: empty when the signature does not name its key


class Key(NamedTuple):
    """A public key of a client."""

    kid: str
    alg: str  #: the one algorithm it is for; empty: any that fits
    public: object  #: of ``cryptography``
    valid_from: float = 0.0  #: seconds since 1970
    valid_until: float = float("inf")

    def is_valid(self, now):
        """:param float now: seconds since 1970"""
        return self.valid_from <= now < self.valid_until


def is_jws(text):
    """Whether a text looks like a signature at all; placeholders do not."""
    return isinstance(text, str) and text.count(".") == 2


def parse(text, now=None):
    """Take a signature apart and check its protected header.

    :param str text: ``h.p.s`` or ``h..s``
    :param float now: seconds since 1970
    :raise SignatureError:
    :rtype: Jws
    """
    parts = text.strip().encode("ascii", "replace").split(b".")
    if len(parts) != 3:
        raise SignatureError("not three parts")
    protected, payload, signature = parts
    if not 0 < len(protected) <= MAX_PART or not 0 < len(signature) <= MAX_PART:
        raise SignatureError("a part is missing or far too long")
    try:
        header = json.loads(_decode_base64(protected))
    except (ValueError, RecursionError):
        raise SignatureError("the protected header is not JSON") from None
    if not isinstance(header, dict):
        raise SignatureError("the protected header is no object")
    alg, kid = header.get("alg"), header.get("kid", "")
    if not isinstance(alg, str) or alg not in _ALGORITHMS:
        raise SignatureError("the algorithm is not accepted")
    if not isinstance(kid, str):
        raise SignatureError("the key id is no text")
    if "crit" in header or header.get("b64", True) is not True:
        raise SignatureError("extensions are not supported")
    _check_times(header, time.time() if now is None else now)
    return Jws(protected, payload, _decode_base64(signature), alg, kid)


def _check_times(header, now):
    for name in ("exp", "nbf", "iat"):
        moment = header.get(name)
        if moment is None:
            continue
        if isinstance(moment, bool) or not isinstance(moment, int | float):
            raise SignatureError(f"{name} is no number")
        if name == "exp":
            if not moment > now - LEEWAY:
                raise SignatureError("expired")
        elif not moment <= now + LEEWAY:
            raise SignatureError(f"{name} is in the future")


def verify(jws, keys, payloads, now=None):
    """Find the key and the form of the body under which a signature holds.

    :param Jws jws: from :func:`parse`
    :param keys: the :class:`Key` of the sender
    :param payloads: forms of the body, see :func:`header_payloads`
    :raise SignatureError: it holds under none
    :return: the key
    :rtype: Key
    """
    now = time.time() if now is None else now
    fitting = [key for key in keys if _fits(key, jws, now)]
    if not fitting:
        raise SignatureError("the sender has no such key")
    check = _ALGORITHMS[jws.alg].verify
    for payload in payloads:
        encoded = encode_base64(payload)
        if jws.payload and jws.payload != encoded:
            continue
        signed = jws.protected + b"." + encoded
        for key in fitting:
            if check(signed, key.public, jws.signature):
                return key
    raise SignatureError("the signature is wrong")


def _fits(key, jws, now):
    return (
        (not jws.kid or key.kid == jws.kid)
        and (not key.alg or key.alg == jws.alg)
        and isinstance(key.public, KEY_TYPES[jws.alg])
        and key.is_valid(now)
    )


def header_payloads(body):
    """Forms of the body that the header ``Signature`` may cover.

    :param bytes body: as received
    """
    yield body
    content = _read(body)
    yield _write(content, sort_keys=True, ensure_ascii=False)
    yield _write(content, ensure_ascii=True)


def member_payloads(body):
    """Forms of the body that its member ``signature`` may cover.

    :param bytes body: as received
    """
    content = _read(body)
    content.pop("signature", None)
    yield _write(content, ensure_ascii=False)
    yield _write(content, sort_keys=True, ensure_ascii=False)
    yield _write(content, ensure_ascii=True)


def content(body):
    """One form for all the ways to write a body under which a signature holds.

    :param bytes body: as received, with a signature that holds
    """
    try:
        found = _read(body)
        found.pop("signature", None)
        return _write(found, sort_keys=True, ensure_ascii=True)
    except SignatureError:
        return body  # it holds for these very bytes alone


def _read(body):
    """An object of JSON in which no member stands twice: of two readers each could
    take another one."""

    def unique(pairs):
        members = dict(pairs)
        if len(members) != len(pairs):
            raise SignatureError("a member stands twice")
        return members

    try:
        content = json.loads(body, object_pairs_hook=unique)
    except SignatureError:
        raise
    except (ValueError, RecursionError):
        raise SignatureError("the body is not JSON") from None
    if not isinstance(content, dict):
        raise SignatureError("the body is no object")
    return content


def _write(content, **how):
    try:
        return json.dumps(content, separators=_COMPACT, allow_nan=False, **how).encode()
    except (ValueError, RecursionError):
        raise SignatureError("the body cannot be written as text") from None


# --- signing --------------------------------------------------------------------------


def canonical(body):
    """Our own messages as they are sent when they are signed: sorted, so that the form
    *as sent* and the form *sorted* are the same bytes.

    :param bytes body: JSON
    :rtype: bytes
    """
    return msgspec.json.encode(msgspec.json.decode(body), order="sorted")


def sign(private, alg, kid, payload, now=None):
    """Sign a payload.

    :param private: private key of ``cryptography`` that fits ``alg``
    :param bytes payload: what is sent as the body
    :return: detached JWS, fit for the header ``Signature``
    :rtype: str
    """
    header = {"alg": alg, "iat": int(time.time() if now is None else now), "kid": kid}
    protected = encode_base64(msgspec.json.encode(header))
    signature = _ALGORITHMS[alg].sign(
        protected + b"." + encode_base64(payload), private
    )
    return f"{protected.decode()}..{encode_base64(signature).decode()}"


def _decode_base64(part):
    """URL-safe and without padding (RFC 7515), nothing else."""
    try:
        if b"=" in part:
            raise binascii.Error("padding")
        padding = b"=" * (-len(part) % 4)
        return base64.b64decode(part + padding, b"-_", validate=True)
    except binascii.Error:
        raise SignatureError("a part is not base64url") from None
