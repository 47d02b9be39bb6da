# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Reads tables that people upload, CSV or XLSX, at constant memory (no Odoo).

The one reader of the suite. It tells what kind of file it has (:func:`detect`), and can
go on behind any row (:func:`iter_records`), so that a long table is read in portions
without ever being kept in memory. Errors never quote a cell: it may hold an ID.
"""

import csv
import io
import re
from typing import NamedTuple

import chardet

from odoo.tools import LazyTranslate

from . import xlsx_reader
from .table_record import Record, TableError

_lt = LazyTranslate(__name__)

DELIMITERS = ",;\t|"
SAMPLE = 1_000_000  #: bytes looked at to tell encoding and delimiter
MAX_LINE = 1_000_000  #: characters; a longer line, or record, is none of a table
MAX_CELL = 131_072  #: characters
SURE = 0.15  #: a guess of an encoding that is less sure than this is not followed

#: encodings with which characters can be counted back to bytes, in order of the list
ENCODINGS = {
    "utf-8": "UTF-8",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16 (big endian)",
    "cp1252": "Western (Windows-1252)",
    "cp1250": "Central European (Windows-1250)",
    "cp1251": "Cyrillic (Windows-1251)",
    "cp1253": "Greek (Windows-1253)",
    "cp1254": "Turkish (Windows-1254)",
    "cp1255": "Hebrew (Windows-1255)",
    "cp1256": "Arabic (Windows-1256)",
    "cp874": "Thai (Windows-874)",
    "gb18030": "Chinese (GB18030)",
    "cp932": "Japanese (Shift-JIS)",
    "cp949": "Korean (Windows-949)",
    "big5": "Chinese (Big5)",
}
_BOMS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
#: a long number with an exponent, or with the fraction that programs for statistics add
_SHORTENED = re.compile(r"[0-9]([.,][0-9]+)?[Ee]\+[0-9]+|[0-9]{6,}\.0")
_BINARY = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


class TableFormat(NamedTuple):
    """How a file is to be read; small enough to be kept beside it."""

    kind: str  #: ``csv`` or ``xlsx``
    encoding: str = ""  #: of a CSV: key of :data:`ENCODINGS`
    delimiter: str = ""  #: of a CSV
    start: int = 0  #: of a CSV: bytes in front of the text (byte order mark)
    sheet: str = ""  #: of an XLSX: member of the archive that holds the first sheet


def detect(file, known=(), encoding=None):
    """Tell how to read a file.

    :param file: seekable binary file
    :param known: header names (after :func:`header_name`) that tell the delimiter
    :param str encoding: key of :data:`ENCODINGS` when somebody knows it
    :rtype: TableFormat
    :raise TableError: nothing in it, or neither CSV nor XLSX
    """
    file.seek(0)
    sample = file.read(SAMPLE)
    if not sample.strip():
        raise TableError(_lt("The file is empty."))
    if sample.startswith(_ZIP):
        return TableFormat("xlsx", sheet=xlsx_reader.find_sheet(file))
    if sample.startswith(_OLE):
        if "EncryptedPackage".encode("utf-16-le") in sample:
            raise TableError(
                _lt(
                    "This workbook is protected by a password. Save a copy without"
                    " password, and upload that."
                )
            )
        raise TableError(
            _lt(
                "This is a file of an old spreadsheet program (.xls). Save it as .xlsx"
                " or CSV, and upload that."
            )
        )
    bom, by_bom = next(
        ((mark, name) for mark, name in _BOMS if sample.startswith(mark)), (b"", None)
    )
    encoding = encoding or by_bom or _guess_encoding(sample)
    text = _decode_sample(sample[len(bom) :], encoding, len(sample) == SAMPLE)
    if _BINARY.search(text):
        raise TableError(
            _lt("This is not a table. Upload a CSV file or an Excel workbook (.xlsx).")
        )
    return TableFormat("csv", encoding, guess_delimiter(text, known), len(bom))


def iter_records(file, form, offset=0, line=1):
    """Yield the rows, from the beginning or behind a row; empty ones may be left out.

    :param file: seekable binary file
    :param TableFormat form: what :func:`detect` gave
    :param int offset: ``end`` of the last row that was read; 0 for the beginning
    :param int line: ``next_line`` of that row
    :rtype: Iterator[Record]
    :raise TableError: the rest cannot be read; names the line
    """
    if form.kind == "xlsx":
        for record in xlsx_reader.iter_rows(file, form.sheet, offset, line):
            _check_lengths(record.cells, record.line)
            shortened = _find_shortened(record.cells)
            yield record._replace(altered=record.altered | shortened)
        return
    file.seek(offset or form.start)
    text = io.TextIOWrapper(_Lent(file), encoding=form.encoding, newline="")
    lines = _Lines(file, text, form.encoding, offset or form.start, line)
    for start, cells in read_csv(lines, form.delimiter, line):
        if any(cell.strip() for cell in cells):
            shortened = _find_shortened(cells)
            yield Record(start, cells, lines.offset, lines.line, shortened)


def read_csv(lines, delimiter, line=1):
    """Yield ``(line, cells)`` for each record of a CSV, empty ones included.

    :param lines: iterable of lines with their ends
    :param int line: number of the first one
    :raise TableError: quotation marks that do not fit; ``line`` says where
    """
    bounded = _Bounded(lines)
    reader = csv.reader(bounded, delimiter=delimiter, strict=True)
    first, start = line, line
    try:
        for cells in reader:
            _check_lengths(cells, start)
            yield start, cells
            bounded.length = 0
            start = first + reader.line_num
    except csv.Error as err:
        raise TableError(csv_reason(err), start) from None


def _check_lengths(cells, line):
    if max(map(len, cells), default=0) > MAX_CELL:
        raise TableError(csv_reason("field larger than field limit"), line)


def _find_shortened(cells):
    """Places of what is shortened."""
    return frozenset(place for place, cell in enumerate(cells) if is_shortened(cell))


def is_shortened(cell):
    """Whether a program has not written this long number as it was entered."""
    return ("+" in cell or "." in cell) and bool(_SHORTENED.fullmatch(cell.strip()))


class _Bounded:
    """The lines that csv makes one record of. It keeps them until a quotation mark is
    closed: with one that never is, the rest of the file."""

    def __init__(self, lines):
        self.lines = iter(lines)
        self.length = 0  #: characters since the record began

    def __iter__(self):
        return self

    def __next__(self):
        line = next(self.lines)
        self.length += len(line)
        if self.length > MAX_LINE:
            is_one = self.length == len(line)
            raise csv.Error(
                "field larger than field limit" if is_one else "unexpected end of data"
            )
        return line


class _Lines:
    """Lines of a text file; knows the byte and the number of the next one."""

    def __init__(self, file, text, encoding, offset, line):
        self.file = file
        self.text = text
        self.encoding = encoding
        self.offset = offset
        self.line = line

    def __iter__(self):
        return self

    def __next__(self):
        try:
            line = self.text.readline(MAX_LINE)
        except UnicodeDecodeError as err:
            raise self._locate() from err
        if not line:
            raise StopIteration
        if len(line) >= MAX_LINE:
            raise TableError(csv_reason("field larger than field limit"), self.line)
        self.offset += len(line.encode(self.encoding))
        self.line += 1
        return line

    def _locate(self):
        """The error of a text that was decoded some lines ahead."""
        self.file.seek(self.offset)
        ahead = self.file.read(MAX_LINE)
        start = 0
        try:
            ahead.decode(self.encoding)
        except UnicodeDecodeError as err:
            start = err.start
        return _encoding_error(self.encoding, self.line + ahead.count(b"\n", 0, start))


class _Lent(io.BufferedReader):
    """A file that stays open when the wrapper goes that it was lent to."""

    def close(self):
        """The owner closes it."""


def _guess_encoding(sample):
    try:
        sample.decode("utf-8")
    except UnicodeDecodeError as err:
        # a sample may end in the middle of a character
        if len(sample) < SAMPLE or err.start < SAMPLE - 4:
            return _guess_other(sample)
    if b"\0" not in sample:
        return "utf-8"
    return _guess_other(sample)


def _guess_other(sample):
    # of a plain letter in UTF-16 one byte is zero: which one tells the order
    begin = sample[:2000]
    even, odd = begin[::2].count(0), begin[1::2].count(0)
    if max(even, odd) > len(begin) // 4 > min(even, odd):
        return "utf-16-le" if odd > even else "utf-16-be"
    guess = chardet.detect(sample[:100_000])
    if guess["confidence"] < SURE:
        return "cp1252"
    found = (guess["encoding"] or "").lower()
    names = {"windows-": "cp", "iso-8859-1": "cp1252", "shift_jis": "cp932"}
    for old, new in names.items():
        found = found.replace(old, new)
    return found if found in ENCODINGS else "cp1252"


def _decode_sample(sample, encoding, is_cut):
    try:
        return sample.decode(encoding)
    except UnicodeDecodeError as err:
        if is_cut and err.start > SAMPLE - 8:
            return sample[: err.start].decode(encoding)
        line = sample.count(b"\n", 0, err.start) + 1
        raise _encoding_error(encoding, line) from err


def _encoding_error(encoding, line):
    return TableError(
        _lt(
            "It is not encoded as %(encoding)s. Choose its encoding, or save it again"
            " as CSV UTF-8.",
            encoding=ENCODINGS.get(encoding, encoding),
        ),
        line,
    )


def guess_delimiter(text, known=()):
    """The delimiter that makes the first line say most.

    :param str text: text that is not empty
    :param known: header names, after :func:`header_name`
    """
    header = next((line for line in text.splitlines() if line.strip()), "")[:2000]

    def hits(delimiter):
        cells = header.split(delimiter)
        return sum(header_name(cell) in known for cell in cells), len(cells)

    return max(DELIMITERS, key=hits)


def header_name(cell):
    """A header as it is compared: ``"Beneficiary_ID "`` is ``beneficiary id``."""
    return re.sub(r"[\s_\-]+", " ", cell.strip().strip('"')).strip().lower()


def csv_reason(err):
    """Plain words for what Python's csv module found."""
    text = str(err)
    if "unexpected end of data" in text:
        return _lt("A quotation mark is opened and never closed.")
    if "expected after" in text:
        return _lt(
            "Text follows a closing quotation mark; double the mark inside a text."
        )
    if "field larger than field limit" in text:
        return _lt("A cell is longer than 131,072 characters.")
    return _lt("The line is not valid CSV.")
