# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import base64

import psycopg2

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import SQL, mute_logger

from .common import PAYMENTS, DisbursementCommon, wire_id

ADMINISTRATOR = "g2p_spar_bank_directory.group_spar_administrator"
AUDITOR = "g2p_spar_mapper.group_spar_auditor"


@tagged("post_install", "-at_install")
class TestAccess(DisbursementCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.administrator = new_test_user(
            cls.env, "test_adm", f"{ADMINISTRATOR},base.group_allow_export"
        )
        cls.auditor = new_test_user(
            cls.env, "test_aud", f"{AUDITOR},base.group_allow_export"
        )
        cls.officer.group_ids += cls.env.ref("base.group_allow_export")
        cls.link({wire_id(1): cls.bank_fa("123456789012")}, "Ann Lee")
        cls.batch = cls.resolve_now(cls.import_payments([(wire_id(1), 10)]))
        cls.line = cls.batch.line_ids

    def as_user(self, record, user):
        self.env.invalidate_all()
        return record.with_user(user)

    def assert_refused(self, function, *args):
        with self.assertRaises(AccessError):
            function(*args)

    def test_the_officer_sees_the_own_list(self):
        line = self.as_user(self.line, self.officer)
        self.assertEqual(line.id_shown, wire_id(1))
        self.assertEqual(line.holder_name, "Ann Lee")
        self.assertEqual(line.fa_masked, "•••• 9012")
        self.assertEqual(line.search([("id_shown", "=", wire_id(1))]), line)

    def test_search_for_an_id_does_not_quote_it(self):
        line = self.as_user(self.line, self.officer)
        self.assertNotIn(line, line.search([("id_shown", "!=", wire_id(1))]))
        with self.assertRaises(UserError) as caught:
            line.search([("id_shown", "ilike", wire_id(1))])
        self.assertNotIn(wire_id(1), str(caught.exception))

    def test_nobody_reads_the_address(self):
        for user in self.officer, self.administrator, self.auditor:
            line = self.as_user(self.line, user)
            for name in "fa", "account_number", "id_value":
                with self.subTest(user=user.login, field=name):
                    self.assert_refused(line.read, [name])
                    self.assert_refused(line.search, [(name, "=", "x")])
                    self.assert_refused(line.export_data, [name])
                    self.assert_refused(line._read_group, [], [name])
            self.assertNotIn("fa", line.fields_get())

    def assert_table_hides(self, record, *secrets):
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                "SELECT row_to_json(t)::text FROM %s t WHERE id IN %s",
                SQL.identifier(record._table),
                tuple(record.ids),
            )
        )
        self.assertEqual(len(rows), len(record))
        for secret in secrets:
            for form in (secret, base64.b64encode(secret.encode()).decode()):
                self.assertNotIn(form, str(rows))

    def test_tables_hold_no_id_no_account_and_no_name(self):
        no_id = "no ID of any kind"
        batch = self.resolve_now(
            self.import_list(
                f"id,amount,name\n{wire_id(1)},1,Ann Smith-Lee\n{no_id},2,Bob Smith"
            )
        )
        lines = batch.sudo().line_ids
        self.assertEqual(lines.mapped("payee_sealed"), ["Ann Smith-Lee", "Bob Smith"])
        self.assert_table_hides(
            lines, wire_id(1), "person-0", no_id, "123456789012", "Ann", "Smith"
        )
        mine = lines.with_user(self.officer).sudo(False)
        self.assertEqual(mine.search([("id_shown", "=", no_id)]), mine[1])
        self.assertIn(mine[0], mine.search([("id_shown", "=", wire_id(1))]))

    def test_a_new_key_changes_what_hangs_on_the_key_only(self):
        self.assertEqual(self.line.sudo().state, "payable")
        update = "UPDATE g2p_spar_disbursement_line SET %s WHERE id = %s"
        for assignment, is_allowed in (
            ("fa = fa || 'x', id_value = id_value || 'x', id_key = 'x'", True),
            ("fa = fa || 'x', amount = 11", False),
            ("fa_masked = 'x'", False),
            ("state = 'pending'", False),
        ):
            self.env.cr.execute("SET LOCAL g2p_spar.rekeying = 'yes'")
            with self.subTest(assignment), self.env.cr.savepoint() as savepoint:
                query = SQL(update, SQL(assignment), self.line.id)
                if is_allowed:
                    self.env.cr.execute(query)
                    savepoint.rollback()
                else:
                    with (
                        self.assertRaises(psycopg2.errors.RestrictViolation),
                        mute_logger("odoo.sql_db"),
                        self.env.cr.savepoint(),
                    ):
                        self.env.cr.execute(query)
        values = {"id_value": wire_id(1)}
        self.assertEqual(
            self.line._prepare_rekeyed(values)["id_key"], self.line.sudo().id_key
        )

    def test_an_upload_is_kept_sealed(self):
        text = f"id,amount\n{wire_id(1)},not a number\n"
        for wizard in (self.import_list(text), self.import_file(text.encode())):
            self.assertEqual(wizard.error_count, 1)
            self.assert_table_hides(wizard, wire_id(1), "person-0", text)
            self.assertFalse(
                self.env["ir.attachment"].search([("res_model", "=", wizard._name)])
            )
            self.assertTrue(wizard.text or wizard.file)
            self.assert_refused(self.as_user(wizard, self.other_officer).read, ["text"])

    def test_another_officer_sees_nothing(self):
        batch = self.as_user(self.batch, self.other_officer)
        self.assertFalse(batch.search([]))
        self.assert_refused(batch.read, ["name"])
        line = self.as_user(self.line, self.other_officer)
        self.assertFalse(line.search([]))
        self.assert_refused(line.read, ["state"])
        self.assert_refused(batch.get_progress)
        for action in (
            "action_resolve",
            "action_resolve_again",
            "action_cancel",
            "action_draft",
            "action_ask_close",
            "action_close_unanswered",
            "action_export_payable",
            "action_export_not_payable",
        ):
            with self.subTest(action):
                self.assert_refused(getattr(batch, action))

    def test_oversight_reads_masked(self):
        for user in self.administrator, self.auditor:
            with self.subTest(user.login):
                batch = self.as_user(self.batch, user)
                self.assertEqual((batch.line_count, batch.payable_count), (1, 1))
                line = self.as_user(self.line, user)
                self.assertEqual(line.id_shown, "•••• 0001")
                self.assertEqual(
                    line.export_data(["id_shown"])["datas"], [["•••• 0001"]]
                )
                self.assertFalse(line.search([("id_shown", "=", wire_id(1))]))
                self.assert_refused(line.read, ["payee_name"])
                self.assert_refused(batch.write, {"name": "x"})
                self.assert_refused(batch.create, {"name": "x"})
                self.assert_refused(batch.unlink)
                self.assert_refused(batch.action_resolve)
                self.assert_refused(batch.action_export_payable)
        self.assertEqual(self.as_user(self.line, self.auditor).holder_name, "Ann Lee")
        self.assert_refused(
            self.as_user(self.line, self.administrator).read, ["holder_name"]
        )

    def test_both_roles_do_not_add_up_to_foreign_ids(self):
        both = new_test_user(self.env, "test_both", f"{PAYMENTS},{ADMINISTRATOR}")
        line = self.as_user(self.line, both)
        self.assertEqual(line.id_shown, "•••• 0001")
        self.assertFalse(line.payee_name or line.holder_name)
        self.assertFalse(line.search([("id_shown", "=", wire_id(1))]))
        self.assert_refused(self.as_user(self.batch, both).action_export_payable)

    def test_others_have_no_access(self):
        for groups in (
            "base.group_portal",
            "base.group_public",
            "base.group_user",
            "g2p_spar_bank_directory.group_spar_steward",
            "g2p_spar_mapper.group_spar_officer",
        ):
            user = new_test_user(self.env, f"test_{groups}", groups)
            with self.subTest(groups):
                batch = self.as_user(self.batch, user)
                line = self.as_user(self.line, user)
                self.assert_refused(batch.search, [])
                self.assert_refused(batch.read, ["name"])
                self.assert_refused(batch.get_progress)
                self.assert_refused(line.search, [])
                self.assert_refused(line.read, ["id_shown"])
                wizards = batch.env["g2p.spar.disbursement.import"]
                self.assert_refused(wizards.create, {"name": "x"})

    def test_lines_are_written_by_nobody(self):
        line = self.as_user(self.line, self.officer)
        self.assert_refused(line.write, {"amount": 1})
        self.assert_refused(line.unlink)
        self.assert_refused(line.create, {"line_no": 1})

    def test_results_cannot_be_forged(self):
        batch = self.as_user(self.batch, self.officer)
        for values in (
            {"state": "exported"},
            {"payable_count": 100},
            {"user_id": self.other_officer.id},
            {"line_ids": [(5, 0, 0)]},
            {"reference": "mine"},
            {"run": 7},
        ):
            with self.subTest(values):
                self.assert_refused(batch.write, values)
                self.assert_refused(batch.create, {"name": "x", **values})
        swayed = batch.with_context(default_state="exported", default_payable_count=1)
        forged = swayed.create({"name": "x"})
        self.assertEqual((forged.state, forged.payable_count), ("draft", 0))

    def test_the_currency_stays_with_the_amounts(self):
        batch = self.as_user(self.batch, self.officer)
        with self.assertRaises(UserError):
            batch.currency_id = self.env.ref("base.EUR")

    def test_only_unused_lists_can_be_deleted(self):
        batch = self.as_user(self.batch, self.officer)
        with self.assertRaises(UserError):
            batch.unlink()
        draft = self.import_payments([(wire_id(5), 1)])
        lines = draft.line_ids
        draft.unlink()
        self.assertFalse(lines.sudo().exists())

    def test_chatter_holds_no_ids(self):
        bodies = " ".join(self.batch.sudo().message_ids.mapped("body"))
        self.assertTrue(bodies)
        self.assertNotIn("person", bodies)
        self.assertNotIn("9012", bodies)
