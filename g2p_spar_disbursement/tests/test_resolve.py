# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from unittest.mock import patch

import psycopg2

from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.g2p_spar_bank_directory.exceptions import (
    SparConfigurationError,
    SparTransientError,
)
from odoo.addons.g2p_spar_mapper.outcomes import REJECTED, RETRY, LinkItem, UnlinkItem
from odoo.addons.queue_job.exception import RetryableJobError
from odoo.addons.queue_job.tests.common import trap_jobs

from ..models import disbursement_resolve
from .common import DisbursementCommon, wire_id


@tagged("post_install", "-at_install")
class TestResolve(DisbursementCommon):
    def setUp(self):
        super().setUp()
        self.adapter = type(self.env["g2p.spar.connector.adapter.local"])

    def make(self, size=3, linked=2):
        """A list of ``size`` payments of 10; the first ``linked`` IDs are linked."""
        self.link({wire_id(n): self.bank_fa(100000000 + n) for n in range(linked)})
        return self.import_payments([(wire_id(n), 10) for n in range(size)])

    def test_payable_and_not_payable_with_reasons(self):
        self.link({wire_id(1): self.bank_fa("123456789012")}, "Ann Lee")
        self.link({wire_id(2): self.wallet_fa("+254712345678")}, "Bob")
        self.link({wire_id(3): "something nobody can read"}, strict=False)
        batch = self.import_payments(
            [
                (wire_id(1), "10.10"),
                (wire_id(2), "20"),
                (wire_id(3), "30"),
                (wire_id(4), "40"),
                (wire_id(1), "50"),
                ("token:two words \u202e@nationalId", "60"),
            ],
            duplicates="first",
        )
        self.resolve_now(batch)
        self.assertEqual(batch.state, "resolved")
        lines = self.lines(batch)
        self.assertEqual(
            [lines[no].reason or "payable" for no in range(2, 8)],
            [
                *("payable", "payable", "unclear_address"),
                *("not_linked", "duplicate", "invalid_id"),
            ],
        )
        bank, wallet = lines[2], lines[3]
        self.assertEqual(bank.fa, self.bank_fa("123456789012"))
        self.assertEqual(bank.account_number, "123456789012")
        self.assertEqual(bank.fa_masked, "•••• 9012")
        self.assertEqual((bank.fsp_name, bank.fsp_code), ("Test Bank", "TESTBANK"))
        self.assertEqual((bank.branch_name, bank.branch_code), ("Main", "001"))
        self.assertEqual(bank.holder_sealed, "Ann Lee")
        self.assertEqual(bank.account_type_id.code, "bank")
        self.assertTrue(bank.resolved_at)
        self.assertEqual(wallet.account_number, "+254712345678")
        self.assertEqual((batch.payable_count, batch.payable_amount), (2, 30.10))
        self.assertEqual((batch.not_payable_count, batch.not_payable_amount), (4, 180))
        self.assertEqual((batch.pending_count, batch.progress), (0, 100))

    def test_frozen_mapping_and_closed_provider(self):
        batch = self.make(2, 2)
        mapping = self.env["g2p.spar.mapping"].search([("id_last", "=", "0000")])
        self.env.cr.execute(
            "UPDATE g2p_spar_mapping SET state = 'frozen' WHERE id = %s", mapping.ids
        )
        self.bank.active = False
        self.resolve_now(batch)
        first, second = self.lines(batch).values()
        self.assertEqual((first.state, first.reason), ("not_payable", "inactive"))
        self.assertFalse(first.fa)
        self.assertEqual(second.state, "not_payable")
        self.assertEqual(second.reason, "provider_closed")

    def test_unclear_addresses_may_be_taken(self):
        self.link({wire_id(1): "something nobody can read"}, strict=False)
        batch = self.import_payments([(wire_id(1), 10)])
        batch.allow_unclear = True
        self.resolve_now(batch)
        line = self.lines(batch)[2]
        self.assertEqual((line.state, line.reason), ("payable", False))
        self.assertEqual(line.fa, "something nobody can read")
        self.assertFalse(line.account_number)

    def test_a_later_change_leaves_the_snapshot_alone(self):
        batch = self.resolve_now(self.make(2, 2))
        before = self.lines(batch)[2].read()
        self.mapper._update(
            [LinkItem(wire_id(0), self.wallet_fa("+254712345678"))], self.actor
        )
        self.mapper._unlink([UnlinkItem(wire_id(1))], self.actor)
        self.bank.name = "Renamed Bank"
        self.env.invalidate_all()
        self.assertEqual(self.lines(batch)[2].read(), before)
        self.assertEqual(self.lines(batch)[3].state, "payable")

    def test_the_database_refuses_to_change_a_payable_line(self):
        batch = self.resolve_now(self.make(2, 1))
        payable, refused = self.lines(batch).values()
        for line, column, value in (
            (payable, "fa", "other"),
            (payable, "state", "pending"),
            (refused, "amount", 1),
            (refused, "id_value", "other"),
        ):
            with (
                self.subTest(column),
                mute_logger("odoo.sql_db"),
                self.assertRaises(psycopg2.IntegrityError),
                self.env.cr.savepoint(),
            ):
                line[column] = value
                line.flush_recordset()
            line.invalidate_recordset()

    def test_resolve_again_asks_for_the_not_payable_only(self):
        batch = self.make(3, 1)
        self.resolve_now(batch)
        self.assertEqual((batch.payable_count, batch.not_payable_count), (1, 2))
        self.link({wire_id(1): self.bank_fa("111111111")})
        asked = []
        resolve = self.adapter._resolve

        def spy(adapter, connector, items, actor):
            asked.extend(item.id for item in items)
            return resolve(adapter, connector, items, actor)

        with patch.object(self.adapter, "_resolve", spy):
            batch.with_context(queue_job__no_delay=True).action_resolve_again()
        self.assertEqual(asked, [wire_id(1), wire_id(2)])
        self.assertEqual((batch.payable_count, batch.not_payable_count), (2, 1))
        self.assertEqual(batch.payable_amount, 20)

    def test_repeated_ids_stay_refused_when_resolved_again(self):
        self.link({wire_id(1): self.bank_fa("111111111")})
        batch = self.import_payments(
            [(wire_id(1), 1), (wire_id(1), 2)], duplicates="first"
        )
        self.resolve_now(batch)
        batch.with_context(queue_job__no_delay=True).action_resolve_again()
        self.assertEqual(self.lines(batch)[3].reason, "duplicate")

    def test_resolve_again_only_between_resolved_and_exported(self):
        batch = self.make(1, 1)
        with self.assertRaises(UserError):
            batch.action_resolve_again()
        self.resolve_now(batch)._open_export("payable")
        for action in ("action_resolve_again", "action_resolve", "action_cancel"):
            with self.subTest(action), self.assertRaises(UserError):
                getattr(batch, action)()

    def test_one_job_per_chunk_each_queues_the_next(self):
        self.patch(disbursement_resolve, "CHUNK", 2)
        batch = self.make(5, 3)
        with trap_jobs() as trap:
            batch.action_resolve()
            self.assertEqual(batch.state, "resolving")
            progress = []
            for number in range(3):
                trap.assert_jobs_count(number + 1, only=batch._job_resolve)
                job = trap.enqueued_jobs[number]
                self.assertEqual(job.channel, "root.spar")
                job.perform()
                progress.append(batch.progress)
            self.assertEqual(progress, [40, 80, 100])
            trap.assert_jobs_count(3)
        self.assertEqual(batch.state, "resolved")
        self.assertEqual((batch.payable_count, batch.not_payable_count), (3, 2))

    def test_two_clicks_start_once(self):
        batch = self.make()
        batch.action_resolve()
        jobs = self.env["queue.job"].search([("method_name", "=", "_job_resolve")])
        batch.action_resolve()
        batch.action_resolve()
        again = self.env["queue.job"].search([("method_name", "=", "_job_resolve")])
        self.assertEqual(jobs, again)
        self.assertEqual(batch.run, 1)

    def test_a_job_is_safe_to_repeat(self):
        batch = self.make(3, 2)
        with trap_jobs():
            batch.action_resolve()
        batch._job_resolve(1, 0)
        figures = batch.read(["payable_count", "payable_amount", "state"])
        batch._job_resolve(1, 0)
        self.assertEqual(
            batch.read(["payable_count", "payable_amount", "state"]), figures
        )

    def test_a_job_of_an_older_run_does_nothing(self):
        batch = self.make()
        with trap_jobs():
            batch.action_resolve()
            batch.action_cancel()
            batch.action_draft()
            batch.action_resolve()
        batch._job_resolve(1, 0)
        self.assertEqual((batch.state, batch.pending_count), ("resolving", 3))
        batch._job_resolve(2, 0)
        self.assertEqual(batch.state, "resolved")

    def test_cancel_while_running(self):
        self.patch(disbursement_resolve, "CHUNK", 2)
        batch = self.make(5, 5)
        with trap_jobs() as trap:
            batch.action_resolve()
            trap.enqueued_jobs[0].perform()
            batch.action_cancel()
            trap.enqueued_jobs[1].perform()
            trap.assert_jobs_count(2)
        self.assertEqual(batch.state, "cancelled")
        self.assertEqual((batch.payable_count, batch.pending_count), (2, 3))
        batch.action_draft()
        self.resolve_now(batch)
        self.assertEqual((batch.state, batch.payable_count), ("resolved", 5))

    def test_a_transient_fault_is_tried_again_and_nothing_is_written(self):
        batch = self.make()
        with trap_jobs():
            batch.action_resolve()
        with (
            patch.object(
                self.adapter, "_resolve", side_effect=SparTransientError("Time-out.")
            ),
            self.assertRaises(RetryableJobError) as caught,
        ):
            batch._job_resolve(1, 0)
        self.assertIsNone(caught.exception.seconds)
        self.assertEqual((batch.state, batch.pending_count), ("resolving", 3))
        batch._job_resolve(1, 0)
        self.assertEqual((batch.state, batch.payable_count), ("resolved", 2))

    def test_when_all_tries_failed_it_is_visible_and_goes_on_later(self):
        batch = self.make()
        batch.action_resolve()
        batch._on_resolve_failed(
            exc_name="odoo.addons.queue_job.exception.FailedJobError",
            exc_message="quoting somebody's ID",
        )
        self.assertEqual(batch.state, "failed")
        self.assertNotIn("ID", batch.failure)
        self.resolve_now(batch)
        self.assertEqual((batch.state, batch.failure), ("resolved", False))

    def test_the_queue_knows_what_to_do_with_the_job(self):
        name = "<g2p.spar.disbursement>._job_resolve"
        config = self.env["queue.job.function"].job_config(name)
        self.assertEqual(config.on_fail_method_name, "_on_resolve_failed")
        self.assertEqual(config.channel, "root.spar")
        waits = list(config.retry_pattern.values())
        self.assertEqual(waits, sorted(waits))

    def test_a_configuration_fault_is_shown(self):
        batch = self.make()
        fault = SparConfigurationError("The connector has no adapter.")
        with patch.object(self.adapter, "_resolve", side_effect=fault):
            self.resolve_now(batch)
        self.assertEqual(batch.state, "failed")
        self.assertEqual(batch.failure, "The connector has no adapter.")
        self.assertEqual(batch.pending_count, 3)

    def test_single_lines_without_an_answer_stay_pending(self):
        batch = self.make(3, 3)
        resolve = self.adapter._resolve

        def partly(adapter, connector, items, actor):
            found = resolve(adapter, connector, items, actor)
            found[0] = found[0]._replace(code=RETRY)
            found[1] = found[1]._replace(code=REJECTED, message="Not today.")
            return found

        with patch.object(self.adapter, "_resolve", partly):
            self.resolve_now(batch)
        first, second, third = self.lines(batch).values()
        self.assertEqual((first.state, first.reason), ("pending", "unanswered"))
        self.assertEqual((second.state, second.reason), ("not_payable", "rejected"))
        self.assertEqual((second.message, second.fa), ("Not today.", False))
        self.assertEqual(third.state, "payable")
        self.assertEqual(batch.state, "resolved")
        self.assertEqual((batch.pending_count, batch.progress), (1, 66))
        batch.with_context(queue_job__no_delay=True).action_resolve_again()
        self.assertEqual(batch.payable_count, 3)

    def test_work_whose_job_was_deleted_can_go_on(self):
        batch = self.make()
        batch.action_resolve()
        self.assertTrue(batch.get_progress()["waiting"])
        self.env["queue.job"].search([("uuid", "=", batch.job_uuid)]).unlink()
        self.assertIn("interrupted", batch.get_progress()["waiting"])
        self.resolve_now(batch)
        self.assertEqual(batch.state, "resolved")

    def test_an_empty_disbursement_cannot_be_resolved(self):
        batch = (
            self.env["g2p.spar.disbursement"]
            .with_user(self.officer)
            .create({"name": "Empty"})
        )
        with self.assertRaises(UserError):
            batch.action_resolve()

    def test_progress_tells_counts_and_reasons(self):
        batch = self.resolve_now(self.make(5, 3))
        values = batch.get_progress()
        self.assertEqual(values["state"], "resolved")
        self.assertEqual(values["progress"], 100)
        self.assertEqual((values["payable_count"], values["payable_amount"]), (3, 30))
        (reason,) = values["reasons"]
        self.assertIn("register an account", reason.pop("advice"))
        self.assertEqual(
            reason,
            {
                "reason": "not_linked",
                "label": "No account on file",
                "count": 2,
                "amount": 20,
            },
        )

    def test_the_mapper_is_told_the_purpose(self):
        batch = self.make()
        purposes = []
        resolve = self.adapter._resolve

        def spy(adapter, connector, items, actor):
            purposes.append((actor.channel, actor.user_id, actor.purpose))
            return resolve(adapter, connector, items, actor)

        with patch.object(self.adapter, "_resolve", spy):
            self.resolve_now(batch)
        purpose = f"Test programme / Cash grant / {batch.reference}"
        self.assertEqual(purposes, [("programme", self.officer.id, purpose)])

    def test_query_count_of_a_chunk_does_not_grow(self):
        def count(size, start):
            self.link(
                {wire_id(start + n): self.bank_fa(10**9 + n) for n in range(size // 2)}
            )
            batch = self.import_payments(
                [(wire_id(start + n), 10) for n in range(size)]
            )
            with trap_jobs():
                batch.action_resolve()
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            batch._job_resolve(1, 0)
            self.env.flush_all()
            return self.env.cr.sql_log_count - before

        count(2, 0)  # fills caches
        self.assertEqual(count(10, 1000), count(900, 2000))

    def test_a_refusal_of_the_database_quotes_nothing(self):
        batch = self.make()
        with trap_jobs():
            batch.action_resolve()
        line = self.lines(batch)[2]
        answers = [{"id": line.id, "state": None, "fa": "secret number"}]
        with (
            patch.object(type(batch), "_prepare_answers", return_value=answers),
            self.assertNoLogs("odoo.sql_db", "ERROR"),
            self.assertRaises(UserError) as caught,
            self.env.cr.savepoint(),
        ):
            batch._job_resolve(1, 0)
        self.assertIn("23502", str(caught.exception))
        self.assertNotIn("secret", str(caught.exception))
        self.assertIsNone(caught.exception.__cause__)
