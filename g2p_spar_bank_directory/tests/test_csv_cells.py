# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import csv
import io
import itertools

from odoo.tests import BaseCase, tagged

from ..csv_cells import safe_cell, to_csv


@tagged("post_install", "-at_install")
class TestCsvCells(BaseCase):
    def test_formulas_are_disarmed(self):
        for text in "=1+1", "+cmd", "-2+3", "@SUM(A1)", "\tx", "\rx", "+1+1", "+1 2":
            self.assertEqual(safe_cell(text), "'" + text)

    def test_formulas_within_a_cell_are_disarmed(self):
        """A spreadsheet may cut lines elsewhere than at the commas."""
        for text in (
            "Jo;=cmd|'/C calc'!A0",
            "Jo\t=1+1",
            "Jo; @SUM(A1)",
            'Jo;"=1+1"',
            "Jo\n-1+1",
            'a,b;"",+1+1',
        ):
            for delimiter in ";\t,":
                with self.subTest(text, delimiter=delimiter):
                    self.assertEqual(self.read_formulas(text, delimiter), [])

    def read_formulas(self, text, delimiter):
        """Cells of a row with ``text`` that a spreadsheet would compute."""
        written = io.StringIO(to_csv([["id", text, "5.00"]]).decode(), newline="")
        cells = itertools.chain(*csv.reader(written, delimiter=delimiter))
        starts = ("=", "+", "-", "@")
        return [cell for cell in cells if cell.lstrip().startswith(starts)]

    def test_other_values_stay(self):
        for text in "+254712345678", "a=b", "12.50", "DE12", "O'Neill", "", "a; b-c;d":
            self.assertEqual(safe_cell(text), text)
        self.assertEqual(
            [safe_cell(None), safe_cell(False), safe_cell(0)], ["", "", "0"]
        )

    def test_what_is_written_can_be_read(self):
        rows = [["a,b", 'say "hi"', "Zoë"], ["=x", "", "2"]]
        text = to_csv(rows).decode()
        self.assertEqual(
            list(csv.reader(io.StringIO(text, newline=""))),
            [["a,b", 'say "hi"', "Zoë"], ["'=x", "", "2"]],
        )
