# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What a reader of tables gives, and how it says that it cannot (no Odoo)."""

from typing import NamedTuple


class TableError(Exception):
    """A file cannot be read, or not further.

    :param message: lazy translation that says why and what to do
    :param int line: line of the file, 0 for the file as a whole
    """

    def __init__(self, message, line=0):
        super().__init__(message)
        self.message = message
        self.line = line


class Record(NamedTuple):
    """One row of a table."""

    line: int  #: line or row of the file where it begins, the first one being 1
    cells: list  #: texts
    #: where to go on behind it, see ``table_reader.iter_records``; not behind every row
    end: int | None
    next_line: int
    #: places of what a spreadsheet program made of an entry: a rounded or shortened
    #: number, a date, a number shown with other digits or signs, an error
    altered: frozenset = frozenset()
