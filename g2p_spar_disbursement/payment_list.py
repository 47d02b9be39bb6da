# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Reads a payment list (CSV of IDs and amounts) and says all that is wrong with it.

Pure functions, no database. A list is taken as a whole or not at all: :func:`parse`
gives either rows to pay or problems to correct, each with its line and column. No
problem ever quotes the content of a cell, for a cell may hold somebody's ID. Reasons
are lazy translations: ``env._(reason)`` says them in the user's language.
"""

import io
import re
from typing import NamedTuple

from odoo.tools.translate import LazyTranslate

from odoo.addons.g2p_spar_bank_directory.table_reader import (
    guess_delimiter,
    header_name,
    is_shortened,
    read_csv,
)
from odoo.addons.g2p_spar_bank_directory.table_record import TableError as ListError

_lt = LazyTranslate(__name__)

MAX_ID = 255  #: characters of one ID as written
MAX_NAME = 200
MAX_REFERENCE = 100
MAX_WHOLE_DIGITS = 12  #: digits before the decimal point; keeps sums exact on screens
MAX_PROBLEMS = 100_000  #: reading stops there: such a file is not a payment list

#: column of the list -> accepted header names, after ``header_name``
HEADERS = {
    "id": {
        "id",
        "id value",
        "identifier",
        "beneficiary",
        "beneficiary id",
        "person id",
        "payee id",
        "national id",
    },
    "amount": {"amount", "amount due", "payment amount", "payment", "sum", "value"},
    "name": {"name", "full name", "beneficiary name", "payee", "payee name"},
    "reference": {"reference", "ref", "reference id", "entitlement", "ern"},
    "currency": {"currency", "currency code"},
}
REQUIRED = ("id", "amount")

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_AMOUNT = re.compile(r"([0-9]+)(?:([.,])([0-9]+))?")
_SIGNED = re.compile(r"-[0-9.,]+")


class Row(NamedTuple):
    """One payment as the file has it."""

    line: int  #: line of the file, the header being line 1
    id: str
    amount: str  #: with all decimals of the currency, e.g. ``1250.50``
    name: str = ""
    reference: str = ""


class Problem(NamedTuple):
    line: int  #: line of the file
    column: str  #: key of :data:`HEADERS`, or empty: the whole line
    reason: object  #: lazy translation


class PaymentList(NamedTuple):
    rows: list  #: of :class:`Row`, those without a problem
    problems: list  #: of :class:`Problem`, in the order of the lines
    ignored: list  #: header names of columns that are not used


def decode(data: bytes) -> str:
    """Bytes of an uploaded file as text.

    :raise ListError: not a text file in UTF-8 (with or without byte order mark)
    """
    if not data.strip():
        raise ListError(_lt("The file is empty."))
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ListError(
            _lt(
                "The file is encoded as UTF-16."
                " Save it again as CSV UTF-8, and upload that."
            )
        )
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise ListError(
            _lt(
                "This is a spreadsheet, not a CSV file."
                " Open it, save the sheet as CSV UTF-8, and upload that."
            )
        )
    if b"\0" in data:
        raise ListError(
            _lt(
                "The file holds NUL bytes: it is not a text file, or it is encoded as"
                " UTF-16. Save the list as CSV UTF-8, and upload that."
            )
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        line = data.count(b"\n", 0, err.start) + 1
        raise ListError(
            _lt(
                "The file is not encoded as UTF-8 (first wrong character on line"
                " %(line)s). Save it again as CSV UTF-8, and upload that.",
                line=line,
            )
        ) from err


def parse(
    text: str, decimals: int = 2, max_rows: int = 1_000_000, currency: str = ""
) -> PaymentList:
    """Read the whole list.

    :param text: what :func:`decode` gave, or what was pasted
    :param decimals: decimal places of the currency
    :param max_rows: more payments than this are refused
    :param currency: code of the currency; lines that name another one are refused
    :raise ListError: no usable header, nothing under it, or too many rows
    """
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise ListError(_lt("The list is empty."))
    delimiter = guess_delimiter(text, set().union(*HEADERS.values()))
    rows, problems = [], []
    columns = ignored = None
    try:
        for start, cells in read_csv(io.StringIO(text, newline=""), delimiter):
            if not any(cell.strip() for cell in cells):
                continue
            if columns is None:
                columns, ignored, width = _read_header(cells)
                continue
            if len(rows) >= max_rows:
                raise ListError(
                    _lt(
                        "The list has more than %(limit)s payments."
                        " Split it into several lists.",
                        limit=f"{max_rows:,}",
                    )
                )
            found = _read_row(start, cells, width, columns, decimals, currency)
            if isinstance(found, Row):
                rows.append(found)
            else:
                problems += found
            if len(problems) >= MAX_PROBLEMS:
                reason = _lt("Reading stopped here: there are too many errors.")
                problems.append(Problem(start, "", reason))
                break
    except ListError as err:
        if not err.line:
            raise
        problems.append(Problem(err.line, "", err.message))
    if columns is None:
        raise ListError(_missing(REQUIRED))
    if not rows and not problems:
        raise ListError(_lt("There is no payment under the header line."))
    return PaymentList(rows, problems, ignored)


def find_duplicates(rows: list, keys: list) -> dict:
    """Which rows repeat an ID.

    :param rows: list of :class:`Row`
    :param keys: what makes two IDs the same, one per row
    :return: {line of a row that repeats one above: line of the first one}
    """
    first, repeated = {}, {}
    for row, key in zip(rows, keys, strict=True):
        line = first.setdefault(key, row.line)
        if line != row.line:
            repeated[row.line] = line
    return repeated


def _read_header(cells):
    """(column -> index, names of unused columns, number of cells)."""
    columns, ignored = {}, []
    for index, cell in enumerate(cells):
        name = header_name(cell)
        column = next((key for key, names in HEADERS.items() if name in names), None)
        if column is None:
            ignored.append(cell.strip()[:40])
        elif column in columns:
            raise ListError(
                _lt(
                    "The first line names the column “%(column)s” twice.", column=column
                )
            )
        else:
            columns[column] = index
    missing = [column for column in REQUIRED if column not in columns]
    if missing:
        raise ListError(_missing(missing))
    return columns, ignored, len(cells)


def _missing(columns):
    return _lt(
        "The first line must name the columns; not found: %(columns)s."
        " Expected: id, amount and, if wanted, name, reference,"
        " separated by commas, semicolons or tabs.",
        columns=", ".join(columns),
    )


def _read_row(line, cells, width, columns, decimals, currency):
    """A :class:`Row`, or the list of its problems."""
    if len(cells) > width:
        reason = _lt(
            "The line has %(count)s cells, the header has %(width)s."
            " Put quotation marks around a text that holds the separator.",
            count=len(cells),
            width=width,
        )
        return [Problem(line, "", reason)]
    values = {
        column: cells[index].strip() if index < len(cells) else ""
        for column, index in columns.items()
    }
    limits = {"id": MAX_ID, "name": MAX_NAME, "reference": MAX_REFERENCE}
    problems = []
    for column, limit in limits.items():
        value = values.get(column, "")
        if column == "id" and not value:
            problems.append(Problem(line, column, _lt("The ID is missing.")))
        elif len(value) > limit:
            reason = _lt(
                "Too long: %(count)s characters, at most %(limit)s are allowed.",
                count=len(value),
                limit=limit,
            )
            problems.append(Problem(line, column, reason))
        elif column != "name" and is_shortened(value):
            reason = _lt(
                "The spreadsheet has shortened or rounded this number."
                " Format the column as text and type it again."
            )
            problems.append(Problem(line, column, reason))
        elif _CONTROL.search(value):
            reason = _lt("It holds a line break or another invisible character.")
            problems.append(Problem(line, column, reason))
    if currency and values.get("currency", "").upper() not in ("", currency.upper()):
        reason = _lt(
            "It is not %(currency)s, the currency chosen for this list.",
            currency=currency,
        )
        problems.append(Problem(line, "currency", reason))
    amount, reason = _read_amount(values["amount"], decimals)
    if reason:
        problems.append(Problem(line, "amount", reason))
    if problems:
        return problems
    return Row(
        line, values["id"], amount, values.get("name", ""), values.get("reference", "")
    )


def _read_amount(text, decimals):
    """(canonical number, reason why it is none): one of the two is empty."""
    if not text:
        return "", _lt("The amount is missing.")
    if _SIGNED.fullmatch(text):
        return "", _lt("The amount is negative; it must be greater than zero.")
    match = _AMOUNT.fullmatch(text)
    if not match:
        return "", _lt(
            "Not a number. Write digits and a decimal point,"
            " without currency or thousands separator, e.g. 1250.50."
        )
    whole, mark, fraction = match.groups("")
    if mark == "," and len(fraction) == 3:
        return "", _lt("Unclear number: write it without thousands separator.")
    if len(fraction) > decimals:
        return "", _lt("Too many decimals: the currency has %(count)s.", count=decimals)
    whole = whole.lstrip("0") or "0"
    if len(whole) > MAX_WHOLE_DIGITS:
        return "", _lt(
            "Too large: at most %(count)s digits before the point.",
            count=MAX_WHOLE_DIGITS,
        )
    if not (whole + fraction).strip("0"):
        return "", _lt("The amount is zero; it must be greater than zero.")
    return f"{whole}.{fraction.ljust(decimals, '0')}" if decimals else whole, ""
