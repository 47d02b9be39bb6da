# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""The SQL of the registry: a few statements per batch, whatever its size.

Only the mapper service calls these functions, and lets no fault of one that writes
pass without taking back all that it wrote: there is no change without its ledger row.

Locks are taken in the order of ``id_key``, so two batches can wait for each other's
rows but not in a circle.
"""

import collections
import logging
from operator import attrgetter

from odoo.tools import SQL, groupby

from odoo.addons.g2p_spar_bank_directory.exceptions import SparTransientError

from . import ledger, replica
from .arrays import array, execute
from .content import COLUMNS, encode, open_contents, place
from .copying import copy_rows
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
# The first row has the moment of all, and the IDs that have a live mapping; the ids for
# the others follow. Sequences have an end: nothing is drawn for what is refused.
NEXT_IDS = """
    WITH mine AS MATERIALIZED (
        SELECT FROM g2p_spar_key WHERE key_id = %(key_id)s AND is_older IS NOT TRUE
           FOR SHARE
    ), waited AS MATERIALIZED (
        SELECT id_key FROM g2p_spar_mapping WHERE closed_at IS NULL
           AND id_key = ANY(%(keys)s::varchar[]) ORDER BY id_key FOR NO KEY UPDATE)
    SELECT CASE WHEN n > 0 THEN nextval('g2p_spar_mapping_id_seq') END,
           CASE WHEN n > 0 THEN nextval('g2p_spar_mapping_event_id_seq') END,
           CASE WHEN n = 0 THEN clock_timestamp() AT TIME ZONE 'UTC' END,
           CASE WHEN n = 0 THEN taken END
      FROM mine, (SELECT array_agg(id_key) FROM waited) w (taken),
           generate_series(0, %(count)s - COALESCE(cardinality(taken), 0)) n
     ORDER BY n
"""

NEXT_EVENT_IDS = """
    SELECT nextval('g2p_spar_mapping_event_id_seq'),
           CASE WHEN n = 1 THEN statement_timestamp() AT TIME ZONE 'UTC' END
      FROM generate_series(1, %(count)s) n
     ORDER BY n
"""

CLOSE_PERIODS = """
    UPDATE g2p_spar_mapping
       SET state = 'closed', closed_at = GREATEST(opened_at, %(at)s)
     WHERE id = ANY(%(closes)s::int[])
"""

# For periods that stay: they are closed, frozen, restored or looked at. What is joined
# here is known beforehand: the planner guesses badly about joins of arrays.
MARK_PERIODS = """
    UPDATE g2p_spar_mapping m
       SET head = i.head, state = COALESCE(%(state)s, m.state),
           closed_at = CASE WHEN %(state)s = 'closed'
                            THEN GREATEST(m.opened_at, %(at)s)
                            ELSE m.closed_at END
      FROM unnest(%(mapping_ids)s::int[], %(heads)s::varchar[]) AS i(mapping_id, head)
     WHERE m.id = i.mapping_id
       AND m.id = ANY(%(mapping_ids)s::int[])
"""

#: refuses a second live mapping of an ID
LIVE_INDEX = "g2p_spar_mapping_live_id_key_uniq"
# Said by the database, so that whoever repeats transactions recognises it.
LOSE_RACE = """
    DO $$ BEGIN
        RAISE 'An ID was linked meanwhile' USING ERRCODE = 'serialization_failure';
    END $$
"""
#: so many callers can replace the same mapping at once before one is sent away
MAX_ROUNDS = 50
_STATE_AFTER = {"unlink": "closed", "freeze": "frozen", "restore": "active"}

# Enough for "yes or no" and for "are these two a pair".
FIND_STATE = """
    SELECT m.id, m.id_key, m.fa_key, NULL, m.state, m.id_type_id
      FROM g2p_spar_mapping m
     WHERE m.closed_at IS NULL
       AND (%(found)s)
"""

FIND_DETAILS = """
    SELECT m.id, m.id_key, m.fa_key, m.sealed, m.state, m.id_type_id,
           m.account_type_id, m.strategy_id,
           COALESCE(f.code, m.fsp_code, ''), COALESCE(f.name, ''),
           COALESCE(b.code, m.branch_code, ''), COALESCE(b.name, '')
           %(more)s
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

