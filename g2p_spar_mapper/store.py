# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""The SQL of the registry: one statement per batch, whatever its size.

Only the mapper service calls these functions. Rows travel as one JSON parameter, so a
batch of ten items and one of ten thousand are the same statement. A change and its
ledger row are written by the same statement: there is never one without the other.

Locks are taken in the order of ``id_key``, so two batches can wait for each other's
rows but not in a circle.
"""

from typing import NamedTuple

import msgspec

from odoo.tools import SQL

LOCK_LIVE = """
    SELECT m.id, m.id_key, m.fa_key, m.branch_code, m.holder_name, m.phone,
           m.additional_info, m.state, m.opened_at, m.fa_masked,
           COALESCE(f.name, m.fsp_code) AS provider
      FROM g2p_spar_mapping m
      LEFT JOIN g2p_spar_fsp f ON f.id = m.fsp_id
     WHERE m.closed_at IS NULL
       AND m.id_key = ANY(%(keys)s::varchar[])
     ORDER BY m.id_key
       FOR NO KEY UPDATE OF m
"""

# The rows of one ID form a chain in the order of "pos": the first one closes the live
# period ("closes"), the last one becomes the live period, those between are periods
# that began and ended at once. The join with "closed" also makes sure that a live
# period is closed before the unique index sees its successor.
WRITE_PERIODS = """
    WITH input AS MATERIALIZED (
        SELECT ordered.*,
               nextval('g2p_spar_mapping_id_seq') AS id
          FROM (SELECT *
                  FROM json_to_recordset(%(rows)s::json) AS row(
                       pos int, closes int, is_last boolean,
                       id_type_id int, id_key varchar, key_id varchar,
                       id_value varchar, id_masked varchar, id_last varchar,
                       fa varchar, fa_key varchar, components jsonb,
                       fa_masked varchar, fa_last varchar,
                       account_type_id int, strategy_id int,
                       fsp_id int, fsp_code varchar, branch_id int,
                       branch_code varchar, holder_name varchar, phone varchar,
                       additional_info jsonb, reference varchar,
                       provider varchar, old_masked varchar, old_provider varchar,
                       old_fa_key varchar)
                 ORDER BY id_key, pos) AS ordered
    ), closed AS (
        UPDATE g2p_spar_mapping m
           SET state = 'closed',
               closed_at = GREATEST(
                   m.opened_at, statement_timestamp() AT TIME ZONE 'UTC')
          FROM input i
         WHERE m.id = i.closes
     RETURNING m.id_key, m.closed_at
    ), opened AS (
        INSERT INTO g2p_spar_mapping (
               id, id_type_id, id_key, key_id, id_value, id_masked, id_last,
               fa, fa_key, components, fa_masked, fa_last, account_type_id,
               strategy_id, fsp_id, fsp_code, branch_id, branch_code,
               holder_name, phone, additional_info, channel,
               state, opened_at, closed_at)
        SELECT i.id, i.id_type_id, i.id_key, i.key_id, i.id_value, i.id_masked,
               i.id_last, i.fa, i.fa_key, i.components, i.fa_masked, i.fa_last,
               i.account_type_id, i.strategy_id, i.fsp_id, i.fsp_code, i.branch_id,
               i.branch_code, i.holder_name, i.phone, i.additional_info,
               %(channel)s,
               CASE WHEN i.is_last THEN 'active' ELSE 'closed' END,
               moment.at,
               CASE WHEN i.is_last THEN NULL ELSE moment.at END
          FROM input i
          LEFT JOIN closed c ON c.id_key = i.id_key
         CROSS JOIN LATERAL (
               SELECT COALESCE(
                   c.closed_at, statement_timestamp() AT TIME ZONE 'UTC') AS at
               ) AS moment
            ON CONFLICT (id_key) WHERE closed_at IS NULL DO NOTHING
     RETURNING id, opened_at
    ), recorded AS (
        INSERT INTO g2p_spar_mapping_event (
               at, verb, mapping_id, previous_mapping_id, id_type_id, id_key,
               key_id, id_masked, channel, user_id, purpose,
               transaction, reference, old_masked, old_provider, old_fa_key,
               new_masked, new_provider, new_fa_key)
        SELECT o.opened_at, %(verb)s, i.id, i.previous_id, i.id_type_id, i.id_key,
               i.key_id, i.id_masked, %(channel)s, %(user_id)s,
               %(purpose)s, %(transaction)s, i.reference, i.old_masked,
               i.old_provider, i.old_fa_key, i.fa_masked, i.provider, i.fa_key
          FROM (SELECT *,
                       COALESCE(lag(id) OVER (PARTITION BY id_key ORDER BY pos),
                                closes) AS previous_id
                  FROM input) AS i
          JOIN opened o ON o.id = i.id
         ORDER BY i.id
    )
    SELECT i.pos, o.id, o.opened_at
      FROM opened o
      JOIN input i ON i.id = o.id
