# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import base64
import csv
import io

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .. import payment_list
from .common import DisbursementCommon, wire_id


@tagged("post_install", "-at_install")
class TestImport(DisbursementCommon):
    def assert_refused(self, wizard, *expected):
        """Nothing was written; the wizard lists the expected (line, column) pairs."""
        self.assertEqual(wizard._name, "g2p.spar.disbursement.import")
        self.assertEqual(wizard.error_count, len(expected))
        rows = csv.reader(io.StringIO(base64.b64decode(wizard.error_file).decode()))
        self.assertEqual([tuple(row[:2]) for row in list(rows)[1:]], list(expected))
        self.assertFalse(
            self.env["g2p.spar.disbursement"].search_count(
                [("user_id", "=", self.officer.id)]
            )
        )

    def test_import_writes_lines_and_totals(self):
        batch = self.import_list(
            "id;amount;name;reference;village\n"
            f"{wire_id(1)};1250.50;Ann Lee;R-1;Here\n"
            f"{wire_id(2)};0.10;;;\n"
            f"{wire_id(3)};0.20;;;\n"
        )
        self.assertEqual(batch._name, "g2p.spar.disbursement")
        self.assertEqual(batch.state, "draft")
        self.assertEqual(batch.user_id, self.officer)
        self.assertRegex(batch.reference, r"^DIS/\d{4}/\d{5}$")
        self.assertEqual((batch.line_count, batch.pending_count), (3, 3))
        self.assertEqual(batch.total_amount, 1250.80)
        self.assertEqual(batch.progress, 0)
        first = self.lines(batch)[2]
        self.assertEqual(first.id_value, wire_id(1))
        self.assertEqual(first.id_masked, "•••• 0001")
        self.assertEqual((first.payee_sealed, first.reference), ("Ann Lee", "R-1"))
        self.assertEqual(first.state, "pending")
        self.assertIn("village", batch.message_ids[0].body)

    def test_amounts_are_exact(self):
        batch = self.import_payments([(wire_id(n), "0.10") for n in range(1000)])
        self.env.cr.execute(
            "SELECT sum(amount)::text, total_amount::text FROM g2p_spar_disbursement d"
            " JOIN g2p_spar_disbursement_line l ON l.disbursement_id = d.id"
            " WHERE d.id = %s GROUP BY d.id",
            [batch.id],
        )
        lines, total = self.env.cr.fetchone()
        self.assertEqual((float(lines), float(total)), (100.0, 100.0))
        self.assertTrue(total.startswith("100.0"))

    def test_the_uploaded_file_is_deleted(self):
        wizards = self.env["g2p.spar.disbursement.import"]
        before = wizards.search_count([])
        batch = self.import_file(f"id,amount\n{wire_id(1)},5\n".encode("utf-8-sig"))
        self.assertEqual(batch.line_count, 1)
        self.assertEqual(wizards.search_count([]), before)
        self.assertFalse(
            self.env["ir.attachment"].search_count(
                [("res_model", "=", "g2p.spar.disbursement.import")]
            )
        )

    def test_discard_deletes_the_uploaded_file(self):
        wizard = self.import_list("id,amount\nx,0\n")
        wizard.action_discard()
        self.assertFalse(wizard.exists())

    def test_one_bad_line_stops_all(self):
        wizard = self.import_list("id,amount\na,5\nb,-5\n,x\n")
        self.assert_refused(wizard, ("3", "amount"), ("4", "id"), ("4", "amount"))
        self.assertIn("negative", wizard.errors)

    def test_unreadable_files(self):
        for data in (
            "id,amount,name\nx,1,Jos\u00e9\n".encode("latin-1"),
            "id,amount\nx,1\n".encode("utf-16"),
            b"\x89PNG\r\n\x1a\n\0\0\0",
            b"\xff" * 2_000_000,
            b"",
            b"no,header\n1,2\n",
        ):
            self.assert_refused(self.import_file(data), ("", ""))

    def test_the_first_hundred_errors_are_shown(self):
        wizard = self.import_list("id,amount\n" + "x,0\n" * 150)
        self.assertEqual(wizard.error_count, 150)
        self.assertEqual(wizard.errors.count("<tr"), 101)

    def test_errors_do_not_quote_ids(self):
        wizard = self.import_list("id,amount\nsecret-9,1\nsecret-9,1\nsecret-8,0\n")
        self.assertEqual(wizard.error_count, 2)
        self.assertNotIn("secret", wizard.errors)
        self.assertNotIn(b"secret", base64.b64decode(wizard.error_file))

    def test_duplicates_are_errors_by_default(self):
        self.assert_refused(
            self.import_payments([(wire_id(1), 5), (wire_id(2), 5), (wire_id(1), 6)]),
            ("4", "id"),
        )

    def test_duplicates_are_those_of_the_registry(self):
        other_case = wire_id(1).replace("token", "TOKEN").replace("Id", "ID")
        other_person = wire_id(1).replace("person", "PERSON")
        self.assert_refused(
            self.import_payments([(wire_id(1), 5), (other_person, 5), (other_case, 5)]),
            ("4", "id"),
        )

    def test_duplicates_that_fit_no_pattern(self):
        """Such an ID may be linked, and its prefix counts in any case all the same."""
        self.env["g2p.spar.id.type"].create(
            {"name": "Farmer", "code": "farmer", "prefix": "fr:", "pattern": "[0-9]+"}
        )
        wizard = self.import_payments([("fr:1x", 5), ("FR:1x", 6), ("fr:1X", 7)])
        self.assert_refused(wizard, ("3", "id"))

    def test_duplicates_can_be_marked(self):
        batch = self.import_payments(
            [(wire_id(1), 5), (wire_id(1), 6), (wire_id(2), 7)], duplicates="first"
        )
        lines = self.lines(batch)
        self.assertEqual(
            [(line.state, line.reason) for line in lines.values()],
            [("pending", False), ("not_payable", "duplicate"), ("pending", False)],
        )
        self.assertIn("line 2", lines[3].message)
        self.assertEqual((batch.not_payable_count, batch.not_payable_amount), (1, 6))

    def test_decimals_of_the_currency(self):
        yen = self.env.ref("base.JPY")
        wizard = self.import_list("id,amount\nx,5.5\n", currency_id=yen.id)
        self.assert_refused(wizard, ("2", "amount"))

    def test_a_list_in_another_currency_is_refused(self):
        """As the report of not payable lines of another disbursement would be."""
        lines = f"id,amount,currency\n{wire_id(1)},10,usd\n{wire_id(2)},10,"
        self.assertEqual(self.import_list(lines).line_count, 2)
        wizard = self.import_list(lines + "KES\n")
        self.assertEqual(wizard._name, "g2p.spar.disbursement.import")
        self.assertEqual(wizard.error_count, 1)
        self.assertIn("<td>3</td><td>currency</td>", wizard.errors)
        self.assertIn("USD", wizard.errors)
        # Odoo takes any spelling for the code of a currency
        lines = "id,amount,currency\nx,10,Pts\n"
        self.assertFalse(payment_list.parse(lines, currency="Pts").problems)

    def test_row_limit(self):
        self.env["ir.config_parameter"].set_param("g2p_spar_disbursement.max_rows", 2)
        wizard = self.import_payments([(wire_id(n), 5) for n in range(3)])
        self.assert_refused(wizard, ("", ""))

    def test_a_faulty_row_limit_is_not_used(self):
        for value in ("abc", "0", "-5"):
            self.env["ir.config_parameter"].set_param(
                "g2p_spar_disbursement.max_rows", value
            )
            with self.assertLogs("odoo.addons.g2p_spar_mapper", "ERROR") as logs:
                self.import_payments([(wire_id(n), 5) for n in range(3)])
            self.assertIn("g2p_spar_disbursement.max_rows", logs.output[0])

    def test_nul_is_refused_with_the_name_of_the_field(self):
        with self.assertRaisesRegex(UserError, "List"):
            self.import_list("id,amount\na\0,5\n")
        with self.assertRaisesRegex(UserError, "List"):
            self.import_list("id,amount\na\ud800,5\n")

    def test_one_does_not_read_anothers_upload(self):
        wizard = self.import_list("id,amount\nx,-5\n")
        theirs = wizard.with_user(self.other_officer)
        for function in (lambda: theirs.read(["text"]), theirs.action_import):
            with self.assertRaises(AccessError):
                function()
        self.assertFalse(theirs.search([("id", "=", wizard.id)]))

    def test_only_payments_officers_import(self):
        auditor = self.env.ref("g2p_spar_mapper.group_spar_auditor")
        self.other_officer.group_ids = auditor
        with self.assertRaises(AccessError):
            self.import_list("id,amount\nx,5\n", user=self.other_officer)

    def test_query_count_does_not_grow_with_the_list(self):
        def count(size):
            wizard = self.env["g2p.spar.disbursement.import"].with_user(self.officer)
            text = "".join(f"{wire_id(n)},5\n" for n in range(size))
            wizard = wizard.create(
                {"name": "x", "source": "text", "text": "id,amount\n" + text}
            )
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            wizard.action_import()
            self.env.flush_all()
            return self.env.cr.sql_log_count - before

        count(1)  # fills caches
        self.assertEqual(count(10), count(2000))
