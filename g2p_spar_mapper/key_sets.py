# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Keys that clients publish themselves (JWKS, RFC 7517), kept in memory.

Each worker starts with what the database has of a set, and asks the client's server
when a signature names a key that is not there: at most once a minute, so that wrong
signatures cannot make us ask all the time. A set that cannot be fetched leaves the one
that was there.
"""

import logging
import threading
import time
from collections import defaultdict
from typing import NamedTuple

from odoo.addons.g2p_spar_bank_directory.exceptions import (
    SparConfigurationError,
    SparError,
)

from . import http_client
from .g2p_connect import keys
from .g2p_connect.signature import Key

_logger = logging.getLogger(__name__)

SECONDS_BETWEEN = 60
SECONDS_TO_WAIT = 5
MAX_BYTES = 256 * 1024
MOST_SETS = 1000

_now = time.monotonic
_lock = threading.Lock()
_locks = defaultdict(threading.Lock)  # by address
_fetched = {}  # address -> (when it was asked for last, keys or None)


class KeySet(NamedTuple):
    """Where a client publishes its keys."""

    url: str
    valid_from: float  #: seconds since 1970
    valid_until: float


def fetch(url):
    """Get a key set.

    :param str url: begins with ``https://``
    :raise SparError: not reached, refused, or what came is no key set
    :rtype: bytes
    """
    content = http_client.get(
        url, seconds=SECONDS_TO_WAIT, max_bytes=MAX_BYTES, peer="key set's server"
    )
    try:
        keys.read_jwks(content)
    except keys.KeyRefused:
        raise SparConfigurationError("What was fetched is no key set.") from None
    return content


def known(key_set):
    """Keys of a set that this worker has fetched itself.

    :rtype: tuple[Key, ...]
    """
    return _limited(key_set, _fetched.get(key_set.url, (0, None))[1] or ())


def refresh(key_set):
    """Fetch a key set anew, unless that was tried within the last minute.

    :return: the keys there are now
    :rtype: tuple[Key, ...]
    """
    url = key_set.url
    with _lock:
        if len(_fetched) > MOST_SETS:
            _fetched.clear()
        lock = _locks[url]
    with lock:
        asked, found = _fetched.get(url, (None, None))
        if asked is None or _now() - asked >= SECONDS_BETWEEN:
            try:
                found = tuple(
                    Key(key.kid, key.alg, key.public)
                    for key in keys.read_jwks(fetch(url))
                )
            except SparError as err:
                _logger.warning("Keys of an API client: %s", err.message)
            _fetched[url] = (_now(), found)
    return _limited(key_set, found or ())


def _limited(key_set, found):
    return tuple(
        key._replace(valid_from=key_set.valid_from, valid_until=key_set.valid_until)
        for key in found
    )
