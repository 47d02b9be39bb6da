# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""The SQL of the registry: one statement per batch, whatever its size.

Only the mapper service calls these functions. Rows travel as one array per column, so
a batch of ten items and one of ten thousand are the same statement. A change and its
ledger row are written by the same statement: there is never one without the other.

Locks are taken in the order of ``id_key``, so two batches can wait for each other's
rows but not in a circle.
"""

from datetime import datetime
from typing import NamedTuple

import msgspec

from odoo.tools import SQL

LOCK_LIVE = """
    SELECT m.id, m.id_key, m.key_id, m.id_masked, m.fa_key, m.branch_code,
           m.holder_name, m.phone, m.additional_info::text, m.state, m.opened_at,
           m.fa_masked, COALESCE(f.name, m.fsp_code)
      FROM g2p_spar_mapping m
      LEFT JOIN g2p_spar_fsp f ON f.id = m.fsp_id
     WHERE m.closed_at IS NULL
       AND m.id_key = ANY(%(keys)s::varchar[])
     ORDER BY m.id_key
       FOR NO KEY UPDATE OF m
"""

NEXT_IDS = """
    SELECT nextval('g2p_spar_mapping_id_seq') FROM generate_series(1, %(count)s)
"""

# What is joined here is known beforehand (ids come from NEXT_IDS): the planner guesses
# badly about joins of arrays. The condition on "closed" makes sure that a live period
# is closed before the unique index sees its successor.
WRITE_PERIODS = """
    WITH closed AS (
        UPDATE g2p_spar_mapping
           SET state = 'closed',
               closed_at = GREATEST(
                   opened_at, statement_timestamp() AT TIME ZONE 'UTC')
         WHERE id = ANY(%(closes)s::int[])
     RETURNING id
    ), opened AS (
        INSERT INTO g2p_spar_mapping (
               id, id_type_id, id_key, key_id, id_value, id_masked, id_last,
               fa, fa_key, components, fa_masked, fa_last, account_type_id,
               strategy_id, fsp_id, fsp_code, branch_id, branch_code,
               holder_name, phone, additional_info, channel,
               state, opened_at, closed_at)
        SELECT id, id_type_id, id_key, key_id, id_value, id_masked, id_last,
               fa, fa_key, components, fa_masked, fa_last, account_type_id,
               strategy_id, fsp_id, fsp_code, branch_id, branch_code,
               holder_name, phone, additional_info, %(channel)s,
               CASE WHEN is_last THEN 'active' ELSE 'closed' END,
               statement_timestamp() AT TIME ZONE 'UTC',
               CASE WHEN NOT is_last
                    THEN statement_timestamp() AT TIME ZONE 'UTC' END
          FROM %(periods)s
         WHERE (SELECT count(*) FROM closed) IS NOT NULL
            ON CONFLICT (id_key) WHERE closed_at IS NULL DO NOTHING
     RETURNING id, opened_at
    ), recorded AS (
        INSERT INTO g2p_spar_mapping_event (
               at, verb, channel, user_id, client_id, purpose, transaction,
               mapping_id, previous_mapping_id, id_key, key_id, id_masked, reference,
               old_masked, old_provider, old_fa_key,
               new_masked, new_provider, new_fa_key)
        SELECT statement_timestamp() AT TIME ZONE 'UTC', %(verb)s, %(channel)s,
               %(user_id)s, %(client_id)s, %(purpose)s, %(transaction)s,
               id, previous_id, id_key, key_id, id_masked, reference,
               old_masked, old_provider, old_fa_key, fa_masked, provider, fa_key
          FROM %(changes)s
         WHERE id IN (SELECT id FROM opened)
    )
    SELECT id, opened_at FROM opened
"""

CLOSE_PERIODS = """
    WITH closed AS (
        UPDATE g2p_spar_mapping
           SET state = 'closed',
               closed_at = GREATEST(
                   opened_at, statement_timestamp() AT TIME ZONE 'UTC')
         WHERE id = ANY(%(closes)s::int[])
     RETURNING id, opened_at
    ), recorded AS (
        INSERT INTO g2p_spar_mapping_event (
               at, verb, channel, user_id, client_id, purpose, transaction,
               mapping_id, id_key, key_id, id_masked, reference,
               old_masked, old_provider, old_fa_key)
        SELECT statement_timestamp() AT TIME ZONE 'UTC', 'unlink', %(channel)s,
               %(user_id)s, %(client_id)s, %(purpose)s, %(transaction)s,
               closes, id_key, key_id, id_masked, reference,
               old_masked, old_provider, old_fa_key
          FROM %(changes)s
    )
    SELECT id, opened_at FROM closed
"""

# Enough for "yes or no" and for "are these two a pair".
FIND_STATE = """
    SELECT m.id_key, m.fa_key, m.state, m.id
      FROM g2p_spar_mapping m
     WHERE m.closed_at IS NULL
       AND (%(found)s)
