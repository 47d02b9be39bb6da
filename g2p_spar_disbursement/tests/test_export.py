# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import csv
import hashlib
import io
from unittest.mock import patch

from odoo import http
from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from odoo.addons.g2p_spar_mapper.outcomes import RETRY

from ..models import disbursement_export
from .common import DisbursementCommon, wire_id


@tagged("post_install", "-at_install")
class TestExport(DisbursementCommon, HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.link({wire_id(1): cls.bank_fa("123456789012")}, "Ann Lee")
        cls.link({wire_id(2): cls.wallet_fa("+254712345678")}, "=1+1")
        cls.batch = cls.import_list(
            "id,amount,reference\n"
            f"{wire_id(1)},1250.50,@R1\n{wire_id(2)},20,R2\n{wire_id(3)},30,R3\n"
        )

    def rows(self, data):
        return list(csv.reader(io.StringIO(data.decode(), newline="")))

    def post(self, file="payable", batch=None, **data):
        batch = batch or self.batch
        url = f"/spar/disbursement/{batch.id}/{file}.csv"
        data.setdefault("csrf_token", http.Request.csrf_token(self))
        return self.url_open(url, data=data, allow_redirects=False)

    def test_accounts_exchanged_in_the_database_are_not_paid(self):
        self.resolve_now(self.batch)
        one, other = self.batch.sudo().line_ids.sorted("line_no")[:2].ids
        self.env.cr.execute("SET LOCAL g2p_spar.rekeying = 'yes'")  # past the trigger
        self.env.cr.execute(
            "UPDATE g2p_spar_disbursement_line line"
            "   SET fa = o.fa, account_number = o.account_number"
            "  FROM g2p_spar_disbursement_line o WHERE line.id = %s AND o.id = %s",
            [one, other],
        )
        self.authenticate("test_programme", "test_programme")
        answer = self.post()
        self.assertEqual(answer.status_code, 409)
        self.assertIn("changed outside of the registry", answer.text)
        self.assertEqual(self.batch.state, "resolved")

    def test_payable_file(self):
        self.resolve_now(self.batch)
        self.authenticate("test_programme", "test_programme")
        answer = self.post()
        self.assertEqual(answer.status_code, 200)
        self.assertIn("text/csv", answer.headers["Content-Type"])
        self.assertEqual(answer.headers["Cache-Control"], "no-store")
        self.assertRegex(
            answer.headers["Content-Disposition"], r"DIS-\d{4}-\d{5}-payable\.csv"
        )
        self.assertEqual(
            self.rows(answer.content),
            [
                [
                    *("id", "amount", "currency", "fa", "account_type"),
                    *("provider_code", "branch_code", "account_number"),
                    *("holder_name", "reference"),
                ],
                [
                    *(wire_id(1), "1250.50", "USD", self.bank_fa("123456789012")),
                    *("bank", "TESTBANK", "001", "123456789012", "Ann Lee", "'@R1"),
                ],
                [
                    *(wire_id(2), "20.00", "USD", self.wallet_fa("+254712345678")),
                    *("mobile_wallet", "TESTMONEY", "", "+254712345678"),
                    *("'=1+1", "R2"),
                ],
            ],
        )
        self.batch.invalidate_recordset()
        self.assertEqual(self.batch.state, "exported")
        body = self.batch.message_ids.filtered(lambda m: "SHA-256" in (m.body or ""))
        self.assertEqual(body.author_id, self.officer.partner_id)
        self.assertIn(hashlib.sha256(answer.content).hexdigest(), body.body)
        self.assertNotIn("123456789012", body.body)

    def test_the_same_file_again_is_another_event(self):
        self.resolve_now(self.batch)
        self.authenticate("test_programme", "test_programme")
        first, second = self.post(), self.post()
        self.assertEqual(first.content, second.content)
        events = self.batch.message_ids.filtered(lambda m: "SHA-256" in (m.body or ""))
        self.assertEqual(len(events), 2)

    def test_not_payable_report(self):
        self.resolve_now(self.batch)
        self.authenticate("test_programme", "test_programme")
        header, row = self.rows(self.post("not_payable").content)
        self.assertEqual(
            dict(zip(header, row, strict=True))
            | {"explanation": "This ID has no account."},
            {
                "line": "4",
                "id": wire_id(3),
                "amount": "30.00",
                "currency": "USD",
                "reason": "not_linked",
                "explanation": "This ID has no account.",
                "provider": "",
                "account": "",
                "name": "",
                "reference": "R3",
            },
        )
        self.assertEqual(self.batch.state, "resolved")

    def resolve_without_an_answer(self, wire_id):
        """Resolve while the mapper has no answer for one of the IDs."""
        adapter = type(self.env["g2p.spar.connector.adapter.local"])
        resolve = adapter._resolve

        def partly(adapter, connector, items, actor):
            return [
                outcome._replace(code=RETRY) if outcome.id == wire_id else outcome
                for outcome in resolve(adapter, connector, items, actor)
            ]

        with patch.object(adapter, "_resolve", partly):
            self.resolve_now(self.batch)

    def test_nobody_is_left_without_an_answer_by_the_export(self):
        self.resolve_without_an_answer(wire_id(2))
        self.assertEqual(self.batch.pending_count, 1)
        self.authenticate("test_programme", "test_programme")
        with self.assertRaisesRegex(UserError, "1 of the payments"):
            self.batch.action_export_payable()
        answer = self.post()
        self.assertEqual(answer.status_code, 409)
        self.assertEqual(self.batch.state, "resolved")
        self.batch.with_context(queue_job__no_delay=True).action_resolve_again()
        self.assertEqual(self.post().status_code, 200)
        self.batch.invalidate_recordset()
        self.assertEqual((self.batch.state, self.batch.payable_count), ("exported", 2))

    def test_the_report_lists_who_has_no_answer(self):
        self.resolve_without_an_answer(wire_id(2))
        self.authenticate("test_programme", "test_programme")
        header, *rows = self.rows(self.post("not_payable").content)
        found = [dict(zip(header, row, strict=True)) for row in rows]
        self.assertEqual(
            [(row["id"], row["reason"]) for row in found],
            [(wire_id(2), "unanswered"), (wire_id(3), "not_linked")],
        )
        self.assertIn("2 lines", " ".join(self.batch.message_ids.mapped("body")))

    def test_the_officer_closes_what_has_no_answer(self):
        self.resolve_without_an_answer(wire_id(2))
        self.assertIn("Close the Unanswered", self.refusal_of_export())
        action = self.batch.action_ask_close()
        self.assertEqual(action["res_id"], self.batch.id)
        view = self.batch.get_view(action["views"][0][0])
        self.assertIn("will not be paid", view["arch"])
        self.batch.action_close_unanswered()
        line = self.lines(self.batch)[3]
        self.assertEqual((line.state, line.reason), ("not_payable", "unanswered"))
        batch = self.batch
        self.assertEqual((batch.pending_count, batch.not_payable_count), (0, 2))
        self.assertEqual(batch.not_payable_amount, 50)
        event = batch.message_ids[0]
        self.assertIn("1 payments without an answer", event.body)
        self.assertEqual(event.author_id, self.officer.partner_id)
        self.authenticate("test_programme", "test_programme")
        self.assertEqual(len(self.rows(self.post().content)), 2)
        self.assertEqual(len(self.rows(self.post("not_payable").content)), 3)
        line.invalidate_recordset()
        self.assertIn("in a new list", line.advice)  # this one is closed for good

    def refusal_of_export(self):
        with self.assertRaises(UserError) as caught:
            self.batch.action_export_payable()
        return str(caught.exception)

    def test_what_was_closed_is_asked_about_again_until_the_export(self):
        self.resolve_without_an_answer(wire_id(2))
        self.batch.action_close_unanswered()
        self.batch.with_context(queue_job__no_delay=True).action_resolve_again()
        self.assertEqual((self.batch.payable_count, self.batch.pending_count), (2, 0))

    def test_what_has_no_answer_is_closed_after_a_failure_too(self):
        """An ID that a mapper stumbles over takes the answers of others with it."""
        self.batch.action_resolve()
        self.batch._on_resolve_failed(exc_name="queue_job.FailedJobError")
        self.assertTrue(self.batch.failure)
        self.batch.action_ask_close()
        self.batch.action_close_unanswered()
        batch = self.batch
        self.assertEqual((batch.state, batch.failure), ("resolved", False))
        self.assertEqual((batch.pending_count, batch.not_payable_count), (0, 3))
        batch.with_context(queue_job__no_delay=True).action_resolve_again()
        self.assertEqual((batch.payable_count, batch.not_payable_count), (2, 1))

    def test_nothing_to_close(self):
        for refused in self.batch, self.resolve_now(self.batch):
            for action in refused.action_ask_close, refused.action_close_unanswered:
                with self.assertRaisesRegex(UserError, "without an answer"):
                    action()

    def test_an_exported_list_may_be_exported_again_though_some_are_pending(self):
        """Lists of before the rule keep their file; the report names the others."""
        self.resolve_without_an_answer(wire_id(2))
        self.batch.sudo().state = "exported"
        self.authenticate("test_programme", "test_programme")
        self.assertEqual(self.post().status_code, 200)
        self.assertEqual(len(self.rows(self.post("not_payable").content)), 3)

    def test_pages_are_joined(self):
        self.resolve_now(self.batch)
        whole = b"".join(self.batch._iter_file("payable"))
        self.patch(disbursement_export, "PAGE", 1)
        self.assertEqual(b"".join(self.batch._iter_file("payable")), whole)

    def test_no_export_before_it_is_resolved(self):
        self.authenticate("test_programme", "test_programme")
        answer = self.post()
        self.assertEqual(answer.status_code, 409)
        with self.assertRaises(UserError):
            self.batch.action_export_payable()

    def test_nothing_leaves_without_the_right(self):
        self.resolve_now(self.batch)
        answer = self.url_open(
            f"/spar/disbursement/{self.batch.id}/payable.csv", data={"x": "y"}
        )
        self.assertNotIn(b"123456789012", answer.content)
        for login in ("test_programme_2", "admin"):
            self.authenticate(login, login)
            for file in "payable", "not_payable", "other":
                with self.subTest(login=login, file=file):
                    self.assertEqual(self.post(file).status_code, 404)
        self.authenticate("test_programme", "test_programme")
        missing = self.batch.browse(self.batch.id + 10**6)
        for batch in missing, self.batch.browse(2**40):
            self.assertEqual(self.post(batch=batch).status_code, 404)
        none = self.url_open("/spar/disbursement/0/payable.csv", data={"x": "y"})
        self.assertEqual(none.status_code, 404)
        self.assertEqual(self.batch.state, "resolved")

    def test_another_site_cannot_cause_an_export(self):
        self.resolve_now(self.batch)
        self.authenticate("test_programme", "test_programme")
        with mute_logger("odoo.http"):
            self.assertEqual(self.post(csrf_token="wrong").status_code, 400)
        url = f"/spar/disbursement/{self.batch.id}/payable.csv"
        self.assertEqual(self.url_open(url).status_code, 405)
        self.assertEqual(self.batch.state, "resolved")

    def test_an_officer_who_lost_the_role_exports_nothing(self):
        self.resolve_now(self.batch)
        self.officer.group_ids = self.env.ref("base.group_system")
        with self.assertRaises(AccessError):
            self.batch.action_export_payable()
