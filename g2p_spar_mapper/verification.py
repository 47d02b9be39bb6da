# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Compares the ledger and the mappings with their keyed hashes, chunk by chunk.

What somebody without the key ring did to the database is found: a row of the ledger
changed, added or removed; a mapping changed, or its content moved from another row.
Rows removed at the end of a chain, or with the whole chain, leave no gap in it: for
these each check remembers which rows it saw. It also remembers under which key each was
recomputed: that a key is gone is believed of no other row.
"""

import base64
import contextlib
from datetime import datetime
from typing import NamedTuple

import msgspec

from odoo.tools import SQL

from odoo.addons.g2p_spar_bank_directory.exceptions import SparConfigurationError
from odoo.addons.g2p_spar_bank_directory.masking import last

from . import ledger
from .arrays import execute
from .content import COLUMNS, decode_columns, open_contents
from .keyring import get_keyring, mac

BLOCK = 10_000  #: ids of the ledger that are checked at once
MAPPINGS = 5_000  #: mappings that are checked at once
_KEY_ID = ledger.COLUMNS.index("key_id")

# The row before is the last one of the period that this row is about or replaces.
READ_EVENTS = """
    SELECT %(columns)s, e.hash, m.id IS NULL,
           (SELECT p.hash
              FROM g2p_spar_mapping_event p
             WHERE p.mapping_id = COALESCE(e.previous_mapping_id, e.mapping_id)
               AND p.id < e.id
             ORDER BY p.mapping_id DESC, p.id DESC
             LIMIT 1)
      FROM g2p_spar_mapping_event e
      LEFT JOIN g2p_spar_mapping m ON m.id = e.mapping_id
     WHERE e.id >= %(first_id)s AND e.id < %(end_id)s
     ORDER BY e.id
"""

# Ids come from a sequence, from 1 on: no chunk has what lies before or beyond.
READ_STRAYS = """
    SELECT 'event', e.mapping_id, e.id, e.id_masked
      FROM g2p_spar_mapping_event e
     WHERE e.id < 0
        OR e.id >= %(end_id)s
           AND e.id > (SELECT last_value FROM g2p_spar_mapping_event_id_seq)
     UNION ALL
    SELECT 'no_event', m.id, 0, m.id_masked
      FROM g2p_spar_mapping m
     WHERE m.id < 1
     LIMIT %(limit)s
"""

READ_MAPPINGS = """
    SELECT m.id, m.id_key, m.fa_key, m.sealed, m.key_id, m.state, m.head, m.id_masked,
           m.id_last, m.fa_last, json_build_array(%(columns)s), m.opened_at,
           m.closed_at, opening.is_same, last.hash, state.verb, state.at, next.at
      FROM g2p_spar_mapping m
      LEFT JOIN LATERAL (
           SELECT e.at = m.opened_at AND e.new_masked = m.fa_masked
                  AND e.id_masked = m.id_masked AND e.channel = m.channel AS is_same
             FROM g2p_spar_mapping_event e
            WHERE e.mapping_id = m.id
            ORDER BY e.mapping_id, e.id LIMIT 1) opening ON TRUE
      LEFT JOIN LATERAL (
           SELECT e.hash FROM g2p_spar_mapping_event e
            WHERE e.mapping_id = m.id
            ORDER BY e.mapping_id DESC, e.id DESC LIMIT 1) last ON TRUE
      LEFT JOIN LATERAL (
           SELECT e.verb, e.at FROM g2p_spar_mapping_event e
            WHERE e.mapping_id = m.id AND e.verb <> 'reveal'
            ORDER BY e.mapping_id DESC, e.id DESC LIMIT 1) state ON TRUE
      LEFT JOIN LATERAL (
           SELECT e.at FROM g2p_spar_mapping_event e
            WHERE e.previous_mapping_id = m.id
            LIMIT 1) next ON TRUE
     WHERE m.id > %(after_id)s
     ORDER BY m.id
     LIMIT %(limit)s
