# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Moves stored values from older keys of the ring to the current one, in chunks.

Each chunk is one transaction with a constant number of statements. Values are looked
up under all keys that are in use, so readers and writers notice nothing.
"""

import logging
from typing import NamedTuple

from odoo.tools import SQL

from odoo.addons.g2p_spar_bank_directory.exceptions import (
    SparError,
    SparIntegrityError,
)

from .arrays import array, execute, table
from .content import encode, open_content, place
from .keyring import get_keyring
from .sealed_field import is_sealed

_logger = logging.getLogger(__name__)

MAPPINGS = "g2p.spar.mapping"

NEXT_MAPPINGS = """
    SELECT id FROM g2p_spar_mapping
     WHERE id > %(after_id)s AND key_id <> %(key_id)s
     ORDER BY id
     LIMIT %(limit)s
"""

# In the order in which the verbs lock.
LOCK_MAPPINGS = """
    SELECT m.id, m.id_key, m.fa_key, m.sealed, t.code, m.closed_at IS NULL
      FROM g2p_spar_mapping m
      LEFT JOIN g2p_spar_id_type t ON t.id = m.id_type_id
     WHERE m.id = ANY(%(ids)s::int[]) AND m.key_id <> %(key_id)s
     ORDER BY m.id_key
       FOR NO KEY UPDATE OF m
"""

# A live row under the current key that is not one of these stands for the same ID.
FIND_TAKEN = """
    SELECT id_key FROM g2p_spar_mapping
     WHERE closed_at IS NULL AND id_key = ANY(%(id_keys)s::varchar[])
"""

WRITE_MAPPINGS = """
    UPDATE g2p_spar_mapping m
       SET id_key = i.id_key, fa_key = i.fa_key, sealed = i.sealed,
           key_id = %(key_id)s
      FROM %(rows)s
     WHERE m.id = i.id AND m.id = ANY(%(ids)s::int[])
"""

#: sealed columns of models that move their contents in a way of their own
OWN_COLUMNS = {
    "g2p.spar.import.part": ("sealed",),
    "g2p.spar.transaction": ("request", "answer"),
}

# A server that begins with a newer key waits for whoever seals under the one before it,
# and nobody seals under that any more: the end of a change of keys has seen all. Who
# adds a row is told at once; who changes one is a job as a rule, done again later or by
# another server. AFTER, as COPY is quicker so; nothing is looked up for empty values.
# Who puts a table back from a dump has no search path.
REFUSE_OLDER = """
    CREATE OR REPLACE FUNCTION g2p_spar_is_older(sealed text) RETURNS boolean
    LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
    DECLARE
        found_older boolean;
    BEGIN
        SELECT is_older INTO found_older FROM g2p_spar_key
         WHERE key_id = split_part(sealed, ':', 1)
           FOR SHARE;
        RETURN COALESCE(found_older, FALSE);
    END $$;
    CREATE OR REPLACE FUNCTION g2p_spar_refuse_older() RETURNS trigger
    LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'Another server has begun with a newer key: nothing is sealed '
            'under the older one of this server. Restart it with the newer key'
            USING ERRCODE = CASE TG_OP WHEN 'INSERT'
                THEN 'object_not_in_prerequisite_state'
                ELSE 'serialization_failure' END;
    END $$
"""
REFUSE_OLDER_IN = """
    DROP TRIGGER IF EXISTS %(name)s ON %(table)s;
    CREATE TRIGGER %(name)s AFTER INSERT OR UPDATE OF %(column)s ON %(table)s
        FOR EACH ROW WHEN (NEW.%(column)s IS NOT NULL
                           AND g2p_spar_is_older(NEW.%(column)s))
        EXECUTE FUNCTION g2p_spar_refuse_older()
