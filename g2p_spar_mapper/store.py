# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""The SQL of the registry: one statement per batch, whatever its size.

Only the mapper service calls these functions. Rows travel as one array per column, so
a batch of ten items and one of ten thousand are the same statement. A change and its
ledger row are written by the same statement: there is never one without the other.

Locks are taken in the order of ``id_key``, so two batches can wait for each other's
rows but not in a circle.
"""

import collections
import logging
from operator import attrgetter

from odoo.tools import SQL, groupby

from odoo.addons.g2p_spar_bank_directory.exceptions import (
    SparIntegrityError,
    SparTransientError,
)

from . import ledger, replica
from .arrays import array, columns_of, execute, table
from .content import encode, open_content, place
from .keyring import get_keyring
from .rows import FoundRow, LiveRow, WrittenRow

_logger = logging.getLogger(__name__)

LOCK_LIVE = """
    SELECT m.id, m.id_key, m.fa_key, m.id_masked, m.branch_code, m.sealed, m.state,
           m.opened_at, m.fa_masked, m.head, COALESCE(f.name, m.fsp_code),
           COALESCE(f.code, m.fsp_code, '')
      FROM g2p_spar_mapping m
      LEFT JOIN g2p_spar_fsp f ON f.id = m.fsp_id
     WHERE %(found)s
     ORDER BY m.id_key
       FOR NO KEY UPDATE OF m
"""

# Nothing when another server has begun with a new key: no ID may get a second mapping
# under it. Removals under way are waited for: the ledger has them before what follows.
# All rows have the moment of the first.
NEXT_IDS = """
    WITH mine AS MATERIALIZED (
        SELECT FROM g2p_spar_key WHERE key_id = %(key_id)s AND is_older IS NOT TRUE
           FOR SHARE
    ), waited AS MATERIALIZED (
        SELECT FROM g2p_spar_mapping WHERE closed_at IS NULL
           AND id_key = ANY(%(keys)s::varchar[]) ORDER BY id_key FOR NO KEY UPDATE)
    SELECT nextval('g2p_spar_mapping_id_seq'), nextval('g2p_spar_mapping_event_id_seq'),
           CASE WHEN n = 1 THEN clock_timestamp() AT TIME ZONE 'UTC' END
      FROM mine, (SELECT count(*) FROM waited) w, generate_series(1, %(count)s) n
     ORDER BY n
"""

NEXT_EVENT_IDS = """
    SELECT nextval('g2p_spar_mapping_event_id_seq'),
           CASE WHEN n = 1 THEN statement_timestamp() AT TIME ZONE 'UTC' END
      FROM generate_series(1, %(count)s) n
     ORDER BY n
"""

# What is joined here is known beforehand (ids come from NEXT_IDS): the planner guesses
# badly about joins of arrays. The condition on "closed" makes sure that a live period
# is closed before the unique index sees its successor.
WRITE_PERIODS = """
    WITH closed AS (
        UPDATE g2p_spar_mapping
           SET state = 'closed', closed_at = GREATEST(opened_at, %(at)s)
         WHERE id = ANY(%(closes)s::int[])
     RETURNING id
    ), opened AS (
        INSERT INTO g2p_spar_mapping (
               id, id_type_id, id_key, key_id, sealed, head, id_masked, id_last,
               fa_key, fa_masked, fa_last, account_type_id,
               strategy_id, fsp_id, fsp_code, branch_id, branch_code, channel,
               state, opened_at, closed_at)
        SELECT id, id_type_id, id_key, %(key_id)s, sealed, head, id_masked, id_last,
               fa_key, fa_masked, fa_last, account_type_id,
               strategy_id, fsp_id, fsp_code, branch_id, branch_code, %(channel)s,
               CASE WHEN is_last THEN 'active' ELSE 'closed' END,
               %(at)s, CASE WHEN NOT is_last THEN %(at)s::timestamp END
          FROM %(periods)s
         WHERE (SELECT count(*) FROM closed) IS NOT NULL
            ON CONFLICT (id_key) WHERE closed_at IS NULL DO NOTHING
     RETURNING id
    ), recorded AS (
        INSERT INTO g2p_spar_mapping_event (
               at, verb, channel, user_id, client_id, purpose, transaction, key_id,
               id, mapping_id, previous_mapping_id, id_masked, reference, consent,
               old_masked, old_provider, new_masked, new_provider,
               previous_hash, hash)
        SELECT %(at)s, %(verb)s, %(channel)s, %(user_id)s, %(client_id)s, %(purpose)s,
               %(transaction)s, %(key_id)s,
               event_id, id, previous_id, id_masked, reference, consent,
               old_masked, old_provider, fa_masked, provider, previous_hash, head
          FROM %(changes)s
         WHERE id IN (SELECT id FROM opened)
    )
    SELECT id FROM opened