"""


class Fault(NamedTuple):
    """Something that is not as the registry left it."""

    kind: str
    mapping_id: int = 0
    event_id: int = 0
    masked: str = ""  #: the ID as screens may show it


class _Mapping(NamedTuple):
    """A mapping and what the ledger says of it."""

    id: int
    id_key: str
    fa_key: str
    sealed: str
    key_id: str
    state: str
    head: str
    id_masked: str
    id_last: str
    fa_last: str
    columns: list  #: values of ``content.COLUMNS``
    opened_at: datetime
    closed_at: datetime | None
    is_same: bool | None  #: as it was opened
    last: str | None  #: hash of the last row
    verb: str | None  #: what was last done to it
    done_at: datetime | None  #: when that was
    replaced_at: datetime | None

    @property
    def expected_state(self):
        if self._end:
            return "closed"
        return "frozen" if self.verb == "freeze" else "active"

    @property
    def has_its_end(self):
        """Whether it ends when the ledger says so; as written, not before it began."""
        return self.closed_at == (self._end and max(self._end, self.opened_at))

    @property
    def _end(self):
        return self.replaced_at or (self.done_at if self.verb == "unlink" else None)

    def fits(self, content):
        """Whether its columns are those that were written with this content."""
        key_id, _colon, _token = self.sealed.partition(":")
        # rows of earlier times lack them
        sealed = decode_columns(content.columns) or self.columns
        known = (sealed, key_id, last(content.id_value), last(content.number))
        return known == (self.columns, self.key_id, self.id_last, self.fa_last)


class Checked(NamedTuple):
    """What came of one chunk."""

    faults: list[Fault]
    count: int
    key_gone: int  #: rows whose key is not in the key file any more
    last_id: int = 0
    seen: dict = {}  #: rows of the ledger, as in :class:`Memory`


class Memory(NamedTuple):
    """What checks remember of a block of the ledger."""

    check_id: int | None  #: the last one; None: of a version that did not note it
    #: id of a row -> id of the key under which a check recomputed it; "": under none
    seen: dict

    def add(self, check_id, seen):
        """What is remembered after another check; what is known of a row stays."""
        known = {id_: key_id for id_, key_id in self.seen.items() if key_id}
        return Memory(max(check_id, self.check_id or 0), self.seen | seen | known)


def check_events(env, first_id, end_id, known):
    """Check the rows of the ledger with ids from ``first_id`` to before ``end_id``.

    :param dict known: what is remembered of them: see :class:`Memory`
    :rtype: Checked
    """
    names = (SQL.identifier("e", name) for name in ledger.COLUMNS)
    query = SQL(
        READ_EVENTS, columns=SQL(", ").join(names), first_id=first_id, end_id=end_id
    )
    rows = execute(env, query)
    hashes = _hashes([values for *values, _stored, _is_orphan, _before in rows])
    faults, key_gone, seen = [], 0, {}
    for *values, stored, is_orphan, before in rows:
        row = dict(zip(ledger.COLUMNS, values, strict=True))
        where = (row["mapping_id"], row["id"], row["id_masked"])
        if row["id"] in hashes:
            is_sound = hashes[row["id"]] == stored
        else:
            # anybody can write a key that nobody has; an earlier check had this one
            is_sound = known.get(row["id"]) == row["key_id"]
            key_gone += is_sound
        if not is_sound:
            faults.append(Fault("event", *where))
        seen[row["id"]] = row["key_id"] if is_sound else ""
        if row["previous_hash"] != (None if row["verb"] == "link" else before):
            faults.append(Fault("chain", *where))
        if is_orphan:
            faults.append(Fault("mapping_gone", *where))
    return Checked(faults, len(rows), key_gone, end_id - 1, seen)


def find_strays(env, end_id):
    """Rows that no chunk has, since their ids are none that the registry gives.

    :param int end_id: behind the last chunk of the ledger
    :rtype: list[Fault]
    """
    return [
        Fault(*row)
        for row in execute(env, SQL(READ_STRAYS, end_id=end_id, limit=BLOCK))
    ]


def _hashes(rows):
    """The hashes that rows of the ledger should have, by id; none where the key ring
    lacks the key.

    :param list rows: values of ``ledger.COLUMNS``
    """
    by_key = {}
    for values in rows:
        by_key.setdefault(values[_KEY_ID], []).append(values)
    hashes = {}
    for key_id, of_key in by_key.items():
        with contextlib.suppress(SparConfigurationError):
            get_hashes = ledger.hasher(key_id)
            ids = (values[0] for values in of_key)
            hashes |= zip(ids, get_hashes(of_key), strict=True)
    return hashes


def check_mappings(env, after_id, limit=MAPPINGS):
    """Check the next mappings.

    :param int after_id: the last id of the chunk before
    :rtype: Checked
    """
    columns = SQL(", ").join(SQL.identifier("m", name) for name in COLUMNS)
    query = SQL(READ_MAPPINGS, columns=columns, after_id=after_id, limit=limit)
    found = execute(env, query)
    # the hashes of ID and account are under the seal, too
    contents = open_contents(row[:4] for row in found)
    faults = []
    for row, content in zip(map(_Mapping._make, found), contents, strict=True):
        where = (row.id, 0, row.id_masked)
        if content is None:
            faults.append(Fault("content", *where))
        elif not row.fits(content):
            faults.append(Fault("details", *where))
        if row.last is None:
            faults.append(Fault("no_event", *where))
            continue
        if row.head != row.last:
            faults.append(Fault("head", *where))
        if row.state != row.expected_state:
            faults.append(Fault("state", *where))
        elif not row.has_its_end:
            faults.append(Fault("end", *where))
        if not row.is_same:
            faults.append(Fault("mapping", *where))
    return Checked(faults, len(found), 0, found[-1][0] if found else 0)


# ---------------------------------------------------------- what a check remembers


class _Written(msgspec.Struct):
    check_id: int | None
    seen: dict[str, bytes]  #: for each key one bit for each id


def write_memory(first_id, memory):
    """A :class:`Memory` as text."""
    seen = {}
    for id_, key_id in memory.seen.items():
        place, bit = divmod(id_ - first_id, 8)
        bits = seen.setdefault(key_id, bytearray(BLOCK // 8))
        bits[place] |= 1 << bit
    return msgspec.json.encode(_Written(memory.check_id, seen)).decode()


def read_memory(first_id, text):
    """What :func:`write_memory` wrote.

    :rtype: Memory
    """
    if text.startswith("{"):
        written = msgspec.json.decode(text, type=_Written)
    else:  # of a version that noted ids only
        written = _Written(None, {"": base64.b64decode(text)})
    seen = {
        first_id + 8 * place + bit: key_id
        for key_id, bits in written.seen.items()
        for place, byte in enumerate(bits)
        if byte
        for bit in range(8)
        if byte >> bit & 1
    }
    return Memory(written.check_id, seen)


def sign_memory(first_id, text, key_id=None):
    """Keyed hash of what is remembered of a block.

    :raise SparConfigurationError: the ring lacks the key
    """
    key = get_keyring().derive("ledger block", key_id)
    return mac(key, f"{first_id}:{text}".encode())
