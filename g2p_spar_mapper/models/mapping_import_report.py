# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import codecs

from odoo import models
from odoo.tools import SQL

from odoo.addons.g2p_spar_bank_directory.csv_cells import to_csv

PAGE = 5000  #: rows read at a time: the memory a download takes


class G2pSparImport(models.Model):
    """The error file: row, column and reason, no values."""

    _inherit = "g2p.spar.import"

    def _get_error_file_name(self):
        """:raise AccessError, MissingError: the caller may not read the import"""
        self.ensure_one()
        self.check_access("read")
        return f"{self.reference.replace('/', '-')}-errors.csv"

    def _iter_errors(self):
        """Yield the CSV in parts, at constant memory.

        Callers have checked the right to read.

        :rtype: Iterator[bytes]
        """
        rows = self.env["g2p.spar.import.row"]
        parts = dict(rows._fields["part"]._description_selection(self.env))
        codes = dict(rows._fields["reason"]._description_selection(self.env))
        headers = {column.target: column.header for column in self.column_ids}
        # Excel, with which people open it, knows UTF-8 by this mark only
        yield codecs.BOM_UTF8
        yield to_csv(
            [
                (
                    self.env._("Row"),
                    self.env._("Column"),
                    self.env._("Reason"),
                    self.env._("Explanation"),
                )
            ]
        )
        after = -1
        while True:
            page = self._execute(
                SQL(
                    """
                    SELECT line, part, reason, other_line FROM g2p_spar_import_row
                     WHERE import_id = %s AND line > %s AND reason IS NOT NULL
                     ORDER BY line LIMIT %s
                    """,
                    *(self.id, after, PAGE),
                )
            )
            if page:
                yield to_csv(
                    (
                        line,
                        headers.get(part) or parts.get(part, ""),
                        codes[reason],
                        rows._get_advice(reason, other_line),
                    )
                    for line, part, reason, other_line in page
                )
                after = page[-1][0]
            if len(page) < PAGE:
                return
