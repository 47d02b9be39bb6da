# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Many rows in one statement: each column travels as one array."""

from operator import attrgetter

import msgspec

from odoo.tools import SQL

_INTS = SQL("int[]")
_BOOLS = SQL("bool[]")
_TEXTS = SQL("varchar[]")
_ARRAYS = {
    "id": _INTS,
    "event_id": _INTS,
    "mapping_id": _INTS,
    "previous_id": _INTS,
    "is_last": _BOOLS,
    "id_type_id": _INTS,
    "account_type_id": _INTS,
    "strategy_id": _INTS,
    "fsp_id": _INTS,
    "branch_id": _INTS,
}


def _quote(value):
    """``value`` as an element of an array literal."""
    if value is None:
        return "NULL"
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def array(values):
    """An array literal. It is one constant for the server: an expression per element
    would cost it far more time.

    JSON in braces is an array literal, too, as long as nothing in it is escaped.
    """
    values = list(values)
    text = msgspec.json.encode(values).decode()[1:-1]
    if "\\" in text:
        text = ",".join(map(_quote, values))
    return "{" + text + "}"


def columns_of(rows, names):
    """Those attributes of rows as columns by name."""
    return {name: array(map(attrgetter(name), rows)) for name in names}


def table(columns, names):
    """These ``columns`` as a table ``i``."""
    arrays = (SQL("%s::%s", columns[name], _ARRAYS.get(name, _TEXTS)) for name in names)
    return SQL(
        "unnest(%s) AS i(%s)",
        SQL(", ").join(arrays),
        SQL(", ").join(SQL.identifier(name) for name in names),
    )


def execute(env, query):
    """Run a statement and give its rows. Odoo logs the text of a statement that fails,
    a lost race included; these hold IDs and accounts, so they are not logged."""
    env.flush_query(query)
    env.cr.execute(query, log_exceptions=False)
    return env.cr.fetchall()