"""

# One ledger row for a period that stays: it is closed, frozen, restored or looked at.
MARK_PERIODS = """
    WITH changed AS (
        UPDATE g2p_spar_mapping m
           SET head = i.head, state = COALESCE(%(state)s, m.state),
               closed_at = CASE WHEN %(state)s = 'closed'
                                THEN GREATEST(m.opened_at, %(at)s)
                                ELSE m.closed_at END
          FROM %(heads)s
         WHERE m.id = i.mapping_id
           AND m.id = ANY(%(mapping_ids)s::int[])
     RETURNING m.id
    ), recorded AS (
        INSERT INTO g2p_spar_mapping_event (
               at, verb, channel, user_id, client_id, purpose, transaction, key_id,
               reason, id, mapping_id, id_masked, reference, consent,
               old_masked, old_provider, previous_hash, hash)
        SELECT %(at)s, %(verb)s, %(channel)s, %(user_id)s, %(client_id)s, %(purpose)s,
               %(transaction)s, %(key_id)s, %(reason)s,
               event_id, mapping_id, id_masked, reference, consent,
               old_masked, old_provider, previous_hash, head
          FROM %(changes)s
    )
    SELECT id FROM changed
"""
#: so many callers can replace the same mapping at once before one is sent away
MAX_ROUNDS = 50
_STATE_AFTER = {"unlink": "closed", "freeze": "frozen", "restore": "active"}

# Enough for "yes or no" and for "are these two a pair".
FIND_STATE = """
    SELECT m.id_key, m.fa_key, m.state, m.id, m.id_type_id
      FROM g2p_spar_mapping m
     WHERE m.closed_at IS NULL
       AND (%(found)s)
"""

FIND_DETAILS = """
    SELECT m.id_key, m.fa_key, m.state, m.id, m.id_type_id,
           m.sealed, m.fa_masked, m.account_type_id,
           COALESCE(f.code, m.fsp_code, ''), COALESCE(f.name, ''),
           COALESCE(b.code, m.branch_code, ''), COALESCE(b.name, ''),
           m.opened_at::text, m.strategy_id
      FROM g2p_spar_mapping m
      LEFT JOIN g2p_spar_fsp f ON f.id = m.fsp_id
      LEFT JOIN g2p_spar_fsp_branch b ON b.id = m.branch_id
     WHERE m.closed_at IS NULL
       AND (%(found)s)
