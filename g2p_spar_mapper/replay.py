# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Each message of a client is processed once, whoever sends it again and when.

The row of a message is inserted before it is processed, in the same transaction: after
a crash there are both, row and changes, or neither. A copy that comes in meanwhile, by
whichever worker, waits at the unique index until the first one is done.

What counts as the same message is its ``replay_key``. A strict client uses a message id
once, so it is the key. Compatible clients are known to use one id for all they send:
theirs is the whole message. The message itself is not kept, and a plain hash of it
could be guessed by trying IDs, so its digest is keyed.

A signature goes on to hold for whoever has seen it, also when the same content is
written in another way or sent to another address. So of a client that signs it is the
content that counts, and a message belongs to one address.
"""

import base64
import hashlib
import hmac
import uuid
import zlib
from datetime import datetime
from typing import NamedTuple

import psycopg2.errors

from odoo.addons.g2p_spar_bank_directory.exceptions import (
    SparConfigurationError,
    SparTransientError,
)

from . import isolation
from .g2p_connect import signature
from .g2p_connect.checks import HeaderFault
from .keyring import get_keyring

#: milliseconds that a copy waits for the message that is being processed
WAIT = 10_000
#: answers are long and alike; more than the quickest level costs more than it saves
COMPRESSION = 1

# What will have contents is not taken in under an older key: the database refuses these
# in the end, when all is done. The other part keeps a copy apart that came in while
# another key was in use.
INSERT = """
    INSERT INTO g2p_spar_transaction (
           client_id, message_id, replay_key, key_id, digest, transaction_id, operation,
           is_async, state, correlation_id, item_count, done_count, received_at,
           request, callback_url, callback_state, callback_attempts)
    SELECT %(client_id)s, %(message_id)s, %(replay_key)s, %(key_id)s, %(digest)s,
           %(transaction_id)s, %(operation)s, %(is_async)s, %(state)s,
           %(correlation_id)s, %(item_count)s, 0, clock_timestamp() AT TIME ZONE 'UTC',
           %(request)s, %(callback_url)s, 'none', 0
     WHERE NOT (%(has_contents)s AND EXISTS (
           SELECT FROM g2p_spar_key WHERE key_id = %(key_id)s AND is_older))
       AND NOT EXISTS (
           SELECT FROM g2p_spar_transaction
            WHERE client_id = %(client_id)s AND replay_key = ANY(%(others)s::varchar[]))
        ON CONFLICT (client_id, replay_key) DO NOTHING
    RETURNING id, received_at
"""

# One round trip. The savepoint is there to go on after waiting in vain; the limit holds
# for the rest of the transaction: nobody waits longer for anybody's lock.
CLAIM = (
    """
    SAVEPOINT spar_claim;
    SET LOCAL lock_timeout = %(wait)s;
"""
    + INSERT
)

# A look-up is registered by itself: a crash may lose this row and nothing else.
REGISTER = (
    """
    SET LOCAL synchronous_commit = off;
    SET LOCAL lock_timeout = %(wait)s;
"""
    + INSERT
)

FIND = """
    SELECT id, received_at, correlation_id, replay_key, key_id, digest, answer,
           callback_url
      FROM g2p_spar_transaction
     WHERE client_id = %(client_id)s AND replay_key = ANY(%(keys)s::varchar[])
"""

SETTLE = """
    UPDATE g2p_spar_transaction
       SET state = %(state)s, done_count = %(done_count)s, answer = %(answer)s,
           done_at = clock_timestamp() AT TIME ZONE 'UTC'
     WHERE id = %(id)s
