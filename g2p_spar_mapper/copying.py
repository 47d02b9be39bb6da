# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Many new rows in one go, by COPY: in half the time of an INSERT of as many rows.

An INSERT has no advantage here: there is nothing to compute or to look up.
"""

import io

import msgspec
from psycopg2.extensions import get_wait_callback, set_wait_callback

from odoo.tools import SQL

_encode_lines = msgspec.json.Encoder().encode_lines
_BUFFER = 1 << 20  # bytes
_CSV = SQL("FORMAT csv, NULL 'null'")
_TEXT = SQL("FORMAT text")
_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", "\r": r"\r", "\t": r"\t"})


def copy_rows(env, table, names, rows):
    """Append rows to a table.

    PostgreSQL may repeat the beginning of a row that it refuses in its log: nothing
    clear of a person may be among these values.

    :param str table: name of the table
    :param names: its columns
    :param list[tuple] rows: a value for each of these: text, number, moment or None
    :raise psycopg2.Error: as of an INSERT
    """
    options = _CSV
    # One line of JSON for each row is a line of CSV, too, but for the brackets, as long
    # as nothing in it is escaped; a line break within a value would be.
    text = _encode_lines(rows)[1:-2].replace(b"]\n[", b"\n")
    if b"\\" in text:
        options = _TEXT
        text = "\n".join("\t".join(map(_escape, row)) for row in rows).encode()
    query = SQL(
        "COPY %s (%s) FROM STDIN (%s)",
        SQL.identifier(table),
        SQL(", ").join(map(SQL.identifier, names)),
        options,
    )
    # Odoo's server for websockets waits in a way that COPY does not know
    callback = get_wait_callback()
    set_wait_callback(None)
    try:
        env.cr.copy_expert(query.code, io.BytesIO(text), _BUFFER)
    finally:
        set_wait_callback(callback)


def _escape(value):
    return r"\N" if value is None else str(value).translate(_ESCAPES)