_EVENT_COLUMNS = (*ledger.COLUMNS, "hash")
_MAPPING_COLUMNS = (
    *("id", "id_key", "key_id", "sealed", "head", "id_masked", "id_last"),
    *("fa_key", "fa_masked", "fa_last", *COLUMNS, "channel", "state"),
    *("opened_at", "closed_at"),
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
    :return: :class:`WrittenRow` of those opened; of those to be linked, IDs that have
        a live mapping are left out
    :raise SparTransientError: there is a newer key than that of this server
    :raise psycopg2.errors.UniqueViolation: of :data:`LIVE_INDEX`: somebody links one
        of these IDs at the same time
    """
    rows = sorted(rows, key=attrgetter("id_key", "pos"))
    rows, at = _number(env, rows, verb)
    if not rows:
        return []
    ring = get_keyring()
    sealed = ring.seal_many(
        [(place(row.id, row.id_key, row.fa_key), encode(row.content)) for row in rows]
    )
    events = _chain(rows, verb, at, actor_values)
    channel = actor_values["channel"]
    periods = []
    for row, content in zip(rows, sealed, strict=True):
        address = row.address
        period = (
            row.id,
            row.id_key,
            ring.current,
            content,
            row.head,
            row.id_masked,
            row.parsed.last,
            row.fa_key,
            address.masked,
            address.last,
            *row.columns,
            channel,
            "active" if row.is_last else "closed",
            at,
            None if row.is_last else at,
        )
        periods.append(period)
    closes = [row.live.mapping_id for row in rows if row.live and row.live.mapping_id]
    if closes:
        query = SQL(CLOSE_PERIODS, at=at, closes=array(closes))
        env.cr.execute(query, log_exceptions=False)
    copy_rows(env, "g2p_spar_mapping", _MAPPING_COLUMNS, periods)
    copy_rows(env, "g2p_spar_mapping_event", _EVENT_COLUMNS, events)
    return [WrittenRow(row.pos, row.id, at) for row in rows]


def _number(env, rows, verb):
    """Give rows their ids.

    :return: the rows, without those whose ID has a live mapping that is not theirs to
        close; and the moment of the change
    :raise SparTransientError: there is a newer key than that of this server
    """
    # an update has locked what it replaces
    keys = [row.id_key for row in rows] if verb == "link" else []
    key_id = get_keyring().current
    ids = execute(env, SQL(NEXT_IDS, key_id=key_id, count=len(rows), keys=array(keys)))
    if not ids:
        _logger.error(
            "Another server has begun with a newer key than %s: copy the key file from "
            "there and restart this one",
            key_id,
        )
        raise SparTransientError("Mappings are kept under a newer key now")
    (*_ids, at, taken), *ids = ids
    if taken:
        taken = set(taken)
        rows = [row for row in rows if row.id_key not in taken]
    for row, (id_, event_id, *_first) in zip(rows, ids, strict=True):
        row.id, row.event_id = id_, event_id
    return rows, at


def _chain(rows, verb, at, actor_values):
    """Set the heads of periods, each made from that of the period before.

    :param list[PeriodRow] rows: those of one ID follow each other
    :return: the rows of the ledger, as :data:`_EVENT_COLUMNS`
    """
    key_id, get_hashes = get_keyring().current, ledger.hasher()
    actor = tuple(actor_values[name] for name in _ACTOR)
    before = {
        row.id_key: (row.live.mapping_id, row.live.head)
        for row in rows
        if row.live and row.live.mapping_id
    }
    events = []
    for turn in _take_turns(rows):
        bodies = []
        for row in turn:
            previous_id, previous_hash = before.get(row.id_key, (None, None))
            item, live = row.item, row.live
            body = (
                row.event_id,
                at,
                verb,
                row.id,
                previous_id,
                key_id,
                row.id_masked,
                *actor,
                item.reference or None,
                None,
                item.consent or None,
                live and live.fa_masked,
                live and live.provider,
                row.address.masked,
                row.provider,
                previous_hash,
            )
            bodies.append(body)
        for row, body, head in zip(turn, bodies, get_hashes(bodies), strict=True):
            row.head = head
            before[row.id_key] = row.id, head
            events.append((*body, head))
    return events


def _take_turns(rows):
    """Rows in groups: those that are the first of their ID, the second ones, ...

    :param list[PeriodRow] rows: those of one ID follow each other
    """
    if len({row.id_key for row in rows}) == len(rows):  # nearly always
        return [rows]
    turns = collections.defaultdict(list)
    for _id_key, chain in groupby(rows, attrgetter("id_key")):
        for number, row in enumerate(chain):
            turns[number].append(row)
    return turns.values()


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
    key_id, get_hashes = get_keyring().current, ledger.hasher()
    actor = tuple(actor_values[name] for name in _ACTOR)
    bodies = [
        (
            *(event_id, at, verb, row.live.mapping_id, None, key_id),
            *(row.live.id_masked, *actor, row.reference, reason, row.consent),
            *(row.live.fa_masked, row.live.provider, None, None, row.live.head),
        )
        for (event_id, _at), row in zip(ids, rows, strict=True)
    ]
    heads = get_hashes(bodies)
    events = [(*body, head) for body, head in zip(bodies, heads, strict=True)]
    mapping_ids = array(row.live.mapping_id for row in rows)
    env.cr.execute(
        SQL(
            MARK_PERIODS,
            at=at,
            state=_STATE_AFTER.get(verb),
            mapping_ids=mapping_ids,
            heads=array(heads),
        ),
        log_exceptions=False,
    )
    copy_rows(env, "g2p_spar_mapping_event", _EVENT_COLUMNS, events)
    return [WrittenRow(row.pos, row.live.mapping_id, at) for row in rows]


def lose_race(env):
    """Have the transaction repeated, by whoever repeats any.

    :raise psycopg2.errors.SerializationFailure: always
    """
    env.cr.execute(LOSE_RACE, log_exceptions=False)


def find_live(env, id_keys, fa_keys, details, for_program=False):
    """Live mappings by ID and by account, in one statement that only reads.

    :param id_keys: keys of IDs
    :param fa_keys: keys of accounts
    :param bool details: whether address and provider are wanted
    :param bool for_program: whether a program asks by the API: it gets nothing that is
        there for people's eyes. A replica may answer it, some seconds behind; others
        may ask for what their own transaction has just written
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
        more = SQL() if for_program else SQL(", m.fa_masked, m.opened_at::text")
        query = SQL(FIND_DETAILS, found=found, more=more, to_flush=fields)
    else:
        query = SQL(FIND_STATE, found=found)
    rows = replica.fetch(env, query) if for_program else None
    if rows is None:
        rows = execute(env, query)
    found = [FoundRow(*row) for row in rows]
    if details:
        contents = open_contents(row[:4] for row in rows)
        for row, content in zip(found, contents, strict=True):
            row.content = content
    return found
