# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from datetime import timedelta
from unittest.mock import patch

import psycopg2
from psycopg2.pool import PoolError

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.sql_db import db_connect
from odoo.tests.common import new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.g2p_spar_bank_directory.exceptions import SparRejectedError
from odoo.addons.g2p_spar_mapper.outcomes import INVALID_ID, NOT_LINKED, OK, Actor
from odoo.addons.queue_job.exception import FailedJobError, RetryableJobError
from odoo.addons.queue_job.tests.common import trap_jobs

from ..models.g2p_spar_change_apply import APPLY_LOCK
from .common import ID, OTHER_ID, ConnectorCase


@tagged("post_install", "-at_install")
class TestChange(ConnectorCase):
    """Changes with the mapper of this database."""

    # -- submission ----------------------------------------------------------------

    def test_submit_writes_a_receipt_and_one_job(self):
        with trap_jobs() as trap:
            change = self.submit(consent={"text": "I agree."}, note="Paper form 12")
            trap.assert_jobs_count(1)
            trap.assert_enqueued_job(
                change._job_apply,
                properties={"identity_key": f"g2p.spar.change:{change.id}"},
            )
            self.assertEqual(trap.enqueued_jobs[0].channel, "root.spar")
        self.assertRegex(change.reference, r"^C-[A-Z0-9]{5}-[A-Z0-9]{5}$")
        self.assertEqual(change.state, "queued")
        self.assertEqual(change.fa_masked, "•••• 9012")
        self.assertEqual((change.fsp_id, change.branch_id), (self.bank, self.branch))
        self.assertEqual(change.consent_text, "I agree.")
        self.assertTrue(change.consent_at)
        self.assertEqual(self.look_up().code, NOT_LINKED)

    def test_submit_refuses_what_is_no_wish(self):
        for wire_id in ("", "bad\x00id", " token:1@nationalId", "x" * 300, None):
            with self.assertRaises(SparRejectedError) as caught:
                self.submit(wire_id)
            self.assertEqual(caught.exception.code, INVALID_ID)
        with self.assertRaises(SparRejectedError):
            self.changes._submit(ID, "set", None, actor=Actor("staff"))
        for bad in ({"holder_name": "A\x00da"}, {"phone": "call me"}):
            with self.assertRaises(SparRejectedError):
                self.submit(**bad)
        self.assertFalse(self.changes._for_id(ID))

    def test_history_is_newest_first_and_only_ones_own(self):
        first, second = self.submit(), self.submit(operation="remove")
        self.submit(OTHER_ID)
        self.assertEqual(self.changes._for_id(ID), second + first)

    # -- applying ------------------------------------------------------------------

    def test_set_links_then_updates_then_removes(self):
        change = self.submit(holder_name="Ada", phone="+254712345678")
        self.perform(change)
        self.assertEqual((change.state, change.outcome), ("done", OK))
        self.assertTrue(change.applied_at)
        self.assertEqual(self.look_up().fa, self.address().fa)
        self.assertEqual(self.look_up().holder_name, "Ada")
        strategy = self.look_up().additional_info[0]["strategy_id"]
        self.assertEqual(strategy, self.bank_type.strategy_id.number)

        self.perform(self.submit(address=self.wallet_address()))
        self.assertEqual(self.look_up().account_type, "mobile_wallet")

        change = self.submit(operation="remove")
        self.perform(change)
        self.assertEqual(change.state, "done")
        self.assertEqual(self.look_up().code, NOT_LINKED)

    def test_ledger_names_the_receipt_and_who_asked(self):
        user = new_test_user(self.env, "clerk")
        change = self.submit(actor=Actor("portal", user_id=user.id))
        self.perform(change)
        event = self.env["g2p.spar.mapping.event"].search([], order="id desc", limit=1)
        self.assertEqual(event.channel, "portal")
        self.assertEqual(event.user_id, user)
        self.assertEqual(event.transaction, change.reference)

    def test_remove_without_account_is_refused(self):
        change = self.submit(operation="remove")
        self.perform(change)
        self.assertEqual((change.state, change.outcome), ("refused", NOT_LINKED))
        self.assertEqual(change.message, "There is no account to remove.")

    def test_frozen_mapping_stays_as_it_is(self):
        mapping_id = self.link().mapping_id
        self.env.cr.execute(
            "UPDATE g2p_spar_mapping SET state = 'frozen' WHERE id = %s", [mapping_id]
        )
        self.env.invalidate_all()
        change = self.submit(address=self.wallet_address())
        self.perform(change)
        self.assertEqual((change.state, change.outcome), ("refused", "inactive"))

    def test_job_can_run_twice(self):
        change = self.submit()
        job = self.job_of(change)
        self.perform(change)
        applied_at = change.applied_at
        self.link_count = self.env["g2p.spar.mapping.event"].search_count([])
        job.perform()
        self.assertEqual(change.applied_at, applied_at)
        self.assertEqual(
            self.env["g2p.spar.mapping.event"].search_count([]), self.link_count
        )

    def test_first_in_first_out_for_one_id(self):
        first = self.submit()
        second = self.submit(address=self.wallet_address())
        other = self.submit(OTHER_ID)
        self.assertTrue(self.fail_job(second).ignore_retry)
        self.assertEqual(second.state, "queued")
        self.perform(other)
        self.perform(first)
        self.perform(second)
        self.assertEqual(self.look_up().account_type, "mobile_wallet")

    def test_two_workers_do_not_apply_one_id_at_once(self):
        change = self.submit()
        with db_connect(self.env.cr.dbname).cursor() as other_worker:
            other_worker.execute(
                "SELECT pg_advisory_xact_lock(%s, hashtext(%s))",
                [APPLY_LOCK, change.id_key],
            )
            self.assertTrue(self.fail_job(change).ignore_retry)
        self.perform(change)
        self.assertEqual(change.state, "done")

    def test_failure_does_not_hold_up_newer_changes(self):
        first = self.submit()
        second = self.submit(address=self.wallet_address())
        self.give_up(first, FailedJobError("No connector is set up."))
        self.assertEqual(first.state, "failed")
        self.perform(second)
        self.assertEqual(second.state, "done")

    # -- newer than the wish -------------------------------------------------------

    def test_change_started_again_while_a_newer_one_is_applied(self):
        old = self.submit()
        self.give_up(old, FailedJobError("x"))
        self.perform(self.submit(address=self.wallet_address()))
        # the click began before there was a newer change, and ended after it
        old.state = "queued"
        old._enqueue()
        self.perform(old)
        self.assertEqual((old.state, old.outcome), ("failed", "overtaken"))
        self.assertIn("newer change", old.fault)
        self.assertNotIn("start it again", old.message)
        self.assertEqual(self.look_up().account_type, "mobile_wallet")

    def _submit_earlier(self, **kwargs):
        change = self.submit(**kwargs)
        change.requested_at -= timedelta(hours=1)
        return change

    def test_account_that_somebody_else_set_after_the_wish_stays(self):
        for wire_id, operation in ((ID, "set"), (OTHER_ID, "remove")):
            with self.subTest(operation):
                change = self._submit_earlier(wire_id=wire_id, operation=operation)
                self.link(wire_id, self.wallet_address())
                self.perform(change)
                self.assertEqual(
                    (change.state, change.outcome), ("failed", "overtaken")
                )
                self.assertIn("somebody else", change.fault)
                self.assertEqual(self.look_up(wire_id).fa, self.wallet_address().fa)

    def test_account_that_was_there_or_is_the_wish_is_no_newer_one(self):
        self.link()
        change = self.submit(address=self.wallet_address())
        self.perform(change)
        self.assertEqual(change.state, "done")
        change = self._submit_earlier(address=self.wallet_address())
        self.perform(change)
        self.assertEqual(change.state, "done")

    def test_earlier_changes_of_the_same_person_are_nobody_else(self):
        first = self._submit_earlier()
        second = self._submit_earlier(address=self.wallet_address())
        third = self._submit_earlier(operation="remove")
        for change in (first, second, third):
            self.perform(change)
            self.assertEqual(change.state, "done", change.fault)

    def test_account_of_an_earlier_change_without_an_answer_is_nobody_elses(self):
        lost = self._submit_earlier()
        self.give_up(lost, FailedJobError("x"))
        lost.is_sent = True
        change = self._submit_earlier(address=self.wallet_address())
        self.link(ID, self.address())  # what became of the first
        self.perform(change)
        self.assertEqual(change.state, "done", change.fault)
        self.assertEqual(self.look_up().fa, self.wallet_address().fa)

    def test_account_of_an_earlier_change_is_nobody_elses_by_any_clock(self):
        first = self._submit_earlier()
        self.perform(first)
        first.applied_at -= timedelta(hours=1)  # the mapper's clock is ahead of ours
        change = self._submit_earlier(address=self.wallet_address())
        self.perform(change)
        self.assertEqual(change.state, "done", change.fault)

    def test_account_of_an_earlier_change_that_was_not_sent_is_somebody_elses(self):
        self.give_up(self._submit_earlier(), FailedJobError("x"))
        change = self._submit_earlier(address=self.wallet_address())
        self.link(ID, self.address())
        self.perform(change)
        self.assertEqual((change.state, change.outcome), ("failed", "overtaken"))

    def test_no_starting_again_of_what_would_undo_something_newer(self):
        change = self._submit_earlier()
        self.link(ID, self.wallet_address())
        self.perform(change)
        with self.assertRaisesRegex(UserError, "never undoes what is newer"):
            change.with_user(self.env.ref("base.user_admin")).action_retry()
        self.assertEqual((change.state, change.outcome), ("failed", "overtaken"))

    # -- configuration faults and failures -----------------------------------------

    def test_without_connector_it_fails_visibly_and_can_start_again(self):
        self.local.active = False
        change = self.submit()
        error = self.fail_job(change)
        self.assertIsInstance(error, FailedJobError)
        self.give_up(change, error)
        self.assertEqual(change.state, "failed")
        self.assertIn("staff can start it again", change.message)
        self.assertIn("No connector is set up", change.fault)

        self.local.active = True
        change.with_user(self.env.ref("base.user_admin")).action_retry()
        self.perform(change)
        self.assertEqual((change.state, change.outcome), ("done", OK))
        self.assertFalse(change.fault)

    def test_words_of_foreign_errors_are_not_shown(self):
        change = self.submit()
        self.give_up(change, ValueError("secret 123456789012"))
        self.assertEqual(change.state, "failed")
        self.assertNotIn("secret", change.message + change.fault)
        exhausted = self.submit(OTHER_ID)
        self.give_up(
            exhausted, FailedJobError("Max. retries (40) reached: It was too slow.")
        )
        self.assertEqual(exhausted.fault, "It was too slow.")

    def test_retry_only_of_failed_and_not_overtaken_changes(self):
        admin = self.env.ref("base.user_admin")
        change = self.submit()
        with self.assertRaisesRegex(UserError, "Only a failed change"):
            change.with_user(admin).action_retry()
        self.give_up(change, FailedJobError("x"))
        self.perform(self.submit(address=self.wallet_address()))
        with self.assertRaisesRegex(UserError, "newer change"):
            change.with_user(admin).action_retry()
        self.assertEqual(change.state, "failed")

    def test_what_failed_is_over_for_good_once_a_newer_change_is_done(self):
        old, other = self.submit(), self.submit(OTHER_ID)
        for change in old, other:
            self.give_up(change, FailedJobError("x"))
        self.perform(self.submit(address=self.wallet_address()))
        self.assertEqual((old.state, old.outcome), ("failed", "overtaken"))
        self.assertIn("not carried out any more", old.message)
        self.assertIn("staff can start it again", other.message)

    def test_fault_of_the_database(self):
        """A connection that breaks is no reason to give a person's change up."""
        change = self.submit()
        for fault in (
            psycopg2.InterfaceError("cursor already closed"),
            PoolError("The Connection Pool Is Full"),
        ):
            with (
                self.subTest(fault=fault),
                patch.object(type(change), "_carry_out", side_effect=fault),
            ):
                error = self.fail_job(change)
                self.assertIsInstance(error, RetryableJobError)
                self.assertEqual(str(error), type(fault).__name__)
        # the job's own has broken: it cannot ask to be run again
        self.give_up(change, psycopg2.OperationalError("server closed the connection"))
        self.assertEqual(change.state, "queued")
        change.requested_at -= timedelta(hours=1)
        self.changes._cron_enqueue_stranded()
        self.perform(change)
        self.assertEqual(change.state, "done")

    def test_stranded_change_gets_a_new_job(self):
        change = self.submit()
        self.env["queue.job"].search([]).unlink()
        self.changes._cron_enqueue_stranded()
        self.assertFalse(self.env["queue.job"].search([]))
        change.requested_at = fields.Datetime.now() - timedelta(hours=1)
        self.changes._cron_enqueue_stranded()
        self.changes._cron_enqueue_stranded()
        self.perform(change)  # exactly one job, or loading it fails
        self.assertEqual(change.state, "done")

    # -- cancelling ----------------------------------------------------------------

    def test_cancel_while_queued(self):
        change = self.submit()
        job = self.job_of(change)
        change._cancel()
        change._cancel()
        self.assertEqual(change.state, "cancelled")
        job.perform()
        self.assertEqual(change.state, "cancelled")
        self.assertEqual(self.look_up().code, NOT_LINKED)

    def test_no_cancel_once_applied(self):
        change = self.submit()
        self.perform(change)
        with self.assertRaisesRegex(UserError, "cannot be cancelled"):
            change._cancel()
        self.assertEqual(change.state, "done")

    # -- who may do what -----------------------------------------------------------

    def test_readers_see_masked_values_and_write_nothing(self):
        change = self.submit()
        for group in (
            "g2p_spar_mapper.group_spar_officer",
            "g2p_spar_mapper.group_spar_auditor",
            "g2p_spar_connector.group_spar_approver",
            "g2p_spar_bank_directory.group_spar_administrator",
        ):
            user = new_test_user(self.env, f"reader {group}", groups=group)
            theirs = change.with_user(user)
            with self.subTest(group=group):
                self.assertEqual(theirs.fa_masked, "•••• 9012")
                self.assertNotIn("ada", theirs.id_masked)
                for raw in ("wire_id", "id_key", "fa", "phone"):
                    with self.assertRaises(AccessError):
                        theirs.read([raw])
                with mute_logger("odoo.addons.base.models.ir_model"):
                    with self.assertRaises(AccessError):
                        theirs.write({"state": "done"})
                    with self.assertRaises(AccessError):
                        theirs.unlink()
                    with self.assertRaises(AccessError):
                        theirs.create({"operation": "remove", "channel": "staff"})

    def test_administrators_do_not_see_whose_account_it_is(self):
        change = self.submit()
        administrator = new_test_user(
            self.env,
            "administrator of changes",
            groups="g2p_spar_bank_directory.group_spar_administrator",
        )
        for name in ("holder_name", "note"):
            with self.subTest(name), self.assertRaises(AccessError):
                change.with_user(administrator).read([name])

    def test_others_see_no_changes(self):
        change = self.submit()
        for group in (
            "base.group_portal",
            "base.group_user",
            "g2p_spar_bank_directory.group_spar_user",
            "g2p_spar_bank_directory.group_spar_steward",
        ):
            user = new_test_user(self.env, f"stranger {group}", groups=group)
            with (
                self.subTest(group=group),
                mute_logger("odoo.addons.base.models.ir_model"),
                self.assertRaises(AccessError),
            ):
                change.with_user(user).read(["state"])

    def test_only_officers_and_administrators_use_the_buttons(self):
        change = self.submit()
        for group in (
            "g2p_spar_mapper.group_spar_auditor",
            "g2p_spar_connector.group_spar_approver",
        ):
            user = new_test_user(self.env, f"button {group}", groups=group)
            for button in ("action_cancel", "action_retry"):
                with (
                    self.subTest(group=group, button=button),
                    self.assertRaises(AccessError),
                ):
                    getattr(change.with_user(user), button)()
        officer = new_test_user(
            self.env, "an officer", groups="g2p_spar_mapper.group_spar_officer"
        )
        change.with_user(officer).action_cancel()
        self.assertEqual(change.state, "cancelled")

    def test_search_by_whole_id_only(self):
        change = self.submit()
        self.assertEqual(self.changes.search([("lookup", "=", ID)]), change)
        for part in (ID[:-1], "ada", "1815", "%"):
            self.assertFalse(self.changes.search([("lookup", "ilike", part)]), part)
        self.assertNotIn(change, self.changes.search([("lookup", "!=", ID)]))
        with self.assertRaises(UserError) as caught:
            self.changes.search([("lookup", "=ilike", ID)])
        self.assertNotIn(ID, str(caught.exception))
