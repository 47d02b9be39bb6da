# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Many rows in one statement: each column travels as one array."""

import msgspec

from odoo.tools import SQL

_INTS = SQL("int[]")
_TEXTS = SQL("varchar[]")


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


def table(columns):
    """These columns, name -> array, as a table ``i``."""
    arrays = (
        SQL("%s::%s", values, _INTS if name == "id" else _TEXTS)
        for name, values in columns.items()
    )
    return SQL(
        "unnest(%s) AS i(%s)",
        SQL(", ").join(arrays),
        SQL(", ").join(map(SQL.identifier, columns)),
    )


def execute(env, query):
    """Run a statement and give its rows. Odoo logs the text of a statement that fails,
    a lost race included; these hold IDs and accounts, so they are not logged."""
    env.flush_query(query)
    env.cr.execute(query, log_exceptions=False)
    return env.cr.fetchall()