"""


FORGOTTEN = HeaderFault(
    "rjct.message_id.duplicate",
    "This message was processed; its answer is not kept any more",
)


class Claim(NamedTuple):
    """A message that nobody has processed: its row, as it was inserted."""

    id: int
    received_at: datetime
    correlation_id: str
    context: str  #: for sealing its contents


class Earlier(NamedTuple):
    """The same message came in before and is done, or will be by a job."""

    received_at: datetime
    correlation_id: str
    answer: bytes | None  #: None: not yet, or not kept any more
    callback_url: str


def _duplicate(text):
    return HeaderFault("rjct.message_id.duplicate", text)


def _being_processed():
    return _duplicate("A message with this message_id is being processed")


def claim(env, client, message, *, request=False, callback_url=None):
    """Make the row of a message, unless there is one.

    :param ClientData client: who sent it
    :param Message message: the message
    :param bool request: keep the message, to be processed later
    :param str callback_url: where the result will go
    :return: Claim; or Earlier; or a HeaderFault, when the id belongs to another message
        or the same message is still being processed
    :raise SparTransientError: the row was there and has just gone, or there is a newer
        key than that of this server
    """
    content = _content(client, message)
    row = _prepare(client, message, content) | {"has_contents": True}
    if request:
        sealed = seal(_context(row), message.body)
        row |= {"request": sealed, "callback_url": callback_url or None}
    try:
        env.cr.execute(CLAIM, row, log_exceptions=False)
    except psycopg2.errors.LockNotAvailable:
        env.cr.execute("ROLLBACK TO SAVEPOINT spar_claim")
        return _being_processed()
    if found := env.cr.fetchone():
        return Claim(*found, row["correlation_id"], _context(row))
    return _find(env.cr, row, message, content)


def register(env, client, message):
    """Note the id of a message that changes nothing, by a transaction of its own.

    :return: the correlation id, the same however often the message is sent; or a
        HeaderFault, when the id belongs to another message
    """
    content = _content(client, message)
    row = _prepare(client, message, content) | {"state": "succ"}
    try:
        with env.registry.cursor() as cr:
            isolation.read_committed(cr)
            cr.execute(REGISTER, row, log_exceptions=False)
            found = None if cr.fetchone() else _find(cr, row, message, content)
    except psycopg2.errors.LockNotAvailable:
        return _being_processed()
    if isinstance(found, HeaderFault):
        return found
    return found.correlation_id if found else row["correlation_id"]


def settle(env, claimed, state, done_count, answer):
    """Keep the answer with the row, in the transaction of the changes.

    :param str state: ``succ`` or ``rjct``
    :param int done_count: items that were done
    :param bytes answer: as it goes out
    """
    values = {"id": claimed.id, "state": state, "done_count": done_count}
    values["answer"] = seal(claimed.context, answer)
    env.cr.execute(SETTLE, values)


def seal(context, content):
    """Bytes as they are kept: packed, then encrypted for one row.

    :rtype: str
    """
    return get_keyring().seal(context, zlib.compress(content, COMPRESSION))


def unseal(context, sealed):
    """What :func:`seal` was given; None when it is not kept any more.

    That is so, too, when its key was taken out of the key ring.
    """
    if not sealed:
        return None
    try:
        return zlib.decompress(get_keyring().open(context, sealed))
    except SparConfigurationError:
        return None


def reseal(context, sealed):
    """The same content under the current key; None stays None.

    :raise SparError: it does not open
    """
    ring = get_keyring()
    return sealed and ring.seal(context, ring.open(context, sealed))


def context_of(client_id, replay_key):
    """What binds the contents of a row to that row."""
    return f"g2p_spar_transaction/{client_id}/{replay_key}"


def _context(row):
    return context_of(row["client_id"], row["replay_key"])


def _content(client, message):
    """What counts of a message."""
    if client.needs_signature:
        return signature.content(message.body)
    return message.body


def _prepare(client, message, content):
    ring = get_keyring()
    address = "" if client.needs_signature else _address(message)
    if client.strict:
        name = hashlib.sha256(message.header.message_id.encode()).digest()
        replay_key, others = f"m{_text(name)}", []
    else:
        replay_key = f"b{_digest(address, content, ring.current)}"
        others = [
            f"b{_digest(address, content, key)}"
            for key in ring.keys
            if key != ring.current
        ]
    return {
        "client_id": client.id,
        "message_id": message.header.message_id,
        "replay_key": replay_key,
        "others": others,
        "key_id": ring.current,
        "digest": _digest(_address(message), content, ring.current),
        "transaction_id": message.transaction_id,
        "operation": message.operation,
        "is_async": message.is_async,
        "state": "rcvd",
        "correlation_id": str(uuid.uuid4()),
        "item_count": len(message.items),
        "has_contents": False,
        "request": None,
        "callback_url": None,
        "wait": WAIT,
    }


def _address(message):
    return f"{message.operation}/{'async' if message.is_async else 'sync'}/"


def _digest(address, content, key_id):
    key = get_keyring().derive("message digest", key_id)
    digest = hmac.new(key, address.encode(), "sha256")
    digest.update(content)
    return _text(digest.digest())


def _text(digest):
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _find(cr, row, message, content):
    keys = [row["replay_key"], *row["others"]]
    cr.execute(FIND, {"client_id": row["client_id"], "keys": keys})
    found = cr.dictfetchone()
    if not found:
        raise SparTransientError("Forgotten just now, or refused under an older key.")
    try:
        digest = _digest(_address(message), content, found["key_id"])
        same = hmac.compare_digest(found["digest"], digest)
    except SparConfigurationError:  # its key is gone, and with it the way to compare
        same = False
    if not same:
        return _duplicate("This message_id was used for another message")
    context = context_of(row["client_id"], found["replay_key"])
    return Earlier(
        found["received_at"],
        found["correlation_id"],
        unseal(context, found["answer"]),
        found["callback_url"] or "",
    )