"""

#: what the names in FIND_DETAILS come from, to be flushed before reading
DETAIL_FIELDS = (
    ("g2p.spar.fsp", "code"),
    ("g2p.spar.fsp", "name"),
    ("g2p.spar.fsp.branch", "code"),
    ("g2p.spar.fsp.branch", "name"),
)


#: what of the actor is under the hash, in this order
_ACTOR = ("channel", "user_id", "client_id", "purpose", "transaction")

_PERIOD_COLUMNS = (
    *("id", "id_type_id", "id_key", "sealed", "head", "id_masked", "id_last"),
    *("fa_key", "fa_masked", "fa_last", "account_type_id"),
    *("strategy_id", "fsp_id", "fsp_code", "branch_id", "branch_code", "is_last"),
)
_CHANGE_COLUMNS = (
    *("event_id", "id", "previous_id", "id_masked", "reference", "consent"),
    *("old_masked", "old_provider", "fa_masked", "provider", "previous_hash", "head"),
)
_MARK_COLUMNS = (
    *("event_id", "mapping_id", "id_masked", "reference", "consent"),
    *("old_masked", "old_provider", "previous_hash", "head"),
)


def lock_live(env, keys):
    """Lock the live mappings of these keys until the transaction ends.

    A period that another transaction closed while this one waited for it is left out,
    and so is the one that took its place: see :func:`lock_all_live`.

    :param keys: id_keys, repeated ones allowed
    :return: list of :class:`LiveRow`
    :raise psycopg2.OperationalError: (unless the transaction is one of
        ``isolation.read_committed``) another transaction has changed one of them; Odoo
        runs the whole request again
    """
    found = SQL("m.closed_at IS NULL AND m.id_key = ANY(%s::varchar[])", array(keys))
    return [LiveRow(*row) for row in execute(env, SQL(LOCK_LIVE, found=found))]


def lock_all_live(env, keys):
    """Lock the live mappings of these keys, also those that took the place of another
    one meanwhile.

    :param set keys: id_keys
    :return: list of :class:`LiveRow`, and the keys that have a live mapping which
        others kept replacing
    """
    rows = lock_live(env, keys)
    for _round in range(MAX_ROUNDS):
        missing = keys - {row.id_key for row in rows}
        # reads what is committed by now
        missing = {row.id_key for row in find_live(env, missing, (), False)}
        if not missing:
            return rows, missing
        rows += lock_live(env, missing)
    return rows, missing - {row.id_key for row in rows}


def lock_periods(env, mapping_ids):
    """Lock mappings, past ones included.

    :return: list of :class:`LiveRow`
    :raise psycopg2.OperationalError: as for :func:`lock_live`
    """
    found = SQL("m.id = ANY(%s::int[])", array(mapping_ids))
    return [LiveRow(*row) for row in execute(env, SQL(LOCK_LIVE, found=found))]


def write_periods(env, rows, verb, actor_values):
    """Open periods, close those they replace, and record both in the ledger.

    :param list[PeriodRow] rows: those of one ID follow each other in order of ``pos``
    :param str verb: ``link`` or ``update``
    :param dict actor_values: channel, user_id, client_id, purpose, transaction
    :return: :class:`WrittenRow` of those opened; an ID that already has another live
        mapping is left out
    :raise SparTransientError: there is a newer key than that of this server
    """
    rows = sorted(rows, key=attrgetter("id_key", "pos"))
    keys = [row.id_key for row in rows] if verb == "link" else []  # else locked
    ring = get_keyring()
    ids = execute(
        env, SQL(NEXT_IDS, key_id=ring.current, count=len(rows), keys=array(keys))
    )
    if not ids:
        _logger.error(
            "Another server has begun with a newer key than %s: copy the key file from "
            "there and restart this one",
            ring.current,
        )
        raise SparTransientError("Mappings are kept under a newer key now")
    at = ids[0][2]
    sealed = ring.seal_many(
        [
            (place(id_, row.id_key, row.fa_key), encode(row.content))
            for (id_, _event_id, _at), row in zip(ids, rows, strict=True)
        ]
    )
    for (id_, event_id, _at), row, content in zip(ids, rows, sealed, strict=True):
        row.id, row.event_id, row.sealed = id_, event_id, content
    _chain(rows, verb, at, actor_values)
    columns = columns_of(rows, {*_PERIOD_COLUMNS, *_CHANGE_COLUMNS})
    opened = execute(
        env,
        SQL(
            WRITE_PERIODS,
            at=at,
            key_id=ring.current,
            closes=array(row.closes for row in rows if row.closes),
            periods=table(columns, _PERIOD_COLUMNS),
            changes=table(columns, _CHANGE_COLUMNS),
            verb=verb,
            **actor_values,
        ),
    )
    pos_of = {row.id: row.pos for row in rows}
    return [WrittenRow(pos_of[id_], id_, at) for (id_,) in opened]


def _chain(rows, verb, at, actor_values):
    """Set the hashes of the ledger's rows: each one holds that of the row before.

    :param list[PeriodRow] rows: those of one ID follow each other
    """
    key_id, get_hashes = get_keyring().current, ledger.hasher()
    actor = tuple(actor_values[name] for name in _ACTOR)
    turns = collections.defaultdict(list)  # by how many of the same ID stand before
    for _id_key, chain in groupby(rows, attrgetter("id_key")):
        earlier = None
        for number, row in enumerate(chain):
            turns[number].append((row, earlier))
            earlier = row
    for turn in turns.values():
        for row, earlier in turn:
            row.previous_id = row.closes
            if earlier:
                row.previous_id, row.previous_hash = earlier.id, earlier.head
        heads = get_hashes(
            (
                *(row.event_id, at, verb, row.id, row.previous_id, key_id),
                *(row.id_masked, *actor, row.reference, None, row.consent),
                *(row.old_masked, row.old_provider, row.fa_masked, row.provider),
                row.previous_hash,
            )
            for row, _earlier in turn
        )
        for (row, _earlier), head in zip(turn, heads, strict=True):
            row.head = head


def mark_periods(env, rows, verb, actor_values, reason=None):
    """Close, freeze or restore locked periods, or note that somebody looked at them;
    record it in the ledger.

    :param list[MarkedRow] rows: of different mappings
    :param str verb: ``unlink``, ``freeze``, ``restore`` or ``reveal``
    :param dict actor_values: as for :func:`write_periods`
    :param str reason: why, in the words of the person who did it
    :rtype: list[WrittenRow]
    """
    ids = execute(env, SQL(NEXT_EVENT_IDS, count=len(rows)))
    at = ids[0][1]
    key_id = get_keyring().current
    get_hashes = ledger.hasher()
    actor = tuple(actor_values[name] for name in _ACTOR)
    heads = get_hashes(
        (
            *(event_id, at, verb, row.mapping_id, None, key_id, row.id_masked),
            *actor,
            *(row.reference, reason, row.consent, row.old_masked),
            *(row.old_provider, None, None, row.previous_hash),
        )
        for (event_id, _at), row in zip(ids, rows, strict=True)
    )
    for (event_id, _at), row, head in zip(ids, rows, heads, strict=True):
        row.event_id, row.head = event_id, head
    columns = columns_of(rows, _MARK_COLUMNS)
    changed = execute(
        env,
        SQL(
            MARK_PERIODS,
            at=at,
            key_id=key_id,
            heads=table(columns, ("mapping_id", "head")),
            mapping_ids=columns["mapping_id"],
            changes=table(columns, _MARK_COLUMNS),
            verb=verb,
            state=_STATE_AFTER.get(verb),
            reason=reason,
            **actor_values,
        ),
    )
    pos_of = {row.mapping_id: row.pos for row in rows}
    return [WrittenRow(pos_of[id_], id_, at) for (id_,) in changed]


def find_live(env, id_keys, fa_keys, details, may_lag=False):
    """Live mappings by ID and by account, in one statement that only reads.

    :param id_keys: keys of IDs
    :param fa_keys: keys of accounts
    :param bool details: whether address and provider are wanted
    :param bool may_lag: whether a replica may answer, some seconds behind
    :rtype: list[FoundRow]
    """
    found = []
    if id_keys:
        found.append(SQL("m.id_key = ANY(%s::varchar[])", array(id_keys)))
    if fa_keys:
        found.append(SQL("m.fa_key = ANY(%s::varchar[])", array(fa_keys)))
    if not found:
        return []
    found = SQL(" OR ").join(found)
    if details:
        fields = [env[model]._fields[name] for model, name in DETAIL_FIELDS]
        query = SQL(FIND_DETAILS, found=found, to_flush=fields)
    else:
        query = SQL(FIND_STATE, found=found)
    rows = replica.fetch(env, query) if may_lag else None
    if rows is None:
        rows = execute(env, query)
    make = _open if details else FoundRow
    return [make(*row) for row in rows]


def _open(id_key, fa_key, state, mapping_id, id_type_id, sealed, *others):
    try:
        content = open_content(mapping_id, id_key, fa_key, sealed)
    except SparIntegrityError:
        content = None
    return FoundRow(id_key, fa_key, state, mapping_id, id_type_id, content, *others)
