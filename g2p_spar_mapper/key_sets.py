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

import requests

from odoo.addons.g2p_spar_bank_directory.exceptions import SparTransientError

from .g2p_connect import keys
from .g2p_connect.signature import Key

_logger = logging.getLogger(__name__)

SECONDS_BETWEEN = 60
SECONDS_TO_WAIT = 5
MAX_BYTES = 256 * 1024
MOST_SETS = 1000

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
    :raise SparTransientError: not reached, or what came is no key set
    :rtype: bytes
    """
    deadline = time.monotonic() + SECONDS_TO_WAIT
    try:
        with (
            requests.Session() as session,
            session.get(
                url,
                timeout=SECONDS_TO_WAIT,
                allow_redirects=False,
                stream=True,
                auth=_no_auth,
                headers={"Accept": "application/json"},
            ) as response,
        ):
            if response.status_code != 200:
                raise SparTransientError(
                    f"The key set cannot be fetched (HTTP {response.status_code})."
                )
            content = bytearray()
            for piece in response.iter_content(4096):
                content += piece
                if len(content) > MAX_BYTES or time.monotonic() > deadline:
                    raise SparTransientError("The key set is too long or too slow.")
    except (requests.exceptions.RequestException, OSError) as err:
        raise SparTransientError("The key set cannot be fetched.") from err
    try:
        keys.read_jwks(bytes(content))
    except keys.KeyRefused as err:
        raise SparTransientError("What was fetched is no key set.") from err
    return bytes(content)


def _no_auth(request):
    """Keep credentials of the machine's ``.netrc`` out of our requests."""
    return request


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
        if asked is None or time.monotonic() - asked >= SECONDS_BETWEEN:
            try:
                found = tuple(
                    Key(key.kid, key.alg, key.public)
                    for key in keys.read_jwks(fetch(url))
                )
            except SparTransientError as err:
                _logger.warning("Keys of an API client: %s", err.message)
            _fetched[url] = (time.monotonic(), found)
    return _limited(key_set, found or ())


def _limited(key_set, found):
    return tuple(
        key._replace(valid_from=key_set.valid_from, valid_until=key_set.valid_until)
        for key in found
    )
