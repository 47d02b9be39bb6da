# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Keys that clients publish themselves (JWKS, RFC 7517), kept in memory.

Each worker starts with what the database has of a set. It asks the client's server when
what it knows is old, so that a key which was taken out there ends here, and when a
signature names a key that it does not know: at most once a minute, so that wrong
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

from . import callbacks, http_client
from .g2p_connect import keys
from .g2p_connect.signature import Key

_logger = logging.getLogger(__name__)

SECONDS_KEPT = 15 * 60
SECONDS_BETWEEN = 60
SECONDS_TO_WAIT = 5
MAX_BYTES = 256 * 1024
MOST_SETS = 1000

_now = time.time
_lock = threading.Lock()
_locks = defaultdict(threading.Lock)  # by address
_fetched = {}  # address -> Fetched


class KeySet(NamedTuple):
    """Where a client publishes its keys."""

    url: str
    valid_from: float  #: seconds since 1970
    valid_until: float
    stored: tuple[Key, ...]  #: as the database has them
    stored_at: float  #: seconds since 1970


class Fetched(NamedTuple):
    """What this worker knows of a set."""

    asked_at: float = 0.0  #: seconds since 1970
    got_at: float = 0.0  #: the last time that an answer came
    keys: tuple[Key, ...] = ()


def fetch(env, url):
    """Get a key set.

    :param str url: begins with ``https://``
    :raise SparError: not reached, refused, or what came is no key set
    :rtype: bytes
    """
    content = http_client.get(
        url,
        seconds=SECONDS_TO_WAIT,
        max_bytes=MAX_BYTES,
        guard=callbacks.configured_guard(env),
        peer="key set's server",
    )
    try:
        keys.read_jwks(content)
    except keys.KeyRefused:
        raise SparConfigurationError("What was fetched is no key set.") from None
    return content


def find(env, key_set, kid):
    """Keys of a set, fetched anew if need be.

    :param str kid: what the signature names; empty when it names none
    :rtype: tuple[Key, ...]
    """
    got_at, found = _latest(key_set)
    is_known = any(not kid or key.kid == kid for key in found)
    if not is_known or _is_past(got_at, SECONDS_KEPT):
        _refresh(env, key_set.url, is_urgent=not is_known)
        _got_at, found = _latest(key_set)
    return tuple(
        key._replace(valid_from=key_set.valid_from, valid_until=key_set.valid_until)
        for key in found
    )


def _latest(key_set):
    """What was fetched last, by this worker or by hand, and when."""
    fetched = _fetched.get(key_set.url, Fetched())
    if key_set.stored_at > fetched.got_at:
        return key_set.stored_at, key_set.stored
    return fetched.got_at, fetched.keys


def _is_past(moment, seconds):
    """Whether it is so long ago; a clock that was set back must not stop us."""
    return not 0 <= _now() - moment < seconds


def _refresh(env, url, is_urgent):
    """Fetch a key set anew, unless that was tried within the last minute.

    :param bool is_urgent: wait for a thread that is fetching it now; else what is known
        will do, so that a slow server keeps one call waiting and not all of them
    """
    with _lock:
        if len(_fetched) > MOST_SETS:
            _fetched.clear()
        lock = _locks[url]
    if not is_urgent and lock.locked():
        return
    with lock:
        fetched = _fetched.get(url, Fetched())
        if not _is_past(fetched.asked_at, SECONDS_BETWEEN):
            return
        try:
            found = tuple(
                Key(key.kid, key.alg, key.public)
                for key in keys.read_jwks(fetch(env, url))
            )
        except SparError as err:
            _logger.warning("Keys of an API client: %s", err.message)
            _fetched[url] = fetched._replace(asked_at=_now())
        else:
            _fetched[url] = Fetched(_now(), _now(), found)