"""


class Chunk(NamedTuple):
    """What became of one chunk."""

    last_id: int  #: where the next one begins; 0 when nothing is left
    done: int
    left: int  #: rows that stay under their key, each named in the log


def rekey_mappings(env, after_id, limit):
    """Move the next mappings to the current key: both keyed hashes and the content.

    :param int after_id: the last id of the chunk before
    :param int limit: rows
    :rtype: Chunk
    :raise psycopg2.OperationalError: somebody changed one of them meanwhile; try again
    """
    ring = get_keyring()
    key_id = ring.current
    ids = execute(
        env, SQL(NEXT_MAPPINGS, after_id=after_id, key_id=key_id, limit=limit)
    )
    if not ids:
        return Chunk(0, 0, 0)
    ids = [id_ for (id_,) in ids]
    opened = []
    locked = execute(env, SQL(LOCK_MAPPINGS, ids=array(ids), key_id=key_id))
    for id_, *row, code, is_live in locked:
        try:
            content = _open(id_, *row, code)
        except SparError:
            _logger.error(
                "Mapping %s does not open, or its ID type was changed: it stays", id_
            )
            continue
        id_key = ring.digest("id", code, content.id_value)
        opened.append((id_, id_key, content, is_live))
    live = [id_key for _id, id_key, _content, is_live in opened if is_live]
    taken = execute(env, SQL(FIND_TAKEN, id_keys=array(live))) if live else ()
    taken = {id_key for (id_key,) in taken}
    sound = []
    for id_, id_key, content, is_live in opened:
        if is_live and id_key in taken:
            _logger.error("The ID of mapping %s has another live mapping", id_)
        else:
            sound.append((id_, id_key, content))
    if sound:
        _write_mappings(env, sound, ring)
    return Chunk(ids[-1], len(sound), len(locked) - len(sound))


def _open(mapping_id, id_key, fa_key, sealed, code):
    """The content of a mapping that still names the ID type it was linked with: under
    the code of another one it would become that of another ID.

    :raise SparError: it does not open, or its ID type is not that one
    """
    content = open_content(mapping_id, id_key, fa_key, sealed)
    key_id, _colon, _token = sealed.partition(":")
    values = ("id", code or "", content.id_value)
    if get_keyring().digest(*values, key_id=key_id) != id_key:
        raise SparIntegrityError("The ID type of a mapping was changed.")
    return content


def _write_mappings(env, rows, ring):
    account_types = env["g2p.spar.account.type"].sudo()
    addresses = account_types._parse_addresses(
        [content.fa for _id, _id_key, content in rows], False
    )
    fa_keys = env["g2p.spar.mapper"]._fa_keys(addresses)
    ids, id_keys, contents = zip(*rows, strict=True)
    places = map(place, ids, id_keys, fa_keys)
    columns = {
        "id": array(ids),
        "id_key": array(id_keys),
        "fa_key": array(fa_keys),
        "sealed": array(
            ring.seal_many(list(zip(places, map(encode, contents), strict=True)))
        ),
    }
    query = SQL(
        WRITE_MAPPINGS,
        key_id=ring.current,
        rows=table(columns),
        ids=columns["id"],
    )
    env.cr.execute(query, log_exceptions=False)
    env[MAPPINGS].invalidate_model(flush=False)


def sealed_models(env):
    """Names of the models that keep sealed values, in a steady order: in stored sealed
    fields, or in a way of their own, which has the method ``_rekey_contents``."""
    return sorted(
        name
        for name, model in env.registry.items()
        if not model._abstract
        and (_sealed_fields(model) or hasattr(model, "_rekey_contents"))
    )


def rekey(model, after_id, limit):
    """Move what the next rows of a model keep sealed to the current key.

    :param model: one of :func:`sealed_models`
    :param int after_id: the last id of the chunk before
    :param int limit: most rows
    :rtype: Chunk
    """
    own = getattr(model, "_rekey_contents", None)
    return own(after_id, limit) if own else rekey_sealed(model, after_id, limit)


def _sealed_fields(model):
    return [
        field
        for _name, field in sorted(model._fields.items())
        if is_sealed(field) and field.store and not field.inherited
    ]


def refuse_older(model):
    """Have the database refuse what is sealed under a key before the newest one.

    :param model: any model, when its table is made or updated
    """
    if not model._auto:  # a mixin: those who inherit from it have tables
        return
    fields = [field.name for field in _sealed_fields(model)]
    columns = [*fields, *OWN_COLUMNS.get(model._name, ())]
    if columns:
        model.env.cr.execute(REFUSE_OLDER)
    for column in columns:
        query = SQL(
            REFUSE_OLDER_IN,
            name=SQL.identifier(f"refuse_older_{column}"),
            table=SQL.identifier(model._table),
            column=SQL.identifier(column),
        )
        model.env.cr.execute(query)


def rekey_sealed(model, after_id, limit):
    """Move the sealed fields of the next rows of a model to the current key, and what
    the model derives from them: see ``_prepare_rekeyed``.

    :param model: any model with sealed fields
    :param int after_id: the last id of the chunk before
    :param int limit: rows
    :rtype: Chunk
    """
    env, sealed = model.env, _sealed_fields(model)
    prefix = f"{get_keyring().current}:"
    names = [field.name for field in sealed]
    old = SQL(" OR ").join(
        SQL("NOT starts_with(%s, %s)", SQL.identifier(name), prefix) for name in names
    )
    query = SQL(
        "SELECT id, %s FROM %s WHERE id > %s AND (%s) ORDER BY id LIMIT %s FOR UPDATE",
        SQL(", ").join(map(SQL.identifier, names)),
        SQL.identifier(model._table),
        after_id,
        old,
        limit,
    )
    model.flush_model()
    rows = execute(env, query)
    if not rows:
        return Chunk(0, 0, 0)
    rekeyed = []
    for id_, *tokens in rows:
        try:
            values = [
                field.open(token, id_)
                for field, token in zip(sealed, tokens, strict=True)
            ]
        except SparError:
            _logger.error("A value of %s, row %s, does not open", model._table, id_)
            continue
        derived = model._prepare_rekeyed(dict(zip(names, values, strict=True)))
        columns = {
            field.name: field.seal(value, id_)
            for field, value in zip(sealed, values, strict=True)
        }
        rekeyed.append({"id": id_} | columns | derived)
    if rekeyed:
        _write_sealed(model, rekeyed)
    return Chunk(rows[-1][0], len(rekeyed), len(rows) - len(rekeyed))


def _write_sealed(model, rows):
    columns = {name: array(row[name] for row in rows) for name in rows[0]}
    assignments = SQL(", ").join(
        SQL("%s = i.%s", SQL.identifier(name), SQL.identifier(name))
        for name in columns
        if name != "id"
    )
    model.env.cr.execute(
        # guards of rows that never change let this pass: the values stay the same
        SQL(
            "SET LOCAL g2p_spar.rekeying = 'yes';"
            " UPDATE %s m SET %s FROM %s WHERE m.id = i.id;"
            " SET LOCAL g2p_spar.rekeying = ''",
            SQL.identifier(model._table),
            assignments,
            table(columns),
        ),
        log_exceptions=False,
    )
    model.invalidate_model(flush=False)
