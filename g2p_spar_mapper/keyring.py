# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""The secret keys under which IDs and accounts are looked up and kept.

Keys live outside the database: a stolen dump can neither be searched by guessing IDs
nor be read. Values are looked up by keyed hash (HMAC-SHA-256) and sealed with an
authenticated cipher (AES-256-GCM, NIST SP 800-38D) under keys derived from the ring's.
The operator names a JSON file with the option ``spar_key_file`` of the server's
configuration file, or with the environment variable ``SPAR_KEY_FILE``::

    {"current": "k1", "keys": {"k1": "<base64 of 32 random bytes>"}}

Without either, a development key is made once in the server's data directory.
"""

import base64
import binascii
import hmac
import json
import logging
import os
import secrets
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import msgspec
import psycopg2
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from odoo.tools import config

from odoo.addons.g2p_spar_bank_directory.exceptions import (
    SparConfigurationError,
    SparIntegrityError,
)

_logger = logging.getLogger(__name__)

OPTION = "spar_key_file"
ENVIRONMENT = "SPAR_KEY_FILE"
KEY_BYTES = 32
#: joins the parts of a digest; refused in every ID and address, so parts stay apart
SEPARATOR = "\x1f"
NONCE_BYTES = 12
DIGEST_BYTES = 16  #: of a keyed hash by which something is looked up


class WrongKeyError(SparConfigurationError, psycopg2.OperationalError):
    """The key file does not fit the database.

    Also an operational fault of the database, for that is how the server knows that a
    database cannot be served: the API answers 503, and nothing is read or written.
    """


class KeyRing(NamedTuple):
    """All keys of the server; new digests are made with ``current``."""

    current: str  #: id of the key, stored beside every digest
    keys: dict  #: key id to key (bytes)

    def digest(self, kind, *parts, key_id=None):
        """Keyed hash of a value, fit for an equality search.

        :param str kind: domain of the value; the same text of two kinds differs
        :param str parts: the value, taken apart
        :param str key_id: by default the current key
        :return: 22 characters of URL-safe base64 (HMAC-SHA-256, the first 128 bits as
            RFC 2104 section 5 allows: indexes of them are 40 % smaller)
        :raise SparConfigurationError: the ring lacks that key
        """
        return self.digest_many([(kind, *parts)], key_id)[0]

    def digest_many(self, values, key_id=None):
        """Keyed hashes of many values: see :meth:`digest`.

        :param values: kind and parts of each
        :param str key_id: by default the current key
        :rtype: list[str]
        :raise SparConfigurationError: the ring lacks that key
        """
        key = self._key(key_id or self.current)
        messages = (SEPARATOR.join(value).encode() for value in values)
        return mac_many(key, messages, DIGEST_BYTES)

    def derive(self, purpose, key_id=None):
        """A key for one purpose, so that no two uses share one.

        :param str purpose: domain of the key, e.g. ``token``
        :param str key_id: by default the current key
        :return: 32 bytes
        :raise SparConfigurationError: the ring lacks that key
        """
        return _derive(self._key(key_id or self.current), purpose)

    def _key(self, key_id):
        key = self.keys.get(key_id)
        if key is None:
            raise SparConfigurationError(
                f"The key {key_id} is not in the key file, but data was kept under it."
            )
        return key

    def seal(self, context, plain):
        """Encrypt a value so that it opens only in the place it was sealed for.

        :param str context: where the value stands, e.g. table, column and row
        :param bytes plain: the value
        :return: ``key id:base64``, fit for a text column
        """
        return next(self.seal_many([(context, plain)]))

    def seal_many(self, values):
        """Encrypt many values, each for its place: see :meth:`seal`.

        :param list values: pairs of context and value
        :rtype: Iterator[str]
        """
        encrypt = _cipher(self._key(self.current)).encrypt
        nonces = os.urandom(NONCE_BYTES * len(values))
        for number, (context, plain) in enumerate(values):
            nonce = nonces[number * NONCE_BYTES : (number + 1) * NONCE_BYTES]
            raw = nonce + encrypt(nonce, plain, context.encode())
            yield f"{self.current}:{binascii.b2a_base64(raw, newline=False).decode()}"

    def open(self, context, token):
        """Decrypt what :meth:`seal` made.

        :raise SparConfigurationError: the ring lacks the key
        :raise SparIntegrityError: not sealed for this place, or changed since
        :rtype: bytes
        """
        key_id, _colon, content = token.partition(":")
        try:
            return _decrypt(_cipher(self._key(key_id)), context, content)
        except _NOT_SEALED:
            raise SparIntegrityError(
                "A stored value was changed outside of the registry."
            ) from None

    def open_many(self, values):
        """Decrypt many values: see :meth:`open`.

        :param values: pairs of context and what :meth:`seal` made
        :return: the values in order, None for those that do not open
        :rtype: Iterator[bytes | None]
        """
        ciphers = {key_id: _cipher(key) for key_id, key in self.keys.items()}
        for context, token in values:
            key_id, _colon, content = token.partition(":")
            try:
                yield _decrypt(ciphers[key_id], context, content)
            except (KeyError, *_NOT_SEALED):
                yield None


#: what wrong base64 and a wrong place or key raise
_NOT_SEALED = (InvalidTag, ValueError, msgspec.ValidationError)


def _decrypt(cipher, context, content):
    # three times as quick as binascii, and takes nothing but base64
    raw = msgspec.convert(content, bytes)
    return cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], context.encode())


def mac(key, message):
    """:return: HMAC-SHA-256 as 43 characters of URL-safe base64"""
    return mac_many(key, [message])[0]


def mac_many(key, messages, size=32):
    """HMAC-SHA-256 of each message as URL-safe base64 without "=".

    :param bytes key:
    :param messages: bytes
    :param int size: bytes of each that are kept
    :rtype: list[str]
    """
    start = _started(key).copy
    # Encoded in one go: a call for each costs as much as its hash. Filled up to whole
    # groups of three bytes, which does not change the characters before.
    fill = bytes(-size % 3)
    raw = bytearray()
    for message in messages:
        code = start()
        code.update(message)
        raw += code.finalize()[:size] + fill
    text = base64.urlsafe_b64encode(raw).decode()
    length, step = -(-size * 4 // 3), (size + len(fill)) // 3 * 4
    return [text[place : place + length] for place in range(0, len(text), step)]


@lru_cache(maxsize=64)
def _started(key):
    """A code that has taken its key in: that costs more than a short message."""
    return HMAC(key, SHA256())


@lru_cache(maxsize=64)
def _cipher(key):
    """Making a cipher costs more than using it."""
    return AESGCM(_derive(key, "seal"))


@lru_cache(maxsize=256)
def _derive(key, purpose):
    return hmac.digest(key, f"derive{SEPARATOR}{purpose}".encode(), "sha256")


@lru_cache(maxsize=1)
def get_keyring():
    """The server's key ring, read once per process.

    :raise SparConfigurationError: the configured file can not be used
    """
    configured = os.environ.get(ENVIRONMENT) or config.get(OPTION)
    if configured:
        return read_keyring(Path(configured))
    path = Path(config["data_dir"]) / "spar" / "development_keys.json"
    _make_development_key(path)
    log = _logger.info if config["test_enable"] else _logger.warning
    log(
        "No %s is configured: using the development key %s. "
        "Do not keep real people's data under it.",
        OPTION,
        path,
    )
    return read_keyring(path)


def read_keyring(path):
    """Read and check a key file.

    :param Path path: the file
    :raise SparConfigurationError: missing, unreadable or malformed; the message names
        option and file and never quotes the content
    """
    # no "from err": a JSON error carries the whole document, which holds the keys
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        current = content["current"]
        keys = {
            key_id: base64.b64decode(key, validate=True)
            for key_id, key in content["keys"].items()
        }
    except OSError as err:
        raise SparConfigurationError(
            f"The key file named by {OPTION} or {ENVIRONMENT} can not be read: "
            f"{path}: {err.strerror}."
        ) from None
    except (ValueError, TypeError, KeyError, AttributeError, binascii.Error):
        raise _malformed(path) from None
    if (
        not isinstance(current, str)
        or current not in keys
        or any(len(key) != KEY_BYTES for key in keys.values())
        # the id of the key stands before what is sealed, up to the first colon
        or any(not key_id or ":" in key_id for key_id in keys)
    ):
        raise _malformed(path)
    return KeyRing(current, keys)


def _malformed(path):
    return SparConfigurationError(
        f"The key file named by {OPTION} or {ENVIRONMENT} is malformed: {path}. It has "
        'to look like {"current": "k1", "keys": {"k1": "<base64 of 32 bytes>"}}, '
        "without a colon in the name of a key."
    )


def _make_development_key(path):
    """Write a new random key to ``path`` unless a key file is already there.

    :raise SparConfigurationError: the data directory can not be written
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists():
            return
        key = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
        # mkstemp makes the file 0600; link() keeps the first of two racing workers
        handle, draft = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump({"current": "dev", "keys": {"dev": key}}, file)
            os.link(draft, path)
        except FileExistsError:
            _logger.debug("Another process has made the development key first.")
        finally:
            os.unlink(draft)
    except OSError as err:
        raise SparConfigurationError(
            f"No {OPTION} is configured and no development key can be kept in "
            f"{path.parent}: {err.strerror}."
        ) from err