"""

FIND_DETAILS = """
    SELECT m.id_key, m.fa_key, m.state, m.id, m.fa, m.fa_masked,
           COALESCE(t.code, ''),
           COALESCE(f.code, m.fsp_code, ''), COALESCE(f.name, ''),
           COALESCE(b.code, m.branch_code, ''), COALESCE(b.name, ''),
           m.components::text, COALESCE(m.holder_name, ''),
           m.additional_info::text, m.opened_at, COALESCE(s.number, 0)
      FROM g2p_spar_mapping m
      LEFT JOIN g2p_spar_account_type t ON t.id = m.account_type_id
      LEFT JOIN g2p_spar_strategy s ON s.id = m.strategy_id
      LEFT JOIN g2p_spar_fsp f ON f.id = m.fsp_id
      LEFT JOIN g2p_spar_fsp_branch b ON b.id = m.branch_id
     WHERE m.closed_at IS NULL
       AND (%(found)s)
"""

#: what the names in FIND_DETAILS come from, to be flushed before reading
DETAIL_FIELDS = (
    ("g2p.spar.account.type", "code"),
    ("g2p.spar.strategy", "number"),
    ("g2p.spar.fsp", "code"),
    ("g2p.spar.fsp", "name"),
    ("g2p.spar.fsp.branch", "code"),
    ("g2p.spar.fsp.branch", "name"),
)


class LiveRow(NamedTuple):
    """A live mapping, locked for a change."""

    mapping_id: int | None
    id_key: str
    key_id: str
    id_masked: str
    fa_key: str
    branch_code: str | None
    holder_name: str | None
    phone: str | None
    additional_info: str | None  #: JSON
    state: str
    opened_at: datetime | None  #: UTC
    fa_masked: str
    provider: str | None
    pos: int | None = None  #: item of this batch that makes the row, if not there yet


class PeriodRow(NamedTuple):
    """One period to be opened, and what the ledger says about it."""

    id_key: str
    pos: int
    closes: int | None
    is_last: bool
    id_type_id: int
    key_id: str
    id_value: str
    id_masked: str
    id_last: str
    fa: str
    fa_key: str
    components: str  #: JSON
    fa_masked: str
    fa_last: str
    account_type_id: int | None
    strategy_id: int | None
    fsp_id: int | None
    fsp_code: str | None
    branch_id: int | None
    branch_code: str | None
    holder_name: str | None
    phone: str | None
    additional_info: str | None  #: JSON
    reference: str | None
    provider: str | None
    old_masked: str | None
    old_provider: str | None
    old_fa_key: str | None


class ClosingRow(NamedTuple):
    """One period to be closed for good, and what the ledger says about it."""

    pos: int
    closes: int
    id_key: str
    key_id: str
    id_masked: str
    reference: str | None
    old_masked: str
    old_provider: str | None
    old_fa_key: str


class FoundRow(NamedTuple):
    """A live mapping with what the directory says about it, if that was asked."""

    id_key: str
    fa_key: str
    state: str
    mapping_id: int
    fa: str = ""
    masked: str = ""
    account_type: str = ""
    fsp_code: str = ""
    fsp_name: str = ""
    branch_code: str = ""
    branch_name: str = ""
    components: str | None = None  #: JSON
    holder_name: str = ""
    additional_info: str | None = None  #: JSON
    opened_at: datetime | None = None  #: UTC
    strategy: int = 0


class WrittenRow(NamedTuple):
    """What a write gave back: the item's place in the batch and its period."""

    pos: int
    mapping_id: int
    opened_at: datetime  #: UTC


_INTS = SQL("int[]")
_BOOLS = SQL("bool[]")
_TEXTS = SQL("varchar[]")
_JSONS = SQL("jsonb[]")
_ARRAYS = {
    "id": _INTS,
    "previous_id": _INTS,
    "closes": _INTS,
    "is_last": _BOOLS,
    "id_type_id": _INTS,
    "account_type_id": _INTS,
    "strategy_id": _INTS,
    "fsp_id": _INTS,
    "branch_id": _INTS,
    "components": _JSONS,
    "additional_info": _JSONS,
}
_PERIOD_COLUMNS = (
    *("id", "id_type_id", "id_key", "key_id", "id_value", "id_masked", "id_last"),
    *("fa", "fa_key", "components", "fa_masked", "fa_last", "account_type_id"),
    *("strategy_id", "fsp_id", "fsp_code", "branch_id", "branch_code"),
    *("holder_name", "phone", "additional_info", "is_last"),
)
_CHANGE_COLUMNS = (
    *("id", "previous_id", "id_key", "key_id", "id_masked", "reference"),
    *("old_masked", "old_provider", "old_fa_key", "fa_masked", "provider", "fa_key"),
)
_CLOSING_COLUMNS = (
    *("closes", "id_key", "key_id", "id_masked", "reference"),
    *("old_masked", "old_provider", "old_fa_key"),
)


