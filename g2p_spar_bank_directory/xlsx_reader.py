# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Reads the first sheet of an Excel workbook in portions (no Odoo).

openpyxl keeps every text of a workbook as an object of its own, gives a number that
Excel has rounded as if it were exact, and can only start at the first row. Here a sheet
is cut into pieces of whole rows: any piece is read alone, texts take little more memory
than their letters, and what people see otherwise than it is kept is told apart:
numbers of more than 15 digits, dates, leading zeros, errors.
"""

import re
import zipfile
import zlib
from array import array
from decimal import Decimal
from posixpath import join, normpath

from lxml import etree

from odoo.tools import LazyTranslate

from .table_record import Record, TableError
from .xlsx_styles import find_widths

_lt = LazyTranslate(__name__)

BLOCK = 1 << 18  #: bytes of XML read at a time
MAX_PIECE = 16 << 20  #: bytes of XML in which one row has to end
MAX_BOOK = 8 << 20  #: bytes of XML of the list of sheets
MAX_SHEET = (2 << 30) - 1  #: bytes of XML of a sheet
MAX_TEXTS = 400 << 20  #: bytes of XML of the texts
MAX_CELLS = 1000  #: columns
EXACT_DIGITS = 15  #: of a number in a spreadsheet
MOST_PLACES = 40  #: of a number that is written out without exponent

_ROOT = re.compile(rb"<(?:([\w.-]+):)?(worksheet|sst)\b[^>]*>")
_CELL = re.compile(r"([A-Z]{1,3})[0-9]+")
_WHOLE = re.compile(r"[0-9]{1,9}")


def find_sheet(file):
    """Name of the archive's member with the first sheet that is not hidden.

    :raise TableError: not a workbook
    """
    with _open(file) as archive:
        try:
            book = _parse(archive, "xl/workbook.xml")
            links = _parse(archive, "xl/_rels/workbook.xml.rels")
        except KeyError:
            raise TableError(
                _lt(
                    "This archive is not an Excel workbook (.xlsx). Save the table as"
                    " .xlsx or CSV, and upload that."
                )
            ) from None
        targets = {link.get("Id"): link.get("Target") for link in links}
        for sheet in book.iter("{*}sheet"):
            if sheet.get("state", "visible") != "visible":
                continue
            link = next(
                (value for name, value in sheet.items() if name.endswith("}id")), None
            )
            path = targets.get(link) or ""
            path = path[1:] if path.startswith("/") else normpath(join("xl", path))
            if path in archive.namelist():
                if archive.getinfo(path).file_size > MAX_SHEET:
                    raise TableError(_lt("The sheet is too large."))
                return path
    raise TableError(_lt("The workbook has no sheet with rows."))


def iter_rows(file, sheet, offset=0, line=1):
    """Yield the rows of a sheet; an empty one only where a piece ends.

    :param file: seekable binary file
    :param str sheet: member of the archive
    :param int offset: bytes of XML to skip, 0 or ``end`` of a record
    :param int line: number of the next row if the sheet does not number its rows
    :rtype: Iterator[Record]
    :raise TableError: broken or oversized
    """
    with _open(file) as archive:
        texts, widths = _Texts(archive), _find_widths(archive)
        for root, end in _pieces(archive, sheet, b"row", offset):
            last = len(root) - 1
            for number, row in enumerate(root):
                line = _row_number(row, line)
                cells, altered = _read_row(row, texts, widths)
                # only behind the last row of a piece can reading go on later
                place = end if number == last else None
                if any(cells) or place:
                    yield Record(line, cells, place, line + 1, altered)
                line += 1


def _find_widths(archive):
    try:
        return find_widths(_parse(archive, "xl/styles.xml"))
    except KeyError:
        return {}


def _row_number(row, least):
    """The number a row says it has, else the next one; numbers only grow."""
    number = _whole(row.get("r") or str(least))
    if number < least:
        raise _broken()
    return number


def _whole(text):
    if not _WHOLE.fullmatch(text):
        raise _broken()
    return int(text)


def _open(file):
    try:
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError, ValueError):
        raise _broken() from None


def _broken():
    return TableError(
        _lt("The workbook is damaged. Open it, save it again, and upload that.")
    )


def _parser():
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


def _parse(archive, name):
    if archive.getinfo(name).file_size > MAX_BOOK:
        raise _broken()
    try:
        return etree.fromstring(archive.read(name), _parser())
    except (etree.XMLSyntaxError, zipfile.BadZipFile, zlib.error, RuntimeError):
        raise _broken() from None


def _pieces(archive, name, tag, offset):
    """Yield ``(root element, offset behind it)`` of pieces of whole elements."""
    try:
        with archive.open(name) as stream:
            head = stream.read(4096)
            start = _ROOT.search(head)
            if not start:
                raise _broken()
            prefix = (start[1] + b":") if start[1] else b""
            opening = start[0].removesuffix(b"/>").removesuffix(b">") + b">"
            closing = b"</" + prefix + start[2] + b">"
            first = re.compile(rb"<" + prefix + tag + rb"[\s/>]")
            ending = re.compile(
                rb"</" + prefix + tag + rb"\s*>|<" + prefix + tag + rb"(?:\s[^<>]*)?/>"
            )
            rest = head[start.end() :]
            place = start.end()  # of the first byte of ``rest``
            if offset:
                rest, place = _skip(stream, offset - len(head), head, offset), offset
            is_inside = bool(offset)
            while True:
                block = stream.read(BLOCK)
                rest += block
                if not is_inside and (found := first.search(rest)):
                    place += found.start()
                    rest = rest[found.start() :]
                    is_inside = True
                if is_inside:
                    cut = 0
                    for found in ending.finditer(rest):
                        cut = found.end()
                    if cut:
                        yield (
                            etree.fromstring(opening + rest[:cut] + closing, _parser()),
                            place + cut,
                        )
                        place += cut
                        rest = rest[cut:]
                if not block:
                    return
                if len(rest) > MAX_PIECE:
                    raise TableError(_lt("A row of the sheet is too large."))
    except (etree.XMLSyntaxError, zipfile.BadZipFile, zlib.error, EOFError):
        raise _broken() from None
    except RuntimeError:  # an encrypted member
        raise TableError(_lt("The workbook is protected by a password.")) from None


def _skip(stream, count, head, offset):
    if count < 0:
        return head[offset:]
    while count:
        skipped = stream.read(min(count, BLOCK))
        if not skipped:
            break
        count -= len(skipped)
    return b""


class _Texts:
    """The texts that cells refer to by number, in one block of memory."""

    def __init__(self, archive):
        self.letters = bytearray()
        self.ends = array("Q", [0])
        names = {name.lower(): name for name in archive.namelist()}
        name = names.get("xl/sharedstrings.xml")
        if not name:
            return
        if archive.getinfo(name).file_size > MAX_TEXTS:
            raise TableError(_lt("The workbook holds too much text."))
        for root, _end in _pieces(archive, name, b"si", 0):
            for item in root:
                self.letters += _text(item).encode()
                self.ends.append(len(self.letters))

    def __getitem__(self, number):
        if number >= len(self.ends) - 1:
            raise _broken()
        return self.letters[self.ends[number] : self.ends[number + 1]].decode()


def _text(element):
    """All text of a rich or plain text element, without phonetic hints."""
    parts = []
    for child in element:
        name = child.tag.rpartition("}")[2]
        if name == "t":
            parts.append(child.text or "")
        elif name == "r":
            parts.append(_text(child))
    return "".join(parts)


def _read_row(row, texts, widths):
    """``(cells, places of those that show something else)``."""
    cells, altered = [], set()
    index = -1
    for cell in row:
        index += 1
        if found := _CELL.fullmatch(cell.get("r") or ""):
            index = _column(found[1])
        if index >= MAX_CELLS:
            continue
        value, is_altered = _read_cell(cell, texts, widths)
        if not value and index >= len(cells):
            continue  # formatted but empty cells may go on for ever
        cells += [""] * (index + 1 - len(cells))
        cells[index] = value
        if is_altered:
            altered.add(index)
    return cells, frozenset(altered)


def _column(letters):
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def _read_cell(cell, texts, widths):
    """``(text, whether people see something else than was entered)``."""
    kind = cell.get("t", "n")
    value = None
    for child in cell:
        name = child.tag.rpartition("}")[2]
        if name == "v":
            value = child.text
        elif name == "is":
            return _text(child), False
    if not value:
        return "", False
    if kind == "s":
        return texts[_whole(value)], False
    if kind != "n":
        return value, kind in ("b", "d", "e")  # truth values, dates, errors
    text, is_rounded = _read_number(value)
    digits = text.partition(".")[0].removeprefix("-")
    return text, is_rounded or len(digits) < widths.get(cell.get("s", "0"), 0)


def _read_number(text):
    """A number as people see it: without exponent, without an empty fraction."""
    if text.isdigit() and len(text) <= EXACT_DIGITS:
        return text, False
    try:
        number = +Decimal(text) or Decimal()  # zeros have an exponent, too
        is_rounded = abs(number) >= 10**EXACT_DIGITS
    except ArithmeticError:  # no number, or none that a spreadsheet could hold
        return text, False
    if is_rounded:
        return (f"{number:f}" if abs(number) < 10**MOST_PLACES else text), True
    if number.adjusted() < -MOST_PLACES:
        return text, False
    shown = f"{number:f}"
    return (shown.rstrip("0").rstrip(".") if "." in shown else shown), False


def get_size(file, sheet):
    """:return: bytes of XML of a sheet, what ``Record.end`` runs up to"""
    with _open(file) as archive:
        return archive.getinfo(sheet).file_size
