# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Writes CSV that a spreadsheet program opens without running anything (no Odoo)."""

import csv
import io
import re

#: a cell that starts so is taken for a formula by spreadsheet programs
_FORMULA_START = ("=", "+", "-", "@", "\t", "\r", "\n")
#: an international phone number: it starts with a plus sign and can compute nothing
_PHONE = re.compile(r"\+[0-9]+")
#: where a spreadsheet that cuts lines at semicolons or tabs, as those of many countries
#: do, sees a formula begin within a cell; a line break ends the line for it
_FORMULA_WITHIN = re.compile(r"[;\t\r\n](?=[ \"]*[=+@-])")


def safe_cell(value) -> str:
    """``value`` as text that no spreadsheet takes for a formula.

    An apostrophe is put in front of what looks like one, at the start or where some
    spreadsheets begin another cell. A plus sign followed by digits only stays as it is,
    because payment systems need the phone number unchanged.
    """
    text = "" if value is None or value is False else str(value)
    text = _FORMULA_WITHIN.sub(r"\g<0>'", text)
    if text.startswith(_FORMULA_START) and not _PHONE.fullmatch(text):
        return "'" + text
    return text


def to_csv(rows) -> bytes:
    """Rows of cells as UTF-8 CSV with a comma and CRLF (RFC 4180), without a BOM."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    for row in rows:
        writer.writerow([safe_cell(cell) for cell in row])
    return buffer.getvalue().encode()
