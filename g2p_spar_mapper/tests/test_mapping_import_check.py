# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import datetime
import io

import openpyxl

from odoo.exceptions import UserError
from odoo.tests import tagged

from ..models import mapping_import_check
from ..outcomes import ResolveItem
from .common import wire_id
from .import_case import ImportCase


@tagged("post_install", "-at_install")
class TestMappingImportCheck(ImportCase):
    def test_columns_are_guessed(self):
        load = self.upload(self.csv([1, 2]))
        self.assertEqual(
            load.column_ids.mapped("target"),
            ["id", "account_type", "provider", "branch", "number", "name"],
        )
        self.assertEqual(load.column_ids.mapped("letter"), list("ABCDEF"))
        self.assertTrue(load.has_header)
        self.assertEqual((load.state, load.failure), ("draft", False))

    def test_columns_without_headers_are_guessed_by_content(self):
        fa = self.bank_fa()
        load = self.upload(f"x;{wire_id(1)};{fa}\ny;{wire_id(2)};{fa}\n".encode())
        self.assertFalse(load.has_header)
        self.assertEqual(load.column_ids.mapped("target"), [False, "id", "fa"])
        load.action_check()
        self.work(load)
        self.assertEqual(self.counts(load), (2, 2, 0, 0, 0))

    def test_french_and_openg2p_headers(self):
        header = "Identifiant;Banque;Agence;Numéro_de_compte;Nom complet"
        load = self.upload(f"{header}\na;b;c;d;e\n".encode())
        self.assertEqual(
            load.column_ids.mapped("target"),
            ["id", "provider", "branch", "number", "name"],
        )
        load = self.upload(b"id_value,fa_value,name,phone,additional_info\na,b,c,d,e\n")
        self.assertEqual(
            load.column_ids.mapped("target"), ["id", "fa", "name", "phone", False]
        )

    def test_samples_and_stored_content_are_not_readable(self):
        load = self.check(self.csv([1, 2]))
        self.env.flush_all()
        text = ""
        for table in "g2p_spar_import_part", "g2p_spar_import_row", "g2p_spar_import":
            self.env.cr.execute(f"SELECT t::text FROM {table} t")  # noqa: S608
            text += str(self.env.cr.fetchall())
        self.env.cr.execute("SELECT c::text FROM g2p_spar_import_column c")
        text += str(self.env.cr.fetchall())
        self.assertIn("k", text)
        for secret in ("spartest", str(10**11 + 1), "Name 1"):
            self.assertNotIn(secret, text)
        self.assertIn("••••", load.column_ids[0].sample)
        self.assertFalse(
            self.env["ir.attachment"].search_count(
                [("res_model", "=", "g2p.spar.import")]
            )
        )

    def test_counts_of_the_check(self):
        fa = self.bank_fa()
        self.link(self.item(2, self.bank_fa(2), name="Name 2"), self.item(3, fa))
        load = self.check(self.csv([1, 2, 3, "nobody,bank,MTBANK,MT001,1,x"]))
        self.assertEqual(load.state, "checked")
        self.assertEqual(self.counts(load), (4, 1, 0, 1, 2))
        self.assertEqual(
            self.rows(load), [(4, "id", "linked"), (5, "number", "invalid")]
        )
        load.action_draft()
        load.mode = "both"
        load.action_check()
        self.work(load)
        self.assertEqual(self.counts(load), (4, 1, 1, 1, 1))
        load.action_draft()
        load.mode = "update"
        load.action_check()
        self.work(load)
        self.assertEqual(self.counts(load), (4, 0, 1, 1, 2))
        self.assertIn((2, "id", "not_linked"), self.rows(load))
        self.assertFalse(self.periods(1))

    def test_a_name_or_phone_alone_is_a_change(self):
        self.link(self.item(1, self.bank_fa(1), name="Name 1"))
        fa = self.bank_fa(1)
        for name, phone, expected in (
            ("Name 1", "", (1, 0, 0, 1, 0)),
            ("", "", (1, 0, 0, 1, 0)),
            ("Other", "", (1, 0, 1, 0, 0)),
            ("", "+254712000001", (1, 0, 1, 0, 0)),
        ):
            load = self.check(
                f"id;fa;name;phone\n{wire_id(1)};{fa};{name};{phone}\n".encode(),
                mode="both",
            )
            self.assertEqual(self.counts(load), expected, (name, phone))

    def test_every_reason(self):
        twins = {"name": "Twin", "account_type_ids": self.bank_type.ids}
        self.env["g2p.spar.fsp"].create([twins | {"code": c} for c in ("TW1", "TW2")])
        self.link(self.item(90, self.bank_fa(90)))
        self.env.cr.execute("UPDATE g2p_spar_mapping SET state = 'frozen'")
        good = f"bank,MTBANK,MT001,{10**11},x"
        cases = {
            f",{good}": ("id", "missing"),
            f"a\tb,{good}": ("id", "invalid"),
            f"{wire_id(10)},bank,MTBANK,MT001,,x": ("number", "missing"),
            f"{wire_id(11)},bank,MTBANK,MT001,12,x": ("number", "invalid"),
            f"{wire_id(12)},bank,NOBODY,MT001,{10**11},x": ("provider", "unknown"),
            f"{wire_id(13)},bank,Twin,MT001,{10**11},x": ("provider", "unclear"),
            f"{wire_id(14)},bank,,MT001,{10**11},x": ("provider", "missing"),
            f"{wire_id(15)},bank,MTWALLET,,{10**11},x": ("provider", "invalid"),
            f"{wire_id(16)},bank,MTBANK,XX,{10**11},x": ("branch", "unknown"),
            f"{wire_id(17)},bank,MTBANK,,{10**11},x": ("branch", "missing"),
            f"{wire_id(18)},gold,MTBANK,MT001,{10**11},x": ("account_type", "unknown"),
            f"{wire_id(19)},,MTBANK,MT001,{10**11},x": ("account_type", "missing"),
            f"{wire_id(20)},{good}{'x' * 300}": ("name", "invalid"),
            f"{wire_id(21)},{good},more": ("", "cells"),
            f"{wire_id(90)},{good}": ("id", "frozen"),
        }
        load = self.check(self.csv(list(cases)), mode="both")
        self.assertEqual(load.state, "checked", load.failure)
        found = self.rows(load)
        for number, (line, expected) in enumerate(cases.items()):
            self.assertEqual(
                found[number], (number + 2, *(v or False for v in expected)), line
            )

    def test_rounded_numbers_and_dates_are_refused(self):
        book = openpyxl.Workbook()
        book.active.append(["id", "account type", "provider", "branch", "account"])
        accounts = 123456789012, 123456789012345678, datetime.date(2024, 5, 1)
        for number, account in enumerate(accounts, start=1):
            book.active.append([wire_id(number), "bank", "MTBANK", "MT001", account])
        buffer = io.BytesIO()
        book.save(buffer)
        load = self.check(buffer.getvalue(), name="Workbook")
        self.assertEqual(self.counts(load), (3, 1, 0, 0, 2))
        self.assertEqual(
            self.rows(load), [(3, "number", "altered"), (4, "number", "altered")]
        )

    def test_cells_that_show_something_else_are_refused(self):
        """A number shown with leading zeros, a prefix; an error, which is no empty
        cell: the provider of the file does not stand in for it."""
        book = openpyxl.Workbook()
        sheet = book.active
        sheet.append(["id", "provider", "branch", "account number"])
        sheet.append([wire_id(1), "MTBANK", "MT001", 1234567890])
        sheet.cell(2, 4).number_format = "000000000000"
        sheet.append([wire_id(2), "MTBANK", "MT001", 123456789012])
        sheet.cell(3, 4).number_format = "000000000000"
        sheet.append([1234, "MTBANK", "MT001", 123456789013])
        sheet.cell(4, 1).number_format = '"KE-"00000000'
        sheet.append([wire_id(3), "#N/A", "MT001", 123456789014])
        sheet.cell(5, 2).data_type = "e"
        buffer = io.BytesIO()
        book.save(buffer)
        load = self.check(
            buffer.getvalue(),
            name="Workbook",
            account_type_id=self.bank_type.id,
            fsp_id=self.bank.id,
        )
        self.assertEqual(
            self.rows(load),
            [
                (2, "number", "altered"),
                (4, "id", "altered"),
                (5, "provider", "altered"),
            ],
        )
        self.assertEqual(self.counts(load), (4, 1, 0, 0, 3))

    def test_same_id_twice(self):
        other = f"{wire_id(2)},bank,MTBANK,MT001,{10**11 + 77},x"
        upper = wire_id(3).replace("token", "TOKEN")
        load = self.check(
            self.csv([1, 2, 3, 1, other, f"{upper},bank,MTBANK,MT002,{10**11 + 3},x"])
        )
        # the same account again: the first row stays; two accounts: neither is taken
        self.assertEqual(self.counts(load), (6, 2, 0, 0, 4))
        found = self.env["g2p.spar.import.row"].search(
            [("import_id", "=", load.id), ("reason", "=", "duplicate")]
        )
        self.assertEqual(
            [(row.line, row.other_line) for row in found],
            [(3, 6), (5, 2), (6, 3), (7, 4)],
        )

    def test_constants_instead_of_columns(self):
        load = self.upload(
            b"number,msisdn\n4711,+254712000001\ntoken:x@nationalId,0712000002\n",
            account_type_id=self.mobile_type.id,
            fsp_id=self.wallet.id,
        )
        load.column_ids[0].target = "id"
        load.id_type_id = (
            self.env["g2p.spar.id.type"]._parse_ids([wire_id(1)])[0].id_type_id
        )
        load.action_check()
        self.work(load)
        self.assertEqual(self.counts(load), (2, 2, 0, 0, 0), self.rows(load))

    def test_kind_of_the_file_is_archived_meanwhile(self):
        table = f"id,provider,branch,account number\n{wire_id(1)},MTBANK,MT001,{10**11}"
        load = self.upload(table.encode(), account_type_id=self.bank_type.id)
        load.action_check()
        self.bank_type.active = False
        self.work(load)
        self.assertEqual(load.state, "checked")
        self.assertEqual(self.rows(load), [(2, "account_type", "unknown")])

    def test_several_entries_of_one_name(self):
        """Nobody can say which one is meant; a code belongs to its entry alone."""
        id_types = self.env["g2p.spar.id.type"]
        for code, name in ("hh1", "Household"), ("hh2", "Household"), ("hh3", "HH1"):
            id_types.create({"name": name, "code": code, "prefix": f"{code}:"})
        self.mobile_type.name = self.bank_type.name
        load = self.check(
            "\n".join(
                [
                    "id type,id,account type,provider,branch,account number",
                    f"household,55,bank,MTBANK,MT001,{10**11}",
                    f"Hh1,56,bank,MTBANK,MT001,{10**11}",
                    f"hh2,57,{self.bank_type.name},MTBANK,MT001,{10**11}",
                ]
            ).encode()
        )
        self.assertEqual(
            self.rows(load),
            [(2, "id_type", "unclear"), (4, "account_type", "unclear")],
        )
        self.work(self.approve(load))
        found = self.mapper._resolve([ResolveItem("hh1:56")], self.actor)
        self.assertEqual(self.codes(found), ["ok"])

    def test_an_id_of_another_type_than_the_file_says(self):
        """Of types with the same prefix, each number belongs to somebody."""
        _digits, letters = self.env["g2p.spar.id.type"].create(
            [
                {"name": code, "code": code, "prefix": "p:", "pattern": pattern}
                for code, pattern in (("digits", "[0-9]+"), ("letters", "[a-z]+"))
            ]
        )
        load = self.check(
            "\n".join(
                [
                    "id type,id,account type,provider,branch,account number",
                    f"letters,ab,bank,MTBANK,MT001,{10**11}",
                    f"letters,12,bank,MTBANK,MT001,{10**11}",
                    f"digits,p:cd,bank,MTBANK,MT001,{10**11}",
                    f"programmeId,p:12,bank,MTBANK,MT001,{10**11}",
                    f",p:13,bank,MTBANK,MT001,{10**11}",
                ]
            ).encode()
        )
        self.assertEqual(
            self.rows(load), [(line, "id", "invalid") for line in (3, 4, 5)]
        )
        load.action_draft()
        load.id_type_id = letters
        load.action_check()
        self.work(load)
        self.assertEqual(
            self.rows(load), [(line, "id", "invalid") for line in (3, 4, 5, 6)]
        )

    def test_check_refuses_what_it_cannot_understand(self):
        load = self.upload(b"a,b\n1,2\n")
        for target, message in (
            (False, "holds the ID"),
            ("id", "holds the account"),
        ):
            load.column_ids[0].target = target
            with self.assertRaisesRegex(UserError, message):
                load.action_check()
        load.column_ids[1].target = "number"
        with self.assertRaisesRegex(UserError, "kind of account"):
            load.action_check()
        load.account_type_id = self.bank_type
        with self.assertRaisesRegex(UserError, "provider"):
            load.action_check()
        with self.assertRaisesRegex(UserError, "Upload a file"):
            self.imports.create({"name": "x"}).action_check()

    def test_headers_show_no_data(self):
        for content in (
            b"AB123456,Jane Doe\nAB123457,John Doe\n",
            b"x;+254 712 000 001\ny;+254 712 000 002\n",
            b"a@example.org,Jane Doe\nb@example.org,John Doe\n",
        ):
            load = self.upload(content)
            self.assertFalse(load.has_header)
            load.has_header = True  # somebody insists
            load.action_look_again()
            text = str(load.column_ids.mapped("header"))
            for secret in "AB123456", "712", "a@example.org":
                self.assertNotIn(secret, text)
        load = self.upload(b"Account 2024,IBAN no.\nx,y\n")
        self.assertEqual(load.column_ids.mapped("header"), ["Account 2024", "IBAN no."])

    def test_characters_that_cannot_be_stored(self):
        rows = ["a" * 1000] * 1100  # beyond what is looked at when the file arrives
        good = f"{wire_id(10)},bank,MTBANK,MT001,{10**11},x".split(",")
        for place in range(6):
            bad = list(good)
            bad[place] += "\0"
            rows.append(",".join(bad))
        load = self.check(self.csv(rows))
        self.assertEqual(load.state, "checked", load.failure)
        self.assertEqual(
            [part for _line, part, _reason in self.rows(load)[1100:]],
            ["id", "account_type", "provider", "branch", "number", "name"],
        )

    def test_numbers_that_a_spreadsheet_has_shortened(self):
        rows = [f"{wire_id(1)},bank,MTBANK,MT001,1.23457E+11,x"]
        rows += [
            f"{cell},bank,MTBANK,MT001,{10**11},x" for cell in ("1.23E+11", "1E+05")
        ]
        load = self.upload(self.csv(rows))
        load.id_type_id = (
            self.env["g2p.spar.id.type"]._parse_ids([wire_id(1)])[0].id_type_id
        )
        load.action_check()
        self.work(load)
        self.assertEqual(
            self.rows(load),
            [(2, "number", "altered"), (3, "id", "altered"), (4, "id", "altered")],
        )

    def test_bad_files_get_one_clear_sentence(self):
        cases = {
            b"": "empty",
            b" \n": "empty",
            b"\x89PNG\0\0\0\x01": "not a table",
            b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le"): "password",
            b"PK\x03\x04 and more": "damaged",
            b"id,account\n": "no row under the headers",
            b"id\n1\n": "only one column",
            b"id,fa" + b",x" * 1000 + b"\n1,2\n": "more than 1000 columns",
            b'id,fa\n1,2\n"x,3\n4,5\n': "Row 3: A quotation mark",
            b"id,fa\n1," + b"x" * 10_000_000 + b"\n": "Row 2: A cell is longer",
        }
        for content, message in cases.items():
            load = self.upload(content)
            self.assertIn(message, load.failure or "", content[:20])
            self.assertFalse(load.file_size)
            self.assertFalse(load.sudo().part_ids)
            self.assertEqual(load.state, "draft")

    def test_a_fault_far_down_takes_the_check_back(self):
        rows = b"".join(b"x%d,y\n" % n for n in range(500))
        load = self.upload(b"id,fa\n" + rows + b'"z,1\n')
        self.assertFalse(load.failure)
        load.action_check()
        self.patch(mapping_import_check, "CHUNK", 300)
        self.work(load)
        self.assertEqual(load.state, "draft")
        self.assertIn("Row 502: A quotation mark", load.failure)
        self.assertFalse(self.rows(load))
        self.assertTrue(load.file_size)  # to be replaced by a mended one

    def test_row_limit(self):
        parameters = self.env["ir.config_parameter"]
        parameters.set_param("g2p_spar_mapper.import_max_rows", 2)
        load = self.check(self.csv([1, 2, 3]))
        self.assertEqual(load.state, "draft")
        self.assertIn("more than 2 rows", load.failure)

    def test_faulty_limits_are_not_used(self):
        parameters = self.env["ir.config_parameter"]
        for value in ("abc", "0", "-5"):
            parameters.set_param("g2p_spar_mapper.import_max_rows", value)
            parameters.set_param("g2p_spar_mapper.import_max_megabytes", value)
            with self.assertLogs("odoo.addons.g2p_spar_mapper", "ERROR") as logs:
                load = self.check(self.csv([1, 2, 3]))
            self.assertEqual((load.state, load.failure), ("checked", False))
            self.assertIn("import_max_megabytes is not a number", logs.output[0])
            self.assertIn("import_max_rows is not a number", logs.output[-1])

    def test_size_limit_and_order_of_the_parts(self):
        self.env["ir.config_parameter"].set_param(
            "g2p_spar_mapper.import_max_megabytes", 1
        )
        load = self.imports.create({"name": "x"})
        load._add_part(0, b"x" * 1_000_000)
        with self.assertRaisesRegex(UserError, "one piece"):
            load._add_part(2, b"x")
        with self.assertRaisesRegex(UserError, "larger than 1 MB"):
            load._add_part(1, b"x" * 100_000)
        load._add_part(0, b"id,fa\na,b\n")
        with self.assertRaisesRegex(UserError, "one piece"):
            load.finish_upload("x.csv", 11)
        load.finish_upload("x.csv", 10)
        self.assertEqual(load.file_size, 10)

    def test_an_empty_file_takes_the_place_of_the_one_before(self):
        load = self.upload(b"id\n1\n")
        self.assertIn("only one column", load.failure)
        load._add_part(0, b"")
        load.finish_upload("empty.csv", 0)
        self.assertEqual(load.failure, "The file is empty.")

    def test_check_in_pieces(self):
        self.patch(mapping_import_check, "SECONDS", -1)
        self.patch(mapping_import_check, "CHUNK", 2)
        load = self.upload(self.csv(range(1, 8)))
        load.action_check()
        self.work(load, 3)
        self.assertEqual((load.state, load.row_count), ("checking", 3))
        self.assertTrue(0 < load.progress < 100)
        load.action_pause()
        self.work(load)
        self.assertEqual(load.row_count, 3)
        load._job_work(load.run)  # a job that comes late
        self.assertEqual(load.row_count, 3)
        load.action_continue()
        load._job_work(load.run - 1)  # a job of the start before
        self.assertEqual(load.row_count, 3)
        self.work(load)
        self.assertEqual(self.counts(load), (7, 7, 0, 0, 0))

    def test_queries_do_not_grow_with_the_rows(self):
        def count(size, start):
            load = self.upload(self.csv(range(start, start + size)))
            load.action_check()
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            load._job_work(load.run)
            self.env.flush_all()
            return self.env.cr.sql_log_count - before

        count(1, 1)
        self.assertEqual(count(10, 1), count(1500, 1))
