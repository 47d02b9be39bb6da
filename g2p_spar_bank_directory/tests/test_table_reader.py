# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import datetime
import io
import random
import tracemalloc
import zipfile

import openpyxl

from odoo.tests import BaseCase, tagged

from .. import table_reader, xlsx_reader
from ..table_reader import detect, iter_records
from ..table_record import TableError

ROWS = [["ID", "Name", "Account"], ["a1", "José Ünal", "12"], ["b2", "", "3;4"]]


def csv_bytes(rows=ROWS, encoding="utf-8", delimiter=";", end="\r\n"):
    lines = [delimiter.join(f'"{cell}"' for cell in row) for row in rows]
    return (end.join(lines) + end).encode(encoding)


def workbook(rows=ROWS, **sheets):
    """Bytes of a workbook: one sheet with ``rows``, further ones by name."""
    book = openpyxl.Workbook()
    sheet = book.active
    for row in rows:
        sheet.append(row)
    for name, state in sheets.items():
        book.create_sheet(name, 0).sheet_state = state
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def edit_sheet(data, change):
    """The same workbook with the XML of its first sheet changed."""
    return edit_member(data, "sheet1.xml", change)


def edit_member(data, member, change):
    """The same workbook with the XML of one member changed."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, change(content) if name.endswith(member) else content)
    return target.getvalue()


@tagged("post_install", "-at_install")
class TestTableReader(BaseCase):
    def records(self, data, **options):
        file = io.BytesIO(data)
        return list(iter_records(file, detect(file, **options)))

    def cells(self, data, **options):
        return [record.cells for record in self.records(data, **options)]

    def assert_refused(self, data, words, line=0):
        with self.assertRaises(TableError) as caught:
            self.records(data)
        self.assertIn(words, caught.exception.message._source)
        self.assertEqual(caught.exception.line, line)

    def test_csv_of_any_usual_form(self):
        for encoding in "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be":
            for delimiter in ",;\t|":
                for end in "\n", "\r\n", "\r":
                    data = csv_bytes(ROWS, encoding, delimiter, end)
                    self.assertEqual(self.cells(data), ROWS, (encoding, delimiter, end))

    def test_csv_of_older_programs(self):
        data = csv_bytes(encoding="cp1252")
        self.assertEqual(self.cells(data, encoding="cp1252"), ROWS)
        self.assertIn(detect(io.BytesIO(data)).encoding, ("cp1250", "cp1252"))
        cyrillic = [["ид", "имя"], ["1", "Мария Ивановна Кузнецова, Санкт-Петербург"]]
        self.assertEqual(self.cells(csv_bytes(cyrillic, "cp1251")), cyrillic)

    def test_reading_goes_on_behind_any_row(self):
        rows = [["id", "name"], *([f"x{n}", f"Zoë\nline {n}"] for n in range(50))]
        for encoding in "utf-8", "utf-8-sig", "utf-16", "cp1252", "gb18030":
            data = csv_bytes(rows, encoding)
            file = io.BytesIO(data)
            form = detect(file, encoding=None if "utf" in encoding else encoding)
            whole = list(iter_records(file, form))
            self.assertEqual(len(whole), 51)
            for record in whole:
                rest = list(iter_records(file, form, record.end, record.next_line))
                self.assertEqual(rest, [r for r in whole if r.line > record.line])

    def test_workbooks(self):
        self.assertEqual(self.cells(workbook()), [ROWS[0], ROWS[1], ["b2", "", "3;4"]])
        data = workbook(ROWS, hidden="hidden")
        self.assertEqual(len(self.cells(data)), 3)

    def test_workbook_is_read_in_portions(self):
        self.patch(xlsx_reader, "BLOCK", 500)
        rows = [[f"token:p-{n}@nationalId", 10**11 + n, "é&<"] for n in range(200)]
        file = io.BytesIO(workbook(rows))
        form = detect(file)
        whole = list(iter_records(file, form))
        self.assertEqual([r.cells[1] for r in whole], [str(row[1]) for row in rows])
        stops = [record for record in whole if record.end]
        self.assertGreater(len(stops), 10)
        for record in stops:
            rest = list(iter_records(file, form, record.end, record.next_line))
            self.assertEqual(
                [(r.line, r.cells) for r in rest],
                [(r.line, r.cells) for r in whole if r.line > record.line],
            )

    def test_numbers_that_excel_has_rounded_are_told_apart(self):
        rows = [[123456789012345, 1234567890123456789, "1234567890123456789", 0.5, 1.0]]
        (record,) = self.records(workbook(rows))
        self.assertEqual(record.altered, {1})
        self.assertEqual(record.cells[0], "123456789012345")
        self.assertEqual(record.cells[2:], ["1234567890123456789", "0.5", "1"])

    def test_numbers_that_excel_has_shortened_are_told_apart(self):
        shortened = ["1.23457E+11", "1,2E+15", "5E+05", "1.2e+11", "123456789012.0"]
        others = ["1.5", "12.0", "E+5", "CODE+5", "1E+5x", "+254712345678", "1e5"]
        for data in csv_bytes([shortened + others]), workbook([shortened + others]):
            (record,) = self.records(data)
            self.assertEqual(record.altered, set(range(len(shortened))))

    def test_dates_are_told_apart(self):
        book = openpyxl.Workbook()
        formats = "dd/mm/yyyy", '0" days"', "[h]:mm", "[Red]#,##0.00_-", "0.00E+00"
        for column, form in enumerate(formats, start=1):
            book.active.cell(1, column, 45413).number_format = form
        book.active.cell(1, 6, datetime.date(2024, 5, 1))
        book.active.cell(1, 7, "2024-05-01")
        buffer = io.BytesIO()
        book.save(buffer)
        (record,) = self.records(buffer.getvalue())
        self.assertEqual(record.altered, {0, 1, 2, 5})

    def test_numbers_shown_otherwise_are_told_apart(self):
        """People see zeros, letters or another number than the workbook keeps."""
        plain = (
            *("General", "0", "#,##0", "0.00", "# ##0", "##0.0E+0", "@", "000000"),
            *("[Red]0;[Blue]-0", '_-* #,##0.00\\ _€_-;"minus" 0', "[$KSh-441] #,##0"),
        )
        other = (
            *("0000000", "#0000000", "0000000.00", "000,0000", "[>9]0000000;0"),
            *('"KE-"0', "\\K0", "+0", "0-000", '0" km"', "*00", "[$-409]d.m", "[h]"),
            *("0%", "0.00%", "0,", "#,##0,,.0", '[<5]"few";0'),
            *('0#" "##" "##" "##" "##', "0#########", "0?,???,???"),
        )
        book = openpyxl.Workbook()
        for column, form in enumerate((*plain, *other), start=1):
            book.active.cell(1, column, 123456).number_format = form
        buffer = io.BytesIO()
        book.save(buffer)
        (record,) = self.records(buffer.getvalue())
        shown = [code for at, code in enumerate(plain + other) if at in record.altered]
        self.assertEqual(shown, list(other))
        self.assertEqual(set(record.cells), {"123456"})

    def test_cells_without_style_have_the_first_one(self):
        """As where somebody has changed the style "Normal" of a workbook."""
        book = openpyxl.Workbook()
        book.active["A1"] = 123456
        book.active["B1"].number_format = "0000000"
        buffer = io.BytesIO()
        book.save(buffer)
        data = edit_member(
            buffer.getvalue(),
            "styles.xml",
            lambda xml: xml.replace(b'<xf numFmtId="0"', b'<xf numFmtId="164"'),
        )
        (record,) = self.records(data)
        self.assertEqual((record.cells, record.altered), (["123456"], {0}))

    def test_errors_are_told_apart(self):
        book = openpyxl.Workbook()
        for row in (["a", "#N/A", "b"], ["c", "d", "#REF!"], ["#VALUE!"]):
            book.active.append(row)
        for cell in book.active["B1"], book.active["C2"], book.active["A3"]:
            cell.data_type = "e"
        buffer = io.BytesIO()
        book.save(buffer)
        records = self.records(buffer.getvalue())
        self.assertEqual([record.altered for record in records], [{1}, {2}, {0}])

    def test_other_ways_to_write_a_sheet(self):
        data = workbook([["id", "x"], ["a", "b"]])

        def inline(xml):
            head = xml[: xml.index(b"<sheetData>")]
            return head + (
                b"<sheetData><!-- c --><row><c t='inlineStr'><is><r><t>a</t></r>"
                b"<rPh><t>no</t></rPh><r><t>b</t></r></is></c><c/><c><v>1.5E3</v></c>"
                b"</row><row/><row><c t='str'><f>1</f><v>z</v></c><c t='e'><v>#N/A</v>"
                b"</c></row></sheetData></worksheet>"
            )

        records = [r for r in self.records(edit_sheet(data, inline)) if any(r.cells)]
        self.assertEqual(
            [(r.line, r.cells) for r in records],
            [(1, ["ab", "", "1500"]), (3, ["z", "#N/A"])],
        )
        prefixed = edit_sheet(
            data,
            lambda xml: (
                xml.replace(b"<worksheet xmlns=", b"<worksheet xmlns:x=")
                .replace(b"</", b"</x:")
                .replace(b"<", b"<x:")
                .replace(b"<x:/x:", b"</x:")
            ),
        )
        self.assertEqual(self.cells(prefixed), [["id", "x"], ["a", "b"]])

    def test_files_that_are_no_table(self):
        self.assert_refused(b"", "empty")
        self.assert_refused(b" \r\n ", "empty")
        self.assert_refused(b"\x89PNG\r\n\x1a\n\0\0\0\x01", "not a table")
        self.assert_refused(b"\xd0\xcf\x11\xe0 book", "old spreadsheet")
        locked = b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le")
        self.assert_refused(locked, "password")
        self.assert_refused(b"PK\x03\x04 and more", "damaged")
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as other:
            other.writestr("content.xml", "<x/>")
        self.assert_refused(archive.getvalue(), "not an Excel workbook")
        self.assert_refused(workbook()[:-300], "damaged")
        broken = edit_sheet(workbook(), lambda xml: xml.replace(b"</t>", b"</u>"))
        self.assert_refused(broken, "damaged")
        lost = edit_sheet(workbook([[1]]), lambda xml: xml.replace(b't="n"', b't="s"'))
        self.assert_refused(lost, "damaged")

    def test_junk_never_raises_anything_else(self):
        junk = random.Random(7)  # repeatable
        for start in b"", b"PK\x03\x04", b"\xff\xfe", b"\xd0\xcf\x11\xe0":
            with self.assertRaises(TableError):
                self.records(start + junk.randbytes(200_000))

    def one_cell(self, old, new, member="sheet1.xml"):
        """A workbook with one cell, 1, and a piece of its XML replaced."""

        def change(xml):
            self.assertIn(old, xml)
            return xml.replace(old, new, 1)

        return edit_member(workbook([[1]]), member, change)

    def test_a_damaged_sheet_is_refused(self):
        for number in b"x", b"-5", b"0", b"99999999999":
            data = self.one_cell(b'<row r="1"', b'<row r="%s"' % number)
            self.assert_refused(data, "damaged")
        twice = self.one_cell(b"</row>", b'</row><row r="1"><c><v>2</v></c></row>')
        self.assert_refused(twice, "damaged")
        self.assert_refused(self.one_cell(b'"n"><v>1<', b'"s"><v>q<'), "damaged")

    def test_numbers_beyond_all_bounds(self):
        for text in "NaN", "sNaN", "1E99999999":
            data = self.one_cell(b"<v>1<", b"<v>%s<" % text.encode())
            self.assertEqual(self.cells(data), [[text]])
        self.assertEqual(
            self.cells(self.one_cell(b"<v>1<", b"<v>1E-9999999<")), [["0"]]
        )

    def test_a_workbook_cannot_fill_the_memory(self):
        long = b"1" * 10_000_000
        self.assert_refused(self.one_cell(b"<v>1<", b"<v>%s<" % long), "131,072", 1)
        inline = b'"inlineStr"><is><t>%s</t></is><' % long
        self.assert_refused(self.one_cell(b'"n"><v>1</v><', inline), "131,072", 1)
        many = b'<sheet name="x"/>' * 1_000_000
        book = self.one_cell(b"</sheets>", many + b"</sheets>", "workbook.xml")
        self.assert_refused(book, "damaged")

    def test_numbers_near_zero_cannot_fill_the_memory(self):
        """Written out, each of them has a million digits."""
        cells = b"<c><v>1e-999999</v></c><c><v>0e-999999</v></c><c><v>1e-9</v></c>"
        data = self.one_cell(b'<c r="A1" t="n"><v>1</v></c>', cells)
        (record,) = self.records(data)
        self.assertEqual(record.cells, ["1e-999999", "0", "0.000000001"])

    def test_an_open_quotation_mark_cannot_fill_the_memory(self):
        """Odoo lets a cell have 500 MB."""
        data = b'a,b\n1,2\n"c,3\n' + b"d,4\n" * 5_000_000
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        self.assert_refused(data, "never closed", 3)
        _now, most = tracemalloc.get_traced_memory()
        self.assertLess(most, 30_000_000)

    def test_entities_are_not_expanded(self):
        data = edit_sheet(
            workbook([[1]]),
            lambda xml: (
                b'<!DOCTYPE x [<!ENTITY e "boom">]>'
                + xml[xml.index(b"<worksheet") :].replace(b"<v>1</v>", b"<v>&e;</v>")
            ),
        )
        self.assert_refused(data, "damaged")

    def test_errors_name_the_line(self):
        self.assert_refused(b'a,b\n1,2\n"c,3\nd,4\n', "never closed", 3)
        self.assert_refused(b'a,b\n"c"x,3\n', "closing quotation", 2)
        self.assert_refused(b"a,b\n1," + b"x" * 200_000 + b"\n", "131,072", 2)
        self.assert_refused(b"a,b\n1," + b"x" * 10_000_000 + b"\n", "131,072", 2)
        late = b"a,b\n" + b"1,2\n" * 300_000 + b"\xe9,1\n"
        self.assert_refused(late, "not encoded", 300_002)

    def test_delimiter_by_known_headers(self):
        text = "name, first;id|x|y|z|q\n"
        self.assertEqual(table_reader.guess_delimiter(text), "|")
        self.assertEqual(table_reader.guess_delimiter("a,b;id;c", {"id"}), ";")