"""

CLOSE_PERIODS = """
    WITH input AS MATERIALIZED (
        SELECT *
          FROM json_to_recordset(%(rows)s::json) AS row(
               pos int, closes int, reference varchar, provider varchar)
    ), closed AS (
        UPDATE g2p_spar_mapping m
           SET state = 'closed',
               closed_at = GREATEST(
                   m.opened_at, statement_timestamp() AT TIME ZONE 'UTC')
          FROM input i
         WHERE m.id = i.closes
     RETURNING i.pos, m.*, i.reference, i.provider
    ), recorded AS (
        INSERT INTO g2p_spar_mapping_event (
               at, verb, mapping_id, id_type_id, id_key, key_id, id_masked,
               channel, user_id, purpose, transaction, reference,
               old_masked, old_provider, old_fa_key)
        SELECT closed_at, 'unlink', id, id_type_id, id_key, key_id, id_masked,
               %(channel)s, %(user_id)s, %(purpose)s,
               %(transaction)s, reference, fa_masked, provider, fa_key
          FROM closed
         ORDER BY id
    )
    SELECT pos, id, opened_at FROM closed
"""

FIND_LIVE = """
    SELECT m.id, m.id_key, m.fa_key, m.state, m.fa, m.fa_masked,
           t.code AS account_type,
           COALESCE(f.code, m.fsp_code, '') AS fsp_code,
           COALESCE(f.name, '') AS fsp_name,
           COALESCE(b.code, m.branch_code, '') AS branch_code,
           COALESCE(b.name, '') AS branch_name,
           m.components, m.holder_name, m.additional_info, m.opened_at,
           COALESCE(s.number, 0) AS strategy
      FROM g2p_spar_mapping m
      LEFT JOIN g2p_spar_account_type t ON t.id = m.account_type_id
      LEFT JOIN g2p_spar_strategy s ON s.id = m.strategy_id
      LEFT JOIN g2p_spar_fsp f ON f.id = m.fsp_id
      LEFT JOIN g2p_spar_fsp_branch b ON b.id = m.branch_id
     WHERE m.closed_at IS NULL
       AND (%(found)s)
"""


class LiveRow(NamedTuple):
    """A live mapping, locked for a change."""

    mapping_id: int
    id_key: str
    fa_key: str
    branch_code: str | None
    holder_name: str | None
    phone: str | None
    additional_info: list | None
    state: str
    opened_at: object  #: datetime in UTC
    fa_masked: str
    provider: str | None
    pos: int | None = None  #: item of this batch that makes the row, if not there yet


class FoundRow(NamedTuple):
    """A live mapping with what the directory says about it."""

    mapping_id: int
    id_key: str
    fa_key: str
    state: str
    fa: str
    masked: str
    account_type: str | None
    fsp_code: str
    fsp_name: str
    branch_code: str
    branch_name: str
    components: dict | None
    holder_name: str | None
    additional_info: list | None
    opened_at: object  #: datetime in UTC
    strategy: int


class WrittenRow(NamedTuple):
    """What a write gave back: the item's place in the batch and its period."""

    pos: int
    mapping_id: int
    opened_at: object  #: datetime in UTC


def _array(keys):
    """A PostgreSQL array of keys: one literal is parsed much faster than one
    expression per key. Keys are URL-safe base64, so there is nothing to quote."""
    return "{" + ",".join(keys) + "}"


def _json(rows):
    return msgspec.json.encode(rows).decode()


def lock_live(env, keys):
    """Lock the live mappings of these keys until the transaction ends.

    :param keys: id_keys, repeated ones allowed
    :return: :class:`LiveRow` by id_key
    :raise psycopg2.OperationalError: another transaction has changed one of them;
        Odoo runs the whole request again
    """
    rows = env.execute_query(SQL(LOCK_LIVE, keys=_array(keys)))
    return {row[1]: LiveRow(*row) for row in rows}


def write_periods(env, rows, verb, actor_values):
    """Open periods, close those they replace, and record both in the ledger.

    :param list[dict] rows: see ``input`` of the statement
    :param str verb: ``link`` or ``update``
    :param dict actor_values: channel, user_id, purpose, transaction
    :return: :class:`WrittenRow` of those opened; an ID that already has another live
        mapping is left out
    """
    found = env.execute_query(
        SQL(WRITE_PERIODS, rows=_json(rows), verb=verb, **actor_values)
    )
    return [WrittenRow(*row) for row in found]


def close_periods(env, rows, actor_values):
    """Close locked periods and record it in the ledger.

    :param list[dict] rows: see ``input`` of the statement
    :param dict actor_values: as for :func:`write_periods`
    :rtype: list[WrittenRow]
    """
    found = env.execute_query(SQL(CLOSE_PERIODS, rows=_json(rows), **actor_values))
    return [WrittenRow(*row) for row in found]


def find_live(env, id_keys, fa_keys):
    """Live mappings by ID and by account, in one statement that only reads.

    :param id_keys: keys of IDs
    :param fa_keys: keys of accounts
    :rtype: list[FoundRow]
    """
    found = []
    if id_keys:
        found.append(SQL("m.id_key = ANY(%s::varchar[])", _array(id_keys)))
    if fa_keys:
        found.append(SQL("m.fa_key = ANY(%s::varchar[])", _array(fa_keys)))
    if not found:
        return []
    fields = [
        env[model]._fields[name]
        for model in ("g2p.spar.fsp", "g2p.spar.fsp.branch")
        for name in ("code", "name")
    ]
    fields.append(env["g2p.spar.strategy"]._fields["number"])
    rows = env.execute_query(
        SQL(FIND_LIVE, found=SQL(" OR ").join(found), to_flush=fields)
    )
    return [FoundRow(*row) for row in rows]
