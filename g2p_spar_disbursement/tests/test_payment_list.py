# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import random

from odoo.tests import BaseCase, tagged

from .. import payment_list
from ..payment_list import ListError, Row, decode, find_duplicates, parse


@tagged("post_install", "-at_install")
class TestPaymentList(BaseCase):
    def problems(self, text, **options):
        """{(line, column): reason} of a list that has problems."""
        return {
            (problem.line, problem.column): problem.reason._source
            for problem in parse(text, **options).problems
        }

    def reason_for(self, amount, **options):
        found = self.problems(f"id;amount\nx;{amount}\n", **options)
        self.assertEqual(list(found), [(2, "amount")], amount)
        return found[2, "amount"]

    def assert_refused(self, expected, function, *args, **options):
        with self.assertRaises(ListError) as caught:
            function(*args, **options)
        self.assertIn(expected, caught.exception.message._source)

    def test_rows_keep_their_line_and_text(self):
        found = parse("id,amount,name,reference\n\n a ,1250.50,Ann Lee,R-1\nb,7,,\n")
        self.assertEqual(
            found.rows,
            [Row(3, "a", "1250.50", "Ann Lee", "R-1"), Row(4, "b", "7.00")],
        )
        self.assertEqual((found.problems, found.ignored), ([], []))

    def test_delimiters_line_ends_bom_and_quotes(self):
        expected = [Row(2, "a", "1.50"), Row(3, "b", "2.00")]
        for delimiter in ",;\t|":
            for end in "\n", "\r\n", "\r":
                text = end.join(["id,amount", '"a",1.50', "b,2"])
                text = text.replace(",", delimiter)
                for data in text.encode(), text.encode("utf-8-sig"):
                    self.assertEqual(parse(decode(data)).rows, expected, repr(text))

    def test_header_aliases_and_order(self):
        found = parse('Amount Due,Phone,"Beneficiary_ID"\n10,555,a\n')
        self.assertEqual(found.rows, [Row(2, "a", "10.00")])
        self.assertEqual(found.ignored, ["Phone"])

    def test_bad_headers(self):
        for text in "amount\n1\n", "x,y\n1,2\n", "abc123,100\ndef456,200\n", "\n,\n":
            self.assert_refused("must name the columns", parse, text)
        self.assert_refused("twice", parse, "id,amount,ID\na,1,b\n")
        self.assert_refused("no payment", parse, "id,amount\n\n")
        self.assert_refused("empty", parse, " \n\t\n")

    def test_header_error_does_not_quote_the_file(self):
        with self.assertRaises(ListError) as caught:
            parse("12345678901,100\n12345678902,100\n")
        self.assertNotIn("1234567890", repr(caught.exception.message))

    def test_files_that_are_no_csv(self):
        self.assert_refused("empty", decode, b"")
        self.assert_refused("empty", decode, b" \r\n ")
        self.assert_refused("UTF-16", decode, "id,amount\n".encode("utf-16"))
        self.assert_refused("NUL", decode, "id,amount\n".encode("utf-16-le"))
        self.assert_refused("NUL", decode, b"id,amount\na\0b,1\n")
        self.assert_refused("spreadsheet", decode, b"PK\x03\x04 and more")
        self.assert_refused("spreadsheet", decode, b"\xd0\xcf\x11\xe0 and more")
        latin = "id,amount,name\na,1,Jos\u00e9\n".encode("latin-1")
        self.assert_refused("not encoded as UTF-8", decode, latin)
        with self.assertRaises(ListError) as caught:
            decode(latin)
        self.assertEqual(caught.exception.message._args, {"line": 2})

    def test_two_megabytes_of_junk(self):
        junk = random.Random(7)  # repeatable
        with self.assertRaises(ListError):
            parse(decode(junk.randbytes(2_000_000)))
        letters = "".join(junk.choices("ab,;\n\"'=+ 9", k=2_000_000))
        with self.assertRaises(ListError):
            parse(letters)
        self.assertTrue(parse("id,amount\n" + letters).problems)
        one_cell = parse('id,amount\n"' + "x" * 2_000_000 + '",1\n')
        self.assertEqual(one_cell.rows, [])
        self.assertEqual(len(one_cell.problems), 1)

    def test_amounts(self):
        good = {
            "1": "1.00",
            "0.01": "0.01",
            "1250.5": "1250.50",
            "0012": "12.00",
            "1,5": "1.50",
            "9" * 12: "999999999999.00",
        }
        for text, amount in good.items():
            found = parse(f"id;amount\nx;{text}\n")
            self.assertEqual([row.amount for row in found.rows], [amount], text)
        rows = parse("id,amount\nx,12\n", decimals=0).rows
        self.assertEqual(rows[0].amount, "12")
        for text in "-1", "-0.5", "-1,5":
            self.assertIn("negative", self.reason_for(text))
        for text in "0", "0.00", "000":
            self.assertIn("zero", self.reason_for(text))
        for text in (
            *("abc", "1e5", "NaN", "Infinity", "1 000", "1,000.00", "1.000,00", "$5"),
            *("+5", "--5", "5-", "0x10", "\u0661\u0662", "1_000", "1.", ".5", "½"),
        ):
            self.assertIn("Not a number", self.reason_for(text), text)
        self.assertIn("missing", self.reason_for(""))
        self.assertIn("Too many decimals", self.reason_for("1.500"))
        self.assertIn("Too many decimals", self.reason_for("1.5", decimals=0))
        self.assertIn("Unclear", self.reason_for("1,000"))
        self.assertIn("Unclear", self.reason_for("1,000", decimals=3))
        self.assertIn("Too large", self.reason_for("1" * 13))
        self.assertIn("Too large", self.reason_for("9" * 100_000))

    def test_ids_and_texts(self):
        header = "id,amount,name,reference\n"
        cases = {
            ",1,,": ("id", "missing"),
            f"{'x' * 256},1,,": ("id", "Too long"),
            f"x,1,{'n' * 201},": ("name", "Too long"),
            f"x,1,,{'r' * 101}": ("reference", "Too long"),
            '"x\ny",1,,': ("id", "invisible"),
            "x\x07y,1,,": ("id", "invisible"),
            "x,1,a\x00b,": ("name", "invisible"),
            "x\u2028y,1,,": ("id", "invisible"),
        }
        for line, (column, reason) in cases.items():
            found = self.problems(header + line + "\n")
            self.assertEqual([key[1] for key in found], [column], repr(line))
            self.assertIn(reason, found.popitem()[1])

    def test_numbers_that_a_spreadsheet_has_shortened(self):
        text = "id,amount,name,reference\n{},1,{},{}\n"
        for value in "1.23457E+11", "1,23E+11", "123456789012.0":
            cell = f'"{value}"'
            reasons = self.problems(text.format(cell, cell, cell))
            self.assertEqual(set(reasons), {(2, "id"), (2, "reference")}, value)
            for reason in reasons.values():
                self.assertIn("has shortened", reason)
        self.assertFalse(self.problems(text.format("1E+11-A", "", "A.0")))

    def test_every_problem_is_reported(self):
        text = "id,amount\n,-1\nx,1\ny,\nz,1,2\n"
        self.assertEqual(
            list(self.problems(text)),
            [(2, "id"), (2, "amount"), (4, "amount"), (5, "")],
        )

    def test_broken_quotes_name_the_line(self):
        found = self.problems('id,amount\na,1\n"b,2\nc,3\n')
        self.assertEqual(list(found), [(3, "")])
        self.assertIn("never closed", found[3, ""])
        found = self.problems('id,amount\na,1\n"b"x,2\n')
        self.assertEqual(list(found), [(3, "")])

    def test_line_numbers_after_a_cell_with_line_breaks(self):
        found = self.problems('id,amount,name\na,1,"two\nlines"\nb,-1,\n')
        self.assertEqual(list(found), [(2, "name"), (4, "amount")])

    def test_too_many_rows(self):
        self.assertEqual(len(parse("id,amount\na,1\nb,1\n", max_rows=2).rows), 2)
        text = "id,amount\na,1\nb,1\nc,1\n"
        self.assert_refused("more than", parse, text, max_rows=2)

    def test_too_many_problems_stop_the_reading(self):
        self.patch(payment_list, "MAX_PROBLEMS", 3)
        found = parse("id,amount\n" + "x,0\n" * 50)
        self.assertEqual(len(found.problems), 4)
        self.assertIn("stopped", found.problems[-1].reason._source)

    def test_duplicates_point_to_the_first_line(self):
        rows = parse("id,amount\na,1\nb,1\na,2\na,3\n").rows
        self.assertEqual(find_duplicates(rows, [r.id for r in rows]), {4: 2, 5: 2})
        self.assertEqual(find_duplicates([], []), {})