def _quote(value):
    """``value`` as an element of an array literal."""
    if value is None:
        return "NULL"
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _array(values):
    """An array literal. It is one constant for the server: an expression per element
    would cost it far more time.

    JSON in braces is an array literal, too, as long as nothing in it is escaped.
    """
    values = list(values)
    text = msgspec.json.encode(values).decode()[1:-1]
    if "\\" in text:
        text = ",".join(map(_quote, values))
    return "{" + text + "}"


def _columns(rows):
    """Named tuples of one class, turned into arrays by name."""
    values = zip(*rows, strict=True)
    return dict(zip(rows[0]._fields, map(_array, values), strict=True))


def _table(columns, names):
    """These ``columns`` as a table ``i``."""
    arrays = (SQL("%s::%s", columns[name], _ARRAYS.get(name, _TEXTS)) for name in names)
    return SQL(
        "unnest(%s) AS i(%s)",
        SQL(", ").join(arrays),
        SQL(", ").join(SQL.identifier(name) for name in names),
    )


def _execute(env, query):
    """Run a statement and give its rows. Odoo logs the text of a statement that fails,
    a lost race included; these hold IDs and accounts, so they are not logged."""
    env.flush_query(query)
    env.cr.execute(query, log_exceptions=False)
    return env.cr.fetchall()


def lock_live(env, keys):
    """Lock the live mappings of these keys until the transaction ends.

    :param keys: id_keys, repeated ones allowed
    :return: :class:`LiveRow` by id_key
    :raise psycopg2.OperationalError: another transaction has changed one of them;
        Odoo runs the whole request again
    """
    rows = _execute(env, SQL(LOCK_LIVE, keys=_array(keys)))
    return {row[1]: LiveRow(*row) for row in rows}


def write_periods(env, rows, verb, actor_values):
    """Open periods, close those they replace, and record both in the ledger.

    :param list[PeriodRow] rows: those of one ID follow each other in order of ``pos``
    :param str verb: ``link`` or ``update``
    :param dict actor_values: channel, user_id, client_id, purpose, transaction
    :return: :class:`WrittenRow` of those opened; an ID that already has another live
        mapping is left out
    """
    rows = sorted(rows)  # by id_key, then by pos
    ids = [id_ for (id_,) in _execute(env, SQL(NEXT_IDS, count=len(rows)))]
    last_of = {}
    previous_ids = []
    for id_, row in zip(ids, rows, strict=True):
        previous_ids.append(last_of.get(row.id_key, row.closes))
        last_of[row.id_key] = id_
    columns = _columns(rows)
    columns |= {"id": _array(ids), "previous_id": _array(previous_ids)}
    opened = _execute(
        env,
        SQL(
            WRITE_PERIODS,
            closes=_array(row.closes for row in rows if row.closes),
            periods=_table(columns, _PERIOD_COLUMNS),
            changes=_table(columns, _CHANGE_COLUMNS),
            verb=verb,
            **actor_values,
        ),
    )
    pos_of = {id_: row.pos for id_, row in zip(ids, rows, strict=True)}
    return [WrittenRow(pos_of[id_], id_, opened_at) for id_, opened_at in opened]


def close_periods(env, rows, actor_values):
    """Close locked periods and record it in the ledger.

    :param list[ClosingRow] rows:
    :param dict actor_values: as for :func:`write_periods`
    :rtype: list[WrittenRow]
    """
    columns = _columns(rows)
    closed = _execute(
        env,
        SQL(
            CLOSE_PERIODS,
            closes=columns["closes"],
            changes=_table(columns, _CLOSING_COLUMNS),
            **actor_values,
        ),
    )
    pos_of = {row.closes: row.pos for row in rows}
    return [WrittenRow(pos_of[id_], id_, opened_at) for id_, opened_at in closed]


def find_live(env, id_keys, fa_keys, details):
    """Live mappings by ID and by account, in one statement that only reads.

    :param id_keys: keys of IDs
    :param fa_keys: keys of accounts
    :param bool details: whether address and provider are wanted
    :rtype: list[FoundRow]
    """
    found = []
    if id_keys:
        found.append(SQL("m.id_key = ANY(%s::varchar[])", _array(id_keys)))
    if fa_keys:
        found.append(SQL("m.fa_key = ANY(%s::varchar[])", _array(fa_keys)))
    if not found:
        return []
    found = SQL(" OR ").join(found)
    if details:
        fields = [env[model]._fields[name] for model, name in DETAIL_FIELDS]
        query = SQL(FIND_DETAILS, found=found, to_flush=fields)
    else:
        query = SQL(FIND_STATE, found=found)
    return [FoundRow(*row) for row in _execute(env, query)]
